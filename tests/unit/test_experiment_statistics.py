"""The statistics of experiments: the examples of T5 to T9, T13 and T14, and false alarms counted by simulation."""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, norm, ttest_ind

from helpers import experiment_statistics as stats
from helpers.experiment_statistics import Effect, Sums
from helpers.statistics import SEED

RNG = 20261129


def sums(values, per=None):
    """The sums of a variant's units, by numpy."""
    columns = {"value": values, "per": per}
    given = {name: np.asarray(column, float) for name, column in columns.items() if column is not None}
    pairs = {
        (a, b): float(np.cov(given[a], given[b])[0, 1]) for a, b in itertools.combinations(given, 2)
    }  # fmt: skip
    variances = {name: float(np.var(column, ddof=1)) for name, column in given.items()}
    return Sums(len(values), {name: float(column.mean()) for name, column in given.items()}, variances, pairs)


# --- T5, T6, T8, T9 ---------------------------------------------------------------------------------------------------


def test_two_proportions():
    """58/200 against 40/200: +0.09; pooled z = 0.09 / √(0.245·0.755·(1/200 + 1/200)) = 2.0926, so p = 0.0364."""
    found = stats.two_proportions((40, 200), (58, 200))
    assert (found.control, found.treatment) == (0.2, 0.29)
    assert (found.low, found.high) == pytest.approx((0.005615, 0.172829), abs=5e-7)
    z = 0.09 / math.sqrt(0.245 * 0.755 / 100)
    assert z == pytest.approx(2.092599, abs=5e-7)
    assert found.p == pytest.approx(2 * norm.sf(z)) == pytest.approx(0.036385, abs=5e-7)


def test_a_cell_below_five_is_tested_exactly():
    """1 of 9 against 5 of 9: of 6 in 18, the chance of so uneven a split is that of the hypergeometric distribution."""
    found = stats.two_proportions((1, 9), (5, 9))
    tables = [math.comb(9, k) * math.comb(9, 6 - k) / math.comb(18, 6) for k in range(7)]
    assert found.p == pytest.approx(sum(p for p in tables if p <= tables[1] + 1e-12))


def test_power_of_the_card():
    """(1.96·√(2·0.25·0.75) + 0.8416·√(0.2·0.8 + 0.3·0.7))² / 0.1² = 293.15, so 294 in each."""
    exact = (1.959964 * math.sqrt(0.375) + 0.841621 * math.sqrt(0.37)) ** 2 / 0.01
    assert exact == pytest.approx(293.15, abs=0.01)
    assert stats.needed_for_shares(0.2, 0.3) == 294
    arcsine = 2 * (math.asin(math.sqrt(0.3)) - math.asin(math.sqrt(0.2)))
    assert stats.power_of_shares(0.2, 0.3, (200, 200)) == pytest.approx(norm.sf(1.959964 - arcsine * 10), abs=1e-4)
    assert math.ceil(2 * ((1.959964 + 0.841621) / arcsine) ** 2) == 292


def test_power_of_a_mean_and_of_a_ratio():
    """16 · spread² / effect² is the rule of thumb; a ratio's spread is that of value less ratio × divisor."""
    assert stats.needed_for_means(2.0, 0.5) == pytest.approx(16 * 4 / 0.25, rel=0.02)
    value, per = np.array([4.0, 9, 2, 8, 5]), np.array([1.0, 3, 1, 2, 2])
    ratio = value.sum() / per.sum()
    spread = (value - ratio * per).std(ddof=1) / per.mean()
    assert stats.spread_of_ratio(sums(value, per=per), "per") == pytest.approx(spread)


def test_sample_ratio():
    """600 and 400 for 50:50: χ² = 100²/500 · 2 = 40; 210 and 190: χ² = 1."""
    assert stats.sample_ratio([600, 400], [0.5, 0.5]) == pytest.approx(2 * norm.sf(math.sqrt(40)))
    assert stats.sample_ratio([210, 190], [0.5, 0.5]) == pytest.approx(2 * norm.sf(1))
    assert stats.sample_ratio([900, 100], [0.9, 0.1]) == 1


def test_a_mean_is_compared_as_welch_does():
    a, b = [3.0, 5, 4, 8, 2, 6], [9.0, 4, 7, 8, 10]
    expected = ttest_ind(b, a, equal_var=False)
    found = stats.difference(sums(a), sums(b))
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval()))
    assert found.error == pytest.approx(math.sqrt(np.var(a, ddof=1) / 6 + np.var(b, ddof=1) / 5))


def test_a_ratio_of_sums_is_no_mean_of_ratios():
    """Orders per visit: 6 of 30 against 9 of 20."""
    found = stats.difference(sums([1, 5], per=[10, 20]), sums([4, 5], per=[10, 10]), per="per")
    assert (found.control, found.treatment) == (pytest.approx(6 / 30), pytest.approx(9 / 20))


