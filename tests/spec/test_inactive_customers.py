"""Cards K03 and K04: who has gone silent, whom to call, what money is at risk, and whether the list gave warning."""

import re
from datetime import date, timedelta
from functools import partial

import pandas as pd
import pytest

from helpers.data.prepare import prepare
from helpers.errors import NotProvided, Refused
from helpers.kpis import inactive_customers as theme
from helpers.kpis import recurring_revenue
from helpers.kpis.spine import Spine
from helpers.notebook_parameters import theme_parameters
from helpers.params import load_review, load_source, project_root
from helpers.periods import Calendar
from helpers.review import rules_of
from tests.canonical import asked, ruled, spine

inactive_customers, call_list, not_asked, silence_by_owner, silence_by_week = map(
    asked, (theme.inactive_customers, theme.call_list, theme.not_asked, theme.silence_by_owner, theme.silence_by_week)
)

money_at_risk, warning, warned = map(asked, (theme.money_at_risk, theme.warning, theme.warned))
renewals, lost_customers, renewals_due = map(
    asked, (recurring_revenue.renewals, recurring_revenue.lost_customers, recurring_revenue.renewals_due)
)

Q1 = Calendar().period("2026Q1")
BERLIN = Calendar("Europe/Berlin").period("2026Q1")

CUSTOMERS = """
    customer_id | name | signed_up_on | product_type | owner
    A           | Aye  | 2025-01-01   | interactive  | Kim
    B           | Bee  | 2025-01-01   | interactive  | Kim
    C           | Cee  | 2025-01-01   | api          | Lou
"""
SUBSCRIPTIONS = """
    subscription_id | customer_id | start_on   | end_on     | mrr | currency
    S1              | A           | 2025-01-01 |            | 100 | USD
    S2              | B           | 2025-01-01 |            | 200 | USD
    S3              | C           | 2025-01-01 |            | 300 | USD
"""
USERS = """
    user_id | customer_id | created_on
    a1      | A           | 2025-01-01
    b1      | B           | 2025-01-01
    c1      | C           | 2025-01-01
"""
EVENTS = """
    user_id | event  | occurred_at      | is_automated
    a1      | report | 2026-03-20 10:00 |
    b1      | report | 2026-03-17 23:59 |
    c1      | sync   | 2026-03-31 10:00 | true
"""


def known(period=Q1, timezone="UTC", **texts):
    given = {"customers": CUSTOMERS, "subscriptions": SUBSCRIPTIONS, "users": USERS, "events": EVENTS, **texts}
    given = {name: text for name, text in given.items() if text}
    return spine(period.as_of_on, period, timezone=timezone, **given)


def figures(rows, segment=""):
    return {row.kpi_id: row.value for row in rows if row.segment == segment}


def test_one_of_two_customers_asked_is_silent():
    rows = inactive_customers(known(), Q1)
    by_account = {row["account_id"]: row["value"] for row in known().answers("by_account_inactive_customers")}
    assert by_account == {"A": 0, "B": 1}
    # A was active on 20 March, inside [18 March, 1 April); B last on the 17th; C is an API product, not asked.
    assert figures(rows) == {"inactive_customers": 1, "inactive_rate": 0.5, "newly_silent": 1, "returned": 0}
    assert rows[0].excluded["customers: product type api"] == 1
    assert [row.segment for row in rows if row.kpi_id == "inactive_rate"] == ["", "interactive"]


def test_ex_nine_of_ninety():
    customers = "customer_id | name | signed_up_on\n" + "\n".join(f"C{i} | c{i} | 2025-01-01" for i in range(90))
    subscriptions = "subscription_id | customer_id | start_on | mrr\n" + "\n".join(
        f"S{i} | C{i} | 2025-01-01 | 10" for i in range(90)
    )
    users = "user_id | customer_id\n" + "\n".join(f"u{i} | C{i}" for i in range(90))
    events = "user_id | event | occurred_at\n" + "\n".join(f"u{i} | report | 2026-03-28 09:00" for i in range(9, 90))
    found = known(customers=customers, subscriptions=subscriptions, users=users, events=events)
    [rate] = [row for row in inactive_customers(found, Q1) if row.kpi_id == "inactive_rate"]
    assert (rate.numerator, rate.denominator, rate.value) == (9, 90, 0.1)
    assert rate.interval[:2] == pytest.approx((0.053507, 0.179242), abs=1e-6)


@pytest.mark.parametrize(
    ("last_event", "inactive"),
    [("2026-03-17 23:59:59", 1), ("2026-03-18 00:00:00", 0), ("2026-04-01 00:00:00", 1)],
)
@pytest.mark.parametrize(("timezone", "period"), [("UTC", Q1), ("Europe/Berlin", BERLIN)])
def test_ex_the_window_ends_with_the_period_and_opens_fourteen_days_earlier(last_event, inactive, timezone, period):
    events = f"user_id | event | occurred_at\n a1 | report | {last_event}\n c1 | sync | 2026-03-30 10:00"
    rows = inactive_customers(known(period, timezone, events=events, subscriptions=only("A")), period)
    assert figures(rows)["inactive_customers"] == inactive


def only(*customers):
    header, *rows = [line for line in SUBSCRIPTIONS.splitlines() if line.strip()]
    return "\n".join([header, *(row for row in rows if row.split("|")[1].strip() in customers)])


def test_the_window_of_a_week_with_a_change_of_clocks_is_still_whole_days():
    # Clocks in Berlin go forward on 2026-03-29. 00:30 local on 18 March is 23:30 UTC on the 17th.
    events = "user_id | event | occurred_at\n a1 | report | 2026-03-18 00:30"
    rows = inactive_customers(known(BERLIN, "Europe/Berlin", events=events, subscriptions=only("A"), users=USERS),
                              BERLIN, feed_max_age_days=30)  # fmt: skip
    assert figures(rows)["inactive_customers"] == 0


