"""K16 to K19 and G02: the worked examples of the specification, and every edge that the cards name."""

from dataclasses import replace
from datetime import date
from functools import lru_cache
from itertools import pairwise, product
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.catalogue import ids_of
from helpers.errors import NotProvided, Refused
from helpers.kpis import unit_economics as theme
from helpers.kpis.unit_economics.acquisition import DEPARTMENTS
from helpers.kpis.unit_economics.lives import value_interval
from helpers.periods import Calendar
from helpers.statistics import kaplan_meier
from tests.canonical import asked, figures, spine

CARD_NAMES = ("cac", "cac_payback", "ltv", "ltv_cac", "sales_total")
LIST_NAMES = ("acquisition_by_channel", "lifetime_values", "shared_vendors", "spend_by_department")
cards = SimpleNamespace(**{name: asked(getattr(theme, name)) for name in CARD_NAMES})
lists = SimpleNamespace(**{name: asked(getattr(theme, name)) for name in LIST_NAMES})
sales_bridge = asked(theme.sales_bridge)
WITH_SUPPORT = DEPARTMENTS["full"]


def lives(found):
    """One row per customer that ever paid: its months, whether it left, and its MRR."""
    return found.frame("ltv_rows", "account_id").rename(columns={"is_left": "left"})


Q1 = Calendar().period("2026Q1")
YEAR = [f"2025-{month:02d}-01" for month in range(4, 13)] + ["2026-01-01", "2026-02-01", "2026-03-01"]
SPEND = "month | department | category | amount | currency | purpose | vendor | channel | segment"
SUBSCRIPTIONS = "subscription_id | customer_id | start_on | end_on | mrr | status | is_recurring"
WINDOW = {"cac_window_quarters": 4, "spend_lag_months": 0}
LIFE = {"lifetime_months": None, "ltv_horizon_months": 60}


@lru_cache
def known(as_of_on="2026-04-01", period=None, **texts):
    return spine(as_of_on, period or replace(Q1, as_of_on=date.fromisoformat(as_of_on)), **texts)


def ledger(months=YEAR, **departments):
    """All of a department's spend in the first month, and 0 in every other."""
    rows = [
        f"{month} | {name} | all | {amount if month == months[0] else 0} | USD"
        for name, amount in departments.items()
        for month in months
    ]
    return "\n".join([SPEND.rsplit(" | ", 4)[0], *rows])


def lines(*rows, months=YEAR):
    """Lines of the ledger, and 0 for every month of the departments that have one."""
    departments = dict.fromkeys(row.split("|")[1].strip() for row in rows)
    nothing = [f"{month} | {name} | nothing | 0 | USD | | | |" for name in departments for month in months]
    return "\n".join([SPEND, *rows, *nothing])


def customers_of(n, mrr=1500, start="2025-06-01", prefix="c"):
    """``n`` customers who came on a day, beside one who was there long before."""
    came = [f"s{prefix}{i} | {prefix}{i} | {start} | | {mrr} | |" for i in range(n)]
    return "\n".join([SUBSCRIPTIONS, "old | old | 2024-01-01 | | 1 | |", *came])


def only(rows, kpi_id, segment=""):
    (row,) = [row for row in rows if row.kpi_id == kpi_id and row.segment == segment]
    return row


def by(rows, kpi_id, dimension):
    return {row.segment: row for row in rows if row.kpi_id == kpi_id and row.segment_by == dimension}


def records(listing):
    return listing.rows.to_dict("records")


