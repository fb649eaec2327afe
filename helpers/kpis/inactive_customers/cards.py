"""The cards of inactive customers: who is silent (K03), what money is at risk, and whether the call list gave warning.

Their queries stand in ``inactive_customers.sql``, what counts as activity in ``shared/activity.sql``; whom to call is
in ``tables``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from helpers.kpis.rows import Rows, require_parents
from helpers.kpis.spine import Spine
from helpers.language import template
from helpers.results import Row

UNASKED = template("customers: {reason}")
LOST_UNASKED = template("customers lost: {reason}")
NO_USERS = template("no_users: {n} inactive customers have no user on record")
HISTORY = template("history_starts_at {day}: the window opens on {opens}")
NO_LIST = template("no call list on {n} of {sundays} Sundays: no events were known")


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
        Refused: The event feed ends too long before the period's last day; a product type has no window. What changed
            within a week is refused where the feed ended too long before the day 7 days earlier, or had not begun.

    Source:
        Specification K03; article 002, "Inactive Customers?".
    """
    require_use(spine)
    rows = Rows(spine, "inactive_customers", notes="silence_notes", left_out=("customers", "users", "events"))
    typed = spine.provides("customers.product_type")
    unasked = _unasked(spine)
    not_compared = {note["label"]: note["text"] for note in spine.answers("return_notes")}
    for answer in rows.answers:
        if answer["segment_by"] and not typed:
            continue
        key = (answer["label"], answer["segment_by"], answer["segment"])
        told: dict[str, Any] = {"n": answer["asked"], "excluded": unasked[key], "warnings": tuple(_warnings(answer))}
        inactive = answer["inactive_customers"]
        rows.add("inactive_customers", answer, inactive, **told)
        rows.proportion("inactive_rate", answer, inactive, answer["asked"], **told)
        if answer["label"] not in not_compared:
            rows.add("newly_silent", answer, answer["newly_silent"], **told)
            rows.add("returned", answer, answer["returned"], **told)
    for label in {answer["label"] for answer in rows.answers} & not_compared.keys():
        rows.refuse(label, not_compared[label], "newly_silent", "returned")
    return rows.done()


def money_at_risk(spine: Spine) -> list[Row]:
    """What the inactive customers pay, and what of the ARR that comes up for renewal next is theirs.

    Definition:
        The inactive customers are those of the call list, on the last day of the period. Their MRR is that of
        the same day, and its share that of all paying customers. ARR due is that of ``arr_due_90`` and
        ``arr_due_180``: 12 × the MRR of the lines in force on that day whose renewal day is in the next 90, or 180,
        days; here of the lines of inactive customers. So it is never more than all ARR due. Customers that are not
        asked count as not inactive, and are told.

    Returns:
        ``silent_mrr`` (money a month; n counts the inactive customers), ``silent_mrr_share`` (share, undefined where
        MRR is 0), ``arr_due_90_silent`` and ``arr_due_180_silent`` (money; n counts lines). 0 where nobody is inactive.

    Raises:
        NotProvided: There are no subscriptions, no events, or neither users nor customers of events; without
            ``renewal_on`` only the MRR is told.
        Refused: As for inactive customers, and for MRR.

    Source:
        Specification K03, K20, K24; no outside source tells this.
    """
    require_use(spine)
    rows = Rows(spine, "money_at_risk", notes="risk_notes", left_out=("subscriptions", "customers", "users", "events"))
    if not (due := spine.provides("subscriptions.renewal_on")):
        rows.not_provided(("arr_due_90_silent", "arr_due_180_silent"), "subscriptions.renewal_on")
    unasked = _unasked(spine)
    for answer in rows.answers:
        told: dict[str, Any] = {"excluded": unasked[answer["label"], "", None]}
        mrr = answer["silent_mrr"]
        rows.add("silent_mrr", answer, mrr, n=answer["customers"], **told)
        rows.share("silent_mrr_share", answer, mrr, answer["mrr"], n=answer["paying_customers"], **told)
        if due:
            rows.add("arr_due_90_silent", answer, answer["arr_due_90_silent"], n=answer["n_90"], **told)
            rows.add("arr_due_180_silent", answer, answer["arr_due_180_silent"], n=answer["n_180"], **told)
    return rows.done()


