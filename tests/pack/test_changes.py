"""What is told of figures that differ from the last published pack, and why; each figure is added up beside it.

A pack is published here as far as it is compared: results.csv, its manifest and made_from/, by the kit's own functions.
"""

import json
import shutil
from dataclasses import replace
from datetime import date

import duckdb
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from openpyxl import load_workbook
from pypdf import PdfReader

from helpers import results
from helpers.catalogue import CATALOGUE, THEMES
from helpers.data.prepared import Prepared
from helpers.display.context import Results
from helpers.errors import KitError
from helpers.pack.archive import Published, versions
from helpers.pack.changes import Compared, changes_since, side_by_side
from helpers.pack.definitions import definitions_record
from helpers.pack.made_from import keep
from helpers.params import Review
from helpers.review import OpenReview
from helpers.texts import csv_text
from tests.canonical import source
from tests.pack.requests import ROOT, made_request, request_of

pytestmark = pytest.mark.whole

CODE = "the code of today"
CUSTOMERS = "customer_id | name | signed_up_on | segment | owner\n" + "\n".join(
    f"{name} | {name} | 2024-01-01 | Small | Mara" for name in "ABC"
)
SUBSCRIPTIONS = (
    "subscription_id | customer_id | start_on | end_on | unit_amount | quantity | interval | interval_count "
    "| discount_mrr\nA | A | 2024-01-01 | | 100 | 1 | month | 1 | 10\nB | B | 2024-01-01 | | 50 | 1 | month | 1 |"
)
DEALS = (
    "deal_id | customer_id | created_at | closed_at | outcome | amount | term_months | deal_type | recorded_at\n"
    "D1 | A | 2026-05-01 | 2026-05-10 | won | 1000 | 12 | new_logo |"
)
LATE = "\nD2 | B | 2026-05-02 | 2026-05-20 | won | 500 | 12 | new_logo |"
ASKED = {
    "recurring_revenue": ("mrr", "arr"), "new_revenue": ("new_revenue", "revenue_growth"),
    "kpi_alignment": ("okr_progress",),
}  # fmt: skip
THEMES_ASKED = ("recurring_revenue", "new_revenue")
DOLLARS = {
    "subscriptions": "subscription_id | customer_id | start_on | currency | mrr\nA | A | 2024-01-01 | USD | 100",
    "fx_rates": "currency | rate | on\nUSD | 0.9 | 2026-01-01\nUSD | 0.8 | 2027-01-01",
    "deals": "",
}
OKR = {
    "id": "grow", "objective": "Grow", "kpi_id": "mrr", "baseline": 50, "baseline_on": "2026-07-01", "target": 150,
    "due_on": "2027-12-31", "owner": "Mara",
}  # fmt: skip
BOOKS = {"customers": CUSTOMERS, "subscriptions": SUBSCRIPTIONS, "deals": DEALS}


def asked(label="2026Q3", *, as_of=None, rules=None, changes=None, okrs=(), themes=THEMES_ASKED, **books):
    """A request for a period over the books of two paying customers and one deal; an empty text leaves a table out."""
    review = Review.model_validate(
        {
            "company": "Fine Co", "currency": "EUR", "themes": {theme: {} for theme in themes}, "rules": rules or {},
            "changes": changes or {}, "okrs": okrs,
        }
    )  # fmt: skip
    texts = {name: text for name, text in {**BOOKS, **books}.items() if text}
    found = made_request(review, source("EUR", **texts), {"period": label})
    if not as_of:
        return found
    return replace(found, period=found.period.calendar.period(label, date.fromisoformat(as_of)))


def computed(request, folder):
    """The figures of a few KPIs of a request, as notebooks compute them, and the tables that they are made from."""
    prepared = request.prepared_in(folder)
    review = OpenReview(request.period, request.review.model_copy(update={"themes": request.settled}), prepared)
    return prepared, review.look_up(*(kpi_id for theme in request.parameters for kpi_id in ASKED[theme]))


def forget_queries(place, **queries):
    """The queries of the source here hold the rows themselves, so that other rows would be another query."""
    path = place / "made_from/prepared/prepared.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "queries": queries}))


