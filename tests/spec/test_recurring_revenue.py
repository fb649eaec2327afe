"""K20 to K25: the worked examples of the specification, and every edge that the cards name."""

import math
from dataclasses import replace
from datetime import date
from functools import lru_cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers.catalogue import ids_of
from helpers.errors import NotProvided
from helpers.kpis import recurring_revenue as cards
from helpers.kpis import recurring_revenue as lists
from helpers.kpis.recurring_revenue.cards import FEW
from helpers.kpis.rows import run
from helpers.periods import Calendar
from helpers.statistics import ratios_of_sums
from tests.canonical import figures, ruled, spine
from tests.spec.test_customer_mrr import EXAMPLE

Q1 = Calendar().period("2026Q1")
CARDS = (cards.mrr, cards.arr, cards.mrr_movements, cards.retention, cards.churn, cards.renewals, cards.quick_ratio)
LISTINGS = (
    lists.lost_customers, lists.lost_and_stayed, lists.churn_reasons, lists.top_movers, lists.intra_period_customers,
    lists.renewals_due, lists.customer_life,
)  # fmt: skip
CUSTOMERS = """
    customer_id | name   | signed_up_on | segment    | owner | is_test
    A           | Aurora | 2024-12-01   | enterprise | Kim   |
    B           | Boreal | 2024-12-01   | enterprise | Kim   |
    C           | Cirrus | 2024-12-01   | mid-market | Lee   |
    D           | Dune   | 2024-12-01   | mid-market | Lee   |
    E           | Ember  | 2024-12-01   |            | Lee   |
    F           | Fjord  | 2025-12-20   | mid-market | Lee   |
    G           | Glade  | 2026-01-20   | mid-market | Lee   |
    H           | Heron  | 2024-12-01   | enterprise | Kim   |
    I           | Isle   | 2025-12-01   | enterprise | Kim   |
    J           | Jetty  | 2026-02-10   | enterprise | Kim   |
    K           | Kelp   | 2025-12-01   | mid-market | Kim   |
"""


@lru_cache
def known(subscriptions=EXAMPLE, as_of_on="2026-04-01", period=Q1, **more):
    return spine(as_of_on, period, subscriptions=subscriptions, **more)


def only(rows, kpi_id, segment=""):
    (row,) = [row for row in rows if row.kpi_id == kpi_id and row.segment == segment]
    return row


def values(rows, kpi_id, segment_by=""):
    return {row.segment: row.value for row in rows if row.kpi_id == kpi_id and row.segment_by == segment_by}


def records(listing):
    return listing.rows.to_dict("records")


class TestMrr:
    def test_example(self):
        rows = figures(cards.mrr, known())
        assert only(rows, "mrr").value == 1000 + 600 + 300 + 200 + 250 + 450 + 1000 == 3800
        assert only(rows, "paying_customers").value == 7  # A B C E F H J
        assert only(rows, "arpa").value == pytest.approx(3800 / 7)
        assert {row.status for row in rows} == {"ok"}

    def test_what_was_left_out_is_counted(self):
        row = only(figures(cards.mrr, known()), "mrr")
        assert row.excluded == {"subscriptions: not recurring": 1, "subscriptions: status trialing": 1}

    def test_segments_add_up(self):
        rows = figures(cards.mrr, known(customers=CUSTOMERS))
        assert values(rows, "mrr", "segment") == {
            "enterprise": 1000 + 600 + 450 + 1000,
            "mid-market": 550,
            "(none)": 200,
        }
        assert sum(values(rows, "paying_customers", "segment").values()) == 7
        assert values(rows, "arpa", "segment")["mid-market"] == 550 / 2

    def test_test_customers_are_left_out(self):
        aurora = "Aurora | 2024-12-01   | enterprise | Kim   |"
        row = only(figures(cards.mrr, known(customers=CUSTOMERS.replace(aurora, aurora + " true"))), "mrr")
        assert (row.value, row.excluded["customers: test customer"]) == (2800, 1)

    def test_of_a_running_period_is_partial(self):
        partial = Calendar().period("2026Q1", date(2026, 2, 10))
        rows = figures(cards.mrr, known(as_of_on="2026-02-11", period=partial))
        assert only(rows, "mrr").value == 1000 + 800 + 300 + 200 + 250 + 700 + 450  # A B D E F G H; C is away
        assert {row.status for row in rows} == {"partial"}

    def test_a_later_as_of_lets_late_rows_in_and_moves_no_stock(self):
        rows = """
            subscription_id | customer_id | start_on | mrr | recorded_at
            on_time | A | 2026-03-01 | 10 | 2026-03-01
            late    | B | 2026-03-10 | 20 | 2026-04-10
            next    | C | 2026-04-05 | 40 | 2026-04-05
        """
        later = replace(Q1, as_of_on=date(2026, 5, 1))
        assert only(figures(cards.mrr, known(rows)), "mrr").value == 10
        assert only(figures(cards.mrr, known(rows, "2026-05-01", period=later)), "mrr").value == 10 + 20

    def test_bridged_gaps_are_told(self):
        rows = figures(cards.mrr, known(EXAMPLE.replace("c2 ", "c  ")), grace_days=60)
        (warning,) = only(rows, "mrr").warnings
        assert warning == "renewal gaps of at most 60 days, counted as continuous at the old MRR: 1"


