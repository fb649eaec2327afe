"""Definitions that somebody verified: a mark in the review, which holds as long as what was verified is what is used.

``kpi-review sql nrr`` prints the line to write under ``verified:``. It names what was looked at: a hash of the KPI's
query and of all that it stands on, without comments; a hash of its definition in words; and the rules and parameters
that it follows, each with its value. No period, source or figure is in it, so that it holds for the next quarter too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from helpers.catalogue import kpi
from helpers.display.formats import format_day
from helpers.display.plain_words import plain, plain_value
from helpers.kpis.rows import cards_with, relations_of, words_of
from helpers.kpis.spine import COMMENT, read_relations
from helpers.language import _
from helpers.pack.definitions import agree, definition_text
from helpers.pack.request import PackRequest
from helpers.registries import Verified
from helpers.review import rules_of

BY_OTHERS = ("kpi_alignment", "kpi_experiments")  # themes whose KPIs are measured by others, and so follow all they do


@dataclass(frozen=True)
class Fingerprint:
    """What a KPI is, in short: hashes of its query and of its words, and the rules that it follows."""

    kpi_id: str
    query: str
    words: str
    rules: Mapping[str, Any]

    @property
    def line(self) -> str:
        """The line for ``verified:`` in a review; who verified, and when, is to be added.

        >>> Fingerprint("nrr", "0f0f0f0f", "a1a1a1a1", {"retention_months": 12}).line
        'nrr: {by: , on: , of: 0f0f0f0f-a1a1a1a1, rules: {"retention_months": 12}}'
        """
        rules = json.dumps(dict(self.rules), ensure_ascii=False)
        return f"{self.kpi_id}: {{by: , on: , of: {self.query}-{self.words}, rules: {rules}}}"

    def changed_since(self, verified: Verified) -> list[str]:
        """What is another than it was when somebody verified it; nothing where all is as it was."""
        query, words = verified.of.split("-")
        found = [_("the query changed")] if query != self.query else []
        found += [_("the definition in words changed")] if words != self.words else []
        return [*found, *self._changed_rules(verified.rules)]

    def _changed_rules(self, before: Mapping[str, Any]) -> Iterator[str]:
        for name in sorted({*before, *self.rules}):
            if name not in before:
                yield _("{name} is followed since").format(name=name)
            elif name not in self.rules:
                yield _("{name} is followed no more").format(name=name)
            elif not agree(name, before[name], self.rules[name]):
                now = plain_value(self.rules[name])
                yield _("{name}: {before} before, {now} now").format(
                    name=name, before=plain_value(before[name]), now=now
                )


@dataclass(frozen=True)
class Mark:
    """Who verified a definition and when; ``lapsed`` says what changed since, and is empty while the mark holds."""

    by: str
    on: date
    lapsed: str

    def told(self) -> str:
        """The mark as it stands by the definition."""
        told = _("✓ Verified by {name}, {day}.")
        if self.lapsed:
            told = _("Verification by {name}, {day}, lapsed: {changes}.")
        return told.format(name=self.by, day=format_day(self.on), changes=plain(self.lapsed))


def fingerprints(request: PackRequest, *kpi_ids: str) -> dict[str, Fingerprint]:
    """What some KPIs are in a review, over a source.

    Raises:
        KitError: there is no such KPI.
    """
    rules = rules_of(request.review.model_copy(update={"themes": request.settled}))
    relations = read_relations(rules, made_from=request.made_from)
    found = {}
    for known in map(kpi, kpi_ids):
        [card] = cards_with([known.kpi_id])
        by_others = known.theme in BY_OTHERS
        stands_on = relations.values() if by_others else relations_of(card, relations)
        queries = "\n".join(f"{each.name}: {COMMENT.sub('', each.query)}" for each in stands_on)
        followed = {
            name: rules[name]
            for name in sorted(rules.keys() if by_others else rules.keys() & words_of(card, relations))
        }
        found[known.kpi_id] = Fingerprint(
            known.kpi_id,
            _hash(queries),
            _hash(f"{known.kpi_id}: {known.definition} {definition_text(card)}"),
            json.loads(json.dumps(followed)),  # as YAML gives them back
        )
    return found


def marks(request: PackRequest) -> dict[str, Mark]:
    """The marks of a review, by KPI: those that hold and those that lapsed."""
    given = request.review.verified
    now = fingerprints(request, *given)
    return {name: Mark(it.by, it.on, _("; ").join(now[name].changed_since(it))) for name, it in given.items()}


def _hash(text: str) -> str:
    """A hash that does not see where lines end."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:8]
