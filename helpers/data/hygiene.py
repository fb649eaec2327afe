"""What is known at a day, and which of it is fit for use, as SQL over the tables of a prepared folder.

Source: specification 1.2 and 1.4. The order is fixed: rows not known are left out, later facts are masked, one
version per key is kept, rows are re-pointed to the customer that theirs was merged into, and only then is a row held
against its constraints. Every row that is left out carries the one reason it is counted under.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from helpers.data.schema import Constraint, Reference, Table
from helpers.data.engines import quoted

CONFLICT = "same key, different content"
OF_REDUCED = ("_since_on", "_until_on", "_version", "_broken")  # columns of a reduced row beside its table's


@dataclass(frozen=True)
class Knowledge:
    """Where knowledge ends: the first local day that is not known, and its first instant."""

    on: date
    at: datetime

    def fill(self, sql: str) -> str:
        """SQL with this end of knowledge in the place of ``{on}`` and ``{at}``."""
        return sql.replace("{on}", f"date '{self.on}'").replace("{at}", f"timestamptz '{self.at.isoformat()}'")


def known_rows(table: Table, knowledge: Knowledge, rows: str) -> str:
    """The rows known, later facts masked. A row without an event time is known."""
    if table.known:
        return knowledge.fill(f"select * from {rows} where {table.known}")
    masked = {name: f'case when "{name}" < {_end(table, name)} then "{name}" end' for name in table.masks}
    replaced = _replace({**masked, **table.consequences})
    event = f'"{table.event_time}" < {_end(table, table.event_time)}' if table.event_time else "null"
    known = f"case when recorded_at is not null then recorded_at < {{at}} else {event} end"
    return knowledge.fill(f"select *{replaced} from {rows} where coalesce({known}, true)")


def one_version(table: Table, knowledge: Knowledge, rows: str) -> str:
    """One row per key, with ``_version`` empty; or all rows of a key that none can be chosen of, with the reason.

    The row with the greatest ``updated_at`` that is known is kept; without one, none can be trusted.
    """
    key = ", ".join(f'"{name}"' for name in table.key)
    return knowledge.fill(f"""
        select * exclude (_updated, _same, _tied, _rank),
            case when _same > 1 and (_updated is null or _tied > 1) then {quoted(CONFLICT)} end as _version
        from (
            select *,
                count(*) over (partition by {key}) as _same,
                count(*) over (partition by {key}, _updated) as _tied,
                rank() over (partition by {key} order by _updated desc nulls last) as _rank
            from (select distinct *, case when updated_at < {{at}} then updated_at end as _updated from {rows})
        )
        where _rank = 1""")


def added_up(table: Table, rows: str) -> str:
    """The rows of a reduced table added up where they are known, linked and judged alike, each with one of its keys."""
    same = ", ".join([table.event_time, *(reference.column for reference in table.references), *OF_REDUCED])
    keys = ", ".join(f"min({name}) as {name}" for name in table.key if name not in same)
    return f"select {same}, {keys}, sum({table.counted}) as {table.counted} from {rows} group by {same}"


def judged_rows(table: Table, links: Mapping[Reference, str], rows: str) -> str:
    """Rows with ``_excluded``, the reason that a row is left out for, and ``_unlinked``, whether it lost a link.

    ``links`` names, per reference into a provided table, the table of its keys: key, target, excluded.
    """
    joins, reasons, targets, lost = [], [], {}, []
    for i, (reference, keys) in enumerate(links.items()):
        name, link = f'v."{reference.column}"', f"link_{i}"
        joins.append(f'left join "{keys}" {link} on {name} = {link}.key')
        targets[reference.column] = f"coalesce({link}.target, {name})" if reference.required else f"{link}.target"
        reasons += _link_reasons(reference, name, link)
        lost.append(f"{name} is not null and {link}.key is null")
    linked = f"""
        select v.*{_replace(targets)}, {first_reason(reasons)} as _link, {" or ".join(lost) or "false"} as _unlinked
        from ({rows}) v {" ".join(joins)}"""
    broken = [*_values(table), *_finite(table), *table.constraints]
    return f"""select * exclude (_version, _link),
        coalesce(_version, {first_reason(table.excluded_if)}, _link, {first_reason(broken)}) as _excluded
        from ({linked})"""


def keys_of_merged(rows: str) -> str:
    """The keys of customers, each with the customer that it was merged into at last, itself if it was not.

    Chains are followed to their end; a circle has none, so its customers are found by no row.
    """
    return f"""
        with recursive chain(key, target) as (
            select customer_id, customer_id from "{rows}"
            union
            select chain.key, c.merged_into from chain join "{rows}" c on c.customer_id = chain.target
            where c.merged_into is not null
        )
        select key, min(target) as target,
            bool_or(c._excluded is not null) as excluded
        from chain join "{rows}" c on c.customer_id = chain.target and c.merged_into is null
        group by key"""


def keys_of(table: Table, rows: str) -> str:
    """The keys of a table, and whether their row is left out."""
    key = f'"{table.key[0]}"'
    return (
        f'select {key} as key, {key} as target, bool_or(_excluded is not null) as excluded from "{rows}" group by {key}'
    )


def first_reason(reasons: list[Constraint] | tuple[Constraint, ...]) -> str:
    """The first reason that holds, null if none does."""
    whens = " ".join(f"when {reason.broken} then {quoted(reason.reason)}" for reason in reasons)
    return f"case {whens} end" if whens else "cast(null as varchar)"


def _end(table: Table, name: str) -> str:
    return "{on}" if table.column(name).type == "date" else "{at}"


def _replace(expressions: Mapping[str, str]) -> str:
    written = ", ".join(f'{expression} as "{name}"' for name, expression in expressions.items())
    return f" replace ({written})" if written else ""


def _link_reasons(reference: Reference, name: str, link: str) -> list[Constraint]:
    column, parent = reference.column, reference.table
    missing = [
        Constraint(f"{column} empty", f"{name} is null"),
        Constraint(f"{column} not in {parent}", f"{link}.key is null"),
    ]
    left_out = Constraint(f"{column} is of a row left out of {parent}", f"{link}.excluded")
    return [*(missing if reference.required else []), left_out]


def _values(table: Table) -> list[Constraint]:
    return [
        Constraint(
            f"{column.name} is not {', '.join(column.values[:-1])} or {column.values[-1]}",
            f'"{column.name}" not in ({", ".join(quoted(value) for value in column.values)})',
        )
        for column in table.columns
        if column.values
    ]


def _finite(table: Table) -> list[Constraint]:
    numbers = [column.name for column in table.columns if column.type == "dec"]
    return [Constraint(f"{name} is not a finite number", f'not isfinite("{name}")') for name in numbers]
