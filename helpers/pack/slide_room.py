"""What a place on a slide has room for: the size of a text, where it is cut, and how wide the columns of a table are.

The room that a text needs is estimated by a wide typeface, since a machine that lacks a font takes another.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import NamedTuple
from unicodedata import combining, east_asian_width

from PIL import ImageFont
from pptx.util import Inches, Pt

from helpers.language import _
from helpers.pack.appearance import dejavu
from helpers.texts import printable

SMALLEST, SMALLEST_IN_TABLES = 14, 12  # points; what is smaller is not read from the other end of a room
LINE_HEIGHT, AFTER = 1.2, 0.4  # of a line, and of the room after a paragraph, in sizes of its text
CELL = (Pt(5), Pt(2.5))  # of text from the sides of its cell, and from above and below
BULLET = Inches(0.3)
LONGEST_WORD = 30  # letters; what is longer is no word, and is cut, but signs of East Asia stand without blanks
NO_WORD = re.compile(rf"[^ \u2e80-\uffef]{{{LONGEST_WORD + 1},}}")
NARROWEST = Inches(1)  # of a column of text


class Box(NamedTuple):
    """A place on a slide, in EMU."""

    left: int
    top: int
    width: int
    height: int

    def beside(self, share: float) -> tuple[Box, Box]:
        """Two places side by side, the first with a share of the width."""
        gap, first = Inches(0.35), int(self.width * share)
        return self._replace(width=first), Box(self.left + first + gap, self.top, self.width - first - gap, self.height)


@dataclass(frozen=True)
class Line:
    """A paragraph: ``size`` is what is wished for, in points; where there is no room it is smaller, down to 14."""

    text: str
    size: int = 20
    bold: bool = False
    bullet: bool = False


@dataclass(frozen=True)
class Column:
    """A column of a table: texts are wrapped and cut, ``figures`` are neither. Where the slide is too narrow for all,
    the last ``optional`` one goes.
    """

    label: str
    figures: bool = False
    optional: bool = False


# --- text -------------------------------------------------------------------------------------------------------------


def ems(text: str, *, bold: bool = False) -> float:
    """How wide a text is at most, in sizes of it.

    >>> ems("") < ems("ill") < ems("WWW") < ems("WWW", bold=True)
    True
    """
    return sum(_em(character, bold) for character in text)


@cache
def _em(character: str, bold: bool) -> float:
    """The width of a character in DejaVu Sans, which is as wide as any usual typeface for slides."""
    if combining(character):
        return 0.0
    if east_asian_width(character) in "WF":
        return 1.0
    return _face(bold).getlength(character) / 100


@cache
def _face(bold: bool) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(
        str(dejavu() / f"DejaVuSans{'-Bold' * bold}.ttf"), 100, layout_engine=ImageFont.Layout.BASIC
    )


def line_count(text: str, width: float, *, bold: bool = False) -> int:
    """On how many lines of so many ems a text stands; a word that is wider than a line is broken.

    >>> line_count("one", 10), line_count("one two three", 3), line_count("W" * 10, 3)
    (1, 3, 4)
    """
    width = max(width, 1.0)
    count, left, blank = 1, width, ems(" ", bold=bold)
    for word in text.split(" "):
        size = ems(word, bold=bold)
        if size > left and left < width:
            count, left = count + 1, width
        broken = max(math.ceil(size / width) - 1, 0)
        count, left = count + broken, left - (size - broken * width) - blank
    return count


def shortened(text: str, width: float, most: int, *, bold: bool = False) -> str:
    """A text on so many lines of so many ems at most: cut between words, so that no figure is cut, with an ellipsis.

    >>> shortened("one two three", 5.5, 1), shortened("one", 5, 1), shortened("W" * 9, 5, 1)
    ('one two …', 'one', 'WWWW…')
    """
    if line_count(text, width, bold=bold) <= most:
        return text
    words = text.split(" ")
    tries = [f"{' '.join(words[:n])} …" for n in range(len(words) - 1, 0, -1)]
    tries += [f"{words[0][:n]}…" for n in range(len(words[0]) - 1, 0, -1)]
    return next((each for each in tries if line_count(each, width, bold=bold) <= most), "…")


def fitted(lines: Sequence[Line], width: int, height: int, least: int = SMALLEST) -> list[Line]:
    """Paragraphs for a place: as large as there is room for, and cut where there is none even for the smallest."""
    found = [_unbroken(replace(line, text=in_words(line.text)), width, least) for line in lines]
    for scale in (1.0, 0.9, 0.8, 0.7, 0.6, 0.5):
        sized = [replace(line, size=max(min(least, line.size), int(line.size * scale))) for line in found]
        if _height(sized, width) <= height:
            return sized
    while len(sized) > 1 or _lines_of(sized[0], width) > 1:
        counts = [_lines_of(line, width) for line in sized]
        i = max(range(len(sized)), key=lambda i: (counts[i], i))
        if counts[i] > 1:
            line = sized[i]
            sized[i] = replace(line, text=shortened(line.text, _room(line, width), counts[i] - 1, bold=line.bold))
        else:
            sized[-2:] = [replace(sized[-2], text="…")]
        if _height(sized, width) <= height:
            break
    return sized


def _unbroken(line: Line, width: int, least: int) -> Line:
    """A paragraph in which no word is too wide for its line, unless it is as small as it may be: a figure above all."""
    widest = max(ems(word, bold=line.bold) for word in line.text.split(" "))
    size = int(_room(replace(line, size=1), width) / max(widest, 1.0))
    return replace(line, size=min(line.size, max(size, least)))


def in_words(text: str) -> str:
    """A text in one line of words none of which is too long for a slide."""
    words = " ".join(re.split(r"[ \n\t]+", printable(text).strip()))
    return NO_WORD.sub(lambda found: f"{found[0][: LONGEST_WORD - 1]}…", words)


def _height(lines: Sequence[Line], width: int) -> int:
    sizes = [line.size * (LINE_HEIGHT * _lines_of(line, width) + AFTER) for line in lines]
    return Pt(sum(sizes) - AFTER * lines[-1].size if lines else 0)


def _lines_of(line: Line, width: int) -> int:
    return line_count(line.text, _room(line, width), bold=line.bold)


def _room(line: Line, width: int) -> float:
    return (width - BULLET * line.bullet) / Pt(line.size)


# --- tables -----------------------------------------------------------------------------------------------------------

Fitted = tuple[int, list[int], list[int], list[list[str]]]  # size of text, widths, columns that are kept, cells


def fitted_table(columns: Sequence[Column], rows: Sequence[Sequence[str]], box: Box) -> Fitted:
    """A table for a place: first its text gets smaller, then optional columns go, then texts are cut, then rows."""
    cells = [[column.label for column in columns], *([in_words(text) for text in row] for row in rows)]
    optional = [i for i, column in enumerate(columns) if column.optional]
    sets = [[i for i in range(len(columns)) if i not in optional[n:]] for n in range(len(optional), -1, -1)]
    tries = [
        *product(sets, (3, 2), (SMALLEST, 13, SMALLEST_IN_TABLES)),
        *product(sets[::-1], (1,), (SMALLEST_IN_TABLES,)),
    ]
    for kept, most, size in tries:
        these = [[row[i] for i in kept] for row in cells]
        widths = _widths([columns[i] for i in kept], these, size, box.width)
        cut = _cut(these, widths, size, most) if widths else []
        if widths and _table_height(cut, widths, size) <= box.height:
            return size, widths, kept, cut
    widths = widths or [box.width // len(kept)] * len(kept)
    cut = _cut(these, widths, size, 1)
    while len(cut) > 2 and _table_height(cut, widths, size) > box.height:
        cut.pop()
    more = _("{n} more, in the pack").format(n=len(cells) - len(cut) + 1)
    return size, widths, kept, [*cut[:-1], [more, *[""] * (len(kept) - 1)]]


def _widths(columns: Sequence[Column], cells: Sequence[Sequence[str]], size: int, room: int) -> list[int]:
    """The width of each column: figures get what they need, texts share the rest; none if that is too narrow."""
    needed = [
        math.ceil(max(ems(row[i], bold=not y) for y, row in enumerate(cells)) * Pt(size)) + 2 * CELL[0] + Pt(1)
        for i in range(len(columns))
    ]
    texts = sorted((i for i, column in enumerate(columns) if not column.figures), key=lambda i: needed[i])
    rest = room - sum(needed[i] for i, column in enumerate(columns) if column.figures)
    for n, i in enumerate(texts):
        fair = int(rest * math.sqrt(needed[i]) / sum(math.sqrt(needed[j]) for j in texts[n:]))
        if fair < min(needed[i], NARROWEST):
            return []
        needed[i] = rest if i == texts[-1] else min(needed[i], fair)  # the widest fills what is left
        rest -= needed[i]
    return needed


def _cut(cells: Sequence[Sequence[str]], widths: Sequence[int], size: int, most: int) -> list[list[str]]:
    """The cells, each on so many lines at most."""
    return [
        [
            shortened(text, (width - 2 * CELL[0]) / Pt(size), most, bold=not y)
            for text, width in zip(row, widths, strict=True)
        ]
        for y, row in enumerate(cells)
    ]


def _table_height(cells: Sequence[Sequence[str]], widths: Sequence[int], size: int) -> int:
    return sum(row_height(row, widths, size, bold=not y) for y, row in enumerate(cells))


def row_height(row: Sequence[str], widths: Sequence[int], size: int, *, bold: bool) -> int:
    """How high a row of a table is, in EMU."""
    rooms = [(width - 2 * CELL[0]) / Pt(size) for width in widths]
    most = max(line_count(text, room, bold=bold) for text, room in zip(row, rooms, strict=True))
    return int(Pt(most * size * LINE_HEIGHT) + 2 * CELL[1])
