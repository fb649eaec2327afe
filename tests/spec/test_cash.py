"""K26 to K28: the worked examples of docs/cash.md, and every edge that it names."""

from datetime import date

import pytest

from helpers.errors import NotProvided, Refused
from helpers.kpis import cash as theme
from helpers.periods import Calendar
from tests.canonical import asked, figures, spine

Q1 = Calendar().period("2026Q1")
HEAD = "movement_id | moved_on | amount | category | account | currency | recorded_at"
# Each month moves something, so that none looks like a gap. Cash of Q4: 1,150 - 150 = 1,000.
Q4 = ["2025-10-01 | 1150 | opening", "2025-10-15 | -50 | vendors", "2025-11-15 | -50 | vendors",
      "2025-12-15 | -50 | vendors"]  # fmt: skip
Q1_MOVED = ["2026-01-20 | 300 | customers", "2026-02-27 | -450 | payroll", "2026-03-10 | -90 | vendors",
            "2026-03-31 | -60 | tax"]  # fmt: skip
KEPT = "subscription_id | customer_id | start_on | end_on | mrr\nold | a | 2024-01-01 | | 100"


def movements(*lines):
    """Movements as ``day | amount | category | account | currency | recorded_at``, of which the last three may lack."""
    return "\n".join([HEAD, *(f"M{i} | {line}{' |' * (5 - line.count('|'))}" for i, line in enumerate(lines))])


def known(*lines, period=Q1, as_of_on=None, **texts):
    return spine(as_of_on or period.as_of_on, period, cash_movements=movements(*lines), **texts)


def only(rows, kpi_id):
    [row] = [row for row in rows if row.kpi_id == kpi_id]
    return row


def cash_and_burn(found, **given):
    rows = figures(theme.cash, found, **given)
    return only(rows, "cash").value, only(rows, "net_burn").value


def the_runway(found, **given):
    return only(figures(theme.runway, found, **given), "runway")


def the_multiple(found, **given):
    return only(figures(theme.burn_multiple, found, **given), "burn_multiple")


def reason(rows):
    assert {row.status for row in rows} == {"refused"}
    return rows[0].warnings[0]


