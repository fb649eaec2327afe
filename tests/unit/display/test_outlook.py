import json
from xml.etree import ElementTree

import pytest

from helpers import results as long_table
from helpers.display import charts
from helpers.display.outlook import Outlook
from helpers.errors import KitError
from helpers.periods import Calendar
from tests.unit.display.fake_review import Q3, months, partial_quarter, quarters, review
from tests.unit.display.forms import MIME, SVG, assert_picture_sentence_and_table, marks, texts

Q2, Q4 = Calendar().period("2026Q2"), Calendar().period("2026Q4")
MRR = [100, 110, 120, 130, 150, 150, 170, 180, 190]
NET_NEW = [10, 10, 10, 10, 20, 0, 20, 10, 10]
BOOKINGS = [40, 60, 50, 50, 60, 80, 70, 70, 60]


def mrr(values=MRR, added=NET_NEW, period=Q3, **more):
    rows = [*quarters("mrr", values, period=period), *quarters("net_new_mrr", added, period=period)]
    return review(*rows, period=period, **more)


def bookings(period, **more):
    return review(*quarters("new_revenue", BOOKINGS, period=period), period=period, **more)


def test_mrr_at_the_years_end_is_that_of_now_and_the_mean_net_new_of_four_quarters():
    found = Outlook(mrr(plans={"mrr": {"2026Q3": 195, "2026Q4": 210}}), "mrr")
    assert found.ahead == ["2026Q4"]
    assert found.end == 190 + (0 + 20 + 10 + 10) / 4 == 200
    # made a quarter before each: 130 + 40/4, 150 + 50/4, 150 + 40/4, 170 + 50/4, 180 + 50/4
    assert dict(found.past["forecast"]) == {
        "2025Q3": 140, "2025Q4": 162.5, "2026Q1": 160, "2026Q2": 182.5, "2026Q3": 192.5
    }  # fmt: skip
    off = (10 / 150 + 12.5 / 150 + 10 / 170 + 2.5 / 180 + 2.5 / 190) / 5
    assert found.error == pytest.approx(off) == pytest.approx(0.0472, abs=1e-4)
    assert found.sentence == (
        "At the pace of the last four quarters, MRR ends 2026 at €200 per month (ARR €2,400), €10 below the target of "
        "€210. One quarter ahead, this method was off by 4.7% on average (5 past forecasts)."
    )


def test_a_pace_that_leaves_less_than_nothing_is_told_in_words():
    """Of 100 lost in one quarter of four, 25 a quarter: 20 and 25 less is less than nothing."""
    found = Outlook(mrr([100, 110, 120, 120, 120, 120, 120, 120, 20], [0, 10, 10, 0, 0, 0, 0, 0, -100]), "mrr")
    assert found.end == 20 - 100 / 4 == -5
    assert found.sentence == "At the pace of the last four quarters, no MRR would be left by the end of 2026."
    assert "−" not in charts.outlook(found.results, "mrr").sentence


def test_without_an_outlook_there_is_no_table_of_targets_alone():
    year_over = mrr(period=Q4, plans={"mrr": {"2026Q3": 195, "2026Q4": 210}})
    chart = charts.outlook(year_over, "mrr")
    assert chart.sentence == "2026Q4 is the last quarter of its fiscal year: the year is over."
    assert (chart.svg, len(chart.table.listing.rows)) == ("", 0)


def test_a_gap_to_the_target_that_is_smaller_than_the_error_is_told_as_such():
    told = Outlook(mrr(plans={"mrr": {"2026Q4": 195}}), "mrr").sentence  # 200 is 5 above; 4.7 % of it are 9.4
    assert "€5 above the target of €195" in told
    assert told.endswith("(5 past forecasts), and the gap to the target is smaller than that.")


def test_bookings_of_the_year_are_those_so_far_and_the_mean_for_each_quarter_that_remains():
    plan = {"2026Q1": 70, "2026Q2": 70, "2026Q3": 70, "2026Q4": 80}
    found = Outlook(bookings(Q2, plans={"new_revenue": plan}), "new_revenue")
    assert found.ahead == ["2026Q3", "2026Q4"]
    assert found.end == 70 + 60 + 2 * (80 + 70 + 70 + 60) / 4 == 270
    # two quarters before each: 50 + 50 + 2 × 200/4, 50 + 60 + 2 × 220/4, 60 + 80 + 2 × 240/4, 80 + 70 + 2 × 260/4;
    # what came, four quarters each: 240, 260, 280, 280
    assert list(found.past["forecast"]) == [200, 220, 260, 280]
    assert list(found.past["came"]) == [240, 260, 280, 280]
    assert found.error == pytest.approx((40 / 240 + 40 / 260 + 20 / 280 + 0) / 4)
    assert found.sentence == (
        "At the pace of the last four quarters, new bookings of 2026 come to €270, €20 below the targets of its "
        "quarters, €290 in all. Two quarters ahead, this method was off by 9.8% on average (4 past forecasts), and the "
        "gap to the target is smaller than that."
    )


