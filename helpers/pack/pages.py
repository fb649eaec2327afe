"""What stands on the pack's own pages: cover, summary, what changed, definitions, data, parameters.

Everything comes from the results, the data report and the order; every text is ready to be shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from helpers.catalogue import kpi
from helpers.data.known import Prepared
from helpers.display.context import Context, Results, warnings_of
from helpers.display.formats import format_day, format_days, format_result
from helpers.display.scorecard import scorecard
from helpers.notebook_parameters import GIVEN
from helpers.pack import manifest
from helpers.pack.commentary import fill_in
from helpers.pack.definitions import definitions
from helpers.pack.order import Order, Work
from helpers.pack.parts import title_of
from helpers.pack.tables import table
from helpers.pack.view import Changes, PackView, Part, Section
from helpers.periods import Period

TITLES = {"quarter": "Quarterly KPI review", "month": "Monthly KPI review", "week": "Weekly KPI review"}


def pages(order: Order, work: Work, prepared: Prepared) -> tuple[PackView, list[Section]]:
    """The pack's own pages, and one section per theme in pack order, from what the build has made."""
    shown = _results(order, work, prepared)
    texts = _texts(work, shown)
    return _own_pages(order, work, prepared, shown, texts), _sections(work, texts)


def _own_pages(order: Order, work: Work, prepared: Prepared, shown: Results, texts: Mapping[str, str]) -> PackView:
    period, brand = order.period, order.review.brand
    card = scorecard(shown)
    return PackView(
        company=order.review.company,
        title=TITLES[period.kind],
        period_label=period.label,
        period_dates=format_days(period.start, period.end, brand.locale),
        as_of=_as_of(period, brand.locale),
        as_of_on=period.as_of_on,
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
        changes=_changes(work, shown.frame[shown.frame["period"] == period.label], prepared),
        definitions=definitions(dict.fromkeys(shown.frame["kpi_id"])),
        parameters=_parameters(order),
        sources=_sources(prepared, brand.locale),
        versions=_versions(order, prepared),
    )


def _sections(work: Work, texts: Mapping[str, str]) -> list[Section]:
    """Each under its notebook's own title."""
    return [
        Section(
            theme,
            title_of(run.notebook) or theme.replace("_", " ").capitalize(),
            run.notebook,
            run.failure,
            texts.get(theme, ""),
        )
        for theme, run in work.executed.items()
    ]


def _results(order: Order, work: Work, prepared: Prepared) -> Results:
    label, brand = order.period.label, order.review.brand
    targets = {key: plan[label] for key, plan in order.review.targets.items() if label in plan}
    return Results(work.figures, Context(order.period, prepared.currency, brand.locale, targets, brand.colour))


def _texts(work: Work, shown: Results) -> dict[str, str]:
    """Management's commentary with its figures filled in; what has no figure is a dash."""

    def figure(kpi_id: str, segment: str) -> str:
        row = shown.now(kpi_id, segment)
        return "–" if row is None else format_result(row, **shown.context.style)

    return {name: fill_in(text, figure) for name, text in work.texts.items()}


def _as_of(period: Period, locale: str) -> str:
    return f"as known at the end of {format_day(period.known_until, locale)}, {period.calendar.timezone}"


def _judged_note(note: str, period: Period) -> str:
    if not period.is_partial:
        return note
    days = f"{period.elapsed_days} of its {period.days} days"
    return f"{note} {period.label} is still running: figures to date are of {days}, earlier ones of as many days."


def _changes(work: Work, now: pd.DataFrame, prepared: Prepared) -> Changes:
    return Changes(
        failed=[f"{theme}: {failure}" for theme, failure in work.failed.items()],
        not_provided=list(_by_reason(now[now["status"] == "not_provided"])),
        refused=list(_by_reason(now[now["status"] == "refused"])),
        excluded=_excluded(prepared),
    )


def _by_reason(rows: pd.DataFrame) -> Iterator[str]:
    """One sentence per reason, naming every KPI that it stops."""
    reasons: dict[str, list[str]] = {}
    for _, row in rows.iterrows():
        label = kpi(row["kpi_id"]).label
        told = (warning.removeprefix("not provided: ") for warning in warnings_of(row))
        labels = reasons.setdefault("; ".join(told), [])
        if label not in labels:
            labels.append(label)
    for reason, labels in reasons.items():
        yield f"{', '.join(labels)}: {reason}"


def _excluded(prepared: Prepared) -> Part:
    rows = [
        [name, reason, f"{found['rows']:,}", "; ".join(found["examples"])]
        for name, report in prepared.report["tables"].items()
        for reason, found in report["excluded"].items()
    ]
    return table(
        "Rows left out, and why",
        ["Table", "Reason", ("Rows", "right"), "For example"],
        rows,
        empty="No row was left out.",
    )


def _sources(prepared: Prepared, locale: str) -> Part:
    """The data page: per table what was read, what of it counts, and how fresh it is."""
    rows = [
        [
            name,
            f"{report['read']:,}",
            f"{report['clean']:,}",
            f"{report['byte_equal']:,}",
            f"{report['not_yet_known']:,}",
            f"{sum(found['rows'] for found in report['excluded'].values()):,}",
            _range(report, locale),
        ]
        for name, report in prepared.report["tables"].items()
    ]
    columns = ["Rows read", "Used", "Duplicates", "Not yet known", "Left out"]
    return table(
        f"Source: {prepared.name}",
        ["Table", *((column, "right") for column in columns), "From – to"],
        rows,
        note=" ".join(_data_notes(prepared.report)),
    )


def _range(report: Mapping[str, Any], locale: str) -> str:
    if not report["earliest"]:
        return "–"
    return f"{format_day(report['earliest'], locale)} – {format_day(report['latest'], locale)}"


def _data_notes(report: Mapping[str, Any]) -> Iterator[str]:
    for name, found in report["tables"].items():
        for warning in found["warnings"]:
            yield f"{name}: {warning}."
    for check in report["order"]:
        if check["rows"]:
            yield f"{check['what']}: {check['rows']:,} of {check['of']:,}."
    if report["not_provided"]:
        yield f"Not provided: {', '.join(report['not_provided'])}."


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


def _named(group: str, values: Iterable[tuple[str, Any]]) -> list[list[str]]:
    return [[group, name, "none" if value is None else str(value)] for name, value in values]


def _versions(order: Order, prepared: Prepared) -> Part:
    rows = [
        *manifest.versions().items(),
        ("data fingerprint", prepared.fingerprint),
        ("code fingerprint", manifest.code_fingerprint(order.root)),
    ]
    return table("Versions and fingerprints", ["What", "Which"], rows)
