"""Heavy work happens where the data is: of events, pandas gets rows of the KPIs' grain, never days of users."""

import pandas as pd
import pytest

from helpers.data.known import Tables
from helpers.kpis import activity_tables, call_list, usage_tables
from helpers.kpis.inactive_customers import inactive_customers
from helpers.kpis.product_activity import feature_adoption, pac_account, pac_movement, pac_user, seat_utilisation
from helpers.kpis.time_to_value import ttv, ttv_stages
from helpers.periods import DAY, Calendar
from tests.canonical import tables

Q1 = Calendar().period("2026Q1")
USERS, CUSTOMERS, DAYS = 30, 6, 80
FEATURES = ["maps", "plans", "reports"]


@pytest.fixture(scope="module")
def given():
    """Thirty users of six customers, each with three features on eighty days: 7,200 events, as many user-days."""
    customers = [f"C{i} | Customer {i} | 2025-01-01 | 2025-02-01" for i in range(CUSTOMERS)]
    subscriptions = [f"S{i} | C{i} | 2025-01-01 | 100 | 5 | true" for i in range(CUSTOMERS)]
    users = [f"U{i} | C{i % CUSTOMERS} | clerk | 2025-01-01" for i in range(USERS)]
    days = [Q1.measured_on - k * DAY for k in range(DAYS)]
    hours = dict(zip(FEATURES, (8, 12, 16), strict=True))
    events = [f"U{i} | use | {f} | {day} {hours[f]:02}:00" for i in range(USERS) for day in days for f in FEATURES]
    return tables(
        Q1.as_of_on,
        period=Q1,
        customers="\n".join(["customer_id | name | signed_up_on | first_value_on", *customers]),
        subscriptions="\n".join(
            ["subscription_id | customer_id | start_on | mrr | quantity | seat_based", *subscriptions]
        ),
        users="\n".join(["user_id | customer_id | persona | created_on", *users]),
        events="\n".join(["user_id | event | feature | occurred_at", *events]),
        milestones="customer_id | stage | started_on | ended_on\n C1 | training | 2025-01-02 | 2025-01-20",
    )


@pytest.fixture
def fetched(given, monkeypatch):
    """How many rows each fetch brought."""
    sizes, real = [], Tables.fetch

    def counted(self, expr):
        found = real(self, expr)
        sizes.append(len(found) if isinstance(found, pd.DataFrame | pd.Series) else 1)
        return found

    monkeypatch.setattr(Tables, "fetch", counted)
    return sizes


CARDS = [
    (ttv, {}), (ttv, {"value_events": ["use"]}), (ttv_stages, {}), (inactive_customers, {}), (pac_user, {}),
    (pac_account, {}), (pac_movement, {}), (feature_adoption, {}), (seat_utilisation, {}), (call_list.call_list, {}),
    (call_list.silence_by_week, {}), (activity_tables.accounts_down, {}), (activity_tables.account_activity, {}),
    (usage_tables.feature_gaps, {"persona_features": {"clerk": ["maps", "none"]}}),
]  # fmt: skip


@pytest.mark.parametrize(("card", "parameters"), CARDS, ids=lambda part: getattr(part, "__name__", ""))
def test_no_more_rows_than_users(given, fetched, card, parameters):
    assert given.fetch(given["events"].events.sum()) == USERS * DAYS * len(FEATURES)
    card(given, Q1, **parameters)
    assert len(fetched) > 1
    assert max(fetched) <= USERS