@pytest.mark.parametrize("event", ["Logged In", "User Login", "user_signed_in", "Login Success", "logon", "sign-in"])
def test_logins_and_what_software_does_are_no_activity(event):
    events = f"""
        user_id | event     | occurred_at      | is_automated
        a1      | {event}   | 2026-03-30 10:00 |
        b1      | report    | 2026-03-30 10:00 | true
    """
    find = partial(inactive_customers, known(events=events), Q1)
    assert figures(find())["inactive_customers"] == 2
    # The log-in variant of the article is a choice of events.
    assert figures(find(activity_events=[event]))["inactive_customers"] == 1


@pytest.mark.parametrize("event", ["plugin_installed", "sign_in_sheet_created", "session_start", "logging_enabled"])
def test_names_that_only_hold_such_words_are_activity(event):
    events = f"user_id | event | occurred_at\n a1 | {event} | 2026-03-30 10:00"
    assert figures(inactive_customers(known(events=events), Q1))["inactive_customers"] == 1


def test_a_health_signal_judges_a_product_where_silence_means_nothing():
    rows = inactive_customers(known(), Q1, health_signals={"api": ["sync"]})
    assert figures(rows)["inactive_customers"] == 1
    # Its first sign of life is of 31 March: on the 24th it was silent.
    assert figures(rows, "api") == {"inactive_customers": 0, "inactive_rate": 0, "newly_silent": 0, "returned": 1}
    rows = inactive_customers(known(), Q1, health_signals={"api": ["heartbeat"]})
    assert figures(rows, "api")["inactive_customers"] == 1


def test_each_product_type_tells_its_own_notes():
    """B has no users; D and E pay for an API, judged by its signal, and E is too new. No notes but their own."""
    customers = """
        customer_id | name | signed_up_on | product_type
        A           | Aye  | 2025-01-01   | interactive
        B           | Bee  | 2025-01-01   | interactive
        C           | Cee  | 2025-01-01   | monitoring
        D           | Dee  | 2025-01-01   | api
        E           | Eve  | 2026-03-01   | api
    """
    subscriptions = "subscription_id | customer_id | start_on | mrr\n" + "\n".join(
        f"S{c} | {c} | {'2026-03-25' if c == 'E' else '2025-01-01'} | 100" for c in "ABCDE"
    )
    users = "user_id | customer_id\n a1 | A\n d1 | D"
    events = "user_id | event | occurred_at\n a1 | report | 2026-03-30 10:00\n d1 | call | 2026-03-30 10:00"
    found = known(customers=customers, subscriptions=subscriptions, users=users, events=events)
    rows = {row.segment: row for row in inactive_customers(found, Q1, health_signals={"api": ["call"]})
            if row.kpi_id == "inactive_rate"}  # fmt: skip
    told = {
        name: ({k: v for k, v in row.excluded.items() if k.startswith("cust")}, row.warnings)
        for name, row in rows.items()
    }
    without = "no_users: 1 inactive customers have no user on record"
    late = "history_starts_at 2026-03-30: the window opens on 2026-03-18"
    assert told == {
        "": ({"customers: product type monitoring": 1, "customers: too new": 1}, (without, late)),
        "api": ({"customers: too new": 1}, (late,)),
        "interactive": ({}, (without, late)),
    }


def test_each_product_type_is_told_of_its_own_window():
    """Events begin on the 11th: too late for the 30 days of the API, early enough for the 14 of the others."""
    events = EVENTS + "        a1 | report | 2026-03-11 10:00 |\n        c1 | sync | 2026-03-26 10:00 | true\n"
    rows = inactive_customers(known(events=events), Q1, window_days={"interactive": 14, "api": 30}, not_applicable=[])
    late = ("history_starts_at 2026-03-11: the window opens on 2026-03-02",)
    assert {row.segment: row.warnings for row in rows} == {"": late, "api": late, "interactive": ()}


def test_who_is_too_new_or_has_no_value_yet_is_left_out_and_counted():
    subscriptions = """
        subscription_id | customer_id | start_on   | mrr
        S1              | A           | 2026-03-18 | 100
        S2              | B           | 2026-03-19 | 100
        S3              | D           | 2025-01-01 | 100
    """
    customers = """
        customer_id | name | signed_up_on | first_value_on
        A           | Aye  | 2026-03-01   | 2026-03-10
        B           | Bee  | 2026-03-01   | 2026-03-10
        D           | Dee  | 2025-01-01   |
    """
    events = "user_id | event | occurred_at\n c1 | sync | 2026-03-31 10:00"
    found = known(customers=customers, subscriptions=subscriptions, events=events, users="user_id|customer_id\nc1|A\n")
    rows = inactive_customers(found, Q1)
    # Paid since 18 March: 14 whole days, asked. Since the 19th: 13, too new. D never saw value.
    assert rows[1].denominator == 1
    assert rows[0].excluded["customers: too new"] == 1
    assert rows[0].excluded["customers: onboarding, no value yet"] == 1


def test_a_parent_has_value_from_the_first_of_its_customers_on():
    """As in time to value: B, and so P, has value since 1 February 2025, and C, which has no parent, since March."""
    customers = """
        customer_id | name | signed_up_on | first_value_on | parent_id
        P           | Pea  | 2025-01-01   |                |
        A           | Aye  | 2025-01-01   | 2026-04-02     | P
        B           | Bee  | 2025-01-01   | 2025-02-01     | P
        C           | Cee  | 2025-01-01   | 2025-03-01     |
    """
    given = known(customers=customers, subscriptions=only("A", "B", "C"), users=USERS.replace("| C ", "| B "))
    [rate] = [row for row in inactive_customers(given, Q1, account_level="parent") if row.kpi_id == "inactive_rate"]
    assert (rate.value, rate.numerator, rate.denominator) == (1 / 2, 1, 2)  # a1 was there on 20 March, nobody of C
    silent = ruled(given, account_level="parent").answers("by_account_days_silent")
    assert [(each["account_id"], each["value"]) for each in silent] == [("P", 31 - 20)]  # b1 three days before
    assert "customers: onboarding, no value yet" not in rate.excluded


def test_trials_are_not_asked():
    subscriptions = SUBSCRIPTIONS.replace("| currency", "| currency | status").replace("| USD", "| USD | trialing")
    rows = inactive_customers(known(subscriptions=subscriptions), Q1)
    assert figures(rows) == {"inactive_customers": 0, "inactive_rate": None, "newly_silent": 0, "returned": 0}
    assert rows[1].status == "undefined"


