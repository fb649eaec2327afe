"""Cards K05 to K10: how much customers use the product."""

import json
from collections import Counter
from datetime import date, timedelta
from random import Random

import duckdb
import pytest

from helpers.data.prepared import Prepared
from helpers.errors import NotProvided, Refused
from helpers.kpis import product_activity as theme
from helpers.periods import DAY, Calendar
from tests.canonical import asked, spine, spine_of

pac_user, pac_account, pac_movement = map(asked, (theme.pac_user, theme.pac_account, theme.pac_movement))
feature_adoption, seat_utilisation = asked(theme.feature_adoption), asked(theme.seat_utilisation)
quota_usage, quotas_by_customer = asked(theme.quota_usage), asked(theme.quotas_by_customer)

Q1 = Calendar().period("2026Q1")
BERLIN = Calendar("Europe/Berlin").period("2026Q1")
LAST = Q1.measured_on
BLOCK_DAYS = ["2026-03-26", "2026-03-19", "2026-03-12", "2026-03-05", "2026-02-26", "2026-02-19", "2026-02-12"]
WEEKLY = [str(LAST - week * 7 * DAY) for week in range(30)]  # a feed that never breaks off
CUSTOMERS = "customer_id | name | signed_up_on | segment\n A | Aye | 2025-01-01 | large\n B | Bee | 2025-01-01 | small"
SUBSCRIPTIONS = """
    subscription_id | customer_id | start_on   | mrr | quantity | seat_based
    S1              | A           | 2025-01-01 | 100 | 40       | true
    S2              | B           | 2025-01-01 | 100 | 3        | true
    S3              | B           | 2025-01-01 | 100 | 99       | false
"""


def known(period=Q1, timezone="UTC", **texts):
    given = {"customers": CUSTOMERS, "subscriptions": SUBSCRIPTIONS, **texts}
    return spine(period.as_of_on, period, timezone=timezone, **{k: v for k, v in given.items() if v})


def users(*names, customer="A", created="2025-01-01"):
    lines = [f"{name} | {customer} | {created}" for name in names]
    return "\n".join(["user_id | customer_id | created_on", *lines])


def events(*found):
    """(user, instant) pairs; one more event of yesterday by nobody on the roster keeps the feed alive."""
    lines = [f"{user} | report | {at}" for user, at in [*found, ("feed", "2026-03-31 12:00")]]
    return "\n".join(["user_id | event | occurred_at", *lines])


def scores(rows):
    return {row.segment: row.value for row in rows if row.kpi_id == "pac_users"}


def scored(found, *names, created="2025-01-01", period=Q1, timezone="UTC"):
    """The score of each of these users and the weeks that it is of; ``found`` are their events."""
    roster = users(*names, created=created) + "\nfeed | X | 2025-01-01"
    customers = CUSTOMERS + "\n X | Ex | 2025-01-01 | large"
    given = known(period, timezone, users=roster, events=events(*found), customers=customers)
    return {line["user_id"]: (line["pac"], line["weeks"]) for line in given.answers("pac_user_rows")}


def pac(found, created="2025-01-01"):
    return scored(found, "u", created=created)["u"]


EDGES = {
    "2026-03-31 23:59:59": 1,  # B_0
    "2026-04-01 00:00:00": 0,  # after the period
    "2026-03-24 23:59:59": 1,  # B_1
    "2026-02-11 00:00:00": 1,  # B_6 begins
    "2026-02-10 23:59:59": 0,  # before it
    "2026-02-17 09:00:00": 1,  # the seed's SQL drops this user
    "2026-02-12 09:00:00": 1,  # Monday weeks count 7 boundaries, and drop it too
}


@pytest.mark.parametrize("at", EDGES)
@pytest.mark.parametrize(("timezone", "period"), [("UTC", Q1), ("Europe/Berlin", BERLIN)])
def test_ex_window_edges_to_the_second(at, timezone, period):
    """Each edge is the one event of a user of that name."""
    found = scored([(each, each) for each in EDGES], *EDGES, period=period, timezone=timezone)
    assert found[at][0] == EDGES[at]


def test_ex_block_borders():
    found = [("u", "2026-03-31 23:59:59"), ("u", "2026-03-24 23:59:59")]
    assert pac(found)[0] == 2  # B_0 = [03-25, 04-01) and B_1 = [03-18, 03-25)
    assert pac([("u", "2026-03-25 00:00"), ("u", "2026-03-31 23:59")])[0] == 1


def test_ex_a_daily_user_has_seven_where_the_seed_has_six():
    days = [LAST - k * DAY for k in range(49)]
    assert pac([("u", f"{day} 09:00") for day in days]) == (7, 7)


