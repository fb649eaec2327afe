"""A definition that changed under the same version since the last published pack is refused (G03)."""

import json
import re
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from bs4 import BeautifulSoup

from helpers import results
from helpers.check import check_order
from helpers.errors import KitError
from helpers.pack.archive import last_published
from helpers.pack.definitions import changed_definitions, definitions, definitions_record
from helpers.params import Review
from helpers.periods import Calendar
from helpers.texts import csv_text
from tests.canonical import source
from tests.pack.requests import ROOT, made_request, request_of

SUBSCRIPTIONS = "subscription_id | customer_id | start_on | mrr\nS1 | A | 2023-01-01 | 100"
CUSTOMERS = "customer_id | name | signed_up_on\nA | Aye | 2022-12-01"
MADE = re.compile(r"^create (?:table|view|macro) (\w+)", re.MULTILINE)
NRR = {"kpi_id": "nrr", "hypothesis": "Stays", "owner": "Ada", "review_on": "2026-12-31"}


def order(label="2026Q3", *, sets=(), rules=None, kpis=(NRR,)):
    review = Review.model_validate(
        {"company": "Fine Co", "themes": {"recurring_revenue": {}}, "rules": rules or {}, "kpis": kpis}
    )
    books = source(subscriptions=SUBSCRIPTIONS, customers=CUSTOMERS)
    return made_request(review, books, {"period": label}, sets=sets)


def publish(folder, order, version=1, **changed):
    """A published pack without a figure, as far as the definitions in its manifest go."""
    manifest = {
        "parameters": {theme: dict(values) for theme, values in order.parameters.items()},
        "rules": order.review.rules.model_dump(mode="json"),
        "definitions": definitions_record(order),
        **changed,
    }
    place = folder / order.period.label / f"v{version}"
    place.mkdir(parents=True)
    (place / "manifest.json").write_text(json.dumps(manifest))
    (place / "results.csv").write_text(csv_text(results.frame([])))


def redefined(asked, folder):
    return changed_definitions(asked, last_published(folder, asked.period, asked.review.company))


# --- what changed -----------------------------------------------------------------------------------------------------


def test_nothing_is_published_yet(tmp_path):
    assert redefined(order(), tmp_path / "published") == {}


def test_nothing_changed(tmp_path):
    publish(tmp_path, order("2026Q2"))
    assert redefined(order(), tmp_path) == {}


def test_a_parameter_changed_under_the_same_version(tmp_path):
    publish(tmp_path, order("2026Q2"))
    changed = order(sets=("recurring_revenue.retention_months=6",))
    assert redefined(changed, tmp_path) == {
        "nrr": "its definition changed since the pack of 2026Q2 (v1), and its version did not: retention_months: 12 "
        "→ 6; raise definition_version of nrr"
    }


def test_rules_are_part_of_a_definition_and_those_of_other_cards_are_not(tmp_path):
    publish(tmp_path, order("2026Q2"))
    (reason,) = redefined(order(rules={"discounts": "none", "window_days": 7}), tmp_path).values()
    assert "discounts: all → none; raise" in reason
    assert "window_days" not in reason


def test_with_a_new_version_a_definition_may_change(tmp_path):
    publish(tmp_path, order("2026Q2"))
    changed = order(sets=("recurring_revenue.retention_months=6",), kpis=[{**NRR, "definition_version": 2}])
    assert redefined(changed, tmp_path) == {}


def test_only_kpis_with_a_version_can_be_refused(tmp_path):
    publish(tmp_path, order("2026Q2"))
    assert redefined(order(sets=("recurring_revenue.retention_months=6",), kpis=[]), tmp_path) == {}
    other = [{"kpi_id": "mrr"}, {"kpi_id": "demos", "external": True}]
    assert redefined(order(sets=("recurring_revenue.retention_months=6",), kpis=other), tmp_path) == {}


def test_a_text_that_reads_differently(tmp_path):
    before = order("2026Q2")
    told = definitions_record(before)
    texts = {**told["texts"], "recurring_revenue.retention": "Who stays."}
    publish(tmp_path, before, definitions={**told, "texts": texts})
    assert "did not: it reads differently; raise" in redefined(order(), tmp_path)["nrr"]


