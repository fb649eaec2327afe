"""The tables beside recurring revenue: who left and why, who moved most, who comes up for renewal, how long they stay.

The rules that all of them share are told in ``subscription_versions.Rules``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

import pandas as pd

from helpers.kpis import customer_mrr
from helpers.kpis.activity import Use
from helpers.kpis.deals import in_words
from helpers.kpis.last_use import with_last_use
from helpers.kpis.named_customers import with_names
from helpers.kpis.renewals import coming_due
from helpers.kpis.subscription_versions import MovementRules, Rules, StockRules, rules_in
from helpers.periods import DAY, Period
from helpers.results import Column, Listing
from helpers.statistics import kaplan_meier

if TYPE_CHECKING:
    from helpers.data.known import Tables

DUE_DAYS = 180
SHOWN = 15
LIFE_MONTHS = (3, 6, 12, 24, 36, 60)
MEANS = ("weeks", "tickets")  # small counts, whose median says little
ENOUGH = 5  # of fewer customers a share says nothing
SNAPSHOTS = {"month": "month ends", "quarter": "quarter ends", "day": "every day"}


class LossRules(MovementRules, total=False):
    """The rules of a table that tells how customers used the product before they left."""

    activity_events: Sequence[str]
    feed_max_age_days: int


def lost_customers(tables: Tables, period: Period, **given: Unpack[LossRules]) -> Listing:
    """One row per customer that churned in the period and does not pay on its last day, the largest first."""
    lost = _lost(tables, period, rules_in(given))
    lost = with_last_use(tables, lost, period, Use.of(given))
    told = {
        "days_to_value": Column("Days to value", "days"),
        "last_active_on": Column("Last active", "date"),
        "weeks": Column("Weeks of 7", "count"),
        "tickets": Column("Tickets", "count"),
    }
    own = {
        "mrr": Column("MRR lost", "money_per_month"),
        "since": Column("Customer since", "date", on_pages=False),
        "until": Column("Lost on", "date"),
        "tenure": Column("Tenure", "days"),
        "reason": Column("Reason"),
        **{name: column for name, column in told.items() if name in lost.columns},
    }
    order = lost.sort_values(["mrr", "account_id"], ascending=[False, True])
    rows, columns = with_names(tables, order, own, key_on_pages=False)
    return Listing(
        caption=f"Customers lost in {period.label}",
        rows=rows,
        columns=columns,
        when_empty="No customer was lost in this period.",
        grain="customer_id",
        export="lost_customers",
        top=SHOWN,
        note="MRR lost is what the customer paid at the start of the period, or when it came if that was later."
        + (" Weeks of the last seven with anybody active, tickets in the last 91 days." if "weeks" in own else ""),
    )


def lost_and_stayed(tables: Tables, period: Period, **given: Unpack[LossRules]) -> Listing:
    """How the customers lost in the period compare with those who stayed: one row for each of the two groups."""
    rules = rules_in(given)
    groups = {"Lost": _lost(tables, period, rules), "Stayed": _stayed(tables, period, rules)}
    groups = {name: with_last_use(tables, group, period, Use.of(given)) for name, group in groups.items()}
    told = {
        "mrr": Column("Median MRR at the start", "money_per_month"),
        "tenure": Column("Median tenure", "days"),
        "days_to_value": Column("Median days to value", "days"),
        "weeks": Column("Mean weeks of 7", "weeks"),
        "tickets": Column("Mean tickets in 91 days", "ratio"),
    }
    told = {name: column for name, column in told.items() if name in groups["Lost"].columns}
    rows = [
        {"group": name, "customers": len(group)}
        | {part: group[part].mean() if part in MEANS else group[part].median() for part in told}
        for name, group in groups.items()
        if len(group)
    ]
    columns = {"group": Column("Customers that"), "customers": Column("Customers", "count"), **told}
    return Listing(
        caption=f"Lost in {period.label}, beside those who stayed",
        rows=pd.DataFrame(rows, columns=list(columns)),
        columns=columns,
        when_empty="No customer was paying at the start of the period.",
        grain="group",
    )


def churn_reasons(tables: Tables, period: Period, **given: Unpack[MovementRules]) -> Listing:
    """Why the customers of the period were lost: one row per reason, the costliest first."""
    rules = Rules(**given)
    lost = _lost(tables, period, rules).groupby("reason", as_index=False)
    rows = lost.agg(customers=("account_id", "count"), mrr=("mrr", "sum"))
    rows = rows.assign(share=rows["mrr"] / rows["mrr"].sum())
    columns = {
        "reason": Column("Reason"),
        "customers": Column("Customers lost", "count"),
        "mrr": Column("MRR lost", "money_per_month"),
        "share": Column("Of the MRR lost", "share"),
    }
    return Listing(
        caption=f"Why customers were lost in {period.label}",
        rows=rows.sort_values(["mrr", "reason"], ascending=[False, True], ignore_index=True)[list(columns)],
        columns=columns,
        when_empty="No customer was lost in this period.",
        grain="reason",
    )


def top_movers(tables: Tables, period: Period, **given: Unpack[MovementRules]) -> Listing:
    """The customers whose MRR changed most from the start to the end of the period, up or down."""
    rules = Rules(**given)
    found = customer_mrr.movements(tables, period, rules)
    change = found["closing"] - found["opening"]
    found = found.assign(change=change, size=change.abs(), movement=_movement(found))
    found = found[found["change"] != 0]
    own = {
        "opening": Column("Opening MRR", "money_per_month"),
        "closing": Column("Closing MRR", "money_per_month"),
        "change": Column("Change", "money_per_month"),
        "movement": Column("Movement"),
    }
    rows, columns = with_names(tables, found.sort_values(["size", "account_id"], ascending=[False, True]), own)
    return Listing(
        caption=f"The largest changes of MRR in {period.label}",
        rows=rows,
        columns=columns,
        when_empty="No customer's MRR changed in this period.",
        grain="customer_id",
        top=SHOWN,
        note=f"From the start to the end of the period. MRR movements compare {SNAPSHOTS[rules.movement_grain]}.",
    )


def intra_period_customers(tables: Tables, period: Period, **given: Unpack[MovementRules]) -> Listing:
    """The customers that came and went between two snapshots, and so stand in no movement."""
    rules = Rules(**given)
    found = customer_mrr.passed_through(tables, period, rules)
    own = {
        "mrr": Column("Highest MRR", "money_per_month"),
        "came_on": Column("Came on", "date"),
        "left_on": Column("Left on", "date"),
    }
    rows, columns = with_names(tables, found.sort_values(["mrr", "account_id"], ascending=[False, True]), own)
    return Listing(
        caption=f"Customers that came and went between two snapshots in {period.label}",
        rows=rows,
        columns=columns,
        when_empty="No customer came and went between two snapshots.",
        grain="customer_id",
        top=SHOWN,
        note="They paid, but on no snapshot day: they are in no movement, no opening and no closing.",
    )


def renewals_due(tables: Tables, period: Period, **given: Unpack[StockRules]) -> Listing:
    """The subscription lines up for renewal in the next 180 days: those of the next 90 first, each by ARR."""
    rules = Rules(**given)
    due = coming_due(tables, period, rules, days=DUE_DAYS)
    due = due.assign(later=due["days_left"] > DUE_DAYS / 2)
    due = due.sort_values(["later", "arr"], ascending=[True, False], kind="stable")
    own = {
        "renewal_on": Column("Renewal on", "date"),
        "days_left": Column("Days to renewal", "days"),
        "arr": Column("ARR", "money"),
        "product": Column("Product"),
        "cancelled_on": Column("Cancelled on", "date"),
        "subscription_id": Column("Subscription"),
    }
    told = {name: own[name] for name in own if _given(tables, f"subscriptions.{name}")}
    rows, columns = with_names(tables, due, told)
    return Listing(
        caption=f"Renewals due in the {DUE_DAYS} days after {in_words(period)}",
        rows=rows,
        columns=columns,
        when_empty=f"No subscription line is up for renewal in the next {DUE_DAYS} days.",
        grain="subscription_id, line_id",
        export="renewals_due",
        top=SHOWN,
        note="Those of the next 90 days stand first, the largest on top.",
    )


def customer_life(tables: Tables, period: Period, **given: Unpack[StockRules]) -> Listing:
    """How long customers stay: the share still paying some months after they came, over all customers so far."""
    rules = Rules(**given)
    lives = customer_mrr.lives(tables, period, rules)
    curve = kaplan_meier(lives["tenure"], lives["until"].dt.date <= period.measured_on)
    rows = [
        {"months": months, "paying": curve.at(days), "followed": int((lives["tenure"] >= days).sum())}
        for months in LIFE_MONTHS
        if (lives["tenure"] >= (days := months * 365 / 12)).sum() >= ENOUGH
    ]
    columns = {
        "months": Column("Months after the first paid day", "count"),
        "paying": Column("Still paying", "share"),
        "followed": Column("Customers followed that long", "count"),
    }
    half = f"Half have left after {curve.median:.0f} days." if curve.median else "Fewer than half have left so far."
    return Listing(
        caption="How long customers stay",
        rows=pd.DataFrame(rows, columns=list(columns)),
        columns=columns,
        when_empty=f"Fewer than {ENOUGH} customers have been followed for three months.",
        grain="months",
        note=f"{half} By Kaplan–Meier; who left and came back counts as one life.",
    )


def _lost(tables: Tables, period: Period, rules: Rules) -> pd.DataFrame:
    """``account_id``, ``mrr``, ``since``, ``until``, ``tenure`` and ``reason`` of the customers lost in the period."""
    found = customer_mrr.movements(tables, period, rules)
    lost = found[(found["churn"] < 0) & (found["closing"] == 0)]
    lost = lost.assign(mrr=lost["opening"].where(lost["opening"] > 0, lost["new"] + lost["reactivation"]))
    lost = lost.merge(customer_mrr.lives(tables, period, rules), on=["account_id", "segment"])
    lost = lost.merge(customer_mrr.reasons(tables, period.opening_day, period, rules), on="account_id", how="left")
    return lost.assign(reason=lost["reason"].fillna("(none)"))


def _stayed(tables: Tables, period: Period, rules: Rules) -> pd.DataFrame:
    found = customer_mrr.movements(tables, period, rules)
    stayed = found[(found["opening"] > 0) & (found["closing"] > 0)]
    stayed = stayed.assign(mrr=stayed["opening"])
    stayed = stayed.merge(customer_mrr.lives(tables, period, rules), on=["account_id", "segment"])
    return stayed.assign(until=pd.Timestamp(period.measured_on + DAY))


def _movement(found: pd.DataFrame) -> pd.Series:
    """What the change over the whole period amounts to."""
    named = pd.Series("expansion", index=found.index)
    named[found["closing"] < found["opening"]] = "contraction"
    named[found["closing"] == 0] = "churn"
    came = found["opening"] == 0
    named[came] = found.loc[came, "new"].gt(0).map({True: "new", False: "reactivation"})
    return named


def _given(tables: Tables, what: str) -> bool:
    """Whether the source tells what a column shows; columns that it never tells are left out."""
    optional = ("subscriptions.product", "subscriptions.cancelled_on")
    return what not in optional or tables.provides(what.replace("cancelled_on", "cancelled_at"))
