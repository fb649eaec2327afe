"""A new theme is a folder, a notebook and a test of its own, its rows in the catalogue, and one line of the review."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from helpers import results
from tests.pack.requests import ROOT

INIT = "from helpers.kpis.support.cards import tickets_opened\n\n__all__ = ['tickets_opened']\n"
CARDS = '''
from helpers.kpis.rows import Rows


def tickets_opened(spine):
    """How many tickets were opened.

    Definition:
        Tickets that were created in the period.
    """
    spine.require("tickets")
    rows = Rows(spine, "tickets_opened")
    for answer in rows.answers:
        rows.add("tickets_opened", answer, answer["tickets_opened"], n=answer["tickets_opened"])
    return rows.done()
'''
SQL = """
-- tickets_opened_rows: the tickets that were opened in each period.
create view tickets_opened_rows as
select label, ticket_id
from period join tickets on known_day between known_from and known_until
where local_day(created_at) between starts_on and measured_on;

-- tickets_opened: how many tickets were opened in each period.
create view tickets_opened as
select label, count(ticket_id) as tickets_opened
from period left join tickets_opened_rows using (label)
group by label;
"""
ROWS = """
    "support": {
        "tickets_opened": [
            Kpi("tickets_opened", "Tickets opened", "count", "down", headline=True, judged="month",
                definition="Tickets that customers opened in the period."),
        ],
    },
"""
CELLS = (
    "quarter = open_review(period=period, source=source, review=review, as_of=as_of)",
    "results = quarter.compute(theme)\nresults",
    "quarter.blocks(results, 'tickets_opened')",
)
FOLDER = Path("helpers/kpis/support")


@pytest.fixture
def kit(tmp_path, dozen) -> Path:
    """A copy of the kit with the files of a theme ``support``, and the two lines that others need to know of it."""
    for name in ("helpers", "notebooks", "templates", "sample"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "params").mkdir()
    (tmp_path / "params/review.yml").write_text("company: A\ncurrency: EUR\nthemes:\n  support: {}\n")
    source = (ROOT / "params/sources/sample.yml").read_text().replace("../../data/sample", str(dozen))
    (tmp_path / "params/books.yml").write_text(source)
    (tmp_path / FOLDER).mkdir()
    for name, text in {"__init__.py": INIT, "cards.py": CARDS, "support.sql": SQL}.items():
        (tmp_path / FOLDER / name).write_text(text)
    notebook = json.loads((ROOT / "notebooks/recurring_revenue.ipynb").read_text())
    title, parameters, opening, computing, *_ = notebook["cells"]
    title["source"] = "# Support"
    parameters["source"] = [line for line in parameters["source"] if line.startswith(("period", "source", "review"))]
    parameters["source"] += ["as_of: str | None = None"]
    imports = "from helpers.kpis import support as theme\nfrom helpers.review import open_review\n\n"
    opening["source"], computing["source"] = imports + CELLS[0], CELLS[1]
    showing = {**computing, "id": "showing", "metadata": {}, "source": CELLS[2]}
    notebook["cells"] = [title, parameters, opening, computing, showing]
    (tmp_path / "notebooks/support.ipynb").write_text(json.dumps(notebook))
    catalogue = tmp_path / "helpers/catalogue.py"
    before = '    "kpi_alignment": {'
    catalogue.write_text(catalogue.read_text().replace(before, ROWS.lstrip("\n") + before, 1))
    return tmp_path


def build(kit: Path) -> tuple[int, str]:
    """The exit status of a build, and what it says on standard error besides its steps."""
    words = ["build", "--period", "2026Q3", "--source", "params/books.yml"]
    command = [sys.executable, "-c", "from helpers.cli import main; main()", *words]
    done = subprocess.run(
        command, cwd=kit, env={**os.environ, "PYTHONPATH": str(kit)}, capture_output=True, text=True, check=False
    )
    return done.returncode, "\n".join(line for line in done.stderr.splitlines() if not line.endswith(" done"))


def test_a_theme_of_five_places_is_built(kit, dozen):
    """The tickets of the third quarter, counted in the source's file by Berlin's days."""
    assert build(kit) == (0, "")
    figures = results.read_csv(kit / "reports/2026Q3/results.csv")
    now = figures[figures["period"] == "2026Q3"].iloc[0]
    opened = duckdb.sql(f"""
        select count(*) from '{dozen}/tickets.parquet'
        where cast(timezone('Europe/Berlin', created_at) as date) between '2026-07-01' and '2026-09-30'
    """).fetchone()[0]
    assert (now["kpi_id"], now["label"], now["value"]) == ("tickets_opened", "Tickets opened", opened)
    page = (kit / "reports/2026Q3/pack.html").read_text()
    assert "Tickets that customers opened in the period." in page
    assert "create view tickets_opened_rows as" in page


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            "helpers/catalogue.py", ROWS.strip("\n"), "",
            "params/review.yml: themes.support has no rows in helpers/catalogue.py; "
            "add one for each kpi_id of its cards",
        ),
        (
            f"{FOLDER}/__init__.py", INIT, "",
            "helpers/kpis/support has no card tickets_opened, which helpers/catalogue.py names; "
            "import it in __init__.py",
        ),
    ],
)  # fmt: skip
def test_what_is_missing_is_told_before_a_kernel_starts(kit, file, old, new, told):
    text = (kit / file).read_text()
    assert old in text
    (kit / file).write_text(text.replace(old, new))
    assert build(kit) == (1, told)
    assert not (kit / "reports").exists()


def test_a_folder_that_is_missing_is_told_before_a_kernel_starts(kit):
    shutil.rmtree(kit / FOLDER)
    assert build(kit) == (
        1, "helpers/kpis/support is not there, and helpers/catalogue.py names cards of it; make that folder"
    )  # fmt: skip
    assert not (kit / "reports").exists()
