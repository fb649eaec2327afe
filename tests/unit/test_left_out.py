"""What is left out has a limit: a share of a table's rows, or of the money that they stand for."""

import pandas as pd
import pytest

from helpers.kpis.recurring_revenue.cards import mrr
from helpers.kpis.recurring_revenue.tables import lost_customers
from helpers.kpis.rows import rows_once
from helpers.params import Review
from helpers.periods import Calendar
from helpers.results import Column, Listing
from tests.canonical import figures, opened, spine

HEAD = "subscription_id | customer_id | start_on | end_on | mrr"


def lines(good, bad, price="10"):
    """So many subscriptions of 10 a month, and so many that end before they start, at a price."""
    found = [f"S{i} | A | 2026-01-01 | | 10" for i in range(good)]
    return "\n".join([HEAD, *found, *(f"X{i} | A | 2026-01-01 | 2025-01-01 | {price}" for i in range(bad))])


def answer(**texts):
    given = texts.pop("given", None)
    [row] = [row for row in figures(mrr, spine("2026-04-01", given=given, **texts)) if row.kpi_id == "mrr"]
    return row


@pytest.mark.parametrize(
    ("good", "bad", "price", "status"),
    [
        (95, 5, "10", "ok"),  # 5 of 100 rows, 50 of 1,000: just as much as is allowed
        (94, 6, "10", "refused"),  # 6 of 100 rows
        (99, 1, "50", "ok"),  # 1 of 100 rows; 50 of 990 + 50 is 4.8 %
        (99, 1, "60", "refused"),  # 60 of 990 + 60 is 5.7 %
    ],
)
def test_the_greater_share_of_rows_and_money_decides(good, bad, price, status):
    assert answer(subscriptions=lines(good, bad, price)).status == status


def test_the_rule_sets_the_limit():
    assert answer(subscriptions=lines(94, 6), given={"most_left_out": 0.06}).status == "ok"


def test_rows_of_a_test_customer_are_left_out_on_purpose_and_those_of_a_faulty_one_are_not():
    customers = "customer_id | name | signed_up_on | is_test | ttv_start_on | first_value_on\n{}\nB | Bee | | | |"
    subscriptions = f"{HEAD}\n1 | A | 2026-01-01 | | 10\n2 | B | 2026-01-01 | | 10"
    test, faulty = (customers.format(row) for row in ("A | Aye | | true | |", "A | Aye | | | 2026-01-02 | 2026-01-01"))
    found = answer(customers=test, subscriptions=subscriptions)
    assert (found.value, found.warnings) == (10, ())
    assert answer(customers=faulty, subscriptions=subscriptions).status == "refused"


def test_a_row_without_a_key_is_left_out_too():
    found = answer(subscriptions=f"{HEAD}\n1 | A | 2026-01-01 | | 10\n | A | 2026-01-01 | | 10")
    assert found.warnings == (
        "subscriptions: 1 of 2 rows left out, with 10.00 of 20.00 USD a month (50.00%): a column of the key is empty; "
        "mend the rows or their query, or set the rule most_left_out higher; where a row has no key on purpose, leave "
        "it out in the query: where subscription_id is not null and start_on is not null",
    )


def test_money_is_told_in_the_currency_of_the_pack():
    text = lines(99, 1).replace("| mrr", "| mrr | currency").replace("| 10", "| 10 | EUR")
    found = answer(subscriptions=text, fx_rates="currency | rate\nEUR | 1.5")
    assert found.warnings == (
        "subscriptions: 1 of 100 rows left out, with 15.00 of 1,500.00 USD a month (1.00%): end_on not after start_on",
    )


def test_a_table_that_does_not_read_what_is_left_out_stands():
    deals = "deal_id | created_at | closed_at | outcome\n1 | 2026-01-01 | 2025-01-01 | lost"
    assert answer(subscriptions=lines(1, 0), deals=deals).status == "ok"


def test_a_list_is_refused_with_its_figures():
    period = Calendar("UTC").period("2026Q1")
    found = opened(period, Review(company="Fine Co", themes={"recurring_revenue": {}}), subscriptions=lines(1, 1))
    assert found.listing(lost_customers).when_empty.startswith("Refused: subscriptions: 1 of 2 rows left out")


def test_a_list_made_of_the_rows_of_a_card_is_refused_too_where_that_was_run_before():
    """What a list is made of counts, not whether it had to be computed for it."""

    def of_mrr(spine):
        rows = pd.DataFrame({"kpi_id": [row.kpi_id for row in rows_once(mrr, spine)]})
        return Listing("KPIs", rows, {"kpi_id": Column("KPI")}, "None.")

    period = Calendar("UTC").period("2026Q1")
    found = opened(period, Review(company="Fine Co", themes={"recurring_revenue": {}}), subscriptions=lines(1, 1))
    told = [found.listing(of_mrr).when_empty for _ in range(2)]
    assert told[0].startswith("Refused: subscriptions: 1 of 2 rows left out")
    assert told[1] == told[0]
