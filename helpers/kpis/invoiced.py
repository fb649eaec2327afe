"""What was invoiced, net of credits and without tax, in the reporting currency.

Source: specification 1.3, cards K18 and G02.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from helpers.kpis.money import in_reporting_currency
from helpers.kpis.subscription_versions import EXACT, Rules, with_account, with_segment

if TYPE_CHECKING:
    import ibis

    from helpers.data.known import Tables
    from helpers.periods import Period

RECURRING, OTHER = "recurring", "other"


def orders(tables: Tables, period: Period, since: date, rules: Rules) -> pd.DataFrame:
    """Per ``segment``: ``revenue`` invoiced from a day to the end of the period, and the ``customers`` that ordered.

    Credits lower revenue, not the count.
    """
    lines = _lines(tables, period, since, rules)
    return tables.fetch(
        lines.group_by("segment").aggregate(
            revenue=lines.amount.cast(EXACT).sum().cast("float64"),
            customers=lines.account_id.nunique(where=lines.amount > 0),
        )
    )


def by_kind(tables: Tables, period: Period, rules: Rules) -> pd.DataFrame:
    """What was invoiced in the period, by ``kind`` (``recurring`` or ``other``): ``amount`` and ``lines``."""
    lines = _lines(tables, period, period.start, rules)
    lines = lines.mutate(kind=(lines.kind == RECURRING).ifelse(RECURRING, OTHER))
    return tables.fetch(
        lines.group_by("kind").aggregate(amount=lines.amount.cast(EXACT).sum().cast("float64"), lines=lines.count())
    )


def _lines(tables: Tables, period: Period, since: date, rules: Rules) -> ibis.Table:
    rows = tables["invoices"]
    rows = rows.filter(rows.kind != "tax", rows.invoiced_on.between(since, period.measured_on))
    day = period.measured_on if rules.fx_mode == "period_end" else None
    return with_segment(tables, with_account(tables, in_reporting_currency(tables, rows, "amount", day=day), rules))
