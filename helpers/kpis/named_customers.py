"""Rows of customers as a reader needs them: who it is, what the table tells, and the key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from helpers.results import Column

if TYPE_CHECKING:
    from helpers.data.known import Tables

WHO = {"customer": Column("Customer"), "segment": Column("Segment"), "owner": Column("Owner")}
KEY = Column("Customer id")


def with_names(
    tables: Tables,
    found: pd.DataFrame,
    own: Mapping[str, Column],
    *,
    who: tuple[str, ...] = tuple(WHO),
    key_on_pages: bool = True,
) -> tuple[pd.DataFrame, dict[str, Column]]:
    """The rows and columns of a table of customers, from ``found`` with their ``account_id`` and the columns ``own``.

    Columns of ``who`` stand first and the key last, on pages or in exports alone. Of ``who``, what the source never
    tells of any customer is left out; a customer without a row of its own, such as a parent, goes by its key.
    """
    rows = found.drop(columns="segment", errors="ignore").rename(columns={"account_id": "customer_id"})
    if tables.provides("customers"):
        wanted = ibis.memtable({"customer_id": list(rows["customer_id"])}, schema={"customer_id": "string"})
        listed = tables["customers"].semi_join(wanted, "customer_id")
        named = tables.fetch(listed.select("customer_id", "segment", "owner", customer="name"))
        rows = rows.merge(named, on="customer_id", how="left").fillna({"customer": rows["customer_id"]})
    else:
        rows = rows.assign(customer=rows["customer_id"])
    told = {name: WHO[name] for name in who if name == "customer" or tables.provides(f"customers.{name}")}
    columns = {**told, **own, "customer_id": replace(KEY, on_pages=key_on_pages)}
    return rows[list(columns)].reset_index(drop=True), columns
