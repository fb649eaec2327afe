"""Every command of the README is run as a newcomer would: in a fresh clone, with an empty home."""

import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
import yaml

from helpers.params import CANONICAL_TABLES

ROOT = Path(__file__).parents[2]
EXPORTS = ROOT.parent / "shared/data/connector_exports"
README = (ROOT / "README.md").read_text(encoding="utf-8")
BY_CI = ("make test", "make test-all", "make check")  # .ci/run calls these itself


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines() if line.strip()]


def test_pictures_and_linked_files_are_there():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert "://" in target or (ROOT / target).exists(), target


def test_the_source_shown_is_a_source():
    (shown,) = blocks("yaml")
    source = yaml.safe_load(shown)
    assert source["tables"].keys() <= set(CANONICAL_TABLES)
    assert source.keys() <= {"name", "connect", "files", "timezone", "currency", "tables"}


def test_the_functions_shown_exist():
    from helpers.kpis.recurring_revenue import mrr_movements, quick_ratio
    from helpers.review import OpenReview, open_review

    assert all(callable(f) for f in (open_review, OpenReview.compute, OpenReview.blocks, mrr_movements, quick_ratio))


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("newcomer")
    subprocess.run(["git", "clone", "-q", ROOT, folder / "kit"], check=True)
    (folder / "home").mkdir()
    (folder / "home/exports").symlink_to(EXPORTS)
    return folder / "kit"


def run(clone: Path, command: str, **more: object) -> subprocess.CompletedProcess[str]:
    keep = ("PATH", "LANG", "TMPDIR")
    settings = {name: value for name, value in os.environ.items() if name in keep or name.startswith(("PIP_", "SSL_"))}
    environment = {**settings, "HOME": str(clone.parent / "home")}
    return subprocess.run(command, shell=True, cwd=clone, env=environment, text=True, capture_output=True, **more)


@pytest.mark.slow
def test_two_commands_make_a_pack(clone):
    assert commands()[0] == "make pack"
    done = run(clone, "make pack")
    assert done.returncode == 0, done.stderr
    html, pdf, workbook = (Path(line) for line in done.stdout.splitlines()[-3:])
    assert (clone / html).name == "pack.html"
    assert (clone / pdf).read_bytes().startswith(b"%PDF")
    assert (clone / workbook).read_bytes().startswith(b"PK")
    assert run(clone, "git status --porcelain").stdout == ""


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in commands()[1:] if c not in (*BY_CI, "make lab", "make bench")])
def test_command_works(clone, command):
    if not EXPORTS.is_dir() and ("~/exports" in command or "stripe_hubspot_zendesk" in command):
        pytest.skip(f"{EXPORTS} is not there")
    done = run(clone, command)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_make_bench_prints_ratios_and_goals(clone):
    done = run(clone, "make bench ROUNDS=1 EVENTS=300000 COPIES=1 BEFORE=")
    assert done.returncode == 0, done.stderr
    assert re.search(r"events / SQL written by hand +\d+\.\d\d x +goal 1\.30  (not )?reached", done.stdout)


@pytest.mark.slow
def test_make_lab_opens_jupyterlab_on_a_notebook(clone):
    home = clone.parent / "home"
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "JUPYTER_CONFIG_DIR": str(home)}
    (home / "jupyter_server_config.py").write_text("c.ServerApp.allow_root = True\nc.ServerApp.open_browser = False\n")
    with (home / "lab.log").open("w") as log:
        lab = subprocess.Popen(
            ["make", "lab"], cwd=clone, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        page = opened_in_a_browser(home, lab)
        address = re.search(r'href="(http://[^"]+/lab/tree/notebooks/recurring_revenue\.ipynb\?token=\w+)"', page)
        assert address, page or (home / "lab.log").read_text()
        with urllib.request.urlopen(address[1], timeout=30) as answer:
            assert "JupyterLab" in answer.read().decode()
    finally:
        os.killpg(lab.pid, signal.SIGTERM)
        lab.wait(20)
    shutil.rmtree(home)


def opened_in_a_browser(home: Path, lab: subprocess.Popen[bytes]) -> str:
    """The page that the server writes for the browser, which leads on to the notebook."""
    for _ in range(120):
        for page in home.glob(".local/share/jupyter/runtime/jpserver-file-to-run-*-open.html"):
            if "Use Control-C" in (home / "lab.log").read_text():
                return page.read_text()
        if lab.poll() is not None:
            break
        time.sleep(0.5)
    return ""
