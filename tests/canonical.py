"""Canonical tables written as text, for tests: the columns' types are those of the specification.

    spine("2026-04-01", deals='''
        deal_id | created_at       | outcome
        D1      | 2026-01-05 10:00 | open
        D2      | 2026-02-01       |
    ''')

An empty cell is a missing value, ``""`` an empty text. Timestamps are local in the test's time zone.
``subscriptions="from invoices"`` says that they are made so.
The rows go through ``prepare``.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, lru_cache, wraps
from pathlib import Path
from typing import Any, get_type_hints

import pandas as pd

from helpers.data.canonical_tables import HELD, TABLES
from helpers.data.engines import quoted
from helpers.data.prepare import prepare
from helpers.data.prepared import Prepared
from helpers.data.schema import SQL_TYPES, Table
from helpers.errors import NotProvided, Refused
from helpers.kpis.rows import run
from helpers.kpis.spine import Spine
from helpers.notebook_parameters import GIVEN, notebook_schema, theme_parameters
from helpers.params import Review, Rules, Source
from helpers.periods import DAY, Calendar, Period
from helpers.results import Listing, Row
from helpers.review import OpenReview

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
QUERY_TYPES = {**SQL_TYPES, "ts": "timestamp"}
KEPT: deque[Spine] = deque(maxlen=64)  # the spines that were asked last, so that the next card finds relations made


def spine(
    as_of_on: str | date, period: Period | None = None, given: Mapping[str, Any] | None = None, **texts: Any
) -> Spine:
    """The spine of the text tables: ``period`` alone, as known before the local day ``as_of_on``.

    ``given`` are rules and parameters that differ from their defaults; ``periods`` may name more periods than one.
    """
    periods = texts.pop("periods", None)
    found = prepared(as_of_on, period=period, **texts)
    review = period or replace(found.calendar.quarter_of(found.last_day), as_of_on=_day(as_of_on))
    return spine_of(found, review, defaults() | dict(given or {}), periods or [review])


def spine_of(
    prepared: Prepared, period: Period, rules: Mapping[str, Any], periods: Sequence[Period], review: Any = None
) -> Spine:
    """The spine of these periods and rules over a prepared folder, made once and shared as a pack's cards share one."""
    for kept in (kept for kept in KEPT if kept.prepared is prepared and kept.review is review):
        if (kept.period, kept.periods, kept.rules) == (period, periods, rules):
            return kept
    KEPT.append(Spine(prepared, period, rules, list(periods), review))
    return KEPT[-1]


def ruled(found: Spine, **rules: Any) -> Spine:
    """The spine under rules and parameters that differ from its own."""
    return spine_of(found.prepared, found.period, {**found.rules, **rules}, found.periods, found.review)


def figures(card: Callable[[Spine], list[Row]], spine: Spine, **given: Any) -> list[Row]:
    """The rows of a card for the spine's own period; ``given`` are rules and parameters that differ for this call."""
    asked = ruled(spine, **given) if given else spine
    return [row for row in run(card, asked) if row.period == asked.period]


def opened(period: Period, review: Review, **texts: str) -> OpenReview:
    """The review of a period over the text tables, whose themes hold all their parameters."""
    found = theme_parameters(review.themes, NOTEBOOKS, file=Path("review.yml"))
    settled = review.model_copy(update={"themes": {**found.asked, **found.others}})
    return OpenReview(period, settled, prepared(period.as_of_on, period=period, **texts))


@lru_cache
def defaults() -> dict[str, Any]:
    """The default of every rule and of every parameter of a notebook."""
    schemas = [notebook_schema(path) for path in sorted(NOTEBOOKS.glob("*.ipynb"))]
    parameters = {name: each.default for schema in schemas for name, each in schema.items() if name not in GIVEN}
    return {**dict(Rules()), **parameters}


