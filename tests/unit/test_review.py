"""What a notebook gets from its review: rows of every period, rules by name, and what is missing said in words."""

from datetime import date

import pandas as pd
import pytest

from helpers.data.prepare import prepare
from helpers.errors import KitError, NotProvided, Refused
from helpers.params import Review
from helpers.periods import Calendar
from helpers.results import Column, Listing, row
from helpers.review import OpenReview, open_review, write_build_context
from tests.canonical import prepared, source

DEALS = """
deal_id | created_at | closed_at  | outcome | amount
D1      | 2025-05-20 | 2025-06-01 | won     | 100
D2      | 2026-08-01 |            | open    |
"""
TEXTS = {
    "deals": DEALS,
    "customers": "customer_id | name | signed_up_on\nA | Aye | 2019-01-01",
    "products": "product | launched_on\nP | 2018-01-01",
}


def opened(label="2026Q3", as_of=None, texts=TEXTS, **settled):
    period = Calendar().period(label, as_of)
    review = Review(**{"company": "Fine Co", "themes": {"new_revenue": {}}, **settled})
    return OpenReview(period, review, prepared(period.as_of_on, period=period, **texts))


# Cards are found in the catalogue by their name; these three stand in for the real ones.


def new_revenue(tables, period):
    """``new_revenue`` is judged by month."""
    return [
        row("new_revenue", period, len(tables.fetch(tables["deals"]))),
        row("new_revenue", period, 1, segment=("source", "upsell")),
    ]


def revenue_growth(tables, period, *, grace_days, basis):
    """Neither of its KPIs has a monthly series."""
    assert tables["deals"] is not None
    return [row("revenue_growth", period, grace_days), row("revenue_growth_yoy", period, None)]


def quick_ratio(tables, period):
    return [row("quick_ratio", period, tables.fetch(tables["subscriptions"]).size)]


def labels(results, kpi_id, segment=""):
    frame = results.frame
    return list(frame[(frame.kpi_id == kpi_id) & (frame.segment == segment)]["period"])


def test_the_period_eight_quarters_and_24_months():
    texts = {"deals": DEALS.replace("2025-05-20", "2020-01-01").replace("2025-06-01", "2020-01-02")}
    results = opened(texts=texts).compute(new_revenue, revenue_growth, basis="acv")
    quarters = ["2024Q3", "2024Q4", "2025Q1", "2025Q2", "2025Q3", "2025Q4", "2026Q1", "2026Q2"]
    months = [f"{2024 + i // 12}-{i % 12 + 1:02d}" for i in range(9, 33)]  # 2024-10 to 2026-09
    assert months[0] == "2024-10"
    assert months[-1] == "2026-09"
    assert labels(results, "new_revenue") == [*quarters, *months, "2026Q3"]
    assert labels(results, "new_revenue", "upsell") == [*quarters, *months, "2026Q3"]
    assert labels(results, "revenue_growth") == [*quarters, "2026Q3"]


def test_each_period_reads_what_was_known_then():
    values = opened().compute(new_revenue).frame.query("segment == ''").set_index("period")["value"]
    assert values["2025Q2"] == 1
    assert (values["2026-07"], values["2026-08"]) == (1, 2)  # D2 was created on 1 August 2026
    assert (values["2026Q2"], values["2026Q3"]) == (1, 2)


def test_history_begins_with_the_data_and_not_with_registers():
    """The first deal is of 2025-05-20; customers and products are older and say nothing of deals."""
    assert labels(opened().compute(new_revenue), "new_revenue")[:5] == [
        "2025Q2",
        "2025Q3",
        "2025Q4",
        "2026Q1",
        "2026Q2",
    ]
    assert "2025-05" in labels(opened().compute(new_revenue), "new_revenue")
    assert "2025-04" not in labels(opened().compute(new_revenue), "new_revenue")


@pytest.mark.parametrize(("label", "first", "count"), [("2026-08", "2025-05", 16), ("2026-W33", "2026-W21", 13)])
def test_a_month_and_a_week_have_a_history_of_their_kind(label, first, count):
    found = labels(opened(label).compute(new_revenue), "new_revenue")
    assert (found[0], found[-1], len(found)) == (first, label, count)