def test_bookings_have_a_target_only_if_each_quarter_of_the_year_has():
    plan = {"2026Q1": 70, "2026Q3": 70, "2026Q4": 80}
    assert Outlook(bookings(Q2, plans={"new_revenue": plan}), "new_revenue").target is None


def test_fewer_than_four_past_forecasts_are_no_error():
    told = Outlook(mrr(MRR[2:], NET_NEW[2:]), "mrr")
    assert (len(told.past), told.error) == (3, None)
    assert told.sentence.endswith("too little is known of this method's error (3 past forecasts; it takes 4).")


def test_past_forecasts_know_nothing_of_what_came():
    later = Outlook(mrr([*MRR[:-2], 900, 950], [*NET_NEW[:-2], 730, 50]), "mrr").past["forecast"]
    assert list(later[:-1]) == list(Outlook(mrr(), "mrr").past["forecast"][:-1])


def test_a_quarter_without_a_value_takes_away_the_forecasts_that_need_it():
    found = Outlook(mrr(added=[10, 10, None, 10, 20, 0, 20, 10, 10]), "mrr")
    assert list(found.past.index) == ["2026Q2", "2026Q3"]  # the first four with a value are 2025Q2 to 2026Q1


def test_a_fiscal_year_ends_where_the_calendar_says():
    found = Outlook(mrr(period=Calendar(fiscal_year_start_month=2).period("FY2027Q1")), "mrr")
    assert found.ahead == ["FY2027Q2", "FY2027Q3", "FY2027Q4"]
    assert list(found.values) == [200, 210, 220]
    assert "MRR ends FY2027 at €220" in found.sentence


RUNNING = partial_quarter("2026-08-15")
MONTH = Calendar().period("2026-09")
REFUSED = [long_table.refused(kpi_id, Q3, "too much is left out") for kpi_id in ("mrr", "net_new_mrr")]


@pytest.mark.parametrize(
    ("results", "why"),
    [
        (mrr(period=Q4), "2026Q4 is the last quarter of its fiscal year: the year is over."),
        (mrr(period=RUNNING), "2026Q3 is not over: the outlook to the year's end is told when it is."),
        (review(*months("mrr", MRR), period=MONTH), "told in the review of a quarter."),
        (mrr(MRR[-3:], NET_NEW[-3:]), "takes 4 quarters running with a value."),
        (review(*REFUSED), "too much is left out"),
        (review(), "takes 4 quarters running with a value."),
    ],
)
def test_where_there_is_no_outlook_the_reason_stands(results, why):
    chart = charts.outlook(results, "mrr")
    assert why in chart.sentence
    assert not chart.svg
    assert why in json.dumps(chart._repr_mimebundle_())
    assert why in Outlook(results, "mrr").sentence


def test_only_forecasts_are_hatched_and_the_last_has_a_whisker():
    found = mrr(plans={"mrr": {"2026Q2": 185, "2026Q4": 210}}, period=Q2)
    assert_picture_sentence_and_table(lambda: charts.outlook(found, "mrr"))
    chart = charts.outlook(found, "mrr")
    root = ElementTree.fromstring(chart.svg)
    hatched = [
        group.attrib["data-value"]
        for group in root.findall(f".//{SVG}g[@class='mark']")
        if "url(#" in group.find(f"{SVG}path").attrib["style"]
    ]
    assert hatched == ["Forecast for 2026Q3: €200 per month", "Forecast for 2026Q4: €210 per month"]
    assert [words for words in marks(chart.svg) if "Target" in words] == [
        "Target for 2026Q2: €185 per month", "Target for 2026Q4: €210 per month"
    ]  # fmt: skip
    written = texts(chart.svg)
    assert {"€200", "€210", "target"} <= set(written)
    assert "hatched: forecast; outlined: target; whisker: how far off the method was on average" in written


def test_without_an_error_there_is_no_whisker():
    assert "whisker" not in charts.outlook(mrr(MRR[2:], NET_NEW[2:]), "mrr").svg


def test_the_table_tells_each_forecast_and_how_far_off_it_was():
    table = charts.outlook(mrr(), "mrr")._repr_mimebundle_()[MIME]["table"]
    rows = {row["period"]: row for row in table["data"]}
    assert (rows["2025Q4"]["value"], rows["2025Q4"]["forecast"]) == (150, 162.5)
    assert rows["2025Q4"]["off"] == pytest.approx(12.5 / 150)
    assert (rows["2026Q4"]["value"], rows["2026Q4"]["forecast"]) == (None, 200)


def test_what_has_no_method_is_told():
    with pytest.raises(KitError, match="nrr has no outlook; known are mrr, new_revenue"):
        Outlook(review(), "nrr")
    with pytest.raises(KitError, match="new_revenue is added up over the year"):
        charts.outlook(bookings(Q3), "new_revenue")
