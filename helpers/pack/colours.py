"""A brand colour may be any; text on it, and text in it on white paper, stays legible (WCAG 2.2)."""

from __future__ import annotations

import re

from helpers.display.palette import BAD, GOOD
from helpers.errors import KitError

WHITE, BLACK = "#ffffff", "#000000"
LEGIBLE = 4.5


def look(brand: str) -> dict[str, str]:
    """The colours of a pack's pages: the brand's, what is written on it, what is written in it, good and bad.

    >>> look("#1f3a5f")["ink"]
    '#ffffff'
    """
    return {
        "brand": normal(brand),
        "ink": ink_on(brand),
        "accent": legible_on_white(brand),
        "good": GOOD,
        "bad": BAD,
    }


def normal(colour: str) -> str:
    """A CSS hex colour as ``#rrggbb``; transparency is left out, since paper has none.

    >>> normal("#1AF"), normal("#11aaff80")
    ('#11aaff', '#11aaff')
    """
    digits = colour.strip().lstrip("#").lower()
    if not re.fullmatch(r"[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8}", digits):
        raise KitError(f"brand.colour is {colour!r}, must be a hex colour like #1f3a5f")
    if len(digits) < 6:
        digits = "".join(digit * 2 for digit in digits)
    return f"#{digits[:6]}"


def ink_on(colour: str) -> str:
    """Black or white, whichever reads better on the colour.

    >>> ink_on("#ffe600"), ink_on("#1f3a5f")
    ('#000000', '#ffffff')
    """
    return max((WHITE, BLACK), key=lambda ink: contrast(ink, colour))


def legible_on_white(colour: str) -> str:
    """The colour itself, or as much darker as it takes to be read on white.

    >>> legible_on_white("#1f3a5f")
    '#1f3a5f'
    """
    channels = _channels(colour)
    while contrast(_hex(channels), WHITE) < LEGIBLE:
        channels = [channel * 0.95 for channel in channels]
    return _hex(channels)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21.

    >>> contrast("#ffffff", "#000000")
    21.0
    """
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(colour)]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _channels(colour: str) -> list[float]:
    digits = normal(colour)[1:]
    return [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]


def _hex(channels: list[float]) -> str:
    return "#" + "".join(f"{int(channel * 255):02x}" for channel in channels)