def publish(request, folder, version=1):
    """The pack of a request, published as far as it is compared."""
    place = folder / request.period.label / f"v{version}"
    _, found = computed(request, place / "made_from/prepared")
    keep(request, [], place / "made_from")
    forget_queries(place)
    (place / "results.csv").write_text(csv_text(found.frame))
    manifest = {
        "parameters": {theme: dict(values) for theme, values in request.parameters.items()},
        "rules": request.review.rules.model_dump(mode="json"), "definitions": definitions_record(request),
        "fingerprints": {"code": CODE}, "versions": versions(),
    }  # fmt: skip
    return Published(request.period.label, version, json.loads(json.dumps(manifest)), place)


@pytest.fixture(scope="module")
def q2(tmp_path_factory):
    """The published pack of 2026Q2."""
    return publish(asked("2026Q2"), tmp_path_factory.mktemp("published"))


@pytest.fixture
def copied(q2, tmp_path):
    """A copy of that pack, which a test may change."""
    shutil.copytree(q2.folder, tmp_path / "copied")
    return q2._replace(folder=tmp_path / "copied")


@pytest.fixture(scope="module")
def now(tmp_path_factory):
    """What today's pack is compared by: the request, its tables and its figures; ``now(**given)`` is as ``asked``."""
    found = {}

    def call(label="2026Q3", **given):
        key = json.dumps([label, given], sort_keys=True)
        if key not in found:
            request = asked(label, **given)
            found[key] = (request, *computed(request, tmp_path_factory.mktemp("now")))
        return found[key]

    return call


def compare(published, today, code=CODE, **more):
    return changes_since(published, *today, {"code": code, **versions()}, **more)


def figure(compared, kpi_id, period="2026Q2", segment=""):
    """The one restated figure of a KPI, segment and period."""
    (found,) = [
        each for each in compared.restated if (each.kpi_id, each.period, each.segment) == (kpi_id, period, segment)
    ]
    return found


# --- nothing to tell --------------------------------------------------------------------------------------------------


def test_where_no_pack_is_published_nothing_was_compared(now):
    found = compare(None, now())
    assert found == Compared()
    assert found.sentence == "Nothing was compared: no earlier pack is published yet."


def test_the_same_books_restate_nothing_and_it_is_said_of_how_many_figures(q2, now):
    found = compare(q2, now())
    published = results.read_csv(str(q2.folder / "results.csv"))
    told = published[~published["status"].isin(["not_provided", "refused"])]
    dropped = ["2024Q2", "2024-07", "2024-08", "2024-09"]  # a pack has eight quarters and 24 months before its own
    assert set(dropped) < set(told["period"])
    both = len(told[~told["period"].isin(dropped)])
    assert (found.restated, found.table, found.definitions, found.told) == ([], None, [], {})
    assert found.sentence == (
        f"Compared with the pack of 2026Q2 (v1): of {both:,} figures that both have, none is restated."
    )


# --- rows -------------------------------------------------------------------------------------------------------------


def test_a_corrected_row_is_told_with_old_new_difference_and_its_column(q2, now):
    """A has paid 100 less 10, B 50: 140. Now A's price is 130, so that MRR is 170; for all time since it began."""
    corrected = now(subscriptions=SUBSCRIPTIONS.replace("| 100 |", "| 130 |"))
    found = compare(q2, corrected)
    mrr = figure(found, "mrr")
    assert (mrr.then, mrr.now) == (140.0, 170.0)
    assert mrr.texts == ("€140", "€170", "+€30 (+21.4%)")  # 30 ÷ 140
    assert mrr.size == pytest.approx(30 / 140)
    assert mrr.cause == "1 row of subscriptions corrected (unit amount)"
    (row,) = mrr.rows
    assert (row.table, row.how, row.rows, row.columns) == ("subscriptions", "corrected", 1, ("unit_amount",))
    assert row.keys == ("A, 2024-01-01",)
    arr = figure(found, "arr", "2025Q4")
    assert (arr.then, arr.now) == (140 * 12, 170 * 12)
    assert {each.kpi_id for each in found.restated} == {"mrr", "arpa", "arr"}  # and not the number of customers


def test_a_deal_that_came_late_moves_the_quarter_that_it_is_dated_in(q2, now):
    found = compare(q2, now(deals=DEALS + LATE))
    booked = figure(found, "new_revenue")
    assert (booked.then, booked.now, booked.texts[2]) == (1000.0, 1500.0, "+€500 (+50.0%)")
    assert booked.cause == "1 row of deals that was not there then"
    assert booked.rows[0].keys == ("D2",)
    assert {each.kpi_id for each in found.restated} <= {"new_revenue", "revenue_growth", "revenue_growth_yoy"}
    assert {each.period for each in found.restated} == {"2026Q2", "2026-05"}


