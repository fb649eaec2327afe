"""Figures that must agree: one KPI, period and segment is one number in every place of a pack; parts add up to it."""

import json
import math
from collections import defaultdict

import pandas as pd
import pytest

from helpers import results
from helpers.catalogue import CATALOGUE, kpi
from helpers.display.formats import Writer
from helpers.params import load_review
from tests.pack.requests import ROOT
from tests.pack.shown_figures import KPI_IDS, Pack, named

WRITE = Writer("EUR")
# KPIs whose parts in a dimension are all of it.
PARTS = {
    ("mrr", "segment"), ("paying_customers", "segment"), ("net_new_mrr", "segment"), ("mrr_opening", "segment"),
    ("mrr_new", "segment"), ("mrr_reactivation", "segment"), ("mrr_expansion", "segment"), ("mrr_churn", "segment"),
    ("mrr_contraction", "segment"), ("mrr_fx", "segment"), ("mrr_intra_period", "segment"), ("mrr_expansion", "source"),
    ("new_revenue", "source"), ("inactive_customers", "product_type"), ("newly_silent", "product_type"),
    ("returned", "product_type"), ("logo_churn", "reason"), ("revenue_churn", "reason"),
    ("logo_churn_quarter", "reason"), ("revenue_churn_quarter", "reason"),
}  # fmt: skip
SPENT = {(kpi_id, by) for kpi_id in ("cac_sm", "cac_full") for by in ("segment", "channel")}


@pytest.fixture(scope="session")
def figures(built) -> pd.DataFrame:
    return results.read_csv(str(built.folder / "results.csv"))


@pytest.fixture(scope="session")
def pack(built, figures) -> Pack:
    return Pack(built.folder, figures)


def row_of(figures, kpi_id, period="2026Q3", by="", segment=""):
    """The row of the results, or None; a segment may be written as pages write it."""
    rows = figures[(figures["kpi_id"] == kpi_id) & (figures["segment_by"] == by) & (figures["period"] == period)]
    rows = rows[rows["segment"].map(named) == named(segment)]
    assert len(rows) < 2, (kpi_id, by, segment, period)
    return None if rows.empty else rows.iloc[0]


def value(figures, kpi_id, period="2026Q3", by="", segment=""):
    return row_of(figures, kpi_id, period, by, segment)["value"]


def grid(pack, title, where="workbook"):
    """The table with that title; the workbook's has every row and every digit."""
    (found,) = (each for each in pack.grids if each.title.startswith(title) and each.where.startswith(where))
    return pd.DataFrame(found.rows, columns=found.heads)


# --- the same number everywhere ---------------------------------------------------------------------------------------


def test_a_kpi_a_segment_and_a_period_have_one_row(figures):
    assert not figures.duplicated(["kpi_id", "segment_by", "segment", "period"]).any()


def test_a_label_names_one_kpi():
    assert len(KPI_IDS) == len(CATALOGUE)


def test_every_number_in_a_table_is_that_of_the_results(pack, figures):
    """In the page, where a cell keeps the number that it sorts by, and in the workbook."""
    shown = list(pack.in_tables())
    wrong = []
    for each in shown:
        row = row_of(figures, each.kpi_id, each.period, each.segment_by, each.segment)
        expected = math.nan if row is None else row["value"]
        if not (math.isnan(expected) if each.value is None else math.isclose(each.value, expected, rel_tol=1e-9)):
            wrong.append((each, expected))
    assert wrong == []
    places = {each.where.split(",")[0] for each in shown if each.value is not None}
    assert places == {"page", "workbook"}
    assert len(shown) > 300


def test_every_text_of_a_block_and_of_the_scorecard_is_that_of_the_results(pack, figures):
    shown = list(pack.in_blocks())
    told = {each: WRITE.result(row_of(figures, each.kpi_id, each.period)).replace("\u2060", "") for each in shown}
    assert {each: text for each, text in told.items() if each.text != text} == {}
    assert {each.where for each in shown} == {"block", "scorecard"}
    assert {each.kpi_id for each in shown} >= {each.kpi_id for each in CATALOGUE.values() if each.headline}


def test_every_figure_in_a_sentence_is_that_of_the_results(pack, figures):
    shown = list(pack.in_sentences())
    wrong = []
    for each in shown:
        text = WRITE.result(row_of(figures, each.kpi_id, each.period, each.segment_by, each.segment))
        if not each.text.startswith(text.replace("\u2060", "")):
            wrong.append((each, text))
    assert wrong == []
    assert len(shown) > 10


