"""K14 and K15: the worked examples of the specification, and every edge that the cards name."""

from dataclasses import replace
from datetime import date
from functools import lru_cache

import pytest

from helpers.errors import KitError, NotProvided
from helpers.kpis import new_revenue as theme
from helpers.periods import Calendar
from tests.canonical import figures, ruled, spine

Q2 = Calendar().period("2026Q2")
COLUMNS = (
    "deal_id | customer_id | created_at | closed_at | outcome | amount | currency | term_months | deal_type | product"
)


@lru_cache
def prepared(as_of_on, period, **texts):
    return spine(as_of_on, replace(period, as_of_on=date.fromisoformat(as_of_on)), **texts)


def known(deals, period=Q2, as_of_on="2026-07-01", *, given=None, **more):
    """A spine of one period, as known before a day, with rules and parameters that differ."""
    return ruled(prepared(as_of_on, period, deals=deals, **more), **(given or {}))


def bookings(deals, period=Q2, as_of_on="2026-07-01", **more):
    """The rows of new bookings, the total first."""
    return figures(theme.new_revenue, known(deals, period, as_of_on, **more))


def values(rows):
    return {row.segment: row.value for row in rows if row.kpi_id == "new_revenue"}


def booked(deals, period=Q2, *, basis="acv", as_of_on="2026-07-01", **more):
    """Bookings by source, those without any left out; the parts must add up to the total."""
    found = values(bookings(deals, period, as_of_on, given={"basis": basis}, **more))
    total = found.pop("")
    assert sum(found.values()) == pytest.approx(total, abs=0.005)
    return {kind: value for kind, value in found.items() if value}


def growth(deals, period=Q2, **more):
    rows = figures(theme.revenue_growth, known(deals, period, str(period.as_of_on), **more))
    return {row.kpi_id: row for row in rows}


def sales(count, amount, day, prefix):
    """So many new customers, each with one deal of a year."""
    lines = [
        f"{prefix}{i} | {prefix}{i} | {day} | {day} | won | {amount} | USD | 12 | new_logo | P" for i in range(count)
    ]
    return "\n".join(lines) + "\n"


SEED = f"{COLUMNS}\n" + sales(21, 7500, "2026-05-05", "now") + sales(20, 7000, "2026-02-05", "before")


def test_seed_example():
    """21 sales x 7,500 = 157,500."""
    total, *parts = bookings(SEED)
    assert (total.value, total.n, total.status) == (157_500, 21, "ok")
    assert {row.segment: row.value for row in parts} == {
        "new_logo": 157_500, "upsell": 0, "cross_sell": 0, "new_product": 0,
    }  # fmt: skip
    assert {row.segment_by for row in parts} == {"source"}


def test_growth_example():
    """(157,500 - 140,000) / 140,000 = 12.5 %; a year ago nothing was booked."""
    found = growth(SEED)
    assert found["revenue_growth"].value == pytest.approx(0.125)
    assert (found["revenue_growth"].numerator, found["revenue_growth"].denominator) == (17_500, 140_000)
    assert (found["revenue_growth_yoy"].value, found["revenue_growth_yoy"].status) == (None, "undefined")
    assert "no new bookings in 2025Q2" in found["revenue_growth_yoy"].warnings[0]


def table(deals, **more):
    return theme.bookings_by_source(known(deals, **more)).rows.set_index("source")


PARTS = ["volume", "mix", "price"]


def test_volume_and_price_example():
    """One sale more at 7,000, and 21 sales at 500 more: 7,000 + 10,500 = 17,500. Of one source there is no mix."""
    rows = table(SEED)
    for source in ("New logo", "All sources"):
        assert rows.loc[source, ["sales", "amount", "share", "average"]].tolist() == [21, 157_500, 1, 7500]
        assert rows.loc[source, ["before", "change", *PARTS]].tolist() == [140_000, 17_500, 7000, 0, 10_500]
    assert rows.loc["Upsell", ["average", "price"]].isna().all()
    assert rows.loc["Upsell", ["volume", "mix"]].tolist() == [0, 0]


