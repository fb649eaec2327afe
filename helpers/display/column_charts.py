"""Columns over time: with the year before beside them, or stacked by the parts of a total."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from helpers.catalogue import kpi
from helpers.display.context import Results, Series
from helpers.display.drawing import (
    SMALL_SIZE,
    Chart,
    Label,
    columns_labelled,
    end_labels,
    period_axis,
    sheet,
    wrapped,
    zero_axis,
)
from helpers.display.formats import MONEY, format_change, format_relative, format_value
from helpers.display.history import History
from helpers.display.palette import QUIET, TEXT, TONES, ink, tint
from helpers.display.sentences import moved, title
from helpers.display.signals import change_tone
from helpers.display.tables import Table
from helpers.errors import KitError
from helpers.results import Column, Listing

HEIGHT = 2.6
COLUMN = 0.5  # of the distance between two periods
SHOWN = {"quarter": 5, "month": 12, "week": 12}  # columns with the year before beside them
STACKS = {"quarter": 8, "month": 12, "week": 12}
PARTS = 5  # more parts than that cannot be told apart; the smallest are drawn as one
SHADES = (1.0, 0.66, 0.42, 0.24, 0.12)


def columns(results: Results, kpi_id: str, kind: Series | None = None, segment_by: str = "") -> Chart:
    """A KPI over time as columns from zero.

    Without ``segment_by``: beside each the lighter column of the year before, above it the change; the target of the
    review period is outlined. With it: columns stacked by segment, of a KPI whose segments add up.
    What is not final is hatched.

    Raises:
        KitError: the KPI is a rate or a median, whose segments do not add up.
    """
    history = History(results, [kpi_id], kind or results.period.kind)
    if segment_by:
        return _stacked(results, history, segment_by)
    rows = history.rows(kpi_id).tail(SHOWN[history.kind])
    row = results.shown(kpi_id)
    heading = title(results, kpi(kpi_id).label, history.unit, [str(label) for label in rows.index])
    told = moved(results, row, year_ago=True) + "." if row is not None else ""
    if not rows["value"].count():
        return Chart(heading, f"{told} No values to draw.".strip(), "", history.table())
    with sheet(HEIGHT) as drawn:
        _paired(drawn.axes, results, history, rows)
    return Chart(heading, told, drawn.svg, history.table())


def _paired(axes: Axes, results: Results, history: History, rows: pd.DataFrame) -> None:
    """Columns of actual values over the lighter ones of the year before."""
    colour, before = ink(results.context.colour), [results.year_before(row) for row in _as_rows(rows)]
    values_before = [None if row is None else float(row["value"]) for row in before]
    shift = 0.1 if any(value is not None for value in values_before) else 0.0
    for i, value in enumerate(values_before):
        if value is not None:
            axes.bar(i - shift, value, COLUMN, color=tint(colour, 0.3))
    for i, row in enumerate(_as_rows(rows)):
        _column(axes, i + shift, row["value"], colour, partial=row["status"] == "partial")
    target = _target(axes, results, rows, shift)
    drawn = [float(v) for v in [*rows["value"], *values_before, target] if v is not None and v == v]
    zero_axis(axes, max(drawn), min(drawn))
    for i in columns_labelled(_widest(results, rows), len(rows)):
        _label(axes, results, i + shift, rows.iloc[i], values_before[i])
    partial = list(rows["status"] == "partial")
    axes.set_xlim(-0.6, len(rows) - 0.4)
    period_axis(axes, [str(label) for label in rows.index], results.context.locale, partial)
    key = {
        "light: the year before": shift > 0,
        "outlined: target": target is not None,
        "hatched: to date": any(partial),
    }
    axes.set_title("; ".join(word for word, is_there in key.items() if is_there), loc="left", fontsize=7, color=QUIET)


def _as_rows(rows: pd.DataFrame) -> list[pd.Series]:
    return [row for _, row in rows.reset_index().iterrows()]


def _widest(results: Results, rows: pd.DataFrame) -> int:
    unit = rows["unit"].dropna().iloc[0]
    return max(len(format_value(value, unit, **results.context.style)) for value in rows["value"])


def _column(axes: Axes, x: float, value: float, colour: str, *, partial: bool, bottom: float = 0.0) -> None:
    """One column; what is not final is hatched."""
    if partial:
        axes.bar(x, value, COLUMN, bottom, color="white", edgecolor=colour, hatch="/////", linewidth=0.8)
    else:
        axes.bar(x, value, COLUMN, bottom, color=colour, edgecolor="white", linewidth=0.5 if bottom else 0)


def _label(axes: Axes, results: Results, x: float, row: pd.Series, before: float | None) -> None:
    """The value above its column (below a negative one), and beyond it the change on the year before."""
    if row["value"] != row["value"]:
        axes.annotate("–", (x, 0), (0, 3), textcoords="offset points", ha="center", color=QUIET)
        return
    value, unit, style = float(row["value"]), row["unit"], results.context.style
    sign, align = (1, "bottom") if value >= 0 else (-1, "top")
    change, tone = "", ""
    if before is not None:
        relative = format_relative(value, before, locale=style["locale"]) if unit in (*MONEY, "count") else ""
        change = relative or format_change(value, before, unit, **style)
        tone = TONES[change_tone(row["kpi_id"], value - before)]
    words = [(format_value(value, unit, **style), TEXT, "bold"), (change, tone, "regular")]
    for i, (text, colour, weight) in enumerate(words[: 2 if change else 1]):
        axes.annotate(
            text, (x, value), (0, sign * (3 + 9.5 * i)), textcoords="offset points", ha="center", va=align,
            fontsize=SMALL_SIZE, color=colour, fontweight=weight,
        )  # fmt: skip


def _target(axes: Axes, results: Results, rows: pd.DataFrame, shift: float) -> float | None:
    """The outlined column of the review period's target."""
    kpi_id = rows["kpi_id"].dropna().iloc[0]
    target = results.target(kpi_id)
    if target is None or results.period.label not in rows.index:
        return None
    x = list(rows.index).index(results.period.label) + shift
    axes.bar(x + shift, target, COLUMN, color="none", edgecolor=TEXT, linewidth=0.9, zorder=3)
    text = f"target\n{format_value(target, kpi(kpi_id).unit, **results.context.style)}"
    axes.annotate(
        text, (x + shift + COLUMN / 2, target), (4, 0), textcoords="offset points", va="top", fontsize=SMALL_SIZE,
        color=TEXT, annotation_clip=False,
    )  # fmt: skip
    return target


def _stacked(results: Results, history: History, segment_by: str) -> Chart:
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
            _column(axes, i, value, tint(colour, shade), partial=partial, bottom=ends[i])
            ends[i] += value
            if i == len(parts) - 1 and value:
                middle = ends[i] - value / 2
                labels.append(
                    Label(middle, f"{wrapped(str(segment), 22, 1)}  {format_value(value, unit, **style)}", "", TEXT)
                )
    zero_axis(axes, max(tops), min(bottoms))
    for i in columns_labelled(_widest(results, totals), len(parts)):
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
