"""The pack as one HTML file: nothing of the code, nothing from outside, and readable by anyone."""

import base64
import hashlib
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from fontTools.ttLib import TTFont
from nbconvert.exporters import get_exporter
from pypdf import PdfReader

from helpers.pack import appearance
from helpers.pack.appearance import colours_of
from helpers.pack.changes import ChangedText, Compared, side_by_side
from helpers.pack.definitions import Definition
from helpers.pack.notebook_content import commentary_parts
from helpers.pack.pages import Changes, Section
from helpers.pack.run import Failure
from tests.notebooks.chromium import opened_in_chromium
from tests.pack.fixtures import (
    MARKED,
    SOURCE,
    SUMMARY,
    block,
    blocks_output,
    chart_output,
    code,
    display,
    html_of,
    markdown,
    notebook,
    pdf_of,
    printed,
    recurring_revenue,
    sections,
    table_output,
    view,
)

SQL = "select count(*) as n\nfrom paying where mrr > 0 and name <> '</code><script>alert(1)</script>'"
HOSTILE = """<script>alert("x")</script> & '"><img src=x onerror=alert(1)> {{ 7*7 }} {% raw %}"""


@pytest.fixture(scope="module")
def html():
    return html_of(view(), sections())


@pytest.fixture(scope="module")
def page(html):
    return BeautifulSoup(html, "html.parser")


def test_no_code_and_no_prompt(html):
    assert SOURCE not in html
    assert "secret_code" not in html
    assert not re.search(r"\bIn\s*\[|\bOut\s*\[", html)


def test_nothing_is_asked_of_the_network(page, html):
    assert not page.find_all(["link", "iframe", "object", "embed", "base", "form"])
    for element in page.find_all(True):
        for name in ("src", "srcset", "poster", "data", "action", "background"):
            assert element.get(name, "data:").startswith("data:"), element
    assert [address for address in re.findall(r"url\(([^)]*)", html) if not address.startswith("data:")] == []
    assert "@import" not in html


def test_the_policy_lets_in_the_one_script_and_nothing_else(page):
    (script,) = page.find_all("script")
    digest = base64.b64encode(hashlib.sha256(script.string.encode()).digest()).decode()
    policy = page.find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
    assert policy.startswith("default-src 'none'; ")
    assert f"script-src 'sha256-{digest}';" in policy


def test_ids_are_unique_and_links_within_the_page_lead_somewhere(page):
    ids = [element["id"] for element in page.find_all(id=True)]
    assert len(ids) == len(set(ids))
    targets = {a["href"][1:] for a in page.find_all("a", href=True) if a["href"].startswith("#")}
    assert targets <= set(ids)
    assert {"recurring_revenue", "pipeline_conversion", "unit_economics", "pack.summary"} <= targets


def test_headings_begin_at_one_and_skip_no_level(page):
    levels = [int(heading.name[1]) for heading in page.find_all(re.compile("^h[1-6]$"))]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_landmarks_language_and_alternative_texts(page):
    assert page.html["lang"] == "en"
    assert page.title.string == "Northwind Software – Quarterly KPI review 2026Q3"
    assert len(page.find_all("main")) == 1
    assert page.body.find("a")["href"] == "#content"
    assert all(image.get("alt") or "variance" in image.find_parent("td")["class"] for image in page.find_all("img"))
    assert all(th.get("scope") for th in page.find_all("th"))
    assert all(table.caption or table.find_parent(attrs={"aria-label": True}) for table in page.find_all("table"))


def test_sections_stand_in_order_each_once(page):
    titles = [heading.get_text() for heading in page.main.find_all("h2")]
    assert titles == [
        "Summary", "Actions", "What changed", "Recurring revenue", "Pipeline conversion", "Unit economics", "Appendix",
    ]  # fmt: skip


def test_everything_of_a_section_is_there(page):
    section = page.find("section", {"aria-labelledby": "recurring_revenue"})
    text = " ".join(section.get_text(" ").split())
    for expected in ("Is the base growing, and why ?", "✗ missed", "Customer 2 €2,000", "From management", "slipped"):
        assert expected in text
    assert section.find("details").find("table")["data-sortable"] == ""
    assert section.find("a", href="https://example.com/mrr").get_text() == "the policy"


