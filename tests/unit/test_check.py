"""What is told before a build: every row accounted for, what each KPI lacks, and every fault of the cards at once."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from helpers.catalogue import kpi, theme_title
from helpers.check import check_order
from helpers.display.data_page import DataPage
from helpers.errors import KitError
from helpers.kpis import new_revenue as bookings
from helpers.params import Review, load_review
from helpers.results import Asked, from_json, row
from tests.canonical import opened, source
from tests.pack.requests import made_request

ROOT = Path(__file__).parents[2]
DEALS = """
deal_id | created_at | closed_at  | outcome | amount
D1      | 2022-01-10 | 2022-02-10 | won     | 100
D2      | 2026-05-01 | 2026-08-01 | won     | 300
D3      | 2026-06-01 | 2026-08-02 | lost    | 100
D4      | 2026-07-01 |            | open    | 200
"""
SUBSCRIPTIONS = "subscription_id | customer_id | start_on | mrr\nS1 | A | 2023-01-01 | 100"
CUSTOMERS = "customer_id | name | signed_up_on\nA | Aye | 2022-12-01"


def order(texts, themes=("new_revenue", "pipeline_conversion"), label="2026Q3", sets=(), others=False, **settled):
    """An order of these themes; those that a check runs beside them are left out unless a test is about ``others``."""
    review = Review(**{"company": "Fine Co", "themes": {theme: {} for theme in themes}, **settled})
    found = made_request(review, source(**texts), {"period": label}, sets=sets)
    return found if others else replace(found, others={})


def checked(texts, *themes, **more):
    return check_order(order(texts, **({"themes": themes} if themes else {}), **more), lambda step: None)


def told(found, title):
    (table,) = [one["table"] for one in found.told() if one["title"] == title]
    return table


def rows(found, title):
    return [tuple(row) for row in told(found, title)["rows"]]


def card(found, name):
    (row,) = [row for row in rows(found, "KPIs of this review") if row[1] == name]
    return row


def test_events_that_sound_like_log_ins_and_count_as_activity_are_told():
    """A log-in is none; what only may be one is asked about, unless the review names the events that count."""
    events = "user_id | event | occurred_at\nU | session_start | 2026-09-01\nU | session_start | 2026-09-02\n"
    events += "U | User Login | 2026-09-02\nU | plugin_used | 2026-09-02\nU | Sign-in page opened | 2026-09-29"
    texts = {
        "customers": CUSTOMERS,
        "subscriptions": SUBSCRIPTIONS,
        "events": events,
        "users": "user_id | customer_id\nU | A",
    }
    [asked] = [warning for warning in checked(texts, "inactive_customers").warnings if "session" in warning]
    assert asked == (
        "events: 'session_start' (2), 'Sign-in page opened' (1) sound like log-ins or sessions, and count as activity; "
        "if they are no use, name the events that are, as activity_events: under rules: in review.yml"
    )
    named = checked(texts, "inactive_customers", rules={"activity_events": ["session_start"]})
    assert not [warning for warning in named.warnings if "session" in warning]


# --- rows -------------------------------------------------------------------------------------------------------------


def test_every_row_read_is_used_or_left_out_for_a_reason():
    customers = """
        customer_id | name  | signed_up_on | is_test | updated_at
        A           | Aye   | 2022-12-01   |         | 2026-01-01
        A           | Ay    | 2022-12-01   |         | 2025-01-01
        B           | Bee   | 2026-09-30   |         |
        B           | Bee   | 2026-09-30   |         |
        T           | Test  | 2022-12-01   | true    |
                    | Blank | 2022-12-01   |         |
        L           | Late  | 2026-10-01   |         |
    """
    found = checked({"customers": customers})
    assert rows(found, "What was read") == [("customers", "7", "2", "5", "1 Dec 2022", "30 Sept 2026", "0")]
    assert rows(found, "What was left out, and why") == [
        ("customers", "a column of its key is empty", "1", ""),
        ("customers", "not yet known on the last day", "1", ""),
        ("customers", "equal to another row in every column", "1", ""),
        ("customers", "an older version of a row", "1", ""),
        ("customers", "test customer", "1", "T"),
    ]


def test_long_examples_are_cut():
    key = "D" * 300
    deals = f"deal_id | created_at | closed_at\n{key} | 2026-08-02 | 2026-08-01\nD2 | 2022-01-01 |"
    ((*_, example),) = rows(checked({"deals": deals}), "What was left out, and why")
    assert example == "D" * 39 + "…"


def test_how_old_a_table_is_when_the_period_ends():
    deals = "deal_id | created_at\nD1 | 2022-01-01\nD2 | 2026-08-31"
    ((*_, days),) = rows(checked({"deals": deals}), "What was read")
    assert days == "30"  # 31 August to 30 September


def test_tables_stand_in_the_order_of_the_specification():
    texts = {"deals": DEALS, "customers": CUSTOMERS, "fx_rates": "currency | rate\nEUR | 1.1"}
    assert [row[0] for row in rows(checked(texts), "What was read")] == ["customers", "deals", "fx_rates"]


def test_what_comes_before_its_time_is_counted_and_warned_of():
    tickets = "ticket_id | customer_id | created_at\n1 | A | 2022-11-30\n2 | A | 2026-07-01\n3 | A | 2026-07-02"
    found = checked({"customers": CUSTOMERS, "tickets": tickets})
    assert rows(found, "What comes before its time") == [
        ("Tickets created before their customer's sign-up", "1", "3", "33.3%")
    ]
    assert "Tickets created before their customer's sign-up: 1 of 3." in found.warnings


def test_a_source_without_rows_is_a_report():
    found = checked({"deals": "deal_id | created_at | closed_at | outcome | amount"})
    assert rows(found, "What was read") == [("deals", "0", "0", "0", "–", "–", "–")]
    assert told(found, "What was left out, and why")["empty"] == "No row was left out."
    assert card(found, "new_revenue")[2] == "1 ok"
    assert found.faults == []


# --- what KPIs need ---------------------------------------------------------------------------------------------------


def test_a_column_that_a_kpi_does_without():
    found = checked({"deals": DEALS}, "pipeline_conversion")
    assert ("deals.source", "–", "Win rate; Sales cycle, median; Sales velocity") in rows(found, "What is missing")
    assert card(found, "funnel_velocity") == (
        "pipeline_conversion", "funnel_velocity", "3 ok", "deals", "customers, deals.source, fx_rates",
    )  # fmt: skip


def test_a_column_that_a_kpi_needs():
    without_amount = "\n".join(line.rpartition("|")[0] for line in DEALS.strip().splitlines())
    found = checked({"deals": without_amount})
    missing = {what: (needed, kept) for what, needed, kept in rows(found, "What is missing")}
    assert missing["deals.amount"] == (
        "Sales velocity; New bookings; New bookings, growth on a year ago; New bookings, growth on the previous period",
        "–",
    )
    assert card(found, "funnel_velocity")[2] == "2 ok, 1 not provided"


def test_a_table_that_is_not_there_is_named_once_and_not_by_its_columns():
    found = checked({"customers": CUSTOMERS})
    assert [row[0] for row in rows(found, "What is missing")] == ["deals", "stage_history", "products", "fx_rates"]
    assert found.review.page.lacking == [
        "New revenue: of 3 KPIs, 3 not provided (deals).",
        "Pipeline conversion: of 8 KPIs, 8 not provided (stage_history, deals).",
    ]
    assert "tickets, deliveries" in told(found, "What is missing")["note"]


def test_what_each_table_feeds():
    found = checked({"deals": DEALS, "subscriptions": SUBSCRIPTIONS}, "new_revenue")
    assert rows(found, "What each table feeds") == [
        ("subscriptions", "No KPI of this review"),
        ("deals", "New bookings; New bookings, growth on a year ago; New bookings, growth on the previous period"),
    ]


def test_many_kpis_are_named_by_those_of_the_scorecard():
    found = checked({"subscriptions": SUBSCRIPTIONS}, "recurring_revenue")
    ((_, fed),) = rows(found, "What each table feeds")
    assert fed.startswith("Monthly recurring revenue (MRR); ")
    assert fed.endswith(" more")
    assert fed.count(";") == 6


def test_whatever_is_asked_for_is_there():
    texts = {
        "customers": CUSTOMERS,
        "deals": DEALS.replace("| amount", "| amount | source").replace("00\n", "00 | web\n"),
        "products": "product | launched_on\nP | 2020-01-01",
        "fx_rates": "currency | rate\nEUR | 1.1",
    }
    assert told(checked(texts, "new_revenue"), "What is missing")["empty"] == "Whatever the KPIs asked for is provided."


def test_other_themes_are_told_apart_and_are_no_fault_of_the_review():
    found = checked({"deals": DEALS}, "new_revenue", others=True)
    others = rows(found, "KPIs of other themes, as their notebooks stand")
    assert ("recurring_revenue", "mrr", "3 not provided", "–", "customers, subscriptions, fx_rates") in others
    assert "pipeline_conversion" in {row[0] for row in others}
    assert {row[0] for row in rows(found, "KPIs of this review")} == {"new_revenue"}


def test_a_month_has_no_figures_of_a_quarter():
    found = checked({"subscriptions": SUBSCRIPTIONS, "customers": CUSTOMERS}, "recurring_revenue", label="2026-07")
    assert "a quarter; this is a month" in [row[0] for row in rows(found, "What is missing")]


# --- what cards say ---------------------------------------------------------------------------------------------------


def test_a_refused_kpi_is_a_warning_with_its_reason():
    deals = DEALS.replace("| amount", "| amount | currency").replace("00\n", "00 | CHF\n")
    found = checked({"deals": deals}, "new_revenue")
    assert card(found, "new_revenue")[2] == "1 refused"
    assert found.faults == []
    (refused,) = [warning for warning in found.warnings if "no rate for CHF" in warning]
    assert refused.startswith("New bookings; New bookings, growth")
    assert refused.endswith(": no rate for CHF; add it to fx_rates.")


def test_parameters_of_the_command_line_are_those_that_count():
    found = checked({"deals": DEALS}, "new_revenue", sets=("new_revenue.basis=mrr",))
    assert card(found, "new_revenue")[2:] == (
        "1 not provided", "–", "customers, subscriptions, products, fx_rates",
    )  # fmt: skip


def test_a_parameter_that_cards_refuse_is_told_once_and_the_rest_goes_on():
    texts = {"deals": DEALS, "stage_history": "record_id | stage | entered_at\nD2 | lead | 2026-05-01"}
    found = checked(texts, sets=("pipeline_conversion.stages=[lead, lead]",))
    assert found.faults == [
        "pipeline_conversion.stages == ['lead', 'lead'], must be two or more different stages in order"
    ]
    assert card(found, "new_revenue")[2] == "1 ok"


def test_a_card_that_stops_is_a_fault_and_the_rest_goes_on(monkeypatch):
    def new_revenue(spine):
        raise ValueError("no such\nmonth")

    monkeypatch.setattr("helpers.kpis.new_revenue.new_revenue", new_revenue)
    found = checked({"deals": DEALS}, "new_revenue")
    assert [fault.partition(".new_revenue ")[2] for fault in found.faults] == ["stopped: ValueError: no such month"]
    assert card(found, "revenue_growth")[2] == "2 undefined"  # nothing was booked in 2026Q2 or 2025Q3
    assert [one["title"] for one in found.told()][-1] == "Faults"


def test_a_card_of_another_theme_that_stops_is_a_warning(monkeypatch):
    def mrr(spine):
        raise ValueError("no")

    monkeypatch.setattr("helpers.kpis.recurring_revenue.mrr", mrr)
    found = checked({"deals": DEALS}, "new_revenue", others=True)
    assert found.faults == []
    assert [warning.partition(".mrr ")[2] for warning in found.warnings if "ValueError" in warning] == [
        "stopped: ValueError: no"
    ]


def test_faults_of_the_commentary_and_of_the_source_are_told_together(tmp_path):
    review = tmp_path / "review.yml"
    review.write_text("company: A\nthemes: {new_revenue: {}}\n")
    notes = tmp_path / "commentary/2026Q3"
    notes.mkdir(parents=True)
    (notes / "new_revenu.md").write_text("x")
    asked = order({"deals": "deal_id | created_at\nD1 | 2026-01-01"}, ["new_revenue"])
    asked.review._path = review
    asked.source.tables["deals"] = "select 1 as deal_id, date '2026-01-01' as created_at"
    with pytest.raises(KitError) as fault:
        check_order(asked, lambda step: None)
    first, second = fault.value.faults
    assert "new_revenu.md belongs to no page of this pack; did you mean 'new_revenue'?" in first
    assert "deal_id is integer, must be str" in second


def test_segments_that_could_be_several_or_none_are_told_with_their_place(tmp_path, monkeypatch):
    def new_revenue(spine):
        dimensions = ("", ""), ("source", "web"), ("product", "web"), ("product", "app")
        return [row("new_revenue", spine.period, 1, segment=segment) for segment in dimensions]

    monkeypatch.setattr("helpers.kpis.new_revenue.new_revenue", new_revenue)
    monkeypatch.chdir(tmp_path)
    Path("commentary/2026Q3").mkdir(parents=True)
    Path("commentary/2026Q3/summary.md").write_text("{{ new_revenue[web] }} and {{ new_revenue[product: web] }}")
    Path("review.yml").write_text(
        "company: A\ncurrency: EUR\nthemes: {new_revenue: {}}\ntargets:\n  new_revenue[web]: {2026Q3: 1}\n"
        "  'new_revenue[source: web]': {2026Q3: 1}\n  new_revenue[ap]: {2026Q3: 1}\n  mrr[x]: {2026Q3: 1}\nokrs:\n"
        "  - {id: more, objective: More, kpi_id: new_revenue, segment: web, baseline: 1, baseline_on: 2026-01-01,\n"
        "     target: 2, due_on: 2027-01-01}\n"
    )
    asked = replace(made_request(load_review(Path("review.yml")), source(deals=DEALS), {"period": "2026Q3"}), others={})
    found = check_order(asked, lambda step: None)
    several = "new_revenue[web] is a segment of source and of product; "
    several += "write new_revenue[source: web] or new_revenue[product: web], in quotes in YAML"
    assert found.faults == [
        f"review.yml, line 5: targets.new_revenue[web]: {several}",
        f"review.yml, line 10: okrs[0].segment: {several}",
        f"commentary/2026Q3/summary.md: {several}",
    ]
    told = [text for text in found.warnings if "has no segment" in text]
    assert told == ["review.yml, line 7: targets.new_revenue[ap]: new_revenue has no segment 'ap'; did you mean 'app'?"]


# --- the same as in a build -------------------------------------------------------------------------------------------


def test_a_notebook_hands_on_what_its_theme_asked_for():
    asked = order({"deals": DEALS}, ["new_revenue"])
    computed = opened(asked.period, asked.review, deals=DEALS).compute(bookings)
    expected = Asked(
        given=["deals", "deals.amount", "deals.closed_at", "deals.outcome"],
        needed=[],
        missed=["customers", "fx_rates", "products", "products.launched_on"],
    )
    assert computed.asked == {"new_revenue": expected}
    told = computed._repr_mimebundle_()["application/vnd.dataresource+json"]["asked"]
    assert from_json(told) == computed.asked
    cards = checked({"deals": DEALS}, "new_revenue").review.page.results.asked
    assert cards == {"new_revenue.new_revenue": expected, "new_revenue.revenue_growth": expected}


def test_what_a_theme_asked_for_is_told_by_its_name():
    asked = order({"deals": DEALS}, ["new_revenue"])
    review = opened(asked.period, asked.review, deals=DEALS)
    page = DataPage(review.prepared.report, review.compute(bookings))
    feeds, missing = (table.listing.rows.to_numpy().tolist() for table in page.tables()[-2:])
    assert feeds == [["deals", "New revenue"]]
    assert missing == [[table, "–", "New revenue"] for table in ("customers", "products", "fx_rates")]


def test_what_a_pack_would_hold_is_told_by_theme_and_what_would_add_most():
    found = checked({"deals": DEALS})
    held = {theme: (figures, of) for theme, figures, of, _ in rows(found, "What a pack would hold")}
    statuses = found.review.page.statuses
    for theme in ("new_revenue", "pipeline_conversion"):
        own = [status for kpi_id, status in statuses.items() if kpi(kpi_id).theme == theme]
        assert tuple(map(int, held[theme_title(theme)])) == (own.count("ok") + own.count("partial"), len(own))
    waiting = Counter(found.review.page.lacks.values())
    most, times = waiting.most_common(1)[0]
    [sentence] = next(one["sentences"] for one in found.told() if one["title"] == "What would add most")
    assert sentence.startswith(f"{most}: {times} KPIs wait for it")
