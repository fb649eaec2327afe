"""Unit economics: what a new customer costs, and what it brings while it stays (cards K16 to K19, G02)."""

from helpers.kpis.unit_economics.cards import cac, cac_payback, ltv, ltv_cac, sales_total
from helpers.kpis.unit_economics.tables import (
    acquisition_by_channel,
    lifetime_values,
    sales_bridge,
    shared_vendors,
    spend_by_department,
)
