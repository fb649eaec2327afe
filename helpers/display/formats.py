"""Numbers and dates as a reader sees them: the unit decides the format, never the value's size.

Money is in whole major units, shares are percent with one decimal, ratios have two decimals, days,
weeks, months and hours one (none where they are whole), counts none. Grouping, signs and dates follow the
locale in force; minus is a true minus, and what is not known is a dash.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, partial
from typing import Any

import pandas as pd
from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.dates import format_interval as babel_interval
from babel.numbers import format_currency, format_decimal

from helpers.catalogue import TIMES, kpi
from helpers.errors import KitError, nearest
from helpers.language import _, locale_in_force, message, plural
from helpers.texts import dated, spaced

NOTHING = "–"
MONEY = ("money", "money_per_month", "money_per_day")
PERIOD = re.compile(  # the label of a period within a text
    r"(?<![\w-])(\d{4}-(?:0[1-9]|1[0-2])|(?:FY)?\d{4}Q[1-4]|\d{4}-W\d{2})(?![\w-])", re.ASCII
)
LABELS = {
    re.compile(r"(?P<year>\d{4})Q(?P<quarter>\d)"): message("{year}Q{quarter}"),
    re.compile(r"FY(?P<year>\d{4})Q(?P<quarter>\d)"): message("FY{year}Q{quarter}"),
    re.compile(r"(?P<year>\d{4})-W(?P<week>\d{2})"): message("{year}-W{week}"),
}
PATTERNS = {"ratio": "0.00", "count": "0", **dict.fromkeys(TIMES, "0.#")}
FEW = 30  # customers, deals, records: a change of fewer is told in counts, not in per cent
SMALL = 5  # specification 1.5: a share of fewer is printed as "2 of 3"


@dataclass(frozen=True)
class Writer:
    """Writes values, each by its unit; amounts are in one currency."""

    currency: str

    def value(self, value: Any, unit: str) -> str:
        r"""A value of a unit of the catalogue, or of ``text``, ``series`` and ``date``.

        >>> euro = Writer("EUR")
        >>> euro.value(41200.4, "money"), euro.value(-0.0123, "share"), euro.value(float("nan"), "ratio")
        ('€41,200', '−1.2%', '–')
        >>> from helpers.language import speaking
        >>> with speaking("en", locale="de_DE"):
        ...     euro.value(41200.4, "money")
        '41.200\xa0€'

        Raises:
            KitError: the unit is not known.
        """
        if value is None or value is pd.NaT or (isinstance(value, float) and not math.isfinite(value)):
            return NOTHING
        if unit in ("text", "series"):
            return str(value)
        if unit == "date":
            return format_day(value)
        return _signed(float(value), lambda number: self._unsigned(number, unit), positive="")

    def phrase(self, value: float | None, unit: str) -> str:
        """A value with its unit, as it stands in a sentence.

        >>> Writer("GBP").phrase(1200, "money_per_month")
        '£1,200 per month'
        """
        text = self.value(value, unit)
        return text if text == NOTHING or value is None else with_unit(text, unit, value)

    def gap(self, gap: float, unit: str) -> str:
        """The size of a difference, without its sign: shares in percentage points.

        >>> Writer("EUR").gap(-0.012, "share")
        '1.2 pp'
        """
        if unit == "share":
            return _("{n} pp").format(n=self._decimal(abs(gap) * 100, "0.0"))
        return self.phrase(abs(gap), unit) if unit in TIMES else self.value(abs(gap), unit)

    def is_none(self, gap: float, unit: str) -> bool:
        """Whether a difference is none as it is written."""
        return self.gap(gap, unit) == self.gap(0.0, unit)

    def change(self, value: float | None, before: float | None, unit: str) -> str:
        """The change from ``before`` to ``value`` with its sign; of money in percent too.

        >>> euro = Writer("EUR")
        >>> euro.change(0.5, 0.488, "share"), euro.change(112, 100, "money"), euro.change(3, None, "count")
        ('+1.2 pp', '+€12 (+12.0%)', '–')
        """
        absolute = self.difference(value, before, unit)
        if value is None or before is None or unit not in MONEY or absolute in (NOTHING, no_change()):
            return absolute
        relative = self.relative_change(value, before)
        return _("{value} ({note})").format(value=absolute, note=relative) if relative else absolute

    def difference(self, value: float | None, before: float | None, unit: str) -> str:
        """The change from ``before`` to ``value`` with its sign alone.

        >>> Writer("EUR").difference(112, 100, "money")
        '+€12'
        """
        if value is None or before is None or math.isnan(value) or math.isnan(before):
            return NOTHING
        return _signed(value - before, lambda gap: self.gap(gap, unit))

    def relative_change(self, value: float, before: float) -> str:
        """The change in percent with its sign; empty where the ratio would mislead, from or to what is not positive.

        >>> euro = Writer("EUR")
        >>> euro.relative_change(112, 100), euro.relative_change(5, -3)
        ('+12.0%', '')
        """
        if not before > 0 or value < 0:
            return ""
        text = _signed(value / before - 1, lambda number: self._unsigned(number, "share"))
        return "" if text == no_change() else text

    def interval(self, low: float | None, high: float | None, unit: str) -> str:
        """An interval in words; an end that is not reached is open, and no interval at all is empty.

        >>> euro = Writer("EUR")
        >>> euro.interval(0.397, 0.892, "share"), euro.interval(30, None, "days")
        ('39.7% to 89.2%', '30 or more')
        """
        first, last = self.column([low, high], unit)
        if first == last == NOTHING:
            return ""
        if last == NOTHING:
            return _("{low} or more").format(low=first)
        told = _("up to {high}") if first == NOTHING else _("{low} to {high}")
        return told.format(low=first, high=last)

    def level(self, level: float) -> str:
        """How sure an interval is, in whole per cent.

        >>> Writer("EUR").level(0.95)
        '95%'
        """
        locale = _locale(locale_in_force())
        pattern = locale.percent_formats[None].pattern.split(";")[0]
        return spaced(format_decimal(_rounded(level, 2), pattern, locale=locale))

    def result(self, row: pd.Series) -> str:
        """The value of a result row; of a share of fewer than 5, its two parts instead (specification 1.5)."""
        if not is_small(row):
            return self.value(row["value"], row["unit"])
        unit = kpi(row["kpi_id"]).parts
        part, whole = (self.value(row[name], unit) for name in ("numerator", "denominator"))
        told = _("{part} of {whole}").format(part=part, whole=whole)
        return with_unit(told, unit, SMALL) if unit in TIMES else told

    def result_phrase(self, row: pd.Series) -> str:
        """The value of a result row with its unit, as it stands in a sentence."""
        return self.result(row) if is_small(row) else self.phrase(row["value"], row["unit"])

    def column(self, values: Iterable[Any], unit: str) -> list[str]:
        """A column of values of one unit, all with the same number of decimals.

        >>> Writer("EUR").column([1, 2.5, None], "days")
        ['1.0', '2.5', '–']
        """
        found = list(values)
        if not in_tenths(found, unit):
            return [self.value(v, unit) for v in found]
        tenths = partial(self._decimal, pattern="0.0")
        return [NOTHING if pd.isna(v) else _signed(float(v), tenths, positive="") for v in found]

    def _unsigned(self, number: float, unit: str) -> str:
        """A number of a unit of the catalogue, its sign apart."""
        locale = _locale(locale_in_force())
        if unit in MONEY:
            pattern = locale.currency_formats["standard"].pattern.split(";")[0].replace(".00", "")
            text = format_currency(_rounded(number, 0), self.currency, pattern, locale=locale, currency_digits=False)
            return spaced(text)
        if unit == "share":
            pattern = locale.percent_formats[None].pattern.split(";")[0].replace("0", "0.0")
            return spaced(format_decimal(_rounded(number, 3), pattern, locale=locale))
        if unit not in PATTERNS:
            raise KitError(f"unit {unit!r} has no format{nearest(unit, [*MONEY, 'share', *PATTERNS])}")
        return self._decimal(number, PATTERNS[unit])

    def _decimal(self, number: float, pattern: str) -> str:
        """A number with the locale's grouping and the decimals of ``pattern``."""
        locale = _locale(locale_in_force())
        grouped = locale.decimal_formats[None].pattern.split(".")[0].rstrip("0") + pattern
        return spaced(format_decimal(_rounded(number, len(pattern.partition(".")[2])), grouped, locale=locale))


