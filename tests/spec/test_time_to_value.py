"""K01 and K02: the worked examples of the specification, and every edge that the cards name."""

from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import ClassVar

import pytest

from helpers.errors import NotProvided, Refused
from helpers.kpis import time_to_value as theme
from helpers.params import Review
from helpers.periods import Calendar
from helpers.registries import Improvement
from tests.canonical import asked, spine, spine_of

ttv, ttv_stages = asked(theme.ttv), asked(theme.ttv_stages)
cohorts_compared, value_by_customer, value_curve = map(
    asked, (theme.cohorts_compared, theme.value_by_customer, theme.value_curve)
)
recent_timelines, stage_contributions, waiting_for, still_waiting = map(
    asked, (theme.recent_timelines, theme.stage_contributions, theme.waiting_for, theme.still_waiting)
)


def improvements_made(found, period, improvements=()):
    review = Review(company="Fine Co", themes={"time_to_value": {}}, improvements=list(improvements))
    return asked(theme.improvements_made)(found, period, review=review)


def cohort(found, period, part="this", **given):
    """The customers of the cohort, or of the one before it."""
    one = spine_of(found.prepared, period, {**found.rules, **given}, [period])
    rows = one.frame("onboarding", "start_on, account_id")
    return rows[(rows["chosen_by"] == one.rules["ttv_cohort"]) & (rows["part"] == part) & rows["left_out"].isna()]


Q3 = Calendar().period("2026Q3")  # the four quarters begin on 1 October 2025; the last known day is 30 September 2026
LAST = date(2026, 9, 30)


def clocks(*rows):
    """Customers with their start and value days as text tables; each pays 100 a month from its start on.

    A row is (name, start, days to value or None), and the first day without service, if there is one.
    """
    customers, subscriptions = ["customer_id | name | signed_up_on | first_value_on"], []
    subscriptions.append("subscription_id | customer_id | start_on | end_on | mrr")
    for name, start, days, *left in rows:
        start = date.fromisoformat(start)
        customers.append(f"{name} | {name} | {start} | {start + timedelta(days) if days is not None else ''}")
        subscriptions.append(f"S{name} | {name} | {start} | {left[0] if left else ''} | 100")
    return {"customers": "\n".join(customers), "subscriptions": "\n".join(subscriptions)}


def known(texts, as_of_on="2026-10-01", period=None, **more):
    return spine(as_of_on, period or replace(Q3, as_of_on=date.fromisoformat(str(as_of_on))), **{**texts, **more})


def only(rows, kpi_id, segment=""):
    (row,) = [row for row in rows if row.kpi_id == kpi_id and row.segment == segment]
    return row


def records(listing):
    return listing.rows.astype(object).where(listing.rows.notna(), None).to_dict("records")


def stages(rows):
    return {row.segment: row.value for row in rows if row.kpi_id == "ttv_stage_days"}


# 9 of 12 reached value; the three others were looked at for 75 (left on day 76), 90 and 120 days (both still wait)
REACHED = [20, 35, 40, 45, 50, 55, 60, 70, 80]
TWELVE = clocks(
    *((f"R{days}", "2026-01-01", days) for days in REACHED),
    ("L75", "2026-01-01", None, "2026-03-18"),
    ("W90", "2026-07-02", None),
    ("W120", "2026-06-02", None),
)


class TestExampleOfTwelve:
    """K01 EX1: t = 20, 35, 40, 45, 50, 55, 60, 70, 75+, 80, 90+, 120+."""

    def test_the_three_that_wait_or_left_were_looked_at_so_long(self):
        assert (LAST - date(2026, 7, 2)).days == 90
        assert (LAST - date(2026, 6, 2)).days == 120
        assert (date(2026, 3, 18) - timedelta(days=1) - date(2026, 1, 1)).days == 75

    def test_median_with_its_interval(self):
        row = only(ttv(known(TWELVE), Q3), "ttv_median")
        assert (row.value, row.interval.low, row.interval.high) == (55, 35, 80)
        assert (row.numerator, row.denominator, row.n, row.status) == (9, 12, 12, "ok")

    def test_restricted_mean(self):
        row = only(ttv(known(TWELVE), Q3), "ttv_rmst")
        assert row.value == pytest.approx(66.805556, abs=1e-6)
        assert row.n == 12

    def test_plain_mean_is_of_those_who_reached_value_and_says_that_it_is_too_low(self):
        row = only(ttv(known(TWELVE), Q3), "ttv_mean")
        assert row.value == pytest.approx(455 / 9) == pytest.approx(50.555556, abs=1e-6)
        assert row.warnings[0] == "over 9 of 12 customers, those that have reached value"
        assert "too low" in row.warnings[1]  # 9 of 12 is below 0.8

    def test_share_that_reached_value(self):
        row = only(ttv(known(TWELVE), Q3), "ttv_reached_share")
        assert (row.value, row.numerator, row.denominator) == (0.75, 9, 12)
        assert row.warnings == ("1 left before they had value",)

    def test_who_left_before_value_is_a_rival_from_5_percent_on(self):
        """1 of 12 is 8.3 %. By day 55, six of the twelve have value, and nobody left earlier: 50 %."""
        notes = only(ttv(known(TWELVE), Q3), "ttv_median").warnings
        assert notes[-1] == ("1 of 12 left before they had value; of all, 50% had value within 55 days")

    def test_restricted_mean_beyond_the_longest_follow_up_is_insufficient(self):
        row = only(ttv(known(TWELVE), Q3, rmst_days=121), "ttv_rmst")
        assert (row.value, row.status) == (None, "insufficient")
        assert row.warnings == ("nobody who still waits was followed for 121 days, the longest for 120",)

    def test_the_clock_is_told(self):
        assert only(ttv(known(TWELVE), Q3, start_clock="invoice"), "ttv_median").warnings[0] == (
            "days count from the first invoice"
        )


class TestRivals:
    """T3: value after 10, 20 and 40 days, left after 15, still waiting after 30."""

    ROWS = (
        ("A", "2026-01-01", 10),
        ("B", "2026-01-01", 20),
        ("C", "2026-01-01", 40),
        ("D", "2026-01-01", None, "2026-01-17"),
        ("E", "2026-08-31", None),
    )

    def test_incidence_by_the_median(self):
        """KM: 4/5, then 2/3 of it (15+ has gone) = 0.533 by day 20, 0 by day 40. AJ(40) = 0.8."""
        row = only(ttv(known(clocks(*self.ROWS)), Q3), "ttv_median")
        assert row.value == 40
        assert "of all, 80% had value within 40 days" in row.warnings[-1]

    def test_below_5_percent_nothing_is_said(self):
        many = [(f"M{i}", "2026-01-01", 10) for i in range(20)]  # 1 of 21 = 4.8 %
        row = only(ttv(known(clocks(*many, self.ROWS[3])), Q3), "ttv_median")
        assert not any("of all" in note for note in row.warnings)
        row = only(ttv(known(clocks(*many[:-1], self.ROWS[3])), Q3), "ttv_median")  # 1 of 20 = 5 %
        assert any("of all" in note for note in row.warnings)


