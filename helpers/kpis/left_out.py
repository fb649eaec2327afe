"""How much of a table is left out for a fault, and what follows for the KPIs that read it.

Up to a share of a table's rows, and of the money that they stand for, a figure stands, and a warning tells the money.
Above it (``most_left_out``) the figure would be another company's: it is refused, with the reason and what to do. Rows
that are left out on purpose, such as those of test customers, are no part of the table here. Where a source has no
subscriptions and they are made from invoices (``subscriptions: {from: invoices}``, by the rule of
``shared/invoices.sql``), a relation of notes tells what follows for figures that stand on them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from helpers import results
from helpers.data.canonical_tables import TABLES
from helpers.data.knowledge import TWICE, WITHOUT_KEY, is_on_purpose
from helpers.kpis.spine import Spine
from helpers.language import template
from helpers.results import Row

WHERE = template("{reason}; where a row has no key on purpose, leave it out in the query: where {key}")
MEND = template("{reason}; mend the rows or their query, or set the rule most_left_out higher")
WITH_MONEY = template("{table}: {n} of {total} rows left out, with {worth} of {money} ({share}): {reason}")
LEFT_OUT = template("{table}: {n} of {total} rows left out ({share}): {reason}")
MORE = template("{reason}; and {n} more reasons")
COUNTED_ONCE = template(
    "{table}: of rows equal to another in every column, each counts once: {n} left out, with {money}; "
    "where they are items of their own, give {column}"
)
REASONS_TOLD = 3
NOTES_OF_INVOICES = "from_invoices_notes"


@dataclass
class Shortfall:
    """What is left out of a table in a period, of how much: rows, and what they are worth; by reason, the most first.

    ``twice`` are rows that count once, since nothing tells them from another.
    """

    table: str
    currency: str
    rows: int = 0
    worth: float = 0.0
    of_rows: int = 0
    of_worth: float = 0.0
    reasons: dict[str, int] = field(default_factory=dict)
    twice: tuple[int, float] = (0, 0.0)

    @property
    def share(self) -> float:
        """The greater of the shares of rows and of money."""
        return max(self.rows / self.of_rows if self.of_rows else 0, self.worth / self.of_worth if self.of_worth else 0)

    @property
    def refusal(self) -> str:
        """Why what reads the table is not told."""
        told = MEND.format(reason=self._told)
        if WITHOUT_KEY not in self.reasons:
            return told
        table = TABLES[self.table]
        key = " and ".join(f"{name} is not null" for name in table.key if table.column(name).required)
        return WHERE.format(reason=told, key=key)

    @property
    def warnings(self) -> list[str]:
        """What a figure that stands must tell: the money that is not in it."""
        found = [self._told] if self.worth else []
        rows, worth = self.twice
        if worth:
            table = TABLES[self.table]
            lacks = " or ".join(name for name in table.key if not table.column(name).required)
            found.append(COUNTED_ONCE.format(table=self.table, n=rows, money=self._money(worth), column=lacks))
        return found

    @property
    def _told(self) -> str:
        most = sorted(self.reasons, key=lambda reason: (-self.reasons[reason], reason))
        more, reasons = len(most) - REASONS_TOLD, "; ".join(most[:REASONS_TOLD])
        return (WITH_MONEY if self.worth else LEFT_OUT).format(
            table=self.table, n=self.rows, total=self.of_rows, share=f"{self.share:.2%}",
            worth=f"{self.worth:,.2f}", money=self._money(self.of_worth),
            reason=MORE.format(reason=reasons, n=more) if more > 0 else reasons,
        )  # fmt: skip

    def _money(self, amount: float) -> str:
        return f"{amount:,.2f} {self.currency}{TABLES[self.table].worth_per}"


def shortfalls(spine: Spine, table: str) -> dict[str, Shortfall]:
    """What is left out of a table, by the label of the period."""
    found: dict[str, Shortfall] = {}
    for answer in spine.whole(table):
        each = found.setdefault(answer["label"], Shortfall(table, spine.prepared.currency))
        reason, rows, worth = answer["reason"], answer["rows"], answer["worth"]
        if reason == TWICE:
            each.twice = (rows, worth)
        elif not reason or not is_on_purpose(reason):
            each.of_rows, each.of_worth = each.of_rows + rows, each.of_worth + worth
            if reason:
                each.rows, each.worth = each.rows + rows, each.worth + worth
                each.reasons[reason] = rows
    return found


def refusal(spine: Spine, tables: Collection[str], label: str) -> str:
    """Why nothing is told of a period that reads these tables, empty where enough of each is there."""
    return _told(spine, tables)[0].get(label, "")


def limited(rows: Collection[Row], spine: Spine, tables: Collection[str]) -> list[Row]:
    """The rows of a card that reads these tables: refused where too much of one is left out, else warned of."""
    refused, told = _told(spine, tables)
    found: dict[tuple[str, str, str, str], Row] = {}
    for row in rows:
        label = row.period.label
        if row.status in ("not_provided", "refused"):
            each = row
        elif label in refused:
            each = results.refused(row.kpi_id, row.period, refused[label])
        elif more := told.get(label):
            each = replace(row, warnings=(*row.warnings, *more))
        else:
            each = row
        found.setdefault((each.kpi_id, label, each.segment_by, each.segment), each)
    return list(found.values())


def _told(spine: Spine, tables: Collection[str]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """By the label of a period: why it is refused, of which the first reason is told, and what its figures tell."""
    refused: dict[str, str] = {}
    told: dict[str, list[str]] = {}
    is_from_invoices = "subscriptions" in tables and "subscriptions" in spine.prepared.made_from
    if is_from_invoices:
        refused = {label: texts[0] for label, texts in spine.notes(NOTES_OF_INVOICES, "refused").items()}
    for table in (table for table in tables if table not in spine.prepared.made_from):
        for label, each in shortfalls(spine, table).items():
            if each.share > spine.rules["most_left_out"]:
                refused.setdefault(label, each.refusal)
            told.setdefault(label, []).extend(each.warnings)
    if is_from_invoices:
        for label, texts in spine.notes(NOTES_OF_INVOICES, "warning").items():
            told.setdefault(label, []).extend(texts)
    return refused, told