def test_a_deal_that_says_it_was_recorded_later_moves_nothing(q2, now):
    found = compare(q2, now(deals=DEALS + LATE + " 2026-07-02"))
    assert found.restated == []


def test_a_deal_that_is_gone_is_withdrawn(now, tmp_path):
    published = publish(asked("2026Q2", deals=DEALS + LATE), tmp_path)
    booked = figure(compare(published, now()), "new_revenue")
    assert (booked.then, booked.now) == (1500.0, 1000.0)
    assert booked.cause == "1 row of deals withdrawn"


def test_a_row_that_does_not_count_any_more_is_told_as_that(q2, now):
    tests = CUSTOMERS.replace("owner", "owner | is_test").replace("Mara", "Mara | false").replace("false", "true", 1)
    mrr = figure(compare(q2, now(customers=tests)), "mrr")
    assert (mrr.then, mrr.now) == (140.0, 50.0)
    assert "1 row of subscriptions corrected (whether they count)" in mrr.cause


def test_what_a_kpi_does_not_read_is_no_cause(q2, now):
    """The owner of every customer changed too, which no figure of MRR asks for."""
    moved = now(customers=CUSTOMERS.replace("Mara", "Tom"), subscriptions=SUBSCRIPTIONS.replace("| 100 |", "| 130 |"))
    assert figure(compare(q2, moved), "mrr").cause == "1 row of subscriptions corrected (unit amount)"


def test_another_query_of_the_source_is_named_beside_the_rows_that_it_changed(copied, now):
    forget_queries(copied.folder, subscriptions="another", deals="another")
    told = figure(compare(copied, now(subscriptions=SUBSCRIPTIONS.replace("| 100 |", "| 130 |"))), "mrr")
    assert told.cause == "1 row of subscriptions corrected (unit amount); the source's query of subscriptions changed"


def test_the_rates_of_a_new_fiscal_year_restate_what_was_in_another_currency(tmp_path):
    """The published quarter counts with the rate of 2026, 0.9, and the pack of the next year with 0.8."""
    published = publish(asked("2026Q4", **DOLLARS), tmp_path)
    request = asked("2027Q1", **DOLLARS)
    mrr = figure(compare(published, (request, *computed(request, tmp_path / "now"))), "mrr", "2026Q4")
    assert (mrr.then, mrr.now) == (90.0, 80.0)
    assert mrr.cause == "exchange rates are those of 1 Jan 2027, and were those of 1 Jan 2026"


@pytest.mark.parametrize(
    ("fx_mode", "period", "of_then"),
    [("fixed", "2025Q4", (90.0, 70.0)), ("fixed", "2026Q2", (90.0, 70.0)), ("period_end", "2026Q2", (85.0, 65.0))],
)
def test_a_corrected_exchange_rate_is_the_cause_of_each_period_that_it_counts_in(tmp_path, fx_mode, period, of_then):
    """The rate of the fiscal year's first day counts for the years before it too; that of May by the day alone."""
    rates = "currency | rate | on\nUSD | 0.9 | 2026-01-01\nUSD | 0.85 | 2026-05-01"
    corrected = rates.replace("0.9", "0.7") if fx_mode == "fixed" else rates.replace("0.85", "0.65")
    request = asked("2026Q2", **{**DOLLARS, "fx_rates": rates}, rules={"fx_mode": fx_mode})
    now = asked("2026Q3", **{**DOLLARS, "fx_rates": corrected}, rules={"fx_mode": fx_mode})
    mrr = figure(compare(publish(request, tmp_path), (now, *computed(now, tmp_path / "now"))), "mrr", period)
    assert (mrr.then, mrr.now) == of_then
    assert mrr.cause == "1 row of FX rates corrected (rate)"


def test_an_objective_is_restated_for_the_reason_of_its_kpi(tmp_path):
    """From 50 to 150: MRR of 90 was 40 % of the way, and MRR of 80 is 30 %. Who the customer is has moved neither."""
    given = {"okrs": [OKR], "themes": ("recurring_revenue", "kpi_alignment"), **DOLLARS}
    published = publish(asked("2026Q4", **given), tmp_path)
    request = asked("2027Q1", **given, customers=CUSTOMERS.replace("| A | 2024", "| Alpha | 2024"))
    found = compare(published, (request, *computed(request, tmp_path / "now")))
    progress = figure(found, "okr_progress", "2026Q4", "grow")
    assert (progress.then, progress.now) == pytest.approx((0.4, 0.3))
    assert progress.cause == figure(found, "mrr", "2026Q4").cause
    assert "exchange rates are those of 1 Jan 2027, and were those of 1 Jan 2026" in progress.cause


