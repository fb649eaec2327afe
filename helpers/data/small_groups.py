"""Groups of few customers, which a reader must not see: their values become ``(other)``, with the next smallest.

They are merged before anything is computed. So no figure, list or chart of the pack is of such a group, none can be
had by taking parts from their total, and parts still add up to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import duckdb

from helpers.data.engines import quoted
from helpers.language import template

OTHER = template("(other)")


class Group(NamedTuple):
    """A column whose values are groups of customers, and those that have the same values elsewhere.

    ``member`` is the SQL of the customer that a row ``t`` of the table belongs to.
    """

    table: str
    column: str
    member: str
    also: Sequence[tuple[str, str]] = ()


GROUPS = (
    Group("customers", "segment", "t.customer_id", [("spend", "segment")]),
    Group("customers", "country", "t.customer_id"),
    Group("customers", "owner", "t.customer_id"),
    Group("subscriptions", "plan", "t.customer_id"),
    Group("deals", "source", "coalesce(t.customer_id, t.deal_id)", [("spend", "channel")]),
    Group("deals", "owner", "coalesce(t.customer_id, t.deal_id)"),
)
# It decides how customers are judged: another word would change figures, so that it can only be left out of them.
BY_RULE = Group("customers", "product_type", "t.customer_id")

Values = Sequence[str | None]
Sizes = Mapping[str | None, Sequence[int]]  # of each value, the customers on each day, and ever


def sizes(
    engine: duckdb.DuckDBPyConnection, group: Group, days: Sequence[date], *, paying: bool, as_one: Values = ()
) -> Sizes:
    """How many customers have each value, first ever and then on each of the days; null is a value too.

    Values that count ``as_one`` are ``(other)``; a customer that has two of them is one customer of it.

    The engine has a view of each table. A customer is there on a day when a subscription is in force, where those are
    known (``paying``), else when it is registered. Values of other tables than customers and subscriptions are counted
    over all time alone: what happened once belongs to no day.
    """
    table, column, member = group.table, f't."{group.column}"', group.member
    column = as_merged(column, as_one) if as_one else column
    found: dict[str | None, list[int]] = {
        value: [n, *([0] * len(days))]
        for value, n in engine.execute(
            f"select {column}, count(distinct {member}) from {table} t where t.left_out is null group by 1"
        ).fetchall()
    }
    if table not in ("customers", "subscriptions"):
        return found
    listed = ", ".join(f"(date '{day}')" for day in days)
    in_force = "start_on <= day and coalesce(end_on > day, true)"
    if table == "subscriptions":
        there = f"join subscriptions t on t.left_out is null and {in_force}"
    elif paying:
        there = (
            f"join subscriptions s on s.left_out is null and {in_force} "
            "join customers t on t.customer_id = s.customer_id and t.left_out is null "
            "and day between t.known_from and t.known_until"
        )
    else:
        there = "join customers t on t.left_out is null and day between t.known_from and t.known_until"
    counted = f"select {column}, day, count(distinct {member}) from (values {listed}) as d(day) {there} group by all"
    place = {day: i for i, day in enumerate(days, start=1)}
    for value, day, n in engine.execute(counted).fetchall():
        found[value][place[day]] = n
    return found


def is_small(counts: Sequence[int], smallest: int) -> bool:
    """Whether there ever were too few: none at all is no group.

    >>> is_small([9, 0, 7], 5), is_small([9, 3, 9], 5)
    (False, True)
    """
    return any(0 < n < smallest for n in counts)


def stand_together(count: Callable[..., Sizes], smallest: int) -> tuple[list[str | None], int]:
    """The values that become one, as :func:`merged` says, and how many values there are.

    ``count`` is :func:`sizes` of a group. A customer may have several values, such as two plans. So those that stand
    together are counted again ``as_one``, until they are enough, or all of them.
    """
    found = count()
    values = merged(found, smallest)
    while 0 < len(values) < len(found) and is_small(count(as_one=values)[OTHER], smallest):
        values = merged(found, smallest, at_least=len(values) + 1)
    return values, len(found)


def merged(found: Sizes, smallest: int, *, at_least: int = 2) -> list[str | None]:
    """The values that become one: those that are too small on any day, and the next smallest, until all is enough.

    So two of them (``at_least``) or more, with enough customers on every day that there are any. None where no group is
    too small.

    >>> merged({"DE": [40, 31], "FR": [9, 8], "IT": [7, 0], "AT": [3, 2]}, 5)
    ['AT', 'IT', 'FR']
    >>> merged({"DE": [40, 31], "FR": [9, 8]}, 5)
    []
    """
    fewest = {value: min((n for n in counts if n), default=0) for value, counts in found.items()}
    in_order = sorted(found, key=lambda value: (value != OTHER, fewest[value], str(value)))
    small = [value for value in in_order if is_small(found[value], smallest)]
    if not small:
        return []
    small = [value for value in in_order if value in small or value == OTHER]
    for value in [value for value in in_order if value not in small]:
        together = [sum(counts) for counts in zip(*(found[each] for each in small), strict=True)]
        if len(small) >= at_least and not is_small(together, smallest):
            break
        small.append(value)
    return small


def as_merged(column: str, values: Values) -> str:
    """The SQL of a column with these values as one."""
    named = ", ".join(quoted(value) for value in values if value is not None)
    tests = ([f"{column} in ({named})"] if named else []) + ([f"{column} is null"] if None in values else [])
    return f"case when {' or '.join(tests)} then {quoted(OTHER)} else {column} end"
