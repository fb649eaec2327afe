"""Pipeline conversion: how many records become customers, how long it takes, and what the pipeline is worth a day.

Cards K11 to K13 of the specification. The funnel cards read ``stage_history`` and the source of ``deals``;
the velocity card reads ``deals`` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from helpers import results
from helpers.kpis import deals, velocity
from helpers.kpis.funnel import STAGES, Count, Funnel, open_funnel
from helpers.results import Row
from helpers.statistics import wilson

if TYPE_CHECKING:
    from helpers.data.known import Tables
    from helpers.periods import Period

FOLLOWED_TO_REVIEW = ("funnel_cohort",)
"""Cards whose earlier periods are computed as known today, not with the lag that the review period has.

Cohorts compare because each record is followed for the same ``horizon_days``, not because all cohorts are looked at
equally early: seen with the lag of a review made at quarter end, no cohort would ever have had its 90 days.
"""


def funnel_cohort(
    tables: Tables,
    period: Period,
    *,
    stages: Sequence[str] = STAGES,
    skip: str = "imply",
    horizon_days: int | None = 90,
) -> list[Row]:
    """Of the records that entered the pipeline in the period, how many reached each stage and were won.

    Definition:
        The cohort is every record whose first entry to the first stage lies in the period. Step conversion = records
        that reached the stage / records that reached the stage before. Pipeline conversion = records that reached the
        last stage / records of the cohort: the product of the steps. Lead acceptance = records that reached ``sql`` /
        records that reached ``mql``. An entry counts within ``horizon_days`` of the record's entry to the first
        stage, so that cohorts compare; while any record is younger than that, the row is partial. Earlier cohorts are
        followed to the as-of of the review. Only first entries count. A record without an entry to the first stage is
        dated at its first known one (``implied_entry``); one that was won on a day before it is left out.

    Args:
        tables: The tables known.
        period: The period in which the records entered.
        stages: The stages in order; entries to others are left out and counted.
        skip: ``imply``: a later stage shows that those before were passed; ``strict``: a stage counts where all
            before it were entered in order; ``any``: each stage counts by itself.
        horizon_days: How long a record is followed; None follows it to the as-of.

    Returns:
        ``funnel_reached`` (records) and ``funnel_step_rate`` (share) per stage; ``funnel_conversion`` and
        ``lead_acceptance`` (shares) in total and per source. The Wilson intervals describe the process, as the cohort
        itself is counted in full. Without records, counts are 0 and shares undefined. ``lead_acceptance`` is not
        provided where no record ever entered ``mql`` or ``sql``.

    Raises:
        NotProvided: without ``stage_history``.

    Source:
        Specification K11.
    """
    funnel = open_funnel(tables, stages, skip, horizon_days)
    counts = funnel.cohort(period)
    rows = _stage_rows(period, stages, counts[0])
    rows += [_rate("funnel_conversion", period, count, len(stages), 1) for count in counts]
    rows += _acceptance_rows(period, funnel, counts)
    return _with_notes(rows, funnel.excluded, _cohort_notes(period, funnel, counts[0]))


def funnel_period(tables: Tables, period: Period, *, stages: Sequence[str] = STAGES) -> list[Row]:
    """How busy each stage was in the period, against the stage before: activity, not conversion.

    Definition:
        Activity ratio = records that first entered the stage in the period / records that first entered the stage
        before it in the period. The two are different records, so the ratio mixes cohorts and may exceed 100 %.

    Args:
        tables: The tables known.
        period: The period of the entries; of a running one, up to the as-of.
        stages: The stages in order.

    Returns:
        ``funnel_activity_ratio`` per later stage; undefined where nothing entered the stage before.

    Raises:
        NotProvided: without ``stage_history``.

    Source:
        Specification K12.
    """
    funnel = open_funnel(tables, stages)
    entered = funnel.entered_in(period)
    rows = [
        results.share(
            "funnel_activity_ratio", period, after, before, segment=("stage", stage),
            warnings=_more_than_before(stage, after, before),
        )
        for stage, before, after in zip(stages[1:], entered, entered[1:], strict=False)
    ]  # fmt: skip
    return _with_notes(rows, funnel.excluded, _skipped(funnel))


def funnel_velocity(tables: Tables, period: Period) -> list[Row]:
    """Of the deals decided in the period, how many were won; how long winning takes; what the pipeline yields a day.

    Definition:
        Win rate = deals won / deals won or lost, closed in the period, renewals included. Sales cycle, median = the
        day by which half of the deals created in the trailing four quarters are won, by Kaplan–Meier: open deals have
        waited up to the last known day, and a lost deal leaves the curve on the day it was lost. That is the time to
        a win of deals that are not lost; where 5 % or more are lost, the Aalen–Johansen share of all deals that were
        won by then is told beside it. Sales velocity = open deals at the end of the period x win rate x average
        amount of the deals won in the period / median sales cycle.

    Args:
        tables: The tables known.
        period: The period in which deals were closed; the four quarters of the sales cycle end with it.

    Returns:
        ``win_rate`` (share, with its Wilson interval), ``sales_cycle_median`` (days) and ``sales_velocity`` (money per
        day), in total and per source. Nothing closed: undefined. A median that is not reached is undefined, and so is
        a velocity that lacks one of its factors. In a month or week, only ``win_rate`` is provided. Where 30 deals or
        more are won and none was ever lost, losses are not recorded: win rate and velocity are refused.

    Raises:
        NotProvided: without ``deals``, their outcome or closing day.

    Source:
        Specification K13.
    """
    tables.require("deals.outcome", "deals.closed_at")
    flow = deals.flow(tables, period)
    refusal = velocity.unrecorded_losses(tables)
    rows = [results.refused("win_rate", period, refusal)] if refusal else velocity.win_rates(tables, period, flow)
    if period.kind == "quarter":
        cycles = velocity.cycles(tables, period)
        refused = [results.refused("sales_velocity", period, refusal)]
        rows += [*cycles, *(refused if refusal else velocity.velocities(tables, period, flow, cycles))]
    else:
        trailing = f"four trailing quarters in a {period.kind}"
        rows += [results.not_provided(kpi_id, period, trailing) for kpi_id in ("sales_cycle_median", "sales_velocity")]
    excluded = {**tables.excluded("deals"), "deals: closed without outcome or day": int(flow["undecided"].sum())}
    return _with_notes(rows, excluded)


def _stage_rows(period: Period, stages: Sequence[str], count: Count) -> list[Row]:
    reached = [
        results.row(
            "funnel_reached", period, n, segment=("stage", stage), n=count.reached[0], status=_status(count.young)
        )
        for stage, n in zip(stages, count.reached, strict=True)
    ]
    steps = [
        _rate("funnel_step_rate", period, count._replace(segment=("stage", stage)), i, i - 1)
        for i, stage in enumerate(stages[1:], 2)
    ]
    return [*reached, *steps]


def _acceptance_rows(period: Period, funnel: Funnel, counts: Iterable[Count]) -> list[Row]:
    for stage in ("mql", "sql"):
        if stage not in funnel.stages or (funnel.entries and stage not in funnel.entries):
            return [results.not_provided("lead_acceptance", period, f"stage_history: entries to stage {stage!r}")]
    mql, sql = (list(funnel.stages).index(stage) + 1 for stage in ("mql", "sql"))
    return [_rate("lead_acceptance", period, count, sql, mql) for count in counts]


def _rate(kpi_id: str, period: Period, count: Count, part: int, whole: int) -> Row:
    """Records that reached stage number ``part`` over those that reached number ``whole``."""
    k, n = count.reached[part - 1], count.reached[whole - 1]
    return results.share(
        kpi_id, period, k, n, segment=count.segment, n=n, interval=wilson(k, n) if k <= n else None,
        status=_status(count.young) if n else None,
    )  # fmt: skip


def _status(young: int) -> Literal["partial"] | None:
    return "partial" if young else None


def _skipped(funnel: Funnel) -> list[str]:
    never = funnel.never_entered
    return [f"no record ever entered {', '.join(never)}"] if never else []


def _cohort_notes(period: Period, funnel: Funnel, count: Count) -> list[str]:
    notes = _skipped(funnel)
    if notes and funnel.skip == "imply":
        notes = [f"{notes[0]}: records of a later stage are taken to have passed"]
    if count.implied:
        notes.append(
            f"implied_entry: {count.implied} of {count.reached[0]} records have no entry to {funnel.stages[0]}; "
            "they are dated at the first stage known"
        )
    if count.young:
        notes.append(
            f"{count.young} of {count.reached[0]} records had not been followed for {funnel.horizon_days} days "
            f"by {period.known_until}"
        )
    return notes


def _more_than_before(stage: str, after: int, before: int) -> list[str]:
    if not 0 < before < after:
        return []
    return [f"{after} records entered {stage} and {before} the stage before it: other records, so above 100 %"]


def _with_notes(rows: Iterable[Row], excluded: Mapping[str, int], notes: Sequence[str] = ()) -> list[Row]:
    """The rows with what the card left out and what its reader is told, those without a figure as they are."""
    counted = {reason: n for reason, n in excluded.items() if n}
    return [
        row
        if row.status in ("not_provided", "refused")
        else replace(row, excluded={**counted, **row.excluded}, warnings=(*row.warnings, *notes))
        for row in rows
    ]
