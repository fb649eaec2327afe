"""What stands beside the figures of customer performance: who waits, what was asked, promised, owed and confirmed.

Last, the register of customer performance indicators (CPIs), each with its verdict.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date

import numpy as np
import pandas as pd

from helpers.catalogue import label_of
from helpers.errors import KitError
from helpers.kpis.customer_performance.cards import WAITED_FOR
from helpers.kpis.customer_performance.validity import ENOUGH, MISTAKES, customers_asked, validity
from helpers.kpis.rows import customer_columns, refuse_list, with_names
from helpers.kpis.spine import Spine
from helpers.language import _, enumerated, message, paragraph, plural, template
from helpers.params import Review
from helpers.registries import Cpi
from helpers.results import Column, Listing
from helpers.statistics import kaplan_meier, wilson

TOP, FEW = 12, 8
DELIVERY = ("sprint_on_time", "sprint_on_time_in_full", "receivables_overdue", "support_cost_per_customer")
CPIS = (
    "turbo_estimate", "flexible_options", "content_appreciation", "first_contact_resolution", "sprint_on_time",
    "delivered_value",
)  # fmt: skip
VERDICTS = {"cpi": message("CPI"), "kpi_only": message("KPI only"), "unproven": message("unproven")}
TESTS = {
    1: message("the outcome is the customer's"), 2: message("customers value the increment"),
    3: message("it is traceable to one outcome"), 4: message("customers showed or said so"),
}  # fmt: skip
INCREMENTS = {
    "time": message("time"), "convenience": message("convenience"), "options": message("options"),
    "money_saved": message("money saved"), "recognition": message("recognition"), "other": message("other"),
}  # fmt: skip
NO_VALUE = message("No customer has stated what the work is worth to it.")
URGENCY = {"unanswered": 0, "pending": 1, "late": 2}


def estimate_curve(spine: Spine) -> Listing:
    """The share of requests for a price that still wait, hour by hour: of the period, and of the one before it.

    The curve ends with the last estimate that was sent; whoever waits longer than that is told in the note.
    """
    spine.require("deals.estimate_requested_at", "deals.estimate_sent_at")
    refuse_list(spine, "turbo_estimate_notes")
    columns = {
        "cohort": Column(_("Requests"), own_words=True),
        "hours": Column(_("Hours after the request"), "hours"),
        "waiting": Column(_("Still without an estimate"), "share"),
        "low": Column(_("95% from"), "share"),
        "high": Column(_("to"), "share"),
        "of_all": Column(_("Of all"), "share"),
        "unseen": Column(_("Not followed any further"), "count"),
    }
    waits = spine.vectors("turbo_estimate_rows", "label", columns="label, hours, is_sent, state, deal_id")
    asked = {each.label: waits[each.label,] for each in (spine.period, *spine.period.history(1))}
    asked = {label: rows[rows["state"].isin(WAITED_FOR)] for label, rows in asked.items()}
    parts = [_curve(_("asked in {period}").format(period=label), rows) for label, rows in asked.items() if len(rows)]
    own = asked[spine.period.label]
    longer = own[~own["is_sent"] & (own["hours"] > own.loc[own["is_sent"], "hours"].max())]
    told = _("Hours run day and night.")
    if len(longer):
        more = _("{n} requests wait for longer than shown, without an estimate; the longest for {days} days.")
        more = more.format(n=len(longer), days=f"{longer['hours'].max() / 24:,.0f}")
        told = paragraph(told, more)
    return Listing(
        caption=_("Requests for a price without an estimate"),
        rows=pd.concat(parts, ignore_index=True)[list(columns)] if parts else pd.DataFrame(columns=list(columns)),
        columns=columns,
        when_empty=_("Nobody asked for a price in {period}.").format(period=spine.period.label),
        note=told,
    )


def late_estimates(spine: Spine) -> Listing:
    """The requests of the period whose promise was broken or still runs: those without an estimate first."""
    spine.require("deals.estimate_requested_at", "deals.estimate_sent_at")
    refuse_list(spine, "turbo_estimate_notes")
    rows = spine.frame("turbo_estimate_rows", "hours desc, deal_id")
    rows = rows[rows["state"].isin(list(URGENCY))]
    rows = rows.assign(place=rows["state"].map(URGENCY)).sort_values(["place", "hours"], ascending=[True, False])
    named = dict(spine.frame("named_account")[["account_id", "customer"]].to_numpy().tolist())
    rows["customer"] = [named.get(customer_id, customer_id) for customer_id in rows["customer_id"]]
    columns = {
        "customer": Column(_("Customer")),
        "segment": Column(_("Segment")),
        "owner": Column(_("Owner of the deal")),
        "requested_on": Column(_("Asked on"), "date"),
        "promised_hours": Column(_("Promised within"), "hours"),
        "hours": Column(_("Took, or waits for"), "hours"),
        "state": Column(_("State"), own_words=True),
        "deal_id": Column(_("Deal")),
        "customer_id": Column(_("Customer id"), on_pages=False),
    }
    told = {name: columns[name] for name in columns if name != "owner" or spine.provides("deals.owner")}
    return Listing(
        caption=_("Estimates that broke their promise or are still to come, asked for in {period}").format(
            period=spine.period.label
        ),
        rows=rows[list(told)],
        columns=told,
        when_empty=_("Every estimate was sent within the promise."),
        export="late_estimates",
        top=FEW,
        note=_("Unanswered stand first. Without a customer: whoever asked is none yet."),
    )


def options_offered(spine: Spine) -> Listing:
    """The decided deals by how many options they were offered: how many were won, and took another than the usual."""
    spine.require("deals.options_offered", "deals.option_chosen", "deals.default_option")
    rows = spine.frame("options_by_count", "options_offered")
    rows["options"] = [plural("{n} option", "{n} options", n).format(n=f"{n:.0f}") for n in rows["options_offered"]]
    rows["win_rate"] = rows["won"] / rows["deals"]
    intervals = [wilson(won, deals) for won, deals in zip(rows["won"], rows["deals"], strict=True)]
    rows["low"], rows["high"] = ([each[i] if each else None for each in intervals] for i in (0, 1))
    offers_choice = rows["options_offered"] >= 2
    rows["other"] = (rows["took_another"] / rows["took_any"].where(rows["took_any"] > 0)).where(offers_choice)
    columns = {
        "options": Column(_("Options offered")),
        "deals": Column(_("Deals decided"), "count"),
        "win_rate": Column(_("Won"), "share"),
        "low": Column(_("95% from"), "share"),
        "high": Column(_("to"), "share"),
        "other": Column(_("Of those that chose, other than the usual"), "share"),
    }
    offered = np.repeat(rows["options_offered"].to_numpy(dtype=float), rows["deals"].to_numpy())
    told = _("Deals with more options differ in other ways too: that more are won is no proof that options win them.")
    if len(offered):
        half = _("Half of these deals were offered {n} or fewer.").format(n=f"{np.median(offered):g}")
        told = paragraph(half, told)
    return Listing(
        caption=_("Options offered to the deals decided in {period}").format(period=spine.period.label),
        rows=rows[list(columns)],
        columns=columns,
        when_empty=_("No decided deal tells how many options it was offered."),
        note=told,
    )


def content_items(spine: Spine) -> Listing:
    """What customers published in the period, and what they gained by it; what is too young to count, so far."""
    spine.require("measurements.customer_id", "measurements.object_id")
    days = spine.rules["content_window_days"]
    rows = spine.frame("content_appreciation_rows", "published_on, object_id").rename(
        columns={"customer_id": "account_id"}
    )
    rows["state"] = np.where(rows["is_young"], template("too young"), template("followed"))
    columns = {
        "object_id": Column(_("Item")),
        "customer": Column(_("Customer")),
        "published_on": Column(_("Published on"), "date"),
        "followers": Column(_("Followers gained"), "count"),
        "likes": Column(_("Likes"), "count"),
        "shares": Column(_("Shares"), "count"),
        "views": Column(_("Views"), "count"),
        "state": Column(_("State"), own_words=True),
        "customer_id": Column(_("Customer id"), on_pages=False),
    }
    return Listing(
        caption=_("Followers that customers gained by an item in {days} days, published in {period}").format(
            days=days, period=spine.period.label
        ),
        rows=with_names(spine, rows.fillna({"followers": 0}), columns),
        columns=columns,
        when_empty=_("No item of a customer was published in {period}.").format(period=spine.period.label),
        note=_("Followed to the end is what was published {days} days or more before the end of what is known.").format(
            days=days
        ),
    )


def topics(spine: Spine) -> Listing:
    """The questions of the period by topic, the most unsettled ones first, and why they were not settled at once."""
    spine.require("tickets.solved_at", "tickets.public_agent_replies", "tickets.reopens")
    rows = spine.frame("topics_of_tickets", "resolved - eligible, topic")
    rows["share"] = rows["resolved"] / rows["eligible"]
    intervals = [wilson(*pair) for pair in zip(rows["resolved"], rows["eligible"], strict=True)]
    rows["low"], rows["high"] = ([each[i] if each else None for each in intervals] for i in (0, 1))
    columns = {
        "topic": Column(_("Topic")),
        "eligible": Column(_("Questions"), "count"),
        "share": Column(_("Settled at once"), "share"),
        "low": Column(_("95% from"), "share"),
        "high": Column(_("to"), "share"),
        "more_replies": Column(_("More replies"), "count"),
        "reopened": Column(_("Reopened"), "count"),
        "asked_again": Column(_("Asked again"), "count"),
        "rated_bad": Column(_("Rated bad"), "count"),
    }
    return Listing(
        caption=_("Questions solved in {period} by topic, and why they were not settled at once").format(
            period=spine.period.label
        ),
        rows=rows[list(columns)],
        columns=columns,
        when_empty=_("No question was solved for which this can be said."),
        note=_(
            "The topic with most unsettled questions stands first; each question has the first reason that applies."
        ),
    )


def commitments(spine: Spine) -> Listing:
    """What was promised for a day of the period, and how many days late it was."""
    spine.require("deliveries.delivered_on")
    rows = spine.frame("sprint_on_time_rows", "committed_on, delivery_id")
    rows = rows[rows["is_due"]]
    columns = {
        "delivery_id": Column(_("Commitment")),
        "committed_on": Column(_("First promised for"), "date"),
        "delivered_on": Column(_("Delivered on"), "date"),
        "recommitted_on": Column(_("Promised again for"), "date"),
        "days": Column(_("Days late"), "days"),
        "scope_committed": Column(_("Scope promised"), "count"),
        "scope_delivered": Column(_("Scope delivered"), "count"),
        "state": Column(_("State"), own_words=True),
    }
    return Listing(
        caption=_("Days late, by the day first promised, {period}").format(period=spine.period.label),
        rows=rows[list(columns)],
        columns=columns,
        when_empty=_("Nothing was promised for a day of {period}.").format(period=spine.period.label),
        note=_("A second promise does not move the day. Of what is not delivered, the days so far."),
    )


def overdue_customers(spine: Spine) -> Listing:
    """Who had not paid by the end of the period what was due 30 days before or earlier, the most first."""
    spine.require("invoices.due_on", "invoices.paid_on")
    rows = spine.frame("overdue_account", "amount desc nulls first, account_id")
    own = {
        "amount": Column(_("Overdue"), "money"),
        "lines": Column(_("Invoice lines"), "count"),
        "due_on": Column(_("Due since"), "date"),
        "days": Column(_("Days since then"), "days"),
    }
    columns = customer_columns(spine, own)
    return Listing(
        caption=_("Invoices unpaid for 30 days or more at the end of {period}").format(period=spine.period.label),
        rows=with_names(spine, rows, columns),
        columns=columns,
        when_empty=_("Everything that was due 30 days ago is paid."),
        export="receivables_overdue",
        total=("amount", "lines") if rows["amount"].notna().all() else (),
        top=FEW,
        note=_("A dash: a currency has no rate.") if rows["amount"].isna().any() else "",
    )


def value_by_customer(spine: Spine) -> Listing:
    """What each customer has confirmed and paid to date, those that got least for what they paid first."""
    spine.require("measurements.customer_id", "invoices")
    refuse_list(spine, "delivered_value_notes")
    rows = spine.frame("delivered_value_rows", "ratio asc nulls last, account_id")
    rows = rows[rows["value"].notna() | rows["unconfirmed"].notna()]
    own = {
        "value": Column(_("Value confirmed"), "money"),
        "revenue": Column(_("Amount invoiced"), "money"),
        "ratio": Column(_("Value to revenue"), "ratio"),
        "confirmed_on": Column(_("Last confirmed"), "date"),
        "unconfirmed": Column(_("Not confirmed"), "money"),
    }
    columns = customer_columns(spine, own)
    return Listing(
        caption=_("Value confirmed by customers against what they paid, to the end of {period}, {currency}").format(
            period=spine.period.label, currency=spine.prepared.currency
        ),
        rows=with_names(spine, rows, columns),
        columns=columns,
        when_empty=_(NO_VALUE),
        top=TOP,
        note=_(
            "Who has confirmed least for what it paid stands first; who pays a year ahead looks low at first. What is "
            "not confirmed is in no ratio."
        ),
    )


def value_statements(spine: Spine) -> Listing:
    """What each customer is told of the value delivered to it: a page of its own, and every row of these in a file.

    Each statement with its quarter, day and state, and what was invoiced to date, with the day of the first line: for
    the time up to now (``served``) where invoices tell of which time they are, else ``invoiced``, perhaps ahead.
    Amounts are in ``currency``, the customer's own where it has one and no other.
    """
    spine.require("measurements.customer_id", "invoices")
    rows = spine.frame("value_statement", "account_id, day, state, what")
    rows["quarter"] = [_quarter(spine, day.date()) for day in rows["day"]]
    own = {
        "state": Column(_("State"), own_words=True),
        "quarter": Column(_("Quarter"), own_words=True),
        "day": Column(_("Day"), "date"),
        "what": Column(_("Stated in")),
        "amount": Column(_("Amount"), "ratio"),
        "currency": Column(_("Currency")),
    }
    columns = customer_columns(spine, own, who=("customer",))
    return Listing(
        caption=_("Delivered value, statement by statement"),
        rows=with_names(spine, rows, columns),
        columns=columns,
        when_empty=_(NO_VALUE),
        export="delivered_value",
        pages="delivered_value",
        on_pages=False,
    )


def cpi_register(spine: Spine) -> Listing:
    """Every registered customer performance indicator with its verdict, and what the verdict rests on."""
    review, on = spine.review, spine.period.known_until
    columns = {
        "cpi": Column(_("Indicator")),
        "outcome": Column(_("The customer's outcome")),
        "asked": Column(_("Customers asked"), "count"),
        "verdict": Column(_("Verdict")),
        "why": Column(_("Why")),
        "department": Column(_("Department"), on_pages=False),
        "increment": Column(_("Increment"), on_pages=False),
        "unit": Column(_("Unit"), on_pages=False),
        "touch_point": Column(_("Touch point"), on_pages=False),
        "asked_by": Column(_("Asked by"), on_pages=False),
        "source": Column(_("Source"), on_pages=False),
        "linked": Column(_("Linked KPIs"), on_pages=False),
        "guardrail": Column(_("Guarded by"), on_pages=False),
        "owner": Column(_("Owner"), on_pages=False),
    }
    rows = []
    for cpi in review.cpis:
        found = validity(cpi, on=on, paid=held_to(review, cpi.id))
        failed = [_("{test}: {why}").format(test=test, why=why) for test, why in found.failed.items()]
        mistakes = [_(words) for source, words in MISTAKES.items() if source == cpi.source]
        told = {
            "cpi": label_of(cpi.id), "asked": customers_asked(cpi, on), "verdict": _(VERDICTS[found.status]),
            "why": _("; ").join([*failed, *mistakes]) or None,
            "linked": _("; ").join(map(label_of, cpi.linked_kpis)) or None,
            "guardrail": label_of(cpi.guardrail_kpi) if cpi.guardrail_kpi else None,
            "increment": _(INCREMENTS[cpi.increment]) if cpi.increment else None,
        }  # fmt: skip
        same = ("department", "outcome", "unit", "touch_point", "asked_by", "source", "owner")
        rows.append({**{name: getattr(cpi, name) or None for name in same}, **told})
    return Listing(
        caption=_("Registered customer performance indicators, each with its verdict"),
        rows=pd.DataFrame(rows, columns=list(columns)),
        columns=columns,
        when_empty=_("The review registers no customer performance indicators; add them under cpis:."),
        note=_(
            "The tests: {tests}. KPI only is what concerns the company alone; a CPI takes {n} customers who showed or "
            "said it, to somebody who is not paid for it."
        ).format(tests=enumerated(f"{test} {_(name)}" for test, name in TESTS.items()), n=ENOUGH),
    )


def outcomes(review: Review) -> dict[str, tuple[str, str]]:
    """For each of the theme's CPIs what stands above its figures: its name, and whose outcome it is, measured how."""
    registered = {cpi.id: cpi for cpi in review.cpis}
    untold = _("The review does not say which outcome of the customer this is; add it under cpis:.")
    return {name: (label_of(name), _outcome(registered[name]) if name in registered else untold) for name in CPIS}


