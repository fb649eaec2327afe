"""Horizontal bars, one row each: segments, a funnel, bridges, the parts of a mean, and what is used up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate

import pandas as pd
from matplotlib import rcParams
from matplotlib.artist import Artist

from helpers.catalogue import kpi
from helpers.display.charts.frame import (
    BAR,
    DAY_KINDS,
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
from helpers.display.formats import Writer, format_period, is_small, no_change, unit_note
from helpers.display.objectives import OFF_PACE, STANDINGS, Objective, objectives_in, with_sign
from helpers.display.palette import FILLS, LINE, QUIET, TEXT, TONES
from helpers.display.sentences import cautions, chart_title, ended, movement, why_missing, why_not_drawn, why_nothing
from helpers.display.shown_tables import Table
from helpers.display.signals import change_tone
from helpers.language import _, enumerated, message, paragraph, plural, retold
from helpers.results import NONE, Column, grouped
from helpers.texts import begun, spoken

SIGNS = ("+ ", "− ")  # how a step of a bridge begins that leads on from the one before
MOST = 12  # bars on a page; the table has them all
CENT = 0.005  # identities hold to half a cent
PANELS, PANEL = 4, 0.6  # periods side by side; the part of the width of one that its bars take
LOWEST_ROW = 0.125  # inches
SHAPES = "DejaVu Sans"  # the typeface that has the shapes of standings; the PDF takes the words beside them from it too
MEAN = message("Mean time to value")
CUT = 0.5  # stocks whose lowest is above this share of the highest are cut


def bars(results: Results, kpi_id: str, segment_by: str) -> Chart:
    """A KPI by segment, in the order of the results: values, intervals as whiskers, n, and the total as a line.

    A total that is the sum of its segments is told and not drawn.

    Of a few, whose rate says little, the counts are told and no bar is drawn. Of many segments, the largest are drawn.
    """
    total, label, unit = results.shown(kpi_id), kpi(kpi_id).label, kpi(kpi_id).unit
    period, by = _period_of(results, total), _(spoken(segment_by))
    rows = _segments(results, kpi_id, segment_by, period)
    rows = rows.assign(small=[is_small(row) for _i, row in rows.iterrows()])
    title = chart_title(results, _("{name} by {dimension}").format(name=label, dimension=by), unit, [period])
    table = table_behind(results.context, title, rows, _bar_columns(begun(by), label, unit), _("No segments."))
    if not rows["value"].count():
        none = _("{name}: no {dimension} has a value in {period}.")
        none = none.format(name=label, dimension=by, period=format_period(period))
        return not_drawn(table, why_nothing(results, total, none))
    are_parts = total is not None and abs(rows["value"].sum() - total["value"]) <= CENT  # a sum is no measure of them
    with sheet(ROW * (min(len(rows), MOST) + 1), results.context) as drawn:
        _segment_bars(drawn, _largest(rows), None if are_parts else total, _("all"))
    return Chart(title, _segment_sentence(results, rows, total, period), drawn.svg, table)


def variants(results: Results, name: str, own: str) -> Chart:
    """A KPI under several values of a parameter, in their order, with intervals, n, and the review's own as a line.

    ``results`` has one row per value, as which its segment is named; ``own`` is the one of the review.
    """
    rows = results.frame.reset_index(drop=True)
    rows = rows.assign(small=[is_small(row) for _i, row in rows.iterrows()])
    kept, known = rows[rows["segment"] == own].iloc[0], rows[rows["value"].notna()]
    label, unit, phrase = kpi(kept["kpi_id"]).label, kept["unit"], results.write.result_phrase
    what = _("{name} by {dimension}").format(name=label, dimension=name)
    title = chart_title(results, what, unit, [results.period.label])
    table = table_behind(results.context, title, rows, _bar_columns(name, label, unit), _("No values."))
    if not known["value"].any():
        return not_drawn(table, why_not_drawn(rows[["value"]], results, unit))
    with sheet(ROW * (len(rows) + 1), results.context) as drawn:
        _segment_bars(drawn, rows, kept, own)
    ends = [known.iloc[int(place)] for place in (known["value"].argmin(), known["value"].argmax())]
    told = _("{value} under {parameter} {setting}")
    now, least, most = (told.format(value=phrase(row), parameter=name, setting=row["segment"]) for row in (kept, *ends))
    sentence = _("{name} in {period}: {value}; lowest {least}, highest {most}.").format(
        name=label,
        period=format_period(results.period.label),
        value=now,
        least=least,
        most=most,
    )
    return Chart(title, sentence, drawn.svg, table)


def funnel(results: Results) -> Chart:
    """How many records reached each stage, and between the stages the step rate with its interval.

    Drawn is the latest cohort that is complete; where there is none, that of the review period to date.
    """
    total = results.shown("funnel_conversion")
    period = _period_of(results, total)
    reached, rates = (_segments(results, kpi_id, "stage", period) for kpi_id in ("funnel_reached", "funnel_step_rate"))
    title = chart_title(results, _("Records that reached each stage"), "count", [period])
    both = reached.merge(rates, on="segment", how="left", suffixes=("", "_rate"))
    columns = {
        "segment": Column(_("Stage")), "value": Column(_("Records"), "count"),
        "value_rate": Column(_("Of the stage before"), "share"), "ci_low_rate": Column(_("95% from"), "share"),
        "ci_high_rate": Column(_("to"), "share"),
    }  # fmt: skip
    table = table_behind(results.context, title, both, columns, _("No segments."))
    shown = format_period(period)
    if reached.empty or not reached["value"].iloc[0] > 0:
        none = _("No record entered the pipeline in {period}.").format(period=shown)
        return not_drawn(table, why_nothing(results, total, none))
    with sheet(2 * ROW * len(reached), results.context) as drawn:
        rate_of = rates.set_index("segment")
        for y, (_i, row) in enumerate(reached.iterrows()):
            value, stage = float(row["value"]), row["segment"]
            look = fill(drawn.ink, partial=row["status"] == "partial")
            drawn.marks(drawn.axes.barh(y, value, BAR * 0.8, **look), [stage], [value], "count")
            drawn.text((value, y), drawn.write.value(value, "count"), bold=True)
            if y and stage in rate_of.index:
                drawn.text((0, y - 0.5), f"↓ {_with_interval(drawn.write, rate_of.loc[stage])}", colour=QUIET)
        drawn.row_axis(reached["segment"])
        drawn.axes.margins(x=0.1)
    first, last = (results.write.value(reached["value"].iloc[i], "count") for i in (0, -1))
    told = _("Of {n} records that entered in {period}, {reached} reached {stage}")
    if reached["status"].iloc[0] == "partial":
        told = _("Of {n} records that entered in {period}, {reached} reached {stage} to date")
    told = told.format(n=first, period=shown, reached=last, stage=spoken(reached["segment"].iloc[-1]))
    if total is not None:
        told = _("{sentence}: {next}").format(sentence=told, next=_with_interval(results.write, total))
    return Chart(title, ended(told), drawn.svg, table)


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
    title = chart_title(results, _("{name}, movements").format(name=label), unit, shown)
    heads = {each: Column(format_period(each), unit) for each in shown}
    named = steps.assign(label=[kpi(kpi_id).label for kpi_id in steps.index])
    table = table_behind(results.context, title, named, {"label": Column(_("Movement")), **heads}, _("No movements."))
    if not found:
        return not_drawn(table, _("{name}: {reason}, so they are not drawn.").format(name=label, reason=untold))
    sentence = _waterfall_sentence(results, pd.DataFrame(rows))
    if not steps.any(axis=None):
        return not_drawn(table, sentence)
    moved = [k for k in kpi_ids if k not in movements or any(values[k] for values in found.values())]
    with sheet(ROW * (len(moved) + 1.6), results.context) as drawn:
        if _waterfall_panels(drawn, results, {p: {k: values[k] for k in moved} for p, values in found.items()}):
            cut = _("The bars of {opening} and {closing} are cut; all movements are on one scale.")
            sentence = paragraph(sentence, cut.format(opening=kpi(opening).label, closing=label))
    return Chart(title, paragraph(sentence, untold), drawn.svg, table)


def bridge(table: Table) -> Chart:
    """How some amounts lead to others: a bar per step of the table, each from where the one before ended.

    The table has ``step``, ``amount`` and ``monthly``; a step may have both, and each of the two has a scale. A step
    that begins with + or − leads on, any other stands on the line at zero. Steps of nothing are left out.
    """
    columns, write = table.listing.columns, table.write
    both = [(str(row["step"]), of, row[of]) for row in table.rows.to_dict("records") for of in ("amount", "monthly")]
    bars: list[tuple[str, str, float, float]] = []  # a step, its column, and where its bar begins and ends
    end = {"amount": 0.0, "monthly": 0.0}
    for step, of, value in both:
        if value and not pd.isna(value):
            start = end[of] if step.startswith(SIGNS) else 0.0
            end[of] = start + value
            bars.append((step, of, start, end[of]))
    if not bars:
        return not_drawn(table)
    longest = {of: max(abs(at) for _step, other, *ends in bars for at in ends if other == of) for of in end}
    told, names = [], []
    with sheet(LOWEST_ROW * (len(bars) + 1.5), table.context) as drawn:
        for y, (step, of, start, stop) in enumerate(bars):
            leads_on, unit = step.startswith(SIGNS), columns[of].unit
            is_twin = y > 0 and bars[y - 1][0] == step  # the second of two amounts
            names.append(_("{step}, in a month").format(step=step) if is_twin else step)
            text = write.difference(stop, start, unit) if leads_on else write.phrase(stop, unit)
            look = fill(FILLS[""] if leads_on else drawn.ink, partial=False)
            [bar] = drawn.axes.barh(y, (stop - start) / longest[of], BAR, start / longest[of], **look)
            drawn.mark(bar, names[-1], text)
            drawn.text((max(start, stop, 0.0) / longest[of], y), text, bold=not leads_on)
            told += [] if leads_on or is_twin else [_("{name}: {value}").format(name=step, value=text)]
        drawn.row_axis(names)
        drawn.axes.margins(x=0.12)
        drawn.key(_("dark: where a step has led; grey: what leads on; amounts of a month have a scale of their own"))
    return Chart(table.listing.caption, ended(_("; ").join(told)), drawn.svg, table)


def cascade(table: Table, total: str = MEAN) -> Chart:
    """How the parts of a mean add up to it: one row per part, the largest first, and in the last one all together.

    The table has one row per part, named in its first column: ``days``, of these ``waiting`` and ``working``, and
    ``earlier``, if it is there, what the part was before. ``total`` names the sum.
    """
    rows, write, total = table.rows, table.write, _(total)
    if rows.empty:
        return not_drawn(table)
    rows = rows.assign(name=rows.iloc[:, 0], untold=(rows["days"] - rows["waiting"] - rows["working"]).clip(lower=0))
    mean = float(rows["days"].sum())
    if not mean > 0:
        none = _("{name}: {value}, so nothing is drawn.").format(name=total, value=write.phrase(0, "days"))
        return not_drawn(table, none)
    with sheet(ROW * (len(rows) + 2), table.context) as drawn:
        _cascade_bars(drawn, rows)
        drawn.row_axis([*rows["name"], total])
        drawn.axes.margins(x=0.12)
        key = _("{key}; right: the cohort before") if "earlier" in rows else "{key}"
        drawn.key(key.format(key=_(DAYS_KEY)))
    largest = rows.iloc[int(rows["days"].to_numpy().argmax())]
    share, waiting = (write.value(part / mean, "share") for part in (largest["days"], rows["waiting"].sum()))
    sentence = _(
        "{name}: {mean}; the largest part is {part} with {days} ({share}); {waiting} of the days were waiting."
    ).format(
        name=total, mean=write.phrase(mean, "days"), part=spoken(largest["name"]),
        days=write.phrase(largest["days"], "days"), share=share, waiting=waiting,
    )  # fmt: skip
    return Chart(_(", ").join([table.listing.caption, unit_note("days")]), sentence, drawn.svg, table)


def bullets(table: Table, value: str, limit: str) -> Chart:
    """One bar per row, ``value``, in the outline of its ``limit``, both as a share of that limit."""
    rows, write = table.rows, table.write
    if rows.empty:
        return not_drawn(table)
    shown = rows.head(table.listing.top or MOST)
    shares = list(shown[value] / shown[limit])
    with sheet(ROW * (len(shown) + 1), table.context) as drawn:
        for y, (share, (_i, row)) in enumerate(zip(shares, shown.iterrows(), strict=True)):
            bar = _outlined_bar(drawn, y, share, outline=BAR + 0.16, height=BAR - 0.18)
            text = write.value(share, "share")
            part, whole = (write.value(row[name], "count") for name in (value, limit))
            counts = _("{part} of {whole}").format(part=part, whole=whole)
            drawn.mark(bar, row.iloc[0], _("{value} ({note})").format(value=text, note=counts))
            drawn.text((max(share, 1.0), y), text, bold=True)
            drawn.edge_text(y, counts)
        drawn.row_axis(shown.iloc[:, 0])
        drawn.axes.set_xlim(0, 1.12 * max(1.0, *shares))
    over, total = int((rows[value] > rows[limit]).sum()), rows[value].sum() / rows[limit].sum()
    more = _("None uses more than it has.")
    if over:
        more = plural("{n} of them uses more than it has.", "{n} of them use more than they have.", over)
    told = plural(
        "{n} customer uses {share} of what it has.", "{n} customers use {share} of what they have together.", len(rows)
    ).format(n=write.value(len(rows), "count"), share=write.value(total, "share"))
    sentence = paragraph(told, more.format(n=write.value(over, "count")))
    return Chart(table.listing.caption, sentence, drawn.svg, table)


def pace(results: Results) -> Chart:
    """One bar per objective, its progress, on the outline of the whole way; a tick marks the time gone."""
    found = [each for each in objectives_in(results) if pd.notna(each.row["value"])]
    title = chart_title(results, _("Progress of objectives, and the time gone"), "share", [results.period.label])
    columns = {
        "objective": Column(_("Objective")), "done": Column(_("Progress"), "share"),
        "gone": Column(_("Time gone"), "share"), "n": Column("n", "count"), "standing": Column(_("Status")),
    }  # fmt: skip
    rows = [
        [each.name, each.done, each.gone, each.row["n"], _(STANDINGS.get(each.standing, "")) or None] for each in found
    ]
    frame = pd.DataFrame(rows, columns=list(columns))
    table = table_behind(results.context, title, frame, columns, _("No objective has a figure."))
    if not found:
        period = format_period(results.period.label)
        return not_drawn(table, _("No objective has a figure in {period}.").format(period=period))
    with sheet(ROW * 1.6 * (len(found) + 1), results.context) as drawn:
        axes, unsaid = drawn.axes, _("not final")
        for y, each in enumerate(found):
            bar = _outlined_bar(drawn, y, each.done, outline=BAR, height=BAR - 0.3)
            axes.plot([each.gone] * 2, [y - 0.38, y + 0.38], color=TEXT, linewidth=2.2, solid_capstyle="butt")
            words = f"{each.share(each.done)}  {with_sign(each.standing) or unsaid}"
            drawn.mark(bar, each.name, words)
            drawn.edge_text(y, words, bold=True, colour=TEXT, family=[SHAPES, *rcParams["font.family"]])
        drawn.row_axis([each.name for each in found], lines=2)
        ends = [each.done for each in found]
        axes.set_xlim(1.1 * min(0.0, *ends), 1.02 * max(1.0, *ends))
        drawn.key(_("outlined: the whole way; tick: the time gone"))
    return Chart(title, _pace_sentence(found), drawn.svg, table)


def _outlined_bar(drawn: Sheet, y: int, share: float, *, outline: float, height: float) -> Artist:
    """A bar in the outline of the whole."""
    drawn.axes.barh(y, 1, outline, color="none", edgecolor=TEXT, linewidth=0.8)
    return drawn.axes.barh(y, share, height, color=drawn.ink)[0]


def _pace_sentence(found: Sequence[Objective]) -> str:
    """How many are on pace, and which is farthest behind."""
    behind = [each for each in found if each.standing in OFF_PACE]
    on = sum(bool(each.standing) for each in found) - len(behind)
    are = plural("{n} is on pace or achieved", "{n} are on pace or achieved", on).format(n=on)
    sentence = plural(
        "Of {n} objective with a figure, {clause}.", "Of {n} objectives with a figure, {clause}.", len(found)
    ).format(n=len(found), clause=are)
    if not behind:
        return sentence
    last = min(behind, key=lambda each: each.done - each.gone)
    farthest = _("Farthest behind is “{name}”: {done} of the way, {gone} of the time gone.")
    return paragraph(sentence, farthest.format(name=last.name, done=last.share(last.done), gone=last.share(last.gone)))


# --- segments and stages ----------------------------------------------------------------------------------------------


def _period_of(results: Results, total: pd.Series | None) -> str:
    """The period that is drawn: that of the total, which may be an earlier one that is mature."""
    return results.period.label if total is None else str(total["period"])


def _segments(results: Results, kpi_id: str, segment_by: str, period: str) -> pd.DataFrame:
    """The rows of one dimension in one period, in the order in which the card gave them; what has no segment last.

    Segments are named as pages name them.
    """
    frame = results.frame
    is_wanted = (frame["kpi_id"] == kpi_id) & (frame["segment_by"] == segment_by) & (frame["period"] == period)
    rows = frame[is_wanted].sort_values("segment", key=lambda name: name == NONE, kind="stable", ignore_index=True)
    return rows.assign(segment=rows["segment"].map(retold))


def _with_interval(write: Writer, row: pd.Series) -> str:
    reach = write.interval(row["ci_low"], row["ci_high"], row["unit"])
    value = write.result_phrase(row)
    return _("{value}, 95% interval {interval}").format(value=value, interval=reach) if reach else value


def _bar_columns(first: str, label: str, unit: str) -> dict[str, Column]:
    """The columns of the table behind bars with intervals."""
    return {
        "segment": Column(first), "value": Column(label, unit), "ci_low": Column(_("95% from"), unit),
        "ci_high": Column(_("to"), unit), "n": Column("n", "count"),
    }  # fmt: skip


def _largest(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that are drawn: all, or of many those of the largest values, in their own order."""
    return rows[rows["value"].rank(method="first", ascending=False, na_option="bottom") <= MOST]