def test_figures_are_shown_in_several_places(pack):
    """Else the tests above would compare nothing with each other."""
    places = defaultdict(set)
    for each in (*pack.in_tables(), *pack.in_blocks(), *pack.in_sentences()):
        places[each.kpi_id, each.segment_by, each.segment, each.period].add(each.where)
    assert sum(len(where) > 2 for where in places.values()) > 20
    of = ("net_new_mrr", "win_rate", "mrr", "new_revenue")
    assert {"page", "block", "scorecard", "sentence"} <= set().union(*(places[k, "", "", "2026Q3"] for k in of))


def test_every_kpi_of_the_catalogue_has_a_value_in_the_sample(figures):
    """But the link, for which 60 customers are too few, and burn for each new ARR where that fell: both say so."""
    now = figures[figures["period"] == "2026Q3"]
    assert set(CATALOGUE) - set(now[now["value"].notna()]["kpi_id"]) == {"link_effect", "burn_multiple"}
    (burn,) = now[now["kpi_id"] == "burn_multiple"].to_dict("records")
    assert (burn["status"], "not above 0" in burn["warnings"]) == ("undefined", True)
    (link,) = now[now["kpi_id"] == "link_effect"].to_dict("records")
    assert link["status"] == "refused"
    assert "below 10 of a kind no link is told" in link["warnings"]


# --- parts add up -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kpi_id", "by"), sorted(PARTS))
def test_parts_add_up_to_their_total(figures, kpi_id, by):
    parts = figures[(figures["kpi_id"] == kpi_id) & (figures["segment_by"] == by)].groupby("period")["value"].sum()
    assert len(parts)
    for period, together in parts.items():
        assert together == pytest.approx(value(figures, kpi_id, period), rel=1e-9, abs=1e-6), period


@pytest.mark.parametrize(("kpi_id", "by"), sorted(SPENT))
def test_what_was_spent_adds_up_with_what_names_no_part(figures, kpi_id, by):
    parts = figures[(figures["kpi_id"] == kpi_id) & (figures["segment_by"] == by)].groupby("period")["numerator"].sum()
    assert len(parts)
    for period, spent in parts.items():
        assert spent == pytest.approx(row_of(figures, kpi_id, period)["numerator"])


def test_stages_add_up_to_the_mean_time_to_value(figures):
    stages = figures[(figures["kpi_id"] == "ttv_stage_days") & (figures["period"] == "2026Q3")]
    assert stages["value"].sum() == pytest.approx(value(figures, "ttv_mean"))


def test_movements_lead_from_opening_to_closing(figures):
    movements = ("mrr_new", "mrr_reactivation", "mrr_expansion", "mrr_contraction", "mrr_churn")
    for period in figures[(figures["kpi_id"] == "mrr") & (figures["segment_by"] == "")]["period"]:
        net = sum(value(figures, kpi_id, period) for kpi_id in movements)
        assert net == pytest.approx(value(figures, "net_new_mrr", period), abs=1e-6)
        opening, currency = value(figures, "mrr_opening", period), value(figures, "mrr_fx", period)
        assert opening + net + currency == pytest.approx(value(figures, "mrr", period))


# --- figures that once were two ---------------------------------------------------------------------------------------


def test_power_users_have_one_denominator(pack, figures):
    """The histogram's columns 6 and 7 over all of its columns but new ones; the chart's sentence says the same."""
    spread = grid(pack, "Users by active weeks, %").set_index("Active weeks")["2026Q3"]
    known = [spread[score] for score in spread.index if score != "new"]
    power = (spread["6"] + spread["7"]) / sum(known)
    row = row_of(figures, "pac_power_share")
    assert row["value"] == pytest.approx(power)
    assert row["n"] == sum(known)
    (sentence,) = [t for t in pack.texts("figcaption span") if "in six or seven" in t and "2026Q2" in t]
    assert f"{WRITE.value(power, 'share')} in six or seven" in sentence
    assert f"{WRITE.value(sum(known), 'count')} are counted" in sentence


def test_what_lost_customers_paid_is_churn_mrr(pack, figures):
    lost, why = grid(pack, "Customers lost in 2026Q3"), grid(pack, "Why customers were lost in 2026Q3")
    churn = value(figures, "mrr_churn")
    assert churn < 0
    assert lost["MRR lost"].sum() == pytest.approx(-churn)
    assert why["MRR lost"].sum() == pytest.approx(-churn)
    assert why["Customers lost"].sum() == len(lost)
    assert grid(pack, "Had the customers lost")["MRR lost"].sum() == pytest.approx(-churn)


