"""KPIs over time: lines, the XmR chart of a history with its usual range, and columns from zero."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from helpers.catalogue import judged_as, kpi
from helpers.display.charts.frame import (
    COLUMN,
    SHIFT,
    Chart,
    EndLabel,
    Sheet,
    Side,
    labels_with_room,
    sheet,
    table_behind,
    wrapped,
)
from helpers.display.context import Results, Series
from helpers.display.formats import FEW, MONEY, Writer, format_days, format_period
from helpers.display.palette import BAND, FILLS, QUIET, TEXT, TONES, lighter, shades
from helpers.display.sentences import chart_title, ended, movement, when, why_not_drawn
from helpers.display.shown_tables import Table
from helpers.display.signals import ENOUGH, Verdict, change_tone, judged_series, standing_out, verdict
from helpers.errors import KitError
from helpers.language import _, message, paragraph, retold
from helpers.periods import DAY
from helpers.results import NONE, Column
from helpers.texts import spoken

HEIGHT, LABEL = 1.55, 0.25  # inches: of a chart, and what each line after the first adds for its label
STROKES: tuple[tuple[bool, Any], ...] = ((True, "-"), (False, "-"), (True, (0, (4, 2))), (False, (0, (4, 2))))
SIGNALS = {
    "good": ("o", 7.5, message("large dot: good news")),
    "bad": ("D", 6.5, message("diamond: bad news")),
    "": ("s", 6.5, message("square: unusual")),
}
COLUMNS_SHOWN = {"quarter": 5, "month": 12, "week": 12}
STACKS_SHOWN = {"quarter": 8, "month": 12, "week": 12}
TARGET_WIDTH = 0.14
PARTS = 5  # more cannot be told apart; the smallest are then drawn as one
STATUS_WORDS = {
    "ok": "", "partial": message("to date"), "insufficient": message("too little data"),
    "not_provided": message("not provided"), "undefined": message("undefined"), "refused": message("refused"),
}  # fmt: skip


# By the kind of the periods: why no usual range is drawn, and which values say what is usual.
TOO_FEW: dict[str, str] = {
    "quarter": message("No usual range is drawn: it takes {n} quarters with a value, known: {known}."),
    "month": message("No usual range is drawn: it takes {n} months with a value, known: {known}."),
    "week": message("No usual range is drawn: it takes {n} weeks with a value, known: {known}."),
}
USUAL: dict[str, str] = {
    "quarter": message("The usual range is that of the first {n} quarters."),
    "month": message("The usual range is that of the first {n} months."),
    "week": message("The usual range is that of the first {n} weeks."),
}


@dataclass(frozen=True)
class History:
    """Some KPIs of one unit, period by period, earliest first: what is drawn, and the table behind it.

    Raises:
        KitError: they have several units, so one axis cannot hold them.
    """

    results: Results
    kpi_ids: Sequence[str]
    kind: Series

    def __post_init__(self) -> None:
        units = {kpi(kpi_id).unit for kpi_id in self.kpi_ids}
        if len(units) > 1:
            raise KitError(f"{', '.join(self.kpi_ids)} have the units {', '.join(sorted(units))}; draw one chart each")

    @property
    def unit(self) -> str:
        return kpi(self.kpi_ids[0]).unit

    @property
    def names(self) -> str:
        """Their labels, as a title lists them."""
        *first, last = (kpi(kpi_id).label for kpi_id in self.kpi_ids)
        return _("{names} and {last}").format(names=_("; ").join(first), last=last) if first else last

    @property
    def title(self) -> str:
        return chart_title(self.results, self.names, self.unit, self.periods)

    @cached_property
    def periods(self) -> list[str]:
        rows = pd.concat(self._series.values())
        return [str(period) for period in rows.sort_values("period_start")["period"].unique()]

    def rows(self, kpi_id: str) -> pd.DataFrame:
        """The rows of one KPI by period; the value is missing where it is not one to draw."""
        rows = self._series[kpi_id].set_index("period").reindex(self.periods)
        return rows.assign(value=rows["value"].where(rows["status"].isin(["ok", "partial"])))

    @cached_property
    def _series(self) -> dict[str, pd.DataFrame]:
        return {kpi_id: self.results.series(kpi_id, self.kind) for kpi_id in self.kpi_ids}

    def statuses(self) -> pd.DataFrame:
        """One row per period, one column per KPI."""
        return pd.concat([self.rows(kpi_id)["status"] for kpi_id in self.kpi_ids], axis=1)

    def table(self) -> Table:
        """One row per period; of a single KPI with its interval and n."""
        columns = {"period": Column(_("Period"))} | {k: Column(kpi(k).label, kpi(k).unit) for k in self.kpi_ids}
        values: dict[str, Any] = {"period": [format_period(p) for p in self.periods]}
        values |= {kpi_id: list(self.rows(kpi_id)["value"]) for kpi_id in self.kpi_ids}
        if len(self.kpi_ids) == 1:
            rows = self.rows(self.kpi_ids[0])
            more = {"ci_low": (_("95% from"), self.unit), "ci_high": (_("to"), self.unit), "n": ("n", "count")}
            present = [name for name in more if rows[name].notna().any()]
            columns |= {name: Column(*more[name]) for name in present}
            values |= {name: list(rows[name]) for name in present}
        found = [dict.fromkeys(s for s in row if isinstance(s, str)) for row in self.statuses().to_numpy()]
        words = [_("; ").join(_(word) for word in map(STATUS_WORDS.__getitem__, row) if word) for row in found]
        if any(words):
            columns["status"], values["status"] = Column(_("Status")), words
        return table_behind(self.results.context, self.names, pd.DataFrame(values), columns, _("No values."))


def lines(results: Results, *kpi_ids: str, reference: float | None = None) -> Chart:
    """KPIs of one unit over time, each labelled at its end; ``reference`` is a value to compare them with.

    A whisker is the interval of the last value, a hollow point a value to date, a hollow square a target.

    Raises:
        KitError: the KPIs have different units.
    """
    history = History(results, kpi_ids, results.period.kind)
    rows = {kpi_id: results.shown(kpi_id) for kpi_id in kpi_ids}
    none = _("{name} was not computed.")
    told = (
        none.format(name=kpi(k).label) if row is None else ended(movement(results, row, year_ago=True))
        for k, row in rows.items()
    )
    sentence = paragraph(*told)
    drawable = [k for k in kpi_ids if history.rows(k)["value"].count() > 1]
    values = pd.concat([history.rows(k)[["value"]] for k in drawable]) if drawable else pd.DataFrame()
    if not values.fillna(0.0).to_numpy().any():
        few = _("Fewer than two values: there is no line to draw.")
        why = why_not_drawn(values, results, history.unit) if drawable else few
        return Chart(history.title, paragraph(sentence, why), "", history.table())
    with sheet(HEIGHT + LABEL * (len(drawable) - 1), results.context) as drawn:
        drawn.value_axis(history.unit)
        strokes = zip(drawable, STROKES * len(drawable), strict=False)
        labels = [_line(drawn, results, history.rows(k), stroke) for k, stroke in strokes]
        if reference is not None:
            drawn.axes.axhline(reference, color=QUIET, linewidth=0.8, linestyle=(0, (2, 2)))
            compared = _("reference {value}").format(value=drawn.write.value(reference, history.unit))
            labels.append(EndLabel(reference, compared))
        _time_axis(drawn, history)
        drawn.end_labels(labels)
    return Chart(history.title, sentence, drawn.svg, history.table())


def xmr(results: Results, kpi_id: str) -> Chart:
    """The history that a KPI is judged by: its average, its usual range as a band, and the values beyond it.

    Overlapping windows are drawn by their quarterly variant. A series too short for limits is a plain line.

    Raises:
        KitError: the KPI is one whose history says nothing of what is usual.
    """
    subject = judged_as(kpi_id)
    if not subject:
        raise KitError(
            f"{kpi_id} is not judged by its history: it is a stock that trends, a window that overlaps, or a part of "
            f"another KPI; draw charts.lines(results, {kpi_id!r})"
        )
    found, history = verdict(results, kpi_id), History(results, [subject], judged_series(results, subject)[0])
    rows, sentence = history.rows(subject), _verdict_sentence(results, history, found)
    if rows["value"].nunique() < 2:
        same = _("All known values are the same, so no line is drawn.") if rows["value"].count() > 1 else ""
        return Chart(history.title, paragraph(sentence, same), "", history.table())
    with sheet(HEIGHT, results.context) as drawn:
        drawn.value_axis(history.unit)
        labels = [*_usual_range(drawn, found), _judged_line(drawn, rows, found)]
        _time_axis(drawn, history)
        drawn.end_labels(labels)
    return Chart(history.title, sentence, drawn.svg, history.table())


def columns(results: Results, kpi_id: str, segment_by: str = "") -> Chart:
    """One KPI over time as columns from zero; pale in a dashed edge is what is to date.

    Without ``segment_by``, beside each column stands the lighter one of the year before, and the target of the review
    period is outlined. With it, columns are stacked by segment, of a KPI whose segments add up.

    Raises:
        KitError: the KPI is a rate or a median, whose segments do not add up.
    """
    history, row = History(results, [kpi_id], results.period.kind), results.shown(kpi_id)
    sentence = movement(results, row, year_ago=True) if row is not None else kpi(kpi_id).label
    if segment_by:
        return _stacked(results, history, sentence, segment_by)
    rows = history.rows(kpi_id).tail(COLUMNS_SHOWN[history.kind])
    title = chart_title(results, history.names, history.unit, list(rows.index))
    if not rows["value"].fillna(0.0).any():
        why = why_not_drawn(rows[["value"]], results, history.unit)
        return Chart(title, paragraph(ended(sentence), why), "", history.table())
    with sheet(HEIGHT, results.context) as drawn:
        _paired_columns(drawn, results, rows)
    return Chart(title, ended(sentence), drawn.svg, history.table())


# --- lines ------------------------------------------------------------------------------------------------------------


def _time_axis(drawn: Sheet, history: History) -> None:
    drawn.axes.use_sticky_edges = False
    drawn.axes.margins(y=0.08)
    drawn.axes.set_xlim(-0.4, len(history.periods) - 0.7)
    drawn.period_axis(history.periods, list((history.statuses() == "partial").any(axis=1)))


def _points(drawn: Sheet, rows: pd.DataFrame, colour: str, **look: Any) -> None:
    """A line with its points; what is not final is an empty one."""
    drawn.axes.plot(range(len(rows)), rows["value"], color=colour, marker="o", **look)
    names = [_(", ").join([str(rows["label"].iloc[i]), each]) for i, each in enumerate(_named(rows))]
    drawn.points(range(len(rows)), rows["value"], names, rows["unit"].dropna().iloc[0])
    for i, (value, status) in enumerate(zip(rows["value"], rows["status"], strict=True)):
        if status == "partial":
            drawn.axes.plot([i], [value], marker="o", markersize=4.5, markerfacecolor="white", markeredgecolor=colour)


def _named(rows: pd.DataFrame) -> list[str]:
    """The periods of rows in words, those that are not over as such."""
    return [when(period, status) for period, status in zip(rows.index, rows["status"], strict=True)]


def _line(drawn: Sheet, results: Results, rows: pd.DataFrame, stroke: tuple[bool, Any]) -> EndLabel:
    """One KPI; its label stands at its last value."""
    colour, write = drawn.ink if stroke[0] else lighter(drawn.ink), drawn.write
    _points(drawn, rows, colour, ls=stroke[1], linewidth=1.8, markersize=3.5)
    at_end = rows["value"].notna().to_numpy().nonzero()[0][-1]
    last = rows.iloc[at_end]
    value, low, high = last["value"], last["ci_low"], last["ci_high"]
    if not (math.isnan(low) or math.isnan(high)):
        look: dict[str, Any] = {"fmt": "none", "ecolor": colour, "elinewidth": 0.9, "capsize": 2.5}
        drawn.axes.errorbar([at_end], [value], yerr=[[value - low], [high - value]], **look)
    text = wrapped(last["label"])
    if (target := results.target(last["kpi_id"])) is not None and results.period.label in rows.index:
        at = list(rows.index).index(results.period.label)
        drawn.axes.plot([at], [target], marker="s", markersize=6, markerfacecolor="none", markeredgecolor=colour)
        gap = write.change(value, target, last["unit"]) if at == at_end and last["status"] == "ok" else ""
        aim = _("target {value}").format(value=write.value(target, last["unit"]))
        text = "\n".join([text, _(", ").join(filter(None, [aim, gap]))])
    shade = colour if stroke[0] else QUIET  # a lighter line is seen, lighter text is not read
    return EndLabel(value, text, write.value(value, last["unit"]), shade)


def _usual_range(drawn: Sheet, found: Verdict) -> list[EndLabel]:
    """The band of the usual range and the average, with their labels."""
    if found.range is None or found.limits.mean is None:
        return []
    low, high = found.range
    drawn.axes.axhspan(low, high, color=BAND, zorder=0, linewidth=0)
    drawn.axes.axhline(found.limits.mean, color=QUIET, linewidth=0.8)
    levels = {
        _("upper limit {value}"): high,
        _("average {value}"): found.limits.mean,
        _("lower limit {value}"): low,
    }
    unit = kpi(found.subject).unit
    return [EndLabel(value, told.format(value=drawn.write.value(value, unit))) for told, value in levels.items()]


def _judged_line(drawn: Sheet, rows: pd.DataFrame, found: Verdict) -> EndLabel:
    """The values; those beyond the range have the shape and the tone of what they mean."""
    _points(drawn, rows, drawn.ink, linewidth=1.2, markersize=3)
    marked = standing_out(found, rows.index, rows["value"])
    for i, tone in marked.items():
        shape, size, _told = SIGNALS[tone]
        look: dict[str, Any] = {"marker": shape, "markersize": size, "color": FILLS[tone]}
        drawn.axes.plot([i], [rows["value"].iloc[i]], zorder=5, **look)
    words = [_(SIGNALS[tone][2]) for tone in dict.fromkeys(marked.values())]
    drawn.key(_("; ").join([*words, *[_("varies too much for a verdict")] * found.is_wide]))
    last = rows[rows["value"].notna()].iloc[-1]
    name = format_period(str(last.name))
    return EndLabel(last["value"], name, drawn.write.value(last["value"], last["unit"]), drawn.ink)


def _verdict_sentence(results: Results, history: History, found: Verdict) -> str:
    """The judged value, where it stands, and which values say what is usual."""
    subject, fixed = history.kpi_ids[0], found.baseline
    label, row = kpi(subject).label, results.now(subject)
    if fixed:
        days = format_days(fixed.from_on, fixed.to_on + DAY)
        basis = _("The usual range is that of {days}, as the review fixes it: {reason}.")
        basis = basis.format(days=days, reason=fixed.reason.rstrip("."))
    if found.limits.mean is None:
        count = history.rows(subject)["value"].count()
        not_computed = _("{name} was not computed").format(name=label)
        value = not_computed if row is None else movement(results, row)
        none = _(TOO_FEW[history.kind]).format(n=ENOUGH, known=count)
        if fixed:
            none = _("No usual range is drawn: too few values lie in that of {days}, as the review fixes it: {reason}.")
            none = none.format(days=days, reason=fixed.reason.rstrip("."))
        return paragraph(ended(value), none)
    if not fixed:
        basis = _(USUAL[found.kind]).format(n=found.limits.baseline)
    where = _("{name}, {period}: {value}, {position}.")
    if found.state == "signal":
        where = _("{name}, {period}: {value}, a signal, {position}.")
    value, period = results.write.value(found.value, history.unit), format_period(found.period)
    return paragraph(where.format(name=label, period=period, value=value, position=found.position), basis)


# --- columns ----------------------------------------------------------------------------------------------------------


def _paired_columns(drawn: Sheet, results: Results, rows: pd.DataFrame) -> None:
    """Beside each column the lighter one of the year before, above it the change on that; and the target."""
    write, kpi_id, periods = drawn.write, rows["kpi_id"].dropna().iloc[0], list(rows.index)
    year_before = [results.year_before(row) for _i, row in rows.reset_index().iterrows()]
    before = [math.nan if row is None else float(row["value"]) for row in year_before]
    shift = SHIFT if any(row is not None for row in year_before) else 0.0
    target = results.target(kpi_id) if results.period.label in periods else None
    partial, named, unit = list(rows["status"] == "partial"), _named(rows), kpi(kpi_id).unit
    for i, value in enumerate(rows["value"]):
        bar = drawn.axes.bar(i - shift, before[i], COLUMN, color=lighter(drawn.ink))
        drawn.marks(bar, [_("The year before {period}").format(period=named[i])], [before[i]], unit)
        drawn.marks(drawn.column(i + shift, value, drawn.ink, partial=partial[i]), [named[i]], [value], unit)
    ends = [float(end) for end in (*rows["value"], *before, target or 0.0) if not math.isnan(end)]
    drawn.zero_axis(max(ends), min(ends), lines=2)
    for i in labels_with_room([write.value(value, kpi(kpi_id).unit) for value in rows["value"]]):
        _column_label(drawn, i, rows.iloc[i], before[i])
    if target is not None:
        edge = periods.index(results.period.label) + shift + COLUMN / 2 + 0.03
        outlined(drawn, edge, target, unit, _("Target"))
        gap = "" if partial[-1] else _variance(write, rows["value"].iloc[-1], target, unit)
        words = [_("target"), write.value(target, unit), *gap.split(" ", 1)]
        drawn.text((edge + TARGET_WIDTH, target), "\n".join(words), va="top")
    drawn.axes.set_xlim(-0.6, len(rows) - 0.4)
    drawn.period_axis(periods, partial)
    key = {
        _("light: the year before"): bool(shift),
        _("outlined: target"): target is not None,
        _("dashed edge: to date"): any(partial),
    }
    drawn.key(_("; ").join(words for words, is_there in key.items() if is_there))


def outlined(drawn: Sheet, edge: float, target: float, unit: str, name: str) -> None:
    """A target as an outlined column to the right of a place."""
    look: dict[str, Any] = {"color": "none", "edgecolor": TEXT, "linewidth": 0.9}
    drawn.marks(drawn.axes.bar(edge + TARGET_WIDTH / 2, target, TARGET_WIDTH, **look), [name], [target], unit)


def _column_label(drawn: Sheet, x: float, row: pd.Series, before: float) -> None:
    """The value above the columns (below a negative one), and beyond it the change on the year before."""
    value, unit, write = row["value"], row["unit"], drawn.write
    present = [end for end in (value, before) if not math.isnan(end)]
    side: Side = "below" if value < 0 else "above"
    at, sign = (x, value if value < 0 else max([0.0, *present])), -1 if value < 0 else 1
    drawn.text(at, write.value(value, unit), (0, 3 * sign), bold=True, side=side)
    if len(present) == 2:
        tone = TONES[change_tone(row["kpi_id"], value - before)]
        drawn.text(at, _variance(write, value, before, unit), (0, 12.5 * sign), colour=tone, side=side)


def _variance(write: Writer, value: float, other: float, unit: str) -> str:
    """How far a value is from another, absolute and in per cent; of a few things, whose per cent misleads, absolute."""
    text = write.change(value, other, unit)
    relative = write.relative_change(value, other) if unit == "count" and other >= FEW else ""
    return _("{value} ({note})").format(value=text, note=relative) if relative else text


def _stacked(results: Results, history: History, sentence: str, segment_by: str) -> Chart:
    """Each column is made of its segments, which are named beside the last one."""
    kpi_id, unit, write = history.kpi_ids[0], history.unit, results.write
    if unit not in (*MONEY, "count"):
        raise KitError(f"{kpi_id} is a {unit}: its segments do not add up; draw charts.bars(results, {kpi_id!r}, …)")
    periods = history.periods[-STACKS_SHOWN[history.kind] :]
    rows = results.segments(kpi_id, segment_by, history.kind)
    rows = rows[rows["status"].isin(["ok", "partial"])]
    parts = rows.pivot(index="period", columns="segment", values="value")[_in_order(rows)].reindex(periods)
    parts = parts.rename(columns=lambda name: retold(spoken(name)))
    what = _("{name} by {dimension}").format(name=history.names, dimension=_(spoken(segment_by)))
    title = chart_title(results, what, unit, periods)
    keys = {f"part_{i}": str(name) for i, name in enumerate(parts.columns)}
    named = {"period": Column(_("Period")), **{key: Column(name, unit) for key, name in keys.items()}}
    by_key = parts.set_axis(list(keys), axis=1).rename_axis("period").reset_index()
    by_key["period"] = [format_period(str(label)) for label in by_key["period"]]
    table = table_behind(results.context, title, by_key, named, _("No parts."))
    if not parts.fillna(0.0).to_numpy().any():
        told = ended(sentence)
        return Chart(title, paragraph(told, why_not_drawn(parts, results, unit)), "", table)
    with sheet(HEIGHT, results.context) as drawn:
        _stacked_columns(drawn, history.rows(kpi_id).loc[periods], parts)
    last = parts.iloc[-1].dropna()
    if not last.empty and last.max() > 0:
        told = _("{sentence}; largest part: {part}, {value}")
        if (last >= 0).all():
            told = _("{sentence}; largest part: {part}, {value} ({share})")
        share = write.value(last.max() / last.sum(), "share")
        part, value = spoken(last.idxmax()), write.value(last.max(), unit)
        sentence = told.format(sentence=sentence, part=part, value=value, share=share)
    return Chart(title, ended(sentence), drawn.svg, table)


def _in_order(rows: pd.DataFrame) -> list[str]:
    """Segments in the order in which the card gave them, those of the last period first; what has none last."""
    names = dict.fromkeys([*rows[rows["period_start"] == rows["period_start"].max()]["segment"], *rows["segment"]])
    return sorted(names, key=lambda name: name == NONE)


def _stacked_columns(drawn: Sheet, totals: pd.DataFrame, parts: pd.DataFrame) -> None:
    """What is positive is stacked upwards from zero, what is negative downwards; beyond some parts, the rest is one.

    The first part is on top, as the first row of bars is.
    """
    if len(parts.columns) > PARTS:
        largest = parts.abs().sum().nlargest(PARTS - 1).index
        rest = [name for name in parts.columns if name not in largest]
        others = _("{n} others").format(n=len(rest))
        parts = parts.drop(columns=rest).assign(**{others: parts[rest].sum(axis=1)})
    partial, unit, write = list(totals["status"] == "partial"), totals["unit"].dropna().iloc[0], drawn.write
    ends = {True: [0.0] * len(parts), False: [0.0] * len(parts)}  # how far the stack reaches, upwards and downwards
    labels, named = [], _named(totals)
    for segment, shade in reversed([*zip(parts.columns, shades(drawn.ink) * 2, strict=False)]):
        for i, value in enumerate(parts[segment].fillna(0.0)):
            bottom = ends[value >= 0][i]
            bar = drawn.column(i, value, shade, partial=partial[i], bottom=bottom)
            drawn.marks(bar, [_(", ").join([segment, named[i]])], [value or math.nan], unit)
            ends[value >= 0][i] = bottom + value
        if value:
            text = f"{spoken(wrapped(segment, 22, 1))}  {write.value(value, unit)}"
            labels.append(EndLabel(bottom + value / 2, text, "", TEXT))
    drawn.zero_axis(max(ends[True]), min(ends[False]))
    texts = [write.value(value, unit) for value in totals["value"]]
    for i in labels_with_room(texts):
        drawn.text((i, ends[True][i]), texts[i], (0, 3), bold=True, side="above", va="baseline")
    drawn.axes.set_xlim(-0.5, len(parts) - 0.65)
    drawn.period_axis(list(parts.index), partial)
    drawn.end_labels(labels)
