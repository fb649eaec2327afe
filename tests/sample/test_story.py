"""The sample company: figures that a director would believe, and a story to find in them.

Every figure is computed here in SQL from the written Parquet, by hand and apart from the cards.
"""

from itertools import pairwise

import duckdb
import pytest

from sample import make_tables
from tests.sample.views import SIZES, figure, mrr_by_customer

pytestmark = pytest.mark.whole

QUARTERS = [f"{year}-{end}" for year in (2023, 2024, 2025, 2026) for end in ("03-31", "06-30", "09-30", "12-31")][2:15]
MONTHS = [
    "2024-10-31", "2024-11-30", "2024-12-31", "2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30", "2025-05-31",
    "2025-06-30", "2025-07-31", "2025-08-31", "2025-09-30",
]  # fmt: skip


@pytest.fixture
def company(engine):
    return engine("default")


def changes(company, since: str, until: str) -> tuple[dict[str, float], dict[str, float]]:
    """What the customers of a day paid less on a later one: those that stayed, and those that left."""
    before, after = mrr_by_customer(company, since), mrr_by_customer(company, until)
    less = {c: mrr - after.get(c, 0) for c, mrr in before.items() if mrr > after.get(c, 0) + 0.001}
    return {c: d for c, d in less.items() if c in after}, {c: d for c, d in less.items() if c not in after}


def test_magnitudes_of_a_believable_company(company):
    stocks = [mrr_by_customer(company, day) for day in QUARTERS]
    totals = [sum(stock.values()) for stock in stocks]
    assert 230 <= len(stocks[-1]) <= 270
    assert 450_000 <= totals[-1] <= 700_000
    for now, year_ago, total, total_then in zip(stocks[4:], stocks, totals[4:], totals, strict=False):
        assert 0.20 <= total / total_then - 1 <= 0.36
        assert 1.015 <= sum(now.get(c, 0) for c in year_ago) / total_then <= 1.11
        assert 0.04 <= 1 - len(year_ago.keys() & now.keys()) / len(year_ago) <= 0.13


def test_there_is_no_jump_at_the_start(company):
    days = ["2023-06-30", "2023-07-31", "2023-08-31", "2023-09-30", "2023-10-31", "2023-11-30"]
    stocks = [mrr_by_customer(company, day) for day in days]
    assert all(0.97 < sum(b.values()) / sum(a.values()) < 1.09 for a, b in pairwise(stocks))
    assert min(map(len, stocks)) > 140
    assert (
        figure(company, "select count(*) from real where first_paid_on < date '2023-07-01'") >= 155
    )  # of 159 and a double


def test_the_pipeline_converts_as_that_of_a_company_of_this_kind(company):
    to_date = "select count(won) / count(*) from leads where lead between timestamptz '{}' and timestamptz '{}'"
    assert 0.06 <= figure(company, to_date.format("2023-10-01", "2025-10-01")) <= 0.12
    assert 0.04 <= figure(company, to_date.format("2025-11-01", "2026-05-01")) <= 0.08
    rates = company.execute("""
        select count(*) filter (outcome = 'won') / count(*) from deals
        where closed_at >= timestamptz '2023-10-01' group by date_trunc('year', closed_at + interval 3 month)
    """).fetchall()
    assert len(rates) == 3
    assert all(0.22 <= rate <= 0.30 for (rate,) in rates)


def test_bookings_agree_with_the_growth_of_mrr(company):
    """A year's worth of what was won as new, against twelve times the MRR that began or grew by seats."""
    booked = figure(
        company,
        """select sum(per_month * 12 * if(currency = 'USD', 0.92, 1)) from won
        where deal_type <> 'renewal' and won_on between '2023-10-01' and '2026-09-30' and recorded_at is null""",
    )
    begun = figure(
        company,
        """select 12 * sum((mrr - mrr_before) * if(currency = 'USD', 0.92, 1)) from steps
        where start_on between '2023-10-01' and '2026-09-30' and mrr > mrr_before and recorded_at is null
            and (mrr_before = 0 or quantity > seats_before)""",
    )
    assert (
        0.85 < booked / begun < 1.05
    )  # contracts begin later than they are won; seats added by a renewal are not in it


def test_monthly_plans_are_invoiced_at_their_mrr(company):
    """March 2026, customers that are billed by the month and whose versions all ran from January to April."""
    rows = company.execute("""
        with around as (from paid where start_on <= date '2026-04-30' and coalesce(end_on > date '2026-01-01', true)),
        steady as (select customer_id, sum(mrr) as mrr from around group by 1 having bool_and("interval" = 'month'
            and start_on <= date '2026-01-01' and coalesce(end_on > date '2026-04-30', true))),
        billed as (select customer_id, sum(amount) as amount from invoices where kind = 'recurring' and amount > 0
            and invoiced_on between date '2026-03-01' and date '2026-03-31' group by 1)
        select mrr, amount from steady left join billed using (customer_id)""").fetchall()
    assert len(rows) >= 30
    assert all(mrr == pytest.approx(amount, abs=0.01) for mrr, amount in rows)


