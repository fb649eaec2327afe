"""Expected values are the worked examples of specification section 3, or arithmetic that stands beside them."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.statistics import (
    aalen_johansen,
    dominated_by_few,
    kaplan_meier,
    log_rank,
    poisson_interval,
    ratios_of_sums,
    sign_test,
    wilson,
    xmr,
)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (0, 10, 0, 0.277533),
        (10, 10, 0.722467, 1),
        (9, 90, 0.053507, 0.179242),
        (7, 10, 0.396778, 0.892209),
        (1, 1, 0.206549, 1),
        (2, 10, 0.0567, 0.5098),  # K11
    ],
)
def test_wilson_examples(k, n, low, high):
    assert wilson(k, n)[:2] == pytest.approx((low, high), abs=1e-4 if (k, n) == (2, 10) else 1e-6)


def test_wilson_of_nothing_is_none():
    assert wilson(0, 0) is None


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_stays_within_0_and_1(pair):
    k, n = pair
    low, high = wilson(k, n)[:2]
    assert 0 <= low <= k / n + 1e-12
    assert k / n - 1e-12 <= high <= 1


@pytest.mark.parametrize(("n", "low", "high"), [(50, 37.110964, 65.918767), (3, 0.618672, 8.767273)])
def test_poisson_interval_examples(n, low, high):
    assert poisson_interval(n)[:2] == pytest.approx((low, high), abs=1e-6)


def test_poisson_interval_of_zero_starts_at_zero():
    """P(0 events | mean) = exp(-mean) = 0.025 at mean = -ln 0.025 = 3.688879."""
    assert poisson_interval(0)[:2] == pytest.approx((0, 3.688879), abs=1e-6)


K01_DAYS = [20, 35, 40, 45, 50, 55, 60, 70, 75, 80, 90, 120]
K01_SEEN = [1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 0]


def test_kaplan_meier_median_is_not_the_ordinary_one():
    assert kaplan_meier([10, 20, 30, 40], [1, 1, 1, 1]).median == 20


def test_kaplan_meier_second_example():
    """S(10) = 4/5; S(30) = 4/5 x 2/3 = 8/15 = 0.533333; S(50) = 0."""
    curve = kaplan_meier([10, 20, 30, 40, 50], [1, 0, 1, 0, 1])
    assert curve.at(30) == pytest.approx(8 / 15)
    assert curve.median == 50
    assert curve.censored.tolist() == [20, 40]


def test_kaplan_meier_median_not_reached():
    """S(20) = 3/5 is the lowest point."""
    curve = kaplan_meier([10, 20, 30, 40, 50], [1, 1, 0, 0, 0])
    assert curve.median is None
    assert curve.at(1000) == pytest.approx(0.6)


def test_kaplan_meier_worked_example_of_time_to_value():
    curve = kaplan_meier(K01_DAYS, K01_SEEN)
    assert curve.median == 55
    assert curve.median_interval[:2] == (35, 80)
    assert curve.restricted_mean(120) == pytest.approx(66.805556, abs=1e-6)


def test_kaplan_meier_median_takes_a_half_that_rounding_missed():
    """Ten events of ten: after the fifth, (9/10)(8/9)...(5/6) is one half, whatever the last bit says."""
    assert kaplan_meier(range(1, 11), [1] * 10).median == 5


def test_kaplan_meier_events_come_before_censorings_on_the_same_day():
    """Both at day 10 are at risk there: S(10) = 1/2, not 0."""
    assert kaplan_meier([10, 10], [1, 0]).at(10) == pytest.approx(0.5)


def test_kaplan_meier_day_zero_counts():
    """One of four on day 0, one of three on day 5: 3/4, then 3/4 x 2/3 = 1/2."""
    curve = kaplan_meier([0, 5, 9, 9], [1, 1, 0, 0])
    assert curve.at(0) == pytest.approx(0.75)
    assert curve.median == 5


def test_kaplan_meier_band_by_hand():
    """S(10) = 3/4 of 4 units: Greenwood 1/(4 x 3), so log-log se = sqrt(1/12) / -ln 0.75 = 1.003450;
    the band is 0.75 ** exp(+-1.959964 x 1.003450): 0.75 ** 7.147 and 0.75 ** 0.139919."""
    curve = kaplan_meier([10, 20, 30, 40], [1, 0, 0, 0])
    assert curve.lower.tolist() == pytest.approx([0.127948], abs=1e-5)
    assert curve.upper.tolist() == pytest.approx([0.960550], abs=1e-5)


@pytest.mark.parametrize("seen", [[], [0, 0]])
def test_kaplan_meier_without_events_says_nothing(seen):
    curve = kaplan_meier([5, 7][: len(seen)], seen)
    assert curve.at(3) == 1
    assert curve.median is None
    assert curve.median_interval is None


def test_kaplan_meier_of_one_unit_has_a_median_and_no_interval():
    curve = kaplan_meier([12], [True])
    assert (curve.median, curve.median_interval) == (12, None)


def test_restricted_mean_by_hand():
    """1 to day 10, 4/5 to day 30, 8/15 to day 40: 10 + 16 + 5.333333."""
    assert kaplan_meier([10, 20, 30, 40, 50], [1, 0, 1, 0, 1]).restricted_mean(40) == pytest.approx(31.333333)


def test_restricted_mean_beyond_the_follow_up_is_not_said():
    assert kaplan_meier([10, 20, 30], [1, 1, 0]).restricted_mean(40) is None
    assert kaplan_meier([30], [0]).restricted_mean(40) is None
    assert kaplan_meier([], []).restricted_mean(40) is None


def test_restricted_mean_is_complete_once_nobody_waits():
    assert kaplan_meier([10, 20, 30], [1, 1, 1]).restricted_mean(100) == pytest.approx(20)


def test_restricted_mean_without_events_is_the_horizon():
    assert kaplan_meier([40, 50], [0, 0]).restricted_mean(40) == 40


T3_DAYS, T3_CAUSES = [10, 20, 40, 15, 30], [1, 1, 1, 2, 0]


def test_aalen_johansen_example_against_one_minus_kaplan_meier():
    value = aalen_johansen(T3_DAYS, T3_CAUSES)
    alone = kaplan_meier(T3_DAYS, [cause == 1 for cause in T3_CAUSES])
    assert (value.at(20), value.at(40)) == pytest.approx((0.4, 0.8))
    assert (1 - alone.at(20), 1 - alone.at(40)) == pytest.approx((0.466667, 1.0), abs=1e-6)


def test_aalen_johansen_of_the_rival():
    """One of the four left at day 15: 4/5 x 1/4."""
    assert aalen_johansen(T3_DAYS, T3_CAUSES, cause=2).at(100) == pytest.approx(0.2)


@pytest.mark.parametrize(("days", "causes"), [([], []), ([5], [0]), ([5, 6], [2, 0])])
def test_aalen_johansen_of_a_cause_that_never_happened(days, causes):
    assert aalen_johansen(days, causes).at(10) == 0


T4 = [62, 66, 64, 69, 65, 61, 67, 66]


def test_xmr_example():
    limits = xmr([*T4, 48])
    assert limits.mean == 65
    assert limits.mean_range == pytest.approx(26 / 7)
    assert (limits.lower, limits.upper) == pytest.approx((55.12, 74.88), abs=1e-9)
    assert limits.range_limit == pytest.approx(12.138286, abs=1e-6)
    assert (limits.verdict, limits.rule, limits.baseline) == ("signal", 1, 8)


def test_xmr_within_the_limits_is_noise():
    assert (xmr([*T4, 63]).verdict, xmr([*T4, 63]).rule) == ("noise", None)


def test_xmr_rule_1_by_a_long_step():
    """56 is within 55.12 to 74.88; after 69 the step of 13 is beyond 12.138 (mean and ranges as before)."""
    series = [
        62,
        66,
        64,
        66,
        65,
        61,
        67,
        69,
    ]  # mean 65, ranges 4 2 2 1 4 6 2 = 21, mR 3, URL 9.804, limits 57.02, 72.98
    assert xmr([*series, 59]).rule == 1
    assert xmr([*series, 60]).verdict == "noise"


def test_xmr_rule_2_eight_on_one_side():
    """Twelve points 10, 12, 10, ... (mean 11, limits 5.68 to 16.32) and eight at 11.5."""
    base = [10, 12] * 6
    assert xmr([*base, *[11.5] * 7]).rule == 2  # the twelfth point, 12, is the eighth on that side
    assert xmr([*base[:-1], 10, *[11.5] * 7]).verdict == "noise"
    assert xmr([*base, *[11.5] * 4, 11, *[11.5] * 4]).verdict == "noise"  # 11 lies on the mean: no side


def test_xmr_rule_3_three_of_four_near_the_same_limit():
    """Mean 11, limits 5.68 and 16.32: nearer the limit than the mean is above 13.66 or below 8.34."""
    base = [10, 12] * 6
    assert xmr([*base, 14, 11, 14, 14]).rule == 3
    assert xmr([*base, 8, 8, 11, 8]).rule == 3
    assert xmr([*base, 14, 11, 11, 14]).verdict == "noise"
    assert xmr([*base, 8, 11, 14, 14]).verdict == "noise"
    assert xmr([*base, 13.6, 13.6, 13.6, 13.6]).verdict == "noise"


def test_xmr_baseline_is_the_first_twelve_and_never_the_point_judged():
    """Points 13 to 15 would move the mean; the limits stay those of the first twelve."""
    limits = xmr([*[10, 12] * 6, 15, 15, 30])
    assert (limits.mean, limits.mean_range, limits.baseline) == (11, 2, 12)
    assert xmr([1, 2, 3, 4, 5, 1000]).mean == 3


@pytest.mark.parametrize(
    ("n", "verdict", "provisional"),
    [(5, "too short", False), (6, "noise", True), (9, "noise", True), (10, "noise", False)],
)
def test_xmr_short_series(n, verdict, provisional):
    limits = xmr(([10, 12] * 6)[:n])
    assert (limits.verdict, limits.provisional) == (verdict, provisional)
    assert (limits.mean is None) == (verdict == "too short")


def test_xmr_of_a_baseline_that_is_given():
    """Of 20, 22, 20, 22, 21 the mean is 21 and the steps 2 2 2 1, 1.75 in the mean: limits 16.345 and 25.655."""
    series = [*[10, 12] * 6, 20, 22, 20, 22, 21, 23]
    limits = xmr(series, range(12, 17))
    assert (limits.mean, limits.mean_range, limits.baseline, limits.provisional) == (21, 1.75, 5, True)
    assert (limits.lower, limits.upper) == pytest.approx((16.345, 25.655))
    assert (limits.verdict, xmr(series).verdict) == ("noise", "signal")


def test_xmr_of_a_baseline_with_a_gap_has_no_range_across_it():
    """Of 10, 12, 14, 20, 22 the mean is 15.6; the steps 2 and 2 before the gap, 2 after it."""
    limits = xmr([10, 12, 14, None, 20, 22, 30], range(6))
    assert (limits.mean, limits.mean_range) == (15.6, 2)


@pytest.mark.parametrize("baseline", [[], range(4), range(20, 30)])
def test_xmr_of_a_baseline_of_too_few_values_has_no_limits(baseline):
    assert xmr([*[10, 12] * 6], baseline).verdict == "too short"


def test_xmr_has_no_range_across_a_gap():
    """Baseline 1, 3, gap, 9, 11, 9: ranges 2, 2, 2 (not 6 across the gap)."""
    limits = xmr([1, 3, None, 9, 11, 9, 10])
    assert (limits.mean_range, limits.mean, limits.baseline) == (2, 33 / 5, 5)


def test_xmr_the_judged_point_after_a_gap_has_no_step():
    """Mean 65, limits 57.02 and 72.98: 59 is within them, and its step from 69 is not counted across the gap."""
    series = [62, 66, 64, 66, 65, 61, 67, 69]
    assert xmr([*series, None, 59]).verdict == "noise"


def test_xmr_gaps_do_not_count_as_points():
    assert xmr([1, None, 2, None, None, 3, 4, 5]).verdict == "too short"
    assert xmr([]).verdict == "too short"
    assert xmr([None, 1, None, 2, None, 3, None, 4, None, 5, None, 6]).verdict == "too short"  # no two in a row


def test_xmr_of_a_flat_series_is_not_upset_by_rounding():
    assert xmr([0.1] * 20).verdict == "noise"
    assert xmr([*[0.1] * 19, 0.2]).rule == 1


def ratio_of_sums(top, bottom):
    (found,) = ratios_of_sums([top], bottom)
    return found


def test_ratio_of_sums_example_of_retention():
    """K23's cohort; drawing all 3,125 ways gives 0.5 to 1.085714, and the upper end is a step of the distribution."""
    closing, opening = [1000, 600, 300, 0, 200], [1000, 500, 400, 300, 200]
    draws = list(product(range(5), repeat=5))
    exact = np.array(closing)[draws].sum(axis=1) / np.array(opening)[draws].sum(axis=1)
    assert np.quantile(exact, [0.025, 0.975]) == pytest.approx([0.5, 1.085714], abs=1e-6)
    low, high, level, method = ratio_of_sums(closing, opening)
    assert low == pytest.approx(0.5, abs=0.01)
    assert 1.08 <= high <= 1.10
    assert (level, method) == (0.95, "bootstrap over customers")
    assert dominated_by_few(opening)


