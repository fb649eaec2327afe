"""One message as bytes: what all readers of a list get alike, and the head that is of one of them.

Subjects and names are encoded here, and nothing with an end of line in it comes into a head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Attachment:
    """A file of the pack; ``name`` is in ASCII, ``kind`` such as ``application/pdf``."""

    name: str
    kind: str
    content: bytes


@dataclass(frozen=True)
class Content:
    """What all readers of a list get: the text, the HTML and its pictures by content id (PNG), and the attachments."""

    text: str
    html: str
    pictures: Mapping[str, bytes]
    attachments: Sequence[Attachment] = ()

    @cached_property
    def alone(self) -> bytes:
        """The MIME entity without attachments: its own header fields, an empty line, its parts; lines end in CRLF."""
        raise NotImplementedError

    @cached_property
    def whole(self) -> bytes:
        """The MIME entity with its attachments."""
        raise NotImplementedError


@dataclass(frozen=True)
class Letter:
    """A message for one reader, or for several who see each other.

    ``addresses`` are those that it is to reach, ``head`` the header fields from From to Auto-Submitted, each line
    ending in CRLF, and ``id`` its Message-ID with brackets.
    """

    id: str
    sender: str  # the address alone
    addresses: tuple[str, ...]
    head: bytes
    content: Content

    @property
    def whole(self) -> bytes:
        """The message as it goes out by SMTP."""
        return self.head + self.content.whole

    @property
    def alone(self) -> bytes:
        """The message without its attachments."""
        return self.head + self.content.alone
