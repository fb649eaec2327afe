"""How the made-up company's customers come to value: the stages of their onboarding, one after and beside another.

The clock starts with the order. What takes longest is the connector to the customer's own systems, which waits for the
made-up company's engineers; since ``SELF_SERVICE_ON`` customers set it up themselves, in less than a third of the time.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sample.accounts import SMALL
from sample.contracts import last_core_versions
from sample.time_and_chance import DAY, END, NEVER, as_days, evenly, stream

SELF_SERVICE_ON = np.datetime64("2026-04-13")
FASTER = 0.3
STUCK = 0.03  # share whose connector waits for a third party, three times as long
FORGOTTEN = np.datetime64("2026-02-01"), np.datetime64("2026-05-15")  # two that signed between these days still wait
SHARES = {  # how many customers of each segment pass the stage
    "contract": (1.0, 1.0, 0.8), "it_access": (1.0, 1.0, 1.0), "connectors": (0.95, 0.8, 0.6),
    "training": (1.0, 0.9, 0.7), "accounting_ops": (0.5, 0.35, 0.12), "other": (0.35, 0.2, 0.15),
}  # fmt: skip
MEDIAN_DAYS = {  # of each segment
    "contract": (11, 8, 5), "it_access": (21, 15, 9), "connectors": (88, 70, 48), "training": (24, 18, 12),
    "accounting_ops": (12, 10, 7), "other": (9, 7, 5),
}  # fmt: skip
WORKING = ("accounting_ops", "other")  # the stages in which somebody works; in the others the customer waits
Stages = dict[str, tuple[np.ndarray, np.ndarray]]  # the first day and the end of each, missing where it is not passed


def make_onboarding(seed: int, accounts: pd.DataFrame, versions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The accounts with ``ttv_start_on`` and ``first_value_on``, and the canonical table of milestones.

    Milestones are of customers that signed within the history: the onboarding tool is as old as that.
    """
    left_on = last_core_versions(versions).line_end_on.rename("left_on")
    customers = accounts[accounts.kind == "customer"].join(left_on)
    n, served = len(customers), as_days(customers.trial_on.fillna(customers.first_paid_on))
    stages = _stages(stream(seed, "onboarding"), customers)
    rng = stream(seed, "first value")
    won, left = as_days(customers.won_on), as_days(customers.left_on)
    ready = np.maximum.reduce([np.where(np.isnat(ends), won, ends) for _, ends in stages.values()])
    value = np.maximum(ready + rng.integers(0, 7, size=n), served + rng.integers(2, 9, size=n))
    never = _gave_up(customers) | (value >= END) | (value >= left)
    customers = customers.assign(ttv_start_on=customers.won_on, first_value_on=np.where(never, NEVER, value))
    return accounts.join(customers[["ttv_start_on", "first_value_on"]]), _milestones(rng, customers, stages)


def _gave_up(customers: pd.DataFrame) -> np.ndarray:
    """Customers that left at the first occasion had never come to value."""
    left = as_days(customers.left_on)
    soon = (left - as_days(customers.won_on)) < np.timedelta64(410, "D")
    return ~customers.installed.to_numpy() & soon & (left < END)


def _stages(rng: np.random.Generator, customers: pd.DataFrame) -> Stages:
    """When each customer passes each stage, whatever happens after the end of the history."""
    order, n = as_days(customers.won_on), len(customers)
    length = {stage: _lengths(rng, customers, stage) for stage in MEDIAN_DAYS}
    forgotten = _forgotten(customers)
    stuck = forgotten | (evenly(rng, n) < STUCK)
    factor = np.select([forgotten, stuck, order >= SELF_SERVICE_ON], [20.0, 3.0, FASTER], 1.0)
    length["connectors"] = np.ceil(length["connectors"] * factor).astype(int)
    early = rng.integers(0, 7, size=n) * (rng.random(n) < 0.5)
    access = order + length["contract"] // 2
    granted = access + length["it_access"]
    taught = granted + length["training"]
    begins = {
        "contract": order - early, "it_access": access, "connectors": access + length["it_access"] * 2 // 3,
        "training": granted, "accounting_ops": taught - length["accounting_ops"] // 2, "other": granted,
    }  # fmt: skip
    ends = {stage: first + length[stage] for stage, first in begins.items()} | {"contract": order + length["contract"]}
    passed = {stage: rng.random(n) < np.array(share)[customers.segment] for stage, share in SHARES.items()}
    passed["connectors"] |= stuck
    return {
        stage: (np.where(passed[stage], begins[stage], NEVER), np.where(passed[stage], ends[stage], NEVER))
        for stage in begins
    }


