"""From a source to the prepared folder: what is written, what is counted, what is refused."""

import json
import random
import sqlite3
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.data.prepare import folder_fingerprint, prepare
from helpers.data.prepared import Prepared
from helpers.errors import KitError
from helpers.kpis.rows import cards_with
from helpers.params import Source
from helpers.periods import Calendar
from tests.canonical import Known, figures, known, prepared, source, spine

QUARTER = Calendar().period("2026Q1")

DEALS = """
    deal_id | created_at       | closed_at        | outcome | amount
    D1      | 2026-01-05 10:00 | 2026-02-01 09:00 | won     | 100
    D2      | 2026-02-07       |                  | open    |
    D3      | 2026-03-31 23:59 | 2026-04-02       | lost    | 50
"""


def write(folder, period=QUARTER, currency="USD", **texts):
    return prepare(source(currency, **texts), period, currency="USD", folder=folder)


def seen(prepared, name):
    """The counts of one table of the data report, those that are not 0."""
    told = {**prepared.report["tables"][name], "days_old": 0}
    return {key: value for key, value in told.items() if isinstance(value, int) and value}


def test_parquet_has_every_canonical_column_in_exact_types(tmp_path):
    write(tmp_path, deals=DEALS, fx_rates="currency | rate | on\nEUR | 1.1 | 2026-01-01")
    types = {field.name: str(field.type) for field in pq.read_schema(tmp_path / "deals.parquet")}
    assert types["deal_id"] == types["source"] == "string"
    assert types["amount"] == types["term_months"] == "double"
    assert types["options_offered"] == "int64"
    assert types["created_at"] == types["updated_at"] == "timestamp[us, tz=UTC]"
    assert {f.name: str(f.type) for f in pq.read_schema(tmp_path / "fx_rates.parquet")}["on"] == "date32[day]"


def test_record_says_what_the_pack_needs_to_know(tmp_path):
    calendar = replace(Calendar("Europe/Berlin", fiscal_year_start_month=2), quarter_starts=())
    period = calendar.period("FY2027Q2", date(2026, 8, 5))
    found = prepare(source(deals=DEALS), period, currency="EUR", folder=tmp_path)
    again = Prepared.open(tmp_path)
    for each in (found, again):
        assert each.calendar == calendar
        assert each.currency == "EUR"
        assert each.last_day == date(2026, 8, 5)
        assert each.rates_on == date(2026, 2, 1)  # the fiscal year's first day
        assert each.columns == {"deals": ["deal_id", "created_at", "closed_at", "outcome", "amount"]}
        assert each.fingerprint == folder_fingerprint(tmp_path)
    assert again.report == found.report


def test_a_listed_calendar_comes_back(tmp_path):
    starts = (("2026Q1", date(2026, 1, 4)), ("2026Q2", date(2026, 4, 5)), ("2026Q3", date(2026, 7, 5)))
    calendar = Calendar(quarter_starts=starts)
    prepare(source(deals=DEALS), calendar.period("2026Q1"), currency="USD", folder=tmp_path)
    assert Prepared.open(tmp_path).calendar == calendar


def test_opening_a_folder_that_is_none_is_told(tmp_path):
    with pytest.raises(KitError, match=r"no prepared\.json"):
        Prepared.open(tmp_path)


def test_a_second_run_leaves_nothing_of_the_first(tmp_path):
    write(tmp_path, deals=DEALS, products="product\nApp")
    write(tmp_path, deals=DEALS)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["deals.parquet", "prepared.json"]


def test_a_run_that_is_refused_leaves_no_folder_to_open(tmp_path):
    write(tmp_path, deals=DEALS)
    with pytest.raises(KitError):
        write(tmp_path, deals="deal_id | created_at | owner\nD1 | 2026-01-05 | Ann\nD1 | 2026-01-05 | Bob")
    with pytest.raises(KitError):
        Prepared.open(tmp_path)


def test_nothing_of_what_is_not_known_is_written(tmp_path):
    write(tmp_path, deals=DEALS)
    rows = {row["deal_id"]: row for row in pq.read_table(tmp_path / "deals.parquet").to_pylist()}
    assert rows["D3"]["closed_at"] is None
    assert rows["D3"]["outcome"] == "open"


