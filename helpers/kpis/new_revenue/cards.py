"""The cards of new revenue: K14 and K15. Bookings are what customers signed, not recognised revenue.

Their queries stand in ``new_revenue.sql``, those of the basis ``mrr`` in ``basis_mrr.sql``. What each deal books is
judged in ``shared/deals.sql``; the lists beside the figures are in ``tables``.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import product
from typing import Any

from helpers.errors import KitError
from helpers.kpis.rows import Rows, require_parents
from helpers.kpis.spine import Spine
from helpers.language import template
from helpers.periods import Period
from helpers.results import Row

BASES = ("acv", "tcv", "mrr")
NOT_SO_FAR = template("the calendar does not reach back that far")
NO_BOOKINGS = template("no new bookings in {period} to compare with")
HISTORY = template("history_starts_at {day}, in or after {period}")


def new_revenue(spine: Spine) -> list[Row]:
    """What was newly booked in the period, by source: bookings that customers signed, not recognised revenue.

    Definition:
        New bookings = the amounts of the deals won in the period, each worth a year (``acv``: amount x 12 / term; a
        term below 12 months, or none, leaves the amount as it is) or its whole term (``tcv``); or the new and
        expansion MRR of the period (``mrr``). The source is the deal's type, else derived in this order: no deal won
        before, new logo; a product not held before and launched at most 365 days before, new product; a product not
        held before, cross-sell; else upsell. A renewal adds what exceeds the price a month held before, as upsell.
        A deal won and cancelled in the period is left out; one won earlier is taken off when it is cancelled.
        One-off amounts are not in the total. Bookings = number of sales x average sale.

    Returns:
        ``new_revenue`` (money; with ``mrr``, money a month) in total and by source, which add up; n is the number of
        sales (with ``mrr``, of customers). Nothing won is 0; undefined where deals were won and none has an amount.

    Raises:
        KitError: The basis is none of those it may be.
        NotProvided: There are no deals, or not their outcome, closing day or amount; with ``mrr``, no subscriptions.
        Refused: An amount is in a currency that has no rate.

    Source:
        Specification K14.
    """
    rows = Rows(spine, "new_revenue", notes="new_revenue_notes", left_out=judged_tables(spine))
    for answer in rows.answers:
        rows.add("new_revenue", answer, answer["new_revenue"], n=int(answer["sales"]))
    return rows.done()


def revenue_growth(spine: Spine) -> list[Row]:
    """How new bookings compare with those of the period before, and of a year ago.

    Definition:
        Growth = (new bookings - those of the earlier period) / those of the earlier period. A running period is
        compared with as many days of the earlier one, and an earlier period with what was known as long after its
        end; a deal that was cancelled since then is not taken off there, but where it was cancelled. All amounts are
        at the same exchange rates, whatever the rule for other figures.

    Returns:
        ``revenue_growth`` and ``revenue_growth_yoy`` (ratios); undefined where nothing, or less, was booked before.

    Raises:
        As for new bookings; what is compared with a period whose bookings are refused is refused too.

    Source:
        Specification K15.
    """
    left_out = judged_tables(spine)
    asked = _with_compared(spine) if spine.rules["basis"] == "mrr" else spine
    rows = Rows(asked, "revenue_growth", notes="revenue_growth_notes", left_out=left_out)
    unrated = {(row["label"], row["span"]): row["reason"] for row in asked.answers("unrated_booking")
               if row["fx"] == "fixed"}  # fmt: skip
    for answer in rows.answers:
        for kpi_id, span in (("revenue_growth", "previous"), ("revenue_growth_yoy", "year_ago")):
            if why := unrated.get((answer["label"], span)):
                rows.refuse(answer["label"], why, kpi_id)
                continue
            change, before = answer[f"change_on_{span}"], answer[span]
            told = _weaknesses(answer, span)
            rows.add(kpi_id, answer, answer[kpi_id], numerator=change, denominator=before, warnings=told)
    return [row for row in rows.done() if row.period in spine.periods]


def judged_tables(spine: Spine) -> tuple[str, ...]:
    """The tables whose rows are booked one by one, and left out one by one: none for MRR, which is made of both.

    Raises:
        KitError: The basis is none of those it may be.
        NotProvided: A table or column is missing.
    """
    basis = spine.rules["basis"]
    if basis not in BASES:
        raise KitError(f"new_revenue.basis == {basis!r}, must be one of {', '.join(BASES)}")
    spine.require(*(("subscriptions",) if basis == "mrr" else ("deals.outcome", "deals.closed_at", "deals.amount")))
    spine.provides("products.launched_on")  # without it a new product is told as a cross-sell
    require_parents(spine)
    return () if basis == "mrr" else ("deals",)


def _with_compared(spine: Spine) -> Spine:
    """The periods of the review's own kind and all that they are compared with, since MRR is told of a spine's periods.

    It is at the fixed exchange rates.
    """
    found = {period.label: period for period in spine.periods if period.kind == spine.period.kind}
    for period, earlier in product(list(found.values()), (Period.previous, Period.year_ago)):
        with suppress(KitError):  # a listed calendar begins somewhere
            before = earlier(period)
            found.setdefault(before.label, before)
    return replace(spine, periods=list(found.values()), rules={**spine.rules, "fx_mode": "fixed"})


def _weaknesses(answer: Mapping[str, Any], span: str) -> list[str]:
    """What makes an earlier period a poor measure of growth."""
    earlier, before, first_day = answer[f"{span}_label"], answer[span], answer["first_day"]
    if earlier is None:
        return [NOT_SO_FAR]
    notes = [] if before and before > 0 else [NO_BOOKINGS.format(period=earlier)]
    if first_day and first_day > answer[f"{span}_starts_on"]:
        notes.append(HISTORY.format(day=first_day, period=earlier))
    return notes
