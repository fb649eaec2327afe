"""In how many of the last seven weeks a user was active: what the product activity coefficient (PAC) counts.

Source: specification, cards K05 and K06. Blocks of days are counted back from the end of a day, newest first; block k
is bit k of a number, so that what a user did in seven weeks is one number, and an account's is the union of its users'.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from helpers.kpis.activity import Use, is_activity, paying_on, roster, window, with_accounts
from helpers.periods import DAY

if TYPE_CHECKING:
    from helpers.data.known import Tables

BLOCKS = 7
RECENT_DAYS = 28
NEW = "new"


@lru_cache(maxsize=64)
def user_blocks(tables: Tables, last: date, paid_on: date, use: Use, block_days: int = 7) -> pd.DataFrame:
    """One row per user of a customer that pays on ``paid_on``; to be read, not changed.

    Columns: ``user_id``, ``account_id``, ``created_on``, ``blocks`` (the blocks with activity, as bits), ``recent``
    (active in the last 28 days), ``pac`` (how many they are, 0 to 7) and ``weeks`` (how many blocks the user could have
    been active in: at most 7, fewer where it is new). Blocks end with the day ``last``. Users without activity are rows
    with 0.

    Raises:
        NotProvided: there are no events, or nothing tells whose they are.
    """
    found = tables.fetch(_with_blocks(tables, last, paid_on, use, block_days))
    found = found.sort_values("user_id", ignore_index=True).astype({"blocks": "int64"})
    return found.assign(pac=found["blocks"].map(int.bit_count), weeks=_weeks(found["created_on"], last, block_days))


def account_blocks(tables: Tables, last: date, paid_on: date, use: Use, block_days: int = 7) -> pd.DataFrame:
    """One row per customer that pays on ``paid_on``: ``account_id``, ``users``, ``blocks``, ``pac_any``, ``pac_mean``.

    ``blocks`` are those with at least one active user. A customer without users has 0 users, 0 blocks and no mean.
    """
    users = user_blocks(tables, last, paid_on, use, block_days)
    by_account = users.groupby("account_id").agg(
        users=("user_id", "count"),
        blocks=("blocks", lambda bits: int(np.bitwise_or.reduce(bits))),
        pac_mean=("pac", "mean"),
    )
    paying = tables.fetch(paying_on(tables, paid_on, use.customers)).sort_values("account_id", ignore_index=True)
    found = paying.merge(by_account, on="account_id", how="left").fillna({"users": 0, "blocks": 0})
    found = found.astype({"users": "int64", "blocks": "int64"})
    return found.assign(pac_any=found["blocks"].map(int.bit_count))


def own_activity(tables: Tables, last: date, use: Use, days: int) -> ibis.Table:
    """The activity of users in the ``days`` that end with the day ``last``, none of it before the user was created.

    Columns: those of the reduced events, with ``account_id``, and ``created_on`` of the user where users are given.
    """
    rows = _activity(tables, last, use, days)
    return rows.filter((rows.active_on >= rows.created_on).fill_null(True)) if "created_on" in rows.columns else rows


@lru_cache(maxsize=64)
def early_events(tables: Tables, last: date, use: Use, days: int) -> int:
    """How many events of activity in the ``days`` up to ``last`` are not a user's own: it was created later."""
    if not tables.provides("users.created_on"):
        return 0
    rows = _activity(tables, last, use, days)
    return int(tables.fetch(rows.filter(rows.active_on < rows.created_on).events.sum().fill_null(0)))


def block_series(blocks: int) -> list[int]:
    """Active or not per block, the oldest first: what a sparkline shows.

    >>> block_series(0b0000011)
    [0, 0, 0, 0, 0, 1, 1]
    """
    return [blocks >> k & 1 for k in reversed(range(BLOCKS))]


def days_seen(block_days: int) -> int:
    """How many days the blocks and the four weeks reach back."""
    return max(BLOCKS * block_days, RECENT_DAYS)


def _activity(tables: Tables, last: date, use: Use, days: int) -> ibis.Table:
    rows = with_accounts(tables, use.customers)
    return rows.filter(is_activity(rows, use.events), rows.active_on.between(*window(last, days)))


def _with_blocks(tables: Tables, last: date, paid_on: date, use: Use, block_days: int) -> ibis.Table:
    """The roster with the blocks of each user and whether it was active in four weeks; who did nothing has none."""
    users = roster(tables, last, paid_on, use.customers)
    rows = own_activity(tables, last, use, days_seen(block_days))
    age = ibis.literal(last).delta(rows.active_on, unit="day")
    block = (age // block_days).cast("int64")
    rows = rows.mutate(bit=(block < BLOCKS).ifelse(ibis.literal(1, "int64") << block, 0), recent=age < RECENT_DAYS)
    bits = rows.group_by("user_id").aggregate(blocks=rows.bit.bit_or(), recent=rows.recent.any())
    found = users.left_join(bits, "user_id").drop("user_id_right", "persona")
    return found.mutate(blocks=found.blocks.fill_null(0), recent=found.recent.fill_null(False))


def _weeks(created_on: pd.Series, last: date, block_days: int) -> pd.Series:
    """Blocks begun since a user was created, at most 7; 7 where that day is not told."""
    days = (pd.Timestamp(last + DAY) - pd.to_datetime(created_on)).dt.days
    begun = -(-days // block_days)
    return begun.where(begun < BLOCKS, BLOCKS).astype("int64")
