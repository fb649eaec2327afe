"""Tables whose rows stand in groups, and cells that are little pictures, in the PDF and in the HTML."""

import io
import re

from bs4 import BeautifulSoup
from pypdf import PdfReader

from helpers.pack.pages import Section
from tests.pack.fixtures import bundle, code, html_of, notebook, pdf_of, view
from tests.pack.pdf_tree import tags

ROWS = [("Kim", "Aye", "3 0 1"), ("Kim", "Bee", None), ("Lou", "Cee", "0 0 2"), ("Kim", "Dee", "1 1 1")]


def section(rows=ROWS, group="owner"):
    fields = [
        {"name": "owner", "type": "string", "title": "Looks after", "unit": "text"},
        {"name": "customer", "type": "string", "title": "Customer", "unit": "text"},
        {"name": "weeks", "type": "string", "title": "Week by week", "unit": "series"},
    ]
    data = [dict(zip(("owner", "customer", "weeks"), row, strict=True)) for row in rows]
    resource = {"title": "Calls", "schema": {"fields": fields}, "data": data, "group": group}
    return Section("calls", "Calls", notebook(code(bundle("application/vnd.dataresource+json", resource))))


def read(**more):
    return PdfReader(io.BytesIO(pdf_of(view(), [section(**more)])))


def page_of(reader):
    return next(page for page in reader.pages if "Aye" in page.extract_text())


def body_of(**more):
    page = BeautifulSoup(html_of(view(), [section(**more)]), "html.parser")
    return page.find("section", {"aria-labelledby": "calls"}).find("tbody")


def test_on_paper_a_group_is_a_line_above_its_rows():
    text = page_of(read()).extract_text()
    assert re.findall("Kim|Lou|Aye|Bee|Cee|Dee", text) == ["Kim", "Aye", "Bee", "Lou", "Cee", "Kim", "Dee"]
    assert "Looks after" not in text
    assert page_of(read(group="")).extract_text().count("Kim") == 3
    assert "Looks after" in page_of(read(group="")).extract_text()


def test_on_the_screen_every_row_keeps_its_owner_so_that_it_sorts():
    rows = body_of().find_all("tr")
    assert [row.find_all(["td", "th"])[0].get_text() for row in rows] == ["Kim", "Kim", "Lou", "Kim"]
    assert [row.find_all(["td", "th"])[0]["data-value"] for row in rows] == ["Kim", "Kim", "Lou", "Kim"]
    assert [row.find(class_="again") is not None for row in rows] == [False, True, False, False]
    assert [row.get("class") for row in rows] == [["begins"], None, ["begins"], ["begins"]]
    assert [row.find("th").get_text() for row in rows] == ["Aye", "Bee", "Cee", "Dee"]


def test_a_table_without_groups_is_as_before():
    rows = body_of(group="").find_all("tr")
    assert [row.find("th").get_text() for row in rows] == ["Kim", "Kim", "Lou", "Kim"]
    assert not any(row.get("class") or row.find(class_="again") for row in rows)


def test_a_series_is_a_picture_that_says_its_numbers():
    pictures = body_of().find_all("img", class_="series")
    assert [picture["alt"] for picture in pictures] == ["3 0 1", "0 0 2", "1 1 1"]
    assert all(picture["src"].startswith("data:image/svg+xml;base64,") for picture in pictures)
    assert body_of().find_all("tr")[1].find_all("td")[-1].get_text() == "–"
    assert {"3 0 1", "0 0 2", "1 1 1"} <= {str(figure["/Alt"]) for figure in tags(read(), "/Figure")}


def test_what_is_no_series_is_text():
    body = body_of(rows=[("Kim", "Aye", "many"), ("Kim", "Bee", "3 0")])
    assert body.find("img") is None
    assert [row.find_all("td")[-1].get_text() for row in body.find_all("tr")] == ["many", "3 0"]
