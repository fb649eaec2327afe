"""Unit economics: what a new customer costs, how soon that comes back, and what a customer brings while it stays.

Cards K16 to K19 of the specification, and the sales of a period (G02). New customers are counted in ``acquisition``,
spend in ``spend``, lifetimes in ``lifetimes``; the tables beside these figures are in ``unit_economics_tables``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from helpers.errors import NotProvided
from helpers.kpis import invoiced, lifetime_value
from helpers.kpis.acquisition import Cost, Terms, cost, inverted, new_customers, notes, readable
from helpers.kpis.deals import NONE
from helpers.kpis.lifetime_value import Life, Margin, margin_of
from helpers.kpis.sold import sold
from helpers.kpis.spend import SALES_AND_MARKETING, WITH_SUPPORT, window
from helpers.kpis.subscription_versions import MovementRules, Rules
from helpers.periods import Period
from helpers.results import Row, attempted, row, share

if TYPE_CHECKING:
    from helpers.data.known import Tables

Figures = dict[str, Any]


def cac(
    tables: Tables,
    period: Period,
    *,
    cac_window_quarters: int = 4,
    spend_lag_months: int = 0,
    **given: Unpack[MovementRules],
) -> list[Row]:
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

    Args:
        tables: The tables known.
        period: The quarter that the window ends with.
        cac_window_quarters: How many quarters the window has.
        spend_lag_months: How many months earlier the spend was made.
        given: The rules of recurring revenue, which say who is a new customer.

    Returns:
        ``cac_sm`` and ``cac_full`` (money per new customer; in all, by segment and by channel),
        ``cac_sm_quarter`` and ``cac_full_quarter``; undefined, with the spend told, where nobody was won; refused where
        a month of spend is missing. ``new_customers`` (count) are those of the period itself.

    Raises:
        NotProvided: There is no spend, or neither subscriptions nor deals.
        Refused: Subscriptions cannot be counted, or a currency has no rate.

    Source:
        Specification K16; with support as in B2B, the exact interval by Garwood.
    """
    tables.require("spend")
    rules = Rules(**given)
    long, short = Terms(cac_window_quarters, spend_lag_months, rules), Terms(1, spend_lag_months, rules)
    variants = {
        "cac_sm": (SALES_AND_MARKETING, long),
        "cac_full": (WITH_SUPPORT, long),
        "cac_sm_quarter": (SALES_AND_MARKETING, short),
        "cac_full_quarter": (WITH_SUPPORT, short),
    }
    rows = [
        found
        for kpi_id, (departments, terms) in variants.items()
        for found in attempted([kpi_id], period, partial(_cac, kpi_id, tables, period, departments, terms))
    ]
    won = len(new_customers(tables, period, rules))
    return [*rows, row("new_customers", period, won, n=won, **notes(tables, period, rules))]


def cac_payback(
    tables: Tables,
    period: Period,
    *,
    cac_window_quarters: int = 4,
    spend_lag_months: int = 0,
    gross_margin: Margin = None,
    **given: Unpack[MovementRules],
) -> list[Row]:
    """How many months a new customer must stay before what it pays, less what it costs to serve, covers its CAC.

    Definition:
        CAC payback = ``cac_full`` ÷ (ARPA of new customers × gross margin), where that ARPA is the new MRR of the
        window ÷ its new customers. On revenue instead of gross margin every payback looks shorter than it is, so
        without a gross margin none is printed.

    Args:
        tables: The tables known.
        period: The quarter that the window ends with.
        cac_window_quarters: How many quarters the window has.
        spend_lag_months: How many months earlier the spend was made.
        gross_margin: The share of MRR left after the cost to serve; one, or one per period.
        given: The rules of recurring revenue.

    Returns:
        ``cac_payback`` (months); undefined where there is no new customer.

    Raises:
        NotProvided: There is no spend, there are no subscriptions, or the period is no quarter.
        Refused: There is no gross margin, a month of spend is missing, or a currency has no rate.

    Source:
        Specification K17; on gross margin as the SaaS Metrics Standards Board.
    """
    tables.require("spend", "subscriptions")
    found = cost(tables, period, WITH_SUPPORT, Terms(cac_window_quarters, spend_lag_months, Rules(**given)))
    margin = margin_of(gross_margin, period)
    monthly = found.customers["mrr"].mean() * margin if found.n else 0.0
    value = found.each / monthly if found.each is not None and monthly > 0 else None
    told = _cost_notes(tables, found)
    return [row("cac_payback", period, value, numerator=found.each, denominator=monthly, n=found.n, **told)]


