"""How much the made-up company's customers use the product, and every event that is recorded of it.

First the engagement of each account: when the product is open to it, when nobody acts nevertheless, how eagerly it is
used. Found there are the large customer that has been silent for weeks before its renewal; a dozen and more that are as
silent, those that fell silent or came back in the last days, those that used it less from July 2026 on; and those that
had faded away before they left.

Then the events, at most one per user, day and action. They are made by groups of accounts, each with random numbers of
its own, so that a hundred thousand customers need no more memory than a thousand. Most people work with the product on
workdays, by the rhythm of their job; machines do not rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sample.accounts import API, ENTERPRISE, INTERACTIVE, MID_MARKET, MONITORING, SMALL
from sample.contracts import ANALYTICS, ASSIST, CORE, last_core_versions, service_times
from sample.time_and_chance import DAY, END, NEVER, START, are_workdays, as_days, as_utc, stream
from sample.users import (
    ACTIONS,
    CALL,
    EVENTS,
    FEATURES,
    HEARTBEAT,
    JOBS,
    LOGIN,
    MACHINE,
    OFFLINE,
    SYNC,
    habits,
    main_actions,
)

# engagement
DUE_SILENT_ON = np.datetime64("2026-08-29")
MOVED_ON = np.datetime64("2026-07-06")
AGENT_LOST_ON = np.datetime64("2026-09-05")
SERVED = ("trial", "first", "second")  # the spans in which the product is open to an account
SILENT = ("lull", "leaving", "recent")  # the spans in which nobody acts nevertheless
LULLS = {SMALL: 0.9, MID_MARKET: 0.5, ENTERPRISE: 0.0}  # share of accounts that are silent for some weeks once
STORIES = {  # share of settled accounts: silent since when, until when (days before the end); and a factor from July on
    "silent": (0.08, (20, 130), (0, 1), 1.0), "newly silent": (0.03, (14, 17), (0, 1), 1.0),
    "returned": (0.03, (32, 46), (6, 7), 1.0), "less": (0.16, None, None, 0.30), "more": (0.03, None, None, 2.0),
}  # fmt: skip
FADING = 150  # days before a cancellation in which use goes down
ONBOARDING = 0.25  # use before the first value, against what it will be
SETTLED_SEATS = 10, 80
EAGER = (0.93, 0.10)  # how eagerly an account uses it: mean and spread
# events
GROUP = 150  # accounts
FULL_HISTORY = 6_000  # accounts; with more the record begins later, so as not to grow to hundreds of millions of rows
LEAST_DAYS = 150
MONDAY = np.datetime64("2023-06-26")
WEEKDAYS = np.array([1.0, 1.05, 1.05, 1.0, 0.85, 0.09, 0.03])
SECOND = 0.2  # the chance of a second kind of action on a day
LOGINS, ONLY_LOGIN = 0.15, 0.03  # of weeks with use: people stay logged in for long; of those without any
OFFLINE_SHARE = 0.006
TWICE, SKEWED = 14, 9  # rows that were sent twice, and rows of devices whose clock is wrong
OPENS, OPENS_IN_US, HOURS = 7.5, 13.5, 9.5  # the working day, by the clock of the made-up company
NIGHT = 4.0  # when machines report


# --- engagement -------------------------------------------------------------------------------------------------------


def make_engagement(seed: int, accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """One row per account: spans of days, each a pair of columns ``…_since`` and ``…_until``, and what scales its use.

    The spans of ``SERVED`` say when the product is open to it, those of ``SILENT`` when nobody acts nevertheless, and
    two more when it has each added product. ``eager`` and ``moved`` are factors, ``fades_on`` is the day from which its
    use goes down.
    """
    rng = stream(seed, "lives")
    columns = ["customer_id", "kind", "role", "segment", "country", "product_type", "first_value_on"]
    engagement = accounts[columns].copy()
    last_seats = last_core_versions(versions).seats.reindex(accounts.index)
    engagement["seats"] = last_seats.fillna(accounts.seats).astype(int)
    _add_served(engagement, accounts, versions)
    _add_products(engagement, versions)
    eager = rng.normal(*EAGER, size=len(engagement)).clip(0.6, 1.1)
    engagement["eager"] = np.where(engagement.product_type == INTERACTIVE, eager, 0.2)
    engagement["moved"] = 1.0
    _add_lull(rng, engagement)
    _add_leaving(rng, engagement, versions)
    _add_recent(rng, engagement)
    return engagement


def open_on(engagement: pd.DataFrame, days: np.ndarray, *, silent: tuple[str, ...] = SILENT) -> np.ndarray:
    """Account by day: whether the product is open to the account then, and the account is not silent."""
    served, quiet = (
        np.logical_or.reduce([_within(engagement, span, days) for span in spans]) for spans in (SERVED, silent)
    )
    return served & ~quiet


def _within(engagement: pd.DataFrame, span: str, days: np.ndarray) -> np.ndarray:
    """Account by day: whether the day lies in the account's span of that name."""
    since, until = (as_days(engagement[f"{span}_{end}"])[:, np.newaxis] for end in ("since", "until"))
    return (days >= since) & (days < until)