def test_ex_the_seeds_sql_gives_six():
    """Calendar weeks crossed, at most 5 back, as article 003 has it: the score of a daily user."""
    days = ", ".join(f"(date '{LAST - k * DAY}')" for k in range(49))
    sql = f"""select count(distinct datediff('week', day, date '{LAST + DAY}')) from (values {days}) as e(day)
              where datediff('week', day, date '{LAST + DAY}') < 6"""
    assert duckdb.sql(sql).fetchall() == [(6,)]


def test_ex_a_new_user_is_new_and_not_low():
    # Created on 20 March, 12 days before 1 April: two blocks begun, both active.
    assert pac([("u", "2026-03-30 09:00"), ("u", "2026-03-21 09:00")], created="2026-03-20") == (2, 2)
    assert pac([("u", "2026-03-19 09:00")], created="2026-03-20")[0] == 0  # before the user was created


@pytest.mark.parametrize("blocks", range(8))
def test_a_score_counts_the_blocks(blocks):
    """The user u5 was there in five of them."""
    found = [(f"u{count}", f"{day} 09:00") for count in range(8) for day in BLOCK_DAYS[:count]]
    assert scored(found, *(f"u{count}" for count in range(8)))[f"u{blocks}"][0] == blocks


ROSTER = """
    user_id | customer_id | created_on | deactivated_on | is_internal
    idle    | A           | 2025-01-01 |                |
    weekly  | A           | 2025-01-01 |                |
    once    | B           |            |                |
    young   | B           | 2026-03-20 |                |
    gone    | B           | 2025-01-01 | 2026-03-31     |
    staff   | B           | 2025-01-01 |                | true
    later   | B           | 2026-04-01 |                |
"""


def test_every_user_of_the_roster_is_counted_with_zeros():
    found = [("weekly", f"{day} 09:00") for day in BLOCK_DAYS]
    found += [("once", "2026-03-01 09:00"), ("young", "2026-03-30 09:00"), ("gone", "2026-03-30 09:00"),
              ("staff", "2026-03-30 09:00")]  # fmt: skip
    given = known(users=ROSTER, events=events(*found).replace("feed", "weekly"))
    rows = pac_user(given, Q1)
    # idle 0, once 1, weekly 7, young new; gone was deactivated on 31 March, staff is internal, later not there yet.
    assert scores(rows) == {"0": 1, "1": 1, "2": 0, "3": 0, "4": 0, "5": 0, "6": 0, "7": 1, "new": 1}
    [power] = [row for row in rows if row.kpi_id == "pac_power_share"]
    assert (power.numerator, power.denominator) == (1, 3)
    assert rows[0].excluded["users: internal user"] == 1


def test_events_before_a_user_was_created_are_left_out_and_counted():
    found = [("young", "2026-03-19 09:00"), ("young", "2026-03-01 09:00"), ("young", "2026-02-10 09:00")]
    given = known(users=ROSTER, events=events(*found).replace("feed", "weekly"))
    # the seven blocks are 11 February to 31 March: what lies before them is no part of the coefficient in any case
    assert pac_user(given, Q1)[0].excluded["events: before their user was created"] == 2


def test_blocks_of_28_days_are_months_of_seven():
    given = known(users=users("u"), events=events(("u", "2025-09-18 09:00")).replace("feed", "u"))
    # 7 blocks of 28 days reach back to 2025-09-17; the second active block is the newest, by the feed event.
    assert scores(pac_user(given, Q1, block_days=28))["2"] == 1
    assert scores(pac_user(given, Q1))["1"] == 1


def test_iso_weeks_end_with_the_last_sunday():
    # 31 March 2026 is a Tuesday: the blocks end on Sunday the 29th, and Monday's event is not yet in one.
    given = known(users=users("u"), events=events(("u", "2026-03-30 09:00")).replace("feed", "u"))
    assert scores(pac_user(given, Q1, week_mode="iso"))["0"] == 1
    assert scores(pac_user(given, Q1))["1"] == 1


def test_without_users_zeros_are_missing_and_it_says_so():
    text = "user_id | customer_id | event | occurred_at\n u | A | report | 2026-01-05\n u | A | report | 2026-03-30"
    rows = pac_user(known(events=text), Q1)
    assert scores(rows)["1"] == 1
    assert "zeros are missing: users are those seen in events" in rows[0].warnings


def test_no_roster_no_scores():
    text = "user_id | customer_id\n u | A"
    given = known(users=text, events=events(("u", "2026-03-30 09:00")),
                  subscriptions="subscription_id | customer_id | start_on | mrr")  # fmt: skip
    rows = pac_user(given, Q1, most_left_out=1)  # the feed's own user is not in users
    assert set(scores(rows).values()) == {0}
    assert {(row.status, row.value) for row in rows if row.kpi_id == "pac_power_share"} == {("undefined", None)}


