"""How much of what a customer may use it has used since the limit was last reset.

Source: specification, card K10.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from helpers.errors import KitError
from helpers.kpis.activity import paying_on
from helpers.kpis.subscription_versions import Rules, with_account
from helpers.periods import DAY, Calendar, Period

if TYPE_CHECKING:
    from helpers.data.known import Tables

KEY = ["customer_id", "meter"]
PROJECTED_FROM = 0.25  # of the window: earlier, a day more or less changes too much
BELOW_ZERO = "usage below 0 in the window"


def quotas(tables: Tables, period: Period, rules: Rules) -> tuple[pd.DataFrame, dict[str, int]]:
    """One row per customer, of an account that pays, and meter with a limit in force on the period's last day.

    Beside them what was left out. A limit holds for the customer that it was given to, also where parents pay.
    Columns: ``customer_id``, ``meter``, ``limit``, ``reset``, ``opens_on`` and ``elapsed`` (the window and the share of
    it that has passed, both missing without reset), ``used``, ``projected`` (missing too early, or without reset). The
    latest limit holds for the whole window; corrections below 0 are part of what was used.

    Raises:
        NotProvided: there are no entitlements or no measurements.
    """
    tables.require("entitlements", "measurements")
    limits = _limits(tables, period, rules)
    found = limits.merge(_used(tables, period, limits), on=KEY, how="left")
    found = found.fillna({"used": 0.0})
    fit = found[found["used"] >= 0].reset_index(drop=True)
    told = fit["elapsed"].where(fit["elapsed"] >= PROJECTED_FROM)
    excluded = {f"entitlements: {BELOW_ZERO}": len(found) - len(fit)} if len(fit) < len(found) else {}
    return fit.assign(projected=fit["used"] / told), excluded


def _limits(tables: Tables, period: Period, rules: Rules) -> pd.DataFrame:
    """The limits in force, the latest of each customer and meter, each with its window."""
    today = period.measured_on
    rows = tables["entitlements"]
    rows = rows.filter(rows.start_on <= today, (rows.end_on > today).fill_null(True))
    if tables.provides("subscriptions"):
        rows = with_account(tables, rows, rules).semi_join(paying_on(tables, today, rules), "account_id")
    latest = rows.group_by(KEY).aggregate(
        limit=rows.limit_qty.argmax(rows.start_on),
        reset=rows.reset.argmax(rows.start_on),
        start_on=rows.start_on.max(),
    )
    found = tables.fetch(latest).sort_values(["meter", "customer_id"], ignore_index=True)
    windows = {reset: _window(period.calendar, reset, today) for reset in found["reset"].unique()}
    elapsed = {
        reset: (today + DAY - opens).days / (closes - opens).days for reset, (opens, closes) in windows.items() if opens
    }
    opens_on = pd.to_datetime(found["reset"].map({reset: opens for reset, (opens, _) in windows.items()}))
    begun = opens_on.fillna(pd.to_datetime(found["start_on"]))
    return found.assign(opens_on=begun, elapsed=found["reset"].map(elapsed).astype("float64")).drop(columns="start_on")


def _window(calendar: Calendar, reset: str, day: date) -> tuple[date | None, date]:
    """The first day of the window that holds a day, and the first day after it; nothing opens without reset."""
    starts: dict[str, Callable[[date], date]] = {
        "month": lambda day: calendar.month_of(day).start,
        "quarter": lambda day: calendar.quarter_of(day).start,
        "year": calendar.fiscal_year_start,
    }
    if reset not in starts:
        return None, day
    opens = starts[reset](day)
    closes = day
    with suppress(KitError):  # a listed calendar ends with this window
        while starts[reset](closes) == opens:
            closes += DAY
    return opens, closes


def _used(tables: Tables, period: Period, limits: pd.DataFrame) -> pd.DataFrame:
    """What was measured from the opening of each window to the period's last day."""
    opened = limits[KEY].assign(opens_on=pd.to_datetime(limits["opens_on"]).dt.date)
    schema = {**dict.fromkeys(KEY, "string"), "opens_on": "date"}
    rows = tables["measurements"].rename(meter="metric")
    rows = rows.mutate(day=tables.local_date(rows["at"])).join(
        ibis.memtable(opened.astype("object"), schema=schema), KEY
    )
    rows = rows.filter(rows.day >= rows.opens_on, rows.day <= period.measured_on)
    return tables.fetch(rows.group_by(KEY).aggregate(used=rows.value.sum()))
