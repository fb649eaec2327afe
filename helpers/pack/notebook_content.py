"""An executed notebook as parts: what the pack shows of it, ready for the HTML and for the PDF.

Code never becomes a part, nor do cells tagged ``parameters``, ``results`` or ``hide``; of those only an error is shown.
Parts hold plain strings and the trees of ``rich_text``, no markup of any author. A part has a ``type``: heading, prose,
blocks, chart, table, figure, text, note or error; ``brief`` marks those of cells that a brief pack shows.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any
from xml.etree import ElementTree

from nbformat import NotebookNode

from helpers.display.context import MIME_TABLE
from helpers.display.plain_words import plain, plain_cell
from helpers.display.shown_tables import table_from_resource, visible_fields
from helpers.errors import IN_WORDS, KitError
from helpers.language import _, enumerated, in_figures, in_prose, paragraph, plural
from helpers.pack.rich_text import Part, html_parts, markdown_parts
from helpers.pack.run import Executed
from helpers.texts import free_name, printable

HIDDEN = {"parameters", "injected-parameters", "results", "hide", "papermill-error-cell-tag"}
NAMES = {"customer", "owner"}  # columns of names, which stand as they are written
BRIEF = "brief"  # the tag of cells that a brief pack shows
MIME_CHART, MIME_BLOCKS, MIME_NOTE = (f"application/vnd.kpi-review.{kind}+json" for kind in ("chart", "blocks", "note"))

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
OVERWRITTEN = re.compile(r"[^\n]*\r(?!\n)")
BARE_OBJECT = re.compile(r"\[?<[^<>]* at 0x[0-9a-f]+>.*", re.DOTALL)
SIGNATURES = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg"}


def parts_of(notebook: NotebookNode, *, theme: str, title: str) -> list[Part]:
    """The parts of an executed notebook, its own title apart; ids of headings begin with the theme."""
    parts = [
        {**part, "brief": True} if BRIEF in cell.metadata.get("tags", ()) else part
        for cell in notebook.cells
        for part in _cell_parts(cell, title)
    ]
    first = next((i for i, part in enumerate(parts) if part["type"] == "heading"), None)
    if first is not None and parts[first]["level"] == 1:
        del parts[first]
    return _with_ids(_said_once(printable(parts)), theme) + _unseen_messages(notebook, theme)


def commentary_parts(text: str, prefix: str) -> list[Part]:
    """Management's Markdown as parts; ids of its headings begin with ``prefix``."""
    return _with_ids(printable(markdown_parts(text)), prefix)


def title_of(notebook: NotebookNode) -> str:
    """The notebook's ``# Title``, empty if it has none."""
    found = [
        p for cell in notebook.cells if cell.cell_type == "markdown" for p in markdown_parts(in_prose(cell.source))
    ]
    return next((part["text"] for part in found if part["type"] == "heading" and part["level"] == 1), "")


def shown_outputs(notebook: NotebookNode) -> Iterator[tuple[int | None, Mapping[str, Any]]]:
    """What the cells that the pack shows have displayed, each with the number of its cell."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and not HIDDEN & set(cell.metadata.get("tags", ())):
            yield from ((cell.execution_count, output) for output in cell.outputs if "data" in output)


def tables_of(notebook: NotebookNode, tag: str = "") -> Iterator[Mapping[str, Any]]:
    """The Table Schema resources that a notebook displayed, those behind its charts included; or those of one tag."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and (not tag or tag in cell.metadata.get("tags", ())):
            for data in (output.get("data", {}) for output in cell.outputs):
                if MIME_TABLE in data:
                    yield data[MIME_TABLE]
                elif MIME_CHART in data:
                    yield data[MIME_CHART]["table"]


def tables_in(executed: Iterable[Executed], tag: str = "") -> list[Mapping[str, Any]]:
    """The same of all notebooks that did not fail."""
    return [resource for run in executed if not run.failure for resource in tables_of(run.notebook, tag)]


def table_part(resource: Mapping[str, Any]) -> Part:
    """A Table Schema resource as a part: values formatted by their units, its own words as a reader reads them."""
    part = table_from_resource(resource)
    told = {name: plain(part[name]) for name in ("title", "note", "empty")}
    fields = [field for field in visible_fields(resource) if field.get("on_pages", True)]
    as_given = [bool(field.get("code")) or field["name"] in NAMES for field in fields]
    rows = [
        [text if kept else plain_cell(text) for text, kept in zip(row, as_given, strict=True)] for row in part["rows"]
    ]
    return {"type": "table", **part, **told, "rows": rows}