def test_ex_an_account_is_active_when_anybody_is():
    found = [("x", BLOCK_DAYS[k]) for k in (0, 1, 2)] + [("y", BLOCK_DAYS[k]) for k in (2, 3)]
    roster = users("x", "y", "z")
    given = known(users=roster, events=events(*found).replace("feed", "x"))
    accounts = {row["account_id"]: row for row in given.answers("pac_account_rows")}
    assert (accounts["A"]["pac"], accounts["A"]["users"]) == (4, 3)  # blocks {0,1,2} and {2,3}
    assert accounts["A"]["pac_mean"] == pytest.approx(5 / 3)
    for name, value in (("pac_mean", 5 / 3), ("pac_breadth", 2 / 3)):  # B has no users, and so no value
        told = [(row["account_id"], row["value"]) for row in given.answers(f"by_account_{name}")]
        assert told == [("A", pytest.approx(value))]
    assert (accounts["B"]["pac"], accounts["B"]["users"]) == (0, 0)
    rows = {(row.kpi_id, row.segment): row for row in pac_account(given, Q1)}
    assert [rows["pac_accounts", str(score)].value for score in range(8)] == [1, 0, 0, 0, 1, 0, 0, 0]
    assert rows["pac_mean", ""].value == pytest.approx(1.666667, abs=1e-6)
    assert rows["pac_breadth", ""].value == pytest.approx(2 / 3)  # x and y in the 28 days from 4 March
    eve = events(*found, ("z", "2026-03-03 23:59")).replace("feed", "x")
    breadth = [row for row in pac_account(known(users=roster, events=eve), Q1) if row.kpi_id == "pac_breadth"]
    assert breadth[0].numerator == 2
    assert rows["pac_mean", ""].warnings[-1] == "no_users: 1 paying customers have no user on record"


BEFORE, NOW = (7, 6, 3, 0, 2, 5, 1, None), (7, 7, 5, 2, 0, 5, None, 4)


def moved():
    """Eight users with these scores at the ends of 2025Q4 and 2026Q1."""
    lines, found = ["user_id | customer_id | created_on | deactivated_on"], []
    for i, (before, now) in enumerate(zip(BEFORE, NOW, strict=True)):
        created = "2025-01-01" if before is not None else "2026-01-05"
        gone = "2026-02-01" if now is None else ""
        lines.append(f"u{i} | A | {created} | {gone}")
        for end, score in ((Q1.previous().measured_on, before), (LAST, now)):
            found += [(f"u{i}", f"{end - 7 * k * DAY} 09:00") for k in range(score or 0)]
    return known(users="\n".join(lines), events=events(*found).replace("feed", "u0"))


def test_ex_movement_of_users():
    rows = pac_movement(moved(), Q1)
    assert {row.segment: row.value for row in rows} == {"up": 3, "down": 1, "same": 2, "entered": 1, "left": 1}
    assert rows[0].params["sign_test_p"] == 0.625


def test_a_move_that_nobody_made_is_0():
    weekly = events(("u", "2025-12-30"), ("u", "2026-03-30")).replace("feed", "u")
    told = {row.segment: (row.value, row.status) for row in pac_movement(known(users=users("u"), events=weekly), Q1)}
    assert told == {"same": (1, "ok"), **dict.fromkeys(("up", "down", "entered", "left"), (0, "ok"))}


def test_p5_margins_of_the_moves_are_the_histograms():
    given = moved()
    moves = given.answers("pac_movement_rows")
    for when, period in (("pac_before", Q1.previous()), ("pac", Q1)):
        then = spine_of(given.prepared, period, given.rules, [period])
        users_then = Counter(row["pac"] for row in then.answers("pac_user_rows"))
        assert users_then == Counter(row[when] for row in moves if row[when] is not None)
        assert users_then.total() == 7


