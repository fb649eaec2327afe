"""What a notebook gets from its review: rows of every period, rules by name, and what is missing said in words."""

import json
import shutil
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from helpers.data.prepare import prepare
from helpers.errors import KitError, NotProvided, Refused
from helpers.kpis import new_revenue, pipeline_conversion, recurring_revenue
from helpers.language import speaking
from helpers.params import Review
from helpers.periods import Calendar
from helpers.results import Column, Listing
from helpers.review import open_review, write_build_context
from tests import canonical
from tests.canonical import Known, source

ROOT = Path(__file__).parents[2]
DEALS = """
deal_id | created_at | closed_at  | outcome | amount | recorded_at | deal_type
D1      | 2025-05-20 | 2025-06-01 | won     | 100    |             | upsell
D2      | 2026-07-01 | 2026-07-20 | won     | 300    | 2026-08-05  | new_logo
"""
OLD_DEALS = DEALS.replace("2025-05-20", "2020-01-01").replace("2025-06-01", "2020-01-02")
SUBSCRIPTIONS = """
subscription_id | customer_id | start_on   | end_on     | cancelled_at | mrr
S1              | A           | 2025-01-01 |            |              | 100
S2              | B           | 2025-01-01 | 2026-09-01 | 2026-08-01   | 60
S3              | C           | 2026-05-01 |            |              | 40
"""
TEXTS = {
    "deals": DEALS,
    "customers": "customer_id | name | signed_up_on\nA | Aye | 2019-01-01",
    "products": "product | launched_on\nP | 2018-01-01",
}


def opened(label="2026Q3", as_of=None, texts=TEXTS, **settled):
    review = Review(**{"company": "Fine Co", "themes": {"new_revenue": {}}, **settled})
    return canonical.opened(Calendar().period(label, as_of), review, **texts)


def labels(results, kpi_id, segment=""):
    frame = results.frame
    return list(frame[(frame.kpi_id == kpi_id) & (frame.segment == segment)]["period"])


def told(results, kpi_id):
    """The rows of a KPI's total, by period."""
    return results.frame.query("segment == '' and kpi_id == @kpi_id").set_index("period")


def test_the_period_eight_quarters_and_24_months():
    results = opened(texts={"deals": OLD_DEALS}).compute(new_revenue)
    quarters = ["2024Q3", "2024Q4", "2025Q1", "2025Q2", "2025Q3", "2025Q4", "2026Q1", "2026Q2"]
    months = [f"{2024 + i // 12}-{i % 12 + 1:02d}" for i in range(9, 33)]  # 2024-10 to 2026-09
    assert months[0] == "2024-10"
    assert months[-1] == "2026-09"
    assert sorted(labels(results, "new_revenue")) == sorted([*quarters, *months, "2026Q3"])
    assert sorted(labels(results, "revenue_growth")) == [*quarters, "2026Q3"]  # it has no monthly series
    assert labels(results, "new_revenue", "new_logo") == labels(results, "new_revenue")


def test_each_period_reads_what_was_known_then():
    """The deal of 20 July was recorded on 5 August."""
    values = told(opened().compute(new_revenue), "new_revenue")["value"]
    assert values["2025Q2"] == 100
    assert (values["2026-07"], values["2026Q3"]) == (0, 300)


def test_history_begins_with_the_data_and_not_with_registers():
    """The first deal is of 2025-05-20; customers and products are older and say nothing of deals."""
    found = labels(opened().compute(new_revenue), "new_revenue")
    assert [label for label in found if "Q" in label] == [
        "2025Q2",
        "2025Q3",
        "2025Q4",
        "2026Q1",
        "2026Q2",
        "2026Q3",
    ]
    assert "2025-05" in found
    assert "2025-04" not in found


@pytest.mark.parametrize(("label", "first", "count"), [("2026-08", "2025-05", 16), ("2026-W33", "2026-W21", 13)])
def test_a_month_and_a_week_have_a_history_of_their_kind(label, first, count):
    found = labels(opened(label).compute(new_revenue), "new_revenue")
    assert (min(found), max(found), len(found)) == (first, label, count)


