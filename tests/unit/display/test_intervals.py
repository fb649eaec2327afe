"""The chart of estimates with their intervals: effects of experiments, links, what a score was worth."""

import pandas as pd
import pytest

from helpers.display import charts
from helpers.display.context import Context
from helpers.display.palette import LINE
from helpers.display.shown_tables import Table
from helpers.results import Column, Listing
from tests.unit.display.fake_review import NAMES, Q3
from tests.unit.display.forms import assert_picture_sentence_and_table, texts

EFFECTS = {
    "experiment": Column("Experiment"), "value": Column("Effect", "ratio"), "low": Column("from", "ratio"),
    "high": Column("to", "ratio"),
}  # fmt: skip
ROWS = (("price", 0.9, 0.4, 1.5), ("tips", 0.1, -0.4, 0.6), ("harm", -0.8, -1.2, -0.2), ("few", 2.0, None, None))


def table(rows=ROWS, columns=EFFECTS):
    frame = pd.DataFrame(rows, columns=list(columns))
    return Table(Listing("What came of it", frame, columns, "Refused: too little."), Context(Q3, "EUR"))


def test_it_is_a_picture_a_sentence_and_a_table():
    assert_picture_sentence_and_table(lambda: charts.intervals(table(), marks=[-1, 1], key="dotted: the least effect"))


def test_the_lines_that_intervals_are_held_against_lie_on_the_grid():
    svg = charts.intervals(table(), marks=[-1, 1]).svg
    assert (
        svg.rindex(f"stroke: {LINE}") < svg.index("stroke-dasharray") < svg.index(f"stroke: {Context(Q3, 'EUR').ink}")
    )


@pytest.mark.parametrize(
    ("nothing", "sentence"),
    [
        (0.0, "Of 3, the interval of 2 excludes 0.00: price, harm."),
        (0.5, "Of 3, the interval of 1 excludes 0.50: harm."),
        (-0.3, "Of 3, the interval of 1 excludes −0.30: price."),
    ],
)
def test_the_sentence_names_those_that_differ(nothing, sentence):
    """By hand: 0.4 to 1.5, −0.4 to 0.6 and −1.2 to −0.2; what has no interval is not among them."""
    assert charts.intervals(table(), nothing=nothing).sentence == sentence


def test_none_that_differs_is_told():
    assert charts.intervals(table(ROWS[1:2])).sentence == "Of 1, the interval of none excludes 0.00."


@pytest.mark.parametrize("given", [table(()), table(ROWS[3:]), table((), {})], ids=["no row", "no interval", "refused"])
def test_what_has_no_interval_is_told_and_not_drawn(given):
    """A table that is refused has not even columns."""
    found = charts.intervals(given)
    assert (found.svg, found.sentence) == ("", "Refused: too little.")


@pytest.mark.parametrize("name", NAMES)
def test_names_are_text(name):
    assert charts.intervals(table(((name, 0.9, 0.4, 1.5),))).svg.startswith("<svg")


def test_no_two_ticks_have_the_same_words():
    shown = [text for text in texts(charts.intervals(table((("tiny", 0.001, -0.012, 0.009),))).svg) if "0.0" in text]
    assert len({*shown[:-1]}) == len(shown) - 1  # the last one is the value itself
