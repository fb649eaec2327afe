import pytest

from helpers import results as long_table
from helpers.display import charts, signals
from helpers.registries import Baseline
from tests.unit.display.fake_review import Q3, interval, months, partial_quarter, quarters, review

USUAL = [62, 66, 64, 69, 65, 61, 67, 66]  # specification T4: mean 65, limits 55.12 and 74.88, range limit 12.14


def judged(*rows, kpi_id="net_new_mrr", **more):
    return signals.verdict(review(*rows, **more), kpi_id)


def judged_months(*values):
    """The verdict on a series of months of a KPI that has a value for the quarter too."""
    return judged(*months("net_new_mrr", values), *quarters("net_new_mrr", [195, 180]))


def test_a_value_below_the_limits_is_a_signal():
    found = judged_months(*USUAL, 48)
    assert (found.state, found.kind, found.period, found.side, found.tone) == ("signal", "month", "2026-09", -1, "bad")
    assert found.position == "below its provisional usual range of €55 to €75"


@pytest.mark.parametrize(("kpi_id", "tone"), [("mrr_new", "good"), ("logo_churn_quarter", "bad")])
def test_good_and_bad_follow_the_direction_of_the_kpi(kpi_id, tone):
    found = judged(*quarters(kpi_id, [*USUAL, 90]), kpi_id=kpi_id)
    assert (found.state, found.side, found.tone) == ("signal", 1, tone)


def test_a_value_inside_is_noise():
    found = judged(*quarters("new_revenue", [*USUAL, 70]), kpi_id="new_revenue")
    assert (found.state, found.tone) == ("noise", "")
    assert found.words == "within its provisional usual range of €55 to €75"


def test_a_step_longer_than_the_range_limit_is_a_signal():
    found = judged_months(65, 61, 66, 64, 69, 65, 61, 67, 74, 60)
    # first nine: mean 65.78, steps 4 5 2 5 4 4 6 7, mean 4.625: limits 53.5 to 78.1, range limit 15.1
    assert found.state == "noise"
    found = judged_months(65, 61, 66, 64, 69, 65, 61, 67, 73, 57)
    # mean 65.67, steps 4 5 2 5 4 4 6 6, mean 4.5: limits 53.7 to 77.6, range limit 14.7; the step is 16 down
    assert (found.state, found.side) == ("signal", -1)
    assert found.position == "down on the month before by more than the usual €15"


def test_eight_on_one_side_are_a_signal():
    found = judged_months(*[60, 70] * 6, *[67] * 8)
    assert (found.state, found.side, found.limits.rule) == ("signal", 1, 2)
    assert found.position == "above its average of €65 for eight months running"


def baseline(first, last, reason="new prices"):
    return Baseline.model_validate({"from": first, "to": last, "reason": reason})


# Sixteen months from June 2025 on: eight at 10 and 12, then five at 20 and 22, then three more.
MOVED = [10, 12, 10, 12, 10, 12, 10, 12, 20, 22, 20, 22, 20, 21, 22, 23]


def judged_by(*baselines, values=MOVED):
    rows = [*months("net_new_mrr", values), *quarters("net_new_mrr", [60, 66])]
    return judged(*rows, baselines={"net_new_mrr": baselines})