def test_a_verdict_on_another_figure_than_the_value_says_on_which():
    own, of_month = block(), block("Win rate", verdict="noise", verdict_tone="", verdict_of="Sept 2026")
    section = Section("recurring_revenue", "Recurring revenue", notebook(code(blocks_output(own, of_month))))
    shown = BeautifulSoup(html_of(view(), [section]), "html.parser").select(".blocks .told:not(.missed)")
    assert [each.get_text() for each in shown] == ["◆ signal", "○ Sept 2026: usual range"]


def test_that_shown_parts_may_miss_their_total_is_said_on_screen_and_paper(page):
    """8 of 39 and 31 of 39 are 20.5% and 79.5%, but a third three times is 33.3%, and 99.9% in all."""
    paper = "".join(each.extract_text() for each in PdfReader(io.BytesIO(pdf_of(view(), sections()))).pages)
    for text in (page.get_text(), paper):
        assert "shown parts may miss their total" in " ".join(text.split())


def test_a_label_beside_nothing_is_hidden_on_a_phone():
    (group, *_others) = view().scorecard
    row = {**group["rows"][0], "variance": "", "variance_svg": "", "target_status": ""}
    page = BeautifulSoup(html_of(view(scorecard=[{**group, "rows": [row]}]), []), "html.parser")
    cells = page.select(".scorecard td[data-label]")
    assert [cell["data-label"] for cell in cells if "nothing" in cell["class"]] == ["Variance"]
    assert all(cell.get_text().strip() for cell in cells if "nothing" not in cell["class"])


def test_the_sums_below_a_table_do_not_widen_its_columns(html):
    """A cell of text is nine rem wide at least; a sum, or nothing below a column, asks for no more than it takes."""
    (rule,) = re.findall(r"([^}]*)\{min-width:9rem\}", html)
    assert all("tbody" in each or "th[scope=row]" in each for each in rule.split(","))


def test_a_failed_section_shows_the_failure_and_no_half_result(page):
    section = page.find("section", {"aria-labelledby": "unit_economics"})
    assert "This section failed in cell 4." in section.get_text()
    assert "spend has no rows" in section.get_text()
    assert "half a result" not in page.get_text()
    assert page.find("nav").find("a", href="#unit_economics").find_next("span").get_text() == "failed"


def test_hostile_text_stays_text():
    hostile = notebook(
        markdown(f"# T\n\n## {HOSTILE}\n\n{HOSTILE}\n\n[x](javascript:alert(1))"),
        code(table_output(title=HOSTILE, data=[{"name": HOSTILE, "mrr": 1}]), blocks_output(block(HOSTILE))),
        code(printed(HOSTILE), display(**{"text/html": HOSTILE, "image/svg+xml": "<svg><script>1</script></svg>"})),
    )
    stopped = Section("failed", HOSTILE, hostile, Failure(1, HOSTILE, HOSTILE))
    found = [Section("hostile", HOSTILE, hostile, commentary=HOSTILE), stopped]
    html = html_of(
        view(
            company=HOSTILE,
            summary=replace(SUMMARY, verdict=HOSTILE, carried_by=HOSTILE),
            status=HOSTILE,
            actions=commentary_parts(HOSTILE, "pack.actions"),
        ),
        found,
    )
    page = BeautifulSoup(html, "html.parser")
    assert len(page.find_all("script")) == 1
    assert not [e for e in page.find_all(True) if any(name.startswith("on") for name in e.attrs)]
    assert not page.find_all("a", href=re.compile("^javascript", re.IGNORECASE))
    assert page.find("caption", string=HOSTILE)
    assert page.find("p", class_="verdict", string=HOSTILE)
    assert "49" not in page.find("p", class_="band").get_text()


def test_the_same_inputs_give_the_same_bytes(html):
    assert html_of(view(), sections()) == html


# --- what is seen at once, and what folds -----------------------------------------------------------------------------


def section_of(*cells):
    html = html_of(view(), [Section("churn", "Churn", notebook(markdown("# Churn"), *cells))])
    return BeautifulSoup(html, "html.parser").find("section", {"aria-labelledby": "churn"})


def seen_at_once(section):
    for folded in section.select("details:not(.theme)"):
        for inside in folded.find_all(recursive=False):
            if inside.name != "summary":
                inside.decompose()
    return section.get_text(" ")


