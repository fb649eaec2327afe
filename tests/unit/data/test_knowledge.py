"""What is known at a day, and which of it is fit for use: each rule of 1.2 and 1.4 on a table that fits a screen."""

from datetime import date

import pytest

from helpers.data.canonical_tables import TABLES
from helpers.errors import NotProvided
from tests.canonical import Known, known, prepared, spine

CUSTOMERS = """
    customer_id | name | signed_up_on | is_test | merged_into
    A           | Aye  | 2025-01-01   |         |
    B           | Bee  | 2025-01-01   | true    |
    C           | See  | 2025-01-01   |         | A
    D           | Dee  | 2025-01-01   | false   | C
    E           | Ee   |              |         |
"""


def rows(found, name, *columns):
    return found.rows(name, *columns)


# what is known


def test_rows_are_known_by_their_event_time_or_by_when_they_were_recorded():
    found = known(
        "2026-04-01",
        invoices="""
            invoice_line_id | customer_id | invoiced_on | recorded_at      | amount | kind
            on the last day | A           | 2026-03-31  |                  | 1      | usage
            the day after   | A           | 2026-04-01  |                  | 1      | usage
            recorded late   | A           | 2026-03-01  | 2026-04-01 00:00 | 1      | usage
            recorded early  | A           | 2026-05-01  | 2026-03-31 23:59 | 1      | usage
        """,
    )
    assert rows(found, "invoices", "invoice_line_id") == [("on the last day",), ("recorded early",)]


def test_a_row_without_an_event_time_is_known():
    found = known("2026-04-01", customers=CUSTOMERS)
    assert rows(found, "customers", "customer_id") == [("A",), ("E",)]


def test_the_last_instant_is_that_of_the_reporting_time_zone():
    stages = """
        record_id | stage | entered_at
        R1        | lead  | 2026-03-31 23:59:59
        R2        | lead  | 2026-04-01 00:00
    """
    found = known("2026-04-01", timezone="America/New_York", stage_history=stages)
    assert rows(found, "stage_history", "record_id") == [("R1",)]


def test_later_facts_are_masked_and_a_deal_closed_later_is_open():
    deals = """
        deal_id | created_at | closed_at  | outcome | cancelled_at | estimate_sent_at
        D1      | 2026-01-01 | 2026-03-31 | won     | 2026-04-01   | 2026-04-02
        D2      | 2026-01-01 | 2026-04-01 | lost    |              | 2026-01-02
        D3      | 2026-01-01 |            |         |              |
    """
    columns = ("deal_id", "closed_at", "outcome", "cancelled_at", "estimate_sent_at")
    assert rows(known("2026-04-01", deals=deals), "deals", *columns) == [
        ("D1", "2026-03-31", "won", None, None),
        ("D2", None, "open", None, "2026-01-02"),
        ("D3", None, None, None, None),
    ]
    assert rows(Known(prepared("2026-07-01", deals=deals), date(2026, 3, 31)), "deals", "outcome") == [
        ("open",), ("open",), (None,),
    ]  # fmt: skip


def test_a_ticket_solved_later_is_unsolved():
    found = known(
        "2026-04-01",
        tickets="ticket_id | customer_id | created_at | solved_at\nT | A | 2026-03-01 | 2026-04-01 08:00",
    )
    assert rows(found, "tickets", "solved_at") == [(None,)]


