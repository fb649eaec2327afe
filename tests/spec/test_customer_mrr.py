"""K20 and K22 below the cards: what a version is worth, when it counts, and how customers move between snapshots."""

from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers.errors import NotProvided, Refused
from helpers.periods import Calendar
from tests.canonical import ruled, spine

KINDS = ("new", "reactivation", "expansion", "contraction", "churn")
TAGS = ("upsell", "cross_sell", "new_product")
Q1 = Calendar().period("2026Q1")
DAY = date(2026, 3, 31)

# The example of K22. H paid 150 until 2025-09; I is a one-off; J pays 12,000 for a year; K is on trial.
EXAMPLE = """
    subscription_id | customer_id | start_on   | end_on     | mrr  | contract_value | status   | is_recurring
    a               | A           | 2025-01-01 |            | 1000 |                |          |
    b               | B           | 2025-01-01 | 2026-02-10 | 500  |                | active   |
    b               | B           | 2026-02-10 | 2026-03-05 | 800  |                | active   |
    b               | B           | 2026-03-05 |            | 600  |                | active   |
    c               | C           | 2025-01-01 | 2026-01-20 | 400  |                | canceled |
    c2              | C           | 2026-03-15 |            | 300  |                |          |
    d               | D           | 2025-01-01 | 2026-03-31 | 300  |                |          |
    e               | E           | 2025-01-01 | 2026-04-01 | 200  |                |          |
    f               | F           | 2026-01-01 |            | 250  |                |          |
    g               | G           | 2026-02-05 | 2026-02-20 | 700  |                |          |
    h               | H           | 2025-01-01 | 2025-09-15 | 150  |                |          |
    h               | H           | 2026-01-12 |            | 450  |                |          |
    i               | I           | 2026-01-01 |            | 5000 |                |          | false
    j               | J           | 2026-03-01 | 2027-03-01 |      | 12000          |          |
    k               | K           | 2026-01-01 |            | 50   |                | trialing |
"""


def known(subscriptions, as_of_on="2026-04-01", period=Q1, **more):
    return _known(subscriptions, as_of_on, period, **more)


@lru_cache
def _known(subscriptions, as_of_on, period, **more):
    return spine(as_of_on, period, subscriptions=subscriptions, **more)


def under(found, rules, notes):
    """The spine under other rules; refused where its notes say so."""
    asked = ruled(found, **rules)
    if rules.get("account_level") == "parent":
        asked.require("customers.parent_id")
    for note in asked.answers(notes, "label, kind, text"):
        if note["kind"] == "refused":
            raise Refused(note["text"])
    return asked


def movements(found, **rules):
    """One row per account that stands in a movement, an opening or a closing, or came and went between snapshots."""
    asked = under(found, rules, "movement_notes")
    rows = asked.frame("mrr_movements_rows", "account_id").drop(columns=["intra_period", "net"])
    sources = [a for a in asked.answers("expansion_source") if a["label"] == asked.period.label]
    tags = {tag: {} for tag in TAGS}
    for each in sources:
        tags[each["source"]][each["account_id"]] = tags[each["source"]].get(each["account_id"], 0.0) + float(
            each["change"]
        )
    return rows.assign(**{tag: rows["account_id"].map(tags[tag]).fillna(0.0) for tag in TAGS})


def passed_through(found, **rules):
    return under(found, rules, "movement_notes").frame("passed_through", "account_id")


def stock(found, day, **rules):
    """Account -> MRR on a day of the period, or on its eve."""
    asked = under(found, {"movement_grain": "day", **rules}, "stock_notes")
    answers = asked.answers("customer_mrr", "account_id")
    return {a["account_id"]: float(a["mrr"]) for a in answers if a["day"] == day}


def told(found, kind, **rules):
    """What is told of a kind: what is left out, with its count, or the warnings."""
    notes = ruled(found, **rules).answers("subscription_notes", "label, kind, text")
    return {note["text"]: note["rows"] for note in notes if note["kind"] == kind}


def snapshot_days(period, grain):
    days = spine(period.as_of_on, period, {"movement_grain": grain}, subscriptions=EXAMPLE).answers("snapshot", "day")
    return [str(each["day"]) for each in days if each["previous_day"] or each["next_day"]]


def rate_on(found, currency, day, **rules):
    rates = ruled(found, **rules).answers("rate", "currency")
    [rate] = [r["rate"] for r in rates if r["currency"] == currency and r["valid_from"] <= day <= r["valid_until"]]
    return rate


def mrr_of(subscriptions, day=DAY, rules=None, **more):
    """Customer -> MRR on a day."""
    return stock(known(subscriptions, **more), day, **(rules or {}))


