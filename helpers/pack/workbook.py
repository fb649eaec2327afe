"""A pack's figures as a workbook: every table as typed values, one sheet per theme, definitions, and all results.

Each table is an Excel table with a name, so that its headings stay in sight, its rows can be filtered, and a pivot
table can be made of it. Every text is written as text: none becomes a formula, a number or a link. Where a page shows
the first rows of a table, or a chart, the sheet has every row of the table behind it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from helpers.catalogue import kpi
from helpers.display.context import MIME_TABLE, Results
from helpers.display.shown_tables import heading, visible_fields
from helpers.pack.appearance import colours_of
from helpers.pack.definitions import Definition
from helpers.pack.excel import (
    COUNT,
    EMPTY,
    QUIET,
    Book,
    Cell,
    ExcelTable,
    Place,
    cut,
    number_format,
    typed_cell,
    typed_column,
    widen,
)
from helpers.pack.notebook_content import MIME_BLOCKS, MIME_CHART, output_parts, shown_outputs
from helpers.pack.pages import Pages, Section
from helpers.results import COLUMNS
from helpers.texts import printable

OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
PAPER = {"letter": 1, "a4": 9}
CONTENTS = {"Sheet": 26, "Table": 70, "Rows": 9, "To know": 60}  # the width of each column, in characters
READING = (
    "Every figure is a number at full precision, whatever its format shows; rows that a page leaves out are here.",
    "An empty cell is what is not known or not defined, where the pages print a dash; it is never 0.",
    "A share is a number from 0 to 1, shown as percent. A day is a date; period_end and as_of are the first moment "
    "that no longer counts.",
    "Every table has a name of its own, for formulas and pivot tables. The sheet Results holds every figure of the "
    "review, with its history.",
)
KEY_FIGURES = (
    "KPI", "Period", "Value", "Unit", "n", "95% from", "to", "Period before", "Year before", "Target", "Met or missed",
    "Status", "kpi_id", "To know",
)  # fmt: skip
VALUES = ("value", "ci_low", "ci_high")  # the columns of results that have the KPI's unit
DEFINITIONS = ("kpi_id", "KPI", "Unit", "Good is", "What it says", "Definition", "Source")
AS_TEXT = "Its cells are text: a table of HTML does not say what is a number."


@dataclass(frozen=True)
class SheetContent:
    """One sheet: tables one below the other under its title, or one ``alone``, its headings in the first row.

    Of a failed section only ``failure`` is told.
    """

    title: str
    tables: Sequence[ExcelTable] = ()
    failure: str = ""
    alone: bool = False


def render_workbook(pages: Pages, sections: Sequence[Section], results: Results) -> bytes:
    """The workbook of a pack; the same inputs give the same bytes."""
    content = io.BytesIO()
    with Workbook(content, OPTIONS) as file:
        file.set_properties(
            {
                "title": printable(_title(pages)),
                "author": printable(pages.company),
                "created": datetime.combine(pages.as_of_on, time()),
            }
        )
        book = Book(file, colours_of(pages.colour)["accent"])
        about = _set_up(book, pages, "About")
        written = [(sheet, _written(book, pages, sheet)) for sheet in _sheets(pages, sections, results)]
        _write_about(book, about, pages, written)
    return content.getvalue()


def _sheets(pages: Pages, sections: Sequence[Section], results: Results) -> Iterator[SheetContent]:
    told = [row for group in pages.scorecard for row in group["rows"]]
    if told:
        yield SheetContent("Scorecard", [_key_figures(f"Scorecard, {pages.period_label}", told, results)])
    for section in sections:
        failure = f"This section failed: {section.failure}." if section.failure else ""
        yield SheetContent(section.title, [] if failure else list(_theme_tables(section, results)), failure)
    yield SheetContent("Results", [_results_table(results)], alone=True)
    yield SheetContent("Definitions", [_definitions_table(pages.definitions)], alone=True)
    own = (*pages.data, pages.parameters, pages.versions)
    yield SheetContent("Data and parameters", [_resource_table(resource) for resource in own if resource])


# --- tables -----------------------------------------------------------------------------------------------------------


def _theme_tables(section: Section, results: Results) -> Iterator[ExcelTable]:
    """Everything that a section shows as figures: its KPIs, then its tables and the tables of its charts, in order."""
    outputs = list(shown_outputs(section.notebook))
    told = [block for _, output in outputs for block in output["data"].get(MIME_BLOCKS, {}).get("blocks", ())]
    if once := {block["kpi_id"]: block for block in told}:
        yield _key_figures(f"Key figures, {results.period.label}", list(once.values()), results)
    locale = results.context.locale
    for number, output in outputs:
        data, where = output["data"], f"{section.title}, cell {number}"
        if chart := data.get(MIME_CHART):
            yield _resource_table({**chart["table"], "title": chart["title"]}, chart["sentence"])
        elif "schema" in data.get(MIME_TABLE, ()):
            resource = {"locale": locale, **data[MIME_TABLE]}
            yield _resource_table({**resource, "title": resource.get("title") or where})
        else:
            parts = [part for part in output_parts(output, where, locale) if part["type"] == "table"]
            yield from (_text_table({**part, "title": part["title"] or where}) for part in parts)


def _resource_table(resource: Mapping[str, Any], sentence: str = "") -> ExcelTable:
    """A Table Schema resource, every row of it."""
    fields = visible_fields(resource)
    style = {"currency": resource.get("currency", ""), "locale": resource.get("locale", "en_GB")}
    return ExcelTable(
        title=resource.get("title", ""),
        headings=[heading(field) for field in fields],
        columns=[typed_column((row.get(field["name"]) for row in resource["data"]), field, style) for field in fields],
        notes=[note for note in (sentence, resource.get("note", "")) if note],
        empty=resource.get("empty") or ExcelTable.empty,
        name=PurePosixPath(resource.get("export") or "").stem,
    )


def _text_table(part: Mapping[str, Any]) -> ExcelTable:
    """A table of an analyst's HTML."""
    labels = [column["label"] for column in part["columns"]]
    return ExcelTable(part["title"], labels, _columns(len(labels), part["rows"]), [AS_TEXT], part["empty"])


