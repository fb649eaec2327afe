"""Charts of what is given and got, of how often a number comes, and of commitments and items as dots."""

from datetime import date
from xml.etree import ElementTree

import pandas as pd
import pytest

from helpers.display import charts
from helpers.display.blocks import Heading
from helpers.display.context import Context
from helpers.display.shown_tables import Table
from helpers.pack.rich_text import markdown_parts
from helpers.results import Column, Listing
from tests.unit.display.fake_review import NAMES, Q3
from tests.unit.display.forms import assert_picture_sentence_and_table

AMOUNTS = {"customer": Column("Customer"), "paid": Column("Amount paid", "money"), "value": Column("Value", "money")}
OPTIONS = {"options": Column("Options"), "deals": Column("Deals", "count"), "rate": Column("Won", "share")}
PROMISES = {
    "name": Column("Promise"),
    "on": Column("On", "date"),
    "days": Column("Days", "days"),
    "state": Column("State"),
}
PAID = (("Aye", 1000, 2000), ("Bee", 50_000, 25_000), ("Cee", 400, 400), ("Dee", 500, 0), ("Eff", None, 70))
OFFERED = (("1 option", 30, 0.2), ("2 options", 10, 0.5))


def table(columns, rows):
    frame = pd.DataFrame(rows, columns=list(columns))
    return Table(Listing("What there is", frame, columns, "Nobody is here.", "x"), Context(Q3, "EUR"))


def scatter(rows=PAID):
    return charts.scatter(table(AMOUNTS, rows), "paid", "value", "customers")


def promises(*rows):
    return charts.dots(table(PROMISES, rows), "on", "days", "commitments")


@pytest.mark.parametrize("draw", [scatter, lambda: charts.counts(table(OPTIONS, OFFERED))], ids=["scatter", "counts"])
def test_every_form_is_a_picture_a_sentence_and_a_table(draw):
    assert_picture_sentence_and_table(draw)


def test_who_got_as_much_as_it_gave_is_counted_and_all_together():
    """Aye and Cee of the three with both; 2,000 + 25,000 + 400 of 1,000 + 50,000 + 400 is 0.53."""
    assert scatter().sentence == (
        "2 of 3 customers lie on the line or above it; together, the value is 0.53 times the amount paid."
    )


def test_without_both_amounts_nothing_is_drawn():
    chart = scatter(PAID[3:])
    assert (chart.svg, chart.sentence) == ("", "None of the customers has both amounts above 0, so nothing is drawn.")
    assert scatter(()).sentence == "Nobody is here."


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
