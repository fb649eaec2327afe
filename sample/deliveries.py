"""What the made-up company promised and delivered: its teams' sprints, and what its product was worth to customers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from sample.accounts import ENTERPRISE, MID_MARKET
from sample.contracts import ASSIST, CORE, LAUNCHED
from sample.days import END, START, clock, day_clock, days, instants, stream
from sample.versions import service_times

SPRINT = 14
TEAMS = {  # the first day of a team's first sprint, a Monday, and the points that it takes on
    CORE: (np.datetime64("2023-06-26"), 42.0), ASSIST: (LAUNCHED[ASSIST] - 15, 24.0),
}  # fmt: skip
MISSED_ON = np.datetime64("2026-07-31")  # the sprint after the faulty release: given up for repairs
AGAIN_ON, AGAIN_UNTIL = np.datetime64("2026-08-14"), np.datetime64("2026-08-28")  # the next one was promised twice
SURVEYED = {ENTERPRISE: 0.75, MID_MARKET: 0.5}  # share of customers whose reviews name what the product saved them
UNCONFIRMED = 0.12  # of the reviews: the customer has not agreed to the amount


def make_deliveries(seed: int) -> pd.DataFrame:
    """The canonical table: one row per sprint of a team; its end is the promise, made as it begins."""
    found = pd.concat([_sprints(stream(seed, f"sprints {team}"), team) for team in TEAMS], ignore_index=True)
    core = found.delivery_id.str.startswith(CORE)
    missed, again = core & (found.committed_on == MISSED_ON), core & (found.committed_on == AGAIN_ON)
    until = pd.Timestamp(AGAIN_UNTIL)
    found = found.assign(
        delivered_on=found.delivered_on.mask(missed).mask(again, until - pd.Timedelta(days=1)),
        scope_delivered=found.scope_delivered.mask(missed),
        recommitted_on=pd.Series(until, found.index).where(again),
    )
    return found.sort_values(["committed_on", "delivery_id"], ignore_index=True)


def _sprints(rng: np.random.Generator, team: str) -> pd.DataFrame:
    """The sprints of one team up to the one under way: most on the day, some some days late, some not in full."""
    first, points = TEAMS[team]
    begins = np.arange(first, END, np.timedelta64(SPRINT, "D"))
    n, due = len(begins), begins + SPRINT - 3  # the Friday of the second week
    late = np.where(rng.random(n) < 0.12, rng.choice([3, 4, 5, 6], size=n), 0)
    done, scope = due + late, (points * np.exp(0.12 * rng.standard_normal(n))).round()
    lacking = np.where(rng.random(n) < 0.14, rng.integers(2, 7, size=n), 0)
    ended = (done < END) & (due >= START)
    found = pd.DataFrame(
        {
            "delivery_id": [f"{team} sprint {i}" for i in range(1, n + 1)],
            "committed_on": due,
            "delivered_on": np.where(ended, done, np.datetime64("NaT")),
            "scope_committed": scope,
            "scope_delivered": np.where(ended, scope - lacking, np.nan),
            "recorded_at": instants(np.array([day_clock(day) for day in begins]) + 0.125),
        }
    )
    return found[due >= START]


def make_delivered_value(seed: int, accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """Rows of measurements: what a quarter's work with the product saved a customer, as said in its business review."""
    rng = stream(seed, "delivered value")
    surveyed = rng.random(len(accounts)) < accounts.segment.map(SURVEYED).fillna(0).to_numpy()
    worth = rng.lognormal(0.45, 0.35, size=len(accounts))  # of what it pays
    paid = pd.concat(list(_paid(versions)), ignore_index=True)
    paid = paid[surveyed[paid.account]].reset_index(drop=True)
    n, of = len(paid), accounts.loc[paid.account]
    value = 3 * paid.mrr * worth[paid.account] * rng.lognormal(0, 0.2, size=n)
    agreed = rng.random(n) >= UNCONFIRMED
    return pd.DataFrame(
        {
            "customer_id": of.customer_id.array,
            "object_id": "Business review " + paid.quarter,
            "metric": np.where(agreed, "delivered_value", "delivered_value_unconfirmed"),
            "at": instants(clock(rng, days(paid.ends) - rng.integers(1, 15, size=n))),
            "value": value.round(-2),
            "currency": of.currency.array,
        }
    )


def _paid(versions: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """What each account that was served all of a quarter pays a month at its end."""
    spells = service_times(versions)
    spells = spells[spells.role != "late"]
    for quarter in pd.period_range(pd.Timestamp(START), pd.Timestamp(END - 1), freq="Q"):
        begins, ends = quarter.start_time, (quarter + 1).start_time
        served = spells.account[(spells.since <= begins) & (spells.until >= ends)]
        running = (versions.start_on < ends) & ~(versions.end_on < ends) & versions.account.isin(served)
        paid = versions[running].groupby("account", as_index=False).mrr.sum()
        yield paid.assign(ends=ends, quarter=str(quarter))
