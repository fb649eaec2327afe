"""A theme under several values: the figures of ``build --set``, side by side; what cannot be tried is refused first."""

import json
from functools import partial
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest

from helpers.data.canonical_tables import TABLES
from helpers.kpis.spine import OWN, Spine, read_relations, words_under
from helpers.params import Review, Rules
from helpers.review import OpenReview
from helpers.sweep import axis_of, read_tried, sweep_theme
from tests.canonical import defaults, source, spine
from tests.pack.requests import made_request, request_of

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
SWEEP = ["--period", "2026Q3", "--source", "params/sources/sample.yml"]
# Asked on 30 September 2026: A was last seen 2 days before, B 10 days, C 40 days.
USE = {
    "customers": "customer_id | name | signed_up_on\nA | Aye | 2025-01-01\nB | Bee | 2025-01-01\nC | Cee | 2025-01-01",
    "users": "user_id | customer_id\na | A\nb | B\nc | C",
    "subscriptions": """
        subscription_id | customer_id | start_on   | mrr
        S1              | A           | 2025-01-01 | 100
        S2              | B           | 2025-01-01 | 100
        S3              | C           | 2025-01-01 | 100
    """,
    "events": """
        user_id | event  | occurred_at
        c       | report | 2026-06-01 10:00
        c       | report | 2026-08-21 10:00
        b       | report | 2026-09-20 10:00
        a       | report | 2026-09-28 10:00
    """,
}


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "sweeps"))
    monkeypatch.chdir(ROOT)


def swept(order, theme, *texts, say=lambda step: None):
    axes = [axis_of(order, theme, each) for each in read_tried(theme, texts, NOTEBOOKS)]
    return sweep_theme(order, theme, axes, say)


def order(texts=USE, theme="inactive_customers", **settled):
    review = Review(**{"company": "Fine Co", "themes": {theme: {}}, **settled})
    return made_request(review, source(**texts), {"period": "2026Q3"})


def table(found, at=0):
    shown = found.told()[at]["table"]
    return [[column["label"] for column in shown["columns"]], *shown["rows"]]


def sentences(found, title):
    return next((part["sentences"] for part in found.told() if part["title"] == title), [])


# --- figures ----------------------------------------------------------------------------------------------------------


def test_a_window_by_hand():
    found = swept(order(), "inactive_customers", "window_days=7,60")
    head, inactive, rate, *_ = table(found)
    assert head == ["KPI", "14 (default)", "7", "60"]  # the review's own comes first, where it is not among the values
    assert inactive == ["Inactive customers", "1", "2 (+1)", "0 (−1)"]
    assert rate[1:] == ["1 of 3", "2 of 3", "0 of 3"]  # a share of so few is told in counts, and not compared


@pytest.mark.whole
def test_values_that_are_lists_are_headed_as_a_review_writes_them():
    found = swept(order(), "inactive_customers", "activity_events=[report],[call, report]")
    assert table(found)[0] == ["KPI", "[] (default)", "[report]", "[call, report]"]


@pytest.mark.whole
def test_the_review_s_own_value_stands_where_it_is_given():
    found = swept(order(rules={"window_days": 28}), "inactive_customers", "rules.window_days=7,28,60")
    head, inactive, *_ = table(found)
    assert [each.partition(" (")[0] for each in head] == ["KPI", "7", "28", "60"]
    assert inactive == ["Inactive customers", "2 (+1)", "1", "0 (−1)"]


@pytest.fixture(scope="session")
def of_company(company, tmp_path_factory):
    """The order of the sample company, and its prepared tables."""
    asked = request_of(company)
    return asked, asked.prepared_in(tmp_path_factory.mktemp("prepared"))


