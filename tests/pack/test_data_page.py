"""The data page: in the appendix of HTML and PDF, the same as what a check tells, and no customer's key on it."""

import re

import pytest

from helpers.check import check_order
from helpers.display.context import Results
from helpers.display.data_page import DataPage
from helpers.display.plain_words import plain, plain_cell
from helpers.language import _, speaking
from helpers.params import Review
from helpers.results import frame
from tests.canonical import source
from tests.pack.requests import made_request, request_of


@pytest.fixture(scope="module")
def checked(company):
    return check_order(request_of(company), lambda step: None)


@pytest.fixture(scope="module")
def page(built):
    """The data page of the HTML, as the texts of its tables: caption -> rows of cells."""
    from bs4 import BeautifulSoup

    found = BeautifulSoup((built.folder / "pack.html").read_text(), "html.parser")
    (heading,) = found.select("h3#pack\\.data")
    tables = {}
    for table in heading.find_parent("details").find_all("table"):
        rows = table.tbody.find_all("tr")
        tables[table.caption.get_text()] = [[c.get_text() for c in row.find_all(["th", "td"])] for row in rows]
    return tables


def in_words(rows):
    """The rows of a check as pages tell them: tables and reasons in words."""
    return [[plain(plain_cell(cell)) for cell in row] for row in rows]


def told(checked) -> dict[str, list[list[str]]]:
    return {one["title"]: one["table"]["rows"] for one in checked.told() if "table" in one}


def test_the_pack_shows_what_a_check_tells(page, checked):
    expected = told(checked)
    assert page["What was read"] == in_words(expected["What was read"])
    assert dict(page["What each table feeds"])["stage history"] == "Pipeline conversion"
    themes = "Customer performance; Pipeline conversion; New revenue; Unit economics; KPI experiments"
    assert dict(page["What each table feeds"])["deals"] == themes
    assert dict(expected["What each table feeds"])["stage_history"].startswith("Pipeline conversion; Records that")
    assert page["What was left out, and why"] == in_words(row[:-1] for row in expected["What was left out, and why"])


def test_counts_add_up(page):
    read = {row[0]: [int(text.replace(",", "")) for text in row[1:4]] for row in page["What was read"]}
    out = dict.fromkeys(read, 0)
    for name, _why, rows in page["What was left out, and why"]:
        out[name] += int(rows.replace(",", ""))
    for name, (rows_read, used, left_out) in read.items():
        assert rows_read == used + left_out, name
        assert left_out == out[name], name


def test_examples_are_for_a_check_alone(built, checked):
    reasons = {row[1]: row[-1] for row in told(checked)["What was left out, and why"]}
    example = reasons["merged into another customer"]
    assert re.fullmatch(r"C-\d{6}", example)
    html = (built.folder / "pack.html").read_text()
    assert example not in html[html.index('id="pack.data"') :]


def test_the_pdf_has_the_page_and_the_way_to_it(pdf_pages):
    (number,) = [i for i, text in enumerate(pdf_pages, start=1) if "What was read" in text]
    assert any("What was left out, and why" in text for text in pdf_pages[number - 1 : number + 1])
    assert re.search(rf"counted under Data, in the appendix, page {number}\.", " ".join(pdf_pages))


def changes(built):
    html = (built.folder / "pack.html").read_text()
    return html[html.index('id="pack.changes"') : html.index("</section>", html.index('id="pack.changes"'))]


def test_before_comparing_a_reader_learns_only_what_matters(built):
    assert "test customer" not in changes(built)


def test_before_comparing_a_reader_learns_what_the_data_warns_of(build, tmp_path):
    books = source(
        deals="deal_id | created_at\nD1 | 2026-01-01",
        customers="customer_id | name | signed_up_on\nA | Aye | 2026-03-01",
        tickets="ticket_id | customer_id | created_at\nT1 | A | 2026-02-01\nT2 | A | 2026-04-01",
    )
    review = Review(company="Fine Co", themes={"new_revenue": {}})
    built = build(made_request(review, books, {"period": "2026Q3"}), tmp_path)
    assert "Tickets created before their customer&#39;s sign-up: 1 of 2." in changes(built)


def test_where_every_section_left_nothing_the_rows_are_still_counted(checked):
    whole = checked.review.page
    page = DataPage(whole.report, Results(frame([]), whole.results.context))
    assert page.lacking == page.refused == []
    read, *_, feeds, missing = page.tables()
    assert list(read.listing.rows["Rows read"]) == [told["read"] for told in page._tables.values()]
    assert set(feeds.listing.rows["Feeds"]) == {"No KPI of this review"}
    assert missing.listing.rows.empty


def test_tables_and_columns_are_named_in_the_language_of_the_pack(checked):
    page, lacks = checked.review.page, re.compile(r"[a-z]+_[a-z]+|\b(customers|users|deals)\b")
    with speaking("ru"):
        read = [table.resource() for table in page.tables(examples=False)]
        words = [str(row[name]) for table in read for row in table["data"] for name in (_("Table"),) if name in row]
    assert {"клиенты", "история этапов", "курсы валют"} <= set(words)
    assert [word for word in words if lacks.search(word)] == []
