"""Heavy work happens where the data is: of events, pandas gets rows of the KPIs' grain, never days of users."""

import pytest

from helpers.kpis import inactive_customers, product_activity, time_to_value
from helpers.kpis.spine import Spine
from helpers.periods import DAY, Calendar
from tests.canonical import asked, spine

pytestmark = pytest.mark.whole

Q1 = Calendar().period("2026Q1")
USERS, CUSTOMERS, DAYS = 30, 6, 92  # to the last day of the quarter before
FEATURES = ["maps", "plans", "reports"]


@pytest.fixture(scope="module")
def given():
    """Thirty users of six customers, with three features on each of 92 days: 8,280 events of 2,760 user-days."""
    customers = [f"C{i} | Customer {i} | 2025-01-01 | 2025-02-01" for i in range(CUSTOMERS)]
    subscriptions = [f"S{i} | C{i} | 2025-01-01 | 100 | 5 | true" for i in range(CUSTOMERS)]
    users = [f"U{i} | C{i % CUSTOMERS} | clerk | 2025-01-01" for i in range(USERS)]
    days = [Q1.measured_on - k * DAY for k in range(DAYS)]
    hours = dict(zip(FEATURES, (8, 12, 16), strict=True))
    events = [f"U{i} | use | {f} | {day} {hours[f]:02}:00" for i in range(USERS) for day in days for f in FEATURES]
    return spine(
        Q1.as_of_on,
        Q1,
        customers="\n".join(["customer_id | name | signed_up_on | first_value_on", *customers]),
        subscriptions="\n".join(
            ["subscription_id | customer_id | start_on | mrr | quantity | seat_based", *subscriptions]
        ),
        users="\n".join(["user_id | customer_id | persona | created_on", *users]),
        events="\n".join(["user_id | event | feature | occurred_at", *events]),
        milestones="customer_id | stage | started_on | ended_on\n C1 | training | 2025-01-02 | 2025-01-20",
    )


@pytest.fixture
def fetched(monkeypatch):
    """How many rows each query brought to Python."""
    sizes = []

    def counted(fetch, size):
        def fetching(*args, **kwargs):
            found = fetch(*args, **kwargs)
            sizes.append(size(found))
            return found

        return fetching

    monkeypatch.setattr(Spine, "answers", counted(Spine.answers, len))
    monkeypatch.setattr(Spine, "frame", counted(Spine.frame, len))
    monkeypatch.setattr(Spine, "vectors", counted(Spine.vectors, lambda parts: sum(map(len, parts.values()))))
    return sizes


GAPS = {"persona_features": {"clerk": ["maps", "none"]}}
CARDS = [
    (time_to_value.ttv, {}), (time_to_value.ttv, {"value_events": ["use"]}), (time_to_value.ttv_stages, {}),
    (inactive_customers.inactive_customers, {}), (inactive_customers.call_list, {}),
    (inactive_customers.silence_by_week, {}), (product_activity.pac_user, {}), (product_activity.pac_account, {}),
    (product_activity.pac_movement, {}), (product_activity.feature_adoption, {}),
    (product_activity.seat_utilisation, {}), (product_activity.accounts_down, {}),
    (product_activity.account_activity, {}), (product_activity.feature_gaps, GAPS),
]  # fmt: skip


@pytest.mark.parametrize(("function", "parameters"), CARDS, ids=lambda part: getattr(part, "__name__", ""))
def test_no_more_rows_than_users(given, fetched, function, parameters):
    assert given.prepared.report["tables"]["events"]["clean"] == USERS * DAYS * len(FEATURES)
    asked(function)(given, Q1, **parameters)
    assert fetched
    assert max(fetched) <= USERS
