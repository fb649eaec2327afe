"""Grids of cells: a heat-map of a share by two dimensions, and a matrix of moves from one state to another."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from helpers.catalogue import kpi
from helpers.display.context import Results
from helpers.display.drawing import CHARACTER, SMALL_SIZE, WIDTH, Chart, sheet
from helpers.display.formats import NOTHING, SMALL, format_result, format_value
from helpers.display.marks import wrapped
from helpers.display.palette import BAD, GOOD, LINE, QUIET, TEXT, ink, tint
from helpers.display.sentences import instead, title
from helpers.display.tables import Table
from helpers.results import Column, Listing
from helpers.statistics import sign_test

ROW, HEAD, FOOT = 0.21, 0.42, 0.25
NAMES = 1.5  # inches: the column of the rows' names
MOST_ROWS, MOST_COLUMNS = 14, 10
PALEST, DARKEST = 0.1, 0.8
LIGHT_ON = 0.55  # from this strength on, text is white
CLEAR = 0.05  # a sign test below it is called a clear change
APART = 0.25  # of a cell: the gap before states that are no score


@dataclass(frozen=True)
class _Cell:
    """What a cell says, how dark it is, 0 to 1, and in which colour; framed cells are those that stayed the same."""

    text: str
    shade: float
    colour: str = QUIET
    framed: bool = False


def heat_map(results: Results, kpi_id: str, meant: Mapping[str, Collection[str]] | None = None) -> Chart:
    """A share by two dimensions, ``persona / feature``, as columns and rows: darker is more.

    A share of fewer than five is told as counts. Where ``meant`` says which features a persona is meant to use, more is
    good: those cells alone have the pack's colour, the others are grey.
    """
    known, period, meant = kpi(kpi_id), results.period.label, meant or {}
    rows = _pairs(results, kpi_id)
    by = str(rows["segment_by"].iloc[0]) if len(rows) else ""
    heading = title(results, f"{known.label}{f' by {by}'.replace(' / ', ' and ')}", known.unit, [period])
    table = _long_table(results, rows, heading, by)
    if rows.empty:
        return Chart(heading, instead(results, kpi_id, f"{known.label}: nothing was used in {period}."), "", table)
    return Chart(heading, _heat_sentence(results, rows, meant), _heat_svg(results, rows, meant), table)


def matrix(table: Table) -> Chart:
    """Moves between two period ends: rows are states before, columns states now, scores first and in the same order.

    Cells right of the diagonal went up, left of it down; states that are no score (new, left) stand apart.
    """
    listing = table.listing
    if listing.rows.empty:
        return Chart(listing.caption, listing.when_empty, "", table)
    named, *columns = listing.columns
    counts, before = listing.rows[columns], [str(name) for name in listing.rows[named]]
    if not counts.to_numpy().sum():
        return Chart(listing.caption, listing.when_empty, "", table)
    highest = counts.to_numpy().max()
    cells = [
        [_moved(int(counts.iloc[i][name]), highest, (state, name), table) for name in columns]
        for i, state in enumerate(before)
    ]
    labels = [listing.columns[name].label for name in columns]
    with sheet(HEAD + ROW * (len(before) + 1) + FOOT) as drawn:
        _grid(drawn.axes, cells, _places(columns), _places(before))
        _heads(drawn.axes, labels, _places(columns))
        _names(drawn.axes, before, _places(before))
        _sides(drawn.axes, table)
    return Chart(listing.caption, _matrix_sentence(table), drawn.svg, table)


def _heat_svg(results: Results, rows: pd.DataFrame, meant: Mapping[str, Collection[str]]) -> str:
    """Features from the most to the least used, of each persona that is active."""
    used = rows.groupby("feature")["numerator"].sum().sort_values(ascending=False, kind="stable")
    features, personas = list(used.index)[:MOST_ROWS], list(dict.fromkeys(rows["persona"]))[:MOST_COLUMNS]
    found = {(row["persona"], row["feature"]): row for _, row in rows.iterrows()}
    dark = ink(results.context.colour)
    cells = [
        [_share(found.get((p, f)), results, dark if f in meant.get(p, ()) else QUIET) for p in personas]
        for f in features
    ]
    with sheet(HEAD + ROW * len(features) + (FOOT if meant else 0)) as drawn:
        _grid(drawn.axes, cells)
        _heads(drawn.axes, personas, range(len(personas)))
        _names(drawn.axes, features, range(len(features)))
        if meant:
            _key(drawn.axes, {"meant for this persona": tint(dark, 0.6), "not": tint(QUIET, 0.4)})
    return drawn.svg


def _sides(axes: Axes, table: Table) -> None:
    """Which side is before and which now, and how many moved which way."""
    period = table.context.period
    axes.set_ylabel(f"active weeks, end of {period.previous().label}", fontsize=SMALL_SIZE, color=QUIET)
    axes.set_xlabel(f"active weeks, end of {period.label}", fontsize=SMALL_SIZE, color=QUIET)
    axes.xaxis.set_label_position("top")
    shades = (tint(GOOD, 0.5), tint(BAD, 0.5), tint(ink(table.context.colour), 0.5), tint(QUIET, 0.3))
    words = ("more active", "less active", "the same", "new, entered or left")
    told = zip(words, _moves(table), shades, strict=True)
    _key(axes, {f"{name}: {_count(n, table)}": shade for name, n, shade in told})


def _pairs(results: Results, kpi_id: str) -> pd.DataFrame:
    """The segments of the review period, their two names apart."""
    rows = results.frame[(results.frame["kpi_id"] == kpi_id) & (results.frame["period"] == results.period.label)]
    rows = rows[rows["segment"].str.contains(" / ", regex=False)]
    pairs = [name.split(" / ", 1) for name in rows["segment"]]
    return rows.assign(persona=[pair[0] for pair in pairs], feature=[pair[1] for pair in pairs])


def _grid(axes: Axes, cells: Sequence[Sequence[_Cell]], xs: Sequence[float] = (), ys: Sequence[float] = ()) -> None:
    """One cell per column and row, the first row on top."""
    xs, ys = xs or range(len(cells[0])), ys or range(len(cells))
    for y, line in zip(ys, cells, strict=True):
        for x, cell in zip(xs, line, strict=True):
            _draw(axes, (x, y), cell)
    axes.set_xlim(-0.5, xs[-1] + 0.5)
    axes.set_ylim(ys[-1] + 0.5, -0.5)


def _heads(axes: Axes, names: Sequence[str], xs: Sequence[float]) -> None:
    """The columns' names, as many characters a line as a column is wide."""
    room = (WIDTH - NAMES) / max(len(names), 1)
    heads = [wrapped(name, max(4, math.floor(room / (SMALL_SIZE * CHARACTER))), 2) for name in names]
    axes.set_xticks(list(xs), heads, fontsize=SMALL_SIZE, color=TEXT)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)


