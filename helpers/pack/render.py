"""Executed notebooks as HTML and as PDF/UA-1: one notebook alone, or a whole pack.

``jupyter nbconvert --to kpi_html executed.ipynb`` and ``--to kpi_pdf`` use the exporters; a build calls
:func:`render_html` and :func:`render_pdf`. The HTML is one file that asks the network for nothing. The PDF is set by
Typst, whose templates read one JSON document. No text of a notebook, a name or a commentary is ever read as markup.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import count
from typing import Any

import typst
from jinja2 import Environment, FileSystemLoader, Template
from markupsafe import Markup, escape
from nbconvert.exporters.exporter import Exporter
from nbformat import NotebookNode
from traitlets import Enum, Unicode

from helpers.display.blocks import MARKS
from helpers.display.data_page import FEEDS
from helpers.display.formats import NOTHING
from helpers.display.sentences import REASONS
from helpers.display.sparkline import data_url, series_svg
from helpers.language import IN_TYPST, _, page_language, plural, speaking
from helpers.pack.appearance import (
    MONO,
    TEMPLATES,
    colours_of,
    families,
    font_faces,
    typst_fonts,
    uncovered,
    upright_only,
)
from helpers.pack.inline_svg import inline_svg
from helpers.pack.notebook_content import as_svg, parts_of, slug, tables_of, title_of
from helpers.pack.pages import VERDICTS, Pages
from helpers.pack.rich_text import Part, plain_text
from helpers.texts import printable, width

SIGN_BEFORE_CURRENCY = re.compile("([+−])(?=[^\\w\\s.,:;()])")
LONG, PIECE = 25, 12  # characters: words so long may be broken into such pieces, as look.typ does
EAST = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff"  # signs of Chinese, Japanese and Korean
# What a line must have room for: a few signs with the mark that closes them, or what stands between such signs.
RUN = re.compile(f"[{EAST}]{{1,4}}[、。，．；：！？）》」』】]*|[^{EAST}]+")
MISSING = "\ufffd"
SERIES = "0" * 8  # as wide as a series is drawn
EXPORT = re.compile(r"exports/[\w.-]+\.csv")
LONG_PARTS = {"chart", "table", "figure", "text"}  # what a page folds

Content = Mapping[str, Any]  # what helpers.pack.pages.page_content gives


class UnprintableWarning(UserWarning):
    """Something of a pack that its PDF cannot show; the HTML does."""


class NotebookExporter(Exporter):
    """One executed notebook without its code."""

    locale = Unicode("en_GB", help="Locale of numbers where no table names one.").tag(config=True)

    def from_notebook_node(
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **more: Any
    ) -> tuple[Any, dict[str, Any]]:
        """The notebook as a page or a document of its own."""
        notebook, found = super().from_notebook_node(nb, resources)
        name = found["metadata"]["name"]
        title = title_of(notebook) or name
        locale = next((table["locale"] for table in tables_of(notebook) if "locale" in table), self.locale)
        with speaking("en", locale=locale):
            parts = parts_of(notebook, theme=name, title=title)
            return self._written({"title": title, "parts": parts}), found

    def _written(self, shown: dict[str, Any]) -> Any:
        raise NotImplementedError


class HtmlExporter(NotebookExporter):
    """One executed notebook as an HTML page."""

    export_from_notebook = "KPI review page (HTML)"
    output_mimetype = "text/html"
    file_extension = Unicode(".html")

    def _written(self, shown: dict[str, Any]) -> str:
        return _page("notebook.html.j2", colour=Pages.colour, **shown)


class PdfExporter(NotebookExporter):
    """One executed notebook as PDF."""

    export_from_notebook = "KPI review page (PDF)"
    output_mimetype = "application/pdf"
    file_extension = Unicode(".pdf")
    paper = Enum(["a4", "letter"], default_value="a4", help="Paper size.").tag(config=True)

    def _written(self, shown: dict[str, Any]) -> bytes:
        return _typeset("notebook.typ", {**shown, "author": "", "paper": self.paper}, colour=Pages.colour)


# --- HTML -------------------------------------------------------------------------------------------------------------


def render_html(content: Content) -> str:
    """The pack as one HTML file."""
    titles = {section["theme"]: section["title"] for section in content["sections"]}
    sections = [{**section, **_folded(section["parts"])} for section in content["sections"]]
    shown = {**content, "sections": sections, "titles": titles}
    return _page("pack.html.j2", colour=content["view"]["colour"], **shown)


def _folded(parts: Sequence[Part]) -> dict[str, Any]:
    """The parts of a section in two: ``lead`` is seen at once; each of ``folds`` opens under its title.

    The lead ends with the first figures, or where the second heading stands, one below the first, a chart or a table.
    What follows no heading of its own folds one by one.
    """
    lead: list[Part] = []
    folds: list[dict[str, Any]] = []
    for part in parts:
        level = part["level"] if part["type"] == "heading" else 0
        begun_at = next((i for i, each in enumerate(lead) if each["type"] == "heading"), None)
        is_over = bool(lead) and lead[-1]["type"] == "blocks"
        if level != 2 and folds and (folds[-1]["id"] or part["type"] not in LONG_PARTS):
            folds[-1]["parts"].append(part)
        elif level > 2 and begun_at is not None and not is_over:  # what has headings below its own folds whole
            folds.append(_fold(lead[begun_at], [*lead[begun_at + 1 :], part]))
            del lead[begun_at:]
        elif part["type"] in LONG_PARTS and lead and lead[-1]["type"] == "heading":
            folds.append(_fold(lead.pop(), [part]))
        elif part["type"] in LONG_PARTS or is_over or level > 2 or (level == 2 and (folds or begun_at is not None)):
            folds.append(_fold(part, [] if level else [part]))
        else:
            lead.append(part)
    return {"lead": lead, "folds": folds}


def _fold(named: Part, parts: list[Part]) -> dict[str, Any]:
    """Parts that open under the name of a heading, of a chart or of a table."""
    title = named.get("text") if named["type"] == "heading" else named.get("title")
    return {"title": title or _("What these figures are"), "id": named.get("id"), "parts": parts}


def _with_charts_inline(shown: Any, numbers: Iterator[int]) -> Any:
    """What a page shows, each chart also as an element of the page: ``inline``, empty where it stays a picture."""
    if isinstance(shown, list | tuple):
        return [_with_charts_inline(each, numbers) for each in shown]
    if type(shown) is not dict:
        return shown
    found = {key: _with_charts_inline(each, numbers) for key, each in shown.items()}
    if found.get("svg") and "sentence" in found:
        found["inline"] = inline_svg(found["svg"], alt=found["alt"], prefix=f"c{next(numbers)}-")
    return found


def render_report(title: str, subtitle: str, told: Sequence[Mapping[str, Any]], *, colour: str) -> str:
    """What a command tells (:func:`helpers.display.shown_tables.print_report`) as one HTML file."""
    shown = printable({"title": title, "subtitle": subtitle, "told": told})
    return _page("report.html.j2", colour=colour, **shown)


def _page(template: str, *, colour: str, **shown: Any) -> str:
    """A whole page, with its typeface, colours, one script, and the policy that lets in no other."""
    style, script = ((TEMPLATES / "html" / name).read_text(encoding="utf-8") for name in ("pack.css", "pack.js"))
    frame = {
        "lang": page_language(), "style": Markup(style), "script": Markup(script), "policy": _policy(script),
        "colour": colours_of(colour),
    }  # fmt: skip
    page = named_template(template).render(_with_charts_inline(shown, count(1)) | frame)
    return page.replace("<style>", f"<style>\n{font_faces(page)}", 1)


def named_template(name: str) -> Template:
    """A template of ``templates/html``; whatever it prints is escaped."""
    return _templates().get_template(name)


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES / "html"),
        autoescape=True,  # names and texts of a notebook are not to be trusted
        finalize=unbroken,
    )
    environment.globals |= {"marks": MARKS, "verdicts": VERDICTS, "missing": list(REASONS), "_": _, "plural": plural}
    environment.filters |= {"slug": slug, "svg": svg_address, "image": image_address, "sort_key": sort_key}
    environment.filters |= {"series": series_svg, "with_files": with_files}
    return environment


def unbroken(shown: Any) -> Any:
    """Whatever a template prints, with no line break between a sign and the currency after it; addresses stay.

    >>> unbroken("down −€5,000").split("\u2060")
    ['down −', '€5,000']
    """
    plain = isinstance(shown, str) and not isinstance(shown, Markup)
    return SIGN_BEFORE_CURRENCY.sub("\\1\u2060", shown) if plain else shown


def with_files(text: str, export: str = "") -> Markup:
    """A sentence in which the workbook and a list's own file are links to them.

    >>> with_files("2 of 9 shown; all in exports/lost.csv.", "exports/lost.csv")
    Markup('2 of 9 shown; all in <a href="exports/lost.csv">exports/lost.csv</a>.')
    """
    addresses = {_("workbook"): "figures.xlsx"} | ({export: export} if EXPORT.fullmatch(export) else {})
    found = escape(text)
    for words, address in addresses.items():
        found = found.replace(words, Markup('<a href="{}">{}</a>').format(address, words))
    return found


def svg_address(svg: str) -> str:
    """An SVG as the address of an ``img``: in there no script of it runs and no link of it is followed."""
    return Markup(data_url(svg))


def image_address(figure: Part) -> str:
    """A figure part as the address of an ``img``."""
    if figure["format"] == "svg":
        return svg_address(figure["data"])
    return Markup("data:image/{};base64,{}").format(figure["format"], "".join(figure["data"].split()))


def sort_key(value: Any) -> str:
    """What a table cell sorts by; nothing sorts last.

    >>> sort_key(12.5), sort_key(None), sort_key("–")
    ('12.5', '', '')
    """
    return "" if value is None or value == "–" else str(value)


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


# --- PDF --------------------------------------------------------------------------------------------------------------


def render_pdf(content: Content) -> bytes:
    """The pack as PDF; the same inputs give the same bytes.

    Warns:
        UnprintableWarning: no font has a character, or a picture cannot be drawn; a sign or a note stands for it.
    """
    view = content["view"]
    blocks = [it for section in content["sections"] for part in section["parts"] for it in part.get("blocks", ())]
    on_paper = {it["kpi_id"] for it in (*blocks, *(row for group in view["scorecard"] for row in group["rows"]))}
    # the HTML defines other KPIs too; and there is no SQL here: what folds out has no place on paper
    definitions = [{**told, "sql": ""} for told in view["definitions"] if on_paper & set(told["kpi_ids"])]
    sections = content["sections"]
    if view["brief"]:  # of each section the parts that are marked so, if it has any
        sections = [
            {**it, "parts": [part for part in it["parts"] if part.get("brief")] or it["parts"]} for it in sections
        ]
    view = {**view, "definitions": definitions, "shared_sql": ""}
    shown = {**content, "view": view, "sections": sections}
    shown |= {"feeds": _(FEEDS), "paper": view["paper"], "author": view["company"]}
    return _typeset("brief.typ" if view["brief"] else "pack.typ", shown, colour=view["colour"])


def _typeset(template: str, shown: Mapping[str, Any], *, colour: str) -> bytes:
    look = {
        "lang": page_language(),
        "colour": colours_of(colour),
        "fonts": families(),
        "mono": MONO,
        "marks": MARKS,
        "missing": list(REASONS),
        "said": _said_by_templates(),
    }
    text = json.dumps({**_for_print(shown), **look}, ensure_ascii=False, default=str)
    text = _with_known_glyphs(text)
    compiler = typst.Compiler(
        TEMPLATES / "pdf" / template,
        root=TEMPLATES / "pdf",
        font_paths=typst_fonts(),
        sys_inputs={"document": text, "upright": upright_only(text)},
    )
    return compiler.compile(format="pdf", pdf_standards=["ua-1"])  # type: ignore[return-value]


def _said_by_templates() -> dict[str, str]:
    """What the Typst templates say, in the language in force."""
    texts = (text for path in (TEMPLATES / "pdf").glob("*.typ") for text in IN_TYPST.findall(path.read_text("utf-8")))
    return {text: _(text) for text in texts if _(text) != text}


def _with_known_glyphs(text: str) -> str:
    """The text with a sign in place of every character that no font has: the PDF standard takes no missing glyph."""
    missing = uncovered(text)
    if not missing:
        return text
    warnings.warn(
        f"No font here has {' '.join(missing)}: the PDF shows {MISSING} instead; installing Noto fonts helps.",
        UnprintableWarning,
        stacklevel=4,
    )
    return text.translate(dict.fromkeys(map(ord, missing), MISSING))


def _for_print(value: Any) -> Any:
    """The document with what only the PDF needs: pictures as SVG, and what a table's columns must have room for."""
    if isinstance(value, Mapping):
        part = {key: _for_print(item) for key, item in value.items() if key != "values"}
        if part.get("type") == "table" and "rows" in part and "columns" in part:
            return _grouped(_pictured(_with_room(part)))
        if part.get("type") == "table" and "head" in part:  # one of prose
            cells = [[plain_text(cell) for cell in row] for row in (part["head"], *part["rows"])]
            return {**part, "widest": _widest(zip(*cells, strict=True))}
        return _drawn(part) if part.get("type") == "figure" else part
    return [_for_print(item) for item in value] if isinstance(value, list | tuple) else value


