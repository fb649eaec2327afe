"""Time to value: how long customers wait for what they bought, and where those days go (cards K01 and K02)."""

from helpers.kpis.time_to_value.cards import ttv, ttv_stages
from helpers.kpis.time_to_value.tables import (
    cohorts_compared,
    improvements_made,
    recent_timelines,
    stage_contributions,
    still_waiting,
    value_by_customer,
    value_curve,
    waiting_for,
)
