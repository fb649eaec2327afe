"""What a review registers, as tables: who shares which KPI, every KPI as an experiment, who is held to what."""

from __future__ import annotations

import pandas as pd

import helpers.kpis.kpi_alignment.departments as alignment
from helpers.catalogue import CATALOGUE, kpi
from helpers.kpis.kpi_alignment.findings import (
    Proofs,
    confirmed_by,
    held_to_cpis,
    is_overdue,
    missing_fields,
    proofs,
)
from helpers.kpis.spine import Spine
from helpers.periods import Period
from helpers.registries import Cpi, RegisteredKpi
from helpers.results import Column, Listing

REGISTER = {
    "success_test": "It is kept if",
    "why": "Question it raises",
    "customer_value": "Worth to customers",
    "guardrail": "Guarded by",
    "notes": "Notes",
}
NO_DEPARTMENTS = "The review names no departments; add them under departments:, in hand-over order."


def alignment_matrix(spine: Spine) -> Listing:
    """Which department is held to which KPI: a row per KPI, a column per department in hand-over order."""
    departments, conflicts = spine.review.departments, spine.review.conflicts
    pairs = alignment.pairs(departments, conflicts)
    opposed = {
        (name, kpi_id)
        for pair in pairs
        for each in pair.conflicts
        for name, kpi_id in ((pair.first.name, each.first), (pair.second.name, each.second))
    }
    kpi_ids = list(dict.fromkeys(kpi_id for each in departments for kpi_id in each.kpi_ids))
    rows = []
    for kpi_id in kpi_ids:
        held_by = [each.name for each in departments if kpi_id in each.kpi_ids]
        word = "shared" if len(held_by) > 1 else "held"
        cells = [_cell(word, (each.name, kpi_id) in opposed) if each.name in held_by else "" for each in departments]
        rows.append([named(kpi_id), *cells])
    columns = {"kpi": Column("KPI")} | {f"d{i}": Column(each.name) for i, each in enumerate(departments)}
    return Listing(
        caption="Who is held to which KPI, in hand-over order",
        rows=pd.DataFrame(rows, columns=list(columns)),
        columns=columns,
        when_empty=NO_DEPARTMENTS,
        grain="kpi",
    )


def hand_overs(spine: Spine) -> Listing:
    """Every two departments that hand customers over or work against each other, and what is found of them."""
    departments, conflicts = spine.review.departments, spine.review.conflicts
    columns = {
        "first": Column("From"),
        "second": Column("To"),
        "shared": Column("Shared KPIs"),
        "opposed": Column("Opposed KPIs"),
        "finding": Column("Finding"),
    }
    rows = [
        {
            "first": pair.first.name,
            "second": pair.second.name if pair.are_neighbours else f"{pair.second.name} (no neighbour)",
            "shared": "; ".join(map(named, pair.shared)) or None,
            "opposed": "; ".join(map(_opposition, pair.opposed)) or None,
            "finding": _finding(pair),
        }
        for pair in alignment.pairs(departments, conflicts)
    ]
    crowded = [each.name for each in departments if len(each.kpi_ids) > alignment.MOST_KPIS]
    more = f" More than {alignment.MOST_KPIS} KPIs each: {', '.join(crowded)}." if crowded else ""
    return Listing(
        caption="From hand to hand: what neighbours share, and who works against whom",
        rows=pd.DataFrame(rows, columns=list(columns)),
        columns=columns,
        when_empty="The review names fewer than two departments." if departments else NO_DEPARTMENTS,
        grain="first, second",
        note="A KPI under one id has one definition and one target, whoever shares it. Pairs known to be opposed are "
        f"judged by their ids; others are declared under conflicts.{more}",
    )


