"""Small results with values that can be checked by eye; nothing here comes from the cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from helpers import results as long_table
from helpers.display.context import Context, Results
from helpers.periods import Calendar, Period
from helpers.results import Interval, Row

Q3 = Calendar().period("2026Q3")


def review(*rows: Row, targets: Mapping[str, float] | None = None, period: Period = Q3, **context: Any) -> Results:
    plans = {key: {period.label: target} for key, target in (targets or {}).items()} | context.pop("plans", {})
    return Results(long_table.frame(rows), Context(period, context.pop("currency", "EUR"), plans=plans, **context))


def quarters(kpi_id: str, values: Sequence[float | None], *, period: Period = Q3, **more: Any) -> list[Row]:
    """One row per value, the last of the review period, those before it of the quarters before."""
    periods = [*period.history(len(values) - 1), period]
    return [long_table.row(kpi_id, p, v, **more) for p, v in zip(periods, values, strict=True)]


def months(kpi_id: str, values: Sequence[float | None], *, period: Period = Q3, **more: Any) -> list[Row]:
    return [long_table.row(kpi_id, p, v, **more) for p, v in zip(period.months(len(values)), values, strict=True)]


def share(kpi_id: str, k: float, n: float, *, period: Period = Q3, **more: Any) -> Row:
    return long_table.row(kpi_id, period, k / n if n else None, numerator=k, denominator=n, n=int(n), **more)


def interval(low: float | None, high: float | None) -> Interval:
    return Interval(low, high, 0.95, "Wilson")


def partial_quarter(last_known_day: str) -> Period:
    return Calendar().period("2026Q3", date.fromisoformat(last_known_day))


NAMES = [
    "<script>alert(1)</script>",
    'O\'Brien "Q" & Söhne',
    "x" * 300,
    "😀 emoji",
    "--> $x_1$ \\alpha",
    "株式会社 שלום",
    "bell\x07",
]
