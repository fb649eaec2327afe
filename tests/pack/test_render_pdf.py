"""The pack as PDF: read back with pypdf, which knows nothing of the templates."""

import io
import json
import re
import warnings
from dataclasses import replace

import nbformat
import pytest
import typst
from nbconvert.exporters import get_exporter
from pypdf import PdfReader

from helpers.errors import KitError
from helpers.language import speaking
from helpers.pack import appearance
from helpers.pack.definitions import Definition
from helpers.pack.pages import Section
from helpers.pack.render import UnprintableWarning
from tests.pack import paper
from tests.pack.fixtures import (
    PIXEL,
    SOURCE,
    SPARK,
    SUMMARY,
    block,
    blocks_output,
    chart_output,
    code,
    display,
    markdown,
    notebook,
    pdf_of,
    printed,
    recurring_revenue,
    sections,
    table_output,
    view,
)
from tests.pack.pdf_tree import structure, tags

HOSTILE = """#import "x" $ 1/0 $ *bold* _em_ \\u{41} @label <script> // no /* no */ #eval("1")"""
WIDE = [{"name": f"c{i}", "type": "number", "title": f"Figure number {i}", "unit": "money"} for i in range(24)]


@pytest.fixture(scope="module")
def pdf():
    return pdf_of(view(), sections())


@pytest.fixture(scope="module")
def reader(pdf):
    return PdfReader(io.BytesIO(pdf))


def read(*cells, **more):
    return PdfReader(io.BytesIO(pdf_of(view(**more), [Section("churn", "Churn", notebook(*cells))])))


def text_of(reader):
    return "\n".join(page.extract_text() for page in reader.pages)


def test_title_language_and_marks_of_the_standard(reader):
    root = reader.trailer["/Root"]
    assert reader.metadata.title == "Northwind Software – Quarterly KPI review 2026Q3"
    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert re.search('pdfuaid:part(="|>)1', root["/Metadata"].get_data().decode())
    assert str(reader.metadata.get("/CreationDate", "")).startswith("D:20261014")


def test_bookmarks_follow_the_chapters(reader):
    chapters = [item.title for item in reader.outline if not isinstance(item, list)]
    assert chapters == [
        "Summary", "Actions", "What changed", "Recurring revenue", "Pipeline conversion", "Unit economics – failed",
        "Appendix",
    ]  # fmt: skip
    inside = [entry.title for item in reader.outline if isinstance(item, list) for entry in item]
    assert [title for title in inside if title in ("Scorecard", "Where MRR stands", "Definitions")] == [
        "Scorecard", "Where MRR stands", "Definitions",
    ]  # fmt: skip


def test_every_page_says_where_it_is(reader):
    count = len(reader.pages)
    assert 3 <= count <= 5
    for number, page in enumerate(reader.pages[1:], start=2):
        assert f"Page {number} of {count}" in page.extract_text()


def chapter_pages(reader):
    return {
        item.title: reader.get_destination_page_number(item) + 1
        for item in reader.outline
        if not isinstance(item, list)
    }


def test_the_running_title_is_right_on_a_chapters_first_page(reader):
    pages = chapter_pages(reader)
    for title in ("Recurring revenue", "Pipeline conversion"):
        header = " ".join(reader.pages[pages[title] - 1].extract_text().splitlines()[:2])
        assert title in header
        before = reader.pages[pages[title] - 2].extract_text().splitlines()[:2]
        assert not any(line.endswith(title) for line in before)


def test_contents_and_scorecard_name_the_true_pages(reader):
    pages = chapter_pages(reader)
    contents = reader.pages[0].extract_text()
    for title, page in pages.items():
        assert re.search(rf"{title}\s*{page}\b", contents), title
    summary = reader.pages[1].extract_text()
    assert f"page {pages['Recurring revenue']}" in summary
    assert re.search(rf"CAC .*€50,000 to €80,000 {pages['Unit economics – failed']}\b", " ".join(summary.split()))


