"""Everything that can be known before a kernel starts: faults of the files, the data report, what each KPI lacks.

The cards are run in this process, for the review period alone, and note what they ask of the source.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from helpers import results
from helpers.display.context import Results
from helpers.display.data_page import DataPage, held_by_theme, most_waited_for
from helpers.display.shown_tables import Table, table_from_resource
from helpers.errors import KitError, together
from helpers.experiments import open_points
from helpers.kpis.kpi_alignment.findings import Proofs, findings, proofs
from helpers.kpis.left_out import NOTES_OF_INVOICES
from helpers.kpis.rows import cards_of
from helpers.kpis.spine import Spine
from helpers.pack.appearance import refuse_unprintable
from helpers.pack.archive import last_published
from helpers.pack.audiences import check_audiences, make_variants
from helpers.pack.commentary import Commentary
from helpers.pack.definitions import changed_definitions
from helpers.pack.made_from import check_columns_left_out
from helpers.pack.request import BuildRequest
from helpers.results import Asked, split_address, why_nowhere
from helpers.review import OpenReview
from helpers.strict_yaml import Places, shown

Parameters = Mapping[str, Mapping[str, Any]]
Say = Callable[[str], None]
PUBLISHED = Path("reports/published")


@dataclass(frozen=True)
class Checked:
    """What a check found: the data report, with the KPIs of the review and those of other themes.

    ``notices`` are what the files alone tell, ``registered`` what is wrong with departments, KPIs and objectives,
    ``ambiguous`` the figures that targets, objectives and commentary name and that could be several.
    """

    review: Surveyed
    others: Surveyed
    notices: Sequence[str] = ()
    registered: Sequence[str] = ()
    ambiguous: Sequence[str] = ()

    @property
    def faults(self) -> list[str]:
        return [*self.review.stopped, *self.ambiguous]

    @property
    def warnings(self) -> list[str]:
        return [*self.registered, *self._others]

    @property
    def _others(self) -> list[str]:
        return [*self.notices, *self.review.page.warnings, *self.review.page.refused, *self.others.stopped]

    def held(self) -> list[dict[str, Any]]:
        """What a pack holds with this source, by theme, and what would add most."""
        pages = (self.review.page, self.others.page)
        most = most_waited_for(*pages)
        told = [_titled(held_by_theme(*pages))]
        return [*told, {"title": "What would add most", "sentences": [most]}] if most else told

    def told(self) -> list[dict[str, Any]]:
        """The report, as :func:`helpers.display.shown_tables.print_report` and a page show it."""
        own = self.review.page.cards("KPIs of this review", self.review.themes)
        more = self.others.page.cards("KPIs of other themes, as their notebooks stand", self.others.themes)
        tables = [*self.review.page.tables(examples=True), own, *([more] if self.others.themes else [])]
        sentences = {
            "Departments, KPIs and objectives": self.registered, "Warnings": self._others, "Faults": self.faults,
        }  # fmt: skip
        return [
            *map(_titled, tables),
            *self.held(),
            *({"title": title, "sentences": found} for title, found in sentences.items() if found),
        ]


@dataclass(frozen=True)
class Surveyed:
    """The cards of some themes, run once: what they gave and asked for, and the messages of those that stopped."""

    themes: list[str]
    page: DataPage
    stopped: list[str]


def check_order(order: BuildRequest, say: Say, notices: Sequence[str] = (), *, published: Path = PUBLISHED) -> Checked:
    """Reads the source and runs every card of the catalogue for the review period.

    ``say`` hears of each step as it is done, ``prepare`` and ``KPIs``; ``notices`` are told among the warnings;
    ``published`` is the folder of the packs that definitions are held against.

    Raises:
        KitError: what is wrong with published manifests, the commentary, the template, the audiences, the columns to
            leave out, the source and its rows.
    """
    with tempfile.TemporaryDirectory(prefix="kpi-review-") as folder:
        changed, commentary, _, _, prepared, *_ = together(
            lambda: changed_definitions(order, last_published(published, order.period, order.review.company)),
            order.commentary,
            order.check_template,
            lambda: refuse_unprintable(order.texts()),
            lambda: order.prepared_in(Path(folder)),
            lambda: check_audiences(order),
            lambda: check_columns_left_out(order.review),
        )
        make_variants(order, prepared, Path(folder) / "readers", changed)
        say("prepare")
        settled = order.review.model_copy(update={"themes": order.settled})
        quarter = OpenReview(order.period, settled, prepared, changed)
        own, more = _survey(quarter, order.parameters), _survey(quarter, order.others)
        ambiguous, unknown = _named_figures(
            order, commentary, pd.concat([own.page.results.frame, more.page.results.frame])
        )
        found = Checked(
            own,
            more,
            [*notices, *unknown, *by_invoice_date(quarter.spine), *_like_log_ins(quarter.spine)],
            _registered(quarter, order, changed),
            ambiguous,
        )
        say("KPIs")
    return found


def _survey(quarter: OpenReview, parameters: Parameters) -> Surveyed:
    rows: list[results.Row] = []
    asked: dict[str, Asked] = {}
    stopped: list[str] = []
    for theme in parameters:
        for card in cards_of(theme):
            name = f"{theme}.{card.__name__}"
            try:
                more, asked[name] = quarter.measure(card)
                rows += more
            except KitError as error:
                stopped += error.faults
            except Exception as error:
                stopped.append(f"{name} stopped: {type(error).__name__}: {' '.join(str(error).split())}")
    page = DataPage(quarter.prepared.report, Results(results.frame(rows), quarter.context, asked))
    return Surveyed(list(parameters), page, list(dict.fromkeys(stopped)))


def _like_log_ins(spine: Spine) -> list[str]:
    """The events that count as activity and may be log-ins, which say nothing of use."""
    found = spine.answers("like_log_in", "events desc, event") if spine.provides("events") else []
    names = ", ".join(f"{each['event']!r} ({each['events']:,})" for each in found)
    asked = "sound like log-ins or sessions, and count as activity; if they are no use, name the events that are, as"
    return [f"events: {names} {asked} activity_events: under rules: in review.yml"] if found else []


def _registered(quarter: OpenReview, order: BuildRequest, changed: Mapping[str, str]) -> list[str]:
    """What is wrong with the registers of the review, each with its line and what to do."""
    written, ids = Places(order.review.path), [kpi.kpi_id for kpi in order.review.kpis]
    proved: Proofs = {}
    with suppress(KitError):  # the card of an experiment that cannot be asked tells why
        proved = proofs(quarter.spine)
    found = findings(order.review, order.period.measured_on, proved)
    plans = open_points(order.review.experiments, order.review.path.parent / "experiments", date.today())
    return (
        [f"{written.where(*each.at)}: {each.found}; {each.do}" for each in found]
        + plans
        + [
            f"{written.where('kpis', ids.index(kpi_id), 'definition_version')}: {kpi_id} is refused: {why}"
            for kpi_id, why in changed.items()
        ]
    )


def _named_figures(order: BuildRequest, commentary: Commentary, figures: pd.DataFrame) -> tuple[list[str], list[str]]:
    """The segments that targets, objectives and commentary name and that are several; and those that are not there."""
    written, targets = Places(order.review.path), order.review.targets.items()
    named = [
        *((written.where("targets", key), *split_address(key)) for key, plan in targets if order.period.label in plan),
        *((written.where("okrs", i, "segment"), o.kpi_id, o.segment) for i, o in enumerate(order.review.okrs)),
        *((f"{shown(order.commentary_folder / page)}.md", *address) for page, *address in commentary.named()),
    ]
    several, unknown = [], []
    for where, kpi_id, segment in named:
        try:
            if why := why_nowhere(figures, kpi_id, segment):
                unknown.append(f"{where}: {why}")
        except KitError as error:
            several += [f"{where}: {fault}" for fault in error.faults]
    return several, unknown


def by_invoice_date(spine: Spine) -> list[str]:
    """What counting by the day of the invoice would have shown, where subscriptions are made from invoices."""
    made, period = "subscriptions" in spine.prepared.made_from, spine.period
    if not made or period.label in spine.notes(NOTES_OF_INVOICES, "refused"):
        return []
    return [
        f"subscriptions are made from invoices: up to {period.measured_on} customers stopped paying for service "
        f"{answer['by_service']} times, counted at the ends of months; by invoice date it would look like "
        f"{answer['by_invoice']} times"
        for answer in spine.answers("lost_by_invoice_date")
        if answer["label"] == period.label
    ]


def _titled(table: Table) -> dict[str, Any]:
    shown = table_from_resource(table.resource())
    return {"title": shown["title"], "table": shown}