def test_a_running_quarter_is_compared_with_the_same_days():
    frame = opened(as_of=date(2026, 8, 14)).compute(new_revenue).frame  # 45 days
    as_of = frame.set_index("period")["as_of"]
    assert as_of["2026Q2"].iloc[0] == "2026-05-16T00:00:00+00:00"  # 1 April and 45 days
    assert set(frame.query("period == '2026Q2'")["status"]) == {"partial"}
    assert labels(opened(as_of=date(2026, 8, 14)).compute(new_revenue), "new_revenue")[-2] == "2026-07"


def test_cards_that_follow_cohorts_see_all_that_is_known_today(monkeypatch):
    monkeypatch.setitem(globals(), "FOLLOWED_TO_REVIEW", ("new_revenue",))
    frame = opened(as_of=date(2026, 10, 11)).compute(new_revenue).frame
    assert set(frame["as_of"]) == {"2026-10-12T00:00:00+00:00"}


def test_a_kpi_without_its_table_says_so_once():
    frame = opened().compute(quick_ratio).frame
    assert list(frame[["kpi_id", "period", "status"]].itertuples(index=False, name=None)) == [
        ("quick_ratio", "2026Q3", "not_provided")
    ]
    assert frame["warnings"].iloc[0] == '["not provided: subscriptions"]'


def test_a_kpi_that_is_not_provided_has_no_history_and_the_others_do():
    def revenue_growth(tables, period):
        tables["deals"]
        return [
            row("revenue_growth", period, 1),
            row("revenue_growth_yoy", period, None, status="not_provided", warnings=["not provided: a year"]),
        ]

    results = opened().compute(revenue_growth)
    assert len(labels(results, "revenue_growth")) == 6
    assert labels(results, "revenue_growth_yoy") == ["2026Q3"]


def test_a_refused_card_leaves_a_row_per_kpi_with_the_reason():
    def revenue_growth(tables, period):
        raise Refused("no rate for CHF")

    frame = opened().compute(revenue_growth).frame.query("period == '2026Q3'")
    assert list(frame["kpi_id"]) == ["revenue_growth", "revenue_growth_yoy"]
    assert set(frame["status"]) == {"refused"}
    assert set(frame["warnings"]) == {'["no rate for CHF"]'}


def test_rules_are_bound_by_name_and_told_in_the_row():
    frame = opened(rules={"grace_days": 30}).compute(revenue_growth, basis="tcv").frame
    assert frame.set_index("kpi_id")["value"]["revenue_growth"].iloc[0] == 30
    assert set(frame["params"]) == {'{"basis": "tcv", "grace_days": 30}'}


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({}, "revenue_growth needs basis; pass it on from the parameters cell: basis=basis"),
        ({"basis": "acv", "grace_days": 3}, "grace_days is a rule; set it under rules: in the review"),
        ({"basis": "acv", "bases": 3}, "bases is a parameter of none of revenue_growth; did you mean 'basis'?"),
    ],
)
def test_a_mistake_of_the_notebook_is_told(given, fault):
    with pytest.raises(KitError) as error:
        opened().compute(revenue_growth, **given)
    assert error.value.faults == (fault,)


def test_all_mistakes_of_the_notebook_are_told_at_once():
    with pytest.raises(KitError) as error:
        opened().compute(revenue_growth, bases=3, grace_days=2)
    assert len(error.value.faults) == 3


def test_targets_are_those_of_the_period():
    targets = {"nrr": {"2026Q2": 1.0, "2026Q3": 1.05}, "new_revenue[upsell]": {"2026Q3": 5}, "mrr": {"2026Q2": 3}}
    context = opened(targets=targets, brand={"locale": "de_DE", "colour": "#112233"}).context
    assert context.targets == {"nrr": 1.05, "new_revenue[upsell]": 5}
    assert (context.currency, context.locale, context.colour) == ("USD", "de_DE", "#112233")


