"""Errors that a user can act on: where, what was found, what was expected, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Any


class KitError(Exception):
    r"""A user's mistake, shown as it is and without a traceback.

    Holds every fault found, so that a file is corrected in one go.

    >>> str(KitError("params/review.yml: company is missing", "params/review.yml: themes is empty"))
    'params/review.yml: company is missing\nparams/review.yml: themes is empty'
    """

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class NotProvided(Exception):
    """A table or column that a card needs is not in the source; the card becomes ``not_provided``.

    ``what`` is ``deals`` or ``subscriptions.renewal_on``.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Refused(Exception):
    """A figure that the kit will not print because it would mislead; the card becomes ``refused``."""


IN_WORDS = (KitError.__name__, NotProvided.__name__, Refused.__name__)  # their messages are words already


def nearest(name: str, known: Iterable[str]) -> str:
    """The hint for a name that is not known.

    >>> nearest("retention_month", ["retention_months", "skip"])
    "; did you mean 'retention_months'?"
    >>> nearest("colour", ["basis", "skip"])
    '; known: basis, skip'
    """
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(known)}" if known else ""


def refuse(faults: Iterable[str]) -> None:
    """Raise the faults that there are, all at once.

    >>> refuse([])

    Raises:
        KitError: with every fault, if there is any.
    """
    if found := tuple(faults):
        raise KitError(*found)


def together(*steps: Callable[[], Any]) -> list[Any]:
    """What each step returns; if any of them finds faults, those of all.

    >>> together(lambda: 1, lambda: 2)
    [1, 2]

    Raises:
        KitError: with the faults of every step, each once.
    """
    found: list[Any] = []
    faults: list[str] = []
    for step in steps:
        try:
            found.append(step())
        except KitError as error:
            faults += error.faults
    refuse(dict.fromkeys(faults))
    return found
