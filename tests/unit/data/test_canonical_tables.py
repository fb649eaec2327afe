"""The canonical tables hold together, and say what section 2 of the specification says."""

import re

import pytest

from helpers.data.canonical_tables import EVENTS_BY_DAY, HELD, ORDER_CHECKS, TABLES
from helpers.params import CANONICAL_TABLES

# specification 1.2: a table's event time; deliveries have none (committed_on is a due date), products are settings
EVENT_TIMES = {
    "customers": "signed_up_on", "subscriptions": "start_on", "users": "created_on", "events": "occurred_at",
    "deals": "created_at", "stage_history": "entered_at", "spend": "month", "milestones": "started_on",
    "tickets": "created_at", "deliveries": "", "entitlements": "start_on", "measurements": "at",
    "invoices": "invoiced_on", "products": "", "fx_rates": "on", "assignments": "assigned_at",
    "cash_movements": "moved_on",
}  # fmt: skip
MASKED = {
    "first_value_on", "first_paid_on", "deactivated_on", "closed_at", "cancelled_at", "estimate_sent_at", "exited_at",
    "ended_on", "solved_at", "delivered_on", "paid_on",
}  # fmt: skip


def test_the_tables_are_those_that_a_source_file_may_name():
    assert tuple(TABLES) == CANONICAL_TABLES


def test_event_times_are_those_of_the_specification():
    assert {name: table.event_time for name, table in TABLES.items()} == EVENT_TIMES


def test_every_later_fact_is_masked_wherever_it_stands():
    for table in TABLES.values():
        assert set(table.masks) == MASKED & set(table.names), table.name


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_names_that_a_table_uses_are_its_own(table):
    used = {*table.key, *table.masks, *table.consequences, *table.amounts, *(r.column for r in table.references)}
    used |= {column for columns in table.one_of for column in columns} | ({table.event_time} - {""})
    assert used <= set(table.names)
    assert len(set(table.names)) == len(table.names)
    assert {"recorded_at", "updated_at"} <= set(table.names)
    assert not table.amounts or "currency" in table.names
    assert all(reference.table in TABLES for reference in table.references)


def test_a_customer_is_a_required_reference_exactly_where_its_column_is_required():
    for table in TABLES.values():
        for reference in table.references:
            assert reference.required == table.column(reference.column).required, (table.name, reference)


def test_order_checks_name_the_tables_they_read():
    for check in ORDER_CHECKS:
        read = set(re.findall(r"\{(\w+)\}", check.sql))
        assert read
        assert read <= set(check.tables)


def test_cards_read_the_tables_of_the_source_but_for_events():
    assert {name: table for name, table in HELD.items() if table is not TABLES[name]} == {"events": EVENTS_BY_DAY}
    given, held = TABLES["events"], HELD["events"]
    assert [c.reason for c in held.constraints] == [c.reason for c in given.constraints]
    assert held.references == given.references
    assert {held.counted, held.event_time, *held.key} <= set(held.names)