def _names(axes: Axes, names: Sequence[str], ys: Sequence[float]) -> None:
    axes.set_yticks(list(ys), [wrapped(name, 26, 1) for name in names], fontsize=SMALL_SIZE, color=TEXT)


def _places(states: Sequence[str]) -> list[float]:
    """Where each state stands: those that are no score after a gap."""
    return [i + (0.0 if state.isdigit() else APART) for i, state in enumerate(states)]


def _key(axes: Axes, shades: Mapping[str, str]) -> None:
    handles = [Patch(facecolor=colour, label=words) for words, colour in shades.items()]
    axes.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0, 0), ncols=len(handles), frameon=False,
        fontsize=SMALL_SIZE, borderpad=0.2, handlelength=1.2, columnspacing=1.6, labelcolor=TEXT,
    )  # fmt: skip


def _draw(axes: Axes, at: tuple[float, float], cell: _Cell) -> None:
    strength = PALEST + (DARKEST - PALEST) * min(cell.shade, 1.0) if cell.shade else 0.0
    face = tint(cell.colour, strength) if cell.shade else "white"
    edge, width = (TEXT, 0.9) if cell.framed else (LINE, 0.5)
    corner = (at[0] - 0.47, at[1] - 0.44)
    axes.add_patch(Rectangle(corner, 0.94, 0.88, facecolor=face, edgecolor=edge, linewidth=width))
    ink_on = "white" if strength > LIGHT_ON else TEXT if cell.shade else QUIET
    axes.text(*at, cell.text, ha="center", va="center", fontsize=SMALL_SIZE, color=ink_on)