class TestCac:
    LEDGER = ledger(sales=400_000, marketing=300_000, support=200_000)

    def test_example(self):
        rows = cards.cac(known(spend=self.LEDGER, subscriptions=customers_of(50)), Q1)
        sm, full = only(rows, "cac_sm"), only(rows, "cac_full")
        assert (sm.numerator, sm.denominator, sm.value) == (400_000 + 300_000, 50, 14_000)
        assert (full.numerator, full.denominator, full.value) == (700_000 + 200_000, 50, 18_000)
        # the interval of 50 is 37.110964 to 65.918767: 700,000 / 65.918767 to 700,000 / 37.110964
        assert sm.interval[:2] == pytest.approx((10_619, 18_862), abs=0.5)
        assert full.interval[:2] == pytest.approx((13_653, 24_252), abs=0.5)

    def test_example_of_thirty(self):
        row = only(cards.cac(known(spend=self.LEDGER, subscriptions=customers_of(30)), Q1), "cac_full")
        assert (row.value, row.warnings) == (900_000 / 30, ())

    def test_departments_are_known_in_any_case(self):
        spend = ledger(**{"Sales": 400_000, "MARKETING": 300_000, "Support": 200_000, "Research": 50_000})
        rows = cards.cac(known(spend=spend, subscriptions=customers_of(50)), Q1)
        assert (only(rows, "cac_sm").value, only(rows, "cac_full").value) == (700_000 / 50, 900_000 / 50)
        assert only(rows, "cac_sm").warnings == ()

    def test_example_of_three_says_that_it_cannot_be_read(self):
        found = known(spend=ledger(sales=60_000, marketing=20_000, support=10_000), subscriptions=customers_of(3))
        row = only(cards.cac(found, Q1), "cac_full")
        assert row.value == 90_000 / 3
        # 3 customers are 0.618672 to 8.767273
        assert row.interval[:2] == pytest.approx((10_265, 145_473), abs=0.5)
        assert row.warnings == ("only 3 new customers: too few for this cost to be read",)

    def test_the_quarter_alone(self):
        spend = lines(
            "2025-04-01 | sales | a | 700 | USD | | | |",
            "2026-01-01 | sales | a | 100 | USD | | | |",
            "2026-03-01 | marketing | a | 50 | USD | | | |",
        )
        came = customers_of(2) + "\n" + customers_of(1, start="2026-02-01", prefix="q").splitlines()[-1]
        rows = cards.cac(known(spend=spend, subscriptions=came), Q1)
        assert only(rows, "cac_sm").value == pytest.approx((700 + 100 + 50) / 3)
        assert only(rows, "cac_sm_quarter").value == (100 + 50) / 1
        assert only(rows, "new_customers").value == 1

    def test_a_shorter_window(self):
        spend = lines("2025-04-01 | sales | a | 700 | USD | | | |", "2025-10-01 | sales | a | 100 | USD | | | |")
        found = known(spend=spend, subscriptions=customers_of(2, start="2025-11-01"))
        assert only(cards.cac(found, Q1, cac_window_quarters=2), "cac_sm").value == 100 / 2

    def test_spend_is_taken_earlier_by_the_lag(self):
        months = ["2025-02-01", "2025-03-01", *YEAR]
        spend = lines(
            "2025-02-01 | sales | a | 10 | USD | | | |",
            "2026-01-01 | sales | a | 200 | USD | | | |",
            "2026-02-01 | sales | a | 4000 | USD | | | |",
            months=months,
        )
        found = known(spend=spend, subscriptions=customers_of(1))
        assert only(cards.cac(found, Q1), "cac_sm").numerator == 200 + 4000
        lagged = cards.cac(found, Q1, spend_lag_months=2)
        assert only(lagged, "cac_sm").numerator == 10 + 200  # February 2025 to January 2026
        assert only(lagged, "cac_sm_quarter").numerator == 200  # November to January
        assert only(lagged, "cac_sm").n == 1  # customers are those of the window itself

    def test_what_was_spent_to_retain_is_left_out_and_counted(self):
        spend = lines(
            "2025-05-01 | sales | new   | 100 | USD | acquire | | |",
            "2025-05-01 | sales | both  | 20  | USD | both    | | |",
            "2025-05-01 | sales | plain | 3   | USD |         | | |",
            "2025-05-01 | sales | kept  | 500 | USD | retain  | | |",
            "2025-05-01 | sales | gold  | 1   | XAU | retain  | | |",  # nobody needs its rate
        )
        rows = cards.cac(known(spend=spend, subscriptions=customers_of(1)), Q1)
        for row in (only(rows, "cac_sm"), only(rows, "cac_full")):
            assert (row.value, row.excluded) == (100 + 20 + 3, {"spend: purpose retain": 2})

    def test_other_departments_are_in_neither(self):
        found = known(spend=ledger(sales=100, support=30, product=5000), subscriptions=customers_of(1))
        rows = cards.cac(found, Q1)
        assert (only(rows, "cac_sm").value, only(rows, "cac_full").value) == (100, 130)

    def test_nobody_was_won(self):
        rows = cards.cac(known(spend=self.LEDGER, subscriptions=customers_of(0)), Q1)
        row = only(rows, "cac_full")
        assert (row.value, row.status, row.numerator, row.denominator) == (None, "undefined", 900_000, 0)
        assert row.warnings == ("no new customer; spent: 900,000 USD",)
        assert row.interval is None

    def test_who_returned_is_not_new(self):
        """Back on 1 February at 300, after having left in 2025: a reactivation."""
        back = "\n".join([SUBSCRIPTIONS, "a | A | 2024-01-01 | 2025-05-01 | 500 | |", "b | A | 2026-02-01 | | 300 | |"])
        assert only(cards.cac(known(spend=self.LEDGER, subscriptions=back), Q1), "cac_sm").denominator == 0

    def test_trials_one_offs_and_test_customers_are_not_new(self):
        people = """
            customer_id | name | signed_up_on | is_test
            old | Old  | 2024-01-01 |
            c0  | One  | 2025-06-01 |
            T   | Test | 2025-06-01 | true
            U   | Try  | 2025-06-01 |
            V   | Once | 2025-06-01 |
        """
        more = (
            "\nt | T | 2025-06-01 | | 9 | |\nu | U | 2025-06-01 | | 9 | trialing |\nv | V | 2025-06-01 | | 9 | | false"
        )
        found = known(spend=self.LEDGER, subscriptions=customers_of(1) + more, customers=people)
        assert only(cards.cac(found, Q1), "cac_sm").denominator == 1

    def test_credits_above_the_spend_are_told(self):
        spend = lines("2025-05-01 | sales | a | 100 | USD | | | |", "2025-06-01 | sales | a | -400 | USD | | | |")
        row = only(cards.cac(known(spend=spend, subscriptions=customers_of(6)), Q1), "cac_sm")
        assert (row.value, row.interval) == (-300 / 6, None)
        assert "credits exceed what was spent" in row.warnings

    def test_history_that_begins_in_the_window_is_told(self):
        came = customers_of(6).replace("old | old | 2024-01-01 | | 1 | |\n", "")
        row = only(cards.cac(known(spend=self.LEDGER, subscriptions=came), Q1), "cac_sm")
        assert row.warnings == ("history_starts_at 2025-06-01: whoever paid by then counts as new",)

    def test_a_window_of_a_running_quarter_is_that_of_the_months_that_are_over(self):
        partial = Calendar().period("2026Q1", date(2026, 3, 10))
        spend = lines(
            "2025-06-01 | sales | a | 1000 | USD | | | |",
            "2026-02-01 | sales | a | 200 | USD | | | |",
            "2026-03-01 | sales | a | 30 | USD | | | |",
        )
        late = "\n".join(customers_of(2, start=start, prefix=start[:7]).splitlines()[-2:][0] for start in
                         ("2026-02-10", "2026-03-05"))  # fmt: skip
        found = known("2026-03-11", spend=spend, subscriptions=customers_of(1) + "\n" + late, period=partial)
        rows = cards.cac(found, partial)
        row = only(rows, "cac_sm")
        assert (row.status, row.numerator, row.denominator) == ("partial", 1200, 2)  # March is not over
        by_quarter = only(cards.cac(found, partial, movement_grain="quarter"), "cac_sm")
        assert (by_quarter.numerator, by_quarter.denominator) == (1200, 2)  # nor is the quarter
        assert only(rows, "cac_sm_quarter").value == 200 / 1
        assert only(rows, "new_customers").value == 2  # so far

    def test_of_a_quarter_without_a_month_that_is_over(self):
        partial = Calendar().period("2026Q1", date(2026, 1, 20))
        spend = ledger(months=YEAR[:9], sales=900)
        found = known("2026-01-21", spend=spend, subscriptions=customers_of(9), period=partial)
        rows = cards.cac(found, partial)
        assert (only(rows, "cac_sm_quarter").status, only(rows, "cac_sm").value) == ("insufficient", 100)

    def test_a_window_without_a_month_that_is_over_is_refused_wherever_it_is_asked_for(self):
        partial = Calendar().period("2026Q1", date(2026, 1, 20))
        spend = "\n".join([SPEND, "2025-12-01 | sales | a | 900 | USD | | Ordo | search |"])
        deals = "deal_id | created_at | outcome | source\n D | 2026-01-05 | open | search"
        found = known("2026-01-21", spend=spend, subscriptions=customers_of(9), deals=deals, period=partial)
        quarter = {"cac_window_quarters": 1, "spend_lag_months": 0}
        assert {only(cards.cac(found, partial, **quarter), name).status for name in ("cac_sm", "cac_full")} == {
            "insufficient"
        }
        for card in (cards.cac_payback, cards.ltv_cac):
            with pytest.raises(Refused, match="no month of the window is over yet"):
                card(found, partial, gross_margin=0.8, **quarter)
        net = only(cards.ltv(found, partial, gross_margin=0.8, **quarter), "ltv_net")
        assert (net.status, net.warnings) == ("refused", ("no month of the window is over yet",))
        for listing in (lists.spend_by_department, lists.shared_vendors, lists.acquisition_by_channel):
            with pytest.raises(Refused, match="no month of the window is over yet"):
                listing(found, partial, **quarter)

    @pytest.mark.parametrize("label", ["2026-03", "2026-W13"])
    def test_a_month_or_a_week_has_no_quarters(self, label):
        period = Calendar().period(label)
        found = known(str(period.end), spend=self.LEDGER, subscriptions=customers_of(5), period=period)
        for card in (cards.cac, cards.cac_payback, cards.ltv_cac):
            rows = figures(card.__wrapped__, found, gross_margin=0.8)
            told = {(row.status, row.warnings) for row in rows if row.kpi_id != "new_customers"}
            assert told == {("not_provided", (f"not provided: a quarter; this is a {period.kind}",))}
        assert only(cards.ltv(found, period, gross_margin=0.8), "ltv_net").status == "not_provided"
        with pytest.raises(NotProvided, match=f"a quarter; this is a {period.kind}"):
            lists.spend_by_department(found, period)

    def test_quarters_of_a_listed_calendar(self):
        """A month belongs to the quarter that holds its middle: that of 4 January to 4 April has January to March."""
        names = [f"{2025 + i // 4}Q{i % 4 + 1}" for i in range(6)]
        starts = [date(2025, 1, 5), date(2025, 4, 6), date(2025, 7, 6), date(2025, 10, 5), date(2026, 1, 4),
                  date(2026, 4, 5)]  # fmt: skip
        period = Calendar(quarter_starts=tuple(zip(names, starts, strict=True))).period("2026Q1")
        spend = lines("2026-01-01 | sales | a | 7 | USD | | | |", "2026-04-01 | sales | a | 1000 | USD | | | |")
        found = known("2026-04-05", spend=spend, subscriptions=customers_of(1, start="2026-01-04"), period=period)
        assert only(cards.cac(found, period), "cac_sm_quarter").value == 7
        with_two_years = cards.cac(found, period, cac_window_quarters=8)
        assert only(with_two_years, "cac_sm").warnings == (
            "the calendar does not reach back 8 quarters; add them to quarter_starts",
        )


