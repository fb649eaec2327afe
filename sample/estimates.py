"""What prospects asked the made-up company for: the price, how soon they got it, and which options were in it.

Who asks for a large number of seats waits for days: such a price takes a second signature. And what a customer never
paid for is taken back: the deals of contracts that ended for want of payment within a year are cancelled.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sample.accounts import ENTERPRISE, MID_MARKET, SMALL
from sample.days import END, clock, day_clock, days, instants, local_days, pick, stream

RESPONSE = (1.4, 0.20, 0.15)  # workdays of ten hours, the median for each segment
NEW = ("cross_sell", "new_product", "upsell")
LARGE, MEDIUM = 50_000, 12_000  # a year, from which on a prospect's size is told without knowing its segment
FORGOTTEN = 0.05  # of the requests that came to nothing
OFFERED = {"won": {1: 0.16, 2: 0.34, 3: 0.36, 4: 0.14}, "other": {1: 0.32, 2: 0.40, 3: 0.21, 4: 0.07}}
USUAL = "One year, paid yearly"
OPTIONS = {  # months of the term, months between invoices
    (1, 1): "Month by month", (12, 1): "One year, paid monthly", (12, 3): "One year, paid quarterly",
    (12, 12): USUAL,
}  # fmt: skip
LONGER = {24: "Two years, fixed price", 36: "Three years, fixed price"}


def with_estimates(seed: int, accounts: pd.DataFrame, versions: pd.DataFrame, deals: pd.DataFrame) -> pd.DataFrame:
    """The deals with the columns of the canonical table that tell of estimates, options and cancellations."""
    rng = stream(seed, "estimates")
    requested = np.where(deals.deal_type.isin(NEW), deals.created, deals.opportunity)
    sent = _sent(rng, accounts, deals, requested)
    return deals.assign(
        estimate_requested_at=instants(requested),
        estimate_sent_at=instants(sent),
        cancelled_at=instants(_cancelled(rng, versions, deals)),
        **_options(rng, accounts, deals, sent),
    )


def _sent(rng: np.random.Generator, accounts: pd.DataFrame, deals: pd.DataFrame, requested: np.ndarray) -> np.ndarray:
    """When each estimate was sent, at the latest halfway to the day of winning; missing if it never was."""
    median = np.array(RESPONSE)[_segments(accounts, deals)]
    sent = requested + median * rng.lognormal(0, 0.75, size=len(deals))
    won = (deals.outcome == "won").to_numpy()
    sent = np.where(won, np.minimum(sent, (requested + deals.closed) / 2), sent)
    forgotten = (rng.random(len(deals)) < FORGOTTEN) & ~won
    too_late = ~(sent < deals.closed.fillna(day_clock(END)))
    return np.where(forgotten | too_late, np.nan, sent)


def _segments(accounts: pd.DataFrame, deals: pd.DataFrame) -> np.ndarray:
    """The segment of each deal's account, or of an account of its size."""
    by_size = np.select([deals.amount >= LARGE, deals.amount >= MEDIUM], [ENTERPRISE, MID_MARKET], SMALL)
    known = accounts.segment.reindex(deals.account).to_numpy()
    return np.where(np.isnan(known), by_size, known).astype(int)


def _options(
    rng: np.random.Generator, accounts: pd.DataFrame, deals: pd.DataFrame, sent: np.ndarray
) -> dict[str, pd.Series]:
    """How many options an estimate names, the one on top, and the one that the customer took."""
    n, won = len(deals), (deals.outcome == "won").to_numpy()
    offered = np.where(won, *(pick(rng, OFFERED[how], n) for how in ("won", "other")))
    named = ~np.isnan(sent) & (deals.deal_type != "upsell").to_numpy()  # more seats come on the terms that run
    took = _terms(accounts).reindex(deals.account).set_axis(deals.index)
    return {
        "options_offered": pd.Series(offered, deals.index, "Int64").where(named),
        "default_option": took.where(won & (offered == 1), USUAL).where(named),
        "option_chosen": took.where(named & won),
    }


def _terms(accounts: pd.DataFrame) -> pd.Series:
    """The option that each account took."""
    terms = pd.Series(zip(accounts.term, accounts.billing, strict=True), accounts.index)
    return accounts.term.map(LONGER).fillna(terms.map(OPTIONS))


def _cancelled(rng: np.random.Generator, versions: pd.DataFrame, deals: pd.DataFrame) -> np.ndarray:
    """When each deal was taken back: as its contract ended for want of payment, within a year of winning."""
    unpaid = versions[versions.reason == "payment"].groupby(["account", "product"], as_index=False).cancelled_on.max()
    on = days(deals[["account", "product"]].merge(unpaid, on=["account", "product"], how="left").cancelled_on)
    won_on = local_days(deals.closed.where(deals.outcome == "won").to_numpy())
    taken_back = (on > won_on) & (on <= won_on + 365) & (deals.deal_type != "renewal").to_numpy()
    return np.where(taken_back, clock(rng, np.where(taken_back, on, END)), np.nan)
