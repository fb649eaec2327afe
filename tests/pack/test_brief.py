"""The weekly pack: one page of the PDF per section, and everything in the HTML."""

import io

import pytest
from pypdf import PdfReader

from helpers.pack.notebook_content import parts_of
from helpers.pack.pages import Changes, Section
from helpers.pack.run import Failure
from tests.pack.fixtures import (
    block,
    blocks_output,
    bundle,
    chart_output,
    code,
    html_of,
    markdown,
    notebook,
    pdf_of,
    table_output,
    view,
)
from tests.pack.requests import request_of

BRIEF = {"title": "Weekly KPI review", "period_label": "2026-W39", "brief": True}
WIDE_CHART = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="480" height="150"><path d="M0 140L480 4" stroke="#000"/></svg>'
)


def calls(rows, owners):
    """A list of whom to call, grouped by owner."""
    fields = [
        {"name": "owner", "type": "string", "title": "Owner", "unit": "text"},
        {"name": "customer", "type": "string", "title": "Customer", "unit": "text"},
        {"name": "weeks", "type": "string", "title": "Weeks", "unit": "series"},
    ]
    data = [{"owner": f"Owner {i * owners // rows}", "customer": f"Client {i}", "weeks": "3 0 1"} for i in range(rows)]
    resource = {
        "title": "Whom to call",
        "schema": {"fields": fields},
        "data": data,
        "group": "owner",
    }
    return bundle("application/vnd.dataresource+json", resource)


def silent(rows=6, charts=2, tags=("brief",), owners=3):
    drawn = [chart_output(f"Chart {i}", svg=WIDE_CHART) for i in range(charts)]
    return notebook(
        markdown("# Silent\n\nWho?"),
        markdown("## In short\n\nSome words."),
        code(blocks_output(*[block(f"Figure {i}") for i in range(4)]), *drawn, tags=tags),
        markdown("## Whom to call\n\nAn introduction."),
        code(calls(rows, owners), tags=tags),
        markdown("## Afterwards"),
        code(table_output(title="By owner")),
    )


def read(*sections, **more):
    return PdfReader(io.BytesIO(pdf_of(view(**BRIEF, **more), sections)))


def text_of(reader):
    return "\n".join(page.extract_text() for page in reader.pages)


def pages_of(made, **more):
    return len(read(Section("silent", "Silent", made), **more).pages)


def test_a_section_is_one_page_with_its_figures_and_its_list():
    reader = read(Section("silent", "Silent", silent(), commentary="Called *all*."))
    assert len(reader.pages) == 1
    text = text_of(reader)
    for told in ("Northwind Software", "Weekly KPI review 2026-W39", "DRAFT", "as known at the end of 14 October 2026",
                 "Figure 3", "Chart 0", "Whom to call", "Client 5", "Called all.", "NRR: Kept MRR over opening MRR.",
                 "Page 1 of 1"):  # fmt: skip
        assert told in text, told
    for elsewhere in ("In short", "An introduction", "Afterwards", "By owner", "Scorecard", "Appendix", "Contents"):
        assert elsewhere not in text, elsewhere


def test_it_is_marked_as_any_other_pack():
    root = read(Section("silent", "Silent", silent())).trailer["/Root"]
    assert (root["/Lang"], bool(root["/MarkInfo"]["/Marked"])) == ("en", True)


def test_what_is_not_in_the_pdf_is_in_the_html():
    html = html_of(view(**BRIEF), [Section("silent", "Silent", silent())])
    for told in ("In short", "An introduction", "Afterwards", "By owner", "Chart 1", "Scorecard"):
        assert told in html, told


@pytest.mark.parametrize(("rows", "owners", "charts"), [(3, 1, 2), (14, 3, 1), (34, 3, 0), (30, 12, 0), (45, 3, 0)])
def test_charts_give_way_to_the_list_and_the_list_gets_smaller(rows, owners, charts):
    reader = read(Section("silent", "Silent", silent(rows, owners=owners)))
    assert len(reader.pages) == 1
    text = text_of(reader)
    assert f"Client {rows - 1}" in text
    assert sum(f"Chart {i}" in text for i in range(2)) == charts


def test_a_list_that_no_page_holds_goes_on():
    reader = read(Section("silent", "Silent", silent(200)))
    assert len(reader.pages) > 1
    assert "Client 199" in text_of(reader)


def test_every_section_has_its_page_and_the_definitions_stand_once():
    reader = read(Section("silent", "Silent", silent()), Section("used", "Used", silent()))
    assert len(reader.pages) == 2
    assert text_of(reader).count("Kept MRR over opening MRR.") == 1


def test_it_says_below_the_last_section_what_changed():
    section = Section("silent", "Silent", silent())
    reader = read(section, Section("used", "Used", silent()))
    first, last = (page.extract_text() for page in reader.pages)
    assert "What changed" not in first
    for told in ("What changed", "1 is restated.", "Restated figures", "New bookings", "1 row of deals corrected."):
        assert told in last, told
    text = text_of(read(section, changes=Changes()))
    assert "Nothing was compared: no earlier pack is published yet." in text
    assert "Restated figures" not in text


def test_a_notebook_without_such_cells_is_shown_whole():
    text = text_of(read(Section("silent", "Silent", silent(tags=()))))
    assert "An introduction" in text
    assert "By owner" in text


def test_a_failed_section_says_so():
    failure = Failure(4, "x = 1 / 0", "the event feed ends on 2026-09-20")
    text = text_of(read(Section("silent", "Silent", silent(), failure)))
    assert "Silent – failed" in text
    assert "the event feed ends on 2026-09-20" in text
    assert "Client 0" not in text


def test_letter_paper_has_room_too():
    assert pages_of(silent(), paper="letter") == 1


def test_only_tagged_cells_are_parts_of_a_brief():
    parts = parts_of(silent(charts=1), theme="s", title="S")
    assert [part["type"] for part in parts if part.get("brief")] == ["blocks", "chart", "table"]


def test_the_weekly_list_of_the_sample_is_one_page(build, company, tmp_path):
    order = request_of(company, "inactive_customers", label="2026-W39", as_of="2026-09-27")
    built = build(order, tmp_path)
    reader = PdfReader(built.folder / "pack.pdf")
    assert len(reader.pages) == 1
    text = text_of(reader)
    assert "Whom to call: customers silent on 27 Sept 2026" in text
    assert "In short • Inactive customers fell to 4" in " ".join(text.split())
    # Twelve weeks before it make its history, and no quarter or month.
    rows = [line.split(",") for line in (built.folder / "results.csv").read_text().splitlines()]
    periods = {row[rows[0].index("period")] for row in rows[1:] if row[0] == "inactive_customers"}
    assert periods == {f"2026-W{week}" for week in range(27, 40)}
