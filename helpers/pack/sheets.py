"""Sheets of a workbook: grids of cells written as Excel tables, with names, looks and widths that Excel takes.

Nothing here decides what stands on a sheet.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any, NamedTuple

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from helpers.pack.cells import COUNT, Cell, cut, text_cell
from helpers.pack.grids import Grid
from helpers.texts import printable, protected

SHEET_NAME, TABLE_NAME, HEADING = 31, 255, 255  # characters at most
MOST_ROWS = 100_000  # of a table; a sheet holds a million rows
NARROW, WIDE, PARAGRAPH = 9, 46, 64  # characters: the narrowest column, the widest, and that of wrapped texts
BUTTON = 3  # characters: the room of a heading's filter button
LINE = 110  # characters of a line of text above a table
LINE_HEIGHT, HIGHEST = 15, 409  # points
QUIET = {"font_color": "#555555"}
WRAPPED = {"text_wrap": True, "valign": "top"}
APART = {"indent": 1}  # a text from the number before it
TO_THE_RIGHT = {"align": "right", "indent": 2}  # beside the filter button
# How the file writes a character that XML has not: a heading that looks like one is escaped, as cells are.
ESCAPE = re.compile("(_x[0-9a-fA-F]{4}_)")


class Place(NamedTuple):
    """Where something stands: the name of its sheet, and its row, counted from 0."""

    sheet: str
    row: int


@dataclass
class Book:
    """A workbook on its way: the looks that it has, and the names of sheets and tables that are taken."""

    file: Workbook
    accent: str
    _looks: dict[tuple[tuple[str, Any], ...], Format] = field(default_factory=dict)
    _sheets: set[str] = field(default_factory=set)
    _tables: set[str] = field(default_factory=set)

    def sheet(self, title: str) -> Worksheet:
        """A new last sheet, under a name that Excel takes."""
        return self.file.add_worksheet(free_name(sheet_name(title), self._sheets, " ({})", SHEET_NAME))

    def text(self, sheet: Worksheet, row: int, x: int, text: str, **look: Any) -> None:
        """One text, as text."""
        if text:
            sheet.write_string(row, x, str(text_cell(text).value), self._look(look))

    def number(self, sheet: Worksheet, row: int, x: int, number: int) -> None:
        """One count."""
        sheet.write_number(row, x, number, self._look({"num_format": COUNT}))

    def link(self, sheet: Worksheet, row: int, x: int, text: str, to: Place) -> None:
        """One text that leads to a place in this workbook."""
        target = to.sheet.replace("'", "''")
        look = self._look({"font_color": self.accent, "underline": 1})
        sheet.write_url(row, x, f"internal:'{target}'!A{to.row + 1}", look, str(text_cell(text).value))

    def titled(self, sheet: Worksheet, row: int, grid: Grid, widths: Sequence[int]) -> int:
        """A grid under its title and sentences; says the row after it."""
        self.text(sheet, row, 0, grid.title, bold=True)
        for sentence in sentences(grid):
            for line in textwrap.wrap(sentence, LINE):
                row += 1
                self.text(sheet, row, 0, line, italic=True, **QUIET)
        return self.table(sheet, row + 1, grid, widths) if grid.rows else row + 1

    def table(self, sheet: Worksheet, row: int, grid: Grid, widths: Sequence[int]) -> int:
        """The cells of a grid as an Excel table; says the row after it."""
        names, rows = headings(grid.headings), grid.rows[:MOST_ROWS]
        last = row + max(len(rows), 1)
        options = {
            "name": free_name(table_name(grid.name or sheet.name), self._tables, "_{}", TABLE_NAME),
            "columns": [{"header": ESCAPE.sub(r"_x005F\1", name)} for name in names],
            "style": "Table Style Light 1",
        }
        sheet.add_table(row, 0, last, len(names) - 1, options)
        sheet.set_row(row, _height(names, [width - BUTTON for width in widths]))
        for x, name in enumerate(names):
            side = TO_THE_RIGHT if _is_number(rows, x) else APART if x else {}
            look = {**WRAPPED, **side, "bold": True, "bottom": 1, "font_color": self.accent}
            sheet.write_string(row, x, name, self._look(look))
        for y, cells in enumerate(rows, start=row + 1):
            if grid.wrapped:
                sheet.set_row(y, _height([str(found.value or "") for found in cells], widths))
            for x, found in enumerate(cells):
                self._put(sheet, y, x, found, WRAPPED if grid.wrapped else {})
        return last + 1

    def _put(self, sheet: Worksheet, y: int, x: int, found: Cell, look: dict[str, Any]) -> None:
        """A cell as what it is; a text that looks like a formula is marked as text, should anyone edit it."""
        value = found.value
        if found.format:
            look = {**look, "num_format": found.format}
        if isinstance(value, str):
            apart = APART if x else {}
            quoted = {"quote_prefix": True} if protected(value) != value else {}
            sheet.write_string(y, x, value, self._look({**look, **apart, **quoted}))
        elif isinstance(value, bool):
            sheet.write_boolean(y, x, value, self._look(look))
        elif isinstance(value, int | float):
            sheet.write_number(y, x, value, self._look(look))
        elif value is not None:
            sheet.write_datetime(y, x, value, self._look(look))

    def _look(self, wanted: dict[str, Any]) -> Format:
        """A format, made once."""
        key = tuple(sorted(wanted.items()))
        if key not in self._looks:
            self._looks[key] = self.file.add_format(wanted)
        return self._looks[key]


def sentences(grid: Grid) -> list[str]:
    """What stands between the title of a grid and its rows."""
    return [*grid.notes, *remarks(grid)] + ([] if grid.rows else [grid.empty])


def remarks(grid: Grid) -> list[str]:
    """What a sheet cannot hold as it is: rows too many, and the values that were changed, counted."""
    rows = grid.rows[:MOST_ROWS]
    left = [f"{len(rows):,} of {len(grid.rows):,} rows; a table here has no more."] if grid.rows[MOST_ROWS:] else []
    found = Counter(cell.remark for row in rows for cell in row if cell.remark)
    return left + [f"{times} cell{'s' * (times > 1)}: {remark}." for remark, times in found.items()]


def widen(sheet: Worksheet, grids: Sequence[Grid]) -> list[int]:
    """Makes columns as wide as what stands in them in all tables of a sheet; says how wide."""
    widths: dict[int, int] = {}
    for grid in grids:
        for x, name in enumerate(headings(grid.headings)):
            words = max(map(_width, name.split())) + BUTTON
            values = max((_shown_width(row[x]) for row in grid.rows[:MOST_ROWS]), default=0)
            widths[x] = max(widths.get(x, NARROW), words, values + 2)
    widest = PARAGRAPH if any(grid.wrapped for grid in grids) else WIDE
    found = [min(width, widest) for _, width in sorted(widths.items())]
    for x, width in enumerate(found):
        sheet.set_column(x, x, width)
    return found


def headings(labels: Sequence[str]) -> list[str]:
    """Headings as an Excel table needs them: on one line, none empty, no two alike.

    >>> headings(["Stage", "to", "To", ""])
    ['Stage', 'to', 'To (2)', 'Column 4']
    """
    taken: set[str] = set()
    words = (" ".join(printable(label).split()) or f"Column {i}" for i, label in enumerate(labels, start=1))
    return [free_name(word, taken, " ({})", HEADING) for word in words]


def sheet_name(title: str) -> str:
    """A title without what the name of a sheet may not have.

    >>> sheet_name("New/lost: 'who?'"), sheet_name("[*]"), sheet_name("History")
    ("New lost 'who", 'Sheet', 'History of')
    """
    words = re.sub(r"[\[\]:*?/\\]", " ", printable(title))
    name = " ".join(words.split()).strip("' ")
    return {"": "Sheet", "history": "History of"}.get(name.lower(), name)  # Excel keeps "History" to itself


def table_name(wanted: str) -> str:
    """A name that formulas can use: letters, digits and underscores, and nothing like the address of a cell.

    >>> table_name("Recurring revenue"), table_name("won_deals"), table_name("Q3 2026")
    ('recurring_revenue', 'won_deals', 't_q3_2026')
    """
    name = re.sub(r"\W+", "_", wanted.lower(), flags=re.ASCII).strip("_")
    return name if re.fullmatch(r"[a-z]+(_[a-z0-9_]*)?", name) and len(name) > 1 else f"t_{name}"


def free_name(wanted: str, taken: set[str], more: str, longest: int) -> str:
    """A name that is not taken yet, whatever its case, of at most so many characters; it is taken then.

    >>> [free_name("Sales", taken, " ({})", 6) for taken in [set(), {"sales"}]]
    ['Sales', 'S… (2)']
    """
    endings = chain([""], map(more.format, count(2)))
    names = (cut(wanted, longest - len(ending)) + ending for ending in endings)
    found = next(name for name in names if name.lower() not in taken)
    taken.add(found.lower())
    return found


def _is_number(rows: Sequence[Sequence[Cell]], x: int) -> bool:
    """Whether a column holds anything that spreadsheets put to the right."""
    return any(row[x].value is not None and not isinstance(row[x].value, str | bool) for row in rows)


def _height(texts: Sequence[str], widths: Sequence[int]) -> float:
    """The height of a row that has room for texts broken at the widths of their columns."""
    lines = (len(textwrap.wrap(text, max(width, 1))) for text, width in zip(texts, widths, strict=False))
    return min(LINE_HEIGHT * max(lines, default=1), HIGHEST)


def _shown_width(found: Cell) -> int:
    value, code = found.value, found.format
    if isinstance(value, bool) or value is None:
        return 5
    if isinstance(value, str):
        return _width(value)
    if isinstance(value, int | float):
        return len(f"{value:,.0f}") + len(code.replace("#,##0", "")) if code else len(f"{value:.9g}")
    return len(code)


def _width(text: str) -> int:
    """How many narrow characters wide a text is; those of East Asian scripts count twice."""
    return len(text) if text.isascii() else sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)
