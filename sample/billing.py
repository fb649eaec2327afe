"""What the made-up company bills: subscription versions as its billing system holds them, and the invoices."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sample.accounts import SEGMENTS, SMALL
from sample.contracts import ANALYTICS, ASSIST, CORE
from sample.days import (
    END,
    NEVER,
    START,
    TIMEZONE,
    add_months,
    clock,
    days,
    instants,
    months_between,
    stream,
)

INTERVALS = {1: "month", 3: "quarter", 12: "year"}
LETTERS = {CORE: "D", ANALYTICS: "I", ASSIST: "A"}


def make_subscriptions(seed: int, accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """The canonical table: paid versions, and the trials before some of them or instead of them."""
    rng = stream(seed, "billing")
    found = pd.concat([versions.assign(status="active"), _trials(accounts)], ignore_index=True)
    found = found.sort_values(["account", "spell", "product", "start_on"], kind="stable", ignore_index=True)
    of = accounts.loc[found.account].reset_index(drop=True)
    number = "S-" + of.customer_id.str[2:] + "-" + (found.spell + 1).astype(str)
    behind = found.end_on.isna() & (rng.random(len(found)) < 0.03)
    told = clock(rng, days(found.cancelled_on.fillna(pd.Timestamp(START))))
    return pd.DataFrame(
        {
            "subscription_id": number,
            "line_id": number + "-" + found["product"].map(LETTERS),
            "customer_id": of.customer_id,
            "start_on": found.start_on,
            "end_on": found.end_on,
            "currency": of.currency,
            "unit_amount": (found.price * found.billing).round(2),
            "quantity": found.seats,
            "interval": found.billing.map(INTERVALS),
            "interval_count": 1,
            "product": found["product"],
            "plan": of.segment.map(lambda i: SEGMENTS[i].plan),
            "status": found.status.where(~behind, "past_due"),
            "discount_mrr": found.discount.where(found.discount > 0),
            "discount_kind": found.discount_kind.where(found.discount_kind != ""),
            "cancelled_at": instants(np.where(found.cancelled_on.isna(), np.nan, told)),
            "cancel_reason": found.reason.where(found.reason != ""),
            "renewal_on": found.renewal_on,
            "is_recurring": True,
            "seat_based": (found["product"] == CORE) & of.by_seat,
            "recorded_at": of.recorded_at,
        }
    )


def _trials(accounts: pd.DataFrame) -> pd.DataFrame:
    """A free trial of the core product: until the contract starts, or until the prospect lets it end."""
    of = accounts[accounts.trial_on.notna()]
    given_up = days(of.trial_on) + of.trial_days.to_numpy()
    ends = np.where(of.kind == "prospect", given_up, days(of.start_on))
    found = of[["seats", "price", "trial_on"]].rename(columns={"trial_on": "start_on"}).assign(
        end_on=ends, spell=0, product=CORE, status="trialing", billing=1, discount=0.0, discount_kind="", reason="",
        cancelled_on=NEVER, renewal_on=NEVER,
    )  # fmt: skip
    return found.rename_axis("account").reset_index()


def make_invoices(seed: int, accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """The canonical table: periods in advance, what changes within one by the difference, services, goodwill."""
    rng = stream(seed, "invoices")
    periods = _periods(versions[versions.kind != "test"])
    lines = pd.concat([_advance(periods), _services(accounts), _goodwill(rng, periods)])
    lines = lines.join(accounts[["customer_id", "currency", "segment", "recorded_at"]], on="account")
    late = lines.recorded_at.dt.tz_convert(TIMEZONE).dt.tz_localize(None).dt.normalize()
    lines["invoiced_on"] = np.fmax(days(lines.invoiced_on), days(late))
    lines = lines[(days(lines.invoiced_on) < END) | late.notna()]
    lines = lines.sort_values(["invoiced_on", "customer_id", "kind", "amount"], kind="stable", ignore_index=True)
    due, paid = _payment(rng, lines)
    numbers = [f"I-{i:07d}" for i in range(1, len(lines) + 1)]
    return lines.assign(invoice_line_id=numbers, due_on=due, paid_on=paid)


def _periods(versions: pd.DataFrame) -> pd.DataFrame:
    """One row per version and billing period that it runs in, from ``since`` to ``until`` of a period that ``ends``."""
    anchor, step = days(versions.anchor), versions.billing.to_numpy()
    last = np.fmin(days(versions.end_on), END + 10) - 1
    first = months_between(anchor, days(versions.start_on)) // step
    count = np.maximum(months_between(anchor, last) // step - first + 1, 0)
    found = versions.loc[versions.index.repeat(count)].reset_index(drop=True)
    number = np.repeat(first, count) + found.groupby(versions.index.repeat(count)).cumcount().to_numpy()
    begins, ends = (add_months(days(found.anchor), (number + i) * found.billing.to_numpy()) for i in (0, 1))
    per_day = found.mrr * found.billing / (ends - begins).astype(int)
    since = np.maximum(begins, days(found.start_on))
    until = np.fmin(ends, days(found.end_on))
    return found.assign(since=since, until=until, ends=ends, per_day=per_day)[ends > START]


def _advance(periods: pd.DataFrame) -> pd.DataFrame:
    """Each period from the day that a version starts in it, less what was billed and not used when one ended in it."""
    cut = periods[periods.until < periods.ends]
    never_paid = (periods.reason == "payment") & (periods.until < periods.ends)
    billed = _lines(periods, periods.since, periods.per_day * (periods.ends - periods.since).dt.days)
    unused = _lines(cut, cut.until, -cut.per_day * (cut.ends - cut.until).dt.days)
    billed, unused = billed.assign(line=periods.line, unpaid=never_paid), unused.assign(line=cut.line)
    found = pd.concat([billed, unused]).groupby(["account", "line", "invoiced_on", "kind"], as_index=False)
    return _worth_a_line(found.agg(amount=("amount", "sum"), unpaid=("unpaid", "max")))


def _goodwill(rng: np.random.Generator, periods: pd.DataFrame) -> pd.DataFrame:
    some = periods[rng.random(len(periods)) < 0.012]
    on = some.since + pd.to_timedelta(rng.integers(10, 40, size=len(some)), unit="D")
    return _lines(some, on, -some.mrr * rng.uniform(0.05, 0.25, size=len(some)))


def _services(accounts: pd.DataFrame) -> pd.DataFrame:
    sold = (accounts.kind == "customer") & ~accounts.installed & (accounts.services > 0)
    sold_to = accounts[sold].rename_axis("account").reset_index()
    return _lines(sold_to, sold_to.start_on, sold_to.services, kind="services")


def _lines(rows: pd.DataFrame, on: pd.Series, amount: pd.Series, *, kind: str = "recurring") -> pd.DataFrame:
    """Invoice lines of version or account rows."""
    found = rows[["account"]].assign(invoiced_on=on, amount=amount, kind=kind, unpaid=False)
    return _worth_a_line(found)


def _worth_a_line(found: pd.DataFrame) -> pd.DataFrame:
    found = found.assign(amount=found.amount.round(2))
    return found[found.amount != 0]


def _payment(rng: np.random.Generator, lines: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """When each line is due and paid: most in time, some late, some not yet; credits are settled at once."""
    n, on, credit = len(lines), days(lines.invoiced_on), (lines.amount < 0).to_numpy()
    due = on + np.where(lines.segment == SMALL, 14, 30)
    late = rng.choice([0, 1, 2], size=n, p=[0.72, 0.23, 0.05]) * rng.integers(1, 30, size=n)
    paid = np.maximum(due + np.where(late > 0, late, -rng.integers(0, 12, size=n)), on)
    paid = np.where(credit, on, paid)
    open_yet = lines.unpaid.to_numpy(dtype=bool) | (paid >= END)
    return np.where(credit, NEVER, due), np.where(open_yet, NEVER, paid)
