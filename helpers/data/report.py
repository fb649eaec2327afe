"""The data report: what was read, what was left out and why, and what a reader should know before trusting it.

Source: specification 1.2 (left truncation), 1.3 (rates), 1.4 and K03 (a feed that stopped). Shown by `check`, printed
in the pack's appendix.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import date
from typing import Any

import duckdb

from helpers.data.canonical_tables import HELD, ORDER_CHECKS, TABLES
from helpers.data.engines import quoted
from helpers.data.knowledge import CONFLICT, is_on_purpose
from helpers.data.prepared import Prepared
from helpers.data.schema import OrderCheck, Reference, Table
from helpers.data.spelling import Spelling
from helpers.language import template
from helpers.periods import SHOWN_BEFORE, Period

WARNED_ABOVE = 0.01
KEYS_SHOWN = 3
ALL_LEFT_OUT, NO_ROWS = template("all {n} rows are left out"), template("there are no rows")
LEFT_OUT = template("{n} of {rows} rows left out: {reason}")
UNLINKED = template("{n} of {rows} rows name a customer that is not there; kept without it")
MAKE_SUBSCRIPTIONS = template(
    "tells the service that lines pay for, and subscriptions are not given; write {line} among the tables to make "
    "them from its recurring lines"
)
OLD = template(
    "the last event is {n} days old on {day}, must be at most {most}; a feed that stopped looks like customers who "
    "went silent"
)
OTHERWISE = template(
    "{n} rows name a {column} that {table} spell otherwise, such as {found} for {meant}; ids are compared as "
    "they stand: write both alike in the query"
)
THERE_BEFORE = template(
    "{n} of {rows} {table} have facts from before their {column}, the first on {day}; each counts as there from its "
    "first fact on"
)
MERGED_INTO_NOTHING = template(
    "{n} rows are merged into a customer that is not there or is themselves, such as {customer} into {into}; what is "
    "theirs is left out; merged_into must be the customer_id of another, or empty"
)
CORRECTS_NOTHING = template(
    "{n} rows correct an invoice line that is not there, such as {line}, with {money} in all; they count as revenue "
    "and lower no line; corrects must be an invoice_line_id"
)
NO_RATE = template(
    "{n} rows are in {currency}, which has no rate for {day} in fx_rates; what adds them up at the rates of that day "
    "is refused"
)
STARTS = template("history starts at {day}; figures before that are empty or too small")


class JudgedRows:
    """The rows of each table as they are known on the last day, with the reason that a row is left out for.

    ``engine`` is one that finds the files of the prepared folder.
    """

    def __init__(self, prepared: Prepared, engine: duckdb.DuckDBPyConnection) -> None:
        self.prepared = prepared
        self._engine = engine
        for name in prepared.held:
            known = f"date '{prepared.last_day}' between known_from and known_until"
            engine.execute(f"create view known_{name} as select * from ({prepared.judged(name)}) where {known}")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query over the views ``known_NAME``."""
        return self._engine.execute(sql).fetchall()


def data_report(
    judged: JudgedRows,
    period: Period,
    seen: Mapping[str, Mapping[str, int]],
    spelt: Mapping[str, Sequence[Spelling]],
    notes: Mapping[str, Sequence[str]],
    feed_max_age_days: int,
) -> dict[str, Any]:
    """Per provided table what became of its rows, the order checks between tables, and what is not provided.

    ``seen`` is what was counted while reading: ``read = empty_key + not_yet_known + byte_equal`` and the rows that
    the folder holds, which are ``other_versions + excluded + clean``. ``spelt`` are the words and ids that were taken
    otherwise than they stand, ``notes`` what was found in the files of a table. ``days_old`` is from a table's last row
    up to the period's last day, to that day; a feed of events that is older than ``feed_max_age_days`` is told.
    """
    provides = judged.prepared.provides
    checks = [check for check in ORDER_CHECKS if all(name in seen for name in check.tables)]
    rated = _rated(judged)
    history = period.history(SHOWN_BEFORE[period.kind])
    return {
        "tables": {
            name: _table_report(judged, HELD[name], period, counts, feed_max_age_days, notes[name], rated, history)
            for name, counts in seen.items()
        },
        "order": [_order(judged, check) for check in checks],
        "spelt": [{"table": name, **each._asdict()} for name, found in spelt.items() for each in found],
        "not_provided": [name for name in TABLES if not provides(name)],
    }


