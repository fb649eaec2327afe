"""Subscription lines that come up for renewal.

Source: specification, card K24. A line is a (subscription_id, line_id); one without ``renewal_on`` is never due.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from helpers.kpis.customer_mrr import on_day, with_mrr
from helpers.kpis.subscription_versions import Rules, paying
from helpers.periods import Period

if TYPE_CHECKING:
    from helpers.data.known import Tables

LINE = ["subscription_id", "line_id"]


def came_due(tables: Tables, period: Period, rules: Rules) -> pd.DataFrame:
    """One row per paid line whose renewal fell in the period: ``account_id``, ``due_on``, ``arr`` and ``renewed``.

    ``arr`` is that of the version that came due. It renewed if the line is paid on some day from ``due_on`` to
    ``grace_days`` later.
    """
    tables.require("subscriptions.renewal_on")
    rows = paying(tables, rules)
    due = (rows.renewal_on >= period.start) & (rows.renewal_on < period.flow_end)
    due_on = due.ifelse(rows.renewal_on, None).max().over(ibis.window(group_by=LINE))
    rows = rows.mutate(due=due, due_on=due_on)
    rows = with_mrr(tables, rows.filter(rows.due_on.notnull()), period.measured_on, rules)
    late = rows.start_on.delta(rows.due_on, unit="day")
    lines = rows.group_by(*LINE).aggregate(
        account_id=rows.account_id.argmax(rows.start_on),
        due_on=rows.due_on.max(),
        arr=12 * rows.mrr.argmax(rows.start_on, where=rows.due),
        renewed=((late <= rules.grace_days) & (rows.ends > rows.due_on)).any(),
    )
    return tables.fetch(lines).sort_values(["account_id", *LINE], ignore_index=True)


def coming_due(tables: Tables, period: Period, rules: Rules, *, days: int) -> pd.DataFrame:
    """One row per line in force on the period's last day that is up for renewal in the ``days`` after it.

    Columns: ``account_id``, ``subscription_id``, ``line_id``, ``product``, ``plan``, ``renewal_on``, ``days_left``,
    ``arr``, ``cancelled_on``; the earliest renewal first.
    """
    tables.require("subscriptions.renewal_on")
    today = period.measured_on
    rows = on_day(tables, today, period, rules)
    rows = rows.filter(rows.renewal_on > today, rows.renewal_on <= today + timedelta(days=days))
    rows = rows.mutate(arr=12 * rows.mrr.cast("float64"), days_left=rows.renewal_on.delta(today, unit="day"))
    named = ["account_id", *LINE, "product", "plan", "renewal_on", "days_left", "arr", "cancelled_on"]
    return tables.fetch(rows.select(*named)).sort_values(["renewal_on", "account_id", *LINE], ignore_index=True)
