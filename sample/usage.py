"""What is recorded of the use of the made-up company's product: at most one row per user, day and action.

Made by groups of accounts, each with random numbers of its own, so that a hundred thousand customers need no more
memory than a thousand. Most people work in it on workdays, by the rhythm of their job; machines do not rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sample.accounts import ENTERPRISE
from sample.contracts import CORE
from sample.days import END, START, TIMEZONE, days, stream, workdays
from sample.engagement import levels, open_on, within
from sample.profiles import API, INTERACTIVE, MONITORING
from sample.work import (
    ACTIONS,
    CALL,
    EVENTS,
    FEATURES,
    HEARTBEAT,
    LOGIN,
    MACHINE,
    OFFLINE,
    PERSONAS,
    SYNC,
    main_actions,
    weights,
)  # fmt: skip

GROUP = 150  # accounts
FULL_HISTORY = 6_000  # accounts; with more the record begins later, so as not to grow to hundreds of millions of rows
LEAST_DAYS = 150
MONDAY = np.datetime64("2023-06-26")
WEEKDAYS = np.array([1.0, 1.05, 1.05, 1.0, 0.85, 0.09, 0.03])
STAFF_DAILY = 0.05
SECOND = 0.2  # the chance of a second kind of action on a day
LOGINS, ONLY_LOGIN = 0.15, 0.03  # of weeks with use: people stay logged in for long; of those without any
OFFLINE_SHARE = 0.006
TWICE, SKEWED = 14, 9  # rows that were sent twice, and rows of devices whose clock is wrong
OPENS, OPENS_IN_US, HOURS = 7.5, 13.5, 9.5  # the working day, by the clock of the made-up company
NIGHT = 4.0  # when machines report


def make_events(seed: int, lives: pd.DataFrame, users: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The canonical table, a group of accounts at a time."""
    first_on = max(START, END - max(LEAST_DAYS, int((END - START).astype(int) * FULL_HISTORY / len(lives))))
    for first in range(0, len(lives), GROUP):
        rows = users[(users.account >= first) & (users.account < first + GROUP)].reset_index(drop=True)
        group = _Group(stream(seed, f"events {first}"), lives.iloc[first : first + GROUP], rows, first, first_on)
        events = _named(group, pd.concat([_people(group), _machines(group)], ignore_index=True))
        yield _flawed(group.rng, events) if first == 0 else events


@dataclass(frozen=True)
class _Group:
    """Some accounts and their users, with the days that are recorded."""

    rng: np.random.Generator
    lives: pd.DataFrame
    users: pd.DataFrame
    first: int
    first_on: np.datetime64

    @property
    def weeks(self) -> np.ndarray:
        skipped = (self.first_on - MONDAY).astype(int) // 7
        return np.arange(MONDAY + 7 * skipped, END, 7)

    @property
    def days(self) -> np.ndarray:
        return self.weeks[0] + np.arange(7 * len(self.weeks))

    @property
    def account(self) -> np.ndarray:
        """The position of each user's account in the group."""
        return self.users.account.to_numpy() - self.first


def _people(group: _Group) -> pd.DataFrame:
    """The actions and log-ins of people: positions of the user in the group, of the day, and in ``EVENTS``."""
    rng, account = group.rng, group.account
    chance = group.users.weekly.to_numpy()[:, None] * levels(group.lives, group.weeks)[account]
    active = rng.random(chance.shape, dtype=np.float32) < chance
    user, day, opens = _days(group, *np.nonzero(active))
    idle_user, idle_week = np.nonzero(~active & (rng.random(active.shape, dtype=np.float32) < ONLY_LOGIN))
    idle_day = idle_week * 7 + rng.integers(0, 5, size=len(idle_week))
    came = _possible(group, idle_user, idle_day) & (group.users.job.to_numpy()[idle_user] != MACHINE)
    logged = opens & (rng.random(len(user)) < LOGINS)
    return pd.concat(
        [
            _actions(group, user, day),
            _rows(user[logged], day[logged], kind=LOGIN),
            _rows(idle_user[came], idle_day[came], kind=LOGIN),
        ]
    )


