"""What was spent to win customers, from the ledger: which months count, and whether all of them are there.

Source: specification, card K16. The ledger is told by the month, so a window is whole months.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

import ibis
import pandas as pd
from dateutil.relativedelta import relativedelta

from helpers.errors import KitError, Refused
from helpers.kpis.deals import named
from helpers.kpis.money import in_reporting_currency
from helpers.kpis.subscription_versions import EXACT
from helpers.periods import Period

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.data.known import Tables

SALES_AND_MARKETING = ("marketing", "sales")
WITH_SUPPORT = (*SALES_AND_MARKETING, "support")
MIDDLE = timedelta(days=14)  # a month belongs to the quarter that holds its middle, also where quarters are listed
SHOWN = 3


@dataclass(frozen=True)
class Window:
    """The stretch in which new customers are counted, and the months whose spend won them.

    ``span`` is a period that begins and ends with the window.
    """

    span: Period
    months: tuple[date, ...]


class Spent(NamedTuple):
    """Spend by ``channel`` and ``segment`` (``amount`` in the reporting currency), what was left out, what is told."""

    rows: pd.DataFrame
    excluded: dict[str, int]
    warnings: tuple[str, ...]

    @property
    def total(self) -> float:
        return float(self.rows["amount"].sum())


def window(period: Period, quarters: int, lag: int) -> Window:
    """The quarters that end with a quarter; spend is that of ``lag`` months earlier.

    Of a quarter that is still running only the months that are over count, for customers as for spend.

    >>> from helpers.periods import Calendar
    >>> found = window(Calendar().period("2026Q1", date(2026, 3, 10)), 1, 2)
    >>> [str(month) for month in found.months], str(found.span.measured_on)
    (['2025-11-01', '2025-12-01'], '2026-02-28')

    Raises:
        Refused: the calendar does not reach back that far.
    """
    try:
        start = period.previous(quarters - 1).start
    except KitError:
        raise Refused(f"the calendar does not reach back {quarters} quarters; add them to quarter_starts") from None
    over = max(period.start, period.as_of_on.replace(day=1)) if period.is_partial else period.end
    month, months = start.replace(day=1), list[date]()
    while month + MIDDLE < over:
        months += [month - relativedelta(months=lag)] * (month + MIDDLE >= start)
        month += relativedelta(months=1)
    return Window(replace(period, start=start, end=over), tuple(months))


def spent(tables: Tables, found: Window, departments: Sequence[str], fx_mode: str) -> Spent:
    """What departments spent in the months of a window to win customers; what was spent to keep them is left out.

    Raises:
        NotProvided: there is no ledger.
        Refused: no month is over, one is missing, or a currency has no rate.
    """
    spend = _of(tables, found).filter(ibis._.department.isin(list(departments)))
    warnings = _complete(tables, found.months, departments)
    retained = (spend.purpose == "retain").fill_null(False)
    amounts = _converted(tables, spend.filter(~retained), found, fx_mode)
    by = ["channel", "segment"]
    rows = tables.fetch(amounts.group_by(by).aggregate(amount=_sum(amounts.amount)))
    return Spent(
        rows.sort_values(by, ignore_index=True),  # so that what adds them up has the same last digits every time
        {"spend: purpose retain": int(tables.fetch(retained.sum()) or 0), **tables.excluded("spend")},
        warnings,
    )


def by_department(tables: Tables, found: Window, fx_mode: str) -> pd.DataFrame:
    """Per ``department`` in the months of a window: what it ``spent``, and ``retained``, the part to keep customers."""
    rows = _converted(tables, _of(tables, found), found, fx_mode)
    rows = rows.mutate(kept=(rows.purpose == "retain").ifelse(rows.amount, 0.0))
    by = rows.group_by("department")
    return tables.fetch(by.aggregate(spent=_sum(rows.amount), retained=_sum(rows.kept)))


def by_vendor(tables: Tables, found: Window, fx_mode: str) -> pd.DataFrame:
    """What was paid to each ``vendor`` that the ledger names, by ``department`` and ``category``: ``amount``.

    Raises:
        NotProvided: the ledger names no vendors.
    """
    tables.require("spend", "spend.vendor")
    rows = _converted(tables, _of(tables, found), found, fx_mode)
    rows = rows.filter(rows.vendor.nullif("").notnull())
    by = rows.group_by("vendor", "department", category=named(rows.category))
    return tables.fetch(by.aggregate(amount=_sum(rows.amount)))


def other_acquisition(tables: Tables, found: Window, fx_mode: str) -> float:
    """What all other departments spent on winning customers, such as the training before a first value."""
    spend = _of(tables, found)
    others = spend.filter(spend.department.notin(list(WITH_SUPPORT)), spend.purpose == "acquire")
    amounts = _converted(tables, others, found, fx_mode)
    return float(tables.fetch(_sum(amounts.amount).fill_null(0.0)))


def _converted(tables: Tables, rows: ibis.Table, found: Window, fx_mode: str) -> ibis.Table:
    """Rows of the ledger in the reporting currency; an empty channel or segment is ``(none)``."""
    day = found.span.measured_on if fx_mode == "period_end" else None
    rows = rows.mutate(channel=named(rows.channel), segment=named(rows.segment))
    return in_reporting_currency(tables, rows, "amount", day=day)


def _of(tables: Tables, found: Window) -> ibis.Table:
    """The ledger of the months of a window.

    Raises:
        Refused: there is none, as a quarter alone has begun and no month of it is over.
    """
    spend = tables["spend"]
    if not found.months:
        raise Refused("no month of the window is over yet")
    return spend.filter(spend.month.isin(list(found.months)))


def _complete(tables: Tables, months: Sequence[date], departments: Sequence[str]) -> tuple[str, ...]:
    """What a reader is told of departments that have no spend, or have it for a part of the months only.

    Raises:
        Refused: a month has no spend at all, or none of a department that had some before.
    """
    spend = tables["spend"]
    seen = tables.fetch(spend.filter(spend.department.isin(list(departments))).select("department", "month").distinct())
    told = {str(name): {day.date() for day in days} for name, days in seen.groupby("department")["month"]}
    nobody = [month for month in months if not any(month in known for known in told.values())]
    gaps = {name: [m for m in months if m > min(known) and m not in {*known, *nobody}] for name, known in told.items()}
    _refuse({"spend": nobody, **{f"spend of {name}": lacking for name, lacking in gaps.items()}})
    late = {name: min(known) for name, known in told.items() if min(known) > months[0]}
    absent = [name for name in departments if name not in told]
    return tuple(
        [f"the ledger names no spend of {' or '.join(absent)}"] * bool(absent)
        + [f"spend of {name} begins in {first:%Y-%m}" for name, first in late.items()]
    )


def _refuse(missing: Mapping[str, Sequence[date]]) -> None:
    """Refuses a window with fewer months than it needs, since the cost per customer would look low."""
    found = [f"{name} is missing for {_listed(months)}" for name, months in missing.items() if months]
    if found:
        raise Refused("; ".join(found) + "; give 0 where nothing was spent")


def _listed(months: Sequence[date]) -> str:
    more = f" and {len(months) - SHOWN} more months" if len(months) > SHOWN else ""
    return ", ".join(f"{month:%Y-%m}" for month in months[:SHOWN]) + more


def _sum(amount: ir.NumericValue) -> ir.FloatingScalar:
    return amount.cast(EXACT).sum().cast("float64")
