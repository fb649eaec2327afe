"""The data report: what was read, what was left out and why, and what a reader should know before trusting it.

Source: specification 1.2 (left truncation), 1.3 (rates), 1.4 and K03 (a feed that stopped). Shown by `check`, printed
in the pack's appendix.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from helpers.data.hygiene import CONFLICT
from helpers.data.known import Prepared, Tables
from helpers.data.schema import OrderCheck, Table
from helpers.data.engines import quoted
from helpers.data.tables import HELD, ORDER_CHECKS, TABLES
from helpers.periods import SHOWN_BEFORE, Period

WARNED_ABOVE = 0.01
KEYS_SHOWN = 3


def data_report(
    prepared: Prepared, period: Period, seen: Mapping[str, Mapping[str, int]], *, feed_max_age_days: int
) -> dict[str, Any]:
    """Per provided table what became of its rows, the order checks between tables, and what is not provided.

    ``seen`` is what was counted while reading: ``read = empty_key + not_yet_known + byte_equal`` and the rows that
    the folder holds, which are ``other_versions + excluded + clean``. ``days_old`` is from a table's last row up to the
    period's last day, to that day; a feed of events that is older than ``feed_max_age_days`` is told.
    """
    tables = prepared.known(prepared.as_of_on)
    checks = [check for check in ORDER_CHECKS if all(tables.provides(name) for name in check.tables)]
    return {
        "tables": {
            name: _table_report(tables, HELD[name], period, counts, feed_max_age_days) for name, counts in seen.items()
        },
        "order": [_order(tables, check) for check in checks],
        "not_provided": [name for name in TABLES if not tables.provides(name)],
    }


def conflicting_keys(prepared: Prepared, counted: Mapping[str, tuple[int, int]]) -> list[tuple[str, int, int]]:
    """Tables of which more than 1 % of keys cannot be trusted: the table, such keys, all keys.

    ``counted`` are such keys and all keys of the tables whose keys are not in the folder any more.
    """
    tables = prepared.known(prepared.as_of_on)
    keys = {name: counted[name] if name in counted else _keys(tables, HELD[name]) for name in prepared.columns}
    return [(name, untrusted, of) for name, (untrusted, of) in keys.items() if untrusted > WARNED_ABOVE * of]


def _keys(tables: Tables, table: Table) -> tuple[int, int]:
    key = ", ".join(f'"{column}"' for column in table.key)
    [(conflicts, keys)] = tables.rows(
        f"select count(distinct row({key})) filter (_excluded = {quoted(CONFLICT)}), count(distinct row({key})) "
        f'from "{tables.judged(table.name)}"'
    )
    return conflicts, keys


def _table_report(
    tables: Tables, table: Table, period: Period, seen: Mapping[str, int], feed_max_age_days: int
) -> dict[str, Any]:
    [(judged, unlinked, clean)] = tables.rows(
        f"select {table.count()}, {table.count('_unlinked')}, {table.count('_excluded is null')} "
        f'from "{tables.judged(table.name)}"'
    )
    held = seen["read"] - seen["empty_key"] - seen["not_yet_known"] - seen["byte_equal"]
    excluded = _excluded(tables, table)
    earliest, latest, newest = _event_times(tables, table, period.measured_on)
    days_old = (period.measured_on - newest).days if newest else None
    warnings = [
        *([] if clean else [f"all {judged} rows are left out" if judged else "there are no rows"]),
        *(f"{counts['rows']} of {judged} rows left out: {reason}" for reason, counts in excluded.items()
          if counts["rows"] > WARNED_ABOVE * judged and not _is_expected(reason)),
        *([f"{unlinked} of {judged} rows name a customer that is not there; kept without it"]
          if unlinked > WARNED_ABOVE * judged else []),
        *_without_rate(tables, table),
        *([f"the last event is {days_old} days old on {period.measured_on}, must be at most {feed_max_age_days}; "
           "a feed that stopped looks like customers who went silent"]
          if table.counted and days_old is not None and days_old > feed_max_age_days else []),
        *(_history_starts(earliest, period) if table.has_history else []),
    ]  # fmt: skip
    return {
        **seen, "other_versions": held - judged, "excluded": excluded, "unlinked": unlinked, "clean": clean,
        "earliest": earliest and str(earliest), "latest": latest and str(latest), "days_old": days_old,
        "warnings": warnings,
    }  # fmt: skip


def _excluded(tables: Tables, table: Table) -> dict[str, dict[str, Any]]:
    """Rows left out by reason, with the first keys of each to look at."""
    key = ", ".join(table.day(name) for name in table.key)
    found = tables.rows(
        f"select _excluded, {table.count()}, min(concat_ws(', ', {key}), {KEYS_SHOWN}) "
        f'from "{tables.judged(table.name)}" where _excluded is not null group by 1 order by 1'
    )
    return {reason: {"rows": rows, "examples": examples} for reason, rows, examples in found}


def _event_times(tables: Tables, table: Table, last: date) -> tuple[date | None, date | None, date | None]:
    """The local days of the first and the last clean row, and of the last one not after a day."""
    if not table.event_time:
        return None, None, None
    day = table.day(table.event_time)
    [days] = tables.rows(
        f"select min({day}), max({day}), max({day}) filter ({day} <= date '{last}') "
        f'from "{tables.judged(table.name)}" where _excluded is null'
    )
    return days


def _without_rate(tables: Tables, table: Table) -> list[str]:
    """The currencies of a table's amounts that have no rate on the day whose rates hold for the pack."""
    if "currency" not in table.names or table.of_the_pack:
        return []
    amounts = " or ".join(f"{name} is not null" for name in table.amounts) or "true"
    used = tables.rows(
        f'select currency, count(*) from "{tables.judged(table.name)}" '
        f"where _excluded is null and currency is not null and ({amounts}) group by 1 order by 1"
    )
    rated = _rated(tables)
    return [
        f"{rows} rows are in {currency}, which has no rate for {tables.rates_on} in fx_rates; "
        "what adds them up is refused"
        for currency, rows in used
        if currency not in rated
    ]


def _rated(tables: Tables) -> set[str]:
    if not tables.provides("fx_rates"):
        return {tables.currency}
    return {tables.currency} | {
        currency
        for (currency,) in tables.rows(
            f'select currency from "{tables.judged("fx_rates")}" where _excluded is null '
            f"""and coalesce("on" <= date '{tables.rates_on}', true)"""
        )
    }


def _is_expected(reason: str) -> bool:
    """Whether rows are left out on purpose, or for a fault that is told where it lies."""
    on_purpose = {rule.reason for table in TABLES.values() for rule in table.excluded_if}
    return reason in on_purpose or "of a row left out of" in reason


def _history_starts(earliest: date | None, period: Period) -> list[str]:
    """Said where the earlier periods that the pack shows reach back before the first row."""
    history = period.history(SHOWN_BEFORE[period.kind])
    if earliest and history and earliest > history[0].start:
        return [f"history starts at {earliest}; figures before that are empty or too small"]
    return []


def _order(tables: Tables, check: OrderCheck) -> dict[str, Any]:
    clean = {name: f'(select * from "{tables.judged(name)}" where _excluded is null)' for name in check.tables}
    [(early, rows)] = tables.rows(check.sql.format(**clean))
    early, rows = early or 0, rows or 0
    return {"what": check.what, "rows": early, "of": rows, "warning": early > WARNED_ABOVE * rows}
