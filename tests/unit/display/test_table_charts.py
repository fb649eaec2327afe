"""Charts of tables: curves, the parts of a mean, dots and timelines. The tables are made here, row by row."""

from datetime import date
from xml.etree import ElementTree

import pandas as pd
import pytest

from helpers.display import charts
from helpers.display.context import Context
from helpers.display.shown_tables import Table
from helpers.results import Column, Listing
from tests.unit.display.fake_review import NAMES, Q3
from tests.unit.display.forms import MIME, assert_picture_sentence_and_table, marks, reach, texts

CURVE = ("cohort", "days", "waiting", "low", "high", "of_all", "unseen")
PARTS = ("stage", "days", "waiting", "working", "earlier")
DOTS = ("customer", "start_on", "state", "days", "customer_id")
STRETCHES = ("customer", "stage", "kind", "from_day", "to_day", "total", "customer_id")
UNITS = {"days": "days", "total": "days", "from_day": "days", "to_day": "days", "start_on": "date", "unseen": "count"}
UNITS |= dict.fromkeys(("waiting", "low", "high", "of_all"), "share")


def table(caption, names, rows, **more):
    columns = {name: Column(name.replace("_", " "), UNITS.get(name, "text")) for name in names}
    if names == PARTS:
        columns |= {name: Column(name, "days") for name in PARTS[1:]}
    frame = pd.DataFrame([dict(zip(names, row, strict=True)) for row in rows], columns=list(names))
    return Table(Listing(caption, frame, columns, "Nobody is here.", **more), Context(Q3, "EUR"))


def curve(*rows, **more):
    return table("Customers still without value", CURVE, rows, **more)


OF_CUSTOMERS = ("start_on", "days", "customers")
STEPS = (
    ("signed in 2026Q3", 0, 1.0, 1.0, 1.0, None, 0),
    ("signed in 2026Q3", 10, 0.75, 0.3, 0.95, None, 0),
    ("signed in 2026Q3", 43, 0.5, 0.2, 0.8, None, 0),
    ("signed in 2026Q3", 50, 0.5, 0.2, 0.8, None, 2),
    ("signed in 2026Q2", 0, 1.0, 1.0, 1.0, None, 0),
    ("signed in 2026Q2", 60, 0.6, 0.4, 0.9, None, 1),
)
STEPS_TO_MRR = (
    ("Won", 100.0, None), ("− one-off", -40.0, None), ("− nothing", 0.0, None), ("Bookings", 60.0, 5.0),
    ("+ more in MRR", None, 2.0), ("MRR won", None, 7.0),
)  # fmt: skip
MEAN = (("connectors", 17.5, 17.5, 0, 23), ("training", 10, 8, 2, 10), ("unattributed", 2.5, 0, 0, 0))
CUSTOMERS = (
    ("Aye", date(2026, 1, 5), "has value", 43, "A"),
    ("Bee", date(2026, 3, 5), "has value", 12, "B"),
    ("Cee", date(2026, 7, 5), "still waiting", 87, "C"),
    ("Dee", date(2026, 2, 5), "left before", 30, "D"),
)
WAYS = (
    ("Aye", "contract", "waiting", -4, 6, 43, "A"),
    ("Aye", "it_access", "waiting", 3, 40, 43, "A"),
    ("Bee", "training", "working", 2, 10, 12, "B"),
    ("Cee", None, None, None, None, 5, "C"),
)


def every_form():
    return {
        "curve": lambda: charts.curve(curve(*STEPS)),
        "cascade": lambda: charts.cascade(table("Where the days went", PARTS, MEAN), "Mean time to value"),
        "dots": lambda: charts.dots(table("Days to value", DOTS, CUSTOMERS), *OF_CUSTOMERS),
        "timelines": lambda: charts.timelines(table("The way to value", STRETCHES, WAYS)),
    }


@pytest.mark.parametrize("form", every_form())
def test_every_form_is_a_picture_a_sentence_and_a_table(form):
    assert_picture_sentence_and_table(every_form()[form])


@pytest.mark.parametrize(
    "draw",
    [
        lambda: charts.curve(curve()),
        lambda: charts.cascade(table("Where", PARTS, []), "Mean"),
        lambda: charts.dots(table("Days", DOTS, []), *OF_CUSTOMERS),
        lambda: charts.timelines(table("Ways", STRETCHES, [])),
    ],
)
def test_nothing_to_draw_is_told(draw):
    chart = draw()
    assert (chart.svg, chart.sentence) == ("", "Nobody is here.")
    assert "Nobody is here." in chart._repr_mimebundle_()["text/plain"]


@pytest.mark.parametrize("form", ["curve", "dots", "timelines"])
def test_one_row_is_enough(form):
    one = {
        "curve": lambda: charts.curve(curve(STEPS[0])),
        "dots": lambda: charts.dots(
            table("Days", DOTS, [("Aye", date(2026, 1, 5), "has value", 0, "A")]), *OF_CUSTOMERS
        ),
        "timelines": lambda: charts.timelines(table("Ways", STRETCHES, [("Aye", None, None, None, None, 0, "A")])),
    }
    assert one[form]().svg


