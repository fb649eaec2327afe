"""What the made-up company's contracts include a month, and what its meters read: planned routes, calls of its API.

Most use about half of what they have. Some come near the limit or go beyond it, and one reading was corrected.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sample.accounts import SMALL
from sample.contracts import CORE
from sample.days import END, START, TIMEZONE, days, stream
from sample.engagement import open_on
from sample.profiles import API, INTERACTIVE

ROUTES, CALLS = "routes", "api_calls"
PER_SEAT = {ROUTES: 25, CALLS: 8_000}
STEP = {ROUTES: 250, CALLS: 100_000}
USED = (-0.72, 0.38)  # log of the share of the limit that an account uses: median, spread
NEAR = {0.05: (0.90, 0.99), 0.04: (1.03, 1.22)}  # share of the accounts -> what they use of it in the last quarter
TIGHT_ON = np.datetime64("2026-07-01")
READ_AT = np.timedelta64(23, "h")
CORRECTED_AT = pd.Timestamp("2026-09-16 10:15", tz=TIMEZONE)


def make_entitlements(accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """The canonical table: a monthly limit by the size of the contract, another one when the size changes."""
    of = versions[(versions["product"] == CORE) & (versions.kind == "customer")]
    of = of.join(accounts[["customer_id", "product_type", "recorded_at"]], on="account")
    of = of[(of.product_type == API) | ((of.product_type == INTERACTIVE) & (of.segment != SMALL))]
    meter = np.where(of.product_type == API, CALLS, ROUTES)
    step = np.array([STEP[name] for name in meter])
    limit = np.ceil(of.seats * np.array([PER_SEAT[name] for name in meter]) / step) * step
    of = of.assign(meter=meter, limit_qty=limit, reset="month")
    spell = of.groupby(["account", "spell"])
    of = of[of.limit_qty != spell.limit_qty.shift()].copy()
    of["end_on"] = of.groupby(["account", "spell"]).start_on.shift(-1).fillna(of.last_on)
    return of.sort_values(["account", "start_on"], kind="stable", ignore_index=True)


def make_readings(seed: int, lives: pd.DataFrame, entitlements: pd.DataFrame) -> pd.DataFrame:
    """The quota part of ``measurements``: four readings a month, of what was used since the one before."""
    rng = stream(seed, "meters")
    on, account = _reading_days(), entitlements.account.to_numpy()
    since, until = days(entitlements.start_on), np.fmin(days(entitlements.end_on), END)
    row, reading = np.nonzero((on >= since[:, None]) & (on < until[:, None]))
    usual = _usual_shares(rng, lives)[account[row], (on[reading] >= TIGHT_ON).astype(int)]
    used = usual / 4 * rng.lognormal(0, 0.07, size=len(row)) * entitlements.limit_qty.to_numpy()[row]
    in_use = open_on(lives.iloc[np.unique(account)], on)[np.searchsorted(np.unique(account), account[row]), reading]
    found = pd.DataFrame(
        {
            "customer_id": entitlements.customer_id.array[row],
            "metric": entitlements.meter.array[row],
            "at": pd.DatetimeIndex(on[reading] + READ_AT).tz_localize(TIMEZONE).tz_convert("UTC"),
            "value": np.where(in_use, used.round(), 0.0),
            "recorded_at": entitlements.recorded_at.array[row],
        }
    )
    return pd.concat([found, _correction(found)], ignore_index=True)


def _reading_days() -> np.ndarray:
    """The 7th, 14th, 21st and last day of each month."""
    months = np.arange(START.astype("datetime64[M]"), END.astype("datetime64[M]"))
    first = months.astype("datetime64[D]")
    last = (months + 1).astype("datetime64[D]") - 1
    return np.sort(np.concatenate([first + 6, first + 13, first + 20, last]))


def _usual_shares(rng: np.random.Generator, lives: pd.DataFrame) -> np.ndarray:
    """Account by two: the share of the limit that is used before the last quarter, and in it."""
    usual = np.minimum(np.exp(rng.normal(*USED, size=len(lives))), 0.88)
    place, lately, first = rng.random(len(lives)), usual.copy(), 0.0
    for share, used in NEAR.items():
        lately = np.where((place >= first) & (place < first + share), rng.uniform(*used, size=len(lives)), lately)
        first += share
    return np.column_stack([usual, np.where(lives.role == "", lately, usual)])


def _correction(readings: pd.DataFrame) -> pd.DataFrame:
    """One import was counted twice and taken off again: at the account with the largest reading of routes before."""
    before = readings[(readings.metric == ROUTES) & (readings["at"] < CORRECTED_AT)]
    before = before[before["at"] >= CORRECTED_AT - pd.Timedelta(days=14)]
    largest = before.nlargest(1, "value")
    return largest.assign(at=CORRECTED_AT.tz_convert("UTC"), value=-(largest.value * 0.2).round())
