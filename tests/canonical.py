"""Canonical tables written as text, for tests: the columns' types are those of the specification.

    tables("2026-04-01", deals='''
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
from dataclasses import replace
from datetime import date
from pathlib import Path

from helpers.data.engines import quoted
from helpers.data.known import Prepared, Tables
from helpers.data.prepare import prepare
from helpers.data.schema import SQL_TYPES, Table
from helpers.data.tables import TABLES
from helpers.params import Source
from helpers.periods import DAY, Calendar, Period

QUERY_TYPES = {**SQL_TYPES, "ts": "timestamp"}


def tables(
    as_of_on: str | date, currency: str = "USD", timezone: str = "UTC", period: Period | None = None, **texts: str
) -> Tables:
    """The text tables as known before the local day ``as_of_on``."""
    as_of_on = _day(as_of_on)
    return prepared(as_of_on, currency, timezone, period, **texts).known(as_of_on)


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
