"""Horizontal bars, one row each: segments, a funnel, bridges, the parts of a mean, and what is used up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate

import pandas as pd
from matplotlib.artist import Artist

from helpers.catalogue import kpi
from helpers.display.charts.frame import (
    BAR,
    DAYS_KEY,
    ROW,
    Chart,
    Sheet,
    day_looks,
    fill,
    not_drawn,
    sheet,
    table_behind,
)
from helpers.display.context import Results
from helpers.display.formats import Writer, is_small, no_change
from helpers.display.objectives import OFF_PACE, STANDINGS, Objective, objectives_in
from helpers.display.palette import FILLS, LINE, QUIET, TEXT, TONES
from helpers.display.sentences import cautions, chart_title, movement, why_missing, why_not_drawn, why_nothing
from helpers.display.shown_tables import Table
from helpers.display.signals import change_tone
from helpers.results import NONE, Column
from helpers.texts import spoken

SIGNS = ("+ ", "− ")  # how a step of a bridge begins that leads on from the one before
MOST = 12  # bars on a page; the table has them all
CENT = 0.005  # identities hold to half a cent
PANELS, PANEL = 4, 0.6  # periods side by side; the part of the width of one that its bars take
TWIN, LOWEST_ROW = ", in a month", 0.125  # what a step with two amounts is also called; inches
CUT = 0.5  # stocks whose lowest is above this share of the highest are cut
FUNNEL_COLUMNS = {
    "segment": Column("Stage"),
    "value": Column("Records", "count"),
    "value_rate": Column("Of the stage before", "share"),
    "ci_low_rate": Column("95% from", "share"),
    "ci_high_rate": Column("to", "share"),
}


def bars(results: Results, kpi_id: str, segment_by: str) -> Chart:
    """A KPI by segment, in the order of the results: values, intervals as whiskers, n, and the total as a line.

    Of a few, whose rate says little, the counts are told and no bar is drawn. Of many segments, the largest are drawn.
    """
    total, label, unit = results.shown(kpi_id), kpi(kpi_id).label, kpi(kpi_id).unit
    period, by = _period_of(results, total), segment_by.replace("_", " ")
    rows = _segments(results, kpi_id, segment_by, period)
    rows = rows.assign(small=[is_small(row) for _, row in rows.iterrows()])
    title = chart_title(results, f"{label} by {by}", unit, [period])
    table = table_behind(results.context, title, rows, _bar_columns(by.capitalize(), label, unit), "No segments.")
    if not rows["value"].count():
        return not_drawn(table, why_nothing(results, total, f"{label}: no {by} has a value in {period}."))
    with sheet(ROW * (min(len(rows), MOST) + 1), results.context) as drawn:
        _segment_bars(drawn, _largest(rows), total, "all")
    return Chart(title, _segment_sentence(results, rows, total, period), drawn.svg, table)


def variants(results: Results, name: str, own: str) -> Chart:
    """A KPI under several values of a parameter, in their order, with intervals, n, and the review's own as a line.

    ``results`` has one row per value, as which its segment is named; ``own`` is the one of the review.
    """
    rows = results.frame.reset_index(drop=True)
    rows = rows.assign(small=[is_small(row) for _, row in rows.iterrows()])
    kept, known = rows[rows["segment"] == own].iloc[0], rows[rows["value"].notna()]
    label, unit, phrase = kpi(kept["kpi_id"]).label, kept["unit"], results.write.result_phrase
    title = chart_title(results, f"{label} by {name}", unit, [results.period.label])
    table = table_behind(results.context, title, rows, _bar_columns(name, label, unit), "No values.")
    if not known["value"].any():
        return not_drawn(table, why_not_drawn(rows[["value"]], results, unit))
    with sheet(ROW * (len(rows) + 1), results.context) as drawn:
        _segment_bars(drawn, rows, kept, own)
    ends = [known.iloc[int(place)] for place in (known["value"].argmin(), known["value"].argmax())]
    least, most = (f"{phrase(row)} under {name} {row['segment']}" for row in ends)
    sentence = f"{label} in {results.period.label}: {phrase(kept)} under {name} {own}; lowest {least}, highest {most}."
    return Chart(title, sentence, drawn.svg, table)


def funnel(results: Results) -> Chart:
    """How many records reached each stage, and between the stages the step rate with its interval.

    Drawn is the latest cohort that is complete; where there is none, that of the review period to date.
    """
    total = results.shown("funnel_conversion")
    period = _period_of(results, total)
    reached, rates = (_segments(results, kpi_id, "stage", period) for kpi_id in ("funnel_reached", "funnel_step_rate"))
    title = chart_title(results, "Records that reached each stage", "count", [period])
    both = reached.merge(rates, on="segment", how="left", suffixes=("", "_rate"))
    table = table_behind(results.context, title, both, FUNNEL_COLUMNS, "No segments.")
    if reached.empty or not reached["value"].iloc[0] > 0:
        return not_drawn(table, why_nothing(results, total, f"No record entered the pipeline in {period}."))
    with sheet(2 * ROW * len(reached), results.context) as drawn:
        rate_of = rates.set_index("segment")
        for y, (_, row) in enumerate(reached.iterrows()):
            value, stage = float(row["value"]), row["segment"]
            look = fill(drawn.ink, partial=row["status"] == "partial")
            drawn.marks(drawn.axes.barh(y, value, BAR * 0.8, **look), [stage], [value], "count")
            drawn.text((value, y), drawn.write.value(value, "count"), bold=True)
            if y and stage in rate_of.index:
                drawn.text((0, y - 0.5), f"↓ {_with_interval(drawn.write, rate_of.loc[stage])}", colour=QUIET)
        drawn.row_axis(reached["segment"])
        drawn.axes.margins(x=0.1)
    first, last = (results.write.value(reached["value"].iloc[i], "count") for i in (0, -1))
    so_far = " to date" if reached["status"].iloc[0] == "partial" else ""
    sentence = f"Of {first} records that entered in {period}, {last} reached {spoken(reached['segment'].iloc[-1])}"
    rate = "" if total is None else f": {_with_interval(results.write, total)}"
    return Chart(title, f"{sentence}{so_far}{rate}.", drawn.svg, table)


def waterfall(results: Results, opening: str, movements: Sequence[str], closing: str) -> Chart:
    """What moved a stock: a bar per movement, each from where the one before ended, between opening and closing value.

    Up to four periods that are known and add up stand side by side, on one scale. Movements of nothing are left out;
    stocks that are large beside their movements are cut. A review period that does not add up is told, not drawn.
    """
    kpi_ids, label, unit = [opening, *movements, closing], kpi(closing).label, kpi(closing).unit
    found, untold = _known_periods(results, kpi_ids)
    shown = list(found) or [results.period.label]
    rows = [row for kpi_id in kpi_ids if (row := results.now(kpi_id)) is not None]
    steps = pd.DataFrame(found or {shown[0]: {row["kpi_id"]: row["value"] for row in rows}}, dtype=float)
    title = chart_title(results, f"{label}, movements", unit, shown)
    columns = {"label": Column("Movement"), **{each: Column(each, unit) for each in shown}}
    named = steps.assign(label=[kpi(kpi_id).label for kpi_id in steps.index])
    table = table_behind(results.context, title, named, columns, "No movements.")
    if not found:
        return not_drawn(table, f"{label}: {untold}, so they are not drawn.")
    sentence = _waterfall_sentence(results, pd.DataFrame(rows))
    if not steps.any(axis=None):
        return not_drawn(table, sentence)
    moved = [k for k in kpi_ids if k not in movements or any(values[k] for values in found.values())]
    with sheet(ROW * (len(moved) + 1.6), results.context) as drawn:
        if _waterfall_panels(drawn, results, {p: {k: values[k] for k in moved} for p, values in found.items()}):
            sentence += f" The bars of {kpi(opening).label} and {label} are cut; all movements are on one scale."
    return Chart(title, sentence + untold, drawn.svg, table)


def bridge(table: Table) -> Chart:
    """How some amounts lead to others: a bar per step of the table, each from where the one before ended.

    The table has ``step``, ``amount`` and ``monthly``; a step may have both, and each of the two has a scale. A step
    that begins with + or − leads on, any other stands on the line at zero. Steps of nothing are left out.
    """
    columns, write = table.listing.columns, table.write
    both = [(str(row["step"]), of, row[of]) for _, row in table.rows.iterrows() for of in ("amount", "monthly")]
    bars: list[tuple[str, str, float, float]] = []  # the name of a step, its column, and where its bar begins and ends
    end = {"amount": 0.0, "monthly": 0.0}
    for step, of, value in both:
        if value and not pd.isna(value):
            start = end[of] if step.startswith(SIGNS) else 0.0
            end[of] = start + value
            bars.append((step + TWIN * bool(bars and bars[-1][0] == step), of, start, end[of]))
    if not bars:
        return not_drawn(table)
    longest = {of: max(abs(at) for _, other, *ends in bars for at in ends if other == of) for _, of, *_ in bars}
    told = []
    with sheet(LOWEST_ROW * (len(bars) + 1.5), table.context) as drawn:
        for y, (step, of, start, stop) in enumerate(bars):
            leads_on, unit = step.startswith(SIGNS), columns[of].unit
            text = write.change(stop, start, unit).partition(" (")[0] if leads_on else write.phrase(stop, unit)
            look = fill(FILLS[""] if leads_on else drawn.ink, partial=False)
            [bar] = drawn.axes.barh(y, (stop - start) / longest[of], BAR, start / longest[of], **look)
            drawn.mark(bar, step, text)
            drawn.text((max(start, stop, 0.0) / longest[of], y), text, bold=not leads_on)
            told += [] if leads_on or step.endswith(TWIN) else [f"{step}: {text}"]
        drawn.row_axis([step for step, *_ in bars])
        drawn.axes.margins(x=0.12)
        drawn.key("dark: where a step has led; grey: what leads on; amounts of a month have a scale of their own")
    return Chart(table.listing.caption, f"{'; '.join(told)}.", drawn.svg, table)


def cascade(table: Table, total: str) -> Chart:
    """How the parts of a mean add up to it: one row per part, the largest first, and in the last one all together.

    The table has one row per part, named in its first column: ``days``, of these ``waiting`` and ``working``, and
    ``earlier``, if it is there, what the part was before. ``total`` names the sum.
    """
    rows, write = table.rows, table.write
    if rows.empty:
        return not_drawn(table)
    rows = rows.assign(name=rows.iloc[:, 0], untold=(rows["days"] - rows["waiting"] - rows["working"]).clip(lower=0))
    mean = float(rows["days"].sum())
    if not mean > 0:
        return not_drawn(table, f"{total}: 0 days, so nothing is drawn.")
    with sheet(ROW * (len(rows) + 2), table.context) as drawn:
        _cascade_bars(drawn, rows)
        drawn.row_axis([*rows["name"], total])
        drawn.axes.margins(x=0.12)
        drawn.key(DAYS_KEY + ("; right: the cohort before" if "earlier" in rows else ""))
    largest = rows.iloc[int(rows["days"].to_numpy().argmax())]
    share, waiting = (write.value(part / mean, "share") for part in (largest["days"], rows["waiting"].sum()))
    sentence = (
        f"{total}: {write.phrase(mean, 'days')}; the largest part is {spoken(largest['name'])} with "
        f"{write.phrase(largest['days'], 'days')} ({share}); {waiting} of the days were waiting."
    )
    return Chart(f"{table.listing.caption}, days", sentence, drawn.svg, table)


def bullets(table: Table, value: str, limit: str) -> Chart:
    """One bar per row, ``value``, in the outline of its ``limit``, both as a share of that limit."""
    rows, write = table.rows, table.write
    if rows.empty:
        return not_drawn(table)
    shown = rows.head(table.listing.top or MOST)
    shares = list(shown[value] / shown[limit])
    with sheet(ROW * (len(shown) + 1), table.context) as drawn:
        for y, (share, (_, row)) in enumerate(zip(shares, shown.iterrows(), strict=True)):
            bar, text = (
                _outlined_bar(drawn, y, share, outline=BAR + 0.16, height=BAR - 0.18),
                write.value(share, "share"),
            )
            counts = " of ".join(write.value(row[name], "count") for name in (value, limit))
            drawn.mark(bar, row.iloc[0], f"{text} ({counts})")
            drawn.text((max(share, 1.0), y), text, bold=True)
            drawn.edge_text(y, counts)
        drawn.row_axis(shown.iloc[:, 0])
        drawn.axes.set_xlim(0, 1.12 * max(1.0, *shares))
    over, total = int((rows[value] > rows[limit]).sum()), rows[value].sum() / rows[limit].sum()
    more = f"{write.value(over, 'count')} of them use more than that." if over else "None uses more than that."
    count = write.value(len(rows), "count")
    sentence = f"{count} customers use {write.value(total, 'share')} of what they have together. {more}"
    return Chart(table.listing.caption, sentence, drawn.svg, table)


def pace(results: Results) -> Chart:
    """One bar per objective, its progress, on the outline of the whole way; a tick marks the time gone."""
    found = [each for each in objectives_in(results) if pd.notna(each.row["value"])]
    title = chart_title(results, "Progress of objectives, and the time gone", "share", [results.period.label])
    columns = {
        "objective": Column("Objective"), "done": Column("Progress", "share"), "gone": Column("Time gone", "share"),
        "n": Column("n", "count"), "standing": Column("Status"),
    }  # fmt: skip
    rows = [[each.name, each.done, each.gone, each.row["n"], each.standing.replace("_", " ") or None] for each in found]
    frame = pd.DataFrame(rows, columns=list(columns))
    table = table_behind(results.context, title, frame, columns, "No objective has a figure.")
    if not found:
        return not_drawn(table, f"No objective has a figure in {results.period.label}.")
    with sheet(ROW * 1.6 * (len(found) + 1), results.context) as drawn:
        axes = drawn.axes
        for y, each in enumerate(found):
            bar = _outlined_bar(drawn, y, each.done, outline=BAR, height=BAR - 0.3)
            axes.plot([each.gone] * 2, [y - 0.38, y + 0.38], color=TEXT, linewidth=2.2, solid_capstyle="butt")
            words = f"{each.share(each.done)}  {STANDINGS.get(each.standing, 'not final')}"
            drawn.mark(bar, each.name, words)
            drawn.edge_text(y, words, bold=True, colour=TEXT)
        drawn.row_axis([each.name for each in found], lines=2)
        ends = [each.done for each in found]
        axes.set_xlim(1.1 * min(0.0, *ends), 1.02 * max(1.0, *ends))
        drawn.key("outlined: the whole way; tick: the time gone")
    return Chart(title, _pace_sentence(found), drawn.svg, table)


def _outlined_bar(drawn: Sheet, y: int, share: float, *, outline: float, height: float) -> Artist:
    """A bar in the outline of the whole."""
    drawn.axes.barh(y, 1, outline, color="none", edgecolor=TEXT, linewidth=0.8)
    return drawn.axes.barh(y, share, height, color=drawn.ink)[0]


def _pace_sentence(found: Sequence[Objective]) -> str:
    """How many are on pace, and which is farthest behind."""
    behind = [each for each in found if each.standing in OFF_PACE]
    on = sum(bool(each.standing) for each in found) - len(behind)
    are = f"{on} {'is' if on == 1 else 'are'} on pace or achieved"
    sentence = f"Of {len(found)} objective{'s' * (len(found) != 1)} with a figure, {are}."
    if not behind:
        return sentence
    last = min(behind, key=lambda each: each.done - each.gone)
    ways = f"{last.share(last.done)} of the way, {last.share(last.gone)} of the time gone"
    return f"{sentence} Farthest behind is “{last.name}”: {ways}."


# --- segments and stages ----------------------------------------------------------------------------------------------


def _period_of(results: Results, total: pd.Series | None) -> str:
    """The period that is drawn: that of the total, which may be an earlier one that is mature."""
    return results.period.label if total is None else str(total["period"])


def _segments(results: Results, kpi_id: str, segment_by: str, period: str) -> pd.DataFrame:
    """The rows of one dimension in one period, in the order in which the card gave them; what has no segment last."""
    frame = results.frame
    is_wanted = (frame["kpi_id"] == kpi_id) & (frame["segment_by"] == segment_by) & (frame["period"] == period)
    return frame[is_wanted].sort_values("segment", key=lambda name: name == NONE, kind="stable", ignore_index=True)


def _with_interval(write: Writer, row: pd.Series) -> str:
    reach = write.interval(row["ci_low"], row["ci_high"], row["unit"])
    return write.result_phrase(row) + (f", 95% interval {reach}" if reach else "")


def _bar_columns(first: str, label: str, unit: str) -> dict[str, Column]:
    """The columns of the table behind bars with intervals."""
    return {
        "segment": Column(first), "value": Column(label, unit), "ci_low": Column("95% from", unit),
        "ci_high": Column("to", unit), "n": Column("n", "count"),
    }  # fmt: skip


def _largest(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that are drawn: all, or of many those of the largest values, in their own order."""
    return rows[rows["value"].rank(method="first", ascending=False, na_option="bottom") <= MOST]


