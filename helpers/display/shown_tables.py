"""Tables as they are displayed: typed values for machines, and the same rows in words and figures for readers.

A table travels as a Table Schema resource (the MIME type ``application/vnd.dataresource+json``), in which numbers stay
numbers and dates ISO text. Whatever shows it, HTML, PDF, a terminal or plain text, reads that one resource with
:func:`table_from_resource`. pandas writes such a resource for any DataFrame, so a user's own tables look the same.
"""

from __future__ import annotations

import math
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import IO, Any

import pandas as pd

from helpers.catalogue import TIMES
from helpers.display.context import MIME_TABLE, Context
from helpers.display.formats import NOTHING, Writer, format_day, unit_note
from helpers.language import _, in_figures, locale_in_force, paragraph
from helpers.results import Listing

TYPES = {"text": "string", "series": "string", "date": "date"}
WIDEST = 100  # columns of a terminal
NAME = 24  # of them, what the name of a row has room for at least, and that of a column of numbers at most
GAP = 3  # of them, between two columns
SEEN = 60  # rows of a table in a notebook, which holds all of them as data besides


@dataclass(frozen=True)
class Table:
    """A listing as it is displayed in a review: the data that a theme gives, with the review's currency."""

    listing: Listing
    context: Context

    @property
    def rows(self) -> pd.DataFrame:
        return self.listing.rows

    @property
    def write(self) -> Writer:
        return self.context.write

    def resource(self) -> dict[str, Any]:
        """The typed table: every row, and how many of them the pages show."""
        listing = self.listing
        fields = [
            {
                "name": name, "type": TYPES.get(column.unit, "number"), "title": column.label, "unit": column.unit,
                "on_pages": column.on_pages,
            }
            for name, column in listing.columns.items()
        ]  # fmt: skip
        columns = {name: _typed(listing.rows[name], column.unit) for name, column in listing.columns.items()}
        return {
            "title": listing.caption,
            "schema": {"fields": fields},
            "data": [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)],
            "note": listing.note,
            "export": f"exports/{listing.export.removesuffix('.csv')}.csv" if listing.export else "",
            "top": listing.top,
            "group": listing.group,
            "total": list(listing.total),
            "on_pages": listing.on_pages,
            "pages": listing.pages,
            "empty": listing.when_empty,
            "currency": self.context.currency,
            "locale": locale_in_force(),
        }

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        resource = self.resource()
        shown = seen(resource)
        return {MIME_TABLE: resource, "text/html": table_html(shown), "text/plain": table_text(shown)}


def seen(resource: Mapping[str, Any]) -> dict[str, Any]:
    """What a notebook shows of a resource: its first rows, and how many there are."""
    return table_from_resource({**resource, "top": min(resource["top"] or SEEN, SEEN)})


def table_from_resource(resource: Mapping[str, Any]) -> dict[str, Any]:
    """What a reader sees of any Table Schema resource, pandas' own included.

    An index that only counts the rows is left out.

    Returns:
        ``title``; ``columns``, each with ``label`` and ``align`` (``left`` or ``right``), what is to be drawn marked as
        ``series``; ``rows`` of display strings and ``values`` of the typed values behind them; ``total``, the display
        strings of one more row, with the sums of some columns, or none; ``group``, the number of the column that groups
        the rows, or None; ``note``; ``export``, the file that holds every row; ``empty``, the sentence that stands for
        no rows.
    """
    fields, data = [f for f in visible_fields(resource) if f.get("on_pages", True)], resource["data"]
    top = resource.get("top") or len(data)
    write = Writer(resource.get("currency", ""))
    values = [[row.get(field["name"]) for row in data[:top]] for field in fields]
    texts = [_texts(column, field, write) for column, field in zip(values, fields, strict=True)]
    left_out = ""
    if top < len(data):
        left_out = _("{n} of {of} shown; all in {file}.") if resource.get("export") else _("{n} of {of} shown.")
        n, of = (write.value(count, "count") for count in (top, len(data)))
        left_out = left_out.format(n=n, of=of, file=resource.get("export"))
    return {
        "title": resource.get("title", ""),
        "columns": [_column(field, column) for field, column in zip(fields, values, strict=True)],
        "rows": [list(row) for row in zip(*texts, strict=True)],
        "total": _total(resource, fields, write),
        "values": [list(row) for row in zip(*values, strict=True)],
        "group": next((i for i, f in enumerate(fields) if f["name"] == resource.get("group")), None),
        "note": paragraph(left_out, resource.get("note", "")),
        "export": resource.get("export", ""),
        "empty": "" if data else resource.get("empty") or _("No rows."),
    }