class TestMissingMonths:
    def refusal(self, spend, kpi_id="cac_sm", **more):
        row = only(cards.cac(known(spend=spend, subscriptions=customers_of(5)), Q1, **more), kpi_id)
        assert row.status == "refused"
        return row.warnings[0]

    def test_a_month_without_spend(self):
        gap = "\n".join(row for row in ledger(sales=100, marketing=50).splitlines() if "2025-09" not in row)
        assert self.refusal(gap) == "spend is missing for 2025-09; give 0 where nothing was spent"

    def test_a_month_without_that_of_one_department(self):
        gap = "\n".join(row for row in ledger(sales=100, marketing=50).splitlines() if "2026-03-01 | sales" not in row)
        assert self.refusal(gap) == "spend of sales is missing for 2026-03; give 0 where nothing was spent"

    def test_a_department_of_another_name_that_spent_in_the_missing_months_is_named(self):
        """From 2026 on the ledger calls sales Field team; research has its own name throughout."""
        spent = ledger(sales=100, marketing=50, research=7)
        lines = [row.replace("sales", "Field team") if row.startswith("2026") else row for row in spent.splitlines()]
        told = (
            "spend of sales is missing for 2026-01, 2026-02, 2026-03; Field team, research spent something then: where "
            "that is the same, say so in the query of spend, or give 0 where nothing was spent"
        )
        assert self.refusal("\n".join(lines)) == told
        mended = "\n".join(lines).replace("Field team", "sales")
        assert only(cards.cac(known(spend=mended, subscriptions=customers_of(5)), Q1), "cac_sm").value == 150 / 5

    def test_fewer_months_than_the_window_needs(self):
        half = ledger(months=YEAR[6:], sales=100)
        told = "spend is missing for 2025-04, 2025-05, 2025-06 and 3 more months; give 0 where nothing was spent"
        assert self.refusal(half) == told
        rows = cards.cac(known(spend=half, subscriptions=customers_of(5)), Q1)
        assert only(rows, "cac_sm_quarter").status == "undefined"  # its own three months are there; nobody came

    def test_the_lag_needs_months_before_the_window(self):
        assert self.refusal(ledger(sales=100), spend_lag_months=1).startswith("spend is missing for 2025-03;")

    def test_support_is_missed_by_one_variant_only(self):
        gap = "\n".join(row for row in ledger(sales=100, support=50).splitlines() if "2025-09-01 | supp" not in row)
        assert self.refusal(gap, "cac_full").startswith("spend of support is missing for 2025-09;")
        assert only(cards.cac(known(spend=gap, subscriptions=customers_of(5)), Q1), "cac_sm").value == 100 / 5

    def test_what_only_retains_is_spend_of_the_month(self):
        rows = ["2025-04-01 | sales | a | 60 | USD | | | |"]
        rows += [f"{month} | sales | b | 1 | USD | retain | | |" for month in YEAR]
        found = known(spend="\n".join([SPEND, *rows]), subscriptions=customers_of(5))
        assert only(cards.cac(found, Q1), "cac_sm").value == 60 / 5

    def test_departments_without_spend_or_with_some_later_on_are_told(self):
        later = ledger(sales=100) + "\n" + "\n".join(ledger(months=YEAR[4:], support=30).splitlines()[1:])
        rows = cards.cac(known(spend=later, subscriptions=customers_of(5)), Q1)
        assert only(rows, "cac_sm").warnings == ("the ledger names no spend of marketing",)
        assert only(rows, "cac_full").warnings == (
            "the ledger names no spend of marketing", "spend of support begins in 2025-08",
        )  # fmt: skip

    @pytest.mark.parametrize("sales", ["Ventas", "Field team"])
    def test_sales_of_another_name_are_not_left_out_untold(self, sales):
        """Each month sales cost 100 and marketing 50: 150 / 5 new customers, where marketing alone would be 50 / 5."""
        spent = ledger(sales=100, marketing=50, support=10)
        assert only(cards.cac(known(spend=spent, subscriptions=customers_of(5)), Q1), "cac_sm").value == 150 / 5
        told = (
            f"the ledger names no spend of sales, but of {sales}; "
            "where they are the same, say so in the query of spend, "
        )
        assert self.refusal(spent.replace("sales", sales)) == f"{told}or give 0 where nothing was spent"
        assert self.refusal(spent.replace("sales", sales), "cac_full").startswith(told)
        neither = ledger(support=10, **{"S&M": 150})
        assert self.refusal(neither).startswith("the ledger names no spend of marketing or sales, but of S&M;")

    def test_who_says_0_or_names_no_other_department_is_told_a_cost(self):
        found = known(spend=ledger(sales=0, marketing=50, research=70), subscriptions=customers_of(5))
        assert only(cards.cac(found, Q1), "cac_sm").value == 50 / 5
        found = known(spend=ledger(marketing=50, product=70), subscriptions=customers_of(5))
        assert only(cards.cac(found, Q1), "cac_sm").value == 50 / 5

    def test_spend_that_is_not_known_yet_is_missing(self):
        """P1: the ledger of March, closed on 8 April, is not known at the end of March."""
        closed = lines("2025-04-01 | sales | a | 100 | USD | | | |", months=YEAR[:-1]).replace(
            "segment", "segment | recorded_at"
        )
        closed = closed.replace("| |\n", "| | |\n") + " |\n2026-03-01 | sales | a | 20 | USD | | | | | 2026-04-08"
        assert self.refusal(closed) == "spend is missing for 2026-03; give 0 where nothing was spent"
        later = replace(Q1, as_of_on=date(2026, 4, 9))
        found = known("2026-04-09", spend=closed, subscriptions=customers_of(5), period=later)
        assert only(cards.cac(found, later), "cac_sm").value == (100 + 20) / 5


class TestParts:
    LEDGER = lines(
        "2025-05-01 | marketing | ads    | 400 | USD | | | search | small",
        "2025-05-01 | marketing | fair   | 900 | USD | | | events | large",
        "2025-05-01 | sales     | team   | 600 | USD | | |        | large",
        "2025-05-01 | sales     | travel | 50  | USD | | |        |",
        "2025-05-01 | support   | all    | 70  | USD | | |        |",
    )
    CUSTOMERS = """
        customer_id | name | signed_up_on | segment
        old | Old   | 2024-01-01 | small
        c0  | Ada   | 2025-06-01 | small
        c1  | Bob   | 2025-06-01 | small
        c2  | Cyd   | 2025-06-01 | large
        c3  | Dee   | 2025-06-01 |
    """
    DEALS = """
        deal_id | customer_id | created_at | closed_at  | outcome | source
        d0      | c0          | 2025-05-01 | 2025-05-20 | won     | search
        later   | c0          | 2025-07-01 | 2025-07-20 | won     | events
        lost    | c1          | 2025-04-01 | 2025-04-20 | lost    | events
        d1      | c1          | 2025-05-01 | 2025-05-20 | won     | search
        d2      | c2          | 2025-05-01 | 2025-05-20 | won     | partner
    """

    def found(self, **more):
        texts = {
            "spend": self.LEDGER,
            "subscriptions": customers_of(4),
            "customers": self.CUSTOMERS,
            "deals": self.DEALS,
        }
        return known(**{**texts, **more})

    def test_by_segment(self):
        parts = by(cards.cac(self.found(), Q1), "cac_full", "segment")
        assert {name: (row.numerator, row.n, row.value) for name, row in parts.items()} == {
            "large": (900 + 600, 1, 1500), "small": (400, 2, 200), "(none)": (50 + 70, None, None),
        }  # fmt: skip
        whole = 900 + 600 + 400 + 50 + 70
        assert whole == 2020
        assert parts["(none)"].warnings == (
            "5.9% of the spend (120 of 2,020 USD) names no segment, so it is in no segment's cost",
        )

    def test_by_channel(self):
        """The source of the first won deal: c0 and c1 came by search, c2 by partner, of c3 nothing is known."""
        parts = by(cards.cac(self.found(), Q1), "cac_sm", "channel")
        assert {name: (row.numerator, row.n, row.value) for name, row in parts.items()} == {
            "events": (900, 0, None), "partner": (None, 1, None), "search": (400, 2, 200), "(none)": (650, None, None),
        }  # fmt: skip
        assert parts["events"].warnings == ("no new customer; spent: 900 USD",)
        assert parts["partner"].warnings == ("no spend names this channel",)

    def test_parts_of_the_spend_add_up(self):
        rows = cards.cac(self.found(), Q1)
        for kpi_id, dimension in product(("cac_sm", "cac_full"), ("segment", "channel")):
            parts = sum(row.numerator or 0 for row in by(rows, kpi_id, dimension).values())
            assert parts == only(rows, kpi_id).numerator

    def test_only_where_spend_and_customers_carry_them(self):
        without = "\n".join(row.rsplit("|", 2)[0] for row in self.LEDGER.splitlines())
        assert {row.segment_by for row in cards.cac(self.found(spend=without), Q1)} == {""}
        nameless = "\n".join(row.rsplit("|", 1)[0] for row in self.CUSTOMERS.strip().splitlines())
        assert by(cards.cac(self.found(customers=nameless), Q1), "cac_sm", "segment") == {}
        sourceless = "\n".join(row.rsplit("|", 1)[0] for row in self.DEALS.strip().splitlines())
        assert by(cards.cac(self.found(deals=sourceless), Q1), "cac_sm", "channel") == {}

    def test_without_subscriptions_won_new_logos_are_counted(self):
        """c0, c1 and c2 once each; the deal of c0 in July is no first one, one without a customer counts as told."""
        deals = self.DEALS.replace("| source", "| source | deal_type").rstrip() + """ |
        nobody  |             | 2025-05-01 | 2025-06-20 | won     | search  | new_logo
        quitter | c9          | 2025-05-01 | 2025-06-20 | won     | search  | renewal
        early   | c8          | 2025-01-01 | 2025-01-20 | won     | search  |
        """  # fmt: skip
        deals = "\n".join(row if row.count("|") == 6 else row + " |" for row in deals.strip().splitlines())
        found = known(spend=self.LEDGER, deals=deals)
        rows = cards.cac(found, Q1)
        row = only(rows, "cac_sm")
        assert (row.numerator, row.denominator) == (400 + 900 + 600 + 50, 4)
        told = "new customers are counted by won new-logo deals, as there are no subscriptions"
        assert told in row.warnings
        assert {name: part.n for name, part in by(rows, "cac_sm", "channel").items()} == {
            "events": 0, "partner": 1, "search": 2, "(none)": None,
        }  # fmt: skip

    def test_a_deal_cancelled_in_the_window_won_nobody(self):
        deals = """
            deal_id | customer_id | created_at | closed_at  | outcome | cancelled_at
            d0      | c0          | 2025-05-01 | 2025-05-20 | won     | 2025-06-01
            d1      | c1          | 2025-05-01 | 2025-05-20 | won     |
        """
        assert only(cards.cac(known(spend=self.LEDGER, deals=deals), Q1), "cac_sm").denominator == 1