# --- looking while it runs --------------------------------------------------------------------------------------------


def looks(rounds=2_000, n=1_000, every=50):
    """Experiments without an effect, each looked at 20 times: the difference and its error at each look."""
    random = np.random.default_rng(RNG)
    at = np.arange(every, n + 1, every)
    a, b = (random.normal(size=(rounds, n)).cumsum(axis=1)[:, at - 1] / at for _ in range(2))
    return b - a, np.sqrt(2 / at), 2 * at


def always_valid(value, error, n, planned, alpha):
    return stats.always_valid(Effect(0, value, value, 0, 0, 1, 0.95, "", error), n, planned, alpha)


def false_alarms(values, errors, ns, alpha, planned=2_000):
    """Of each experiment, whether some look excludes 0, by the always-valid interval."""
    bounds = [always_valid(0.0, error, n, planned, alpha).high for error, n in zip(errors, ns, strict=True)]
    return (np.abs(values) > np.array(bounds)).any(axis=1)


def test_looking_often_raises_false_alarms_unless_the_interval_allows_for_it():
    values, errors, ns = looks()
    plain = (np.abs(values) > 1.959964 * errors).any(axis=1).mean()
    assert plain > 0.2, "twenty looks at 5 % each: about one experiment in four"
    assert false_alarms(values, errors, ns, 0.05).mean() < 0.05


def test_a_hybrid_spends_its_error_once():
    """A fifth of 5 % for looking before the stop, four fifths at it."""
    values, errors, ns = looks()
    before = false_alarms(values[:, :-1], errors[:-1], ns[:-1], 0.05 * 0.2)
    at_the_end = np.abs(values[:, -1]) > norm.isf(0.04 / 2) * errors[-1]
    assert before.mean() < 0.01
    assert (before | at_the_end).mean() < 0.055
    assert at_the_end.mean() == pytest.approx(0.04, abs=0.012)


def test_an_effect_is_found_while_looking():
    values, errors, ns = looks(rounds=300)
    assert false_alarms(values + 0.2, errors, ns, 0.05).mean() > 0.9


def test_the_interval_and_the_p_value_agree():
    for value in (0.05, 0.1, 0.12, 0.15, 0.3):
        found = always_valid(value, 0.04, 500, 1_000, 0.05)
        assert (found.low > 0) == (found.p < 0.05)


def test_a_sample_ratio_that_is_looked_at_after_every_unit():
    """Of fair assignments at most one in a thousand is ever called broken; of 60:40 ones nearly all soon are."""
    random = np.random.default_rng(RNG)
    fair = [stats.running_sample_ratio(random.random(3_000) < 0.5, 0.5) for _ in range(1_000)]
    assert np.mean(np.array(fair) < stats.SRM_LEVEL) <= 0.001
    counted = np.cumsum(random.random((1_000, 3_000)) < 0.5, axis=1)[:, 99:]
    n = np.arange(100, 3_001)
    peeked = (np.abs(counted - n / 2) > norm.isf(stats.SRM_LEVEL / 2) * np.sqrt(n) / 2).any(axis=1).mean()
    assert peeked > 0.005, "the plain test, looked at after every unit, alarms many times as often as it says"
    broken = [stats.running_sample_ratio(random.random(1_500) < 0.6, 0.5) for _ in range(200)]
    assert np.mean(np.array(broken) < stats.SRM_LEVEL) > 0.95


# --- T7, T13, T14 -----------------------------------------------------------------------------------------------------


def test_many_tests_are_corrected():
    p = [0.001, 0.012, 0.02, 0.04, 0.3]
    assert stats.holm(p) == pytest.approx([5 * 0.001, 4 * 0.012, 3 * 0.02, 2 * 0.04, 0.3])


def test_what_was_tried_and_not_shown_counts():
    """p = 0.0364 as the smallest of five: 5 · 0.0364; as the last of five, after four that passed, it stands."""
    assert stats.holm([0.036385], tried=4) == [pytest.approx(5 * 0.036385)]
    passed = [0.01, 0.0125, 0.0166, 0.025, 0.036385]
    assert stats.holm(passed)[-1] <= 0.05
    assert stats.holm([0.02, *passed[1:]])[-1] > 0.05


def test_auc_of_the_card():
    """Churners 0, 1, 3, stayers 2, 5, 6, 7, 4: of 15 pairs only (3, 2) is the wrong way round; equal ones are half."""
    activity, left = [0, 1, 3, 2, 5, 6, 7, 4], [1, 1, 1, 0, 0, 0, 0, 0]
    risk = -np.array(activity)
    assert stats.auc(risk, left) == pytest.approx(14 / 15)
    equal = -np.array([0, 1, 3, 1, 5, 6, 7, 4])
    assert stats.auc(equal, left) == pytest.approx((12 + 0.5 + 0 + 1) / 15)
    assert stats.auc(risk, [0] * 8) is None


