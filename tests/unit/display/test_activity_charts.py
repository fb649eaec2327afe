"""Charts of use: spread, moves, features, weekly flows and bullets. The figures are made here."""

from datetime import date, timedelta
from xml.etree import ElementTree

import pandas as pd
import pytest

from helpers import results as long_table
from helpers.display import charts
from helpers.display.charts.grids import DARKEST, PALEST
from helpers.display.context import Context
from helpers.display.palette import BAD, GOOD, QUIET, ink, lighter, tint
from helpers.display.shown_tables import Table, table_from_resource
from helpers.periods import Calendar
from helpers.results import Column, Listing
from tests.unit.display.fake_review import NAMES, Q3, review, share
from tests.unit.display.forms import assert_picture_sentence_and_table, texts

CONTEXT = Context(Q3, "EUR")
OWN = ink(CONTEXT.colour)
STATES = ("0", "1", "2", "new")


def scores(counts, period=Q3):
    """Users by their score, those of ``counts`` in turn, the last of them new."""
    names = [*map(str, range(len(counts) - 1)), "new"]
    return [long_table.row("pac_users", period, n, segment=("score", k)) for k, n in zip(names, counts, strict=True)]


def adopted(cells, period=Q3):
    segments = [("persona / feature", f"{persona} / {name}") for persona, name, *_ in cells]
    return [
        share("feature_adoption", used, of, period=period, segment=segment)
        for (*_, used, of), segment in zip(cells, segments, strict=True)
    ]


def moves(*rows, states=STATES):
    """A matrix of counts: a row per state before, in order, the last for those who entered."""
    columns = {"before": Column("Before")} | {name: Column(name, "count") for name in states} | {
        "absent": Column("left", "count")
    }  # fmt: skip
    frame = pd.DataFrame(
        [(state, *row) for state, row in zip((*states, "entered"), rows, strict=True)], columns=[*columns]
    )
    return Table(Listing("Moves", frame, columns, "No user is on the roster."), CONTEXT)


def weeks(*rows):
    """Weeks of (inactive, newly silent, returned), up to the last of September."""
    first = date(2026, 9, 30) - timedelta(weeks=len(rows) - 1)
    frame = pd.DataFrame(
        [(first + timedelta(weeks=i), *row) for i, row in enumerate(rows)],
        columns=["week_to", "inactive", "newly_silent", "returned"],
    )
    columns = {"week_to": Column("Week up to", "date")} | {
        name: Column(name, "count") for name in ("inactive", "newly_silent", "returned")
    }
    return Table(Listing("Silence week by week", frame, columns, "No week."), CONTEXT)


def seats(*rows, **more):
    columns = {"customer": Column("Customer"), "active": Column("Active", "count"), "seats": Column("Seats", "count")}
    frame = pd.DataFrame(list(rows), columns=list(columns))
    return Table(Listing("Seats", frame, columns, "No customer pays for seats.", **more), CONTEXT)


def height(chart):
    return float(ElementTree.fromstring(chart.svg).attrib["viewBox"].split()[3])


BEFORE = scores([10, 20, 30, 40], Q3.previous())
USE = (("boss", "reports", 9, 12), ("boss", "maps", 3, 12), ("clerk", "maps", 2, 3), ("clerk", "reports", 0, 3))
MOVED = ((5, 2, 1, 0, 4), (3, 6, 0, 0, 1), (2, 1, 7, 0, 0), (1, 1, 1, 0, 2), (3, 0, 0, 8, 0))


def every_form():
    return {
        "histogram": lambda: charts.histogram(review(*scores([50, 20, 10, 20]), *BEFORE), "pac_users"),
        "heat_map": lambda: charts.heat_map(review(*adopted(USE)), "feature_adoption", {"boss": ["reports"]}),
        "matrix": lambda: charts.matrix(moves(*MOVED)),
        "flows": lambda: charts.flows(weeks((5, 2, 1), (7, 3, 1), (4, 0, 3))),
        "bullets": lambda: charts.bullets(seats(("Aye", 26, 40), ("Bee", 9, 8)), "active", "seats"),
    }


@pytest.mark.parametrize("form", every_form())
def test_every_form_is_a_picture_a_sentence_and_a_table(form):
    assert_picture_sentence_and_table(every_form()[form])