class TestCash:
    def test_example_1_of_a_quarter(self):
        cash, burn = figures(theme.cash, known("2026-01-01 | 1000 | opening", *Q1_MOVED))
        assert cash.value == 1000 + 300 - (450 + 90 + 60) == 700
        assert burn.value == (600 - 300) / 3 == 100
        assert (burn.numerator, burn.denominator, burn.n, cash.n) == (300, 3, 4, 5)

    def test_example_2_financing_is_in_cash_and_no_burn(self):
        lines = ["2026-01-01 | 1000 | opening", *Q1_MOVED, "2026-02-01 | 500 | financing"]
        assert cash_and_burn(known(*lines)) == (700 + 500, 100)
        q2 = [*lines, "2026-04-01 | 0 | other", "2026-05-01 | -200 | financing", "2026-06-01 | 0 | other"]
        assert cash_and_burn(known(*q2, period=Calendar().period("2026Q2"))) == (1200 - 200, 0)

    def test_example_3_what_is_recorded_later_is_known_later(self):
        lines = ["2026-01-01 | 1000 | opening", *Q1_MOVED, "2026-03-30 | -10 | vendors | | | 2026-04-20 09:00"]
        assert cash_and_burn(known(*lines)) == (700, 100)
        late = Calendar().period("2026Q1", date(2026, 4, 30))
        lines.append("2026-04-10 | 5 | customers | B")  # B opens after the period, and is nothing to it
        assert cash_and_burn(known(*lines, period=late)) == (700 - 10, pytest.approx((300 + 10) / 3))

    def test_example_4_another_currency(self):
        lines = ["2026-01-01 | 1000 | opening", *Q1_MOVED, "2026-03-30 | -100 | vendors | | EUR"]
        rates = "currency | rate | on\nEUR | 0.9 |"
        assert cash_and_burn(known(*lines, fx_rates=rates)) == (700 - 90, (300 + 90) / 3)
        assert reason(figures(theme.cash, known(*lines))) == "no rate for EUR; add it to fx_rates"

    def test_at_period_end_rates_what_rates_change_is_no_burn(self):
        # 100 EUR are worth 90 at the end of January, and 80 at the end of March; burned are 10 EUR, at 0.8.
        lines = ["2026-01-01 | 100 | opening | A | EUR", "2026-01-05 | 0 | other | A | EUR",
                 "2026-02-05 | -10 | vendors | A | EUR", "2026-03-31 | 0 | other | A | EUR"]  # fmt: skip
        rates = "currency | rate | on\nEUR | 0.9 | 2026-01-31\nEUR | 0.8 | 2026-03-31"
        found = cash_and_burn(known(*lines, fx_rates=rates), fx_mode="period_end")
        assert found == (pytest.approx((100 - 10) * 0.8), pytest.approx(10 * 0.8 / 3))

    def test_a_running_period_is_told_by_its_days(self):
        lines = ["2026-01-01 | 1000 | opening", "2026-01-20 | -60 | vendors", "2026-02-10 | -40 | vendors"]
        running = Calendar().period("2026Q1", date(2026, 2, 14))
        cash, burn = figures(theme.cash, known(*lines, period=running))
        assert (cash.value, cash.status, burn.status) == (900, "partial", "partial")
        assert burn.value == pytest.approx(100 / (45 * 12 / 365))  # 31 days of January, 14 of February

    def test_what_begins_later_is_insufficient(self):
        lines = ["2026-02-01 | 1000 | opening", "2026-02-10 | -40 | vendors", "2026-03-31 | -60 | vendors"]
        cash, burn = figures(theme.cash, known(*lines))
        assert (cash.value, burn.value, burn.status) == (900, None, "insufficient")
        assert burn.warnings == ("history_starts_at 2026-02-01: it takes 2026-01-01",)
        before = figures(theme.cash, known(*lines, period=Calendar().period("2025Q4")))
        assert {(row.value, row.status) for row in before} == {(None, "insufficient")}

    @pytest.mark.parametrize(
        ("lines", "why"),
        [
            (Q1_MOVED, r"account \(none\) does not begin with one opening balance"),
            (["2026-01-25 | 1000 | opening", *Q1_MOVED], r"account \(none\) does not begin with one opening balance"),
            (["2026-01-01 | 9 | opening", "2026-01-01 | 9 | opening", *Q1_MOVED], "does not begin with one"),
            (["2026-01-01 | 1 | opening", *Q1_MOVED, "2026-03-01 | 9 | opening | B"],
             "account B begins on 2026-03-01 with a balance; give its movements from 2026-01-01 on"),
            (["2026-01-01 | 1000 | opening", Q1_MOVED[0], *Q1_MOVED[2:]], "no movement of cash in 2026-02; give"),
        ],
    )  # fmt: skip
    def test_what_is_no_whole_account_is_refused(self, lines, why):
        with pytest.raises(Refused, match=why):
            asked(theme.cash)(known(*lines))

    @pytest.mark.parametrize("line", ["2026-02-20 | -500 |", " | -500 | payroll"])
    def test_money_of_no_day_or_no_category_is_not_passed_over(self, line):
        rows = figures(theme.cash, known("2026-01-01 | 1000 | opening", *Q1_MOVED, line))
        # 1,000 + 300 + 450 + 90 + 60 + 500 moved in all, of which 500 is no small part
        assert "1 of 6 rows left out, with 500.00 of 2,400.00 USD (20.83%)" in reason(rows)

    def test_an_account_may_open_later_with_nothing(self):
        lines = ["2026-01-01 | 1000 | opening | A", *(f"{line} | A" for line in Q1_MOVED),
                 "2026-03-01 | 0 | opening | B", "2026-03-02 | -50 | transfer | A",
                 "2026-03-02 | 50 | transfer | B"]  # fmt: skip
        found = known(*lines)
        assert cash_and_burn(found) == (700, 100)
        assert only(figures(theme.cash, found), "cash").warnings == ()

    def test_transfers_that_do_not_cancel_are_told(self):
        lines = ["2026-01-01 | 1000 | opening", *Q1_MOVED, "2026-03-02 | -50 | transfer"]
        [told] = only(figures(theme.cash, known(*lines)), "cash").warnings
        assert told == "transfers between accounts do not cancel: -50.00 counts as earned or spent"

    def test_an_export_that_ends_early_is_told(self):
        lines = ["2026-01-01 | 1000 | opening", *Q1_MOVED[:3]]
        assert only(figures(theme.cash, known(*lines)), "cash").warnings == ("no movement of cash after 2026-03-10",)

    def test_without_movements_it_is_not_provided(self):
        with pytest.raises(NotProvided, match="cash_movements"):
            asked(theme.cash)(spine(Q1.as_of_on, Q1, subscriptions=KEPT))

    def test_a_table_without_rows_tells_nothing(self):
        rows = figures(theme.cash, known())
        assert {(row.value, row.status, row.warnings) for row in rows} == {
            (None, "insufficient", ("no movement of cash is known",))
        }


