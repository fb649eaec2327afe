"""The made-up company's new business: every lead, the stages it passed, and what became of it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sample.accounts import CURRENCY, SEGMENTS, SOURCES
from sample.contracts import CORE
from sample.days import END, START, clock, day_clock, pick, seasonal_days, stream

STAGES = ("lead", "mql", "sql", "opportunity")
OPPORTUNITY, WON = 3, 4  # how far a lead comes, as a position in STAGES and after it
CONVERSION = {  # share of leads that are won, and of opportunities that are won
    "inbound": (0.105, 0.27), "outbound": (0.075, 0.24), "partner": (0.15, 0.31), "events": (0.06, 0.22),
    "referral": (0.21, 0.42), "paid search": (0.028, 0.15),
}  # fmt: skip
DROPPED = {0: 0.48, 1: 0.30, 2: 0.22}  # where leads end that never become an opportunity
CAMPAIGN_ON = np.datetime64("2025-11-03")  # more money for paid search: many leads, few of them any good
RUN_IN = np.timedelta64(270, "D")  # the longest that most leads take: those closed before the history are left out


def make_leads(seed: int, accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """One row per lead: accounts won, prospects on trial, the many that came to nothing, and those still open.

    Columns: ``account`` (-1 for none), ``source``, ``outcome``; ``amount``, ``one_off_amount``, ``currency`` and
    ``term_months`` from the opportunity on; clock values ``created``, ``mql``, ``sql``, ``opportunity``, ``closed``.
    """
    won = _won(accounts, versions)
    nothing, later = _unwon(stream(seed, "leads"), len(won)), _won_later(stream(seed, "future"), len(won))
    found = pd.concat([won, _tried(accounts), nothing, later], ignore_index=True)
    found = _valued(_staged(stream(seed, "stages"), found))
    return found[~(found.closed < day_clock(START))].assign(deal_type="new_logo", product=CORE)


def _won(accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    first = (versions.change == "start") & (versions.spell == 0) & (versions["product"] == CORE) & ~versions.installed
    found = versions.loc[first, ["account", "mrr", "months"]].join(
        accounts[["lead_at", "won_at", "source", "currency", "services"]], on="account"
    )
    return found.assign(
        created=found.lead_at,
        cycle=found.won_at - found.lead_at,
        reached=WON,
        amount=found.mrr * found.months,
        term_months=found.months,
        one_off_amount=found.services,
    ).drop(columns=["mrr", "months", "lead_at", "won_at", "services"])


def _tried(accounts: pd.DataFrame) -> pd.DataFrame:
    """Prospects that had a trial and did not buy."""
    of = accounts[accounts.kind == "prospect"].rename_axis("account").reset_index()
    return of[["account", "source", "currency"]].assign(
        created=of.lead_at,
        cycle=of.cycle + of.trial_days,
        reached=OPPORTUNITY,
        amount=of.seats * of.price * 12,
        term_months=12,
        one_off_amount=0.0,
    )


def _unwon(rng: np.random.Generator, won: int) -> pd.DataFrame:
    """Leads that nobody bought: so many per source that the shares of ``CONVERSION`` come out, and a campaign's."""
    found = [_leads(rng, round(0.7 * won), source="paid search", since=CAMPAIGN_ON, lost=0.10)]
    for source, (conversion, win_rate) in CONVERSION.items():
        count = round(1.22 * won * SOURCES[source] * (1 / conversion - 1))  # the run-in is 0.22 of the history
        lost = (conversion / win_rate - conversion) / (1 - conversion)
        found.append(_leads(rng, count, source=source, since=START - RUN_IN, lost=lost))
    return pd.concat(found)


def _leads(rng: np.random.Generator, n: int, *, source: str, since: np.datetime64, lost: float) -> pd.DataFrame:
    """``n`` leads of a source; the share ``lost`` becomes an opportunity and is lost."""
    created = clock(rng, seasonal_days(rng, n, since, END))
    reached = np.where(rng.random(n) < lost, OPPORTUNITY, pick(rng, DROPPED, n))
    return _anonymous(rng, n).assign(source=source, created=created, reached=reached)


def _won_later(rng: np.random.Generator, won: int) -> pd.DataFrame:
    """Leads that will be won after the history ends: open in it."""
    n = round(0.3 * won)
    found = _anonymous(rng, n).assign(source=pick(rng, SOURCES, n), reached=WON)
    return found.assign(created=clock(rng, seasonal_days(rng, n, END, END + 250)) - found.cycle)


def _anonymous(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Leads without an account: how long they take, and what they would be worth."""
    segment = pick(rng, {i: s.share for i, s in enumerate(SEGMENTS)}, n)
    cycle, seats, price = np.array([(s.cycle, s.seats[0], s.price) for s in SEGMENTS])[segment].T
    columns = {
        "account": -1,
        "cycle": cycle * np.exp(0.45 * rng.standard_normal(n)),
        "amount": (seats * np.exp(0.5 * rng.standard_normal(n))).round() * price * 12,
        "currency": np.where(rng.random(n) < 0.09, "USD", CURRENCY),
        "term_months": 12,
        "one_off_amount": 0.0,
    }
    return pd.DataFrame(columns, index=range(n))


def _staged(rng: np.random.Generator, found: pd.DataFrame) -> pd.DataFrame:
    """When each lead entered each stage and was closed; what lies after the end of the history has not happened."""
    n, cycle, reached = len(found), found.cycle.to_numpy(), found.reached.to_numpy()
    created = found.created.to_numpy()
    shares = (rng.uniform(0.03, 0.10, size=n), rng.uniform(0.15, 0.25, size=n), rng.uniform(0.32, 0.45, size=n))
    entered = [np.where(reached > i, created + share * cycle, np.nan) for i, share in enumerate(shares)]
    dropped = np.fmax.reduce([created, *entered]) + rng.uniform(3, 30, size=n)
    lost = entered[-1] + cycle * rng.uniform(0.3, 0.9, size=n)
    closed = np.select([reached == WON, reached == OPPORTUNITY], [created + cycle, lost], dropped)
    happened = [np.where(at < day_clock(END), at, np.nan) for at in (*entered, closed)]
    outcome = np.select([np.isnan(happened[-1]), reached == WON], ["open", "won"], "lost")
    return found.assign(outcome=outcome, **dict(zip((*STAGES[1:], "closed"), happened, strict=True)))


def _valued(found: pd.DataFrame) -> pd.DataFrame:
    """A lead has a price from the opportunity on."""
    priced = found.opportunity.notna()
    return found.assign(
        amount=found.amount.where(priced).round(2),
        term_months=found.term_months.astype(float).where(priced),
        one_off_amount=found.one_off_amount.where(priced & (found.one_off_amount > 0)),
        currency=found.currency.where(priced),
    )