def test_a_customer_without_users_is_inactive_and_flagged():
    events = EVENTS + "    c1      | sync   | 2026-03-24 10:00 | true\n"
    given = known(users=USERS.replace("a1      | A", "x1      | C"), events=events)
    rows = inactive_customers(given, Q1, most_left_out=1)
    assert figures(rows)["inactive_customers"] == 2
    assert rows[0].warnings == ("no_users: 1 inactive customers have no user on record",)


def test_newly_silent_and_returned_within_a_week():
    events = """
        user_id | event  | occurred_at
        a1      | report | 2026-03-11 10:00
        b1      | report | 2026-03-01 10:00
        b1      | report | 2026-03-28 10:00
        c1      | report | 2026-03-20 10:00
    """
    # On 24 March the window opened on the 11th: A was active, B silent. On the 31st it is the other way round.
    assert figures(inactive_customers(known(events=events), Q1)) == {
        "inactive_customers": 1, "inactive_rate": 0.5, "newly_silent": 1, "returned": 1,
    }  # fmt: skip


def test_windows_by_product_type():
    find = partial(inactive_customers, known(), Q1, not_applicable=[])
    assert figures(find(window_days={"interactive": 15, "api": 14}))["inactive_customers"] == 1  # C has no activity
    with pytest.raises(Refused, match="window_days tells interactive, but not api; add the days"):
        find(window_days={"interactive": 15})


def test_a_stale_feed_is_refused_and_never_shown_as_silence():
    events = "user_id | event | occurred_at\n a1 | report | 2026-03-27 10:00"
    assert figures(inactive_customers(known(events=events), Q1))["inactive_customers"] == 1  # 4 days old: allowed
    events = "user_id | event | occurred_at\n a1 | report | 2026-03-26 10:00"
    with pytest.raises(Refused, match=r"the event feed ends on 2026-03-26, 5 days before 2026-03-31 \(at most 4"):
        inactive_customers(known(events=events), Q1)
    for name in ("inactive_customers", "days_silent", "pac_mean", "pac_breadth"):
        assert known(events=events).answers(f"by_account_{name}") == []
    assert figures(inactive_customers(known(events=events), Q1, feed_max_age_days=5))["inactive_customers"] == 1
    with pytest.raises(Refused, match="no event is known"):
        inactive_customers(known(events="user_id | event | occurred_at"), Q1)


@pytest.mark.parametrize(("first", "why"), [
    ("b1 | report | 2026-03-19", r"the event feed ends on 2026-03-19, 5 days before 2026-03-24 \(at most 4"),
    ("a1 | report | 2026-03-25", "no event is known by 2026-03-24"),
])  # fmt: skip
def test_who_returned_is_not_told_where_the_feed_had_broken_off_or_not_begun_a_week_before(first, why):
    """A and B use the product every day; no event is known from 20 to 24 March, or none by then."""
    after = "".join(f"\n {user} | report | 2026-03-{day} 10:00" for day in (25, 31) for user in ("a1", "b1"))
    given = known(events=f"user_id | event | occurred_at\n {first} 10:00{after}")
    rows = inactive_customers(given, Q1)
    assert figures(rows) == {"inactive_customers": 0, "inactive_rate": 0, "newly_silent": None, "returned": None}
    told = {row.kpi_id: (row.status, *row.warnings) for row in rows if not row.segment}
    assert told["returned"] == told["newly_silent"]
    assert told["returned"][0] == "refused"
    assert re.match(why, told["returned"][1])
    weeks = silence_by_week(given, Q1).rows.set_index("week_to")[["inactive", "newly_silent", "returned"]]
    assert weeks.loc["2026-03-31"].isna().to_dict() == {"inactive": False, "newly_silent": True, "returned": True}
    assert weeks.loc["2026-03-24"].isna().all()


@pytest.mark.parametrize(("back", "told"), [("26", True), ("25", False)])
def test_a_feed_that_broke_off_within_the_window_is_told(back, told):
    """The window opens on 18 March. No event is known from the 19th on, for seven days or six; A may have worked."""
    days = [("a1", "18"), ("b1", back), ("b1", "31")]
    lines = "".join(f"\n {user} | report | 2026-03-{day} 10:00" for user, day in days)
    rate = inactive_customers(known(events=f"user_id | event | occurred_at{lines}"), Q1)[1]
    gap = "no event of anybody is known from 2026-03-19 to 2026-03-25; "
    gap += "a feed that broke off looks like users who fell silent"
    assert [each for each in rate.warnings if "broke off" in each] == ([gap] if told else [])


@pytest.mark.parametrize(("missing", "named"), [("events", "events"), ("subscriptions", "subscriptions")])
def test_without_a_table_nothing_is_said(missing, named):
    with pytest.raises(NotProvided) as caught:
        inactive_customers(known(**{missing: ""}), Q1)
    assert caught.value.what == named


def test_without_users_events_tell_their_customer():
    with pytest.raises(NotProvided, match=r"events\.customer_id"):
        inactive_customers(known(users=""), Q1)
    events = """
        user_id | customer_id | event  | occurred_at
        a1      | A           | report | 2026-03-20 10:00
        x       |             | report | 2026-03-30 10:00
    """
    assert figures(inactive_customers(known(users="", events=events), Q1))["inactive_customers"] == 1


def test_the_last_day_of_a_running_quarter():
    period = Calendar().period("2026Q1", date(2026, 3, 21))
    rows = inactive_customers(known(period), period)
    assert rows[0].status == "partial"
    assert figures(rows)["inactive_customers"] == 0


def called(**given):
    return call_list(known(**given.pop("texts", {})), Q1, **given)


def test_ex_of_the_call_list():
    subscriptions = """
        subscription_id | customer_id | start_on   | term_months | contract_value
        S1              | A           | 2026-01-01 | 12          | 1200
    """
    events = "user_id | event | occurred_at\n a1 | report | 2026-03-10 10:00\n b1 | report | 2026-03-30 10:00"
    [line] = called(texts={"subscriptions": subscriptions, "events": events}).rows.to_dict("records")
    # Open-ended and annual: the next anniversary is 2027-01-01, 276 days after 31 March; 21 days since 10 March.
    assert (line["days_silent"], line["days_to_renewal"]) == (21, 276)
    assert str(line["renewal_on"].date()) == "2027-01-01"
    assert (line["mrr"], line["owner"], line["reason"]) == (100, "Kim", "no activity")


