"""Customers by month: what each paid on the days that the figures of recurring revenue compare, and on month ends.

The query stands in ``customers_by_month.sql``. The workbook calculates the movements and retention from it anew.
"""

from __future__ import annotations

from datetime import date

from helpers.errors import Refused
from helpers.kpis.rows import customer_columns, require_subscriptions
from helpers.kpis.spine import Spine
from helpers.language import _, enumerated, in_figures, paragraph, template
from helpers.results import NONE, Column, Listing

MOST_DAYS = 25  # that movements lead over: a quarter of days is no list that anybody reads
TOO_MANY = template("movements lead over {n} days (movement_grain: {reason}), too many for columns")
REVALUED = " revalued"  # after the name of a day: at the rates of the next day that movements lead to


def compared_days(spine: Spine) -> tuple[list[date], dict[str, date]]:
    """The days that the movements of the period lead over, in order, and those from which customers are followed."""
    own = spine.period.label
    steps = [answer["day"] for answer in spine.answers("snapshot", "day") if answer["label"] == own]
    since = {answer["horizon"]: answer["since"] for answer in spine.answers("horizon") if answer["label"] == own}
    return steps, since


def customers_by_month(spine: Spine) -> Listing:
    """One row per account that paid on any of the days, those that pay most now first; 0 where it paid nothing.

    Where very many customers paid in two years, the days are those alone that the figures compare.

    A day on which a currency has no rate has no column. Where exchange rates move, a day that a movement begins with
    has a second column, revalued: the same MRR at the rates of the day to which it leads.
    """
    require_subscriptions(spine)
    steps, _since = compared_days(spine)
    if len(steps) > MOST_DAYS:
        raise Refused(TOO_MANY.format(n=len(steps), reason=spine.rules["movement_grain"]))
    found = spine.frame("customers_by_month", "customer_id, day")
    found["day"] = found["day"].map({day: str(day)[:10] for day in found["day"].unique()})
    unrated = sorted(set(found.loc[found["mrr"].isna(), "day"]))
    kept = found[~found["day"].isin(unrated)]
    days = sorted({*kept["day"], *map(str, steps)})
    amounts = kept.pivot(index="customer_id", columns="day", values="mrr").reindex(columns=days)
    if spine.rules["fx_mode"] == "period_end":
        later = kept.pivot(index="customer_id", columns="day", values="next_mrr")
        amounts = amounts.join(later.reindex(columns=list(map(str, steps[:-1]))).add_suffix(REVALUED))
    who = kept.drop_duplicates("customer_id").set_index("customer_id")[["customer", "segment", "first_on"]]
    rows = who.join(amounts.astype(float).fillna(0.0)).reset_index()
    rows["segment"] = rows["segment"].fillna(NONE)
    own = {"first_on": Column(_("First paid on"), "date")}
    revalued = {f"{day}{REVALUED}": _("{day} revalued").format(day=day) for day in days}
    own |= {name: Column(revalued.get(name, name), "money_per_month") for name in amounts.columns}
    columns = customer_columns(spine, own, who=("customer", "segment"))
    note = _(
        "As known for this pack, at the rates of each day; 0 is nothing paid. First paid on is the first month end, or "
        "other day of a movement, on which the customer is known to have paid; it may lie before the columns."
    )
    [many] = spine.answers("has_many_customers")
    if many["is_so"]:
        why = _("Other month ends are left out, since more than {n} customers paid in two years.")
        note = paragraph(note, why.format(n=in_figures(many["most"])))
    if unrated:
        lacks = _("No exchange rate for all that was paid on {days}.").format(days=enumerated(unrated))
        note = paragraph(note, lacks)
    return Listing(
        caption=_("MRR of each customer, by month end"),
        rows=rows.sort_values([days[-1], "customer_id"], ascending=[False, True], ignore_index=True)[list(columns)],
        columns=columns,
        when_empty=_("Nobody pays."),
        note=note,
    )