def _segment_bars(drawn: Sheet, rows: pd.DataFrame, total: pd.Series | None, named: str) -> None:
    """A bar per row with its value at its end, a whisker below that, and a line at what rows are compared with."""
    write = drawn.write
    for y, (_, row) in enumerate(rows.iterrows()):
        value, low, high = 0.0 if row["small"] else row["value"], row["ci_low"], row["ci_high"]
        [bar] = drawn.axes.barh(y, value, BAR, color=drawn.ink)
        drawn.mark(bar, row["segment"], _with_interval(write, row))
        has_whisker = not (row["small"] or math.isnan(low) or math.isnan(high))
        if has_whisker:
            for colour, width in (("white", 2.6), (TEXT, 0.9)):
                drawn.axes.plot([low, high], [y, y], color=colour, linewidth=width, marker="|", markersize=5)
        end = 0.0 if math.isnan(value) else max(value, 0.0)
        drawn.text((end, y), write.result(row), (4, 5 if has_whisker else 0), bold=not row["small"])
        if not math.isnan(row["n"]):
            drawn.edge_text(y, f"n = {write.value(row['n'], 'count')}")
    drawn.row_axis(rows["segment"])
    if total is not None and not math.isnan(total["value"]):
        drawn.axes.axvline(total["value"], color=QUIET, linewidth=0.8, linestyle=(0, (3, 2)), zorder=0)
        at = (total["value"], len(rows) - 0.5)
        drawn.text(at, f"{named} {write.result(total)}", (3, -1), colour=QUIET, va="top")
    drawn.axes.margins(x=0.12)


