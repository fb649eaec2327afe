"""The card of inactive customers: K03.

Its queries stand in ``inactive_customers.sql``, what counts as activity in ``shared/activity.sql``; whom to call is in
``tables``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from helpers.kpis.rows import Rows
from helpers.kpis.spine import Spine
from helpers.results import Row
from helpers.statistics import wilson


def inactive_customers(spine: Spine) -> list[Row]:
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
    require_use(spine)
    rows = Rows(spine, "inactive_customers", notes="silence_notes", left_out=("customers", "users", "events"))
    typed = spine.provides("customers.product_type")
    unasked: dict[tuple[Any, ...], dict[str, int]] = defaultdict(dict)
    for label, by, segment, why, customers in (tuple(answer.values()) for answer in spine.answers("unasked")):
        unasked[label, by, segment][f"customers: {why}"] = customers
    for answer in rows.answers:
        if answer["segment_by"] and not typed:
            continue
        key = (answer["label"], answer["segment_by"], answer["segment"])
        told: dict[str, Any] = {"n": answer["asked"], "excluded": unasked[key], "warnings": tuple(_warnings(answer))}
        inactive, asked = answer["inactive_customers"], answer["asked"]
        rows.add("inactive_customers", answer, inactive, **told)
        rows.share("inactive_rate", answer, inactive, asked, interval=wilson(inactive, asked), **told)
        rows.add("newly_silent", answer, answer["newly_silent"], **told)
        rows.add("returned", answer, answer["returned"], **told)
    return rows.done()


def require_use(spine: Spine) -> None:
    """Refuse to go on where nobody pays, nothing is done, or nothing tells whose doing it is.

    Raises:
        NotProvided: naming what is not there.
    """
    spine.require("subscriptions", "events")
    if not spine.provides("users"):
        spine.require("events.customer_id")
    if spine.rules["account_level"] == "parent":
        spine.require("customers.parent_id")


def _warnings(answer: Mapping[str, Any]) -> Iterator[str]:
    """Who is silent because nobody could be seen, and where events begin after the window does."""
    if without := answer["without_users"]:
        yield f"no_users: {without} inactive customers have no user on record"
    first_on, opens_on = answer["first_on"], answer["opens_on"]
    if first_on and first_on > opens_on:
        yield f"history_starts_at {first_on}: the window opens on {opens_on}"
