"""The made-up company's support desk: who wrote when and about what, how often it took one answer, and one bad month.

A release of July 2026 broke the calendar connection: many wrote about it, and many of them again.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sample.days import END, RELEASE_ON, START, clock, day_clock, days, evenly, instants, pick, stream
from sample.versions import service_times

YEARLY = (7.0, 4.2, 2.1)  # tickets of an account of each segment
WORKDAYS = 251  # of a year
TOPICS = {
    "Scheduling": 0.20, "Mobile app": 0.17, "Route planning": 0.12, "Reports": 0.10, "User management": 0.10,
    "Invoices and plans": 0.09, "Calendar connection": 0.08, "Data import": 0.07, "Single sign-on": 0.04,
    "Data export": 0.03,
}  # fmt: skip
CHANNELS = {"e-mail": 0.46, "web form": 0.27, "chat": 0.17, "phone": 0.10}
ANSWERS = {0: 0.02, 1: 0.79, 2: 0.12, 3: 0.05, 4: 0.02}
ANSWERS_OF_BATCH = {1: 0.22, 2: 0.40, 3: 0.25, 4: 0.13}
BATCH, BATCH_SHARE = "Calendar connection", 0.36  # what the release broke, and for how many
SILENT = {"due": (("2026-08-12", "Data export"), ("2026-09-03", "Single sign-on"))}  # what nobody has answered yet


def make_tickets(seed: int, accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """The canonical table: one row per ticket in the order of creation."""
    spells = service_times(versions)
    spells = spells[spells.role != "late"]
    rng = stream(seed, "tickets")
    usual = _answered(rng, _usual(rng, spells), ANSWERS, reopened=(0.03, 0.12), bad=0.07)
    broken = _answered(rng, _broken(rng, spells), ANSWERS_OF_BATCH, reopened=(0.55, 0.8), bad=0.45)
    again = _answered(rng, _again(rng, usual), ANSWERS, reopened=(0.03, 0.12), bad=0.12)
    found = pd.concat([usual, broken, again, _unanswered(accounts), _spam(rng, spells)])
    found = found[found.created < day_clock(END)].reset_index(drop=True)
    return _as_table(rng, accounts, pd.concat([found, _twice(rng, found)], ignore_index=True))


def _usual(rng: np.random.Generator, spells: pd.DataFrame) -> pd.DataFrame:
    """What customers write about: some much more than others, new ones mostly in their first months."""
    keen = rng.gamma(2.5, 1 / 2.5, size=spells.account.max() + 1)[spells.account]
    since, until = _clocks(rng, spells)
    often = np.array(YEARLY)[spells.segment] * keen * (until - since) / WORKDAYS
    where = np.repeat(np.arange(len(spells)), rng.poisson(often))
    early = np.where(spells.installed, 1.0, 1.3)[where]
    created = since[where] + (until - since)[where] * rng.random(len(where)) ** early
    return _tickets(spells.account.to_numpy()[where], created, pick(rng, TOPICS, len(where)))


def _broken(rng: np.random.Generator, spells: pd.DataFrame) -> pd.DataFrame:
    """The tickets after the faulty release, most of them in its first days."""
    served = (days(spells.since) < RELEASE_ON) & (days(spells.until) > RELEASE_ON + 40)
    hit = served & (evenly(rng, len(spells)) < BATCH_SHARE)
    n = int(hit.sum())
    created = day_clock(RELEASE_ON) + 0.2 + 16 * rng.random(n) ** 2
    return _tickets(spells.account.to_numpy()[hit], created, np.repeat(BATCH, n))


def _again(rng: np.random.Generator, tickets: pd.DataFrame) -> pd.DataFrame:
    """Customers who write again within days of the answer, about the same."""
    some = tickets[rng.random(len(tickets)) < 0.06]
    created = some.solved + rng.uniform(0.2, 4, size=len(some))
    return _tickets(some.account.to_numpy(), created.to_numpy(), some.topic.to_numpy())


def _unanswered(accounts: pd.DataFrame) -> pd.DataFrame:
    """What the large customers wrote who have gone silent since: open to this day."""
    rows = [
        (account, day, topic)
        for role, written in SILENT.items()
        for account in accounts.index[accounts.role == role]
        for day, topic in written
    ]
    account, day, topic = zip(*rows, strict=True)
    found = _tickets(np.array(account), np.array([day_clock(np.datetime64(d)) + 0.3 for d in day]), np.array(topic))
    return found.assign(answers=1, asked=1)


def _answered(
    rng: np.random.Generator,
    found: pd.DataFrame,
    answers: dict[int, float],
    *,
    reopened: tuple[float, float],
    bad: float,
) -> pd.DataFrame:
    """Answers, re-openings and the day of the solution; ``reopened``: after one answer, and after more."""
    n = len(found)
    replies = pick(rng, answers, n)
    again = rng.random(n) < np.where(replies <= 1, *reopened)
    reopens = again * np.where(rng.random(n) < 0.15, 2, 1)
    slow = np.where(rng.random(n) < 0.08, rng.exponential(14, size=n), 0.0)
    hours = rng.lognormal(-0.9, 0.9, size=n) * np.maximum(replies, 1)
    return found.assign(
        answers=replies,
        reopens=reopens,
        asked=np.maximum(replies - 1, 0) + reopens + (rng.random(n) < 0.2),
        solved=found.created + hours + slow + reopens * rng.uniform(0.5, 6, size=n),
        bad=rng.random(n) < bad,
    )


def _spam(rng: np.random.Generator, spells: pd.DataFrame) -> pd.DataFrame:
    """Advertisements and absence notes from customers' addresses."""
    since, until = _clocks(rng, spells)
    where = np.flatnonzero(rng.random(len(spells)) < 0.12)
    created = since[where] + (until - since)[where] * rng.random(len(where))
    found = _tickets(spells.account.to_numpy()[where], created, np.full(len(where), None))
    return found.assign(is_spam=True, solved=created + 0.1)


