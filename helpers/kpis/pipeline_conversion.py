"""Pipeline conversion: how many records become customers, how long it takes, and what the pipeline is worth a day.

Cards K11 to K13 of the specification. The funnel cards read ``stage_history`` and the source of ``deals``;
the velocity card reads ``deals`` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from helpers import results
from helpers.kpis.funnel import STAGES, Count, Funnel
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
    funnel = Funnel(tables, stages, skip, horizon_days)
    counts = funnel.cohort(period)
    rows = _stage_rows(period, stages, counts[0])
    rows += [_rate("funnel_conversion", period, count, len(stages), 1) for count in counts]
    rows += _acceptance_rows(period, funnel, counts)
    notes = [*_skipped(funnel), *_cohort_notes(period, funnel, counts[0])]
    return _with_notes(rows, funnel, notes)


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
    funnel = Funnel(tables, stages)
    found = funnel.journeys
    days = [found[f"day_{i}"].between(period.start, period.measured_on) for i in range(1, len(stages) + 1)]
    counted = tables.fetch(found.aggregate(*(found.count(where=day).name(f"in_{i}") for i, day in enumerate(days))))
    entered = [int(count) for count in counted.iloc[0]]
    rows = [
        results.share(
            "funnel_activity_ratio", period, after, before, segment=("stage", stage), n=before,
            warnings=_more_than_before(stage, after, before),
        )
        for stage, before, after in zip(stages[1:], entered, entered[1:], strict=False)
    ]  # fmt: skip
    return _with_notes(rows, funnel, _skipped(funnel))


def _stage_rows(period: Period, stages: Sequence[str], count: Count) -> list[Row]:
    status = "partial" if count.young else None
    reached = [
        results.row("funnel_reached", period, n, segment=("stage", stage), n=count.reached[0], status=status)
        for stage, n in zip(stages, count.reached, strict=True)
    ]
    steps = [
        _rate("funnel_step_rate", period, count._replace(segment=("stage", stage)), i, i - 1)
        for i, stage in enumerate(stages[1:], 2)
    ]
    return [*reached, *steps]


def _rate(kpi_id: str, period: Period, count: Count, part: int, whole: int) -> Row:
    """Records that reached the stage number ``part`` over those that reached number ``whole``."""
    k, n = count.reached[part - 1], count.reached[whole - 1]
    return results.share(
        kpi_id, period, k, n, segment=count.segment, n=n, interval=wilson(k, n) if k <= n else None,
        status="partial" if count.young and n else None,
    )  # fmt: skip
