"""A source's rows in a local engine: typed as the specification says, events reduced on the way.

Tables other than ``events`` are small: they come whole. Events are reduced by the source's engine where it speaks the
SQL of ``reduction``; from any other they are streamed once into a local engine and reduced there. On their way they
meet what is known of their users and customers, so that they are written once, as cards read them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import duckdb
import pyarrow as pa

from helpers.data.casts import check_columns
from helpers.data.engines import GIVEN, DuckDB, Engine, Given, identifier, local_engine, over, quoted
from helpers.data.knowledge import KNOWN_OF, judged_events
from helpers.data.local_days import local_day_function, shifts_of
from helpers.data.reduction import NUMBERED, OF_REPEATED, Reduction
from helpers.data.schema import SQL_TYPES, Table
from helpers.data.sources import engine_faults, open_source, source_tables, where
from helpers.data.tables import HELD, TABLES
from helpers.errors import KitError
from helpers.periods import Period

if TYPE_CHECKING:
    from helpers.params import Source


LIMITED = "set memory_limit = '500MB'"  # while events are reduced and sorted; what needs more goes to the disk


@dataclass(frozen=True)
class Staged:
    """Typed tables in a local engine, and the canonical columns that the source gives of each.

    Events are still where they are: they are reduced once the tables that they refer to are judged. ``folder`` takes
    what does not fit into memory.
    """

    engine: duckdb.DuckDBPyConnection
    folder: Path
    columns: dict[str, list[str]]
    source: Source
    source_engine: Engine
    given: Mapping[str, Given]
    casts: Mapping[str, Mapping[str, str]]

    def write_events(self, period: Period, file: Path) -> Reduced:
        """Write the reduced events to a file, judged, and count the rows that they are made of.

        Raises:
            KitError: the query or its rows are not as they must be.
        """
        with engine_faults(self.source, "tables.events"):
            return _reduce(self, self.given["events"], self.casts["events"], period, file)


class Reduced(NamedTuple):
    """What was counted of the source's events; the keys that cannot be trusted, and all keys."""

    counted: dict[str, int]
    conflicts: tuple[int, int]


@contextmanager
def stage(source: Source, period: Period, folder: Path) -> Iterator[Staged]:
    """Read a source, each table but events under its canonical name; the source's engine stays open as long as needed.

    Raises:
        KitError: the engine, a query or a column is not as it must be; all faults of that step.
    """
    local = local_engine()
    local.execute(local_day_function(period.calendar.timezone))
    local.execute(LIMITED)
    _set_aside(local, folder)
    _check_zones(local, source, period.calendar.timezone)
    engine = open_source(source)
    if isinstance(engine, DuckDB):
        _set_aside(engine.connection, folder)
    try:
        given = source_tables(source, engine)

        def without_values(name: str, columns: Sequence[str]) -> list[str]:
            with engine_faults(source, f"tables.{name}"):
                return _without_values(engine, given[name], columns)

        casts = check_columns(source, given, period.calendar.timezone, without_values=without_values)
        for name in (name for name in casts if not HELD[name].counted):
            with engine_faults(source, f"tables.{name}"):
                typed = _typed(TABLES[name], casts[name], "arriving")
                _arrive(local, _rows(engine, given[name], casts[name]), f"create table {name} as {typed}")
        _fill_currencies(local, source)
        columns = {name: _provided(TABLES[name], given[name]) for name in casts}
        yield Staged(local, folder, columns, source, engine, given, casts)
    finally:
        engine.close()
        local.close()


def _provided(table: Table, given: Given) -> list[str]:
    return [name for name in table.names if name in given.types]


def _without_values(engine: Engine, given: Given, columns: Sequence[str]) -> list[str]:
    """Those of some columns that have no value in any row."""
    counts = ", ".join(f"count({identifier(name)}) as {identifier(name)}" for name in columns)
    [found] = engine.rows(f"select {counts} from {GIVEN} as given", given).read_all().to_pylist()
    return [name for name in columns if not found[name]]