@pytest.mark.parametrize("day", ["2026-05-05", "2026-02-05"])
def test_nothing_is_split_where_a_period_has_no_sale(day):
    assert table(f"{COLUMNS}\n" + sales(21, 7500, day, "a"))[PARTS].isna().all(axis=None)


MIXED = f"{COLUMNS}\n" + "".join(
    sales(count, amount, day, prefix).replace("new_logo", kind)
    for count, amount, day, prefix, kind in [
        (20, 7000, "2026-02-05", "a", "new_logo"), (10, 1000, "2026-02-05", "b", "upsell"),
        (2, 500, "2026-02-05", "c", "cross_sell"),
        (21, 7500, "2026-05-05", "d", "new_logo"), (24, 1000, "2026-05-05", "e", "upsell"),
        (3, 4000, "2026-05-05", "f", "new_product"),
    ]
)  # fmt: skip


def test_parts_by_source_add_up_to_their_total():
    """32 sales became 48, half as many again: by volume each source brings half of what it brought before.

    New logo 140,000 + 70,000 by volume; 21 sales are 9 fewer than 30, at 7,000: -63,000 by mix; 21 x 500 = 10,500 by
    price. Upsell 10,000 + 5,000; 24 are 9 more than 15, at 1,000: 9,000; same price. Cross-sell 1,000 + 500, and all of
    it is gone: -1,500. A new product was not sold before: 12,000 by mix. In all 151,000 + 75,500 - 43,500 + 10,500.
    """
    rows = table(MIXED)
    assert rows[["volume", "mix"]].to_dict("index") == {
        "New logo": {"volume": 70_000, "mix": -63_000},
        "Upsell": {"volume": 5000, "mix": 9000},
        "Cross-sell": {"volume": 500, "mix": -1500},
        "New product": {"volume": 0, "mix": 12_000},
        "All sources": {"volume": 75_500, "mix": -43_500},
    }
    assert rows["price"].dropna().to_dict() == {"New logo": 10_500, "Upsell": 0, "All sources": 10_500}
    assert (rows["before"] + rows[PARTS].sum(axis=1)).tolist() == rows["amount"].tolist()
    columns = ["sales", "amount", "before", "change", *PARTS]
    assert rows[columns].iloc[:-1].sum().tolist() == rows.loc["All sources", columns].tolist()


def test_volume_and_what_is_left_are_those_of_all_sales_together():
    """16 sales more at 151,000 / 32; and 48 sales at 193,500 / 48 - 151,000 / 32 more, of which mix is a part."""
    whole = table(MIXED).loc["All sources"]
    assert whole["volume"] == pytest.approx(16 * 151_000 / 32)
    assert whole["mix"] + whole["price"] == pytest.approx(48 * (193_500 / 48 - 151_000 / 32))


def test_parts_add_up_where_a_source_has_no_known_amount():
    """Of the upsells of now no amount is known: their change is not, and the total's is that of the others."""
    rows = table(MIXED.replace("| 1000 | USD | 12 | upsell", "| | USD | 12 | upsell"))
    whole = rows.loc["All sources"]
    assert rows.loc["Upsell", ["amount", "change", "mix"]].isna().all()
    assert whole["before"] + whole[PARTS].sum() == pytest.approx(whole["amount"])


def test_year_on_year():
    deals = SEED + sales(10, 10_000, "2025-06-30", "year")
    assert growth(deals)["revenue_growth_yoy"].value == pytest.approx(0.575)  # (157,500 - 100,000) / 100,000


TERMS = f"""{COLUMNS}
    two_years | A | 2026-05-01 | 2026-05-02 | won | 24000 | USD | 24 | new_logo | P
    a_quarter | B | 2026-05-01 | 2026-05-02 | won | 3000  | USD | 3  | new_logo | P
    no_term   | C | 2026-05-01 | 2026-05-02 | won | 5000  | USD |    | new_logo | P
"""


