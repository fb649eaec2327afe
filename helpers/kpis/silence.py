"""Who of the customers has gone silent on a day, and who is not asked.

Source: specification, card K03. One query per as-of answers for every day that a card looks at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import ibis
import pandas as pd

from helpers.errors import Refused
from helpers.kpis.activity import Use, UseRules, is_activity, with_accounts
from helpers.kpis.onboarding import first_days
from helpers.kpis.subscription_versions import paying, with_account
from helpers.periods import DAY

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.data.known import Tables

INTERACTIVE = "interactive"  # a product that tells no type is one that people use
ACTIVE, SILENT, NOT_PAYING = "active", "silent", "not paying"
TOO_NEW, ONBOARDING = "too new", "onboarding, no value yet"


class SilenceRules(UseRules, total=False):
    """The rules of a card that tells who is silent, each as in ``Silence``."""

    window_days: int | Mapping[str, int]
    health_signals: Mapping[str, Sequence[str]]
    not_applicable: Sequence[str]


@dataclass(frozen=True)
class Silence:
    """When a customer counts as silent.

    Attributes:
        use: What counts as use.
        window_days: So many complete days without activity; one number, or one per product type.
        health_signals: Events, automated ones included, by which the customers of a product type are judged.
        not_applicable: Product types of which silence says nothing, unless they have health signals.
    """

    use: Use = field(default_factory=Use)
    window_days: int | tuple[tuple[str, int], ...] = 14
    health_signals: tuple[tuple[str, tuple[str, ...]], ...] = ()
    not_applicable: tuple[str, ...] = ("api", "monitoring", "insurance")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Silence:
        """The rules as a card was given them."""
        days = given.get("window_days", cls.window_days)
        signals = given.get("health_signals", {})
        return cls(
            Use.of(given),
            window_days=tuple(sorted(days.items())) if isinstance(days, Mapping) else days,
            health_signals=tuple((name, tuple(events)) for name, events in sorted(signals.items())),
            not_applicable=tuple(given.get("not_applicable", cls.not_applicable)),
        )

    @property
    def longest(self) -> int:
        """The most days of any window."""
        return (
            self.window_days if isinstance(self.window_days, int) else max(dict(self.window_days).values(), default=1)
        )

    def window(self, product_type: str) -> int:
        """The days without activity that make a customer of this product type silent.

        Raises:
            Refused: the windows are given per product type, and this one has none.
        """
        if isinstance(self.window_days, int):
            return self.window_days
        windows = dict(self.window_days)
        if product_type not in windows:
            told = ", ".join(windows)
            raise Refused(f"window_days tells {told}, but not {product_type}; add the days for it under rules:")
        return windows[product_type]

    def applies_to(self, product_type: str) -> bool:
        """Whether silence says something about customers of this product type."""
        return product_type not in self.not_applicable or product_type in dict(self.health_signals)


@lru_cache(maxsize=64)
def states(tables: Tables, days: tuple[date, ...], rules: Silence) -> pd.DataFrame:
    """One row per customer that pays on any of ``days``, with what it is on each: a column per day.

    A state is ``active``, ``silent``, ``not paying``, or why the customer is not asked: ``product type api``,
    ``too new``, ``onboarding, no value yet``. Further columns: ``account_id``, ``product_type``, ``since`` (first paid
    day), ``users`` (on record, missing where users are not given).

    Raises:
        NotProvided: no subscriptions, no events, or nothing tells whose events they are.
        Refused: a product type has no window.
    """
    found = tables.fetch(_joined(tables, days, rules)).sort_values("account_id", ignore_index=True)
    windows = {name: rules.window(name) for name in found["product_type"].unique() if rules.applies_to(name)}
    judged = {day: _state(found, i, day, windows) for i, day in enumerate(days)}
    kept = ["account_id", "product_type", "since", "users"]
    return found[kept].assign(**{str(day): judged[day] for day in days})


class Tally(NamedTuple):
    """How many customers are ``inactive``, of how many ``asked``, and how many fell silent or came back since."""

    inactive: int
    asked: int
    newly_silent: int
    returned: int


def tally(before: pd.Series, now: pd.Series) -> Tally:
    """Customers counted by their states on two days."""
    silent, active = now == SILENT, now == ACTIVE
    counted = (silent, silent | active, silent & (before == ACTIVE), active & (before == SILENT))
    return Tally(*(int(part.sum()) for part in counted))


def unasked(found: pd.Series) -> pd.Series:
    """The states of those who pay and are not asked: each is the reason why."""
    return found[~found.isin([ACTIVE, SILENT, NOT_PAYING])]


def last_activity(tables: Tables, day: date, rules: Silence) -> pd.DataFrame:
    """``account_id`` and ``last_active_on``, however long ago, of the customers that pay on a day."""
    customers = _customers(tables, (day,), rules).select("account_id", "product_type")
    return tables.fetch(_last_active(tables, (day,), rules, customers)).rename(columns={"last_0": "last_active_on"})


def _state(found: pd.DataFrame, i: int, day: date, windows: Mapping[str, int]) -> pd.Series:
    """What each customer is on one day; the first reason not to ask is the one that is counted."""
    asked = found["product_type"].isin(windows)
    opens = pd.Timestamp(day + DAY) - pd.to_timedelta(found["product_type"].map(windows).fillna(0), unit="D")
    state = pd.Series(ACTIVE, index=found.index).mask(~(found[f"last_{i}"] >= opens), SILENT)
    if "first_value_on" in found:
        state = state.mask(~(found["first_value_on"] <= pd.Timestamp(day)), ONBOARDING)
    state = state.mask(found["since"] > opens, TOO_NEW)
    state = state.mask(~asked, "product type " + found["product_type"])
    return state.mask(~found[f"pays_{i}"], NOT_PAYING)


def _joined(tables: Tables, days: tuple[date, ...], rules: Silence) -> ibis.Table:
    """Customers that pay on any of the days, with the last activity of each up to each day."""
    found = _customers(tables, days, rules)
    opens = min(days) - (rules.longest - 1) * DAY  # no window reaches back further: a short scan
    last = _last_active(tables, days, rules, found.select("account_id", "product_type"), opens)
    found = found.left_join(last, "account_id").drop("account_id_right")
    if not tables.provides("users"):
        return found.mutate(users=ibis.null("int64"))
    users = with_account(tables, tables["users"], rules.use.customers)
    counted = users.group_by("account_id").aggregate(users=users.count())
    joined = found.left_join(counted, "account_id").drop("account_id_right")
    return joined.mutate(users=joined.users.fill_null(0))


def _customers(tables: Tables, days: tuple[date, ...], rules: Silence) -> ibis.Table:
    customers = rules.use.customers
    rows = paying(tables, customers)
    pays = {
        f"pays_{i}": ((rows.start_on <= day) & (rows.ends > day)).any().fill_null(False) for i, day in enumerate(days)
    }
    found = rows.group_by("account_id").aggregate(since=rows.start_on.min(), **pays)
    found = found.filter(ibis.or_(*(found[name] for name in pays)))
    told = []
    if tables.provides("customers.product_type"):
        told.append(tables["customers"].select("product_type", account_id="customer_id"))
    if tables.provides("customers.first_value_on"):
        told.append(first_days(tables, customers).select("account_id", "first_value_on"))
    for listed in told:
        found = found.left_join(listed, "account_id").drop("account_id_right")
    product_type = found.product_type.nullif("") if "product_type" in found.columns else ibis.null("string")
    return found.mutate(product_type=product_type.fill_null(INTERACTIVE))


def _last_active(
    tables: Tables, days: tuple[date, ...], rules: Silence, customers: ibis.Table, opens: date = date.min
) -> ibis.Table:
    """``account_id`` and, per day, the last day, from ``opens`` up to it, on which it did what it is judged by."""
    rows = with_accounts(tables, rules.use.customers).join(customers, "account_id")
    rows = rows.filter(_counts(rows, rules), rows.active_on >= opens)
    last = {f"last_{i}": rows.active_on.max(where=rows.active_on <= day) for i, day in enumerate(days)}
    return rows.group_by("account_id").aggregate(**last)


def _counts(rows: ibis.Table, rules: Silence) -> ir.BooleanValue:
    """Whether a day of use is what the customer is judged by: its product's own signal, else activity."""
    signalled = [(rows.product_type == name, rows.event.isin(list(events))) for name, events in rules.health_signals]
    plain = is_activity(rows, rules.use.events)
    return ibis.cases(*signalled, else_=plain) if signalled else plain
