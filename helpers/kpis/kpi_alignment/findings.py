"""What is wrong with what a review registers, each finding with its place (G01 to G03, G05, C07).

The same findings stand on the pages and in ``kpi-review check``; they need the review and a day, and no figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from dateutil.relativedelta import relativedelta

import helpers.kpis.kpi_alignment.departments as alignment
from helpers.catalogue import CATALOGUE
from helpers.errors import nearest
from helpers.kpis.kpi_alignment.progress import unusable
from helpers.kpis.kpi_experiments.controlled import Trial, trials
from helpers.kpis.kpi_experiments.links import FoundLink, links
from helpers.kpis.spine import Spine
from helpers.language import template
from helpers.params import Review
from helpers.registries import Cpi, Okr, RegisteredKpi

At = tuple[int | str, ...]
NOBODY = template("nobody by name")
DEPARTMENT, OBJECTIVE, TARGET = (
    template("a KPI of the department"), template("the objective “{name}”"), template("a target")
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: where in the review (``("kpis", 3, "owner")``), what was found, what to do."""

    at: At
    found: str
    do: str


@dataclass(frozen=True)
class Held:
    """Somebody who is held to a CPI: ``who``, and by what (a department's KPIs, an objective, a target)."""

    cpi: Cpi
    who: str
    by: str
    at: At


Proofs = Mapping[tuple[str, str], Mapping[str, bool]]


def findings(review: Review, on: date, proved: Proofs = MappingProxyType({})) -> list[Finding]:
    """Everything that is wrong with the registers of a review, on the last day that the figures count.

    ``proved`` is what experiments say of each CPI and KPI.
    """
    return [
        *_of_departments(review),
        *_of_pairs(review),
        *(finding for i, kpi in enumerate(review.kpis) for finding in _of_kpi(review, i, kpi, on)),
        *(finding for i, okr in enumerate(review.okrs) for finding in _of_okr(review, i, okr)),
        *_of_cpis(review, proved),
    ]


def proofs(spine: Spine) -> Proofs:
    """What the review's experiments say of each CPI and the KPI that it should move: whether each confirms it."""
    found: dict[tuple[str, str], dict[str, bool]] = {}
    judged: list[Trial | FoundLink] = [*trials(spine), *links(spine)]
    for each in judged:
        if each.plan.cpi and each.plan.kpi:
            found.setdefault((each.plan.cpi, each.plan.kpi), {})[each.plan.id] = each.confirms
    return found


def confirmed_by(cpi: Cpi, proved: Proofs) -> dict[str, str]:
    """The experiment that confirms the link of a CPI, by each KPI for which there is one."""
    return {
        kpi_id: next(name for name, confirms in each.items() if confirms)
        for (cpi_id, kpi_id), each in proved.items()
        if cpi_id == cpi.id and any(each.values())
    }


def missing_fields(kpi: RegisteredKpi) -> list[str]:
    """What makes a registered KPI incomplete; one that is counted elsewhere has to say more of itself.

    >>> missing_fields(RegisteredKpi(kpi_id="demos", owner="Ada", external=True))
    ['hypothesis', 'review_on', 'direction', 'definition']
    """
    needed = {"hypothesis": kpi.hypothesis.strip(), "owner": kpi.owner.strip(), "review_on": kpi.due_for_review}
    if kpi.external:
        needed |= {"direction": kpi.direction, "definition": kpi.definition.strip()}
    return [name for name, given in needed.items() if not given]


def is_overdue(kpi: RegisteredKpi, on: date) -> bool:
    """Whether the day of its review has come and nothing is decided."""
    return kpi.decision == "pending" and kpi.due_for_review is not None and kpi.due_for_review <= on


