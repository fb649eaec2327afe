"""Pseudonyms: codes that stand for ids and names, the same in every pack and period.

A code is a keyed hash (HMAC-SHA-256) of the id, cut short. Who knows a name or an id cannot find its code by trying,
as with a plain hash, since the key is a secret of the environment.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable

from helpers.errors import KitError

VARIABLE = "KPI_REVIEW_PSEUDONYM_KEY"
SHORTEST_KEY = 16  # characters
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, so that no code is a word; the first of a code, so that none is a number
SIGNS = "23456789" + LETTERS  # nothing that is read as something else: no 0, 1, I, O
SHORT, LONG = 4, 12  # signs of a customer's code, which people say aloud, and of every other id's


def pseudonym_key() -> bytes:
    """The key, from the environment.

    Raises:
        KitError: there is none, or one that could be guessed.
    """
    key = os.environ.get(VARIABLE, "")
    if len(key) >= SHORTEST_KEY:
        return key.encode()
    found = f"has {len(key)} characters, must have {SHORTEST_KEY} or more" if key else "is not set"
    raise KitError(
        f"environment variable {VARIABLE} {found}; pseudonyms are made with it, and stay the same as long as it does: "
        'make one with python -c "import secrets; print(secrets.token_hex(32))", keep it where you keep passwords'
    )


def codes(key: bytes, values: Iterable[str], length: int, taken: Iterable[str] = ()) -> dict[str, str]:
    """A code for each value, no two alike, none that is ``taken``.

    A code has ``length`` signs, or as many more as it takes to differ from those of the values before it: so values
    that come later change no code of earlier ones.

    >>> found = codes(b"a key of one's own", ["C-1", "C-2"], 4)
    >>> found.items() <= codes(b"a key of one's own", ["C-1", "C-2", "C-3"], 4).items(), len(found["C-1"])
    (True, 4)
    """
    found: dict[str, str] = {}
    used = set(taken)
    for value in values:
        signs = _signs(hmac.digest(key, value.encode(), hashlib.sha256))
        code = next(signs[:n] for n in range(length, len(signs) + 1) if signs[:n] not in used)
        used.add(code)
        found[value] = code
    return found


def _signs(digest: bytes) -> str:
    """A hash in the signs of codes, 48 of them."""
    number = int.from_bytes(digest, "big")
    number, first = divmod(number, len(LETTERS))
    signs = [LETTERS[first]]
    for _ in range(47):
        number, place = divmod(number, len(SIGNS))
        signs.append(SIGNS[place])
    return "".join(signs)
