"""From a card's query to rows of the result: values and shares, intervals, refusals, what was left out and warned of.

What is said of a period besides its figures is data too. A relation of notes has one row per period and thing to say:
``label``, ``kind`` (``left out``, ``warning`` or ``refused``), ``text`` and, for what was left out, ``rows``; and
``place`` where the order of warnings matters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

import pandas as pd

from helpers import results
from helpers.catalogue import CATALOGUE, Kpi, ids_of, kpi
from helpers.errors import KitError, NotProvided, Refused
from helpers.kpis.left_out import limited
from helpers.kpis.spine import Relation, Spine, relations_under, tables_under, words_in
from helpers.language import _
from helpers.periods import Period
from helpers.results import Column, Row
from helpers.statistics import wilson

WHO = ("customer", "segment", "owner")


class Rows:
    """The rows of one card, over all periods of the spine.

    ``answers`` are those of the query that is named like the card. ``notes`` names a relation of notes, ``left_out``
    the canonical tables whose rows that are left out are told with each figure. All periods of a card that is
    ``followed`` are told as the review knows them, and so is what is left out.
    """

    def __init__(
        self, spine: Spine, card: str, *, notes: str = "", left_out: Iterable[str] = (), followed: bool = False
    ) -> None:
        self.spine = spine
        self.card = card
        self.followed = followed
        self.warnings: dict[str, list[str]] = {}
        self.excluded = spine.left_out(*left_out)
        if followed:
            self.excluded = {label: dict(self.excluded[spine.period.label]) for label in self.excluded}
        self.refused: dict[str, str] = {}
        self._rows: list[Row] = []
        found = spine.answers(notes) if notes else []
        for note in sorted(found, key=lambda note: (note.get("place") or 0, note["kind"], note["text"])):
            self._note(note["label"], note["kind"], note["text"], note["rows"])

    @property
    def answers(self) -> list[dict[str, Any]]:
        """The rows of the card's own query."""
        return self.answers_of(self.card)

    def answers_of(self, name: str) -> list[dict[str, Any]]:
        """The rows of a relation, of the periods that the card is shown of and that are not refused.

        Segments are left out where the source does not tell them.
        """
        spine, ids = self.spine, ids_of(self.card)
        shown = {period.label for period in spine.periods if any(_is_shown(kpi_id, period, spine) for kpi_id in ids)}
        return [
            answer
            for answer in spine.answers(name)
            if answer["label"] in shown - self.refused.keys()
            and (answer.get("segment_by") != "segment" or spine.provides("customers.segment"))
        ]

    def add(
        self,
        kpi_id: str,
        answer: Mapping[str, Any],
        value: float | None,
        *,
        warnings: Iterable[str] = (),
        excluded: Mapping[str, int] | None = None,
        **more: Any,
    ) -> None:
        """A figure of the period and segment that the answer is of; ``more`` is what :func:`helpers.results.row` takes.

        What is warned of and left out is the figure's own, beside that of its period.
        """
        label, segment = answer["label"], (answer.get("segment_by") or "", answer.get("segment") or "")
        told = [*self.warnings.get(label, ()), *warnings]
        left_out = {**(excluded or {}), **self.excluded[label]}
        period = self._period(label)
        self._rows.append(results.row(kpi_id, period, value, segment=segment, warnings=told, excluded=left_out, **more))

    def share(self, kpi_id: str, answer: Mapping[str, Any], numerator: float, denominator: float, **more: Any) -> None:
        """Numerator ÷ denominator; a zero denominator is undefined, never 0 and never infinite."""
        value = numerator / denominator if denominator else None
        self.add(kpi_id, answer, value, numerator=numerator, denominator=denominator, **more)

    def proportion(self, kpi_id: str, answer: Mapping[str, Any], part: int, whole: int, **more: Any) -> None:
        """A share of what is counted, with its Wilson interval; of a part that exceeds its whole there is none."""
        interval = None if whole and part > whole else wilson(part, whole)
        self.share(kpi_id, answer, part, whole, **{"n": whole, "interval": interval, **more})

    def not_provided(self, kpi_ids: Iterable[str], what: str) -> None:
        """Some KPIs of the card lack a table or column that the others do without."""
        self._rows += [results.not_provided(kpi_id, self.spine.period, what) for kpi_id in kpi_ids]

    def refuse(self, label: str, reason: str, *kpi_ids: str) -> None:
        """Print no figure of a period, or none of some KPIs, and say why; the first reason is told."""
        if kpi_ids:
            self._rows += [results.refused(kpi_id, self._period(label), reason) for kpi_id in kpi_ids]
        else:
            self.refused.setdefault(label, reason)

    def done(self) -> list[Row]:
        """All rows, those that lack their data last; a period that is refused has one per KPI, with the reason."""
        kept = (row for row in self._rows if row.period.label not in self.refused)
        told = sorted(kept, key=lambda row: row.status == "not_provided")
        return told + [
            results.refused(kpi_id, self.spine.at(label), reason)
            for label, reason in self.refused.items()
            for kpi_id in ids_of(self.card)
        ]

    def _period(self, label: str) -> Period:
        period = self.spine.at(label)
        return replace(period, as_of_on=self.spine.period.as_of_on) if self.followed else period

    def _note(self, label: str, kind: str, text: str, rows: int | None) -> None:
        if kind == "refused":
            self.refuse(label, text)
        elif kind == "warning":
            self.warnings.setdefault(label, []).append(text)
        else:
            self.excluded[label][text] = int(rows or 0)


