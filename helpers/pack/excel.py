"""Excel tables: typed cells with the number format of their unit, and names, looks and widths that Excel takes.

Formats are Excel's own codes, which every spreadsheet shows with its user's separators; the currency's sign stands
where the review's locale puts it. A value that a spreadsheet cannot hold as it is carries a remark on what was done.
Nothing here decides what stands on a sheet.
"""

from __future__ import annotations

import math
import re
import textwrap
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from itertools import chain, count
from typing import Any, NamedTuple

from babel import Locale
from babel.numbers import get_currency_symbol
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from helpers.catalogue import TIMES
from helpers.display.formats import MONEY, in_tenths
from helpers.texts import printable, protected

LONGEST_TEXT = 32_767  # characters of a cell, as UTF-16 counts them
MOST_DIGITS = 10**15  # a spreadsheet keeps 15 digits of a number
FIRST_YEAR = 1900
DAY, MOMENT, COUNT, TENTHS = "yyyy-mm-dd", "yyyy-mm-dd hh:mm", "#,##0", "#,##0.0"
FORMATS = {"share": "0.0%", "ratio": "#,##0.00", "count": COUNT, **dict.fromkeys(TIMES, COUNT)}
UNBRACKETED = r"[^\[\]-]+"  # what may stand between the brackets of a currency in a format code

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

LEFT_OUT = "without characters that no page can show"
CUT = f"cut at {LONGEST_TEXT:,} characters"
TOO_LONG = "a number of more than 15 digits, kept as text"
TOO_EARLY = "a day before 1900, kept as text"


class Cell(NamedTuple):
    """A value, its number format (none is Excel's General), and what must be said of it; None leaves a cell empty.

    ``quoted`` marks a text that looks like a formula, so that it stays a text should anyone edit it.
    """

    value: str | float | bool | date | None
    format: str = ""
    remark: str = ""
    quoted: bool = False


EMPTY = Cell(None)


class Place(NamedTuple):
    """Where something stands: the name of its sheet, and its row, counted from 0."""

    sheet: str
    row: int


@dataclass(frozen=True)
class ExcelTable:
    """One table: its title, headings and columns, the sentences under its title, and the one that stands for no rows.

    ``name`` is the name that formulas and pivot tables may call it by, if it has one of its own. In a ``wrapped`` table
    long texts are broken into lines.
    """

    title: str
    headings: Sequence[str]
    columns: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()
    empty: str = "No rows."
    name: str = ""
    wrapped: bool = False

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
        left = [f"{most:,} of {rows:,} rows; a table here has no more."] if rows > most else []
        found = Counter(cell.remark for column in self.written for cell in column if cell.remark)
        return left + [f"{times} cell{'s' * (times > 1)}: {remark}." for remark, times in found.items()]

    @property
    def sentences(self) -> list[str]:
        """What stands between the title and the rows."""
        return [*self.notes, *self.remarks] + ([] if self.row_count else [self.empty])


# --- cells ------------------------------------------------------------------------------------------------------------


def typed_column(values: Iterable[Any], column: Mapping[str, Any], style: Mapping[str, str]) -> list[Cell]:
    """The cells of a Table Schema column; ``style`` has the currency and locale of its money.

    >>> typed_column([0.5, None], {"unit": "share"}, {"currency": "EUR", "locale": "en_GB"})[0][:2]
    (0.5, '0.0%')
    """
    found, unit = list(values), column.get("unit", "")
    is_day = unit == "date" or column.get("type") in ("date", "datetime")
    code = number_format(found, unit, **style)
    different = {value for value in found if isinstance(value, str)}
    texts = {text: _moment(text) if is_day else typed_cell(text) for text in different}
    return [texts[value] if isinstance(value, str) else typed_cell(value, code) for value in found]


def typed_cell(value: Any, code: str = "") -> Cell:
    """One value as a cell: a number keeps its format, a text is never anything but text."""
    if value is None or value == "" or (isinstance(value, float) and not math.isfinite(value)):
        return EMPTY
    if isinstance(value, bool):
        return Cell(value)
    if isinstance(value, int) and abs(value) >= MOST_DIGITS:
        return Cell(str(value), remark=TOO_LONG)
    return Cell(value, code) if isinstance(value, int | float) else _text_cell(str(value))


def _text_cell(text: str) -> Cell:
    r"""A text as a cell can hold it.

    >>> _text_cell("Acme\x00")[::2], _text_cell("=1+1").quoted
    (('Acme', 'without characters that no page can show'), True)
    """
    shown = printable(text)
    short = cut(shown, LONGEST_TEXT)
    remarks = [LEFT_OUT] * (shown != text) + [CUT] * (short != shown)
    return Cell(short, remark=", ".join(remarks), quoted=protected(short) != short)


def _moment(text: str) -> Cell:
    """A day, with its time if it has one, as it is stored: a spreadsheet knows no time zones."""
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return _text_cell(text)
    if moment.year < FIRST_YEAR:
        return Cell(text, remark=TOO_EARLY)
    return Cell(moment, MOMENT) if moment.time() != datetime.min.time() else Cell(moment.date(), DAY)


def cut(text: str, longest: int) -> str:
    """A text of at most so many characters as UTF-16 counts them, an ellipsis for the rest.

    >>> cut("Umsatz", 6), cut("Umsatz", 5), cut("😀😀", 3)
    ('Umsatz', 'Umsa…', '😀…')
    """
    units = text.encode("utf-16-le") if 2 * len(text) > longest else b""
    if len(units) <= 2 * longest:
        return text
    return units[: 2 * (longest - 1)].decode("utf-16-le", errors="ignore") + "…"


