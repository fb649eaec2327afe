"""The data report: what was read, what was left out and why, and what a reader should know before trusting it.

Source: specification 1.2 (left truncation) and 1.4. Shown by `check`, printed in the pack's appendix.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from helpers.data.hygiene import CONFLICT
from helpers.data.known import Prepared, Tables
from helpers.data.schema import OrderCheck, Table
from helpers.data.sources import quoted
from helpers.data.tables import ORDER_CHECKS, TABLES
from helpers.periods import Period

WARNED_ABOVE = 0.01
KEYS_SHOWN = 3
HISTORY = 8


def data_report(prepared: Prepared, period: Period, seen: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """Per provided table what became of its rows, the order checks between tables, and what is not provided.

    ``seen`` is what was counted while reading: ``read = empty_key + not_yet_known + byte_equal`` and the rows that
    the folder holds, which are ``other_versions + excluded + clean``.
    """
    tables = prepared.known(prepared.as_of_on)
    checks = [check for check in ORDER_CHECKS if all(tables.provides(name) for name in check.tables)]
    return {
        "tables": {name: _table_report(tables, TABLES[name], period, counts) for name, counts in seen.items()},
        "order": [_order(tables, check) for check in checks],
        "not_provided": [name for name in TABLES if not tables.provides(name)],
    }


def conflicting_keys(prepared: Prepared) -> list[tuple[str, int, int]]:
    """Tables of which more than 1 % of keys cannot be trusted: the table, such keys, all keys."""
    tables, found = prepared.known(prepared.as_of_on), []
    for name in prepared.columns:
        key = ", ".join(f'"{column}"' for column in TABLES[name].key)
        [(conflicts, keys)] = tables.rows(
            f"select count(distinct row({key})) filter (_excluded = {quoted(CONFLICT)}), count(distinct row({key})) "
            f'from "{tables.judged(name)}"'
        )
        if conflicts > WARNED_ABOVE * keys:
            found.append((name, conflicts, keys))
    return found


def _table_report(tables: Tables, table: Table, period: Period, seen: Mapping[str, int]) -> dict[str, Any]:
    [(held, judged, unlinked, clean)] = tables.rows(
        f"select (select count(*) from raw_{table.name}), count(*), count(*) filter (_unlinked), "
        f'count(*) filter (_excluded is null) from "{tables.judged(table.name)}"'
    )
    excluded = _excluded(tables, table)
    earliest, latest = _event_times(tables, table)
    warnings = [
        *(f"{counts['rows']} of {judged} rows left out: {reason}" for reason, counts in excluded.items()
          if counts["rows"] > WARNED_ABOVE * judged and not _is_expected(reason)),
        *([f"{unlinked} of {judged} rows name a customer that is not there; kept without it"]
          if unlinked > WARNED_ABOVE * judged else []),
        *_history_starts(earliest, period),
    ]  # fmt: skip
    return {
        **seen, "other_versions": held - judged, "excluded": excluded, "unlinked": unlinked, "clean": clean,
        "earliest": earliest, "latest": latest, "warnings": warnings,
    }  # fmt: skip


def _excluded(tables: Tables, table: Table) -> dict[str, dict[str, Any]]:
    """Rows left out by reason, with the first keys of each to look at."""
    key = ", ".join(_day(table, name) for name in table.key)
    found = tables.rows(
        f"select _excluded, count(*), array_agg(concat_ws(', ', {key}) order by {key})[1:{KEYS_SHOWN}] "
        f'from "{tables.judged(table.name)}" where _excluded is not null group by 1 order by 1'
    )
    return {reason: {"rows": rows, "examples": examples} for reason, rows, examples in found}


def _event_times(tables: Tables, table: Table) -> tuple[str | None, str | None]:
    """The local days of the first and the last clean row."""
    if not table.event_time:
        return None, None
    day = _day(table, table.event_time)
    [(earliest, latest)] = tables.rows(
        f'select cast(min({day}) as varchar), cast(max({day}) as varchar) from "{tables.judged(table.name)}" '
        "where _excluded is null"
    )
    return earliest, latest


def _day(table: Table, name: str) -> str:
    """A column as SQL, an instant as its local day."""
    return f'local_day("{name}")' if table.column(name).type == "ts" else f'"{name}"'


def _is_expected(reason: str) -> bool:
    """Whether rows are left out on purpose, or for a fault that is told where it lies."""
    on_purpose = {rule.reason for table in TABLES.values() for rule in table.excluded_if}
    return reason in on_purpose or "of a row left out of" in reason


def _history_starts(earliest: str | None, period: Period) -> list[str]:
    """Said where the earlier periods that the pack shows reach back before the first row."""
    history = period.history(HISTORY)
    if earliest and history and earliest > history[0].start.isoformat():
        return [f"history starts at {earliest}; figures before that are empty or too small"]
    return []


def _order(tables: Tables, check: OrderCheck) -> dict[str, Any]:
    for name in check.tables:
        tables[name]
    clean = {name: f'(select * from "{tables.judged(name)}" where _excluded is null)' for name in check.tables}
    [(early, rows)] = tables.rows(check.sql.format(**clean))
    return {"what": check.what, "rows": early, "of": rows, "warning": early > WARNED_ABOVE * rows}
