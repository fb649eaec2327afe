"""How much customers use the product, user by user and account by account.

Source: specification, cards K05 to K10. Blocks of days are those of ``activity_blocks``; the tables beside these
figures are in ``activity_tables``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import pandas as pd

from helpers.kpis.activity import Use, UseRules, blocks_end, period_before, refuse_stale_feed
from helpers.kpis.activity_blocks import (
    BLOCKS,
    NEW,
    RECENT_DAYS,
    account_blocks,
    days_seen,
    early_events,
    user_blocks,
)
from helpers.kpis.adoption import feature_users
from helpers.kpis.quotas import quotas
from helpers.kpis.seats import seat_use
from helpers.kpis.subscription_versions import CustomerRules, Group, Rules, by_segment
from helpers.periods import Period
from helpers.results import Row, row, share
from helpers.statistics import sign_test, wilson

if TYPE_CHECKING:
    from datetime import date

    from helpers.data.known import Tables

POWER = 6
MOVES = ("up", "down", "same", "entered", "left")
ABSENT = -1


class BlockRules(UseRules, total=False):
    """The rules of a card that counts blocks of activity."""

    block_days: int


class FeatureRules(UseRules, total=False):
    """The rules of a card or a table that knows which features are meant for a persona."""

    persona_features: Mapping[str, Sequence[str]]


def pac_user(tables: Tables, period: Period, **given: Unpack[BlockRules]) -> list[Row]:
    """In how many of the last seven weeks each user was active: the product activity coefficient (PAC), 0 to 7.

    Definition:
        The 49 days that end with the period are cut into seven blocks of 7 days (``block_days``; with 28 they are
        active months of seven). A user's coefficient is the number of blocks with any activity of its own; log-ins and
        what the software does by itself do not count, nor does what lies before the user was created. On the roster
        are the users, not deactivated, of customers that pay on the last day; users without activity have 0. Users
        created within the seven blocks are counted as new, not by their coefficient. Power users have 6 or 7.

    Returns:
        ``pac_users`` (count of users per score ``0`` to ``7`` and ``new``), ``pac_power_share`` (share of users that
        are not new, with its Wilson interval). Without users: counts of 0, the share undefined.

    Raises:
        NotProvided: There are no subscriptions, no events, or nothing tells whose they are.
        Refused: The event feed ends too long before the period's last day.

    Source:
        Specification K05; the coefficient of article 003, whose SQL can reach only 6 and knows no 0.
    """
    use = _use(tables, period, given)
    users = _users(tables, period, use, given)
    old = users[users["weeks"] == BLOCKS]
    counts = old["pac"].value_counts()
    notes = _notes(tables, use, blocks_end(period, use.week_mode), days_seen(given.get("block_days", 7)))
    scores = [(str(score), int(counts.get(score, 0))) for score in range(BLOCKS + 1)]
    found = [
        row("pac_users", period, n, segment=("score", name), n=len(users), **notes)
        for name, n in [*scores, (NEW, len(users) - len(old))]
    ]
    power = int((old["pac"] >= POWER).sum())
    return [*found, share("pac_power_share", period, power, len(old), n=len(old), interval=wilson(power, len(old)),
                          **notes)]  # fmt: skip


def pac_account(tables: Tables, period: Period, **given: Unpack[BlockRules]) -> list[Row]:
    """In how many of the last seven weeks each customer had an active user, and how broadly it uses the product.

    Definition:
        A customer's coefficient is the number of blocks in which at least one of its users was active, 0 to 7. Counted
        are the customers that pay on the period's last day; one without users has 0. Breadth is users active in the
        last 28 days ÷ users on the roster, mean PAC the mean coefficient of all users on the roster. One busy user
        can carry a customer's coefficient: read it with the breadth.

    Returns:
        ``pac_accounts`` (count of customers per score ``0`` to ``7``), ``pac_breadth`` (share, with its Wilson
        interval), ``pac_mean`` (weeks). Without customers: counts of 0, the others undefined.

    Raises:
        NotProvided: There are no subscriptions, no events, or nothing tells whose they are.
        Refused: The event feed ends too long before the period's last day.

    Source:
        Specification K06.
    """
    use = _use(tables, period, given)
    users = _users(tables, period, use, given)
    accounts = account_blocks(tables, *_days(period, use), use, given.get("block_days", 7))
    without = int((accounts["users"] == 0).sum())
    notes = _notes(tables, use, blocks_end(period, use.week_mode), days_seen(given.get("block_days", 7)))
    if without:
        notes["warnings"] = (*notes["warnings"], f"no_users: {without} paying customers have no user on record")
    counts, recent = accounts["pac_any"].value_counts(), int(users["recent"].sum())
    return [
        *(
            row("pac_accounts", period, int(counts.get(score, 0)), segment=("score", str(score)), n=len(accounts),
                **notes)
            for score in range(BLOCKS + 1)
        ),
        share("pac_breadth", period, recent, len(users), n=len(users), interval=wilson(recent, len(users)), **notes),
        share("pac_mean", period, int(users["pac"].sum()), len(users), n=len(users), **notes),
    ]  # fmt: skip


def pac_movement(tables: Tables, period: Period, **given: Unpack[BlockRules]) -> list[Row]:
    """How many users became more active since the period before, and how many less.

    Definition:
        Each user's coefficient on the period's last day is compared with that on the last day of the period before.
        Users on the roster on both days went up, down or stayed the same; those on one of the two entered or left.
        Comparing users, not averages, keeps new users from hiding what happened to the others. Whether more went up
        than down is judged by an exact sign test.

    Returns:
        ``pac_moves`` (count of users: ``up``, ``down``, ``same``, ``entered``, ``left``).

    Raises:
        NotProvided: There are no subscriptions, no events, or nothing tells whose they are.
        Refused: The event feed ends too long before the period's last day.

    Source:
        Specification K07, T11.
    """
    use = _use(tables, period, given)
    moves = user_moves(tables, period, use, given.get("block_days", 7))
    counts = moves["move"].value_counts()
    notes = _notes(tables, use, blocks_end(period, use.week_mode), days_seen(given.get("block_days", 7)))
    p = sign_test(int(counts.get("up", 0)), int(counts.get("down", 0)))
    told = {**notes, "params": {"sign_test_p": None if p is None else round(p, 6)}, "n": len(moves)}
    return [row("pac_moves", period, int(counts.get(move, 0)), segment=("move", move), **told) for move in MOVES]


def feature_adoption(tables: Tables, period: Period, **given: Unpack[FeatureRules]) -> list[Row]:
    """Which share of the active users of each persona uses each feature.

    Definition:
        Users of a persona with at least one use of a feature in the 28 days that end with the period ÷ users of that
        persona with any activity in them. A feature first used within those days is judged from that day on. Users
        without a persona have a row of their own, and so has what ``persona_features`` names and nobody uses.

    Returns:
        ``feature_adoption`` (share, with its Wilson interval) per persona and feature. No activity, no rows but one
        that is undefined.

    Raises:
        NotProvided: There are no subscriptions or no events, or these tell no feature, or users no persona.
        Refused: The event feed ends too long before the period's last day.

    Source:
        Specification K08.
    """
    use = _use(tables, period, given)
    found = feature_users(tables, period.measured_on, use, given.get("persona_features"))
    notes = _notes(tables, use, period.measured_on, RECENT_DAYS)
    if found.empty:
        return [row("feature_adoption", period, None, n=0, **notes)]
    return [_adopted(period, cell, notes) for cell in found.to_dict("records")]


def seat_utilisation(tables: Tables, period: Period, **given: Unpack[UseRules]) -> list[Row]:
    """Which share of the seats that customers pay for is used.

    Definition:
        Users active in the 28 days that end with the period ÷ seats, the quantity of the seat-based subscriptions
        in force on its last day, over customers that have seats. Above 100 % more users are active than seats are
        paid for: an expansion, or a breach.

    Returns:
        ``seat_utilisation`` (share, with its Wilson interval up to 100 %), in all and by customer segment. No seats:
        undefined.

    Raises:
        NotProvided: There are no subscriptions, no events, or subscriptions tell no seats.
        Refused: The event feed ends too long before the period's last day.

    Source:
        Specification K09.
    """
    use = _use(tables, period, given)
    found = seat_use(tables, period.measured_on, use)
    over = int((found["active"] > found["seats"]).sum())
    notes = _notes(tables, use, period.measured_on, RECENT_DAYS)
    if over:
        notes["warnings"] = (*notes["warnings"], f"over_deployed: {over} customers use more seats than they pay for")
    return [_seats(period, group, part, notes) for group, part in by_segment(tables, found)]


def quota_usage(tables: Tables, period: Period, **given: Unpack[CustomerRules]) -> list[Row]:
    """How much of what customers may use, meter by meter, they have used.

    Definition:
        What was used since the limit was last reset (month, quarter, year) up to the period's last day ÷ the limit
        then in force, summed over the customers with a limit. The projection is what would be used by the end of the
        window at the same pace, told once a quarter of it has passed. A limit without reset has no projection. Near
        the limit a customer may need more, far below it may not need the product.

    Returns:
        ``quota_usage`` and ``quota_projected`` (shares) per meter. Without limits in force: one row, undefined.

    Raises:
        NotProvided: There are no entitlements or no measurements.

    Source:
        Specification K10.
    """
    found, excluded = quotas(tables, period, Rules(**given))
    told: dict[str, Any] = {"excluded": {**excluded, **tables.excluded("entitlements", "measurements", "customers")}}
    rows = []
    for meter, part in found.groupby("meter"):
        group, projected = ("meter", str(meter)), part.dropna(subset="projected")
        rows += [
            share("quota_usage", period, part["used"].sum(), part["limit"].sum(), n=len(part), segment=group, **told),
            share("quota_projected", period, projected["projected"].sum(), projected["limit"].sum(), n=len(projected),
                  segment=group, **told),
        ]  # fmt: skip
    return rows or [row(kpi_id, period, None, n=0, **told) for kpi_id in ("quota_usage", "quota_projected")]


def user_moves(tables: Tables, period: Period, use: Use, block_days: int = 7) -> pd.DataFrame:
    """One row per user on the roster at the end of this period or the one before.

    Columns: ``user_id``; ``before`` and ``now``, the coefficients, -1 where absent; ``weeks_before`` and ``weeks_now``,
    the blocks that the user could have been active in; ``move``, one of ``MOVES``.
    """
    ends = [_days(part, use) for part in (period_before(period), period)]
    before, now = (user_blocks(tables, last, paid_on, use, block_days) for last, paid_on in ends)
    kept = ["user_id", "pac", "weeks"]
    found = before[kept].merge(now[kept], on="user_id", how="outer", suffixes=("_before", "_now"))
    found = found.fillna({"pac_before": ABSENT, "pac_now": ABSENT})
    found = found.assign(before=found["pac_before"].astype(int), now=found["pac_now"].astype(int))
    move = (found["now"] > found["before"]).map({True: "up", False: "same"})
    move = move.mask(found["now"] < found["before"], "down")
    move = move.mask(found["before"] == ABSENT, "entered").mask(found["now"] == ABSENT, "left")
    return found.assign(move=move)[["user_id", "before", "now", "weeks_before", "weeks_now", "move"]]


def _use(tables: Tables, period: Period, given: Any) -> Use:
    """The rules of use, once the feed is known to be alive."""
    tables.require("subscriptions", "events")
    use = Use.of(given)
    refuse_stale_feed(tables, period, use.feed_max_age_days)
    return use


def _users(tables: Tables, period: Period, use: Use, given: Any) -> pd.DataFrame:
    return user_blocks(tables, *_days(period, use), use, given.get("block_days", 7))


def _days(period: Period, use: Use) -> tuple[date, date]:
    """The last day of the blocks, and the day on which customers pay."""
    return blocks_end(period, use.week_mode), period.measured_on


def _adopted(period: Period, cell: Mapping[Any, Any], notes: dict[str, Any]) -> Row:
    used, active = cell["used"], cell["active"]
    told = {"segment": ("persona / feature", f"{cell['persona']} / {cell['feature']}"), "n": active, **notes}
    return share("feature_adoption", period, used, active, interval=wilson(used, active), **told)


def _seats(period: Period, group: Group, part: pd.DataFrame, notes: dict[str, Any]) -> Row:
    active, seats = int(part["active"].sum()), int(part["seats"].sum())
    interval = wilson(active, seats) if active <= seats else None
    told = {"segment": group, "n": len(part), **notes}
    return share("seat_utilisation", period, active, seats, interval=interval, **told)


def _notes(tables: Tables, use: Use, last: date, days: int) -> dict[str, Any]:
    """What is left out of the activity of the days up to ``last``, and what to know of it."""
    early = early_events(tables, last, use, days)
    excluded = {"events: before their user was created": early, **tables.excluded("customers", "users", "events")}
    warnings = () if tables.provides("users") else ("zeros are missing: users are those seen in events",)
    return {"excluded": excluded, "warnings": warnings}
