"""A pack's figures as a workbook: every table as typed values, one sheet per theme, definitions, and all results.

Each table is an Excel table with a name, so that its headings stay in sight, its rows can be filtered, and a pivot
table can be made of it. Every text is written as text: none becomes a formula, a number or a link.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from helpers.display.context import Results
from helpers.pack import colours
from helpers.pack.cells import cut
from helpers.pack.grids import Grid, definition_grid, key_figures, part_grid, resource_grid, results_grid, theme_grids
from helpers.pack.sheets import QUIET, Book, Place, remarks, widen
from helpers.pack.view import PackView, Section
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


@dataclass(frozen=True)
class Page:
    """One sheet: grids one below the other under its title, or one grid ``alone``, its headings in the first row.

    Of a failed section only ``failure`` is told.
    """

    title: str
    grids: Sequence[Grid] = ()
    failure: str = ""
    alone: bool = False


def render_workbook(
    view: PackView, sections: Sequence[Section], results: Results, data: Iterable[Mapping[str, Any]] = ()
) -> bytes:
    """The workbook of a pack; the same inputs give the same bytes. ``data`` holds the tables of the data page."""
    content = io.BytesIO()
    with Workbook(content, OPTIONS) as file:
        file.set_properties(
            {
                "title": printable(_title(view)),
                "author": printable(view.company),
                "created": datetime.combine(view.as_of_on, time()),
            }
        )
        book = Book(file, colours.look(view.colour)["accent"])
        about = _set_up(book, view, "About")
        pages = [(page, _written(book, view, page)) for page in _pages(view, sections, results, data)]
        _write_about(book, about, view, pages)
    return content.getvalue()


def _pages(
    view: PackView, sections: Sequence[Section], results: Results, data: Iterable[Mapping[str, Any]]
) -> Iterator[Page]:
    told = [row for group in view.scorecard for row in group["rows"]]
    if told:
        yield Page("Scorecard", [key_figures(f"Scorecard, {view.period_label}", told, results)])
    for section in sections:
        failure = f"This section failed: {section.failure}." if section.failure else ""
        yield Page(section.title, [] if failure else theme_grids(section, results), failure)
    yield Page("Results", [results_grid(results)], alone=True)
    yield Page("Definitions", [definition_grid(view.definitions)], alone=True)
    parts = (view.changes.restated, view.changes.redefined, view.parameters, view.versions)
    yield Page("Data and parameters", [*map(resource_grid, data), *(part_grid(part) for part in parts if part)])


def _set_up(book: Book, view: PackView, title: str) -> Worksheet:
    """A sheet ready for screen and print."""
    sheet = book.sheet(title)
    sheet.hide_gridlines(2)
    sheet.set_landscape()
    sheet.set_paper(PAPER[view.paper])
    sheet.fit_to_pages(1, 0)
    left = cut(printable(f"{view.company}, {view.period_label} {view.status}"), 80).replace("&", "&&")
    sheet.set_footer(f"&L{left}&C&A&R&P / &N")
    return sheet


def _written(book: Book, view: PackView, page: Page) -> list[Place]:
    """Writes a page; says where it stands, and then where each of its grids does."""
    sheet = _set_up(book, view, page.title)
    widths = widen(sheet, page.grids)
    if page.alone:
        book.table(sheet, 0, page.grids[0], widths)
        sheet.freeze_panes(1, 1)
        sheet.repeat_rows(0)
        return [Place(sheet.name, 0)] * 2
    book.text(sheet, 0, 0, page.title, bold=True, font_size=14, font_color=book.accent)
    book.text(sheet, 1, 0, _when(view), **QUIET)
    sheet.freeze_panes(2, 1)
    sheet.repeat_rows(0, 1)
    book.text(sheet, 3, 0, page.failure)
    places, row = [Place(sheet.name, 0)], 3
    for grid in page.grids:
        places.append(Place(sheet.name, row))
        row = book.titled(sheet, row, grid, widths) + 2
    return places


def _write_about(book: Book, sheet: Worksheet, view: PackView, pages: Sequence[tuple[Page, list[Place]]]) -> None:
    """The first sheet: what this is, how to read it, and where everything stands."""
    book.text(sheet, 0, 0, view.company, bold=True, font_size=14, font_color=book.accent)
    book.text(sheet, 1, 0, _title(view), bold=True)
    facts = {"Period": view.period_dates, "As of": view.as_of, "Status": view.status, "For": view.confidentiality}
    for row, (label, text) in enumerate(facts.items(), start=3):
        book.text(sheet, row, 0, label, **QUIET)
        book.text(sheet, row, 1, text, bold=label == "Status")
    for row, text in enumerate(READING, start=8):
        book.text(sheet, row, 0, text)
    row = 9 + len(READING)
    for x, label in enumerate(CONTENTS):
        book.text(sheet, row, x, label, bold=True, font_color=book.accent, bottom=1)
    for page, places in pages:
        row = _write_contents(book, sheet, row + 1, page, places)
    for x, width in enumerate(CONTENTS.values()):
        sheet.set_column(x, x, width)


def _write_contents(book: Book, sheet: Worksheet, row: int, page: Page, places: Sequence[Place]) -> int:
    """The lines of one page: a link to it, and one to each of its tables; says the last row."""
    book.link(sheet, row, 0, places[0].sheet, places[0])
    if not page.grids:
        book.text(sheet, row, 1, page.failure or "No table.")
    for line, (grid, place) in enumerate(zip(page.grids, places[1:], strict=True), start=row):
        book.link(sheet, line, 1, grid.title, place)
        book.number(sheet, line, 2, len(grid.rows))
        book.text(sheet, line, 3, " ".join(remarks(grid)))
    return row + max(len(page.grids), 1) - 1


def _title(view: PackView) -> str:
    return f"{view.title} {view.period_label}: figures"


def _when(view: PackView) -> str:
    return " · ".join(filter(None, [view.company, view.period_label, view.period_dates, view.as_of, view.status]))
