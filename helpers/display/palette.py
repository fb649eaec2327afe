"""The colours of charts: one notation on every page, after ISO 24896, legible for colour-blind readers and in print.

Actual is solid and dark, what was before lighter, plan is outlined, a forecast is hatched and nothing else is; what is
to date is pale in a dashed edge. Teal says good, rust says bad, by the KPI's direction and never without a word or a
sign; as fills, bad is the darker one. Fills that touch differ in luminance, so that a grey print tells them apart.
"""

from __future__ import annotations

TEXT, QUIET, LINE, BAND = "#1b1e23", "#565d68", "#d8dce2", "#e4e7ec"
GOOD, BAD = "#0b6670", "#a63c06"
TONES = {"good": GOOD, "bad": BAD, "": QUIET}  # of words
FILLS = {"good": "#2a9fab", "bad": "#7d2d05", "": "#676e79"}  # of bars
DARK, MIDDLE, LIGHT = 0.072, 0.148, 0.275  # relative luminance: 8.6, 5.3 and 3.2 : 1 on white


def ink(brand: str) -> str:
    """The colour of actual values: the brand's, darkened until it reads as solid and dark.

    >>> ink("#1f3a5f"), ink("#ffe600")
    ('#1f3a5f', '#534a00')
    """
    return darkened(brand, DARK)


def darkened(colour: str, most: float) -> str:
    """The colour itself, or as much darker as it takes to be of this relative luminance at most.

    >>> darkened("#ffffff", 0.5), darkened("#1f3a5f", 0.5)
    ('#bbbbbb', '#1f3a5f')
    """
    channels = _channels(colour)
    while luminance(_hex(channels)) > most:
        channels = [channel * 0.95 for channel in channels]
    return _hex(channels)


def lighter(colour: str, least: float = LIGHT) -> str:
    """A colour mixed with as much white as it takes to be of this relative luminance: by default, that of before.

    >>> lighter("#1f3a5f"), lighter("#000000", MIDDLE)
    ('#8291a5', '#6c6c6c')
    """
    strength = 1.0
    while luminance(tint(colour, strength)) < least:
        strength -= 0.002
    return tint(colour, strength)


def shades(colour: str) -> tuple[str, str, str]:
    """Three shades of a colour, each of which may touch the others, as the first and the last of many do."""
    return colour, lighter(colour), lighter(colour, MIDDLE)


def tint(colour: str, strength: float) -> str:
    """A colour mixed with white; ``strength`` 1 leaves it as it is.

    >>> tint("#000000", 0.2)
    '#cccccc'
    """
    return _hex([1 - (1 - channel) * strength for channel in _channels(colour)])


def luminance(colour: str) -> float:
    """The relative luminance of a colour, 0 to 1 (WCAG 2.2).

    >>> luminance("#ffffff"), luminance("#000000")
    (1.0, 0.0)
    """
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(colour)]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _channels(colour: str) -> list[float]:
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def _hex(channels: list[float]) -> str:
    return "#" + "".join(f"{round(channel * 255):02x}" for channel in channels)
