"""What a new customer cost: who was new in a window, where they came from, and what was spent to win them.

Source: specification, card K16.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from helpers.errors import NotProvided
from helpers.kpis.bookings import new_logos, won_deals
from helpers.kpis.customer_mrr import movements
from helpers.kpis.deals import NONE
from helpers.kpis.spend import Spent, spent, window
from helpers.kpis.subscription_versions import Notes, Rules, begins_late, notes_on
from helpers.results import Interval
from helpers.statistics import LEVEL, poisson_interval

if TYPE_CHECKING:
    from helpers.data.known import Tables
    from helpers.periods import Period

FEWEST = 5  # new customers; the interval of fewer is too wide to read
BY_DEALS = "new customers are counted by won new-logo deals, as there are no subscriptions"


@dataclass(frozen=True)
class Terms:
    """How far the window reaches back, how many months earlier its spend was made, and the rules that count."""

    quarters: int
    lag: int
    rules: Rules


class Cost(NamedTuple):
    """The spend of a window, and its new customers: ``account_id``, ``segment``, ``channel``, ``mrr`` when new.

    ``excluded`` and ``warnings`` are what every figure made of them carries.
    """

    spend: Spent
    customers: pd.DataFrame
    excluded: dict[str, int]
    warnings: tuple[str, ...]

    @property
    def n(self) -> int:
        return len(self.customers)

    @property
    def each(self) -> float | None:
        """Per new customer; None where there is none."""
        return self.spend.total / self.n if self.n else None


@lru_cache(maxsize=64)
def cost(tables: Tables, period: Period, departments: tuple[str, ...], terms: Terms) -> Cost:
    """What departments spent, and whom it won; to be read, not changed.

    Raises:
        NotProvided: the period is no quarter, there is no ledger, or neither subscriptions nor won deals.
        Refused: a month of spend is missing, a currency has no rate, or subscriptions cannot be counted.
    """
    if period.kind != "quarter":
        raise NotProvided(f"a quarter; this is a {period.kind}")
    found = window(period, terms.quarters, terms.lag)
    spend = spent(tables, found, departments, terms.rules.fx_mode)
    customers = _with_channel(tables, new_customers(tables, found.span, terms.rules), terms.rules)
    told = notes(tables, found.span, terms.rules)
    return Cost(spend, customers, spend.excluded | told["excluded"], (*spend.warnings, *told["warnings"]))


def new_customers(tables: Tables, span: Period, rules: Rules) -> pd.DataFrame:
    """The customers whose first MRR came in a period; without subscriptions, those of its won new-logo deals.

    Columns: ``account_id``, ``segment``, ``mrr`` when new.
    """
    if tables.provides("subscriptions") or not tables.provides("deals"):
        moved = movements(tables, span, rules)
        found = moved.loc[moved["new"] > 0, ["account_id", "segment", "new"]].rename(columns={"new": "mrr"})
    else:
        logos = new_logos(tables, span, rules.account_level)
        accounts = logos["account_id"].fillna(logos["deal_id"]).drop_duplicates()
        found = pd.DataFrame({"account_id": accounts, "mrr": math.nan})
        found = found.merge(_segments(tables), on="account_id", how="left")
    return found.fillna({"segment": NONE})


def notes(tables: Tables, span: Period, rules: Rules) -> Notes:
    """What was ``excluded`` from the new customers of a period, and the ``warnings`` to their reader."""
    if not tables.provides("subscriptions"):
        return {"excluded": tables.excluded("deals", "customers"), "warnings": (BY_DEALS,)}
    told = notes_on(tables, span, rules)
    told["warnings"] += begins_late(tables, span, rules, span.opening_day, "whoever paid by then counts as new")
    return told


def inverted(spend: float, n: int) -> Interval | None:
    """The interval of money per unit: the exact interval of the count, upside down (T10).

    >>> [round(end) for end in inverted(700_000, 50)[:2]]
    [10619, 18862]
    """
    if not n or spend <= 0:
        return None
    least, most = (end for end in poisson_interval(n)[:2] if end)
    return Interval(spend / most, spend / least, LEVEL, "Garwood, inverted")


def readable(spend: float, n: int, currency: str) -> tuple[str, ...]:
    """What must be known of spend per customer before it is read."""
    told = ["credits exceed what was spent"] * (spend < 0)
    if not n:
        told.append(f"no new customer; spent: {spend:,.0f} {currency}")
    elif n < FEWEST:
        told.append(f"only {n} new customer{'s' * (n > 1)}: too few for this cost to be read")
    return tuple(told)


def _with_channel(tables: Tables, customers: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """``channel``: the source of a customer's first won deal, ``(none)`` where that is not known."""
    if not all(map(tables.provides, ("deals.source", "deals.outcome", "deals.closed_at"))):
        return customers.assign(channel=NONE)
    won = won_deals(tables, rules.account_level).drop_duplicates("account_id")
    sources = won[["account_id", "source"]].rename(columns={"source": "channel"})
    return customers.merge(sources, on="account_id", how="left").fillna({"channel": NONE})


def _segments(tables: Tables) -> pd.DataFrame:
    if not tables.provides("customers.segment"):
        return pd.DataFrame({"account_id": pd.Series(dtype="str"), "segment": pd.Series(dtype="str")})
    customers = tables["customers"]
    return tables.fetch(customers.select(account_id="customer_id", segment=customers.segment.nullif("")))