def test_first_sentences_and_four_figures_are_seen_and_the_rest_folds():
    section = section_of(
        markdown("Who leaves?\n\n## In short\n\nTwo left."),
        code(blocks_output(*(block(f"KPI {i}") for i in range(6)))),
        code(chart_output("Churn by month")),
        markdown("## Who left\n\nThey stand here."),
        code(table_output()),
    )
    assert [" ".join(summary.get_text().split()) for summary in section.select(".fold > summary")] == [
        "Churn by month Net new MRR fell to €41,000, €28,000 below 2026Q2.", "Who left",
    ]  # fmt: skip
    assert section.select_one(".more > summary").get_text() == "2 more: KPI 4, KPI 5"
    assert [label.get_text() for label in section.select(".label")] == [f"KPI {i}" for i in range(6)]
    seen = seen_at_once(section)
    for words in ("Who leaves?", "In short", "Two left.", "KPI 3"):
        assert words in seen
    for words in ("They stand here.", "Customer 2", "95% interval"):
        assert words not in seen


def test_what_has_headings_below_its_own_folds_whole():
    section = section_of(
        markdown("Who leaves?\n\n## Before they buy\n\nFirst words."),
        markdown("### Estimates"),
        code(chart_output()),
        markdown("### Options"),
        code(table_output()),
        markdown("## Questions to ask\n\n- Why?"),
    )
    assert [fold.get_text() for fold in section.select(".fold > summary h3")] == ["Before they buy", "Questions to ask"]
    assert [heading.get_text() for heading in section.select(".fold h4")] == ["Estimates", "Options"]
    assert "First words." not in seen_at_once(section)


def test_a_list_leads_to_its_file_and_the_page_to_its_workbook():
    export = {"export": "exports/lost.csv", "top": 2}
    section = section_of(code(table_output(**export), table_output(**export, on_pages=False), table_output()))
    assert [a["href"] for a in section.find_all("a")] == ["exports/lost.csv", "figures.xlsx", "exports/lost.csv"]
    assert "2 of 3 shown; all in exports/lost.csv." in " ".join(section.get_text().split())
    strange = section_of(code(table_output(export="javascript:alert(1)", note="see javascript:alert(1)")))
    assert not strange.find_all("a")


# --- charts -----------------------------------------------------------------------------------------------------------


def test_a_chart_is_an_element_whose_words_are_text_and_whose_ids_are_its_own():
    section = section_of(code(chart_output(svg=MARKED), chart_output(svg=MARKED)))
    charts = section.find_all("svg")
    assert [chart["aria-label"] for chart in charts] == ["Net new MRR fell to €41,000, €28,000 below 2026Q2."] * 2
    assert [chart.find("text").get_text() for chart in charts] == ["Meerveld & Boterkamp"] * 2
    assert [mark["data-value"] for mark in charts[0].select("g.mark")] == ["Aug 2026: €69,000", "Sept 2026: €41,000"]
    assert not section.find_all("style")  # it would hold for the whole page
    ids = [element["id"] for chart in charts for element in chart.find_all(id=True)]
    assert len(set(ids)) == len(ids) == 4
    for chart in charts:
        own = {f"#{element['id']}" for element in chart.find_all(id=True)}
        assert {use["href"] for use in chart.find_all("use")} < own
        assert {path["clip-path"][4:-1] for path in chart.select("path[clip-path]")} < own
    assert "20.123456" not in str(charts[0])
    assert "20.12 " in str(charts[0])


@pytest.mark.parametrize(
    "evil",
    [
        "<script>alert(1)</script>",
        "<style>body{display:none}</style>",
        "<foreignObject><body xmlns='http://www.w3.org/1999/xhtml'/></foreignObject>",
        "<image href='https://example.com/x.png'/>",
        "<a href='https://example.com'><text>x</text></a>",
        "<use href='https://example.com/x.svg#a'/>",
        "<use href='data:image/svg+xml,x#a'/>",
        "<path d='M0 0' onclick='alert(1)'/>",
        "<path d='M0 0' style='fill: url(https://example.com/x)'/>",
        "<path d='M0 0' style='fill: u\\72l(//example.com/x)'/>",
        "<path d='M0 0' style='position: fixed'/>",
        "<path d='M0 0' fill='URL(//example.com/x)'/>",
        "<set attributeName='href' to='x'/>",
        "<html:b xmlns:html='http://www.w3.org/1999/xhtml'>x</html:b>",
    ],
)
def test_a_chart_with_anything_but_shapes_and_words_stays_a_picture(evil):
    svg = MARKED.replace("<g id", f"{evil}<g id")
    section = section_of(code(chart_output(svg=svg)))
    assert not section.find_all("svg")
    [image] = section.select("figure img")
    assert base64.b64decode(image["src"].partition(",")[2]).decode() == svg


