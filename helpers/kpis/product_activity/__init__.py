"""Product activity: how much customers use what they pay for, user by user and account by account (K05 to K10)."""

from helpers.kpis.product_activity.cards import (
    feature_adoption,
    pac_account,
    pac_movement,
    pac_user,
    quota_usage,
    seat_utilisation,
)
from helpers.kpis.product_activity.tables import (
    account_activity,
    accounts_down,
    feature_gaps,
    gaps_by_customer,
    movement_matrix,
    quotas_by_customer,
    seats_by_customer,
)
