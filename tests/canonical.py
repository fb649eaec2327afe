"""Canonical tables written as text, for tests: the columns' types are those of the specification.

    spine("2026-04-01", deals='''
        deal_id | created_at       | outcome
        D1      | 2026-01-05 10:00 | open
        D2      | 2026-02-01       |
    ''')

An empty cell is a missing value, ``""`` an empty text. Timestamps are local in the test's time zone.
The rows go through ``prepare``.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from helpers.data.prepare import prepare
from helpers.data.prepared import Prepared
from helpers.data.schema import SQL_TYPES, Table
from helpers.data.sources import quoted
from helpers.data.tables import TABLES
from helpers.kpis.rows import run
from helpers.kpis.spine import Spine
from helpers.notebook_parameters import GIVEN, notebook_schema
from helpers.params import Rules, Source
from helpers.periods import DAY, Calendar, Period
from helpers.results import Row

QUERY_TYPES = {**SQL_TYPES, "ts": "timestamp"}


def spine(
    as_of_on: str | date, period: Period | None = None, given: Mapping[str, Any] | None = None, **texts: Any
) -> Spine:
    """The spine of the text tables: ``period`` alone, as known before the local day ``as_of_on``.

    ``given`` are rules and parameters that differ from their defaults; ``periods`` may name more periods than one.
    """
    periods = texts.pop("periods", None)
    found = prepared(as_of_on, period=period, **texts)
    review = period or replace(found.calendar.quarter_of(found.last_day), as_of_on=_day(as_of_on))
    return Spine(found, review, defaults() | dict(given or {}), periods or [review])


def figures(card: Callable[[Spine], list[Row]], spine: Spine) -> list[Row]:
    """The rows of a card for the spine's own period."""
    return [row for row in run(card, spine) if row.period == spine.period]


@lru_cache
def defaults() -> dict[str, Any]:
    """The default of every rule and of every parameter of a notebook."""
    notebooks = Path(__file__).parents[1] / "notebooks"
    schemas = [notebook_schema(path) for path in sorted(notebooks.glob("*.ipynb"))]
    parameters = {name: each.default for schema in schemas for name, each in schema.items() if name not in GIVEN}
    return {**dict(Rules()), **parameters}


def prepared(
    as_of_on: str | date, currency: str = "USD", timezone: str = "UTC", period: Period | None = None, **texts: str
) -> Prepared:
    """The text tables, prepared for ``period`` (the calendar quarter that ends knowledge falls in, if not given)."""
    day = _day(as_of_on)
    period = period or replace(Calendar(timezone).quarter_of(day - DAY), as_of_on=day)
    folder = tempfile.mkdtemp()
    found = prepare(source(currency, timezone, **texts), period, currency=currency, folder=Path(folder))
    weakref.finalize(found, shutil.rmtree, folder)
    return found


def source(currency: str | None = "USD", timezone: str | None = "UTC", **texts: str) -> Source:
    """A source that gives the text tables."""
    queries = {name: query(TABLES[name], text) for name, text in texts.items()}
    return Source(name="text tables", connect="duckdb://", timezone=timezone, currency=currency, tables=queries)


def query(table: Table, text: str) -> str:
    """A text table as a query with typed columns."""
    header, *rows = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    columns = ", ".join(f'cast("{name}" as {QUERY_TYPES[table.column(name).type]}) as "{name}"' for name in header)
    values = ", ".join(f"({', '.join(map(_literal, row))})" for row in rows)
    empty = f"({', '.join(['null'] * len(header))})"
    names = ", ".join(f'"{name}"' for name in header)
    return f"select {columns} from (values {values or empty}) as t({names}){'' if rows else ' where false'}"


def _literal(cell: str) -> str:
    return quoted(cell.replace('""', "")) if cell else "null"


def _day(day: str | date) -> date:
    return date.fromisoformat(day) if isinstance(day, str) else day
