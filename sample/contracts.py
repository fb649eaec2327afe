"""The made-up company's contracts: which account has which product, and every version of each subscription line.

A *line* is one product of one account, from its first day to its last. What happens to a line is a table of changes,
each with a factor on seats and one on price; the running products of the factors give the line's versions. Nothing is
here that was not signed by the end of the history.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sample.accounts import ENTERPRISE, SEGMENTS, SMALL
from sample.time_and_chance import (
    DAY,
    END,
    MONTH,
    NEVER,
    PRICING_ON,
    START,
    YEARS,
    add_months,
    as_days,
    evenly,
    months_between,
    pick,
    seasonal_days,
    stream,
)

CORE, ANALYTICS, ASSIST = "Dispatch", "Insights", "Assist"
LAUNCHED = {
    CORE: np.datetime64("2017-09-04"), ANALYTICS: np.datetime64("2021-06-01"), ASSIST: np.datetime64("2025-03-04"),
}  # fmt: skip
FAMILIES = {CORE: "Core", ANALYTICS: "Add-on", ASSIST: "Add-on"}
ATTACHED = {ANALYTICS: (0.30, 0.14), ASSIST: (0.55, 0.28)}  # share of larger and of small accounts that add it
WORTH = {ANALYTICS: (0.10, 0.20), ASSIST: (0.12, 0.24)}  # least and most, against what the account pays for its seats
REASONS = {"voluntary": 0.62, "payment": 0.16, "paused": 0.09, "other": 0.13}
RETURNS = {"paused": 0.8, "other": 0.12, "voluntary": 0.1, "payment": 0.0}  # share that comes back, by reason
LOSS_ENDS, LOSS_CANCELLED = np.datetime64("2026-08-01"), np.datetime64("2026-05-11")
LATEST_END = END + 180 * DAY  # of the contracts whose end was known by the end of the history
FROM_ACCOUNTS = [
    "account", "kind", "role", "installed", "segment", "term", "billing", "price", "seats", "start_on", "won_on",
]  # fmt: skip


def make_versions(seed: int, accounts: pd.DataFrame) -> pd.DataFrame:
    """One row per version of a subscription line, in the order of line and start.

    Columns, beside those of the line: ``line``, ``change`` (``start``, ``renewal``, ``upsell``, ``contraction`` or
    ``reprice``), ``start_on``, ``end_on``, ``signed_on``, ``renewal_on``, ``seats``, ``price``, ``discount`` and
    ``mrr`` (all a month); ``before`` is the MRR of the line until then. ``cancelled_on`` and ``reason`` stand at the
    last version of a line.
    """
    lines = _make_lines(seed, accounts)
    changes = _changes(seed, lines).join(lines.drop(columns=["signed_on", "start_on"]), on="line")
    versions = _with_state(changes)
    previous = versions.groupby("line")[["seats", "price"]].shift()
    same = versions.seats.eq(previous.seats) & versions.price.eq(previous.price)
    versions = versions[~same | versions.change.isin(["start", "renewal"])].reset_index(drop=True)
    return _with_ends(versions.rename(columns={"on": "start_on"}))


def service_times(versions: pd.DataFrame) -> pd.DataFrame:
    """One row per spell of service of a customer, ``since`` and ``until``; one that goes on ends after the history."""
    core = versions[(versions["product"] == CORE) & (versions.kind == "customer")]
    spells = core.assign(goes_on=core.end_on.isna()).groupby(["account", "spell"], as_index=False).agg(
        role=("role", "first"), segment=("segment", "first"), installed=("installed", "first"),
        since=("start_on", "min"), until=("end_on", "max"), goes_on=("goes_on", "any"),
    )  # fmt: skip
    return spells.assign(until=spells.until.mask(spells.goes_on, pd.Timestamp(END + DAY)))


def last_core_versions(versions: pd.DataFrame) -> pd.DataFrame:
    """The last version of the core product that each account had, by account."""
    core = versions[versions["product"] == CORE]
    return core.drop_duplicates("account", keep="last").set_index("account")


def products_table() -> pd.DataFrame:
    """The canonical table of the three products."""
    return pd.DataFrame({"product": LAUNCHED.keys(), "launched_on": LAUNCHED.values(), "family": FAMILIES.values()})


# --- lines ------------------------------------------------------------------------------------------------------------


def _make_lines(seed: int, accounts: pd.DataFrame) -> pd.DataFrame:
    """One row per line: the core product, a second spell of some accounts, and the products added to it.

    Columns: ``account`` (row of ``accounts``), ``spell`` (1 for an account that came back), ``product``, ``start_on``,
    ``signed_on``, ``anchor`` (a day on which a term began), ``term`` and ``billing`` (months), ``seats`` and ``price``
    (of a seat a month) on the first day, ``discount_kind`` and ``discount_share``; ``line_end_on`` (the first day
    without service), ``cancelled_on`` and ``reason``, empty while nothing of the end is known.
    """
    core = _with_line_end(stream(seed, "ends of contracts"), _core_lines(stream(seed, "contracts"), accounts))
    again = _with_line_end(stream(seed, "ends of second contracts"), _second_spells(stream(seed, "returns"), core))
    core = pd.concat([core, again], ignore_index=True)
    added = [_added_lines(stream(seed, product), core, product) for product in (ANALYTICS, ASSIST)]
    lines = pd.concat([core, *added]).sort_values(["account", "spell"], kind="stable", ignore_index=True)
    return lines[as_days(lines.signed_on) < END].reset_index(drop=True)


def _core_lines(rng: np.random.Generator, accounts: pd.DataFrame) -> pd.DataFrame:
    """The first contract of each account; for an installed one, the term that was running when the history began."""
    lines = accounts[accounts.kind != "prospect"].rename_axis("account").reset_index()
    renewed = lines.start_on > lines.first_paid_on
    lines, n = lines[FROM_ACCOUNTS], len(lines)
    signed = np.where(renewed, as_days(lines.start_on) - rng.integers(6, 45, size=n), as_days(lines.won_on))
    kind = pick(rng, {"": 0.70, "forever": 0.17, "limited": 0.13}, n)
    kind = np.where((lines.term == 1) & (kind == "limited") | (lines.role != ""), "", kind)
    forever, limited = rng.choice([0.05, 0.10, 0.15], size=n), rng.choice([0.1, 0.2], size=n)
    return lines.drop(columns="won_on").assign(
        spell=0, product=CORE, signed_on=signed, anchor=lines.start_on, churn=_churn(lines), discount_kind=kind,
        discount_share=np.select([kind == "forever", kind == "limited"], [forever, limited], 0.0),
    )  # fmt: skip


def _churn(lines: pd.DataFrame) -> np.ndarray:
    """The chance that a line ends with a term; those of the story stay."""
    yearly = np.array([s.churn for s in SEGMENTS])[lines.segment] * np.where(lines.term == 1, 1.3, 1.0)
    by_term = np.where(lines.term == 1, 1 - (1 - yearly) ** (1 / 12), yearly)
    return np.where((lines.kind == "customer") & (lines.role == ""), by_term, 0.0)


def _with_line_end(rng: np.random.Generator, lines: pd.DataFrame) -> pd.DataFrame:
    """The lines with their end, its reason and the day it was told: with a term, or within it if it is not paid."""
    n, began, fixed = len(lines), as_days(lines.start_on), (lines.term > 1).to_numpy()
    end = _end_of_last_term(rng, lines)
    reason = pick(rng, REASONS, n)
    early = add_months(np.where(np.isnat(end), START, end), -rng.integers(1, 7, size=n))
    unpaid = (reason == "payment") & fixed & (early > np.maximum(began, START) + 28 * DAY)
    end = np.where(unpaid & ~np.isnat(end), early, end)
    notice = np.where(fixed, rng.integers(35, 110, size=n), rng.integers(6, 28, size=n))
    notice = np.where(reason == "payment", rng.integers(6, 14, size=n), notice)
    loss = (lines.role == "loss").to_numpy()
    end = np.where(loss, LOSS_ENDS, end)
    cancelled = np.where(loss, LOSS_CANCELLED, np.maximum(end - notice, began + DAY))
    told = cancelled < END
    return lines.assign(
        line_end_on=np.where(told, end, NEVER),
        cancelled_on=np.where(told, cancelled, NEVER),
        reason=np.where(told, np.where(loss, "voluntary", reason), ""),
    )


def _end_of_last_term(rng: np.random.Generator, lines: pd.DataFrame) -> np.ndarray:
    """The end of each line's last term, missing if it goes on; a third more leave since the new price list."""
    anchor, term, churn = as_days(lines.anchor), lines.term.to_numpy(), lines.churn.to_numpy()
    end = np.full(len(lines), NEVER)
    earliest = np.maximum(as_days(lines.start_on) + 40 * DAY, START)
    for k in range(1, 60):
        due = add_months(anchor, k * term)
        leaves = evenly(rng, len(lines)) < churn * np.where(due >= PRICING_ON, 1.35, 1.0)
        end = np.where(leaves & np.isnat(end) & (due > earliest) & (due <= LATEST_END), due, end)
    return end