def held_to(review: Review, kpi_id: str) -> set[str]:
    """The names of the departments and people who are held to a KPI: asked by one of them, customers are not free."""
    departments = [each for each in review.departments if kpi_id in each.kpi_ids]
    found = {name for each in departments for name in (each.name, each.owner)}
    found |= {okr.owner for okr in review.okrs if okr.kpi_id == kpi_id}
    return (found | {each.owner for each in review.kpis if each.kpi_id == kpi_id}) - {""}


def _outcome(cpi: Cpi) -> str:
    """The outcome in the customer's words, the increment, and the KPIs that it is said to move."""
    said = _("The customer's outcome: “{outcome}”.") if cpi.outcome else _("No outcome of the customer is registered.")
    parts = [_("{sentence}.").format(sentence=cpi.department)] if cpi.department else []
    parts.append(said.format(outcome=cpi.outcome))
    if cpi.increment or cpi.unit:
        value = [_(INCREMENTS[cpi.increment])] if cpi.increment else []
        parts.append(_("The increment: {value}.").format(value=_(", ").join([*value, cpi.unit or _("in no unit")])))
    if cpi.linked_kpis:
        parts.append(_("Linked KPIs: {kpis}.").format(kpis=_("; ").join(map(label_of, cpi.linked_kpis))))
    if cpi.guardrail_kpi:
        parts.append(_("Guarded by {kpi}.").format(kpi=label_of(cpi.guardrail_kpi)))
    return paragraph(*parts)


def _curve(words: str, waits: pd.DataFrame) -> pd.DataFrame:
    """The steps of a curve up to the last estimate that was sent; nobody is told apart after it."""
    curve = kaplan_meier(waits["hours"], waits["is_sent"])
    hours, steps = curve.steps(float(curve.times[-1]) if len(curve.times) else curve.follow_up)
    return pd.DataFrame({"cohort": words, "hours": hours, **steps, "of_all": np.nan})


def _quarter(spine: Spine, day: date) -> str:
    """The quarter of a day by the review's calendar; where a listed one does not reach, the year."""
    with suppress(KitError):
        return spine.period.calendar.quarter_of(day).label
    return str(day.year)