def _segment_sentence(results: Results, rows: pd.DataFrame, total: pd.Series | None, period: str) -> str:
    """The total, the two ends, how many are not drawn, and what must be known of segments, and of what has none."""
    phrase, locale, drawn = results.write.result_phrase, results.context.locale, _largest(rows)
    compared = rows[rows["value"].notna()].sort_values("value", ascending=False, kind="stable")
    compared = compared if compared["small"].all() else compared[~compared["small"]]
    ends = [compared.iloc[0], compared.iloc[-1]] if len(compared) > 1 else [compared.iloc[0]]
    in_total = f"{phrase(total)} in total, " if total is not None else ""
    named = " to ".join(f"{spoken(row['segment'])} {phrase(row)}" for row in ends)
    more = f"; {len(rows) - MOST} more are in the table" if len(rows) > MOST else ""
    said = [] if total is None else cautions(total, locale)
    of_some: dict[str, list[str]] = {}
    told = rows.index.isin(drawn.index) & rows["value"].notna() | (rows["segment"] == NONE)
    for _, row in rows[told].iterrows():
        for text in cautions(row, locale):
            of_some.setdefault(text, []).append(spoken(row["segment"]))
    beside = "".join(f" {', '.join(names)}: {text}." for text, names in of_some.items() if text not in said)
    return f"{kpi(rows['kpi_id'].iloc[0]).label} in {period}: {in_total}{named}{more}.{beside}"