def moved(found, customer):
    """The movements of one customer that are not 0."""
    (row,) = found[found["account_id"] == customer].to_dict("records")
    return {kind: row[kind] for kind in (*KINDS, "fx") if row[kind]}


class TestPrice:
    """Each price is that of a customer of its own: the first of them is customer 0."""

    UNITS = (
        # unit_amount, quantity, interval, interval_count and what they are a month
        (1200, 1, "year", 1, 1200 / 12),  # 100
        (90, 1, "quarter", 1, 90 / 3),  # 30
        (70, 1, "week", 1, 70 * 365 / 84),  # 304.166667
        (10, 1, "day", 1, 10 * 365 / 12),  # 304.166667
        (25, 4, "month", 1, 25 * 4),
        (600, 1, "month", 6, 600 / 6),
        (2400, 2, "year", 2, 2400 * 2 / 12 / 2),
    )
    CONTRACTS = (
        # start_on, end_on, term_months and what 100,000 are a month
        ("2026-01-01", "", 60, 100_000 / 60),  # 1,666.666667
        ("2026-01-01", "2031-01-01", "", 100_000 / 60),  # five years to the day are 60 months, not 1,826 days
        ("2026-01-31", "2026-04-30", "", 100_000 / 3),  # three months from a 31st end on a 30th
        ("2026-01-01", "2026-04-11", "", 100_000 / (100 * 12 / 365)),  # 100 days are 3.288 months
    )

    @pytest.mark.parametrize("customer", range(len(UNITS)))
    def test_unit_amounts_are_brought_to_a_month(self, customer):
        head = "subscription_id | customer_id | start_on | unit_amount | quantity | interval | interval_count"
        rows = [
            f"s{i} | {i} | 2026-01-01 | {unit_amount} | {quantity} | {interval} | {count}"
            for i, (unit_amount, quantity, interval, count, _) in enumerate(self.UNITS)
        ]
        *_, expected = self.UNITS[customer]
        assert mrr_of("\n".join([head, *rows]))[str(customer)] == pytest.approx(expected, abs=1e-6)

    @pytest.mark.parametrize("customer", range(len(CONTRACTS)))
    def test_a_contract_is_its_value_over_its_months(self, customer):
        head = "subscription_id | customer_id | start_on | end_on | contract_value | term_months"
        rows = [
            f"s{i} | {i} | {start} | {end} | 100000 | {term}" for i, (start, end, term, _) in enumerate(self.CONTRACTS)
        ]
        *_, expected = self.CONTRACTS[customer]
        assert mrr_of("\n".join([head, *rows]))[str(customer)] == pytest.approx(expected, abs=1e-6)

    @pytest.mark.parametrize("customer", range(1, len(CONTRACTS)))
    def test_a_contract_keeps_its_price_where_its_cancellation_is_not_known_yet(self, customer):
        """Cancelled on 2 April: before, its end is not known, and its months still are."""
        start, end, _, expected = self.CONTRACTS[customer]
        row = f"s | A | {start} | {end} | 100000 | canceled | 2026-04-02 10:00"
        found = mrr_of(
            f"subscription_id | customer_id | start_on | end_on | contract_value | status | cancelled_at\n{row}"
        )
        assert found == {"A": pytest.approx(expected, abs=1e-6)}

    @pytest.mark.parametrize(("discounts", "limited", "forever"), [("all", 9, 9), ("forever", 10, 9), ("none", 10, 10)])
    def test_discounts(self, discounts, limited, forever):
        # 120 a year less 10 %: 120 / 12 - 1 = 9
        found = mrr_of(
            """
            subscription_id | customer_id | start_on | contract_value | term_months | discount_mrr | discount_kind
            s | L | 2026-01-01 | 120 | 12 | 1 | limited
            t | F | 2026-01-01 | 120 | 12 | 1 | forever
            """,
            rules={"discounts": discounts},
        )
        assert found == {"L": limited, "F": forever}

    def test_a_given_mrr_is_taken_as_it_is(self):
        found = mrr_of("""
            subscription_id | customer_id | start_on | mrr | discount_mrr
            s | A | 2026-01-01 | 80 | 20
        """)
        assert found == {"A": 80}

    def test_a_price_below_0_is_refused_by_name(self):
        with pytest.raises(Refused, match="MRR is below 0 in subscription worse"):
            mrr_of("""
                subscription_id | customer_id | start_on | contract_value | term_months | discount_mrr
                free  | A | 2026-01-01 | 120 | 12 | 10
                worse | B | 2026-01-01 | 120 | 12 | 11
            """)

    def test_a_price_of_0_is_no_paying_customer(self):
        assert mrr_of("""
            subscription_id | customer_id | start_on | unit_amount | quantity | interval | interval_count
            s | A | 2026-01-01 | 50 | 0 | month | 1
            t | B | 2026-01-01 | 50 | 1 | month | 1
        """) == {"B": 50}


