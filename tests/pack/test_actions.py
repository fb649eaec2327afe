"""Actions of the last meeting: where each stands on the as-of day, and where its KPI went."""

import pytest

from helpers import results as long_table
from helpers.errors import KitError
from helpers.pack.actions import action_faults, actions_shown
from helpers.pack.request import PackRequest
from helpers.periods import Calendar
from tests.pack.requests import ROOT, request_of
from tests.unit.display.fake_review import Q3, quarters, review

HEAD = "| Action | Owner | Due | KPI | Done |\n|--|--|--|--|--|\n"


def rows_of(text, *rows, **more):
    (table,) = [part for part in actions_shown(HEAD + text, review(*rows, **more)) if part["type"] == "table"]
    names = [column["label"] for column in table["columns"]]
    return [dict(zip(names, row, strict=True)) for row in table["rows"]]


@pytest.mark.parametrize(
    ("due", "done", "standing"),
    [
        ("2026-09-30", "", "✗ late"),  # the day has passed: it is the last that is known
        ("2026-10-01", "", "○ open"),
        ("2026-08-31", "2026-09-15", "✓ done on 15 Sept 2026"),  # later than due, and done all the same
        ("2026-08-31", "2026-10-02", "✗ late"),  # done after the day that the pack knows
    ],
)
def test_where_an_action_stands_on_the_last_day_that_is_known(due, done, standing):
    (row,) = rows_of(f"| Call them | Ana | {due} | | {done} |")
    assert row["Status"] == standing


@pytest.mark.parametrize(
    ("kpi_id", "values", "told"),
    [
        ("inactive_customers", (11, 17), "worse: 17, 6 above 2026Q2"),
        ("ttv_median", (49, 46), "better: 46 days, 3 days below 2026Q2"),
        ("mrr", (100, 100), "€100 per month, the same as 2026Q2"),
        ("pac_users", (5, 7), "7, 2 above 2026Q2"),  # no direction is good
    ],
)
def test_whether_the_kpi_moved_is_told_by_its_direction(kpi_id, values, told):
    (row,) = rows_of(f"| Call them | Ana | 2026-10-31 | {kpi_id} | |", *quarters(kpi_id, values))
    assert row["Did it move?"] == told


def test_a_segment_has_its_own_movement():
    parts = [
        long_table.row("new_revenue", period, value, segment=("source", "upsell"))
        for period, value in ((Q3.previous(), 10), (Q3, 30))
    ]
    (row,) = rows_of("| Sell | Ana | 2026-10-31 | new_revenue[upsell] | |", *quarters("new_revenue", [100, 90]), *parts)
    assert (row["KPI"], row["Did it move?"]) == ("New bookings (upsell)", "better: €30, €20 above 2026Q2")


def test_what_is_not_known_is_a_word():
    (row,) = rows_of("| Call them | | 2026-10-31 | mrr | |")
    assert (row["Owner"], row["Did it move?"]) == ("no owner", "not in this pack")


def test_words_around_the_table_and_other_tables_stay():
    text = f"Decided in July.\n\n{HEAD}| Call | Ana | 2026-10-31 | | |\n\n| A | B |\n|--|--|\n| 1 | 2 |\n"
    parts = actions_shown(text, review())
    assert [part["type"] for part in parts] == ["prose", "table", "prose"]


def test_days_that_are_none_and_unknown_kpis_are_told_at_once():
    text = HEAD + "| Call | Ana | 31 October 2026 | mr | |\n| Ask | Ben | 2026-10-31 | nrr | soon |\n"
    assert action_faults(text) == [
        "Due of “Call” is '31 October 2026', must be a day such as 2026-10-31",
        "KPI of “Call” is 'mr', which is none; did you mean 'mrr'?",
        "Done of “Ask” is 'soon', must be a day such as 2026-10-31",
    ]


def test_a_build_is_refused_before_anything_is_read(company, tmp_path):
    order = request_of(company, "recurring_revenue")
    folder = tmp_path / "commentary/2026Q3"
    folder.mkdir(parents=True)
    (folder / "actions.md").write_text(HEAD + "| Call | Ana | soon | | |\n")
    asked = PackRequest(order.period, order.review.model_copy(), order.parameters, ROOT)
    asked.review._path = tmp_path / "review.yml"
    with pytest.raises(KitError, match=r"actions\.md: Due of “Call” is 'soon'"):
        asked.commentary()


def test_the_sample_has_actions_of_every_standing():
    text = (ROOT / "params/commentary/2026Q3/actions.md").read_text()
    assert action_faults(text) == []
    found = review(period=Calendar().period("2026Q3"))
    (table,) = actions_shown(text, found)
    standings = {row[-1].split(" ")[1] for row in table["rows"]}
    assert standings == {"done", "late", "open"}