def test_links_lead_inside_and_to_the_addresses_of_the_text(reader):
    annotations = [note.get_object() for page in reader.pages for note in page.get("/Annots", [])]
    links = [note for note in annotations if note["/Subtype"] == "/Link"]
    outside = [link["/A"]["/URI"] for link in links if "/URI" in link.get("/A", {})]
    assert outside == ["https://example.com/mrr"]
    assert len(links) - len(outside) >= 7 + 2  # the contents, and the scorecard's page numbers


def test_pictures_and_tables_are_tagged(reader):
    alts = [node.get("/Alt", "") for node in tags(reader, "/Figure")]
    assert alts
    assert all(alts)
    assert "Net new MRR fell to €41,000, €28,000 below 2026Q2." in alts
    assert len(tags(reader, "/TH")) >= 4
    levels = [int(node["/S"][2]) for node in structure(reader) if re.fullmatch("/H[1-6]", node["/S"])]
    assert levels.count(1) == 7


def test_charts_are_drawn_and_no_code_is_there(reader):
    assert not [image for page in reader.pages for image in page.images]
    assert SOURCE not in text_of(reader)
    assert "secret" not in text_of(reader)


def test_a_failed_section_shows_the_failure_and_no_half_result(reader):
    text = reader.pages[chapter_pages(reader)["Unit economics – failed"] - 1].extract_text()
    assert "This section failed in cell 4." in text
    assert "spend has no rows" in text
    assert "half a result" not in text_of(reader)


def test_the_figures_behind_charts_are_not_on_paper_which_says_where_they_are():
    reader = read(code(chart_output()))
    assert "Customer 2" not in text_of(reader)
    assert "the figures behind the charts stand there and in figures.xlsx" in " ".join(text_of(reader).split())


def test_the_same_inputs_give_the_same_bytes(pdf):
    assert pdf_of(view(), sections()) == pdf


def test_a_query_that_folds_out_on_the_screen_is_not_on_paper():
    told = Definition(
        "NRR", ("net_new_mrr",), "How much is kept.", "Kept MRR over opening MRR.", "K23", sql="select 1 as unseen"
    )
    text = text_of(read(markdown("# Churn"), definitions=[told]))
    assert "How much is kept." in text
    assert "unseen" not in text


def test_no_text_is_markup():
    cells = [
        markdown(f"# T\n\n## {HOSTILE}\n\n`{HOSTILE}`"),
        code(printed(HOSTILE), table_output(title=HOSTILE, data=[{"name": HOSTILE, "mrr": 1}])),
        code(blocks_output(block(HOSTILE)), chart_output(HOSTILE)),
    ]
    text = " ".join(
        text_of(read(*cells, company=HOSTILE, summary=replace(SUMMARY, verdict=HOSTILE, carried_by=HOSTILE))).split()
    )
    assert text.count('#import "x" $ 1/0 $ *bold* _em_') >= 6
    assert text.count('#eval("1")') >= 6


def test_printed_text_and_plain_pictures_are_there():
    reader = read(markdown("# Churn"), code(printed("rows read\n  1,204"), display(**{"image/png": PIXEL})))
    assert "rows read" in text_of(reader)
    assert "Chart in Churn, cell 1" in [node["/Alt"] for node in tags(reader, "/Figure")]


def test_a_table_of_any_width_loses_no_figure_and_stays_on_the_page():
    data = [{f"c{i}": 1234567.0 + 1000 * row + i for i in range(24)} for row in range(3)]
    reader = read(code(table_output(schema={"fields": WIDE}, data=data)))
    text = text_of(reader)
    for row in data:
        for value in row.values():
            assert f"€{value:,.0f}" in text
    assert 48 < min(starts(reader)) <= max(starts(reader)) < 595 - 48  # A4 in points, less margins of 17 mm


