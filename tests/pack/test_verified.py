"""A definition is verified as long as its query, its words and its rules are those that somebody looked at."""

import io
import re
from dataclasses import replace
from datetime import date

import duckdb
import pytest
from bs4 import BeautifulSoup
from openpyxl import load_workbook
from pypdf import PdfReader

from helpers import cli
from helpers.catalogue import CATALOGUE, kpi
from helpers.kpis import spine as queries
from helpers.kpis.rows import cards_with, relations_of, run
from helpers.pack import verified
from helpers.pack.definitions import definitions
from helpers.pack.pages import Section
from helpers.pack.verified import Mark, fingerprints, marks
from helpers.params import load_review, load_source
from helpers.registries import Verified
from helpers.review import OpenReview, rules_of
from tests.pack.fixtures import block, blocks_output, code, html_of, notebook, pdf_of, view
from tests.pack.requests import ROOT, request_of

MADE = re.compile(r"^create (?:table|view) (\w+)", re.MULTILINE)
DEPARTING = {"arr", "retention", "churn", "cac", "cac_payback"}
SAMPLE = ROOT / "params/sources/sample.yml"
OTHER = {  # another value of each rule and parameter that a figure may follow
    "account_level": "parent", "activity_events": ("job_created",), "basis": "tcv", "block_days": 14,
    "cac_window_quarters": 2, "churn_day": "cancelled_at", "content_window_days": 7, "discounts": "none",
    "estimate_sla_hours": 1, "feed_max_age_days": 0, "fx_mode": "period_end", "grace_days": 45, "gross_margin": 0.5,
    "health_signals": {}, "horizon_days": 10, "lifetime_months": 12, "ltv_horizon_months": 6,
    "movement_grain": "quarter", "not_applicable": [], "persona_features": {"director": ["reports"]},
    "repeat_window_days": 60, "retention_months": 3, "rmst_days": 20, "runway_months": 2, "skip": "strict",
    "spend_lag_months": 0, "stages": ["lead", "won"], "start_clock": "contract_start", "ttv_cohort": "signup_quarter",
    "value_events": ["job_created"], "week_mode": "iso", "window_days": 3,
}  # fmt: skip


def with_rule(order, name, value):
    if hasattr(order.review.rules, name):
        return replace(order, review=order.review.with_rules({name: value}))
    parameters = {
        theme: {**given, **({name: value} if name in given else {})} for theme, given in order.parameters.items()
    }
    return replace(order, parameters=parameters)


@pytest.fixture(scope="module")
def order():
    return request_of(SAMPLE)


@pytest.fixture(scope="module")
def now(order):
    return fingerprints(order, *CATALOGUE)


# --- what a fingerprint is of -----------------------------------------------------------------------------------------


def test_it_is_the_same_in_another_period_and_over_another_source(company, now, tmp_path, monkeypatch):
    monkeypatch.setenv("KPI_DATA", str(tmp_path))
    assert fingerprints(request_of(company, label="2025Q1", as_of="2025-03-31"), *CATALOGUE) == now
    olist = replace(request_of(company), source=load_source(ROOT / "params/sources/olist.yml"))
    assert fingerprints(olist, *CATALOGUE) == now


def test_subscriptions_that_are_made_from_invoices_are_another_definition(order, now):
    made = order.source.model_copy()
    made._made_from = {"subscriptions": "invoices"}
    found = fingerprints(replace(order, source=made), "mrr", "win_rate")
    assert found["mrr"].query != now["mrr"].query
    assert "invoice_months" in found["mrr"].rules
    assert found["win_rate"] == now["win_rate"]


@pytest.mark.whole
def test_the_command_knows_which_tables_the_source_makes(books):
    def line():
        done = books.run("sql", "mrr", "--period", "2026Q3", "--source", "params/books.yml")
        assert done.status == 0, done.err
        return done.out.splitlines()[-1]

    notebook = "notebooks/recurring_revenue.ipynb"
    (books.folder / notebook).symlink_to(ROOT / notebook)
    given, names = line(), ("customers", "products", "fx_rates", "invoices")
    tables = "\n".join(f"  {name}: select * from read_parquet('{name}.parquet')" for name in names)
    books.source(f"{tables}\n  subscriptions: {{from: invoices}}")
    assert ("invoice_months" in given, "invoice_months" in line()) == (False, True)


def test_no_two_kpis_have_the_same_words(now):
    assert len({each.words for each in now.values()}) == len(CATALOGUE)


@pytest.mark.parametrize("kpi_id", CATALOGUE)
def test_the_line_is_read_back_as_what_it_was_made_of(kpi_id, now, tmp_path):
    line = now[kpi_id].line.replace("by: , on: ,", "by: Ana, on: 2026-09-01,")
    (tmp_path / "review.yml").write_text(f"company: A\nthemes: {{cash: {{}}}}\nverified:\n  {line}\n")
    assert now[kpi_id].changed_since(load_review(tmp_path / "review.yml").verified[kpi_id]) == []


