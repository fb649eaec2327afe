"""KPI experiments: what is tried before anybody believes it, and what it came to.

Cards C08 (links), C09 (controlled experiments) and G04 (back-tests).
"""

from helpers.kpis.kpi_experiments.cards import backtest, cpi_kpi_link, experiment
from helpers.kpis.kpi_experiments.tables import (
    backtested_scores,
    cpi_links,
    effects,
    experiments,
    feasibility,
    guardrails,
)