class TestWhatCounts:
    def test_statuses(self):
        found = known("""
            subscription_id | customer_id | start_on | mrr | status | is_recurring
            s1 | active   | 2026-01-01 | 1 | active   |
            s2 | past_due | 2026-01-01 | 1 | past_due |
            s3 | unsaid   | 2026-01-01 | 1 |          | true
            s4 | trialing | 2026-01-01 | 1 | trialing |
            s5 | paused   | 2026-01-01 | 1 | paused   |
            s6 | unpaid   | 2026-01-01 | 1 | unpaid   |
            s7 | canceled | 2026-01-01 | 1 | canceled |
            s8 | one_off  | 2026-01-01 | 1 | active   | false
        """)
        assert list(stock(found, DAY)) == ["active", "past_due", "unsaid"]
        assert told(found, "left out") == {
            "subscriptions: not recurring": 1, "subscriptions: status canceled": 1, "subscriptions: status paused": 1,
            "subscriptions: status trialing": 1, "subscriptions: status unpaid": 1,
        }  # fmt: skip

    def test_left_out_versions_are_counted_where_they_would_have_counted(self):
        found = known("""
            subscription_id | customer_id | start_on | end_on | mrr | status
            early | A | 2025-01-01 | 2025-12-31 | 1 | trialing
            eve   | B | 2025-01-01 | 2026-01-01 | 1 | trialing
        """)
        assert told(found, "left out") == {"subscriptions: status trialing": 1}

    def test_what_was_cancelled_counts_to_its_end(self):
        # the status is today's; without this, a customer's whole past would vanish when it leaves
        ended = """
            subscription_id | customer_id | start_on | end_on | cancelled_at | mrr | status
            s | A | 2025-01-01 | 2026-02-15 |            | 10 | canceled
            t | B | 2025-01-01 |            | 2026-02-15 | 10 | canceled
        """
        assert mrr_of(ended, date(2026, 2, 14)) == {"A": 10, "B": 10}
        assert mrr_of(ended, date(2026, 2, 15)) == {}

    @pytest.mark.parametrize(("churn_day", "last"), [("service_end", 30), ("cancelled_at", 9)])
    def test_churn_day(self, churn_day, last):
        rules = {"churn_day": churn_day}
        notice = """
            subscription_id | customer_id | start_on | end_on | cancelled_at | mrr
            s | A | 2025-01-01 | 2026-03-31 | 2026-03-10 15:00 | 10
        """
        assert mrr_of(notice, date(2026, 3, last), rules) == {"A": 10}
        assert mrr_of(notice, date(2026, 3, last + 1), rules) == {}

    def test_first_and_last_day(self):
        one = """
            subscription_id | customer_id | start_on | end_on | mrr
            s | A | 2026-01-01 | 2026-04-01 | 10
        """
        assert [mrr_of(one, day) for day in (date(2025, 12, 31), date(2026, 1, 1), DAY)] == [{}, {"A": 10}, {"A": 10}]

    def test_overlapping_versions_are_refused_by_name(self):
        with pytest.raises(Refused, match="overlap in subscription twice;"):
            mrr_of("""
                subscription_id | customer_id | line_id | start_on | end_on | mrr
                once  | A | 1 | 2026-01-01 |            | 10
                once  | A | 2 | 2026-01-01 |            | 10
                twice | B |   | 2026-01-01 | 2026-03-02 | 10
                twice | B |   | 2026-03-01 |            | 20
            """)

    def test_at_most_five_names_are_told(self):
        rows = "\n".join(f"s{i} | A | 2026-01-0{day} | 10" for i in range(7) for day in (1, 2))
        with pytest.raises(Refused, match="s0, s1, s2, s3, s4 and 2 more"):
            mrr_of("subscription_id | customer_id | start_on | mrr\n" + rows)