def test_p5_margins_hold_where_use_and_contracts_became_known_later():
    """An event recorded after the year's end, and a leaver told after it, are in neither figure of 2025Q4."""
    given = known(
        users=users("u", "v") + "\n w | B | 2025-01-01",
        subscriptions="""
            subscription_id | customer_id | start_on   | end_on     | mrr | cancelled_at
            S1              | A           | 2025-01-01 |            | 100 |
            S2              | B           | 2025-01-01 | 2025-12-20 | 100 | 2026-01-15 10:00
        """,
        events="""
            user_id | event  | occurred_at      | recorded_at
            u       | report | 2025-12-30 09:00 | 2026-01-02 09:00
            u       | report | 2026-03-30 09:00 | 2026-03-30 09:00
            v       | report | 2025-12-30 09:00 | 2025-12-30 09:00
        """,
    )
    then = spine_of(given.prepared, Q1.previous(), given.rules, [Q1.previous()])
    assert Counter(row["pac"] for row in then.answers("pac_user_rows")) == {0: 2, 1: 1}  # u and w, and v
    moves = {row["user_id"]: (row["pac_before"], row["pac"], row["move"]) for row in given.answers("pac_movement_rows")}
    assert moves == {"u": (0, 1, "up"), "v": (1, 0, "down"), "w": (0, None, "left")}


def test_the_first_listed_period_has_none_to_move_from():
    listed = Calendar(quarter_starts=(("2026Q1", Q1.start), ("2026Q2", Q1.end))).period("2026Q1")
    given = known(listed, users=users("u"), events=events(("u", "2026-03-30")).replace("feed", "u"))
    with pytest.raises(NotProvided, match="the calendar begins with 2026Q1"):
        pac_movement(given, listed)
    assert scores(pac_user(given, listed))["1"] == 1  # what needs no earlier period is told


def adoption(found, roster, **given):
    lines = [f"{user} | use | {feature} | {at}" for user, feature, at in found]
    text = "\n".join(["user_id | event | feature | occurred_at", *lines])
    return {row.segment: row for row in feature_adoption(known(users=roster, events=text, **given), Q1)}


def test_ex_five_of_eight_directors():
    roster = "user_id | customer_id | persona\n" + "\n".join(f"d{i} | A | director" for i in range(9))
    found = [(f"d{i}", "exec dashboard", "2026-03-10 09:00") for i in range(5)]
    found += [(f"d{i}", "", "2026-03-30 09:00") for i in range(8)]
    found += [("d0", "exec dashboard", "2026-01-10 09:00"), ("d8", "exec dashboard", "2026-03-01 09:00")]
    cell = adoption(found, roster)["director / exec dashboard"]
    # d8 did nothing in the 28 days from 4 March: in neither part.
    assert (cell.numerator, cell.denominator, cell.value) == (5, 8, 0.625)
    assert cell.interval[:2] == pytest.approx((0.3057, 0.8632), abs=5e-5)


def test_a_feature_released_within_the_window_is_judged_from_its_first_use():
    roster = "user_id | customer_id | persona\n a | A | clerk\n b | A | clerk\n c | A |"
    found = [
        ("a", "old", "2026-01-05"),
        ("a", "new", "2026-03-20"),
        ("b", "old", "2026-03-10"),
        ("c", "old", "2026-03-30"),
    ]
    cells = adoption(found, roster)
    assert (cells["clerk / new"].numerator, cells["clerk / new"].denominator) == (1, 1)  # b was last there on the 10th
    assert (cells["clerk / old"].numerator, cells["clerk / old"].denominator) == (1, 2)
    assert (cells["(none) / old"].value, cells["(none) / new"].value) == (1, 0)


@pytest.mark.parametrize("seed", range(3))
def test_the_first_use_is_that_which_was_known_whatever_came_late_or_was_corrected(seed):
    random = Random(seed)
    lines = ["event_id | user_id | event | feature | occurred_at | recorded_at | updated_at"]
    for i in range(150):
        day = date(2025, 7, 1) + random.randrange(273) * DAY
        for _corrected in range(random.choice([1, 1, 2])):
            told = day + random.randrange(120) * DAY
            cells = [f"e{i}", random.choice("abc"), "use", f"f{random.randrange(60)}", f"{day} 09:00", f"{told} 10:00"]
            lines.append(" | ".join([*cells, f"{told} 10:00"]))
    periods = [*Q1.history(2), Q1]
    given = known(users=users("a", "b", "c"), events="\n".join(lines), periods=periods)
    held = duckdb.sql(f"""
        select feature, known_from, known_until, active_on from '{given.prepared.folder}/events.parquet'
        where left_out is null and feature <> ''""").fetchall()
    used = {(row["label"], row["feature"]) for row in given.answers("feature_use")}
    expected = {
        (part.label, name): max(first, part.measured_on - 27 * DAY)
        for part in periods
        for name in {feature for feature, *_ in held}
        if (part.label, name) in used
        for first in [min(day for n, a, b, day in held if n == name and a <= part.measured_on <= b)]
    }
    assert len(set(expected.values())) > len(periods)  # features that came within a window, and others
    assert {(row["label"], row["feature"]): row["since"] for row in given.answers("feature_known")} == expected


