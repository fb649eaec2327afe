"""The prepared folder, and the tables as they were known at a day: what every KPI function receives.

Source: specification 1.2 and 1.4 (the rules are in ``tables`` and ``hygiene``). Each table is made once per day of
knowledge and kept, so that the queries of many cards over the same day cost nothing again.
"""

from __future__ import annotations

import json
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import ibis
import ibis.expr.datatypes as dt

from helpers.data import hygiene
from helpers.data.local_days import local_day_function
from helpers.data.schema import Table
from helpers.data.engines import library_warnings_ignored, local_engine, quoted
from helpers.data.tables import HELD
from helpers.errors import KitError, NotProvided
from helpers.periods import Calendar

if TYPE_CHECKING:
    import ibis.expr.types as ir


@ibis.udf.scalar.builtin
def timezone(zone: str, at: dt.Timestamp("UTC")) -> dt.timestamp:  # type: ignore[valid-type]
    """The local time of an instant, by the engine's own function."""


class Prepared:
    """A prepared folder: the canonical tables as Parquet, and ``prepared.json``.

    ``report`` is the data report, ``fingerprint`` the hash of the Parquet files.
    """

    def __init__(self, folder: Path, record: dict[str, Any]) -> None:
        self.folder = folder
        self.name: str = record["name"]
        self.currency: str = record["currency"]
        self.columns: dict[str, list[str]] = record["columns"]
        self.report: dict[str, Any] = record.get("report", {})
        self.fingerprint: str = record.get("fingerprint", "")
        self.as_of_on = date.fromisoformat(record["as_of_on"])
        self.rates_on = date.fromisoformat(record["rates_on"])
        self.calendar = calendar_from(record["calendar"])
        self._known: dict[date, Tables] = {}
        self._loaded: dict[str, bool] = {}

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

    def known(self, as_of_on: date) -> Tables:
        """The tables as known before the first instant of the local day ``as_of_on``.

        Raises:
            KitError: the folder was prepared for an earlier day.
        """
        if as_of_on > self.as_of_on:
            raise KitError(f"{self.folder} is as known before {self.as_of_on}, must reach {as_of_on}; build it again")
        if as_of_on not in self._known:
            self._known[as_of_on] = Tables(self, as_of_on)
        return self._known[as_of_on]

    @cached_property
    def engine(self) -> Any:
        """The DuckDB connection that all tables of this folder live in."""
        with library_warnings_ignored():
            backend = ibis.duckdb.from_connection(local_engine())
        backend.raw_sql(local_day_function(self.calendar.timezone))
        return backend

    def load(self, name: str) -> bool:
        """Read a table's Parquet into the engine, once, and tell whether any key stands in more than one row.

        Reduced tables stay in their file: they are large, and one row per key was chosen when they were reduced. In the
        engine are their rows added up, which is enough to count them.
        """
        if name not in self._loaded:
            rows = f"from read_parquet({quoted(str(self.folder / f'{name}.parquet'))})"
            reduced = bool(HELD[name].counted)
            self.engine.raw_sql(f"create {'view' if reduced else 'table'} raw_{name} as {rows}")
            if reduced:
                self.engine.raw_sql(f"create table added_{name} as {hygiene.added_up(HELD[name], f'raw_{name}')}")
            self._loaded[name] = not reduced and self._repeats(name)
        return self._loaded[name]

    def _repeats(self, name: str) -> bool:
        key = ", ".join(f'"{column}"' for column in HELD[name].key)
        rows, keys = self.engine.raw_sql(f"select count(*), count(distinct row({key})) from raw_{name}").fetchone()
        return rows != keys


class Counted(NamedTuple):
    """How many rows there are, and the local days of the first and the last of them; none where there is no row."""

    rows: int
    first: date | None = None
    last: date | None = None