class TestGaps:
    LATE = """
        subscription_id | customer_id | start_on | end_on | mrr
        s | A | 2025-01-01 | 2026-01-20 | 100
        s | A | 2026-02-10 |            | 120
    """  # 21 days without a version

    def test_a_gap_is_churn_and_reactivation(self):
        found = movements(known(self.LATE), grace_days=20)
        assert moved(found, "A") == {"churn": -100, "reactivation": 120}

    def test_a_gap_within_grace_counts_at_the_old_mrr_and_is_told(self):
        found = known(self.LATE)
        assert moved(movements(found, grace_days=21), "A") == {"expansion": 20}
        assert list(told(found, "warning", grace_days=21)) == [
            "renewal gaps of at most 21 days, counted as continuous at the old MRR: 1"
        ]

    def test_a_hand_over_of_one_day_is_no_gap(self):
        found = known("""
            subscription_id | customer_id | start_on | end_on | mrr
            s | A | 2025-01-01 | 2026-01-31 | 100
            s | A | 2026-02-01 |            | 100
        """)
        assert moved(movements(found, movement_grain="day"), "A") == {}

    def test_a_pause_is_no_gap(self):
        found = known("""
            subscription_id | customer_id | start_on | end_on | mrr | status
            s | A | 2025-01-01 | 2026-01-20 | 100 | active
            s | A | 2026-01-20 | 2026-02-10 | 100 | paused
            s | A | 2026-02-10 |            | 100 | active
        """)
        assert moved(movements(found, grace_days=30), "A") == {"churn": -100, "reactivation": 100}

    def test_a_renewal_that_is_not_known_yet_bridges_nothing(self):
        # signed on 15 April for 1 March: at the end of March the line has lapsed
        late = """
            subscription_id | customer_id | start_on | end_on | mrr | recorded_at
            s | A | 2025-01-01 | 2026-03-01 | 100 | 2025-01-01
            s | A | 2026-03-20 |            | 100 | 2026-04-15
        """
        assert mrr_of(late, DAY, {"grace_days": 30}) == {}
        later = replace(Q1, as_of_on=date(2026, 5, 1))
        assert stock(known(late, "2026-05-01", later), date(2026, 3, 10), grace_days=30) == {"A": 100}


class TestSnapshotDays:
    @pytest.mark.parametrize(
        ("label", "grain", "expected"),
        [
            ("2026Q1", "month", ["2025-12-31", "2026-01-31", "2026-02-28", "2026-03-31"]),
            ("2026Q1", "quarter", ["2025-12-31", "2026-03-31"]),
            ("2026-02", "month", ["2026-01-31", "2026-02-28"]),
            ("2026-02", "quarter", ["2026-01-31", "2026-02-28"]),
            ("2026-W14", "month", ["2026-03-29", "2026-03-31", "2026-04-05"]),
        ],
    )
    def test_of_a_period(self, label, grain, expected):
        assert snapshot_days(Calendar().period(label), grain) == expected

    def test_every_day(self):
        assert len(snapshot_days(Q1, "day")) == 91  # 90 days and the eve

    def test_of_a_period_that_is_still_running(self):
        partial = Calendar().period("2026Q1", date(2026, 2, 10))
        assert snapshot_days(partial, "month") == ["2025-12-31", "2026-01-31", "2026-02-10"]

    def test_of_a_listed_calendar(self):
        starts = (("2026Q1", date(2025, 12, 29)), ("2026Q2", date(2026, 3, 30)), ("2026Q3", date(2026, 6, 29)))
        quarter = Calendar(quarter_starts=starts).period("2026Q1")
        assert snapshot_days(quarter, "quarter") == ["2025-12-28", "2026-03-29"]


