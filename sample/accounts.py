"""The accounts of the made-up company: who signed when and where, how large they are, on which terms they buy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sample.names import COMPANY, address_part, company_names, person_names
from sample.time_and_chance import (
    DAY,
    END,
    FOUNDED,
    MONTH,
    NEVER,
    START,
    TIMEZONE,
    add_months,
    as_days,
    at_some_hour,
    days_of,
    months_between,
    pick,
    seasonal_days,
    stream,
)

CURRENCY = "EUR"
INSTALLED = 0.53  # share of the customers that signed before the history begins
COUNTRIES = {
    "DE": 0.36, "AT": 0.07, "CH": 0.06, "FR": 0.12, "NL": 0.09, "ES": 0.06, "IT": 0.06, "SE": 0.05, "PL": 0.04,
    "US": 0.09,
}  # fmt: skip
SOURCES = {  # share of the accounts won
    "inbound": 0.34, "outbound": 0.17, "partner": 0.19, "events": 0.10, "referral": 0.13, "paid search": 0.07,
}  # fmt: skip
INTERACTIVE, API, MONITORING = "interactive", "api", "monitoring"
PRODUCT_TYPES = {INTERACTIVE: 0.90, API: 0.06, MONITORING: 0.04}  # of smaller accounts; large ones are all interactive


@dataclass(frozen=True)
class Segment:
    """What is typical of a segment.

    ``seats``: median, spread, least and most. ``price``: of a seat a month. ``terms``: contract months -> share, 1
    being a rolling monthly plan. ``billing``: months between the invoices of longer contracts -> share. ``cycle``:
    workdays from lead to won. ``services``: least and most of the set-up services sold with the contract. ``churn``:
    share that leaves at a yearly renewal. ``upsells``: seat increases a year.
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
        name="Enterprise", plan="Enterprise", share=0.10, seats=(170, 0.5, 90, 450), price=38.0,
        terms={12: 0.7, 24: 0.15, 36: 0.15}, billing={12: 0.65, 3: 0.35}, cycle=84, services=(6_000, 24_000),
        churn=0.035, upsells=0.55,
    ),
    Segment(
        name="Mid-market", plan="Business", share=0.34, seats=(52, 0.45, 25, 160), price=42.0,
        terms={1: 0.12, 12: 0.78, 24: 0.10}, billing={12: 0.6, 3: 0.4}, cycle=38, services=(1_500, 6_000),
        churn=0.070, upsells=0.50,
    ),
    Segment(
        name="Small business", plan="Team", share=0.56, seats=(13, 0.5, 3, 45), price=45.0,
        terms={1: 0.4, 12: 0.6}, billing={12: 0.6, 1: 0.4}, cycle=20, services=(0, 0),
        churn=0.095, upsells=0.40,
    ),
)  # fmt: skip
ENTERPRISE, MID_MARKET, SMALL = range(3)
KEPT = 3  # the row of the account that its double was merged into, before accounts are sorted


def make_accounts(seed: int, customers: int) -> pd.DataFrame:
    """One row per account in the order of sign-up: ``customers`` that ever signed, and others.

    ``kind`` is ``customer``, ``prospect`` (had a trial only), ``merged`` (a double) or ``test``. ``installed`` accounts
    signed before the history begins; their ``start_on`` is the first day of the term then running. ``segment`` is a
    position in ``SEGMENTS``. ``role`` marks the accounts of the story and is empty for all others: ``loss`` (the large
    customer that leaves), ``due`` (two large ones to be renewed), ``late`` (three whose deals were entered late) and
    ``kept`` (the account that a double was merged into).
    """
    rng = stream(seed, "account list")
    kinds = np.repeat(["customer", "merged", "test", "prospect"], [customers, 1, 4, round(0.12 * customers)])
    accounts = pd.DataFrame({"kind": kinds, "role": ""})
    accounts["installed"] = (np.arange(len(accounts)) < round(INSTALLED * customers)) | (accounts.kind == "merged")
    accounts["country"] = pick(rng, COUNTRIES, len(accounts))
    accounts.loc[customers, "country"] = accounts.country[KEPT]  # the double comes right after the customers
    accounts["source"] = pick(rng, SOURCES, len(accounts))
    _add_size(rng, accounts)
    _add_contract(rng, accounts)
    _add_roles(accounts, customers)
    _add_sign_up(rng, accounts)
    _add_names(seed, accounts, customers)
    accounts = accounts.sort_values("signed_up_on", kind="stable").reset_index(drop=True)
    accounts["customer_id"] = [f"C-{i:06d}" for i in range(1, len(accounts) + 1)]
    _add_profile(seed, accounts)
    return accounts


