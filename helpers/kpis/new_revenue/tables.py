"""The tables beside new bookings: by source and against the period before, the largest deals, the one-off amounts."""

from __future__ import annotations

import pandas as pd

from helpers.kpis.new_revenue.cards import judged_tables
from helpers.kpis.rows import refuse_unrated
from helpers.kpis.spine import Spine
from helpers.language import _, template
from helpers.results import Column, Listing

NAMES = {
    "new_logo": template("New logo"), "upsell": template("Upsell"), "cross_sell": template("Cross-sell"),
    "new_product": template("New product"), "(none)": "(none)", "all": template("All sources"),
}  # fmt: skip
CANCELLED = template("won and cancelled in the period")
LARGEST = 10


def bookings_by_source(spine: Spine) -> Listing:
    """New bookings by source and in total, and what their change came from: volume, mix and price.

    A share is told where no source is below 0.
    """
    judged_tables(spine)
    refuse_unrated(spine, "unrated_booking", "period", "previous")
    rows = spine.frame("bookings_by_source", "place")
    rows = rows[(rows["source"] != "(none)") | rows[["sales", "amount", "before"]].fillna(0).any(axis=1)]
    total = rows["amount"].iloc[-1]
    rows = with_parts(rows).assign(
        source=rows["source"].map(NAMES),
        share=rows["amount"] / (total if total and not (rows["amount"] < 0).any() else float("nan")),
        average=rows["amount"] / rows["sales"].where(rows["sales"] > 0),
    )
    columns = {
        "source": Column(_("Source"), own_words=True),
        "sales": Column(_("Sales"), "count"),
        "amount": Column(_("New bookings"), "money"),
        "share": Column(_("Share"), "share"),
        "average": Column(_("Average sale"), "money"),
    }
    for earlier in spine.period.history(1):
        changes = {
            "before": earlier.in_words, "change": _("Change"), "volume": _("by volume"), "mix": _("by mix"),
            "price": _("by price"),
        }  # fmt: skip
        columns |= {name: Column(label, "money") for name, label in changes.items()}
    return Listing(
        caption=_("New bookings of {period} by source, and what changed").format(period=spine.period.label),
        rows=rows[list(columns)],
        columns=columns,
        when_empty=_("Nothing was booked."),
        note=_(
            "By volume is what more or fewer sales in all change, at the share of them and the average sale that a "
            "source had before; by mix is what its own number changes beyond that; by price is the change in its "
            "average sale, at the number of now. Each row adds up to its change, and each column to all sources."
        ),
    )


def with_parts(rows: pd.DataFrame) -> pd.DataFrame:
    """The ``change`` of bookings of each source, and what it came from: ``volume``, ``mix`` and ``price``.

    With N sales of all sources, n of one, and its bookings r = n × p, from before (0) to now (1):
    volume = r0 × (N1 ÷ N0 − 1), price = n1 × (p1 − p0), mix = what else changed: (n1 − n0 × N1 ÷ N0) × p0. The mix of a
    source without a sale in one of the two is all of its change that is not volume. The last row is of all sources and
    their sum, so that volume is (N1 − N0) × the average sale of before. Nothing is split where N0 or N1 is 0.

    20 new customers at 7,000 and 10 upsells at 1,000 become 21 at 7,500 and 24 at 1,000: 15 sales more, half as many
    again, are worth 75,000; that most of them are small ones takes 54,000 off, and prices add 10,500.

    >>> before = {"sales_before": [20, 10, 30], "before": [140_000, 10_000, 150_000]}
    >>> now = {"sales": [21, 24, 45], "amount": [157_500, 24_000, 181_500]}
    >>> with_parts(pd.DataFrame(before | now).astype(float))[["change", "volume", "mix", "price"]]
        change   volume      mix    price
    0  17500.0  70000.0 -63000.0  10500.0
    1  14000.0   5000.0   9000.0      0.0
    2  31500.0  75000.0 -54000.0  10500.0
    """
    sales, amount, before, was = rows["sales"], rows["amount"], rows["sales_before"], rows["before"]
    is_split = bool(sales.iloc[-1] and before.iloc[-1])
    volume = (was * sales.iloc[-1] / before.iloc[-1] - was) if is_split else was * float("nan")
    price = (amount - sales * was / before).where(is_split & (sales > 0) & (before > 0))
    price.iloc[-1] = price.iloc[:-1].sum(min_count=1)
    change = amount - was
    return rows.assign(change=change, volume=volume, mix=change - volume - price.fillna(0), price=price)


def largest_deals(spine: Spine) -> Listing:
    """The deals that made new bookings in the period, the largest first; with ``mrr`` at their annual worth.

    They add up to new bookings: those cancelled in the period, which lower it, stand last.
    """
    deals = _deals(spine, "new_revenue desc, deal_id").replace({"kind": NAMES}).rename(columns={"new_revenue": "value"})
    columns = {
        **_deal_columns(spine),
        "kind": Column(_("Source"), own_words=True),
        "term_months": Column(_("Term, months"), "count"),
        "value": Column(_("New bookings"), "money"),
    }
    return Listing(
        caption=_("Largest deals won in {period}").format(period=spine.period.label),
        rows=deals.loc[deals["value"].fillna(0) != 0, list(columns)],
        columns=columns,
        when_empty=_("No deal won in this period adds to new bookings."),
        export="won_deals",
        total=("value",),
        top=LARGEST,
        note=_("Deals cancelled in the period stand last, below 0.") if (deals["value"] < 0).any() else "",
    )


def one_off_amounts(spine: Spine) -> Listing:
    """One-off and services amounts of the deals won in the period: sold, but in no figure of new bookings."""
    spine.require("deals.one_off_amount")
    deals = _deals(spine, "one_off_amount desc, deal_id")
    deals = deals[deals["one_off_amount"].notna() & ~deals["is_reversed"] & (deals["state"] != CANCELLED)]
    columns = {**_deal_columns(spine), "one_off_amount": Column(_("One-off amount"), "money")}
    return Listing(
        caption=_("One-off amounts of deals won in {period}, not in new bookings").format(period=spine.period.label),
        rows=deals[list(columns)],
        columns=columns,
        when_empty=_("No deal won in this period has a one-off amount."),
        total=("one_off_amount",),
    )


def _deals(spine: Spine, order: str) -> pd.DataFrame:
    """The deals won in the period, and those won before it that were cancelled in it.

    Raises:
        NotProvided: There are no deals, or not their outcome, closing day or amount.
        Refused: A currency has no rate.
    """
    spine.require("deals.outcome", "deals.closed_at", "deals.amount")
    refuse_unrated(spine, "unrated_deal", "period")
    return spine.frame("booked_deal", order)


def _deal_columns(spine: Spine) -> dict[str, Column]:
    who = "name" if spine.provides("customers") else "customer_id"
    return {
        "deal_id": Column(_("Deal")), who: Column(_("Customer")), "product": Column(_("Product")),
        "closed_on": Column(_("Won on"), "date"),
    }  # fmt: skip