def test_bases():
    """A year's worth: 24,000 x 12/24 + 3,000 (never multiplied up) + 5,000 (taken as annual); whole terms: the sum."""
    assert booked(TERMS) == {"new_logo": 20_000}
    assert booked(TERMS, basis="tcv") == {"new_logo": 32_000}


def test_missing_terms_are_counted():
    assert "deals without a term, taken as annual: 1" in bookings(TERMS)[0].warnings
    assert bookings(TERMS, given={"basis": "tcv"})[0].warnings == ()


def test_unknown_basis():
    with pytest.raises(KitError, match="basis == 'arr', must be one of acv, tcv, mrr"):
        bookings(TERMS, given={"basis": "arr"})


DERIVED = f"""{COLUMNS}
    first   | A | 2025-01-01 | 2025-02-01 | won  | 1    | USD | 12 |  | P
    lost    | B | 2025-01-01 | 2025-02-01 | lost | 1    | USD | 12 |  | P
    new     | B | 2026-05-01 | 2026-05-02 | won  | 10   | USD | 12 |  | P
    more    | A | 2026-05-01 | 2026-05-02 | won  | 100  | USD | 12 |  | P
    other   | A | 2026-05-01 | 2026-05-03 | won  | 1000 | USD | 12 |  | Old
    latest  | A | 2026-05-01 | 2026-05-04 | won  | 7    | USD | 12 |  | Young
    again   | A | 2026-05-01 | 2026-05-05 | won  | 20   | USD | 12 |  | Young
    unnamed | A | 2026-05-01 | 2026-05-06 | won  | 300  | USD | 12 |  |
    nobody  |   | 2026-05-01 | 2026-05-06 | won  | 4000 | USD | 12 |  | P
    told    | C | 2026-05-01 | 2026-05-06 | won  | 5000 | USD | 12 | cross_sell | P
"""
PRODUCTS = """
    product | launched_on
    P       | 2020-01-01
    Old     | 2025-05-02
    Young   | 2025-05-04
"""


def test_derived_sources():
    """Young was launched 365 days before 4 May 2026, Old 366 before 3 May; held once, a product is upsell after."""
    assert booked(DERIVED, products=PRODUCTS) == {
        "new_logo": 10, "upsell": 100 + 20 + 300, "cross_sell": 1000 + 5000, "new_product": 7, "(none)": 4000,
    }  # fmt: skip


def test_derived_sources_without_products():
    """A launch day is needed only to tell a new product: without it, the first of a product is cross-sell, and said."""
    assert booked(DERIVED)["cross_sell"] == 1000 + 5000 + 7
    notes = bookings(DERIVED)[0].warnings
    assert "deals counted as cross-sell that may be new products (products.launched_on is missing): 2" in notes
    assert "deals without a deal_type, whose source is derived from what was won before: 7" in notes


RENEWALS = f"""{COLUMNS}
    A1 | A | 2025-05-01 | 2025-05-01 | won | 10000 | USD | 12 | new_logo | P
    A2 | A | 2025-06-01 | 2025-06-01 | won | 5000  | USD | 12 | upsell   | P
    A3 | A | 2026-05-01 | 2026-05-01 | won | 15000 | USD | 12 | renewal  | P
    B1 | B | 2025-05-01 | 2025-05-01 | won | 10000 | USD | 12 | new_logo | P
    B2 | B | 2026-05-01 | 2026-05-01 | won | 24000 | USD | 24 | renewal  | P
    C1 | C | 2026-05-01 | 2026-05-01 | won | 900   | USD | 12 | renewal  | P
    D1 | D | 2025-05-01 | 2025-05-01 | won | 8000  | USD | 12 | new_logo | P
    D2 | D | 2026-05-01 | 2026-05-01 | won | 7000  | USD | 12 | renewal  | P
"""


@pytest.mark.parametrize(("basis", "uplift"), [("acv", 2000), ("tcv", 4000)])
def test_renewals_add_only_their_uplift(basis, uplift):
    """A renews at 10,000 + 5,000: nothing. B pays 12,000 a year after 10,000: 2,000 a year, 4,000 over 24 months.
    C held nothing that is known; D pays less."""
    assert booked(RENEWALS, basis=basis) == {"upsell": pytest.approx(uplift)}
    row = bookings(RENEWALS, given={"basis": basis})[0]
    assert (row.n, row.excluded) == (1, {"renewal without an earlier amount": 1})
    assert "renewals at the same price or less, which add nothing: 2" in row.warnings


