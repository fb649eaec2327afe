"""The tables beside product activity and use: customer by customer, from a few users and events."""

import pytest

from helpers.errors import NotProvided, Refused
from helpers.kpis import product_activity as theme
from helpers.periods import Calendar
from tests.canonical import asked, spine

account_activity, accounts_down, movement_matrix = map(
    asked, (theme.account_activity, theme.accounts_down, theme.movement_matrix)
)
feature_gaps, gaps_by_customer = asked(theme.feature_gaps), asked(theme.gaps_by_customer)
quotas_by_customer, seats_by_customer = asked(theme.quotas_by_customer), asked(theme.seats_by_customer)

Q1 = Calendar().period("2026Q1")
TEXTS = {
    "customers": """
        customer_id | name | signed_up_on | owner | segment
        A           | Aye  | 2025-01-01   | Kim   | large
        B           | Bee  | 2025-01-01   | Lou   | small
        C           | Cee  | 2026-02-01   | Lou   | small
    """,
    "subscriptions": """
        subscription_id | customer_id | start_on   | mrr | quantity | seat_based
        S1              | A           | 2025-01-01 | 100 | 3        | true
        S2              | B           | 2025-01-01 | 200 | 1        | true
        S3              | C           | 2026-02-01 | 300 |          |
    """,
    "users": """
        user_id | customer_id | persona | created_on
        a1      | A           | clerk   | 2025-01-01
        a2      | A           | clerk   | 2025-01-01
        b1      | B           | boss    | 2025-01-01
        b2      | B           | boss    | 2025-01-01
    """,
    # 2025Q4 ends on 31 December: A was active in two of its weeks, B in one. 2026Q1: A in one, B in two.
    "events": """
        user_id | event | feature | occurred_at
        a1      | use   | maps    | 2025-12-30
        a2      | use   | maps    | 2025-12-16
        b1      | use   | maps    | 2025-12-30
        a1      | use   | maps    | 2026-03-30
        a2      | use   |         | 2026-03-29
        b1      | use   | reports | 2026-03-30
        b2      | use   | maps    | 2026-03-20
    """,
}


@pytest.fixture(scope="module")
def given():
    return spine("2026-04-01", Q1, **TEXTS)


def test_every_paying_customer_is_a_row_with_its_weeks(given):
    found = account_activity(given, Q1)
    rows = found.rows.set_index("customer_id")
    assert rows["pac"].to_dict() == {"C": 0, "A": 1, "B": 2}
    assert list(found.rows["customer_id"]) == ["C", "A", "B"]  # least active first
    assert rows["change"].dropna().to_dict() == {"A": -1, "B": 1}  # C was not paying a quarter ago
    assert rows["users"].to_dict() == {"C": 0, "A": 2, "B": 2}
    assert rows["breadth"].dropna().to_dict() == {"A": 1.0, "B": 1.0}
    assert rows["mrr"].to_dict() == {"C": 300, "A": 100, "B": 200}
    # A: both users in the newest week. B: one in the newest, one in the week before.
    assert rows["weeks"].to_dict() == {"C": "0 0 0 0 0 0 0", "A": "0 0 0 0 0 0 2", "B": "0 0 0 0 0 1 1"}
    assert (found.export, found.on_pages) == ("product_activity", False)


def test_who_moved_down(given):
    [line] = accounts_down(given, Q1).rows.to_dict("records")
    told = ("customer_id", "owner", "pac_before", "pac", "change", "active_users", "users", "weeks")
    assert [line[name] for name in told] == ["A", "Kim", 2, 1, -1, 2, 2, "0 0 0 0 0 0 2"]


def test_the_most_money_times_weeks_lost_stands_first():
    # A loses 2 weeks of 100, B 1 of 300, C 1 of 250: 200, 300 and 250.
    customers = "customer_id | name | signed_up_on\n" + "\n".join(f"{c} | {c} | 2025-01-01" for c in "ABC")
    subscriptions = "subscription_id | customer_id | start_on | mrr\n" + "\n".join(
        f"S{c} | {c} | 2025-01-01 | {mrr}" for c, mrr in (("A", 100), ("B", 300), ("C", 250))
    )
    users = "user_id | customer_id | created_on\n" + "\n".join(f"{c}1 | {c} | 2025-01-01" for c in "ABC")
    before = [("A", "2025-12-30"), ("A", "2025-12-20"), ("B", "2025-12-30"), ("C", "2025-12-30")]
    events = "user_id | event | occurred_at\nA1 | login | 2026-03-31\n"
    events += "\n".join(f"{c}1 | use | {day}" for c, day in before)
    found = spine("2026-04-01", Q1, customers=customers, subscriptions=subscriptions, users=users, events=events)
    rows = accounts_down(found, Q1).rows
    assert list(zip(rows["customer_id"], rows["change"], strict=True)) == [("B", -1), ("C", -1), ("A", -2)]


