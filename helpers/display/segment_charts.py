"""Horizontal bars: the steps of a funnel, and a KPI by segment."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.axes import Axes

from helpers.catalogue import kpi
from helpers.display.context import Results
from helpers.display.drawing import Chart, sheet
from helpers.display.formats import format_interval, format_result, format_value, is_small
from helpers.display.marks import BAR, ROW, at_edge, beside, rows_axis
from helpers.display.palette import QUIET, TEXT, ink, tint
from helpers.display.sentences import cautions, moved, stated, title, why_missing
from helpers.display.tables import Table
from helpers.results import Column, Listing
from helpers.texts import spoken

MOST = 12  # bars on a page; the table has them all


def funnel(results: Results) -> Chart:
    """How many records reached each stage, and between the stages the step rate with its interval.

    Drawn is the latest cohort that is complete; where there is none, that of the review period to date.
    """
    total = results.shown("funnel_conversion")
    period = results.period.label if total is None else str(total["period"])
    reached, rates = (_of(results, kpi_id, "stage", period) for kpi_id in ("funnel_reached", "funnel_step_rate"))
    heading = title(results, "Records that reached each stage", "count", [period])
    table = _table(results, reached.merge(rates, on="segment", how="left", suffixes=("", "_rate")), heading, FUNNEL)
    if reached.empty or not reached["value"].iloc[0] > 0:
        return Chart(heading, _without(results, total, f"No record entered the pipeline in {period}."), "", table)
    with sheet(1.65 * ROW * len(reached)) as drawn:
        _funnel_bars(drawn.axes, results, reached, rates.set_index("segment"))
    first, last = (format_value(reached["value"].iloc[i], "count", **results.context.style) for i in (0, -1))
    stage = spoken(reached["segment"].iloc[-1])
    so_far = " to date" if reached["status"].iloc[0] == "partial" else ""
    told = f"Of {first} records that entered in {period}, {last} reached {stage}{so_far}"
    return Chart(heading, f"{told}{'' if total is None else _interval(results, total, ': ')}.", drawn.svg, table)


def bars(results: Results, kpi_id: str, segment_by: str) -> Chart:
    """A KPI by segment, the largest first: values, intervals as whiskers, n, and the total as a line."""
    total, known, by = results.shown(kpi_id), kpi(kpi_id), segment_by.replace("_", " ")
    period = results.period.label if total is None else str(total["period"])
    rows = _largest_first(_of(results, kpi_id, segment_by, period))
    heading = title(results, f"{known.label} by {by}", known.unit, [period])
    columns = {"segment": Column(by.capitalize()), "value": Column(known.label, known.unit), **_more(known.unit)}
    table = _table(results, rows, heading, columns)
    if not rows["value"].count():
        return Chart(heading, _without(results, total, f"{known.label}: no {by} has a value in {period}."), "", table)
    with sheet(ROW * (min(len(rows), MOST) + 1)) as drawn:
        _segment_bars(drawn.axes, results, rows.head(MOST), total)
    return Chart(heading, _segment_sentence(results, rows, total, period), drawn.svg, table)


def _without(results: Results, total: pd.Series | None, otherwise: str) -> str:
    """The sentence in the place of a picture: why the KPI itself has no value, else that it has no parts."""
    return (
        f"{moved(results, total)}." if total is not None and why_missing(total, results.context.locale) else otherwise
    )


def _more(unit: str) -> dict[str, Column]:
    return {"ci_low": Column("95% from", unit), "ci_high": Column("to", unit), "n": Column("n", "count")}


FUNNEL = {
    "segment": Column("Stage"),
    "value": Column("Records", "count"),
    "value_rate": Column("Of the stage before", "share"),
    "ci_low_rate": Column("95% from", "share"),
    "ci_high_rate": Column("to", "share"),
}


def _of(results: Results, kpi_id: str, segment_by: str, period: str) -> pd.DataFrame:
    """The rows of one dimension in one period, in the order in which the card gave them."""
    frame = results.frame
    is_wanted = (frame["kpi_id"] == kpi_id) & (frame["segment_by"] == segment_by) & (frame["period"] == period)
    return frame[is_wanted].reset_index(drop=True)


def _largest_first(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows by value; those of a few, whose rate says little, after the others."""
    order = rows.assign(small=[is_small(row) for _, row in rows.iterrows()])
    return order.sort_values(["small", "value"], ascending=[True, False], kind="stable", ignore_index=True)


