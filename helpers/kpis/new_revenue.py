"""New revenue: what was newly booked, by where it came from, and how that compares.

Cards K14 and K15 of the specification. Bookings are what customers signed, not recognised revenue. The deals are
judged one by one in ``bookings``; the tables beside these figures are in ``new_revenue_tables``.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Unpack

import pandas as pd

from helpers import results
from helpers.catalogue import ids_of
from helpers.errors import KitError
from helpers.kpis.bookings import CANCELLED, KINDS, SAME_PRICE, UNKNOWN_UPLIFT, booked
from helpers.kpis.customer_mrr import movements
from helpers.kpis.deals import NONE, dated
from helpers.kpis.subscription_versions import GrowthRules, MovementRules, Rules
from helpers.results import Row

if TYPE_CHECKING:
    from helpers.data.known import Tables
    from helpers.periods import Period

BASES = ("acv", "tcv", "mrr")
LEFT_OUT = ("no_amount", CANCELLED, UNKNOWN_UPLIFT)


class Bookings(NamedTuple):
    """The new bookings of a period: money and number of sales by source, what was left out, what is told.

    A source whose deals all lack an amount has no value: their money is not 0, it is not known.
    """

    value: dict[str, float | None]
    sales: dict[str, int]
    excluded: dict[str, int]
    warnings: tuple[str, ...]

    @property
    def total(self) -> float | None:
        known = [value for value in self.value.values() if value is not None]
        return sum(known) if any(self.sales.values()) or any(known) or len(known) == len(self.value) else None


def new_revenue(tables: Tables, period: Period, *, basis: str = "acv", **given: Unpack[MovementRules]) -> list[Row]:
    """What was newly booked in the period, by source: bookings that customers signed, not recognised revenue.

    Definition:
        New bookings = the amounts of the deals won in the period, each worth a year (``acv``: amount x 12 / term; a
        term below 12 months, or none, leaves the amount as it is) or its whole term (``tcv``); or the new and
        expansion MRR of the period (``mrr``). The source is the deal's type, else derived in this order: no deal won
        before, new logo; a product not held before and launched at most 365 days before, new product; a product not
        held before, cross-sell; else upsell. A renewal adds what exceeds the price a month held before, as upsell.
        A deal won and cancelled in the period is left out; one won earlier is taken off when it is cancelled.
        One-off amounts are not in the total. Bookings = number of sales x average sale.

    Args:
        tables: The tables known.
        period: The period of winning and of cancelling; of a running one, up to the as-of.
        basis: What a deal is worth: ``acv``, ``tcv`` or ``mrr``.
        given: The rules that count; with ``acv`` and ``tcv`` only the exchange rate and who is a customer.

    Returns:
        ``new_revenue`` (money; with ``mrr``, money a month) in total and by source, which add up; n is the number of
        sales (with ``mrr``, of customers). Nothing won is 0; undefined where deals were won and none has an amount.

    Raises:
        NotProvided: without ``deals``, their outcome, closing day or amount; with ``mrr``, without ``subscriptions``.
        Refused: an amount is in a currency that has no rate.

    Source:
        Specification K14.
    """
    rules = Rules(**given)
    found = bookings(tables, period, basis, rules)
    parts = [(("", ""), found.total, sum(found.sales.values()))]
    parts += [(("source", kind), value, found.sales[kind]) for kind, value in found.value.items()]
    return [
        results.row(
            "new_revenue", period, value, segment=segment, n=n, excluded=found.excluded, warnings=found.warnings
        )
        for segment, value, n in parts
    ]


def revenue_growth(tables: Tables, period: Period, *, basis: str = "acv", **given: Unpack[GrowthRules]) -> list[Row]:
    """How new bookings compare with those of the period before, and of a year ago.

    Definition:
        Growth = (new bookings - those of the earlier period) / those of the earlier period. A running period is
        compared with as many days of the earlier one, and an earlier period with what was known as long after its
        end; a deal that was cancelled since then is not taken off there, but where it was cancelled. All amounts are
        at the same exchange rates, whatever the rule for other figures.

    Args:
        tables: The tables known.
        period: The period that is compared.
        basis: What a deal is worth: ``acv``, ``tcv`` or ``mrr``, as for new bookings.
        given: The rules that count; with ``acv`` and ``tcv`` only the exchange rate and who is a customer.

    Returns:
        ``revenue_growth`` and ``revenue_growth_yoy`` (ratios); undefined where nothing, or less, was booked before.

    Raises:
        NotProvided: as for new bookings.
        Refused: as for new bookings.

    Source:
        Specification K15.
    """
    rules = Rules(fx_mode="fixed", **given)
    found = bookings(tables, period, basis, rules)
    rows = []
    for kpi_id, earlier in _earlier(period).items():
        before = bookings(tables, earlier, basis, rules).total if earlier else None
        notes = _history(tables, earlier, before, basis) if earlier else ["the calendar does not reach back that far"]
        change = None if found.total is None else found.total - (before or 0)
        value = change / before if change is not None and before and before > 0 else None
        rows.append(
            results.row(
                kpi_id, period, value, numerator=change, denominator=before, excluded=found.excluded, warnings=notes
            )
        )
    return rows


def bookings(tables: Tables, period: Period, basis: str, rules: Rules) -> Bookings:
    """The new bookings of a period, every source named, also those without any.

    Raises:
        KitError: the basis is none of those it may be.
        NotProvided: a table or column is missing.
        Refused: a currency has no rate.
    """
    if basis not in BASES:
        raise KitError(f"new_revenue.basis == {basis!r}, must be one of {', '.join(BASES)}")
    if basis == "mrr":
        return _from_movements(movements(tables, period, rules))
    rows = booked(tables, period, basis=basis, rules=rules)
    sold = rows[rows["state"].isna() & ~rows["reversed"]]
    names = [*KINDS, NONE] if (rows["kind"] == NONE).any() else KINDS
    left_out = rows["state"].value_counts()
    return Bookings(
        value={kind: _worth(rows[rows["kind"] == kind]) for kind in names},
        sales={kind: int((sold["kind"] == kind).sum()) for kind in names},
        excluded={**tables.excluded("deals"), **{state: int(left_out.get(state, 0)) for state in LEFT_OUT}},
        warnings=_notes(tables, rows, sold, basis),
    )


def _worth(rows: pd.DataFrame) -> float | None:
    unknown = rows["state"] == "no_amount"
    return None if unknown.any() and not rows["state"].isna().any() else float(rows["value"].sum())


def _from_movements(moved: pd.DataFrame) -> Bookings:
    kinds = {"new_logo": moved["new"], **{kind: moved[kind] for kind in KINDS[1:]}}
    return Bookings(
        value={kind: float(amounts.sum()) for kind, amounts in kinds.items()},
        sales={kind: int((amounts > 0).sum()) for kind, amounts in kinds.items()},
        excluded={},
        warnings=("a month's worth: MRR of new customers and of expansions",),
    )


def _notes(tables: Tables, rows: pd.DataFrame, sold: pd.DataFrame, basis: str) -> tuple[str, ...]:
    derived = sold["deal_type"].isna()
    unseen = derived & (sold["kind"] == "cross_sell") & (not tables.provides("products.launched_on"))
    found = {
        "deals won without an amount, which add nothing": rows["state"] == "no_amount",
        "deals without a deal_type, whose source is derived from what was won before": derived,
        "deals without a customer, and so without a source": sold["kind"] == NONE,
        "deals without a term, taken as annual": sold["term_months"].isna() & (basis == "acv"),
        "renewals at the same price or less, which add nothing": rows["state"] == SAME_PRICE,
        "deals won earlier and cancelled now, which are taken off": rows["reversed"] & rows["state"].isna(),
        "deals counted as cross-sell that may be new products (products.launched_on is missing)": unseen,
    }
    return tuple(f"{what}: {deals.sum()}" for what, deals in found.items() if deals.any())


def _earlier(period: Period) -> dict[str, Period | None]:
    """The periods to compare with; None where a listed calendar begins later."""
    found: dict[str, Period | None] = dict.fromkeys(ids_of("revenue_growth"))
    with suppress(KitError):
        found["revenue_growth"] = period.previous()
        found["revenue_growth_yoy"] = period.year_ago()
    return found


def _history(tables: Tables, earlier: Period, before: float | None, basis: str) -> list[str]:
    """What makes an earlier period a poor measure of growth."""
    days = tables["subscriptions"].start_on if basis == "mrr" else dated(tables).created_on
    first = tables.fetch(days.min())
    notes = [] if before and before > 0 else [f"no new bookings in {earlier.label} to compare with"]
    if not pd.isna(first) and pd.Timestamp(first).date() > earlier.start:
        notes.append(f"history_starts_at {pd.Timestamp(first).date()}, in or after {earlier.label}")
    return notes
