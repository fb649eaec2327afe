"""What typed rows give away of a reading that was wrong: asked about, since each figure would look fine.

Ends that are the last day and not the first without, ids that lost their zeros, currencies that are no codes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import duckdb

from helpers.data.schema import Table
from helpers.data.tables import TABLES

ENDS = {"subscriptions": "end_on", "entitlements": "end_on", "milestones": "ended_on"}  # days that are exclusive
BEGINS = {"subscriptions": "start_on", "entitlements": "start_on", "milestones": "started_on"}
MANY = 2  # ends on the eve of the same customer's next begin, and none on its day
SIGNS = {"€": "EUR", "$": "USD", "US$": "USD", "£": "GBP", "¥": "JPY", "R$": "BRL"}  # as they are most often meant
CODE = "^[A-Z]+$"  # a sign is that of several currencies; a code without a rate is told elsewhere


def ends_on_the_eve(local: duckdb.DuckDBPyConnection, name: str) -> Iterator[str]:
    """Asked where rows of a table end on the day before the same customer's next one begins, and none on the day."""
    end, begin = ENDS[name], BEGINS[name]
    [(eves, days, example)] = local.execute(f"""
        with next as (select distinct customer_id, {begin} as begins from {name})
        select count(*) filter (begins = {end} + 1), count(*) filter (begins = {end}),
            min((customer_id, {end}, begins)) filter (begins = {end} + 1)
        from {name} join next using (customer_id) where begins between {end} and {end} + 1""").fetchall()
    if eves >= MANY and not days:
        customer, ended, began = example
        yield (
            f"{end}: {eves} rows end on the day before the same customer's next one begins ({customer}: {ended}, then "
            f"{began}), none on that day itself; if {end} is the last day, write reads: {{end_on: inclusive}}, "
            "else reads: {end_on: exclusive}"
        )


def ids_without_zeros(local: duckdb.DuckDBPyConnection, table: Table, staged: Collection[str]) -> Iterator[str]:
    """Told where ids of a table are in the one that they name only with zeros before them, or without."""
    for reference in (reference for reference in table.references if reference.table in staged):
        column, parent = reference.column, TABLES[reference.table]
        key = parent.key[0]
        [(rows, example)] = local.execute(f"""
            with known as (select distinct {key} as id, ltrim({key}, '0') as bare from {parent.name}),
            lost as (
                select {column} as id, ltrim({column}, '0') as bare from {table.name}
                where {column} is not null and {column} not in (select id from known where id is not null)
            )
            select count(distinct lost.id), min((lost.id, known.id))
            from lost join known using (bare) where bare <> ''""").fetchall()
        if rows:
            here, there = example
            one, other, of, longer = (
                (column, f"query of {table.name}", here, there) if len(there) > len(here)
                else (key, f"query of {parent.name}", there, here)
            )  # fmt: skip
            yield (
                f"{column}: {here!r} is in {parent.name} only as {there!r} ({rows} such ids); ids are compared as they "
                f"stand; give {of!r} its zeros in the {other}: lpad({one}, {len(longer)}, '0') as {one}"
            )


def no_currencies(local: duckdb.DuckDBPyConnection, name: str) -> Iterator[str]:
    """Asked where a currency is a sign or a word, which may be that of several."""
    found = local.execute(
        f"select currency, count(*) from {name} where not regexp_matches(currency, '{CODE}') group by 1 order by 1"
    ).fetchall()
    for sign, rows in found:
        likely = SIGNS.get(sign, "EUR")
        yield (
            f"currency: {sign!r} is no code ({rows} rows); say which currency it is in a query: "
            f"case trim(currency) when {sign!r} then '{likely}' else currency end as currency"
        )