class TestMovements:
    @pytest.mark.parametrize(
        ("grain", "new", "reactivation", "expansion", "contraction", "churn"),
        [
            ("quarter", 250 + 1000, 450, 600 - 500, 300 - 400, -300),
            ("month", 250 + 1000, 450 + 300, 800 - 500, 600 - 800, -400 - 300),
            ("day", 250 + 700 + 1000, 450 + 300, 300, -200, -400 - 700 - 300),
        ],
    )
    def test_example(self, grain, new, reactivation, expansion, contraction, churn):
        found = movements(known(EXAMPLE), movement_grain=grain).sum(numeric_only=True)
        assert found["opening"] == 1000 + 500 + 400 + 300 + 200 == 2400
        assert found["closing"] == 1000 + 600 + 300 + 200 + 250 + 450 + 1000 == 3800
        assert [found[kind] for kind in KINDS] == [new, reactivation, expansion, contraction, churn]
        assert sum(found[kind] for kind in KINDS) == 1400
        assert found["fx"] == 0

    @pytest.mark.parametrize(("grain", "expected"), [("quarter", ["G"]), ("month", ["G"]), ("day", [])])
    def test_example_of_who_came_and_went(self, grain, expected):
        found = passed_through(known(EXAMPLE), movement_grain=grain)
        assert list(found["account_id"]) == expected
        assert list(found["mrr"]) == [700] * len(expected)

    def test_example_e_is_churn_of_the_next_quarter(self):
        found = movements(known(EXAMPLE, "2026-07-01", Calendar().period("2026Q2")))
        assert moved(found, "E") == {"churn": -200}

    def test_who_came_and_went_is_told_with_its_highest_mrr(self):
        found = passed_through(
            known("""
                subscription_id | customer_id | line_id | start_on | end_on | mrr
                s | A | 1 | 2026-02-03 | 2026-02-20 | 100
                s | A | 2 | 2026-02-10 | 2026-02-25 | 50
                s | A | 3 | 2026-02-22 | 2026-02-27 | 60
            """)
        )
        (row,) = found.to_dict("records")
        # 100, then 150 from the 10th, 50 from the 20th, 110 from the 22nd, 60 from the 25th
        assert (row["mrr"], str(row["came_on"])[:10], str(row["left_on"])[:10]) == (150, "2026-02-03", "2026-02-27")

    def test_to_drop_one_of_two_subscriptions_is_contraction(self):
        found = movements(
            known("""
                subscription_id | customer_id | start_on | end_on | mrr
                s | A | 2025-01-01 |            | 100
                t | A | 2025-01-01 | 2026-02-10 | 40
            """)
        )
        assert moved(found, "A") == {"contraction": -40}

    def test_an_earlier_snapshot_reaches_back_to_the_first_row(self):
        once = """
            subscription_id | customer_id | start_on | end_on | mrr
            s | A | 2023-05-10 | 2023-06-05 | 100
            s | A | 2026-02-10 |            | 100
            t | B | 2023-05-10 | 2023-05-25 | 100
            t | B | 2026-02-10 |            | 100
        """
        found = movements(known(once), movement_grain="month")
        assert moved(found, "A") == {"reactivation": 100}  # paid on 2023-05-31
        assert moved(found, "B") == {"new": 100}  # came and went between 2023-04-30 and 2023-05-31
        assert moved(movements(known(once), movement_grain="quarter"), "A") == {"new": 100}
        assert moved(movements(known(once), movement_grain="day"), "B") == {"reactivation": 100}

    def test_before_the_first_row_first_paid_on_decides(self):
        customers = """
            customer_id | name | signed_up_on | first_paid_on
            A | Aye   | 2020-01-01 | 2020-02-01
            B | Bee   | 2020-01-01 | 2025-01-01
            C | Cee   | 2025-01-01 |
        """
        subscriptions = """
            subscription_id | customer_id | start_on | mrr
            first | C | 2025-01-01 | 10
            s     | A | 2026-02-01 | 10
            t     | B | 2026-02-01 | 10
        """
        found = movements(known(subscriptions, customers=customers))
        assert moved(found, "A") == {"reactivation": 10}
        assert moved(found, "B") == {"new": 10}  # on the first day of the subscriptions, not before it

    def test_expansion_is_tagged_by_product(self):
        found = movements(
            known(
                """
                subscription_id | customer_id | line_id | start_on | end_on | mrr | product
                a | A | 1 | 2025-01-01 | 2026-02-10 | 100 | base
                a | A | 1 | 2026-02-10 |            | 130 | base
                b | B | 1 | 2025-01-01 |            | 100 | base
                b | B | 2 | 2026-02-10 |            | 40  | old
                c | C | 1 | 2025-01-01 |            | 100 | base
                c | C | 2 | 2026-02-10 |            | 50  | recent
                d | D | 1 | 2025-01-01 |            | 100 | base
                d | D | 2 | 2025-01-01 | 2025-06-01 | 60  | recent
                d | D | 2 | 2026-02-10 |            | 70  | recent
                """,
                products="""
                product | launched_on
                old     | 2025-02-09
                recent  | 2025-02-10
                """,
            )
        )
        by_tag = {tag: dict(zip(found["account_id"], found[tag], strict=True)) for tag in TAGS}
        assert by_tag["upsell"] == {"A": 30, "B": 0, "C": 0, "D": 70}  # D had held it before
        assert by_tag["cross_sell"] == {"A": 0, "B": 40, "C": 0, "D": 0}  # launched 366 days before
        assert by_tag["new_product"] == {"A": 0, "B": 0, "C": 50, "D": 0}  # launched 365 days before

    def test_of_a_running_quarter_end_on_the_last_known_day(self):
        partial = Calendar().period("2026Q1", date(2026, 2, 10))
        found = movements(known(EXAMPLE, "2026-02-11", period=partial))
        assert found["closing"].sum() == 1000 + 800 + 300 + 200 + 250 + 700 + 450
        assert moved(found, "B") == {"expansion": 300}
        assert moved(found, "G") == {"new": 700}  # on 10 February it is there

    def test_there_is_no_look_ahead(self):
        # what February knew is the same whether or not later rows are in the tables
        partial = Calendar().period("2026Q1", date(2026, 2, 10))
        header, *rows = EXAMPLE.strip().splitlines()
        truncated = "\n".join([header, *[row for row in rows if row.split("|")[2].strip() < "2026-02-11"]])
        full = movements(known(EXAMPLE, "2026-02-11", period=partial))
        assert full.equals(movements(known(truncated, "2026-02-11", period=partial)))

    def test_a_cancellation_counts_from_when_it_is_known(self):
        # on 5 April it is cancelled for the 20th, and the source's status is that of today
        cancelled = """
            subscription_id | customer_id | start_on | end_on | cancelled_at | mrr | status
            s | A | 2025-01-01 | 2026-04-20 | 2026-04-05 | 10 | canceled
        """
        assert mrr_of(cancelled) == {"A": 10}
        found = movements(known(cancelled, "2026-07-01", Calendar().period("2026Q2")))
        assert moved(found, "A") == {"churn": -10}


