"""A source's rows in the local engine: columns typed as the specification says, events reduced on the way.

Source: specification, section 2. Lossless casts are made silently, everything else is a fault that says what to write
in the query; all faults of all tables are told at once. Tables other than ``events`` are small: they come whole. Events
are reduced by the source's engine where it is known to do that well, else in the local one. On their way they meet what
is known of their users and customers, so that they are written once, as cards read them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from helpers.data.engines import GIVEN, STAGED, ZONED, DuckDB, Engine, Given, identifier, local_engine, quoted
from helpers.data.reduction import Reduction, can_reduce, local_day_function, shifts_of
from helpers.data.schema import SQL_TYPES, Column, Table
from helpers.data.sources import engine_faults, open_source, source_tables, where
from helpers.data.tables import HELD, TABLES
from helpers.errors import KitError, nearest
from helpers.periods import Period

if TYPE_CHECKING:
    from helpers.params import Source

LIMITED = "set memory_limit = '700MB'"  # while events are reduced and sorted; what needs more goes to the disk
RESERVED = ("at", "interval", "on")  # canonical names that an engine reads as its own words
WHOLE = {f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG")} | {"INTEGER", "UINTEGER"}


@dataclass(frozen=True)
class Staged:
    """Typed tables in the local engine, and the canonical columns that the source gives of each.

    Events are still where they are: they are reduced once the tables that they refer to are judged.
    """

    engine: duckdb.DuckDBPyConnection
    columns: dict[str, list[str]]
    source: Source
    source_engine: Engine
    given: Mapping[str, Given]
    casts: Mapping[str, Mapping[str, str]]

    def reduction(self, period: Period) -> Reduction:
        """What reduces the events, and tells the first of each user.

        Raises:
            KitError: the query or its rows are not as they must be.
        """
        with self.reading_events():
            return _reduction(self, period)

    @contextmanager
    def reading_events(self) -> Iterator[None]:
        """As long as this lasts, the source's engine is asked for events; its faults are told as those of events."""
        with engine_faults(self.source, "tables.events"), self.source_engine.names():
            yield


@contextmanager
def stage(source: Source, period: Period, folder: Path) -> Iterator[Staged]:
    """Read a source, each table but events under its canonical name; the source's engine stays open as long as needed.

    ``folder`` takes what is too large for memory.

    Raises:
        KitError: the engine, a query or a column is not as it must be; all faults of that step.
    """
    local = local_engine()
    local.execute(f"attach ':memory:' as {STAGED}")
    local.execute(f"use {STAGED}")
    local.execute(local_day_function(period.calendar.timezone))
    local.execute(f"set temp_directory = {quoted(str(folder))}")
    local.execute(LIMITED)
    _check_zones(local, source, period.calendar.timezone)
    engine = open_source(source, local, folder)
    try:
        with engine.names():
            given = source_tables(source, engine)
            casts = check_columns(source, engine, given, period.calendar.timezone)
            for name in (name for name in casts if not HELD[name].counted):
                with engine_faults(source, f"tables.{name}"):
                    typed = _typed(TABLES[name], casts[name], _rows(engine, given[name], casts[name]))
                    local.execute(f"create table {STAGED}.{name} as {typed}")
        _fill_currencies(local, source)
        columns = {name: _provided(TABLES[name], given[name]) for name in casts}
        yield Staged(local, columns, source, engine, given, casts)
    finally:
        engine.close()


def _provided(table: Table, given: Given) -> list[str]:
    return [name for name in table.names if name in given.types]


def _without_values(engine: Engine, given: Given, columns: Sequence[str]) -> list[str]:
    """Those of some columns that have no value in any row."""
    counts = ", ".join(f"count({identifier(name)}) as {identifier(name)}" for name in columns)
    rows = engine.rows(f"select {counts} from {GIVEN} as given", given)
    [counted] = engine.local.execute(f"from {rows}").fetchall()
    return [name for name, count in zip(columns, counted, strict=True) if not count]


def _rows(engine: Engine, given: Given, columns: Iterable[str]) -> str:
    selected = ", ".join(map(identifier, columns)) or "null as nothing"
    return engine.rows(f"select {selected} from {GIVEN} as given", given)


def _reduction(staged: Staged, period: Period) -> Reduction:
    """The reduction of events by the source's engine where it gives the same as others, else by the local one."""
    engine, given, casts = staged.source_engine, staged.given["events"], staged.casts["events"]
    typed = _typed(TABLES["events"], casts, f"{GIVEN} as given")
    if not can_reduce(engine, typed):
        given = Given(f"from {_rows(engine, given, casts)}", given.types)
        engine = DuckDB(engine.local)
    timezone, recorded = period.calendar.timezone, "recorded_at" in casts
    shifts = shifts_of(staged.engine, timezone, period.as_of_at) if isinstance(engine, DuckDB) else ()
    return Reduction(engine, given, typed, timezone, period.as_of_at, recorded, shifts)


