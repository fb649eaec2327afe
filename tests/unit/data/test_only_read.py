"""A source is only read, on every engine: one query per table, nothing that writes, acts or looks about."""

import shutil
import sqlite3
from pathlib import Path

import duckdb
import psycopg
import pytest

from helpers.data.engines import STAGED, local_engine
from helpers.data.sources import open_source, source_table
from helpers.errors import KitError
from helpers.params import Source
from tests.postgres import programs, running_server
from tests.unit.data.test_postgres import url

needs_postgres = pytest.mark.skipif(not programs(), reason="no initdb of a Postgres server is installed")

# Each with a word of the sentence that refuses it. {out} is a file that must not come to be.
WRITING = {
    "select * from keep; drop table keep": "2 statements",
    "select * from keep; -- only this\ndelete from keep": "2 statements",
    "select 1 as a) as b; drop table keep; select * from (select 1 as a": "",
    "with gone as (delete from keep returning *) select * from gone": "",
    "with a as (select 1 as a) insert into keep select a from a": "",
    "with a as (select 1 as a) update keep set a = 2": "",
}
WORDS = {"insert into keep values (2)": "", "drop table keep": "", "attach 'other.db'": "", "copy keep to 'x'": ""}


def faults(source):
    local = local_engine()
    local.execute(f"attach ':memory:' as {STAGED}")
    engine = open_source(source, local, Path("nowhere"))
    try:
        with pytest.raises(KitError) as caught, engine.names():
            source_table(source, engine, "products")
    finally:
        engine.close()
    return caught.value.faults


def source(connect, query, **given):
    return Source(name="test", connect=connect, tables={"products": query}, **given)


@pytest.fixture
def database(tmp_path):
    with duckdb.connect(tmp_path / "all.db") as engine:
        engine.execute("create table keep as select 1 as a; create sequence number")
    yield tmp_path / "all.db"
    with duckdb.connect(tmp_path / "all.db", read_only=True) as engine:
        assert engine.execute("from keep").fetchall() == [(1,)]
        assert engine.execute("select last_value from duckdb_sequences()").fetchall() == [(None,)]
    assert {path.name for path in tmp_path.iterdir()} <= {"all.db", "exports", "secret.csv"}


@pytest.mark.parametrize(("query", "words"), [*WRITING.items(), *WORDS.items()])
def test_duckdb_refuses_what_writes(database, query, words):
    [fault] = faults(source(f"duckdb://{database}", query))
    assert fault.startswith("test: tables.products: ")
    assert words in fault


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("select nextval('number') as a", "must only read; nextval does more than that"),
        ("select setseed(0.5) as a", "must only read; setseed does more"),
        ("select write_log('x') as a", "must only read; write_log does more"),
        ("from enable_logging(storage_path = '{folder}/log')", "enable_logging is not among what reads them"),
        ("from checkpoint()", "checkpoint is not among"),
        ("from query('select 1')", "query is not among"),
        ("from read_text('/etc/hostname')", "read_text is not among"),
        ("from glob('/etc/*')", "glob is not among"),
        ("select * from (from json_execute_serialized_sql('x'))", "json_execute_serialized_sql is not among"),
        ("from postgres_execute('db', 'drop table keep')", "postgres_execute is not among"),
        ("with a as (from read_csv('/etc/' || 'hostname')) from a", "must name its files as they are"),
    ],
)
def test_duckdb_refuses_what_acts_or_looks_about(database, query, words):
    [fault] = faults(source(f"duckdb://{database}", query.format(folder=database.parent)))
    assert words in fault


def test_a_duckdb_file_that_another_process_reads_can_be_read(database):
    with duckdb.connect(database, read_only=True):
        local = local_engine()
        local.execute(f"attach ':memory:' as {STAGED}")
        found = source(f"duckdb://{database}", "select a as product from keep")
        engine = open_source(found, local, Path("nowhere"))
        with engine.names():
            assert list(source_table(found, engine, "products").types) == ["product"]
        engine.close()


@pytest.mark.parametrize("name", ["../secret.csv", "{folder}/secret.csv", "/etc/hostname.csv", "https://a.b/c.csv"])
@pytest.mark.parametrize("query", ["from read_csv('{}')", "from '{}'", "from read_csv(['products.csv', '{}'])"])
def test_files_outside_of_the_folder_are_not_read(tmp_path, name, query):
    (tmp_path / "secret.csv").write_text("product\nx\n")
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "products.csv").write_text("product\nx\n")
    written = query.format(name.format(folder=tmp_path))
    [fault] = faults(source("duckdb://", written, files=tmp_path / "exports"))
    assert f"lies outside of files ({tmp_path}/exports); name a folder there that holds all of them" in fault


