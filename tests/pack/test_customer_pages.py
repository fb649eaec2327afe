"""The page that a customer is shown: its own confirmations and nothing of anybody else, safe whatever it is called."""

import re
import time
from datetime import date
from types import SimpleNamespace

import pytest
from bs4 import BeautifulSoup

from helpers.language import retold, speaking
from helpers.pack.customer_pages import customer_pages, file_names, write_customer_pages
from helpers.pack.run import Executed
from tests.pack import fixtures as made
from tests.pack.hostile import COMPANY, NAMES, shown

REVIEWS = ("2026-03-30", "2026Q1", 1000.0), ("2026-06-28", "2026Q2", 2500.0), ("2026-06-29", "2026Q2", 500.0)


def asked(company="Fine & Co", until=date(2026, 9, 30), colour="#1f4e79"):
    """A request, as far as these pages ask for it."""
    review = SimpleNamespace(company=company, brand=SimpleNamespace(colour=colour))
    return SimpleNamespace(review=review, period=SimpleNamespace(measured_on=until))


def line(state, day, amount, quarter="", what=None, customer_id="A", customer="Aye", currency="EUR"):
    return {
        "customer_id": customer_id, "customer": customer, "state": state, "day": day, "amount": amount,
        "quarter": quarter, "what": what, "currency": currency,
    }  # fmt: skip


def stated(*more, since="2025-06-01", paid=2000.0, **own):
    """Three confirmations of 4,000 in all, and what was invoiced."""
    confirmed = [line("confirmed", day, amount, quarter, "Review", **own) for day, quarter, amount in REVIEWS]
    return [line("served", since, paid, **own), *confirmed, *more]


def page_of(rows, **looks):
    (page,) = customer_pages(rows, asked(**looks)).values()
    return BeautifulSoup(page, "html.parser")


def figures(page):
    pairs = page.find("dl").find_all("div")
    return {pair.dt.get_text(): pair.dd.find(string=True) for pair in pairs}


def test_a_page_says_what_was_confirmed_by_quarter_and_one_by_one():
    page = page_of(stated())
    assert figures(page) == {
        "Value that you confirmed": "€4,000", "Invoiced to you, without tax": "€2,000",
        "Value for each 1.00 invoiced": "2.00",
    }  # fmt: skip
    quarters, reviews = page.find_all("table")
    assert [[cell.get_text() for cell in row.find_all(["th", "td"])[:2]] for row in quarters.tbody.find_all("tr")] == [
        ["2026Q1", "€1,000"], ["2026Q2", "€3,000"],
    ]  # fmt: skip
    assert [row.td.get_text() for row in reviews.tbody.find_all("tr")] == ["29 Jun 2026", "28 Jun 2026", "30 Mar 2026"]
    assert "Until 30 Sept 2026" in page.get_text()


@pytest.mark.parametrize("language", ["ru", "zh_Hans"])
def test_a_page_in_another_language_has_the_same_sums(language):
    with speaking(language, locale="en_GB"):
        rows = [{**row, "state": retold(row["state"])} for row in stated(line("not confirmed", "2026-09-20", 777.0))]
        found = list(figures(page_of(rows)).values())
        assert rows[0]["state"] != "served"
    assert found == ["€4,000", "€2,000", "2.00"]


def test_what_is_not_confirmed_stands_apart_and_in_no_sum():
    page = page_of(stated(line("not confirmed", "2026-09-20", 777.0, "2026Q3", "Review")))
    assert figures(page)["Value that you confirmed"] == "€4,000"
    assert [head.get_text() for head in page.find_all("h2")][-1] == "Not confirmed by you yet"
    assert "€777 in all. These are our estimates." in page.get_text()
    assert "2026Q3" not in [head.get_text() for head in page.find_all("th", scope="row")]


