"""A source's engine: what it gives, and what is said when it refuses."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from textwrap import dedent

import duckdb
import pytest

from helpers.data.engines import STAGED, local_engine
from helpers.data.sources import open_source, source_fingerprint, source_table
from helpers.errors import KitError, together
from helpers.params import Source

ROOT = Path(__file__).parents[3]


def source(**given):
    return Source(**{"name": "test", "connect": "duckdb://", "tables": {"deals": "select 1 as a"}, **given})


def tables(found):
    engine = opened(found)
    with engine.names():
        given = together(*(partial(source_table, found, engine, name) for name in found.tables))
        return {name: list(each.types) for name, each in zip(found.tables, given, strict=True)}


def opened(found):
    local = local_engine()
    local.execute(f"attach ':memory:' as {STAGED}")
    return open_source(found, local, found.files or Path("nowhere"))


def faults(found):
    with pytest.raises(KitError) as caught:
        tables(found)
    return caught.value.faults


@pytest.mark.parametrize(
    "query",
    [
        "select 'x' as deal_id",
        "SELECT 'x' AS deal_id;",
        "-- leads\n/* all\nof them */\nwith a as (select 'x' as deal_id) from a",
        "(select 'x' as deal_id)",
        "from (values ('x')) as t(deal_id)",
    ],
)
def test_a_query_in_the_engines_sql(query):
    assert tables(source(tables={"deals": query}))["deals"] == ["deal_id"]


def test_a_bare_name_is_a_table_that_fits(tmp_path):
    url = f"duckdb://{tmp_path / 'all.db'}"
    with duckdb.connect(tmp_path / "all.db") as engine:
        engine.execute("create schema crm")
        engine.execute("create table crm.deals as select 'x' as deal_id")
        engine.execute("create view deals as from crm.deals")
    found = tables(source(connect=url, tables={"deals": "deals", "products": "crm.deals\n"}))
    assert found == {"deals": ["deal_id"], "products": ["deal_id"]}


def test_files_are_relative_to_the_sources_folder(tmp_path):
    (tmp_path / "it's here").mkdir()
    (tmp_path / "it's here" / "a.csv").write_text("deal_id\n7\n")
    found = tables(source(files=tmp_path / "it's here", tables={"deals": "select * from 'a.csv'"}))
    assert found["deals"] == ["deal_id"]


def test_timestamps_are_utc():
    assert opened(source()).local.execute("select current_setting('TimeZone')").fetchall() == [("UTC",)]


def test_a_missing_folder_is_named(tmp_path):
    [fault] = faults(source(files=tmp_path / "nowhere"))
    assert fault == f"test: files == '{tmp_path / 'nowhere'}', must be a folder that exists"


def test_every_query_that_fails_is_told():
    found = faults(
        source(tables={"deals": "select nope from range(1)", "products": "crm.products", "invoices": "from 'no.csv'"})
    )
    assert [fault.split(": ", 2)[:2] for fault in found] == [
        ["test", "tables.deals"], ["test", "tables.products"], ["test", "tables.invoices"],
    ]  # fmt: skip
    assert "the query names a column 'nope' that is not there" in found[0]
    assert "the engine has no table 'products'" in found[1]
    assert "there is no file 'no.csv' in ." in found[2]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (
            "select nope from (select 1 as note)",
            "the query names a column 'nope' that is not there; did you mean 'note'?",
        ),
        ("select t.nope from (select 1 as a) t", "the query names a column 'nope' that is not there"),
        ("select * from nope", "the query reads a table 'nope' that is not there"),
        ("select * from s.nope", "the query reads a table 's.nope' that is not there"),
        ("select nope(1)", "the query calls a function 'nope' that the engine does not have"),
        ("select sum('a' || 'b')", "the query calls sum() with VARCHAR, which it does not take; cast that"),
        ("select x.a from (select 1 as a) t", "the query reads a table 'x' that is not there"),
        (
            "select dat_trunc('day', now())",
            "the query calls a function 'dat_trunc' that the engine does not have; did you mean 'date_trunc'?",
        ),
        (
            "select ('a' || 'b') * 2",
            "the query writes * with VARCHAR, INTEGER_LITERAL, which it does not take; cast that",
        ),
        ("select 1::itn", "the query names a type 'itn' that is not there"),
        ("select * exclude (b) from (select 1 as a)", "the query names a column 'b' that is not there"),
        (
            "select a from (select 1 as a) t join (select 2 as a) u on true",
            "the query names 'a', which is in several tables; write its table's name before it",
        ),
        ("select unnest(1)", "UNNEST() can only be applied to lists, structs and NULL, not INTEGER"),
        ("select a, count(*) from (select 1 as a)", "the query shows 'a' beside sums; add it to group by"),
    ],
)
def test_a_query_that_is_refused_is_told_in_one_sentence_without_the_engines_words(query, words):
    [fault] = faults(source(tables={"deals": query}))
    assert fault == f"test: tables.deals: {words}"


def test_what_is_neither_query_nor_table_is_told_so():
    [fault] = faults(source(tables={"deals": "selec 1"}))
    assert "'selec 1'; must be a table's name, or a query that begins with select, with or from" in fault


def test_an_unknown_engine_is_told_without_the_password():
    [fault] = faults(source(connect="orakel://me:hush-hush@host/db"))
    assert "orakel" in fault
    assert "hush-hush" not in fault
    assert "connect: orakel cannot be opened: must be duckdb, or an engine that Ibis knows" in fault


@pytest.mark.parametrize(
    ("engine", "packages"),
    [
        ("postgres", "'kpi-review[postgres]'"),
        ("postgresql", "'kpi-review[postgres]'"),
        ("snowflake", "'kpi-review[engines]' 'ibis-framework[snowflake]'"),
    ],
)
def test_an_engine_without_its_extra_is_told_what_to_install(monkeypatch, engine, packages):
    monkeypatch.setitem(sys.modules, "ibis", None)
    [fault] = faults(source(connect=f"{engine}://me:hush-hush@host/db"))
    assert fault == (
        f"test: connect: {engine} cannot be opened: its driver is not installed here; "
        f"install it with pip install {packages}"
    )


def test_a_source_of_files_is_read_without_ibis(tmp_path):
    (tmp_path / "deals.csv").write_text("deal_id,created_at\nD,2026-01-05\n")
    code = f"""
        import sys
        from pathlib import Path
        from helpers.data.staging import stage
        from helpers.params import Source
        from helpers.periods import Calendar
        source = Source(name="x", connect="duckdb://", files=Path({str(tmp_path)!r}),
                        tables={{"deals": "from 'deals.csv'"}})
        with stage(source, Calendar().period("2026Q1"), source.files) as staged:
            assert staged.engine.execute("select deal_id from deals").fetchall() == [("D",)]
        assert not {{"ibis", "sqlglot"}} & set(sys.modules)"""
    subprocess.run([sys.executable, "-c", dedent(code)], check=True, cwd=ROOT)


def test_a_database_is_only_read(tmp_path):
    with duckdb.connect(tmp_path / "all.db") as engine:
        engine.execute("create table deals as select 'x' as deal_id")
    engine = opened(source(connect=f"duckdb://{tmp_path / 'all.db'}"))
    with pytest.raises(duckdb.InvalidInputException, match="read-only"), engine.names():
        engine.local.execute("insert into deals values ('y')")


def test_an_engine_out_of_reach_is_told_in_its_own_words(tmp_path):
    [fault] = faults(source(connect=f"duckdb://{tmp_path}/no/such.db"))
    assert "no/such.db" in fault
    assert "database does not exist" in fault


def test_the_connections_secret_is_taken_out_of_every_message(monkeypatch):
    def refuse(url):
        raise OSError(f"login of me with p@ss at {url} refused")

    monkeypatch.setattr("ibis.connect", refuse)
    [fault] = faults(source(connect="postgres://me:p%40ss@host/db"))
    assert "p@ss" not in fault
    assert "p%40ss" not in fault


def test_fingerprint_follows_the_text_and_the_files(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("deal_id\n1\n")
    first = source_fingerprint(source(files=tmp_path))
    assert first == source_fingerprint(source(files=tmp_path))
    assert first != source_fingerprint(source(files=tmp_path, currency="EUR"))
    assert first != source_fingerprint(source(files=tmp_path, tables={"deals": "select 2 as a"}))
    os.utime(file, ns=(1, 1))
    assert first != source_fingerprint(source(files=tmp_path))


def test_fingerprint_of_a_duckdb_file_follows_that_file(tmp_path):
    database = tmp_path / "crm.db"
    database.write_bytes(b"a")
    first = source_fingerprint(source(connect=f"duckdb://{database}"))
    database.write_bytes(b"ab")
    assert first
    assert first != source_fingerprint(source(connect=f"duckdb://{database}"))


def test_a_database_has_no_fingerprint():
    assert source_fingerprint(source(connect="postgres://host/db")) is None
    assert source_fingerprint(source(connect="duckdb://")) is None
