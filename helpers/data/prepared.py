"""The prepared folder: the canonical tables as Parquet, each row with the days on which it is known, and its report.

Every KPI is SQL over this folder. Kernels, JupyterLab and whoever runs a query of the pack by hand read it, and never
the source.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from helpers.data.canonical_tables import HELD
from helpers.data.engines import local_engine, quoted
from helpers.data.reduction import local_day_function
from helpers.data.schema import SQL_TYPES
from helpers.errors import KitError
from helpers.periods import Calendar


class Prepared:
    """A prepared folder.

    ``columns`` are those that the source gives of each table, ``report`` is the data report, ``fingerprint`` the hash
    of the Parquet files, ``queries`` that of how the source reads each table. ``made_from`` names the table that
    another one is made from, which is in no file. ``aside`` are rows that are in no file: the table, why, the day from
    which on they are known, the currency, how many they are, and what they are worth. ``last_day`` is the last day that
    is known, ``rates_on`` the day whose fixed exchange rates hold for every period of the pack. ``smallest_group`` is
    how many customers make a group that its readers may see, ``seen_under`` a code of what decides what they see.
    """

    def __init__(self, folder: Path, record: dict[str, Any]) -> None:
        self.folder = folder
        self.name: str = record["name"]
        self.currency: str = record["currency"]
        self.columns: dict[str, list[str]] = record["columns"]
        self.report: dict[str, Any] = record.get("report", {})
        self.made_from: dict[str, str] = record.get("made_from", {})
        self.queries: dict[str, str] = record.get("queries", {})
        self.aside: list[tuple[str, str, str, str | None, int, float]] = [tuple(row) for row in record.get("aside", [])]
        self.fingerprint: str = record.get("fingerprint", "")
        self.smallest_group: int = record.get("smallest_group", 1)
        self.seen_under: str = record.get("seen_under", "")
        self.last_day = date.fromisoformat(record["last_day"])
        self.rates_on = date.fromisoformat(record["rates_on"])
        starts = tuple((label, date.fromisoformat(start)) for label, start in record["calendar"]["quarter_starts"])
        self.calendar = Calendar(**{**record["calendar"], "quarter_starts": starts})

    @classmethod
    def open(cls, folder: Path) -> Prepared:
        """Open the folder that ``prepare`` wrote.

        Raises:
            KitError: there is none.
        """
        try:
            return cls(folder, json.loads((folder / "prepared.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise KitError(
                f"{folder}: no prepared.json, must be a folder that `prepare` wrote; build it again"
            ) from None

    @property
    def held(self) -> list[str]:
        """The tables that stand in files, as the source gives them."""
        return [name for name in self.columns if name not in self.made_from]

    def provides(self, what: str) -> bool:
        """Whether the source gives a table (``deals``) or a column (``subscriptions.renewal_on``)."""
        name, _, column = what.partition(".")
        return name in self.columns and (not column or column in self.columns[name])

    def connect(self, beside: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyConnection:
        """A DuckDB in which queries name the files of the folder as they stand, and can call ``local_day(instant)``.

        It works in one thread: sums of fractions end in the same digit each time, and kernels work side by side.
        Joins of days and spans of days sort both, however few the days are: else each day is held against most spans.
        ``beside`` another connection it is one more session of the same DuckDB, with all that was made there.
        """
        engine = local_engine(beside)
        engine.execute(f"set file_search_path = {quoted(str(self.folder))}")
        if not beside:
            engine.execute("set threads = 1")
            engine.execute("set merge_join_threshold = 0")
            engine.execute(local_day_function(self.calendar.timezone))
        return engine

    def judged(self, name: str) -> str:
        """The query that gives every row of a table, with ``left_out``, the reason that it does not count, or null.

        Files are named relative to the folder. A table that the source does not give is there, without rows.
        """
        if name not in self.columns:
            columns = ", ".join(f'cast(null as {SQL_TYPES[c.type]}) as "{c.name}"' for c in HELD[name].columns)
            none = "date '0001-01-01' as known_from, date '9999-12-31' as known_until"
            return f"select {columns}, {none}, cast(null as varchar) as left_out, false as unlinked where false"
        return f"from '{name}.parquet'"
