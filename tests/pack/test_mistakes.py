"""A user's mistakes, through the console script: one message per fault, exit status 1, nothing half-written.

What the command line alone refuses is in ``tests/unit/test_cli.py``; stops from outside are in ``test_stops.py``.
"""

import random
import socket
from functools import partial

import pytest
from PIL import Image

from tests.pack.projects import BUILD, REVIEW


@pytest.fixture
def refused(books):
    """Runs a build over an earlier draft, and gives its messages once all that must hold of a mistake holds."""

    def call(*arguments, limit=None, **environment):
        link = books.draft()
        run = partial(books.run_limited, limit) if limit else partial(books.run, **environment)
        done = run(*BUILD, *arguments)
        assert done.status == 1
        assert done.out == ""
        assert "Traceback" not in done.err
        assert (link / "pack.html").read_text() == "the old pack"
        assert [path.name for path in (books.folder / "reports/.builds").iterdir()] == [link.readlink().parts[1]]
        return done.lines

    return call


# --- parameters, periods ----------------------------------------------------------------------------------------------


def test_misspelt_parameters_are_told_together(books, refused):
    books.write("params/review.yml", REVIEW.replace("{}", "{basi: acv}"))
    assert refused() == ["params/review.yml: themes.new_revenue.basi is not known; did you mean 'basis'?"]


def test_misspelt_settings_are_told_together(books, refused):
    told = refused("--set", "new_revenue.bases=acv", "new_revenue.basis=tvc", "rules.grace_day=3")
    assert told == [
        "--set new_revenue.bases is not known; did you mean 'basis'?",
        "--set new_revenue.basis == \"tvc\", must be one of 'acv', 'tcv', 'mrr'",
        "--set rules.grace_day is not known; did you mean 'grace_days'?",
    ]


def test_a_period_that_is_none_and_an_as_of_before_it(refused):
    told = refused("--period", "Q3/2026", "--as-of", "2026-06-30")
    assert len(told) == 2
    assert told[0].startswith(
        "as-of 2026-06-30 lies before 2026Q3 (2026-07-01 to 2026-09-30); give a day of the period"
    )
    assert told[1].startswith("period 'Q3/2026' is not a period; expected a quarter (2026Q3")


# --- the source's file ------------------------------------------------------------------------------------------------


def test_no_source_file(books):
    done = books.run("build", "--period", "2026Q3", "--source", "params/bokos.yml")
    assert (done.status, done.lines) == (1, ["params/bokos.yml cannot be read: No such file or directory"])
    assert not (books.folder / "reports").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("name: [x\ntables: y\n", "params/books.yml, line 2 is not YAML: "),
        ("just words", "params/books.yml is a single value, must be a mapping of names to values"),
        (b"\xff\xfe\x00\x01", "params/books.yml is not plain text; save it as YAML in UTF-8"),
        ("", "params/books.yml is empty, must be a mapping of names to values"),
    ],
)
def test_a_source_file_that_is_not_yaml(books, refused, content, told):
    books.write("params/books.yml", content)
    [message] = refused()
    assert message.startswith(told)


# --- the engine -------------------------------------------------------------------------------------------------------


def test_an_engine_that_there_is_not(books, refused):
    books.source("  deals: deals", connect="postgress://me:hunter2@db/sales")
    assert refused() == [
        "2026Q3: params/books.yml: connect: postgress cannot be opened: must be duckdb, or an engine that Ibis knows; "
        "did you mean 'postgres'?"
    ]


def test_an_engine_whose_driver_is_not_installed(books, refused):
    books.source("  deals: deals", connect="mysql://me:hunter2@db/sales")
    assert refused() == [
        "2026Q3: params/books.yml: connect: mysql cannot be opened: its driver is not installed here; "
        "install it with pip install 'kpi-review[engines]' 'ibis-framework[mysql]'"
    ]