@pytest.mark.parametrize(
    ("theme", "place", "name", "values"),
    [
        ("inactive_customers", "rules", "window_days", ["7", "14", "{interactive: 7, insurance: 28}"]),
        ("inactive_customers", "rules", "activity_events", ["[]", "[report]"]),
        ("product_activity", "product_activity", "block_days", ["7", "14"]),
        ("recurring_revenue", "rules", "movement_grain", ["month", "quarter"]),
        ("recurring_revenue", "recurring_revenue", "retention_months", ["12", "3"]),
        ("new_revenue", "new_revenue", "basis", ["acv", "mrr", "tcv"]),
        ("time_to_value", "time_to_value", "ttv_cohort", ["trailing_year", "value_quarter"]),
        ("pipeline_conversion", "pipeline_conversion", "stages", ["[lead, mql, won]", "[lead, opportunity, won]"]),
        ("unit_economics", "unit_economics", "spend_lag_months", ["2", "0"]),
    ],
)
def test_a_swept_figure_is_that_of_a_build_with_that_value_set(of_company, company, theme, place, name, values):
    """Row by row, with interval, n, warnings and parameters, against the review of ``--set``, computed on its own."""
    asked, prepared = of_company
    found = swept(asked, theme, f"{place}.{name}={','.join(values)}")
    (axis,) = found.axes
    for value in values:
        sets = request_of(company, theme, sets=(f"{place}.{name}={value}",))
        review = sets.review.model_copy(update={"themes": sets.settled})
        computed = OpenReview(sets.period, review, prepared).compute(import_module(f"helpers.kpis.{theme}")).frame
        totals = computed[(computed["period"] == "2026Q3") & (computed["segment_by"] == "")].set_index("kpi_id")
        given = review.rules if place == "rules" else None
        wanted = getattr(given, name) if given else sets.settled[theme][name]
        rows = found.rows[(list(axis.values).index(wanted),)]
        ours = pd.DataFrame(list(rows.values())).set_index("kpi_id")
        follows = totals["params"].map(json.loads).map(lambda params: name in params)
        assert set(ours.index) == set(totals.index[follows])
        pd.testing.assert_frame_equal(ours, totals.loc[ours.index])


def test_kpis_that_are_not_swept_are_the_same_under_every_value(of_company, company):
    """The sentence that says so, against both figures."""
    asked, prepared = of_company
    found = swept(asked, "pipeline_conversion", "horizon_days=30,90")
    alone, told = sentences(found, "What is not shown")
    assert alone == "Without a figure in total: Records that reached the stage; Step conversion."
    assert told.endswith("Activity ratio; Win rate; Sales cycle, median; Sales velocity.")
    frames = []
    for days in (30, 90):
        sets = request_of(company, sets=(f"pipeline_conversion.horizon_days={days}",))
        review = sets.review.model_copy(update={"themes": sets.settled})
        theme = import_module("helpers.kpis.pipeline_conversion")
        frame = OpenReview(sets.period, review, prepared).compute(theme).frame
        frames.append(frame[frame["label"].isin(told.split(": ")[1].removesuffix(".").split("; "))])
    assert len(frames[0]) > 4
    pd.testing.assert_frame_equal(*frames)


@pytest.mark.whole
def test_what_follows_no_value_that_differs_is_made_once(monkeypatch):
    made = []
    statement = Spine._statement
    monkeypatch.setattr(Spine, "_statement", lambda self, name: made.append(name) or statement(self, name))
    swept(order(), "inactive_customers", "window_days=7,28,60")
    assert [made.count(name) for name in ("event_day", "version", "period", "silence", "rules")] == [1, 1, 1, 4, 4]


def test_no_relation_hands_on_a_rule_that_it_does_not_name():
    """A relation is shared between values unless it names what differs: so no ``*`` may let a rule through."""
    found, relations = spine("2026-10-01", **USE), read_relations(defaults())
    for name in relations:
        under = {each for part in found._in_order(name) if part in relations for each in relations[part].reads}
        if under <= {*relations, *TABLES, *OWN}:  # others read what a card gives, and are never shared
            found.make(name)
            columns = {column for column, *_ in found._engine.execute(f"describe {name}").fetchall()}
            assert not (columns & defaults().keys()) - words_under(name, relations), name


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_money_changes_in_percent_and_what_may_not_be_compared_does_not_change(of_company):
    found = swept(of_company[0], "unit_economics", "spend_lag_months=0,2")
    cells = {name: cells for name, *cells in table(found)[1:]}
    assert table(found)[0] == ["KPI", "0", "2 (review.yml)"]
    first, own = (found.rows[at,]["cac_full"]["value"] for at in (0, 1))
    written, change = cells["Acquisition cost (CAC), with support"][0].removesuffix("%)").split(" (")
    assert round(first) == int(written.strip("€").replace(",", ""))
    assert round(100 * (first / own - 1), 1) == float(change.replace("−", "-"))
    funnel = swept(of_company[0], "pipeline_conversion", "horizon_days=none,90")
    conversion = next(cells for name, *cells in table(funnel) if name == "Pipeline conversion")
    assert "(" not in conversion[0]  # the one is final, the other to date
    assert conversion[1].endswith(" to date")


