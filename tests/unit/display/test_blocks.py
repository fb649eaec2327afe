import json
from datetime import date

import pytest

from helpers import results as long_table
from helpers.display.blocks import Blocks, Note, block, kpi_texts
from helpers.registries import Peers
from tests.unit.display.fake_review import NAMES, Q3, interval, months, partial_quarter, quarters, review, share

MIME = "application/vnd.kpi-review.blocks+json"


def test_a_block_says_what_a_director_reads():
    rows = [
        *quarters("net_new_mrr", [69_000, 60_000, 55_000, 69_000, 41_000]),
        *months("net_new_mrr", [20_000, 22_000, 21_000, 23_000, 20_000, 22_000, 23_000, 9_000]),
    ]
    found = kpi_texts(review(*rows, targets={"net_new_mrr": 60_000}), "net_new_mrr")
    assert found["label"] == "Net new MRR"
    assert (found["value"], found["unit_note"]) == ("€41,000", "per month")
    assert (found["previous"], found["previous_label"], found["previous_tone"]) == (
        "−€28,000 (−40.6%)",
        "2026Q2",
        "bad",
    )
    assert (found["year_ago"], found["year_ago_label"]) == ("−€28,000 (−40.6%)", "2025Q3")
    assert (found["target"], found["target_status"]) == ("€60,000", "missed")
    assert (found["verdict"], found["verdict_tone"]) == ("signal", "bad")
    # first seven: mean 21,571, steps 2 1 2 3 2 1 thousand, mean 1,833: limits 16,695 and 26,448
    assert found["verdict_words"] == (
        "Signal: Sept 2026, at €9,000, below its provisional usual range of €16,695 to €26,448"
    )
    assert found["verdict_of"] == "Sept 2026"  # the value is that of the quarter
    assert found["sparkline_svg"].startswith("<svg")
    assert found["sparkline_alt"] == "Feb 2026 €20,000 to Sept 2026 €9,000; usual range €16,695 to €26,448"


def test_everything_in_a_block_is_text_ready_to_be_shown():
    results = review(*quarters("mrr", [1, 2]), share("win_rate", 7, 26, interval=interval(0.137, 0.461)))
    blocks = Blocks(results, ["mrr", "win_rate", "nrr"])._repr_mimebundle_()[MIME]["blocks"]
    assert {type(value) for found in blocks for value in found.values()} == {str}
    assert len({frozenset(found) for found in blocks}) == 1
    assert json.loads(json.dumps(blocks)) == blocks


def test_n_and_interval():
    found = kpi_texts(review(share("win_rate", 7, 26, interval=interval(0.1371, 0.4611))), "win_rate")
    assert (found["value"], found["n"], found["interval"]) == ("26.9%", "26", "95% interval 13.7% to 46.1%")


def test_fewer_than_five_are_told_in_counts_and_compared_with_nothing():
    rows = [share("win_rate", 1, 4, period=Q3.previous()), share("win_rate", 2, 3)]
    found = kpi_texts(review(*rows), "win_rate")
    assert (found["value"], found["previous"]) == ("2 of 3", "")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (long_table.row("quick_ratio", Q3, None), "Undefined: nothing to divide by"),
        (long_table.row("quick_ratio", Q3, None, warnings=["no losses"]), "No losses"),
        (long_table.row("quick_ratio", Q3, None, status="insufficient"), "Too little data to say"),
        (long_table.not_provided("quick_ratio", Q3, "deals"), "Not provided: deals"),
        (long_table.refused("quick_ratio", Q3, "no rate for CHF"), "No rate for CHF"),
    ],
)
def test_what_has_no_value_is_a_dash_and_the_reason(row, reason):
    found = kpi_texts(review(row), "quick_ratio")
    assert (found["value"], found["reason"]) == ("–", reason)
    assert found["sparkline_svg"] == found["verdict"] == found["previous"] == ""


def test_a_kpi_that_was_not_computed_says_so():
    assert kpi_texts(review(), "mrr")["reason"] == "Not computed in this review"


def test_a_running_period_is_to_date_and_its_target_not_judged():
    running = partial_quarter("2026-08-20")
    rows = quarters("new_revenue", [100_000, 130_000], period=running)
    found = kpi_texts(review(*rows, period=running, targets={"new_revenue": 180_000}), "new_revenue")
    assert found["unit_note"] == "to date"
    assert (found["previous"], found["target"], found["target_status"]) == ("+€30,000 (+30.0%)", "€180,000", "")