def test_renewals_compare_with_the_last_renewal_and_what_was_added_since():
    """1,000, renewed at 1,200, plus 300, renewed at 1,600: 100 above 1,500."""
    deals = f"""{COLUMNS}
        A1 | A | 2023-05-01 | 2023-05-01 | won | 1000 | USD | 12 | new_logo | P
        A2 | A | 2024-05-01 | 2024-05-01 | won | 1200 | USD | 12 | renewal  | P
        A3 | A | 2024-06-01 | 2024-06-01 | won | 300  | USD | 12 | upsell   | P
        A4 | A | 2026-05-01 | 2026-05-01 | won | 1600 | USD | 12 | renewal  | P
    """
    assert booked(deals) == {"upsell": pytest.approx(100)}


def test_renewing_two_contracts_of_a_product_is_no_uplift():
    deals = f"""{COLUMNS}
        A1 | A | 2025-05-01 | 2025-05-01 | won | 1000 | USD | 12 | new_logo | P
        A2 | A | 2025-05-02 | 2025-05-02 | won | 2000 | USD | 12 | upsell   | P
        A3 | A | 2026-05-01 | 2026-05-01 | won | 1000 | USD | 12 | renewal  | P
        A4 | A | 2026-05-02 | 2026-05-02 | won | 2000 | USD | 12 | renewal  | P
    """
    assert booked(deals) == {}


def test_a_price_given_up_earlier_is_not_held():
    """12,000, renewed at 7,200 and now at 8,400: 1,200 above what was paid, whatever it was before."""
    deals = f"""{COLUMNS}
        A1 | A | 2024-05-01 | 2024-05-01 | won | 12000 | USD | 12 | new_logo | P
        A2 | A | 2025-05-01 | 2025-05-01 | won | 7200  | USD | 12 | renewal  | P
        A3 | A | 2026-05-01 | 2026-05-01 | won | 8400  | USD | 12 | renewal  | P
    """
    assert booked(deals) == {"upsell": pytest.approx(1200)}


CANCELLED = "deal_id | customer_id | created_at | closed_at | outcome | amount | currency | deal_type | cancelled_at"


def test_a_price_is_held_no_longer_than_to_its_cancellation():
    """12,000 cancelled, then 6,000, renewed at 9,000: 3,000 above it. B's 5,000 is cancelled with the renewal at 7,000
    that follows it, and no later one. C's renewal was cancelled too: only the 500 since are held."""
    deals = f"""{CANCELLED}
        A1 | A | 2025-01-01 | 2025-01-01 | won | 12000 | USD | new_logo | 2025-03-01
        A2 | A | 2025-05-01 | 2025-05-01 | won | 6000  | USD | upsell   |
        A3 | A | 2026-05-01 | 2026-05-01 | won | 9000  | USD | renewal  |
        B1 | B | 2025-05-01 | 2025-05-01 | won | 5000  | USD | new_logo | 2026-05-01
        B2 | B | 2026-05-01 | 2026-05-01 | won | 7000  | USD | renewal  |
        C1 | C | 2024-02-01 | 2024-02-01 | won | 1000  | USD | new_logo |
        C2 | C | 2025-02-01 | 2025-02-01 | won | 1100  | USD | renewal  | 2025-04-01
        C3 | C | 2025-05-01 | 2025-05-01 | won | 500   | USD | upsell   |
        C4 | C | 2026-05-01 | 2026-05-01 | won | 600   | USD | renewal  |
    """
    added = (9000 - 6000) + (7000 - 5000) + (600 - 500)
    assert booked(deals) == {"upsell": pytest.approx(added), "new_logo": -5000}  # B1 itself is taken off


