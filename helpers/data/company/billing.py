"""What the made-up company bills: subscription versions as its billing system holds them, and the invoices."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.data.company.accounts import SEGMENTS, SMALL
from helpers.data.company.contracts import CORE
from helpers.data.company.days import (
    END, NEVER, START, TIMEZONE, add_months, clock, days, instants, months_between, stream,
)  # fmt: skip

INTERVALS = {1: "month", 3: "quarter", 12: "year"}
LINES = {"Dispatch": "D", "Insights": "I", "Assist": "A"}


def make_subscriptions(seed: int, accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """The canonical table: paid versions, and the trials before some of them or instead of them."""
    found = pd.concat([versions.assign(status="active"), _trials(accounts, versions)], ignore_index=True)
    found = found.sort_values(["account", "spell", "product", "start_on"], kind="stable", ignore_index=True)
    of = accounts.loc[found.account].reset_index(drop=True)
    rng = stream(seed, "billing")
    behind = found.end_on.isna() & (rng.random(len(found)) < 0.03)
    customer = of.customer_id.str[2:]
    number = "S-" + customer + "-" + (found.spell + 1).astype(str)
    cancelled = np.where(
        found.cancelled_on.isna(), np.nan, clock(rng, days(found.cancelled_on.fillna(pd.Timestamp(START))))
    )
    return pd.DataFrame({
        "subscription_id": number, "line_id": number + "-" + found["product"].map(LINES), "customer_id": of.customer_id,
        "start_on": found.start_on, "end_on": found.end_on, "currency": of.currency,
        "unit_amount": (found.price * found.billing).round(2), "quantity": found.seats,
        "interval": found.billing.map(INTERVALS), "interval_count": 1, "product": found["product"],
        "plan": of.segment.map(lambda i: SEGMENTS[i].plan), "status": found.status.where(~behind, "past_due"),
        "discount_mrr": found.discount.where(found.discount > 0), "discount_kind": found.discount_kind.replace("", None),
        "cancelled_at": instants(cancelled), "cancel_reason": found.reason.replace("", None),
        "renewal_on": found.renewal_on, "is_recurring": True, "seat_based": found["product"] == CORE,
        "recorded_at": of.recorded_at,
    })  # fmt: skip


def _trials(accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    of = accounts[accounts.trial_on.notna()]
    prospect = of.kind == "prospect"
    ends = np.where(prospect, days(of.trial_on) + of.trial_days.to_numpy(), days(of.start_on))
    return pd.DataFrame({
        "account": of.index, "spell": 0, "product": CORE, "start_on": of.trial_on, "end_on": ends, "status": "trialing",
        "billing": 1, "seats": of.seats, "price": of.price, "discount": 0.0, "discount_kind": "", "reason": "",
        "cancelled_on": NEVER, "renewal_on": NEVER,
    })  # fmt: skip


def make_invoices(seed: int, accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """The canonical table: each version is billed for what it runs of each billing period, and credited what it does not."""
    rng = stream(seed, "invoices")
    periods = _periods(versions[versions.kind != "test"])
    lines = pd.concat([_charges(periods), _credits(periods), _services(accounts), _goodwill(rng, periods)])
    lines = lines.join(accounts[["customer_id", "currency", "segment", "recorded_at"]], on="account")
    late = lines.recorded_at.dt.tz_convert(TIMEZONE).dt.tz_localize(None).dt.normalize()
    lines["invoiced_on"] = np.fmax(days(lines.invoiced_on), days(late))
    lines = lines[(days(lines.invoiced_on) < END) | late.notna()]
    lines = lines.sort_values(["invoiced_on", "customer_id", "kind", "amount"], kind="stable", ignore_index=True)
    _payment(rng, lines)
    lines.insert(0, "invoice_line_id", [f"I-{i:07d}" for i in range(1, len(lines) + 1)])
    return lines


def _periods(versions: pd.DataFrame) -> pd.DataFrame:
    """One row per version and billing period that it runs in: ``since`` and ``until`` in it, and the period's days."""
    start, anchor, step = days(versions.start_on), days(versions.anchor), versions.billing.to_numpy()
    horizon = END + 10
    end = np.where(versions.end_on.isna(), horizon, np.minimum(days(versions.end_on), horizon))
    first = months_between(anchor, start) // step
    count = np.maximum(months_between(anchor, end - 1) // step - first + 1, 0)
    found = versions.loc[versions.index.repeat(count)].reset_index(drop=True)
    index = np.repeat(first, count) + np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    begins, ends = (add_months(days(found.anchor), (index + i) * found.billing.to_numpy()) for i in (0, 1))
    since = np.maximum(begins, days(found.start_on))
    until = np.where(found.end_on.isna(), ends, np.minimum(ends, days(found.end_on)))
    found = found.assign(
        since=since, until=until, ends=ends, per_day=found.mrr * found.billing / (ends - begins).astype(int)
    )
    return found[ends > START]


def _charges(periods: pd.DataFrame) -> pd.DataFrame:
    amount = periods.per_day * (periods.ends - periods.since).dt.days
    return _lines(periods, periods.since, amount).assign(
        unpaid=(periods.reason == "payment") & (periods.until < periods.ends)
    )


def _credits(periods: pd.DataFrame) -> pd.DataFrame:
    """What was billed in advance and is not used."""
    cut = periods[periods.until < periods.ends]
    return _lines(cut, cut.until, -cut.per_day * (cut.ends - cut.until).dt.days)


def _goodwill(rng: np.random.Generator, periods: pd.DataFrame) -> pd.DataFrame:
    some = periods[rng.random(len(periods)) < 0.012]
    n = len(some)
    amount = -some.mrr * rng.uniform(0.05, 0.25, size=n)
    return _lines(some, days(some.since) + rng.integers(10, 40, size=n), amount)


def _services(accounts: pd.DataFrame) -> pd.DataFrame:
    sold = accounts[(accounts.kind == "customer") & ~accounts.installed & (accounts.services > 0)]
    sold = sold.rename_axis("account").reset_index()
    return _lines(sold, sold.start_on, sold.services).assign(kind="services")


def _lines(rows: pd.DataFrame, on: pd.Series | np.ndarray, amount: pd.Series) -> pd.DataFrame:
    found = pd.DataFrame(
        {"account": rows.account, "invoiced_on": on, "amount": amount.round(2), "kind": "recurring", "unpaid": False}
    )
    return found[found.amount != 0]


def _payment(rng: np.random.Generator, lines: pd.DataFrame) -> None:
    """When each line is due and paid: most in time, some late, some not yet; credits are settled at once."""
    n, on = len(lines), days(lines.invoiced_on)
    due = on + np.where(lines.segment == SMALL, 14, 30)
    late = rng.choice([-1, 1, 2], size=n, p=[0.72, 0.23, 0.05])
    paid = due + np.where(late < 0, -rng.integers(0, 12, size=n), late * rng.integers(1, 30, size=n))
    credit = (lines.amount < 0).to_numpy()
    lines["due_on"] = np.where(credit, NEVER, due)
    paid = np.where(credit, on, np.maximum(paid, on))
    lines["paid_on"] = np.where(lines.unpaid.astype(bool) | (paid >= END), NEVER, paid)