def _with_room(table: Part) -> Part:
    """A table with what its columns must have room for."""
    columns = []
    for i, column in enumerate(table["columns"]):
        texts = [SERIES if column.get("series") else row[i] for row in table["rows"]]
        columns.append([column["label"], *texts, *table.get("total", ())[i : i + 1]])
    return {**table, "widest": _widest(columns)}


def _widest(columns: Iterable[Sequence[str]]) -> list[dict[str, list[str]]]:
    """Per column of cells, the heading first: what must have room, what keeps to one line, and the most it can use."""
    widest = []
    for heading, *texts in columns:
        words = [piece for text in (heading, *texts) for word in re.split("[ \n\t]+", text) for piece in _pieces(word)]
        short = [text for text in texts if len(text) <= PIECE and width(text) <= PIECE + 2]
        kept = {"words": words, "short": words + short, "lines": words + texts, "cells": [heading, *texts]}
        # one of the few longest is the widest in print
        widest.append(
            {name: sorted(set(found), key=lambda text: (-width(text), text))[:5] for name, found in kept.items()}
        )
    return widest


def _pictured(table: Part) -> Part:
    """A table with the cells of its series as pictures."""
    drawn = [bool(column.get("series")) for column in table["columns"]]
    rows = [
        [{"svg": series_svg(t), "alt": t} if s and t != NOTHING else t for s, t in zip(drawn, row, strict=True)]
        for row in table["rows"]
    ]
    return {**table, "rows": rows}


