"""What the made-up company bills: subscriptions as its billing system holds them, invoices, and the dollar's rates."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sample.accounts import SEGMENTS, SMALL
from sample.contracts import ANALYTICS, ASSIST, CORE
from sample.time_and_chance import (
    DAY,
    END,
    NEVER,
    START,
    TIMEZONE,
    add_months,
    as_days,
    at_some_hour,
    instants,
    months_between,
    months_of_history,
    stream,
)

INTERVALS = {1: "month", 3: "quarter", 12: "year"}
LETTERS = {CORE: "D", ANALYTICS: "I", ASSIST: "A"}
FIXED_USD = 0.92  # the rate that finance fixed for its plans


# --- subscriptions ----------------------------------------------------------------------------------------------------


def make_subscriptions(seed: int, accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """The canonical table: paid versions, and the trials before some of them or instead of them."""
    rng = stream(seed, "billing")
    rows = pd.concat([versions.assign(status="active"), _trials(accounts)], ignore_index=True)
    rows = rows.sort_values(["account", "spell", "product", "start_on"], kind="stable", ignore_index=True)
    account = accounts.loc[rows.account].reset_index(drop=True)
    number = "S-" + account.customer_id.str[2:] + "-" + (rows.spell + 1).astype(str)
    behind = rows.end_on.isna() & (rng.random(len(rows)) < 0.03)
    told = at_some_hour(rng, as_days(rows.cancelled_on.fillna(pd.Timestamp(START))))
    return pd.DataFrame(
        {
            "subscription_id": number,
            "line_id": number + "-" + rows["product"].map(LETTERS),
            "customer_id": account.customer_id,
            "start_on": rows.start_on,
            "end_on": rows.end_on,
            "currency": account.currency,
            "unit_amount": (rows.price * rows.billing).round(2),
            "quantity": rows.seats,
            "interval": rows.billing.map(INTERVALS),
            "interval_count": 1,
            "product": rows["product"],
            "plan": account.segment.map(lambda i: SEGMENTS[i].plan),
            "status": rows.status.where(~behind, "past_due"),
            "discount_mrr": rows.discount.where(rows.discount > 0),
            "discount_kind": rows.discount_kind.where(rows.discount_kind != ""),
            "cancelled_at": instants(np.where(rows.cancelled_on.isna(), np.nan, told)),
            "cancel_reason": rows.reason.where(rows.reason != ""),
            "renewal_on": rows.renewal_on,
            "is_recurring": True,
            "seat_based": (rows["product"] == CORE) & account.by_seat,
            "recorded_at": account.recorded_at,
        }
    )


def _trials(accounts: pd.DataFrame) -> pd.DataFrame:
    """A free trial of the core product lasts until the contract starts, or until the prospect lets it end."""
    tried = accounts[accounts.trial_on.notna()]
    given_up = as_days(tried.trial_on) + tried.trial_days.to_numpy()
    ends = np.where(tried.kind == "prospect", given_up, as_days(tried.start_on))
    trials = tried[["seats", "price", "trial_on"]].rename(columns={"trial_on": "start_on"}).assign(
        end_on=ends, spell=0, product=CORE, status="trialing", billing=1, discount=0.0, discount_kind="", reason="",
        cancelled_on=NEVER, renewal_on=NEVER,
    )  # fmt: skip
    return trials.rename_axis("account").reset_index()


# --- invoices ---------------------------------------------------------------------------------------------------------


def make_invoices(seed: int, accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """The canonical table: periods billed in advance, the differences of changes within one, services, goodwill."""
    rng = stream(seed, "invoices")
    periods = _periods(versions[versions.kind != "test"])
    lines = pd.concat([_in_advance(periods), _services(accounts), _goodwill(rng, periods)])
    lines = lines.join(accounts[["customer_id", "currency", "segment", "recorded_at"]], on="account")
    late = lines.recorded_at.dt.tz_convert(TIMEZONE).dt.tz_localize(None).dt.normalize()
    lines["invoiced_on"] = np.fmax(as_days(lines.invoiced_on), as_days(late))
    lines = lines[(as_days(lines.invoiced_on) < END) | late.notna()]
    lines = lines.sort_values(["invoiced_on", "customer_id", "kind", "amount"], kind="stable", ignore_index=True)
    due, paid = _due_and_paid(rng, lines)
    numbers = [f"I-{i:07d}" for i in range(1, len(lines) + 1)]
    return lines.assign(invoice_line_id=numbers, due_on=due, paid_on=paid)


def _periods(versions: pd.DataFrame) -> pd.DataFrame:
    """One row per version and billing period that it runs in, from ``since`` to ``until`` of a period that ``ends``."""
    anchor, step = as_days(versions.anchor), versions.billing.to_numpy()
    last = np.fmin(as_days(versions.end_on), END + 10 * DAY) - DAY
    first = months_between(anchor, as_days(versions.start_on)) // step
    count = np.maximum(months_between(anchor, last) // step - first + 1, 0)
    version = versions.index.repeat(count)
    rows = versions.loc[version].reset_index(drop=True)
    number = np.repeat(first, count) + rows.groupby(version).cumcount().to_numpy()
    begins, ends = (add_months(as_days(rows.anchor), (number + i) * rows.billing.to_numpy()) for i in (0, 1))
    per_day = rows.mrr * rows.billing / (ends - begins).astype(int)
    since = np.maximum(begins, as_days(rows.start_on))
    until = np.fmin(ends, as_days(rows.end_on))
    return rows.assign(since=since, until=until, ends=ends, per_day=per_day)[ends > START]


def _in_advance(periods: pd.DataFrame) -> pd.DataFrame:
    """Each period from the day that a version starts in it, less what was billed and not used when one ended in it."""
    cut = periods[periods.until < periods.ends]
    never_paid = (periods.reason == "payment") & (periods.until < periods.ends)
    billed = _invoice_lines(periods, periods.since, periods.per_day * (periods.ends - periods.since).dt.days)
    unused = _invoice_lines(cut, cut.until, -cut.per_day * (cut.ends - cut.until).dt.days)
    billed, unused = billed.assign(line=periods.line, unpaid=never_paid), unused.assign(line=cut.line)
    by_day = pd.concat([billed, unused]).groupby(["account", "line", "invoiced_on", "kind"], as_index=False)
    return _worth_a_line(by_day.agg(amount=("amount", "sum"), unpaid=("unpaid", "max")))


def _services(accounts: pd.DataFrame) -> pd.DataFrame:
    """The set-up services of new customers, on the day that their contract starts."""
    sold = (accounts.kind == "customer") & ~accounts.installed & (accounts.services > 0)
    sold_to = accounts[sold].rename_axis("account").reset_index()
    return _invoice_lines(sold_to, sold_to.start_on, sold_to.services, kind="services")


def _goodwill(rng: np.random.Generator, periods: pd.DataFrame) -> pd.DataFrame:
    """A few credit notes of a part of a month."""
    some = periods[rng.random(len(periods)) < 0.012]
    on = some.since + pd.to_timedelta(rng.integers(10, 40, size=len(some)), unit="D")
    return _invoice_lines(some, on, -some.mrr * rng.uniform(0.05, 0.25, size=len(some)))


def _invoice_lines(rows: pd.DataFrame, on: pd.Series, amount: pd.Series, *, kind: str = "recurring") -> pd.DataFrame:
    """An invoice line for each row of versions or accounts."""
    return _worth_a_line(rows[["account"]].assign(invoiced_on=on, amount=amount, kind=kind, unpaid=False))


def _worth_a_line(lines: pd.DataFrame) -> pd.DataFrame:
    """The lines with amounts in cents, without those of nothing."""
    lines = lines.assign(amount=lines.amount.round(2))
    return lines[lines.amount != 0]


def _due_and_paid(rng: np.random.Generator, lines: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """When each line is due and paid: most in time, some late, some not yet; credits are settled at once."""
    n, on, credit = len(lines), as_days(lines.invoiced_on), (lines.amount < 0).to_numpy()
    due = on + np.where(lines.segment == SMALL, 14, 30)
    late = rng.choice([0, 1, 2], size=n, p=[0.72, 0.23, 0.05]) * rng.integers(1, 30, size=n)
    paid = np.maximum(due + np.where(late > 0, late, -rng.integers(0, 12, size=n)), on)
    paid = np.where(credit, on, paid)
    not_yet = lines.unpaid.to_numpy(dtype=bool) | (paid >= END)
    return np.where(credit, NEVER, due), np.where(not_yet, NEVER, paid)


# --- rates ------------------------------------------------------------------------------------------------------------


def make_fx_rates(seed: int) -> pd.DataFrame:
    """The canonical table: the rate that finance fixed, which has no day, and those of the month ends."""
    months = np.append(months_of_history(), END.astype("datetime64[M]"))
    ends = months.astype("datetime64[D]") - DAY
    steps = np.cumsum(stream(seed, "fx_rates").normal(0, 0.007, size=len(ends)))
    rates = np.clip(FIXED_USD + steps, 0.86, 0.98).round(4)
    return pd.DataFrame({"currency": "USD", "on": [pd.NaT, *ends], "rate": [FIXED_USD, *rates]})
