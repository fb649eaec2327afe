"""What each ``kpi_id`` is: its name, unit and good direction, one sentence that defines it, and the card that gives it.

The names are those of the specification, section 11; they are the keys of results, targets and OKRs. A new theme adds
its rows here, under the names of its notebook and of its cards. A value's format comes from its unit, never from its
size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from helpers.errors import KitError, nearest
from helpers.language import _

Unit = Literal[
    "money", "money_per_month", "money_per_day", "share", "ratio", "hours", "days", "weeks", "months", "count"
]  # fmt: skip
TIMES = ("hours", "days", "weeks", "months")
Direction = Literal["up", "down", "neutral"]


@dataclass(frozen=True)
class Kpi:
    """One KPI.

    Attributes:
        direction: Which way is good.
        definition: One sentence that defines this KPI alone, for whoever sees its name and nothing else.
        headline: Whether it stands in the scorecard.
        judged: The series that its signal is read from: months where there are enough, or quarters. Stocks that only
            grow and windows that overlap carry no limits, and so are not judged (specification T4).
        by_month: Whether it is computed for single months though it is not judged by them.
        window: The parameter that says over how many months, or quarters, it looks.
        floor: What it cannot be below, by its definition; limits are not shown beyond that.
        ceiling: What it cannot be above.
        parts: The unit of what a share is of, and of the part that it is.
        worth: The KPI in money that says what this one is worth; its ``…_share``, if any, says of what part of MRR.
        theme: The theme that it belongs to: the name of a notebook.
        card: The function ``helpers.kpis.<theme>.<card>`` that gives it and whose docstring defines it in full.
    """

    kpi_id: str
    label: str
    unit: Unit
    direction: Direction
    definition: str
    headline: bool = False
    judged: Literal["month", "quarter", ""] = ""
    by_month: bool = False
    window: str = ""
    floor: float | None = None
    ceiling: float | None = None
    parts: Unit = "count"
    worth: str = ""
    theme: str = ""
    card: str = ""

    @property
    def monthly(self) -> bool:
        """Whether it has a figure for each month."""
        return self.by_month or self.judged == "month"


# fmt: off
_ROWS: dict[str, dict[str, list[Kpi]]] = {  # by theme, in the order of packs, and by card
    "customer_performance": {
        "turbo_estimate": [
            Kpi("turbo_estimate", "Estimates in the promised time", "share", "up",
                headline=True, judged="month", floor=0, ceiling=1,
                definition="Requests for a price made in the period whose estimate was sent within "
                "the hours promised ÷ those answered, or waiting for longer than that."),
            Kpi("turbo_estimate_median_hours", "Hours to an estimate, median", "hours", "down",
                definition="The hours by which half of the requests for a price of the period are answered; whoever "
                "still waits counts as waiting."),
        ],
        "flexible_options": [
            Kpi("flexible_options", "Take-up of options", "share", "neutral", judged="quarter", floor=0, ceiling=1,
                definition="Deals that took another option than the usual one ÷ deals that were offered a choice, of "
                "those won or lost in the period; a lost deal took none."),
        ],
        "content_appreciation": [
            Kpi("content_appreciation", "Followers gained by contributors, per item", "ratio", "up", judged="quarter",
                definition="Followers that customers gained, less those that left, in the first 28 days "
                "(or as the review says) of what they contributed ÷ the items that are so old, of those published "
                "in the period."),
            Kpi("content_reactions_per_1000", "Likes and shares per 1,000 views", "ratio", "up",
                judged="quarter", floor=0,
                definition="Likes and shares in the first 28 days (or as the review says) of "
                "customers' contributions for each 1,000 views, of the items published in the period that are so old."),
        ],
        "first_contact_resolution": [
            Kpi("first_contact_resolution", "First contact resolution (FCR)", "share", "up",
                headline=True, judged="month", floor=0, ceiling=1,
                definition="Questions settled with one answer, not reopened, asked again within 7 days "
                "(or as the review says) or rated bad ÷ customers' questions that were answered and solved in "
                "the period."),
            Kpi("one_touch_zendesk", "One-touch tickets, as Zendesk counts", "share", "up",
                definition="Tickets with fewer than two replies, none included ÷ tickets solved in the period, "
                "whether or not the question was settled."),
            Kpi("one_touch_fivetran", "One-touch tickets, as Fivetran counts", "share", "up",
                definition="Tickets with exactly one reply ÷ tickets opened in the period, solved or not."),
        ],
        "sprint_on_time": [
            Kpi("sprint_on_time", "Delivered on time", "share", "up",
                headline=True, judged="quarter", floor=0, ceiling=1,
                definition="Commitments delivered by the day first promised ÷ commitments due in the period."),
            Kpi("sprint_on_time_in_full", "Delivered on time and in full", "share", "up",
                judged="quarter", floor=0, ceiling=1,
                definition="Commitments delivered by the day first promised, with all of their scope ÷ commitments "
                "due in the period."),
        ],
        "receivables_overdue": [
            Kpi("receivables_overdue", "Receivables overdue by 30 days", "share", "down", judged="month", parts="money",
                floor=0, ceiling=1,
                definition="Invoiced amounts unpaid on the 30th day after they were due ÷ all whose 30th day lies in "
                "the period."),
        ],
        "support_cost_per_customer": [
            Kpi("support_cost_per_customer", "Support cost per customer", "money", "down", judged="quarter",
                definition="What support spent in the period ÷ the customers that paid in it."),
        ],
        "delivered_value": [
            Kpi("delivered_value", "Delivered value to revenue", "ratio", "up", headline=True,
                definition="Value that customers have confirmed ÷ what was invoiced to these customers, both to date."),
            Kpi("delivered_value_median", "Delivered value to revenue, median customer", "ratio", "up",
                definition="The value that the customer in the middle has confirmed ÷ what was invoiced to it, both "
                "to date."),
            Kpi("delivered_value_coverage", "Customers with a confirmed value", "share", "up",
                definition="Paying customers that have confirmed a value and were invoiced ÷ all paying customers."),
        ],
    },
    "time_to_value": {
        "ttv": [
            Kpi("ttv_median", "Time to value, median", "days", "down", headline=True,
                definition="The days from signing by which half of the customers of the last four quarters (or as "
                "the review says) have their first value; who still waits counts as waiting."),
            Kpi("ttv_mean", "Time to value, mean of those who have it", "days", "down",
                definition="The average days from signing to first value, of those that signed in the last four "
                "quarters (or as the review says) and have it; who still waits is left out."),
            Kpi("ttv_reached_share", "Customers that have reached value", "share", "up", headline=True,
                definition="Of the customers that signed in the last four quarters (or as the review says), the "
                "share that has its first value."),
            Kpi("ttv_rmst", "Time to value, restricted mean", "days", "down",
                definition="The average days from signing to first value, of all that signed in the last four "
                "quarters (or as the review says), each counted for 120 days at most (or as the review says)."),
        ],
        "ttv_stages": [
            Kpi("ttv_stage_days", "Days to value by stage", "days", "down",
                definition="The part that a stage has in the mean time to value: the days spent in it ÷ the "
                "customers that have their first value."),
            Kpi("ttv_flow_efficiency", "Flow efficiency on the way to value", "share", "up", parts="days",
                definition="Days on which the onboarding was worked on ÷ all days from signing to first value."),
            Kpi("ttv_paid_days_without_value", "Paid days without value", "days", "down",
                definition="The average days that a customer pays before its first value; 0 where value comes first."),
            Kpi("ttv_paid_without_value", "Paid before value", "money", "down",
                definition="What customers paid before their first value: the paid days until then × MRR on the "
                "first paid day × 12 ÷ 365, summed."),
        ],
    },
    "inactive_customers": {
        "inactive_customers": [
            Kpi("inactive_customers", "Inactive customers", "count", "down", headline=True, judged="month", floor=0,
                worth="silent_mrr",
                definition="Paying customers of which nobody has used the product in the last 14 days (or as "
                "the review says)."),
            Kpi("inactive_rate", "Inactive customers, share of those asked", "share", "down",
                headline=True, judged="month", floor=0, ceiling=1,
                definition="Inactive customers ÷ customers asked: those that pay, have paid since before the window, "
                "have their first value, and use a product of which silence says something."),
            Kpi("newly_silent", "Newly silent in the last 7 days", "count", "down", by_month=True,
                definition="Customers that are inactive now and were active a week ago."),
            Kpi("returned", "Returned in the last 7 days", "count", "up", by_month=True,
                definition="Customers that were silent a week ago and have used the product since."),
        ],
        "money_at_risk": [
            Kpi("silent_mrr", "MRR of inactive customers", "money_per_month", "down", by_month=True,
                definition="What the inactive customers pay a month, on the period's last day."),
            Kpi("silent_mrr_share", "MRR of inactive customers, share of all MRR", "share", "down", parts="money",
                judged="month", floor=0, ceiling=1,
                definition="The MRR of the inactive customers ÷ that of all paying customers, on the period's last "
                "day."),
            Kpi("arr_due_90_silent", "ARR due in the next 90 days, inactive customers", "money", "down",
                definition="12 × the MRR of the subscription lines of inactive customers whose renewal day lies in "
                "the 90 days after the period."),
            Kpi("arr_due_180_silent", "ARR due in the next 180 days, inactive customers", "money", "down",
                definition="12 × the MRR of the subscription lines of inactive customers whose renewal day lies in "
                "the 180 days after the period."),
        ],
        "warning": [
            Kpi("lost_mrr_warned", "Lost MRR that had been on a call list", "share", "up", parts="money",
                definition="Of the MRR of the customers lost in the period, the share of those that had been "
                "inactive on a Sunday of the 26 weeks before they left, as known on that day."),
            Kpi("warning_weeks", "Weeks from the call list to the loss", "weeks", "up",
                definition="How long before they left the customers lost in the period had come on the call list "
                "without a break, on average weighted by the MRR lost."),
        ],
    },
    "product_activity": {
        "pac_user": [
            Kpi("pac_users", "Users by active weeks", "count", "neutral",
                definition="Users by the number of the last seven weeks in which they were active, 0 to 7; users "
                "created within these weeks count as new."),
            Kpi("pac_power_share", "Power users (active in 6 or 7 of 7 weeks)", "share", "up",
                headline=True, judged="quarter", floor=0, ceiling=1,
                definition="Users that were active in 6 or 7 of the last seven weeks ÷ all users that are not new."),
        ],
        "pac_account": [
            Kpi("pac_accounts", "Customers by active weeks", "count", "neutral",
                definition="Paying customers by the number of the last seven weeks in which any of their users was "
                "active, 0 to 7."),
            Kpi("pac_breadth", "Breadth: users active in 28 days", "share", "up",
                headline=True, judged="quarter", floor=0, ceiling=1,
                definition="Users that were active in the last 28 days ÷ all users of paying customers."),
            Kpi("pac_mean", "Product activity coefficient (PAC), mean", "weeks", "up",
                judged="quarter", floor=0, ceiling=7,
                definition="The number of the last seven weeks in which a user was active, on average over all users "
                "of paying customers."),
        ],
        "pac_movement": [
            Kpi("pac_moves", "Users whose activity moved", "count", "neutral",
                definition="Users whose number of active weeks went up, went down or stayed the same since the "
                "period before, and users that entered or left."),
        ],
        "feature_adoption": [
            Kpi("feature_adoption", "Feature adoption", "share", "up",
                definition="Users of a persona that used the feature in the last 28 days ÷ its users that were "
                "active in them."),
        ],
        "seat_utilisation": [
            Kpi("seat_utilisation", "Seat utilisation", "share", "up", headline=True, judged="quarter", floor=0,
                definition="Users that were active in the last 28 days ÷ the seats that customers pay for."),
        ],
        "quota_usage": [
            Kpi("quota_usage", "Quota used", "share", "neutral",
                definition="What customers have used since their limit was last reset ÷ the limit, for each meter."),
            Kpi("quota_projected", "Quota, projected to the end of its window", "share", "neutral",
                definition="What customers will have used when their limit is reset, at the pace so far ÷ the limit, "
                "for each meter."),
        ],
    },
    "pipeline_conversion": {
        "funnel_cohort": [
            Kpi("funnel_reached", "Records that reached the stage", "count", "up",
                definition="Records that entered the pipeline in the period and reached the stage within "
                "90 days (or as the review says)."),
            Kpi("funnel_step_rate", "Step conversion", "share", "up",
                definition="Of the records that entered the pipeline in the period, those that reached the stage ÷ "
                "those that reached the stage before it."),
            Kpi("funnel_conversion", "Pipeline conversion", "share", "up",
                headline=True, judged="quarter", floor=0, ceiling=1,
                definition="Records that reached the last stage within 90 days (or as the review says) "
                "÷ all that entered the pipeline "
                "in the period."),
            Kpi("lead_acceptance", "Lead acceptance (SQL / MQL)", "share", "up", judged="quarter", floor=0, ceiling=1,
                definition="Records that reached the stage sql ÷ those that reached mql, of those that entered in "
                "the period."),
        ],
        "funnel_period": [
            Kpi("funnel_activity_ratio", "Activity ratio", "share", "neutral",
                definition="Entries to the stage ÷ entries to the stage before it, both in the period and so not of "
                "the same records."),
        ],
        "funnel_velocity": [
            Kpi("win_rate", "Win rate", "share", "up", headline=True, judged="month", floor=0, ceiling=1,
                definition="Deals won ÷ deals won or lost, of those closed in the period."),
            Kpi("sales_cycle_median", "Sales cycle, median", "days", "down", headline=True,
                definition="The days by which half of the deals created in the last four quarters are won; a lost "
                "deal counts until it is lost, an open one until now."),
            Kpi("sales_velocity", "Sales velocity", "money_per_day", "up", headline=True,
                definition="Open deals × win rate × average amount won ÷ median sales cycle: what the pipeline "
                "yields a day."),
        ],
    },
    "new_revenue": {
        "new_revenue": [
            Kpi("new_revenue", "New bookings", "money", "up", headline=True, judged="month", floor=0,
                definition="What customers newly signed for in the period, by the year unless basis says otherwise; "
                "it is not recognised revenue."),
        ],
        "revenue_growth": [
            Kpi("revenue_growth", "New bookings, growth on the previous period", "share", "up",
                definition="The change in new bookings since the period before ÷ new bookings of the period before."),
            Kpi("revenue_growth_yoy", "New bookings, growth on a year ago", "share", "up", headline=True,
                definition="The change in new bookings since the same period a year ago ÷ new bookings of that "
                "period."),
        ],
    },
    "recurring_revenue": {
        "mrr": [
            Kpi("mrr", "Monthly recurring revenue (MRR)", "money_per_month", "up", headline=True, by_month=True,
                definition="What the subscriptions in force on the period's last day bring in a month."),
            Kpi("paying_customers", "Paying customers", "count", "up", by_month=True,
                definition="Customers whose MRR is above 0 on the period's last day."),
            Kpi("arpa", "Average revenue per account (ARPA)", "money_per_month", "up", by_month=True,
                definition="MRR ÷ paying customers, on the period's last day."),
        ],
        "arr": [
            Kpi("arr", "Annual recurring revenue (ARR)", "money", "up", by_month=True,
                definition="12 × MRR on the period's last day; neither revenue nor a forecast."),
            Kpi("new_arr", "New ARR", "money", "up", judged="month", floor=0,
                definition="12 × the new MRR of the period: what its new customers bring in a year."),
        ],
        "mrr_movements": [
            Kpi("mrr_opening", "Opening MRR", "money_per_month", "neutral", by_month=True,
                definition="MRR on the eve of the period."),
            Kpi("mrr_new", "New MRR", "money_per_month", "up", judged="month", floor=0,
                definition="The MRR of customers that pay for the first time."),
            Kpi("mrr_reactivation", "Reactivation MRR", "money_per_month", "up", judged="month", floor=0,
                definition="The MRR of customers that had stopped paying and pay again."),
            Kpi("mrr_expansion", "Expansion MRR", "money_per_month", "up", judged="month", floor=0,
                definition="The MRR by which paying customers raised what they pay."),
            Kpi("mrr_contraction", "Contraction MRR", "money_per_month", "up", judged="month", ceiling=0,
                definition="The MRR that customers gave up who still pay, but less; an amount below 0."),
            Kpi("mrr_churn", "Churn MRR", "money_per_month", "up", judged="month", ceiling=0,
                definition="The MRR of customers that paid and pay nothing any more; an amount below 0."),
            Kpi("mrr_fx", "Currency effect on MRR", "money_per_month", "neutral", by_month=True,
                definition="What exchange rates alone changed in MRR; 0 where one rate holds for the whole year."),
            Kpi("net_new_mrr", "Net new MRR", "money_per_month", "up", headline=True, judged="month",
                definition="The MRR that was won (new, reactivation, expansion) less the MRR that was lost "
                "(contraction, churn)."),
            Kpi("mrr_intra_period", "MRR that came and went between snapshots", "money_per_month", "neutral",
                by_month=True,
                definition="The MRR of customers that came and went between two snapshots and so are in no movement."),
        ],
        "retention": [
            Kpi("nrr", "Net revenue retention (NRR)", "share", "up", parts="money_per_month", headline=True,
                window="retention_months",
                definition="The MRR on the period's last day of the customers that paid 12 months earlier (or as "
                "the review says) ÷ their MRR of then."),
            Kpi("grr", "Gross revenue retention (GRR)", "share", "up", parts="money_per_month", headline=True,
                window="retention_months",
                definition="Of the MRR 12 months before the period's last day (or as the review says), the "
                "share that the same customers still pay; what anybody pays more does not count."),
            Kpi("nrr_quarter", "Net revenue retention (NRR), quarter alone", "share", "up", parts="money_per_month",
                judged="quarter", floor=0,
                definition="The MRR on the quarter's last day of the customers that paid on its eve ÷ their MRR on "
                "its eve."),
            Kpi("grr_quarter", "Gross revenue retention (GRR), quarter alone", "share", "up", parts="money_per_month",
                judged="quarter", floor=0, ceiling=1,
                definition="Of the MRR on the eve of the quarter, the share that the same customers still pay on its "
                "last day; what anybody pays more does not count."),
        ],
        "churn": [
            Kpi("logo_churn", "Logo churn", "share", "down", headline=True, window="retention_months",
                definition="Of the customers that paid 12 months before the period's last day (or as "
                "the review says), the share that pays nothing any more."),
            Kpi("revenue_churn", "Revenue churn", "share", "down", parts="money_per_month", window="retention_months",
                definition="Of the MRR 12 months before the period's last day (or as the review says), the "
                "share lost to churn and contraction since."),
            Kpi("logo_churn_quarter", "Logo churn, quarter alone", "share", "down",
                judged="quarter", floor=0, ceiling=1,
                definition="Of the customers that paid on the eve of the quarter, the share that pays nothing on its "
                "last day."),
            Kpi("revenue_churn_quarter", "Revenue churn, quarter alone", "share", "down", parts="money_per_month",
                judged="quarter", floor=0, ceiling=1,
                definition="Of the MRR on the eve of the quarter, the share lost to churn and contraction by its "
                "last day."),
        ],
        "renewals": [
            Kpi("renewal_rate", "Renewal rate", "share", "up", headline=True, judged="quarter", floor=0, ceiling=1,
                definition="Of the paid subscription lines with a renewal day in the period, the share still paid on "
                "that day or within the days of grace."),
            Kpi("renewal_rate_arr", "Renewal rate by ARR", "share", "up", parts="money", judged="quarter", floor=0,
                ceiling=1,
                definition="Of the ARR of the paid lines with a renewal day in the period, the part whose lines were "
                "still paid on that day or within the days of grace."),
            Kpi("arr_due_90", "ARR due in the next 90 days", "money", "neutral",
                definition="12 × the MRR of the subscription lines whose renewal day lies in the 90 days after the "
                "period."),
            Kpi("arr_due_180", "ARR due in the next 180 days", "money", "neutral",
                definition="12 × the MRR of the subscription lines whose renewal day lies in the 180 days after the "
                "period."),
            Kpi("top10_share", "Share of MRR of the ten largest customers", "share", "neutral", parts="money_per_month",
                definition="The MRR of the ten customers that pay most ÷ all MRR."),
        ],
        "quick_ratio": [
            Kpi("quick_ratio", "Quick ratio", "ratio", "up", judged="quarter", floor=0,
                definition="The MRR won (new, reactivation, expansion) ÷ the MRR lost (churn, contraction), in the "
                "period."),
        ],
    },
    "unit_economics": {
        "cac": [
            Kpi("cac_sm", "Acquisition cost (CAC), sales and marketing", "money", "down", window="cac_window_quarters",
                definition="What sales and marketing spent in the last four quarters (or as the review "
                "says) ÷ new customers."),
            Kpi("cac_full", "Acquisition cost (CAC), with support", "money", "down",
                headline=True, window="cac_window_quarters",
                definition="What sales, marketing and support spent in the last four quarters (or as "
                "the review says) ÷ new customers."),
            Kpi("cac_sm_quarter", "CAC, sales and marketing, quarter alone", "money", "down", judged="quarter", floor=0,
                definition="What sales and marketing spent in the quarter ÷ the customers that were new in it."),
            Kpi("cac_full_quarter", "CAC, with support, quarter alone", "money", "down", judged="quarter", floor=0,
                definition="What sales, marketing and support spent in the quarter ÷ the customers that were new in "
                "it."),
            Kpi("new_customers", "New customers", "count", "up", judged="quarter", floor=0,
                definition="Customers that paid for the first time in the quarter; without subscriptions, those of "
                "the new-logo deals won in it."),
        ],
        "cac_payback": [
            Kpi("cac_payback", "CAC payback", "months", "down", headline=True, window="cac_window_quarters",
                definition="The months until the gross margin on what a new customer pays covers its acquisition "
                "cost (CAC), with support."),
        ],
        "ltv": [
            Kpi("ltv_orders", "Lifetime value (LTV) from orders", "money", "up",
                definition="Average order × orders a year per customer × years that a customer stays: revenue, not "
                "margin."),
            Kpi("ltv_margin", "Lifetime value (LTV) from churn", "money", "up",
                definition="ARPA × gross margin ÷ the share of customers lost in a month, as though that share "
                "stayed for ever."),
            Kpi("ltv_km", "Lifetime value (LTV) from customer lives", "money", "up", window="ltv_horizon_months",
                definition="ARPA × gross margin × the months that customers stay on average, each counted for "
                "60 months at most (or as the review says)."),
            Kpi("ltv_net", "Lifetime value (LTV) net of CAC", "money", "up", window="ltv_horizon_months",
                definition="Lifetime value (LTV) from customer lives less CAC, with support, and less what other "
                "departments spent to win the customer."),
        ],
        "ltv_cac": [
            Kpi("ltv_cac", "LTV:CAC", "ratio", "up", headline=True, window="ltv_horizon_months",
                definition="Lifetime value (LTV) from customer lives ÷ CAC, with support; above 3 is a rule of "
                "thumb, not a pass mark."),
        ],
        "sales_total": [
            Kpi("sales_total", "Sales, won and invoiced", "money", "neutral",
                definition="What was sold, as the whole amounts of the deals won, and what was invoiced, as invoice "
                "lines less credits, in the period."),
        ],
    },
    "cash": {
        "cash": [
            Kpi("cash", "Cash", "money", "up", headline=True, by_month=True,
                definition="The money on all accounts at the end of the period."),
            Kpi("net_burn", "Net burn", "money_per_month", "down", headline=True, judged="month",
                definition="What cash fell by in the period, without financing ÷ the months of the period; below 0 "
                "where more came in than went out."),
        ],
        "burn_multiple": [
            Kpi("burn_multiple", "Burn multiple", "ratio", "down", headline=True, judged="quarter", floor=0,
                parts="money",
                definition="The net burn of the whole period ÷ net new ARR: what was burned for each unit by which "
                "ARR grew."),
        ],
        "runway": [
            Kpi("runway", "Runway", "months", "up", headline=True, by_month=True, window="runway_months", floor=0,
                definition="The months that cash lasts at the mean net burn of the last six months (or as "
                "the review says)."),
        ],
    },
    "kpi_alignment": {
        "okr": [
            Kpi("okr_progress", "Progress of objectives", "share", "up",
                definition="How much of the way from its baseline to its target each objective has come; 100 % is "
                "the target."),
        ],
    },
    "kpi_experiments": {
        "cpi_kpi_link": [
            Kpi("link_effect", "Link of an indicator to a KPI, as observed", "ratio", "neutral",
                definition="How much more or less often customers left, renewed or expanded for each increment by "
                "which they were served better; an association, not a cause."),
        ],
        "experiment": [
            Kpi("experiment_effect", "Effect of a controlled experiment", "ratio", "neutral",
                definition="The primary metric of those who got the treatment less that of those who did not, "
                "everybody counted in the variant that chance gave."),
        ],
        "backtest": [
            Kpi("backtest_auc", "Foresight of a KPI (AUC)", "ratio", "up",
                definition="How often a customer that left had a worse score beforehand than one that stayed; a half "
                "is a coin's, 1 is perfect."),
        ],
    },
}
# fmt: on

CATALOGUE: dict[str, Kpi] = {
    row.kpi_id: replace(row, theme=theme, card=card)
    for theme, cards in _ROWS.items()
    for card, rows in cards.items()
    for row in rows
}
THEMES: tuple[str, ...] = tuple(_ROWS)


def theme_title(theme: str) -> str:
    """A theme as pages name it."""
    return _(english_title(theme))


def english_title(theme: str) -> str:
    """A theme as files name it.

    >>> english_title("new_revenue"), english_title("kpi_alignment")
    ('New revenue', 'KPI alignment')
    """
    words = theme.replace("_", " ")
    return f"{words[:1].upper()}{words[1:]}".replace("Kpi ", "KPI ")


def kpi(kpi_id: str) -> Kpi:
    """The catalogue row of a KPI, with its name and its definition in the language in force.

    >>> kpi("nrr").unit
    'share'
    """
    try:
        row = CATALOGUE[kpi_id]
    except KeyError:
        raise KitError(f"{kpi_id!r} is not a KPI{nearest(kpi_id, CATALOGUE)}") from None
    label, definition = _(row.label), _(row.definition)
    return (
        row if label is row.label and definition is row.definition else replace(row, label=label, definition=definition)
    )


def label_of(kpi_id: str) -> str:
    """A KPI as pages name it; one that the kit does not know by its id.

    >>> label_of("nrr"), label_of("mql_count")
    ('Net revenue retention (NRR)', 'mql count')
    """
    return kpi(kpi_id).label if kpi_id in CATALOGUE else kpi_id.replace("_", " ")


def judged_as(kpi_id: str) -> str:
    """The KPI by whose history this one is judged: itself, its quarterly variant, or nothing where none is.

    >>> judged_as("win_rate"), judged_as("nrr"), judged_as("mrr")
    ('win_rate', 'nrr_quarter', '')
    """
    return next((k for k in (kpi_id, f"{kpi_id}_quarter") if k in CATALOGUE and CATALOGUE[k].judged), "")


def ids_of(card: str) -> list[str]:
    """The KPIs that one card defines, in catalogue order.

    >>> ids_of("arr")
    ['arr', 'new_arr']
    """
    return [row.kpi_id for row in CATALOGUE.values() if row.card == card]