def test_ratio_of_sums_is_the_same_each_time():
    assert ratio_of_sums([1, 2, 3], [2, 2, 2]) == ratio_of_sums([1, 2, 3], [2, 2, 2])


def test_ratio_of_sums_of_many_customers_is_near_the_normal_interval():
    """400 customers of 100 each, half of them gone: 0.5 +- 1.96 x sqrt(0.25/400) = 0.451 to 0.549."""
    found = ratio_of_sums([100, 0] * 200, [100] * 400)
    assert found[:2] == pytest.approx((0.451, 0.549), abs=0.005)


@pytest.mark.parametrize(("top", "bottom"), [([], []), ([1], [1]), ([1, 1], [0, 0])])
def test_ratio_of_sums_without_information(top, bottom):
    assert ratio_of_sums(top, bottom) is None


def test_ratio_of_sums_leaves_out_draws_without_a_denominator():
    """One customer with 1 of 2, one with nothing: every draw that has a denominator gives 0.5."""
    assert ratio_of_sums([1, 0], [2, 0])[:2] == (0.5, 0.5)


def test_dominated_by_few():
    assert dominated_by_few([])
    assert dominated_by_few([0] * 40) is False
    assert dominated_by_few([10] * 40) is False


def test_log_rank_by_hand():
    """Events of the first group on days 1 and 2, of the second on day 3; one of it still waits on day 4.

    Expected of the first: 2/4 + 1/3 = 5/6 of its 2; variance 2/4 x 2/4 + 1/3 x 2/3 = 17/36. Chi-square on one degree
    of freedom: (2 - 5/6)^2 / (17/36) = 49/17, whose p-value is erfc(sqrt(49/17 / 2)).
    """
    p = log_rank([1, 2, 3, 4], [1, 1, 1, 0], ["a", "a", "b", "b"])
    assert p == pytest.approx(math.erfc(math.sqrt(49 / 17 / 2)))
    assert log_rank([4, 3, 2, 1], [0, 1, 1, 1], ["b", "b", "a", "a"]) == pytest.approx(p)


