"""Customer MRR on snapshot days, and how it moved between them.

Source: specification, cards K20 and K22. Amounts are in the reporting currency; customers are paying accounts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from helpers.errors import KitError
from helpers.kpis.money import rates_at, refuse_missing
from helpers.kpis.subscription_versions import EXACT, Rules, paying, survey
from helpers.periods import DAY, Calendar, Period

if TYPE_CHECKING:
    from helpers.data.known import Tables

KINDS = ("new", "reactivation", "expansion", "contraction", "churn")
TAGS = ("upsell", "cross_sell", "new_product")
NEW_PRODUCT_DAYS = 365


@lru_cache(maxsize=128)
def movements(tables: Tables, period: Period, rules: Rules) -> pd.DataFrame:
    """One row per customer that paid on some day of the period or on its eve; to be read, not changed.

    Columns: ``account_id``, ``name``, ``segment``, ``owner``; ``opening`` and ``closing`` MRR; ``new``,
    ``reactivation``, ``expansion``, ``contraction``, ``churn`` (the last two negative) and ``fx``, each summed over
    the snapshot pairs of the period, so that opening + movements + fx = closing; ``upsell``, ``cross_sell`` and
    ``new_product``, which split ``expansion``; ``short_term``, the part of ``closing`` from terms under 12 months.

    Raises:
        Refused: as :func:`survey`, or an amount's currency has no rate.
    """
    steps = _classified(tables, period, rules)
    by_customer = steps.group_by("account_id").aggregate(
        opening=steps.opening.sum(where=steps.from_day == period.opening_day),
        closing=steps.closing.sum(where=steps.to_day == period.measured_on),
        fx=(steps.revalued - steps.opening).sum(),
        short_term=steps.short_term.sum(where=steps.to_day == period.measured_on),
        **{kind: steps.change.sum(where=steps.movement == kind) for kind in KINDS},
        **{tag: steps.change.sum(where=steps.tag == tag) for tag in TAGS},
    )
    amounts = [name for name in by_customer.columns if name != "account_id"]
    by_customer = by_customer.mutate(**{name: by_customer[name].fill_null(0).cast("float64") for name in amounts})
    return tables.fetch(named(tables, by_customer).order_by("account_id"))


@lru_cache(maxsize=128)
def stock(tables: Tables, day: date, period: Period, rules: Rules) -> pd.DataFrame:
    """One row per customer paying on a day: ``account_id``, ``name``, ``segment``, ``owner``, ``mrr``.

    ``period`` is the one that the figure belongs to.
    """
    rows = on_day(tables, day, period, rules).group_by("account_id").aggregate(mrr=ibis._.mrr.sum().cast("float64"))
    return tables.fetch(named(tables, rows).order_by("account_id"))


def on_day(tables: Tables, day: date, period: Period, rules: Rules) -> ibis.Table:
    """The versions in force on a day, with ``mrr`` in the reporting currency at that day's rate."""
    rates = _rates(tables, [day], period, rules)
    rows = paying(tables, rules)
    rows = rows.filter(rows.start_on <= day, rows.ends > day).join(rates, "currency")
    return rows.mutate(mrr=(rows.amount * rates.rate).cast(EXACT))


def named(tables: Tables, rows: ibis.Table) -> ibis.Table:
    """``rows`` with the ``name``, ``segment`` and ``owner`` of each ``account_id``, where customers are provided."""
    if not tables.provides("customers"):
        empty = ibis.null("string")
        return rows.mutate(name=rows.account_id, segment=empty, owner=empty)
    customers = tables["customers"].select("customer_id", "name", "segment", "owner")
    found = rows.left_join(customers, rows.account_id == customers.customer_id).drop("customer_id")
    return found.mutate(name=ibis.coalesce(found.name, found.account_id))


def snapshot_days(period: Period, grain: str) -> list[date]:
    """The snapshot days of a period: its eve, the ends of the grain's units in it, and its last day that is known.

    >>> [str(day) for day in snapshot_days(Calendar().period("2026Q1"), "month")]
    ['2025-12-31', '2026-01-31', '2026-02-28', '2026-03-31']
    >>> [str(day) for day in snapshot_days(Calendar().period("2026Q1", date(2026, 2, 10)), "quarter")]
    ['2025-12-31', '2026-02-10']
    """
    inside = [day for day in _unit_ends(period.calendar, grain, period.measured_on) if day > period.opening_day]
    return sorted({period.opening_day, *inside, period.measured_on})