def test_charts_are_of_headlines_that_differ_and_say_what_they_show(of_company):
    found = swept(of_company[0], "recurring_revenue", "retention_months=3,12,24")
    (charts,) = [part["charts"] for part in found.page() if "charts" in part]
    labels = ["Net revenue retention (NRR)", "Gross revenue retention (GRR)", "Logo churn"]
    assert [chart["title"] for chart in charts] == [f"{label} by retention_months, %, 2026Q3" for label in labels]
    nrr = {months: found.rows[at,]["nrr"]["value"] for at, months in enumerate(("3", "12 (review.yml)", "24"))}
    least, most = min(nrr, key=nrr.get), max(nrr, key=nrr.get)
    assert charts[0]["sentence"] == (
        f"Net revenue retention (NRR) in 2026Q3: {nrr['12 (review.yml)']:.1%} under retention_months 12 (review.yml); "
        f"lowest {nrr[least]:.1%} under retention_months {least}, "
        f"highest {nrr[most]:.1%} under retention_months {most}."
    )
    assert [row[0] for row in charts[0]["table"]["rows"]] == list(nrr)
    assert charts[0]["alt"] == charts[0]["sentence"]


@pytest.mark.whole
def test_nothing_is_drawn_where_the_review_s_own_value_has_no_figure():
    late = USE["events"].replace("2026-09-28", "2026-09-01").replace("2026-09-20", "2026-09-01")
    found = swept(order({**USE, "events": late}), "inactive_customers", "feed_max_age_days=60")
    assert table(found)[1] == ["Inactive customers", "refused", "3"]
    assert not any("charts" in part for part in found.page())


def test_a_grid_has_a_table_per_headline_that_differs(of_company):
    found = swept(of_company[0], "recurring_revenue", "retention_months=6,12", "grace_days=0,400")
    titles = [part["title"] for part in found.told()]
    assert "Net revenue retention (NRR)" in titles
    assert "Monthly recurring revenue (MRR), per month" not in titles
    at = titles.index("Renewal rate")
    head, six, twelve = table(found, at)
    assert head == ["retention_months", "grace_days 0 (review.yml)", "grace_days 400"]
    assert (six[0], twelve[0], six[1:]) == ("6", "12 (review.yml)", twelve[1:])
    (same,) = [part for part in found.told() if part["title"].endswith("the same under every pair of values")]
    mrr = found.rows[0, 0]["mrr"]
    assert f"Monthly recurring revenue (MRR) {found.context.write.result(mrr)}" in same["sentences"]


@pytest.mark.whole
def test_statuses_and_their_reasons_are_told():
    late = USE["events"].replace("2026-09-28", "2026-09-01").replace("2026-09-20", "2026-09-01")
    found = swept(order({**USE, "events": late}), "inactive_customers", "feed_max_age_days=4,60")
    assert table(found)[1] == ["Inactive customers", "refused", "3"]
    (why,) = [text for text in sentences(found, "What must be known of these figures") if "29 days" in text]
    assert why.endswith("(every KPI, under feed_max_age_days 4 (default)).")
    nothing = swept(order({"customers": USE["customers"]}), "inactive_customers", "window_days=7")
    assert table(nothing)[1] == ["Inactive customers", "not provided", "not provided"]


@pytest.mark.whole
def test_a_card_that_stops_under_a_value_is_told_and_the_others_stand(monkeypatch):
    def stopped(found, kept):
        if found.rules["window_days"] == 7:
            raise ArithmeticError("out of days")
        return kept(found)

    from helpers.kpis import inactive_customers as theme

    monkeypatch.setattr(theme, "inactive_customers", named(partial(stopped, kept=theme.inactive_customers)))
    found = swept(order(), "inactive_customers", "window_days=7,14")
    assert not found.is_whole
    assert table(found)[1] == ["Inactive customers", "stopped", "1"]
    assert sentences(found, "What stopped") == [
        "inactive_customers.inactive_customers stopped under window_days 7: ArithmeticError: out of days"
    ]


def named(card):
    card.__name__ = "inactive_customers"
    return card


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def unread(monkeypatch):
    """No source is prepared."""
    monkeypatch.setattr("helpers.sweep.prepared_for", lambda *_: pytest.fail("the source was prepared"))


