"""The cards of pipeline conversion: K11 to K13.

Their queries stand in ``pipeline_conversion.sql``, what a deal is in ``shared/deals.sql``; the lists beside the figures
are in ``tables``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from helpers.errors import KitError, refuse
from helpers.kpis.rows import Rows
from helpers.kpis.spine import Spine
from helpers.language import template
from helpers.periods import Period
from helpers.results import FOUR_QUARTERS, Row
from helpers.statistics import aalen_johansen, kaplan_meier

SKIP = ("imply", "strict", "any")
ENTRIES = template("stage_history: entries to stage {stage}")
MIXED = template("{n} records entered {stage} and {before} the stage before it: other records, so above 100 %")
NOT_REACHED = template("not reached: {won} of {n} deals are won, {lost} lost, the others open")
MANY_LOST = template("{lost} of {n} deals were lost; of all of them, {share} were won within {days} days")
NO_AMOUNT = template("undefined without deals won with an amount")
NO_MEDIAN = template("undefined without a median sales cycle")


def funnel_cohort(spine: Spine) -> list[Row]:
    """Of the records that entered the pipeline in the period, how many reached each stage and were won.

    Definition:
        The cohort is every record whose first entry to the first stage lies in the period. Step conversion = records
        that reached the stage / records that reached the stage before. Pipeline conversion = records that reached the
        last stage / records of the cohort: the product of the steps. Lead acceptance = records that reached ``sql`` /
        records that reached ``mql``. An entry counts within ``horizon_days`` of the record's entry to the first
        stage, so that cohorts compare; while any record is younger than that, the row is partial. Earlier cohorts are
        followed to the as-of of the review. Only first entries count. A record without an entry to the first stage is
        dated at its first known one (``implied_entry``); one that was won on a day before it is left out.

    Returns:
        ``funnel_reached`` (records) and ``funnel_step_rate`` (share) per stage; ``funnel_conversion`` and
        ``lead_acceptance`` (shares) in total and per source. The Wilson intervals describe the process, as the cohort
        itself is counted in full. Without records, counts are 0 and shares undefined. ``lead_acceptance`` is not
        provided where no record ever entered ``mql`` or ``sql``.

    Raises:
        KitError: ``stages``, ``skip`` or ``horizon_days`` is none of those it may be.
        NotProvided: There is no ``stage_history``.
        Refused: A stage of ``stages`` was never entered, and another that is not in it was: it may have that name.

    Source:
        Specification K11.
    """
    check_stages(spine)
    spine.require("stage_history")
    rows = Rows(spine, "funnel_cohort", notes="funnel_cohort_notes", left_out=["stage_history"], followed=True)
    missing = _missing_of_acceptance(spine)
    if missing:
        rows.not_provided(["lead_acceptance"], ENTRIES.format(stage=repr(missing)))
    for answer in _told(rows):
        if answer["segment_by"] == "stage":
            status = "partial" if answer["young"] else None
            rows.add("funnel_reached", answer, answer["funnel_reached"], n=answer["records"], status=status)
            if answer["place"] > 1:
                _add_rate(rows, "funnel_step_rate", answer, answer["funnel_reached"], answer["before"])
        else:
            _add_rate(rows, "funnel_conversion", answer, answer["won"], answer["records"])
            if not missing:
                _add_rate(rows, "lead_acceptance", answer, answer["sql"], answer["mql"])
    return rows.done()


def funnel_period(spine: Spine) -> list[Row]:
    """How busy each stage was in the period, against the stage before: activity, not conversion.

    Definition:
        Activity ratio = records that first entered the stage in the period / records that first entered the stage
        before it in the period. The two are different records, so the ratio mixes cohorts and may exceed 100 %.

    Returns:
        ``funnel_activity_ratio`` per later stage; undefined where nothing entered the stage before.

    Raises:
        KitError: ``stages`` are not two or more different ones.
        NotProvided: There is no ``stage_history``.
        Refused: As for the cohort.

    Source:
        Specification K12.
    """
    check_stages(spine)
    spine.require("stage_history")
    rows = Rows(spine, "funnel_period", notes="funnel_notes", left_out=["stage_history"])
    for answer in rows.answers:
        now, before = answer["now"], answer["before"]
        mixed = MIXED.format(n=now, stage=answer["segment"], before=before)
        rows.share("funnel_activity_ratio", answer, now, before, warnings=[mixed] if 0 < before < now else [])
    return rows.done()


def funnel_velocity(spine: Spine) -> list[Row]:
    """Of the deals decided in the period, how many were won; how long winning takes; what the pipeline yields a day.

    Definition:
        Win rate = deals won / deals won or lost, closed in the period, renewals included. Sales cycle, median = the
        day by which half of the deals created in the trailing four quarters are won, by Kaplan–Meier: open deals have
        waited up to the last known day, and a lost deal leaves the curve on the day it was lost. That is the time to
        a win of deals that are not lost; where 5 % or more are lost, the Aalen–Johansen share of all deals that were
        won by then is told beside it. Sales velocity = open deals at the end of the period x win rate x average
        amount of the deals won in the period / median sales cycle.

    Returns:
        ``win_rate`` (share, with its Wilson interval), ``sales_cycle_median`` (days) and ``sales_velocity`` (money per
        day), in total and per source. Nothing closed: undefined. A median that is not reached is undefined, and so is
        a velocity that lacks one of its factors. In a month or week, only ``win_rate`` is provided. Where 30 deals or
        more are won and none was ever lost, losses are not recorded: win rate and velocity are refused.

    Raises:
        NotProvided: There are no deals, or not their outcome or closing day.

    Source:
        Specification K13.
    """
    spine.require("deals.outcome", "deals.closed_at")
    rows = Rows(spine, "funnel_velocity", notes="funnel_velocity_notes", left_out=["deals"])
    kind, is_priced = spine.period.kind, spine.provides("deals.amount")
    if kind != "quarter":
        rows.not_provided(["sales_cycle_median", "sales_velocity"], FOUR_QUARTERS.format(reason=kind))
    elif not is_priced:
        rows.not_provided(["sales_velocity"], "deals.amount")
    medians = _add_cycles(rows)
    for answer in _told(rows):
        won, closed = answer["won"], answer["won"] + answer["lost"]
        if _is_printed(rows, "win_rate", answer):
            rows.proportion("win_rate", answer, won, closed)
        has_cycle = _has_cycle(spine.at(answer["label"]), spine)
        if is_priced and has_cycle and _is_printed(rows, "sales_velocity", answer):
            _add_velocity(rows, answer, medians.get((answer["label"], answer["segment"])))
    return rows.done()


def check_stages(spine: Spine) -> None:
    """Refuse stages and ways of counting them that there are not.

    Raises:
        KitError: All that is wrong.
    """
    stages, skip, horizon_days = (spine.rules[name] for name in ("stages", "skip", "horizon_days"))
    faults = []
    if len(stages) < 2 or len(set(stages)) < len(stages):
        faults.append(KitError(f"stages == {list(stages)}, must be two or more different stages in order"))
    if skip not in SKIP:
        faults.append(KitError(f"skip == {skip!r}, must be one of {', '.join(SKIP)}"))
    if horizon_days is not None and horizon_days < 1:
        faults.append(KitError(f"horizon_days == {horizon_days}, must be a number of days from 1, or none"))
    refuse(f"pipeline_conversion.{fault}" for fault in faults)


def _told(rows: Rows) -> list[dict[str, Any]]:
    """The answers of a card, without those by source where deals have none."""
    by_source = rows.spine.provides("deals.source")
    return [answer for answer in rows.answers if by_source or answer["segment_by"] != "source"]


def _missing_of_acceptance(spine: Spine) -> str:
    """The stage of marketing or of sales that is not in the list, or that no record ever entered."""
    entered = {answer["stage"] for answer in spine.answers("entered_stage") if answer["label"] == spine.period.label}
    known = set(spine.rules["stages"]) & (entered or set(spine.rules["stages"]))
    return next((stage for stage in ("mql", "sql") if stage not in known), "")


def _add_rate(rows: Rows, kpi_id: str, answer: Mapping[str, Any], part: int, whole: int) -> None:
    """Records that reached a stage over those that reached an earlier one."""
    rows.proportion(kpi_id, answer, part, whole, status="partial" if answer["young"] and whole else None)


def _is_printed(rows: Rows, kpi_id: str, answer: Mapping[str, Any]) -> bool:
    """Whether a KPI is printed in a period; where it is refused, one row says why."""
    reason = answer[f"{kpi_id}_refused"]
    if reason and not answer["segment_by"]:
        rows.refuse(answer["label"], reason, kpi_id)
    return not reason


def _add_cycles(rows: Rows) -> dict[tuple[str, str], float | None]:
    """Add ``sales_cycle_median`` of each quarter, in total and by source; the medians, by label and source."""
    spine, medians = rows.spine, {}
    deals = spine.vectors("sales_cycle", "label")
    for period in (each for each in spine.periods if _has_cycle(each, spine)):
        waits = deals[period.label,]
        by_source = waits.groupby("source") if spine.provides("deals.source") else ()
        for source, part in [("", waits), *by_source]:
            answer = {"label": period.label, "segment_by": "source" if source else "", "segment": source}
            medians[period.label, source] = _add_cycle(rows, answer, part)
    return medians


def _has_cycle(period: Period, spine: Spine) -> bool:
    """Whether four quarters end with a period, and it is told of them."""
    return period.kind == spine.period.kind == "quarter"


def _add_cycle(rows: Rows, answer: Mapping[str, Any], waits: pd.DataFrame) -> float | None:
    """The median day of winning. Lost deals leave the curve; what that overstates is told beside it."""
    period = rows.spine.at(answer["label"])
    won, lost = int((waits["cause"] == 1).sum()), int((waits["cause"] == 2).sum())
    curve = kaplan_meier(waits["days"], waits["cause"] == 1)
    told = []
    if curve.median is None and len(waits):
        told.append(NOT_REACHED.format(won=won, n=len(waits), lost=lost))
    elif curve.median is not None and lost >= 0.05 * len(waits):
        by_then = aalen_johansen(waits["days"], waits["cause"]).at(curve.median)
        days = f"{curve.median:g}"
        told.append(MANY_LOST.format(lost=lost, n=len(waits), share=f"{by_then:.0%}", days=days))
    rows.add(
        "sales_cycle_median", answer, curve.median, n=len(waits), interval=curve.median_interval, warnings=told,
        params={"window_start": [*period.history(3), period][0].start, "window_end": period.flow_end},
    )  # fmt: skip
    return curve.median


def _add_velocity(rows: Rows, answer: Mapping[str, Any], median: float | None) -> None:
    """What the open deals are worth a day, if they are won as often and as fast as those before."""
    won, lost, waiting, amount, priced = (answer[name] for name in ("won", "lost", "open", "amount", "priced"))
    told: dict[str, Any] = {"n": waiting, "excluded": {"no_amount": won - priced}}
    if not priced or median is None:
        rows.add("sales_velocity", answer, None, warnings=[NO_MEDIAN if priced else NO_AMOUNT], **told)
    else:
        expected = waiting * won / (won + lost) * amount / priced
        rows.share("sales_velocity", answer, expected, median, **told)
