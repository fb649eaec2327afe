"""What a mail tells of a pack: page 2 of it, as HTML for Word's engine and Gmail, as plain text, and as PNG pictures.

The figures are those that the pack's executed notebooks left, and the words are those of the pages, in the language of
the readers. Of an audience's pack nothing but what was kept for it is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typst

from helpers.data.prepared import Prepared
from helpers.display.context import Results
from helpers.display.data_page import DataPage
from helpers.display.formats import format_period
from helpers.display.plain_words import plain
from helpers.display.sentences import ended, listed
from helpers.errors import KitError
from helpers.language import LOCALES, _, in_figures, in_force, message, paragraph, speaking
from helpers.mail.body import write_bodies
from helpers.pack.appearance import TEMPLATES, typst_fonts
from helpers.pack.archive import published_at
from helpers.pack.changes import SHOWN, Compared, changes_since
from helpers.pack.made_from import NOTEBOOKS, PREPARED, kept_request, kept_runs, of_audience
from helpers.pack.notebook_content import as_svg
from helpers.pack.pages import DRAFT, PARTIAL, Edition, page_content, pages_of
from helpers.pack.request import PackRequest
from helpers.pack.verify import Opened
from helpers.pack.write import results_of
from helpers.texts import begun, csv_text, printable

GONE = message("Corrects the version before it, whose figures are not kept any more; what changed cannot be told here.")
SPARK, LOGO_HEIGHT, LOGO_WIDTH = 88, 40, 180  # pixels of CSS; a logo has no more than that
DENSITY = 2  # pixels of a picture for each of them
LOGO = "logo"


@dataclass(frozen=True)
class Message:
    """What all readers of a list are told.

    ``company``, ``title``, ``period`` and ``status`` are words for a subject, in ``language``; ``pictures`` are PNG by
    content id.
    """

    company: str
    title: str
    period: str
    status: str
    language: str
    text: str
    html: str
    pictures: Mapping[str, bytes]


def message_of(found: Opened, audience: str, language: str | None, attached: Sequence[tuple[str, int]]) -> Message:
    """What a mail tells of a pack, or of that of an audience.

    Args:
        found: the pack.
        audience: whose pack it is, one that it was built for; the whole one where it is empty.
        language: that of the message; by default the pack's. The company's own terms hold in the pack's alone.
        attached: the names of the files that go with it, each with its bytes.

    Raises:
        KitError: this kit reads other figures than the pack has, or the body is too large.
    """
    made_from = of_audience(found.made_from, audience)
    notebooks = (made_from if audience else found.folder) / NOTEBOOKS
    kept = kept_request(made_from, found.request.root)
    request = _in_language(kept, language)
    brand = request.review.brand
    with speaking(brand.language, brand.terms, brand.locale):
        prepared, runs = Prepared.open(made_from / PREPARED), kept_runs(made_from, notebooks)
        shown = results_of(request, prepared, runs)
        _check_figures(found, found.folder / audience / "results.csv", shown)
        compared = _corrected(found, audience, request, prepared, shown)
        data, edition = DataPage(prepared.report, shown), found.edition
        pages, sections = pages_of(
            request, runs, data, ("", {}), compared=compared or Compared(), versions={}, edition=edition
        )
        content = page_content(pages, [])
        view, is_partial = content["view"], bool(pages.failed or (edition and edition.partial))
        pictures, tags = draw(view)
        html, text = write_bodies(
            content,
            {
                "pictures": tags,
                "badges": _badges(edition, is_partial),
                "standing": _standing(view, edition),
                "changed": compared and _changed(compared, request.period.label),
                "titles": {section.theme: section.title for section in sections},
                "note": paragraph(_("Changes of money are in per cent."), view["summary"]["note"]),
                "own_lang": kept.review.brand.language.replace("_", "-"),
                "attached": [_file(name, size) for name, size in attached],
                "rest": _rest([section.title for section in sections], bool(attached)),
            },
        )
        status = _(", ").join(_status(edition, is_partial))
        return Message(view["company"], view["title"], view["period_label"], status, in_force(), text, html, pictures)


# --- what it is made from ---------------------------------------------------------------------------------------------


def _in_language(request: PackRequest, language: str | None) -> PackRequest:
    """The request with pages in another language, which has its own way to write numbers."""
    brand = request.review.brand
    if language in (None, brand.language):
        return request
    brand = brand.model_copy(update={"language": language, "locale": LOCALES[language], "terms": {}})
    review = request.review.model_copy(update={"brand": brand})
    review._path = request.review.path  # commentary lies beside it
    return replace(request, review=review)


def _check_figures(found: Opened, file: Path, shown: Results) -> None:
    if csv_text(shown.frame).encode() != file.read_bytes():
        commit = found.manifest.get("commit")
        raise KitError(
            f"{file}: this kit reads the pack's figures otherwise than they were written; "
            f"use the kit of then{f': commit {commit}' if commit else ''}"
        )


def _corrected(
    found: Opened, audience: str, request: PackRequest, prepared: Prepared, shown: Results
) -> Compared | None:
    """What differs from the version before; None where the pack is held against none of its own period."""
    address = found.manifest["compared_with"] or ""
    if address.partition("/")[0] != request.period.label:
        return None
    held = published_at(found.out / "published", address)
    if not held or not (held.folder / audience / "results.csv").is_file():
        return Compared() if held and audience else Compared(GONE)  # nothing was published for these readers yet
    made_with = {"code": found.manifest["fingerprints"]["code"], **found.manifest["versions"]}
    return changes_since(held, request, prepared, shown, made_with, audience)


# --- what it says -----------------------------------------------------------------------------------------------------


def _status(edition: Edition | None, is_partial: bool) -> Iterator[str]:
    """What a subject tells of a pack."""
    if not edition:
        yield _("draft")
    elif edition.version > 1:
        yield _("version {n}").format(n=edition.version)
    if edition and edition.reason:
        yield _("correction")
    if is_partial:
        yield _("partial")


def _badges(edition: Edition | None, is_partial: bool) -> list[dict[str, Any]]:
    words = [_(DRAFT)] if not edition else [] if is_partial else [_(edition.status)]
    found = [{"words": each, "is_warning": not edition} for each in words]
    return [*found, *([{"words": _(PARTIAL), "is_warning": True}] if is_partial else [])]


def _standing(view: Mapping[str, Any], edition: Edition | None) -> str:
    """Who published it, when and why, or that nobody has yet; and what it lacks."""
    told = view["edition"] if edition else _("Not published yet: figures and words may still change")
    failed = _("Without {names}, which failed").format(names=listed(view["failed"])) if view["failed"] else ""
    return paragraph(*(ended(each) for each in (told, failed) if each))


def _changed(compared: Compared, label: str) -> dict[str, Any]:
    """What a correction changed: first of all figures of the period itself, else of others."""
    material = [each for each in compared.restated if each.is_material]
    restated = ([each for each in material if each.period == label] or material)[:SHOWN]
    told = {
        **compared.told,
        _("Definitions that changed"): [
            _("{name}: {value}.").format(name=each.of, value=each.name) for each in compared.definitions
        ],
    }
    found = {
        "sentence": _(compared.sentence),
        "restated": [
            {
                "name": each.name,
                "period": format_period(each.period),
                "texts": each.texts,
                "cause": ended(begun(each.cause)),
            }
            for each in restated
        ],
        "note": _("{n} of {all} are shown.").format(n=len(restated), all=len(compared.restated)),
        "told": [{"title": title, "sentences": list(map(plain, texts))} for title, texts in told.items() if texts],
    }
    return dict(printable(found))


def _file(name: str, size: int) -> str:
    """An attached file and its size, in units of a thousand."""
    words, unit, form = (_("{n} MB"), 1e6, "#,##0.0") if size >= 1e6 else (_("{n} kB"), 1e3, "#,##0")
    told = words.format(n=in_figures(max(size / unit, 1), form))
    return str(printable(_("{name} ({note})").format(name=name, note=told)))


def _rest(titles: Sequence[str], is_attached: bool) -> str:
    """Where the rest is."""
    told = _("The pack has the rest: {names}; definitions, parameters and data in its appendix.")
    ask = "" if is_attached else _("Whoever sent this has it.")
    return str(printable(paragraph(told.format(names=listed(titles)), ask)))


def draw(view: Mapping[str, Any]) -> tuple[dict[str, bytes], dict[str, dict[str, Any]]]:
    """What pages show of a pack as pictures, each by its KPI, and the logo.

    Returns:
        The PNGs by content id; and by ``kpi_id`` or ``logo`` what a tag says: ``cid``, ``width``, ``height``.
    """
    rows = (row for group in view["scorecard"] for row in group["rows"] if row["sparkline_svg"])
    drawn: dict[str, Any] = {row["kpi_id"]: {"svg": row["sparkline_svg"], "width": SPARK} for row in rows}
    if view["logo"]:
        drawn[LOGO] = {"svg": as_svg(view["logo"]), "height": LOGO_HEIGHT, "most": LOGO_WIDTH}
    compiler = typst.Compiler(
        TEMPLATES / "email" / "pictures.typ", root=TEMPLATES / "email", font_paths=typst_fonts(),
        sys_inputs={"pictures": json.dumps([*drawn.values()])},
    )  # fmt: skip
    pages: Any = compiler.compile(format="png", ppi=72 * DENSITY) if drawn else []
    found = dict(zip(drawn, pages if isinstance(pages, list) else [pages], strict=True))
    return {_cid(name): png for name, png in found.items()}, {name: _tag(name, png) for name, png in found.items()}


def _cid(name: str) -> str:
    return f"{name}@kpi-review"


def _tag(name: str, png: bytes) -> dict[str, Any]:
    """A PNG as a tag names it; its size stands in its head."""
    width, height = (int.from_bytes(png[at : at + 4]) // DENSITY for at in (16, 20))
    return {"cid": _cid(name), "width": width, "height": height}