def kpi_register(spine: Spine) -> Listing:
    """Every registered KPI as the experiment that it is, and what is open about it on the last day of the period."""
    kpis, period = spine.review.kpis, spine.period
    columns = {
        "kpi": Column("KPI"),
        "owner": Column("Owner"),
        "hypothesis": Column("Hypothesis"),
        "review_on": Column("Review by", "date"),
        "decision": Column("Decision"),
        "finding": Column("Finding"),
        **{name: Column(label, on_pages=False) for name, label in REGISTER.items()},
        "started_on": Column("Since", "date", on_pages=False),
        "decided_on": Column("Decided on", "date", on_pages=False),
    }
    rows = [
        {
            "kpi": named(kpi.kpi_id) + (f", version {kpi.definition_version}" if kpi.definition_version != 1 else ""),
            "owner": kpi.owner or None,
            "hypothesis": kpi.hypothesis or None,
            "review_on": kpi.due_for_review,
            "decision": kpi.decision,
            "finding": "; ".join(_open_points(kpi, period)) or None,
            **{name: getattr(kpi, name) or None for name in REGISTER},
            "started_on": kpi.started_on,
            "decided_on": kpi.decided_on,
        }
        for kpi in kpis
    ]
    return Listing(
        caption="Every KPI is an experiment: why it was chosen, and when it is looked at again",
        rows=pd.DataFrame(rows, columns=list(columns)),
        columns=columns,
        when_empty="The review registers no KPIs; add them under kpis:.",
        grain="kpi",
        note="What each is kept for, which question it raises, what it is worth to customers, and which KPI guards it "
        "stand in the workbook.",
    )


def held_cpis(spine: Spine) -> Listing:
    """Who is held to a customer performance indicator, and whether anything proves that it moves a KPI."""
    review, proved = spine.review, proofs(spine)
    held = held_to_cpis(review.cpis, review.departments, okrs=review.okrs, kpis=review.kpis, targets=review.targets)
    columns = {
        "who": Column("Who"),
        "cpi": Column("Held to"),
        "by": Column("By"),
        "linked": Column("Said to move"),
        "evidence": Column("Customers asked or watched", "count"),
        "finding": Column("Finding"),
    }
    rows = [
        {
            "who": each.who,
            "cpi": named(each.cpi.id),
            "by": each.by,
            "linked": "; ".join(map(named, each.cpi.linked_kpis)) or None,
            "evidence": len({found.customer_id for found in each.cpi.evidence}),
            "finding": _proof(each.cpi, proved),
        }
        for each in held
    ]
    return Listing(
        caption="Held to a CPI",
        rows=pd.DataFrame(rows, columns=list(columns)),
        columns=columns,
        when_empty="Nobody is held to a customer performance indicator.",
        grain="who, cpi, by",
        note="CPI: customer performance indicator, how the company performs for its customers. That customers care is "
        "what evidence shows; that it moves a KPI is what an experiment shows.",
    )


def _proof(cpi: Cpi, proved: Proofs) -> str:
    """What experiments say of a CPI to which somebody is held."""
    if confirmed := confirmed_by(cpi, proved):
        return "; ".join(
            f"{named(kpi_id)}: confirmed by {name.replace('_', ' ')}" for kpi_id, name in confirmed.items()
        )
    tried = [name.replace("_", " ") for (cpi_id, _), each in proved.items() if cpi_id == cpi.id for name in each]
    return "held to an unproven CPI" + (f"; not shown by {', '.join(tried)}" if tried else "")


def named(kpi_id: str) -> str:
    """A KPI as pages name it; one that the kit does not know by its id.

    >>> named("nrr"), named("new_revenue[upsell]"), named("mql_count")
    ('Net revenue retention (NRR)', 'New bookings: upsell', 'mql count')
    """
    name, _, segment = kpi_id.partition("[")
    label = kpi(name).label if name in CATALOGUE else name.replace("_", " ")
    return f"{label}: {segment.rstrip(']').replace('_', ' ')}" if segment else label


def _cell(word: str, is_opposed: bool) -> str:
    return f"{word}, opposed" if is_opposed else word


def _opposition(each: alignment.Opposition) -> str:
    words = f"{named(each.first)} against {named(each.second)}"
    if not each.joint:
        return words
    return f"{words}; joint: {named(each.joint)}{'' if each.joint_is_held else ', which not both hold'}"


def _finding(pair: alignment.Pair) -> str:
    found = ["no shared KPI"] * pair.lacks_shared
    found += [f"conflict: {each.why}" for each in pair.conflicts]
    return "; ".join(found) or "in line"


def _open_points(kpi: RegisteredKpi, period: Period) -> list[str]:
    """What is open about a KPI, the gravest first."""
    missing = [field.replace("review_on", "day of review") for field in missing_fields(kpi)]
    quick = "hypothesis" in missing
    found = {
        "refused as a KPI of the whole company": alignment.guard(kpi) == "refused",
        "of the whole company by override": alignment.guard(kpi) == "overridden",
        "overdue": is_overdue(kpi, period.measured_on),
        f"incomplete: {', '.join(missing)} missing": bool(missing),
        "15-minute KPI: chosen without a hypothesis": quick,
    }
    return [words for words, holds in found.items() if holds]
