"""The tables beside unit economics: where the spend goes, what it won, lifetime value step by step, and three sales."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from helpers.errors import NotProvided, Refused
from helpers.kpis.rows import run
from helpers.kpis.spine import Spine
from helpers.kpis.unit_economics.acquisition import DEPARTMENTS, NONE, Cost, Costs, not_reached, require_parents
from helpers.kpis.unit_economics.cards import ltv
from helpers.results import Column, Listing

Step = tuple[str, float | None, float | None]


class Shared(NamedTuple):
    """Something that several departments pay for."""

    what: str
    kind: str
    departments: str
    others: list[str]
    amount: float


def spend_by_department(spine: Spine) -> Listing:
    """What each department spent in the window, and how much of it is in either CAC."""
    rows = _spend(spine)
    rows = rows.assign(retained=rows["amount"].where(rows["is_retained"], 0.0))
    found = rows.groupby("department", as_index=False)[["amount", "retained"]].sum().rename(columns={"amount": "spent"})
    found = found.sort_values(["spent", "department"], ascending=[False, True])
    won = found["spent"] - found["retained"]
    for name, departments in DEPARTMENTS.items():
        inside = found["department"].isin(departments)
        found[name] = won.where(inside)
    columns = {
        "department": Column("Department"),
        "spent": Column("Spent", "money"),
        "retained": Column("Of it, to keep customers", "money"),
        "sm": Column("In CAC, sales and marketing", "money"),
        "full": Column("In CAC, with support", "money"),
    }
    return Listing(
        caption=f"Spend by department, {_months(spine)}",
        rows=found[list(columns)],
        columns=columns,
        when_empty="Nothing was spent.",
        grain="department",
        total=("spent", "retained", "sm", "full"),
    )


def acquisition_by_channel(spine: Spine) -> Listing:
    """What sales and marketing spent on each channel of the window, and the customers and the MRR that it brought."""
    spine.require("spend", "spend.channel", "deals.source")
    _cost(spine, "sm")
    found = spine.frame("cac").query("horizon == 'window' and segment_by == 'channel'")
    rows = pd.DataFrame(
        {
            "channel": found["segment"], "amount": found["spent_sm"].fillna(0.0), "customers": found["n"],
            "mrr": found["mrr"].fillna(0.0),
        }
    )  # fmt: skip
    rows["cac"] = (rows["amount"] / rows["customers"]).where((rows["amount"] != 0) & (rows["customers"] > 0))
    rows.loc[rows["channel"] == NONE, "cac"] = np.nan
    rows = rows[(rows["amount"] != 0) | (rows["customers"] > 0)]
    columns = {
        "channel": Column("Channel"),
        "amount": Column("Spent", "money"),
        "customers": Column("Customers won", "count"),
        "cac": Column("For each", "money"),
        "mrr": Column("Their first MRR", "money_per_month"),
    }
    return Listing(
        caption=f"Sales and marketing by channel, {_months(spine)}",
        rows=rows.sort_values(["amount", "channel"], ascending=[False, True], ignore_index=True)[list(columns)],
        columns=columns,
        when_empty="Nothing was spent, and nobody was won.",
        grain="channel",
        total=("amount", "customers", "mrr"),
        note=f"A customer's channel is the source of its first won deal. {NONE} is spend that names no channel, and "
        "customers whose first deal names none: the one did not win the other.",
    )


def shared_vendors(spine: Spine) -> Listing:
    """Vendors that several departments pay, and categories that several departments buy from different vendors."""
    spine.require("spend", "spend.vendor")
    lines = _spend(spine).dropna(subset="vendor")
    paid = lines.groupby(["vendor", "department", "category"], as_index=False)[["amount"]].sum()
    columns = {
        "what": Column("Paid for more than once"),
        "kind": Column("What it is"),
        "departments": Column("Paid by"),
        "others": Column("For, or to"),
        "amount": Column("Spent", "money"),
    }
    twice = [found for found in _shared(paid, "category", "vendor") if len(found.others) > 1]
    rows = [
        (found.what, found.kind.capitalize(), found.departments, ", ".join(found.others), found.amount)
        for found in (*_shared(paid, "vendor", "category"), *twice)
    ]
    return Listing(
        caption=f"Paid by two departments or more, {_months(spine)}",
        rows=pd.DataFrame(rows, columns=list(columns)),
        columns=columns,
        when_empty="No vendor is paid by two departments, and nothing is bought twice.",
        grain="vendor or category",
        note="A vendor that several departments pay, or a category that they buy from several vendors: could one "
        "contract do?",
    )


def lifetime_values(spine: Spine) -> Listing:
    """Lifetime value as each way makes it: so much a month, for so many months; at gross margin, and less CAC."""
    worth = {row.kpi_id: row.value for row in run(ltv, spine) if row.period == spine.period and not row.segment_by}
    total = spine.frame("ltv").query("segment_by == ''").iloc[0]
    months, monthly = spine.rules["lifetime_months"], float(total["arpa"]) * float(total["margin"])
    ways = [("From customer lives", "gross margin", monthly, worth.get("ltv_km"))]
    ways += [("From churn", "gross margin", monthly, worth.get("ltv_margin"))]
    orders = worth.get("ltv_orders")
    ways += [("From orders", "revenue", orders / months if orders is not None and months else np.nan, orders)]
    told = [way for way in ways if way[3] is not None]
    found = pd.DataFrame(told, columns=["way", "basis", "monthly", "value"]).astype({"monthly": float, "value": float})
    found["months"] = found["value"] / found["monthly"]
    found["margin"] = found["value"].where(found["basis"] != "revenue", found["value"] * float(total["margin"]))
    found["net"] = found["value"] - _cac_full(spine)
    columns = {
        "way": Column("Lifetime value"),
        "basis": Column("Made of"),
        "monthly": Column("A month, per customer", "money"),
        "months": Column("Months", "months"),
        "value": Column("Value", "money"),
        "margin": Column("At gross margin", "money"),
        "net": Column("Value less CAC", "money"),
    }
    return Listing(
        caption=f"Lifetime value step by step, {spine.period.label}",
        rows=found[list(columns)],
        columns=columns,
        when_empty="No way to lifetime value has what it needs.",
        grain="way",
        note="CAC is that with support. A way that says nothing in this period has no row.",
    )


def sales_bridge(spine: Spine) -> Listing:
    """Step by step from the deals won to new bookings, from these to MRR, and from MRR to invoices.

    Raises:
        NotProvided: there are neither deals nor subscriptions nor invoices, or parents are to pay and none are told.
    """
    deals = all(map(spine.provides, ("deals", "deals.outcome", "deals.closed_at", "deals.amount")))
    subscriptions, invoices = spine.provides("subscriptions"), spine.provides("invoices")
    if not (deals or subscriptions or invoices):
        raise NotProvided("deals")
    require_parents(spine)
    won = spine.frame("sold").iloc[0] if deals else None
    steps = [
        *(() if won is None else _booked(won)),
        *(_recurring(spine, won) if subscriptions else ()),
        *(_invoiced(spine, with_months=subscriptions) if invoices else ()),
    ]
    columns = {
        "step": Column("From bookings to invoices"),
        "amount": Column("Amount", "money"),
        "monthly": Column("A month", "money_per_month"),
    }
    return Listing(
        caption=f"What were sales in {spine.period.label}? From bookings to MRR to invoices",
        rows=pd.DataFrame(steps, columns=list(columns)).astype({"amount": float, "monthly": float}),
        columns=columns,
        when_empty="",
        grain="step",
        note="Bookings are what customers signed, MRR what they pay a month, invoices what was billed: three answers, "
        "and none of them is recognised revenue. Lines that begin with + or − lead to the next one without.",
    )


def _booked(won: pd.Series) -> Iterator[Step]:
    yield "Won in the period, whole", won["won"], None
    yield "− one-off amounts", -won["one_off"], None
    yield "− renewals at the price held before", -won["held"], None
    yield "− what falls after a deal's first year", -won["later"], None
    yield "− won earlier, cancelled now", -won["reversed"], None
    yield "New bookings, a year's worth", won["new_bookings"], won["new_bookings"] / 12


def _recurring(spine: Spine, won: pd.Series | None) -> Iterator[Step]:
    _refuse(spine, "movement_notes")
    moved = spine.frame("moved").select_dtypes("number").sum()
    gained = moved[["new", "expansion"]].sum()
    if won is not None:
        apart = gained - won["new_bookings"] / 12
        yield "+ only in MRR, − only booked", None, apart
    yield "New and expansion MRR", None, gained
    yield "+ MRR at the start of the period", None, moved["opening"]
    yield "+ returned, − reduced and lost", None, moved[["reactivation", "contraction", "churn", "fx"]].sum()
    yield "MRR at the end of the period", None, moved["closing"]


def _invoiced(spine: Spine, *, with_months: bool) -> Iterator[Step]:
    lines = spine.frame("sales_total_rows").query("sales == 'invoiced'").groupby("kind")["amount"].sum()
    recurring, other = (float(lines.get(kind, 0.0)) for kind in ("recurring", "other"))
    worth = spine.frame("months_worth")["worth"] if with_months else pd.Series(dtype=float)
    if len(worth):
        yield "MRR at the ends of the months, added up", worth.iloc[0], None
        yield "+ or − invoiced for other months, credits", recurring - worth.iloc[0], None
    yield "Recurring amounts invoiced", recurring, None
    yield "+ usage, one-off amounts and services", other, None
    yield "Invoiced in the period", recurring + other, None


def _refuse(spine: Spine, notes: str) -> None:
    for note in spine.answers(notes):
        if note["kind"] == "refused" and note["label"] == spine.period.label:
            raise Refused(note["text"])


def _spend(spine: Spine) -> pd.DataFrame:
    """The ledger of the window.

    Raises:
        NotProvided: spend is not there, or the review is of no quarter.
        Refused: no month of it is over, the calendar does not reach back that far, or a currency has no rate.
    """
    spine.require("spend")
    if spine.period.kind != "quarter":
        raise NotProvided(f"a quarter; this is a {spine.period.kind}")
    [window] = [each for each in spine.answers("acquisition_window") if _is_window(spine, each)]
    has_months = any(_is_window(spine, each) for each in spine.answers("spend_month"))
    if why := not_reached(window["begins_on"], window["quarters"], has_months):
        raise Refused(why)
    rows = spine.frame("spend_line").query("horizon == 'window'")
    unrated = sorted(rows.loc[rows["is_unrated"], "currency"].fillna("an amount without a currency").unique())
    if unrated:
        raise Refused(f"no rate for {', '.join(unrated)}; add it to fx_rates")
    return rows


def _cost(spine: Spine, variant: str) -> Cost:
    spine.require("spend")
    cost = Costs(spine).at(spine.period.label, variant, "window")
    if cost.refused:
        raise Refused(cost.refused)
    return cost


def _is_window(spine: Spine, answer: Mapping[str, Any]) -> bool:
    return answer["label"] == spine.period.label and answer["horizon"] == "window"


def _cac_full(spine: Spine) -> float:
    """What it cost to win a customer; missing where that is not told."""
    try:
        return _cost(spine, "full").each or np.nan
    except (NotProvided, Refused):
        return np.nan


def _months(spine: Spine) -> str:
    """The months whose spend counts, in words."""
    months = spine.frame("spend_month").query("horizon == 'window'")["month"]
    return f"{months.min():%Y-%m} to {months.max():%Y-%m}"


def _shared(paid: pd.DataFrame, by: str, other: str) -> Iterator[Shared]:
    """What two departments or more pay, the costliest first."""
    parts: Any = sorted(paid.groupby(by), key=lambda item: -item[1]["amount"].sum())
    for name, rows in parts:
        departments = rows.groupby("department")["amount"].sum().sort_values(ascending=False)
        if len(departments) > 1 and name != NONE:
            others = sorted(set(rows[other]))
            yield Shared(str(name), by, ", ".join(departments.index), others, float(departments.sum()))
