"""Cash: what is there, what is spent of it, what that buys, and how long it lasts (cards K26 to K28)."""

from helpers.kpis.cash.cards import burn_multiple, cash, runway
from helpers.kpis.cash.tables import movements_by_category