@pytest.fixture
def sqlite(tmp_path):
    file = tmp_path / "all.sqlite"
    engine = sqlite3.connect(file)
    engine.execute("create table keep (a)")
    engine.execute("insert into keep values (1)")
    engine.commit()
    engine.close()
    yield file
    engine = sqlite3.connect(file)
    assert engine.execute("select * from keep").fetchall() == [(1,)]
    engine.close()
    assert [path.name for path in tmp_path.iterdir()] == ["all.sqlite"]


@pytest.mark.parametrize(
    ("query", "words"),
    [*WRITING.items(), *WORDS.items(), ("select load_extension('x') as a", "load_extension does more than that")],
)
def test_sqlite_refuses_what_writes(sqlite, query, words):
    [fault] = faults(source(f"sqlite://{sqlite}", query))
    assert fault.startswith("test: tables.products: ")
    assert words in fault


def test_sqlite_is_read_and_its_file_is_opened_for_reading_only(sqlite):
    local = local_engine()
    found = source(f"sqlite://{sqlite}", "select a as product from keep")
    engine = open_source(found, local, Path("nowhere"))
    assert list(source_table(found, engine, "products").types) == ["product"]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        engine._backend.con.execute("insert into keep values (2)")
    engine.close()


def test_an_sqlite_file_that_is_not_there_is_not_made(tmp_path):
    local = local_engine()
    with pytest.raises(KitError, match="connect: sqlite cannot be opened"):
        open_source(source(f"sqlite://{tmp_path}/none.sqlite", "keep"), local, Path("nowhere"))
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def server():
    with running_server() as port:
        with psycopg.connect(url(port), autocommit=True) as connection:
            connection.execute("create table keep (a int)")
            connection.execute("insert into keep values (1)")
            connection.execute("create sequence number")
            connection.execute(
                "create function act() returns int as 'insert into keep values (2) returning 1' language sql"
            )
        yield port
        with psycopg.connect(url(port)) as connection:
            assert connection.execute("select * from keep").fetchall() == [(1,)]
            assert connection.execute("select is_called from number").fetchall() == [(False,)]


@pytest.mark.database
@needs_postgres
@pytest.mark.parametrize(
    ("query", "words"),
    [
        *WRITING.items(), *WORDS.items(),
        ("select * into gone from keep", "a statement of the kind into"),
        ("select nextval('number') as a", "nextval does more than that"),
        ("select set_config('default_transaction_read_only', 'off', false) as a", "set_config does more than that"),
        ("select pg_read_file('/etc/hostname') as a", "pg_read_file does more than that"),
        ("select * from keep for update", "a statement of the kind lock"),
        ("select a from keep where ; drop table keep; select", "a semicolon between its parts"),
    ],
)  # fmt: skip
def test_postgres_refuses_what_writes(server, query, words):
    [fault] = faults(source(url(server), query))
    assert fault.startswith("test: tables.products: ")
    assert words in fault


@pytest.mark.database
@needs_postgres
def test_a_session_with_postgres_can_only_read(server):
    engine = open_source(source(url(server), "keep"), local_engine(), Path("nowhere"))
    for statement in ("insert into keep values (2)", "drop table keep", "create temp table t (a int)"):
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            engine._backend.raw_sql(statement)
    engine.close()


@pytest.mark.database
@needs_postgres
def test_a_function_of_the_users_own_cannot_write(server, tmp_path):
    found = source(url(server), "select act() as product")
    engine = open_source(found, local_engine(), tmp_path)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        engine.rows("select * from given_rows as given", source_table(found, engine, "products"))
    engine.close()


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not shutil.which("java"), reason="no Java is installed")
@pytest.mark.parametrize(
    ("query", "words"),
    [
        *((query, words) for query, words in WRITING.items() if "returning" not in query),
        *WORDS.items(),
        ("select java_method('java.lang.System', 'exit', 1) as a", "java_method does more than that"),
        ("select reflect('java.lang.System', 'exit', 1) as a", "reflect does more than that"),
    ],
)
def test_spark_refuses_what_writes(query, words):
    pytest.importorskip("pyspark", reason="Spark is not installed")
    [fault] = faults(source("pyspark://", query))
    assert words in fault
