"""Whom to call: the customers that have gone silent, with what one needs to know before the call (K04), and their flow;
and who of those lost had been on such a list.

The queries stand in ``inactive_customers.sql``.
"""

from __future__ import annotations

from helpers.kpis.inactive_customers.cards import require_use
from helpers.kpis.rows import WHO, customer_columns, refuse_list
from helpers.kpis.spine import Spine
from helpers.results import Column, Listing

SHOWN = 30
ORDER_OF_CALLS = "at_stake desc, owner, turn, mrr desc, days_silent desc nulls last, customer_id"
NOBODY_IS_SILENT = "No customer that is asked has gone silent."


def call_list(spine: Spine) -> Listing:
    """One row per inactive customer: whom to call, grouped by the colleague who calls.

    The owner with most MRR at stake stands first; each one's customers in the order of the call: renewal within 90
    days, within 180, later, unknown; then by MRR and days of silence.
    """
    require_use(spine)
    refuse_list(spine, "silence_notes", "stock_notes")
    due = {
        "arr_due_90": Column("ARR due in 90 days", "money"),
        "arr_due_180": Column("ARR due in 180 days", "money", on_pages=False),
    }
    own = {
        "mrr": Column("MRR", "money_per_month"),
        **(due if spine.provides("subscriptions.renewal_on") else {}),
        "last_active_on": Column("Last active", "date", on_pages=False),
        "days_silent": Column("Days silent", "days"),
        "active_users": Column("Users now", "count"),
        "peak_users": Column("at most", "count"),
        "pac": Column("Weeks of 7", "count"),
        "renewal_on": Column("Renewal on", "date", on_pages=False),
        "days_to_renewal": Column("Days to renewal", "days"),
        **({"open_tickets": Column("Tickets", "count")} if spine.provides("tickets") else {}),
        "reason": Column("Why", on_pages=False),
        "contact_email": Column("Contact", on_pages=False),
    }
    columns = customer_columns(spine, own, who=("owner", "customer"))
    return Listing(
        caption=f"Whom to call: customers silent on {spine.period.measured_on}",
        rows=spine.frame("call_list", ORDER_OF_CALLS)[list(columns)],
        columns=columns,
        when_empty=NOBODY_IS_SILENT,
        grain="customer_id",
        export="call_list",
        top=SHOWN,
        total=("mrr", "arr_due_90", "arr_due_180"),
        group="owner" if "owner" in columns else "",
        note=_reading(spine),
    )


def silence_by_owner(spine: Spine) -> Listing:
    """One row per owner of inactive customers: how many, what they pay, and the nearest renewal."""
    require_use(spine)
    refuse_list(spine, "silence_notes", "stock_notes")
    columns = {
        "owner": WHO["owner"],
        "customers": Column("Inactive customers", "count"),
        "mrr": Column("Their MRR", "money_per_month"),
        "nearest": Column("Days to the next renewal", "days"),
    }
    return Listing(
        caption="Inactive customers by owner",
        rows=spine.frame("silence_by_owner", "mrr desc, owner")[list(columns)],
        columns=columns,
        when_empty=NOBODY_IS_SILENT,
        grain="owner",
        on_pages=False,
        total=("customers", "mrr"),
    )


def silence_by_week(spine: Spine) -> Listing:
    """The last twelve weeks, each up to the weekday of the period's last day: who fell silent, and who came back."""
    require_use(spine)
    refuse_list(spine, "feed_notes", "window_notes")
    columns = {
        "week_to": Column("Week up to", "date"),
        "inactive": Column("Inactive", "count"),
        "asked": Column("Asked", "count"),
        "rate": Column("Rate", "share"),
        "newly_silent": Column("Newly silent", "count"),
        "returned": Column("Returned", "count"),
    }
    return Listing(
        caption=f"Silence week by week, to {spine.period.measured_on}",
        rows=spine.frame("silence_by_week", "week_to")[list(columns)],
        columns=columns,
        when_empty="No week is known.",
        grain="week_to",
        note="Customers that are new, lost or not asked in between make the rest of the change.",
    )


def not_asked(spine: Spine) -> Listing:
    """The paying customers that are neither active nor inactive: why they are not asked, and what they pay."""
    require_use(spine)
    refuse_list(spine, "window_notes", "stock_notes")
    columns = {
        "why": Column("Not asked because"),
        "customers": Column("Customers", "count"),
        "mrr": Column("Their MRR", "money_per_month"),
    }
    return Listing(
        caption="Paying customers that are not asked",
        rows=spine.frame("not_asked", "mrr desc, why")[list(columns)],
        columns=columns,
        when_empty="Every paying customer is asked.",
        grain="why",
        total=("customers", "mrr"),
        on_pages=False,
    )


def warned(spine: Spine) -> Listing:
    """One row per customer lost in the period: whether it had been on a call list, on how many, and since when."""
    require_use(spine)
    refuse_list(spine, "warning_notes")
    own = {
        "mrr": Column("MRR lost", "money_per_month"),
        "until": Column("Lost on", "date"),
        "on_list": Column("On a call list before"),
        "lists": Column("Lists", "count"),
        "first_on": Column("Since", "date"),
        "weeks": Column("Weeks before", "weeks"),
    }
    columns = customer_columns(spine, own, who=("customer", "owner"))
    return Listing(
        caption=f"Had the customers lost in {spine.period.label} been on a call list?",
        rows=spine.frame("warned", "mrr desc, customer_id")[list(columns)],
        columns=columns,
        when_empty="No customer was lost in this period.",
        grain="customer_id",
        total=("mrr",),
        top=SHOWN,
        note=_stayed(spine),
    )


def _stayed(spine: Spine) -> str:
    """What the lists are, and how many of the customers that stayed had been on one too."""
    told = "A list is looked at on each Sunday of the 26 weeks before, as known on that day."
    for stayed in spine.frame("stayed_on_list").itertuples():
        told += f" Of {stayed.customers} customers that stayed, {stayed.listed} had been on one too."
    return told


def _reading(spine: Spine) -> str:
    """How the list is ordered, what its columns count, and how many customers are not asked."""
    others = spine.frame("not_asked", "customers desc, why")
    told = ", ".join(f"{n} {why}" for why, n in zip(others["why"], others["customers"], strict=True))
    return (
        "By owner, most MRR at stake first; then by renewal (90, 180 days, later, unknown), then by MRR. Users now are "
        "those active in 28 days, at most the most in such a time of a year; weeks are those of the last seven with "
        "anybody active; tickets are open ones." + (f" Not asked: {told}." if told else "")
    )
