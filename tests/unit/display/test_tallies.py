"""Charts of what is given and got, of how often a number comes, and of commitments and items as dots."""

from datetime import date
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from helpers.display import charts
from helpers.display.blocks import Heading
from helpers.display.charts import risk
from helpers.display.charts.tallies import _ticks
from helpers.display.context import Context
from helpers.display.shown_tables import Table
from helpers.pack.rich_text import markdown_parts
from helpers.results import Column, Listing
from tests.unit.display.fake_review import NAMES, Q3
from tests.unit.display.forms import assert_picture_sentence_and_table, marks

AMOUNTS = {"customer": Column("Customer"), "paid": Column("Amount paid", "money"), "value": Column("Value", "money")}
OPTIONS = {"options": Column("Options"), "deals": Column("Deals", "count"), "rate": Column("Won", "share")}
PROMISES = {
    "name": Column("Promise"),
    "on": Column("On", "date"),
    "days": Column("Days", "days"),
    "state": Column("State"),
}
CALLS = {
    "customer": Column("Customer"),
    "mrr": Column("MRR", "money_per_month"),
    "arr_due_90": Column("ARR due in 90 days", "money"),
    "arr_due_180": Column("ARR due in 180 days", "money", on_pages=False),
    "days_silent": Column("Days silent", "days"),
    "days_to_renewal": Column("Days to renewal", "days"),
}
SILENT = (
    ("Aye", 1000, 12_000, 12_000, 30, 40), ("Bee", 5000, 0, 60_000, 20, 120), ("Cee", 300, 2400, 2400, 90, 10),
    ("Dee", 100, 0, 0, 15, 300), ("Eff", 70, 0, 0, 15, None), ("Gee", 60, 0, 0, None, 45),
)  # fmt: skip
PAID = (("Aye", 1000, 2000), ("Bee", 50_000, 25_000), ("Cee", 400, 400), ("Dee", 500, 0), ("Eff", None, 70))
OFFERED = (("1 option", 30, 0.2), ("2 options", 10, 0.5))


def table(columns, rows):
    frame = pd.DataFrame(rows, columns=list(columns))
    return Table(Listing("What there is", frame, columns, "Nobody is here."), Context(Q3, "EUR"))


def scatter(rows=PAID):
    return charts.scatter(table(AMOUNTS, rows), "paid", "value", "customers")


def promises(*rows):
    return charts.dots(table(PROMISES, rows), "on", "days", "commitments")


def at_risk(rows=SILENT, columns=CALLS):
    return charts.at_risk(table(columns, rows))


@pytest.mark.parametrize(
    "draw",
    [scatter, lambda: charts.counts(table(OPTIONS, OFFERED)), at_risk],
    ids=["scatter", "counts", "at risk"],
)
def test_every_form_is_a_picture_a_sentence_and_a_table(draw):
    assert_picture_sentence_and_table(draw)


def test_who_got_as_much_as_it_gave_is_counted_and_all_together():
    """Aye and Cee of the three with both; 2,000 + 25,000 + 400 of 1,000 + 50,000 + 400 is 0.53."""
    assert scatter().sentence == (
        "2 of 3 customers lie on the line or above it; together, “Value” is 0.53 times “Amount paid”."
    )


def test_what_is_due_soon_of_silent_customers_is_counted_and_its_largest_named():
    """12,000 + 2,400 of two customers within 90 days; Eff has no renewal day, Gee was never active."""
    chart = at_risk()
    assert chart.sentence == (
        "2 of 6 inactive customers have ARR due within 90 days, €14,400 together; the largest is Aye with €12,000, "
        "due in 40 days and silent for 30 days. Of 2 the renewal or the last use is not known."
    )
    assert chart.table.rows["customer"].tolist() == ["Bee", "Aye", "Cee", "Dee", "Eff", "Gee"]  # by ARR due, then MRR
    assert at_risk(SILENT[3:4]).sentence == "None of the 1 inactive customers has ARR due within 90 days."


def test_a_dot_says_what_it_is_of_and_a_renewal_that_is_past():
    past = ("Hee", 500, 600, 600, 9, -3)
    told = marks(at_risk((*SILENT, past)).svg)
    assert "Aye: silent for 30 days, renewal in 40 days, ARR due €12,000" in told
    assert "Hee: silent for 9 days, past renewal, ARR due €600" in told
    assert len(told) == 5  # all but Eff and Gee
    assert at_risk((past, SILENT[3])).sentence.endswith("the largest is Hee with €600.")


