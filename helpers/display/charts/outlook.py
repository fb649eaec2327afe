"""The outlook to the fiscal year's end: the quarters that were solid, those to come hatched, with the past error."""

from __future__ import annotations

import math

import pandas as pd

from helpers.catalogue import kpi
from helpers.display.charts.frame import COLUMN, Chart, Sheet, hatched, labels_with_room, sheet, table_behind
from helpers.display.charts.over_time import COLUMNS_SHOWN, HEIGHT, TARGET_WIDTH, outlined
from helpers.display.context import Results
from helpers.display.formats import format_period
from helpers.display.outlook import Outlook
from helpers.display.palette import TEXT
from helpers.display.sentences import chart_title
from helpers.display.shown_tables import Table
from helpers.errors import KitError
from helpers.language import _, plural
from helpers.results import Column


def outlook(results: Results, kpi_id: str) -> Chart:
    """What a KPI will be at the fiscal year's end at the pace of the last four quarters, beside what was planned.

    Where no outlook can be told, the sentence says why.

    Raises:
        KitError: the KPI has no outlook, or one of a sum of quarters, which is told as a sentence.
    """
    found = Outlook(results, kpi_id)
    if not found.is_stock:
        raise KitError(f"{kpi_id} is added up over the year: show quarter.outlook(results, {kpi_id!r})")
    shown = found.known.tail(COLUMNS_SHOWN["quarter"])
    what, unit = _("{name} to the year's end").format(name=kpi(kpi_id).label), kpi(kpi_id).unit
    title = chart_title(results, what, unit, [*shown.index, *found.ahead])
    if found.why_none:
        return Chart(title, found.sentence, "", _behind(found, what))
    with sheet(HEIGHT, results.context) as drawn:
        _quarters(drawn, found, shown)
    return Chart(title, found.sentence, drawn.svg, _behind(found, what))


def _quarters(drawn: Sheet, found: Outlook, shown: pd.Series) -> None:
    """A column per quarter, its target beside it, and on the last the error that the method had before."""
    unit, write, past = kpi(found.kpi_id).unit, drawn.write, len(shown)
    columns = pd.concat([shown, found.values])
    plans, last = found.targets, len(columns) - 1
    names = [format_period(str(label)) for label in columns.index]
    tops = list(columns)
    for i, (label, value) in enumerate(columns.items()):
        look = {"color": drawn.ink} if i < past else hatched(drawn.ink)
        name = names[i] if i < past else _("Forecast for {period}").format(period=names[i])
        drawn.marks(drawn.axes.bar(i, value, COLUMN, **look), [name], [value], unit)
        if label in plans:
            target = _("Target for {period}").format(period=names[i])
            outlined(drawn, i + COLUMN / 2 + 0.03, plans[str(label)], unit, target)
    if error := (found.error or 0.0) * abs(found.end):
        tops[last] += error
        drawn.axes.errorbar([last], [found.end], yerr=error, fmt="none", ecolor=TEXT, elinewidth=0.9, capsize=2.5)
    ends = [each for each in (*tops, *plans.values()) if not math.isnan(each)]
    drawn.zero_axis(max(ends), min(ends))
    texts = [write.value(value, unit) for value in columns]
    for i in labels_with_room(texts):
        drawn.text((i, 0.0 if math.isnan(tops[i]) else max(tops[i], 0.0)), texts[i], (0, 3), bold=True, side="above")
    if found.target is not None:
        edge = last + COLUMN / 2 + 0.03 + TARGET_WIDTH
        words = "\n".join([_("target"), write.value(found.target, unit)])
        drawn.text((edge, found.target), words, va="top")
    drawn.axes.set_xlim(-0.6, len(columns) - 0.4)
    drawn.period_axis(list(map(str, columns.index)), [False] * len(columns))
    whisker = _("whisker: how far off the method was on average")
    target = _("outlined: target")
    drawn.key(_("; ").join([_("hatched: forecast"), *[target] * bool(plans), *[whisker] * bool(error)]))


def _behind(found: Outlook, title: str) -> Table:
    """Quarters with their value, what the method said of it, how far off that was, and what was planned."""
    unit, context, count = kpi(found.kpi_id).unit, found.results.context, len(found.ahead)
    columns = {
        "period": Column(_("Period")),
        "value": Column(kpi(found.kpi_id).label, unit),
        "forecast": Column(_("Forecast"), unit),
        "off": Column(_("Off by"), "share"),
        "target": Column(_("Target"), unit),
    }
    rows = pd.DataFrame({"value": found.known, "forecast": found.past["forecast"], "off": found.past["off"]})
    rows = rows.head(0) if found.why_none else pd.concat([rows, pd.DataFrame({"forecast": found.values})])
    rows = rows.assign(target=pd.Series(found.targets, dtype=float).reindex(rows.index))
    rows = rows.assign(period=[format_period(str(label)) for label in rows.index])
    note = plural(
        "Forecasts of past quarters are those of {n} quarter before.",
        "Forecasts of past quarters are those of {n} quarters before.",
        count,
    )
    return table_behind(context, title, rows, columns, _("No values."), note.format(n=count) if count else "")
