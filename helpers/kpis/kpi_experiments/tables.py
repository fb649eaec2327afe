"""The tables beside the experiments: all of them, effects, guardrails, what can be decided, links, back-tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd
from babel.dates import format_date

from helpers.catalogue import label_of
from helpers.experiments import OWN_METRIC, Controlled, Plan
from helpers.kpis.kpi_experiments.backtests import Backtested, backtests
from helpers.kpis.kpi_experiments.controlled import RULINGS, Measured, Trial, trials
from helpers.kpis.kpi_experiments.links import CAVEATS, FoundLink, links
from helpers.kpis.spine import Spine
from helpers.language import _, in_figures, locale_in_force, message, plural, retold, template
from helpers.results import NOT_PROVIDED, Column, Listing
from helpers.texts import begun, dated

KINDS = {"controlled": message("controlled"), "link": message("link"), "backtest": message("back-test")}
SAID: Mapping[str, str] = {  # what rules, links and back-tests say
    **RULINGS, "confirmed": template("confirmed"), "contradicted": template("contradicted"),
    "not shown": template("not shown"), "refused": template("refused"), "leads": template("leads"),
    "does not lead": template("does not lead"), "insufficient": template("insufficient"),
}  # fmt: skip
STANDINGS = {
    "confirmed": message("associated, as expected"),
    "contradicted": message("associated, against what was expected"), "not shown": message("not shown"),
    "refused": message("refused"),
}  # fmt: skip
HARM = {
    "kept": message("excluded"), "broken": message("shown"), "not shown": message("neither shown nor excluded"),
}  # fmt: skip
OWN_NAMES = {OWN_METRIC: message("outcome"), "days_silent": message("days silent")}  # no KPIs, and the kit's own
PARTS = {"primary": message("primary"), "secondary": message("secondary")}
OUTCOMES = {"churned": message("churned"), "expanded": message("expanded"), "renewed": message("renewed")}
NO_EXPERIMENTS = message("The review has no experiments; write one in params/experiments/.")


def experiments(spine: Spine) -> Listing:
    """Every experiment of the review: what is asked, how it stands, what the rule says, what was decided."""
    rows = [
        *(_row(each.plan, _state_of(each), _told_of_trial(each), each.ruling or "") for each in trials(spine)),
        *(_row(each.plan, _("observed"), _told_of_link(each), each.standing) for each in links(spine)),
        *(_row(each.plan, _("looked back"), _told_of_backtest(each), each.verdict) for each in backtests(spine)),
    ]
    columns = {
        "experiment": Column(_("Experiment")),
        "hypothesis": Column(_("Hypothesis")),
        "state": Column(_("State")),
        "found": Column(_("What was found")),
        "ruling": Column(_("The rule says")),
        "decided": Column(_("Decided")),
        "kind": Column(_("Kind"), on_pages=False),
        "plan": Column(_("Plan"), on_pages=False),
        "owner": Column(_("Owner"), on_pages=False),
        "kpi": Column(_("KPI"), on_pages=False),
        "notes": Column(_("Notes"), on_pages=False),
    }
    return _listing(
        _("All experiments"), rows, columns, when_empty=_(NO_EXPERIMENTS),
        note=_(
            "A plan is fixed before the data. Its hash stands in the workbook; one that changed since is told here."
        ),
    )  # fmt: skip


def effects(spine: Spine) -> Listing:
    """The effect of each controlled experiment on each metric that it was planned for."""
    rows = [
        {
            "experiment": _named(each.plan.id), "metric": _metric(measured, each.plan), "role": _(PARTS[measured.role]),
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
        "experiment": Column(_("Experiment")), "metric": Column(_("Metric")), "role": Column(_("Part")),
        "control": Column(_("Control")), "treatment": Column(_("Treatment")), "effect": Column(_("Difference")),
        "interval": Column(_("Interval")), "chance": Column(_("p, corrected")), "n": Column(_("Units"), "count"),
        "method": Column(_("Method"), on_pages=False, own_words=True),
        "value": Column(_("÷ least effect"), "ratio", on_pages=False),
        "low": Column(_("from"), "ratio", on_pages=False), "high": Column(_("to"), "ratio", on_pages=False),
        "cohens_d": Column(_("Cohen's d"), "ratio", on_pages=False),
        "is_better_up": Column(_("More is better"), on_pages=False),
    }  # fmt: skip
    return _listing(
        _("Effects of controlled experiments"), rows, columns,
        when_empty=_("No experiment has an effect that may be told."),
        note=_("p: how often chance alone gives such a difference, corrected for all metrics of the experiment."),
    )  # fmt: skip


def guardrails(spine: Spine) -> Listing:
    """What must not get worse in each experiment, and whether that harm is excluded."""
    rows = [
        {
            "experiment": _named(each.plan.id), "metric": _named(guarded.guardrail.metric),
            "margin": guarded.guardrail.margin, "control": guarded.effect.control,
            "treatment": guarded.effect.treatment, "low": guarded.effect.low, "high": guarded.effect.high,
            "standing": _(HARM[guarded.standing]),
        }
        for each in trials(spine) for guarded in each.guarded
    ]  # fmt: skip
    columns = {
        "experiment": Column(_("Experiment")), "metric": Column(_("Guardrail")), "margin": Column(_("Margin"), "ratio"),
        "control": Column(_("Control"), "ratio"), "treatment": Column(_("Treatment"), "ratio"),
        "low": Column(_("Difference from"), "ratio"), "high": Column(_("to"), "ratio"), "standing": Column(_("Harm")),
    }  # fmt: skip
    return _listing(
        _("Guardrails"), rows, columns,
        when_empty=_("No experiment has a guardrail with a result."),
        note=_("Harm is excluded where the one-sided interval stays on the good side of the margin."),
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
        "experiment": Column(_("Experiment")), "least": Column(_("Least effect looked for")),
        "needed": Column(_("Units needed"), "count"), "assigned": Column(_("Assigned"), "count"),
        "available": Column(_("There are")), "decidable": Column(_("Decidable")),
        "power": Column(_("Power reached"), "share"),
    }  # fmt: skip
    return _listing(
        _("Can it be decided?"), rows, columns, when_empty=_("The review has no controlled experiment."),
        note=_("Power is how often an experiment of this size finds the least effect, if it is there."),
    )  # fmt: skip


def cpi_links(spine: Spine) -> Listing:
    """What goes with what, as observed: the effect of one increment of a CPI."""
    rows = [
        {
            "experiment": _named(each.plan.id), "cpi": _named(each.plan.cpi), "kpi": _named(each.plan.kpi),
            "per": each.plan.increment, "value": each.effect and each.effect.value,
            "low": each.effect and each.effect.low, "high": each.effect and each.effect.high,
            "chance": _chance(each.corrected), "n": each.effect and each.effect.n,
            "standing": retold(each.refused) or _lacking(each) or _(STANDINGS[each.standing]),
            "mechanism": each.plan.mechanism, "confounders": _("; ").join(each.plan.confounders) or None,
        }
        for each in links(spine)
    ]  # fmt: skip
    columns = {
        "experiment": Column(_("Experiment")), "cpi": Column(_("Indicator (CPI)")),
        "kpi": Column(_("Associated with")), "per": Column(_("For each"), "ratio"),
        "value": Column(_("Change"), "ratio"), "low": Column(_("95% from"), "ratio"),
        "high": Column(_("to"), "ratio"), "chance": Column(_("p, corrected")), "n": Column(_("n"), "count"),
        "standing": Column(_("Standing")), "mechanism": Column(_("Mechanism"), on_pages=False),
        "confounders": Column(_("What else may move both"), on_pages=False),
    }  # fmt: skip
    return _listing(
        _("Indicators and KPIs, as observed"), rows, columns, note=_(CAVEATS),
        when_empty=_("The review has no link between an indicator and a KPI."),
    )  # fmt: skip


def backtested_scores(spine: Spine) -> Listing:
    """How well each score told who would leave, beside what anybody could have said."""
    rows = []
    for each in backtests(spine):
        best = max(each.naive, key=lambda name: each.naive[name], default="")
        rows.append({
            "experiment": _named(each.plan.id), "score": _named(each.plan.score), "value": each.value,
            "interval": each.interval and _reach(each.interval.low, each.interval.high, 2),
            "naive": f"{retold(best)} {_number(each.naive[best], 2)}" if best else None, "lift": each.lifts.get(0.25),
            "events": each.events, "n": each.rows, "base_rate": each.base_rate, "lift_10": each.lifts.get(0.10),
            "precision": each.precision, "recall": each.recall, "threshold": each.threshold,
            "verdict": _lacking(each) or retold(SAID[each.verdict]),
        })  # fmt: skip
    columns = {
        "experiment": Column(_("Experiment")), "score": Column(_("Score")), "value": Column(_("AUC"), "ratio"),
        "interval": Column(_("95% interval")), "naive": Column(_("Best naive score")),
        "lift": Column(_("Lift of the first 25%"), "ratio"), "events": Column(_("Losses"), "count"),
        "n": Column(_("Customers × quarters"), "count"), "verdict": Column(_("Verdict")),
        "base_rate": Column(_("Losses of all"), "share", on_pages=False),
        "lift_10": Column(_("Lift of the first 10%"), "ratio", on_pages=False),
        "precision": Column(_("Alarms that were right"), "share", on_pages=False),
        "recall": Column(_("Losses that were told"), "share", on_pages=False),
        "threshold": Column(_("Alarm from"), "ratio", on_pages=False),
    }  # fmt: skip
    return _listing(
        _("Did the score tell who would leave?"), rows, columns,
        when_empty=_("The review has no back-test."),
        note=_(
            "AUC: how often one that left had a worse score than one that stayed; 0.5 is a coin's, 1 is perfect. Naive "
            "scores are what anybody could say without this one."
        ),
    )  # fmt: skip


def _listing(
    caption: str, rows: list[dict[str, Any]], columns: Mapping[str, Column], *, when_empty: str, note: str
) -> Listing:
    return Listing(caption, pd.DataFrame(rows, columns=list(columns)), columns, when_empty, note=note if rows else "")


def _row(plan: Plan, state: str, found: str, ruling: str) -> dict[str, Any]:
    """The line of one experiment in the list of all."""
    decided, name = plan.decided, plan.model_dump()["kind"]
    kind, person = _(KINDS[name]), None
    if decided:
        told = (
            _("{decision}, {person}")
            if decided.decision == ruling or not decided.reason
            else _("{decision}, {person}: {reason}")
        )
        person = told.format(decision=retold(SAID[decided.decision]), person=decided.by, reason=decided.reason)
    state = _(", ").join(filter(None, [kind, state, "" if plan.fixed and not plan.is_changed else _plan(plan)]))
    return {
        "experiment": _named(plan.id), "hypothesis": plan.hypothesis, "state": state, "found": found,
        "ruling": retold(SAID[ruling]) if ruling else None, "decided": person, "kind": kind,
        "plan": _("{plan}: {hash}").format(plan=_plan(plan), hash=plan.hash), "owner": plan.owner or None,
        "kpi": plan.kpi or None, "notes": plan.notes or None,
    }  # fmt: skip


def _plan(plan: Plan) -> str:
    if plan.fixed is None:
        return _("plan not fixed")
    return (_("plan changed since {day}") if plan.is_changed else _("plan fixed on {day}")).format(
        day=_day(plan.fixed.on)
    )


def _state_of(trial: Trial) -> str:
    told = {"planned": _("starts {day}"), "running": _("runs until {day}"), "stopped": _("stopped {day}")}[trial.state]
    return told.format(day=_day(trial.plan.starts_on if trial.state == "planned" else trial.plan.stops_on))


def _told_of_trial(trial: Trial) -> str:
    if trial.refused or trial.primary is None:
        why = retold(trial.refused or trial.silent)
        return begun(why) if trial.state != "planned" else _decidable(trial)
    plan, effect = trial.plan, trial.primary.effect
    told = _("{treatment} against {control}: {change} ({interval})").format(
        treatment=_value(effect.treatment, plan, trial.primary),
        control=_value(effect.control, plan, trial.primary),
        change=_value(effect.value, plan, trial.primary, signed=True),
        interval=_between(effect.low, effect.high, plan, trial.primary),
    )
    return _("; ").join(filter(None, [told, *map(retold, trial.warnings), retold(trial.unexplained)]))


def _told_of_link(found: FoundLink) -> str:
    if found.effect is None:
        return retold(found.refused) or begun(_lacking(found))
    effect, plan = found.effect, found.plan
    if plan.outcome is None:
        told = _("Correlation of the changes {value} ({interval})")
        return told.format(
            value=_number(effect.value, 3, signed=True), interval=_reach(effect.low, effect.high, 3, signed=True)
        )
    told = _("{increment} more of {cpi}: share {outcome} {value} points ({interval})")
    return told.format(
        cpi=_named(plan.cpi),
        increment=in_figures(plan.increment, "0.######"),
        value=_number(100 * effect.value, 1, signed=True),
        outcome=_(OUTCOMES[plan.outcome]),
        interval=_reach(100 * effect.low, 100 * effect.high, 1, signed=True),
    )


def _told_of_backtest(found: Backtested) -> str:
    if found.value is None or found.interval is None:
        return begun(_lacking(found)) or _("No loss in the test")
    told = plural("AUC {value} ({interval}), {n} loss", "AUC {value} ({interval}), {n} losses", found.events)
    interval = _reach(found.interval.low, found.interval.high, 2)
    return told.format(value=_number(found.value, 2), interval=interval, n=found.events)


def _lacking(found: FoundLink | Backtested) -> str:
    """What the source does not give, empty where it gives all."""
    return retold(NOT_PROVIDED.format(reason=found.lacks)) if found.lacks else ""


def _named(name: str) -> str:
    """An experiment, a metric or a KPI as pages name it."""
    return _(OWN_NAMES[name]) if name in OWN_NAMES else label_of(name)


def _metric(measured: Measured, plan: Controlled) -> str:
    is_ratio = plan.per and measured.role == "primary"
    told = _("{metric} per {per}") if is_ratio and plan.per else "{metric}"
    return told.format(metric=_named(measured.metric), per=_named(plan.per or ""))


def _in_unit(value: float, plan: Controlled, *, is_change: bool = True, signed: bool = False) -> str:
    """A value of the primary metric, or a change of it: of shares in points."""
    if plan.measured != "share":
        return _number(value, 2, signed=signed)
    n = _number(100 * value, 1, signed=signed)
    return _("{n} points").format(n=n) if is_change else _("{n}%").format(n=n)


def _number(value: float, places: int, *, signed: bool = False) -> str:
    """A number with so many decimals, as the locale writes it, with a true minus; what rounds to zero has no sign.

    >>> _number(-0.004, 3, signed=True), _number(0.5, 3, signed=True), _number(-0.04, 1, signed=True)
    ('−0.004', '+0.500', '0.0')
    """
    shape = f"0.{'0' * places}"
    if (told := in_figures(abs(value), shape)) == in_figures(0, shape):
        return told
    return in_figures(value, f"+{shape};-{shape}" if signed else shape).replace("-", "−")


def _reach(low: float | None, high: float | None, places: int, *, signed: bool = False) -> str:
    ends = ("" if end is None else _number(end, places, signed=signed) for end in (low, high))
    return _("{low} to {high}").format(**dict(zip(("low", "high"), ends, strict=True)))


def _day(day: date) -> str:
    return dated(format_date(day, "medium", locale=locale_in_force()))


def _chance(p: float | None) -> str | None:
    """How often chance alone does it.

    >>> _chance(0.0203), _chance(0.00002)
    ('0.020', 'below 0.001')
    """
    if p is None:
        return None
    return _("below {p}").format(p=_number(0.001, 3)) if p < 0.001 else _number(p, 3)


def _value(value: float, plan: Controlled, measured: Measured, *, signed: bool = False) -> str:
    """A value of a metric: the primary one's in its own unit."""
    if measured.role != "primary":
        return _number(value, 3, signed=signed)
    return _in_unit(value, plan, is_change=signed, signed=signed)


def _between(low: float, high: float, plan: Controlled, measured: Measured) -> str:
    ends = (_value(end, plan, measured, signed=True) for end in (low, high))
    return _("{low} to {high}").format(**dict(zip(("low", "high"), ends, strict=True)))


def _available(trial: Trial) -> str | None:
    if trial.available is None:
        return None
    return _("{n} a week").format(n=in_figures(trial.available)) if trial.is_flow else in_figures(trial.available)


def _decidable(trial: Trial) -> str:
    """In how many weeks an experiment can be decided, or why it cannot."""
    if trial.needed is None:
        return _("not known: give baseline or spread in the plan")
    if trial.available is None:
        return _("with {n} units").format(n=in_figures(trial.needed))
    if trial.weeks is None:
        told = _("not feasible: {needed} units needed, {available} there; use a stepped rollout instead")
        return told.format(needed=in_figures(trial.needed), available=in_figures(trial.available))
    return plural("in {n} week", "in {n} weeks", trial.weeks).format(n=trial.weeks) if trial.weeks else _("at once")
