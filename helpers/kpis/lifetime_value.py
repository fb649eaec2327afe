"""The four ways to lifetime value, each as the rows of its KPI.

Source: specification, card K18. The parts that they are made of are in ``lifetimes``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import pandas as pd

from helpers import results
from helpers.errors import Refused
from helpers.kpis import invoiced
from helpers.kpis.acquisition import Cost, Terms, cost, inverted, readable
from helpers.kpis.deals import NONE
from helpers.kpis.lifetimes import CHURN_MONTHS, arpa, lives, mean_months, monthly_churn, value_interval
from helpers.kpis.spend import WITH_SUPPORT, other_acquisition, window
from helpers.kpis.subscription_versions import Group, Notes, Rules, begins_late, by_segment, notes_on
from helpers.periods import DAY, Period, months_before
from helpers.results import Row, row
from helpers.statistics import dominated_by_few

if TYPE_CHECKING:
    from helpers.data.known import Tables

Margin = float | Mapping[str, float] | None
FEW = "dominated by few: fewer than 30 paying customers, or one with over 20 % of the MRR"
FEWEST = 5  # churned customers; of fewer a rate cannot be divided by
ONE_SIDED = 0.05


@dataclass(frozen=True)
class Life:
    """What a month of a customer's life is worth, of its MRR, and how many months count at most."""

    margin: float
    horizon: float


def margin_of(gross_margin: Margin, period: Period) -> float:
    """The gross margin of a period.

    Raises:
        Refused: none is given; 100 % is never assumed.
    """
    found = gross_margin.get(period.label) if isinstance(gross_margin, Mapping) else gross_margin
    if found is None:
        raise Refused(f"no gross margin for {period.label}; set rules.gross_margin, as 100 % is never assumed")
    return found


def value_of_orders(revenue: float, customers: int, months: float) -> float | None:
    """Average order × orders a year per customer × years: the number of orders cancels. None without customers.

    >>> value_of_orders(1_800_000, 60, 8)  # 5,000 × 6 × 8/12
    20000.0
    """
    return revenue / customers * months / 12 if customers else None


def by_orders(tables: Tables, period: Period, months: float | None, rules: Rules) -> list[Row]:
    """From the orders of a year, and a lifetime that is given."""
    tables.require("invoices")
    if months is None:
        return [results.not_provided("ltv_orders", period, "lifetime_months")]
    since = months_before(period.measured_on, 12) + DAY
    first = tables.fetch(tables["invoices"].invoiced_on.min())
    late = not pd.isna(first) and pd.Timestamp(first).date() > since
    told = [f"history_starts_at {pd.Timestamp(first).date()}: orders are counted from {since}"] * late
    found = invoiced.orders(tables, period, since, rules)
    rows = []
    for segment, part in by_segment(tables, found):
        revenue, customers = float(part["revenue"].sum()), int(part["customers"].sum())
        rows.append(
            row(
                "ltv_orders", period, value_of_orders(revenue, customers, months), segment=segment,
                numerator=revenue * months / 12, denominator=customers, n=customers, warnings=told,
                excluded=tables.excluded("invoices", "customers"),
            )
        )  # fmt: skip
    return rows


def by_churn(tables: Tables, period: Period, life: Life, rules: Rules) -> list[Row]:
    """From today's ARPA and the churn of a year, taken as it is for ever."""
    stays, churn = lives(tables, period, rules), monthly_churn(tables, period, rules)
    counts = {
        segment: (int(part["churned"].sum()), int(part["at_risk"].sum())) for segment, part in by_segment(tables, churn)
    }
    notes, since = notes_on(tables, period, rules), months_before(period.measured_on, CHURN_MONTHS)
    notes["warnings"] += begins_late(tables, period, rules, since, f"churn is counted from {since}")
    return [
        _over_churn(period, segment, part, counts.get(segment, (0, 0)), life, notes)
        for segment, part in by_segment(tables, stays)
    ]


@lru_cache(maxsize=64)
def by_lives(tables: Tables, period: Period, life: Life, rules: Rules) -> list[Row]:
    """From today's ARPA and the lives of all customers so far; to be read, not changed."""
    stays, notes = lives(tables, period, rules), notes_on(tables, period, rules)
    return [_over_life(period, segment, part, life, notes) for segment, part in by_segment(tables, stays)]


