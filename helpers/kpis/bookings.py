"""New bookings, deal by deal: what each deal won or cancelled in a period adds, and which source it came from.

Source: specification, card K14. One row per deal; nothing is summed here.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import ibis

from helpers.kpis.customer_mrr import NEW_PRODUCT_DAYS
from helpers.kpis.deals import NONE, dated
from helpers.kpis.money import in_reporting_currency, rate_of, rates_at
from helpers.kpis.subscription_versions import Rules, with_account

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.data.known import Tables
    from helpers.periods import Period

KINDS = ("new_logo", "upsell", "cross_sell", "new_product")
CANCELLED = "won and cancelled in the period"
UNKNOWN_UPLIFT = "renewal without an earlier amount"
SAME_PRICE = "renewal at the same price or less"
ONE_OFF = "one-off amount only"
ROUNDING = 1 + 1e-9


def booked(tables: Tables, period: Period, *, basis: str, rules: Rules) -> ir.Table:
    """The deals won in the period, and those won before it that were cancelled in it.

    Only what was known at the period's own as-of counts, so that an earlier period is compared from the same tables.

    Columns beside those of ``deals``: ``kind``, the source of the booking, ``derived`` where the deal does not name
    it; ``value`` in the reporting currency, negative where ``reversed``: won earlier, cancelled now; ``state``, why a
    deal adds nothing, or null. ``amount`` and ``one_off_amount`` are in the reporting currency too.

    Raises:
        Refused: a currency has no rate.
    """
    day = period.measured_on if rules.fx_mode == "period_end" else None
    won = _with_uplift(tables, _with_kind(tables, _won(tables, period, rules)), day)
    won = won.mutate(reversed=won.closed_on < period.start)
    rows = won.filter(~won.reversed | (won.cancelled_on >= period.start))
    rows = in_reporting_currency(tables, rows, "amount", "one_off_amount", day=day)
    rows = rows.mutate(state=_state(rows))
    worth = rows.uplift * (_a_year(rows) if basis == "acv" else rows.amount)
    return rows.mutate(value=rows.state.isnull().ifelse(rows.reversed.ifelse(-worth, worth), 0.0))


def _won(tables: Tables, period: Period, rules: Rules) -> ir.Table:
    """The deals won by the end of the period. A cancellation counts on the day of winning at the earliest."""
    deals = with_account(tables, dated(tables), rules)
    won = deals.filter(
        deals.outcome == "won",
        deals.closed_on <= period.measured_on,
        deals.recorded_at.isnull() | (deals.recorded_at < period.as_of_at),
    )
    cancelled_on = won.cancelled_on.notnull().ifelse(ibis.greatest(won.cancelled_on, won.closed_on), None)
    return won.mutate(cancelled_on=(cancelled_on <= period.measured_on).ifelse(cancelled_on, None))


def _with_kind(tables: Tables, won: ir.Table) -> ir.Table:
    """``kind`` as the deal names it, an uplift of a renewal being upsell; else derived, tested in the card's order."""
    won = _with_launch(tables, won)
    first_won = won.closed_at.min().over(group_by="account_id")
    first_held = won.closed_at.min().over(group_by=["account_id", "product"])
    not_held = won.product.notnull() & (first_held == won.closed_at)
    lately = (won.closed_on.delta(won.launched_on, unit="day") <= NEW_PRODUCT_DAYS).fill_null(False)
    derived = ibis.cases(
        (won.account_id.isnull(), NONE),
        (first_won == won.closed_at, "new_logo"),
        (not_held & lately, "new_product"),
        (not_held, "cross_sell"),
        else_="upsell",
    )
    renewed = (won.deal_type == "renewal").fill_null(False)
    return won.mutate(
        kind=renewed.ifelse("upsell", won.deal_type).fill_null(derived),
        derived=won.deal_type.isnull(),
        renewed=renewed,
    )


def _with_launch(tables: Tables, won: ir.Table) -> ir.Table:
    if not tables.provides("products.launched_on"):
        return won.mutate(launched_on=ibis.null("date"))
    products = tables["products"].select(launched="product", launched_on="launched_on")
    return won.left_join(products, won.product == products.launched).drop("launched")


def _with_uplift(tables: Tables, won: ir.Table, day: date | None) -> ir.Table:
    """``uplift``: the part of a deal that is new: all of it, or of a renewal what exceeds the price held before.

    Prices are compared per month. Held before is what the account's deals for the product came to since its last
    renewal, that one included, or the largest single one if that is more: renewing one of two contracts is no uplift.
    """
    months = ibis.coalesce(won.term_months.nullif(0), 12)
    won = won.mutate(price=won.amount * rate_of(won.currency, rates_at(tables, day)) / months)
    before = ibis.window(group_by=["account_id", "product"], order_by=["closed_at", "deal_id"], rows=(None, -1))
    largest = won.price.max().over(before)
    won = won.mutate(so_far=won.price.sum().over(before).fill_null(0.0), largest=largest)
    settled = won.renewed.ifelse(won.so_far, None).max().over(before).fill_null(0.0)
    held = ibis.greatest(won.so_far - settled, won.largest)
    share = ibis.cases(
        (~won.renewed, 1.0),
        (won.account_id.isnull() | won.largest.isnull(), ibis.null("float64")),
        (won.price > held * ROUNDING, 1 - held / won.price),
        else_=0.0,
    )
    return won.mutate(uplift=share)


def _state(rows: ir.Table) -> ir.StringValue:
    return ibis.cases(
        (~rows.reversed & rows.cancelled_on.notnull(), CANCELLED),
        (rows.amount.isnull() & rows.one_off_amount.notnull(), ONE_OFF),
        (rows.amount.isnull(), "no_amount"),
        (rows.uplift.isnull(), UNKNOWN_UPLIFT),
        (rows.uplift == 0, SAME_PRICE),
        else_=ibis.null("string"),
    )


def _a_year(rows: ir.Table) -> ir.FloatingValue:
    """What a deal is worth a year; one without a term is taken as annual, a shorter one is never multiplied up."""
    return (rows.term_months >= 12).ifelse(rows.amount * 12 / rows.term_months, rows.amount)
