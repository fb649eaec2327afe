"""KPIs whose definition changed since the last published pack, and whose version did not (G03): they are refused.

A definition is the ``Definition:`` of the card's docstring and the parameters and rules that the card is computed
with. Only KPIs that the review registers have a version, so only they can be refused.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from helpers.errors import KitError
from helpers.kpis.rows import Card, cards_of, cards_with, theme_of
from helpers.kpis.spine import read_relations, words_under
from helpers.pack.definitions import docstring_sections
from helpers.pack.order import Order
from helpers.periods import Period
from helpers.registries import RegisteredKpi
from helpers.texts import in_words

BY_PERIOD = ("gross_margin",)  # rules that get another value with each period, which changes no earlier one


class Published(NamedTuple):
    """A published pack: what it is of, its version, and its manifest."""

    label: str
    version: int
    manifest: Mapping[str, Any]


def definitions_record(order: Order) -> dict[str, dict[str, str]]:
    """What a manifest keeps of the definitions in force, beside the parameters: a hash per card, the versions."""
    cards = [card for theme in order.parameters for card in cards_of(theme)]
    return {
        "texts": {_name(card): _hash(card) for card in cards},
        "versions": {kpi.kpi_id: str(kpi.definition_version) for kpi in order.review.kpis},
    }


def redefined(order: Order, published: Path) -> dict[str, str]:
    """The registered KPIs that changed without a new version since the last pack in ``published``, with the reason."""
    last = last_published(published, order.period)
    if last is None:
        return {}
    changed = {kpi.kpi_id: list(_changes(order, kpi, last.manifest)) for kpi in order.review.kpis}
    return {
        kpi_id: f"its definition changed since the pack of {last.label} (v{last.version}), and its version did not: "
        f"{'; '.join(found)}; raise definition_version of {kpi_id}"
        for kpi_id, found in changed.items()
        if found
    }


def last_published(published: Path, period: Period) -> Published | None:
    """The newest version of the latest published pack of this kind of period, up to this period."""
    found = []
    for path in published.glob("*/v*/manifest.json"):
        version = re.fullmatch(r"v(\d+)", path.parent.name)
        label = path.parent.parent.name
        try:
            of = period.calendar.period(label)
        except KitError:  # a pack of another calendar
            continue
        if version and of.kind == period.kind and of.start <= period.start:
            found.append((of.start, int(version[1]), label, path))
    if not found:
        return None
    _, number, label, path = max(found)
    return Published(label, number, _manifest(path))


def _manifest(path: Path) -> Mapping[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        raise KitError(f"{path} cannot be read as the manifest of a published pack; restore it") from None


def _changes(order: Order, kpi: RegisteredKpi, manifest: Mapping[str, Any]) -> Iterator[str]:
    """What changed in the definition of a KPI that was in a pack under the same version."""
    then = manifest.get("definitions", {"texts": {}, "versions": {}})
    for card in cards_with([kpi.kpi_id]):
        theme = theme_of(card)
        was_there = _name(card) in then["texts"] and theme in order.parameters
        if not was_there or then["versions"].get(kpi.kpi_id, "1") != str(kpi.definition_version):
            return
        if then["texts"][_name(card)] != _hash(card):
            yield "it reads differently"
        before = {**manifest["rules"], **manifest["parameters"].get(theme, {})}
        now = {**order.review.rules.model_dump(mode="json"), **order.parameters[theme]}
        for name in sorted(before.keys() & now.keys() & words_under(card.__name__, read_relations(now))):
            if not _agree(name, before[name], now[name]):
                yield f"{name} was {in_words(before[name])} and is {in_words(now[name])}"


def _agree(name: str, before: Any, now: Any) -> bool:
    """Whether two values are one; of values by period, those of the periods that both have."""
    if name in BY_PERIOD and isinstance(before, dict) and isinstance(now, dict):
        return all(before[key] == now[key] for key in before.keys() & now.keys())
    return bool(json.dumps(before) == json.dumps(now))


def _name(card: Card) -> str:
    return f"{theme_of(card)}.{card.__name__}"


def _hash(card: Card) -> str:
    text = docstring_sections(inspect.getdoc(card) or "").get("Definition", "")
    return hashlib.sha256(text.encode()).hexdigest()[:16]
