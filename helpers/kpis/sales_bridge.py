"""The bridge from what was won to what was invoiced: why three answers to "what were sales" differ.

Source: specification, card G02.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar, Unpack

import pandas as pd
from dateutil.relativedelta import relativedelta

from helpers.errors import NotProvided
from helpers.kpis import customer_mrr, invoiced
from helpers.kpis.sold import Sold, sold
from helpers.kpis.spend import window
from helpers.kpis.subscription_versions import MovementRules, Rules
from helpers.periods import DAY, Period
from helpers.results import Column, Listing

if TYPE_CHECKING:
    from helpers.data.known import Tables

T = TypeVar("T")
Step = tuple[str, float | None, float | None]


def sales_bridge(tables: Tables, period: Period, **given: Unpack[MovementRules]) -> Listing:
    """Step by step from the deals won to new bookings, from these to MRR, and from MRR to invoices.

    Raises:
        NotProvided: there are neither deals nor subscriptions nor invoices.
    """
    rules = Rules(**given)
    won = _given(lambda: sold(tables, period, rules))
    moved = _given(lambda: customer_mrr.movements(tables, period, rules))
    lines = _given(lambda: invoiced.by_kind(tables, period, rules))
    if won is None and moved is None and lines is None:
        raise NotProvided("deals")
    steps = [
        *(() if won is None else _booked(won)),
        *(() if moved is None else _recurring(moved, won)),
        *(() if lines is None else _invoiced(lines, None if moved is None else _months_worth(tables, period, rules))),
    ]
    columns = {
        "step": Column("From bookings to invoices"),
        "amount": Column("Amount", "money"),
        "monthly": Column("A month", "money_per_month"),
    }
    return Listing(
        caption=f"What were sales in {period.label}? From bookings to MRR to invoices",
        rows=pd.DataFrame(steps, columns=list(columns)).astype({"amount": float, "monthly": float}),
        columns=columns,
        when_empty="",
        grain="step",
        note="Bookings are what customers signed, MRR what they pay a month, invoices what was billed: three answers, "
        "and none of them is recognised revenue. Lines that begin with + or − lead to the next one without.",
    )


def _given(make: Callable[[], T]) -> T | None:
    with suppress(NotProvided):
        return make()
    return None


def _booked(won: Sold) -> Iterator[Step]:
    yield "Won in the period, whole", won.won, None
    yield "− one-off amounts", -won.one_off, None
    yield "− renewals at the price held before", -won.held, None
    yield "− what falls after a deal's first year", -won.later, None
    yield "− won earlier, cancelled now", -won.reversed, None
    yield "New bookings, a year's worth", won.new, won.new / 12


def _recurring(moved: pd.DataFrame, won: Sold | None) -> Iterator[Step]:
    gained = moved[["new", "expansion"]].sum().sum()
    if won is not None:
        yield "+ or − booked, but not in MRR in this period; in MRR, but not booked in it", None, gained - won.new / 12
    yield "New and expansion MRR", None, gained
    yield "+ MRR at the start of the period", None, moved["opening"].sum()
    yield "+ returned, − reduced and lost", None, moved[["reactivation", "contraction", "churn", "fx"]].sum().sum()
    yield "MRR at the end of the period", None, moved["closing"].sum()


def _invoiced(lines: pd.DataFrame, worth: float | None) -> Iterator[Step]:
    amounts = lines.set_index("kind")["amount"]
    recurring, other = (float(amounts.get(kind, 0.0)) for kind in (invoiced.RECURRING, invoiced.OTHER))
    if worth is not None:
        yield "MRR at the end of each month of the period, added up", worth, None
        yield "+ invoiced for other months, − for these in others, and credits", recurring - worth, None
    yield "Recurring amounts invoiced", recurring, None
    yield "+ usage, one-off amounts and services", other, None
    yield "Invoiced in the period", recurring + other, None


def _months_worth(tables: Tables, period: Period, rules: Rules) -> float | None:
    """The MRR at the end of each month of the period, added up; None where no month of it is over."""
    ends = [min(month + relativedelta(months=1) - DAY, period.measured_on) for month in window(period, 1, 0).months]
    sums = [float(customer_mrr.stock(tables, day, period, rules)["mrr"].sum()) for day in ends]
    return sum(sums) if sums else None
