"""What each version of a subscription line is worth a month, and from when to when it is paid.

Source: specification, card K20. Everything that recurring revenue is made of is decided here, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

import ibis
import pandas as pd

from helpers.errors import Refused
from helpers.periods import Period

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.data.known import Tables

FOREVER = date(9999, 12, 31)
PER_MONTH = {"day": 365 / 12, "week": 365 / 84, "month": 1.0, "quarter": 1 / 3, "year": 1 / 12}
# Sums of decimals are exact in any order, so that a customer whose price did not change shows no movement.
EXACT = "decimal(38, 9)"
Group = tuple[str, str | None]  # the dimension and the name of a segment, both empty for the total
Notes = dict[str, Any]
KEPT = (
    "account_id", "segment", "subscription_id", "line_id", "product", "plan", "renewal_on", "start_on", "currency",
    "interval", "interval_count", "quantity", "seat_based",
)  # fmt: skip


@dataclass(frozen=True)
class Rules:
    """How recurring revenue is counted: the rules of specification 12 that touch it.

    Attributes:
        discounts: Which discounts are taken off: ``all``, ``forever`` or ``none``.
        churn_day: When MRR ends: ``service_end`` or ``cancelled_at``.
        grace_days: A gap in a line of at most so many days counts as continuous at the old MRR.
        fx_mode: ``fixed``, one rate for the fiscal year, or ``period_end``, the rate of each snapshot day.
        account_level: Who is a customer: the ``customer`` or its ``parent``.
        movement_grain: The snapshots that are compared: ``month`` ends, ``quarter`` ends or every ``day``.
    """

    discounts: str = "all"
    churn_day: str = "service_end"
    grace_days: int = 0
    fx_mode: str = "fixed"
    account_level: str = "customer"
    movement_grain: str = "month"


class CustomerRules(TypedDict, total=False):
    """The fields of :class:`Rules` that say whose MRR there is: what a card takes by keyword, each as there."""

    discounts: str
    churn_day: str
    grace_days: int
    account_level: str


class StockRules(CustomerRules, total=False):
    """The rules of a card that values MRR on a day."""

    fx_mode: str


class MovementRules(StockRules, total=False):
    """The rules of a card that follows MRR from snapshot to snapshot."""

    movement_grain: str


class GrowthRules(CustomerRules, total=False):
    """The rules of a card that compares periods, always at one exchange rate."""

    movement_grain: str


def rules_in(given: Mapping[str, Any], kind: type = MovementRules) -> Rules:
    """The rules of ``kind`` among all that a table was given."""
    return Rules(**{name: given[name] for name in kind.__annotations__ if name in given})


class Survey(NamedTuple):
    """What was seen in the subscriptions: their first day, the first and the exclusive last day of what counts in
    each currency, what was left out and why, and what a reader is told.
    """

    earliest: date | None
    currencies: dict[str, tuple[date, date]]
    excluded: dict[str, int]
    warnings: tuple[str, ...]


@lru_cache(maxsize=64)
def versions(tables: Tables, rules: Rules) -> ibis.Table:
    """One row per version of a subscription line, paid or not. It counts on the days ``start_on <= day < ends``.

    Columns: ``account_id``, its ``segment``; ``subscription_id``, ``line_id``, ``product``, ``plan``, ``renewal_on``;
    ``interval``, ``interval_count``, ``quantity``, ``seat_based``, as its price is given; ``start_on``, ``ends``;
    ``amount``, its MRR in its own ``currency``; ``term``, the months of its contract; ``cancelled_on``; ``reason``, why
    it ended; ``out``, why it does not count, or null; ``overlaps``; ``bridged``.
    """
    rows = with_segment(tables, with_account(tables, tables["subscriptions"], rules))
    line = ibis.window(group_by=[rows.subscription_id, rows.line_id], order_by=rows.start_on)
    next_on, cancelled_on = rows.start_on.lead().over(line), tables.local_date(rows.cancelled_at)
    service_end = _service_end(rows, cancelled_on)
    ends = service_end
    if rules.churn_day == "cancelled_at":
        ends = ibis.least(service_end, cancelled_on.fill_null(FOREVER))
    out, term, gap = _out(rows), _term(rows), next_on.delta(ends, unit="day")
    bridged = (gap > 0) & (gap <= max(rules.grace_days, 1)) & out.isnull() & out.lead().over(line).isnull()
    found = rows.select(
        *KEPT,
        term=term,
        amount=_amount(rows, term, rules),
        cancelled_on=cancelled_on,
        ends=bridged.ifelse(next_on, ends),
        reason=_reason(rows, rows.status.lead().over(line)),
        out=out,
        overlaps=(next_on < service_end).fill_null(False),
        bridged=bridged.fill_null(False),
    )
    return found.cache()  # every figure of the theme starts here


def paying(tables: Tables, rules: Rules) -> ibis.Table:
    """The versions that count: one row each, with an amount above 0."""
    rows = versions(tables, rules)
    return rows.filter(rows.out.isnull(), rows.amount > 0, rows.ends > rows.start_on)


@lru_cache(maxsize=128)
def survey(tables: Tables, period: Period, rules: Rules) -> Survey:
    """Looks over all versions before any is counted.

    Raises:
        Refused: versions of one line overlap, or a price is below 0; the reason names the subscriptions.
    """
    rows = versions(tables, rules)
    here = (rows.start_on <= period.measured_on) & (rows.ends > period.opening_day)
    seen = tables.fetch(
        rows.group_by("out", "currency").aggregate(
            first=rows.start_on.min(),
            end=rows.ends.max(),
            here=here.sum(),
            bridged=(rows.bridged & here).sum(),
            overlapping=rows.subscription_id.collect(where=rows.overlaps, distinct=True),
            negative=rows.subscription_id.collect(where=rows.out.isnull() & (rows.amount < 0), distinct=True),
        )
    )
    _refuse(seen["overlapping"], "versions of one line overlap in subscription {}; close one before the next opens")
    _refuse(seen["negative"], "MRR is below 0 in subscription {}; correct its price or discount")
    counted = seen[seen["out"].isna()]
    spans = zip(counted["first"].dt.date, counted["end"].dt.date, strict=True)
    excluded = seen.dropna(subset="out").groupby("out")["here"].sum()
    return Survey(
        earliest=None if seen.empty else seen["first"].min().date(),
        currencies=dict(zip(counted["currency"], spans, strict=True)),
        excluded={f"subscriptions: {out}": int(n) for out, n in excluded.items() if n},
        warnings=_bridged(int(seen["bridged"].sum()), rules.grace_days),
    )


def notes_on(tables: Tables, period: Period, rules: Rules) -> Notes:
    """What every row made of subscriptions carries: what was ``excluded``, and the ``warnings`` to its reader."""
    found = survey(tables, period, rules)
    excluded = {**found.excluded, **tables.excluded("subscriptions", "customers")}
    return {"excluded": excluded, "warnings": found.warnings}


def begins_late(tables: Tables, period: Period, rules: Rules, since: date, why: str) -> tuple[str, ...]:
    """What a reader is told where subscriptions begin after the day from which they are needed; else nothing."""
    earliest = survey(tables, period, rules).earliest
    return (f"history_starts_at {earliest}: {why}",) if earliest and earliest > since else ()


def with_account(tables: Tables, rows: ibis.Table, rules: Rules) -> ibis.Table:
    """``rows`` with ``account_id``, the paying account: the row's customer, or the parent that it belongs to."""
    if rules.account_level == "customer":
        return rows.mutate(account_id=rows.customer_id)
    tables.require("customers.parent_id")
    customers = tables["customers"]
    parents = customers.filter(customers.parent_id.notnull()).select("customer_id", account_id="parent_id")
    found = rows.left_join(parents, "customer_id")
    return found.mutate(account_id=ibis.coalesce(found.account_id, found.customer_id))