def test_renewals_as_told_by_the_end_or_unknown():
    subscriptions = """
        subscription_id|customer_id|start_on|end_on|renewal_on|mrr|interval|unit_amount|quantity|interval_count
        told    | A | 2025-02-01 |            | 2026-03-01 | 10 |       |     |   |
        ends    | B | 2025-02-01 | 2026-04-10 |            | 20 |       |     |   |
        monthly | D | 2025-02-01 |            |            |    | month | 30  | 1 | 1
        yearly  | E | 2024-02-29 |            |            |    | year  | 480 | 1 | 1
    """
    customers = "customer_id | name | signed_up_on\n" + "\n".join(f"{c} | {c} | 2025-01-01" for c in "ABDE")
    events = "user_id | event | occurred_at\n a1 | report | 2026-01-30 10:00"
    users = "user_id | customer_id\n a1 | A"
    found = called(
        texts={"subscriptions": subscriptions, "customers": customers, "users": users, "events": events},
        feed_max_age_days=60,
    )
    rows = found.rows.set_index("customer_id")
    # 31 March: 30 days past 1 March; 10 April in 10 days; 28 February 2027 in 334; a rolling plan has no renewal.
    assert rows["days_to_renewal"].dropna().to_dict() == {"A": -30, "B": 10, "E": 334}
    assert rows.loc["A", "reason"] == "no activity; past renewal"
    assert rows.loc["B", "reason"] == "no users on record"
    # Past and near renewals (A, B) by MRR, then the far one, then the unknown.
    assert list(found.rows["customer_id"]) == ["B", "A", "E", "D"]


def test_the_first_turn_ends_with_the_90th_day_and_the_second_with_the_180th():
    """31 March + 90 days is 29 June, + 180 days is 27 September; within a turn the larger MRR stands first."""
    subscriptions = """
        subscription_id | customer_id | start_on   | renewal_on | mrr
        S1              | A           | 2025-01-01 | 2026-06-29 | 10
        S2              | B           | 2025-01-01 | 2026-06-30 | 30
        S3              | D           | 2025-01-01 | 2026-09-27 | 20
        S4              | E           | 2025-01-01 | 2026-09-28 | 40
    """
    customers = "customer_id | name | signed_up_on\n" + "\n".join(f"{c} | {c} | 2025-01-01" for c in "ABDE")
    events = "user_id | event | occurred_at\n a1 | report | 2026-03-10 10:00"
    texts = {"subscriptions": subscriptions, "customers": customers, "users": "user_id | customer_id\n a1 | A"}
    rows = called(texts={**texts, "events": events}, feed_max_age_days=60).rows
    assert rows["days_to_renewal"].tolist() == [90, 91, 180, 181]
    assert rows["customer_id"].tolist() == ["A", "B", "D", "E"]


def test_a_parents_renewal_is_the_earliest_of_its_customers():
    """A's, 40 days after 31 March; a line that ended is not up for renewal any more."""
    customers = """
        customer_id | name | signed_up_on | parent_id
        P           | Pea  | 2025-01-01   |
        A           | Aye  | 2025-01-01   | P
        B           | Bee  | 2025-01-01   | P
    """
    subscriptions = """
        subscription_id | customer_id | start_on   | end_on     | renewal_on | mrr
        S0              | A           | 2025-01-01 | 2026-03-31 | 2026-04-05 | 50
        S1              | A           | 2025-01-01 |            | 2026-05-10 | 100
        S2              | B           | 2025-01-01 |            | 2026-12-31 | 200
    """
    events = "user_id | event | occurred_at\n a1 | report | 2026-03-10 10:00"
    texts = {
        "customers": customers,
        "subscriptions": subscriptions,
        "events": events,
        "users": "user_id | customer_id\n a1 | A",
    }
    [line] = called(texts=texts, account_level="parent", feed_max_age_days=30).rows.to_dict("records")
    assert (line["customer_id"], line["mrr"], line["days_to_renewal"]) == ("P", 300, 40)


def test_renewals_follow_the_rules_but_for_the_day_of_a_cancellation():
    """A signed late: grace_days bridges the 20 days before 9 April. B cancelled a line that is served to 30 April."""
    subscriptions = """
        subscription_id | customer_id | start_on   | end_on     | cancelled_at | recorded_at | mrr
        S1              | A           | 2025-03-20 | 2026-03-20 |              |             | 100
        S1              | A           | 2026-04-09 |            |              | 2026-03-25  | 100
        S2              | B           | 2025-01-01 | 2026-04-30 | 2026-02-01   |             | 10
        S3              | B           | 2025-01-01 |            |              |             | 20
    """
    events = "user_id | event | occurred_at\n c1 | report | 2026-03-30 10:00"
    found = called(texts={"subscriptions": subscriptions, "events": events}, grace_days=20, churn_day="cancelled_at")
    rows = found.rows.set_index("customer_id")
    assert rows["days_to_renewal"].to_dict() == {"A": 9, "B": 30}
    assert rows["mrr"].to_dict() == {"A": 100, "B": 20}


def test_grouped_by_owner_with_most_at_stake_first():
    customers = """
        customer_id | name | signed_up_on | owner
        A           | Aye  | 2025-01-01   | Kim
        B           | Bee  | 2025-01-01   | Lou
        C           | Cee  | 2025-01-01   | Kim
    """
    events = "user_id | event | occurred_at\n z | report | 2026-03-30 10:00"
    users = "user_id | customer_id\n z | Z"
    subscriptions = SUBSCRIPTIONS.replace("300", "150")
    texts = {"customers": customers, "events": events, "users": users, "subscriptions": subscriptions}
    # The only event is of an unknown customer's user: the feed lives by a customer that is not in this list.
    texts["customers"] += "        Z | Zed | 2026-03-31 | \n"
    found = called(texts=texts)
    assert list(found.rows["owner"]) == ["Kim", "Kim", "Lou"]  # 100 + 150 against 200
    assert list(found.rows["customer_id"]) == ["C", "A", "B"]
    by_owner = silence_by_owner(known(**texts), Q1).rows
    assert by_owner[["owner", "customers", "mrr"]].to_numpy().tolist() == [["Kim", 2, 250.0], ["Lou", 1, 200.0]]
    assert by_owner["nearest"].isna().all()