@pytest.fixture
def shown(monkeypatch):
    found = []
    monkeypatch.setattr("IPython.display.display", lambda note: found.append(note._repr_mimebundle_()["text/plain"]))
    return found


def themed(card, theme="new_revenue"):
    card.__module__ = f"helpers.kpis.{theme}"
    return card


def test_a_cell_that_differs_from_the_review_is_announced(shown):
    def revenue_growth(tables, period, *, basis, lag):
        return []

    review = opened(themes={"new_revenue": {"basis": "acv", "lag": None}})
    import helpers.kpis.new_revenue  # noqa: F401 - the module that the card claims to be of

    review.compute(themed(revenue_growth), basis="tcv", lag="none")
    assert len(shown) == 1
    assert "basis is tcv here, acv in" in shown[0]


def test_a_cell_that_agrees_is_not_announced(shown):
    def revenue_growth(tables, period, *, basis, stages):
        return []

    import helpers.kpis.new_revenue  # noqa: F401

    opened(themes={"new_revenue": {"basis": "acv"}}).compute(themed(revenue_growth), basis="acv", stages=["a"])
    assert shown == []


def lost_deals(tables, period, *, basis, grace_days):
    rows = pd.DataFrame({"basis": [basis], "days": [grace_days]})
    return Listing("Lost", rows, {"basis": Column("Basis"), "days": Column("Days", "days")}, "None.", "deal")


def test_a_listing_is_bound_like_a_card():
    review = opened(rules={"grace_days": 7})
    assert review.listing(lost_deals, basis="acv").rows.to_dict("records") == [{"basis": "acv", "days": 7}]
    assert review.table(lost_deals, basis="acv").resource()["data"] == [{"basis": "acv", "days": 7}]
    with pytest.raises(KitError, match="lost_deals needs basis"):
        review.listing(lost_deals)


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (NotProvided("subscriptions"), "Not provided: subscriptions."),
        (Refused("no rate for CHF"), "Refused: no rate for CHF."),
    ],
)
def test_a_listing_that_lacks_its_data_says_so(raised, said):
    def lost_customers(tables, period):
        raise raised

    table = opened().table(lost_customers)
    assert table.listing.caption == "Lost customers"
    assert said in table._repr_mimebundle_()["text/html"]


def test_blocks_show_what_was_computed():
    review = opened()
    shown = review.blocks(review.compute(new_revenue), "new_revenue")._repr_mimebundle_()
    assert [block["kpi_id"] for block in shown["application/vnd.kpi-review.blocks+json"]["blocks"]] == ["new_revenue"]


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
    for folder in ("params", "data", "notebooks"):
        (tmp_path / folder).mkdir()
    (tmp_path / "params/source.yml").write_text(SOURCE)
    (tmp_path / "params/review.yml").write_text("company: Fine Co\nthemes: {new_revenue: {basis: acv}}\n")
    (tmp_path / "data/deals.csv").write_text("deal_id,created_at\nD1,2026-08-01\n")
    monkeypatch.chdir(tmp_path / "notebooks")
    return tmp_path


def in_jupyter(as_of=None):
    return open_review(period="2026Q3", source="params/source.yml", review="params/review.yml", as_of=as_of)


def cached(project):
    return sorted(path for path in (project / "cache/kpi-review").iterdir() if not path.name.startswith("."))


def test_in_jupyter_the_project_is_found_upward_and_prepared_once(project, monkeypatch):
    first = in_jupyter()
    assert first.prepared.folder == cached(project)[0]
    assert (first.prepared.folder.parent.stat().st_mode & 0o777) == 0o700
    monkeypatch.setattr("helpers.data.cache.prepare", lambda *_, **__: pytest.fail("prepared twice"))
    again = in_jupyter()
    assert again.prepared.folder == first.prepared.folder
    assert len(again.prepared.known(date(2026, 10, 1)).fetch(again.prepared.known(date(2026, 10, 1))["deals"])) == 1


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


def test_in_jupyter_only_the_newest_folders_are_kept(project):
    for day in range(1, 12):
        in_jupyter(f"2026-10-{day:02d}")
    assert len(cached(project)) == 8


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
