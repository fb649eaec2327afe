"""Numbers and dates as a reader sees them: the unit decides the format, never the value's size.

Money is in whole major units, shares are percent with one decimal, ratios have two decimals, days,
weeks, months and hours one (none where they are whole), counts none. Grouping, signs and dates follow the locale;
minus is a true minus, and what is not known is a dash.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

import pandas as pd
from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.dates import format_interval as babel_interval
from babel.numbers import format_currency, format_decimal

from helpers.catalogue import TIMES
from helpers.errors import KitError, nearest

NOTHING = "–"
NO_CHANGE = "no change"
MONEY = ("money", "money_per_month", "money_per_day")
NOTES = {"money_per_month": "per month", "money_per_day": "per day", **{unit: unit for unit in TIMES}}
PATTERNS = {"ratio": "0.00", "count": "0", **dict.fromkeys(TIMES, "0.#")}
SMALL = 5  # specification 1.5: a share of fewer is printed as "2 of 3"


def format_value(value: Any, unit: str, *, currency: str, locale: str) -> str:
    r"""A value of a unit of the catalogue, or of ``text``, ``series`` and ``date``.

    >>> style = {"currency": "EUR", "locale": "en_GB"}
    >>> format_value(41200.4, "money", **style), format_value(-0.0123, "share", **style)
    ('€41,200', '−1.2%')
    >>> format_value(float("nan"), "ratio", **style), format_value(12.0, "days", **style)
    ('–', '12')
    >>> format_value(41200.4, "money", currency="EUR", locale="de_DE")
    '41.200\xa0€'

    Raises:
        KitError: the unit is not known.
    """
    if value is None or value is pd.NaT or (isinstance(value, float) and not math.isfinite(value)):
        return NOTHING
    if unit in ("text", "series"):
        return str(value)
    if unit == "date":
        return format_day(value, locale)
    return _signed(float(value), _writer(unit, currency, locale), positive="")


def format_phrase(value: float | None, unit: str, *, currency: str, locale: str) -> str:
    """A value with its unit, as it stands in a sentence.

    >>> format_phrase(1200, "money_per_month", currency="GBP", locale="en_GB")
    '£1,200 per month'
    """
    text = format_value(value, unit, currency=currency, locale=locale)
    note = NOTES.get(unit, "")
    if not note or text == NOTHING:
        return text
    return f"{text} {note.removesuffix('s') if note in TIMES and text == '1' else note}"


def format_gap(gap: float, unit: str, *, currency: str, locale: str) -> str:
    """The size of a difference, without its sign: shares in percentage points.

    >>> format_gap(-0.012, "share", currency="EUR", locale="en_GB")
    '1.2 pp'
    """
    if unit == "share":
        return f"{_decimal('0.0', locale)(abs(gap) * 100)} pp"
    if unit in TIMES:
        return format_phrase(abs(gap), unit, currency=currency, locale=locale)
    return format_value(abs(gap), unit, currency=currency, locale=locale)


def format_change(value: float | None, before: float | None, unit: str, *, currency: str, locale: str) -> str:
    """The change from ``before`` to ``value`` with its sign; of money in percent too.

    >>> style = {"currency": "EUR", "locale": "en_GB"}
    >>> format_change(0.5, 0.488, "share", **style), format_change(112, 100, "money", **style)
    ('+1.2 pp', '+€12 (+12.0%)')
    >>> format_change(3, 4, "count", **style), format_change(3, None, "count", **style)
    ('−1', '–')
    """
    if value is None or before is None or math.isnan(value) or math.isnan(before):
        return NOTHING
    absolute = _signed(value - before, lambda gap: format_gap(gap, unit, currency=currency, locale=locale))
    if unit not in MONEY or absolute == NO_CHANGE:
        return absolute
    relative = format_relative(value, before, locale=locale)
    return f"{absolute} ({relative})" if relative else absolute


def format_relative(value: float, before: float, *, locale: str) -> str:
    """The change in percent with its sign; empty where the ratio would mislead, from or to what is not positive.

    >>> format_relative(112, 100, locale="en_GB"), format_relative(5, -3, locale="en_GB")
    ('+12.0%', '')
    """
    if not before > 0 or value < 0:
        return ""
    relative = _signed(value / before - 1, _writer("share", "", locale))
    return relative if relative != NO_CHANGE else ""


def format_interval(low: float | None, high: float | None, unit: str, *, currency: str, locale: str) -> str:
    """An interval in words; an end that is not reached is open, and no interval at all is empty.

    >>> format_interval(0.397, 0.892, "share", currency="EUR", locale="en_GB")
    '39.7% to 89.2%'
    >>> format_interval(30, None, "days", currency="EUR", locale="en_GB")
    '30 or more'
    """
    ends = [format_value(end, unit, currency=currency, locale=locale) for end in (low, high)]
    if ends[0] == ends[1] == NOTHING:
        return ""
    if ends[1] == NOTHING:
        return f"{ends[0]} or more"
    return f"up to {ends[1]}" if ends[0] == NOTHING else f"{ends[0]} to {ends[1]}"


def format_result(row: pd.Series, *, currency: str, locale: str) -> str:
    """The value of a result row; of a share of fewer than 5, its two parts instead (specification 1.5).

    Parts that are counts are printed as counts, parts that are money as money.
    """
    if not is_small(row):
        return format_value(row["value"], row["unit"], currency=currency, locale=locale)
    parts = (row["numerator"], row["denominator"])
    of = "count" if parts[1] == row["n"] else "money"
    return " of ".join(format_value(part, of, currency=currency, locale=locale) for part in parts)


def is_small(row: pd.Series) -> bool:
    """Whether a result row is a share of so few that a percentage would mislead."""
    parts_known = not (pd.isna(row["value"]) or pd.isna(row["numerator"]) or pd.isna(row["denominator"]))
    return bool(row["unit"] == "share" and row["n"] < SMALL and parts_known)


def format_column(values: Iterable[Any], unit: str, *, currency: str, locale: str) -> list[str]:
    """A column of values of one unit, all with the same number of decimals.

    >>> format_column([1, 2.5, None], "days", currency="EUR", locale="en_GB")
    ['1.0', '2.5', '–']
    """
    found = list(values)
    if in_tenths(found, unit):
        write = _decimal("0.0", locale)
        return [NOTHING if pd.isna(v) else _signed(float(v), write, positive="") for v in found]
    return [format_value(v, unit, currency=currency, locale=locale) for v in found]


def in_tenths(values: Iterable[Any], unit: str) -> bool:
    """Whether a column of times is written with one decimal: where any value has one.

    >>> in_tenths([1, 2.5, None], "days"), in_tenths([1.0, 2.0], "days"), in_tenths([0.5], "share")
    (True, False, False)
    """
    return unit in TIMES and any(isinstance(v, float) and math.isfinite(v) and round(v, 1) % 1 for v in values)


def format_day(day: date | str, locale: str) -> str:
    """A day, from a date, an instant or ISO text.

    >>> format_day("2026-09-30", "en_GB"), format_day(date(2026, 9, 30), "de_DE")
    ('30 Sept 2026', '30.09.2026')
    """
    return _spaced(format_date(_day(day), "medium", locale=locale))


def format_days(start: date | str, end: date | str, locale: str) -> str:
    """The days of a half-open interval, first and last.

    >>> format_days("2026-07-01", "2026-10-01", "en_GB")
    '1 Jul – 30 Sept 2026'
    """
    last = _day(end) - timedelta(days=1)
    return _spaced(babel_interval(_day(start), last, "yMMMd", locale=locale))


def format_period(label: str, locale: str) -> str:
    """The name of a period: months by their name, quarters and weeks by their label.

    >>> format_period("2026-09", "en_GB"), format_period("2026Q3", "en_GB")
    ('Sept 2026', '2026Q3')
    """
    first = month_start(label)
    return _spaced(format_skeleton("yMMM", first, locale=locale)) if first else label


def month_start(label: str) -> date | None:
    """The first day of the month that a label names; None for other periods."""
    return date.fromisoformat(f"{label}-01") if re.fullmatch(r"\d{4}-\d{2}", label) else None


def _day(day: date | str) -> date:
    if isinstance(day, str):
        return datetime.fromisoformat(day).date()
    return day.date() if isinstance(day, datetime) else day


def _signed(number: float, write: Callable[[float], str], positive: str = "+") -> str:
    """A written number with its sign; what rounds to zero has none, and is no change where a plus is asked for."""
    text = write(abs(number))
    if text == write(0.0):
        return NO_CHANGE if positive else text
    return ("−" if number < 0 else positive) + text


def _writer(unit: str, currency: str, locale: str) -> Callable[[float], str]:
    """How numbers of a unit are written, signs apart."""
    if unit in MONEY:
        pattern = _locale(locale).currency_formats["standard"].pattern.split(";")[0].replace(".00", "")
        return lambda v: _spaced(
            format_currency(_rounded(v, 0), currency, pattern, locale=locale, currency_digits=False)
        )
    if unit == "share":
        pattern = _locale(locale).percent_formats[None].pattern.split(";")[0].replace("0", "0.0")
        return lambda v: _spaced(format_decimal(_rounded(v, 3), pattern, locale=locale))
    if unit not in PATTERNS:
        raise KitError(f"unit {unit!r} has no format{nearest(unit, [*MONEY, 'share', *PATTERNS])}")
    return _decimal(PATTERNS[unit], locale)


def _decimal(pattern: str, locale: str) -> Callable[[float], str]:
    """Numbers with the locale's grouping and the decimals of ``pattern``."""
    grouped = _locale(locale).decimal_formats[None].pattern.split(".")[0].rstrip("0") + pattern
    decimals = len(pattern.partition(".")[2])
    return lambda v: _spaced(format_decimal(_rounded(v, decimals), grouped, locale=locale))


def _rounded(value: float, decimals: int) -> Decimal:
    """Halves away from zero, as a spreadsheet shows them; the workbook and the pages must not differ."""
    return Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


@cache
def _locale(locale: str) -> Locale:
    return Locale.parse(locale)


def _spaced(text: str) -> str:
    """The pack's typeface has no narrow spaces and no full-width yen sign."""
    return text.replace("\u202f", "\xa0").replace("\u2009", " ").replace("\uffe5", "¥")