def test_money_at_risk_is_that_of_the_call_list_and_stands_below_it(pack, figures):
    calls = grid(pack, "Whom to call")
    for head, kpi_id in {"MRR": "silent_mrr", "ARR due in 90 days": "arr_due_90_silent"}.items():
        assert calls[head].sum() == pytest.approx(value(figures, kpi_id))
    (row,) = [
        foot
        for table in pack.page.select("table")
        if "Whom to call" in str(table.caption)
        for foot in table.select("tfoot tr")
    ]
    texts = [cell.get_text() for cell in row.select("td") if cell.get_text()]
    told = [WRITE.value(value(figures, kpi_id), "money") for kpi_id in ("silent_mrr", "arr_due_90_silent")]
    assert texts == ["Total", *told]


def test_bookings_add_up_by_volume_mix_and_price(pack, figures):
    """Each row to its change, each column to all sources."""
    split = grid(pack, "New bookings of 2026Q3 by source").set_index("Source").fillna(0.0)
    ways = ["by volume", "by mix", "by price"]
    assert split[ways].sum(axis=1).tolist() == pytest.approx(split["Change"].tolist(), abs=1e-6)
    assert (split["New bookings"] - split["2026Q2"]).tolist() == pytest.approx(split["Change"].tolist(), abs=1e-6)
    parts, whole = split.drop("All sources"), split.loc["All sources"]
    for column in ("Sales", "New bookings", "2026Q2", "Change", *ways):
        assert parts[column].sum() == pytest.approx(whole[column], abs=1e-6), column
    assert whole["2026Q2"] == pytest.approx(value(figures, "new_revenue", "2026Q2"))


@pytest.mark.parametrize("by", ["channel", "segment"])
def test_the_sentence_says_how_much_of_the_spend_names_no_part(pack, figures, by):
    """Each part costs less than all together where that is much, so it stands beside them."""
    whole, nameless = row_of(figures, "cac_sm"), row_of(figures, "cac_sm", by=by, segment="(none)")
    assert nameless["numerator"] > 0
    (sentence,) = [
        t for t in pack.texts("figcaption span") if t.startswith(kpi("cac_sm").label) and f"names no {by}" in t
    ]
    spent, of = (f"{row['numerator']:,.0f}" for row in (nameless, whole))
    assert f"{nameless['numerator'] / whole['numerator']:.1%} of the spend ({spent} of {of} EUR)" in sentence


def test_time_to_value_is_one_kpi_for_scorecard_objective_and_departments(pack, figures):
    review = load_review(ROOT / "params/review.yml")
    (objective,) = [each for each in pack.objectives().values() if each.kpi_id.startswith("ttv")]
    in_scorecard = {each.kpi_id for each in pack.in_blocks() if each.where == "scorecard"}
    of_departments = {kpi_id for each in review.departments for kpi_id in each.kpi_ids if kpi_id.startswith("ttv")}
    assert of_departments == {objective.kpi_id}
    assert objective.kpi_id in in_scorecard
    assert objective.text == WRITE.phrase(value(figures, objective.kpi_id), "days")


def test_every_objective_shows_the_figure_of_its_kpi(pack, figures):
    shown = [each for each in pack.objectives().values() if each.text != "not provided"]
    assert shown
    for each in shown:
        assert each.text.startswith(WRITE.result(row_of(figures, each.kpi_id)))


def test_a_row_of_the_scorecard_is_of_one_grain(pack, figures):
    """Bookings of a quarter are judged by quarters, though their months are judged too; twelve months say by what."""
    rows = {
        row.th.a.get_text(strip=True): row for row in pack.page.select("table.scorecard tr:not(.group)") if row.th.a
    }
    signals = {label: row.select_one("td.judged").get_text(" ", strip=True) for label, row in rows.items()}
    assert signals[kpi("new_revenue").label] in ("○ usual", "varies too much")
    assert signals[kpi("nrr").label].endswith(", by quarter")
    target = json.loads(load_review(ROOT / "params/review.yml").model_dump_json())["targets"]["mrr"]["2026Q3"]
    assert WRITE.value(target, "money") in rows[kpi("mrr").label].get_text()
    assert not any(cell.get_text(strip=True) in ("", "–") for row in rows.values() for cell in row.select("td.right"))
