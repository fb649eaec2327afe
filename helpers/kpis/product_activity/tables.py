"""The lists beside product activity: customer by customer, who moved, and what is used of what is paid for.

The queries stand in ``product_activity.sql``.
"""

from __future__ import annotations

import pandas as pd

from helpers.errors import Refused
from helpers.kpis.inactive_customers.cards import require_use
from helpers.kpis.product_activity.cards import (
    adoption_of_few,
    period_before,
    require_adoption,
    require_quotas,
    require_seats,
    why_few,
)
from helpers.kpis.rows import customer_columns, refuse_list
from helpers.kpis.spine import Spine
from helpers.language import _, message
from helpers.results import Column, Listing

SHOWN, SHOWN_OF_USE = 8, 6
SCORES = ["0", "1", "2", "3", "4", "5", "6", "7"]
STATES = [*SCORES, "new", "absent"]
UNNAMED = message("No features are named for any persona: set persona_features.")


def account_activity(spine: Spine) -> Listing:
    """One row per paying customer: how active it is now and was a period ago, how broadly, and what it pays."""
    _require_moves(spine, "feed_notes", "stock_notes")
    own = {
        "mrr": Column(_("MRR"), "money_per_month"),
        "pac": Column(_("Active weeks"), "count"),
        "pac_before": Column(_("Active weeks before"), "count"),
        "change": Column(_("Change"), "count"),
        "pac_mean": Column(_("Mean of its users"), "weeks"),
        "users": Column(_("Users"), "count"),
        "active_users": Column(_("Active in 28 days"), "count"),
        "breadth": Column(_("Breadth"), "share"),
        "weeks": Column(_("Users active, week by week"), "series"),
    }
    columns = customer_columns(spine, own)
    return Listing(
        caption=_("Product activity of every customer on {day}").format(day=spine.period.measured_on),
        rows=spine.frame("account_activity", "pac, mrr desc, customer_id")[list(columns)],
        columns=columns,
        when_empty=_("No customer was paying on the period's last day."),
        export="product_activity",
        note=_("Least active first, then by MRR."),
        on_pages=False,
    )


def accounts_down(spine: Spine) -> Listing:
    """One row per customer that was active in fewer weeks than a period ago: the most MRR × weeks lost first."""
    _require_moves(spine, "pac_movement_notes", "stock_notes")
    own = {
        "mrr": Column(_("MRR"), "money_per_month"),
        "pac_before": Column(_("Weeks before"), "count"),
        "pac": Column(_("Weeks now"), "count"),
        "change": Column(_("Change"), "count"),
        "active_users": Column(_("Users now"), "count"),
        "users": Column(_("of"), "count"),
        "weeks": Column(_("Week by week"), "series"),
    }
    columns = customer_columns(spine, own, who=("customer", "owner"))
    return Listing(
        caption=_("Customers whose activity fell since {period}").format(period=period_before(spine.period).label),
        rows=spine.frame("accounts_down", "mrr * change, customer_id")[list(columns)],
        columns=columns,
        when_empty=_("No customer is active in fewer weeks than a period ago."),
        export="activity_down",
        total=("mrr",),
        top=SHOWN,
        note=_(
            "By MRR times weeks lost, of seven weeks with any active user. Users now are those active in 28 days; "
            "week by week, how many were, the newest on the right. Customers new since then are not compared."
        ),
    )


def movement_matrix(spine: Spine) -> Listing:
    """Users by their coefficient a period ago (rows) and now (columns); the margins are the two histograms."""
    _require_moves(spine, "pac_movement_notes")
    moved = spine.frame("movement_matrix")
    counts = pd.pivot_table(moved, values="users", index="before", columns="now", aggfunc="sum", fill_value=0)
    counts = counts.reindex(index=STATES, columns=STATES, fill_value=0)
    now, before = spine.period.label, period_before(spine.period).label
    columns = {
        "before": Column(f"{before} \\ {now}", own_words=True),
        **{score: Column(score, "count") for score in SCORES},
        "new": Column(_("new"), "count"),
        "absent": Column(_("left"), "count"),
    }
    return Listing(
        caption=_("From {before} to {now}: users by active weeks, before and now").format(before=before, now=now),
        rows=counts.rename({"absent": "entered"}).rename_axis("before").reset_index()[list(columns)],
        columns=columns,
        when_empty=_("No user is on the roster."),
        note=_(
            "Users on the diagonal stayed the same, right of it they went up, left of it down. New are those created "
            "within the seven weeks; pac_moves, in the results, compares them too where they were there both times."
        ),
    )