@pytest.mark.parametrize(
    ("draw", "told"),
    [
        (lambda: charts.histogram(review(*scores([0, 0, 0, 0])), "pac_users"),
         "Users by active weeks: nobody is counted in 2026Q3."),
        (lambda: charts.heat_map(review(), "feature_adoption"), "Feature adoption: nothing was used in 2026Q3."),
        (lambda: charts.matrix(moves(*[(0,) * 5] * 5)), "No user is on the roster."),
        (lambda: charts.flows(weeks((0, 0, 0), (0, 0, 0))), "Nobody was silent in any of these weeks."),
        (lambda: charts.bullets(seats(), "active", "seats"), "No customer pays for seats."),
    ],
)  # fmt: skip
def test_nothing_to_draw_is_told(draw, told):
    chart = draw()
    assert (chart.svg, chart.sentence) == ("", told)
    assert told in chart._repr_mimebundle_()["text/plain"]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_can_be_drawn(name):
    assert charts.bullets(seats((name, 1, 2)), "active", "seats").svg
    assert charts.heat_map(review(*adopted([(name, "maps", 1, 9)])), "feature_adoption").svg


class TestHistogram:
    def test_the_lowest_and_the_highest_against_the_period_before(self):
        """Of 80 that are not new 50 in none, 10 in six or seven; 10 and 10 a quarter before."""
        rows = [*scores([50, 20, 0, 0, 0, 0, 4, 6, 20]), *scores([10, 20, 20, 10, 10, 0, 5, 5, 20], Q3.previous())]
        assert charts.histogram(review(*rows), "pac_users").sentence == (
            "62.5% are active in none of the seven (12.5% in 2026Q2) and 12.5% in six or seven (12.5% in 2026Q2); "
            "80 are counted, 20 new ones apart."
        )

    def test_its_shares_are_those_of_the_power_users(self):
        """One denominator on the page: 4 + 6 of the 80 users that are not new, in sentence, table and KPI."""
        power = share("pac_power_share", 10, 80)
        chart = charts.histogram(review(*scores([50, 20, 0, 0, 0, 0, 4, 6, 20]), power), "pac_users")
        rows = chart.table.rows.set_index("segment")
        assert power.value == rows.loc[["6", "7"], "share"].sum() == 0.125
        assert rows["share"].sum() == 1
        assert "12.5% in six or seven" in chart.sentence
        assert table_from_resource(chart.table.resource())["rows"][-1][:3] == ["new", "20", "–"]

    def test_where_all_are_new_no_share_is_told(self):
        chart = charts.histogram(review(*scores([0, 0, 0, 7])), "pac_users")
        assert chart.svg
        assert chart.sentence.endswith("0 are counted, 7 new ones apart.")

    def test_the_period_before_is_a_lighter_shade_that_has_a_label(self):
        with_before = charts.histogram(review(*scores([50, 20, 10, 20]), *BEFORE), "pac_users")
        alone = charts.histogram(review(*scores([50, 20, 10, 20])), "pac_users")
        assert "2026Q2" in with_before.sentence
        assert "2026Q2" not in alone.sentence
        assert "light: 2026Q2" in texts(with_before.svg)
        assert lighter(OWN) in with_before.svg
        assert lighter(OWN) not in alone.svg

    def test_the_first_listed_period_stands_alone(self):
        """50 of 80 in none; three scores, the new apart, and nothing beside them."""
        listed = Calendar(quarter_starts=(("2026Q3", Q3.start), ("2026Q4", Q3.end))).period("2026Q3")
        chart = charts.histogram(review(*scores([50, 20, 10, 20], listed), period=listed), "pac_users")
        assert chart.sentence.startswith("62.5% are active in none of the seven and ")
        shown = table_from_resource(chart.table.resource())
        assert shown["rows"][0] == ["0", "50", "62.5%"]

    def test_the_table_has_both_periods(self):
        chart = charts.histogram(review(*scores([50, 20, 10, 20]), *BEFORE), "pac_users")
        shown = table_from_resource(chart.table.resource())
        assert shown["rows"][0] == ["0", "50", "62.5%", "10", "16.7%"]


