"""The data report: a reader can account for every row that was read."""

from datetime import date

import pytest

from helpers.data.prepare import prepare
from helpers.kpis.recurring_revenue import mrr
from helpers.periods import Calendar
from tests.canonical import figures, prepared, source, spine

CUSTOMERS = """
    customer_id | name | signed_up_on | is_test
    A           | Aye  | 2024-01-01   |
    B           | Bee  | 2025-06-01   |
    T           | Test | 2024-01-01   | true
"""


def report(**texts):
    return prepared("2026-04-01", **texts).report


@pytest.mark.parametrize("into", ["A", "gone"])
def test_a_customer_merged_into_none_is_told_and_not_as_one_of_another_case(into):
    found = report(
        customers="customer_id | name | signed_up_on | merged_into\nB | Bo | 2024-01-01 |\n"
        f"A | Aye | 2024-01-01 | {into}",
        tickets="ticket_id | customer_id | created_at\n1 | A | 2025-01-01\n2 | B | 2025-01-01",
    )["tables"]
    assert found["customers"]["warnings"][0] == (
        f"1 rows are merged into a customer that is not there or is themselves, such as A into {into}; what is theirs "
        "is left out; merged_into must be the customer_id of another, or empty"
    )
    assert not any("another case" in told for told in found["tickets"]["warnings"])


def test_what_a_row_is_worth_that_has_no_finite_price_is_not_told():
    found = spine(
        "2026-04-01",
        subscriptions="subscription_id | customer_id | start_on | mrr\nS | A | 2025-01-01 | nan\n"
        + "\n".join(f"S{i} | A | 2025-01-01 | 10" for i in range(199)),
    )
    row = next(row for row in figures(mrr, found) if row.kpi_id == "mrr")
    assert (row.value, row.status, row.warnings) == (1990, "ok", ())
    assert row.excluded == {"subscriptions: mrr is not a finite number": 1}


def test_rows_out_of_order_between_tables_are_counted_and_kept():
    found = report(
        customers=CUSTOMERS,
        tickets="""
            ticket_id | customer_id | created_at
            1         | A           | 2023-12-31 23:59
            2         | A           | 2024-01-01 00:00
            3         | B           | 2025-05-31
        """,
        users="user_id | customer_id | created_on\nU | A | 2025-05-01\nV | A |",
        events="""
            user_id | event | occurred_at
            U       | view  | 2023-05-01
            U       | view  | 2023-12-31 23:59
            U       | view  | 2025-04-30 23:59
            U       | view  | 2025-05-01 00:00
            V       | view  | 2025-06-01
        """,
        subscriptions="""
            subscription_id | line_id | customer_id | start_on   | end_on     | mrr
            S               | 1       | A           | 2025-06-01 | 2026-01-01 | 1
            S               | 1       | A           | 2026-01-01 | 2026-03-01 | 1
            S               | 1       | A           | 2026-02-28 |            | 1
            S               | 2       | A           | 2025-06-01 |            | 1
            S               | 2       | A           | 2027-06-01 |            | 1
            S               | 3       | A           | 2025-06-01 |            | 1
            S               | 3       | A           | 2026-03-31 |            | 1
        """,
    )  # of line 1 the third version opens too early, of line 3 the second; in line 2 it is not known yet
    assert found["order"] == [
        {
            "what": "subscription versions that open before the one before them ends",
            "rows": 2,
            "of": 6,
            "warning": True,
        },
        {"what": "tickets created before their customer's sign-up", "rows": 2, "of": 3, "warning": True},
        {"what": "events before their user was created", "rows": 3, "of": 5, "warning": True},
        {"what": "events before their customer's sign-up", "rows": 2, "of": 5, "warning": True},
        {"what": "events before their customer's first subscription", "rows": 4, "of": 5, "warning": True},
    ]
    assert found["tables"]["tickets"]["clean"] == 3


def test_order_checks_need_their_tables():
    assert report(tickets="ticket_id | customer_id | created_at\n1 | A | 2023-12-31")["order"] == []


