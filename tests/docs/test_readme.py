"""Every command of the README is run as a newcomer would: in a fresh clone, with an empty home."""

import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from contextlib import nullcontext
from pathlib import Path

import duckdb
import pytest
import yaml
from PIL import Image
from typer.main import get_command

from helpers.check import check_order
from helpers.cli import app
from helpers.data.new_source import Place, write_source
from helpers.mail.recipients import load_recipients
from helpers.params import CANONICAL_TABLES
from tests.mail.servers import mail_server
from tests.pack.requests import request_of
from tests.unit.data.test_new_source import rows_of, write_exports

ROOT = Path(__file__).parents[2]
EXPORTS = ROOT.parent / "shared/data/connector_exports"
README = (ROOT / "README.md").read_text(encoding="utf-8")
BY_CI = ("make test", "make test-all", "make check")  # .ci/run calls these itself


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines() if line.strip()]


LINKED = [ROOT / target for target in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in target]


def test_pictures_and_linked_files_are_there():
    assert [target for target in LINKED if not target.exists()] == []


def test_pictures_are_1200_px_wide_and_small():
    pictures = [target for target in LINKED if target.suffix == ".png"]
    assert sorted(set(pictures)) == sorted((ROOT / "docs").glob("*.png"))
    for picture in pictures:
        with Image.open(picture) as opened:
            assert opened.width == 1200
        assert picture.stat().st_size < 150_000, picture


def test_the_example_is_a_small_pack_of_the_sample():
    html, pdf = (ROOT / "examples/2026Q3" / name for name in ("pack.html", "pack.pdf"))
    assert {html, pdf} <= set(LINKED)
    assert "<title>Talvenor – Quarterly KPI review 2026Q3" in html.read_text(encoding="utf-8")
    assert pdf.read_bytes().startswith(b"%PDF")
    assert max(html.stat().st_size, pdf.stat().st_size) < 1_600_000


def shown(key: str) -> list[dict]:
    """The files shown that have a key."""
    return [found for block in blocks("yaml") if key in (found := yaml.safe_load(block))]


def test_the_source_shown_is_a_source():
    (source,) = shown("tables")
    assert source["tables"].keys() <= set(CANONICAL_TABLES)
    assert source.keys() <= {"name", "connect", "files", "timezone", "currency", "tables"}


@pytest.mark.parametrize("way", [*shown("graph"), *shown("smtp")])
def test_the_ways_out_shown_are_right(tmp_path, way):
    written = yaml.safe_load((ROOT / "params/recipients.yml").read_text())
    del written["smtp"]
    (tmp_path / "recipients.yml").write_text(yaml.safe_dump(written | way))
    assert load_recipients(tmp_path / "recipients.yml")


def schedules() -> dict[str, str]:
    """What each schedule runs, as a shell reads it; two of them end at the first command that fails."""
    (cron,) = re.findall(r"^0 6 10 1,4,7,10 \* (.+)$", README, re.MULTILINE)
    (unit,) = blocks("ini")
    (started,) = re.findall(r"^ExecStart=/bin/sh -ec '(.+)'$", unit, re.MULTILINE)
    (workflow,) = shown("jobs")
    steps = workflow["jobs"]["draft"]["steps"]
    return {
        "cron": cron.replace("\\%", "%"),  # what cron itself takes off
        "systemd": "set -e\n" + started.replace("%%", "%"),
        "GitHub Actions": "set -e\n" + steps[-1]["run"],
    }


@pytest.mark.parametrize("name", schedules())
@pytest.mark.parametrize("build", [0, 1, 2])
def test_a_schedule_builds_the_draft_of_the_quarter_before_and_mails_it_to_reviewers(tmp_path, name, build):
    """Run with programs that only note how they are called, on 10 October; a build that fails lets nothing go out."""
    script = schedules()[name].replace("/srv/kpi-review", str(tmp_path))
    note = f'#!/bin/sh\necho "$@" >> {tmp_path}/called\n[ "$1" = build ] && exit {build}\nexit 0\n'
    clock = '#!/bin/sh\nexec /bin/date -d "2026-10-10 $2" "$3"\n'
    for path, text in ((".venv/bin/kpi-review", note), ("bin/date", clock)):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
        (tmp_path / path).chmod(0o755)
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, env={"PATH": path}, check=False)
    called = (tmp_path / "called").read_text().splitlines()
    sent = ["send 2026Q3 --list reviewers --draft"] if build == 0 else []
    assert called == ["build --period 2026Q3 --source params/sources/yours.yml", *sent]
    assert (done.returncode == 0) == (build == 0)
    for words in called:  # as the command line takes them
        command, *arguments = words.split()
        get_command(app).commands[command].make_context(command, arguments)
    assert "reviewers" in load_recipients(ROOT / "params/recipients.yml").lists


def test_the_functions_shown_exist():
    from helpers.kpis.recurring_revenue import mrr_movements, quick_ratio
    from helpers.review import OpenReview, open_review

    assert all(callable(f) for f in (open_review, OpenReview.compute, OpenReview.blocks, mrr_movements, quick_ratio))


def table_of_tools() -> list[tuple[str, str, str]]:
    """What the README says that tools give: their names, the themes with figures, and how many KPIs of how many."""
    return re.findall(r"^\| [\w ,]+: `([a-z+]+)` \| (.+?) \| (\d+ of \d+) \|$", README, re.MULTILINE)


def sample_of(tools: str, sample: Path, folder: Path) -> Path:
    """A source of the sample company cut to the tables and columns that tools give, with exchange rates."""
    place = Place("duckdb://", write_exports(folder / "exports"), "Europe/Berlin", "EUR")
    given = {
        name: {*found.columns[found.notna().any()], *(["occurred_at"] if name == "events" else [])}
        for name, found in rows_of(write_source(tools, place, folder / "tools.yml")).items()
    }
    queries = {"fx_rates": "select * from read_parquet('fx_rates.parquet')"}
    for name, columns in given.items():
        own = duckdb.sql(f"from read_parquet('{sample / name}.parquet') limit 0").columns
        queries[name] = f"select {', '.join(c for c in own if c in columns)} from read_parquet('{name}.parquet')"
    source = {
        "name": "Cut",
        "connect": "duckdb://",
        "files": str(sample),
        "timezone": "Europe/Berlin",
        "currency": "EUR",
    }
    (folder / "source.yml").write_text(yaml.safe_dump({**source, "tables": queries}))
    return folder / "source.yml"


def test_the_table_of_tools_is_found():
    assert [tools for tools, *_ in table_of_tools()][:2] == ["stripe", "hubspot"]


@pytest.mark.slow
@pytest.mark.parametrize(("tools", "themes", "in_all"), table_of_tools())
def test_tools_give_the_figures_that_the_table_says(tools, themes, in_all, sample_folder, tmp_path):
    order = request_of(sample_of(tools, sample_folder(), tmp_path))
    held = check_order(order, lambda step: None).held()[0]["table"]["rows"]
    assert themes == ", ".join(f"{theme} {have} of {of}" for theme, have, of, _ in held if have != "0")
    assert in_all == f"{sum(int(have) for _, have, *_ in held)} of {sum(int(of) for _, _, of, _ in held)}"


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
    with mail_server(port=1025) if " send " in command else nullcontext() as server:
        done = run(clone, command)
    assert done.returncode == 0, done.stderr
    if server and "--dry-run" not in command and "--status" not in command:
        assert server.reached


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
