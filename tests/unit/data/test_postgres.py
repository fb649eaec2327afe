"""A warehouse on Postgres: the same rows give the same prepared folder as in DuckDB, and each fault is told once."""

from urllib.parse import quote

import duckdb
import psycopg
import pytest

from helpers.data.canonical_tables import TABLES
from helpers.data.prepare import prepare
from helpers.errors import KitError
from helpers.params import Source
from helpers.periods import Calendar
from tests.canonical import Known
from tests.postgres import PASSWORD, programs, running_server

pytestmark = [
    pytest.mark.database,
    pytest.mark.skipif(not programs(), reason="no initdb of a Postgres server is installed"),
]

PERIOD = Calendar("Europe/Berlin").period("2026Q1")

# One company, in SQL that both engines read. Naive timestamps are in the source's zone; 300 events of 3 users, of which
# one is a test customer's, repeat byte for byte, come in versions, in conflict, without a user, too late, out of order.
COMPANY = """
    create table customers (customer_id text, name varchar(80), signed_up_on date, is_test boolean, merged_into text,
        product_type text, recorded_at timestamptz);
    insert into customers values ('A', 'Änne & Söhne', '2024-01-01', false, null, 'interactive', null),
        ('B', 'O''Hara "Ltd"', '2024-02-01', null, 'A', null, '2024-02-01 23:30:00+00'),
        ('T', 'Test', '2024-01-01', true, null, 'api', null), ('L', '漢字', '2026-04-01', null, null, null, null);
    create table subscriptions (subscription_id text, line_id text, customer_id text, start_on date, end_on date,
        currency char(3), unit_amount numeric(12, 2), quantity integer, "interval" text, interval_count smallint,
        cancelled_at timestamp);
    insert into subscriptions values ('S', 's1', 'A', '2024-01-01', '2026-02-01', 'USD', 10.10, 3, 'month', 1, null),
        ('S', 's1', 'A', '2026-02-01', null, 'USD', 99.99, 3, 'year', 1, null),
        ('S', null, 'B', '2025-01-01', '2026-03-01', null, 0.1, 1, 'day', 2, '2026-02-28 21:30:00');
    create table users (user_id text, customer_id text, persona text, created_on date, is_internal boolean);
    insert into users values ('U0', 'A', 'director', '2024-01-01', null), ('U1', 'B', null, '2026-01-05', false),
        ('U2', 'T', null, null, null), ('U3', 'A', null, null, true);
    create table events (event_id text, user_id text, event text, occurred_at timestamp, feature text,
        is_automated boolean, recorded_at timestamptz, updated_at timestamptz);
    insert into events select 'e' || i, 'U' || i % 3, case when i % 2 = 0 then 'view' else 'share' end,
        timestamp '2025-12-30 22:30:00' + i * interval '37 minutes', case when i % 5 = 0 then 'reports' end, i % 7 = 0,
        timestamptz '2025-12-30 23:59:00+00' + i * interval '37 minutes', null from generate_series(0, 299) as t(i);
    insert into events select * from events where event_id < 'e12';
    insert into events select event_id, user_id, 'corrected', occurred_at, feature, is_automated, recorded_at,
        timestamptz '2026-01-20 00:00:00+00' from events where event_id like 'e29%';
    insert into events values (null, 'U0', 'view', '2026-02-01', null, null, null, null),
        (null, 'U0', 'view', '2026-02-01', 'reports', null, null, null), (null, null, 'view', '2026-02-01', null, null,
        null, null), ('late', 'U0', 'view', '2026-02-01', null, null, '2026-04-01 00:00:00+02', null),
        ('skewed', 'U0', 'view', '2026-02-03', null, null, '2026-02-01 00:00:00+00', null),
        ('stranger', 'U9', 'view', '2026-02-03', null, null, null, null);
    create table deals (deal_id text, customer_id text, created_at timestamptz, closed_at timestamp, outcome text,
        amount numeric, currency text, term_months integer);
    insert into deals values ('D1', 'A', '2026-01-05 23:30:00+00', '2026-02-01 00:30:00', 'won', 1200.505, 'USD', 12),
        ('D2', null, '2026-03-31 21:59:59+00', null, null, null, null, null),
        ('D3', 'A', '2026-03-31 22:00:00+00', null, 'open', 5, 'EUR', null);
    create table stage_history (record_id text, stage text, entered_at timestamptz, exited_at timestamptz);
    insert into stage_history values ('D1', 'lead', '2026-01-05 23:30:00+00', '2026-01-20 10:00:00.123456+00'),
        ('D1', 'won', '2026-02-01 00:30:00+01', null), ('D9', 'lead', '2026-02-01 00:00:00+00', null);
    create table spend (month date, department text, category text, amount double precision, currency text);
    insert into spend values ('2026-01-01', 'marketing', 'ads', 0.1, 'EUR'), ('2026-02-01', 'sales', null, -3, null);
    create table milestones (customer_id text, stage text, started_on date, ended_on date, kind text);
    insert into milestones values ('A', 'contract', '2024-01-01', '2024-01-08', 'waiting'),
        ('A', 'value', '2026-03-30', '2026-04-02', null);
    create table tickets (ticket_id bigint, customer_id text, created_at timestamp, solved_at timestamp,
        reopens smallint, csat text, is_spam boolean);
    insert into tickets values (1, 'A', '2026-01-31 23:30:00', '2026-02-01 10:00:00', 0, 'good', false),
        (2, 'B', '2026-03-31 10:00:00', '2026-04-02 10:00:00', null, null, null);
    create table deliveries (delivery_id text, committed_on date, delivered_on date, scope_committed numeric(6, 1));
    insert into deliveries values ('sprint 1', '2026-01-14', '2026-01-15', 21.5), ('sprint 2', '2026-04-14', null, 8);
    create table entitlements (customer_id text, meter text, limit_qty bigint, start_on date, reset text);
    insert into entitlements values ('A', 'calls', 1000000, '2024-01-01', 'month'),
        ('A', 'rows', 0, '2024-01-01', 'none');
    create table measurements (customer_id text, object_id text, metric text, "at" timestamptz, value real);
    insert into measurements values ('A', null, 'calls', '2026-03-31 21:59:59.5+00', 1.5), (null, 'post', 'views',
        '2026-01-01 00:00:00+00', null);
    create table invoices (invoice_line_id text, customer_id text, invoiced_on date, amount numeric(20, 4),
        currency text, kind text, paid_on date);
    insert into invoices values ('I1', 'A', '2026-01-01', 1234567890.1234, 'EUR', 'recurring', '2026-04-01'),
        ('I2', 'B', '2026-01-01', -0.0001, 'USD', 'usage', '2026-03-31');
    create table products (product text, launched_on date, family text);
    insert into products values ('App', '2023-01-01', null);
    create table fx_rates (currency text, "on" date, rate numeric(12, 6));
    insert into fx_rates values ('USD', '2026-01-01', 0.92), ('USD', null, 0.9);
    create table assignments (experiment_id text, unit_id text, variant text, assigned_at timestamptz, outcome integer);
    insert into assignments values ('X', 'A', 'new', '2026-01-01 00:00:00+00', 1),
        ('X', 'B', 'old', '2026-02-01', null);
    create table cash_movements (movement_id text, moved_on date, amount numeric(14, 2), category text, account text,
        currency text);
    insert into cash_movements values ('M1', '2025-12-01', 500000.25, 'opening', 'bank', 'EUR'),
        ('M2', '2026-01-31', -1200.10, 'payroll', 'bank', 'EUR'), ('M3', '2026-02-01', 99, 'customers', null, 'USD');
"""
TICKETS = """
    select cast(ticket_id as varchar) as ticket_id, customer_id, created_at, solved_at, reopens, csat, is_spam
    from tickets"""


