"""Customer MRR on snapshot days, and how it moved between them.

Source: specification, cards K20 and K22. Amounts are in the reporting currency; customers are paying accounts.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from helpers.errors import KitError
from helpers.kpis.money import in_reporting_currency, rate_of, rates_at, refuse_missing
from helpers.kpis.subscription_versions import EXACT, Rules, paying, survey, with_account
from helpers.periods import DAY, Calendar, Period

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.data.known import Tables

KINDS = ("new", "reactivation", "expansion", "contraction", "churn")
TAGS = ("upsell", "cross_sell", "new_product")
NEW_PRODUCT_DAYS = 365


@lru_cache(maxsize=64)
def movements(tables: Tables, period: Period, rules: Rules) -> pd.DataFrame:
    """One row per customer that paid on the eve of the period or on some day of it; to be read, not changed.

    Columns: ``account_id``, ``segment``; ``opening`` and ``closing`` MRR; ``new``, ``reactivation``, ``expansion``,
    ``contraction``, ``churn`` (the last two negative) and ``fx``, each summed over the snapshot pairs of the period,
    so that opening + movements + fx = closing; ``upsell``, ``cross_sell`` and ``new_product``, which split
    ``expansion``; ``short_term``, the part of ``closing`` from terms under 12 months.

    Raises:
        Refused: as :func:`survey`, or an amount's currency has no rate.
    """
    steps = _classified(tables, period, rules)
    sums = {
        "opening": steps.opening.sum(where=steps.from_day == period.opening_day),
        "closing": steps.closing.sum(where=steps.to_day == period.measured_on),
        "fx": (steps.revalued - steps.opening).sum(),
        "short_term": steps.short_term.sum(where=steps.to_day == period.measured_on),
        **{kind: steps.change.sum(where=steps.movement == kind) for kind in KINDS},
        **{tag: steps.change.sum(where=(steps.movement == "expansion") & (steps.tag == tag)) for tag in TAGS},
    }
    by_customer = steps.group_by("account_id", "segment").aggregate(
        **{name: total.cast("float64") for name, total in sums.items()}
    )
    found = tables.fetch(by_customer).sort_values("account_id", ignore_index=True)
    return found.fillna(dict.fromkeys(sums, 0.0))


@lru_cache(maxsize=64)
def stock(tables: Tables, day: date, period: Period, rules: Rules) -> pd.DataFrame:
    """One row per customer paying on a day, ``account_id``, ``segment``, ``mrr``; to be read, not changed.

    ``period`` is the one that the figure belongs to.
    """
    rows = on_day(tables, day, period, rules)
    by_customer = rows.group_by("account_id", "segment").aggregate(mrr=rows.mrr.sum().cast("float64"))
    return tables.fetch(by_customer).sort_values("account_id", ignore_index=True)


def with_stock(tables: Tables, found: pd.DataFrame, period: Period, rules: Rules) -> pd.DataFrame:
    """``found`` with the ``mrr`` of each ``account_id`` on the period's last day, missing where it does not pay."""
    worth = stock(tables, period.measured_on, period, rules)[["account_id", "mrr"]]
    return found.merge(worth, on="account_id", how="left")


def on_day(tables: Tables, day: date, period: Period, rules: Rules) -> ibis.Table:
    """The versions in force on a day, with ``mrr`` in the reporting currency at that day's rate."""
    rows = paying(tables, rules)
    rate = rate_of(rows.currency, _rates(tables, day, period, rules))
    return rows.filter(rows.start_on <= day, rows.ends > day).mutate(mrr=(rows.amount * rate).cast(EXACT))


def with_mrr(tables: Tables, rows: ibis.Table, day: date, rules: Rules) -> ibis.Table:
    """Versions, in force or not, with ``mrr`` in the reporting currency at the rate of a day."""
    rate_day = day if rules.fx_mode == "period_end" else None
    return in_reporting_currency(tables, rows.mutate(mrr=rows.amount), "mrr", day=rate_day)


def cohort(tables: Tables, since: date, period: Period, rules: Rules) -> pd.DataFrame:
    """The customers paying on the day ``since``: ``before`` is their MRR then, ``after`` on the period's last day."""
    before = stock(tables, since, period, rules).rename(columns={"mrr": "before"})
    after = stock(tables, period.measured_on, period, rules).rename(columns={"mrr": "after"})
    found = before.merge(after[["account_id", "after"]], on="account_id", how="left")
    return found.fillna({"after": 0.0})


