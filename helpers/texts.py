"""Text of others, such as names, made fit to be shown: nothing in it that a page cannot show or that moves figures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# What no page can show: control characters, marks that turn the direction of other text around, half characters.
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")
RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
LEFT_TO_RIGHT = "\u200e"  # a mark that is not seen


def printable(value: Any) -> Any:
    r"""The same lists, mappings and strings without the characters that no page can show.

    >>> printable(["Acme\u202e Ltd\x00", 3])
    ['Acme Ltd', 3]
    """
    if isinstance(value, str):
        return UNPRINTABLE.sub("", value)
    if isinstance(value, Mapping):
        return {key: printable(item) for key, item in value.items()}
    return [printable(item) for item in value] if isinstance(value, list | tuple) else value


def begun(words: str) -> str:
    """Words as the beginning of a sentence.

    >>> begun("events before their user was created")
    'Events before their user was created'
    """
    return words[:1].upper() + words[1:]


def in_words(value: object) -> str:
    """A parameter's value as one writes it in a review: ``none`` where there is none."""
    return "none" if value is None else str(value)


def spoken(name: object) -> str:
    r"""A name as it stands in a sentence; figures beside one that is written from right to left keep their places.

    >>> spoken("new_product"), ascii(spoken("\u05e7\u05e4\u05d4"))
    ('new product', "'\\u200e\\u05e7\\u05e4\\u05d4\\u200e'")
    """
    text = str(name).replace("_", " ")
    return f"{LEFT_TO_RIGHT}{text}{LEFT_TO_RIGHT}" if RIGHT_TO_LEFT.search(text) else text