def test_the_matrix_tells_where_each_user_came_from(given):
    rows = movement_matrix(given, Q1).rows.set_index("before")
    # a1 1 -> 1, a2 1 -> 1, b1 1 -> 1, b2 0 -> 1.
    assert rows.loc["1", "1"] == 3
    assert rows.loc["0", "1"] == 1
    assert rows.to_numpy().sum() == 4


@pytest.mark.parametrize("table", [account_activity, accounts_down, movement_matrix])
def test_the_first_listed_period_is_compared_with_none(table):
    listed = Calendar(quarter_starts=(("2026Q1", Q1.start), ("2026Q2", Q1.end))).period("2026Q1")
    with pytest.raises(NotProvided, match="the calendar begins with 2026Q1"):
        table(spine("2026-04-01", listed, **TEXTS), listed)


@pytest.mark.parametrize(
    "table", [account_activity, accounts_down, movement_matrix, seats_by_customer, feature_gaps, gaps_by_customer]
)
def test_a_feed_that_broke_off_lists_nobody(table):
    events = "\n".join(line for line in TEXTS["events"].splitlines() if "2026" not in line)
    broken = spine("2026-04-01", Q1, **TEXTS | {"events": events})
    with pytest.raises(Refused, match="the event feed ends on 2025-12-30"):
        table(broken, Q1)


def test_a_feed_that_begins_in_the_period_is_compared_with_nothing():
    """A and B pay since 2025, but no event is known by its end: nobody's activity fell, or rose."""
    lines = [line for line in TEXTS["events"].splitlines() if "2025" not in line]
    begun = spine("2026-04-01", Q1, **TEXTS | {"events": "\n".join(lines)})
    rows = account_activity(begun, Q1).rows.set_index("customer_id")
    assert rows["pac"].to_dict() == {"C": 0, "A": 1, "B": 2}
    assert rows["pac_before"].isna().all()
    for table in (accounts_down, movement_matrix):
        with pytest.raises(Refused, match="no event is known by 2025-12-31"):
            table(begun, Q1)


def test_users_without_the_features_meant_for_them(given):
    found = feature_gaps(given, Q1, persona_features={"clerk": ["maps"], "boss": ["maps", "reports"]})
    assert [(row["user_id"], row["used"], row["missing"]) for row in found.rows.to_dict("records")] == [
        ("a2", 0, "maps"), ("b1", 1, "maps"), ("b2", 1, "reports"),
    ]  # fmt: skip
    assert feature_gaps(given, Q1).when_empty.startswith("No features are named")


def test_customers_whose_users_miss_a_feature(given):
    found = gaps_by_customer(given, Q1, persona_features={"clerk": ["maps"], "boss": ["maps", "reports", "plans"]})
    # a2 misses maps; b1 misses maps and plans, b2 reports and plans.
    assert found.rows[["customer_id", "users", "lacked"]].to_dict("records") == [
        {"customer_id": "B", "users": 2, "lacked": "plans"}, {"customer_id": "A", "users": 1, "lacked": "maps"},
    ]  # fmt: skip
    assert gaps_by_customer(given, Q1).rows.empty
    assert gaps_by_customer(given, Q1).when_empty.startswith("No features are named")
    none = gaps_by_customer(given, Q1, persona_features={"clerk": []})
    assert (none.rows.empty, none.when_empty) == (
        True, "Every active user uses all features meant for its persona."
    )  # fmt: skip


def test_seats_and_who_uses_more_than_it_pays_for(given):
    rows = seats_by_customer(given, Q1).rows.to_dict("records")
    told = ("customer_id", "seats", "assigned", "active", "unused", "flag")
    assert [tuple(row[name] for name in told) for row in rows] == [
        ("B", 1, 2, 2, 0, "over-deployed"), ("A", 3, 2, 2, 1, "seats not assigned"),
    ]  # fmt: skip


def test_quotas_by_customer_nearest_to_the_limit_first():
    found = spine(
        "2026-04-01",
        Q1,
        **TEXTS,
        entitlements="customer_id | meter | limit_qty | start_on | reset\n"
        "A | calls | 100 | 2025-01-01 | month\n B | calls | 100 | 2025-01-01 | quarter",
        measurements="customer_id | metric | at | value\n A | calls | 2026-03-02 | 30\n B | calls | 2026-01-02 | 90",
    )
    rows = quotas_by_customer(found, Q1).rows.to_dict("records")
    assert [(r["customer_id"], r["usage"], r["pace"]) for r in rows] == [("B", 0.9, 0.9), ("A", 0.3, 0.3)]