class TestEdges:
    def test_value_on_the_first_day_is_0_days_and_kept(self):
        rows = ttv(known(clocks(("A", "2026-01-01", 0), ("B", "2026-01-01", 4))), Q3)
        assert only(rows, "ttv_mean").value == 2
        assert only(rows, "ttv_median").value == 0

    def test_value_before_the_start_is_left_out_and_counted(self):
        row = only(ttv(known(clocks(("A", "2026-01-01", -1), ("B", "2026-01-01", 4))), Q3), "ttv_mean")
        assert (row.value, row.n) == (4, 1)
        assert row.excluded == {"customers: value before the clock starts": 1}

    def test_a_start_of_its_own_wins_over_the_sign_up(self):
        customers = """
            customer_id | name | signed_up_on | ttv_start_on | first_value_on
            A           | A    | 2025-12-01   | 2026-01-01   | 2026-01-11
            B           | B    | 2025-12-01   |              | 2025-12-05
            C           | C    | 2025-12-01   | 2025-12-04   | 2025-12-03
        """
        rows = ttv(known({"customers": customers}), Q3, most_left_out=1)
        assert only(rows, "ttv_mean").value == (10 + 4) / 2
        assert only(rows, "ttv_mean").excluded == {"customers: first_value_on before ttv_start_on": 1}

    def test_a_clock_that_never_started_is_left_out_and_counted(self):
        customers = """
            customer_id | name | signed_up_on | first_value_on
            A           | A    | 2026-01-01   | 2026-01-05
            B           | B    |              | 2026-01-05
        """
        row = only(ttv(known({"customers": customers}), Q3), "ttv_mean")
        assert (row.value, row.n) == (4, 1)
        assert row.excluded == {"customers: no day on which the clock starts": 1}

    def test_signed_up_late_is_censored_and_not_dropped(self):
        """On the last known day itself: looked at for 0 days."""
        row = only(ttv(known(clocks(("A", "2026-09-30", None), ("B", "2026-07-01", 10))), Q3), "ttv_median")
        assert (row.numerator, row.denominator) == (1, 2)

    @pytest.mark.parametrize(("start", "n"), [("2025-09-30", 0), ("2025-10-01", 1), ("2026-09-30", 1)])
    def test_four_quarters(self, start, n):
        assert only(ttv(known(clocks(("A", start, 0))), Q3), "ttv_median").n == n

    def test_value_after_the_as_of_is_not_known(self):
        found = known(clocks(("A", "2026-09-01", 29), ("B", "2026-09-01", 30)))  # 30 September and 1 October
        assert only(ttv(found, Q3), "ttv_reached_share").numerator == 1

    def test_a_later_as_of_lets_the_cohort_mature(self):
        late = replace(Q3, as_of_on=date(2026, 10, 11))
        texts = clocks(("A", "2026-09-01", 39), ("B", "2026-09-01", None), ("C", "2026-10-01", 1))
        row = only(ttv(known(texts, "2026-10-11", late), late), "ttv_reached_share")
        assert (row.numerator, row.denominator, row.status) == (1, 2, "ok")  # C signed after the quarter

    @pytest.mark.parametrize(("as_of_on", "left"), [("2026-08-31", 0), ("2026-09-01", 0), ("2026-09-02", 1)])
    def test_who_leaves_is_looked_at_up_to_the_day_before(self, as_of_on, left):
        """1 September is the first day without service; known from 2 September on."""
        period = Calendar().period("2026Q3", date.fromisoformat(as_of_on) - timedelta(days=1))
        found = known(clocks(("A", "2026-08-01", None, "2026-09-01")), as_of_on, period)
        rows = ttv(found, period, rmst_days=30)  # 31 August is day 30
        follow_up = {"2026-08-31": "insufficient"}.get(as_of_on, "partial")
        assert only(rows, "ttv_rmst").status == follow_up
        assert ("1 left" in only(rows, "ttv_median").warnings[0]) == bool(left)
        assert only(ttv(found, period, rmst_days=31), "ttv_rmst").status == "insufficient"

    def test_the_rule_says_when_a_cancelled_customer_is_lost(self):
        """Cancelled on 10 August, served to 1 September: looked at for 8 or 30 days."""
        subscriptions = """
            subscription_id | customer_id | start_on   | end_on     | cancelled_at     | mrr
            S               | A           | 2026-08-01 | 2026-09-01 | 2026-08-10 23:00 | 100
        """
        found = known(clocks(("A", "2026-08-01", None)), subscriptions=subscriptions)
        for rule, days in {"service_end": 30, "cancelled_at": 8}.items():
            for tau, status in {days: "ok", days + 1: "insufficient"}.items():
                row = only(ttv(found, Q3, rmst_days=tau, churn_day=rule), "ttv_rmst")
                assert (row.status, row.value) == (status, tau if status == "ok" else None)

    @pytest.mark.parametrize(("back", "grace", "left"), [("02", 0, 0), ("03", 0, 1), ("03", 2, 0), ("04", 2, 1)])
    def test_coming_back_starts_no_new_clock_and_a_bridged_gap_is_none(self, back, grace, left):
        """The first contract ends on 1 March, the next begins in March; nothing was reached."""
        subscriptions = f"""
            subscription_id | customer_id | start_on      | end_on     | mrr
            S1              | A           | 2026-01-01    | 2026-03-01 | 100
            S2              | A           | 2026-03-{back} |            | 100
        """
        found = known(clocks(("A", "2026-01-01", None)), subscriptions=subscriptions)
        assert f"{left} left" in only(ttv(found, Q3, grace_days=grace), "ttv_median").warnings[0]

    def test_value_after_coming_back_counts_from_the_first_start(self):
        subscriptions = """
            subscription_id | customer_id | start_on   | end_on     | mrr
            S1              | A           | 2026-01-01 | 2026-02-01 | 100
            S2              | A           | 2026-04-01 |            | 100
        """
        assert (
            only(ttv(known(clocks(("A", "2026-01-01", 100)), subscriptions=subscriptions), Q3), "ttv_mean").value == 100
        )

    def test_service_that_ended_before_the_clock_started_is_no_loss(self):
        subscriptions = """
            subscription_id | customer_id | start_on   | end_on     | mrr
            S1              | A           | 2020-01-01 | 2021-01-01 | 100
            S2              | A           | 2026-02-01 |            | 100
        """
        found = known(clocks(("A", "2026-01-01", None)), subscriptions=subscriptions)
        assert "1 still wait, 0 left" in only(ttv(found, Q3), "ttv_median").warnings[0]

    def test_who_was_served_only_before_the_clock_started_does_not_pay(self):
        subscriptions = """
            subscription_id | customer_id | start_on   | end_on     | mrr
            S1              | A           | 2020-01-01 | 2021-01-01 | 100
            S2              | B           | 2026-01-01 |            | 100
        """
        texts = clocks(("A", "2026-01-01", None), ("B", "2026-01-01", 10))
        row = only(ttv(known(texts, subscriptions=subscriptions), Q3), "ttv_reached_share")
        assert (row.numerator, row.denominator) == (1, 1)
        assert row.excluded["customers: not paying"] == 1

    def test_nobody_reached_value(self):
        rows = ttv(known(clocks(("A", "2026-01-01", None), ("B", "2026-02-01", None))), Q3)
        assert only(rows, "ttv_median").status == only(rows, "ttv_mean").status == "undefined"
        assert only(rows, "ttv_median").warnings[0] == "not reached: 0 of 2 have value, 2 still wait, 0 left"
        assert (only(rows, "ttv_reached_share").value, only(rows, "ttv_rmst").value) == (0, 120)

    def test_enough_reached_for_the_mean_to_stand_alone(self):
        row = only(
            ttv(known(clocks(*((f"C{i}", "2026-01-01", i) for i in range(4)), ("W", "2026-01-01", None))), Q3),
            "ttv_mean",
        )
        assert row.warnings == ("over 4 of 5 customers, those that have reached value",)  # 0.8 is enough

    def test_only_paying_customers(self):
        """B tries, C pays once, D pays nothing: prospects without a value yet would stretch every figure."""
        texts = clocks(("A", "2026-01-01", 10), *((name, "2026-01-01", None) for name in "BCD"))
        subscriptions = """
            subscription_id | customer_id | start_on   | status   | is_recurring | mrr
            SA              | A           | 2026-01-01 | active   |              | 100
            SB              | B           | 2026-01-01 | trialing |              | 100
            SC              | C           | 2026-01-01 | active   | false        | 100
        """
        row = only(ttv(known(texts, subscriptions=subscriptions), Q3), "ttv_reached_share")
        assert (row.value, row.n) == (1, 1)
        assert row.excluded["customers: not paying"] == 3

    def test_without_subscriptions_all_count_as_paying_and_it_is_said(self):
        texts = {"customers": clocks(("A", "2026-01-01", 10), ("B", "2026-01-01", None))["customers"]}
        rows = ttv(known(texts), Q3)
        assert only(rows, "ttv_reached_share").n == 2
        assert (
            "without subscriptions, all customers count as paying, and none as lost"
            in only(rows, "ttv_median").warnings
        )
        assert {row.status for row in ttv_stages(known(texts), Q3)} == {"not_provided"}

    def test_parents_are_one_customer_with_the_first_start_and_the_first_value(self):
        customers = """
            customer_id | name | signed_up_on | first_value_on | parent_id
            P           | P    | 2026-02-01   |                |
            A           | A    | 2026-01-01   | 2026-03-02     | P
            B           | B    | 2026-01-15   | 2026-02-01     | P
        """
        subscriptions = """
            subscription_id | customer_id | start_on   | mrr
            SA              | A           | 2026-01-01 | 100
        """
        found = known({"customers": customers, "subscriptions": subscriptions})
        assert only(ttv(found, Q3), "ttv_mean").value == 60  # A alone pays
        rows = ttv(found, Q3, account_level="parent")
        assert (only(rows, "ttv_mean").value, only(rows, "ttv_mean").n) == (31, 1)  # 1 January to 1 February


