"""From signing to first value: each customer's clock, and the cohorts that cards K01 and K02 share.

Source: specification K01. A customer is a paying account; its first contract is what counts, and coming back later
starts no new clock. Days are differences of local dates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property, lru_cache, reduce
from typing import TYPE_CHECKING, NamedTuple

import ibis
import pandas as pd

from helpers.errors import KitError, NotProvided, Refused
from helpers.kpis.activity import days_of_use, tells_use
from helpers.kpis.subscription_versions import Rules, paying, with_account
from helpers.periods import DAY, Period

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.data.known import Tables

VALUE = "value"
"""The stage of ``milestones`` whose first day is the day of first value."""

RIVAL = 0.05
COHORTS = ("trailing_year", "signup_quarter", "value_quarter")
UNDEFINED = (
    "what first value is, is defined nowhere: give customers.first_value_on, a row of milestones with the stage "
    "'value', or value_events"
)


@dataclass(frozen=True)
class Onboarding:
    """What counts as value, and which customers are looked at.

    Raises:
        KitError: ``cohort`` is none of those it may be.
    """

    value_events: tuple[str, ...] = ()
    cohort: str = "trailing_year"
    rules: Rules = field(default_factory=Rules)

    def __post_init__(self) -> None:
        if self.cohort not in COHORTS:
            raise KitError(f"time_to_value.ttv_cohort == {self.cohort!r}, must be one of {', '.join(COHORTS)}")


class Window(NamedTuple):
    """The days, first and last, on which the customers of a cohort signed or, by ``value_quarter``, reached value."""

    first: date
    last: date
    label: str = ""


@dataclass(frozen=True)
class Cohort:
    """The customers of a cohort, and who was left out of it.

    ``customers``: ``account_id``; ``start_on``, ``value_on``, ``left_on`` (the first day without service) and
    ``paid_on`` (the first paid day), each missing where it is not known; ``days`` to value, or looked at without it;
    ``cause``, 1 where value was reached, 2 where the customer left before, else 0. The earliest stand first.
    """

    window: Window
    customers: pd.DataFrame
    excluded: dict[str, int]

    @property
    def days(self) -> pd.Series:
        return self.customers["days"]

    @property
    def has_value(self) -> pd.Series:
        return self.customers["cause"] == 1

    @cached_property
    def reached(self) -> pd.DataFrame:
        """The customers that reached value."""
        return self.customers[self.has_value].reset_index(drop=True)

    @property
    def left(self) -> int:
        """How many left before they reached value."""
        return int((self.customers["cause"] == 2).sum())

    @property
    def has_rival(self) -> bool:
        """Whether so many left before value that Kaplan–Meier alone would overstate who reaches it (T3)."""
        return 0 < self.left >= RIVAL * len(self)

    @property
    def first_start(self) -> pd.Timestamp:
        return self.customers["start_on"].min()

    def __len__(self) -> int:
        return len(self.customers)


@lru_cache(maxsize=128)
def cohort(tables: Tables, period: Period, onboarding: Onboarding) -> Cohort:
    """The customers whose time to value the period tells of, followed to the last day that is known.

    Raises:
        NotProvided: the tables needed are not there, or four quarters are asked of a month or a week.
        Refused: nowhere is defined what first value is.
    """
    return between(tables, _windows(period, onboarding)[-1], onboarding)


@lru_cache(maxsize=64)
def cohort_before(tables: Tables, period: Period, onboarding: Onboarding) -> Cohort | None:
    """The customers of as many quarters before those of :func:`cohort`, none twice, followed to the same day.

    None where the calendar does not reach back that far.
    """
    before, *these = _windows(period, onboarding)
    return between(tables, before, onboarding) if these else None


def between(tables: Tables, window: Window, onboarding: Onboarding) -> Cohort:
    """The customers that signed in a window, or reached value in it, by the cohort's kind."""
    found = _clocks(tables, onboarding.value_events, onboarding.rules)
    dated = found.value_on if onboarding.cohort == "value_quarter" else found.start_on
    rows = tables.fetch(found.filter(dated.between(window.first, window.last) | found.start_on.isnull()))
    days = ["start_on", "value_on", "left_on", "paid_on"]
    rows = rows.assign(**{name: pd.to_datetime(rows[name]) for name in days})
    early = rows["pays"] & (rows["value_on"] < rows["start_on"])
    undated = rows["pays"] & rows["start_on"].isna()
    kept = rows[rows["pays"] & ~early & ~undated].sort_values(["start_on", "account_id"], ignore_index=True)
    excluded = {
        "customers: not paying": int((~rows["pays"]).sum()),
        "customers: no day on which the clock starts": int(undated.sum()),
        "customers: value before the clock starts": int(early.sum()),
    }
    known_until = pd.Timestamp(tables.as_of_on - DAY)
    return Cohort(window, _followed(kept.drop(columns="pays"), known_until), excluded)


def first_days(tables: Tables, rules: Rules) -> ir.Table:
    """Per account the earliest ``start_on`` of its customers' clocks, ``first_value_on`` and ``first_paid_on``."""
    customers = with_account(tables, tables["customers"], rules)
    return customers.group_by("account_id").aggregate(
        start_on=ibis.coalesce(customers.ttv_start_on, customers.signed_up_on).min(),
        first_value_on=customers.first_value_on.min(),
        first_paid_on=customers.first_paid_on.min(),
    )


def no_events_yet(tables: Tables, found: Cohort, onboarding: Onboarding) -> list[str]:
    """What a reader is told where events alone say what value is, and begin after the first customer signed."""
    by_event = bool(onboarding.value_events) and tables.provides("events")
    if not by_event or tables.provides("customers.first_value_on") or found.customers.empty:
        return []
    first = pd.Timestamp(tables.fetch(tables["events"].active_on.min()))
    return [f"history_starts_at {first.date()}: events before it are not known"] if first > found.first_start else []


