"""Estimates with their intervals, one row each: effects of experiments, links, what a score was worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.ticker import MaxNLocator, MultipleLocator

from helpers.display.charts.frame import ROW, SMALL_SIZE, Chart, not_drawn, sheet
from helpers.display.palette import LINE, QUIET, TEXT
from helpers.display.shown_tables import Table
from helpers.language import _, enumerated, message

DOTTED = message("dotted: the least effect looked for")
ON_GRID = 1.6  # in the order of drawing: over the grid, under the intervals


def intervals(table: Table, *, nothing: float = 0.0, marks: Sequence[float] = (), key: str = DOTTED) -> Chart:
    """One dot per row of the table, ``value``, with a whisker from ``low`` to ``high``.

    The line stands at the value that says nothing, dotted ones at the ``marks``; ``key`` says what these are. What has
    no value, or no interval, is in the table alone.
    """
    rows = table.rows if table.rows.empty else table.rows.dropna(subset=["value", "low", "high"])
    if rows.empty:
        return not_drawn(table)
    with sheet(ROW * 1.25 * (len(rows) + 1.4), table.context) as drawn:
        axes = drawn.axes
        for y, (_i, row) in enumerate(rows.iterrows()):
            clear = row["low"] > nothing or row["high"] < nothing
            axes.plot([row["low"], row["high"]], [y, y], color=drawn.ink, linewidth=1.6, solid_capstyle="butt")
            look: dict[str, Any] = {"color": drawn.ink, "markerfacecolor": drawn.ink if clear else "white"}
            [dot] = axes.plot(row["value"], y, "o", markersize=6, **look)
            text = drawn.write.value(row["value"], "ratio")
            reach = drawn.write.interval(row["low"], row["high"], "ratio")
            drawn.mark(dot, row.iloc[0], _("{value} (95% interval {interval})").format(value=text, interval=reach))
            drawn.edge_text(y, text, bold=True, colour=TEXT)
        drawn.row_axis(rows.iloc[:, 0], from_zero=False)
        axes.axvline(nothing, color=TEXT, linewidth=0.9, zorder=ON_GRID)
        for mark in marks:
            axes.axvline(mark, color=QUIET, linewidth=0.9, linestyle=(0, (2, 2)), zorder=ON_GRID)
        ends = [*rows["low"], *rows["high"], *marks, nothing]
        room = 0.06 * (max(ends) - min(ends))
        axes.set_xlim(min(ends) - room, max(ends) + room)
        axes.xaxis.set_major_formatter(lambda value, _: drawn.write.value(value, "ratio"))
        ticks = MaxNLocator(6).tick_values(*axes.get_xlim())
        axes.xaxis.set_major_locator(MultipleLocator(max(ticks[1] - ticks[0], 0.01)))  # as ratios are written
        axes.tick_params(axis="x", bottom=False, labelbottom=True, labelcolor=QUIET, labelsize=SMALL_SIZE)
        axes.grid(axis="x", color=LINE, linewidth=0.5)
        drawn.key(_("; ").join([_("filled: the interval excludes the line"), *[_(key)] * bool(marks)]))
    return Chart(table.listing.caption, _sentence(table, rows, nothing), drawn.svg, table)


def _sentence(table: Table, rows: pd.DataFrame, nothing: float) -> str:
    """Which of them differ from nothing, in words."""
    clear = rows[(rows["low"] > nothing) | (rows["high"] < nothing)]
    line = table.write.value(nothing, "ratio")
    if clear.empty:
        return _("Of {n}, the interval of none excludes {line}.").format(n=len(rows), line=line)
    return _("Of {n}, the interval of {clear} excludes {line}: {names}.").format(
        n=len(rows), clear=len(clear), line=line, names=enumerated(map(str, clear.iloc[:, 0]))
    )
