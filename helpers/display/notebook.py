"""What is set once in a notebook: what it displays travels into the pack, and JupyterLab shows what is computed."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pandas as pd

from helpers.catalogue import kpi
from helpers.display.context import MIME_TABLE, Results
from helpers.display.formats import NOTHING, format_period, unit_note
from helpers.display.sentences import listed, why_missing, window_words
from helpers.display.shown_tables import table_html
from helpers.language import _, message
from helpers.texts import begun, spoken

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
.kpi-table th,.kpi-table td{overflow-wrap:break-word;max-width:24rem}
.num{font-variant-numeric:tabular-nums lining-nums}
.kpi-table .num{text-align:right;white-space:nowrap}
.kpi-note{font-size:.9em;max-width:46rem}
</style>"""
LEFT, RIGHT = "left", "right"
COLUMNS = {
    message("KPI"): LEFT, message("Value"): RIGHT, "": LEFT, message("On the period before"): RIGHT, "n": RIGHT,
    message("Status"): LEFT,
}  # fmt: skip
STATUSES = {"ok": message("ok"), "partial": message("partial")}


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


def overview_html(results: Results) -> str:
    """The KPIs in the order in which they were computed; all other figures are in ``results.frame``."""
    rows = [_row(results, str(kpi_id)) for kpi_id in results.frame["kpi_id"].unique()]
    count = results.write.value(len(results.frame), "count")
    table = {
        "title": _(", ").join([_("Results"), format_period(results.period.label)]),
        "columns": [{"label": _(label), "align": align} for label, align in COLUMNS.items()],
        "rows": rows,
        "values": rows,
        "note": _("{n} figures, of segments and of the periods before too, are in results.frame.").format(n=count),
        "empty": "" if rows else _("There are no figures."),
    }
    return table_html(table)


def _row(results: Results, kpi_id: str) -> list[str]:
    """The texts of one KPI; where the review period is still maturing, the latest one that is not stands in for it."""
    row, write, label = results.shown(kpi_id), results.write, kpi(kpi_id).label
    if row is None:
        frame = results.frame
        by = frame[(frame["kpi_id"] == kpi_id) & (frame["period"] == results.period.label)]["segment_by"].unique()
        only = _("Only by {dimension}").format(dimension=listed([_(spoken(each)) for each in by]))
        return [label, NOTHING, "", NOTHING, NOTHING, only if len(by) else _("No figure")]
    before, value = results.before(row), write.result(row)
    units = [] if value == NOTHING else [unit_note(row["unit"], row["value"]), window_words(row)]
    change = write.change(row["value"], before["value"], row["unit"]) if before is not None else NOTHING
    if row["period"] != results.period.label:
        label = _(", ").join([label, format_period(row["period"])])
    known = STATUSES.get(row["status"], "")
    status = begun(why_missing(row)) or _(known)
    return [label, value, _(", ").join(filter(None, units)), change, write.value(row["n"], "count"), status]