def with_segment(tables: Tables, rows: ibis.Table) -> ibis.Table:
    """``rows`` with the ``segment`` of their ``account_id``; a blank one is missing."""
    if not tables.provides("customers.segment"):
        return rows.mutate(segment=ibis.null("string"))
    customers = tables["customers"].select(segment=tables["customers"].segment.nullif(""), account_id="customer_id")
    return rows.left_join(customers, "account_id")


def by_segment(tables: Tables, found: pd.DataFrame) -> Iterator[tuple[Group, pd.DataFrame]]:
    """All rows, then those of each customer ``segment`` where segments are provided."""
    yield ("", ""), found
    if tables.provides("customers.segment"):
        for name, part in found.groupby("segment", dropna=False):
            yield ("segment", None if pd.isna(name) else str(name)), part


def _term(rows: ibis.Table) -> ir.Value:
    """Months of the contract: as stated, else whole months between its days, else days x 12/365."""
    start, end = rows.start_on, rows.end_on
    months = (end.year() - start.year()) * 12 + end.month() - start.month()
    whole = (start + months.as_interval("M")).cast("date") == end
    by_days = end.delta(start, unit="day") * 12 / 365
    stated = rows.contract_value.notnull().ifelse(whole.ifelse(months.cast("float64"), by_days), None)
    return ibis.coalesce(rows.term_months, stated)


