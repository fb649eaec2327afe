"""The cards of KPI experiments: C08, C09 and G04.

Their plans stand in ``experiments/`` beside the review, their queries in ``kpi_experiments.sql``. What is made of the
answers stands in ``links``, ``controlled`` and ``backtests``, and the lists beside the figures in ``tables``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from helpers.errors import NotProvided
from helpers.kpis.kpi_experiments.backtests import backtests
from helpers.kpis.kpi_experiments.controlled import Trial, trials
from helpers.kpis.kpi_experiments.links import links
from helpers.kpis.rows import Rows
from helpers.kpis.spine import Spine
from helpers.language import template
from helpers.results import NOT_PROVIDED, Row, Status

ASSOCIATED = template("associated with, no proof of a cause; p = {p} after Holm's correction")
CRITICAL = template("of {n} points a correlation must reach {least} to be more than chance")


def cpi_kpi_link(spine: Spine) -> list[Row]:
    """Whether customers that are served better stay, renew or expand more, as far as watching them tells.

    Definition:
        Of customers: the outcome of each paying customer some periods after a period in which its CPI is known, by
        least squares on the CPI, with the logarithm of its MRR, its tenure, its segment and the period beside it.
        Expanded is who pays more at the same exchange rates; periods whose MRR is refused are left out. The effect is
        the change of the outcome's share for one increment of the CPI, with errors that let a customer's periods hang
        together. Of periods: Spearman's correlation of the changes of both series, at the lag that the plan says.
        P-values are corrected by Holm for all links of the review and for what was tried besides. It is an association:
        something else may move both.

    Returns:
        ``link_effect`` per link, for the review's own period: a share for each increment, or a correlation. ``refused``
        below 12 customers or points, below 10 outcomes of a kind, or where nothing varies; ``not_provided`` where the
        CPI's table is not there.

    Source:
        Specification C08, T7, T14; article 001 (a CPI is connected with KPIs before anybody is held to it).
    """
    found = links(spine)
    rows = Rows(spine, "cpi_kpi_link")
    for each in found:
        effect = each.effect
        about = {"standing": each.standing, "p": effect and effect.p, "p_holm": each.corrected}
        if each.lacks or effect is None:
            status: Status = "not_provided" if each.lacks else "refused"
            reason = NOT_PROVIDED.format(reason=each.lacks) if each.lacks else each.refused
            _add(rows, "link_effect", each.plan, None, about, status=status, warnings=[reason])
            continue
        told = [ASSOCIATED.format(p=f"{each.corrected:.3f}")]
        if each.critical is not None:
            told.append(CRITICAL.format(n=effect.n, least=f"{each.critical:.2f}"))
        _add(rows, "link_effect", each.plan, effect.value, about, n=effect.n, interval=effect.interval, warnings=told)
    return rows.done()


def experiment(spine: Spine) -> list[Row]:
    """What a controlled experiment changed: the difference between those who got the treatment and those who did not.

    Definition:
        Difference = the primary metric of the treatment less that of the control: shares, means, or ratios of sums.
        Every unit counts in the variant that it was first assigned to, whatever it did then. Units count from the
        plan's first day to the day before it stops, and once their outcome is due. Sample ratio: where the units of the
        variants lie as far from the plan as chance gives once in a thousand times, no effect is told. Shares have
        Newcombe's interval, means Welch's, ratios and clusters the delta method's; with ``use_pre_value`` the
        difference is corrected by what was measured before the assignment (CUPED). ``analysis`` is ``fixed`` (nothing
        is told before the day on which it stops), ``sequential`` (an interval that holds however often one looks) or
        ``hybrid`` (a fifth of the error for looking before, the rest after). P-values are corrected by Holm for all
        primary and secondary metrics. The rule, in this order: invalid where the sample ratio is broken, or the plan
        was not fixed before or was changed; roll back where the primary metric or a guardrail got worse beyond doubt;
        ship where the effect is above ``ship_at_least`` beyond doubt and every guardrail's harm is excluded by a
        one-sided interval; else hold.

    Returns:
        ``experiment_effect`` per experiment, for the review's own period, in the metric's own unit; n is the units.
        ``undefined`` while it is planned or running, ``insufficient`` below 10 units in a variant or where all of them
        are alike, ``refused`` where the sample ratio is broken or a share is asked of counts. ``params`` holds the
        plan, its hash and what the rule says.

    Source:
        Specification C09, T5 to T9.
    """
    found = trials(spine)
    if found and not spine.provides("assignments"):
        raise NotProvided("assignments")
    rows = Rows(spine, "experiment", left_out=["assignments"])
    for each in found:
        _add(rows, "experiment_effect", each.plan, **_told_of_trial(each))
    return rows.done()


def backtest(spine: Spine) -> list[Row]:
    """Whether a KPI told who would leave, early enough to act.

    Definition:
        At the end of each past quarter every paying account has its score, from what was known then; without one, as
        where the figure of that quarter is refused, it is left out and counted. The event is that it stops paying in
        the horizon after the gap (churn), or does not renew what comes due in it (renewal). Quarters whose horizon has
        not ended are immature and left out. Training quarters, whose horizon ended before the first test quarter, say
        which way the score points. AUC = how often an account with the event had a worse score than one without, equal
        ones counted half, over the test quarters. A score leads if the interval lies above one half and no naive score
        (days to renewal, tenure, the score of the quarter before) is as good.

    Returns:
        ``backtest_auc`` per back-test, for the review's own period: 0.5 is a coin's, 1 is perfect. The interval is by
        bootstrap over customers. ``insufficient`` below 10 events in the test, ``undefined`` without any, and
        ``not_provided`` where the score's table is not there.

    Source:
        Specification G04, T13.
    """
    found = backtests(spine)
    rows = Rows(spine, "backtest")
    for each in found:
        about = {"verdict": each.verdict, "naive": dict(each.naive), "snapshots": [*each.snapshots]}
        if each.lacks:
            lacks = [NOT_PROVIDED.format(reason=each.lacks)]
            _add(rows, "backtest_auc", each.plan, None, about, status="not_provided", warnings=lacks)
            continue
        status: Status | None = "insufficient" if each.value is not None and each.verdict == "insufficient" else None
        _add(
            rows, "backtest_auc", each.plan, each.value, about, numerator=each.events, denominator=each.rows,
            n=each.rows, interval=each.interval, status=status, excluded=each.excluded, warnings=each.warnings,
        )  # fmt: skip
    return rows.done()


def _add(rows: Rows, kpi_id: str, plan: Any, value: float | None, about: Mapping[str, Any], **told: Any) -> None:
    """The row of an experiment, for the review's own period, with the plan and what is said about it."""
    answer = {"label": rows.spine.period.label, "segment_by": "experiment", "segment": plan.id}
    given = plan.model_dump(mode="json", exclude={"id", "fixed", "decided"}, exclude_defaults=True)
    rows.add(kpi_id, answer, value, params={**given, "kind": plan.kind, "plan": plan.hash, **about}, **told)