# --- bars that begin where the one before ended -----------------------------------------------------------------------


def _known_periods(results: Results, kpi_ids: Sequence[str]) -> tuple[dict[str, dict[str, float]], str]:
    """The values of the last periods that are known and add up, the earliest first, and why the one before is not.

    Of a review period that is not, the reason is a clause.
    """
    found: dict[str, dict[str, float]] = {}
    for period in reversed([*results.period.history(PANELS - 1), results.period]):
        rows = [row for kpi_id in kpi_ids if (row := results.at(kpi_id, period.label)) is not None]
        if why := _why_unknown(results, rows, len(kpi_ids)):
            return found, f" {period.label} is not drawn: {why}." if found and rows else why if not found else ""
        found = {period.label: {row["kpi_id"]: float(row["value"]) for row in rows}, **found}
    return found, ""


def _why_unknown(results: Results, rows: Sequence[pd.Series], wanted: int) -> str:
    """Why movements cannot be drawn: some are not known, or they do not add up; empty where they can."""
    values = [float(row["value"]) for row in rows]
    if len(rows) < wanted or any(map(math.isnan, values)):
        reasons = filter(None, (why_missing(row, results.context.locale) for row in rows))
        return f"not all movements are known{next((f' ({reason})' for reason in reasons), '')}"
    rest = values[-1] - sum(values[:-1])
    is_same = abs(rest) <= CENT * len(rows)
    return "" if is_same else f"{results.write.value(rest, rows[-1]['unit'])} are in no movement"


