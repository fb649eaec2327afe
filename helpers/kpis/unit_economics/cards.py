"""The cards of unit economics: K16 to K19, and the sales of a period (G02).

Their queries stand in ``unit_economics.sql``: windows, the ledger, new customers, lives. Whether the ledger has all its
months is judged here, and so are the mean life by Kaplan–Meier and its interval. The lists are in ``tables``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd

from helpers.kpis.new_revenue.tables import CANCELLED
from helpers.kpis.rows import Rows, require_parents
from helpers.kpis.spine import Spine
from helpers.kpis.unit_economics.acquisition import (
    BY_DEALS,
    FEWEST,
    Cost,
    Costs,
    inverted,
    readable,
)
from helpers.kpis.unit_economics.lives import Worth, stays_by_segment, worth_of
from helpers.language import template
from helpers.results import A_QUARTER, NO_RATE, NONE, NOT_PROVIDED, Row

VARIANTS = {
    "cac_sm": ("sm", "window"),
    "cac_full": ("full", "window"),
    "cac_sm_quarter": ("sm", "quarter"),
    "cac_full_quarter": ("full", "quarter"),
}
NO_MONTH = template("no month of the quarter is over yet")
UNNAMED = {
    "segment": template("no spend names this segment"),
    "channel": template("no spend names this channel"),
}
NAMELESS = {
    "segment": template("{reason} ({spent} of {total} {currency}) names no segment, so it is in no segment's cost"),
    "channel": template("{reason} ({spent} of {total} {currency}) names no channel, so it is in no channel's cost"),
}
PART, SPEND = template("{share} of the spend"), template("spend")
NEW_BY_THEN = template("history_starts_at {day}: whoever paid by then counts as new")
ORDERS_FROM = template("history_starts_at {day}: orders are counted from {since}")
CHURN_FROM = template("history_starts_at {day}: churn is counted from {since}")
FEW_CHURNED = template("only {n} churned: too few to divide by")
BEYOND = template("this churn stands for a life of {life} months; the longest so far is {longest}")
CAPPED = template(
    "capped at {months} months: nobody churned in {n} customer-months, which leaves up to {bound} % a month possible"
)
NOT_ALL_NAMED = template("not all of the spend names a segment")
NO_MARGIN = template("no gross margin for {period}; set rules.gross_margin, as 100 % is never assumed")
ONE_SIDED = 0.05
NOBODY = pd.DataFrame({"months": [], "is_left": [], "mrr": []})


def cac(spine: Spine) -> list[Row]:
    """What it cost to win a new customer, over the last four quarters and in the quarter alone, and how many were won.

    Definition:
        CAC = spend ÷ new customers, in two variants that are never mixed: ``cac_sm`` counts the spend of sales and
        marketing, ``cac_full`` that of support too, whole. All spend of these departments counts, salaries and
        commissions included, but what the ledger names as spent to retain customers. New customers are those whose
        first MRR came in the window, not those who returned; without subscriptions, those of won new-logo deals. Spend
        is taken as many months earlier as spend_lag_months says, since it precedes the customers that it wins. By
        segment and by channel only spend that names one counts: the rest stands in a row of its own and is divided by
        nobody, so that these rows lie below the total. A customer's channel is the source of its first won deal. Of a
        running quarter only the months that are over count. The interval is that of the count of customers.

    Parameters and rules:
        cac_window_quarters: How many quarters the window has.
        spend_lag_months: How many months earlier the spend was made.

    Returns:
        ``cac_sm`` and ``cac_full`` (money per new customer; in all, by segment and by channel),
        ``cac_sm_quarter`` and ``cac_full_quarter``; undefined, with the spend told, where nobody was won; refused where
        a month of spend is missing. ``new_customers`` (count) are those of the period itself.

    Raises:
        NotProvided: There is no spend, or neither subscriptions nor deals.
        Refused: Subscriptions cannot be counted, or a currency has no rate.

    Source:
        Specification K16; with support as in B2B, the exact interval by Garwood.

    Departs:
        In its CAC ratios the SaaS Metrics Standards Board divides by new contracted ARR, and counts those who look
        after customers only for the time in which they win new ones; here the spend is divided by new customers, and
        the variant with support counts support whole.
    """
    spine.require("spend")
    rows = Rows(spine, "cac")
    if spine.period.kind == "quarter":
        costs = Costs(spine)
        for kpi_id, (variant, horizon) in VARIANTS.items():
            for period in (each for each in spine.periods if each.kind == "quarter"):
                _cac(rows, kpi_id, period.label, costs.at(period.label, variant, horizon))
    else:
        rows.not_provided(VARIANTS, A_QUARTER.format(reason=spine.period.kind))
    _new_customers(spine, rows)
    return rows.done()


def cac_payback(spine: Spine) -> list[Row]:
    """How many months a new customer must stay before what it pays, less what it costs to serve, covers its CAC.

    Definition:
        CAC payback = ``cac_full`` ÷ (ARPA of new customers × gross margin), where that ARPA is the new MRR of the
        window ÷ its new customers. On revenue instead of gross margin every payback looks shorter than it is, so
        without a gross margin none is printed.

    Parameters and rules:
        cac_window_quarters: How many quarters the window has.
        spend_lag_months: How many months earlier the spend was made.
        gross_margin: The share of MRR left after the cost to serve; one, or one per period.

    Returns:
        ``cac_payback`` (months); undefined where there is no new customer.

    Raises:
        NotProvided: There is no spend, there are no subscriptions, or the period is no quarter.
        Refused: There is no gross margin, a month of spend is missing, or a currency has no rate.

    Source:
        Specification K17; on gross margin as the SaaS Metrics Standards Board.

    Departs:
        The SaaS Metrics Standards Board divides by contracted ARR, which has customers that are not live yet, lags the
        spend by the length of the sales cycle, and counts those who look after customers only for the time in which
        they win new ones; here it is the MRR that new customers pay, spend_lag_months says the lag, and support counts
        whole.
    """
    spine.require("spend", "subscriptions")
    rows, costs = Rows(spine, "cac_payback"), Costs(spine)
    for answer in rows.answers:
        cost = costs.at(answer["label"], "full", "window")
        if why := cost.refused or _no_margin(answer):
            rows.refuse(answer["label"], why)
            continue
        monthly = answer["monthly"] if cost.n else 0.0
        value = cost.each / monthly if cost.each is not None and monthly > 0 else None
        told: dict[str, Any] = {"n": cost.n, "excluded": cost.excluded, "warnings": cost.warnings}
        rows.add("cac_payback", answer, value, numerator=cost.each, denominator=monthly, **told)
    return rows.done()


def ltv(spine: Spine) -> list[Row]:
    """What a customer brings in over the time that it stays, told four ways that answer different questions.

    Definition:
        ``ltv_km``, the one to prefer = ARPA × gross margin × the mean months that a customer stays, by Kaplan–Meier
        over all customers so far, with those still there counted as such and at most ltv_horizon_months of each.
        ``ltv_margin`` = ARPA × gross margin ÷ monthly logo churn, which is the customers lost from month to month ÷
        the customer-months at risk, over 12 months; it takes it that churn stays as it is for ever. With 1 to 4
        customers lost it says nothing; with none it is capped at ltv_horizon_months. ``ltv_orders`` = average order ×
        orders a year per customer that ordered × years that a customer stays, of the last 12 months; revenue, not
        margin. ``ltv_net`` = ``ltv_km`` − ``cac_full`` − what other departments spent per new customer to win it.
        A lifetime is given in months and divided by 12. The article that ``ltv_orders`` comes from takes 8 months as
        0.8 years: 1,800,000 ÷ 360 orders = 5,000 and 360 ÷ 60 customers = 6 give 5,000 × 6 × 8/12 = 20,000, not the
        24,000 that it prints. At a CAC of 7,000 the slip turns an LTV:CAC of 2.86 into 3.43, from below 3 to above.

    Parameters and rules:
        lifetime_months: How long a customer stays, for ``ltv_orders`` alone; none leaves that out.
        ltv_horizon_months: At most so many months of a life count.
        cac_window_quarters: As for CAC.
        spend_lag_months: As for CAC.
        gross_margin: The share of MRR left after the cost to serve; one, or one per period.

    Returns:
        The four (money per customer), in all and by segment; ``ltv_km`` with a bootstrap interval over customers,
        ``ltv_margin`` with that of the count of churned customers. Undefined where nobody pays or orders; insufficient
        where nobody was followed to the horizon, or too few churned; refused without a gross margin.

    Raises:
        NotProvided: Parents are to pay, and customers tell none.

    Source:
        Specification K18; ltv_margin after D. Skok.
    """
    require_parents(spine)
    rows = Rows(spine, "ltv")
    _by_orders(spine, rows)
    if not spine.provides("subscriptions"):
        rows.not_provided(("ltv_margin", "ltv_km", "ltv_net"), "subscriptions")
        return rows.done()
    notes, stays = (
        Rows(spine, "ltv", notes="stock_notes", left_out=("subscriptions", "customers")),
        stays_by_segment(spine),
    )
    wholes: dict[str, list[Worth]] = {}
    earliest = {each["label"]: each["earliest"] for each in spine.answers("earliest_subscription")}
    for answer in rows.answers:
        label, segment = answer["label"], (answer["segment_by"], answer["segment"])
        if why := _no_margin(answer) or notes.refused.get(label):
            if not answer["segment_by"]:
                rows.refuse(label, why, "ltv_margin", "ltv_km", *(("ltv_net",) if _has_ledger(spine) else ()))
            continue
        told: dict[str, Any] = {"excluded": notes.excluded[label], "warnings": notes.warnings.get(label, [])}
        _over_churn(rows, answer, earliest.get(label), told)
        found = worth_of(answer, stays.get((label, *segment), NOBODY))
        wholes.setdefault(label, []).append(found)
        told["warnings"] = [*told["warnings"], *found.warnings]
        rows.add("ltv_km", answer, found.value, status=found.status, n=found.n, interval=found.interval, **told)
    _net(spine, rows, wholes, notes)
    return rows.done()


def ltv_cac(spine: Spine) -> list[Row]:
    """How many times over a customer brings in what it cost to win it.

    Definition:
        LTV:CAC = ``ltv_km`` ÷ ``cac_full``: lifetime value on gross margin, before any acquisition cost is taken off,
        since a cost that is both subtracted and divided by counts twice. Above 3 is a rule of thumb, not a pass mark:
        channels and industries differ.

    Parameters and rules:
        ltv_horizon_months: At most so many months of a life count.
        cac_window_quarters: As for CAC.
        spend_lag_months: As for CAC.
        gross_margin: The share of MRR left after the cost to serve; one, or one per period.

    Returns:
        ``ltv_cac`` (ratio); undefined where nobody was won or nobody pays, insufficient where ``ltv_km`` is.

    Raises:
        NotProvided: There is no spend, there are no subscriptions, or the period is no quarter.
        Refused: There is no gross margin, a month of spend is missing, or a currency has no rate.

    Source:
        Specification K19.
    """
    spine.require("spend", "subscriptions")
    rows, costs = Rows(spine, "ltv_cac"), Costs(spine)
    notes, stays = Rows(spine, "ltv", notes="stock_notes"), stays_by_segment(spine)
    of_lives = {each["label"]: each for each in spine.answers("ltv") if not each["segment_by"]}
    for answer in rows.answers:
        label, life = answer["label"], of_lives[answer["label"]]
        cost = costs.at(label, "full", "window")
        if why := cost.refused or _no_margin(life) or notes.refused.get(label):
            rows.refuse(label, why)
            continue
        whole = worth_of(life, stays.get((label, "", None), NOBODY))
        told: dict[str, Any] = {"excluded": cost.excluded, "denominator": cost.each, "n": cost.n}
        told["warnings"] = [*notes.warnings.get(label, ()), *whole.warnings, *cost.warnings]
        if whole.value is None:
            rows.add("ltv_cac", answer, None, status=whole.status, **told)
            continue
        value = whole.value / cost.each if cost.each is not None and cost.each > 0 else None
        rows.add("ltv_cac", answer, value, numerator=whole.value, **told)
    return rows.done()


def sales_total(spine: Spine) -> list[Row]:
    """What was sold and what was invoiced in the period: two answers to "what were sales", and no total of them.

    Definition:
        ``won`` is the whole amount of the deals won in the period: renewals, one-off amounts and every year of a term
        included, deals cancelled in the same period left out. ``invoiced`` is the sum of all invoice lines of the
        period less credits, without tax. Neither is revenue as accounting recognises it, neither is a goal for the
        company: both rise with price increases, with discounts that pull deals forward, with services and with one
        large customer. The bridge beside them leads from bookings to MRR and to invoices.

    Returns:
        ``sales_total`` (money) for ``won`` and ``invoiced``; 0 where nothing was, undefined where deals were won and
        none has an amount. A part whose table is not provided says so.

    Raises:
        Refused: A currency has no rate.

    Source:
        Specification G02.
    """
    rows = Rows(spine, "sales_total")
    excluded = {"won": spine.left_out("deals"), "invoiced": spine.left_out("invoices", "customers")}
    states = {(each["label"], each["state"]): each["deals"] for each in spine.answers("sales_left_out", "label")}
    for answer in rows.answers:
        label, name = answer["label"], answer["segment"]
        lacks = _lacks(spine, name)
        if lacks:
            if label == spine.period.label:
                rows.add(
                    "sales_total", answer, None, status="not_provided", warnings=[NOT_PROVIDED.format(reason=lacks)]
                )
            continue
        if answer["unrated"]:
            rows.refuse(label, NO_RATE.format(reason=answer["unrated"]))
            continue
        counted = {state: states.get((label, state), 0) for state in (CANCELLED, "no_amount")}
        left_out = {**excluded[name][label], **(counted if name == "won" else {})}
        rows.add("sales_total", answer, answer["sales_total"], n=answer["n"], excluded=left_out)
    return rows.done()


def _cac(rows: Rows, kpi_id: str, label: str, cost: Cost) -> None:
    """The rows of a variant: in all and, over the long window, by segment and by channel."""
    whole = {"label": label}
    if not cost.has_months:
        rows.add(kpi_id, whole, None, status="insufficient", warnings=[NO_MONTH])
        return
    if cost.refused:
        rows.refuse(label, cost.refused, kpi_id)
        return
    told = {"excluded": cost.excluded, "warnings": cost.warnings}
    rows.share(kpi_id, whole, cost.total, cost.n, n=cost.n, interval=inverted(cost.total, cost.n), **told)
    if not kpi_id.endswith("_quarter"):
        _cac_by(rows, kpi_id, label, cost)


def _cac_by(rows: Rows, kpi_id: str, label: str, cost: Cost) -> None:
    """CAC by segment and by channel, where the ledger names them and customers have them."""
    spine, currency = rows.spine, rows.spine.prepared.currency
    for by, of_customers in {"segment": "customers.segment", "channel": "deals.source"}.items():
        if not (spine.provides(f"spend.{by}") and spine.provides(of_customers)):
            continue
        names = {name for kind, name in {*cost.spent, *cost.won} if kind == by} - {NONE}
        for name in sorted(names):
            answer, n = {"label": label, "segment_by": by, "segment": name}, cost.won.get((by, name), 0)
            spent = cost.spent.get((by, name))
            if spent is None:
                rows.add(kpi_id, answer, None, n=n, warnings=[UNNAMED[by]])
            else:
                told: dict[str, Any] = {"interval": inverted(spent, n)}
                told["warnings"] = readable(spent, n, currency)
                rows.share(kpi_id, answer, spent, n, n=n, **told)
        answer, spent = {"label": label, "segment_by": by, "segment": NONE}, cost.spent.get((by, NONE), 0.0)
        rows.add(kpi_id, answer, None, numerator=spent, warnings=_nameless(by, spent, cost.total, currency))


def _nameless(by: str, spent: float, total: float, currency: str) -> list[str]:
    """How much of the spend names no segment or channel, since without it each costs less than all together."""
    if not spent:
        return []
    part = PART.format(share=f"{spent / total:.1%}") if total > 0 else SPEND
    return [NAMELESS[by].format(reason=part, spent=f"{spent:,.0f}", total=f"{total:,.0f}", currency=currency)]


def _new_customers(spine: Spine, rows: Rows) -> None:
    """The customers that are new in the period itself."""
    by_subscriptions = spine.provides("subscriptions")
    tables = ("subscriptions", "customers") if by_subscriptions else ("deals", "customers")
    notes = Rows(spine, "cac", notes="movement_notes" if by_subscriptions else "", left_out=tables)
    earliest = {each["label"]: each["earliest"] for each in spine.answers("earliest_subscription")}
    for answer in rows.answers_of("new_customers"):
        label = answer["label"]
        if label in notes.refused:
            rows.refuse(label, notes.refused[label], "new_customers")
            continue
        warnings = notes.warnings.get(label, []) if by_subscriptions else [BY_DEALS]
        if label in earliest and earliest[label] > spine.at(label).opening_day:
            warnings = [*warnings, NEW_BY_THEN.format(day=earliest[label])]
        won = answer["new_customers"]
        rows.add("new_customers", answer, won, n=won, excluded=notes.excluded[label], warnings=warnings)


def _by_orders(spine: Spine, rows: Rows) -> None:
    """From the orders of a year, and a lifetime that is given."""
    lacks = "invoices" if not spine.provides("invoices") else "lifetime_months"
    if lacks == "invoices" or spine.rules["lifetime_months"] is None:
        rows.not_provided(["ltv_orders"], lacks)
        return
    notes = Rows(spine, "ltv", left_out=("invoices", "customers"))
    firsts = {each["label"]: each["day"] for each in spine.answers("first_invoice")}
    since = {each["label"]: each["orders_since"] for each in spine.answers("ltv")}
    for answer in rows.answers_of("ltv_orders"):
        label = answer["label"]
        if answer["unrated"]:
            rows.refuse(label, NO_RATE.format(reason=answer["unrated"]), "ltv_orders")
            continue
        first = firsts.get(label)
        late = [ORDERS_FROM.format(day=first, since=since[label])] if first and first > since[label] else []
        revenue, n, months = answer["revenue"] or 0.0, answer["customers"], answer["lifetime_months"]
        rows.add(
            "ltv_orders", answer, revenue / n * months / 12 if n else None, numerator=revenue * months / 12,
            denominator=n, n=n, warnings=late, excluded=notes.excluded[label],
        )  # fmt: skip


def _over_churn(rows: Rows, answer: Mapping[str, Any], earliest: date | None, told: Mapping[str, Any]) -> None:
    """From today's ARPA and the churn of a year, taken as it is for ever; ``earliest`` is where history starts."""
    churned, at_risk, since = answer["churned"], answer["at_risk"], answer["churn_since"]
    told = {**told, "n": churned}
    if earliest and earliest > since:
        told["warnings"] = [*told["warnings"], CHURN_FROM.format(day=earliest, since=since)]
    if answer["arpa"] is None or not at_risk:
        rows.add("ltv_margin", answer, None, **told)
        return
    monthly = answer["arpa"] * answer["margin"]
    told |= {"numerator": monthly, "denominator": churned / at_risk}
    if not churned:
        horizon = answer["ltv_horizon_months"]
        told["warnings"] = [*told["warnings"], _capped(at_risk, horizon)]
        rows.add("ltv_margin", answer, monthly * horizon, **told)
    elif churned < FEWEST:
        told["warnings"] = [*told["warnings"], FEW_CHURNED.format(n=churned)]
        rows.add("ltv_margin", answer, None, status="insufficient", **told)
    else:
        life, longest = at_risk / churned, answer["longest"]
        if life > longest:
            beyond = BEYOND.format(life=f"{life:.0f}", longest=f"{longest:.0f}")
            told["warnings"] = [*told["warnings"], beyond]
        rows.add("ltv_margin", answer, monthly * life, interval=inverted(monthly * at_risk, churned), **told)


