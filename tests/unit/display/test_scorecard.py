from helpers import results as long_table
from helpers.display.scorecard import scorecard
from tests.unit.display.fake_review import Q3, months, quarters, review, share

QUIET = [62, 66, 64, 69, 65, 61, 67, 66]


def test_signals_come_first_then_missed_targets():
    rows = [*quarters("mrr", [100, 90]), *quarters("renewal_rate", [0.8, 0.82, 0.81, 0.79, 0.8, 0.83, 0.8, 0.4])]
    found = scorecard(review(*rows, targets={"mrr": 120, "renewal_rate": 0.85}))
    # the first seven rates: mean 0.80714, steps 2 1 2 1 3 3, mean 0.02: limits 0.75394 and 0.86034
    assert found.headlines == [
        "Renewal rate fell to 40.0% in 2026Q3, 40.0 pp below 2026Q2 and below its provisional usual range of "
        "75.4% to 86.0%; its target of 85.0% was missed by 45.0 pp.",
        "Monthly recurring revenue (MRR) fell to €90 per month in 2026Q3, €10 below 2026Q2; "
        "its target of €120 was missed by €30.",
    ]
    assert found.judged_note == "Series judged against their own history: 1; about one in thirty signals by chance."


def test_a_month_that_signals_is_named():
    rows = [*quarters("net_new_mrr", [69_000, 41_000]), *months("net_new_mrr", [20_000, 22_000, 21_000] * 3 + [9_000])]
    found = scorecard(review(*rows))
    # nine months: mean 21,000, steps 2 1 1 2 1 1 2 1 thousand, mean 1,375: limits 17,343 and 24,658 (and a half)
    assert found.headlines == [
        "Net new MRR fell to €41,000 per month in 2026Q3, €28,000 below 2026Q2; "
        "Sept 2026, at €9,000, below its usual range of €17,343 to €24,658."
    ]


def test_nothing_to_report_is_a_headline():
    rows = [*quarters("renewal_rate", [0.8, 0.82, 0.81, 0.79, 0.8, 0.83, 0.8, 0.81]), *quarters("mrr", [100, 130])]
    found = scorecard(review(*rows, targets={"mrr": 120}))
    assert found.headlines == [
        "Nothing to report: none of the 1 judged series shows a signal; targets met: 1, missed: 0."
    ]


def test_at_most_five_headlines_and_the_rest_is_counted():
    ids = ["mrr", "paying_customers", "nrr", "grr", "renewal_rate", "win_rate", "new_revenue"]
    rows = [row for kpi_id in ids for row in quarters(kpi_id, [0.5, 0.5])]
    found = scorecard(review(*rows, targets=dict.fromkeys(ids, 0.6)))
    assert len(found.headlines) == 5
    assert found.judged_note.endswith("More signals and missed targets in the scorecard: 2.")


def test_rows_are_grouped_by_theme_in_the_order_of_the_review():
    rows = [*quarters("new_revenue", [1, 2]), *quarters("mrr", [1, 2]), *quarters("arpa", [1, 2])]
    found = scorecard(review(*rows))
    assert [(group["theme"], group["title"]) for group in found.groups] == [
        ("new_revenue", "New revenue"),
        ("recurring_revenue", "Recurring revenue"),
    ]
    assert [row["kpi_id"] for row in found.groups[1]["rows"]] == ["mrr"]  # arpa is no headline


def test_what_is_not_provided_stands_in_the_appendix_only():
    rows = [long_table.not_provided("mrr", Q3, "subscriptions"), long_table.refused("nrr", Q3, "no rate for CHF")]
    found = scorecard(review(*rows))
    assert [(row["kpi_id"], row["value"]) for row in found.groups[0]["rows"]] == [("nrr", "–")]


def test_a_theme_without_headlines_has_no_group():
    assert scorecard(review(*quarters("arpa", [1, 2]))).groups == []


def test_a_cohort_that_is_maturing_is_not_a_missed_target():
    rows = [
        *quarters("funnel_conversion", [0.2, 0.2], period=Q3.previous()),
        long_table.row("funnel_conversion", Q3, 0.01, status="partial"),
    ]
    found = scorecard(review(*rows, targets={"funnel_conversion": 0.3}))
    assert found.headlines[0].startswith("Nothing to report")
    assert found.groups[0]["rows"][0]["label"] == "Pipeline conversion, 2026Q2"


def test_a_missed_target_of_a_few_is_told_in_counts():
    found = scorecard(review(share("renewal_rate", 1, 3), targets={"renewal_rate": 0.9}))
    assert found.headlines == ["Renewal rate: 1 of 3 in 2026Q3; its target of 90.0% was missed."]


def test_the_target_of_a_segment_is_held_against_its_own_row():
    """Upsell missed its target by 1; the total, and "upsell" of another dimension, are none of its business."""
    upsell = [
        long_table.row("new_revenue", Q3, value, segment=(by, "upsell"))
        for by, value in (("source", 9), ("product", 99))
    ]
    found = scorecard(review(*quarters("new_revenue", [50]), *upsell, targets={"new_revenue[source: upsell]": 10}))
    assert found.headlines == ["New bookings (upsell): €9 in 2026Q3; its target of €10 was missed by €1."]
    met = scorecard(review(*quarters("new_revenue", [50]), *upsell, targets={"new_revenue[product: upsell]": 10}))
    assert met.headlines[0].endswith("targets met: 1, missed: 0.")