def test_an_engine_out_of_reach(books, refused):
    with socket.socket() as taken:  # a port that is bound and not listened on refuses every connection
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        books.source("  deals: deals", connect=f"'postgres://me:${{DB_PASSWORD}}@127.0.0.1:{port}/sales'")
        [message] = refused(DB_PASSWORD="hunter2")
    assert message.startswith("2026Q3: params/books.yml: connect: postgres cannot be opened: ")
    assert f"port {port} failed: Connection refused" in message
    assert "hunter2" not in message


@pytest.mark.parametrize("password", ["hunter#2", "hunter/2", "hunter?2", "hunter[2"])
def test_a_password_that_breaks_the_url_is_not_shown(books, refused, password):
    books.source("  deals: deals", connect="'postgres://me:${DB_PASSWORD}@127.0.0.1/sales'")
    [message] = refused(DB_PASSWORD=password)
    assert message.startswith("params/books.yml: connect is not a URL that can be read; in a password write %23 for #")
    assert "hunter" not in message


def test_a_secret_in_a_query_is_in_no_message(books, refused):
    books.source("  deals: select * from read_csv('${SHARE}/deals.csv')")
    [message] = refused(SHARE="/share/hunter2")
    assert "tables.deals" in message
    assert "${SHARE}/deals.csv" in message
    assert "hunter2" not in message


# --- queries, columns, rows -------------------------------------------------------------------------------------------

DEALS = "select {} from read_parquet('deals.parquet')"


def test_every_query_that_the_engine_refuses_is_told_in_our_words(books, refused):
    books.source(
        "  customers: select * fro read_parquet('customers.parquet')\n"
        f"  deals: {DEALS.format('dael_id')}\n"
        "  products: select * from read_parquet('product.parquet')\n"
        "  invoices: invoice"
    )
    told = refused()
    assert [message.split(": ")[2] for message in told] == [
        "tables.customers", "tables.deals", "tables.products", "tables.invoices",
    ]  # fmt: skip
    assert "the query cannot be read from 'read_parquet' on; correct what stands there or before" in told[0]
    assert "the query names a column 'dael_id' that is not there; did you mean 'deal_id'?" in told[1]
    assert "there is no file 'product.parquet' in the source's files" in told[2]
    assert "the engine has no table 'invoice'; must be a table's name, or a query that begins with" in told[3]


def test_a_query_that_fails_on_its_rows(books, refused):
    books.source(f"  deals: {DEALS.format('* replace (cast(owner as double) as amount)')}")
    [message] = refused()
    assert message.startswith("2026Q3: params/books.yml: tables.deals: the query takes '")
    assert message.endswith("' for DOUBLE, which it is not; correct the value, or say what it means")


def test_columns_of_wrong_types_names_and_zones_are_told_together(books, refused):
    books.source(
        "  customers: select * replace ('x' as is_test) from read_parquet('customers.parquet')\n"
        f"  deals: {DEALS.format('* exclude (deal_id) replace (cast(closed_at as timestamp) as closed_at), 1 as nr')}",
        timezone="",
    )
    told = [message.removeprefix("2026Q3: params/books.yml: tables.") for message in refused()]
    assert len(told) == 4
    assert told[0].startswith("customers: is_test: 'x' is not yes or no (")
    assert told[1].startswith("deals: deal_id is missing; the query gives ")
    assert told[2].startswith("deals: nr is not a column of deals")
    assert told[3] == (
        "deals: closed_at is a timestamp without a time zone; say which it is in with timezone: in the source, such as "
        "timezone: Europe/Berlin"
    )


def test_more_than_one_key_in_a_hundred_of_two_contents(books, refused):
    rows = "select 'd' || i as deal_id, timestamptz '2026-07-01' as created_at, 100 as amount from range({}) t(i)"
    books.source(f"  deals: {rows.format(200)} union all {rows.format(3).replace('100', '101')}")
    assert refused() == [
        "2026Q3: params/books.yml: tables.deals: 3 of 200 keys (deal_id) have rows of different content, must be at "
        "most 1 %; give updated_at, so that the newest is kept, or one row per key"
    ]


