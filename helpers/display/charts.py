"""The charts of the pack, each a function of the results, ``f(results, …) -> Chart``, or of a table: ``f(table)``.

The notation is the same on every page (see ``palette``). Every chart has a title (what, unit, period), one sentence
computed from its numbers that is also its alternative text, and its table. What is too little to draw is told instead.
"""

from __future__ import annotations

from helpers.display.activity_charts import bullets, flows, histogram
from helpers.display.alignment_chart import alignment
from helpers.display.cascade_chart import cascade
from helpers.display.column_charts import paired
from helpers.display.context import Results, Series
from helpers.display.curve_chart import curve
from helpers.display.customer_charts import dots, timelines
from helpers.display.drawing import Chart, apply_style
from helpers.display.grid_charts import heat_map, matrix
from helpers.display.history import History
from helpers.display.pace_chart import pace
from helpers.display.segment_charts import bars, funnel
from helpers.display.series_charts import lines, xmr
from helpers.display.stack_charts import stacked
from helpers.display.waterfall_chart import waterfall

__all__ = [
    "Chart", "alignment", "apply_style", "bars", "bullets", "cascade", "columns", "curve", "dots", "flows", "funnel",
    "heat_map", "histogram", "lines", "matrix", "pace", "timelines", "waterfall", "xmr",
]  # fmt: skip


def columns(results: Results, kpi_id: str, kind: Series | None = None, segment_by: str = "") -> Chart:
    """One KPI over time as columns from zero; hatched is what is not final.

    Without ``segment_by``, beside each column stands the lighter one of the year before, and the target of the review
    period is outlined. With it, columns are stacked by segment, of a KPI whose segments add up.

    Raises:
        KitError: the KPI is a rate or a median, whose segments do not add up.
    """
    history = History(results, [kpi_id], kind or results.period.kind)
    return stacked(results, history, segment_by) if segment_by else paired(results, history)
