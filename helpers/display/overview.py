"""What JupyterLab shows of the figures of a theme: its KPIs in the review period, one a row."""

from __future__ import annotations

from helpers.catalogue import kpi
from helpers.display.context import Results
from helpers.display.formats import NOTHING, unit_note
from helpers.display.sentences import why_missing, window_words
from helpers.display.shown_tables import table_html
from helpers.texts import begun

LEFT, RIGHT = "left", "right"
COLUMNS = {"KPI": LEFT, "Value": RIGHT, "": LEFT, "On the period before": RIGHT, "n": RIGHT, "Status": LEFT}


def overview_html(results: Results) -> str:
    """The KPIs in the order in which they were computed; all other figures are in ``results.frame``."""
    rows = [_row(results, str(kpi_id)) for kpi_id in results.frame["kpi_id"].unique()]
    count = results.write.value(len(results.frame), "count")
    table = {
        "title": f"Results, {results.period.label}",
        "columns": [{"label": label, "align": align} for label, align in COLUMNS.items()],
        "rows": rows,
        "values": rows,
        "note": f"{count} figures, of segments and of the periods before too, are in results.frame.",
        "empty": "" if rows else "There are no figures.",
    }
    return table_html(table)


def _row(results: Results, kpi_id: str) -> list[str]:
    """The texts of one KPI; where the review period is still maturing, the latest one that is not stands in for it."""
    row, write, label = results.shown(kpi_id), results.write, kpi(kpi_id).label
    if row is None:
        frame = results.frame
        by = frame[(frame["kpi_id"] == kpi_id) & (frame["period"] == results.period.label)]["segment_by"].unique()
        return [label, NOTHING, "", NOTHING, NOTHING, f"Only by {' and by '.join(by)}" if len(by) else "No figure"]
    before, value = results.before(row), write.result(row)
    unit = (
        ", ".join(filter(None, [unit_note(row["unit"], row["value"]), window_words(row)])) if value != NOTHING else ""
    )
    change = write.change(row["value"], before["value"], row["unit"]) if before is not None else NOTHING
    stands_in = "" if row["period"] == results.period.label else f", {row['period']}"
    status = begun(why_missing(row, write.locale)) or row["status"]
    return [label + stands_in, value, unit, change, write.value(row["n"], "count"), status]
