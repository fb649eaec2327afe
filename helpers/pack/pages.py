"""What stands on the pack's own pages: cover, summary, what changed, definitions, data, parameters.

Everything comes from the results, the data report and the order; every text is ready to be shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from helpers.catalogue import theme_title
from helpers.data.prepared import Prepared
from helpers.display.context import Results
from helpers.display.data_page import DataPage
from helpers.display.formats import format_day, format_days
from helpers.display.scorecard import scorecard
from helpers.notebook_parameters import GIVEN
from helpers.pack import manifest
from helpers.pack.commentary import fill_in
from helpers.pack.definitions import definitions
from helpers.pack.order import Order, Work
from helpers.pack.parts import title_of
from helpers.pack.tables import resource_table, table
from helpers.pack.view import Changes, PackView, Part, Section
from helpers.periods import Period
from helpers.review import OpenReview

TITLES = {"quarter": "Quarterly KPI review", "month": "Monthly KPI review", "week": "Weekly KPI review"}


def pages(order: Order, work: Work, prepared: Prepared, page: DataPage) -> tuple[PackView, list[Section]]:
    """The pack's own pages, and one section per theme in pack order, from what the build has made."""
    texts = _texts(work, page.results)
    return _own_pages(order, work, prepared, page, texts), _sections(work, texts)


def _own_pages(order: Order, work: Work, prepared: Prepared, page: DataPage, texts: Mapping[str, str]) -> PackView:
    period, brand, shown = order.period, order.review.brand, page.results
    card = scorecard(shown)
    return PackView(
        company=order.review.company,
        title=TITLES[period.kind],
        period_label=period.label,
        period_dates=format_days(period.start, period.end, brand.locale),
        as_of=as_known(period, brand.locale),
        as_of_on=period.as_of_on,
        brief=period.kind == "week",
        status="PARTIAL" if work.failed else "DRAFT",
        confidentiality=brand.confidentiality,
        colour=brand.colour,
        logo=brand.logo.read_bytes() if brand.logo else None,
        locale=brand.locale,
        lang="en",  # the language of the pack's own words, whatever the locale of its numbers
        paper=brand.paper,
        headlines=card.headlines,
        judged_note=_judged_note(card.judged_note, period),
        commentary=texts.get("summary", ""),
        actions=texts.get("actions", ""),
        scorecard=card.groups,
        changes=_changes(work, page),
        definitions=definitions(dict.fromkeys(shown.frame["kpi_id"])),
        parameters=_parameters(order),
        source=prepared.name,
        data=_data(page),
        versions=_versions(work, prepared),
    )


def _sections(work: Work, texts: Mapping[str, str]) -> list[Section]:
    """Each under its notebook's own title."""
    return [
        Section(
            theme,
            title_of(run.notebook) or theme_title(theme),
            run.notebook,
            run.failure,
            texts.get(theme, ""),
        )
        for theme, run in work.executed.items()
    ]


def results_of(order: Order, work: Work, prepared: Prepared) -> Results:
    """The figures of all themes, with what the review says beside them."""
    return Results(work.figures, OpenReview(order.period, order.review, prepared).context, work.asked)


def _texts(work: Work, shown: Results) -> dict[str, str]:
    """Management's commentary with its figures filled in; what has no figure is a dash."""

    def figure(kpi_id: str, segment: str) -> str:
        row = shown.now(kpi_id, segment)
        return "–" if row is None else shown.write.result(row)

    return {name: fill_in(text, figure) for name, text in work.texts.items()}


def as_known(period: Period, locale: str) -> str:
    """Up to when things are known."""
    return f"as known at the end of {format_day(period.known_until, locale)}, {period.calendar.timezone}"


def _judged_note(note: str, period: Period) -> str:
    if not period.is_partial:
        return note
    days = f"{period.elapsed_days} of its {period.days} days"
    return f"{note} {period.label} is still running: figures to date are of {days}, earlier ones of as many days."


def _changes(work: Work, page: DataPage) -> Changes:
    return Changes(
        failed=[f"{theme}: {failure}" for theme, failure in work.failed.items()],
        not_provided=page.lacking,
        refused=page.refused,
        data=page.warnings,
    )


def _data(page: DataPage) -> list[Part]:
    locale = page.results.context.locale
    return [resource_table(table.resource(), locale) for table in page.tables()]


def _parameters(order: Order) -> Part:
    rules = order.review.rules.model_dump(mode="json")
    rows = [
        *_named("rules", rules.items()),
        *(
            line
            for theme, values in order.parameters.items()
            for line in _named(theme, ((name, value) for name, value in values.items() if name not in GIVEN))
        ),
    ]
    return table("Parameters in force", ["Of", "Parameter", "Value"], rows)


def _named(group: str, values: Iterable[tuple[str, Any]]) -> list[list[Any]]:
    return [[group, name, "none" if value is None else _plain(value)] for name, value in values]


def _plain(value: Any) -> int | float | str:
    return value if isinstance(value, int | float) else str(value)


def _versions(work: Work, prepared: Prepared) -> Part:
    rows = [
        *manifest.versions().items(),
        ("data fingerprint", prepared.fingerprint),
        ("code fingerprint", work.code),
    ]
    return table("Versions and fingerprints", ["What", "Which"], rows)