def test_a_line_that_names_nobody_is_refused(now, books):
    books.write("params/review.yml", f"company: A\nthemes: {{new_revenue: {{}}}}\nverified:\n  {now['nrr'].line}\n")
    done = books.run("check", "--period", "2026Q3", "--source", "params/books.yml")
    assert done.status == 1
    assert [line.partition(": ")[2].partition(",")[0] for line in done.lines] == [
        "verified.nrr.by == null", "verified.nrr.on == null",
    ]  # fmt: skip


def test_every_relation_of_the_query_that_is_shown_is_in_it(order, quarter):
    """`kpi-review sql` prints a definition with all that it stands on: no part of that may change unseen."""
    relations = quarter.spine.relations
    shown_by = {kpi_id if kpi_id in relations else kpi(kpi_id).card: kpi_id for kpi_id in CATALOGUE}
    for name, kpi_id in shown_by.items():  # the KPIs of a card often have one query
        [card] = cards_with([kpi_id])
        shown = {name, *MADE.findall(quarter.sql(kpi_id))}
        assert shown & relations.keys() <= {each.name for each in relations_of(card, relations)}, kpi_id


@pytest.mark.parametrize("kpi_id", ["nrr", "ltv_km", "pac_mean"])
def test_it_is_another_where_any_of_its_queries_is_and_the_same_where_a_comment_is(kpi_id, order, now, monkeypatch):
    relations = queries.read_relations(rules_of(order.review))
    [card] = cards_with([kpi_id])
    for each in relations_of(card, relations):

        def read(more, name=each.name):
            changed = replace(relations[name], query=f"{relations[name].query}{more}")
            monkeypatch.setattr(verified, "read_relations", lambda *_, **__: {**relations, name: changed})
            return fingerprints(order, kpi_id)[kpi_id].query

        assert read("  -- a remark\n") == now[kpi_id].query
        assert read("\nlimit 7") != now[kpi_id].query, each.name


def test_it_is_another_where_the_words_are(order, now, monkeypatch):
    sentence = replace(CATALOGUE["nrr"], definition="Another sentence.")
    monkeypatch.setitem(CATALOGUE, "nrr", sentence)
    found = fingerprints(order, "nrr", "grr")
    assert found["nrr"].changed_since(mark_of(now["nrr"])) == ["the definition in words changed"]
    assert found["grr"] == now["grr"]


@pytest.fixture(scope="module")
def quarter(order, prepared_company):
    review = order.review.model_copy(update={"themes": order.settled})
    return OpenReview(order.period, review, prepared_company)


@pytest.mark.parametrize("name", sorted(OTHER))
def test_it_is_another_where_a_rule_that_it_names_is(name, order, now):
    found = fingerprints(with_rule(order, name, OTHER[name]), *CATALOGUE)
    for kpi_id, each in found.items():
        told = each.changed_since(mark_of(now[kpi_id]))
        names = [text.partition(":")[0] for text in told if text != "the query changed"]
        assert names == [name] * (name in now[kpi_id].rules)
        assert bool(told) == (each != now[kpi_id]) == (name in now[kpi_id].rules)


@pytest.mark.slow
@pytest.mark.parametrize("card", sorted({each.card for each in CATALOGUE.values()}))
def test_no_rule_that_it_does_not_name_moves_a_figure(card, order, now, quarter):
    """Whatever the words of queries are: the card is run with another value of every rule that it does not name."""
    kpi_ids = [each.kpi_id for each in CATALOGUE.values() if each.card == card]
    other = order
    for name in OTHER.keys() - now[kpi_ids[0]].rules.keys():
        other = with_rule(other, name, OTHER[name])
    changed = other.review.model_copy(update={"themes": other.settled})
    before, after = (figures_of(card, each) for each in (quarter, replace(quarter, review=changed)))
    assert after == before
    assert before


def figures_of(card, quarter):
    """The values of a card in the review's own period, by KPI and segment."""
    [function] = cards_with([each.kpi_id for each in CATALOGUE.values() if each.card == card])
    return {(row.kpi_id, row.segment_by, row.segment): row.value for row in run(function, replace(quarter).alone.spine)}


def mark_of(fingerprint):
    of, rules = f"{fingerprint.query}-{fingerprint.words}", dict(fingerprint.rules)
    return Verified.model_validate({"by": "Ana", "on": "2026-09-01", "of": of, "rules": rules})


# --- the mark ---------------------------------------------------------------------------------------------------------


def test_the_marks_of_the_sample_hold(order):
    assert {kpi_id: mark.lapsed for kpi_id, mark in marks(order).items()} == {"nrr": ""}


