"""The summary of a pack: up to five headlines, and a scorecard row for every headline KPI.

Everything is plain display strings and small SVGs, so that the HTML, the PDF and the mail show the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from helpers.catalogue import CATALOGUE, theme_title
from helpers.display.blocks import kpi_texts, target_texts
from helpers.display.context import Results
from helpers.display.formats import is_small
from helpers.display.objectives import off_pace, on_pace
from helpers.display.sentences import movement
from helpers.display.signals import Verdict, judged_count, verdict
from helpers.results import segment_of, split_address

HEADLINES = 5


@dataclass(frozen=True)
class Scorecard:
    """The review at a glance.

    ``groups`` has one entry per theme, in the review's order: ``theme`` (which is its section's anchor), ``title``
    and ``rows``, each with the keys of :func:`helpers.display.blocks.kpi_texts`.
    """

    headlines: list[str]
    judged_note: str
    groups: list[dict[str, Any]]


def scorecard(results: Results) -> Scorecard:
    """The scorecard of all themes' results; KPIs whose data is not provided are left to the appendix."""
    shown = {theme: _headline_kpis(results, theme) for theme in results.themes()}
    verdicts = {kpi_id: verdict(results, kpi_id) for kpi_ids in shown.values() for kpi_id in kpi_ids}
    news, behind = _signals(results, verdicts) + _missed_targets(results, verdicts), off_pace(results)
    groups = [
        {"theme": theme, "title": theme_title(theme), "rows": [kpi_texts(results, k) for k in kpi_ids]}
        for theme, kpi_ids in shown.items()
        if kpi_ids
    ]
    headlines = [*news, *behind][:HEADLINES] or [_nothing_to_report(results, verdicts)]
    return Scorecard(headlines, _judged_note(verdicts, len(news), len(behind)), groups)


def _headline_kpis(results: Results, theme: str) -> list[str]:
    """The headline KPIs of a theme that have a row to show, in catalogue order."""
    rows = {k: results.now(k) for k, each in CATALOGUE.items() if each.headline and each.theme == theme}
    return [k for k, row in rows.items() if row is not None and row["status"] != "not_provided"]


def _signals(results: Results, verdicts: Mapping[str, Verdict]) -> list[str]:
    """One sentence per signal: the figure, where it went, and what is unusual; and its target, if that was missed."""
    sentences = []
    for kpi_id, found in verdicts.items():
        row = results.shown(kpi_id)
        if found.state == "signal" and row is not None:
            joint = "; " if found.name else ", " if results.before(row) is None else " and "
            sentences.append(f"{movement(results, row)}{joint}{found.words}{_missed(results, row)}.")
    return sentences


def _missed_targets(results: Results, verdicts: Mapping[str, Verdict]) -> list[str]:
    """One sentence per missed target of a KPI that shows no signal, and of a segment."""
    rows = [results.shown(kpi_id) for kpi_id, found in verdicts.items() if found.state != "signal"]
    rows += _segments_with_targets(results)
    missed = [(row, _missed(results, row)) for row in rows if row is not None]
    return [f"{movement(results, row)}{words}." for row, words in missed if words]


def _segments_with_targets(results: Results) -> list[pd.Series | None]:
    return [results.shown(*split_address(address)) for address in results.context.targets if split_address(address)[1]]


def _missed(results: Results, row: pd.Series) -> str:
    """That the target was missed, and by how much; empty where it was not, or cannot be said yet."""
    target = target_texts(results, row)
    if target["target_status"] != "missed":
        return ""
    gap = row["value"] - (results.target(row["kpi_id"], segment_of(row)) or 0.0)
    by = "" if is_small(row) else f" by {results.write.gap(gap, row['unit'])}"
    return f"; its target of {target['target']} was missed{by}"


def _nothing_to_report(results: Results, verdicts: Mapping[str, Verdict]) -> str:
    """That there is nothing to report is news too, with what it rests on."""
    rows = [*(results.shown(kpi_id) for kpi_id in verdicts), *_segments_with_targets(results)]
    targets = sum(target_texts(results, row)["target_status"] == "met" for row in rows if row is not None)
    judged = judged_count(verdicts.values())
    quiet = f"none of the {judged} judged series shows a signal" if judged else "no series is long enough to be judged"
    objectives = f"; objectives on pace: {on}, off pace: 0" if (on := on_pace(results)) else ""
    return f"Nothing to report: {quiet}; targets met: {targets}, missed: 0{objectives}."


def _judged_note(verdicts: Mapping[str, Verdict], news: int, behind: int) -> str:
    """How many series were judged, since some signal by chance; and how many headlines did not fit."""
    judged = judged_count(verdicts.values())
    note = f"Series judged against their own history: {judged}; about one in thirty signals by chance."
    more, others = max(news - HEADLINES, 0), behind - max(min(HEADLINES - news, behind), 0)
    counts = {"signals and missed targets in the scorecard": more, "objectives off pace in their section": others}
    return " ".join([note, *(f"More {what}: {count}." for what, count in counts.items() if count)])