class TestArr:
    def test_example(self):
        rows = figures(cards.arr, known())
        assert only(rows, "arr").value == 12 * 3800 == 45_600
        assert only(rows, "new_arr").value == 12 * (250 + 1000)
        assert (only(rows, "arr").n, only(rows, "new_arr").n) == (7, 2)

    def test_example_of_the_seed(self):
        rows = figures(
            cards.arr,
            known("""
                subscription_id | customer_id | start_on | contract_value | term_months
                s | A | 2026-01-01 | 100000 | 60
            """),
        )
        assert only(rows, "arr").value == pytest.approx(100_000 * 12 / 60, abs=1e-6)  # 20,000
        assert only(rows, "arr").warnings == ()

    def test_short_terms_are_annualised_and_told(self):
        rows = figures(
            cards.arr,
            known("""
                subscription_id | customer_id | start_on | end_on | contract_value | term_months
                s | A | 2026-01-01 |            | 3600 | 12
                t | B | 2026-01-01 |            | 300  | 6
                u | C | 2026-03-01 | 2026-05-01 | 100  |
            """),
        )
        row = only(rows, "arr")
        assert row.value == 12 * (300 + 50 + 50)
        assert row.warnings == ("short_term_annualised: 25.0% of ARR has a term under 12 months",)

    def test_new_arr_depends_on_the_grain(self):
        assert only(figures(cards.arr, known(), movement_grain="day"), "new_arr").value == 12 * (250 + 700 + 1000)


class TestMovements:
    @pytest.mark.parametrize(
        ("grain", "new", "reactivation", "expansion", "contraction", "churn", "intra"),
        [
            ("quarter", 1250, 450, 100, -100, -300, 700),
            ("month", 1250, 750, 300, -200, -700, 700),
            ("day", 1950, 750, 300, -200, -1400, 0),
        ],
    )
    def test_example(self, grain, new, reactivation, expansion, contraction, churn, intra):
        rows = figures(cards.mrr_movements, known(), movement_grain=grain)
        assert {kpi_id: only(rows, kpi_id).value for kpi_id in ids_of("mrr_movements")} == {
            "mrr_opening": 2400, "mrr_new": new, "mrr_reactivation": reactivation, "mrr_expansion": expansion,
            "mrr_contraction": contraction, "mrr_churn": churn, "mrr_fx": 0, "net_new_mrr": 1400,
            "mrr_intra_period": intra,
        }  # fmt: skip

    def test_the_number_of_customers_behind_each(self):
        rows = figures(cards.mrr_movements, known())
        counted = {kpi_id: only(rows, kpi_id).n for kpi_id in ids_of("mrr_movements")}
        assert counted == {
            "mrr_opening": 5, "mrr_new": 2, "mrr_reactivation": 2, "mrr_expansion": 1, "mrr_contraction": 1,
            "mrr_churn": 2, "mrr_fx": 0, "net_new_mrr": 6, "mrr_intra_period": 1,
        }  # fmt: skip

    @pytest.mark.parametrize("grain", ["month", "quarter", "day"])
    def test_every_segment_leads_from_opening_to_closing(self, grain):
        found = known(customers=CUSTOMERS)
        rows = figures(cards.mrr_movements, found, movement_grain=grain)
        closing = values(figures(cards.mrr, found), "mrr", "segment")
        for segment, end in closing.items():
            assert only(rows, "mrr_opening", segment).value + only(rows, "net_new_mrr", segment).value == end
        for kpi_id in ids_of("mrr_movements"):
            assert sum(values(rows, kpi_id, "segment").values()) == only(rows, kpi_id).value

    def test_expansion_by_source(self):
        subscriptions = """
            subscription_id | customer_id | line_id | start_on | end_on | mrr | product
            b | B | 1 | 2025-01-01 | 2026-02-10 | 100 | base
            b | B | 1 | 2026-02-10 |            | 130 | base
            c | C | 1 | 2025-01-01 |            | 100 | base
            c | C | 2 | 2026-02-10 |            | 40  | more
        """
        rows = figures(cards.mrr_movements, known(subscriptions))
        assert values(rows, "mrr_expansion", "source") == {"upsell": 30, "cross_sell": 40, "new_product": 0}
        assert only(rows, "mrr_expansion").value == 70

    def test_expansion_is_not_split_without_products(self):
        assert values(figures(cards.mrr_movements, known()), "mrr_expansion", "source") == {}

    def test_example_of_the_currency_line(self):
        euro = """
            subscription_id | customer_id | start_on | end_on | mrr | currency
            s | A | 2025-01-01 | 2026-02-10 | 100 | EUR
            s | A | 2026-02-10 |            | 120 | EUR
        """
        rates = "currency | rate | on\nEUR | 1.10 | 2025-12-31\nEUR | 1.05 | 2026-03-31"
        rows = figures(cards.mrr_movements, known(euro, fx_rates=rates), fx_mode="period_end", movement_grain="quarter")
        assert only(rows, "mrr_opening").value == pytest.approx(110)
        assert only(rows, "mrr_fx").value == pytest.approx(-5)
        assert only(rows, "mrr_expansion").value == only(rows, "net_new_mrr").value == pytest.approx(21)


