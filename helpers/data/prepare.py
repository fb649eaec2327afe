"""A source -> checked, typed Parquet in one folder, as known at the end of a period: read once, before any kernel.

Source: specification 1.2, 1.3, 1.4 and architecture, "The one path". The folder's hash is the data fingerprint:
rows and columns stand in a fixed order, and nothing in the folder depends on what is not known at that day.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.data import hygiene
from helpers.data.known import Prepared
from helpers.data.report import conflicting_keys, data_report
from helpers.data.schema import Table
from helpers.data.sources import where
from helpers.data.staging import Staged, stage, written
from helpers.data.tables import HELD, TABLES
from helpers.errors import KitError
from helpers.periods import Period
from helpers.params import Rules

if TYPE_CHECKING:
    from helpers.params import Source

FEED_MAX_AGE_DAYS: int = Rules.model_fields["feed_max_age_days"].default


def prepare(
    source: Source, period: Period, *, currency: str, folder: Path, feed_max_age_days: int = FEED_MAX_AGE_DAYS
) -> Prepared:
    """Read a source into a folder of Parquet files, one per canonical table, with a data report.

    Args:
        source: the connection and its queries.
        period: what is reviewed; rows not known at its ``as_of_on`` are left out.
        currency: the reporting currency.
        folder: where to write; made if it is not there. What an earlier run left in it is replaced.
        feed_max_age_days: the rule of that name; the data report tells of a feed of events that is older.

    Raises:
        KitError: the engine, a query, a column or the rows are not as they must be; all faults of that step.
    """
    with tempfile.TemporaryDirectory() as spare:
        staged = stage(source, period, Path(spare))
        folder.mkdir(parents=True, exist_ok=True)
        for file in [folder / "prepared.json", *folder.glob("*.parquet")]:
            file.unlink(missing_ok=True)
        seen = {name: _write(staged, HELD[name], period, folder) for name in staged.columns}
        staged.engine.close()
    record = _record(source, period, currency, staged.columns, folder)
    written = Prepared(folder, record)
    if conflicts := conflicting_keys(written, staged.conflicts):
        raise KitError(*(_conflict(source, *conflict) for conflict in conflicts))
    record["report"] = written.report = data_report(written, period, seen, feed_max_age_days=feed_max_age_days)
    text = json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / "prepared.json").write_text(text, encoding="utf-8")
    return written


def folder_fingerprint(folder: Path) -> str:
    """The hash of the folder's Parquet files: equal tables, whatever their row order was, give equal hashes."""
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.parquet")):
        digest.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _write(staged: Staged, table: Table, period: Period, folder: Path) -> dict[str, int]:
    """Write what is known of a table, sorted, and count what is not written."""
    file = folder / f"{table.name}.parquet"
    if table.counted:
        shutil.move(staged.folder / file.name, file)
        return staged.counted[table.name]
    knowledge = hygiene.Knowledge(period.as_of_on, period.as_of_at)
    empty = " or ".join(f'"{name}" is null' for name in table.key if table.column(name).required)
    keyed = f"(select * from {table.name} where not ({empty}))"
    staged.engine.execute(f"create table known_{table.name} as {hygiene.known_rows(table, knowledge, keyed)}")
    rows = f"select distinct * from known_{table.name}"
    staged.engine.execute(written(rows, file))
    [counts] = staged.engine.execute(
        f"select (select count(*) from {table.name}), (select count(*) from {keyed}), "
        f"(select count(*) from known_{table.name}), (select count(*) from ({rows}))"
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
    table = TABLES[name]
    key = ", ".join(table.key) if not table.id else f"{table.id}, else {', '.join(table.key)}"
    return where(
        source, f"tables.{name}",
        f"{conflicts} of {keys} keys ({key}) have rows of different content, must be at most 1 %; "
        "give updated_at, so that the newest is kept, or one row per key",
    )  # fmt: skip