def test_what_one_knows_before_the_call():
    events = """
        user_id | event  | occurred_at
        b1      | report | 2026-03-10 10:00
        b2      | report | 2026-03-09 10:00
        b2      | report | 2025-10-01 10:00
        b3      | report | 2025-10-02 10:00
        b4      | report | 2025-10-03 10:00
        a1      | report | 2026-03-30 10:00
    """
    users = "user_id | customer_id | created_on\n a1 | A | 2025-01-01\n" + "\n".join(
        f"b{i} | B | 2025-01-01" for i in (1, 2, 3, 4)
    )
    tickets = """
        ticket_id | customer_id | created_at | solved_at  | is_spam | merged_into
        T1        | B           | 2026-03-01 |            |         |
        T2        | B           | 2026-03-01 | 2026-03-02 |         |
        T3        | B           | 2026-03-01 |            | true    |
        T4        | B           | 2026-03-01 |            |         | T1
        T5        | B           | 2026-03-01 | 2026-04-02 |         |
    """
    [line] = called(texts={"events": events, "users": users, "tickets": tickets}).rows.to_dict("records")
    # b1 and b2 in the last 28 days (from 4 March); three in a block of October; both active weeks are one block.
    assert (line["active_users"], line["peak_users"], line["pac"]) == (2, 3, 1)
    assert line["open_tickets"] == 2  # T1, and T5, which is solved after the end of knowledge


def test_twelve_weeks_of_silence():
    found = silence_by_week(known(), Q1)
    assert len(found.rows) == 12
    last = found.rows.iloc[-1].to_dict()
    assert (last["week_to"].date(), last["inactive"], last["asked"]) == (date(2026, 3, 31), 1, 2)
    assert (last["newly_silent"], last["returned"]) == (1, 0)
    # A came back on 20 March; on the 24th B's window still held its 17 March.
    before = found.rows.iloc[-2].to_dict()
    assert (before["inactive"], before["returned"]) == (0, 1)
    # B, silent until it stopped paying on 20 February, is used as it pays again: it was not silent a week before.
    paused = only("A") + "\n S2 | B | 2025-01-01 | 2026-02-20 | 200 | USD\n S2 | B | 2026-03-18 | | 200 | USD"
    events = f"{EVENTS}    c1 | sync | 2026-01-10 10:00 | true"  # a feed that is known to live
    used = known(subscriptions=paused, events=events.replace("03-17 23:59", "03-20 10:00"))
    again = silence_by_week(used, Q1, feed_max_age_days=90)
    assert again.rows["returned"].tolist()[-3:] == [0, 1, 0]  # A alone
    assert again.rows["asked"].tolist()[-3:] == [1, 2, 2]
    # Had it been used until 10 February alone, it would be silent again, and not newly so.
    used = known(subscriptions=paused, events=events.replace("03-17 23:59", "02-10 10:00"))
    left = silence_by_week(used, Q1, feed_max_age_days=90)
    assert left.rows[["inactive", "newly_silent"]].to_numpy().tolist()[-3:] == [[1, 0], [1, 0], [1, 0]]


def test_the_list_is_grouped_by_owner_and_says_who_is_not_asked():
    found = called()
    assert (found.group, found.export, found.top) == ("owner", "call_list", 30)
    assert found.note.endswith("Not asked: 1 product type api.")
    # Without owners there is nothing to group by; a customer without one stands under a name for that.
    plain = "customer_id | name | signed_up_on\n A | Aye | 2025-01-01\n B | Bee | 2025-01-01"
    texts = {"customers": plain, "subscriptions": only("A", "B")}
    assert called(texts=texts, feed_max_age_days=11).group == ""
    without = CUSTOMERS.replace("| Kim", "|")
    assert list(called(texts={"customers": without}).rows["owner"]) == ["(no owner)"]


def test_nobody_to_call():
    events = "user_id | event | occurred_at\n a1 | report | 2026-03-30 10:00\n b1 | report | 2026-03-30 10:00"
    found = called(texts={"events": events})
    assert (found.rows.empty, found.when_empty) == (True, "No customer that is asked has gone silent.")


def test_who_is_not_asked_is_listed_with_its_mrr():
    assert not_asked(known(), Q1).rows.to_dict("records") == [{"why": "product type api", "customers": 1, "mrr": 300.0}]


# --- money at risk ----------------------------------------------------------------------------------------------------

DUE = """
    subscription_id | customer_id | start_on   | renewal_on | mrr
    S1              | A           | 2025-01-01 | 2026-04-30 | 100
    S2              | B           | 2025-01-01 | 2026-06-29 | 200
    S3              | B           | 2025-01-01 | 2026-06-30 | 50
    S4              | B           | 2025-01-01 | 2026-09-27 | 10
    S5              | B           | 2025-01-01 | 2026-09-28 | 1
    S6              | C           | 2025-01-01 | 2026-04-30 | 300
"""


def test_ex_of_money_at_risk():
    """B alone is silent. 31 March + 90 days is 29 June, + 180 days is 27 September; C, an API, is not asked."""
    found = known(subscriptions=DUE)
    rows = {row.kpi_id: row for row in money_at_risk(found, Q1)}
    assert {name: row.value for name, row in rows.items()} == {
        "silent_mrr": 200 + 50 + 10 + 1,
        "silent_mrr_share": pytest.approx(261 / (100 + 261 + 300)),
        "arr_due_90_silent": 12 * 200,
        "arr_due_180_silent": 12 * (200 + 50 + 10),
    }
    assert [row.n for row in rows.values()] == [1, 3, 1, 3]  # silent customers, paying ones, lines
    assert rows["silent_mrr"].excluded["customers: product type api"] == 1
    due = figures(renewals(found, Q1))
    assert (due["arr_due_90"], due["arr_due_180"]) == (12 * (100 + 200 + 300), 12 * (100 + 200 + 50 + 10 + 300))
    [line] = call_list(found, Q1).rows.to_dict("records")
    assert (line["customer_id"], line["mrr"], line["arr_due_90"], line["arr_due_180"]) == ("B", 261, 2400, 3120)


