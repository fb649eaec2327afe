"""The tables of a pack as grids of cells: what each sheet of the workbook holds, in which order.

Where a page shows the first rows of a table, or a chart, the grid has every row of the table behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
from nbformat import NotebookNode

from helpers.catalogue import kpi
from helpers.display.context import MIME_TABLE, Results
from helpers.display.tables import heading, visible_fields
from helpers.pack.cells import COUNT, EMPTY, Cell, cell, column
from helpers.pack.definitions import Definition
from helpers.pack.parts import HIDDEN, KIT, output_parts
from helpers.pack.view import Part, Section
from helpers.results import COLUMNS

KEY_FIGURES = (
    "KPI", "Period", "Value", "Unit", "n", "95% from", "to", "Period before", "Year before", "Target", "Met or missed",
    "Status", "kpi_id", "To know",
)  # fmt: skip
VALUES = ("value", "ci_low", "ci_high")  # the columns of results that have the KPI's unit
DEFINITIONS = ("kpi_id", "KPI", "Unit", "Good is", "What it says", "Definition", "Source")
AS_TEXT = "Its cells are text: a table of HTML does not say what is a number."


@dataclass(frozen=True)
class Grid:
    """One table: its title, headings and rows, the sentences under its title, and the sentence that stands for no rows.

    ``name`` is the name that formulas and pivot tables may call it by, if it has one of its own. In a ``wrapped`` grid
    long texts are broken into lines.
    """

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()
    empty: str = "No rows."
    name: str = ""
    wrapped: bool = False


def theme_grids(section: Section, results: Results) -> list[Grid]:
    """Everything that a section shows as figures: its KPIs, then its tables and the tables of its charts, in order."""
    told = [block for shown in _outputs(section.notebook, f"{KIT}.blocks+json") for block in shown["blocks"]]
    once = {block["kpi_id"]: block for block in told}
    key = [key_figures(f"Key figures, {results.period.label}", list(once.values()), results)] if once else []
    return key + list(_notebook_grids(section, results.context.locale))


def key_figures(title: str, told: Sequence[Mapping[str, str]], results: Results) -> Grid:
    """KPIs with their values of now and before; ``told`` holds what the pages say of each (``blocks.figures``)."""
    return Grid(title, KEY_FIGURES, [_key_figure(block, results) for block in told])


def resource_grid(resource: Mapping[str, Any], *, title: str = "", sentence: str = "") -> Grid:
    """A Table Schema resource, every row of it."""
    fields = visible_fields(resource)
    style = {"currency": resource.get("currency", ""), "locale": resource.get("locale", "en_GB")}
    columns = [column((row.get(field["name"]) for row in resource["data"]), field, style) for field in fields]
    return Grid(
        title=title or resource.get("title", ""),
        headings=[heading(field) for field in fields],
        rows=list(zip(*columns, strict=True)),
        notes=[note for note in (sentence, resource.get("note", "")) if note],
        empty=resource.get("empty") or Grid.empty,
        name=PurePosixPath(resource.get("export") or "").stem,
    )


def part_grid(part: Part, *notes: str) -> Grid:
    """A table of the pack's own pages, or of an analyst's HTML."""
    rows = [[cell(value) for value in row] for row in part["values"]]
    told = [note for note in (*notes, part["note"]) if note]
    return Grid(part["title"], [told["label"] for told in part["columns"]], rows, told, part["empty"])


def definition_grid(definitions: Iterable[Definition]) -> Grid:
    """One row per KPI: what it is called, how it is counted, what it means."""
    rows = [
        [kpi_id, known.label, known.unit, known.direction, told.summary, told.definition, told.source]
        for told in definitions
        for kpi_id in told.kpi_ids
        for known in [kpi(kpi_id)]
    ]
    return Grid("Definitions", DEFINITIONS, [list(map(cell, row)) for row in rows], name="definitions", wrapped=True)


def results_grid(results: Results) -> Grid:
    """The long results table: one row per KPI, segment and period, each number with the format of its KPI's unit."""
    fields, style = [_result_field(name) for name in COLUMNS], results.context.style
    frame = results.frame.assign(as_of=_local(results.frame["as_of"], results.period.calendar.timezone))
    columns = {field["name"]: column(frame[field["name"]], field, style) for field in fields}
    values = zip(frame["unit"], *(frame[name] for name in VALUES), strict=True)
    rows = [column(numbers, {"unit": unit}, style) for unit, *numbers in values]
    columns |= {name: [row[i] for row in rows] for i, name in enumerate(VALUES)}
    return Grid("Results", COLUMNS, list(zip(*columns.values(), strict=True)), name="results")


def _local(instants: pd.Series, timezone: str) -> pd.Series:
    """Instants as the clocks of a time zone show them."""
    zone = ZoneInfo(timezone)
    return instants.map({text: datetime.fromisoformat(text).astimezone(zone).isoformat() for text in instants.unique()})


def _result_field(name: str) -> dict[str, str]:
    types = {"period_start": "date", "period_end": "date", "as_of": "datetime"}
    units = {"n": "count", "ci_level": "share"}
    return {"name": name, "type": types.get(name, ""), "unit": units.get(name, "")}


def _key_figure(told: Mapping[str, str], results: Results) -> list[Cell]:
    row, known = results.shown(told["kpi_id"]), kpi(told["kpi_id"])
    sentences = [told.get(key, "") for key in ("verdict_words", "reason", "cautions")]
    known_by = [told["status"], known.kpi_id, ". ".join(text.rstrip(".") for text in sentences if text)]
    if row is None:
        return [cell(known.label), *[EMPTY] * 10, *map(cell, known_by)]
    before, year_before = (_value(found) for found in (results.before(row), results.year_before(row)))
    numbers = [row["value"], row["ci_low"], row["ci_high"], before, year_before, results.target(known.kpi_id)]
    value, *beside = column(numbers, {"unit": known.unit}, results.context.style)
    return [
        cell(known.label), cell(row["period"]), value, cell(known.unit.replace("_", " ")), cell(row["n"], COUNT),
        *beside, cell(told.get("target_status")), *map(cell, known_by),
    ]  # fmt: skip


def _value(row: pd.Series | None) -> float | None:
    return None if row is None else row["value"]


def _notebook_grids(section: Section, locale: str) -> Iterator[Grid]:
    for number, output in _shown(section.notebook):
        data, where = output["data"], f"{section.title}, cell {number}"
        if chart := data.get(f"{KIT}.chart+json"):
            yield resource_grid(chart["table"], title=chart["title"], sentence=chart["sentence"])
        elif "schema" in data.get(MIME_TABLE, ()):
            resource = {"locale": locale, **data[MIME_TABLE]}
            yield resource_grid(resource, title=resource.get("title") or where)
        else:
            found = [part for part in output_parts(output, where, locale) if part["type"] == "table"]
            yield from (part_grid({**part, "title": part["title"] or where}, AS_TEXT) for part in found)


def _outputs(notebook: NotebookNode, mime: str) -> Iterator[Any]:
    for _, output in _shown(notebook):
        if mime in output["data"]:
            yield output["data"][mime]


def _shown(notebook: NotebookNode) -> Iterator[tuple[int | None, Mapping[str, Any]]]:
    """What the cells that the pack shows have displayed, each with the number of its cell."""
    for found in notebook.cells:
        if found.cell_type == "code" and not HIDDEN & set(found.metadata.get("tags", ())):
            for output in found.outputs:
                if "data" in output:
                    yield found.execution_count, output
