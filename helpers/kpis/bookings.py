"""New bookings, deal by deal: what each deal won or cancelled in a period adds, and which source it came from.

Source: specification, card K14. One row per deal; nothing is summed here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from helpers.kpis.customer_mrr import NEW_PRODUCT_DAYS
from helpers.kpis.deals import NONE, dated
from helpers.kpis.money import rates_at, refuse_missing
from helpers.kpis.subscription_versions import Rules, with_account

if TYPE_CHECKING:
    from helpers.data.known import Tables
    from helpers.periods import Period

KINDS = ("new_logo", "upsell", "cross_sell", "new_product")
CANCELLED = "won and cancelled in the period"
UNKNOWN_UPLIFT = "renewal without an earlier amount"
SAME_PRICE = "renewal at the same price or less"
ONE_OFF = "one-off amount only"
ROUNDING = 1 + 1e-9


def booked(tables: Tables, period: Period, *, basis: str, rules: Rules) -> pd.DataFrame:
    """The deals won in the period, and those won before it that were cancelled in it, in the order of winning.

    Only what was known at the period's own as-of counts, so that an earlier period is compared from the same tables.

    Columns beside those of ``deals``: ``kind``, the source of the booking, ``derived`` where the deal does not name
    it; ``value`` in the reporting currency, negative where ``reversed``: won earlier, cancelled now; ``state``, why a
    deal adds nothing, or missing. ``amount`` and ``one_off_amount`` are in the reporting currency too.

    Raises:
        NotProvided: ``deals``, their outcome, closing day or amount.
        Refused: a currency has no rate.
    """
    rates = rates_at(tables, period.measured_on if rules.fx_mode == "period_end" else None)
    tables.require("deals.outcome", "deals.closed_at", "deals.amount")
    won = _known(won_deals(tables, rules.account_level), period)
    rate = won["currency"].map(rates).astype("float64")
    priced = won["amount"].notna() | won["one_off_amount"].notna()
    won = won.assign(amount=won["amount"] * rate, one_off_amount=won["one_off_amount"] * rate, kind=_kind(won))
    won = won.assign(uplift=_uplift(won), reversed=won["closed_on"] < pd.Timestamp(period.start))
    touched = ~won["reversed"] | (won["cancelled_on"] >= pd.Timestamp(period.start))
    refuse_missing(won.loc[touched & priced, "currency"], rates)
    rows = won[touched]
    worth = rows["uplift"] * (_a_year(rows) if basis == "acv" else rows["amount"])
    state = _state(rows)
    return rows.assign(state=state, value=worth.where(~rows["reversed"], -worth).where(state.isna(), 0.0))


def new_logos(tables: Tables, period: Period, account_level: str) -> pd.DataFrame:
    """The deals won in the period that brought a new customer and were not cancelled in it, in the order of winning.

    Raises:
        NotProvided: ``deals``, their outcome or closing day.
    """
    won = _known(won_deals(tables, account_level), period)
    here = (won["closed_on"] >= pd.Timestamp(period.start)) & won["cancelled_on"].isna()
    return won[here & (_kind(won) == "new_logo")]


@lru_cache(maxsize=64)
def won_deals(tables: Tables, account_level: str) -> pd.DataFrame:
    """Every deal won, in the order of winning; to be read, not changed."""
    tables.require("deals.outcome", "deals.closed_at")
    deals = with_account(tables, dated(tables), Rules(account_level=account_level))
    won = deals.filter(deals.outcome == "won").select(
        "deal_id", "customer_id", "account_id", "closed_at", "closed_on", "cancelled_on", "recorded_at", "deal_type",
        "product", "source", "currency", "term_months", "amount", "one_off_amount",
    )  # fmt: skip
    launched = ibis.null("date")
    if tables.provides("products.launched_on"):
        products = tables["products"].select("product", "launched_on")
        won = won.left_join(products, "product")
        launched = won.launched_on
    return tables.fetch(won.mutate(launched_on=launched)).sort_values(["closed_at", "deal_id"], ignore_index=True)


def _known(won: pd.DataFrame, period: Period) -> pd.DataFrame:
    """The deals won by the end of the period. A cancellation counts on the day of winning at the earliest."""
    last = pd.Timestamp(period.measured_on)
    recorded = won["recorded_at"].isna() | (won["recorded_at"] < period.as_of_at)
    won = won[recorded & (won["closed_on"] <= last)]
    cancelled_on = won["cancelled_on"].where(won["cancelled_on"] <= last)
    return won.assign(cancelled_on=cancelled_on.clip(lower=won["closed_on"]))


def _kind(won: pd.DataFrame) -> pd.Series:
    """The source as the deal names it, an uplift of a renewal being upsell; else derived, in the card's order."""
    first = won["closed_at"] == won.groupby("account_id")["closed_at"].transform("min")
    first_of_product = won["closed_at"] == won.groupby(["account_id", "product"])["closed_at"].transform("min")
    lately = (won["closed_on"] - won["launched_on"]).dt.days <= NEW_PRODUCT_DAYS
    derived = np.select(
        [won["account_id"].isna(), first, first_of_product & lately, first_of_product],
        [NONE, "new_logo", "new_product", "cross_sell"],
        default="upsell",
    )
    return won["deal_type"].replace("renewal", "upsell").fillna(pd.Series(derived, index=won.index))