class TestRetention:
    def test_example_of_the_quarter(self):
        rows = figures(cards.retention, known())
        nrr, grr = only(rows, "nrr_quarter"), only(rows, "grr_quarter")
        # A 1000, B 500 -> 600, C 400 -> 300, D 300 -> 0, E 200; the rest was not there
        assert (nrr.numerator, nrr.denominator) == (1000 + 600 + 300 + 0 + 200, 2400)
        assert nrr.value == pytest.approx(0.875)
        assert (grr.numerator, grr.value) == (1000 + 500 + 300 + 0 + 200, pytest.approx(0.833333, abs=1e-6))
        assert nrr.interval.low == pytest.approx(0.5)
        assert 1.08 <= nrr.interval.high <= 1.10
        assert nrr.warnings == (FEW,)

    def test_over_twelve_months(self):
        # on 2025-03-31 H was there at 150 as well, and it is back at 450
        nrr, grr = (only(figures(cards.retention, known()), kpi_id) for kpi_id in ("nrr", "grr"))
        assert (nrr.numerator, nrr.denominator, nrr.n) == (2100 + 450, 2400 + 150, 6)
        assert grr.numerator == 2000 + 150

    @pytest.mark.parametrize(("months", "since"), [(12, "2025-03-31"), (15, "2024-12-31"), (14, "2025-01-31")])
    def test_history_that_is_too_short(self, months, since):
        rows = figures(cards.retention, known(), retention_months=months)
        short = since < "2025-01-01"
        assert {only(rows, kpi_id).status for kpi_id in ("nrr", "grr")} == {"insufficient" if short else "ok"}
        assert only(rows, "nrr_quarter").status == "ok"
        if short:
            assert only(rows, "nrr").warnings == (f"history_starts_at 2025-01-01: the cohort is that of {since}",)
            assert only(rows, "nrr").value is None

    def test_segments_are_ratios_of_their_own(self):
        rows = figures(cards.retention, known(customers=CUSTOMERS))
        assert values(rows, "nrr_quarter", "segment") == {
            "enterprise": pytest.approx(1600 / 1500), "mid-market": pytest.approx(300 / 700), "(none)": 1.0,
        }  # fmt: skip

    @pytest.mark.parametrize(("label", "as_of"), [("2026-03", "2026-04-01"), ("2026-W13", "2026-03-30")])
    def test_a_month_or_a_week_has_no_quarter(self, label, as_of):
        period = Calendar().period(label)
        rows = figures(cards.retention, known(as_of_on=as_of, period=period))
        assert {row.kpi_id: row.status for row in rows} == {
            "nrr": "ok", "grr": "ok", "nrr_quarter": "not_provided", "grr_quarter": "not_provided",
        }  # fmt: skip

    def test_months_of_a_quarterly_pack_are_not_followed(self):
        found = spine("2026-04-01", Q1, subscriptions=EXAMPLE, periods=[*Q1.months(24), *Q1.history(2), Q1])
        followed = {answer["label"] for answer in found.answers("cohort")}
        assert followed == {"2025Q3", "2025Q4", "2026Q1"}
        assert {row.period.label for row in run(cards.retention, found)} == followed

    def test_months_of_a_monthly_pack_are(self):
        month = Q1.months(1)[0]
        found = spine("2026-04-01", month, subscriptions=EXAMPLE, periods=[*month.history(2), month])
        assert {answer["label"] for answer in found.answers("cohort")} == {"2026-01", "2026-02", "2026-03"}

    def test_of_a_running_quarter(self):
        partial = Calendar().period("2026Q1", date(2026, 2, 10))
        rows = figures(cards.retention, known(as_of_on="2026-02-11", period=partial))
        row = only(rows, "nrr_quarter")
        assert (row.status, row.value) == ("partial", (1000 + 800 + 0 + 300 + 200) / 2400)

    def test_many_customers_give_no_warning(self):
        rows = "\n".join(f"s{i} | c{i} | 2025-01-01 | 10" for i in range(30))
        found = figures(cards.retention, known("subscription_id | customer_id | start_on | mrr\n" + rows))
        assert only(found, "nrr").warnings == ()
        assert only(found, "nrr").interval[:2] == (1.0, 1.0)

    def test_of_many_customers_the_query_tells_how_far_they_are_spread(self):
        """2,050 of the segment wide and 50 of the segment narrow; of three one grows, one shrinks, and one leaves."""
        then = {f"c{i:04}": 10.0 + i % 50 for i in range(2_100)}
        now = {key: before * (1.3, 0.7, 0.0)[i % 3] for i, (key, before) in enumerate(then.items())}
        narrow = [key for i, key in enumerate(then) if i % 42 == 0]
        lines = [f"{k} | {k} | 2025-01-01 | 2026-02-01 | {v}" for k, v in then.items()]
        lines += [f"{k} | {k} | 2026-02-01 | | {v}" for k, v in now.items() if v]
        people = [f"{k} | {k} | 2025-01-01 | {'narrow' if k in narrow else 'wide'}" for k in then]
        found = known(
            "\n".join(["subscription_id | customer_id | start_on | end_on | mrr", *lines]),
            customers="\n".join(["customer_id | name | signed_up_on | segment", *people]),
        )
        rows, churned = figures(cards.retention, found), only(figures(cards.churn, found), "revenue_churn")

        def apart(part, keys):  # half the width of the interval, customer by customer
            whole = math.fsum(then[k] for k in keys)
            ratio = math.fsum(part[k] for k in keys) / whole
            squares = math.fsum((part[k] - ratio * then[k]) ** 2 for k in keys)
            return 1.959964 * math.sqrt(squares) / whole

        kept = {k: min(now[k], then[k]) for k in then}
        wide = [k for k in then if k not in narrow]
        for kpi_id, part in (("nrr", now), ("grr", kept)):
            for segment, keys in (("", list(then)), ("wide", wide)):
                row = only(rows, kpi_id, segment)
                assert (row.value - row.interval.low) == pytest.approx(apart(part, keys), rel=1e-9)
                assert (row.interval.high - row.value) == pytest.approx(apart(part, keys), rel=1e-9)
        assert churned.interval.high - churned.value == pytest.approx(apart(kept, list(then)), rel=1e-9)
        [drawn] = ratios_of_sums([[now[k] for k in narrow]], [then[k] for k in narrow])
        assert only(rows, "nrr", "narrow").interval == pytest.approx(drawn)