def test_a_year_of_invoices_is_a_year_of_mrr(company):
    """October 2024 to September 2025. Contracts are billed ahead, so a growing company bills somewhat more."""
    billed = figure(
        company,
        """select sum(amount * if(currency = 'USD', 0.92, 1)) from invoices
        where kind = 'recurring' and invoiced_on between date '2024-10-01' and date '2025-09-30'""",
    )
    earned = sum(sum(mrr_by_customer(company, day).values()) for day in MONTHS)
    assert 1.0 < billed / earned < 1.2


def test_story_the_price_list_of_spring_2026_is_answered_with_fewer_seats(company):
    less = [sum(changes(company, since, until)[0].values()) for since, until in pairwise(QUARTERS[4:])]
    assert min(less[-2:]) > 3 * max(less[:-2])


def test_story_paid_search_brings_leads_that_do_not_convert(company):
    rows = company.execute("""
        select source, count(*), count(won) from leads join deals on record_id = deal_id
        where lead >= timestamptz '2025-11-01' group by 1""").fetchall()
    leads, won = {source: n for source, n, _ in rows}, {source: n for source, _, n in rows}
    assert max(leads, key=leads.get) == "paid search"
    paid, others = won.pop("paid search") / leads.pop("paid search"), sum(won.values()) / sum(leads.values())
    assert paid < others / 3


def test_story_the_product_of_2025_is_sold_to_customers_that_there_are(company):
    added = """select sum(per_month * 12) from won where deal_type in ('cross_sell', 'new_product')
        and won_on between '{}' and '{}'"""
    before, after = added.format("2023-10-01", "2024-09-30"), added.format("2025-10-01", "2026-09-30")
    assert figure(company, after) > 3 * figure(company, before)
    assert figure(company, "select count(distinct customer_id) from paid where product = 'Assist'") >= 40


def test_story_the_largest_customer_that_ever_left_went_in_the_third_quarter_of_2026(company):
    lost = [(mrr, until) for since, until in pairwise(QUARTERS) for mrr in changes(company, since, until)[1].values()]
    (largest, until), (next_largest, _) = sorted(lost, reverse=True)[:2]
    assert until == "2026-09-30"
    assert largest > 1.5 * next_largest


def test_story_three_deals_are_known_only_after_the_quarter_ended(company):
    rows = company.execute("select source, amount, won_on >= '2026-09-20' from won where recorded_at is not null")
    # 46, 68 and 55 seats at 42 EUR for twelve months
    assert sorted(rows.fetchall()) == [("partner", 23184, True), ("partner", 27720, True), ("partner", 34272, True)]


def test_story_large_renewals_lie_ahead(company):
    due = """from paid where renewal_on between date '2026-10-01' and date '2026-10-01' + 180
        and start_on < date '2026-10-01' and end_on > date '2026-10-01' and cancelled_at is null"""
    total = sum(mrr_by_customer(company, "2026-09-30").values())
    assert figure(company, f"select max(mrr) {due}") > 0.02 * total
    assert 0.25 < figure(company, f"select sum(mrr) {due}") / total < 0.6


def test_story_cash_lasts_for_a_year_and_a_half_and_winters_earn_it(company):
    """Customers pay their year in winter: burn of the last six months is that of the lean half."""
    worth = "amount * if(currency = 'USD', 0.92, 1)"
    cash = figure(company, f"select sum({worth}) from cash_movements")
    burned = f"select -sum({worth}) from cash_movements where category not in ('opening', 'financing') and moved_on"
    assert 15 < cash / (figure(company, f"{burned} >= date '2026-04-01'") / 6) < 21
    assert figure(company, f"{burned} between date '2025-10-01' and date '2025-12-31'") < 0
    spent = "select sum(amount) from spend where currency = 'USD'"
    paid = "select -sum(amount) from cash_movements where currency = 'USD' and category = 'vendors'"
    assert figure(company, paid) == pytest.approx(figure(company, spent))
    balance = (
        "select min(left_over) from (select sum(amount) over (partition by account order by moved_on, movement_id)"
    )
    assert figure(company, f"{balance} as left_over from cash_movements)") > 0


def test_story_a_strong_fourth_quarter_and_a_weak_august():
    """Of many customers, so that chance is small beside the season; their events, most of all rows, are not made."""
    large = duckdb.connect()
    large.execute("set timezone = 'Europe/Berlin'")
    large.register("deals", make_tables(**SIZES["large"])["deals"])
    rows = large.execute("""
        select month(closed_at::date), count(*) from deals where outcome = 'won' and deal_type = 'new_logo'
        and closed_at::date between '2023-10-01' and '2026-09-30' group by 1""").fetchall()
    by_month = dict(rows)
    quarters = [sum(by_month[month] for month in range(first, first + 3)) for first in (1, 4, 7, 10)]
    assert min(by_month, key=by_month.get) == 8
    assert quarters[3] > 1.15 * max(quarters[:3])
