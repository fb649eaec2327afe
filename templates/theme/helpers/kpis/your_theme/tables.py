"""The list beside the figures of your_theme; its query stands in the folder's ``.sql`` file."""

from __future__ import annotations

from helpers.kpis.rows import customer_columns, refuse_list
from helpers.kpis.spine import Spine
from helpers.results import Column, Listing


def your_theme_list(spine: Spine) -> Listing:
    """One row per customer that counts, the one that pays most first."""
    spine.require("subscriptions")
    refuse_list(spine, "stock_notes")
    own = {
        "mrr": Column("MRR", "money_per_month"),
        "since": Column("Pays since", "date"),
        "days_paid": Column("Days", "days"),
    }
    columns = customer_columns(spine, own)
    return Listing(
        caption=f"Your theme: the customers that count on {spine.period.measured_on}",
        rows=spine.frame("your_theme_list", "mrr desc, customer_id")[list(columns)],
        columns=columns,
        when_empty="No customer counts.",
        export="your_theme",  # exports/your_theme.csv holds every row,
        top=15,  # the pages the first of them
    )
