"""How customers used the product before a day of their own: before they left, or until today.

Source: specification, card K24, the lost-customer review.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import pandas as pd

from helpers.kpis.activity import Use, is_activity, tells_use, with_accounts
from helpers.kpis.activity_blocks import BLOCKS
from helpers.kpis.onboarding import first_days
from helpers.kpis.subscription_versions import Rules, with_account

if TYPE_CHECKING:
    from helpers.data.known import Tables
    from helpers.periods import Period

BLOCK_DAYS, QUARTER_DAYS = 7, 91


def with_last_use(tables: Tables, found: pd.DataFrame, period: Period, use: Use) -> pd.DataFrame:
    """``found`` with what each customer did before its day ``until``; what the source does not tell has no column.

    Columns: ``last_active_on``; ``weeks``, of the seven before that day, with anybody active; ``tickets``, opened in
    the 91 days before; ``days_to_value``, from sign-up, or order where it is told, to first value. Where the event feed
    ended before the period did, it tells nothing of those days.
    """
    asked = _asked(found)
    if _tells_use(tables, period, use):
        active = tables.fetch(_active(tables, asked, use))
        found = found.merge(active, on="account_id", how="left").fillna({"weeks": 0})
    if tables.provides("tickets"):
        opened = tables.fetch(_tickets(tables, asked, use.customers))
        found = found.merge(opened, on="account_id", how="left").fillna({"tickets": 0})
    if tables.provides("customers.first_value_on"):
        found = found.merge(tables.fetch(_to_value(tables, asked, use.customers)), on="account_id", how="left")
    return found


def _tells_use(tables: Tables, period: Period, use: Use) -> bool:
    last = tables.reach("events").last if tells_use(tables) else None
    return last is not None and (period.measured_on - last).days <= use.feed_max_age_days


def _asked(found: pd.DataFrame) -> ibis.Table:
    days = pd.to_datetime(found["until"]).dt.date.astype("object")
    rows = pd.DataFrame({"account_id": found["account_id"].astype("object"), "before": days})
    return ibis.memtable(rows, schema={"account_id": "string", "before": "date"})


def _active(tables: Tables, asked: ibis.Table, use: Use) -> ibis.Table:
    rows = with_accounts(tables, use.customers)
    rows = rows.filter(is_activity(rows, use.events)).join(asked, "account_id")
    rows = rows.filter(rows.active_on < rows.before)
    block = (rows.before.delta(rows.active_on, unit="day") - 1) // BLOCK_DAYS
    return rows.group_by("account_id").aggregate(
        last_active_on=rows.active_on.max(), weeks=block.nunique(where=block < BLOCKS)
    )


def _tickets(tables: Tables, asked: ibis.Table, rules: Rules) -> ibis.Table:
    rows = with_account(tables, tables["tickets"], rules)
    rows = rows.filter(~rows.is_spam.fill_null(False), rows.merged_into.isnull())
    rows = rows.mutate(day=tables.local_date(rows.created_at)).join(asked, "account_id")
    opens = rows.before - ibis.interval(days=QUARTER_DAYS)
    rows = rows.filter(rows.day >= opens.cast("date"), rows.day < rows.before)
    return rows.group_by("account_id").aggregate(tickets=rows.count())


def _to_value(tables: Tables, asked: ibis.Table, rules: Rules) -> ibis.Table:
    rows = first_days(tables, rules).semi_join(asked, "account_id")
    return rows.select("account_id", days_to_value=rows.first_value_on.delta(rows.start_on, unit="day"))