def reasons(tables: Tables, since: date, period: Period, rules: Rules) -> pd.DataFrame:
    """Why lines ended after ``since`` and by the end of the period: ``account_id`` and its latest ``reason``."""
    rows = paying(tables, rules)
    ended = rows.filter(rows.reason.notnull(), rows.ends > since, rows.ends <= period.measured_on)
    return tables.fetch(ended.group_by("account_id").aggregate(reason=ended.reason.argmax(ended.ends)))


@lru_cache(maxsize=64)
def lives(tables: Tables, period: Period, rules: Rules) -> pd.DataFrame:
    """One row per customer that ever paid by the end of the period; to be read, not changed.

    Columns: ``account_id``, ``segment``; ``since``, its first day; ``until``, its last end, after the period for
    customers that still pay; ``tenure``, the days between them, or to the end of the period.
    """
    rows = paying(tables, rules)
    rows = rows.filter(rows.start_on <= period.measured_on)
    ends = {"since": rows.start_on.min(), "until": rows.ends.max()}
    found = tables.fetch(rows.group_by("account_id", "segment").aggregate(**ends))
    known_until = found["until"].clip(upper=pd.Timestamp(period.measured_on + DAY))
    return found.assign(tenure=(known_until - found["since"]).dt.days).sort_values("account_id", ignore_index=True)


def passed_through(tables: Tables, period: Period, rules: Rules) -> pd.DataFrame:
    """The customers that came and went between two snapshots of the period, and so stand in no movement.

    Columns: ``account_id``, ``segment``, ``came_on``, ``left_on``, ``mrr`` on their highest day.
    """
    found = movements(tables, period, rules)
    unseen = found.loc[(found[["opening", *KINDS]] == 0).all(axis=1), ["account_id", "segment"]]
    if unseen.empty:
        return unseen.assign(came_on=None, left_on=None, mrr=0.0)
    rows = paying(tables, rules)
    rows = rows.filter(
        rows.account_id.isin(list(unseen["account_id"])), rows.start_on <= period.measured_on, rows.ends > period.start
    )
    rows = with_mrr(tables, rows, period.measured_on, rules).select("account_id", "start_on", "ends", "mrr")
    days = rows.select("account_id", day="start_on").distinct()
    held = days.join(rows, ["account_id", rows.start_on <= days.day, rows.ends > days.day])
    by_day = held.group_by("account_id", "day").aggregate(
        mrr=held.mrr.sum(), came_on=held.start_on.min(), left_on=held.ends.max()
    )
    highest = by_day.group_by("account_id").aggregate(
        came_on=by_day.came_on.min(), left_on=by_day.left_on.max(), mrr=by_day.mrr.max()
    )
    return unseen.merge(tables.fetch(highest), on="account_id")


def snapshot_days(period: Period, grain: str) -> list[date]:
    """The snapshot days of a period: its eve, the ends of the grain's units in it, and its last day that is known.

    >>> [str(day) for day in snapshot_days(Calendar().period("2026Q1"), "month")]
    ['2025-12-31', '2026-01-31', '2026-02-28', '2026-03-31']
    >>> [str(day) for day in snapshot_days(Calendar().period("2026Q1", date(2026, 2, 10)), "quarter")]
    ['2025-12-31', '2026-02-10']
    """
    inside = _unit_ends(period.calendar, grain, period.start, period.measured_on)
    return sorted({period.opening_day, *inside, period.measured_on})


def _classified(tables: Tables, period: Period, rules: Rules) -> ibis.Table:
    """One row per customer and snapshot pair, with its ``movement`` by the ordered test of card K22."""
    steps = _steps(tables, period, rules)
    before = ibis.window(group_by="account_id", order_by="to_day", rows=(None, -1))
    paid_before = ((steps.opening > 0) | (steps.closing > 0)).any().over(before).fill_null(False)
    paid_before |= steps.account_id.isin(_paid_earlier(tables, period, rules).account_id)
    movement = ibis.cases(
        ((steps.opening == 0) & (steps.closing > 0) & ~paid_before, "new"),
        ((steps.opening == 0) & (steps.closing > 0), "reactivation"),
        ((steps.opening > 0) & (steps.closing == 0), "churn"),
        (steps.closing > steps.revalued, "expansion"),
        (steps.closing < steps.revalued, "contraction"),
    )
    return steps.mutate(movement=movement, change=steps.closing - steps.revalued, tag=_tag(steps))


