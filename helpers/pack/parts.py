"""An executed notebook as parts: what the pack shows of it, ready for the HTML and for the PDF.

Code never becomes a part, nor do cells tagged ``parameters``, ``results`` or ``hide``; of those only an error is shown.
Parts hold plain strings and the trees of ``prose``, no markup of any author.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nbformat import NotebookNode

from helpers.display.context import MIME_TABLE
from helpers.errors import IN_WORDS
from helpers.pack.free_html import html_parts
from helpers.pack.images import is_raster, is_svg
from helpers.pack.prose import prose_parts
from helpers.pack.tables import resource_table
from helpers.pack.view import Part
from helpers.texts import printable

HIDDEN = {"parameters", "injected-parameters", "results", "hide", "papermill-error-cell-tag"}
KIT = "application/vnd.kpi-review"
BRIEF = "brief"  # the tag of cells that a brief pack shows

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
OVERWRITTEN = re.compile(r"[^\n]*\r(?!\n)")
BARE_OBJECT = re.compile(r"\[?<[^<>]* at 0x[0-9a-f]+>.*", re.DOTALL)


def parts_of(
    notebook: NotebookNode, *, theme: str, title: str, locale: str = "en_GB", brief: bool = False
) -> list[Part]:
    """The parts of an executed notebook, its own title apart; ids of headings begin with the theme.

    In ``brief``, of a notebook that has cells tagged so, those alone.
    """
    tagged = [cell for cell in notebook.cells if BRIEF in cell.metadata.get("tags", ())] if brief else []
    parts = [part for cell in tagged or notebook.cells for part in _cell_parts(cell, title, locale)]
    first = next((i for i, part in enumerate(parts) if part["type"] == "heading"), None)
    if first is not None and parts[first]["level"] == 1:
        del parts[first]
    return _with_ids(printable(parts), theme) + _unseen_messages(notebook, theme)


def markdown_parts(text: str, prefix: str) -> list[Part]:
    """A Markdown text beside the notebooks, such as commentary; ids of its headings begin with ``prefix``."""
    return _with_ids(printable(prose_parts(text)), prefix)


def title_of(notebook: NotebookNode) -> str:
    """The notebook's ``# Title``, empty if it has none."""
    found = [p for cell in notebook.cells if cell.cell_type == "markdown" for p in prose_parts(cell.source)]
    return next((part["text"] for part in found if part["type"] == "heading" and part["level"] == 1), "")


def _with_ids(parts: list[Part], prefix: str) -> list[Part]:
    """Headings with ids, below the section's level, none skipped; one without words is none."""
    level, taken = 1, set[str]()
    parts = [part for part in parts if part["type"] != "heading" or part["text"].strip()]
    for part in parts:
        if part["type"] == "heading":
            level = max(2, min(part["level"], level + 1))
            part |= {"level": level, "id": _free_id(f"{prefix}.{slug(part['text']) or 'part'}", taken)}
    return parts


def slug(text: str) -> str:
    """A text as part of an id.

    >>> slug("Where MRR came from")
    'where-mrr-came-from'
    """
    return re.sub(r"\W+", "-", text.lower()).strip("-")


def _free_id(wanted: str, taken: set[str]) -> str:
    found, count = wanted, 1
    while found in taken:
        count += 1
        found = f"{wanted}-{count}"
    taken.add(found)
    return found


def _unseen_messages(notebook: NotebookNode, theme: str) -> list[Part]:
    cells = sum(any(o.get("name") == "stderr" for o in c.get("outputs", ())) for c in notebook.cells)
    where = f"notebooks/{theme}.ipynb"
    text = f"Warnings of {cells} cell{'s' * (cells > 1)} are not shown here; they are in {where}."
    return [{"type": "note", "text": text}] if cells else []


def _cell_parts(cell: NotebookNode, title: str, locale: str) -> list[Part]:
    hidden = bool(HIDDEN & set(cell.metadata.get("tags", ())))
    if cell.cell_type == "markdown":
        return [] if hidden else prose_parts(cell.source)
    parts: list[Part] = []
    for output in _joined(cell.get("outputs", ())):
        if output["output_type"] == "error":
            parts.append(_error(output, cell.execution_count))
        elif not hidden and output["output_type"] == "stream":
            parts += _text(output["text"])
        elif not hidden:
            parts += output_parts(output, f"{title}, cell {cell.execution_count}", locale)
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