def test_log_rank_of_the_same_times_is_1():
    assert log_rank([1, 5, 9, 1, 5, 9], [1, 1, 0, 1, 1, 0], [0, 0, 0, 1, 1, 1]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("durations", "observed", "groups"),
    [
        ([], [], []),
        ([1, 2], [1, 1], [0, 0]),
        ([1, 2], [0, 0], [0, 1]),
        ([1, 5], [1, 1], [0, 1]),
        ([5, 5], [1, 1], [0, 1]),
    ],
)
def test_log_rank_without_information(durations, observed, groups):
    """No unit, one group, no event; of [1, 5] it says something: one of two at risk had the event."""
    found = log_rank(durations, observed, groups)
    assert found == (pytest.approx(math.erfc(math.sqrt(1 / 2))) if durations == [1, 5] else None)


@pytest.mark.parametrize(("ups", "downs", "p"), [(14, 5, 0.063568), (3, 1, 0.625), (5, 14, 0.063568), (2, 2, 1)])
def test_sign_test_examples(ups, downs, p):
    assert sign_test(ups, downs) == pytest.approx(p, abs=1e-6)


@pytest.mark.parametrize(("ups", "downs"), [(3, 5), (8, 3), (0, 7), (6, 6), (40, 61)])
def test_the_sign_test_counts_what_is_as_unlikely(ups, downs):
    """Of all ways in which coins may fall, those with as few or fewer on one side, twice; all of them at a draw."""
    n, fewest = ups + downs, min(ups, downs)
    ways = [math.comb(n, k) for k in range(n + 1)]
    assert sign_test(ups, downs) == pytest.approx(sum(each for each in ways if each <= ways[fewest]) / 2**n, abs=1e-15)


def test_sign_test_of_nothing_moved():
    assert sign_test(0, 0) is None


def test_band_of_a_curve_at_a_day():
    """Between two events the band is that of the earlier one; before the first there is none to be wide."""
    curve = kaplan_meier([10, 20, 30, 40], [1, 1, 1, 1])
    assert curve.band(9) == (1, 1)
    assert curve.band(19) == curve.band(10) == (curve.lower[0], curve.upper[0])
