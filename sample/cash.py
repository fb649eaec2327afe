"""What moves on the made-up company's bank accounts: what customers pay, what the company spends, who finances it.

Invoices come in on the day that they are paid. Departments' spend goes out in its month, and so do the costs that stand
in no department's ledger: administration and field service, devices, map data and rent, payroll tax. The company spends
more than it earns, but for the winters, in which most customers pay their year.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sample.accounts import CURRENCY
from sample.spend import BUDGETED_ON, GROWTH
from sample.time_and_chance import DAY, START, as_days, months_of_history, stream

ACCOUNTS = {CURRENCY: "Main account", "USD": "US account"}
PAY = ("Salaries", "Commissions")  # what the ledger's lines of pay begin with
DAYS = {"payroll": 27, "tax": 26, "vendors": 24}  # after the first of the month
OUTSIDE = {"payroll": 1_900_000, "vendors": 2_350_000}  # a year, at 300 customers: in no department's ledger
TAX_SHARE = 0.30  # of pay: payroll tax and social contributions
OPENING = {CURRENCY: 3_500_000, "USD": 90_000}
FINANCING = {  # of a company of 300 customers, on the first of the month
    "2024-02": 6_000_000,  # shares
    "2025-03": 1_000_000,  # a loan, repaid by the quarter
    **dict.fromkeys(("2025-09", "2025-12", "2026-03", "2026-06", "2026-09"), -50_000),
}


def make_cash_movements(seed: int, customers: int, invoices: pd.DataFrame, spend: pd.DataFrame) -> pd.DataFrame:
    """The canonical table: one row per day or month, category and account."""
    size = customers / 300
    moved = pd.concat([
        _rows("opening", START, size * np.array([*OPENING.values()]), np.array([*OPENING])),
        _received(invoices),
        _paid(stream(seed, "cash_movements"), spend, size),
        _rows("financing", np.array([*FINANCING], "datetime64[D]"), size * np.array([*FINANCING.values()])),
    ])  # fmt: skip
    moved = moved.groupby(["moved_on", "currency", "category"])[["amount"]].sum().reset_index()
    moved = moved.assign(amount=moved.amount.round(2), account=moved.currency.map(ACCOUNTS))
    moved = moved[(moved.amount != 0) | (moved.category == "opening")]
    moved = moved.sort_values(["moved_on", "currency", "category"], kind="stable", ignore_index=True)
    return moved.assign(movement_id=[f"M-{i:06d}" for i in range(1, len(moved) + 1)])


def _received(invoices: pd.DataFrame) -> pd.DataFrame:
    """What customers paid, net of what was given back to them."""
    paid = invoices[as_days(invoices.paid_on) >= START]
    return _rows("customers", as_days(paid.paid_on), paid.amount.to_numpy(), paid.currency.to_numpy())


def _paid(rng: np.random.Generator, spend: pd.DataFrame, size: float) -> pd.DataFrame:
    """What left the accounts: departments' spend by month, what stands outside it, and the tax on all pay."""
    months = months_of_history()
    grown = size / 12 * GROWTH ** ((months - BUDGETED_ON).astype(int) / 12)
    outside = {
        category: budget * grown * np.exp(0.02 * rng.standard_normal(len(months)))
        for category, budget in OUTSIDE.items()
    }
    month = as_days(spend.month).astype("datetime64[M]")
    is_pay = np.array([category.startswith(PAY) for category in spend.category])
    pay = np.bincount((month - months[0]).astype(int), np.where(is_pay, spend.amount, 0.0), minlength=len(months))
    to_whom = np.where(is_pay, "payroll", "vendors")
    days = month.astype("datetime64[D]") + np.where(is_pay, DAYS["payroll"], DAYS["vendors"])
    others = {**outside, "tax": TAX_SHARE * (pay + outside["payroll"])}
    return pd.concat([
        _rows(to_whom, days, -spend.amount.to_numpy(), spend.currency.to_numpy()),
        *(_rows(name, months.astype("datetime64[D]") + DAYS[name] * DAY, -amounts) for name, amounts in others.items()),
    ])  # fmt: skip


def _rows(
    category: str | np.ndarray,
    on: np.datetime64 | np.ndarray,
    amount: np.ndarray,
    currency: str | np.ndarray = CURRENCY,
) -> pd.DataFrame:
    return pd.DataFrame({"amount": amount}).assign(category=category, moved_on=on, currency=currency)
