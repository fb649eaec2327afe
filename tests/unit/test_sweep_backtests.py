"""A sweep told by how well each variant leads churn, and the best kept as a plan that later quarters test."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import chain
from pathlib import Path

import pytest
import yaml

from helpers.errors import KitError
from helpers.experiment_statistics import auc
from helpers.experiments import load_experiments
from helpers.params import Review, load_review
from helpers.sweep import axis_of, read_tried, sweep_theme
from helpers.sweep_backtests import backtest_sweep, place_of, scores_of
from tests.canonical import source
from tests.pack.requests import made_request

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[2]
N = 40
LEAVE = range(12)  # on 2026-05-15; they used the product last on 2026-03-10, 21 days before the quarter ended
CALLS = range(12, 20)  # they stay, and used it last on 2026-02-20
BEFORE = {0: date(2026, 3, 10), 1: date(2026, 2, 20), 2: date(2026, 3, 30)}


def kind(i):
    return 0 if i in LEAVE else 1 if i in CALLS else 2


COMPANY = {
    "customers": "customer_id | name | signed_up_on\n" + "\n".join(f"C{i} | C{i} | 2025-01-01" for i in range(N)),
    "subscriptions": "subscription_id | customer_id | start_on | end_on | mrr\n"
    + "\n".join(f"S{i} | C{i} | 2025-01-01 | {'2026-05-15' if i in LEAVE else ''} | 100" for i in range(N)),
    "users": "user_id | customer_id\n" + "\n".join(f"P{i} | C{i}" for i in range(N)),
    "events": "user_id | event | occurred_at\n"
    + "\n".join(
        f"P{i} | plan | {day} 10:00"
        for i in range(N)
        for day in (*(date(2025, 1, 5) + timedelta(days=7 * week) for week in range(58)), BEFORE[kind(i)])
    )
    + "\n"
    + "\n".join(f"P{i} | plan | {day} 10:00" for i in range(20, N) for day in ("2026-06-28", "2026-09-28")),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "sweeps"))
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def led():
    """Windows of 14, 28 and 60 days, and how well silence led churn at the ends of quarters up to 30 June 2026."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        review = Review(company="Fine Co", themes={"inactive_customers": {}})
        order = made_request(review, source(**COMPANY), {"period": "2026Q3"})
        tried = read_tried("inactive_customers", ["window_days=28,60"], ROOT / "notebooks")
        axes = [axis_of(order, "inactive_customers", each) for each in tried]
        found = sweep_theme(order, "inactive_customers", axes, lambda step: None)
        return backtest_sweep(found, scores_of(axes), "churn", lambda step: None)


def test_what_follows_the_window_is_back_tested(led):
    assert {score for score, _ in led.found} == {"inactive_customers"}
    assert [each.plan.test_from for each in led.found.values()] == [date(2025, 9, 30)] * 3


@pytest.mark.parametrize(
    ("at", "silent"),
    [(0, (*LEAVE, *CALLS)), (1, (*CALLS,)), (2, ())],
    ids=["14 days", "28 days", "60 days"],
)
def test_each_variant_by_hand(led, at, silent):
    """At the end of March 2026 twelve will leave; at the ends of the three other quarters of the test nobody does.

    In the others everybody was active a few days before, but at the end of June the eight that called no more.
    """
    found = led.found["inactive_customers", (at,)]
    scores = [[0] * N, [0] * N, [int(i in silent) for i in range(N)], [int(i in CALLS) for i in range(12, N)]]
    events = [[0] * N, [0] * N, [int(i in LEAVE) for i in range(N)], [0] * (N - 12)]
    assert (found.rows, found.events) == (3 * N + N - 12, 12)
    assert found.value == pytest.approx(auc([*chain(*scores)], [*chain(*events)]))


def test_the_report_has_a_line_for_each(led):
    [part] = led.told()
    assert [row[0] for row in part["table"]["rows"]] == [
        "window_days 14 (default)", "window_days 28", "window_days 60"
    ]  # fmt: skip
    assert "The best of 3 tries is flattered" in part["table"]["note"]
    assert led.page()[0]["charts"]


def test_the_best_is_kept_as_a_plan_for_the_quarters_that_come(led, tmp_path):
    plan, text = led.experiment("inactive_customers", date(2026, 10, 5))
    best = max(led.found.values(), key=lambda each: each.value)
    assert best is led.found["inactive_customers", (0,)]
    (tmp_path / "early.yml").write_text(text)
    [read] = load_experiments(tmp_path)
    assert (read.score, read.target, read.tried, read.test_from) == (
        "inactive_customers",
        "churn",
        2,
        date(2026, 10, 1),
    )
    assert (read.fixed.on, read.fixed.plan, read.is_changed) == (date(2026, 10, 5), plan.hash, False)
    assert "window_days 14 (default): AUC" in read.notes


def test_a_variant_that_is_not_the_reviews_own_keeps_its_value(led):
    """Silence of 28 days points at those who stay, of 60 days at nobody."""
    others = {key: each for key, each in led.found.items() if key[1] != (0,)}
    plan, _ = replace(led, found=others).experiment("inactive_customers", date(2026, 10, 5))
    assert plan.under == {"window_days": 60}


def test_what_cannot_be_kept_is_refused_before_anything_runs(run, tmp_path):
    review = tmp_path / "review.yml"
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments/told.yml").write_text("kind: backtest")
    with pytest.raises(KitError, match="is there already; choose another name"):
        place_of("told", review, "churn")
    with pytest.raises(KitError, match="needs --backtest: what is kept is a plan"):
        place_of("other", review, None)
    with pytest.raises(KitError, match="must be a name of letters"):
        place_of("../other", review, "churn")
    status, _, told = run(
        "sweep", "inactive_customers", "-p", "window_days=7", "--backtest", "sales", "--save", "a b",
        "--period", "2026Q3", "--source", "params/sources/sample.yml",
    )  # fmt: skip
    assert status == 1
    assert "--backtest sales: must be one of churn, renewal" in told
    assert "--save a b: must be a name of letters" in told
    assert "done" not in told


def test_what_no_account_has_a_value_of_is_refused(run):
    status, _, told = run(
        "sweep", "pipeline_conversion", "-p", "horizon_days=30", "--backtest", "churn",
        "--period", "2026Q3", "--source", "params/sources/sample.yml",
    )  # fmt: skip
    assert status == 1
    assert "no value by account follows horizon_days; create a view by_account_NAME" in told


def test_the_command_keeps_a_plan_that_a_pack_shows(run, company, tmp_path):
    """From an idea to the page: swept, back-tested, registered, and there in the next build's review."""
    review = yaml.safe_load((ROOT / "params/review.yml").read_text())
    (tmp_path / "review.yml").write_text(yaml.safe_dump({"company": "Fine Co", "themes": {"kpi_experiments": {}}}))
    status, printed, told = run(
        "sweep", "inactive_customers", "-p", "window_days=7,28", "--backtest", "churn", "--save", "early_silence",
        "--period", "2026Q3", "--source", company, "--review", tmp_path / "review.yml",
    )  # fmt: skip
    assert status == 0, told
    assert "experiments/early_silence.yml: Inactive customers under " in printed
    [plan] = load_review(tmp_path / "review.yml").experiments
    assert (plan.id, plan.is_changed, plan.test_from) == ("early_silence", False, date(2026, 10, 1))
    assert review["company"] == "Talvenor"
