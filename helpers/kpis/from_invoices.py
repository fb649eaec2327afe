"""Subscriptions made from invoices, where a source has none: what is said of the figures that stand on them.

The rule is ``shared/invoices.sql``. A source asks for it with ``subscriptions: {from: invoices}`` among its tables.
"""

from __future__ import annotations

from helpers.kpis.spine import Spine

NOTES = "from_invoices_notes"


def is_made(spine: Spine) -> bool:
    """Whether the source's subscriptions are made from its invoices."""
    return spine.prepared.made_from.get("subscriptions") == "invoices"


def by_invoice_date(spine: Spine) -> list[str]:
    """What counting by the day of the invoice would have shown instead."""
    if not is_made(spine) or spine.period.label in spine.notes(NOTES, "refused"):
        return []
    return [
        f"subscriptions are made from invoices: up to {spine.period.measured_on} customers stopped paying for service "
        f"{answer['by_service']} times, counted at the ends of months; by invoice date it would look like "
        f"{answer['by_invoice']} times"
        for answer in spine.answers("lost_by_invoice_date")
        if answer["label"] == spine.period.label
    ]
