"""Subscriptions made from invoices (specification, section 2): each example with its arithmetic, and what is told."""

import random
from dataclasses import replace
from datetime import date, timedelta

import pytest

from helpers.check import by_invoice_date
from helpers.kpis.recurring_revenue.cards import mrr, mrr_movements
from helpers.kpis.rows import run
from helpers.kpis.spine import Spine
from helpers.periods import Calendar
from tests.canonical import defaults, prepared

HEAD = "invoice_line_id | customer_id | invoiced_on | amount | kind | service_from | service_to | corrects"


def spine(lines, last="2027Q1", **rules):
    period = Calendar("UTC").period(last)
    found = prepared(period.as_of_on, period=period, subscriptions="from invoices", invoices=f"{HEAD}\n{lines}")
    return Spine(found, period, defaults() | rules)


def by_month(found, card=mrr, kpi_id="mrr"):
    """A KPI of each month."""
    rows = run(card, found)
    return {r.period.label: r.value for r in rows if (r.kpi_id, r.segment_by) == (kpi_id, "") and "-" in r.period.label}


def moved(found):
    """The movements of each month that has one."""
    ids = ("mrr_new", "mrr_reactivation", "mrr_expansion", "mrr_contraction", "mrr_churn")
    rows = [r for r in run(mrr_movements, found) if "-" in r.period.label and not r.segment_by]
    return [(r.period.label, r.kpi_id, round(r.value, 6)) for r in rows if r.kpi_id in ids and r.value]


def test_a_year_paid_in_advance_is_a_twelfth_in_each_of_its_months():
    line = "1 | A | 2026-02-15 | 12000 | recurring | 2026-03-01 | 2027-02-28 |"
    once = "2 | A | 2026-02-15 | 5000 | services | 2026-03-01 | 2026-03-31 |"
    found = by_month(spine(f"{line}\n{once}"))
    assert found["2026-02"] == 0  # invoiced, and not served yet
    months = [f"2026-{month:02}" for month in range(3, 13)] + ["2027-01"]
    assert [found[month] for month in months] == [12000 / 12] * 11
    assert found["2027-02"] == 1000  # 2027-02-28 is the last day of service
    assert found["2027-03"] == 0


def test_no_month_is_longer_than_another():
    found = by_month(
        spine(
            "1 | A | 2026-01-01 | 310 | recurring | 2026-01-01 | 2026-01-31 |\n"
            "2 | A | 2026-02-01 | 310 | recurring | 2026-02-01 | 2026-02-28 |",
            "2026Q1",
        )
    )
    assert (found["2026-01"], found["2026-02"]) == (310, 310)  # by days it would be 310 and 280


@pytest.mark.parametrize(
    ("grain", "grace_days", "served_to", "moves"),
    [
        # Served to 2026-08-31 and from 2026-09-11 on: ten days without, all of them between two ends of months.
        ("month", 0, "2026-08-31", []),
        ("day", 14, "2026-08-31", []),
        ("day", 0, "2026-08-31", [("2026-09", "mrr_reactivation", 100), ("2026-09", "mrr_churn", -100)]),
        # Served to 2026-08-30: without service on the last day of August.
        ("month", 14, "2026-08-30", []),
        ("month", 0, "2026-08-30", [("2026-08", "mrr_churn", -100), ("2026-09", "mrr_reactivation", 100)]),
    ],
)
def test_a_late_renewal_is_no_churn_within_the_days_of_grace(grain, grace_days, served_to, moves):
    day = date.fromisoformat(served_to) + timedelta(days=1)
    began = day.replace(month=day.month - 3)  # three whole months, of 100
    lines = (
        f"1 | A | 2026-05-29 | 300 | recurring | {began} | {served_to} |\n"
        "2 | A | 2026-08-31 | 1200 | recurring | 2026-09-11 | 2027-09-10 |"
    )
    found = moved(spine(lines, "2026Q4", grace_days=grace_days, movement_grain=grain))
    new = [each for each in found if each[1] == "mrr_new"]
    assert [each[2] for each in new] == [100]
    assert sorted(each for each in found if each not in new) == sorted(moves)


def test_a_gap_that_is_closed_is_known_as_closed_once_the_renewal_is():
    lines = (
        "1 | A | 2026-05-29 | 300 | recurring | 2026-05-31 | 2026-08-30 |\n"
        "2 | A | 2026-09-05 | 1200 | recurring | 2026-09-05 | 2027-09-04 |"
    )
    found = spine(lines, "2026Q4", grace_days=14)
    assert by_month(found)["2026-08"] == 0  # at the end of August nobody knew
    assert by_month(found)["2026-09"] == 100


