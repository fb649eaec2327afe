"""A source -> checked, typed Parquet in one folder, as known at the end of a period: read once, before any kernel.

Source: specification 1.2, 1.3, 1.4 and architecture, "The one path". The folder's hash is the data fingerprint:
rows and columns stand in a fixed order, and nothing in the folder depends on what is not known at that day.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.data.canonical_tables import HELD, TABLES
from helpers.data.doubts import ids_without_zeros
from helpers.data.engines import written
from helpers.data.knowledge import FIRST_EVENTS, judge, make_aside, make_known_of
from helpers.data.prepared import Prepared
from helpers.data.report import JudgedRows, conflicting_keys, data_report
from helpers.data.sources import where
from helpers.data.spelling import Spelling, respell
from helpers.data.staging import stage
from helpers.errors import refuse
from helpers.params import Rules
from helpers.periods import Period

if TYPE_CHECKING:
    from helpers.params import Source


def prepare(
    source: Source,
    period: Period,
    *,
    currency: str,
    folder: Path,
    feed_max_age_days: int = Rules().feed_max_age_days,
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
    conflicts, spelt = {}, {}
    with tempfile.TemporaryDirectory() as spare, stage(source, period, Path(spare)) as staged:
        folder.mkdir(parents=True, exist_ok=True)
        for file in [folder / "prepared.json", *folder.glob("*.parquet")]:
            file.unlink(missing_ok=True)
        for name in staged.columns:
            if not HELD[name].counted:
                spelt[name] = respell(staged.engine, TABLES[name])
        if "events" in staged.columns:
            reduction = staged.reduction(period)
            with staged.reading_events():
                reduction.count()
            lost = ids_without_zeros(staged.engine, TABLES["events"], staged.columns, FIRST_EVENTS)
            refuse(where(source, "tables.events", fault) for fault in lost)
        make_aside(staged.engine)
        seen = {name: judge(staged.engine, HELD[name], staged.columns, period.known_until)
                for name in _parents_first(staged.columns) if not HELD[name].counted}  # fmt: skip
        for name in seen:
            staged.engine.execute(written(f"from judged_{name}", folder / f"{name}.parquet"))
        if "events" in staged.columns:
            make_known_of(staged.engine, staged.columns)
            with staged.reading_events():
                counted = reduction.write(folder / "events.parquet", staged.columns)
            seen["events"], conflicts["events"] = counted.rows, counted.conflicts
            trimmed = Spelling("user_id, customer_id", "spaces around", "none", counted.spaced)
            spelt["events"] = [trimmed] if counted.spaced else []
        aside = staged.engine.execute(
            "select * replace (cast(known_from as varchar) as known_from) from aside "
            f"where known_from <= date '{period.known_until}' order by all"
        )
        aside_rows = [list(row) for row in aside.fetchall()]
        record = _record(source, period, currency, staged.columns, folder) | {"aside": aside_rows}
        prepared = Prepared(folder, record)
        judged = JudgedRows(prepared, staged.beside(prepared))
        counts = {name: seen[name] for name in staged.columns}
        notes = {name: staged.given[name].notes for name in staged.columns}
        report = data_report(judged, period, counts, spelt, notes, feed_max_age_days)
        refuse(_conflict(source, *conflict) for conflict in conflicting_keys(judged, report["tables"], conflicts))
    record["report"] = report
    text = json.dumps(record, indent=1, ensure_ascii=False)
    (folder / "prepared.json").write_text(text, encoding="utf-8")
    return Prepared.open(folder)


def folder_fingerprint(folder: Path) -> str:
    """The hash of the folder's Parquet files: a source that gives equal tables again, in any order, has it again."""
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.parquet")):
        digest.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _parents_first(names: Mapping[str, list[str]]) -> list[str]:
    """The tables, those that others refer to before the others: customers, deals, users, then the rest."""
    return sorted(names, key=lambda name: (name != "customers", len(TABLES[name].references), name != "deals"))


def _record(
    source: Source, period: Period, currency: str, columns: Mapping[str, list[str]], folder: Path
) -> dict[str, Any]:
    calendar = period.calendar
    starts = [(label, start.isoformat()) for label, start in calendar.quarter_starts]
    return {
        "name": source.name,
        "period": period.label,
        "last_day": period.known_until.isoformat(),
        "rates_on": calendar.fiscal_year_start(period.start).isoformat(),
        "currency": currency,
        "calendar": {**asdict(calendar), "quarter_starts": starts},
        "columns": dict(columns) | {name: _made_columns(columns[of]) for name, of in source.made_from.items()},
        "made_from": dict(source.made_from),
        "queries": {name: _query_hash(source, name) for name in source.tables},
        "fingerprint": folder_fingerprint(folder),
    }


def _query_hash(source: Source, table: str) -> str:
    """What tells whether a table is still read in the same way; the query itself may hold what nobody else may read."""
    text = source.model_dump_json(include={"reads": True, "tables": {table}})
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _made_columns(invoices: list[str]) -> list[str]:
    """The columns that subscriptions made from invoices have."""
    made = ["subscription_id", "line_id", "customer_id", "start_on", "end_on", "currency", "mrr"]
    return [*made, *(["product"] if "product" in invoices else [])]


def _conflict(source: Source, name: str, conflicts: int, keys: int) -> str:
    table = TABLES[name]
    key = ", ".join(table.key) if not table.id else f"{table.id}, else {', '.join(table.key)}"
    return where(
        source, f"tables.{name}",
        f"{conflicts} of {keys} keys ({key}) have rows of different content, must be at most 1 %; "
        "give updated_at, so that the newest is kept, or one row per key",
    )  # fmt: skip