def test_a_cohort_that_is_still_maturing_is_told_beside_the_latest_mature_one():
    rows = quarters("funnel_conversion", [0.05, 0.06], period=Q3.previous())
    rows.append(long_table.row("funnel_conversion", Q3, 0.011, status="partial"))
    found = kpi_texts(review(*rows, targets={"funnel_conversion": 0.1}), "funnel_conversion")
    assert (found["label"], found["value"]) == ("Pipeline conversion, 2026Q2", "6.0%")
    assert (found["previous"], found["previous_label"]) == ("+1.0 pp", "2026Q1")
    assert found["reason"] == "2026Q3 is not mature yet: 1.1% to date"
    assert found["target_status"] == ""


@pytest.mark.parametrize(
    ("kpi_id", "value", "status"),
    [
        ("win_rate", 0.25, "met"),
        ("win_rate", 0.2499, "missed"),
        ("logo_churn", 0.25, "met"),
        ("logo_churn", 0.26, "missed"),
        ("arr_due_90", 1.0, ""),
    ],
)
def test_targets_are_judged_by_direction(kpi_id, value, status):
    found = kpi_texts(review(long_table.row(kpi_id, Q3, value), targets={kpi_id: 0.25}), kpi_id)
    assert found["target_status"] == status


def test_peers_stand_in_one_line_with_their_source_and_day_and_no_verdict():
    peers = Peers(p25=0.98, median=1.03, p75=1.1, source="Survey <of> 2026", as_of=date(2026, 6, 30))
    results = review(share("nrr", 99, 100), *quarters("grr", [0.9]), peers={"nrr": peers})
    line = "Peers: 98.0% to 110.0%, median 103.0% (Survey <of> 2026, 30 Jun 2026)"
    found = kpi_texts(results, "nrr")
    assert (found["peers"], found["target_status"], found["verdict"]) == (line, "", "")
    assert kpi_texts(results, "grr")["peers"] == kpi_texts(results, "mrr")["peers"] == ""
    shown = Blocks(results, ["nrr"])._repr_mimebundle_()
    assert f"<p>{line.replace('<of>', '&lt;of&gt;')}</p>" in shown["text/html"]
    assert line in shown["text/plain"]


def test_each_kpi_of_a_card_has_its_own_definition():
    silent, back = (block(review(*quarters(k, [1, 2])), k)["definition"] for k in ("inactive_customers", "returned"))
    assert back == "Customers that were silent a week ago and have used the product since."
    assert silent.startswith("Paying customers of which nobody has used the product")


@pytest.mark.parametrize("name", NAMES)
def test_html_is_escaped(name):
    bundle = Blocks(review(long_table.refused("mrr", Q3, name)), ["mrr"])._repr_mimebundle_()
    assert "<script" not in bundle["text/html"]
    assert "<script" not in Note(name)._repr_mimebundle_()["text/html"]


def test_nothing_is_told_by_colour_alone():
    rows = [*quarters("net_new_mrr", [69_000, 41_000]), *months("net_new_mrr", [20, 22, 21, 23, 20, 22, 23, 9])]
    html = Blocks(review(*rows, targets={"net_new_mrr": 60_000}), ["net_new_mrr"])._repr_mimebundle_()["text/html"]
    for shape_and_word in ("◆</span> Signal", "✗</span> missed", "−€28,000"):
        assert shape_and_word in html


def test_a_month_review_has_blocks_too():
    from helpers.periods import Calendar

    july = Calendar().period("2026-07", date(2026, 7, 31))
    rows = [long_table.row("mrr", p, v) for p, v in zip([*july.history(12), july], range(100, 113), strict=True)]
    found = kpi_texts(review(*rows, period=july), "mrr")
    assert (found["previous"], found["previous_label"]) == ("+€1 (+0.9%)", "Jun 2026")
    assert (found["year_ago"], found["year_ago_label"]) == ("+€12 (+12.0%)", "Jul 2025")


def test_what_must_be_known_stands_beside_the_number_with_days_by_the_locale():
    row = long_table.row("quick_ratio", Q3, 1.5, warnings=["snapshots compared: month", "bridged until 2026-09-30"])
    found = kpi_texts(review(row), "quick_ratio")
    assert found["cautions"] == "Snapshots compared: month. Bridged until 30 Sept 2026."
    assert found["reason"] == ""


def test_the_months_that_a_kpi_looks_back_over_follow_its_number():
    row = share("nrr", 9, 10, params={"retention_months": 6})
    quarter = share("nrr_quarter", 9, 10, params={"retention_months": 6})
    results = review(row, quarter)
    assert kpi_texts(results, "nrr")["unit_note"] == "over 6 months"
    assert kpi_texts(results, "nrr_quarter")["unit_note"] == ""


def test_a_target_in_days_says_so():
    found = kpi_texts(
        review(long_table.row("sales_cycle_median", Q3, 63), targets={"sales_cycle_median": 65}), "sales_cycle_median"
    )
    assert (found["target"], found["target_status"]) == ("65 days", "met")
