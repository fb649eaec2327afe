"""Theme kpi_alignment: objectives and their progress. Cards G01 to G03 have no figures; they are in ``alignment``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from helpers.catalogue import CATALOGUE
from helpers.kpis.okrs import has_begun, progress, unusable, young_cohort
from helpers.periods import DAY, Period
from helpers.registries import Okr
from helpers.results import Row, Status, row

if TYPE_CHECKING:
    from helpers.data.known import Tables

Figures = Callable[["Tables", Period, Collection[str]], list[Row]]


def okr(tables: Tables, period: Period, *, okrs: Sequence[Okr], figures: Figures) -> list[Row]:
    """How much of the way from its baseline to its target each objective has come.

    Definition:
        Progress = (baseline - figure) / (baseline - target), whichever way is up; 100 % is the target. Pace = days
        since the baseline / days from the baseline to the due date, at the end of the period, between 0 and 100 %.
        Achieved: progress of 100 % or more. On track: progress not below pace. At risk: at most 20 points below it.
        Off track: further below. Missed: the due date has come and progress is below 100 %. A figure that is not final
        has no status. The figure is that of the KPI's own theme, with the parameters that the review gives it there.

    Args:
        tables: the tables as known at the period's as-of.
        period: the period.
        okrs: the objectives of the review; one that has not begun gives no row.
        figures: looks up the rows of KPIs of other themes for a period.

    Returns:
        One row per objective, those without data last: share of the way. ``undefined`` without a figure, ``refused``
        where baseline and target are the same. ``params`` holds the objective, the figure, the pace and the status.

    Source:
        Specification G05; article 002 (from 65 to 55 days by the end of a quarter).
    """
    on = period.measured_on + DAY
    begun = [each for each in okrs if has_begun(each, on)]
    known = {each.kpi_id for each in begun if each.kpi_id in CATALOGUE and not unusable(each)}
    found = {(given.kpi_id, given.segment): given for given in figures(tables, period, known)} if known else {}
    rows = [_row(each, period, found.get((each.kpi_id, each.segment))) for each in begun]
    return sorted(rows, key=lambda given: given.status == "not_provided")


def _row(each: Okr, period: Period, figure: Row | None) -> Row:
    about = {**each.model_dump(mode="json", exclude={"id", "segment"}), "kpi_segment": each.segment}
    status: Status
    if why := unusable(each):
        status, reasons = "refused", [f"{each.id}: {why}"]
    elif each.kpi_id not in CATALOGUE:
        status, reasons = "not_provided", [f"not provided: {each.kpi_id}"]
    elif figure is None:
        status, reasons = "undefined", [_nowhere(each, period)]
    elif figure.value is None:
        status, reasons = figure.status, list(figure.warnings)
    else:
        return _measured(each, period, figure, about)
    segment = ("okr", each.id)
    return row("okr_progress", period, None, status=status, segment=segment, warnings=reasons, params=about)


def _measured(each: Okr, period: Period, figure: Row, about: dict[str, Any]) -> Row:
    found = asdict(progress(each, figure.value or 0.0, period.measured_on + DAY))
    if figure.status != "ok":
        found["standing"] = None
    return row(
        "okr_progress",
        period,
        found.pop("done"),
        status=figure.status,
        segment=("okr", each.id),
        n=figure.n,
        warnings=filter(None, [young_cohort(each, dict(figure.params))]),
        params={**about, **found},
    )


def _nowhere(each: Okr, period: Period) -> str:
    what = f"{each.kpi_id}[{each.segment}]" if each.segment else each.kpi_id
    return f"no figure of {what} in {period.label}"
