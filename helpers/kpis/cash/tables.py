"""The table beside the figures of cash: what moved it."""

from __future__ import annotations

from helpers.kpis.rows import refuse_list
from helpers.kpis.spine import Spine
from helpers.language import _
from helpers.results import Column, Listing


def movements_by_category(spine: Spine) -> Listing:
    """What came in and went out, by category, beside the period before; the sum is what cash changed by."""
    spine.require("cash_movements")
    refuse_list(spine, "cash_notes")
    rows = spine.frame("movements_by_category", "place")
    rows = rows.assign(category=rows["category"].str.capitalize(), change=rows["amount"] - rows["before"])
    columns = {"category": Column(_("Category"), own_words=True), "amount": Column(_("In the period"), "money")}
    for earlier in spine.period.history(1):
        columns |= {"before": Column(earlier.in_words, "money"), "change": Column(_("Change"), "money")}
    return Listing(
        caption=_("What moved cash in {period}, by category").format(period=spine.period.label),
        rows=rows[list(columns)],
        columns=columns,
        when_empty=_("Nothing moved cash."),
        total=[name for name in columns if name != "category"],
        note=_("Financing is in cash, and in no burn."),
    )
