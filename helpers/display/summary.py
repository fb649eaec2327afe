"""The summary of a pack: a verdict in a line, what went well and what did not, and how much was judged."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from helpers.catalogue import CATALOGUE, kpi
from helpers.display.context import Results
from helpers.display.formats import FEW, MONEY, format_period
from helpers.display.headlines import Headline, family_of, headlines, judgement
from helpers.display.scorecard import scorecard_kpis
from helpers.display.sentences import as_subject, clauses, gap_to_target, gaps_of, name_of, when_earlier
from helpers.display.signals import judged_count, target_met
from helpers.language import _, message, paragraph, plural
from helpers.results import split_address

SHORT = re.compile(r" ?[(（]")  # before the abbreviation of a name
NOW = {
    "quarter": message("{went} this quarter"), "month": message("{went} this month"),
    "week": message("{went} this week"),
}  # fmt: skip
MOST = 3  # headlines on each side
STOOD_STILL = 0.005  # a change below half a per cent is none that a reader would call growth


@dataclass(frozen=True)
class Summary:
    """The review at a glance: ``verdict`` and the sentence that carries it, at most three headlines on each side.

    ``note`` says how many series and targets were judged, and how much news did not fit.
    """

    verdict: str
    carried_by: str
    good: Sequence[Headline]
    bad: Sequence[Headline]
    note: str


def summary(results: Results) -> Summary:
    """The summary of all themes' results."""
    in_scorecard = [kpi_id for ids in scorecard_kpis(results).values() for kpi_id in ids]
    others = [k for k, each in CATALOGUE.items() if each.headline and k not in in_scorecard]
    rows = [row for kpi_id in in_scorecard if (row := results.shown(kpi_id)) is not None]
    leading = next((row for row in rows if pd.notna(row["value"])), None)
    told = "" if leading is None else family_of(leading["kpi_id"])  # by the verdict, but that it is a signal
    found = headlines(results, [*in_scorecard, *others])
    news = [each for each in found if each.family != told or each.kind == "signal"]
    good, bad = ([each for each in news if each.tone == tone] for tone in ("good", "bad"))
    return Summary(
        verdict=_verdict(results, leading),
        carried_by=_carried_by(results, leading),
        good=good[:MOST],
        bad=bad[:MOST],
        note=_note(results, [*in_scorecard, *others], len(good[MOST:]), len(bad[MOST:])),
    )


def _verdict(results: Results, row: pd.Series | None) -> str:
    """Where the leading KPI went: in a year, and since the period before."""
    if row is None:
        return _("Nothing can be said of this period yet.")
    name = as_subject(SHORT.split(kpi(row["kpi_id"]).label)[0])
    gaps = [_went(results, row, each) for each in (results.year_before(row), results.before(row))]
    year, before = (told.format(size=size) for told, size in gaps)
    if gaps[0][0] == gaps[1][0] and gaps[1][1]:  # the verb is said once
        before = _("by {size}").format(size=gaps[1][1])
    parts = [_("{went} in a year").format(went=year)] if year else []
    if before and row["period"] == results.period.label:
        parts.append(_(NOW[results.period.kind]).format(went=before))
    elif before:
        period = format_period(row["period"])
        parts.append(_("{went} in {period}").format(went=before, period=period))
    if not parts:
        return _("{name} is {value}.").format(name=name, value=results.write.result_phrase(row))
    return _("{name} {parts}.").format(name=name, parts=clauses(parts))


def _went(results: Results, row: pd.Series, earlier: pd.Series | None) -> tuple[str, str]:
    """Which way a figure went, and how far; both empty where there is nothing to compare it with."""
    if earlier is None:
        return "", ""
    gap, write = row["value"] - earlier["value"], results.write
    if abs(gap) < STOOD_STILL * abs(earlier["value"]) or row["value"] == earlier["value"]:
        return _("stood still"), ""
    in_per_cent = row["unit"] in MONEY or (row["unit"] == "count" and earlier["value"] >= FEW)
    words = write.relative_change(row["value"], earlier["value"]) if in_per_cent else ""
    told = _("rose by {size}") if gap > 0 else _("fell by {size}")
    return told, words.lstrip("+−") or write.gap(gap, row["unit"])


def _carried_by(results: Results, row: pd.Series | None) -> str:
    """The figure behind the verdict, and what of the ARR is decided next."""
    if row is None:
        return ""
    write, target = results.write, results.target(row["kpi_id"])
    gaps = gaps_of(results, row, year_ago=True)
    if target is not None:
        gaps.append(gap_to_target(results, row, target))
    told = _("{name}: {value}, {gaps}.") if gaps else _("{name}: {value}.")
    value = write.result_phrase(row) + when_earlier(results, row)
    told = told.format(name=name_of(row), value=value, gaps=clauses(gaps))
    due, arr = (results.now(kpi_id) for kpi_id in ("arr_due_90", "arr"))
    if due is None or arr is None or pd.isna(due["value"]) or not arr["value"] > 0:
        return told
    part = write.value(due["value"] / arr["value"], "share")
    decided = _("{name}: {value}, {share} of ARR.")
    return paragraph(told, decided.format(name=name_of(due), value=write.result_phrase(due), share=part))


def _note(results: Results, kpi_ids: Sequence[str], more_good: int, more_bad: int) -> str:
    """How many series and targets were judged, since some signal by chance; and how much news did not fit."""
    judged = judged_count(judgement(results, kpi_id) for kpi_id in kpi_ids)
    rows = [row for address in results.context.targets if (row := results.shown(*split_address(address))) is not None]
    met = [found for row in rows if (found := target_met(results, row)) is not None]
    series = plural(
        "{n} series was judged against its own history; about one in thirty signals by chance.",
        "{n} series were judged against their own history; about one in thirty signals by chance.",
        judged,
    )
    told = [series.format(n=judged)]
    of_targets = plural("{met} of {n} target was met.", "{met} of {n} targets were met.", len(met))
    told += [of_targets.format(met=sum(met), n=len(met))] if met else []
    more = [_("{n} more that went well").format(n=more_good)] if more_good else []
    more += [_("{n} more that did not").format(n=more_bad)] if more_bad else []
    return paragraph(*told, _("In the sections: {news}.").format(news=clauses(more)) if more else "")