def held_to_cpis(review: Review) -> list[Held]:
    """Everybody who is held to a CPI: by a department's KPIs, by an objective, by a target and its owner."""
    known, owners = {cpi.id: cpi for cpi in review.cpis}, {kpi.kpi_id: kpi.owner for kpi in review.kpis}
    held: list[tuple[str, str | None, str, At]] = [
        (kpi_id, each.name, DEPARTMENT, ("departments", i, "kpi_ids", j))
        for i, each in enumerate(review.departments)
        for j, kpi_id in enumerate(each.kpi_ids)
    ]
    held += [
        (okr.kpi_id, okr.owner, OBJECTIVE.format(name=okr.objective), ("okrs", i, "kpi_id"))
        for i, okr in enumerate(review.okrs)
    ]
    held += [(kpi_id, owners.get(kpi_id), TARGET, ("targets", kpi_id)) for kpi_id in review.targets]
    return [Held(known[kpi_id], who or NOBODY, by, at) for kpi_id, who, by, at in held if kpi_id in known]


def _of_departments(review: Review) -> Iterator[Finding]:
    declared = {*CATALOGUE, *(kpi.kpi_id for kpi in review.kpis), *(cpi.id for cpi in review.cpis)}
    registered = {kpi.kpi_id for kpi in review.kpis}
    for i, each in enumerate(review.departments):
        at = ("departments", i, "kpi_ids")
        for j, kpi_id in enumerate(each.kpi_ids):
            name = kpi_id.partition("[")[0]
            if name not in declared:
                do = f"correct it, or add it to kpis: as external{_meant(name, declared)}"
                yield Finding((*at, j), f"{kpi_id} is no KPI of the kit, nor is it registered", do)
            elif name not in registered:
                found = f"{each.name} is held to {kpi_id}, which is not registered: nobody says why it was chosen"
                yield Finding((*at, j), found, "add it to kpis: with hypothesis, owner and review_on")
        if len(each.kpi_ids) > alignment.MOST_KPIS:
            found = f"{each.name} is held to {len(each.kpi_ids)} KPIs; fewer are easier to act on"
            yield Finding(at, found, f"keep the {alignment.MOST_KPIS} that matter most")


def _of_pairs(review: Review) -> Iterator[Finding]:
    places = {each.name: i for i, each in enumerate(review.departments)}
    for pair in alignment.pairs(review.departments, review.conflicts):
        names = f"{pair.first.name} and {pair.second.name}"
        if pair.lacks_shared:
            found = f"{names} hand customers over and share no KPI (missing_shared)"
            yield Finding(("departments", places[pair.second.name], "kpi_ids"), found, "add one KPI to both")
        for each in pair.conflicts:
            found = f"{each.first} of {pair.first.name} works against {each.second} of {pair.second.name} (conflict)"
            if each.joint:
                found += f", and not both are held to the joint KPI {each.joint}"
            yield Finding(_place_of(review, pair, each), f"{found}: {each.why}", _settle(pair, each))


def _place_of(review: Review, pair: alignment.Pair, each: alignment.Opposition) -> At:
    """Where a conflict is settled: where it is declared, else where the first department names its KPI."""
    for i, conflict in enumerate(review.conflicts):
        if set(conflict.pair) == {each.first, each.second}:
            return ("conflicts", i)
    place = next(i for i, department in enumerate(review.departments) if department is pair.first)
    return ("departments", place, "kpi_ids", pair.first.kpi_ids.index(each.first))


def _settle(pair: alignment.Pair, each: alignment.Opposition) -> str:
    if each.joint:
        return f"add {each.joint} to the kpi_ids of {pair.first.name} and of {pair.second.name}"
    declared = f"{{pair: [{each.first}, {each.second}], joint: a KPI of both}}"
    return f"drop one of the two, or hold both departments to a joint KPI and write it under conflicts: as {declared}"


