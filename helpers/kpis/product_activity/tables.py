"""The lists beside product activity: customer by customer, who moved, and what is used of what is paid for.

The queries stand in ``product_activity.sql``.
"""

from __future__ import annotations

import pandas as pd

from helpers.kpis.inactive_customers.cards import require_use
from helpers.kpis.product_activity.cards import period_before, require_adoption, require_quotas, require_seats
from helpers.kpis.rows import customer_columns, refuse_list
from helpers.kpis.spine import Spine
from helpers.results import Column, Listing

SHOWN, SHOWN_OF_USE = 8, 6
STATES = ["0", "1", "2", "3", "4", "5", "6", "7", "new"]
UNNAMED = "No features are named for any persona: set persona_features."


def account_activity(spine: Spine) -> Listing:
    """One row per paying customer: how active it is now and was a period ago, how broadly, and what it pays."""
    _require_moves(spine)
    refuse_list(spine, "stock_notes")
    own = {
        "mrr": Column("MRR", "money_per_month"),
        "pac": Column("Active weeks", "count"),
        "pac_before": Column("Active weeks before", "count"),
        "change": Column("Change", "count"),
        "pac_mean": Column("Mean of its users", "weeks"),
        "users": Column("Users", "count"),
        "active_users": Column("Active in 28 days", "count"),
        "breadth": Column("Breadth", "share"),
        "weeks": Column("Users active, week by week", "series"),
    }
    columns = customer_columns(spine, own)
    return Listing(
        caption=f"Product activity of every customer on {spine.period.measured_on}",
        rows=spine.frame("account_activity", "pac, mrr desc, customer_id")[list(columns)],
        columns=columns,
        when_empty="No customer was paying on the period's last day.",
        grain="customer_id",
        export="product_activity",
        note="Least active first, then by MRR.",
        on_pages=False,
    )


def accounts_down(spine: Spine) -> Listing:
    """One row per customer that was active in fewer weeks than a period ago: the most MRR × weeks lost first."""
    _require_moves(spine)
    refuse_list(spine, "stock_notes")
    own = {
        "mrr": Column("MRR", "money_per_month"),
        "pac_before": Column("Weeks before", "count"),
        "pac": Column("Weeks now", "count"),
        "change": Column("Change", "count"),
        "active_users": Column("Users now", "count"),
        "users": Column("of", "count"),
        "weeks": Column("Week by week", "series"),
    }
    columns = customer_columns(spine, own, who=("customer", "owner"))
    return Listing(
        caption=f"Customers whose activity fell since {period_before(spine.period).label}",
        rows=spine.frame("accounts_down", "mrr * change, customer_id")[list(columns)],
        columns=columns,
        when_empty="No customer is active in fewer weeks than a period ago.",
        grain="customer_id",
        export="activity_down",
        total=("mrr",),
        top=SHOWN,
        note="By MRR times weeks lost, of seven weeks with any active user. Users now are those active in 28 days; "
        "week by week, how many were, the newest on the right. Customers new since then are not compared.",
    )


def movement_matrix(spine: Spine) -> Listing:
    """Users by their coefficient a period ago (rows) and now (columns); the margins are the two histograms."""
    _require_moves(spine)
    moved = spine.frame("movement_matrix")
    counts = pd.pivot_table(moved, values="users", index="before", columns="now", aggfunc="sum", fill_value=0)
    counts = counts.reindex(index=[*STATES, "absent"], columns=[*STATES, "absent"], fill_value=0)
    now, before = spine.period.label, period_before(spine.period).label
    columns = {
        "before": Column(f"{before} \\ {now}"),
        **{state: Column(state, "count") for state in STATES},
        "absent": Column("left", "count"),
    }
    return Listing(
        caption=f"From {before} to {now}: users by active weeks, before and now",
        rows=counts.rename({"absent": "entered"}).rename_axis("before").reset_index()[list(columns)],
        columns=columns,
        when_empty="No user is on the roster.",
        grain="before",
        note="Users on the diagonal stayed the same, right of it they went up, left of it down. New are those created "
        "within the seven weeks; pac_moves, in the results, compares them too where they were there both times.",
    )


def seats_by_customer(spine: Spine) -> Listing:
    """One row per customer with seats: more users than seats first, then the most seats that nobody uses."""
    require_seats(spine)
    own = {
        "seats": Column("Seats", "count"),
        "assigned": Column("Assigned", "count"),
        "active": Column("Active in 28 days", "count"),
        "unused": Column("Not used", "count"),
        "utilisation": Column("Utilisation", "share"),
        "flag": Column("Note"),
    }
    columns = customer_columns(spine, own, who=("customer", "owner"))
    return Listing(
        caption=f"Seats and their use on {spine.period.measured_on}",
        rows=spine.frame("seats_by_customer", "is_over desc, unused desc, customer_id")[list(columns)],
        columns=columns,
        when_empty="No customer pays for seats.",
        grain="customer_id",
        export="seats_by_customer",
        top=SHOWN_OF_USE + 4,
        note="Over-deployed, with more users active than seats are paid for, first; then the most seats not used.",
    )


def quotas_by_customer(spine: Spine) -> Listing:
    """One row per customer and meter: what is used of the limit, the nearest to it first."""
    require_quotas(spine)
    own = {
        "meter": Column("Meter"),
        "used": Column("Used", "count"),
        "limit": Column("Limit", "count"),
        "reset": Column("Reset every", on_pages=False),
        "usage": Column("Of limit", "share"),
        "pace": Column("Projected", "share"),
    }
    columns = customer_columns(spine, own, who=("customer", "owner"))
    return Listing(
        caption=f"Quotas and their use on {spine.period.measured_on}",
        rows=spine.frame("quotas_by_customer", "nearest desc, customer_id, meter")[list(columns)],
        columns=columns,
        when_empty="No limit is in force.",
        grain="customer_id, meter",
        export="quotas_by_customer",
        top=SHOWN_OF_USE,
        note="Nearest to the limit first: near it a customer may need more, far below it may not need the product.",
    )


def feature_gaps(spine: Spine) -> Listing:
    """One row per active user that does not use all of the features meant for its persona."""
    require_adoption(spine)
    own = {
        "user_id": Column("User"),
        "persona": Column("Persona"),
        "used": Column("Features used", "count"),
        "missing": Column("Not used"),
    }
    columns = customer_columns(spine, own, who=("owner", "customer"))
    return Listing(
        caption="Active users without features meant for them",
        rows=spine.frame("feature_gaps", "customer_id, user_id")[list(columns)],
        columns=columns,
        when_empty=_no_gaps(spine),
        grain="user_id",
        export="feature_gaps",
        on_pages=False,
    )


def gaps_by_customer(spine: Spine) -> Listing:
    """One row per customer with active users that miss a feature meant for them, the most of them first."""
    require_adoption(spine)
    own = {"users": Column("Users that miss one", "count"), "lacked": Column("Missed by most of them")}
    columns = customer_columns(spine, own, who=("customer", "owner"))
    return Listing(
        caption="Customers whose active users miss a feature meant for them",
        rows=spine.frame("gaps_by_customer", "users desc, customer_id")[list(columns)],
        columns=columns,
        when_empty=_no_gaps(spine),
        grain="customer_id",
        export="feature_gap_customers",
        top=SHOWN_OF_USE,
    )


def _require_moves(spine: Spine) -> None:
    require_use(spine)
    period_before(spine.period)


def _no_gaps(spine: Spine) -> str:
    named = spine.rules["persona_features"]
    return "Every active user uses all features meant for its persona." if named else UNNAMED
