"""The files of experiments: their form, every fault at once, and a hash that tells one plan from another."""

from datetime import date
from pathlib import Path

import pytest

from helpers.errors import KitError
from helpers.experiments import Backtest, Controlled, Link, load_experiments, open_points
from helpers.params import load_review

ROOT = Path(__file__).parents[2]
TRIAL = """
kind: controlled
hypothesis: It helps
kpi: nrr
unit: customer
variants: {old: 0.5, new: 0.5}
mde: 0.1
starts_on: 2026-04-01
stops_on: 2026-06-01
"""


def written(tmp_path, text, name="trial"):
    folder = tmp_path / "experiments"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yml").write_text(text)
    return folder


def faults(folder):
    with pytest.raises(KitError) as told:
        load_experiments(folder)
    return [fault.replace(f"{folder}/", "") for fault in told.value.faults]


def test_the_name_of_the_file_is_the_experiment(tmp_path):
    [found] = load_experiments(written(tmp_path, TRIAL, "o'brien's trial"))
    assert isinstance(found, Controlled)
    assert (found.id, found.control, found.treatment) == ("o'brien's trial", "old", "new")
    assert found.metrics == {"outcome": "primary"}


def test_no_folder_is_no_experiment(tmp_path):
    assert load_experiments(tmp_path / "experiments") == ()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("kind: controlled", "kind: trial", "kind == 'trial', must be one of link, controlled, backtest"),
        ("hypothesis: It helps", "hypotesis: It helps", "hypotesis is not known; did you mean 'hypothesis'?"),
        ("{old: 0.5, new: 0.5}", "{old: 0.5, new: 0.4}", "must be two, the control first, whose shares make 1"),
        ("stops_on: 2026-06-01", "stops_on: 2026-03-01", "stops_on == '2026-03-01', must be later than starts_on"),
        ("mde: 0.1", "mde: 0.1\nmetric: orders", "outcome_days is missing, must say over how many days orders is"),
        ("mde: 0.1", "mde: 0.1\nmeasured: share\nuse_pre_value: true", "measured == 'share', must be mean where it"),
        ("mde: 0.1", "mde: 0.1\nmeasured: share\nbaseline: 0.95", "mde == 0.1, must lead from the baseline to a share"),
        ("mde: 0.1", "mde: 0.1\nanalysis: sequential", "spread is missing, must say what the control is like"),
        ("mde: 0.1", "mde: 0.1\ndecided: {decision: no, on: 2026-06-02, by: A}", "decided.decision == 'no', must be"),
    ],
)  # fmt: skip
def test_faults_of_a_plan(tmp_path, old, new, told):
    assert old in TRIAL
    found = faults(written(tmp_path, TRIAL.replace(old, new)))
    assert any(fault.startswith("trial.yml: ") and told in fault for fault in found), found


def test_all_faults_of_all_files_at_once(tmp_path):
    written(tmp_path, TRIAL.replace("mde: 0.1", "mde: no\npower: 2"), "first")
    found = faults(written(tmp_path, TRIAL.replace("unit: customer", "unt: customer"), "second"))
    assert {fault.split(":")[0] for fault in found} == {"first.yml", "second.yml"}
    assert len(found) == 4


def test_links_are_of_customers_with_an_outcome_or_of_periods_without(tmp_path):
    text = "kind: link\nhypothesis: H\ncpi: mrr\nkpi: nrr\nexpected: up\nmechanism: M\n"
    assert (
        "outcome is missing, must be given for customers, and for customers alone"
        in faults(written(tmp_path, text, "one"))[0]
    )
    [found] = load_experiments(written(tmp_path, text + "outcome: renewed\n", "one"))
    assert isinstance(found, Link)
    assert (found.unit, found.lag, found.increment) == ("customer", 1, 1)


def test_a_kpi_that_nobody_knows_is_told_with_the_review(tmp_path):
    (tmp_path / "review.yml").write_text("company: A\nthemes: {kpi_experiments: {}}\nkpis: {demos: {external: true}}\n")
    written(tmp_path, TRIAL.replace("kpi: nrr", "kpi: demos"), "known")
    assert [each.id for each in load_review(tmp_path / "review.yml").experiments] == ["known"]
    written(tmp_path, TRIAL.replace("kpi: nrr", "kpi: nr"), "unknown")
    with pytest.raises(
        KitError, match=r"unknown\.yml: kpi == 'nr', is not a KPI of the kit, nor registered under kpis:"
    ):
        load_review(tmp_path / "review.yml")


def test_experiments_have_files_of_their_own(tmp_path):
    (tmp_path / "review.yml").write_text("company: A\nthemes: {kpi_experiments: {}}\nexperiments: []\n")
    with pytest.raises(KitError, match="give each a file of its own in experiments/ beside it"):
        load_review(tmp_path / "review.yml")


def test_the_hash_is_that_of_the_plan(tmp_path):
    """A default that is written out is the same plan; another number is another."""
    [plan] = load_experiments(written(tmp_path, TRIAL))
    [same] = load_experiments(written(tmp_path, TRIAL + "alpha: 0.05\nowner: Ada\nnotes: hm\n"))
    [other] = load_experiments(written(tmp_path, TRIAL + "alpha: 0.01\n"))
    assert plan.hash == same.hash != other.hash
    [fixed] = load_experiments(written(tmp_path, TRIAL + f"fixed: {{on: 2026-03-01, plan: {plan.hash}}}\n"))
    assert not fixed.is_changed
    [changed] = load_experiments(
        written(tmp_path, TRIAL + f"alpha: 0.01\nfixed: {{on: 2026-03-01, plan: {plan.hash}}}\n")
    )
    assert changed.is_changed


def test_plans_of_the_sample_are_as_they_were_fixed():
    found = load_review(ROOT / "params/review.yml").experiments
    assert {each.kind for each in found} == {"link", "controlled", "backtest"}
    assert [each.id for each in found if each.is_changed] == []
    assert [each.id for each in found if each.fixed is None] == ["onboarding_call"]


def test_scores_are_names_and_no_queries(tmp_path):
    text = "kind: backtest\nhypothesis: H\nscore: mrr; drop table x\ntest_from: 2026-03-31\n"
    assert "score == 'mrr; drop table x', must match pattern" in faults(written(tmp_path, text))[0]
    [found] = load_experiments(written(tmp_path, text.replace("; drop table x", "")))
    assert isinstance(found, Backtest)


def test_what_fixes_a_plan_is_told_and_does(tmp_path):
    """The line that is printed, added to the file, leaves nothing to tell; another number in the plan does."""
    folder = written(tmp_path, TRIAL)
    [line] = open_points(load_experiments(folder), folder, date(2026, 3, 1))
    assert "the plan is not fixed, so that it decides nothing" in line
    fixed = f"{TRIAL}{line.rpartition('add ')[2]}\n"
    folder = written(tmp_path, fixed)
    assert open_points(load_experiments(folder), folder, date(2026, 3, 1)) == []
    folder = written(tmp_path, fixed.replace("mde: 0.1", "mde: 0.2"))
    [changed] = open_points(load_experiments(folder), folder, date(2026, 3, 1))
    assert "the plan is another than the one fixed on 2026-03-01" in changed
