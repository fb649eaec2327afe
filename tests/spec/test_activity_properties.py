"""Properties of the cards of inactivity, its money and activity (K03 to K08): P1, P2, P4, P6, P7, P9, P11 and P12."""

import random
from collections import defaultdict
from datetime import date, datetime, timedelta
from functools import cache

import pytest

from helpers.errors import NotProvided, Refused
from helpers.kpis import inactive_customers as silence
from helpers.kpis import product_activity as activity
from helpers.periods import Calendar
from tests.canonical import asked, spine

pytestmark = pytest.mark.whole

inactive_customers = asked(silence.inactive_customers)
CARDS = [
    inactive_customers, *map(asked, (silence.money_at_risk, silence.warning, activity.pac_user, activity.pac_account,
                                     activity.pac_movement, activity.feature_adoption, activity.seat_utilisation)),
]  # fmt: skip
DAYS_BACK = 140  # of events: two periods of seven weeks
ZONE = "America/New_York"
WEEK = Calendar(ZONE).period("2026-W13")  # 23 to 29 March; clocks go forward on the 8th


@pytest.fixture(params=CARDS, ids=lambda card: card.__name__)
def card(request):
    return request.param


@cache
def company(seed=1, shift=0):
    """Six customers, one of them lost, with up to four users and five months of events, all later by ``shift`` days."""
    draw, texts = random.Random(seed), defaultdict(list)
    last = WEEK.measured_on + timedelta(days=shift)

    def on(days_ago):
        return (last - timedelta(days=days_ago)).isoformat()

    for customer in "ABCDEF":
        texts["customers"].append((customer, f"Name {customer}", on(500), draw.choice(["interactive", "api"]), "Kim"))
        start, end = on(draw.choice([10, 20, 400])), on(2) if customer == "C" else ""
        texts["subscriptions"].append((f"S{customer}", customer, start, end, 100, 3, "true", on(-40)))
        for i in range(draw.randint(0, 4)):
            user, created = f"{customer}{i}", draw.choice([20, 60, 400])
            texts["users"].append((user, customer, draw.choice(["clerk", "boss"]), on(created), ""))
            for _ in range(draw.randint(0, 25)):
                at = datetime.fromisoformat(on(draw.randint(0, DAYS_BACK))) + timedelta(minutes=draw.randint(0, 1439))
                late = "" if draw.random() < 0.7 else (at + timedelta(days=draw.randint(1, 30))).isoformat(" ")
                what = draw.choice(["report", "report", "sync", "login"])
                texts["events"].append((user, what, at.isoformat(" "), draw.choice(["maps", "plans", ""]), "", late))
    texts["events"].append(("Z", "report", f"{on(0)} 12:00:00", "", "", ""))  # keeps the feed alive
    texts["users"].append(("Z", "Z", "", on(400), ""))
    texts["customers"].append(("Z", "Zed", on(500), "interactive", ""))
    return dict(texts)


HEADS = {
    "customers": "customer_id | name | signed_up_on | product_type | owner",
    "subscriptions": "subscription_id | customer_id | start_on | end_on | mrr | quantity | seat_based | renewal_on",
    "users": "user_id | customer_id | persona | created_on | deactivated_on",
    "events": "user_id | event | occurred_at | feature | is_automated | recorded_at",
}
ONE = {
    "customers": [("A", "Aye", "2025-01-01", "interactive", "Kim")],
    "subscriptions": [("S", "A", "2025-01-01", "", 100, 1, "true", "2026-05-01")],
    "users": [("u", "A", "clerk", "2025-01-01", "")],
    "events": [("u", "report", "2026-03-25 10:00:00", "maps", "", "")],
}


def written(rows):
    return {name: "\n".join([HEADS[name], *(" | ".join(map(str, row)) for row in part)]) for name, part in rows.items()}


def known(rows, period=WEEK, timezone=ZONE):
    return spine(period.as_of_on, period, {"feed_max_age_days": 400}, timezone=timezone, **written(rows))


def said(card, found, period=WEEK):
    """What the rows of a card say, apart from the period and from what was left out."""
    rows = card(found, period)
    return {(row.kpi_id, row.segment): (row.value, row.numerator, row.denominator, row.n, row.status) for row in rows}