def test_another_target_is_the_cause_of_another_progress(tmp_path):
    """MRR of 90 on the way from 50 is 40 % of that to 150, and 20 % of that to 250."""
    given = {"themes": ("recurring_revenue", "kpi_alignment"), **DOLLARS}
    published = publish(asked("2026Q3", **given, okrs=[OKR]), tmp_path)
    request = asked("2026Q4", **given, okrs=[{**OKR, "target": 250}])
    found = compare(published, (request, *computed(request, tmp_path / "now")), code="another")
    progress = figure(found, "okr_progress", "2026Q3", "grow")
    assert (progress.then, progress.now) == pytest.approx((0.4, 0.2))
    assert progress.cause == "target: 150 before, 250 now"


# --- how it is counted ------------------------------------------------------------------------------------------------


def test_a_changed_rule_is_the_cause_and_the_rows_are_not(q2, now):
    """Without its discount of 10, A pays 100."""
    found = compare(q2, now(rules={"discounts": "none"}))
    mrr = figure(found, "mrr")
    assert (mrr.then, mrr.now) == (140.0, 150.0)
    assert mrr.cause == "discounts: all before, none now"
    assert mrr.rows == ()
    assert found.told["Rules and parameters that changed"] == ["Discounts: all before, none now."]


def test_a_parameter_of_a_theme_that_is_not_in_the_pack_is_not_told(copied, now):
    """It is of no figure here, and readers who get fewer themes would learn of others."""
    then = {**copied.manifest, "parameters": {**copied.manifest["parameters"], "cash": {"runway_months": 3}}}
    today = now()
    assert "cash" not in today[0].parameters
    assert today[0].settled["cash"]["runway_months"] == 6
    assert not compare(copied._replace(manifest=then), today).told
    then["parameters"]["recurring_revenue"] = {"retention_months": 3}
    [told] = compare(copied._replace(manifest=then), today).told["Rules and parameters that changed"]
    assert told == "Retention months: 3 before, 12 now."


def test_where_both_moved_it_both_are_told(q2, now):
    both = now(rules={"discounts": "none"}, subscriptions=SUBSCRIPTIONS.replace("| 100 |", "| 130 |"))
    mrr = figure(compare(q2, both), "mrr")
    assert (mrr.then, mrr.now) == (140.0, 180.0)
    assert mrr.cause == "1 row of subscriptions corrected (unit amount); discounts: all before, none now"


def edit_figure(published, kpi_id, value):
    """A published figure of 2026Q2 that is another than today's queries give on the same rows."""
    path = published.folder / "results.csv"
    frame = results.read_csv(str(path))
    of_total = (frame["kpi_id"] == kpi_id) & (frame["period"] == "2026Q2") & (frame["segment_by"] == "")
    frame.loc[of_total, "value"] = value
    path.write_text(csv_text(frame))


def test_a_changed_query_is_the_cause_and_both_versions_stand_side_by_side(copied, now):
    kept = copied.folder / "made_from/queries/recurring_revenue/recurring_revenue.sql"
    query = kept.read_text()
    assert query.count("create view mrr as\n") == 1
    kept.write_text(query.replace("create view mrr as\n", "create view mrr as\n-- as of then\nselect 7, * from (\n"))
    edit_figure(copied, "mrr", 120.0)
    found = compare(copied, now())
    mrr = figure(found, "mrr")
    assert (mrr.then, mrr.now) == (120.0, 140.0)
    assert mrr.cause == "its definition changed (the query of MRR)"
    text = next(each for each in found.definitions if each.name == "the query of MRR")
    assert "Monthly recurring revenue (MRR)" in text.of
    assert ("differ", "select 7, * from (", None) in text.lines
    assert all(line[1] == line[2] for line in text.lines if line[0] == "same")


def test_another_comment_is_no_other_definition(copied, now):
    kept = copied.folder / "made_from/queries/recurring_revenue/recurring_revenue.sql"
    kept.write_text(kept.read_text().replace("create view mrr as\n", "create view mrr as\n-- a remark\n"))
    assert compare(copied, now()).definitions == []


