"""Columns held against the specification: what fits, what is cast without loss, what is a fault."""

from datetime import UTC, date, datetime

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from helpers.data.canonical_tables import TABLES
from helpers.data.column_types import type_fault
from helpers.data.file_queries import Given
from helpers.data.prepare import prepare
from helpers.data.readings import Zones
from helpers.errors import KitError
from helpers.params import Source
from helpers.periods import Calendar
from tests.canonical import Known


def staged(tmp_path, timezone=None, zone="UTC", **tables):
    source = Source(name="test", connect="duckdb://", timezone=timezone, currency="EUR", tables=tables)
    prepared = prepare(source, Calendar(zone).period("2026Q1"), currency="EUR", folder=tmp_path)
    return Known(prepared, Calendar(zone).period("2026Q1").as_of_on)


def types(found, table):
    """The types of a table's columns in the prepared file."""
    return {field.name: str(field.type) for field in pq.read_schema(found.prepared.folder / f"{table}.parquet")}


def faults(tmp_path, **tables):
    with pytest.raises(KitError) as caught:
        staged(tmp_path, **tables)
    return caught.value.faults


DEAL = "select 'D' as deal_id, timestamptz '2026-01-05 10:00:00+00' as created_at"
CUSTOMER = "select 'C' as customer_id, 'Acme' as name, date '2025-01-01' as signed_up_on"
INVOICE = "select 'I' as invoice_line_id, 'C' as customer_id, date '2026-01-05' as invoiced_on, 'usage' as kind"


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("cast(12 as tinyint)", 12.0),
        ("cast(12 as ubigint)", 12.0),
        ("cast(12.34 as decimal(18, 2))", 12.34),
        ("cast(0.1 as float)", pytest.approx(0.1)),
        ("12.5::double", 12.5),
    ],
)
def test_numbers_become_dec(tmp_path, amount, expected):
    found = staged(tmp_path, invoices=f"{INVOICE}, {amount} as amount")
    assert found.frame("invoices").amount.tolist() == [expected]


@pytest.mark.parametrize("count", ["cast(3 as utinyint)", "cast(3 as bigint)"])
def test_any_whole_number_becomes_int(tmp_path, count):
    found = staged(tmp_path, deals=f"{DEAL}, {count} as options_offered")
    assert found.frame("deals").options_offered.tolist() == [3]


@pytest.mark.parametrize("kind", ["integer", "varchar", "boolean", "timestamp", "integer[]", "json"])
def test_a_column_without_any_value_fits_every_type(tmp_path, kind):
    names = ("closed_at", "amount", "owner", "options_offered")
    nothing = ", ".join(f"cast(null as {kind}) as {name}" for name in names)
    found = staged(tmp_path, deals=f"{DEAL}, {nothing} from range(3)", customers=f"{CUSTOMER}, null as is_test")
    assert all(found.prepared.provides(f"deals.{name}") for name in names)
    assert [types(found, "deals")[name] for name in names] == ["timestamp[us, tz=UTC]", "double", "string", "int64"]
    assert found.frame("deals")[list(names)].isna().all().all()
    assert len(found.frame("customers")) == 1


def test_one_value_is_enough_for_a_column_to_have_its_type(tmp_path):
    query = f"{DEAL}, cast(if(i = 2, 'x', null) as varchar) as amount, cast(null as varchar) as term_months"
    query += " from range(3) t(i)"
    [fault] = faults(tmp_path, deals=query)
    assert fault == (
        "test: tables.deals: amount is varchar, must be dec; write cast(amount as double precision) as amount"
    )


def test_an_empty_column_of_a_file_fits(tmp_path):
    (tmp_path / "deals.csv").write_text("deal_id,created_at,closed_at,amount,customer_id\nD,2026-01-05,,,\n")
    parquet = pa.table({"customer_id": ["C"], "name": ["Acme"], "signed_up_on": [date(2025, 1, 1)], "is_test": [None]})
    pq.write_table(parquet, tmp_path / "customers.parquet")  # a column of the type null
    found = staged(
        tmp_path / "prepared",
        deals=f"from '{tmp_path}/deals.csv'",
        customers=f"from '{tmp_path}/customers.parquet'",
    )
    deal = found.frame("deals").iloc[0]
    assert deal[["closed_at", "amount", "customer_id"]].isna().all()
    assert found.frame("customers").name.tolist() == ["Acme"]


def test_a_date_is_a_local_midnight(tmp_path):
    found = staged(
        tmp_path, zone="America/New_York", deals="select 'D' as deal_id, date '2026-01-05' as created_at"
    )  # New York is five hours behind UTC in January
    assert found.frame("deals").created_at[0] == datetime(2026, 1, 5, 5, tzinfo=UTC)


def test_a_date_keeps_its_day_where_the_source_is_in_another_zone(tmp_path):
    deals = "select 'D' as deal_id, date '2026-01-05' as created_at"  # midnight in Tokyo is the 4th in UTC
    found = staged(tmp_path, timezone="Asia/Tokyo", zone="UTC", deals=deals)
    assert found.frame("deals").created_at[0] == datetime(2026, 1, 5, tzinfo=UTC)


