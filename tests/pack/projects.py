"""A small project folder of its own, and the console script run in it as a user would run it."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import nbformat
import pytest

from helpers import cli
from tests.pack.requests import ROOT

SCRIPT = Path(sys.executable).parent / "kpi-review"
REVIEW = "company: Fine Co\ncurrency: EUR\ntimezone: Europe/Berlin\nthemes: {new_revenue: {}}\n"
PARAMETERS = 'period: str = "2026Q3"\nsource: str = "s"\nreview: str = "r"\nas_of: str | None = None\n'
BUILD = ("build", "--period", "2026Q3", "--source", "params/books.yml")


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.err.splitlines()


@dataclass(frozen=True)
class Project:
    """A project folder with one theme and a source of a dozen customers."""

    folder: Path

    def write(self, path: str, text: str | bytes) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    def source(self, tables: str, **more: str) -> None:
        """``params/books.yml`` with these tables; what ``more`` gives as empty is left out."""
        fields = {"name": "Books", "connect": "duckdb://", "files": "../data", "timezone": "UTC", "currency": "EUR"}
        lines = [f"{name}: {value}" for name, value in {**fields, **more}.items() if value]
        self.write("params/books.yml", "\n".join([*lines, "tables:", tables]))

    def notebook(self, theme: str, code: str) -> None:
        """``notebooks/THEME.ipynb`` with one cell beside its parameters."""
        parameters = nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
        cells = [nbformat.v4.new_markdown_cell("# Theme"), parameters, nbformat.v4.new_code_cell(code)]
        self.write(f"notebooks/{theme}.ipynb", nbformat.writes(nbformat.v4.new_notebook(cells=cells)))

    def draft(self, name: str = "reports") -> Path:
        """A whole draft of an earlier build, so small that a look tells whether it is as it was."""
        self.write(f"{name}/.builds/2026Q3-20260101T000000000000/pack/pack.html", "the old pack")
        link = self.folder / name / "2026Q3"
        link.symlink_to(".builds/2026Q3-20260101T000000000000/pack")
        return link

    def run(self, *arguments: str, **environment: str) -> Done:
        """The command in this process, from start to end: whoever raises anything but an exit status fails.

        Warnings are told as a command tells them, while they fail other tests.
        """
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.folder), patch.dict(os.environ, environment),
            warnings.catch_warnings(action="default"),
            contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as stopped,
        ):  # fmt: skip
            cli.main(list(arguments))
        return Done(int(stopped.value.code or 0), out.getvalue(), err.getvalue())

    def run_limited(self, kilobytes: int, *arguments: str) -> Done:
        """The command in a process that may write no file larger than that."""
        words = ["bash", "-c", f'ulimit -f {kilobytes}; exec "$@"', "bash", str(SCRIPT), *arguments]
        found = subprocess.run(words, cwd=self.folder, capture_output=True, text=True, timeout=300, check=False)
        return Done(found.returncode, found.stdout, found.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """The command, running; its kernels and itself carry the project's folder in their environment."""
        environment = {**os.environ, "KPI_TEST": str(self.folder)}
        return subprocess.Popen(
            [SCRIPT, *arguments], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=environment,
        )  # fmt: skip

    def processes(self) -> list[str]:
        """What still runs of what :meth:`start` started."""
        found = []
        for folder in Path("/proc").iterdir():
            try:
                if f"KPI_TEST={self.folder}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                    found.append((folder / "cmdline").read_text().replace("\0", " "))
            except (OSError, ValueError):
                continue
        return found


def project(folder: Path, data: Path) -> Project:
    """A project folder with the repository's theme ``new_revenue`` and data of a sample company."""
    made = Project(folder)
    (folder / "data").symlink_to(data)
    (folder / "notebooks").mkdir()
    (folder / "notebooks/new_revenue.ipynb").symlink_to(ROOT / "notebooks/new_revenue.ipynb")
    for name in ("helpers", "templates"):
        (folder / name).symlink_to(ROOT / name)
    made.write("params/review.yml", REVIEW)
    names = ("customers", "subscriptions", "deals", "stage_history", "products", "fx_rates", "invoices")
    made.source("\n".join(f"  {name}: select * from read_parquet('{name}.parquet')" for name in names))
    return made


def changeable_root(folder: Path) -> Path:
    """A folder with a copy of the notebooks and templates, and with the kit itself."""
    for name in ("notebooks", "templates"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "helpers").symlink_to(ROOT / "helpers")
    return folder


def wait_for(what: Callable[[], object], seconds: float = 60) -> None:
    """Until it holds, or an assertion that fails."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)
