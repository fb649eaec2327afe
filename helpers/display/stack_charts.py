"""Columns stacked by the parts of a total."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from helpers.catalogue import kpi
from helpers.display.context import Results
from helpers.display.drawing import SMALL_SIZE, Chart, sheet
from helpers.display.formats import MONEY, format_value
from helpers.display.history import History
from helpers.display.marks import Label, column, end_labels, labelled, period_axis, wrapped, zero_axis
from helpers.display.palette import TEXT, ink, tint
from helpers.display.sentences import moved, nothing_drawn, title
from helpers.display.tables import Table
from helpers.errors import KitError
from helpers.results import Column, Listing
from helpers.texts import spoken

HEIGHT = 2.35
SHOWN = {"quarter": 8, "month": 12, "week": 12}
PARTS = 5  # more cannot be told apart; the smallest are then drawn as one
SHADES = (1.0, 0.66, 0.42, 0.24, 0.12)


def stacked(results: Results, history: History, segment_by: str) -> Chart:
    """One KPI as columns, each made of its segments, which are named beside the last column.

    Raises:
        KitError: the segments do not add up, since the KPI is neither money nor a count.
    """
    kpi_id, unit = history.kpi_ids[0], history.unit
    if unit not in (*MONEY, "count"):
        raise KitError(f"{kpi_id} is a {unit}: its segments do not add up; draw charts.bars(results, {kpi_id!r}, …)")
    periods, row = history.periods[-SHOWN[history.kind] :], results.shown(kpi_id)
    parts = _parts(results, history, segment_by).reindex(periods)
    heading = title(results, f"{kpi(kpi_id).label} by {segment_by.replace('_', ' ')}", unit, periods)
    told = moved(results, row, year_ago=True) if row is not None else kpi(kpi_id).label
    table = _table(results, parts, heading, unit)
    if not parts.fillna(0.0).to_numpy().any():
        return Chart(heading, f"{told}. {nothing_drawn(parts, results, unit)}", "", table)
    with sheet(HEIGHT) as drawn:
        _columns(drawn.axes, results, history.rows(kpi_id).loc[periods], _few(parts))
    return Chart(heading, f"{told}{_largest(results, parts, unit)}.", drawn.svg, table)


def _parts(results: Results, history: History, segment_by: str) -> pd.DataFrame:
    """One column per segment, the largest first, one row per period."""
    rows = results.segments(history.kpi_ids[0], segment_by, history.kind)
    rows = rows[rows["status"].isin(["ok", "partial"])]
    parts = rows.pivot(index="period", columns="segment", values="value")
    return parts[parts.abs().sum().sort_values(ascending=False, kind="stable").index]


def _few(parts: pd.DataFrame) -> pd.DataFrame:
    """The parts to draw: the largest, and the others as one."""
    if len(parts.columns) <= PARTS:
        return parts
    rest = parts.columns[PARTS - 1 :]
    return parts[parts.columns[: PARTS - 1]].assign(**{f"{len(rest)} others": parts[rest].sum(axis=1)})


def _columns(axes: Axes, results: Results, totals: pd.DataFrame, parts: pd.DataFrame) -> None:
    """What is positive is stacked upwards from zero, what is negative downwards."""
    colour, partial = ink(results.context.colour), list(totals["status"] == "partial")
    ends = {True: pd.Series(0.0, parts.index), False: pd.Series(0.0, parts.index)}
    labels = []
    for segment, shade in zip(parts.columns, SHADES, strict=False):
        for i, value in enumerate(parts[segment].fillna(0.0)):
            bottom = ends[value >= 0].iloc[i]
            column(axes, i, value, tint(colour, shade), partial=partial[i], bottom=bottom)
            ends[value >= 0].iloc[i] = bottom + value
        if value:
            labels.append(_named(results, segment, value, bottom + value / 2, totals["unit"].dropna().iloc[0]))
    zero_axis(axes, ends[True].max(), ends[False].min())
    _total_labels(axes, results, totals, ends[True])
    axes.set_xlim(-0.5, len(parts) - 0.65)
    period_axis(axes, list(parts.index), results.context.locale, partial)
    end_labels(axes, labels)


def _named(results: Results, segment: str, value: float, y: float, unit: str) -> Label:
    return Label(
        y, f"{spoken(wrapped(segment, 22, 1))}  {format_value(value, unit, **results.context.style)}", "", TEXT
    )


def _total_labels(axes: Axes, results: Results, totals: pd.DataFrame, tops: pd.Series) -> None:
    unit = totals["unit"].dropna().iloc[0]
    texts = [format_value(value, unit, **results.context.style) for value in totals["value"]]
    for i in labelled(texts):
        axes.annotate(
            texts[i], (i, tops.iloc[i]), (0, 3), textcoords="offset points", ha="center", fontsize=SMALL_SIZE,
            fontweight="bold",
        )  # fmt: skip


def _largest(results: Results, parts: pd.DataFrame, unit: str) -> str:
    """The largest part of the last period, with its share where no part is negative."""
    last, style = parts.iloc[-1].dropna(), results.context.style
    if last.empty or last.max() <= 0:
        return ""
    share = f" ({format_value(last.max() / last.sum(), 'share', **style)})" if (last >= 0).all() else ""
    return f"; largest part: {spoken(last.idxmax())}, {format_value(last.max(), unit, **style)}{share}"


def _table(results: Results, parts: pd.DataFrame, caption: str, unit: str) -> Table:
    names = {f"part {i}": str(name) for i, name in enumerate(parts.columns)}
    columns = {"period": Column("Period")} | {key: Column(name.replace("_", " "), unit) for key, name in names.items()}
    rows = parts.set_axis(list(names), axis=1).rename_axis("period").reset_index()
    return Table(Listing(caption, rows, columns, "No parts.", "period"), results.context)
