"""The made-up company's support desk: who wrote when and about what, how often it took one answer, and one bad month.

A release of July 2026 broke the calendar connection: many wrote about it, and many of them again.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sample.contracts import service_times
from sample.time_and_chance import (
    DAY,
    END,
    RELEASE_ON,
    START,
    as_days,
    at_some_hour,
    evenly,
    instants,
    opening,
    pick,
    stream,
)

YEARLY = (7.0, 4.2, 2.1)  # tickets of an account of each segment
WORKDAYS = 251  # of a year
TOPICS = {
    "Scheduling": 0.20, "Mobile app": 0.17, "Route planning": 0.12, "Reports": 0.10, "User management": 0.10,
    "Invoices and plans": 0.09, "Calendar connection": 0.08, "Data import": 0.07, "Single sign-on": 0.04,
    "Data export": 0.03,
}  # fmt: skip
CHANNELS = {"e-mail": 0.46, "web form": 0.27, "chat": 0.17, "phone": 0.10}
ANSWERS = {0: 0.02, 1: 0.79, 2: 0.12, 3: 0.05, 4: 0.02}
ANSWERS_AFTER_RELEASE = {1: 0.22, 2: 0.40, 3: 0.25, 4: 0.13}
BROKEN, BROKEN_SHARE = "Calendar connection", 0.36  # what the release broke, and for how many
UNANSWERED = (("2026-08-12", "Data export"), ("2026-09-03", "Single sign-on"))  # of the large customers now silent


def make_tickets(seed: int, accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """The canonical table: one row per ticket in the order of creation, and beside it the work time ``created``."""
    spells = service_times(versions)
    spells = spells[spells.role != "late"]
    rng = stream(seed, "tickets")
    usual = _answered(rng, _usual(rng, spells), ANSWERS, reopened=(0.03, 0.12), bad=0.07)
    broken = _answered(rng, _after_release(rng, spells), ANSWERS_AFTER_RELEASE, reopened=(0.55, 0.8), bad=0.45)
    again = _answered(rng, _again(rng, usual), ANSWERS, reopened=(0.03, 0.12), bad=0.12)
    tickets = pd.concat([usual, broken, again, _unanswered(accounts), _spam(rng, spells)])
    tickets = tickets[tickets.created < opening(END)].reset_index(drop=True)
    tickets = pd.concat([tickets, _sent_twice(rng, tickets)], ignore_index=True)
    return _as_table(rng, accounts, tickets)


def _usual(rng: np.random.Generator, spells: pd.DataFrame) -> pd.DataFrame:
    """What customers write about: some write much more than others, new ones mostly in their first months."""
    keen = rng.gamma(2.5, 1 / 2.5, size=spells.account.max() + 1)[spells.account]
    since, until = _served(rng, spells)
    often = np.array(YEARLY)[spells.segment] * keen * (until - since) / WORKDAYS
    spell = np.repeat(np.arange(len(spells)), rng.poisson(often))
    early = np.where(spells.installed, 1.0, 1.3)[spell]
    created = since[spell] + (until - since)[spell] * rng.random(len(spell)) ** early
    return _tickets(spells.account.to_numpy()[spell], created, pick(rng, TOPICS, len(spell)))


def _after_release(rng: np.random.Generator, spells: pd.DataFrame) -> pd.DataFrame:
    """The tickets after the faulty release, most of them in its first days."""
    served = (as_days(spells.since) < RELEASE_ON) & (as_days(spells.until) > RELEASE_ON + 40 * DAY)
    hit = served & (evenly(rng, len(spells)) < BROKEN_SHARE)
    n = int(hit.sum())
    created = opening(RELEASE_ON) + 0.2 + 16 * rng.random(n) ** 2
    return _tickets(spells.account.to_numpy()[hit], created, np.repeat(BROKEN, n))


def _again(rng: np.random.Generator, tickets: pd.DataFrame) -> pd.DataFrame:
    """Customers who write again about the same, within days of the answer."""
    some = tickets[rng.random(len(tickets)) < 0.06]
    created = some.solved + rng.uniform(0.2, 4, size=len(some))
    return _tickets(some.account.to_numpy(), created.to_numpy(), some.topic.to_numpy())


def _unanswered(accounts: pd.DataFrame) -> pd.DataFrame:
    """What the large customers to be renewed wrote before they fell silent; it is open to this day."""
    due = accounts.index[accounts.role == "due"].to_numpy()
    written, topics = zip(*UNANSWERED, strict=True)
    created = np.array([opening(np.datetime64(day)) + 0.3 for day in written])
    tickets = _tickets(np.repeat(due, len(topics)), np.tile(created, len(due)), np.tile(topics, len(due)))
    return tickets.assign(answers=1, asked=1)


def _answered(
    rng: np.random.Generator,
    tickets: pd.DataFrame,
    answers: dict[int, float],
    *,
    reopened: tuple[float, float],
    bad: float,
) -> pd.DataFrame:
    """The tickets with answers, re-openings and solution.

    ``reopened`` is the share that is opened again after one answer, and after more; ``bad`` the share rated badly.
    """
    n = len(tickets)
    replies = pick(rng, answers, n)
    again = rng.random(n) < np.where(replies <= 1, *reopened)
    reopens = again * np.where(rng.random(n) < 0.15, 2, 1)
    slow = np.where(rng.random(n) < 0.08, rng.exponential(14, size=n), 0.0)
    took = rng.lognormal(-0.9, 0.9, size=n) * np.maximum(replies, 1)
    return tickets.assign(
        answers=replies,
        reopens=reopens,
        asked=np.maximum(replies - 1, 0) + reopens + (rng.random(n) < 0.2),
        solved=tickets.created + took + slow + reopens * rng.uniform(0.5, 6, size=n),
        bad=rng.random(n) < bad,
    )


def _spam(rng: np.random.Generator, spells: pd.DataFrame) -> pd.DataFrame:
    """Advertisements and absence notes from customers' addresses."""
    since, until = _served(rng, spells)
    spell = np.flatnonzero(rng.random(len(spells)) < 0.12)
    created = since[spell] + (until - since)[spell] * rng.random(len(spell))
    tickets = _tickets(spells.account.to_numpy()[spell], created, np.full(len(spell), None))
    return tickets.assign(is_spam=True, solved=created + 0.1)


