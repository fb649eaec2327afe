"""The canonical tables, as data: what every source is mapped to and every card reads.

Source: specification, section 2 and 1.2. A card never sees a source's own names; a source that lacks a
table or an optional column switches off the cards that need it and nothing else.

``TABLES`` are the tables as a source gives them, ``HELD`` as a prepared folder holds them and cards read them. They are
the same but for ``events``, which are reduced to what a user did in a day.
"""

from __future__ import annotations

from helpers.data.schema import Column, Constraint, OrderCheck, Reference, Table, columns
from helpers.language import template


def _customer(required: bool = True) -> Reference:
    return Reference("customer_id", "customers", required)


_REFERENCES_OF_EVENTS = (
    Reference("user_id", "users", True),
    Reference("customer_id", "customers", False, shown_on="occurred_at"),
)

_NO_PRICE = """
    mrr is null
    and (unit_amount + quantity + interval_count is null or "interval" is null or interval_count <= 0)
    and (contract_value is null or term_months <= 0 or (term_months is null and end_on is null))
"""

# The months of a contract, as the query of MRR has them: its price stays the same where its end is not known yet.
_TERM = """
    coalesce(term_months, case
        when contract_value is null then null
        when cast(start_on + to_months(cast(datediff('month', start_on, end_on) as integer)) as date) = end_on
            then datediff('month', start_on, end_on)
        else (end_on - start_on) * 12 / 365 end)
"""

# What a subscription is worth a month, as near as a row tells that may be at fault.
_WORTH_A_MONTH = """
    coalesce(
        mrr,
        unit_amount * quantity / coalesce(nullif(interval_count, 0), 1) * case "interval"
            when 'day' then 365 / 12 when 'week' then 365 / 84
            when 'quarter' then 1 / 3 when 'year' then 1 / 12 else 1 end,
        contract_value / coalesce(nullif(term_months, 0), 12)
    )
"""