class TestAccounts:
    CUSTOMERS = """
        customer_id | name  | signed_up_on | parent_id | segment | merged_into
        P           | Group | 2025-01-01   |           | large   |
        A           | Aye   | 2025-01-01   | P         | small   |
        B           | Bee   | 2025-01-01   | P         | small   |
        C           | Cee   | 2025-01-01   |           |         |
        OLD         | Cee   | 2025-01-01   |           |         | C
    """
    SUBSCRIPTIONS = """
        subscription_id | customer_id | start_on | end_on | mrr
        a | A   | 2025-01-01 | 2026-02-01 | 10
        b | B   | 2026-02-01 |            | 10
        c | OLD | 2025-01-01 | 2026-02-01 | 5
        d | C   | 2026-02-01 |            | 5
    """

    def test_by_customer(self):
        found = movements(known(self.SUBSCRIPTIONS, customers=self.CUSTOMERS))
        assert moved(found, "A") == {"churn": -10}
        assert moved(found, "B") == {"new": 10}

    def test_by_parent(self):
        rules = {"account_level": "parent"}
        found = movements(known(self.SUBSCRIPTIONS, customers=self.CUSTOMERS), **rules)
        assert list(found["account_id"]) == ["C", "P"]
        assert moved(found, "P") == {}
        assert list(found["segment"].fillna("")) == ["", "large"]

    def test_a_merger_is_neither_churn_nor_new(self):
        found = movements(known(self.SUBSCRIPTIONS, customers=self.CUSTOMERS))
        assert moved(found, "C") == {}

    def test_by_parent_needs_the_column(self):
        customers = "customer_id | name | signed_up_on\nA | Aye | 2025-01-01"
        with pytest.raises(NotProvided, match=r"customers\.parent_id"):
            movements(known(EXAMPLE, customers=customers), account_level="parent")

    def test_customers_need_not_be_provided(self):
        found = movements(known(EXAMPLE))
        assert found["segment"].isna().all()


