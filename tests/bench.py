"""How fast the kit is: each measure against another way to do the same, in rotation, since machines are noisy.

    python tests/bench.py [rounds] [events] [copies] [before]

Told are medians, their ratios or seconds, and whether a goal is reached. `events` is the size of the feed, `copies`
how often the peer's own sample export is taken, `before` an earlier commit, or '' for none. What cannot be measured
here says why. Run by `make bench`; a test runs it at a small size.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests import bench_events, bench_peer  # noqa: E402 - found by the line above

BIN = Path(sys.executable).parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
SAMPLE = ("--period", "2026Q3", "--source", "params/sources/sample.yml")
FOUR = {
    "customers": "select concat('C', i) as customer_id, concat('Customer ', i) as name, "
    "date '2024-01-10' as signed_up_on from range(4) t(i)",
    "subscriptions": "select concat('S', i) as subscription_id, concat('C', i) as customer_id, date '2024-01-10' as "
    "start_on, 100.0 + i as mrr from range(4) t(i)",
}


class Told(NamedTuple):
    """A measure, what came out of it, and the goal: at most so much."""

    what: str
    found: float
    goal: float
    unit: str = "x"


def seconds(*command: object, folder: Path = ROOT, environment: Mapping[str, str] = ENVIRONMENT) -> float:
    """How long a command takes."""
    started = time.perf_counter()
    subprocess.run([str(part) for part in command], cwd=folder, env=environment, check=True, capture_output=True)
    return time.perf_counter() - started


def build(out: Path, *more: object) -> float:
    """How long a build of the kit takes, from the command to the pack."""
    return seconds(BIN / "kpi-review", "build", *more, "--out", out)


def medians(rounds: int, ways: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """The median of each way, over runs in rotation; told with every run."""
    runs: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            runs[name].append(way())
    for name, found in runs.items():
        print(f"{name:32} median {statistics.median(found):6.1f} s   runs {' '.join(f'{t:.1f}' for t in found)}")
    return {name: statistics.median(found) for name, found in runs.items()}


def cold_build(rounds: int, folder: Path, commit: str) -> Iterator[Told]:
    """A build of the sample, against that of an earlier commit with the packages of its own lock and its own sample."""
    before = folder / "before"
    if not commit:
        print("cold build: not measured, as no earlier commit is named")
        return
    try:
        seconds("git", "clone", "--quiet", ROOT, before)
        seconds("git", "checkout", "--quiet", commit, folder=before)
    except subprocess.CalledProcessError:
        print(f"cold build: not measured, as the history here does not reach back to {commit}")
        return
    plain = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    seconds("make", ".venv/ready", f"PYTHON={sys.executable}", folder=before, environment=plain)
    seconds(before / ".venv/bin/kpi-review", "sample", "--out", "data/sample", folder=before, environment=plain)
    command = (before / ".venv/bin/kpi-review", "build", *SAMPLE, "--out", folder / "earlier")
    ways = {
        f"build of {commit}": lambda: seconds(*command, folder=before, environment=plain),
        "build": lambda: build(folder / "now", *SAMPLE),
    }
    theirs, ours = medians(rounds, ways).values()
    yield Told(f"cold build of the sample / that of {commit}", ours / theirs, 0.35)


def themes(rounds: int, folder: Path) -> Iterator[Told]:
    """Each theme over all its periods, from an opened review to all rows."""
    from helpers.catalogue import THEMES
    from helpers.review import open_review

    def compute(theme: str) -> float:
        module = import_module(f"helpers.kpis.{theme}")
        quarter = open_review(period="2026Q3", source=SAMPLE[3], review="params/review.yml")
        started = time.perf_counter()
        quarter.compute(module)
        return time.perf_counter() - started

    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    for theme in THEMES:
        compute(theme)  # imports, and the prepared folder
    found = medians(rounds, {theme: lambda theme=theme: compute(theme) for theme in THEMES})
    slowest = max(found, key=lambda theme: found[theme])
    yield Told(f"the slowest theme, {slowest}", found[slowest], 1.5, "s")


def four_customers(rounds: int, folder: Path) -> Iterator[Told]:
    """The whole build of a source of four customers with one theme."""
    source = folder / "four.yml"
    lines = ["name: Four", "connect: duckdb://", "timezone: UTC", "currency: EUR", "tables:"]
    source.write_text("\n".join([*lines, *(f"  {name}: {query}" for name, query in FOUR.items())]), encoding="utf-8")
    more = ("--period", "2026Q3", "--source", source, "--only", "recurring_revenue")
    [found] = medians(rounds, {"four customers, one theme": lambda: build(folder / "four", *more)}).values()
    yield Told("build of four customers, one theme", found, 8, "s")


def peer(rounds: int, folder: Path, copies: int) -> Iterator[Told]:
    """Recurring revenue against saas-metrics, on its own sample export; every figure that both give is compared."""
    if not (tool := bench_peer.installed(folder)):
        print("saas-metrics: not measured, as it cannot be installed here")
        return
    equal = 0
    for times in (1, copies):
        bench_peer.write(tool, folder, times)
        theirs = seconds(*bench_peer.command(tool, folder), folder=folder)
        pack = folder / "peer"
        peak = bench_peer.peak_megabytes([BIN / "kpi-review", "build", *bench_peer.order(folder), "--out", pack], ROOT)
        equal += bench_peer.equal_figures(folder, pack)
    print(f"saas-metrics: {equal} shared figures are equal; {copies} copies: peak of the build {peak:.0f} MB")
    ways = {
        "saas-metrics": lambda: seconds(*bench_peer.command(tool, folder), folder=folder),
        "build of recurring_revenue": lambda: build(pack, *bench_peer.order(folder)),
    }
    theirs, ours = medians(rounds, ways).values()
    yield Told(f"recurring revenue, {copies} copies / saas-metrics", ours / theirs, 2)
    yield Told(f"recurring revenue, {copies} copies: peak memory", peak / 1024, 1, "GB")


def main(
    rounds: str = "3", events: str = str(bench_events.EVENTS), copies: str = "100", before: str = "d8380fa"
) -> None:
    """All measures, then their table."""
    n, found = int(rounds), list[Told]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for told in (
            cold_build(n, folder, before), themes(n, folder), four_customers(n, folder), peer(n, folder, int(copies)),
        ):  # fmt: skip
            found += told
    ratio = bench_events.compared(n, int(events))
    found.append(Told(f"{int(events):,} events / SQL written by hand", ratio, 1.3))
    print()
    for each in found:
        reached = "reached" if each.found <= each.goal else "not reached"
        print(f"{each.what:58} {each.found:6.2f} {each.unit:2} goal {each.goal:.2f}  {reached}")


if __name__ == "__main__":
    main(*sys.argv[1:])