def test_a_credit_that_names_its_line_lowers_it_from_the_first_day_and_any_other_touches_no_mrr():
    lines = (
        "1 | A | 2026-01-01 | 1200 | recurring | 2026-01-01 | 2026-12-31 |\n"
        "2 | A | 2026-03-10 | -600 | recurring | | | 1\n"
        "3 | A | 2026-03-11 | -600 | recurring | | |"
    )
    found = spine(lines, "2026Q4")
    assert by_month(found)["2026-12"] == (1200 - 600) / 12 == 50
    assert by_month(found)["2026-03"] == 50
    assert by_month(found)["2026-02"] == 100  # as it was known then
    then = replace(found, period=Calendar("UTC").period("2026Q1"), periods=[Calendar("UTC").period("2026Q1")])
    assert [r.value for r in run(mrr, then) if r.kpi_id == "mrr"] == [50]


def test_a_split_invoice_is_the_sum_of_its_lines_and_contiguous_lines_are_one_subscription():
    lines = (
        "1 | A | 2026-01-01 | 60 | recurring | 2026-01-01 | 2026-01-31 |\n"
        "2 | A | 2026-01-01 | 40 | recurring | 2026-01-01 | 2026-01-31 |\n"
        "3 | A | 2026-02-01 | 100 | recurring | 2026-02-01 | 2026-02-28 |\n"
        "4 | A | 2026-06-01 | 100 | recurring | 2026-06-01 | 2026-06-30 |"
    )
    found = spine(lines, "2026Q2")
    assert [by_month(found)[f"2026-0{month}"] for month in range(1, 7)] == [100, 100, 0, 0, 0, 100]
    named = {row["line_id"]: row["subscription_id"] for row in found.answers("subscriptions", "line_id")}
    assert named == {"1": "1", "2": "1", "3": "1", "4": "4"}


def test_a_line_goes_on_in_the_one_that_is_nearest_and_holds_up_no_other():
    lines = (  # A's second contract, from the 15th on, is no late renewal of the first, which ended on 2026-02-28
        "1 | A | 2026-02-01 | 100 | recurring | 2026-02-01 | 2026-02-28 |\n"
        "2 | A | 2026-02-12 | 10 | recurring | 2026-02-12 | 2026-03-11 |\n"
        "3 | A | 2026-03-12 | 10 | recurring | 2026-03-12 | 2026-04-11 |"
    )
    found = spine(lines, "2026Q1", grace_days=14)
    ends = {row["line_id"]: str(row["end_on"]) for row in found.answers("subscriptions", "line_id")}
    assert ends == {"1": "2026-03-01", "2": "2026-03-12", "3": "2026-04-12"}


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [
        ("2026-01-01", "2026-03-31", 3),
        ("2026-01-31", "2026-02-27", 1),  # from the end of a month to the eve of the end of the next
        ("2026-01-30", "2026-02-27", 1),  # February has no 30th
        ("2026-02-28", "2026-03-29", 1),  # and the month after it goes on from there
        ("2028-02-29", "2029-02-27", 12),
        ("2026-01-01", "2026-01-10", 10 * 12 / 365.25),
        ("2026-01-01", "2026-02-15", 46 * 12 / 365.25),
    ],
)
def test_months_of_service(first, last, months):
    [line] = spine(f"1 | A | 2026-01-01 | 100 | recurring | {first} | {last} |", "2029Q1").answers("invoice_line")
    assert line["months"] == pytest.approx(months, rel=1e-12)


def test_lines_without_a_service_are_refused_or_take_the_months_of_the_rule():
    lines = "1 | A | 2026-01-20 | 100 | recurring | | |\n2 | A | 2026-02-10 | 100 | recurring | 2026-02-01 | |"
    [row] = {row.warnings: row for row in run(mrr, spine(lines, "2026Q1")) if row.period.label == "2026Q1"}.values()
    assert (row.status, row.warnings) == (
        "refused",
        (
            "2 of 2 recurring lines of invoices have no service_from and service_to; give them, or set the rule "
            "invoice_months (1: a line is for the calendar month of its day)",
        ),
    )
    found = by_month(spine(lines, "2026Q1", invoice_months=1))
    assert (found["2026-01"], found["2026-02"], found["2026-03"]) == (100, 100, 0)