def number_format(values: Iterable[Any], unit: str, currency: str, locale: str) -> str:
    """Excel's format code for values of a unit of the catalogue; empty, its General, for any other.

    >>> number_format([0.5], "share", "EUR", "en_GB"), number_format([1.5], "days", "EUR", "en_GB")
    ('0.0%', '#,##0.0')
    """
    if unit in MONEY:
        return _money(currency, locale)
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
            sheet.write_string(row, x, str(_text_cell(text).value), self._look(look))

    def number(self, sheet: Worksheet, row: int, x: int, number: int) -> None:
        """One count."""
        sheet.write_number(row, x, number, self._look({"num_format": COUNT}))

    def link(self, sheet: Worksheet, row: int, x: int, text: str, to: Place) -> None:
        """One text that leads to a place in this workbook."""
        target = to.sheet.replace("'", "''")
        look = self._look({"font_color": self.accent, "underline": 1})
        sheet.write_url(row, x, f"internal:'{target}'!A{to.row + 1}", look, str(_text_cell(text).value))

    def titled(self, sheet: Worksheet, row: int, table: ExcelTable, widths: Sequence[int]) -> int:
        """A table under its title and sentences; says the row after it."""
        self.text(sheet, row, 0, table.title, bold=True)
        for sentence in table.sentences:
            for line in textwrap.wrap(sentence, LINE):
                row += 1
                self.text(sheet, row, 0, line, italic=True, **QUIET)
        return self.table(sheet, row + 1, table, widths) if table.row_count else row + 1

    def table(self, sheet: Worksheet, row: int, table: ExcelTable, widths: Sequence[int]) -> int:
        """The cells of a table; says the row after it."""
        names, columns = headings(table.headings), table.written
        last = row + max(map(len, columns), default=0)
        last += last == row
        options = {
            "name": free_name(table_name(table.name or sheet.name), self._tables, "_{}", TABLE_NAME),
            "columns": [{"header": ESCAPE.sub(r"_x005F\1", name)} for name in names],
            "style": "Table Style Light 1",
        }
        sheet.add_table(row, 0, last, len(names) - 1, options)
        sheet.set_row(row, _height(names, [width - BUTTON for width in widths]))
        for y, cells in enumerate(zip(*columns, strict=True), start=row + 1) if table.wrapped else ():
            sheet.set_row(y, _height([str(cell.value or "") for cell in cells], widths))
        for x, (name, column) in enumerate(zip(names, columns, strict=True)):
            side = TO_THE_RIGHT if _is_number(column) else APART if x else {}
            look = {**WRAPPED, **side, "bold": True, "bottom": 1, "font_color": self.accent}
            sheet.write_string(row, x, name, self._look(look))
            self._column(sheet, row + 1, x, column, WRAPPED if table.wrapped else {})
        return last + 1

    def _column(self, sheet: Worksheet, first: int, x: int, column: Sequence[Cell], look: Mapping[str, Any]) -> None:
        """The cells of a column, each as what it is."""
        kinds = {(type(cell.value), cell.format, cell.quoted): cell for cell in column if cell.value is not None}
        ways = {kind: (_writer(sheet, cell), self._cell_look(cell, x, look)) for kind, cell in kinds.items()}
        for y, cell in enumerate(column, start=first):
            if cell.value is not None:
                write, shown = ways[type(cell.value), cell.format, cell.quoted]
                write(y, x, cell.value, shown)

    def _cell_look(self, cell: Cell, x: int, look: Mapping[str, Any]) -> Format:
        apart = APART if x and isinstance(cell.value, str) else {}
        code = {"num_format": cell.format} if cell.format else {}
        return self._look({**look, **code, **apart, **({"quote_prefix": True} if cell.quoted else {})})

    def _look(self, wanted: dict[str, Any]) -> Format:
        """A format, made once."""
        key = tuple(sorted(wanted.items()))
        if key not in self._looks:
            self._looks[key] = self.file.add_format(wanted)
        return self._looks[key]


def widen(sheet: Worksheet, tables: Sequence[ExcelTable]) -> list[int]:
    """Makes columns as wide as what stands in them in all tables of a sheet; says how wide."""
    widths: dict[int, int] = {}
    for table in tables:
        for x, (name, column) in enumerate(zip(headings(table.headings), table.written, strict=True)):
            words = max(map(_width, name.split())) + BUTTON
            values = max(map(_shown_width, set(column)), default=0)
            widths[x] = max(widths.get(x, NARROW), words, values + 2)
    widest = PARAGRAPH if any(table.wrapped for table in tables) else WIDE
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


def _writer(sheet: Worksheet, cell: Cell) -> Any:
    """The method of a sheet that writes such a value as what it is."""
    if isinstance(cell.value, str):
        return sheet.write_string
    if isinstance(cell.value, bool):
        return sheet.write_boolean
    return sheet.write_number if isinstance(cell.value, int | float) else sheet.write_datetime


def _is_number(column: Sequence[Cell]) -> bool:
    """Whether a column holds anything that spreadsheets put to the right."""
    return any(cell.value is not None and not isinstance(cell.value, str | bool) for cell in column)


def _height(texts: Sequence[str], widths: Sequence[int]) -> float:
    """The height of a row that has room for texts broken at the widths of their columns."""
    lines = (len(textwrap.wrap(text, max(width, 1))) for text, width in zip(texts, widths, strict=False))
    return min(LINE_HEIGHT * max(lines, default=1), HIGHEST)


def _shown_width(cell: Cell) -> int:
    value, code = cell.value, cell.format
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