def _second_spells(rng: np.random.Generator, core: pd.DataFrame) -> pd.DataFrame:
    """Accounts that come back after some months: they are not larger than before and get no discount."""
    n = len(core)
    chance = core.reason.map(RETURNS).fillna(0).to_numpy()
    away = np.where(core.reason == "paused", rng.integers(50, 140, size=n), rng.integers(100, 330, size=n))
    back = ((as_days(core.line_end_on) + away).astype("datetime64[M]") + MONTH).astype("datetime64[D]")
    returns = (rng.random(n) < chance) & (back < END)
    signed = back - rng.integers(5, 20, size=n)
    seats = np.maximum(2, (core.seats * rng.uniform(0.6, 1.0, size=n)).round()).astype(int)
    return core.assign(
        spell=1, start_on=back, anchor=back, signed_on=signed, installed=False, seats=seats, discount_kind="",
        discount_share=0.0,
    )[returns]  # fmt: skip


def _added_lines(rng: np.random.Generator, core: pd.DataFrame, product: str) -> pd.DataFrame:
    """Lines of a product that accounts add to the core one: some had it from the start, others buy it later."""
    n, launched = len(core), max(LAUNCHED[product], START)
    held = core.installed & (core.signed_on >= LAUNCHED[product]) & (launched == START) & (rng.random(n) < 0.2)
    large, small = ATTACHED[product]
    signed = seasonal_days(rng, n, launched, END)
    bought = (core.kind == "customer") & (rng.random(n) < np.where(core.segment == SMALL, small, large))
    bought &= (signed > as_days(core.start_on) + 60 * DAY) & ~(signed > as_days(core.cancelled_on) - 30 * DAY)
    began = np.where(held, as_days(core.start_on), signed + rng.integers(0, 12, size=n))
    bought &= (core.term == 1) | (_term_ends(core, began) > began + 60 * DAY)
    price = core.seats * core.price * rng.uniform(*WORTH[product], size=n)
    added = core.assign(
        product=product, start_on=began, signed_on=np.where(held, as_days(core.signed_on), signed), seats=1,
        price=np.maximum(20.0, (price / 5).round() * 5), discount_kind="", discount_share=0.0,
        churn=np.where(core.term > 1, 0.05, 0.004),
    )[held | bought]  # fmt: skip
    return _ended_first(added, _with_line_end(rng, added))


