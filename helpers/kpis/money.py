"""Amounts of several currencies in the reporting currency: by finance's rates, never by an assumed 1.0.

Source: specification 1.3. The rate is fixed for the fiscal year of the review period, so that currencies never
look like growth, or it is the rate of a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from helpers.errors import Refused

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.data.known import Tables


def in_reporting_currency(tables: Tables, rows: ibis.Table, *amounts: str, day: date | None = None) -> ibis.Table:
    """``rows`` with the columns ``amounts`` in the reporting currency; each row tells its own ``currency``.

    Args:
        tables: The tables known, for their rates and reporting currency.
        rows: A table with a ``currency`` column.
        amounts: The columns to convert.
        day: The day whose rate holds; by default the rate that is fixed for the fiscal year.

    Raises:
        Refused: a currency that an amount is in has no rate; the reason names it.
    """
    rates = rates_at(tables, day)
    priced = ibis.or_(*(rows[name].notnull() for name in amounts))
    used = tables.fetch(rows.filter(priced).select("currency").distinct())
    refuse_missing(used["currency"], rates)
    rate = rate_of(rows["currency"], rates)
    return rows.mutate(**{name: rows[name] * rate for name in amounts})


def rates_at(tables: Tables, day: date | None = None) -> dict[str, float]:
    """Reporting units for one unit of each currency: at the rate fixed for the fiscal year, or on a day.

    A fixed rate is the one without a day, else the newest one not after the first day of the fiscal year.
    The rate of a day is the newest one not after it, else the one without a day.
    """
    if not tables.provides("fx_rates"):
        return {tables.currency: 1.0}
    quotes = _quotes(tables)
    undated = _by_currency(quotes[quotes["on"].isna()])
    newest = _by_currency(quotes[quotes["on"] <= pd.Timestamp(day or tables.rates_on)])
    found = {**undated, **newest} if day else {**newest, **undated}
    return {**found, tables.currency: 1.0}


def rate_of(currency: ir.StringValue, rates: Mapping[str, float]) -> ir.FloatingValue:
    """The rate of each row's currency, null where none is known."""
    return currency.cases(*rates.items(), else_=ibis.null("float64"))


def refuse_missing(currencies: Iterable[str | None], rates: Mapping[str, float]) -> None:
    """Refuses amounts in a currency without a rate.

    >>> refuse_missing(["EUR", "CHF", "USD"], {"USD": 1.0, "EUR": 1.1})
    Traceback (most recent call last):
        ...
    helpers.errors.Refused: no rate for CHF; add it to fx_rates
    """
    missing = sorted({"an amount without a currency" if pd.isna(c) else str(c) for c in currencies} - set(rates))
    if missing:
        raise Refused(f"no rate for {', '.join(missing)}; add it to fx_rates")


@lru_cache(maxsize=128)
def _quotes(tables: Tables) -> pd.DataFrame:
    found = tables.fetch(tables["fx_rates"].select("currency", "on", "rate"))
    return found.assign(on=pd.to_datetime(found["on"])).sort_values("on", kind="stable")


def _by_currency(quotes: pd.DataFrame) -> dict[str, float]:
    """The last quote of each currency."""
    return {str(currency): float(rate) for currency, rate in quotes.groupby("currency")["rate"].last().items()}
