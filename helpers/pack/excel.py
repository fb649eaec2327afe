"""Excel tables: typed cells with the number format of their unit, and names, looks and widths that Excel takes.

Formats are Excel's own codes, which every spreadsheet shows with its user's separators; the currency's sign stands
where the locale in force puts it. A value that a spreadsheet cannot hold as it is carries a remark on what was done.
Nothing here decides what stands on a sheet.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from babel import Locale
from babel.numbers import get_currency_symbol
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_rowcol_to_cell as cell_name
from xlsxwriter.worksheet import Worksheet

from helpers.catalogue import TIMES
from helpers.display.formats import MONEY, in_tenths
from helpers.display.shown_tables import heading, visible_fields
from helpers.language import _, in_figures, locale_in_force, message, plural
from helpers.texts import cut, free_name, printable, protected, width

LONGEST_TEXT = 32_767  # characters of a cell, as UTF-16 counts them
DAY, MOMENT, COUNT, TENTHS = "yyyy-mm-dd", "yyyy-mm-dd hh:mm", "#,##0", "#,##0.0"
FORMATS = {"share": "0.0%", "ratio": "#,##0.00", "count": COUNT, **dict.fromkeys(TIMES, COUNT)}
UNBRACKETED = r"[^\[\]-]+"  # what may stand between the brackets of a currency in a format code

SHEET_NAME, TABLE_NAME, HEADING = 31, 255, 255  # characters at most
MOST_ROWS = 100_000  # of a table; a sheet holds a million rows
NARROW, WIDE, PARAGRAPH = 9, 46, 64  # characters: the narrowest column, the widest, and that of wrapped texts
BUTTON = 3  # characters: the room of a heading's filter button
GAP, NOTE = 3, 80  # characters: between two tables side by side, and what the sentences above a table have at least
BOLD = 1.2  # how much wider bold signs are
LINE_HEIGHT, HIGHEST = 15, 409  # points
TITLES, NOTES, HEADINGS = 3, 4, 5  # the rows of what stands above a table's cells, and the same on every sheet
PRINTED = 110  # characters that a landscape page is wide between its margins
QUIET = {"font_color": "#555555"}
WRAPPED = {"text_wrap": True, "valign": "top"}
APART = {"indent": 1}  # a text from the number before it
# How the file writes a character that XML has not: a heading that looks like one is escaped, as cells are.
ESCAPE = re.compile("(_x[0-9a-fA-F]{4}_)")

LEFT_OUT = message("without characters that no page can show")
CUT = message("cut at 32,767 characters")
NO_ROWS = message("No rows.")


class Cell(NamedTuple):
    """A value, its number format (none is Excel's General), and what must be said of it; None leaves a cell empty.

    ``quoted`` marks a text that looks like a formula, so that it stays a text should anyone edit it. A cell with a
    ``formula`` calculates its value; the value given is what viewers show that do not calculate.
    """

    value: str | float | bool | date | None
    format: str = ""
    remark: str = ""
    quoted: bool = False
    formula: str = ""


EMPTY = Cell(None)


class Place(NamedTuple):
    """Where something stands: the name of its sheet, and its row and column, counted from 0."""

    sheet: str
    row: int = 0
    x: int = 0


class Block(NamedTuple):
    """The room that a table takes: its columns with the gap after them, and how high its sentences and headings are."""

    columns: int
    width: float
    sentences: float
    heading: float


@dataclass(frozen=True)
class ExcelTable:
    """One table: its title, headings and columns, the sentences under its title, and the one that stands for no rows.

    ``name`` is the name that formulas and pivot tables may call it by, if it has one of its own. In a ``wrapped`` table
    long texts are broken into lines. ``marked`` are conditional formats of columns, by heading, as XlsxWriter has them.
    """

    title: str
    headings: Sequence[str]
    columns: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()
    empty: str = NO_ROWS
    name: str = ""
    wrapped: bool = False
    marked: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of_rows(cls, title: str, headings: Sequence[str], rows: Iterable[Sequence[Any]], **more: Any) -> ExcelTable:
        """A table of rows of values or cells."""
        found = [[value if isinstance(value, Cell) else typed_cell(value) for value in row] for row in rows]
        return cls(title, headings, [[row[x] for row in found] for x in range(len(headings))], **more)

    @property
    def row_count(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    @property
    def written(self) -> list[Sequence[Cell]]:
        """The columns as far as a sheet takes them."""
        return [column[:MOST_ROWS] for column in self.columns]

    @property
    def remarks(self) -> list[str]:
        """What a sheet cannot hold as it is: rows too many, and the values that were changed, counted."""
        rows, most = self.row_count, MOST_ROWS
        left = [_("{n} of {all} rows; a table here has no more.").format(n=in_figures(most), all=in_figures(rows))]
        found = Counter(cell.remark for column in self.written for cell in column if cell.remark)
        return left * (rows > most) + [
            plural("{n} cell: {remark}.", "{n} cells: {remark}.", times).format(n=times, remark=remark)
            for remark, times in found.items()
        ]

    @property
    def sentences(self) -> list[str]:
        """What stands between the title and the rows."""
        return [*self.notes, *self.remarks] + ([] if self.row_count else [_(self.empty)])


@dataclass(frozen=True)
class SheetContent:
    """One sheet: tables side by side under its title, so that each has its columns for itself.

    Of a failed section only ``failure`` is told.
    """

    title: str
    tables: Sequence[ExcelTable] = ()
    failure: str = ""


# --- cells ------------------------------------------------------------------------------------------------------------


def typed_column(values: Iterable[Any], column: Mapping[str, Any], currency: str) -> list[Cell]:
    """The cells of a Table Schema column; ``currency`` is that of its money.

    >>> typed_column([0.5, None], {"unit": "share"}, "EUR")[0][:2]
    (0.5, '0.0%')
    """
    found, unit = list(values), column.get("unit", "")
    is_day = unit == "date" or column.get("type") in ("date", "datetime")
    code = number_format(found, unit, currency)
    different = {value for value in found if isinstance(value, str)}
    texts = {text: _moment(text) if is_day else typed_cell(text) for text in different}
    return [texts[value] if isinstance(value, str) else typed_cell(value, code) for value in found]


def typed_cell(value: Any, code: str = "") -> Cell:
    """One value as a cell: a number keeps its format, a text is never anything but text."""
    if isinstance(value, float):
        return Cell(value, code) if math.isfinite(value) else EMPTY
    if value is None or value == "":
        return EMPTY
    if isinstance(value, bool):
        return Cell(value)
    if isinstance(value, int) and abs(value) >= 10**15:
        return Cell(str(value), remark=_("a number of more than 15 digits, kept as text"))
    return Cell(value, code) if isinstance(value, int) else _text_cell(str(value))


def _text_cell(text: str) -> Cell:
    r"""A text as a cell can hold it.

    >>> _text_cell("Acme\x00")[:3], _text_cell("=1+1").quoted
    (('Acme', '', 'without characters that no page can show'), True)
    """
    shown = printable(text)
    short = cut(shown, LONGEST_TEXT)
    remarks = [remark for remark, is_so in ((LEFT_OUT, shown != text), (CUT, short != shown)) if is_so]
    return Cell(short, "", _(", ").join(map(_, remarks)) if remarks else "", protected(short) != short)


def _moment(text: str) -> Cell:
    """A day, with its time if it has one, as it is stored: a spreadsheet knows no time zones."""
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return _text_cell(text)
    if moment.year < 1900:
        return Cell(text, remark=_("a day before 1900, kept as text"))
    return Cell(moment, MOMENT) if moment.time() != datetime.min.time() else Cell(moment.date(), DAY)


def resource_table(resource: Mapping[str, Any], *sentences: str) -> ExcelTable:
    """A Table Schema resource, every row of it."""
    fields = visible_fields(resource)
    currency = resource.get("currency", "")
    return ExcelTable(
        title=resource.get("title", ""),
        headings=[heading(field) for field in fields],
        columns=[
            typed_column((row.get(field["name"]) for row in resource["data"]), field, currency) for field in fields
        ],
        notes=[note for note in (*sentences, resource.get("note", "")) if note],
        empty=resource.get("empty") or ExcelTable.empty,
        name=PurePosixPath(resource.get("export") or "").stem,
    )


def signed(code: str) -> str:
    """The format of a change: with its sign, and of shares in points.

    >>> signed("#,##0"), signed("0.0%")
    ('+#,##0;-#,##0;#,##0', '+0.0% "points";-0.0% "points";0.0% "points"')
    """
    words = _("points").replace('"', "")
    points = f'{code} "{words}"' if code.endswith("%") else code
    return f"+{points};-{points};{points}"


def number_format(values: Iterable[Any], unit: str, currency: str) -> str:
    """Excel's format code for values of a unit of the catalogue; empty, its General, for any other.

    >>> number_format([0.5], "share", "EUR"), number_format([1.5], "days", "EUR")
    ('0.0%', '#,##0.0')
    """
    if unit in MONEY:
        return _money(currency, locale_in_force())
    return TENTHS if in_tenths(values, unit) else FORMATS.get(unit, "")


@cache
def _money(currency: str, locale: str) -> str:
    """Whole units with the currency's sign, as the pages print them.

    >>> _money("EUR", "en_GB"), _money("EUR", "de_DE"), _money("CHF", "de_CH")
    ('[$€]#,##0', '#,##0 [$€]', '[$CHF] #,##0')
    """
    sign = get_currency_symbol(currency, locale)
    sign = f"[${sign if re.fullmatch(UNBRACKETED, sign) else currency}]"
    standard = Locale.parse(locale).currency_formats["standard"].pattern.split(";")[0]
    gap = " " if re.search(r"\s", standard) else ""
    return f"{sign}{gap}{COUNT}" if standard.index("¤") < standard.index("0") else f"{COUNT}{gap}{sign}"


# --- sheets -----------------------------------------------------------------------------------------------------------


@dataclass
class Book:
    """A workbook on its way, and the names of sheets and tables that are taken."""

    file: Workbook
    accent: str
    _sheets: set[str] = field(default_factory=set)
    _tables: set[str] = field(default_factory=set)

    def sheet(self, title: str) -> Worksheet:
        """A new last sheet, under a name that Excel takes."""
        return self.file.add_worksheet(free_name(sheet_name(title), self._sheets, " ({})", SHEET_NAME))

    def text(self, sheet: Worksheet, row: int, x: int, text: str, **look: Any) -> None:
        """One text, as text."""
        if text:
            sheet.write_string(row, x, str(_text_cell(text).value), self.file.add_format(look))

    def link(self, sheet: Worksheet, row: int, x: int, text: str, to: Place) -> None:
        """One text that leads to a place in this workbook."""
        target = to.sheet.replace("'", "''")
        look = self.file.add_format({"font_color": self.accent, "underline": 1})
        sheet.write_url(row, x, f"internal:'{target}'!{cell_name(to.row, to.x)}", look, str(_text_cell(text).value))

    def block(self, sheet: Worksheet, x: int, table: ExcelTable) -> Block:
        """A table from a column on, under title and sentences; says how much room it takes.

        The sentences have the table's columns and the gap after it, which is as wide as they and the title need.
        """
        widths, sentences = widths_of(table) if table.row_count else [NARROW], table.sentences
        wanted = max(NOTE * bool(sentences), BOLD * width(table.title))
        gap = max(GAP, wanted - sum(widths))
        for place, room in enumerate([*widths, gap], start=x):
            sheet.set_column(place, place, room)
        self.text(sheet, TITLES, x, table.title, bold=True)
        if sentences:
            look = self.file.add_format({**WRAPPED, **QUIET, "italic": True})
            texts = [str(_text_cell(sentence).value) for sentence in sentences]
            sheet.merge_range(NOTES, x, NOTES, x + len(widths), "", look)
            sheet.write_string(NOTES, x, cut("\n".join(texts), LONGEST_TEXT), look)
        if table.row_count:
            self.table(sheet, x, table, widths)
        whole = sum(widths) + gap
        lines = sum(len(textwrap.wrap(text, int(whole))) for text in sentences)
        heading = _height(headings(table.headings), [each - BUTTON for each in widths]) if table.row_count else 0
        return Block(len(widths) + 1, whole, min(LINE_HEIGHT * max(lines, 1), HIGHEST), heading)

    def table(self, sheet: Worksheet, x: int, table: ExcelTable, widths: Sequence[int]) -> None:
        """The headings and cells of a table from a column on."""
        names, columns = headings(table.headings), table.written
        last = HEADINGS + len(columns[0])
        options = {
            "name": free_name(table_name(table.name or sheet.name), self._tables, "_{}", TABLE_NAME),
            "columns": [{"header": ESCAPE.sub(r"_x005F\1", name)} for name in names],
            "style": "Table Style Light 1",
        }
        sheet.add_table(HEADINGS, x, last, x + len(names) - 1, options)
        for y, cells in enumerate(zip(*columns, strict=True), start=HEADINGS + 1) if table.wrapped else ():
            sheet.set_row(y, _height([str(cell.value or "") for cell in cells], widths))
        for place, (name, column) in enumerate(zip(names, columns, strict=True), start=x):
            beside_button = {"align": "right", "indent": 2}
            is_number = any(cell.value is not None and not isinstance(cell.value, str | bool) for cell in column)
            side = beside_button if is_number else APART if place > x else {}
            look = {"text_wrap": True, "valign": "bottom", **side, "bold": True, "bottom": 1, "font_color": self.accent}
            sheet.write_string(HEADINGS, place, name, self.file.add_format(look))
            self._column(sheet, place, column, WRAPPED if table.wrapped else {}, {} if place == x else APART)
        for name, wanted in table.marked.items():
            place = x + list(table.headings).index(name)
            look = {"format": self.file.add_format(wanted["format"])} if "format" in wanted else {}
            sheet.conditional_format(HEADINGS + 1, place, last, place, {**wanted, **look})

    def _column(
        self, sheet: Worksheet, x: int, column: Sequence[Cell], look: Mapping[str, Any], apart: Mapping[str, Any]
    ) -> None:
        """The cells of a column, each as what it is; ``apart`` is the look of texts beside those of another column."""
        ways: dict[tuple[type, str, bool], tuple[Any, Format]] = {}
        for y, (value, code, _remark, quoted, formula) in enumerate(column, start=HEADINGS + 1):
            if value is not None:
                kind = (type(value), code, quoted)
                if kind not in ways:
                    side = apart if isinstance(value, str) else {}
                    own = {"num_format": code} if code else {}
                    mark = {"quote_prefix": True} if quoted else {}
                    ways[kind] = (_writer(sheet, value), self.file.add_format({**look, **own, **side, **mark}))
                write, way = ways[kind]
                if formula:
                    sheet.write_formula(y, x, formula, way, value)
                else:
                    write(y, x, value, way)


def widths_of(table: ExcelTable) -> list[int]:
    """How wide the columns of a table must be for what stands in them."""
    widest = PARAGRAPH if table.wrapped else WIDE
    found = []
    for name, column in zip(headings(table.headings), table.written, strict=True):
        words, values = max(map(width, name.split())), max(map(_shown_width, set(column)), default=0)
        found.append(min(max(NARROW, int(BOLD * words) + BUTTON, values + 2), widest))
    return found


def headings(labels: Sequence[str]) -> list[str]:
    """Headings as an Excel table needs them: on one line, none empty, no two alike.

    >>> headings(["Stage", "to", "To", ""])
    ['Stage', 'to', 'To (2)', 'Column 4']
    """
    taken: set[str] = set()
    words = [" ".join(printable(label).split()) for label in labels]
    names = [word or _("Column {n}").format(n=i) for i, word in enumerate(words, start=1)]
    return [free_name(name, taken, " ({})", HEADING) for name in names]


def sheet_name(title: str) -> str:
    """A title without what the name of a sheet may not have.

    >>> sheet_name("New/lost: 'who?'"), sheet_name("[*]"), sheet_name("History")
    ("New lost 'who", 'Sheet', 'History of')
    """
    words = re.sub(r"[\[\]:*?/\\]", " ", printable(title))
    name = " ".join(words.split()).strip("' ")
    return {"": _("Sheet"), "history": "History of"}.get(name.lower(), name)  # Excel keeps "History" to itself


def table_name(wanted: str) -> str:
    """A name that formulas can use: letters, digits and underscores, and nothing like the address of a cell.

    >>> table_name("Recurring revenue"), table_name("won_deals"), table_name("Q3 2026")
    ('recurring_revenue', 'won_deals', 't_q3_2026')
    """
    name = re.sub(r"\W+", "_", wanted.lower(), flags=re.ASCII).strip("_")
    return name if re.fullmatch(r"[a-z]+(_[a-z0-9_]*)?", name) and len(name) > 1 else f"t_{name}"


def _writer(sheet: Worksheet, value: Any) -> Any:
    """The method of a sheet that writes such a value as what it is."""
    if isinstance(value, str):
        return sheet.write_string
    if isinstance(value, bool):
        return sheet.write_boolean
    return sheet.write_number if isinstance(value, int | float) else sheet.write_datetime


def _height(texts: Sequence[str], widths: Sequence[int]) -> float:
    """The height of a row that has room for texts broken at the widths of their columns."""
    lines = (len(textwrap.wrap(text, max(room, 1))) for text, room in zip(texts, widths, strict=False))
    return min(LINE_HEIGHT * max(lines, default=1), HIGHEST)


def _shown_width(cell: Cell) -> int:
    value, code = cell.value, cell.format
    if isinstance(value, bool) or value is None:
        return 5
    if isinstance(value, str):
        return width(value)
    if isinstance(value, int | float):
        beside = code.partition(";")[0].replace("#,##0", "")
        return len(f"{value:,.0f}") + len(beside) if code else len(f"{value:.9g}")
    return len(code)