class TestBurnMultiple:
    CASH = ("2026-01-01 | 1000 | opening", *Q1_MOVED)

    @pytest.mark.parametrize(("gained", "value"), [(25, 300 / (12 * 25)), (10, 300 / (12 * 10))])
    def test_example(self, gained, value):
        grown = f"{KEPT}\nnew | b | 2026-02-01 | | {gained}"
        row = the_multiple(known(*self.CASH, subscriptions=grown))
        assert (row.value, row.numerator, row.denominator, row.n) == (value, 300, 12 * gained, 1)

    def test_where_arr_shrinks_it_is_undefined(self):
        shrunk = f"{KEPT}\ngone | b | 2024-01-01 | 2026-02-01 | 10"
        row = the_multiple(known(*self.CASH, subscriptions=shrunk))
        assert (row.value, row.status, row.denominator) == (None, "undefined", 12 * -10)
        assert row.warnings == ("net new ARR is not above 0",)

    def test_where_cash_does_not_fall_it_is_undefined(self):
        grown = f"{KEPT}\nnew | b | 2026-02-01 | | 25"
        row = the_multiple(known(*self.CASH, "2026-03-05 | 300 | customers", subscriptions=grown))
        assert (row.value, row.status, row.numerator, row.warnings) == (None, "undefined", 0, ("cash does not fall",))

    def test_reasons_of_cash_and_of_mrr_stand_together(self):
        dollars = (
            "subscription_id | customer_id | start_on | end_on | mrr | currency\nold | a | 2026-02-01 | | 100 | USD"
        )
        with pytest.raises(Refused, match=r"does not begin with one opening balance|no rate for USD"):
            asked(theme.burn_multiple)(known(*Q1_MOVED, subscriptions=dollars))

    def test_without_subscriptions_it_is_not_provided(self):
        with pytest.raises(NotProvided, match="subscriptions"):
            asked(theme.burn_multiple)(known(*self.CASH))


class TestRunway:
    def test_example(self):
        # Cash 1,150 - 150 + 300 - 600 = 700; burned 150 in Q4 and 300 in Q1.
        found = known(*Q4, *Q1_MOVED)
        row = the_runway(found)
        assert row.value == pytest.approx(700 / ((150 + 300) / 6))
        assert (row.numerator, row.denominator, row.n) == (700, 75, 7)
        assert the_runway(found, runway_months=3).value == pytest.approx(700 / (300 / 3))

    def test_where_cash_does_not_fall_it_is_undefined_and_never_infinite(self):
        row = the_runway(known(*Q4, *Q1_MOVED, "2026-03-20 | 450 | customers"))
        assert (row.value, row.status, row.denominator, row.warnings) == (None, "undefined", 0, ("cash does not fall",))

    def test_without_cash_it_is_0(self):
        row = the_runway(known(*Q4, *Q1_MOVED, "2026-03-20 | -700 | vendors"))
        assert (row.value, row.status, row.warnings) == (0, "ok", ("no cash is left",))

    def test_what_begins_within_its_months_is_insufficient(self):
        row = the_runway(known("2026-01-01 | 1000 | opening", *Q1_MOVED))
        assert (row.value, row.status) == (None, "insufficient")
        assert row.warnings == ("history_starts_at 2026-01-01: it takes 2025-10-01",)


def test_the_table_tells_what_moved_cash_and_what_did_before():
    listing = asked(theme.movements_by_category)(known(*Q4, *Q1_MOVED, "2026-02-01 | 500 | financing"))
    told = {row.category: (row.amount, row.before, row.change) for row in listing.rows.itertuples()}
    assert told == {
        "Opening": (0, 1150, -1150), "Customers": (300, 0, 300), "Payroll": (-450, 0, -450),
        "Vendors": (-90, -150, 60), "Tax": (-60, 0, -60), "Financing": (500, 0, 500),
    }  # fmt: skip
    assert listing.rows["amount"].sum() == 700 + 500 - 1000  # what cash changed by