@pytest.fixture(scope="module")
def port():
    with running_server() as port:
        with psycopg.connect(url(port), autocommit=True) as connection:
            connection.execute("set timezone = 'UTC'")
            connection.execute(COMPANY)
        yield port


def url(port, password=PASSWORD):
    return f"postgres://kit:{quote(password, safe='')}@127.0.0.1:{port}/postgres"


def warehouse(connect, **tables):
    queries = tables or {**{name: name for name in TABLES}, "tickets": TICKETS}
    return Source(name="warehouse", connect=connect, timezone="America/Sao_Paulo", currency="EUR", tables=queries)


@pytest.fixture(scope="module")
def both(port, tmp_path_factory):
    """The company prepared from Postgres and from DuckDB."""
    folder = tmp_path_factory.mktemp("company")
    with duckdb.connect(str(folder / "all.db")) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(COMPANY)
    sources = {"postgres": url(port), "duckdb": f"duckdb://{folder / 'all.db'}"}
    return [
        prepare(warehouse(connect), PERIOD, currency="EUR", folder=folder / name) for name, connect in sources.items()
    ]


def test_the_same_rows_give_the_same_bytes(both):
    there, here = both
    assert sorted(there.columns) == sorted(TABLES)
    for name in TABLES:
        assert (there.folder / f"{name}.parquet").read_bytes() == (here.folder / f"{name}.parquet").read_bytes(), name
    assert there.fingerprint == here.fingerprint
    assert there.report == here.report


def test_what_is_read_is_what_was_written(both):
    found = Known(both[0], PERIOD.as_of_on)
    invoices = found.frame("invoices", "invoice_line_id")
    assert invoices["amount"].tolist() == [1234567890.1234, -0.0001]
    assert invoices["customer_id"].tolist() == ["A", "A"]  # B was merged into A
    stages = found.frame("stage_history", "stage")
    assert str(stages["exited_at"][0]) == "2026-01-20 10:00:00.123456+00:00"
    deals = found.frame("deals", "deal_id")
    assert deals["deal_id"].tolist() == ["D1", "D2"]  # D3 begins with the 1st of April in Berlin
    assert str(deals["closed_at"][0]) == "2026-02-01 03:30:00+00:00"  # half past midnight, three hours behind UTC


