"""How much the made-up company's customers use what they pay for: when they may, when they fall silent, how eagerly.

Found here: the large customer that has been silent for weeks before its renewal; a dozen and more that are as silent,
those that fell silent or came back in the last days, those that used it less from July 2026 on; and those that had
faded away before they left.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sample.accounts import ENTERPRISE, MID_MARKET, SMALL
from sample.contracts import ANALYTICS, ASSIST, CORE
from sample.days import END, NEVER, START, days, stream
from sample.profiles import INTERACTIVE, MONITORING
from sample.versions import service_times

DUE_SILENT_ON = np.datetime64("2026-08-29")
MOVED_ON = np.datetime64("2026-07-06")
AGENT_LOST_ON = np.datetime64("2026-09-05")
SERVED = ("trial", "first", "second")
SILENT = ("lull", "leaving", "recent")
LULLS = {SMALL: 0.9, MID_MARKET: 0.5, ENTERPRISE: 0.0}  # share of accounts that are silent for some weeks once
STORIES = {  # share of settled accounts: silent since when, until when (days before the end); and a factor from July on
    "silent": (0.08, (20, 130), (0, 1), 1.0), "newly silent": (0.03, (14, 17), (0, 1), 1.0),
    "returned": (0.03, (32, 46), (6, 7), 1.0), "less": (0.16, None, None, 0.30), "more": (0.03, None, None, 2.0),
}  # fmt: skip
FADING = 150  # days before a cancellation in which use goes down
ONBOARDING = 0.25  # use before the first value, against what it will be
SETTLED_SEATS = 10, 80
EAGER = (0.93, 0.10)


def make_lives(seed: int, accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """One row per account: spans of days, each a pair of columns ``…_since`` and ``…_until``, and what scales its use.

    The spans of ``SERVED`` say when the product is open to it, those of ``SILENT`` when nobody acts nevertheless.
    """
    rng = stream(seed, "lives")
    found = accounts[["customer_id", "kind", "role", "segment", "country", "product_type", "first_value_on"]].copy()
    found["seats"] = _seats(accounts, versions)
    _served(found, accounts, versions)
    _added(found, versions)
    eager = rng.normal(*EAGER, size=len(found)).clip(0.6, 1.1)
    found["eager"], found["moved"] = np.where(found.product_type == INTERACTIVE, eager, 0.2), 1.0
    _lulls(rng, found)
    _leaving(rng, found, versions)
    _recent(rng, found)
    return found


def open_on(lives: pd.DataFrame, on: np.ndarray, *, silent: tuple[str, ...] = SILENT) -> np.ndarray:
    """Account by day: whether the product is open to the account then, and the account is not silent."""
    served, quiet = (np.logical_or.reduce([within(lives, name, on) for name in names]) for names in (SERVED, silent))
    return served & ~quiet


def within(lives: pd.DataFrame, name: str, on: np.ndarray) -> np.ndarray:
    """Account by day: whether the day lies in the account's span of that name."""
    since, until = (days(lives[f"{name}_{end}"])[:, np.newaxis] for end in ("since", "until"))
    return (on >= since) & (on < until)


def levels(lives: pd.DataFrame, weeks: np.ndarray) -> np.ndarray:
    """Account by week, given by its first day: how much of what its people usually do they do."""
    learned = (weeks - days(lives.first_value_on)[:, None]) / np.timedelta64(28, "D")
    learned = np.where(np.isnan(learned) | (learned < 0), ONBOARDING, np.clip(0.5 + learned / 2, 0, 1))
    faded = (weeks - days(lives.fades_on)[:, None]) / np.timedelta64(FADING, "D")
    faded = 1 - 0.65 * np.clip(np.nan_to_num(faded), 0, 1)
    moved = lives.moved.to_numpy()[:, None]
    moved = np.where(weeks < MOVED_ON, np.where(moved > 1, 1 / moved, 1.0), np.minimum(moved, 1.0))
    return lives.eager.to_numpy()[:, None] * learned * faded * moved * _season(weeks)


def _season(weeks: np.ndarray) -> np.ndarray:
    """Weeks of holidays: the last of July and the first of August, and those around the turn of the year."""
    week = (weeks - weeks.astype("datetime64[Y]")).astype(int) // 7
    return np.select([(week >= 29) & (week <= 31), week >= 50], [0.75, 0.6], 1.0)


