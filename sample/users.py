"""The people who use the made-up company's product: their jobs, what each job does, and the roster of each account.

Most seats are given to somebody, some never; a few accounts have more people than seats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sample.accounts import ENTERPRISE, INTERACTIVE, MID_MARKET, SMALL
from sample.contracts import ANALYTICS, ASSIST, CORE
from sample.time_and_chance import DAY, END, NEVER, YEARS, as_days, pick, stream

# --- what can be done with the product --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Action:
    """A named event, the feature that it is a use of, and the product that the feature comes with."""

    event: str
    feature: str | None
    product: str = CORE


ACTIONS = (
    Action("job_assigned", "planning board"),
    Action("plan_published", "planning board"),
    Action("route_optimised", "route planner"),
    Action("customer_notified", "customer messages"),
    Action("job_completed", "mobile app"),
    Action("signature_captured", "mobile app"),
    Action("parts_reserved", "parts and stock"),
    Action("timesheet_approved", "timesheets"),
    Action("invoice_exported", "invoicing"),
    Action("report_viewed", "reports"),
    Action("dashboard_viewed", "dashboards", ANALYTICS),
    Action("suggestion_accepted", "suggestions", ASSIST),
)
NO_WORK = (  # a log-in, and what machines do
    Action("login", None),
    Action("sync_completed", "connectors"),
    Action("api_call", "API"),
    Action("agent_heartbeat", "agents"),
)
EVENTS = np.array([action.event for action in (*ACTIONS, *NO_WORK)], dtype=object)
FEATURES = np.array([action.feature for action in (*ACTIONS, *NO_WORK)], dtype=object)
LOGIN, SYNC, CALL, HEARTBEAT = range(len(ACTIONS), len(EVENTS))
OFFLINE = list(EVENTS).index("job_completed")  # done where there is no network, and sent later


# --- jobs -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Job:
    """People of one kind of job.

    ``rhythms``: the shares that work with the product nearly every week, most weeks, now and then, and never.
    ``daily``: the chance to use it on one more workday of a week. ``does``: event -> share of what they do, and the
    share of them that does it at all; the first is what all of them do.
    """

    persona: str
    share: float
    rhythms: tuple[float, float, float, float]
    daily: float
    does: Mapping[str, tuple[float, float]]


JOBS = (
    Job(
        "dispatcher", 0.15, (0.72, 0.18, 0.06, 0.04), 0.42,
        {"job_assigned": (0.50, 1.0), "plan_published": (0.20, 0.8), "route_optimised": (0.22, 0.48),
         "customer_notified": (0.12, 0.6), "suggestion_accepted": (0.20, 0.55)},
    ),
    Job(
        "operations manager", 0.08, (0.42, 0.33, 0.16, 0.09), 0.12,
        {"report_viewed": (0.45, 1.0), "plan_published": (0.20, 0.5), "timesheet_approved": (0.15, 0.5),
         "dashboard_viewed": (0.40, 0.65)},
    ),
    Job(
        "technician", 0.47, (0.30, 0.41, 0.17, 0.12), 0.13,
        {"job_completed": (0.70, 1.0), "signature_captured": (0.22, 0.55), "parts_reserved": (0.15, 0.35)},
    ),
    Job(
        "team lead", 0.17, (0.33, 0.36, 0.19, 0.12), 0.15,
        {"timesheet_approved": (0.45, 1.0), "job_assigned": (0.25, 0.6), "parts_reserved": (0.20, 0.45),
         "report_viewed": (0.15, 0.4)},
    ),
    Job(
        "finance", 0.07, (0.16, 0.44, 0.26, 0.14), 0.03,
        {"invoice_exported": (0.70, 1.0), "timesheet_approved": (0.15, 0.4), "report_viewed": (0.15, 0.5)},
    ),
    Job(
        "director", 0.06, (0.06, 0.30, 0.38, 0.26), 0.02,
        {"report_viewed": (0.50, 1.0), "dashboard_viewed": (0.50, 0.5)},
    ),
    # Nobody is hired as one of these: an account that software uses, and a consultant of the made-up company itself.
    Job("integration", 0, (0, 0, 0, 1), 0.0, {}),
    Job(
        "vendor staff", 0, (0, 1, 0, 0), 0.05,
        {"report_viewed": (0.45, 1.0), "plan_published": (0.20, 1.0), "timesheet_approved": (0.15, 1.0),
         "dashboard_viewed": (0.40, 1.0)},
    ),
)  # fmt: skip
DISPATCHER, MANAGER, *_, MACHINE, STAFF = range(len(JOBS))
CHANCE_OF_A_WEEK = (0.95, 0.60, 0.20, 0.01)  # that a person of each rhythm does anything at all in it


def habits() -> tuple[np.ndarray, np.ndarray]:
    """Job by action: the share of what the people do, and the share of the people that does it at all."""
    done, ever = np.zeros((2, len(JOBS), len(ACTIONS)))
    for i, job in enumerate(JOBS):
        for j, action in enumerate(ACTIONS):
            done[i, j], ever[i, j] = job.does.get(action.event, (0.0, 0.0))
    return done, ever


def main_actions() -> np.ndarray:
    """Per job, the action that all of its people do."""
    done, ever = habits()
    return np.argmax(done * (ever == 1.0), axis=1)


# --- the roster -------------------------------------------------------------------------------------------------------

FILLED = {(0.62, 0.97): 0.83, (0.25, 0.45): 0.13, (1.06, 1.30): 0.04}  # users for each seat -> share of the accounts
SITE = (0.18, 20, 55)  # a site's users, who are dispatchers and leads: share of its size, least and most
WITHOUT = 0.03  # share of old small accounts whose users are in no list
LEAVE = 0.09  # share of users that leave their firm in a year
UNKNOWN = 0.02  # share without a persona
ENTERED_LATE = 0.003  # share whose account was entered after its first use
STAFFED = 0.3  # share of larger accounts in which a consultant of the made-up company has an account


def make_users(seed: int, accounts: pd.DataFrame, engagement: pd.DataFrame) -> pd.DataFrame:
    """The canonical table in the order of the accounts, with what their use depends on.

    Beside it, ``account`` (row of ``accounts``), ``number`` within it, ``job`` (a position in ``JOBS``), ``weekly``
    (the chance that a usual week is one of use), and the days ``began`` and ``gone`` between which they use it.
    """
    rng = stream(seed, "users")
    staying, leaving = _counts(rng, engagement)
    people = staying + leaving
    account = np.repeat(np.arange(len(engagement)), people)
    number = np.arange(len(account)) - np.repeat(np.cumsum(people) - people, people)
    users = pd.DataFrame({"account": account, "number": number, "leaves": number >= staying[account]})
    _add_job(rng, users, engagement)
    _add_stay(rng, users, accounts, engagement)
    return _as_table(rng, users, engagement)


def _counts(rng: np.random.Generator, engagement: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """How many people of each account stay to its end, and how many left before."""
    n, seats, segment = len(engagement), engagement.seats.to_numpy(), engagement.segment.to_numpy()
    customer, by_people = engagement.kind == "customer", engagement.product_type == INTERACTIVE
    bounds = np.array(list(FILLED))[pick(rng, dict(enumerate(FILLED.values())), n)]
    filled = np.round(seats * rng.uniform(bounds[:, 0], bounds[:, 1])).astype(int)
    share, least, most = SITE
    staying = np.where(segment == ENTERPRISE, np.clip(seats * share, least, most).astype(int), np.maximum(filled, 2))
    staying = np.where(by_people, staying, 4)
    staying = np.where(customer, staying, np.minimum(staying, 3))
    old = (as_days(engagement.first_value_on) < END - 700 * DAY) & (engagement.role == "")
    small = (segment == SMALL) & (seats < 10)
    without = old & small & by_people & customer & (rng.random(n) < WITHOUT)
    staying = np.where(without | (engagement.role == "late"), 0, staying)
    leaving = rng.poisson(staying * LEAVE * YEARS * 0.7) * customer.to_numpy()
    return staying, leaving


def _add_job(rng: np.random.Generator, users: pd.DataFrame, engagement: pd.DataFrame) -> None:
    """Add what each person is and how often at work with it.

    The first of an account plans, the second manages; in an account for software the first is no person.
    """
    n, number = len(users), users.number.to_numpy()
    job = pick(rng, {i: job.share for i, job in enumerate(JOBS)}, n)
    job = np.select([number == 0, number == 1], [DISPATCHER, MANAGER], job)
    account = engagement.loc[users.account]
    staffed = account.segment.isin([ENTERPRISE, MID_MARKET]).to_numpy() & (number == 2) & (rng.random(n) < STAFFED)
    machine = (account.product_type != INTERACTIVE).to_numpy() & (number == 0)
    users["job"] = np.select([machine, staffed], [MACHINE, STAFF], job)
    rhythms = np.array([job.rhythms for job in JOBS])
    rhythm = (rhythms.cumsum(axis=1)[users.job] < rng.random(n)[:, None]).sum(axis=1)
    weekly = np.array(CHANCE_OF_A_WEEK)[np.minimum(rhythm, len(CHANCE_OF_A_WEEK) - 1)]
    users["weekly"] = np.where(users.job == MACHINE, 0.0, weekly)


def _add_stay(rng: np.random.Generator, users: pd.DataFrame, accounts: pd.DataFrame, engagement: pd.DataFrame) -> None:
    """Add from when to when each person is there.

    Two come on the first day, most soon after the first value, and the others some time later.
    """
    n, account = len(users), engagement.loc[users.account]
    first_paid = as_days(accounts.first_paid_on.loc[users.account])
    paid = np.where(account.kind == "customer", first_paid, as_days(account.first_since))
    since = np.where(account.trial_since.notna(), as_days(account.trial_since), paid)
    ends = [as_days(account[f"{spell}_until"]) for spell in ("first", "second", "trial")]
    until = np.fmin(np.fmax.reduce(ends), END)
    value = as_days(account.first_value_on)
    live = np.where(np.isnat(value), since + 40 * DAY, np.maximum(value, since))
    early = (live + 25 * DAY - since).astype(int) * rng.random(n)
    later = (until - since).astype(int) * rng.random(n)
    after = np.where(users.number < 2, 0, np.where(rng.random(n) < 0.65, early, later)).astype(int)
    began = np.minimum(since + after, np.maximum(until - DAY, since))
    left = began + 30 * DAY + ((until - began).astype(int) * rng.random(n)).astype(int)
    left = np.where(users.leaves & (left < until), left, until)
    closed = np.where(until < END, until + rng.integers(0, 6, size=n), NEVER)
    users["began"], users["gone"] = began, left
    users["deactivated_on"] = np.where(left < until, left, np.where(closed < END, closed, NEVER))


def _as_table(rng: np.random.Generator, users: pd.DataFrame, engagement: pd.DataFrame) -> pd.DataFrame:
    """The users that there were by the end of the history, numbered; a few were entered after their first use."""
    users = users[as_days(users.began) < END].reset_index(drop=True)
    n, account = len(users), engagement.loc[users.account]
    began, gone = as_days(users.began), as_days(users.gone)
    late = (rng.random(n) < ENTERED_LATE) & (gone - began > np.timedelta64(60, "D"))
    created = began + np.where(late, rng.integers(8, 20, size=n), 0)
    named = (rng.random(n) >= UNKNOWN) | (users.job >= MACHINE).to_numpy()
    personas = np.array([job.persona for job in JOBS], dtype=object)
    return users.assign(
        user_id=[f"U-{i:07d}" for i in range(1, n + 1)],
        customer_id=account.customer_id.array,
        persona=pd.Series(personas[users.job]).where(named),
        created_on=np.where(created < END, created, began),
        is_internal=(users.job == STAFF) | (account.kind == "test").to_numpy(),
    )