class TestCurrencies:
    SPEND = lines("2025-05-01 | sales | a | 100 | EUR | | | |", "2025-05-01 | sales | b | 7 | USD | | | |")
    RATES = "currency | rate | on\nEUR | 1.10 | 2025-12-31\nEUR | 1.20 | 2026-03-31"

    def test_at_the_rate_of_the_fiscal_year_or_of_the_last_day(self):
        found = known(spend=self.SPEND, subscriptions=customers_of(1), fx_rates=self.RATES)
        assert only(cards.cac(found, Q1), "cac_sm").value == pytest.approx(100 * 1.10 + 7)
        assert only(cards.cac(found, Q1, fx_mode="period_end"), "cac_sm").value == pytest.approx(100 * 1.20 + 7)

    def test_a_missing_rate_is_refused_by_name(self):
        row = only(cards.cac(known(spend=self.SPEND, subscriptions=customers_of(1)), Q1), "cac_sm")
        assert (row.status, row.warnings) == ("refused", ("no rate for EUR; add it to fx_rates",))


class TestPayback:
    def found(self, n=50, mrr=1500):
        return known(spend=TestCac.LEDGER, subscriptions=customers_of(n, mrr=mrr))

    def test_example(self):
        (row,) = cards.cac_payback(self.found(), Q1, gross_margin=0.8)
        assert (row.numerator, row.denominator) == (18_000, 1_500 * 0.8)
        assert row.value == 15.0

    def test_arpa_is_that_of_new_customers(self):
        """A large customer of long ago changes nothing: 900,000 / 2 / ((1,000 + 2,000) / 2 x 0.5) months."""
        rows = "\n".join([SUBSCRIPTIONS, "old | old | 2024-01-01 | | 90000 | |",
                          "a | A | 2025-06-01 | | 1000 | |", "b | B | 2025-07-01 | | 2000 | |"])  # fmt: skip
        (row,) = cards.cac_payback(known(spend=TestCac.LEDGER, subscriptions=rows), Q1, gross_margin=0.5)
        assert row.value == 450_000 / (1_500 * 0.5)

    def test_without_a_gross_margin_it_is_refused(self):
        with pytest.raises(Refused, match=r"no gross margin for 2026Q1; .* 100 % is never assumed"):
            cards.cac_payback(self.found(), Q1)

    def test_a_gross_margin_per_period(self):
        margins = {"2025Q4": 0.5, "2026Q1": 0.8}
        (row,) = cards.cac_payback(self.found(), Q1, gross_margin=margins)
        assert row.value == 15.0
        with pytest.raises(Refused, match="no gross margin for 2026Q1"):
            cards.cac_payback(self.found(), Q1, gross_margin={"2025Q4": 0.5})

    def test_nobody_was_won(self):
        (row,) = cards.cac_payback(self.found(n=0), Q1, gross_margin=0.8)
        assert (row.status, row.value) == ("undefined", None)

    def test_needs_subscriptions_even_where_deals_count_customers(self):
        with pytest.raises(NotProvided, match="subscriptions"):
            cards.cac_payback(known(spend=TestCac.LEDGER, deals=TestParts.DEALS), Q1, gross_margin=0.8)


def orders_of_the_article():
    """360 orders of 5,000 by 60 customers, 6 each, in the year to March 2026."""
    days = ["2025-04-10", "2025-06-10", "2025-08-10", "2025-10-10", "2025-12-10", "2026-02-10"]
    rows = [f"{i}-{day} | c{i} | {day} | 5000 | one_off | USD" for i in range(60) for day in days]
    return "\n".join(["invoice_line_id | customer_id | invoiced_on | amount | kind | currency", *rows])


class TestArticle:
    """The worked example of the article on five KPIs: 8 months are 0.667 years, and the decision flips."""

    def test_lifetime_value_from_orders(self):
        row = only(cards.ltv(known(invoices=orders_of_the_article()), Q1, lifetime_months=8), "ltv_orders")
        average, frequency, years = 1_800_000 / 360, 360 / 60, 8 / 12
        assert (average, frequency) == (5_000, 6)
        assert row.value == pytest.approx(average * frequency * years) == pytest.approx(20_000)
        assert row.value != pytest.approx(24_000)  # as printed, with 0.8 years
        assert (row.denominator, row.n) == (60, 60)

    def test_the_unit_slip_flips_the_decision(self):
        """At a CAC of 7,000, 420,000 for 60 customers: 20,000 / 7,000 is below 3, the 24,000 printed above it."""
        found = known(
            invoices=orders_of_the_article(), spend=ledger(sales=300_000, marketing=120_000),
            subscriptions=customers_of(60),
        )  # fmt: skip
        cac = only(cards.cac(found, Q1), "cac_full").value
        ltv = only(cards.ltv(found, Q1, lifetime_months=8), "ltv_orders").value
        assert cac == 7_000
        assert ltv / cac == pytest.approx(2.857142857)
        assert ltv / cac < 3 < 24_000 / cac == pytest.approx(3.43, abs=0.005)

    def test_at_gross_margin_and_net_of_acquisition_cost(self):
        """20,000 x 0.8 = 16,000; 20,000 - 14,000 = 6,000."""
        found = known(
            invoices=orders_of_the_article(), spend=ledger(sales=600_000, marketing=240_000),
            subscriptions=customers_of(60),
        )  # fmt: skip
        listing = lists.lifetime_values(found, Q1, gross_margin=0.8, **{**LIFE, "lifetime_months": 8}, **WINDOW)
        (row,) = [row for row in records(listing) if row["way"] == "From orders"]
        assert (row["value"], row["margin"], row["net"]) == pytest.approx((20_000, 16_000, 6_000))
        assert (row["monthly"], row["months"]) == pytest.approx((2_500, 8))

    def test_the_pack_tells_it_in_the_definition(self):
        definition = " ".join((cards.ltv.__doc__ or "").split())
        for told in ("5,000 × 6 × 8/12 = 20,000", "24,000", "2.86", "3.43"):
            assert told in definition


