"""What is known of each row, from which day to which, and whether the row is fit for use.

Source: specification 1.2 and 1.4. Knowledge ends at a local midnight, so that days say all of it: a row holds in this
form in every review whose last known day is from ``known_from`` to ``known_until``. A fact that becomes another when
something is learnt later (a cancellation, a merge, a correction) stands in several rows whose days meet. So each
earlier period of a pack sees exactly what was known then, and nothing is judged anew for it.

The order is fixed: rows that are not known are left out, later facts are masked, one version per key is kept, rows are
re-pointed to the customer that theirs was merged into, and only then is a row held against its constraints. A register
of customers or users does not say when it was known, unless it tells ``recorded_at``: after a migration, all of it has
the day of the migration. So whoever is in it is known from its first fact on, at the latest. Each row
that is left out says why in ``left_out``; ``unlinked`` marks a row that is kept without the customer that it names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date

import duckdb

from helpers.data.canonical_tables import TABLES
from helpers.data.engines import STAGED, quoted
from helpers.data.schema import Constraint, Reference, Table
from helpers.language import template

CONFLICT = template("same key, different content")
NO_WORD, NO_NUMBER = template("{column} is not {words} or {last}"), template("{column} is not a finite number")
# Why rows are set aside before all else.
WITHOUT_KEY, TWICE = template("a column of the key is empty"), template("equal to another row")
ON_PURPOSE, AT_FAULT = "left out of", "at fault in"  # how the row that another names does not count in its own table
FIRST_EVENTS = f"{STAGED}.first_events"  # the day of the first event of each user, with the customer that it names
KNOWN_OF = {"users": f"{STAGED}.known_of_users", "customers": f"{STAGED}.known_of_customers"}
ALWAYS, FOREVER = "date '0001-01-01'", "date '9999-12-31'"
PURPOSES = {rule.reason for table in TABLES.values() for rule in table.excluded_if}
OF_KNOWLEDGE = ("known_from", "known_until", "left_out", "unlinked")  # columns beside those of the specification


def is_on_purpose(reason: str) -> bool:
    """Whether rows are left out for what they are, such as those of a test customer, not for a fault.

    >>> is_on_purpose("test customer"), is_on_purpose("user_id is of a row left out of users")
    (True, True)
    >>> is_on_purpose("user_id not in users")
    False
    """
    return reason in PURPOSES or f" {ON_PURPOSE} " in reason


def judge(engine: duckdb.DuckDBPyConnection, table: Table, provided: Collection[str], last_day: date) -> dict[str, int]:
    """Make the table ``judged_NAME`` of the typed rows in ``NAME``, and count what does not reach it.

    Tables that this one refers to come first. ``last_day`` is the last day that the review knows of.

    Returns:
        How many rows were ``read``, have an ``empty_key``, are ``not_yet_known`` or ``byte_equal`` to another.
    """
    if table.register:
        engine.execute(f"create table first_facts as {_first_facts(table, provided)}")
    counted = _make_known(engine, table, last_day)
    links = [reference for reference in table.references if reference.table in provided]
    states, repeated = _states(engine, table, links, last_day)
    rows = _one_version(table, states) if repeated else f"select *, cast(null as varchar) as _version from ({states})"
    engine.execute(f"create table judged_{table.name} as {_judged(table, links, rows)}")
    if table.name == "customers":
        engine.execute(KEYS_OF_CUSTOMERS)
        engine.execute(PARENTS_FOLLOWED)
    elif any(reference.table == table.name for other in TABLES.values() for reference in other.references):
        engine.execute(_keys_of(table))
    for spare in ("known", "learnt", *(["first_facts"] if table.register else [])):
        engine.execute(f"drop table {spare}")
    return counted


def judged_events(reduced: str, provided: Collection[str]) -> str:
    """The query that gives days of use, once the tables that they refer to are judged.

    Each has what is known of its user, and of the customer that the event itself names: ``customer_id`` is the user's
    own, and ``created_on`` the day on which the user was created; where no users are given, the customer is the
    event's, and that day is not told. A row is known as long as nothing is learnt of any of the three. What is known
    of users and customers stands in the tables of ``KNOWN_OF``.

    Args:
        reduced: SQL of the rows that ``reduction`` gives.
        provided: the tables that the source gives.
    """
    of_users, of_customers = "users" in provided, "customers" in provided
    customer = "u.customer_id" if of_users else "c.target" if of_customers else "e.customer_id"
    return f"""
        select active_on, e.user_id, {customer} as customer_id, created_on, event, feature, is_automated, events,
            greatest(_since_on, u.known_from, c.known_from) as known_from,
            least(coalesce(_until_on - 1, {FOREVER}), u.known_until, c.known_until) as known_until,
            coalesce(_version, {"nullif(coalesce(u.left_out, 'user_id not in users'), '')," if of_users else ""}
                c.left_out, _broken) as left_out,
            {"e.customer_id is not null and c.target is null" if of_customers else "false"} as unlinked
        from ({reduced}) e
        left join {KNOWN_OF["users"]} u on {_while_known("user_id", "u")}
        left join {KNOWN_OF["customers"]} c on {_while_known("customer_id", "c")}"""


def make_aside(engine: duckdb.DuckDBPyConnection) -> None:
    """Make the table ``aside``, to which ``judge`` adds the rows that are in no judged table."""
    engine.execute(
        "create table aside "
        "(what varchar, reason varchar, known_from date, currency varchar, rows bigint, worth double)"
    )


def make_known_of(engine: duckdb.DuckDBPyConnection, provided: Collection[str]) -> None:
    """Make the tables of ``KNOWN_OF``; one of what the source does not give is empty."""
    found = {"users": USERS if "users" in provided else NO_USERS,
             "customers": CUSTOMERS if "customers" in provided else NO_CUSTOMERS}  # fmt: skip
    for name, query in found.items():
        engine.execute(f"create table {KNOWN_OF[name]} as {query}")


def _make_known(engine: duckdb.DuckDBPyConnection, table: Table, last_day: date) -> dict[str, int]:
    """Make the table ``known``: the distinct rows that are known on the last day, each with the day it is known from.

    What is learnt after that day is masked. ``own`` numbers the keys; where no key stands twice, no row does.
    """
    empty = " or ".join(f'"{name}" is null' for name in table.key if table.column(name).required)
    last = f"date '{last_day}'"
    later = {name: f"coalesce({table.day(name)} > {last}, false)" for name in table.masks}
    rows, told = table.name, table.day(table.event_time)
    if table.register:
        told = f"case when {told} is not null then least({told}, first_fact_on) end"
        rows = f'{table.name} left join first_facts on first_facts.key = "{table.key[0]}"'
    seen_on = f"coalesce({table.day('recorded_at')}, {told}, {ALWAYS})"
    is_known = f"not ({empty}) and {seen_on} <= {last}"
    [(read, with_key, known, keys)] = engine.execute(
        f"select count(*), count(*) filter (not ({empty})), count(*) filter ({is_known}), "
        f"count(distinct row({_key(table)})) filter ({is_known}) from {rows}"
    ).fetchall()
    own, once = (
        ("row_number() over ()", "") if keys == known else (f"dense_rank() over (order by {_key(table)})", "distinct")
    )
    [(distinct,)] = engine.execute(f"""
        create table known as
        select *, {own} as own
        from (select {once} {table.name}.*{_masked(table, later)}, {seen_on} as seen_on from {rows} where {is_known})
        """).fetchall()
    for query in _aside(table, rows, empty, seen_on, lacking=read > with_key, twice=known > distinct):
        engine.execute(f"insert into aside {query}")
    if table.of_the_pack:
        engine.execute(f"update known set seen_on = {ALWAYS}")
    return {
        "read": read, "empty_key": read - with_key, "not_yet_known": with_key - known, "byte_equal": known - distinct,
    }  # fmt: skip


def _aside(table: Table, rows: str, empty: str, seen_on: str, *, lacking: bool, twice: bool) -> Iterator[str]:
    """What no judged table tells: rows ``lacking`` a key; and rows equal to another that may be something else.

    They may be where an optional part of the key, which would tell, is empty.
    """
    worth = f"case when isfinite({table.worth}) then abs({table.worth}) end" if table.worth else "0"
    currency = "currency" if table.worth else "null"
    sums = f"{seen_on} as known_from, {currency} as currency, count(*) as rows, coalesce(sum({worth}), 0) as worth"
    if lacking:
        yield f"select '{table.name}', '{WITHOUT_KEY}', {sums} from {rows} where {empty} group by all"
    untold = " or ".join(f'"{name}" is null' for name in table.key if not table.column(name).required)
    if twice and untold and table.worth:
        columns = ", ".join(f'"{name}"' for name in table.names)
        yield f"""
            select '{table.name}', '{TWICE}', {sums}
            from (select *, row_number() over (partition by {columns}) as nth from {rows})
            where nth > 1 and not ({empty}) and ({untold})
            group by all"""


def _first_facts(table: Table, provided: Collection[str]) -> str:
    """The day of the first fact of each key of a register.

    A customer's fact is also one of whom it was merged into, from the day on which its row, which says so, is known.
    """
    facts = [
        _facts(TABLES[name], reference)
        for name in provided
        for reference in TABLES[name].references
        if reference.table == table.name and (reference.required or reference.shown_on)
    ]
    if table.name == "customers" and {"users", "events"} <= set(provided):
        facts.append(
            f"select users.customer_id, greatest(first_on, local_day(recorded_at)) from users join {FIRST_EVENTS} "
            "using (user_id)"
        )
    if not facts:
        return "select cast(null as varchar) as key, cast(null as date) as first_fact_on where false"
    found = f"select key, min(day) as first_fact_on from ({' union all '.join(facts)}) as fact(key, day) group by key"
    if table.name != "customers":
        return found
    return f"""
        with recursive found as ({found}),
        shown(key, first_fact_on) as (
            from found
            union
            select merged_into, greatest(first_fact_on, {table.day("recorded_at")})
            from shown join customers on customer_id = key
            where merged_into is not null
        )
        select key, min(first_fact_on) as first_fact_on from shown group by key"""


def _facts(table: Table, reference: Reference) -> str:
    """The rows of a table that show that what they name is there, each with the day from which on they do."""
    if table.name == "events":
        return f"select {reference.column}, first_on from {FIRST_EVENTS}"
    known = f"coalesce({table.day('recorded_at')}, {table.day(table.event_time)})"
    shown = reference.shown_on or known
    return f"select {reference.column}, greatest({known}, {shown}) from {table.name} where {shown} is not null"


def _states(
    engine: duckdb.DuckDBPyConnection, table: Table, links: Iterable[Reference], last_day: date
) -> tuple[str, bool]:
    """The query that gives each known row once per span of days in which nothing about its key is learnt.

    It reads the table ``learnt``, which is made here: the days on which something about a key is.

    Returns:
        The query, and whether any key stands in several rows.
    """
    [(rows, keys)] = engine.execute("select count(*), coalesce(max(own), 0) from known").fetchall()
    moments = [f"select own, {table.day(name)} as day from known where {table.day(name)} > seen_on"
               for name in table.masks]  # fmt: skip
    moments += [
        f'select own, k.known_from from known join keys_of_{link.table} k on k.key = "{link.column}" '
        f"where k.known_from > seen_on"
        for link in links
    ]
    if table.name == "customers":
        moments.append(MOMENTS_OF_MERGERS)
    if rows != keys:
        updated = table.day("updated_at")
        moments += [
            "select own, seen_on from known",
            f"select own, {updated} from known where {updated} <= date '{last_day}'",
        ]
    learnt = " union ".join(moments) or "select own, seen_on as day from known where false"
    [(moments_learnt,)] = engine.execute(f"create table learnt as from ({learnt}) as found(own, day)").fetchall()
    if not moments_learnt:
        spans = f"select *, seen_on as known_from, {FOREVER} as known_until from known"
    else:
        spans = f"""
            with days as (select own, seen_on as day from known union select own, day from learnt),
            spans as (
                select own, day as known_from,
                    coalesce(lead(day) over (partition by own order by day) - 1, {FOREVER}) as known_until
                from days
            )
            select known.*, known_from, known_until
            from known join spans on known.own = spans.own and known_from >= seen_on"""
    later = {name: f"coalesce({table.day(name)} > known_from, false)" for name in table.masks}
    return f"select * exclude (seen_on){_masked(table, later)} from ({spans})", rows != keys


def _one_version(table: Table, states: str) -> str:
    """One row per key and span, with ``_version`` empty; or all rows of a key that none can be chosen of, with why.

    The row with the greatest ``updated_at`` that is known is kept; without one, none can be trusted.
    """
    return f"""
        select * exclude (_updated, _same, _tied, _rank),
            case when _same > 1 and (_updated is null or _tied > 1) then {quoted(CONFLICT)} end as _version
        from (
            select *,
                count(*) over span as _same,
                count(*) over (partition by own, known_from, _updated) as _tied,
                rank() over (span order by _updated desc nulls last) as _rank
            from (
                select distinct *, case when {table.day("updated_at")} <= known_from then updated_at end as _updated
                from ({states})
            )
            window span as (partition by own, known_from)
        )
        where _rank = 1"""


def _judged(table: Table, links: Iterable[Reference], rows: str) -> str:
    """Rows re-pointed to what they refer to, each with the reason that it is left out for, if there is one."""
    joins, reasons, targets, lost = [], [], {}, []
    for i, reference in enumerate(links):
        name, link = f'v."{reference.column}"', f"link_{i}"
        joins.append(
            f"left join keys_of_{reference.table} {link} on {name} = {link}.key "
            f"and v.known_from between {link}.known_from and {link}.known_until"
        )
        targets[reference.column] = f"coalesce({link}.target, {name})" if reference.required else f"{link}.target"
        reasons += _reasons_of(reference, name, link)
        lost.append(f"{name} is not null and {link}.key is null")
    numbers = [column.name for column in table.columns if column.type == "dec"]
    finite = [Constraint(NO_NUMBER.format(column=name), f'not isfinite("{name}")') for name in numbers]
    broken = [*_words(table), *finite, *table.constraints]
    columns = ", ".join(f'"{name}"' for name in table.names)
    return f"""
        select {columns}, known_from, known_until,
            coalesce(_version, {first_reason(table.excluded_if)}, _link, {first_reason(broken)}) as left_out, unlinked
        from (
            select v.*{_replace(targets)}, {first_reason(reasons)} as _link, {" or ".join(lost) or "false"} as unlinked
            from ({rows}) v {" ".join(joins)}
        )"""


def _state(reason: str) -> str:
    """The SQL that tells how the row of a reason does not count in its own table, null where it does."""
    purposes = ", ".join(quoted(purpose) for purpose in sorted(PURPOSES))
    return (
        f"case when {reason} in ({purposes}) or contains({reason}, {quoted(f' {ON_PURPOSE} ')}) "
        f"then {quoted(ON_PURPOSE)} "
        f"when {reason} is not null then {quoted(AT_FAULT)} end"
    )


# From a customer to those that it was merged into, and, where its parent was merged, to those of the parent.
MOMENTS_OF_MERGERS = """
    select start.own, learnt.day from (
        with recursive reach(key, target) as (
            select customer_id, merged_into from known where merged_into is not null
            union
            select reach.key, known.merged_into from reach join known on customer_id = target
            where known.merged_into is not null
        )
        select key, target from reach
        union
        select customer_id, target from known join reach on key = parent_id
        union
        select customer_id, parent_id from known join reach on key = parent_id
    ) as followed
    join known start on start.customer_id = followed.key
    join (
        select customer_id, seen_on as day from known
        union select customer_id, local_day(updated_at) from known where updated_at is not null
    ) as learnt on learnt.customer_id = followed.target
    where learnt.day > start.seen_on"""

# Chains are followed to their end; a circle has none, so that its customers are found by no row.
KEYS_OF_CUSTOMERS = f"""
    create table keys_of_customers as
    with recursive chain(key, known_from, target) as (
        select customer_id, known_from, customer_id from judged_customers
        union
        select key, chain.known_from, merged_into
        from chain join judged_customers c on customer_id = target
            and chain.known_from between c.known_from and c.known_until
        where merged_into is not null
    )
    select key, chain.known_from, any_value(own.known_until) as known_until, min(target) as target,
        min({_state("last.left_out")}) as left_out
    from chain
    join judged_customers own on own.customer_id = key and own.known_from = chain.known_from
    join judged_customers last on last.customer_id = target and last.merged_into is null
        and chain.known_from between last.known_from and last.known_until
    group by key, chain.known_from"""

PARENTS_FOLLOWED = """
    update judged_customers set parent_id = k.target from keys_of_customers k
    where parent_id = k.key and judged_customers.known_from between k.known_from and k.known_until"""


# Each user and each customer has a form from the first day on: before it is known, it is missing.
USERS = f"""
    select user_id, any_value(customer_id) as customer_id, any_value(created_on) as created_on, known_from, known_until,
        coalesce('user_id is of a row ' || min({_state("left_out")}) || ' users', '') as left_out
    from judged_users group by user_id, known_from, known_until
    union all
    select user_id, null, null, {ALWAYS}, min(known_from) - 1, 'user_id not in users'
    from judged_users group by user_id having min(known_from) > {ALWAYS}"""
CUSTOMERS = f"""
    select key as customer_id, target, known_from, known_until,
        'customer_id is of a row ' || left_out || ' customers' as left_out
    from keys_of_customers
    union all
    select key, null, {ALWAYS}, min(known_from) - 1, null
    from keys_of_customers group by key having min(known_from) > {ALWAYS}"""
_NONE = f"{ALWAYS} as known_from, {FOREVER} as known_until, cast(null as varchar) as left_out where false"
NO_USERS = f"select '' as user_id, '' as customer_id, cast(null as date) as created_on, {_NONE}"
NO_CUSTOMERS = f"select '' as customer_id, '' as target, {_NONE}"


def _keys_of(table: Table) -> str:
    """The keys that rows of other tables name, and whether their row is left out."""
    key = f'"{table.key[0]}"'
    return (
        f"create table keys_of_{table.name} as select {key} as key, known_from, known_until, {key} as target, "
        f"min({_state('left_out')}) as left_out from judged_{table.name} group by all"
    )


def first_reason(reasons: Iterable[Constraint]) -> str:
    """The SQL of the first reason that holds, null if none does."""
    whens = " ".join(f"when {reason.broken} then {quoted(reason.reason)}" for reason in reasons)
    return f"case {whens} end" if whens else "cast(null as varchar)"


def _reasons_of(reference: Reference, name: str, link: str) -> list[Constraint]:
    column, parent = reference.column, reference.table
    missing = [
        Constraint(f"{column} empty", f"{name} is null"),
        Constraint(f"{column} not in {parent}", f"{link}.key is null"),
    ]
    left_out = [
        Constraint(f"{column} is of a row {state} {parent}", f"{link}.left_out = {quoted(state)}")
        for state in (ON_PURPOSE, AT_FAULT)
    ]
    return [*(missing if reference.required else []), *left_out]


def _words(table: Table) -> list[Constraint]:
    return [
        Constraint(
            NO_WORD.format(column=column.name, words=", ".join(column.values[:-1]), last=column.values[-1]),
            f'"{column.name}" not in ({", ".join(quoted(value) for value in column.values)})',
        )
        for column in table.columns
        if column.values
    ]


def _masked(table: Table, later: dict[str, str]) -> str:
    """Later facts empty; ``later`` tells per mask when it is one. What follows from them is masked with them."""
    masks = {name: f'case when not ({later[name]}) then "{name}" end' for name in table.masks}
    return _replace(masks | {name: sql.format(**later) for name, sql in table.consequences.items()})


def _replace(expressions: dict[str, str]) -> str:
    written = ", ".join(f'{expression} as "{name}"' for name, expression in expressions.items())
    return f" replace ({written})" if written else ""


def _while_known(column: str, of: str) -> str:
    """Where an event names a row, in a form that is known while the event is."""
    return (
        f"e.{column} = {of}.{column} and _since_on <= {of}.known_until "
        f"and coalesce(_until_on - 1, {FOREVER}) >= {of}.known_from"
    )


def _key(table: Table) -> str:
    return ", ".join(f'"{name}"' for name in table.key)
