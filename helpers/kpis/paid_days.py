"""What customers paid before they had value: the days, and the money that these stand for.

Source: specification K02. A 90-day installation is 90/365 of a year paid for nothing: 24.66 %.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import pandas as pd

from helpers.kpis.customer_mrr import with_mrr
from helpers.kpis.subscription_versions import Rules, paying, survey
from helpers.periods import Period

if TYPE_CHECKING:
    from helpers.data.known import Tables


def paid_without_value(tables: Tables, reached: pd.DataFrame, period: Period, rules: Rules) -> pd.DataFrame:
    """The customers with ``mrr`` on the first paid day, and ``money``, what they paid on the days without value.

    Money is days × MRR × 12 ÷ 365. ``reached`` are customers of a cohort that reached value and have a first paid day;
    the amounts are missing where no subscription was in force on it.

    Raises:
        Refused: versions of a line overlap, a price is below 0, or a currency has no rate.
    """
    survey(tables, period, rules)
    asked = ibis.memtable(reached[["account_id", "paid_on"]], schema={"account_id": "string", "paid_on": "date"})
    rows = paying(tables, rules).join(asked, "account_id")
    rows = with_mrr(
        tables, rows.filter(rows.start_on <= rows.paid_on, rows.ends > rows.paid_on), period.measured_on, rules
    )
    mrr = tables.fetch(rows.group_by("account_id").aggregate(mrr=rows.mrr.sum().cast("float64")))
    found = reached.merge(mrr, on="account_id", how="left")
    days = (found["value_on"] - found["paid_on"]).dt.days.clip(lower=0)
    return found.assign(money=days * found["mrr"] * 12 / 365)