class TestLtvFromOrders:
    INVOICES = """
        invoice_line_id | customer_id | invoiced_on | amount | kind      | order_id | currency
        old             | A           | 2025-03-31  | 9000   | recurring | o0       | USD
        a1              | A           | 2025-04-01  | 100    | recurring | o1       | USD
        a2              | A           | 2025-04-01  | 40     | usage     | o1       | USD
        a3              | A           | 2025-04-01  | 26     | tax       | o1       | USD
        b1              | B           | 2025-09-01  | 60     | services  |          | USD
        credit          | B           | 2025-10-01  | -20    | services  |          | USD
        only_credit     | C           | 2025-10-01  | -30    | recurring |          | USD
        next            | A           | 2026-04-01  | 8000   | recurring |          | USD
    """

    def test_credits_lower_revenue_and_not_the_count(self):
        """100 + 40 + 60 - 20 - 30 of the customers A and B who ordered; C was credited alone; tax is none of it."""
        row = only(cards.ltv(known(invoices=self.INVOICES), Q1, lifetime_months=24.0), "ltv_orders")  # as notebooks do
        assert row.value == pytest.approx((100 + 40 + 60 - 20 - 30) / 2 * 2)
        assert row.denominator == 2
        later = known("2026-05-01", invoices=self.INVOICES)  # knows the 8000 of April, which are of no year to March
        assert only(cards.ltv(later, lifetime_months=24.0), "ltv_orders").value == row.value

    def test_a_lifetime_need_not_be_whole_months(self):
        """A review's 7.5 is a float, and so is its 24: 150 of revenue / 2 customers x 7.5 / 12 years."""
        row = only(cards.ltv(known(invoices=self.INVOICES), Q1, lifetime_months=7.5), "ltv_orders")
        assert row.value == pytest.approx(150 / 2 * 7.5 / 12)
        assert (row.numerator, row.denominator) == (pytest.approx(150 * 7.5 / 12), 2)

    def test_without_a_lifetime_it_is_not_told(self):
        row = only(cards.ltv(known(invoices=self.INVOICES), Q1), "ltv_orders")
        assert (row.status, row.warnings) == ("not_provided", ("not provided: lifetime_months",))

    def test_nobody_ordered(self):
        none = self.INVOICES.splitlines()[1] + "\nold | A | 2020-01-01 | 9000 | recurring | |"
        row = only(cards.ltv(known(invoices=none), Q1, lifetime_months=24), "ltv_orders")
        assert (row.status, row.value) == ("undefined", None)

    def test_an_invoice_without_a_rate_is_not_left_out(self):
        gold = self.INVOICES + "gold | D | 2025-06-01 | 1 | recurring | | XAU"
        row = only(cards.ltv(known(invoices=gold), Q1, lifetime_months=24), "ltv_orders")
        assert (row.status, row.warnings) == ("refused", ("no rate for XAU; add it to fx_rates",))

    def test_invoices_that_begin_within_the_year_are_told(self):
        short = "\n".join(row for row in self.INVOICES.splitlines() if "2025-04" not in row and "old" not in row)
        row = only(cards.ltv(known(invoices=short), Q1, lifetime_months=24), "ltv_orders")
        assert row.warnings == ("history_starts_at 2025-09-01: orders are counted from 2025-04-01",)


class TestLtvFromChurn:
    def test_example(self):
        """18 customers of 12 months at risk, four of 7 and one of 6 that then left: 5 of 250, churn 2 % a month."""
        stay = [f"s{i} | s{i} | 2025-01-01 | | 1500 | |" for i in range(18)]
        left = [f"l{i} | l{i} | 2025-01-01 | 2025-10-15 | 900 | |" for i in range(4)]
        rows = "\n".join([SUBSCRIPTIONS, *stay, *left, "l | l | 2025-01-01 | 2025-09-15 | 900 | |"])
        row = only(cards.ltv(known(subscriptions=rows), Q1, gross_margin=0.8), "ltv_margin")
        assert 18 * 12 + 4 * 7 + 6 == 250
        assert row.denominator == 5 / 250
        assert row.value == pytest.approx(1_500 * 0.8 / 0.02) == pytest.approx(60_000)
        # 5 churned customers are 1.623486 to 11.668332 (Garwood)
        assert row.interval[:2] == pytest.approx((1_200 * 250 / 11.668332, 1_200 * 250 / 1.623486))
        assert (row.n, row.status) == (5, "ok")
        # 1 / 2 % are 50 months; nobody has been followed for more than the 455 days since January 2025
        assert row.warnings == ("this churn stands for a life of 50 months; the longest so far is 15",)

    def test_example_of_no_churn_is_capped(self):
        """5 customers of 12 months: 60 customer-months without churn; 1 - 0.05^(1/60) = 4.87 % a month."""
        stay = "\n".join([SUBSCRIPTIONS, *(f"s{i} | s{i} | 2025-01-01 | | 1500 | |" for i in range(5))])
        row = only(cards.ltv(known(subscriptions=stay), Q1, gross_margin=0.8), "ltv_margin")
        assert row.value == pytest.approx(1_500 * 0.8 * 60) == pytest.approx(72_000)
        bound = 1 - 0.05 ** (1 / 60)
        assert f"{bound:.2%}" == "4.87%"
        assert row.status == "ok"
        assert row.warnings == (
            "capped at 60 months: nobody churned in 60 customer-months, which leaves up to 4.87 % a month possible",
        )

    def test_where_nobody_pays_any_more_there_is_no_arpa(self):
        left = [f"l{i} | l{i} | 2025-01-01 | 2025-10-15 | 900 | |" for i in range(5)]
        found = known(subscriptions="\n".join([SUBSCRIPTIONS, *left]))
        for kpi_id in ("ltv_margin", "ltv_km"):
            row = only(cards.ltv(found, Q1, gross_margin=0.8), kpi_id)
            assert (row.status, row.value, row.interval) == ("undefined", None, None)

    @pytest.mark.parametrize(("churned", "status"), [(1, "insufficient"), (4, "insufficient"), (5, "ok")])
    def test_few_that_churned(self, churned, status):
        left = [f"l{i} | l{i} | 2025-01-01 | 2025-10-15 | 900 | |" for i in range(churned)]
        rows = "\n".join([SUBSCRIPTIONS, "s | s | 2025-01-01 | | 1500 | |", *left])
        row = only(cards.ltv(known(subscriptions=rows), Q1, gross_margin=0.8), "ltv_margin")
        assert (row.status, row.n, row.value is None) == (status, churned, status != "ok")

    def test_who_left_and_came_back_churned_once_and_is_at_risk_again(self):
        """A pays on the eves of April to June and of November to March: 3 + 5 months, one churn."""
        back = "\n".join([SUBSCRIPTIONS, "a | A | 2025-01-01 | 2025-06-15 | 9 | |", "b | A | 2025-10-31 | | 9 | |"])
        row = only(cards.ltv(known(subscriptions=back), Q1, gross_margin=0.8), "ltv_margin")
        assert row.denominator == 1 / (3 + 5)

    def test_history_that_is_short_is_told(self):
        rows = "\n".join([SUBSCRIPTIONS, "s | s | 2025-09-15 | | 1500 | |"])
        row = only(cards.ltv(known(subscriptions=rows), Q1, gross_margin=0.8), "ltv_margin")
        assert row.warnings[0] == "history_starts_at 2025-09-15: churn is counted from 2025-03-31"


TWO_SEGMENTS = """
    customer_id | name | signed_up_on | segment
    A | Ada | 2025-04-01 | large
    B | Bob | 2025-04-01 | large
    C | Cyd | 2025-04-01 | small
    D | Dee | 2025-04-01 | small
"""
LIVES = f"""{SUBSCRIPTIONS}
    a | A | 2025-04-01 |            | 1000 | |
    b | B | 2025-04-01 | 2025-06-13 | 700  | |
    c | C | 2025-04-01 | 2025-11-06 | 400  | |
    d | D | 2025-04-01 |            | 2000 | |
"""


