"""Values as a spreadsheet holds them: numbers, days and texts, each with the number format of its unit.

Formats are Excel's own codes, which every spreadsheet shows with its user's separators; the currency's sign stands
where the review's locale puts it. A value that a spreadsheet cannot hold as it is carries a remark on what was done.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple

from babel import Locale
from babel.numbers import get_currency_symbol

from helpers.catalogue import TIMES
from helpers.display.formats import MONEY, in_tenths
from helpers.texts import printable

LONGEST_TEXT = 32_767  # characters of a cell, as UTF-16 counts them
MOST_DIGITS = 10**15  # a spreadsheet keeps 15 digits of a number
FIRST_YEAR = 1900
DAY, MOMENT, COUNT, TENTHS = "yyyy-mm-dd", "yyyy-mm-dd hh:mm", "#,##0", "#,##0.0"
FORMATS = {"share": "0.0%", "ratio": "#,##0.00", "count": COUNT, **dict.fromkeys(TIMES, COUNT)}
UNBRACKETED = r"[^\[\]-]+"  # what may stand between the brackets of a currency in a format code

LEFT_OUT = "without characters that no page can show"
CUT = f"cut at {LONGEST_TEXT:,} characters"
TOO_LONG = "a number of more than 15 digits, kept as text"
TOO_EARLY = "a day before 1900, kept as text"


class Cell(NamedTuple):
    """A value, its number format (none is Excel's General), and what must be said of it; None leaves a cell empty."""

    value: str | float | bool | date | None
    format: str = ""
    remark: str = ""


EMPTY = Cell(None)


def column(values: Iterable[Any], field: Mapping[str, Any], style: Mapping[str, str]) -> list[Cell]:
    """The cells of a Table Schema column; ``style`` has the currency and locale of its money.

    >>> column([0.5, None], {"unit": "share"}, {"currency": "EUR", "locale": "en_GB"})[0]
    Cell(value=0.5, format='0.0%', remark='')
    """
    found, unit = list(values), field.get("unit", "")
    if unit == "date" or field.get("type") in ("date", "datetime"):
        return [EMPTY if value is None else _moment(str(value)) for value in found]
    code = number_format(unit, **style)
    if in_tenths(found, unit):
        code = TENTHS
    return [cell(value, code) for value in found]


def cell(value: Any, code: str = "") -> Cell:
    """One value as a cell: a number keeps its format, a text is never anything but text."""
    if value is None or value == "" or (isinstance(value, float) and not math.isfinite(value)):
        return EMPTY
    if isinstance(value, bool):
        return Cell(value)
    if isinstance(value, int) and abs(value) >= MOST_DIGITS:
        return Cell(str(value), remark=TOO_LONG)
    return Cell(value, code) if isinstance(value, int | float) else text_cell(str(value))


def text_cell(text: str) -> Cell:
    r"""A text as a cell can hold it.

    >>> text_cell("Acme\x00"), text_cell("=1+1")[:2]
    (Cell(value='Acme', format='', remark='without characters that no page can show'), ('=1+1', ''))
    """
    shown = printable(text)
    short = cut(shown, LONGEST_TEXT)
    remarks = [LEFT_OUT] * (shown != text) + [CUT] * (short != shown)
    return Cell(short, remark=", ".join(remarks))


def cut(text: str, longest: int) -> str:
    """A text of at most so many characters as UTF-16 counts them, an ellipsis for the rest.

    >>> cut("Umsatz", 6), cut("Umsatz", 5), cut("😀😀", 3)
    ('Umsatz', 'Umsa…', '😀…')
    """
    units = text.encode("utf-16-le") if 2 * len(text) > longest else b""
    if len(units) <= 2 * longest:
        return text
    return units[: 2 * (longest - 1)].decode("utf-16-le", errors="ignore") + "…"


def number_format(unit: str, currency: str, locale: str) -> str:
    """Excel's format code for a unit of the catalogue; empty, its General, for any other.

    >>> number_format("share", "EUR", "en_GB"), number_format("text", "EUR", "en_GB")
    ('0.0%', '')
    """
    return _money(currency, locale) if unit in MONEY else FORMATS.get(unit, "")


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


def _moment(text: str) -> Cell:
    """A day, with its time if it has one, as it is stored: a spreadsheet knows no time zones."""
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return text_cell(text)
    if moment.year < FIRST_YEAR:
        return Cell(text, remark=TOO_EARLY)
    return Cell(moment, MOMENT) if moment.time() != datetime.min.time() else Cell(moment.date(), DAY)