def _capped(at_risk: int, horizon: float) -> str:
    """What no churn in so many customer-months leaves open: the one-sided upper bound of its rate.

    >>> _capped(60, 60)
    'capped at 60 months: nobody churned in 60 customer-months, which leaves up to 4.87 % a month possible'
    """
    bound = 1 - ONE_SIDED ** (1 / at_risk)
    return CAPPED.format(months=f"{horizon:g}", n=at_risk, bound=f"{bound * 100:.2f}")


def _net(spine: Spine, rows: Rows, wholes: Mapping[str, list[Worth]], notes: Rows) -> None:
    """What is left of ``ltv_km`` after what it cost to win the customer."""
    if not _has_ledger(spine):
        lacks = "spend" if not spine.provides("spend") else A_QUARTER.format(reason=spine.period.kind)
        rows.not_provided(["ltv_net"], lacks)
        return
    costs = Costs(spine)
    others = {each["label"]: each for each in spine.answers("other_acquisition")}
    for label, found in wholes.items():
        cost, other = costs.at(label, "full", "window"), others.get(label)
        unrated = NO_RATE.format(reason=other["unrated"]) if other and other["unrated"] else ""
        if why := cost.refused or unrated:
            rows.refuse(label, why, "ltv_net")
            continue
        more = float(other["amount"]) if other else 0.0
        told = {"excluded": cost.excluded, "warnings": cost.warnings}
        _less(rows, found[0], cost.total + more, cost.n, told, notes)
        if spine.provides("spend.segment"):
            for whole in found[1:]:
                _net_of_segment(rows, whole, cost, more, notes)


