"""Exports as people have them: each comes out right, or is asked about, and what is then said to write makes it right.

The cases are small folders outside of the repository, one per condition; here are the figures that are right. Every
remedy that a message proposes is taken from the message and applied to its case.
"""

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from helpers.data.prepare import prepare
from helpers.errors import KitError
from helpers.kpis.recurring_revenue import mrr, mrr_movements
from helpers.kpis.rows import run
from helpers.params import load_review, load_source
from helpers.review import OpenReview

ROOT = Path(__file__).parents[2]
CASES = Path(os.environ.get("KPI_DATA", ROOT.parent / "shared/data")).parent / "field-cases"
READS = re.compile(r"reads: (\{(?:[^{}\[\]]|\[[^\]]*\])*\})")

pytestmark = [pytest.mark.whole, pytest.mark.skipif(not CASES.is_dir(), reason=f"{CASES} is not there")]

# 100.50 + 200 + 1,000 at the start; C2 leaves, C4 comes with 50
CLEAN = {"mrr": 1150.5, "mrr_opening": 1300.5, "mrr_new": 50, "mrr_churn": -200, "paying_customers": 3}
# in thousands: 1,250 + 2,000 + 10,000; 2,000 leave, 1,500 come
THOUSANDS = {"mrr": 12_750, "mrr_opening": 13_250, "mrr_new": 1_500, "mrr_churn": -2_000}
# C3's price is a dash, so that it has none
REFUSED = {"mrr": None, "mrr_opening": None}  # the dash is a price that nobody knows: 1 of 4 rows is left out

RIGHT_AT_ONCE = {
    "04c-exponent-id": {"mrr": 1110.5, "mrr_opening": 1310.5, "mrr_churn": -200, "paying_customers": 3},
    "08b-fraction-quantity": {"mrr": 2650, "mrr_opening": 2850, "mrr_churn": -200},  # 1.5 x 100 + 2.5 x 1,000
    # S2 ends at midnight of 1 October in Berlin, and S4 begins on that day
    "13d-utc-date": {"mrr": 1300.5, "mrr_opening": 1300.5, "mrr_new": 0, "mrr_churn": 0, "paying_customers": 3},
    "15d-sf-footer": CLEAN,
}
# What is asked of which table, which of the lines that the message gives is the right one, and what is right with it.
ASKED = [
    ("01a-german-excel", "subscriptions", "mrr: '50,00' is 50 with decimal", 0, CLEAN),
    ("01b-german-thousands-dot", "subscriptions", "mrr: '1.250' is 1.25 with decimal: ", 1, THOUSANDS),
    ("02c-us-mixed", "subscriptions", "start_on and end_on: '1/10/2025' is 1 October 2025 with dates: dmy", 1, CLEAN),
    ("03a-cp1252", "customers", "customers.csv is not UTF-8; in cp1252 it says 'C1,Müller € Werke", 0, CLEAN),
    ("03b-utf16", "customers", "customers.csv is not UTF-8; in utf-16 it says 'customer_id,name", 0, CLEAN),
    ("14a-null-words", "subscriptions", "end_on and mrr: '-', 'N/A' and 'None' may stand for nothing", 0, REFUSED),
    ("14b-null-segment", "customers", "segment: 'N/A' and 'None' may stand for nothing", 0, CLEAN),
    ("14b-null-segment", "customers", "segment: 'N/A' and 'None' may stand for nothing", 1, CLEAN),
    ("15c-title-row-commas", "subscriptions", "line 1 is no header; line 4 looks like one", 0, CLEAN),
    ("19-serial", "subscriptions", "start_on and end_on: '45667' is 10 January 2025 with dates: spreadsheet", 0, CLEAN),
    (
        "20-inclusive-end", "subscriptions", "2 rows end on the day before the same customer's next one begins (C1: "
        "2026-09-30, then 2026-10-01)", 0, {"mrr": 1350, "mrr_opening": 1300, "mrr_new": 50, "mrr_churn": 0},
    ),
]  # fmt: skip
# A query that works: what it replaces a column with is in the message.
BY_QUERY = [
    ("04a-leading-zero-mixed", "'123' is in customers only as '00123' (3 such ids)", r"case when .*",
     {"mrr": 1100.5, "mrr_opening": 1300.5, "mrr_churn": -200, "paying_customers": 2}),
    ("21-currency", "currency: '€' is no code (1 rows)", r"case .* end as currency", CLEAN),
]  # fmt: skip


@pytest.fixture
def case(tmp_path):
    """Copies a case, its tables as queries or as files, and tells its figures or its faults."""

    def copied(name, form="queries", **changes):
        folder = tmp_path / name
        if not folder.exists():
            shutil.copytree(CASES / name, folder)
        source = yaml.safe_load((CASES / name / "source.yml").read_text())
        for table, query in source["tables"].items():
            file = re.search(r"'(\w+\.csv)'", query)[1]
            given = {"query": query} if form == "queries" else {"file": file}
            source["tables"][table] = given | changes.get(table, {})
        source |= changes.get("source", {})
        (folder / "source.yml").write_text(yaml.safe_dump(source, allow_unicode=True))
        return folder

    return copied


def prepared(folder):
    own = folder / "review.yml"
    review, source = load_review(own if own.exists() else CASES / "review.yml"), load_source(folder / "source.yml")
    period = review.calendar(source).period("2026Q3")
    return review, period, prepare(source, period, currency="EUR", folder=folder / "prepared")


def figures(folder):
    review, period, found = prepared(folder)
    themes = {"recurring_revenue": {"retention_months": 12}}
    quarter = OpenReview(period, review.model_copy(update={"themes": themes}), found, {})
    spine = replace(quarter.spine, periods=[period])
    rows = [row for card in (mrr, mrr_movements) for row in run(card, spine)]
    return {row.kpi_id: row.value for row in rows if not row.segment}