def test_a_running_quarter_is_compared_with_the_same_days():
    results = opened(as_of=date(2026, 8, 14)).compute(new_revenue)  # 45 days
    found = told(results, "new_revenue")
    assert found["as_of"]["2026Q2"] == "2026-05-16T00:00:00+00:00"  # 1 April and 45 days
    assert set(results.frame.query("period == '2026Q2' and value == value")["status"]) == {"partial"}
    assert max(label for label in found.index if "Q" not in label) == "2026-07"


def test_cards_that_follow_cohorts_see_all_that_is_known_today():
    stages = "record_id | stage | entered_at\nD1 | lead | 2025-05-20\nD1 | won | 2025-06-01\nD2 | lead | 2026-07-01"
    review = opened(as_of=date(2026, 10, 11), texts={**TEXTS, "stage_history": stages})
    frame = review.compute(pipeline_conversion).frame
    followed = frame.query("kpi_id == 'funnel_conversion' and status != 'not_provided'")
    assert followed["period"].nunique() > 1
    assert set(followed["as_of"]) == {"2026-10-12T00:00:00+00:00"}
    assert frame.query("kpi_id == 'win_rate'")["as_of"].nunique() > 1  # as each period knew it


def test_a_kpi_without_its_table_says_so_once():
    frame = opened().compute(recurring_revenue).frame
    of_one = frame.query("kpi_id == 'quick_ratio'")
    assert list(of_one[["period", "status", "warnings"]].itertuples(index=False, name=None)) == [
        ("2026Q3", "not_provided", '["not provided: subscriptions"]')
    ]
    assert not frame["kpi_id"].duplicated().any()


def test_a_kpi_that_is_not_provided_has_no_history_and_the_others_do():
    """The same card gives the win rate, which needs no amounts, and the velocity, which does."""
    without = DEALS.replace("| amount ", "").replace("| 100    ", "").replace("| 300    ", "")
    results = opened(texts={"deals": without}).compute(pipeline_conversion)
    assert "2025Q2" in labels(results, "win_rate")
    assert labels(results, "sales_velocity") == ["2026Q3"]
    assert set(told(results, "sales_velocity")["warnings"]) == {'["not provided: deals.amount"]'}


def test_a_refused_card_leaves_a_row_per_kpi_with_the_reason():
    francs = (
        DEALS.replace("| deal_type", "| deal_type | currency")
        .replace("upsell\n", "upsell | USD\n")
        .replace("logo\n", "logo | CHF\n")
    )
    frame = opened(texts={"deals": francs}).compute(new_revenue).frame.query("period == '2026Q3'")
    assert list(frame["kpi_id"]) == ["new_revenue", "revenue_growth", "revenue_growth_yoy"]
    assert set(frame["status"]) == {"refused"}
    assert set(frame["warnings"]) == {'["no rate for CHF; add it to fx_rates"]'}


def test_rules_and_parameters_are_told_in_the_rows_that_follow_them():
    review = opened(
        texts={**TEXTS, "subscriptions": SUBSCRIPTIONS},
        themes={"new_revenue": {"basis": "tcv"}, "recurring_revenue": {"retention_months": 6}},
        rules={"grace_days": 30},
    )
    params = {row.kpi_id: json.loads(row.params) for row in review.compute(recurring_revenue).frame.itertuples()}
    assert (params["mrr"]["grace_days"], params["nrr"]["grace_days"]) == (30, 30)
    assert params["nrr"]["retention_months"] == 6
    assert "basis" not in params["mrr"]
    of_bookings = [json.loads(each) for each in review.compute(new_revenue).frame["params"]]
    assert {each["basis"] for each in of_bookings} == {"tcv"}
    assert not any({"grace_days", "retention_months"} & each.keys() for each in of_bookings)


@pytest.mark.parametrize(("discounts", "mrr"), [("all", 90), ("none", 100)])
def test_rules_of_the_review_are_followed(discounts, mrr):
    lines = """
        subscription_id | customer_id | start_on   | unit_amount | quantity | interval | interval_count | discount_mrr
        S1              | A           | 2025-01-01 | 100         | 1        | month    | 1              | 10
    """
    results = opened(texts={"subscriptions": lines}, rules={"discounts": discounts}).compute(recurring_revenue)
    assert told(results, "mrr")["value"]["2026Q3"] == mrr


