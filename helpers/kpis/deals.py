"""Deals with their local days, and how they went in a period: shared by every card that reads deals."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

import ibis

from helpers.kpis.money import in_reporting_currency
from helpers.kpis.subscription_versions import EXACT

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd

    from helpers.data.known import Tables
    from helpers.periods import Period

NONE = "(none)"


def named(value: ir.StringValue) -> ir.StringValue:
    """A segment's name; a missing one is ``(none)``."""
    return ibis.coalesce(value.nullif(""), NONE)


def in_words(period: Period) -> str:
    """A period, or as much of it as is compared with a running one."""
    return f"{period.elapsed_days} days of {period.label}" if period.is_partial else period.label


@lru_cache(maxsize=64)
def dated(tables: Tables) -> ir.Table:
    """Deals with the local days ``created_on``, ``closed_on`` and ``cancelled_on``.

    An empty source is ``(none)``; a deal without an outcome is open, or stays without one if it was closed.
    """
    deals = tables["deals"]
    return deals.mutate(
        outcome=deals.closed_at.isnull().ifelse(deals.outcome.fill_null("open"), deals.outcome),
        source=named(deals.source),
        created_on=tables.local_date(deals.created_at),
        closed_on=tables.local_date(deals.closed_at),
        cancelled_on=tables.local_date(deals.cancelled_at),
    )


def open_on(deals: ir.Table, day: date) -> ir.BooleanValue:
    """Whether each deal was there and not yet closed when a day ended; an expected closing day closes nothing."""
    later = (deals.closed_on > day).fill_null(False)
    return (deals.created_on <= day) & ((deals.outcome == "open").fill_null(False) | later)


def closed_in(deals: ir.Table, period: Period) -> ir.BooleanValue:
    """Whether each deal was won or lost in the period, as far as it has run."""
    return (deals.outcome.isin(["won", "lost"]) & deals.closed_on.between(period.start, period.measured_on)).fill_null(
        False
    )


def flow(tables: Tables, period: Period) -> pd.DataFrame:
    """Deals ``won`` and ``lost`` in the period and still ``open`` at its end, by the sources that have any.

    ``undecided`` counts the deals of all time that can be placed nowhere: closed without an outcome, or lost without
    a closing day.
    """
    deals = dated(tables)
    closed = closed_in(deals, period)
    counted = deals.group_by("source").aggregate(
        won=deals.count(where=closed & (deals.outcome == "won")),
        lost=deals.count(where=closed & (deals.outcome == "lost")),
        open=deals.count(where=open_on(deals, period.measured_on)),
        undecided=deals.count(where=_undecided(deals)),
    )
    found = tables.fetch(counted)
    return found[found.drop(columns="source").any(axis=1)].sort_values("source", ignore_index=True)


def won_amounts(tables: Tables, period: Period) -> ir.Table:
    """The ``amount`` of the deals won in the period, and how many are ``priced``, by source.

    Raises:
        Refused: a currency has no rate.
    """
    deals = dated(tables)
    won = deals.filter(closed_in(deals, period), deals.outcome == "won")
    money = in_reporting_currency(tables, won, "amount")
    return money.group_by("source").aggregate(
        amount=money.amount.cast(EXACT).sum().cast("float64"), priced=money.amount.count()
    )


def waits(tables: Tables, period: Period, since: date) -> ir.Table:
    """How long each deal created since a day has waited, and what ended it: ``source``, ``days``, ``cause``.

    ``cause`` is 1 if it was won, 2 if it was lost, 0 if it was still open on the last known day.
    """
    deals = dated(tables)
    found = deals.filter(deals.created_on.between(since, period.measured_on), ~_undecided(deals))
    cause = found.outcome.cases(("won", 1), ("lost", 2), else_=0)
    until = (cause == 0).ifelse(ibis.literal(period.known_until), found.closed_on)
    return found.select("source", days=until.delta(found.created_on, unit="day"), cause=cause)


def _undecided(deals: ir.Table) -> ir.BooleanValue:
    return deals.outcome.isnull() | ((deals.outcome == "lost") & deals.closed_on.isnull()).fill_null(False)