def _rows(engine: Engine, given: Given, columns: Iterable[str]) -> pa.RecordBatchReader:
    selected = ", ".join(map(identifier, columns)) or "null as nothing"
    return engine.rows(f"select {selected} from {GIVEN} as given", given)


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


def _reduce(staged: Staged, given: Given, casts: Mapping[str, str], period: Period, file: Path) -> Reduced:
    engine = staged.source_engine
    if engine.name not in NUMBERED:
        engine, given = _brought(_rows(engine, given, casts), given, staged.folder)
    typed = _typed(TABLES["events"], casts, f"{GIVEN} as source")
    zone, recorded = period.calendar.timezone, "recorded_at" in casts
    reduction = Reduction(typed, engine.name, zone, period.as_of_at, recorded)
    if isinstance(engine, DuckDB):
        reduction = _in_duckdb(engine.connection, reduction, given)
    counts = _counted(engine, reduction.counts(), given)
    repeated = counts.pop("repeated")
    keys = counts["read"] - counts["empty_key"] - counts["not_yet_known"] - repeated
    of_repeated = dict.fromkeys(OF_REPEATED, 0)
    if repeated:
        of_repeated = _counted(engine, reduction.counts_of_repeated(), given)
    conflicts = of_repeated.pop("conflicts")
    reduced = reduction.reduced(repeated=repeated > 0)
    if isinstance(engine, DuckDB):
        for name in KNOWN_OF.values():
            engine.connection.register(name, staged.engine.execute(f"from {name}").to_arrow_table())
        engine.connection.execute(written(over(judged_events(reduced, staged.columns), given), file))
    else:
        _arrive(
            staged.engine, engine.rows(reduced, given), written(judged_events("from arriving", staged.columns), file)
        )
    return Reduced({**counts, **of_repeated}, (conflicts, keys))


def _in_duckdb(engine: duckdb.DuckDBPyConnection, reduction: Reduction, given: Given) -> Reduction:
    """The reduction with what DuckDB can find out beforehand, within the memory that it may use."""
    engine.execute(LIMITED)
    shifts = shifts_of(engine, reduction.timezone, reduction.as_of_at)
    found = replace(reduction, shifts=shifts, several_in="events_of_repeated_keys")
    engine.execute(f"create temp table {found.several_in} as {over(found.several(), given)}")
    return found


def _counted(engine: Engine, sql: str, given: Given) -> dict[str, int]:
    [found] = engine.rows(sql, given).read_all().to_pylist()
    return dict(found)


def written(rows: str, file: Path) -> str:
    """The SQL that writes rows to a Parquet file, in an order that depends on nothing but the rows."""
    return f"copy (from ({rows}) order by all) to {quoted(str(file))} (format parquet)"


def _brought(rows: pa.RecordBatchReader, given: Given, folder: Path) -> tuple[DuckDB, Given]:
    """The rows in a local engine of their own, which can reduce them; they lie on the disk."""
    local, file = local_engine(), quoted(str(folder / "brought.parquet"))
    _set_aside(local, folder)
    _arrive(local, rows, f"copy arriving to {file} (format parquet)")
    return DuckDB(local), Given(f"from read_parquet({file})", given.types)


def _set_aside(engine: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """What does not fit into memory goes to a folder."""
    engine.execute(f"set temp_directory = {quoted(str(folder))}")


def _arrive(engine: duckdb.DuckDBPyConnection, rows: pa.RecordBatchReader, sql: str) -> None:
    """Run SQL that takes rows from ``arriving``. Where they stop to come, that is told in their own engine's words."""
    faults: list[Exception] = []

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield from rows
        except Exception as error:
            faults.append(error)
            raise

    engine.register("arriving", pa.RecordBatchReader.from_batches(rows.schema, batches()))
    try:
        engine.execute(sql)
    except duckdb.Error as error:
        raise (faults or [error])[0] from None
    engine.unregister("arriving")


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
