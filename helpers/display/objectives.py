"""Objectives (G05): where each stands, in a sentence and in a table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from helpers.catalogue import CATALOGUE, kpi, label_of
from helpers.display.context import Results
from helpers.display.formats import NOTHING, Writer, format_day, format_period
from helpers.display.sentences import cautions, why_missing
from helpers.display.shown_tables import Table
from helpers.display.signals import verdict
from helpers.language import _, message, paragraph, retold
from helpers.periods import DAY
from helpers.registries import Okr
from helpers.results import Column, Listing
from helpers.texts import spoken

STANDINGS = {
    "achieved": message("achieved"), "on_track": message("on track"), "at_risk": message("at risk"),
    "off_track": message("off track"), "missed": message("missed"),
}  # fmt: skip
SIGNS = {"achieved": "✓", "on_track": "○", "at_risk": "◆", "off_track": "✗", "missed": "✗"}
OFF_PACE = ("missed", "off_track", "at_risk")  # the worst first
NUMBERS = {
    "baseline": message("From, as a number"), "value": message("Now, as a number"),
    "due_now": message("Asked for by now, as a number"), "target": message("To, as a number"),
    "per_month": message("A month, as a number"),
}  # fmt: skip


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
        "objective": Column(_("Objective")),
        "measure": Column(_("Measured by")),
        "from": Column(_("From")),
        "now": Column(_("Now")),
        "to": Column(_("To")),
        "standing": Column(_("Status")),
        "needed": Column(_("Still needed")),
        "verdict": Column(_("Signal or noise")),
        **{name: Column(_(label), "ratio", on_pages=False) for name, label in NUMBERS.items()},
    }
    found = {each.row["segment"]: each for each in objectives_in(results)}
    rows = [
        {**_as_agreed(okr, results), **(_standing_now(found[okr.id], looked_up) if okr.id in found else {})}
        for okr in okrs
    ]
    frame, empty = pd.DataFrame(rows, columns=list(columns)), _("The review names no objectives; add them under okrs:.")
    note = paragraph(*_cautions_of(found.values()))
    caption = _("Objectives and key results")
    return Table(Listing(caption, frame, columns, empty, note=note), results.context)


def _as_agreed(okr: Okr, results: Results) -> dict[str, Any]:
    """What was agreed on, as an objective stands before it begins."""
    write, measure, label = results.write, CATALOGUE.get(okr.kpi_id), label_of(okr.kpi_id)
    ends = [write.phrase(end, measure.unit if measure else "ratio") for end in (okr.baseline, okr.target)]
    first, due = format_day(okr.baseline_on), format_day(okr.due_on - DAY)
    named = _("{label} ({segment})")
    return {
        "objective": named.format(label=okr.objective, segment=okr.owner or _("no owner")),
        "measure": _("{name}: {value}").format(name=label, value=retold(spoken(okr.segment))) if okr.segment else label,
        "from": _("{value} on {day}").format(value=ends[0], day=first),
        "to": _("{value} by {day}").format(value=ends[1], day=due),
        "baseline": okr.baseline,
        "target": okr.target,
        "standing": _("begins on {day}").format(day=first),
    }


def _standing_now(each: Objective, looked_up: Results) -> dict[str, Any]:
    """Where it stands."""
    value, standing = each.phrase("value"), with_sign(each.standing)
    if pd.notna(each.row["n"]):
        value = _("{value}, n = {n}").format(value=value, n=each.write.value(each.row["n"], "count"))
    if each.row["period"] != looked_up.period.label:
        dated = _("{value} ({period})")
        period = format_period(each.row["period"])
        value, standing = (dated.format(value=text, period=period) if text else "" for text in (value, standing))
    without = _("not final") if each.row["status"] == "partial" else _("no status")
    not_provided = each.row["status"] == "not_provided"
    missing = _("not provided") if not_provided else why_missing(each.row)
    return {
        "now": missing or value,
        "standing": standing or without,
        "needed": _needed(each),
        "verdict": _signal_or_noise(each, looked_up),
        **{name: each.facts.get(name) for name in ("value", "due_now", "per_month")},
    }


def _needed(each: Objective) -> str:
    """The change that each month until the due date must bring."""
    if each.facts.get("per_month") is None:
        return NOTHING
    change = float(each.facts["per_month"])
    signed = f"{'+' if change > 0 else '−'}{each.write.gap(change, each.unit)}"
    return _("{value} a month").format(value=signed)


def _signal_or_noise(each: Objective, looked_up: Results) -> str:
    """Whether the change so far is more than the KPI's usual ups and downs (T4)."""
    kpi_id = each.facts["kpi_id"]
    if kpi_id not in CATALOGUE:
        return NOTHING
    if each.facts["kpi_segment"]:
        return _("not judged: limits are those of the whole KPI")
    found = verdict(looked_up, kpi_id)
    if found.state == "not judged":
        none = _("not judged: it has no figure")
        return none if found.subject else _("not judged: each value shares days with the last")
    told = {"signal": _("signal: {words}"), "noise": _("noise: {words}"), "too short": "{words}"}[found.state]
    return told.format(words=found.words)


def _cautions_of(found: Iterable[Objective]) -> list[str]:
    """What a reader of an objective must know: of young cohorts above all."""
    words_of = [(each.name, cautions(each.row)) for each in found if pd.notna(each.row["value"])]
    told = _("{names}: {reason}.")
    return [told.format(names=name, reason=_("; ").join(words)) for name, words in words_of if words]


def objective_sentence(each: Objective) -> tuple[str, str]:
    """Where an objective stands, in two parts: its name and standing; the figure, the part of the way, of the time."""
    label = kpi(each.facts["kpi_id"]).label
    is_apposition, over = ", " in label, each.standing in ("achieved", "missed")
    lead = _("The objective “{name}” was {standing}") if over else _("The objective “{name}” is {standing}")
    way = _("farther off than at the start of the way")
    if each.done >= 0:
        way = _("{share} of the way").format(share=each.share(each.done))
    rest = _(
        ": {name} stands at {value} in {period}, {way} from {start} to {end} by {day}, with {gone} of the time gone."
    )
    if over:
        rest = _(": {name} stands at {value} in {period}, {way} from {start} to {end} by {day}.")
    rest = rest.format(
        name=_("{label},").format(label=label) if is_apposition else label,
        value=each.phrase("value"), period=format_period(each.row["period"]), way=way,
        start=each.phrase("baseline"), end=each.phrase("target"), gone=each.share(each.gone),
        day=format_day(date.fromisoformat(each.facts["due_on"]) - DAY),
    )  # fmt: skip
    return lead.format(name=each.name, standing=_(STANDINGS[each.standing])), rest


def with_sign(standing: str) -> str:
    """A standing in words, after the shape that stands for it; empty where there is none."""
    return f"{SIGNS[standing]} {_(STANDINGS[standing])}" if standing else ""
