"""A source's rows in a local engine: typed as the specification says, events reduced on the way.

Tables other than ``events`` are small: they come whole. Events are reduced by the source's engine where it speaks the
SQL of ``reduction``; from any other they are streamed once into a local engine and reduced there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.data.casts import check_columns
from helpers.data.local_days import local_day_function, shifts_of
from helpers.data.reduction import COUNTS, NUMBERED, OF_REPEATED, REDUCED, Reduction
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

    ``folder`` holds what is too large for memory, reduced tables among it, in files as they are prepared. Per reduced
    table, ``counted`` is what was counted of the source's rows, and ``conflicts`` the keys that cannot be trusted, of
    all keys.
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
    engine.raw_sql(local_day_function(period.calendar.timezone))
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
    """Write the reduced events as they are prepared, and count the rows that they are made of."""
    if backend.name not in NUMBERED:
        backend, rows = _brought(backend, rows, staged.folder)
    typed = _typed(TABLES["events"], casts, f"({backend.compile(rows)}) as source")
    zone, recorded = period.calendar.timezone, "recorded_at" in casts
    reduction = Reduction(typed, backend.name, zone, period.as_of_at, recorded)
    if backend.name == "duckdb":
        reduction = _in_duckdb(backend, reduction)
    counts = _counted(backend, reduction.counts(), COUNTS)
    repeated = counts.pop("repeated")
    keys = counts["read"] - counts["empty_key"] - counts["not_yet_known"] - repeated
    empty = dict.fromkeys(OF_REPEATED, 0)
    of_repeated = _counted(backend, reduction.counts_of_repeated(), OF_REPEATED) if repeated else empty
    staged.conflicts["events"] = of_repeated.pop("conflicts"), keys
    staged.counted["events"] = {**counts, **of_repeated}
    reduced, file = reduction.reduced(repeated=repeated > 0), staged.folder / "events.parquet"
    if backend.name == "duckdb":
        backend.raw_sql(written(reduced, file))
    else:
        batches = backend.to_pyarrow_batches(backend.sql(reduced, schema=REDUCED), chunk_size=BATCH)
        _arrive(staged.engine, batches, written("from arriving", file))


def _in_duckdb(backend: Any, reduction: Reduction) -> Reduction:
    """The reduction with what DuckDB can find out beforehand, within the memory that it may use."""
    backend.raw_sql(LIMITED)
    shifts = shifts_of(backend, reduction.timezone, reduction.as_of_at)
    found = replace(reduction, shifts=shifts, several_in="events_of_repeated_keys")
    backend.raw_sql(f"create temp table {found.several_in} as {found.several()}")
    return found


def _counted(backend: Any, sql: str, schema: Mapping[str, str]) -> dict[str, int]:
    [found] = backend.to_pyarrow(backend.sql(sql, schema=schema)).to_pylist()
    return dict(found)


def written(rows: str, file: Path) -> str:
    """The SQL that writes rows to a Parquet file, in an order that depends on nothing but the rows."""
    return f"copy (from ({rows}) order by all) to {quoted(str(file))} (format parquet)"


def _brought(backend: Any, rows: Any, folder: Path) -> tuple[Any, Any]:
    """The rows in a local engine of their own, which can reduce them; they lie on the disk."""
    local, file = local_engine(), folder / "brought.parquet"
    _set_aside(local, folder)
    batches = backend.to_pyarrow_batches(rows, chunk_size=BATCH)
    _arrive(local, batches, f"copy arriving to {quoted(str(file))} (format parquet)")
    return local, local.read_parquet(file)


def _set_aside(engine: Any, folder: Path) -> None:
    """What does not fit into memory goes to a folder."""
    engine.raw_sql(f"set temp_directory = {quoted(str(folder))}")


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
