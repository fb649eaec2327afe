"""Sentences about figures, computed from them: the number, the change, against what. No adjectives and no causes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import pandas as pd
from babel.lists import format_list

from helpers.catalogue import TIMES, kpi
from helpers.display.context import Results, warnings_of
from helpers.display.formats import format_period, unit_note, with_unit
from helpers.display.plain_words import plain
from helpers.language import LOCALES, _, in_force, message, plural, retold
from helpers.texts import spoken

DIMENSIONS = (  # what the kit splits its figures by, said as ``_(spoken(segment_by))``
    message("channel"), message("experiment"), message("feature"), message("meter"), message("move"),
    message("okr"), message("owner"), message("persona"), message("product type"), message("reason"), message("sales"),
    message("score"), message("segment"), message("source"), message("stage"), message("topic"),
)  # fmt: skip
REASONS = {
    "undefined": message("undefined: nothing to divide by"),
    "insufficient": message("too little data to say"),
    "not_provided": message("not provided"),
    "refused": message("refused"),
}


def why_missing(row: pd.Series) -> str:
    """Why a row has no value to print, in words; empty where it has one."""
    if row["status"] not in REASONS:
        return ""
    reason = REASONS[row["status"]]
    return _("; ").join(cautions(row)) or _(reason)


def cautions(row: pd.Series) -> list[str]:
    """The warnings of a row, as they are read: days by the locale, and the name of a flag in words."""
    told = map(retold, warnings_of(row))
    texts = [re.sub(r"^[a-z]+(_[a-z]+)+\b", lambda flag: flag[0].replace("_", " "), text) for text in told]
    return [plain(text) for text in texts]


def window_words(row: pd.Series) -> str:
    """Over how many months or quarters a KPI looks, where a parameter such as ``retention_months`` says so."""
    parameter = kpi(row["kpi_id"]).window
    if not (length := json.loads(row["params"] or "{}").get(parameter)):
        return ""
    if parameter.endswith("quarters"):
        return plural("over {n} quarter", "over {n} quarters", length).format(n=length)
    return plural("over {n} month", "over {n} months", length).format(n=length)


def movement(results: Results, row: pd.Series, *, year_ago: bool = False) -> str:
    """Where a KPI went: "Net new MRR fell to €41,000 per month in 2026Q3, €28,000 below 2026Q2".

    ``row`` is of any period; ``year_ago`` adds the comparison with a year before. Without anything to compare it
    with, the value alone is told.
    """
    period = when(row["period"], row["status"])
    if why := why_missing(row):
        return _("{name}: no value in {period} ({why})").format(name=name_of(row), period=period, why=why)
    gaps = gaps_of(results, row, year_ago=year_ago)
    told = _("{moved} in {period}, {gaps}") if gaps else _("{moved} in {period}")
    return told.format(moved=moved_to(results, row), period=period, gaps=clauses(gaps))


def moved_to(results: Results, row: pd.Series) -> str:
    """To what a KPI rose or fell: "Gross revenue retention (GRR) over 12 months fell to 90.8%"."""
    name, before, value = name_of(row), results.before(row), results.write.result_phrase(row)
    if window := window_words(row):
        name = _("{name} {window}").format(name=name, window=window)
    if before is None:
        return _("{name}: {value}").format(name=name, value=value)
    name = as_subject(name)
    gap = row["value"] - before["value"]
    told = _("{name} rose to {value}") if gap > 0 else _("{name} fell to {value}")
    if results.write.is_none(gap, row["unit"]):
        told = _("{name} stayed at {value}")
    return told.format(name=name, value=value)


def as_subject(name: str) -> str:
    """A name before a verb.

    >>> as_subject("Sales cycle, median"), as_subject("Win rate")
    ('Sales cycle, median,', 'Win rate')
    """
    return _("{label},").format(label=name) if ", " in name else name


def gaps_of(results: Results, row: pd.Series, *, year_ago: bool = False) -> list[str]:
    """How far a figure lies from the period before, and from a year before, where they may be compared."""

    def gap(earlier: pd.Series) -> str:
        gap, period = row["value"] - earlier["value"], format_period(earlier["period"])
        if results.write.is_none(gap, row["unit"]):
            return _("the same as {period}").format(period=period)
        told = _("{gap} above {period}") if gap > 0 else _("{gap} below {period}")
        return told.format(gap=results.write.gap(gap, row["unit"]), period=period)

    compared = (results.before(row), results.year_before(row) if year_ago else None)
    return [gap(earlier) for earlier in compared if earlier is not None]


def gap_to_target(results: Results, row: pd.Series, target: float) -> str:
    """How far a figure lies from its target: "€56,769 below its target", or "at its target"."""
    gap, unit = row["value"] - target, row["unit"]
    if results.write.is_none(gap, unit):
        return _("at its target")
    told = _("{gap} above its target") if gap > 0 else _("{gap} below its target")
    return told.format(gap=results.write.gap(gap, unit))


def when_earlier(results: Results, row: pd.Series) -> str:
    """The words "in 2026Q2" after a blank, of a row that stands in for a review period that is not mature."""
    here = row["period"] == results.period.label
    return "" if here else _(" in {period}").format(period=format_period(row["period"]))


def name_of(row: pd.Series) -> str:
    """The KPI's label, with the segment that the row is of."""
    told = _("{label} ({segment})") if row["segment"] else "{label}"
    return told.format(label=kpi(row["kpi_id"]).label, segment=retold(spoken(row["segment"])))


