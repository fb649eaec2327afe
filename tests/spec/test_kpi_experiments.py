"""C08, C09 and G04: the worked examples of the specification, every edge of the cards, and the guards against leaks."""

import gzip
import os
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, spearmanr, t

from helpers.data.prepare import prepare
from helpers.errors import KitError
from helpers.experiment_statistics import auc
from helpers.experiments import Backtest, Controlled, Decided, Fixed, Guardrail, Link
from helpers.kpis import kpi_experiments as theme
from helpers.kpis.kpi_experiments.backtests import _judged, _warnings, backtests
from helpers.kpis.kpi_experiments.controlled import trials
from helpers.kpis.kpi_experiments.links import links
from helpers.kpis.rows import run
from helpers.params import Review, Source
from helpers.periods import Calendar
from tests.canonical import defaults, prepared, ruled, spine_of

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("KPI_DATA") or ROOT.parent / "shared" / "data") / "cookie_cats"
Q2 = Calendar().period("2026Q2")


def plan(**given):
    """A controlled experiment of the second quarter of 2026 that was fixed before it."""
    found = Controlled(**{
        "id": "trial", "hypothesis": "It helps", "unit": "customer", "variants": {"old": 0.5, "new": 0.5}, "mde": 0.1,
        "starts_on": date(2026, 4, 1), "stops_on": date(2026, 6, 1), **given,
    })  # fmt: skip
    return (
        found if "fixed" in given else found.model_copy(update={"fixed": Fixed(on=date(2026, 3, 1), plan=found.hash)})
    )


def known(*plans, period=Q2, earlier=0, as_of_on=None, **texts):
    """The spine of a review with these experiments."""
    review = Review(company="Fine Co", themes={"kpi_experiments": {}}, experiments=plans)
    given = prepared(as_of_on or period.as_of_on, period=period, **texts)
    return spine_of(given, period, defaults(), [*period.history(earlier), period], review)


def assigned(*groups, day="2026-04-10", start=0):
    """Assignments as text; a group is (variant, [outcomes]) or (variant, [(outcome, pre_value)])."""
    rows = ["experiment_id | unit_id | variant | assigned_at | outcome | pre_value"]
    for variant, outcomes in groups:
        for each in outcomes:
            outcome, before = each if isinstance(each, tuple) else (each, "")
            rows.append(f"trial | U{start + len(rows)} | {variant} | {day} | {outcome} | {before}")
    return "\n".join(rows)


def share(part, whole):
    return [1] * part + [0] * (whole - part)


def figure(spine, kpi_id="experiment_effect"):
    card = {
        "experiment_effect": theme.experiment, "link_effect": theme.cpi_kpi_link, "backtest_auc": theme.backtest
    }[kpi_id]  # fmt: skip
    (row,) = [row for row in run(card, spine) if row.kpi_id == kpi_id]
    return row


def asked_by_query(spine, relation, column):
    """The figure as the query that is shown gives it."""
    return {each["segment"]: each[column] for each in spine.answers(relation)}


# --- controlled: the effect -------------------------------------------------------------------------------------------


def test_example_of_two_shares():
    """58/200 against 40/200: +9.0 points, 0.56 to 17.28, p = 0.0364."""
    spine = known(plan(measured="share"), assignments=assigned(("old", share(40, 200)), ("new", share(58, 200))))
    row = figure(spine)
    assert (row.status, row.n, row.segment_by, row.segment) == ("ok", 400, "experiment", "trial")
    assert row.value == pytest.approx(0.29 - 0.20)
    assert row.interval[:2] == pytest.approx((0.005615, 0.172829), abs=5e-7)
    assert row.params["p"] == pytest.approx(0.036385, abs=5e-7)
    assert row.params["ruling"] == "ship"
    assert asked_by_query(spine, "experiment", "experiment_effect") == {"trial": pytest.approx(0.09)}


@pytest.mark.parametrize("others", [3, 4])
def test_one_of_several_passes_only_beside_what_was_tried(others):
    """p = 0.0364 and some tests that are not registered: corrected, it is (1 + others) · 0.0364."""
    spine = known(
        plan(measured="share", tried=others), assignments=assigned(("old", share(40, 200)), ("new", share(58, 200)))
    )
    row = figure(spine)
    assert row.params["p_holm"] == pytest.approx((1 + others) * 0.036385, abs=1e-5)
    assert row.params["ruling"] == "hold"


def test_example_of_a_broken_sample_ratio():
    """600 and 400 where half and half was planned: p = 2.5e-10, and nothing is told."""
    spine = known(plan(measured="share"), assignments=assigned(("old", share(60, 600)), ("new", share(80, 400))))
    row = figure(spine)
    assert (row.value, row.interval, row.status, row.params["ruling"]) == (None, None, "refused", "invalid")
    assert "600 and 400 units where 50% to 50% was planned (p = 2.5e-10)" in row.warnings[0]


def test_example_of_a_sample_ratio_that_is_chance():
    """210 and 190: p = 0.317."""
    spine = known(plan(measured="share"), assignments=assigned(("old", share(60, 210)), ("new", share(60, 190))))
    assert figure(spine).params["sample_ratio_p"] == pytest.approx(0.317, abs=5e-4)
    assert figure(spine).status == "ok"


def test_a_ratio_that_was_planned_uneven():
    uneven = plan(measured="share", variants={"old": 0.6, "new": 0.4})
    spine = known(uneven, assignments=assigned(("old", share(60, 600)), ("new", share(80, 400))))
    assert figure(spine).value == pytest.approx(0.2 - 0.1)


X = range(1, 9)
Y = [2, 3, 5, 4, 7, 8, 8, 11]


def cuped(use_pre_value, times=3):
    """The eight units of the example, several times over: the slope and the means are the same."""
    pairs = list(zip(Y, X, strict=True))
    text = assigned(("old", pairs[::2] * times), ("new", pairs[1::2] * times))
    return known(plan(use_pre_value=use_pre_value), assignments=text)


def test_example_of_cuped():
    """θ = Σ(x - 4.5)(y - 6) / Σ(x - 4.5)² = 50/42; the raw difference is 1, of which θ · 1 stood before: -4/21."""
    assert figure(cuped(False)).value == 1
    spine = cuped(True)
    assert figure(spine).value == pytest.approx(-4 / 21)
    assert asked_by_query(spine, "experiment", "experiment_effect") == {"trial": pytest.approx(-4 / 21)}
    assert figure(spine).interval.high - figure(spine).interval.low < 0.5 * (
        figure(cuped(False)).interval.high - figure(cuped(False)).interval.low
    )