def _days(group: _Group, user: np.ndarray, week: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The days of each active week of a user, and whether each is the first of its week."""
    rng, n = group.rng, len(user)
    daily = np.array([persona.daily for persona in PERSONAS] + [0.0, STAFF_DAILY], np.float32)
    used = rng.random((n, 7), dtype=np.float32) < daily[group.users.job.to_numpy()[user], None] * WEEKDAYS
    used[np.arange(n), rng.integers(0, 5, size=n)] = True
    week_of, weekday = np.nonzero(used)
    found = _possible(group, user[week_of], day := week[week_of] * 7 + weekday)
    week_of, day = week_of[found], day[found]
    return user[week_of], day, np.diff(week_of, prepend=-1) > 0


def _possible(group: _Group, user: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Whether a user is there on a day, the product open to the account, and the day no holiday or one of few."""
    on = group.days[day]
    free = (~workdays(group.days) & (np.arange(len(group.days)) % 7 < 5))[day]
    there = (on >= days(group.users.began)[user]) & (on < days(group.users.gone)[user])
    recorded = (on >= group.first_on) & (on < END) & (~free | (group.rng.random(len(user)) < 0.1))
    return there & recorded & open_on(group.lives, group.days)[group.account[user], day]


def _actions(group: _Group, user: np.ndarray, day: np.ndarray) -> pd.DataFrame:
    """What is done on each day of use: one kind of action, on some days another one as well."""
    rng, job = group.rng, group.users.job.to_numpy()
    done, ever = (part[job] for part in weights())
    bounds = (done * (rng.random(ever.shape) < ever)).cumsum(axis=1)
    bounds = (bounds / np.maximum(bounds[:, -1:], 1e-9)).astype(np.float32)
    drawn = [_drawn(rng, bounds[user]) for _ in range(2)]
    own = main_actions()[job[user]]
    for j, action in enumerate(ACTIONS):
        if action.product != CORE:
            held = within(group.lives, action.product, group.days)[group.account[user], day]
            drawn = [np.where((kind == j) & ~held, own, kind) for kind in drawn]
    also = (drawn[0] != drawn[1]) & (rng.random(len(user)) < SECOND)
    return pd.concat([_rows(user, day, kind=drawn[0]), _rows(user[also], day[also], kind=drawn[1][also])])


def _drawn(rng: np.random.Generator, bounds: np.ndarray) -> np.ndarray:
    return (bounds[:, :-1] <= rng.random((len(bounds), 1), dtype=np.float32)).sum(axis=1)


def _machines(group: _Group) -> pd.DataFrame:
    """Nightly synchronisations of large accounts, whoever is silent; calls of systems, signs of life of agents."""
    lives, on, account = group.lives, group.days, group.account
    by_people = (lives.product_type == INTERACTIVE).to_numpy()
    nightly = open_on(lives, on, silent=()) & workdays(on)
    runs = np.where(by_people[:, None], nightly, open_on(lives, on)) & (on >= group.first_on) & (on < END)
    has = ~by_people | ((lives.segment == ENTERPRISE) & (lives.kind == "customer")).to_numpy()
    user = np.flatnonzero((group.users.number == 0).to_numpy() & has[account])
    there = (on >= days(group.users.began)[user, None]) & (on < days(group.users.gone)[user, None])
    row, day = np.nonzero(runs[account[user]] & there)
    kind = lives.product_type.map({INTERACTIVE: SYNC, API: CALL, MONITORING: HEARTBEAT}).to_numpy()
    return _rows(user[row], day, kind=kind[account[user[row]]])


def _rows(user: np.ndarray, day: np.ndarray, *, kind: np.ndarray | int) -> pd.DataFrame:
    return pd.DataFrame({"user": user, "day": day, "kind": kind})


def _named(group: _Group, events: pd.DataFrame) -> pd.DataFrame:
    """The rows with the names that they refer to, and their instants; some are received days after they happened."""
    rng, n, user = group.rng, len(events), events.user.to_numpy()
    kind, automated = events.kind.to_numpy(), events.kind.to_numpy() > LOGIN
    opens = np.where((group.lives.country == "US").to_numpy()[group.account[user]], OPENS_IN_US, OPENS)
    hour = np.where(automated, NIGHT + 0.5 * rng.random(n), opens + HOURS * rng.random(n))
    local = group.days[events.day].astype("datetime64[s]") + (3_600 * hour).astype(int)
    occurred = local - _offsets(group.days)[events.day]
    late = (kind == OFFLINE) & (rng.random(n) < OFFLINE_SHARE)
    received = occurred + rng.integers(20_000, 9 * 86_400, size=n)
    return pd.DataFrame(
        {
            "user_id": group.users.user_id.array[user],
            "customer_id": group.users.customer_id.array[user],
            "event": EVENTS[kind],
            "feature": FEATURES[kind],
            "occurred_at": pd.DatetimeIndex(occurred).tz_localize("UTC"),
            "is_automated": automated,
            "recorded_at": pd.DatetimeIndex(np.where(late, received, np.datetime64("NaT", "s"))).tz_localize("UTC"),
        }
    )


def _offsets(on: np.ndarray) -> np.ndarray:
    """How far local time is ahead of UTC on each day, after the early morning in which it may change."""
    noon = pd.DatetimeIndex(on + np.timedelta64(12, "h"))
    ahead = noon.tz_localize("UTC") - noon.tz_localize(TIMEZONE).tz_convert("UTC")
    return ahead.to_numpy().astype("timedelta64[s]")


def _flawed(rng: np.random.Generator, events: pd.DataFrame) -> pd.DataFrame:
    """A few rows sent twice, and a few of devices whose clock is weeks ahead of the day on which they were received."""
    by_people = np.flatnonzero(~events.is_automated & events.recorded_at.isna())
    chosen = rng.permutation(by_people)[: SKEWED + TWICE]
    ahead, twice = chosen[:SKEWED], events.iloc[chosen[SKEWED:]]
    events.loc[ahead, "recorded_at"] = events.occurred_at[ahead]
    events.loc[ahead, "occurred_at"] += pd.to_timedelta(rng.integers(20, 600, size=len(ahead)), unit="D")
    return pd.concat([events, twice], ignore_index=True)
