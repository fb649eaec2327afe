"""A copy of what an analyst works on in JupyterLab, over the company of 60 customers."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def kit(tmp_path, company) -> Path:
    """The notebooks run in it as they stand, and whatever a test changes in it is its own."""
    folder = tmp_path / "kit"
    for name in ("helpers", "notebooks", "params"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    source = folder / "params/sources/sample.yml"
    source.write_text(source.read_text().replace("../../data/sample", str(company.parent / "data")))
    return folder


@pytest.fixture
def environment(tmp_path, kit) -> dict[str, str]:
    """The environment of a kernel or a server that runs in the copy, with a home of its own."""
    home = tmp_path / "home"
    home.mkdir()
    folders = dict.fromkeys(("HOME", "JUPYTER_CONFIG_DIR", "XDG_CACHE_HOME"), str(home))
    return {**os.environ, **folders, "PYTHONPATH": str(kit)}
