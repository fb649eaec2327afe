"""How fast a build is: one `kpi-review build` against a loop of the papermill and nbconvert commands.

Both run the same notebooks on the sample company, in rotation within one run, since machines are noisy;
medians and their ratio are printed. The loop makes one HTML page per notebook and no PDF, so it does less.
Run by `make bench`, never by the tests.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
SOURCE = "params/sources/sample.yml"
PERIOD = "2026Q3"


def run(*command: object) -> None:
    subprocess.run([str(part) for part in command], cwd=ROOT, check=True, capture_output=True)


def build(folder: Path) -> None:
    run(BIN / "kpi-review", "build", "--period", PERIOD, "--source", SOURCE, "--out", folder)


def loop(folder: Path) -> None:
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        executed = folder / notebook.name
        run(BIN / "papermill", notebook, executed, "-p", "period", PERIOD, "-p", "source", SOURCE, "--no-progress-bar")
        run(BIN / "jupyter", "nbconvert", "--to", "html", "--output-dir", folder, executed)


def timed(way: Callable[[Path], None]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        way(Path(folder))
        return time.perf_counter() - started


def main(rounds: int) -> None:
    """Times both ways in rotation, after one warm-up of each."""
    timed(build)
    timed(loop)
    times: dict[str, list[float]] = {"kpi-review build": [], "papermill + nbconvert loop": []}
    for _ in range(rounds):
        times["kpi-review build"].append(timed(build))
        times["papermill + nbconvert loop"].append(timed(loop))
    medians = {name: statistics.median(found) for name, found in times.items()}
    for name, found in times.items():
        print(f"{name:28} median {medians[name]:6.1f} s   runs {' '.join(f'{t:.1f}' for t in found)}")
    ours, theirs = medians.values()
    print(f"the loop takes {theirs / ours:.2f} x the time of the build")


if __name__ == "__main__":
    main(int(sys.argv[1]))