def test_targets_are_those_of_the_period():
    targets = {"nrr": {"2026Q2": 1.0, "2026Q3": 1.05}, "new_revenue[upsell]": {"2026Q3": 5}, "mrr": {"2026Q2": 3}}
    context = opened(targets=targets, brand={"colour": "#112233"}).context
    assert context.targets == {"nrr": 1.05, "new_revenue[upsell]": 5}
    assert (context.currency, context.colour) == ("USD", "#112233")


def test_baselines_of_the_review_are_those_that_displays_judge_by():
    fixed = {"net_new_mrr": [{"from": date(2025, 7, 1), "to": date(2026, 6, 30), "reason": "new prices"}]}
    (found,) = opened(baselines=fixed).context.baselines["net_new_mrr"]
    assert (found.from_on, found.to_on) == (date(2025, 7, 1), date(2026, 6, 30))


def lost_deals(spine):
    rows = pd.DataFrame({"basis": [spine.rules["basis"]], "days": [spine.rules["grace_days"]]})
    return Listing("Lost", rows, {"basis": Column("Basis"), "days": Column("Days", "days")}, "None.")


def test_a_listing_follows_rules_and_parameters_as_a_card_does():
    review = opened(rules={"grace_days": 7})
    assert review.listing(lost_deals).rows.to_dict("records") == [{"basis": "acv", "days": 7}]
    assert review.table(lost_deals).resource()["data"] == [{"basis": "acv", "days": 7}]


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (NotProvided("subscriptions"), "Not provided: subscriptions."),
        (Refused("no rate for CHF"), "Refused: no rate for CHF."),
    ],
)
def test_a_listing_that_lacks_its_data_says_so(raised, said):
    def lost_customers(spine):
        raise raised

    table = opened().table(lost_customers)
    assert table.listing.caption == ""  # its own words come with its figures; the name of a function is in no language
    assert said in table._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize(
    ("what", "said"),
    [("entitlements", "права использования"), ("four trailing quarters in a month", "четыре последних квартала")],
)
def test_what_a_listing_lacks_is_told_in_the_language_of_the_pack(what, said):
    def gaps(spine):
        raise NotProvided(what)

    review = opened()
    with speaking("ru"):
        assert said in review.listing(gaps).when_empty


def test_blocks_show_what_was_computed():
    review = opened()
    shown = review.blocks(review.compute(new_revenue), "new_revenue")._repr_mimebundle_()
    assert [block["kpi_id"] for block in shown["application/vnd.kpi-review.blocks+json"]["blocks"]] == ["new_revenue"]


def test_the_rows_behind_a_kpi():
    """Of the customers of a year ago A pays 100 and B, who left in the quarter, nothing; C came later."""
    review = opened(texts={"subscriptions": SUBSCRIPTIONS})
    behind = review.rows("nrr").query("horizon == 'year'")
    assert {row.account_id: (row.before, row.after) for row in behind.itertuples()} == {"A": (100, 100), "B": (60, 0)}


def test_the_query_of_a_kpi_runs_on_its_own_over_the_prepared_folder():
    """What it gives is what the review shows, of every period: 100 of 160 at the end of 2026Q3."""
    review = opened(texts={"subscriptions": SUBSCRIPTIONS})
    with duckdb.connect() as engine:
        engine.execute(f"set file_search_path = '{review.prepared.folder}'")
        found = engine.execute(review.sql("nrr")).df()
    shown = told(review.compute(recurring_revenue), "nrr")["value"]
    totals = found[(found["segment_by"] == "") & (found["horizon"] == "year")].set_index("label")["nrr"]
    assert totals["2026Q3"] == shown["2026Q3"] == pytest.approx(100 / 160)
    assert totals[shown.index].tolist() == pytest.approx(shown.tolist(), nan_ok=True)


def test_the_query_of_no_kpi_is_refused():
    for ask in (opened().sql, opened().rows):
        with pytest.raises(KitError, match="nrrr"):
            ask("nrrr")


@pytest.fixture
def shown(monkeypatch):
    found = []
    monkeypatch.setattr("IPython.display.display", lambda note: found.append(note._repr_mimebundle_()["text/plain"]))
    return found


# --- where a review comes from ----------------------------------------------------------------------------------------