def _twice(rng: np.random.Generator, tickets: pd.DataFrame) -> pd.DataFrame:
    """Tickets that were sent twice; the second is merged into the first at once, unanswered."""
    some = tickets[(rng.random(len(tickets)) < 0.015) & ~tickets.is_spam & (tickets.created < day_clock(END) - 1)]
    found = _tickets(some.account.to_numpy(), some.created.to_numpy() + 0.02, some.topic.to_numpy())
    return found.assign(merged=some.index, solved=found.created + 0.05)


def _clocks(rng: np.random.Generator, spells: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """When each spell of service begins and ends within the history, as clock values."""
    since = np.clip(days(spells.since), START, END)
    return clock(rng, since), clock(rng, np.clip(days(spells.until), since + 7, END + 7))


def _tickets(account: np.ndarray, created: np.ndarray, topic: np.ndarray) -> pd.DataFrame:
    """Tickets that nobody has answered or rated."""
    more = {"is_spam": False, "merged": -1, "answers": 0, "reopens": 0, "asked": 0, "bad": False, "solved": np.nan}
    return pd.DataFrame({"account": account, "created": created, "topic": topic}).assign(**more)


def _as_table(rng: np.random.Generator, accounts: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """The tickets in order, numbered; what lies after the end of the history has not happened."""
    found = found.sort_values("created", kind="stable")
    n, solved = len(found), found.solved < day_clock(END)
    rated = (rng.random(n) < np.where(found.bad, 0.75, 0.30)) & (found.answers > 0) & solved
    by_agent = (rng.random(n) < 0.08) & solved & ~found.is_spam  # noted by the desk after a call
    ids = pd.Series([f"T-{i:07d}" for i in range(1, n + 1)], found.index)
    return found.assign(
        ticket_id=ids,
        merged_into=found.merged.map(ids),
        customer_id=accounts.customer_id.reindex(found.account).array,
        created_at=instants(found.created.to_numpy()),
        solved_at=instants(found.solved.where(solved).to_numpy()),
        csat=found.bad.map({True: "bad", False: "good"}).where(rated),
        channel=pick(rng, CHANNELS, n),
        created_by=np.where(by_agent, "agent", "customer"),
        public_agent_replies=found.answers,
        requester_replies=found.asked.astype(int),
    )