def _levels(engagement: pd.DataFrame, weeks: np.ndarray) -> np.ndarray:
    """Account by week, given by its first day: how much of what its people usually do they do."""
    learned = (weeks - as_days(engagement.first_value_on)[:, None]) / np.timedelta64(28, "D")
    learned = np.where(np.isnan(learned) | (learned < 0), ONBOARDING, np.clip(0.5 + learned / 2, 0, 1))
    faded = (weeks - as_days(engagement.fades_on)[:, None]) / (FADING * DAY)
    faded = 1 - 0.65 * np.clip(np.nan_to_num(faded), 0, 1)
    moved = engagement.moved.to_numpy()[:, None]
    moved = np.where(weeks < MOVED_ON, np.where(moved > 1, 1 / moved, 1.0), np.minimum(moved, 1.0))
    return engagement.eager.to_numpy()[:, None] * learned * faded * moved * _holidays(weeks)


def _holidays(weeks: np.ndarray) -> np.ndarray:
    """Less is done in the weeks around the turn of July and around that of the year."""
    week = (weeks - weeks.astype("datetime64[Y]")).astype(int) // 7
    return np.select([(week >= 29) & (week <= 31), week >= 50], [0.75, 0.6], 1.0)


def _add_served(engagement: pd.DataFrame, accounts: pd.DataFrame, versions: pd.DataFrame) -> None:
    """Add the spans of the trial, the first contract and the second one."""
    given_up = as_days(accounts.trial_on) + accounts.trial_days.to_numpy()
    trial_until = np.where(engagement.kind == "prospect", given_up, as_days(accounts.start_on))
    _add_span(engagement, "trial", as_days(accounts.trial_on), trial_until)
    spells = service_times(versions)
    for number, name in enumerate(("first", "second")):
        spell = spells[spells.spell == number].set_index("account").reindex(engagement.index)
        _add_span(engagement, name, as_days(spell.since), as_days(spell.until))
    others = engagement.kind.isin(["merged", "test"])  # theirs do not end
    engagement.loc[others, "first_since"] = accounts.start_on[others]
    engagement.loc[others, "first_until"] = pd.Timestamp(END)
    engagement["first_value_on"] = engagement.first_value_on.where(
        engagement.kind == "customer", engagement.first_since
    )


def _add_products(engagement: pd.DataFrame, versions: pd.DataFrame) -> None:
    """Add the spans in which an account has each product that it added."""
    for product in (ANALYTICS, ASSIST):
        added = versions[versions["product"] == product]
        since, last = (added.drop_duplicates("account", keep=end).set_index("account") for end in ("first", "last"))
        until = last.line_end_on.fillna(pd.Timestamp(END))
        spans = (as_days(days.reindex(engagement.index)) for days in (since.start_on, until))
        _add_span(engagement, product, *spans)