class TestChurn:
    def test_example(self):
        rows = figures(cards.churn, known())
        logo = only(rows, "logo_churn_quarter")
        assert (logo.numerator, logo.denominator, logo.value) == (1, 5, 0.2)  # D; C left and came back
        assert logo.interval[:2] == pytest.approx((0.0362, 0.6245), abs=5e-5)
        assert only(rows, "revenue_churn_quarter").value == pytest.approx(1 - 2000 / 2400)

    def test_revenue_churn_is_what_grr_leaves(self):
        found = known()
        for churned, kept in (("revenue_churn", "grr"), ("revenue_churn_quarter", "grr_quarter")):
            left = only(figures(cards.retention, found), kept).value
            assert only(figures(cards.churn, found), churned).value == pytest.approx(1 - left)

    def test_the_interval_of_lost_revenue_is_drawn_over_what_each_customer_lost(self):
        then, lost = [1000, 500, 400, 300, 200], [0, 0, 100, 300, 0]  # A, B, C, D and E on the eve of the quarter
        [drawn] = ratios_of_sums([lost], then)
        assert only(figures(cards.churn, known()), "revenue_churn_quarter").interval == pytest.approx(drawn)
        barred = replace(known(), refused={"grr_quarter": "defined anew"})  # as a pack may, which still tells churn
        row = only([row for row in run(cards.churn, barred) if row.period == barred.period], "revenue_churn_quarter")
        assert row.interval == pytest.approx(drawn)

    def test_reasons_add_up(self):
        reasons = """
            subscription_id | customer_id | start_on   | end_on     | mrr | status | cancel_reason
            a | A | 2025-01-01 | 2026-02-01 | 100 |        | voluntary
            b | B | 2025-01-01 | 2026-02-01 | 60  |        | payment
            c | C | 2025-01-01 | 2026-02-01 | 50  |        |
            d | D | 2025-01-01 | 2026-02-01 | 40  |        |
            d | D | 2026-02-01 |            | 40  | paused |
            e | E | 2025-01-01 | 2026-02-01 | 80  |        |
            e | E | 2026-02-01 |            | 50  |        |
            f | F | 2025-01-01 |            | 670 |        |
        """
        rows = figures(cards.churn, known(reasons))
        assert values(rows, "logo_churn_quarter", "reason") == {
            "voluntary": 1 / 6, "payment": 1 / 6, "paused": 1 / 6, "(none)": 1 / 6,
        }  # fmt: skip
        by_reason = values(rows, "revenue_churn_quarter", "reason")
        # C is lost and E shrinks by 30, both without a reason
        assert by_reason == {
            "voluntary": 0.1, "payment": 0.06, "paused": 0.04, "(none)": pytest.approx((50 + 30) / 1000),
        }  # fmt: skip
        assert sum(by_reason.values()) == pytest.approx(only(rows, "revenue_churn_quarter").value)

    def test_history_that_is_too_short(self):
        rows = figures(cards.churn, known(), retention_months=24)
        assert {row.kpi_id: row.status for row in rows if not row.segment} == {
            "logo_churn": "insufficient", "revenue_churn": "insufficient",
            "logo_churn_quarter": "ok", "revenue_churn_quarter": "ok",
        }  # fmt: skip

    def test_nobody_there_at_the_start(self):
        rows = figures(cards.churn, known("subscription_id | customer_id | start_on | mrr\ns | A | 2026-02-01 | 10"))
        assert {row.kpi_id: row.status for row in rows} == {
            "logo_churn": "insufficient", "revenue_churn": "insufficient",
            "logo_churn_quarter": "undefined", "revenue_churn_quarter": "undefined",
        }  # fmt: skip


