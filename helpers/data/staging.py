"""A source's rows in a local engine: typed as the specification says, events reduced on the way.

Tables other than ``events`` are small: they come whole. Events are reduced by the source's engine where it speaks the
SQL of ``reduction``; from any other they are streamed once into a local engine and reduced there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.data.casts import check_columns
from helpers.data.known import local_day
from helpers.data.reduction import COUNTS, NUMBERED, REDUCED, Reduction
from helpers.data.schema import SQL_TYPES, Table
from helpers.data.sources import (
    engine_faults,
    library_warnings_ignored,
    local_engine,
    open_source,
    quoted,
    source_tables,
    where,
)
from helpers.data.tables import HELD, TABLES
from helpers.errors import KitError
from helpers.periods import Period

if TYPE_CHECKING:
    from helpers.params import Source


BATCH = 50_000  # rows, so that what travels is never held as a whole
LIMITED = "set memory_limit = '500MB'"  # while events are reduced and sorted; what needs more goes to the disk


@dataclass(frozen=True)
class Staged:
    """Typed tables in a local engine, and the canonical columns that the source gives of each.

    ``folder`` holds what is too large for memory. Per reduced table, ``counted`` is what was counted of the source's
    rows, and ``conflicts`` the keys that cannot be trusted, of all keys.
    """

    engine: Any
    folder: Path
    columns: dict[str, list[str]]
    counted: dict[str, dict[str, int]] = field(default_factory=dict)
    conflicts: dict[str, tuple[int, int]] = field(default_factory=dict)


def stage(source: Source, period: Period, folder: Path) -> Staged:
    """Read a source, each table under its canonical name; ``folder`` takes what is too large for memory.

    Raises:
        KitError: the engine, a query or a column is not as it must be; all faults of that step.
    """
    engine = local_engine()
    engine.raw_sql(local_day(period.calendar))
    engine.raw_sql(LIMITED)
    _check_zones(engine, source, period.calendar.timezone)
    backend = open_source(source)
    for each in (engine, backend):
        if each.name == "duckdb":
            _set_aside(each, folder)
    try:
        tables = source_tables(source, backend)

        def has_rows(name: str) -> bool:
            with library_warnings_ignored(), engine_faults(source, f"tables.{name}"):
                return backend.to_pyarrow(tables[name].limit(1)).num_rows > 0

        casts = check_columns(source, tables, period.calendar.timezone, has_rows=has_rows)
        staged = Staged(engine, folder, {name: list(columns) for name, columns in casts.items()})
        events_last = sorted(casts, key=lambda name: HELD[name].counted)  # so that LIMITED binds no other query
        for name in events_last:
            columns = casts[name]
            rows = tables[name].select(*columns)
            with library_warnings_ignored(), engine_faults(source, f"tables.{name}"):
                if HELD[name].counted:
                    _reduce(staged, backend, rows, columns, period)
                else:
                    typed = _typed(TABLES[name], columns, "arriving")
                    _arrive(engine, backend.to_pyarrow(rows), f"create table {name} as {typed}")
    finally:
        backend.disconnect()
    _fill_currencies(engine, source)
    return staged


def _check_zones(engine: Any, source: Source, reporting: str) -> None:
    """Hold time zones against the engine's own list: Python takes names that mean something on one machine only."""
    known = {name for (name,) in engine.raw_sql("select name from pg_timezone_names()").fetchall()}
    told = {"timezone": source.timezone or reporting, "the review's timezone": reporting}
    faults = [
        where(source, f"{part} == {zone!r}, must be the zone of a place, such as 'Europe/Berlin', or 'UTC'")
        for part, zone in told.items()
        if zone not in known
    ]
    if faults:
        raise KitError(*faults)


def _reduce(staged: Staged, backend: Any, rows: Any, casts: Mapping[str, str], period: Period) -> None:
    """Stage the reduced events, and count the rows that they are made of."""
    if backend.name not in NUMBERED:
        backend, rows = _brought(backend, rows, staged.folder)
    if backend.name == "duckdb":
        backend.raw_sql(LIMITED)
    typed = _typed(TABLES["events"], casts, f"({backend.compile(rows)}) as source")
    zone, recorded = period.calendar.timezone, "recorded_at" in casts
    reduction = Reduction(typed, backend.name, zone, period.as_of_at, recorded)
    [counts] = backend.to_pyarrow(backend.sql(reduction.counts(), schema=COUNTS)).to_pylist()
    repeated = counts["keys"] < counts["read"] - counts["empty_key"] - counts["not_yet_known"]
    reduced = backend.sql(reduction.reduced(repeated=repeated), schema=REDUCED)
    _stream(staged.engine, "events", backend.to_pyarrow_batches(reduced, chunk_size=BATCH), staged.folder)
    [(copies, conflicts)] = staged.engine.raw_sql(
        "select coalesce(sum(_copies), 0), coalesce(sum(_conflicts), 0) from events"
    ).fetchall()
    staged.conflicts["events"] = conflicts, counts.pop("keys")
    staged.counted["events"] = {**counts, "byte_equal": copies}


def _brought(backend: Any, rows: Any, folder: Path) -> tuple[Any, Any]:
    """The rows in a local engine of their own, which can reduce them."""
    local = local_engine()
    _set_aside(local, folder)
    _stream(local, "brought", backend.to_pyarrow_batches(rows, chunk_size=BATCH), folder)
    return local, local.table("brought")


def _set_aside(engine: Any, folder: Path) -> None:
    """What does not fit into memory goes to a folder."""
    engine.raw_sql(f"set temp_directory = {quoted(str(folder))}")


def _stream(engine: Any, name: str, batches: Any, folder: Path) -> None:
    """Make a table of arriving rows that lies on the disk."""
    file = quoted(str(folder / f"{name}.parquet"))
    _arrive(engine, batches, f"copy arriving to {file} (format parquet)")
    engine.raw_sql(f"create view {name} as from read_parquet({file})")


def _arrive(engine: Any, rows: Any, sql: str) -> None:
    engine.con.register("arriving", rows)
    engine.raw_sql(sql)
    engine.con.unregister("arriving")


def _typed(table: Table, casts: Mapping[str, str], rows: str) -> str:
    """The rows as a typed table of all canonical columns; those not provided are empty."""
    columns = ", ".join(
        f'{casts.get(column.name, f"cast(null as {SQL_TYPES[column.type]})")} as "{column.name}"'
        for column in table.columns
    )
    return f"select {columns} from {rows}"


def _fill_currencies(engine: Any, source: Source) -> None:
    """Amounts that carry no currency are in the source's, if it declares one."""
    faults = []
    for table in (TABLES[name] for name in source.tables if TABLES[name].amounts):
        if source.currency:
            engine.raw_sql(f"update {table.name} set currency = {quoted(source.currency)} where currency is null")
            continue
        amount = " or ".join(f"{name} is not null" for name in table.amounts)
        [rows] = engine.raw_sql(f"select count(*) from {table.name} where currency is null and ({amount})").fetchone()
        if rows:
            faults.append(
                where(
                    source, f"tables.{table.name}", f"{rows} rows have an amount and no currency; add a currency column"
                )
                + " or, if all amounts are in one, currency: to the source, such as currency: EUR"
            )
    if faults:
        raise KitError(*faults)
