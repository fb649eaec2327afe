"""What a mail tells of a pack: page 2 of it, as HTML for Word's engine and Gmail, as plain text, and as PNG pictures.

The figures are those that the pack's executed notebooks left, and the words are those of the pages, in the language of
the readers. Of an audience's pack nothing but what was kept for it is read. Templates are in ``templates/email``.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import css_inline
import typst
from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader
from jinja2.nodes import EvalContext
from jinja2.utils import pass_eval_context
from markupsafe import Markup, escape

from helpers import results as figures
from helpers.data.prepared import Prepared
from helpers.display.blocks import MARKS, TARGETS
from helpers.display.context import Results
from helpers.display.data_page import DataPage
from helpers.display.formats import format_period
from helpers.display.palette import LINE, QUIET, TEXT
from helpers.display.plain_words import plain
from helpers.display.sentences import REASONS, listed, paragraph
from helpers.errors import KitError, nearest
from helpers.language import LOCALES, _, message, speaking
from helpers.mail.plain_text import filled, prose_text, underlined
from helpers.pack.appearance import TEMPLATES, colours_of, typst_fonts
from helpers.pack.archive import published_versions
from helpers.pack.changes import SHOWN, Compared, changes_since
from helpers.pack.made_from import AUDIENCES, NOTEBOOKS, PREPARED, audiences_of, kept_request, kept_runs
from helpers.pack.notebook_content import as_svg
from helpers.pack.pages import DRAFT, PARTIAL, Edition, page_content, pages_of
from helpers.pack.request import PackRequest
from helpers.pack.rich_text import Part
from helpers.pack.verify import Opened
from helpers.pack.write import results_of
from helpers.texts import begun, printable

MOST = 100_000  # bytes of HTML; Gmail cuts at 102 kB
SPARK, LOGO, DENSITY = 96, (40, 180), 2  # CSS pixels: a line's width, a logo's height and width; pixels for each
CHINESE = {
    "zh_Hans": "'Microsoft YaHei','PingFang SC','Noto Sans CJK SC',",
    "zh_Hant": "'Microsoft JhengHei','PingFang TC','Noto Sans CJK TC',",
}
PANEL = "#f3f4f6"
# A sign before a currency, and its figure: browsers would break the line between them.
SIGNED = re.compile(r"[+−][^\w\s.,:;()&<]\d(?:[\d.,\xa0\u202f]*\d)?")
GONE = message("Corrects the version before it, whose figures are not kept any more; what changed cannot be told here.")


@dataclass(frozen=True)
class Message:
    """What all readers of a list are told.

    ``company``, ``title``, ``period`` and ``status`` are words for a subject; ``pictures`` are PNG by content id.
    """

    company: str
    title: str
    period: str
    status: str
    lang: str
    text: str
    html: str
    pictures: Mapping[str, bytes]


def message_of(found: Opened, audience: str, language: str | None, attached: Sequence[tuple[str, int]]) -> Message:
    """What a mail tells of a pack, or of that of an audience.

    Args:
        found: the pack.
        audience: whose pack it is; the whole one where it is empty.
        language: that of the message; by default the pack's. The company's own terms hold in the pack's alone.
        attached: the names of the files that go with it, each with its bytes.

    Raises:
        KitError: there is no such audience, this kit reads other figures than the pack has, or the body is too large.
    """
    made_from, notebooks = _kept(found, audience)
    request = _in_language(kept_request(made_from, found.request.root), language)
    brand = request.review.brand
    with speaking(brand.language, brand.terms):
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
        pictures, logo = _pictures(view)
        return _written(
            content,
            pictures,
            status=_(", ").join(_status(edition, is_partial)),
            logo=logo,
            badges=_badges(edition, is_partial),
            standing=_standing(view, edition),
            changed=compared and _changed(compared, request.period.label, pages.locale),
            titles={section.theme: section.title for section in sections},
            note=paragraph(_("Changes of money are in per cent."), view["summary"]["note"]),
            own_lang=found.request.review.brand.language.replace("_", "-"),
            attached=[_file(name, size, pages.locale) for name, size in attached],
            rest=_rest([section.title for section in sections], bool(attached)),
            look=_look(pages.colour, brand.language),
        )


# --- what it is made from ---------------------------------------------------------------------------------------------


def _kept(found: Opened, audience: str) -> tuple[Path, Path]:
    """What a pack, or that of an audience, was made from, and its executed notebooks."""
    if not audience:
        return found.made_from, found.folder / NOTEBOOKS
    if audience not in (known := audiences_of(found.made_from)):
        raise KitError(f"{found.folder}: {audience!r} is no audience of this pack{nearest(audience, known)}")
    own = found.made_from / AUDIENCES / audience
    return own, own / NOTEBOOKS


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
    if figures.to_csv(shown.frame).encode() != file.read_bytes():
        commit = found.manifest.get("commit", "")
        use = f"use the kit of then: commit {commit}" if commit else "use the helpers of then"
        raise KitError(f"{file}: this kit reads the pack's figures otherwise than they were written; {use}")


def _corrected(
    found: Opened, audience: str, request: PackRequest, prepared: Prepared, shown: Results
) -> Compared | None:
    """What differs from the version before; None where the pack is held against none of its own period."""
    label, _slash, version = (found.manifest["compared_with"] or "").partition("/v")
    if label != request.period.label:
        return None
    versions = {each.version: each for each in published_versions(found.out / "published", label)}
    held = versions.get(int(version))
    if not held or not (held.folder / audience / "results.csv").is_file():
        return Compared(GONE)
    made_with = {"code": found.manifest["fingerprints"]["code"], **found.manifest["versions"]}
    return changes_since(held, request, prepared, shown, made_with, audience)


# --- what it says -----------------------------------------------------------------------------------------------------


def _status(edition: Edition | None, is_partial: bool) -> Iterator[str]:
    """What a subject tells of a pack."""
    yield _("version {n}").format(n=edition.version) if edition else _("draft")
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
    sentence = _("{sentence}.")
    told = view["edition"] if edition else _("Not published yet: figures and words may still change")
    failed = _("Without {names}, which failed").format(names=listed(view["failed"])) if view["failed"] else ""
    return paragraph(*(sentence.format(sentence=each) for each in (told, failed) if each))


def _changed(compared: Compared, label: str, locale: str) -> dict[str, Any]:
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
                "period": format_period(each.period, locale),
                "texts": each.texts,
                "cause": _("{sentence}.").format(sentence=begun(each.cause)),
            }
            for each in restated
        ],
        "note": _("{n} of {all} are shown.").format(n=len(restated), all=len(compared.restated)),
        "told": [
            {"title": title, "sentences": [plain(text, locale) for text in texts]}
            for title, texts in told.items()
            if texts
        ],
    }
    return dict(printable(found))


def _file(name: str, size: int, locale: str) -> str:
    """An attached file and its size, in units of a thousand."""
    words, unit, form = (_("{n} MB"), 1e6, "#,##0.0") if size >= 1e6 else (_("{n} kB"), 1e3, "#,##0")
    number = format_decimal(max(size / unit, 1), form, locale=locale)
    return str(printable(_("{name} ({note})").format(name=name, note=words.format(n=number))))


def _rest(titles: Sequence[str], is_attached: bool) -> str:
    """Where the rest is."""
    told = _("The pack has the rest: {names}; definitions, parameters and data in its appendix.")
    ask = "" if is_attached else _("Whoever sent this has it.")
    return str(printable(paragraph(told.format(names=listed(titles)), ask)))


def _look(colour: str, language: str) -> dict[str, Any]:
    fonts = f"Arial,Helvetica,{CHINESE.get(language, '')}sans-serif"
    return {**colours_of(colour), "text": TEXT, "quiet": QUIET, "line": LINE, "panel": PANEL, "fonts": fonts}


# --- pictures ---------------------------------------------------------------------------------------------------------


def _pictures(view: Mapping[str, Any]) -> tuple[dict[str, bytes], dict[str, Any] | None]:
    """The lines of the scorecard and the logo as PNG by content id; each row, and the logo, learns of its own."""
    rows = [row for group in view["scorecard"] for row in group["rows"] if row["sparkline_svg"]]
    drawn = [{"svg": row["sparkline_svg"], "width": SPARK} for row in rows]
    if view["logo"]:
        drawn.append({"svg": as_svg(view["logo"]), "height": LOGO[0], "most": LOGO[1]})
    compiler = typst.Compiler(
        TEMPLATES / "email" / "pictures.typ", root=TEMPLATES / "email", font_paths=typst_fonts(),
        sys_inputs={"pictures": json.dumps(drawn)},
    )  # fmt: skip
    pages = compiler.compile(format="png", ppi=72 * DENSITY) if drawn else []
    found = pages if isinstance(pages, list) else [pages]
    names = [*(f"{row['kpi_id']}@kpi-review" for row in rows), *(["logo@kpi-review"] if view["logo"] else [])]
    shown = [_picture(name, png) for name, png in zip(names, found, strict=True)]
    for row, picture in zip(rows, shown, strict=False):
        row["spark"] = picture
    return dict(zip(names, found, strict=True)), shown[-1] if view["logo"] else None


def _picture(cid: str, png: bytes) -> dict[str, Any]:
    """A PNG as a tag names it, whose size stands in its head."""
    width, height = (int.from_bytes(png[at : at + 4]) // DENSITY for at in (16, 20))
    return {"cid": cid, "width": width, "height": height}


# --- written ----------------------------------------------------------------------------------------------------------


def _written(content: Mapping[str, Any], pictures: Mapping[str, bytes], *, status: str, **shown: Any) -> Message:
    """The message; where what management says makes it too large, as much of that as there is room for.

    Raises:
        KitError: it is too large without.
    """
    said = [(name, part) for name in ("asked", "commentary") for part in _in_pieces(content[name])]

    def printed(template: str, pieces: int) -> str:
        parts = {name: [part for of, part in said[:pieces] if of == name] for name in ("asked", "commentary")}
        is_shortened = pieces < len(said)
        return _templates().get_template(template).render(content | shown | parts | {"is_shortened": is_shortened})

    def html(pieces: int) -> str:
        return _inliner().inline(printed("message.html.j2", pieces))

    def size(pieces: int) -> int:
        return len(html(pieces).encode())

    most = len(said) if size(len(said)) < MOST else bisect_right(range(len(said)), MOST - 1, key=size) - 1
    if most < 0:
        raise KitError(
            f"the body of the mail has {size(0):,} bytes without what management says, and Gmail cuts it at {MOST:,}; "
            "shorten names of the scorecard's groups and of segments in params/review.yml"
        )
    view = content["view"]
    title = (view["company"], view["title"], view["period_label"])
    return Message(*title, status, view["lang"], printed("message.txt.j2", most).strip() + "\n", html(most), pictures)


def _in_pieces(parts: Sequence[Part]) -> Iterator[Part]:
    """What management says, paragraph by paragraph."""
    for part in parts:
        yield from ({**part, "tree": [node]} for node in part["tree"]) if "tree" in part else (part,)


@cache
def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(load_remote_stylesheets=False, minify_css=True)


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES / "email"),
        autoescape=lambda name: ".html." in (name or ""),  # names and commentary are not to be trusted
        finalize=_unbroken,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"marks": MARKS, "targets": TARGETS, "missing": list(REASONS), "_": _}
    environment.filters |= {"filled": filled, "prose": prose_text, "underlined": underlined, "begun": begun}
    return environment


@pass_eval_context
def _unbroken(context: EvalContext, shown: Any) -> Any:
    """What HTML prints, with a sign, its currency and its figure on one line."""
    if not context.autoescape or not isinstance(shown, str) or isinstance(shown, Markup):
        return shown
    kept = r'<span style="white-space:nowrap">\g<0></span>'
    return Markup(SIGNED.sub(kept, str(escape(shown))))
