"""The tables beside unit economics: where the spend goes, what it won, and lifetime value step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar, Unpack

import numpy as np
import pandas as pd

from helpers.errors import NotProvided, Refused
from helpers.kpis import lifetime_value as value
from helpers.kpis.acquisition import Terms, cost
from helpers.kpis.deals import NONE
from helpers.kpis.lifetime_value import Life, Margin, margin_of
from helpers.kpis.lifetimes import arpa, lives
from helpers.kpis.spend import SALES_AND_MARKETING, WITH_SUPPORT, Window, by_department, by_vendor, window
from helpers.kpis.subscription_versions import MovementRules, Rules
from helpers.results import Column, Listing, Row

if TYPE_CHECKING:
    from helpers.data.known import Tables
    from helpers.periods import Period

T = TypeVar("T")


class Shared(NamedTuple):
    """Something that several departments pay for."""

    what: str
    kind: str
    departments: str
    others: list[str]
    amount: float


def spend_by_department(
    tables: Tables, period: Period, *, cac_window_quarters: int, spend_lag_months: int, fx_mode: str = "fixed"
) -> Listing:
    """What each department spent in the window, and how much of it is in either CAC."""
    months = window(period, cac_window_quarters, spend_lag_months)
    found = by_department(tables, months, fx_mode).sort_values(["spent", "department"], ascending=[False, True])
    total = pd.DataFrame([{"department": "All departments", **found[["retained", "spent"]].sum()}])
    found = pd.concat([found, total], ignore_index=True) if len(found) else found
    won = found["spent"] - found["retained"]
    for name, departments in {"sm": SALES_AND_MARKETING, "full": WITH_SUPPORT}.items():
        inside = found["department"].isin(departments)
        found[name] = won.where(inside)
        found.loc[found["department"] == "All departments", name] = won[inside].sum()
    columns = {
        "department": Column("Department"),
        "spent": Column("Spent", "money"),
        "retained": Column("Of it, to keep customers", "money"),
        "sm": Column("In CAC, sales and marketing", "money"),
        "full": Column("In CAC, with support", "money"),
    }
    return Listing(
        caption=f"Spend by department, {_in_words(months)}",
        rows=found[list(columns)],
        columns=columns,
        when_empty="Nothing was spent.",
        grain="department",
    )


def acquisition_by_channel(
    tables: Tables,
    period: Period,
    *,
    cac_window_quarters: int,
    spend_lag_months: int,
    **given: Unpack[MovementRules],
) -> Listing:
    """What sales and marketing spent on each channel of the window, and the customers and the MRR that it brought."""
    tables.require("spend", "spend.channel", "deals.source")
    terms = Terms(cac_window_quarters, spend_lag_months, Rules(**given))
    found = cost(tables, period, SALES_AND_MARKETING, terms)
    customers = found.customers.groupby("channel").agg(customers=("account_id", "size"), mrr=("mrr", "sum"))
    rows = found.spend.rows.groupby("channel")[["amount"]].sum().join(customers, how="outer").fillna(0.0)
    rows["cac"] = (rows["amount"] / rows["customers"]).where((rows["amount"] != 0) & (rows["customers"] > 0))
    rows.loc[rows.index == NONE, "cac"] = np.nan
    rows = rows.rename_axis("channel").reset_index()
    columns = {
        "channel": Column("Channel"),
        "amount": Column("Spent", "money"),
        "customers": Column("New customers", "count"),
        "cac": Column("For each", "money"),
        "mrr": Column("New MRR", "money_per_month"),
    }
    return Listing(
        caption=f"Sales and marketing by channel, {_in_words(window(period, terms.quarters, terms.lag))}",
        rows=rows.sort_values(["amount", "channel"], ascending=[False, True], ignore_index=True)[list(columns)],
        columns=columns,
        when_empty="Nothing was spent, and nobody was won.",
        grain="channel",
        note=f"A customer's channel is the source of its first won deal. {NONE} is spend that names no channel, and "
        "customers whose first deal names none: the one did not win the other.",
    )


def shared_vendors(
    tables: Tables, period: Period, *, cac_window_quarters: int, spend_lag_months: int, fx_mode: str = "fixed"
) -> Listing:
    """Vendors that several departments pay, and categories that several departments buy from different vendors."""
    months = window(period, cac_window_quarters, spend_lag_months)
    paid = by_vendor(tables, months, fx_mode)
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
        caption=f"Paid by two departments or more, {_in_words(months)}",
        rows=pd.DataFrame(rows, columns=list(columns)),
        columns=columns,
        when_empty="No vendor is paid by two departments, and nothing is bought twice.",
        grain="vendor or category",
        note="A vendor that several departments pay, or a category that they buy from several vendors: could one "
        "contract do?",
    )


def lifetime_values(
    tables: Tables,
    period: Period,
    *,
    lifetime_months: float | None,
    ltv_horizon_months: int,
    cac_window_quarters: int,
    spend_lag_months: int,
    gross_margin: Margin = None,
    **given: Unpack[MovementRules],
) -> Listing:
    """Lifetime value as each way makes it: so much a month, for so many months; at gross margin, and less CAC."""
    rules = Rules(**given)
    terms = Terms(cac_window_quarters, spend_lag_months, rules)
    each = _or_none(lambda: cost(tables, period, WITH_SUPPORT, terms).each)
    margin = _or_none(lambda: margin_of(gross_margin, period))
    rows = list(_by_orders(tables, period, lifetime_months, rules))
    if margin is not None:
        rows = [*_by_subscriptions(tables, period, Life(margin, ltv_horizon_months), rules), *rows]
    found = pd.DataFrame(rows, columns=["way", "basis", "monthly", "value"]).astype({"monthly": float, "value": float})
    found["months"] = found["value"] / found["monthly"]
    found["margin"] = found["value"].where(found["basis"] != "revenue", found["value"] * (margin or np.nan))
    found["net"] = found["value"] - (np.nan if each is None else each)
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
        caption=f"Lifetime value step by step, {period.label}",
        rows=found[list(columns)],
        columns=columns,
        when_empty="No way to lifetime value has what it needs.",
        grain="way",
        note="CAC is that with support. A way that says nothing in this period has no row.",
    )


Way = tuple[str, str, float, float]


def _by_subscriptions(tables: Tables, period: Period, life: Life, rules: Rules) -> Iterator[Way]:
    """Those that have a value: the name, what it is made of, a month's worth of a customer, and the value."""
    for name, way in (("From customer lives", value.by_lives), ("From churn", value.by_churn)):
        worth = _value(partial(way, tables, period, life, rules))
        if worth is not None:
            yield name, "gross margin", (arpa(lives(tables, period, rules)) or np.nan) * life.margin, worth