def test_a_definition_that_reads_differently_stands_side_by_side_too(copied, now):
    texts = copied.manifest["definitions"]["texts"]
    texts = {**texts, "recurring_revenue.mrr": "What customers paid then."}
    published = copied._replace(manifest={**copied.manifest, "definitions": {"texts": texts}})
    (text,) = compare(published, now()).definitions
    assert text.name == "the definition in words"
    assert "Monthly recurring revenue (MRR)" in text.of
    assert text.lines[0][:2] == ("differ", "What customers paid then.")


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (CODE, "the cause is not in the data kept"),
        ("another", "the code changed, and neither its query nor a rule did"),
    ],
)
def test_the_code_is_told_where_nothing_else_changed_and_what_is_not_found_is_said(copied, code, cause, now):
    edit_figure(copied, "mrr", 120.0)
    assert figure(compare(copied, now(), code), "mrr").cause == cause


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_without_the_tables_of_then_it_is_said_that_they_are_not_kept(copied, now):
    shutil.rmtree(copied.folder / "made_from")
    corrected = now(subscriptions=SUBSCRIPTIONS.replace("| 100 |", "| 130 |"))
    mrr = figure(compare(copied, corrected), "mrr")
    assert (mrr.then, mrr.now, mrr.cause) == (140.0, 170.0, "the rows of then are not kept")
    mrr = figure(compare(copied, now(rules={"discounts": "none"})), "mrr")
    assert mrr.cause == "discounts: all before, none now; the rows of then are not kept"


def test_of_tables_that_retention_removed_no_cause_is_told_and_their_report_still_is(copied, now):
    """What was left out of them stands in their report, which stays."""
    (copied.folder / "made_from/removed.json").write_text('{"tables": ["subscriptions.parquet"]}')
    (copied.folder / "made_from/prepared/subscriptions.parquet").unlink()
    corrected = now(subscriptions=SUBSCRIPTIONS.replace("| 100 |", "| 130 |"))
    assert figure(compare(copied, corrected), "mrr").cause == "the rows of then are not kept"
    wrong = SUBSCRIPTIONS + "\nC | C | 2026-02-01 | 2026-01-01 | 70 | 1 | month | 1 |"
    (told,) = compare(copied, now(subscriptions=wrong)).told["More rows left out"]
    assert told == "Subscriptions: 1 of 3 rows, and 0 of 2 then: end_on not after start_on."


def test_without_a_column_of_the_tables_the_others_are_still_compared(copied, now):
    """Retention may leave out columns of persons: then a KPI that reads one cannot be computed again."""
    path = copied.folder / "made_from/prepared/subscriptions.parquet"
    frame = pd.read_parquet(path).drop(columns=["status"])
    frame.to_parquet(path)
    corrected = now(subscriptions=SUBSCRIPTIONS.replace("| 100 |", "| 130 |"))
    assert figure(compare(copied, corrected), "mrr").cause == "1 row of subscriptions corrected (unit amount)"


def test_without_a_key_of_the_tables_no_cause_is_told(copied, now):
    """Retention may leave it out, since it says who it is; then nobody knows which row of then is which of now."""
    path = copied.folder / "made_from/prepared/subscriptions.parquet"
    frame = pd.read_parquet(path).drop(columns=["subscription_id"])
    frame.to_parquet(path)
    corrected = now(subscriptions=SUBSCRIPTIONS.replace("| 100 |", "| 130 |"))
    assert figure(compare(copied, corrected), "mrr").cause == "the cause is not in the data kept"


def test_without_the_published_figures_the_pack_says_what_to_restore(copied, now):
    (copied.folder / "results.csv").unlink()
    with pytest.raises(KitError, match=r"copied/results.csv is not there; restore it"):
        compare(copied, now())


def test_figures_and_tables_of_an_audience_are_those_that_were_published_for_it(copied, now):
    (copied.folder / "board").mkdir()
    (copied.folder / "results.csv").rename(copied.folder / "board/results.csv")
    (copied.folder / "made_from/audiences/board").mkdir(parents=True)
    (copied.folder / "made_from/prepared").rename(copied.folder / "made_from/audiences/board/prepared")
    corrected = now(subscriptions=SUBSCRIPTIONS.replace("| 100 |", "| 130 |"))
    assert figure(compare(copied, corrected, audience="board"), "mrr").cause == (
        "1 row of subscriptions corrected (unit amount)"
    )


