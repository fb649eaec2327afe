"""Single customers: a dot for each, by the day it started, and timelines of the stages that each passed."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from babel.dates import format_skeleton
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from helpers.display.drawing import SMALL_SIZE, Chart, sheet
from helpers.display.formats import format_phrase, format_value
from helpers.display.marks import beside, rows_axis, value_axis, wrapped
from helpers.display.palette import BAD, QUIET, TEXT, ink, tint
from helpers.display.tables import Table

HEIGHT, LINE_OF_ONE = 2.35, 0.3
PER_LINE = 6  # stages of the legend
SHADES = (1.0, 0.78, 0.6, 0.45, 0.32, 0.2)
MARKS = {"has value": "o", "still waiting": "o", "left before": "x"}
DO = {"has value": "have value", "still waiting": "still wait", "left before": "left before they had it"}


def dots(table: Table) -> Chart:
    """One dot per customer: how many days, by the day on which its clock started.

    The table has one row per customer: ``start_on``, ``days`` and ``state``, of which ``still waiting`` is hollow.
    """
    listing = table.listing
    rows = listing.rows
    if rows.empty:
        return Chart(listing.caption, listing.when_empty, "", table)
    with sheet(HEIGHT) as drawn:
        value_axis(drawn.axes, table, "days")
        present = [state for state in MARKS if (rows["state"] == state).any()]
        for state in present:
            _dots(drawn.axes, rows[rows["state"] == state], state, table)
        drawn.axes.set_ylim(bottom=0)
        _months(drawn.axes, pd.to_datetime(rows["start_on"]), table.context.locale)
        words = {"has value": "filled: has value", "still waiting": "hollow: still waiting, days so far",
                 "left before": "cross: left before"}  # fmt: skip
        key = "; ".join(words[state] for state in present)
        drawn.axes.set_title(key, loc="left", fontsize=SMALL_SIZE, color=QUIET)
    return Chart(listing.caption, _dots_sentence(rows, table), drawn.svg, table)


def timelines(table: Table) -> Chart:
    """One line per customer: the stages that it passed, in days after its clock started.

    The table has one row per stretch of a stage: the customer in its first column, ``customer_id``, ``stage``,
    ``kind``, ``from_day``, ``to_day`` and ``total``, the days at which its way ends; one without any stage is a row
    without these.
    """
    listing = table.listing
    rows = listing.rows
    if rows.empty:
        return Chart(listing.caption, listing.when_empty, "", table)
    shades = _shades(rows)
    customers = dict.fromkeys(rows["customer_id"])
    with sheet(LINE_OF_ONE * len(customers) + 0.35 + 0.2 * math.ceil(len(shades) / PER_LINE)) as drawn:
        for y, customer in enumerate(customers):
            _timeline(drawn.axes, y, rows[rows["customer_id"] == customer], shades, table)
        names = rows.drop_duplicates("customer_id").iloc[:, 0]
        rows_axis(drawn.axes, [str(name) for name in names])
        _legend(drawn.axes, shades, rows, table)
        drawn.axes.margins(x=0.06)
    return Chart(f"{listing.caption}, days", _timelines_sentence(rows, table), drawn.svg, table)


def _dots(axes: Axes, rows: pd.DataFrame, state: str, table: Table) -> None:
    colour = BAD if state == "left before" else ink(table.context.colour)
    face = "none" if state == "still waiting" else colour
    axes.plot(
        pd.to_datetime(rows["start_on"]).map(pd.Timestamp.toordinal), rows["days"], linestyle="none",
        marker=MARKS[state], markersize=5, markerfacecolor=face, markeredgecolor=colour, clip_on=False, zorder=5,
    )  # fmt: skip


def _months(axes: Axes, days: pd.Series, locale: str) -> None:
    """A tick at the first of some months, so many that their names fit."""
    first, last = days.min().to_period("M"), days.max().to_period("M") + 1
    count = (last - first).n
    shown = [first + i for i in range(0, count + 1, math.ceil((count + 1) / 7))]
    labels = [format_skeleton("yMMM", month.to_timestamp().date(), locale=locale) for month in shown]
    axes.set_xticks([month.to_timestamp().toordinal() for month in shown], labels, fontsize=SMALL_SIZE, color=TEXT)
    axes.set_xlim(first.to_timestamp().toordinal() - 5, last.to_timestamp().toordinal())


def _dots_sentence(rows: pd.DataFrame, table: Table) -> str:
    """How many are where, and the longest of each."""
    style, told = table.context.style, []
    for state in MARKS:
        part = rows[rows["state"] == state]
        if len(part):
            longest = format_phrase(part["days"].max(), "days", **style)
            told.append(f"{format_value(len(part), 'count', **style)} {DO[state]}, the longest after {longest}")
    return f"Of {format_value(len(rows), 'count', **style)} customers: {'; '.join(told)}."


def _shades(rows: pd.DataFrame) -> dict[str, float]:
    """A shade per stage, the most days first; of many, the last ones share the palest."""
    days = (rows["to_day"] - rows["from_day"]).groupby(rows["stage"]).sum().sort_values(ascending=False, kind="stable")
    return {str(stage): SHADES[min(i, len(SHADES) - 1)] for i, stage in enumerate(days.index)}


def _timeline(axes: Axes, y: int, rows: pd.DataFrame, shades: dict[str, float], table: Table) -> None:
    """The stages of one customer, those that overlap below each other, and the day of value."""
    stretches = rows.dropna(subset="from_day")
    lanes = _lanes(stretches)
    height = 0.72 / (max(lanes, default=0) + 1)
    for lane, (_, row) in zip(lanes, stretches.iterrows(), strict=True):
        top = y - 0.36 + lane * height
        axes.barh(
            top + height / 2, row["to_day"] - row["from_day"], height * 0.9, left=row["from_day"],
            **_look(str(row["stage"]), str(row["kind"]), shades, table),
        )  # fmt: skip
    total = float(rows["total"].iloc[0])
    axes.plot([total], [y], marker="D", markersize=4.5, color=TEXT, zorder=6)
    beside(axes, (total, y), f" {format_value(total, 'days', **table.context.style)}")


def _lanes(rows: pd.DataFrame) -> list[int]:
    """For each stretch the first lane that is free when it begins."""
    ends: list[float] = []
    found = []
    for start, end in zip(rows["from_day"], rows["to_day"], strict=True):
        lane = next((i for i, taken in enumerate(ends) if taken <= start), len(ends))
        ends[lane:] = [end, *ends[lane + 1 :]]
        found.append(lane)
    return found


def _look(stage: str, kind: str, shades: dict[str, float], table: Table) -> dict[str, Any]:
    colour = tint(ink(table.context.colour), shades[stage])
    if kind == "waiting":
        return {"facecolor": "white", "edgecolor": colour, "hatch": "/////", "linewidth": 0.8}
    return {"facecolor": colour, "edgecolor": colour, "linewidth": 0.8}


def _legend(axes: Axes, shades: dict[str, float], rows: pd.DataFrame, table: Table) -> None:
    kinds = rows.dropna(subset=["from_day", "kind"]).groupby("stage")["kind"].first()
    handles = [
        Patch(label=wrapped(stage, 18, 1), **_look(stage, str(kinds.get(stage)), shades, table)) for stage in shades
    ]
    if handles:
        axes.legend(
            handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=PER_LINE, frameon=False,
            fontsize=SMALL_SIZE, borderpad=0, handlelength=1.6, columnspacing=1.2,
        )  # fmt: skip


def _timelines_sentence(rows: pd.DataFrame, table: Table) -> str:
    """The longest and the shortest way, and the stage that took most of the days on all of them."""
    style = table.context.style
    totals = rows.drop_duplicates("customer_id").set_index(rows.columns[0])["total"]
    ends = [
        f"{end[0]} with {format_phrase(end[1], 'days', **style)}"
        for end in ((totals.idxmax(), totals.max()), (totals.idxmin(), totals.min()))
    ]
    shades = _shades(rows)
    told = f"The longest way is that of {ends[0]}, the shortest that of {ends[1]}"
    most = f"; the stage open on most days is {next(iter(shades)).replace('_', ' ')}" if shades else ""
    return f"{told}{most}. A diamond is the day of first value; hatched is waiting."