def test_nobody_silent_is_no_money_at_risk():
    events = EVENTS + "        b1 | report | 2026-03-30 10:00 |\n"
    assert set(figures(money_at_risk(known(subscriptions=DUE, events=events), Q1)).values()) == {0}


def test_without_a_renewal_day_only_the_mrr_is_told():
    rows = {row.kpi_id: row for row in money_at_risk(known(), Q1)}
    assert (rows["silent_mrr"].value, rows["silent_mrr_share"].value) == (200, pytest.approx(200 / 600))
    assert {rows[name].status for name in ("arr_due_90_silent", "arr_due_180_silent")} == {"not_provided"}
    assert "arr_due_90" not in called().columns


def test_money_at_risk_of_a_parent_is_that_of_all_its_customers():
    """P, who pays for A and B, was active on the 20th by A: nobody is silent. Without A's event all of it is."""
    customers = """
        customer_id | name | signed_up_on | parent_id
        P           | Pea  | 2025-01-01   |
        A           | Aye  | 2025-01-01   | P
        B           | Bee  | 2025-01-01   | P
    """
    find = partial(money_at_risk, account_level="parent", feed_max_age_days=30)
    users = USERS.replace("| C ", "| B ")
    given = {"customers": customers, "users": users, "subscriptions": DUE.replace("| C ", "| B ")}
    assert figures(find(known(**given), Q1))["silent_mrr"] == 0
    events = "user_id | event | occurred_at\n a1 | report | 2026-03-10 10:00"
    assert figures(find(known(**given, events=events), Q1)) == {
        "silent_mrr": 661, "silent_mrr_share": 1, "arr_due_90_silent": 12 * 600, "arr_due_180_silent": 12 * 660,
    }  # fmt: skip


def test_a_stale_feed_or_a_missing_rate_refuses_the_money_too():
    events = "user_id | event | occurred_at\n a1 | report | 2026-03-26 10:00"
    for find in (money_at_risk, warning):
        with pytest.raises(Refused, match="the event feed ends on 2026-03-26"):
            find(known(events=events), Q1)
        with pytest.raises(Refused, match="no rate for CHF"):
            find(known(subscriptions=SUBSCRIPTIONS.replace("USD", "CHF", 1)), Q1)
        with pytest.raises(NotProvided):
            find(known(events=""), Q1)


# --- did the warning work? --------------------------------------------------------------------------------------------

LIVES = """
    subscription_id | customer_id | start_on   | end_on     | mrr | recorded_at
    S1              | A           | 2025-01-01 | 2026-03-01 | 100 |
    S2              | B           | 2025-01-01 | 2026-02-10 | 300 |
    S3              | D           | 2025-01-01 | 2026-03-20 | 200 |
    S4              | Z           | 2025-01-01 |            | 900 |
"""
PEOPLE = "user_id | customer_id | created_on\n" + "\n".join(f"{c.lower()}1 | {c} | 2025-01-01" for c in "ABDZ")
REGISTER = "customer_id | name | signed_up_on | owner\n" + "\n".join(f"{c} | {c}{c} | 2025-01-01 | Kim" for c in "ABDZ")
FRIDAYS = [
    date(2025, 6, 6) + timedelta(weeks=i) for i in range(43)
]  # to 27 March 2026: the feed lives, and Z is active


def used(**last_days):
    """Events of Z on every Friday; of the others on those up to the day named, and on that day."""
    days = [("z1", day) for day in FRIDAYS]
    for user, last in last_days.items():
        days += [(user, day) for day in [*(day for day in FRIDAYS if str(day) < last), last]]
    rows = [f"{user} | report | {day} 10:00 | {day}" for user, day in days]
    return "\n".join(["user_id | event | occurred_at | recorded_at", *rows])


USED = used(a1="2026-01-10", b1="2026-02-09", d1="2026-01-31")


def lives(**texts):
    return known(**{"customers": REGISTER, "subscriptions": LIVES, "users": PEOPLE, "events": USED, **texts})


def warned_of(found, **rules):
    return warned(found, Q1, **rules).rows.set_index("customer_id")


def test_ex_of_the_warning():
    """On a Sunday silent is who did nothing on it and the 13 days before.

    A was last active on 10 January, so that it stands on the lists of 25 January and of 1, 8, 15 and 22 February, and
    left on 1 March, 35 days after the first of them. D, last active on the 31st, stands on those of 15 February to 15
    March, and left on the 20th, 33 days after the first. B was active on the eve. Lost: 100 + 300 + 200.
    """
    share, weeks = warning(lives(), Q1)
    assert (share.value, share.numerator, share.denominator, share.n) == (0.5, 300, 600, 3)
    assert (weeks.value, weeks.n) == (pytest.approx((100 * 35 / 7 + 200 * 33 / 7) / 300), 2)
    assert (share.warnings, weeks.warnings) == ((), ())
    rows = warned_of(lives())
    assert rows.index.tolist() == ["B", "D", "A"]  # by MRR
    assert rows["on_list"].tolist() == ["no", "yes", "yes"]
    assert rows["lists"].tolist() == [0, 5, 5]
    assert rows["first_on"].dt.date.tolist()[1:] == [date(2026, 2, 15), date(2026, 1, 25)]
    assert rows["weeks"].tolist()[1:] == pytest.approx([33 / 7, 5])
    assert warned(lives(), Q1).note.endswith("Of 1 customer that stayed, 0 had been on one too.")
    nameless = warned_of(lives(customers=""))["on_list"]  # and lost all the same
    assert nameless.to_dict() == {"B": "no", "D": "yes", "A": "yes"}


def test_who_was_lost_and_what_they_paid_is_as_in_the_list_of_lost_customers():
    lost = lost_customers(lives(), Q1).rows.set_index("customer_id")
    assert warned_of(lives())[["mrr", "until"]].equals(lost[["mrr", "until"]])


