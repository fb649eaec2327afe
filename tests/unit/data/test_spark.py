"""A warehouse on Spark: the same rows give the same prepared folder as in DuckDB, and events are reduced there.

Run where pyspark and Java are installed: `pip install 'kpi-review[engines]' 'ibis-framework[pyspark]'`.
"""

import shutil

import duckdb
import pytest

from helpers.data.canonical_tables import TABLES
from helpers.data.prepare import prepare
from helpers.periods import Calendar
from tests.unit.data.test_postgres import COMPANY, PERIOD, TICKETS, warehouse

pyspark = pytest.importorskip("pyspark", reason="Spark is not installed")

pytestmark = [
    pytest.mark.spark,
    pytest.mark.skipif(not shutil.which("java"), reason="no Java is installed"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def spark():
    settings = {
        "spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2",
        "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1",
    }  # fmt: skip
    builder = pyspark.sql.SparkSession.builder.master("local[2]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="module")
def company(spark, tmp_path_factory):
    """The company of the Postgres tests in a DuckDB, and as views in Spark."""
    folder = tmp_path_factory.mktemp("company")
    with duckdb.connect(folder / "all.db") as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(COMPANY)
        for name in TABLES:
            connection.execute(f"copy {name} to '{folder / name}.parquet' (format parquet)")
            spark.read.parquet(str(folder / f"{name}.parquet")).createOrReplaceTempView(name)
    return folder


EVENTS = """
    select event_id, user_id, event, to_utc_timestamp(occurred_at, 'America/Sao_Paulo') as occurred_at, feature,
        is_automated, recorded_at, updated_at
    from events"""


def test_the_same_rows_give_the_same_bytes(company, tmp_path, travelled):
    database = f"duckdb://{company / 'all.db'}"
    here = prepare(warehouse(database), PERIOD, currency="EUR", folder=tmp_path / "duckdb")
    queries = {**{name: name for name in TABLES}, "tickets": TICKETS.replace("varchar", "string"), "events": EVENTS}
    there = prepare(warehouse("pyspark://", **queries), PERIOD, currency="EUR", folder=tmp_path / "spark")
    for name in TABLES:
        assert (there.folder / f"{name}.parquet").read_bytes() == (here.folder / f"{name}.parquet").read_bytes(), name
    assert there.report == here.report
    counted, several, by_day = travelled
    with duckdb.connect(company / "all.db", read_only=True) as connection:
        [(users,)] = connection.execute("select count(*) from (select distinct user_id from events)").fetchall()
    assert counted == users
    assert several + by_day < there.report["tables"]["events"]["read"]


LOCAL = """
    select cast(id as string) as event_id, 'U' as user_id, 'view' as event, {} as occurred_at
    from range(10)"""


@pytest.mark.parametrize(
    ("occurred_at", "rows"),
    [
        ("timestamp '2026-03-28 23:30:00+00:00'", [1, 0, 1]),  # an instant: half past midnight in Berlin
        ("timestamp_ntz '2026-03-28 20:30:00'", [10]),  # a local time: three hours behind UTC in the source
        ("date '2026-03-29'", [10]),
    ],
)
def test_events_are_reduced_there_where_spark_reads_their_time_as_others_do(
    company, tmp_path, travelled, occurred_at, rows
):
    found = prepare(warehouse("pyspark://", events=LOCAL.format(occurred_at)), PERIOD, currency="EUR", folder=tmp_path)
    assert travelled == rows
    days = duckdb.sql(f"select active_on, events from '{tmp_path}/events.parquet'").fetchall()
    assert [(str(day), events) for day, events in days] == [("2026-03-29", 10)]
    assert found.calendar == Calendar("Europe/Berlin")
