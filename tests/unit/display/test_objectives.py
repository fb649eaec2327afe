"""Objectives as readers meet them: headlines, the chart of their pace, the table; and departments by KPI as a grid."""

import json
from datetime import date
from functools import lru_cache
from types import SimpleNamespace
from xml.etree import ElementTree

import pandas as pd
import pytest

from helpers import results as long_table
from helpers.display import charts
from helpers.display.context import Context
from helpers.display.headlines import headlines
from helpers.display.objectives import objectives
from helpers.display.scorecard import scorecard
from helpers.display.shown_tables import Table, table_from_resource
from helpers.kpis import kpi_alignment
from helpers.kpis.rows import run
from helpers.kpis.spine import Spine
from helpers.periods import Calendar
from helpers.registries import Okr
from helpers.results import Column, Listing
from tests.canonical import defaults, prepared
from tests.unit.display.fake_review import NAMES, Q3, partial_quarter, quarters, review, share
from tests.unit.display.forms import assert_fits_in_a_page

MIME = "application/vnd.kpi-review.chart+json"
SEED = [62, 66, 64, 69, 65, 61, 67, 66]  # mean 65, mean step 26/7: limits 55.12 and 74.88
PLAN = {
    "objective": "Be fast", "kpi_id": "ttv_rmst", "baseline": 65, "baseline_on": date(2026, 1, 1), "target": 55,
    "due_on": date(2027, 1, 1), "owner": "Ada",
}  # fmt: skip
ASKED = {"ttv_cohort": "trailing_year", "rmst_days": 120}


def objective(name="faster", **changed):
    return Okr(**{**PLAN, "id": name, **changed})


def off_pace(results):
    """The sentences on objectives that are behind."""
    return [each.text for each in headlines(results, []) if each.kind == "objective" and each.tone == "bad"]


def measured(okrs, *figures, period=Q3):
    """Results of the objectives alone, over three quarters; ``figures`` are what the cards of their KPIs tell."""
    periods = [*period.history(2), period]
    spine = Spine(books(), period, defaults(), periods, review=SimpleNamespace(okrs=okrs))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("helpers.kpis.kpi_alignment.cards.rows_once", lambda card, spine: list(figures))
        return review(*run(kpi_alignment.okr, spine), period=period)


@lru_cache
def books():
    """A prepared folder without a figure of its own."""
    return prepared(Q3.as_of_on, customers="customer_id | name | signed_up_on\nA | Aye | 2019-01-01")


def rows_of(table):
    return table.resource()["data"]


def days(value, period=Q3, **more):
    return long_table.row("ttv_rmst", period, value, n=12, params=ASKED, **more)


# --- headlines --------------------------------------------------------------------------------------------------------


def test_an_objective_off_pace_is_a_headline():
    """273 of 365 days are gone (31 + 28 + 31 + 30 + 31 + 30 + 31 + 31 + 30): 74.8%; 61 of 65 to 55 is 40%."""
    assert off_pace(measured([objective()], days(61))) == [
        "The objective “Be fast” is off track: Time to value, restricted mean, stands at 61 days in 2026Q3, "
        "40.0% of the way from 65 days to 55 days by 31 Dec 2026, with 74.8% of the time gone."
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (58.5, "is at risk: Time to value, restricted mean, stands at 58.5 days in 2026Q3, 65.0% of the way"),
        (
            66,
            "is off track: Time to value, restricted mean, stands at 66 days in 2026Q3, farther off than at the start",
        ),
    ],
)
def test_at_risk_and_going_backwards(value, said):
    (told,) = off_pace(measured([objective()], days(value)))
    assert said in told


@pytest.mark.parametrize("value", [57, 55, 40, None])
def test_on_track_achieved_and_without_a_figure_are_no_headlines(value):
    assert off_pace(measured([objective()], days(value))) == []


def test_the_worst_come_first():
    okrs = [
        objective("risk", objective="Risk"),
        objective("late", objective="Late", kpi_id="nrr", baseline=1.0, target=1.1, due_on=date(2026, 10, 1)),
        objective("off", objective="Off", kpi_id="win_rate", baseline=0.8, target=0.9),
    ]
    figures = [days(58.5), long_table.row("nrr", Q3, 1.05), long_table.row("win_rate", Q3, 0.81)]
    told = off_pace(measured(okrs, *figures))
    assert [text.split("”")[0].removeprefix("The objective “") for text in told] == ["Late", "Off", "Risk"]
    assert "was missed: Net revenue retention (NRR) stands at 105.0% in 2026Q3, 50.0% of the way from 100.0%" in told[0]
    assert "of the time gone" not in told[0]


