"""What poppler finds printed on the pages of a PDF: each word with its box, in points from the upper left corner."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

import pytest
from bs4 import BeautifulSoup

SIDE, EDGE = 48, 20  # points: the margins of 17 mm at the sides, and 7 mm above and below that printers leave free


@dataclass(frozen=True)
class Word:
    """A word and where it stands."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Sheet:
    """One page."""

    number: int
    width: float
    height: float
    words: list[Word]

    def beyond(self) -> list[Word]:
        """The words that stand in a margin; a point is what glyphs may lean out."""
        ends = (SIDE - 1, self.width - SIDE + 1, EDGE, self.height - EDGE)
        left, right, top, bottom = ends
        return [w for w in self.words if w.left < left or w.right > right or w.top < top or w.bottom > bottom]

    def overlapping(self) -> Iterator[tuple[Word, Word]]:
        """The pairs of words of which one stands on the other."""
        found = sorted(self.words, key=lambda word: word.top)
        for i, word in enumerate(found):
            for other in takewhile(lambda it, end=word.bottom: it.top < end, found[i + 1 :]):
                across = min(word.right, other.right) - max(word.left, other.left)
                down = min(word.bottom, other.bottom) - other.top
                if across > 1 and down > 0.45 * min(word.bottom - word.top, other.bottom - other.top):
                    yield word, other


def sheets(pdf: bytes) -> list[Sheet]:
    """The pages of a PDF."""
    pages = BeautifulSoup(_poppler(pdf, "-bbox"), "html.parser").find_all("page")
    return [
        Sheet(number, float(page["width"]), float(page["height"]), [_word(found) for found in page.find_all("word")])
        for number, page in enumerate(pages, start=1)
    ]


def lines(pdf: bytes) -> list[str]:
    """The lines of all pages as they are seen, from left to right, with one blank between what stands apart."""
    return [" ".join(line.split()) for line in _poppler(pdf, "-layout").splitlines()]


def _word(found: BeautifulSoup) -> Word:
    return Word(found.get_text(), *(float(found[name]) for name in ("xmin", "ymin", "xmax", "ymax")))


def _poppler(pdf: bytes, form: str) -> str:
    program = shutil.which("pdftotext") or pytest.skip("no poppler here")
    done = subprocess.run([program, form, "-", "-"], input=pdf, capture_output=True, check=True)
    return re.sub("[\x00-\x08\x0e-\x1f]", "", done.stdout.decode())
