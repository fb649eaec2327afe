"""Charts on slides: PowerPoint's own, which can be edited, in colours of the theme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pptx.chart.data import CategoryChartData
from pptx.enum.chart import (
    XL_CHART_TYPE,
    XL_LABEL_POSITION,
    XL_LEGEND_POSITION,
    XL_MARKER_STYLE,
    XL_TICK_LABEL_POSITION,
)
from pptx.enum.dml import MSO_LINE, MSO_THEME_COLOR
from pptx.util import Pt

from helpers.pack.slide_room import SMALLEST, SMALLEST_IN_TABLES, in_words, shortened

MARKS = {"good": (XL_MARKER_STYLE.CIRCLE, 13), "bad": (XL_MARKER_STYLE.DIAMOND, 15), "": (XL_MARKER_STYLE.SQUARE, 11)}


@dataclass(frozen=True)
class Series:
    """A line, or columns, of a chart."""

    name: str
    values: Sequence[float | None]
    role: Literal["actual", "plan", "average", "limit"] = "actual"


@dataclass(frozen=True)
class Drawing:
    """A chart: its title and alternative text, its periods, its series, of which the first is the actual one.

    ``marked`` holds the places of values that stand out, and whether each is ``good`` or ``bad`` news; ``labelled``
    those whose figure stands beside them.
    """

    title: str
    alt: str
    periods: Sequence[str]
    series: Sequence[Series]
    number_format: str
    columns: bool
    marked: Mapping[int, str]
    labelled: Sequence[int]


def chart_data(drawing: Drawing) -> tuple[Any, CategoryChartData]:
    """The kind of a chart, and its values."""
    data = CategoryChartData(number_format=drawing.number_format)
    data.categories = drawing.periods
    for series in drawing.series:
        data.add_series(series.name, series.values)
    return XL_CHART_TYPE.COLUMN_CLUSTERED if drawing.columns else XL_CHART_TYPE.LINE_MARKERS, data


def look_of_chart(chart: Any, drawing: Drawing, width: int) -> None:
    """The look: colours of the theme, small text at 12 points, the last value labelled."""
    chart.font.size = Pt(SMALLEST_IN_TABLES)
    chart.font.color.theme_color = MSO_THEME_COLOR.TEXT_1
    chart.has_title = True
    title = chart.chart_title.text_frame
    title.text = shortened(in_words(drawing.title), width / Pt(SMALLEST), 2)
    title.paragraphs[0].runs[0].font.size, title.paragraphs[0].runs[0].font.bold = Pt(SMALLEST), False
    chart.has_legend = len(drawing.series) > 1
    if chart.has_legend:
        chart.legend.position, chart.legend.include_in_layout = XL_LEGEND_POSITION.BOTTOM, False
    chart.value_axis.tick_labels.number_format = drawing.number_format or "General"
    chart.value_axis.tick_labels.number_format_is_linked = False
    for line in (chart.value_axis.major_gridlines.format.line, chart.value_axis.format.line):
        _draw(line, MSO_THEME_COLOR.BACKGROUND_1, 0.75)
        line.color.brightness = -0.15
    chart.category_axis.tick_label_position = XL_TICK_LABEL_POSITION.LOW
    plot = chart.plots[0]
    if drawing.columns:
        plot.gap_width, plot.overlap = 60, 0
    for shown_as, series in zip(plot.series, drawing.series, strict=True):
        (_look_of_columns if drawing.columns else _look_of_line)(shown_as, series.role)
    _mark(plot.series[0], drawing)


def _draw(line: Any, colour: Any, width: float) -> None:
    line.width = Pt(width)
    line.color.theme_color = colour


def _look_of_columns(series: Any, role: str) -> None:
    if role == "actual":
        series.format.fill.solid()
        series.format.fill.fore_color.theme_color = MSO_THEME_COLOR.ACCENT_1
    else:
        series.format.fill.background()
        _draw(series.format.line, MSO_THEME_COLOR.TEXT_1, 1.25)
    series.invert_if_negative = False


def _look_of_line(series: Any, role: str) -> None:
    series.smooth = False
    series.marker.style = XL_MARKER_STYLE.NONE
    _draw(series.format.line, MSO_THEME_COLOR.TEXT_1, 1.0)
    if role == "limit":
        series.format.line.dash_style = MSO_LINE.DASH
    elif role == "plan":
        series.format.line.fill.background()
        series.marker.style, series.marker.size = XL_MARKER_STYLE.DASH, 16
        _fill_marker(series.marker, MSO_THEME_COLOR.TEXT_1)
    elif role == "actual":
        _draw(series.format.line, MSO_THEME_COLOR.ACCENT_1, 2.5)
        series.marker.style, series.marker.size = XL_MARKER_STYLE.CIRCLE, 6
        _fill_marker(series.marker, MSO_THEME_COLOR.ACCENT_1)


def _fill_marker(marker: Any, colour: Any) -> None:
    marker.format.fill.solid()
    marker.format.fill.fore_color.theme_color = colour
    _draw(marker.format.line, colour, 0.75)


def _mark(series: Any, drawing: Drawing) -> None:
    """Values that stand out have a shape of their own; labels stand clear of the line."""
    values = drawing.series[0].values
    for i, tone in drawing.marked.items():
        marker = series.points[i].marker
        marker.style, marker.size = MARKS[tone]
        _fill_marker(marker, MSO_THEME_COLOR.TEXT_1)
        _draw(series.points[i].format.line, MSO_THEME_COLOR.ACCENT_1, 2.5)
    for i in drawing.labelled:
        known = [value for value in values[: i + 1] if value is not None]
        label = series.points[i].data_label
        clear = XL_LABEL_POSITION.BELOW if known[-1] < known[-2:][0] else XL_LABEL_POSITION.ABOVE
        label.position = XL_LABEL_POSITION.OUTSIDE_END if drawing.columns else clear
        label.font.bold, label.font.size = True, Pt(SMALLEST)