def _less(rows: Rows, whole: Worth, spend: float, n: int, told: Mapping[str, Any], notes: Rows) -> None:
    """A lifetime value less spend per new customer."""
    own = notes.warnings.get(whole.answer["label"], ())
    told = {**told, "n": n, "warnings": [*own, *whole.warnings, *told["warnings"]]}
    if whole.value is None:
        rows.add("ltv_net", whole.answer, None, status=whole.status, **told)
    else:
        rows.add("ltv_net", whole.answer, whole.value - spend / n if n else None, **told)


def _net_of_segment(rows: Rows, whole: Worth, cost: Cost, other: float, notes: Rows) -> None:
    """The same by segment, only where every cost names its segment: else a part of the cost would be left out."""
    by = ("segment", whole.answer["segment"] or NONE)
    if other or cost.spent.get(("segment", NONE), 0.0) or by not in cost.spent:
        rows.add("ltv_net", whole.answer, None, status="insufficient", warnings=[NOT_ALL_NAMED])
    else:
        _less(rows, whole, cost.spent[by], cost.won.get(by, 0), {"warnings": []}, notes)


def _has_ledger(spine: Spine) -> bool:
    return spine.provides("spend") and spine.period.kind == "quarter"


def _no_margin(answer: Mapping[str, Any]) -> str:
    """Why nothing at gross margin is told of a period: none is given."""
    if answer["margin"] is not None:
        return ""
    return NO_MARGIN.format(period=answer["label"])


def _lacks(spine: Spine, answer: str) -> str:
    """What one of the two answers to what sales were lacks."""
    needed = ["invoices"] if answer == "invoiced" else ["deals", "deals.outcome", "deals.closed_at", "deals.amount"]
    missing = [what for what in needed if not spine.provides(what)]
    return missing[0] if missing else ""
