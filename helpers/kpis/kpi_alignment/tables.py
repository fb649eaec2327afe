"""What a review registers, as tables: who shares which KPI, every KPI as an experiment, who is held to what."""

from __future__ import annotations

import pandas as pd

import helpers.kpis.kpi_alignment.departments as alignment
from helpers.catalogue import label_of
from helpers.kpis.customer_performance.validity import customers_asked
from helpers.kpis.kpi_alignment.findings import (
    NOBODY,
    Proofs,
    confirmed_by,
    held_to_cpis,
    is_overdue,
    missing_fields,
    proofs,
)
from helpers.kpis.spine import Spine
from helpers.language import _, enumerated, message, paragraph, retold, template
from helpers.periods import Period
from helpers.registries import Cpi, RegisteredKpi
from helpers.results import Column, Listing

REGISTER = {
    "success_test": message("It is kept if"),
    "why": message("Question it raises"),
    "customer_value": message("Worth to customers"),
    "guardrail": message("Guarded by"),
    "notes": message("Notes"),
}
FIELDS = {
    "hypothesis": message("hypothesis"), "owner": message("owner"), "review_on": message("day of review"),
    "direction": message("direction"), "definition": message("definition"),
}  # fmt: skip
DECISIONS = {
    "keep": message("keep"), "change": message("change"), "drop": message("drop"), "pending": message("pending"),
}  # fmt: skip
HELD = (template("held"), template("held, opposed"))
SHARED = (template("shared"), template("shared, opposed"))
NO_DEPARTMENTS = message("The review names no departments; add them under departments:, in hand-over order.")


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
        words = SHARED if len(held_by) > 1 else HELD
        cells = [words[(each.name, kpi_id) in opposed] if each.name in held_by else "" for each in departments]
        rows.append([named(kpi_id), *cells])
    cells_of = {f"d{i}": Column(each.name, own_words=True) for i, each in enumerate(departments)}
    columns = {"kpi": Column(_("KPI")), **cells_of}
    return Listing(
        caption=_("Who is held to which KPI, in hand-over order"),
        rows=pd.DataFrame(rows, columns=list(columns)),
        columns=columns,
        when_empty=_(NO_DEPARTMENTS),
    )


def hand_overs(spine: Spine) -> Listing:
    """Every two departments that hand customers over or work against each other, and what is found of them."""
    departments, conflicts = spine.review.departments, spine.review.conflicts
    columns = {
        "first": Column(_("From department")),
        "second": Column(_("To department")),
        "shared": Column(_("Shared KPIs")),
        "opposed": Column(_("Opposed KPIs")),
        "finding": Column(_("Finding")),
    }
    rows = [
        {
            "first": pair.first.name,
            "second": pair.second.name
            if pair.are_neighbours
            else _("{name} (no neighbour)").format(name=pair.second.name),
            "shared": _("; ").join(map(named, pair.shared)) or None,
            "opposed": _("; ").join(map(_opposition, pair.opposed)) or None,
            "finding": _finding(pair),
        }
        for pair in alignment.pairs(departments, conflicts)
    ]
    crowded = [each.name for each in departments if len(each.kpi_ids) > alignment.MOST_KPIS]
    note = _(
        "A KPI under one id has one definition and one target, whoever shares it. Pairs known to be opposed are judged "
        "by their ids; others are declared under conflicts."
    )
    if crowded:
        more = _("More than {n} KPIs each: {names}.").format(n=alignment.MOST_KPIS, names=enumerated(crowded))
        note = paragraph(note, more)
    return Listing(
        caption=_("From hand to hand: what neighbours share, and who works against whom"),
        rows=pd.DataFrame(rows, columns=list(columns)),
        columns=columns,
        when_empty=_("The review names fewer than two departments.") if departments else _(NO_DEPARTMENTS),
        note=note,
    )


def kpi_register(spine: Spine) -> Listing:
    """Every registered KPI as the experiment that it is, and what is open about it on the last day of the period."""
    kpis, period = spine.review.kpis, spine.period
    columns = {
        "kpi": Column(_("KPI")),
        "owner": Column(_("Owner")),
        "hypothesis": Column(_("Hypothesis")),
        "review_on": Column(_("Review by"), "date"),
        "decision": Column(_("Decision")),
        "finding": Column(_("Finding")),
        **{name: Column(_(label), on_pages=False) for name, label in REGISTER.items()},
        "started_on": Column(_("Since"), "date", on_pages=False),
        "decided_on": Column(_("Decided on"), "date", on_pages=False),
    }
    rows = [
        {
            "kpi": _versioned(kpi),
            "owner": kpi.owner or None,
            "hypothesis": kpi.hypothesis or None,
            "review_on": kpi.due_for_review,
            "decision": _(DECISIONS[kpi.decision]),
            "finding": _("; ").join(_open_points(kpi, period)) or None,
            **{name: getattr(kpi, name) or None for name in REGISTER},
            "started_on": kpi.started_on,
            "decided_on": kpi.decided_on,
        }
        for kpi in kpis
    ]
    return Listing(
        caption=_("Every KPI is an experiment: why it was chosen, and when it is looked at again"),
        rows=pd.DataFrame(rows, columns=list(columns)),
        columns=columns,
        when_empty=_("The review registers no KPIs; add them under kpis:."),
        note=_(
            "What each is kept for, which question it raises, what it is worth to customers, and which KPI guards it "
            "stand in the workbook."
        ),
    )


