"""Whether departments pull in one direction (G01), and no KPI of the whole company rewards the wrong thing (G02).

Everything here is read from the review; no figure is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from helpers.catalogue import CATALOGUE
from helpers.language import _, message
from helpers.registries import Conflict, Department, RegisteredKpi

MOST_KPIS = 3  # headline KPIs that a department can keep its eyes on


@dataclass(frozen=True)
class Opposed:
    """KPIs that pull against each other wherever two departments are held to them, unless one holds a third."""

    one: Sequence[str]
    other: Sequence[str]
    why: str
    unless: Sequence[str] = ()

    def parts(self, first: str, second: str) -> bool:
        """Whether the two are a pair of this kind, in either order."""
        return any(_is(a, self.one) and _is(b, self.other) for a, b in ((first, second), (second, first)))


OPPOSED = (
    Opposed(
        ("paid_conversion", "paid_conversion_rate", "trial_conversion"),
        ("demos", "demo_count", "demos_held", "number_of_demos"),
        message("more demos to whoever asks lower the share of those who pay"),
    ),
    Opposed(
        ("mql", "mqls", "mql_count", "marketing_qualified_leads"),
        ("lead_acceptance", "sql_acceptance", "mql_to_sql"),
        message("every lead counted for the one is a lead to be turned down in the other, whose denominator it is"),
    ),
    Opposed(
        ("cac", "cac_sm", "cac_full", "cac_sm_quarter", "cac_full_quarter"),
        ("new_logos", "new_customers", "new_logo_count", "new_revenue[new_logo]"),
        message("cheap customers are not many, and many are not cheap, as long as nobody asks what they are worth"),
        unless=("ltv", "ltv_orders", "ltv_margin", "ltv_km", "ltv_net", "ltv_cac"),
    ),
    Opposed(
        ("discount_bookings", "discounted_bookings", "discount_led_bookings"),
        ("nrr", "nrr_quarter"),
        message("who was won by a discount leaves, or pays less, when it ends"),
    ),
    Opposed(
        ("response_time", "first_response_time"),
        ("first_contact_resolution", "fcr"),
        message("the fastest answer is not the one that settles the question"),
    ),
)

TOTALS = ("sales_total", "new_revenue", "revenue_growth", "revenue_growth_yoy")  # of the catalogue
TOTAL_WORDS = re.compile(
    r"\b(bookings?|quotas?|turnover)\b|\b(total|gross|overall|all|company|company-wide)\b.*\b(revenues?|sales)\b"
    r"|\b(revenues?|sales) (of|in) the (company|group|quarter|year)\b|^(revenues?|sales)$"
)
PART_WORDS = re.compile(r"\b(recurring|retention|churn|by source|share|ratio|per)\b")
WHY_NOT_GROSS = message(
    "the sum of what was sold tells nobody what to do next. It rises with a price increase, with discounts that pull "
    "in next quarter's deals, with services sold in place of the product, and with one large customer outside the "
    "target"
)


@dataclass(frozen=True)
class Opposition:
    """Two KPIs of two departments that pull against each other; ``joint`` is the one that both are held to instead."""

    first: str
    second: str
    why: str
    joint: str = ""
    joint_is_held: bool = True


@dataclass(frozen=True)
class Pair:
    """Two departments: what they share, and where they are opposed. Neighbours hand customers over."""

    first: Department
    second: Department
    are_neighbours: bool
    shared: Sequence[str]
    opposed: Sequence[Opposition]

    @property
    def lacks_shared(self) -> bool:
        return self.are_neighbours and not self.shared

    @property
    def conflicts(self) -> list[Opposition]:
        return [each for each in self.opposed if not (each.joint and each.joint_is_held)]


def pairs(departments: Sequence[Department], conflicts: Sequence[Conflict] = ()) -> list[Pair]:
    """Every two departments that hand over to each other or are opposed, in hand-over order.

    >>> [first, second] = pairs([Department(name="A", kpi_ids=["nrr"]), Department(name="B", kpi_ids=["nrr", "arr"]),
    ...                          Department(name="C", kpi_ids=["mrr"])])
    >>> first.shared, second.lacks_shared
    (('nrr',), True)
    """
    found = []
    for (i, first), (j, second) in combinations(enumerate(departments), 2):
        shared = tuple(kpi_id for kpi_id in dict.fromkeys(first.kpi_ids) if kpi_id in second.kpi_ids)
        found.append(Pair(first, second, j == i + 1, shared, list(_oppositions(first, second, conflicts))))
    return [pair for pair in found if pair.are_neighbours or pair.opposed]


def _oppositions(first: Department, second: Department, conflicts: Sequence[Conflict]) -> Iterator[Opposition]:
    held = {*first.kpi_ids, *second.kpi_ids}
    for a in dict.fromkeys(first.kpi_ids):
        for b in dict.fromkeys(second.kpi_ids):
            declared = next((c for c in conflicts if set(c.pair) == {a, b}), None)
            known = next((k for k in OPPOSED if k.parts(a, b) and not any(_is(h, k.unless) for h in held)), None)
            if a != b and (declared or known):
                joint = declared.joint if declared else ""
                both = joint in first.kpi_ids and joint in second.kpi_ids
                yield Opposition(a, b, known.why if known else DECLARED, joint, both)


def _is(kpi_id: str, names: Sequence[str]) -> bool:
    """Whether a KPI, or the whole of which it is a segment, is one of these."""
    return kpi_id in names or kpi_id.partition("[")[0] in names


DECLARED = message("declared in the review")
Verdict = Literal["allowed", "refused", "overridden"]


def guard(kpi: RegisteredKpi) -> Verdict:
    """Whether a KPI may be one of the whole company (G02).

    >>> guard(RegisteredKpi(kpi_id="nrr", company_wide=True)), guard(RegisteredKpi(kpi_id="sales_total"))
    ('allowed', 'allowed')
    >>> guard(RegisteredKpi(kpi_id="sales_total", company_wide=True))
    'refused'
    """
    if not (kpi.company_wide and is_gross(kpi)):
        return "allowed"
    return "overridden" if kpi.override_reason.strip() else "refused"


def is_gross(kpi: RegisteredKpi) -> bool:
    """Whether a KPI is the sum of revenue, bookings or quotas: known ones by their id, others by their own words.

    >>> is_gross(RegisteredKpi(kpi_id="topline", external=True, definition="Total revenue of the group"))
    True
    >>> is_gross(RegisteredKpi(kpi_id="monthly_sales", external=True, definition="Recurring revenue per customer"))
    False
    """
    if kpi.kpi_id in CATALOGUE or kpi.kpi_id in TOTALS:
        return kpi.kpi_id in TOTALS
    texts = [kpi.kpi_id.replace("_", " ").lower(), " ".join(kpi.definition.lower().split())]
    return any(TOTAL_WORDS.search(text) for text in texts) and not any(PART_WORDS.search(text) for text in texts)


def standing_warnings(kpis: Sequence[RegisteredKpi]) -> list[str]:
    """What stands above the page of every pack as long as a sum of sales is a KPI of the whole company."""
    words = {
        "refused": _(
            "{kpi} is refused as a KPI of the whole company: {why}. Hold departments to new bookings by source, to "
            "recurring revenue or to retention instead."
        ),
        "overridden": _("{kpi} is a KPI of the whole company although {why}. The reason given: {reason}"),
    }
    return [
        words[verdict].format(kpi=kpi.kpi_id, why=_(WHY_NOT_GROSS), reason=kpi.override_reason)
        for kpi in kpis
        if (verdict := guard(kpi)) in words
    ]