def test_what_is_meant_for_a_persona_and_used_by_nobody_is_a_row_too():
    roster = "user_id | customer_id | persona\n a | A | clerk\n b | A | clerk\n c | A | boss"
    lines = ["user_id | event | feature | occurred_at", "a | use | old | 2026-03-30", "b | use | | 2026-03-30"]
    given = known(users=roster, events="\n".join(lines))
    meant = {"clerk": ["old", "new"], "boss": ["new"]}
    rows = feature_adoption(given, Q1, persona_features=meant)
    # Nobody uses the new one, of two active clerks; no boss was there at all.
    told = [(row.segment, row.numerator, row.denominator) for row in rows]
    assert told == [("clerk / new", 0, 2), ("clerk / old", 1, 2)]


USED_AT = {  # per persona and feature, the customers whose users used it
    "clerk": {"maps": "ABCD", "plans": "AB", "": "E"},
    "boss": {"maps": "AB"},
    "guard": {"maps": "CDE"},
}


def for_readers(smallest):
    """Three personas at five customers, two users of each at each customer, for readers of groups so large."""
    people = [
        (f"{persona}{customer}{i}", customer, persona, feature)
        for persona, used in USED_AT.items()
        for feature, customers in used.items()
        for customer in customers
        for i in range(2)
    ]
    done = (f"{user} | use {feature} | {feature} | 2026-03-30" for user, _customer, _persona, feature in people)
    customers = "customer_id | name | signed_up_on\n" + "\n".join(f"{each} | {each} | 2025-01-01" for each in "ABCDE")
    paid = "\n".join(f"S{each} | {each} | 2025-01-01 | 100" for each in "ABCDE")
    roster = dict.fromkeys(f"{user} | {customer} | {persona}" for user, customer, persona, _feature in people)
    found = known(
        customers=customers,
        subscriptions=f"subscription_id | customer_id | start_on | mrr\n{paid}",
        users="\n".join(["user_id | customer_id | persona", *roster]),
        events="\n".join(
            ["user_id | event | feature | occurred_at", *(f"clerkE0 | login | | {day}" for day in WEEKLY), *done]
        ),
    )
    record = json.loads((found.prepared.folder / "prepared.json").read_text())
    redacted = Prepared(found.prepared.folder, {**record, "smallest_group": smallest})
    return spine_of(redacted, found.period, found.rules, found.periods)


def test_a_persona_and_a_feature_of_few_customers_are_not_shown_to_readers_of_larger_groups():
    """Counted by hand: clerks are at five customers, and plans are used at two of them; bosses are at two."""
    meant = {"guard": ["plans"]}
    whole = {row.segment: row for row in feature_adoption(for_readers(1), Q1, persona_features=meant)}
    told = {name: (row.numerator, row.denominator) for name, row in whole.items()}
    assert told == {
        "boss / maps": (4, 4), "boss / plans": (0, 4), "clerk / maps": (8, 10), "clerk / plans": (4, 10),
        "guard / maps": (6, 6), "guard / plans": (0, 6),
    }  # fmt: skip
    seen = {row.segment: row for row in feature_adoption(for_readers(3), Q1, persona_features=meant)}
    few = {"boss / maps", "boss / plans", "clerk / plans"}
    for name, row in seen.items():
        if name in few:
            assert (row.status, row.value, row.numerator, row.denominator, row.n, row.interval) == (
                "refused", None, None, None, None, None,
            )  # fmt: skip
            assert row.warnings == ("groups of fewer than 3 customers are not shown to these readers",)
        else:
            assert row == whole[name]
    assert seen.keys() == whole.keys()
    with pytest.raises(Refused, match="of fewer than 5 customers"):  # all of it: clerks use maps at four
        feature_adoption(for_readers(5), Q1, persona_features=meant)


def test_who_misses_a_feature_is_not_listed_where_that_tells_how_few_use_it():
    found = for_readers(3)
    for table in (asked(theme.feature_gaps), asked(theme.gaps_by_customer)):
        assert len(table(found, Q1, persona_features={"guard": ["plans"]}).rows)
        with pytest.raises(Refused, match="of fewer than 3 customers"):
            table(found, Q1, persona_features={"clerk": ["plans"]})
        assert len(table(for_readers(1), Q1, persona_features={"clerk": ["plans"]}).rows)


def test_adoption_needs_features_and_personas():
    with pytest.raises(NotProvided, match="persona"):
        adoption([("u", "f", "2026-03-30")], users("u"))
    given = known(users="user_id | customer_id | persona\n u | A | clerk", events=events(("u", "2026-03-30")))
    with pytest.raises(NotProvided, match="feature"):
        feature_adoption(given, Q1)


