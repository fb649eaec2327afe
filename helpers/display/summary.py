"""The summary of a pack: a verdict in a line, what went well and what did not, and how much was judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from helpers.catalogue import CATALOGUE, kpi
from helpers.display.context import Results
from helpers.display.formats import FEW, MONEY
from helpers.display.headlines import Headline, family_of, headlines, judgement
from helpers.display.scorecard import scorecard_kpis
from helpers.display.sentences import gap_to_target, gaps_of, listed, name_of, when_earlier
from helpers.display.signals import judged_count, target_met
from helpers.results import split_address

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
        return "Nothing can be said of this period yet."
    label = kpi(row["kpi_id"]).label.partition(" (")[0]
    year, before = (_went(results, row, earlier) for earlier in (results.year_before(row), results.before(row)))
    now = f"this {results.period.kind}" if row["period"] == results.period.label else f"in {row['period']}"
    parts = [f"{year} in a year" if year else "", f"{before} {now}" if before else ""]
    told = " and ".join(filter(None, parts)) or f"is {results.write.result_phrase(row)}"
    return f"{label} {told}."


def _went(results: Results, row: pd.Series, earlier: pd.Series | None) -> str:
    if earlier is None:
        return ""
    gap, write = row["value"] - earlier["value"], results.write
    if abs(gap) < STOOD_STILL * abs(earlier["value"]) or row["value"] == earlier["value"]:
        return "stood still"
    in_per_cent = row["unit"] in MONEY or (row["unit"] == "count" and earlier["value"] >= FEW)
    words = write.relative_change(row["value"], earlier["value"]) if in_per_cent else ""
    return f"{'rose' if gap > 0 else 'fell'} by {words.lstrip('+−') or write.gap(gap, row['unit'])}"


def _carried_by(results: Results, row: pd.Series | None) -> str:
    """The figure behind the verdict, and what of the ARR is decided next."""
    if row is None:
        return ""
    write, target = results.write, results.target(row["kpi_id"])
    gaps = gaps_of(results, row, year_ago=True)
    if target is not None:
        gaps.append(gap_to_target(results, row, target))
    told = f"{name_of(row)}: {write.result_phrase(row)}{when_earlier(results, row)}{', ' * bool(gaps)}{listed(gaps)}."
    due, arr = (results.now(kpi_id) for kpi_id in ("arr_due_90", "arr"))
    if due is None or arr is None or pd.isna(due["value"]) or not arr["value"] > 0:
        return told
    part = write.value(due["value"] / arr["value"], "share")
    return f"{told} {name_of(due)}: {write.result_phrase(due)}, {part} of ARR."


def _note(results: Results, kpi_ids: Sequence[str], more_good: int, more_bad: int) -> str:
    """How many series and targets were judged, since some signal by chance; and how much news did not fit."""
    judged = judged_count(judgement(results, kpi_id) for kpi_id in kpi_ids)
    rows = [row for address in results.context.targets if (row := results.shown(*split_address(address))) is not None]
    met = [found for row in rows if (found := target_met(results, row)) is not None]
    told = [f"{judged} series were judged against their own history; about one in thirty signals by chance."]
    told += [f"{sum(met)} of {len(met)} targets were met."] if met else []
    more = [
        f"{count} more {word}" for count, word in ((more_good, "that went well"), (more_bad, "that did not")) if count
    ]
    return " ".join([*told, *([f"In the sections: {listed(more)}."] if more else [])])