def test_an_svg_of_a_notebooks_own_stays_a_picture():
    section = section_of(code(display(**{"image/svg+xml": MARKED})))
    assert not section.find_all("svg")
    assert section.select("figure img")


def test_the_query_of_a_definition_folds_out(html):
    told = Definition("NRR", ("net_new_mrr",), "How much is kept.", "Kept MRR over opening MRR.", "K23", sql=SQL)
    page = BeautifulSoup(html_of(view(definitions=[told]), []), "html.parser")
    (folded,) = page.select("dl.definitions details")
    assert folded.summary.get_text() == "SQL of NRR"
    assert folded.pre["tabindex"] == "0"  # so that its lines can be scrolled with the keyboard
    assert folded.pre.get_text() == SQL
    assert len(page.find_all("script")) == 1
    assert 'class="query"' not in html  # where there is no query


@pytest.mark.parametrize("compared", [Compared(), Compared("Compared with the pack of 2026Q2 (v1): none is restated.")])
def test_what_was_compared_stands_first_and_where_all_is_there_it_is_said(compared):
    unchanged = view(changes=Changes(compared=compared))
    page = BeautifulSoup(html_of(unchanged, []), "html.parser")
    section = page.find("section", {"aria-labelledby": "pack.changes"}).p.get_text()
    assert section == (f"{compared.sentence} Nothing failed, nothing is missing, and the data gave no warning.")
    pdf = " ".join(
        " ".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(pdf_of(unchanged, []))).pages).split()
    )
    assert section in pdf
    assert "Nothing failed" not in html_of(view(changes=Changes(failed=["Churn"], compared=compared)), [])


def test_two_versions_of_a_query_are_told_apart_by_signs_and_words_not_by_colour():
    lines = side_by_side(["select <a>", "from deals"], ["select <b>", "from deals", "where won"])
    redefined = Compared("Compared.", definitions=[ChangedText("the query of bookings", "New bookings", lines)])
    page = BeautifulSoup(html_of(view(changes=Changes(compared=redefined)), []), "html.parser")
    fold = page.select_one("details.redefined")
    assert fold.summary.get_text() == "New bookings: the query of bookings"
    then, now = (each.get_text().splitlines() for each in fold.select("pre"))
    assert then == ["− Only then: select <a>", "  from deals", ""]  # a line that is not there keeps the others beside
    assert now == ["+ Only now: select <b>", "  from deals", "+ Only now: where won"]
    assert [each["tabindex"] for each in fold.select("pre")] == ["0", "0"]


def test_of_many_changed_queries_the_first_dozen_is_named():
    texts = [ChangedText(f"the query of part {i}", "New bookings", [("differ", "a", "b")]) for i in range(14)]
    many = view(changes=Changes(compared=Compared("Compared.", definitions=texts)))
    page = BeautifulSoup(html_of(many, []), "html.parser").find("section", {"aria-labelledby": "pack.changes"})
    assert page.select_one("details.more > summary").get_text() == "2 more"
    assert len(page.select("details.more details.redefined")) == 2
    pdf = " ".join(" ".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(pdf_of(many, []))).pages).split())
    assert "the query of part 11" in pdf
    assert "the query of part 12" not in pdf
    assert "2 more are not named here." in pdf


def fonts_of(html):
    return [io.BytesIO(base64.b64decode(data)) for data in re.findall(r"data:font/woff2;base64,([^)]*)\)", html)]


@pytest.mark.whole
@pytest.mark.parametrize("text", ["Zürich", "Ж"])
def test_what_no_font_of_a_reader_has_is_a_box_and_not_a_blank(text):
    for font in fonts_of(html_of(view(company=text), [])):
        assert TTFont(font)["glyf"][".notdef"].numberOfContours > 0


@pytest.mark.whole
@pytest.mark.parametrize("text", ["Zürich – Łódź −€5 ✗", "Ж in Zürich", "株"])
def test_the_typeface_comes_along_with_every_sign_that_it_has(text):
    found = [set(TTFont(font).getBestCmap()) for font in fonts_of(html_of(view(company=text), []))]
    chinese = found.pop() if "株" in text else set()
    *faces, signs = found
    assert len(faces) == 3
    assert chinese == {ord(sign) for sign in text if sign == "株"}
    seen = {ord(sign) for sign in f"{text}0aZ" if not appearance.uncovered(sign)}
    for face in faces:
        assert seen <= face | signs | chinese


