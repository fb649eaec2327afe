"""One small sample company and one pack of it for all tests of this folder."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from pypdf import PdfReader

from helpers.data.pseudonyms import VARIABLE
from helpers.pack import warm_kernels
from helpers.pack.build import Built, build_pack
from helpers.pack.request import BuildRequest
from helpers.pack.run import Kernels
from helpers.pack.warm_kernels import WarmProcess, warm_process
from tests.pack.audiences import BOARD, KEY, audience_request, most_frequent_owner
from tests.pack.hostile import add_table_of_all, write_company
from tests.pack.projects import BUILD, Project, changeable_root, project
from tests.pack.requests import ROOT, request_of


@pytest.fixture(scope="session")
def warm(takes_seconds) -> Iterator[WarmProcess | None]:
    """The process that the kernels of all builds are forked from, those of commands too."""
    with warm_process() as found, pytest.MonkeyPatch.context() as patch:
        patch.setattr(warm_kernels, "warm_process", lambda: nullcontext(found))
        yield found


@pytest.fixture(scope="session")
def build(warm) -> Callable[..., Built]:
    """Builds the pack of a request in a folder: ``build(request, out)``."""

    def call(request: BuildRequest, out: Path) -> Built:
        with Kernels(2, warm) as kernels:
            return build_pack(request, out=out, kernels=kernels, say=lambda step: None)

    return call


@pytest.fixture(scope="session")
def built(company, made_once, build) -> Built:
    """The pack of the sample company, as `kpi-review build --deck` makes it: one for all workers."""

    def keep(out: Path) -> None:
        order = replace(request_of(company), deck=True)
        (out / "built.pickle").write_bytes(pickle.dumps(build(order, out)))

    return pickle.loads((made_once("reports", keep) / "built.pickle").read_bytes())


@pytest.fixture(scope="session")
def pdf_pages(built, made_once) -> list[str]:
    """The text of each page of that pack's PDF, with single blanks."""

    def keep(folder: Path) -> None:
        pages = PdfReader(built.folder / "pack.pdf").pages
        texts = [" ".join(page.extract_text().split()) for page in pages]
        (folder / "pages.json").write_text(json.dumps(texts))

    return json.loads((made_once("pdf_pages", keep) / "pages.json").read_text())


@pytest.fixture(scope="session")
def dozen(sample_folder) -> Path:
    """The sample company with 12 customers, as Parquet."""
    return sample_folder(customers=12, seed=3)


@pytest.fixture
def books(tmp_path, dozen) -> Project:
    """A user's project over the company with 12 customers."""
    return project(tmp_path, dozen)


@pytest.fixture(scope="session")
def drafted(made_once, dozen, warm) -> Path:
    """Such a project with a draft of 2026Q3, which no test writes to."""

    def make(folder: Path) -> None:
        done = project(folder, dozen).run(*BUILD)
        assert done.status == 0, done.err

    return made_once("drafted", make)


@pytest.fixture(scope="session")
def with_audiences(made_once, build, company) -> Path:
    """A pack for a board that sees no names, and for the owner of some customers, who sees those alone."""
    mine = {"themes": ["inactive_customers"], "rows": f"owner = '{most_frequent_owner(company)}'"}
    by = "---\nauthor: Head of finance\ndate: 2026-10-12\n---\n"
    said = {
        "summary.md": f"{by}Net new MRR is {{{{ net_new_mrr }}}}.",
        "mara/summary.md": f"{by}Call every one of them.",
        "mara/inactive_customers.md": f"{by}We call every one of them.",
    }

    def make(folder: Path) -> None:
        request = audience_request(company, folder / "params", {"board": BOARD, "mara": mine}, commentary=said)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(VARIABLE, KEY)
            assert build(request, folder / "out").exit_status == 0

    return (made_once("audiences", make) / "out/2026Q3").resolve()


@pytest.fixture(scope="session")
def hostile_build(made_once, warm) -> tuple[Path, list[str]]:
    """The draft of the company whose every name and text is hostile, and the lines that its build said."""

    def make(folder: Path) -> None:
        made = write_company(folder)
        add_table_of_all(made)
        for theme in ("pipeline_conversion", "recurring_revenue"):
            (made.folder / f"notebooks/{theme}.ipynb").symlink_to(ROOT / f"notebooks/{theme}.ipynb")
        done = made.run(*BUILD)
        assert done.status == 0, done.err
        (folder / "said.txt").write_text(done.err, encoding="utf-8")

    folder = made_once("hostile", make)
    return folder / "project/reports/2026Q3", (folder / "said.txt").read_text(encoding="utf-8").splitlines()


@pytest.fixture
def changed_root(tmp_path) -> Path:
    """A copy of the notebooks and templates that a test may change."""
    return changeable_root(tmp_path)