def test_events_are_accounted_for(both):
    told = both[0].report["tables"]["events"]
    # 300, of which e0, e1, e10, e11 and e100 to e119 stand twice, and 11 have a version (e29, e290 to e299); 6 more
    assert told["read"] == 300 + 24 + 11 + 6
    assert (told["empty_key"], told["not_yet_known"], told["byte_equal"], told["other_versions"]) == (1, 1, 24, 11)
    counts = {reason: found["rows"] for reason, found in told["excluded"].items()}
    assert counts == {
        "same key, different content": 2,  # without an id: of U0, at the same instant
        "occurred_at more than a day after recorded_at": 1,
        "user_id not in users": 1,
        "user_id is of a row left out of users": 100,  # every third is of U2, whose customer is a test
    }
    assert told["clean"] == 200


def test_events_are_reduced_there(port, tmp_path, travelled):
    many = """
        select 'U' || i % 4 as user_id, 'view' as event,
            timestamptz '2026-03-01 10:00:00+00' + (i % 10000) * interval '1 minute' as occurred_at,
            cast(i as text) as event_id
        from generate_series(1, 50000) as t(i)"""
    found = prepare(warehouse(url(port), events=many), PERIOD, currency="EUR", folder=tmp_path)
    assert found.report["tables"]["events"]["clean"] == 50_000
    days = 8  # 10,000 minutes from 11:00 in Berlin are seven days less two hours
    # what is counted of 4 users, no row of a key that stands in several, users by day
    assert travelled == [4, 0, 4 * days]


def faults(tmp_path, source):
    with pytest.raises(KitError) as caught:
        prepare(source, PERIOD, currency="EUR", folder=tmp_path)
    assert not list(tmp_path.iterdir())
    assert not any(PASSWORD in fault or quote(PASSWORD, safe="") in fault for fault in caught.value.faults)
    return caught.value.faults


def test_a_server_out_of_reach_is_told(tmp_path):
    [fault] = faults(tmp_path, warehouse(url(1), deals="deals"))
    assert fault.startswith("warehouse: connect: postgres cannot be opened: ")
    assert "Connection refused" in fault


def test_a_wrong_password_is_told_and_not_shown(port, tmp_path):
    [fault] = faults(tmp_path, warehouse(url(port, "hunter2/hunter2"), deals="deals"))
    assert 'password authentication failed for user "kit"' in fault
    assert "hunter2" not in fault


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("select nope from deals", "the query names a column 'nope' that is not there"),
        ("deels", "the engine has no table 'deels'"),
        ("select * from deels", "the query reads a table 'deels' that is not there"),
        (
            "select deal_i from deals",
            "the query names a column 'deal_i' that is not there; did you mean 'deals.deal_id'?",
        ),
        ("select d.deal_id from deals", "the query reads a table 'd' that is not there"),
        ("select cast('x' as numeric) as n", "the query takes 'x' for numeric, which it is not; correct the value"),
        ("select a.deal_id || b from deals a, (select 1 as b) b, (select 2 as b) c", "'b', which is in several tables"),
        ("select deal_id from deals where", "the query ends too early; complete it"),
    ],
)
def test_a_query_that_fails_is_told_with_the_table_it_is_for(port, tmp_path, query, words):
    [fault] = faults(tmp_path, warehouse(url(port), deals=query, products="products"))
    assert fault.startswith("warehouse: tables.deals: ")
    assert words in fault


@pytest.mark.parametrize(("name", "columns"), [("products", ""), ("events", ", 'x' as event, now() as occurred_at")])
def test_a_query_that_fails_while_it_is_read_is_told(port, tmp_path, name, columns):
    key = TABLES[name].key[0]
    query = f"select cast(1 / (i - 2) as text) as {key}{columns} from generate_series(1, 3) as t(i)"
    [fault] = faults(tmp_path, warehouse(url(port), **{name: query}))
    assert fault == f"warehouse: tables.{name}: the query divides by zero; use nullif(…, 0) below the line"


def test_what_is_said_to_write_is_sql_there(port, tmp_path):
    broken = """select 'USD' as currency, '0.9' as rate, '2026-01-01' as "on\""""
    found = faults(tmp_path, warehouse(url(port), fx_rates=broken))
    casts = ", ".join(fault.split("write ")[1] for fault in found)
    assert len(found) == 2
    source = warehouse(url(port), fx_rates=f"select currency, {casts} from ({broken}) as given")
    found = Known(prepare(source, PERIOD, currency="EUR", folder=tmp_path), PERIOD.as_of_on)
    assert found.frame("fx_rates")["rate"].tolist() == [0.9]
