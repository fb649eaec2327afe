"""What typed rows give away of a reading that was wrong: asked about, since each figure would look fine.

Ends that are the last day and not the first without, ids that lost their zeros, currencies that are no codes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

import duckdb

from helpers.data.canonical_tables import TABLES
from helpers.data.readings import SIGN_AS_WRITTEN, Ask, Question
from helpers.data.schema import Table
from helpers.data.statements import quoted

ENDS = {"subscriptions": "end_on", "entitlements": "end_on", "milestones": "ended_on"}  # days that are exclusive
BEGINS = {"subscriptions": "start_on", "entitlements": "start_on", "milestones": "started_on"}
MANY = 2  # ends on the eve of the same customer's next begin, and none on its day
SIGNS = {  # what each may mean, the most often meant first
    "€": ("EUR",), "£": ("GBP",), "¥": ("JPY", "CNY"), "円": ("JPY",), "元": ("CNY",), "₩": ("KRW",), "₹": ("INR",),
    "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "MXN", "ARS", "CLP", "COP"), "US$": ("USD",),
    "CA$": ("CAD",), "C$": ("CAD",), "A$": ("AUD",), "AU$": ("AUD",), "NZ$": ("NZD",), "S$": ("SGD",), "HK$": ("HKD",),
    "NT$": ("TWD",), "R$": ("BRL",), "CN¥": ("CNY",), "JP¥": ("JPY",),
    "\\": ("JPY",),  # the byte that is the yen in Shift-JIS
}  # fmt: skip
CODE = "^[A-Z]+$"  # a sign is that of several currencies; a code without a rate is told elsewhere
HUNDREDTHS = "[A-Z]{2}[a-z]"  # GBp is pence and ZAc cents: in capitals they would be the whole unit


def ends_on_the_eve(local: duckdb.DuckDBPyConnection, name: str) -> Iterator[str]:
    """Asked where rows of a table end on the day before the same customer's next one begins, and none on the day."""
    end = ENDS[name]
    eves, days, example = ends_by_next_begin(local, name, "customer_id", BEGINS[name], end)
    if eves >= MANY and not days:
        customer, ended, began = example
        yield (
            f"{end}: {eves} rows end on the day before the same customer's next one begins ({customer}: {ended}, then "
            f"{began}), none on that day itself; if {end} is the last day, write reads: {{end_on: inclusive}}, "
            "else reads: {end_on: exclusive}"
        )


def ends_by_next_begin(
    local: duckdb.DuckDBPyConnection, rows: str, customer: str, begin: str, end: str
) -> tuple[int, int, Any]:
    """How many rows end on the day before the same customer's next one begins, how many on it, and one of the first.

    ``customer``, ``begin`` and ``end`` are SQL over the rows.
    """
    [(eves, days, example)] = local.execute(f"""
        with given as (select {customer} as customer, {begin} as begins, {end} as ends from {rows} as given),
        next as (select distinct customer, begins as next_on from given)
        select count(*) filter (next_on = ends + 1), count(*) filter (next_on = ends),
            min((customer, ends, next_on)) filter (next_on = ends + 1)
        from given join next using (customer)
        where next_on between ends and ends + 1 and next_on > begins""").fetchall()
    return eves, days, example