def _segment_bars(drawn: Sheet, rows: pd.DataFrame, total: pd.Series | None, named: str) -> None:
    """A bar per row with its value at its end, a whisker below that, and a line at what rows are compared with."""
    write = drawn.write
    for y, (_i, row) in enumerate(rows.iterrows()):
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
    phrase, drawn = results.write.result_phrase, _largest(rows)
    compared = rows[rows["value"].notna()].sort_values("value", ascending=False, kind="stable")
    compared = compared if compared["small"].all() else compared[~compared["small"]]
    ends = [compared.iloc[0], compared.iloc[-1]] if len(compared) > 1 else [compared.iloc[0]]
    named = [_("{segment} {value}").format(segment=spoken(row["segment"]), value=phrase(row)) for row in ends]
    parts = _("{highest} to {lowest}").format(highest=named[0], lowest=named[-1]) if len(named) > 1 else named[0]
    if total is not None:
        parts = _("{value} in total, {parts}").format(value=phrase(total), parts=parts)
    if (more := len(rows) - MOST) > 0:
        beyond = plural("{parts}; {n} more is in the table", "{parts}; {n} more are in the table", more)
        parts = beyond.format(parts=parts, n=more)
    said = [] if total is None else cautions(total)
    told = rows.index.isin(drawn.index) & rows["value"].notna() | (rows["segment"] == retold(NONE))
    of_some = grouped((text, spoken(row["segment"])) for _i, row in rows[told].iterrows() for text in cautions(row))
    sentence = _("{name} in {period}: {value}.").format(
        name=kpi(rows["kpi_id"].iloc[0]).label, period=format_period(period), value=parts
    )
    beside = _("{names}: {reason}.")
    return paragraph(
        sentence,
        *(beside.format(names=enumerated(names), reason=text) for text, names in of_some.items() if text not in said),
    )