def _waterfall_panels(drawn: Sheet, results: Results, found: Mapping[str, Mapping[str, float]]) -> bool:
    """One panel per period: stocks are dark, movements in the tone of what they mean; whether stocks are cut.

    Panels have one scale; where stocks are cut, each panel begins below its own lowest value.
    """
    kpi_ids = list(next(iter(found.values())))
    ends = {period: list(accumulate([*values.values()][:-1])) for period, values in found.items()}
    lowest, highest = min(map(min, ends.values())), max(map(max, ends.values()))
    span = max(max(each) - min(each) for each in ends.values())
    is_cut = span > 0 and lowest > CUT * highest
    width = PANEL / (span * 1.4 if is_cut else max(highest, 0.0) - min(lowest, 0.0))
    for at, (period, values) in enumerate(found.items()):
        base, last = min(ends[period]) - span * 0.4 if is_cut else min(0.0, lowest), 0.0
        for y, (kpi_id, value) in enumerate(values.items()):
            row, is_stock = results.at(kpi_id, period), y in (0, len(values) - 1)
            start = last if not is_stock else base if is_cut else 0.0
            last = value if is_stock else last + value
            if row is None or not value:
                continue
            tone = change_tone(kpi_id, value)
            look = fill(drawn.ink if is_stock else FILLS[tone], partial=y > 0 and row["status"] == "partial")
            left, right = (at + (end - base) * width for end in sorted((start, last)))
            [bar] = drawn.axes.barh(y, right - left, BAR, left, **look)
            text = drawn.write.value(value, row["unit"]) if is_stock else _with_sign(drawn.write, row)
            drawn.mark(bar, f"{row['label']}, {period}", text)
            drawn.text((right, y), text, colour=TEXT if is_stock else TONES[tone], bold=is_stock)
            if is_stock and is_cut:  # the break
                drawn.axes.plot([at + 0.05, at + 0.07], [y + 0.4, y - 0.4], color="white", linewidth=2.5)
        for y, end in enumerate(ends[period]):
            drawn.axes.plot([at + (end - base) * width] * 2, [y - BAR / 2, y + 1 + BAR / 2], color=LINE, zorder=0)
        drawn.text((at, -0.6), period, (0, 0), bold=True, va="bottom")
    drawn.row_axis([kpi(kpi_id).label for kpi_id in kpi_ids], from_zero=False)
    drawn.axes.set_ylim(len(kpi_ids) - 0.45, -1.3)
    drawn.axes.set_xlim(0, len(found))
    return is_cut