class TestRenewals:
    LINES = """
        subscription_id | line_id | customer_id | start_on   | end_on     | mrr | renewal_on | status
        kept    |   | A | 2025-01-10 | 2026-01-10 | 100 | 2026-01-10 |
        kept    |   | A | 2026-01-10 |            | 150 | 2027-01-10 |
        open    | 1 | B | 2025-02-01 |            | 50  | 2026-02-01 |
        open    | 2 | B | 2025-02-01 | 2026-02-01 | 30  | 2026-02-01 |
        late    |   | C | 2025-03-01 | 2026-03-01 | 40  | 2026-03-01 |
        late    |   | C | 2026-03-21 |            | 40  | 2027-03-01 |
        changed |   | D | 2025-03-15 | 2025-09-01 | 10  | 2026-03-15 |
        changed |   | D | 2025-09-01 |            | 20  | 2026-03-15 |
        trial   |   | E | 2026-01-01 |            | 70  | 2026-02-15 | trialing
        never   |   | F | 2025-01-01 |            | 500 |            |
        soon    |   | G | 2025-06-29 |            | 60  | 2026-06-29 |
        later   |   | H | 2025-09-27 |            | 90  | 2026-06-30 |
        far     |   | H | 2025-09-28 |            | 80  | 2026-09-28 |
    """

    def test_lines_that_came_due(self):
        rows = figures(cards.renewals, known(self.LINES))
        rate, by_arr = only(rows, "renewal_rate"), only(rows, "renewal_rate_arr")
        # kept, open/1 and changed renewed; open/2 and late did not
        assert (rate.numerator, rate.denominator, rate.value) == (3, 5, 0.6)
        assert rate.interval[:2] == pytest.approx((0.2307, 0.8824), abs=5e-5)
        assert (by_arr.numerator, by_arr.denominator) == (12 * (100 + 50 + 20), 12 * (100 + 50 + 30 + 40 + 20))

    def test_a_line_signed_late_is_renewed_within_grace(self):
        assert only(figures(cards.renewals, known(self.LINES), grace_days=19), "renewal_rate").numerator == 3
        assert only(figures(cards.renewals, known(self.LINES), grace_days=20), "renewal_rate").numerator == 4

    def test_a_line_still_within_grace_is_not_judged_yet(self):
        lapsed = """
            subscription_id | customer_id | start_on   | end_on     | mrr | renewal_on
            s | A | 2025-03-10 | 2026-03-10 | 10 | 2026-03-10
            t | B | 2025-03-20 | 2026-03-20 | 10 | 2026-03-20
        """
        row = only(figures(cards.renewals, known(lapsed), grace_days=20), "renewal_rate")
        assert (row.numerator, row.denominator) == (0, 1)  # known to 31 March: s had its 20 days, t has until 9 April
        assert row.excluded == {"subscriptions: renewal day within grace_days": 1}

    def test_what_is_due_next(self):
        rows = figures(cards.renewals, known(self.LINES))
        # 90 days after 31 March is 29 June, 180 days 27 September
        assert only(rows, "arr_due_90").value == 12 * 60
        assert only(rows, "arr_due_180").value == 12 * (60 + 90)
        new = "new | | I | 2026-03-31 | | 7 | 2026-06-29 |"
        old = "old | | J | 2025-04-01 | 2026-03-31 | 9 | 2026-06-29 |"
        rows = figures(cards.renewals, known(f"{self.LINES}{new}\n{old}"))  # in force on the last day, and not on it
        assert only(rows, "arr_due_90").value == 12 * (60 + 7)

    def test_the_ten_largest(self):
        rows = "\n".join(f"s{i} | c{i} | 2026-01-01 | {i}" for i in range(1, 13))
        found = figures(cards.renewals, known("subscription_id | customer_id | start_on | mrr\n" + rows))
        assert only(found, "top10_share").value == pytest.approx(sum(range(3, 13)) / sum(range(1, 13)))

    def test_without_renewal_days_only_the_largest_are_told(self):
        rows = figures(cards.renewals, known())
        assert {row.kpi_id: row.status for row in rows} == {
            "renewal_rate": "not_provided", "renewal_rate_arr": "not_provided", "arr_due_90": "not_provided",
            "arr_due_180": "not_provided", "top10_share": "ok",
        }  # fmt: skip
        assert only(rows, "renewal_rate").warnings == ("not provided: subscriptions.renewal_on",)

    def test_nothing_due(self):
        rows = figures(cards.renewals, known(self.LINES, "2026-01-01", Calendar().period("2025Q4")))
        assert {only(rows, kpi_id).status for kpi_id in ("renewal_rate", "renewal_rate_arr")} == {"undefined"}

    def test_of_a_running_quarter_only_what_came_due(self):
        partial = Calendar().period("2026Q1", date(2026, 2, 10))
        rows = figures(cards.renewals, known(self.LINES, "2026-02-11", period=partial))
        row = only(rows, "renewal_rate")
        assert (row.status, row.numerator, row.denominator) == ("partial", 2, 3)


