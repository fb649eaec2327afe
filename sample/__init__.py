"""The sample: a made-up software company as Parquet, one file per canonical table.

Three years of history, October 2023 to September 2026, of a company that is older than that, and the quarter before
them to compare the first one with. Its story is told in the modules of ``sample``: what changed in spring
2026, which source disappoints, what a new product brought, who left. The same size and seed give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from helpers.data.tables import TABLES
from helpers.errors import KitError
from sample.accounts import SEGMENTS, make_accounts
from sample.billing import make_invoices, make_subscriptions
from sample.content import make_content
from sample.contracts import LAUNCHED
from sample.days import END, START, instants, stream
from sample.deliveries import make_delivered_value, make_deliveries
from sample.engagement import make_lives
from sample.estimates import with_estimates
from sample.experiments import make_assignments
from sample.leads import STAGES
from sample.meters import make_entitlements, make_readings
from sample.names import COMPANY
from sample.onboarding import make_onboarding
from sample.people import make_users
from sample.profiles import make_profiles
from sample.sales import EXISTING, make_deals
from sample.spend import make_spend
from sample.support import make_tickets
from sample.usage import make_events
from sample.versions import make_versions

__all__ = ["COMPANY", "write_sample"]

LEAST, MOST = 10, 100_000
FIXED_USD = 0.92
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
    tables = sample_tables(seed, customers)
    return {name: _write(folder, name, rows) for name, rows in tables.items()}


def sample_tables(seed: int, customers: int) -> dict[str, pd.DataFrame | Iterable[pd.DataFrame]]:
    """The canonical tables of the sample, by name; a large one in parts."""
    accounts = make_accounts(seed, customers)
    versions = make_versions(seed, accounts)
    onboarded, milestones = make_onboarding(seed, accounts, versions)
    accounts = accounts.join([make_profiles(seed, accounts), onboarded])
    lives = make_lives(seed, accounts, versions)
    users, entitlements = make_users(seed, accounts, lives), make_entitlements(accounts, versions)
    readings = make_readings(seed, lives, entitlements)
    deals = with_estimates(seed, accounts, versions, make_deals(seed, accounts, versions))
    tickets = make_tickets(seed, accounts, versions)
    return {
        "customers": _customers(accounts),
        "subscriptions": make_subscriptions(seed, accounts, versions),
        "deals": _deals(accounts, deals),
        "stage_history": _stage_history(deals),
        "products": _products(),
        "fx_rates": _fx_rates(stream(seed, "fx_rates")),
        "invoices": make_invoices(seed, accounts, versions),
        "spend": make_spend(seed, customers),
        "tickets": tickets,
        "deliveries": make_deliveries(seed),
        "measurements": _measurements(seed, accounts, versions, readings),
        "milestones": milestones,
        "users": users,
        "events": make_events(seed, lives, users),
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


def _customers(accounts: pd.DataFrame) -> pd.DataFrame:
    paying = accounts.kind != "prospect"
    kept = accounts.customer_id[accounts.role == "kept"].iloc[0]
    return accounts.assign(
        segment=accounts.segment.map(lambda i: SEGMENTS[i].name),
        first_paid_on=accounts.first_paid_on.where(paying),
        is_test=accounts.kind == "test",
        merged_into=accounts.kind.map({"merged": kept}),
    ).drop(columns="recorded_at")


def _deals(accounts: pd.DataFrame, deals: pd.DataFrame) -> pd.DataFrame:
    customer = accounts.customer_id.reindex(deals.account)
    return deals.assign(
        customer_id=customer.array,
        created_at=instants(deals.created.to_numpy()),
        closed_at=instants(deals.closed.to_numpy()),
    )


def _stage_history(deals: pd.DataFrame) -> pd.DataFrame:
    """The stages that new business entered, and how it ended; renewals and offers to customers pass no stages."""
    leads = deals[deals.source != EXISTING]
    ended = leads.assign(**{how: leads.closed.where(leads.outcome == how) for how in ("won", "lost")})
    stages = [*STAGES, "won", "lost"]
    found = ended.rename(columns={"created": "lead"})[["deal_id", "recorded_at", *stages]]
    found = found.melt(["deal_id", "recorded_at"], var_name="stage", value_name="entered").dropna(subset="entered")
    found = found.sort_values(["deal_id", "entered"], kind="stable", ignore_index=True)
    exited = found.groupby("deal_id").entered.shift(-1)
    return found.rename(columns={"deal_id": "record_id"}).assign(
        entered_at=instants(found.entered.to_numpy()), exited_at=instants(exited.to_numpy())
    )


def _measurements(seed: int, accounts: pd.DataFrame, versions: pd.DataFrame, readings: pd.DataFrame) -> pd.DataFrame:
    """What is counted by the day: the reading of articles, what customers say that they saved, what meters read."""
    parts = [make_content(seed, accounts, versions), make_delivered_value(seed, accounts, versions), readings]
    found = pd.concat(parts, ignore_index=True)
    return found.sort_values(["at", "customer_id", "object_id", "metric"], kind="stable", ignore_index=True)


def _products() -> pd.DataFrame:
    families = {"Dispatch": "Core", "Insights": "Add-on", "Assist": "Add-on"}
    return pd.DataFrame({"product": LAUNCHED.keys(), "launched_on": LAUNCHED.values(), "family": families.values()})


def _fx_rates(rng: np.random.Generator) -> pd.DataFrame:
    """The rate that finance fixed for its plans, and those of the month ends."""
    months = np.arange(START.astype("datetime64[M]"), END.astype("datetime64[M]") + 1)
    ends = months.astype("datetime64[D]") - 1
    steps = np.cumsum(rng.normal(0, 0.007, size=len(ends)))
    rates = np.clip(FIXED_USD + steps, 0.86, 0.98).round(4)
    return pd.DataFrame({"currency": "USD", "on": [pd.NaT, *ends], "rate": [FIXED_USD, *rates]})
