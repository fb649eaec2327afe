"""How many of the seats that a customer pays for are used.

Source: specification, card K09.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from helpers.kpis.activity import Use
from helpers.kpis.activity_blocks import user_blocks
from helpers.kpis.subscription_versions import paying

if TYPE_CHECKING:
    import ibis

    from helpers.data.known import Tables


def seat_use(tables: Tables, day: date, use: Use) -> pd.DataFrame:
    """One row per customer that pays for seats on a day.

    Columns: ``account_id``, ``segment``, ``seats``, ``assigned`` (users on the roster), ``active`` (users active in the
    28 days up to it).

    Raises:
        NotProvided: subscriptions do not tell whether and how many seats they give.
    """
    tables.require("subscriptions.seat_based", "subscriptions.quantity")
    seats = tables.fetch(_seats(tables, day, use)).sort_values("account_id", ignore_index=True)
    users = user_blocks(tables, day, day, use)
    counted = users.groupby("account_id").agg(assigned=("user_id", "count"), active=("recent", "sum"))
    found = seats.merge(counted, on="account_id", how="left").fillna({"assigned": 0, "active": 0})
    return found.astype({"assigned": "int64", "active": "int64"})


def _seats(tables: Tables, day: date, use: Use) -> ibis.Table:
    """Seats per customer: the quantities of the seat-based versions in force, where they are above 0."""
    rows = paying(tables, use.customers)
    rows = rows.filter(rows.seat_based, rows.start_on <= day, rows.ends > day)
    found = rows.group_by("account_id", "segment").aggregate(seats=rows.quantity.sum())
    return found.filter(found.seats > 0)
