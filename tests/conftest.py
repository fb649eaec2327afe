"""What all tests share: sample companies, each made once."""

import fcntl
import gc
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is imported: as the engines below, and as in every kernel

import duckdb
import pytest

from helpers.data.prepare import prepare
from helpers.data.prepared import Prepared
from helpers.params import load_review, load_source
from sample import write_sample

ROOT = Path(__file__).parents[1]


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test whose fixtures take seconds is a ``whole`` one: make test leaves it to make test-all."""
    for item in items:
        if "takes_seconds" in getattr(item, "fixturenames", ()):
            item.add_marker("whole")


@pytest.fixture(scope="session")
def takes_seconds() -> None:
    """Is asked for by fixtures that build a pack, run kernels or read a large source; marks their tests ``whole``."""


def pytest_collection() -> None:
    """Python looks for no garbage while everything is loaded."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end, so Python need not look through it again and again."""
    gc.freeze()
    gc.set_threshold(50_000)
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def engines_of_one_thread() -> Iterator[None]:
    """The workers of xdist share the cores: threads of an engine would only take turns over such small tables."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb, "connect", partial(duckdb.connect, config={"threads": 1}))
        yield


@pytest.fixture(scope="session")
def made_once(tmp_path_factory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Gives a folder that is made once for all tests and all workers of xdist: ``made_once(name, make)``.

    ``make`` fills the folder. No test may write into it.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent

    def folder(name: str, make: Callable[[Path], object]) -> Path:
        found, finished = shared / name, shared / f"{name}.finished"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # another worker may be making it
            if not finished.exists():
                found.mkdir()
                make(found)
                finished.touch()
        return found

    return folder


@pytest.fixture(scope="session")
def sample_folder(made_once) -> Callable[..., Path]:
    """Gives the folder of the sample of a size and seed."""

    def folder(customers: int = 300, seed: int = 2026) -> Path:
        return made_once(f"sample-{customers}-{seed}", lambda made: write_sample(made, customers=customers, seed=seed))

    return folder


@pytest.fixture(scope="session")
def company(sample_folder, made_once, takes_seconds) -> Path:
    """A source file of the sample company with 60 customers."""

    def write(folder: Path) -> None:
        (folder / "data").symlink_to(sample_folder(customers=60, seed=7))
        source = (ROOT / "params/sources/sample.yml").read_text().replace("../../data/sample", "data")
        (folder / "source.yml").write_text(source)

    return made_once("company", write) / "source.yml"


@pytest.fixture(scope="session")
def prepared_company(company, made_once) -> Prepared:
    """The tables of that company as prepared for 2026Q3."""
    source = load_source(company)
    period = load_review(ROOT / "params/review.yml").calendar(source).period("2026Q3")
    return Prepared.open(made_once("prepared", lambda made: prepare(source, period, currency="EUR", folder=made)))
