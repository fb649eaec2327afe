"""Two controlled experiments of the made-up company: one that worked, and one that made no difference.

Outcomes are what other tables say, so that there are no two truths: whether a lead got on is in the stages, how often
a customer wrote is in the tickets. The arms of the first are drawn so that they differ as if its treatment had moved
the share ``MOVED`` of its leads on.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sample.days import clock, day_clock, instants, stream
from sample.versions import service_times

ARMS = np.array(["control", "treatment"])
ESTIMATOR = "price_estimator"  # on the website: a price before the first call
WEB = ("inbound", "paid search", "referral")  # the leads that come by the website
LEADS_SINCE, LEADS_UNTIL = np.datetime64("2025-09-01"), np.datetime64("2026-07-01")
QUALIFIED_WITHIN = 20  # workdays from lead to SQL
MOVED = 0.16
PAGES = (3.0, 5.5)  # read in the fortnight before, by leads that do not get on and by those that do
TIPS = "weekly_tips"  # for dispatchers, by e-mail: so that they need not ask
TIPS_ON, WATCHED = np.datetime64("2026-02-02"), np.timedelta64(84, "D")


def make_assignments(
    seed: int, accounts: pd.DataFrame, *, versions: pd.DataFrame, deals: pd.DataFrame, tickets: pd.DataFrame
) -> pd.DataFrame:
    """The canonical table: one row per unit of an experiment, its arm, and its outcome beside that of the time before.

    ``deals`` and ``tickets`` are as made for their tables, with the clock value ``created``.
    """
    tips = _tips(stream(seed, TIPS), versions, tickets)
    tips["unit_id"] = accounts.customer_id[tips.account].array
    parts = [_estimator(stream(seed, ESTIMATOR), deals), tips.drop(columns="account")]
    found = pd.concat(parts, ignore_index=True)
    return found.sort_values(["experiment_id", "unit_id"], ignore_index=True)


def _estimator(rng: np.random.Generator, deals: pd.DataFrame) -> pd.DataFrame:
    """Leads from the website, half of which saw the estimator; the outcome is 1 if they were qualified in time."""
    since, until = day_clock(LEADS_SINCE), day_clock(LEADS_UNTIL)
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
    before, after = (
        _written(tickets, since, served.account) for since in (TIPS_ON - WATCHED, TIPS_ON + np.timedelta64(1, "D"))
    )
    n = len(served)
    pairs = np.lexsort([rng.random(n), before])
    arm = np.empty(n, dtype=int)
    arm[pairs] = (np.arange(n) + np.repeat(rng.integers(2, size=n // 2 + 1), 2)[:n]) % 2
    return pd.DataFrame(
        {
            "experiment_id": TIPS,
            "account": served.account.array,
            "variant": ARMS[arm],
            "assigned_at": instants(clock(rng, np.repeat(TIPS_ON, n))),
            "pre_value": before,
            "outcome": after,
        }
    )


def _written(tickets: pd.DataFrame, since: np.datetime64, accounts: pd.Series) -> np.ndarray:
    """How many tickets each account wrote in the time watched, spam aside."""
    within = tickets.created.between(day_clock(since), day_clock(since + WATCHED), inclusive="left")
    return tickets[within & ~tickets.is_spam].groupby("account").size().reindex(accounts, fill_value=0).to_numpy(float)
