"""What the made-up company's product teams promise and try out: their sprints, and two controlled experiments.

One experiment worked, and one made no difference. Their outcomes are what other tables say, so that there are no two
truths: whether a lead got on is in the stages, how often a customer wrote is in the tickets. The arms of the first are
drawn so that they differ as if its treatment had moved the share ``MOVED`` of its leads on.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sample.contracts import ASSIST, CORE, LAUNCHED, service_times
from sample.time_and_chance import DAY, END, NEVER, START, at_some_hour, instants, opening, stream

# sprints
SPRINT = 14  # days
TEAMS = {  # the first day of a team's first sprint, a Monday, and the points that it takes on
    CORE: (np.datetime64("2023-06-26"), 42.0), ASSIST: (LAUNCHED[ASSIST] - 15 * DAY, 24.0),
}  # fmt: skip
MISSED_ON = np.datetime64("2026-07-31")  # the sprint after the faulty release: given up for repairs
AGAIN_ON, AGAIN_UNTIL = np.datetime64("2026-08-14"), np.datetime64("2026-08-28")  # the next one was promised twice
# experiments
ARMS = np.array(["control", "treatment"])
ESTIMATOR = "price_estimator"  # on the website: a price before the first call
WEB = ("inbound", "paid search", "referral")  # the leads that come by the website
LEADS_SINCE, LEADS_UNTIL = np.datetime64("2025-09-01"), np.datetime64("2026-07-01")
QUALIFIED_WITHIN = 20  # workdays from lead to SQL
MOVED = 0.16
PAGES = (3.0, 5.5)  # read in the fortnight before, by leads that do not get on and by those that do
TIPS = "weekly_tips"  # for dispatchers, by e-mail: so that they need not ask
TIPS_ON, WATCHED = np.datetime64("2026-02-02"), np.timedelta64(84, "D")


# --- sprints ----------------------------------------------------------------------------------------------------------


def make_deliveries(seed: int) -> pd.DataFrame:
    """The canonical table: one row per sprint of a team; its end is the promise, made as it begins."""
    sprints = pd.concat([_sprints(stream(seed, f"sprints {team}"), team) for team in TEAMS], ignore_index=True)
    core = sprints.delivery_id.str.startswith(CORE)
    missed, again = core & (sprints.committed_on == MISSED_ON), core & (sprints.committed_on == AGAIN_ON)
    until = pd.Timestamp(AGAIN_UNTIL)
    sprints = sprints.assign(
        delivered_on=sprints.delivered_on.mask(missed).mask(again, until - pd.Timedelta(days=1)),
        scope_delivered=sprints.scope_delivered.mask(missed),
        recommitted_on=pd.Series(until, sprints.index).where(again),
    )
    return sprints.sort_values(["committed_on", "delivery_id"], ignore_index=True)


def _sprints(rng: np.random.Generator, team: str) -> pd.DataFrame:
    """The sprints of one team up to the one under way: most on the day, some some days late, some not in full."""
    first, points = TEAMS[team]
    begins = np.arange(first, END, SPRINT * DAY)
    n, due = len(begins), begins + (SPRINT - 3) * DAY  # the Friday of the second week
    late = np.where(rng.random(n) < 0.12, rng.choice([3, 4, 5, 6], size=n), 0)
    done, scope = due + late, (points * np.exp(0.12 * rng.standard_normal(n))).round()
    lacking = np.where(rng.random(n) < 0.14, rng.integers(2, 7, size=n), 0)
    ended = (done < END) & (due >= START)
    sprints = pd.DataFrame(
        {
            "delivery_id": [f"{team} sprint {i}" for i in range(1, n + 1)],
            "committed_on": due,
            "delivered_on": np.where(ended, done, NEVER),
            "scope_committed": scope,
            "scope_delivered": np.where(ended, scope - lacking, np.nan),
            "recorded_at": instants(np.array([opening(day) for day in begins]) + 0.125),
        }
    )
    return sprints[due >= START]


# --- experiments ------------------------------------------------------------------------------------------------------


def make_assignments(
    seed: int, accounts: pd.DataFrame, *, versions: pd.DataFrame, deals: pd.DataFrame, tickets: pd.DataFrame
) -> pd.DataFrame:
    """The canonical table: one row per unit of an experiment, its arm, and its outcome beside that of the time before.

    ``deals`` and ``tickets`` are as made for their tables, with the work time ``created``.
    """
    tips = _tips(stream(seed, TIPS), versions, tickets)
    tips["unit_id"] = accounts.customer_id[tips.account].array
    units = pd.concat([_estimator(stream(seed, ESTIMATOR), deals), tips], ignore_index=True)
    return units.sort_values(["experiment_id", "unit_id"], ignore_index=True)


def _estimator(rng: np.random.Generator, deals: pd.DataFrame) -> pd.DataFrame:
    """Leads from the website, half of which saw the estimator; the outcome is 1 if they were qualified in time."""
    since, until = opening(LEADS_SINCE), opening(LEADS_UNTIL)
    leads = deals[deals.source.isin(WEB) & deals.created.between(since, until, inclusive="left")]
    reached = (leads.sql - leads.created <= QUALIFIED_WITHIN).to_numpy()
    got_on, others = rng.permutation(np.flatnonzero(reached)), rng.permutation(np.flatnonzero(~reached))
    half, moved = len(leads) // 2, min(round(MOVED * len(leads) / 2), len(got_on))
    treated = got_on[: moved + (len(got_on) - moved) // 2]
    treated = np.concatenate([treated, others[: half - len(treated)]])
    keen = reached.copy()
    keen[got_on[:moved]] = False  # the estimator's doing, not theirs
    return pd.DataFrame(
        {
            "experiment_id": ESTIMATOR,
            "unit_id": leads.deal_id.array,
            "variant": ARMS[np.isin(np.arange(len(leads)), treated).astype(int)],
            "assigned_at": instants(leads.created.to_numpy()),
            "pre_value": rng.poisson(np.where(keen, PAGES[1], PAGES[0])).astype(float),
            "outcome": reached.astype(float),
        }
    )


def _tips(rng: np.random.Generator, versions: pd.DataFrame, tickets: pd.DataFrame) -> pd.DataFrame:
    """Customers in pairs that wrote as often before; the outcome is the tickets of the twelve weeks after."""
    spells = service_times(versions)
    served = spells[(spells.since <= TIPS_ON - WATCHED) & (spells.until > TIPS_ON + WATCHED) & (spells.role != "late")]
    before = _tickets_written(tickets, TIPS_ON - WATCHED, served.account)
    after = _tickets_written(tickets, TIPS_ON + np.timedelta64(1, "D"), served.account)
    n = len(served)
    pairs = np.lexsort([rng.random(n), before])
    arm = np.empty(n, dtype=int)
    arm[pairs] = (np.arange(n) + np.repeat(rng.integers(2, size=n // 2 + 1), 2)[:n]) % 2
    return pd.DataFrame(
        {
            "experiment_id": TIPS,
            "account": served.account.array,
            "variant": ARMS[arm],
            "assigned_at": instants(at_some_hour(rng, np.repeat(TIPS_ON, n))),
            "pre_value": before,
            "outcome": after,
        }
    )


def _tickets_written(tickets: pd.DataFrame, since: np.datetime64, accounts: pd.Series) -> np.ndarray:
    """How many tickets each account wrote in the time watched, spam aside."""
    within = tickets.created.between(opening(since), opening(since + WATCHED), inclusive="left")
    return tickets[within & ~tickets.is_spam].groupby("account").size().reindex(accounts, fill_value=0).to_numpy(float)
