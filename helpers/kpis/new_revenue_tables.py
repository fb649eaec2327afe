"""The tables beside new bookings: by source and against the period before, the largest deals, the one-off amounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import numpy as np
import pandas as pd

from helpers.kpis.bookings import CANCELLED, KINDS, booked
from helpers.kpis.deals import NONE, in_words
from helpers.kpis.new_revenue import Bookings, bookings
from helpers.kpis.subscription_versions import MovementRules, Rules
from helpers.results import Column, Listing

if TYPE_CHECKING:
    from helpers.data.known import Tables
    from helpers.periods import Period

NAMES = dict(zip([*KINDS, NONE], ("New logo", "Upsell", "Cross-sell", "New product", NONE), strict=True))
LARGEST = 10


def bookings_by_source(
    tables: Tables, period: Period, *, basis: str = "acv", **given: Unpack[MovementRules]
) -> Listing:
    """New bookings by source and in total, and how much of their change came from volume and how much from price."""
    rules = Rules(**given)
    rows = _per_source(bookings(tables, period, basis, rules))
    columns = {
        "source": Column("Source"),
        "sales": Column("Sales", "count"),
        "amount": Column("New bookings", "money"),
        "share": Column("Share", "share"),
        "average": Column("Average sale", "money"),
    }
    for earlier in period.history(1):
        rows = _against(rows, _per_source(bookings(tables, earlier, basis, rules)))
        changes = {"before": in_words(earlier), "change": "Change", "volume": "by volume", "price": "by price"}
        columns |= {name: Column(label, "money") for name, label in changes.items()}
    used = rows.drop(columns=["source", "share", "average"]).fillna(0).any(axis=1)
    return Listing(
        caption=f"New bookings of {period.label} by source, and what changed",
        rows=rows.loc[used | (rows["source"] != NONE), list(columns)],
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


def _per_source(found: Bookings) -> pd.DataFrame:
    """One row per source that may have bookings, and one for all; no shares of a sum that holds something negative."""
    rows = pd.DataFrame({"sales": found.sales, "amount": found.value}).reindex([*KINDS, NONE], fill_value=0)
    rows = rows.rename(index=NAMES).astype("float64")
    whole = found.total if (rows["amount"].dropna() >= 0).all() and found.total else np.nan
    rows.loc["All sources"] = [rows["sales"].sum(), np.nan if found.total is None else found.total]
    average = rows["amount"] / rows["sales"].where(rows["sales"] > 0)
    return rows.assign(share=rows["amount"] / whole, average=average).rename_axis("source").reset_index()


def _against(rows: pd.DataFrame, earlier: pd.DataFrame) -> pd.DataFrame:
    """The rows beside those of the period before, and what their change came from."""
    joined = rows.merge(earlier, on="source", how="left", suffixes=("", "_before"))
    before, sales_before = joined["amount_before"], joined["sales_before"]
    told = zip(sales_before, before, joined["sales"], joined["amount"], strict=True)
    parts = [volume_and_price(*figures) or (None, None) for figures in told]
    split = pd.DataFrame(parts, columns=["volume", "price"], index=rows.index, dtype="float64")
    return rows.assign(before=before, change=joined["amount"] - before).join(split)


def _deal_columns(tables: Tables) -> dict[str, Column]:
    named = {"name": Column("Customer")} if tables.provides("customers") else {"customer_id": Column("Customer")}
    return {"deal_id": Column("Deal"), **named, "product": Column("Product"), "closed_on": Column("Won on", "date")}


def _named(tables: Tables, deals: pd.DataFrame, amount: str) -> pd.DataFrame:
    """The deals, largest first, with the names of their customers where those are provided."""
    if tables.provides("customers"):
        names = tables.fetch(tables["customers"].select("customer_id", "name"))
        deals = deals.merge(names, on="customer_id", how="left")
    return deals.sort_values([amount, "deal_id"], ascending=[False, True], ignore_index=True)
