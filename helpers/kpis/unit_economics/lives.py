"""How long customers stay, and what that is worth: the mean life by Kaplan–Meier, with its interval (K18).

Lifetimes are in months; a customer who left and came back lives once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.kpis.spine import Spine
from helpers.language import template
from helpers.results import Interval, Status
from helpers.statistics import LEVEL, RESAMPLES, dominated_by_few, kaplan_meier, times_drawn

FEW = template("dominated by few: fewer than 30 paying customers, or one with over 20 % of the MRR")
NOT_FOLLOWED = template("nobody has been followed for {n} months, the longest for {longest}; lower ltv_horizon_months")
CAPPED = template("capped: nobody has left, so each counts {n} months")
METHOD = template("bootstrap over customers")


@dataclass(frozen=True)
class Worth:
    """What a customer of a period and segment is worth over its life, or why that cannot be said."""

    answer: Mapping[str, Any]
    value: float | None = None
    status: Status | None = None
    n: int = 0
    warnings: tuple[str, ...] = ()
    stays: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def interval(self) -> Interval | None:
        """Of the value, where there is one. It takes long, and most who ask for a worth do not ask for it."""
        return None if self.value is None else value_interval(self.stays, self.answer["ltv_horizon_months"])


def worth_of(answer: Mapping[str, Any], stays: pd.DataFrame) -> Worth:
    """ARPA × margin × the mean months that a customer stays, counting at most the horizon of each (T2).

    ARPA is of those who pay; who is still there counts as such.

    Args:
        answer: the row of the card ``ltv`` for the period and segment.
        stays: one row per customer of it: ``account_id``, ``months``, ``is_left``, ``mrr``.
    """
    stays = stays.assign(mrr=stays["mrr"] * answer["margin"])
    paid, horizon, n = stays.loc[stays["mrr"] > 0, "mrr"], answer["ltv_horizon_months"], len(stays)
    if paid.empty:
        return Worth(answer, n=n)
    months = kaplan_meier(stays["months"], stays["is_left"]).restricted_mean(horizon)
    if months is None:
        why = NOT_FOLLOWED.format(n=f"{horizon:g}", longest=f"{stays['months'].max():.1f}")
        return Worth(answer, status="insufficient", n=n, warnings=(why,))
    few = (FEW,) * dominated_by_few(paid)
    capped = (CAPPED.format(n=f"{horizon:g}"),) * (not stays["is_left"].any())
    return Worth(answer, float(paid.mean()) * months, n=n, warnings=(*few, *capped), stays=stays)


def stays_by_segment(spine: Spine) -> dict[tuple[str, str, str | None], pd.DataFrame]:
    """The customers of each period, in all and by segment, by account."""
    found: dict[tuple[str, str, str | None], pd.DataFrame] = {}
    for (label,), stays in spine.vectors("ltv_rows", "label").items():
        found[label, "", None] = stays
        for name, part in stays.groupby("segment", dropna=False):
            found[label, "segment", None if pd.isna(name) else str(name)] = part
    return found


def value_interval(stays: pd.DataFrame, horizon: float) -> Interval | None:
    """The percentile bootstrap interval, over customers, of ARPA x restricted mean (T12).

    None of one customer or fewer. A draw in which nobody pays has no ARPA and is left out; one in which nobody was
    followed to the horizon takes it that those left would have stayed.
    """
    if len(stays) < 2:
        return None
    stays = stays.sort_values(["months", "is_left"], ascending=[True, False])  # at equal months who left comes first
    mrr, months = stays["mrr"].to_numpy(float), stays["months"].to_numpy(float)
    is_paying = (mrr > 0).astype(float)
    falls = np.flatnonzero(stays["is_left"].to_numpy(bool) & (months < horizon))
    found: list[NDArray[np.float64]] = []
    for times in times_drawn(len(stays), RESAMPLES):
        counted = times.astype(float)
        paid, payers = counted @ mrr, counted @ is_paying
        means = _restricted_means(times, months, falls, horizon)
        found.append(paid[payers > 0] / payers[payers > 0] * means[payers > 0])
    low, high = np.quantile(np.concatenate(found), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high), LEVEL, METHOD)


def _restricted_means(
    times: NDArray[np.intp], months: NDArray[np.float64], falls: NDArray[np.intp], horizon: float
) -> NDArray[np.float64]:
    """The area under the Kaplan–Meier curve of each draw; ``times`` says how often each customer is in it.

    Customers stand in the order of their months. The curve falls where somebody left before the horizon, and only
    there: ``falls`` are their places.
    """
    if not len(falls):
        return np.full(len(times), horizon)
    at_risk = len(months) - times.cumsum(axis=1)[:, falls] + times[:, falls]
    survival = (1 - times[:, falls] / np.maximum(at_risk, 1)).cumprod(axis=1)
    edges = np.append(months[falls], horizon)
    return np.asarray(months[falls[0]] + survival @ np.diff(edges))
