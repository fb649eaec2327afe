import json
from datetime import date
from html.parser import HTMLParser

import pandas as pd
import pytest

from helpers.display.context import MIME_TABLE, Context
from helpers.display.notebook import _whole_table
from helpers.display.shown_tables import Table, table_from_resource, table_text
from helpers.language import speaking
from helpers.results import Column, Listing
from tests.unit.display.fake_review import NAMES, Q3

CONTEXT = Context(Q3, "EUR")
COLUMNS = {
    "name": Column("Customer"),
    "lost_on": Column("Lost on", "date"),
    "mrr": Column("MRR lost", "money_per_month"),
    "tenure": Column("Tenure", "days"),
    "tickets": Column("Tickets", "count"),
}


def lost(*rows, **more):
    frame = pd.DataFrame(list(rows), columns=list(COLUMNS))
    return Table(Listing("Lost customers", frame, COLUMNS, "No customer was lost.", **more), CONTEXT)


class Page(HTMLParser):
    """The tags and texts of a piece of HTML."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)


def test_values_in_the_resource_are_typed():
    found = lost(("Aye", date(2026, 7, 3), 1_200.5, 40, 3), ("Bee", None, None, 2.5, None)).resource()
    assert [field["type"] for field in found["schema"]["fields"]] == ["string", "date", "number", "number", "number"]
    assert found["schema"]["fields"][2] == {
        "name": "mrr", "type": "number", "title": "MRR lost", "unit": "money_per_month", "on_pages": True,
    }  # fmt: skip
    assert found["data"] == [
        {"name": "Aye", "lost_on": "2026-07-03", "mrr": 1200.5, "tenure": 40.0, "tickets": 3},
        {"name": "Bee", "lost_on": None, "mrr": None, "tenure": 2.5, "tickets": None},
    ]
    assert json.loads(json.dumps(found)) == found


def test_a_reader_sees_values_by_their_unit():
    shown = table_from_resource(lost(("Aye", "2026-07-03", 1_200.5, 40, 3), ("Bee", None, None, 2.5, None)).resource())
    assert shown["rows"] == [["Aye", "3 Jul 2026", "€1,201", "40.0", "3"], ["Bee", "–", "–", "2.5", "–"]]
    assert [column["align"] for column in shown["columns"]] == ["left", "left", "right", "right", "right"]


def test_rows_that_the_page_leaves_out_are_counted_and_their_file_is_named():
    rows = [(f"C{i}", None, i, i, i) for i in range(37)]
    table = lost(*rows, top=10, export="renewals_due", note="By MRR.")
    shown = table_from_resource(table.resource())
    assert shown["note"] == "10 of 37 shown; all in exports/renewals_due.csv. By MRR."
    assert len(shown["rows"]) == 10
    assert len(table.resource()["data"]) == 37
    assert table_from_resource(lost(*rows[:3], top=10, export="renewals_due").resource())["note"] == ""


def test_the_total_is_of_all_rows_and_is_none_of_them():
    """1 + 2 + … + 12 = 78 tickets, and 78,000 of MRR, of which the page shows the rows of 1, 2 and 3."""
    rows = [(f"C{i}", None, i * 1_000, i, i) for i in range(1, 13)]
    table = lost(*rows, top=3, total=("mrr", "tickets", "a column that is not there"))
    shown = table_from_resource(table.resource())
    assert shown["total"] == ["Total of 12 rows", "", "€78,000", "", "78"]
    assert len(shown["rows"]) == 3
    assert len(table.resource()["data"]) == 12
    assert table_text(shown).splitlines()[-2].split() == ["Total", "of", "12", "rows", "€78,000", "78"]
    page = Page(table._repr_mimebundle_()["text/html"])
    assert [tag for tag, _ in page.tags].count("tfoot") == 1
    assert page.texts[page.texts.index("Total of 12 rows") + 1] == "€78,000"


def test_a_total_stands_only_below_several_rows_and_passes_over_what_is_missing():
    names = ("mrr",)
    assert table_from_resource(lost(("Aye", None, 5, 1, 1), total=names).resource())["total"] == []
    assert table_from_resource(lost(total=names).resource())["total"] == []
    assert table_from_resource(lost(("Aye", None, 5, 1, 1), ("Bee", None, 6, 1, 1)).resource())["total"] == []
    two = lost(("Aye", None, 5, 1, 1), ("Bee", None, None, 1, 1), total=names, group="name")
    assert table_from_resource(two.resource())["total"] == ["", "Total", "€5", "", ""]


def test_a_column_that_is_not_for_pages_stands_in_the_resource_alone():
    columns = {"name": Column("Customer"), "contact": Column("Contact", on_pages=False), "mrr": Column("MRR", "count")}
    frame = pd.DataFrame([("Aye", "a@x.org", 3)], columns=list(columns))
    found = Table(Listing("Calls", frame, columns, "Nobody."), CONTEXT).resource()
    assert found["data"] == [{"name": "Aye", "contact": "a@x.org", "mrr": 3}]
    assert [field["on_pages"] for field in found["schema"]["fields"]] == [True, False, True]
    shown = table_from_resource(found)
    assert [column["label"] for column in shown["columns"]] == ["Customer", "MRR"]
    assert (shown["rows"], shown["values"]) == ([["Aye", "3"]], [["Aye", 3]])


def test_the_group_is_the_number_of_its_column_among_those_shown():
    columns = {"id": Column("Id", on_pages=False), "name": Column("Customer"), "owner": Column("Owner")}
    frame = pd.DataFrame([(1, "Aye", "Kim")], columns=list(columns))
    grouped = Table(Listing("Calls", frame, columns, "Nobody.", group="owner"), CONTEXT)
    assert table_from_resource(grouped.resource())["group"] == 1
    assert table_from_resource(lost(("Aye", None, 1, 1, 1)).resource())["group"] is None


def test_a_notebook_holds_the_rows_of_a_long_table_once_and_shows_the_first_of_them():
    """61 rows, of which 60 are shown; the data has all."""
    bundle = lost(*((f"Customer {i}", "2026-07-03", 100, 10, i) for i in range(61)))._repr_mimebundle_()
    assert len(bundle[MIME_TABLE]["data"]) == 61
    assert bundle["text/html"].count("<tr>") == 1 + 60
    assert len(bundle["text/plain"].splitlines()) == 2 + 60 + 1  # title and heads before, the note after
    assert "Customer 60" not in bundle["text/html"] + bundle["text/plain"]
    for shown in ("text/html", "text/plain"):
        assert "60 of 61 shown" in bundle[shown]


def test_a_table_that_shows_few_rows_on_pages_shows_them_in_a_notebook():
    page = lost(*((f"Customer {i}", "2026-07-03", 100, 10, i) for i in range(9)), top=5)._repr_mimebundle_()[
        "text/html"
    ]
    assert (page.count("<tr>"), "5 of 9 shown" in page) == (1 + 5, True)


@pytest.mark.parametrize(("cells", "drawn"), [(["0 3 1", None], True), (["0 3 1", "three"], False), ([], True)])
def test_a_series_is_marked_where_all_of_it_can_be_drawn(cells, drawn):
    columns = {"name": Column("Customer"), "weeks": Column("Week by week", "series")}
    frame = pd.DataFrame([("Aye", cell) for cell in cells], columns=list(columns))
    shown = table_from_resource(Table(Listing("Weeks", frame, columns, "Nobody."), CONTEXT).resource())
    assert shown["columns"][1].get("series", False) is drawn
    assert [row[1] for row in shown["rows"]] == [cell or "–" for cell in cells]


def test_no_rows_are_told_in_a_sentence():
    bundle = lost()._repr_mimebundle_()
    assert "No customer was lost." in bundle["text/html"]
    assert "<table" not in bundle["text/html"]
    assert bundle["text/plain"] == "Lost customers: No customer was lost."
    assert bundle[MIME_TABLE]["data"] == []


def test_a_listing_without_columns_is_its_sentence():
    empty = Table(Listing("Lost customers", pd.DataFrame(), {}, "Not provided: deals."), CONTEXT)
    assert empty._repr_mimebundle_()["text/plain"] == "Lost customers: Not provided: deals."


def test_html_is_a_table_for_every_reader():
    page = Page(lost(("Aye", "2026-07-03", 1_200.5, 40, 3))._repr_mimebundle_()["text/html"])
    heads = [attrs for tag, attrs in page.tags if tag == "th"]
    assert [attrs["scope"] for attrs in heads] == ["col"] * 5 + ["row"]
    assert [attrs.get("class") for attrs in heads[:5]] == [None, None, "num", "num", "num"]
    assert "caption" in [tag for tag, _ in page.tags]
    assert [attrs.get("data-sort") for tag, attrs in page.tags if tag == "td"] == ["2026-07-03", "1200.5", "40.0", None]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_text_everywhere(name):
    columns = {"a": Column(name), "b": Column("MRR", "money")}
    frame = pd.DataFrame({"a": [name], "b": [1]})
    html = Table(Listing(name, frame, columns, name, note=name), CONTEXT)._repr_mimebundle_()["text/html"]
    page = Page(html)
    assert {tag for tag, _ in page.tags} <= {"div", "table", "caption", "thead", "tbody", "tr", "th", "td", "p"}
    assert page.texts.count(name) == 4  # caption, heading, cell, note
    assert dict(page.tags[0][1])["aria-label"] == name


def test_a_plain_data_frame_looks_the_same():
    frame = pd.DataFrame(
        {
            "name": ["x", None],
            "n": [1_000, 2],
            "rate": [0.5, -1_234.25],
            "on": pd.to_datetime(["2026-01-01 00:00", "2026-02-01 10:30"]),
            "won": [True, False],
        }
    )
    shown = table_from_resource(json.loads(frame.to_json(orient="table")))
    assert shown["rows"] == [
        ["x", "1,000", "0.50", "1 Jan 2026", "yes"],
        ["–", "2", "−1,234.25", "1 Feb 2026 10:30", "no"],
    ]
    assert [column["label"] for column in shown["columns"]] == ["name", "n", "rate", "on", "won"]
    assert shown["title"] == ""
    assert table_text(shown).splitlines()[0].split() == ["name", "n", "rate", "on", "won"]


def test_an_index_that_says_something_is_kept():
    named = pd.DataFrame({"n": [1]}, index=pd.Index(["Aye"], name="customer"))
    assert table_from_resource(json.loads(named.to_json(orient="table")))["rows"] == [["Aye", "1"]]
    filtered = pd.DataFrame({"n": [1, 2]})[1:]
    assert table_from_resource(json.loads(filtered.to_json(orient="table")))["rows"] == [["1", "2"]]


def test_numbers_are_written_as_the_locale_in_force_does():
    resource = json.loads(pd.DataFrame({"n": [1234.5]}).to_json(orient="table"))
    with speaking("en", locale="de_DE"):
        assert table_from_resource(resource)["rows"] == [["1.234,5"]]


def test_a_column_of_days_names_them_once():
    fields = [
        {"name": "a", "title": "Tenure", "unit": "days"},
        {"name": "b", "title": "Days to renewal", "unit": "days"},
    ]
    shown = table_from_resource({"schema": {"fields": fields}, "data": [{"a": 3, "b": 4}], "currency": "EUR"})
    assert [column["label"] for column in shown["columns"]] == ["Tenure, days", "Days to renewal"]


def test_a_plain_table_in_a_notebook_is_carried_whole():
    frame = pd.DataFrame({"n": range(200)})
    assert len(_whole_table(frame)["data"]) == 200
