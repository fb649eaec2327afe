"""The kit runs on DuckDB 1.5 and on 2: a build of the sample company has the same figures under both."""

import json
import os
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from helpers import results
from tests.pack.projects import SCRIPT
from tests.pack.requests import ROOT

NUMBERS = ["value", "numerator", "denominator", "ci_low", "ci_high"]


@pytest.mark.slow  # the other DuckDB comes from the network
def test_every_figure_of_the_sample_is_the_same_under_duckdb_2(built, company, tmp_path):
    other, kit, home = (tmp_path / name for name in ("duckdb", "kit", "home"))
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", other, "duckdb>=2,<3"]
    if subprocess.run(install, capture_output=True, check=False).returncode:
        pytest.skip("DuckDB 2 cannot be installed here")
    shutil.copytree(ROOT / "params", kit / "params")
    (kit / "notebooks").symlink_to(ROOT / "notebooks")
    source = kit / "params/sources/sample.yml"
    source.write_text(source.read_text().replace("../../data/sample", str(company.parent / "data")))
    order = ["build", "--period", "2026Q3", "--source", "params/sources/sample.yml"]
    paths = {"PYTHONPATH": f"{other}{os.pathsep}{ROOT}", "HOME": str(home), "XDG_CACHE_HOME": str(home)}
    subprocess.run([SCRIPT, *order], cwd=kit, env={**os.environ, **paths}, check=True, capture_output=True)

    pack = kit / "reports/2026Q3"
    assert json.loads((pack / "manifest.json").read_text())["versions"]["duckdb"].startswith("2.")
    ours, theirs = (rounded(results.read_csv(folder / "results.csv")) for folder in (built.folder, pack))
    assert len(ours) > 5_000
    differing = ours.drop(columns=NUMBERS).compare(theirs.drop(columns=NUMBERS))
    assert differing.empty, differing.head().to_string()
    pd.testing.assert_frame_equal(ours[NUMBERS], theirs[NUMBERS], rtol=1e-12, atol=1e-12)


def rounded(figures: pd.DataFrame) -> pd.DataFrame:
    """Results whose parameters, too, are the same where they differ in a last digit alone."""
    params = [json.loads(text, parse_float=lambda digits: round(float(digits), 12)) for text in figures["params"]]
    return figures.assign(params=[json.dumps(found) for found in params])
