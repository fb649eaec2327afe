import json

import pandas as pd
import pytest

from helpers import results as long_table
from helpers.display.context import MIME_TABLE
from helpers.errors import KitError
from tests.unit.display.fake_review import Q3, months, partial_quarter, quarters, review, share


def test_a_series_is_of_one_kind_and_in_order():
    rows = [*months("mrr", [1, 2, 3]), *reversed(quarters("mrr", [10, 20, 30]))]
    found = review(*rows)
    assert list(found.series("mrr")["value"]) == [10, 20, 30]
    assert list(found.series("mrr", "month")["period"]) == ["2026-07", "2026-08", "2026-09"]
    assert found.series("arr").empty


def test_now_is_the_total_of_the_review_period():
    found = review(
        *quarters("mrr", [10, 20]), long_table.row("mrr", Q3, 5, segment=("segment", "smb")),
        long_table.row("mrr", Q3, 15, segment=("segment", None)),
    )  # fmt: skip
    assert found.now("mrr")["value"] == 20
    assert found.now("mrr", "smb")["value"] == 5
    assert list(found.segments("mrr", "segment")["segment"]) == ["smb", "(none)"]
    assert found.now("nrr") is None


def test_what_a_notebook_hands_on_is_the_long_table():
    rows = [*quarters("mrr", [10, None]), share("win_rate", 1, 3)]
    bundle = json.loads(json.dumps(review(*rows)._repr_mimebundle_()))
    assert bundle[MIME_TABLE]["title"] == "results"
    pd.testing.assert_frame_equal(long_table.from_records(bundle[MIME_TABLE]["data"]), long_table.frame(rows))
    assert bundle["text/plain"] == "3 figures of 2 KPIs, for 2026Q3 and the periods before it"


def test_the_latest_mature_period_stands_in_for_one_that_is_maturing():
    rows = [*quarters("funnel_conversion", [0.2, 0.3, 0.1])]
    rows[-1] = long_table.row("funnel_conversion", Q3, 0.1, status="partial")
    found = review(*rows)
    assert found.shown("funnel_conversion")["period"] == "2026Q2"
    assert found.now("funnel_conversion")["value"] == 0.1


def test_a_running_period_is_shown_itself_and_compared_with_as_many_days():
    running = partial_quarter("2026-08-20")
    found = review(*quarters("new_revenue", [100, 130], period=running), period=running)
    row = found.shown("new_revenue")
    assert (row["period"], row["status"]) == ("2026Q3", "partial")
    assert found.before(row)["value"] == 100


def test_a_running_period_is_not_compared_with_a_whole_one():
    running = partial_quarter("2026-08-20")
    whole = long_table.row("new_revenue", Q3.previous(), 100)
    found = review(whole, long_table.row("new_revenue", running, 130), period=running)
    assert found.before(found.now("new_revenue")) is None


def test_a_year_before_is_four_quarters_or_twelve_months():
    found = review(*quarters("mrr", [1, 2, 3, 4, 5]), *months("mrr", range(13)))
    assert found.year_before(found.now("mrr"))["period"] == "2025Q3"
    assert found.year_before(found.at("mrr", "2026-09"))["period"] == "2025-09"


def test_a_share_of_a_few_is_compared_with_nothing():
    found = review(share("renewal_rate", 1, 4, period=Q3.previous()), share("renewal_rate", 20, 40))
    assert found.before(found.now("renewal_rate")) is None


def test_a_segment_is_compared_with_its_own_dimension():
    rows = [
        long_table.row("mrr", period, value, segment=(by, "other"))
        for period, values in ((Q3.previous(), (5, 700)), (Q3, (6, 800)))
        for by, value in zip(("segment", "product"), values, strict=True)
    ]
    found = review(*rows, targets={"mrr": 1, "mrr[product: other]": 900})
    row = found.now("mrr", "product: other")
    assert (row["value"], found.before(row)["value"]) == (800, 700)
    assert found.series("mrr", segment="segment: other")["value"].tolist() == [5, 6]
    assert (found.target("mrr"), found.target("mrr", "product: other")) == (1, 900)
    assert found.target("mrr", "segment: other") is None
    with pytest.raises(KitError, match=r"write mrr\[segment: other\] or mrr\[product: other\]"):
        found.now("mrr", "other")


def test_two_ways_to_name_a_segment_are_one_target():
    found = review(long_table.row("mrr", Q3, 5, segment=("segment", "smb")), targets={"mrr[smb]": 7})
    assert found.target("mrr", "segment: smb") == found.target("mrr", "smb") == 7
    assert found.target("mrr") is None