def _grouped(table: Part) -> Part:
    """A table without the column that groups its rows, and its texts apart, each where its group begins."""
    if (i := table.get("group")) is None:
        return {**table, "groups": []}
    texts = [row[i] for row in table["rows"]]
    begun = ["" if j and text == texts[j - 1] else text for j, text in enumerate(texts)]
    rows = [_without(row, i) for row in table["rows"]]
    kept = {name: _without(table[name], i) for name in ("columns", "widest", "total") if table.get(name)}
    return {**table, **kept, "rows": rows, "groups": begun}


def _without(values: list[Any], i: int) -> list[Any]:
    return [*values[:i], *values[i + 1 :]]


def _pieces(word: str) -> list[str]:
    """What of a word must stay together: of East Asia a few signs, though they may part anywhere; a number always."""
    return [
        run[i : i + PIECE] if len(run) >= LONG else run
        for run in RUN.findall(word)
        for i in range(0, len(run), PIECE if len(run) >= LONG else len(run))
    ]


def _drawn(figure: Part) -> Part:
    """A figure as SVG, or a note if it cannot be drawn: one bad picture must not cost the whole pack."""
    svg = as_svg(figure)
    page = '#set document(title: "x")\n#image(bytes(sys.inputs.svg), format: "svg", alt: "x")'
    compiler = typst.Compiler(page.encode(), font_paths=typst_fonts(), sys_inputs={"svg": svg})
    try:
        compiler.compile(format="pdf", pdf_standards=["ua-1"])
    except typst.TypstError as error:
        text = _("{name} could not be drawn here; the HTML shows it.").format(name=figure["alt"])
        warnings.warn(f"{text} ({error.message})", UnprintableWarning, stacklevel=5)
        return {"type": "note", "text": text}
    return {"type": "figure", "svg": svg, "alt": figure["alt"]}