class TestWhatIsValue:
    CUSTOMERS = """
        customer_id | name | signed_up_on
        A           | A    | 2026-01-01
        B           | B    | 2026-01-01
        C           | C    | 2026-01-01
    """
    MILESTONES = """
        customer_id | stage    | started_on | recorded_at
        A           | training | 2026-01-05 |
        A           | value    | 2026-01-21 |
        A           | value    | 2026-05-01 |
        B           | value    | 2026-10-10 | 2026-09-01
    """

    def test_first_milestone_of_the_stage_value(self):
        """B's is planned: recorded in September, for October."""
        rows = ttv(known({"customers": self.CUSTOMERS, "milestones": self.MILESTONES}), Q3)
        assert (only(rows, "ttv_mean").value, only(rows, "ttv_reached_share").numerator) == (20, 1)

    def test_the_declared_day_wins(self):
        customers = """
            customer_id | name | signed_up_on | first_value_on
            A           | A    | 2026-01-01   | 2026-01-31
            B           | B    | 2026-01-01   |
        """
        rows = ttv(known({"customers": customers, "milestones": self.MILESTONES}), Q3)
        assert only(rows, "ttv_mean").value == 30

    def test_refused_where_nothing_says_what_value_is(self):
        for more in ({}, {"milestones": "customer_id | stage | started_on\nA | training | 2026-01-05"}):
            found = known({"customers": self.CUSTOMERS}, **more)
            for card in (ttv, ttv_stages):
                with pytest.raises(Refused, match=r"first_value_on.*milestones.*value_events"):
                    card(found, Q3)

    def test_events_named_but_not_there(self):
        with pytest.raises(NotProvided, match="events"):
            ttv(known({"customers": self.CUSTOMERS}), Q3, value_events=["report shared"])
        found = known({"customers": self.CUSTOMERS, "milestones": self.MILESTONES})
        assert only(ttv(found, Q3, value_events=["report shared"]), "ttv_mean").value == 20  # milestones say it too


class TestCohorts:
    """A and B signed in the quarter, C and D before it; B, C and D reached value in it."""

    TEXTS = clocks(
        ("A", "2026-08-01", None), ("B", "2026-07-01", 20), ("C", "2026-05-01", 100), ("D", "2024-01-01", 1_000),
    )  # fmt: skip

    def test_signed_in_the_quarter(self):
        rows = ttv(known(self.TEXTS), Q3, ttv_cohort="signup_quarter")
        assert (only(rows, "ttv_mean").value, only(rows, "ttv_median").n) == (20, 2)
        assert "followed for at most 91 days" in only(rows, "ttv_median").warnings  # 1 July to 30 September
        assert only(rows, "ttv_rmst").status == "insufficient"

    def test_reached_value_in_the_quarter(self):
        """K01 EX2: nobody is censored, and one stuck customer that got through raises the mean from 60 to 373."""
        assert date(2024, 1, 1) + timedelta(1_000) == date(2026, 9, 27)
        rows = ttv(known(self.TEXTS), Q3, ttv_cohort="value_quarter")
        assert only(rows, "ttv_mean").value == (20 + 100 + 1_000) / 3
        assert only(rows, "ttv_median").value == 100
        assert "mixes sign-ups" in only(rows, "ttv_median").warnings[1]
        assert only(rows, "ttv_reached_share").status == "undefined"

    @pytest.mark.parametrize("label", ["2026-09", "2026-W39"])
    def test_a_month_or_week_has_no_four_quarters(self, label):
        period = Calendar().period(label)
        found = known(self.TEXTS, str(period.as_of_on), period)
        for card in (ttv, ttv_stages):
            with pytest.raises(NotProvided, match="four trailing quarters"):
                card(found, period)
            assert card(found, period, ttv_cohort="signup_quarter")


def milestones(*rows):
    return "\n".join(["customer_id | stage | started_on | ended_on | kind | waiting_on", *rows])