def _seats(accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.Series:
    """The seats that an account has now, or had last."""
    core = versions[versions["product"] == CORE].drop_duplicates("account", keep="last")
    return core.set_index("account").seats.reindex(accounts.index).fillna(accounts.seats).astype(int)


def _served(found: pd.DataFrame, accounts: pd.DataFrame, versions: pd.DataFrame) -> None:
    """The trial, the first contract and the second one."""
    ends = np.where(found.kind == "prospect", days(accounts.trial_on) + accounts.trial_days.to_numpy(), NEVER)
    _span(found, "trial", days(accounts.trial_on), np.where(np.isnat(ends), days(accounts.start_on), ends))
    spells = service_times(versions)
    for spell, name in enumerate(("first", "second")):
        of = spells[spells.spell == spell].set_index("account").reindex(found.index)
        _span(found, name, days(of.since), days(of.until))
    other = found.kind.isin(["merged", "test"])  # theirs do not end
    found.loc[other, "first_since"], found.loc[other, "first_until"] = accounts.start_on[other], pd.Timestamp(END)
    found["first_value_on"] = found.first_value_on.where(found.kind == "customer", found.first_since)


def _added(found: pd.DataFrame, versions: pd.DataFrame) -> None:
    """Since when an account has had each product that it added, and until when."""
    for product in (ANALYTICS, ASSIST):
        of = versions[versions["product"] == product]
        since, last = (of.drop_duplicates("account", keep=end).set_index("account") for end in ("first", "last"))
        until = last.last_on.fillna(pd.Timestamp(END))
        _span(found, product, *(days(on.reindex(found.index)) for on in (since.start_on, until)))


def _lulls(rng: np.random.Generator, found: pd.DataFrame) -> None:
    """Some weeks without anybody: holidays of a small team, a dispatcher who is ill."""
    n = len(found)
    since = np.maximum(days(found.first_since), START) + rng.integers(60, 1_100, size=n)
    until = since + rng.integers(25, 90, size=n)
    share = found.segment.map(LULLS) * (found.product_type == INTERACTIVE)
    has = (rng.random(n) < share) & (until < END - 60) & (found.role == "")
    _span(found, "lull", np.where(has, since, NEVER), until)


def _leaving(rng: np.random.Generator, found: pd.DataFrame, versions: pd.DataFrame) -> None:
    """Who leaves has used it less and less before, two thirds; most of these were silent when they said so."""
    n = len(found)
    of = versions[(versions["product"] == CORE) & versions.reason.isin(["voluntary", "other"])]
    told = days(of.drop_duplicates("account").set_index("account").cancelled_on.reindex(found.index))
    large = found.role == "loss"
    fades = ((rng.random(n) < 0.67) & (found.product_type == INTERACTIVE)) | large
    found["fades_on"] = np.where(fades, told - FADING, NEVER)
    since = np.where(fades & ((rng.random(n) < 0.7) | large), told + rng.integers(-30, 20, size=n), NEVER)
    _span(found, "leaving", since, days(found.first_until))


def _recent(rng: np.random.Generator, found: pd.DataFrame) -> None:
    """What a weekly list shows at the end of the history: who is silent, since when, and who came back."""
    _span(found, "recent", np.full(len(found), NEVER), np.full(len(found), NEVER))
    settled = rng.permutation(np.flatnonzero(_settled(found)))
    first = 0
    for share, since, until, factor in STORIES.values():
        of = settled[first : first + max(1, round(share * len(settled)))]
        first += len(of)
        found.loc[of, "moved"] = factor
        if since and until:
            found.loc[of, "recent_since"] = END - rng.integers(*since, size=len(of))
            found.loc[of, "recent_until"] = END - rng.integers(*until, size=len(of))
    _lost_sight_of(found)


def _lost_sight_of(found: pd.DataFrame) -> None:
    """Of two large customers to be renewed one is silent for weeks and one fades; the agent of a third is gone."""
    due = found.index[found.role == "due"]
    found.loc[due[0], ["recent_since", "recent_until"]] = pd.Timestamp(DUE_SILENT_ON), pd.Timestamp(END)
    found.loc[due, "fades_on"] = pd.Timestamp(MOVED_ON)
    agents = found.index[(found.product_type == MONITORING) & (days(found.first_until) > END)]
    found.loc[agents[:1], ["recent_since", "recent_until"]] = pd.Timestamp(AGENT_LOST_ON), pd.Timestamp(END)


def _settled(found: pd.DataFrame) -> pd.Series:
    """Customers large enough to have a rhythm, and not so large that one could miss them; none is about to leave."""
    rhythm = found.seats.between(*SETTLED_SEATS) & (found.segment != ENTERPRISE) & (found.product_type == INTERACTIVE)
    stays = (days(found.first_until) > END) & found.fades_on.isna() & (days(found.first_value_on) < END - 200)
    return rhythm & stays & (found.kind == "customer") & (found.role == "")


def _span(found: pd.DataFrame, name: str, since: np.ndarray, until: np.ndarray) -> None:
    found[f"{name}_since"], found[f"{name}_until"] = since, until
