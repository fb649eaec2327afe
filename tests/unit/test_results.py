"""The long table: every digit survives, every segment has a name, and an address finds exactly its rows."""

import json
import math

import nbformat
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers import results
from helpers.errors import KitError
from helpers.periods import Calendar
from helpers.texts import csv_text

Q3 = Calendar().period("2026Q3")
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
number = st.floats(allow_nan=False, allow_infinity=False) | st.none()


def table(*rows):
    """Rows of (kpi_id, segment_by, segment, value), all of 2026Q3."""
    return results.frame([results.row(k, Q3, value, segment=(by, name)) for k, by, name, value in rows])


# --- every digit ------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(text, text, number), max_size=20))
@example([("", "", 0.1 + 0.2), ("", "", 5e-324), ("", "", 1.7976931348623157e308), ("", "", 1 / 3), ("", "", -0.0)])
def test_figures_come_back_equal_from_csv_and_from_the_notebook(tmp_path_factory, rows):
    blank = {**dict.fromkeys(results.COLUMNS, ""), **dict.fromkeys(results.NUMBERS), "kpi_id": "mrr"}
    made = results.from_records([{**blank, "segment": s, "params": p, "value": value} for s, p, value in rows])
    path = tmp_path_factory.mktemp("results") / "results.csv"
    path.write_text(csv_text(made), encoding="utf-8", newline="")
    output = nbformat.v4.new_output("display_data", {"application/json": results.records(made)})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[output])])
    read = nbformat.reads(nbformat.writes(notebook), as_version=4).cells[0].outputs[0].data["application/json"]
    for found in results.read_csv(str(path)), results.from_records(read):
        pd.testing.assert_frame_equal(found, made, check_dtype=False, check_exact=True)
        assert [value for *_, value in rows] == [None if math.isnan(value) else value for value in found["value"]]


def test_csv_holds_the_shortest_text_that_is_the_number():
    written = csv_text(table(("mrr", "", "", 0.1 + 0.2))).splitlines()[1]
    assert ",0.30000000000000004," in written


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_what_is_no_number_is_null_in_the_notebook(value):
    made = table(("mrr", "", "", 1.0)).assign(value=value)
    assert json.loads(json.dumps(results.records(made), allow_nan=False))[0]["value"] is None


# --- every segment has a name -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [None, math.nan, pd.NA, pd.NaT, ""])
def test_a_missing_segment_is_none_in_brackets(missing):
    row = results.row("mrr", Q3, 1, segment=("segment", missing))
    assert (row.segment_by, row.segment) == ("segment", "(none)")
    made = results.frame([results.Row("mrr", Q3, 1.0, "ok", "segment", missing)])
    assert made["segment"].tolist() == ["(none)"]


@pytest.mark.parametrize("missing", [None, math.nan, ""])
def test_the_total_has_no_segment_at_all(missing):
    row = results.row("mrr", Q3, 1, segment=("", missing))
    assert (row.segment_by, row.segment) == ("", "")


# --- addresses --------------------------------------------------------------------------------------------------------

TWICE = table(
    ("new_revenue", "", "", 10), ("new_revenue", "source", "upsell", 4), ("new_revenue", "source", "other", 6),
    ("new_revenue", "segment", "other", 9), ("new_revenue", "segment", "(none)", 1), ("mrr", "segment", "other", 5),
    ("mrr", "note", "segment: other", 7), ("mrr", "", "", 12),
)  # fmt: skip


@pytest.mark.parametrize(
    ("address", "value"),
    [
        ("new_revenue", 10),
        ("new_revenue[upsell]", 4),
        ("new_revenue[source: upsell]", 4),
        ("new_revenue[source: other]", 6),
        ("new_revenue[segment: other]", 9),
        ("new_revenue[(none)]", 1),
        ("mrr[other]", 5),
        ("mrr[segment: other]", 5),  # the dimension comes first, a value that reads like it has its own
        ("mrr[note: segment: other]", 7),
    ],
)
def test_an_address_finds_its_row(address, value):
    assert results.rows_of(TWICE, *results.split_address(address))["value"].tolist() == [value]


def test_a_value_of_several_dimensions_is_refused_with_the_way_to_say_it():
    with pytest.raises(KitError) as fault:
        results.rows_of(TWICE, "new_revenue", "other")
    assert str(fault.value) == (
        "new_revenue[other] is a segment of source and of segment; "
        "write new_revenue[source: other] or new_revenue[segment: other], in quotes in YAML"
    )


@pytest.mark.parametrize("address", ["nrr", "nrr[x]", "new_revenue[source: nope]", "new_revenue[stage: upsell]"])
def test_an_address_of_nothing_finds_no_row(address):
    assert results.rows_of(TWICE, *results.split_address(address)).empty


def test_every_row_is_found_again_by_its_own_segment():
    for i, row in TWICE.iterrows():
        assert results.rows_of(TWICE, row["kpi_id"], results.segment_of(row)).index.tolist() == [i]


def test_an_empty_table_has_no_rows():
    assert results.rows_of(results.frame([]), "mrr", "x").empty
    assert results.rows_of(results.from_records([]), "mrr").empty