def events_known(rows, period):
    """The events recorded before the period's end, which falls on the same local midnight."""
    end = datetime.combine(period.end, datetime.min.time())
    found = [event for event in rows["events"] if datetime.fromisoformat(event[5] or event[2]) < end]
    assert found
    return found


@cache
def plain(seed=1, shift=0):
    """The company as it is."""
    period = WEEK.calendar.period(f"2026-W{13 + shift // 7}")
    assert period.start - WEEK.start == timedelta(days=shift)
    return known(company(seed, shift), period)


@cache
def as_known_then(seed):
    return known({**company(seed), "events": events_known(company(seed), WEEK)})


@cache
def with_later_events(seed):
    """Events of the same weeks that are recorded after them, and events after them."""
    rows, others = company(seed), company(seed + 50)["events"]
    late = [(u, what, at, f, auto, "2026-03-30 00:00:00") for u, what, at, f, auto, _ in others]
    after = [(u, what, "2026-03-30 00:00:00", f, auto, "") for u, what, _, f, auto, _ in others]
    return known({**rows, "events": [*rows["events"], *late, *after]})


@pytest.mark.parametrize("seed", [1, 2])
def test_p1_what_is_known_later_changes_nothing(card, seed):
    assert said(card, with_later_events(seed)) == said(card, as_known_then(seed))


@cache
def earlier_week():
    """A week three weeks before: as the later company tells it, and as it was known at its end."""
    rows, period = company(3), WEEK.previous(3)
    by_then = {**rows, "events": events_known(rows, period)}
    assert len(by_then["events"]) < len(rows["events"])
    return period, known(rows), known(by_then, period)


def test_p1_an_earlier_week_is_what_was_known_then(card):
    period, whole, by_then = earlier_week()
    assert said(card, whole, period) == said(card, by_then, period)


@cache
def mixed():
    rows = company()
    twice = {**rows, "events": rows["events"] * 2}
    return known({name: random.Random(9).sample(part, len(part)) for name, part in twice.items()})


def test_p2_order_and_exact_duplicates_change_nothing(card):
    assert said(card, mixed()) == said(card, plain())


@pytest.mark.parametrize("weeks", [3, 33])
def test_p4_whole_weeks_later_everything_is_the_same(card, weeks):
    moved = WEEK.calendar.period(f"2026-W{13 + weeks}")
    assert said(card, plain(1, 7 * weeks), moved) == said(card, plain())


@pytest.mark.parametrize("seed", [1, 2])
def test_p6_scores_stay_within_their_bounds(seed):
    found = as_known_then(seed).answers("pac_user_rows")
    assert found
    assert all(0 <= user["pac"] <= user["weeks"] <= 7 for user in found)
    for row in inactive_customers(as_known_then(seed), WEEK):
        assert row.interval is None or 0 <= row.interval.low <= row.value <= row.interval.high <= 1


@cache
def with_others():
    """A test customer, an internal user, and a customer that has a trial and pays for nothing."""
    more = {name: list(part) for name, part in company().items()}
    more["customers"] += [("T", "Test", "2025-01-01", "interactive", "Kim"), ("Q", "Quiet", "2025-01-01", "", "Kim")]
    more["subscriptions"] += [("ST", "T", "2025-01-01", "", 100, 9, "true", "")]
    more["users"] += [("T1", "T", "clerk", "2025-01-01", ""), ("I1", "A", "clerk", "2025-01-01", "")]
    more["events"] += [(user, "report", "2026-03-20 10:00:00", "maps", "", "") for user in ("T1", "I1")]
    texts = written(more)
    texts["customers"] = with_column(texts["customers"], "is_test", {"T": "true"})
    texts["users"] = with_column(texts["users"], "is_internal", {"I1": "true"})
    texts["subscriptions"] = with_column(texts["subscriptions"], "status", {"": "active"})
    texts["subscriptions"] += "\nSQ | Q | 2025-01-01 | | 100 | 5 | true | | trialing"
    return spine(WEEK.as_of_on, WEEK, {"feed_max_age_days": 400}, timezone=ZONE, **texts)


def with_column(text, name, values):
    """The text table with one more column: its value by the row's key, or the one for all others."""
    head, *lines = text.splitlines()
    told = [f"{line} | {values.get(line.split(' | ')[0], values.get('', ''))}" for line in lines]
    return "\n".join([f"{head} | {name}", *told])


def test_p7_who_does_not_count_changes_nothing(card):
    assert said(card, with_others()) == said(card, plain())


