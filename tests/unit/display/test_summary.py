"""The summary: a verdict, what went well and what did not, one headline per family, money first."""

import pytest

from helpers import results as long_table
from helpers.display.headlines import headlines, in_short, parts_moved
from helpers.display.summary import summary
from tests.unit.display.fake_review import Q3, months, quarters, review, share

FALLEN = [0.8, 0.82, 0.81, 0.79, 0.8, 0.83, 0.8, 0.4]


def texts(found):
    return [each.text for each in found]


def test_the_verdict_tells_the_year_and_the_quarter_of_the_first_row():
    """150 is 50% above 100, and 150 is 25% above 120."""
    found = summary(review(*quarters("mrr", [100, 110, 115, 120, 150]), targets={"mrr": 160}))
    assert found.verdict == "Monthly recurring revenue rose by 50.0% in a year and by 25.0% this quarter."
    assert found.carried_by == (
        "Monthly recurring revenue (MRR): €150 per month, €30 above 2026Q2, €50 above 2025Q3 and €10 below its target."
    )


def test_a_name_with_an_apposition_has_its_comma_and_other_ways_their_verbs():
    found = summary(review(*quarters("ttv_median", [60, 50, 52, 54, 55])))
    assert found.verdict == "Time to value, median, fell by 5 days in a year and rose by 1 day this quarter."


@pytest.mark.parametrize(("last", "words"), [(1000.4, "stood still"), (990, "fell by 1.0%")])
def test_a_change_below_half_a_per_cent_is_none(last, words):
    assert summary(review(*quarters("mrr", [1000, last]))).verdict == f"Monthly recurring revenue {words} this quarter."


def test_a_target_that_is_reached_to_the_cent_is_reached():
    found = summary(review(*quarters("mrr", [100, 120]), targets={"mrr": 120}))
    assert found.carried_by.endswith("€20 above 2026Q2 and at its target.")


def test_what_comes_due_is_told_as_a_part_of_arr():
    """A quarter of an ARR of 1,200 is due."""
    rows = [*quarters("mrr", [100]), *quarters("arr", [1200]), *quarters("arr_due_90", [300])]
    assert summary(review(*rows)).carried_by.endswith("ARR due in the next 90 days: €300, 25.0% of ARR.")


def test_the_family_of_the_verdict_is_no_headline_again():
    rows = [*quarters("mrr", [100, 90]), *quarters("net_new_mrr", [5, -10])]
    found = summary(review(*rows, targets={"mrr": 120, "net_new_mrr": 5}))
    assert not [*found.good, *found.bad]
    assert found.note.endswith("0 of 2 targets were met.")


def test_the_family_of_the_verdict_is_a_headline_where_it_signals():
    """Counts of 10 to 12, then 68: of fewer than 30 no per cent is told."""
    found = summary(review(*quarters("inactive_customers", [10, 12, 11, 12, 10, 11, 12, 68])))
    assert found.verdict == "Inactive customers rose by 56 in a year and by 56 this quarter."
    assert [each.kind for each in found.bad] == ["signal"]


def test_money_comes_first_then_signals_then_targets():
    rows = [
        *quarters("mrr", [100, 101]), *quarters("renewal_rate", FALLEN),
        *quarters("new_revenue", [50, 40]), *quarters("win_rate", [0.3, 0.2]),
    ]  # fmt: skip
    found = summary(review(*rows, targets={"new_revenue": 60, "win_rate": 0.25, "renewal_rate": 0.85}))
    # the first seven rates: mean 0.80714, steps 2 1 2 1 3 3, mean 0.02: limits 0.75394 and 0.86034
    assert texts(found.bad) == [
        "New bookings fell to €40, €10 below 2026Q2 and €20 below its target of €60.",
        "Renewal rate fell to 40.0%, 40.0 pp below 2026Q2, 39.0 pp below 2025Q3 and 45.0 pp below its target of 85.0%; "
        "below its provisional usual range of 75.4% to 86.0%.",
        "Win rate fell to 20.0%, 10.0 pp below 2026Q2 and 5.0 pp below its target of 25.0%.",
    ]


