"""Words and ids as exports spell them, taken as the specification's: each change is told in the data report.

A column that holds one of a few words takes them in any case, with any separators, and as the common tools say them,
or as German spreadsheets do: ``Closed Won`` is ``won``, ``yearly`` and ``jährlich`` are ``year``. What is not known
stays, and is left out and counted like any other word that does not fit. Spaces around an id are no part of it; upper
and lower case are.
"""

from __future__ import annotations

from typing import NamedTuple

import duckdb

from helpers.data.engines import quoted
from helpers.data.file_kinds import plain
from helpers.data.schema import Column, Table

AROUND = " \t\r\n\u00a0"  # what may stand around an id: spaces, tabs, ends of lines and the space that does not break
OTHER_NAMES_OF_IDS = ("merged_into", "corrects")

_UNITS = {
    "day": ("days", "daily", "per_day", "d"),
    "week": ("weeks", "weekly", "per_week"),
    "month": ("months", "monthly", "per_month", "mo", "mth", "monat", "monatlich"),
    "quarter": ("quarters", "quarterly", "per_quarter", "quartal", "vierteljaehrlich"),
    "year": ("years", "yearly", "annual", "annually", "per_year", "per_annum", "yr", "jahr", "jaehrlich"),
}
# Who does not renew has cancelled for the end of the term, and pays until then.
SPELLINGS: dict[str, dict[str, tuple[str, ...]]] = {
    "interval": _UNITS,
    "reset": {**_UNITS, "none": ("never",)},
    "status": {
        "trialing": ("trial", "in_trial"),
        "active": ("live", "non_renewing", "nonrenewing", "aktiv"),
        "past_due": ("pastdue", "overdue"),
        "paused": ("on_hold",),
        "canceled": ("cancelled", "expired", "ended", "churned", "terminated", "gekuendigt", "beendet"),
    },
    "outcome": {
        "won": ("closed_won", "closedwon", "gewonnen"),
        "lost": ("closed_lost", "closedlost", "verloren"),
        "open": ("in_progress", "offen"),
    },
    "deal_type": {
        "new_logo": ("new", "new_business", "newbusiness", "new_customer"),
        "upsell": ("up_sell", "expansion", "upgrade"),
        "cross_sell": ("crosssell",),
        "renewal": ("renewals",),
    },
    "kind": {
        "recurring": ("subscription", "subscriptions"),
        "usage": ("metered", "usage_based"),
        "one_off": ("one_time", "onetime", "oneoff"),
        "services": ("service", "professional_services"),
        "tax": ("taxes", "vat", "sales_tax"),
    },
    "discount_kind": {"limited": ("once", "repeating")},
    "department": {"sales": ("vertrieb",), "support": ("kundendienst", "kundenservice")},
    "cancel_reason": {"payment": ("payment_failed", "non_payment", "not_paid")},
}
LOOKED_FOR = {"department": ("marketing", "sales", "support")}


class Spelling(NamedTuple):
    """A word of a column, or what stands around its ids, what it is taken as, and in how many rows."""

    column: str
    found: str
    taken_as: str
    rows: int


def respell(engine: duckdb.DuckDBPyConnection, table: Table) -> list[Spelling]:
    """Write the words and ids of a typed table as the specification does, and tell what was changed."""
    odd = {
        column: f'"{column.name}" not in ({", ".join(map(quoted, words))})' if (words := words_of(column))
        else f'"{column.name}" <> {trimmed(column.name)}'
        for column in table.columns if words_of(column) or is_id(column)
    }  # fmt: skip
    if not odd:
        return []
    counts = ", ".join(f"count(*) filter ({condition})" for condition in odd.values())
    [found] = engine.execute(f"select {counts} from {table.name}").fetchall()
    told = []
    for (column, condition), rows in zip(odd.items(), found, strict=True):
        if rows:
            told += (_words if words_of(column) else _ids)(engine, table, column, condition)
    return told


def is_id(column: Column) -> bool:
    """Whether a column holds ids.

    >>> is_id(Column("parent_id", "str", False)), is_id(Column("name", "str", True))
    (True, False)
    """
    return column.type == "str" and (column.name.endswith("_id") or column.name in OTHER_NAMES_OF_IDS)


def trimmed(name: str) -> str:
    """The SQL of an id without what stands around it."""
    return f'trim("{name}", {quoted(AROUND)})'


def words_of(column: Column) -> tuple[str, ...]:
    """The words that a column may hold, or that cards look for among any others.

    >>> words_of(Column("department", "str", True))
    ('marketing', 'sales', 'support')
    """
    return column.values or LOOKED_FOR.get(column.name, ())


def word_of(column: Column, found: str) -> str | None:
    """The word that is meant, None where that cannot be told.

    >>> outcome = Column("outcome", "str", False, ("won", "lost", "open"))
    >>> word_of(outcome, "Closed Won "), word_of(outcome, "LOST"), word_of(outcome, "maybe")
    ('won', 'lost', None)
    >>> word_of(Column("status", "str", False, ("active", "canceled")), "Gekündigt")
    'canceled'
    """
    name, words = plain(found).replace(" ", "_"), words_of(column)
    if name in words:
        return name
    names = SPELLINGS.get(column.name, {})
    return next((word for word in words if name in names.get(word, ())), None)


def _words(engine: duckdb.DuckDBPyConnection, table: Table, column: Column, odd: str) -> list[Spelling]:
    others = engine.execute(
        f'select "{column.name}", count(*) from {table.name} where {odd} group by 1 order by 1'
    ).fetchall()
    meant = [(found, word, rows) for found, rows in others if (word := word_of(column, found))]
    if meant:
        cases = " ".join(f"when {quoted(found)} then {quoted(word)}" for found, word, _ in meant)
        engine.execute(
            f'update {table.name} set "{column.name}" = case "{column.name}" {cases} else "{column.name}" end'
        )
    return [Spelling(column.name, found, word, rows) for found, word, rows in meant]


def _ids(engine: duckdb.DuckDBPyConnection, table: Table, column: Column, odd: str) -> list[Spelling]:
    id_ = f'"{column.name}"'
    [(rows, first)] = engine.execute(f"select count(*), min({id_}) from {table.name} where {odd}").fetchall()
    engine.execute(f"update {table.name} set {id_} = {trimmed(column.name)} where {odd}")
    return [Spelling(column.name, quoted(first), quoted(first.strip(AROUND)), rows)]
