"""figures.xlsx, read back with another library: every table typed, every text literal, formulas where they belong.

LibreOffice calculates the formulas anew, against results.csv.
"""

import io
import json
import math
import re
import zipfile
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import nbformat
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet
from xlsxwriter import Workbook

from helpers import results
from helpers.catalogue import CATALOGUE
from helpers.display.context import Context, Results
from helpers.display.formats import format_period
from helpers.language import speaking
from helpers.pack import excel
from helpers.pack.excel import headings
from helpers.pack.pages import Section
from helpers.pack.workbook import render_workbook
from helpers.periods import Calendar
from tests.pack import fixtures as made

CHART, TABLE = "application/vnd.kpi-review.chart+json", "application/vnd.dataresource+json"
MONTH = "mmm yyyy"
HOSTILE = [
    '=HYPERLINK("http://example.com","click")', "+1+1", "-2+3", "@SUM(A1:A9)", "\t=1", "=cmd|' /C calc'!A0",
    "http://example.com", "internal:'About'!A1", "007", "1e5", "2026-10-01", "TRUE", "'quoted'", " leading",
    "<b>&amp;</b>", "]]>", "_x0041_", "شركة الأمل", "עברית", "株式会社テスト", "👩‍👩‍👧 family", "Å" * 300,
    "#let x = 1", "\\input{x}", "a\nb",
]  # fmt: skip


@dataclass
class Found:
    """A table as it stands in a workbook."""

    title: str
    notes: list[str]
    heads: list[str]
    rows: list[list[openpyxl.cell.Cell]]

    @property
    def values(self):
        return [[cell.value for cell in row] for row in self.rows]


def read(content: bytes | Path) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(content) if isinstance(content, bytes) else content)


def tables(sheet: Worksheet) -> list[Found]:
    """The Excel tables of a sheet from left to right, each under its title and its sentences."""
    found = []
    for area in sorted((table.ref for table in sheet.tables.values()), key=lambda ref: sheet[ref][0][0].column):
        head, *rows = sheet[area]
        title, notes = (sheet.cell(head[0].row - up, head[0].column).value or "" for up in (2, 1))
        heads = [cell.value for cell in head]
        found.append(Found(title, notes.splitlines(), heads, [list(row) for row in rows]))
    return found


def unescaped(text: str) -> str:
    """What the file format writes for a text that looks like one of its escapes; the reader does it in cells alone."""
    return re.sub("_x005F_(?=x[0-9a-fA-F]{4}_)", "_", text)


def no_results() -> Results:
    return Results(results.from_records([]), Context(Calendar().period("2026Q3"), "EUR"))


def rendered(*outputs, view=None, title="Recurring revenue", **more) -> openpyxl.Workbook:
    """The workbook of one section that displays these outputs."""
    notebook = made.notebook(*(made.code(output, count=i) for i, output in enumerate(outputs, start=1)))
    return read(render_workbook(view or made.view(), [Section("theme", title, notebook)], no_results(), **more))


def one_column(values, *, title="Table", heading="Value", **field) -> nbformat.NotebookNode:
    fields = [{"name": "v", "title": heading, "type": "string", **field}]
    return made.table_output(title=title, schema={"fields": fields}, data=[{"v": value} for value in values])


@pytest.fixture(scope="session")
def book(built):
    return read(built.folder / "figures.xlsx")


