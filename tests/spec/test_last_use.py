"""The lost-customer review of card K24: how customers used the product before they left, beside those who stayed."""

import pandas as pd
import pytest

from helpers.kpis import recurring_revenue as theme
from helpers.periods import Calendar
from tests.canonical import asked, spine

lost_and_stayed, lost_customers = asked(theme.lost_and_stayed), asked(theme.lost_customers)

Q1 = Calendar().period("2026Q1")
TEXTS = {
    "customers": """
        customer_id | name | signed_up_on | ttv_start_on | first_value_on
        A           | Aye  | 2025-01-01   | 2025-01-10   | 2025-02-09
        B           | Bee  | 2025-01-01   |              | 2025-01-21
        C           | Cee  | 2025-01-01   |              |
    """,
    "subscriptions": """
        subscription_id | customer_id | start_on   | end_on     | mrr
        S1              | A           | 2025-01-10 | 2026-03-01 | 100
        S2              | B           | 2025-01-10 |            | 200
        S3              | C           | 2025-01-10 | 2026-02-01 | 50
    """,
    "users": """
        user_id | customer_id
        a1      | A
        a2      | A
        b1      | B
    """,
    # A leaves on 1 March: its seven weeks are 11 January to 28 February.
    "events": """
        user_id | event   | occurred_at
        a1      | report  | 2026-01-10
        a1      | report  | 2026-01-11
        a2      | report  | 2026-02-20
        a1      | report  | 2026-02-21
        a2      | report  | 2026-02-22
        a1      | Log in  | 2026-02-28
        a1      | report  | 2026-03-05
        b1      | report  | 2026-03-31
        b1      | report  | 2026-03-20
    """,
    "tickets": """
        ticket_id | customer_id | created_at | is_spam | merged_into
        T1        | A           | 2025-11-29 |         |
        T2        | A           | 2025-11-30 |         |
        T3        | A           | 2026-02-28 |         |
        T4        | A           | 2026-03-01 |         |
        T5        | A           | 2026-02-01 | true    |
        T6        | A           | 2026-02-01 |         | T3
        T7        | B           | 2026-03-31 |         |
    """,
}


def known(**more):
    given = {name: text for name, text in {**TEXTS, **more}.items() if text}
    return spine("2026-04-01", Q1, **given)


def lost(**more):
    return {row["customer_id"]: row for row in lost_customers(known(**more), Q1).rows.to_dict("records")}


def test_what_a_lost_customer_did_in_its_last_quarter():
    found = lost()
    # Last on 22 February, the log-in and what came after it left aside; the 21st is of the week before.
    assert str(found["A"]["last_active_on"].date()) == "2026-02-22"
    assert found["A"]["weeks"] == 3  # 11 January in the oldest, 20 and 21 February in one, the 22nd in the newest
    assert found["A"]["tickets"] == 2  # T2, on the first of the 91 days before 1 March, and T3
    assert found["A"]["days_to_value"] == 30  # 10 January to 9 February
    assert (found["C"]["weeks"], found["C"]["tickets"]) == (0, 0)
    assert pd.isna(found["C"]["days_to_value"])  # never saw value
    assert str(found["C"]["last_active_on"]) == "NaT"


def test_the_lost_beside_those_who_stayed():
    [gone, stayed] = lost_and_stayed(known(), Q1).rows.to_dict("records")
    assert (gone["group"], gone["customers"], gone["weeks"], gone["tickets"]) == ("Lost", 2, 1.5, 1.0)
    # B: 20 and 31 March in two of the weeks before 1 April, one ticket, value after 20 days.
    assert (stayed["weeks"], stayed["tickets"], stayed["days_to_value"]) == (2.0, 1.0, 20.0)


def test_a_parent_reaches_value_with_the_first_of_its_customers():
    """Both lost on 1 March: from the first start, A's on 1 January, to the first value, B's on 11 February: 41 days."""
    customers = """
        customer_id | name | signed_up_on | ttv_start_on | first_value_on | parent_id
        P           | Pea  | 2024-06-01   | 2025-02-01   |                |
        A           | Aye  | 2024-12-01   | 2025-01-01   | 2025-04-01     | P
        B           | Bee  | 2025-01-15   |              | 2025-02-11     | P
        C           | Cee  | 2025-01-01   |              |                |
    """
    subscriptions = """
        subscription_id | customer_id | start_on   | end_on     | mrr
        S1              | A           | 2025-01-10 | 2026-03-01 | 100
        S2              | B           | 2025-01-10 | 2026-03-01 | 200
    """
    [row] = lost_customers(
        known(customers=customers, subscriptions=subscriptions), Q1, account_level="parent"
    ).rows.to_dict("records")
    assert (row["customer_id"], row["mrr"], row["days_to_value"]) == ("P", 300, 41)


def test_core_actions_are_those_of_the_review():
    found = lost_customers(known(), Q1, activity_events=["Log in"]).rows.set_index("customer_id")
    assert str(found.loc["A", "last_active_on"].date()) == "2026-02-28"


@pytest.mark.parametrize(
    ("missing", "gone"),
    [("events", {"last_active_on", "weeks"}), ("tickets", {"tickets"}), ("users", {"last_active_on", "weeks"})],
)
def test_what_the_source_does_not_tell_has_no_column(missing, gone):
    assert set(lost()["A"]) - set(lost(**{missing: ""})["A"]) == gone


def test_a_feed_that_broke_off_is_not_shown_as_silence():
    events = "user_id | event | occurred_at\n a1 | report | 2026-02-22"
    found = lost_customers(known(events=events), Q1)
    assert "weeks" not in found.columns
    assert "weeks" in lost_customers(known(events=events), Q1, feed_max_age_days=60).columns


def test_nobody_was_lost():
    subscriptions = "subscription_id | customer_id | start_on | mrr\n S2 | B | 2025-01-10 | 200"
    found = known(subscriptions=subscriptions)
    assert lost_customers(found, Q1).rows.empty
    assert list(lost_and_stayed(found, Q1).rows["group"]) == ["Stayed"]
