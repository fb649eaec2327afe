"""Messages as tests make them: each is looked over whole, whatever the test is about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from bs4 import BeautifulSoup, Comment, NavigableString, Tag
from bs4.element import Doctype

from helpers.mail.message import Message, message_of
from helpers.pack.verify import Opened, opened
from helpers.texts import width
from tests.mail.word_engine import faults
from tests.pack.requests import ROOT

ATTACHED = [("Talvenor-2026Q3.pdf", 1_234_567), ("Talvenor-2026Q3.xlsx", 45_678)]
ROOM, MARKS = 78, "+−->0123456789. "
MAY_BREAK = re.compile("[ \u3000-\u9fff]")


def pack_in(folder: Path) -> Opened:
    return opened(folder, ROOT)


def body(found: Opened, audience: str = "", language: str | None = None, attached=ATTACHED) -> Message:
    """A message that Word and Gmail show, and whose text says all that its HTML does."""
    made = message_of(found, audience, language, attached)
    assert faults(made.html, made.pictures) == []
    text = squeezed(made.text)
    assert [words for words in said(made.html) if squeezed(words) not in text] == []
    assert [
        line for line in made.text.splitlines() if width(line) > ROOM and MAY_BREAK.search(line.lstrip(MARKS))
    ] == []
    return made


def page_of(made: Message) -> BeautifulSoup:
    return BeautifulSoup(made.html, "html.parser")


def said(html: str) -> Iterator[str]:
    """What the HTML tells a reader, text by text: what is seen at a desk, and the words for its pictures."""
    page = BeautifulSoup(html, "html.parser").body
    for tag in page.select(".preheader, .label"):
        tag.decompose()
    for found in page.descendants:
        if isinstance(found, Tag) and found.name == "img":
            yield str(found["alt"])
        elif isinstance(found, NavigableString) and not isinstance(found, Comment | Doctype) and found.strip():
            yield str(found)


def squeezed(text: str) -> str:
    """A text without the blanks at which lines may end."""
    return re.sub("[ \n\t]+", "", text)


def words_of(tag: Tag | None) -> str:
    """The words of a tag in one line, without what pages put between a sign and a currency."""
    return " ".join(tag.get_text(" ").replace("\u2060", "").split()) if tag else ""