def test_a_price_that_is_not_known_is_not_held_to_be_nothing():
    """A's first amount is not known, so neither is what 1,500 exceeds. B bought services alone in between."""
    deals = """deal_id | customer_id | created_at | closed_at | outcome | amount | one_off_amount | currency | deal_type
        A1 | A | 2025-05-01 | 2025-05-01 | won |      |     | USD | new_logo
        A2 | A | 2025-06-01 | 2025-06-01 | won | 200  |     | USD | upsell
        A3 | A | 2026-05-01 | 2026-05-01 | won | 1500 |     | USD | renewal
        B1 | B | 2025-05-01 | 2025-05-01 | won | 1000 |     | USD | new_logo
        B2 | B | 2025-06-01 | 2025-06-01 | won |      | 500 | USD | upsell
        B3 | B | 2026-05-01 | 2026-05-01 | won | 1300 |     | USD | renewal
    """
    assert booked(deals) == {"upsell": pytest.approx(1300 - 1000)}
    assert bookings(deals)[0].excluded == {"renewal without an earlier amount": 1}


def test_bookings_without_any_amount_are_undefined_and_not_zero():
    deals = f"""{COLUMNS}
        A1 | A | 2026-05-01 | 2026-05-01 | won | | USD | 12 | new_logo | P
        B1 | B | 2026-05-01 | 2026-05-02 | won | | USD | 12 | new_logo | P
    """
    total, *_ = bookings(deals)
    assert (total.value, total.status, total.excluded["no_amount"]) == (None, "undefined", 2)


def cancelled(day):
    return f"""{COLUMNS} | cancelled_at
        kept | A | 2026-01-01 | 2026-02-01 | won | 100  | USD | 12 | new_logo | P |
        gone | B | 2026-01-01 | 2026-02-01 | won | 2000 | USD | 12 | upsell   | P | {day}
        now  | C | 2026-04-01 | 2026-05-01 | won | 40   | USD | 12 | new_logo | P |
    """


def test_cancelled_in_the_same_quarter_is_left_out_and_counted():
    q1 = Calendar().period("2026Q1")
    assert booked(cancelled("2026-03-31"), q1, as_of_on="2026-04-01") == {"new_logo": 100}
    row = bookings(cancelled("2026-03-31"), q1, "2026-04-01")[0]
    assert (row.n, row.excluded) == (1, {"won and cancelled in the period": 1})
    assert booked(cancelled("2026-03-31")) == {"new_logo": 40}


def test_cancelled_later_is_negative_then_and_keeps_its_source():
    q1 = Calendar().period("2026Q1")
    assert booked(cancelled("2026-04-01"), q1, as_of_on="2026-04-01") == {"new_logo": 100, "upsell": 2000}
    assert booked(cancelled("2026-04-01")) == {"new_logo": 40, "upsell": -2000}
    notes = bookings(cancelled("2026-04-01"))[0].warnings
    assert notes == ("deals won earlier and cancelled now, which are taken off: 1",)


def test_cancelled_deals_stand_in_the_months_of_winning_and_cancelling():
    months = [Calendar().period(f"2026-0{month}", as_of=date(2026, 6, 30)) for month in (2, 3, 4)]
    found = [bookings(cancelled("2026-04-01"), month)[0].value for month in months]
    assert found == [2100, 0, -2000]


def test_growth_takes_a_cancelled_deal_off_where_it_was_cancelled():
    """Q1 stays 2,100 and Q2 is 40 - 2,000: (-1,960 - 2,100) / 2,100."""
    assert growth(cancelled("2026-04-01"))["revenue_growth"].value == pytest.approx(-4060 / 2100)


def test_growth_on_nothing_or_less_is_undefined():
    q3 = Calendar().period("2026Q3")
    row = growth(cancelled("2026-04-01"), q3)["revenue_growth"]
    assert (row.value, row.status, row.denominator) == (None, "undefined", -1960)


