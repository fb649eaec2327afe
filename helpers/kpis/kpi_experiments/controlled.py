"""Controlled experiments (C09): what each came to, how sure that is, and what the rule written before says of it.

The order is fixed: is the plan the one that was fixed, are the variants as large as planned, and only then the effects.
Nothing here is computed of a fixed experiment before the day on which it stops: its outcomes are not read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from helpers.experiment_statistics import (
    SRM_LEVEL,
    Effect,
    Sums,
    always_valid,
    cohens_d,
    difference,
    holm,
    needed_for_means,
    needed_for_shares,
    power_of_means,
    power_of_shares,
    running_sample_ratio,
    sample_ratio,
    spread_of_ratio,
    two_proportions,
)
from helpers.experiments import OWN_METRIC, Controlled, Guardrail, Ruling
from helpers.kpis.spine import Spine
from helpers.language import template
from helpers.periods import DAY
from helpers.results import grouped

LEAST = 10  # units in each variant; below it nothing but the figures is told
LOOKING = 0.2  # of the error that a hybrid experiment allows itself, the part for looking before it stops
WEEK = 7
TRIAL = {
    "experiment": "varchar", "unit": "varchar", "control": "varchar", "treatment": "varchar", "starts_on": "date",
    "stops_on": "date", "outcome_days": "integer", "use_pre_value": "boolean", "is_readable": "boolean",
}  # fmt: skip
METRIC = {"experiment": "varchar", "metric": "varchar", "role": "varchar", "per": "varchar"}
Sides = Mapping[bool, Mapping[str, Any]]  # what the clusters of either variant come to, by whether they are treated
State = Literal["stopped", "running", "planned"]
STATES: tuple[State, ...] = ("stopped", "running", "planned")
ASSIGNMENTS = template("assignments: {reason}")
RULINGS: Mapping[str, str] = {
    "invalid": template("invalid"), "roll back": template("roll back"), "ship": template("ship"),
    "hold": template("hold"),
}  # fmt: skip
UNEXPLAINED: Mapping[Ruling, str] = {
    "ship": template("the rule says {reason}; {person} decided to ship and gives no reason"),
    "hold": template("the rule says {reason}; {person} decided to hold and gives no reason"),
    "roll back": template("the rule says {reason}; {person} decided to roll back and gives no reason"),
    "invalid": template("the rule says {reason}; {person} decided to invalid and gives no reason"),
}
NOBODY = template("nobody is assigned yet")
CORRECTED = template("{reason}, CUPED")  # by what was measured before the assignment
NOT_MEASURED = template("no measurements of {metrics}")
PLAN_NOT_MEASURED = template("no measurements of {metrics}, which the plan asks for")
BROKEN_RATIO = template(
    "the variants have {control} and {treatment} units where {share} to {other} was planned (p = {p}); something "
    "decides who is in which, so that no effect is told"
)
NO_SHARE = template("{metric} has values other than 0 and 1, of which there is no share; write measured: mean")
ALL_EQUAL = template("all units of a variant have the same {metric}: no effect is judged")
UNTIL_IT_STOPS = template("running: no effect is told before {day}, on which it stops")
BELOW_FLOOR = template("running: no effect is told below {n} units in each variant")
TOO_FEW = template("{control} and {treatment} units: below {least} no effect is judged")
NOT_YET_FIXED = template(
    "the plan is not fixed yet: when it is as it should be, add fixed: {{on: the day, plan: {hash}}}"
)
NOT_FIXED = template("the plan was not fixed before anybody looked: what is found is exploratory and decides nothing")
CHANGED = template(
    "the plan is another than the one fixed on {day} ({fixed}, now {hash}): what is found is exploratory and decides "
    "nothing"
)
FIXED_LATE = template(
    "the plan was fixed on {day}, after the first day, {first}: what is found is exploratory and decides nothing"
)
OF_UNITS = {
    "crossovers": template("{n} units were in the other variant later; they count in their first"),
    "used_before": template("{n} units were in another experiment before, which may carry over"),
    "mixed_clusters": template(
        "{n} accounts have users in both variants, which makes the effect look smaller than it is"
    ),
}


@dataclass(frozen=True)
class Measured:
    """One metric of an experiment: its effect with its interval, and its p-value corrected for the others tested.

    ``cohens_d`` is the plain difference of means in standard deviations of one unit; a ratio has none.
    """

    metric: str
    role: str
    effect: Effect
    n: tuple[int, int]
    cohens_d: float | None = None
    corrected: float | None = None


@dataclass(frozen=True)
class Guarded:
    """One guardrail: whether the harm that it forbids is excluded (kept), shown (broken), or neither (not shown)."""

    guardrail: Guardrail
    effect: Effect
    standing: Literal["kept", "broken", "not shown"]


@dataclass(frozen=True)
class Trial:
    """A controlled experiment as it stands: units, sample ratio, effects, guardrails, and what follows.

    ``units`` are those assigned as planned, control first; ``refused`` says why no effect is told though it might be,
    ``silent`` why none is told yet. ``available`` are the units that there are, or that come in a week (``is_flow``).
    """

    plan: Controlled
    state: State
    units: tuple[int, int] = (0, 0)
    ratio_p: float = 1.0
    excluded: Mapping[str, int] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    refused: str = ""
    silent: str = ""
    primary: Measured | None = None
    secondary: Sequence[Measured] = ()
    guarded: Sequence[Guarded] = ()
    plain: tuple[float, float] | None = None
    needed: int | None = None
    power: float | None = None
    available: int | None = None
    is_flow: bool = False

    @property
    def is_exploratory(self) -> bool:
        """Whether the plan was not fixed before the first day, or is another now."""
        fixed = self.plan.fixed
        return fixed is None or fixed.on > self.plan.starts_on or self.plan.is_changed

    @property
    def ruling(self) -> Ruling | None:
        """What the rule says, in this order: invalid, roll back, ship, hold; None while nothing is told."""
        if self.refused or (self.is_exploratory and (self.primary is not None or self.state == "stopped")):
            return "invalid"
        if self.primary is None or (self.state == "running" and self.plan.analysis == "fixed"):
            return None
        low, high = _towards_better(self.primary.effect, self.plan.direction)
        if high < 0 or any(each.standing == "broken" for each in self.guarded):
            return "roll back"
        is_sure = (self.primary.corrected or 0) <= self.plan.alpha and low > self.plan.ship_at_least
        are_kept = [each.standing for each in self.guarded] == ["kept"] * len(self.plan.guardrails)
        if is_sure and are_kept:
            return "ship"
        return "hold" if self.state == "stopped" else None

    @property
    def unexplained(self) -> str:
        """What a person decided against the rule without saying why, empty where there is no such decision."""
        decided = self.plan.decided
        if decided is None or decided.reason or self.ruling is None or self.ruling == decided.decision:
            return ""
        return UNEXPLAINED[decided.decision].format(reason=RULINGS[self.ruling], person=decided.by)

    @property
    def confirms(self) -> bool:
        """Whether it proves that its CPI moves its KPI."""
        return bool(self.plan.cpi and self.plan.kpi) and self.ruling == "ship"

    @property
    def weeks(self) -> int | None:
        """The weeks until it can be decided; None where the units that there are do not suffice, or are not known."""
        if self.needed is None or not self.available or (not self.is_flow and self.needed > self.available):
            return None
        coming = math.ceil(self.needed / self.available) if self.is_flow else 0
        return coming + math.ceil(self.plan.outcome_days / WEEK)


def trials(spine: Spine) -> list[Trial]:
    """Every controlled experiment of the review, as its period knows it: those that have stopped first."""
    plans = [each for each in spine.review.experiments if isinstance(each, Controlled)]
    plans.sort(key=lambda plan: STATES.index(_state(spine, plan)))
    give(spine, plans)
    if not plans or not spine.provides("assignments"):
        return [_planned(spine, plan) for plan in plans]
    sums: dict[tuple[str, str], dict[bool, dict[str, Any]]] = {}
    for row in spine.answers("experiment_sums", "all"):
        sums.setdefault((row["experiment"], row["metric"]), {})[row["is_treated"]] = row
    counts = grouped((row["experiment"], row) for row in spine.answers("assigned_counts", "all"))
    excluded: dict[str, dict[str, int]] = {}
    for row in spine.answers("units_left_out", "all"):
        excluded.setdefault(row["experiment"], {})[ASSIGNMENTS.format(reason=row["left_out"])] = row["units"]
    return [_evaluated(spine, plan, counts.get(plan.id, []), excluded.get(plan.id, {}), sums) for plan in plans]


def _unmeasured(spine: Spine, plan: Controlled) -> list[str]:
    """The metrics of a plan that nobody ever measured: a sum of them would be 0 and mean nothing."""
    asked = [name for name in (plan.metric, plan.per, *plan.metrics) if name not in (None, OWN_METRIC)]
    given = {row["metric"] for row in spine.answers("metric_on_record")} if spine.provides("measurements") else set()
    return [name for name in dict.fromkeys(asked) if name not in given]


def give(spine: Spine, plans: Sequence[Controlled]) -> None:
    """What the queries of this card read of the plans."""
    spine.give("registered_trial", TRIAL, [
        (plan.id, plan.unit, plan.control, plan.treatment, plan.starts_on, plan.stops_on, plan.outcome_days,
         plan.use_pre_value, plan.analysis != "fixed" or _state(spine, plan) == "stopped")
        for plan in plans
    ])  # fmt: skip
    spine.give("registered_metric", METRIC, [
        (plan.id, metric, role, plan.per if role == "primary" else None)
        for plan in plans for metric, role in plan.metrics.items()
    ])  # fmt: skip


def _state(spine: Spine, plan: Controlled) -> State:
    today = spine.period.known_until + DAY
    return "planned" if today <= plan.starts_on else "stopped" if today > plan.stops_on else "running"


def _planned(spine: Spine, plan: Controlled) -> Trial:
    state = _state(spine, plan)
    found = Trial(plan, state, silent=NOBODY, warnings=_told_of_the_plan(plan, state))
    return _with_power(_with_available(spine, found), {})


def _evaluated(
    spine: Spine,
    plan: Controlled,
    counts: Sequence[Mapping[str, Any]],
    excluded: Mapping[str, int],
    sums: Mapping[tuple[str, str], Sides],
) -> Trial:
    """An experiment with what its units came to."""
    found = _planned(spine, plan)
    if not counts:
        return found
    of_primary = sums.get((plan.id, plan.metric), {})
    units = _units(counts)
    found = replace(
        found,
        units=units,
        ratio_p=_ratio(spine, plan, found.state, units),
        excluded=excluded,
        warnings=[*found.warnings, *_told_of_units(plan, counts)],
        silent="",
    )
    unmeasured = _unmeasured(spine, plan)
    if {plan.metric, plan.per} & {*unmeasured}:
        return replace(found, refused=PLAN_NOT_MEASURED.format(metrics=", ".join(unmeasured)))
    if any(side["mean_d"] == 0 for side in of_primary.values()):
        return replace(found, refused=PLAN_NOT_MEASURED.format(metrics=plan.per))
    found = _with_power(found, of_primary)
    if found.ratio_p < SRM_LEVEL:
        share, other = (f"{share:.0%}" for share in plan.variants.values())
        told = {"share": share, "other": other, "p": f"{found.ratio_p:.1e}"}
        return replace(found, refused=BROKEN_RATIO.format(control=units[0], treatment=units[1], **told))
    if unmeasured:
        found = replace(found, warnings=[*found.warnings, NOT_MEASURED.format(metrics=", ".join(unmeasured))])
    measured = {key: sides for key, sides in sums.items() if key[1] not in unmeasured}
    return _with_effects(found, measured)


def _with_effects(trial: Trial, sums: Mapping[tuple[str, str], Sides]) -> Trial:
    plan = trial.plan
    of_primary = sums.get((plan.id, plan.metric), {})
    n = (_n(of_primary, False), _n(of_primary, True))
    if trial.state == "running" and plan.analysis == "fixed":
        return replace(trial, silent=UNTIL_IT_STOPS.format(day=plan.stops_on))
    if trial.state == "running" and min(n) < plan.floor:
        return replace(trial, silent=BELOW_FLOOR.format(n=plan.floor))
    plain = (of_primary[False]["mean_y"], of_primary[True]["mean_y"]) if len(of_primary) == 2 else None
    if min(n) < LEAST:
        return replace(trial, plain=plain, silent=TOO_FEW.format(control=n[0], treatment=n[1], least=LEAST))
    if plan.measured == "share" and not all(side["is_yes_or_no"] for side in of_primary.values()):
        return replace(trial, refused=NO_SHARE.format(metric=plan.metric))
    if not _is_judged(plan, plan.metric, of_primary):
        return replace(trial, plain=plain, silent=ALL_EQUAL.format(metric=plan.metric))
    judged = {
        metric: sides for (of, metric), sides in sums.items() if of == plan.id and _is_judged(plan, metric, sides)
    }
    tested = [
        Measured(metric, role, _effect(trial, judged[metric], _alpha(trial), metric), n, _d(judged[metric]))
        for metric, role in plan.metrics.items()
        if role != "guardrail" and metric in judged
    ]
    corrected = holm([each.effect.p for each in tested], plan.tried)
    tested = [replace(each, corrected=p) for each, p in zip(tested, corrected, strict=True)]
    guarded = [
        _guarded(each, _effect(trial, judged[each.metric], 2 * _alpha(trial), each.metric))
        for each in plan.guardrails
        if each.metric in judged
    ]
    return replace(
        trial,
        primary=next(each for each in tested if each.role == "primary"),
        secondary=[each for each in tested if each.role == "secondary"],
        guarded=guarded,
    )


def _alpha(trial: Trial) -> float:
    """The error that is allowed for: a hybrid experiment spends a part of it before it stops, the rest after."""
    if trial.plan.analysis != "hybrid":
        return trial.plan.alpha
    return trial.plan.alpha * (LOOKING if trial.state == "running" else 1 - LOOKING)


def _effect(trial: Trial, sides: Sides, alpha: float, metric: str) -> Effect:
    """The effect on one metric: of shares by Newcombe, else of means or ratios; always valid where one may look."""
    plan, (control, treatment) = trial.plan, (sides[False], sides[True])
    looks = plan.analysis == "sequential" or (plan.analysis == "hybrid" and trial.state == "running")
    if _is_of_shares(plan, metric, sides) and not looks:
        parts = [(round(side["total"]), side["n"]) for side in (control, treatment)]
        return two_proportions(parts[0], parts[1], alpha)
    found = difference(*_compared(sides), alpha=alpha, per=_per(plan, metric, sides))
    if control["is_corrected"]:
        found = replace(found, method=CORRECTED.format(reason=found.method))
    n = control["n"] + treatment["n"]
    return always_valid(found, n, max(trial.needed or n, 1), alpha) if looks else found


def _is_judged(plan: Controlled, metric: str, sides: Sides) -> bool:
    """Whether both variants have the metric, and chance moves it in one of them at least."""
    if len(sides) < 2 or _is_of_shares(plan, metric, sides):
        return len(sides) == 2
    per = _per(plan, metric, sides)
    return any(spread_of_ratio(each, per) > 0 for each in _compared(sides))


def _is_of_shares(plan: Controlled, metric: str, sides: Sides) -> bool:
    return metric == plan.metric and plan.measured == "share" and sides[False]["n"] == sides[False]["units"]


def _per(plan: Controlled, metric: str, sides: Sides) -> str | None:
    """What divides the sums of clusters, if anything does."""
    is_ratio = (metric == plan.metric and plan.per is not None) or sides[False]["n"] != sides[False]["units"]
    return "per" if is_ratio else None


def _compared(sides: Sides) -> tuple[Sums, Sums]:
    """The sums of both variants, corrected where the plan says so."""
    control, treatment = (_sums(side, "z" if side["is_corrected"] else "y") for side in (sides[False], sides[True]))
    return control, treatment


def _d(sides: Sides) -> float | None:
    """Cohen's d of means of units; none of ratios and clusters."""
    is_mean = all(side["var_d"] == 0 for side in sides.values())
    return cohens_d(_sums(sides[False]), _sums(sides[True])) if is_mean else None