class TestCurve:
    def test_the_median_with_its_interval_and_that_of_the_cohort_before(self):
        """The band first reaches a half on day 10 below, and nowhere above."""
        assert charts.curve(curve(*STEPS)).sentence == (
            "Of those who signed in 2026Q3, half no longer waited after 43 days (95% interval 10 or more); "
            "of those who signed in 2026Q2, 60.0% still waited after 60 days."
        )

    def test_the_title_says_what_unit_and_which(self):
        assert charts.curve(curve(*STEPS)).title == (
            "Customers still without value, %, signed in 2026Q3, by days after the start"
        )

    def test_the_table_behind_has_round_days_up_to_where_each_was_followed(self):
        """60 days in steps of 5; the first cohort was followed for 50, the second falls on day 60 alone."""
        behind = charts.curve(curve(*STEPS)).table.listing.rows
        assert list(behind["days"]) == list(range(0, 61, 5))
        own, before = behind.set_index("days")["waiting"], behind.set_index("days")["before_0"]
        assert [own[day] for day in (0, 5, 10, 40, 45, 50)] == [1.0, 1.0, 0.75, 0.75, 0.5, 0.5]
        assert own[[55, 60]].isna().all()
        assert [before[day] for day in (0, 55, 60)] == [1.0, 1.0, 0.6]

    def test_who_left_is_a_line_of_its_own(self):
        told = [(*row[:5], row[2] if row[0].endswith("Q3") else None, row[6]) for row in STEPS]
        assert charts.curve(curve(*told)).svg != charts.curve(curve(*STEPS)).svg


class TestCascade:
    def test_the_sum_the_largest_part_and_the_waiting(self):
        """17.5 of 30 are 58.3 %; 17.5 + 8 = 25.5 of 30 are waiting."""
        assert charts.cascade(table("Where", PARTS, MEAN), "Mean time to value").sentence == (
            "Mean time to value: 30 days; the largest part is connectors with 17.5 days (58.3%); "
            "85.0% of the days were waiting."
        )

    def test_no_days_are_not_drawn(self):
        chart = charts.cascade(table("Where", PARTS, [("contract", 0, 0, 0, 0)]), "Mean time to value")
        assert (chart.svg, chart.sentence) == ("", "Mean time to value: 0 days, so nothing is drawn.")

    def test_without_a_cohort_before(self):
        found = table("Where", PARTS[:-1], [row[:-1] for row in MEAN])
        assert charts.cascade(found, "Mean").svg != charts.cascade(table("Where", PARTS, MEAN), "Mean").svg


class TestBridge:
    def drawn(self):
        columns = {
            "step": Column("Step"),
            "amount": Column("Amount", "money"),
            "monthly": Column("A month", "money_per_month"),
        }
        frame = pd.DataFrame(STEPS_TO_MRR, columns=list(columns)).astype({"amount": float, "monthly": float})
        return charts.bridge(Table(Listing("Sales", frame, columns, "None."), Context(Q3, "EUR")))

    def test_each_bar_begins_where_the_one_before_ended(self):
        svg = self.drawn().svg
        assert marks(svg) == [
            "Won: €100", "− one-off: −€40", "Bookings: €60", "Bookings, in a month: €5 per month",
            "+ more in MRR: +€2", "MRR won: €7 per month",
        ]  # fmt: skip
        won, off, booked, monthly, more, mrr = (reach(svg, words) for words in marks(svg))
        assert won[0] == booked[0] == monthly[0] == mrr[0]
        assert (off[1], off[0]) == pytest.approx((won[1], booked[1]))
        assert more == pytest.approx((monthly[1], mrr[1]))

    def test_the_sentence_has_what_steps_lead_to(self):
        assert self.drawn().sentence == ("Won: €100; Bookings: €60; MRR won: €7 per month.")


class TestCustomers:
    def test_how_many_are_where(self):
        assert charts.dots(table("Days", DOTS, CUSTOMERS), *OF_CUSTOMERS).sentence == (
            "Of 4 customers: 2 have value, the longest after 43 days; 1 still wait, the longest after 87 days; "
            "1 left before they had it, the longest after 30 days."
        )

    def test_the_longest_and_the_shortest_way_and_the_stage_of_most_days(self):
        """IT access is open on 37 days, the contract on 10, training on 8."""
        assert charts.timelines(table("Ways", STRETCHES, WAYS)).sentence == (
            "The longest way is that of Aye with 43 days, the shortest that of Cee with 5 days; the stage open on most "
            "days is it access."
        )

    def test_the_longest_way_is_on_top_and_work_lies_on_waiting(self):
        rows = [("Aye", "it_access", "waiting", 0, 9, 12, "A"), ("Bee", "training", "working", 2, 10, 43, "B")]
        svg = charts.timelines(table("Ways", STRETCHES, [*rows, ("Bee", "it", "waiting", 0, 20, 43, "B")])).svg
        assert [text for text in texts(svg) if text in ("Aye", "Bee")] == ["Bee", "Aye"]
        told = marks(svg)
        assert told.index("Bee, training, working: 8 days") > told.index("Aye, it access, waiting: 9 days")
        assert [text for text in texts(svg) if text in ("it", "training", "it access")] == ["it", "it access"]

    @pytest.mark.parametrize("name", NAMES)
    def test_any_name_is_drawn_and_escaped(self, name):
        rows = [(name, name, "waiting", 0, 5, 9, "A"), ("Bee", "other", "working", 2, 3, 4, "B")]
        bundle = charts.timelines(table("Ways", STRETCHES, rows))._repr_mimebundle_()
        ElementTree.fromstring(bundle[MIME]["svg"])
        assert "<script>" not in bundle["text/html"]

    def test_more_stages_than_shades_and_none_that_tells_its_kind(self):
        rows = [("Aye", f"stage {i}", None, i, i + 1, 9, "A") for i in range(9)]
        assert charts.timelines(table("Ways", STRETCHES, rows)).svg
