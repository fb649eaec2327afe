"""The dates of the made-up company's history, arithmetic with days, and the random draws.

Much is said in *work time*, a number: the workdays since 4 January 2016, with the part of the workday that has passed
as the fraction. Adding 2.5 to a work time is two and a half workdays later, whatever weekends lie between.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd

DAY, MONTH = np.timedelta64(1, "D"), np.timedelta64(1, "M")
# Three years, and a quarter before them so that the first of them can be compared with the same quarter a year before.
START, END = np.datetime64("2023-07-01"), np.datetime64("2026-10-01")
YEARS = 3.25
FOUNDED = np.datetime64("2018-03-01")
PRICING_ON = np.datetime64("2026-04-01")  # the new price list
CAMPAIGN_ON = np.datetime64("2025-11-03")  # more money for paid search: many leads, few of them any good
RELEASE_ON = np.datetime64("2026-07-14")  # the faulty release
TIMEZONE = "Europe/Berlin"
NEVER = np.datetime64("NaT", "D")

_EPOCH = np.datetime64("2016-01-04")
_HOLIDAYS = [
    np.datetime64(f"{year}-{day}")
    for year in range(2016, 2031)
    for day in ("01-01", "05-01", "10-03", "12-25", "12-26")
]
_CALENDAR = np.busdaycalendar(holidays=_HOLIDAYS)
_SEASON = np.array([0.85, 0.90, 1.15, 0.90, 0.95, 1.15, 0.80, 0.50, 1.05, 1.15, 1.40, 1.60])  # January to December


# --- days -------------------------------------------------------------------------------------------------------------


def as_days(dates: pd.Series) -> np.ndarray:
    """A column of dates as NumPy days."""
    return dates.to_numpy().astype("datetime64[D]")


def add_months(days: np.ndarray, months: np.ndarray | int) -> np.ndarray:
    """Days moved by whole months; the day of the month must be 28 or less.

    >>> add_months(np.array(["2025-12-28"], "datetime64[D]"), 2)
    array(['2026-02-28'], dtype='datetime64[D]')
    """
    month = days.astype("datetime64[M]")
    return (month + months * MONTH).astype("datetime64[D]") + (days - month.astype("datetime64[D]"))


def months_between(first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Whole months from one day to a later one.

    >>> months_between(np.array(["2025-01-15"], "datetime64[D]"), np.array(["2025-03-14"], "datetime64[D]"))
    array([1])
    """
    months = (last.astype("datetime64[M]") - first.astype("datetime64[M]")).astype(int)
    return months - (add_months(first, months) > last)


def are_workdays(days: np.ndarray) -> np.ndarray:
    """Whether each day is neither of a weekend nor a holiday.

    >>> are_workdays(np.array(["2025-12-24", "2025-12-25", "2025-12-28"], "datetime64[D]")).tolist()
    [True, False, False]
    """
    return np.is_busday(days, busdaycal=_CALENDAR)


def months_of_history() -> np.ndarray:
    """The months from START to END."""
    return np.arange(START.astype("datetime64[M]"), END.astype("datetime64[M]"))


# --- work time --------------------------------------------------------------------------------------------------------


def opening(day: np.datetime64) -> int:
    """The work time at which a day begins."""
    return int(np.busday_count(_EPOCH, day, busdaycal=_CALENDAR))


def days_of(work_times: np.ndarray) -> np.ndarray:
    """The local day of each work time; missing ones stay missing."""
    days = np.full(len(work_times), NEVER)
    known = ~np.isnan(work_times)
    whole = np.floor(work_times[known]).astype(int)
    days[known] = np.busday_offset(_EPOCH, whole, roll="forward", busdaycal=_CALENDAR)
    return days


def instants(work_times: np.ndarray) -> pd.DatetimeIndex:
    """Work times as UTC instants; a workday lasts from 8 to 18 o'clock, local time.

    >>> instants(np.array([0.0, 0.5])).strftime("%Y-%m-%d %H:%M %Z").tolist()
    ['2016-01-04 07:00 UTC', '2016-01-04 12:00 UTC']
    """
    seconds = np.nan_to_num(28_800 + 36_000 * (work_times % 1)).astype(int).astype("timedelta64[s]")
    return as_utc(days_of(work_times).astype("datetime64[s]") + seconds)


def as_utc(local: np.ndarray) -> pd.DatetimeIndex:
    """Local times as UTC instants."""
    return pd.DatetimeIndex(local).tz_localize(TIMEZONE).tz_convert("UTC")


# --- chance -----------------------------------------------------------------------------------------------------------


def stream(seed: int, name: str) -> np.random.Generator:
    """The random numbers of one part of the sample, independent of every other part's.

    >>> bool(stream(1, "deals").integers(10**9) == stream(1, "deals").integers(10**9))
    True
    """
    return np.random.default_rng(np.random.SeedSequence([seed, crc32(name.encode())]))


def evenly(rng: np.random.Generator, n: int) -> np.ndarray:
    """``n`` numbers of [0, 1) in random order, one in each n-th of it: shares come out even among a few accounts.

    >>> sorted(np.floor(4 * evenly(np.random.default_rng(1), 4)).astype(int).tolist())
    [0, 1, 2, 3]
    """
    return (rng.permutation(n) + rng.random(n)) / max(n, 1)


def pick(rng: np.random.Generator, shares: Mapping[Any, float], n: int) -> np.ndarray:
    """``n`` of the keys, each as often as its share says."""
    bounds = np.cumsum(list(shares.values()))
    return np.array(list(shares))[np.searchsorted(bounds / bounds[-1], evenly(rng, n), side="right")]


def seasonal_days(
    rng: np.random.Generator, n: int, first: np.datetime64, last: np.datetime64, *, growth: float = 1.16
) -> np.ndarray:
    """``n`` workdays of ``[first, last)``: strong fourth quarters, weak Augusts, more of them every year."""
    days = np.arange(first, last)
    days = days[are_workdays(days)]
    weights = _SEASON[days.astype("datetime64[M]").astype(int) % 12] * growth ** ((days - first).astype(int) / 365)
    return days[np.searchsorted(np.cumsum(weights / weights.sum()), evenly(rng, n) * (1 - 1e-9))]


def at_some_hour(rng: np.random.Generator, days: np.ndarray) -> np.ndarray:
    """Work times at a random hour of each day; a free day counts as the next workday."""
    return np.busday_count(_EPOCH, days, busdaycal=_CALENDAR) + rng.random(len(days))