def test_nobody_lost_is_undefined():
    subscriptions = LIVES.replace("2026-03-01", "").replace("2026-02-10", "").replace("2026-03-20", "")
    rows = warning(lives(subscriptions=subscriptions), Q1)
    assert [(row.value, row.status, row.n) for row in rows] == [(None, "undefined", 0)] * 2
    assert warned(lives(subscriptions=subscriptions), Q1).rows.empty


def test_nobody_warned_is_a_share_of_0_and_no_weeks():
    events = used(a1="2026-02-27", b1="2026-02-09", d1="2026-03-19")
    assert [row.value for row in warning(lives(events=events), Q1)] == [0, None]


def test_who_came_back_to_the_product_and_left_was_warned_of_by_the_lists_before():
    """A did something again on 20 February: on the lists of 25 January to 15 February, but not on that of the 22nd."""
    events = USED + "\na1 | report | 2026-02-20 10:00 | 2026-02-20"
    row = warned_of(lives(events=events)).loc["A"]
    assert (row["on_list"], row["lists"], row["first_on"].date(), row["weeks"]) == ("yes", 4, date(2026, 1, 25), 5)
    # Silent again on 8, 15 and 22 March: the weeks are those of the last unbroken run of lists.
    subscriptions = LIVES.replace("2026-03-01", "2026-03-29")
    row = warned_of(lives(events=events, subscriptions=subscriptions)).loc["A"]
    assert (row["lists"], row["first_on"].date(), row["weeks"]) == (4 + 3, date(2026, 3, 8), 3)


def test_who_stopped_paying_and_came_back_before_leaving_is_one_customer_lost():
    """Churned in January, back in February, gone for good on 20 March: no list of Sundays without pay asks for it."""
    subscriptions = """
        subscription_id | customer_id | start_on   | end_on     | mrr
        S1              | A           | 2025-01-01 | 2026-01-28 | 100
        S2              | A           | 2026-02-10 | 2026-03-20 | 100
        S4              | Z           | 2025-01-01 |            | 900
    """
    found = lives(subscriptions=subscriptions)
    row = warned_of(found).loc["A"]
    # 25 January, then 15 and 22 February and 1, 8 and 15 March; on 1 and 8 February it did not pay and was on no list,
    # so that the last unbroken run begins on 15 February, 33 days before 20 March.
    assert (row["lists"], row["first_on"].date(), row["until"].date()) == (6, date(2026, 2, 15), date(2026, 3, 20))
    assert warning(found, Q1)[1].value == pytest.approx(33 / 7)
    assert row["mrr"] == lost_customers(found, Q1).rows["mrr"].item()
    assert warning(found, Q1)[0].value == 1


def test_a_list_is_judged_by_what_was_known_on_its_day():
    """What A did on 16 January was told on 25 February only, and B's silence never: its contract was recorded late."""
    events = USED + "\na1 | report | 2026-01-16 10:00 | 2026-02-25"
    assert warned_of(lives(events=events)).loc["A", "lists"] == 5  # 25 January would be none, had it been known
    events = used(a1="2026-01-10", b1="2025-12-01", d1="2026-01-31")
    subscriptions = LIVES.replace("300 |", "300 | 2026-02-09 12:00")
    assert warned_of(lives(events=events)).loc["B", "on_list"] == "yes"
    assert warned_of(lives(events=events, subscriptions=subscriptions)).loc["B", "on_list"] == "not asked: no list"


def test_lists_of_more_than_26_weeks_before_do_not_count():
    """B was silent for some weeks of July, the last time on the Sunday of 27 July 2025, and left on 10 February."""
    days = [day for day in FRIDAYS if not "2025-07-01" < str(day) < "2025-07-31"]
    rows = [f"b1 | report | {day} 10:00 | {day}" for day in days if str(day) < "2026-02-10"]
    found = lives(events="\n".join([USED.replace("b1 |", "d1 |"), *rows]))
    assert warned_of(found).loc["B", "on_list"] == "no"  # 10 February - 182 days is 12 August
    found = lives(
        events="\n".join([USED.replace("b1 |", "d1 |"), *rows]), subscriptions=LIVES.replace("2026-02-10", "2026-01-20")
    )
    assert warned_of(found).loc["B", "lists"] == 1  # - 182 days is 22 July, so that the 27th counts


def test_who_is_not_asked_counts_as_not_on_a_list_and_is_told():
    customers = REGISTER.replace("| owner", "| owner | product_type").replace("Kim", "Kim | interactive")
    customers = customers.replace("A | AA | 2025-01-01 | Kim | interactive", "A | AA | 2025-01-01 | Kim | api")
    found = lives(customers=customers)
    share, _ = warning(found, Q1)
    assert (share.value, share.excluded["customers lost: product type api"]) == (pytest.approx(200 / 600), 1)
    assert warned_of(found).loc["A", "on_list"] == "not asked: product type api"


def test_without_events_of_then_there_was_no_list():
    """Events begin on 6 February: no list before 22 February, whose window opens on the 9th. None at all: no share."""
    events = "\n".join(line for line in USED.splitlines() if "2025-" not in line and "2026-01" not in line)
    share, weeks = warning(lives(events=events), Q1)
    assert (share.value, weeks.value) == (pytest.approx(300 / 600), pytest.approx((100 * 1 + 200 * 26 / 7) / 300))
    # 39 Sundays from 3 July 2025 to 31 March 2026, of which 22 February to 29 March are 6.
    assert share.warnings == ("no call list on 33 of 39 Sundays: no events were known",)
    events = "user_id | event | occurred_at | recorded_at\n z1 | report | 2026-03-30 10:00 | 2026-03-30"
    share, weeks = warning(lives(events=events), Q1)
    assert (share.value, share.status, share.n, weeks.value) == (None, "insufficient", 3, None)


