"""Departments by KPI (G01): who is held to what, which is shared, and which works against another's."""

from __future__ import annotations

from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from helpers.display.drawing import SMALL_SIZE, Chart, sheet
from helpers.display.marks import ROW, wrapped
from helpers.display.palette import BAD, LINE, QUIET, TEXT, ink, tint
from helpers.display.tables import Table

SHADES = {"held": 0.22, "shared": 0.8}
HEAD = 0.6  # inches above the first row


def alignment(table: Table) -> Chart:
    """One row per KPI, one column per department in hand-over order; shared cells are dark, opposed ones outlined.

    The table's first column names the KPIs; a cell is empty, ``held`` or ``shared``, and may say ``opposed`` after it.
    """
    listing = table.listing
    named, *columns = listing.columns
    if listing.rows.empty:
        return Chart(listing.caption, listing.when_empty, "", table)
    with sheet(HEAD + ROW * len(listing.rows)) as drawn:
        axes, dark = drawn.axes, ink(table.context.colour)
        for y, row in enumerate(listing.rows[columns].to_numpy().tolist()):
            for x, words in enumerate(row):
                _draw(axes, (x, y), words, dark)
        heads = [wrapped(listing.columns[name].label, max(8, 62 // len(columns)), 3) for name in columns]
        axes.set_xticks(range(len(columns)), heads, fontsize=SMALL_SIZE, color=QUIET)
        axes.xaxis.tick_top()
        names = [wrapped(str(name), 34, 1) for name in listing.rows[named]]
        axes.set_yticks(range(len(names)), names, fontsize=SMALL_SIZE, color=TEXT)
        axes.set_xlim(-0.5, len(columns) - 0.5)
        axes.set_ylim(len(names) - 0.5, -0.5)
    return Chart(listing.caption, _sentence(table), drawn.svg, table)


def _draw(axes: Axes, at: tuple[float, float], words: str, colour: str) -> None:
    held, _, opposed = words.partition(", ")
    face = tint(colour, SHADES[held]) if held else "white"
    edge, width = (BAD, 2.0) if opposed else (LINE, 0.5)
    corner, order = (at[0] - 0.47, at[1] - 0.42), 3 if opposed else 2
    axes.add_patch(Rectangle(corner, 0.94, 0.84, facecolor=face, edgecolor=edge, linewidth=width, zorder=order))
    ink_on = "white" if held == "shared" else TEXT
    axes.text(*at, words, ha="center", va="center", fontsize=SMALL_SIZE, color=ink_on, zorder=4)


def _sentence(table: Table) -> str:
    """How many of the KPIs are shared, which neighbours share none, and how many are opposed."""
    listing = table.listing
    _, *columns = listing.columns
    cells = listing.rows[columns]
    shared = int(cells.apply(lambda row: row.str.startswith("shared").any(), axis=1).sum())
    opposed = int(cells.apply(lambda row: row.str.endswith("opposed").any(), axis=1).sum())
    apart = [
        f"{listing.columns[first].label} and {listing.columns[second].label}"
        for first, second in pairwise(columns)
        if not ((cells[first] != "") & (cells[second] != "")).any()
    ]
    told = f"KPIs: {len(cells)}; shared by departments: {shared}; working against another: {opposed}"
    return f"{told}; neighbours that share none: {', '.join(apart) or 'none'}."
