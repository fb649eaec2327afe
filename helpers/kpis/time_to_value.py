"""Time to value: how long customers wait for what they bought, where those days go, and what is paid meanwhile.

Source: specification, cards K01 and K02. Customers and their clocks are in ``onboarding``, the stages in
``onboarding_stages``; the tables beside these figures are in ``time_to_value_tables``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import pandas as pd

from helpers import results
from helpers.errors import Refused
from helpers.kpis.onboarding import Cohort, Onboarding, cohort, no_events_yet, no_subscriptions
from helpers.kpis.onboarding_stages import UNATTRIBUTED, in_order, stage_days
from helpers.kpis.paid_days import paid_without_value
from helpers.kpis.subscription_versions import CustomerRules, Rules, StockRules
from helpers.results import Row, row, share
from helpers.statistics import Curve, aalen_johansen, dominated_by_few, kaplan_meier, ratio_of_sums, wilson

if TYPE_CHECKING:
    from helpers.data.known import Tables
    from helpers.periods import Period

CLOCKS = {
    "order": "the order",
    "signature": "the signature",
    "invoice": "the first invoice",
    "contract_start": "the start of the contract",
}
ENOUGH = 0.8  # of fewer customers that reached value, the plain mean is too low to go by
FEW = "dominated by few: fewer than 30 customers, or one with over 20 % of the days"


def ttv(
    tables: Tables,
    period: Period,
    *,
    value_events: Sequence[str] = (),
    ttv_cohort: str = "trailing_year",
    rmst_days: int = 120,
    start_clock: str = "order",
    **given: Unpack[CustomerRules],
) -> list[Row]:
    """How many days pass from signing until a customer first gets what it bought.

    Definition:
        A customer's clock starts on ``ttv_start_on``, else on the day it signed up, and stops on ``first_value_on``,
        else on the first day of an event in ``value_events`` or of a milestone with the stage ``value``: an outcome
        that the customer wanted, never a payment or a log-in. Customers are paying accounts; the first contract
        counts. The median is the day by which half of those who signed in the four quarters have value, by
        Kaplan–Meier: who still waits has waited until the last known day, and who left before value leaves the curve
        on the day before. The mean is the plain one over those who reached value, which leaves out everybody still
        waiting and so is too low. The restricted mean counts everybody, each for at most ``rmst_days``; it is itself
        a lower bound on the mean. Where 5 % or more left before value, the Aalen–Johansen share of all customers that
        had value by the median is told beside it. Value before the start is a fault: left out, and counted.

    Args:
        tables: The tables known.
        period: The period that the cohort ends with.
        value_events: Names of events that are value.
        ttv_cohort: ``trailing_year``: who signed in the four quarters that end with the period; ``signup_quarter``:
            who signed in the period, followed for no longer than that; ``value_quarter``: who reached value in the
            period, which leaves nobody waiting but rises when customers that were stuck for long get through.
        rmst_days: The days up to which the restricted mean counts.
        start_clock: What the start of the clock is in this source; it is told beside the median.

    Returns:
        ``ttv_median``, ``ttv_mean`` and ``ttv_rmst`` (days), ``ttv_reached_share`` (share). Nobody reached value:
        the mean is undefined, the median not reached. Nobody followed for ``rmst_days``: the restricted mean is
        insufficient.

    Raises:
        NotProvided: without ``customers``; without ``events`` where they alone say what value is.
        Refused: Nothing says what value is.

    Source:
        Specification K01.
    """
    onboarding = Onboarding(tuple(value_events), ttv_cohort, Rules(**given))
    found = cohort(tables, period, onboarding)
    told = _told(tables, found)
    curve = kaplan_meier(found.days, found.has_value)
    notes = [f"days count from {CLOCKS[start_clock]}", *_scope(period, found, ttv_cohort)]
    notes += [*no_subscriptions(tables), *no_events_yet(tables, found, onboarding)]
    return [
        _median(period, found, curve, told, notes),
        _mean(period, found, told),
        _reached_share(period, found, told, ttv_cohort),
        _restricted(period, found, curve, told, rmst_days),
    ]


def ttv_stages(
    tables: Tables,
    period: Period,
    *,
    value_events: Sequence[str] = (),
    ttv_cohort: str = "trailing_year",
    **given: Unpack[StockRules],
) -> list[Row]:
    """In which stages the days from signing to first value are spent, and how many of them are paid for.

    Definition:
        Of the customers of the time to value that reached value, each day from the start of the clock up to the day
        of value is shared out equally among the stages of ``milestones`` open on it; a day of none is
        ``unattributed``. A stage's contribution is its days over all customers ÷ all customers that reached value,
        also those never in it, so that the contributions add up to the mean time to value. A stage without an end is
        open until value; days before the clock started are in no contribution and told apart. Flow efficiency = days
        worked ÷ days from start to value; a stage that does not say whether it is work or waiting is what its name
        says (contract, IT access, connectors and scheduling wait; training and accounting work), else neither. Paid
        days without value = days from the first paid day to value, 0 where value came first; paid before value = the
        sum of days × MRR on the first paid day × 12 ÷ 365.

    Args:
        tables: The tables known.
        period: The period that the cohort ends with.
        value_events: Names of events that are value.
        ttv_cohort: As for the time to value; nobody who still waits is in these figures.

    Returns:
        ``ttv_stage_days`` (days) per stage, ``ttv_flow_efficiency`` (share), ``ttv_paid_days_without_value`` (days)
        and ``ttv_paid_without_value`` (money); undefined where nobody reached value.

    Raises:
        NotProvided: as for the time to value; the first two without ``milestones``.
        Refused: as for the time to value; the money alone where a currency has no rate.

    Source:
        Specification K02.
    """
    rules = Rules(**given)
    found = cohort(tables, period, Onboarding(tuple(value_events), ttv_cohort, rules))
    told = _told(tables, found)
    return [*_stages(tables, period, found, rules, told), *_paid(tables, period, found, rules, told)]


def _told(tables: Tables, found: Cohort) -> dict[str, Any]:
    """What every row of a cohort tells beside its value."""
    window = {"window_start": found.window.first, "window_end": found.window.last}
    return {
        "excluded": {**tables.excluded("customers", "subscriptions", "milestones"), **found.excluded},
        "params": window,
    }


def _scope(period: Period, found: Cohort, kind: str) -> list[str]:
    """What a reader should know of customers looked at for a short time, or after the fact."""
    if kind == "signup_quarter":
        return [f"followed for at most {(period.known_until - found.window.first).days} days"]
    if kind == "value_quarter":
        return ["only customers that reached value in the period: it mixes sign-ups of all times, leaves out all who "
                "wait, and rises when customers stuck for long get through"]  # fmt: skip
    return []


def _median(period: Period, found: Cohort, curve: Curve, told: dict[str, Any], notes: list[str]) -> Row:
    reached, n = len(found.reached), len(found)
    if curve.median is None and n:
        waiting = n - reached - found.left
        notes = [f"not reached: {reached} of {n} have value, {waiting} still wait, {found.left} left", *notes]
    elif found.has_rival:
        by_then = aalen_johansen(found.days, found.customers["cause"]).at(curve.median or 0.0)
        notes = [
            *notes,
            f"{found.left} of {n} left before they had value; of all, {by_then:.0%} had value within "
            f"{curve.median:g} days (Aalen–Johansen)",
        ]
    return row(
        "ttv_median", period, curve.median, interval=curve.median_interval, numerator=reached, denominator=n, n=n,
        **told, warnings=notes,
    )  # fmt: skip


def _mean(period: Period, found: Cohort, told: dict[str, Any]) -> Row:
    reached, n = found.reached, len(found)
    notes = [f"over {len(reached)} of {n} customers, those that have reached value"]
    if len(reached) < ENOUGH * n:
        notes.append("too low: it leaves out those who still wait")
    return share("ttv_mean", period, float(reached["days"].sum()), len(reached), n=len(reached), **told, warnings=notes)


def _reached_share(period: Period, found: Cohort, told: dict[str, Any], kind: str) -> Row:
    reached, n = len(found.reached), len(found)
    if kind == "value_quarter":
        why = ["everybody in this cohort has reached value"]
        return row("ttv_reached_share", period, None, n=n, **told, warnings=why)
    notes = [f"{found.left} left before they had value"] if found.left else []
    return share("ttv_reached_share", period, reached, n, n=n, interval=wilson(reached, n), **told, warnings=notes)


def _restricted(period: Period, found: Cohort, curve: Curve, told: dict[str, Any], tau: int) -> Row:
    value = curve.restricted_mean(tau) if len(found) else None
    if value is None and len(found):
        why = [f"nobody who still waits was followed for {tau} days, the longest for {curve.follow_up:g}"]
        return row("ttv_rmst", period, None, status="insufficient", n=len(found), **told, warnings=why)
    return row(
        "ttv_rmst", period, value, n=len(found), **told, warnings=[f"counts at most {tau} days of each customer"]
    )


def _stages(tables: Tables, period: Period, found: Cohort, rules: Rules, told: dict[str, Any]) -> list[Row]:
    if not tables.provides("milestones"):
        ids = ("ttv_stage_days", "ttv_flow_efficiency")
        return [results.not_provided(kpi_id, period, "milestones") for kpi_id in ids]
    n = len(found.reached)
    if not n:
        return [row("ttv_stage_days", period, None, n=0, **told), _efficiency(period, found, pd.DataFrame(), told)]
    days = stage_days(tables, found, rules)
    before = days["before"].sum()
    notes = [f"before_clock: {before / n:.1f} days a customer, in no contribution"] if before else []
    rows = [
        share(
            "ttv_stage_days", period, float(days.loc[days["stage"] == stage, "days"].sum()), n,
            segment=("stage", stage), n=n, **told, warnings=notes,
        )
        for stage in in_order(days["stage"])
    ]  # fmt: skip
    return [*rows, _efficiency(period, found, days, told)]


def _efficiency(period: Period, found: Cohort, days: pd.DataFrame, told: dict[str, Any]) -> Row:
    """Days worked over all days to value, with its interval over customers."""
    if days.empty:
        return share("ttv_flow_efficiency", period, 0, 0, n=len(found.reached), **told)
    reached = found.reached
    worked = days.groupby("account_id")["working"].sum().reindex(reached["account_id"]).fillna(0.0)
    unknown = days[(days["stage"] != UNATTRIBUTED) & (days["days"] - days["working"] - days["waiting"] > 1e-9)]
    notes = [FEW] if dominated_by_few(reached["days"]) else []
    if len(unknown):
        stages = ", ".join(in_order(unknown["stage"]))
        notes.append(f"neither work nor waiting, so counted as not worked: {stages}")
    interval = ratio_of_sums(worked, reached["days"])
    counted = {"n": len(reached), "interval": interval, "warnings": notes}
    return share("ttv_flow_efficiency", period, float(worked.sum()), float(reached["days"].sum()), **counted, **told)


def _paid(tables: Tables, period: Period, found: Cohort, rules: Rules, told: dict[str, Any]) -> list[Row]:
    if not (tables.provides("subscriptions") or tables.provides("customers.first_paid_on")):
        ids = ("ttv_paid_days_without_value", "ttv_paid_without_value")
        return [results.not_provided(kpi_id, period, "subscriptions") for kpi_id in ids]
    reached = found.reached.dropna(subset="paid_on")
    waited = (reached["value_on"] - reached["paid_on"]).dt.days
    notes = no_subscriptions(tables)
    if early := int((waited < 0).sum()):
        notes = [*notes, f"{early} had value before they paid: 0 days"]
    excluded = {**told["excluded"], "customers: no first paid day": len(found.reached) - len(reached)}
    told = {**told, "excluded": excluded}
    total = float(waited.clip(lower=0).sum())
    days = share("ttv_paid_days_without_value", period, total, len(reached), n=len(reached), **told, warnings=notes)
    return [days, _money(tables, period, reached, rules, told)]


def _money(tables: Tables, period: Period, reached: pd.DataFrame, rules: Rules, told: dict[str, Any]) -> Row:
    """What the days without value were paid, at each customer's MRR on its first paid day."""
    if not tables.provides("subscriptions"):
        return results.not_provided("ttv_paid_without_value", period, "subscriptions")
    try:
        paid = paid_without_value(tables, reached, period, rules)
    except Refused as refusal:
        return results.refused("ttv_paid_without_value", period, str(refusal))
    known = paid.dropna(subset="money")
    excluded = {**told["excluded"], "customers: no MRR on the first paid day": len(paid) - len(known)}
    value = float(known["money"].sum()) if len(known) else None
    return row("ttv_paid_without_value", period, value, n=len(known), **{**told, "excluded": excluded})