# --- bars that begin where the one before ended -----------------------------------------------------------------------


def _known_periods(results: Results, kpi_ids: Sequence[str]) -> tuple[dict[str, dict[str, float]], str]:
    """The values of the last periods that are known and add up, the earliest first, and why the one before is not.

    Of a review period that is not, the reason is a clause.
    """
    found: dict[str, dict[str, float]] = {}
    for period in reversed([*results.period.history(PANELS - 1), results.period]):
        rows = [row for kpi_id in kpi_ids if (row := results.at(kpi_id, period.label)) is not None]
        if why := _why_unknown(results, rows, len(kpi_ids)):
            untold = _("{period} is not drawn: {reason}.")
            untold = untold.format(period=format_period(period.label), reason=why)
            return found, untold if found and rows else why if not found else ""
        found = {period.label: {row["kpi_id"]: float(row["value"]) for row in rows}, **found}
    return found, ""


def _why_unknown(results: Results, rows: Sequence[pd.Series], wanted: int) -> str:
    """Why movements cannot be drawn: some are not known, or they do not add up; empty where they can."""
    values = [float(row["value"]) for row in rows]
    if len(rows) < wanted or any(map(math.isnan, values)):
        reasons = [why for row in rows if (why := why_missing(row))]
        told = _("not all movements are known ({reason})") if reasons else _("not all movements are known")
        return told.format(reason="".join(reasons[:1]))
    rest = values[-1] - sum(values[:-1])
    is_same = abs(rest) <= CENT * len(rows)
    amount = results.write.value(rest, rows[-1]["unit"])
    return "" if is_same else _("{value} are in no movement").format(value=amount)


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
        when = format_period(period)
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
            drawn.mark(bar, _(", ").join([row["label"], when]), text)
            drawn.text((right, y), text, colour=TEXT if is_stock else TONES[tone], bold=is_stock)
            if is_stock and is_cut:  # the break
                drawn.axes.plot([at + 0.05, at + 0.07], [y + 0.4, y - 0.4], color="white", linewidth=2.5)
        for y, end in enumerate(ends[period]):
            drawn.axes.plot([at + (end - base) * width] * 2, [y - BAR / 2, y + 1 + BAR / 2], color=LINE, zorder=0)
        drawn.text((at, -0.6), when, (0, 0), bold=True, va="bottom")
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
    told_part = _("{segment} {value}")
    parts = [
        told_part.format(segment=row["label"], value=_with_sign(results.write, row))
        for _i, row in inner.iterrows()
        if row["value"]
    ]
    told = movement(results, rows.iloc[-1])
    if parts:
        told = _("{sentence}: {next}").format(sentence=told, next=enumerated(parts))
    return ended(told)