# --- over the sample, apart from the queries --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample(sample_folder, tmp_path_factory, takes_seconds):
    """The review of the sample company, and its Parquet in pandas."""
    root = project_root()
    source = load_source(root / "params/sources/sample.yml").model_copy(update={"files": sample_folder()})
    review = load_review(root / "params/review.yml")
    found = theme_parameters(review.themes, root / "notebooks", file=review.path)
    review = review.model_copy(update={"themes": {**found.asked, **found.others}})
    period = review.calendar(source).period("2026Q3")
    made = prepare(source, period, currency="EUR", folder=tmp_path_factory.mktemp("sample"))
    return Spine(made, period, rules_of(review)), {
        f.stem: pd.read_parquet(f) for f in sample_folder().glob("*.parquet")
    }


@pytest.mark.slow
def test_money_at_risk_agrees_with_the_call_list_and_with_renewals_in_the_sample(sample):
    found, _ = sample
    rows = {row.kpi_id: row for row in money_at_risk(found)}
    calls, due = call_list(found).rows.set_index("customer_id"), renewals_due(found).rows
    count = next(row.value for row in inactive_customers(found) if row.kpi_id == "inactive_customers")
    assert rows["silent_mrr"].n == len(calls) == count == 17
    assert rows["silent_mrr"].value == pytest.approx(calls["mrr"].sum()) == pytest.approx(39_320, abs=1)
    assert rows["silent_mrr_share"].value == pytest.approx(0.060, abs=5e-4)
    for days, all_due in ((90, 2_185_966), (180, 4_111_778)):
        of_all = figures(renewals(found))[f"arr_due_{days}"]
        theirs = due[due["customer_id"].isin(calls.index) & (due["days_left"] <= days)]["arr"].sum()
        silent = rows[f"arr_due_{days}_silent"].value
        assert silent == pytest.approx(theirs) == pytest.approx(calls[f"arr_due_{days}"].sum())
        assert 0 < silent < of_all == pytest.approx(all_due, abs=1)


@pytest.mark.slow
def test_the_warning_by_hand_in_the_sample(sample):
    """In pandas, from the written Parquet: each Sunday anew, with what was recorded by its end."""
    found, read = sample
    share, weeks = warning(found)
    by_hand = warned_by_hand(read, pd.Timestamp("2026-06-30"), pd.Timestamp("2026-09-30"))
    lost, on_list = by_hand["mrr"].sum(), by_hand[by_hand["first_on"].notna()]
    assert (share.n, weeks.n) == (len(by_hand), len(on_list)) == (5, 2)
    assert share.value == pytest.approx(on_list["mrr"].sum() / lost) == pytest.approx(0.842, abs=5e-4)
    before = (on_list["until"] - on_list["first_on"]).dt.days / 7
    assert weeks.value == pytest.approx((before * on_list["mrr"]).sum() / on_list["mrr"].sum())


def warned_by_hand(read, opening, closing):
    """Each customer lost between two days: its MRR, its first day without pay, and the first Sunday of silence."""
    customers = read["customers"].set_index("customer_id")
    merged, is_test = customers["merged_into"], customers["is_test"]
    lines = read["subscriptions"].assign(
        start=lambda s: pd.to_datetime(s["start_on"]), end=lambda s: pd.to_datetime(s["end_on"]).fillna("2100-01-01"),
        account=lambda s: s["customer_id"].map(merged).fillna(s["customer_id"]),
        known=lambda s: local_day(s["recorded_at"]).fillna("1900-01-01"),
        months=lambda s: s["interval"].map({"month": 1, "quarter": 3, "year": 12}),
    )  # fmt: skip
    lines = lines[(lines["status"] != "trialing") & ~lines["customer_id"].map(is_test)]
    mrr = lines["unit_amount"] * lines["quantity"] / lines["months"] - lines["discount_mrr"].fillna(0)
    lines["mrr"] = mrr * lines["currency"].map({"EUR": 1, "USD": 0.92})
    users = read["users"].set_index("user_id")
    events = read["events"].drop_duplicates()
    events = events[~(events["occurred_at"] > events["recorded_at"] + pd.Timedelta(days=1))]
    events = events[~events["user_id"].map(users["is_internal"]).fillna(True).astype(bool)]
    events = events.assign(
        day=local_day(events["occurred_at"]), known=local_day(events["recorded_at"].fillna(events["occurred_at"])),
        account=events["user_id"].map(users["customer_id"]),
    )  # fmt: skip
    events["account"] = events["account"].map(merged).fillna(events["account"])

    def paid(account, day, known):
        of = lines[(lines["account"] == account) & (lines["known"] <= known)]
        return of[(of["start"] <= day) & (of["end"] > day)]["mrr"].sum()

    def silent(account, sunday):
        kind, value = customers.loc[account, "product_type"], customers.loc[account, "first_value_on"]
        of = lines[(lines["account"] == account) & (lines["known"] <= sunday)]
        since = sunday - pd.Timedelta(days=13)
        if kind == "api" or pd.isna(value) or pd.Timestamp(value) > sunday or of["start"].min() > since:
            return False
        seen = events[
            (events["account"] == account) & events["day"].between(since, sunday) & (events["known"] <= sunday)
        ]
        signal = seen["event"] == "agent_heartbeat" if kind == "monitoring" else ~seen["is_automated"] & (
            seen["event"] != "login")  # fmt: skip
        return not signal.any()

    found = []
    ends = [opening, *pd.date_range(opening, closing, freq="ME")[1:]]
    for account in lines["account"].unique():
        path = [paid(account, day, closing) for day in ends]
        if max(path[:-1]) > 0 and path[-1] == 0:
            until = lines[(lines["account"] == account) & (lines["start"] <= closing)]["end"].max()
            sundays = pd.date_range(until - pd.Timedelta(days=182), until - pd.Timedelta(days=1), freq="W-SUN")
            states = [(s, silent(account, s)) for s in sundays if paid(account, s, s) > 0]
            first = pd.NaT
            for (day, is_silent), (_, was_silent) in zip(states, [(None, False), *states], strict=False):
                first = day if is_silent and not was_silent else first
            found.append((account, [m for m in path if m > 0][-1], until, first))
    return pd.DataFrame(found, columns=["customer_id", "mrr", "until", "first_on"])


def local_day(instants):
    return instants.dt.tz_convert("Europe/Berlin").dt.tz_localize(None).dt.normalize()
