"""Small pictures without axes: a KPI's last periods as a line on its usual range, and a table's counts as columns."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence

from helpers.catalogue import kpi
from helpers.display.context import Results, Series
from helpers.display.formats import format_period
from helpers.display.palette import BAND, FILLS, QUIET
from helpers.display.signals import Verdict
from helpers.language import _

WIDTH, HEIGHT, PAD = 120, 30, 4
BAR, FULL_BAR = 60, 0.25  # the width of a bar of variance, and the share of the target that fills half of it
COLUMN, COLUMNS_HEIGHT = 8, 15  # of a series in a table


def sparkline(
    results: Results, kpi_id: str, found: Verdict, of: Series | None = None, periods: int = 12
) -> dict[str, str]:
    """The picture and its alternative text; both empty where there are not two values to join.

    It is of the series that the KPI was judged by, with its usual range as a band, else of months where it has them;
    or of the kind ``of``.
    """
    judged = of in (None, found.kind) and found.subject == kpi_id and found.state != "not judged"
    by_month = results.period.kind == "quarter" and kpi(kpi_id).monthly and len(results.series(kpi_id, "month")) > 1
    kind = of or (found.kind if judged else "month" if by_month else results.period.kind)
    series = results.series(kpi_id, kind).tail(periods)
    series = series.assign(value=series["value"].where(series["status"].isin(["ok", "partial"])))
    with_value = series[series["value"].notna()]
    if len(with_value) < 2:
        return {"sparkline_svg": "", "sparkline_alt": ""}
    band, point, write = found.range if judged else None, "plain", results.write
    if series["status"].iloc[-1] == "partial":
        point = "hollow"
    elif judged and found.state == "signal" and found.period == series["period"].iloc[-1]:
        point = found.tone
    ends = (with_value.iloc[0], with_value.iloc[-1])
    (first, start), (last, end) = (
        (format_period(row["period"]), write.value(row["value"], row["unit"])) for row in ends
    )
    words = _("{first} {start} to {last} {end}").format(first=first, start=start, last=last, end=end)
    if band:
        low, high = (write.value(each, ends[0]["unit"]) for each in band)
        words = _("{sentence}; usual range {low} to {high}").format(sentence=words, low=low, high=high)
    svg = _svg(list(series["value"]), band, point, results.context.ink)
    return {"sparkline_svg": svg, "sparkline_alt": words}


def series_svg(text: str) -> str:
    """Counts over time (``"3 0 1"``) as little columns on a line, the highest as tall as the picture.

    >>> series_svg("2 1").count("<rect")
    3
    """
    counts = [float(count) for count in text.split()]
    highest = max(counts, default=0) or 1
    heights = [round(count / highest * (COLUMNS_HEIGHT - 1), 1) for count in counts]
    columns = [
        f'<rect x="{i * COLUMN}" y="{round(COLUMNS_HEIGHT - 1 - height, 1)}" width="{COLUMN - 2}" height="{height}" '
        f'fill="{QUIET}"/>'
        for i, height in enumerate(heights)
        if height
    ]
    width = COLUMN * len(counts)
    line = f'<rect x="0" y="{COLUMNS_HEIGHT - 1}" width="{width - 2}" height="1" fill="{QUIET}"/>'
    return _svg_element(width, COLUMNS_HEIGHT, line, *columns)


def variance_bar(gap: float, tone: str) -> str:
    """A bar from the middle to the right, above the target, or to the left; one that is longer than its room is cut.

    >>> variance_bar(0.125, "good").count("<rect")
    2
    """
    half, height = BAR // 2, 10
    length = round(min(abs(gap) / FULL_BAR, 1) * half, 1)
    left = half if gap > 0 else half - length
    shapes = [f'<rect x="{left}" y="1" width="{length}" height="{height - 2}" fill="{FILLS[tone]}"/>']
    if abs(gap) > FULL_BAR:
        at = BAR - 6 if gap > 0 else 4
        shapes.append(f'<rect x="{at}" y="0" width="2" height="{height}" fill="#ffffff"/>')
    axis = f'<rect x="{half - 0.5}" y="0" width="1" height="{height}" fill="{QUIET}"/>'
    return _svg_element(BAR, height, *shapes, axis)


def data_url(svg: str) -> str:
    """An SVG as the address of an ``img``, where its ids and styles stay its own."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _svg_element(width: int, height: int, *shapes: str) -> str:
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(shapes)}</svg>'


def _svg(values: Sequence[float], band: tuple[float, float] | None, point: str, colour: str) -> str:
    """The line, broken where a value is missing, its last point, and the band behind it."""
    ends = [v for v in (*values, *(band or ())) if math.isfinite(v)]
    low, high = min(ends), max(ends)

    def y(value: float) -> float:
        bounded = min(max(value, low), high)
        share = (bounded - low) / (high - low) if high > low else 0.5
        return round(HEIGHT - PAD - share * (HEIGHT - 2 * PAD), 1)

    steps = [round(PAD + i * (WIDTH - 2 * PAD) / (len(values) - 1), 1) for i in range(len(values))]
    moves, last = "", (0.0, 0.0)
    for i, value in enumerate(values):
        if not math.isnan(value):
            last = (steps[i], y(value))
            moves += f"{'M' if i == 0 or math.isnan(values[i - 1]) else 'L'}{last[0]} {last[1]}"
    line = (
        f'<path d="{moves}" fill="none" stroke="{colour}" stroke-width="1.5" '
        'stroke-linejoin="round" stroke-linecap="round"/>'
    )
    shapes = [line, _point(last, point, colour)]
    if band:
        top, bottom = y(band[1]), y(band[0])
        height = round(max(bottom - top, 1), 1)
        shapes.insert(0, f'<rect x="0" y="{top}" width="{WIDTH}" height="{height}" fill="{BAND}"/>')
    return _svg_element(WIDTH, HEIGHT, *shapes)


def _point(at: tuple[float, float], point: str, colour: str) -> str:
    """The last point: by the tone of a signal a large dot (good news) or a diamond; else ``hollow`` or ``plain``."""
    x, y = at
    if point == "good":
        return f'<circle cx="{x}" cy="{y}" r="3.6" fill="{FILLS[point]}"/>'
    if point in FILLS:
        return f'<path d="M{x} {y - 4:.1f}L{x + 4:.1f} {y}L{x} {y + 4:.1f}L{x - 4:.1f} {y}Z" fill="{FILLS[point]}"/>'
    fill = "#ffffff" if point == "hollow" else colour
    return f'<circle cx="{x}" cy="{y}" r="2.2" fill="{fill}" stroke="{colour}"/>'