class TestStagesOfTwelve:
    """K02 EX1: 12 customers, mean 65 days, 780 in all. The seed's 8, 15, 90, 35 and 10 are of those affected."""

    START = date(2026, 1, 1)
    # contract 8 of all, IT access 15 of all, connectors 90 of two, trainer 35 of six, one-off SKUs 10 of six:
    # 96 + 180 + 180 + 210 + 60 = 726 days; 54 more are of no stage.
    DAYS: ClassVar = {
        **{f"C{i}": {"contract": 8, "it_access": 15, "connectors": 90} for i in (1, 2)},
        **{f"C{i}": {"contract": 8, "it_access": 15, "training": 35, "accounting_ops": 10} for i in range(3, 9)},
        **{f"C{i}": {"contract": 8, "it_access": 15} for i in range(9, 13)},
    }
    IDLE: ClassVar = {"C1": 4, "C2": 4, "C3": 6, "C9": 40}

    def texts(self):
        found, rows = [], []
        for name, parts in self.DAYS.items():
            day = self.START
            for stage, days in parts.items():
                rows.append(f"{name} | {stage} | {day} | {day + timedelta(days)} | |")
                day += timedelta(days)
            found.append((name, str(self.START), (day - self.START).days + self.IDLE.get(name, 0)))
        return {**clocks(*found), "milestones": milestones(*rows)}

    def test_the_example_adds_up_to_780_days(self):
        parts = [days for stages in self.DAYS.values() for days in stages.values()]
        assert sum(parts) + sum(self.IDLE.values()) == 780 == 12 * 65

    def test_contributions_add_up_to_the_mean(self):
        found = known(self.texts())
        assert stages(ttv_stages(found, Q3)) == pytest.approx(
            {
                "contract": 8,
                "it_access": 15,
                "connectors": 15,
                "training": 17.5,
                "accounting_ops": 5,
                "unattributed": 4.5,
            },
            abs=1e-9,
        )
        assert sum(stages(ttv_stages(found, Q3)).values()) == pytest.approx(65, abs=1e-9)
        assert only(ttv(found, Q3), "ttv_mean").value == pytest.approx(65, abs=1e-9)

    def test_flow_efficiency_by_the_kinds_that_stages_have_by_name(self):
        """Training and accounting are work: 210 + 60 of 780 days."""
        row = only(ttv_stages(known(self.texts()), Q3), "ttv_flow_efficiency")
        assert (row.value, row.n) == (pytest.approx(270 / 780), 12)
        assert row.interval.low < row.value < row.interval.high


OVERLAP = {
    **clocks(("A", "2026-01-01", 20)),
    "milestones": milestones(
        "A | contract  | 2026-01-01 | 2026-01-05 | waiting |",
        "A | it_access | 2026-01-05 | 2026-01-12 | waiting | customer",
        "A | training  | 2026-01-10 | 2026-01-16 | working |",
    ),
}


class TestStagesThatOverlap:
    """K02 EX2: signed on 1 January, value on the 21st."""

    def test_days_are_split(self):
        """10 and 11 January are of two stages, so each gets a half of both."""
        rows = ttv_stages(known(OVERLAP), Q3)
        assert stages(rows) == {"contract": 4, "it_access": 6, "training": 5, "unattributed": 5}
        assert only(rows, "ttv_flow_efficiency").value == 0.25

    def test_rows_of_one_stage_that_share_days_are_one(self):
        again = "A | training | 2026-01-14 | 2026-01-18 | working |\nA | training | 2026-01-19 | 2026-01-20 | working |"
        texts = {**OVERLAP, "milestones": OVERLAP["milestones"] + "\n" + again}
        found = stages(ttv_stages(known(texts), Q3))
        assert found == {"contract": 4, "it_access": 6, "training": 8, "unattributed": 2}  # 16, 17 and 19 January more

    def test_a_stage_without_an_end_is_open_until_value(self):
        texts = {**OVERLAP, "milestones": milestones("A | connectors | 2026-01-11 | | |")}
        assert stages(ttv_stages(known(texts), Q3)) == {"connectors": 10, "unattributed": 10}

    def test_what_lies_after_value_does_not_count(self):
        rows = ("A | training | 2026-01-19 | 2026-02-28 | |", "A | other | 2026-01-21 | 2026-02-01 | |")
        texts = {**OVERLAP, "milestones": milestones(*rows)}
        assert stages(ttv_stages(known(texts), Q3)) == {"training": 2, "unattributed": 18}

    def test_what_lies_before_the_clock_is_told_and_not_counted(self):
        """Eight days of contract in December, and four in January."""
        texts = {**OVERLAP, "milestones": milestones("A | contract | 2025-12-24 | 2026-01-05 | |")}
        rows = ttv_stages(known(texts), Q3)
        assert stages(rows) == {"contract": 4, "unattributed": 16}
        assert only(rows, "ttv_stage_days", "contract").warnings == (
            "before_clock: 8.0 days a customer, in no contribution",
        )

    def test_no_stage_at_all(self):
        texts = {**OVERLAP, "milestones": milestones("A | contract | 2025-12-24 | 2026-01-01 | |")}
        rows = ttv_stages(known(texts), Q3)
        assert stages(rows) == {"contract": 0, "unattributed": 20}
        assert only(rows, "ttv_flow_efficiency").value == 0

    def test_stages_whose_kind_nobody_tells_are_named(self):
        texts = {**OVERLAP, "milestones": milestones("A | Security review | 2026-01-01 | 2026-01-11 | |")}
        row = only(ttv_stages(known(texts), Q3), "ttv_flow_efficiency")
        assert row.value == 0
        assert row.warnings[-1] == "neither work nor waiting, so counted as not worked: Security review"

    def test_a_kind_that_is_told_wins_over_the_name(self):
        texts = {**OVERLAP, "milestones": milestones("A | contract | 2026-01-01 | 2026-01-11 | working |")}
        assert only(ttv_stages(known(texts), Q3), "ttv_flow_efficiency").value == 0.5

    @pytest.mark.parametrize(("stage", "value"), [("Training-Scheduling", 0), ("training delivery", 0.5)])
    def test_scheduling_waits_and_delivery_works(self, stage, value):
        texts = {**OVERLAP, "milestones": milestones(f"A | {stage} | 2026-01-01 | 2026-01-11 | |")}
        assert only(ttv_stages(known(texts), Q3), "ttv_flow_efficiency").value == value

    def test_who_still_waits_is_in_no_stage(self):
        more = clocks(("A", "2026-01-01", 20), ("B", "2026-01-01", None))
        texts = {**OVERLAP, **more, "milestones": OVERLAP["milestones"] + "\nB | contract | 2026-01-01 | | |"}
        assert stages(ttv_stages(known(texts), Q3))["contract"] == 4

    def test_nobody_reached_value(self):
        rows = ttv_stages(known({**OVERLAP, **clocks(("A", "2026-01-01", None))}), Q3)
        assert {row.kpi_id: row.status for row in rows} == dict.fromkeys(
            ("ttv_stage_days", "ttv_flow_efficiency", "ttv_paid_days_without_value", "ttv_paid_without_value"),
            "undefined",
        )