def _table(results: Results, rows: pd.DataFrame, caption: str, columns: dict[str, Column]) -> Table:
    return Table(Listing(caption, rows[list(columns)], columns, "No segments.", "segment"), results.context)


def _interval(results: Results, row: pd.Series, before: str = "") -> str:
    """A rate with its interval."""
    reach = format_interval(row["ci_low"], row["ci_high"], row["unit"], **results.context.style)
    return f"{before}{stated(results, row)}" + (f", 95% interval {reach}" if reach else "")


def _funnel_bars(axes: Axes, results: Results, reached: pd.DataFrame, rates: pd.DataFrame) -> None:
    """Bars with their counts; each step's rate stands between the two stages that it joins."""
    colour = ink(results.context.colour)
    for y, (_, row) in enumerate(reached.iterrows()):
        value, partial = float(row["value"]), row["status"] == "partial"
        axes.barh(y, value, BAR * 0.8, color="white" if partial else colour, edgecolor=colour, hatch="/////" * partial)
        beside(axes, (value, y), format_value(value, "count", **results.context.style))
        if y and row["segment"] in rates.index:
            text = f"↓ {_interval(results, rates.loc[row['segment']])}"
            beside(axes, (0, y - 0.5), text, colour=QUIET, bold=False)
    rows_axis(axes, list(reached["segment"]))
    axes.margins(x=0.1)


def _segment_bars(axes: Axes, results: Results, rows: pd.DataFrame, total: pd.Series | None) -> None:
    """Bars with whiskers; those of a few are pale, and told in counts instead of percent."""
    colour, style = ink(results.context.colour), results.context.style
    for y, (_, row) in enumerate(rows.iterrows()):
        value, low, high = row["value"], row["ci_low"], row["ci_high"]
        axes.barh(y, value, BAR, color=tint(colour, 0.3 if is_small(row) else 0.75))
        ends = [end for end in (value, low, high) if not math.isnan(end)]
        if not (math.isnan(low) or math.isnan(high)):
            axes.plot([low, high], [y, y], color=TEXT, linewidth=0.9, marker="|", markersize=5)
        beside(axes, (max([0, *ends]), y), format_result(row, **style))
        if not math.isnan(row["n"]):
            at_edge(axes, y, f"n = {format_value(row['n'], 'count', **style)}")
    rows_axis(axes, list(rows["segment"]))
    if total is not None and not math.isnan(total["value"]):
        axes.axvline(total["value"], color=QUIET, linewidth=0.8, linestyle=(0, (3, 2)))
        text = f"all {format_result(total, **style)}"
        axes.annotate(
            text, (total["value"], len(rows) - 0.5), (3, -1), textcoords="offset points", va="top", color=QUIET,
            annotation_clip=False,
        )  # fmt: skip
    axes.margins(x=0.12)


def _segment_sentence(results: Results, rows: pd.DataFrame, total: pd.Series | None, period: str) -> str:
    """The total, the two ends, and how many are not drawn."""
    known = rows[rows["value"].notna()]
    known = known if known["small"].all() else known[~known["small"]]
    ends = [known.iloc[0], known.iloc[-1]] if len(known) > 1 else [known.iloc[0]]
    named = [f"{spoken(row['segment'])} {stated(results, row)}" for row in ends]
    label = kpi(rows["kpi_id"].iloc[0]).label
    told = f"{label} in {period}: " + (f"{stated(results, total)} in total, " if total is not None else "")
    told += " to ".join(named)
    more = f"; {len(rows) - MOST} more are in the table" if len(rows) > MOST else ""
    return f"{told}{more}.{_cautions(results, rows.head(MOST), total)}"


def _cautions(results: Results, rows: pd.DataFrame, total: pd.Series | None) -> str:
    """What must be known of single segments, and is not said of the total already."""
    locale = results.context.locale
    said, found = [] if total is None else cautions(total, locale), dict[str, list[str]]()
    for _, row in rows[rows["value"].notna()].iterrows():
        for text in cautions(row, locale):
            found.setdefault(text, []).append(spoken(row["segment"]))
    return "".join(f" {', '.join(names)}: {text}." for text, names in found.items() if text not in said)