class TestLtvFromLives:
    """A and D live for 365 days, 12 months; B left after 73, 2.4 months, C after 219, 7.2 months."""

    def row(self, horizon=12, subscriptions=LIVES, **more):
        found = known(subscriptions=subscriptions, **more)
        return only(cards.ltv(found, Q1, gross_margin=0.8, ltv_horizon_months=horizon), "ltv_km")

    def test_arpa_at_margin_for_the_restricted_mean(self):
        # all stay 2.4 months, three quarters 4.8 more, half 4.8 more: 2.4 + 3.6 + 2.4
        months = 1 * 2.4 + 0.75 * 4.8 + 0.5 * 4.8
        assert months == pytest.approx(8.4)
        assert self.row().value == pytest.approx((1000 + 2000) / 2 * 0.8 * months) == pytest.approx(10_080)
        assert self.row().n == 4

    def test_who_comes_or_leaves_on_the_last_day(self):
        """E pays from it on, and is followed for a day; F does not on it, and left after 364 days."""
        came, later = (f"{LIVES}    e | E | {day} | | 3000 | |\n" for day in ("2026-03-31", "2026-04-01"))
        assert self.row(subscriptions=came).value == pytest.approx((1000 + 2000 + 3000) / 3 * 0.8 * 8.4)
        assert (self.row(subscriptions=came).n, self.row(subscriptions=later).n) == (5, 4)
        left = f"{LIVES}    f | F | 2025-04-01 | 2026-03-31 | 500 | |\n"
        end = 364 * 12 / 365
        months = 2.4 + 4 / 5 * 4.8 + 3 / 5 * (end - 7.2) + 2 / 5 * (12 - end)
        assert self.row(subscriptions=left).value == pytest.approx((1000 + 2000) / 2 * 0.8 * months)

    def test_a_nearer_horizon(self):
        assert self.row(horizon=6).value == pytest.approx(1200 * (2.4 + 0.75 * 3.6))

    def test_a_parent_lives_as_long_as_the_first_and_the_last_of_its_customers(self):
        """P pays for all four: one customer of 3,000 that stayed for 12 months. Without parents nothing is told."""
        given = {"gross_margin": 0.8, "ltv_horizon_months": 12, "account_level": "parent"}
        header, *rows = TWO_SEGMENTS.strip().splitlines()
        customers = "\n".join([f"{header} | parent_id", *(f"{row} | P" for row in rows)])
        found = known(subscriptions=LIVES, customers=customers)
        row = only(cards.ltv(found, Q1, **given), "ltv_km")
        assert (row.value, row.n, row.interval) == (pytest.approx(3000 * 0.8 * 12), 1, None)
        untold = known(subscriptions=LIVES, customers=TWO_SEGMENTS)
        with pytest.raises(NotProvided, match=r"customers\.parent_id"):
            cards.ltv(untold, Q1, **given)
        with pytest.raises(NotProvided, match=r"customers\.parent_id"):
            theme.sales_bridge(replace(untold, rules={**untold.rules, "account_level": "parent"}))

    def test_beyond_those_who_were_followed_it_says_nothing(self):
        row = self.row(horizon=13)
        assert (row.status, row.value) == ("insufficient", None)
        assert row.warnings == (
            "nobody has been followed for 13 months, the longest for 12.0; lower ltv_horizon_months",
        )

    def test_the_interval_is_that_of_customers_drawn_with_replacement(self):
        """Every draw of four of the four customers, 256 in all; those in which nobody pays have no ARPA."""
        stays = lives(known(subscriptions=LIVES))
        values = []
        for drawn in product(range(4), repeat=4):
            some = stays.iloc[list(drawn)]
            if some["mrr"].any():
                curve = kaplan_meier(some["months"], some["left"])
                edges = [0.0, *[t for t in curve.times if t < 12], 12.0]
                area = sum(curve.at(a) * (b - a) for a, b in pairwise(edges))
                values.append(some["mrr"][some["mrr"] > 0].mean() * area)
        low, high = np.quantile(values, [0.025, 0.975])
        found = value_interval(stays.rename(columns={"left": "is_left"}), 12)
        assert (found.low, found.high) == pytest.approx((low, high))
        assert self.row().interval[:2] == pytest.approx((0.8 * found.low, 0.8 * found.high))

    def test_few_customers_are_told(self):
        assert self.row().warnings == (
            "dominated by few: fewer than 30 paying customers, or one with over 20 % of the MRR",
        )

    def test_nobody_has_left(self):
        rows = "\n".join([SUBSCRIPTIONS, *(f"s{i} | s{i} | 2025-04-01 | | 10 | |" for i in range(30))])
        row = self.row(subscriptions=rows)
        assert (row.value, row.warnings) == (
            pytest.approx(10 * 0.8 * 12), ("capped: nobody has left, so each counts 12 months",),
        )  # fmt: skip

    def test_who_left_on_the_last_day_but_one_has_left_and_a_later_end_has_not(self):
        ends = "\n".join(
            [SUBSCRIPTIONS, "a | A | 2025-04-01 | 2026-03-31 | 10 | |", "b | B | 2025-04-01 | 2026-04-01 | 10 | |"]
        )
        stays = lives(known(subscriptions=ends))
        assert list(stays["left"]) == [True, False]

    def test_segments(self):
        rows = cards.ltv(
            known(subscriptions=LIVES, customers=TWO_SEGMENTS), Q1, gross_margin=0.8, ltv_horizon_months=12
        )
        # large: A stays, B leaves after 2.4 of 12 months; small: D stays, C leaves after 7.2
        assert {name: row.value for name, row in by(rows, "ltv_km", "segment").items()} == {
            "large": pytest.approx(800 * (2.4 + 0.5 * 9.6)), "small": pytest.approx(1600 * (7.2 + 0.5 * 4.8)),
        }  # fmt: skip


class TestLtvNet:
    # one customer of long ago, and two who came in the window: 12 months each of those that live
    SPEND = lines(
        "2025-05-01 | sales     | a | 4000 | USD | | | | large",
        "2025-05-01 | marketing | a | 1000 | USD | | | | small",
        "2025-05-01 | support   | a | 500  | USD | | | | small",
    )
    OTHER = "\n".join([
        "", "2025-05-01 | onboarding | setup | 300 | USD | acquire | | |",
        "2025-05-01 | product | all | 9000 | USD | both | | |",
    ])  # fmt: skip

    def row(self, kpi_id="ltv_net", segment="", **texts):
        found = known(**{"spend": self.SPEND, "subscriptions": LIVES, **texts})
        return only(cards.ltv(found, Q1, gross_margin=0.8, ltv_horizon_months=12), kpi_id, segment)

    def test_less_acquisition_cost(self):
        """10,080 less (4,000 + 1,000 + 500) / 4."""
        assert self.row().value == pytest.approx(10_080 - 5_500 / 4)

    def test_less_what_other_departments_spent_on_winning_them(self):
        assert self.row(spend=self.SPEND + self.OTHER).value == pytest.approx(10_080 - 5_500 / 4 - 300 / 4)

    def test_nobody_was_won(self):
        rows = LIVES.replace("2025-04-01", "2024-04-01")  # all came a year before, and B and C stayed longer
        assert self.row(subscriptions=rows).status == "undefined"
        assert self.row("ltv_km", subscriptions=rows).status == "ok"

    def test_by_segment_where_all_spend_names_one(self):
        assert self.row(segment="large", customers=TWO_SEGMENTS).value == pytest.approx(800 * 7.2 - 4000 / 2)
        assert self.row(segment="small", customers=TWO_SEGMENTS).value == pytest.approx(1600 * 9.6 - 1500 / 2)
        partly = self.row(segment="small", customers=TWO_SEGMENTS, spend=self.SPEND + self.OTHER)
        assert (partly.status, partly.warnings) == ("insufficient", ("not all of the spend names a segment",))

    def test_is_refused_or_not_provided_alone(self):
        assert self.row(spend="\n".join(self.SPEND.splitlines()[:2])).status == "refused"
        rows = cards.ltv(known(subscriptions=LIVES), Q1, gross_margin=0.8, ltv_horizon_months=12)
        assert {row.kpi_id: row.status for row in rows} == {
            "ltv_orders": "not_provided", "ltv_margin": "insufficient", "ltv_km": "ok", "ltv_net": "not_provided",
        }  # fmt: skip


class TestLtvCac:
    def row(self, horizon=12, gross_margin=0.8, **texts):
        found = known(**{"spend": TestLtvNet.SPEND, "subscriptions": LIVES, **texts})
        (row,) = cards.ltv_cac(found, Q1, gross_margin=gross_margin, ltv_horizon_months=horizon)
        return row

    def test_lifetime_value_before_acquisition_cost(self):
        """10,080 / 1,375; net of CAC it would be 8,705 / 1,375, which counts the cost twice."""
        row = self.row()
        assert (row.numerator, row.denominator) == (pytest.approx(10_080), 5_500 / 4)
        assert row.value == pytest.approx(10_080 / 1_375)

    def test_follows_the_status_of_its_parts(self):
        assert self.row(horizon=13).status == "insufficient"
        assert self.row(subscriptions=LIVES.replace("2025-04-01", "2024-04-01")).status == "undefined"
        with pytest.raises(Refused, match="gross margin"):
            self.row(gross_margin=None)
        with pytest.raises(Refused, match="spend is missing"):
            self.row(spend="\n".join(TestLtvNet.SPEND.splitlines()[:2]))