def warning(spine: Spine) -> list[Row]:
    """Did the warning work? How much of the MRR lost belonged to customers that had been on a call list before.

    Definition:
        Lost are the customers that churned in the period and do not pay on its last day, each with the MRR that it
        last paid. A call list is looked at on every Sunday of the 26 weeks before a customer's first day without pay:
        it stood on it if it was inactive on that Sunday, judged with what was known on that Sunday. The share
        is the MRR lost with customers that stood on any of these lists ÷ all MRR lost. A customer that is not
        asked counts as not on the list, and is told. The weeks run from the Sunday on which the last unbroken run of
        such lists began to the first day without pay: the mean over the customers that were on a list, weighted by the
        MRR lost, since a week of warning is worth what it could have saved. On a Sunday on which the event feed had
        ended more than feed_max_age_days before, or had not begun when the window opened, there was no list.

    Returns:
        ``lost_mrr_warned`` (share of money; n counts the lost customers), undefined where nobody was lost, and
        insufficient where there was no list on any Sunday; ``warning_weeks`` (weeks; n counts those on a list),
        undefined where none was.

    Raises:
        NotProvided: There are no subscriptions, no events, or neither users nor customers of events.
        Refused: As for inactive customers, and for MRR movements.

    Source:
        Specification K03, K24; no outside source tells this.
    """
    require_use(spine)
    rows = Rows(spine, "warning", notes="warning_notes", left_out=("subscriptions", "customers", "users", "events"))
    unasked: dict[str, dict[str, int]] = defaultdict(dict)
    for answer in spine.answers("unwarned", "label, why"):
        unasked[answer["label"]][LOST_UNASKED.format(reason=answer["why"])] = answer["customers"]
    for answer in rows.answers:
        sundays, without = answer["sundays"], answer["sundays"] - answer["made"]
        told: dict[str, Any] = {
            "excluded": unasked[answer["label"]],
            "warnings": [NO_LIST.format(n=without, sundays=sundays)] if without else [],
        }
        if answer["lost"] and without == sundays:
            rows.add("lost_mrr_warned", answer, None, n=answer["n"], status="insufficient", **told)
        else:
            rows.share("lost_mrr_warned", answer, answer["warned"], answer["lost"], n=answer["n"], **told)
        rows.add("warning_weeks", answer, answer["warning_weeks"], n=answer["n_warned"], **told)
    return rows.done()


def require_use(spine: Spine) -> None:
    """Refuse to go on where nobody pays, nothing is done, or nothing tells whose doing it is.

    Raises:
        NotProvided: naming what is not there.
    """
    spine.require("subscriptions", "events")
    if not spine.provides("users"):
        spine.require("events.customer_id")
    require_parents(spine)


def _unasked(spine: Spine) -> dict[tuple[Any, ...], dict[str, int]]:
    """How many customers are not asked, by the reason, of each period and product type."""
    found: dict[tuple[Any, ...], dict[str, int]] = defaultdict(dict)
    for label, by, segment, why, customers in (tuple(answer.values()) for answer in spine.answers("unasked")):
        found[label, by, segment][UNASKED.format(reason=why)] = customers
    return found


def _warnings(answer: Mapping[str, Any]) -> Iterator[str]:
    """Who is silent because nobody could be seen, and where events begin after the window does."""
    if without := answer["without_users"]:
        yield NO_USERS.format(n=without)
    first_on, opens_on = answer["first_on"], answer["opens_on"]
    if first_on and first_on > opens_on:
        yield HISTORY.format(day=first_on, opens=opens_on)
