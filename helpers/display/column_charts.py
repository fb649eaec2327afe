"""Columns over time, with the year before beside them, or stacked by the parts of a total."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.axes import Axes

from helpers.catalogue import kpi
from helpers.display.context import Results
from helpers.display.drawing import SMALL_SIZE, Chart, sheet
from helpers.display.formats import MONEY, format_change, format_relative, format_value
from helpers.display.history import History
from helpers.display.marks import COLUMN, column, labelled, period_axis, zero_axis
from helpers.display.palette import QUIET, TEXT, TONES, ink, tint
from helpers.display.sentences import moved, nothing_drawn, title
from helpers.display.signals import change_tone

HEIGHT = 2.35
SHOWN = {"quarter": 5, "month": 12, "week": 12}
SHIFT = 0.1  # how far a column and that of the year before stand off their period
PLAN = 0.14  # the width of a target's column


def paired(results: Results, history: History) -> Chart:
    """One KPI as columns, beside each the lighter one of the year before and above it the change on that."""
    kpi_id = history.kpi_ids[0]
    rows, row = history.rows(kpi_id).tail(SHOWN[history.kind]), results.shown(kpi_id)
    heading = title(results, kpi(kpi_id).label, history.unit, list(rows.index))
    told = moved(results, row, year_ago=True) if row is not None else kpi(kpi_id).label
    if not rows["value"].fillna(0.0).any():
        return Chart(heading, f"{told}. {nothing_drawn(rows[['value']], results, history.unit)}", "", history.table())
    with sheet(HEIGHT) as drawn:
        _columns(drawn.axes, results, rows)
    return Chart(heading, f"{told}.", drawn.svg, history.table())


def _columns(axes: Axes, results: Results, rows: pd.DataFrame) -> None:
    colour, kpi_id = ink(results.context.colour), rows["kpi_id"].dropna().iloc[0]
    before = _year_before(results, rows)
    shift = SHIFT if before.count() else 0.0
    plan = results.target(kpi_id) if results.period.label in rows.index else None
    for i, (_, row) in enumerate(rows.iterrows()):
        axes.bar(i - shift, before.iloc[i], COLUMN, color=tint(colour, 0.3))
        column(axes, i + shift, row["value"], colour, partial=row["status"] == "partial")
    tops = pd.concat([rows["value"], before], axis=1)
    ends = [float(end) for end in (*rows["value"], *before, plan or 0.0) if not math.isnan(end)]
    zero_axis(axes, max(ends), min(ends))
    texts = [format_value(value, kpi(kpi_id).unit, **results.context.style) for value in rows["value"]]
    for i in labelled(texts):
        _label(axes, results, (i + shift, tops.iloc[i].max()), rows.iloc[i], before.iloc[i])
    if plan is not None:
        edge = list(rows.index).index(results.period.label) + shift + COLUMN / 2
        _target(axes, format_value(plan, kpi(kpi_id).unit, **results.context.style), edge, plan)
    axes.set_xlim(-0.6, len(rows) - 0.4)
    partial = list(rows["status"] == "partial")
    period_axis(axes, list(rows.index), results.context.locale, partial)
    key = ["light: the year before"] * bool(shift) + ["outlined: target"] * (plan is not None)
    axes.set_title("; ".join(key + ["hatched: to date"] * any(partial)), loc="left", fontsize=SMALL_SIZE, color=QUIET)


def _year_before(results: Results, rows: pd.DataFrame) -> pd.Series:
    """The value of the year before for each period; missing where there is none to compare with."""
    found = [results.year_before(row) for _, row in rows.reset_index().iterrows()]
    return pd.Series([math.nan if row is None else float(row["value"]) for row in found], rows.index, name="before")


def _label(axes: Axes, results: Results, top: tuple[float, float], row: pd.Series, before: float) -> None:
    """The value above the columns (below a negative one), and beyond it the change on the year before."""
    value, style = row["value"], results.context.style
    above = not value < 0
    at = (top[0], max(top[1], 0.0) if above else value)
    words = [(format_value(value, row["unit"], **style), TEXT, "bold")]
    if not math.isnan(before) and not math.isnan(value):
        words.append((_difference(row, before, style), TONES[change_tone(row["kpi_id"], value - before)], "normal"))
    for i, (text, colour, weight) in enumerate(words):
        axes.annotate(
            text, at if not math.isnan(at[1]) else (top[0], 0), (0, (3 + 9.5 * i) * (1 if above else -1)),
            textcoords="offset points", ha="center", va="bottom" if above else "top", fontsize=SMALL_SIZE,
            color=colour, fontweight=weight,
        )  # fmt: skip


def _difference(row: pd.Series, before: float, style: dict[str, str]) -> str:
    """The change in percent where that says something, else in the unit."""
    relative = ""
    if row["unit"] in (*MONEY, "count"):
        relative = format_relative(row["value"], before, locale=style["locale"])
    return relative or format_change(row["value"], before, row["unit"], **style)


def _target(axes: Axes, text: str, edge: float, value: float) -> None:
    """The plan: a narrow outlined column beside that of the review period."""
    axes.bar(edge + PLAN / 2 + 0.03, value, PLAN, color="none", edgecolor=TEXT, linewidth=0.9)
    axes.annotate(
        f"target\n{text}", (edge + PLAN + 0.03, value), (4, 0), textcoords="offset points", va="top",
        fontsize=SMALL_SIZE, annotation_clip=False,
    )  # fmt: skip
