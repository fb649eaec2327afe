"""The made-up company's contracts: subscription lines, what changed in them, and the versions that result.

A line is one product of one account from its first day to its last. What happens to it is a table of changes, each
with a factor on seats and price; the running product of the factors gives the versions. Nothing that was not
signed by the end of the history is in it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from helpers.data.company.accounts import ENTERPRISE, SEGMENTS, SMALL
from helpers.data.company.days import (
    END, NEVER, PRICING_ON, START, YEARS, add_months, days, evenly, months_between, pick, seasonal_days, stream,
)  # fmt: skip

CORE, ANALYTICS, ASSIST = "Dispatch", "Insights", "Assist"
LAUNCHED = {
    CORE: np.datetime64("2017-09-04"),
    ANALYTICS: np.datetime64("2021-06-01"),
    ASSIST: np.datetime64("2025-03-04"),
}
ATTACHED = {ANALYTICS: (0.30, 0.14), ASSIST: (0.34, 0.16)}  # share of larger and of small accounts that add it
REASONS = {"voluntary": 0.62, "payment": 0.16, "paused": 0.09, "other": 0.13}
RETURNS = {"paused": 0.65, "other": 0.08, "voluntary": 0.06, "payment": 0.0}
LOSS_ENDS, LOSS_CANCELLED = np.datetime64("2026-08-01"), np.datetime64("2026-05-11")
FORWARD = END + 180  # contract ends that were known by the end of the history


def make_versions(seed: int, accounts: pd.DataFrame) -> pd.DataFrame:
    """One row per version of a subscription line, in the order of line and start.

    Columns: ``account`` (row of ``accounts``), ``spell`` (1 for an account that came back), ``product``, ``start_on``,
    ``end_on``, ``signed_on``, ``change`` (``start``, ``renewal``, ``upsell``, ``contraction``, ``reprice``), ``term``,
    ``billing``, ``anchor`` (a day that a term began), ``renewal_on``, ``seats``, ``price`` (a seat a month),
    ``discount`` (a month), ``discount_kind``, ``mrr`` and ``before`` (the line's MRR until then), ``cancelled_on``,
    ``reason``.
    """
    lines = _lines(seed, accounts)
    changes = _changes(seed, lines)
    return _versions(lines, changes)


def _lines(seed: int, accounts: pd.DataFrame) -> pd.DataFrame:
    """Every line with its first and last day: the core product, a second spell of some, and what was added to it."""
    core = _core(stream(seed, "contracts"), accounts)
    core = _left(stream(seed, "resignations"), core)
    again = _left(stream(seed, "second resignations"), _returning(stream(seed, "returns"), core))
    core = pd.concat([core, again], ignore_index=True)
    added = [_added(stream(seed, product), core, product) for product in (ANALYTICS, ASSIST)]
    lines = pd.concat([core, *added]).sort_values(["account", "spell"], kind="stable", ignore_index=True)
    return lines[days(lines.signed_on) < END].reset_index(drop=True)


def _core(rng: np.random.Generator, accounts: pd.DataFrame) -> pd.DataFrame:
    lines = accounts[accounts.kind != "prospect"].rename_axis("account").reset_index()
    lines = lines[
        ["account", "kind", "role", "installed", "segment", "term", "billing", "price", "seats", "start_on", "won_on"]
    ]
    n = len(lines)
    renewed = days(lines.start_on) > days(accounts.first_paid_on)[lines.account]
    lines["signed_on"] = np.where(renewed, days(lines.start_on) - rng.integers(6, 45, size=n), days(lines.won_on))
    kind = pick(rng, {"": 0.70, "forever": 0.17, "limited": 0.13}, n)
    kind = np.where((lines.term == 1) & (kind == "limited") | (lines.role != ""), "", kind)
    share = np.where(
        kind == "", 0, np.where(kind == "forever", rng.choice([0.05, 0.1, 0.15], n), rng.choice([0.1, 0.2], n))
    )
    return lines.drop(columns="won_on").assign(
        spell=0, product=CORE, anchor=lines.start_on, hazard=_hazard(lines), discount_kind=kind, discount_share=share
    )


def _hazard(lines: pd.DataFrame) -> np.ndarray:
    """The chance to leave at the end of a term; those of the story stay."""
    yearly = np.array([s.churn for s in SEGMENTS])[lines.segment] * np.where(lines.term == 1, 1.3, 1.0)
    hazard = np.where(lines.term == 1, 1 - (1 - yearly) ** (1 / 12), yearly)
    return np.where((lines.kind == "customer") & (lines.role == ""), hazard, 0.0)


def _left(rng: np.random.Generator, lines: pd.DataFrame) -> pd.DataFrame:
    """When and why each line ends: at the end of a term, or within it if it is not paid; a third more since the price list."""
    n, term, begun = len(lines), lines.term.to_numpy(), days(lines.start_on)
    end = np.full(n, NEVER)
    for k in range(1, 60):
        due = add_months(days(lines.anchor), k * term)
        leaves = evenly(rng, n) < lines.hazard * np.where(due >= PRICING_ON, 1.35, 1.0)
        end = np.where(leaves & np.isnat(end) & (due > np.maximum(begun, START)) & (due <= FORWARD), due, end)
    reason = pick(rng, REASONS, n)
    early = add_months(np.where(np.isnat(end), START, end), -rng.integers(1, 7, size=n))
    unpaid = (reason == "payment") & (term > 1) & (early > np.maximum(begun, START) + 28)
    end = np.where(unpaid & ~np.isnat(end), early, end)
    notice = np.where(term > 1, rng.integers(35, 110, size=n), rng.integers(3, 28, size=n))
    cancelled = np.maximum(end - np.where(reason == "payment", rng.integers(1, 12, size=n), notice), begun + 1)
    loss = (lines.role == "loss").to_numpy()
    end, cancelled = np.where(loss, LOSS_ENDS, end), np.where(loss, LOSS_CANCELLED, cancelled)
    told = cancelled < END
    reason = np.where(loss, "voluntary", reason)
    return lines.assign(
        last_on=np.where(told, end, NEVER),
        cancelled_on=np.where(told, cancelled, NEVER),
        reason=np.where(told, reason, ""),
    )


def _returning(rng: np.random.Generator, core: pd.DataFrame) -> pd.DataFrame:
    """The second spell of accounts that come back after some months, smaller and at the list price of then."""
    n = len(core)
    chance = core.reason.map(RETURNS).fillna(0).to_numpy()
    away = np.where(core.reason == "paused", rng.integers(50, 140, size=n), rng.integers(100, 330, size=n))
    month = (days(core.last_on) + away).astype("datetime64[M]")
    back = (month + 1).astype("datetime64[D]")
    returns = (rng.random(n) < chance) & (back < END)
    found = core.assign(
        spell=1, start_on=back, anchor=back, signed_on=back - rng.integers(1, 15, size=n), installed=False,
        seats=np.maximum(2, (core.seats * rng.uniform(0.6, 1.0, size=n)).round()).astype(int),
        discount_kind="", discount_share=0.0,
    )  # fmt: skip
    return found[returns]


def _added(rng: np.random.Generator, core: pd.DataFrame, product: str) -> pd.DataFrame:
    """Lines of a product that accounts add to the core one: some had it from the start, others buy it later."""
    n, launched = len(core), max(LAUNCHED[product], START)
    held = core.installed & (launched == START) & (rng.random(n) < 0.2)
    large, small = ATTACHED[product]
    signed = seasonal_days(rng, n, launched, END)
    later = rng.random(n) < np.where(core.segment == SMALL, small, large)
    later &= (signed > days(core.start_on) + 60) & ~(signed > days(core.cancelled_on) - 30)
    begun = np.where(held, days(core.start_on), signed + rng.integers(0, 12, size=n))
    price = core.seats * core.price * rng.uniform(0.10, 0.20, size=n)
    found = core.assign(
        product=product, start_on=begun, seats=1,
        signed_on=np.where(held, days(core.signed_on), signed), price=np.maximum(20, (price / 5).round() * 5),
        hazard=np.where(core.term > 1, 0.05, 0.004), discount_kind="", discount_share=0.0,
    )[held | later & (core.kind == "customer")]  # fmt: skip
    own = _left(rng, found)
    first = (days(own.last_on) < days(found.last_on)) | (own.last_on.notna() & found.last_on.isna())
    for column in ("last_on", "cancelled_on", "reason"):
        found[column] = np.where(first, own[column], found[column])
    return found[~(days(found.last_on) <= days(found.start_on))]


def _changes(seed: int, lines: pd.DataFrame) -> pd.DataFrame:
    """What happens to each line, one row each: the day, the day it was signed, and factors on seats and price."""
    start = pd.DataFrame(
        {
            "line": lines.index,
            "on": lines.start_on,
            "signed_on": lines.signed_on,
            "change": "start",
            "seats_x": 1.0,
            "price_x": 1.0,
        }
    )
    found = [
        start,
        _renewals(stream(seed, "renewals"), lines),
        _repricing(lines),
        _growth(stream(seed, "upsells"), lines),
        _shrinking(stream(seed, "contractions"), lines),
    ]
    changes = pd.concat(found, ignore_index=True)
    of = lines.loc[changes.line].reset_index(drop=True)
    inside = (changes.on > of.start_on) & ~(changes.on >= of.last_on) & ~(changes.signed_on >= of.cancelled_on)
    kept = changes[((changes.change == "start") | inside) & (days(changes.signed_on) < END)]
    return kept.sort_values(["line", "on"], kind="stable").drop_duplicates(["line", "on"])


def _renewals(rng: np.random.Generator, lines: pd.DataFrame) -> pd.DataFrame:
    """The ends of terms: a small rise, then since spring 2026 the new price list, which many answer with fewer seats."""
    found = []
    fixed = lines[lines.term > 1]
    n = len(fixed)
    for k in range(1, 7):
        due = add_months(days(fixed.anchor), k * fixed.term.to_numpy())
        notice = 4 + (7 * fixed.account.to_numpy() + 11 * k) % 36  # all lines of an account are signed on one day
        new = due >= PRICING_ON
        rise = np.where(
            new, rng.choice([0, 0.05, 0.08], size=n, p=[0.25, 0.35, 0.4]), rng.choice([0, 0.02, 0.03], size=n)
        )
        shrinks, grows = rng.random(n) < np.where(new, 0.34, 0.07), rng.random(n) < np.where(new, 0.12, 0.20)
        fewer = rng.uniform(0.60, 0.85, size=n) + np.where(fixed.segment == ENTERPRISE, 0.12, 0.0)
        seats = np.where(shrinks, fewer, np.where(grows, rng.uniform(1.04, 1.2, size=n), 1))
        seats = np.where((fixed["product"] == CORE) & ~fixed.role.isin(["due", "loss"]), seats, 1)
        found.append(_change(fixed, due, due - notice, "renewal", seats, 1 + rise))
    return pd.concat(found)


def _repricing(lines: pd.DataFrame) -> pd.DataFrame:
    """The rolling plans get the new price list on their first day of billing in May 2026, without a new signature."""
    rolling = lines[lines.term == 1]
    on = add_months(
        days(rolling.anchor), months_between(days(rolling.anchor), np.full(len(rolling), PRICING_ON - 1)) + 1
    )
    on = np.where(days(rolling.anchor) < PRICING_ON, add_months(on, 1), NEVER)
    return _change(rolling, on, on, "reprice", 1.0, 1.06).dropna()


def _growth(rng: np.random.Generator, lines: pd.DataFrame) -> pd.DataFrame:
    """More seats within a term."""
    core = lines[(lines["product"] == CORE) & (lines.role == "")]
    core = core.loc[core.index.repeat(rng.poisson(YEARS * np.array([s.upsells for s in SEGMENTS])[core.segment]))]
    n = len(core)
    signed = seasonal_days(rng, n, START, END)
    on = signed + rng.integers(0, 10, size=n)
    known = (signed > days(core.start_on) + 45) & ~(on > days(core.cancelled_on) - 60)
    return _change(core, on, signed, "upsell", rng.uniform(1.06, 1.30, size=n), 1.0)[known]


def _shrinking(rng: np.random.Generator, lines: pd.DataFrame) -> pd.DataFrame:
    """Fewer seats on rolling plans: now and then, and after the new price list more often."""
    rolling = lines[(lines.term == 1) & (lines["product"] == CORE)]
    n = len(rolling)
    ever, after = START + rng.integers(0, (END - START).astype(int), size=n), PRICING_ON + rng.integers(35, 150, size=n)
    on = np.concatenate([np.where(rng.random(n) < 0.25, ever, NEVER), np.where(rng.random(n) < 0.3, after, NEVER)])
    both = pd.concat([rolling, rolling])
    seats = rng.uniform(0.6, 0.9, size=2 * n)
    return _change(both, on, on, "contraction", seats, 1.0).dropna()


def _change(
    lines: pd.DataFrame,
    on: np.ndarray,
    signed_on: np.ndarray,
    change: str,
    seats_x: np.ndarray | float,
    price_x: np.ndarray | float,
) -> pd.DataFrame:
    factors = {"seats_x": seats_x, "price_x": price_x}
    return pd.DataFrame(
        {"line": lines.index, "on": on, "signed_on": signed_on, "change": change, **factors}
    ).reset_index(drop=True)


def _versions(lines: pd.DataFrame, changes: pd.DataFrame) -> pd.DataFrame:
    """The running state of each line; changes that change nothing are no version, unless they are a renewal."""
    found = _state(changes.join(lines.drop(columns="signed_on"), on="line"))
    same = found.seats.eq(found.groupby("line").seats.shift()) & found.price.eq(found.groupby("line").price.shift())
    found = found[~same | found.change.isin(["start", "renewal"])].reset_index(drop=True)
    line = found.groupby("line")
    found["before"] = line.mrr.shift().fillna(0.0)
    following = days(line.on.shift(-1))
    term, anchor, on = found.term.to_numpy(), days(found.anchor), days(found.on)
    term_end = add_months(anchor, (months_between(anchor, on) // term + 1) * term)
    found["renewal_on"] = np.where(term > 1, term_end, NEVER)
    closing = np.where(found.last_on.isna(), days(found.renewal_on), days(found.last_on))
    last = np.isnat(following)
    found["end_on"] = np.where(last, closing, following)
    found["cancelled_on"] = np.where(last, days(found.cancelled_on), NEVER)
    found["reason"] = np.where(last, found.reason, "")
    return found.drop(columns="start_on").rename(columns={"on": "start_on"})


def _state(found: pd.DataFrame) -> pd.DataFrame:
    """Seats, price, discount and MRR after each change; a limited discount holds for the first term."""
    line = found.groupby("line")
    seats = np.maximum(np.where(found["product"] == CORE, 2, 1), (found.seats * line.seats_x.cumprod()).round()).astype(
        int
    )
    price = (found.price * line.price_x.cumprod()).round(2)
    renewed = (found.change == "renewal").groupby(found.line).cumsum() > 0
    kind = np.where((found.discount_kind == "limited") & renewed, "", found.discount_kind)
    discount = np.where(kind == "", 0.0, (found.discount_share * seats * price).round(2))
    mrr = (seats * price - discount).round(2)
    return found.assign(seats=seats, price=price, discount_kind=kind, discount=discount, mrr=mrr)