def test_the_next_margin_changes_no_definition_and_another_margin_does(tmp_path):
    ltv = [{"kpi_id": "ltv_km"}]
    given = {"rules": {"gross_margin": {"2026Q2": 0.78}}, "kpis": ltv}

    def with_economics(asked):
        parameters = {"unit_economics": {"ltv_horizon_months": 60}, **asked.parameters}
        return replace(asked, parameters=parameters)

    publish(tmp_path, with_economics(order("2026Q2", **given)))
    grown = order(rules={"gross_margin": {"2026Q2": 0.78, "2026Q3": 0.8}}, kpis=ltv)
    assert redefined(with_economics(grown), tmp_path) == {}
    moved = order(rules={"gross_margin": {"2026Q2": 0.7, "2026Q3": 0.8}}, kpis=ltv)
    assert "gross_margin: " in redefined(with_economics(moved), tmp_path)["ltv_km"]


def test_a_kpi_that_was_not_in_the_pack_is_new(tmp_path):
    publish(tmp_path, order("2026Q2"), definitions={"texts": {}, "versions": {}})
    assert redefined(order(sets=("recurring_revenue.retention_months=6",)), tmp_path) == {}


def test_the_pack_of_an_older_kit_has_no_definitions(tmp_path):
    publish(tmp_path, order("2026Q2"))
    path = tmp_path / "2026Q2/v1/manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["definitions"]
    path.write_text(json.dumps(manifest))
    assert redefined(order(), tmp_path) == {}


# --- which pack is the last -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("published", "last"),
    [
        (["2026Q1/v1", "2026Q2/v1", "2026Q2/v2"], ("2026Q2", 2)),
        (["2026Q2/v9", "2026Q2/v10"], ("2026Q2", 10)),
        (["2026Q3/v1", "2026Q2/v1"], ("2026Q3", 1)),  # built again, to be corrected
        (["2026Q4/v1", "2026Q1/v1"], ("2026Q1", 1)),
        (["2026-09/v1", "2026-W39/v1"], None),
        (["FY2027Q1/v1", "board/v1", "2026Q1/draft"], None),
        (["2025Q4/v1"], ("2025Q4", 1)),
    ],
)
def test_the_newest_version_of_the_latest_pack_of_the_kind(tmp_path, published, last):
    for place in published:
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "manifest.json").write_text("{}")
    found = last_published(tmp_path, Calendar().period("2026Q3"), "Fine Co")
    assert (found and (found.label, found.version)) == last


def test_a_pack_of_another_company_in_the_same_folder_is_not_the_last_one(tmp_path):
    for place, company in {"2026Q1/v1": "Fine Co", "2026Q2/v1": "Another Co", "2026Q2/v2": "Another Co"}.items():
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "manifest.json").write_text(json.dumps({"company": company}))
    of = {name: last_published(tmp_path, Calendar().period("2026Q3"), name) for name in ("Fine Co", "Another Co", "B")}
    assert {name: found and found.address for name, found in of.items()} == {
        "Fine Co": "2026Q1/v1", "Another Co": "2026Q2/v2", "B": None,
    }  # fmt: skip


@pytest.mark.parametrize("text", ["", "[1]", "{", "\x00"])
def test_a_broken_manifest_is_told(tmp_path, text):
    (tmp_path / "2026Q2/v1").mkdir(parents=True)
    (tmp_path / "2026Q2/v1/manifest.json").write_text(text)
    with pytest.raises(KitError, match=r"2026Q2/v1/manifest.json cannot be read as the manifest .* restore it"):
        redefined(order(), tmp_path)


# --- refused in a build and told by a check ---------------------------------------------------------------------------