def _amount(rows: ibis.Table, term: ir.Value, rules: Rules) -> ir.Value:
    """MRR of a version: as given, else its price less its discount."""
    per_month = rows.interval.cases(*PER_MONTH.items(), else_=ibis.null("float64"))
    by_price = rows.unit_amount * rows.quantity * per_month / rows.interval_count
    price = ibis.coalesce(by_price, rows.contract_value / term)
    return ibis.coalesce(rows.mrr, price - _discount(rows, rules)).round(9)


def _discount(rows: ibis.Table, rules: Rules) -> ir.Value:
    if rules.discounts == "none":
        return ibis.literal(0.0)
    counts = rows.discount_mrr.notnull()
    if rules.discounts == "forever":
        counts &= rows.discount_kind == "forever"
    return counts.ifelse(rows.discount_mrr, 0.0)


def _service_end(rows: ibis.Table, cancelled_on: ir.Value) -> ir.Value:
    """The first day without service. A canceled version that tells no end ended when it was cancelled."""
    told = (rows.status == "canceled").ifelse(ibis.coalesce(rows.end_on, cancelled_on), rows.end_on)
    return told.fill_null(FOREVER)


def _out(rows: ibis.Table) -> ir.Value:
    """Why a version does not count. One that was cancelled counts until its end, else its past would vanish with it."""
    unended = rows.end_on.isnull() & rows.cancelled_at.isnull()
    return ibis.cases(
        (rows.is_recurring.fill_null(True) == False, "not recurring"),  # noqa: E712 - an expression, not a test
        (rows.status.isin(["trialing", "paused", "unpaid"]), ibis.literal("status ").concat(rows.status)),
        ((rows.status == "canceled") & unended, "status canceled"),
        else_=ibis.null("string"),
    )


def _reason(rows: ibis.Table, next_status: ir.Value) -> ir.Value:
    """Why a version ended: as told, else what the line became."""
    became = next_status.cases(("paused", "paused"), ("unpaid", "payment"), else_=ibis.null("string"))
    return ibis.coalesce(rows.cancel_reason, became)


def _refuse(found: Iterable[Iterable[str] | None], reason: str) -> None:
    names = sorted({str(name) for part in found if part is not None for name in part})
    if names:
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        raise Refused(reason.format(", ".join(names[:5]) + more))


def _bridged(gaps: int, grace_days: int) -> tuple[str, ...]:
    if not gaps:
        return ()
    days = max(grace_days, 1)
    return (f"renewal gaps of at most {days} days, counted as continuous at the old MRR: {gaps}",)