def test_what_an_audience_saw_under_other_terms_is_not_compared(copied, now):
    """Else rows would be told as withdrawn and come late, by ids that these readers must not see any more."""
    (copied.folder / "board").mkdir()
    (copied.folder / "results.csv").rename(copied.folder / "board/results.csv")
    (copied.folder / "made_from/audiences/board").mkdir(parents=True)
    (copied.folder / "made_from/prepared").rename(copied.folder / "made_from/audiences/board/prepared")
    path = copied.folder / "made_from/audiences/board/prepared/prepared.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "seen_under": "BCDF23456789"}))
    corrected = now(subscriptions=SUBSCRIPTIONS.replace("| 100 |", "| 130 |"))
    found = compare(copied, corrected, audience="board")
    assert found.sentence.startswith("Nothing was compared: what these readers see is chosen in another way")
    assert (found.restated, found.told, found.table) == ((), {}, None)


# --- what is compared -------------------------------------------------------------------------------------------------


def test_a_correction_of_the_same_quarter_with_a_later_as_of_says_on_which_days_it_is_known(q2, now):
    """D2 was recorded on 2 July: known on the 10th, and not at the end of June."""
    later = now("2026Q2", as_of="2026-07-10", deals=DEALS + LATE + " 2026-07-02")
    found = compare(q2, later)
    booked = figure(found, "new_revenue")
    assert (booked.then, booked.now) == (1000.0, 1500.0)
    assert booked.cause == (
        "it is as known on 10 Jul 2026, and was as known on 30 Jun 2026; 1 row of deals that was not there then"
    )
    assert "10 days after its own period" in found.table["note"]


def test_a_figure_to_date_is_not_restated_by_what_came_after(now, tmp_path):
    published = publish(asked("2026Q2", as_of="2026-05-15"), tmp_path)
    found = compare(published, now("2026Q2", deals=DEALS + LATE))
    assert not [each for each in found.restated if each.kpi_id == "new_revenue" and each.period == "2026Q2"]
    assert found.sentence.endswith(" more were not final then.")


def test_only_what_is_material_stands_on_the_pages_and_all_is_kept(q2, now):
    """MRR grew by 30 ÷ 140 = 21.4 %."""
    corrected = now(subscriptions=SUBSCRIPTIONS.replace("| 100 |", "| 130 |"), changes={"material": 0.22})
    found = compare(q2, corrected)
    assert not figure(found, "mrr").is_material
    shown = [row["KPI"] for row in found.table["data"]] if found.table else []
    assert "Monthly recurring revenue (MRR)" not in shown
    assert " restated, " in found.sentence
    assert " of them by 22.0% or more (shares: 22.0 pp); the workbook has them all." in found.sentence


@pytest.mark.parametrize(
    ("least", "told"),
    [
        (0.1, "1 is restated, by 10.0% or more (shares: 10.0 pp)"),
        (0.2, "1 is restated, by less than 20.0% (shares: 20.0 pp)"),
    ],
)
def test_of_a_single_restated_figure_it_is_said_how_large_it_is(copied, now, least, told):
    """MRR grew from 120 by 20 ÷ 120 = 16.7 %."""
    edit_figure(copied, "mrr", 120.0)
    assert f" {told}; the workbook has it." in compare(copied, now(changes={"material": least})).sentence


def test_where_no_figure_differs_by_so_much_that_is_said_too(q2, now):
    corrected = now(subscriptions=SUBSCRIPTIONS.replace("| 100 |", "| 130 |"), changes={"material": 0.9})
    found = compare(q2, corrected)
    assert f" {len(found.restated)} are restated, none of them by 90.0% or more (shares: 90.0 pp); " in found.sentence


def test_what_is_less_than_half_a_cent_is_not_restated(q2, now):
    hair = now(subscriptions=SUBSCRIPTIONS.replace("| 100 |", "| 100.004 |"))
    assert "mrr" not in {each.kpi_id for each in compare(q2, hair).restated}


def test_a_kpi_is_shown_once_by_the_quarter_in_which_it_differs_most(q2, now):
    found = compare(q2, now(subscriptions=SUBSCRIPTIONS.replace("| 100 |", "| 130 |")))
    (row,) = [row for row in found.table["data"] if row["KPI"] == "Monthly recurring revenue (MRR)"]
    others = [each for each in found.restated if (each.kpi_id, each.segment_by) == ("mrr", "")]
    assert row["More periods"] == str(len(others) - 1)
    assert "Q" in row["Period"]
    assert row["Cause"] == "1 row of subscriptions corrected (unit amount)."