def test_an_end_counts_unless_its_cancellation_is_not_known():
    found = known(
        "2026-04-01",
        subscriptions="""
            subscription_id    | customer_id | start_on   | end_on     | cancelled_at | cancel_reason | status   | mrr
            1 term of contract | A           | 2026-01-01 | 2027-01-01 |              |               | active   | 1
            2 cancelled now    | A           | 2026-01-01 | 2026-05-01 | 2026-03-31   | voluntary     | active   | 1
            3 cancelled later  | A           | 2026-01-01 | 2026-05-01 | 2026-04-01   | voluntary     | canceled | 1
            4 backdated later  | A           | 2026-01-01 | 2026-03-01 | 2026-04-01   |               | canceled | 1
        """,
    )
    columns = ("subscription_id", "end_on", "cancelled_at", "cancel_reason", "status")
    assert rows(found, "subscriptions", *columns) == [
        ("1 term of contract", "2027-01-01", None, None, "active"),
        ("2 cancelled now", "2026-05-01", "2026-03-31", "voluntary", "active"),
        ("3 cancelled later", None, None, None, "active"),
        ("4 backdated later", None, None, None, "active"),
    ]


def test_constraints_are_checked_after_masking():
    deals = """
        deal_id | created_at | closed_at  | outcome
        D1      | 2026-01-01 | 2026-05-01 | won
        D2      | 2026-03-01 | 2026-01-01 | lost
        D3      | 2026-03-01 |            | won
    """
    found = known("2026-04-01", deals=deals)
    assert rows(found, "deals", "deal_id") == [("D1",)]
    assert found.excluded("deals") == {"deals: closed_at before created_at": 1, "deals: won without closed_at": 1}


# versions of a key


def test_the_newest_version_known_is_kept():
    deals = """
        deal_id | created_at | updated_at | owner
        D1      | 2026-01-01 |            | unsaid
        D1      | 2026-01-01 | 2026-02-01 | Ann
        D1      | 2026-01-01 | 2026-03-01 | Bob
        D1      | 2026-01-01 | 2026-04-01 | Cem
    """
    whole = prepared("2026-07-01", deals=deals)
    assert rows(Known(whole, date(2026, 7, 1)), "deals", "owner") == [("Cem",)]
    assert rows(Known(whole, date(2026, 4, 1)), "deals", "owner") == [("Bob",)]
    assert rows(Known(whole, date(2026, 2, 2)), "deals", "owner") == [("Ann",)]
    assert Known(whole, date(2026, 4, 1)).excluded("deals") == {}


def test_one_row_updated_later_is_still_the_row():
    assert rows(
        known("2026-04-01", deals="deal_id | created_at | updated_at\nD1 | 2026-01-01 | 2026-06-01"),
        "deals",
        "deal_id",
    ) == [("D1",)]


def test_versions_that_cannot_be_told_apart_are_all_quarantined():
    others = "\n".join(f"X{i} | 2026-01-01 | |" for i in range(200))
    found = known(
        "2026-04-01",
        deals=f"""
            deal_id | created_at | updated_at | owner
            D1      | 2026-01-01 |            | Ann
            D1      | 2026-01-01 |            | Bob
            D2      | 2026-01-01 | 2026-02-01 | Ann
            D2      | 2026-01-01 | 2026-02-01 | Bob
            D3      | 2026-01-01 | 2026-02-01 | Ann
            D3      | 2026-01-01 | 2026-02-01 | Ann
            {others}
        """,
    )
    assert len(found.rows("deals", "deal_id")) == 201
    assert found.excluded("deals") == {"deals: same key, different content": 4}


def test_an_empty_part_of_a_key_is_a_value():
    lines = """
        subscription_id | line_id | customer_id | start_on   | mrr
        S               |         | A           | 2026-01-01 | 1
        S               | seats   | A           | 2026-01-01 | 2
    """
    assert rows(known("2026-04-01", subscriptions=lines), "subscriptions", "mrr") == [(2.0,), (1.0,)]


# customers


def test_rows_of_merged_customers_are_repointed_along_the_chain():
    found = known(
        "2026-04-01",
        customers=CUSTOMERS,
        subscriptions="subscription_id | customer_id | start_on | mrr\nS1 | D | 2026-01-01 | 1",
        tickets="ticket_id | customer_id | created_at\nT | C | 2026-01-01",
        deals="deal_id | customer_id | created_at\nD | D | 2026-01-01",
    )
    assert rows(found, "subscriptions", "subscription_id", "customer_id") == [("S1", "A")]
    assert rows(found, "tickets", "customer_id") == [("A",)]
    assert rows(found, "deals", "customer_id") == [("A",)]
    assert found.excluded("customers", "subscriptions") == {
        "customers: test customer": 1, "customers: merged into another customer": 2,
    }  # fmt: skip


