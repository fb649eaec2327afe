"""Whom to call: the customers that have gone silent, with what one needs to know before the call (K04), and their flow;
and who of those lost had been on such a list.

The queries stand in ``inactive_customers.sql``.
"""

from __future__ import annotations

from helpers.kpis.inactive_customers.cards import require_use
from helpers.kpis.rows import customer_columns, refuse_list
from helpers.kpis.spine import Spine
from helpers.language import _, message, paragraph, plural, retold
from helpers.results import Column, Listing

SHOWN = 30
ORDER_OF_CALLS = "at_stake desc, owner, turn, mrr desc, days_silent desc nulls last, customer_id"
NOBODY_IS_SILENT = message("No customer that is asked has gone silent.")


def call_list(spine: Spine) -> Listing:
    """One row per inactive customer: whom to call, grouped by the colleague who calls.

    The owner with most MRR at stake stands first; each one's customers in the order of the call: renewal within 90
    days, within 180, later, unknown; then by MRR and days of silence.
    """
    require_use(spine)
    refuse_list(spine, "silence_notes", "stock_notes")
    due = {
        "arr_due_90": Column(_("ARR due in 90 days"), "money"),
        "arr_due_180": Column(_("ARR due in 180 days"), "money", on_pages=False),
    }
    own = {
        "mrr": Column(_("MRR"), "money_per_month"),
        **(due if spine.provides("subscriptions.renewal_on") else {}),
        "last_active_on": Column(_("Last active"), "date", on_pages=False),
        "days_silent": Column(_("Days silent"), "days"),
        "active_users": Column(_("Users now"), "count"),
        "peak_users": Column(_("at most"), "count"),
        "pac": Column(_("Weeks of 7"), "count"),
        "renewal_on": Column(_("Renewal on"), "date", on_pages=False),
        "days_to_renewal": Column(_("Days to renewal"), "days"),
        **({"open_tickets": Column(_("Tickets"), "count")} if spine.provides("tickets") else {}),
        "reason": Column(_("Why"), own_words=True, on_pages=False),
        "contact_email": Column(_("Contact"), on_pages=False),
    }
    columns = customer_columns(spine, own, who=("owner", "customer"))
    return Listing(
        caption=_("Whom to call: customers silent on {day}").format(day=spine.period.measured_on),
        rows=spine.frame("call_list", ORDER_OF_CALLS)[list(columns)],
        columns=columns,
        when_empty=_(NOBODY_IS_SILENT),
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
        "owner": Column(_("Owner")),
        "customers": Column(_("Inactive customers"), "count"),
        "mrr": Column(_("Their MRR"), "money_per_month"),
        "nearest": Column(_("Days to the next renewal"), "days"),
    }
    return Listing(
        caption=_("Inactive customers by owner"),
        rows=spine.frame("silence_by_owner", "mrr desc, owner")[list(columns)],
        columns=columns,
        when_empty=_(NOBODY_IS_SILENT),
        on_pages=False,
        total=("customers", "mrr"),
    )


def silence_by_week(spine: Spine) -> Listing:
    """The last twelve weeks, each up to the weekday of the period's last day: who fell silent, and who came back."""
    require_use(spine)
    refuse_list(spine, "feed_notes", "window_notes")
    columns = {
        "week_to": Column(_("Week up to"), "date"),
        "inactive": Column(_("Inactive"), "count"),
        "asked": Column(_("Asked"), "count"),
        "rate": Column(_("Rate"), "share"),
        "newly_silent": Column(_("Newly silent"), "count"),
        "returned": Column(_("Returned"), "count"),
    }
    return Listing(
        caption=_("Silence week by week, to {day}").format(day=spine.period.measured_on),
        rows=spine.frame("silence_by_week", "week_to")[list(columns)],
        columns=columns,
        when_empty=_("No week is known."),
        note=_("Customers that are new, lost or not asked in between make the rest of the change."),
    )


def not_asked(spine: Spine) -> Listing:
    """The paying customers that are neither active nor inactive: why they are not asked, and what they pay."""
    require_use(spine)
    refuse_list(spine, "window_notes", "stock_notes")
    columns = {
        "why": Column(_("Not asked because"), own_words=True),
        "customers": Column(_("Customers"), "count"),
        "mrr": Column(_("Their MRR"), "money_per_month"),
    }
    return Listing(
        caption=_("Paying customers that are not asked"),
        rows=spine.frame("not_asked", "mrr desc, why")[list(columns)],
        columns=columns,
        when_empty=_("Every paying customer is asked."),
        total=("customers", "mrr"),
        on_pages=False,
    )


def warned(spine: Spine) -> Listing:
    """One row per customer lost in the period: whether it had been on a call list, on how many, and since when."""
    require_use(spine)
    refuse_list(spine, "warning_notes")
    own = {
        "mrr": Column(_("MRR lost"), "money_per_month"),
        "until": Column(_("Lost on"), "date"),
        "on_list": Column(_("On a call list before"), own_words=True),
        "lists": Column(_("Lists"), "count"),
        "first_on": Column(_("Since"), "date"),
        "weeks": Column(_("Weeks ahead"), "weeks"),
    }
    columns = customer_columns(spine, own, who=("customer", "owner"))
    return Listing(
        caption=_("Had the customers lost in {period} been on a call list?").format(period=spine.period.label),
        rows=spine.frame("warned", "mrr desc, customer_id")[list(columns)],
        columns=columns,
        when_empty=_("No customer was lost in this period."),
        total=("mrr",),
        top=SHOWN,
        note=_stayed(spine),
    )


def _stayed(spine: Spine) -> str:
    """What the lists are, and how many of the customers that stayed had been on one too."""
    told = _("A list is looked at on each Sunday of the 26 weeks before, as known on that day.")
    for n, listed in spine.frame("stayed_on_list")[["customers", "listed"]].itertuples(index=False, name=None):
        of = plural(
            "Of {n} customer that stayed, {listed} had been on one too.",
            "Of {n} customers that stayed, {listed} had been on one too.",
            n,
        )
        told = paragraph(told, of.format(n=n, listed=listed))
    return told


def _reading(spine: Spine) -> str:
    """How the list is ordered, what its columns count, and how many customers are not asked."""
    others = spine.frame("not_asked", "customers desc, why")
    counted = _("{n} {reason}")
    unasked = _("; ").join(
        counted.format(n=n, reason=retold(why)) for why, n in zip(others["why"], others["customers"], strict=True)
    )
    told = _(
        "By owner, most MRR at stake first; then by renewal (90, 180 days, later, unknown), then by MRR. Users now are "
        "those active in 28 days, at most the most in such a time of a year; weeks are those of the last seven with "
        "anybody active; tickets are open ones."
    )
    return paragraph(told, _("Not asked: {customers}.").format(customers=unasked) if unasked else "")
