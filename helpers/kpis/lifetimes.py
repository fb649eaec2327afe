"""How long customers stay and what they pay meanwhile: the parts that lifetime value is made of.

Source: specification, card K18. Lifetimes are in months; a customer who left and came back lives once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.kpis import customer_mrr
from helpers.kpis.subscription_versions import Rules, paying
from helpers.periods import Period, months_before
from helpers.results import Interval
from helpers.statistics import LEVEL, RESAMPLES, SEED, kaplan_meier

if TYPE_CHECKING:
    from helpers.data.known import Tables

CHURN_MONTHS = 12
AT_ONCE = 1_000_000  # numbers that fit into memory


@lru_cache(maxsize=64)
def lives(tables: Tables, period: Period, rules: Rules) -> pd.DataFrame:
    """:func:`customer_mrr.lives` with what lifetime value is made of; to be read, not changed.

    Columns besides: ``months`` from its first paid day to its last, or to the end of the period; ``left``, whether it
    pays no more; ``mrr`` on the last day, 0 of those who left.
    """
    found = customer_mrr.with_stock(tables, customer_mrr.lives(tables, period, rules), period, rules)
    left = found["until"] <= pd.Timestamp(period.measured_on)
    return found.assign(months=found["tenure"] * 12 / 365, left=left, mrr=found["mrr"].fillna(0.0))


def monthly_churn(tables: Tables, period: Period, rules: Rules) -> pd.DataFrame:
    """Per ``segment``, over the 12 months to the end of the period: customer-months ``at_risk``, and those ``churned``.

    A customer is at risk in a month on whose eve it pays, and has churned if it does not on its last day.
    """
    ends = [months_before(period.measured_on, months) for months in range(CHURN_MONTHS, -1, -1)]
    days = ibis.memtable(list(enumerate(ends)), schema={"step": "int64", "day": "date"})
    rows = paying(tables, rules)
    seen = rows.join(days, [rows.start_on <= days.day, rows.ends > days.day])
    seen = seen.select("account_id", "segment", "step").distinct()
    following = seen.step.lead().over(ibis.window(group_by="account_id", order_by="step"))
    at_risk = seen.step < CHURN_MONTHS
    judged = seen.mutate(at_risk=at_risk, churned=at_risk & (following > seen.step + 1).fill_null(True))
    return tables.fetch(
        judged.group_by("segment").aggregate(at_risk=judged.at_risk.sum(), churned=judged.churned.sum())
    )


def arpa(stays: pd.DataFrame) -> float | None:
    """Average revenue per paying customer; None where nobody pays."""
    paid = stays.loc[stays["mrr"] > 0, "mrr"]
    return float(paid.mean()) if len(paid) else None


def mean_months(stays: pd.DataFrame, horizon: float) -> float | None:
    """The mean months that a customer stays, counting at most ``horizon`` of each (restricted mean, T2).

    Customers who are still there count as such. None where nobody has been followed that long.
    """
    return kaplan_meier(stays["months"], stays["left"]).restricted_mean(horizon)


def value_interval(stays: pd.DataFrame, horizon: float) -> Interval | None:
    """The percentile bootstrap interval, over customers, of ARPA x restricted mean (T12).

    None of one customer or fewer. A draw in which nobody pays has no ARPA and is left out; one in which nobody was
    followed to the horizon takes it that those left would have stayed.
    """
    if len(stays) < 2 or not stays["mrr"].any():
        return None
    stays = stays.sort_values(["months", "left"], ascending=[True, False])  # at equal months who left comes first
    random, size, n = np.random.default_rng(SEED), max(1, AT_ONCE // len(stays)), len(stays)
    found: list[NDArray[np.float64]] = []
    for draws in (min(size, RESAMPLES - done) for done in range(0, RESAMPLES, size)):
        picked = random.integers(0, n, size=(draws, n)) + n * np.arange(draws)[:, None]
        times = np.bincount(picked.ravel(), minlength=draws * n).reshape(draws, n)
        found.append(_values(stays, times, horizon))
    low, high = np.quantile(np.concatenate(found), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high), LEVEL, "bootstrap over customers")


def _values(stays: pd.DataFrame, times: NDArray[np.int64], horizon: float) -> NDArray[np.float64]:
    """ARPA x restricted mean of each draw; ``times`` says how often each customer is in it."""
    paid, payers = times @ stays["mrr"].to_numpy(float), times @ (stays["mrr"] > 0).to_numpy(float)
    means = _restricted_means(stays, times, horizon)
    return paid[payers > 0] / payers[payers > 0] * means[payers > 0]


def _restricted_means(stays: pd.DataFrame, times: NDArray[np.int64], horizon: float) -> NDArray[np.float64]:
    """The area under each draw's Kaplan–Meier curve; customers stand in the order of their months."""
    at_risk = times[:, ::-1].cumsum(axis=1)[:, ::-1]
    survival = (1 - times * stays["left"].to_numpy(float) / np.maximum(at_risk, 1)).cumprod(axis=1)
    heights = np.hstack([np.ones((len(times), 1)), survival])
    edges = np.minimum([0.0, *stays["months"], horizon], horizon)
    return np.asarray(heights @ np.diff(edges))
