"""The tables beside unit economics: where the spend goes, what it won, lifetime value step by step, and three sales."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from helpers.errors import NotProvided, Refused
from helpers.kpis.rows import refuse_list, refuse_unrated, require_parents, rows_once
from helpers.kpis.spine import Spine
from helpers.kpis.unit_economics.acquisition import DEPARTMENTS, Cost, Costs, not_reached
from helpers.kpis.unit_economics.cards import ltv
from helpers.language import _, enumerated, message, retold, template
from helpers.results import A_QUARTER, NO_RATE, NONE, Column, Listing

Step = tuple[str, float | None, float | None]
KINDS = {"vendor": message("Vendor"), "category": message("Category")}
GROSS_MARGIN, REVENUE = template("gross margin"), template("revenue")


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
        "department": Column(_("Department")),
        "spent": Column(_("Spent"), "money"),
        "retained": Column(_("Of it, to keep customers"), "money"),
        "sm": Column(_("In CAC, sales and marketing"), "money"),
        "full": Column(_("In CAC, with support"), "money"),
    }
    return Listing(
        caption=_("Spend by department, {period}").format(period=_months(spine)),
        rows=found[list(columns)],
        columns=columns,
        when_empty=_("Nothing was spent."),
        total=("spent", "retained", "sm", "full"),
    )


def acquisition_by_channel(spine: Spine) -> Listing:
    """What sales and marketing spent on each channel of the window, and the customers and the MRR that it brought."""
    spine.require("spend", "spend.channel", "deals.source")
    _cost(spine, "sm")
    found = spine.frame("cac").query("horizon == 'window'").query("segment_by == 'channel'")
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
        "channel": Column(_("Channel"), own_words=True),
        "amount": Column(_("Spent"), "money"),
        "customers": Column(_("Customers won"), "count"),
        "cac": Column(_("For each"), "money"),
        "mrr": Column(_("Their first MRR"), "money_per_month"),
    }
    return Listing(
        caption=_("Sales and marketing by channel, {period}").format(period=_months(spine)),
        rows=rows.sort_values(["amount", "channel"], ascending=[False, True], ignore_index=True)[list(columns)],
        columns=columns,
        when_empty=_("Nothing was spent, and nobody was won."),
        total=("amount", "customers", "mrr"),
        note=_(
            "A customer's channel is the source of its first won deal. {none} is spend that names no channel, and "
            "customers whose first deal names none: the one did not win the other."
        ).format(none=retold(NONE)),
    )


def shared_vendors(spine: Spine) -> Listing:
    """Vendors that several departments pay, and categories that several departments buy from different vendors."""
    spine.require("spend", "spend.vendor")
    lines = _spend(spine).dropna(subset="vendor")
    paid = lines.groupby(["vendor", "department", "category"], as_index=False)[["amount"]].sum()
    columns = {
        "what": Column(_("Paid for more than once")),
        "kind": Column(_("What it is")),
        "departments": Column(_("Paid by")),
        "others": Column(_("For, or to")),
        "amount": Column(_("Spent"), "money"),
    }
    twice = [each for each in _shared(paid, "category", "vendor") if len(each["others"]) > 1]
    found = [*_shared(paid, "vendor", "category"), *twice]
    rows = [{**each, "others": enumerated(each["others"])} for each in found]
    return Listing(
        caption=_("Paid by two departments or more, {period}").format(period=_months(spine)),
        rows=pd.DataFrame(rows, columns=list(columns)),
        columns=columns,
        when_empty=_("No vendor is paid by two departments, and nothing is bought twice."),
        note=_(
            "A vendor that several departments pay, or a category that they buy from several vendors: could one "
            "contract do?"
        ),
    )


def lifetime_values(spine: Spine) -> Listing:
    """Lifetime value as each way makes it: so much a month, for so many months; at gross margin, and less CAC."""
    now = (row for row in rows_once(ltv, spine) if row.period == spine.period and not row.segment_by)
    worth = {row.kpi_id: row.value for row in now}
    total = spine.frame("ltv").query("segment_by == ''").iloc[0]
    months, monthly = spine.rules["lifetime_months"], float(total["arpa"]) * float(total["margin"])
    ways = [(template("From customer lives"), GROSS_MARGIN, monthly, worth.get("ltv_km"))]
    ways += [(template("From churn"), GROSS_MARGIN, monthly, worth.get("ltv_margin"))]
    orders = worth.get("ltv_orders")
    ways += [(template("From orders"), REVENUE, orders / months if orders is not None and months else np.nan, orders)]
    told = [way for way in ways if way[3] is not None]
    found = pd.DataFrame(told, columns=["way", "basis", "monthly", "value"]).astype({"monthly": float, "value": float})
    found["months"] = found["value"] / found["monthly"]
    found["margin"] = found["value"].where(found["basis"] != REVENUE, found["value"] * float(total["margin"]))
    found["net"] = found["value"] - _cac_full(spine)
    columns = {
        "way": Column(_("Lifetime value"), own_words=True),
        "basis": Column(_("Made of"), own_words=True),
        "monthly": Column(_("A month, per customer"), "money"),
        "months": Column(_("Months"), "months"),
        "value": Column(_("Value"), "money"),
        "margin": Column(_("At gross margin"), "money"),
        "net": Column(_("Value less CAC"), "money"),
    }
    return Listing(
        caption=_("Lifetime value step by step, {period}").format(period=spine.period.label),
        rows=found[list(columns)],
        columns=columns,
        when_empty=_("No way to lifetime value has what it needs."),
        note=_("CAC is that with support. A way that says nothing in this period has no row."),
    )


def sales_bridge(spine: Spine) -> Listing:
    """Step by step from the deals won to new bookings, from these to MRR, and from MRR to invoices.

    Raises:
        NotProvided: there are neither deals nor subscriptions nor invoices, or parents are to pay and none are told.
        Refused: subscriptions cannot be counted, or a currency has no rate.
    """
    deals = all(map(spine.provides, ("deals", "deals.outcome", "deals.closed_at", "deals.amount")))
    subscriptions, invoices = spine.provides("subscriptions"), spine.provides("invoices")
    if not (deals or subscriptions or invoices):
        raise NotProvided("deals")
    require_parents(spine)
    if deals:
        refuse_unrated(spine, "unrated_deal", "period")
    won = spine.frame("sold").iloc[0] if deals else None
    steps = [
        *(() if won is None else _booked(won)),
        *(_recurring(spine, won) if subscriptions else ()),
        *(_invoiced(spine, with_months=subscriptions) if invoices else ()),
    ]
    columns = {
        "step": Column(_("From bookings to invoices"), own_words=True),
        "amount": Column(_("Amount"), "money"),
        "monthly": Column(_("A month"), "money_per_month"),
    }
    return Listing(
        caption=_("What were sales in {period}? From bookings to MRR to invoices").format(period=spine.period.label),
        rows=pd.DataFrame(steps, columns=list(columns)).astype({"amount": float, "monthly": float}),
        columns=columns,
        when_empty="",
        note=_(
            "Bookings are what customers signed, MRR what they pay a month, invoices what was billed: three answers, "
            "and none of them is recognised revenue. Lines that begin with + or − lead to the next one without."
        ),
    )


def _booked(won: pd.Series) -> Iterator[Step]:
    yield template("Won in the period, whole"), won["won"], None
    yield template("− one-off amounts"), -won["one_off"], None
    yield template("− renewals at the price held before"), -won["held"], None
    yield template("− what falls after a deal's first year"), -won["later"], None
    yield template("− won earlier, cancelled now"), -won["reversed"], None
    yield template("New bookings, a year's worth"), won["new_bookings"], won["new_bookings"] / 12


def _recurring(spine: Spine, won: pd.Series | None) -> Iterator[Step]:
    refuse_list(spine, "movement_notes")
    moved = spine.frame("moved").select_dtypes("number").sum()
    gained = moved[["new", "expansion"]].sum()
    if won is not None:
        apart = gained - won["new_bookings"] / 12
        yield template("+ only in MRR, − only booked"), None, apart
    yield template("New and expansion MRR"), None, gained
    yield template("+ MRR at the start of the period"), None, moved["opening"]
    yield template("+ returned, − reduced and lost"), None, moved[["reactivation", "contraction", "churn", "fx"]].sum()
    yield template("MRR at the end of the period"), None, moved["closing"]


def _invoiced(spine: Spine, *, with_months: bool) -> Iterator[Step]:
    lines = _rated(spine.frame("sales_total_rows").query("sales == 'invoiced'")).groupby("kind")["amount"].sum()
    recurring, other = (float(lines.get(kind, 0.0)) for kind in ("recurring", "other"))
    worth = spine.frame("months_worth")["worth"] if with_months else pd.Series(dtype=float)
    if len(worth):
        yield template("MRR at the ends of the months, added up"), worth.iloc[0], None
        yield template("+ or − invoiced for other months, credits"), recurring - worth.iloc[0], None
    yield template("Recurring amounts invoiced"), recurring, None
    yield template("+ usage, one-off amounts and services"), other, None
    yield template("Invoiced in the period"), recurring + other, None


def _spend(spine: Spine) -> pd.DataFrame:
    """The ledger of the window.

    Raises:
        NotProvided: spend is not there, or the review is of no quarter.
        Refused: no month of it is over, the calendar does not reach back that far, or a currency has no rate.
    """
    spine.require("spend")
    if spine.period.kind != "quarter":
        raise NotProvided(A_QUARTER.format(reason=spine.period.kind))
    [window] = [each for each in spine.answers("acquisition_window") if _is_window(spine, each)]
    has_months = any(_is_window(spine, each) for each in spine.answers("spend_month"))
    if why := not_reached(window["begins_on"], window["quarters"], has_months):
        raise Refused(why)
    return _rated(spine.frame("spend_line").query("horizon == 'window'"))


def _rated(rows: pd.DataFrame) -> pd.DataFrame:
    """These amounts, if the currency of each has a rate.

    Raises:
        Refused: naming those that have none.
    """
    unrated = sorted(rows.loc[rows["is_unrated"], "currency"].fillna(template("an amount without a currency")).unique())
    if unrated:
        raise Refused(NO_RATE.format(reason=", ".join(unrated)))
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
    return _("{low} to {high}").format(low=f"{months.min():%Y-%m}", high=f"{months.max():%Y-%m}")


def _shared(paid: pd.DataFrame, by: str, other: str) -> Iterator[dict[str, Any]]:
    """What two departments or more pay, the costliest first."""
    parts: Any = sorted(paid.groupby(by), key=lambda item: -item[1]["amount"].sum())
    for name, rows in parts:
        departments = rows.groupby("department")["amount"].sum().sort_values(ascending=False)
        if len(departments) > 1 and name != NONE:
            yield {
                "what": str(name), "kind": _(KINDS[by]), "departments": enumerated(departments.index),
                "others": sorted(set(rows[other])), "amount": float(departments.sum()),
            }  # fmt: skip