class TestQuickRatio:
    @pytest.mark.parametrize(("grain", "expected"), [("quarter", 1800 / 400), ("month", 2300 / 900)])
    def test_example(self, grain, expected):
        (row,) = figures(cards.quick_ratio, known(), movement_grain=grain)
        assert row.value == pytest.approx(expected)
        assert row.warnings == (f"snapshots compared: {grain}",)

    def test_numerator_less_denominator_is_net_new_mrr(self):
        (row,) = figures(cards.quick_ratio, known())
        assert row.numerator - row.denominator == only(figures(cards.mrr_movements, known()), "net_new_mrr").value

    def test_no_losses(self):
        (row,) = figures(
            cards.quick_ratio, known("subscription_id | customer_id | start_on | mrr\ns | A | 2026-02-01 | 10")
        )
        assert (row.status, row.value, row.numerator, row.denominator) == ("undefined", None, 10, 0)
        assert "no losses" in row.warnings


@pytest.mark.parametrize("card", CARDS)
def test_tables_that_are_packed_hold_the_same(card, monkeypatch):
    monkeypatch.setattr("helpers.kpis.spine.PACKED_ABOVE", 0)
    assert run(card, replace(known())) == run(card, known())


class TestEveryCard:
    HEADER = "subscription_id | customer_id | start_on | mrr | renewal_on | product"

    @pytest.mark.parametrize("card", CARDS, ids=lambda card: card.__name__)
    def test_gives_its_ids_and_no_others(self, card):
        assert {row.kpi_id for row in figures(card, known(customers=CUSTOMERS))} == set(ids_of(card.__name__))

    @pytest.mark.parametrize("card", CARDS, ids=lambda card: card.__name__)
    def test_without_subscriptions(self, card):
        rows = figures(card, spine("2026-04-01", Q1, customers=CUSTOMERS))
        assert {row.kpi_id: row.status for row in rows} == dict.fromkeys(ids_of(card.__name__), "not_provided")
        assert {row.warnings for row in rows} == {("not provided: subscriptions",)}

    @pytest.mark.parametrize("card", CARDS, ids=lambda card: card.__name__)
    def test_with_overlapping_versions(self, card):
        overlapping = "subscription_id | customer_id | start_on | mrr\ns | A | 2026-01-01 | 1\ns | A | 2026-02-01 | 1"
        rows = figures(card, known(overlapping + "\n", customers=CUSTOMERS))
        [reason] = {row.warnings for row in rows if row.status == "refused"}
        assert "overlap in subscription s;" in reason[0]
        assert all(row.value is None for row in rows)
        assert {row.kpi_id for row in rows} == set(ids_of(card.__name__))

    @pytest.mark.parametrize("card", CARDS, ids=lambda card: card.__name__)
    def test_of_an_empty_table(self, card):
        rows = figures(card, known(self.HEADER, customers=CUSTOMERS))
        amounts = {"mrr", "paying_customers", "arr", "new_arr", "arr_due_90", "arr_due_180", *ids_of("mrr_movements")}
        assert {row.kpi_id for row in rows} == set(ids_of(card.__name__))
        for row in rows:
            assert (row.status, row.value) == (("ok", 0.0) if row.kpi_id in amounts else ("undefined", None))

    @pytest.mark.parametrize("card", CARDS, ids=lambda card: card.__name__)
    def test_of_one_row(self, card):
        rows = figures(card, known(self.HEADER + "\ns | A | 2025-01-01 | 10 | 2026-02-01 | base", customers=CUSTOMERS))
        certain = {"mrr": 10, "arr": 120, "mrr_opening": 10, "nrr": 1, "logo_churn": 0, "renewal_rate": 1}
        for row in rows:
            assert row.status in ("ok", "undefined")
            assert row.value == certain.get(row.kpi_id, row.value)

    @pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.__name__)
    def test_listings_of_an_empty_table(self, listing):
        found = listing(known(self.HEADER, customers=CUSTOMERS))
        assert found.rows.empty
        assert list(found.rows.columns) == list(found.columns)

    @pytest.mark.slow
    @settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        versions=st.lists(
            st.tuples(st.sampled_from("ABCDE"), st.integers(0, 14), st.integers(1, 12), st.integers(0, 500)),
            min_size=1, max_size=20,
        )
    )  # fmt: skip
    def test_grr_is_at_most_nrr_and_one(self, versions):
        month = [f"{2025 + i // 12}-{i % 12 + 1:02d}-01" for i in range(40)]
        rows = [f"s{i} | {c} | {month[a]} | {month[a + n]} | {mrr}" for i, (c, a, n, mrr) in enumerate(versions)]
        found = figures(
            cards.retention, known("\n".join(["subscription_id | customer_id | start_on | end_on | mrr", *rows]))
        )
        for nrr_id, grr_id in (("nrr", "grr"), ("nrr_quarter", "grr_quarter")):
            nrr, grr = only(found, nrr_id), only(found, grr_id)
            assert nrr.status == grr.status
            if nrr.value is not None:
                assert 0 <= grr.value <= min(1, nrr.value)