Card = Callable[[Spine], list[Row]]


def customer_columns(spine: Spine, own: Mapping[str, Column], *, who: Iterable[str] = WHO) -> dict[str, Column]:
    """The columns of a list of customers: who it is, what the list tells of it, and its key, which is on no page.

    Of ``who``, the segment and the owner are left out where the source never tells them.
    """
    known = {"customer": Column(_("Customer")), "segment": Column(_("Segment")), "owner": Column(_("Owner"))}
    told = {name: known[name] for name in who if name == "customer" or spine.provides(f"customers.{name}")}
    return {**told, **own, "customer_id": Column(_("Customer id"), on_pages=False)}


def refuse_list(spine: Spine, *notes: str) -> None:
    """Print no list where a relation of notes refuses the figures of the review's own period.

    Raises:
        Refused: with the first reason.
    """
    for name in notes:
        for reason in spine.notes(name, "refused").get(spine.period.label, ()):
            raise Refused(reason)


def refuse_unrated(spine: Spine, relation: str, *spans: str) -> None:
    """Print no list where a currency of one of these spans has no rate.

    Raises:
        Refused: naming the currency.
    """
    fx = spine.rules["fx_mode"]
    found = {(row["label"], row["span"]): row["reason"] for row in spine.answers(relation) if row["fx"] == fx}
    for span in spans:
        if (spine.period.label, span) in found:
            raise Refused(found[spine.period.label, span])


def require_subscriptions(spine: Spine) -> None:
    """Refuse to go on where nothing tells what is paid, or, where parents pay, who they are.

    Raises:
        NotProvided: naming what is not there.
    """
    spine.require("subscriptions")
    require_parents(spine)


def require_parents(spine: Spine) -> None:
    """Refuse to go on where parents pay and nothing tells who they are.

    Raises:
        NotProvided: naming the column.
    """
    if spine.rules["account_level"] == "parent":
        spine.require("customers.parent_id")


