"""Kaplan–Meier curves: who still waits, day by day, of a cohort and of the one before it."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from helpers.display.drawing import SMALL_SIZE, Chart, sheet
from helpers.display.formats import format_interval, format_phrase, format_value
from helpers.display.marks import Label, end_labels, value_axis
from helpers.display.palette import BAND, QUIET, TEXT, ink
from helpers.display.tables import Table
from helpers.results import Column, Listing

HEIGHT = 2.6
GREY = "#9aa1ab"
STEPS = (1, 2, 5, 10, 20, 30, 60, 90, 180, 365)
MOST = 16  # rows of the table behind


def curve(table: Table) -> Chart:
    """The share still waiting by days, with its interval as a band and a tick where somebody is followed no further.

    The table has one row per ``cohort`` and day on which something happened: ``days``, ``waiting`` with ``low`` and
    ``high``, ``unseen``; the first cohort is drawn dark, one after it in grey. Where ``of_all`` is given, those who
    left are counted among the waiting in a dashed line.
    """
    listing, parts = table.listing, _parts(table.listing.rows)
    if not parts:
        return Chart(listing.caption, listing.when_empty, "", table)
    with sheet(HEIGHT) as drawn:
        axes = drawn.axes
        value_axis(axes, table, "share")
        _axis(axes, max(float(rows["days"].max()) for rows in parts))
        labels = [_before(axes, rows, table) for rows in parts[1:]]
        end_labels(axes, [*labels, *_own(axes, parts[0], table)])
    words = f"{listing.caption}, %, {_name(parts[0])}, by days after the start"
    return Chart(words, _sentence(parts, table), drawn.svg, _behind(parts, table))


def _parts(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """The rows of each cohort, in the order given."""
    return [rows[rows["cohort"] == name] for name in dict.fromkeys(rows["cohort"])] if len(rows) else []


def _name(rows: pd.DataFrame) -> str:
    return str(rows["cohort"].iloc[0])


def _axis(axes: Axes, longest: float) -> None:
    axes.set_ylim(0, 1.03)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_xlim(0, max(longest, 1))
    axes.axhline(0, color=TEXT, linewidth=0.9, zorder=4)
    axes.axhline(0.5, color=QUIET, linewidth=0.8, linestyle=(0, (2, 2)))
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.tick_params(axis="x", labelcolor=TEXT, labelsize=SMALL_SIZE)


def _own(axes: Axes, rows: pd.DataFrame, table: Table) -> list[Label]:
    """The curve, its band, its ticks and, where those who left are told apart, the line that counts them."""
    colour = ink(table.context.colour)
    known = rows[rows["low"].notna() & rows["high"].notna()]
    axes.fill_between(known["days"], known["low"], known["high"], step="post", color=BAND, linewidth=0, zorder=0)
    axes.step(rows["days"], rows["waiting"], where="post", color=colour, linewidth=1.8)
    left = rows[rows["unseen"] > 0]
    axes.plot(left["days"], left["waiting"], linestyle="none", marker="|", markersize=6, color=colour)
    labels = [_label(rows, table, colour)]
    if rows["of_all"].notna().any():
        axes.step(rows["days"], rows["of_all"], where="post", color=colour, linewidth=1.1, linestyle=(0, (4, 2)))
        labels.append(Label(float(rows["of_all"].iloc[-1]), "with those\nwho left"))
    return labels


def _before(axes: Axes, rows: pd.DataFrame, table: Table) -> Label:
    axes.step(rows["days"], rows["waiting"], where="post", color=GREY, linewidth=1.4, zorder=1)
    return _label(rows, table, QUIET)


def _label(rows: pd.DataFrame, table: Table, colour: str) -> Label:
    """A label at the end of a curve: the median of the cohort above its name."""
    half, style = _median(rows), table.context.style
    told = "half not reached" if half is None else f"half by {format_phrase(half, 'days', **style)}"
    name = _name(rows).replace(" in ", " in\n")
    return Label(float(rows["waiting"].iloc[-1]), name, told, colour)


def _median(rows: pd.DataFrame, column: str = "waiting") -> float | None:
    at_half = rows.loc[rows[column] <= 0.5 + 1e-12, "days"]
    return None if at_half.empty else float(at_half.iloc[0])


def _sentence(parts: list[pd.DataFrame], table: Table) -> str:
    told = [_half(rows, table, interval=not i) for i, rows in enumerate(parts)]
    return f"Of those who {'; of those who '.join(told)}."


def _half(rows: pd.DataFrame, table: Table, *, interval: bool) -> str:
    """When half of a cohort no longer waited."""
    style, half = table.context.style, _median(rows)
    if half is None:
        share = format_value(rows["waiting"].iloc[-1], "share", **style)
        return f"{_name(rows)}, {share} still waited after {format_phrase(rows['days'].iloc[-1], 'days', **style)}"
    reach = format_interval(_median(rows, "low"), _median(rows, "high"), "days", **style) if interval else ""
    told = f"{_name(rows)}, half no longer waited after {format_phrase(half, 'days', **style)}"
    return f"{told} (95% interval {reach})" if reach else told


def _behind(parts: list[pd.DataFrame], table: Table) -> Table:
    """The curves at round days."""
    longest = max(float(rows["days"].max()) for rows in parts)
    step = next((step for step in STEPS if longest / step < MOST), math.ceil(longest / MOST))
    days = np.arange(0, longest + 1, step)
    own = table.listing.columns
    columns = {"days": own["days"], "waiting": Column(_name(parts[0]), "share"), "low": own["low"], "high": own["high"]}
    found = {"days": days, **{name: _at(parts[0], name, days) for name in ("waiting", "low", "high")}}
    for i, rows in enumerate(parts[1:]):
        columns[f"before_{i}"] = Column(_name(rows), "share")
        found[f"before_{i}"] = _at(rows, "waiting", days)
    listing = table.listing
    return Table(
        Listing(listing.caption, pd.DataFrame(found), columns, listing.when_empty, "days", note=listing.note),
        table.context,
    )


def _at(rows: pd.DataFrame, column: str, days: np.ndarray) -> list[float]:
    """A step function's values; beyond the last day that anybody was followed, none."""
    places = np.searchsorted(rows["days"].to_numpy(), days, side="right") - 1
    last = float(rows["days"].iloc[-1])
    return [float(rows[column].iloc[i]) if day <= last else math.nan for i, day in zip(places, days, strict=True)]
