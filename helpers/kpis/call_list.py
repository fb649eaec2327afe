"""Whom to call: the customers that have gone silent, with what one needs to know before the call.

Source: specification, cards K03 and K04. These are the tables beside ``inactive_customers``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Unpack

import ibis
import numpy as np
import pandas as pd
from dateutil.relativedelta import relativedelta

from helpers.kpis.activity import blocks_end, is_activity, refuse_stale_feed, with_accounts
from helpers.kpis.activity_blocks import account_blocks
from helpers.kpis.customer_mrr import with_stock
from helpers.kpis.named_customers import with_names
from helpers.kpis.silence import SILENT, Silence, SilenceRules, last_activity, states, tally, unasked
from helpers.kpis.subscription_versions import FOREVER, Rules, paying, rules_in, with_account
from helpers.periods import Period
from helpers.results import Column, Listing

if TYPE_CHECKING:
    from helpers.data.known import Tables

WEEKS = 12
SHOWN = 30
RENEWAL_BUCKETS = (90, 180)
BLOCK_DAYS, BLOCKS_OF_A_YEAR = 28, 13
NOBODY = "(no owner)"


class CallRules(SilenceRules, total=False):
    """The rules of a table that values silent customers."""

    fx_mode: str


def call_list(tables: Tables, period: Period, **given: Unpack[CallRules]) -> Listing:
    """One row per inactive customer: whom to call, grouped by the colleague who calls.

    The owner with most MRR at stake stands first; each one's customers in the order of the call: renewal within 90
    days, within 180, later, unknown; then by MRR and days of silence.
    """
    found = _with_renewals(tables, _silent(tables, period, **given), period, Silence.of(given).use.customers)
    found = _with_use(tables, found, period, Silence.of(given))
    found = _with_tickets(tables, found, period, Silence.of(given).use.customers)
    own = {
        "mrr": Column("MRR", "money_per_month"),
        "last_active_on": Column("Last active", "date"),
        "days_silent": Column("Days silent", "days"),
        "active_users": Column("Users now", "count"),
        "peak_users": Column("at most", "count"),
        "pac": Column("Weeks of 7", "count"),
        "renewal_on": Column("Renewal on", "date", on_pages=False),
        "days_to_renewal": Column("Days to renewal", "days"),
        **({"open_tickets": Column("Tickets", "count")} if tables.provides("tickets") else {}),
        "reason": Column("Why", on_pages=False),
        "contact_email": Column("Contact", on_pages=False),
    }
    listed = _in_order(found).drop(columns="owner")
    rows, columns = with_names(tables, listed, own, who=("owner", "customer"), key_on_pages=False)
    rows = rows.fillna({"owner": NOBODY}) if "owner" in columns else rows
    return Listing(
        caption=f"Whom to call: customers silent on {period.measured_on}",
        rows=rows,
        columns=columns,
        when_empty="No customer that is asked has gone silent.",
        grain="customer_id",
        export="call_list",
        top=SHOWN,
        group="owner" if "owner" in columns else "",
        note=_reading(tables, period, Silence.of(given)),
    )


def silence_by_owner(tables: Tables, period: Period, **given: Unpack[CallRules]) -> Listing:
    """One row per owner of inactive customers: how many, what they pay, and the nearest renewal."""
    found = _with_renewals(tables, _silent(tables, period, **given), period, Silence.of(given).use.customers)
    rows = found.groupby("owner", as_index=False).agg(
        customers=("account_id", "count"), mrr=("mrr", "sum"), nearest=("days_to_renewal", "min")
    )
    columns = {
        "owner": Column("Owner"),
        "customers": Column("Inactive customers", "count"),
        "mrr": Column("Their MRR", "money_per_month"),
        "nearest": Column("Days to the next renewal", "days"),
    }
    return Listing(
        caption="Inactive customers by owner",
        rows=rows.sort_values(["mrr", "owner"], ascending=[False, True], ignore_index=True)[list(columns)],
        columns=columns,
        when_empty="No customer that is asked has gone silent.",
        grain="owner",
    )


def silence_by_week(tables: Tables, period: Period, **given: Unpack[SilenceRules]) -> Listing:
    """The last twelve weeks, each up to the weekday of the period's last day: who fell silent, and who came back."""
    rules = Silence.of(given)
    refuse_stale_feed(tables, period, rules.use.feed_max_age_days)
    days = [period.measured_on - timedelta(weeks=k) for k in reversed(range(WEEKS + 1))]
    found = states(tables, tuple(days), rules)
    rows = []
    for before, day in pairwise(days):
        told = tally(found[str(before)], found[str(day)])
        rows.append({"week_to": day, "rate": told.inactive / told.asked if told.asked else None, **told._asdict()})
    columns = {
        "week_to": Column("Week up to", "date"),
        "inactive": Column("Inactive", "count"),
        "asked": Column("Asked", "count"),
        "rate": Column("Rate", "share"),
        "newly_silent": Column("Newly silent", "count"),
        "returned": Column("Returned", "count"),
    }
    return Listing(
        caption=f"Silence week by week, to {period.measured_on}",
        rows=pd.DataFrame(rows, columns=list(columns)),
        columns=columns,
        when_empty="No week is known.",
        grain="week_to",
        note="Customers that are new, lost or not asked in between make the rest of the change.",
    )