def conflicting_keys(
    judged: JudgedRows, tables: Mapping[str, Mapping[str, Any]], counted: Mapping[str, tuple[int, int]]
) -> list[tuple[str, int, int]]:
    """Tables of which more than 1 % of keys cannot be trusted: the table, such keys, all keys.

    ``tables`` are those of the data report. ``counted`` are such keys and all keys of the tables whose keys are not in
    the folder any more.
    """
    names = [name for name, found in tables.items() if name in counted or CONFLICT in found["excluded"]]
    keys = {name: counted[name] if name in counted else _keys(judged, HELD[name]) for name in names}
    return [(name, untrusted, of) for name, (untrusted, of) in keys.items() if untrusted > WARNED_ABOVE * of]


def _keys(judged: JudgedRows, table: Table) -> tuple[int, int]:
    key = ", ".join(f'"{column}"' for column in table.key)
    [(conflicts, keys)] = judged.rows(
        f"select count(distinct row({key})) filter (left_out = {quoted(CONFLICT)}), count(distinct row({key})) "
        f"from known_{table.name}"
    )
    return conflicts, keys


def _table_report(
    judged: JudgedRows,
    table: Table,
    period: Period,
    seen: Mapping[str, int],
    feed_max_age_days: int,
    notes: Sequence[str],
    rated: Set[str],
    history: Sequence[Period],
) -> dict[str, Any]:
    rows, unlinked, clean, earliest, latest, newest, early, first = _counts(judged, table, period.measured_on)
    held = seen["read"] - seen["empty_key"] - seen["not_yet_known"] - seen["byte_equal"]
    excluded = _excluded(judged, table) if clean < rows else {}
    days_old = (period.measured_on - newest).days if newest else None
    warnings = [
        *notes,
        *([] if clean else [ALL_LEFT_OUT.format(n=rows) if rows else NO_ROWS]),
        *(LEFT_OUT.format(n=counts["rows"], rows=rows, reason=reason) for reason, counts in excluded.items()
          if counts["rows"] > WARNED_ABOVE * rows and not is_on_purpose(reason)),
        *([UNLINKED.format(n=unlinked, rows=rows)]
          if unlinked > WARNED_ABOVE * rows else []),
        *(text for reference in table.references
          if _lost(reference) in excluded and judged.prepared.provides(reference.table)
          for text in _spelt_otherwise(judged, table, reference)),
        *([MAKE_SUBSCRIPTIONS.format(line="subscriptions: {from: invoices}")]
          if table.name == "invoices" and judged.prepared.provides("invoices.service_from")
          and not judged.prepared.provides("subscriptions") else []),
        *([THERE_BEFORE.format(n=early, rows=clean, table=table.name, column=table.event_time, day=first)]
          if early > WARNED_ABOVE * clean else []),  # a register tells of a later day than facts do, as if migrated
        *(_merged_into_nothing(judged)
          if table.name == "customers" and judged.prepared.provides("customers.merged_into") else []),
        *(_correcting_nothing(judged) if judged.prepared.provides(f"{table.name}.corrects") else []),
        *_without_rate(judged, table, rated),
        *([OLD.format(n=days_old, day=period.measured_on, most=feed_max_age_days)]
          if table.counted and days_old is not None and days_old > feed_max_age_days else []),
        *([STARTS.format(day=earliest)]  # the earlier periods that the pack shows reach back before that
          if table.has_history and earliest and history and earliest > history[0].start else []),
    ]  # fmt: skip
    return {
        **seen, "other_versions": held - rows, "excluded": excluded, "unlinked": unlinked, "clean": clean,
        "earliest": earliest and str(earliest), "latest": latest and str(latest), "days_old": days_old,
        "warnings": warnings,
    }  # fmt: skip


def _counts(judged: JudgedRows, table: Table, last: date) -> tuple[Any, ...]:
    """What is counted of a table: rows, those without their customer, and the clean ones; and the days of these.

    They are the earliest, the latest, and the newest up to ``last``. Then come the rows of a register that have facts
    from before their day, and the first day on which such a row is known.
    """
    told = table.day(table.event_time)
    before = f"left_out is null and recorded_at is null and known_from < {told}" if table.register else "false"
    [found] = judged.rows(
        f"select {table.count()}, {table.count('unlinked and left_out is null')}, {table.count('left_out is null')}, "
        f"min({told}) filter (left_out is null), max({told}) filter (left_out is null), "
        f"max({told}) filter (left_out is null and {told} <= date '{last}'), "
        f"count(*) filter ({before}), min(known_from) filter ({before}) from known_{table.name}"
    )
    return found


