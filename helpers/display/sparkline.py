"""Sparklines: a KPI's last periods as a small line, its usual range as a band behind it."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence

import pandas as pd

from helpers.catalogue import kpi
from helpers.display.context import Results, Series
from helpers.display.formats import format_period, format_value
from helpers.display.palette import BAND, QUIET, TONES, ink
from helpers.display.signals import Verdict

SPARK_PERIODS = 12
WIDTH, HEIGHT, PAD = 120, 30, 4
COLUMN, COLUMNS_HEIGHT = 8, 15  # of a series in a table


def sparkline(results: Results, kpi_id: str, found: Verdict) -> dict[str, str]:
    """The picture and its alternative text; both empty where there are not two values to join.

    The band is only drawn behind the series that it was judged by.
    """
    series = _series(results, kpi_id, found)
    known = series[series["value"].notna()]
    if len(known) < 2:
        return {"sparkline_svg": "", "sparkline_alt": ""}
    own = found.subject == kpi_id and found.kind == _kind(results, kpi_id, found)
    band = found.range if own else None
    svg = _svg(list(series["value"]), band, _mark(series, found if own else None), ink(results.context.colour))
    return {"sparkline_svg": svg, "sparkline_alt": _alt(results, known, band)}


def series_svg(text: str) -> str:
    """Counts over time (``"3 0 1"``) as little columns on a line, the highest as tall as the picture.

    >>> series_svg("2 1").count("<rect")
    3
    """
    counts = [float(count) for count in text.split()]
    highest = max(counts, default=0) or 1
    heights = [round(count / highest * (COLUMNS_HEIGHT - 1), 1) for count in counts]
    marks = [
        f'<rect x="{i * COLUMN}" y="{round(COLUMNS_HEIGHT - 1 - height, 1)}" width="{COLUMN - 2}" height="{height}" '
        f'fill="{QUIET}"/>'
        for i, height in enumerate(heights)
        if height
    ]
    width = COLUMN * len(counts)
    line = f'<rect x="0" y="{COLUMNS_HEIGHT - 1}" width="{width - 2}" height="1" fill="{QUIET}"/>'
    size = f'width="{width}" height="{COLUMNS_HEIGHT}" viewBox="0 0 {width} {COLUMNS_HEIGHT}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{line}{"".join(marks)}</svg>'


def data_url(svg: str) -> str:
    """An SVG as the address of an ``img``, where its ids and styles stay its own."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _kind(results: Results, kpi_id: str, found: Verdict) -> Series:
    if found.subject == kpi_id and found.state != "not judged":
        return found.kind
    months = results.period.kind == "quarter" and kpi(kpi_id).monthly
    return "month" if months and len(results.series(kpi_id, "month")) > 1 else results.period.kind


def _series(results: Results, kpi_id: str, found: Verdict) -> pd.DataFrame:
    series = results.series(kpi_id, _kind(results, kpi_id, found)).tail(SPARK_PERIODS)
    return series.assign(value=series["value"].where(series["status"].isin(["ok", "partial"])))


def _mark(series: pd.DataFrame, found: Verdict | None) -> str:
    """How the last point is drawn: a signal as a diamond of its tone, a partial value hollow."""
    if series["status"].iloc[-1] == "partial":
        return "hollow"
    judged = found is not None and found.period == series["period"].iloc[-1]
    return f"signal {found.tone}".strip() if found and judged and found.state == "signal" else "plain"


def _svg(values: Sequence[float], band: tuple[float, float] | None, mark: str, colour: str) -> str:
    ends = [v for v in (*values, *(band or ())) if math.isfinite(v)]
    low, high = min(ends), max(ends)
    step = (WIDTH - 2 * PAD) / (len(values) - 1)

    def y(value: float) -> float:
        bounded = min(max(value, low), high)
        share = (bounded - low) / (high - low) if high > low else 0.5
        return round(HEIGHT - PAD - share * (HEIGHT - 2 * PAD), 1)

    points = [(round(PAD + i * step, 1), y(v)) for i, v in enumerate(values) if not math.isnan(v)]
    gaps = [i for i, v in enumerate(values) if math.isnan(v)]
    shapes = [_path(points, [round(PAD + i * step, 1) for i in gaps], colour), _point(points[-1], mark, colour)]
    if band:
        top, bottom = y(band[1]), y(band[0])
        height = round(max(bottom - top, 1), 1)
        shapes.insert(0, f'<rect x="0" y="{top}" width="{WIDTH}" height="{height}" fill="{BAND}"/>')
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(shapes)}</svg>'


def _path(points: Sequence[tuple[float, float]], gaps: Sequence[float], colour: str) -> str:
    """One line through the points, broken at the gaps."""
    moves = []
    for i, (x, y) in enumerate(points):
        broken = i == 0 or any(points[i - 1][0] < gap < x for gap in gaps)
        moves.append(f"{'M' if broken else 'L'}{x} {y}")
    return (
        f'<path d="{"".join(moves)}" fill="none" stroke="{colour}" stroke-width="1.5" '
        'stroke-linejoin="round" stroke-linecap="round"/>'
    )


def _point(at: tuple[float, float], mark: str, colour: str) -> str:
    x, y = at
    if mark.startswith("signal"):
        fill = TONES[mark.removeprefix("signal").strip()]
        return f'<path d="M{x} {y - 4:.1f}L{x + 4:.1f} {y}L{x} {y + 4:.1f}L{x - 4:.1f} {y}Z" fill="{fill}"/>'
    fill = "#ffffff" if mark == "hollow" else colour
    return f'<circle cx="{x}" cy="{y}" r="2.2" fill="{fill}" stroke="{colour}"/>'


def _alt(results: Results, known: pd.DataFrame, band: tuple[float, float] | None) -> str:
    style, unit = results.context.style, known["unit"].iloc[0]
    first, last = (format_period(known["period"].iloc[i], style["locale"]) for i in (0, -1))
    shown = [format_value(known["value"].iloc[i], unit, **style) for i in (0, -1)]
    usual = " to ".join(format_value(end, unit, **style) for end in band or ())
    return f"{first} {shown[0]} to {last} {shown[1]}" + (f"; usual range {usual}" if band else "")