def ltv(
    tables: Tables,
    period: Period,
    *,
    lifetime_months: float | None = None,
    ltv_horizon_months: int = 60,
    cac_window_quarters: int = 4,
    spend_lag_months: int = 0,
    gross_margin: Margin = None,
    **given: Unpack[MovementRules],
) -> list[Row]:
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

    Args:
        tables: The tables known.
        period: The period on whose last day ARPA is taken and lives end.
        lifetime_months: How long a customer stays, for ``ltv_orders`` alone; none leaves that out.
        ltv_horizon_months: At most so many months of a life count.
        cac_window_quarters: As for CAC.
        spend_lag_months: As for CAC.
        gross_margin: The share of MRR left after the cost to serve; one, or one per period.
        given: The rules of recurring revenue.

    Returns:
        The four (money per customer), in all and by segment; ``ltv_km`` with a bootstrap interval over customers,
        ``ltv_margin`` with that of the count of churned customers. Undefined where nobody pays or orders; insufficient
        where nobody was followed to the horizon, or too few churned; refused without a gross margin.

    Source:
        Specification K18; ltv_margin after D. Skok.
    """
    rules = Rules(**given)
    ways: dict[str, Callable[[], list[Row]]] = {
        "ltv_orders": lambda: lifetime_value.by_orders(tables, period, lifetime_months, rules),
        "ltv_margin": lambda: lifetime_value.by_churn(tables, period, life(), rules),
        "ltv_km": lambda: lifetime_value.by_lives(tables, period, life(), rules),
        "ltv_net": lambda: lifetime_value.net(
            tables, period, life(), Terms(cac_window_quarters, spend_lag_months, rules)
        ),
    }

    def life() -> Life:
        return Life(margin_of(gross_margin, period), ltv_horizon_months)

    return [found for kpi_id, way in ways.items() for found in attempted([kpi_id], period, way)]


def ltv_cac(
    tables: Tables,
    period: Period,
    *,
    ltv_horizon_months: int = 60,
    cac_window_quarters: int = 4,
    spend_lag_months: int = 0,
    gross_margin: Margin = None,
    **given: Unpack[MovementRules],
) -> list[Row]:
    """How many times over a customer brings in what it cost to win it.

    Definition:
        LTV:CAC = ``ltv_km`` ÷ ``cac_full``: lifetime value on gross margin, before any acquisition cost is taken off,
        since a cost that is both subtracted and divided by counts twice. Above 3 is a rule of thumb, not a pass mark:
        channels and industries differ.

    Args:
        tables: The tables known.
        period: The quarter.
        ltv_horizon_months: At most so many months of a life count.
        cac_window_quarters: As for CAC.
        spend_lag_months: As for CAC.
        gross_margin: The share of MRR left after the cost to serve; one, or one per period.
        given: The rules of recurring revenue.

    Returns:
        ``ltv_cac`` (ratio); undefined where nobody was won or nobody pays, insufficient where ``ltv_km`` is.

    Raises:
        NotProvided: There is no spend, there are no subscriptions, or the period is no quarter.
        Refused: There is no gross margin, a month of spend is missing, or a currency has no rate.

    Source:
        Specification K19.
    """
    tables.require("spend", "subscriptions")
    rules = Rules(**given)
    found = cost(tables, period, WITH_SUPPORT, Terms(cac_window_quarters, spend_lag_months, rules))
    life = Life(margin_of(gross_margin, period), ltv_horizon_months)
    whole = lifetime_value.by_lives(tables, period, life, rules)[0]
    told = {**_cost_notes(tables, found), "denominator": found.each, "n": found.n}
    told["warnings"] = (*whole.warnings, *told["warnings"])
    if whole.value is None:
        return [row("ltv_cac", period, None, status=whole.status, **told)]
    value = whole.value / found.each if found.each is not None and found.each > 0 else None
    return [row("ltv_cac", period, value, numerator=whole.value, **told)]


def sales_total(
    tables: Tables, period: Period, *, fx_mode: str = "fixed", account_level: str = "customer"
) -> list[Row]:
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
    rules = Rules(fx_mode=fx_mode, account_level=account_level)
    parts = {"won": partial(_won, tables, period, rules), "invoiced": partial(_invoiced, tables, period, rules)}
    return [_part(period, name, make) for name, make in parts.items()]


def _won(tables: Tables, period: Period, rules: Rules) -> Figures:
    found = sold(tables, period, rules)
    return {"value": found.won, "n": found.deals, "excluded": found.excluded}


def _invoiced(tables: Tables, period: Period, rules: Rules) -> Figures:
    found = invoiced.by_kind(tables, period, rules)
    return {
        "value": found["amount"].sum(),
        "n": int(found["lines"].sum()),
        "excluded": tables.excluded("invoices", "customers"),
    }


def _part(period: Period, name: str, make: Callable[[], Figures]) -> Row:
    """One answer to what sales were; without its table it says so, and the other is told without it."""
    segment = ("sales", name)
    try:
        return row("sales_total", period, segment=segment, **make())
    except NotProvided as error:
        told = [f"not provided: {error.what}"]
        return row("sales_total", period, None, status="not_provided", segment=segment, warnings=told)


def _cac(kpi_id: str, tables: Tables, period: Period, departments: tuple[str, ...], terms: Terms) -> list[Row]:
    if period.kind == "quarter" and not window(period, terms.quarters, terms.lag).months:
        return [row(kpi_id, period, None, status="insufficient", warnings=["no month of the quarter is over yet"])]
    found = cost(tables, period, departments, terms)
    total = _per_customer(kpi_id, period, found.spend.total, found.n, **_cost_notes(tables, found))
    if kpi_id.endswith("_quarter"):
        return [total]
    return [total, *_by(kpi_id, tables, period, found)]


def _cost_notes(tables: Tables, found: Cost) -> Figures:
    told = readable(found.spend.total, found.n, tables.currency)
    return {"excluded": found.excluded, "warnings": (*found.warnings, *told)}


def _per_customer(kpi_id: str, period: Period, spend: float, n: int, **told: Any) -> Row:
    return share(kpi_id, period, spend, n, n=n, interval=inverted(spend, n), **told)


def _by(kpi_id: str, tables: Tables, period: Period, found: Cost) -> Iterator[Row]:
    """CAC by segment and by channel, where the ledger names them and customers have them."""
    named = {"segment": "customers.segment", "channel": "deals.source"}
    for by, of_customers in named.items():
        if not (tables.provides(f"spend.{by}") and tables.provides(of_customers)):
            continue
        spend = found.spend.rows.groupby(by)["amount"].sum()
        counts = found.customers.groupby(by).size()
        for name in sorted({*spend.index, *counts.index} - {NONE}):
            yield _named(kpi_id, period, (by, str(name)), spend.get(name), int(counts.get(name, 0)), tables.currency)
        told = f"names no {by}, so no customer of it can be told"
        nameless = float(spend.get(NONE, 0.0))
        yield row(kpi_id, period, None, segment=(by, NONE), numerator=nameless, warnings=[f"spend that {told}"])


def _named(kpi_id: str, period: Period, segment: tuple[str, str], spend: float | None, n: int, currency: str) -> Row:
    if spend is None:
        return row(kpi_id, period, None, segment=segment, n=n, warnings=[f"no spend names this {segment[0]}"])
    told = readable(float(spend), n, currency)
    return _per_customer(kpi_id, period, float(spend), n, segment=segment, warnings=told)