@pytest.mark.parametrize(("merge_told_on", "seen"), [("", ["A"]), ("2026-02-10", [])])
def test_a_fact_of_a_merged_customer_shows_the_other_from_the_day_on_which_the_merge_is_known(merge_told_on, seen):
    customers = f"""
        customer_id | name | signed_up_on | recorded_at     | merged_into
        A           | Ay   | 2026-02-10   |                 |
        B           | Be   |              | {merge_told_on} | A
    """
    paid = "subscription_id | customer_id | start_on | mrr\nS | B | 2026-01-01 | 1"
    assert rows(known("2026-02-01", customers=customers, subscriptions=paid), "customers", "customer_id") == [
        (each,) for each in seen
    ]
    later = known("2026-03-01", customers=customers, subscriptions=paid)
    assert rows(later, "customers", "customer_id") == [("A",)]


def test_a_child_of_a_merged_parent_is_a_child_of_the_survivor():
    found = known(
        "2026-04-01",
        customers="""
            customer_id | name | signed_up_on | parent_id | merged_into
            P           | Pe   | 2025-01-01   |           | Q
            Q           | Qu   | 2025-01-01   |           |
            K           | Ka   | 2025-01-01   | P         |
            L           | El   | 2025-01-01   | elsewhere |
        """,
    )
    assert rows(found, "customers", "customer_id", "parent_id") == [("K", "Q"), ("L", "elsewhere"), ("Q", None)]


def test_customers_merged_in_a_circle_are_found_by_no_row():
    found = known(
        "2026-04-01",
        customers="customer_id | name | signed_up_on | merged_into\nA | Aye | 2025-01-01 | B\nB | Bee | 2025-01-01 | A",
        subscriptions="subscription_id | customer_id | start_on | mrr\nS1 | A | 2026-01-01 | 1",
    )
    assert rows(found, "subscriptions", "customer_id") == []
    assert found.excluded("subscriptions") == {"subscriptions: customer_id not in customers": 1}


def test_a_test_customer_takes_its_rows_along():
    found = known(
        "2026-04-01",
        customers=CUSTOMERS,
        subscriptions="subscription_id | customer_id | start_on | mrr\nS1 | B | 2026-01-01 | 1",
        deals="deal_id | customer_id | created_at\nD | B | 2026-01-01",
        stage_history="record_id | stage | entered_at\nD | lead | 2026-01-01",
    )
    assert [rows(found, name, "customer_id") for name in ("subscriptions", "deals")] == [[], []]
    assert found.excluded("subscriptions", "deals", "stage_history") == {
        "subscriptions: customer_id is of a row left out of customers": 1,
        "deals: customer_id is of a row left out of customers": 1,
        "stage_history: record_id is of a row left out of deals": 1,
    }


def test_internal_users_take_their_events_along():
    found = known(
        "2026-04-01",
        users="user_id | customer_id | is_internal\nU | A | true\nV | A |",
        events="user_id | event | occurred_at\nU | view | 2026-01-01\nV | view | 2026-01-01\nW | view | 2026-01-01",
    )
    assert rows(found, "events", "user_id") == [("V",)]
    assert found.excluded("users", "events") == {
        "users: internal user": 1,
        "events: user_id is of a row left out of users": 1,
        "events: user_id not in users": 1,
    }


# keys into other tables


