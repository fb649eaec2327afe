"""Where the days between signing and first value went: each day shared out among the stages open on it.

Source: specification K02. The days are expanded and counted in the engine; pandas gets one row per customer and stage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import pandas as pd

from helpers.kpis.onboarding import Cohort
from helpers.kpis.subscription_versions import EXACT, Rules, with_account

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.data.known import Tables

STAGES = ("contract", "it_access", "connectors", "training", "accounting_ops", "value", "other")
UNATTRIBUTED = "unattributed"
KINDS = {
    "contract": "waiting",
    "it_access": "waiting",
    "connectors": "waiting",
    "training_scheduling": "waiting",
    "training_delivery": "working",
    "training": "working",
    "accounting_ops": "working",
}
"""What a stage is where ``milestones.kind`` does not say. Of any other stage it is not known."""

WAITED_ON = ("us", "customer", "third_party")
SHARES = (
    232_792_560  # parts of a day: each of up to 20 stages open on it gets a whole number of them, so sums are exact
)
MEASURES = ("days", "working", "waiting", *WAITED_ON, "open_days", "before")


def stage_days(tables: Tables, cohort: Cohort, rules: Rules) -> pd.DataFrame:
    """One row per customer that reached value and stage that it was in; the days of no stage are ``unattributed``.

    Columns: ``account_id``, ``stage``; ``days``, its share of the days from signing to value, so that those of all
    stages add up to the customer's; of these ``working`` and ``waiting``, and the waiting days by whom is waited for;
    ``open_days``, on which it was open at all; ``before``, those of them before the clock started, in no sum.
    """
    reached = cohort.reached
    asked = ibis.memtable(
        reached[["account_id", "start_on", "value_on"]],
        schema={"account_id": "string", "start_on": "date", "value_on": "date"},
    )
    found = tables.fetch(_summed(_shared(_open(tables, asked, rules))))
    attributed = found.groupby("account_id")["days"].sum()
    left_over = (reached["days"] - attributed.reindex(reached["account_id"]).fillna(0.0).to_numpy()).round(9)
    rest = pd.DataFrame({"account_id": reached["account_id"], "stage": UNATTRIBUTED, "days": left_over})
    rest = rest.assign(open_days=left_over)
    told = pd.concat([found, rest[left_over != 0]], ignore_index=True).fillna(dict.fromkeys(MEASURES, 0.0))
    return told.sort_values(["account_id", "stage"], ignore_index=True)


def open_stages(tables: Tables, asked: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """The stages open on the last known day: ``account_id``, ``stage``, ``since``, ``kind``, ``waiting_on``.

    One row per customer of ``asked`` and stage, the oldest first.
    """
    wanted = ibis.memtable(asked[["account_id"]], schema={"account_id": "string"})
    rows = with_kind(with_account(tables, tables["milestones"], rules)).semi_join(wanted, "account_id")
    rows = rows.filter(rows.started_on < tables.as_of_on, rows.ended_on.isnull())
    open_now = rows.group_by("account_id", "stage").aggregate(
        since=rows.started_on.min(), kind=rows.kind.min(), waiting_on=rows.waiting_on.min()
    )
    return tables.fetch(open_now).sort_values(["account_id", "since", "stage"], ignore_index=True)


def in_order(stages: pd.Series) -> list[str]:
    """The stages there are, in the order of an onboarding; those of a company's own next, what is left over last."""
    rank = {stage: i for i, stage in enumerate(STAGES[:-1])} | {"other": 1_001, UNATTRIBUTED: 1_002}
    return sorted(set(stages), key=lambda stage: (rank.get(stage, 1_000), stage))


def with_kind(rows: ir.Table) -> ir.Table:
    """Milestones whose ``kind`` is that of their stage where they do not tell it."""
    stage = rows.stage.lower().re_replace("[^a-z0-9]+", "_")
    return rows.mutate(kind=ibis.coalesce(rows.kind, stage.cases(*KINDS.items(), else_=ibis.null("string"))))


def _open(tables: Tables, asked: ir.Table, rules: Rules) -> ir.Table:
    """One row per customer, stage and day on which it was open; days count from the clock's start, before it below 0.

    Rows of one stage that share a day are one: it is worked on if any of them is, else waited for us rather than for
    the customer, and for the customer rather than for a third party.
    """
    rows = with_kind(with_account(tables, tables["milestones"], rules)).join(asked, "account_id")
    first = rows.started_on.delta(rows.start_on, unit="day")
    last = ibis.least(ibis.coalesce(rows.ended_on, rows.value_on), rows.value_on).delta(rows.start_on, unit="day")
    days = rows.select("account_id", "stage", "kind", "waiting_on", day=ibis.range(first, last).unnest())
    waits = days.waiting_on.cases(*((who, i) for i, who in enumerate(WAITED_ON)), else_=len(WAITED_ON))
    return days.group_by("account_id", "stage", "day").aggregate(
        working=(days.kind == "working").any().fill_null(False),
        waiting=(days.kind == "waiting").any().fill_null(False),
        waits_on=waits.min(where=days.kind == "waiting"),
    )


def _shared(days: ir.Table) -> ir.Table:
    """The days with ``part``: what each stage open on a day gets of it."""
    stages = days.count().over(ibis.window(group_by=["account_id", "day"]))
    return days.mutate(part=(SHARES / stages).cast(EXACT))


def _summed(days: ir.Table) -> ir.Table:
    """The days of each customer and stage from the clock's start on, and those before it."""
    inside = days.day >= 0
    waiting = inside & days.waiting & ~days.working
    where = {"days": inside, "working": inside & days.working, "waiting": waiting}
    where |= {who: waiting & (days.waits_on == i) for i, who in enumerate(WAITED_ON)}
    parts = {name: days.part.sum(where=rows).cast("float64") / SHARES for name, rows in where.items()}
    counts = {"open_days": days.count(where=inside), "before": days.count(where=~inside)}
    return days.group_by("account_id", "stage").aggregate(**parts, **counts)