def customers_table(accounts: pd.DataFrame) -> pd.DataFrame:
    """The canonical table: the accounts, with the days of their onboarding."""
    kept = accounts.customer_id[accounts.role == "kept"].iloc[0]
    return accounts.assign(
        segment=accounts.segment.map(lambda i: SEGMENTS[i].name),
        first_paid_on=accounts.first_paid_on.where(accounts.kind != "prospect"),
        is_test=accounts.kind == "test",
        merged_into=accounts.kind.map({"merged": kept}),
    ).drop(columns="recorded_at")


def _add_size(rng: np.random.Generator, accounts: pd.DataFrame) -> None:
    """Add the segment, seats, price, terms and sales cycle of each account."""
    n = len(accounts)
    accounts["segment"] = pick(rng, {i: s.share for i, s in enumerate(SEGMENTS)}, n)
    accounts.loc[(accounts.kind == "prospect") & (accounts.segment == ENTERPRISE), "segment"] = SMALL
    size = np.where(accounts.installed, 0.90, 0.92)  # new customers are larger than those of before
    american = accounts.country == "US"
    for i, s in enumerate(SEGMENTS):
        median, spread, least, most = s.seats
        drawn = {
            "seats": np.clip(size * median * np.exp(spread * rng.standard_normal(n)), least, most).round().astype(int),
            "price": np.where(american, round(s.price * 1.1, 2), s.price),
            "term": pick(rng, s.terms, n),
            "billing": pick(rng, s.billing, n),
            "cycle": s.cycle * np.exp(0.4 * rng.standard_normal(n)),
            "services": rng.uniform(*s.services, size=n).round(-2),
        }
        for name, values in drawn.items():
            accounts[name] = np.where(accounts.segment == i, values, accounts.get(name, values))
    accounts.loc[accounts.term == 1, "billing"] = 1
    accounts["currency"] = np.where(american, "USD", CURRENCY)