def test_a_date_whose_midnight_the_clocks_skip_keeps_its_day(tmp_path):
    source = Source(
        name="test", connect="duckdb://", timezone="America/Sao_Paulo",
        tables={"deals": "select 'D' as deal_id, date '2017-10-15' as created_at"},
    )  # fmt: skip
    period = Calendar("America/Sao_Paulo").period("2017Q4")
    found = Known(prepare(source, period, currency="BRL", folder=tmp_path), period.as_of_on)
    assert found.rows("deals", "created_at") == [("2017-10-15",)]


def test_a_timestamp_without_a_zone_is_in_the_sources(tmp_path):
    query = "select 'D' as deal_id, timestamp '2026-01-05 10:00:00' as created_at"
    found = staged(tmp_path, timezone="America/Sao_Paulo", zone="UTC", deals=query)  # three hours behind UTC
    assert found.frame("deals").created_at[0] == datetime(2026, 1, 5, 13, tzinfo=UTC)


def test_a_timestamp_without_a_zone_is_refused_where_the_source_declares_none(tmp_path):
    [fault] = faults(tmp_path, deals="select 'D' as deal_id, timestamp '2026-01-05 10:00:00' as created_at")
    assert fault.startswith("test: tables.deals: created_at is a timestamp without a time zone; ")
    assert "timezone: Europe/Berlin" in fault


def test_types_that_would_lose_or_guess_are_faults_that_say_what_to_write(tmp_path):
    found = faults(
        tmp_path,
        deals=f"{DEAL}, 7 as customer_id, '5' as amount, 2.5 as options_offered",
        invoices=f"{INVOICE}, true as amount, timestamptz '2026-01-05 00:00:00+00' as due_on",
    )
    assert [fault.removeprefix("test: tables.") for fault in found] == [
        "deals: customer_id is integer, must be str; write cast(customer_id as varchar) as customer_id",
        "deals: amount is varchar, must be dec; write cast(amount as double precision) as amount",
        "deals: options_offered has fractions, must be int; correct them where they come from",
        "invoices: amount is boolean, must be dec; write cast(amount as double precision) as amount",
        "invoices: due_on is timestamp with time zone, must be date; "
        "write cast(due_on at time zone 'UTC' as date) as due_on",
    ]


def test_names_are_faults_all_at_once_with_the_nearest_one(tmp_path):
    found = faults(tmp_path, deals="select 'D' as deal_id, 1 as amuont", products="select 'p' as family")
    assert found == (
        "test: tables.deals: created_at is missing; the query gives deal_id, amuont",
        "test: tables.deals: amuont is not a column of deals; did you mean 'amount'?",
        "test: tables.products: product is missing; the query gives family",
    )


def test_subscriptions_need_one_form_of_price(tmp_path):
    [fault] = faults(
        tmp_path,
        subscriptions="select 'S' as subscription_id, 'C' as customer_id, date '2026-01-01' as start_on, 1 as quantity",
    )
    assert fault.endswith("no price; give unit_amount, quantity, interval, interval_count; or contract_value; or mrr")


def test_what_is_said_to_write_is_sql_for_every_column():
    for table in TABLES.values():
        for column in table.columns:
            given = Given("", {column.name: "VARCHAR"})
            told = type_fault(column, given, column.name, Zones("UTC", "UTC"), fractions=False)
            text = " ".join(told.split(" write ")[1:]) or f'"{column.name}"'
            rows = f'select cast(null as varchar) as "{column.name}"'
            assert duckdb.sql(f"select {text} from ({rows})").columns == [column.name]


def test_names_that_an_engine_reads_as_its_own_are_quoted(tmp_path):
    found = faults(
        tmp_path,
        fx_rates="""select 'EUR' as currency, 1.1 as rate, '2026-01-01' as "on\"""",
        measurements="""select 'views' as metric, 1 as "value", '2026-01-01' as "at\"""",
    )
    assert [fault.split("write ")[1] for fault in found] == [
        'cast("on" as date) as "on"', 'cast("at" as timestamptz) as "at"',
    ]  # fmt: skip


def test_a_table_without_rows_has_no_type_faults_but_its_names_are_checked(tmp_path):
    (tmp_path / "deals.csv").write_text("deal_id,created_at,amount\n")
    (tmp_path / "misspelt.csv").write_text("deal_id,created,amount\n")
    query = f"from read_csv('{tmp_path}/deals.csv')"
    found = staged(tmp_path / "prepared", deals=query)
    assert found.frame("deals").empty
    assert types(found, "deals")["created_at"] == "timestamp[us, tz=UTC]"
    told = faults(tmp_path / "prepared", deals=query.replace("deals.csv", "misspelt.csv"))
    assert told == (
        "test: tables.deals: created_at is missing; the query gives deal_id, created, amount",
        "test: tables.deals: created is not a column of deals; did you mean 'created_at'?",
    )


def test_the_same_table_with_a_row_has_them(tmp_path):
    query = "select 'D' as deal_id, '2026-01-01' as created_at"
    assert staged(tmp_path, deals=f"{query} where false").prepared.provides("deals")
    assert len(faults(tmp_path, deals=query)) == 1
