"""The cards of customer performance: C01 to C06, and the KPIs that C05 is linked to.

Their queries stand in ``customer_performance.sql``; whether what a review registers is a customer performance indicator
at all is judged in ``validity`` (C07), and the lists beside the figures are in ``tables``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from helpers.errors import NotProvided
from helpers.kpis.rows import Rows
from helpers.kpis.spine import Spine
from helpers.language import template
from helpers.results import NO_RATE, Row
from helpers.statistics import dominated_by_few, kaplan_meier, ratios_of_sums

WAITED_FOR = (
    template("on time"),
    "late",
    "unanswered",
    "pending",
)  # the requests whose waiting says how fast the company is
QUARTER = 92  # days
FOLLOWERS, VIEWS = "followers", "views"
NOT_COUNTED = {
    FOLLOWERS: template("measurements: followers of a customer's item"),
    VIEWS: template("measurements: views of a customer's item"),
}
ASIDE = {  # requests that are in no share, by their state
    "pending": template("requests: pending, within the promise"),
    "withdrawn": template("requests: withdrawn within the promise"),
    "closed_before": template("requests: deal closed before the request"),
}
NOT_REACHED = template("not reached: {n} of {all} requests are answered")
WITHOUT_FOLLOWERS = template("{n} of {all} items have no count of followers, and count as 0")
WITHOUT_VIEWS = template("items: no views counted")
TICKETS = template("tickets: {reason}")
UNTOUCHED = template("tickets: spam, merged, or without public_agent_replies")
UNTOLD = {  # what a source does not tell of any ticket, so that the share is higher than it would be
    "tickets.csat": template("tickets tell no csat: none counts as rated bad"),
    "tickets.created_by": template("tickets do not tell created_by: all count as written by customers"),
    "tickets.topic": template("tickets tell no topic: any ticket of a customer counts as asking again"),
    "tickets.is_spam": template("tickets do not tell is_spam: none is left out for it"),
    "tickets.merged_into": template("tickets do not tell merged_into: none is left out for it"),
}
UNTOLD_OF_SOME = {
    "without_topic": template("{n} of {all} tickets tell no topic: any ticket of the customer counts as asking again"),
    "without_creator": template("{n} of {all} tickets do not tell created_by: they count as written by customers"),
}
SLIPPED = template("promised again for a later day: {n} of {all} commitments; the first day counts")
NOT_YET_DUE = template("deliveries: not yet due")
WITHOUT_SCOPE = template("deliveries: on time, scope not told")
NO_MONTH = template("no month of the period is over yet")
NO_SPEND = template("no spend of support in {months}; the cost would look low")
MONTHS = template("months in a week")
NO_VALUE = template("measurements: delivered_value of a customer")
UNCONFIRMED = template("not confirmed, and left out: {amount} {currency}")
BY_FEW = template("dominated by few: under 30 customers, or one with over a fifth of the revenue")
LATE_HISTORY = template(
    "history_starts_at {day} for value and {invoiced} for invoices: what was paid before value was recorded lowers the "
    "ratio"
)


def turbo_estimate(spine: Spine) -> list[Row]:
    """Of the customers and prospects that asked for a price in the period, how many had it within the promised hours.

    Definition:
        Estimates in time = requests whose first estimate was sent within estimate_sla_hours / requests that were
        answered, or have waited longer than that without an answer. Requested in the period. A request that still
        waits within its promise is pending, one whose deal was closed within it without an estimate is withdrawn;
        neither is in the share. Hours run day and night, from the request to the estimate: ``estimate_sent_at`` must
        be the first estimate, no call, no automatic reply and no revision. Hours to an estimate, median = the hour by
        which half of the requests are answered, by Kaplan–Meier: whoever waits has waited so far, until the deal was
        closed or to the end of what is known.

    Parameters and rules:
        estimate_sla_hours: The hours that are promised; one number, or one per segment, ``(none)`` being the requests
            of nobody whose segment is known.

    Returns:
        ``turbo_estimate`` (share, with its Wilson interval) and ``turbo_estimate_median_hours`` (hours), in all and by
        segment. Without requests both are undefined; a median that is not reached is undefined too.

    Raises:
        NotProvided: There are no deals, or not when estimates were requested and sent.
        Refused: The hours are told by segment, and one that asked for a price has none.

    Source:
        Specification C01.
    """
    spine.require("deals.estimate_requested_at", "deals.estimate_sent_at")
    rows = Rows(spine, "turbo_estimate", notes="turbo_estimate_notes", left_out=["deals"])
    requests = spine.vectors("turbo_estimate_rows", "label", columns="label, segment, hours, is_sent, state, deal_id")
    for answer in rows.answers:
        judged, told = answer["judged"], {text: answer[state] for state, text in ASIDE.items()}
        rows.proportion("turbo_estimate", answer, answer["on_time"], judged, excluded=told)
        if spine.at(answer["label"]).kind == spine.period.kind:
            waits = requests[answer["label"],]
            waits = waits[waits["segment"] == answer["segment"]] if answer["segment_by"] else waits
            _add_median_hours(rows, answer, waits)
    return rows.done()


def flexible_options(spine: Spine) -> list[Row]:
    """Of the deals decided in the period that were offered a choice, how many took another option than the usual one.

    Definition:
        Take-up of options = deals with an ``option_chosen`` other than their ``default_option`` / deals that were
        offered two options or more, of those won or lost in the period. A lost deal took none, so that take-up falls
        with the win rate; of won deals alone it is told beside. No choice was offered where there were fewer than two
        options. More options are not always better: the direction is neutral until an experiment shows one.

    Returns:
        ``flexible_options`` (share, with its Wilson interval). Nothing decided with a choice: undefined.

    Raises:
        NotProvided: There are no deals, or not their outcome, closing day or options.

    Source:
        Specification C02.
    """
    columns = ("outcome", "closed_at", "options_offered", "option_chosen", "default_option")
    spine.require(*(f"deals.{column}" for column in columns))
    rows = Rows(spine, "flexible_options", notes="flexible_options_notes", left_out=["deals"])
    for answer in rows.answers:
        rows.proportion("flexible_options", answer, answer["took_another"], answer["judged"])
    return rows.done()


def content_appreciation(spine: Spine) -> list[Row]:
    """How many followers customers gained by an item of content that they contributed, and how it was liked.

    Definition:
        Followers gained per item = followers gained less followers lost / items, of the items published in the period,
        each over its first content_window_days. Reactions per 1,000 views = (likes + shares) x 1,000 / views, of the
        same items. An item is published on the day of its first count; one that is younger than content_window_days
        at the end of what is known is in neither. What was gained must be the customer's own: a count that names no
        customer is of the company itself, which is a KPI of the company, and is left out.

    Parameters and rules:
        content_window_days: How many days each item is looked at.

    Returns:
        ``content_appreciation`` (followers per item; below 0 where more went than came) and
        ``content_reactions_per_1000``. Without items, or without views, undefined. Where followers or views of
        customers' items were never counted, not provided.

    Raises:
        NotProvided: There are no measurements, or they name no customer or no item.

    Source:
        Specification C03; the article measures likes in followers, and these are two figures (I-21).
    """
    spine.require("measurements.customer_id", "measurements.object_id")
    rows = Rows(spine, "content_appreciation", notes="content_appreciation_notes", left_out=["measurements"])
    counted = {each["metric"] for each in spine.answers("content_metric") if each["label"] == spine.period.label}
    for kpi_id, metric in (("content_appreciation", FOLLOWERS), ("content_reactions_per_1000", VIEWS)):
        if metric not in counted:
            rows.not_provided([kpi_id], NOT_COUNTED[metric])
    for answer in rows.answers:
        if FOLLOWERS in counted:
            n, uncounted = answer["items"], answer["without_followers"]
            told = [WITHOUT_FOLLOWERS.format(n=uncounted, all=n)] if uncounted else []
            rows.share("content_appreciation", answer, answer["followers"], n, n=n, warnings=told)
        if VIEWS in counted:
            reactions, views = answer["reactions"], answer["views"]
            rows.add(
                "content_reactions_per_1000", answer, 1000 * reactions / views if views else None,
                numerator=reactions, denominator=views, n=answer["viewed"],
                excluded={WITHOUT_VIEWS: answer["without_views"]},
            )  # fmt: skip
    return rows.done()


def first_contact_resolution(spine: Spine) -> list[Row]:
    """Of the questions solved in the period, how many were settled with the first answer.

    Definition:
        First contact resolution = tickets with exactly one public agent reply, never reopened, not rated bad, and
        without another ticket of the same customer on the same topic within repeat_window_days after they were solved
        / tickets solved in the period for which this can be said. These are tickets that customers wrote and somebody
        answered, and that were solved repeat_window_days or more before the end of what is known; spam, tickets merged
        into others, tickets created by agents and those closed without a reply are left out. A follow-up to a closed
        ticket is another ticket. Where a topic is missing, any ticket of the customer counts as asking again. Reopened
        or rated later than the as-of cannot be told from before, so the figure may be restated. Zendesk's one-touch
        share = tickets with fewer than two replies, none included / tickets solved in the period; Fivetran's =
        tickets with exactly one reply, solved or not / tickets opened in the period. Neither asks whether the
        question was settled.

    Parameters and rules:
        repeat_window_days: How many days after it was solved another ticket shows that it was not.

    Returns:
        ``first_contact_resolution`` (share, with its Wilson interval) in all and by topic; ``one_touch_zendesk`` and
        ``one_touch_fivetran`` (shares). Without such tickets, undefined.

    Raises:
        NotProvided: There are no tickets, or not when they were solved, their replies or re-openings.

    Source:
        Specification C04; the one-touch figures as Zendesk's help pages and Fivetran's models have them.
    """
    spine.require("tickets.solved_at", "tickets.public_agent_replies", "tickets.reopens")
    rows = Rows(spine, "first_contact_resolution", left_out=["tickets", "customers"])
    by_topic, not_asked = spine.provides("tickets.topic"), _not_asked_for(spine)
    untold = [text for column, text in UNTOLD.items() if not spine.provides(column)]
    for answer in rows.answers:
        if answer["segment_by"] and not by_topic:
            continue
        of_some = [
            text.format(n=answer[name], all=answer["eligible"])
            for name, text in UNTOLD_OF_SOME.items()
            if answer[name] > 0 and (name != "without_topic" or not answer["segment_by"])
        ]
        rows.proportion(
            "first_contact_resolution", answer, answer["resolved"], answer["eligible"], warnings=[*untold, *of_some],
            excluded=not_asked.get((answer["label"], answer["segment"])),
        )  # fmt: skip
        if not answer["segment_by"]:
            _add_one_touch(rows, "one_touch_zendesk", answer, "below_two", "solved")
            _add_one_touch(rows, "one_touch_fivetran", answer, "exactly_one", "opened")
    return rows.done()


def sprint_on_time(spine: Spine) -> list[Row]:
    """Of what was promised for a day of the period, how much was there on that day, and how much of it in full.

    Definition:
        Delivered on time = commitments delivered on or before the day first promised / commitments due in the period.
        A later promise does not move the day: it is told as a slip. What was due and is not delivered is late.
        Delivered on time in full = those of them whose delivered scope is the committed one or more / the same
        commitments. Due after the last day that is measured: not counted yet. The unit is the sprint, not the project;
        delivered means one event, which the source chooses. A commitment that the customer itself cancelled cannot be
        told from an undelivered one, and is to be left out of the table.

    Returns:
        ``sprint_on_time`` and ``sprint_on_time_in_full`` (shares, with their Wilson intervals). Nothing due: undefined.

    Raises:
        NotProvided: There are no deliveries, or not the day on which they were made.

    Source:
        Specification C05.
    """
    spine.require("deliveries.delivered_on")
    rows = Rows(spine, "sprint_on_time", left_out=["deliveries"])
    scopes = ("deliveries.scope_committed", "deliveries.scope_delivered")
    lacking = [scope for scope in scopes if not spine.provides(scope)]
    if lacking:
        rows.not_provided(["sprint_on_time_in_full"], lacking[0])
    promised_again = spine.provides("deliveries.recommitted_on")
    for answer in rows.answers:
        due, excluded = answer["due"], {NOT_YET_DUE: answer["not_yet_due"]}
        told = [SLIPPED.format(n=answer["slipped"], all=due)] if promised_again and answer["slipped"] else []
        rows.proportion("sprint_on_time", answer, answer["on_time"], due, excluded=excluded, warnings=told)
        if not lacking:
            n, excluded = due - answer["without_scope"], excluded | {WITHOUT_SCOPE: answer["without_scope"]}
            rows.proportion("sprint_on_time_in_full", answer, answer["in_full"], n, excluded=excluded, warnings=told)
    return rows.done()


def receivables_overdue(spine: Spine) -> list[Row]:
    """Of what customers were to have paid 30 days ago, how much they had not: the money behind late deliveries.

    Definition:
        Receivables overdue = amounts of invoice lines that were not paid on the 30th day after they were due / amounts
        of all lines whose 30th day after they were due lies in the period. Tax is owed too, and counts. A credit that
        names a line and was there by that day lowers it; one that names none is left out. At the exchange rates of
        the period's last day.

    Returns:
        ``receivables_overdue`` (share of money; n are invoice lines). Nothing came to that day: undefined.

    Raises:
        NotProvided: There are no invoices, or not when they were due and paid.
        Refused: A currency has no rate.

    Source:
        Specification C05, linked KPIs.
    """
    spine.require("invoices.due_on", "invoices.paid_on")
    rows = Rows(
        spine, "receivables_overdue", notes="receivables_overdue_notes", left_out=["invoices", "customers", "fx_rates"]
    )
    for answer in rows.answers:
        if answer["unrated"]:
            rows.refuse(answer["label"], NO_RATE.format(reason=answer["unrated"]))
        rows.share("receivables_overdue", answer, answer["overdue"], answer["invoiced"], n=answer["lines"])
    return rows.done()


def support_cost_per_customer(spine: Spine) -> list[Row]:
    """What the support of a customer cost in the period: questions that come back are paid for.

    Definition:
        Support cost per customer = spend of the department ``support`` / customers that paid on any day, in the months
        of the period that are over, whatever the spend was for. A month without any such spend is taken for one that
        the ledger lacks, and the figure is refused.

    Returns:
        ``support_cost_per_customer`` (money); undefined where nobody paid. Not provided in a week.

    Raises:
        NotProvided: There is no spend, there are no subscriptions, or the period is a week.
        Refused: A month is missing, or a currency has no rate.

    Source:
        Specification C05, linked KPIs.
    """
    spine.require("spend", "subscriptions")
    rows = Rows(spine, "support_cost_per_customer", left_out=["spend", "subscriptions", "customers"])
    if spine.period.kind == "week":
        rows.not_provided(["support_cost_per_customer"], MONTHS)
        return rows.done()
    for answer in rows.answers:
        if not answer["months"]:
            rows.add("support_cost_per_customer", answer, None, status="insufficient", warnings=[NO_MONTH])
            continue
        if answer["missing"] or answer["unrated"]:
            lacks, unrated = NO_SPEND.format(months=answer["missing"]), NO_RATE.format(reason=answer["unrated"])
            rows.refuse(answer["label"], lacks if answer["missing"] else unrated)
        rows.share("support_cost_per_customer", answer, answer["spent"], answer["customers"], n=answer["customers"])
    return rows.done()


def delivered_value(spine: Spine) -> list[Row]:
    """What customers say that they got for what they paid: lifetime value, seen from their side.

    Definition:
        Delivered value to revenue = value that customers have confirmed / net revenue from the same customers, both to
        date: from the first record of each to the last day of the period, those of customers who left included. Net
        revenue is invoiced without tax and less credits, also what is for time to come, so that the ratio of a customer
        who pays a year ahead is low at first. Value is what ``measurements`` tell as ``delivered_value``;
        what the company estimates alone, ``delivered_value_unconfirmed``, is left out and counted. The median is that
        of the customers' own ratios. Coverage = paying customers with both / paying customers, on the last day of the
        period. The interval is a bootstrap over customers.

    Returns:
        ``delivered_value`` and ``delivered_value_median`` (ratios), and ``delivered_value_coverage`` (share), which
        needs subscriptions. No customer with both: undefined.

    Raises:
        NotProvided: There are no measurements that name customers, there is no delivered value among them, or there
            are no invoices.
        Refused: A currency has no rate.

    Source:
        Specification C06.
    """
    spine.require("measurements.customer_id", "invoices")
    if not any(each["label"] == spine.period.label for each in spine.answers("value_metric")):
        raise NotProvided(NO_VALUE)
    left_out = ["measurements", "invoices", "customers"]
    rows = Rows(spine, "delivered_value", notes="delivered_value_notes", left_out=left_out)
    ratios = spine.vectors("delivered_value_rows", "label", "is_counted", order="label, account_id")
    covered = spine.provides("subscriptions")
    if not covered:
        rows.not_provided(["delivered_value_coverage"], "subscriptions")
    for answer in rows.answers:
        found = ratios[answer["label"], True]
        n, told = len(found), _late_history(answer)
        unconfirmed = UNCONFIRMED.format(amount=f"{answer['unconfirmed']:,.0f}", currency=spine.prepared.currency)
        more = [unconfirmed] * bool(answer["unconfirmed"]) + [BY_FEW] * (n > 0 and dominated_by_few(found["revenue"]))
        [interval] = ratios_of_sums([found["value"]], found["revenue"])
        rows.share(
            "delivered_value", answer, answer["value"], answer["revenue"], n=n, interval=interval, warnings=told + more
        )
        rows.add("delivered_value_median", answer, answer["delivered_value_median"], n=n, warnings=told)
        if covered:
            rows.proportion("delivered_value_coverage", answer, answer["covered"], answer["paying"])
    return rows.done()


def _late_history(answer: Mapping[str, Any]) -> list[str]:
    """That value is told of a shorter time than invoices, by more than a quarter."""
    value_from, invoiced_from = answer["value_from"], answer["invoiced_from"]
    if not value_from or not invoiced_from or (value_from - invoiced_from).days <= QUARTER:
        return []
    return [LATE_HISTORY.format(day=value_from, invoiced=invoiced_from)]


def _add_median_hours(rows: Rows, answer: Mapping[str, Any], requests: pd.DataFrame) -> None:
    """The hour by which half of the requests are answered; those that wait are counted as waiting."""
    waits = requests[requests["state"].isin(WAITED_FOR)]
    curve = kaplan_meier(waits["hours"], waits["is_sent"])
    answered, told = int(waits["is_sent"].sum()), []
    if curve.median is None and len(waits):
        told.append(NOT_REACHED.format(n=answered, all=len(waits)))
    left_out = {text: answer[state] for state, text in ASIDE.items() if state != "pending"}
    more: dict[str, Any] = {"interval": curve.median_interval, "warnings": told, "excluded": left_out}
    rows.add("turbo_estimate_median_hours", answer, curve.median, n=len(waits), **more)


def _not_asked_for(spine: Spine) -> dict[tuple[str, str], dict[str, int]]:
    """The solved tickets that are in no share, by the reason: of each period, in all and by topic."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for each in spine.answers("tickets_not_asked_for", "label, segment, state"):
        found.setdefault((each["label"], each["segment"]), {})[TICKETS.format(reason=each["state"])] = each["tickets"]
    return found


def _add_one_touch(rows: Rows, kpi_id: str, answer: Mapping[str, Any], part: str, whole: str) -> None:
    """A tool's own share of tickets, of those ``solved`` or ``opened``."""
    rows.proportion(kpi_id, answer, answer[part], answer[whole], excluded={UNTOUCHED: answer[f"{whole}_aside"]})
