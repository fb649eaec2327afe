"""Grids: a share by two dimensions, moves from one state to another, and departments by KPI."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.patches import Patch, Rectangle

from helpers.catalogue import kpi
from helpers.display.charts.frame import (
    CHARACTER,
    LOW_ROW,
    ROW,
    SMALL_SIZE,
    WIDTH,
    Chart,
    Sheet,
    not_drawn,
    sheet,
    table_behind,
    wrapped,
)
from helpers.display.context import Results
from helpers.display.formats import NOTHING, SMALL, format_period
from helpers.display.palette import BAD, GOOD, LINE, QUIET, TEXT, tint
from helpers.display.sentences import chart_title, ended, listed, why_nothing
from helpers.display.shown_tables import Table
from helpers.language import _, enumerated, key_of, retold, template
from helpers.results import Column
from helpers.statistics import sign_test
from helpers.texts import begun

HEAD, FOOT = 0.4, 0.22  # inches
NAMES = 1.5  # inches: the column of the rows' names
MOST_ROWS, MOST_COLUMNS = 14, 10
PALEST, DARKEST = 0.1, 0.8
LIGHT_ON = 0.55  # from this strength on, text is white
HELD = {  # how strong the colour of a department's cell is, by what it says
    "": 0.0, template("held"): 0.22, template("held, opposed"): 0.22, template("shared"): 0.8,
    template("shared, opposed"): 0.8,
}  # fmt: skip
SHARED, OPPOSED = ("shared", "shared, opposed"), ("held, opposed", "shared, opposed")
APART = 0.25  # of a cell: the gap before states that are no score


@dataclass(frozen=True)
class GridCell:
    """What a cell says, the strength of its colour (0 is white, 1 the colour itself), and its edge."""

    text: str
    strength: float = 0.0
    colour: str = QUIET
    quiet: bool = False
    edge: tuple[str, float] = (LINE, 0.5)


def heat_map(results: Results, kpi_id: str, meant: Mapping[str, Collection[str]] | None = None) -> Chart:
    """A share by two dimensions, ``persona / feature``, as columns and rows: darker is more.

    A share of fewer than five is told as counts. Where ``meant`` says which features a persona is meant to use, more is
    good: those cells alone have the pack's colour, the others are grey.
    """
    label, period, meant = kpi(kpi_id).label, results.period.label, meant or {}
    rows = results.frame[(results.frame["kpi_id"] == kpi_id) & (results.frame["period"] == period)]
    rows = rows[rows["segment"].str.contains(" / ", regex=False)]
    pairs = [name.split(" / ", 1) for name in rows["segment"]]
    rows = rows.assign(persona=[pair[0] for pair in pairs], feature=[pair[1] for pair in pairs])
    by = str(rows["segment_by"].iloc[0]) if len(rows) else ""
    dimensions = [_(each) for each in by.split(" / ")] if by else [_("persona"), _("feature")]
    first, second = map(begun, dimensions)
    what = _("{name} by {dimension}").format(name=label, dimension=listed(dimensions))
    title = chart_title(results, what, kpi(kpi_id).unit, [period])
    columns = {
        "persona": Column(first), "feature": Column(second), "numerator": Column(_("Use it"), "count"),
        "denominator": Column(_("Of"), "count"), "value": Column(_("Share"), "share"),
        "ci_low": Column(_("95% from"), "share"), "ci_high": Column(_("to"), "share"),
    }  # fmt: skip
    told = rows.assign(**{name: rows[name].map(retold) for name in ("persona", "feature")})
    table = table_behind(results.context, title, told.reset_index(drop=True), columns, _("Nothing was used."))
    if rows.empty:
        nothing = _("{name}: nothing was used in {period}.")
        nothing = nothing.format(name=label, period=format_period(period))
        return not_drawn(table, why_nothing(results, results.now(kpi_id), nothing))
    most_used = rows.groupby("feature")["numerator"].sum().sort_values(ascending=False, kind="stable")
    features, personas = list(most_used.index)[:MOST_ROWS], list(dict.fromkeys(rows["persona"]))[:MOST_COLUMNS]
    found = {(row["persona"], row["feature"]): row for _i, row in rows.iterrows()}

    def cell(persona: str, feature: str) -> GridCell:
        row, own = found.get((persona, feature)), feature in meant.get(persona, ())
        if row is None or pd.isna(row["value"]):
            return GridCell(NOTHING, quiet=True)
        if not row["value"] and not own:
            return GridCell("·", quiet=True)
        colour = results.context.ink if own else QUIET
        return GridCell(results.write.result(row), _shaded(float(row["value"])), colour, quiet=not row["value"])

    with sheet(HEAD + LOW_ROW * len(features) + (FOOT if meant else 0), results.context) as drawn:
        cells = [[cell(persona, feature) for persona in personas] for feature in features]
        heads, names = ([retold(name) for name in each] for each in (personas, features))
        _draw_grid(drawn, cells, heads, names, range(len(personas)), range(len(features)))
        if meant:
            _key(drawn, {_("meant for this persona"): tint(drawn.ink, 0.6), _("not"): tint(QUIET, 0.4)})
    return Chart(title, _heat_map_sentence(results, rows, meant), drawn.svg, table)


def matrix(table: Table) -> Chart:
    """Moves between two period ends: rows are states before, columns states now, scores first and in the same order.

    Cells right of the diagonal went up, left of it down; states that are no score (new, left) stand apart.
    """
    if table.rows.empty or not table.rows.iloc[:, 1:].to_numpy().sum():
        return not_drawn(table)
    named, *columns = table.listing.columns
    counts, before = table.rows[columns].to_numpy(), [str(name) for name in table.rows[named]]
    cells = [
        [_moved_cell(int(n), counts.max(), (state, name), table) for n, name in zip(line, columns, strict=True)]
        for state, line in zip(before, counts, strict=True)
    ]
    with sheet(HEAD + LOW_ROW * (len(before) + 1) + FOOT, table.context) as drawn:
        axes, period = drawn.axes, table.context.period
        heads = [table.listing.columns[name].label for name in columns]
        _draw_grid(drawn, cells, heads, before, _places(columns), _places(before))
        at_end = _("active weeks, end of {period}")
        before_end, now_end = (at_end.format(period=format_period(each.label)) for each in (period.previous(), period))
        axes.set_ylabel(before_end, fontsize=SMALL_SIZE, color=QUIET)
        axes.set_xlabel(now_end, fontsize=SMALL_SIZE, color=QUIET)
        axes.xaxis.set_label_position("top")
        shades = (tint(GOOD, 0.5), tint(BAD, 0.5), tint(table.context.ink, 0.5), tint(QUIET, 0.3))
        words = (_("more active (right)"), _("less active (left)"), _("the same"), _("new, entered or left"))
        moves = zip(words, _moves(table), shades, strict=True)
        told = _("{name}: {value}")
        _key(drawn, {told.format(name=name, value=table.write.value(n, "count")): shade for name, n, shade in moves})
    return Chart(table.listing.caption, _matrix_sentence(table), drawn.svg, table)


def alignment(table: Table) -> Chart:
    """One row per KPI, one column per department in hand-over order; shared cells are dark, opposed ones outlined.

    The table's first column names the KPIs; a cell is empty, ``held`` or ``shared``, and may say ``opposed`` after it.
    """
    if table.rows.empty:
        return not_drawn(table)
    named, *departments = table.listing.columns
    heads = [table.listing.columns[name].label for name in departments]
    with sheet(0.5 + ROW * len(table.rows), table.context) as drawn:
        axes = drawn.axes
        for y, (name, *row) in enumerate(table.rows[[named, *departments]].to_numpy().tolist()):
            for x, words in enumerate(row):
                held = key_of(words, HELD)
                edge = (BAD, 2.0) if held in OPPOSED else (LINE, 0.5)
                cell = GridCell(retold(held), HELD[held], table.context.ink, edge=edge)
                _draw_cell(drawn, (x, y), cell, f"{name}, {heads[x]}", height=0.84)
        wraps = [wrapped(head, max(8, 62 // len(departments)), 3) for head in heads]
        axes.set_xticks(range(len(wraps)), wraps, fontsize=SMALL_SIZE, color=QUIET)
        axes.xaxis.tick_top()
        names = [wrapped(str(name), 34) for name in table.rows[named]]
        axes.set_yticks(range(len(names)), names, fontsize=SMALL_SIZE, color=TEXT)
        axes.set_xlim(-0.5, len(departments) - 0.5)
        axes.set_ylim(len(names) - 0.5, -0.5)
    return Chart(table.listing.caption, _alignment_sentence(table), drawn.svg, table)


# --- cells ------------------------------------------------------------------------------------------------------------


def _draw_grid(
    drawn: Sheet,
    cells: Sequence[Sequence[GridCell]],
    heads: Sequence[str],
    names: Sequence[str],
    xs: Sequence[float],
    ys: Sequence[float],
) -> None:
    """One cell per column and row, the first row on top; heads are as many characters wide as their columns."""
    for y, name, line in zip(ys, names, cells, strict=True):
        for x, head, cell in zip(xs, heads, line, strict=True):
            _draw_cell(drawn, (x, y), cell, f"{name}, {head}", height=0.88)
    drawn.axes.set_xlim(-0.5, xs[-1] + 0.5)
    drawn.axes.set_ylim(ys[-1] + 0.5, -0.5)
    room = math.floor((WIDTH - NAMES) / max(len(heads), 1) / (SMALL_SIZE * CHARACTER))
    drawn.axes.set_xticks(list(xs), [wrapped(head, max(4, room), 2) for head in heads], fontsize=SMALL_SIZE, color=TEXT)
    drawn.axes.xaxis.tick_top()
    drawn.axes.tick_params(length=0)
    drawn.axes.set_yticks(list(ys), [wrapped(name, 26, 1) for name in names], fontsize=SMALL_SIZE, color=TEXT)


def _draw_cell(drawn: Sheet, at: tuple[float, float], cell: GridCell, named: str, *, height: float) -> None:
    face, (edge, width) = tint(cell.colour, cell.strength) if cell.strength else "white", cell.edge
    corner, order = (at[0] - 0.47, at[1] - height / 2), 3 if width > 1 else 2  # a strong edge lies above the others
    box = Rectangle(corner, 0.94, height, facecolor=face, edgecolor=edge, linewidth=width, zorder=order)
    drawn.axes.add_patch(box)
    if cell.text:
        drawn.mark(box, named, cell.text.replace("·", "0"))
    colour = "white" if cell.strength > LIGHT_ON else QUIET if cell.quiet else TEXT
    drawn.axes.text(*at, cell.text, ha="center", va="center", fontsize=SMALL_SIZE, color=colour, zorder=4)


def _shaded(share: float) -> float:
    """How strong the colour of a share is, 0 to 1."""
    return PALEST + (DARKEST - PALEST) * min(share, 1.0) if share else 0.0


def _key(drawn: Sheet, shades: Mapping[str, str]) -> None:
    """What shades mean, each with its words."""
    drawn.axes.legend(
        handles=[Patch(label=words, facecolor=colour) for words, colour in shades.items()], frameon=False,
        fontsize=SMALL_SIZE, labelcolor=TEXT, loc="upper left", bbox_to_anchor=(0, 0), ncols=len(shades), borderpad=0.2,
        handlelength=1.2, columnspacing=1.6,
    )  # fmt: skip


# --- the heat-map -----------------------------------------------------------------------------------------------------


def _heat_map_sentence(results: Results, rows: pd.DataFrame, meant: Mapping[str, Collection[str]]) -> str:
    """The most and the least used pair of those that are meant, else of all, with enough users to say."""
    pairs = zip(rows["persona"], rows["feature"], strict=True)
    wanted = pd.Series([not meant or feature in meant.get(persona, ()) for persona, feature in pairs], rows.index)
    enough = rows[wanted & (rows["denominator"] >= SMALL)].dropna(subset="value")
    if enough.empty:
        none = _("No group that a feature is meant for has {n} active users.") if meant else ""
        return (none or _("No group has {n} active users.")).format(n=SMALL)
    by_value = enough.sort_values("value", ascending=False, kind="stable")
    told = _("{feature} by {persona} ({value})")
    most, least = (
        told.format(feature=retold(row["feature"]), persona=retold(row["persona"]), value=results.write.result(row))
        for row in (by_value.iloc[0], by_value.iloc[-1])
    )
    sentence = _("Among groups of at least five active users, most used is {most}, least {least}.")
    if meant:
        sentence = _("Of the features meant for a persona, most used is {most}, least {least}.")
    return sentence.format(most=most, least=least)


# --- moves ------------------------------------------------------------------------------------------------------------


def _places(states: Sequence[str]) -> list[float]:
    """Where each state stands: those that are no score after a gap."""
    return [i + (0.0 if state.isdigit() else APART) for i, state in enumerate(states)]


def _moved_cell(n: int, highest: int, states: tuple[str, str], table: Table) -> GridCell:
    """How many went from one state to another, in the colour of what that means; who stayed is framed."""
    before, now = states
    scores = before.isdigit() and now.isdigit()
    same = scores and before == now
    colour = table.context.ink if same else QUIET
    if scores and not same:
        colour = GOOD if int(now) > int(before) else BAD
    text = table.write.value(n, "count") if n else "·"
    return GridCell(text, _shaded(n / highest), colour, not n, (TEXT, 0.9) if same else (LINE, 0.5))


def _moves(table: Table) -> tuple[int, int, int, int]:
    """How many went up, went down, stayed the same, and were not there both times or new."""
    named, *columns = table.listing.columns
    scores = [name for name in columns if name.isdigit()]
    counts = table.rows.set_index(named)[columns]
    both = counts.loc[scores, scores].to_numpy()
    up, down, same = np.triu(both, 1).sum(), np.tril(both, -1).sum(), np.trace(both)
    return int(up), int(down), int(same), int(counts.to_numpy().sum() - up - down - same)


def _matrix_sentence(table: Table) -> str:
    """How many went up and down, and whether that is more than chance."""
    up, down, same, _others = _moves(table)
    p = sign_test(up, down)
    counts = dict(zip(("up", "down", "same"), (table.write.value(n, "count") for n in (up, down, same)), strict=True))
    told = _("Of users that were not new, {up} went up, {down} down and {same} stayed the same").format(**counts)
    if p is None:
        return ended(told)
    in_100 = _("less than 1") if p < 0.01 else f"{100 * p:.0f}"
    judged = _("{sentence}: that may be chance ({n} in 100).")
    if p < 0.05:
        judged = _("{sentence}: likely a real difference ({n} in 100 by chance).")
    return judged.format(sentence=told, n=in_100)


# --- departments ------------------------------------------------------------------------------------------------------


def _alignment_sentence(table: Table) -> str:
    """How many of the KPIs are shared, which neighbours share none, and how many are opposed."""
    _named, *departments = table.listing.columns
    cells = table.rows[departments].map(lambda words: key_of(words, HELD))
    shared, opposed = (int(cells.isin(words).any(axis=1).sum()) for words in (SHARED, OPPOSED))
    apart = [
        listed([table.listing.columns[name].label for name in pair])
        for pair in pairwise(departments)
        if not (cells[list(pair)] != "").all(axis=1).any()
    ]
    told = _(
        "KPIs: {n}; shared by departments: {shared}; working against another: {opposed}; neighbours that share none: "
        "{apart}."
    )
    return told.format(n=len(cells), shared=shared, opposed=opposed, apart=enumerated(apart) or _("none"))
