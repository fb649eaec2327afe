"""The lists beside recurring revenue: who left and why, who moved most, who comes up for renewal, how long they stay.

The queries stand in ``recurring_revenue.sql``.
"""

from __future__ import annotations

import pandas as pd

from helpers.kpis.rows import customer_columns, refuse_list, require_subscriptions
from helpers.kpis.spine import Spine
from helpers.language import _, message, paragraph, plural
from helpers.results import Column, Listing
from helpers.statistics import kaplan_meier

SHOWN = 15
LIFE_MONTHS = (3, 6, 12, 24, 36, 60)
OF_USE = message("Weeks of the last seven with anybody active, tickets in the last 91 days.")
ENOUGH = 5  # of fewer customers a share says nothing
SNAPSHOTS = {"month": message("month ends"), "quarter": message("quarter ends"), "day": message("every day")}


def lost_customers(spine: Spine) -> Listing:
    """One row per customer that churned in the period and does not pay on its last day, the largest first."""
    _require(spine, "movement_notes")
    told = {
        "days_to_value": Column(_("Days to value"), "days"),
        "last_active_on": Column(_("Last active"), "date"),
        "weeks": Column(_("Weeks of 7"), "count"),
        "tickets": Column(_("Tickets"), "count"),
    }
    own = {
        "mrr": Column(_("MRR lost"), "money_per_month"),
        "since": Column(_("Customer since"), "date", on_pages=False),
        "until": Column(_("Lost on"), "date"),
        "tenure": Column(_("Tenure"), "days"),
        "reason": Column(_("Reason"), own_words=True),
        **_told(spine, told),
    }
    columns = customer_columns(spine, own)
    return Listing(
        caption=_("Customers lost in {period}").format(period=spine.period.label),
        rows=spine.frame("lost_customers", "mrr desc, customer_id")[list(columns)],
        columns=columns,
        when_empty=_("No customer was lost in this period."),
        export="lost_customers",
        total=("mrr",),
        top=SHOWN,
        note=paragraph(_of_churn(spine), _(OF_USE) if "weeks" in own else ""),
    )


def lost_and_stayed(spine: Spine) -> Listing:
    """How the customers lost in the period compare with those who stayed: one row for each of the two groups."""
    _require(spine, "movement_notes")
    told = {
        "days_to_value": Column(_("Median days to value"), "days"),
        "weeks": Column(_("Mean weeks of 7"), "weeks"),
        "tickets": Column(_("Mean tickets in 91 days"), "ratio"),
    }
    columns = {
        "group": Column(_("Customers that"), own_words=True),
        "customers": Column(_("Customers"), "count"),
        "mrr": Column(_("Median MRR at the start"), "money_per_month"),
        "tenure": Column(_("Median tenure"), "days"),
        **_told(spine, told),
    }
    return Listing(
        caption=_("Lost in {period}, beside those who stayed").format(period=spine.period.label),
        rows=spine.frame("lost_and_stayed", '"group"')[list(columns)],
        columns=columns,
        when_empty=_("No customer was paying at the start of the period."),
    )


def churn_reasons(spine: Spine) -> Listing:
    """Why the customers of the period were lost: one row per reason, the costliest first."""
    _require(spine, "movement_notes")
    columns = {
        "reason": Column(_("Reason"), own_words=True),
        "customers": Column(_("Customers lost"), "count"),
        "mrr": Column(_("MRR lost"), "money_per_month"),
        "share": Column(_("Of the MRR lost"), "share"),
    }
    return Listing(
        caption=_("Why customers were lost in {period}").format(period=spine.period.label),
        rows=spine.frame("churn_reasons", "mrr desc, reason")[list(columns)],
        columns=columns,
        when_empty=_("No customer was lost in this period."),
        total=("customers", "mrr", "share"),
        note=_of_churn(spine),
    )


def top_movers(spine: Spine) -> Listing:
    """The customers whose MRR changed most from the start to the end of the period, up or down."""
    _require(spine, "movement_notes")
    own = {
        "opening": Column(_("Opening MRR"), "money_per_month"),
        "closing": Column(_("Closing MRR"), "money_per_month"),
        "change": Column(_("Change"), "money_per_month"),
        "movement": Column(_("Movement"), own_words=True),
    }
    columns = customer_columns(spine, own)
    compared = SNAPSHOTS[spine.rules["movement_grain"]]
    return Listing(
        caption=_("The largest changes of MRR in {period}").format(period=spine.period.label),
        rows=spine.frame("top_movers", "abs(change) desc, customer_id")[list(columns)],
        columns=columns,
        when_empty=_("No customer's MRR changed in this period."),
        total=("opening", "closing", "change"),
        top=SHOWN,
        note=_("From the start to the end of the period. MRR movements compare {days}.").format(days=_(compared)),
    )


