"""A brand colour may be any; text on it, and text in it on white paper, stays legible (WCAG 2.2)."""

from __future__ import annotations

import re

from helpers.display.palette import BAD, GOOD, darkened, luminance
from helpers.errors import KitError

WHITE, BLACK = "#ffffff", "#000000"
LEGIBLE = 4.5  # contrast of text
FLARE = 0.05  # light that any screen and paper adds


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
    return darkened(normal(colour), (luminance(WHITE) + FLARE) / LEGIBLE - FLARE)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21.

    >>> contrast("#ffffff", "#000000")
    21.0
    """
    lighter, darker = sorted((luminance(normal(one)), luminance(normal(other))), reverse=True)
    return (lighter + FLARE) / (darker + FLARE)
