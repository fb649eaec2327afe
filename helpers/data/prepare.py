"""A source -> checked, typed Parquet in one folder, as known at the end of a period: read once, before any kernel.

Source: specification 1.2, 1.3, 1.4 and architecture, "The one path". The folder's hash is the data fingerprint:
rows and columns stand in a fixed order, and nothing in the folder depends on what is not known at that day.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis

from helpers.data import hygiene
from helpers.data.casts import check_columns
from helpers.data.known import Prepared, local_day
from helpers.data.report import conflicting_keys, data_report
from helpers.data.schema import SQL_TYPES, Table
from helpers.data.sources import open_source, quoted, read_rows, source_tables, where
from helpers.data.tables import TABLES
from helpers.errors import KitError
from helpers.periods import Period

if TYPE_CHECKING:
    from helpers.params import Source


def prepare(source: Source, period: Period, *, currency: str, folder: Path) -> Prepared:
    """Read a source into a folder of Parquet files, one per canonical table, with a data report.

    Args:
        source: the connection and its queries.
        period: what is reviewed; rows not known at its ``as_of_on`` are left out.
        currency: the reporting currency.
        folder: where to write; made if it is not there. What an earlier run left in it is replaced.

    Raises:
        KitError: the engine, a query, a column or the rows are not as they must be; all faults of that step.
    """
    staged = _read(source, period)
    folder.mkdir(parents=True, exist_ok=True)
    for file in [folder / "prepared.json", *folder.glob("*.parquet")]:
        file.unlink(missing_ok=True)
    seen = {name: _write(staged.engine, TABLES[name], period, folder) for name in staged.columns}
    record = _record(source, period, currency, staged.columns, folder)
    written = Prepared(folder, record)
    if conflicts := conflicting_keys(written):
        raise KitError(*(_conflict(source, *conflict) for conflict in conflicts))
    record["report"] = data_report(written, period, seen)
    text = json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / "prepared.json").write_text(text, encoding="utf-8")
    return Prepared.open(folder)


def folder_fingerprint(folder: Path) -> str:
    """The hash of the folder's Parquet files: equal tables, whatever their row order was, give equal hashes."""
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.parquet")):
        digest.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class _Staged:
    """Typed tables in a local engine, and the canonical columns that the source gives of each."""

    engine: Any
    columns: dict[str, list[str]]


def _read(source: Source, period: Period) -> _Staged:
    backend = open_source(source)
    try:
        tables = source_tables(source, backend)
        casts = check_columns(source, tables, period.calendar.timezone)
        engine = ibis.duckdb.connect()
        engine.raw_sql(local_day(period.calendar))
        for name, columns in casts.items():
            rows = read_rows(source, name, tables[name].select(*columns), backend)
            _stage(engine, TABLES[name], columns, rows)
    finally:
        backend.disconnect()
    _fill_currencies(engine, source)
    return _Staged(engine, {name: list(columns) for name, columns in casts.items()})


def _stage(engine: Any, table: Table, casts: Mapping[str, str], rows: Any) -> None:
    """The rows as a typed table of all canonical columns; those not provided are empty."""
    columns = ", ".join(
        f'{casts.get(column.name, f"cast(null as {SQL_TYPES[column.type]})")} as "{column.name}"'
        for column in table.columns
    )
    engine.con.register("arriving", rows)
    engine.raw_sql(f"create table {table.name} as select {columns} from arriving")
    engine.con.unregister("arriving")


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


def _write(engine: Any, table: Table, period: Period, folder: Path) -> dict[str, int]:
    """Write what is known of a table, sorted, and count what is not written."""
    knowledge = hygiene.Knowledge(period.as_of_on, period.as_of_at)
    empty = " or ".join(f'"{name}" is null' for name in table.key if table.column(name).required)
    keyed = f"(select * from {table.name} where not ({empty}))"
    engine.raw_sql(f"create table known_{table.name} as {hygiene.known_rows(table, knowledge, keyed)}")
    rows = f"(select distinct * from known_{table.name})"
    engine.raw_sql(
        f"copy (from {rows} order by all) to {quoted(str(folder / f'{table.name}.parquet'))} (format parquet)"
    )
    [counts] = engine.raw_sql(
        f"select (select count(*) from {table.name}), (select count(*) from {keyed}), "
        f"(select count(*) from known_{table.name}), (select count(*) from {rows})"
    ).fetchall()
    read, with_key, known, distinct = counts
    return {
        "read": read,
        "empty_key": read - with_key,
        "not_yet_known": with_key - known,
        "byte_equal": known - distinct,
    }


def _record(
    source: Source, period: Period, currency: str, columns: Mapping[str, list[str]], folder: Path
) -> dict[str, Any]:
    calendar = period.calendar
    starts = [(label, start.isoformat()) for label, start in calendar.quarter_starts]
    return {
        "name": source.name,
        "period": period.label,
        "as_of_on": period.as_of_on.isoformat(),
        "rates_on": calendar.fiscal_year_start(period.start).isoformat(),
        "currency": currency,
        "calendar": {**asdict(calendar), "quarter_starts": starts},
        "columns": dict(columns),
        "fingerprint": folder_fingerprint(folder),
    }


def _conflict(source: Source, name: str, conflicts: int, keys: int) -> str:
    key = ", ".join(TABLES[name].key)
    return where(
        source, f"tables.{name}",
        f"{conflicts} of {keys} keys ({key}) have rows of different content, must be at most 1 %; "
        "give updated_at, so that the newest is kept, or one row per key",
    )  # fmt: skip