def test_a_pack_judges_its_marks_once(build, company, tmp_path, monkeypatch):
    judged, judge = [], verified.fingerprints
    monkeypatch.setattr(verified, "fingerprints", lambda *given: judged.append(given) or judge(*given))
    build(request_of(company, "new_revenue"), tmp_path)
    assert len(judged) == 1


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"discounts": "none", "grace_days": 30}, "discounts: all before, none now; “grace days”: 0 before, 30 now"),
        ({"retention_months": 6}, "“retention months”: 12 before, 6 now"),
        ({"window_days": 3, "gross_margin": 0.5}, ""),  # NRR follows neither
    ],
)
def test_a_mark_lapses_with_the_rule_that_changed_and_says_so(order, changed, told):
    for name, value in changed.items():
        order = with_rule(order, name, value)
    found = marks(order)["nrr"].told()
    expected = f"Verification by Head of finance, 5 Oct 2026, lapsed: {told}." if told else ""
    assert found == (expected or "✓ Verified by Head of finance, 5 Oct 2026.")


def test_a_mark_of_something_else_says_what_is_another(order):
    nrr = order.review.verified["nrr"]
    for of, rules, told in (
        ("00000000" + nrr.of[8:], nrr.rules, "the query changed"),
        (nrr.of[:8] + "-00000000", nrr.rules, "the definition in words changed"),
        (nrr.of, {**nrr.rules, "horizon_days": 90}, "horizon_days is followed no more"),
        (nrr.of, {k: v for k, v in nrr.rules.items() if k != "discounts"}, "discounts is followed since"),
    ):
        other = nrr.model_copy(update={"of": of, "rules": rules})
        review = order.review.model_copy(update={"verified": {"nrr": other}})
        assert marks(replace(order, review=review))["nrr"].lapsed == told


def test_the_next_margin_of_a_review_that_gives_one_per_period_is_no_change(order):
    def with_margins(margins):
        return with_rule(order, "gross_margin", margins)

    before = mark_of(fingerprints(with_margins({"2026Q2": 0.78}), "ltv_km")["ltv_km"])
    grown = fingerprints(with_margins({"2026Q2": 0.78, "2026Q3": 0.8}), "ltv_km")["ltv_km"]
    assert grown.changed_since(before) == []
    moved = fingerprints(with_margins({"2026Q2": 0.7, "2026Q3": 0.8}), "ltv_km")["ltv_km"]
    assert [text.partition(":")[0] for text in moved.changed_since(before)] == ["gross_margin"]


def test_the_command_prints_the_line_after_a_query_that_runs(quarter, now, capsys, company):
    with pytest.raises(SystemExit):
        cli.main(["sql", "nrr", "--period", "2026Q3", "--source", str(company)])
    told = capsys.readouterr().out
    assert told.rstrip().endswith(f"--   {now['nrr'].line}")
    engine = duckdb.connect()
    engine.execute(f"set file_search_path = '{quarter.prepared.folder}'")
    assert "nrr" in [column for column, *_ in engine.execute(told).description]


# --- on the pages -----------------------------------------------------------------------------------------------------

HOLDS, LAPSED = Mark("Ana", date(2026, 9, 1), ""), Mark("Ben", date(2026, 9, 2), "the query changed")


def test_a_mark_stands_by_its_definition_and_in_its_block_and_a_lapsed_one_is_never_a_mark():
    told = definitions(["nrr", "grr", "mrr"], {}, {"nrr": HOLDS.told(), "mrr": LAPSED.told()})
    blocks = blocks_output(block("NRR", kpi_id="nrr"), block("MRR", kpi_id="mrr"))
    section = Section("recurring_revenue", "Recurring revenue", notebook(code(blocks)))
    pages = view(definitions=told, verified=["nrr"])
    html, pdf = html_of(pages, [section]), pdf_text(pdf_of(pages, [section]))
    page = BeautifulSoup(html, "html.parser")
    assert [each.get_text() for each in page.select(".blocks .label")] == ["NRR ✓ verified", "MRR"]
    for text in (" ".join(page.get_text(" ").split()), pdf):
        assert text.count("✓ verified") == 1
        assert "Net revenue retention (NRR): ✓ Verified by Ana, 1 Sept 2026." in text
        assert "Verification by Ben, 2 Sept 2026, lapsed: the query changed." in text
        assert "Verified by Ben" not in text


def test_the_pack_has_the_mark_and_the_departures_in_the_html_and_in_the_workbook(built):
    html = " ".join(BeautifulSoup((built.folder / "pack.html").read_text(), "html.parser").get_text(" ").split())
    sheet = load_workbook(built.folder / "figures.xlsx")["Definitions"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    (head,) = [row for row in rows if "kpi_id" in row]
    told = {row[0]: dict(zip(head, row, strict=True)) for row in rows if row[0] in CATALOGUE}
    assert told["nrr"]["Verified"] == "Net revenue retention (NRR): ✓ Verified by Head of finance, 5 Oct 2026."
    assert told["nrr"]["Verified"] in html
    assert not told["grr"]["Verified"]
    departing = {kpi_id for kpi_id, row in told.items() if row["Departs"]}
    assert departing == {each.kpi_id for each in CATALOGUE.values() if each.card in DEPARTING}
    for kpi_id in departing:
        sentence = told[kpi_id]["Departs"]
        assert "SaaS Metrics Standards Board" in sentence
        assert sentence.count(". ") == 0  # one sentence
        assert sentence in html


def pdf_text(pdf):
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())