def test_what_is_not_provided_is_listed():
    found = report(customers=CUSTOMERS)
    assert "customers" not in found["not_provided"]
    assert found["not_provided"][0] == "subscriptions"
    assert len(found["not_provided"]) == 16


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
    assert found["customers"]["warnings"] == []
    assert found["subscriptions"]["warnings"] == ["all 1 rows are left out"]


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
    assert found["deals"]["days_old"] is None
    assert found["deals"]["warnings"] == found["products"]["warnings"] == ["there are no rows"]


@pytest.mark.parametrize(("last", "late"), [("2026-03-27", False), ("2026-03-26 23:59", True)])
def test_a_feed_that_stopped_is_told(last, late):
    found = report(events=f"user_id | event | occurred_at\nU | view | 2024-01-01\nU | view | {last}")["tables"][
        "events"
    ]
    told = (
        "the last event is 5 days old on 2026-03-31, must be at most 4; "
        "a feed that stopped looks like customers who went silent"
    )
    assert found["days_old"] == (5 if late else 4)
    assert found["warnings"] == ([told] if late else [])


def test_a_feed_may_be_as_old_as_the_rule_says(tmp_path):
    events = source(events="user_id | event | occurred_at\nU | view | 2024-01-01\nU | view | 2026-03-20")
    for most, warnings in ((11, 0), (10, 1)):
        found = prepare(
            events, Calendar().period("2026Q1"), currency="USD", folder=tmp_path, feed_max_age_days=most
        ).report["tables"]["events"]
        assert (found["days_old"], len(found["warnings"])) == (11, warnings)


def test_how_old_a_table_is_counts_from_the_periods_last_day():
    period = Calendar().period("2026Q1", date(2026, 4, 20))
    events = "user_id | event | occurred_at\nU | view | 2024-01-01\nU | view | 2026-03-30\nU | view | 2026-04-19"
    found = prepared("2026-04-21", period=period, events=events).report["tables"]["events"]
    assert (found["latest"], found["days_old"]) == ("2026-04-19", 1)


def test_currencies_without_a_rate_are_told():
    amounts = {
        "deals": """
            deal_id | created_at | amount | currency
            D1      | 2024-01-01 | 5      | USD
            D2      | 2026-03-31 | 5      | EUR
            D3      | 2026-03-31 |        | SEK
        """,
        "invoices": """
            invoice_line_id | customer_id | invoiced_on | amount | kind  | currency
            1               | A           | 2024-01-01  | 5      | usage | CHF
            2               | A           | 2026-01-01  | 5      | usage | CHF
            3               | A           | 2026-01-01  | 5      | usage | GBP
        """,
    }
    rates = "currency | on | rate\nEUR | | 1.1\nGBP | 2026-01-01 | 1.2\nCHF | 2026-01-02 | 1.3"
    told = "which has no rate for 2026-01-01 in fx_rates; what adds them up at the rates of that day is refused"
    found = report(**amounts)["tables"]
    assert found["deals"]["warnings"] == [f"1 rows are in EUR, {told}"]
    assert found["invoices"]["warnings"] == [f"2 rows are in CHF, {told}", f"1 rows are in GBP, {told}"]
    found = report(**amounts, fx_rates=rates)["tables"]
    assert found["deals"]["warnings"] == []
    assert found["invoices"]["warnings"] == [f"2 rows are in CHF, {told}"]


CONDITIONS = {
    "one row": {"deals": "deal_id | created_at\nD | 2026-01-01"},
    "no rows": {"deals": "deal_id | created_at", "events": "user_id | event | occurred_at"},
    "one event": {"events": "user_id | event | occurred_at\nU | view | 2026-01-01"},
}


@pytest.mark.parametrize("texts", CONDITIONS.values(), ids=CONDITIONS)
def test_little_data_is_prepared_and_reported(texts):
    rows = {name: len(text.splitlines()) - 1 for name, text in texts.items()}
    found = report(**texts)["tables"]
    assert {name: told["clean"] for name, told in found.items()} == rows
    assert all((told["warnings"] == ["there are no rows"]) == (told["clean"] == 0) for told in found.values())