def test_objectives_come_after_signals_and_missed_targets():
    plans = measured([objective()], days(61)).frame
    signal = quarters("renewal_rate", [0.8, 0.82, 0.81, 0.79, 0.8, 0.83, 0.8, 0.4])
    found = review(*signal, *quarters("win_rate", [0.5, 0.4]), targets={"win_rate": 0.6})
    both = type(found)(pd.concat([plans, found.frame], ignore_index=True), found.context)
    told = headlines(both, ["renewal_rate", "win_rate"])
    assert [(each.kind, each.text.split(" ")[0]) for each in told] == [
        ("signal", "Renewal"), ("target", "Win"), ("objective", "The"),
    ]  # fmt: skip


def test_an_objective_on_pace_is_good_news():
    (told,) = headlines(measured([objective()], days(57)), [])
    assert (told.tone, told.lead) == ("good", "The objective “Be fast” is on track")


def test_an_objective_adds_no_row_to_the_scorecard():
    assert scorecard(measured([objective()], days(57))) == []


# --- the table --------------------------------------------------------------------------------------------------------


def test_the_row_of_an_objective_says_from_where_to_where():
    found = measured([objective()], days(61))
    (row,) = rows_of(objectives(found, review(days(61)), [objective()]))
    assert [row[name] for name in ("objective", "measure", "from", "now", "to", "standing")] == [
        "Be fast (Ada)", "Time to value, restricted mean", "65 days on 1 Jan 2026", "61 days, n = 12",
        "55 days by 31 Dec 2026", "✗ off track",
    ]  # fmt: skip
    assert row["needed"] == "−2 days a month"  # 6 days in the 92 days left, 3.02 months of 365/12 days: 1.98
    assert (row["baseline"], row["value"], row["target"]) == (65, 61, 55)
    assert row["due_now"] == pytest.approx(65 - 10 * 273 / 365)


def test_needed_in_points_of_a_share():
    grow = objective(kpi_id="nrr", baseline=1.0, target=1.1)
    figure = long_table.row("nrr", Q3, 1.0395, n=40)
    (row,) = rows_of(objectives(measured([grow], figure), review(figure), [grow]))
    assert row["needed"] == "+2.0 pp a month"  # 6.05 points in 3.0247 months


def test_one_value_within_the_usual_range_is_noise():
    """65 to 55 with the history of the specification: one quarter at 61 lies between 55.12 and 74.88."""
    each = objective(kpi_id="new_arr")
    history = quarters("new_arr", [*SEED, 61])
    (row,) = rows_of(objectives(measured([each], history[-1]), review(*history), [each]))
    assert row["verdict"] == "noise: within its provisional usual range of €55 to €75"
    assert row["standing"] == "✗ off track"


def test_a_value_beyond_the_limits_is_a_signal():
    each = objective(kpi_id="new_arr")
    history = quarters("new_arr", [*SEED, 48])
    (row,) = rows_of(objectives(measured([each], history[-1]), review(*history), [each]))
    assert row["verdict"] == "signal: below its provisional usual range of €55 to €75"
    assert row["standing"] == "✓ achieved"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "not judged: each value shares days with the last"),  # a trailing year
        ({"kpi_id": "nrr"}, "not judged: it has no figure"),  # nrr_quarter, which is judged in its place
        ({"kpi_id": "win_rate"}, "too short a history to say"),
        ({"kpi_id": "win_rate", "segment": "web"}, "not judged: limits are those of the whole KPI"),
    ],
)
def test_what_cannot_be_judged_says_why(changed, said):
    each = objective(**changed)
    by = {"segment": ("source", "web")} if each.segment else {}
    figure = long_table.row(each.kpi_id, Q3, 61, n=12, params=ASKED, **by)
    (row,) = rows_of(objectives(measured([each], figure), review(figure), [each]))
    assert row["verdict"] == said


def test_the_trap_of_young_cohorts_stands_under_the_table():
    found = measured([objective(), objective("grow", kpi_id="nrr")], days(61), long_table.row("nrr", Q3, 60))
    note = objectives(found, review(), [objective()]).listing.note
    assert note.startswith("Be fast: customers that sign on 7 Nov 2026 or later cannot show 55 days by 31 Dec 2026: ")


def test_objectives_without_progress_say_why():
    okrs = [
        objective("none", kpi_id="demos"),
        objective("same", target=65),
        objective("later", baseline_on=date(2026, 10, 1)),
        objective("empty", kpi_id="nrr"),
    ]
    figure = long_table.row("nrr", Q3, None, warnings=["nobody paid a year ago"])
    rows = rows_of(objectives(measured(okrs, figure), review(figure), okrs))
    assert [(row["now"], row["standing"]) for row in rows] == [
        ("not provided", "no status"),
        ("same: its baseline and its target are both 65, so there is no way to go", "no status"),
        (None, "begins on 1 Oct 2026"),
        ("nobody paid a year ago", "no status"),
    ]
    shown = table_from_resource(objectives(measured(okrs, figure), review(figure), okrs).resource())
    assert shown["rows"][2][3] == "–"


