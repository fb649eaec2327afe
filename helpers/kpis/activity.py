"""Which use of the product counts as activity, whose it is, and who ought to be active.

Source: specification, cards K03 and K05, and 1.4. Inactivity and the activity coefficient share what is decided here.
Every table is of the days on which something was done; single events are seen by no card.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import ibis

from helpers.errors import NotProvided, Refused
from helpers.kpis.subscription_versions import CustomerRules, Rules, paying, rules_in, with_account
from helpers.periods import DAY

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.data.known import Tables
    from helpers.periods import Period

LOGINS = ("login", "log_in", "logged_in", "user_logged_in", "signin", "sign_in", "signed_in", "user_signed_in")


class UseRules(CustomerRules, total=False):
    """The rules of a card that reads who used the product, each as in ``Use``."""

    activity_events: Sequence[str]
    week_mode: str
    feed_max_age_days: int


@dataclass(frozen=True)
class Use:
    """What counts as use of the product, and whose.

    Attributes:
        events: The core actions; none named means every event that is neither automated nor a log-in.
        week_mode: Blocks of days end with the period (``rolling7``) or with its last Sunday (``iso``).
        feed_max_age_days: Without any event for more days than that, the feed is broken and nothing is said.
        customers: Who pays, and is a customer.
    """

    events: tuple[str, ...] = ()
    week_mode: str = "rolling7"
    feed_max_age_days: int = 4
    customers: Rules = field(default_factory=Rules)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Use:
        """The rules as a card was given them."""
        others = {name: given[name] for name in ("week_mode", "feed_max_age_days") if name in given}
        return cls(tuple(given.get("activity_events", ())), customers=rules_in(given, CustomerRules), **others)


def tells_use(tables: Tables) -> bool:
    """Whether there are events, and anything tells whose they are."""
    return tables.provides("events") and (tables.provides("users") or tables.provides("events.customer_id"))


def days_of_use(tables: Tables) -> ibis.Table:
    """Every day on which something was done, and by whom: the columns of ``events``.

    ``customer_id`` is the user's own, and ``created_on`` the day on which the user was created; where no users are
    given, it is the event's, and that day is not told.

    Raises:
        NotProvided: there are no events, or nothing tells whose they are.
    """
    tables.require("events")
    if not tables.provides("users"):
        tables.require("events.customer_id")
        return tables["events"].filter(tables["events"].customer_id.notnull())
    users = tables["users"].select("user_id", "customer_id", "created_on")
    return tables["events"].drop("customer_id").join(users, "user_id")


def is_activity(rows: ibis.Table, events: Sequence[str]) -> ir.BooleanValue:
    """Whether a day of use is activity: one of ``events``, or with none named whatever is not a log-in.

    What the software does by itself is never activity. Names are compared without regard to case and separators
    where log-ins are recognised, literally where events are named.
    """
    if events:
        return ~rows.is_automated & rows.event.isin(list(events))
    plain = rows.event.lower().re_replace(r"[^a-z0-9]+", "_")
    return ~rows.is_automated & plain.notin(LOGINS)


def refuse_stale_feed(tables: Tables, period: Period, max_age_days: int) -> None:
    """A feed that ended long before the period did looks like customers that fell silent.

    Raises:
        Refused: no event is known, or the last one is too old.
    """
    last = tables.reach("events").last
    if last is None:
        raise Refused(f"no event is known by {period.measured_on}; without any, every customer would look silent")
    if (period.measured_on - last).days > max_age_days:
        raise Refused(
            f"the event feed ends on {last}, {(period.measured_on - last).days} days before {period.measured_on} "
            f"(at most {max_age_days} are allowed: feed_max_age_days); mend the feed, it is not the customers"
        )


def period_before(period: Period) -> Period:
    """The period that this one is compared with.

    Raises:
        NotProvided: a listed calendar begins with this one.
    """
    for before in period.history(1):
        return before
    raise NotProvided(f"an earlier period; the calendar begins with {period.label}")


def blocks_end(period: Period, week_mode: str) -> date:
    """The last day of the newest block: the period's last day, or the last Sunday not after it.

    >>> from helpers.periods import Calendar
    >>> blocks_end(Calendar().period("2026Q3"), "iso")
    datetime.date(2026, 9, 27)
    """
    day = period.measured_on
    return day if week_mode == "rolling7" else day - timedelta(days=day.isoweekday() % 7)


def paying_on(tables: Tables, day: date, rules: Rules) -> ibis.Table:
    """``account_id`` of the customers that pay on a day, one row each."""
    rows = paying(tables, rules)
    return rows.filter(rows.start_on <= day, rows.ends > day).select("account_id").distinct()


def roster(tables: Tables, last: date, paid_on: date, rules: Rules) -> ibis.Table:
    """The users, at the end of the day ``last``, of the customers that pay on ``paid_on``, active or not.

    Columns: ``user_id``, ``account_id``, ``persona``, ``created_on``. Without a table of users they are those seen in
    events, created when first seen: users who never did anything are then missing.
    """
    users = _users(tables, last, rules)
    return users.semi_join(paying_on(tables, paid_on, rules), "account_id")


def _users(tables: Tables, last: date, rules: Rules) -> ibis.Table:
    if tables.provides("users"):
        users = tables["users"]
        here = (users.created_on <= last).fill_null(True) & (users.deactivated_on > last).fill_null(True)
        found = with_account(tables, users.filter(here), rules)
        return found.select("user_id", "account_id", "persona", "created_on")
    seen = with_accounts(tables, rules)
    seen = seen.filter(seen.active_on <= last)
    first = seen.group_by("user_id").aggregate(
        account_id=seen.account_id.argmax(seen.active_on), created_on=seen.active_on.min()
    )
    return first.mutate(persona=ibis.null("string")).select("user_id", "account_id", "persona", "created_on")


def with_accounts(tables: Tables, rules: Rules) -> ibis.Table:
    """:func:`days_of_use` with ``account_id``, the paying account that each belongs to."""
    return with_account(tables, days_of_use(tables), rules)


def window(day: date, days: int) -> tuple[date, date]:
    """The first and the last day of the ``days`` complete days that end with a day.

    >>> window(date(2026, 3, 31), 14)
    (datetime.date(2026, 3, 18), datetime.date(2026, 3, 31))
    """
    return day - (days - 1) * DAY, day
