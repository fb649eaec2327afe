"""What the made-up company spends, as its ledger has it: month by month, department by department.

A line of the ledger is a yearly budget of a company of three hundred customers; budgets grow by the year and with the
customers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sample.accounts import CURRENCY
from sample.time_and_chance import CAMPAIGN_ON, END, RELEASE_ON, months_of_history, stream

GROWTH = 1.10  # of every budget, by the year
BUDGETED_ON = np.datetime64("2026-04")  # the middle of the year that the budgets below are of
ALL_YEAR = tuple(range(1, 13))
CRM, MAILING, TELEPHONY, WEBINARS = "Ordvik CRM", "Brevanto", "Klarruf", "Seminova"  # paid by several departments
SEARCH = "Search advertising"
STEADY = 0.01  # the spread of salaries and licences
MORE_ADVERTISING = (CAMPAIGN_ON.astype("datetime64[M]"), END.astype("datetime64[M]"), 2.6)
HELP_AFTER_THE_RELEASE = (RELEASE_ON.astype("datetime64[M]"), np.datetime64("2026-09"), 9.0)
CREDIT_ON, CREDIT_SHARE = np.datetime64("2026-02"), 0.35  # clicks that the search engine found to be invalid


@dataclass(frozen=True)
class Line:
    """One line of the ledger.

    ``budget`` is spread over its ``months``, and ``spread`` says how uneven these are. ``raised``: from one month to
    before another, the line is so many times its budget.
    """

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
    raised: tuple[np.datetime64, np.datetime64, float] | None = None


LINES = (
    Line("marketing", "Salaries", 168_000, "acquire", spread=STEADY),
    Line(
        "marketing", SEARCH, 40_000, "acquire", vendor="Suchwerft", channel="paid search", segment="Small business",
        spread=0.08, raised=MORE_ADVERTISING,
    ),
    Line(
        "marketing", "Content and search optimisation", 40_000, "acquire", vendor="Federstrich Texte",
        channel="inbound", spread=0.12,
    ),
    Line(
        "marketing", "Trade fairs", 70_000, "acquire", vendor="Hallenwerk Messen", channel="events",
        months=(3, 5, 9, 10), spread=0.1,
    ),
    Line(
        "marketing", "Trade fairs, United States", 20_000, "acquire", vendor="Fieldline Expo", channel="events",
        currency="USD", months=(4,), spread=0.1,
    ),
    Line("marketing", "Partner programme", 24_000, "acquire", channel="partner", spread=0.12),
    Line("marketing", "Referral rewards", 14_000, "acquire", channel="referral", spread=0.12),
    Line("marketing", "Account-based campaigns", 28_000, "acquire", segment="Enterprise", spread=0.15),
    Line("marketing", "Customer conference", 46_000, "retain", vendor="Hallenwerk Messen", months=(6,)),
    Line("marketing", "Customer newsletter", 8_500, "retain", vendor=MAILING),
    Line("marketing", "CRM licences", 7_000, "both", vendor=CRM, currency="USD", spread=STEADY),
    Line("marketing", "Marketing automation", 9_600, "both", vendor=MAILING, currency="USD", spread=STEADY),
    Line("marketing", "Webinar licences", 3_900, "both", vendor=WEBINARS, spread=STEADY),
    Line("sales", "Salaries, enterprise team", 108_000, "acquire", segment="Enterprise", spread=STEADY),
    Line("sales", "Salaries, mid-market team", 112_000, "acquire", segment="Mid-market", spread=STEADY),
    Line("sales", "Salaries, small-business team", 66_000, "acquire", segment="Small business", spread=STEADY),
    Line("sales", "Salaries, sales development", 58_000, "acquire", channel="outbound", spread=STEADY),
    Line("sales", "Salaries, account management", 172_000, "retain", spread=STEADY),
    Line("sales", "Commissions, new business", 66_000, "acquire", months=(3, 6, 9, 12), spread=0.1),
    Line("sales", "Commissions, renewals", 40_000, "retain", months=(3, 6, 9, 12), spread=0.1),
    Line("sales", "Commissions to partners", 32_000, "acquire", channel="partner", spread=0.2),
    Line("sales", "Travel", 22_000, "both", spread=0.2),
    Line("sales", "CRM licences", 20_000, "both", vendor=CRM, currency="USD", spread=STEADY),
    Line("sales", "Telephony", 5_200, "both", vendor=TELEPHONY, spread=STEADY),
    Line("support", "Salaries", 176_000, "both", spread=STEADY),
    Line("support", "Help desk licences", 12_500, "both", vendor=CRM, currency="USD", spread=STEADY),
    Line("support", "Telephony", 6_800, "both", vendor=TELEPHONY, spread=STEADY),
    Line(
        "support", "Agents from outside", 7_000, "both", vendor="Rufbereit Services", spread=0.1,
        raised=HELP_AFTER_THE_RELEASE,
    ),
    Line("customer success", "Salaries", 214_000, "retain", spread=STEADY),
    Line("customer success", "Training and travel", 36_000, "retain", spread=0.2),
    Line("customer success", "Webinar licences", 3_100, "retain", vendor=WEBINARS, spread=STEADY),
    Line("product", "Salaries", 1_460_000, "both", spread=STEADY),
    Line("product", "Hosting", 236_000, "both", vendor="Nordwolke", currency="USD", spread=0.03),
    Line("product", "Development tools", 41_000, "both", vendor="Kodebrett", currency="USD", spread=0.05),
)  # fmt: skip


def make_spend(seed: int, customers: int) -> pd.DataFrame:
    """The canonical table: one row per month and line of the ledger, and a credit note."""
    spend = pd.concat(list(_spent(stream(seed, "spend"), customers / 300)), ignore_index=True)
    spend = pd.concat([spend, _credit_note(spend)], ignore_index=True)
    spend = spend[spend.amount != 0]
    return spend.sort_values(["month", "department", "category"], kind="stable", ignore_index=True)


def _spent(rng: np.random.Generator, size: float) -> Iterator[pd.DataFrame]:
    """The months of each line."""
    months = months_of_history()
    grown = GROWTH ** ((months - BUDGETED_ON).astype(int) / 12)
    for line in LINES:
        paid = np.isin(months.astype(int) % 12 + 1, line.months) / len(line.months)
        since, until, factor = line.raised or (months[0], months[0], 1.0)
        raised = np.where((months >= since) & (months < until), factor, 1.0)
        uneven = np.exp(line.spread * rng.standard_normal(len(months)))
        yield pd.DataFrame(
            {
                "month": months.astype("datetime64[D]"),
                "department": line.department,
                "category": line.category,
                "amount": (size * line.budget * paid * grown * raised * uneven).round(2),
                "currency": line.currency,
                "purpose": line.purpose,
                "vendor": line.vendor,
                "channel": line.channel,
                "segment": line.segment,
            }
        )


def _credit_note(spend: pd.DataFrame) -> pd.DataFrame:
    """Part of a month's search advertising, given back."""
    row = spend[(spend.category == SEARCH) & (spend.month == CREDIT_ON)]
    return row.assign(category=f"{SEARCH}, credit note", amount=(-CREDIT_SHARE * row.amount).round(2))