class TestCurrencies:
    EURO = """
        subscription_id | customer_id | start_on | end_on | mrr | currency
        s | A | 2025-01-01 | 2026-02-10 | 100 | EUR
        s | A | 2026-02-10 |            | 120 | EUR
    """
    RATES = """
        currency | rate | on
        EUR      | 1.10 | 2025-12-31
        EUR      | 1.05 | 2026-03-31
    """

    def test_example_of_the_currency_line(self):
        rules = {"fx_mode": "period_end", "movement_grain": "quarter"}
        found = movements(known(self.EURO, fx_rates=self.RATES), **rules)
        (row,) = found.to_dict("records")
        assert row["opening"] == pytest.approx(100 * 1.10)  # 110
        assert row["fx"] == pytest.approx(100 * (1.05 - 1.10))  # -5
        assert row["expansion"] == pytest.approx((120 - 100) * 1.05)  # 21
        assert row["closing"] == pytest.approx(120 * 1.05)  # 126
        assert row["opening"] + row["fx"] + row["expansion"] == pytest.approx(row["closing"])

    def test_a_fixed_rate_never_looks_like_a_movement(self):
        found = movements(known(self.EURO, fx_rates=self.RATES))
        (row,) = found.to_dict("records")
        assert row["opening"] == pytest.approx(110)  # the newest rate not after 2026-01-01
        assert moved(found, "A") == {"expansion": pytest.approx(22)}

    def test_the_rate_without_a_day_comes_first_when_fixed_and_last_on_a_day(self):
        found = known(self.EURO, fx_rates=self.RATES + "        EUR | 1.20 |\n")
        assert (rate_on(found, "EUR", DAY), rate_on(found, "USD", DAY)) == (1.20, 1.0)
        assert rate_on(found, "EUR", date(2026, 2, 1), fx_mode="period_end") == 1.10
        assert rate_on(found, "EUR", date(2025, 2, 1), fx_mode="period_end") == 1.20

    def test_the_fixed_rate_holds_for_history_too(self):
        # the review period's fiscal year begins on 2026-01-01: its rate, of 2025-12-31, is that of 2025 as well
        found = spine("2026-04-01", Q1, subscriptions=self.EURO, fx_rates=self.RATES, periods=[Q1.previous(), Q1])
        earlier = [row["mrr"] for row in found.answers("mrr_rows") if row["label"] == "2025Q4"]
        assert [float(mrr) for mrr in earlier] == pytest.approx([110])

    def test_a_missing_rate_is_refused_by_name(self):
        beside_gone_and_to_come = """
            subscription_id | customer_id | start_on   | end_on     | mrr | currency | recorded_at
            r               | C           | 2023-01-01 | 2024-01-01 | 100 | EUR      | 2023-01-01
            s               | A           | 2025-01-01 |            | 100 | EUR      | 2025-01-01
            t               | B           | 2026-05-01 |            | 100 | EUR      | 2026-03-01
        """
        for text in (self.EURO, beside_gone_and_to_come):
            with pytest.raises(Refused, match="no rate for EUR"):
                movements(known(text))

    def test_a_missing_rate_of_who_came_and_went_is_refused_too(self):
        short = """
            subscription_id | customer_id | start_on | end_on | mrr | currency
            s | A | 2026-02-03 | 2026-02-20 | 100 | CHF
        """
        with pytest.raises(Refused, match="no rate for CHF"):
            passed_through(known(short))

    def test_a_rate_that_nothing_needs_may_be_missing(self):
        francs = """
            subscription_id | customer_id | start_on | end_on | mrr | currency | status
            s | A | 2024-01-01 | 2025-06-01 | 100 | CHF |
            t | A | 2025-01-01 |            | 100 | USD |
            u | B | 2025-01-01 |            | 100 | SEK | trialing
        """
        rates = "currency | rate | on\nEUR | 1.1 | 2025-12-31"
        found = movements(known(francs, fx_rates=rates), fx_mode="period_end")
        assert found["closing"].sum() == 100

    def test_two_currencies_of_one_customer(self):
        both = """
            subscription_id | customer_id | start_on | end_on | mrr | currency
            s | A | 2025-01-01 |            | 100 | EUR
            t | A | 2025-01-01 | 2026-02-10 | 50  | USD
        """
        rules = {"fx_mode": "period_end", "movement_grain": "quarter"}
        (row,) = movements(known(both, fx_rates=self.RATES), **rules).to_dict("records")
        assert (row["opening"], row["closing"]) == (pytest.approx(110 + 50), pytest.approx(105))
        assert (row["fx"], row["contraction"]) == (pytest.approx(-5), pytest.approx(-50))

    def test_the_rate_of_a_day_holds_from_its_day_on(self):
        found = known(self.EURO, fx_rates=self.RATES)
        assert stock(found, date(2026, 3, 30), fx_mode="period_end") == {"A": pytest.approx(120 * 1.10)}
        assert stock(found, DAY, fx_mode="period_end") == {"A": pytest.approx(120 * 1.05)}


class TestCohort:
    def test_who_left_and_came_back_counts_at_todays_mrr(self):
        found = known(EXAMPLE).frame("cohort", "account_id").query("horizon == 'period'")
        assert list(found["account_id"]) == ["A", "B", "C", "D", "E"]
        assert list(found["before"]) == [1000, 500, 400, 300, 200]
        assert list(found["after"]) == [1000, 600, 300, 0, 200]

    def test_why_lines_ended(self):
        found = (
            known("""
                subscription_id | customer_id | line_id | start_on | end_on | mrr | status | cancel_reason
                told    | told   | 1 | 2025-01-01 | 2026-02-01 | 1 | active | payment
                told    | told   | 2 | 2025-01-01 | 2026-03-01 | 1 | active | voluntary
                paused  | paused |   | 2025-01-01 | 2026-02-01 | 1 | active |
                paused  | paused |   | 2026-02-01 |            | 1 | paused |
                unpaid  | unpaid |   | 2025-01-01 | 2026-02-01 | 1 | active |
                unpaid  | unpaid |   | 2026-02-01 |            | 1 | unpaid |
                silent  | silent |   | 2025-01-01 | 2026-02-01 | 1 | active |
                early   | early  |   | 2025-01-01 | 2025-12-31 | 1 | active | other
                late    | late   |   | 2025-01-01 | 2026-04-01 | 1 | active | other
            """)
            .frame("cohort", "account_id")
            .query("horizon == 'period' and reason != '(none)'")
        )
        told = dict(zip(found["account_id"], found["reason"], strict=True))
        assert told == {"told": "voluntary", "paused": "paused", "unpaid": "payment"}


