"""The intervals, curves and limits that KPIs are read with, thin over statsmodels and SciPy.

Source: specification section 3 (T1 to T4, T10 to T12). Everything here is a function of plain numbers:
no tables, no periods. What cannot be said is ``None``, never 0 and never infinite.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.results import Interval

Z = 1.959964
NORMAL = NormalDist().inv_cdf(0.975)  # the same to the last digit, as statsmodels' Wilson intervals take it
LEVEL = 0.95
TOLERANCE = 1e-12
RESAMPLES = 10_000
MANY = 2_000  # customers; the relation `sampled` of recurring revenue has the accounts of so many at most
SEED = 20_260_930
AT_ONCE = 100_000  # numbers that the processor's own memory holds


def wilson(k: float, n: float) -> Interval | None:
    """The Wilson interval of a proportion k of n; nothing to say of 0 of 0 (T1).

    A full census is exact: the interval then describes the process that made the numbers.

    >>> [round(end, 6) for end in wilson(7, 10)[:2]]
    [0.396778, 0.892209]
    """
    if not n:
        return None
    p, z, z2 = k / n, NORMAL, NORMAL * NORMAL
    centre, spread = (p + z2 / 2 / n) / (1 + z2 / n), z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / 4 / n / n)
    return Interval(max(0.0, centre - spread), min(1.0, centre + spread), LEVEL, "Wilson")


def poisson_interval(n: int) -> Interval:
    """The exact (Garwood) interval of a count (T10). A cost per unit takes it upside down.

    >>> [round(end, 6) for end in poisson_interval(3)[:2]]
    [0.618672, 8.767273]
    """
    from scipy.special import gammaincinv

    tail = (1 - LEVEL) / 2
    low = float(gammaincinv(n, tail)) if n else 0.0
    return Interval(low, float(gammaincinv(n + 1, 1 - tail)), LEVEL, "Garwood")


@dataclass(frozen=True)
class Curve:
    """A Kaplan–Meier curve: at each event time, the share of units still waiting after it.

    ``lower`` and ``upper`` are the log-log Greenwood bands, missing where everyone has had the event.
    ``censored`` are the times at which a unit left unobserved: the ticks of a chart.
    """

    times: NDArray[np.float64]
    survival: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    censored: NDArray[np.float64]
    follow_up: float

    def at(self, t: float) -> float:
        """The share still waiting after time ``t``."""
        return _step(self.times, self.survival, t, before=1.0)

    def band(self, t: float) -> tuple[float, float]:
        """The two ends of the band after time ``t``."""
        low, high = (_step(self.times, ends, t, before=1.0) for ends in (self.lower, self.upper))
        return low, high

    @property
    def median(self) -> float | None:
        """The smallest time at which at most half are still waiting; None where that is not reached."""
        return _first_at_half(self.times, self.survival)

    @property
    def median_interval(self) -> Interval | None:
        """Where each band first falls to a half; an end that is not reached is None."""
        low, high = _first_at_half(self.times, self.lower), _first_at_half(self.times, self.upper)
        return None if low is None else Interval(low, high, LEVEL, "log-log Greenwood")

    def steps(self, until: float = math.inf) -> tuple[NDArray[np.float64], dict[str, list[float]]]:
        """The times up to ``until`` at which anything is seen, and by then: who waits, the band, who is unseen."""
        times = np.unique(np.concatenate(([0.0], self.times, self.censored[self.censored <= until])))
        low, high = zip(*map(self.band, times), strict=True)
        unseen = [int((self.censored == t).sum()) for t in times]
        return times, {"waiting": [*map(self.at, times)], "low": [*low], "high": [*high], "unseen": unseen}

    def restricted_mean(self, tau: float) -> float | None:
        """The mean time, counting at most ``tau``: the area under the curve up to there.

        None where nobody was followed that long, unless nobody was still waiting.
        """
        if self.follow_up < tau and self.at(tau) > TOLERANCE:
            return None
        inside = self.times[self.times < tau]
        edges = np.concatenate(([0.0], inside, [tau]))
        heights = np.concatenate(([1.0], self.survival[: len(inside)]))
        return float(np.diff(edges) @ heights)


def kaplan_meier(durations: ArrayLike, observed: ArrayLike) -> Curve:
    """The curve of waiting times of which some are still running (T2).

    At equal times events come before censorings. ``observed`` is true where the event was seen.

    >>> kaplan_meier([10, 20, 30, 40], [True, True, True, True]).median
    20.0
    >>> kaplan_meier([10, 20, 30, 40, 50, 50], [1, 1, 0, 0, 0, 0]).median is None
    True
    """
    from statsmodels.duration.survfunc import SurvfuncRight

    time, seen = np.asarray(durations, dtype=float), np.asarray(observed, dtype=bool)
    fit = SurvfuncRight(time, seen.astype(int))
    survival = np.asarray(fit.surv_prob, dtype=float)
    lower, upper = _bands(survival, np.asarray(fit.surv_prob_se, dtype=float))
    longest = float(time.max()) if len(time) else 0.0
    return Curve(np.asarray(fit.surv_times, dtype=float), survival, lower, upper, np.sort(time[~seen]), longest)


@dataclass(frozen=True)
class Incidence:
    """An Aalen–Johansen curve: the share of units to which one cause has happened by each time."""

    times: NDArray[np.float64]
    share: NDArray[np.float64]

    def at(self, t: float) -> float:
        """The share to which the cause has happened by time ``t``."""
        return _step(self.times, self.share, t, before=0.0)


def aalen_johansen(durations: ArrayLike, causes: ArrayLike, cause: int = 1) -> Incidence:
    """The incidence of one cause among rivals, where 1 - Kaplan–Meier would overstate it (T3).

    ``causes`` is 0 where the unit is censored, else the number of what happened.

    >>> won = aalen_johansen([10, 15, 20, 30, 40], [1, 2, 1, 0, 1])
    >>> round(won.at(20), 6), round(won.at(40), 6)
    (0.4, 0.8)
    """
    from statsmodels.duration.survfunc import CumIncidenceRight

    time, happened = np.asarray(durations, dtype=float), np.asarray(causes, dtype=int)
    if not (happened == cause).any():
        return Incidence(np.array([]), np.array([]))
    with np.errstate(divide="ignore", invalid="ignore"):  # of its standard errors, which are not used
        fit = CumIncidenceRight(time, happened)
    return Incidence(np.asarray(fit.times, dtype=float), np.asarray(fit.cinc[cause - 1], dtype=float))


def log_rank(durations: ArrayLike, observed: ArrayLike, groups: ArrayLike) -> float | None:
    """The p-value of the log-rank test: how often curves of one and the same process differ as much by chance (T2).

    ``groups`` names the group of each unit. None where there are no two groups, or nothing tells them apart: no event
    happened while units of both were still waiting.

    >>> round(log_rank([1, 2, 3, 4], [1, 1, 1, 0], [0, 0, 1, 1]), 4)
    0.0896
    """
    from statsmodels.duration.survfunc import survdiff

    time, seen, group = np.asarray(durations, dtype=float), np.asarray(observed, dtype=int), np.asarray(groups)
    if len(np.unique(group)) < 2:
        return None
    try:
        return float(survdiff(time, seen, group)[1])
    except np.linalg.LinAlgError:  # of a variance of 0
        return None


def sign_test(ups: int, downs: int) -> float | None:
    """The p-value of the exact two-sided sign test: are there more ups than downs than chance gives (T11)?

    What stayed the same is in neither count. None where nothing moved.

    >>> round(sign_test(14, 5), 6)
    0.063568
    """
    from scipy.stats import binom

    return min(1.0, 2 * float(binom.cdf(min(ups, downs), ups + downs, 0.5))) if ups + downs else None


@dataclass(frozen=True)
class Limits:
    """Natural process limits of a series, and whether its last value stands out from them.

    ``verdict`` is of the last known value; ``rule`` says which of the three rules a signal met.
    ``provisional`` marks limits from a short series, ``baseline`` the number of points they come from.
    Without limits ("too short") the numbers are None.
    """

    verdict: Literal["signal", "noise", "too short"]
    rule: int | None = None
    mean: float | None = None
    mean_range: float | None = None
    lower: float | None = None
    upper: float | None = None
    range_limit: float | None = None
    provisional: bool = False
    baseline: int = 0


def xmr(values: Sequence[float | None], baseline: Sequence[int] | None = None) -> Limits:
    """The XmR limits of a series, earliest first, and the verdict on its last known value (T4).

    None is a gap: it is skipped, and there is no moving range across it. The limits come from the
    first 12 points, or all but the last of a shorter series: never from the point that is judged.
    ``baseline`` names other values to take them from, by their places in the series.
    Signals: (1) the value is beyond a limit, or its step from the value before is longer than the
    range limit; (2) the last 8 are on one side of the mean; (3) 3 of the last 4 are nearer to the
    same limit than to the mean. Limits take 5 points, in a series of 6 or more; from fewer than 9
    points they are provisional.

    >>> found = xmr([62, 66, 64, 69, 65, 61, 67, 66, 48])
    >>> found.mean, round(found.lower, 2), round(found.upper, 2), found.verdict, found.rule
    (65.0, 55.12, 74.88, 'signal', 1)
    """
    known = [i for i, value in enumerate(values) if value is not None]
    points = [float(value) for value in values if value is not None]
    steps = [abs(b - a) if j - i == 1 else None for (i, a), (j, b) in pairwise(zip(known, points, strict=True))]
    used = [k for k, i in enumerate(known) if (k < min(12, len(points) - 1) if baseline is None else i in baseline)]
    ranges = [step for k, after in pairwise(used) if after == k + 1 and (step := steps[k]) is not None]
    if len(used) < 5 or not ranges:
        return Limits("too short")
    mean, mean_range = math.fsum(points[k] for k in used) / len(used), math.fsum(ranges) / len(ranges)
    rule = _signal(points, steps[-1], mean, mean_range)
    return Limits(
        "signal" if rule else "noise", rule, mean, mean_range, lower=mean - 2.66 * mean_range,
        upper=mean + 2.66 * mean_range, range_limit=3.268 * mean_range, provisional=len(used) < 9, baseline=len(used),
    )  # fmt: skip


def ratios_of_sums(parts: Sequence[ArrayLike], whole: ArrayLike) -> list[Interval | None]:
    """The intervals of ratios of sums over customers, one per part of the whole (T12).

    Customers are drawn with replacement, 10,000 times, from a fixed seed, so that the same customers give the same
    interval; put them in a fixed order. Draws whose denominator is 0 have no ratio and are left out. Of more than 2,000
    customers the draws are normal, and the delta method gives the same ends without them. None where one customer or
    fewer, or a denominator of 0, leaves nothing to say.

    >>> [(low, high, *_)] = ratios_of_sums([[50, 100, 30]], [100, 100, 100])
    >>> round(low, 2), round(high, 2)
    (0.3, 1.0)
    """
    bottom = np.asarray(whole, dtype=float)
    tops = [np.asarray(part, dtype=float) for part in parts]
    if len(bottom) < 2 or not bottom.sum():
        return [None] * len(parts)
    if len(bottom) > MANY:
        ratios = [top.sum() / bottom.sum() for top in tops]
        apart = [((top - ratio * bottom) ** 2).sum() for top, ratio in zip(tops, ratios, strict=True)]
        return [delta_method(*found, bottom.sum()) for found in zip(ratios, apart, strict=True)]
    sums = np.concatenate(
        [[amounts.take(drawn).sum(axis=1) for amounts in (*tops, bottom)] for drawn in _draws(len(bottom))], axis=1
    )
    sums = sums[:, sums[-1] != 0]
    ends = np.quantile(sums[:-1] / sums[-1], [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1)
    return [Interval(float(low), float(high), LEVEL, "bootstrap over customers") for low, high in ends.T]


def _draws(n: int) -> Iterator[NDArray[np.intp]]:
    """The draws of n customers out of n, 10,000 of them: so many at a time as the processor's own memory holds."""
    random, small = np.random.default_rng(SEED), np.uint16 if n < 2**16 else np.int32
    rows, few = max(1, 1_000_000 // n), max(1, 30_000 // n)
    for size in (min(rows, RESAMPLES - done) for done in range(0, RESAMPLES, rows)):
        drawn = random.integers(0, n, size=(size, n), dtype=small)
        yield from (drawn[i : i + few].astype(np.intp) for i in range(0, size, few))


def times_drawn(n: int, resamples: int) -> Iterator[NDArray[np.intp]]:
    """How often each of n customers is in a draw of n with replacement: a row for each draw, some rows at a time.

    >>> [times.sum(axis=1).tolist() for times in times_drawn(3, resamples=2)]
    [[3, 3]]
    """
    random, size = np.random.default_rng(SEED), max(1, AT_ONCE // n)
    for draws in (min(size, resamples - done) for done in range(0, resamples, size)):
        picked = random.integers(0, n, size=(draws, n))
        picked += np.arange(0, draws * n, n)[:, None]
        yield np.bincount(picked.ravel(), minlength=draws * n).reshape(draws, n)


def delta_method(ratio: float, apart: float, whole: float) -> Interval:
    """The normal interval of a ratio of sums over many customers (T12).

    ``apart`` is the sum of squares of how far each customer's part is from the ratio times its whole, ``whole`` the sum
    of the wholes.

    >>> [round(end, 4) for end in delta_method(0.9, 400.0, 1000.0)[:2]]
    [0.8608, 0.9392]
    """
    spread = Z * math.sqrt(max(float(apart), 0.0)) / float(whole)
    return Interval(float(ratio) - spread, float(ratio) + spread, LEVEL, "delta method over customers")


def dominated_by_few(denominators: ArrayLike) -> bool:
    """Whether a ratio of sums hangs on few customers: fewer than 30, or one with over 20 % of the denominator (T12).

    >>> dominated_by_few([1] * 30), dominated_by_few([1] * 29), dominated_by_few([1] * 30 + [10])
    (False, True, True)
    """
    parts = np.asarray(denominators, dtype=float)
    return len(parts) < 30 or bool(parts.max() > 0.2 * parts.sum())


def _step(times: NDArray[np.float64], values: NDArray[np.float64], t: float, *, before: float) -> float:
    reached = int(np.searchsorted(times, t, side="right"))
    return float(values[reached - 1]) if reached else before


def _first_at_half(times: NDArray[np.float64], values: NDArray[np.float64]) -> float | None:
    reached = times[values <= 0.5 + TOLERANCE]
    return float(reached[0]) if len(reached) else None


def _bands(survival: NDArray[np.float64], se: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper band, on the scale log(-log S), where an interval cannot leave 0 to 1."""
    alive = np.where(survival > TOLERANCE, survival, np.nan)
    spread = np.exp(Z * se / alive / np.abs(np.log(alive)))
    return alive**spread, alive ** (1 / spread)


def _signal(points: list[float], step: float | None, mean: float, mean_range: float) -> int | None:
    """The first rule that the last point meets. Distances within rounding of a limit do not pass it."""
    slack = TOLERANCE * max(abs(point) for point in points)
    offsets = [point - mean for point in points]
    limit = 2.66 * mean_range
    if abs(offsets[-1]) > limit + slack or (step is not None and step > 3.268 * mean_range + slack):
        return 1
    if _on_one_side(offsets[-8:], at_least=8, beyond=slack):
        return 2
    return 3 if _on_one_side(offsets[-4:], at_least=3, beyond=limit / 2 + slack) else None


def _on_one_side(offsets: list[float], *, at_least: int, beyond: float) -> bool:
    above = sum(offset > beyond for offset in offsets)
    below = sum(offset < -beyond for offset in offsets)
    return max(above, below) >= at_least