def test_one_headline_per_family():
    """The count and the share of inactive customers are one story."""
    counts = [2, 3, 2, 3, 2, 3, 2, 17]
    rows = [*quarters("inactive_customers", counts), *quarters("inactive_rate", [c / 200 for c in counts])]
    assert [each.family for each in headlines(review(*rows), ["inactive_customers", "inactive_rate"])] == [
        "inactive_customers"
    ]


def test_a_month_that_signals_is_named():
    rows = [*quarters("net_new_mrr", [69_000, 41_000]), *months("net_new_mrr", [20_000, 22_000, 21_000] * 3 + [9_000])]
    # nine months: mean 21,000, steps 2 1 1 2 1 1 2 1 thousand, mean 1,375: limits 17,343 and 24,658 (and a half)
    assert texts(headlines(review(*rows), ["net_new_mrr"])) == [
        "Net new MRR fell to €41,000 per month, €28,000 below 2026Q2; "
        "Sept 2026, at €9,000, below its usual range of €17,343 to €24,658."
    ]


def test_a_month_that_recovers_is_no_good_news_of_a_quarter_that_fell():
    """Months of 60 to 69, mean 64.92, one of -300 and one of 60 again: that step up only leads back towards the mean.

    The quarter of -175 lies below those of 190 to 200 before it.
    """
    by_month = months("net_new_mrr", [62, 66, 64, 69, 65, 61, 67, 66, 62, 66, 64, 67, -300, 60])
    by_quarter = [190, 200, 195, 190, 200, 195, -175]
    found = summary(review(*by_month, *quarters("net_new_mrr", by_quarter), targets={"net_new_mrr": 190}))
    assert not found.good
    (only,) = found.bad
    assert only.text.startswith("Net new MRR fell to −€175 per month, €370 below 2026Q2")
    assert "up on the month before" not in only.text
    # with too few quarters to judge, what is left is the target that was missed
    found = headlines(review(*by_month, *quarters("net_new_mrr", [195, -175]), targets={"net_new_mrr": 190}), [])
    assert [(each.kind, each.tone) for each in found] == [("target", "bad")]


def test_a_share_of_money_tells_what_the_gap_to_its_target_is_worth():
    """NRR of 100.0% on 400 a month; its target of 105% is 20 a month more."""
    rows = [share("nrr", 400, 400)]
    (found,) = headlines(review(*rows, targets={"nrr": 1.05}), ["nrr"])
    assert found.text.endswith("5.0 pp below its target of 105.0%. The difference to its target is €20 per month.")
    assert found.of_money


def test_nothing_to_report_is_told_with_what_it_rests_on():
    rows = [*quarters("renewal_rate", [*FALLEN[:-1], 0.81]), *quarters("mrr", [100, 130])]
    found = summary(review(*rows, targets={"mrr": 120}))
    assert not [*found.good, *found.bad]
    assert found.note == (
        "1 series was judged against its own history; about one in thirty signals by chance. 1 of 1 target was met."
    )


def test_three_on_each_side_and_the_rest_is_counted():
    ids = ["renewal_rate", "win_rate", "new_revenue", "nrr", "seat_utilisation"]
    rows = [row for kpi_id in ids for row in quarters(kpi_id, [0.5, 0.5])]
    found = summary(review(*quarters("mrr", [1]), *rows, targets=dict.fromkeys(ids, 0.6)))
    assert len(found.bad) == 3
    assert found.note.endswith("In the sections: 2 more that did not.")


def test_a_cohort_that_is_maturing_is_not_a_missed_target():
    rows = [
        *quarters("funnel_conversion", [0.2, 0.2], period=Q3.previous()),
        long_table.row("funnel_conversion", Q3, 0.01, status="partial"),
    ]
    assert headlines(review(*rows, targets={"funnel_conversion": 0.3}), ["funnel_conversion"]) == []


def test_a_missed_target_of_a_few_is_told_in_counts():
    (found,) = headlines(review(share("renewal_rate", 1, 3), targets={"renewal_rate": 0.9}), ["renewal_rate"])
    assert found.text == "Renewal rate: 1 of 3, against a target of 90.0%."