def test_a_required_key_that_finds_nothing_excludes_the_row():
    found = known(
        "2026-04-01",
        customers=CUSTOMERS,
        subscriptions="""
            subscription_id | customer_id | start_on   | mrr
            S1              | Z           | 2026-01-01 | 1
            S2              |             | 2026-01-01 | 1
            S3              | E           | 2026-01-01 | 1
        """,
        stage_history="record_id | stage | entered_at\nR | lead | 2026-01-01",
    )
    assert rows(found, "subscriptions", "subscription_id") == [("S3",)]
    assert found.excluded("subscriptions") == {
        "subscriptions: customer_id empty": 1, "subscriptions: customer_id not in customers": 1,
    }  # fmt: skip
    assert rows(found, "stage_history", "record_id") == [("R",)]  # deals are not provided: the key is not checked


def test_a_deal_is_a_fact_before_its_account_becomes_a_customer():
    whole = prepared(
        "2026-07-01",
        customers="customer_id | name | signed_up_on\nA | Aye | 2026-05-01",
        deals="deal_id | customer_id | created_at | closed_at | outcome\nD | A | 2026-02-01 | 2026-04-30 | won",
        subscriptions="subscription_id | customer_id | start_on | mrr\nS | A | 2026-05-01 | 1",
    )
    columns = ("deal_id", "customer_id", "outcome")
    assert rows(Known(whole, date(2026, 4, 1)), "deals", *columns) == [("D", None, "open")]
    assert rows(Known(whole, date(2026, 7, 1)), "deals", *columns) == [("D", "A", "won")]


# registers


def test_a_customer_is_there_from_its_first_fact_unless_recorded_at_says_when():
    whole = prepared(
        "2026-07-01",
        customers="""
            customer_id | name     | signed_up_on | recorded_at | merged_into
            A           | moved    | 2026-06-01   |             |
            B           | told     | 2026-06-01   | 2026-06-01  |
            C           | idle     | 2026-06-01   |             |
            D           | doubled  | 2026-06-01   |             | E
            E           | survivor | 2026-06-01   |             |
            F           | prospect | 2026-06-01   |             |
        """,
        subscriptions="""
            subscription_id | customer_id | start_on   | mrr
            1               | A           | 2026-01-01 | 1
            2               | B           | 2026-01-01 | 1
            3               | D           | 2026-01-01 | 1
        """,
        deals="""
            deal_id | customer_id | created_at | closed_at  | outcome
            4       | C           | 2026-01-01 | 2026-04-01 | won
            5       | F           | 2026-01-01 | 2026-04-01 | lost
        """,
    )
    first = Known(whole, date(2026, 4, 1))  # C's deal is won on that day, and known the day after
    assert rows(first, "customers", "customer_id") == [("A",), ("E",)]
    assert rows(first, "subscriptions", "subscription_id", "customer_id") == [("1", "A"), ("3", "E")]
    assert first.excluded("subscriptions") == {"subscriptions: customer_id not in customers": 1}
    assert rows(Known(whole, date(2026, 4, 2)), "customers", "customer_id") == [("A",), ("C",), ("E",)]
    assert len(rows(Known(whole, date(2026, 7, 1)), "customers", "customer_id")) == 5
    assert (
        "3 of 5 customers have facts from before their signed_up_on, the first on 2026-01-01; "
        "each counts as there from its first fact on"
    ) in whole.report["tables"]["customers"]["warnings"]


def test_a_user_is_there_from_its_first_event():
    whole = prepared(
        "2026-07-01",
        customers="customer_id | name | signed_up_on\nA | Aye | 2026-06-01",
        users="user_id | customer_id | created_on | recorded_at\nU | A | 2026-06-01 |\nV | A | 2026-06-01 | 2026-06-01",
        events="user_id | event | occurred_at\nU | view | 2026-02-01\nV | view | 2026-02-01\nU | view | 2026-06-02",
    )
    then = Known(whole, date(2026, 4, 1))
    assert [rows(then, name, "customer_id") for name in ("customers", "users", "events")] == [[("A",)]] * 3
    assert then.excluded("events") == {"events: user_id not in users": 1}


