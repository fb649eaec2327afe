"""New revenue: what was newly booked, by what it comes from, and how that compares (cards K14 and K15)."""

from helpers.kpis.new_revenue.cards import new_revenue, revenue_growth

__all__ = ["new_revenue", "revenue_growth"]
