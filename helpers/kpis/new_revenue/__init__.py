"""New revenue: what was newly booked, by what it comes from, and how that compares (cards K14 and K15)."""

from helpers.kpis.new_revenue.cards import new_revenue, revenue_growth
from helpers.kpis.new_revenue.tables import bookings_by_source, largest_deals, one_off_amounts
