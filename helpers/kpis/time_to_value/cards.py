"""The cards of time to value: K01 and K02.

Their queries stand in ``time_to_value.sql``; medians, restricted means and intervals are made here, from the
days of each customer. The lists beside the figures are in ``tables``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from helpers.errors import NotProvided
from helpers.kpis.rows import Rows, require_parents
from helpers.kpis.spine import Spine
from helpers.language import template
from helpers.results import FOUR_QUARTERS, NO_RATE, Row
from helpers.statistics import Curve, aalen_johansen, dominated_by_few, kaplan_meier, ratios_of_sums

CLOCKS = {
    "order": template("the order"),
    "signature": template("the signature"),
    "invoice": template("the first invoice"),
    "contract_start": template("the start of the contract"),
}
STAGES = ("contract", "it_access", "connectors", "training", "accounting_ops", "value", "other")
UNATTRIBUTED = template("unattributed")
ENOUGH = 0.8  # of fewer customers that reached value, the plain mean is too low to go by
RIVAL = 0.05  # where so many left before value, Kaplan–Meier alone would overstate who reaches it (T3)
FEW = template("dominated by few: fewer than 30 customers, or one with over 20 % of the days")
UNDEFINED = template(
    "what first value is, is defined nowhere: give customers.first_value_on, a row of milestones with the stage "
    "'value', or value_events"
)
COUNT_FROM = template("days count from {reason}")
FOLLOWED_FOR = template("followed for at most {n} days")
ONLY_WITH_VALUE = template(
    "only customers that reached value in the period: it mixes sign-ups of all times, leaves out all who wait, and "
    "rises when customers stuck for long get through"
)
PAID_COUNT = template("without subscriptions, those with a first paid day count as paying, and none as lost")
ALL_COUNT = template("without subscriptions, all customers count as paying, and none as lost")
HISTORY = template("history_starts_at {day}: events before it are not known")
NOT_REACHED = template("not reached: {reached} of {n} have value, {waiting} still wait, {gone} left")
LEFT_BEFORE = template("{gone} of {n} left before they had value; of all, {share} had value within {days} days")
OVER = template("over {reached} of {n} customers, those that have reached value")
TOO_LOW = template("too low: it leaves out those who still wait")
EVERYBODY = template("everybody in this cohort has reached value")
GONE = template("{n} left before they had value")
NOT_FOLLOWED = template("nobody who still waits was followed for {n} days, the longest for {longest}")
AT_MOST = template("counts at most {n} days of each customer")
BEFORE_CLOCK = template("before_clock: {days} days a customer, in no contribution")
NEITHER = template("neither work nor waiting, so counted as not worked: {stages}")
NO_PAID_DAY = template("customers: no first paid day")
NO_MRR = template("customers: no MRR on the first paid day")
EARLY = template("{n} had value before they paid: 0 days")


def ttv(spine: Spine) -> list[Row]:
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

    Parameters and rules:
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
    rows = cohort_rows(spine, "ttv")
    customers = spine.vectors("ttv_rows", "label")
    first_events = _first_events(spine)
    for answer in rows.answers:
        found = customers[answer["label"],]
        curve = kaplan_meier(found["days"], found["cause"] == 1)
        told = {"params": _window(answer), "n": answer["n"]}
        notes = [
            COUNT_FROM.format(reason=CLOCKS[answer["start_clock"]]),
            *_scope(spine, answer),
            *_no_subscriptions(spine),
        ]
        _median(rows, answer, curve, found, [*notes, *_no_events_yet(answer, found, first_events)], told)
        _mean(rows, answer)
        _reached_share(rows, answer, spine.rules["ttv_cohort"], told)
        _restricted(rows, answer, curve, told)
    return rows.done()


def ttv_stages(spine: Spine) -> list[Row]:
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

    Parameters and rules:
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
    rows = cohort_rows(spine, "ttv_stages")
    if spine.provides("milestones"):
        _stages(spine, rows)
    else:
        rows.not_provided(("ttv_stage_days", "ttv_flow_efficiency"), "milestones")
    if spine.provides("subscriptions") or spine.provides("customers.first_paid_on"):
        _paid(spine, rows)
    else:
        rows.not_provided(("ttv_paid_days_without_value", "ttv_paid_without_value"), "subscriptions")
    return rows.done()


def cohort_rows(spine: Spine, card: str) -> Rows:
    """The rows of a card about the cohort, once it is known what first value is.

    Raises:
        NotProvided: there are no customers, nothing tells whose events are value, or a month has no four quarters.
    """
    spine.require("customers")
    require_parents(spine)
    if spine.rules["ttv_cohort"] == "trailing_year" and spine.period.kind != "quarter":
        raise NotProvided(FOUR_QUARTERS.format(reason=spine.period.kind))
    rows = Rows(spine, card, notes="ttv_notes", left_out=("customers", "subscriptions", "milestones"))
    for label in labels_without_value(spine):
        rows.refuse(label, UNDEFINED)
    return rows


def labels_without_value(spine: Spine) -> list[str]:
    """The periods in which nothing says what first value is.

    Raises:
        NotProvided: only events say it, and they are not there or tell no customer.
    """
    if spine.provides("customers.first_value_on"):
        return []
    told = {answer["label"] for answer in spine.answers("value_is_told")} if spine.provides("milestones") else set()
    missing = [period.label for period in spine.periods if period.label not in told]
    if spine.rules["value_events"] and missing:
        spine.require("events")
        if not spine.provides("users"):
            spine.require("events.customer_id")
        return []
    return missing


def in_order(stages: Iterable[str]) -> list[str]:
    """The stages there are, in the order of an onboarding; those of a company's own next, what is left over last."""
    rank = {stage: i for i, stage in enumerate(STAGES[:-1])} | {"other": 1_001, UNATTRIBUTED: 1_002}
    return sorted(set(stages), key=lambda stage: (rank.get(stage, 1_000), stage))