# constraints


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("customers", "customer_id | ttv_start_on | first_value_on\nA | 2026-02-02 | 2026-02-01",
         "first_value_on before ttv_start_on"),
        ("customers", "customer_id | product_type\nA | app",
         "product_type is not interactive, api, monitoring, insurance or other"),
        ("subscriptions", "start_on | end_on | mrr\n2026-02-02 | 2026-02-02 | 1", "end_on not after start_on"),
        ("subscriptions", "start_on | mrr | discount_mrr\n2026-02-02 | 5 | -1", "discount_mrr below 0"),
        ("subscriptions", "start_on | status | mrr\n2026-02-02 | doubtful | 1",
         "status is not trialing, active, past_due, paused, unpaid or canceled"),
        ("users", "created_on | deactivated_on\n2026-02-02 | 2026-02-01", "deactivated_on before created_on"),
        ("events", "occurred_at | recorded_at\n2026-02-03 00:01 | 2026-02-02 00:00",
         "occurred_at more than a day after recorded_at"),
        ("deals", "created_at | outcome\n2026-02-02 | perhaps", "outcome is not won, lost or open"),
        ("deals", "created_at | estimate_requested_at | estimate_sent_at\n2026-02-02 | 2026-02-02 10:00 | "
         "2026-02-02 09:00", "estimate_sent_at before estimate_requested_at"),
        ("deals", "created_at | amount\n2026-02-02 | nan", "amount is not a finite number"),
        ("stage_history", "entered_at | exited_at\n2026-02-02 | 2026-02-01", "exited_at before entered_at"),
        ("spend", "month | amount\n2026-02-02 | 1", "month is not the first of a month"),
        ("milestones", "started_on | ended_on\n2026-02-02 | 2026-02-01", "ended_on before started_on"),
        ("tickets", "created_at | solved_at\n2026-02-02 | 2026-02-01", "solved_at before created_at"),
        ("entitlements", "start_on | limit_qty\n2026-02-02 | 0", "limit_qty not above 0"),
        ("entitlements", "start_on | end_on\n2026-02-02 | 2026-02-01", "end_on before start_on"),
        ("measurements", "metric | value\nviews |", "value empty"),
        ("invoices", "invoiced_on | amount\n2026-02-02 |", "amount empty"),
        ("invoices", "invoiced_on | amount | kind\n2026-02-02 | 1 | refund",
         "kind is not recurring, usage, one_off, services or tax"),
        ("invoices", "invoiced_on | amount | kind\n2026-02-02 | 1 |", "kind empty"),
        ("invoices", "invoiced_on | amount\n | 1", "invoiced_on empty"),
        ("entitlements", "start_on | limit_qty | reset\n2026-02-02 | 1 |", "reset empty"),
        ("deliveries", "committed_on | delivered_on\n | 2026-02-02", "committed_on empty"),
        ("cash_movements", "moved_on | amount\n | 1", "moved_on empty"),
        ("cash_movements", "moved_on | amount | category\n2026-02-02 | 1 |", "category empty"),
        ("fx_rates", "on | rate\n2026-01-01 | 0", "rate not above 0"),
    ],
)  # fmt: skip
def test_a_row_that_breaks_a_constraint_is_quarantined(name, text, reason):
    header, row = text.split("\n")
    fill = [c.name for c in TABLES[name].columns if c.required and c.name not in [h.strip() for h in header.split("|")]]
    filled = {"str": "x", "dec": "1", "date": "2026-01-01", "ts": "2026-01-01"}
    words = {column: (TABLES[name].column(column).values or ("",))[0] for column in fill}
    cells = [words[column] or filled[TABLES[name].column(column).type] for column in fill]
    full = " | ".join([header, *fill]) + "\n" + " | ".join([row, *cells])
    found = known("2026-04-01", **{name: full})
    assert rows(found, name, TABLES[name].key[0]) == []
    assert found.excluded(name) == {f"{name}: {reason}": 1}


