"""The words that the canonical tables are written in: columns, what is masked, what is checked.

Predicates and masks are SQL of the engine that reads the prepared folder (DuckDB); ``local_day(x)`` is the local day
of an instant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Type = Literal["str", "int", "dec", "bool", "date", "ts"]

SQL_TYPES: Mapping[str, str] = {
    "str": "varchar",
    "int": "bigint",
    "dec": "double",
    "bool": "boolean",
    "date": "date",
    "ts": "timestamptz",
}


@dataclass(frozen=True)
class Column:
    """One column. ``values`` are the only words that it may hold, empty for any."""

    name: str
    type: Type
    required: bool
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Constraint:
    """A row for which ``broken`` holds is quarantined and counted under ``reason``."""

    reason: str
    broken: str


@dataclass(frozen=True)
class Reference:
    """A column that names a row of another table.

    A row whose required reference finds nothing is excluded. An optional one only loses the link: a deal is a fact
    before its account becomes a customer, and dropping it until then would be look-ahead in every earlier quarter.

    A row with a required reference shows, from its own day on, that what it names is there. One with an optional
    reference shows it from the day that the SQL of ``shown_on`` gives, empty for never.
    """

    column: str
    table: str
    required: bool
    shown_on: str = ""


@dataclass(frozen=True)
class Table:
    """One canonical table.

    ``key`` columns make a row unique; those that are not required may be empty. A row that has an ``id`` is known by
    it alone. ``masks`` are facts that come later than the row: empty while their time is not known. ``consequences``
    are columns that say the same without a time of their own; ``{name}`` in their SQL stands for whether that mask is
    not known yet.
    ``amounts`` are in the row's ``currency``. ``one_of``
    lists sets of columns of which a source provides at least one. A ``register`` tells of what is there from its first
    fact on, whatever the day that it was registered. ``of_the_pack`` tables are the same for every history
    period of a pack. Of a table without ``has_history`` earlier periods are not shown, so it may begin late.

    A table that is prepared in another shape than a source gives it in has two: in the prepared one ``counted`` is the
    column that says how many rows of the source a row stands for.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    id: str = ""
    event_time: str = ""
    masks: tuple[str, ...] = ()
    consequences: Mapping[str, str] = field(default_factory=dict)
    references: tuple[Reference, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    excluded_if: tuple[Constraint, ...] = ()
    amounts: tuple[str, ...] = ()
    worth: str = ""
    worth_per: str = ""
    one_of: tuple[tuple[str, ...], ...] = ()
    register: bool = False
    of_the_pack: bool = False
    has_history: bool = True
    counted: str = ""

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def day(self, name: str) -> str:
        """The SQL of a column, an instant as its local day; null for no column.

        >>> tickets = Table("tickets", key=(), columns=columns("created_at:ts due_on:date", ""))
        >>> tickets.day("created_at"), tickets.day("due_on"), tickets.day("")
        ('local_day("created_at")', '"due_on"', 'null')
        """
        if not name:
            return "null"
        return f'local_day("{name}")' if self.column(name).type == "ts" else f'"{name}"'

    def count(self, condition: str = "true") -> str:
        """The SQL that counts the source's rows that a condition holds for.

        >>> Table("deals", key=("deal_id",), columns=()).count("amount > 0")
        'coalesce(count(*) filter (amount > 0), 0)'
        """
        counted = f"sum({self.counted})" if self.counted else "count(*)"
        return f"coalesce({counted} filter ({condition}), 0)"


@dataclass(frozen=True)
class OrderCheck:
    """Rows of one table that come before what they belong to: counted and kept.

    ``sql`` gives two numbers, the source's rows that are out of order and all of them; ``{name}`` stands for a clean
    table, and the check is made where all tables that it names are provided.
    """

    what: str
    tables: tuple[str, ...]
    sql: str


def columns(required: str, optional: str) -> tuple[Column, ...]:
    """Columns written as ``name``, ``name:type`` or ``name:word/word``; text where no type is given."""
    words = [(word, True) for word in required.split()] + [(word, False) for word in optional.split()]
    return tuple(_column(word, must) for word, must in [*words, ("recorded_at:ts", False), ("updated_at:ts", False)])


def _column(word: str, required: bool) -> Column:
    name, _, kind = word.partition(":")
    if kind in SQL_TYPES:
        return Column(name, kind, required)  # type: ignore[arg-type]  # narrowed by the line above
    return Column(name, "str", required, tuple(kind.split("/")) if kind else ())
