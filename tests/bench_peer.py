"""saas-metrics (PyPI, MIT), a peer for recurring revenue: its sample export, its figures, and the same by the kit.

It stands in an environment of its own. For the kit, each customer and month of the export is one subscription version,
worth what the lines of that month come to.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import duckdb
import pandas as pd

PEER = "saas-metrics==0.1.0"
EXPORT = "read_csv('billing.csv', all_varchar = true)"
SOURCE = f"""
name: Peer
connect: duckdb://
files: .
timezone: UTC
currency: USD
tables:
  customers: >-
    select "Customer" as customer_id, "Customer" as name, cast(min("Invoice Date") as date) as signed_up_on,
    arg_max("Plan Tier", "Invoice Date") as segment from {EXPORT} group by 1
  subscriptions: >-
    select "Customer" as subscription_id, "Customer" as customer_id,
    cast(date_trunc('month', cast("Invoice Date" as date)) as date) as start_on,
    cast(date_trunc('month', cast("Invoice Date" as date)) + interval 1 month as date) as end_on,
    cast(sum(cast("Amount" as decimal(18, 2))) as double) as mrr from {EXPORT} group by all
"""
REVIEW = "company: Peer\nthemes:\n  recurring_revenue: {}\n"
# what saas-metrics calls a figure -> our KPI, and the sign that it has there
MONTHLY = {
    "beginning": ("mrr_opening", 1), "new_logo": ("mrr_new", 1), "reactivation": ("mrr_reactivation", 1),
    "expansion": ("mrr_expansion", 1), "contraction": ("mrr_contraction", -1), "churn": ("mrr_churn", -1),
    "ending": ("mrr", 1), "active_customers": ("paying_customers", 1),
}  # fmt: skip
QUARTERLY = {"nrr_12m": ("nrr", 1), "grr_12m": ("grr", 1)}


def installed(folder: Path) -> Path | None:
    """The command of the peer, in an environment of its own; None where it cannot be installed."""
    environment = folder / "peer-venv"
    with suppress(subprocess.CalledProcessError):
        for command in (
            [sys.executable, "-m", "venv", environment],
            [environment / "bin/python", "-m", "pip", "install", "--quiet", PEER],
        ):
            subprocess.run(command, check=True, capture_output=True)
        return environment / "bin/saas-metrics"
    return None


def write(tool: Path, folder: Path, copies: int) -> None:
    """The peer's sample export, so many times, each copy with customers of its own; and what the kit reads it by."""
    subprocess.run([tool, "sample", "one.csv"], cwd=folder, check=True, capture_output=True)
    with duckdb.connect() as engine:
        engine.execute(f"set file_search_path = '{folder}'")
        engine.execute(f"""
            copy (select one.* replace (concat(i, '-', "Customer") as "Customer")
                  from range({copies}) copy(i), read_csv('one.csv', all_varchar = true) one)
            to '{folder}/billing.csv'""")
    (folder / "peer.yml").write_text(SOURCE, encoding="utf-8")
    (folder / "peer_review.yml").write_text(REVIEW, encoding="utf-8")


def command(tool: Path, folder: Path) -> list[object]:
    """What makes the peer compute all its tables."""
    columns = ("--customer", "Customer", "--date", "Invoice Date", "--amount", "Amount", "--segment", "Plan Tier")
    return [tool, "report", "billing.csv", *columns, "--out", folder / "peer-tables"]


def order(folder: Path) -> list[object]:
    """What the kit is asked for: the last quarter of the export, with its 24 months."""
    return ["--period", "2025Q4", "--source", folder / "peer.yml", "--review", folder / "peer_review.yml"]


def equal_figures(folder: Path, pack: Path) -> int:
    """How many figures of the peer the kit gives too, month by month, or by quarter.

    Raises:
        SystemExit: one of them differs.
    """
    tables = [pd.read_csv(folder / f"peer-tables/{name}.csv") for name in ("waterfall", "metrics")]
    theirs = tables[0].merge(tables[1][["period_end", "nrr_12m", "grr_12m", "active_customers"]], on="period_end")
    ours = pd.read_csv(pack / "2025Q4/results.csv", keep_default_na=False)
    totals = ours[ours["segment_by"] == ""].set_index(["kpi_id", "period"])["value"]
    compared = 0
    for month in theirs.to_dict("records"):
        label = str(month["period_end"])[:7]
        quarter = {f"{label[:4]}-{3 * n:02d}": f"{label[:4]}Q{n}" for n in range(1, 5)}.get(label)
        asked = [(name, label, *ours) for name, ours in MONTHLY.items()]
        asked += [(name, quarter, *ours) for name, ours in QUARTERLY.items() if quarter and not pd.isna(month[name])]
        for name, period, kpi_id, sign in asked:
            found = sign * float(totals[kpi_id, period])
            if abs(found - month[name]) > 1e-9 * max(1, abs(month[name])):
                raise SystemExit(f"{kpi_id} of {period}: {found}, saas-metrics has {month[name]}")
            compared += 1
    return compared


def peak_megabytes(build: list[object], folder: Path) -> float:
    """The most memory that a command and all its processes hold at once, shared pages counted once; Linux only."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    running = subprocess.Popen(
        [str(part) for part in build], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    peak = 0
    while running.poll() is None:
        peak = max(peak, sum(map(_kilobytes, _with_children(running.pid))))
        time.sleep(0.1)
    if running.returncode:
        raise SystemExit(f"the build ended with {running.returncode}")
    return peak / 1024


def _with_children(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(process.name))
    found = [pid]
    for each in found:  # grows as it goes
        found += children.get(each, [])
    return found


def _kilobytes(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