def test_a_running_quarter_is_compared_with_as_many_days():
    """Known until 5 May, 35 days: bookings of 1 April to 5 May against 1 January to 4 February."""
    deals = f"{COLUMNS}\n" + sales(3, 100, "2026-05-05", "a") + sales(5, 100, "2026-05-06", "b")
    deals += sales(2, 100, "2026-02-04", "c") + sales(9, 100, "2026-02-05", "d")
    period = replace(Q2, as_of_on=date(2026, 5, 6))
    row = growth(deals, period)["revenue_growth"]
    assert (row.value, row.status, row.denominator) == (0.5, "partial", 200)
    assert bookings(deals, period, "2026-05-06")[0].status == "partial"


def test_growth_compares_what_was_known_as_early():
    """Recorded on 10 April, the sale of February was not in the review of Q1, whose figure this one stands beside."""
    deals = f"""{COLUMNS} | recorded_at
        early | A | 2026-02-01 | 2026-02-01 | won | 100 | USD | 12 | new_logo | P |
        late  | B | 2026-02-01 | 2026-02-01 | won | 900 | USD | 12 | new_logo | P | 2026-04-10
        now   | C | 2026-05-01 | 2026-05-01 | won | 150 | USD | 12 | new_logo | P |
    """
    assert growth(deals)["revenue_growth"].value == pytest.approx(0.5)


def test_growth_warns_of_a_history_that_starts_too_late():
    row = growth(SEED)["revenue_growth"]
    assert row.warnings == ("history_starts_at 2026-02-05, in or after 2026Q1",)


def test_no_amount_is_left_out_and_counted():
    """One without any amount; one that is one-off only lacks nothing."""
    deals = f"""{COLUMNS} | one_off_amount
        a | A | 2026-05-01 | 2026-05-02 | won | 100 | USD | 12 | new_logo | P | 70
        b | B | 2026-05-01 | 2026-05-02 | won |     | USD | 12 | new_logo | P |
        c | C | 2026-05-01 | 2026-05-02 | won |     | USD |    | new_logo | P | 900
    """
    row = bookings(deals)[0]
    assert (row.value, row.n, row.excluded) == (100, 1, {"no_amount": 1})
    listing = theme.one_off_amounts(known(deals))
    assert listing.rows[["deal_id", "one_off_amount"]].to_numpy().tolist() == [["c", 900], ["a", 70]]
    assert listing.total == ("one_off_amount",)


FOREIGN = f"""{COLUMNS}
    a | A | 2026-05-01 | 2026-05-02 | won | 100 | USD | 12 | new_logo | P
    b | B | 2026-05-01 | 2026-05-02 | won | 100 | EUR | 12 | new_logo | P
    c | C | 2026-02-01 | 2026-02-02 | won | 100 | EUR | 12 | new_logo | P
"""
RATES = """
    currency | on         | rate
    EUR      | 2025-12-31 | 1.10
    EUR      | 2026-06-01 | 1.20
"""


def test_currencies_at_the_rate_of_the_fiscal_year():
    assert booked(FOREIGN, fx_rates=RATES) == {"new_logo": pytest.approx(210)}


def test_currencies_at_the_rate_of_the_period_end():
    at_period_end = {"fx_mode": "period_end"}
    assert bookings(FOREIGN, fx_rates=RATES, given=at_period_end)[0].value == pytest.approx(220)
    listing = theme.bookings_by_source(known(FOREIGN, fx_rates=RATES, given=at_period_end)).rows
    assert listing["before"].iloc[-1] == pytest.approx(110)  # the euro of 31 March is still that of December


def test_growth_is_at_one_rate():
    """(100 + 110 - 110) / 110, whatever happened to the euro."""
    for fx_mode in ("fixed", "period_end"):
        found = growth(FOREIGN, fx_rates=RATES, given={"fx_mode": fx_mode})
        assert found["revenue_growth"].value == pytest.approx(100 / 110)


def test_a_missing_rate_is_refused_by_name_and_only_where_it_is_needed():
    rows = bookings(FOREIGN)
    assert [(row.status, row.warnings) for row in rows] == [("refused", ("no rate for EUR; add it to fx_rates",))]
    assert booked(FOREIGN.replace("| EUR", "| USD")) == {"new_logo": 200}
    assert booked(FOREIGN, Calendar().period("2026-06", as_of=date(2026, 6, 30))) == {}