def with_unit(text: str, unit: str, value: float = SMALL) -> str:
    """A written value with the words of its unit, in the number that goes with the value.

    >>> with_unit("€5", "money_per_month"), with_unit("1", "days", 1), with_unit("2.5", "weeks", 2.5)
    ('€5 per month', '1 day', '2.5 weeks')
    """
    n = float(_rounded(abs(value), 1))
    match unit:
        case "money_per_month":
            told = _("{n} per month")
        case "money_per_day":
            told = _("{n} per day")
        case "hours":
            told = plural("{n} hour", "{n} hours", n)
        case "days":
            told = plural("{n} day", "{n} days", n)
        case "weeks":
            told = plural("{n} week", "{n} weeks", n)
        case "months":
            told = plural("{n} month", "{n} months", n)
        case _other:
            told = "{n}"
    return told.format(n=text)


def unit_note(unit: str, value: float = SMALL) -> str:
    """The words of a unit alone, as they stand beside a value; empty where its figures say it.

    >>> unit_note("days"), unit_note("days", 1), unit_note("share")
    ('days', 'day', '')
    """
    return with_unit("", unit, value).strip()


def no_change() -> str:
    """What stands where a value stayed the same."""
    return _("no change")


def is_small(row: pd.Series) -> bool:
    """Whether a result row is a share of so few that a percentage would mislead."""
    parts_known = not (pd.isna(row["value"]) or pd.isna(row["numerator"]) or pd.isna(row["denominator"]))
    return bool(row["unit"] == "share" and row["n"] < SMALL and parts_known)


