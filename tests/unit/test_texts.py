"""CSV: what is written comes back, numbers stay numbers, and no spreadsheet finds a formula in a text."""

import csv
import io

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers.texts import csv_text, protected, read_csv_text, restored

STARTERS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# texts made of what could break something, and any other character but halves of characters, which no file can hold
texts = st.text(alphabet=st.sampled_from("=+-@\t\r\n;,'\"a 1＝")) | st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("+49 30 1234", "'+49 30 1234"),
        ("-12.5", "'-12.5"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        ("＝1", "'＝1"),
        ("a;=1+1", "a;'=1+1"),
        ('a;"=1+1', "a;'\"=1+1"),
        ("a\n=1+1", "a\n'=1+1"),
        ("'=1", "''=1"),
        ("'t Hooft", "'t Hooft"),
        ("C-000038", "C-000038"),
        ("a-b = c", "a-b = c"),
        ('{"basis": "acv", "gap": -1}', '{"basis": "acv", "gap": -1}'),
        ("", ""),
    ],
)
def test_only_what_a_spreadsheet_would_calculate_gets_an_apostrophe(text, safe):
    assert protected(text) == safe
    assert restored(safe) == text


@given(texts)
@example("'")
@example("''=")
@example("';'=")
def test_protection_is_undone_exactly(text):
    assert restored(protected(text)) == text


@given(st.lists(texts, min_size=1, max_size=4))
@example(["a\rb"])
@example(["a\x00b"])
@example([""])
def test_a_table_comes_back_as_it_was_written(tmp_path_factory, cells):
    path = tmp_path_factory.mktemp("csv") / "table.csv"
    table = pd.DataFrame({"key": [f"C-{i}" for i in range(len(cells))], "name": cells}, dtype=str)
    path.write_text(csv_text(table), encoding="utf-8", newline="")
    assert read_csv_text(path)["name"].tolist() == cells


@settings(deadline=None)
@given(texts)
def test_a_column_may_have_any_name(tmp_path_factory, name):
    path = tmp_path_factory.mktemp("csv") / "table.csv"
    path.write_text(csv_text(pd.DataFrame({"key": ["1"], f"x{name}": ["2"]})), encoding="utf-8", newline="")
    assert list(read_csv_text(path).columns) == ["key", f"x{name}"]


@given(texts)
@example('a;"=1+1;"')
@example("a;'=1+1")
def test_no_cell_begins_a_formula_whatever_parts_the_cells(text):
    written = csv_text(pd.DataFrame({"key": ["k"], "name": [text], "change": [1.5]}))
    for delimiter in ",;\t":
        rows = csv.reader(io.StringIO(written, newline=""), delimiter=delimiter)
        assert not [cell for row in rows for cell in row if cell.startswith(STARTERS)]


def test_numbers_keep_their_sign_and_missing_ones_stay_empty():
    table = pd.DataFrame({"change": [-12.5, None, 0.1 + 0.2], "text": ["-12.5", None, "x"], "count": [-3, 0, 7]})
    assert csv_text(table) == "change,text,count\n-12.5,'-12.5,-3\n,,0\n0.30000000000000004,x,7\n"
