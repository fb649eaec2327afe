"""The cards of cash: K26 to K28, as ``docs/cash.md`` specifies them; their queries stand in ``cash.sql``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from helpers.kpis.rows import Rows, require_subscriptions
from helpers.kpis.spine import Spine
from helpers.language import template
from helpers.results import Row

NO_BURN = template("cash does not fall")
NO_GROWTH = template("net new ARR is not above 0")
NO_CASH = template("no cash is left")
HISTORY = template("history_starts_at {day}: it takes {since}")
NO_MOVEMENT = template("no movement of cash is known")


def cash(spine: Spine) -> list[Row]:
    """The money that is there at the end of the period, and what a month of the period took of it.

    Definition:
        Cash is the sum of all movements up to the last day of the period; each account begins with its opening
        balance. Net burn is what cash fell by in the period, without financing and opening balances, ÷ the months of
        the period; below 0 where more came in than went out. Equity and loans, drawn or repaid, are financing and so
        no burn; interest is burn. Of a running period, burn is that of the days so far, of which 365 are 12 months.
        Amounts in another currency are taken at the rate of the last day, or the fixed one; what rates alone change
        in cash is no burn.

    Returns:
        ``cash`` (money) and ``net_burn`` (money a month); insufficient where what is known of cash begins later than
        the period, or ends before it. ``n`` is the number of movements.

    Raises:
        NotProvided: There are no movements of cash.
        Refused: An account does not begin with its opening balance, a month has no movement, or a currency has no rate.

    Source:
        Specification K26.
    """
    rows = _rows(spine, "cash", "cash_notes")
    for answer in rows.answers:
        rows.add("cash", answer, answer["cash"], n=answer["movements"], **_known(answer["cash"], answer))
        burned, months = answer["burned"], answer["months"]
        if burned is None:
            rows.add("net_burn", answer, None, **_known(None, answer))
        else:
            rows.share("net_burn", answer, burned, months, n=answer["burning"])
    return rows.done()


def burn_multiple(spine: Spine) -> list[Row]:
    """What was burned for each unit by which ARR grew.

    Definition:
        Burn multiple = the net burn of the whole period ÷ net new ARR, which is 12 × net new MRR of the same period.

    Returns:
        ``burn_multiple``; undefined where ARR did not grow, and where cash does not fall; insufficient where what is
        known of cash begins within the period.

    Raises:
        NotProvided: There are no movements of cash, or no subscriptions.
        Refused: Cash or net new MRR is.

    Source:
        Specification K27; the ratio as David Sacks.
    """
    require_subscriptions(spine)
    rows = _rows(spine, "burn_multiple", "burn_multiple_notes", "subscriptions", "customers")
    for answer in rows.answers:
        burned, gained = answer["burned"], answer["net_new_arr"]
        if burned is None:
            told = _known(None, answer)
        else:
            told = {"warnings": [NO_GROWTH] if gained <= 0 else [NO_BURN] if burned <= 0 else []}
        value = answer["burn_multiple"]
        rows.add("burn_multiple", answer, value, numerator=burned, denominator=gained, n=answer["n"], **told)
    return rows.done()


def runway(spine: Spine) -> list[Row]:
    """How many months cash lasts, if it goes on falling as it did of late.

    Definition:
        Runway = cash at the end of the period ÷ the mean net burn of the last months up to then (``runway_months``: 6
        unless set otherwise). It knows of no season, no plan and no money that is promised.

    Parameters and rules:
        runway_months: Over how many months net burn is averaged.

    Returns:
        ``runway`` (months); 0 where no cash is left; undefined where cash does not fall; insufficient where what is
        known of cash begins within those months.

    Raises:
        NotProvided: There are no movements of cash.
        Refused: Cash is.

    Source:
        Specification K28.
    """
    rows = _rows(spine, "runway", "cash_notes")
    for answer in rows.answers:
        burn, left = answer["burn_of_late"], answer["cash"]
        if burn is None:
            told = _known(None, answer, "since")
        else:
            told = {"warnings": [NO_BURN] if burn <= 0 else [NO_CASH] if left <= 0 else []}
        rows.add("runway", answer, answer["runway"], numerator=left, denominator=burn, n=answer["n"], **told)
    return rows.done()


def _rows(spine: Spine, card: str, notes: str, *others: str) -> Rows:
    spine.require("cash_movements")
    return Rows(spine, card, notes=notes, left_out=("cash_movements", *others))


def _known(value: float | None, answer: Mapping[str, Any], since: str = "starts_on") -> dict[str, Any]:
    """Why a value is not known: what is known of cash begins after the day that it takes."""
    if value is not None:
        return {}
    first: date | None = answer["first_on"]
    told = HISTORY.format(day=first, since=answer[since]) if first else NO_MOVEMENT
    return {"status": "insufficient", "warnings": [told]}