def starts(reader):
    """Where each piece of text begins, from the left edge of its page."""
    found = []

    def visit(text, page_matrix, text_matrix, *_):
        if text.strip():
            a, _, c, _, e, _ = page_matrix
            found.append(a * text_matrix[4] + c * text_matrix[5] + e)

    for page in reader.pages:
        page.extract_text(visitor_text=visit)
    return found


def test_long_words_are_broken_and_stay_whole_in_the_text():
    word = "0123456789abcdef" * 16
    found = "".join(text_of(read(code(printed(word), table_output(data=[{"name": word, "mrr": 1}])))).split())
    assert found.count(word) == 2


@pytest.fixture(scope="module")
def narrow():
    """The lines of a Chinese text with many figures, set in columns of many widths."""
    text = (
        "不活跃客户的MRR：€39,320/月，占MRR的6.0%，处于正常范围（54.2%至87.9%）内；比目标低€56,769（目标€450,000/月），"
        "由−€5,000至+€4,020，波动过大，无法判断：暂定正常范围（−€274,833至€598,922，US$41,200）。"
    )
    columns = "#for w in range(9, 40) { block(width: w * 1em, sys.inputs.text) }"
    page = f'#import "/look.typ": *\n#show: it => look("T", it)\n#set page(height: auto)\n{columns}'
    look = {"colour": appearance.colours_of("#1f4e79"), "paper": "a4", "lang": "zh-Hans", "author": "", "said": {}}
    with speaking("zh_Hans"):
        document = json.dumps({**look, "fonts": appearance.families(), "mono": appearance.MONO})
    compiler = typst.Compiler(
        page.encode(), root=appearance.TEMPLATES / "pdf", font_paths=appearance.typst_fonts(),
        sys_inputs={"document": document, "upright": "", "text": text},
    )  # fmt: skip
    return text, [line for line in paper.lines(compiler.compile(format="pdf")) if line]


def test_no_line_of_chinese_parts_a_figure_or_a_sign_from_its_amount(narrow):
    text, lines = narrow
    assert len(lines) > 150
    assert [line for line in lines if re.search(r"[€$+−（]$", line) or re.match(r"[%.,/]", line)] == []
    figures = set(re.findall(r"[+−]?(?:US)?[€$]?\d[\d,.]*%?", text))
    found = {found for line in lines for found in re.findall(r"[+−]?(?:US)?[€$]?\d[\d,.]*%?", line)}
    assert found == figures


def test_headings_of_chinese_tables_have_more_than_a_sign_to_a_line():
    names = [
        "客户",
        "细分",
        "负责人",
        "流失MRR",
        "流失日",
        "合作时长，天",
        "价值实现天数",
        "7周中的活跃周数",
        "不活跃天数",
    ]
    fields = [{"name": name, "type": "string"} for name in names]
    cells = [
        "Uhlenbrock & Söhne Objektservice",
        "Small business",
        "Anders Baptiste",
        "€15,892",
        "2026年8月1日",
        "1,461",
    ]
    data = [dict(zip(names, [*cells, "107.0%（2026年1月1日）", "3", "62"], strict=True))]
    section = Section("churn", "Churn", notebook(code(table_output(schema={"fields": fields}, data=data))))
    with speaking("zh_Hans"):
        lines = paper.lines(pdf_of(view(), [section]))
    assert not [line for line in lines if re.search(r"(?:^| )[数天活周](?: |$)", line)]
    assert any("107.0%（2026" in line.replace(" ", "") for line in lines)


def test_table_heads_are_repeated_on_every_page():
    reader = read(code(table_output(rows=120)))
    pages = [page.extract_text() for page in reader.pages if re.search(r"Customer \d+", page.extract_text())]
    assert len(pages) > 1
    assert all("MRR lost" in page for page in pages)


