"""A lint over the text of the finished pack: a reader sees no name, literal or day as code and files write it."""

import re

import pytest
from bs4 import BeautifulSoup

from helpers.display.plain_words import plain
from tests.notebooks.chromium import opened_in_chromium

SNAKE = re.compile(r"(?<![\w/])[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?!\w|\.\w)")
FORBIDDEN = {
    "a name with underscores": SNAKE,
    "a literal": re.compile(r"[\[{]['\"]|['\"][\]}]|\b(?:None(?! [a-z])|True|False|NaN|nan|null)\b"),
    "a day as files write it": re.compile(r"(?<![\w-])20\d\d-\d\d(?:-\d\d)?(?![\w-])"),
    "the specification": re.compile(r"[Ss]pecification [A-Z]\d|\b[KCG]\d\d\b|\barticle \d"),
}

METHODS = re.compile(r"Kaplan|Aalen|[Ll]og-rank|Wilson|Newcombe|bootstrap|\bp [<=] ")


def found_in(text, allowed=()):
    return [
        (what, found[0])
        for what, pattern in FORBIDDEN.items()
        for found in pattern.finditer(text)
        if found[0] not in allowed
    ]


@pytest.fixture(scope="module")
def page(built):
    """The pack's HTML without what is code: queries, and the names that one types in review.yml."""
    page = BeautifulSoup((built.folder / "pack.html").read_text(encoding="utf-8"), "html.parser")
    names = {code.get_text() for code in page.find_all("code")}
    for element in page.find_all(["script", "style", "code"]):
        element.decompose()
    return page, names


def test_the_text_of_the_html_is_in_a_readers_words(page):
    texts = page[0].find_all(string=True)
    texts += [e[name] for name in ("alt", "aria-label") for e in page[0].find_all(attrs={name: True})]
    texts += [mark["data-value"] for mark in page[0].select(".mark")]
    assert len(texts) > 5000
    assert [found for text in texts for found in found_in(text)] == []


def test_the_text_of_the_pdf_is_in_a_readers_words(page, pdf_pages):
    text = " ".join(pdf_pages)
    assert len(text) > 50_000
    assert found_in(text, allowed=page[1]) == []
    assert METHODS.findall(text) == []


def test_methods_are_named_in_the_definitions_alone(page):
    definitions = page[0].select_one("dl.definitions").get_text()
    told = page[0].get_text()
    assert len(METHODS.findall(told)) == len(METHODS.findall(definitions)) > 3


def test_the_lint_finds_what_it_is_for():
    told = "as window_days says, {'monitoring': ['agent']}, on 2026-09-30 and in 2026-08; Specification K05"
    assert {what for what, _ in found_in(told)} == set(FORBIDDEN)
    assert found_in("all in exports/call_list.csv, C-000119, 2026Q3") == []
    assert found_in(plain("customer_id is of a row left out of customers; won without closed_at")) == []


@pytest.mark.browser
def test_the_page_has_at_most_ten_screens_before_anything_is_opened(built, tmp_path):
    with opened_in_chromium((built.folder / "pack.html").as_uri(), tmp_path) as page:
        page.tell("Emulation.setDeviceMetricsOverride", width=1440, height=900, deviceScaleFactor=1, mobile=False)
        page.wait_for("document.querySelector('.tip') !== null")
        assert page.says("document.documentElement.scrollHeight") <= 10 * 900
