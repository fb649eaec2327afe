"""Sentences about figures, computed from them: the number, the change, against what. No adjectives and no causes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import pandas as pd

from helpers.catalogue import TIMES, kpi
from helpers.display.context import Results, warnings_of
from helpers.display.formats import NOTES, format_day, format_period
from helpers.texts import spoken

REASONS = {
    "undefined": "undefined: nothing to divide by",
    "insufficient": "too little data to say",
    "not_provided": "not provided",
    "refused": "refused",
}


def why_missing(row: pd.Series, locale: str) -> str:
    """Why a row has no value to print, in words; empty where it has one."""
    if row["status"] not in REASONS:
        return ""
    return "; ".join(cautions(row, locale)) or REASONS[row["status"]]


def cautions(row: pd.Series, locale: str) -> list[str]:
    """The warnings of a row, as they are read: days by the locale, and the name of a flag in words."""
    texts = [re.sub(r"^[a-z]+(_[a-z]+)+\b", lambda flag: flag[0].replace("_", " "), text) for text in warnings_of(row)]
    return [re.sub(r"\b\d{4}-\d\d-\d\d\b", lambda day: format_day(day[0], locale), text) for text in texts]


def window_words(row: pd.Series) -> str:
    """Over how many months or quarters a KPI looks, where a parameter such as ``retention_months`` says so."""
    parameter = kpi(row["kpi_id"]).window
    length, unit = json.loads(row["params"] or "{}").get(parameter), parameter.rpartition("_")[2]
    return f"over {length} {unit.removesuffix('s') if length == 1 else unit}" if length else ""


def movement(results: Results, row: pd.Series, *, year_ago: bool = False) -> str:
    """Where a KPI went: "Net new MRR fell to €41,000 per month in 2026Q3, €28,000 below 2026Q2".

    ``row`` is of any period; ``year_ago`` adds the comparison with a year before. Without anything to compare it
    with, the value alone is told.
    """
    if why := why_missing(row, results.context.locale):
        return f"{name_of(row)}: no value in {_when(row, results)} ({why})"
    gaps = gaps_of(results, row, year_ago=year_ago)
    return f"{moved_to(results, row)} in {_when(row, results)}{', ' * bool(gaps)}{' and '.join(gaps)}"


def moved_to(results: Results, row: pd.Series) -> str:
    """To what a KPI rose or fell: "Net new MRR fell to €41,000 per month"."""
    label, before = name_of(row), results.before(row)
    value = " ".join(filter(None, [results.write.result_phrase(row), window_words(row)]))
    if before is None:
        return f"{label}: {value}"
    same = gaps_of(results, row)[0].startswith("the same")
    verb = "stayed at" if same else "rose to" if row["value"] > before["value"] else "fell to"
    name = f"{label}," if ", " in label else label  # a label such as "Sales cycle, median" is an apposition
    return f"{name} {verb} {value}"


def gaps_of(results: Results, row: pd.Series, *, year_ago: bool = False) -> list[str]:
    """How far a figure lies from the period before, and from a year before, where they may be compared."""

    def gap(earlier: pd.Series) -> str:
        gap, period = row["value"] - earlier["value"], format_period(earlier["period"], results.context.locale)
        words, none = (results.write.gap(size, row["unit"]) for size in (gap, 0.0))
        return f"the same as {period}" if words == none else f"{words} {'above' if gap > 0 else 'below'} {period}"

    compared = (results.before(row), results.year_before(row) if year_ago else None)
    return [gap(earlier) for earlier in compared if earlier is not None]


def gap_to_target(results: Results, row: pd.Series, target: float) -> str:
    """How far a figure lies from its target: "€56,769 below its target", or "at its target"."""
    gap = row["value"] - target
    size, none = (results.write.gap(each, row["unit"]) for each in (gap, 0.0))
    return f"{'at' if size == none else f'{size} above' if gap > 0 else f'{size} below'} its target"


def when_earlier(results: Results, row: pd.Series) -> str:
    """The words "in 2026Q2" after a blank, of a row that stands in for a review period that is not mature."""
    here = row["period"] == results.period.label
    return "" if here else f" in {format_period(row['period'], results.context.locale)}"


def name_of(row: pd.Series) -> str:
    """The KPI's label, with the segment that the row is of."""
    return kpi(row["kpi_id"]).label + (f" ({spoken(row['segment'])})" if row["segment"] else "")


def _when(row: pd.Series, results: Results) -> str:
    to_date = " to date" if row["status"] == "partial" else ""
    return f"{format_period(row['period'], results.context.locale)}{to_date}"


def listed(words: Sequence[str]) -> str:
    """Words as a list in a sentence.

    >>> listed(["a", "b", "c"]), listed(["a"]), listed([])
    ('a, b and c', 'a', '')
    """
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def chart_title(results: Results, what: str, unit: str, periods: Sequence[str]) -> str:
    """A chart's title: what, unit, period."""
    named = list(periods) or [results.period.label]
    first, last = (format_period(label, results.context.locale) for label in (named[0], named[-1]))
    when = first if first == last else f"{first} to {last}"
    return ", ".join(filter(None, [what, unit_words(unit, results.context.currency), when]))


def unit_words(unit: str, currency: str) -> str:
    """The unit as a chart's title names it.

    >>> unit_words("money_per_month", "EUR"), unit_words("share", "EUR")
    ('EUR per month', '%')
    """
    if unit.startswith("money"):
        return " ".join(filter(None, [currency, NOTES.get(unit, "")]))
    return {"share": "%", **{time: time for time in TIMES}}.get(unit, "")


def why_nothing(results: Results, row: pd.Series | None, otherwise: str) -> str:
    """The sentence in the place of a picture: why the KPI has no value (refused, not provided), else another."""
    has_reason = row is not None and why_missing(row, results.context.locale)
    return f"{movement(results, row)}." if row is not None and has_reason else otherwise


def why_not_drawn(values: pd.DataFrame, results: Results, unit: str) -> str:
    """Why a picture of these values is not drawn: there are none, or all are zero."""
    if not values.count().sum():
        return "There are no values to draw."
    return f"All known values are {results.write.value(0.0, unit)}, so nothing is drawn."
