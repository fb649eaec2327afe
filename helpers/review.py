"""What every notebook starts with: the review of one period, whose KPIs it computes and shows.

In a build, the environment variable ``KPI_REVIEW_PREPARED`` names the folder with the prepared tables and
``review.json``: kernels read neither ``params/`` nor the source. In JupyterLab both are read here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any

import pandas as pd

from helpers import results
from helpers.catalogue import kpi
from helpers.data.cache import prepared_for
from helpers.data.canonical_tables import TABLES
from helpers.data.prepared import Prepared
from helpers.display.context import Context, Results
from helpers.display.formats import with_periods
from helpers.display.notebook import set_up_notebook
from helpers.display.plain_words import named
from helpers.errors import KitError, NotProvided, Refused, nearest, refuse
from helpers.kpis.left_out import refusal
from helpers.kpis.rows import Card, cards_of, cards_with, rows_once, run, theme_of, words_of
from helpers.kpis.spine import Spine, read_relations
from helpers.language import _, retold, speak
from helpers.notebook_parameters import GIVEN, theme_parameters
from helpers.params import Review, Rules, load_review, load_source, project_root
from helpers.periods import Period
from helpers.results import Asked, Listing, Row
from helpers.strict_yaml import shown, validated
from helpers.texts import in_words

if TYPE_CHECKING:
    from helpers.display.blocks import Blocks, Note
    from helpers.display.headlines import InShort
    from helpers.display.shown_tables import Table

PREPARED_VARIABLE = "KPI_REVIEW_PREPARED"
FOLLOWED_BY_ALL = ("most_left_out",)  # rules that stand in no query
TableOf = Callable[[Spine], Listing]


@dataclass(frozen=True)
class OpenReview:
    """The review of one period over its prepared tables; the parameters of all its themes stand in ``review.themes``.

    ``refused`` holds KPIs that this pack must not print, each with the reason. ``periods`` are those that are told, by
    default all that a pack shows.
    """

    period: Period
    review: Review
    prepared: Prepared
    refused: Mapping[str, str] = field(default_factory=dict)
    periods: tuple[Period, ...] = ()

    @cached_property
    def context(self) -> Context:
        """What displays read besides the numbers."""
        review = self.review
        return Context(
            self.period, self.prepared.currency, review.brand.colour, review.baselines, review.scorecard,
            review.targets, review.peers,
        )  # fmt: skip

    @cached_property
    def spine(self) -> Spine:
        """The periods of this pack, and its facts: what cards and tables are made of."""
        rules, told = rules_of(self.review), list(self.periods)
        return Spine(self.prepared, self.period, rules, told, review=self.review, refused=self.refused)

    @cached_property
    def alone(self) -> OpenReview:
        """The same review of its own period alone: for what tells of no other, so that no other is computed."""
        return replace(self, periods=(self.period,))

    def compute(self, theme: ModuleType) -> Results:
        """The KPIs of a theme: for the period, for those before it and, where a KPI has such a series, by month."""
        name = theme.__name__.rpartition(".")[2]
        self.spine.rows.clear()  # a card may have been changed since
        found = self._registered(row for card in cards_of(name) for row in run(card, self.spine))
        begin = self._begin()
        told = [row for row in found if row.period == self.period or row.period.end > begin]
        return Results(results.frame(told), self.context, {name: self.spine.looked_for}, self.spine.given)

    def look_up(self, *kpi_ids: str) -> Results:
        """KPIs of other themes, over time, with the parameters that they have there; unknown ones are left out."""
        found = self._registered(row for card in cards_with(kpi_ids) for row in rows_once(card, self.spine))
        return Results(results.frame(found), self.context)

    def measure(self, card: Card) -> tuple[list[Row], Asked]:
        """One card for the review's own period alone, and what it looked for in the source.

        Experiments look back, and so are asked of all periods.
        """
        spine = self.spine if theme_of(card) == "kpi_experiments" else self.alone.spine
        for noted in (spine.asked, spine.required, spine.rows):
            noted.clear()
        return self._registered(run(card, spine)), spine.looked_for

    def sql(self, kpi_id: str) -> str:
        """The definition of a KPI as a query, with all that it stands on: it runs in a DuckDB over the prepared folder.

        It is the relation of the KPI's own name, else that of its card.

        Raises:
            KitError: there is no such KPI.
        """
        self._asked_card(kpi_id)
        return self.spine.sql(self._relation(kpi_id))

    def scripts(self, kpi_ids: Iterable[str]) -> tuple[str, dict[str, str]]:
        """The queries of several KPIs as parts of one script: what two or more stand on, and the rest by KPI."""
        relations = {kpi_id: self._relation(kpi_id) for kpi_id in kpi_ids}
        shared, own = self.spine.scripts(dict.fromkeys(relations.values()))
        return shared, {kpi_id: own[relation] for kpi_id, relation in relations.items()}

    def rows(self, kpi_id: str) -> pd.DataFrame:
        """The rows behind a KPI of the period: one per customer, deal or user that its figures are made of.

        Raises:
            KitError: there is no such KPI.
        """
        return self.spine.frame(f"{self._asked_card(kpi_id)}_rows")

    def blocks(self, computed: Results, *kpi_ids: str) -> Blocks:
        """The KPI blocks of these KPIs, in this order."""
        from helpers.display.blocks import Blocks

        return Blocks(computed, kpi_ids)

    def in_short(self, computed: Results) -> InShort:
        """What the figures of a theme say, in two or three sentences."""
        from helpers.display.headlines import in_short

        return in_short(computed)

    def outlook(self, computed: Results, kpi_id: str) -> Note:
        """What the fiscal year ends with, at the pace of the last four quarters, as a sentence."""
        from helpers.display.blocks import Note
        from helpers.display.outlook import Outlook

        return Note(Outlook(computed, kpi_id).sentence)

    def table(self, function: TableOf) -> Table:
        """A table beside the KPIs; one that lacks its data is empty and says what is missing."""
        from helpers.display.shown_tables import Table

        return Table(self.listing(function), self.context)

    def listing(self, function: TableOf) -> Listing:
        """What a table shows, unless too much of what it reads is left out."""
        self.spine.reading.clear()
        try:
            found = function(self.spine)
        except NotProvided as error:
            what = named(error.what) if error.what in TABLES else retold(error.what)
            return _empty(_("Not provided: {what}.").format(what=what))
        except Refused as error:
            return _empty(_("Refused: {reason}.").format(reason=retold(str(error))))
        tables = [name for name in TABLES if name in self.spine.reading and self.prepared.provides(name)]
        why = refusal(self.spine, tables, self.period.label)
        return _empty(_("Refused: {reason}.").format(reason=retold(why))) if why else _in_language(found)

    def _relation(self, kpi_id: str) -> str:
        """The relation that defines a KPI: that of its own name, else that of its card."""
        return kpi_id if kpi_id in self.spine.relations else kpi(kpi_id).card

    def _asked_card(self, kpi_id: str) -> str:
        """The card of a KPI, which was run, so that what it gives its queries is there."""
        [card] = cards_with([kpi(kpi_id).kpi_id])
        rows_once(card, self.spine)
        return card.__name__

    def _registered(self, rows: Iterable[Row]) -> list[Row]:
        """Rows with the version of their KPI, as the review registers it."""
        versions = {each.kpi_id: str(each.definition_version) for each in self.review.kpis}
        return [
            replace(row, definition_version=versions[row.kpi_id]) if row.kpi_id in versions else row for row in rows
        ]

    def _begin(self) -> date:
        """The day of the first row of what was read; the register of customers reaches back further."""
        told = self.prepared.report["tables"]
        names = {name for name in (self.spine.read & told.keys()) - {"customers"} if not TABLES[name].of_the_pack}
        days = [date.fromisoformat(told[name]["earliest"]) for name in names if told[name]["earliest"]]
        return min(days, default=date.min)


def open_review(
    *,
    period: str,
    source: str,
    review: str,
    as_of: str | None = None,
    rules: Mapping[str, Any] = MappingProxyType({}),
    **parameters: Any,
) -> OpenReview:
    """The review of one period, ready to compute.

    Args:
        period: a quarter, month or week of the review's calendar, such as ``2026Q3``.
        source: the path of the source file, from the project's folder.
        review: the path of the review file, from there too.
        as_of: the last day that is known, as ISO text; by default the last day of the period.
        rules: rules that are tried out here instead of those of the review, such as ``{"window_days": 7}``.
        parameters: those of the notebook's theme; what differs from the review is announced.

    Raises:
        KitError: what is wrong with the files, the period, the parameters or the data.
    """
    last_day = _day(as_of) if as_of else None
    if folder := os.environ.get(PREPARED_VARIABLE):
        prepared = Prepared.open(Path(folder))
        text, refused = ((Path(folder) / name).read_text(encoding="utf-8") for name in ("review.json", "refused.json"))
        settled = _tried(Review.model_validate_json(text), rules, parameters)
        speak(settled.brand.language, settled.brand.terms, settled.brand.locale)
        set_up_notebook()
        return OpenReview(prepared.calendar.period(period, last_day), settled, prepared, json.loads(refused))
    root = project_root()
    from_file, written = load_source(root / source), load_review(root / review)
    found = theme_parameters(written.themes, root / "notebooks", file=written.path)
    speak(written.brand.language, written.brand.terms, written.brand.locale)
    set_up_notebook()
    resolved = written.model_copy(update={"themes": {**found.asked, **found.others}})
    settled = _tried(resolved, rules, parameters)
    theme_parameters(
        settled.themes, root / "notebooks", file=Path("the notebook's cell")
    )  # so that a value fits its type
    when = settled.calendar(from_file).period(period, last_day)
    return OpenReview(when, settled, prepared_for(from_file, when, settled.reporting_currency(from_file)))


def unread_rules(review: Review) -> list[str]:
    """One line per rule that the review changes and no card of its themes follows."""
    cards = [card for theme in review.themes for card in cards_of(theme)]
    changed = [name for name, value in review.rules if value != getattr(Rules(), name) and name not in FOLLOWED_BY_ALL]
    if not changed:
        return []
    relations = read_relations(_parameters(review), made_from={"subscriptions": "invoices"})
    followed = {name for card in cards for name in words_of(card, relations)}
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


def refuse_more(folder: Path, refused: Mapping[str, str]) -> None:
    """Add KPIs that must not be printed, with the reason, to those that kernels read of already."""
    path = folder / "refused.json"
    before = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**refused, **before}), encoding="utf-8")


def rules_of(review: Review) -> dict[str, Any]:
    """The rules of a review and the parameters of all its themes, by name: what cards and queries follow."""
    return {**dict(review.rules), **_parameters(review)}


def _parameters(review: Review) -> dict[str, Any]:
    """The parameters of all themes, by name."""
    return {name: value for given in review.themes.values() for name, value in given.items() if name not in GIVEN}


def _tried(review: Review, rules: Mapping[str, Any], parameters: Mapping[str, Any]) -> Review:
    """The review with the rules and parameters of a notebook's cell; those that differ from the review's are announced.

    Raises:
        KitError: a rule or a parameter is not known, or not of its type.
    """
    known = {name: theme for theme, given in review.themes.items() for name in given}
    faults = [
        f"{name} is a rule; give it as rules={{{name!r}: …}}" for name in parameters if name in Rules.model_fields
    ]
    faults += [
        f"{name} is a parameter of no theme of {review.path.name}{nearest(name, known)}"
        for name in parameters.keys() - known.keys() - Rules.model_fields.keys()
    ]
    refuse(sorted(faults))
    tried = validated({**review.rules.model_dump(), **rules}, Rules)
    settled = {name: review.themes[known[name]][name] for name in parameters} | {
        name: getattr(review.rules, name) for name in rules
    }
    _announce({**parameters, **{name: getattr(tried, name) for name in rules}}, settled, review.path.name)
    themes = {
        theme: {**given, **{k: v for k, v in parameters.items() if k in given}}
        for theme, given in review.themes.items()
    }
    return review.model_copy(update={"rules": tried, "themes": themes})


def _announce(given: Mapping[str, Any], settled: Mapping[str, Any], file: str) -> None:
    """Tell where a notebook's cell and the review disagree, since their numbers will too."""
    differing = [
        f"{name} is {in_words(given[name])} here, {in_words(settled[name])} in {file}."
        for name in sorted(given)
        if in_words(given[name]) != in_words(settled[name])
    ]
    if differing:
        from IPython.display import display

        from helpers.display.blocks import Note

        display(Note(" ".join(differing)))


def _in_language(found: Listing) -> Listing:
    """A listing with the kit's own words, and the names of periods in them, in the language of the pack."""

    def said(text: str) -> str:
        return with_periods(retold(text))

    own = [name for name, column in found.columns.items() if column.own_words]
    rows = found.rows.assign(**{name: found.rows[name].map(said, na_action="ignore") for name in own})
    heads = {name: replace(each, label=with_periods(each.label)) for name, each in found.columns.items()}
    caption, note, nothing = map(with_periods, (found.caption, found.note, found.when_empty))
    return replace(found, rows=rows, columns=heads, caption=caption, note=note, when_empty=nothing)


def _empty(why: str) -> Listing:
    return Listing("", pd.DataFrame(), {}, why)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise KitError(f"as_of == {text!r}, must be a day such as 2026-09-30") from None
