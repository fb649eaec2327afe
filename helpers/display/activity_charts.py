"""How use is spread and how it flows: a histogram beside that of the period before, weekly flows, and bullets."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from helpers.catalogue import kpi
from helpers.display.context import Results
from helpers.display.drawing import SMALL_SIZE, Chart, sheet
from helpers.display.formats import format_day, format_value
from helpers.display.marks import BAR, ROW, at_edge, beside, labelled, rows_axis, zero_axis
from helpers.display.palette import BAD, GOOD, QUIET, TEXT, ink, tint
from helpers.display.sentences import instead, title
from helpers.display.tables import Table
from helpers.results import Column, Listing

HEIGHT, WIDE, OUTLINE = 1.65, 0.72, 0.9
MOST = 12


def histogram(results: Results, kpi_id: str) -> Chart:
    """The shares of the segments of a count, in their own order; the period before is outlined."""
    known, period = kpi(kpi_id), results.period
    now, before = (_shares(results, kpi_id, label) for label in (period.label, _previous(results)))
    heading = title(results, known.label, "share", [period.label])
    table = _histogram_table(results, now, before, heading)
    if not now["value"].sum():
        return Chart(
            heading, instead(results, kpi_id, f"{known.label}: nobody is counted in {period.label}."), "", table
        )
    with sheet(HEIGHT) as drawn:
        axes, colour = drawn.axes, ink(results.context.colour)
        axes.bar(range(len(now)), now["share"], WIDE, color=tint(colour, 0.75))
        old = before["share"].reindex(now.index)
        axes.bar(range(len(now)), old, OUTLINE, color="none", edgecolor=TEXT, linewidth=1.1)
        zero_axis(axes, max(now["share"].max(), old.max() if old.notna().any() else 0.0))
        for i, (share, n) in enumerate(zip(now["share"], now["value"], strict=True)):
            _above(axes, (i, max(share, old.iloc[i] if pd.notna(old.iloc[i]) else 0.0)), share, n, results)
        axes.set_xticks(range(len(now)), [str(name) for name in now.index], color=TEXT)
        if old.notna().any():
            solid = Patch(facecolor=tint(colour, 0.75), label=period.label)
            outline = Patch(facecolor="none", edgecolor=TEXT, label=f"{_previous(results)}, outlined")
            axes.legend(handles=[solid, outline], loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False,
                        fontsize=SMALL_SIZE, borderpad=0, labelcolor=TEXT)  # fmt: skip
    return Chart(heading, _histogram_sentence(results, now, before), drawn.svg, table)


def flows(table: Table) -> Chart:
    """Weeks as columns, what fell silent up and what returned down, and how many are silent as a line of numbers.

    The table has ``week_to``, ``inactive``, ``newly_silent`` and ``returned``.
    """
    listing, style = table.listing, table.context.style
    rows = listing.rows
    if rows.empty:
        return Chart(listing.caption, listing.when_empty, "", table)
    if not rows[["inactive", "newly_silent", "returned"]].to_numpy().any():
        return Chart(listing.caption, "Nobody was silent in any of these weeks.", "", table)
    with sheet(HEIGHT) as drawn:
        axes = drawn.axes
        axes.bar(range(len(rows)), rows["newly_silent"], 0.5, color=BAD)
        axes.bar(range(len(rows)), -rows["returned"], 0.5, color=GOOD)
        zero_axis(axes, float(rows["newly_silent"].max()), -float(rows["returned"].max()))
        for i, (silent, returned) in enumerate(rows[["newly_silent", "returned"]].to_numpy().tolist()):
            _flow(axes, i, silent, "+", style)
            _flow(axes, i, -returned, "−", style)
        days = [format_day(day, table.context.locale) for day in rows["week_to"]]
        shown = labelled(days)
        labels = [f"{format_value(n, 'count', **style)}" for n in rows["inactive"]]
        texts = [f"{labels[i]} silent\n{days[i]}" if i in shown else labels[i] for i in range(len(rows))]
        axes.set_xticks(range(len(rows)), texts, fontsize=SMALL_SIZE, color=TEXT)
        axes.set_title("up: newly silent; down: returned", loc="left", fontsize=SMALL_SIZE, color=QUIET)
    return Chart(listing.caption, _flow_sentence(table), drawn.svg, table)


def bullets(table: Table, value: str, limit: str) -> Chart:
    """One bar per row, ``value``, in the outline of its ``limit``, both as a share of that limit."""
    listing, style = table.listing, table.context.style
    rows = listing.rows.head(listing.top or MOST)
    if rows.empty:
        return Chart(listing.caption, listing.when_empty, "", table)
    with sheet(ROW * (len(rows) + 1)) as drawn:
        axes, colour = drawn.axes, ink(table.context.colour)
        for y, row in enumerate(rows.to_dict("records")):
            share = row[value] / row[limit]
            axes.barh(y, 1, BAR + 0.16, color=tint(colour, 0.1), edgecolor=tint(colour, 0.5), linewidth=0.6)
            axes.barh(y, share, BAR - 0.18, color=tint(colour, 0.85))
            beside(axes, (max(share, 1.0), y), format_value(share, "share", **style))
            parts = [format_value(row[name], "count", **style) for name in (value, limit)]
            at_edge(axes, y, " of ".join(parts))
        names = [str(name) for name in rows.iloc[:, 0]]
        rows_axis(axes, names)
        axes.set_xlim(0, 1.12 * max(1.0, float((rows[value] / rows[limit]).max())))
    return Chart(listing.caption, _bullet_sentence(table, value, limit), drawn.svg, table)


def _previous(results: Results) -> str:
    """The label of the period before, empty where a listed calendar begins with this one."""
    return "".join(period.label for period in results.period.history(1))


def _shares(results: Results, kpi_id: str, period: str) -> pd.DataFrame:
    rows = results.frame[(results.frame["kpi_id"] == kpi_id) & (results.frame["period"] == period)]
    rows = rows[rows["segment"] != ""].set_index("segment")[["value"]]
    return rows.assign(share=rows["value"] / rows["value"].sum() if rows["value"].sum() else float("nan"))


def _above(axes: Axes, at: tuple[float, float], share: float, n: float, results: Results) -> None:
    style = results.context.style
    text = f"{format_value(share, 'share', **style)}\n{format_value(n, 'count', **style)}"
    axes.annotate(text, at, (0, 3), textcoords="offset points", ha="center", va="bottom", fontsize=SMALL_SIZE)


def _histogram_table(results: Results, now: pd.DataFrame, before: pd.DataFrame, heading: str) -> Table:
    columns = {
        "segment": Column("Active weeks"),
        "value": Column(results.period.label, "count"),
        "share": Column("Share", "share"),
    }
    if previous := _previous(results):
        columns["value_before"] = Column(previous, "count")
        columns["share_before"] = Column(f"Share {previous}", "share")
    rows = now.join(before.add_suffix("_before")).reset_index()
    return Table(Listing(heading, rows[list(columns)], columns, "Nobody is counted.", "segment"), results.context)


def _histogram_sentence(results: Results, now: pd.DataFrame, before: pd.DataFrame) -> str:
    """How many have none, and how many six or seven, against the period before."""
    style, told = results.context.style, []
    for words, segments in (("are active in none of the seven", ["0"]), ("in six or seven", ["6", "7"])):
        share = format_value(now["share"].reindex(segments).sum(), "share", **style)
        old = before["share"].reindex(segments)
        was = f" ({format_value(old.sum(), 'share', **style)} in {_previous(results)})"
        told.append(f"{share} {words}{was if old.notna().all() else ''}")
    return f"{' and '.join(told)}; {format_value(now['value'].sum(), 'count', **style)} are counted."


def _flow(axes: Axes, x: int, height: int, sign: str, style: dict[str, str]) -> None:
    if height:
        text = f"{sign}{format_value(abs(height), 'count', **style)}"
        up = height > 0
        axes.annotate(
            text, (x, height), (0, 3 if up else -3), textcoords="offset points", ha="center",
            va="bottom" if up else "top", fontsize=SMALL_SIZE, color=BAD if up else GOOD, fontweight="bold",
        )  # fmt: skip


def _flow_sentence(table: Table) -> str:
    rows, style = table.listing.rows, table.context.style
    first, last = rows.iloc[0], rows.iloc[-1]
    told = [format_value(n, "count", **style) for n in (last["inactive"], last["newly_silent"], last["returned"])]
    ago = format_value(first["inactive"], "count", **style)
    return (
        f"{told[0]} customers are silent, {ago} were {len(rows) - 1} weeks ago; in the last week {told[1]} fell silent "
        f"and {told[2]} returned."
    )


def _bullet_sentence(table: Table, value: str, limit: str) -> str:
    rows, style = table.listing.rows, table.context.style
    over = int((rows[value] > rows[limit]).sum())
    total = format_value(rows[value].sum() / rows[limit].sum(), "share", **style)
    count = format_value(len(rows), "count", **style)
    more = (
        f"{format_value(over, 'count', **style)} of them use more than that." if over else "None uses more than that."
    )
    return f"{count} customers use {total} of what they have together. {more}"
