"""The tables of the way to value (K02): its stages, whom customers waited for, and single timelines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

import ibis
import pandas as pd

from helpers.kpis.named_customers import with_names
from helpers.kpis.onboarding import Cohort, Onboarding, cohort, cohort_before
from helpers.kpis.onboarding_stages import UNATTRIBUTED, WAITED_ON, in_order, stage_days, with_kind
from helpers.kpis.subscription_versions import CustomerRules, Rules, with_account
from helpers.periods import Period
from helpers.results import Column, Listing

if TYPE_CHECKING:
    from helpers.data.known import Tables

RECENT = 12
NOBODY = "No customer of this cohort has reached value yet."
WORDS = {"us": "us", "customer": "the customer", "third_party": "a third party"}


def stage_contributions(
    tables: Tables,
    period: Period,
    *,
    value_events: Sequence[str] = (),
    ttv_cohort: str = "trailing_year",
    **given: Unpack[CustomerRules],
) -> Listing:
    """One row per stage, the most days first: what it adds to the mean time to value, and to that of the cohort before.

    The contributions add up to the mean. ``when_present`` is the mean over the customers that passed the stage,
    ``open_days`` how long it was then open, shared with others or not, ``before_clock`` its days before the start.
    """
    tables.require("milestones")
    onboarding = Onboarding(tuple(value_events), ttv_cohort, Rules(**given))
    found, earlier = cohort(tables, period, onboarding), cohort_before(tables, period, onboarding)
    columns = {
        "stage": Column("Stage"),
        "days": Column("Days of the mean", "days"),
        "running": Column("Running total", "share"),
        "waiting": Column("of these waiting", "days"),
        "working": Column("working", "days"),
        "customers": Column("Customers that passed it", "count"),
        "when_present": Column("Their mean days", "days"),
        "open_days": Column("Their days open", "days"),
        "before_clock": Column("Days before the clock", "days"),
        "earlier": Column(f"Days of the mean, {earlier.window.label}" if earlier else "Days before", "days"),
    }
    rows = _contributions(tables, found, onboarding.rules)
    if earlier is None or rows.empty:
        rows, columns = rows.assign(earlier=None), {name: columns[name] for name in columns if name != "earlier"}
    else:
        rows = _beside(rows, _contributions(tables, earlier, onboarding.rules))
    return Listing(
        caption=f"Where the days to value went, {len(found.reached)} customers, {found.window.label}",
        rows=rows[list(columns)],
        columns=columns,
        when_empty=NOBODY,
        grain="stage",
        note="A day on which several stages were open is shared out among them, so the days add up to the mean; days "
        "open are not shared out. Days before the clock started are in no sum.",
    )


def waiting_for(
    tables: Tables,
    period: Period,
    *,
    value_events: Sequence[str] = (),
    ttv_cohort: str = "trailing_year",
    **given: Unpack[CustomerRules],
) -> Listing:
    """Whom the days of waiting were spent for: us, the customer or a third party, and the stage with most of them."""
    tables.require("milestones")
    rules = Rules(**given)
    found = cohort(tables, period, Onboarding(tuple(value_events), ttv_cohort, rules))
    days = stage_days(tables, found, rules).assign(
        untold=lambda rows: rows["waiting"] - rows[list(WAITED_ON)].sum(axis=1)
    )
    columns = {
        "who": Column("Waiting for"),
        "days": Column("Days of the mean", "days"),
        "share": Column("Of the days waiting", "share"),
        "stage": Column("Most of them in"),
    }
    by_stage = days.groupby("stage")[[*WAITED_ON, "untold"]].sum().round(9)
    rows = [
        {
            "who": WORDS.get(str(who), "(not told)"), "days": parts.sum() / len(found.reached),
            "share": parts.sum() / days["waiting"].sum(), "stage": parts.idxmax(),
        }
        for who, parts in by_stage.items() if parts.sum()
    ]  # fmt: skip
    return Listing(
        caption=f"Whom customers waited for on the way to value, {found.window.label}",
        rows=pd.DataFrame(rows, columns=list(columns)),
        columns=columns,
        when_empty="No day of waiting is recorded.",
        grain="who",
    )


def recent_timelines(
    tables: Tables,
    period: Period,
    *,
    value_events: Sequence[str] = (),
    ttv_cohort: str = "trailing_year",
    **given: Unpack[CustomerRules],
) -> Listing:
    """The stages of the twelve customers of the cohort that reached value last, in days after their clock started.

    One row per customer and stretch of a stage; ``total`` is the customer's days to value.
    """
    tables.require("milestones")
    rules = Rules(**given)
    found = cohort(tables, period, Onboarding(tuple(value_events), ttv_cohort, rules))
    recent = found.reached.sort_values(["value_on", "account_id"], ascending=[False, True]).head(RECENT)
    own = {
        "stage": Column("Stage"),
        "kind": Column("Kind"),
        "from_day": Column("From day", "days"),
        "to_day": Column("to day", "days"),
        "total": Column("Days to value", "days"),
    }
    rows, columns = with_names(tables, _stretches(tables, recent, rules), own, who=("customer",))
    return Listing(
        caption=f"The way to value of the {len(recent)} customers that reached it last",
        rows=rows,
        columns=columns,
        when_empty=NOBODY,
        grain="customer_id, stage, from_day",
        note="Day 0 is the start of the clock; what lies before it is in no sum.",
    )


def _contributions(tables: Tables, found: Cohort, rules: Rules) -> pd.DataFrame:
    """The sums of :func:`stage_days` by stage, over all customers that reached value, the most days first."""
    days, n = stage_days(tables, found, rules), len(found.reached)
    passed = days[days["days"] > 0].groupby("stage")
    sums = days.groupby("stage")[["days", "waiting", "working", "open_days", "before"]].sum()
    sums["customers"] = passed["account_id"].nunique().reindex(sums.index).fillna(0)
    rows = pd.DataFrame(
        {
            **{name: sums[name] / n for name in ("days", "waiting", "working")},
            "customers": sums["customers"],
            "when_present": sums["days"] / sums["customers"].where(sums["customers"] > 0),
            "open_days": sums["open_days"] / sums["customers"].where(sums["customers"] > 0),
            "before_clock": sums["before"] / n,
        }
    ).reset_index()
    rows = rows.assign(last=rows["stage"] == UNATTRIBUTED)
    rows = rows.sort_values(["last", "days", "stage"], ascending=[True, False, True], ignore_index=True)
    total = rows["days"].sum()
    return rows.assign(running=rows["days"].cumsum() / total if total else None)


def _beside(rows: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """The contributions with those of the cohort before as ``earlier``; a stage that only they passed comes last."""
    found = rows.merge(before[["stage", "days"]].rename(columns={"days": "earlier"}), on="stage", how="outer")
    order = {stage: i for i, stage in enumerate(dict.fromkeys([*rows["stage"], *in_order(before["stage"])]))}
    found = found.fillna(dict.fromkeys(("days", "waiting", "working", "customers", "before_clock"), 0.0))
    if len(before):
        found = found.fillna({"earlier": 0.0})
    return found.sort_values("stage", key=lambda stages: stages.map(order), ignore_index=True)


def _stretches(tables: Tables, recent: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Each stretch of a stage of these customers, cut off at value; the latest value first, then by day."""
    asked = ibis.memtable(
        recent[["account_id", "start_on", "value_on"]],
        schema={"account_id": "string", "start_on": "date", "value_on": "date"},
    )
    rows = with_kind(with_account(tables, tables["milestones"], rules)).join(asked, "account_id")
    ended = ibis.least(ibis.coalesce(rows.ended_on, rows.value_on), rows.value_on)
    rows = rows.mutate(
        from_day=rows.started_on.delta(rows.start_on, unit="day"), to_day=ended.delta(rows.start_on, unit="day")
    )
    found = tables.fetch(
        rows.filter(rows.to_day > rows.from_day).select("account_id", "stage", "kind", "from_day", "to_day")
    )
    places = {account: i for i, account in enumerate(recent["account_id"])}
    told = recent.rename(columns={"days": "total"})[["account_id", "total"]].merge(found, on="account_id", how="left")
    told = told.assign(place=told["account_id"].map(places))
    return told.sort_values(["place", "from_day", "to_day", "stage"], ignore_index=True)