@pytest.mark.parametrize("missing", ["events", "subscriptions"])
def test_p9_without_a_table_the_card_is_not_provided(card, missing):
    with pytest.raises(NotProvided, match=missing):
        card(without(missing), WEEK)


@cache
def without(missing):
    return known({name: part for name, part in company().items() if name != missing})


@cache
def of_one_product_type():
    return known({**company(), "customers": [(c, n, s, "", o) for c, n, s, _, o in company()["customers"]]})


def test_p9_without_customers_nothing_else_changes(card):
    found = said(card, without("customers"))
    whole = {key: value for key, value in said(card, of_one_product_type()).items() if key[1] != "interactive"}
    assert found == whole


@cache
def nobody_pays():
    return known({**company(), "subscriptions": []})


def test_p11_tables_without_rows(card):
    with pytest.raises(Refused, match="no event is known"):
        card(without_rows(), WEEK)
    # Events there are, but nobody who pays: counts are 0, shares undefined.
    found = said(card, nobody_pays())
    assert found
    assert {status for *_, status in found.values()} <= {"ok", "undefined"}
    assert all(value in (0, None) for value, *_ in found.values())


@cache
def without_rows():
    return known({name: [] for name in HEADS})


# One customer with one user, one seat and one use, on 25 March: in the newest block of the week to 29 March, and in its
# windows of 14 and 28 days. No event is known by the 22nd: moves are refused, and who returned since.
BY_HAND = {
    "inactive_customers": {"inactive_customers": 0, "inactive_rate": 0, "newly_silent": None, "returned": None},
    "money_at_risk": {"silent_mrr": 0, "silent_mrr_share": 0, "arr_due_90_silent": 0, "arr_due_180_silent": 0},
    "warning": {"lost_mrr_warned": None, "warning_weeks": None},
    "pac_user": {("pac_users", "1"): 1, ("pac_users", "0"): 0, "pac_power_share": 0},
    "pac_account": {("pac_accounts", "1"): 1, ("pac_accounts", "0"): 0, "pac_mean": 1, "pac_breadth": 1},
    "feature_adoption": {("feature_adoption", "clerk / maps"): 1},
    "seat_utilisation": {"seat_utilisation": 1},
}


def test_p11_one_row_each(card):
    if card.__name__ == "pac_movement":
        with pytest.raises(Refused, match="no event is known by 2026-03-22"):
            card(one_row_each(), WEEK)
        return
    found = said(card, one_row_each())
    told = {key: value for key, (value, *_) in found.items()}
    expected = {key if isinstance(key, tuple) else (key, ""): value for key, value in BY_HAND[card.__name__].items()}
    assert expected.items() <= told.items()
    refused = {kpi_id for (kpi_id, _), (*_, status) in found.items() if status not in ("ok", "undefined")}
    assert refused == ({"newly_silent", "returned"} if card.__name__ == "inactive_customers" else set())


@cache
def one_row_each():
    return known(ONE)


@cache
def at_noon(timezone):
    """Every event about noon, by the clocks of the zone that is reported in: the same days in each."""
    events = [
        (user, what, f"{at[:10]} 12:{i // 60:02d}:{i % 60:02d}", feature, "", "")
        for i, (user, what, at, feature, *_) in enumerate(company()["events"])
    ]
    period = Calendar(timezone).period("2026-W13")
    return period, known({**company(), "events": events}, period, timezone)


def test_p12_another_zone_moves_nothing_that_is_far_from_midnight(card):
    (here, found), (there, other) = at_noon(ZONE), at_noon("Asia/Tokyo")
    assert said(card, found, here) == said(card, other, there)


def test_p12_an_instant_counts_in_the_zone_that_is_reported_in():
    # 15 March 23:30 in New York is 16 March 12:30 in Tokyo: the 14 days up to 29 March begin on the 16th.
    silent = {}
    for zone, at in ((ZONE, "2026-03-15 23:30:00"), ("Asia/Tokyo", "2026-03-16 12:30:00")):
        period = Calendar(zone).period("2026-W13")
        assert period.measured_on == date(2026, 3, 29)
        found = known({**ONE, "events": [("u", "report", at, "", "", "")]}, period, zone)
        silent[zone] = said(inactive_customers, found, period)["inactive_customers", ""][0]
    assert silent == {ZONE: 1, "Asia/Tokyo": 0}
