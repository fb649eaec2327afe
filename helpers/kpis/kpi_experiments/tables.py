"""The tables beside the experiments: all of them, effects, guardrails, what can be decided, links, back-tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from helpers.catalogue import CATALOGUE, kpi
from helpers.experiments import Controlled, Plan
from helpers.kpis.kpi_experiments.backtests import Backtested, backtests
from helpers.kpis.kpi_experiments.controlled import Measured, Trial, trials
from helpers.kpis.kpi_experiments.links import CAVEATS, FoundLink, links
from helpers.kpis.spine import Spine
from helpers.results import Column, Listing

KINDS = {"controlled": "controlled", "link": "link", "backtest": "back-test"}
NO_EXPERIMENTS = "The review has no experiments; write one in params/experiments/."


def experiments(spine: Spine) -> Listing:
    """Every experiment of the review: what is asked, how it stands, what the rule says, what was decided."""
    rows = [
        *(_row(each.plan, _state_of(each), _told_of_trial(each), each.ruling or "") for each in trials(spine)),
        *(_row(each.plan, "observed", _told_of_link(each), each.standing) for each in links(spine)),
        *(_row(each.plan, "looked back", _told_of_backtest(each), each.verdict) for each in backtests(spine)),
    ]
    columns = {
        "experiment": Column("Experiment"),
        "hypothesis": Column("Hypothesis"),
        "state": Column("State"),
        "found": Column("What was found"),
        "ruling": Column("The rule says"),
        "decided": Column("Decided"),
        "kind": Column("Kind", on_pages=False),
        "plan": Column("Plan", on_pages=False),
        "owner": Column("Owner", on_pages=False),
        "kpi": Column("KPI", on_pages=False),
        "notes": Column("Notes", on_pages=False),
    }
    return _listing(
        "All experiments", rows, columns, "experiment",
        note="A plan is fixed before the data. Its hash stands in the workbook; one that changed since is told here.",
    )  # fmt: skip


def effects(spine: Spine) -> Listing:
    """The effect of each controlled experiment on each metric that it was planned for."""
    rows = [
        {
            "experiment": _named(each.plan.id), "metric": _metric(measured, each.plan), "role": measured.role,
            "control": _value(measured.effect.control, each.plan, measured),
            "treatment": _value(measured.effect.treatment, each.plan, measured),
            "effect": _value(measured.effect.value, each.plan, measured, signed=True),
            "interval": _between(measured.effect.low, measured.effect.high, each.plan, measured),
            "chance": _chance(measured.corrected), "n": sum(measured.n), "method": measured.effect.method,
            "value": measured.effect.value / each.plan.mde, "low": measured.effect.low / each.plan.mde,
            "high": measured.effect.high / each.plan.mde, "cohens_d": measured.cohens_d,
            "is_better_up": each.plan.direction == "up",
        }
        for each in trials(spine)
        for measured in ([each.primary] if each.primary else []) + list(each.secondary)
    ]  # fmt: skip
    columns = {
        "experiment": Column("Experiment"), "metric": Column("Metric"), "role": Column("Part"),
        "control": Column("Control"), "treatment": Column("Treatment"), "effect": Column("Difference"),
        "interval": Column("Interval"), "chance": Column("p, corrected"), "n": Column("Units", "count"),
        "method": Column("Method", on_pages=False), "value": Column("÷ least effect", "ratio", on_pages=False),
        "low": Column("from", "ratio", on_pages=False), "high": Column("to", "ratio", on_pages=False),
        "cohens_d": Column("Cohen's d", "ratio", on_pages=False),
        "is_better_up": Column("More is better", on_pages=False),
    }  # fmt: skip
    return _listing(
        "Effects of controlled experiments", rows, columns, "experiment, metric",
        when_empty="No experiment has an effect that may be told.",
        note="p: how often chance alone gives such a difference, corrected for all metrics of the experiment.",
    )  # fmt: skip


def guardrails(spine: Spine) -> Listing:
    """What must not get worse in each experiment, and whether that harm is excluded."""
    rows = [
        {
            "experiment": _named(each.plan.id), "metric": _named(guarded.guardrail.metric),
            "margin": guarded.guardrail.margin, "control": guarded.effect.control,
            "treatment": guarded.effect.treatment, "low": guarded.effect.low, "high": guarded.effect.high,
            "standing": guarded.standing,
        }
        for each in trials(spine) for guarded in each.guarded
    ]  # fmt: skip
    columns = {
        "experiment": Column("Experiment"), "metric": Column("Guardrail"), "margin": Column("Margin", "ratio"),
        "control": Column("Control", "ratio"), "treatment": Column("Treatment", "ratio"),
        "low": Column("Difference from", "ratio"), "high": Column("to", "ratio"), "standing": Column("Harm"),
    }  # fmt: skip
    words: dict[Any, str] = {"kept": "excluded", "broken": "shown", "not shown": "neither shown nor excluded"}
    return _listing(
        "Guardrails", [{**row, "standing": words[row["standing"]]} for row in rows], columns, "experiment, metric",
        when_empty="No experiment has a guardrail with a result.",
        note="Harm is excluded where the one-sided interval stays on the good side of the margin.",
    )  # fmt: skip


def feasibility(spine: Spine) -> Listing:
    """Whether an experiment can be decided with the units that there are, and what its size could have found."""
    rows = [
        {
            "experiment": _named(each.plan.id), "least": _in_unit(each.plan.mde, each.plan), "needed": each.needed,
            "assigned": sum(each.units), "available": _available(each), "decidable": _decidable(each),
            "power": each.power,
        }
        for each in trials(spine)
    ]  # fmt: skip
    columns = {
        "experiment": Column("Experiment"), "least": Column("Least effect looked for"),
        "needed": Column("Units needed", "count"), "assigned": Column("Assigned", "count"),
        "available": Column("There are"), "decidable": Column("Decidable"), "power": Column("Power reached", "share"),
    }  # fmt: skip
    return _listing(
        "Can it be decided?", rows, columns, "experiment", when_empty="The review has no controlled experiment.",
        note="Power is how often an experiment of this size finds the least effect, if it is there.",
    )  # fmt: skip


def cpi_links(spine: Spine) -> Listing:
    """What goes with what, as observed: the effect of one increment of a CPI."""
    rows = [
        {
            "experiment": _named(each.plan.id), "cpi": _named(each.plan.cpi), "kpi": _named(each.plan.kpi),
            "per": each.plan.increment, "value": each.effect and each.effect.value,
            "low": each.effect and each.effect.low, "high": each.effect and each.effect.high,
            "chance": _chance(each.corrected), "n": each.effect and each.effect.n,
            "standing": each.refused or (f"not provided: {each.lacks}" if each.lacks else _standing(each)),
            "mechanism": each.plan.mechanism, "confounders": "; ".join(each.plan.confounders) or None,
        }
        for each in links(spine)
    ]  # fmt: skip
    columns = {
        "experiment": Column("Experiment"), "cpi": Column("Indicator (CPI)"), "kpi": Column("Associated with"),
        "per": Column("For each", "ratio"), "value": Column("Change", "ratio"), "low": Column("95% from", "ratio"),
        "high": Column("to", "ratio"), "chance": Column("p, corrected"), "n": Column("n", "count"),
        "standing": Column("Standing"), "mechanism": Column("Mechanism", on_pages=False),
        "confounders": Column("What else may move both", on_pages=False),
    }  # fmt: skip
    return _listing(
        "Indicators and KPIs, as observed", rows, columns, "experiment", note=CAVEATS,
        when_empty="The review has no link between an indicator and a KPI.",
    )  # fmt: skip


def backtested_scores(spine: Spine) -> Listing:
    """How well each score told who would leave, beside what anybody could have said."""
    rows = []
    for each in backtests(spine):
        best = max(each.naive, key=lambda name: each.naive[name], default="")
        rows.append({
            "experiment": _named(each.plan.id), "score": _named(each.plan.score), "value": each.value,
            "interval": each.interval and f"{each.interval.low:.2f} to {each.interval.high:.2f}",
            "naive": f"{best} {each.naive[best]:.2f}" if best else None, "lift": each.lifts.get(0.25),
            "events": each.events, "n": each.rows, "base_rate": each.base_rate, "lift_10": each.lifts.get(0.10),
            "precision": each.precision, "recall": each.recall, "threshold": each.threshold,
            "verdict": f"not provided: {each.lacks}" if each.lacks else each.verdict,
        })  # fmt: skip
    columns = {
        "experiment": Column("Experiment"), "score": Column("Score"), "value": Column("AUC", "ratio"),
        "interval": Column("95% interval"), "naive": Column("Best naive score"),
        "lift": Column("Lift of the first 25%", "ratio"), "events": Column("Losses", "count"),
        "n": Column("Customers × quarters", "count"), "verdict": Column("Verdict"),
        "base_rate": Column("Losses of all", "share", on_pages=False),
        "lift_10": Column("Lift of the first 10%", "ratio", on_pages=False),
        "precision": Column("Alarms that were right", "share", on_pages=False),
        "recall": Column("Losses that were told", "share", on_pages=False),
        "threshold": Column("Alarm from", "ratio", on_pages=False),
    }  # fmt: skip
    return _listing(
        "Did the score tell who would leave?", rows, columns, "experiment", when_empty="The review has no back-test.",
        note="AUC: how often one that left had a worse score than one that stayed; 0.5 is a coin's, 1 is perfect. "
        "Naive scores are what anybody could say without this one.",
    )  # fmt: skip


def _listing(
    caption: str,
    rows: list[dict[str, Any]],
    columns: Mapping[str, Column],
    grain: str,
    *,
    note: str = "",
    when_empty: str = NO_EXPERIMENTS,
) -> Listing:
    frame = pd.DataFrame(rows, columns=list(columns))
    return Listing(caption, frame, columns, when_empty, grain, note=note if rows else "")


def _row(plan: Plan, state: str, found: str, ruling: str) -> dict[str, Any]:
    """The line of one experiment in the list of all."""
    decided, kind = plan.decided, KINDS[plan.model_dump()["kind"]]
    person = f"{decided.decision}, {decided.by}" if decided else None
    if decided and decided.decision != ruling:
        person = f"{person}: {decided.reason}"
    return {
        "experiment": _named(plan.id), "hypothesis": plan.hypothesis,
        "state": ", ".join(filter(None, [kind, state, "" if _is_firm(plan) else _plan(plan)])), "found": found,
        "ruling": ruling or None, "decided": person, "kind": kind, "plan": f"{_plan(plan)}: {plan.hash}",
        "owner": plan.owner or None, "kpi": plan.kpi or None, "notes": plan.notes or None,
    }  # fmt: skip


def _is_firm(plan: Plan) -> bool:
    return plan.fixed is not None and not plan.is_changed


def _plan(plan: Plan) -> str:
    if plan.fixed is None:
        return "plan not fixed"
    return f"plan {'changed since' if plan.is_changed else 'fixed on'} {plan.fixed.on:%-d %b %Y}"


def _state_of(trial: Trial) -> str:
    day = f"{trial.plan.starts_on if trial.state == 'planned' else trial.plan.stops_on:%-d %b %Y}"
    return {"planned": f"starts {day}", "running": f"runs until {day}", "stopped": f"stopped {day}"}[trial.state]


def _told_of_trial(trial: Trial) -> str:
    if trial.refused or trial.primary is None:
        why = trial.refused or trial.silent
        return f"{why[:1].upper()}{why[1:]}" if trial.state != "planned" else _decidable(trial)
    plan, effect = trial.plan, trial.primary.effect
    change = _value(effect.value, plan, trial.primary, signed=True)
    told = (
        f"{_value(effect.treatment, plan, trial.primary)} against {_value(effect.control, plan, trial.primary)}: "
        f"{change} ({_between(effect.low, effect.high, plan, trial.primary)})"
    )
    return "; ".join(filter(None, [told, *trial.warnings, trial.unexplained]))


def _told_of_link(found: FoundLink) -> str:
    if found.effect is None:
        return found.refused or f"Not provided: {found.lacks}"
    ends = (found.effect.value, found.effect.low, found.effect.high)
    if found.plan.unit == "period":
        value, low, high = map(_signed, ends)
        return f"Correlation of the changes {value} ({low} to {high})"
    value, low, high = (f"{100 * each:+.1f}".replace("-", "−") for each in ends)
    of = f"{_named(found.plan.cpi)} by {found.plan.increment:g}"
    return f"More {of} goes with {value} points of {found.plan.outcome} ({low} to {high})"


def _told_of_backtest(found: Backtested) -> str:
    if found.value is None or found.interval is None:
        return f"Not provided: {found.lacks}" if found.lacks else "No loss in the test"
    return f"AUC {found.value:.2f} ({found.interval.low:.2f} to {found.interval.high:.2f}), {found.events} losses"


def _standing(found: FoundLink) -> str:
    words = {
        "confirmed": "associated, as expected", "contradicted": "associated, against what was expected",
        "not shown": "not shown", "refused": "refused",
    }  # fmt: skip
    return words[found.standing]


def _named(name: str) -> str:
    """An experiment, a metric or a KPI as pages name it."""
    return kpi(name).label if name in CATALOGUE else name.replace("_", " ")


def _metric(measured: Measured, plan: Controlled) -> str:
    is_ratio = plan.per and measured.role == "primary"
    return f"{_named(measured.metric)} per {_named(plan.per)}" if is_ratio and plan.per else _named(measured.metric)


def _unit_writer(plan: Controlled) -> Callable[[float, bool], str]:
    if plan.measured == "share":
        return lambda value, signed: f"{100 * value:{'+' if signed else ''}.1f}{' points' if signed else '%'}"
    return lambda value, signed: f"{value:{'+' if signed else ''}.2f}"


def _in_unit(value: float, plan: Controlled) -> str:
    return _unit_writer(plan)(value, True).removeprefix("+").replace("-", "−")


def _signed(value: float) -> str:
    """A change with its sign, a true minus.

    >>> _signed(-0.004), _signed(0.5)
    ('−0.004', '+0.500')
    """
    return f"{value:+.3f}".replace("-", "−")


def _chance(p: float | None) -> str | None:
    """How often chance alone does it.

    >>> _chance(0.0203), _chance(0.00002)
    ('0.020', 'below 0.001')
    """
    return None if p is None else "below 0.001" if p < 0.001 else f"{p:.3f}"


def _value(value: float, plan: Controlled, measured: Measured, *, signed: bool = False) -> str:
    """A value of a metric: the primary one's in its own unit."""
    if measured.role != "primary":
        return _signed(value) if signed else f"{value:.3f}".replace("-", "−")
    return _unit_writer(plan)(value, signed).replace("-", "−")


def _between(low: float, high: float, plan: Controlled, measured: Measured) -> str:
    return f"{_value(low, plan, measured, signed=True)} to {_value(high, plan, measured, signed=True)}"


def _available(trial: Trial) -> str | None:
    if trial.available is None:
        return None
    return f"{trial.available} a week" if trial.is_flow else f"{trial.available}"


def _decidable(trial: Trial) -> str:
    """In how many weeks an experiment can be decided, or why it cannot."""
    if trial.needed is None:
        return "not known: give baseline or spread in the plan"
    if trial.available is None:
        return f"with {trial.needed} units"
    if trial.weeks is None:
        few = f"not feasible: {trial.needed} {trial.plan.unit}s needed, {trial.available} there"
        return f"{few}; use a stepped rollout instead"
    return f"in {trial.weeks} week{'s' * (trial.weeks != 1)}" if trial.weeks else "at once"