def slug(text: str) -> str:
    """A text as part of an id.

    >>> slug("Where MRR came from")
    'where-mrr-came-from'
    """
    return re.sub(r"\W+", "-", text.lower()).strip("-")


def _said_once(parts: list[Part]) -> list[Part]:
    """Empty tables that follow each other and say the same as one, under the titles of all."""
    kept: list[Part] = []
    for part in parts:
        last = kept[-1] if kept else {}
        same = all(part.get(key) == last.get(key) for key in ("type", "empty", BRIEF))
        if same and part.get("empty"):
            titles = dict.fromkeys([*last["title"].split(" · "), part["title"]])
            kept[-1] = {**last, "title": " · ".join(filter(None, titles))}
        else:
            kept.append(part)
    return kept


def _with_ids(parts: list[Part], prefix: str) -> list[Part]:
    """Headings with ids, below the section's level, none skipped; one without words is none."""
    level, taken = 1, set[str]()
    parts = [part for part in parts if part["type"] != "heading" or part["text"].strip()]
    for part in parts:
        if part["type"] == "heading":
            level = max(2, min(part["level"], level + 1))
            part |= {"level": level, "id": free_name(f"{prefix}.{slug(part['text']) or 'part'}", taken, "-{}")}
    return parts


def _unseen_messages(notebook: NotebookNode, theme: str) -> list[Part]:
    cells = sum(any(o.get("name") == "stderr" for o in c.get("outputs", ())) for c in notebook.cells)
    where = f"notebooks/{theme}.ipynb"
    text = plural(
        "Warnings of {n} cell are not shown here; they are in {file}.",
        "Warnings of {n} cells are not shown here; they are in {file}.",
        cells,
    ).format(n=cells, file=where)
    return [_note(text)] if cells else []


# --- pictures ---------------------------------------------------------------------------------------------------------


def picture(data: bytes, alt: str) -> Part:
    """The figure part of a PNG, JPEG or SVG file.

    Raises:
        KitError: it is none of these.
    """
    for signature, form in SIGNATURES.items():
        if data.startswith(signature):
            return {"type": "figure", "format": form, "data": base64.b64encode(data).decode(), "alt": alt}
    svg = data.decode("utf-8", "replace")
    if not is_svg(svg):
        raise KitError("brand.logo is no picture that the pack can show, must be a PNG, JPEG or SVG file")
    return {"type": "figure", "format": "svg", "data": svg, "alt": alt}


def is_svg(text: str) -> bool:
    """Whether a text is a well-formed SVG document.

    >>> is_svg('<svg xmlns="http://www.w3.org/2000/svg"/>'), is_svg("<svg>")
    (True, False)
    """
    try:
        return ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
    except ElementTree.ParseError:
        return False


def as_svg(figure: Part) -> str:
    """A figure as SVG; pixels become an SVG around them, so that every picture travels as text."""
    from PIL import Image

    if figure["format"] == "svg":
        return str(figure["data"])
    data = "".join(figure["data"].split())
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        width, height = image.size
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
        f'<image href="data:image/{figure["format"]};base64,{data}" width="{width}" height="{height}"/></svg>'
    )


