"""What every notebook starts with: the review of one period, whose cards it computes and shows.

In a build, the environment variable ``KPI_REVIEW_PREPARED`` names the folder with the prepared tables and
``review.json``: kernels read neither ``params/`` nor the source. In JupyterLab both are read here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from sys import modules
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from helpers import results
from helpers.cards import Card, cards_of, cards_with, parameters_of, run, theme_of
from helpers.catalogue import ids_of, kpi
from helpers.data.asked import Asked, WatchedTables
from helpers.data.cache import prepared_for
from helpers.data.known import Prepared, Tables
from helpers.data.tables import TABLES
from helpers.display.context import Context, Results
from helpers.display.notebook import set_up_notebook
from helpers.errors import KitError, NotProvided, Refused, nearest
from helpers.notebook_parameters import GIVEN, theme_parameters
from helpers.params import REGISTRIES, Review, Rules, load_review, load_source, project_root
from helpers.periods import SHOWN_BEFORE, Period
from helpers.results import Listing, Row
from helpers.strict_yaml import shown
from helpers.texts import in_words

if TYPE_CHECKING:
    from helpers.display.blocks import Blocks
    from helpers.display.tables import Table

PREPARED_VARIABLE = "KPI_REVIEW_PREPARED"
REGISTERED = (*REGISTRIES, "targets", "figures")  # what cards get by name, and no row tells as a parameter


class Measured(NamedTuple):
    """What a card gives for the review period, and what it asked of the source."""

    rows: list[Row]
    asked: Asked


@dataclass(frozen=True)
class OpenReview:
    """The review of one period over its prepared tables.

    ``refused`` holds KPIs that this pack must not print, each with the reason.
    """

    period: Period
    review: Review
    prepared: Prepared
    refused: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def context(self) -> Context:
        """What displays read besides the numbers."""
        brand, label = self.review.brand, self.period.label
        targets = {key: plan[label] for key, plan in self.review.targets.items() if label in plan}
        return Context(self.period, self.prepared.currency, brand.locale, targets, brand.colour, self.review.baselines)

    def compute(self, *cards: Card, **parameters: Any) -> Results:
        """The KPIs of these cards: for the period, for those before it and, where a KPI has such a series, by month.

        Rules come from the review by name, everything else from ``parameters``. A parameter that differs from the
        review's own is announced.

        Raises:
            KitError: a card needs a parameter that is not given, or one is given that no card has.
        """
        self._check_given(cards, parameters)
        self._announce(cards, parameters)
        found = self._over_time({card: self._bound(card, parameters) for card in cards})
        asked = dict.fromkeys(map(theme_of, cards), self._watched.asked)
        return Results(results.frame(found), self.context, asked)

    def look_up(self, *kpi_ids: str) -> Results:
        """KPIs of other themes, over time, by the cards and with the parameters that give them there.

        They stand beside what a notebook computes; those that no theme has are left out.
        """
        cards = cards_with(kpi_ids)
        return Results(results.frame(self._over_time({card: self._settled(card) for card in cards})), self.context)

    def figures(self, tables: Tables | WatchedTables, period: Period, kpi_ids: Collection[str]) -> list[Row]:
        """The rows of KPIs of other themes for one period, by the cards and parameters that give them there."""
        found = []
        for card in cards_with(kpi_ids):
            seen = self._as_seen(card, period)
            of = tables if seen.as_of_on == period.as_of_on else self._tables(seen)
            found += [row for row in self._rows(card, of, seen, self._settled(card)) if row.kpi_id in kpi_ids]
        return found

    def measure(self, card: Card, parameters: Mapping[str, Any]) -> Measured:
        """One card for the period alone; ``parameters`` may hold those of its whole theme."""
        own = {name: value for name, value in parameters.items() if name in parameters_of(card)}
        self._check_given([card], own)
        watched = WatchedTables(self.prepared.known(self.period.as_of_on))
        return Measured(self._rows(card, watched, self.period, self._bound(card, own)), watched.asked)

    def blocks(self, computed: Results, *kpi_ids: str) -> Blocks:
        """The KPI blocks of these KPIs, in this order."""
        from helpers.display.blocks import Blocks

        return Blocks(computed, kpi_ids)

    def listing(self, function: Callable[..., Listing], **parameters: Any) -> Listing:
        """A table beside the KPIs; one that lacks its data is empty and says what is missing."""
        self._check_given([function], parameters)
        try:
            return function(self._tables(self.period), self.period, **self._bound(function, parameters))
        except NotProvided as error:
            return _empty(function, f"Not provided: {error.what}.")
        except Refused as error:
            return _empty(function, f"Refused: {error}.")

    def table(self, function: Callable[..., Listing], **parameters: Any) -> Table:
        """A listing, displayed."""
        from helpers.display.tables import Table

        return Table(self.listing(function, **parameters), self.context)

    def _over_time(self, bound: Mapping[Card, Mapping[str, Any]]) -> list[Row]:
        """The rows of each card for the periods before this one, and for this one."""
        now = {card: self._rows(card, self._tables(self.period), self.period, bound[card]) for card in bound}
        begin = self._begin()
        return [row for card in bound for row in [*self._history(card, bound[card], now[card], begin), *now[card]]]

    def _rows(self, card: Card, tables: Any, period: Period, bound: Mapping[str, Any]) -> list[Row]:
        """The rows of a card as the review registers their KPIs: with their version, or refused."""
        told = {name: value for name, value in bound.items() if name not in REGISTERED}
        versions = {each.kpi_id: str(each.definition_version) for each in self.review.kpis}
        found = [row.with_params(told) for row in run(card, tables, period, bound) if row.kpi_id not in self.refused]
        refused = [kpi_id for kpi_id in ids_of(card.__name__) if kpi_id in self.refused]
        found += [results.refused(kpi_id, period, self.refused[kpi_id]).with_params(told) for kpi_id in refused]
        return [replace(row, definition_version=versions.get(row.kpi_id, row.definition_version)) for row in found]

    def _history(self, card: Card, bound: Mapping[str, Any], now: list[Row], begin: date) -> list[Row]:
        """The rows of earlier periods; a KPI that is not provided says so once, for the period itself."""
        quarterly = {row.kpi_id for row in now if row.status != "not_provided"} - self.refused.keys()
        monthly = {kpi_id for kpi_id in quarterly if kpi(kpi_id).monthly}
        found: list[Row] = []
        for period in self._earlier(card, begin, monthly=bool(monthly)) if quarterly else ():
            wanted = quarterly if period.kind == self.period.kind else monthly
            rows = self._rows(card, self._tables(period), period, bound)
            found += [row for row in rows if row.kpi_id in wanted and row.status != "not_provided"]
        return found

    def _earlier(self, card: Card, begin: date, *, monthly: bool) -> list[Period]:
        """The periods before this one that do not lie before the data, and the months of a quarter's review."""
        found = self.period.history(SHOWN_BEFORE[self.period.kind])
        if self.period.kind == "quarter" and monthly:
            found += self.period.months(SHOWN_BEFORE["month"])
        return [self._as_seen(card, period) for period in found if period.end > begin]

    def _as_seen(self, card: Card, period: Period) -> Period:
        """An earlier period with the day of knowledge that a card follows it to."""
        followed = card.__name__ in getattr(modules[card.__module__], "FOLLOWED_TO_REVIEW", ())
        return replace(period, as_of_on=self.period.as_of_on) if followed else period

    def _begin(self) -> date:
        """The day of the first row of what the cards read; the register of customers reaches back further."""
        told = self.prepared.report["tables"]
        names = {name for name in self._tables(self.period).read - {"customers"} if not TABLES[name].of_the_pack}
        days = [date.fromisoformat(told[name]["earliest"]) for name in names if told[name]["earliest"]]
        return min(days, default=date.min)

    @cached_property
    def _watched(self) -> WatchedTables:
        return WatchedTables(self.prepared.known(self.period.as_of_on))

    def _tables(self, period: Period) -> Tables | WatchedTables:
        return self._watched if period.as_of_on == self.period.as_of_on else self.prepared.known(period.as_of_on)

    def _bound(self, function: Callable[..., Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
        given = {**dict(self.review.rules), **self._registered, **parameters}
        return {name: given[name] for name in parameters_of(function)}

    def _settled(self, card: Card) -> dict[str, Any]:
        """What a card of any theme is bound to where its own notebook is built."""
        theme, own = theme_of(card), parameters_of(card)
        given = self.review.themes.get(theme, {})
        if set(own) - set(given) - Rules.model_fields.keys() - set(REGISTERED):
            given = self._parameters.get(theme, {})
        return self._bound(card, {name: value for name, value in given.items() if name in own})

    @cached_property
    def _parameters(self) -> dict[str, dict[str, Any]]:
        """What every theme is run with, in JupyterLab; the review of a build holds that already."""
        found = theme_parameters(self.review.themes, project_root() / "notebooks", file=self.review.path)
        return {**found.asked, **found.others}

    @property
    def _registered(self) -> dict[str, Any]:
        """What a card may ask for besides rules and parameters: what the review registers, and other figures."""
        return {name: getattr(self.review, name) for name in REGISTERED[:-1]} | {"figures": self.figures}

    def _check_given(self, functions: Sequence[Callable[..., Any]], parameters: Mapping[str, Any]) -> None:
        """What the author of a notebook should know at once, and not from a number."""
        wanted = {name: function.__name__ for function in functions for name in parameters_of(function)}
        rules = Rules.model_fields.keys()
        bound = rules | set(REGISTERED)
        faults = [f"{name} is a rule; set it under rules: in the review" for name in parameters.keys() & rules]
        faults += [
            f"{name} is a parameter of none of {', '.join(f.__name__ for f in functions)}{nearest(name, wanted)}"
            for name in parameters.keys() - wanted.keys() - rules
        ]
        faults += [
            f"{wanted[name]} needs {name}; pass it on from the parameters cell: {name}={name}"
            for name in wanted.keys() - bound - parameters.keys()
        ]
        if faults:
            raise KitError(*sorted(faults))

    def _announce(self, cards: Sequence[Card], parameters: Mapping[str, Any]) -> None:
        """Tell where this notebook's cell and the review disagree, since their numbers will too."""
        themes = {theme_of(card) for card in cards}
        settled = {name: value for theme in themes for name, value in self.review.themes.get(theme, {}).items()}
        differing = [
            f"{name} is {in_words(parameters[name])} here, {in_words(settled[name])} in {self.review.path.name}."
            for name in sorted(parameters.keys() & settled.keys())
            if in_words(parameters[name]) != in_words(settled[name])
        ]
        if differing:
            from IPython.display import display

            from helpers.display.blocks import Note

            display(Note(" ".join(differing)))


def open_review(*, period: str, source: str, review: str, as_of: str | None = None) -> OpenReview:
    """The review of one period, ready to compute.

    Args:
        period: a quarter, month or week of the review's calendar, such as ``2026Q3``.
        source: the path of the source file, from the project's folder.
        review: the path of the review file, from there too.
        as_of: the last day that is known, as ISO text; by default the last day of the period.

    Raises:
        KitError: what is wrong with the files, the period or the data.
    """
    set_up_notebook()
    last_day = _day(as_of) if as_of else None
    if folder := os.environ.get(PREPARED_VARIABLE):
        prepared = Prepared.open(Path(folder))
        text, refused = ((Path(folder) / name).read_text(encoding="utf-8") for name in ("review.json", "refused.json"))
        when = prepared.calendar.period(period, last_day)
        return OpenReview(when, Review.model_validate_json(text), prepared, json.loads(refused))
    root = project_root()
    from_file, settled = load_source(root / source), load_review(root / review)
    when = settled.calendar(from_file).period(period, last_day)
    return OpenReview(when, settled, prepared_for(from_file, when, settled.reporting_currency(from_file)))


def unread_rules(review: Review) -> list[str]:
    """One line per rule that the review changes and no card of its themes follows."""
    followed = {name for theme in review.themes for card in cards_of(theme) for name in parameters_of(card)}
    changed = [name for name, value in review.rules if value != getattr(Rules(), name)]
    where = shown(review.path)
    return [f"{where}: rules.{name} is set, but no theme here follows it" for name in changed if name not in followed]


def write_build_context(
    folder: Path,
    review: Review,
    parameters: Mapping[str, Mapping[str, Any]],
    refused: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write what kernels read instead of ``params/`` beside the prepared tables: the review as it is built.

    ``parameters`` are those that each theme is run with, ``--set`` included; ``refused`` are the KPIs that must not be
    printed, with the reason.
    """
    themes = {theme: {k: v for k, v in given.items() if k not in GIVEN} for theme, given in parameters.items()}
    text = review.model_copy(update={"themes": themes}).model_dump_json(indent=1)
    (folder / "review.json").write_text(text, encoding="utf-8")
    (folder / "refused.json").write_text(json.dumps(dict(refused)), encoding="utf-8")


def _empty(function: Callable[..., Listing], why: str) -> Listing:
    return Listing(function.__name__.replace("_", " ").capitalize(), pd.DataFrame(), {}, why, "")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise KitError(f"as_of == {text!r}, must be a day such as 2026-09-30") from None
