"""The tables beside new bookings: by source and against the period before, the largest deals, the one-off amounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from helpers.kpis.bookings import CANCELLED, KINDS, booked
from helpers.kpis.deals import NONE
from helpers.kpis.new_revenue import bookings
from helpers.kpis.subscription_versions import Rules
from helpers.results import Column, Listing

if TYPE_CHECKING:
    from helpers.data.known import Tables
    from helpers.periods import Period

NAMES = dict(zip([*KINDS, NONE], ("New logo", "Upsell", "Cross-sell", "New product", NONE), strict=True))
LARGEST = 10


def bookings_by_source(
    tables: Tables,
    period: Period,
    *,
    basis: str = "acv",
    fx_mode: str = "fixed",
    account_level: str = "customer",
    movement_grain: str = "month",
    discounts: str = "all",
    churn_day: str = "service_end",
    grace_days: int = 0,
) -> Listing:
    """New bookings by source and in total, and how much of their change came from volume and how much from price."""
    rules = Rules(discounts, churn_day, grace_days, fx_mode, account_level, movement_grain)
    now = bookings(tables, period, basis, rules)
    before = bookings(tables, period.previous(), basis, rules)
    parts = [
        (
            NAMES[kind], before.sales.get(kind, 0), before.value.get(kind, 0.0), now.sales.get(kind, 0),
            now.value.get(kind, 0.0),
        )
        for kind in {**now.value, **before.value}
    ]  # fmt: skip
    total = ("All sources", sum(before.sales.values()), before.total, sum(now.sales.values()), now.total)
    whole = now.total if min(now.value.values()) >= 0 else 0.0  # no shares of a sum that holds something negative
    columns = {
        "source": Column("Source"),
        "sales": Column("Sales", "count"),
        "amount": Column("New bookings", "money"),
        "share": Column("Share", "share"),
        "average": Column("Average sale", "money"),
        "before": Column(period.previous().label, "money"),
        "change": Column("Change", "money"),
        "volume": Column("by volume", "money"),
        "price": Column("by price", "money"),
    }
    return Listing(
        caption=f"New bookings of {period.label} by source, and their change on {period.previous().label}",
        rows=pd.DataFrame([_compared(*part, whole) for part in (*parts, total)], columns=list(columns)),
        columns=columns,
        when_empty="Nothing was booked.",
        grain="source",
        note="Volume is the change in the number of sales at the average sale of before; price is the change in the "
        "average sale at the number of now. The split of all sources also holds the shift between them.",
    )


def volume_and_price(sales_before: int, before: float, sales: int, now: float) -> tuple[float, float] | None:
    """How much of a change in bookings came from the number of sales, and how much from the average sale.

    They add up to the change. None where either period has no sale, and so no average.

    >>> volume_and_price(20, 140_000, 21, 157_500)
    (7000.0, 10500.0)
    """
    if not sales_before or not sales:
        return None
    volume = (sales - sales_before) * before / sales_before
    return volume, now - before - volume


def largest_deals(
    tables: Tables, period: Period, *, basis: str = "acv", fx_mode: str = "fixed", account_level: str = "customer"
) -> Listing:
    """The deals that added most to new bookings in the period; with ``mrr`` they are told at their annual worth."""
    rows = booked(tables, period, basis="tcv" if basis == "tcv" else "acv", rules=_rules(fx_mode, account_level))
    found = _named(tables, rows[rows["value"] > 0], "value")
    columns = {
        **_deal_columns(tables),
        "kind": Column("Source"),
        "term_months": Column("Term, months", "count"),
        "value": Column("New bookings", "money"),
    }
    return Listing(
        caption=f"Largest deals won in {period.label}",
        rows=found.assign(kind=found["kind"].map(NAMES))[list(columns)],
        columns=columns,
        when_empty="No deal won in this period adds to new bookings.",
        grain="deal",
        export="won_deals",
        top=LARGEST,
    )


def one_off_amounts(
    tables: Tables, period: Period, *, fx_mode: str = "fixed", account_level: str = "customer"
) -> Listing:
    """One-off and services amounts of the deals won in the period: sold, but in no figure of new bookings."""
    tables.require("deals.one_off_amount")
    rows = booked(tables, period, basis="acv", rules=_rules(fx_mode, account_level))
    rows = rows[rows["one_off_amount"].notna() & ~rows["reversed"] & (rows["state"] != CANCELLED)]
    columns = {**_deal_columns(tables), "one_off_amount": Column("One-off amount", "money")}
    found = _named(tables, rows, "one_off_amount")[list(columns)]
    total = pd.DataFrame([{"deal_id": "All one-off amounts", "one_off_amount": found["one_off_amount"].sum()}])
    return Listing(
        caption=f"One-off amounts of deals won in {period.label}, not in new bookings",
        rows=pd.concat([found, total]).reindex(columns=list(columns)) if len(found) else found,
        columns=columns,
        when_empty="No deal won in this period has a one-off amount.",
        grain="deal",
    )


def _rules(fx_mode: str, account_level: str) -> Rules:
    return Rules(fx_mode=fx_mode, account_level=account_level)


def _compared(source: str, sales_before: int, before: float, sales: int, now: float, whole: float) -> dict[str, Any]:
    volume, price = volume_and_price(sales_before, before, sales, now) or (None, None)
    return {
        "source": source, "sales": sales, "amount": now, "share": now / whole if whole else None,
        "average": now / sales if sales else None, "before": before, "change": now - before,
        "volume": volume, "price": price,
    }  # fmt: skip


def _deal_columns(tables: Tables) -> dict[str, Column]:
    named = {"name": Column("Customer")} if tables.provides("customers") else {"customer_id": Column("Customer")}
    return {"deal_id": Column("Deal"), **named, "product": Column("Product"), "closed_on": Column("Won on", "date")}


def _named(tables: Tables, deals: pd.DataFrame, amount: str) -> pd.DataFrame:
    """The deals, largest first, with the names of their customers where those are provided."""
    if tables.provides("customers"):
        names = tables.fetch(tables["customers"].select("customer_id", "name"))
        deals = deals.merge(names, on="customer_id", how="left")
    return deals.sort_values([amount, "deal_id"], ascending=[False, True], ignore_index=True)