def test_the_difference_in_standard_deviations_of_a_unit():
    """Cohen's d: the difference 1 over the root of the mean of both variances."""
    control, treated = Y[::2] * 3, Y[1::2] * 3
    pooled = (np.var(control, ddof=1) + np.var(treated, ddof=1)) / 2
    assert figure(cuped(False)).params["cohens_d"] == pytest.approx(1 / pooled**0.5)


def test_what_was_not_measured_before_is_taken_as_the_mean():
    pairs = list(zip(Y, X, strict=True)) * 3
    given = [(y, "" if i == 5 else x) for i, (y, x) in enumerate(pairs)]
    x = np.array([np.nan if b == "" else b for _, b in given], float)
    x = np.where(np.isnan(x), np.nanmean(x), x)
    y = np.array([a for a, _ in given], float)
    theta = np.cov(y, x)[0, 1] / x.var(ddof=1)
    expected = (y - theta * x)[1::2].mean() - (y - theta * x)[::2].mean()
    spine = known(plan(use_pre_value=True), assignments=assigned(("old", given[::2]), ("new", given[1::2])))
    assert figure(spine).value == pytest.approx(expected)


def corrected_by_hand(units):
    """Rows of (cluster, is_treated, value, before, divisor) corrected one by one: the effect and its standard error."""
    found = pd.DataFrame(units, columns=["cluster", "is_treated", "y", "x", "d"]).astype({"y": float, "x": float})
    x = found["x"].fillna(found["x"].mean())
    theta = np.cov(found["y"], x)[0, 1] / x.var(ddof=1)
    sums = found.assign(z=found["y"] - theta * (x - x.mean())).groupby(["is_treated", "cluster"])[["z", "d"]].sum()
    control, treated = sums.loc[False], sums.loc[True]
    ratios = [side["z"].sum() / side["d"].sum() for side in (control, treated)]
    parts = [
        (side["z"] - ratio * side["d"]).var(ddof=1) / side["d"].mean() ** 2 / len(side)
        for side, ratio in zip((control, treated), ratios, strict=True)
    ]
    return ratios[1] - ratios[0], sum(parts) ** 0.5