def test_commentary_that_is_not_text_and_that_belongs_nowhere(books, refused):
    books.write("params/commentary/2026Q3/summary.md", "All is\nwell in Gr\xfcnau.".encode("latin-1"))
    books.write("params/commentary/2026Q3/new_revenu.md", "{{ new_revenu }}")
    assert refused() == [
        f"2026Q3: params/commentary/2026Q3/{told}"
        for told in (
            "new_revenu.md belongs to no page of this pack; did you mean 'new_revenue'?",
            "new_revenu.md: {{ new_revenu }} is not a KPI; did you mean 'new_revenue'?",
            "summary.md, line 2 is not plain text in UTF-8; save it again in that encoding",
        )
    ]


# --- where the pack goes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_something_else_in_the_place_of_the_draft_stays(books, kind):
    books.write("reports/2026Q3/mine.txt" if kind == "folder" else "reports/2026Q3", "mine")
    done = books.run(*BUILD)
    assert (done.status, done.lines) == (1, [
        f"2026Q3: reports/2026Q3 is a {kind}, must be the link to the newest build, which a build makes itself; "
        f"move that {kind} away or name another folder with --out"
    ])  # fmt: skip
    [kept] = [path for path in (books.folder / "reports").rglob("*") if path.is_file()]
    assert kept.read_text() == "mine"


@pytest.mark.parametrize(
    ("out", "reason"),
    [("taken", "Not a directory"), ("taken/below", "Not a directory"), ("/proc/kpi", "No such file or directory")],
)
def test_a_folder_that_cannot_be_made(books, out, reason):
    books.write("taken", "a file")
    done = books.run(*BUILD, "--out", out)
    assert (done.status, done.lines) == (1, [
        f"2026Q3: {out} cannot be written: {reason}; make room, or name another folder with --out; no draft was changed"
    ])  # fmt: skip
    assert (books.folder / "taken").read_text() == "a file"


@pytest.mark.whole
def test_a_disk_that_is_full_while_the_source_is_read(refused):
    [message] = refused(limit=1)
    assert message.startswith("2026Q3: reports cannot be written: ")
    assert "File too large; make room, or name another folder with --out; no draft was changed" in message


@pytest.mark.whole
@pytest.mark.parametrize("command", ["check", "sql"])
def test_a_disk_that_is_full_where_temporary_files_go(books, command, monkeypatch):
    """DuckDB, which writes them, says so in an error of its own kind."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(books.folder / "cache"))
    words = ["check", *BUILD[1:]] if command == "check" else ["sql", "new_revenue", "--source", BUILD[-1]]
    done = books.run_limited(1, *words)
    assert done.status == 1
    told = done.lines[-1]
    assert "File too large; make room there, or name another folder for temporary files in TMPDIR" in told
    assert "Traceback" not in done.err


@pytest.mark.slow
def test_a_disk_that_is_full_while_notebooks_run_and_while_pages_are_made(books, refused):
    noise = Image.frombytes("L", (1000, 1000), random.Random(1).randbytes(1_000_000))
    noise.save(books.folder / "params/logo.png")  # makes the page larger than any file before it
    books.write("params/review.yml", REVIEW + "brand: {logo: logo.png}\n")
    assert books.run(*BUILD, "--out", "whole").status == 0
    size = {path.name: path.stat().st_size // 1024 for path in (books.folder / "whole/.builds").rglob("*")}
    rows = max(kilobytes for name, kilobytes in size.items() if name.endswith((".parquet", ".json")))
    notebook, page = size["new_revenue.ipynb"], size["pack.html"]
    assert rows + 2 < notebook
    assert notebook + 2 < page
    in_notebooks = refused(limit=rows + 2)
    assert in_notebooks[0] == "2026Q3: prepare done"
    (books.folder / "reports/2026Q3").unlink()
    in_pages = refused(limit=notebook + 2)
    assert in_pages[:2] == ["2026Q3: prepare done", "2026Q3: new_revenue done"]
    for told in (in_notebooks, in_pages):
        assert told[-1] == (
            "2026Q3: reports cannot be written: File too large; make room, or name another folder with --out; "
            "no draft was changed"
        )
