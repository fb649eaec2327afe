"""How the made-up company's customers come to value: the stages of their onboarding, one after and beside another.

The clock starts with the order. What takes longest is the connector to the customer's own systems, which waits for the
made-up company's engineers; since ``SELF_SERVICE_ON`` customers set it up themselves, in less than a third of the time.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sample.contracts import CORE
from sample.days import END, NEVER, days, evenly, stream

SELF_SERVICE_ON = np.datetime64("2026-04-13")
FASTER = 0.3
STUCK = 0.03  # share whose connector waits for a third party, three times as long
FORGOTTEN = np.datetime64("2026-02-01"), np.datetime64("2026-05-15")  # of these, two wait still
SHARES = {  # Enterprise, Mid-market, Small business: how many pass the stage
    "contract": (1.0, 1.0, 0.8), "it_access": (1.0, 1.0, 1.0), "connectors": (0.95, 0.8, 0.6),
    "training": (1.0, 0.9, 0.7), "accounting_ops": (0.5, 0.35, 0.12), "other": (0.35, 0.2, 0.15),
}  # fmt: skip
MEDIANS = {  # days
    "contract": (11, 8, 5), "it_access": (21, 15, 9), "connectors": (88, 70, 48), "training": (24, 18, 12),
    "accounting_ops": (12, 10, 7), "other": (9, 7, 5),
}  # fmt: skip
WORKING = ("accounting_ops", "other")


def make_onboarding(seed: int, accounts: pd.DataFrame, versions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Columns to add to the accounts, ``ttv_start_on`` and ``first_value_on``; and the milestones.

    Milestones are of customers that signed within the history: its onboarding tool is as old as that.
    """
    of = accounts[accounts.kind == "customer"].join(_left(versions))
    served = days(of.trial_on.fillna(of.first_paid_on))
    stages = _stages(stream(seed, "onboarding"), of)
    rng = stream(seed, "first value")
    ready = np.maximum.reduce([np.where(np.isnat(ends), days(of.won_on), ends) for _, ends in stages.values()])
    value = np.maximum(ready + rng.integers(0, 7, size=len(of)), served + rng.integers(2, 9, size=len(of)))
    never = _gave_up(of) | (value >= END) | (value >= days(of.left_on))
    of = of.assign(ttv_start_on=of.won_on, first_value_on=np.where(never, NEVER, value))
    return of[["ttv_start_on", "first_value_on"]].reindex(accounts.index), _milestones(rng, of, stages)


def _left(versions: pd.DataFrame) -> pd.Series:
    """The end of each account's last contract, missing if it goes on."""
    last = versions[versions["product"] == CORE].drop_duplicates("account", keep="last")
    return last.set_index("account").last_on.rename("left_on")


def _gave_up(of: pd.DataFrame) -> np.ndarray:
    """Who left at the first occasion had never come to value."""
    stayed = days(of.left_on) - days(of.won_on)
    return ~of.installed.to_numpy() & (stayed < np.timedelta64(410, "D")) & (days(of.left_on) < END)


def _stages(rng: np.random.Generator, of: pd.DataFrame) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Beginning and end of each stage, missing where a customer does not pass it."""
    order, n = days(of.won_on), len(of)
    length = {stage: _length(rng, of, stage) for stage in MEDIANS}
    forgotten = _forgotten(of)
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
    ends = {stage: order + length[stage] if stage == "contract" else begins[stage] + length[stage] for stage in begins}
    passed = {stage: rng.random(n) < np.array(share)[of.segment] for stage, share in SHARES.items()}
    passed["connectors"] |= stuck
    return {
        stage: (np.where(passed[stage], begins[stage], NEVER), np.where(passed[stage], ends[stage], NEVER))
        for stage in begins
    }


def _forgotten(of: pd.DataFrame) -> np.ndarray:
    """Two customers of spring 2026 whose connector is promised and not finished."""
    since, until = FORGOTTEN
    spring = of[(of.won_on >= since) & (of.won_on < until) & (of.role == "") & of.left_on.isna()]
    return of.index.isin(spring.nlargest(2, "seats").index)


def _length(rng: np.random.Generator, of: pd.DataFrame, stage: str) -> np.ndarray:
    drawn = np.array(MEDIANS[stage])[of.segment] * np.exp(0.35 * rng.standard_normal(len(of)))
    return np.maximum(drawn, 1).round().astype(int)


def _milestones(
    rng: np.random.Generator, of: pd.DataFrame, stages: dict[str, tuple[np.ndarray, np.ndarray]]
) -> pd.DataFrame:
    """The canonical table, as far as it has happened; a customer that has left takes no further stage."""
    value = days(of.first_value_on)
    parts = [_intervals(of, stage, *span) for stage, span in stages.items() if stage != "training"]
    parts += [*_training(of, *stages["training"]), _intervals(of, "value", value, value, "working")]
    found = pd.concat(parts, ignore_index=True)
    begins, left = days(found.started_on), days(found.left_on)
    ends = np.fmin(days(found.ended_on), left)
    found["ended_on"] = np.where(ends < END, ends, NEVER)
    found["waiting_on"] = _awaited(rng, found)
    found = found[(begins < END) & ~(begins >= left) & ~found.installed.to_numpy()]
    return found.sort_values(["account", "started_on", "stage"], kind="stable", ignore_index=True)


def _intervals(of: pd.DataFrame, stage: str, begins: np.ndarray, ends: np.ndarray, kind: str = "") -> pd.DataFrame:
    found = of[["customer_id", "installed", "left_on", "recorded_at"]].rename_axis("account").reset_index()
    kind = kind or ("working" if stage in WORKING else "waiting")
    return found.assign(stage=stage, started_on=begins, ended_on=ends, kind=kind)[~np.isnat(begins)]


def _training(of: pd.DataFrame, begins: np.ndarray, ends: np.ndarray) -> list[pd.DataFrame]:
    """Weeks of waiting for the trainer, then the days of training."""
    arrives = np.maximum(begins + 1, ends - np.where(of.segment == 2, 1, 3))
    return [
        _intervals(of, "training", begins, arrives, "waiting"),
        _intervals(of, "training", arrives, np.maximum(ends, arrives + 1), "working"),
    ]


def _awaited(rng: np.random.Generator, found: pd.DataFrame) -> pd.Series:
    """Who is waited for: the customer's lawyers and IT, the own engineers and trainers, or a third party."""
    third = rng.random(len(found)) < 0.2
    customer = found.stage.isin(["contract", "it_access"])
    whom = np.where(customer, "customer", np.where(third & (found.stage == "connectors"), "third_party", "us"))
    return pd.Series(whom, found.index).where(found.kind == "waiting")
