"""The ways out: what came of a letter, what a way must be able to do, and what providers' refusals mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from helpers.mail.letter import Letter

Outcome = Literal["sent", "refused", "unknown", "later"]


class Answer(NamedTuple):
    """What came of a letter for one address, and the server's words in one line.

    ``later``: it was certainly not taken, and may be tried again. ``unknown``: the connection was lost between the end
    of the letter and the answer.
    """

    outcome: Outcome
    words: str
    wait: float = 0.0  # seconds that the server asks to wait


class Way(Protocol):
    """A way out, opened once for a list; it connects when it first needs to, and again after a loss."""

    most_bytes: int  # what a whole letter may have

    def send(self, letter: Letter, handing_over: Callable[[Sequence[str]], None]) -> Mapping[str, Answer]:
        """Hand a letter over; says what came of it for each of its addresses.

        ``handing_over`` is called with the addresses right before the point from which on it may have been taken.

        Raises:
            KitError: nothing can be sent this way (login, certificate, sender), whoever the reader is.
        """

    def check(self) -> list[str]:
        """Try the way without sending; what was found, in lines.

        Raises:
            KitError: it does not work, with what to do.
        """

    def close(self) -> None:
        """End the connection."""
