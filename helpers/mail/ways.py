"""The ways out of mail: what one must be able to do, and the one that the recipients' file names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, cast

from helpers.mail.answers import Answer
from helpers.mail.graph import GraphWay
from helpers.mail.letter import Letter
from helpers.mail.recipients import GraphMailbox, Recipients
from helpers.mail.smtp import SmtpWay


class Way(Protocol):
    """A way out, opened once for a list; it connects when it first needs to, and again after a loss."""

    @property
    def most_bytes(self) -> int:
        """What a whole letter may have; a way may have to connect to know.

        Raises:
            KitError: it cannot be asked.
        """

    def send(self, letter: Letter, handing_over: Callable[[Sequence[str]], None]) -> Mapping[str, Answer]:
        """Hand a letter over; says what came of it for each of its addresses.

        ``handing_over`` is called with the addresses right before the point from which on it may have been taken.

        Raises:
            KitError: nothing can be sent this way (login, certificate, sender, limits), whoever the reader is;
                this letter was certainly not taken.
        """

    def check(self) -> list[str]:
        """Try the way without sending; what was found, in lines.

        Raises:
            KitError: it does not work, with what to do.
        """

    def close(self) -> None:
        """End the connection."""


def open_way(settings: Recipients) -> Way:
    """The way out that the file of recipients gives; nothing is connected yet."""
    return SmtpWay(settings.smtp) if settings.smtp else GraphWay(cast(GraphMailbox, settings.graph))
