"""The notebooks in a real JupyterLab: a parameter is changed, all cells are run, the figure is read."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.kpis import recurring_revenue
from helpers.review import open_review
from tests.notebooks.chromium import opened_in_chromium, waited

PARAMETERS = 2  # the place of that cell
CONNECTED = "(k => k?.status == 'idle' && k.connectionStatus == 'connected')"
KERNEL = "jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel"
CELL = f".jp-Notebook .jp-Cell:nth-child({PARAMETERS}) .cm-content"
RUN_ALL = "jupyterapp.commands.execute('notebook:run-all-cells').then(() => true)"
OF_NRR = "[...document.querySelectorAll('.kpi-block')].map(b => b.innerText).find(t => t.startsWith('Net revenue ret'))"


@pytest.fixture
def lab(tmp_path, kit, environment):
    """The address of a JupyterLab on the copied kit."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = ("--no-browser", "--allow-root", "--expose-app-in-browser", "--notebook-dir=.",
                f"--ServerApp.port={port}", "--IdentityProvider.token=secret")  # fmt: skip
    told = tmp_path / "lab.log"
    with told.open("w") as log:
        server = subprocess.Popen(
            [Path(sys.executable).parent / "jupyter", "lab", *settings],
            cwd=kit, env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        waited(lambda: "Use Control-C" in told.read_text() or server.poll() is not None, "JupyterLab")
        assert server.poll() is None, told.read_text()
        yield f"http://127.0.0.1:{port}/lab/tree/notebooks/{{}}.ipynb?token=secret"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:  # it may wait for a kernel that has only begun to start
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def expected(kit, months):
    """What the block says first, from the figure that the helpers give in this process."""
    quarter = open_review(
        period="2026Q3", source=str(kit / "params/sources/sample.yml"), review="params/review.yml",
        retention_months=months,
    )  # fmt: skip
    row = quarter.compute(recurring_revenue).now("nrr")
    return f"{row['value']:.1%} over {months} months"


@pytest.mark.browser
def test_a_changed_parameter_changes_the_block_and_is_announced_above_it(lab, kit, tmp_path):
    year, half = expected(kit, 12), expected(kit, 6)
    assert year[:5] != half[:5]
    with opened_in_chromium(lab.format("recurring_revenue"), tmp_path) as page:
        page.wait_for(f"document.querySelector('{CELL}') !== null")
        page.click(".jp-Notebook .jp-Cell")
        page.wait_for(f"{CONNECTED}({KERNEL})")
        page.says(RUN_ALL)
        assert year in page.wait_for(OF_NRR)
        assert "Results, 2026Q3" in page.says("document.querySelector('.kpi-table').innerText")
        assert page.says("document.querySelectorAll('.jp-RenderedText[data-mime-type$=stderr]').length") == 0

        source = "jupyterapp.shell.currentWidget.content.widgets[1].model.sharedModel.getSource()"
        written = page.says(source)
        page.click(CELL)
        page.replace_text(written.replace("= 12", "= 6"))
        assert page.says(source) == written.replace("= 12", "= 6") != written
        page.says(RUN_ALL)
        assert half in page.wait_for(OF_NRR)
        first = page.says("document.querySelector('.kpi-note, .kpi-table, .kpi-block').innerText")
        assert first == "retention_months is 6 here, 12 in review.yml."
