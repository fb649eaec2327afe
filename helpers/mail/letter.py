"""One message as bytes: what all readers of a list get alike, and the head that is of one letter.

Heads are encoded here and not by ``email``, whose folding of long subjects has faults in several versions of Python.
Nothing with an end of line in it comes into a head.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, quote
from functools import cached_property
from urllib.parse import quote as percent

from helpers.mail.recipients import Kind, Person

LINE = 76  # characters of a line of a head
END = "\r\n"
SEPARATE = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]")
NOBODY = "undisclosed-recipients:;"


@dataclass(frozen=True)
class Attachment:
    """A file of the pack; ``name`` is in ASCII, ``kind`` such as ``application/pdf``."""

    name: str
    kind: str
    content: bytes


@dataclass(frozen=True)
class Content:
    """What all readers of a list get: the text, the HTML and its pictures by content id (PNG), and the attachments.

    Without ``html`` it is the text alone.
    """

    text: str
    html: str = ""
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    attachments: Sequence[Attachment] = ()

    @cached_property
    def whole(self) -> bytes:
        """The MIME entity: its own header fields, an empty line, its parts; lines end in CRLF."""
        return _entity(self)


@dataclass(frozen=True)
class Letter:
    """A message for one reader, or for several who see each other.

    ``addresses`` are those that it is to reach, ``hidden`` those among them that its head does not tell. ``head`` has
    the header fields, each line ending in CRLF, and ``id`` is its Message-ID with brackets.
    """

    id: str
    sender: str  # the address alone
    addresses: tuple[str, ...]
    head: bytes
    content: Content
    hidden: tuple[str, ...] = ()

    @property
    def whole(self) -> bytes:
        """The message as it goes out by SMTP."""
        return self.head + self.content.whole


def letter(
    content: Content,
    readers: Mapping[Person, Kind],
    *,
    sender: Person,
    owner: Person,
    subject: str,
    key: str,
    at: datetime,
    name: str = "",
) -> Letter:
    """A letter to readers who see each other, but those in bcc; the usual one has a single reader.

    The same ``key`` gives the same Message-ID, by which mail programs know a message that comes twice. ``name`` is that
    of the list which a reader asks ``owner`` to be taken off.
    """
    to, cc, bcc = ([person for person, of in readers.items() if of == kind] for kind in ("to", "cc", "bcc"))
    if len(readers) == 1:  # nobody is there to be hidden from
        to, cc, bcc = [*readers], [], []
    found = f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{sender.domain}>"
    fields = [
        _addresses("From", [sender]),
        _addresses("To", to) if to else _field("To", NOBODY),
        *([_addresses("Cc", cc)] if cc else []),
        _addresses("Reply-To", [owner]),
        _text("Subject", subject),
        _field("Date", format_datetime(at)),
        _field("Message-ID", found),
        _field("Auto-Submitted", "auto-generated"),
    ]
    if name:
        whom, what = percent(owner.address, safe="@"), percent(f"Unsubscribe {name}")
        fields.append(_field("List-Unsubscribe", f"<mailto:{whom}?subject={what}>"))
    addresses, hidden = (tuple(person.address for person in people) for people in (readers, bcc))
    return Letter(found, sender.address, addresses, "".join(fields).encode("ascii"), content, hidden)


def _field(name: str, value: str) -> str:
    """A header field in one line."""
    return f"{name}: {_checked(value)}{END}"


def _text(name: str, text: str) -> str:
    r"""A header field of words in lines of ASCII; other scripts as encoded words, each of whole characters.

    >>> _text("Subject", "Talvenor – 2026Q3")
    'Subject: =?utf-8?q?Talvenor_=E2=80=93_2026Q3?=\r\n'
    """
    can_be_folded = all(len(word) < LINE // 2 for word in text.split())
    is_plain = text.isascii() and "=?" not in text and can_be_folded
    encoded = Header(_checked(text), "us-ascii" if is_plain else "utf-8", maxlinelen=LINE, header_name=name)
    return f"{name}: {encoded.encode(linesep=END)}{END}"


def _checked(value: str) -> str:
    if SEPARATE.search(value):
        raise ValueError(f"{value!r} has an end of line or a control character in it")
    return value


def _addresses(name: str, people: Iterable[Person]) -> str:
    """A header field of addresses, a line each."""
    return f"{name}: {f',{END} '.join(map(_mailbox, people))}{END}"


def _mailbox(person: Person) -> str:
    r"""A name and an address.

    >>> _mailbox(Person('Ann "A" Lee', "ann@example.com"))
    '"Ann \\"A\\" Lee" <ann@example.com>'
    """
    if not person.name:
        return person.address
    if _checked(person.name).isascii() and "=?" not in person.name:
        name = f'"{quote(person.name)}"'
    else:
        name = Header(person.name, "utf-8", maxlinelen=LINE).encode(linesep=END)
    return f"{name}{' ' if len(name) < LINE // 2 else f'{END} '}<{person.address}>"


def _entity(content: Content) -> bytes:
    """Text, HTML with its pictures, and attachments; the same content gives the same bytes."""
    found = EmailMessage(policy=SMTP)
    found.set_content(content.text, cte="quoted-printable")
    if content.html:
        found.add_alternative(content.html, subtype="html", cte="quoted-printable")
        page: EmailMessage = found.get_payload()[1]  # type: ignore[index,assignment]
        for cid, picture in content.pictures.items():
            name = f"{cid.partition('@')[0]}.png"
            page.add_related(picture, "image", "png", cid=f"<{cid}>", disposition="inline", filename=name)
    for each in content.attachments:
        main, _, sub = each.kind.partition("/")
        found.add_attachment(each.content, main, sub, filename=each.name)
    parts = [part for part in found.walk() if part.is_multipart()]
    for i, part in enumerate(parts):
        part.set_boundary(f"=_part_{i}")  # neither quoted-printable nor base64 has it
    return found.as_bytes()
