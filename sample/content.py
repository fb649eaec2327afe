"""The made-up company's magazine, in which people of its customers write about their trade: titles, readers, followers.

The followers are the authors', not the company's: what a customer gains is what is counted.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sample.days import END, START, clock, day_clock, days, instants, seasonal_days, stream
from sample.versions import service_times

YEARLY = 46  # articles of a company of three hundred customers
READ_AFTER = np.array([0, 7, 14, 21, 35])  # days after publication on which what came in since is noted
READ_SHARE = np.array([0.34, 0.30, 0.16, 0.09, 0.11])
REACTIONS = {"likes": 0.021, "shares": 0.0045, "followers": 0.007}  # of the views
LEAVING = 0.25  # followers that go between two readings
CHECKLISTS_SINCE = np.datetime64("2026-01-01")  # since then some are checklists to download, and liked
CHECKLIST = "A checklist for {}"
TITLES = (
    "What {} really cost us", "Getting a grip on {}", "How we plan {} today", "Five lessons from {}",
    "From the dispatcher's chair: {}", "Fewer phone calls about {}", "What our technicians say about {}",
    "Our first year of planning {} with software",
)  # fmt: skip
SUBJECTS = (
    "on-call weekends", "spare parts in the van", "winter peaks", "first-visit repairs", "apprentices on the road",
    "lift inspections", "heat pump maintenance", "route changes at noon", "subcontractors", "night shifts",
    "paper job sheets", "warranty visits", "key handovers", "contracts with many sites", "service levels",
    "city traffic", "estimated job times", "repeat visits", "parts on order", "seasonal staff", "safety briefings",
    "emergency call-outs", "tenants who are not at home", "jobs for two",
)  # fmt: skip


def make_content(seed: int, accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """Rows of measurements: what each article gained up to each day of reading since the one before."""
    rng = stream(seed, "content")
    articles = _articles(rng, accounts, versions)
    n, times = len(articles), len(READ_AFTER)
    views = rng.poisson(rng.lognormal(6.2, 0.5, size=n)[:, None] * READ_SHARE)
    counted = {"views": views}
    for metric, share in REACTIONS.items():
        liked = np.where(articles.checklist, 1.8, 1.0) * rng.lognormal(0, 0.3, size=n)
        counted[metric] = rng.poisson(views * (share * liked)[:, None])
    counted["followers"] = counted["followers"] - rng.poisson(LEAVING, size=(n, times))
    found = pd.concat([_read(articles, metric, gained) for metric, gained in counted.items()], ignore_index=True)
    found = found[found.clock < day_clock(END)].reset_index(drop=True)
    return found.assign(at=instants(found.clock.to_numpy())).drop(columns="clock")


def _articles(rng: np.random.Generator, accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """The articles in the order of publication, each by a customer that was served then."""
    spells = service_times(versions)
    spells = spells[spells.role == ""]
    years = (END - START).astype(int) / 365
    n = max(40, round(YEARLY * years * len(accounts[accounts.kind == "customer"]) / 300))
    on = np.sort(seasonal_days(rng, n, START, END))
    since, until = np.maximum(days(spells.since), START), days(spells.until)
    author = rng.integers(len(spells), size=n)
    for _ in range(8):  # who was not served on the day is replaced by another
        away = (since[author] > on) | (until[author] <= on)
        author = np.where(away, rng.integers(len(spells), size=n), author)
    checklist = (on >= CHECKLISTS_SINCE) & (rng.random(n) < 0.4)
    writer = accounts.customer_id[spells.account.to_numpy()[author]].array
    found = pd.DataFrame({"checklist": checklist, "customer_id": writer, "published": clock(rng, on)})
    found["object_id"] = _titles(rng, checklist)
    return found[(since[author] <= on) & (until[author] > on)].reset_index(drop=True)


def _titles(rng: np.random.Generator, checklist: np.ndarray) -> list[str]:
    """A numbered title for each article; none comes back before all others have been used."""
    n = len(checklist)
    drawn = rng.permutation(len(TITLES) * len(SUBJECTS))[np.arange(n) % (len(TITLES) * len(SUBJECTS))]
    kinds = (CHECKLIST if listed else TITLES[i // len(SUBJECTS)] for i, listed in zip(drawn, checklist, strict=True))
    titles = (kind.format(SUBJECTS[i % len(SUBJECTS)]) for i, kind in zip(drawn, kinds, strict=True))
    return [f"No. {i}: {title}" for i, title in enumerate(titles, 1)]


def _read(articles: pd.DataFrame, metric: str, gained: np.ndarray) -> pd.DataFrame:
    """One metric of each article on each day of reading."""
    n, times = gained.shape
    which = np.repeat(np.arange(n), times)
    later = np.tile(READ_AFTER * 5 / 7, n)  # in workdays
    of = articles.loc[which]
    return pd.DataFrame(
        {
            "customer_id": of.customer_id.array,
            "object_id": of.object_id.array,
            "metric": metric,
            "clock": of.published.array + later,
            "value": gained.ravel().astype(float),
        }
    )