class TestFixedBaseline:
    def test_without_one_the_first_twelve_say_what_is_usual(self):
        """Mean 172 / 12 = 14.33, steps 7 x 2, 8, 3 x 2 of 11, 2.545 in the mean: limits 7.56 and 21.1."""
        found = judged_by()
        assert (found.state, found.baseline) == ("signal", None)
        assert found.range == pytest.approx((172 / 12 - 2.66 * 28 / 11, 172 / 12 + 2.66 * 28 / 11))

    def test_its_days_say_what_is_usual(self):
        """February to June 2026: 20, 22, 20, 22, 20, mean 20.8, steps 2: limits 15.48 and 26.12."""
        fixed = baseline("2026-02-01", "2026-06-30")
        found = judged_by(fixed)
        assert (found.state, found.baseline) == ("noise", fixed)
        assert found.range == pytest.approx((15.48, 26.12))

    def test_a_month_that_lies_in_it_only_in_part_does_not_count(self):
        """January, 12, begins before the 15th, and July, 21, ends after the 30th."""
        assert judged_by(baseline("2026-01-15", "2026-07-30")).range == pytest.approx((15.48, 26.12))

    def test_the_last_that_ends_before_the_judged_month_holds(self):
        """September is judged; what ends in it says nothing of it. Until December 2025: mean 11 - 1/7, steps 2."""
        first, second = baseline("2025-06-01", "2025-12-31"), baseline("2026-02-01", "2026-06-30")
        assert judged_by(first, second).baseline == second
        assert judged_by(first, second, baseline("2026-02-01", "2026-09-15")).baseline == second
        assert judged_by(first).range == pytest.approx((76 / 7 - 2.66 * 2, 76 / 7 + 2.66 * 2))

    def test_it_holds_from_twelve_values_on(self):
        """The last eleven of the sixteen months, then the last twelve: 2025-11 to 2026-09 and from 2025-10."""
        fixed = baseline("2026-02-01", "2026-06-30")
        assert judged_by(fixed, values=MOVED[-11:]).baseline is None
        assert judged_by(fixed, values=MOVED[-12:]).baseline == fixed

    def test_too_few_values_in_it_are_no_limits(self):
        found = judged_by(baseline("2026-02-01", "2026-05-31"))
        assert (found.state, found.range, found.words) == ("too short", None, "too few values in its baseline to say")

    def test_overlapping_windows_are_judged_by_that_of_their_quarterly_variant(self):
        """Twelve quarters of 80 and 90 %, and one of 60 %; fixed are the five of 2023Q4 to 2024Q4."""
        rows = [*quarters("nrr", [1.0]), *quarters("nrr_quarter", [*[0.8, 0.9] * 6, 0.6])]
        found = judged(*rows, kpi_id="nrr", baselines={"nrr_quarter": [baseline("2023-10-01", "2024-12-31")]})
        # 2023Q3 is the first quarter, so fixed are 90, 80, 90, 80, 90: mean 86, steps 10
        assert found.range == pytest.approx((0.86 - 0.266, 0.86 + 0.266))

    def test_the_chart_says_which_days_and_why(self):
        rows = [*months("net_new_mrr", MOVED), *quarters("net_new_mrr", [60, 66])]
        fixed = {"net_new_mrr": [baseline("2026-02-01", "2026-06-30", "new prices since February.")]}
        assert charts.xmr(review(*rows, baselines=fixed), "net_new_mrr").sentence == (
            "Net new MRR, Sept 2026: €23, within its provisional usual range of €15 to €26. The usual range is that of "
            "1 Feb – 30 Jun 2026, as the review fixes it: new prices since February."
        )

    def test_the_chart_says_why_it_has_no_range(self):
        rows = [*months("net_new_mrr", MOVED), *quarters("net_new_mrr", [60, 66])]
        fixed = {"net_new_mrr": [baseline("2026-02-01", "2026-05-31", "new prices")]}
        assert charts.xmr(review(*rows, baselines=fixed), "net_new_mrr").sentence.endswith(
            "No usual range is drawn: too few values lie in that of 1 Feb – 31 May 2026, as the review fixes it: "
            "new prices."
        )


def test_months_are_judged_where_there_are_six_of_them():
    five = months("new_revenue", [62, 66, 64, 69, 65])
    assert judged(*five, *quarters("new_revenue", USUAL), kpi_id="new_revenue").kind == "quarter"
    six = months("new_revenue", [62, 66, 64, 69, 65, 61])
    assert judged(*six, *quarters("new_revenue", USUAL), kpi_id="new_revenue").kind == "month"


def test_a_month_beside_a_quarter_is_named():
    # the first seven: mean 454/7, steps 4 2 5 4 4 6, mean 25/6: limits 53.77 and 75.94
    assert judged_months(*USUAL).words == "Sept 2026, at €66, within its provisional usual range of €54 to €76"


def test_overlapping_windows_are_judged_by_their_quarterly_variant():
    rows = [*quarters("nrr", [1.0] * 9), *quarters("nrr_quarter", [v / 100 for v in USUAL] + [0.65])]
    found = judged(*rows, kpi_id="nrr")
    assert found.subject == "nrr_quarter"
    assert found.words == "2026Q3 alone, at 65.0%, within its provisional usual range of 55.1% to 74.9%"


def test_stocks_are_not_judged():
    assert judged(*months("mrr", USUAL), *quarters("mrr", USUAL), kpi_id="mrr").state == "not judged"


