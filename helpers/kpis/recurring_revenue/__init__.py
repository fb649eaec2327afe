"""Recurring revenue: what customers pay month by month, how it moved, and who stays (cards K20 to K25)."""

from helpers.kpis.recurring_revenue.cards import arr, churn, mrr, mrr_movements, quick_ratio, renewals, retention
from helpers.kpis.recurring_revenue.tables import (
    churn_reasons,
    customer_life,
    intra_period_customers,
    lost_and_stayed,
    lost_customers,
    renewals_due,
    top_movers,
)
