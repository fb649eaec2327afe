"""The charts of the pack, each a function of the results, ``f(results, …) -> Chart``, or of a table: ``f(table)``.

The notation is the same on every page (see ``palette``). Every chart has a title (what, unit, period), one sentence
computed from its numbers that is also its alternative text, and its table. What is too little to draw is told instead.
"""

from helpers.display.charts.bars import bars, bridge, bullets, cascade, funnel, pace, variants, waterfall
from helpers.display.charts.customers import curve, dots, flows, histogram, timelines
from helpers.display.charts.frame import Chart, apply_style
from helpers.display.charts.grids import alignment, heat_map, matrix
from helpers.display.charts.intervals import intervals
from helpers.display.charts.outlook import outlook
from helpers.display.charts.over_time import columns, lines, xmr
from helpers.display.charts.risk import at_risk
from helpers.display.charts.tallies import counts, scatter

__all__ = [
    "Chart", "alignment", "apply_style", "at_risk", "bars", "bridge", "bullets", "cascade", "columns", "counts",
    "curve", "dots", "flows", "funnel", "heat_map", "histogram", "intervals", "lines", "matrix", "outlook", "pace",
    "scatter", "timelines", "variants", "waterfall", "xmr",
]  # fmt: skip
