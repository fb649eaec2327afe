"""What the made-up company spends, as its ledger has it: month by month, department by department.

A line is a yearly budget of a company of three hundred customers; budgets grow by the year and with the customers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sample.accounts import CURRENCY
from sample.days import END, RELEASE_ON, START, stream
from sample.leads import CAMPAIGN_ON

GROWTH = 1.10  # of every budget, by the year
BUDGETED_ON = np.datetime64("2026-04")  # the middle of the year that the budgets below are of
ALL_YEAR = tuple(range(1, 13))
CRM, MAILING, TELEPHONY, WEBINARS = "Ordvik CRM", "Brevanto", "Klarruf", "Seminova"  # paid by several departments


@dataclass(frozen=True)
class Line:
    """One line of the ledger; ``budget`` is spread over its months, ``spread`` is how uneven these are."""

    department: str
    category: str
    budget: float
    purpose: str
    vendor: str | None = None
    channel: str | None = None
    segment: str | None = None
    currency: str = CURRENCY
    months: tuple[int, ...] = ALL_YEAR
    spread: float = 0.04


def _people(department: str, category: str, budget: float, purpose: str, *, segment: str | None = None) -> Line:
    return Line(department, category, budget, purpose, segment=segment, spread=0.01)


def _licences(department: str, category: str, budget: float, vendor: str, *, currency: str = "USD") -> Line:
    return Line(department, category, budget, "both", vendor=vendor, currency=currency, spread=0.01)


def _channel(category: str, budget: float, channel: str, vendor: str | None = None) -> Line:
    return Line("marketing", category, budget, "acquire", vendor=vendor, channel=channel, spread=0.12)


SEARCH = "Search advertising"
OUTSIDE = "Agents from outside"
LINES = (
    _people("marketing", "Salaries", 168_000, "acquire"),
    Line(
        "marketing", SEARCH, 40_000, "acquire", vendor="Suchwerft", channel="paid search", segment="Small business",
        spread=0.08,
    ),
    _channel("Content and search optimisation", 40_000, "inbound", "Federstrich Texte"),
    Line(
        "marketing", "Trade fairs", 70_000, "acquire", vendor="Hallenwerk Messen", channel="events",
        months=(3, 5, 9, 10), spread=0.1,
    ),
    Line(
        "marketing", "Trade fairs, United States", 20_000, "acquire", vendor="Fieldline Expo", channel="events",
        currency="USD", months=(4,), spread=0.1,
    ),
    _channel("Partner programme", 24_000, "partner"),
    _channel("Referral rewards", 14_000, "referral"),
    Line("marketing", "Account-based campaigns", 28_000, "acquire", segment="Enterprise", spread=0.15),
    Line("marketing", "Customer conference", 46_000, "retain", vendor="Hallenwerk Messen", months=(6,)),
    Line("marketing", "Customer newsletter", 8_500, "retain", vendor=MAILING),
    _licences("marketing", "CRM licences", 7_000, CRM),
    _licences("marketing", "Marketing automation", 9_600, MAILING),
    _licences("marketing", "Webinar licences", 3_900, WEBINARS, currency=CURRENCY),
    _people("sales", "Salaries, enterprise team", 108_000, "acquire", segment="Enterprise"),
    _people("sales", "Salaries, mid-market team", 112_000, "acquire", segment="Mid-market"),
    _people("sales", "Salaries, small-business team", 66_000, "acquire", segment="Small business"),
    Line("sales", "Salaries, sales development", 58_000, "acquire", channel="outbound", spread=0.01),
    _people("sales", "Salaries, account management", 172_000, "retain"),
    Line("sales", "Commissions, new business", 66_000, "acquire", months=(3, 6, 9, 12), spread=0.1),
    Line("sales", "Commissions, renewals", 40_000, "retain", months=(3, 6, 9, 12), spread=0.1),
    Line("sales", "Commissions to partners", 32_000, "acquire", channel="partner", spread=0.2),
    Line("sales", "Travel", 22_000, "both", spread=0.2),
    _licences("sales", "CRM licences", 20_000, CRM),
    _licences("sales", "Telephony", 5_200, TELEPHONY, currency=CURRENCY),
    _people("support", "Salaries", 176_000, "both"),
    _licences("support", "Help desk licences", 12_500, CRM),
    _licences("support", "Telephony", 6_800, TELEPHONY, currency=CURRENCY),
    Line("support", OUTSIDE, 7_000, "both", vendor="Rufbereit Services", spread=0.1),
    _people("customer success", "Salaries", 214_000, "retain"),
    Line("customer success", "Training and travel", 36_000, "retain", spread=0.2),
    Line("customer success", "Webinar licences", 3_100, "retain", vendor=WEBINARS, spread=0.01),
    _people("product", "Salaries", 1_460_000, "both"),
    Line("product", "Hosting", 236_000, "both", vendor="Nordwolke", currency="USD", spread=0.03),
    Line("product", "Development tools", 41_000, "both", vendor="Kodebrett", currency="USD", spread=0.05),
)  # fmt: skip
FACTORS = {  # what changed a line, from one month to before another: more advertising, help after a faulty release
    ("marketing", SEARCH): (CAMPAIGN_ON.astype("datetime64[M]"), END.astype("datetime64[M]"), 2.6),
    ("support", OUTSIDE): (RELEASE_ON.astype("datetime64[M]"), np.datetime64("2026-09"), 9.0),
}
CREDIT_ON, CREDIT_SHARE = np.datetime64("2026-02"), 0.35  # clicks that the search engine found to be invalid


def make_spend(seed: int, customers: int) -> pd.DataFrame:
    """The canonical table: one row per month and line of the ledger, and a credit note."""
    rng = stream(seed, "spend")
    months = np.arange(START.astype("datetime64[M]"), END.astype("datetime64[M]"))
    found = pd.concat(list(_spent(rng, months, customers / 300)), ignore_index=True)
    found = pd.concat([found, _credit(found)], ignore_index=True)
    found = found[found.amount != 0]
    return found.sort_values(["month", "department", "category"], kind="stable", ignore_index=True)


def _spent(rng: np.random.Generator, months: np.ndarray, size: float) -> Iterator[pd.DataFrame]:
    """The months of each line."""
    grown = GROWTH ** ((months - BUDGETED_ON).astype(int) / 12)
    for line in LINES:
        paid = np.isin(months.astype(int) % 12 + 1, line.months) / len(line.months)
        since, until, factor = FACTORS.get((line.department, line.category), (months[0], months[0], 1.0))
        changed = np.where((months >= since) & (months < until), factor, 1.0)
        uneven = np.exp(line.spread * rng.standard_normal(len(months)))
        yield pd.DataFrame(
            {
                "month": months.astype("datetime64[D]"),
                "department": line.department,
                "category": line.category,
                "amount": (size * line.budget * paid * grown * changed * uneven).round(2),
                "currency": line.currency,
                "purpose": line.purpose,
                "vendor": line.vendor,
                "channel": line.channel,
                "segment": line.segment,
            }
        )


def _credit(found: pd.DataFrame) -> pd.DataFrame:
    """Part of a month's search advertising, given back."""
    row = found[(found.category == SEARCH) & (found.month == CREDIT_ON)]
    return row.assign(category=f"{SEARCH}, credit note", amount=(-CREDIT_SHARE * row.amount).round(2))