def shown_resources(folder):
    """The tables that a pack's notebooks show, read from the files: (sheet's title, table's title, resource)."""
    for path in sorted((folder / "notebooks").glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        heading = next(line for line in cells[0].source.splitlines() if line.startswith("# ")).removeprefix("# ")
        for cell in cells:
            if "results" in cell.metadata.get("tags", []):
                continue
            for data in (output.get("data", {}) for output in cell.get("outputs", [])):
                if CHART in data:
                    yield heading, data[CHART]["title"], data[CHART]["table"]
                elif TABLE in data:
                    yield heading, data[TABLE]["title"], data[TABLE]


def same(cell, value, field) -> bool:
    """Whether a cell holds the very value, as the type that it has."""
    if value is None or value == "":
        return cell.value is None
    if cell.number_format == MONTH:
        return format_period(f"{cell.value:%Y-%m}") == value
    if field["type"] == "date":
        return isinstance(cell.value, datetime) and cell.value == datetime.fromisoformat(value)
    if isinstance(value, str):
        return cell.data_type == "s" and cell.value == value
    return cell.data_type == "n" and math.isclose(cell.value, value, rel_tol=1e-14, abs_tol=0)


def pairs(folder, book):
    """The tables that the notebooks show and those of the workbook, side by side, those without rows apart."""
    there = {sheet.title: iter(tables(sheet)) for sheet in book.worksheets}
    for heading, title, resource in shown_resources(folder):
        if resource["data"] and "user_id" not in resource["data"][0]:
            found = next(there[heading])
            yield title, resource, next(there[heading]) if found.title == "Key figures, 2026Q3" else found


def test_every_table_of_the_notebooks_is_there_typed(built, book):
    assert len(list(pairs(built.folder, book))) > 20
    for title, resource, found in pairs(built.folder, book):
        fields = resource["schema"]["fields"]
        assert found.title == title
        assert len(found.heads) == len(fields)
        assert len(found.rows) == len(resource["data"]), title  # all of them, not the first that a page shows
        for cells, row in zip(found.rows, resource["data"], strict=True):
            for cell, field in zip(cells, fields, strict=True):
                assert same(cell, row[field["name"]], field), (title, field, cell.value, row[field["name"]])


def test_a_table_without_rows_says_so():
    sheet = rendered(made.table_output(title="Lost", rows=0))["Recurring revenue"]
    assert [cell.value for cell in sheet["A"]][3:] == ["Lost", "Nobody left."]
    assert not sheet.tables


def test_formats_follow_units(built, book):
    wanted = {"money": "[$€]#,##0", "money_per_month": "[$€]#,##0", "share": "0.0%", "count": "#,##0"}
    wanted |= {"date": "yyyy-mm-dd", "text": "General", "series": "General", "ratio": "#,##0.00"}
    seen = set()
    for title, resource, found in pairs(built.folder, book):
        for x, field in enumerate(resource["schema"]["fields"]):
            formats = {row[x].number_format for row in found.rows if row[x].value is not None}
            times = {"#,##0", "#,##0.0"}  # days, and the like: a tenth where a column has any
            assert len(formats) < 2
            if formats != {MONTH}:
                assert formats <= ({wanted[field["unit"]]} if field["unit"] in wanted else times), (title, field)
            seen |= {field["unit"]} if formats else set()
    assert seen >= {*wanted, "days"}


def test_results_are_the_long_table(built, book):
    figures = results.read_csv(built.folder / "results.csv")
    (found,) = tables(book["Results"])
    assert found.heads == list(results.COLUMNS)
    assert len(found.rows) == len(figures)
    dates = {"period_start": "%Y-%m-%d", "period_end": "%Y-%m-%d"}
    for cells, row in zip(found.rows, figures.to_dict("records"), strict=True):
        for cell, name in zip(cells, results.COLUMNS, strict=True):
            if name in results.NUMBERS:
                assert (cell.value is None) == math.isnan(row[name])
                assert cell.value is None or math.isclose(cell.value, row[name], rel_tol=1e-14)
            elif name in dates:
                assert cell.value.strftime(dates[name]) == row[name]
            elif name != "as_of":
                assert (cell.value or "") == row[name]
    shown = {row[6].value: row[5].number_format for row in found.rows if row[5].value is not None}
    assert shown["share"] == "0.0%"
    assert shown["money"] == "[$€]#,##0"
    # the end of 30 September in Berlin: 22:00 in Greenwich, and the first moment of October there
    assert figures["as_of"].iloc[-1] == "2026-09-30T22:00:00+00:00"
    assert found.rows[-1][16].value == datetime(2026, 10, 1)


def test_the_scorecard_has_the_figures_of_the_results(built, book):
    figures = results.read_csv(built.folder / "results.csv").query("segment == ''").set_index(["kpi_id", "period"])
    (found,) = tables(book["Scorecard"])
    rows = {row[found.heads.index("kpi_id")].value: row for row in found.rows}
    assert set(rows) >= {"mrr", "nrr", "new_revenue", "win_rate"}
    for kpi_id, row in rows.items():
        told = dict(zip(found.heads, (cell.value for cell in row), strict=True))
        was = figures.loc[(kpi_id, told["Period"])]
        for head, name in (("Value", "value"), ("n", "n"), ("95% from", "ci_low"), ("to", "ci_high")):
            assert (
                told[head] == pytest.approx(was[name], rel=1e-14) if told[head] is not None else math.isnan(was[name])
            )
    mrr = dict(zip(found.heads, rows["mrr"], strict=True))
    assert mrr["Period before"].value == pytest.approx(figures.loc[("mrr", "2026Q2"), "value"])
    assert mrr["Year before"].value == pytest.approx(figures.loc[("mrr", "2025Q3"), "value"])
    assert mrr["Target"].value == 625_000  # params/review.yml
    assert mrr["Target"].number_format == "[$€]#,##0"
    value, before, year, target = (mrr[head].value for head in ("Value", "Period before", "Year before", "Target"))
    gaps = {"Change on it": value - before, "Change on year": value - year, "Variance": value - target}
    gaps |= {f"{head}, %": gap / was for (head, gap), was in zip(gaps.items(), (before, year, target), strict=True)}
    assert {head: mrr[head].value for head in gaps} == pytest.approx(gaps)
    assert mrr["Variance"].number_format == "+[$€]#,##0;-[$€]#,##0;[$€]#,##0"
    nrr = dict(zip(found.heads, rows["nrr"], strict=True))
    assert nrr["Change on it"].number_format == '+0.0% "points";-0.0% "points";0.0% "points"'
    assert nrr["Change on it, %"].value is None


def test_the_scorecard_has_bars_and_a_chart_of_its_history(built, book):
    figures = results.read_csv(built.folder / "results.csv").query("segment == '' and kpi_id == 'mrr'")
    quarters = figures[figures["period"].str.contains("Q")].set_index("period")["value"]
    (history,) = tables(book["Scorecard over time"])
    x = history.heads.index(CATALOGUE["mrr"].label)
    assert {row[0]: row[x] for row in history.values} == pytest.approx(quarters.to_dict())
    assert history.values[-1][:2] == ["2026Q3", datetime(2026, 9, 30)]
    (chart,) = book["Scorecard"]._charts
    y = len(history.rows) + 6
    assert (
        chart.series[0].val.numRef.f
        == f"'Scorecard over time'!${get_column_letter(x + 1)}$7:${get_column_letter(x + 1)}${y}"
    )
    with zipfile.ZipFile(built.folder / "figures.xlsx") as parts:
        assert b"dataBar" in parts.read("xl/worksheets/sheet2.xml")


def test_definitions_have_a_row_per_kpi(built, book):
    figures = results.read_csv(built.folder / "results.csv")
    (found,) = tables(book["Definitions"])
    told = {row[0]: row for row in found.values}
    assert set(told) == set(figures["kpi_id"])
    for kpi_id, row in told.items():
        known = CATALOGUE[kpi_id]
        assert row[1:4] == [known.label, known.unit.replace("_", " "), known.direction]
        assert row[5]


def test_the_first_sheet_says_what_this_is_and_its_links_arrive(built, book):
    about = book.worksheets[0]
    words = [cell.value for row in about.iter_rows() for cell in row if isinstance(cell.value, str)]
    assert about.title == "About"
    assert {"DRAFT", "Quarterly KPI review 2026Q3: figures", "1 Jul – 30 Sept 2026"} <= set(words)
    assert any("as known at the end of 30 Sept 2026, Europe/Berlin" in text for text in words)
    links = [cell for row in about.iter_rows() for cell in row if cell.hyperlink]
    for cell in links:
        sheet, place = re.fullmatch(r"'(.+)'!([A-Z]+\d+)", cell.hyperlink.location).groups()
        assert cell.value in (sheet, book[sheet][place].value), cell.value
    assert {cell.value for cell in links if cell.column == 1} == set(book.sheetnames) - {"About"}
    rows = sum(len(table.rows) for sheet in book.worksheets for table in tables(sheet))
    assert sum(about.cell(cell.row, 3).value for cell in links if cell.column == 2) == rows


def test_the_first_sheet_names_nothing_that_the_review_does_not_say():
    said, unsaid = (
        [row[0].value for row in rendered(view=made.view(confidentiality=words))["About"].iter_rows(max_row=7)]
        for words in ("Confidential.", "")
    )
    assert ("For" in said, "For" in unsaid) == (True, False)


def test_each_sheet_leads_back_to_the_first(book):
    for sheet in book.worksheets[1:]:
        assert sheet["A3"].hyperlink.location == "'About'!A1"


def test_the_data_page_is_there_typed(built, book):
    found = {table.title: table for table in tables(book["Data and parameters"])}
    read_rows = {row[0]: row for row in found["What was read"].values}
    customers = json.loads((built.folder.resolve().parent / "made_from/prepared/prepared.json").read_text())
    assert read_rows["customers"][1:3] == [
        customers["report"]["tables"]["customers"][name] for name in ("read", "clean")
    ]
    assert isinstance(read_rows["customers"][4], datetime)
    values = {(of, name): value for of, _, value, name in found["Parameters in force"].values}
    assert values[("Recurring revenue", "retention_months")] == 12
    assert values[("All themes", "grace_days")] == 0


def test_headings_stay_in_sight(book):
    for sheet in book.worksheets[1:]:
        assert sheet.freeze_panes == ("B7" if len(sheet.tables) == 1 else "A7"), sheet.title
        assert {sheet[table.ref][0][0].row for table in sheet.tables.values()} == {6}
        for table in sheet.tables.values():
            assert table.autoFilter.ref == table.ref
            heads = [cell.value for cell in sheet[table.ref][0]]
            assert [column.name for column in table.tableColumns] == heads  # or Excel offers to repair the file
            assert len({head.lower() for head in heads}) == len(heads)


def test_names_of_tables_are_unique_and_can_be_called(book):
    names = [table.displayName for sheet in book.worksheets for table in sheet.tables.values()]
    assert len({name.lower() for name in names}) == len(names)
    assert {"won_deals", "lost_customers", "results", "definitions"} <= set(names)
    plain = "results|definitions|scorecard|checks|audit|cash"
    assert all(re.fullmatch(f"[a-z][a-z0-9]*_[a-z0-9_]*|{plain}", name) for name in names)


def test_each_column_belongs_to_one_table_and_is_printed_with_it(book):
    for sheet in book.worksheets[1:]:
        columns = [x for area in sheet.tables.values() for x in {cell.column for cell in sheet[area.ref][0]}]
        assert len(columns) == len(set(columns)), sheet.title
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.print_title_rows == "$1:$6"
        if sheet.col_breaks.brk:
            assert len(sheet.col_breaks.brk) >= len(sheet.tables) - 1
            assert 50 <= (sheet.page_setup.scale or 100) <= 100
        else:  # as wide as a page
            assert (sheet.sheet_properties.pageSetUpPr.fitToPage, sheet.page_setup.fitToHeight) == (True, 0)
    assert {sheet.title for sheet in book if sheet.col_breaks.brk} >= {"Recurring revenue", "Unit economics"}


def test_no_sheet_lists_single_users(built, book):
    listed = [title for _, title, table in shown_resources(built.folder) if "user_id" in str(table["schema"])]
    assert listed
    titles = {cell.value for cell in book["About"]["B"]}
    assert titles.isdisjoint(listed)
    assert "User" not in {head for sheet in book.worksheets for table in tables(sheet) for head in table.heads}


def test_formulas_stand_on_two_sheets_alone(built, book):
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    assert {cell.parent.title for cell in cells} == {"Audit", "Checks"}
    with zipfile.ZipFile(built.folder / "figures.xlsx") as parts:
        pages = [name for name in parts.namelist() if name.startswith("xl/worksheets/sheet")]
        assert len(pages) > 7
        assert sum(len(re.findall(b"<f[ >]", parts.read(name))) for name in pages) == len(cells)
        assert not [name for name in parts.namelist() if "externalLink" in name or "vba" in name]


def test_hostile_texts_stand_literally():
    (found,) = tables(rendered(one_column(HOSTILE))["Recurring revenue"])
    assert [row[0].value for row in found.rows] == HOSTILE
    assert {row[0].data_type for row in found.rows} == {"s"}
    assert not [row[0] for row in found.rows if row[0].hyperlink]


def test_a_text_like_a_formula_stays_a_text_when_it_is_edited():
    (found,) = tables(rendered(one_column(["=1+1", "@x", "Fish & Chips", "-3"]))["Recurring revenue"])
    assert [row[0].quotePrefix for row in found.rows] == [True, True, False, True]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_titles_headings_and_names(text):
    view = replace(made.view(), company=text, confidentiality=text)
    content = render_workbook(
        view,
        [Section("theme", text, made.notebook(made.code(one_column([1.5], title=text, heading=text, unit="ratio"))))],
        no_results(),
    )
    found = read(content)
    (table,) = tables(found.worksheets[2])  # after the first sheet and the scorecard
    words = " ".join(text.split())
    assert table.title == text
    assert table.heads == [words if len(words) <= 255 else words[:254] + "…"]
    assert table.values == [[1.5]]
    (area,) = found.worksheets[2].tables.values()
    assert [unescaped(column.name) for column in area.tableColumns] == table.heads
    assert all(cell.data_type != "f" for sheet in found.worksheets for row in sheet.iter_rows() for cell in row)


def test_what_a_cell_cannot_hold_is_said():
    values = ["bell\x07", "\u202egnirts", "x" * 40_000, "😀" * 20_000, 10**15, -(10**15) + 1, "half \ud800"]
    (found,) = tables(rendered(one_column(values))["Recurring revenue"])
    cells = [row[0].value for row in found.rows]
    assert cells[:2] == ["bell", "gnirts"]
    assert cells[2] == "x" * 32_766 + "…"
    assert len(cells[3].encode("utf-16-le")) // 2 <= 32_767
    assert cells[3] == "😀" * 16_383 + "…"
    assert cells[4:] == ["1000000000000000", -999_999_999_999_999, "half "]
    assert found.notes == [
        "3 cells: without characters that no page can show.",
        "2 cells: cut at 32,767 characters.",
        "1 cell: a number of more than 15 digits, kept as text.",
    ]


def test_days_and_moments_are_dates_and_those_before_1900_are_said():
    days = ["2026-09-30", "2026-09-30T14:05:00.000Z", "1850-01-01", None, "1900-01-01", "soon"]
    (found,) = tables(rendered(one_column(days, type="datetime"))["Recurring revenue"])
    assert [row[0].value for row in found.rows] == [
        datetime(2026, 9, 30), datetime(2026, 9, 30, 14, 5), "1850-01-01", None, datetime(1900, 1, 1), "soon",
    ]  # fmt: skip
    assert [found.rows[i][0].number_format for i in (0, 1)] == ["yyyy-mm-dd", "yyyy-mm-dd hh:mm"]
    assert found.notes == ["1 cell: a day before 1900, kept as text."]


def test_missing_values_are_empty_cells():
    output = made.bundle(
        TABLE, json.loads(pd.DataFrame({"a": [1.5, None], "b": [True, False]}).to_json(orient="table"))
    )
    (found,) = tables(rendered(output)["Recurring revenue"])
    assert found.heads == ["a", "b"]
    assert found.values == [[1.5, True], [None, False]]
    assert [row[1].data_type for row in found.rows] == ["b", "b"]


def test_days_with_a_fraction_show_it():
    sheet = rendered(one_column([12.0, 3.25], unit="days"), one_column([12.0, 3.0], unit="days"))["Recurring revenue"]
    formats = [[row[0].number_format for row in table.rows] for table in tables(sheet)]
    assert formats == [["#,##0.0"] * 2, ["#,##0"] * 2]


@pytest.mark.parametrize(
    ("currency", "locale", "code"),
    [("EUR", "de_DE", "#,##0 [$€]"), ("USD", "en_US", "[$$]#,##0"), ("CHF", "de_CH", "[$CHF] #,##0")],
)
def test_money_has_the_reporting_currency_where_the_locale_puts_it(currency, locale, code):
    output = made.table_output(currency=currency)
    with speaking("en", locale=locale):
        (found,) = tables(rendered(output)["Recurring revenue"])
    assert {row[1].number_format for row in found.rows} == {code}
    assert [row[1].value for row in found.rows] == [0, 1000, 2000]


def test_a_column_that_no_page_shows_is_in_the_workbook():
    fields = [{"name": "a", "type": "number", "unit": "count"}, {"name": "b", "type": "string", "on_pages": False}]
    output = made.table_output(schema={"fields": fields}, data=[{"a": 1, "b": "x@example.com"}])
    (found,) = tables(rendered(output)["Recurring revenue"])
    assert found.values == [[1, "x@example.com"]]


def test_a_table_of_html_is_there_as_text_and_says_so():
    html = "<table><tr><th>Port</th><th>Boats</th></tr><tr><td>Narva</td><td>1.234</td></tr></table>"
    (found,) = tables(rendered(made.display(**{"text/html": html}))["Recurring revenue"])
    assert found.values == [["Narva", "1.234"]]
    assert found.title == "Recurring revenue, cell 1"
    assert found.notes == ["Its cells are text: a table of HTML does not say what is a number."]


def test_blocks_and_charts_and_hidden_cells():
    content = render_workbook(made.view(), made.sections(), no_results())
    titles = [table.title for table in tables(read(content)["Recurring revenue"])]
    assert titles == ["Key figures, 2026Q3", "Net new MRR, € per month, 2026Q3", "Lost customers"]  # not the results
    chart = tables(read(content)["Recurring revenue"])[1]
    assert chart.notes == ["Net new MRR fell to €41,000, €28,000 below 2026Q2."]


def test_a_failed_section_says_so_and_nothing_else():
    found = read(render_workbook(made.view(status="PARTIAL"), made.sections(), no_results()))
    told = [cell.value for cell in found["Unit economics"]["A"] if cell.value]
    failure = "This section failed: cell [4] (cac = spend / won) stopped: spend has no rows."
    assert told[-1] == failure
    assert not found["Unit economics"].tables
    about = [cell.value for row in found["About"].iter_rows() for cell in row]
    assert failure in about
    assert "PARTIAL" in about


def test_rows_beyond_what_a_table_takes_are_said(monkeypatch):
    monkeypatch.setattr(excel, "MOST_ROWS", 2)
    book = rendered(made.table_output(rows=5))
    (found,) = tables(book["Recurring revenue"])
    assert len(found.rows) == 2
    assert found.notes == ["2 of 5 rows; a table here has no more."]
    assert found.notes[0] in [cell.value for cell in book["About"]["D"]]


def test_sections_of_one_title_have_sheets_of_their_own():
    title = "Where the money of the third quarter went"
    parts = [Section(name, title, made.recurring_revenue()) for name in ("a", "b")]
    names = read(render_workbook(made.view(), parts, no_results())).sheetnames
    assert names[2:4] == ["Where the money of the third q…", "Where the money of the thi… (2)"]


def test_the_same_inputs_give_the_same_bytes_dated_by_the_as_of():
    first, second = (render_workbook(made.view(), made.sections(), no_results()) for _ in range(2))
    assert first == second
    assert read(first).properties.created == datetime(2026, 10, 14)
    other = replace(made.view(), as_of_on=date(2026, 10, 15))
    assert render_workbook(other, made.sections(), no_results()) != first


@pytest.mark.whole
@settings(deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=4))
def test_any_title_gives_a_sheet_that_excel_takes(titles):
    with Workbook(io.BytesIO()) as file:
        book = excel.Book(file, "#1f3a5f")
        names = [book.sheet(title).name for title in ["About", *titles]]
    assert len({name.lower() for name in names}) == len(titles) + 1
    for name in names:
        assert 0 < len(name.encode("utf-16-le")) // 2 <= 31
        assert not set(name) & set("[]:*?/\\")
        assert name.strip("'") == name
        assert name.lower() != "history"


@given(st.lists(st.text(), min_size=1, max_size=6))
def test_any_headings_become_such_as_a_table_takes(labels):
    found = headings(labels)
    assert len({name.lower() for name in found}) == len(labels)
    assert all(0 < len(name.encode("utf-16-le")) // 2 <= 255 for name in found)