@pytest.mark.whole
def test_the_typeface_that_stands_ready_is_the_installed_one():
    ready = appearance.LATIN_FACES.read_text()
    assert appearance.font_faces("".join(appearance.LATIN)) == ready
    assert appearance._faces(appearance.LATIN) == ready, "make it anew: python -m helpers.pack.appearance"


def test_tables_sort_by_value_and_not_by_text(page):
    keys = [cell["data-value"] for cell in page.find("caption", string="Lost customers").parent.select("td")]
    assert keys == ["0.0", "1000.0", "2000.0"]


@pytest.mark.parametrize("colour", ["#1f3a5f", "#ffe600", "#FFFFFF", "#777777", "#00ff00", "#000000"])
def test_text_stays_legible_in_any_brand_colour(colour):
    look = colours_of(colour)
    assert contrast(look["ink"], look["brand"]) >= 4.5
    assert contrast(look["accent"], "#ffffff") >= 4.5
    assert f"--brand:{look['brand']};" in html_of(view(colour=colour), [])


def contrast(one, other):
    """WCAG 2.2, relative luminance and contrast ratio, written out."""

    def luminance(colour):
        red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue))
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_one_notebook_is_a_page_of_its_own(tmp_path):
    path = tmp_path / "recurring_revenue.ipynb"
    nbformat.write(recurring_revenue(), path)
    body, resources = get_exporter("kpi_html")().from_filename(str(path))
    page = BeautifulSoup(body, "html.parser")
    assert resources["output_extension"] == ".html"
    assert page.h1.get_text() == "Recurring revenue"
    assert [heading.get_text() for heading in page.find_all("h2")] == [
        "Where MRR stands",
        "Who left",
        "Questions to ask",
    ]
    assert SOURCE not in body
    assert page.find("meta", {"http-equiv": "Content-Security-Policy"})


PROBE = "<script>document.title = document.documentElement.scrollWidth <= innerWidth ? 'fits' : 'overflows'</script>"


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 768, 1040, 1280, 1920])
def test_in_a_browser_nothing_is_wider_than_the_screen(html, tmp_path, width):
    unguarded = re.sub(r"<meta http-equiv=[^>]*>", "", html).replace("</body>", PROBE + "</body>")
    assert in_a_browser(unguarded, tmp_path, width).title.string == "fits"


@pytest.mark.browser
def test_in_a_browser_the_policy_stops_a_foreign_script_and_not_ours(html, tmp_path):
    page = in_a_browser(html.replace("</body>", PROBE + "</body>"), tmp_path, 1280)
    assert page.select("thead button")
    assert page.title.string.startswith("Northwind")


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """A pack with marks in its charts and a long table, opened in Chromium."""
    long = code(table_output(title="Everyone", rows=24), chart_output(svg=MARKED))
    found = [*sections(), Section("lists", "Lists", notebook(markdown("# Lists\n\n## All of them"), long))]
    folder = tmp_path_factory.mktemp("opened")
    (folder / "pack.html").write_text(html_of(view(), found), encoding="utf-8")
    with opened_in_chromium((folder / "pack.html").as_uri(), folder) as page:
        yield page


