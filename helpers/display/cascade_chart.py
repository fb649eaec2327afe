"""The parts of a mean as bars that begin where the one before ended, and the mean itself as all of them in one bar."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from helpers.display.drawing import SMALL_SIZE, Chart, sheet
from helpers.display.formats import format_phrase, format_value
from helpers.display.marks import BAR, ROW, at_edge, beside, rows_axis
from helpers.display.palette import QUIET, TEXT, ink, tint
from helpers.display.tables import Table
from helpers.texts import spoken

KEY = "hatched: waiting; solid: work; pale: not told which"
PARTS = ("waiting", "working", "untold")


def cascade(table: Table, total: str) -> Chart:
    """How the parts of a mean add up to it: one row per part, the largest first, and in the last one all together.

    The table has one row per part, named in its first column: ``days``, of these ``waiting`` and ``working``, and
    ``earlier``, if it is there, what the part was before. ``total`` names the sum.
    """
    listing = table.listing
    if listing.rows.empty:
        return Chart(listing.caption, listing.when_empty, "", table)
    rows = listing.rows.assign(name=listing.rows.iloc[:, 0])
    rows = rows.assign(untold=(rows["days"] - rows["waiting"] - rows["working"]).clip(lower=0))
    if not rows["days"].sum() > 0:
        return Chart(listing.caption, f"{total}: 0 days, so nothing is drawn.", "", table)
    with sheet(ROW * (len(rows) + 1) + 0.3) as drawn:
        _rows(drawn.axes, rows, table)
        _sum(drawn.axes, rows, table)
        rows_axis(drawn.axes, [*rows["name"], total])
        drawn.axes.margins(x=0.12)
        key = KEY + ("; right: the cohort before" if "earlier" in rows else "")
        drawn.axes.set_title(key, loc="left", fontsize=SMALL_SIZE, color=QUIET)
    return Chart(f"{listing.caption}, days", _sentence(rows, table, total), drawn.svg, table)


def _rows(axes: Axes, rows: pd.DataFrame, table: Table) -> None:
    """Each part from where the part before it ended."""
    style, end = table.context.style, 0.0
    for y, (_, row) in enumerate(rows.iterrows()):
        _bar(axes, y, end, row, table)
        end += row["days"]
        share = format_value(row["days"] / rows["days"].sum(), "share", **style)
        beside(axes, (end, y), f"{_days(row['days'], table)}  ({share})")
        if "earlier" in rows:
            at_edge(axes, y, _days(row["earlier"], table))


def _sum(axes: Axes, rows: pd.DataFrame, table: Table) -> None:
    """All parts in one bar, and what they add up to."""
    end, y = 0.0, len(rows)
    for _, row in rows.iterrows():
        _bar(axes, y, end, row, table)
        end += row["days"]
        axes.plot([end, end], [y - BAR / 2, y + BAR / 2], color="white", linewidth=1.2)
    beside(axes, (end, y), _days(end, table))
    if "earlier" in rows:
        at_edge(axes, y, _days(rows["earlier"].sum(), table))
    axes.axhline(y - 0.5, color=TEXT, linewidth=0.6)


def _bar(axes: Axes, y: float, start: float, row: pd.Series, table: Table) -> None:
    """A bar of what was waiting, what was work, and what is neither."""
    colour = ink(table.context.colour)
    looks: dict[str, Any] = {
        "waiting": {"facecolor": "white", "edgecolor": colour, "hatch": "/////", "linewidth": 0.8},
        "working": {"color": colour},
        "untold": {"color": tint(colour, 0.25)},
    }
    for part in PARTS:
        if row[part] > 0:
            axes.barh(y, row[part], BAR, left=start, **looks[part])
            start += row[part]


def _days(value: float, table: Table) -> str:
    return format_value(round(value, 1), "days", **table.context.style)


def _sentence(rows: pd.DataFrame, table: Table, total: str) -> str:
    """The mean, its largest part, and how much of it was waiting."""
    style, mean = table.context.style, float(rows["days"].sum())
    largest = rows.iloc[int(rows["days"].to_numpy().argmax())]
    share, waiting = (format_value(part / mean, "share", **style) for part in (largest["days"], rows["waiting"].sum()))
    name = spoken(largest["name"])
    return (
        f"{total}: {format_phrase(mean, 'days', **style)}; the largest part is {name} with "
        f"{format_phrase(largest['days'], 'days', **style)} ({share}); {waiting} of the days were waiting."
    )