def test_the_sum_below_a_table_has_a_row_with_it_on_its_page():
    """Where the rows alone fill a page, the last of them goes over with their sum."""

    def pages_with_rows(count):
        texts = [page.extract_text() for page in read(code(table_output(rows=count, total=["mrr"]))).pages]
        return [re.findall(r"Customer \d+\b", text) for text in texts if "MRR lost" in text]

    full = sum(map(len, pages_with_rows(120)[:-1]))
    for rows in (full - 1, full, full + 1):
        found = pages_with_rows(rows)
        assert (sum(map(len, found)), [len(each) for each in found if not each]) == (rows, [])


@pytest.mark.parametrize(("paper", "size"), [("a4", (595, 842)), ("letter", (612, 792))])
def test_paper(paper, size):
    box = read(markdown("# Churn"), paper=paper).pages[0].mediabox
    assert (round(box.width), round(box.height)) == size


def test_what_no_font_has_is_told_and_shown_as_missing():
    assert appearance.uncovered("Grüße, Ελλάδα, Привет: €1,200 → −3 ✓ ◆ ○ ≈ …") == ""
    unknown = "\U00012000"  # a cuneiform sign: none of the fonts that a pack may use is for it
    with pytest.warns(UnprintableWarning, match=unknown):
        reader = read(markdown(f"# Churn\n\nSign {unknown}."))
    assert "Sign \ufffd." in text_of(reader)


def test_a_picture_that_cannot_be_drawn_costs_only_itself():
    linked = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="/etc/hostname.png"/></svg>'
    with pytest.warns(UnprintableWarning, match="cell 3 could not be drawn"):
        reader = read(markdown("# Churn"), code(display(**{"image/svg+xml": linked}), count=3))
    assert "Chart in Churn, cell 3 could not be drawn here; the HTML shows it." in text_of(reader)


def test_a_logo_is_on_the_cover_and_anything_else_is_refused():
    logo = tags(read(markdown("# Churn"), logo=SPARK.encode()), "/Figure")
    assert "Northwind Software" in [node["/Alt"] for node in logo]
    with pytest.raises(KitError, match=r"brand\.logo .* PNG, JPEG or SVG"):
        pdf_of(view(logo=b"GIF89a"), [])


def test_chapters_flow_in_order_and_no_page_is_empty(reader):
    pages = list(chapter_pages(reader).values())
    assert pages == sorted(pages)
    assert all(len(page.extract_text()) > 100 for page in reader.pages)


def test_one_notebook_is_a_document_of_its_own(tmp_path):
    path = tmp_path / "recurring_revenue.ipynb"
    nbformat.write(recurring_revenue(), path)
    body, resources = get_exporter("kpi_pdf")().from_filename(str(path))
    reader = PdfReader(io.BytesIO(body))
    assert resources["output_extension"] == ".pdf"
    assert reader.metadata.title == "Recurring revenue"
    assert "Customer 2" in text_of(reader)
    assert SOURCE not in text_of(reader)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert get_exporter("kpi_pdf")().from_filename(str(path))[0] == body


def lines_before(count):
    """So many lines of an earlier section."""
    return Section("before", "Before", notebook(markdown("# Before\n\n" + "\n\n".join(["A line."] * count))))


@pytest.mark.parametrize("count", range(46, 60, 3))
def test_a_section_begins_with_more_than_its_title_and_its_question(count):
    begun = notebook(
        markdown("# Churn\n\nWho left us?"),
        markdown("## In short\n\n- Nobody left."),
        code(blocks_output(block("NRR"))),
    )
    reader = PdfReader(io.BytesIO(pdf_of(view(), [lines_before(count), Section("churn", "Churn", begun)])))
    (page,) = (page.extract_text() for page in reader.pages if "Who left us?" in page.extract_text())
    assert "Nobody left." in page


@pytest.mark.parametrize("count", range(6, 14))
def test_what_management_says_stands_with_its_heading(count):
    section = replace(lines_before(count), commentary="Two renewals slipped.", said_by="Finance")
    reader = PdfReader(io.BytesIO(pdf_of(view(commentary=""), [section])))
    (page,) = (page.extract_text() for page in reader.pages if "From management" in page.extract_text())
    assert "Two renewals slipped." in page