def test_without_renewal_days_nothing_is_drawn():
    assert at_risk(SILENT[4:]).sentence == "Of no inactive customer both the renewal day and the last use are known."
    kept = {name: column for name, column in CALLS.items() if not name.startswith("arr_due")}
    chart = at_risk([(row[0], row[1], *row[4:]) for row in SILENT], kept)
    told = "The source tells no renewal day of subscriptions, so it is not known what is due."
    assert (chart.svg, chart.sentence) == ("", told)
    assert told in chart._repr_mimebundle_()["text/plain"]
    assert "Aye" not in chart._repr_mimebundle_()["text/plain"]  # the call list stands below it


def test_no_name_lies_on_another_nor_on_a_dot(monkeypatch):
    """25 customers at places drawn by lot, with the names that their dots got."""
    found = {}

    def name_and_look(drawn, dots, names, place=risk._name):
        place(drawn, dots, names)
        by_name = {text.get_text(): text.get_window_extent() for text in drawn.axes.texts}
        found["names"] = [by_name[name] for name in names if name in by_name]
        found["dots"] = [line.get_window_extent() for line in drawn.axes.lines if line.get_marker() == "o"]

    monkeypatch.setattr(risk, "_name", name_and_look)
    places = np.random.default_rng(7).integers(1, 90, (25, 2)).tolist()
    assert at_risk([(f"Customer number {i}", 100, i * 10, i * 10, *at) for i, at in enumerate(places)]).svg
    assert (len(found["dots"]), len(found["names"]) >= 5) == (25, True)
    for i, box in enumerate(found["names"]):
        assert not box.count_overlaps([*found["names"][:i], *found["dots"]])


def test_without_both_amounts_nothing_is_drawn():
    chart = scatter(PAID[3:])
    assert (chart.svg, chart.sentence) == ("", "Of 2 customers, none has both amounts above 0, so nothing is drawn.")
    assert scatter(()).sentence == "Nobody is here."


@pytest.mark.parametrize("most", [2_100, 9_000, 45_000, 3_000_000, 2_000_000_000])
def test_ticks_stand_evenly_on_a_scale_of_steps(most):
    ticks = _ticks(800, most)
    assert 2 <= len(ticks) <= 8
    assert all(after / before == pytest.approx(ticks[1] / ticks[0]) for before, after in pairwise(ticks))
    assert 800 <= ticks[0] <= ticks[-1] <= most


@pytest.mark.parametrize("paid", [0.01, 5, 1e9])
def test_one_customer_of_any_size_is_drawn(paid):
    assert scatter((("Aye", paid, paid * 1.5),)).svg


def test_the_most_frequent_number_is_told():
    chart = charts.counts(table(OPTIONS, OFFERED))
    assert chart.sentence == "Options: most often 1 option, with 30 of 40 (75.0%)."
    assert charts.counts(table({"options": OPTIONS["options"], "deals": OPTIONS["deals"]}, [("1", 1)])).svg


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_drawn(name):
    ElementTree.fromstring(charts.counts(table(OPTIONS, [(name, 3, 0.5)])).svg)


def test_late_and_undelivered_commitments_are_told_apart():
    day = date(2026, 7, 10)
    chart = promises(
        ("a", day, 0, "on time"), ("b", day, -3, "on time"), ("c", day, 4, "late"), ("d", day, 9, "not delivered")
    )
    assert chart.sentence == (
        "Of 4 commitments: 2 on time; 1 late, by 4 days at most; 1 not delivered, 9 days late so far at most."
    )


def test_a_heading_of_a_register_is_text_and_nothing_else():
    """Whatever an outcome says, no mark of it is read: no second heading, no link, no picture, no emphasis."""
    words = "# a\n\n## b *c* [d](http://e.example) ![f](g) <b>h</b> `i` ~j~ http://k.example 1. l\n- m | n"
    bundle = Heading("**t** <i>", words)._repr_mimebundle_()
    heading, *rest = markdown_parts(bundle["text/markdown"])
    assert (heading["type"], heading["text"]) == ("heading", "**t** <i>")
    assert len(rest) == 1
    assert "![f](g) <b>h</b> `i` ~j~ http://k.example 1. l - m | n" in str(rest)
    assert "link" not in str(rest)
