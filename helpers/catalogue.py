"""One row per ``kpi_id``: what it is called, its unit, which direction is good, and the card that defines it.

The names are those of the specification, section 11; they are the keys of results, targets and OKRs.
A value's format comes from its unit, never from its size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from helpers.errors import KitError, nearest

Unit = Literal[
    "money", "money_per_month", "money_per_day", "share", "ratio", "hours", "days", "weeks", "months", "count"
]  # fmt: skip
TIMES = ("hours", "days", "weeks", "months")
Direction = Literal["up", "down", "neutral"]


@dataclass(frozen=True)
class Kpi:
    """One KPI.

    ``card`` is the function ``helpers.kpis.<theme>.<card>`` whose docstring defines it.
    ``judged`` is the series that its signal is read from (months where there are enough, else quarters);
    empty for stocks that only grow and for overlapping windows, which carry no limits (specification T4).
    ``headline`` KPIs stand in the scorecard.
    ``window`` names the parameter that says over how many months, or quarters, the KPI looks.
    ``floor`` and ``ceiling`` are the ends of what the KPI can be by its definition; limits are not shown beyond them.
    """

    kpi_id: str
    theme: str
    card: str
    label: str
    unit: Unit
    direction: Direction
    judged: Literal["month", "quarter", ""] = ""
    headline: bool = False
    monthly: bool = False
    window: str = ""
    floor: float | None = None
    ceiling: float | None = None


def _kpis(theme: str, card: str, *rows: tuple[str, str, Unit, Direction, str]) -> list[Kpi]:
    """Rows of one card; the last field: month, quarter (judged on), headline, monthly, window:…, min:…, max:…."""
    found = []
    for kpi_id, label, unit, direction, words in rows:
        marks = words.split()
        judged: Literal["month", "quarter", ""] = (
            "month" if "month" in marks else "quarter" if "quarter" in marks else ""
        )
        monthly = judged == "month" or "monthly" in marks
        said = dict(mark.split(":") for mark in marks if ":" in mark)
        floor, ceiling = (float(said[end]) if end in said else None for end in ("min", "max"))
        more = ("headline" in marks, monthly, said.get("window", ""), floor, ceiling)
        found.append(Kpi(kpi_id, theme, card, label, unit, direction, judged, *more))
    return found


_ROWS = [
    *_kpis(
        "time_to_value",
        "ttv",
        ("ttv_median", "Time to value, median", "days", "down", "headline"),
        ("ttv_mean", "Time to value, mean of those who have it", "days", "down", ""),
        ("ttv_reached_share", "Customers that have reached value", "share", "up", "headline"),
        ("ttv_rmst", "Time to value, restricted mean", "days", "down", ""),
    ),
    *_kpis(
        "time_to_value",
        "ttv_stages",
        ("ttv_stage_days", "Days to value by stage", "days", "down", ""),
        ("ttv_flow_efficiency", "Flow efficiency on the way to value", "share", "up", ""),
        ("ttv_paid_days_without_value", "Paid days without value", "days", "down", ""),
        ("ttv_paid_without_value", "Paid before value", "money", "down", ""),
    ),
    *_kpis(
        "inactive_customers",
        "inactive_customers",
        ("inactive_customers", "Inactive customers", "count", "down", "month headline min:0"),
        ("inactive_rate", "Inactive customers, share of those asked", "share", "down", "month headline min:0 max:1"),
        ("newly_silent", "Newly silent in the last 7 days", "count", "down", "monthly"),
        ("returned", "Returned in the last 7 days", "count", "up", "monthly"),
    ),
    *_kpis(
        "product_activity",
        "pac_user",
        ("pac_users", "Users by active weeks", "count", "neutral", ""),
        ("pac_power_share", "Power users (active in 6 or 7 of 7 weeks)", "share", "up", "quarter headline min:0 max:1"),
    ),
    *_kpis(
        "product_activity",
        "pac_account",
        ("pac_accounts", "Customers by active weeks", "count", "neutral", ""),
        ("pac_breadth", "Breadth: users active in 28 days", "share", "up", "quarter headline min:0 max:1"),
        ("pac_mean", "Product activity coefficient (PAC), mean", "weeks", "up", "quarter min:0 max:7"),
    ),
    *_kpis(
        "product_activity",
        "pac_movement",
        ("pac_moves", "Users whose activity moved", "count", "neutral", ""),
    ),
    *_kpis(
        "product_activity",
        "feature_adoption",
        ("feature_adoption", "Feature adoption", "share", "up", ""),
    ),
    *_kpis(
        "product_activity",
        "seat_utilisation",
        ("seat_utilisation", "Seat utilisation", "share", "up", "quarter headline min:0"),
    ),
    *_kpis(
        "product_activity",
        "quota_usage",
        ("quota_usage", "Quota used", "share", "neutral", ""),
        ("quota_projected", "Quota, projected to the end of its window", "share", "neutral", ""),
    ),
    *_kpis(
        "pipeline_conversion",
        "funnel_cohort",
        ("funnel_reached", "Records that reached the stage", "count", "up", ""),
        ("funnel_step_rate", "Step conversion", "share", "up", ""),
        ("funnel_conversion", "Pipeline conversion", "share", "up", "quarter headline min:0 max:1"),
        ("lead_acceptance", "Lead acceptance (SQL / MQL)", "share", "up", "quarter min:0 max:1"),
    ),
    *_kpis(
        "pipeline_conversion",
        "funnel_period",
        ("funnel_activity_ratio", "Activity ratio", "share", "neutral", ""),
    ),
    *_kpis(
        "pipeline_conversion",
        "funnel_velocity",
        ("win_rate", "Win rate", "share", "up", "month headline min:0 max:1"),
        ("sales_cycle_median", "Sales cycle, median", "days", "down", "headline"),
        ("sales_velocity", "Sales velocity", "money_per_day", "up", "headline"),
    ),
    *_kpis(
        "new_revenue",
        "new_revenue",
        ("new_revenue", "New bookings", "money", "up", "month headline min:0"),
    ),
    *_kpis(
        "new_revenue",
        "revenue_growth",
        ("revenue_growth", "New bookings, growth on the previous period", "share", "up", ""),
        ("revenue_growth_yoy", "New bookings, growth on a year ago", "share", "up", "headline"),
    ),
    *_kpis(
        "recurring_revenue",
        "mrr",
        ("mrr", "Monthly recurring revenue (MRR)", "money_per_month", "up", "monthly headline"),
        ("paying_customers", "Paying customers", "count", "up", "monthly headline"),
        ("arpa", "Average revenue per account (ARPA)", "money_per_month", "up", "monthly"),
    ),
    *_kpis(
        "recurring_revenue",
        "arr",
        ("arr", "Annual recurring revenue (ARR)", "money", "up", "monthly"),
        ("new_arr", "New ARR", "money", "up", "month min:0"),
    ),
    *_kpis(
        "recurring_revenue",
        "mrr_movements",
        ("mrr_opening", "Opening MRR", "money_per_month", "neutral", "monthly"),
        ("mrr_new", "New MRR", "money_per_month", "up", "month min:0"),
        ("mrr_reactivation", "Reactivation MRR", "money_per_month", "up", "month min:0"),
        ("mrr_expansion", "Expansion MRR", "money_per_month", "up", "month min:0"),
        ("mrr_contraction", "Contraction MRR", "money_per_month", "up", "month max:0"),
        ("mrr_churn", "Churn MRR", "money_per_month", "up", "month max:0"),
        ("mrr_fx", "Currency effect on MRR", "money_per_month", "neutral", "monthly"),
        ("net_new_mrr", "Net new MRR", "money_per_month", "up", "month headline"),
        ("mrr_intra_period", "MRR that came and went between snapshots", "money_per_month", "neutral", "monthly"),
    ),
    *_kpis(
        "recurring_revenue",
        "retention",
        ("nrr", "Net revenue retention (NRR)", "share", "up", "headline window:retention_months"),
        ("grr", "Gross revenue retention (GRR)", "share", "up", "headline window:retention_months"),
        ("nrr_quarter", "Net revenue retention (NRR), quarter alone", "share", "up", "quarter min:0"),
        ("grr_quarter", "Gross revenue retention (GRR), quarter alone", "share", "up", "quarter min:0 max:1"),
    ),
    *_kpis(
        "recurring_revenue",
        "churn",
        ("logo_churn", "Logo churn", "share", "down", "headline window:retention_months"),
        ("revenue_churn", "Revenue churn", "share", "down", "window:retention_months"),
        ("logo_churn_quarter", "Logo churn, quarter alone", "share", "down", "quarter min:0 max:1"),
        ("revenue_churn_quarter", "Revenue churn, quarter alone", "share", "down", "quarter min:0 max:1"),
    ),
    *_kpis(
        "recurring_revenue",
        "renewals",
        ("renewal_rate", "Renewal rate", "share", "up", "quarter headline min:0 max:1"),
        ("renewal_rate_arr", "Renewal rate by ARR", "share", "up", "quarter min:0"),
        ("arr_due_90", "ARR due in the next 90 days", "money", "neutral", ""),
        ("arr_due_180", "ARR due in the next 180 days", "money", "neutral", ""),
        ("top10_share", "Share of MRR of the ten largest customers", "share", "neutral", ""),
    ),
    *_kpis(
        "recurring_revenue",
        "quick_ratio",
        ("quick_ratio", "Quick ratio", "ratio", "up", "quarter min:0"),
    ),
    *_kpis(
        "unit_economics",
        "cac",
        ("cac_sm", "Acquisition cost (CAC), sales and marketing", "money", "down", "window:cac_window_quarters"),
        ("cac_full", "Acquisition cost (CAC), with support", "money", "down", "headline window:cac_window_quarters"),
        ("cac_sm_quarter", "CAC, sales and marketing, quarter alone", "money", "down", "quarter min:0"),
        ("cac_full_quarter", "CAC, with support, quarter alone", "money", "down", "quarter min:0"),
        ("new_customers", "New customers", "count", "up", "quarter min:0"),
    ),
    *_kpis(
        "unit_economics",
        "cac_payback",
        ("cac_payback", "CAC payback", "months", "down", "headline window:cac_window_quarters"),
    ),
    *_kpis(
        "unit_economics",
        "ltv",
        ("ltv_orders", "Lifetime value (LTV) from orders", "money", "up", ""),
        ("ltv_margin", "Lifetime value (LTV) from churn", "money", "up", ""),
        ("ltv_km", "Lifetime value (LTV) from customer lives", "money", "up", "window:ltv_horizon_months"),
        ("ltv_net", "Lifetime value (LTV) net of CAC", "money", "up", "window:ltv_horizon_months"),
    ),
    *_kpis(
        "unit_economics",
        "ltv_cac",
        ("ltv_cac", "LTV:CAC", "ratio", "up", "headline window:ltv_horizon_months"),
    ),
    *_kpis(
        "unit_economics",
        "sales_total",
        ("sales_total", "Sales, won and invoiced", "money", "neutral", ""),
    ),
    *_kpis(
        "kpi_alignment",
        "okr",
        ("okr_progress", "Progress of objectives", "share", "up", ""),
    ),
]

CATALOGUE: dict[str, Kpi] = {row.kpi_id: row for row in _ROWS}
THEMES: tuple[str, ...] = tuple(dict.fromkeys(row.theme for row in _ROWS))


def theme_title(theme: str) -> str:
    """A theme as pages name it.

    >>> theme_title("new_revenue"), theme_title("kpi_alignment")
    ('New revenue', 'KPI alignment')
    """
    words = theme.replace("_", " ")
    return f"{words[:1].upper()}{words[1:]}".replace("Kpi ", "KPI ")


def kpi(kpi_id: str) -> Kpi:
    """The catalogue row of a KPI.

    >>> kpi("nrr").unit
    'share'
    """
    try:
        return CATALOGUE[kpi_id]
    except KeyError:
        raise KitError(f"{kpi_id!r} is not a KPI{nearest(kpi_id, CATALOGUE)}") from None


def ids_of(card: str) -> list[str]:
    """The KPIs that one card defines, in catalogue order.

    >>> ids_of("arr")
    ['arr', 'new_arr']
    """
    return [row.kpi_id for row in _ROWS if row.card == card]
