"""The same queries on Postgres: what lands in a warehouse gives the rows that the exports as files give."""

import re
import subprocess
import sys
from itertools import product
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import psycopg
import pytest

from helpers import cli
from helpers.data.new_source import Place, write_source
from tests.postgres import PASSWORD, programs, running_server
from tests.unit.data.test_new_source import EXPORTS, rows_of, write_exports

ROOT = Path(__file__).parents[3]
TIME = r"\d{4}-\d\d-\d\d[ T]\d{1,2}:\d\d:\d\d.*"
LANDED = (("boolean", r"(?i:true|false)"), ("timestamptz", TIME), ("bigint", r"-?\d{1,18}"), ("numeric", r"-?\d+\.\d+"))
TIMES = re.compile(r"(created|updated|start|end|_at|_date|cancel_at|date|resolved)$")

URL = "postgres://kit:${DB_PASSWORD}@127.0.0.1"

pytestmark = [
    pytest.mark.database,
    pytest.mark.skipif(not programs(), reason="no initdb of a Postgres server is installed"),
]


@pytest.fixture(scope="module")
def warehouses(tmp_path_factory):
    """Two databases as the tools land in them: the exports of others, and the made-up ones of test_new_source."""
    made_up = write_exports(tmp_path_factory.mktemp("exports"))
    folders = {"made_up": made_up, **({"exports": EXPORTS} if EXPORTS.is_dir() else {})}
    with running_server() as port, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DB_PASSWORD", quote(PASSWORD, safe=""))
        yield {name: (folder, land(port, name, folder)) for name, folder in folders.items()}


def land(port: int, name: str, folder: Path) -> str:
    """A database of the folder's files: one schema per tool, one table per file, typed as its values look."""
    server = {"host": "127.0.0.1", "port": port, "user": "kit", "password": PASSWORD}
    with psycopg.connect(**server, dbname="postgres", autocommit=True) as connection:
        connection.execute(f"create database {name}")
    with psycopg.connect(**server, dbname=name) as connection:
        connection.execute("set timezone = 'UTC'")
        for file in sorted(folder.rglob("*.csv")):
            schema = file.parent.name
            table = file.stem.removeprefix("sf_").removesuffix("_data")
            connection.execute(f'create schema if not exists "{schema}"')
            _copy(connection, f'"{schema}"."{table}"', file)
    return f"{URL}:{port}/{name}"


def _copy(connection, table: str, file: Path) -> None:
    values = pd.read_csv(file, dtype=str)
    columns = ", ".join(f'"{name}" {_type(name, values[name].dropna())}' for name in values)
    connection.execute(f"create table {table} ({columns})")
    with connection.cursor().copy(f"copy {table} from stdin") as copy:
        for row in values.itertuples(index=False):
            copy.write_row([None if pd.isna(value) else value for value in row])


def _type(name: str, values: pd.Series) -> str:
    """How a column lands: numbers, times and flags as such, ids that are numbers too."""
    if values.empty:
        return "timestamptz" if TIMES.search(name) else "text"
    return next((kind for kind, form in LANDED if values.str.fullmatch(form).all()), "text")


TOOLS = (
    "stripe", "hubspot", "salesforce", "zendesk", "jira", "stripe+hubspot+zendesk", "salesforce+stripe+zendesk",
)  # fmt: skip
PLACES = [("made_up", "segment"), *product(("made_up", "exports"), TOOLS)]  # the exports hold nothing of Segment


@pytest.mark.parametrize(("where", "tools"), PLACES)
def test_the_warehouse_gives_the_rows_that_the_files_give(warehouses, tmp_path, where, tools):
    if where not in warehouses:
        pytest.skip(f"{EXPORTS} is not there")
    folder, url = warehouses[where]
    from_files = rows_of(
        write_source(tools, Place("duckdb://", folder, "Europe/Berlin", "USD"), tmp_path / "files.yml")
    )
    from_tables = rows_of(write_source(tools, Place(url, None, "Europe/Berlin", "USD"), tmp_path / "tables.yml"))
    assert from_files.keys() == from_tables.keys()
    for name in from_files:
        pd.testing.assert_frame_equal(from_files[name], from_tables[name], obj=f"{tools}: {name}")
    assert any(len(found) for found in from_files.values())


@pytest.fixture
def reader(warehouses, tmp_path, monkeypatch):
    """A source file for the made-up company's database, written by the command, its password in the environment."""
    monkeypatch.chdir(ROOT)
    url = warehouses["made_up"][1]
    path = tmp_path / "warehouse.yml"
    place = ("--connect", url, "--timezone", "Europe/Berlin", "--currency", "EUR", "--out", str(path))
    assert run("new-source", "stripe+hubspot+zendesk+jira+segment", *place) == 0
    assert f"connect: {url}\n" in path.read_text()
    return path


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        cli.main(list(arguments))
    return stopped.value.code or 0


def test_from_a_warehouse_to_what_its_data_gives(reader, capsys):
    assert run("check", "--period", "2026Q3", "--source", str(reader)) == 0
    out, err = capsys.readouterr()
    assert f"Next: kpi-review build --period 2026Q3 --source {reader}" in out
    assert re.search(r"^subscriptions +11 +11 +0 ", out, re.MULTILINE)  # as many as the files give, all used
    assert not any(secret in out + err for secret in (PASSWORD, quote(PASSWORD, safe="")))


@pytest.mark.slow
def test_from_a_warehouse_to_a_pack(reader, tmp_path):
    command = ["build", "--period", "2026Q3", "--source", reader, "--out", tmp_path / "reports"]
    done = subprocess.run([Path(sys.executable).parent / "kpi-review", *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not any(secret in done.stdout + done.stderr for secret in (PASSWORD, quote(PASSWORD, safe="")))
    pack = tmp_path / "reports/2026Q3"
    assert (pack / "pack.pdf").read_bytes().startswith(b"%PDF")
    assert "Stripe, HubSpot, Zendesk, Jira and Segment" in (pack / "pack.html").read_text(encoding="utf-8")
