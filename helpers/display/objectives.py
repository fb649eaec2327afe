"""Objectives (G05): where each stands, in a sentence and in a table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from helpers.catalogue import CATALOGUE, kpi
from helpers.display.context import Results
from helpers.display.formats import NOTHING, Writer, format_day
from helpers.display.sentences import cautions, why_missing
from helpers.display.shown_tables import Table
from helpers.display.signals import verdict
from helpers.periods import DAY
from helpers.registries import Okr
from helpers.results import Column, Listing

STANDINGS = {
    "achieved": "✓ achieved", "on_track": "○ on track", "at_risk": "◆ at risk", "off_track": "✗ off track",
    "missed": "✗ missed",
}  # fmt: skip
OFF_PACE = ("missed", "off_track", "at_risk")  # the worst first
NUMBERS = {"baseline": "From", "value": "Now", "due_now": "Asked for by now", "target": "To", "per_month": "A month"}


@dataclass(frozen=True)
class Objective:
    """An objective as the results tell it: its row, and what that was computed from (``facts``)."""

    row: pd.Series
    facts: Mapping[str, Any]
    write: Writer

    @property
    def name(self) -> str:
        return str(self.facts["objective"])

    @property
    def standing(self) -> str:
        return str(self.facts.get("standing") or "")

    @property
    def unit(self) -> str:
        kpi_id = self.facts["kpi_id"]
        return CATALOGUE[kpi_id].unit if kpi_id in CATALOGUE else "ratio"

    @property
    def done(self) -> float:
        return float(self.row["value"])

    @property
    def gone(self) -> float:
        return float(self.facts["gone"])

    def phrase(self, fact: str) -> str:
        """A figure of it with its unit."""
        return self.write.phrase(self.facts.get(fact), self.unit)

    def share(self, value: float) -> str:
        return self.write.value(value, "share")


def objectives_in(results: Results) -> list[Objective]:
    """The objectives of the review period; where one's figure is not final, as it stood when one last was."""
    names = results.segments("okr_progress", "okr")["segment"]
    rows = [row for name in names if (row := results.shown("okr_progress", name)) is not None]
    return [Objective(row, json.loads(row["params"]), results.write) for row in rows]


def objectives(results: Results, looked_up: Results, okrs: Sequence[Okr]) -> Table:
    """One row per objective of the review: from where to where, by when, what is still needed, signal or noise.

    ``looked_up`` holds the KPIs that measure them, over time.
    """
    columns = {
        "objective": Column("Objective"),
        "measure": Column("Measured by"),
        "from": Column("From"),
        "now": Column("Now"),
        "to": Column("To"),
        "standing": Column("Status"),
        "needed": Column("Still needed"),
        "verdict": Column("Signal or noise"),
        **{name: Column(f"{label}, as a number", "ratio", on_pages=False) for name, label in NUMBERS.items()},
    }
    found = {each.row["segment"]: each for each in objectives_in(results)}
    rows = [
        {**_as_agreed(okr, results), **(_standing_now(found[okr.id], looked_up) if okr.id in found else {})}
        for okr in okrs
    ]
    frame, empty = pd.DataFrame(rows, columns=list(columns)), "The review names no objectives; add them under okrs:."
    note = " ".join(_cautions_of(found.values()))
    return Table(Listing("Objectives and key results", frame, columns, empty, "objective", note=note), results.context)


def _as_agreed(okr: Okr, results: Results) -> dict[str, Any]:
    """What was agreed on, as an objective stands before it begins."""
    write, measure = results.write, CATALOGUE.get(okr.kpi_id)
    label = measure.label if measure else okr.kpi_id.replace("_", " ")
    ends = [write.phrase(end, measure.unit if measure else "ratio") for end in (okr.baseline, okr.target)]
    return {
        "objective": f"{okr.objective} ({okr.owner or 'no owner'})",
        "measure": f"{label}: {okr.segment}" if okr.segment else label,
        "from": f"{ends[0]} on {format_day(okr.baseline_on, write.locale)}",
        "to": f"{ends[1]} by {format_day(okr.due_on - DAY, write.locale)}",
        "baseline": okr.baseline,
        "target": okr.target,
        "standing": f"begins on {format_day(okr.baseline_on, write.locale)}",
    }


def _standing_now(each: Objective, looked_up: Results) -> dict[str, Any]:
    """Where it stands."""
    when = "" if each.row["period"] == looked_up.period.label else f" ({each.row['period']})"
    counted = f", n = {each.write.value(each.row['n'], 'count')}" if pd.notna(each.row["n"]) else ""
    without = "not final" if each.row["status"] == "partial" else "no status"
    not_provided = each.row["status"] == "not_provided"
    missing = "not provided" if not_provided else why_missing(each.row, each.write.locale)
    return {
        "now": missing or f"{each.phrase('value')}{counted}{when}",
        "standing": f"{STANDINGS[each.standing]}{when}" if each.standing else without,
        "needed": _needed(each),
        "verdict": _signal_or_noise(each, looked_up),
        **{name: each.facts.get(name) for name in ("value", "due_now", "per_month")},
    }


def _needed(each: Objective) -> str:
    """The change that each month until the due date must bring."""
    if each.facts.get("per_month") is None:
        return NOTHING
    change = float(each.facts["per_month"])
    return f"{'+' if change > 0 else '−'}{each.write.gap(change, each.unit)} a month"


def _signal_or_noise(each: Objective, looked_up: Results) -> str:
    """Whether the change so far is more than the KPI's usual ups and downs (T4)."""
    kpi_id = each.facts["kpi_id"]
    if kpi_id not in CATALOGUE:
        return NOTHING
    if each.facts["kpi_segment"]:
        return "not judged: limits are those of the whole KPI"
    found = verdict(looked_up, kpi_id)
    if found.state == "not judged":
        return "not judged: it has no figure" if found.subject else "not judged: each value shares days with the last"
    return {"signal": "signal: ", "noise": "noise: ", "too short": ""}[found.state] + found.words


def _cautions_of(found: Iterable[Objective]) -> list[str]:
    """What a reader of an objective must know: of young cohorts above all."""
    words_of = [(each.name, cautions(each.row, each.write.locale)) for each in found if pd.notna(each.row["value"])]
    return [f"{name}: {'; '.join(words)}." for name, words in words_of if words]


def objective_sentence(each: Objective) -> tuple[str, str]:
    """Where an objective stands, in two parts: its name and standing; the figure, the part of the way, of the time."""
    due = format_day(date.fromisoformat(each.facts["due_on"]) - DAY, each.write.locale)
    ends = f"from {each.phrase('baseline')} to {each.phrase('target')} by {due}"
    way = f"{each.share(each.done)} of the way" if each.done >= 0 else "farther off than at the start of the way"
    label = kpi(each.facts["kpi_id"]).label
    measured = f"{label}{', ' if ', ' in label else ' '}stands at {each.phrase('value')} in {each.row['period']}"
    over = each.standing in ("achieved", "missed")
    lead = f"The objective “{each.name}” {'was' if over else 'is'} {each.standing.replace('_', ' ')}"
    return lead, f": {measured}, {way} {ends}" + ("." if over else f", with {each.share(each.gone)} of the time gone.")