def test_rows_read_are_accounted_for():
    found = prepared(
        "2026-04-01",
        deals="""
            deal_id | created_at | recorded_at | updated_at | closed_at  | outcome
            D1      | 2026-01-05 |             | 2026-01-06 |            | open
            D1      | 2026-01-05 |             | 2026-03-01 | 2026-02-28 | lost
            D2      | 2026-01-07 |             |            |            | open
            D2      | 2026-01-07 |             |            |            | open
            D3      | 2026-04-01 |             |            |            | open
            D4      | 2026-01-07 | 2026-04-01  |            |            | open
                    | 2026-01-07 |             |            |            | open
            D5      | 2026-01-07 |             |            |            | won
        """,
    )  # D3 and D4 are not known yet, D5 is won without a day
    assert seen(found, "deals") == {
        "read": 8, "empty_key": 1, "not_yet_known": 2, "byte_equal": 1, "other_versions": 1, "clean": 2,
    }  # fmt: skip
    assert found.report["tables"]["deals"]["excluded"] == {"won without closed_at": {"rows": 1, "examples": ["D5"]}}


def test_any_engine_that_ibis_opens_is_a_source(tmp_path):
    with sqlite3.connect(tmp_path / "crm.sqlite") as database:
        database.execute("create table products (product text, family text)")
        database.execute("insert into products values ('App', null), ('API', 'core')")
    database.close()
    crm = Source(name="crm", connect=f"sqlite://{tmp_path / 'crm.sqlite'}", tables={"products": "products"})
    found = Known(prepare(crm, QUARTER, currency="USD", folder=tmp_path / "folder"), QUARTER.as_of_on)
    assert found.rows("products", "product", "family") == [("API", "core"), ("App", None)]


def test_an_amount_without_currency_is_in_the_sources():
    found = known(
        "2026-04-01",
        currency="EUR",
        invoices="""
            invoice_line_id | customer_id | invoiced_on | amount | kind  | currency
            I1              | A           | 2026-01-05  | 10     | usage |
            I2              | A           | 2026-01-05  | 10     | usage | CHF
        """,
    )
    assert found.rows("invoices", "currency") == [("EUR",), ("CHF",)]


def test_an_amount_without_any_currency_is_refused_in_every_table_at_once(tmp_path):
    with pytest.raises(KitError) as caught:
        write(
            tmp_path,
            currency=None,
            deals=DEALS,
            invoices="invoice_line_id | customer_id | invoiced_on | amount | kind\nI1 | A | 2026-01-05 | 10 | usage",
            subscriptions="subscription_id | customer_id | start_on | mrr | currency\nS | A | 2026-01-01 | 10 | EUR",
        )
    assert [fault.split(";")[0] for fault in caught.value.faults] == [
        "text tables: tables.deals: 2 rows have an amount and no currency",
        "text tables: tables.invoices: 1 rows have an amount and no currency",
    ]  # the open deal has no amount, the subscription has its currency


def test_rows_without_amounts_need_no_currency(tmp_path):
    write(tmp_path, currency=None, deals="deal_id | created_at | amount\nD1 | 2026-01-05 |")


def test_more_than_one_percent_of_keys_in_conflict_refuses_the_table(tmp_path):
    def deals(keys):
        rows = [f"D{i} | 2026-01-05 | Ann" for i in range(keys)]
        return "\n".join(["deal_id | created_at | owner", *rows, "D0 | 2026-01-05 | Bob"])

    found = write(tmp_path, deals=deals(100))  # 1 of 100 is not more than 1 %
    assert Known(found, QUARTER.as_of_on).excluded("deals") == {"deals: same key, different content": 2}
    with pytest.raises(KitError) as caught:
        write(tmp_path, deals=deals(99))
    assert caught.value.faults == (
        "text tables: tables.deals: 1 of 99 keys (deal_id) have rows of different content, must be at most 1 %; "
        "give updated_at, so that the newest is kept, or one row per key",
    )


LINES = DEALS.strip().splitlines()[1:]