class TestProperties:
    """P2, P3, P5, P7, P8 on made-up customers."""

    FLAT = """
        subscription_id | customer_id | start_on | end_on | mrr
        s | A | 2025-01-01 | 2026-02-14 | 33.1
        s | A | 2026-02-14 |            | 44.7
        t | A | 2025-01-01 |            | 0.2
        u | B | 2025-01-01 | 2026-03-05 | 12.3
    """

    @pytest.mark.parametrize("grain", ["month", "quarter", "day"])
    def test_touching_versions_of_equal_price_change_nothing(self, grain):
        rules = {"movement_grain": grain}
        split = self.FLAT.replace(
            "t | A | 2025-01-01 |            | 0.2",
            "t | A | 2025-01-01 | 2026-02-28 | 0.2\n        t | A | 2026-02-28 |            | 0.2",
        )
        assert movements(known(split), **rules).equals(movements(known(self.FLAT), **rules))

    def test_row_order_and_duplicates_change_nothing(self):
        header, *rows = self.FLAT.strip().splitlines()
        shuffled = "\n".join([header, *reversed(rows), rows[0]])
        assert movements(known(shuffled)).equals(movements(known(self.FLAT)))

    def test_trials_and_one_offs_change_nothing(self):
        more = """
        subscription_id | customer_id | start_on | end_on | mrr | status | is_recurring
        s | A | 2025-01-01 | 2026-02-14 | 33.1 |          |
        s | A | 2026-02-14 |            | 44.7 |          |
        t | A | 2025-01-01 |            | 0.2  |          |
        u | B | 2025-01-01 | 2026-03-05 | 12.3 |          |
        v | A | 2026-01-05 |            | 99   | trialing |
        w | Z | 2026-01-05 |            | 99   | active   | false
        """
        assert movements(known(more)).equals(movements(known(self.FLAT)))

    def test_all_amounts_times_k(self):
        times = self.FLAT.replace("33.1", "99.3").replace("44.7", "134.1").replace("0.2", "0.6").replace("12.3", "36.9")
        small, large = (movements(known(rows)) for rows in (self.FLAT, times))
        for kind in (*KINDS, "opening", "closing"):
            assert list(large[kind]) == pytest.approx([3 * amount for amount in small[kind]], abs=1e-6)

    versions = st.lists(
        st.tuples(
            st.sampled_from("ABCD"),  # customer
            st.integers(0, 520),  # start, days after 2025-01-01
            st.integers(1, 300),  # length
            st.integers(0, 90_000).map(lambda cents: cents / 100),
            st.sampled_from(["USD", "EUR"]),
        ),
        min_size=1,
        max_size=25,
    )

    @pytest.mark.slow
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(versions=versions, grain=st.sampled_from(["month", "quarter", "day"]))
    def test_the_movements_lead_from_opening_to_closing(self, versions, grain):
        first = date(2025, 1, 1)
        rows = [
            f"s{i} | {customer} | {first + timedelta(start)} | {first + timedelta(start + days)} | {mrr} | {currency}"
            for i, (customer, start, days, mrr, currency) in enumerate(versions)
        ]
        text = "\n".join(["subscription_id | customer_id | start_on | end_on | mrr | currency", *rows])
        rates = "currency | rate | on\nEUR | 1.13 | 2024-01-01\nEUR | 1.07 | 2026-02-03\nEUR | 1.21 | 2026-03-09"
        found = known(text, fx_rates=rates)
        for fx_mode in ("fixed", "period_end"):
            moves = movements(found, movement_grain=grain, fx_mode=fx_mode)
            reached = moves["opening"] + moves[list(KINDS)].sum(axis=1) + moves["fx"]
            assert list(reached) == pytest.approx(list(moves["closing"]), abs=1e-6)
            assert list(moves[list(TAGS)].sum(axis=1)) == pytest.approx(list(moves["expansion"]), abs=1e-6)
            assert (moves[["new", "reactivation", "expansion"]] >= 0).all(axis=None)
            assert (moves[["contraction", "churn"]] <= 0).all(axis=None)
            self.same_stock(found, versions, first, moves, fx_mode)

    def same_stock(self, found, versions, first, moves, fx_mode):
        """Closing MRR by adding up in Python what is in force on the last day."""
        rate = {"USD": 1.0, "EUR": 1.21 if fx_mode == "period_end" else 1.13}
        expected = {}
        for customer, start, days, mrr, currency in versions:
            if start <= (DAY - first).days < start + days:
                expected[customer] = expected.get(customer, 0) + mrr * rate[currency]
        closing = dict(zip(moves["account_id"], moves["closing"], strict=True))
        for customer in "ABCD":
            assert closing.get(customer, 0) == pytest.approx(expected.get(customer, 0), abs=1e-6)
