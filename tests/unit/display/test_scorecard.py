"""The scorecard's rows: one grain in a row, the variance, and a word for whatever cannot be said."""

import pytest

from helpers import results as long_table
from helpers.display.scorecard import USUAL_ROWS, scorecard
from helpers.params import MOST_IN_SCORECARD
from tests.unit.display.fake_review import Q3, months, quarters, review, share


def row_of(kpi_id, *rows, **more):
    found = scorecard(review(*rows, scorecard={"All": [kpi_id]}, **more))
    return found[0]["rows"][0]


def test_rows_are_those_that_the_review_names_in_its_groups():
    rows = [*quarters("new_revenue", [1, 2]), *quarters("mrr", [1, 2]), *quarters("arpa", [1, 2])]
    found = scorecard(review(*rows, scorecard={"Money": ["mrr", "arpa", "nrr"], "Use": ["seat_utilisation"]}))
    assert [(group["title"], [row["kpi_id"] for row in group["rows"]]) for group in found] == [
        ("Money", ["mrr", "arpa"])
    ]


def test_without_a_choice_the_usual_rows_come_first_then_themes_that_have_none_among_them():
    rows = [*quarters("sprint_on_time", [0.5, 0.6]), *quarters("mrr", [1, 2]), *quarters("logo_churn", [0.1, 0.2])]
    found = scorecard(review(*rows))
    assert [(group["title"], [row["kpi_id"] for row in group["rows"]]) for group in found] == [
        ("Money", ["mrr"]), ("Customer performance", ["sprint_on_time"]),
    ]  # fmt: skip
    assert sum(map(len, USUAL_ROWS.values())) <= MOST_IN_SCORECARD


def test_what_is_not_provided_stands_in_the_appendix_only():
    rows = [long_table.not_provided("mrr", Q3, "subscriptions"), long_table.refused("nrr", Q3, "no rate for CHF")]
    found = scorecard(review(*rows))
    assert [(row["kpi_id"], row["value"], row["reason"]) for row in found[0]["rows"]] == [
        ("nrr", "–", "No rate for CHF")
    ]


def test_a_row_without_a_value_has_no_verdict_of_another_figure():
    """NRR is refused, and its quarters, which would speak for it, are as usual."""
    usual = quarters("nrr_quarter", [0.8, 0.82, 0.81, 0.79, 0.8, 0.83, 0.8, 0.81])
    row = row_of("nrr", long_table.refused("nrr", Q3, "its definition changed"), *usual)
    assert (row["signal"], row["verdict"], row["verdict_words"]) == ("not judged", "", "")


def test_a_theme_without_headlines_has_no_group():
    assert scorecard(review(*quarters("arpa", [1, 2]))) == []


def test_changes_of_money_are_in_per_cent_and_a_target_has_its_variance():
    """90 is a tenth below 100; 90 is a quarter below 120."""
    row = row_of("mrr", *quarters("mrr", [100, 90]), targets={"mrr": 120})
    assert (row["previous"], row["year_ago"], row["target"], row["variance"]) == (
        "−10.0%",
        "none before",
        "€120",
        "−25.0%",
    )
    assert (row["target_status"], row["variance_tone"]) == ("missed", "bad")


def test_the_variance_of_a_share_is_in_points_and_of_days_in_per_cent():
    """0.84 is 6 points below 0.90; 46 days are 9 of 55 below it: 16.4%, which is good."""
    share_row = row_of("renewal_rate", *quarters("renewal_rate", [0.8, 0.84]), targets={"renewal_rate": 0.9})
    assert share_row["variance"] == "−6.0 pp"
    days = row_of("ttv_median", *quarters("ttv_median", [49, 46]), targets={"ttv_median": 55})
    assert (days["variance"], days["variance_tone"], days["previous"]) == ("−16.4%", "good", "−3 days")


def test_a_reason_that_several_rows_have_is_told_once():
    whys = {"mrr": "rows left out", "nrr": "rows left out", "win_rate": "no deal", "arr": "rows left out"}
    rows = [long_table.refused(kpi_id, Q3, why) for kpi_id, why in whys.items()]
    chosen = {"Money": ["mrr", "nrr", "win_rate"], "More": ["arr"]}
    told = [row["reason"] for group in scorecard(review(*rows, scorecard=chosen)) for row in group["rows"]]
    named = "As for Monthly recurring revenue (MRR)"
    assert told == ["Rows left out", named, "No deal", named]


def test_nothing_is_a_bare_dash():
    row = row_of("mrr", *quarters("mrr", [100]))
    told = [row[key] for key in ("previous", "year_ago", "target", "signal")]
    assert told == ["none before", "none before", "no target", "not judged"]
    few = row_of("renewal_rate", share("renewal_rate", 1, 3), targets={"renewal_rate": 0.9})
    assert (few["value"], few["previous"], few["variance"]) == ("1 of 3", "too few", "")


def test_a_quarter_is_judged_by_quarters_where_its_months_are_parts_of_it():
    """The month of 9,000 signals; the quarter of 63,000, after seven of 60,000 to 66,000, does not."""
    quiet = [60_000, 66_000, 62_000, 64_000, 61_000, 65_000, 63_000, 63_000]
    rows = [*quarters("net_new_mrr", quiet), *months("net_new_mrr", [20_000, 22_000, 21_000] * 3 + [9_000])]
    row = row_of("net_new_mrr", *rows)
    assert row["signal"] == "usual"
    assert row["verdict_words"].startswith("Within its provisional usual range")  # the workbook says no other month


def test_a_stock_is_judged_by_months_since_the_last_month_is_the_quarter():
    """Twelve months of 1 to 3, then 17: mean 2 and steps of 1 before it, so 17 is above."""
    rows = [*quarters("inactive_customers", [2, 3, 17]), *months("inactive_customers", [1, 2, 3, 2] * 3 + [17])]
    assert row_of("inactive_customers", *rows)["signal"].startswith("above ")


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ([0.8, 0.82, 0.81, 0.79, 0.8, 0.83, 0.8, 0.4], "below 75.4% to 86.0%"),
        ([0.8, 0.82, 0.81, 0.79, 0.8, 0.83, 0.8, 0.81], "usual"),
        ([0.8, 0.81], "history too short"),
    ],
)
def test_the_verdict_in_a_word(values, word):
    """The first seven rates: mean 0.80714, steps 2 1 2 1 3 3, mean 0.02: limits 0.75394 and 0.86034."""
    assert row_of("renewal_rate", *quarters("renewal_rate", values))["signal"] == word


def test_where_all_values_are_the_same_that_one_value_is_usual():
    """None was lost in seven quarters, nor in the eighth; then one in ten is."""
    row = row_of("logo_churn_quarter", *quarters("logo_churn_quarter", [0.0] * 8))
    assert (row["signal"], row["verdict_words"]) == ("usual", "At its provisional usual value of 0.0%")
    row = row_of("logo_churn_quarter", *quarters("logo_churn_quarter", [*[0.0] * 7, 0.1]))
    assert row["signal"] == "above 0.0%"


def test_a_range_that_reaches_to_nothing_is_no_verdict():
    """30, 90, 10, 80, 20, 70, 15, 85: mean 50, steps about 64, so the limits lie 170 below and above it."""
    row = row_of("new_revenue", *quarters("new_revenue", [30, 90, 10, 80, 20, 70, 15, 85]))
    assert (row["signal"], row["verdict"]) == ("varies too much", "wide")