def test_short_series_are_too_short():
    found = judged(*quarters("renewal_rate", [0.8] * 5), kpi_id="renewal_rate")
    assert (found.state, found.words) == ("too short", "too short a history to say")


def test_a_running_quarter_is_judged_by_its_complete_months():
    running = partial_quarter("2026-08-20")
    rows = [*months("net_new_mrr", [*USUAL, 48], period=running), *quarters("net_new_mrr", [70, 9], period=running)]
    found = judged(*rows, period=running)
    assert (found.state, found.period) == ("signal", "2026-07")


def test_a_running_quarter_itself_is_never_judged():
    running = partial_quarter("2026-08-20")
    rows = quarters("renewal_rate", [0.8] * 8 + [0.1], period=running)
    assert judged(*rows, kpi_id="renewal_rate", period=running).state == "too short"


def test_what_has_no_value_now_is_not_judged():
    rows = quarters("quick_ratio", [*USUAL, None])
    assert judged(*rows, kpi_id="quick_ratio").state == "not judged"


def test_gaps_are_skipped():
    # the gap splits the steps: 4 2 | 4 4 6 1, mean 3.5, mean of the eight 65: limits 55.69 to 74.31
    found = judged(*quarters("quick_ratio", [62, 66, 64, None, 69, 65, 61, 67, 66, 70]), kpi_id="quick_ratio")
    assert found.range == pytest.approx((65 - 2.66 * 3.5, 65 + 2.66 * 3.5))


def test_limits_are_shown_within_what_a_proportion_can_be():
    rows = quarters("win_rate", [0.9, 1.0, 0.8, 1.0, 0.7, 1.0, 0.9], interval=interval(0.5, 1.0))
    found = judged(*rows, kpi_id="win_rate")
    assert found.range[1] == 1.0
    assert found.limits.upper > 1
    rows = quarters("renewal_rate_arr", [0.9, 1.0, 0.8, 1.0, 0.7, 1.0, 0.9])  # of the ARR due, no more can be renewed
    assert judged(*rows, kpi_id="renewal_rate_arr").range[1] == 1.0


def test_judged_series_are_counted_once():
    rows = [
        *quarters("renewal_rate", [0.8] * 8), *quarters("quick_ratio", [4.0] * 3), *quarters("nrr_quarter", [1.0] * 8),
        long_table.row("nrr", Q3, 1.0),
    ]  # fmt: skip
    found = [judged(*rows, kpi_id=k) for k in ("renewal_rate", "quick_ratio", "nrr", "nrr_quarter", "mrr")]
    assert signals.judged_count(found) == 2


def test_a_series_that_never_moved_is_at_its_usual_value():
    assert (
        judged(*quarters("renewal_rate", [0.8] * 12), kpi_id="renewal_rate").position == "at its usual value of 80.0%"
    )


def test_the_usual_step_of_a_share_is_in_percentage_points():
    found = judged(*quarters("renewal_rate", [0.80, 0.82, 0.80, 0.82, 0.80, 0.82, 0.77, 0.85]), kpi_id="renewal_rate")
    # seven rates: mean 0.80429, steps 2 2 2 2 2 5, mean 0.025: limits 0.738 and 0.871, range limit 0.0817; step 0.08
    assert found.state == "noise"
    found = judged(*quarters("renewal_rate", [0.80, 0.82, 0.80, 0.82, 0.80, 0.82, 0.77, 0.86]), kpi_id="renewal_rate")
    assert found.position == "up on the quarter before by more than the usual 8.2 pp"


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        # first five: mean 24, steps 60: limits 24 ± 2.66 × 60 = -135.6 and 183.6
        ([0, 60, 0, 60, 0, 60], (0, 183.6)),
        # a quarter of bookings taken back: the same limits, or nearly so, stand as they are
        ([0, 60, 0, 60, 0, 60, -30], (30 - 2.66 * 60, 30 + 2.66 * 60)),  # of the six before it
    ],
)
def test_limits_end_where_the_kpi_does_unless_a_value_went_beyond(values, shown):
    assert signals.verdict(review(*quarters("new_revenue", values)), "new_revenue").range == pytest.approx(shown)


def test_losses_have_their_end_above():
    assert signals.verdict(review(*quarters("mrr_churn", [0, -60, 0, -60, 0, -60])), "mrr_churn").range[1] == 0
