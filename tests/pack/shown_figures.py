"""Every figure that a finished pack shows under a KPI's name, read from its pages and its workbook.

Nothing here computes a figure: a place names a KPI, a period and maybe a segment, and shows a number or a text.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
from bs4 import BeautifulSoup, Tag

from helpers.catalogue import CATALOGUE
from helpers.display.formats import format_period
from helpers.texts import spoken

KPI_IDS = {each.label: each.kpi_id for each in CATALOGUE.values()}
# Headings that stand for a KPI in the table whose title begins so.
MEANT = {
    ("Records that reached each stage", "Records"): "funnel_reached",
    ("Records that reached each stage", "Of the stage before"): "funnel_step_rate",
    ("Funnel of the records", "Records"): "funnel_reached",
    ("Funnel of the records", "Of the stage before"): "funnel_step_rate",
    ("Sales and marketing by channel", "For each"): "cac_sm",
}
SEGMENTED_BY = {"Source": "source", "Stage": "stage", "Segment": "segment", "Channel": "channel"}
IN_ALL = "All sources"
LABELS = "|".join(re.escape(label) for label in sorted(KPI_IDS, key=len, reverse=True))
QUARTER = re.compile(r"\b\d{4}Q\d\b")


@dataclass(frozen=True)
class Shown:
    """A figure where it is shown. ``value`` is a number where the place holds one, else ``text`` is what it says."""

    where: str
    kpi_id: str
    period: str
    segment_by: str = ""
    segment: str = ""
    value: float | None = None
    text: str = ""


@dataclass(frozen=True)
class Grid:
    """A table: its title, headings, and rows of numbers and texts."""

    where: str
    title: str
    heads: list[str]
    rows: list[list[float | str | None]]


class Pack:
    """What stands on a pack's pages; ``grids`` are the tables of the page and of the workbook, read once."""

    def __init__(self, folder: Path, results: pd.DataFrame) -> None:
        self.page = BeautifulSoup((folder / "pack.html").read_text(encoding="utf-8"), "html.parser")
        self.periods = {format_period(label): label for label in results["period"].unique()}
        self.periods |= {label: label for label in results["period"].unique()}
        self.quarter = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["period"]["label"]
        self.grids = [*self._of_page(), *_of_workbook(folder / "figures.xlsx")]

    def _of_page(self) -> Iterator[Grid]:
        for table in self.page.select("table[data-sortable]"):
            heads = [_text(cell) for cell in table.select("thead th, thead td")]
            rows = [[_cell(cell) for cell in row.find_all(["th", "td"])] for row in table.select("tbody tr")]
            yield Grid("page", _text(table.caption), heads, rows)

    def texts(self, selector: str) -> list[str]:
        """The texts of a kind of place."""
        return [_text(place) for place in self.page.select(selector)]

    def in_tables(self) -> Iterator[Shown]:
        """Figures in tables: rows of periods, segments or KPIs, under the name of a KPI."""
        for grid in self.grids:
            if grid.heads[:3] == ["KPI", "Period", "Value"]:
                yield from self._of_kpis(grid)
            elif grid.heads[0] == "Movement":
                for label, value in ((row[0], row[1]) for row in grid.rows):
                    yield Shown(grid.where, KPI_IDS[str(label)], grid.heads[1], value=_number(value))
            elif all(str(row[0]) in self.periods for row in grid.rows):
                yield from self._over_time(grid)
            elif grid.heads[0] in SEGMENTED_BY:
                yield from self._by_segment(grid)

    def in_blocks(self) -> Iterator[Shown]:
        """Figures in KPI blocks and in the scorecard: what they say, to the last sign."""
        for block in self.page.select(".blocks > li"):
            yield self._told("block", next(block.select_one(".label").stripped_strings), block.select_one(".value"))
        for row in self.page.select("table.scorecard tr:not(.group)"):
            if value := row.select_one("td.value"):
                yield self._told("scorecard", next(iter(row.th.stripped_strings)), value)

    def in_sentences(self) -> Iterator[Shown]:
        """Figures in sentences: "Win rate fell to 24.9% in 2026Q3", "Net new MRR, Sept 2026: €4,020, within"."""
        names = "|".join(re.escape(name) for name in sorted(self.periods, key=len, reverse=True))
        went = re.compile(rf"({LABELS})(?: \(([^()]+)\))?,? (?:rose to|fell to|stayed at) (.+?) in ({names})\b")
        judged = re.compile(rf"({LABELS}), ({names}): (.+?), (?:a signal|within|at its)")
        total = re.compile(rf"({LABELS}) in ({names}): (.+?) in total")
        alone = re.compile(rf"({LABELS})(?: \(([^()]+)\))?,? (?:rose to|fell to|stayed at) (.+)")
        for place in self.page.select("main li"):  # the summary, and what a theme tells in short
            if found := alone.match(_text(place)):
                label, segment, text = found.groups(default="")
                stands_in = re.match(rf"[^,;]+? in ({names})\b", text)
                dimension, _, name = segment.rpartition(": ")
                period = self.periods[stands_in[1]] if stands_in else self.quarter
                yield Shown("sentence", KPI_IDS[label], period, dimension, name, text=text)
        for place in self.page.select("figcaption span"):
            for label, segment, text, period in went.findall(_text(place)):
                dimension, _, name = segment.rpartition(": ")
                yield Shown("sentence", KPI_IDS[label], self.periods[period], dimension, name, text=text)
            for pattern in (judged, total):
                for label, period, text in pattern.findall(_text(place)):
                    yield Shown("sentence", KPI_IDS[label], self.periods[period], text=text)

    def objectives(self) -> dict[str, Shown]:
        """The figure of each objective, by its name."""
        (grid,) = (each for each in self.grids if each.where == "page" and each.title == "Objectives and key results")
        places = [grid.heads.index(name) for name in ("Objective", "Measured by", "Now")]
        told = [[str(row[place]) for place in places] for row in grid.rows]
        return {
            name: Shown("objective", KPI_IDS[label], self.quarter, text=now.split(",")[0])
            for name, label, now in told
            if label in KPI_IDS
        }

    def _told(self, where: str, label: str, value: Tag) -> Shown:
        """What a block or a row of the scorecard shows; the period that stands in for a young one is named."""
        name, _, period = label.rpartition(", ") if label not in KPI_IDS else (label, "", self.quarter)
        number = next(iter(value.stripped_strings)).replace("\u2060", "")
        return Shown(where, KPI_IDS[name], period, text=number.removesuffix(" days"))

    def _of_kpis(self, grid: Grid) -> Iterator[Shown]:
        for label, period, value, *_ in grid.rows:
            yield Shown(grid.where, KPI_IDS[str(label)], str(period), value=_number(value))

    def _over_time(self, grid: Grid) -> Iterator[Shown]:
        """One row per period: columns are KPIs, or the segments of the KPI in the title."""
        by = re.match(rf"({LABELS}) by ([\w ]+),", grid.title)
        for row in grid.rows:
            for head, value in zip(grid.heads[1:], row[1:], strict=True):
                if by and head != "Status":
                    dimension = by[2].replace(" ", "_")
                    yield self._figure(grid, KPI_IDS[by[1]], self.periods[str(row[0])], dimension, head, value)
                elif head in KPI_IDS:
                    yield self._figure(grid, KPI_IDS[head], self.periods[str(row[0])], "", "", value)

    def _by_segment(self, grid: Grid) -> Iterator[Shown]:
        """One row per segment: columns that name a KPI, or stand for one, of the period in the title."""
        period = QUARTER.search(grid.title)
        for place, head in enumerate(grid.heads):
            stands = next(
                (kpi for (title, of), kpi in MEANT.items() if grid.title.startswith(title) and of == head), ""
            )
            if not (kpi_id := stands or KPI_IDS.get(head)):
                continue
            for row in grid.rows:
                name, by = (str(row[0]), SEGMENTED_BY[grid.heads[0]]) if row[0] != IN_ALL else ("", "")
                of = period[0] if period else self.quarter
                yield self._figure(grid, kpi_id, of, by, name, row[place])

    def _figure(self, grid: Grid, kpi_id: str, period: str, by: str, segment: str, value: float | str | None) -> Shown:
        return Shown(grid.where, kpi_id, period, by, segment, value=_number(value))


def named(segment: str) -> str:
    """A segment's name, however a page writes it: "Cross-sell" and "cross sell" are cross_sell."""
    return spoken(segment).replace("-", " ").lower()


def _of_workbook(file: Path) -> Iterator[Grid]:
    book = openpyxl.load_workbook(file)
    for sheet in book.worksheets:
        for area in (table.ref for table in sheet.tables.values()):
            head, *rows = sheet[area]
            title = str(sheet.cell(head[0].row - 2, head[0].column).value)
            values = [[_named(cell) for cell in row] for row in rows]
            yield Grid(f"workbook, {sheet.title}", title, [str(cell.value) for cell in head], values)


def _text(tag: Tag | None) -> str:
    return " ".join(tag.get_text(" ").replace("\u2060", "").split()) if tag else ""


def _cell(tag: Tag) -> float | str | None:
    """The number that a cell sorts by, else its text."""
    kept = str(tag.get("data-value", ""))
    try:
        return float(kept)
    except ValueError:
        return _text(tag)


def _named(cell: Any) -> Any:
    """What a cell of the workbook holds; a month goes by its label."""
    return f"{cell.value:%Y-%m}" if cell.number_format == "mmm yyyy" else cell.value


def _number(value: float | str | None) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