def _ended_first(core_ends: pd.DataFrame, own_ends: pd.DataFrame) -> pd.DataFrame:
    """Added lines with the earlier of two ends, the core product's and their own; none begins after its end."""
    own = (own_ends.line_end_on < core_ends.line_end_on) | (own_ends.line_end_on.notna() & core_ends.line_end_on.isna())
    ends = ["line_end_on", "cancelled_on", "reason"]
    added = core_ends.assign(**{name: own_ends[name].where(own, core_ends[name]) for name in ends})
    return added[~(added.line_end_on <= added.start_on)]


def _term_ends(lines: pd.DataFrame, days: np.ndarray) -> np.ndarray:
    """The end of the term of each line that runs on its day."""
    anchor, term = as_days(lines.anchor), lines.term.to_numpy()
    return add_months(anchor, (months_between(anchor, days) // term + 1) * term)


# --- changes ----------------------------------------------------------------------------------------------------------


def _changes(seed: int, lines: pd.DataFrame) -> pd.DataFrame:
    """What happens to each line, in order: on which day, when it was signed, and its factors on seats and price."""
    core = lines[lines["product"] == CORE]
    changes = pd.concat(
        [
            _change(lines, "start", on=as_days(lines.start_on), signed_on=as_days(lines.signed_on)),
            *_renewals(stream(seed, "price talks"), lines[lines.term > 1]),
            _repricing(lines[lines.term == 1]),
            _growth(stream(seed, "upsells"), core[core.role == ""]),
            _shrinking(stream(seed, "contractions"), core[core.term == 1]),
        ],
        ignore_index=True,
    )
    line = lines.loc[changes.line].reset_index(drop=True)
    within = (changes.on > line.start_on) & ~(changes.on >= line.line_end_on)
    within &= ~(changes.signed_on >= line.cancelled_on)
    changes = changes[((changes.change == "start") | within) & (as_days(changes.signed_on) < END)]
    return changes.sort_values(["line", "on"], kind="stable").drop_duplicates(["line", "on"])


def _renewals(rng: np.random.Generator, lines: pd.DataFrame) -> list[pd.DataFrame]:
    """The ends of terms bring a small rise, since spring 2026 a new price list, which many answer with fewer seats.

    An account decides what and when for all of its lines at once.
    """
    account, n, renewals = lines.account.to_numpy(), lines.account.max() + 1, []
    large = (lines.segment == ENTERPRISE).to_numpy()
    may_change = ((lines["product"] == CORE) & ~lines.role.isin(["due", "loss"])).to_numpy()
    for k in range(1, 7):
        due = add_months(as_days(lines.anchor), k * lines.term.to_numpy())
        new = due >= PRICING_ON
        listed, usual = rng.choice([0, 0.05, 0.08], size=n, p=[0.25, 0.35, 0.40]), rng.choice([0, 0.02, 0.03], size=n)
        shrinks = rng.random(n)[account] < np.where(new, 0.34, 0.07)
        grows = rng.random(n)[account] < np.where(new, 0.12, 0.20)
        fewer, more = rng.uniform(0.60, 0.85, size=n)[account] + 0.12 * large, rng.uniform(1.04, 1.20, size=n)[account]
        seats = np.where(may_change, np.select([shrinks, grows], [fewer, more], 1.0), 1.0)
        notice = rng.integers(4, 40, size=n)[account]
        price = 1 + np.where(new, listed[account], usual[account])
        change = _change(lines, "renewal", on=due, signed_on=due - notice)
        renewals.append(change.assign(seats_factor=seats, price_factor=price))
    return renewals


def _repricing(lines: pd.DataFrame) -> pd.DataFrame:
    """Rolling plans get the new price list with their first billing from May 2026 on, without a signature."""
    anchor, may = as_days(lines.anchor), np.full(len(lines), add_months(np.array([PRICING_ON]), 1)[0])
    on = add_months(anchor, months_between(anchor, may - DAY) + 1)
    on = np.where(anchor < PRICING_ON, on, NEVER)
    return _change(lines, "reprice", on=on, signed_on=on).assign(price_factor=1.06).dropna()


def _growth(rng: np.random.Generator, lines: pd.DataFrame) -> pd.DataFrame:
    """More seats within a term."""
    often = YEARS * np.array([s.upsells for s in SEGMENTS])
    lines = lines.loc[lines.index.repeat(rng.poisson(often[lines.segment]))]
    n = len(lines)
    signed = seasonal_days(rng, n, START, END)
    on = signed + rng.integers(0, 10, size=n)
    settled = (signed > as_days(lines.start_on) + 45 * DAY) & ~(on > as_days(lines.cancelled_on) - 60 * DAY)
    change = _change(lines, "upsell", on=on, signed_on=signed)
    return change.assign(seats_factor=rng.uniform(1.06, 1.30, size=n))[settled]


def _shrinking(rng: np.random.Generator, lines: pd.DataFrame) -> pd.DataFrame:
    """Fewer seats on rolling plans: now and then, and more often after the new price list."""
    n = len(lines)
    ever, after = START + rng.integers(0, (END - START).astype(int), size=n), PRICING_ON + rng.integers(35, 150, size=n)
    ever, after = np.where(rng.random(n) < 0.25, ever, NEVER), np.where(rng.random(n) < 0.3, after, NEVER)
    seats = rng.uniform(0.6, 0.9, size=2 * n)
    on = np.concatenate([ever, after])
    change = _change(pd.concat([lines, lines]), "contraction", on=on, signed_on=on)
    return change.assign(seats_factor=seats).dropna()


def _change(lines: pd.DataFrame, change: str, *, on: np.ndarray, signed_on: np.ndarray) -> pd.DataFrame:
    """One change of each line, its factors still 1."""
    columns = {"line": lines.index, "on": on, "signed_on": signed_on, "change": change}
    return pd.DataFrame({**columns, "seats_factor": 1.0, "price_factor": 1.0})


# --- versions ---------------------------------------------------------------------------------------------------------


def _with_state(changes: pd.DataFrame) -> pd.DataFrame:
    """The changes with seats, price, discount and MRR after each; a limited discount holds for the first term."""
    line = changes.groupby("line")
    least = np.where(changes["product"] == CORE, 2, 1)
    seats = np.maximum(least, (changes.seats * line.seats_factor.cumprod()).round()).astype(int)
    price = (changes.price * line.price_factor.cumprod()).round(2)
    renewed = (changes.change == "renewal").groupby(changes.line).cumsum() > 0
    kind = changes.discount_kind.where((changes.discount_kind != "limited") | ~renewed, "")
    discount = (changes.discount_share * seats * price).where(kind != "", 0.0).round(2)
    mrr = (seats * price - discount).round(2)
    return changes.assign(seats=seats, price=price, discount_kind=kind, discount=discount, mrr=mrr)


def _with_ends(versions: pd.DataFrame) -> pd.DataFrame:
    """The versions with their ends: the next one's start, else the line's end, else the end of the term."""
    line = versions.groupby("line")
    renewal = np.where(versions.term > 1, _term_ends(versions, as_days(versions.start_on)), NEVER)
    following = line.start_on.shift(-1)
    last = following.isna()
    return versions.assign(
        before=line.mrr.shift().fillna(0.0),
        renewal_on=renewal,
        end_on=following.fillna(versions.line_end_on).fillna(pd.Series(renewal)),
        cancelled_on=versions.cancelled_on.where(last),
        reason=versions.reason.where(last, ""),
    )