def test_a_customer_that_has_confirmed_nothing_is_told_so():
    page = page_of([line("invoiced", "2026-01-01", 10.0), line("not confirmed", "2026-09-20", 777.0, "2026Q3")])
    assert figures(page) == {"Value that you confirmed": "none yet", "Invoiced to you, without tax": "€10"}


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (stated(since="2025-03-29"), True),  # 366 days before the first statement
        (stated(since="2025-03-28"), False),
        (stated(paid=0.0), False),
        (stated(paid=-5.0), False),
        (stated(line("confirmed", "2026-08-01", -5000.0, "2026Q3")), False),
        (stated(line("confirmed", "2026-08-01", None, "2026Q3")), False),  # a currency without a rate
        (stated()[1:], False),  # nothing was invoiced
        ([line("invoiced", "2026-01-01", 4000.0), *stated()[1:]], False),  # it may be a year ahead
    ],
)
def test_the_ratio_is_told_only_where_both_are_of_the_same_time(rows, told):
    page = page_of(rows)
    assert ("Value for each 1.00 invoiced" in figures(page)) == told


def test_each_page_is_in_the_currency_of_its_customer():
    assert figures(page_of(stated(currency="USD")))["Value that you confirmed"] == "US$4,000"
    with speaking("en", locale="de_DE"):
        assert "4.000\xa0€" in page_of(stated()).get_text()


def test_a_page_asks_the_network_for_nothing():
    page = page_of(stated())
    assert not page.find_all(["script", "link", "img", "iframe", "a", "form"])
    assert page.find("meta", {"http-equiv": "Content-Security-Policy"})["content"].startswith("default-src 'none'")
    assert not re.search(r"https?:|url\(|@import", str(page))
    assert page.html["lang"] == "en"
    assert page.find("meta", {"name": "viewport"})


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_any_name_is_text_and_nothing_else(name):
    rows = [{**row, "what": name} for row in stated(customer_id=name, customer=name)]
    page = page_of(rows, company=COMPANY)
    assert page.h1.get_text() == f"What the work has been worth to {shown(name)}"
    assert shown(name) in [cell.get_text() for cell in page.find_all("td")]
    assert page.header.get_text() == COMPANY
    assert not page.find_all(["script", "link", "img", "svg", "a"])


def test_file_names_are_safe_and_never_equal():
    ids = [
        *NAMES.values(), "C-000024", "c-000024", "con", "LPT1", "../../etc/passwd", "..", "", ".", "a/b", "a b", "a-b",
        "A-B", "x" * 300, "x" * 299, "a-b~", "é", "e\u0301",
    ]  # fmt: skip
    names = file_names(dict.fromkeys(ids)).values()
    assert all(re.fullmatch(r"[A-Za-z0-9_-]*(~[0-9a-f]{16})?\.html", name) and len(name) < 110 for name in names)
    assert len({name.casefold() for name in names}) == len(set(ids))
    assert not {name.partition(".")[0].casefold() for name in names} & {"con", "lpt1", ""}
    assert file_names(["C-000024"]) == {"C-000024": "C-000024.html"}


def test_a_build_writes_a_page_per_customer_beside_the_file(tmp_path):
    resource = made.resource("Value", rows=1, export="exports/../delivered_value.csv")
    resource |= {"pages": "delivered_value", "data": [*stated(), *stated(customer_id="../B", customer="Bee")]}
    other = {**resource, "export": "exports/other.csv", "pages": "../pack"}
    notebook = made.notebook(made.code(*({"output_type": "display_data", "metadata": {}, "data": {
        "application/vnd.dataresource+json": each}} for each in (resource, other))))  # fmt: skip
    (tmp_path / "exports").mkdir()
    write_customer_pages([Executed("theme", notebook, 1.0)], tmp_path, asked())
    found = [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*.html"))]
    assert found[0] == "exports/delivered_value/A.html"
    assert re.fullmatch(r"exports/delivered_value/B~[0-9a-f]{16}\.html", found[1])
    assert len(found) == 2
    assert "Aye" not in (tmp_path / found[1]).read_text()


@pytest.mark.whole
def test_thousands_of_customers_take_seconds():
    rows = [row for i in range(3000) for row in stated(customer_id=f"C-{i}", customer=f"Customer {i}")]
    begun = time.monotonic()
    pages = customer_pages(rows, asked())
    assert len(pages) == 3000
    assert time.monotonic() - begun < 20
