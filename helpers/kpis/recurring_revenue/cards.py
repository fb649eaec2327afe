"""The cards of recurring revenue: K20 to K25.

Their queries stand in ``recurring_revenue.sql``, what counts as paid in ``shared/subscriptions.sql``; the lists beside
the figures are in ``tables``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from helpers.kpis.rows import Rows, require_subscriptions, rows_once
from helpers.kpis.spine import Spine
from helpers.language import template
from helpers.results import A_QUARTER, Interval, Row
from helpers.statistics import delta_method, dominated_by_few, ratios_of_sums

MOVEMENTS = {
    "mrr_opening": "n_opening",
    "mrr_new": "n_new",
    "mrr_reactivation": "n_reactivation",
    "mrr_expansion": "n_expansion",
    "mrr_contraction": "n_contraction",
    "mrr_churn": "n_churn",
    "mrr_fx": "n_fx",
    "net_new_mrr": "n_net",
    "mrr_intra_period": "n_intra",
}
SUFFIX = {"year": "", "period": "_quarter"}
FEW = template("dominated by few: fewer than 30 customers, or one with over 20 % of the MRR")
SHORT_TERM = template("short_term_annualised: {share} of ARR has a term under 12 months")
HISTORY = template("history_starts_at {day}: the cohort is that of {since}")
NO_LOSSES = template("no losses")
GRAIN = template("snapshots compared: {reason}")
PENDING = template("subscriptions: renewal day within grace_days")


def mrr(spine: Spine) -> list[Row]:
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
    rows = _rows(spine, "mrr", "stock_notes")
    for answer in rows.answers:
        n = answer["paying_customers"]
        rows.add("mrr", answer, answer["mrr"], n=n)
        rows.add("paying_customers", answer, n, n=n)
        rows.share("arpa", answer, answer["mrr"], n, n=n)
    return rows.done()


def arr(spine: Spine) -> list[Row]:
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

    Departs:
        The SaaS Metrics Standards Board annualises the recurring revenue of the last month as the company recognises
        it; here it is the MRR of the subscriptions that are in force on the last day, whether or not their revenue is
        recognised by then.
    """
    rows = _rows(spine, "arr", "movement_notes")
    for answer in rows.answers:
        short = answer["short_term_share"]
        told = [SHORT_TERM.format(share=f"{short:.1%}")] if short else []
        rows.add("arr", answer, answer["arr"], n=answer["n_arr"], warnings=told)
        rows.add("new_arr", answer, answer["new_arr"], n=answer["n_new_arr"], warnings=told)
    return rows.done()


def mrr_movements(spine: Spine) -> list[Row]:
    """How MRR came from its opening to its closing: what was won, grew, shrank and was lost.

    Definition:
        Each customer's MRR is compared between consecutive snapshots (month ends, unless set otherwise) in this
        order: from 0, never paid before: new; from 0, paid before: reactivation; to 0: churn; more: expansion; less:
        contraction. A movement of the period is the sum over its snapshots, net new MRR the sum of the five, and
        opening + movements + currency effect = closing. Customers are compared, not subscriptions: to drop one of
        two is contraction. Expansion is a cross-sell where the customer holds a product for the first time (a new
        product if that was launched within 365 days before), else an upsell. Who came and went between two snapshots
        is in no movement and is told apart. So is a change that was learnt after the period it was in: the opening is
        what is known now, and may differ from the closing that was told then; how many customers that are is told.

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
    rows = _rows(spine, "mrr_movements", "opening_notes")
    products = spine.provides("subscriptions.product")
    for answer in rows.answers:
        if answer["segment_by"] != "source":
            for kpi_id, n in MOVEMENTS.items():
                rows.add(kpi_id, answer, answer[kpi_id], n=answer[n])
        elif products:
            rows.add("mrr_expansion", answer, answer["mrr_expansion"], n=answer["n_expansion"])
    return rows.done()


def retention(spine: Spine) -> list[Row]:
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

    Departs:
        The SaaS Metrics Standards Board takes recognised revenue, keeps a customer that comes back only if it does so
        within a few months at most, and brings a quarter's retention to a year; here it is the MRR of the
        subscriptions in force, whoever pays again on the last day is kept, and a quarter stays a quarter.
    """
    rows = _rows(spine, "retention", "cohort_notes")
    accounts = _accounts(spine)
    for answer in _followed(spine, rows, ("nrr", "grr")):
        intervals = _intervals(accounts, answer)
        for kpi_id, part in (("nrr", "after"), ("grr", "kept")):
            rows.share(
                kpi_id + SUFFIX[answer["horizon"]], answer, answer[part], answer["before"], n=answer["n"],
                interval=intervals[part], warnings=_few(answer),
            )  # fmt: skip
    return rows.done()