def _share(row: pd.Series | None, results: Results, colour: str) -> _Cell:
    if row is None or pd.isna(row["value"]):
        return _Cell(NOTHING, 0.0)
    if not row["value"] and colour == QUIET:
        return _Cell("·", 0.0)
    return _Cell(format_result(row, **results.context.style), float(row["value"]), colour)


def _moved(n: int, highest: int, states: tuple[str, str], table: Table) -> _Cell:
    """How many went from one state to another, in the colour of what that means."""
    before, now = states
    scores = before.isdigit() and now.isdigit()
    same = scores and before == now
    colour = ink(table.context.colour) if same else QUIET
    if scores and not same:
        colour = GOOD if int(now) > int(before) else BAD
    return _Cell(_count(n, table) if n else "·", n / highest, colour, same)


def _long_table(results: Results, rows: pd.DataFrame, heading: str, by: str) -> Table:
    first, _, second = by.partition(" / ")
    columns = {
        "persona": Column(first.capitalize() or "Persona"),
        "feature": Column(second.capitalize() or "Feature"),
        "numerator": Column("Use it", "count"),
        "denominator": Column("Of", "count"),
        "value": Column("Share", "share"),
        "ci_low": Column("95% from", "share"),
        "ci_high": Column("to", "share"),
    }
    shown = rows[list(columns)].reset_index(drop=True)
    return Table(Listing(heading, shown, columns, "Nothing was used.", "persona, feature"), results.context)


def _heat_sentence(results: Results, rows: pd.DataFrame, meant: Mapping[str, Collection[str]]) -> str:
    """The most and the least used pair of those that are meant, else of all, with enough users to say."""
    pairs = zip(rows["persona"], rows["feature"], strict=True)
    wanted = pd.Series([not meant or feature in meant.get(persona, ()) for persona, feature in pairs], rows.index)
    enough = rows[wanted & (rows["denominator"] >= SMALL)].dropna(subset="value")
    if enough.empty:
        return f"No group{' that a feature is meant for' if meant else ''} has {SMALL} active users."
    by_value = enough.sort_values("value", ascending=False, kind="stable")
    most, least = (
        f"{row['feature']} by {row['persona']} ({format_result(row, **results.context.style)})"
        for row in (by_value.iloc[0], by_value.iloc[-1])
    )
    of = "Of the features meant for a persona, " if meant else "Among groups of at least five active users, "
    return f"{of}most used is {most}, least {least}."


def _count(n: int, table: Table) -> str:
    return format_value(n, "count", **table.context.style)


def _moves(table: Table) -> tuple[int, int, int, int]:
    """How many went up, went down, stayed the same, and were not there both times or new."""
    listing = table.listing
    named, *columns = listing.columns
    scores = [name for name in columns if name.isdigit()]
    counts = listing.rows.set_index(named)[columns]
    both = counts.loc[scores, scores].to_numpy()
    up, down, same = np.triu(both, 1).sum(), np.tril(both, -1).sum(), np.trace(both)
    return int(up), int(down), int(same), int(counts.to_numpy().sum() - up - down - same)


def _matrix_sentence(table: Table) -> str:
    """How many went up and down, and whether that is more than chance."""
    up, down, same, _ = _moves(table)
    p = sign_test(up, down)
    judged = "" if p is None else f", {'a' if p < CLEAR else 'no'} clear change (sign test, {_p(p)})"
    counts = [_count(n, table) for n in (up, down, same)]
    return f"Of users that were not new, {counts[0]} went up, {counts[1]} down and {counts[2]} stayed the same{judged}."


def _p(p: float) -> str:
    return "p below 0.001" if p < 0.001 else f"p = {p:.3f}"
