"""What to act on along the way to value (K02): who still waits, and what the improvements made so far have changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Unpack

import pandas as pd

from helpers.kpis.named_customers import with_names
from helpers.kpis.onboarding import Cohort, Onboarding, Window, between, cohort, cohort_before
from helpers.kpis.onboarding_stages import open_stages, stage_days
from helpers.kpis.onboarding_tables import WORDS
from helpers.kpis.subscription_versions import CustomerRules, Rules
from helpers.periods import DAY, Period
from helpers.registries import Improvement
from helpers.results import Column, Listing

if TYPE_CHECKING:
    from helpers.data.known import Tables

SHOWN = 15


def still_waiting(
    tables: Tables, period: Period, *, value_events: Sequence[str] = (), **given: Unpack[CustomerRules]
) -> Listing:
    """Who signed in the four quarters and waits for value, the longest first: at which stage, since when, for whom.

    They are in no mean. Who signed before those quarters and has no value either is counted in the note.
    """
    onboarding = Onboarding(tuple(value_events), "trailing_year", Rules(**given))
    found = cohort(tables, period, onboarding)
    waiting = _waiting(found)
    own = {
        "stage": Column("Stage open now"),
        "stage_days": Column("Days in it so far", "days"),
        "waits_on": Column("Waiting for"),
        "days": Column("Days so far", "days"),
        "start_on": Column("Clock started", "date"),
    }
    if tables.provides("milestones"):
        waiting = waiting.merge(_open_now(tables, waiting, onboarding.rules), on="account_id", how="left")
        waiting = waiting.fillna({"stage": "none"})
    else:
        own = {name: own[name] for name in ("days", "start_on")}
    rows, columns = with_names(tables, waiting, own)
    older = len(_waiting(between(tables, Window(date.min, found.window.first - DAY), onboarding)))
    more = f" {older} that signed before {found.window.label} have no value either." if older else ""
    return Listing(
        caption=f"Customers still waiting for value, signed in {found.window.label}",
        rows=rows,
        columns=columns,
        when_empty="Every customer that signed in these four quarters has value, or has left.",
        grain="customer_id",
        export="still_waiting",
        top=SHOWN,
        note=f"The longest wait stands first. These days are in no mean.{more}",
    )


def improvements_made(
    tables: Tables,
    period: Period,
    *,
    improvements: Sequence[Improvement] = (),
    value_events: Sequence[str] = (),
    **given: Unpack[CustomerRules],
) -> Listing:
    """The improvements of the review, each with what its stage adds to the mean before and after it was done.

    Before and after go by the start of the customer's clock, over eight quarters.
    """
    tables.require("milestones")
    onboarding = Onboarding(tuple(value_events), "trailing_year", Rules(**given))
    found, earlier = cohort(tables, period, onboarding), cohort_before(tables, period, onboarding)
    customers = pd.concat([part.customers for part in (earlier, found) if part is not None], ignore_index=True)
    everybody = Cohort(found.window, customers, {})
    days = stage_days(tables, everybody, onboarding.rules)
    columns = {
        "stage": Column("Stage"),
        "idea": Column("Improvement"),
        "owner": Column("Owner"),
        "status": Column("Status"),
        "expected": Column("Days to save", "days"),
        "done_on": Column("Done on", "date"),
        "before": Column("Days of the mean before", "days"),
        "after": Column("after", "days"),
        "customers": Column("Customers before and after"),
    }
    rows = [_improvement(each, everybody, days, period) for each in improvements]
    return Listing(
        caption="Improvements on the way to value",
        rows=pd.DataFrame(rows, columns=list(columns)),
        columns=columns,
        when_empty="The review lists no improvements; add them under improvements:.",
        grain="stage, idea",
        note="Before and after by the day on which the customer's clock started. Who started after it and still waits "
        "is in no mean yet, so that the days after it may grow; before and after is no proof of the cause.",
    )


def _waiting(found: Cohort) -> pd.DataFrame:
    waiting = found.customers[found.customers["cause"] == 0]
    return waiting.sort_values(["days", "account_id"], ascending=[False, True], ignore_index=True)


def _open_now(tables: Tables, waiting: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """The stages that each customer is in, as one row: ``stage``, ``stage_days`` since the oldest, ``waits_on``."""
    rows = open_stages(tables, waiting, rules)
    today = pd.Timestamp(tables.as_of_on - DAY)
    rows = rows.assign(
        stage_days=(today - pd.to_datetime(rows["since"])).dt.days,
        waits_on=rows["waiting_on"].map(WORDS).where(rows["kind"] != "working", "work under way"),
    )
    return rows.groupby("account_id", as_index=False).agg(
        stage=("stage", _listed), stage_days=("stage_days", "max"), waits_on=("waits_on", _listed)
    )


def _listed(texts: pd.Series) -> str | None:
    return ", ".join(dict.fromkeys(texts.dropna())) or None


def _improvement(each: Improvement, everybody: Cohort, days: pd.DataFrame, period: Period) -> dict[str, Any]:
    """One row of the list; one that is not done yet has only a before."""
    done = each.done_on if each.done_on and each.done_on <= period.known_until else None
    customers = everybody.customers
    after = customers["start_on"] >= pd.Timestamp(done) if done else pd.Series(False, customers.index)
    means: dict[str, float | None] = {}
    counts = []
    for name, part in {"before": customers[~after], "after": customers[after]}.items():
        reached = part.loc[part["cause"] == 1, "account_id"]
        spent = days.loc[(days["stage"] == each.stage) & days["account_id"].isin(reached), "days"].sum()
        means[name] = spent / len(reached) if len(reached) else None
        counts.append(len(reached))
    waiting = int((customers[after]["cause"] == 0).sum())
    return {
        "stage": each.stage, "idea": each.idea, "owner": each.owner, "status": each.status,
        "expected": each.expected_days_saved, "done_on": each.done_on, **means,
        "customers": f"{counts[0]} and {counts[1]}" + (f", {waiting} still waiting" if waiting else ""),
    }  # fmt: skip