# --- what one of the two lacks ----------------------------------------------------------------------------------------


def test_kpis_that_lost_or_got_their_data_are_named(q2, now, tmp_path):
    gone = compare(q2, now(deals="")).told["No longer in the pack"]
    assert any(text.startswith("Not provided: New bookings") for text in gone)
    published = publish(asked("2026Q2", deals=""), tmp_path)
    (new,) = compare(published, now()).told["New in the pack"]
    assert "New bookings" in new


def test_a_theme_that_is_not_run_or_failed_is_told(q2, now):
    without = now(themes=("recurring_revenue",))
    (gone,) = compare(q2, without).told["No longer in the pack"]
    assert gone.startswith("Not among the themes of this pack: New bookings")
    request, prepared, found = now()
    frame = found.frame[~found.frame["kpi_id"].isin(["new_revenue", "revenue_growth", "revenue_growth_yoy"])]
    (gone,) = changes_since(q2, request, prepared, Results(frame, found.context), {"code": CODE}).told[
        "No longer in the pack"
    ]
    assert gone.startswith("Failed: New bookings")


def test_segments_that_only_one_pack_has_are_counted_and_named(q2, now):
    moved = now(customers=CUSTOMERS.replace("B | B | 2024-01-01 | Small", "B | B | 2024-01-01 | Large"))
    (new,) = compare(q2, moved).told["New in the pack"]
    assert new.startswith("Segment: Large (")


def test_periods_of_which_a_kpi_is_refused_now_are_named(q2, now):
    """A deal in a currency without a rate refuses the bookings of its month and its quarter, not those of others."""
    foreign = now(deals=DEALS.replace("recorded_at", "currency | recorded_at").replace("logo |", "logo | USD |"))
    told = compare(q2, foreign).told["No longer in the pack"]
    assert any(text.startswith("In all: ") and "May 2026" in text and "2026Q2" in text for text in told)
    assert not any("2026Q1" in text or "Apr 2026" in text for text in told)


def test_rows_left_out_are_told_where_their_share_grew(q2, now):
    wrong = SUBSCRIPTIONS + "\nC | C | 2026-02-01 | 2026-01-01 | 70 | 1 | month | 1 |"
    (told,) = compare(q2, now(subscriptions=wrong)).told["More rows left out"]
    assert told == "Subscriptions: 1 of 3 rows, and 0 of 2 then: end_on not after start_on."


def test_lines_stand_side_by_side_and_far_from_a_change_they_are_left_out():
    then = [f"line {i}" for i in range(20)]
    now = [*then[:5], "other", *then[6:15], *then[16:]]
    lines = side_by_side(then, now)
    assert ("differ", "line 5", "other") in lines
    assert ("differ", "line 15", None) in lines
    assert lines.count(("gap", None, None)) == 1
    assert ("same", "line 19", "line 19") not in lines
    assert lines[0] == ("same", "line 2", "line 2")


def test_a_prepared_folder_says_how_each_table_is_read(tmp_path):
    one, same, other = (
        asked(deals=text).prepared_in(tmp_path / name).queries
        for name, text in (("a", DEALS), ("b", DEALS), ("c", DEALS + LATE))
    )
    assert one.keys() == BOOKS.keys()
    assert Prepared.open(tmp_path / "a").queries == one == same
    assert {name for name in one if one[name] != other[name]} == {"deals"}


# --- in a pack --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_of_books_that_nobody_touched_no_figure_of_any_theme_is_restated(dozen, tmp_path, monkeypatch):
    """Each earlier quarter is computed anew from what was known at its own end, with three more months of books."""
    monkeypatch.setitem(globals(), "ASKED", {theme: [k.kpi_id for k in CATALOGUE.values() if k.theme == theme]
                                             for theme in THEMES})  # fmt: skip
    (tmp_path / "data").symlink_to(dozen)
    text = (ROOT / "params/sources/sample.yml").read_text().replace("../../data/sample", "data")
    (tmp_path / "source.yml").write_text(text)
    published = publish(request_of(tmp_path / "source.yml", label="2026Q2", as_of="2026-06-30"), tmp_path / "published")
    request = request_of(tmp_path / "source.yml")
    found = compare(published, (request, *computed(request, tmp_path / "now")))
    assert found.restated == []
    count = int(found.sentence.removeprefix("Compared with the pack of 2026Q2 (v1): of ").split()[0].replace(",", ""))
    assert count > 3000


