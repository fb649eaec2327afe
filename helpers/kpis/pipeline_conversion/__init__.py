"""Pipeline conversion: how many records become customers, how long it takes, and what the pipeline is worth a day.

Cards K11 to K13.
"""

from helpers.kpis.pipeline_conversion.cards import funnel_cohort, funnel_period, funnel_velocity
from helpers.kpis.pipeline_conversion.tables import funnel_cohorts, funnel_steps, open_pipeline, stage_activity