def _by_orders(tables: Tables, period: Period, lifetime_months: float | None, rules: Rules) -> Iterator[Way]:
    worth = _value(partial(value.by_orders, tables, period, lifetime_months, rules))
    if worth is not None and lifetime_months:
        yield "From orders", "revenue", worth / lifetime_months, worth


def _value(make: Callable[[], list[Row]]) -> float | None:
    """The value of all customers together."""
    rows = _or_none(make)
    return rows[0].value if rows else None


def _or_none(make: Callable[[], T]) -> T | None:
    """What is made, or None where it lacks its data or is refused; the KPI's own block says why."""
    with suppress(NotProvided, Refused):
        return make()
    return None


def _shared(paid: pd.DataFrame, by: str, other: str) -> Iterator[Shared]:
    """What two departments or more pay, the costliest first."""
    for name, rows in sorted(paid.groupby(by), key=lambda item: -item[1]["amount"].sum()):
        departments = rows.groupby("department")["amount"].sum().sort_values(ascending=False)
        if len(departments) > 1 and name != NONE:
            others = sorted(set(rows[other]))
            yield Shared(str(name), by, ", ".join(departments.index), others, float(departments.sum()))


def _in_words(found: Window) -> str:
    first, *_, last = [*found.months, *found.months]
    return f"{first:%Y-%m} to {last:%Y-%m}"