def test_value_on_the_day_of_the_start_leaves_no_day_to_share_out():
    found = known(
        clocks(("A", "2026-01-01", 0), ("B", "2026-02-01", 0)),
        milestones="customer_id | stage | started_on | ended_on\n A | contract | 2026-01-01 | 2026-01-09",
    )
    assert only(ttv(found), "ttv_mean").value == 0
    rows = ttv_stages(found)
    assert [(row.segment, row.value, row.n) for row in rows if row.kpi_id == "ttv_stage_days"] == [("", 0, 2)]
    efficiency = only(rows, "ttv_flow_efficiency")
    assert (efficiency.value, efficiency.status, efficiency.denominator) == (None, "undefined", 0)
    assert only(rows, "ttv_paid_days_without_value").value == 0
    assert records(stage_contributions(found)) == records(waiting_for(found)) == []
    assert [row["stage"] for row in records(recent_timelines(found))] == [None, None]


def test_contributions_of_any_stages_add_up_to_the_mean():
    """P5: against a count of the days one by one, of customers with stages drawn at random."""
    random, names = Random(7), ["contract", "it_access", "connectors", "training", "Legal", "value"]
    customers, rows, wanted = [], set(), dict.fromkeys([*names, "unattributed"], 0.0)
    for i in range(40):
        start, days = date(2025, 10, 1) + timedelta(random.randrange(250)), random.randrange(0, 90)
        customers.append((f"C{i}", str(start), days))
        spans = []
        for _ in range(random.randrange(7)):
            stage, first = random.choice(names), start + timedelta(random.randrange(-10, 90))
            end = first + timedelta(random.randrange(0, 40)) if random.random() < 0.8 else None
            if not any((stage, first) == span[:2] for span in spans):
                spans.append((stage, first, end))
                rows.add(f"C{i} | {stage} | {first} | {end or ''} | |")
        for day in (start + timedelta(n) for n in range(days)):
            open_now = {stage for stage, first, end in spans if first <= day and (end is None or day < end)}
            for stage in open_now or {"unattributed"}:
                wanted[stage] += 1 / max(len(open_now), 1)
    found = known({**clocks(*customers), "milestones": milestones(*sorted(rows))})
    contributions = stages(ttv_stages(found, Q3))
    assert contributions == pytest.approx({name: total / 40 for name, total in wanted.items()}, abs=1e-9)
    mean = sum(days for *_, days in customers) / 40
    assert sum(contributions.values()) == pytest.approx(mean, abs=1e-9)
    assert only(ttv(found, Q3), "ttv_mean").value == pytest.approx(mean, abs=1e-9)


class TestPaidDays:
    SUBSCRIPTIONS = """
        subscription_id | customer_id | start_on   | end_on     | mrr  | currency
        SA              | A           | 2026-01-01 |            | 1000 | USD
        SB              | B           | 2026-01-11 | 2026-01-15 | 300  | USD
        SB              | B           | 2026-01-15 |            | 900  | USD
        SC              | C           | 2026-02-01 |            | 500  | USD
    """
    # A pays for all of its 90 days, B from the 11th on for 20 of 30, C only after it has value
    CUSTOMERS = clocks(("A", "2026-01-01", 90), ("B", "2026-01-01", 30), ("C", "2026-01-01", 10))["customers"]

    def texts(self, **more):
        return {"customers": self.CUSTOMERS, "subscriptions": self.SUBSCRIPTIONS, **more}

    def test_days_and_the_money_they_stand_for(self):
        """A 90-day installation is 90/365 = 24.66 % of the year: of 12 x 1000 = 2958.90."""
        rows = ttv_stages(known(self.texts()), Q3)
        row = only(rows, "ttv_paid_days_without_value")
        assert (row.value, row.n) == (pytest.approx((90 + 20 + 0) / 3), 3)
        assert row.warnings == ("1 had value before they paid: 0 days",)
        money = only(rows, "ttv_paid_without_value")
        assert money.value == pytest.approx(90 / 365 * 12_000 + 20 / 365 * 12 * 300)
        assert round(90 / 365, 4) == 0.2466

    def test_a_first_paid_day_that_the_customer_table_tells(self):
        customers = """
            customer_id | name | signed_up_on | first_value_on | first_paid_on
            A           | A    | 2026-01-01   | 2026-01-31     | 2026-01-21
            B           | B    | 2026-01-01   | 2026-01-31     |
        """
        rows = ttv_stages(known({"customers": customers}), Q3)
        assert (only(rows, "ttv_paid_days_without_value").value, only(rows, "ttv_paid_days_without_value").n) == (10, 1)
        assert only(rows, "ttv_paid_days_without_value").excluded == {"customers: not paying": 1}
        assert only(rows, "ttv_paid_without_value").status == "not_provided"

    def test_a_currency_without_a_rate_refuses_the_money_alone(self):
        texts = self.texts(subscriptions=self.SUBSCRIPTIONS.replace("1000 | USD", "1000 | CHF"))
        rows = ttv_stages(known(texts), Q3)
        assert only(rows, "ttv_paid_without_value").status == "refused"
        assert "CHF" in only(rows, "ttv_paid_without_value").warnings[0]
        assert only(rows, "ttv_paid_days_without_value").status == "ok"


def is_of_time(warning):
    """Not what is told of equal rows that may be two items."""
    return "equal to another in every column" not in warning


