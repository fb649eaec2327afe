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

from helpers.data.engines import local_engine, quoted
from helpers.data.knowledge import ALWAYS, FOREVER
from helpers.data.local_days import local_day_function
from helpers.data.schema import SQL_TYPES
from helpers.data.tables import HELD
from helpers.errors import KitError
from helpers.periods import Calendar


class Prepared:
    """A prepared folder.

    ``columns`` are those that the source gives of each table, ``report`` is the data report, ``fingerprint`` the hash
    of the Parquet files. ``last_day`` is the last day that is known, ``rates_on`` the day whose fixed exchange rates
    hold for every period of the pack.
    """

    def __init__(self, folder: Path, record: dict[str, Any]) -> None:
        self.folder = folder
        self.name: str = record["name"]
        self.currency: str = record["currency"]
        self.columns: dict[str, list[str]] = record["columns"]
        self.report: dict[str, Any] = record.get("report", {})
        self.fingerprint: str = record.get("fingerprint", "")
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

    def provides(self, what: str) -> bool:
        """Whether the source gives a table (``deals``) or a column (``subscriptions.renewal_on``)."""
        name, _, column = what.partition(".")
        return name in self.columns and (not column or column in self.columns[name])

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB in which queries name the folder's files as they stand there; ``local_day(instant)`` is a function."""
        engine = local_engine()
        engine.execute(f"set file_search_path = {quoted(str(self.folder))}")
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
        return self._judged_events() if name == "events" else f"from '{name}.parquet'"

    def _judged_events(self) -> str:
        """Days of use, each with what is known of its user, and of the customer that the event itself names.

        ``customer_id`` is the user's own, and ``created_on`` the day on which the user was created; where no users are
        given, the customer is the event's, and that day is not told.
        """
        of_users, of_customers = "users" in self.columns, "customers" in self.columns
        customer = "u.customer_id" if of_users else "c.target" if of_customers else "e.customer_id"
        return f"""
            select active_on, e.user_id, {customer} as customer_id, created_on, event, feature, is_automated, events,
                greatest(_since_on, u.known_from, c.known_from) as known_from,
                least(coalesce(_until_on - 1, {FOREVER}), u.known_until, c.known_until) as known_until,
                coalesce(_version, {"nullif(coalesce(u.left_out, 'user_id not in users'), '')," if of_users else ""}
                    c.left_out, _broken) as left_out,
                {"e.customer_id is not null and c.target is null" if of_customers else "false"} as unlinked
            from 'events.parquet' e
            left join ({USERS if of_users else NO_USERS}) u on {_same("user_id", "u")}
            left join ({CUSTOMERS if of_customers else NO_CUSTOMERS}) c on {_same("customer_id", "c")}"""


def _same(column: str, of: str) -> str:
    """Where an event names a row, in a form that is known while the event is."""
    return (
        f"e.{column} = {of}.{column} and _since_on <= {of}.known_until "
        f"and coalesce(_until_on - 1, {FOREVER}) >= {of}.known_from"
    )


# Each user and each customer has a form from the first day on: before it is known, it is missing.
USERS = f"""
                select user_id, any_value(customer_id) as customer_id, any_value(created_on) as created_on, known_from,
                    known_until,
                    case when count(left_out) > 0 then 'user_id is of a row left out of users' else '' end as left_out
                from 'users.parquet' group by user_id, known_from, known_until
                union all
                select user_id, null, null, {ALWAYS}, min(known_from) - 1, 'user_id not in users'
                from 'users.parquet' group by user_id having min(known_from) > {ALWAYS}"""
CUSTOMERS = f"""
                select key as customer_id, target, known_from, known_until,
                    case when left_out then 'customer_id is of a row left out of customers' end as left_out
                from 'keys_of_customers.parquet'
                union all
                select key, null, {ALWAYS}, min(known_from) - 1, null
                from 'keys_of_customers.parquet' group by key having min(known_from) > {ALWAYS}"""
_NONE = f"{ALWAYS} as known_from, {FOREVER} as known_until, cast(null as varchar) as left_out where false"
NO_USERS = f"select null as user_id, null as customer_id, cast(null as date) as created_on, {_NONE}"
NO_CUSTOMERS = f"select null as customer_id, null as target, {_NONE}"