class TestSales:
    DEALS = """
        deal_id|customer_id|created_at|closed_at |outcome|amount|one_off_amount|term_months|deal_type|cancelled_at
        first  |A          |2024-12-01|2025-01-10|won    |1200  |              |12         |new_logo |
        gone   |B          |2025-10-01|2025-11-01|won    |600   |              |12         |new_logo |2026-02-01
        renewed|A          |2025-12-01|2026-01-10|won    |1500  |              |12         |renewal  |
        years  |C          |2025-12-01|2026-02-10|won    |3600  |250           |36         |new_logo |
        setup  |C          |2026-01-01|2026-02-10|won    |      |90            |           |new_logo |
        blank  |D          |2026-01-01|2026-02-10|won    |      |              |           |new_logo |
        undone |E          |2026-01-01|2026-02-10|won    |7777  |              |12         |new_logo |2026-03-01
        lost   |F          |2026-01-01|2026-02-10|lost   |8888  |              |12         |new_logo |
    """
    INVOICES = """
        invoice_line_id | customer_id | invoiced_on | amount | kind      | currency
        early           | A           | 2025-12-31  | 5000   | recurring | USD
        year            | A           | 2026-01-10  | 1500   | recurring | USD
        setup           | C           | 2026-02-10  | 340    | services  | USD
        credit          | A           | 2026-03-31  | -100   | recurring | USD
        tax             | C           | 2026-02-10  | 65     | tax       | USD
        late            | A           | 2026-04-01  | 6000   | recurring | USD
    """
    SUBSCRIPTIONS = f"""{SUBSCRIPTIONS}
        a | A | 2025-01-10 | 2026-01-10 | 100 | |
        a | A | 2026-01-10 |            | 125 | |
        b | B | 2025-11-01 | 2026-02-01 | 50  | |
        c | C | 2026-03-01 |            | 100 | |
    """

    def test_two_answers_and_no_total(self):
        """Won: 1,500 + 3,600 + 250 + 90; invoiced: 1,500 + 340 - 100."""
        rows = cards.sales_total(known(deals=self.DEALS, invoices=self.INVOICES), Q1)
        assert {(row.segment_by, row.segment): row.value for row in rows} == {
            ("sales", "won"): 1500 + 3600 + 250 + 90, ("sales", "invoiced"): 1500 + 340 - 100,
        }  # fmt: skip
        won, invoiced = rows
        assert (won.n, won.excluded) == (3, {"won and cancelled in the period": 1, "no_amount": 1})
        assert invoiced.n == 3

    def test_each_without_the_other(self):
        won, invoiced = cards.sales_total(known(deals=self.DEALS), Q1)
        assert (won.status, invoiced.status, invoiced.warnings) == ("ok", "not_provided", ("not provided: invoices",))
        invoiced, won = cards.sales_total(known(invoices=self.INVOICES), Q1)  # what lacks its data stands last
        assert (won.status, invoiced.value) == ("not_provided", 1740)

    def test_deals_without_any_amount_are_not_nothing(self):
        blank = "\n".join(row for row in self.DEALS.splitlines() if "deal_id" in row or "blank" in row)
        won, _ = cards.sales_total(known(deals=blank), Q1)
        assert (won.status, won.value) == ("undefined", None)

    def test_bridge(self):
        found = known(deals=self.DEALS, invoices=self.INVOICES, subscriptions=self.SUBSCRIPTIONS)
        listing = sales_bridge(found, Q1)
        steps = {row["step"]: (row["amount"], row["monthly"]) for row in records(listing)}
        amounts = [amount for amount, _ in steps.values() if amount == amount]
        # 5,440 - 340 one-off - 1,200 held before - 2,400 of the second and third year - 600 cancelled now = 900
        assert amounts[:6] == pytest.approx([5440, -340, -1200, -2400, -600, 900])
        # MRR: C is new with 100, A expands by 25, booked are 900 / 12 = 75; B's 50 are lost: 150 to 225
        assert [monthly for _, monthly in steps.values() if monthly == monthly] == pytest.approx(
            [75, 50, 125, 150, -50, 225]
        )
        # its months end at 175, 125 and 225; 1,400 of recurring amounts were invoiced, and 340 of others
        assert amounts[6:] == pytest.approx([175 + 125 + 225, 1400 - 525, 1400, 340, 1740])

    @pytest.mark.parametrize("given", [("deals",), ("subscriptions",), ("invoices",), ("subscriptions", "invoices")])
    def test_bridge_of_what_is_given(self, given):
        texts = {"deals": self.DEALS, "subscriptions": self.SUBSCRIPTIONS, "invoices": self.INVOICES}
        listing = sales_bridge(known(**{name: texts[name] for name in given}), Q1)
        last = {"deals": "New bookings, a year's worth", "subscriptions": "MRR at the end of the period",
                "invoices": "Invoiced in the period"}  # fmt: skip
        assert records(listing)[-1]["step"] == last[given[-1]]

    @pytest.mark.parametrize(
        ("table", "row"),
        [
            ("deals", "X | X | 2026-01-05 | 2026-02-01 | won | 100 | XAU |"),
            ("deals", "X | X | 2025-01-05 | 2025-02-01 | won | 100 | XAU | 2026-02-01"),
            ("invoices", "X | X | 2026-02-01 | 100 | XAU | recurring"),
        ],
    )
    def test_bridge_without_a_rate(self, table, row):
        """An amount whose currency has no rate is not 0, be it won, taken off, or invoiced."""
        header = {
            "deals": "deal_id | customer_id | created_at | closed_at | outcome | amount | currency | cancelled_at",
            "invoices": "invoice_line_id | customer_id | invoiced_on | amount | currency | kind",
        }[table]
        with pytest.raises(Refused, match="no rate for XAU"):
            sales_bridge(known(**{table: f"{header}\n{row}"}), Q1)

    def test_bridge_of_nothing(self):
        with pytest.raises(NotProvided):
            sales_bridge(known(customers=TestParts.CUSTOMERS), Q1)


class TestListings:
    def test_spend_by_department(self):
        spend = lines(
            "2025-05-01 | sales   | a | 100 | USD | | | |", "2025-05-01 | sales   | b | 30 | USD | retain | | |",
            "2025-05-01 | support | a | 20  | USD | | | |", "2025-05-01 | product | a | 900 | USD | | | |",
        )  # fmt: skip
        found = lists.spend_by_department(known(spend=spend), Q1, **WINDOW)
        by_name = {row.pop("department"): list(row.values()) for row in records(found)}
        assert by_name["sales"] == [130, 30, 100, 100]
        assert by_name["support"][1::2] == [0, 20]
        assert by_name["product"][:2] == [900, 0]
        assert found.rows[list(found.total)].sum().tolist() == [1050, 30, 100, 120]

    def test_channels(self):
        rows = records(lists.acquisition_by_channel(TestParts().found(), Q1, **WINDOW))
        told = {row["channel"]: (row["amount"], row["customers"], row["mrr"]) for row in rows}
        assert told == {
            "events": (900, 0, 0), "(none)": (650, 1, 1500), "search": (400, 2, 3000), "partner": (0, 1, 1500),
        }  # fmt: skip
        assert {row["channel"]: row["cac"] for row in rows if row["cac"] == row["cac"]} == {"search": 200}

    def test_vendors_that_several_departments_pay(self):
        """Ordo is paid by two departments; telephony is bought twice, from Tel and from Fon; Solo is nobody else's."""
        spend = lines(
            "2025-05-01 | sales     | crm       | 100 | USD |        | Ordo | |",
            "2025-05-01 | support   | help desk | 250 | USD | both   | Ordo | |",
            "2025-05-01 | sales     | telephony | 30  | USD |        | Tel  | |",
            "2025-05-01 | marketing | telephony | 40  | USD | retain | Fon  | |",
            "2025-05-01 | marketing | ads       | 500 | USD |        | Solo | |",
            "2025-05-01 | product   | salaries  | 900 | USD |        |      | |",
            "2025-05-01 | sales     | salaries  | 900 | USD |        |      | |",
        )
        rows = lists.shared_vendors(known(spend=spend), Q1, **WINDOW).rows.to_numpy().tolist()
        assert rows == [
            ["Ordo", "Vendor", "support, sales", "crm, help desk", 350],
            ["telephony", "Category", "marketing, sales", "Fon, Tel", 70],
        ]

    def test_vendors_need_their_column(self):
        with pytest.raises(NotProvided, match=r"spend\.vendor"):
            lists.shared_vendors(known(spend=ledger(sales=1)), Q1, **WINDOW)

    def test_lifetime_values_step_by_step(self):
        found = known(spend=TestLtvNet.SPEND, subscriptions=LIVES)
        (row,) = records(
            lists.lifetime_values(found, Q1, gross_margin=0.8, **{**LIFE, "ltv_horizon_months": 12}, **WINDOW)
        )
        assert row["way"] == "From customer lives"
        assert (row["monthly"], row["months"], row["value"]) == pytest.approx((1200, 8.4, 10_080))
        assert row["net"] == pytest.approx(10_080 - 1_375)

    def test_a_month_has_no_cost_of_a_customer(self):
        """As its KPI: so there is nothing to take off a lifetime value, and nothing to list by channel."""
        march = Calendar().period("2026-03")
        found = known(spend=TestParts.LEDGER, subscriptions=LIVES, deals=TestParts.DEALS, period=march)
        since_april = {"cac_window_quarters": 12, "spend_lag_months": 0}
        life = {"lifetime_months": None, "ltv_horizon_months": 12, "gross_margin": 0.8}
        (row,) = records(lists.lifetime_values(found, march, **life, **since_april))
        assert (row["value"], row["net"]) == (pytest.approx(10_080), pytest.approx(float("nan"), nan_ok=True))
        with pytest.raises(NotProvided, match="a quarter; this is a month"):
            lists.acquisition_by_channel(found, march, **since_april)

    def test_lifetime_values_of_nothing(self):
        assert lists.lifetime_values(known(subscriptions=LIVES), Q1, **LIFE, **WINDOW).rows.empty

    def test_listings_of_an_empty_ledger(self):
        found = known(spend=SPEND, subscriptions=SUBSCRIPTIONS, deals=TestParts.DEALS)
        for listing in (lists.spend_by_department, lists.shared_vendors):
            assert listing(found, Q1, **WINDOW).rows.empty
        with pytest.raises(Refused):
            lists.acquisition_by_channel(found, Q1, **WINDOW)


