"""What happened to the made-up company's contracts: the versions of each subscription line.

What happens to a line is a table of changes, each with a factor on seats and on price; the running products of the
factors give its versions. Nothing is in it that was not signed by the end of the history.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sample.accounts import ENTERPRISE, SEGMENTS
from sample.contracts import CORE, make_lines, term_ends
from sample.days import (
    END,
    NEVER,
    PRICING_ON,
    START,
    YEARS,
    add_months,
    days,
    months_between,
    seasonal_days,
    stream,
)  # fmt: skip


def make_versions(seed: int, accounts: pd.DataFrame) -> pd.DataFrame:
    """One row per version of a subscription line, in the order of line and start.

    Columns, beside those of the line: ``line``, ``change`` (``start``, ``renewal``, ``upsell``, ``contraction`` or
    ``reprice``), ``start_on``, ``end_on``, ``signed_on``, ``renewal_on``, ``seats``, ``price``, ``discount`` and
    ``mrr`` (all a month); ``before`` is the MRR of the line until then. ``cancelled_on`` and ``reason`` stand at the
    last version of a line.
    """
    lines = make_lines(seed, accounts)
    found = _state(_changes(seed, lines).join(lines.drop(columns=["signed_on", "start_on"]), on="line"))
    same = found.seats.eq(found.groupby("line").seats.shift()) & found.price.eq(found.groupby("line").price.shift())
    found = found[~same | found.change.isin(["start", "renewal"])].reset_index(drop=True)
    return _ends(found.rename(columns={"on": "start_on"}))


def service_times(versions: pd.DataFrame) -> pd.DataFrame:
    """One row per spell of service of a customer: ``since`` and ``until``, a day after the history if it goes on."""
    core = versions[(versions["product"] == CORE) & (versions.kind == "customer")]
    found = core.assign(goes_on=core.end_on.isna()).groupby(["account", "spell"], as_index=False).agg(
        role=("role", "first"), segment=("segment", "first"), installed=("installed", "first"),
        since=("start_on", "min"), until=("end_on", "max"), goes_on=("goes_on", "any"),
    )  # fmt: skip
    return found.assign(until=found.until.mask(found.goes_on, pd.Timestamp(END + 1)))


def _changes(seed: int, lines: pd.DataFrame) -> pd.DataFrame:
    """What happens to each line: ``on`` which day, signed when, and factors on seats and price."""
    found = [
        _change(lines, "start", on=days(lines.start_on), signed_on=days(lines.signed_on)),
        *_renewals(stream(seed, "price talks"), lines[lines.term > 1]),
        _repricing(lines[lines.term == 1]),
        _growth(stream(seed, "upsells"), lines[(lines["product"] == CORE) & (lines.role == "")]),
        _shrinking(stream(seed, "contractions"), lines[(lines["product"] == CORE) & (lines.term == 1)]),
    ]
    changes = pd.concat(found, ignore_index=True)
    of = lines.loc[changes.line].reset_index(drop=True)
    within = (changes.on > of.start_on) & ~(changes.on >= of.last_on) & ~(changes.signed_on >= of.cancelled_on)
    changes = changes[((changes.change == "start") | within) & (days(changes.signed_on) < END)]
    return changes.sort_values(["line", "on"], kind="stable").drop_duplicates(["line", "on"])


def _renewals(rng: np.random.Generator, lines: pd.DataFrame) -> list[pd.DataFrame]:
    """The ends of terms: a small rise, since spring 2026 a new price list, which many answer with fewer seats.

    What is decided, and on which day, is decided by an account for all of its lines.
    """
    account, n, found = lines.account.to_numpy(), lines.account.max() + 1, []
    large, core = (lines.segment == ENTERPRISE).to_numpy(), (lines["product"] == CORE).to_numpy()
    for k in range(1, 7):
        due = add_months(days(lines.anchor), k * lines.term.to_numpy())
        new = due >= PRICING_ON
        listed, usual = rng.choice([0, 0.05, 0.08], size=n, p=[0.25, 0.35, 0.40]), rng.choice([0, 0.02, 0.03], size=n)
        shrinks = rng.random(n)[account] < np.where(new, 0.34, 0.07)
        grows = rng.random(n)[account] < np.where(new, 0.12, 0.20)
        fewer, more = rng.uniform(0.60, 0.85, size=n)[account] + 0.12 * large, rng.uniform(1.04, 1.20, size=n)[account]
        seats = np.where(core & ~lines.role.isin(["due", "loss"]), np.select([shrinks, grows], [fewer, more], 1.0), 1.0)
        notice = rng.integers(4, 40, size=n)[account]
        rise = np.where(new, listed[account], usual[account])
        change = _change(lines, "renewal", on=due, signed_on=due - notice)
        found.append(change.assign(seats_x=seats, price_x=1 + rise))
    return found


def _repricing(lines: pd.DataFrame) -> pd.DataFrame:
    """Rolling plans get the new price list with their first billing from May 2026 on, without a signature."""
    anchor, may = days(lines.anchor), np.full(len(lines), add_months(np.array([PRICING_ON]), 1)[0])
    on = add_months(anchor, months_between(anchor, may - 1) + 1)
    on = np.where(anchor < PRICING_ON, on, NEVER)
    return _change(lines, "reprice", on=on, signed_on=on).assign(price_x=1.06).dropna()


def _growth(rng: np.random.Generator, lines: pd.DataFrame) -> pd.DataFrame:
    """More seats within a term."""
    often = YEARS * np.array([s.upsells for s in SEGMENTS])
    lines = lines.loc[lines.index.repeat(rng.poisson(often[lines.segment]))]
    n = len(lines)
    signed = seasonal_days(rng, n, START, END)
    on = signed + rng.integers(0, 10, size=n)
    settled = (signed > days(lines.start_on) + 45) & ~(on > days(lines.cancelled_on) - 60)
    change = _change(lines, "upsell", on=on, signed_on=signed)
    return change.assign(seats_x=rng.uniform(1.06, 1.30, size=n))[settled]


def _shrinking(rng: np.random.Generator, lines: pd.DataFrame) -> pd.DataFrame:
    """Fewer seats on rolling plans: now and then, and more often after the new price list."""
    n = len(lines)
    ever, after = START + rng.integers(0, (END - START).astype(int), size=n), PRICING_ON + rng.integers(35, 150, size=n)
    ever, after = np.where(rng.random(n) < 0.25, ever, NEVER), np.where(rng.random(n) < 0.3, after, NEVER)
    seats = rng.uniform(0.6, 0.9, size=2 * n)
    on = np.concatenate([ever, after])
    return _change(pd.concat([lines, lines]), "contraction", on=on, signed_on=on).assign(seats_x=seats).dropna()


def _change(lines: pd.DataFrame, change: str, *, on: np.ndarray, signed_on: np.ndarray) -> pd.DataFrame:
    """One change of each line, its factors still 1."""
    columns = {"line": lines.index, "on": on, "signed_on": signed_on, "change": change}
    return pd.DataFrame({**columns, "seats_x": 1.0, "price_x": 1.0})


def _state(found: pd.DataFrame) -> pd.DataFrame:
    """Seats, price, discount and MRR after each change; a limited discount holds for the first term."""
    line = found.groupby("line")
    least = np.where(found["product"] == CORE, 2, 1)
    seats = np.maximum(least, (found.seats * line.seats_x.cumprod()).round()).astype(int)
    price = (found.price * line.price_x.cumprod()).round(2)
    renewed = (found.change == "renewal").groupby(found.line).cumsum() > 0
    kind = found.discount_kind.where((found.discount_kind != "limited") | ~renewed, "")
    discount = (found.discount_share * seats * price).where(kind != "", 0.0).round(2)
    mrr = (seats * price - discount).round(2)
    return found.assign(seats=seats, price=price, discount_kind=kind, discount=discount, mrr=mrr)


def _ends(found: pd.DataFrame) -> pd.DataFrame:
    """The end of each version: the next one's start, else the line's end, else the end of the term."""
    line = found.groupby("line")
    renewal = np.where(found.term > 1, term_ends(found, days(found.start_on)), NEVER)
    following = line.start_on.shift(-1)
    last = following.isna()
    return found.assign(
        before=line.mrr.shift().fillna(0.0),
        renewal_on=renewal,
        end_on=following.fillna(found.last_on).fillna(pd.Series(renewal)),
        cancelled_on=found.cancelled_on.where(last),
        reason=found.reason.where(last, ""),
    )
