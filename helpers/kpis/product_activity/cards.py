"""The cards of product activity: K05 to K10.

Their queries stand in ``product_activity.sql``, what counts as activity, and whose it is, in ``shared/activity.sql``.
The lists beside the figures are in ``tables``.
"""

from __future__ import annotations

from contextlib import suppress

from helpers.errors import KitError, NotProvided
from helpers.kpis.inactive_customers.cards import require_use
from helpers.kpis.rows import Rows, require_parents
from helpers.kpis.spine import Spine
from helpers.language import template
from helpers.periods import Period
from helpers.results import Row
from helpers.statistics import sign_test

NO_USERS = template("no_users: {n} paying customers have no user on record")
OVER_DEPLOYED = template("over_deployed, with more seats used than paid for: {n}")
FEW = template("groups of fewer than {n} customers are not shown to these readers")
EARLIER = template("an earlier period; the calendar begins with {period}")


def pac_user(spine: Spine) -> list[Row]:
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
    rows = _rows(spine, "pac_user", "block_notes")
    for answer in rows.answers:
        if answer["segment_by"]:
            rows.add("pac_users", answer, answer["pac_users"], n=answer["users"])
        else:
            rows.proportion("pac_power_share", answer, answer["power_users"], answer["old_users"])
    return rows.done()


def pac_account(spine: Spine) -> list[Row]:
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
    rows = _rows(spine, "pac_account", "block_notes")
    for answer in rows.answers:
        without = answer["without_users"]
        told = [NO_USERS.format(n=without)] if without else []
        if answer["segment_by"]:
            rows.add("pac_accounts", answer, answer["pac_accounts"], n=answer["accounts"], warnings=told)
            continue
        users = answer["users"]
        rows.proportion("pac_breadth", answer, answer["recent_users"], users, warnings=told)
        rows.share("pac_mean", answer, int(answer["active_weeks"]), users, n=users, warnings=told)
    return rows.done()


def pac_movement(spine: Spine) -> list[Row]:
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
        Refused: The event feed ends too long before the period's last day, or before that of the period before, or
            had not begun by then.

    Source:
        Specification K07, T11.
    """
    rows = _rows(spine, "pac_movement", "pac_movement_notes")
    period_before(spine.period)
    for answer in rows.answers:
        p = sign_test(int(answer["up"] or 0), int(answer["down"] or 0))
        params = {"sign_test_p": None if p is None else round(p, 6)}
        rows.add("pac_moves", answer, answer["pac_moves"], n=answer["users"] or 0, params=params)
    return rows.done()


def feature_adoption(spine: Spine) -> list[Row]:
    """Which share of the active users of each persona uses each feature.

    Definition:
        Users of a persona with at least one use of a feature in the 28 days that end with the period ÷ users of that
        persona with any activity in them. A feature first used within those days is judged from that day on. Users
        without a persona have a row of their own, and so has what ``persona_features`` names and nobody uses.

    Returns:
        ``feature_adoption`` (share, with its Wilson interval) per persona and feature. No activity, no rows but one
        that is undefined. For readers who must not see groups of few customers, a share of such a group is refused.

    Raises:
        NotProvided: There are no subscriptions or no events, or these tell no feature, or users no persona.
        Refused: The event feed ends too long before the period's last day.

    Source:
        Specification K08.
    """
    require_adoption(spine)
    rows, few = _rows(spine, "feature_adoption", "recent_notes"), adoption_of_few(spine)
    for answer in rows.answers:
        if (answer["label"], answer["persona"], answer["feature"]) in few:
            rows.add("feature_adoption", answer, None, status="refused", warnings=[why_few(spine)])
        elif answer["segment_by"]:
            rows.proportion("feature_adoption", answer, answer["used"], answer["active"])
        else:
            rows.add("feature_adoption", answer, None, n=0)
    return rows.done()


def seat_utilisation(spine: Spine) -> list[Row]:
    """Which share of the seats that customers pay for is used.

    Definition:
        Users active in the 28 days that end with the period ÷ seats, the quantity of the seat-based subscriptions in
        force on its last day, over paying customers that have seats. Seats without a price count too. Above 100 % more
        users are active than seats are paid for: an expansion, or a breach.

    Returns:
        ``seat_utilisation`` (share, with its Wilson interval up to 100 %), in all and by customer segment. No seats:
        undefined.

    Raises:
        NotProvided: There are no subscriptions, no events, or subscriptions tell no seats.
        Refused: The event feed ends too long before the period's last day.

    Source:
        Specification K09.
    """
    require_seats(spine)
    rows = _rows(spine, "seat_utilisation", "recent_notes")
    for answer in rows.answers:
        over = answer["over_deployed"]
        told = [OVER_DEPLOYED.format(n=over)] if over else []
        active, seats = int(answer["active"]), answer["seats"]
        rows.proportion("seat_utilisation", answer, active, seats, n=answer["accounts"], warnings=told)
    return rows.done()


def quota_usage(spine: Spine) -> list[Row]:
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
    require_quotas(spine)
    left_out = ("entitlements", "measurements", "customers")
    rows = Rows(spine, "quota_usage", notes="quota_notes", left_out=left_out)
    for answer in rows.answers:
        if not answer["segment_by"]:
            rows.add("quota_usage", answer, None, n=0)
            rows.add("quota_projected", answer, None, n=0)
            continue
        rows.share("quota_usage", answer, answer["used"], answer["limit_qty"], n=answer["n"])
        projected, limit = answer["projected"], answer["limit_projected"]
        rows.share("quota_projected", answer, projected, limit, n=answer["n_projected"])
    return rows.done()


def period_before(period: Period) -> Period:
    """The period that this one is compared with.

    Raises:
        NotProvided: a listed calendar begins with this one.
    """
    with suppress(KitError):
        return period.previous()
    raise NotProvided(EARLIER.format(period=period.label))


def require_adoption(spine: Spine) -> None:
    """Refuse to go on where events tell no feature, or users no persona."""
    require_use(spine)
    spine.require("events.feature", "users.persona")


def adoption_of_few(spine: Spine) -> set[tuple[str, str, str]]:
    """The shares of :func:`feature_adoption` that readers must not see: label, persona and feature of each.

    They are of fewer customers than make a group that may be seen. Other figures are grouped by one column, of which
    small values are merged before; a persona and a feature may each be of many customers, and the two together of few.
    No share of others follows from those that are left, since nothing tells their total.
    """
    smallest = spine.prepared.smallest_group
    if smallest == 1:
        return set()
    return {
        (group["label"], group["persona"], group["feature"])
        for group in spine.answers("adoption_customers")
        if group["customers"] < smallest
    }


def why_few(spine: Spine) -> str:
    """The reason why a group is not shown."""
    return FEW.format(n=spine.prepared.smallest_group)


def require_seats(spine: Spine) -> None:
    """Refuse to go on where subscriptions do not tell whether, and how many, seats they give."""
    require_use(spine)
    spine.require("subscriptions.seat_based", "subscriptions.quantity")


def require_quotas(spine: Spine) -> None:
    """Refuse to go on without limits, or without what was measured of them."""
    spine.require("entitlements", "measurements")
    if spine.provides("subscriptions"):
        require_parents(spine)


def _rows(spine: Spine, card: str, notes: str) -> Rows:
    require_use(spine)
    return Rows(spine, card, notes=notes, left_out=("customers", "users", "events"))
