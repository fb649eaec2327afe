"""What stands on the pages of a pack: cover, summary, what changed, the sections, definitions, data, parameters.

Everything comes from the results, the data report and the request; every text is ready to be shown. The HTML and the
PDF print the same :func:`page_content`; the workbook takes its tables from the same :class:`Pages`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any, Literal, NamedTuple

from nbformat import NotebookNode

from helpers.catalogue import theme_title
from helpers.display.context import Results
from helpers.display.data_page import DataPage
from helpers.display.formats import format_day, format_days, format_period
from helpers.display.plain_words import named, plain, plain_value
from helpers.display.scorecard import scorecard
from helpers.display.sentences import name_of
from helpers.display.summary import Summary, summary
from helpers.language import _, message, paragraph, plural, retold
from helpers.notebook_parameters import GIVEN
from helpers.pack.actions import actions_shown
from helpers.pack.changes import Compared
from helpers.pack.commentary import Comment
from helpers.pack.definitions import Definition, definitions
from helpers.pack.notebook_content import commentary_parts, parts_of, picture, table_part, tables_in, title_of
from helpers.pack.request import PackRequest
from helpers.pack.rich_text import Part
from helpers.pack.run import Executed, Failure
from helpers.pack.sign_off import open_points, said_by, sign_off_table
from helpers.pack.verified import marks
from helpers.periods import Period
from helpers.texts import begun, printable

TITLES = {
    "quarter": message("Quarterly KPI review"), "month": message("Monthly KPI review"),
    "week": message("Weekly KPI review"),
}  # fmt: skip
# A verdict in the few words that a scorecard has room for; the section says it in full.
VERDICTS = {
    "signal": message("signal"), "noise": message("usual range"), "wide": message("varies too much"),
    "too short": message("too short to say"),
}  # fmt: skip
ASKED = message("Asked of the board")  # the heading in summary.md under which management asks for a decision
PARTIAL, PUBLISHED, DRAFT = message("PARTIAL"), message("PUBLISHED"), message("DRAFT")
CALLS, CALLS_SHOWN, DUE_DAYS = "exports/call_list.csv", 5, 90


@dataclass(frozen=True)
class Section:
    """One theme of the pack.

    ``title`` is the section's heading; the notebook's own ``# Title`` is not printed beside it.
    Of a failed section only the failure is shown, never what was computed before it.
    ``commentary`` is management's, as Markdown, and ``said_by`` names who wrote it and when.
    """

    theme: str
    title: str
    notebook: NotebookNode
    failure: Failure | None = None
    commentary: str = ""
    said_by: str = ""


class Edition(NamedTuple):
    """A published version: its number, when (an ISO instant) and by whom it was published, and why.

    ``reason`` says why it corrects the version before it, ``partial`` why it was published although something is
    missing; both may be empty.
    """

    version: int
    at: str
    by: str
    reason: str = ""
    partial: str = ""

    @property
    def status(self) -> str:
        return PARTIAL if self.partial else PUBLISHED

    def words(self) -> str:
        """The edition as a cover tells it.

        >>> Edition(2, "2026-10-14T08:00:00+00:00", "mara", reason="An invoice was booked twice").words()
        'Version 2, published on 14 Oct 2026 by mara. Corrects version 1: An invoice was booked twice'
        """
        day = format_day(self.at[: len("2026-10-14")])
        told = [
            _("Version {n}, published on {day} by {name}").format(n=self.version, day=day, name=self.by.rstrip("."))
        ]
        if self.reason:
            told += [_("Corrects version {n}: {reason}").format(n=self.version - 1, reason=self.reason.rstrip("."))]
        told += [_("Published in part: {reason}").format(reason=self.partial.rstrip("."))] if self.partial else []
        return _(". ").join(told)


@dataclass(frozen=True)
class Changes:
    """What a reader must know before comparing this pack with the last, in sentences.

    ``compared`` says what the pack was compared with, and what came of it.
    """

    failed: Sequence[str] = ()
    not_provided: Sequence[str] = ()
    refused: Sequence[str] = ()
    data: Sequence[str] = ()
    compared: Compared = field(default_factory=Compared)

    @property
    def told(self) -> list[dict[str, Any]]:
        """What there is to tell, under the headings that a reader sees."""
        found = {
            **self.compared.told,
            _("Failed"): self.failed,
            _("Not provided"): self.not_provided,
            _("Refused"): self.refused,
            _("What to know of the data"): self.data,
        }
        return [{"title": title, "sentences": list(sentences)} for title, sentences in found.items() if sentences]

    @property
    def first(self) -> str:
        """What stands first: what was compared, and whether all is there."""
        if self.told or self.compared.restated or self.compared.definitions:
            return _(self.compared.sentence)
        nothing = _("Nothing failed, nothing is missing, and the data gave no warning.")
        return paragraph(_(self.compared.sentence), nothing)


@dataclass(frozen=True)
class Pages:
    """The pack without its sections.

    ``scorecard`` holds groups with title and rows; a row is what ``display.scorecard.scorecard_row`` gives. ``calls``
    is the Table Schema resource of customers that are silent and due soon, and ``warned`` says whether an earlier call
    list had those that were lost; both are empty where nothing tells.
    ``logo`` is a PNG, JPEG or SVG file; ``parameters``, ``versions`` and each of ``data`` are Table Schema resources.
    ``edition`` says which published version this is, who published it, when and why; it is empty in a draft.
    ``as_of_on`` dates the PDF, so that the same inputs give the same bytes. Of a ``brief`` pack, each section is a page
    of the PDF: its figures and its list. ``shared_sql`` is what the queries of several definitions stand on.
    ``open_points`` are told in a draft, and ``sign_offs``, a table part, in what is published; ``verified`` holds the
    KPIs whose definition is verified as it stands, ``failed`` the names of the themes that failed.
    """

    company: str
    title: str
    period_label: str
    period_dates: str
    as_of: str
    as_of_on: date
    brief: bool = False
    status: str = ""
    edition: str = ""
    confidentiality: str = ""
    colour: str = "#1f3a5f"
    logo: bytes | None = None
    paper: Literal["a4", "letter"] = "a4"
    summary: Summary | None = None
    calls: Mapping[str, Any] | None = None
    warned: Mapping[str, str] = field(default_factory=dict)
    commentary: str = ""
    said_by: str = ""
    actions: Sequence[Mapping[str, Any]] = ()
    open_points: Sequence[str] = ()
    sign_offs: Part | None = None
    scorecard: Sequence[Mapping[str, Any]] = ()
    failed: Sequence[str] = ()
    changes: Changes = field(default_factory=Changes)
    definitions: Sequence[Definition] = ()
    shared_sql: str = ""
    verified: Sequence[str] = ()
    parameters: Mapping[str, Any] | None = None
    source: str = ""
    data: Sequence[Mapping[str, Any]] = ()
    versions: Mapping[str, Any] | None = None

    @property
    def is_draft(self) -> bool:
        """Whether it is not published, and tells what is still open."""
        return not self.edition


# --- from what a build has computed -----------------------------------------------------------------------------------


def pages_of(
    request: PackRequest,
    executed: Iterable[Executed],
    data: DataPage,
    queries: tuple[str, Mapping[str, str]],
    *,
    compared: Compared,
    source: str = "",
    versions: Mapping[str, str],
    edition: Edition | None = None,
) -> tuple[Pages, list[Section]]:
    """The pack's own pages, and one section per theme in pack order, from what a build has computed.

    ``data`` holds the results too, and ``queries`` what several of their queries stand on, and each one's own, by KPI.
    ``compared`` is what the pack was held against, ``source`` names the source, and ``versions`` what the pack was made
    from. A draft has no ``edition``.
    """
    shared, own = queries
    period, brand, commentary = request.period, request.review.brand, request.commentary()
    runs, verified = list(executed), marks(request)
    failed = {run.theme: run.failure for run in runs if run.failure}
    pages = Pages(
        company=request.review.company,
        title=_(TITLES[period.kind]),
        period_label=format_period(period.label),
        period_dates=format_days(period.start, period.end),
        as_of=as_known(period),
        as_of_on=period.as_of_on,
        brief=period.kind == "week",
        status=_(PARTIAL if failed else edition.status if edition else DRAFT),
        edition=edition.words() if edition else "",
        confidentiality=brand.confidentiality,
        colour=brand.colour,
        logo=brand.logo.read_bytes() if brand.logo else None,
        paper=brand.paper,
        summary=_summary(data.results),
        calls=calls_due(runs),
        warned=_warned(data.results),
        **_said(commentary.on("summary"), data.results),
        actions=actions_shown(_said(commentary.on("actions"), data.results)["commentary"], data.results),
        open_points=open_points(request, verified),
        sign_offs=sign_off_table(request.parameters, request.review.owners, commentary.signed),
        scorecard=scorecard(data.results),
        failed=[theme_title(theme) for theme in failed],
        changes=Changes(
            failed=[
                _("{name}: {value}").format(name=theme_title(theme), value=retold(str(failure)))
                for theme, failure in failed.items()
            ],
            not_provided=data.lacking,
            refused=data.refused,
            data=data.warnings,
            compared=compared,
        ),
        definitions=definitions(
            dict.fromkeys(data.results.frame["kpi_id"]),
            own,
            {kpi_id: mark.told() for kpi_id, mark in verified.items()},
        ),
        shared_sql=shared,
        verified=[kpi_id for kpi_id, mark in verified.items() if not mark.lapsed],
        parameters=_parameters(request),
        source=source,
        data=[table.resource() for table in data.tables()],
        versions=_plain_table(_("Versions and fingerprints"), (_("What"), _("Which")), versions.items()),
    )
    sections = [
        Section(
            run.theme, title_of(run.notebook) or theme_title(run.theme), run.notebook, run.failure,
            **_said(commentary.on(run.theme), data.results),
        )
        for run in runs
    ]  # fmt: skip
    return pages, sections


def as_known(period: Period) -> str:
    """Up to when things are known."""
    day = format_day(period.known_until)
    return _("as known at the end of {day}, {zone}").format(day=day, zone=period.calendar.timezone)


def _said(comment: Comment, shown: Results) -> dict[str, str]:
    """What is said on a page, its figures filled in, and by whom; what has no figure is a dash."""

    def figure(kpi_id: str, segment: str) -> str:
        row = shown.now(kpi_id, segment)
        return "–" if row is None else shown.write.result(row)

    return {"commentary": comment.filled_in(figure).text, "said_by": said_by(comment)}


def _summary(results: Results) -> Summary:
    found, period = summary(results), results.period
    if not period.is_partial:
        return found
    running = _(
        "{period} is still running: figures to date are of {n} of its {days} days, earlier ones of as many days."
    ).format(period=format_period(period.label), n=period.elapsed_days, days=period.days)
    return replace(found, note=paragraph(found.note, running))


def calls_due(executed: Iterable[Executed]) -> Mapping[str, Any] | None:
    """The customers that are silent and due soon, those that pay most first; None where no list of calls was made."""
    lists = [found for found in tables_in(executed) if CALLS in (found.get("export"), found.get("list"))]
    if not lists or not lists[0]["data"]:
        return None
    days = [row.get("days_to_renewal") for row in lists[0]["data"]]
    due = [row for row, left in zip(lists[0]["data"], days, strict=True) if left is not None and left <= DUE_DAYS]
    fields = {each["name"]: {**each, "on_pages": True} for each in lists[0]["schema"]["fields"]}
    kept = [fields[k] for k in ("customer", "mrr", "days_silent", "days_to_renewal", "owner") if k in fields]
    return {
        **lists[0],
        "title": _("Silent, and due within {n} days").format(n=DUE_DAYS),
        "schema": {"fields": kept},
        "data": sorted(due, key=lambda row: -(row.get("mrr") or 0)),
        "top": CALLS_SHOWN,
        "group": "",
        "note": "",
        "empty": _("No silent customer is due so soon."),
    }


def _warned(results: Results) -> dict[str, str]:
    """Of the MRR lost, how much had been on an earlier call list, and how long before."""
    share, weeks = (results.now(kpi_id) for kpi_id in ("lost_mrr_warned", "warning_weeks"))
    if share is None or share["status"] != "ok":  # nobody was lost, or nothing tells
        return {}
    words = plural("{name}, of {n} customer lost.", "{name}, of {n} customers lost.", share["n"])
    words = words.format(name=name_of(share), n=results.write.value(share["n"], "count"))
    if weeks is not None and weeks["status"] == "ok":
        more = _("{name}: {value}.").format(name=name_of(weeks), value=results.write.value(weeks["value"], "weeks"))
        words = paragraph(words, more)
    return {"value": results.write.result(share), "words": words}


def _parameters(request: PackRequest) -> Mapping[str, Any]:
    groups = {"rules": request.review.rules.model_dump(mode="json"), **request.parameters}
    rows = [
        (
            _("All themes") if group == "rules" else theme_title(group),
            begun(named(name)),
            value if isinstance(value, int | float) and not isinstance(value, bool) else plain_value(value),
            name,
        )
        for group, values in groups.items()
        for name, value in values.items()
        if name not in GIVEN
    ]
    found = _plain_table(
        _("Parameters in force"), (_("Holds for"), _("Parameter"), _("Value"), _("In review.yml")), rows
    )
    found["schema"]["fields"][-1]["code"] = True
    return found


def _plain_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[str, Any]:
    """A Table Schema resource of texts; a number among them stays one."""
    fields = [{"name": name, "type": "string"} for name in columns]
    return {
        "title": title,
        "schema": {"fields": fields},
        "data": [dict(zip(columns, row, strict=True)) for row in rows],
    }


def _as_texts(resource: Mapping[str, Any]) -> dict[str, Any]:
    """A resource of texts with its numbers written out; the workbook keeps them as numbers."""
    rows = [{name: v if isinstance(v, str) else plain_value(v) for name, v in row.items()} for row in resource["data"]]
    return {**resource, "data": rows}


# --- to what HTML and PDF print ---------------------------------------------------------------------------------------


def page_content(pages: Pages, sections: Sequence[Section]) -> dict[str, Any]:
    """What the pages print, as plain texts and parts: view, asked, commentary, changes, sections, actions, chapters."""
    asked, commentary = asked_and_told(pages)
    compared = pages.changes.compared
    view = {
        **asdict(replace(pages, changes=Changes())),
        "calls": pages.calls and table_part(pages.calls),
        "logo": pages.logo and picture(pages.logo, pages.company),
        "parameters": pages.parameters and table_part(_as_texts(pages.parameters)),
        "versions": pages.versions and table_part(pages.versions),
        "data": [
            {**part, "rows": [list(map(plain, row)) for row in part["rows"]]} for part in map(table_part, pages.data)
        ],
    }
    shown = {
        "view": view,
        "changes": [{**each, "sentences": list(map(plain, each["sentences"]))} for each in pages.changes.told],
        "compared": pages.changes.first,
        "restated": compared.table and table_part(compared.table),
        "redefined": [asdict(each) for each in compared.definitions],
        "chapters": _chapters(sections),
    }
    return {
        **printable(shown),
        "asked": asked,
        "commentary": commentary,
        "sections": [_section_content(section, pages) for section in sections],
        "actions": list(pages.actions),
        "open_points": printable(list(pages.open_points) if pages.is_draft else []),
        "sign_offs": printable(None if pages.is_draft else pages.sign_offs),
    }


def asked_and_told(pages: Pages) -> tuple[list[Part], list[Part]]:
    """What management asks of the board, under the heading of that name, and what else it says of the summary."""
    named = {ASKED.casefold(), _(ASKED).casefold()}
    asked: list[Part] = []
    others: list[Part] = []
    into = others
    for part in commentary_parts(pages.commentary, "pack.summary"):
        if part["type"] == "heading":
            into = asked if part["text"].strip().casefold() in named else others
            if into is asked:
                continue
        into.append(part)
    return asked, others


def _section_content(section: Section, pages: Pages) -> dict[str, Any]:
    failed = section.failure and {**asdict(section.failure), "message": retold(section.failure.message)}
    title, failure, said_by = printable([section.title, failed, section.said_by])
    parts = [] if failure else parts_of(section.notebook, theme=section.theme, title=section.title)
    commentary = commentary_parts(section.commentary, f"{section.theme}.commentary")
    said = {"commentary": commentary, "said_by": said_by, "is_silent": pages.is_draft and not commentary}
    parts = [_with_marks(part, pages.verified) for part in parts]
    return {"theme": section.theme, "title": title, "failure": failure, "parts": parts, **said}


def _with_marks(part: Part, verified: Sequence[str]) -> Part:
    """The blocks of a part with a word by those KPIs whose definition is verified."""
    if part["type"] != "blocks":
        return part
    return {
        **part,
        "blocks": [{**it, "mark": _("✓ verified") if it["kpi_id"] in verified else ""} for it in part["blocks"]],
    }


def _chapters(sections: Sequence[Section]) -> list[dict[str, Any]]:
    """The contents: every chapter's id and title."""
    first = {"pack.summary": _("Summary"), "pack.actions": _("Actions"), "pack.changes": _("What changed")}
    themes = [(section.theme, section.title, bool(section.failure)) for section in sections]
    found = [*((*each, False) for each in first.items()), *themes, ("pack.appendix", _("Appendix"), False)]
    return [{"id": name, "title": title, "failed": failed} for name, title, failed in found]
