"""Customers and users one by one or as a whole: who still waits, a dot or a line for each, and how use is spread."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from babel.dates import format_skeleton
from matplotlib.ticker import MaxNLocator

from helpers.catalogue import kpi
from helpers.display.charts.frame import (
    BAR,
    COLUMN,
    DAY_KINDS,
    DAYS_KEY,
    LOW_ROW,
    SHIFT,
    SMALL_SIZE,
    Chart,
    EndLabel,
    Sheet,
    counted,
    day_looks,
    not_drawn,
    sheet,
    table_behind,
    wrapped,
)
from helpers.display.context import Results
from helpers.display.formats import format_day, format_period, unit_note
from helpers.display.palette import BAD, BAND, FILLS, GOOD, QUIET, TEXT, lighter
from helpers.display.sentences import chart_title, clauses, ended, why_nothing
from helpers.display.shown_tables import Table
from helpers.language import _, key_of, locale_in_force, message, retold, template
from helpers.results import Column
from helpers.texts import begun, spoken

DOTS_HEIGHT, CURVE_HEIGHT, COLUMNS_HEIGHT = 1.5, 1.75, 1.4  # inches
NEW = template("new")  # the segment of users who could not have every score yet
STEPS = (1, 2, 5, 10, 20, 30, 60, 90, 180, 365)  # days between two rows of a curve's table
MOST_STEPS = 16
END = 16  # characters of a line at the end of a curve


@dataclass(frozen=True)
class Dot:
    """How a state is drawn, its words in the key, and those of the sentence: how many, and the highest ``value``."""

    mark: str
    key: str
    words: str
    is_hollow: bool = False
    is_bad: bool = False


STATES = {
    template("has value"): Dot("o", message("filled: has value"), message("{n} have value, the longest after {value}")),
    template("still waiting"): Dot(
        "o",
        message("hollow: still waiting, days so far"),
        message("{n} still wait, the longest after {value}"),
        is_hollow=True,
    ),
    template("left before"): Dot(
        "x",
        message("cross: left before"),
        message("{n} left before they had it, the longest after {value}"),
        is_bad=True,
    ),
    template("on time"): Dot("o", message("filled: on time"), message("{n} on time")),
    template("late"): Dot("D", message("diamond: late"), message("{n} late, by {value} at most"), is_bad=True),
    template("not delivered"): Dot(
        "D",
        message("hollow: not delivered, days so far"),
        message("{n} not delivered, {value} late so far at most"),
        is_hollow=True,
        is_bad=True,
    ),
    template("followed"): Dot(
        "o", message("filled: followed to the end"), message("{n} followed to the end, with {value} at most")
    ),
    template("too young"): Dot(
        "o",
        message("hollow: too young, so far"),
        message("{n} too young to count, with {value} at most so far"),
        is_hollow=True,
    ),
}


def curve(table: Table) -> Chart:
    """The share still waiting by time, with its interval as a band and a tick where somebody is followed no further.

    The table has one row per ``cohort`` and time at which something happened, which is its second column:
    ``waiting`` with ``low`` and ``high``, ``unseen``; the first cohort is drawn dark, one after it lighter. Where
    ``of_all`` is given, those who left are counted among the waiting in a dashed line.
    """
    if table.rows.empty:
        return not_drawn(table)
    time = _time(table)
    cohorts = {str(name): rows for name, rows in table.rows.groupby("cohort", sort=False)}
    (own_name, own), *before = cohorts.items()
    with sheet(CURVE_HEIGHT, table.context) as drawn:
        axes, labels = drawn.axes, []
        drawn.value_axis("share")
        axes.set_ylim(0, 1.03)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
        axes.set_xlim(0, max(float(table.rows[time].max()), 1))
        axes.axhline(0, color=TEXT, linewidth=0.9, zorder=4)
        axes.axhline(0.5, color=QUIET, linewidth=0.8, linestyle=(0, (2, 2)))
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.tick_params(axis="x", labelcolor=TEXT, labelsize=SMALL_SIZE)
        for name, rows in before:
            axes.step(rows[time], rows["waiting"], where="post", color=lighter(drawn.ink), linewidth=1.4, zorder=1)
            _curve_points(drawn, name, rows, table)
            labels.append(_curve_label(name, rows, table, QUIET))
        drawn.end_labels([*labels, *_own_curve(drawn, own_name, own, table)])
    title = _("{caption}, %, {cohort}, by {unit} after the start").format(
        caption=table.listing.caption, cohort=own_name, unit=unit_note(_unit(table))
    )
    halves = [_half_words(name, rows, table, interval=rows is own) for name, rows in cohorts.items()]
    sentence = begun(ended(_("; ").join(halves)))
    return Chart(title, sentence, drawn.svg, _curve_table(cohorts, table))


def dots(table: Table, day: str, value: str, things: str) -> Chart:
    """One dot per row: a number, by a day; ``things`` are what the rows are.

    The table has one row per customer, commitment or item, with these columns and its ``state``, which is one of
    ``STATES``.
    """
    if table.rows.empty:
        return not_drawn(table)
    write, unit = table.write, table.listing.columns[value].unit
    of_rows = table.rows["state"].map(lambda word: key_of(word, STATES))
    states = {state: table.rows[of_rows == state] for state in STATES}
    states = {state: rows for state, rows in states.items() if len(rows)}
    with sheet(DOTS_HEIGHT, table.context) as drawn:
        drawn.value_axis(unit)
        for state, rows in states.items():
            look = STATES[state]
            colour = FILLS["bad"] if look.is_bad else table.context.ink
            face = "none" if look.is_hollow else colour
            for _i, row in rows.iterrows():
                [dot] = drawn.axes.plot(
                    pd.Timestamp(row[day]).toordinal(), row[value], look.mark, markersize=5, markeredgecolor=colour,
                    markerfacecolor=face, clip_on=False, zorder=5,
                )  # fmt: skip
                at = format_day(row[day])
                drawn.mark(dot, row.iloc[0], _(", ").join([write.phrase(row[value], unit), retold(state), at]))
        lowest = min(0.0, float(table.rows[value].min()))
        drawn.axes.set_ylim(bottom=lowest)
        if lowest < 0:
            drawn.axes.axhline(0, color=TEXT, linewidth=0.9)
        _month_axis(drawn, pd.to_datetime(table.rows[day]))
        drawn.key(_("; ").join(_(look.key) for look in map(STATES.__getitem__, states)))
    parts = []
    for state, rows in states.items():
        words = STATES[state].words
        n, highest = write.value(len(rows), "count"), write.phrase(rows[value].max(), unit)
        parts.append(_(words).format(n=n, value=highest))
    sentence = _("Of {things}: {parts}.").format(
        things=counted(len(table.rows), things, write), parts=_("; ").join(parts)
    )
    return Chart(table.listing.caption, sentence, drawn.svg, table)


def timelines(table: Table) -> Chart:
    """One bar per customer, the longest way first: on which days somebody waited, and on which somebody worked.

    The table has one row per stretch of a stage: the customer in its first column, ``customer_id``, ``stage``,
    ``kind``, ``from_day``, ``to_day`` and ``total``, the days at which its way ends; one without any stage is a row
    without these. Where stages overlap, work is drawn over waiting; the stage open longest stands beside.
    """
    rows = table.rows
    if rows.empty:
        return not_drawn(table)
    customers = rows.drop_duplicates("customer_id").sort_values("total", ascending=False, kind="stable")
    with sheet(LOW_ROW * (len(customers) + 2), table.context) as drawn:
        for y, customer in enumerate(customers["customer_id"]):
            _timeline(drawn, y, rows[rows["customer_id"] == customer])
        drawn.row_axis(customers.iloc[:, 0])
        drawn.axes.margins(x=0.08)
        drawn.key(_("{key}; thin: no stage open; right: the stage open longest").format(key=_(DAYS_KEY)))
    with_days = _("{name} with {days}")
    longest, shortest = (
        with_days.format(name=row.iloc[0], days=table.write.phrase(row["total"], "days"))
        for _i, row in customers.iloc[[0, -1]].iterrows()
    )
    told = _("The longest way is that of {longest}, the shortest that of {shortest}.")
    if most := _longest_stage(rows):
        told = _(
            "The longest way is that of {longest}, the shortest that of {shortest}; the stage open on most days is "
            "{stage}."
        )
    sentence = told.format(longest=longest, shortest=shortest, stage=spoken(most))
    return Chart(_(", ").join([table.listing.caption, unit_note("days")]), sentence, drawn.svg, table)


def histogram(results: Results, kpi_id: str) -> Chart:
    """The shares of the segments of a count, in their own order, the new apart; the period before is lighter."""
    period, label, write = results.period.label, kpi(kpi_id).label, results.write
    previous = "".join(each.label for each in results.period.history(1))  # empty where a calendar begins with this one
    now, before = (_shares(results, kpi_id, label) for label in (period, previous))
    title = chart_title(results, label, "share", [period])
    when, when_before = (format_period(each) for each in (period, previous))
    columns = {
        "segment": Column(_("Active weeks")), "value": Column(when, "count"), "share": Column(_("Share"), "share"),
    }  # fmt: skip
    if previous:
        share = Column(_("Share {period}").format(period=when_before), "share")
        columns |= {"value_before": Column(when_before, "count"), "share_before": share}
    rows = now.join(before.add_suffix("_before")).reset_index()
    rows = rows.assign(segment=rows["segment"].map(retold))
    table = table_behind(results.context, title, rows, columns, _("Nobody is counted."))
    if not now["value"].sum():
        nobody = _("{name}: nobody is counted in {period}.").format(name=label, period=when)
        return not_drawn(table, why_nothing(results, results.now(kpi_id), nobody))
    with sheet(COLUMNS_HEIGHT, results.context) as drawn:
        shift = SHIFT if before["height"].any() else 0.0
        old = before.reindex(now.index)
        both = ((old, lighter(drawn.ink), -shift, when_before), (now, drawn.ink, shift, when))
        told = _("{n} active weeks, {period}")
        for rows, look, aside, at in both if shift else both[1:]:
            bars = drawn.axes.bar([i + aside for i in range(len(now))], rows["height"], COLUMN, color=look)
            names = [told.format(n=retold(str(name)), period=at) for name in now.index]
            drawn.marks(bars, names, rows["value"], "count")
        drawn.zero_axis(max(now["height"].max(), old["height"].fillna(0.0).max()), lines=2)
        heights = now["height"].combine(old["height"].fillna(0.0), max)
        for i, (name, share, n) in enumerate(zip(now.index, now["share"], now["value"], strict=True)):
            counted = write.value(n, "count")
            text = counted if name == NEW else f"{write.value(share, 'share')}\n{counted}"
            drawn.text((i, heights.iloc[i]), text, (0, 3), side="above")
        drawn.axes.set_xticks(
            range(len(now)), [retold(str(name)) for name in now.index], color=TEXT, fontsize=SMALL_SIZE
        )
        drawn.key(_("light: {period}").format(period=when_before) if shift else "")
    return Chart(title, _histogram_sentence(results, now, before, when_before), drawn.svg, table)


def flows(table: Table) -> Chart:
    """Weeks as columns, what fell silent up and what returned down, and how many are silent as a line of numbers.

    The table has ``week_to``, ``inactive``, ``newly_silent`` and ``returned``.
    """
    rows, write = table.rows, table.write
    if rows.empty:
        return not_drawn(table)
    if not rows[["inactive", "newly_silent", "returned"]].to_numpy().any():
        return not_drawn(table, _("Nobody was silent in any of these weeks."))
    with sheet(COLUMNS_HEIGHT, table.context) as drawn:
        axes = drawn.axes
        newly, back = _("newly silent, week to {day}"), _("returned, week to {day}")
        for name, told, colour, sign in (
            ("newly_silent", newly, FILLS["bad"], 1),
            ("returned", back, FILLS["good"], -1),
        ):
            words = [told.format(day=format_day(day)) for day in rows["week_to"]]
            drawn.marks(axes.bar(range(len(rows)), sign * rows[name], 0.5, color=colour), words, rows[name], "count")
        drawn.zero_axis(float(rows["newly_silent"].max()), -float(rows["returned"].max()))
        for i, (silent, returned) in enumerate(rows[["newly_silent", "returned"]].to_numpy().tolist()):
            if silent:
                drawn.text((i, silent), f"+{write.value(silent, 'count')}", (0, 3), side="above", colour=BAD, bold=True)
            if returned:
                text = f"−{write.value(returned, 'count')}"
                drawn.text((i, -returned), text, (0, -3), side="below", colour=GOOD, bold=True)
        days = [
            format_skeleton("MMMd", day, locale=locale_in_force()) for day in pd.to_datetime(rows["week_to"]).dt.date
        ]
        counts = [write.value(n, "count") for n in rows["inactive"]]
        texts = [f"{day}\n{n}" for day, n in zip(days, counts, strict=True)]
        axes.set_xticks(range(len(rows)), texts, fontsize=SMALL_SIZE, color=TEXT)
        drawn.key(_("up, dark: newly silent; down, light: returned; below: silent at the end of the week"))
    last = rows.iloc[-1]
    fell, returned = (write.value(last[name], "count") for name in ("newly_silent", "returned"))
    sentence = _(
        "{now} customers are silent, {then} were {n} weeks ago; in the last week {fell} fell silent and {returned} "
        "returned."
    ).format(now=counts[-1], then=counts[0], n=len(rows) - 1, fell=fell, returned=returned)
    return Chart(table.listing.caption, sentence, drawn.svg, table)


# --- curves -----------------------------------------------------------------------------------------------------------


def _time(table: Table) -> str:
    """The column of the times, which is the second one."""
    return list(table.listing.columns)[1]


def _unit(table: Table) -> str:
    return table.listing.columns[_time(table)].unit


def _own_curve(drawn: Sheet, name: str, rows: pd.DataFrame, table: Table) -> list[EndLabel]:
    """The curve, its band, its ticks and, where those who left are told apart, the line that counts them."""
    axes, colour, time = drawn.axes, drawn.ink, _time(table)
    band = rows[rows["low"].notna() & rows["high"].notna()]
    axes.fill_between(band[time], band["low"], band["high"], step="post", color=BAND, linewidth=0, zorder=0)
    axes.step(rows[time], rows["waiting"], where="post", color=colour, linewidth=1.8)
    _curve_points(drawn, name, rows, table)
    unseen = rows[rows["unseen"] > 0]
    axes.plot(unseen[time], unseen["waiting"], linestyle="none", marker="|", markersize=6, color=colour)
    labels = [_curve_label(name, rows, table, colour)]
    if rows["of_all"].notna().any():
        axes.step(rows[time], rows["of_all"], where="post", color=colour, linewidth=1.1, linestyle=(0, (4, 2)))
        labels.append(EndLabel(float(rows["of_all"].iloc[-1]), wrapped(_("with those who left"), 10)))
    return labels


def _curve_points(drawn: Sheet, name: str, rows: pd.DataFrame, table: Table) -> None:
    """Each step of a curve as a mark."""
    told = _("{cohort}, after {time}")
    steps = [told.format(cohort=name, time=table.write.phrase(at, _unit(table))) for at in rows[_time(table)]]
    drawn.points(rows[_time(table)], rows["waiting"], steps, "share")


def _curve_label(name: str, rows: pd.DataFrame, table: Table, colour: str) -> EndLabel:
    """A label at the end of a curve: the median of the cohort above its name."""
    half = _first_at_half(rows, "waiting", _time(table))
    words = _("half not reached")
    if half is not None:
        words = _("half by {time}").format(time=table.write.phrase(half, _unit(table)))
    return EndLabel(float(rows["waiting"].iloc[-1]), wrapped(name, END, 3), words, colour)


def _first_at_half(rows: pd.DataFrame, column: str, time: str) -> float | None:
    at_half = rows.loc[rows[column] <= 0.5 + 1e-12, time]
    return None if at_half.empty else float(at_half.iloc[0])


def _half_words(name: str, rows: pd.DataFrame, table: Table, *, interval: bool) -> str:
    """When half of a cohort no longer waited."""
    write, time, unit = table.write, _time(table), _unit(table)
    half = _first_at_half(rows, "waiting", time)
    if half is None:
        return _("of those who {cohort}, {share} still waited after {time}").format(
            cohort=name,
            share=write.value(rows["waiting"].iloc[-1], "share"),
            time=write.phrase(rows[time].iloc[-1], unit),
        )
    low, high = (_first_at_half(rows, end, time) for end in ("low", "high"))
    reach = write.interval(low, high, unit) if interval else ""
    words = _("of those who {cohort}, half no longer waited after {time}")
    words = words.format(cohort=name, time=write.phrase(half, unit))
    return _("{value} (95% interval {interval})").format(value=words, interval=reach) if reach else words


def _curve_table(cohorts: dict[str, pd.DataFrame], table: Table) -> Table:
    """The curves at round times; beyond the last one at which anybody of a cohort was followed, none."""
    time = _time(table)
    longest = max(float(rows[time].max()) for rows in cohorts.values())
    step = next((step for step in STEPS if longest / step < MOST_STEPS), math.ceil(longest / MOST_STEPS))
    times = np.arange(0, longest + 1, step)

    def at_times(rows: pd.DataFrame, column: str) -> list[float]:
        places = np.searchsorted(rows[time].to_numpy(), times, side="right") - 1
        last = float(rows[time].iloc[-1])
        return [float(rows[column].iloc[i]) if at <= last else math.nan for i, at in zip(places, times, strict=True)]

    (own_name, own), *before = cohorts.items()
    units = table.listing.columns
    columns = {time: units[time], "waiting": Column(own_name, "share"), "low": units["low"], "high": units["high"]}
    values: dict[str, Any] = {time: times, **{name: at_times(own, name) for name in ("waiting", "low", "high")}}
    for i, (name, rows) in enumerate(before):
        columns[f"before_{i}"] = Column(name, "share")
        values[f"before_{i}"] = at_times(rows, "waiting")
    caption, when_empty = table.listing.caption, table.listing.when_empty
    return table_behind(table.context, caption, pd.DataFrame(values), columns, when_empty, note=table.listing.note)


# --- dots and timelines -----------------------------------------------------------------------------------------------


def _month_axis(drawn: Sheet, days: pd.Series) -> None:
    """A tick at the first of some months, so many that their names fit."""
    first, last = days.min().to_period("M"), days.max().to_period("M") + 1
    count = (last - first).n
    shown = [first + i for i in range(0, count + 1, math.ceil((count + 1) / 7))]
    labels = [format_period(str(month)) for month in shown]
    places = [month.to_timestamp().toordinal() for month in shown]
    drawn.axes.set_xticks(places, labels, fontsize=SMALL_SIZE, color=TEXT)
    drawn.axes.set_xlim(first.to_timestamp().toordinal() - 5, last.to_timestamp().toordinal())


def _timeline(drawn: Sheet, y: int, rows: pd.DataFrame) -> None:
    """The days of one customer, work above waiting, and the day of value."""
    total, stretches, looks = float(rows["total"].iloc[0]), rows.dropna(subset="from_day"), day_looks(drawn.ink)
    drawn.axes.plot([0, total], [y, y], color=QUIET, linewidth=0.8, zorder=1)
    for _i, row in stretches.iterrows():
        kind, days = key_of(row["kind"], looks) or "untold", row["to_day"] - row["from_day"]
        order = 2 + ("waiting", "untold", "working").index(kind)
        bar = drawn.axes.barh(y, days, BAR, row["from_day"], **looks[kind], zorder=order)
        name = _(", ").join([str(row.iloc[0]), str(row["stage"]), retold(DAY_KINDS[kind])])
        drawn.marks(bar, [name], [days], "days")
    drawn.axes.plot([total, total], [y - 0.45, y + 0.45], color=TEXT, linewidth=2, solid_capstyle="butt", zorder=6)
    drawn.text((total, y), drawn.write.value(total, "days"), bold=True)
    if stage := _longest_stage(stretches):
        drawn.edge_text(y, wrapped(stage, 22, 1))


def _longest_stage(rows: pd.DataFrame) -> str:
    """The stage that was open on most days; empty where none was."""
    days = (rows["to_day"] - rows["from_day"]).groupby(rows["stage"]).sum()
    return "" if days.empty else str(days.idxmax())


# --- the histogram ----------------------------------------------------------------------------------------------------


def _shares(results: Results, kpi_id: str, period: str) -> pd.DataFrame:
    """The ``value`` of each segment, and its ``share`` of all but the new, who stand apart and have none.

    ``height`` is on the scale of the shares for the new too.
    """
    rows = results.frame[(results.frame["kpi_id"] == kpi_id) & (results.frame["period"] == period)]
    rows = rows[rows["segment"] != ""].set_index("segment")[["value"]]
    is_new = rows.index == NEW
    counted = rows.loc[~is_new, "value"].sum() or float("nan")
    height = rows["value"] / (counted if counted > 0 else rows["value"].sum() or float("nan"))
    return rows.assign(share=(rows["value"] / counted).mask(is_new), height=height)


def _histogram_sentence(results: Results, now: pd.DataFrame, before: pd.DataFrame, previous: str) -> str:
    """How many have none, and how many six or seven, against the period before."""
    write, parts = results.write, []
    none, most = _("{share} are active in none of the seven"), _("{share} in six or seven")
    for words, segments in ((none, ["0"]), (most, ["6", "7"])):
        share, old = now["share"].reindex(segments).sum(), before["share"].reindex(segments)
        told = words.format(share=write.value(share, "share"))
        if old.notna().all():
            was = _("{sentence} ({share} in {period})")
            told = was.format(sentence=told, share=write.value(old.sum(), "share"), period=previous)
        parts.append(told)
    new = now["value"].get(NEW, 0)
    told = _("{parts}; {n} are counted, {new} new ones apart.") if new else _("{parts}; {n} are counted.")
    n, apart = (write.value(count, "count") for count in (now["value"].sum() - new, new))
    return told.format(parts=clauses(parts), n=n, new=apart)
