"""The sample: a made-up software company as Parquet, one file per canonical table.

It has three years of history, October 2023 to September 2026, of a company that is older than that, and the quarter
before them to compare the first one with. The same size and seed give the same bytes.

Accounts and the versions of their contracts come first; each table is made from them with random numbers of its own, so
that a new table changes none of the others:

    accounts       customers                       users          users
    contracts      products                        usage          events
    billing        subscriptions, invoices,        measurements   measurements, entitlements
                   fx_rates                        support        tickets
    deals          deals, stage_history            spend          spend
    onboarding     milestones                      product_teams  deliveries, assignments
    cash           cash_movements

The modules tell the story as well: what changed in spring 2026, which source disappoints, what a new product brought,
who left. ``names`` and ``time_and_chance`` serve all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from helpers.data.canonical_tables import TABLES
from helpers.errors import KitError
from sample.accounts import customers_table, make_accounts
from sample.billing import make_fx_rates, make_invoices, make_subscriptions
from sample.cash import make_cash_movements
from sample.contracts import make_versions, products_table
from sample.deals import make_deals, stage_history_table
from sample.measurements import make_entitlements, make_measurements
from sample.onboarding import make_onboarding
from sample.product_teams import make_assignments, make_deliveries
from sample.spend import make_spend
from sample.support import make_tickets
from sample.usage import make_engagement, make_events
from sample.users import make_users

LEAST, MOST = 10, 100_000
_TYPES = {
    "str": pa.string(), "int": pa.int64(), "dec": pa.float64(), "bool": pa.bool_(), "date": pa.date32(),
    "ts": pa.timestamp("us", tz="UTC"),
}  # fmt: skip


def write_sample(folder: Path, *, customers: int = 300, seed: int = 2026) -> dict[str, int]:
    """Write the sample company into a folder, one Parquet file per table; the rows of each are returned.

    Args:
        folder: Where to write; made if it is not there.
        customers: How many customers ever signed. Prospects, test accounts and a double come on top.
        seed: Of all that is left to chance.

    Raises:
        KitError: the size or the seed is out of range.
    """
    faults = []
    if not LEAST <= customers <= MOST:
        faults.append(f"customers == {customers}, must be {LEAST} to {MOST}")
    if seed < 0:
        faults.append(f"seed == {seed}, must be 0 or more")
    if faults:
        raise KitError(*faults)
    folder.mkdir(parents=True, exist_ok=True)
    return {name: _write(folder, name, rows) for name, rows in make_tables(seed, customers).items()}


def make_tables(seed: int, customers: int) -> dict[str, pd.DataFrame | Iterable[pd.DataFrame]]:
    """The canonical tables of the sample, by name; events come in parts."""
    accounts = make_accounts(seed, customers)
    versions = make_versions(seed, accounts)
    accounts, milestones = make_onboarding(seed, accounts, versions)
    engagement = make_engagement(seed, accounts, versions)
    users, entitlements = make_users(seed, accounts, engagement), make_entitlements(accounts, versions)
    deals, tickets = make_deals(seed, accounts, versions), make_tickets(seed, accounts, versions)
    invoices, spend = make_invoices(seed, accounts, versions), make_spend(seed, customers)
    return {
        "customers": customers_table(accounts),
        "subscriptions": make_subscriptions(seed, accounts, versions),
        "deals": deals,
        "stage_history": stage_history_table(deals),
        "products": products_table(),
        "fx_rates": make_fx_rates(seed),
        "invoices": invoices,
        "spend": spend,
        "cash_movements": make_cash_movements(seed, customers, invoices, spend),
        "tickets": tickets,
        "deliveries": make_deliveries(seed),
        "measurements": make_measurements(seed, accounts, versions, engagement, entitlements),
        "milestones": milestones,
        "users": users,
        "events": make_events(seed, engagement, users),
        "entitlements": entitlements,
        "assignments": make_assignments(seed, accounts, versions=versions, deals=deals, tickets=tickets),
    }


def _write(folder: Path, name: str, rows: pd.DataFrame | Iterable[pd.DataFrame]) -> int:
    """Write a table, part by part; the number of its rows."""
    parts = (_typed(name, part) for part in ([rows] if isinstance(rows, pd.DataFrame) else rows))
    first = next(parts)
    written = first.num_rows
    with pq.ParquetWriter(folder / f"{name}.parquet", first.schema, compression="zstd") as file:
        file.write_table(first)
        for part in parts:
            file.write_table(part)
            written += part.num_rows
    return written


def _typed(name: str, frame: pd.DataFrame) -> pa.Table:
    """The columns of the canonical table that the frame has, in the canonical order and exactly of their types."""
    columns = [column for column in TABLES[name].columns if column.name in frame]
    schema = pa.schema([(column.name, _TYPES[column.type]) for column in columns])
    table = pa.Table.from_pandas(frame[schema.names], schema, preserve_index=False)
    return table.replace_schema_metadata()
