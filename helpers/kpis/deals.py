"""Deals with their local days, the same for every card that reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.data.known import Tables

NONE = "(none)"


def dated(tables: Tables) -> ir.Table:
    """Deals with the local days ``created_on``, ``closed_on`` and ``cancelled_on``; an empty source is ``(none)``."""
    deals = tables["deals"]
    return deals.mutate(
        created_on=tables.local_date(deals.created_at),
        closed_on=tables.local_date(deals.closed_at),
        cancelled_on=tables.local_date(deals.cancelled_at),
        source=named(deals.source),
    )


def named(value: ir.StringValue) -> ir.StringValue:
    """A segment's name; a missing one is ``(none)``."""
    return ibis.coalesce(value.nullif(""), NONE)
