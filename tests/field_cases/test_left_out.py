"""Exports as people have them: what is left out, spelt otherwise or registered late never makes a figure that is wrong.

The cases stand in ../shared/field-cases. A clean file would have, in 2026Q3: MRR 100.50 + 1,000 + 50 = 1,150.50,
opening 100.50 + 200 + 1,000 = 1,300.50, new 50, churn −200, and 3 paying customers.
"""

import os
import shutil
from pathlib import Path

import pytest

from helpers.data.prepare import prepare
from helpers.kpis.inactive_customers import inactive_customers
from helpers.kpis.recurring_revenue import mrr
from helpers.kpis.rows import cards_of, run
from helpers.kpis.spine import Spine
from helpers.params import load_review, load_source
from tests.canonical import defaults

ROOT = Path(__file__).parents[2]
CASES = Path(os.environ.get("KPI_DATA") or ROOT.parent / "shared" / "data").parent / "field-cases"
pytestmark = [pytest.mark.whole, pytest.mark.skipif(not CASES.is_dir(), reason=f"{CASES} is not there")]

CLEAN = {"mrr": 1150.50, "mrr_opening": 1300.50, "mrr_new": 50, "mrr_churn": -200, "paying_customers": 3}


class Reviewed:
    """A case as a review of 2026Q3 reads it: its data report, and its figures in all and over all periods."""

    def __init__(self, case: str, folder: Path, change: tuple[str, str] = ("", ""), **rules: object) -> None:
        shutil.copytree(CASES / case, folder, dirs_exist_ok=True)
        for file in folder.glob("*.csv"):
            file.write_text(file.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
        source, review = load_source(folder / "source.yml"), load_review(CASES / "review.yml")
        period = review.calendar(source).period("2026Q3")
        prepared = prepare(source, period, currency="EUR", folder=folder / "prepared")
        self.tables = prepared.report["tables"]
        self.spelt = [tuple(each.values()) for each in prepared.report["spelt"]]
        spine = Spine(prepared, period, defaults() | rules)
        self.rows = [row for card in cards_of("recurring_revenue") for row in run(card, spine)]

    def row(self, kpi_id, period="2026Q3"):
        [found] = [r for r in self.rows if (r.kpi_id, r.period.label, r.segment_by) == (kpi_id, period, "")]
        return found

    def figures(self, *kpi_ids, period="2026Q3"):
        return {kpi_id: self.row(kpi_id, period).value for kpi_id in kpi_ids}


@pytest.fixture
def reviewed(tmp_path):
    return lambda case, *args, **rules: Reviewed(case, tmp_path / "case", *args, **rules)


# registers


def test_a_customer_is_there_from_its_first_fact_whenever_the_register_was_made(reviewed):
    found = reviewed("26-migrated-customers")  # the register is of 2026-08-15, subscriptions begin on 2025-01-10
    assert found.figures(*CLEAN) == CLEAN
    assert [found.row("mrr", period).value for period in ("2025Q1", "2025Q4", "2026Q2")] == [
        1300.50,  # 100.50 + 200 + 1,000: all three began by 2025-03-15
        1300.50,
        1300.50,
    ]
    assert {row.status for row in found.rows if row.kpi_id == "mrr" and row.value == 0} == {"ok"}  # before all of them
    assert found.row("nrr").value == pytest.approx(1100.50 / 1300.50)  # C4 is new: not in the cohort of 2025-09-30
    assert (
        "3 of 4 customers have facts from before their signed_up_on, the first on 2025-01-10; "
        "each counts as there from its first fact on"
    ) in found.tables["customers"]["warnings"]


# words and ids


def test_an_interval_is_known_by_its_common_names(reviewed):
    found = reviewed("08-annual")  # S4 says yearly; S1 1,200 a year, S3 3,000 × 2 a quarter
    assert found.figures("mrr", "mrr_opening", "mrr_new") == pytest.approx({
        "mrr": 1200 / 12 + 3000 * 2 / 3 + 50 / 12,  # 2,104.1667; before, S4 was left out
        "mrr_opening": 1200 / 12 + 200 + 3000 * 2 / 3,
        "mrr_new": 50 / 12,
    })  # fmt: skip
    assert found.spelt == [("subscriptions", "interval", "yearly", "year", 1)]


def test_a_status_is_known_by_its_common_names(reviewed):
    found = reviewed("23-status-words")  # Active, cancelled (to 2026-08-01), active, non_renewing
    assert found.figures(*CLEAN) == CLEAN
    assert found.spelt == [
        ("subscriptions", "status", "Active", "active", 1),
        ("subscriptions", "status", "cancelled", "canceled", 1),
        ("subscriptions", "status", "non_renewing", "active", 1),
    ]


def test_ids_that_were_numbers_once_are_told(reviewed):
    found = reviewed("24-id-spaces", ("c2", "C2.0"))
    assert (
        "1 rows name a customer_id that customers spell otherwise, such as C2.0 for C2; "
        "ids are compared as they stand: write both alike in the query"
    ) in found.tables["subscriptions"]["warnings"]
    assert found.row("mrr").status == "refused"


def test_spaces_around_an_id_are_no_part_of_it_and_its_case_is(reviewed):
    found = reviewed("24-id-spaces")  # "C1 " is C1; c2 is not C2, and its 200 are 14.8 % of the MRR
    assert found.spelt == [("subscriptions", "customer_id", "'C1 '", "'C1'", 1)]
    assert (
        "1 rows name a customer_id that customers spell otherwise, such as c2 for C2; "
        "ids are compared as they stand: write both alike in the query"
    ) in found.tables["subscriptions"]["warnings"]
    now = [row for row in found.rows if row.period.label == "2026Q3" and row.status != "not_provided"]
    assert {(row.status, row.warnings) for row in now} == {
        (
            "refused",
            (
                # 1 of 4 rows is 25 %; 200 of 100.50 + 200 + 1,000 + 50 = 1,350.50 is less
                "subscriptions: 1 of 4 rows left out, with 200.00 of 1,350.50 EUR a month (25.00%): "
                "customer_id not in customers; mend the rows or their query, or set the rule most_left_out higher",
            ),
        )
    }


def test_below_the_limit_a_figure_stands_and_tells_the_money_that_is_not_in_it(reviewed):
    found = reviewed("24-id-spaces", most_left_out=0.25)
    assert (found.row("mrr").value, found.row("mrr").status) == (1150.50, "ok")
    assert found.row("mrr").warnings == (
        "subscriptions: 1 of 4 rows left out, with 200.00 of 1,350.50 EUR a month (25.00%): "
        "customer_id not in customers",
    )


def test_identical_items_count_once_and_the_money_left_out_is_told(reviewed):
    found = reviewed("11a-identical-items")
    assert (found.row("mrr").value, found.row("mrr").status) == (100.50 + 200 + 1000, "ok")
    told = (
        "subscriptions: of rows equal to another in every column, each counts once: 1 left out, "
        "with 100.50 EUR a month; where they are items of their own, give line_id"
    )
    assert told in found.row("mrr").warnings
    assert told in found.row("mrr_new").warnings
    assert told not in found.row("mrr", "2024Q4").warnings  # before the item began


# rows without a key

KEYED = {
    "customers": "customer_id,name,signed_up_on",
    "subscriptions": "subscription_id,customer_id,start_on,mrr",
    "invoices": "invoice_line_id,customer_id,invoiced_on,amount,kind,service_from,service_to",
}
SOURCE = "name: test\nconnect: duckdb://\nfiles: .\ntimezone: UTC\ncurrency: EUR\ntables:\n"


def mrr_without_keys(folder, table, rows, only=""):
    """The MRR of customers who pay 100 a month each, where the last rows of the 40 of a table have no key."""
    folder.mkdir(exist_ok=True)
    paying = range(40 - rows if table == "customers" else 40)
    lines = {
        "customers": [f"C{i},Cee,2026-01-01" for i in range(40)],
        "subscriptions": [f"S{i},C{i},2026-02-01,100" for i in paying],
        "invoices": [f"I{i},C{i},2026-09-01,100,recurring,2026-09-01,2026-09-30" for i in paying],
    }
    lines[table][40 - rows :] = [line[line.index(",") :] for line in lines[table][40 - rows :]]
    given = {"customers": "from 'customers.csv'", "subscriptions": "from 'subscriptions.csv'"}
    if table == "invoices":
        given |= {"invoices": "from 'invoices.csv'", "subscriptions": "{from: invoices}"}
    given[table] += only
    for name in lines:
        (folder / f"{name}.csv").write_text("\n".join([KEYED[name], *lines[name]]) + "\n", encoding="utf-8")
    text = SOURCE + "".join(f"  {name}: {query}\n" for name, query in given.items())
    (folder / "source.yml").write_text(text, encoding="utf-8")
    source, review = load_source(folder / "source.yml"), load_review(CASES / "review.yml")
    period = review.calendar(source).period("2026Q3")
    found = prepare(source, period, currency="EUR", folder=folder / "prepared")
    told = run(mrr, Spine(found, period, defaults(), [period]))
    [row] = [row for row in told if (row.kpi_id, row.segment_by) == ("mrr", "")]
    return row


@pytest.mark.parametrize(
    ("table", "money"),
    [
        ("customers", ""),
        ("subscriptions", ", with 300.00 of 4,000.00 EUR a month"),
        ("invoices", ", with 300.00 of 4,000.00 EUR"),
    ],
)
def test_rows_without_a_key_count_as_left_out_in_every_table(tmp_path, table, money):
    row = mrr_without_keys(tmp_path / "case", table, 3)
    assert (row.value, row.status) == (None, "refused")
    [told] = row.warnings  # 3 of 40 rows are 7.5 %, and so are 300 of 4,000
    assert told.startswith(
        f"{table}: 3 of 40 rows left out{money} (7.50%): a column of the key is empty; mend the rows"
    )
    row = mrr_without_keys(tmp_path / "case", table, 3, f" {told.rpartition(' in the query: ')[2]}")
    assert (row.value, row.status) == (37 * 100, "ok")


def test_rows_without_a_key_up_to_the_limit_are_told_with_their_money(tmp_path):
    row = mrr_without_keys(tmp_path / "case", "subscriptions", 2)  # 2 of 40 are 5 %, and no more
    assert (row.value, row.status) == (38 * 100, "ok")
    told = "subscriptions: 2 of 40 rows left out, with 200.00 of 4,000.00 EUR a month (5.00%)"
    assert f"{told}: a column of the key is empty" in row.warnings


# events without a user


def used(folder, visitors, query="from 'events.csv'"):
    """What is told of 20 events of two users, to the end of September, and of some of visitors, who have none."""
    folder.mkdir(exist_ok=True)
    events = [f"U{i % 2},open,2026-09-{11 + i:02} 10:00" for i in range(20)]
    events += [f",open,2026-08-{1 + i:02} 10:00" for i in range(visitors)]
    tables = {
        "customers": ["customer_id,name,signed_up_on,product_type", "C,Cee,2026-01-01,interactive"],
        "users": ["user_id,customer_id,created_on", "U0,C,2026-01-01", "U1,C,2026-01-01"],
        "subscriptions": ["subscription_id,customer_id,start_on,mrr", "S,C,2026-01-01,100"],
        "events": ["user_id,event,occurred_at", *events],
    }
    for name, lines in tables.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    queries = {name: f"from '{name}.csv'" for name in tables} | {"events": query}
    given = "".join(f"  {name}: {text}\n" for name, text in queries.items())
    text = f"name: test\nconnect: duckdb://\nfiles: .\ntimezone: UTC\ncurrency: EUR\ntables:\n{given}"
    (folder / "source.yml").write_text(text, encoding="utf-8")
    source, review = load_source(folder / "source.yml"), load_review(CASES / "review.yml")
    period = review.calendar(source).period("2026Q3")
    found = prepare(source, period, currency="EUR", folder=folder / "prepared")
    rows = run(inactive_customers, Spine(found, period, defaults(), [period.previous(), period]))
    return {(row.kpi_id, row.period.label): row for row in rows if not row.segment_by}


def test_events_without_a_user_are_counted_and_left_out_on_purpose_by_the_line_that_is_given(tmp_path):
    row = used(tmp_path / "case", visitors=2)["inactive_customers", "2026Q3"]  # 2 of 22 events are 9.09 %
    assert row.status == "refused"
    [told] = row.warnings
    assert told.startswith("events: 2 of 22 rows left out (9.09%): a column of the key is empty; mend the rows")
    line = told.rpartition(" in the query: ")[2]
    assert line == "where user_id is not null and event is not null and occurred_at is not null"
    right = used(tmp_path / "case", visitors=2, query=f"from 'events.csv' {line}")["inactive_customers", "2026Q3"]
    assert (right.value, right.status) == (0, "ok")


def test_a_period_before_the_events_without_a_user_tells_nothing_of_them(tmp_path):
    rows = used(tmp_path / "case", visitors=1)  # of 21 events, 4.76 %
    assert rows["inactive_customers", "2026Q3"].status == "ok"
    assert "events" not in str(rows["inactive_customers", "2026Q2"].warnings)