def test_ex_seats():
    roster = users(*(f"u{i}" for i in range(30)))
    given = known(users=roster, events=events(*((f"u{i}", "2026-03-28") for i in range(26))).replace("feed", "u0"))
    rows = {row.segment: row for row in seat_utilisation(given, Q1)}
    large = rows["large"]
    assert (large.numerator, large.denominator, large.value) == (26, 40, 0.65)
    assert large.interval[:2] == pytest.approx((0.4951, 0.7787), abs=5e-5)
    assert (rows[""].numerator, rows[""].denominator) == (26, 43)  # the 99 of S3 are no seats


def test_more_users_than_seats_are_shown_and_flagged():
    roster = users(*(f"u{i}" for i in range(4)), customer="B")
    found = events(*(("u0", day) for day in WEEKLY), *((f"u{i}", "2026-03-28") for i in range(4))).replace("feed", "u0")
    given = known(users=roster, events=found)
    rows = {row.segment: row for row in seat_utilisation(given, Q1)}
    assert rows["small"].value == pytest.approx(4 / 3)
    assert rows[""].warnings == ("over_deployed, with more seats used than paid for: 1",)
    assert (rows["small"].warnings, rows["large"].warnings) == (rows[""].warnings, ())  # each segment tells its own


def test_seats_of_a_line_without_a_price_are_seats_and_those_of_a_trial_or_of_nobody_who_pays_are_not():
    """B pays for 3 seats and has 2 more with its contract: 4 of its users ÷ 5. C tries the product and pays nothing."""
    roster = users(*(f"u{i}" for i in range(4)), customer="B")
    priced = SUBSCRIPTIONS.replace("| seat_based", "| seat_based | status")
    lines = [f"{line} | active" if line.strip().startswith("S") else line for line in priced.splitlines()]
    more = ["S4 | B | 2025-01-01 | 0 | 2 | true | active", "S5 | B | 2025-01-01 | 9 | 7 | true | trialing"]
    found = [*(("u0", day) for day in WEEKLY), *((f"u{i}", "2026-03-28") for i in range(4))]
    given = known(
        users=roster,
        events=events(*found).replace("feed", "u0"),
        subscriptions="\n".join([*lines, *more, "S6 | C | 2025-01-01 | 0 | 50 | true | active"]),
        customers=CUSTOMERS + "\n C | Cee | 2025-01-01 | small",
    )  # fmt: skip
    rows = {row.segment: row for row in seat_utilisation(given, Q1)}
    assert (rows["small"].numerator, rows["small"].denominator, rows["small"].warnings) == (4, 3 + 2, ())


def test_seats_are_those_of_the_last_day():
    """5 from the last day on, 7 until it: the user of B ÷ (3 + 5)."""
    subscriptions = """
        subscription_id | customer_id | start_on   | end_on     | mrr | quantity | seat_based
        S2              | B           | 2025-01-01 |            | 100 | 3        | true
        S4              | B           | 2026-03-31 |            | 100 | 5        | true
        S5              | B           | 2025-01-01 | 2026-03-31 | 100 | 7        | true
    """
    found = events(("u", "2026-03-28")).replace("feed", "u")
    rows = seat_utilisation(known(users=users("u", customer="B"), events=found, subscriptions=subscriptions), Q1)
    assert (rows[0].numerator, rows[0].denominator) == (1, 3 + 5)


def test_half_a_seat_is_a_seat_by_half():
    """Small pays for 1.5 and large for 40: 1 ÷ 1.5 and, in all, 1 ÷ 41.5."""
    roster = users("u0", customer="B")
    halves = SUBSCRIPTIONS.replace("| 3 ", "| 1.5 ")
    assert halves != SUBSCRIPTIONS
    given = known(users=roster, events=events(("u0", "2026-03-28")), subscriptions=halves)
    rows = {row.segment: row for row in seat_utilisation(given, Q1, most_left_out=1)}
    assert rows["small"].value == pytest.approx(1 / 1.5)
    assert rows[""].value == pytest.approx(1 / 41.5)


QUOTA = "customer_id | meter | limit_qty | start_on | end_on | reset\n"


def quota(entitlements, measurements, period):
    measured = "customer_id | metric | at | value\n" + measurements
    given = known(period, entitlements=QUOTA + entitlements, measurements=measured)
    return {row.kpi_id: row for row in quota_usage(given, period)}


def test_ex_quota_after_ten_of_thirty_days():
    period = Calendar().period("2026Q2", date(2026, 4, 10))
    rows = quota("A | calls | 1000000 | 2025-01-01 | | month",
                 "A | calls | 2026-04-02 09:00 | 400000\n A | calls | 2026-04-10 23:59 | 20000\n"
                 "A | calls | 2026-03-31 09:00 | 900000", period)  # fmt: skip
    assert rows["quota_usage"].value == pytest.approx(0.42)
    assert rows["quota_projected"].value == pytest.approx(1.26)


