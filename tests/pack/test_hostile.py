"""Hostile names and texts appear as they are written: in the HTML, the PDF, the workbook and the files beside them."""

import csv
import html as markup
import io
import json
import re
import shutil
import subprocess
import unicodedata

import openpyxl
import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader
from pypdf.generic import ContentStream

from helpers.display.charts.frame import sheet
from helpers.display.context import Context
from helpers.pack import appearance
from helpers.pack.pages import Section
from helpers.pack.render import UnprintableWarning
from helpers.periods import Calendar
from helpers.texts import spoken
from tests.pack.fixtures import chart_output, code, markdown, notebook, pdf_of, table_output, view
from tests.pack.hostile import COMPANY, LONG, NAMES, SEGMENTS, STAGES, shown
from tests.pack.paper import sheets

LEFT_TO_RIGHT = [key for key in NAMES if key not in ("hebrew", "arabic", "bidi")]
STACKED = "Z̴̨a͙l̶g̸o"
FILES = ("pack.pdf", "figures.xlsx", "results.csv")
UNKNOWN = "\U00012000"  # a cuneiform sign: none of the fonts that a pack may use is for it


@pytest.fixture(scope="module")
def built(hostile_build):
    """The hostile company's draft."""
    return hostile_build[0]


@pytest.fixture(scope="module")
def html(built):
    return (built / "pack.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html):
    return BeautifulSoup(html, "html.parser")


@pytest.fixture(scope="module")
def reader(built):
    return PdfReader(built / "pack.pdf")


def bare(text):
    """A text without spaces, marks upon letters and what is not seen, which readers of PDF set as they like."""
    plain = unicodedata.normalize("NFKD", text.replace("\ufffd", ""))
    return "".join(c for c in plain if not c.isspace() and unicodedata.category(c) not in ("Cf", "Cc", "Mn"))


def printed(text):
    """What the PDF prints of a text: a sign stands for what no font here has."""
    return shown(text).translate({ord(c): "\ufffd" for c in appearance.uncovered(shown(text))})


def sentences_of(page):
    return " ".join(element.get_text() for element in page.find_all("figcaption"))


# --- HTML -------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_name_is_a_cell_as_it_is_written(page):
    table = next(t for t in page.find_all("table") if COMPANY in [th.get_text() for th in t.find_all("th")])
    cells = [row.find(["th", "td"]).get_text() for row in table.tbody.find_all("tr")]
    assert cells == [shown(name) for name in NAMES.values()]


@pytest.mark.slow
def test_every_name_is_in_the_tables_of_customers(page):
    cells = {th.get_text() for th in page.find_all("th", scope="row")}
    assert cells >= {shown(name) for name in NAMES.values()}


@pytest.mark.slow
def test_nothing_is_run_loaded_or_followed(page, html):
    [script] = page.find_all("script")
    assert "alert" not in script.string
    assert not [e for e in page.find_all(True) if any(name.lower().startswith("on") for name in e.attrs)]
    assert not page.find_all(["link", "iframe", "object", "embed", "base", "form", "textarea", "template"])
    assert not [e for svg in page.find_all("svg") for e in svg.find_all(["script", "style", "a", "image", "set"])]
    for element in page.find_all(True):
        for name in ("src", "srcset", "href", "poster", "data", "action", "style", "background", "formaction"):
            address = element.get(name, "#")
            is_shape = name == "style" and element.find_parent("svg") and "url(" not in address.replace("url(#", "")
            assert is_shape or address in FILES or address.startswith(("#", "data:image/", "exports/")), element
    assert {meta.get("http-equiv", "Content-Security-Policy") for meta in page.find_all("meta")} == {
        "Content-Security-Policy"
    }
    assert all(address.startswith(("data:font/", "#")) for address in re.findall(r"url\(([^)]*)", html))


@pytest.mark.slow
def test_the_company_is_the_title_and_on_the_cover(page):
    assert page.title.get_text() == f"{COMPANY} – Quarterly KPI review 2026Q3"
    assert page.find("p", class_="band").span.get_text() == COMPANY
    assert len(page.find_all("title")) == 1


@pytest.mark.slow
def test_charts_name_the_segments_in_their_sentences_and_in_their_pictures(page):
    assert SEGMENTS[1] in sentences_of(page)
    charts = page.find_all("svg")
    assert charts
    assert all(chart["aria-label"] and chart["role"] == "img" for chart in charts)
    assert SEGMENTS[1] in {text.get_text() for chart in charts for text in chart.find_all("text")}
    assert all(image["alt"] for image in page.find_all("img"))


@pytest.mark.slow
def test_figures_beside_a_name_from_right_to_left_keep_their_place(page):
    [stage] = [name for name in STAGES if name == NAMES["arabic"]]
    told = " ".join(sentences_of(page).split())
    assert f"{spoken(stage)} 40.0%" in told
    assert spoken(stage) == f"\u200e{stage}\u200e"


@pytest.mark.slow
def test_parameters_in_force_are_shown_as_they_are(page):
    cells = [td.get_text() for td in page.find_all("td")]
    assert any("<b>$" in cell and NAMES["arabic"] in cell for cell in cells)


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_in_a_browser_no_word_widens_the_page(html, tmp_path, width):
    chromium = shutil.which("chromium") or pytest.skip("no Chromium here")
    probe = "<script>parent.document.title = document.documentElement.scrollWidth + ' of ' + innerWidth</script></body>"
    inner = re.sub(r"<meta http-equiv=[^>]*>", "", html).replace("</body>", probe)
    frame = (
        f'<!DOCTYPE html><title></title><iframe width="{width}" height="900" srcdoc="{markup.escape(inner)}"></iframe>'
    )
    (tmp_path / "frame.html").write_text(frame, encoding="utf-8")  # no window is narrower than 500 pixels, a frame is
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", f"--user-data-dir={tmp_path / 'own'}"]
    found = subprocess.run(
        [chromium, *options, "--window-size=1400,1000", "--dump-dom", (tmp_path / "frame.html").as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    content, room = map(int, re.search(r"<title>(\d+) of (\d+)</title>", found.stdout).groups())
    assert room == width
    assert content <= room


# --- PDF --------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("key", LEFT_TO_RIGHT)
def test_every_name_is_in_the_text_of_the_pdf(reader, key):
    text = bare("".join(page.extract_text() for page in reader.pages))
    told = NAMES[key].removeprefix(STACKED)  # readers of PDF repeat a letter for each of its marks
    assert bare(printed(told)) in text


@pytest.mark.slow
def test_names_from_right_to_left_are_in_the_text_of_the_pdf(reader):
    text = "".join(page.extract_text() for page in reader.pages)
    for word in (*NAMES["hebrew"].split(), *NAMES["arabic"].split()[:2]):
        assert word in text or word[::-1] in text
    assert "Evil gpj.exe x" in text  # the marks that would turn it around are gone
    assert not set(text) & set("\u202a\u202c\u202e\u2066\u2069")


@pytest.mark.slow
def test_every_glyph_of_the_pdf_is_one(reader):
    """Glyph 0 of a font is the box that stands for a missing one."""
    count = 0
    for page in reader.pages:
        for operands, operator in ContentStream(page["/Contents"].get_object(), reader).operations:
            pieces = operands[0] if operator == b"TJ" else operands if operator == b"Tj" else []
            for piece in (p for p in pieces if not isinstance(p, int | float)):
                codes = getattr(piece, "original_bytes", piece)
                glyphs = [codes[i : i + 2] for i in range(0, len(codes), 2)]
                count += len(glyphs)
                assert b"\0\0" not in glyphs
    assert count > 10_000


@pytest.mark.slow
def test_the_pdf_follows_no_link_but_the_packs_own(reader):
    links = [note.get_object() for page in reader.pages for note in page.get("/Annots", [])]
    assert links
    assert not [link for link in links if "/URI" in link.get("/A", {}) or "/JS" in link.get("/A", {})]
    assert reader.metadata.title == f"{COMPANY} – Quarterly KPI review 2026Q3"
    assert reader.metadata.author == COMPANY


@pytest.mark.slow
def test_what_no_font_has_is_told_by_the_build(hostile_build):
    missing = {c for name in NAMES.values() for c in appearance.uncovered(shown(name))}
    said = hostile_build[1]
    told = [line for line in said if "No font here has" in line]
    assert len(told) == bool(missing)
    for line in told:
        assert line.startswith("2026Q3: No font here has ")
        assert missing <= set(line)
    assert len(said) == 5 + len(told)  # prepare, three themes, render


@pytest.mark.slow
def test_no_word_of_the_pdf_stands_beyond_its_page(built):
    for page in sheets((built / "pack.pdf").read_bytes())[1:]:
        assert page.beyond() == [], page.number


# --- the other files --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_workbook_holds_every_name_as_text(built):
    book = openpyxl.load_workbook(built / "figures.xlsx")
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {cell.parent.title for cell in cells if cell.data_type == "f"} <= {"Audit", "Checks"}
    assert not [cell for cell in cells if cell.hyperlink and not cell.hyperlink.location]
    texts = {cell.value for cell in cells if cell.data_type == "s"}
    assert {shown(name) for name in NAMES.values()} <= {text.replace("_x000D_", "") for text in texts}
    assert not [name for name in book.defined_names.values() if "!" not in name.attr_text]


@pytest.mark.slow
def test_lists_hold_every_name_and_none_that_a_spreadsheet_calculates(built):
    names = set()
    for file in (built / "exports").glob("*.csv"):
        rows = list(csv.reader(io.StringIO(file.read_text(encoding="utf-8"))))
        assert not [cell for row in rows for cell in row if re.match("[=+@]", cell)]
        names |= {form for row in rows for cell in row for form in (cell, cell.removeprefix("'"))}
    assert names >= {name for name in NAMES.values() if "\0" not in name}


@pytest.mark.slow
def test_the_manifest_and_the_results_are_whole(built):
    told = json.loads((built / "manifest.json").read_text(encoding="utf-8"))
    assert told["company"] == COMPANY
    assert told["parameters"]["pipeline_conversion"]["stages"] == STAGES
    rows = csv.DictReader(io.StringIO((built / "results.csv").read_text(encoding="utf-8")))
    assert {row["segment"] for row in rows if row["segment_by"] == "segment"} == set(SEGMENTS)


# --- single pages -----------------------------------------------------------------------------------------------------


def pages(*cells, **more):
    content = pdf_of(view(**more), [Section("churn", "Churn", notebook(*cells))])
    return PdfReader(io.BytesIO(content)).pages


def lowest(found):
    """How far above the lower edge of its page the lowest piece of text stands, footers apart."""
    heights = []

    def visit(text, page_matrix, text_matrix, *_):
        if text.strip() and text_matrix[0]:
            heights.append(page_matrix[3] * text_matrix[5] + page_matrix[5])

    for page in found:
        page.extract_text(visitor_text=visit)
    return min(heights)


@pytest.mark.whole
def test_a_short_table_of_long_words_goes_on_on_the_next_page():
    fields = [{"name": f"c{i}", "type": "string", "title": f"Column {i}", "unit": "text"} for i in range(8)]
    data = [{f"c{i}": "ж" * 300 for i in range(8)} for _ in range(6)]
    found = pages(code(table_output(schema={"fields": fields}, data=data)))
    # the table is set in two halves, each with the first column
    assert sum(page.extract_text().count("ж") for page in found) == 300 * (8 + 1) * 6
    assert lowest(found) > 0


@pytest.mark.whole
def test_a_long_text_before_a_chart_goes_on_on_the_next_page():
    long = markdown("# T\n\n" + "\n\n".join(f"Sentence {i}. " + "More words of it. " * 30 for i in range(30)))
    found = pages(long, code(chart_output()))
    text = "".join(page.extract_text() for page in found)
    assert all(f"Sentence {i}." in text for i in range(30))
    assert lowest(found) > 0


@pytest.mark.parametrize("where", ["company", "title", "period_label", "confidentiality", "status", "period_dates"])
def test_a_long_word_anywhere_on_the_packs_own_pages_is_whole(where):
    text = bare("".join(page.extract_text() for page in pages(markdown("# T"), **{where: LONG})))
    assert LONG in text


def test_emphasis_on_a_script_that_no_slanted_font_has_stands_upright():
    arabic = "قهوة"
    assert appearance.upright_only(f"a {arabic}")
    text = "".join(page.extract_text() for page in pages(markdown(f"# T\n\n*all of {arabic}* and **{arabic}**")))
    assert "\ufffd" not in text
    assert text.count(arabic) + text.count(arabic[::-1]) == 2


def test_a_sign_stands_in_a_chart_for_what_no_font_has(recwarn):
    with sheet(1.0, Context(Calendar().period("2026Q3"), "EUR")) as drawn:
        drawn.axes.set_yticks([0, 1], [f"sign {UNKNOWN}", "$x^2$ bell\x07"])
        note = drawn.axes.annotate(f"note {UNKNOWN}", (0, 0))
    assert note.get_text() == "note \ufffd"
    assert [label.get_text() for label in drawn.axes.get_yticklabels()] == ["sign \ufffd", "$x^2$ bell"]
    assert "note \ufffd</text>" in drawn.svg
    assert not recwarn.list


def test_what_no_font_has_is_a_warning():
    with pytest.warns(UnprintableWarning, match=f"^No font here has {UNKNOWN}: the PDF shows \ufffd instead"):
        pages(markdown(f"# T\n\n*{UNKNOWN}*"))
