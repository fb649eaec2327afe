"""Columns stacked by the parts of a total."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from helpers.catalogue import kpi
from helpers.display.context import Results
from helpers.display.drawing import (
    SMALL_SIZE,
    Chart,
    Label,
    column,
    columns_labelled,
    end_labels,
    period_axis,
    sheet,
    wrapped,
    zero_axis,
)
from helpers.display.formats import MONEY, format_value
from helpers.display.history import History
from helpers.display.palette import TEXT, ink, tint
from helpers.display.sentences import moved, title
from helpers.display.tables import Table
from helpers.errors import KitError
from helpers.results import Column, Listing

HEIGHT = 2.6
STACKS = {"quarter": 8, "month": 12, "week": 12}
PARTS = 5  # more parts than that cannot be told apart; the smallest are drawn as one
SHADES = (1.0, 0.66, 0.42, 0.24, 0.12)


def stacked(results: Results, history: History, segment_by: str) -> Chart:
    """The parts of a total, one upon the other, named beside the last column."""
    (kpi_id,), known = history.kpi_ids, kpi(history.kpi_ids[0])
    if known.unit not in (*MONEY, "count"):
        raise KitError(f"{kpi_id} is a {known.unit}: its segments do not add up; draw bars(results, {kpi_id!r}, …)")
    periods = history.periods[-STACKS[history.kind] :]
    parts = _parts(results, history, segment_by).reindex(periods)
    row = results.shown(kpi_id)
    heading = title(results, f"{known.label} by {segment_by.replace('_', ' ')}", history.unit, periods)
    told = moved(results, row, year_ago=True) if row is not None else known.label
    table = _part_table(results, parts, heading, known.unit)
    if parts.empty or not parts.notna().any(axis=None):
        return Chart(heading, f"{told}. No parts to draw.", "", table)
    told += _largest(results, parts, known.unit)
    with sheet(HEIGHT) as drawn:
        _stacks(drawn.axes, results, history.rows(kpi_id).loc[periods], _few(parts))
    return Chart(heading, f"{told}.", drawn.svg, table)


def _parts(results: Results, history: History, segment_by: str) -> pd.DataFrame:
    """One column per segment, the largest first, one row per period."""
    rows = results.segments(history.kpi_ids[0], segment_by, history.kind)
    rows = rows[rows["status"].isin(["ok", "partial"])]
    parts = rows.pivot(index="period", columns="segment", values="value")
    return parts[parts.abs().sum().sort_values(ascending=False, kind="stable").index]


def _few(parts: pd.DataFrame) -> pd.DataFrame:
    if len(parts.columns) <= PARTS:
        return parts
    rest = parts.columns[PARTS - 1 :]
    return parts[parts.columns[: PARTS - 1]].assign(**{f"{len(rest)} others": parts[rest].sum(axis=1, min_count=1)})


def _stacks(axes: Axes, results: Results, totals: pd.DataFrame, parts: pd.DataFrame) -> None:
    colour, style, unit = ink(results.context.colour), results.context.style, totals["unit"].dropna().iloc[0]
    labels, tops = [], [0.0] * len(parts)
    bottoms = [0.0] * len(parts)
    for segment, shade in zip(parts.columns, SHADES, strict=False):
        for i, value in enumerate(parts[segment].fillna(0.0)):
            ends = tops if value >= 0 else bottoms
            partial = totals["status"].iloc[i] == "partial"
            column(axes, i, value, tint(colour, shade), partial=partial, bottom=ends[i])
            ends[i] += value
            if i == len(parts) - 1 and value:
                middle = ends[i] - value / 2
                labels.append(
                    Label(middle, f"{wrapped(str(segment), 22, 1)}  {format_value(value, unit, **style)}", "", TEXT)
                )
    zero_axis(axes, max(tops), min(bottoms))
    for i in columns_labelled(widest(results, totals), len(parts)):
        axes.annotate(
            format_value(totals["value"].iloc[i], unit, **style), (i, tops[i]), (0, 3), textcoords="offset points",
            ha="center", fontsize=SMALL_SIZE, fontweight="bold",
        )  # fmt: skip
    axes.set_xlim(-0.5, len(parts) - 0.65)
    period_axis(axes, [str(p) for p in parts.index], style["locale"], list(totals["status"] == "partial"))
    end_labels(axes, labels)


def _largest(results: Results, parts: pd.DataFrame, unit: str) -> str:
    """The largest part of the last period, with its share where no part is negative."""
    last = parts.iloc[-1].dropna()
    if last.empty or last.max() <= 0:
        return ""
    style = results.context.style
    share = f" ({format_value(last.max() / last.sum(), 'share', **style)})" if (last >= 0).all() else ""
    return f"; largest part: {str(last.idxmax()).replace('_', ' ')}, {format_value(last.max(), unit, **style)}{share}"


def _part_table(results: Results, parts: pd.DataFrame, caption: str, unit: str) -> Table:
    names: Sequence[str] = [str(name) for name in parts.columns]
    columns = {"period": Column("Period")} | {f"part {name}": Column(name.replace("_", " "), unit) for name in names}
    rows = parts.set_axis(list(columns)[1:], axis=1).rename_axis("period").reset_index()
    return Table(Listing(caption, rows, columns, "No parts.", "period"), results.context)