def _add_contract(rng: np.random.Generator, accounts: pd.DataFrame) -> None:
    """Add when each account signed, and when its first contract and its first term of the history began."""
    n, installed = len(accounts), accounts.installed.to_numpy()
    before, within = seasonal_days(rng, n, FOUNDED, START - 40 * DAY, growth=1.3), seasonal_days(rng, n, START, END)
    won = np.where(installed, before, within)
    began = won + rng.integers(1, 11, size=n)
    month = began.astype("datetime64[M]")
    next_first = (rng.random(n) < 0.6) | ((began - month.astype("datetime64[D]")).astype(int) >= 28)
    began = np.where(next_first, (month + MONTH).astype("datetime64[D]"), began)
    step = np.maximum(accounts.term.to_numpy(), 12)
    terms = np.where(installed, months_between(began, np.full(n, START - DAY)) // step, 0)
    accounts["won_on"], accounts["first_paid_on"] = won, began
    accounts["start_on"] = add_months(began, terms * step)
    age = np.maximum((START - began).astype(int), 0) / 365
    accounts["price"] = (accounts.price * (1 - 0.02 * age)).round(2)


def _add_roles(accounts: pd.DataFrame, customers: int) -> None:
    """Cast the accounts of the story: a large loss, two large renewals ahead, three deals entered late."""
    german = {"country": "DE", "currency": CURRENCY, "term": 12, "billing": 12}
    large = {**german, "segment": ENTERPRISE, "price": 38.0, "installed": True}
    late = {**german, "segment": MID_MARKET, "price": 42.0, "cycle": 38.0, "services": 3_000.0, "source": "partner"}
    roles: dict[int, dict[str, Any]] = {
        0: {**large, "role": "loss", "seats": 410, **_signed("2020-07-06", "2020-08-01", "2022-08-01")},
        1: {**large, "role": "due", "seats": 370, **_signed("2019-11-04", "2019-12-01", "2022-12-01")},
        2: {**large, "role": "due", "seats": 320, **_signed("2021-01-11", "2021-02-01", "2023-02-01")},
        KEPT: {"role": "kept"},
    }
    entries = [
        (46, "2026-09-24", "2026-09-28", "2026-10-02 09:40"),
        (68, "2026-09-29", "2026-10-01", "2026-10-05 16:15"),
        (55, "2026-09-30", "2026-10-01", "2026-10-06 11:05"),
    ]
    for row, (seats, won, start, entered) in zip(range(customers - 3, customers), entries, strict=True):
        recorded = pd.Timestamp(entered, tz=TIMEZONE).tz_convert("UTC")
        roles[row] = {**late, "role": "late", "seats": seats, "recorded_at": recorded, **_signed(won, start, start)}
    accounts["recorded_at"] = pd.Series(pd.NaT, accounts.index, "datetime64[s, UTC]")
    for row, values in roles.items():
        for column, value in values.items():
            accounts.loc[row, column] = value


def _signed(won: str, first_paid: str, start: str) -> dict[str, pd.Timestamp]:
    return {"won_on": pd.Timestamp(won), "first_paid_on": pd.Timestamp(first_paid), "start_on": pd.Timestamp(start)}


def _add_sign_up(rng: np.random.Generator, accounts: pd.DataFrame) -> None:
    """Add the day an account is first known, the start of its trial, and when it became a lead and was won.

    ``lead_at`` and ``won_at`` are work times.
    """
    n, prospect = len(accounts), (accounts.kind == "prospect").to_numpy()
    accounts["won_at"] = at_some_hour(rng, as_days(accounts.won_on))
    accounts["lead_at"] = accounts.won_at - accounts.cycle - 2
    long_ago = as_days(accounts.won_on) - rng.integers(20, 140, size=n)
    signed_up = np.where(accounts.installed, long_ago, days_of(accounts.lead_at.to_numpy()))
    signed_up = np.where(prospect, as_days(accounts.won_on), signed_up)
    accounts["lead_at"] = np.where(prospect, accounts.won_at, accounts.lead_at)
    accounts["trial_days"] = rng.choice([14, 30], size=n)
    soon = signed_up + rng.integers(0, 5, size=n)
    trial_on = np.where(prospect, soon, as_days(accounts.start_on) - accounts.trial_days.to_numpy())
    tried = (accounts.segment != ENTERPRISE) & (rng.random(n) < 0.55) & ~accounts.installed
    tried &= (accounts.kind == "customer") & (accounts.role == "") & (trial_on >= signed_up)
    accounts["signed_up_on"], accounts["trial_on"] = signed_up, np.where(tried | prospect, trial_on, NEVER)


def _add_names(seed: int, accounts: pd.DataFrame, customers: int) -> None:
    """Add names and owners; a test account says what it is, and the double has its name in capitals."""
    accounts["name"] = company_names(stream(seed, "names"), accounts.country.to_numpy())
    accounts.loc[customers, "name"] = accounts.name[KEPT].upper()
    uses = ("Demo", "Test", "Training", "Staging")
    accounts.loc[accounts.kind == "test", "name"] = [f"{COMPANY} {use}" for use in uses]
    rng = stream(seed, "owners")
    owners = person_names(rng, min(max(3, customers // 35), 400))
    accounts["owner"] = rng.choice(owners, size=len(accounts))


# --- what is known of an account beside its contract ------------------------------------------------------------------


def _add_profile(seed: int, accounts: pd.DataFrame) -> None:
    """Add the product type, the group and the contact of each account, and whether its contract counts seats.

    Contracts of large accounts are for a site, those of systems for calls or machines: neither counts seats.
    """
    accounts["product_type"] = _product_types(stream(seed, "product types"), accounts)
    accounts["by_seat"] = (accounts.product_type == INTERACTIVE) & (accounts.segment != ENTERPRISE)
    accounts["parent_id"] = _parents(stream(seed, "groups"), accounts)
    accounts["contact_email"] = _contacts(stream(seed, "contacts"), accounts)


def _product_types(rng: np.random.Generator, accounts: pd.DataFrame) -> pd.Series:
    """Most accounts are used by people at screens, some by a system that calls or by agents that watch machines."""
    types = pd.Series(INTERACTIVE, accounts.index)
    smaller = (accounts.kind == "customer") & (accounts.role == "") & (accounts.segment != ENTERPRISE)
    types[smaller] = pick(rng, PRODUCT_TYPES, int(smaller.sum()))
    return types


def _parents(rng: np.random.Generator, accounts: pd.DataFrame) -> pd.Series:
    """The customer that heads the group of an account; a large one heads two or three smaller ones."""
    parents = pd.Series(None, accounts.index, dtype=object)
    free = accounts[(accounts.kind == "customer") & (accounts.role == "")]
    heads = free.nlargest(max(1, len(free) // 45), "seats").index
    others = rng.permutation(free.index.difference(heads).to_numpy())[: len(heads) * 5 // 2]
    parents[others] = accounts.customer_id[heads].to_numpy()[np.arange(len(others)) % len(heads)]
    return parents


def _contacts(rng: np.random.Generator, accounts: pd.DataFrame) -> list[str]:
    """The e-mail address of a person at each account."""
    people = rng.choice(person_names(rng, 1_296), size=len(accounts))
    named = zip(people, accounts.name, strict=True)
    return [f"{address_part(person, '.')}@{address_part(name)}.example" for person, name in named]
