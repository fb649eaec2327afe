"""The tables beside the pipeline KPIs: the funnel step by step, its cohorts, its activity, and what is still open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pandas as pd

from helpers.errors import Refused
from helpers.kpis.pipeline_conversion.cards import check_stages
from helpers.kpis.rows import refuse_list
from helpers.kpis.spine import Spine
from helpers.language import _, message, plural, retold
from helpers.periods import Period
from helpers.results import NO_RATE, NONE, Column, Listing
from helpers.statistics import kaplan_meier, wilson

COHORTS_BEFORE = 8
AGES = {
    "to_30": message("Up to 30 days"), "to_90": message("31 to 90"), "to_180": message("91 to 180"),
    "older": message("Over 180"),
}  # fmt: skip


def funnel_steps(spine: Spine) -> Listing:
    """The latest cohort that was followed for the whole horizon, stage by stage, with the days that each step takes."""
    cohorts = _cohorts(spine)
    cohort = _latest_mature(spine, cohorts)
    stages, reached = spine.rules["stages"], cohorts[cohort.label]["reached"]
    waits = spine.vectors("step_wait", "label", "place")
    steps = [waits[spine.period.label, place] for place in range(1, len(stages))]
    days = [None, *(kaplan_meier(each["days"], each["is_taken"]).median for each in steps)]
    rows = [
        {
            "stage": stage, "records": n, "rate": n / before if before else None,
            "of_all": n / reached[0] if reached[0] else None, "days": day,
        }
        for stage, n, before, day in zip(stages, reached, (0, *reached), days, strict=False)
    ]  # fmt: skip
    columns = {
        "stage": Column(_("Stage"), own_words=True),
        "records": Column(_("Records"), "count"),
        "rate": Column(_("Of the stage before"), "share"),
        "of_all": Column(_("Of all records"), "share"),
        "days": Column(_("Median days from the stage before"), "days"),
    }
    return Listing(
        caption=_("Funnel of the records that entered in {period}, {followed}").format(
            period=cohort.label, followed=_followed(spine)
        ),
        rows=pd.DataFrame(rows, columns=list(columns)),
        columns=columns,
        when_empty=_("No stages."),
        note=_(
            "Days are over the records that entered the stage before in this period and the three before it; a lost "
            "record leaves the count on that day. A dash: half have not taken the step."
        ),
    )


def funnel_cohorts(spine: Spine) -> Listing:
    """One row per quarter of entry: how many records reached each stage, and whether all have had their time."""
    stages = spine.rules["stages"]
    counts = {f"reached_{i}": Column(retold(stage), "count") for i, stage in enumerate(stages, 1)}
    columns = {
        "cohort": Column(_("Entered in"), own_words=True),
        **counts,
        "rate": Column(_("Pipeline conversion"), "share"),
        "low": Column(_("95% from"), "share"),
        "high": Column(_("to"), "share"),
        "young": Column(_("Records still to be followed"), "count"),
    }
    rows = [
        {
            "cohort": label, **dict(zip(counts, found["reached"], strict=True)),
            **_rate(found["reached"][-1], found["reached"][0]), "young": found["young"],
        }
        for label, found in _cohorts(spine).items() if found["reached"][0]
    ]  # fmt: skip
    return Listing(
        caption=_("Cohorts of the pipeline, by the period in which records entered"),
        rows=pd.DataFrame(rows, columns=list(columns)),
        columns=columns,
        when_empty=_("No record entered the pipeline in these periods."),
        note=_("Every record is {followed}; a cohort with records still to be followed may yet rise.").format(
            followed=_followed(spine)
        ),
    )


def stage_activity(spine: Spine) -> Listing:
    """How many records entered each stage in the period, and how many in as many days of the period before."""
    check_stages(spine)
    spine.require("stage_history")
    refuse_list(spine, "funnel_notes")
    rows = spine.frame("stage_activity", "place")
    rows["ratio"] = [None, *(now / before if before else None for before, now in pairwise(rows["now"]))]
    columns = {
        "stage": Column(_("Stage"), own_words=True),
        "now": Column(_("Entered in {period}").format(period=spine.period.label), "count"),
    }
    for earlier in spine.period.history(1):
        columns["before"] = Column(_("in {period}").format(period=earlier.in_words), "count")
    columns["ratio"] = Column(_("Activity ratio"), "share")
    return Listing(
        caption=_("First entries to each stage in {period}").format(period=spine.period.label),
        rows=rows[list(columns)],
        columns=columns,
        when_empty=_("No stages."),
        note=_(
            "The activity ratio is entries to the stage over entries to the stage before it. They are of different "
            "records: it says how busy the stages were, and is no conversion."
        ),
    )


def open_pipeline(spine: Spine) -> Listing:
    """Deals open at the end of the period, by the furthest stage they have reached and by age since they were created.

    Amounts are in the reporting currency, as agreed so far; an open deal without one counts as a deal only.

    Raises:
        NotProvided: There are no deals.
        Refused: A currency has no rate.
    """
    spine.require("deals")
    rows = spine.frame("open_pipeline", "place nulls last")
    if missing := sorted({name for names in rows["unrated"].dropna() for name in names}):
        raise Refused(NO_RATE.format(reason=", ".join(missing)))
    columns = {
        "stage": Column(_("Stage"), own_words=True),
        "deals": Column(_("Deals"), "count"),
        "amount": Column(_("Amount"), "money"),
        "mean_age": Column(_("Mean age"), "days"),
        **{name: Column(_(label), "count") for name, label in AGES.items()},
    }
    return Listing(
        caption=_("Open pipeline at the end of {period}, by stage and age").format(period=spine.period.in_words),
        rows=rows[list(columns)],
        columns=columns,
        when_empty=_("No deal is open."),
        total=("deals", "amount", *AGES),
        note=_("{none}: deals that entered none of these stages.").format(none=retold(NONE)),
    )


def _cohorts(spine: Spine) -> dict[str, dict[str, Any]]:
    """The cohorts of this period and of those before it, earliest first: the records that reached each stage."""
    check_stages(spine)
    spine.require("stage_history")
    refuse_list(spine, "funnel_notes")
    found: dict[str, dict[str, Any]] = {
        period.label: {"reached": [], "young": 0} for period in [*spine.period.history(COHORTS_BEFORE), spine.period]
    }
    for answer in spine.answers("funnel_cohort"):
        if answer["segment_by"] == "stage" and answer["label"] in found:
            found[answer["label"]]["reached"].append(answer["funnel_reached"])
            found[answer["label"]]["young"] = answer["young"]
    return {label: each for label, each in found.items() if each["reached"]}


def _latest_mature(spine: Spine, cohorts: Mapping[str, Mapping[str, Any]]) -> Period:
    """The latest complete cohort whose records were all followed for the whole horizon; without one, the period."""
    for label in reversed(list(cohorts)):
        found = replace(spine.at(label), as_of_on=spine.period.as_of_on)
        if cohorts[label]["reached"][0] and not cohorts[label]["young"] and not found.is_partial:
            return found
    return spine.period


def _rate(part: int, whole: int) -> dict[str, float | None]:
    interval = wilson(part, whole) if part <= whole else None
    low, high = interval[:2] if interval else (None, None)
    return {"rate": part / whole if whole else None, "low": low, "high": high}


def _followed(spine: Spine) -> str:
    days = spine.rules["horizon_days"]
    if days is None:
        return _("followed until {day}").format(day=spine.period.known_until.isoformat())
    return plural("followed for {n} day", "followed for {n} days", days).format(n=days)
