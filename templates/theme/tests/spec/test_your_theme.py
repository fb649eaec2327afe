"""The cards of your_theme."""

import pytest

from helpers.errors import NotProvided
from helpers.kpis import your_theme as theme
from helpers.periods import Calendar
from tests.canonical import asked, spine

card, listed = asked(theme.your_theme), asked(theme.your_theme_list)
Q1 = Calendar().period("2026Q1")

CUSTOMERS = """
    customer_id | name | signed_up_on | segment
    A           | Aye  | 2024-01-01   | small
    B           | Bee  | 2025-12-31   | small
    C           | Cee  | 2026-01-01   | large
    D           | Dee  | 2026-02-01   | large
"""
SUBSCRIPTIONS = """
    subscription_id | customer_id | start_on   | end_on     | mrr | currency
    S1              | A           | 2024-01-01 |            | 100 | USD
    S2              | B           | 2025-12-31 |            | 200 | USD
    S3              | C           | 2026-01-01 |            | 300 | USD
    S4              | D           | 2026-02-01 | 2026-03-01 | 400 | USD
"""


def known(**texts):
    given = {"customers": CUSTOMERS, "subscriptions": SUBSCRIPTIONS, **texts}
    return spine(Q1.as_of_on, Q1, **{name: text for name, text in given.items() if text})


def count_and_share(rows, segment=""):
    return [row.value for row in rows if row.segment == segment]


def test_one_of_three_that_pay_counts():
    # To 31 March B has paid 90 days and C 89; D pays no more. So C counts, of A, B and C.
    rows = card(known())
    assert {row.kpi_id for row in rows} == {"your_theme", "your_theme_share"}
    assert count_and_share(rows) == [1, pytest.approx(1 / 3)]
    assert count_and_share(rows, "small") == [0, 0]
    assert count_and_share(rows, "large") == [1, 1]


def test_the_days_are_a_parameter():
    assert count_and_share(card(known(), your_theme_days=91)) == [2, pytest.approx(2 / 3)]


def test_where_nobody_pays_the_count_is_0_and_the_share_undefined():
    [count, share] = card(known(subscriptions=SUBSCRIPTIONS.splitlines()[1]))
    assert (count.value, count.status) == (0, "ok")
    assert (share.value, share.status) == (None, "undefined")


def test_without_subscriptions_it_is_not_provided():
    with pytest.raises(NotProvided, match="subscriptions"):
        card(known(subscriptions=""))


def test_the_list_names_who_counts():
    rows = listed(known()).rows
    assert list(zip(rows["customer"], rows["mrr"], rows["days_paid"], strict=True)) == [("Cee", 300, 89)]