def when(period: object, status: str) -> str:
    """The name of a period, of one that is not over as such."""
    name = format_period(str(period))
    return _("{period} to date").format(period=name) if status == "partial" else name


def listed(words: Sequence[str]) -> str:
    """Words as a list in a sentence.

    >>> listed(["a", "b", "c"]), listed(["a"]), listed([])
    ('a, b and c', 'a', '')
    """
    return format_list(words, locale=LOCALES[in_force()])


def ended(clause: str) -> str:
    """A clause as a sentence.

    >>> ended("It rose")
    'It rose.'
    """
    return _("{sentence}.").format(sentence=clause)


def clauses(told: Sequence[str]) -> str:
    """Parts of a sentence, one after the other.

    >>> clauses(["it rose by 2", "fell by 3"])
    'it rose by 2 and fell by 3'
    """
    *first, last = told or [""]
    return _("{clauses} and {last}").format(clauses=_(", ").join(first), last=last) if first else last


def chart_title(results: Results, what: str, unit: str, periods: Sequence[str]) -> str:
    """A chart's title: what, unit, period."""
    named = list(periods) or [results.period.label]
    first, last = (format_period(label) for label in (named[0], named[-1]))
    when = first if first == last else _("{low} to {high}").format(low=first, high=last)
    return _(", ").join(filter(None, [what, unit_words(unit, results.context.currency), when]))


def unit_words(unit: str, currency: str) -> str:
    """The unit as a chart's title names it.

    >>> unit_words("money_per_month", "EUR"), unit_words("share", "EUR")
    ('EUR per month', '%')
    """
    if unit.startswith("money"):
        return with_unit(currency, unit)
    return "%" if unit == "share" else unit_note(unit) if unit in TIMES else ""


def why_nothing(results: Results, row: pd.Series | None, otherwise: str) -> str:
    """The sentence in the place of a picture: why the KPI has no value (refused, not provided), else another."""
    has_reason = row is not None and why_missing(row)
    return ended(movement(results, row)) if row is not None and has_reason else otherwise


def why_not_drawn(values: pd.DataFrame, results: Results, unit: str) -> str:
    """Why a picture of these values is not drawn: there are none, or all are zero."""
    if not values.count().sum():
        return _("There are no values to draw.")
    return _("All known values are {zero}, so nothing is drawn.").format(zero=results.write.value(0.0, unit))