@dataclass(frozen=True)
class Known:
    """The rows of a prepared folder that count, as known before a local day."""

    prepared: Prepared
    as_of_on: date

    def frame(self, name: str, order: str = "all") -> pd.DataFrame:
        """A table, with the columns of the specification."""
        return self._engine.execute(f"{self._clean(name)} order by {order}").df()

    def rows(self, name: str, *columns: str) -> list[tuple[Any, ...]]:
        """Some columns of a table as tuples in the order of its key, dates as text, missing values as None."""
        key = ", ".join(f'"{each}"' for each in HELD[name].key)
        named = ", ".join(HELD[name].day(each) for each in columns)
        found = self._engine.execute(f"select {named} from ({self._clean(name)}) order by {key}").fetchall()
        return [tuple(str(cell)[:10] if isinstance(cell, date) else cell for cell in row) for row in found]

    def excluded(self, *names: str) -> dict[str, int]:
        """How many rows are left out, by table and reason."""
        found = {}
        for name in filter(self.prepared.provides, names):
            rows = self._engine.execute(
                f"select left_out, {HELD[name].count()} from ({self.prepared.judged(name)}) "
                f"where {self._known} and left_out is not null group by 1 order by 1"
            ).fetchall()
            found |= {f"{name}: {reason}": count for reason, count in rows}
        return found

    def _clean(self, name: str) -> str:
        named = ", ".join(f'"{each}"' for each in HELD[name].names)
        return f"select {named} from ({self.prepared.judged(name)}) where {self._known} and left_out is null"

    @property
    def _known(self) -> str:
        return f"date '{self.as_of_on - DAY}' between known_from and known_until"

    @cached_property
    def _engine(self) -> Any:
        return self.prepared.connect()


def known(as_of_on: str | date, *args: Any, **texts: Any) -> Known:
    """The text tables as known before the local day ``as_of_on``."""
    return Known(prepared(as_of_on, *args, **texts), _day(as_of_on))


def prepared(
    as_of_on: str | date, currency: str = "USD", timezone: str = "UTC", period: Period | None = None, **texts: str
) -> Prepared:
    """The text tables, prepared for ``period`` (the calendar quarter that ends knowledge falls in, if not given).

    Equal tables are prepared once and shared: no test may change what it gets.
    """
    day = _day(as_of_on)
    period = period or replace(Calendar(timezone).quarter_of(day - DAY), as_of_on=day)
    return _prepared(period, currency, timezone, tuple(texts.items()))


@lru_cache(maxsize=256)
def _prepared(period: Period, currency: str, timezone: str, texts: tuple[tuple[str, str], ...]) -> Prepared:
    folder = tempfile.mkdtemp()
    found = prepare(source(currency, timezone, **dict(texts)), period, currency=currency, folder=Path(folder))
    weakref.finalize(found, shutil.rmtree, folder)
    return found


def source(currency: str | None = "USD", timezone: str | None = "UTC", **texts: str) -> Source:
    """A source that gives the text tables."""
    made = {name: text.removeprefix("from ") for name, text in texts.items() if text.startswith("from ")}
    queries = {name: query(TABLES[name], text) for name, text in texts.items() if name not in made}
    found = Source(name="text tables", connect="duckdb://", timezone=timezone, currency=currency, tables=queries)
    found._made_from = made
    return found


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


def asked(function: Callable[[Spine], Any]) -> Callable[..., Any]:
    """A card, or a table beside the figures, as tests ask it: ``card(spine, period, **rules)``.

    A card gives the rows of that period alone; where it tells no KPI at all, it raises what its rows say.
    """

    @wraps(function)
    def ask(found: Spine, period: Period | None = None, *, review: Any = None, **given: Any) -> Any:
        period = period or found.period
        one = spine_of(found.prepared, period, {**found.rules, **given}, [period], review or found.review)
        if get_type_hints(function)["return"] is Listing:
            return function(one)
        rows = run(function, one)
        for status, error in (("not_provided", NotProvided), ("refused", Refused)):
            if rows and all((row.status, row.warnings) == (status, rows[0].warnings) for row in rows):
                raise error(rows[0].warnings[0].removeprefix("not provided: "))
        return rows

    return ask