def loaded(page, width=1440, scheme="light"):
    page.tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    page.tell("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    page.tell("Page.navigate", url=page.says("location.href.split('#')[0]"))
    page.wait_for("document.readyState === 'complete' && document.querySelector('.tip') !== null")
    return page


def pressed(page, key):
    for kind in ("keyDown", "keyUp"):
        page.tell("Input.dispatchKeyEvent", type=kind, key=key)
    return page.says("document.querySelector('.tip').textContent")


@pytest.mark.browser
def test_in_a_browser_marks_tell_their_values_to_keys_pointer_and_finger(opened):
    page = loaded(opened)
    page.says("document.querySelector('[id=\"lists.all-of-them\"]').closest('details').open = true")
    chart = "document.querySelector('.chart .scroll:has(.mark)')"
    page.says(f"{chart}.scrollIntoView({{behavior: 'instant'}}), {chart}.focus()")
    assert [pressed(page, key) for key in ("ArrowRight", "ArrowRight", "ArrowRight", "Home", "Escape")] == [
        "Aug 2026: €69,000", "Sept 2026: €41,000", "Sept 2026: €41,000", "Aug 2026: €69,000", "",
    ]  # fmt: skip
    at = "(b => ({x: b.right + 6, y: b.y + 4}))(document.querySelectorAll('.mark')[1].getBoundingClientRect())"
    page.tell("Input.dispatchMouseEvent", type="mouseMoved", **page.says(at))
    assert page.says("document.querySelector('.tip').textContent") == "Sept 2026: €41,000"
    page.tell("Input.dispatchMouseEvent", type="mouseMoved", x=5, y=5)
    assert page.says("document.querySelector('.tip').textContent") == ""
    touch = [page.says(at)]
    page.tell("Input.dispatchTouchEvent", type="touchStart", touchPoints=touch)
    page.tell("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    page.wait_for("document.querySelector('.tip').textContent === 'Sept 2026: €41,000'", 5)


@pytest.mark.browser
def test_in_a_browser_a_long_table_is_filtered(opened):
    page = loaded(opened)
    filters = "[...document.querySelectorAll('.filter')]"
    assert page.says(f"{filters}.map(label => label.nextElementSibling.ariaLabel)") == ["Everyone"]
    page.says(f"(input => {{ input.value = 'customer 1'; input.dispatchEvent(new Event('input')) }})"
              f"({filters}[0].querySelector('input'))")  # fmt: skip
    assert (
        page.says(f"{filters}[0].querySelector('output').textContent") == "12 of 24"
    )  # 1, 10 to 19, and 21: each word stands somewhere
    rows = "[...document.querySelector('.filter').nextElementSibling.querySelectorAll('tbody tr')]"
    assert page.says(f"{rows}.filter(row => row.checkVisibility() || !row.hidden).length") == 12


@pytest.mark.browser
def test_in_a_browser_what_is_linked_to_opens_and_the_contents_say_where_one_is(opened):
    page = loaded(opened, width=390)
    assert page.says("[...document.querySelectorAll('details.theme')].some(theme => theme.open)") is False
    page.says("location.hash = 'recurring_revenue.who-left'")
    page.wait_for("document.querySelector('[id=\"recurring_revenue.who-left\"]').closest('.fold').open", 5)
    assert page.says("document.querySelectorAll('details.theme[open]').length") == 1
    page.wait_for("document.querySelector('.contents [aria-current]')?.textContent === 'Recurring revenue'", 5)
    assert page.says("document.querySelectorAll('details.contents [aria-current]').length") == 1


@pytest.mark.browser
def test_in_a_browser_print_shows_what_is_folded(opened):
    page = loaded(opened)
    assert page.says("document.querySelectorAll('.fold[open]').length") == 0
    page.says("dispatchEvent(new Event('beforeprint'))")
    assert page.says("document.querySelectorAll('.fold:not([open])').length") == 0
    page.says("dispatchEvent(new Event('afterprint'))")
    assert page.says("document.querySelectorAll('.fold[open]').length") == 0
    paper = page.tell("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)["data"]
    text = " ".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(base64.b64decode(paper))).pages)
    for words in ("Customer 23", "Meerveld & Boterkamp", "K23", "Which three customers"):
        assert words in " ".join(text.split())


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 820, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser_axe_finds_nothing_and_nothing_is_asked_of_the_network(opened, width, scheme):
    page = loaded(opened, width, scheme)
    assert found_by_axe(page) == []
    page.says("document.querySelectorAll('details').forEach(each => (each.open = true))")
    assert found_by_axe(page) == []
    asked = page.says("performance.getEntriesByType('resource').map(each => each.name)")
    assert [name for name in asked if not name.startswith("data:")] == []


def found_by_axe(page):
    spec = find_spec("axe_core_python") or pytest.skip("no axe-core here")
    page.says(f"{(Path(spec.origin).parent / 'axe.min.js').read_text(encoding='utf-8')}; 1")
    said = page.says("axe.run({resultTypes: ['violations']}).then(found => JSON.stringify(found.violations))")
    return [(each["id"], node["html"]) for each in json.loads(said) for node in each["nodes"]]


def in_a_browser(html, folder, width):
    chromium = shutil.which("chromium") or pytest.skip("no Chromium here")
    path = folder / "pack.html"
    path.write_text(html, encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", f"--user-data-dir={folder / 'profile'}"]
    found = subprocess.run(
        [chromium, *options, f"--window-size={width},900", "--dump-dom", path.as_uri()],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return BeautifulSoup(found.stdout, "html.parser")