def _add_lull(rng: np.random.Generator, engagement: pd.DataFrame) -> None:
    """Add some weeks without anybody: holidays of a small team, a dispatcher who is ill."""
    n = len(engagement)
    since = np.maximum(as_days(engagement.first_since), START) + rng.integers(60, 1_100, size=n)
    until = since + rng.integers(25, 90, size=n)
    share = engagement.segment.map(LULLS) * (engagement.product_type == INTERACTIVE)
    has = (rng.random(n) < share) & (until < END - 60 * DAY) & (engagement.role == "")
    _add_span(engagement, "lull", np.where(has, since, NEVER), until)


def _add_leaving(rng: np.random.Generator, engagement: pd.DataFrame, versions: pd.DataFrame) -> None:
    """Add the end of use: two thirds of those who leave used it less and less, most of them were silent in the end."""
    n = len(engagement)
    left = versions[(versions["product"] == CORE) & versions.reason.isin(["voluntary", "other"])]
    told = left.drop_duplicates("account").set_index("account").cancelled_on.reindex(engagement.index)
    large = engagement.role == "loss"
    fades = ((rng.random(n) < 0.67) & (engagement.product_type == INTERACTIVE)) | large
    engagement["fades_on"] = np.where(fades, as_days(told) - FADING * DAY, NEVER)
    silent = fades & ((rng.random(n) < 0.7) | large)
    since = np.where(silent, as_days(told) + rng.integers(-30, 20, size=n), NEVER)
    _add_span(engagement, "leaving", since, as_days(engagement.first_until))


def _add_recent(rng: np.random.Generator, engagement: pd.DataFrame) -> None:
    """Add what a weekly list shows at the end of the history: who is silent, since when, and who came back."""
    _add_span(engagement, "recent", np.full(len(engagement), NEVER), np.full(len(engagement), NEVER))
    settled = rng.permutation(np.flatnonzero(_settled(engagement)))
    first = 0
    for share, since, until, factor in STORIES.values():
        rows = settled[first : first + max(1, round(share * len(settled)))]
        first += len(rows)
        engagement.loc[rows, "moved"] = factor
        if since and until:
            engagement.loc[rows, "recent_since"] = END - rng.integers(*since, size=len(rows))
            engagement.loc[rows, "recent_until"] = END - rng.integers(*until, size=len(rows))
    _lose_sight(engagement)


def _lose_sight(engagement: pd.DataFrame) -> None:
    """Of two large customers to be renewed one is silent for weeks and one fades; the agent of a third is gone."""
    due = engagement.index[engagement.role == "due"]
    engagement.loc[due[0], ["recent_since", "recent_until"]] = pd.Timestamp(DUE_SILENT_ON), pd.Timestamp(END)
    engagement.loc[due, "fades_on"] = pd.Timestamp(MOVED_ON)
    watched = (engagement.product_type == MONITORING) & (as_days(engagement.first_until) > END)
    agent = engagement.index[watched][:1]
    engagement.loc[agent, ["recent_since", "recent_until"]] = pd.Timestamp(AGENT_LOST_ON), pd.Timestamp(END)


def _settled(engagement: pd.DataFrame) -> pd.Series:
    """Customers large enough to have a rhythm, and not so large that one could miss them; none is about to leave."""
    rhythm = engagement.seats.between(*SETTLED_SEATS) & (engagement.segment != ENTERPRISE)
    rhythm &= engagement.product_type == INTERACTIVE
    stays = (as_days(engagement.first_until) > END) & engagement.fades_on.isna()
    stays &= as_days(engagement.first_value_on) < END - 200 * DAY
    return rhythm & stays & (engagement.kind == "customer") & (engagement.role == "")


def _add_span(engagement: pd.DataFrame, name: str, since: np.ndarray, until: np.ndarray) -> None:
    engagement[f"{name}_since"], engagement[f"{name}_until"] = since, until


# --- events -----------------------------------------------------------------------------------------------------------


