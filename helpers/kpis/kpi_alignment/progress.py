"""How far an objective has come, and how far it should be by now (G05): arithmetic on one figure and two dates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from helpers.language import template
from helpers.periods import DAY
from helpers.registries import Okr

Standing = Literal["achieved", "on_track", "at_risk", "off_track", "missed"]
SLACK = 0.2  # so much of the way may be missing against the time gone before an objective is off track
EXACT = 1e-9
COHORTS = {
    "trailing_year": template("measured on those who signed in four quarters"),
    "signup_quarter": template("measured on those who signed in the quarter"),
    "value_quarter": template("measured on those who reached value in the quarter"),
}
WAITING = {  # after the cohort
    "ttv_median": template("{reason}; those who wait count as waiting"),
    "ttv_mean": template("{reason}; those who wait are left out, so that it looks too good"),
    "ttv_rmst": template("{reason}; those who wait are counted, each for {days} days at most"),
}
YOUNG = template("customers that sign on {first} or later cannot show {target} days by {day}: {reason}")
SAME_ENDS = template("{okr}: its baseline and its target are both {target}, so there is no way to go")
NO_TIME = template("{okr}: it is due on {due}, not after its baseline of {day}")


@dataclass(frozen=True)
class Progress:
    """Where an objective stands.

    ``done`` is the part of the way from baseline to target, ``gone`` that of the time; ``due_now`` is the figure that
    this much time asks for. ``per_month`` is the change still needed per month of 365/12 days, None where none is left.
    """

    value: float
    done: float
    gone: float
    due_now: float
    per_month: float | None
    standing: Standing


def progress(okr: Okr, value: float, on: date) -> Progress:
    """Where an objective stands with this figure; ``on`` is the first day that the figure does not count.

    >>> faster = Okr(id="faster", objective="Be fast", kpi_id="ttv_mean", baseline=65, baseline_on=date(2026, 1, 1),
    ...              target=55, due_on=date(2026, 7, 1))
    >>> found = progress(faster, 61, date(2026, 4, 1))
    >>> found.done, round(found.gone, 6), round(found.due_now, 6), found.standing
    (0.4, 0.497238, 60.027624, 'at_risk')
    """
    done = (okr.baseline - value) / (okr.baseline - okr.target)
    gone = min(1.0, max(0.0, (on - okr.baseline_on) / (okr.due_on - okr.baseline_on)))
    months = (okr.due_on - on).days * 12 / 365
    return Progress(
        value=value,
        done=done,
        gone=gone,
        due_now=okr.baseline + gone * (okr.target - okr.baseline),
        per_month=(okr.target - value) / months if months > 0 and done < 1 - EXACT else None,
        standing=_standing(done, gone),
    )


def unusable(okr: Okr) -> str:
    """Why an objective, named by its id, cannot be measured at all; empty where it can."""
    if okr.baseline == okr.target:
        return SAME_ENDS.format(okr=okr.id, target=f"{okr.target:g}")
    if okr.due_on <= okr.baseline_on:
        return NO_TIME.format(okr=okr.id, due=okr.due_on, day=okr.baseline_on)
    return ""


def young_cohort(okr: Okr, params: dict[str, Any]) -> str:
    """The trap of an objective in days to value: who signs too late cannot show the target when it is due.

    ``params`` are those that the figure was computed with; empty where the trap is none.

    >>> faster = Okr(id="faster", objective="Be fast", kpi_id="ttv_mean", baseline=65, baseline_on=date(2026, 1, 1),
    ...              target=55, due_on=date(2026, 7, 1))
    >>> young_cohort(faster, {"ttv_cohort": "trailing_year"}).partition(":")[0]
    'customers that sign on 2026-05-07 or later cannot show 55 days by 2026-06-30'
    """
    if okr.kpi_id not in WAITING:
        return ""
    first = okr.due_on - math.ceil(okr.target) * DAY
    reason = WAITING[okr.kpi_id].format(reason=COHORTS[params["ttv_cohort"]], days=params.get("rmst_days"))
    return YOUNG.format(first=first, target=f"{okr.target:g}", day=okr.due_on - DAY, reason=reason)


def _standing(done: float, gone: float) -> Standing:
    if done >= 1 - EXACT:
        return "achieved"
    if gone == 1:
        return "missed"
    if done >= gone - EXACT:
        return "on_track"
    return "at_risk" if done >= gone - SLACK - EXACT else "off_track"