def has_rival(customers: pd.DataFrame) -> bool:
    """Whether so many left before value that Kaplan–Meier alone would overstate who reaches it (T3)."""
    return 0 < int((customers["cause"] == 2).sum()) >= RIVAL * len(customers)


def _window(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {"window_start": answer["first_day"], "window_end": answer["last_day"]}


def _scope(spine: Spine, answer: Mapping[str, Any]) -> list[str]:
    """What a reader should know of customers looked at for a short time, or after the fact."""
    kind = spine.rules["ttv_cohort"]
    if kind == "signup_quarter":
        days = (spine.at(answer["label"]).known_until - answer["first_day"]).days
        return [FOLLOWED_FOR.format(n=days)]
    return [ONLY_WITH_VALUE] if kind == "value_quarter" else []


def _no_subscriptions(spine: Spine) -> list[str]:
    """What a reader is told of a source that has none."""
    if spine.provides("subscriptions"):
        return []
    return [PAID_COUNT if spine.provides("customers.first_paid_on") else ALL_COUNT]


def _first_events(spine: Spine) -> dict[str, Any]:
    """The first day of any event, per period, where events alone say what value is; else nothing."""
    by_event = bool(spine.rules["value_events"]) and spine.provides("events")
    if not by_event or spine.provides("customers.first_value_on"):
        return {}
    return {answer["label"]: answer["day"] for answer in spine.answers("first_event")}


def _no_events_yet(answer: Mapping[str, Any], found: pd.DataFrame, first: Mapping[str, Any]) -> list[str]:
    """What a reader is told where events begin after the first customer signed."""
    day = first.get(answer["label"])
    if day is None or found.empty or pd.Timestamp(day) <= found["start_on"].min():
        return []
    return [HISTORY.format(day=day)]


def _median(
    rows: Rows, answer: Mapping[str, Any], curve: Curve, found: pd.DataFrame, notes: list[str], told: dict[str, Any]
) -> None:
    reached, n, gone = answer["reached"], answer["n"], answer["gone"]
    if curve.median is None and n:
        notes = [NOT_REACHED.format(reached=reached, n=n, waiting=n - reached - gone, gone=gone), *notes]
    elif has_rival(found):
        by_then = aalen_johansen(found["days"], found["cause"]).at(curve.median or 0.0)
        notes = [*notes, LEFT_BEFORE.format(gone=gone, n=n, share=f"{by_then:.0%}", days=f"{curve.median:g}")]
    rows.add(
        "ttv_median", answer, curve.median, interval=curve.median_interval, numerator=reached, denominator=n,
        **told, warnings=notes,
    )  # fmt: skip


def _mean(rows: Rows, answer: Mapping[str, Any]) -> None:
    reached, n = answer["reached"], answer["n"]
    notes = [OVER.format(reached=reached, n=n)]
    if reached < ENOUGH * n:
        notes.append(TOO_LOW)
    days = float(answer["days_of_reached"])
    rows.share("ttv_mean", answer, days, reached, n=reached, params=_window(answer), warnings=notes)


def _reached_share(rows: Rows, answer: Mapping[str, Any], kind: str, told: dict[str, Any]) -> None:
    reached, n, gone = answer["reached"], answer["n"], answer["gone"]
    if kind == "value_quarter":
        rows.add("ttv_reached_share", answer, None, **told, warnings=[EVERYBODY])
        return
    notes = [GONE.format(n=gone)] if gone else []
    rows.proportion("ttv_reached_share", answer, reached, n, **told, warnings=notes)


def _restricted(rows: Rows, answer: Mapping[str, Any], curve: Curve, told: dict[str, Any]) -> None:
    tau, n = answer["rmst_days"], answer["n"]
    value = curve.restricted_mean(tau) if n else None
    if value is None and n:
        why = [NOT_FOLLOWED.format(n=tau, longest=f"{curve.follow_up:g}")]
        rows.add("ttv_rmst", answer, None, status="insufficient", **told, warnings=why)
    else:
        rows.add("ttv_rmst", answer, value, **told, warnings=[AT_MOST.format(n=tau)])


def _stages(spine: Spine, rows: Rows) -> None:
    """The days of each stage, and how many days of all were worked."""
    customers, stages = spine.vectors("ttv_rows", "label"), spine.vectors("ttv_stages_rows", "label")
    by_stage: dict[str, dict[str, Any]] = {}
    for answer in rows.answers:
        by_stage.setdefault(answer["label"], {})[answer["segment"]] = answer
    for cohort in rows.answers_of("ttv"):
        label, n, told = cohort["label"], cohort["reached"], {"params": _window(cohort), "n": cohort["reached"]}
        if not n:
            rows.add("ttv_stage_days", cohort, None, **told)
            rows.share("ttv_flow_efficiency", cohort, 0, 0, **told)
            continue
        days = stages[label,]
        before = int(days["before"].sum())
        notes = [BEFORE_CLOCK.format(days=f"{before / n:.1f}")] if before else []
        if days.empty:  # value on the day on which the clock starts: there is no day to share out
            rows.share("ttv_stage_days", cohort, 0.0, n, **told)
        for stage in in_order(by_stage.get(label, {})):
            answer = by_stage[label][stage]
            rows.share("ttv_stage_days", answer, float(answer["days"]), n, **told, warnings=notes)
        reached = customers[label,]
        _efficiency(rows, cohort, reached[reached["cause"] == 1].sort_values(["start_on", "account_id"]), days)


def _efficiency(rows: Rows, cohort: Mapping[str, Any], reached: pd.DataFrame, days: pd.DataFrame) -> None:
    """Days worked over all days to value, with its interval over customers."""
    worked = days.groupby("account_id")["working"].sum().reindex(reached["account_id"]).fillna(0.0)
    unknown = days[(days["stage"] != UNATTRIBUTED) & (days["days"] - days["working"] - days["waiting"] > 1e-9)]
    notes = [FEW] if dominated_by_few(reached["days"]) else []
    if len(unknown):
        notes.append(NEITHER.format(stages=", ".join(in_order(unknown["stage"]))))
    [interval] = ratios_of_sums([worked], reached["days"])
    rows.share(
        "ttv_flow_efficiency", cohort, float(worked.sum()), float(reached["days"].sum()),
        n=len(reached), interval=interval, warnings=notes, params=_window(cohort),
    )  # fmt: skip


def _paid(spine: Spine, rows: Rows) -> None:
    """The days paid for without value, and what they cost."""
    refused = {note["label"]: note["text"] for note in spine.answers("subscription_notes") if note["kind"] == "refused"}
    for answer in rows.answers_of("ttv_paid"):
        n, label = answer["n"], answer["label"]
        excluded = {NO_PAID_DAY: answer["reached"] - n}
        notes = _no_subscriptions(spine)
        if answer["early"]:
            notes = [*notes, EARLY.format(n=answer["early"])]
        told: dict[str, Any] = {"params": _window(answer), "excluded": excluded}
        rows.share("ttv_paid_days_without_value", answer, float(answer["days"]), n, n=n, **told, warnings=notes)
        if not spine.provides("subscriptions"):
            continue
        if label in refused or answer["unrated"]:
            why = refused.get(label) or NO_RATE.format(reason=answer["unrated"])
            rows.refuse(label, why, "ttv_paid_without_value")
            continue
        value, counted = answer["ttv_paid_without_value"], answer["n_money"]
        told["excluded"] = {**excluded, NO_MRR: n - counted}
        rows.add("ttv_paid_without_value", answer, value, n=counted, **told)
    if not spine.provides("subscriptions"):
        rows.not_provided(["ttv_paid_without_value"], "subscriptions")
