"""The only date arithmetic of the kit: calendars, periods, and what was known when.

Source: specification 1.1. All intervals are half-open, ``[start, end)``, in local days of the
reporting time zone. Knowledge always ends at a local midnight, so one date says it:
everything before the first instant of ``as_of_on`` is known.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from helpers.errors import KitError
from helpers.language import _

Kind = Literal["quarter", "month", "week"]
DAY = timedelta(days=1)
SHOWN_BEFORE: dict[Kind, int] = {"quarter": 8, "month": 24, "week": 12}  # earlier periods that a pack shows
YEAR = "((?:19|20|21)[0-9]{2})"
YEARS = range(1900, 2200)  # far enough from the ends of Python's calendar for every history
FORMS = (
    "a quarter (2026Q3, or FY2027Q1 where the fiscal year is not the calendar year), "
    "a month (2026-07) or an ISO week (2026-W39)"
)


@dataclass(frozen=True)
class Calendar:
    """A company's calendar: reporting time zone and fiscal year.

    ``quarter_starts`` lists the quarters of a 4-4-5 calendar, label -> first day, in order;
    the last entry only ends the one before it.
    """

    timezone: str = "UTC"
    fiscal_year_start_month: int = 1
    fy_label: Literal["end", "start"] = "end"
    quarter_starts: tuple[tuple[str, date], ...] = ()

    def instant(self, day: date) -> datetime:
        """The first instant of a local day, in UTC.

        >>> Calendar("America/New_York").instant(date(2026, 4, 1)).isoformat()
        '2026-04-01T04:00:00+00:00'
        """
        return datetime.combine(day, time(), ZoneInfo(self.timezone)).astimezone(UTC)

    def period(self, label: str, as_of: date | None = None) -> Period:
        """The period that a label names, as known through the end of the local day ``as_of``.

        Without ``as_of``, everything before the period's end is known.

        >>> Calendar(fiscal_year_start_month=2).period("FY2027Q1").end
        datetime.date(2026, 5, 1)

        Raises:
            KitError: the label is not a period of this calendar, or ``as_of`` lies before it.
        """
        if as_of and as_of.year not in YEARS:
            raise KitError(f"as-of {as_of} is in no year that has reviews; give a day of the period or later")
        kind, day = self._first_day(label)
        found = {"quarter": self.quarter_of, "month": self.month_of, "week": self.week_of}[kind](day)
        if found.label != label:
            raise KitError(
                f"period {label!r} is not a quarter of this calendar "
                f"(fiscal year starts in month {self.fiscal_year_start_month}); "
                f"the quarter that holds {day} is {found.label}"
            )
        if as_of and as_of < found.start:
            raise KitError(
                f"as-of {as_of} lies before {label} ({found.start} to {found.end - DAY}); "
                "give a day of the period or later"
            )
        return replace(found, as_of_on=as_of + DAY) if as_of else found

    def quarter_of(self, day: date) -> Period:
        """The fiscal quarter that a local day falls in."""
        if self.quarter_starts:
            for (label, start), (_, end) in zip(self.quarter_starts, self.quarter_starts[1:], strict=False):
                if start <= day < end:
                    return Period(label, "quarter", start, end, end, self)
            raise KitError(f"params: quarter_starts does not reach {day}; add the quarter that holds it")
        offset = (day.month - self.fiscal_year_start_month) % 12
        start = date(day.year, day.month, 1) - relativedelta(months=offset % 3)
        end = start + relativedelta(months=3)
        return Period(self._quarter_label(start, offset // 3 + 1), "quarter", start, end, end, self)

    def month_of(self, day: date) -> Period:
        """The calendar month that a local day falls in."""
        start = day.replace(day=1)
        end = start + relativedelta(months=1)
        return Period(f"{start:%Y-%m}", "month", start, end, end, self)

    def week_of(self, day: date) -> Period:
        """The ISO week that a local day falls in."""
        year, week, weekday = day.isocalendar()
        start = day - (weekday - 1) * DAY
        return Period(f"{year:04d}-W{week:02d}", "week", start, start + 7 * DAY, start + 7 * DAY, self)

    def fiscal_year_start(self, day: date) -> date:
        """The first day of the fiscal year that a local day falls in."""
        if self.quarter_starts:
            label = self.quarter_of(day).label
            return next(start for name, start in self.quarter_starts if name[:-1] == label[:-1])
        return date(day.year, day.month, 1) - relativedelta(months=(day.month - self.fiscal_year_start_month) % 12)

    def fiscal_year_end(self, day: date) -> date:
        """The first day after the fiscal year that a local day falls in; a listed calendar may end before it does.

        >>> Calendar(fiscal_year_start_month=2).fiscal_year_end(date(2026, 3, 31))
        datetime.date(2027, 2, 1)
        """
        if self.quarter_starts:
            year = self.quarter_of(day).label[:-1]
            ends = zip(self.quarter_starts, self.quarter_starts[1:], strict=False)
            return max(end for (label, _), (_, end) in ends if label[:-1] == year)
        return self.fiscal_year_start(day) + relativedelta(years=1)

    def _quarter_label(self, start: date, number: int) -> str:
        if self.fiscal_year_start_month == 1:
            return f"{start.year}Q{number}"
        first = start - relativedelta(months=3 * (number - 1))
        year = first.year + 1 if self.fy_label == "end" else first.year
        return f"FY{year}Q{number}"

    def _first_day(self, label: str) -> tuple[Kind, date]:
        """The first day of the period, or a day of the nearest one if the label is of another calendar."""
        for name, start in self.quarter_starts[:-1]:
            if name == label:
                return "quarter", start
        try:
            if match := re.fullmatch(rf"(FY)?{YEAR}Q([1-4])", label):
                fiscal, year, number = bool(match[1]), int(match[2]), int(match[3])
                month = self.fiscal_year_start_month if fiscal else 1
                if fiscal and month > 1 and self.fy_label == "end":
                    year -= 1
                return "quarter", date(year, month, 1) + relativedelta(months=3 * (number - 1))
            if match := re.fullmatch(rf"{YEAR}-(\d{{2}})", label):
                return "month", date(int(match[1]), int(match[2]), 1)
            if match := re.fullmatch(rf"{YEAR}-W(\d{{2}})", label):
                return "week", date.fromisocalendar(int(match[1]), int(match[2]), 1)
        except (ValueError, OverflowError):
            pass
        raise KitError(f"period {label!r} is not a period; expected {FORMS}")


@dataclass(frozen=True)
class Period:
    """A period of a calendar, and the day from which on nothing is known.

    >>> q = Calendar("America/New_York").period("2026Q1")
    >>> q.start_at.isoformat(), q.end_at.isoformat(), q.days
    ('2026-01-01T05:00:00+00:00', '2026-04-01T04:00:00+00:00', 90)
    """

    label: str
    kind: Kind
    start: date
    end: date
    as_of_on: date
    calendar: Calendar

    @property
    def start_at(self) -> datetime:
        return self.calendar.instant(self.start)

    @property
    def end_at(self) -> datetime:
        return self.calendar.instant(self.end)

    @property
    def as_of_at(self) -> datetime:
        return self.calendar.instant(self.as_of_on)

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def is_partial(self) -> bool:
        """Whether the period was still running when knowledge ends."""
        return self.as_of_on < self.end

    @property
    def known_until(self) -> date:
        """``d_known``: the last complete local day that is known."""
        return self.as_of_on - DAY

    @property
    def measured_on(self) -> date:
        """``d_asof``: the day at which every stock, window and block ends."""
        return min(self.as_of_on, self.end) - DAY

    @property
    def opening_day(self) -> date:
        """The day at which the opening stock is taken: the eve of the period."""
        return self.start - DAY

    @property
    def flow_end(self) -> date:
        """The exclusive end of flows: the period's end, or where knowledge ends."""
        return min(self.end, self.as_of_on)

    @property
    def elapsed_days(self) -> int:
        return (self.flow_end - self.start).days

    @property
    def in_words(self) -> str:
        """The period, or as much of it as is compared with a running one.

        >>> Calendar().period("2026Q2", as_of=date(2026, 4, 5)).previous().in_words
        '5 days of 2026Q1'
        """
        told = _("{n} days of {period}") if self.is_partial else "{period}"
        return told.format(n=self.elapsed_days, period=self.label)

    @property
    def rest_of_year(self) -> list[str]:
        """The labels of the quarters that follow this one in its fiscal year; of a month or a week there are none.

        >>> Calendar(fiscal_year_start_month=2).period("FY2027Q2").rest_of_year
        ['FY2027Q3', 'FY2027Q4']
        """
        year, number = self.label[:-1], self.label[-1]
        return [f"{year}{n}" for n in range(int(number) + 1, 5)] if self.kind == "quarter" else []

    def previous(self, n: int = 1) -> Period:
        """The n-th period before this one, known with the same lag."""
        found = self
        for _time in range(n):
            found = self._at(found.opening_day)
        return self._with_lag(found)

    def year_ago(self) -> Period:
        """The same period a year earlier, known with the same lag."""
        if self.kind == "week":
            return self.previous(52)
        if self.calendar.quarter_starts:
            return self.previous(4)
        return self._with_lag(self._at(self.start - relativedelta(years=1)))

    def history(self, n: int) -> list[Period]:
        """The n periods before this one, earliest first; fewer where a listed calendar begins."""
        found, periods = self, list[Period]()
        with suppress(KitError):
            for _time in range(n):
                found = self._at(found.opening_day)
                periods.insert(0, self._with_lag(found))
        return periods

    def months(self, n: int) -> list[Period]:
        """The last n complete calendar months, earliest first, each known with the lag of the last one."""
        last = self.calendar.month_of(self.flow_end).start - DAY
        lag = self.as_of_on - (last + DAY)
        months = [self.calendar.month_of(last - relativedelta(months=i)) for i in reversed(range(n))]
        return [replace(month, as_of_on=month.end + lag) for month in months]

    def _at(self, day: date) -> Period:
        calendar = self.calendar
        return {"quarter": calendar.quarter_of, "month": calendar.month_of, "week": calendar.week_of}[self.kind](day)

    def _with_lag(self, earlier: Period) -> Period:
        if self.is_partial:
            as_of_on = min(earlier.start + (self.as_of_on - self.start), earlier.end)
        else:
            as_of_on = earlier.end + (self.as_of_on - self.end)
        return replace(earlier, as_of_on=as_of_on)