def test_a_subscription_needs_a_price_that_can_be_computed():
    found = known(
        "2026-04-01",
        subscriptions="""
            subscription_id | customer_id | start_on   | end_on     | mrr | unit_amount | quantity | interval | \
interval_count | contract_value | term_months
            mrr             | A           | 2026-01-01 |            | 0   |             |          |          | \
               |                |
            units           | A           | 2026-01-01 |            |     | 10          | 0        | month    | \
1              |                |
            units, no count | A           | 2026-01-01 |            |     | 10          | 1        | month    | \
               |                |
            units, count 0  | A           | 2026-01-01 |            |     | 10          | 1        | month    | \
0              |                |
            contract, term  | A           | 2026-01-01 |            |     |             |          |          | \
               | 1200           | 12
            contract, end   | A           | 2026-01-01 | 2027-01-01 |     |             |          |          | \
               | 1200           |
            contract, open  | A           | 2026-01-01 |            |     |             |          |          | \
               | 1200           |
            contract, 0     | A           | 2026-01-01 | 2027-01-01 |     |             |          |          | \
               | 1200           | 0
            nothing         | A           | 2026-01-01 |            |     |             |          |          | \
               |                |
        """,
    )
    assert [name for (name,) in rows(found, "subscriptions", "subscription_id")] == [
        "contract, end", "contract, term", "mrr", "units",
    ]  # fmt: skip
    assert found.excluded("subscriptions") == {"subscriptions: no price": 5}


def test_a_deal_closed_on_the_day_it_was_created_lasts_no_days():
    deals = "deal_id | created_at | closed_at | outcome\nD | 2026-02-02 10:00 | 2026-02-02 | won"
    assert rows(known("2026-04-01", deals=deals), "deals", "deal_id") == [("D",)]


def test_overlapping_versions_are_left_to_the_card_that_refuses_them():
    lines = """
        subscription_id | customer_id | start_on   | end_on     | mrr
        S               | A           | 2026-01-01 | 2026-03-01 | 1
        S               | A           | 2026-02-01 |            | 2
    """
    assert len(rows(known("2026-04-01", subscriptions=lines), "subscriptions", "mrr")) == 2


# rates


def test_the_rates_of_the_pack_hold_for_its_history():
    rates = "currency | on | rate\nEUR | 2025-01-01 | 1.2\nEUR | 2026-01-01 | 1.1\nEUR | 2026-04-01 | 1.3\nCHF | | 1.0"
    whole = prepared("2026-04-01", fx_rates=rates)
    for as_of_on in (date(2026, 4, 1), date(2025, 4, 1)):
        found = Known(whole, as_of_on)
        assert rows(found, "fx_rates", "currency", "on", "rate") == [
            ("CHF", None, 1.0), ("EUR", "2025-01-01", 1.2), ("EUR", "2026-01-01", 1.1),
        ]  # fmt: skip
        assert whole.rates_on == date(2026, 1, 1)


# the tables a card receives


def test_what_is_not_provided_is_said():
    found = spine("2026-04-01", deals="deal_id | created_at\nD | 2026-01-01")
    assert found.provides("deals")
    assert found.provides("deals.created_at")
    assert not found.provides("deals.amount")
    assert not found.provides("invoices")
    assert not found.provides("invoices.amount")
    found.require("deals", "deals.deal_id")
    with pytest.raises(NotProvided, match=r"^deals\.amount$"):
        found.require("deals", "deals.amount")
    assert found.answers("invoices", "all") == []
    deals = found.vectors("deals", "deal_id")[("D",)]
    assert list(deals) == [*TABLES["deals"].names, "known_from", "known_until"]
    assert deals[["amount", "outcome"]].isna().all(axis=None)


def test_a_table_without_rows_has_its_columns_and_no_rows():
    found = known("2026-04-01", deals="deal_id | created_at", customers=CUSTOMERS)
    assert rows(found, "deals", "deal_id") == []
    assert found.excluded("deals") == {}