def test_a_build_refuses_the_kpi_and_prints_the_others(build, company, tmp_path):
    asked = request_of(company, "new_revenue", "kpi_alignment", sets=("new_revenue.basis=mrr",))
    kpis = [{"kpi_id": "new_revenue"}, {"kpi_id": "revenue_growth", "definition_version": 2}]
    okrs = [
        {
            "id": "more", "objective": "More", "kpi_id": "new_revenue", "baseline": 1, "baseline_on": "2026-01-01",
            "target": 2, "due_on": "2027-01-01",
        }
    ]  # fmt: skip
    registers = Review.model_validate({"company": "A", "themes": {"new_revenue": {}}, "kpis": kpis, "okrs": okrs})
    review = asked.review.model_copy(update={"kpis": registers.kpis, "okrs": registers.okrs})
    before = replace(
        asked,
        period=asked.period.previous(),
        parameters={"new_revenue": {"basis": "acv"}},
        review=review.model_copy(update={"kpis": registers.kpis[:1]}),
    )
    publish(tmp_path / "published", before)
    built = build(replace(asked, review=review), tmp_path)
    figures = results.read_csv(built.folder / "results.csv")
    rows = figures[figures["kpi_id"] == "new_revenue"]
    assert rows[["period", "segment", "status"]].to_numpy().tolist() == [["2026Q3", "", "refused"]]
    assert "basis: acv → mrr; raise definition_version of new_revenue" in rows["warnings"].iloc[0]
    growth = figures[(figures["kpi_id"] == "revenue_growth") & (figures["period"] == "2026Q3")].iloc[0]
    assert (growth["status"], str(growth["definition_version"])) == ("ok", "2")
    objectives = figures[(figures["kpi_id"] == "okr_progress")]
    assert set(objectives["segment"]) == {"more"}
    assert set(objectives["status"]) == {"refused"}
    told = json.loads((built.folder / "manifest.json").read_text())["definitions"]
    assert told["versions"] == {"new_revenue": "1", "revenue_growth": "2"}
    assert set(told["texts"]) == {"new_revenue.new_revenue", "new_revenue.revenue_growth", "kpi_alignment.okr"}


def test_a_check_tells_it_with_the_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("review.yml").write_text("company: A\nkpis:\n  mrr: {}\n  nrr:\n    definition_version: 1\n")
    asked = replace(order(sets=("recurring_revenue.retention_months=6",), kpis=[{"kpi_id": "mrr"}, NRR]), root=tmp_path)
    asked.review._path = Path("review.yml")
    (tmp_path / "notebooks").symlink_to(ROOT / "notebooks")
    publish(tmp_path / "reports/published", order("2026Q2"))
    found = check_order(asked, lambda step: None)
    (told,) = [text for text in found.registered if "is refused" in text]
    assert told.startswith(
        "review.yml, line 5: kpis.nrr.definition_version: nrr is refused: its definition changed since the pack of "
        "2026Q2 (v1), and its version did not: retention_months: 12 → 6; raise definition_version"
    )
    assert told in found.warnings
    assert any(text.startswith("Net revenue retention (NRR): its definition changed") for text in found.warnings)


def test_the_folded_queries_are_one_script_that_runs_and_gives_the_figures(built):
    """What several stand on, told once; then under each definition its own query. DuckDB knows the folder alone."""
    page = BeautifulSoup((built.folder / "pack.html").read_text(), "html.parser")
    engine = duckdb.connect()
    engine.execute(f"set file_search_path = '{built.folder.resolve().parent / 'made_from/prepared'}'")
    engine.execute(page.select_one(".sql pre").get_text())
    found = {}
    for place in page.select("dl.definitions > div"):
        answer = engine.execute(place.select_one("details pre").get_text())
        columns = [column for column, *_ in answer.description]
        rows = [dict(zip(columns, row, strict=True)) for row in answer.fetchall()]
        found |= dict.fromkeys((code.get_text() for code in place.select_one("dd").find_all("code")), rows)
    figures = results.read_csv(built.folder / "results.csv")
    assert found.keys() == set(figures["kpi_id"])
    for kpi_id in ("mrr", "net_new_mrr", "win_rate", "new_revenue", "inactive_rate", "pac_mean", "okr_progress"):
        told = {}
        for each in found[kpi_id]:
            by = each.get("segment_by") or ""
            told[each["label"], by, (each["segment"] or "(none)") if by else ""] = float(each[kpi_id] or 0)
        shown = figures[(figures["kpi_id"] == kpi_id) & figures["value"].notna()]
        assert len(shown)
        for _, row in shown.iterrows():
            assert told[row["period"], row["segment_by"], row["segment"]] == pytest.approx(row["value"]), kpi_id


def test_what_several_queries_stand_on_is_told_once(built):
    page = BeautifulSoup((built.folder / "pack.html").read_text(), "html.parser")
    told = [name for place in page.select(".appendix pre") for name in MADE.findall(place.get_text())]
    assert len(told) == len(set(told)) > 100
    assert "period" in told


def test_each_kpi_of_a_card_has_a_sentence_of_its_own():
    (found,) = definitions(["newly_silent", "returned"])
    assert found.summary == (
        "Newly silent in the last 7 days: Customers that are inactive now and were active a week ago. "
        "Returned in the last 7 days: Customers that were silent a week ago and have used the product since."
    )


def test_the_one_kpi_of_a_card_is_not_named_again():
    (found,) = definitions(["returned"])
    assert found.summary == "Customers that were silent a week ago and have used the product since."