class TestListings:
    def test_lost_customers(self):
        listing = lists.lost_customers(known(customers=CUSTOMERS))
        (row,) = records(listing)
        assert (row["customer"], row["owner"], row["mrr"], row["reason"]) == ("Dune", "Lee", 300, "(none)")
        assert str(row["until"])[:10] == "2026-03-31"
        assert row["tenure"] == 365 + 31 + 28 + 30  # 2025, January, February, and March but its last day
        assert listing.export == "lost_customers"

    def test_who_came_and_was_lost_in_the_period_is_told_with_what_it_paid(self):
        short = "subscription_id | customer_id | start_on | end_on | mrr\ns | A | 2026-01-10 | 2026-03-10 | 40"
        (row,) = records(lists.lost_customers(known(short)))
        assert (row["customer"], row["mrr"], row["tenure"]) == ("A", 40, 22 + 28 + 9)

    def test_what_was_lost_adds_up_to_churn_mrr(self):
        """A shrinks from 100 to 60 and leaves with 60; B leaves with 200 and is back: 60 + 200 churn, one is lost."""
        texts = """
            subscription_id | customer_id | start_on   | end_on     | mrr | cancel_reason
            a | A | 2025-01-01 | 2026-02-10 | 100 |
            a | A | 2026-02-10 | 2026-03-10 | 60  | payment
            b | B | 2025-01-01 | 2026-01-20 | 200 |
            b2 | B | 2026-03-05 |           | 250 |
            c | C | 2025-01-01 | 2026-02-20 | 30  |
        """
        found = known(texts)
        assert only(figures(cards.mrr_movements, found), "mrr_churn").value == -(60 + 200 + 30)
        lost, reasons = lists.lost_customers(found), lists.churn_reasons(found)
        assert [(row["customer"], row["mrr"]) for row in records(lost)] == [("A", 60), ("C", 30)]
        assert [(row["reason"], row["mrr"]) for row in records(reasons)] == [("payment", 60), ("(none)", 30)]
        for listing in (lost, reasons):
            assert "it is churn MRR, which also counts one customer that left and came back in the" in listing.note
        assert "came back" not in lists.churn_reasons(known(texts.replace("| 250", "| 0"))).note

    def test_columns_that_the_source_never_tells_are_left_out(self):
        assert "owner" not in lists.lost_customers(known()).columns

    def test_lost_beside_stayed(self):
        lost, stayed = records(lists.lost_and_stayed(known()))
        assert (lost["customers"], lost["mrr"]) == (1, 300)
        assert (stayed["customers"], stayed["mrr"]) == (4, (400 + 500) / 2)  # 200, 400, 500, 1000
        assert stayed["tenure"] == 365 + 90

    def test_churn_reasons(self):
        reasons = """
            subscription_id | customer_id | start_on   | end_on     | mrr | cancel_reason
            a | A | 2025-01-01 | 2026-02-01 | 100 | payment
            b | B | 2025-01-01 | 2026-02-01 | 200 | payment
            c | C | 2025-01-01 | 2026-02-01 | 100 |
        """
        rows = records(lists.churn_reasons(known(reasons)))
        assert rows == [
            {"reason": "payment", "customers": 2, "mrr": 300, "share": 0.75},
            {"reason": "(none)", "customers": 1, "mrr": 100, "share": 0.25},
        ]

    def test_top_movers(self):
        rows = records(lists.top_movers(known()))
        assert [(row["customer"], row["change"], row["movement"]) for row in rows] == [
            ("J", 1000, "new"), ("H", 450, "reactivation"), ("D", -300, "churn"), ("F", 250, "new"),
            ("B", 100, "expansion"), ("C", -100, "contraction"),
        ]  # fmt: skip

    def test_top_movers_by_a_rate_alone(self):
        """The euro rises by 0.3: A pays 100 euros throughout, B 10 euros less, C 50 more, and D in dollars 10 less."""
        rows = """
            subscription_id | customer_id | start_on | end_on | mrr | currency
            a | A | 2025-01-01 |            | 100 | EUR
            b | B | 2025-01-01 | 2026-02-01 | 100 | EUR
            b | B | 2026-02-01 |            | 90  | EUR
            c | C | 2025-01-01 | 2026-02-01 | 100 | EUR
            c | C | 2026-02-01 |            | 150 | EUR
            d | D | 2025-01-01 | 2026-02-01 | 100 | USD
            d | D | 2026-02-01 |            | 90  | USD
        """
        rates = "currency | on | rate\n EUR | 2025-01-01 | 1.0\n EUR | 2026-03-01 | 1.3"
        moved = records(lists.top_movers(ruled(known(rows, fx_rates=rates), fx_mode="period_end")))
        assert [(row["customer"], row["change"], row["movement"]) for row in moved] == [
            ("C", 1.3 * 150 - 100, "expansion"), ("A", 30, "currency effect"), ("B", 1.3 * 90 - 100, "currency effect"),
            ("D", -10, "contraction"),
        ]  # fmt: skip

    def test_intra_period_customers(self):
        (row,) = records(lists.intra_period_customers(known(customers=CUSTOMERS)))
        assert (row["customer"], row["mrr"], str(row["came_on"])[:10]) == ("Glade", 700, "2026-02-05")

    def test_renewals_due(self):
        rows = records(lists.renewals_due(known(TestRenewals.LINES, customers=CUSTOMERS)))
        assert [(row["subscription_id"], row["owner"], row["days_left"], row["arr"]) for row in rows] == [
            ("soon", "Lee", 90, 720), ("later", "Kim", 91, 1080),
        ]  # fmt: skip

    def test_renewals_due_by_urgency_and_size(self):
        lines = """
            subscription_id | customer_id | start_on | mrr | renewal_on
            small-soon  | A | 2025-04-01 | 10 | 2026-04-01
            large-soon  | B | 2025-06-01 | 90 | 2026-06-01
            large-later | C | 2025-08-01 | 99 | 2026-08-01
        """
        rows = records(lists.renewals_due(known(lines)))
        assert [row["subscription_id"] for row in rows] == ["large-soon", "small-soon", "large-later"]

    def test_renewals_due_needs_their_day(self):
        with pytest.raises(NotProvided, match=r"subscriptions\.renewal_on"):
            lists.renewals_due(known())

    def test_customer_life(self):
        # 10 customers from 2025-01-01: two leave after 120 days, three after 300, five are still there after 455
        ends = ["2025-05-01"] * 2 + ["2025-10-28"] * 3 + [""] * 5
        rows = "\n".join(f"s{i} | c{i} | 2025-01-01 | {end} | 1" for i, end in enumerate(ends))
        listing = lists.customer_life(known("subscription_id | customer_id | start_on | end_on | mrr\n" + rows))
        assert records(listing) == [
            {"months": 3, "paying": 1.0, "followed": 10},
            {"months": 6, "paying": pytest.approx(0.8), "followed": 8},
            {"months": 12, "paying": pytest.approx(0.5), "followed": 5},
        ]
        assert listing.note.startswith("Half have left after 300 days.")

    def test_customer_life_of_few_says_nothing(self):
        rows = "\n".join(f"s{i} | c{i} | 2025-01-01 | 1" for i in range(4))
        assert lists.customer_life(known("subscription_id | customer_id | start_on | mrr\n" + rows)).rows.empty


