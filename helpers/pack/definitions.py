"""What the KPIs of a pack mean, from the docstrings of their cards, and what of that changed since the last pack (G03).

A definition is the ``Definition:`` of the card's docstring and the parameters and rules that the card is computed
with. A KPI that the review registers has a version; one whose definition changed and whose version did not is refused.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from helpers.catalogue import Kpi, kpi
from helpers.display.plain_words import plain
from helpers.kpis.rows import Card, cards_of, cards_with, theme_of, words_of
from helpers.kpis.spine import read_relations
from helpers.language import _, paragraph, template
from helpers.notebook_parameters import GIVEN
from helpers.pack.archive import Published
from helpers.pack.request import PackRequest
from helpers.registries import RegisteredKpi
from helpers.results import grouped
from helpers.texts import begun, docstring_sections, from_outside, in_words

CHANGED = template(
    "its definition changed since the pack of {pack}, and its version did not: {reason}; "
    "raise definition_version of {kpi_id}"
)
BY_PERIOD = ("gross_margin",)  # rules that get another value with each period, which changes no earlier one


@dataclass(frozen=True)
class Definition:
    """What the KPIs of one card mean: a sentence for each, the card's formula in words, and where that comes from.

    ``label`` names those KPIs as the pack does, ``kpi_ids`` as results.csv, targets and commentary do. ``departs`` says
    in what it is another than that of a body that sets standards. ``verified`` tells, by KPI, who verified it. ``sql``
    is the query that computes them; the HTML shows it, folded, where there is one.
    """

    label: str
    kpi_ids: tuple[str, ...]
    summary: str
    definition: str
    source: str
    departs: str = ""
    verified: Mapping[str, str] = field(default_factory=dict)
    sql: str = ""


def definitions(
    kpi_ids: Iterable[str],
    queries: Mapping[str, str] = MappingProxyType({}),
    verified: Mapping[str, str] = MappingProxyType({}),
) -> list[Definition]:
    """One definition per card of the KPIs named, in that order.

    ``queries`` are those of the KPIs that have one, ``verified`` what is told of those that somebody verified.

    >>> [found.label for found in definitions(["arr", "new_arr"])]
    ['Annual recurring revenue (ARR) · New ARR']
    """
    cards = grouped((card, row) for row in map(kpi, kpi_ids) for card in cards_with([row.kpi_id]))
    return [_definition(card, rows, queries, verified) for card, rows in cards.items()]


def _definition(card: Card, rows: list[Kpi], queries: Mapping[str, str], verified: Mapping[str, str]) -> Definition:
    """The sentence of each KPI is the catalogue's; of several, each stands under the name of its own."""
    parts = docstring_sections(inspect.getdoc(card) or "")
    named, alone = _("{name}: {value}"), len(rows) == 1
    sentences = [row.definition if alone else named.format(name=row.label, value=row.definition) for row in rows]
    return Definition(
        label=" · ".join(row.label for row in rows),
        kpi_ids=tuple(row.kpi_id for row in rows),
        summary=paragraph(*sentences),
        definition=plain(_(parts.get("Definition", ""))),
        source=begun(plain(_(from_outside(parts.get("Source", ""))))),
        departs=plain(_(parts.get("Departs", ""))),
        verified={
            row.kpi_id: verified[row.kpi_id] if alone else named.format(name=row.label, value=verified[row.kpi_id])
            for row in rows
            if row.kpi_id in verified
        },
        sql="\n\n".join(dict.fromkeys(queries[row.kpi_id] for row in rows if row.kpi_id in queries)),
    )


# --- what changed since the last published pack -----------------------------------------------------------------------


def definitions_record(request: PackRequest) -> dict[str, dict[str, str]]:
    """What a manifest keeps of the definitions in force, beside the parameters: the text per card, the versions."""
    cards = [card for theme in request.parameters for card in cards_of(theme)]
    return {
        "texts": {name_of_card(card): definition_text(card) for card in cards},
        "versions": {kpi.kpi_id: str(kpi.definition_version) for kpi in request.review.kpis},
    }


def changed_definitions(request: PackRequest, published: Published | None) -> dict[str, str]:
    """The registered KPIs that changed without a new version since a published pack, each with the reason."""
    if published is None:
        return {}
    changed = {kpi.kpi_id: list(_changes(request, kpi, published.manifest)) for kpi in request.review.kpis}
    return {
        kpi_id: CHANGED.format(pack=f"{published.label} (v{published.version})", reason="; ".join(found), kpi_id=kpi_id)
        for kpi_id, found in changed.items()
        if found
    }


def _changes(request: PackRequest, kpi: RegisteredKpi, manifest: Mapping[str, Any]) -> Iterator[str]:
    """What changed in the definition of a KPI that was in a pack under the same version."""
    then = manifest.get("definitions", {"texts": {}, "versions": {}})
    for card in cards_with([kpi.kpi_id]):
        theme = theme_of(card)
        was_there = name_of_card(card) in then["texts"] and theme in request.parameters
        if not was_there or then["versions"].get(kpi.kpi_id, "1") != str(kpi.definition_version):
            return
        if then["texts"][name_of_card(card)] != definition_text(card):
            yield template("it reads differently")
        before = {**manifest["rules"], **manifest["parameters"].get(theme, {})}
        now = {**request.review.rules.model_dump(mode="json"), **request.parameters[theme]}
        words = words_of(card, read_relations(now))
        for name, (was, becomes) in changed_values(before, now).items():
            if name in words:
                yield f"{name}: {in_words(was)} → {in_words(becomes)}"


def changed_values(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The rules and parameters, by name, that differ, each as it was and as it is.

    >>> changed_values({"window_days": 14, "basis": "acv"}, {"window_days": 7, "basis": "acv", "new": 1})
    {'window_days': (14, 7)}
    """
    return {
        name: (before[name], now[name])
        for name in sorted(before.keys() & now.keys() - set(GIVEN))
        if not agree(name, before[name], now[name])
    }


def agree(name: str, before: Any, now: Any) -> bool:
    """Whether two values of a rule are one; of values by period, those of the periods that both have.

    >>> agree("grace_days", 0, 30), agree("gross_margin", {"2026Q2": 0.78}, {"2026Q2": 0.78, "2026Q3": 0.8})
    (False, True)
    """
    if name in BY_PERIOD and isinstance(before, dict) and isinstance(now, dict):
        return all(before[key] == now[key] for key in before.keys() & now.keys())
    return bool(json.dumps(before) == json.dumps(now))


def name_of_card(card: Card) -> str:
    """The card among all themes, as manifests name it."""
    return f"{theme_of(card)}.{card.__name__}"


def definition_text(card: Card) -> str:
    """The definition in words, as the card's docstring has it."""
    return docstring_sections(inspect.getdoc(card) or "").get("Definition", "")