def _sent_twice(rng: np.random.Generator, tickets: pd.DataFrame) -> pd.DataFrame:
    """Tickets that were sent a second time; the second is merged into the first at once, unanswered."""
    some = tickets[(rng.random(len(tickets)) < 0.015) & ~tickets.is_spam & (tickets.created < opening(END) - 1)]
    second = _tickets(some.account.to_numpy(), some.created.to_numpy() + 0.02, some.topic.to_numpy())
    return second.assign(merged=some.index, solved=second.created + 0.05)


def _served(rng: np.random.Generator, spells: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """When each spell of service begins and ends within the history, as work times."""
    since = np.clip(as_days(spells.since), START, END)
    return at_some_hour(rng, since), at_some_hour(rng, np.clip(as_days(spells.until), since + 7 * DAY, END + 7 * DAY))


def _tickets(account: np.ndarray, created: np.ndarray, topic: np.ndarray) -> pd.DataFrame:
    """Tickets that nobody has answered or rated."""
    more = {"is_spam": False, "merged": -1, "answers": 0, "reopens": 0, "asked": 0, "bad": False, "solved": np.nan}
    return pd.DataFrame({"account": account, "created": created, "topic": topic}).assign(**more)


def _as_table(rng: np.random.Generator, accounts: pd.DataFrame, tickets: pd.DataFrame) -> pd.DataFrame:
    """The tickets in order, numbered; what lies after the end of the history has not happened."""
    tickets = tickets.sort_values("created", kind="stable")
    n, solved = len(tickets), tickets.solved < opening(END)
    rated = (rng.random(n) < np.where(tickets.bad, 0.75, 0.30)) & (tickets.answers > 0) & solved
    by_agent = (rng.random(n) < 0.08) & solved & ~tickets.is_spam  # noted by the desk after a call
    ids = pd.Series([f"T-{i:07d}" for i in range(1, n + 1)], tickets.index)
    return tickets.assign(
        ticket_id=ids,
        merged_into=tickets.merged.map(ids),
        customer_id=accounts.customer_id.reindex(tickets.account).array,
        created_at=instants(tickets.created.to_numpy()),
        solved_at=instants(tickets.solved.where(solved).to_numpy()),
        csat=tickets.bad.map({True: "bad", False: "good"}).where(rated),
        channel=pick(rng, CHANNELS, n),
        created_by=np.where(by_agent, "agent", "customer"),
        public_agent_replies=tickets.answers,
        requester_replies=tickets.asked.astype(int),
    )