def _of_kpi(review: Review, i: int, kpi: RegisteredKpi, on: date) -> Iterator[Finding]:
    at = ("kpis", i)
    if missing := missing_fields(kpi):
        quick = ", so that it is a 15-minute KPI" if "hypothesis" in missing else ""
        names = ", ".join(missing)
        yield Finding(at, f"{kpi.kpi_id} is incomplete: {names} missing{quick}", f"add {names}")
    if is_overdue(kpi, on):
        found = f"{kpi.kpi_id} was to be looked at again by {kpi.due_for_review}, and nothing is decided (overdue)"
        yield Finding((*at, "decision"), found, "decide: keep, change or drop, with decided_on")
    if kpi.review_on and kpi.started_on and kpi.review_on > kpi.started_on + relativedelta(years=1):
        found = f"{kpi.kpi_id} is looked at again only on {kpi.review_on}, more than a year after {kpi.started_on}"
        yield Finding((*at, "review_on"), found, "choose a day within the year")
    if alignment.guard(kpi) == "refused":
        found = f"{kpi.kpi_id} is refused as a KPI of the whole company: {alignment.WHY_NOT_GROSS}"
        yield Finding((*at, "company_wide"), found, "set company_wide: false, or give override_reason")
    if alignment.guard(kpi) == "overridden":
        found = f"{kpi.kpi_id} is a KPI of the whole company although {alignment.WHY_NOT_GROSS}"
        yield Finding((*at, "override_reason"), found, "take company_wide out when the reason no longer holds")
    if not kpi.external and not _computed(review, kpi.kpi_id):
        found = f"{kpi.kpi_id} is no KPI of the kit"
        yield Finding(at, found, f"correct it, or set external: true{_meant(kpi.kpi_id, CATALOGUE)}")
    yield from _of_its_departments(review, i, kpi)


def _of_its_departments(review: Review, i: int, kpi: RegisteredKpi) -> Iterator[Finding]:
    """Where the register and the departments do not name each other."""
    held_by = {each.name for each in review.departments if kpi.kpi_id in each.kpi_ids}
    for name in kpi.departments:
        if name not in held_by:
            do = f"add it to the kpi_ids of {name}, or take {name} out{_meant(name, held_by)}"
            yield Finding(("kpis", i, "departments"), f"{kpi.kpi_id} names {name}, which is not held to it", do)


def _of_okr(review: Review, i: int, okr: Okr) -> Iterator[Finding]:
    at = ("okrs", i)
    if why := unusable(okr):
        yield Finding((*at, "target" if okr.baseline == okr.target else "due_on"), why, "correct it")
    if not okr.owner.strip():
        yield Finding(at, f"{okr.id} has no owner", "add owner")
    if okr.kpi_id not in CATALOGUE:
        known = _computed(review, okr.kpi_id) or any(kpi.kpi_id == okr.kpi_id for kpi in review.kpis)
        do = "choose a KPI that the kit computes" + ("" if known else _meant(okr.kpi_id, CATALOGUE))
        found = f"{okr.id} is measured by {okr.kpi_id}, which no theme computes, so that it has no progress"
        yield Finding((*at, "kpi_id"), found, do)


def _of_cpis(review: Review, proved: Proofs) -> Iterator[Finding]:
    for each in (each for each in held_to_cpis(review) if not confirmed_by(each.cpi, proved)):
        linked = ", ".join(each.cpi.linked_kpis) or "any KPI"
        found = f"{each.who} is held to an unproven CPI, {each.cpi.id} ({each.by}): nothing proves its link to {linked}"
        yield Finding(each.at, found, "hold nobody to it before an experiment in params/experiments/ has")
    for i, cpi in enumerate(review.cpis):
        for j, kpi_id in enumerate(cpi.linked_kpis):
            if not _computed(review, kpi_id) and kpi_id not in {kpi.kpi_id for kpi in review.kpis}:
                do = f"correct it{_meant(kpi_id, CATALOGUE)}"
                yield Finding(("cpis", i, "linked_kpis", j), f"{cpi.id} is linked to {kpi_id}, which is no KPI", do)


def _computed(review: Review, kpi_id: str) -> bool:
    """Whether a KPI is the kit's, or a CPI that the review registers."""
    return kpi_id in CATALOGUE or any(cpi.id == kpi_id for cpi in review.cpis)


def _meant(name: str, known: Iterable[str]) -> str:
    """What was probably meant; there are too many KPIs to list them."""
    hint = nearest(name, known)
    return hint if "did you mean" in hint else ""