@pytest.mark.parametrize(
    ("arguments", "faults"),
    [
        (
            ["inactive_customer", "-p", "window_days=7"],
            ["inactive_customer is not a theme; did you mean 'inactive_cus"],
        ),
        (
            ["inactive_customers", "-p", "window_day=7"],
            ["-p window_day is neither a parameter of inactive_customers nor a rule; did you mean 'window_days'?"],
        ),
        (
            ["inactive_customers", "-p", "rules.window_day=7"],
            ["-p rules.window_day is not known; did you mean 'window"],
        ),
        (
            ["recurring_revenue", "-p", "retention_months=6,0"],
            ["-p recurring_revenue.retention_months == 0, must be in"],
        ),
        (
            ["inactive_customers", "-p", "window_days=7,x"],
            ["-p rules.window_days == 'x', must be a whole number of da"],
        ),
        (["inactive_customers", "-p", "window_days=7,28,7"], ["-p window_days=7,28,7: 7 is given twice"]),
        (["inactive_customers", "-p", "window_days=7,,28"], ["-p window_days=7,,28: a value is empty; write ''"]),
        (["inactive_customers", "-p", "window_days="], ["-p window_days=: must be NAME=VALUE,VALUE or rules.NAME="]),
        (["inactive_customers", "-p", "window_days=14"], ["-p window_days=14 is the review's own value; give others"]),
        (
            ["inactive_customers", "-p", "window_days=7", "-p", "rules.window_days=9"],
            ["-p rules.window_days is given twice; write all its values behind one"],
        ),
        (
            ["inactive_customers", "-p", "window_days=7", "-p", "grace_days=9", "-p", "not_applicable=[]"],
            ["-p is given 3 times; a sweep is of one parameter, or of two as a grid"],
        ),
        (
            ["pipeline_conversion", "-p", "window_days=7"],
            ["-p window_days: no KPI of pipeline_conversion follows it; sweep one of inactive_customers"],
        ),
        (
            ["inactive_customers", "-p", "window_days=7", "--period", "2026Q2"],
            ["--period is given 2 times; a sweep is"],
        ),
        (
            ["inactive_customers", "-p", "window_days=7", "--html", "no/x.html"],
            ["--html no/x.html: no is not a folder"],
        ),
        (
            ["inactive_customers", "-p", "window=7", "-p", "grace_days=-1,x", "--as-of", "July"],
            [
                "--as-of July: must be",
                "-p window is neither",
                "-p rules.grace_days == -1",
                "-p rules.grace_days == 'x'",
            ],
        ),
    ],
)
def test_what_cannot_be_tried_is_refused_before_anything_is_prepared(run, unread, arguments, faults):
    status, out, err = run("sweep", *arguments, *SWEEP)
    assert (status, out) == (1, "")
    assert len(err.splitlines()) == len(faults), err
    assert all(line.startswith(fault) for line, fault in zip(err.splitlines(), faults, strict=True)), err


def test_values_are_parted_by_commas_outside_quotes_and_brackets():
    read = partial(read_tried, notebooks=NOTEBOOKS)
    (stages,) = read("pipeline_conversion", ["stages=[lead, won],['a,b', won]"])
    assert stages.values == [["lead", "won"], ["a,b", "won"]]
    (days,) = read("inactive_customers", ["window_days={api: 7, insurance: 28}, 7"])
    assert (days.place, days.values) == ("rules", [{"api": 7, "insurance": 28}, 7])
    (margin,) = read("unit_economics", ["gross_margin=none,0.8"])
    assert margin.values == [None, 0.8]


def test_every_rule_has_a_theme_that_follows_it():
    """Each can be swept somewhere; one that follows none would be refused everywhere."""
    relations = [read_relations(made_from=made) for made in ({}, {"subscriptions": "invoices"})]
    words = {word for each in relations for name in each for word in words_under(name, each)}
    assert Rules.model_fields.keys() <= words


def test_the_command_prints_the_table_and_writes_a_page(run, company, tmp_path):
    page = tmp_path / "sweep.html"
    arguments = ["-p", "window_days=7,28", "--period", "2026Q3", "--source", company, "--html", page]
    status, out, err = run("sweep", "inactive_customers", *arguments)
    assert status == 0
    assert err.splitlines()[:2] == ["2026Q3: prepare done", "2026Q3: 14 (review.yml) done"]
    assert "\nInactive customers under window_days\nKPI " in out
    written = page.read_text(encoding="utf-8")
    assert written.count("<figure") >= 1
    assert "Inactive customers by window_days, 2026Q3" in written
    assert "http://" not in written.replace("http://www.w3.org", "")


def test_help_of_sweep_fits_a_screen(run):
    status, out, _ = run("sweep", "--help")
    assert status == 0
    assert all(f"{option} " in out for option in ("-p", "--period", "--source", "--review", "--as-of", "--html"))
    assert len(out.splitlines()) <= 24
    assert max(map(len, out.splitlines())) <= 80
