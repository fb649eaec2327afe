"""The people who use the made-up company's product: the roster of each account, from its first user to those who left.

Most seats are given to somebody, some never; a few accounts have more people than seats.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sample.accounts import ENTERPRISE, MID_MARKET, SMALL
from sample.days import END, NEVER, YEARS, days, pick, stream
from sample.profiles import INTERACTIVE
from sample.work import DISPATCHER, MACHINE, MANAGER, NAMES, PERSONAS, RHYTHMS, STAFF

FILLED = {(0.62, 0.97): 0.83, (0.25, 0.45): 0.13, (1.06, 1.30): 0.04}  # share of the seats that have a user
SITE = (0.18, 20, 55)  # a site's users: dispatchers and leads, share of its size, least and most
WITHOUT = 0.03  # share of old small accounts whose users are in no list
LEAVE = 0.09  # share of users that leave their firm in a year
UNKNOWN = 0.02  # share without a persona
ENTERED_LATE = 0.003  # share whose account was entered after its first use
STAFFED = 0.3  # share of larger accounts in which a consultant of the made-up company has an account


def make_users(seed: int, accounts: pd.DataFrame, lives: pd.DataFrame) -> pd.DataFrame:
    """The canonical table in the order of the accounts, with what their use depends on.

    ``account`` (row of ``accounts``), ``number`` within it, ``job`` (a position in ``NAMES``), ``weekly`` (the chance
    that a usual week is one of use), and the days ``began`` and ``gone`` between which they use it.
    """
    rng = stream(seed, "users")
    staying, leaving = _counts(rng, lives)
    account = np.repeat(np.arange(len(lives)), staying + leaving)
    number = np.arange(len(account)) - np.repeat(np.cumsum(staying + leaving) - staying - leaving, staying + leaving)
    found = pd.DataFrame({"account": account, "number": number, "leaves": number >= staying[account]})
    _job(rng, found, lives)
    _stay(rng, found, accounts, lives)
    return _as_table(rng, found, lives)


def _counts(rng: np.random.Generator, lives: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """How many people of each account stay to its end, and how many left before."""
    n, seats, segment = len(lives), lives.seats.to_numpy(), lives.segment.to_numpy()
    bounds = np.array(list(FILLED))[pick(rng, dict(enumerate(FILLED.values())), n)]
    filled = np.round(seats * rng.uniform(bounds[:, 0], bounds[:, 1])).astype(int)
    share, least, most = SITE
    staying = np.where(segment == ENTERPRISE, np.clip(seats * share, least, most).astype(int), np.maximum(filled, 2))
    staying = np.where(lives.product_type == INTERACTIVE, staying, 4)
    staying = np.where(lives.kind == "customer", staying, np.minimum(staying, 3))
    old = (days(lives.first_value_on) < END - 700) & (segment == SMALL) & (seats < 10) & (lives.role == "")
    without = old & (lives.product_type == INTERACTIVE) & (lives.kind == "customer") & (rng.random(n) < WITHOUT)
    staying = np.where(without | (lives.role == "late"), 0, staying)
    leaving = rng.poisson(staying * LEAVE * YEARS * 0.7) * (lives.kind == "customer").to_numpy()
    return staying, leaving


def _job(rng: np.random.Generator, found: pd.DataFrame, lives: pd.DataFrame) -> None:
    """What each person is: the first plans, the second manages; in an account for software, the first is no person."""
    n, number = len(found), found.number.to_numpy()
    job = pick(rng, {i: persona.share for i, persona in enumerate(PERSONAS)}, n)
    job = np.select([number == 0, number == 1], [DISPATCHER, MANAGER], job)
    of = lives.loc[found.account]
    staffed = of.segment.isin([ENTERPRISE, MID_MARKET]).to_numpy() & (number == 2) & (rng.random(n) < STAFFED)
    machine = (of.product_type != INTERACTIVE).to_numpy() & (number == 0)
    found["job"] = np.select([machine, staffed], [MACHINE, STAFF], job)
    rhythms = np.array([persona.rhythms for persona in PERSONAS] + [(0, 0, 0, 1), (0, 1, 0, 0)])
    drawn = (rhythms.cumsum(axis=1)[found.job] < rng.random(n)[:, None]).sum(axis=1)
    weekly = np.array(RHYTHMS)[np.minimum(drawn, len(RHYTHMS) - 1)]
    found["weekly"] = np.where(found.job == MACHINE, 0.0, weekly)


def _stay(rng: np.random.Generator, found: pd.DataFrame, accounts: pd.DataFrame, lives: pd.DataFrame) -> None:
    """From when to when each person is there: two from the first day, most since the first value, others since then."""
    n, of = len(found), lives.loc[found.account]
    paid = np.where(of.kind == "customer", days(accounts.first_paid_on.loc[found.account]), days(of.first_since))
    since = np.where(of.trial_since.notna(), days(of.trial_since), paid)
    until = np.fmin(np.fmax(np.fmax(days(of.first_until), days(of.second_until)), days(of.trial_until)), END)
    live = np.where(np.isnat(days(of.first_value_on)), since + 40, np.maximum(days(of.first_value_on), since))
    early = (live + 25 - since).astype(int) * rng.random(n)
    later = (until - since).astype(int) * rng.random(n)
    after = np.where(found.number < 2, 0, np.where(rng.random(n) < 0.65, early, later)).astype(int)
    began = np.minimum(since + after, np.maximum(until - 1, since))
    left = began + 30 + ((until - began).astype(int) * rng.random(n)).astype(int)
    left = np.where(found.leaves & (left < until), left, until)
    closed = np.where(until < END, until + rng.integers(0, 6, size=n), NEVER)
    found["began"], found["gone"] = began, left
    found["deactivated_on"] = np.where(left < until, left, np.where(closed < END, closed, NEVER))


def _as_table(rng: np.random.Generator, found: pd.DataFrame, lives: pd.DataFrame) -> pd.DataFrame:
    found = found[days(found.began) < END].reset_index(drop=True)
    n = len(found)
    late = (rng.random(n) < ENTERED_LATE) & (days(found.gone) - days(found.began) > np.timedelta64(60, "D"))
    created = days(found.began) + np.where(late, rng.integers(8, 20, size=n), 0)
    named = (rng.random(n) >= UNKNOWN) | (found.job >= MACHINE).to_numpy()
    return found.assign(
        user_id=[f"U-{i:07d}" for i in range(1, n + 1)],
        customer_id=lives.customer_id.loc[found.account].array,
        persona=pd.Series(NAMES[found.job]).where(named),
        created_on=np.where(created < END, created, days(found.began)),
        is_internal=(found.job == STAFF) | (lives.kind.loc[found.account] == "test").to_numpy(),
    )