def net(tables: Tables, period: Period, life: Life, terms: Terms) -> list[Row]:
    """What is left of ``ltv_km`` after what it cost to win the customer."""
    tables.require("spend")
    found = cost(tables, period, WITH_SUPPORT, terms)
    other = other_acquisition(tables, window(period, terms.quarters, terms.lag), terms.rules.fx_mode)
    wholes = by_lives(tables, period, life, terms.rules)
    notes = {
        "excluded": found.excluded,
        "warnings": (*found.warnings, *readable(found.spend.total, found.n, tables.currency)),
    }
    total = _less(wholes[0], found.spend.total + other, found.n, notes)
    return [total, *(_net_of_segments(wholes[1:], found, other) if tables.provides("spend.segment") else ())]


def _over_churn(
    period: Period, segment: Group, stays: pd.DataFrame, counted: tuple[int, int], life: Life, notes: Notes
) -> Row:
    """ARPA x margin ÷ churn; ``counted`` are the customers that churned, of how many customer-months."""
    churned, at_risk = counted
    told, each = {**notes, "segment": segment, "n": churned}, arpa(stays)
    if each is None or not at_risk:
        return row("ltv_margin", period, None, **told)
    monthly = each * life.margin
    told |= {"numerator": monthly, "denominator": churned / at_risk}
    if not churned:
        told["warnings"] = (*notes["warnings"], _capped(at_risk, life.horizon))
        return row("ltv_margin", period, monthly * life.horizon, **told)
    if churned < FEWEST:
        told["warnings"] = (*notes["warnings"], f"only {churned} churned: too few to divide by")
        return row("ltv_margin", period, None, status="insufficient", **told)
    whole, longest = monthly * at_risk, stays["months"].max()
    if at_risk / churned > longest:
        beyond = f"this churn stands for a life of {at_risk / churned:.0f} months; the longest so far is {longest:.0f}"
        told["warnings"] = (*notes["warnings"], beyond)
    return row("ltv_margin", period, whole / churned, interval=inverted(whole, churned), **told)


def _capped(at_risk: int, horizon: float) -> str:
    """What no churn in so many customer-months leaves open: the one-sided upper bound of its rate.

    >>> _capped(60, 60)
    'capped at 60 months: nobody churned in 60 customer-months, which leaves up to 4.87 % a month possible'
    """
    bound = 1 - ONE_SIDED ** (1 / at_risk)
    return (
        f"capped at {horizon:g} months: nobody churned in {at_risk} customer-months, "
        f"which leaves up to {bound * 100:.2f} % a month possible"
    )


def _over_life(period: Period, segment: Group, stays: pd.DataFrame, life: Life, notes: Notes) -> Row:
    """ARPA x margin x the mean months that a customer stays."""
    stays = stays.assign(mrr=stays["mrr"] * life.margin)
    told, each = {**notes, "segment": segment, "n": len(stays)}, arpa(stays)
    if each is None:
        return row("ltv_km", period, None, **told)
    months = mean_months(stays, life.horizon)
    if months is None:
        longest = stays["months"].max()
        why = f"nobody has been followed for {life.horizon:g} months, the longest for {longest:.1f}"
        told["warnings"] = (*notes["warnings"], f"{why}; lower ltv_horizon_months")
        return row("ltv_km", period, None, status="insufficient", **told)
    few = (FEW,) * dominated_by_few(stays.loc[stays["mrr"] > 0, "mrr"])
    capped = (f"capped: nobody has left, so each counts {life.horizon:g} months",) * (not stays["left"].any())
    told["warnings"] = (*notes["warnings"], *few, *capped)
    return row("ltv_km", period, each * months, interval=value_interval(stays, life.horizon), **told)


def _less(whole: Row, spend: float, n: int, notes: Notes) -> Row:
    """A lifetime value less spend per new customer."""
    segment = (whole.segment_by, whole.segment)
    told = {**notes, "segment": segment, "n": n, "warnings": (*whole.warnings, *notes["warnings"])}
    if whole.value is None:
        return row("ltv_net", whole.period, None, status=whole.status, **told)
    return row("ltv_net", whole.period, whole.value - spend / n if n else None, **told)


def _net_of_segments(wholes: list[Row], found: Cost, other: float) -> Iterator[Row]:
    """The same by segment, only where every cost names its segment: else a part of the cost would be left out."""
    spend, counts = found.spend.rows.groupby("segment")["amount"].sum(), found.customers.groupby("segment").size()
    partly = other or spend.get(NONE, 0.0)
    for whole in wholes:
        segment = (whole.segment_by, whole.segment)
        if partly or whole.segment not in spend:
            told = ["not all of the spend names a segment"]
            yield row("ltv_net", whole.period, None, status="insufficient", segment=segment, warnings=told)
        else:
            yield _less(whole, float(spend[whole.segment]), int(counts.get(whole.segment, 0)), {"warnings": ()})