@settings(max_examples=10, deadline=None)
@given(order=st.permutations([*LINES, *LINES]), kept=st.integers(3, 6))
def test_row_order_and_exact_duplicates_change_nothing(order, kept):
    rows = list(dict.fromkeys([*order[:kept], *LINES]))
    random.Random(kept).shuffle(rows)
    texts = "\n".join([DEALS.strip().splitlines()[0], *rows, *order[:kept]])
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        first, second = write(Path(one), deals=DEALS), write(Path(other), deals=texts)
    assert first.fingerprint == second.fingerprint
    assert json.dumps(first.report["tables"]["deals"]["clean"]) == "3"
    assert second.report["tables"]["deals"]["byte_equal"] == kept


@pytest.mark.parametrize(
    ("source_zone", "reporting", "part"),
    [("localtime", "UTC", "timezone"), (None, "localtime", "timezone"), ("UTC", "localtime", "the review's timezone")],
)
def test_a_zone_that_is_no_place_is_refused(tmp_path, source_zone, reporting, part):
    found = Source(name="test", connect="duckdb://", tables={"products": "select 'App' as product"})
    found = found.model_copy(update={"timezone": source_zone})
    period = replace(QUARTER, calendar=SimpleNamespace(timezone=reporting))
    with pytest.raises(KitError) as caught:
        prepare(found, period, currency="USD", folder=tmp_path)
    assert caught.value.faults[0] == (
        f"test: {part} == 'localtime', must be the zone of a place, such as 'Europe/Berlin', or 'UTC'"
    )


def test_an_empty_text_is_a_missing_value():
    """Three customers without a parent are three accounts, also where the database writes '' for none."""
    texts = {
        "customers": """
            customer_id | name | signed_up_on | parent_id | merged_into | product_type
            A           | A    | 2025-01-01   | ""        | ""          | ""
            B           | B    | 2025-01-01   | ""        |             |
            C           | C    | 2025-01-01   |           | B           |
            ""          | none | 2025-01-01   |           |             |
        """,
        "subscriptions": """
            subscription_id | line_id | customer_id | start_on   | mrr
            S               | ""      | A           | 2025-01-01 | 100
            T               |         | B           | 2025-01-01 | 300
            U               |         | C           | 2025-01-01 | 200
        """,
    }
    found = known("2026-04-01", **texts)
    assert found.rows("customers", "customer_id", "parent_id", "merged_into", "product_type") == [
        ("A", None, None, None), ("B", None, None, None),
    ]  # fmt: skip
    assert found.rows("subscriptions", "subscription_id", "line_id") == [("S", None), ("T", None), ("U", None)]
    assert found.prepared.report["tables"]["customers"]["empty_key"] == 1
    [card] = cards_with(["arpa"])
    rows = figures(card, spine("2026-04-01", **texts), account_level="parent", most_left_out=1)
    assert {row.kpi_id: row.value for row in rows if not row.segment_by} == {
        "mrr": 600, "paying_customers": 2, "arpa": (100 + 300 + 200) / 2,
    }  # fmt: skip


@pytest.mark.parametrize(("code", "whole"), [("GBp", "GBP"), (" ZAc ", "ZAC")])
def test_hundredths_of_a_currency_are_asked_about(tmp_path, code, whole):
    """In capitals 12,000 pence, which are 120 pounds, would be 12,000 pounds."""
    rows = f"deal_id | created_at | amount | currency\nD1 | 2026-01-05 | 12000 | {code}\nD2 | 2026-01-05 | 1 | gbp"
    with pytest.raises(KitError) as caught:
        write(tmp_path, deals=rows)
    [fault] = caught.value.faults
    assert f"tables.deals: currency: {code.strip()!r} means hundredths of a currency (1 rows)" in fault
    assert f"divide these amounts by 100 and give the code of the whole unit, such as {whole!r}" in fault


def test_codes_in_small_letters_are_codes_and_others_for_pence_need_their_rate(tmp_path):
    rows = "deal_id | created_at | amount | currency\nD1 | 2026-01-05 | 5 | gbp\nD2 | 2026-01-05 | 5 | Gbp\n"
    rates = "currency | rate\nGBP | 1.3\nGBX | 0.013"
    folder = write(tmp_path, deals=f"{rows}D3 | 2026-01-05 | 500 | GBX", fx_rates=rates)
    found = Known(folder, QUARTER.as_of_on)
    assert found.rows("deals", "currency") == [("GBP",), ("GBP",), ("GBX",)]
