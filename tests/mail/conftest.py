"""Packs to send: the sample company's, one of a correction, and a hostile one; each is made once."""

# ruff: noqa: F811 - a test names a fixture that comes from another folder

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import trustme

from helpers.pack.verify import Opened
from tests.mail.bodies import pack_in
from tests.pack.conftest import build, built, dozen, drafted, hostile_build, warm, with_audiences  # noqa: F401 - fixtures
from tests.pack.projects import BUILD, Project, project

TABLES = ("customers", "subscriptions", "deals", "stage_history", "products", "fx_rates", "invoices")
SAID = "---\nauthor: Mara\ndate: 2026-10-12\n---\nBookings are {{ new_revenue }}.\n\n## Asked of the board\n\nAgree."
REASON = "A price was booked half"


@pytest.fixture(scope="session")
def sample(built) -> Opened:
    """The draft of the sample company, all themes of it."""
    return pack_in(built.folder)


@pytest.fixture(scope="session")
def corrected(made_once, dozen, warm) -> Path:
    """A project whose 2026Q3 was published, and again with every deal twice as large."""

    def make(folder: Path) -> None:
        books = project(folder, dozen)
        books.write("params/commentary/2026Q3/summary.md", SAID)
        assert books.run(*BUILD).status == 0
        assert books.run("publish", "2026Q3").status == 0
        tables = {name: f"from '{name}.parquet'" for name in TABLES}
        tables["deals"] = "select * replace (2 * amount as amount) from 'deals.parquet'"
        books.source("\n".join(f"  {name}: {query}" for name, query in tables.items()))
        assert books.run(*BUILD).status == 0
        assert books.run("publish", "2026Q3", "--correct", REASON).status == 0

    return made_once("corrected", make)


@pytest.fixture
def books(tmp_path, corrected) -> Project:
    """A copy of that project, which a test may change."""
    shutil.copytree(corrected, tmp_path / "books", symlinks=True)
    return Project(tmp_path / "books")


@pytest.fixture(scope="session")
def hostile(hostile_build) -> Opened:
    """A draft of the company whose every name and text is hostile."""
    return pack_in(hostile_build[0])


@pytest.fixture(scope="session")
def authority():
    """A certificate authority."""
    return trustme.CA()


@pytest.fixture
def trusted(authority, tmp_path, monkeypatch):
    """The authority, which this test's clients trust as the one of a company."""
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    return authority