def _error(output: Mapping[str, Any], cell: int | None) -> Part:
    words = output["evalue"].strip() or "no message"
    plain = output["ename"] in IN_WORDS
    return {"type": "error", "cell": cell, "message": words if plain else f"{output['ename']}: {words}"}


def output_parts(output: Mapping[str, Any], where: str, locale: str) -> list[Part]:
    """The richest form of an output that both HTML and PDF can show."""
    data = output["data"]
    for mime, read in _READERS.items():
        if mime in data and (parts := read(data[mime], output, where, locale)) is not None:
            return parts
    kinds = ", ".join(sorted(data)) or "nothing"
    return [{"type": "note", "text": f"An output cannot be shown here ({where}: {kinds})."}]


Reader = Callable[[Any, Mapping[str, Any], str, str], list[Part] | None]


def _chart(data: Any, output: Mapping[str, Any], where: str, locale: str) -> list[Part]:
    behind = resource_table(data["table"], locale)
    return [{"type": "chart", **{key: data[key] for key in ("title", "sentence", "alt", "svg")}, "table": behind}]


def _blocks(data: Any, output: Mapping[str, Any], where: str, locale: str) -> list[Part]:
    return [{"type": "blocks", "blocks": data["blocks"]}]


def _note(data: Any, output: Mapping[str, Any], where: str, locale: str) -> list[Part]:
    return [{"type": "note", "text": data["text"]}]


def _table(data: Any, output: Mapping[str, Any], where: str, locale: str) -> list[Part] | None:
    if not ("data" in data and "schema" in data):
        return None
    return [{**resource_table(data, locale), "where": where}] if data.get("on_pages", True) else [_elsewhere(data)]


def _elsewhere(resource: Mapping[str, Any]) -> Part:
    """The sentence that stands for a table which is too long for pages."""
    where = " and ".join(filter(None, ["in the workbook", resource.get("export") and f"in {resource['export']}"]))
    rows = len(resource["data"])
    return {"type": "note", "text": f"{resource['title']}: {rows:,} row{'s' * (rows != 1)}, {where}."}


def _svg(data: str, output: Mapping[str, Any], where: str, locale: str) -> list[Part] | None:
    return _figure("svg", data, output, where) if is_svg(data) else None


def _png(data: str, output: Mapping[str, Any], where: str, locale: str) -> list[Part] | None:
    return _figure("png", data, output, where) if is_raster(data) else None


def _jpeg(data: str, output: Mapping[str, Any], where: str, locale: str) -> list[Part] | None:
    return _figure("jpeg", data, output, where) if is_raster(data) else None


def _figure(form: str, data: str, output: Mapping[str, Any], where: str) -> list[Part]:
    told = [value.get("alt") for value in output.get("metadata", {}).values() if isinstance(value, Mapping)]
    return [{"type": "figure", "format": form, "data": data, "alt": next(filter(None, told), f"Chart in {where}")}]


def _markdown(data: str, output: Mapping[str, Any], where: str, locale: str) -> list[Part]:
    return prose_parts(data)


def _html(data: str, output: Mapping[str, Any], where: str, locale: str) -> list[Part] | None:
    try:
        parts = html_parts(data)
    except RecursionError:  # nested a thousand deep, as no page is
        return None
    return [{**part, "where": where} if part["type"] == "table" else part for part in parts] or None


def _plain(data: str, output: Mapping[str, Any], where: str, locale: str) -> list[Part]:
    """Plain text; the name and address of an object, which a cell's last line leaves behind, says nothing."""
    return [] if BARE_OBJECT.fullmatch(data) else _text(data)


def _text(text: str) -> list[Part]:
    seen = OVERWRITTEN.sub("", ANSI.sub("", text)).rstrip()
    return [{"type": "text", "text": seen}] if seen else []


_READERS: dict[str, Reader] = {
    f"{KIT}.chart+json": _chart,
    f"{KIT}.blocks+json": _blocks,
    f"{KIT}.note+json": _note,
    MIME_TABLE: _table,
    "image/svg+xml": _svg,
    "image/png": _png,
    "image/jpeg": _jpeg,
    "text/markdown": _markdown,
    "text/html": _html,
    "text/plain": _plain,
}