def not_asked(tables: Tables, period: Period, **given: Unpack[CallRules]) -> Listing:
    """The paying customers that are neither active nor inactive: why they are not asked, and what they pay."""
    today, rules = period.measured_on, Silence.of(given)
    found = states(tables, (today,), rules).rename(columns={str(today): "why"})
    found = with_stock(tables, found.loc[unasked(found["why"]).index], period, rules_in(given))
    rows = found.groupby("why", as_index=False).agg(customers=("account_id", "count"), mrr=("mrr", "sum"))
    columns = {
        "why": Column("Not asked because"),
        "customers": Column("Customers", "count"),
        "mrr": Column("Their MRR", "money_per_month"),
    }
    return Listing(
        caption="Paying customers that are not asked",
        rows=rows.sort_values(["mrr", "why"], ascending=[False, True], ignore_index=True)[list(columns)],
        columns=columns,
        when_empty="Every paying customer is asked.",
        grain="why",
        on_pages=False,
    )


def _reading(tables: Tables, period: Period, rules: Silence) -> str:
    """How the list is ordered, what its columns count, and how many customers are not asked."""
    others = unasked(states(tables, (period.measured_on,), rules)[str(period.measured_on)]).value_counts()
    told = ", ".join(f"{n} {why}" for why, n in others.items())
    return (
        "By owner, most MRR at stake first; then by renewal (90, 180 days, later, unknown), then by MRR. Users now are "
        "those active in 28 days, at most the most in such a time of a year; weeks are those of the last seven with "
        "anybody active; tickets are open ones." + (f" Not asked: {told}." if told else "")
    )


def _silent(tables: Tables, period: Period, **given: Unpack[CallRules]) -> pd.DataFrame:
    """The inactive customers with their ``mrr``, ``owner``, ``contact_email``, ``days_silent`` and ``reason``."""
    rules, today = Silence.of(given), period.measured_on
    refuse_stale_feed(tables, period, rules.use.feed_max_age_days)
    found = states(tables, (today,), rules)
    found = with_stock(tables, found[found[str(today)] == SILENT], period, rules_in(given))
    found = found.merge(last_activity(tables, today, rules), on="account_id", how="left")
    found = found.assign(
        days_silent=(pd.Timestamp(today) - pd.to_datetime(found["last_active_on"])).dt.days,
        reason=_reasons(found, rules),
    )
    contacts = tables["customers"] if tables.provides("customers") else None
    if contacts is None:
        return found.assign(owner=NOBODY, contact_email=None)
    listed = tables.fetch(contacts.select("owner", "contact_email", account_id="customer_id"))
    return found.merge(listed, on="account_id", how="left").fillna({"owner": NOBODY})


def _reasons(found: pd.DataFrame, rules: Silence) -> pd.Series:
    reason = pd.Series("no activity", index=found.index).mask(found["last_active_on"].isna(), "never active")
    signalled = found["product_type"].isin(dict(rules.health_signals))
    reason = reason.mask(signalled, "no health signal")
    return reason.mask(found["users"] == 0, "no users on record")


def _with_renewals(tables: Tables, found: pd.DataFrame, period: Period, rules: Rules) -> pd.DataFrame:
    """``renewal_on``, the earliest of the customer's lines in force, and the days until then, below 0 if past."""
    today = period.measured_on
    lines = _lines(tables, found["account_id"], today, rules)
    renewal_on = pd.Series([_renewal(line, today) for line in lines.itertuples()], lines.index, "datetime64[s]")
    earliest = lines.assign(renewal_on=renewal_on).groupby("account_id")["renewal_on"].min()
    found = found.merge(earliest, on="account_id", how="left")
    left = (found["renewal_on"] - pd.Timestamp(today)).dt.days
    past = (left < 0).map({True: "; past renewal", False: ""})
    return found.assign(days_to_renewal=left, reason=found["reason"] + past)