@pytest.mark.whole
class TestProperties:
    """Section 3.1, P1, P2, P7, P9 and P11, over figures that have every part."""

    @staticmethod
    def texts():
        more = clocks(
            ("A", "2026-01-01", 20), ("B", "2026-03-01", 45), ("C", "2026-05-01", 70), ("D", "2026-06-20", None),
            ("E", "2026-02-01", None, "2026-04-01"), ("F", "2025-12-01", 30),
        )  # fmt: skip
        rows = (
            "B | contract  | 2026-02-20 | 2026-03-08 | waiting | us",
            "C | it_access | 2026-05-01 | 2026-06-25 | waiting | customer",
            "C | training  | 2026-06-20 |            | working |",
            "D | contract  | 2026-06-20 |            | waiting | us",
        )
        return {**more, "milestones": OVERLAP["milestones"] + "\n" + "\n".join(rows)}

    @staticmethod
    def figures(found, period=Q3):
        return [
            (
                row.kpi_id,
                row.segment,
                row.value,
                row.interval,
                row.n,
                row.status,
                tuple(filter(is_of_time, row.warnings)),
            )
            for row in (*ttv(found, period), *ttv_stages(found, period))
        ]

    def test_nothing_is_known_before_its_time(self):
        """On 10 July C had no value (that came on the 10th), and its training no end."""
        period = Calendar().period("2026Q3", date(2026, 7, 9))
        full, cut = self.texts(), self.texts()
        cut["customers"] = cut["customers"].replace("2026-05-01 | 2026-07-10", "2026-05-01 | ")
        assert cut != full
        assert self.figures(known(full, "2026-07-10", period), period) == self.figures(
            known(cut, "2026-07-10", period), period
        )
        assert self.figures(known(full)) != self.figures(known(cut))

    def test_row_order_and_exact_duplicates_change_nothing(self):
        shuffled = {}
        for name, text in self.texts().items():
            header, *rows = text.splitlines()
            shuffled[name] = "\n".join([header, *reversed(rows), rows[0], rows[-1]])
        assert self.figures(known(shuffled)) == self.figures(known(self.texts()))

    def test_test_customers_merged_ones_and_trials_change_nothing(self):
        texts = self.texts()
        more = {name: text.splitlines() for name, text in texts.items()}
        more["customers"][0] += " | is_test | merged_into"
        more["customers"] += [
            "T | T | 2026-01-01 | 2026-09-01 | true |",
            "M | M | 2026-01-01 | 2026-09-01 |      | A",
            "X | X | 2026-01-01 | 2026-09-01 |      |",
        ]
        more["customers"] = [row if row.count("|") == 5 else f"{row} | |" for row in more["customers"]]
        more["subscriptions"][0] += " | status"
        more["subscriptions"] = [row if row.count("|") == 5 else f"{row} |" for row in more["subscriptions"]]
        more["subscriptions"] += ["ST | T | 2026-01-01 | | 100 |", "SX | X | 2026-01-01 | | 100 | trialing"]
        more["milestones"].append("T | contract | 2026-01-01 | 2026-08-01 | waiting | us")
        found = known({name: "\n".join(rows) for name, rows in more.items()})
        assert self.figures(found) == self.figures(known(texts))
        told = only(ttv(found, Q3), "ttv_median").excluded
        assert {"customers: test customer": 1, "customers: merged into another customer": 1}.items() <= told.items()
        assert told["customers: not paying"] == 1

    def test_without_milestones_their_figures_are_not_provided_and_no_other_changes(self):
        texts = self.texts()
        full = self.figures(known(texts))
        del texts["milestones"]
        less = self.figures(known(texts))
        own = ("ttv_stage_days", "ttv_flow_efficiency")
        assert {row[5] for row in less if row[0] in own} == {"not_provided"}
        assert [row for row in less if row[0] not in own] == [row for row in full if row[0] not in own]

    @pytest.mark.parametrize("keep", [0, 1])
    def test_no_row_or_one_row_gives_statuses(self, keep):
        texts = {name: "\n".join(text.splitlines()[: 1 + keep]) for name, text in self.texts().items()}
        for kind in ("trailing_year", "signup_quarter", "value_quarter"):
            rows = [*ttv(known(texts), Q3, ttv_cohort=kind), *ttv_stages(known(texts), Q3, ttv_cohort=kind)]
            assert {row.status for row in rows} <= {"ok", "undefined", "insufficient"}
            if not keep:
                assert {row.value for row in rows} == {None}

    def test_history_is_known_with_the_lag_of_the_review(self):
        """The earlier cohort ends a quarter earlier, and what came after its quarter is not known in it."""
        earlier = Q3.previous()
        found = known(self.texts(), "2026-07-01", earlier)
        assert only(ttv(found, earlier), "ttv_reached_share").numerator == 3  # A, B and F; C on 10 July

    def test_whole_weeks_later_gives_the_same(self):
        """Days count, not their place in the week or the month."""
        moved = clocks(*((f"R{days}", "2026-01-22", days) for days in REACHED), ("W", "2026-02-01", None))
        plain = clocks(*((f"R{days}", "2026-01-01", days) for days in REACHED), ("W", "2026-02-01", None))
        (a, b) = (only(ttv(known(texts), Q3), "ttv_median") for texts in (moved, plain))
        assert (a.value, a.interval) == (b.value, b.interval)


def test_days_between_days_are_days_whatever_the_clock_change():
    """P12: 29 March 2026 has 23 hours in Berlin; 28 to 30 March are two days in any zone."""
    for zone in ("UTC", "Europe/Berlin", "America/New_York"):
        period = Calendar(zone).period("2026Q3")
        found = spine("2026-10-01", timezone=zone, period=period, **clocks(("A", "2026-03-28", 2)))
        assert only(ttv(found, period), "ttv_mean").value == 2


@pytest.mark.parametrize(
    ("kind", "these", "before"),
    [
        ("trailing_year", ["2025-10-01", "2026-09-30"], ["2024-10-01", "2025-09-30"]),
        ("signup_quarter", ["2026-07-01", "2026-09-30"], ["2026-04-01", "2026-06-30"]),
    ],
)
def test_the_cohort_before_shares_no_customer(kind, these, before):
    """Its customers are followed to the same last day."""
    days = [*these, *before]
    found = known(clocks(*((day, day, 0) for day in days), ("outside", "2024-09-30", 0)))
    assert list(cohort(found, Q3, ttv_cohort=kind)["account_id"]) == these
    assert list(cohort(found, Q3, "earlier", ttv_cohort=kind)["account_id"]) == before


def test_the_first_listed_quarters_have_no_cohort_before_them():
    starts = (("2026Q2", date(2026, 4, 1)), ("2026Q3", date(2026, 7, 1)), ("2026Q4", date(2026, 10, 1)))
    period = Calendar(quarter_starts=starts).period("2026Q3")
    found = known(clocks(("A", "2026-08-01", 5)), period=period)
    assert cohort(found, period, "earlier").empty
    assert [row["customers"] for row in records(cohorts_compared(found, period))] == [1, 1]


class TestValueByEvent:
    """The first event of a list, on the local day on which it happened."""

    CUSTOMERS = """
        customer_id | name | signed_up_on
        A           | A    | 2026-01-01
        B           | B    | 2026-01-01
        C           | C    | 2026-01-01
    """
    USERS = """
        user_id | customer_id | is_internal
        a       | A           |
        b       | B           |
        c       | C           | true
    """
    EVENTS = """
        user_id | event         | occurred_at      | recorded_at
        a       | log in        | 2026-01-02 09:00 |
        a       | report shared | 2026-01-11 23:30 | 2026-02-02 06:00
        a       | report shared | 2026-02-01 09:00 | 2026-02-02 06:00
        b       | export run    | 2026-01-06 09:00 |
        b       | report shared | 2026-10-01 00:00 | 2026-09-30 23:59
        c       | report shared | 2026-01-05 09:00 |
    """
    EVERY: ClassVar = {"customers": CUSTOMERS, "users": USERS, "events": EVENTS}

    def test_first_event_of_the_list(self):
        """A after 10 days; B only after the as-of, though recorded before; C's is of one of our own people."""
        row = only(ttv(known(self.EVERY), Q3, value_events=["report shared"]), "ttv_mean")
        assert (row.value, row.denominator) == (10, 1)
        row = only(ttv(known(self.EVERY), Q3, value_events=["report shared", "export run"]), "ttv_mean")
        assert (row.value, row.denominator) == ((10 + 5) / 2, 2)

    @pytest.mark.parametrize(("zone", "days"), [("UTC", 10), ("Europe/Berlin", 11), ("America/New_York", 10)])
    def test_the_day_is_that_of_the_reporting_zone(self, zone, days):
        """23:30 in UTC is half past midnight in Berlin: a day later there (P12)."""
        events = "user_id | event | occurred_at\na | report shared | 2026-01-11 23:30"
        period = Calendar(zone).period("2026Q3")
        found = known({**self.EVERY, "events": events}, period=period)  # timestamps without a zone are of UTC
        assert only(ttv(found, period, value_events=["report shared"]), "ttv_mean").value == days

    def test_value_is_of_the_users_own_customer_and_of_the_events_only_without_users(self):
        """As activity is: users belong to customers."""
        events = "user_id | customer_id | event | occurred_at\na | B | report shared | 2026-01-03"
        for texts, reached in ((self.EVERY, "A"), ({"customers": self.CUSTOMERS}, "B")):
            found = cohort(known({**texts, "events": events}), Q3, value_events=("report shared",)).query("cause == 1")
            assert (list(found["account_id"]), list(found["days"])) == ([reached], [2])

    def test_events_that_tell_no_customer_say_nothing_of_value(self):
        events = "user_id | event | occurred_at\na | report shared | 2026-01-03"
        with pytest.raises(NotProvided, match=r"events\.customer_id"):
            ttv(known({"customers": self.CUSTOMERS, "events": events}), Q3, value_events=["report shared"])
        declared = clocks(("A", "2026-01-01", 9))["customers"]
        rows = ttv(known({"customers": declared, "events": events}), Q3, value_events=["report shared"])
        assert only(rows, "ttv_mean").value == 9

    def test_events_that_begin_after_the_first_customer_signed_are_told(self):
        events = "user_id | event | occurred_at\na | report shared | 2026-01-11"
        row = only(ttv(known({**self.EVERY, "events": events}), Q3, value_events=["report shared"]), "ttv_median")
        assert "history_starts_at 2026-01-11: events before it are not known" in row.warnings

    def test_without_such_an_event_nobody_has_value(self):
        row = only(ttv(known(self.EVERY), Q3, value_events=["never seen"]), "ttv_reached_share")
        assert (row.value, row.n) == (0, 3)