class Tables:
    """The clean tables at one day of knowledge. The columns are those of the specification, missing ones empty.

    ``rates_on`` is the day whose fixed exchange rates hold for every history row of the pack.
    """

    def __init__(self, prepared: Prepared, as_of_on: date) -> None:
        self.as_of_on = as_of_on
        self.calendar = prepared.calendar
        self.currency = prepared.currency
        self.rates_on = prepared.rates_on
        self._prepared = prepared
        self._clean: dict[str, ir.Table] = {}
        self._counts: dict[str, dict[str, Counted]] = {}

    def provides(self, what: str) -> bool:
        """Whether the source gives a table (``deals``) or a column (``subscriptions.renewal_on``)."""
        name, _, column = what.partition(".")
        columns = self._prepared.columns
        return name in columns and (not column or column in columns[name])

    def require(self, *what: str) -> None:
        """Refuse to go on without these tables and columns.

        Raises:
            NotProvided: naming the first that is not there.
        """
        for needed in what:
            if not self.provides(needed):
                raise NotProvided(needed)

    def __getitem__(self, name: str) -> ir.Table:
        self.require(name)
        if name not in self._clean:
            self._make(HELD[name])
        return self._clean[name]

    def excluded(self, *names: str) -> dict[str, int]:
        """How many rows of these tables are left out, by reason: ``{"deals: closed_at before created_at": 1}``."""
        return {
            f"{name}: {reason}": counted.rows
            for name in names
            if self.provides(name)
            for reason, counted in self._counted(name).items()
            if reason
        }

    @property
    def read(self) -> set[str]:
        """The tables read so far, and those that they refer to."""
        return set(self._clean)

    def fetch(self, expr: ir.Expr) -> Any:
        """Run an expression: the only way in which rows reach pandas."""
        with library_warnings_ignored():
            return self._engine.execute(expr)

    def local_date(self, at: ir.Value) -> ir.DateValue:
        """The local day, in the reporting time zone, of an instant."""
        return timezone(self.calendar.timezone, at).date()

    def reach(self, name: str) -> Counted:
        """How many clean rows a table has, and from when to when they reach."""
        return self._counted(name).get("", Counted(0))

    def judged(self, name: str) -> str:
        """The engine's name of a table's known rows, each with the reason it is left out for (``_excluded``).

        The rows of a reduced table are added up to what somebody did in a day.
        """
        self[name]
        return self._named(name, "judged")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query over the engine's own tables; for the data report, cards use :meth:`fetch`."""
        return self._engine.raw_sql(sql).fetchall()

    def _counted(self, name: str) -> dict[str, Counted]:
        """What is counted of the rows that are left out, by reason, and of the clean ones, under no reason."""
        if name not in self._counts:
            table = HELD[name]
            first, last = (table.day(table.event_time, f"{edge}({{}})") for edge in ("min", "max"))
            found = self.rows(
                f"select coalesce(_excluded, ''), {table.count()}, {first}, {last} "
                f'from "{self.judged(name)}" group by 1 order by 1'
            )
            self._counts[name] = {reason: Counted(*counted) for reason, *counted in found}
        return self._counts[name]

    @property
    def _engine(self) -> Any:
        return self._prepared.engine

    def _make(self, table: Table) -> None:
        repeated = self._prepared.load(table.name)
        clean, judged = self._named(table.name), self._named(table.name, "judged")
        if table.counted:
            single = f"({self._judged(table, f'raw_{table.name}')})"
            self._run(f'create view "{judged}" as {self._judged(table, f"added_{table.name}")}')
        else:
            single = f'"{judged}"'
            self._run(f'create table "{judged}" as {self._judged(table, f"raw_{table.name}", repeated=repeated)}')
        columns = ", ".join(f'"{name}"' for name in table.names)
        self._run(f'create view "{clean}" as select {columns} from {single} where _excluded is null')
        self._clean[table.name] = self._engine.table(clean)
        if self.provides("customers.merged_into") and table.name == "customers":
            keys = self._keys("customers")
            self._run(f'update "{judged}" set parent_id = k.target from "{keys}" k where parent_id = k.key')

    def _judged(self, table: Table, rows: str, *, repeated: bool = False) -> str:
        """The SQL of the known rows, each with the reason it is left out for."""
        links = {r: self._keys(r.table) for r in table.references if self.provides(r.table)}
        knowledge = self._knowledge(table)
        known = f"({hygiene.known_rows(table, knowledge, rows)})"
        if repeated:
            known = hygiene.one_version(table, knowledge, known)
        elif not table.counted:
            known = f"select *, cast(null as varchar) as _version from {known}"
        return hygiene.judged_rows(table, links, known)

    def _keys(self, name: str) -> str:
        """The table of the keys that references find, made with the table they point into."""
        keys, judged = self._named(name, "keys"), self.judged(name)
        select = hygiene.keys_of_merged(judged) if name == "customers" else hygiene.keys_of(HELD[name], judged)
        self._run(f'create table if not exists "{keys}" as {select}')
        return keys

    def _knowledge(self, table: Table) -> hygiene.Knowledge:
        on = self._prepared.as_of_on if table.of_the_pack else self.as_of_on
        return hygiene.Knowledge(on, self.calendar.instant(on))

    def _named(self, name: str, what: str = "clean") -> str:
        return f"{name}_{what}_{self.as_of_on:%Y%m%d}"

    def _run(self, sql: str) -> None:
        self._engine.raw_sql(sql)


def calendar_from(record: dict[str, Any]) -> Calendar:
    """The calendar as ``prepared.json`` holds it."""
    starts = tuple((label, date.fromisoformat(start)) for label, start in record["quarter_starts"])
    return Calendar(**{**record, "quarter_starts": starts})
