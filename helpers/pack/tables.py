"""Tables as parts: of Table Schema resources, of the pack itself, and of an analyst's HTML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from helpers.display.tables import table_from_resource
from helpers.pack.view import Part

if TYPE_CHECKING:
    from bs4 import Tag

NUMBER = re.compile(r"[+\-−]?[^\w\s]?\s?\d[\d.,'\s]*\s?[^\w\s]?")


def table(
    title: str,
    columns: Sequence[str | tuple[str, str]],
    rows: Iterable[Sequence[Any]],
    *,
    note: str = "",
    empty: str = "No rows.",
) -> Part:
    """A table part of texts ready to be shown, typed values beside them; a column is its label, or (label, "right").

    >>> table("Sources", ["Table", ("Rows", "right")], [["deals", "1,204"]])["columns"][1]
    {'label': 'Rows', 'align': 'right'}
    """
    values = [list(row) for row in rows]
    pairs = [(column, "left") if isinstance(column, str) else column for column in columns]
    texts = [[str(value) for value in row] for row in values]
    return {
        "type": "table",
        "title": title,
        "columns": [{"label": label, "align": align} for label, align in pairs],
        "rows": texts,
        "values": values,
        "note": note,
        "empty": "" if texts else empty,
    }


def resource_table(resource: Mapping[str, Any], locale: str) -> Part:
    """The table part of a Table Schema resource: values formatted by their units."""
    return {"type": "table", **table_from_resource(resource, locale)}


def html_table(element: Tag) -> Part:
    """The table part of an HTML table: spans filled in, several header rows joined, numbers to the right."""
    caption = element.caption.get_text(" ", strip=True) if element.caption else ""
    rows = [row for row in element.find_all("tr") if row.find_parent("table") is element]
    heads = [row for row in rows if row.find_parent("thead") or not row.find("td")]
    grid = _grid(rows)
    head = [grid[rows.index(row)] for row in heads]
    body = [line for row, line in zip(rows, grid, strict=True) if row not in heads]
    labels = [" · ".join(dict.fromkeys(filter(None, texts))) for texts in zip(*head, strict=True)]
    if not labels:
        labels = [""] * max(map(len, body), default=0)
    columns = [(label, _align([line[i] for line in body])) for i, label in enumerate(labels)]
    return table(caption, columns, body)


def _grid(rows: Sequence[Tag]) -> list[list[str]]:
    """The texts of a table's cells as a full rectangle."""
    cells: dict[tuple[int, int], str] = {}
    for y, row in enumerate(rows):
        x = 0
        for cell in row.find_all(["td", "th"], recursive=False):
            while (y, x) in cells:
                x += 1
            text = cell.get_text(" ", strip=True)
            for down in range(min(_span(cell, "rowspan"), len(rows) - y)):
                cells.update({(y + down, x + right): text for right in range(_span(cell, "colspan"))})
    width = max((x for _, x in cells), default=-1) + 1
    return [[cells.get((y, x), "") for x in range(width)] for y in range(len(rows))]


def _span(cell: Tag, name: str) -> int:
    """A span as HTML reads it: what is no number is one, and none is longer than a page could show."""
    digits = str(cell.get(name, "1")).strip()
    return min(max(int(digits), 1), 1000) if digits.isdecimal() else 1


def _align(texts: Sequence[str]) -> str:
    given = [text for text in texts if text not in ("", "–", "NaN", "None", "NaT", "...")]
    return "right" if given and all(NUMBER.fullmatch(text) for text in given) else "left"
