"""The tables of time to value (K01): the curve and its cohorts, and each customer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import pandas as pd

from helpers.kpis.named_customers import with_names
from helpers.kpis.onboarding import Cohort, Onboarding, cohort, cohort_before
from helpers.kpis.subscription_versions import CustomerRules, Rules
from helpers.periods import Period
from helpers.results import Column, Listing
from helpers.statistics import aalen_johansen, kaplan_meier, log_rank

if TYPE_CHECKING:
    from helpers.data.known import Tables

SHOWN = 10
STATES = {0: "still waiting", 1: "has value", 2: "left before"}


def value_curve(
    tables: Tables,
    period: Period,
    *,
    value_events: Sequence[str] = (),
    ttv_cohort: str = "trailing_year",
    **given: Unpack[CustomerRules],
) -> Listing:
    """The share still without value, day by day after signing: of the cohort, and of the one before it.

    One row per cohort and day on which something happened; ``cohort`` is the words for it, the review's own first.
    Where 5 % or more left before value, ``of_all`` is the share of all customers without value, those who left
    included (Aalen–Johansen).
    """
    both = _cohorts(tables, period, Onboarding(tuple(value_events), ttv_cohort, Rules(**given)))
    columns = {
        "cohort": Column("Customers"),
        "days": Column("Days after the start", "days"),
        "waiting": Column("Still without value", "share"),
        "low": Column("95% from", "share"),
        "high": Column("to", "share"),
        "of_all": Column("Of all, those who left included", "share"),
        "unseen": Column("Not followed any further", "count"),
    }
    rows = [_curve_rows(words, found) for words, found in both if len(found)]
    return Listing(
        caption="Customers still without value",
        rows=pd.concat(rows, ignore_index=True)[list(columns)] if rows else pd.DataFrame(columns=list(columns)),
        columns=columns,
        when_empty="No customer signed in these periods.",
        grain="cohort, days",
        note="By Kaplan–Meier. Who still waits, or left, is followed no further.",
    )


def cohorts_compared(
    tables: Tables,
    period: Period,
    *,
    value_events: Sequence[str] = (),
    ttv_cohort: str = "trailing_year",
    rmst_days: int = 120,
    **given: Unpack[CustomerRules],
) -> Listing:
    """The cohort beside the one before it, which has none of its customers, and each of their quarters alone."""
    onboarding = Onboarding(tuple(value_events), ttv_cohort, Rules(**given))
    both = _cohorts(tables, period, onboarding)
    quarters = _by_quarter(tables, period, replace(onboarding, cohort="signup_quarter"))
    alone = quarters if ttv_cohort == "trailing_year" else []
    columns = {
        "cohort": Column("Customers"),
        "customers": Column("Customers", "count"),
        "reached": Column("Have value", "count"),
        "left": Column("Left before", "count"),
        "median": Column("Median days", "days"),
        "low": Column("95% from", "days"),
        "high": Column("to", "days"),
        "restricted": Column(f"Mean of at most {rmst_days} days", "days"),
        "mean": Column("Mean of those with value", "days"),
    }
    rows = [_summary(words, found, rmst_days) for words, found in [*both, *alone] if len(found)]
    return Listing(
        caption="Time to value, cohort by cohort",
        rows=pd.DataFrame(rows, columns=list(columns)),
        columns=columns,
        when_empty="No customer signed in these periods.",
        grain="cohort",
        note=f"{_tested(both, ttv_cohort)}All are followed to the same day; a dash: not reached, or not followed so "
        "long.",
    )


def value_by_customer(
    tables: Tables,
    period: Period,
    *,
    value_events: Sequence[str] = (),
    ttv_cohort: str = "trailing_year",
    **given: Unpack[CustomerRules],
) -> Listing:
    """One row per customer of the cohort, the longest way first, with how it ended or that it goes on."""
    found = cohort(tables, period, Onboarding(tuple(value_events), ttv_cohort, Rules(**given)))
    rows = found.customers.assign(state=found.customers["cause"].map(STATES))
    rows = rows.sort_values(["days", "account_id"], ascending=[False, True])
    own = {
        "start_on": Column("Clock started", "date"),
        "state": Column("State"),
        "days": Column("Days", "days"),
        "value_on": Column("First value", "date"),
    }
    shown, columns = with_names(tables, rows, own)
    return Listing(
        caption=f"Days to value of each customer, {_words(found, ttv_cohort)}",
        rows=shown,
        columns=columns,
        when_empty="No customer is in this cohort.",
        grain="customer_id",
        export="time_to_value",
        top=SHOWN,
        note="The longest stand first; of who has no value, the days so far.",
    )


def _cohorts(tables: Tables, period: Period, onboarding: Onboarding) -> list[tuple[str, Cohort]]:
    """The cohort and the one before it, each in words."""
    found = [cohort(tables, period, onboarding), cohort_before(tables, period, onboarding)]
    return [(_words(part, onboarding.cohort), part) for part in found if part is not None]


def _words(found: Cohort, kind: str) -> str:
    return f"{'reached value' if kind == 'value_quarter' else 'signed'} in {found.window.label}"


def _by_quarter(tables: Tables, period: Period, onboarding: Onboarding) -> list[tuple[str, Cohort]]:
    """The customers of each of the four quarters, followed to the same day."""
    if period.kind != "quarter":
        return []
    quarters = [replace(quarter, as_of_on=period.as_of_on) for quarter in [*period.history(3), period]]
    found = [cohort(tables, quarter, onboarding) for quarter in quarters]
    return [(_words(part, onboarding.cohort), part) for part in found]


def _curve_rows(words: str, found: Cohort) -> pd.DataFrame:
    curve = kaplan_meier(found.days, found.has_value)
    days = np.unique(np.concatenate(([0.0], curve.times, curve.censored)))
    bands = [curve.band(day) for day in days]
    value = aalen_johansen(found.days, found.customers["cause"]) if found.has_rival else None
    return pd.DataFrame(
        {
            "cohort": words, "days": days, "waiting": [curve.at(day) for day in days],
            "low": [low for low, _ in bands], "high": [high for _, high in bands],
            "of_all": [None if value is None else 1 - value.at(day) for day in days],
            "unseen": [int((curve.censored == day).sum()) for day in days],
        }
    ).astype({"of_all": "float64"})  # fmt: skip


def _summary(words: str, found: Cohort, rmst_days: int) -> dict[str, Any]:
    curve = kaplan_meier(found.days, found.has_value)
    interval = curve.median_interval
    return {
        "cohort": words,
        "customers": len(found),
        "reached": len(found.reached),
        "left": found.left,
        "median": curve.median,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "restricted": curve.restricted_mean(rmst_days),
        "mean": found.reached["days"].mean() if len(found.reached) else None,
    }


def _tested(both: Sequence[tuple[str, Cohort]], kind: str) -> str:
    """What the log-rank test says of the two cohorts; customers chosen by their value have no curve to compare."""
    if kind == "value_quarter" or len(both) < 2:
        return ""
    parts = [found for _, found in both]
    p = log_rank(
        np.concatenate([part.days for part in parts]),
        np.concatenate([part.has_value for part in parts]),
        np.repeat([0, 1], [len(part) for part in parts]),
    )
    if p is None:
        return ""
    verdict = "chance alone seldom makes two curves so different" if p < 0.05 else "chance alone makes such differences"
    shown = "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
    return f"Log-rank test of the first two rows: {shown}, {verdict}. "
