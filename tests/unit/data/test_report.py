"""The data report: a reader can account for every row that was read."""

import pytest

from tests.canonical import prepared

CUSTOMERS = """
    customer_id | name | signed_up_on | is_test
    A           | Aye  | 2024-01-01   |
    B           | Bee  | 2025-06-01   |
    T           | Test | 2024-01-01   | true
"""


def report(**texts):
    return prepared("2026-04-01", **texts).report


def test_rows_out_of_order_between_tables_are_counted_and_kept():
    found = report(
        customers=CUSTOMERS,
        tickets="""
            ticket_id | customer_id | created_at
            1         | A           | 2023-12-31 23:59
            2         | A           | 2024-01-01 00:00
            3         | B           | 2025-05-31
        """,
        users="user_id | customer_id\nU | A",
        events="user_id | event | occurred_at\nU | view | 2023-05-01\nU | view | 2025-05-01",
        subscriptions="subscription_id | customer_id | start_on | mrr\nS | A | 2025-06-01 | 1\nS | A | 2026-01-01 | 1",
    )
    assert found["order"] == [
        {"what": "tickets created before their customer's sign-up", "rows": 2, "of": 3, "warning": True},
        {"what": "events before their customer's sign-up", "rows": 1, "of": 2, "warning": True},
        {"what": "events before their customer's first subscription", "rows": 2, "of": 2, "warning": True},
    ]
    assert found["tables"]["tickets"]["clean"] == 3


def test_order_checks_need_their_tables():
    assert report(tickets="ticket_id | customer_id | created_at\n1 | A | 2023-12-31")["order"] == []


def test_what_is_not_provided_is_listed():
    found = report(customers=CUSTOMERS)
    assert "customers" not in found["not_provided"]
    assert found["not_provided"][0] == "subscriptions"
    assert len(found["not_provided"]) == 15


def test_reasons_show_the_first_three_keys():
    found = report(
        stage_history="""
            record_id | stage | entered_at       | exited_at
            R4        | lead  | 2026-02-02       | 2026-02-01
            R3        | lead  | 2026-02-02       | 2026-02-01
            R2        | lead  | 2026-02-02       | 2026-02-01
            R1        | lead  | 2026-02-02 22:00 | 2026-02-01
            R0        | lead  | 2026-02-02       |
        """
    )["tables"]["stage_history"]
    assert found["excluded"] == {
        "exited_at before entered_at": {
            "rows": 4, "examples": ["R1, lead, 2026-02-02", "R2, lead, 2026-02-02", "R3, lead, 2026-02-02"],
        }
    }  # fmt: skip
    assert "4 of 5 rows left out: exited_at before entered_at" in found["warnings"]


@pytest.mark.parametrize(("unmatched", "warned"), [(1, False), (2, True)])
def test_keys_that_find_nothing_are_warned_of_above_one_percent(unmatched, warned):
    lines = [f"S{i} | {'Z' if i < unmatched else 'A'} | 2026-01-01 | 1" for i in range(100)]
    found = report(
        customers=CUSTOMERS, subscriptions="\n".join(["subscription_id | customer_id | start_on | mrr", *lines])
    )["tables"]["subscriptions"]
    told = f"{unmatched} of 100 rows left out: customer_id not in customers"
    assert (told in found["warnings"]) == warned


@pytest.mark.parametrize(("unlinked", "warned"), [(1, False), (2, True)])
def test_lost_links_are_counted_and_warned_of_above_one_percent(unlinked, warned):
    lines = [f"D{i} | {'Z' if i < unlinked else 'A'} | 2026-01-01" for i in range(100)]
    found = report(customers=CUSTOMERS, deals="\n".join(["deal_id | customer_id | created_at", *lines]))
    deals = found["tables"]["deals"]
    assert (deals["unlinked"], deals["clean"]) == (unlinked, 100)
    told = f"{unlinked} of 100 rows name a customer that is not there; kept without it"
    assert (told in deals["warnings"]) == warned


def test_rows_left_out_on_purpose_are_no_warning():
    found = report(
        customers=CUSTOMERS, subscriptions="subscription_id | customer_id | start_on | mrr\nS | T | 2024-01-01 | 1"
    )["tables"]
    assert found["customers"]["excluded"]["test customer"] == {"rows": 1, "examples": ["T"]}
    assert found["customers"]["warnings"] == found["subscriptions"]["warnings"] == []


def test_history_that_starts_late_is_said():
    found = report(deals="deal_id | created_at\nD1 | 2024-04-01\nD2 | 2026-03-31 23:59")["tables"]["deals"]
    assert (found["earliest"], found["latest"]) == ("2024-04-01", "2026-03-31")
    # eight quarters before 2026Q1 begin with 2024Q1, on 2024-01-01
    assert found["warnings"] == ["history starts at 2024-04-01; figures before that are empty or too small"]
    assert report(deals="deal_id | created_at\nD1 | 2024-01-01")["tables"]["deals"]["warnings"] == []


def test_a_table_without_rows_is_reported():
    found = report(deals="deal_id | created_at", products="product")["tables"]
    assert found["deals"]["read"] == found["deals"]["clean"] == 0
    assert found["deals"]["earliest"] is None
    assert found["products"]["warnings"] == []
