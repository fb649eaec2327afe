"""The waterfall: how a stock went from its opening to its closing value."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from helpers.catalogue import kpi
from helpers.display.context import Results
from helpers.display.drawing import Chart, sheet
from helpers.display.formats import NO_CHANGE, format_change, format_value
from helpers.display.marks import BAR, ROW, beside, rows_axis
from helpers.display.palette import LINE, TONES, ink
from helpers.display.sentences import moved, title, why_missing
from helpers.display.signals import change_tone
from helpers.display.tables import Table
from helpers.results import Column, Listing

CENT = 0.005  # identities hold to half a cent


def waterfall(results: Results, opening: str, movements: Sequence[str], closing: str) -> Chart:
    """One bar per movement, each starting where the one before ended, between the opening and the closing value.

    Movements that do not add up, or are not all known, are told and not drawn.
    """
    found = {kpi_id: results.now(kpi_id) for kpi_id in (opening, *movements, closing)}
    rows = pd.DataFrame([row for row in found.values() if row is not None])
    label, unit = kpi(closing).label, kpi(closing).unit
    heading = title(results, f"{label}, movements", unit, [results.period.label])
    table = _table(results, rows, heading)
    if len(rows) < len(found) or rows["value"].isna().any():
        reasons = filter(None, (why_missing(row, results.context.locale) for _, row in rows.iterrows()))
        why = next((f" ({reason})" for reason in reasons), "")
        return Chart(heading, f"{label}: not all movements are known{why}, so they are not drawn.", "", table)
    values = [float(value) for value in rows["value"]]
    rest = values[-1] - sum(values[:-1])
    if abs(rest) > CENT * len(values):
        words = format_value(rest, unit, **results.context.style)
        return Chart(heading, f"{label}: {words} are in no movement, so they are not drawn.", "", table)
    if not any(values):
        return Chart(heading, _sentence(results, rows), "", table)
    with sheet(ROW * len(rows) + 0.1) as drawn:
        _bars(drawn.axes, results, rows)
    return Chart(heading, _sentence(results, rows), drawn.svg, table)


def _bars(axes: Axes, results: Results, rows: pd.DataFrame) -> None:
    """Stocks are dark; movements are in the tone of what they mean, and carry their sign."""
    style, colour, values = results.context.style, ink(results.context.colour), list(rows["value"])
    reached = 0.0
    for i, (kpi_id, value) in enumerate(zip(rows["kpi_id"], values, strict=True)):
        is_stock = i in (0, len(values) - 1)
        start = 0.0 if is_stock else reached
        tone = colour if is_stock else TONES[change_tone(kpi_id, value)]
        partial = i > 0 and rows["status"].iloc[i] == "partial"
        axes.barh(i, value, BAR, start, color="white" if partial else tone, edgecolor=tone, hatch="/////" * partial)
        unit = rows["unit"].iloc[i]
        text = format_value(value, unit, **style) if is_stock else _change(value, unit, style)
        beside(axes, (max(start, start + value), i), text, colour=tone, bold=is_stock)
        reached = start + value
        if i < len(values) - 1:
            axes.plot([reached, reached], [i - BAR / 2, i + 1 + BAR / 2], color=LINE, linewidth=0.8, zorder=0)
    rows_axis(axes, [kpi(kpi_id).label for kpi_id in rows["kpi_id"]])
    axes.margins(x=0.12)


def _change(value: float, unit: str, style: dict[str, str]) -> str:
    text = format_change(value, 0.0, unit, **style)
    return format_value(0, unit, **style) if text == NO_CHANGE else text


def _sentence(results: Results, rows: pd.DataFrame) -> str:
    """The stock's own sentence, then the movements, largest first."""
    inner = rows.iloc[1:-1]
    inner = inner.loc[inner["value"].abs().sort_values(ascending=False, kind="stable").index]
    parts = [
        f"{row['label']} {_change(row['value'], row['unit'], results.context.style)}"
        for _, row in inner.iterrows()
        if row["value"]
    ]
    return f"{moved(results, rows.iloc[-1])}: {', '.join(parts)}." if parts else f"{moved(results, rows.iloc[-1])}."


def _table(results: Results, rows: pd.DataFrame, caption: str) -> Table:
    unit = rows["unit"].iloc[0] if len(rows) else "money"
    columns = {"label": Column("Movement"), "value": Column(results.period.label, unit)}
    table = rows[["label", "value"]] if len(rows) else pd.DataFrame(columns=["label", "value"])
    return Table(Listing(caption, table, columns, "No movements.", "movement"), results.context)
