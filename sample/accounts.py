"""The made-up company's accounts: who signed when and where, how large, on which terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sample.days import (
    END,
    FOUNDED,
    NEVER,
    START,
    TIMEZONE,
    add_months,
    clock,
    days,
    local_days,
    months_between,
    pick,
    seasonal_days,
    stream,
)  # fmt: skip
from sample.names import COMPANY, company_names, person_names

CURRENCY = "EUR"
INSTALLED = 0.53
COUNTRIES = {
    "DE": 0.36, "AT": 0.07, "CH": 0.06, "FR": 0.12, "NL": 0.09, "ES": 0.06, "IT": 0.06, "SE": 0.05, "PL": 0.04,
    "US": 0.09,
}  # fmt: skip
SOURCES = {  # share of the accounts won
    "inbound": 0.34, "outbound": 0.17, "partner": 0.19, "events": 0.10, "referral": 0.13, "paid search": 0.07,
}  # fmt: skip


@dataclass(frozen=True)
class Segment:
    """What is typical of a segment.

    ``seats``: median, spread, least and most. ``terms``: contract months -> share, 1 being a rolling monthly plan.
    ``billing``: months between invoices of longer contracts -> share. ``cycle``: workdays from lead to won.
    ``services``: set-up services sold with the contract. ``churn``: share that leaves at a yearly renewal.
    ``upsells``: seat increases a year.
    """

    name: str
    plan: str
    share: float
    seats: tuple[float, float, int, int]
    price: float
    terms: Mapping[int, float]
    billing: Mapping[int, float]
    cycle: float
    services: tuple[int, int]
    churn: float
    upsells: float


SEGMENTS = (
    Segment(
        "Enterprise", "Enterprise", 0.10, (170, 0.5, 90, 450), 38.0, {12: 0.7, 24: 0.15, 36: 0.15},
        {12: 0.65, 3: 0.35}, 84, (6_000, 24_000), 0.035, 0.55,
    ),
    Segment(
        "Mid-market", "Business", 0.34, (52, 0.45, 25, 160), 42.0, {1: 0.12, 12: 0.78, 24: 0.10},
        {12: 0.6, 3: 0.4}, 38, (1_500, 6_000), 0.070, 0.50,
    ),
    Segment(
        "Small business", "Team", 0.56, (13, 0.5, 3, 45), 45.0, {1: 0.4, 12: 0.6},
        {12: 0.6, 1: 0.4}, 20, (0, 0), 0.095, 0.40,
    ),
)  # fmt: skip
ENTERPRISE, MID_MARKET, SMALL = range(3)
KEPT = 3  # the account that a double was merged into, before accounts are sorted


def make_accounts(seed: int, customers: int) -> pd.DataFrame:
    """One row per account in the order of sign-up: ``customers`` that ever signed, and others.

    ``kind`` is ``customer``, ``prospect`` (a trial only), ``merged`` or ``test``. ``installed`` accounts signed before
    the history begins; their ``start_on`` is that of the term then running. ``role`` marks those of the story.
    """
    rng = stream(seed, "account list")
    kinds = np.repeat(["customer", "merged", "test", "prospect"], [customers, 1, 4, round(0.12 * customers)])
    found = pd.DataFrame({"kind": kinds, "role": ""})
    found["installed"] = (np.arange(len(found)) < round(INSTALLED * customers)) | (found.kind == "merged")
    found["country"] = pick(rng, COUNTRIES, len(found))
    found.loc[customers, "country"] = found.country[KEPT]  # the merged account, right after the customers
    found["source"] = pick(rng, SOURCES, len(found))
    _size(rng, found)
    _contract(rng, found)
    _cast(found, customers)
    _sign_up(rng, found)
    _name(seed, found, customers)
    found = found.sort_values("signed_up_on", kind="stable").reset_index(drop=True)
    found["customer_id"] = [f"C-{i:06d}" for i in range(1, len(found) + 1)]
    return found


def _size(rng: np.random.Generator, found: pd.DataFrame) -> None:
    """Segment, seats, price, terms and sales cycle of each account."""
    n = len(found)
    found["segment"] = pick(rng, {i: s.share for i, s in enumerate(SEGMENTS)}, n)
    found.loc[(found.kind == "prospect") & (found.segment == ENTERPRISE), "segment"] = SMALL
    size = np.where(found.installed, 0.90, 0.92)  # larger firms sign every year
    columns: dict[str, np.ndarray] = {}
    for i, s in enumerate(SEGMENTS):
        own = found.segment == i
        median, spread, least, most = s.seats
        drawn = {
            "seats": np.clip(size * median * np.exp(spread * rng.standard_normal(n)), least, most).round().astype(int),
            "price": np.where(found.country == "US", round(s.price * 1.1, 2), s.price),
            "term": pick(rng, s.terms, n),
            "billing": pick(rng, s.billing, n),
            "cycle": s.cycle * np.exp(0.4 * rng.standard_normal(n)),
            "services": rng.uniform(*s.services, size=n).round(-2),
        }
        columns = {name: np.where(own, values, columns.get(name, values)) for name, values in drawn.items()}
    for name, values in columns.items():
        found[name] = values
    found.loc[found.term == 1, "billing"] = 1
    found["currency"] = np.where(found.country == "US", "USD", CURRENCY)


def _contract(rng: np.random.Generator, found: pd.DataFrame) -> None:
    """When each account signed, and when its first contract and the first term of the history began."""
    n, old = len(found), found.installed.to_numpy()
    before, within = seasonal_days(rng, n, FOUNDED, START - 40, growth=1.3), seasonal_days(rng, n, START, END)
    won = np.where(old, before, within)
    begun = won + rng.integers(1, 11, size=n)
    month = begun.astype("datetime64[M]")
    next_first = (rng.random(n) < 0.6) | ((begun - month.astype("datetime64[D]")).astype(int) >= 28)
    begun = np.where(next_first, (month + 1).astype("datetime64[D]"), begun)
    step = np.maximum(found.term.to_numpy(), 12)
    terms = np.where(old, months_between(begun, np.full(n, START - 1)) // step, 0)
    found["won_on"], found["first_paid_on"], found["start_on"] = won, begun, add_months(begun, terms * step)
    age = np.maximum((START - begun).astype(int), 0) / 365
    found["price"] = (found.price * (1 - 0.02 * age)).round(2)


def _cast(found: pd.DataFrame, customers: int) -> None:
    """The accounts of the story: a large loss, two large renewals ahead, three deals entered late."""
    german = {"country": "DE", "currency": CURRENCY, "term": 12, "billing": 12}
    large = {**german, "segment": ENTERPRISE, "price": 38.0, "installed": True}
    late = {**german, "segment": MID_MARKET, "price": 42.0, "cycle": 38.0, "services": 3_000.0, "source": "partner"}
    roles: dict[int, dict[str, Any]] = {
        0: {**large, "role": "loss", "seats": 410, **_since("2020-07-06", "2020-08-01", "2022-08-01")},
        1: {**large, "role": "due", "seats": 370, **_since("2019-11-04", "2019-12-01", "2022-12-01")},
        2: {**large, "role": "due", "seats": 320, **_since("2021-01-11", "2021-02-01", "2023-02-01")},
        KEPT: {"role": "kept"},
    }
    entries = [
        (46, "2026-09-24", "2026-09-28", "2026-10-02 09:40"),
        (68, "2026-09-29", "2026-10-01", "2026-10-05 16:15"),
        (55, "2026-09-30", "2026-10-01", "2026-10-06 11:05"),
    ]
    for row, (seats, won, start, entered) in zip(range(customers - 3, customers), entries, strict=True):
        recorded = pd.Timestamp(entered, tz=TIMEZONE).tz_convert("UTC")
        roles[row] = {**late, "role": "late", "seats": seats, "recorded_at": recorded, **_since(won, start, start)}
    found["recorded_at"] = pd.Series(pd.NaT, found.index, "datetime64[s, UTC]")
    for row, values in roles.items():
        for column, value in values.items():
            found.loc[row, column] = value


def _since(won: str, first_paid: str, start: str) -> dict[str, pd.Timestamp]:
    return {"won_on": pd.Timestamp(won), "first_paid_on": pd.Timestamp(first_paid), "start_on": pd.Timestamp(start)}


def _sign_up(rng: np.random.Generator, found: pd.DataFrame) -> None:
    """The day an account is first known, the hour (``lead_at``) of a new one's lead, and the start of its trial."""
    n = len(found)
    found["won_at"] = clock(rng, days(found.won_on))
    found["lead_at"] = found.won_at - found.cycle - 2
    long_ago = days(found.won_on) - rng.integers(20, 140, size=n)
    signed_up = np.where(found.installed, long_ago, local_days(found.lead_at.to_numpy()))
    prospect = (found.kind == "prospect").to_numpy()
    signed_up = np.where(prospect, days(found.won_on), signed_up)
    found["lead_at"] = np.where(prospect, found.won_at, found.lead_at)
    found["trial_days"] = rng.choice([14, 30], size=n)
    trial_on = np.where(
        prospect, signed_up + rng.integers(0, 5, size=n), days(found.start_on) - found.trial_days.to_numpy()
    )
    tried = (found.segment != ENTERPRISE) & (rng.random(n) < 0.55) & ~found.installed & (found.kind == "customer")
    tried &= (trial_on >= signed_up) & (found.role == "")
    found["signed_up_on"], found["trial_on"] = signed_up, np.where(tried | prospect, trial_on, NEVER)


def _name(seed: int, found: pd.DataFrame, customers: int) -> None:
    """Names and owners; a test account says what it is, the merged one is a double in capitals."""
    found["name"] = company_names(stream(seed, "names"), found.country.to_numpy())
    found.loc[customers, "name"] = found.name[KEPT].upper()
    found.loc[found.kind == "test", "name"] = [f"{COMPANY} {use}" for use in ("Demo", "Test", "Training", "Staging")]
    rng = stream(seed, "owners")
    owners = person_names(rng, min(max(3, customers // 35), 400))
    found["owner"] = rng.choice(owners, size=len(found))