def intra_period_customers(spine: Spine) -> Listing:
    """The customers that came and went between two snapshots, and so stand in no movement."""
    _require(spine, "movement_notes")
    own = {
        "mrr": Column(_("Highest MRR"), "money_per_month"),
        "came_on": Column(_("Came on"), "date"),
        "left_on": Column(_("Left on"), "date"),
    }
    columns = customer_columns(spine, own)
    return Listing(
        caption=_("Customers that came and went between two snapshots in {period}").format(period=spine.period.label),
        rows=spine.frame("intra_period_customers", "mrr desc, customer_id")[list(columns)],
        columns=columns,
        when_empty=_("No customer came and went between two snapshots."),
        total=("mrr",),
        top=SHOWN,
        note=_("They paid, but on no snapshot day: they are in no movement, no opening and no closing."),
    )


def renewals_due(spine: Spine) -> Listing:
    """The subscription lines up for renewal in the next 180 days: those of the next 90 first, each by ARR."""
    _require(spine, "stock_notes")
    spine.require("subscriptions.renewal_on")
    own = {
        "renewal_on": Column(_("Renewal on"), "date"),
        "days_left": Column(_("Days to renewal"), "days"),
        "arr": Column(_("ARR"), "money"),
        **({"product": Column(_("Product"))} if spine.provides("subscriptions.product") else {}),
        **({"cancelled_on": Column(_("Cancelled on"), "date")} if spine.provides("subscriptions.cancelled_at") else {}),
        "subscription_id": Column(_("Subscription"), on_pages=False),
    }
    columns = customer_columns(spine, own)
    order = "later, arr desc, renewal_on, customer_id, subscription_id, line_id"
    return Listing(
        caption=_("Renewals due in the 180 days after {period}").format(period=spine.period.in_words),
        rows=spine.frame("renewals_due", order)[list(columns)],
        columns=columns,
        when_empty=_("No subscription line is up for renewal in the next 180 days."),
        export="renewals_due",
        total=("arr",),
        top=SHOWN,
        note=_("Those of the next 90 days stand first, the largest on top."),
    )


def customer_life(spine: Spine) -> Listing:
    """How long customers stay: the share still paying some months after they came, over all customers so far."""
    _require(spine)
    lives = spine.frame("life", "account_id")
    curve = kaplan_meier(lives["tenure"], lives["until"] <= pd.Timestamp(spine.period.measured_on))
    followed = {months: int((lives["tenure"] >= months * 365 / 12).sum()) for months in LIFE_MONTHS}
    rows = [
        {"months": months, "paying": curve.at(months * 365 / 12), "followed": n}
        for months, n in followed.items()
        if n >= ENOUGH
    ]
    columns = {
        "months": Column(_("Months after the first paid day"), "count"),
        "paying": Column(_("Still paying"), "share"),
        "followed": Column(_("Customers followed that long"), "count"),
    }
    half = _("Fewer than half have left so far.")
    if curve.median:
        n = round(curve.median)
        half = plural("Half have left after {n} day.", "Half have left after {n} days.", n).format(n=n)
    return Listing(
        caption=_("How long customers stay"),
        rows=pd.DataFrame(rows, columns=list(columns)),
        columns=columns,
        when_empty=_("Fewer than {n} customers have been followed for three months.").format(n=ENOUGH),
        note=paragraph(half, _("Who left and came back counts as one life.")),
    )


def _require(spine: Spine, *notes: str) -> None:
    require_subscriptions(spine)
    refuse_list(spine, *notes)


def _told(spine: Spine, columns: dict[str, Column]) -> dict[str, Column]:
    """The columns on the use of the product that the source tells.

    Where the event feed ended before the period did, it tells nothing of the days before a customer left.
    """
    whose = spine.provides("users") or spine.provides("events.customer_id")
    is_alive = all(note["label"] != spine.period.label for note in spine.answers("feed_notes"))
    of_use = spine.provides("events") and whose and is_alive
    given = {
        "days_to_value": spine.provides("customers.first_value_on"),
        "last_active_on": of_use,
        "weeks": of_use,
        "tickets": spine.provides("tickets"),
    }
    return {name: column for name, column in columns.items() if given[name]}


def _of_churn(spine: Spine) -> str:
    """How the MRR of the customers lost leads to churn MRR."""
    came_back = sum(spine.frame("came_back")["customers"])
    if not came_back:
        return _("MRR lost is what a customer last paid before it left; added up it is churn MRR.")
    return plural(
        "MRR lost is what a customer last paid before it left; added up it is churn MRR, which also counts one "
        "customer that left and came back in the period.",
        "MRR lost is what a customer last paid before it left; added up it is churn MRR, which also counts {n} "
        "customers that left and came back in the period.",
        came_back,
    ).format(n=came_back)