def test_the_target_of_a_segment_is_held_against_its_own_row():
    """Upsell missed its target by 1; the total, and "upsell" of another dimension, are none of its business."""
    upsell = [
        long_table.row("new_revenue", Q3, value, segment=(by, "upsell"))
        for by, value in (("source", 9), ("product", 99))
    ]
    rows = [*quarters("new_revenue", [50]), *upsell]
    (missed,) = headlines(review(*rows, targets={"new_revenue[source: upsell]": 10}), ["new_revenue"])
    assert (missed.tone, missed.text) == ("bad", "New bookings (upsell): €9, €1 below its target of €10.")
    (met,) = headlines(review(*rows, targets={"new_revenue[product: upsell]": 10}), ["new_revenue"])
    assert met.tone == "good"


def test_the_parts_that_moved_a_sum_are_named_where_they_add_up():
    """From 60 + 40 to 30 + 50: 30 less of one, 10 more of the other, 20 less in all."""
    parts = [
        long_table.row("new_revenue", period, value, segment=("source", name))
        for period, values in ((Q3.previous(), (60, 40)), (Q3, (30, 50)))
        for name, value in zip(("new logo", "upsell"), values, strict=True)
    ]
    found = review(*quarters("new_revenue", [100, 80]), *parts)
    assert parts_moved(found, "new_revenue") == "New bookings by source, on 2026Q2: new logo −€30, upsell +€10."
    assert len(in_short(found).sentences) <= 3
    assert in_short(found).sentences[-1] == parts_moved(found, "new_revenue")
    assert parts_moved(review(*quarters("new_revenue", [100, 81]), *parts), "new_revenue") == ""


def test_the_parts_that_are_not_named_are_counted():
    """Five parts of 10, 20, 30, 40 and 50 more: the largest three are named, and 30 of 150 are not."""
    parts = [
        long_table.row("new_revenue", period, value, segment=("source", name))
        for period, values in ((Q3.previous(), (0, 0, 0, 0, 0)), (Q3, (10, 20, 30, 40, 50)))
        for name, value in zip("abcde", values, strict=True)
    ]
    told = parts_moved(review(*quarters("new_revenue", [0, 150]), *parts), "new_revenue")
    assert told == "New bookings by source, on 2026Q2: e +€50, d +€40, c +€30, 2 more."
    four = [part for part in parts if part.segment != "a"]
    told = parts_moved(review(*quarters("new_revenue", [0, 140]), *four), "new_revenue")
    assert told == "New bookings by source, on 2026Q2: e +€50, d +€40, c +€30, b +€20."


def test_over_how_long_a_figure_looks_is_no_time_in_which_it_fell():
    earlier, now = (
        share("nrr", k, 20, period=period, params={"retention_months": 12})
        for k, period in ((20, Q3.previous()), (19, Q3))
    )
    found = headlines(review(earlier, now, targets={"nrr": 1.0}), ["nrr"])
    assert found[0].lead == "Net revenue retention (NRR) over 12 months fell to 95.0%"


def test_in_short_tells_three_families_at_most_and_never_nothing():
    ids = ["mrr", "nrr", "logo_churn", "renewal_rate", "net_new_mrr"]
    found = in_short(review(*(row for k in ids for row in quarters(k, [0.5, 0.5]))))
    assert len(found.sentences) == 3
    assert in_short(review()).sentences == ["No figure of this theme is known."]


def test_in_short_tells_a_lesser_figure_where_the_first_ones_are_not_provided():
    """In a month, acquisition cost is told of quarters alone; new customers are known all the same."""
    rows = [long_table.row("cac_full", Q3, None, status="not_provided"), *quarters("new_customers", [3, 1])]
    assert in_short(review(*rows)).sentences == ["New customers fell to 1, 2 below 2026Q2."]


def test_a_name_in_a_sentence_is_no_markup():
    parts = [
        long_table.row("new_revenue", period, value, segment=("source", "*[x](y)*"))
        for period, value in ((Q3.previous(), 100), (Q3, 80))
    ] + [long_table.row("new_revenue", period, 0, segment=("source", "b")) for period in (Q3.previous(), Q3)]
    bundle = in_short(review(*quarters("new_revenue", [100, 80]), *parts))._repr_mimebundle_()
    assert r"\*\[x\]\(y\)\* −€20" in bundle["text/markdown"]
