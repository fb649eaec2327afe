"""Charts of KPIs over time: lines, and the XmR chart of a history with its usual range."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from helpers.catalogue import kpi
from helpers.display.context import Results, Series
from helpers.display.drawing import Chart, sheet
from helpers.display.formats import format_period, format_value
from helpers.display.history import History
from helpers.display.marks import Label, end_labels, period_axis, value_axis, wrapped
from helpers.display.palette import BAND, QUIET, TONES, ink, tint
from helpers.display.sentences import moved, nothing_drawn, title
from helpers.display.signals import ENOUGH, Verdict, judged_series, subject_of, verdict
from helpers.errors import KitError

HEIGHT = 2.35
STROKES: tuple[tuple[float, Any], ...] = ((1, "-"), (0.55, "-"), (1, (0, (4, 2))), (0.55, (0, (4, 2))))


def lines(results: Results, *kpi_ids: str, kind: Series | None = None, reference: float | None = None) -> Chart:
    """KPIs of one unit over time, each labelled at its end; ``reference`` is a value to compare them with.

    A whisker is the interval of the last value, a hollow point a value to date, a hollow square a target.

    Raises:
        KitError: the KPIs have different units.
    """
    history = History(results, kpi_ids, kind or results.period.kind)
    heading = title(results, history.names, history.unit, history.periods)
    told = _told(results, kpi_ids)
    drawable = [k for k in kpi_ids if history.rows(k)["value"].count() > 1]
    if drawable and not any(history.rows(k)["value"].any() for k in drawable):
        values = pd.concat([history.rows(k)[["value"]] for k in drawable])
        return Chart(heading, f"{told} {nothing_drawn(values, results, history.unit)}", "", history.table())
    if not drawable:
        return Chart(heading, f"{told} Fewer than two values: there is no line to draw.", "", history.table())
    with sheet(HEIGHT) as drawn:
        axes = drawn.axes
        value_axis(axes, results, history.unit)
        labels = [
            _line(axes, results, history.rows(k), stroke)
            for k, stroke in zip(drawable, STROKES * len(drawable), strict=False)
        ]
        if reference is not None:
            axes.axhline(reference, color=QUIET, linewidth=0.8, linestyle=(0, (2, 2)))
            words = format_value(reference, history.unit, **results.context.style)
            labels.append(Label(reference, f"reference {words}"))
        _frame(axes, results, history)
        end_labels(axes, labels)
    return Chart(heading, told, drawn.svg, history.table())


def xmr(results: Results, kpi_id: str) -> Chart:
    """The history that a KPI is judged by: its average, its usual range as a band, and the values beyond it.

    Overlapping windows are drawn by their quarterly variant. A series too short for limits is a plain line.

    Raises:
        KitError: the KPI is one whose history says nothing of what is usual.
    """
    subject = subject_of(kpi_id)
    if not subject:
        why = "it is a stock that trends, a window that overlaps, or a part of another KPI"
        raise KitError(f"{kpi_id} is not judged by its history: {why}; draw charts.lines(results, {kpi_id!r})")
    found, history = verdict(results, kpi_id), History(results, [subject], judged_series(results, subject)[0])
    heading, rows = title(results, kpi(subject).label, history.unit, history.periods), history.rows(subject)
    told = _verdict_sentence(results, history, found)
    if rows["value"].nunique() < 2:
        same = " All known values are the same, so no line is drawn." if rows["value"].count() > 1 else ""
        return Chart(heading, told + same, "", history.table())
    with sheet(HEIGHT) as drawn:
        value_axis(drawn.axes, results, history.unit)
        labels = [*_limits(drawn.axes, results, found), _judged_line(drawn.axes, results, rows, found)]
        _frame(drawn.axes, results, history)
        end_labels(drawn.axes, labels)
    return Chart(heading, told, drawn.svg, history.table())


def _told(results: Results, kpi_ids: Sequence[str]) -> str:
    rows = {kpi_id: results.shown(kpi_id) for kpi_id in kpi_ids}
    return " ".join(
        f"{kpi(k).label} was not computed." if row is None else f"{moved(results, row, year_ago=True)}."
        for k, row in rows.items()
    )


def _frame(axes: Axes, results: Results, history: History) -> None:
    axes.use_sticky_edges = False
    axes.margins(y=0.08)
    axes.set_xlim(-0.4, len(history.periods) - 0.7)
    period_axis(axes, history.periods, results.context.locale, history.partial())


def _line(axes: Axes, results: Results, rows: pd.DataFrame, stroke: tuple[float, Any]) -> Label:
    """One KPI; its label stands at its last value."""
    colour, style = tint(ink(results.context.colour), stroke[0]), results.context.style
    axes.plot(range(len(rows)), rows["value"], color=colour, ls=stroke[1], linewidth=1.8, marker="o", markersize=3.5)
    _hollow(axes, rows, colour)
    known = rows["value"].notna().to_numpy().nonzero()[0][-1]
    last = rows.iloc[known]
    if not (math.isnan(last["ci_low"]) or math.isnan(last["ci_high"])):
        reach = [[last["value"] - last["ci_low"]], [last["ci_high"] - last["value"]]]
        axes.errorbar([known], [last["value"]], yerr=reach, fmt="none", ecolor=colour, elinewidth=0.9, capsize=2.5)
    text = wrapped(last["label"])
    if (target := results.target(last["kpi_id"])) is not None and results.period.label in rows.index:
        at = list(rows.index).index(results.period.label)
        axes.plot([at], [target], marker="s", markersize=6, markerfacecolor="none", markeredgecolor=colour)
        text += f"\ntarget {format_value(target, last['unit'], **style)}"
    shade = colour if stroke[0] == 1 else QUIET  # a lighter line is seen, lighter text is not read
    return Label(last["value"], text, format_value(last["value"], last["unit"], **style), shade)


def _hollow(axes: Axes, rows: pd.DataFrame, colour: str) -> None:
    """What is not final is an empty point."""
    to_date = [(i, v) for i, (v, s) in enumerate(zip(rows["value"], rows["status"], strict=True)) if s == "partial"]
    for i, value in to_date:
        axes.plot([i], [value], marker="o", markersize=4.5, markerfacecolor="white", markeredgecolor=colour)


def _limits(axes: Axes, results: Results, found: Verdict) -> list[Label]:
    """The band of the usual range and the average, with their labels."""
    if found.range is None or found.limits.mean is None:
        return []
    low, high = found.range
    axes.axhspan(low, high, color=BAND, zorder=0, linewidth=0)
    axes.axhline(found.limits.mean, color=QUIET, linewidth=0.8)
    words = {"upper limit": high, "average": found.limits.mean, "lower limit": low}
    unit, style = kpi(found.subject).unit, results.context.style
    return [Label(value, f"{name} {format_value(value, unit, **style)}") for name, value in words.items()]


def _judged_line(axes: Axes, results: Results, rows: pd.DataFrame, found: Verdict) -> Label:
    """The values; those beyond the range are diamonds, in the tone of what they mean."""
    colour, values = ink(results.context.colour), list(rows["value"])
    axes.plot(range(len(values)), values, color=colour, linewidth=1.2, marker="o", markersize=3)
    _hollow(axes, rows, colour)
    low, high = found.range or (-math.inf, math.inf)
    for i, (period, value) in enumerate(zip(rows.index, values, strict=True)):
        last = found.state == "signal" and period == found.period
        if (value < low or value > high) or last:
            side = found.side if last else 1 if value > high else -1
            axes.plot([i], [value], marker="D", markersize=6.5, color=TONES[found.tone_of(side)], zorder=5)
    known = rows[rows["value"].notna()].iloc[-1]
    name = format_period(str(known.name), results.context.locale)
    return Label(known["value"], name, format_value(known["value"], known["unit"], **results.context.style), colour)


def _verdict_sentence(results: Results, history: History, found: Verdict) -> str:
    subject = history.kpi_ids[0]
    label, row = kpi(subject).label, results.now(subject)
    if found.limits.mean is None:
        count = history.rows(subject)["value"].count()
        value = f"{label} was not computed" if row is None else moved(results, row)
        return f"{value}. No usual range is drawn: it takes {ENOUGH} {history.kind}s with a value, known: {count}."
    name = format_period(found.period, results.context.locale)
    value = format_value(found.value, kpi(subject).unit, **results.context.style)
    signal = "a signal, " if found.state == "signal" else ""
    basis = f"The usual range is that of the first {found.limits.baseline} {found.kind}s"
    return f"{label}, {name}: {value}, {signal}{found.what}. {basis}."
