"""What JupyterLab shows of the figures of a theme: its KPIs in the review period, one a row."""

from __future__ import annotations

from helpers.catalogue import kpi
from helpers.display.context import Results
from helpers.display.formats import NOTHING, format_period, unit_note
from helpers.display.sentences import listed, why_missing, window_words
from helpers.display.shown_tables import table_html
from helpers.language import _, message
from helpers.texts import begun, spoken

LEFT, RIGHT = "left", "right"
COLUMNS = {
    message("KPI"): LEFT, message("Value"): RIGHT, "": LEFT, message("On the period before"): RIGHT, "n": RIGHT,
    message("Status"): LEFT,
}  # fmt: skip
STATUSES = {"ok": message("ok"), "partial": message("partial")}


def overview_html(results: Results) -> str:
    """The KPIs in the order in which they were computed; all other figures are in ``results.frame``."""
    rows = [_row(results, str(kpi_id)) for kpi_id in results.frame["kpi_id"].unique()]
    count = results.write.value(len(results.frame), "count")
    table = {
        "title": _(", ").join([_("Results"), format_period(results.period.label, results.context.locale)]),
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
    unit = (
        _(", ").join(filter(None, [unit_note(row["unit"], row["value"]), window_words(row)]))
        if value != NOTHING
        else ""
    )
    change = write.change(row["value"], before["value"], row["unit"]) if before is not None else NOTHING
    if row["period"] != results.period.label:
        label = _(", ").join([label, format_period(row["period"], write.locale)])
    known = STATUSES.get(row["status"], "")
    status = begun(why_missing(row, write.locale)) or _(known)
    return [label, value, unit, change, write.value(row["n"], "count"), status]
