"""Signal or noise: what the XmR limits of a KPI's own history say of its latest value (specification T4).

About one value in thirty stands out by chance, so every place that shows verdicts says how many were given.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pandas as pd

from helpers.catalogue import judged_as, kpi
from helpers.display.context import Results, Series
from helpers.display.formats import format_period
from helpers.language import _, message
from helpers.periods import DAY
from helpers.registries import Baseline
from helpers.results import segment_of
from helpers.statistics import Limits, xmr

State = Literal["signal", "noise", "too short", "not judged"]
Tone = Literal["good", "bad", ""]
ENOUGH = 6  # points; a shorter series has no limits
# By what a series is made of: eight of them, in three of four of them, and on the one before.
EIGHT = {"quarter": message("eight quarters"), "month": message("eight months"), "week": message("eight weeks")}
IN_THREE = {
    "quarter": message("in three of four quarters"), "month": message("in three of four months"),
    "week": message("in three of four weeks"),
}  # fmt: skip
ON_BEFORE = {
    "quarter": message("on the quarter before"), "month": message("on the month before"),
    "week": message("on the week before"),
}  # fmt: skip
FIXED_FROM = 12  # points; a shorter series is not judged by the baseline that the review fixes


@dataclass(frozen=True)
class Verdict:
    """What is said of one KPI's latest value.

    ``subject`` is the KPI whose series was judged: overlapping windows are judged by their quarterly variant.
    ``kind`` is what the series is made of, ``period`` the judged point, ``side`` where it stands (1 above, -1 below).
    ``baseline`` is the one that the review fixes, if the limits come from that.
    ``position`` says in words where it stands; ``name`` names it, where it is not the value beside the verdict, and
    ``of`` does so without its value.
    """

    state: State
    subject: str = ""
    kind: Series = "quarter"
    period: str = ""
    value: float = math.nan
    side: int = 0
    limits: Limits = field(default_factory=lambda: Limits("too short"))
    range: tuple[float, float] | None = None
    baseline: Baseline | None = None
    of: str = ""
    name: str = ""
    position: str = ""

    @property
    def words(self) -> str:
        """The verdict as a clause."""
        return _(", ").join(filter(None, [self.name, self.position]))

    @property
    def tone(self) -> Tone:
        """Whether a signal is good or bad news; a long step that only leads back towards the average is neither."""
        towards = self.limits.rule == 1 and self.side * (self.value - (self.limits.mean or 0.0)) < 0
        return self.tone_of(self.side) if self.state == "signal" and not towards else ""

    @property
    def is_wide(self) -> bool:
        """Whether the usual range reaches from nothing to twice the average: too wide to say what is unusual."""
        lower, mean = self.limits.lower, self.limits.mean
        return self.state == "noise" and lower is not None and mean is not None and lower * mean <= 0 and lower != mean

    @property
    def shown(self) -> str:
        """The verdict as blocks and rows name it: ``signal``, ``noise``, ``wide`` or ``too short``; else empty."""
        return "" if self.state == "not judged" else "wide" if self.is_wide else self.state

    def tone_of(self, side: int) -> Tone:
        """Whether it is good or bad to stand on this side."""
        return change_tone(self.subject, side)


def standing_out(found: Verdict, periods: Iterable[Any], values: Iterable[float]) -> dict[int, Tone]:
    """The places of the values beyond the usual range, and of the judged one if it is a signal; each with its tone."""
    low, high = found.range or (-math.inf, math.inf)
    marked: dict[int, Tone] = {}
    for i, (period, value) in enumerate(zip(periods, values, strict=True)):
        if found.state == "signal" and period == found.period:
            marked[i] = found.tone
        elif value < low or value > high:
            marked[i] = found.tone_of(1 if value > high else -1)
    return marked


def change_tone(kpi_id: str, change: float) -> Tone:
    """Whether a change is good or bad news, by the KPI's direction.

    >>> change_tone("logo_churn", 0.01), change_tone("mrr", 1), change_tone("mrr_opening", 1)
    ('bad', 'good', '')
    """
    wanted = {"up": 1, "down": -1, "neutral": 0}[kpi(kpi_id).direction]
    return "" if not wanted * change else "good" if wanted * change > 0 else "bad"


def target_met(results: Results, row: pd.Series) -> bool | None:
    """Whether the target is met; None where there is none, or the period is not over, or no direction is good."""
    target, direction = results.target(row["kpi_id"], segment_of(row)), kpi(row["kpi_id"]).direction
    judged = row["status"] == "ok" and row["period"] == results.period.label and direction != "neutral"
    if target is None or not judged:
        return None
    return bool(row["value"] >= target if direction == "up" else row["value"] <= target)


def judged_series(results: Results, subject: str, by: Series | None = None) -> tuple[Series, pd.DataFrame]:
    """The series that a KPI is judged by: months where it has enough of them, else the kind of the review's period.

    ``by`` is the kind to take whatever there is.

    It ends with the last complete period that has a value; what is partial or undefined before it has no value.
    """
    kind: Series = by or results.period.kind
    if not by and kind == "quarter" and kpi(subject).judged == "month":
        months = results.series(subject, "month")
        kind = "month" if (months["status"] == "ok").sum() >= ENOUGH else kind
    series = results.series(subject, kind)
    complete = series["status"] == "ok"
    series["value"] = series["value"].where(complete)
    return kind, series[: int(complete[complete].index.max()) + 1 if complete.any() else 0]


def verdict(results: Results, kpi_id: str, by: Series | None = None) -> Verdict:
    """The verdict on the latest value of a KPI, or of the one that speaks for it; ``by`` as in ``judged_series``."""
    subject = judged_as(kpi_id)
    row = results.now(subject) if subject else None
    if row is None or row["status"] not in ("ok", "partial"):
        return Verdict("not judged", subject)
    kind, series = judged_series(results, subject, by)
    values = [None if math.isnan(v) else float(v) for v in series["value"]]
    baseline = _fixed_baseline(results, subject, series)
    limits = xmr(values, _places(baseline, series) if baseline else None)
    if limits.mean is None:
        position = _("too few values in its baseline to say") if baseline else _("too short a history to say")
        return Verdict("too short", subject, kind, limits=limits, baseline=baseline, position=position)
    found = Verdict(limits.verdict, subject, kind, series["period"].iloc[-1], values[-1] or 0.0, limits=limits)
    found = replace(found, side=_side(values, limits), range=_usual_range(series, limits), baseline=baseline)
    found = replace(found, of=_of(found, kpi_id, results), position=_position(found, results))
    value = results.write.value(found.value, kpi(subject).unit)
    return replace(found, name=_("{period}, at {value}").format(period=found.of, value=value) if found.of else "")


def verdict_of_period(results: Results, kpi_id: str) -> Verdict:
    """The verdict on the very figure of the review period: where months are judged and are parts of it, by quarters."""
    found = verdict(results, kpi_id)
    return verdict(results, kpi_id, results.period.kind) if found.name and found.subject == kpi_id else found


def judged_count(verdicts: Iterable[Verdict]) -> int:
    """How many series were judged, each counted once."""
    return len({(v.subject, v.kind) for v in verdicts if v.state in ("signal", "noise")})


def _fixed_baseline(results: Results, subject: str, series: pd.DataFrame) -> Baseline | None:
    """The baseline that the review fixes for a series of enough values: the last that ends before the judged one."""
    if series["value"].count() < FIXED_FROM:
        return None
    judged_from = series["period_start"].iloc[-1]
    ended = [each for each in results.context.baselines.get(subject, ()) if each.to_on.isoformat() < judged_from]
    return ended[-1] if ended else None


def _places(baseline: Baseline, series: pd.DataFrame) -> list[int]:
    """The places of the periods that lie within a baseline."""
    first, after = baseline.from_on.isoformat(), (baseline.to_on + DAY).isoformat()
    return [
        i
        for i, (start, end) in enumerate(zip(series["period_start"], series["period_end"], strict=True))
        if start >= first and end <= after
    ]


def _usual_range(series: pd.DataFrame, limits: Limits) -> tuple[float, float] | None:
    """The limits as they are shown: not beyond what the KPI can be, unless a value of it was (bookings taken back)."""
    if limits.lower is None or limits.upper is None:
        return None
    judged, values = kpi(series["kpi_id"].iloc[-1]), series["value"]
    floor = -math.inf if judged.floor is None or (values < judged.floor).any() else judged.floor
    ceiling = math.inf if judged.ceiling is None or (values > judged.ceiling).any() else judged.ceiling
    return max(limits.lower, floor), min(limits.upper, ceiling)


def _side(values: list[float | None], limits: Limits) -> int:
    """Above (1) or below (-1): of the last value, or where only its step stands out, of that step."""
    points, mean = [v for v in values if v is not None], limits.mean or 0.0
    offset = points[-1] - mean
    if limits.rule == 1 and not is_outside(points[-1], limits):
        offset = points[-1] - points[-2]
    elif limits.rule == 3:
        offset = sum(point - mean for point in points[-4:])
    return 1 if offset > 0 else -1


def is_outside(value: float, limits: Limits) -> bool:
    """Whether a value lies outside the limits; where there are none, it does."""
    return limits.lower is None or limits.upper is None or not limits.lower <= value <= limits.upper


def _of(found: Verdict, kpi_id: str, results: Results) -> str:
    """The judged value, named where it is not the one that stands beside the verdict."""
    beside = results.shown(kpi_id)
    if found.subject == kpi_id and beside is not None:
        judged = results.at(kpi_id, found.period)
        same = judged is not None and all(judged[name] == beside[name] for name in ("period_end", "value"))
        if found.period == beside["period"] or same:  # the last month's stock is the quarter's
            return ""
    told = "{period}" if found.subject == kpi_id else _("{period} alone")
    return told.format(period=format_period(found.period))


def _position(found: Verdict, results: Results) -> str:
    """Where the judged value stands, as a clause."""
    unit, write = kpi(found.subject).unit, results.write
    low, high = write.column(found.range or (None, None), unit)
    if low == high:
        usual = _("provisional usual value of {value}") if found.limits.provisional else _("usual value of {value}")
    elif found.limits.provisional:
        usual = _("provisional usual range of {low} to {high}")
    else:
        usual = _("usual range of {low} to {high}")
    usual, is_above = usual.format(value=low, low=low, high=high), found.side > 0
    if found.is_wide:
        return _("varies too much for a verdict ({usual})").format(usual=usual)
    if found.state == "noise":
        return (_("within its {usual}") if low != high else _("at its {usual}")).format(usual=usual)
    if found.limits.rule == 2:
        told = _("above its average of {mean} for {periods} running")
        if not is_above:
            told = _("below its average of {mean} for {periods} running")
        return told.format(mean=write.value(found.limits.mean, unit), periods=_(EIGHT[found.kind]))
    if found.limits.rule == 3:
        told = _("near the lower end of its {usual} {in_three}")
        if is_above:
            told = _("near the upper end of its {usual} {in_three}")
        return told.format(usual=usual, in_three=_(IN_THREE[found.kind]))
    if is_outside(found.value, found.limits):
        return (_("above its {usual}") if is_above else _("below its {usual}")).format(usual=usual)
    told = _("down {on_before} by more than the usual {step}")
    if is_above:
        told = _("up {on_before} by more than the usual {step}")
    step = write.gap(found.limits.range_limit or 0.0, unit)
    return told.format(on_before=_(ON_BEFORE[found.kind]), step=step)