def _steps(tables: Tables, period: Period, rules: Rules) -> ibis.Table:
    """One row per customer and snapshot pair: MRR at both days, and the opening at the closing day's rate."""
    pairs = _pairs(tables, period, rules)
    rows = _with_product_days(tables, paying(tables, rules))
    rows = rows.join(
        pairs, [rows.currency == pairs.currency, rows.start_on <= pairs.to_day, rows.ends > pairs.from_day]
    )
    at_opening, at_closing = rows.start_on <= rows.from_day, rows.ends > rows.to_day
    opening, closing = (rows.amount * rows.from_rate).cast(EXACT), (rows.amount * rows.to_rate).cast(EXACT)
    return rows.group_by("account_id", "segment", "from_day", "to_day").aggregate(
        opening=opening.sum(where=at_opening).fill_null(0),
        revalued=closing.sum(where=at_opening).fill_null(0),
        closing=closing.sum(where=at_closing).fill_null(0),
        short_term=closing.sum(where=at_closing & (rows.term < 12)),
        product_on=rows.product_on.max(where=at_closing),
        launch_on=rows.launch_on.max(where=at_closing),
    )


def _pairs(tables: Tables, period: Period, rules: Rules) -> ibis.Table:
    """The snapshot pairs of the period, per currency, with the rates of their two days."""
    days = snapshot_days(period, rules.movement_grain)
    rates = {day: _rates(tables, day, period, rules) for day in days}
    rows = [
        {
            "currency": currency, "from_day": start, "to_day": end,
            "from_rate": rates[start].get(currency), "to_rate": rates[end].get(currency),
        }
        for currency in survey(tables, period, rules).currencies
        for start, end in pairwise(days)
    ]  # fmt: skip
    schema = {"currency": "string", "from_day": "date", "to_day": "date", "from_rate": "float64", "to_rate": "float64"}
    return ibis.memtable(rows, schema=schema)


def _rates(tables: Tables, day: date, period: Period, rules: Rules) -> dict[str, float]:
    """The rates that hold on a snapshot day; refused where a currency in use on it has none."""
    rates = rates_at(tables, day if rules.fx_mode == "period_end" else None)
    currencies = survey(tables, period, rules).currencies
    refuse_missing([name for name, (first, end) in currencies.items() if first <= day < end], rates)
    return rates


def _with_product_days(tables: Tables, rows: ibis.Table) -> ibis.Table:
    """``product_on``: the day the customer first held the product; ``launch_on``: the same if it was new by then."""
    held = ibis.window(group_by=[rows.account_id, rows.product])
    product_on = rows.product.notnull().ifelse(rows.start_on.min().over(held), None)
    named = ["account_id", "segment", "currency", "start_on", "ends", "amount", "term"]
    if not tables.provides("products.launched_on"):
        return rows.select(*named, product_on=product_on, launch_on=ibis.null("date"))
    products = tables["products"].select("product", "launched_on")
    rows = rows.select(*named, "product", product_on=product_on).left_join(products, "product")
    recent = rows.product_on.delta(rows.launched_on, unit="day") <= NEW_PRODUCT_DAYS
    return rows.select(*named, "product_on", launch_on=recent.ifelse(rows.product_on, None))


def _tag(steps: ibis.Table) -> ir.Value:
    """What an expansion comes from, tested in the order of card K14."""
    return ibis.cases(
        (steps.launch_on > steps.from_day, "new_product"), (steps.product_on > steps.from_day, "cross_sell"),
        else_="upsell",
    )  # fmt: skip


def _paid_earlier(tables: Tables, period: Period, rules: Rules) -> ibis.Table:
    """``account_id`` of the customers that paid at a snapshot before the period, or before subscriptions begin."""
    earliest = survey(tables, period, rules).earliest or period.start
    ends = _unit_ends(period.calendar, rules.movement_grain, earliest, period.opening_day)
    days = ibis.memtable([{"day": day} for day in ends], schema={"day": "date"})
    rows = paying(tables, rules)
    seen = rows.join(days, [rows.start_on <= days.day, rows.ends > days.day]).select("account_id").distinct()
    if not tables.provides("customers.first_paid_on"):
        return seen
    customers = with_account(tables, tables["customers"], rules)
    return seen.union(customers.filter(customers.first_paid_on < earliest).select("account_id"))


def _unit_ends(calendar: Calendar, grain: str, first: date, last: date) -> list[date]:
    """The last days of the grain's units from ``first`` to ``last``, as far back as a listed calendar reaches."""
    starts: dict[str, Callable[[date], date]] = {
        "day": lambda day: day,
        "month": lambda day: calendar.month_of(day).start,
        "quarter": lambda day: calendar.quarter_of(day).start,
    }
    ends: list[date] = []
    with suppress(KitError):
        while (last := starts[grain](last + DAY) - DAY) >= first:
            ends.insert(0, last)
            last -= DAY
    return ends
