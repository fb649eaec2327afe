"""The tables beside the pipeline KPIs: the funnel step by step, its cohorts, its activity, and what is still open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import ibis
import pandas as pd

from helpers.kpis.deals import NONE, dated, in_words, open_on
from helpers.kpis.funnel import STAGES, Funnel, open_funnel
from helpers.kpis.money import in_reporting_currency
from helpers.results import Column, Listing
from helpers.statistics import kaplan_meier, wilson

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.data.known import Tables
    from helpers.periods import Period

AGES = {"to_30": (0, 30), "to_90": (31, 90), "to_180": (91, 180), "older": (181, 1_000_000)}
AGE_LABELS = ("Up to 30 days", "31 to 90", "91 to 180", "Over 180")


def funnel_steps(
    tables: Tables,
    period: Period,
    *,
    stages: Sequence[str] = STAGES,
    skip: str = "imply",
    horizon_days: int | None = 90,
) -> Listing:
    """The latest cohort that was followed for the whole horizon, stage by stage, with the days that each step takes."""
    funnel = open_funnel(tables, stages, skip, horizon_days)
    cohort = funnel.latest_mature(period)
    reached = funnel.cohort(cohort)[0].reached
    days = [None, *(_step_median(funnel, period, i) for i in range(1, len(stages)))]
    rows = [
        {
            "stage": stage, "records": n, "rate": n / before if before else None,
            "of_all": n / reached[0] if reached[0] else None, "days": day,
        }
        for stage, n, before, day in zip(stages, reached, (0, *reached), days, strict=False)
    ]  # fmt: skip
    columns = {
        "stage": Column("Stage"),
        "records": Column("Records", "count"),
        "rate": Column("Of the stage before", "share"),
        "of_all": Column("Of all records", "share"),
        "days": Column("Median days from the stage before", "days"),
    }
    return Listing(
        caption=f"Funnel of the records that entered in {cohort.label}, {_followed(funnel, cohort)}",
        rows=_frame(rows, columns),
        columns=columns,
        when_empty="No stages.",
        grain="stage",
        note="Days are by Kaplan–Meier, over the records that entered the stage before in this period and the three "
        "before it; a lost record leaves the count on that day. A dash: half have not taken the step.",
    )


def funnel_cohorts(
    tables: Tables,
    period: Period,
    *,
    stages: Sequence[str] = STAGES,
    skip: str = "imply",
    horizon_days: int | None = 90,
) -> Listing:
    """One row per quarter of entry: how many records reached each stage, and whether all have had their time."""
    funnel = open_funnel(tables, stages, skip, horizon_days)
    cohorts = [replace(earlier, as_of_on=period.as_of_on) for earlier in period.history(8)] + [period]
    found = [(cohort, funnel.cohort(cohort)[0]) for cohort in cohorts]
    counts = {f"reached_{i}": Column(stage, "count") for i, stage in enumerate(stages, 1)}
    columns = {
        "cohort": Column("Entered in"),
        **counts,
        "rate": Column("Pipeline conversion", "share"),
        "low": Column("95% from", "share"),
        "high": Column("to", "share"),
        "young": Column("Records still to be followed", "count"),
    }
    rows = [
        {
            "cohort": cohort.label, **dict(zip(counts, count.reached, strict=True)),
            **_rate(count.reached[-1], count.reached[0]), "young": count.young,
        }
        for cohort, count in found if count.reached[0]
    ]  # fmt: skip
    return Listing(
        caption="Cohorts of the pipeline, by the period in which records entered",
        rows=_frame(rows, columns),
        columns=columns,
        when_empty="No record entered the pipeline in these periods.",
        grain="cohort",
        note=f"Every record is {_followed(funnel, period)}; a cohort with records still to be followed may yet rise.",
    )


def stage_activity(tables: Tables, period: Period, *, stages: Sequence[str] = STAGES) -> Listing:
    """How many records entered each stage in the period, and how many in as many days of the period before."""
    funnel = open_funnel(tables, stages)
    now = funnel.entered_in(period)
    columns = {"stage": Column("Stage"), "now": Column(f"Entered in {period.label}", "count")}
    found: dict[str, list[Any]] = {"stage": list(stages), "now": now}
    for earlier in period.history(1):
        columns["before"] = Column(f"in {in_words(earlier)}", "count")
        found["before"] = funnel.entered_in(earlier)
    columns["ratio"] = Column("Activity ratio", "share")
    found["ratio"] = [None, *(after / first if first else None for first, after in pairwise(now))]
    return Listing(
        caption=f"First entries to each stage in {period.label}",
        rows=pd.DataFrame(found),
        columns=columns,
        when_empty="No stages.",
        grain="stage",
        note="The activity ratio is entries to the stage over entries to the stage before it. They are of different "
        "records: it says how busy the stages were, and is no conversion.",
    )


def open_pipeline(tables: Tables, period: Period, *, stages: Sequence[str] = STAGES) -> Listing:
    """Deals open at the end of the period, by the furthest stage they have reached and by age since they were created.

    Amounts are in the reporting currency, as agreed so far; an open deal without one counts as a deal only.
    """
    deals = dated(tables)
    deals = deals.filter(open_on(deals, period.measured_on))
    deals = in_reporting_currency(tables, deals, "amount")
    deals = deals.mutate(age=ibis.literal(period.measured_on).delta(deals.created_on, unit="day"))
    staged = _staged(tables, deals, period, stages)
    counted = staged.group_by("stage").aggregate(
        deals=staged.count(),
        amount=staged.amount.sum(),
        mean_age=staged.age.mean(),
        **{name: staged.count(where=staged.age.between(*ends)) for name, ends in AGES.items()},
    )
    columns = {
        "stage": Column("Stage"),
        "deals": Column("Deals", "count"),
        "amount": Column("Amount", "money"),
        "mean_age": Column("Mean age", "days"),
        **{name: Column(label, "count") for name, label in zip(AGES, AGE_LABELS, strict=True)},
    }
    order = {stage: i for i, stage in enumerate([*stages, NONE])}
    rows = tables.fetch(counted).sort_values("stage", key=lambda names: names.map(order), ignore_index=True)
    return Listing(
        caption=f"Open pipeline at the end of {in_words(period)}, by stage and age",
        rows=rows[list(columns)],
        columns=columns,
        when_empty="No deal is open.",
        grain="stage",
        note=f"{NONE}: deals that entered none of these stages.",
    )


def _rate(part: int, whole: int) -> dict[str, float | None]:
    interval = wilson(part, whole) if part <= whole else None
    low, high = interval[:2] if interval else (None, None)
    return {"rate": part / whole if whole else None, "low": low, "high": high}


def _followed(funnel: Funnel, cohort: Period) -> str:
    if funnel.horizon_days is None:
        return f"followed until {cohort.known_until.isoformat()}"
    return f"followed for {funnel.horizon_days} days"


def _frame(rows: Sequence[dict[str, Any]], columns: dict[str, Column]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(columns))


def _step_median(funnel: Funnel, period: Period, i: int) -> float | None:
    """The median days from stage number i to the next, of the records that entered i in the trailing four periods."""
    found = _with_lost_day(funnel)
    start, following = found[f"day_{i}"], [found[f"day_{j}"] for j in range(i + 1, len(funnel.stages) + 1)]
    since = [*period.history(3), period][0].start
    known = ibis.literal(period.known_until)
    left = ibis.least(*following[1:], found.lost_on, known)
    waits = found.filter(start.between(since, period.measured_on)).select(
        days=ibis.coalesce(following[0], left).delta(start, unit="day"), took=following[0].notnull()
    )
    rows = funnel.tables.fetch(waits.filter(waits.days >= 0))
    return kaplan_meier(rows["days"], rows["took"]).median


def _with_lost_day(funnel: Funnel) -> ir.Table:
    """The journeys with the day on which their deal was lost, where deals tell it."""
    if not (funnel.tables.provides("deals.outcome") and funnel.tables.provides("deals.closed_at")):
        return funnel.journeys.mutate(lost_on=ibis.null("date"))
    deals = dated(funnel.tables)
    lost = deals.filter(deals.outcome == "lost").select("deal_id", lost_on=deals.closed_on)
    return funnel.journeys.left_join(lost, funnel.journeys.record_id == lost.deal_id)


def _staged(tables: Tables, deals: ir.Table, period: Period, stages: Sequence[str]) -> ir.Table:
    """Deals with the furthest ``stage`` that they had entered by the end of the period."""
    if not tables.provides("stage_history"):
        return deals.mutate(stage=ibis.literal(NONE))
    found = open_funnel(tables, stages).journeys
    entered = [(found[f"day_{i}"] <= period.measured_on, stage) for i, stage in enumerate(stages, 1)]
    found = found.select("record_id", stage=ibis.cases(*reversed(entered), else_=ibis.null("string")))
    joined = deals.left_join(found, deals.deal_id == found.record_id)
    return joined.mutate(stage=joined.stage.fill_null(NONE))