def ids_without_zeros(
    local: duckdb.DuckDBPyConnection, table: Table, staged: Collection[str], rows: str = ""
) -> Iterator[str]:
    """Told where ids of a table are in the one that they name only with zeros before them, or without.

    ``rows`` are its ids where they stand elsewhere than in the table of its name.
    """
    for reference in (reference for reference in table.references if reference.table in staged):
        column, parent = reference.column, TABLES[reference.table]
        key = parent.key[0]
        [(zeros,)] = local.execute(
            f"select exists (from {parent.name} where starts_with({key}, '0')) "
            f"or exists (from {rows or table.name} where starts_with({column}, '0'))"
        ).fetchall()
        if not zeros:
            continue
        [(times, example, lengths)] = local.execute(f"""
            with known as (select distinct {key} as id, ltrim({key}, '0') as bare from {parent.name}),
            lost as (
                select distinct {column} as id, ltrim({column}, '0') as bare from {rows or table.name}
                where {column} is not null and {column} not in (select id from known where id is not null)
            )
            select count(distinct lost.id), min((lost.id, known.id)),
                list_sort(list(distinct greatest(length(lost.id), length(known.id))))
            from lost join known using (bare) where bare <> ''""").fetchall()
        if times:
            here, there = example
            one, other, of = (
                (column, f"query of {table.name}", here) if len(there) > len(here)
                else (key, f"query of {parent.name}", there)
            )  # fmt: skip
            length = lengths[-1]
            [(short,)] = local.execute(
                f"select count(*) from {parent.name} where length({key}) < {length} "
                f"and {key} in (select {column} from {rows or table.name})"
            ).fetchall()
            padded = f"case when length({one}) < {length} then lpad({one}, {length}, '0') else {one} end as {one}"
            remedy = (
                f"give {of!r} its zeros in the {other}: {padded}" if len(lengths) == 1 and not short
                else f"not all have {length} signs, so give {of!r} its zeros where the {other} has it from"
            )  # fmt: skip
            yield (
                f"{column}: {here!r} is in {parent.name} only as {there!r} ({times} such ids); ids are compared as "
                f"they stand; {remedy}"
            )


def one_form(currency: str) -> str:
    """The SQL of a currency in capitals, but for what says hundredths of it: that stays, and is asked about."""
    return f"case when regexp_full_match({currency}, '{HUNDREDTHS}') then {currency} else upper({currency}) end"


def no_currencies(local: duckdb.DuckDBPyConnection, name: str) -> Iterator[str]:
    """Asked where a currency is a sign or a word, which may be that of several, or hundredths of one."""
    found = local.execute(
        f"select currency, count(*) from {name} where not regexp_matches(currency, '{CODE}') group by 1 order by 1"
    ).fetchall()
    for sign, rows in found:
        if re.fullmatch(HUNDREDTHS, sign):
            whole = sign.upper()
            yield (
                f"currency: {sign!r} means hundredths of a currency ({rows} rows); in a query, divide these amounts "
                f"by 100 and give the code of the whole unit, such as {whole!r} for {sign!r}; if they are in whole "
                "units, give the code alone"
            )
            continue
        likely = SIGNS.get(sign, ("EUR",))[0]
        yield (
            f"currency: {sign!r} is no code ({rows} rows); say which currency it is in a query: "
            f"case trim(currency) when {sign!r} then '{likely}' else currency end as currency"
        )


def signs_of_others(ask: Ask, column: str, text: str, currency: str, named: bool) -> Iterator[Question]:
    """Asked where an amount bears the sign of another currency than its row.

    Args:
        ask: gives the one row that SQL expressions over the rows give.
        column: the name of the amount.
        text: SQL of the amount as it stands.
        currency: SQL of the row's currency.
        named: whether rows name their currency themselves, not the source for all of them.
    """
    sign = SIGN_AS_WRITTEN.replace("{}", text)
    meant = " ".join(f"when {quoted(sign)} then {list(codes)}" for sign, codes in SIGNS.items())
    of_sign = f"case translate({sign}, '￥＄', '¥$') {meant} else [] end"
    odd = f"{sign} is not null and regexp_matches({currency}, '{CODE}') and not list_contains({of_sign}, {currency})"
    [example, of, signs, rows, amounts] = ask([
        f"min({text}) filter (where {odd})", f"arg_min({currency}, {text}) filter (where {odd})",
        f"list_sort(list(distinct {sign}) filter (where {odd}))", f"count(*) filter (where {odd})", f"count({text})",
    ])  # fmt: skip
    if rows:
        likely = {each: SIGNS.get(each.translate({0xFFE5: "¥", 0xFF04: "$"}), ("USD",))[0] for each in signs}
        if named:
            answer = "correct the one or the other where they come from"
        elif rows == amounts and len(signs) == 1:
            answer = f"if that is {likely[signs[0]]}, write currency: {likely[signs[0]]} in the source"
        else:
            cases = " ".join(f"when contains({column}, {quoted(each)}) then {quoted(likely[each])}" for each in signs)
            answer = f"say which currency it is in a query: case {cases} else {quoted(of)} end as currency"
        yield Question(
            column, f"{example!r} bears the sign of a currency, and its row is in {of} ({rows} rows)", answer
        )