def _total(resource: Mapping[str, Any], fields: Iterable[Mapping[str, Any]], write: Writer) -> list[str]:
    """The sums over all rows, those that no page shows included; none of a single row."""
    data, names, top = resource["data"], resource.get("total", ()), resource.get("top")
    if len(data) < 2 or not any(field["name"] in names for field in fields):
        return []
    words = _("Total")
    if top and top < len(data):
        words = _("Total of {n} rows").format(n=write.value(len(data), "count"))
    texts = []
    for field in fields:
        if (name := field["name"]) in names:
            texts.append(write.value(math.fsum(row[name] for row in data if row[name] is not None), field["unit"]))
        else:
            texts.append("" if name == resource.get("group") else words)
            words = words if name == resource.get("group") else ""
    return texts


def visible_fields(resource: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The fields of a resource that a reader sees: all but an index that only counts the rows."""
    fields, data = list(resource["schema"]["fields"]), resource["data"]
    counts_rows = [row.get("index") for row in data] == list(range(len(data)))
    if resource["schema"].get("primaryKey") == ["index"] and counts_rows:
        return [field for field in fields if field["name"] != "index"]
    return fields


def heading(field: Mapping[str, Any]) -> str:
    """The heading of a column; days, weeks and the like are named where it does not say them, since no cell does."""
    label = str(field.get("title", field["name"]))
    unit = field.get("unit", "")
    is_told = any(note.lower() in label.lower() for note in (unit_note(unit, 1), unit_note(unit)))
    return label if unit not in TIMES or is_told else _(", ").join([label, unit_note(unit)])


# --- from typed values to texts ---------------------------------------------------------------------------------------


def _typed(values: pd.Series, unit: str) -> list[Any]:
    """Column values as JSON holds them: numbers, ISO dates, text; what is missing is null."""
    if unit == "date":
        return [None if pd.isna(v) else v if isinstance(v, str) else v.isoformat()[:10] for v in values]
    if unit in ("text", "series"):
        return [None if pd.isna(v) else str(v) for v in values]
    numbers = [None if pd.isna(v) or math.isinf(v) else float(v) for v in values]
    return [int(v) if unit == "count" and v is not None and v.is_integer() else v for v in numbers]


def _column(field: Mapping[str, Any], values: Iterable[Any]) -> dict[str, Any]:
    """What is said of a column; a series is one if each of its cells can be drawn."""
    align = "right" if field.get("type") in ("integer", "number") else "left"
    drawn = field.get("unit") == "series" and all(v is None or re.fullmatch(r"\d+( \d+)*", str(v)) for v in values)
    looks = {"series": drawn, "code": field.get("code", False)}
    return {"label": heading(field), "align": align, **{look: True for look, is_so in looks.items() if is_so}}


def _texts(values: list[Any], field: Mapping[str, Any], write: Writer) -> list[str]:
    if unit := field.get("unit"):
        return write.column(values, unit)
    if field.get("type") == "boolean":
        return [NOTHING if v is None else _("yes") if v else _("no") for v in values]
    if field.get("type") in ("date", "datetime"):
        return list(map(_moment, values))
    if field.get("type") in ("integer", "number"):
        return _numbers_without_unit(values)
    return [write.value(v, "text") for v in values]


def _moment(value: str | None) -> str:
    """A day, with its time if it has one; instants of a plain DataFrame are shown as they are stored."""
    if value is None:
        return NOTHING
    time = value[11:16]
    return format_day(value) + (f" {time}" if time not in ("", "00:00") else "")


def _numbers_without_unit(values: list[float | None]) -> list[str]:
    """As many decimals as the column needs, at most six."""
    decimals = max((len(f"{v:.6f}".rstrip("0").partition(".")[2]) for v in values if v is not None), default=0)
    pattern = "#,##0." + "0" * decimals if decimals else "#,##0"
    return [NOTHING if v is None else in_figures(v, pattern).replace("-", "−") for v in values]


# --- HTML and plain text ----------------------------------------------------------------------------------------------


def table_html(table: Mapping[str, Any]) -> str:
    """A table of :func:`table_from_resource` as HTML; the first column heads its row."""
    caption = f"<caption>{escape(table['title'])}</caption>" if table["title"] else ""
    note = f'<p class="kpi-note">{escape(table["note"])}</p>' if table["note"] else ""
    if table["empty"]:
        title = f"<strong>{escape(table['title'])}</strong> " if table["title"] else ""
        return f'<div class="kpi-table"><p>{title}{escape(table["empty"])}</p>{note}</div>'
    classes = [' class="num"' if column["align"] == "right" else "" for column in table["columns"]]
    labels = [escape(column["label"]) for column in table["columns"]]
    heads = "".join(f'<th scope="col"{c}>{label}</th>' for c, label in zip(classes, labels, strict=True))
    body = "".join(_row_html(*row, classes) for row in zip(table["rows"], table["values"], strict=True))
    sums = "".join(
        f"<td{c}><strong>{escape(t)}</strong></td>" for c, t in zip(classes, table.get("total", ()), strict=False)
    )
    foot = f"<tfoot><tr>{sums}</tr></tfoot>" if sums else ""
    name = table["title"] or _("Table")
    return (
        f'<div class="kpi-table" role="group" tabindex="0" aria-label="{escape(name)}">'
        f"<table>{caption}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody>{foot}</table></div>{note}"
    )


def _row_html(texts: list[str], values: list[Any], classes: list[str]) -> str:
    cells = []
    for i, (text, value, c) in enumerate(zip(texts, values, classes, strict=True)):
        key = f' data-sort="{escape(str(value))}"' if value is not None and str(value) != text else ""
        tag = "td" if i or c else 'th scope="row"'
        cells.append(f"<{tag}{c}{key}>{escape(text)}</{tag[:2]}>")
    return f"<tr>{''.join(cells)}</tr>"


def table_text(table: Mapping[str, Any]) -> str:
    """A table of :func:`table_from_resource` as plain text."""
    if table["empty"]:
        return (
            _("{name}: {value}").format(name=table["title"], value=table["empty"]) if table["title"] else table["empty"]
        )
    grid = [[column["label"] for column in table["columns"]], *table["rows"], *filter(None, [table.get("total")])]
    widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
    pads = [str.rjust if column["align"] == "right" else str.ljust for column in table["columns"]]
    lines = ["  ".join(pad(t, w) for pad, t, w in zip(pads, row, widths, strict=True)).rstrip() for row in grid]
    return "\n".join(filter(None, [table["title"], *lines, table["note"]]))


# --- what a command tells ---------------------------------------------------------------------------------------------


def print_report(report: Iterable[Mapping[str, Any]], file: IO[str] | None = None) -> None:
    """Print a report: a list of ``{"title", "table"}`` and ``{"title", "sentences"}``.

    Tables fit the width of a terminal; where there is no terminal, they are plain aligned text. What is of ``charts``
    is for pages alone.
    """
    out = file or sys.stdout
    print_table = _print_on_terminal if out.isatty() else _print_as_text
    for part in report:
        if "charts" in part:
            continue
        print(f"\n{part['title']}", file=out)
        if "table" in part:
            print_table(part["table"], out)
        for sentence in part.get("sentences", ()):
            print(f"- {sentence}", file=out)


def _print_as_text(table: Mapping[str, Any], out: IO[str]) -> None:
    print(table["empty"] or table_text({**table, "title": "", "note": ""}), file=out)
    if table["note"]:
        print(table["note"], file=out)


def _print_on_terminal(table: Mapping[str, Any], out: IO[str]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table as TerminalTable
    from rich.text import Text

    console = Console(file=out, highlight=False, soft_wrap=False)
    console.width = min(console.width, WIDEST)
    for part in [] if table["empty"] else _in_parts(table, console.width):
        grid = TerminalTable(box=box.SIMPLE_HEAD, pad_edge=False)
        for i in part:
            column, number = table["columns"][i], table["columns"][i]["align"] == "right"
            look: dict[str, Any] = {"justify": column["align"], "no_wrap": number, "overflow": "fold"}
            grid.add_column(Text(textwrap.fill(column["label"], NAME) if number else column["label"]), **look)
        for row in table["rows"]:
            grid.add_row(*(Text(row[i]) for i in part))
        if total := table.get("total"):
            grid.add_row(*(Text(total[i], style="bold") for i in part))
        console.print(grid)
    if told := table["empty"] or table["note"]:
        console.print(Text(told))


def _in_parts(table: Mapping[str, Any], width: int) -> list[list[int]]:
    """The columns of each grid that a table is printed as: the first column, and as many others as there is room for.

    Numbers are never cut off, so they need their width; texts are broken into lines.
    """
    heads = [textwrap.wrap(column["label"], NAME) for column in table["columns"]]
    cells = [[*head, *(row[i] for row in table["rows"])] for i, head in enumerate(heads)]
    numbers = [column["align"] == "right" for column in table["columns"]]
    rooms = [max(map(len, texts)) + GAP if number else 0 for texts, number in zip(cells, numbers, strict=True)]
    first = rooms[0] or min(max(map(len, cells[0])), NAME)
    parts: list[list[int]] = [[0]]
    for i in range(1, len(rooms)):
        if len(parts[-1]) > 1 and first + sum(rooms[k] for k in [*parts[-1][1:], i]) > width:
            parts.append([0])
        parts[-1].append(i)
    return parts
