"""Unit economics: what a new customer costs, and what it brings while it stays (cards K16 to K19, G02)."""

from helpers.kpis.unit_economics.cards import cac, cac_payback, ltv, ltv_cac, sales_total

__all__ = ["cac", "cac_payback", "ltv", "ltv_cac", "sales_total"]