def _told_of_trial(trial: Trial) -> dict[str, Any]:
    """What the row of an experiment tells: its effect, or why there is none."""
    about = {"state": trial.state, "ruling": trial.ruling, "needed": trial.needed, "power": trial.power,
             "sample_ratio_p": trial.ratio_p}  # fmt: skip
    told: dict[str, Any] = {"n": sum(trial.units), "excluded": trial.excluded, "about": about}
    if trial.refused:
        return {**told, "value": None, "status": "refused", "warnings": [trial.refused, *trial.warnings]}
    if trial.primary is None:
        plain = None if trial.plain is None else trial.plain[1] - trial.plain[0]
        status: Status = "undefined" if plain is None else "insufficient"
        return {**told, "value": plain, "status": status, "warnings": [trial.silent, *trial.warnings]}
    effect = trial.primary.effect
    is_running = trial.state == "running"
    return {
        **told,
        "value": effect.value,
        "n": sum(trial.primary.n),
        "interval": effect.interval,
        "status": "partial" if is_running else None,
        "warnings": [*trial.warnings, *filter(None, [trial.unexplained])],
        "about": {
            **about,
            "p": effect.p,
            "p_holm": trial.primary.corrected,
            "cohens_d": trial.primary.cohens_d,
            "control": effect.control,
            "treatment": effect.treatment,
        },
    }
