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
        return stacked(results, history, segment_by)
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
        column(axes, i + shift, row["value"], colour, partial=row["status"] == "partial")
    target = _target(axes, results, rows, shift)
    drawn = [float(v) for v in [*rows["value"], *values_before, target] if v is not None and v == v]
    zero_axis(axes, max(drawn), min(drawn))
    for i in columns_labelled(widest(results, rows), len(rows)):
        planned = target if rows.index[i] == results.period.label else None
        beside = [v for v in (values_before[i], planned) if v is not None]
        _label(axes, results, (i + shift, max([rows["value"].iloc[i], *beside])), rows.iloc[i], values_before[i])
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


def widest(results: Results, rows: pd.DataFrame) -> int:
    unit = rows["unit"].dropna().iloc[0]
    return max(len(format_value(value, unit, **results.context.style)) for value in rows["value"])


def column(axes: Axes, x: float, value: float, colour: str, *, partial: bool, bottom: float = 0.0) -> None:
    """One column; what is not final is hatched."""
    if partial:
        axes.bar(x, value, COLUMN, bottom, color="white", edgecolor=colour, hatch="/////", linewidth=0.8)
    else:
        axes.bar(x, value, COLUMN, bottom, color=colour, edgecolor="white", linewidth=0.5 if bottom else 0)


def _label(axes: Axes, results: Results, top: tuple[float, float], row: pd.Series, before: float | None) -> None:
    """The value above the columns (below a negative one), and beyond it the change on the year before."""
    if row["value"] != row["value"]:
        axes.annotate("–", (top[0], 0), (0, 3), textcoords="offset points", ha="center", color=QUIET)
        return
    value, unit, style = float(row["value"]), row["unit"], results.context.style
    sign, align, y = (1, "bottom", top[1]) if value >= 0 else (-1, "top", value)
    change, tone = "", ""
    if before is not None:
        relative = format_relative(value, before, locale=style["locale"]) if unit in (*MONEY, "count") else ""
        change = relative or format_change(value, before, unit, **style)
        tone = TONES[change_tone(row["kpi_id"], value - before)]
    words = [(format_value(value, unit, **style), TEXT, "bold"), (change, tone, "regular")]
    for i, (text, colour, weight) in enumerate(words[: 2 if change else 1]):
        axes.annotate(
            text, (top[0], y), (0, sign * (3 + 9.5 * i)), textcoords="offset points", ha="center", va=align,
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
