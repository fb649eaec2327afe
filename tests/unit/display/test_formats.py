from datetime import date, datetime

import pandas as pd
import pytest

from helpers.display import formats
from helpers.display.formats import Writer
from helpers.errors import KitError
from helpers.language import speaking
from tests.unit.display.fake_review import interval, review, share

EURO = Writer("EUR")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (3.2, "money", "€3"),
        (2.5, "money", "€3"),  # halves away from zero, as the workbook shows them
        (0.1225, "share", "12.3%"),
        (41_200, "money_per_month", "€41,200"),
        (1_234_567_890, "money_per_day", "€1,234,567,890"),
        (-41_200, "money", "−€41,200"),
        (0.874999, "share", "87.5%"),
        (1.05, "share", "105.0%"),
        (2.5555, "ratio", "2.56"),
        (0.004, "ratio", "0.00"),
        (12.25, "days", "12.3"),
        (12.0, "days", "12"),
        (3.413, "weeks", "3.4"),
        (1.0, "months", "1"),
        (-0.5, "hours", "−0.5"),
        (12_345, "count", "12,345"),
        (-0.0001, "share", "0.0%"),
        ("Acme", "text", "Acme"),
        ("3 0 1", "series", "3 0 1"),
        (date(2026, 9, 30), "date", "30 Sept 2026"),
    ],
)
def test_the_unit_decides_the_format(value, unit, text):
    assert EURO.value(value, unit) == text


@pytest.mark.parametrize(
    "unit", ["money", "share", "ratio", "days", "weeks", "months", "hours", "count", "text", "series", "date"]
)
@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), pd.NaT])
def test_what_is_not_known_is_a_dash(value, unit):
    assert EURO.value(value, unit) == "–"


@pytest.mark.parametrize(
    ("locale", "currency", "value", "unit", "text"),
    [
        ("de_DE", "EUR", -1_234_567.4, "money", "−1.234.567\xa0€"),
        ("de_DE", "EUR", 0.1234, "share", "12,3\xa0%"),
        ("en_IN", "INR", 1_234_567, "money", "₹12,34,567"),
        ("fr_FR", "USD", 1_234, "money", "1\xa0234\xa0$US"),
        ("ja_JP", "JPY", 1_234, "money", "¥1,234"),
    ],
)
def test_the_locale_decides_the_separators_and_the_place_of_the_sign(locale, currency, value, unit, text):
    with speaking("en", locale=locale):
        assert Writer(currency).value(value, unit) == text


def test_an_unknown_unit_is_refused():
    with pytest.raises(KitError, match="unit 'shares' has no format; did you mean 'share'"):
        EURO.value(1, "shares")


@pytest.mark.parametrize(
    ("value", "before", "unit", "text"),
    [
        (0.25, 0.238, "share", "+1.2 pp"),
        (112_000, 100_000, "money", "+€12,000 (+12.0%)"),
        (88_000, 100_000, "money_per_month", "−€12,000 (−12.0%)"),
        (5_000, -3_000, "money", "+€8,000"),  # a ratio to a negative number would mislead
        (-1_000, 4_000, "money", "−€5,000"),
        (7, 4, "count", "+3"),
        (2.5, 2.75, "ratio", "−0.25"),
        (60, 58.5, "days", "+1.5 days"),
        (60, 61, "days", "−1 day"),
        (100.2, 100.1, "money", "no change"),
        (None, 1, "count", "–"),
    ],
)
def test_changes(value, before, unit, text):
    assert EURO.change(value, before, unit) == text


@pytest.mark.parametrize(("k", "n", "text"), [(2, 3, "2 of 3"), (0, 4, "0 of 4"), (2, 5, "40.0%"), (15, 30, "50.0%")])
def test_small_numbers(k, n, text):
    row = review(share("win_rate", k, n, interval=interval(0.1, 0.9))).now("win_rate")
    assert EURO.result(row) == text


@pytest.mark.parametrize(
    ("kpi_id", "part", "whole", "text"),
    [
        ("nrr", 2_100, 2_400, "€2,100 of €2,400"),
        ("seat_utilisation", 12, 40, "12 of 40"),
        ("quota_usage", 1_750, 2_600, "1,750 of 2,600"),
        ("ttv_flow_efficiency", 20, 155, "20 of 155 days"),
    ],
)
def test_a_share_of_few_is_told_in_the_unit_of_its_parts(kpi_id, part, whole, text):
    row = review(share(kpi_id, part, whole)).now(kpi_id).copy()
    row["n"] = 3
    assert EURO.result(row) == text


def test_intervals():
    assert EURO.interval(0.0567, 0.5098, "share") == "5.7% to 51.0%"
    assert EURO.interval(None, 90, "days") == "up to 90"
    assert EURO.interval(None, float("nan"), "days") == ""


def test_dates_and_periods():
    assert formats.format_days("2025-12-01", date(2026, 2, 1)) == "1 Dec 2025 – 31 Jan 2026"
    with speaking("en", locale="en_US"):
        assert formats.format_day(datetime(2026, 9, 30, 13, 5)) == "Sep 30, 2026"
    with speaking("en", locale="de_DE"):
        assert formats.format_period("2026-03") == "März 2026"
        assert formats.format_period("2026-W39") == "2026-W39"
        assert formats.format_period("FY2027Q1") == "FY2027Q1"


def test_a_column_has_one_number_of_decimals():
    assert EURO.column([1.0, 12.25, None], "days") == ["1.0", "12.3", "–"]
    assert EURO.column([1.0, 12.0], "days") == ["1", "12"]
    assert EURO.column([0.04, 2.5], "weeks") == ["0.0", "2.5"]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(1, "weeks", "1 week"), (2.5, "months", "2.5 months"), (1.0, "hours", "1 hour"), (0, "days", "0 days")],
)
def test_a_time_in_a_sentence_has_its_unit(value, unit, text):
    assert EURO.phrase(value, unit) == text


@pytest.mark.parametrize(
    ("value", "before", "unit", "text"),
    [(3.4, 3.5, "weeks", "−0.1 weeks"), (7, 6, "months", "+1 month"), (4.0, 4.04, "hours", "no change")],
)
def test_a_change_of_a_time_has_its_unit(value, before, unit, text):
    assert EURO.change(value, before, unit) == text