def _key_figures(title: str, told: Sequence[Mapping[str, str]], results: Results) -> ExcelTable:
    """KPIs with their values of now and before; ``told`` holds what the pages say of each (``blocks.figures``)."""
    rows = [_key_figure(block, results) for block in told]
    return ExcelTable(title, KEY_FIGURES, _columns(len(KEY_FIGURES), rows))


def _key_figure(told: Mapping[str, str], results: Results) -> list[Cell]:
    row, known = results.shown(told["kpi_id"]), kpi(told["kpi_id"])
    sentences = [told.get(key, "") for key in ("verdict_words", "reason", "cautions")]
    known_by = [told["status"], known.kpi_id, ". ".join(text.rstrip(".") for text in sentences if text)]
    if row is None:
        return [typed_cell(known.label), *[EMPTY] * 10, *map(typed_cell, known_by)]
    before, year_before = (_value(found) for found in (results.before(row), results.year_before(row)))
    numbers = [row["value"], row["ci_low"], row["ci_high"], before, year_before, results.target(known.kpi_id)]
    value, *beside = typed_column(numbers, {"unit": known.unit}, results.context.style)
    unit, met = typed_cell(known.unit.replace("_", " ")), typed_cell(told.get("target_status"))
    first = [typed_cell(known.label), typed_cell(row["period"]), value, unit, typed_cell(row["n"], COUNT)]
    return [*first, *beside, met, *map(typed_cell, known_by)]


def _value(row: pd.Series | None) -> float | None:
    return None if row is None else row["value"]


def _definitions_table(definitions: Iterable[Definition]) -> ExcelTable:
    """One row per KPI: what it is called, how it is counted, what it means."""
    rows = [
        [kpi_id, known.label, known.unit, known.direction, known.definition, told.definition, told.source]
        for told in definitions
        for kpi_id in told.kpi_ids
        for known in [kpi(kpi_id)]
    ]
    return ExcelTable("Definitions", DEFINITIONS, _columns(len(DEFINITIONS), rows), name="definitions", wrapped=True)


def _results_table(results: Results) -> ExcelTable:
    """The long results table: one row per KPI, segment and period, each number with the format of its KPI's unit."""
    style, zone = results.context.style, ZoneInfo(results.period.calendar.timezone)
    instants = {text: datetime.fromisoformat(text).astimezone(zone) for text in results.frame["as_of"].unique()}
    frame = results.frame.assign(as_of=results.frame["as_of"].map(lambda text: instants[text].isoformat()))
    columns = {name: typed_column(frame[name].tolist(), _result_field(name), style) for name in COLUMNS}
    values = [frame[name].tolist() for name in VALUES]
    codes = [number_format(row, unit, **style) for unit, *row in zip(frame["unit"], *values, strict=True)]
    for name, column in zip(VALUES, values, strict=True):
        columns[name] = list(map(typed_cell, column, codes))
    return ExcelTable("Results", COLUMNS, list(columns.values()), name="results")