GIVEN = {"gross_margin": 0.8, "lifetime_months": 8}
CARDS = (cards.cac, cards.cac_payback, cards.ltv, cards.ltv_cac)


@pytest.mark.whole
class TestEveryCard:
    @staticmethod
    def statuses(found, card, horizon):
        try:
            return {row.kpi_id: row.status for row in card(found, Q1, **GIVEN, ltv_horizon_months=horizon)}
        except NotProvided:
            return dict.fromkeys(ids_of(card.__name__), "not_provided")
        except Refused:
            return dict.fromkeys(ids_of(card.__name__), "refused")

    def all(self, found, horizon=60):
        return {kpi_id: status for card in CARDS for kpi_id, status in self.statuses(found, card, horizon).items()}

    def test_gives_its_ids_and_no_others(self):
        found = TestParts().found(invoices=TestSales.INVOICES)
        for card in (*CARDS, cards.sales_total):
            assert {row.kpi_id for row in card(found, Q1, **GIVEN)} == set(ids_of(card.__name__))

    def test_without_spend_only_what_needs_it_is_not_provided(self):
        """P9."""
        found = known(subscriptions=LIVES, invoices=TestSales.INVOICES)
        provided = {kpi_id for kpi_id, status in self.all(found, 12).items() if status != "not_provided"}
        assert provided == {"ltv_orders", "ltv_margin", "ltv_km"}

    def test_without_subscriptions(self):
        """P9: new customers are counted by deals, and nothing that needs MRR is told."""
        found = known(spend=TestParts.LEDGER, deals=TestParts.DEALS, invoices=TestSales.INVOICES)
        provided = {kpi_id for kpi_id, status in self.all(found).items() if status != "not_provided"}
        assert provided == {*ids_of("cac"), "ltv_orders"}

    def test_without_anything_to_count_customers_by(self):
        with pytest.raises(NotProvided, match="subscriptions"):
            cards.cac(known(spend=TestParts.LEDGER), Q1)

    def test_without_a_gross_margin(self):
        found = known(spend=TestLtvNet.SPEND, subscriptions=LIVES)
        rows = cards.ltv(found, Q1, ltv_horizon_months=12)
        assert {row.kpi_id for row in rows if row.status == "refused"} == {"ltv_margin", "ltv_km", "ltv_net"}

    def test_of_empty_tables(self):
        """P11: a ledger without months is refused by name; without orders and subscriptions nothing is divided."""
        found = known(spend=SPEND, subscriptions=SUBSCRIPTIONS, invoices=TestSales.INVOICES.splitlines()[1])
        told = self.all(found)
        refused = {"cac_sm", "cac_full", "cac_sm_quarter", "cac_full_quarter", "cac_payback", "ltv_net"}
        assert {kpi_id for kpi_id, status in told.items() if status == "refused"} >= refused
        assert {told[kpi_id] for kpi_id in ("ltv_orders", "ltv_margin", "ltv_km")} == {"undefined"}
        assert told["new_customers"] == "ok"
        assert [row.value for row in cards.sales_total(known(deals=TestSales.DEALS.splitlines()[1]), Q1)] == [0, None]

    def test_of_one_customer(self):
        """P11."""
        found = known(spend=ledger(sales=12), subscriptions=f"{SUBSCRIPTIONS}\na | A | 2025-04-01 | | 10 | |")
        told = self.all(found, 12)
        assert {kpi_id for kpi_id, status in told.items() if status == "ok"} == {
            "cac_sm", "cac_full", "new_customers", "cac_payback", "ltv_margin", "ltv_km", "ltv_net", "ltv_cac",
        }  # fmt: skip
        assert told["cac_sm_quarter"] == told["cac_full_quarter"] == "undefined"  # nobody came in the quarter

    def test_amounts_times_k(self):
        """P3: money times 7, months and ratios as they were."""

        def scaled(text, column, k):
            head, *rows = text.strip().splitlines()
            at = [name.strip() for name in head.split("|")].index(column)
            cells = [row.split("|") for row in rows]
            for row in cells:
                row[at] = str(float(row[at]) * k)
            return "\n".join([head, *("|".join(row) for row in cells)])

        def figures(k):
            texts = {"spend": (TestLtvNet.SPEND, "amount"), "subscriptions": (LIVES, "mrr"),
                     "invoices": (orders_of_the_article(), "amount")}  # fmt: skip
            found = known(**{name: scaled(*text, k) for name, text in texts.items()})
            rows = [row for card in CARDS for row in card(found, Q1, **GIVEN, ltv_horizon_months=12)]
            return {row.kpi_id: row.value for row in rows if not row.segment_by and row.value is not None}

        once, seven = figures(1), figures(7)
        same = {"cac_payback", "ltv_cac", "new_customers"}
        assert seven == {kpi_id: pytest.approx(value * (1 if kpi_id in same else 7)) for kpi_id, value in once.items()}
        assert {"cac_sm", "cac_full", "ltv_km", "ltv_net", "ltv_orders"} <= once.keys()

    def test_row_order_and_duplicates_change_nothing(self):
        """P2."""
        head, *rows = TestParts.LEDGER.splitlines()
        shuffled = "\n".join([head, *rows[::-1], *rows[:3]])
        plain, mixed = (cards.cac(TestParts().found(spend=text), Q1) for text in (TestParts.LEDGER, shuffled))
        assert [(row.kpi_id, row.segment, row.value) for row in plain] == [
            (row.kpi_id, row.segment, row.value) for row in mixed
        ]

    def test_there_is_no_look_ahead(self):
        """P1: what came, left, was won and was spent after the period changes nothing that was known then."""
        spend = TestLtvNet.SPEND + "\n2026-04-01 | sales | later | 9000 | USD | | | |"
        gone = LIVES.rstrip() + "\n e | E | 2026-04-02 | | 5000 | |\n f | F | 2026-05-01 | | 1 | |"
        given = {"gross_margin": 0.8, "ltv_horizon_months": 12}

        def figures(found):
            rows = [row for card in (cards.cac, cards.ltv, cards.ltv_cac) for row in card(found, Q1, **given)]
            return [(row.kpi_id, row.segment, row.value, row.status, row.warnings) for row in rows]

        assert figures(known(spend=spend, subscriptions=gone)) == figures(
            known(spend=TestLtvNet.SPEND, subscriptions=LIVES)
        )

    def test_support_is_what_the_two_variants_differ_by(self):
        assert set(WITH_SUPPORT) == {"sales", "marketing", "support"}
        found = TestParts().found()
        full, sm = (only(cards.cac(found, Q1), kpi_id).numerator for kpi_id in ("cac_full", "cac_sm"))
        assert full - sm == 70