@pytest.mark.parametrize(
    ("foreign", "refused"),
    [("2025", {"revenue_growth_yoy"}), ("2026-02", {"revenue_growth"}),
     ("2026-05", {"revenue_growth", "revenue_growth_yoy"})],
)  # fmt: skip
def test_growth_is_refused_only_against_a_period_that_has_a_currency_without_a_rate(foreign, refused):
    """300 now, 200 in the quarter before and 100 a year ago: 50 % and 200 %."""
    days = {"2026-05-02": 300, "2026-02-02": 200, "2025-05-02": 100}
    lines = [
        f"d{day} | C{day} | {day} | {day} | won | {amount} | {'EUR' if day.startswith(foreign) else 'USD'} | 12 | "
        "new_logo | P"
        for day, amount in days.items()
    ]
    found = growth("\n".join([COLUMNS, *lines]))
    assert {kpi_id for kpi_id, row in found.items() if row.status == "refused"} == refused
    assert all(row.warnings == ("no rate for EUR; add it to fx_rates",) for row in found.values() if row.value is None)
    told = {kpi_id: row.value for kpi_id, row in found.items() if row.value is not None}
    assert told == {name: value for name, value in {"revenue_growth": 0.5, "revenue_growth_yoy": 2}.items()
                    if name not in refused}  # fmt: skip


def test_amounts_scale_and_growth_does_not():
    def scaled(deals, factor):
        return deals.replace("7500 |", f"{7500 * factor} |").replace("7000 |", f"{7000 * factor} |")

    assert booked(scaled(SEED, 3)) == {"new_logo": 3 * 157_500}
    assert growth(scaled(SEED, 3))["revenue_growth"].value == pytest.approx(0.125)


def test_order_and_exact_duplicates_change_nothing():
    header, *lines = RENEWALS.strip().splitlines()
    shuffled = "\n".join([header, *reversed(lines), lines[0], lines[2]])
    assert values(bookings(shuffled)) == values(bookings(RENEWALS))


def test_no_look_ahead():
    """Deals closed, cancelled or created after the as-of change nothing."""
    later = TERMS + "    d | D | 2026-05-01 | 2026-05-20 | won | 9 | USD | 12 | new_logo | P\n"
    assert bookings(later, as_of_on="2026-05-20") == bookings(TERMS, as_of_on="2026-05-20")


@pytest.mark.parametrize("rows", ["", "a | A | 2026-05-01 | | open | 100 | USD | 12 | new_logo | P"])
def test_nothing_won_is_zero(rows):
    deals = f"{COLUMNS}\n{rows}"
    assert [(row.value, row.n, row.status) for row in bookings(deals)] == [(0, 0, "ok")] * 5
    assert {row.status for row in growth(deals).values()} == {"undefined"}


def test_not_provided():
    with pytest.raises(NotProvided, match="deals"):
        theme.new_revenue(spine("2026-07-01", Q2, products=PRODUCTS))
    with pytest.raises(NotProvided, match=r"deals\.amount"):
        theme.new_revenue(known("deal_id | created_at | closed_at | outcome\na | 2026-05-01 | 2026-05-02 | won"))
    with pytest.raises(NotProvided, match="subscriptions"):
        theme.new_revenue(known(TERMS, given={"basis": "mrr"}))


SUBSCRIPTIONS = """
    subscription_id | customer_id | start_on | end_on | currency | mrr
    B1 | B | 2025-01-01 | 2026-02-10 | USD | 500
    B2 | B | 2026-02-10 | 2026-03-05 | USD | 800
    B3 | B | 2026-03-05 |            | USD | 600
    F  | F | 2026-01-01 |            | USD | 250
    G  | G | 2026-02-05 | 2026-02-20 | USD | 700
    J  | J | 2026-03-01 |            | USD | 1000
"""
SUBSCRIBERS = "customer_id | name | signed_up_on\n" + "".join(f"{c} | {c} | 2025-01-01\n" for c in "BFGJ")
MRR = {"basis": "mrr", "movement_grain": "quarter"}


