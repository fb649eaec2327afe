"""What deals won in a period came to, whole, and what of it is new: the board's "what were sales".

Source: specification, card G02. Bookings are what customers signed, neither recognised nor invoiced revenue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from helpers.kpis.bookings import CANCELLED, booked

if TYPE_CHECKING:
    from helpers.data.known import Tables
    from helpers.kpis.subscription_versions import Rules
    from helpers.periods import Period


class Sold(NamedTuple):
    """The deals won in a period, and how their amounts lead to new bookings, which are worth a year.

    ``won`` is the whole of them: renewals, one-off amounts and all years of a term; None where none of them has an
    amount. ``won`` - ``one_off`` - ``held`` (renewals, at the price held before) - ``later`` (what falls after a
    deal's first year) - ``reversed`` (won earlier, cancelled now) = ``new``.
    """

    won: float | None
    one_off: float
    held: float
    later: float
    reversed: float
    new: float
    deals: int
    excluded: dict[str, int]


def sold(tables: Tables, period: Period, rules: Rules) -> Sold:
    """The deals won in a period; one that was cancelled in it is left out.

    Raises:
        NotProvided: ``deals``, their outcome, closing day or amount.
        Refused: a currency has no rate.
    """
    rows = booked(tables, period, basis="acv", rules=rules)
    won = rows[~rows["reversed"] & (rows["state"] != CANCELLED)]
    amount, one_off = won["amount"].fillna(0.0), won["one_off_amount"].fillna(0.0)
    new = amount * won["uplift"].fillna(0.0)
    unpriced = won["amount"].isna() & won["one_off_amount"].isna()
    left_out = {CANCELLED: int((rows["state"] == CANCELLED).sum()), "no_amount": int(unpriced.sum())}
    return Sold(
        won=None if len(won) and unpriced.all() else float((amount + one_off).sum()),
        one_off=float(one_off.sum()),
        held=float((amount - new).sum()),
        later=float((new - won["value"]).sum()),
        reversed=float(-rows.loc[rows["reversed"], "value"].sum()),
        new=float(rows["value"].sum()),
        deals=len(won) - int(unpriced.sum()),
        excluded={**tables.excluded("deals"), **left_out},
    )