def held_cpis(spine: Spine) -> Listing:
    """Who is held to a customer performance indicator, and whether anything proves that it moves a KPI."""
    proved = proofs(spine)
    columns = {
        "who": Column(_("Who")),
        "cpi": Column(_("Held to")),
        "by": Column(_("By"), own_words=True),
        "linked": Column(_("Said to move")),
        "evidence": Column(_("Customers asked or watched"), "count"),
        "finding": Column(_("Finding")),
    }
    rows = [
        {
            "who": retold(each.who) if each.who == NOBODY else each.who,
            "cpi": named(each.cpi.id),
            "by": each.by,
            "linked": _("; ").join(map(named, each.cpi.linked_kpis)) or None,
            "evidence": customers_asked(each.cpi, spine.period.known_until),
            "finding": _proof(each.cpi, proved),
        }
        for each in held_to_cpis(spine.review)
    ]
    return Listing(
        caption=_("Held to a CPI"),
        rows=pd.DataFrame(rows, columns=list(columns)),
        columns=columns,
        when_empty=_("Nobody is held to a customer performance indicator."),
        note=_(
            "CPI: customer performance indicator, how the company performs for its customers. That customers care is "
            "what evidence shows; that it moves a KPI is what an experiment shows."
        ),
    )


def _proof(cpi: Cpi, proved: Proofs) -> str:
    """What experiments say of a CPI to which somebody is held."""
    if confirmed := confirmed_by(cpi, proved):
        told = _("{kpi}: confirmed by {experiment}")
        return _("; ").join(
            told.format(kpi=named(kpi_id), experiment=name.replace("_", " ")) for kpi_id, name in confirmed.items()
        )
    tried = [name.replace("_", " ") for (cpi_id, _kpi), each in proved.items() if cpi_id == cpi.id for name in each]
    if tried:
        return _("not proven to move them; not shown by {experiments}").format(experiments=enumerated(tried))
    return _("not proven to move them")


def named(kpi_id: str) -> str:
    """A KPI as pages name it; one that the kit does not know by its id.

    >>> named("nrr"), named("new_revenue[upsell]"), named("mql_count")
    ('Net revenue retention (NRR)', 'New bookings: upsell', 'mql count')
    """
    name, segment = kpi_id.partition("[")[::2]
    told = _("{label}: {segment}") if segment else "{label}"
    return told.format(label=label_of(name), segment=segment.rstrip("]").replace("_", " "))


def _versioned(kpi: RegisteredKpi) -> str:
    told = _("{kpi}, version {n}") if kpi.definition_version != 1 else "{kpi}"
    return told.format(kpi=named(kpi.kpi_id), n=kpi.definition_version)


def _opposition(each: alignment.Opposition) -> str:
    told = _("{first} against {second}")
    if each.joint:
        shared = _("{first} against {second}; joint: {joint}")
        told = shared if each.joint_is_held else _("{first} against {second}; joint: {joint}, which not both hold")
    return told.format(first=named(each.first), second=named(each.second), joint=each.joint and named(each.joint))


def _finding(pair: alignment.Pair) -> str:
    found = [_("no shared KPI")] * pair.lacks_shared
    found += [_("conflict: {why}").format(why=_(each.why)) for each in pair.conflicts]
    return _("; ").join(found) or _("in line")


def _open_points(kpi: RegisteredKpi, period: Period) -> list[str]:
    """What is open about a KPI, the gravest first."""
    missing = missing_fields(kpi)
    fields = enumerated(_(FIELDS[name]) for name in missing)
    found = {
        _("refused as a KPI of the whole company"): alignment.guard(kpi) == "refused",
        _("of the whole company by override"): alignment.guard(kpi) == "overridden",
        _("overdue"): is_overdue(kpi, period.measured_on),
        _("incomplete: {fields} missing").format(fields=fields): bool(missing),
        _("15-minute KPI: chosen without a hypothesis"): "hypothesis" in missing,
    }
    return [words for words, holds in found.items() if holds]
