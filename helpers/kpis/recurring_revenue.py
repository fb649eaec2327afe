"""Recurring revenue: what customers pay month by month, how it moved, and who stays.

Source: specification, cards K20 to K25. The rules that all cards share are told in ``subscription_versions.Rules``;
the tables beside these figures are in ``recurring_tables``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Unpack

import pandas as pd

from helpers import results
from helpers.kpis import customer_mrr
from helpers.kpis.customer_mrr import KINDS, TAGS
from helpers.kpis.renewals import came_due, coming_due
from helpers.kpis.subscription_versions import (
    MovementRules,
    Notes,
    Rules,
    StockRules,
    begins_late,
    by_segment,
    notes_on,
)
from helpers.periods import Period, months_before
from helpers.results import Row, row, share
from helpers.statistics import dominated_by_few, ratio_of_sums, wilson

if TYPE_CHECKING:
    from helpers.data.known import Tables

LARGEST = 10
FEW = "dominated by few: fewer than 30 customers, or one with over 20 % of the MRR"


def mrr(tables: Tables, period: Period, **given: Unpack[StockRules]) -> list[Row]:
    """What paying customers are worth a month, on the last day of the period.

    Definition:
        MRR is the sum over all subscription versions in force on the day: unit amount × quantity, brought to a month
        (a day × 365/12, a week × 365/84, a quarter ÷ 3, a year ÷ 12), less the discounts in force; a contract is its
        value ÷ its months; an MRR that the source gives is taken as it is. Active and past due subscriptions count;
        trials, paused and unpaid ones, one-off amounts, services and tax do not; a cancelled one counts to the end
        of its service. A paying customer has an MRR above 0. ARPA is MRR ÷ paying customers. A source that overwrites
        a version's status, instead of opening a new version, restates the past with it.

    Returns:
        ``mrr`` (money a month), ``paying_customers`` and ``arpa`` (money a month), in all and by customer segment.
        Without subscriptions in force MRR is 0 and ARPA undefined.

    Raises:
        NotProvided: There are no subscriptions.
        Refused: Versions of a line overlap, a price is below 0, or a currency has no rate.

    Source:
        Specification K20; discounts as ProfitWell, statuses as Stripe.
    """
    rules = Rules(**given)
    customers = customer_mrr.stock(tables, period.measured_on, period, rules)
    notes = notes_on(tables, period, rules)
    rows = []
    for segment, part in by_segment(tables, customers):
        total, n = float(part["mrr"].sum()), len(part)
        told = {"segment": segment, "n": n, **notes}
        rows += [
            row("mrr", period, total, **told),
            row("paying_customers", period, n, **told),
            share("arpa", period, total, n, **told),
        ]
    return rows


def arr(tables: Tables, period: Period, **given: Unpack[MovementRules]) -> list[Row]:
    """What paying customers are worth a year at today's prices; neither revenue nor a forecast.

    Definition:
        ARR is 12 × the MRR on the last day of the period. New ARR is 12 × the MRR of customers new in the period.
        The billing rhythm changes nothing: a contract of 100,000 over 60 months is 20,000 a year. Contracts shorter
        than 12 months are annualised like all others; their share of ARR is told.

    Returns:
        ``arr`` and ``new_arr`` (money); 0 where no subscription is in force.

    Raises:
        NotProvided: There are no subscriptions.
        Refused: Versions of a line overlap, a price is below 0, or a currency has no rate.

    Source:
        Specification K21.
    """
    rules = Rules(**given)
    customers = customer_mrr.movements(tables, period, rules)
    notes = notes_on(tables, period, rules)
    closing, short = customers["closing"].sum(), customers["short_term"].sum()
    if short:
        notes["warnings"] += (f"short_term_annualised: {short / closing:.1%} of ARR has a term under 12 months",)
    return [
        row("arr", period, 12 * closing, n=_count(customers["closing"]), **notes),
        row("new_arr", period, 12 * customers["new"].sum(), n=_count(customers["new"]), **notes),
    ]


def mrr_movements(tables: Tables, period: Period, **given: Unpack[MovementRules]) -> list[Row]:
    """How MRR came from its opening to its closing: what was won, grew, shrank and was lost.

    Definition:
        Each customer's MRR is compared between consecutive snapshots (month ends, unless set otherwise) in this
        order: from 0, never paid before: new; from 0, paid before: reactivation; to 0: churn; more: expansion; less:
        contraction. A movement of the period is the sum over its snapshots, net new MRR the sum of the five, and
        opening + movements + currency effect = closing. Customers are compared, not subscriptions: to drop one of
        two is contraction. Expansion is a cross-sell where the customer holds a product for the first time (a new
        product if that was launched within 365 days before), else an upsell. Who came and went between two snapshots
        is in no movement and is told apart.

    Returns:
        ``mrr_opening``, ``mrr_new``, ``mrr_reactivation``, ``mrr_expansion`` (also by source), ``mrr_contraction`` and
        ``mrr_churn`` (both negative), ``mrr_fx``, ``net_new_mrr``, ``mrr_intra_period``: money a month, in all and by
        customer segment, 0 where nothing moved. ``n`` is the number of customers behind each.

    Raises:
        NotProvided: There are no subscriptions.
        Refused: Versions of a line overlap, a price is below 0, or a currency has no rate.

    Source:
        Specification K22; movements as ChartMogul, the currency effect as Stripe.
    """
    rules = Rules(**given)
    customers = customer_mrr.movements(tables, period, rules)
    passed = customer_mrr.passed_through(tables, period, rules)
    notes = notes_on(tables, period, rules)
    moved = [
        row(kpi_id, period, part[column].sum(), segment=segment, n=_count(part[column]), **notes)
        for segment, part in by_segment(tables, customers.assign(net=customers[list(KINDS)].sum(axis=1)))
        for kpi_id, column in _movement_columns().items()
    ]
    sources = [
        row("mrr_expansion", period, customers[tag].sum(), segment=("source", tag), n=_count(customers[tag]), **notes)
        for tag in (TAGS if tables.provides("subscriptions.product") else ())
    ]
    came_and_went = [
        row("mrr_intra_period", period, seen["mrr"].sum(), segment=segment, n=len(seen), **notes)
        for segment, part in by_segment(tables, customers)
        for seen in [passed[passed["account_id"].isin(part["account_id"])]]
    ]
    return moved + sources + came_and_went


def retention(tables: Tables, period: Period, *, retention_months: int = 12, **given: Unpack[StockRules]) -> list[Row]:
    """What the customers of a year ago are worth today, of what they were worth then.

    Definition:
        The cohort are the customers paying on the day from which retention_months end with the period (12 unless set
        otherwise). NRR is their MRR today ÷ their MRR then; GRR takes for each customer at most the MRR of then, so
        that it is never above 100 %. New customers are in neither; who left and came back counts at today's MRR. The
        quarterly variants start on the eve of the quarter.

    Returns:
        ``nrr``, ``grr``, ``nrr_quarter``, ``grr_quarter`` (shares, in all and by customer segment) with a bootstrap
        interval over customers. Without customers in the cohort they are undefined; where subscriptions do not reach
        back far enough, ``nrr`` and ``grr`` are insufficient.

    Raises:
        NotProvided: There are no subscriptions.
        Refused: Versions of a line overlap, a price is below 0, or a currency has no rate.

    Source:
        Specification K23; GRR as the SaaS Metrics Standards Board, no averaging of customers as GitLab.
    """
    rules = Rules(**given)
    year, quarter = months_before(period.measured_on, retention_months), period.opening_day
    rows = []
    for kpi_ids, since in ((("nrr", "grr"), year), (("nrr_quarter", "grr_quarter"), quarter)):
        rows += _no_cohort(kpi_ids, since, tables, period, rules) or _retained(kpi_ids, since, tables, period, rules)
    return rows


def churn(tables: Tables, period: Period, *, retention_months: int = 12, **given: Unpack[StockRules]) -> list[Row]:
    """How many customers were lost, and how much of the MRR that was there at the start.

    Definition:
        Of the customers paying on the day from which retention_months end with the period (12 unless set otherwise),
        logo churn is the share that no longer pays on its last day, and revenue churn is 1 − GRR: their MRR lost to
        churn and contraction ÷ their MRR then. Who left and came back is not lost; customers who joined later are in
        neither part. The quarterly variants start on the eve of the quarter. The reason is that of the customer's
        line that ended last; a downgrade without one is under (none).

    Returns:
        ``logo_churn`` (share, with its Wilson interval), ``revenue_churn``, ``logo_churn_quarter`` and
        ``revenue_churn_quarter`` (shares), in all and by reason, as parts of the total. Without customers at the start
        they are undefined; where subscriptions do not reach back far enough, the first two are insufficient.

    Raises:
        NotProvided: There are no subscriptions.
        Refused: Versions of a line overlap, a price is below 0, or a currency has no rate.

    Source:
        Specification K24.
    """
    rules = Rules(**given)
    year, quarter = months_before(period.measured_on, retention_months), period.opening_day
    windows = ((("logo_churn", "revenue_churn"), year), (("logo_churn_quarter", "revenue_churn_quarter"), quarter))
    rows = []
    for kpi_ids, since in windows:
        rows += _no_cohort(kpi_ids, since, tables, period, rules) or _lost(kpi_ids, since, tables, period, rules)
    return rows


def renewals(tables: Tables, period: Period, **given: Unpack[StockRules]) -> list[Row]:
    """What came up for renewal and was renewed, what comes up next, and how much hangs on few customers.

    Definition:
        The renewal rate is the share of the paid subscription lines with a renewal day in the period that are paid on
        that day, or at most grace_days later; by ARR, each line counts with the ARR that came due. A line without a
        renewal day is never due. ARR due is 12 × the MRR of the lines in force on the last day of the period whose
        renewal day is in the next 90, or 180, days. Beside it, the share of MRR of the ten largest customers.

    Returns:
        ``renewal_rate`` (share of lines, with its Wilson interval), ``renewal_rate_arr`` (share, with a bootstrap
        interval over customers), undefined where nothing was due; ``arr_due_90``, ``arr_due_180`` (money, 0 where
        nothing is due); ``top10_share`` (share, undefined where MRR is 0).

    Raises:
        NotProvided: There are no subscriptions; without ``renewal_on`` only ``top10_share`` is told.
        Refused: Versions of a line overlap, a price is below 0, or a currency has no rate.

    Source:
        Specification K24.
    """
    rules = Rules(**given)
    paid = customer_mrr.stock(tables, period.measured_on, period, rules)["mrr"]
    notes = notes_on(tables, period, rules)
    concentration = share("top10_share", period, paid.nlargest(LARGEST).sum(), paid.sum(), n=len(paid), **notes)
    if not tables.provides("subscriptions.renewal_on"):
        needs_day = ("renewal_rate", "renewal_rate_arr", "arr_due_90", "arr_due_180")
        missing = [results.not_provided(kpi_id, period, "subscriptions.renewal_on") for kpi_id in needs_day]
        return [*missing, concentration]
    return [*_renewed(tables, period, rules, notes), *_due(tables, period, rules, notes), concentration]


def quick_ratio(tables: Tables, period: Period, **given: Unpack[MovementRules]) -> list[Row]:
    """How much MRR was gained for each unit that was lost.

    Definition:
        (New + reactivation + expansion) ÷ (churn + contraction), of the MRR movements of the period. It depends on the
        snapshots that are compared: the same data gives less the closer they lie, so the grain is told with it. 4 is
        an old rule of thumb, not a standard.

    Returns:
        ``quick_ratio``; undefined where nothing was lost.

    Raises:
        NotProvided: There are no subscriptions.
        Refused: Versions of a line overlap, a price is below 0, or a currency has no rate.

    Source:
        Specification K25.
    """
    rules = Rules(**given)
    customers = customer_mrr.movements(tables, period, rules)
    gained = customers[["new", "reactivation", "expansion"]].sum().sum()
    lost = customers[["contraction", "churn"]].abs().sum().sum()
    notes = notes_on(tables, period, rules)
    notes["warnings"] += (*(() if lost else ("no losses",)), f"snapshots compared: {rules.movement_grain}")
    return [share("quick_ratio", period, gained, lost, n=len(customers), **notes)]


def _count(amounts: pd.Series) -> int:
    return int((amounts != 0).sum())


def _movement_columns() -> dict[str, str]:
    return {**{f"mrr_{kind}": kind for kind in ("opening", *KINDS, "fx")}, "net_new_mrr": "net"}


def _no_cohort(kpi_ids: tuple[str, ...], since: date, tables: Tables, period: Period, rules: Rules) -> list[Row]:
    """The rows of figures that have no cohort: of the quarter in a month's review, or where history is too short."""
    if kpi_ids[0].endswith("_quarter"):
        if period.kind == "quarter":
            return []
        return [results.not_provided(kpi_id, period, f"a quarter; this is a {period.kind}") for kpi_id in kpi_ids]
    late = begins_late(tables, period, rules, since, f"the cohort is that of {since}")
    told = notes_on(tables, period, rules) | {"warnings": late}
    return [row(kpi_id, period, None, status="insufficient", **told) for kpi_id in kpi_ids if late]