def churn(spine: Spine) -> list[Row]:
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

    Departs:
        The SaaS Metrics Standards Board publishes retention of customers and of revenue, not churn; churn here is what
        is missing to 100 %, and who left and came back within the window is not lost, however long that took.
    """
    rows = _rows(spine, "churn", "cohort_notes")
    followed = retention(spine) if spine.refused else rows_once(retention, spine)  # GRR itself may be barred there
    kept = {(row.kpi_id, row.period.label): row.interval for row in followed if not row.segment_by}
    for answer in _followed(spine, rows, ("logo_churn", "revenue_churn")):
        suffix, n = SUFFIX[answer["horizon"]], answer["n"]
        rows.proportion(f"logo_churn{suffix}", answer, answer["gone"], n)
        whole = not answer["segment_by"]  # an interval of MRR is told of the whole only
        interval = _what_is_lost(kept.get((f"grr{suffix}", answer["label"]))) if whole else None
        rows.share(
            f"revenue_churn{suffix}", answer, answer["lost"], answer["before"], n=n,
            interval=interval, warnings=_few(answer) if whole else (),
        )  # fmt: skip
    return rows.done()


def renewals(spine: Spine) -> list[Row]:
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
    rows = _rows(spine, "renewals", "renewal_notes")
    due = spine.provides("subscriptions.renewal_on")
    lines = spine.vectors("renewals_rows", "label")
    if not due:
        rows.not_provided(("renewal_rate", "renewal_rate_arr", "arr_due_90", "arr_due_180"), "subscriptions.renewal_on")
    for answer in rows.answers:
        if due:
            _renewed(rows, answer, lines[answer["label"],])
            rows.add("arr_due_90", answer, answer["arr_due_90"], n=answer["n_90"])
            rows.add("arr_due_180", answer, answer["arr_due_180"], n=answer["n_180"])
        rows.share("top10_share", answer, answer["top10"], answer["mrr"], n=answer["customers"])
    return rows.done()


def quick_ratio(spine: Spine) -> list[Row]:
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
    rows = _rows(spine, "quick_ratio", "movement_notes")
    grain = GRAIN.format(reason=spine.rules["movement_grain"])
    for answer in rows.answers:
        told = [*(() if answer["lost"] else (NO_LOSSES,)), grain]
        rows.share("quick_ratio", answer, answer["gained"], answer["lost"], n=answer["n"], warnings=told)
    return rows.done()


def _rows(spine: Spine, card: str, notes: str) -> Rows:
    require_subscriptions(spine)
    return Rows(spine, card, notes=notes, left_out=("subscriptions", "customers"))


def _followed(spine: Spine, rows: Rows, kpi_ids: Iterable[str]) -> list[dict[str, Any]]:
    """The answers of cohorts; where history is too short for one, its KPIs are told as insufficient instead."""
    earliest = {answer["label"]: answer["earliest"] for answer in spine.answers("earliest_subscription")}
    if spine.period.kind != "quarter":
        rows.not_provided([f"{kpi_id}_quarter" for kpi_id in kpi_ids], A_QUARTER.format(reason=spine.period.kind))
    found = []
    for answer in rows.answers:
        first, since = earliest.get(answer["label"]), answer["since"]
        if answer["horizon"] == "period":
            found += [answer] if spine.at(answer["label"]).kind == "quarter" else []
        elif not first or first <= since:
            found.append(answer)
        elif not answer["segment_by"]:
            told = HISTORY.format(day=first, since=since)
            for kpi_id in kpi_ids:
                rows.add(kpi_id, answer, None, status="insufficient", warnings=[told])
    return found


def _accounts(spine: Spine) -> Mapping[tuple[Any, ...], pd.DataFrame]:
    """The accounts of each cohort that is not too large to draw from, in the order of their keys."""
    amounts = (f"cast({name} as double) as {name}" for name in ("before", "after", "kept"))
    columns = ", ".join(["label", "horizon", "segment", *amounts])
    return spine.vectors("sampled", "label", "horizon", columns=columns, order="label, horizon, account_id")


def _intervals(
    accounts: Mapping[tuple[Any, ...], pd.DataFrame], answer: Mapping[str, Any]
) -> dict[str, Interval | None]:
    """The intervals of NRR (``after``) and GRR (``kept``); of many accounts the query tells the spread."""
    own, before, parts = accounts[answer["label"], answer["horizon"]], answer["before"], ("after", "kept")
    if answer["segment_by"] == "segment":
        name = answer["segment"]
        own = own[own["segment"].isna() if name is None else own["segment"] == name]
    if len(own) < answer["n"]:
        return {part: delta_method(answer[part] / before, answer[f"{part}_apart"], before) for part in parts}
    found = ratios_of_sums([own[part] for part in parts], own["before"])
    return dict(zip(parts, found, strict=True))


def _what_is_lost(kept: Interval | None) -> Interval | None:
    """The interval of 1 − GRR: the same accounts are drawn."""
    if kept is None or kept.low is None or kept.high is None:
        return None
    return kept._replace(low=1 - kept.high, high=1 - kept.low)


def _few(answer: Mapping[str, Any]) -> list[str]:
    return [FEW] if answer["n"] and answer["is_dominated_by_few"] else []


def _renewed(rows: Rows, answer: Mapping[str, Any], lines: pd.DataFrame) -> None:
    """The renewal rates of a period; lines that may still be renewed are not counted yet."""
    told = {"excluded": {PENDING: answer["pending"]}, "n": answer["lines"]}
    interval, few = None, []
    if answer["lines"]:
        counted = lines[~lines["is_pending"]]
        kept = counted.assign(kept=counted["arr"].where(counted["is_renewed"], 0.0))
        by_account = kept.groupby("account_id")[["kept", "arr"]].sum()
        [interval] = ratios_of_sums([by_account["kept"]], by_account["arr"])
        few = [FEW] if dominated_by_few(by_account["arr"]) else []
    rows.proportion("renewal_rate", answer, answer["renewed"], answer["lines"], **told)
    rows.share(
        "renewal_rate_arr", answer, answer["arr_renewed"], answer["arr"], interval=interval, warnings=few, **told
    )
