"""Inactive customers: who stopped using what they pay for, and whom to call (cards K03 and K04)."""

from helpers.kpis.inactive_customers.cards import inactive_customers
from helpers.kpis.inactive_customers.tables import call_list, not_asked, silence_by_owner, silence_by_week

__all__ = ["call_list", "inactive_customers", "not_asked", "silence_by_owner", "silence_by_week"]