def in_tenths(values: Iterable[Any], unit: str) -> bool:
    """Whether a column of times is written with one decimal: where any value has one.

    >>> in_tenths([1, 2.5, None], "days"), in_tenths([1.0, 2.0], "days"), in_tenths([0.5], "share")
    (True, False, False)
    """
    return unit in TIMES and any(isinstance(v, float) and math.isfinite(v) and round(v, 1) % 1 for v in values)


def format_day(day: date | str) -> str:
    """A day, from a date, an instant or ISO text.

    >>> format_day("2026-09-30"), format_day(date(2026, 9, 30))
    ('30 Sept 2026', '30 Sept 2026')
    """
    return dated(format_date(_day(day), "medium", locale=locale_in_force()))


def format_days(start: date | str, end: date | str) -> str:
    """The days of a half-open interval, first and last.

    >>> format_days("2026-07-01", "2026-10-01")
    '1 Jul – 30 Sept 2026'
    """
    last = _day(end) - timedelta(days=1)
    return dated(babel_interval(_day(start), last, "yMMMd", locale=locale_in_force()))


def format_period(label: str) -> str:
    """The name of a period: months by their name, quarters and weeks by their label, as the language writes it.

    >>> format_period("2026-09"), format_period("2026Q3")
    ('Sept 2026', '2026Q3')
    """
    if first := month_start(label):
        return dated(format_skeleton("yMMM", first, locale=locale_in_force()))
    for shape, told in LABELS.items():
        if found := shape.fullmatch(label):
            return _(told).format(**found.groupdict())
    return label


def with_periods(text: str) -> str:
    """A text of the kit, in which each period is named as ``format_period`` does.

    >>> with_periods("signed 2026-07 – 2026-09"), with_periods("Entered in 2026Q3")
    ('signed Jul 2026 – Sept 2026', 'Entered in 2026Q3')
    """
    return PERIOD.sub(lambda found: format_period(found[0]), text)


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
    if abs(number) < 1 and text == write(0.0):
        return no_change() if positive else text
    return ("−" if number < 0 else positive) + text


def _rounded(value: float, decimals: int) -> Decimal:
    """Halves away from zero, as a spreadsheet shows them; the workbook and the pages must not differ."""
    return Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


@cache
def _locale(locale: str) -> Locale:
    return Locale.parse(locale)