def _retained(kpi_ids: tuple[str, ...], since: date, tables: Tables, period: Period, rules: Rules) -> list[Row]:
    cohort = customer_mrr.cohort(tables, since, period, rules)
    cohort["kept"] = cohort[["before", "after"]].min(axis=1)
    notes = notes_on(tables, period, rules)
    return [
        _ratio(kpi_id, period, part[column], part["before"], segment=segment, **notes)
        for segment, part in by_segment(tables, cohort)
        for kpi_id, column in zip(kpi_ids, ("after", "kept"), strict=True)
    ]


def _lost(kpi_ids: tuple[str, ...], since: date, tables: Tables, period: Period, rules: Rules) -> list[Row]:
    cohort = customer_mrr.cohort(tables, since, period, rules)
    cohort["lost"] = cohort["before"] - cohort[["before", "after"]].min(axis=1)
    cohort = cohort.merge(customer_mrr.reasons(tables, since, period, rules), on="account_id", how="left")
    notes = notes_on(tables, period, rules)
    return [
        row
        for segment, lost in ((("", ""), cohort["lost"]), *_by_reason(cohort))
        for row in _lost_of(kpi_ids, lost, cohort, period, segment=segment, **notes)
    ]


def _lost_of(
    kpi_ids: tuple[str, ...], lost: pd.Series, cohort: pd.DataFrame, period: Period, **told: Any
) -> Iterator[Row]:
    """The churn of a cohort, or the part of it that has one reason; an interval of MRR is told of the whole only."""
    logo, revenue = kpi_ids
    gone, n = int(((lost > 0) & (cohort["after"] == 0)).sum()), len(cohort)
    yield share(logo, period, gone, n, n=n, interval=wilson(gone, n), **told)
    if told["segment"][0]:
        yield share(revenue, period, lost.sum(), cohort["before"].sum(), n=n, **told)
    else:
        yield _ratio(revenue, period, lost, cohort["before"], **told)


