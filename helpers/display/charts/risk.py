"""Inactive customers by how soon they come up for renewal and how long they have been silent: whom to call first."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pandas as pd
from matplotlib.transforms import Bbox

from helpers.display.charts.frame import SMALL_SIZE, Chart, Sheet, not_drawn, sheet, table_behind, wrapped
from helpers.display.formats import format_period
from helpers.display.palette import BAD, BAND, QUIET, TEXT, tint
from helpers.display.sentences import ended
from helpers.display.shown_tables import Table
from helpers.language import _, paragraph

HEIGHT = 2.05  # inches
SOON, STEP, MOST_STEPS = 90, 30, 12  # days: the zone, and the steps of the axis, or the zone's where these are too many
LARGEST, LEAST = 18.0, 3.0  # points: the diameter of the largest dot, and of the smallest
NAMED, NAME = 12, 36  # at most so many dots have a name, of so many characters
NEEDED = ("customer", "days_silent", "days_to_renewal", "arr_due_90", "arr_due_180")


def at_risk(table: Table) -> Chart:
    """One dot per inactive customer by days to renewal and days silent, of an area as large as its ARR due.

    The table is the call list. Customers whose renewal or last use is not known are in the table alone; the names of
    the largest stand where they have room.
    """
    context, listing, write = table.context, table.listing, table.write
    if table.rows.empty:
        return not_drawn(table)
    if not set(NEEDED) <= set(table.rows):
        told = _("The source tells no renewal day of subscriptions, so it is not known what is due.")
        return not_drawn(Table(replace(listing, rows=table.rows.head(0)), context), told)
    ordered = table.rows.sort_values(["arr_due_180", "mrr"], ascending=False, kind="stable")
    what = _("Inactive customers by days to renewal and days silent")
    title = _(", ").join([what, format_period(context.period.label)])
    columns = {name: replace(listing.columns[name], on_pages=True) for name in NEEDED}
    behind = table_behind(context, title, ordered, columns, listing.when_empty)
    rows = ordered.dropna(subset=["days_silent", "days_to_renewal"])
    if rows.empty:
        return not_drawn(behind, _("Of no inactive customer both the renewal day and the last use are known."))
    sentence = _sentence(table, ordered, len(ordered) - len(rows))
    with sheet(HEIGHT, context) as drawn:
        _axes(drawn, rows)
        sizes = ((rows["arr_due_180"] / (rows["arr_due_180"].max() or 1)) ** 0.5 * LARGEST).clip(lower=LEAST)
        dots = list(zip(rows["days_to_renewal"], rows["days_silent"], sizes, strict=True))
        for (days, silent, size), name, due in zip(dots, rows["customer"], rows["arr_due_180"], strict=True):
            colour = QUIET if not due else BAD if days <= SOON else drawn.ink
            face = tint(colour, 0.55) if due else "none"
            look: dict[str, Any] = {"markersize": size, "markeredgecolor": colour, "markerfacecolor": face}
            [dot] = drawn.axes.plot(days, silent, "o", clip_on=False, zorder=5, **look)
            told = _("silent for {silent}, past renewal, ARR due {due}")
            if days >= 0:
                told = _("silent for {silent}, renewal in {days}, ARR due {due}")
            words = {"silent": write.phrase(silent, "days"), "days": write.phrase(days, "days")}
            drawn.mark(dot, name, told.format(**words, due=write.value(due, "money")))
        _name(drawn, dots, [wrapped(str(name), NAME, 1) for name in rows["customer"]])
        drawn.key(_("area: ARR due in the next 180 days; hollow: none"))
    return Chart(title, sentence, drawn.svg, behind)


def _axes(drawn: Sheet, rows: pd.DataFrame) -> None:
    """Both in days, from today to the farthest renewal; the next 90 days are shaded."""
    axes, last = drawn.axes, max(float(rows["days_to_renewal"].max()), SOON)
    first = min(0.0, float(rows["days_to_renewal"].min()))
    step = STEP if last - first < STEP * MOST_STEPS else SOON * math.ceil((last - first) / (SOON * MOST_STEPS))
    axes.set_xlim(first - 0.02 * (last - first), last + 0.02 * (last - first))
    axes.set_ylim(0, 1.15 * float(rows["days_silent"].max()) + 1)
    axes.set_xticks(range(step * math.ceil(first / step), int(last) + 1, step))
    drawn.value_axis("count")
    axes.tick_params(axis="x", labelcolor=TEXT, labelsize=SMALL_SIZE)
    axes.set_xlabel(_("days to renewal"), fontsize=SMALL_SIZE, color=QUIET)
    axes.set_ylabel(_("days silent"), fontsize=SMALL_SIZE, color=QUIET)
    axes.axhline(0, color=TEXT, linewidth=0.9)
    axes.axvspan(0, SOON, color=BAND, linewidth=0, zorder=0)
    soon = _("due within {n} days").format(n=SOON)
    drawn.text((1, axes.get_ylim()[1]), soon, (2, -3), side="right", colour=QUIET, va="top")


def _name(drawn: Sheet, dots: list[tuple[float, float, float]], names: list[str]) -> None:
    """The names of the first dots, each on the side where it lies on no dot, no other name and within the sheet."""
    figure = drawn.axes.figure
    figure.draw_without_rendering()  # type: ignore[union-attr]  # so that it is settled where places lie
    point, inside = figure.dpi / 72, drawn.axes.get_window_extent()
    places = [drawn.axes.transData.transform((x, y)) for x, y, _ in dots]
    taken = [
        Bbox.from_bounds(x - size * point / 2, y - size * point / 2, size * point, size * point)
        for (x, y), (_, _, size) in zip(places, dots, strict=True)
    ]
    for (x, y, size), name in list(zip(dots, names, strict=True))[:NAMED]:
        for offset, across, up in _sides(size / 2 + 2):
            text = drawn.axes.annotate(
                name, (x, y), offset, textcoords="offset points", ha=across, va=up, fontsize=SMALL_SIZE, color=TEXT,
                annotation_clip=False, zorder=6,
            )  # fmt: skip
            text.set_in_layout(False)
            box = text.get_window_extent()
            if inside.x0 <= box.x0 and box.x1 <= inside.x1 and box.y0 >= inside.y0 and not box.count_overlaps(taken):
                taken.append(box)
                break
            text.remove()


def _sides(away: float) -> Iterator[tuple[tuple[float, float], str, str]]:
    """Where a name may stand beside its dot, best first: so many points off it, and how it is aligned."""
    yield (away, 0), "left", "center"
    yield (-away, 0), "right", "center"
    yield (0, away), "center", "bottom"
    yield (0, -away), "center", "top"
    slant = away * 0.75
    yield (slant, slant), "left", "bottom"
    yield (slant, -slant), "left", "top"
    yield (-slant, slant), "right", "bottom"
    yield (-slant, -slant), "right", "top"


def _sentence(table: Table, rows: pd.DataFrame, hidden: int) -> str:
    """How many have ARR due soon, how much, and the largest of them."""
    write, due = table.write, rows[rows["arr_due_90"] > 0].sort_values("arr_due_90", ascending=False, kind="stable")
    n, of = write.value(len(due), "count"), write.value(len(rows), "count")
    if due.empty:
        told = _("None of the {of} inactive customers has ARR due within {n} days").format(of=of, n=SOON)
    else:
        first, total = due.iloc[0], write.value(due["arr_due_90"].sum(), "money")
        told = _(
            "{n} of {of} inactive customers have ARR due within {days} days, {total} together; the largest is "
            "{name} with {due}"
        ).format(
            n=n, of=of, days=SOON, total=total, name=first["customer"], due=write.value(first["arr_due_90"], "money")
        )
        if pd.notna(first["days_silent"]) and first["days_to_renewal"] >= 0:
            days, silent = (write.phrase(first[name], "days") for name in ("days_to_renewal", "days_silent"))
            when = _("{sentence}, due in {days} and silent for {silent}")
            told = when.format(sentence=told, days=days, silent=silent)
    others = _("Of {n} the renewal or the last use is not known.").format(n=write.value(hidden, "count"))
    return paragraph(ended(told), others if hidden else "")
