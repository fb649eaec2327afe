"""Objectives as bars: how much of its way each has come, against how much of its time is gone."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from helpers.display.context import Results
from helpers.display.drawing import SMALL_SIZE, Chart, sheet
from helpers.display.marks import BAR, ROW, beside, rows_axis
from helpers.display.objectives import OFF_PACE, STANDINGS, Objective, objectives_in
from helpers.display.palette import QUIET, TEXT, ink, tint
from helpers.display.sentences import title
from helpers.display.tables import Table
from helpers.results import Column, Listing


def pace(results: Results) -> Chart:
    """One bar per objective, its progress, on the outline of the whole way; a tick marks the time gone."""
    found = [each for each in objectives_in(results) if pd.notna(each.row["value"])]
    heading = title(results, "Progress of objectives, and the time gone", "share", [results.period.label])
    table = _table(found, results, heading)
    if not found:
        return Chart(heading, f"No objective has a figure in {results.period.label}.", "", table)
    with sheet(ROW * 1.35 * (len(found) + 1)) as drawn:
        axes, colour = drawn.axes, ink(results.context.colour)
        for y, each in enumerate(found):
            axes.barh(y, 1, BAR, color=tint(colour, 0.1), edgecolor=tint(colour, 0.5), linewidth=0.6)
            axes.barh(y, each.done, BAR - 0.3, color=tint(colour, 0.85))
            axes.plot([each.gone] * 2, [y - 0.38, y + 0.38], color=TEXT, linewidth=2.2, solid_capstyle="butt")
            words = f"{each.share(each.done)}  {STANDINGS.get(each.standing, 'not final')}"
            beside(axes, (max(each.done, 1.0), y), words)
        rows_axis(axes, [each.name for each in found])
        ends = [each.done for each in found]
        axes.set_xlim(1.1 * min(0.0, *ends), 1.35 * max(1.0, *ends))
        axes.set_title("outlined: the whole way; tick: the time gone", loc="left", fontsize=SMALL_SIZE, color=QUIET)
    return Chart(heading, _sentence(found), drawn.svg, table)


def _sentence(found: Sequence[Objective]) -> str:
    """How many are on pace, and which is farthest behind."""
    behind = [each for each in found if each.standing in OFF_PACE]
    on = sum(bool(each.standing) for each in found) - len(behind)
    are = f"{on} {'is' if on == 1 else 'are'} on pace or achieved"
    told = f"Of {len(found)} objective{'s' * (len(found) != 1)} with a figure, {are}."
    if not behind:
        return told
    last = min(behind, key=lambda each: each.done - each.gone)
    ways = f"{last.share(last.done)} of the way, {last.share(last.gone)} of the time gone"
    return f"{told} Farthest behind is “{last.name}”: {ways}."


def _table(found: Sequence[Objective], results: Results, heading: str) -> Table:
    columns = {
        "objective": Column("Objective"),
        "done": Column("Progress", "share"),
        "gone": Column("Time gone", "share"),
        "n": Column("n", "count"),
        "standing": Column("Status"),
    }
    rows = [[each.name, each.done, each.gone, each.row["n"], each.standing.replace("_", " ") or None] for each in found]
    frame = pd.DataFrame(rows, columns=list(columns))
    return Table(Listing(heading, frame, columns, "No objective has a figure.", "objective"), results.context)
