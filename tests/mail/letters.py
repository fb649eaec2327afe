"""Letters made by hand for tests of the ways out, and what came of them."""

from helpers.mail.letter import Attachment, Content, Letter

SENDER = "kpi@example.com"


class MadeContent(Content):
    """A content whose MIME was written by hand."""

    whole = b"Content-Type: text/plain; charset=utf-8\r\n\r\nwhole\r\n"


def made_letter(*addresses: str, body: bytes | None = None, attachments: tuple[Attachment, ...] = ()) -> Letter:
    """A letter to the addresses, all of which its head names."""
    addresses = addresses or ("ann@example.com",)
    head = (
        f"From: KPI review <{SENDER}>\r\nTo: {', '.join(addresses)}\r\n"
        "Subject: =?utf-8?q?Vesper_=E2=80=93_Q3?=\r\nMessage-ID: <1@example.com>\r\nX-Kpi-Review: board\r\n"
    )
    content = MadeContent("text", "<p>caf\u00e9</p>", {"logo": b"\x89PNG"}, attachments)
    if body is not None:
        object.__setattr__(content, "whole", b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + body)
    return Letter("<1@example.com>", SENDER, addresses, head.encode(), content)


def sent_by(way, letter):
    """What came of a letter, and the addresses at the moment from which on it may have been taken."""
    handed = []
    try:
        return dict(way.send(letter, handed.append)), handed
    finally:
        way.close()


def outcomes(answers) -> dict[str, str]:
    return {address: answer.outcome for address, answer in answers.items()}