@pytest.fixture
def build_folder(tmp_path, monkeypatch):
    period = Calendar("Europe/Berlin", 2).period("FY2027Q2", date(2026, 8, 3))
    prepare(source(**TEXTS), period, currency="EUR", folder=tmp_path)
    review = Review(company="Fine Co", themes={"new_revenue": {"basis": "acv"}}, rules={"grace_days": 5})
    given = {"period": "FY2027Q2", "source": "s.yml", "review": "r.yml", "as_of": "2026-08-03"}
    write_build_context(tmp_path, review, {"new_revenue": {**given, "basis": "tcv", "more": None}})
    monkeypatch.setenv("KPI_REVIEW_PREPARED", str(tmp_path))
    return tmp_path


def test_in_a_build_everything_is_read_from_the_prepared_folder(build_folder, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))  # no params/ anywhere
    review = open_review(period="FY2027Q2", source="s.yml", review="r.yml", as_of="2026-08-03")
    assert (review.period.start, review.period.as_of_on) == (date(2026, 5, 1), date(2026, 8, 4))
    assert review.period.calendar == Calendar("Europe/Berlin", 2)
    assert review.review.rules.grace_days == 5
    assert review.context.currency == "EUR"


def test_a_build_announces_nothing_of_its_own_set(build_folder, shown):
    """``--set new_revenue.basis=tcv``: the review as built holds it."""
    review = open_review(period="FY2027Q2", source="s.yml", review="r.yml", as_of="2026-08-03")
    assert review.review.themes == {"new_revenue": {"basis": "tcv", "more": None}}


def test_plain_dataframes_travel_as_tables(build_folder):
    open_review(period="FY2027Q2", source="s.yml", review="r.yml", as_of="2026-08-03")
    assert pd.options.display.html.table_schema


SOURCE = "name: Books\nconnect: duckdb://\nfiles: ../data\ncurrency: USD\ntables: {deals: from read_csv('deals.csv')}\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.delenv("KPI_REVIEW_PREPARED", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for folder in ("params", "data"):
        (tmp_path / folder).mkdir()
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    (tmp_path / "params/source.yml").write_text(SOURCE)
    (tmp_path / "params/review.yml").write_text("company: Fine Co\nthemes: {new_revenue: {basis: acv}}\n")
    (tmp_path / "data/deals.csv").write_text("deal_id,created_at\nD1,2026-08-01\n")
    monkeypatch.chdir(tmp_path / "notebooks")
    return tmp_path


def in_jupyter(as_of=None, **cell):
    return open_review(period="2026Q3", source="params/source.yml", review="params/review.yml", as_of=as_of, **cell)


def cached(project):
    return sorted(path for path in (project / "cache/kpi-review").iterdir() if not path.name.startswith("."))


def test_in_jupyter_the_project_is_found_upward_and_prepared_once(project, monkeypatch):
    first = in_jupyter()
    assert first.prepared.folder == cached(project)[0]
    assert (first.prepared.folder.parent.stat().st_mode & 0o777) == 0o700
    monkeypatch.setattr("helpers.data.cache.prepare", lambda *_, **__: pytest.fail("prepared twice"))
    again = in_jupyter()
    assert again.prepared.folder == first.prepared.folder
    assert Known(again.prepared, date(2026, 10, 1)).rows("deals", "deal_id") == [("D1",)]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("data/deals.csv", "deal_id,created_at\nD1,2026-08-01\nD2,2026-08-02\n"),
        ("params/source.yml", SOURCE + "timezone: Europe/Berlin\n"),
        ("params/review.yml", "company: Fine Co\ncurrency: EUR\nthemes: {new_revenue: {}}\n"),
        (
            "params/review.yml",
            "company: Fine Co\nfiscal_year_start_month: 4\nfy_label: start\nthemes: {new_revenue: {}}\n",
        ),
    ],
)
def test_in_jupyter_it_is_prepared_anew_when_something_changed(project, file, text):
    in_jupyter()
    (project / file).write_text(text)
    label = "FY2026Q2" if "fiscal" in text else "2026Q3"
    open_review(period=label, source="params/source.yml", review="params/review.yml")
    assert len(cached(project)) == 2


def test_in_jupyter_another_as_of_is_another_folder(project):
    in_jupyter()
    in_jupyter("2026-09-30")  # the default
    assert len(cached(project)) == 1
    in_jupyter("2026-10-11")
    assert len(cached(project)) == 2


def test_in_jupyter_no_folder_goes_that_this_process_reads_from(project):
    for day in range(1, 12):
        in_jupyter(f"2026-10-{day:02d}")
    assert len(cached(project)) == 11  # eight are kept without a reader: tests/unit/data/test_cache.py


