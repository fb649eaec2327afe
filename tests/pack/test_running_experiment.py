"""An experiment that still runs shows no effect anywhere: on no page, in no file, not in the executed notebook."""

import zipfile
from pathlib import Path

import pypdf
import pytest

from tests.pack.projects import BUILD, ROOT, project

TRIAL = """
kind: controlled
hypothesis: It helps
unit: customer
variants: {{old: 0.5, new: 0.5}}
mde: 10
spread: 5
starts_on: 2026-07-01
stops_on: {stops_on}
"""
OUTCOMES = """  assignments: |
    select 'trial' as experiment_id, 'U' || i as unit_id, if(i % 2 = 0, 'old', 'new') as variant,
      timestamptz '2026-07-02' as assigned_at, if(i % 2 = 0, 111.25, 777.75) + (i // 2) % 2 as outcome
    from range(80) as units(i)
"""
TOLD = ("111.75", "778.25", "666.5", "111.25", "777.75")  # means, their difference, outcomes


def texts(pack: Path) -> dict[str, str]:
    """What can be read in each file of a pack, unpacked."""
    found = {}
    for file in (each for each in pack.rglob("*") if each.is_file()):
        if file.suffix == ".pdf":
            found[file.name] = "\n".join(page.extract_text() for page in pypdf.PdfReader(file).pages)
        elif file.suffix == ".xlsx":
            with zipfile.ZipFile(file) as packed:
                found[file.name] = "\n".join(packed.read(name).decode("utf-8", "replace") for name in packed.namelist())
        else:
            found[file.name] = file.read_text(encoding="utf-8")
    return found


@pytest.fixture
def built(tmp_path, dozen, warm):
    """Gives the texts of a pack whose experiment stops on a day."""
    made = project(tmp_path, dozen)
    (tmp_path / "notebooks/kpi_experiments.ipynb").symlink_to(ROOT / "notebooks/kpi_experiments.ipynb")
    made.write("params/review.yml", "company: A\ncurrency: EUR\nthemes: {kpi_experiments: {}}\n")
    made.source(OUTCOMES)

    def build(stops_on):
        made.write("params/experiments/trial.yml", TRIAL.format(stops_on=stops_on))
        done = made.run(*BUILD)
        assert done.status == 0, done.err
        return texts(tmp_path / "reports/2026Q3")

    return build


def test_nothing_of_a_running_experiment_is_told(built):
    found = built("2026-10-15")
    assert {"pack.html", "pack.pdf", "figures.xlsx", "results.csv", "kpi_experiments.ipynb", "manifest.json"} <= {
        *found
    }
    assert "no effect is told before 2026-10-15" in found["results.csv"]
    told = {(name, text) for name, read in found.items() for text in TOLD if text in read}
    assert told == set()


def test_the_same_experiment_is_told_once_it_has_stopped(built):
    """So that the test before would see it."""
    found = built("2026-08-15")
    assert "+666.50" in found["pack.html"]
    assert "666.5" in found["results.csv"]
    assert "+666.50" in found["kpi_experiments.ipynb"]