def with_names(spine: Spine, rows: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Rows with the names of their accounts, in the columns of a list; an account without a name goes by its key."""
    named = rows.merge(spine.frame("named_account"), on="account_id", how="left")
    named["customer"] = named["customer"].fillna(named["account_id"])
    return named.rename(columns={"account_id": "customer_id"})[list(columns)]


def cards_of(theme: str) -> list[Card]:
    """The cards of a theme, in catalogue order; none where the catalogue does not know it."""
    return _cards(row for row in CATALOGUE.values() if row.theme == theme)


def cards_with(kpi_ids: Iterable[str]) -> list[Card]:
    """The cards that give these KPIs, each once; of those that no theme has, none.

    >>> [card.__name__ for card in cards_with(["nrr", "grr", "mrr", "demos"])]
    ['retention', 'mrr']
    """
    return _cards(CATALOGUE[kpi_id] for kpi_id in kpi_ids if kpi_id in CATALOGUE)


def theme_of(card: Card) -> str:
    """The theme of a card, after its folder."""
    return card.__module__.split(".")[-2]


def words_of(card: Card, relations: Mapping[str, Relation]) -> set[str]:
    """The words of all queries that a card's figures are made of: its own, and those named like one of its KPIs.

    >>> from helpers.kpis.spine import read_relations
    >>> "lifetime_months" in words_of(cards_with(["ltv_orders"])[0], read_relations())
    True
    """
    return words_in(relations_of(card, relations))


def relations_of(card: Card, relations: Mapping[str, Relation]) -> list[Relation]:
    """The relations whose words these are, each once, by name."""
    queries = [card.__name__, *(name for name in ids_of(card.__name__) if name in relations)]
    found = {each.name: each for name in queries for each in relations_under(name, relations)}
    return [found[name] for name in sorted(found)]


def run(card: Card, spine: Spine) -> list[Row]:
    """The rows of a card over the spine's periods, each with the parameters that it follows.

    A card that lacks its data, or refuses to print a figure at all, has one row per KPI that says so, for the review's
    own period; so has each KPI that this pack must not print. Of an earlier period, and of a month, only those KPIs are
    told that are shown there.
    """
    try:
        found = card(spine)
    except NotProvided as error:
        found = [results.not_provided(kpi_id, spine.period, error.what) for kpi_id in ids_of(card.__name__)]
    except Refused as error:
        found = [results.refused(kpi_id, spine.period, str(error)) for kpi_id in ids_of(card.__name__)]
    barred = [kpi_id for kpi_id in ids_of(card.__name__) if kpi_id in spine.refused]
    found = [row for row in found if row.kpi_id not in barred]
    found += [results.refused(kpi_id, spine.period, spine.refused[kpi_id]) for kpi_id in barred]
    tables = [table for table in tables_under(card.__name__, spine.relations) if spine.provides(table)]
    found = limited(found, spine, tables)
    words = words_of(card, spine.relations)
    parameters = {name: value for name, value in spine.rules.items() if name in words}
    now = [row for row in found if row.period == spine.period]
    told = {row.kpi_id for row in now if row.status != "not_provided"}
    spine.rows[card] = [
        replace(row, params={**parameters, **row.params})  # those that a row tells itself win
        for row in found
        if row.period == spine.period
        or (row.kpi_id in told and row.status != "not_provided" and _is_shown(row.kpi_id, row.period, spine))
    ]
    return spine.rows[card]


def rows_once(card: Card, spine: Spine) -> list[Row]:
    """The rows of a card for what is made of them, which then reads what it reads; it is run where it was not yet."""
    spine.reading.update(*({each.name, *each.reads} for each in relations_of(card, spine.relations)))
    return spine.rows[card] if card in spine.rows else run(card, spine)


def _is_shown(kpi_id: str, period: Period, spine: Spine) -> bool:
    """Whether a KPI is told of an earlier period: of the review's own kind, or a month where it has such a series."""
    return period.kind == spine.period.kind or kpi(kpi_id).monthly


def _cards(rows: Iterable[Kpi]) -> list[Card]:
    found = dict.fromkeys((row.theme, row.card) for row in rows)
    return [_card(theme, name) for theme, name in found]


def _card(theme: str, name: str) -> Card:
    """The function that a row of the catalogue names.

    Raises:
        KitError: it is not there.
    """
    folder = f"helpers/kpis/{theme}"
    try:
        found: Card = getattr(import_module(f"helpers.kpis.{theme}"), name)
    except AttributeError:
        raise KitError(
            f"{folder} has no card {name}, which helpers/catalogue.py names; import it in __init__.py"
        ) from None
    except ModuleNotFoundError as error:
        if error.name != f"helpers.kpis.{theme}":
            raise
        raise KitError(f"{folder} is not there, and helpers/catalogue.py names cards of it; make that folder") from None
    return found
