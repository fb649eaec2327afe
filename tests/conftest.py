"""What all tests share: sample companies, each made once."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sample import write_sample


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory) -> Callable[..., Path]:
    """Gives the folder of the sample of a size and seed, which is made once for all tests and all workers of xdist.

    No test may write into it.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent

    def folder(customers: int = 300, seed: int = 2026) -> Path:
        made = shared / f"sample-{customers}-{seed}"
        with made.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # another worker may be making it
            if not made.exists():
                write_sample(made.with_suffix(".part"), customers=customers, seed=seed)
                made.with_suffix(".part").rename(made)
        return made

    return folder