def test_a_last_day_that_is_the_first_without_service_is_asked_about():
    lines = "\n".join(
        f"{i} | A | 2026-0{i}-01 | 100 | recurring | 2026-0{i}-01 | 2026-0{i + 1}-01 |" for i in range(1, 4)
    )
    [row] = {row.warnings: row for row in run(mrr, spine(lines, "2026Q1")) if row.period.label == "2026Q1"}.values()
    assert (row.status, row.warnings) == (
        "refused",
        (
            "2 recurring lines of invoices begin on the service_to of the line before, and 0 on the day after it; "
            "service_to must be the last day of service: write service_to - 1",
        ),
    )


def test_what_is_made_says_so_and_what_invoice_dates_would_show_is_told():
    lines = "1 | A | 2026-01-05 | 300 | recurring | 2026-01-01 | 2026-03-31 |\n" \
        "2 | A | 2026-04-05 | 300 | recurring | 2026-04-01 | 2026-06-30 |\n" \
        "3 | B | 2026-01-05 | 100 | recurring | 2026-01-01 | 2026-01-31 |"  # fmt: skip
    found = spine(lines, "2026Q2")
    [row] = [r for r in run(mrr, found) if (r.kpi_id, r.period.label, r.segment_by) == ("mrr", "2026Q2", "")]
    assert row.warnings == ("from invoices: made of 3 recurring lines, each over the months of its service",)
    # B stops once. By date A stops in February and, after April, in May; B in February.
    assert by_invoice_date(found) == [
        "subscriptions are made from invoices: up to 2026-06-30 customers stopped paying for service 1 times, "
        "counted at the ends of months; by invoice date it would look like 3 times"
    ]


def test_random_invoices_add_up_as_plain_python_says():
    chance = random.Random(7)
    first, lines, owed = date(2026, 1, 1), [], {}
    for i in range(60):
        start, months, amount = chance.randrange(12), chance.choice([1, 3, 12]), chance.randrange(1, 500)
        served_to = _month(first, start + months) - timedelta(days=1)
        lines.append(
            f"{i} | C{i % 9} | {_month(first, start)} | {amount} | recurring | {_month(first, start)} | {served_to} |"
        )
        for month in range(start, start + months):
            owed[month] = owed.get(month, 0) + amount / months
    found = by_month(spine("\n".join(lines), "2026Q4"))
    for month in range(12):
        assert found[f"2026-{month + 1:02}"] == pytest.approx(owed.get(month, 0), abs=1e-6)


def _month(day, months):
    return date(day.year + (day.month - 1 + months) // 12, (day.month - 1 + months) % 12 + 1, 1)


def of_quarter(found):
    [row] = [r for r in run(mrr, found) if (r.kpi_id, r.period.label, r.segment_by) == ("mrr", "2026Q1", "")]
    return row


def credited(amount, corrects):
    return spine(
        "L1 | A | 2026-01-01 | 12000 | recurring | 2026-01-01 | 2026-12-31 |\n"
        f"L2 | A | 2026-02-01 | {amount} | recurring | | | {corrects}",
        "2026Q1",
    )


def test_a_credit_of_a_line_that_is_not_there_is_counted_and_told_and_right_once_it_names_it():
    found = credited(-600, "INV-1")  # 600 of 12,000 is 5 %, which is not more than most_left_out
    told = "1 credits name in corrects an invoice line that is not there, such as INV-1, and lower none; " \
        "give the invoice_line_id, or leave corrects empty where they are of no line"  # fmt: skip
    assert (of_quarter(found).value, of_quarter(found).status) == (1000, "ok")
    assert told in of_quarter(found).warnings
    assert (
        "1 rows correct an invoice line that is not there, such as INV-1, with -600.00 in all; they count as revenue "
        "and lower no line; corrects must be an invoice_line_id"
    ) in found.prepared.report["tables"]["invoices"]["warnings"]
    named = credited(-600, "L1")
    assert of_quarter(named).value == (12_000 - 600) / 12
    assert told not in of_quarter(named).warnings
    assert "not there" not in str(named.prepared.report["tables"]["invoices"]["warnings"])
    none = credited(-600, "")
    assert of_quarter(none).value == 1000
    assert told not in of_quarter(none).warnings


def test_credits_of_no_line_that_come_to_more_than_may_be_left_out_refuse_what_stands_on_it():
    found = of_quarter(credited(-601, "INV-1"))
    assert found.status == "refused"
    assert "1 credits name in corrects an invoice line that is not there, such as INV-1" in str(found.warnings)
    assert of_quarter(credited(-601, "L1")).value == pytest.approx((12_000 - 601) / 12)