def test_too_early_for_a_projection_and_none_without_reset():
    period = Calendar().period("2026Q2", date(2026, 4, 7))  # 7 of 30 days
    rows = quota("A | calls | 100 | 2025-01-01 | | month", "A | calls | 2026-04-02 | 10", period)
    assert (rows["quota_usage"].value, rows["quota_projected"].status) == (pytest.approx(0.1), "undefined")
    rows = quota(
        "A | calls | 100 | 2025-01-01 | | none", "A | calls | 2025-04-02 | 10\n A | calls | 2026-01-02 | 5", Q1
    )
    assert (rows["quota_usage"].value, rows["quota_projected"].status) == (pytest.approx(0.15), "undefined")


def test_who_used_nothing_is_projected_to_use_nothing():
    period = Calendar().period("2026Q2", date(2026, 4, 15))  # 15 of 30 days
    limits = "A | calls | 100 | 2025-01-01 | | month\n B | calls | 300 | 2025-01-01 | | month"
    rows = quota(limits, "A | calls | 2026-04-02 | 40", period)
    used, projected = rows["quota_usage"], rows["quota_projected"]
    assert (used.value, used.denominator, used.n) == (pytest.approx(40 / 400), 400, 2)
    assert (projected.value, projected.denominator, projected.n) == (pytest.approx((40 / 0.5 + 0 / 0.5) / 400), 400, 2)


@pytest.mark.parametrize("limit", ["", "A | calls | 100 | 2025-01-01 | month | 2026-03-01"])
def test_no_limit_in_force(limit):
    entitlements = f"customer_id | meter | limit_qty | start_on | reset | end_on\n{limit}"
    measurements = "customer_id | metric | at | value\n A | calls | 2026-02-02 | 30"
    found = known(entitlements=entitlements, measurements=measurements)
    assert [(row.kpi_id, row.value, row.status) for row in quota_usage(found, Q1)] == [
        ("quota_usage", None, "undefined"), ("quota_projected", None, "undefined"),
    ]  # fmt: skip


def test_the_latest_limit_holds_and_corrections_count():
    limits = "A | calls | 100 | 2025-01-01 | 2026-03-15 | month\n A | calls | 200 | 2026-03-15 | | month"
    rows = quota(limits, "A | calls | 2026-03-02 | 60\n A | calls | 2026-03-20 | -10", Q1)
    assert (rows["quota_usage"].value, rows["quota_usage"].denominator) == (pytest.approx(0.25), 200)
    rows = quota(limits + "\n B | calls | 50 | 2025-01-01 | | month",
                 "A | calls | 2026-03-02 | 60\n B | calls | 2026-03-20 | -10", Q1)  # fmt: skip
    assert (rows["quota_usage"].value, rows["quota_usage"].n) == (pytest.approx(0.3), 1)
    assert rows["quota_usage"].excluded["entitlements: usage below 0 in the window"] == 1


def test_a_limit_is_that_of_one_customer_also_where_parents_pay():
    """A used 30 of 100 and B 90 of 200: 120 of 300. C has no limit: its 500 are nobody else's."""
    found = known(
        customers="customer_id | name | signed_up_on | parent_id\n"
        + "\n".join(f"{name} | {name} | 2025-01-01 | P" for name in "ABC") + "\nP | P | 2025-01-01 |",
        entitlements=QUOTA + "A | calls | 100 | 2025-01-01 | | quarter\n B | calls | 200 | 2025-02-01 | | quarter",
        measurements="customer_id | metric | at | value\n"
        "A | calls | 2026-02-02 | 30\n B | calls | 2026-02-02 | 90\n C | calls | 2026-02-02 | 500",
    )  # fmt: skip
    [used, projected] = quota_usage(found, Q1, account_level="parent")
    assert (used.numerator, used.denominator, used.n) == (120, 300, 2)
    assert projected.value == used.value == 0.4  # the quarter is over
    rows = quotas_by_customer(found, Q1, account_level="parent").rows
    assert list(zip(rows["customer_id"], rows["usage"], strict=True)) == [("B", 0.45), ("A", 0.3)]


@pytest.mark.parametrize("reset", ["quarter", "year"])
def test_a_window_may_end_with_the_listed_calendar(reset):
    """90 of 90 days have passed, in the quarter as in the year that is one quarter long."""
    listed = Calendar(quarter_starts=(("2026Q1", Q1.start), ("2026Q2", Q1.end))).period("2026Q1")
    rows = quota(f"A | calls | 100 | 2025-01-01 | | {reset}", "A | calls | 2026-02-02 | 40", listed)
    assert rows["quota_projected"].value == rows["quota_usage"].value == 0.4