def _uplift(won: pd.DataFrame) -> pd.Series:
    """The part of a deal that is new: all of it, or of a renewal what exceeds the price held before.

    Prices are compared per month. Held before is what the account's deals for the product came to since its last
    renewal, that one included, or the largest single one still in force if that is more: renewing one of two contracts
    is no uplift, and a price that was given up years ago is not held.
    """
    renewed = won["deal_type"] == "renewal"
    price = won["amount"] / won["term_months"].replace(0, np.nan).fillna(12)
    keys = [won["account_id"], won["product"]]
    so_far = price.fillna(0).groupby(keys, dropna=False).cumsum().groupby(keys, dropna=False).shift().fillna(0)
    settled = _largest_before(so_far.where(renewed), keys).fillna(0)
    held = pd.concat([so_far - settled, _largest_in_force(won, price)], axis=1).max(axis=1)
    known = price.groupby(keys, dropna=False).cummax().groupby(keys, dropna=False).shift().notna()
    held = held.where(known & won["account_id"].notna())
    uplift = (1 - held / price).where(price > held * ROUNDING, 0.0)
    return uplift.where(held.notna()).where(renewed, 1.0)


def _largest_before(values: pd.Series, keys: list[pd.Series]) -> pd.Series:
    """The largest value of the deals won before, of the same account and product."""
    so_far = values.groupby(keys, dropna=False).cummax().groupby(keys, dropna=False).ffill()
    return so_far.groupby(keys, dropna=False).shift()


def _largest_in_force(won: pd.DataFrame, price: pd.Series) -> pd.Series:
    """The largest price of the account's earlier deals for the product that one and a half of their terms reach from.

    Half a term more than the term, since contracts are renewed late.
    """
    terms = won["term_months"].fillna(12).astype("float64")
    until = won["closed_on"] + pd.to_timedelta(terms * 1.5 * 365 / 12, unit="D")
    deals = won[["account_id", "product"]].assign(n=range(len(won)), price=price, on=won["closed_on"], until=until)
    renewals = deals[won["deal_type"] == "renewal"]
    pairs = renewals.merge(deals, on=["account_id", "product"], suffixes=("", "_before"))
    pairs = pairs[(pairs["n_before"] < pairs["n"]) & (pairs["until_before"] >= pairs["on"])]
    return pairs.groupby("n")["price_before"].max().reindex(range(len(won))).set_axis(won.index)


def _state(rows: pd.DataFrame) -> pd.Series:
    """Why a deal adds nothing; the first reason that holds."""
    reasons = {
        CANCELLED: ~rows["reversed"] & rows["cancelled_on"].notna(),
        ONE_OFF: rows["amount"].isna() & rows["one_off_amount"].notna(),
        "no_amount": rows["amount"].isna(),
        UNKNOWN_UPLIFT: rows["uplift"].isna(),
        SAME_PRICE: rows["uplift"] == 0,
    }
    found = np.select(list(reasons.values()), list(reasons), default="")
    return pd.Series(found, index=rows.index).replace("", None)


def _a_year(rows: pd.DataFrame) -> pd.Series:
    """What a deal is worth a year; one without a term is taken as annual, a shorter one is never multiplied up."""
    return rows["amount"].where(~(rows["term_months"] >= 12), rows["amount"] * 12 / rows["term_months"])