class TestCurve:
    def test_steps_of_the_cohort_and_of_the_one_before(self):
        """Four customers with value on days 10 and 20, one still waiting on day 14; before them one, on day 30."""
        texts = clocks(
            ("A", "2026-01-01", 10), ("B", "2026-01-01", 20), ("C", "2026-01-01", 20), ("D", "2026-09-16", None),
            ("O", "2025-01-01", 30),
        )  # fmt: skip
        rows = records(value_curve(known(texts), Q3))
        assert [(r["cohort"], r["days"], round(r["waiting"], 4), r["unseen"]) for r in rows] == [
            ("signed in 2025Q4 to 2026Q3", 0, 1.0, 0),
            ("signed in 2025Q4 to 2026Q3", 10, 0.75, 0),
            ("signed in 2025Q4 to 2026Q3", 14, 0.75, 1),
            ("signed in 2025Q4 to 2026Q3", 20, 0.0, 0),
            ("signed in 2024Q4 to 2025Q3", 0, 1.0, 0),
            ("signed in 2024Q4 to 2025Q3", 30, 0.0, 0),
        ]
        assert {r["of_all"] for r in rows} == {None}

    def test_who_left_is_told_apart_where_they_are_many(self):
        """T3: 1 - 0.4 and 1 - 0.8 of all are without value after 20 and 40 days, where the curve says 0.5333 and 0."""
        rows = {r["days"]: r for r in records(value_curve(known(clocks(*TestRivals.ROWS)), Q3))}
        assert [round(rows[day]["of_all"], 6) for day in (20, 40)] == [0.6, 0.2]
        assert [round(rows[day]["waiting"], 6) for day in (20, 40)] == [0.533333, 0.0]

    def test_nobody_signed(self):
        listing = value_curve(known(clocks()), Q3)
        assert listing.rows.empty
        assert list(listing.rows) == list(listing.columns)


class TestCohortsCompared:
    def test_both_cohorts_and_each_quarter(self):
        found = cohorts_compared(known(TWELVE), Q3)
        rows = records(found)
        assert [row["cohort"].removeprefix("signed in ") for row in rows] == [
            "2025Q4 to 2026Q3", "2026Q1", "2026Q2", "2026Q3",
        ]  # fmt: skip
        whole = rows[0]
        assert [whole[name] for name in ("customers", "reached", "left", "median", "low", "high")] == [
            12,
            9,
            1,
            55,
            35,
            80,
        ]
        assert whole["restricted"] == pytest.approx(66.805556, abs=1e-6)
        assert [(row["customers"], row["reached"]) for row in rows[1:]] == [(10, 9), (1, 0), (1, 0)]
        assert rows[3]["restricted"] is None  # followed for 90 days

    def test_log_rank_between_the_two(self):
        """The example by hand of the statistics: days 1 and 2, against 3 and one who waits on the fourth."""
        texts = clocks(
            ("A", "2026-01-01", 1), ("B", "2026-01-01", 2), ("C", "2025-01-01", 3),
            ("D", "2025-01-01", None, "2025-01-06"),
        )  # fmt: skip
        note = cohorts_compared(known(texts), Q3).note
        assert note.startswith("Between the first two rows: that may be chance (9 in 100).")

    def test_a_difference_that_chance_seldom_makes(self):
        fast, slow = (
            [(f"{name}{i}", start, days + i) for i in range(20)]
            for name, start, days in (("F", "2026-01-01", 1), ("S", "2025-01-01", 101))
        )
        assert (
            "likely a real difference (less than 1 in 100 by chance)"
            in cohorts_compared(known(clocks(*fast, *slow)), Q3).note
        )

    def test_customers_chosen_by_their_value_are_not_tested(self):
        found = cohorts_compared(known(TestCohorts.TEXTS), Q3, ttv_cohort="value_quarter")
        assert "Between" not in found.note
        assert records(found)[0]["customers"] == 3


class TestCustomers:
    def test_the_longest_first_with_how_it_ended(self):
        found = value_by_customer(known(TWELVE), Q3)
        assert [(r["customer"], r["state"], r["days"]) for r in records(found)][:4] == [
            ("W120", "still waiting", 120),
            ("W90", "still waiting", 90),
            ("R80", "has value", 80),
            ("L75", "left before", 75),
        ]
        assert len(found.rows) == 12
        assert found.export == "time_to_value"

    def test_still_waiting_by_stage(self):
        """A's access is asked for since 5 August, while training runs; B is in no stage, C in one that has ended."""
        texts = clocks(
            ("A", "2026-08-01", None), ("B", "2026-09-01", None), ("C", "2026-09-10", None), ("D", "2026-01-01", 5)
        )
        rows = (
            "A | contract  | 2026-08-01 | 2026-08-05 | waiting | us",
            "A | it_access | 2026-08-05 |            |         | customer",
            "A | training  | 2026-09-21 | 2026-10-15 |         |",
            "C | contract  | 2026-09-10 | 2026-09-30 | waiting | us",
            "C | training  | 2026-10-05 |            | working |",
        )
        texts["customers"] = "\n".join(
            line + (" | owner" if not i else " | Kim") for i, line in enumerate(texts["customers"].splitlines())
        )
        found = still_waiting(known({**texts, "milestones": milestones(*rows)}), Q3)
        told = [
            tuple(r[name] for name in ("customer", "owner", "stage", "stage_days", "waits_on", "days"))
            for r in records(found)
        ]
        assert told == [
            ("A", "Kim", "it_access, training", 56, "the customer, work under way", 60),
            ("B", "Kim", "none", None, None, 29),
            ("C", "Kim", "none", None, None, 20),
        ]
        assert found.note == "The longest wait stands first. These days are in no mean."

    def test_who_waits_longer_than_four_quarters_is_counted(self):
        texts = clocks(("A", "2026-08-01", None), ("O", "2024-01-01", None), ("P", "2024-01-01", None, "2024-06-01"))
        found = still_waiting(known(texts), Q3)
        assert [row["customer"] for row in records(found)] == ["A"]
        assert found.note.endswith("1 that signed before 2025Q4 to 2026Q3 has no value either.")

    def test_nobody_waits(self):
        assert still_waiting(known(clocks(("A", "2026-08-01", 5))), Q3).rows.empty