def make_events(seed: int, engagement: pd.DataFrame, users: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The canonical table, a group of accounts at a time."""
    recorded = max(LEAST_DAYS, int((END - START).astype(int) * FULL_HISTORY / len(engagement)))
    first_on = max(START, END - recorded * DAY)
    weeks = np.arange(MONDAY, END, 7 * DAY)
    days = (weeks[weeks > first_on - 7 * DAY, None] + np.arange(7)).ravel()
    for first in range(0, len(engagement), GROUP):
        of_group = users[(users.account >= first) & (users.account < first + GROUP)].reset_index(drop=True)
        group = _Group(
            rng=stream(seed, f"events {first}"),
            engagement=engagement.iloc[first : first + GROUP],
            users=of_group,
            account=of_group.account.to_numpy() - first,
            days=days,
            recorded=(days >= first_on) & (days < END),
        )
        events = _with_names(group, pd.concat([_by_people(group), _by_machines(group)], ignore_index=True))
        yield _with_flaws(group.rng, events) if first == 0 else events


@dataclass(frozen=True)
class _Group:
    """Some accounts and their users, with whole weeks of days.

    ``account`` is the position of each user's account in the group; ``recorded`` says of each day whether it is within
    the record.
    """

    rng: np.random.Generator
    engagement: pd.DataFrame
    users: pd.DataFrame
    account: np.ndarray
    days: np.ndarray
    recorded: np.ndarray


def _by_people(group: _Group) -> pd.DataFrame:
    """The actions and log-ins of people: positions of the user in the group, of the day, and in ``EVENTS``."""
    rng, account = group.rng, group.account
    chance = group.users.weekly.to_numpy()[:, None] * _levels(group.engagement, group.days[::7])[account]
    active = rng.random(chance.shape, dtype=np.float32) < chance
    user, day, begins_week = _days_of_use(group, *np.nonzero(active))
    idle_user, idle_week = np.nonzero(~active & (rng.random(active.shape, dtype=np.float32) < ONLY_LOGIN))
    idle_day = idle_week * 7 + rng.integers(0, 5, size=len(idle_week))
    came = _possible(group, idle_user, idle_day) & (group.users.job.to_numpy()[idle_user] != MACHINE)
    logged_in = begins_week & (rng.random(len(user)) < LOGINS)
    return pd.concat(
        [
            _actions(group, user, day),
            _rows(user[logged_in], day[logged_in], kind=LOGIN),
            _rows(idle_user[came], idle_day[came], kind=LOGIN),
        ]
    )


def _days_of_use(group: _Group, user: np.ndarray, week: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The days of each active week of a user, and whether each is the first of its week."""
    rng, n = group.rng, len(user)
    daily = np.array([job.daily for job in JOBS], np.float32)
    used = rng.random((n, 7), dtype=np.float32) < daily[group.users.job.to_numpy()[user], None] * WEEKDAYS
    used[np.arange(n), rng.integers(0, 5, size=n)] = True
    row, weekday = np.nonzero(used)
    day = week[row] * 7 + weekday
    possible = _possible(group, user[row], day)
    row, day = row[possible], day[possible]
    return user[row], day, np.diff(row, prepend=-1) > 0


def _possible(group: _Group, user: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Whether a user is there on a day and the product open to the account; few work on a holiday."""
    days = group.days[day]
    holiday = (~are_workdays(group.days) & (np.arange(len(group.days)) % 7 < 5))[day]
    there = (days >= as_days(group.users.began)[user]) & (days < as_days(group.users.gone)[user])
    recorded = group.recorded[day] & (~holiday | (group.rng.random(len(user)) < 0.1))
    return there & recorded & open_on(group.engagement, group.days)[group.account[user], day]


def _actions(group: _Group, user: np.ndarray, day: np.ndarray) -> pd.DataFrame:
    """What is done on each day of use: one kind of action, on some days another one as well."""
    rng, job = group.rng, group.users.job.to_numpy()
    done, ever = (part[job] for part in habits())
    bounds = (done * (rng.random(ever.shape) < ever)).cumsum(axis=1)
    bounds = (bounds / np.maximum(bounds[:, -1:], 1e-9)).astype(np.float32)
    drawn = [_drawn(rng, bounds[user]) for _ in range(2)]
    own = main_actions()[job[user]]
    for j, action in enumerate(ACTIONS):
        if action.product != CORE:
            held = _within(group.engagement, action.product, group.days)[group.account[user], day]
            drawn = [np.where((kind == j) & ~held, own, kind) for kind in drawn]
    also = (drawn[0] != drawn[1]) & (rng.random(len(user)) < SECOND)
    return pd.concat([_rows(user, day, kind=drawn[0]), _rows(user[also], day[also], kind=drawn[1][also])])


def _drawn(rng: np.random.Generator, bounds: np.ndarray) -> np.ndarray:
    """One action for each row of bounds between the actions."""
    return (bounds[:, :-1] <= rng.random((len(bounds), 1), dtype=np.float32)).sum(axis=1)


def _by_machines(group: _Group) -> pd.DataFrame:
    """Nightly synchronisations of large accounts, whoever is silent; calls of systems, signs of life of agents."""
    engagement, days, account = group.engagement, group.days, group.account
    interactive = (engagement.product_type == INTERACTIVE).to_numpy()
    nightly = open_on(engagement, days, silent=()) & are_workdays(days)
    runs = np.where(interactive[:, None], nightly, open_on(engagement, days)) & group.recorded
    has = ~interactive | ((engagement.segment == ENTERPRISE) & (engagement.kind == "customer")).to_numpy()
    user = np.flatnonzero((group.users.number == 0).to_numpy() & has[account])
    there = (days >= as_days(group.users.began)[user, None]) & (days < as_days(group.users.gone)[user, None])
    row, day = np.nonzero(runs[account[user]] & there)
    kind = engagement.product_type.map({INTERACTIVE: SYNC, API: CALL, MONITORING: HEARTBEAT}).to_numpy()
    return _rows(user[row], day, kind=kind[account[user[row]]])


def _rows(user: np.ndarray, day: np.ndarray, *, kind: np.ndarray | int) -> pd.DataFrame:
    return pd.DataFrame({"user": user, "day": day, "kind": kind})


def _with_names(group: _Group, events: pd.DataFrame) -> pd.DataFrame:
    """The rows with the names that they refer to, and their instants; some are received days after they happened."""
    rng, n, user = group.rng, len(events), events.user.to_numpy()
    kind, automated = events.kind.to_numpy(), events.kind.to_numpy() > LOGIN
    american = (group.engagement.country == "US").to_numpy()[group.account[user]]
    opens = np.where(american, OPENS_IN_US, OPENS)
    hour = np.where(automated, NIGHT + 0.5 * rng.random(n), opens + HOURS * rng.random(n))
    occurred = as_utc(group.days[events.day].astype("datetime64[s]") + (3_600 * hour).astype(int))
    late = (kind == OFFLINE) & (rng.random(n) < OFFLINE_SHARE)
    received = occurred + pd.to_timedelta(rng.integers(20_000, 9 * 86_400, size=n), unit="s")
    return pd.DataFrame(
        {
            "user_id": group.users.user_id.array[user],
            "customer_id": group.users.customer_id.array[user],
            "event": EVENTS[kind],
            "feature": FEATURES[kind],
            "occurred_at": occurred,
            "is_automated": automated,
            "recorded_at": received.where(late),
        }
    )


def _with_flaws(rng: np.random.Generator, events: pd.DataFrame) -> pd.DataFrame:
    """A few rows sent twice, and a few of devices whose clock is weeks ahead of the day on which they were received."""
    by_people = np.flatnonzero(~events.is_automated & events.recorded_at.isna())
    chosen = rng.permutation(by_people)[: SKEWED + TWICE]
    ahead, twice = chosen[:SKEWED], events.iloc[chosen[SKEWED:]]
    events.loc[ahead, "recorded_at"] = events.occurred_at[ahead]
    events.loc[ahead, "occurred_at"] += pd.to_timedelta(rng.integers(20, 600, size=len(ahead)), unit="D")
    return pd.concat([events, twice], ignore_index=True)
