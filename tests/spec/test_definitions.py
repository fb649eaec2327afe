"""The definition is the query: what a review shows as SQL runs as it is, and gives the figures of the results."""

import math
from functools import cache

import duckdb
import pytest

from helpers.catalogue import CATALOGUE, kpi
from helpers.kpis.rows import cards_with, run, words_of
from helpers.kpis.spine import read_relations
from helpers.notebook_parameters import theme_parameters
from helpers.params import load_review, project_root
from helpers.review import OpenReview

# Of these the query gives the vectors, one row per customer; the figure is a statistic that Python makes of them.
STATISTICS = {
    "turbo_estimate_median_hours",
    "ttv_median",
    "ttv_rmst",
    "ttv_flow_efficiency",
    "ltv_km",
    "ltv_net",
    "ltv_cac",
    "sales_cycle_median",
    "sales_velocity",
    "link_effect",
}
QUARTER_ALONE = {"year": "", "window": "", "period": "_quarter", "quarter": "_quarter"}  # of a query with two horizons


@pytest.fixture(scope="session")
def quarter(prepared_company):
    """The review of a sample company of 60 customers."""
    root = project_root()
    review = load_review(root / "params/review.yml")
    found = theme_parameters(review.themes, root / "notebooks", file=review.path)
    review = review.model_copy(update={"themes": {**found.asked, **found.others}})
    return OpenReview(prepared_company.calendar.period("2026Q3"), review, prepared_company)


@pytest.fixture(scope="session")
def rows_of(quarter):
    """Gives the rows of a card, which are computed once for all of its KPIs."""
    return cache(lambda card: run(card, quarter.spine))


def answers(quarter, kpi_id):
    """What the shown query gives in a DuckDB that knows nothing but the prepared folder."""
    return answers_of(quarter.prepared.folder, quarter.sql(kpi_id))


@cache
def answers_of(folder, sql):
    """The KPIs of a card often have one query."""
    engine = duckdb.connect()
    engine.execute(f"set file_search_path = '{folder}'")
    found = engine.execute(sql)
    columns = [column[0] for column in found.description]
    return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


def figures(rows_of, kpi_id):
    """The figures of the results by period and segment."""
    [card] = cards_with([kpi_id])
    return {
        (row.period.label, row.segment_by, row.segment): row.value
        for row in rows_of(card)
        if row.kpi_id == kpi_id and row.status in ("ok", "partial", "insufficient") and row.value is not None
    }


@pytest.mark.parametrize("kpi_id", [each for each in CATALOGUE if each not in STATISTICS])
def test_the_query_that_is_shown_gives_the_figures(quarter, rows_of, kpi_id):
    found = {}
    for each in answers(quarter, kpi_id):
        column = kpi_id
        if "horizon" in each and kpi_id not in each:
            column = kpi_id.removesuffix("_quarter")
            if column + QUARTER_ALONE[each["horizon"]] != kpi_id:
                continue
        elif "horizon" in each and QUARTER_ALONE[each["horizon"]]:
            continue
        dimension = each.get("segment_by") or ""
        found[each["label"], dimension, str(each["segment"] or "(none)") if dimension else ""] = each[column]
    expected = figures(rows_of, kpi_id)
    assert expected or kpi_id in ("ltv_orders",), kpi(kpi_id).label
    for key, value in expected.items():
        assert key in found, key
        assert math.isclose(float(found[key]), value, rel_tol=1e-9, abs_tol=1e-9), key


@pytest.mark.parametrize("kpi_id", sorted(STATISTICS))
def test_the_query_of_a_statistic_runs(quarter, kpi_id):
    assert answers(quarter, kpi_id)


@pytest.mark.parametrize("card", sorted({each.card for each in CATALOGUE.values()}))
def test_the_rows_behind_a_figure(quarter, card):
    [kpi_id, *_] = [each.kpi_id for each in CATALOGUE.values() if each.card == card]
    assert len(quarter.rows(kpi_id).columns) > 1


@pytest.mark.parametrize(
    ("rule", "cards"),
    {
        "feed_max_age_days": [
            "inactive_customers",
            "pac_user",
            "pac_account",
            "pac_movement",
            "feature_adoption",
            "seat_utilisation",
        ],
        "gross_margin": ["cac_payback", "ltv", "ltv_cac"],
        "ltv_horizon_months": ["ltv", "ltv_cac"],
        "cac_window_quarters": ["cac", "cac_payback", "ltv", "ltv_cac"],
        "spend_lag_months": ["cac", "ltv"],
        "lifetime_months": ["ltv"],
        "estimate_sla_hours": ["turbo_estimate"],
        "repeat_window_days": ["first_contact_resolution"],
        "content_window_days": ["content_appreciation"],
    }.items(),
)
def test_what_a_figure_is_made_of_or_refused_by_is_in_its_query(rule, cards):
    """So a row tells it among its parameters, and a changed rule is a changed definition."""
    found = [card for card in CATALOGUE.values() if card.card in cards]
    words = {card.__name__: words_of(card, read_relations()) for card in cards_with(each.kpi_id for each in found)}
    assert [name for name in cards if rule not in words[name]] == []