def _excluded(judged: JudgedRows, table: Table) -> dict[str, dict[str, Any]]:
    """Rows left out by reason, with the first keys of each to look at."""
    key = ", ".join(table.day(name) for name in table.key)
    found = judged.rows(
        f"select left_out, {table.count()}, min(distinct concat_ws(', ', {key}), {KEYS_SHOWN}) "
        f"from known_{table.name} where left_out is not null group by 1 order by 1"
    )
    return {reason: {"rows": rows, "examples": examples} for reason, rows, examples in found}


def _lost(reference: Reference) -> str:
    """Why a row is left out that names one that is not there."""
    return f"{reference.column} not in {reference.table}"


def _spelt_otherwise(judged: JudgedRows, table: Table, reference: Reference) -> list[str]:
    """Said where ids would be found if their case did not matter, nor the .0 of an id that was once a number."""
    column, parent = reference.column, TABLES[reference.table]
    alike, key = (f"regexp_replace(lower({of}), '\\.0$', '')" for of in (f"lost.{column}", "parent.key"))
    [(rows, found, meant)] = judged.rows(
        f"select {table.count()}, min(lost.{column}), arg_min(parent.key, lost.{column}) from known_{table.name} lost "
        f"join (select distinct {parent.key[0]} as key from known_{parent.name}) parent "
        f"on {key} = {alike} and parent.key <> lost.{column} "
        f"where lost.left_out = {quoted(_lost(reference))}"
    )
    if not rows:
        return []
    return [OTHERWISE.format(n=rows, column=column, table=parent.name, found=found, meant=meant)]


def _merged_into_nothing(judged: JudgedRows) -> list[str]:
    """Said where customers are merged into one that is not there, or into themselves, so that no row finds them."""
    [(rows, customer, into)] = judged.rows(
        "select count(*), min(customer_id), arg_min(merged_into, customer_id) from known_customers "
        "where merged_into = customer_id or merged_into not in (select customer_id from known_customers)"
    )
    return [MERGED_INTO_NOTHING.format(n=rows, customer=customer, into=into)] if rows else []


def _correcting_nothing(judged: JudgedRows) -> list[str]:
    """Said where invoice lines correct one that is not there, so that they lower no line."""
    [(rows, first, money)] = judged.rows(
        "select count(*), min(corrects), sum(amount) from known_invoices where left_out is null and corrects not in "
        "(select invoice_line_id from known_invoices where left_out is null and invoice_line_id is not null)"
    )
    if not rows:
        return []
    return [CORRECTS_NOTHING.format(n=rows, line=first, money=f"{money:,.2f}")]


def _without_rate(judged: JudgedRows, table: Table, rated: Set[str]) -> list[str]:
    """The currencies of a table's amounts that have no rate on the day whose rates hold for the pack."""
    if "currency" not in table.names or table.of_the_pack:
        return []
    amounts = " or ".join(f"{name} is not null" for name in table.amounts) or "true"
    used = judged.rows(
        f"select currency, count(*) from known_{table.name} "
        f"where left_out is null and currency is not null and ({amounts}) group by 1 order by 1"
    )
    return [
        NO_RATE.format(n=rows, currency=currency, day=judged.prepared.rates_on)
        for currency, rows in used
        if currency not in rated
    ]


def _rated(judged: JudgedRows) -> set[str]:
    if not judged.prepared.provides("fx_rates"):
        return {judged.prepared.currency}
    return {judged.prepared.currency} | {
        currency
        for (currency,) in judged.rows(
            "select currency from known_fx_rates where left_out is null "
            f"""and coalesce("on" <= date '{judged.prepared.rates_on}', true)"""
        )
    }


def _order(judged: JudgedRows, check: OrderCheck) -> dict[str, Any]:
    clean = {name: f"(select * from known_{name} where left_out is null)" for name in check.tables}
    [(early, rows)] = judged.rows(check.sql.format(**clean))
    early, rows = early or 0, rows or 0
    return {"what": check.what, "rows": early, "of": rows, "warning": early > WARNED_ABOVE * rows}