def _is_raster(data: str) -> bool:
    """Whether a base64 text is a picture that can be read."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            image.verify()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return False
    return True


# --- the outputs of a cell --------------------------------------------------------------------------------------------


def _cell_parts(cell: NotebookNode, title: str) -> list[Part]:
    hidden = bool(HIDDEN & set(cell.metadata.get("tags", ())))
    if cell.cell_type == "markdown":
        return [] if hidden else markdown_parts(in_prose(cell.source))
    parts: list[Part] = []
    for output in _joined(cell.get("outputs", ())):
        if output["output_type"] == "error":
            words = output["evalue"].strip() or _("no message")
            told = words if output["ename"] in IN_WORDS else f"{output['ename']}: {words}"
            parts.append({"type": "error", "cell": cell.execution_count, "message": told})
        elif not hidden and output["output_type"] == "stream":
            parts += _text(output["text"])
        elif not hidden:
            parts += output_parts(output, _("{title}, cell {n}").format(title=title, n=cell.execution_count))
    return parts


def _joined(outputs: Any) -> Iterator[Mapping[str, Any]]:
    """Outputs without stderr, printed text that came in pieces in one piece."""
    printed = ""
    for output in outputs:
        if output["output_type"] == "stream":
            printed += output["text"] if output["name"] == "stdout" else ""
            continue
        yield {"output_type": "stream", "text": printed}
        printed = ""
        yield output
    yield {"output_type": "stream", "text": printed}


def output_parts(output: Mapping[str, Any], where: str) -> list[Part]:
    """The richest form of an output that both HTML and PDF can show."""
    data = output["data"]
    for mime, read in _READERS.items():
        if mime in data and (parts := read(data[mime])) is not None:
            return [_placed(part, output, where) for part in parts]
    kinds = enumerated(sorted(data)) or _("nothing")
    return [_note(_("An output cannot be shown here ({place}: {kinds}).").format(place=where, kinds=kinds))]


def _placed(part: Part, output: Mapping[str, Any], where: str) -> Part:
    """A part with the place of its output: a table names it, and a picture that says nothing of itself."""
    if part["type"] == "figure":
        told = [value.get("alt") for value in output.get("metadata", {}).values() if isinstance(value, Mapping)]
        return {**part, "alt": next(filter(None, told), _("Chart in {place}").format(place=where))}
    return {**part, "where": where} if part["type"] == "table" else part


def _note(text: str) -> Part:
    return {"type": "note", "text": text}


def _chart(data: Any) -> list[Part]:
    behind = table_part(data["table"])
    told = {key: plain(data[key]) for key in ("title", "sentence", "alt")}
    return [{"type": "chart", **told, "svg": data["svg"], "table": behind}]


def _blocks(data: Any) -> list[Part]:
    told = ("reason", "cautions", "definition")
    blocks = [{key: plain(text) if key in told else text for key, text in each.items()} for each in data["blocks"]]
    return [{"type": "blocks", "blocks": blocks}]


def _table(data: Any) -> list[Part] | None:
    if not ("data" in data and "schema" in data):
        return None
    return [table_part(data) if data.get("on_pages", True) else _elsewhere(data)]


def _elsewhere(resource: Mapping[str, Any]) -> Part:
    """The sentence that stands for a table which is too long for pages."""
    export, rows = resource.get("export", ""), len(resource["data"])
    if export:
        told = plural(
            "{title}: {n} row, in the workbook and in {file}.",
            "{title}: {n} rows, in the workbook and in {file}.",
            rows,
        )
    else:
        told = plural("{title}: {n} row, in the workbook.", "{title}: {n} rows, in the workbook.", rows)
    text = told.format(title=plain(resource["title"]), n=in_figures(rows), file=export)
    if resource.get("pages"):
        own = _("Each customer has a page of its own in {folder}/.").format(folder=export.removesuffix(".csv"))
        text = paragraph(text, own)
    return {**_note(text), "export": export}


def _figure(data: str, *, form: str) -> list[Part] | None:
    """A picture; what is none is left to the output's other forms."""
    is_picture = is_svg(data) if form == "svg" else _is_raster(data)
    return [{"type": "figure", "format": form, "data": data}] if is_picture else None


def _html(data: str) -> list[Part] | None:
    try:
        return html_parts(data) or None
    except RecursionError:  # nested a thousand deep, as no page is
        return None


def _plain(data: str) -> list[Part]:
    """Plain text; the name and address of an object, which a cell's last line leaves behind, says nothing."""
    return [] if BARE_OBJECT.fullmatch(data) else _text(data)


def _text(text: str) -> list[Part]:
    seen = OVERWRITTEN.sub("", ANSI.sub("", text)).rstrip()
    return [{"type": "text", "text": seen}] if seen else []


_READERS: dict[str, Callable[[Any], list[Part] | None]] = {
    MIME_CHART: _chart,
    MIME_BLOCKS: _blocks,
    MIME_NOTE: lambda data: [_note(plain(data["text"]))],
    MIME_TABLE: _table,
    "image/svg+xml": partial(_figure, form="svg"),
    "image/png": partial(_figure, form="png"),
    "image/jpeg": partial(_figure, form="jpeg"),
    "text/markdown": markdown_parts,
    "text/html": _html,
    "text/plain": _plain,
}