def test_a_figure_that_matures_shows_how_the_last_mature_one_stood():
    """2026Q3 is still followed; 61 days in 2026Q2 are 40% of the way, with 181 of 365 days gone: 49.6%."""
    before = days(61, Calendar().period("2026Q2"))
    found = measured([objective()], before, days(50, status="partial"))
    (row,) = rows_of(objectives(found, review(), [objective()]))
    assert (row["now"], row["standing"]) == ("61 days, n = 12 (2026Q2)", "◆ at risk (2026Q2)")
    assert "stands at 61 days in 2026Q2, 40.0% of the way" in off_pace(found)[0]


def test_a_running_quarter_has_no_status():
    running = partial_quarter("2026-08-14")
    found = measured([objective()], days(50, running), period=running)
    (row,) = rows_of(objectives(found, review(period=running), [objective()]))
    assert (row["now"], row["standing"]) == ("50 days, n = 12", "not final")
    assert off_pace(found) == []


def test_no_objectives_are_a_sentence():
    table = objectives(measured([]), review(), [])
    assert table_from_resource(table.resource())["empty"] == "The review names no objectives; add them under okrs:."


# --- the charts -------------------------------------------------------------------------------------------------------


def matrix(rows, departments=("Sales", "CS")):
    columns = {"kpi": Column("KPI")} | {f"d{i}": Column(name) for i, name in enumerate(departments)}
    frame = pd.DataFrame(rows, columns=list(columns))
    return Table(Listing("Who is held", frame, columns, "No departments."), Context(Q3, "EUR"))


def forms():
    okrs = [objective(), objective("grow", objective="Grow", kpi_id="nrr", baseline=1, target=1.1)]
    figures = [days(61), share("nrr", 11, 10)]
    return {
        "pace": charts.pace(measured(okrs, *figures)),
        "alignment": charts.alignment(matrix([["NRR", "shared", "shared"], ["Demos", "held, opposed", ""]])),
    }


@pytest.mark.parametrize("form", ["pace", "alignment"])
def test_every_form_is_a_picture_a_sentence_and_a_table(form):
    bundle = json.loads(json.dumps(forms()[form]._repr_mimebundle_()))
    assert bundle[MIME]["alt"] == bundle[MIME]["sentence"]
    assert table_from_resource(bundle[MIME]["table"])["rows"]
    assert_fits_in_a_page(bundle[MIME]["svg"])
    assert forms()[form].svg == forms()[form].svg


def test_the_sentence_of_the_pace():
    assert forms()["pace"].sentence == (
        "Of 2 objectives with a figure, 1 is on pace or achieved. Farthest behind is “Be fast”: 40.0% of the way, "
        "74.8% of the time gone."
    )
    assert charts.pace(measured([objective()], days(57))).sentence == (
        "Of 1 objective with a figure, 1 is on pace or achieved."
    )


def test_nothing_to_draw_is_told():
    assert charts.pace(measured([objective()])).svg == ""
    assert charts.pace(measured([])).sentence == "No objective has a figure in 2026Q3."
    assert charts.alignment(matrix([])).sentence == "No departments."


def test_the_sentence_of_the_grid():
    assert forms()["alignment"].sentence == (
        "KPIs: 2; shared by departments: 1; working against another: 1; neighbours that share none: none."
    )
    apart = matrix([["NRR", "held", ""], ["MRR", "", "held"]])
    assert charts.alignment(apart).sentence.endswith("neighbours that share none: Sales and CS.")


def test_opposed_and_shared_cells_look_different():
    drawn = [charts.alignment(matrix([["NRR", words, ""]])).svg for words in ("held", "shared", "held, opposed")]
    assert len(set(drawn)) == 3
    assert ["#a63c06" in svg for svg in drawn] == [False, False, True]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_can_be_drawn(name):
    each = objective(objective=name)
    ElementTree.fromstring(charts.pace(measured([each], days(61))).svg)
    ElementTree.fromstring(charts.alignment(matrix([[name, "held", "held"]], (name, "CS"))).svg)
    assert off_pace(measured([each], days(61)))[0].startswith(f"The objective “{name}” is off track")


# --- targets as the plan ----------------------------------------------------------------------------------------------


def test_the_target_of_the_period_is_in_the_scorecard_and_in_the_columns():
    rows = quarters("mrr", [100, 90])
    plain, planned = review(*rows), review(*rows, targets={"mrr": 120})
    (row,) = scorecard(planned)[0]["rows"]
    assert (row["target"], row["target_status"]) == ("€120", "missed")
    assert scorecard(plain)[0]["rows"][0]["target"] == "no target"
    assert charts.columns(planned, "mrr").svg != charts.columns(plain, "mrr").svg
