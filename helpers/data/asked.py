"""What a card asks of the source: which tables feed a KPI, and which columns it lacks or does without.

Cards state what they need by asking for it; nothing else lists their requirements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.data.known import Tables


@dataclass(frozen=True)
class Asked:
    """Tables (``deals``) and columns (``deals.source``) that a card, or all cards of a theme, asked for.

    ``given`` are those that the source has, ``needed`` those without which a card stopped, ``missed`` those that cards
    do without.
    """

    given: Sequence[str] = ()
    needed: Sequence[str] = ()
    missed: Sequence[str] = ()

    @property
    def tables(self) -> list[str]:
        """The tables that are read.

        >>> Asked(given=("deals", "deals.source")).tables
        ['deals']
        """
        return [what for what in self.given if "." not in what]


@dataclass(frozen=True, eq=False)
class WatchedTables:
    """The tables of a day as a card sees them: the same tables, and a note of what was asked for.

    Two of them are never equal: what a KPI function keeps per tables, each is asked for anew.
    """

    tables: Tables
    answers: dict[str, bool] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)

    def provides(self, what: str) -> bool:
        """Whether the source gives a table or a column."""
        self.answers[what] = self.tables.provides(what)
        return self.answers[what]

    def require(self, *what: str) -> None:
        """Refuse to go on without these tables and columns; all of them are noted."""
        self.required.update([needed for needed in what if not self.provides(needed)])
        self.tables.require(*what)

    def __getitem__(self, name: str) -> ir.Table:
        self.require(name)
        return self.tables[name]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tables, name)

    @property
    def asked(self) -> Asked:
        """What was asked for so far."""
        missing = {what for what, given in self.answers.items() if not given}
        return Asked(
            given=sorted(self.answers.keys() - missing),
            needed=sorted(self.required),
            missed=sorted(missing - self.required),
        )


def as_json(asked: Mapping[str, Asked]) -> dict[str, dict[str, list[str]]]:
    """What was asked for, as a notebook hands it on.

    >>> as_json({"new_revenue": Asked(given=("deals",))})
    {'new_revenue': {'given': ['deals'], 'needed': [], 'missed': []}}
    """
    return {asker: {name: list(what) for name, what in vars(found).items()} for asker, found in asked.items()}


def from_json(found: Mapping[str, Mapping[str, Sequence[str]]]) -> dict[str, Asked]:
    """The inverse of :func:`as_json`."""
    return {asker: Asked(**asked) for asker, asked in found.items()}
