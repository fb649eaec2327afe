"""What is set once in a notebook, so that whatever it displays can travel into the pack."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pandas as pd

from helpers.display.context import MIME_TABLE, Results

INLINE = "module://matplotlib_inline.backend_inline"
NOTEBOOK_STYLE = """<style>
.kpi-blocks{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:1.25rem 2rem;margin:1rem 0}
.kpi-block{border-top:2px solid currentColor;padding-top:.5rem;overflow-wrap:anywhere}
.kpi-block p{margin:0 0 .3rem}
.kpi-block .num{font-size:1.8rem;line-height:1.2}
.kpi-block .num small{font-size:.9rem}
.kpi-block img{background:#fff}
.kpi-good{color:#0b6670}
.kpi-bad{color:#a63c06}
.kpi-chart{margin:1rem 0;max-width:52rem}
.kpi-chart img{display:block;max-width:100%;background:#fff;margin:.5rem 0}
.kpi-table{overflow-x:auto}
.kpi-table caption{caption-side:top;text-align:left;font-weight:600}
.kpi-table th[scope=row]{font-weight:400}
.kpi-table th:not(.num),.kpi-table td:not(.num){text-align:left}
.kpi-table th,.kpi-table td{overflow-wrap:anywhere;max-width:24rem}
.num{font-variant-numeric:tabular-nums lining-nums}
.kpi-table .num{text-align:right;white-space:nowrap}
.kpi-note{font-size:.9em;max-width:46rem}
</style>"""


def _whole_table(frame: pd.DataFrame) -> Any:
    """The table that a plain DataFrame carries, all of it: pandas would leave out, untold, what is beyond max_rows."""
    return json.loads(frame.to_json(orient="table"))


def set_up_notebook() -> None:
    """Plain DataFrames carry their table, matplotlib draws SVG in the pack's style, libraries complain less.

    The look of blocks and tables is displayed once, for JupyterLab; the pack has its own and shows nothing of it. Nor
    does it show the overview of the figures, which JupyterLab does.
    """
    pd.options.display.html.table_schema = True
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", message=".*infer_string.*")
    from IPython import get_ipython
    from IPython.display import display

    from helpers.display.charts.frame import apply_style
    from helpers.display.overview import overview_html

    if shell := get_ipython():
        display({"text/html": NOTEBOOK_STYLE, "text/plain": ""}, raw=True)
        shell.display_formatter.formatters[MIME_TABLE].for_type(pd.DataFrame, _whole_table)
        shell.display_formatter.formatters["text/html"].for_type(Results, overview_html)
        _draw_inline(shell)
    apply_style()


def _draw_inline(shell: Any) -> None:
    """Show pyplot's figures as SVG below their cell.

    ``%matplotlib inline`` and ``%config`` do the same, but first look through all that is installed.
    """
    from IPython.core.pylabtools import activate_matplotlib
    from matplotlib_inline.backend_inline import configure_inline_support, set_matplotlib_formats

    activate_matplotlib(INLINE)
    configure_inline_support(shell, INLINE)
    set_matplotlib_formats("svg")