class TestStageTables:
    def test_contributions_beside_those_of_the_cohort_before(self):
        """OVERLAP, and a customer of the year before who spent 8 of its 10 days on the contract."""
        more = clocks(("A", "2026-01-01", 20), ("O", "2025-01-01", 10))
        texts = {
            **OVERLAP,
            **more,
            "milestones": OVERLAP["milestones"] + "\nO | contract | 2024-12-30 | 2025-01-09 | |",
        }
        rows = records(stage_contributions(known(texts), Q3))
        assert [(r["stage"], r["days"], r["waiting"], r["working"], r["earlier"]) for r in rows] == [
            ("it_access", 6, 6, 0, 0),
            ("training", 5, 0, 5, 0),
            ("contract", 4, 4, 0, 8),
            ("unattributed", 5, 0, 0, 2),
        ]
        assert [(r["customers"], r["when_present"], r["open_days"]) for r in rows] == [
            (1, 6, 7), (1, 5, 6), (1, 4, 4), (1, 5, 5),
        ]  # fmt: skip
        assert [r["running"] for r in rows] == [0.3, 0.55, 0.75, 1.0]

    def test_days_of_those_affected_are_not_those_of_all(self):
        """K02 EX1, I-09: connectors add 15 days to the mean, and take 90 from the two customers that need them."""
        rows = {r["stage"]: r for r in records(stage_contributions(known(TestStagesOfTwelve().texts()), Q3))}
        assert (rows["connectors"]["days"], rows["connectors"]["when_present"], rows["connectors"]["customers"]) == (
            15,
            90,
            2,
        )
        assert (rows["training"]["days"], rows["training"]["when_present"]) == (17.5, 35)

    def test_days_before_the_clock(self):
        texts = {**OVERLAP, "milestones": milestones("A | contract | 2025-12-24 | 2026-01-05 | |")}
        assert records(stage_contributions(known(texts), Q3))[0]["before_clock"] == 8

    def test_whom_the_waiting_was_for(self):
        """Contract: 4 days, for whom is not told; IT access: 6 for the customer. Of two rows on a day, us first."""
        assert [(r["who"], r["days"], r["share"], r["stage"]) for r in records(waiting_for(known(OVERLAP), Q3))] == [
            ("the customer", 6, 0.6, "it_access"),
            ("(not told)", 4, 0.4, "contract"),
        ]
        rows = ("A | connectors | 2026-01-01 | 2026-01-11 | waiting | third_party",
                "A | connectors | 2026-01-06 | 2026-01-16 | waiting | us")  # fmt: skip
        found = waiting_for(known({**OVERLAP, "milestones": milestones(*rows)}), Q3)
        assert {r["who"]: r["days"] for r in records(found)} == {"us": 10, "a third party": 5}

    def test_timelines_of_those_who_reached_value_last(self):
        texts = clocks(*((f"C{i:02d}", f"2026-01-{i + 1:02d}", 20) for i in range(14)))
        rows = ("C13 | contract | 2026-01-10 | 2026-01-16 | |", "C13 | training | 2026-01-20 | 2026-03-01 | |")
        found = records(recent_timelines(known({**texts, "milestones": milestones(*rows)}), Q3))
        assert [r["customer"] for r in found] == ["C13", "C13", *(f"C{i:02d}" for i in range(12, 1, -1))]
        assert [(r["stage"], r["kind"], r["from_day"], r["to_day"], r["total"]) for r in found][:3] == [
            ("contract", "waiting", -4, 2, 20),
            ("training", "working", 6, 20, 20),
            (None, None, None, None, 20),
        ]

    def test_without_milestones(self):
        found = known(clocks(("A", "2026-01-01", 5)))
        for listing in (stage_contributions, waiting_for, recent_timelines, improvements_made):
            with pytest.raises(NotProvided, match="milestones"):
                listing(found, Q3)

    @pytest.mark.parametrize("kind", ["trailing_year", "signup_quarter", "value_quarter"])
    def test_nobody_with_value(self, kind):
        found = known({**OVERLAP, **clocks()})
        for listing in (stage_contributions, waiting_for, recent_timelines, value_by_customer, cohorts_compared):
            told = listing(found, Q3, ttv_cohort=kind)
            assert told.rows.empty
            assert list(told.rows) == list(told.columns)


class TestImprovements:
    """Contract takes 10 of 20 days up to March and 4 of 14 from April on; who signed in June still waits."""

    IDEA = Improvement(stage="contract", idea="One page", owner="Kim", expected_days_saved=5, done_on=date(2026, 4, 1))

    def texts(self):
        customers = clocks(
            ("A", "2026-01-01", 20), ("B", "2025-01-01", 20), ("C", "2026-04-01", 14), ("D", "2026-06-01", None),
        )  # fmt: skip
        rows = (
            "A | contract | 2026-01-01 | 2026-01-13 | |",
            "B | contract | 2025-01-01 | 2025-01-09 | |",
            "C | contract | 2026-04-01 | 2026-04-05 | |",
            "D | contract | 2026-06-01 |            | |",
        )
        return {**customers, "milestones": milestones(*rows)}

    def test_the_stage_before_and_after(self):
        [row] = records(improvements_made(known(self.texts()), Q3, improvements=[self.IDEA]))
        assert (row["before"], row["after"]) == ((12 + 8) / 2, 4)
        assert row["customers"] == "2 and 1, 1 still waiting"
        assert (row["idea"], row["owner"], row["expected"], row["done_on"]) == ("One page", "Kim", 5, date(2026, 4, 1))

    @pytest.mark.parametrize("done_on", [None, date(2026, 10, 1)])
    def test_one_that_is_not_done_yet(self, done_on):
        [row] = records(
            improvements_made(known(self.texts()), Q3, improvements=[self.IDEA.model_copy(update={"done_on": done_on})])
        )
        assert (row["before"], row["after"], row["customers"]) == ((12 + 8 + 4) / 3, None, "3 and 0")

    def test_a_stage_that_nobody_passed_has_no_days(self):
        [row] = records(
            improvements_made(known(self.texts()), Q3, improvements=[self.IDEA.model_copy(update={"stage": "legal"})])
        )
        assert (row["before"], row["after"]) == (0, 0)

    def test_none_listed(self):
        assert improvements_made(known(self.texts()), Q3).rows.empty