def test_a_period_in_which_nothing_moved():
    quiet = """
        subscription_id | customer_id | start_on   | currency | mrr
        s1              | A           | 2025-01-01 | USD      | 100
    """
    only = known(quiet)
    rows = {row.kpi_id: row for card in CARDS[:-2] for row in figures(card, only) if not row.segment_by}
    assert (rows["mrr"].value, rows["net_new_mrr"].value, rows["nrr"].value) == (100, 0, 1)
    assert lists.top_movers(only).rows.empty


def test_a_blank_segment_and_a_missing_one_are_one():
    blank = CUSTOMERS.replace("mid-market", '""', 1)  # of C, which still pays; that of E is missing
    found = spine("2026-04-01", Q1, customers=blank, subscriptions=EXAMPLE)
    names = [row.segment for row in figures(cards.mrr, found) if row.kpi_id == "mrr"]
    assert len(names) == len(set(names))
    assert "(none)" in names


def test_customers_between_snapshots_are_counted_by_segment():
    """G alone, of the worked example, which is of the mid-market."""
    found = spine("2026-04-01", Q1, customers=CUSTOMERS, subscriptions=EXAMPLE)
    rows = {row.segment: row.value for row in figures(cards.mrr_movements, found) if row.kpi_id == "mrr_intra_period"}
    assert rows == {"": 700, "mid-market": 700, "enterprise": 0, "(none)": 0}


def test_what_was_learnt_after_the_period_before_is_told_as_it_is_in_no_movement():
    """B left on 20 December, as was recorded in January; C came on the 1st, and its contract was entered in January.

    2025Q4 was told with A and B, 50 + 100; 2026Q1 opens with A and C, 50 + 30, and nothing moves in either of them.
    """
    subscriptions = """
        subscription_id | customer_id | start_on   | end_on     | mrr | cancelled_at     | recorded_at
        S1              | A           | 2025-01-01 |            | 50  |                  | 2025-01-01 09:00
        S2              | B           | 2025-01-01 | 2025-12-20 | 100 | 2026-01-05 10:00 | 2025-01-01 09:00
        S3              | C           | 2025-12-01 |            | 30  |                  | 2026-01-10 10:00
    """
    before = known(subscriptions, "2026-01-01", Q1.previous())
    assert only(figures(cards.mrr, before), "mrr").value == 150
    rows = figures(cards.mrr_movements, known(subscriptions))
    found = {name: only(rows, f"mrr_{name}").value for name in ("opening", "new", "churn")}
    assert found == {"opening": 80, "new": 0, "churn": 0}
    told = "customers of whom it was learnt after 2025-12-31 what they paid on 2025-12-31: 2; "
    assert only(rows, "net_new_mrr").warnings == (f"{told}the difference is in the opening MRR, and in no movement",)
    in_time = subscriptions.replace("2026-01-05", "2025-12-05").replace("2026-01-10", "2025-12-01")
    assert only(figures(cards.mrr_movements, known(in_time)), "net_new_mrr").warnings == ()
    then = figures(cards.mrr_movements, known(in_time, "2026-01-01", Q1.previous()))
    assert (only(then, "mrr_churn").value, only(then, "mrr_new").value) == (-100, 30)