def _sums(side: Mapping[str, Any], of: Literal["y", "z"] = "y") -> Sums:
    """The sums of a variant's clusters: of their values, or of the corrected ones (z)."""
    means = {"value": side[f"mean_{of}"], "per": side["mean_d"]}
    variances = {"value": side[f"var_{of}"] or 0.0, "per": side["var_d"] or 0.0}
    return Sums(side["n"], means, variances, {("value", "per"): side[f"cov_{of}"] or 0.0})


def _guarded(guardrail: Guardrail, effect: Effect) -> Guarded:
    low, high = _towards_better(effect, guardrail.direction)
    standing: Literal["kept", "broken", "not shown"]
    standing = "kept" if low > -guardrail.margin else "broken" if high < -guardrail.margin else "not shown"
    return Guarded(guardrail, effect, standing)


def _towards_better(effect: Effect, direction: str) -> tuple[float, float]:
    """The ends of the interval, so that more is better."""
    return (effect.low, effect.high) if direction == "up" else (-effect.high, -effect.low)


def _units(counts: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """The clusters assigned as planned, whether their outcome is known or not."""
    planned = [each for each in counts if each["is_planned"]]
    return (
        sum(each["clusters"] for each in planned if not each["is_treated"]),
        sum(each["clusters"] for each in planned if each["is_treated"]),
    )


def _ratio(spine: Spine, plan: Controlled, state: State, units: tuple[int, int]) -> float:
    """How often chance gives such a sample ratio; while it runs, however often one looks."""
    if state == "stopped":
        return sample_ratio(units, list(plan.variants.values()))
    found = spine.vectors("assigned_in_order", "experiment", order="experiment, assigned_at, cluster")
    return running_sample_ratio(found[(plan.id,)]["is_treated"], plan.variants[plan.treatment])


def _told_of_the_plan(plan: Controlled, state: State) -> list[str]:
    """What stands beside a result whose plan was not fixed before, or is another now."""
    if plan.fixed is None and state == "planned":
        return [NOT_YET_FIXED.format(hash=plan.hash)]
    if plan.fixed is None:
        return [NOT_FIXED]
    if plan.is_changed:
        return [CHANGED.format(day=plan.fixed.on, fixed=plan.fixed.plan, hash=plan.hash)]
    if plan.fixed.on > plan.starts_on:
        return [FIXED_LATE.format(day=plan.fixed.on, first=plan.starts_on)]
    return []


def _told_of_units(plan: Controlled, counts: Sequence[Mapping[str, Any]]) -> list[str]:
    totals = {name: sum(each[name] for each in counts if each["is_planned"]) for name in OF_UNITS}
    return [words.format(n=totals[name]) for name, words in OF_UNITS.items() if totals[name]]


def _with_available(spine: Spine, trial: Trial) -> Trial:
    """How many units there are, or come in a week, where the kit can count them."""
    counted = {
        "customer": ("subscriptions", "available_customers", False),
        "user": ("users", "available_users", False),
        "deal": ("deals", "coming_deals", True),
        "lead": ("deals", "coming_deals", True),
    }
    table, relation, is_flow = counted.get(trial.plan.unit, ("", "", False))
    if not table or not spine.provides(table):
        return trial
    answers = spine.answers(relation)
    return replace(trial, available=int(answers[0]["units"]) if answers else 0, is_flow=is_flow)


def _with_power(trial: Trial, sides: Sides) -> Trial:
    """How many units are needed in all, and with those that there are, how often the least effect would be found.

    What the plan does not say of the control (baseline, spread) is taken from it, once it may be read.
    """
    plan = trial.plan
    share = plan.variants[plan.treatment]
    bigger = 1 + (plan.cluster_size - 1) * plan.cluster_correlation
    uneven = 1 / (4 * share * (1 - share))
    may_read = trial.state == "stopped" and len(sides) == 2
    n = (_n(sides, False), _n(sides, True))
    asked = {"alpha": plan.alpha, "power": plan.power}
    step = plan.mde if plan.direction == "up" else -plan.mde
    needed, power = None, None
    if plan.measured == "share":
        rate = sides[False]["mean_y"] if may_read and plan.baseline is None else plan.baseline
        if rate is not None and 0 < rate < 1 and 0 < rate + step < 1:
            needed = needed_for_shares(rate, rate + step, **asked)
            power = power_of_shares(rate, rate + step, n, plan.alpha) if may_read and min(n) else None
    else:
        is_ratio = plan.per is not None or (may_read and sides[False]["n"] != sides[False]["units"])
        seen = spread_of_ratio(_sums(sides[False]), "per" if is_ratio else None) if may_read else None
        spread = plan.spread or seen
        if spread:
            needed = needed_for_means(spread, plan.mde, **asked)
            power = power_of_means(seen or spread, plan.mde, n, plan.alpha) if may_read and min(n) else None
    total = None if needed is None else math.ceil(2 * needed * bigger * uneven)
    return replace(trial, needed=total, power=power)


def _n(sides: Sides, is_treated: bool) -> int:
    return int(sides[is_treated]["n"]) if is_treated in sides else 0
