"""The made-up company's contracts: which account has which product, from its first day to its last."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sample.accounts import SEGMENTS, SMALL
from sample.days import (
    END,
    NEVER,
    PRICING_ON,
    START,
    add_months,
    days,
    evenly,
    months_between,
    pick,
    seasonal_days,
    stream,
)  # fmt: skip

CORE, ANALYTICS, ASSIST = "Dispatch", "Insights", "Assist"
LAUNCHED = {
    CORE: np.datetime64("2017-09-04"), ANALYTICS: np.datetime64("2021-06-01"), ASSIST: np.datetime64("2025-03-04"),
}  # fmt: skip
ATTACHED = {ANALYTICS: (0.30, 0.14), ASSIST: (0.55, 0.28)}  # share of larger and of small accounts that add it
WORTH = {ANALYTICS: (0.10, 0.20), ASSIST: (0.12, 0.24)}  # against what the account pays for its seats
REASONS = {"voluntary": 0.62, "payment": 0.16, "paused": 0.09, "other": 0.13}
RETURNS = {"paused": 0.8, "other": 0.12, "voluntary": 0.1, "payment": 0.0}
LOSS_ENDS, LOSS_CANCELLED = np.datetime64("2026-08-01"), np.datetime64("2026-05-11")
FORWARD = END + 180  # ends of contracts that were known by the end of the history
CARRIED = [
    "account", "kind", "role", "installed", "segment", "term", "billing", "price", "seats", "start_on", "won_on",
]  # fmt: skip


def make_lines(seed: int, accounts: pd.DataFrame) -> pd.DataFrame:
    """One row per line: the core product, a second spell of some accounts, and what was added to it.

    Columns: ``account`` (row of ``accounts``), ``spell`` (1 for an account that came back), ``product``, ``start_on``,
    ``signed_on``, ``anchor`` (a day that a term began), ``term`` and ``billing`` (months), ``seats`` and ``price``
    (a seat a month) on the first day, ``discount_kind`` and ``discount_share``; ``last_on`` (the first day
    without service), ``cancelled_on`` and ``reason``, empty while nothing of it is known.
    """
    core = _left(stream(seed, "ends of contracts"), _core(stream(seed, "contracts"), accounts))
    again = _left(stream(seed, "ends of second contracts"), _returning(stream(seed, "returns"), core))
    core = pd.concat([core, again], ignore_index=True)
    added = [_added(stream(seed, product), core, product) for product in (ANALYTICS, ASSIST)]
    lines = pd.concat([core, *added]).sort_values(["account", "spell"], kind="stable", ignore_index=True)
    return lines[days(lines.signed_on) < END].reset_index(drop=True)


def _core(rng: np.random.Generator, accounts: pd.DataFrame) -> pd.DataFrame:
    """The first contract of each account; of an installed one, the term that was running when the history began."""
    lines = accounts[accounts.kind != "prospect"].rename_axis("account").reset_index()
    renewed = lines.start_on > lines.first_paid_on
    lines, n = lines[CARRIED], len(lines)
    signed = np.where(renewed, days(lines.start_on) - rng.integers(6, 45, size=n), days(lines.won_on))
    kind = pick(rng, {"": 0.70, "forever": 0.17, "limited": 0.13}, n)
    kind = np.where((lines.term == 1) & (kind == "limited") | (lines.role != ""), "", kind)
    forever, limited = rng.choice([0.05, 0.10, 0.15], size=n), rng.choice([0.1, 0.2], size=n)
    return lines.drop(columns="won_on").assign(
        spell=0, product=CORE, signed_on=signed, anchor=lines.start_on, hazard=_hazard(lines), discount_kind=kind,
        discount_share=np.select([kind == "forever", kind == "limited"], [forever, limited], 0.0),
    )  # fmt: skip


def _hazard(lines: pd.DataFrame) -> np.ndarray:
    """The chance to leave at the end of a term; those of the story stay."""
    yearly = np.array([s.churn for s in SEGMENTS])[lines.segment] * np.where(lines.term == 1, 1.3, 1.0)
    hazard = np.where(lines.term == 1, 1 - (1 - yearly) ** (1 / 12), yearly)
    return np.where((lines.kind == "customer") & (lines.role == ""), hazard, 0.0)


def _left(rng: np.random.Generator, lines: pd.DataFrame) -> pd.DataFrame:
    """When each line ends, why, and when that was told: at the end of a term, or within it if it is not paid."""
    n, begun, fixed = len(lines), days(lines.start_on), (lines.term > 1).to_numpy()
    end = _term_of_leaving(rng, lines)
    reason = pick(rng, REASONS, n)
    early = add_months(np.where(np.isnat(end), START, end), -rng.integers(1, 7, size=n))
    unpaid = (reason == "payment") & fixed & (early > np.maximum(begun, START) + 28)
    end = np.where(unpaid & ~np.isnat(end), early, end)
    notice = np.where(fixed, rng.integers(35, 110, size=n), rng.integers(6, 28, size=n))
    notice = np.where(reason == "payment", rng.integers(6, 14, size=n), notice)
    loss = (lines.role == "loss").to_numpy()
    end = np.where(loss, LOSS_ENDS, end)
    cancelled = np.where(loss, LOSS_CANCELLED, np.maximum(end - notice, begun + 1))
    told = cancelled < END
    return lines.assign(
        last_on=np.where(told, end, NEVER),
        cancelled_on=np.where(told, cancelled, NEVER),
        reason=np.where(told, np.where(loss, "voluntary", reason), ""),
    )


def _term_of_leaving(rng: np.random.Generator, lines: pd.DataFrame) -> np.ndarray:
    """The end of the last term of each line, missing if it goes on; a third more leave since the new price list."""
    end = np.full(len(lines), NEVER)
    earliest = np.maximum(days(lines.start_on) + 40, START)
    for k in range(1, 60):
        due = add_months(days(lines.anchor), k * lines.term.to_numpy())
        leaves = evenly(rng, len(lines)) < lines.hazard * np.where(due >= PRICING_ON, 1.35, 1.0)
        end = np.where(leaves & np.isnat(end) & (due > earliest) & (due <= FORWARD), due, end)
    return end


def _returning(rng: np.random.Generator, core: pd.DataFrame) -> pd.DataFrame:
    """The second spell of accounts that come back after some months, not larger, without a discount."""
    n = len(core)
    chance = core.reason.map(RETURNS).fillna(0).to_numpy()
    away = np.where(core.reason == "paused", rng.integers(50, 140, size=n), rng.integers(100, 330, size=n))
    back = ((days(core.last_on) + away).astype("datetime64[M]") + 1).astype("datetime64[D]")
    returns = (rng.random(n) < chance) & (back < END)
    signed = back - rng.integers(5, 20, size=n)
    seats = np.maximum(2, (core.seats * rng.uniform(0.6, 1.0, size=n)).round()).astype(int)
    return core.assign(
        spell=1, start_on=back, anchor=back, signed_on=signed, installed=False, seats=seats, discount_kind="",
        discount_share=0.0,
    )[returns]  # fmt: skip


def _added(rng: np.random.Generator, core: pd.DataFrame, product: str) -> pd.DataFrame:
    """Lines of a product that accounts add to the core one: some had it from the start, others buy it later."""
    n, launched = len(core), max(LAUNCHED[product], START)
    held = core.installed & (core.signed_on >= LAUNCHED[product]) & (launched == START) & (rng.random(n) < 0.2)
    large, small = ATTACHED[product]
    signed = seasonal_days(rng, n, launched, END)
    bought = (core.kind == "customer") & (rng.random(n) < np.where(core.segment == SMALL, small, large))
    bought &= (signed > days(core.start_on) + 60) & ~(signed > days(core.cancelled_on) - 30)
    begun = np.where(held, days(core.start_on), signed + rng.integers(0, 12, size=n))
    bought &= (core.term == 1) | (term_ends(core, begun) > begun + 60)
    price = core.seats * core.price * rng.uniform(*WORTH[product], size=n)
    found = core.assign(
        product=product, start_on=begun, signed_on=np.where(held, days(core.signed_on), signed), seats=1,
        price=np.maximum(20.0, (price / 5).round() * 5), discount_kind="", discount_share=0.0,
        hazard=np.where(core.term > 1, 0.05, 0.004),
    )[held | bought]  # fmt: skip
    return _ended_first(found, _left(rng, found))


def term_ends(lines: pd.DataFrame, day: np.ndarray) -> np.ndarray:
    """The end of the term that runs on a day."""
    anchor, term = days(lines.anchor), lines.term.to_numpy()
    return add_months(anchor, (months_between(anchor, day) // term + 1) * term)


def _ended_first(core_ends: pd.DataFrame, own_ends: pd.DataFrame) -> pd.DataFrame:
    """Added lines with the earlier of two ends, the core product's and their own; none begins after its end."""
    own = (own_ends.last_on < core_ends.last_on) | (own_ends.last_on.notna() & core_ends.last_on.isna())
    ends = ["last_on", "cancelled_on", "reason"]
    found = core_ends.assign(**{name: own_ends[name].where(own, core_ends[name]) for name in ends})
    return found[~(found.last_on <= found.start_on)]