def test_in_jupyter_a_database_is_read_anew_every_time(project):
    query = "select 'D1' as deal_id, date '2026-08-01' as created_at"
    (project / "params/source.yml").write_text(
        f'name: B\nconnect: duckdb://\ncurrency: USD\ntables: {{deals: "{query}"}}'
    )
    assert in_jupyter().prepared.folder != in_jupyter().prepared.folder
    assert cached(project) == []


def test_a_preparation_that_fails_leaves_no_folder(project):
    (project / "data/deals.csv").write_text("deal_id,created_at\nD1,yesterday\n")
    with pytest.raises(KitError):
        in_jupyter()
    assert cached(project) == []


# --- what a notebook's cell says --------------------------------------------------------------------------------------


def test_a_cell_that_differs_from_the_review_is_announced_and_counts(project, shown):
    review = in_jupyter(basis="tcv")
    assert shown == ["basis is tcv here, acv in review.yml."]
    assert review.spine.rules["basis"] == "tcv"
    assert review.review.themes["new_revenue"]["basis"] == "tcv"


def test_a_cell_that_agrees_is_not_announced(project, shown):
    in_jupyter(basis="acv", stages=in_jupyter().review.themes["pipeline_conversion"]["stages"])
    assert shown == []


def test_a_build_holds_a_cell_against_the_review_as_built(build_folder, shown):
    given = {"period": "FY2027Q2", "source": "s.yml", "review": "r.yml", "as_of": "2026-08-03"}
    open_review(**given, basis="tcv")
    assert shown == []
    assert open_review(**given, basis="acv").spine.rules["basis"] == "acv"
    assert "basis is acv here, tcv in" in shown[0]


def test_rules_are_tried_and_announced(project, shown):
    review = in_jupyter(rules={"grace_days": 30})
    assert shown == [f"grace_days is 30 here, {review.review.rules.model_fields['grace_days'].default} in review.yml."]
    assert (review.spine.rules["grace_days"], review.review.rules.grace_days) == (30, 30)


def test_a_rule_that_agrees_is_not_announced(project, shown):
    in_jupyter(rules={"grace_days": in_jupyter().review.rules.grace_days})
    assert shown == []


@pytest.mark.parametrize(
    ("cell", "faults"),
    [
        ({"bases": 3}, ["bases is a parameter of no theme of review.yml; did you mean 'basis'?"]),
        ({"grace_days": 3}, ["grace_days is a rule; give it as rules={'grace_days': …}"]),
        (
            {"bases": 3, "grace_days": 2},
            [
                "bases is a parameter of no theme of review.yml; did you mean 'basis'?",
                "grace_days is a rule; give it as rules={'grace_days': …}",
            ],
        ),
        (
            {"ttv_cohort": "quarter"},
            [
                "the notebook's cell: themes.time_to_value.ttv_cohort == \"quarter\", must be one of 'trailing_year', "
                "'signup_quarter', 'value_quarter'"
            ],
        ),
    ],
)
def test_all_mistakes_of_a_cell_are_told(project, cell, faults):
    with pytest.raises(KitError) as error:
        in_jupyter(**cell)
    assert list(error.value.faults) == faults


@pytest.mark.parametrize(
    ("rules", "told"),
    [({"grace_days": "many"}, "grace_days"), ({"grace_day": 3}, "grace_day.*did you mean 'grace_days'")],
)
def test_a_rule_that_is_none_or_does_not_fit_is_refused(project, rules, told):
    with pytest.raises(KitError, match=told):
        in_jupyter(rules=rules)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"period": "2026Q5"}, "'2026Q5' is not a period"),
        ({"as_of": "30.9.2026"}, "as_of == '30.9.2026', must be a day such as 2026-09-30"),
        ({"as_of": "2026-06-30"}, "as-of 2026-06-30 lies before 2026Q3"),
        ({"source": "params/none.yml"}, "none.yml cannot be read"),
    ],
)
def test_in_jupyter_mistakes_are_told(project, given, expected):
    given = {"period": "2026Q3", "source": "params/source.yml", "review": "params/review.yml", **given}
    with pytest.raises(KitError, match=expected.replace("(", r"\(")):
        open_review(**given)