_ROWS = (
    Table(
        "customers",
        key=("customer_id",),
        columns=columns(
            "customer_id name signed_up_on:date",
            "parent_id segment product_type:interactive/api/monitoring/insurance/other country owner contact_email "
            "ttv_start_on:date first_value_on:date first_paid_on:date is_test:bool merged_into",
        ),
        event_time="signed_up_on",
        masks=("first_value_on", "first_paid_on"),
        constraints=(Constraint(template("first_value_on before ttv_start_on"), "first_value_on < ttv_start_on"),),
        excluded_if=(
            Constraint(template("test customer"), "is_test"),
            Constraint(template("merged into another customer"), "merged_into is not null"),
        ),
        register=True,
    ),
    Table(
        "subscriptions",
        key=("subscription_id", "line_id", "start_on"),
        columns=columns(
            "subscription_id customer_id start_on:date",
            "line_id end_on:date currency unit_amount:dec quantity:dec interval:day/week/month/quarter/year "
            "interval_count:int contract_value:dec term_months:dec mrr:dec product plan "
            "status:trialing/active/past_due/paused/unpaid/canceled discount_mrr:dec discount_kind:forever/limited "
            "cancelled_at:ts cancel_reason:voluntary/payment/paused/other renewal_on:date is_recurring:bool "
            "seat_based:bool",
        ),
        event_time="start_on",
        masks=("cancelled_at",),
        consequences={
            "end_on": "case when not ({cancelled_at}) then end_on end",
            "term_months": f"case when {{cancelled_at}} then {_TERM} else term_months end",
            "cancel_reason": "case when not ({cancelled_at}) then cancel_reason end",
            "status": "case when {cancelled_at} and status = 'canceled' then 'active' else status end",
        },
        references=(_customer(),),
        constraints=(
            Constraint(template("end_on not after start_on"), "end_on <= start_on"),
            Constraint(template("discount_mrr below 0"), "discount_mrr < 0"),
            Constraint(template("no price"), _NO_PRICE),
        ),
        amounts=("unit_amount", "contract_value", "mrr", "discount_mrr"),
        worth=_WORTH_A_MONTH,
        worth_per=" a month",
        one_of=(("unit_amount", "quantity", "interval", "interval_count"), ("contract_value",), ("mrr",)),
    ),
    Table(
        "users",
        key=("user_id",),
        columns=columns("user_id customer_id", "persona created_on:date deactivated_on:date is_internal:bool"),
        event_time="created_on",
        masks=("deactivated_on",),
        references=(_customer(),),
        constraints=(Constraint(template("deactivated_on before created_on"), "deactivated_on < created_on"),),
        excluded_if=(Constraint(template("internal user"), "is_internal"),),
        register=True,
    ),
    Table(
        "events",
        key=("user_id", "event", "occurred_at"),
        id="event_id",
        columns=columns("user_id event occurred_at:ts", "event_id customer_id feature is_automated:bool"),
        event_time="occurred_at",
        references=_REFERENCES_OF_EVENTS,
        constraints=(
            Constraint(  # the first comparison spares engines the second for nearly every row
                "occurred_at more than a day after recorded_at",
                "occurred_at > recorded_at and occurred_at > recorded_at + interval '24 hours'",
            ),
        ),
    ),
    Table(
        "deals",
        key=("deal_id",),
        columns=columns(
            "deal_id created_at:ts",
            "customer_id closed_at:ts outcome:won/lost/open amount:dec one_off_amount:dec currency term_months:dec "
            "deal_type:new_logo/upsell/cross_sell/new_product/renewal product source owner estimate_requested_at:ts "
            "estimate_sent_at:ts options_offered:int option_chosen default_option cancelled_at:ts",
        ),
        event_time="created_at",
        masks=("closed_at", "cancelled_at", "estimate_sent_at"),
        consequences={"outcome": "case when {closed_at} then 'open' else outcome end"},
        references=(
            Reference(
                "customer_id", "customers", False, shown_on="case when outcome = 'won' then local_day(closed_at) end"
            ),
        ),
        constraints=(
            Constraint(template("won without closed_at"), "outcome = 'won' and closed_at is null"),
            Constraint(template("closed_at before created_at"), "local_day(closed_at) < local_day(created_at)"),
            Constraint(
                template("estimate_sent_at before estimate_requested_at"), "estimate_sent_at < estimate_requested_at"
            ),
        ),
        amounts=("amount", "one_off_amount"),
        worth="coalesce(amount, 0) + coalesce(one_off_amount, 0)",
    ),
    Table(
        "stage_history",
        key=("record_id", "stage", "entered_at"),
        columns=columns("record_id stage entered_at:ts", "exited_at:ts"),
        event_time="entered_at",
        masks=("exited_at",),
        references=(Reference("record_id", "deals", True),),
        constraints=(
            Constraint(template("exited_at before entered_at"), "local_day(exited_at) < local_day(entered_at)"),
        ),
    ),
    Table(
        "spend",
        key=("month", "department", "category"),
        columns=columns(
            "month:date department amount:dec",
            "category currency purpose:acquire/retain/both vendor channel segment",
        ),
        event_time="month",
        constraints=(
            Constraint(template("month is not the first of a month"), "day(month) <> 1"),
            Constraint(template("amount empty"), "amount is null"),
        ),
        amounts=("amount",),
        worth="amount",
    ),
    Table(
        "milestones",
        key=("customer_id", "stage", "started_on"),
        columns=columns(
            "customer_id stage started_on:date",
            "ended_on:date kind:waiting/working waiting_on:us/customer/third_party",
        ),
        event_time="started_on",
        masks=("ended_on",),
        references=(_customer(),),
        constraints=(Constraint(template("ended_on before started_on"), "ended_on < started_on"),),
    ),
    Table(
        "tickets",
        key=("ticket_id",),
        columns=columns(
            "ticket_id customer_id created_at:ts",
            "solved_at:ts public_agent_replies:int requester_replies:int reopens:int topic channel csat:good/bad "
            "is_spam:bool merged_into created_by:customer/agent",
        ),
        event_time="created_at",
        masks=("solved_at",),
        references=(_customer(),),
        constraints=(Constraint(template("solved_at before created_at"), "solved_at < created_at"),),
    ),
    Table(
        "deliveries",
        key=("delivery_id",),
        columns=columns(
            "delivery_id committed_on:date",
            "delivered_on:date customer_id scope_committed:dec scope_delivered:dec recommitted_on:date",
        ),
        masks=("delivered_on",),
        references=(_customer(required=False),),
        constraints=(Constraint(template("committed_on empty"), "committed_on is null"),),
    ),
    Table(
        "entitlements",
        key=("customer_id", "meter", "start_on"),
        columns=columns("customer_id meter limit_qty:dec start_on:date reset:month/quarter/year/none", "end_on:date"),
        event_time="start_on",
        references=(_customer(),),
        constraints=(
            Constraint(template("limit_qty not above 0"), "coalesce(limit_qty <= 0, true)"),
            Constraint(template("reset empty"), "reset is null"),
            Constraint(template("end_on before start_on"), "end_on < start_on"),
        ),
    ),
    Table(
        "measurements",
        key=("customer_id", "object_id", "metric", "at"),
        columns=columns("metric at:ts value:dec", "customer_id object_id currency"),
        event_time="at",
        references=(_customer(required=False),),
        constraints=(Constraint(template("value empty"), "value is null"),),
    ),
    Table(
        "invoices",
        key=("invoice_line_id",),
        columns=columns(
            "invoice_line_id customer_id invoiced_on:date amount:dec kind:recurring/usage/one_off/services/tax",
            "currency order_id due_on:date paid_on:date service_from:date service_to:date product corrects",
        ),
        event_time="invoiced_on",
        masks=("paid_on",),
        references=(_customer(),),
        constraints=(
            Constraint(template("amount empty"), "amount is null"),
            Constraint(template("kind empty"), "kind is null"),
            Constraint(template("invoiced_on empty"), "invoiced_on is null"),
            Constraint(template("service_to before service_from"), "service_to < service_from"),
        ),
        amounts=("amount",),
        worth="amount",
    ),
    Table("products", key=("product",), columns=columns("product", "launched_on:date family")),
    Table(
        "fx_rates",
        key=("currency", "on"),
        columns=columns("currency rate:dec", "on:date"),
        event_time="on",
        constraints=(Constraint(template("rate not above 0"), "coalesce(rate <= 0, true)"),),
        of_the_pack=True,
    ),
    Table(
        "assignments",
        key=("experiment_id", "unit_id", "variant", "assigned_at"),  # a unit counts as it was first assigned (C09)
        columns=columns("experiment_id unit_id variant assigned_at:ts", "pre_value:dec outcome:dec"),
        event_time="assigned_at",
        has_history=False,
    ),
    Table(
        "cash_movements",
        key=("movement_id",),
        columns=columns(
            "movement_id moved_on:date amount:dec "
            "category:opening/customers/payroll/vendors/tax/financing/transfer/other",
            "account currency",
        ),
        event_time="moved_on",
        constraints=(
            Constraint(template("amount empty"), "amount is null"),
            Constraint(template("category empty"), "category is null"),
            Constraint(template("moved_on empty"), "moved_on is null"),
        ),
        amounts=("amount",),
        worth="amount",
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in _ROWS}

EVENTS_BY_DAY = Table(
    "events",
    key=("user_id", "event", "active_on"),
    columns=(
        Column("active_on", "date", True),  # first: the file is sorted by it, and a window reads a part of it
        Column("user_id", "str", True),
        Column("customer_id", "str", False),
        Column("created_on", "date", False),
        Column("event", "str", True),
        Column("feature", "str", False),
        Column("is_automated", "bool", True),
        Column("events", "int", True),
    ),
    event_time="active_on",
    references=_REFERENCES_OF_EVENTS,
    constraints=tuple(Constraint(c.reason, f"_broken = '{c.reason}'") for c in TABLES["events"].constraints),
    counted="events",
)

HELD: dict[str, Table] = {**TABLES, "events": EVENTS_BY_DAY}

ORDER_CHECKS = (
    OrderCheck(
        template("subscription versions that open before the one before them ends"),
        ("subscriptions",),
        "select count(*) filter (start_on < ends), count(*) from ("
        "select start_on, lag(coalesce(end_on, 'infinity'), 1, start_on) over line as ends from {subscriptions} "
        "window line as (partition by subscription_id, line_id order by start_on))",
    ),
    OrderCheck(
        template("tickets created before their customer's sign-up"),
        ("tickets", "customers"),
        "select count(*) filter (local_day(created_at) < signed_up_on), count(*) "
        "from {tickets} join {customers} using (customer_id)",
    ),
    OrderCheck(
        template("events before their user was created"),
        ("events", "users"),
        "select sum(events) filter (active_on < created_on), sum(events) from {events}",
    ),
    OrderCheck(
        template("events before their customer's sign-up"),
        ("events", "users", "customers"),
        "select sum(events) filter (active_on < signed_up_on), sum(events) "
        "from {events} join {customers} using (customer_id)",
    ),
    OrderCheck(
        template("events before their customer's first subscription"),
        ("events", "users", "subscriptions"),
        "select sum(events) filter (active_on < s.first_on), sum(events) "
        "from {events} "
        "join (select customer_id, min(start_on) as first_on from {subscriptions} group by 1) s using (customer_id)",
    ),
)