def test_basis_mrr_is_new_and_expansion_of_card_k22():
    """K22's example at quarter grain: F 250, G gone again, J 1,000 a month new = 1,250; B's expansion of 100."""
    q1 = Calendar().period("2026Q1")
    rows = figures(theme.new_revenue, spine("2026-04-01", q1, MRR, subscriptions=SUBSCRIPTIONS, customers=SUBSCRIBERS))
    assert values(rows) == {"": 1350, "new_logo": 1250, "upsell": 100, "cross_sell": 0, "new_product": 0}
    assert rows[0].n == 3
    assert any("a month's worth" in note for note in rows[0].warnings)


@pytest.mark.parametrize("fx_mode", ["fixed", "period_end"])
def test_growth_of_basis_mrr_is_at_one_rate(fx_mode):
    """New: 1,000 euros in 2025Q2, 1,200 in 2026Q1 and 1,500 in 2026Q2, whatever happened to the euro."""
    subscriptions = """
        subscription_id | customer_id | start_on | end_on | currency | mrr
        B | B | 2025-06-10 | | EUR | 1000
        F | F | 2026-02-10 | | EUR | 1200
        G | G | 2026-05-01 | | EUR | 1500
    """
    given = {**MRR, "fx_mode": fx_mode}
    found = spine("2026-07-01", Q2, given, subscriptions=subscriptions, customers=SUBSCRIBERS, fx_rates=RATES)
    rows = {row.kpi_id: row for row in figures(theme.revenue_growth, found)}
    assert rows["revenue_growth"].value == pytest.approx(0.25)
    assert rows["revenue_growth_yoy"].value == pytest.approx(0.5)
    assert rows["revenue_growth_yoy"].denominator == pytest.approx(1100)
    total = figures(theme.new_revenue, found)[0].value
    assert total == pytest.approx(1500 * (1.1 if fx_mode == "fixed" else 1.2))


def test_parents_are_customers_where_the_review_says_so():
    """B belongs to A, who bought before: at the level of the parent, its first deal is no new logo."""
    deals = f"""{COLUMNS}
        a | A | 2025-05-01 | 2025-05-02 | won | 1   | USD | 12 | | P
        b | B | 2026-05-01 | 2026-05-02 | won | 100 | USD | 12 | | P
    """
    customers = """
        customer_id | name | signed_up_on | parent_id
        A | Aye | 2025-01-01 |
        B | Bee | 2025-01-01 | A
    """
    assert values(bookings(deals, customers=customers))["new_logo"] == 100
    assert values(bookings(deals, customers=customers, given={"account_level": "parent"}))["upsell"] == 100


def test_largest_deals_are_named_and_exported():
    customers = "customer_id | name | signed_up_on\nA | Aye | 2025-01-01\nB | Bee | 2025-01-01\nC | Sea | 2025-01-01"
    listing = theme.largest_deals(known(TERMS, customers=customers))
    assert listing.rows[["deal_id", "name", "kind", "value"]].to_numpy().tolist() == [
        ["two_years", "Aye", "New logo", 12_000],
        ["no_term", "Sea", "New logo", 5000],
        ["a_quarter", "Bee", "New logo", 3000],
    ]
    assert (listing.top, listing.export) == (10, "won_deals")
    assert theme.largest_deals(known(TERMS)).rows["customer_id"].tolist() == ["A", "C", "B"]


def test_the_list_of_deals_adds_up_to_new_bookings():
    listing = theme.largest_deals(known(cancelled("2026-04-01")))
    assert listing.rows["value"].tolist() == [40, -2000]
    assert listing.note == "Deals cancelled in the period stand last, below 0."
    assert listing.total == ("value",)


def test_tables_of_a_period_without_deals():
    found = known(f"{COLUMNS} | one_off_amount")
    assert theme.largest_deals(found).rows.empty
    assert theme.one_off_amounts(found).rows.empty
    assert theme.bookings_by_source(found).rows["amount"].tolist() == [0] * 5
