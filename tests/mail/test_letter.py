"""A letter as bytes, read again by Python's own parser and by hand."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from urllib.parse import unquote, urlsplit

import pytest

from helpers.mail.letter import Attachment, Content, letter
from helpers.mail.recipients import Person

AT = datetime(2026, 10, 14, 8, 0, tzinfo=UTC)
CONTENT = Content(
    "Привет\n.a line that begins with a dot\n" + "x" * 1200 + "\n",
    "<p>你好 " + "y" * 3000 + "</p>",
    {"spark-mrr": b"\x89PNG\r\n\x1a\n123"},
    [Attachment("kpi-review-2026Q3-v1.pdf", "application/pdf", b"%PDF-1.7\r\n.\r\n" * 999)],
)
KPI, OWNER, ANN, BO, EVE = (Person(n, f"{n.lower()}@example.com") for n in ("KPI", "Mara", "Ann", "Bo", "Eve"))


def made(readers=None, subject="KPI review", content=CONTENT, key="a"):
    readers = readers or {ANN: "to"}
    return letter(content, readers, sender=KPI, owner=OWNER, subject=subject, key=key, at=AT, name="board")


def parsed(found):
    return message_from_bytes(found.whole, policy=policy.default)


@pytest.mark.parametrize(
    "subject",
    [
        "季度关键绩效指标回顾，" * 20,
        "Обзор показателей компании за третий квартал – " * 5,
        "Ünïcode " * 25,
        "plain words in a long subject " * 7,
        "🙂" * 200,
        "=?utf-8?q?not_an_encoded_word?= in a name",
        "x" * 200,
    ],
)
def test_a_long_subject_comes_back_as_it_was(subject):
    """By the parser, and by RFC 2047 itself: each encoded word is of whole characters, no line above 78."""
    subject = subject.strip()[:200]
    found = made(subject=subject)
    assert str(parsed(found)["Subject"]) == subject
    (raw,) = re.findall(rb"^Subject: ([^\r]*(?:\r\n [^\r]*)*)", found.head, re.MULTILINE)
    lines = raw.split(b"\r\n")
    if not subject.isascii():
        assert all(len(line) <= 78 for line in lines)
        words = [decode_header(word.decode())[0] for line in lines for word in line.split()]
        assert "".join(text.decode(charset) for text, charset in words) == subject  # decodes word by word


def test_the_same_letter_is_the_same_bytes():
    assert made().whole == made().whole
    assert made(key="a").id != made(key="b").id


def test_parts_come_back_as_they_were():
    found = parsed(made())
    assert found.get_body(("plain",)).get_content().replace("\r\n", "\n") == CONTENT.text
    assert found.get_body(("html",)).get_content().strip() == CONTENT.html
    (file,) = found.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("kpi-review-2026Q3-v1.pdf", CONTENT.attachments[0].content)
    picture = next(part for part in found.walk() if part.get_content_type() == "image/png")
    assert (picture["Content-ID"], picture.get_content()) == ("<spark-mrr>", CONTENT.pictures["spark-mrr"])
    assert [part.get_content_type() for part in found.walk()] == [
        "multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png",
        "application/pdf",
    ]  # fmt: skip


def test_lines_are_as_smtp_asks():
    whole = made().whole
    assert b"\n" not in whole.replace(b"\r\n", b"")
    assert b"\r" not in whole.replace(b"\r\n", b"")
    assert max(map(len, whole.split(b"\r\n"))) <= 998


def test_without_attachments():
    alone = parsed(made(content=replace(CONTENT, attachments=())))
    assert alone.get_content_type() == "multipart/alternative"
    assert not list(alone.iter_attachments())


def test_the_head_says_that_no_person_sent_it_and_how_to_leave():
    head = parsed(made())
    assert head["Auto-Submitted"] == "auto-generated"
    assert head["List-Unsubscribe"] == "<mailto:mara@example.com?subject=Unsubscribe%20board>"
    assert head["Reply-To"] == "Mara <mara@example.com>"
    assert head["Message-ID"].endswith("@example.com>")


def test_whoever_leaves_writes_to_the_owner_whatever_signs_the_address_has():
    address = "a?cc=eve&b+c@example.com"
    found = letter(
        CONTENT, {ANN: "to"}, sender=KPI, owner=Person("", address), subject="KPI", key="a", at=AT, name="board"
    )
    link = urlsplit(parsed(found)["List-Unsubscribe"].strip("<>"))
    assert (unquote(link.path), link.query) == (address, "subject=Unsubscribe%20board")


def test_readers_of_a_letter_for_all_see_each_other_but_those_in_bcc():
    found = made({ANN: "to", BO: "cc", EVE: "bcc"})
    head = parsed(found)
    assert (head["To"], head["Cc"], head["Bcc"]) == ("Ann <ann@example.com>", "Bo <bo@example.com>", None)
    assert b"eve@" not in found.whole.lower()
    assert found.addresses == ("ann@example.com", "bo@example.com", "eve@example.com")
    assert found.hidden == ("eve@example.com",)


def test_a_letter_to_hidden_readers_alone_names_nobody():
    found = made({ANN: "bcc", BO: "bcc"})
    assert str(parsed(found)["To"]) == "undisclosed-recipients:;"
    assert b"ann@" not in found.whole.lower()


@pytest.mark.parametrize("kind", ["to", "cc", "bcc"])
def test_a_letter_to_one_reader_names_them_alone(kind):
    found = made({ANN: kind})
    assert (parsed(found)["To"], parsed(found)["Cc"], found.hidden) == ("Ann <ann@example.com>", None, ())


@pytest.mark.parametrize("name", ['Ann "the" Lee, jr.', "Инес Окафор", "王小明", "=?utf-8?q?x?=", "a\\b"])
def test_names_come_back_as_they_were(name):
    found = parsed(made({Person(name, "ann@example.com"): "to"}))
    (address,) = found["To"].addresses
    assert (address.display_name, address.addr_spec) == (name, "ann@example.com")


def test_a_long_name_is_folded():
    name = "Очень Длинное Имя " * 8
    found = made({Person(name.strip(), "ann@example.com"): "to"})
    (raw,) = re.findall(rb"^To: ([^\r]*(?:\r\n [^\r]*)*)", found.head, re.MULTILINE)
    assert all(len(line) <= 78 for line in raw.split(b"\r\n"))
    assert str(make_header(decode_header(raw.decode().rpartition("<")[0].strip()))) == name.strip()


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x85", "\u2028", "\x00"])
def test_no_head_can_be_injected(end):
    evil = f"KPI{end}Bcc: eve@example.org"
    with pytest.raises(ValueError, match="control character"):
        made(subject=evil)
    with pytest.raises(ValueError, match="control character"):
        made({Person(evil, "ann@example.com"): "to"})
