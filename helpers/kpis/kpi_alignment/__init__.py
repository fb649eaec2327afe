"""KPI alignment: objectives, departments and what they share, every KPI as an experiment (cards G01 to G03, G05)."""

from helpers.kpis.kpi_alignment.cards import okr
from helpers.kpis.kpi_alignment.departments import standing_warnings
from helpers.kpis.kpi_alignment.tables import alignment_matrix, hand_overs, held_cpis, kpi_register