def _forgotten(customers: pd.DataFrame) -> np.ndarray:
    """Two customers of spring 2026 whose connector is promised and not finished."""
    since, until = FORGOTTEN
    spring = (customers.won_on >= since) & (customers.won_on < until)
    candidates = customers[spring & (customers.role == "") & customers.left_on.isna()]
    return customers.index.isin(candidates.nlargest(2, "seats").index)


def _lengths(rng: np.random.Generator, customers: pd.DataFrame, stage: str) -> np.ndarray:
    """How many days a stage takes each customer."""
    drawn = np.array(MEDIAN_DAYS[stage])[customers.segment] * np.exp(0.35 * rng.standard_normal(len(customers)))
    return np.maximum(drawn, 1).round().astype(int)


def _milestones(rng: np.random.Generator, customers: pd.DataFrame, stages: Stages) -> pd.DataFrame:
    """The canonical table, as far as it has happened; a customer that has left takes no further stage."""
    value = as_days(customers.first_value_on)
    parts = [
        _intervals(customers, stage, *days, kind="working" if stage in WORKING else "waiting")
        for stage, days in stages.items()
        if stage != "training"
    ]
    parts += [*_training(customers, *stages["training"]), _intervals(customers, "value", value, value, kind="working")]
    milestones = pd.concat(parts, ignore_index=True)
    begins, left = as_days(milestones.started_on), as_days(milestones.left_on)
    ends = np.fmin(as_days(milestones.ended_on), left)
    milestones["ended_on"] = np.where(ends < END, ends, NEVER)
    milestones["waiting_on"] = _awaited(rng, milestones)
    milestones = milestones[(begins < END) & ~(begins >= left) & ~milestones.installed.to_numpy()]
    return milestones.sort_values(["account", "started_on", "stage"], kind="stable", ignore_index=True)


def _training(customers: pd.DataFrame, begins: np.ndarray, ends: np.ndarray) -> list[pd.DataFrame]:
    """Weeks of waiting for the trainer, then the days of training."""
    arrives = np.maximum(begins + DAY, ends - np.where(customers.segment == SMALL, 1, 3))
    return [
        _intervals(customers, "training", begins, arrives, kind="waiting"),
        _intervals(customers, "training", arrives, np.maximum(ends, arrives + DAY), kind="working"),
    ]


def _intervals(customers: pd.DataFrame, stage: str, begins: np.ndarray, ends: np.ndarray, *, kind: str) -> pd.DataFrame:
    """One row for each customer that passes the stage."""
    rows = customers[["customer_id", "installed", "left_on", "recorded_at"]].rename_axis("account").reset_index()
    return rows.assign(stage=stage, started_on=begins, ended_on=ends, kind=kind)[~np.isnat(begins)]


def _awaited(rng: np.random.Generator, milestones: pd.DataFrame) -> pd.Series:
    """Who is waited for: the customer's lawyers and IT, the own engineers and trainers, or a third party."""
    third = (rng.random(len(milestones)) < 0.2) & (milestones.stage == "connectors")
    customer = milestones.stage.isin(["contract", "it_access"])
    whom = np.select([customer, third], ["customer", "third_party"], "us")
    return pd.Series(whom, milestones.index).where(milestones.kind == "waiting")