def no_subscriptions(tables: Tables) -> list[str]:
    """What a reader is told of a source that has none."""
    if tables.provides("subscriptions"):
        return []
    who = "those with a first paid day" if tables.provides("customers.first_paid_on") else "all customers"
    return [f"without subscriptions, {who} count as paying, and none as lost"]


def _windows(period: Period, onboarding: Onboarding) -> list[Window]:
    """The days of the cohort, and before them those of the one before, where the calendar has them."""
    trailing = onboarding.cohort == "trailing_year"
    if trailing and period.kind != "quarter":
        raise NotProvided(f"four trailing quarters in a {period.kind}")
    size = 4 if trailing else 1
    periods = [*period.history(2 * size - 1), period]
    these, before = periods[-size:], periods[:-size]
    found = [Window(before[0].start, these[0].start - DAY, _label(before))] if len(before) == size else []
    return [*found, Window(these[0].start, period.measured_on, _label(these))]


def _label(periods: Sequence[Period]) -> str:
    first, last = periods[0].label, periods[-1].label
    return first if first == last else f"{first} to {last}"


def _followed(rows: pd.DataFrame, known_until: pd.Timestamp) -> pd.DataFrame:
    """The customers with their days and what ended them; who left was last looked at on the day before."""
    end = (rows["left_on"] - timedelta(days=1)).fillna(known_until)
    has_value = rows["value_on"].notna()
    days = (rows["value_on"].where(has_value, end) - rows["start_on"]).dt.days
    cause = has_value.astype(int) + 2 * (~has_value & rows["left_on"].notna())
    return rows.assign(days=days.astype("int64"), cause=cause.astype("int64"))


@lru_cache(maxsize=64)
def _clocks(tables: Tables, value_events: tuple[str, ...], rules: Rules) -> ir.Table:
    """One row per account: ``account_id``, ``start_on``, ``value_on``, ``left_on``, ``paid_on``, ``pays``."""
    starts = first_days(tables, rules)
    served = _served(tables, starts, rules)
    seen = _value_seen(tables, value_events, rules)
    found = starts.left_join(seen, "account_id").drop("account_id_right").left_join(served, "account_id")
    return found.select(
        "account_id",
        "start_on",
        value_on=ibis.coalesce(found.first_value_on, found.seen_on),
        left_on=(found.until < tables.as_of_on).ifelse(found.until, None),
        paid_on=ibis.coalesce(found.since, found.first_paid_on),
        pays=found.account_id_right.notnull(),
    ).cache()  # every cohort of an as-of starts here


def _value_seen(tables: Tables, value_events: tuple[str, ...], rules: Rules) -> ir.Table:
    """``account_id`` and ``seen_on``, the first day of an event or a milestone that is value.

    Raises:
        NotProvided: events are named, there are none or they tell no customer, and nothing else says what value is.
        Refused: nothing does.
    """
    by_milestone = _has_milestones(tables)
    is_told = by_milestone or tables.provides("customers.first_value_on")
    if not (value_events or is_told):
        raise Refused(UNDEFINED)
    days = [ibis.memtable([], schema={"customer_id": "string", "day": "date"})]
    if value_events and (tells_use(tables) or not is_told):
        days.append(_event_days(tables, value_events))
    if by_milestone:
        days.append(_milestone_days(tables))
    seen = with_account(tables, reduce(lambda a, b: a.union(b), days), rules)
    seen = seen.filter(seen.day < tables.as_of_on)
    return seen.group_by("account_id").aggregate(seen_on=seen.day.min())


def _event_days(tables: Tables, value_events: tuple[str, ...]) -> ir.Table:
    """``customer_id`` and ``day`` of the events that are value."""
    rows = days_of_use(tables)
    return rows.filter(rows.event.isin(value_events)).select("customer_id", day="active_on")


def _milestone_days(tables: Tables) -> ir.Table:
    rows = tables["milestones"]
    return rows.filter(rows.stage == VALUE).select("customer_id", day="started_on")


def _has_milestones(tables: Tables) -> bool:
    """Whether the source records value as a stage: one row of it is enough."""
    return tables.provides("milestones") and bool(tables.fetch(_milestone_days(tables).count()))


def _served(tables: Tables, starts: ir.Table, rules: Rules) -> ir.Table:
    """Who pays: ``account_id``, ``since`` its first paid day and ``until`` the first day without service after that.

    Service that ended before the clock started does not count; who had no other does not pay. A gap that the rules
    bridge is none.
    """
    if not tables.provides("subscriptions"):
        told = tables.provides("customers.first_paid_on")
        payers = starts.filter(starts.first_paid_on.notnull()) if told else starts
        return payers.select("account_id", since="first_paid_on", until=ibis.null("date"))
    paid = paying(tables, rules).select("account_id", "ends", from_on="start_on")
    rows = paid.join(starts.select("account_id", "start_on"), "account_id")
    rows = rows.filter((rows.ends > rows.start_on).fill_null(True))
    earlier = ibis.window(group_by="account_id", order_by=["from_on", "ends"], rows=(None, -1))
    covered = rows.ends.max().over(earlier)
    gap = rows.from_on.delta(covered, unit="day") > max(rules.grace_days, 1)
    rows = rows.mutate(gap_on=gap.ifelse(covered, None))
    return rows.group_by("account_id").aggregate(
        since=rows.from_on.min(), until=ibis.coalesce(rows.gap_on.min(), rows.ends.max())
    )