class TestHeatMap:
    def test_only_what_is_meant_reads_as_good(self):
        """One cell, three quarters: in the pack's colour if it is meant for the persona, else grey."""
        results = review(*adopted([("boss", "reports", 9, 12)]))
        strength = PALEST + (DARKEST - PALEST) * 0.75
        own, grey = tint(OWN, strength), tint(QUIET, strength)
        meant = charts.heat_map(results, "feature_adoption", {"boss": ["reports"]}).svg
        plain = charts.heat_map(results, "feature_adoption").svg
        assert own in meant
        assert grey not in meant
        assert grey in plain
        assert own not in plain

    def test_the_sentence_is_of_what_is_meant_for_groups_of_five(self):
        results = review(*adopted(USE))
        assert charts.heat_map(results, "feature_adoption").sentence == (
            "Among groups of at least five active users, most used is reports by boss (75.0%), "
            "least maps by boss (25.0%)."
        )
        assert charts.heat_map(results, "feature_adoption", {"boss": ["maps"]}).sentence == (
            "Of the features meant for a persona, most used is maps by boss (25.0%), least maps by boss (25.0%)."
        )
        assert charts.heat_map(results, "feature_adoption", {"clerk": ["maps"]}).sentence == (
            "No group that a feature is meant for has 5 active users."
        )

    def test_every_feature_has_its_row(self):
        more = [*USE, ("boss", "plans", 0, 12)]
        few, many = (charts.heat_map(review(*adopted(use)), "feature_adoption") for use in (USE, more))
        assert height(many) > height(few)

    def test_small_groups_are_counts_in_the_picture_and_whole_in_the_table(self):
        chart = charts.heat_map(review(*adopted([("clerk", "maps", 2, 3)])), "feature_adoption")
        assert chart.sentence == "No group has 5 active users."
        assert [row[:4] for row in table_from_resource(chart.table.resource())["rows"]] == [["clerk", "maps", "2", "3"]]


class TestMatrix:
    def test_who_went_up_and_down_and_whether_that_is_chance(self):
        """Up 2 + 1 + 0, down 3 + 2 + 1, same 5 + 6 + 7; three against six is what coins do in 0.508 of cases."""
        assert charts.matrix(moves(*MOVED)).sentence == (
            "Of users that were not new, 3 went up, 6 down and 18 stayed the same: that may be chance (51 in 100)."
        )

    def test_a_clear_change(self):
        """14 up and 1 down: 2 x (1 + 15) / 2^15 = 0.000977."""
        rows = ((0, 14, 0, 0, 0), (1, 0, 0, 0, 0), *[(0,) * 5] * 3)
        assert charts.matrix(moves(*rows)).sentence.endswith("likely a real difference (less than 1 in 100 by chance).")

    def test_nobody_moved(self):
        rows = ((3, 0, 0, 0, 0), *[(0,) * 5] * 4)
        assert charts.matrix(moves(*rows)).sentence == (
            "Of users that were not new, 0 went up, 0 down and 3 stayed the same."
        )

    @pytest.mark.parametrize(
        ("at", "colour"),
        [((0, 2), GOOD), ((2, 0), BAD), ((1, 1), OWN), ((3, 0), QUIET), ((4, 3), QUIET), ((0, 4), QUIET)],
    )  # fmt: skip
    def test_each_side_has_its_colour(self, at, colour):
        """One cell alone, so the darkest: up, down, the same, new before, entered, left."""
        rows = [[0] * 5 for _ in range(5)]
        rows[at[0]][at[1]] = 9
        svg = charts.matrix(moves(*rows)).svg
        assert tint(colour, DARKEST) in svg
        assert not any(tint(other, DARKEST) in svg for other in {GOOD, BAD, OWN, QUIET} - {colour})


class TestFlows:
    def test_now_then_and_the_last_week(self):
        assert charts.flows(weeks((5, 2, 1), (7, 3, 1), (4, 1, 3))).sentence == (
            "4 customers are silent, 5 were 2 weeks ago; in the last week 1 fell silent and 3 returned."
        )


class TestBullets:
    def test_all_together_and_who_uses_more(self):
        """26 + 9 of 40 + 8 are 72.9 %."""
        assert charts.bullets(seats(("Aye", 26, 40), ("Bee", 9, 8)), "active", "seats").sentence == (
            "2 customers use 72.9% of what they have together. 1 of them uses more than it has."
        )

    def test_the_sentence_counts_customers_that_are_not_drawn_too(self):
        """26 + 9 of 40 + 8 are 72.9 %, though only the first is drawn."""
        found = charts.bullets(seats(("Aye", 26, 40), ("Bee", 9, 8), top=1), "active", "seats")
        assert found.sentence.startswith("2 customers use 72.9% of what they have together.")

    def test_as_many_rows_as_the_table_shows(self):
        rows = [(f"C{i}", i, 10) for i in range(9)]
        two, four = (height(charts.bullets(seats(*rows, top=top), "active", "seats")) for top in (2, 4))
        assert four > two