def _result_field(name: str) -> dict[str, str]:
    types = {"period_start": "date", "period_end": "date", "as_of": "datetime"}
    units = {"n": "count", "ci_level": "share"}
    return {"name": name, "type": types.get(name, ""), "unit": units.get(name, "")}


def _columns(count: int, rows: Iterable[Sequence[Any]]) -> list[list[Cell]]:
    """Rows of values or cells as so many columns of cells."""
    found = [[value if isinstance(value, Cell) else typed_cell(value) for value in row] for row in rows]
    return [[row[x] for row in found] for x in range(count)]


# --- sheets -----------------------------------------------------------------------------------------------------------


def _set_up(book: Book, pages: Pages, title: str) -> Worksheet:
    """A sheet ready for screen and print."""
    sheet = book.sheet(title)
    sheet.hide_gridlines(2)
    sheet.set_landscape()
    sheet.set_paper(PAPER[pages.paper])
    sheet.fit_to_pages(1, 0)
    left = cut(printable(f"{pages.company}, {pages.period_label} {pages.status}"), 80).replace("&", "&&")
    sheet.set_footer(f"&L{left}&C&A&R&P / &N")
    return sheet


def _written(book: Book, pages: Pages, content: SheetContent) -> list[Place]:
    """Writes a sheet; says where it stands, and then where each of its tables does."""
    sheet = _set_up(book, pages, content.title)
    widths = widen(sheet, content.tables)
    if content.alone:
        book.table(sheet, 0, content.tables[0], widths)
        sheet.freeze_panes(1, 1)
        sheet.repeat_rows(0)
        return [Place(sheet.name, 0)] * 2
    book.text(sheet, 0, 0, content.title, bold=True, font_size=14, font_color=book.accent)
    facts = [pages.company, pages.period_label, pages.period_dates, pages.as_of, pages.status]
    book.text(sheet, 1, 0, " · ".join(filter(None, facts)), **QUIET)
    sheet.freeze_panes(2, 1)
    sheet.repeat_rows(0, 1)
    book.text(sheet, 3, 0, content.failure)
    places, row = [Place(sheet.name, 0)], 3
    for table in content.tables:
        places.append(Place(sheet.name, row))
        row = book.titled(sheet, row, table, widths) + 2
    return places


def _write_about(
    book: Book, sheet: Worksheet, pages: Pages, written: Sequence[tuple[SheetContent, list[Place]]]
) -> None:
    """The first sheet: what this is, how to read it, and where everything stands."""
    book.text(sheet, 0, 0, pages.company, bold=True, font_size=14, font_color=book.accent)
    book.text(sheet, 1, 0, _title(pages), bold=True)
    facts = {"Period": pages.period_dates, "As of": pages.as_of, "Status": pages.status, "For": pages.confidentiality}
    for row, (label, text) in enumerate(facts.items(), start=3):
        book.text(sheet, row, 0, label, **QUIET)
        book.text(sheet, row, 1, text, bold=label == "Status")
    for row, text in enumerate(READING, start=8):
        book.text(sheet, row, 0, text)
    row = 9 + len(READING)
    for x, label in enumerate(CONTENTS):
        book.text(sheet, row, x, label, bold=True, font_color=book.accent, bottom=1)
    for content, places in written:
        row = _write_contents(book, sheet, row + 1, content, places)
    for x, width in enumerate(CONTENTS.values()):
        sheet.set_column(x, x, width)


def _write_contents(book: Book, sheet: Worksheet, row: int, content: SheetContent, places: Sequence[Place]) -> int:
    """The lines of one sheet: a link to it, and one to each of its tables; says the last row."""
    book.link(sheet, row, 0, places[0].sheet, places[0])
    if not content.tables:
        book.text(sheet, row, 1, content.failure or "No table.")
    for line, (table, place) in enumerate(zip(content.tables, places[1:], strict=True), start=row):
        book.link(sheet, line, 1, table.title, place)
        book.number(sheet, line, 2, table.row_count)
        book.text(sheet, line, 3, " ".join(table.remarks))
    return row + max(len(content.tables), 1) - 1


def _title(pages: Pages) -> str:
    return f"{pages.title} {pages.period_label}: figures"