def _typed(table: Table, casts: Mapping[str, str], rows: str) -> str:
    """The rows as a typed table of all canonical columns; those not provided are empty."""
    columns = ", ".join(
        f'{casts.get(column.name, f"cast(null as {SQL_TYPES[column.type]})")} as "{column.name}"'
        for column in table.columns
    )
    return f"select {columns} from {rows}"


def _fill_currencies(engine: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Amounts that carry no currency are in the source's, if it declares one."""
    faults = []
    for table in (TABLES[name] for name in source.tables if TABLES[name].amounts):
        if source.currency:
            engine.execute(f"update {table.name} set currency = {quoted(source.currency)} where currency is null")
            continue
        amount = " or ".join(f"{name} is not null" for name in table.amounts)
        lacking = f"select count(*) from {table.name} where currency is null and ({amount})"
        [(rows,)] = engine.execute(lacking).fetchall()
        if rows:
            told = f"{rows} rows have an amount and no currency; add a currency column or, if all amounts are in one, "
            faults.append(
                where(source, f"tables.{table.name}", f"{told}currency: to the source, such as currency: EUR")
            )
    if faults:
        raise KitError(*faults)


def _check_zones(engine: duckdb.DuckDBPyConnection, source: Source, reporting: str) -> None:
    """Hold time zones against the engine's own list: Python takes names that mean something on one machine only."""
    known = {name for (name,) in engine.execute("select name from pg_timezone_names()").fetchall()}
    told = {"timezone": source.timezone or reporting, "the review's timezone": reporting}
    faults = [
        where(source, f"{part} == {zone!r}, must be the zone of a place, such as 'Europe/Berlin', or 'UTC'")
        for part, zone in told.items()
        if zone not in known
    ]
    if faults:
        raise KitError(*faults)


def check_columns(
    source: Source, engine: Engine, tables: Mapping[str, Given], timezone: str
) -> dict[str, dict[str, str]]:
    """The cast of every provided column that has values, as SQL: table -> column -> expression.

    ``timezone`` is the reporting time zone, in which a bare date is a local midnight. A timestamp without a zone
    is in the source's. A column without any value fits every type, since nothing tells what its own is.

    Raises:
        KitError: columns are missing, unknown or of the wrong type; all faults of all tables.
    """
    found, faults = {}, []
    for name, given in tables.items():
        faults += [where(source, f"tables.{name}", fault) for fault in _names(TABLES[name], given.types)]
        columns = [column for column in TABLES[name].columns if column.name in given.types]
        casts = {c.name: _cast(c, given.types[c.name], source.timezone, timezone) for c in columns}
        if unfit := [column for column in columns if not casts[column.name]]:
            with engine_faults(source, f"tables.{name}"):
                empty = _without_values(engine, given, [column.name for column in unfit])
            wrong = [column for column in unfit if column.name not in empty]
            faults += [where(source, f"tables.{name}", _type_fault(c, given.types[c.name])) for c in wrong]
        found[name] = {column: cast for column, cast in casts.items() if cast}
    if faults:
        raise KitError(*faults)
    return found


def _names(table: Table, types: Mapping[str, str]) -> list[str]:
    unknown = [name for name in types if name not in table.names]
    missing = [c.name for c in table.columns if c.required and c.name not in types]
    faults = [f"{name} is missing; the query gives {', '.join(types)}" for name in missing]
    faults += [f"{name} is not a column of {table.name}{nearest(name, table.names)}" for name in unknown]
    if table.one_of and not any(set(columns) <= set(types) for columns in table.one_of):
        forms = "; or ".join(", ".join(columns) for columns in table.one_of)
        faults.append(f"no price; give {forms}")
    return faults


def _cast(column: Column, found: str, source_zone: str | None, zone: str) -> str:
    """The expression that gives a column its canonical type, empty where that would lose or guess something."""
    name = identifier(column.name)
    number = found in {*WHOLE, "HUGEINT", "UHUGEINT", "FLOAT", "DOUBLE"} or found.startswith("DECIMAL")
    fits = {
        "str": found == "VARCHAR" or found.startswith("ENUM"),
        "int": found in WHOLE,
        "dec": number,
        "bool": found == "BOOLEAN",
        "date": found == "DATE",
        "ts": found == ZONED,
    }
    if fits[column.type]:
        return f"cast({name} as {SQL_TYPES[column.type]})"
    if column.type == "ts" and found == "DATE":
        return f"timezone({quoted(zone)}, cast({name} as timestamp))"
    if column.type == "ts" and found.startswith("TIMESTAMP") and source_zone:
        return f"timezone({quoted(source_zone)}, cast({name} as timestamp))"
    return ""


def _type_fault(column: Column, found: str) -> str:
    if column.type == "ts" and found.startswith("TIMESTAMP"):
        return (
            f"{column.name} is a timestamp without a time zone; "
            "say which it is in with timezone: in the source, such as timezone: Europe/Berlin"
        )
    wanted = "double precision" if column.type == "dec" else SQL_TYPES[column.type]  # what every engine calls it
    name = identifier(column.name) if column.name in RESERVED else column.name
    return f"{column.name} is {found.lower()}, must be {column.type}; write cast({name} as {wanted}) as {name}"