@pytest.fixture(scope="module")
def restated(build, dozen, tmp_path_factory):
    """The pack of 2026Q3 after that of 2026Q2 was published and a deal of May came late, of 50,000 for a year."""
    folder = tmp_path_factory.mktemp("restated")
    shutil.copytree(dozen, folder / "data")
    text = (ROOT / "params/sources/sample.yml").read_text().replace("../../data/sample", "data")
    (folder / "source.yml").write_text(text)
    q2 = request_of(folder / "source.yml", "new_revenue", label="2026Q2", as_of="2026-06-30")
    draft = build(q2, folder / "reports").folder.resolve()
    place = folder / "reports/published/2026Q2/v1"
    shutil.copytree(draft, place)
    shutil.copytree(draft.parent / "made_from", place / "made_from")
    engine = duckdb.connect()
    deals = folder / "data/deals.parquet"
    engine.execute(f"create table deals as from '{deals}'")
    engine.execute(
        "insert into deals by name select * replace ('D-LATE' as deal_id, 50000 as amount, 0 as one_off_amount, "
        "12 as term_months, 'EUR' as currency, timestamptz '2026-05-04 10:00:00+00' as created_at, "
        "timestamptz '2026-05-20 10:00:00+00' as closed_at) from deals where outcome = 'won' and cancelled_at is null "
        "and deal_type = 'new_logo' and recorded_at is null order by deal_id limit 1"
    )
    engine.execute(f"copy deals to '{deals}'")
    return build(request_of(folder / "source.yml", "new_revenue"), folder / "reports").folder, place


@pytest.mark.slow
def test_a_reader_of_the_next_pack_finds_what_was_restated_and_why(restated):
    pack, published = restated
    then, now = (results.read_csv(str(each / "results.csv")).query("kpi_id == 'new_revenue' and segment_by == ''")
                 .set_index("period")["value"]["2026Q2"] for each in (published, pack))  # fmt: skip
    assert now - then == pytest.approx(50_000)
    page = BeautifulSoup((pack / "pack.html").read_text(), "html.parser")
    section = page.find("section", {"aria-labelledby": "pack.changes"})
    assert section.p.get_text().startswith("Compared with the pack of 2026Q2 (v1): of ")
    row = [cell.get_text().replace("\u2060", "") for cell in section.select("tbody tr")[0].find_all(["th", "td"])]
    assert row[:4] == ["New bookings", "2026Q2", f"€{then:,.0f}", f"€{now:,.0f}"]
    assert row[4].startswith("+€50,000")
    assert row[5:] == ["1", "1 row of deals that was not there then."]  # May is the other period
    pdf = " ".join(" ".join(sheet.extract_text().split()) for sheet in PdfReader(pack / "pack.pdf").pages)
    assert "Restated figures" in pdf
    assert "1 row of deals that was not there then." in pdf
    assert json.loads((pack / "manifest.json").read_text())["compared_with"] == "2026Q2/v1"


@pytest.mark.slow
def test_the_workbook_has_every_restated_figure_and_the_keys_that_no_page_has(restated):
    pack, published = restated
    sheet = load_workbook(pack / "figures.xlsx")["Restated"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    head = next(i for i, row in enumerate(rows) if "Published" in row)
    figures = [dict(zip(rows[head], row, strict=True)) for row in rows[head + 1 :] if row[0]]
    keys = ["kpi_id", "segment_by", "segment", "period"]
    then, now = (results.read_csv(str(each / "results.csv")).set_index(keys)["value"] for each in (published, pack))
    both = pd.concat([then, now], axis=1, keys=["then", "now"], join="inner").dropna()
    differ = both[(both["now"] - both["then"]).abs() > 0.005 + 1e-9]
    assert len(differ) > 3
    told = {(r["kpi_id"], r["Segment of"] or "", r["Segment"] or "", r["Period"]): r for r in figures}
    assert differ.index.isin(list(told)).all()
    for key, values in differ.iterrows():
        assert told[key]["Difference"] == pytest.approx(values["now"] - values["then"])
    assert any("D-LATE" in row for row in rows)
    assert "D-LATE" not in (pack / "pack.html").read_text()
