"""The days of the made-up company, its random streams, and the day arithmetic that its history needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd

# Three years, and a quarter more so that the first of them can be compared with the same quarter a year before.
START, END = np.datetime64("2023-07-01"), np.datetime64("2026-10-01")
YEARS = 3.25
FOUNDED = np.datetime64("2018-03-01")
PRICING_ON = np.datetime64("2026-04-01")
RELEASE_ON = np.datetime64("2026-07-14")  # a faulty one
TIMEZONE = "Europe/Berlin"
NEVER = np.datetime64("NaT", "D")

_EPOCH = np.datetime64("2016-01-04")
_HOLIDAYS = [
    np.datetime64(f"{year}-{day}")
    for year in range(2016, 2031)
    for day in ("01-01", "05-01", "10-03", "12-25", "12-26")
]
_WORKDAYS = np.busdaycalendar(holidays=_HOLIDAYS)
_SEASON = np.array([0.85, 0.90, 1.15, 0.90, 0.95, 1.15, 0.80, 0.50, 1.05, 1.15, 1.40, 1.60])


def stream(seed: int, name: str) -> np.random.Generator:
    """The random numbers of one part of the sample, independent of every other part's.

    >>> bool(stream(1, "deals").integers(10**9) == stream(1, "deals").integers(10**9))
    True
    """
    return np.random.default_rng(np.random.SeedSequence([seed, crc32(name.encode())]))


def days(values: pd.Series) -> np.ndarray:
    """A column of dates as NumPy days."""
    return values.to_numpy().astype("datetime64[D]")


def add_months(day: np.ndarray, months: np.ndarray | int) -> np.ndarray:
    """Days moved by whole months; the day of the month must be 28 or less.

    >>> add_months(np.array(["2025-12-28"], "datetime64[D]"), 2)
    array(['2026-02-28'], dtype='datetime64[D]')
    """
    month = day.astype("datetime64[M]")
    return (month + months).astype("datetime64[D]") + (day - month.astype("datetime64[D]"))


def months_between(first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Whole months from one day to a later one.

    >>> months_between(np.array(["2025-01-15"], "datetime64[D]"), np.array(["2025-03-14"], "datetime64[D]"))
    array([1])
    """
    months = (last.astype("datetime64[M]") - first.astype("datetime64[M]")).astype(int)
    return months - (add_months(first, months) > last)


def evenly(rng: np.random.Generator, n: int) -> np.ndarray:
    """``n`` numbers of [0, 1) in random order, one in each n-th: chance without its lumps, so that 300 accounts do.

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
    found = np.arange(first, last)
    found = found[np.is_busday(found, busdaycal=_WORKDAYS)]
    weights = _SEASON[found.astype("datetime64[M]").astype(int) % 12] * growth ** ((found - first).astype(int) / 365)
    return found[np.searchsorted(np.cumsum(weights / weights.sum()), evenly(rng, n) * (1 - 1e-9))]


def clock(rng: np.random.Generator, day: np.ndarray) -> np.ndarray:
    """Workdays since an epoch, a random hour as the fraction; a free day counts as the next workday."""
    return np.busday_count(_EPOCH, day, busdaycal=_WORKDAYS) + rng.random(len(day))


def workdays(day: np.ndarray) -> np.ndarray:
    """Whether each day is neither of a weekend nor a holiday.

    >>> workdays(np.array(["2025-12-24", "2025-12-25", "2025-12-28"], "datetime64[D]")).tolist()
    [True, False, False]
    """
    return np.is_busday(day, busdaycal=_WORKDAYS)


def day_clock(day: np.datetime64) -> int:
    """The clock value of the first instant of a day."""
    return int(np.busday_count(_EPOCH, day, busdaycal=_WORKDAYS))


def local_days(clocks: np.ndarray) -> np.ndarray:
    """The local day of each clock value; missing ones stay missing."""
    found = np.full(len(clocks), NEVER)
    known = ~np.isnan(clocks)
    whole = np.floor(clocks[known]).astype(int)
    found[known] = np.busday_offset(_EPOCH, whole, roll="forward", busdaycal=_WORKDAYS)
    return found


def instants(clocks: np.ndarray) -> pd.DatetimeIndex:
    """Clock values as UTC instants between 8 and 18 o'clock, local time, of their workday.

    >>> instants(np.array([0.0, 0.5])).strftime("%Y-%m-%d %H:%M %Z").tolist()
    ['2016-01-04 07:00 UTC', '2016-01-04 12:00 UTC']
    """
    seconds = np.nan_to_num(28_800 + 36_000 * (clocks % 1)).astype(int).astype("timedelta64[s]")
    local = local_days(clocks).astype("datetime64[s]") + seconds
    return pd.DatetimeIndex(local).tz_localize(TIMEZONE).tz_convert("UTC")
