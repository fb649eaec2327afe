"""Recurring revenue: what customers pay month by month, how it moved, and who stays (cards K20 to K25)."""

from helpers.kpis.recurring_revenue.cards import arr, churn, mrr, mrr_movements, quick_ratio, renewals, retention

__all__ = ["arr", "churn", "mrr", "mrr_movements", "quick_ratio", "renewals", "retention"]
