"""A dot for each customer by what it gave and what it got, and a column for how often each of a few numbers comes."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from matplotlib.ticker import FixedLocator, NullLocator

from helpers.display.charts.frame import SMALL_SIZE, Chart, counted, not_drawn, sheet, wrapped
from helpers.display.palette import QUIET, TEXT, tint
from helpers.display.shown_tables import Table
from helpers.language import _

SCATTER_HEIGHT, COUNTS_HEIGHT = 2.3, 1.4  # inches
NAME = 18  # characters below a column
ROOM = 1.25  # by how much the axes reach beyond the least and the most


def scatter(table: Table, given: str, got: str, things: str) -> Chart:
    """One dot per row by two amounts above 0, on scales of equal steps, and the line on which both are equal.

    ``things`` are what the rows are. What lacks one of the two is in the table alone; a dot above the line, which got
    more than it gave, is filled.
    """
    if table.rows.empty:
        return not_drawn(table)
    rows = table.rows[(table.rows[given] > 0) & (table.rows[got] > 0)]
    if rows.empty:
        none = _("Of {things}, none has both amounts above 0, so nothing is drawn.")
        return not_drawn(table, none.format(things=counted(len(table.rows), things, table.write)))
    heads = {name: table.listing.columns[name] for name in (given, got)}
    ends = rows[[given, got]].to_numpy()
    low, high = float(ends.min()) / ROOM, float(ends.max()) * ROOM
    is_above = rows[got] >= rows[given]
    with sheet(SCATTER_HEIGHT, table.context) as drawn:
        axes = drawn.axes
        for axis, name in ((axes.xaxis, given), (axes.yaxis, got)):
            axis.set_ticks_position("none")
            axis.set_label_text(heads[name].label, fontsize=SMALL_SIZE, color=QUIET)
        axes.set_xscale("log")
        axes.set_yscale("log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(FixedLocator(_ticks(low, high)))
            axis.set_minor_locator(NullLocator())
            axis.set_major_formatter(lambda value, _at: drawn.write.value(value, heads[given].unit))
        axes.grid(color=tint(QUIET, 0.2), linewidth=0.6)
        axes.tick_params(labelcolor=QUIET, labelsize=SMALL_SIZE)
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)
        axes.plot([low, high], [low, high], color=TEXT, linewidth=1)
        for above, (_i, row) in zip(is_above, rows.iterrows(), strict=True):
            look: dict[str, Any] = {"markeredgecolor": drawn.ink, "markerfacecolor": drawn.ink if above else "none"}
            [dot] = axes.plot(row[given], row[got], "o", markersize=4.5, clip_on=False, zorder=5, **look)
            told = _("{name}: {value}")
            values = [
                told.format(name=head.label, value=drawn.write.phrase(row[name], head.unit))
                for name, head in heads.items()
            ]
            drawn.mark(dot, row.iloc[0], _("; ").join(values))
        drawn.key(_("on the line both are equal; filled: above it; each step of a scale multiplies"))
    return Chart(table.listing.caption, _scatter_sentence(table, rows, given, got, things), drawn.svg, table)


def counts(table: Table) -> Chart:
    """One column per row, in their order: how often what the first column names is there, which the second one counts.

    Where the third column is a share, it stands below the name, with its heading.
    """
    rows, write = table.rows, table.write
    if rows.empty:
        return not_drawn(table)
    name, count, *more = table.listing.columns
    names = [wrapped(str(each), NAME, 1) for each in rows[name]]
    if more and table.listing.columns[more[0]].unit == "share":
        heading = table.listing.columns[more[0]].label
        shares = [write.value(share, "share") for share in rows[more[0]]]
        told = _("{name}: {value}")
        names = [
            "\n".join([each, told.format(name=heading, value=share)]) for each, share in zip(names, shares, strict=True)
        ]
    with sheet(COUNTS_HEIGHT, table.context) as drawn:
        bar = drawn.axes.bar(range(len(rows)), rows[count], 0.6, facecolor=drawn.ink)
        drawn.marks(bar, rows[name], rows[count], "count")
        drawn.zero_axis(float(rows[count].max()))
        for i, n in enumerate(rows[count]):
            drawn.text((i, float(n)), write.value(n, "count"), (0, 3), side="above", bold=True)
        drawn.axes.set_xticks(range(len(rows)), names, fontsize=SMALL_SIZE, color=TEXT)
        drawn.axes.set_xlim(-0.6, max(len(rows), 4) - 0.4)
    most = rows.iloc[int(rows[count].to_numpy().argmax())]
    total, share = rows[count].sum(), most[count] / rows[count].sum()
    sentence = _("{name}: most often {most}, with {part} of {whole} ({share}).").format(
        name=table.listing.columns[name].label, most=most[name], part=write.value(most[count], "count"),
        whole=write.value(total, "count"), share=write.value(share, "share"),
    )  # fmt: skip
    return Chart(table.listing.caption, sentence, drawn.svg, table)


def _ticks(low: float, high: float) -> list[float]:
    """Amounts between two ends, each as many times the one before, so that they stand evenly on a scale of steps."""
    tens = 10.0 ** math.floor(math.log10(low))
    first = next((start for start in (10 * tens, math.ceil(low / tens) * tens) if start <= high), low)
    for factor in (10, 5, 2):
        below, above = (int(math.log(end / first, factor)) for end in (low, high))
        found = [first * float(factor) ** power for power in range(below, above + 1)]
        if len(found) >= 3:
            break
    return found


def _scatter_sentence(table: Table, rows: pd.DataFrame, given: str, got: str, things: str) -> str:
    """How many got at least as much as they gave, and how what all got compares with what they gave."""
    write, columns = table.write, table.listing.columns
    above = write.value(int((rows[got] >= rows[given]).sum()), "count")
    ratio = write.value(rows[got].sum() / rows[given].sum(), "ratio")
    return _("{above} of {things} lie on the line or above it; together, “{got}” is {ratio} times “{given}”.").format(
        above=above, things=counted(len(rows), things, write), got=columns[got].label, ratio=ratio,
        given=columns[given].label,
    )  # fmt: skip
