"""Win rate, sales cycle and sales velocity: the parts of card K13, in total and by the source of the deals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from helpers import results
from helpers.errors import Refused
from helpers.kpis import deals
from helpers.results import Row
from helpers.statistics import aalen_johansen, kaplan_meier, wilson

if TYPE_CHECKING:
    import pandas as pd

    from helpers.data.known import Tables
    from helpers.periods import Period

Segment = tuple[str, str]
MANY = 30  # from so many cases on, a share is shown without its parts (specification 1.5)


def unrecorded_losses(tables: Tables) -> str:
    """Why there can be no win rate: many deals are won and none was ever lost, so losses are not recorded.

    Empty where there can be one.
    """
    deals_known = tables["deals"]
    counts = {name: deals_known.count(where=deals_known.outcome == name) for name in ("won", "lost")}
    [(won, lost)] = tables.fetch(deals_known.aggregate(**counts)).itertuples(index=False)
    if won < MANY or lost:
        return ""
    return f"no deal is recorded as lost and {won} are won: a win rate would be 100 %; give lost deals outcome 'lost'"


def win_rates(tables: Tables, period: Period, flow: pd.DataFrame) -> list[Row]:
    """``win_rate`` in total and by source, from the deals counted by :func:`helpers.kpis.deals.flow`."""
    return [_win_rate(period, segment, part) for segment, part in _segments(tables, flow)]


def cycles(tables: Tables, period: Period) -> list[Row]:
    """``sales_cycle_median`` in total and by source, of deals created in the four quarters that end with the period."""
    since = [*period.history(3), period][0].start
    window = {"window_start": since, "window_end": period.flow_end}
    waits = tables.fetch(deals.waits(tables, period, since))
    return [
        replace(_cycle(period, part), segment_by=by, segment=segment, params=window)
        for (by, segment), part in _segments(tables, waits)
    ]


def velocities(tables: Tables, period: Period, flow: pd.DataFrame, cycles: Iterable[Row]) -> list[Row]:
    """``sales_velocity`` in total and by source, from the win rate of the period and the median cycles given."""
    if not tables.provides("deals.amount"):
        return [results.not_provided("sales_velocity", period, "deals.amount")]
    try:
        amounts = tables.fetch(deals.won_amounts(tables, period))
    except Refused as refusal:
        return [results.refused("sales_velocity", period, str(refusal))]
    medians = {row.segment: row.value for row in cycles}
    flow = flow.merge(amounts, how="left", on="source")
    return [_velocity(period, segment, part, medians.get(segment[1])) for segment, part in _segments(tables, flow)]


def _segments(tables: Tables, frame: pd.DataFrame) -> list[tuple[Segment, pd.DataFrame]]:
    """The rows of all sources, then those of each, where deals have a source."""
    total = [(("", ""), frame)]
    if not tables.provides("deals.source"):
        return total
    return total + [(("source", str(source)), part) for source, part in frame.groupby("source")]


def _win_rate(period: Period, segment: Segment, flow: pd.DataFrame) -> Row:
    won, closed = int(flow["won"].sum()), int(flow[["won", "lost"]].sum().sum())
    interval = wilson(won, closed)
    return results.share("win_rate", period, won, closed, segment=segment, n=closed, interval=interval)


def _cycle(period: Period, waits: pd.DataFrame) -> Row:
    """The median day of winning. Lost deals leave the curve; what that overstates is told beside it."""
    won, lost = int((waits["cause"] == 1).sum()), int((waits["cause"] == 2).sum())
    curve = kaplan_meier(waits["days"], waits["cause"] == 1)
    notes = []
    if curve.median is None and len(waits):
        notes.append(f"not reached: {won} of {len(waits)} deals are won, {lost} lost, the others open")
    elif curve.median is not None and lost >= 0.05 * len(waits):
        by_then = aalen_johansen(waits["days"], waits["cause"]).at(curve.median)
        notes.append(
            f"{lost} of {len(waits)} deals were lost; of all of them, {by_then:.0%} were won "
            f"within {curve.median:g} days (Aalen–Johansen)"
        )
    return results.row(
        "sales_cycle_median", period, curve.median, n=len(waits), interval=curve.median_interval, warnings=notes
    )


def _velocity(period: Period, segment: Segment, flow: pd.DataFrame, median: float | None) -> Row:
    won, lost, waiting, amount, priced = flow[["won", "lost", "open", "amount", "priced"]].sum()
    excluded = {"no_amount": int(won - priced)}
    if not priced or median is None:
        missing = "deals won with an amount" if not priced else "a median sales cycle"
        return results.row(
            "sales_velocity", period, None, segment=segment, n=int(waiting), excluded=excluded,
            warnings=[f"undefined without {missing}"],
        )  # fmt: skip
    expected = waiting * won / (won + lost) * amount / priced
    return results.share("sales_velocity", period, expected, median, segment=segment, n=int(waiting), excluded=excluded)