@pytest.mark.parametrize("card", [pac_user, pac_account, pac_movement, seat_utilisation])
def test_a_stale_feed_is_refused(card):
    given = known(users=users("u"), events="user_id | event | occurred_at\n u | report | 2026-03-20")
    with pytest.raises(Refused, match="the event feed ends on 2026-03-20"):
        card(given, Q1)


def test_a_feed_that_begins_within_the_weeks_is_told():
    """The seven weeks of 2026Q1 open on 11 February, those of 2025Q4 on 13 November; the first event is told of each.

    Without any event before 2026 all users would have gone up.
    """

    def begun(day):
        later = [("u", each) for each in WEEKLY if each > day]
        return known(users=users("u", "v"), events=events(("u", day), *later).replace("feed", "u"))

    told = "history_starts_at 2026-02-12: the window opens on 2026-02-11"
    assert pac_user(begun("2026-02-11"), Q1)[0].warnings == ()
    assert pac_user(begun("2026-02-12"), Q1)[0].warnings == (told,)
    with pytest.raises(Refused, match="no event is known by 2025-12-31"):
        pac_movement(begun("2026-01-01"), Q1)
    told = "history_starts_at 2025-11-14: the window opens on 2025-11-13"
    assert pac_movement(begun("2025-11-14"), Q1)[0].warnings == (told,)
    assert pac_movement(begun("2025-11-13"), Q1)[0].warnings == ()


@pytest.mark.parametrize("week_mode", ["rolling7", "iso"])
def test_moves_are_refused_where_the_feed_had_broken_off_by_the_end_of_the_period_before(week_mode):
    """v uses the product in every week; nothing is known of the last weeks of 2025, which by ISO end on 28 December."""
    days = [date(2025, 10, 6) + timedelta(7 * week) for week in range(26)]
    end = date(2025, 12, 31) if week_mode == "rolling7" else date(2025, 12, 28)
    for last in (end - timedelta(4), end - timedelta(5)):
        found = [day for day in [*days, last] if not last < day <= end]
        given = known(users=users("v"), events=events(*(("v", str(day)) for day in found)).replace("feed", "v"))
        if last == end - timedelta(4):
            rows = {row.segment: row.value for row in pac_movement(given, Q1, week_mode=week_mode)}
            assert rows["same"] == 1
        else:
            with pytest.raises(Refused, match=f"the event feed ends on {last}, 5 days before {end}"):
                pac_movement(given, Q1, week_mode=week_mode)


def test_moves_are_refused_where_the_last_weeks_of_the_period_before_were_recorded_after_it():
    """What the year before knew of v ends on 9 December; read as known then, v would go up although v never paused."""
    lines = [f"v | report | {day} | {'2026-01-05' if '2025-12-09' < day < '2026-01-05' else day}" for day in WEEKLY]
    given = known(users=users("v"), events="\n".join(["user_id | event | occurred_at | recorded_at", *lines]))
    with pytest.raises(Refused, match="the event feed ends on 2025-12-09, 22 days before 2025-12-31"):
        pac_movement(given, Q1)
    assert scores(pac_user(given, Q1))["7"] == 1


@pytest.mark.parametrize(("missing", "told"), [(("2026-03-03", "2026-03-10"), True), ((), False)])
def test_a_feed_that_broke_off_within_the_weeks_is_told(missing, told):
    """Everybody works every week, and the events of two of seven weeks never came: nobody is seen in more than five."""
    days = [day for day in WEEKLY if day not in missing]
    given = known(users=users("u", "v"), events=events(*((user, day) for user in "uv" for day in days)))
    rows = pac_user(given, Q1, most_left_out=1)
    assert scores(rows)["5" if told else "7"] == 2
    gap = "no event of anybody is known from 2026-02-25 to 2026-03-16; "
    gap += "a feed that broke off looks like users who fell silent"
    assert [each for each in rows[0].warnings if "broke off" in each] == ([gap] if told else [])
    moved = pac_movement(given, Q1, most_left_out=1)[0].warnings
    assert (gap in moved, len([each for each in moved if "broke off" in each])) == (told, int(told))


@pytest.mark.parametrize("card", [pac_user, pac_account, pac_movement, feature_adoption, seat_utilisation])
def test_without_events_nothing_is_said(card):
    with pytest.raises(NotProvided, match="events"):
        card(known(users=users("u")), Q1)
