"""Executed notebooks as PDF/UA-1, set by Typst: one notebook alone, or a whole pack.

The templates in ``templates/pdf`` read one JSON document of parts, so that no text of a notebook, a name or a
commentary is ever read as markup. ``jupyter nbconvert --to kpi_pdf executed.ipynb`` uses :class:`PdfExporter`;
a build calls :func:`render_pdf`.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typst
from nbconvert.exporters.exporter import Exporter
from nbformat import NotebookNode
from traitlets import Enum, Unicode

from helpers.display.blocks import MARKS
from helpers.display.formats import NOTHING
from helpers.display.sentences import REASONS
from helpers.display.sparkline import series_svg
from helpers.pack import colours, fonts
from helpers.pack.document import document
from helpers.pack.images import as_svg
from helpers.pack.parts import parts_of, title_of
from helpers.pack.view import VERDICTS, PackView, Part, Section

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "pdf"
LONG, PIECE = 25, 12  # characters: words so long may be broken into such pieces, as look.typ does
MISSING = "\ufffd"
SERIES = "0" * 8  # as wide as a series is drawn


class UnprintableWarning(UserWarning):
    """Something of a pack that its PDF cannot show; the HTML does."""


class PdfExporter(Exporter):
    """One executed notebook as PDF, without its code."""

    export_from_notebook = "KPI review page (PDF)"
    output_mimetype = "application/pdf"
    file_extension = Unicode(".pdf")
    locale = Unicode("en_GB", help="Locale of numbers in tables that name none.").tag(config=True)
    paper = Enum(["a4", "letter"], default_value="a4", help="Paper size.").tag(config=True)

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **more: Any
    ) -> tuple[bytes, dict[str, Any]]:
        """The notebook as a document of its own."""
        notebook, found = super().from_notebook_node(nb, resources, **more)
        name = found["metadata"]["name"]
        title = title_of(notebook) or name
        parts = parts_of(notebook, theme=name, title=title, locale=self.locale)
        shown = {"title": title, "author": "", "lang": "en", "paper": self.paper, "parts": parts}
        return _typeset("notebook.typ", shown, colour=PackView.colour), found


def render_pdf(view: PackView, sections: Sequence[Section]) -> bytes:
    """The pack as PDF; the same inputs give the same bytes.

    Warns:
        UnprintableWarning: no font has a character, or a picture cannot be drawn; a sign or a note stands for it.
    """
    shown = document(view, sections)
    for section, told in zip(sections, shown["sections"], strict=True):
        told["parts"] = [] if section.failure else _parts(section, view)
    shown["figures"] = [figure for told in shown["sections"] for figure in _figures_behind(told)]
    shown |= {"lang": view.lang, "paper": view.paper, "author": view.company}
    day = view.as_of_on
    template = "brief.typ" if view.brief else "pack.typ"
    return _typeset(template, {**shown, "date": [day.year, day.month, day.day]}, colour=view.colour)


def _parts(section: Section, view: PackView) -> list[Part]:
    return parts_of(section.notebook, theme=section.theme, title=section.title, locale=view.locale, brief=view.brief)


def _figures_behind(section: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The tables of a section's charts, for the appendix; each chart is told where its own stands."""
    charts = [part for part in section["parts"] if part["type"] == "chart"]
    for number, chart in enumerate(charts, start=1):
        chart["figures"] = f"{section['theme']}.figures.{number}"
        title = f"{section['title']}: {chart['title']}"
        yield {"id": chart["figures"], "table": {**chart["table"], "title": title}}


def _typeset(template: str, shown: Mapping[str, Any], *, colour: str) -> bytes:
    look = {
        "colour": colours.look(colour),
        "fonts": fonts.families(),
        "mono": fonts.MONO,
        "marks": MARKS,
        "verdicts": VERDICTS,
        "missing": list(REASONS),
    }
    text = json.dumps({**_for_print(shown), **look}, ensure_ascii=False, default=str)
    text = _with_known_glyphs(text)
    compiler = typst.Compiler(
        TEMPLATES / template,
        root=TEMPLATES,
        font_paths=fonts.typst_fonts(),
        sys_inputs={"document": text, "upright": fonts.upright_only(text)},
    )
    return compiler.compile(format="pdf", pdf_standards=["ua-1"])  # type: ignore[return-value]


def _with_known_glyphs(text: str) -> str:
    """The text with a sign in place of every character that no font has: the PDF standard takes no missing glyph."""
    missing = fonts.uncovered(text)
    if missing:
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
        return _drawn(part) if part.get("type") == "figure" else part
    return [_for_print(item) for item in value] if isinstance(value, list | tuple) else value


def _with_room(table: Part) -> Part:
    """A table with, per column, what it must have room for, what it keeps on one line, and the most it can use."""
    widest = []
    for i, column in enumerate(table["columns"]):
        cells = [column["label"], *(SERIES if column.get("series") else row[i] for row in table["rows"])]
        words = [piece for text in cells for word in re.split("[ \n\t]+", text) for piece in _pieces(word)]
        short = [text for text in cells[1:] if len(text) <= PIECE]
        lines = words + cells[1:]
        kept = {"words": words, "short": words + short, "lines": lines, "cells": cells}
        widest.append({name: _longest(texts) for name, texts in kept.items()})
    return {**table, "widest": widest}


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
    kept = {name: _without(table[name], i) for name in ("columns", "widest")}
    return {**table, **kept, "rows": rows, "groups": begun}


def _without(values: list[Any], i: int) -> list[Any]:
    return [*values[:i], *values[i + 1 :]]


def _pieces(word: str) -> list[str]:
    return [word] if len(word) < LONG else [word[i : i + PIECE] for i in range(0, len(word), PIECE)]


def _longest(texts: list[str]) -> list[str]:
    """The few longest texts, one of which is the widest in print."""
    return sorted(set(texts), key=lambda text: (-len(text), text))[:5]


def _drawn(figure: Part) -> Part:
    """A figure as SVG, or a note if it cannot be drawn: one bad picture must not cost the whole pack."""
    svg = as_svg(figure)
    page = '#set document(title: "x")\n#image(bytes(sys.inputs.svg), format: "svg", alt: "x")'
    compiler = typst.Compiler(page.encode(), font_paths=fonts.typst_fonts(), sys_inputs={"svg": svg})
    try:
        compiler.compile(format="pdf", pdf_standards=["ua-1"])
    except typst.TypstError as error:
        text = f"{figure['alt']} could not be drawn here; the HTML shows it."
        warnings.warn(f"{text} ({error.message})", UnprintableWarning, stacklevel=5)
        return {"type": "note", "text": text}
    return {"type": "figure", "svg": svg, "alt": figure["alt"]}