def seats_by_customer(spine: Spine) -> Listing:
    """One row per customer with seats: more users than seats first, then the most seats that nobody uses."""
    require_seats(spine)
    refuse_list(spine, "feed_notes")
    own = {
        "seats": Column(_("Seats"), "count"),
        "assigned": Column(_("Assigned"), "count"),
        "active": Column(_("Active in 28 days"), "count"),
        "unused": Column(_("Not used"), "count"),
        "utilisation": Column(_("Utilisation"), "share"),
        "flag": Column(_("Note"), own_words=True),
    }
    columns = customer_columns(spine, own, who=("customer", "owner"))
    return Listing(
        caption=_("Seats and their use on {day}").format(day=spine.period.measured_on),
        rows=spine.frame("seats_by_customer", "is_over desc, unused desc, customer_id")[list(columns)],
        columns=columns,
        when_empty=_("No customer pays for seats."),
        export="seats_by_customer",
        top=SHOWN_OF_USE + 4,
        note=_("Over-deployed, with more users active than seats are paid for, first; then the most seats not used."),
    )


def quotas_by_customer(spine: Spine) -> Listing:
    """One row per customer and meter: what is used of the limit, the nearest to it first."""
    require_quotas(spine)
    own = {
        "meter": Column(_("Meter")),
        "used": Column(_("Used"), "count"),
        "limit": Column(_("Limit"), "count"),
        "reset": Column(_("Reset every"), own_words=True, on_pages=False),
        "usage": Column(_("Of limit"), "share"),
        "pace": Column(_("Projected"), "share"),
    }
    columns = customer_columns(spine, own, who=("customer", "owner"))
    return Listing(
        caption=_("Quotas and their use on {day}").format(day=spine.period.measured_on),
        rows=spine.frame("quotas_by_customer", "nearest desc, customer_id, meter")[list(columns)],
        columns=columns,
        when_empty=_("No limit is in force."),
        export="quotas_by_customer",
        top=SHOWN_OF_USE,
        note=_("Highest use first: near the limit a customer may need more, far below it may not need the product."),
    )


def feature_gaps(spine: Spine) -> Listing:
    """One row per active user that does not use all of the features meant for its persona."""
    _require_gaps(spine)
    own = {
        "user_id": Column(_("User")),
        "persona": Column(_("Persona"), own_words=True),
        "used": Column(_("Features used"), "count"),
        "missing": Column(_("Not used")),
    }
    columns = customer_columns(spine, own, who=("owner", "customer"))
    return Listing(
        caption=_("Active users without features meant for them"),
        rows=spine.frame("feature_gaps", "customer_id, user_id")[list(columns)],
        columns=columns,
        when_empty=_no_gaps(spine),
        export="feature_gaps",
        on_pages=False,
    )


def gaps_by_customer(spine: Spine) -> Listing:
    """One row per customer with active users that miss a feature meant for them, the most of them first."""
    _require_gaps(spine)
    own = {"users": Column(_("Users that miss one"), "count"), "lacked": Column(_("Missed by most of them"))}
    columns = customer_columns(spine, own, who=("customer", "owner"))
    return Listing(
        caption=_("Customers whose active users miss a feature meant for them"),
        rows=spine.frame("gaps_by_customer", "users desc, customer_id")[list(columns)],
        columns=columns,
        when_empty=_no_gaps(spine),
        export="feature_gap_customers",
        top=SHOWN_OF_USE,
    )


def _require_moves(spine: Spine, *notes: str) -> None:
    require_use(spine)
    period_before(spine.period)
    refuse_list(spine, *notes)


def _require_gaps(spine: Spine) -> None:
    """Refuse to list who misses a feature where the share of those who use it is not for these readers."""
    require_adoption(spine)
    refuse_list(spine, "feed_notes")
    meant = spine.rules["persona_features"]
    if any(
        label == spine.period.label and feature in meant.get(persona, ())
        for label, persona, feature in adoption_of_few(spine)
    ):
        raise Refused(why_few(spine))


def _no_gaps(spine: Spine) -> str:
    named = spine.rules["persona_features"]
    return _("Every active user uses all features meant for its persona.") if named else _(UNNAMED)