def _with_sign(write: Writer, row: pd.Series) -> str:
    text = write.change(row["value"], 0.0, row["unit"])
    return write.value(0, row["unit"]) if text == no_change() else text


def _waterfall_sentence(results: Results, rows: pd.DataFrame) -> str:
    """The stock's own sentence, then the movements, largest first."""
    inner = rows.iloc[1:-1]
    inner = inner.loc[inner["value"].abs().sort_values(ascending=False, kind="stable").index]
    parts = [f"{row['label']} {_with_sign(results.write, row)}" for _, row in inner.iterrows() if row["value"]]
    stock = movement(results, rows.iloc[-1])
    return f"{stock}: {', '.join(parts)}." if parts else f"{stock}."


def _cascade_bars(drawn: Sheet, rows: pd.DataFrame) -> None:
    """Each part from where the part before it ended; in the last row all of them, and what they add up to."""
    colour, write, end, last = drawn.ink, drawn.write, 0.0, len(rows)
    looks = day_looks(colour)

    def part_bar(y: int, start: float, row: pd.Series) -> float:
        for name, look in looks.items():
            if row[name] > 0:
                bar = drawn.axes.barh(y, row[name], BAR, left=start, **look)
                drawn.marks(bar, [f"{row['name']}, {name}"], [row[name]], "days")
                start += row[name]
        return start

    def days(value: float) -> str:
        return write.value(round(value, 1), "days")

    for y, (_, row) in enumerate(rows.iterrows()):
        part_bar(y, end, row)
        end += row["days"]
        share = write.value(row["days"] / rows["days"].sum(), "share")
        drawn.text((end, y), f"{days(row['days'])}  ({share})", bold=True)
        if "earlier" in rows:
            drawn.edge_text(y, days(row["earlier"]))
    end = 0.0
    for _, row in rows.iterrows():
        part_bar(last, end, row)
        end += row["days"]
        drawn.axes.plot([end, end], [last - BAR / 2, last + BAR / 2], color="white", linewidth=1.2)
    drawn.text((end, last), days(end), bold=True)
    if "earlier" in rows:
        drawn.edge_text(last, days(rows["earlier"].sum()))
    drawn.axes.axhline(last - 0.5, color=TEXT, linewidth=0.6)
