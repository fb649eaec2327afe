"""Inactive customers: who stopped using what they pay for, what is at risk with them, whom to call (K03, K04)."""

from helpers.kpis.inactive_customers.cards import inactive_customers, money_at_risk, warning
from helpers.kpis.inactive_customers.tables import call_list, not_asked, silence_by_owner, silence_by_week, warned