def _by_reason(cohort: pd.DataFrame) -> Iterator[tuple[tuple[str, str], pd.Series]]:
    """What was lost for each reason, over the whole cohort, so that the parts add up to the total."""
    reasons = cohort["reason"].fillna("(none)")
    for reason in sorted(set(reasons[cohort["lost"] > 0])):
        yield ("reason", reason), cohort["lost"].where(reasons == reason, 0.0)


def _ratio(kpi_id: str, period: Period, parts: pd.Series, wholes: pd.Series, **told: Any) -> Row:
    """A ratio of sums over customers, with its interval, and a warning where few customers decide it."""
    if len(wholes) and dominated_by_few(wholes):
        told["warnings"] = (*told["warnings"], FEW)
    told.setdefault("n", len(wholes))
    return share(kpi_id, period, parts.sum(), wholes.sum(), interval=ratio_of_sums(parts, wholes), **told)


def _renewed(tables: Tables, period: Period, rules: Rules, notes: Notes) -> list[Row]:
    lines = came_due(tables, period, rules)
    open_until = pd.to_datetime(lines["due_on"]) + timedelta(days=rules.grace_days)
    pending = ~lines["renewed"] & (open_until > pd.Timestamp(period.known_until))
    excluded = {**notes["excluded"], "subscriptions: renewal day within grace_days": int(pending.sum())}
    lines = lines[~pending]
    kept = lines["arr"].where(lines["renewed"], 0.0)
    by_customer = lines.assign(kept=kept).groupby("account_id")[["kept", "arr"]].sum()
    told = {**notes, "excluded": excluded, "n": len(lines)}
    renewed = int(lines["renewed"].sum())
    return [
        share("renewal_rate", period, renewed, len(lines), interval=wilson(renewed, len(lines)), **told),
        _ratio("renewal_rate_arr", period, by_customer["kept"], by_customer["arr"], **told),
    ]


def _due(tables: Tables, period: Period, rules: Rules, notes: Notes) -> list[Row]:
    lines = coming_due(tables, period, rules, days=180)
    return [
        row(f"arr_due_{days}", period, due["arr"].sum(), n=len(due), **notes)
        for days in (90, 180)
        for due in [lines[lines["days_left"] <= days]]
    ]