def _cascade_bars(drawn: Sheet, rows: pd.DataFrame) -> None:
    """Each part from where the part before it ended; in the last row all of them, and what they add up to."""
    colour, write, end, last = drawn.ink, drawn.write, 0.0, len(rows)
    looks = day_looks(colour)

    def part_bar(y: int, start: float, row: pd.Series) -> float:
        for name, look in looks.items():
            if row[name] > 0:
                bar = drawn.axes.barh(y, row[name], BAR, left=start, **look)
                drawn.marks(bar, [_(", ").join([str(row["name"]), retold(DAY_KINDS[name])])], [row[name]], "days")
                start += row[name]
        return start

    def days(value: float) -> str:
        return write.value(round(value, 1), "days")

    for y, (_i, row) in enumerate(rows.iterrows()):
        part_bar(y, end, row)
        end += row["days"]
        share = write.value(row["days"] / rows["days"].sum(), "share")
        drawn.text((end, y), _("{value} ({note})").format(value=days(row["days"]), note=share), bold=True)
        if "earlier" in rows:
            drawn.edge_text(y, days(row["earlier"]))
    end = 0.0
    for _i, row in rows.iterrows():
        part_bar(last, end, row)
        end += row["days"]
        drawn.axes.plot([end, end], [last - BAR / 2, last + BAR / 2], color="white", linewidth=1.2)
    drawn.text((end, last), days(end), bold=True)
    if "earlier" in rows:
        drawn.edge_text(last, days(rows["earlier"].sum()))
    drawn.axes.axhline(last - 0.5, color=TEXT, linewidth=0.6)