def test_auc_is_that_of_mann_and_whitney():
    random = np.random.default_rng(RNG)
    score, event = random.integers(0, 9, 300), random.random(300) < 0.2
    pairs = event.sum() * (~event).sum()
    assert stats.auc(score, event) == pytest.approx(mannwhitneyu(score[event], score[~event]).statistic / pairs)


def test_each_draw_is_the_auc_of_the_rows_of_the_customers_in_it():
    random = np.random.default_rng(RNG)
    score, event, customer = random.integers(0, 5, 60), random.random(60) < 0.3, random.integers(0, 20, 60)
    customer = np.unique(customer, return_inverse=True)[1]
    drawn = np.random.default_rng(SEED)
    for draw in stats.auc_draws(score, event, customer)[:25]:
        picked = drawn.integers(0, customer.max() + 1, customer.max() + 1)
        rows = np.concatenate([np.flatnonzero(customer == each) for each in picked])
        of, without = score[rows][event[rows]], score[rows][~event[rows]]
        assert draw == pytest.approx(mannwhitneyu(of, without).statistic / (len(of) * len(without)))


def test_draws_take_whole_customers():
    """One customer with all events: every draw has all of them or none."""
    score, event = [1, 2, 3, 4, 5, 6], [1, 1, 1, 0, 0, 0]
    draws = stats.auc_draws(score, event, ["a", "a", "a", "b", "c", "d"])
    assert set(draws) == {0.0}
    assert 0 < len(draws) < stats.RESAMPLES


def test_lift_of_the_card():
    """Of eight customers three churn; the two with the lowest activity both do: (2/2) / (3/8)."""
    assert stats.lift([-0, -1, -3, -2, -5, -6, -7, -4], [1, 1, 1, 0, 0, 0, 0, 0], 0.25) == pytest.approx(8 / 3)


def test_lift_at_a_tie_takes_its_share():
    """The first of four is asked and two are equal, of which one left: half an event of 1/4 · 4."""
    assert stats.lift([9, 9, 1, 0], [1, 0, 0, 0], 0.25) == pytest.approx(0.5 / 0.25)


def test_a_threshold_takes_the_best_of_both():
    assert stats.best_threshold([1, 2, 3, 4, 5], [0, 0, 1, 0, 1]) == 3


@pytest.mark.parametrize(("n", "least"), [(8, 0.738), (9, 0.7), (10, 0.648), (11, 0.618), (12, 0.587), (20, 0.444)])
def test_a_correlation_of_ranks_must_reach(n, least):
    assert stats.critical_correlation(n) == pytest.approx(least, abs=5e-4)


@pytest.mark.parametrize("n", [5, 6, 7, 8])
def test_spearman_is_counted_out(n):
    """Of all orders of so few ranks, at most one in twenty has so large a correlation, either way."""
    least = stats.critical_correlation(n)
    orders = np.array([*itertools.permutations(range(n))])
    found = 1 - 6 * ((orders - np.arange(n)) ** 2).sum(axis=1) / (n * (n * n - 1))
    assert np.mean(np.abs(found) >= least - 1e-9) <= 0.05
    below = found[found < least - 1e-9].max()
    assert np.mean(np.abs(found) >= below - 1e-9) > 0.05


def test_a_slope_with_errors_by_customer():
    """Rows sent three times over are three times the rows, and no more evidence."""
    random = np.random.default_rng(RNG)
    x = random.normal(size=60)
    y = 0.5 * x + random.normal(size=60)
    once = stats.slope(y, x[:, None], range(60))
    thrice = stats.slope(y.repeat(3), x.repeat(3)[:, None], np.arange(60).repeat(3))
    assert thrice.value == pytest.approx(once.value) == pytest.approx(np.polyfit(x, y, 1)[0])
    assert thrice.high - thrice.low == pytest.approx(once.high - once.low, rel=0.03)


def test_a_slope_of_what_does_not_vary():
    assert stats.slope([1, 1, 1, 1], np.array([[1.0], [2], [3], [4]]), range(4)) is None
    assert stats.slope([1, 0, 1, 0], np.array([[2.0], [2], [2], [2]]), range(4)) is None
    assert stats.rank_correlation([1, 2, 3, 4], [5, 5, 5, 5]) is None


def test_a_rank_correlation_that_is_perfect_has_no_width():
    assert stats.rank_correlation(range(12), range(12)) == stats.Slope(1, 1, 1, 0, 12)
    assert stats.rank_correlation(range(12), range(0, -12, -1)) == stats.Slope(-1, -1, -1, 0, 12)