def test_users_of_accounts_of_unlike_size_are_corrected_one_by_one():
    """One, two or four users an account: an account with more of them has more of everything, before and after."""
    units, users = [], ["user_id | customer_id"]
    rows = ["experiment_id | unit_id | variant | assigned_at | outcome | pre_value"]
    for account in range(36):
        for user in range([1, 2, 4][account // 2 % 3]):
            name, x = f"P{account}-{user}", None if account == 7 else (account * 5 + user * 3) % 7 + 1
            y = 2 * (x or 3) + (account + user) % 4 + account % 2
            units.append((account, account % 2 == 1, y, x, 1))
            users.append(f"{name} | A{account}")
            rows.append(f"trial | {name} | {'new' if account % 2 else 'old'} | 2026-04-10 | {y} | {x or ''}")
    spine = known(plan(unit="user", use_pre_value=True), assignments="\n".join(rows), users="\n".join(users))
    row, (effect, error) = figure(spine), corrected_by_hand(units)
    assert (row.value, row.n, row.interval.method) == (pytest.approx(effect), 36, "delta method, CUPED")
    assert asked_by_query(spine, "experiment", "experiment_effect") == {"trial": pytest.approx(effect)}
    [trial] = trials(spine)
    assert trial.primary.effect.error == pytest.approx(error)


def test_a_ratio_is_corrected_by_what_its_part_was_before():
    """Orders per visit, corrected by the orders before: who ordered much before also visits more."""
    units, rows = [], ["customer_id | metric | at | value"]
    for unit in range(24):
        x, visits = unit * 7 % 5 + 1, unit * 7 % 5 * 2 + 3
        orders = x + unit % 3 + (unit >= 12)
        units.append((unit, unit >= 12, orders, x, visits))
        rows += [f"U{unit + 1} | orders | 2026-04-12 | {orders}", f"U{unit + 1} | visits | 2026-04-12 | {visits}"]
        rows.append(f"U{unit + 1} | orders | 2026-04-05 | {x}")
    asked = plan(metric="orders", per="visits", outcome_days=10, use_pre_value=True)
    text = assigned(("old", [""] * 12), ("new", [""] * 12))
    spine = known(asked, assignments=text, measurements="\n".join(rows))
    [trial], (effect, error) = trials(spine), corrected_by_hand(units)
    assert figure(spine).value == pytest.approx(effect)
    assert asked_by_query(spine, "experiment", "experiment_effect") == {"trial": pytest.approx(effect)}
    assert trial.primary.effect.error == pytest.approx(error)


def test_counts_are_no_shares():
    """Three of the twelve ordered once and one three times: 6 of 12 is no share of customers."""
    text = assigned(("old", [0] * 8 + [1] * 3 + [3]), ("new", [0] * 6 + [1] * 6))
    row = figure(known(plan(measured="share"), assignments=text))
    assert (row.value, row.interval, row.status) == (None, None, "refused")
    assert row.warnings[0] == "outcome has values other than 0 and 1, of which there is no share; write measured: mean"
    assert figure(known(plan(), assignments=text)).value == pytest.approx(6 / 12 - 6 / 12)


def test_units_that_are_all_alike_are_told_and_not_judged():
    text = assigned(("old", [1] * 12), ("new", [2] * 12))
    row = figure(known(plan(), assignments=text))
    assert (row.value, row.interval, row.status, row.params["ruling"]) == (1, None, "insufficient", None)
    assert row.warnings[0] == "all units of a variant have the same outcome: no effect is judged"


def test_a_ratio_of_nothing_is_refused():
    rows = "customer_id | metric | at | value\n" + measured("orders", [1, 2] * 12) + "\n" + measured("visits", [0] * 24)
    asked = plan(metric="orders", per="visits", outcome_days=10)
    row = figure(known(asked, assignments=assigned(("old", [""] * 12), ("new", [""] * 12)), measurements=rows))
    assert (row.value, row.status) == (None, "refused")
    assert row.warnings[0] == "no measurements of visits, which the plan asks for"


def test_few_units_are_told_and_not_judged():
    spine = known(plan(), assignments=assigned(("old", [1, 2, 3]), ("new", [4, 5, 6])))
    row = figure(spine)
    assert (row.value, row.interval, row.status, row.params["ruling"]) == (3, None, "insufficient", None)
    assert "3 and 3 units: below 10 no effect is judged" in row.warnings[0]


# --- controlled: which units count ------------------------------------------------------------------------------------


def test_units_that_the_plan_has_no_place_for():
    text = assigned(("old", share(5, 20)), ("new", share(10, 20)))
    text += """
        trial | early   | new   | 2026-03-31 | 1 |
        trial | late    | new   | 2026-06-01 | 1 |
        trial | other   | third | 2026-04-10 | 1 |
        trial | torn    | old   | 2026-04-10 | 1 |
        trial | torn    | new   | 2026-04-10 | 1 |
        trial | unknown | old   | 2026-04-10 |   |
    """
    row = figure(known(plan(measured="share"), assignments=text))
    assert row.value == pytest.approx(10 / 20 - 5 / 20)
    assert row.n == 40
    assert row.excluded == {
        "assignments: assigned on a day that the plan does not have": 2,
        "assignments: in a variant that the plan does not have": 1,
        "assignments: in two variants at once": 1,
        "assignments: no outcome": 1,
    }


def test_who_changes_the_variant_counts_in_the_first():
    text = assigned(("old", share(5, 20)), ("new", share(10, 20)))
    text += "\n trial | mover | old | 2026-04-11 | 1 | \n trial | mover | new | 2026-04-20 | 1 |"
    row = figure(known(plan(measured="share"), assignments=text))
    assert row.value == pytest.approx(10 / 20 - 6 / 21)
    assert "1 units were in the other variant later; they count in their first" in row.warnings


def test_an_outcome_that_is_not_due_yet_does_not_count():
    """Assigned on 10 June with 30 days: due on 10 July, and only 30 June is known."""
    text = assigned(("old", share(5, 20)), ("new", share(10, 20)))
    late = assigned(("old", share(10, 10)), ("new", share(10, 10)), day="2026-06-10", start=100).split("\n", 1)[1]
    both = f"{text}\n{late}"
    asked = plan(measured="share", outcome_days=30, stops_on=date(2026, 6, 20))
    row = figure(known(asked, assignments=both))
    assert (row.value, row.n) == (pytest.approx(0.25), 40)
    assert row.excluded == {"assignments: outcome not yet due": 20}
    later = replace(Q2, as_of_on=date(2026, 7, 12))
    assert figure(known(asked, period=later, assignments=both)).n == 60


def test_units_of_an_experiment_before_are_told():
    text = assigned(("old", share(5, 20)), ("new", share(10, 20)))
    text += "\n another | U1 | new | 2026-01-10 | 1 | \n another | U2 | old | 2026-05-10 | 1 |"
    row = figure(known(plan(measured="share"), assignments=text))
    assert "1 units were in another experiment before, which may carry over" in row.warnings


# --- controlled: looking ----------------------------------------------------------------------------------------------

RUNNING = {"stops_on": date(2026, 8, 1)}


def test_a_fixed_experiment_that_runs_tells_nothing():
    text = assigned(("old", share(5, 100)), ("new", share(90, 100)))
    spine = known(plan(measured="share", **RUNNING), assignments=text)
    row = figure(spine)
    assert (row.value, row.interval, row.status) == (None, None, "undefined")
    assert row.params["ruling"] is None
    assert "no effect is told before 2026-08-01" in row.warnings[0]
    assert spine.frame("experiment_rows")["value"].isna().all()
    assert spine.frame("assigned")["outcome"].isna().all()
    for table in (theme.experiments, theme.effects, theme.guardrails, theme.feasibility):
        told = table(spine).rows.to_csv()
        assert not any(text in told for text in ("0.85", "85", "0.9,", "90.0%", "5.0%"))


def test_a_sequential_experiment_may_be_looked_at():
    """The interval is wider than that of one look, and says so little below the floor that nothing is told."""
    text = assigned(("old", share(20, 100)), ("new", share(70, 100)))
    asked = {"measured": "share", "analysis": "sequential", "baseline": 0.2, **RUNNING}
    row = figure(known(plan(**asked), assignments=text))
    assert (row.status, row.value) == ("partial", pytest.approx(0.5))
    assert row.interval.method == "always valid"
    once = figure(known(plan(measured="share"), assignments=text)).interval
    assert row.interval.low < once.low
    assert row.params["ruling"] == "ship"
    unfixed = plan(**asked).model_copy(update={"fixed": None})
    assert figure(known(unfixed, assignments=text)).params["ruling"] == "invalid"
    quiet = figure(known(plan(**asked, floor=150), assignments=text))
    assert (quiet.value, quiet.status) == (None, "undefined")
    assert "below 150 units in each variant" in quiet.warnings[0]


def test_a_hybrid_experiment_is_told_at_the_stop_as_a_fixed_one_with_less_error():
    text = assigned(("old", share(40, 200)), ("new", share(58, 200)))
    row = figure(known(plan(measured="share", analysis="hybrid", baseline=0.2), assignments=text))
    assert row.interval.level == pytest.approx(0.96)
    assert (row.interval.method, row.params["ruling"]) == (
        "Newcombe hybrid Wilson",
        "hold" if row.interval.low < 0 else "ship",
    )
    running = figure(known(plan(measured="share", analysis="hybrid", baseline=0.2, **RUNNING), assignments=text))
    assert (running.interval.method, running.interval.level) == ("always valid", pytest.approx(0.99))


def test_a_broken_ratio_stops_an_experiment_that_runs():
    spine = known(plan(**RUNNING), assignments=assigned(("old", [1] * 600), ("new", [1] * 300)))
    row = figure(spine)
    assert (row.status, row.params["ruling"]) == ("refused", "invalid")
    assert trials(spine)[0].ratio_p < 0.001


# --- controlled: plans, guardrails, rule ------------------------------------------------------------------------------


def test_a_plan_that_changed_after_it_was_fixed_decides_nothing():
    before = plan(measured="share")
    changed = before.model_copy(update={"mde": 0.05})
    row = figure(known(changed, assignments=assigned(("old", share(40, 200)), ("new", share(58, 200)))))
    assert row.params["ruling"] == "invalid"
    assert row.value == pytest.approx(0.09)
    assert row.warnings[0] == (
        f"the plan is another than the one fixed on 2026-03-01 ({before.hash}, now {changed.hash}): "
        "what is found is exploratory and decides nothing"
    )


@pytest.mark.parametrize(
    ("fixed", "told"),
    [(None, "was not fixed before anybody looked"), (date(2026, 4, 2), "after the first day, 2026-04-01")],
)
def test_a_plan_that_was_not_fixed_before_the_first_day_decides_nothing(fixed, told):
    asked = plan(measured="share")
    asked = asked.model_copy(update={"fixed": fixed and Fixed(on=fixed, plan=asked.hash)})
    row = figure(known(asked, assignments=assigned(("old", share(40, 200)), ("new", share(58, 200)))))
    assert row.params["ruling"] == "invalid"
    assert told in row.warnings[0]


def test_notes_owner_and_decision_are_no_part_of_a_plan():
    asked = plan()
    said = Decided(decision="hold", on=date(2026, 7, 1), by="Ada")
    assert asked.model_copy(update={"owner": "Ada", "notes": "hm", "decided": said}).hash == asked.hash
    assert asked.model_copy(update={"alpha": 0.1}).hash != asked.hash


def measured(metric, values, start=0, day="2026-04-12"):
    return "\n".join(f"U{start + i + 1} | {metric} | {day} | {value}" for i, value in enumerate(values))


def guarded(control, treatment, margin=1.0):
    """An experiment with an effect and a guardrail: complaints of each unit in the 30 days after its assignment."""
    text = assigned(("old", share(8, 40)), ("new", share(28, 40)))
    complaints = "customer_id | metric | at | value\n" + measured("complaints", [*control, *treatment])
    asked = plan(
        measured="share", outcome_days=30, stops_on=date(2026, 5, 20),
        guardrails=(Guardrail(metric="complaints", direction="down", margin=margin),),
    )  # fmt: skip
    return known(asked, assignments=text, measurements=complaints)


def test_a_guardrail_whose_harm_is_excluded():
    """Means 1.5 and 1.5, standard error √(2 · 0.2564/40): the one-sided 95 % bound is 0.19 of a margin of 1."""
    spine = guarded([1, 2] * 20, [2, 1] * 20)
    [found] = trials(spine)[0].guarded
    assert found.standing == "kept"
    error = (2 * np.var([1, 2] * 20, ddof=1) / 40) ** 0.5
    assert found.effect.high == pytest.approx(error * norm.isf(0.05), rel=0.02)
    assert figure(spine).params["ruling"] == "ship"


def test_a_guardrail_that_broke_rolls_back_whatever_else_got_better():
    spine = guarded([1, 2] * 20, [4, 5] * 20)
    assert trials(spine)[0].guarded[0].standing == "broken"
    assert figure(spine).params["ruling"] == "roll back"
    assert theme.guardrails(spine).rows["standing"].tolist() == ["shown"]


def test_a_guardrail_that_says_nothing_holds():
    spine = guarded([0, 9] * 20, [9, 1] * 20)
    assert trials(spine)[0].guarded[0].standing == "not shown"
    assert figure(spine).params["ruling"] == "hold"


def test_what_nobody_measured_is_no_zero():
    """A guardrail without a measurement holds back; a primary metric without one is refused."""
    text = assigned(("old", share(8, 40)), ("new", share(28, 40)))
    rail = Guardrail(metric="complaints", direction="down", margin=1.0)
    given = {"measured": "share", "outcome_days": 30, "stops_on": date(2026, 5, 20)}
    other = "customer_id | metric | at | value\nU1 | orders | 2026-04-12 | 1"
    for more in ({}, {"measurements": other}):
        row = figure(known(plan(guardrails=(rail,), **given), assignments=text, **more))
        assert row.params["ruling"] == "hold"
        assert "no measurements of complaints" in row.warnings
        row = figure(known(plan(metric="complaints", outcome_days=30), assignments=text, **more))
        assert (row.value, row.status) == (None, "refused")
        assert row.warnings[0] == "no measurements of complaints, which the plan asks for"


def test_what_got_worse_rolls_back():
    text = assigned(("old", share(58, 200)), ("new", share(40, 200)))
    assert figure(known(plan(measured="share"), assignments=text)).params["ruling"] == "roll back"
    assert figure(known(plan(measured="share", direction="down"), assignments=text)).params["ruling"] == "ship"


def test_an_effect_that_is_not_worth_having_is_held():
    text = assigned(("old", share(40, 200)), ("new", share(58, 200)))
    assert figure(known(plan(measured="share", ship_at_least=0.01), assignments=text)).params["ruling"] == "hold"


def test_whoever_decides_otherwise_gives_a_reason():
    said = Decided(decision="ship", on=date(2026, 7, 1), by="Ada", reason="It costs nothing")
    text = assigned(("old", share(40, 200)), ("new", share(41, 200)))
    [row] = theme.experiments(known(plan(measured="share", decided=said), assignments=text)).rows.to_dict("records")
    assert (row["ruling"], row["decided"]) == ("hold", "ship, Ada: It costs nothing")


# --- controlled: metrics ----------------------------------------------------------------------------------------------


def test_a_metric_is_summed_over_the_days_after_the_assignment():
    """Ten days from 10 April: the 19th counts, the 20th does not, nor does the 9th, which was before."""
    text = assigned(("old", [""] * 10), ("new", [""] * 10))
    rows = ["customer_id | metric | at | value"]
    for i in range(1, 21):
        rows += [
            f"U{i} | orders | {day} | {value}"
            for day, value in (
                ("2026-04-09 23:00", 100),
                ("2026-04-10 01:00", i),
                ("2026-04-19 23:00", 1),
                ("2026-04-20 00:30", 50),
            )
        ]
    asked = plan(metric="orders", outcome_days=10)
    spine = known(asked, assignments=text, measurements="\n".join(rows))
    run(theme.experiment, spine)
    found = spine.frame("experiment_rows", "unit_id")
    assert dict(zip(found["unit_id"], found["value"], strict=True)) == {f"U{i}": i + 1 for i in range(1, 21)}
    assert set(found["before"]) == {100}


def test_a_ratio_is_one_of_sums():
    """Orders per visit: 30 of 100 against 60 of 120, whatever each unit's own ratio is."""
    text = assigned(("old", [""] * 10), ("new", [""] * 10))
    rows = ["customer_id | metric | at | value"]
    rows.append(measured("orders", [3] * 10 + [6] * 10))
    rows.append(measured("visits", [5, 15] * 5 + [12] * 10))
    asked = plan(metric="orders", per="visits", outcome_days=10)
    spine = known(asked, assignments=text, measurements="\n".join(rows))
    assert figure(spine).value == pytest.approx(60 / 120 - 30 / 100)
    assert figure(spine).interval.method == "delta method"
    assert asked_by_query(spine, "experiment", "experiment_effect") == {"trial": pytest.approx(0.2)}


def test_users_of_one_account_are_one_cluster():
    """Twelve accounts a variant with five users each, who are all alike: the evidence is that of 12, not of 60."""
    users, rows = ["user_id | customer_id"], ["experiment_id | unit_id | variant | assigned_at | outcome"]
    for account in range(24):
        for user in range(5):
            users.append(f"P{account}-{user} | A{account}")
            rows.append(f"trial | P{account}-{user} | {'new' if account % 2 else 'old'} | 2026-04-10 | {account % 4}")
    alike = known(plan(unit="user"), assignments="\n".join(rows), users="\n".join(users))
    alone = known(plan(unit="lead"), assignments="\n".join(rows), users="\n".join(users))
    assert figure(alike).value == figure(alone).value == 1
    ends = [figure(each).interval for each in (alike, alone)]
    wide, narrow = (end.high - end.low for end in ends)
    of_a_twelfth, of_a_sixtieth = t.isf(0.025, 22) * (12 / 11) ** 0.5, t.isf(0.025, 118) * (60 / 59) ** 0.5
    assert wide / narrow == pytest.approx(5**0.5 * of_a_twelfth / of_a_sixtieth)
    assert figure(alike).n == 24
    assert figure(alike).warnings == ()
    rows[1] = rows[1].replace("old", "new")  # one of five users of one account
    mixed = known(plan(unit="user"), assignments="\n".join(rows), users="\n".join(users))
    assert figure(mixed).warnings == (
        "1 accounts have users in both variants, which makes the effect look smaller than it is",
    )


def test_secondary_metrics_are_corrected_with_the_first():
    text = assigned(("old", share(40, 200)), ("new", share(58, 200)))
    rows = "customer_id | metric | at | value\n" + measured("orders", [1, 2] * 200)
    asked = plan(measured="share", secondary=("orders",), outcome_days=30, stops_on=date(2026, 5, 20))
    [trial] = trials(known(asked, assignments=text, measurements=rows))
    assert trial.primary.corrected == pytest.approx(2 * 0.036385, abs=1e-5)
    assert [each.metric for each in trial.secondary] == ["orders"]


# --- controlled: can it be decided ------------------------------------------------------------------------------------

FIVE = "subscription_id | customer_id | start_on | mrr\n" + "\n".join(
    f"S{i} | C{i} | 2025-01-01 | 100" for i in range(5)
)


def test_what_cannot_be_decided_is_said_before_it_starts():
    """0.20 to 0.30 takes 294 in each of two variants, and five customers pay."""
    asked = plan(measured="share", baseline=0.2, starts_on=date(2026, 8, 1), stops_on=date(2026, 9, 1))
    spine = known(asked, subscriptions=FIVE)
    [row] = theme.feasibility(spine).rows.to_dict("records")
    assert row["needed"] == 2 * 294
    assert row["decidable"] == "not feasible: 588 units needed, 5 there; use a stepped rollout instead"
    nobody = FIVE.replace("2025-01-01", "2027-01-01")  # none of them pays yet
    [row] = theme.feasibility(known(asked, subscriptions=nobody)).rows.to_dict("records")
    assert row["decidable"] == "not feasible: 588 units needed, 0 there; use a stepped rollout instead"


def test_clusters_and_uneven_variants_take_more():
    """Ten users an account, alike by 0.1: 1 + 9 · 0.1 = 1.9 times as many; 90 to 10: 1/(4 · 0.9 · 0.1) times."""
    more = plan(measured="share", baseline=0.2, cluster_size=10, cluster_correlation=0.1, stops_on=date(2026, 9, 1))
    assert trials(known(more, subscriptions=FIVE))[0].needed == -(-588 * 19 // 10)
    uneven = plan(measured="share", baseline=0.2, variants={"old": 0.9, "new": 0.1}, stops_on=date(2026, 9, 1))
    assert trials(known(uneven, subscriptions=FIVE))[0].needed == -(-588 * 100 // 36)


def test_the_weeks_until_enough_leads_came():
    """26 deals in the 13 weeks to 30 June are two a week; 128 leads take 64 weeks, and their outcome two more."""
    deals = "deal_id | created_at | outcome\n" + "\n".join(
        f"D{i} | {date(2026, 6, 30) - timedelta(days=3 * i)} 10:00 | open" for i in range(26)
    )
    asked = plan(unit="lead", spread=1.0, mde=0.5, outcome_days=14, stops_on=date(2027, 9, 1))
    [trial] = trials(known(asked, deals=deals))
    assert (trial.needed, trial.available, trial.weeks) == (2 * 63, 2, 63 + 2)


def test_the_power_that_was_reached():
    text = assigned(("old", share(40, 200)), ("new", share(58, 200)))
    [trial] = trials(known(plan(measured="share", baseline=0.2), assignments=text))
    assert trial.power == pytest.approx(0.6405, abs=5e-5)


# --- links ------------------------------------------------------------------------------------------------------------


def link(**given):
    found = Link(**{
        "id": "link", "hypothesis": "It helps", "cpi": "mrr", "kpi": "logo_churn", "outcome": "churned",
        "expected": "down", "mechanism": "They like it", "increment": 10, **given,
    })  # fmt: skip
    return found.model_copy(update={"fixed": Fixed(on=date(2026, 1, 1), plan=found.hash)})


def payers(n, churned, mrr=lambda i: 100 + 7 * i % 60):
    """Customers that pay from 2025 on; some end on 2026-05-15."""
    rows = [f"S{i} | C{i} | {date(2025, 1, 1) + timedelta(days=i)} | {'2026-05-15' if i in churned else ''} | {mrr(i)}"
            for i in range(n)]  # fmt: skip
    return "subscription_id | customer_id | start_on | end_on | mrr\n" + "\n".join(rows)


def one_in_euros(rows):
    """The same subscriptions, the first in a currency that has no rate."""
    header, first, *others = rows.splitlines()
    return "\n".join([f"{header} | currency", f"{first} | EUR", *(f"{each} |" for each in others)])


def test_a_link_is_the_slope_beside_what_else_differs():
    """Least squares by numpy: churn on MRR/10, log MRR and years of tenure, of those that paid at the end of March."""
    churned = set(range(0, 60, 5))
    spine = known(link(), earlier=1, subscriptions=payers(60, churned))
    mrr = np.array([100 + 7 * i % 60 for i in range(60)], float)
    tenure = np.array([(date(2026, 4, 1) - date(2025, 1, 1)).days - i for i in range(60)]) / 365.25
    design = np.column_stack([np.ones(60), mrr / 10, np.log(mrr), tenure])
    left = np.array([i in churned for i in range(60)], float)
    expected = np.linalg.lstsq(design, left, rcond=None)[0][1]
    row = figure(spine, "link_effect")
    assert (row.status, row.n) == ("ok", 60)
    assert row.value == pytest.approx(expected)
    assert "associated with, no proof of a cause" in row.warnings[0]
    assert not {"drives", "causes"} & set(" ".join(row.warnings).split())


def test_a_link_tells_segments_and_periods_apart():
    """Two periods of 60 customers in three segments: numpy's least squares, with a column for all but one of each."""
    churned, segments = set(range(0, 60, 5)), ["large", "mid", "small"]
    customers = "customer_id | name | signed_up_on | segment\n" + "\n".join(
        f"C{i} | C{i} | 2024-12-01 | {segments[i % 3]}" for i in range(60)
    )
    spine = known(link(), earlier=2, subscriptions=payers(60, churned), customers=customers)
    rows, left = [], []
    for is_later, day in enumerate((date(2026, 1, 1), date(2026, 4, 1))):
        for i in range(60):
            mrr, tenure = 100 + 7 * i % 60, ((day - date(2025, 1, 1)).days - i) / 365.25
            rows.append([1, mrr / 10, np.log(mrr), tenure, i % 3 == 1, i % 3 == 2, is_later])
            left.append(i in churned and is_later)
    expected = np.linalg.lstsq(np.array(rows, float), np.array(left, float), rcond=None)[0][1]
    row = figure(spine, "link_effect")
    assert (row.status, row.n) == ("ok", 120)
    assert row.value == pytest.approx(expected)


@pytest.mark.parametrize("fx_mode", ["fixed", "period_end"])
def test_a_rate_that_rises_is_no_expansion(fx_mode):
    """Of 60 customers 12 pay a tenth more from May on; the euro, in which every other one pays, rises by a half."""
    rows = "subscription_id | customer_id | start_on | end_on | mrr | currency\n"
    for i in range(60):
        more, currency = i % 5 == 0, "EUR" if i % 2 else "USD"
        rows += f"S{i} | C{i} | {date(2025, 1, 1 + i % 28)} | {'2026-05-01' if more else ''} | {100 + i} | {currency}\n"
        rows += f"S{i} | C{i} | 2026-05-01 | | {110 + i} | {currency}\n" * more
    rates = "currency | on | rate\nEUR | 2024-01-01 | 1.0\nEUR | 2026-04-15 | 1.5"
    spine = known(link(outcome="expanded"), earlier=1, subscriptions=rows, fx_rates=rates)
    [found] = links(ruled(spine, fx_mode=fx_mode))
    assert (found.customers, found.events) == (60, 12)


def test_a_link_stands_on_no_mrr_that_is_refused():
    rows = one_in_euros(payers(60, set(range(0, 60, 5))))
    [found] = links(known(link(), earlier=1, subscriptions=rows))
    assert (found.customers, found.effect, found.standing) == (0, None, "refused")


def test_a_link_below_twelve_customers_is_refused():
    row = figure(known(link(), earlier=1, subscriptions=payers(11, {1, 2, 3})), "link_effect")
    assert (row.value, row.status) == (None, "refused")
    assert row.warnings == ("11 customers: below 12 no link is told",)


def test_a_link_with_few_outcomes_is_refused():
    row = figure(known(link(), earlier=1, subscriptions=payers(60, {1, 2, 3})), "link_effect")
    assert (row.status, row.warnings[0]) == (
        "refused", "of 60 outcomes 3 happened: below 10 of a kind no link is told"
    )  # fmt: skip


def test_links_are_corrected_for_all_that_was_tried():
    churned = {i for i in range(60) if 7 * i % 60 > 45}
    one, two = links(known(link(), link(id="other", lag=0, tried=3), earlier=1, subscriptions=payers(60, churned)))
    alone, _ = links(known(link(), link(id="other", lag=2, tried=3), earlier=1, subscriptions=payers(60, churned)))
    assert two.refused.startswith("of ")
    assert one.corrected == pytest.approx(min(1, 4 * one.effect.p))
    assert alone.corrected == pytest.approx(min(1, 4 * alone.effect.p))
    assert one.standing == ("contradicted" if one.corrected <= 0.05 else "not shown")


def test_eight_quarters_are_too_few_for_a_link_of_periods():
    asked = link(unit="period", outcome=None, cpi="arpa", kpi="logo_churn_quarter", expected="up", lag=0)
    row = figure(known(asked, earlier=8, subscriptions=payers(40, set())), "link_effect")
    assert row.status == "refused"
    assert "below 12 no link is told" in row.warnings[0]


def test_a_link_of_months_is_the_correlation_of_changes():
    rows = "subscription_id | customer_id | start_on | end_on | mrr\n" + "\n".join(
        f"S{i} | C{i} | {date(2024, 1, 5) + timedelta(days=23 * i)} |  | {50 + 37 * i % 90}" for i in range(36)
    )
    asked = link(unit="period", outcome=None, cpi="arpa", kpi="paying_customers", expected="up", lag=1)
    review = Review(company="Fine Co", themes={"kpi_experiments": {}}, experiments=(asked,))
    months = Q2.months(24)
    spine = spine_of(prepared(Q2.as_of_on, period=Q2, subscriptions=rows), Q2, defaults(), [*months, Q2], review)
    values = {row["label"]: row for row in spine.answers("mrr") if not row["segment_by"]}
    arpa, payers_of = (
        np.diff([float(values[month.label][name]) for month in months]) for name in ("arpa", "paying_customers")
    )
    row = figure(spine, "link_effect")
    assert row.n == len(months) - 2
    assert row.value == pytest.approx(spearmanr(arpa[:-1], payers_of[1:]).statistic)


def test_a_cpi_that_no_relation_tells_is_named():
    with pytest.raises(KitError, match="experiment link: no relation by_account_mmr; did you mean"):
        run(theme.cpi_kpi_link, known(link(cpi="mmr"), subscriptions=FIVE))


# --- back-tests -------------------------------------------------------------------------------------------------------


def backtest_plan(**given):
    return Backtest(**{
        "id": "told", "hypothesis": "It tells", "score": "mrr", "test_from": date(2026, 3, 31), **given
    })  # fmt: skip


ACTIVITY = {"A": 0, "B": 1, "C": 3, "D": 2, "E": 5, "F": 6, "G": 7, "H": 4}
LEFT = {"A": "2026-04-20", "B": "2026-05-20", "C": "2026-06-20"}
TRAINING = """
    T0 | T0 | 2024-01-01 | 2025-10-20 | 0.5
    T1 | T1 | 2024-01-01 | 2025-12-01 | 90
"""


def eight(**more):
    """The eight customers of the example, paying as much as their activity and one; two more left in the training."""
    rows = [
        f"S{name} | {name} | 2026-01-05 | {LEFT.get(name, '')} | {activity + 1}" for name, activity in ACTIVITY.items()
    ]
    return "subscription_id | customer_id | start_on | end_on | mrr\n" + "\n".join(rows) + more.get("training", "")


def test_example_of_a_backtest():
    """Of 15 pairs 14 are in order, and two of the three losses stand at the bottom quarter: 1 / (3/8)."""
    trained = eight(
        training="""
        T0 | T0 | 2024-01-01 | 2025-11-20 | 0.5
        T1 | T1 | 2024-01-01 | 2025-12-31 | 90"""
    )
    spine = known(backtest_plan(test_from=date(2026, 3, 31)), earlier=4, subscriptions=trained)
    [found] = backtests(spine)
    assert found.value == pytest.approx(14 / 15)
    assert found.lifts[0.25] == pytest.approx(8 / 3)
    assert (found.rows, found.events, found.base_rate, found.snapshots) == (8, 3, 3 / 8, ["2026Q1"])
    row = figure(spine, "backtest_auc")
    assert (row.status, row.value, row.n) == ("insufficient", pytest.approx(14 / 15), 8)
    assert asked_by_query(spine, "backtest", "backtest_auc") == {"told": pytest.approx(14 / 15)}


def test_snapshots_whose_outcome_is_not_known_do_not_count():
    """90 days after 31 March is 29 June, which is known; after 30 June nothing is."""
    row = figure(known(backtest_plan(), earlier=1, subscriptions=eight()), "backtest_auc")
    assert row.excluded["immature: the horizon has not ended"] == 5
    assert row.n == 8


def test_who_leaves_within_the_gap_is_neither():
    """With 30 days of gap, A has left on 20 April before the horizon begins."""
    later = replace(Q2, as_of_on=date(2026, 8, 15))
    row = figure(known(backtest_plan(gap_days=30), period=later, earlier=1, subscriptions=eight()), "backtest_auc")
    assert row.excluded["left within the gap"] == 1
    assert (row.numerator, row.n) == (2, 7)


def test_the_score_of_the_quarter_before_is_of_no_other():
    """A pays throughout; B does not on 31 March, so that on 30 June it has no score of the quarter before."""
    rows = """subscription_id | customer_id | start_on | end_on | mrr
        S1 | A | 2025-05-01 | 2026-01-10 | 1
        S1 | A | 2026-01-10 |            | 2
        S2 | B | 2025-05-01 | 2026-02-01 | 5
        S2 | B | 2026-04-15 |            | 6"""
    spine = known(backtest_plan(), earlier=2, subscriptions=rows)
    assert figure(spine, "backtest_auc").n == 1  # A on 31 March; the horizon of 30 June has not ended
    found = spine.frame("backtest_rows", "account_id, day")
    told = found[["account_id", "snapshot", "score", "last_score"]].astype(object).where(found.notna(), None)
    assert list(told.itertuples(index=False, name=None)) == [
        ("A", "2025Q4", 1, None), ("A", "2026Q1", 2, 1), ("A", "2026Q2", 2, 2),
        ("B", "2025Q4", 5, None), ("B", "2026Q2", 6, None),
    ]  # fmt: skip


def test_a_renewal_that_did_not_come():
    rows = """subscription_id | customer_id | start_on | end_on | mrr | renewal_on
        S1 | A | 2025-05-01 | 2026-05-01 | 1 | 2026-05-01
        S2 | B | 2025-05-10 |            | 2 | 2026-05-10
        S3 | C | 2025-05-10 |            | 3 | 2027-05-10"""
    row = figure(known(backtest_plan(target="renewal"), earlier=1, subscriptions=rows), "backtest_auc")
    assert (row.numerator, row.denominator) == (1, 2)
    assert row.excluded["nothing due"] == 1
    assert row.value == 0


def test_a_renewal_that_may_still_come_late_is_not_told():
    """S1 was due on 20 June and may be 30 days late: known is the end of June, so that nobody knows yet."""
    rows = """subscription_id | customer_id | start_on | end_on | mrr | renewal_on
        S1 | A | 2025-06-20 | 2026-06-20 | 1 | 2026-06-20
        S2 | B | 2025-06-10 |            | 2 | 2026-06-10"""
    spine = known(backtest_plan(target="renewal"), earlier=1, subscriptions=rows)
    assert figure(spine, "backtest_auc").numerator == 1
    row = figure(ruled(spine, grace_days=30), "backtest_auc")
    assert (row.n, row.excluded) == (0, {"immature: the horizon has not ended": 3})
    settled = replace(Q2, as_of_on=date(2026, 7, 30))  # 30 days after the last day of the horizon, 29 June
    late = known(backtest_plan(target="renewal"), earlier=1, period=settled, subscriptions=rows)
    assert figure(ruled(late, grace_days=30), "backtest_auc").numerator == 1


def test_a_period_whose_figure_is_refused_gives_no_score():
    """No MRR is told without a rate for A's currency, nor with an overlap in its line, and no silence of a feed that
    ended in January."""
    [found] = backtests(known(backtest_plan(), earlier=1, subscriptions=one_in_euros(eight())))
    assert (found.value, found.rows, found.excluded["no score"]) == (None, 0, 8)
    twice = eight() + "\n    SA | A | 2026-02-01 | | 5"
    [found] = backtests(known(backtest_plan(), earlier=1, subscriptions=twice))
    assert (found.value, found.rows, found.excluded["no score"]) == (None, 0, 8)
    of_use = backtest_plan(score="days_silent")
    [found] = backtests(known(of_use, earlier=1, subscriptions=eight(), events=SILENT))
    assert (found.rows, found.excluded["no score"], found.warnings[0][:11]) == (2, 6, "no training")
    early = SILENT.replace("2026-03", "2026-01")
    [found] = backtests(known(of_use, earlier=1, subscriptions=eight(), events=early))
    assert (found.rows, found.excluded["no score"]) == (0, 8)


def test_a_score_must_beat_what_anybody_could_say():
    """Twelve of 40 leave; the score is their tenure in disguise, so that it is as good as a naive one and no better."""
    rows = "subscription_id | customer_id | start_on | end_on | mrr\n" + "\n".join(
        f"S{i} | C{i} | {date(2024, 1, 1) + timedelta(days=5 * i)} | {'2026-05-01' if i < 12 else ''} | {200 - i}"
        for i in range(40)
    )
    [found] = backtests(known(backtest_plan(), earlier=1, subscriptions=rows))
    assert (found.events, found.value, found.interval.low > 0.5) == (12, 1.0, True)
    assert found.naive["tenure"] == 1.0
    assert found.verdict == "does not lead"
    better = rows.replace("| 199\n", "| 150\n")
    assert backtests(known(backtest_plan(), earlier=1, subscriptions=better))[0].value < 1


def test_a_score_whose_name_tells_the_outcome_is_flagged():
    flagged = _warnings(backtest_plan(score="cancel_clicks"), 0.9, None, has_test=True)
    assert flagged == ["cancel_clicks sounds as if it knew what it is to tell; make sure that it was known before"]


# --- guards against leaks ---------------------------------------------------------------------------------------------

SILENT = """
    event_id | user_id | customer_id | event | occurred_at
    1 | P1 | A | plan | 2026-03-20 10:00
    2 | P2 | B | plan | 2026-03-28 10:00
"""


def test_what_happens_after_a_snapshot_changes_no_score():
    asked = backtest_plan(score="days_silent")
    later = SILENT + "    3 | P1 | A | plan | 2026-04-01 00:30\n    4 | P2 | B | plan | 2026-05-01 10:00\n"
    scores = [
        known(asked, earlier=1, subscriptions=eight(), events=text)
        for text in (SILENT, later)
    ]  # fmt: skip
    for spine in scores:
        backtests(spine)
    before, after = (
        {(row["snapshot"], row["account_id"]): row["score"] for row in spine.answers("backtest_rows", "all")
         if row["snapshot"] == "2026Q1" and row["score"] is not None} for spine in scores
    )  # fmt: skip
    assert before == after == {("2026Q1", "A"): 11, ("2026Q1", "B"): 3}


def test_shuffled_outcomes_are_told_by_nothing():
    """300 shuffles of who left: the AUC is that of a coin on average, for the score and by the whole path."""
    rows = "subscription_id | customer_id | start_on | end_on | mrr\n" + "\n".join(
        f"S{i} | C{i} | 2024-01-01 | {'2026-05-01' if i < 40 else ''} | {400 - i}" for i in range(160)
    )
    spine = known(backtest_plan(), earlier=1, subscriptions=rows)
    [found] = backtests(spine)
    assert found.value == 1
    frame = spine.vectors("backtest_rows", "experiment")[("told",)]
    used = frame[frame["left_out"].isna()]
    random = np.random.default_rng(7)
    values = [auc(used["score"], random.permutation(used["event"])) for _ in range(300)]
    assert np.mean(values) == pytest.approx(0.5, abs=0.01)
    shuffled = _judged(backtest_plan(), used.assign(event=random.permutation(used["event"])))
    assert shuffled.verdict == "does not lead"
    assert shuffled.interval.low < 0.5 < shuffled.interval.high


# --- what is not there ------------------------------------------------------------------------------------------------


def test_without_assignments_or_subscriptions():
    everything = (plan(), link(), backtest_plan())
    spine = known(*everything, customers="customer_id | name | signed_up_on\nA | Aye | 2025-01-01")
    told = {name: figure(spine, name) for name in ("experiment_effect", "link_effect", "backtest_auc")}
    assert {row.status for row in told.values()} == {"not_provided"}
    assert [row.warnings[0] for row in told.values()] == [
        "not provided: assignments", "not provided: subscriptions", "not provided: subscriptions"
    ]  # fmt: skip


def test_without_experiments():
    spine = known(subscriptions=FIVE)
    for card in (theme.experiment, theme.cpi_kpi_link, theme.backtest):
        assert run(card, spine) == []
    for table in (theme.experiments, theme.effects, theme.guardrails, theme.feasibility, theme.cpi_links,
                  theme.backtested_scores):  # fmt: skip
        assert table(spine).rows.empty


def test_an_experiment_without_rows():
    spine = known(plan(), assignments="experiment_id | unit_id | variant | assigned_at\nother | U1 | old | 2026-04-10")
    assert (figure(spine).status, figure(spine).warnings[0]) == ("undefined", "nobody is assigned yet")


# --- data of others ---------------------------------------------------------------------------------------------------


@pytest.mark.whole
@pytest.mark.skipif(not DATA.is_dir(), reason=f"no Cookie Cats file in {DATA}; set KPI_DATA to its parent")
def test_cookie_cats(tmp_path):
    """90,189 players: after a day 44.82 % and 44.23 % came back, after a week 19.02 % and 18.20 %: no chance."""
    file = tmp_path / "cats.csv"
    file.write_bytes(gzip.decompress((DATA / "cookie_cats.csv.gz").read_bytes()))
    text = "select 'gate' as experiment_id, cast(userid as varchar) as unit_id, version as variant, "
    tables = {"assignments": f"{text} timestamptz '2026-04-10' as assigned_at, "
              f"cast(cast(retention_7 as boolean) as integer)::double as outcome from read_csv('{file}')",
              "measurements": f"select cast(userid as varchar) as object_id, 'retention_1' as metric, "
              f"timestamptz '2026-04-11' as at, cast(cast(retention_1 as boolean) as integer)::double as value "
              f"from read_csv('{file}')"}  # fmt: skip
    source = Source(name="Cookie Cats", connect="duckdb://", timezone="UTC", currency="USD", tables=tables)
    asked = plan(id="gate", unit="player", variants={"gate_30": 0.5, "gate_40": 0.5}, measured="share", mde=0.01,
                 secondary=("retention_1",), outcome_days=14)  # fmt: skip
    review = Review(company="Cats", themes={"kpi_experiments": {}}, experiments=(asked,))
    given = prepare(source, Q2, currency="USD", folder=tmp_path / "prepared")
    [trial] = trials(spine_of(given, Q2, defaults(), [Q2], review))
    week, [day] = trial.primary.effect, trial.secondary
    assert (round(week.control, 4), round(week.treatment, 4)) == (0.1902, 0.1820)
    assert (round(day.effect.control, 4), round(day.effect.treatment, 4)) == (0.4482, 0.4423)
    assert trial.units == (44_700, 45_489)
    players = duckdb.sql(f"select version, count(*), sum(cast(cast(retention_7 as boolean) as integer)) "
                         f"from read_csv('{file}') group by 1 order by 1").fetchall()  # fmt: skip
    (_, n0, k0), (_, n1, k1) = players
    pooled = (k0 + k1) / (n0 + n1)
    z = (k1 / n1 - k0 / n0) / (pooled * (1 - pooled) * (1 / n0 + 1 / n1)) ** 0.5
    assert week.p == pytest.approx(2 * norm.sf(abs(z)))
    assert week.p < 0.002, "after a week the gate at level 40 loses players"
    assert 0.05 < day.effect.p < 0.1, "after a day it is not shown"
    assert trial.ratio_p == pytest.approx(0.0086, abs=5e-4), "suspicious, and above 0.001"
    assert trial.ruling == "roll back"


def test_a_decision_against_the_rule_without_a_reason_is_told():
    said = Decided(decision="ship", on=date(2026, 7, 1), by="Ada")
    text = assigned(("old", share(40, 200)), ("new", share(41, 200)))
    spine = known(plan(measured="share", decided=said), assignments=text)
    told = "the rule says hold; Ada decided to ship and gives no reason"
    assert told in figure(spine).warnings
    assert told in theme.experiments(spine).rows["found"][0]
