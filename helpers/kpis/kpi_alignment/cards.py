"""The card of KPI alignment: objectives and their progress (G05). Cards G01 to G03 have no figures, only tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from helpers import results
from helpers.catalogue import CATALOGUE
from helpers.errors import KitError
from helpers.kpis.kpi_alignment.progress import progress, unusable, young_cohort
from helpers.kpis.rows import Rows, cards_with, rows_once
from helpers.kpis.spine import Spine
from helpers.language import template
from helpers.periods import DAY, Period
from helpers.registries import Okr
from helpers.results import NOT_PROVIDED, Row, Status

OBJECTIVE = {
    "label": "varchar", "objective": "varchar", "baseline": "double", "target": "double", "figure": "double",
}  # fmt: skip
NO_FIGURE = template("no figure of {name} in {period}")
Figures = dict[tuple[str, str], Row]


def okr(spine: Spine) -> list[Row]:
    """How much of the way from its baseline to its target each objective has come.

    Definition:
        Progress = (baseline - figure) / (baseline - target), whichever way is up; 100 % is the target. Pace = days
        since the baseline / days from the baseline to the due date, at the end of the period, between 0 and 100 %.
        Achieved: progress of 100 % or more. On track: progress not below pace. At risk: at most 20 points below it.
        Off track: further below. Missed: the due date has come and progress is below 100 %. A figure that is not final
        has no status. The figure is that of the KPI's own theme, with the parameters that the review gives it there.

    Returns:
        One row per objective, those without data last: share of the way. ``undefined`` without a figure, ``refused``
        where baseline and target are the same. ``params`` holds the objective, the figure, the pace and the status.

    Source:
        Specification G05; article 002 (from 65 to 55 days by the end of a quarter).
    """
    figures = _figures(spine, spine.review.okrs)
    spine.give("objective", OBJECTIVE, _measured_objectives(spine, figures))
    rows = Rows(spine, "okr")
    done = {(answer["label"], answer["segment"]): answer["okr_progress"] for answer in rows.answers}
    for period in (each for each in spine.periods if each.kind == spine.period.kind):
        for each in (each for each in spine.review.okrs if each.baseline_on <= period.measured_on):
            figure = figures.get((period.label, each.id))
            if figure is None and each.kpi_id in spine.refused:
                continue  # a KPI that must not be printed is refused in the review's period, and nowhere else
            _add(rows, each, period, figure, done.get((period.label, each.id)))
    return rows.done()


def _figures(spine: Spine, okrs: Sequence[Okr]) -> Figures:
    """The figure of each objective in each period, or why its segment names none."""
    known = {each.kpi_id for each in okrs if each.kpi_id in CATALOGUE and not unusable(each)}
    rows = [row for card in cards_with(sorted(known)) for row in rows_once(card, spine) if row.kpi_id in known]
    found: Figures = {}
    table = results.frame(rows)
    for each in (each for each in okrs if each.kpi_id in known):
        try:
            of_okr = results.rows_of(table, each.kpi_id, each.segment).index
            found |= {(rows[i].period.label, each.id): rows[i] for i in of_okr}
        except KitError as error:
            found |= {
                (period.label, each.id): results.refused(each.kpi_id, period, str(error)) for period in spine.periods
            }
    return found


def _measured_objectives(spine: Spine, figures: Figures) -> list[tuple[Any, ...]]:
    """What the query of this card reads: an objective and its figure per period, where there is one."""
    okrs = {each.id: each for each in spine.review.okrs if not unusable(each)}
    return [
        (label, name, okrs[name].baseline, okrs[name].target, row.value)
        for (label, name), row in figures.items()
        if name in okrs and row.value is not None
    ]


def _add(rows: Rows, each: Okr, period: Period, figure: Row | None, done: float | None) -> None:
    """The row of an objective in a period."""
    about = {**each.model_dump(mode="json", exclude={"id", "segment"}), "kpi_segment": each.segment}
    answer = {"label": period.label, "segment_by": "okr", "segment": each.id}
    status: Status
    if why := unusable(each):
        status, reasons = "refused", [why]
    elif each.kpi_id not in CATALOGUE:
        status, reasons = "not_provided", [NOT_PROVIDED.format(reason=each.kpi_id)]
    elif figure is None:
        name = f"{each.kpi_id}[{each.segment}]" if each.segment else each.kpi_id
        status, reasons = "undefined", [NO_FIGURE.format(name=name, period=period.label)]
    elif figure.value is None:
        status, reasons = figure.status, list(figure.warnings)
    else:
        found = asdict(progress(each, figure.value, period.measured_on + DAY))
        found |= {"standing": None} if figure.status != "ok" else {}
        del found["done"]
        warnings = [each for each in [young_cohort(each, dict(figure.params))] if each]
        told: dict[str, Any] = {
            "status": figure.status,
            "n": figure.n,
            "warnings": warnings,
            "params": {**about, **found},
        }
        rows.add("okr_progress", answer, done, **told)
        return
    rows.add("okr_progress", answer, None, status=status, warnings=reasons, params=about)