def _lines(tables: Tables, accounts: pd.Series, today: date, rules: Rules) -> pd.DataFrame:
    """The versions in force of these customers, cancelled or not, each with the first day of its line."""
    rows = paying(tables, replace(rules, churn_day="service_end"))
    begun = rows.start_on.min().over(ibis.window(group_by=[rows.subscription_id, rows.line_id]))
    rows = rows.mutate(begun=begun)
    rows = rows.filter(rows.account_id.isin(list(accounts)), rows.start_on <= today, rows.ends > today)
    named = ["account_id", "begun", "ends", "renewal_on", "term", "interval", "interval_count"]
    return tables.fetch(rows.select(*named))


def _renewal(line: Any, today: date) -> pd.Timestamp:
    """When a line comes up for renewal: as told, else its end, else the next anniversary of an annual term."""
    renewal_on, ends, begun = (pd.Timestamp(getattr(line, name)) for name in ("renewal_on", "ends", "begun"))
    if pd.notna(renewal_on):
        return renewal_on
    if ends < pd.Timestamp(FOREVER):
        return ends
    yearly = line.interval == "year" and line.interval_count == 1
    if not (yearly or line.term == 12):
        return pd.NaT
    years = today.year - begun.year
    due = begun + relativedelta(years=years)
    return due if due.date() > today else begun + relativedelta(years=years + 1)


def _with_use(tables: Tables, found: pd.DataFrame, period: Period, rules: Silence) -> pd.DataFrame:
    """``active_users`` in the last 28 days, ``peak_users``, the most in such a block of a year, and ``pac``."""
    today = period.measured_on
    rows = with_accounts(tables, rules.use.customers)
    age = ibis.literal(today).delta(rows.active_on, unit="day")
    rows = rows.mutate(block=(age // BLOCK_DAYS).cast("int64"))
    rows = rows.filter(
        rows.account_id.isin(list(found["account_id"])), is_activity(rows, rules.use.events),
        rows.active_on <= today, rows.block < BLOCKS_OF_A_YEAR,
    )  # fmt: skip
    by_block = rows.group_by("account_id", "block").aggregate(users=rows.user_id.nunique())
    use = tables.fetch(
        by_block.group_by("account_id").aggregate(
            active_users=by_block.users.max(where=by_block.block == 0), peak_users=by_block.users.max()
        )
    )
    accounts = account_blocks(tables, blocks_end(period, rules.use.week_mode), today, rules.use)
    pac = accounts[["account_id", "pac_any"]].rename(columns={"pac_any": "pac"})
    found = found.merge(use, on="account_id", how="left").merge(pac, on="account_id", how="left")
    return found.fillna({"active_users": 0, "peak_users": 0})


def _with_tickets(tables: Tables, found: pd.DataFrame, period: Period, rules: Rules) -> pd.DataFrame:
    """``open_tickets``: not solved by the end of knowledge, neither spam nor merged; missing without tickets."""
    if not tables.provides("tickets"):
        return found
    rows = with_account(tables, tables["tickets"], rules)
    rows = rows.filter(rows.solved_at.isnull(), ~rows.is_spam.fill_null(False), rows.merged_into.isnull())
    counted = tables.fetch(rows.group_by("account_id").aggregate(open_tickets=rows.count()))
    return found.merge(counted, on="account_id", how="left").fillna({"open_tickets": 0})


def _in_order(found: pd.DataFrame) -> pd.DataFrame:
    """By owner, the one with most MRR at stake first, and within an owner in the order of the call."""
    days = found["days_to_renewal"]
    bucket = np.select([days.isna(), days <= RENEWAL_BUCKETS[0], days <= RENEWAL_BUCKETS[1]], [3, 0, 1], 2)
    at_stake = found.groupby("owner")["mrr"].transform("sum")
    order = found.assign(bucket=bucket, at_stake=at_stake)
    return order.sort_values(
        ["at_stake", "owner", "bucket", "mrr", "days_silent", "account_id"],
        ascending=[False, True, True, False, False, True],
        ignore_index=True,
    )