def faults(folder):
    with pytest.raises(KitError) as caught:
        prepared(folder)
    return [fault.split("source.yml: ", 1)[1] for fault in caught.value.faults]


def are(found, right):
    return {kpi_id: found[kpi_id] for kpi_id in right} == pytest.approx(right)


@pytest.mark.parametrize("form", ["queries", "files"])
@pytest.mark.parametrize(("name", "right"), RIGHT_AT_ONCE.items())
def test_right_at_once(case, name, right, form):
    assert are(figures(case(name, form)), right)


@pytest.mark.parametrize("form", ["queries", "files"])
@pytest.mark.parametrize(("name", "table", "words", "which", "right"), ASKED)
def test_asked_and_right_once_answered(case, name, table, words, which, right, form):
    asked = faults(case(name, form))
    assert len(asked) == len({row[1] for row in ASKED if row[0] == name}), asked  # one sentence per table
    [own] = [fault for fault in asked if fault.startswith(f"tables.{table}: ")]
    assert words in own
    answers = {fault.split(": ")[0].removeprefix("tables."): READS.findall(fault)[which] for fault in asked}
    changes = {name: {"reads": yaml.safe_load(answer)} for name, answer in answers.items()}
    assert are(figures(case(name, form, **changes)), right)


@pytest.mark.parametrize(("name", "words", "pattern", "right"), BY_QUERY)
def test_asked_and_right_with_the_query_that_is_proposed(case, name, words, pattern, right):
    [asked] = faults(case(name))
    assert words in asked
    query = f"select * replace ({re.search(pattern, asked)[0]}) from read_csv('subscriptions.csv')"
    assert are(figures(case(name, subscriptions={"query": query})), right)


@pytest.mark.parametrize("form", ["queries", "files"])
def test_what_several_tables_ask_alike_is_asked_once_and_answered_by_one_line_for_the_source(case, form):
    [asked] = faults(case("02-us-dates", form))
    assert asked == (
        "tables.customers and tables.subscriptions: signed_up_on, start_on and end_on: '1/10/2025' is 1 October 2025 "
        "with dates: dmy and 10 January 2025 with dates: mdy; write reads: {dates: dmy} or reads: {dates: mdy}, once "
        "for the source, or under each table where they differ"
    )
    _, american = READS.findall(asked)
    assert are(figures(case("02-us-dates", form, source={"reads": yaml.safe_load(american)})), CLEAN)


@pytest.mark.parametrize("form", ["queries", "files"])
def test_each_table_that_asks_alike_shows_its_own_example_and_may_be_answered_by_itself(case, form):
    folder = case("02-us-dates", form)
    days = (folder / "customers.csv").read_text()
    (folder / "customers.csv").write_text(days.replace("1/10/2025", "3/4/2025"))
    [asked] = faults(case("02-us-dates", form))
    assert asked == (
        "tables.customers: signed_up_on: '2/3/2025' is 2 March 2025 with dates: dmy and 3 February 2025 "
        "with dates: mdy; "
        "tables.subscriptions: start_on and end_on: '1/10/2025' is 1 October 2025 with dates: dmy and 10 January 2025 "
        "with dates: mdy; write reads: {dates: dmy} or reads: {dates: mdy}, once for the source, or under each table "
        "where they differ"
    )
    european, american = ({"reads": yaml.safe_load(line)} for line in READS.findall(asked))
    _, _, found = prepared(case("02-us-dates", form, customers=european, subscriptions=american))
    first = "select min(signed_up_on), (select min(start_on) from 'subscriptions.parquet') from 'customers.parquet'"
    [(signed_up_on, start_on)] = found.connect().execute(first).fetchall()
    assert (str(signed_up_on), str(start_on)) == ("2025-03-02", "2025-01-10")


def test_one_line_for_the_whole_source_is_enough(case):
    assert are(figures(case("02-us-dates", source={"reads": {"dates": "mdy"}})), CLEAN)
    assert are(figures(case("01b-german-thousands-dot", source={"reads": {"thousands": "."}})), THOUSANDS)


def test_a_cast_that_fails_is_told_by_the_line_that_reads_it(case):
    [asked] = faults(case("01c-decimal-comma-cast"))
    assert asked == 'tables.subscriptions: mrr: \'50,00\' is 50 with decimal: ","; if so, write reads: {decimal: ","}'
    assert are(figures(case("01c-decimal-comma-cast", source={"reads": {"decimal": ","}})), CLEAN)


@pytest.mark.parametrize(
    ("dates", "closed"), [("mdy", "2026-07-02 2026-08-04 2026-09-01"), ("dmy", "2026-02-07 2026-04-08")]
)
def test_deals_of_american_days(case, dates, closed):
    asked = faults(case("02e-us-deals"))
    assert len(asked) == 1
    assert "created_at and closed_at: '5/1/2026' is 5 January 2026 with dates: dmy and 1 May 2026" in asked[0]
    _, period, found = prepared(case("02e-us-deals", source={"reads": {"dates": dates}}))
    known = f"left_out is null and outcome = 'won' and known_until >= date '{period.known_until}'"
    days = f"select local_day(closed_at) from 'deals.parquet' where {known} order by 1"
    assert " ".join(str(day) for (day,) in found.connect().execute(days).fetchall()) == closed


def test_a_footer_is_told(case):
    _, _, found = prepared(case("15d-sf-footer"))
    told = found.report["tables"]["customers"]
    assert told["read"] == 4
    assert (
        "the end of customers.csv is a report's footer, and no rows: 'Customer list' and 3 more lines"
        in told["warnings"]
    )
