"""What the made-up company counts by the day: meters against their limits, readers of its magazine, value delivered.

The meters read planned routes and calls of the API. Most customers use about half of what their contract includes;
some come near the limit or go beyond it, and one reading was corrected. In the magazine, people of the customers write
about their trade; the followers are the authors', not the company's: what a customer gains is what is counted. Value
is what a quarter's work with the product saved a customer, as said in its business review.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from sample.accounts import API, ENTERPRISE, INTERACTIVE, MID_MARKET, SMALL
from sample.contracts import CORE, service_times
from sample.time_and_chance import (
    DAY,
    END,
    MONTH,
    START,
    TIMEZONE,
    as_days,
    as_utc,
    at_some_hour,
    instants,
    months_of_history,
    opening,
    seasonal_days,
    stream,
)
from sample.usage import open_on

# meters
ROUTES, CALLS = "routes", "api_calls"
PER_SEAT = {ROUTES: 25, CALLS: 8_000}
STEP = {ROUTES: 250, CALLS: 100_000}
USED = (-0.72, 0.38)  # log of the share of the limit that an account uses: median, spread
NEAR = {0.05: (0.90, 0.99), 0.04: (1.03, 1.22)}  # share of the accounts -> what they use of it in the last quarter
TIGHT_ON = np.datetime64("2026-07-01")
READ_AT = np.timedelta64(23, "h")
CORRECTED_AT = pd.Timestamp("2026-09-16 10:15", tz=TIMEZONE)
# the magazine
YEARLY = 46  # articles of a company of three hundred customers
READ_AFTER = np.array([0, 7, 14, 21, 35])  # days after publication on which what came in since is noted
READ_SHARE = np.array([0.34, 0.30, 0.16, 0.09, 0.11])
REACTIONS = {"likes": 0.021, "shares": 0.0045, "followers": 0.007}  # of the views
UNFOLLOWED = 0.25  # followers that go between two readings
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
# delivered value
SURVEYED = {ENTERPRISE: 0.75, MID_MARKET: 0.5}  # share of customers whose reviews name what the product saved them
UNCONFIRMED = 0.12  # of the reviews: the customer has not agreed to the amount


def make_measurements(
    seed: int, accounts: pd.DataFrame, versions: pd.DataFrame, engagement: pd.DataFrame, entitlements: pd.DataFrame
) -> pd.DataFrame:
    """The canonical table: what was counted of a customer and an object at an instant, since the time before."""
    parts = [
        _magazine(stream(seed, "content"), accounts, versions),
        _delivered_value(stream(seed, "delivered value"), accounts, versions),
        _readings(stream(seed, "meters"), engagement, entitlements),
    ]
    measurements = pd.concat(parts, ignore_index=True)
    return measurements.sort_values(["at", "customer_id", "object_id", "metric"], kind="stable", ignore_index=True)


# --- meters -----------------------------------------------------------------------------------------------------------


def make_entitlements(accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """The canonical table: a monthly limit by the size of the contract, and another one when the size changes."""
    core = versions[(versions["product"] == CORE) & (versions.kind == "customer")]
    core = core.join(accounts[["customer_id", "product_type", "recorded_at"]], on="account")
    core = core[(core.product_type == API) | ((core.product_type == INTERACTIVE) & (core.segment != SMALL))]
    meter = pd.Series(np.where(core.product_type == API, CALLS, ROUTES), core.index)
    step = meter.map(STEP)
    limits = core.assign(meter=meter, limit_qty=np.ceil(core.seats * meter.map(PER_SEAT) / step) * step, reset="month")
    limits = limits[limits.limit_qty != limits.groupby(["account", "spell"]).limit_qty.shift()]
    following = limits.groupby(["account", "spell"]).start_on.shift(-1)
    limits = limits.assign(end_on=following.fillna(limits.line_end_on))
    return limits.sort_values(["account", "start_on"], kind="stable", ignore_index=True)


def _readings(rng: np.random.Generator, engagement: pd.DataFrame, entitlements: pd.DataFrame) -> pd.DataFrame:
    """Four readings a month, of what was used since the one before."""
    days, account = _reading_days(), entitlements.account.to_numpy()
    since, until = as_days(entitlements.start_on), np.fmin(as_days(entitlements.end_on), END)
    row, reading = np.nonzero((days >= since[:, None]) & (days < until[:, None]))
    usual = _usual_shares(rng, engagement)[account[row], (days[reading] >= TIGHT_ON).astype(int)]
    used = usual / 4 * rng.lognormal(0, 0.07, size=len(row)) * entitlements.limit_qty.to_numpy()[row]
    in_use = open_on(engagement, days)[account[row], reading]
    readings = pd.DataFrame(
        {
            "customer_id": entitlements.customer_id.array[row],
            "metric": entitlements.meter.array[row],
            "at": as_utc(days[reading] + READ_AT),
            "value": np.where(in_use, used.round(), 0.0),
            "recorded_at": entitlements.recorded_at.array[row],
        }
    )
    return pd.concat([readings, _correction(readings)], ignore_index=True)


def _reading_days() -> np.ndarray:
    """The 7th, 14th, 21st and last day of each month."""
    months = months_of_history()
    first = months.astype("datetime64[D]")
    last = (months + MONTH).astype("datetime64[D]") - DAY
    return np.sort(np.concatenate([first + 6 * DAY, first + 13 * DAY, first + 20 * DAY, last]))


def _usual_shares(rng: np.random.Generator, engagement: pd.DataFrame) -> np.ndarray:
    """Account by two: the share of the limit that is used before the last quarter, and in it."""
    n = len(engagement)
    usual = np.minimum(np.exp(rng.normal(*USED, size=n)), 0.88)
    place, lately, first = rng.random(n), usual.copy(), 0.0
    for share, used in NEAR.items():
        lately = np.where((place >= first) & (place < first + share), rng.uniform(*used, size=n), lately)
        first += share
    return np.column_stack([usual, np.where(engagement.role == "", lately, usual)])


def _correction(readings: pd.DataFrame) -> pd.DataFrame:
    """One import was counted twice and taken off again: at the account with the largest reading of routes before."""
    before = readings[(readings.metric == ROUTES) & (readings["at"] < CORRECTED_AT)]
    before = before[before["at"] >= CORRECTED_AT - pd.Timedelta(days=14)]
    largest = before.nlargest(1, "value")
    return largest.assign(at=CORRECTED_AT.tz_convert("UTC"), value=-(largest.value * 0.2).round())


# --- the magazine -----------------------------------------------------------------------------------------------------


def _magazine(rng: np.random.Generator, accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """What each article gained up to each day of reading since the one before."""
    articles = _articles(rng, accounts, versions)
    n, times = len(articles), len(READ_AFTER)
    views = rng.poisson(rng.lognormal(6.2, 0.5, size=n)[:, None] * READ_SHARE)
    gained = {"views": views}
    for metric, share in REACTIONS.items():
        liked = np.where(articles.checklist, 1.8, 1.0) * rng.lognormal(0, 0.3, size=n)
        gained[metric] = rng.poisson(views * (share * liked)[:, None])
    gained["followers"] = gained["followers"] - rng.poisson(UNFOLLOWED, size=(n, times))
    rows = articles.loc[np.repeat(np.arange(n), times), ["customer_id", "object_id"]]
    read = np.repeat(articles.published.to_numpy(), times) + np.tile(READ_AFTER * 5 / 7, n)  # in workdays
    parts = [rows.assign(metric=metric, read=read, value=by.ravel().astype(float)) for metric, by in gained.items()]
    readings = pd.concat(parts, ignore_index=True)
    readings = readings[readings["read"] < opening(END)].reset_index(drop=True)
    return readings.assign(at=instants(readings["read"].to_numpy()))


def _articles(rng: np.random.Generator, accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """The articles in the order of publication, each by a customer that was served then."""
    spells = service_times(versions)
    spells = spells[spells.role == ""]
    years = (END - START).astype(int) / 365
    n = max(40, round(YEARLY * years * len(accounts[accounts.kind == "customer"]) / 300))
    on = np.sort(seasonal_days(rng, n, START, END))
    since, until = np.maximum(as_days(spells.since), START), as_days(spells.until)
    author = rng.integers(len(spells), size=n)
    for _ in range(8):  # an author who was not served on the day is replaced by another
        away = (since[author] > on) | (until[author] <= on)
        author = np.where(away, rng.integers(len(spells), size=n), author)
    checklist = (on >= CHECKLISTS_SINCE) & (rng.random(n) < 0.4)
    writer = accounts.customer_id[spells.account.to_numpy()[author]].array
    articles = pd.DataFrame({"checklist": checklist, "customer_id": writer, "published": at_some_hour(rng, on)})
    articles["object_id"] = _titles(rng, checklist)
    return articles[(since[author] <= on) & (until[author] > on)].reset_index(drop=True)


def _titles(rng: np.random.Generator, checklist: np.ndarray) -> list[str]:
    """A numbered title for each article; none comes back before all others have been used."""
    n, different = len(checklist), len(TITLES) * len(SUBJECTS)
    drawn = rng.permutation(different)[np.arange(n) % different]
    titles = []
    for number, (i, listed) in enumerate(zip(drawn, checklist, strict=True), 1):
        kind = CHECKLIST if listed else TITLES[i // len(SUBJECTS)]
        titles.append(f"No. {number}: {kind.format(SUBJECTS[i % len(SUBJECTS)])}")
    return titles


# --- delivered value --------------------------------------------------------------------------------------------------


def _delivered_value(rng: np.random.Generator, accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """What a quarter's work with the product saved a customer, as said in its business review."""
    surveyed = rng.random(len(accounts)) < accounts.segment.map(SURVEYED).fillna(0).to_numpy()
    worth = rng.lognormal(0.45, 0.35, size=len(accounts))  # of what it pays
    paid = pd.concat(list(_paid_by_quarter(versions)), ignore_index=True)
    paid = paid[surveyed[paid.account]].reset_index(drop=True)
    n, account = len(paid), accounts.loc[paid.account]
    value = 3 * paid.mrr * worth[paid.account] * rng.lognormal(0, 0.2, size=n)
    agreed = rng.random(n) >= UNCONFIRMED
    return pd.DataFrame(
        {
            "customer_id": account.customer_id.array,
            "object_id": "Business review " + paid.quarter,
            "metric": np.where(agreed, "delivered_value", "delivered_value_unconfirmed"),
            "at": instants(at_some_hour(rng, as_days(paid.ends) - rng.integers(1, 15, size=n))),
            "value": value.round(-2),
            "currency": account.currency.array,
        }
    )


def _paid_by_quarter(versions: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """What each account that was served all of a quarter pays a month at its end."""
    spells = service_times(versions)
    spells = spells[spells.role != "late"]
    for quarter in pd.period_range(pd.Timestamp(START), pd.Timestamp(END - DAY), freq="Q"):
        begins, ends = quarter.start_time, (quarter + 1).start_time
        served = spells.account[(spells.since <= begins) & (spells.until >= ends)]
        running = (versions.start_on < ends) & ~(versions.end_on < ends) & versions.account.isin(served)
        paid = versions[running].groupby("account", as_index=False).mrr.sum()
        yield paid.assign(ends=ends, quarter=str(quarter))
