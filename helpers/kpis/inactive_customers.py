"""Which paying customers have gone silent, early enough to call them.

Source: specification, cards K03 and K04. The list of whom to call is in ``call_list``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Unpack

import pandas as pd

from helpers.kpis.activity import refuse_stale_feed
from helpers.kpis.silence import ACTIVE, SILENT, Silence, SilenceRules, states, tally, unasked
from helpers.periods import Period
from helpers.results import Row, row, share
from helpers.statistics import wilson

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helpers.data.known import Tables

WEEK = timedelta(days=7)


def inactive_customers(tables: Tables, period: Period, **given: Unpack[SilenceRules]) -> list[Row]:
    """Paying customers whose people have stopped using the product.

    Definition:
        A customer is inactive if none of its users did any activity in the last 14 complete days (``window_days``)
        up to the last day of the period. Activity is any event but log-ins and what the software does by itself, or
        the events named as core actions. Asked are the customers that pay on that day, have paid since before the
        window, and have reached first value where that is recorded. Products of which silence says nothing (an API,
        monitoring, insurance) are judged by their own health signal, or left out and counted. A customer without any
        user on record is inactive. The rate is inactive customers ÷ customers asked. Newly silent: inactive now, and
        asked and active 7 days earlier; returned: the reverse.

    Returns:
        ``inactive_customers`` (count), ``inactive_rate`` (share, with its Wilson interval), ``newly_silent`` and
        ``returned`` (counts), in all and by product type. Without customers to ask: counts of 0, the rate undefined.

    Raises:
        NotProvided: There are no subscriptions, no events, or neither users nor customers of events.
        Refused: The event feed ends too long before the period's last day; a product type has no window.

    Source:
        Specification K03; article 002, "Inactive Customers?".
    """
    rules = Silence.of(given)
    tables.require("subscriptions", "events")
    refuse_stale_feed(tables, period, rules.use.feed_max_age_days)
    today = period.measured_on
    found = states(tables, (today, today - WEEK), rules)
    found = found.assign(now=found[str(today)], before=found[str(today - WEEK)])
    notes = _notes(tables, found, period, rules)
    return [r for group, part in _groups(tables, found) for r in _rows(part, period, group, notes)]


def _rows(part: pd.DataFrame, period: Period, group: tuple[str, str], notes: dict[str, Any]) -> list[Row]:
    found = tally(part["before"], part["now"])
    k, n = found.inactive, found.asked
    told = {"segment": group, "n": n, **notes}
    return [
        row("inactive_customers", period, k, **told),
        share("inactive_rate", period, k, n, interval=wilson(k, n), **told),
        row("newly_silent", period, found.newly_silent, **told),
        row("returned", period, found.returned, **told),
    ]


def _groups(tables: Tables, found: pd.DataFrame) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    """All customers, then those of each product type that is asked."""
    yield ("", ""), found
    if tables.provides("customers.product_type"):
        asked = found[found["now"].isin([SILENT, ACTIVE])]
        for product_type in sorted(asked["product_type"].unique()):
            yield ("product_type", product_type), found[found["product_type"] == product_type]


def _notes(tables: Tables, found: pd.DataFrame, period: Period, rules: Silence) -> dict[str, Any]:
    """Who is not asked, and what to know of those who are."""
    excluded = {f"customers: {why}": n for why, n in unasked(found["now"]).value_counts().items()}
    without_users = int(((found["now"] == SILENT) & (found["users"] == 0)).sum())
    warnings = [f"no_users: {without_users} inactive customers have no user on record"] if without_users else []
    return {
        "excluded": {**excluded, **tables.excluded("customers", "users", "events")},
        "warnings": [*warnings, *_history_warning(tables, period, rules)],
    }


def _history_warning(tables: Tables, period: Period, rules: Silence) -> list[str]:
    """Said where the events begin after the longest window does: silence before them is not seen."""
    first, opens = tables.reach("events").first, period.measured_on - timedelta(days=rules.longest - 1)
    return [f"history_starts_at {first}: the window opens on {opens}"] if first and first > opens else []
