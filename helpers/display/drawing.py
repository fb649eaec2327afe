"""Charts as objects, and what all their forms share: typeface, sheet, labels, SVG."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from html import escape
from typing import Any

import fontpkg_fira_sans
import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.text import Text

from helpers.display.palette import LINE, TEXT
from helpers.display.sparkline import data_url
from helpers.display.tables import Table, table_from_resource, table_html
from helpers.texts import printable

WIDTH = 6.7  # inches: the text column of an A4 page
SIZE, SMALL_SIZE = 8.5, 7.5
CHARACTER = 0.0075  # inches per point of type size: how wide a character of a label is taken to be
FALLBACKS = (
    "Noto Sans", "Noto Sans CJK JP", "Noto Sans Arabic", "Noto Sans Hebrew", "DejaVu Sans", "Droid Sans Fallback",
    "Noto Emoji",
)  # fmt: skip
MISSING = "\ufffd"


@dataclass(frozen=True)
class Chart:
    """A picture, the sentence that it shows, and the table behind it.

    The sentence is the alternative text. Without ``svg`` there is too little to draw: the sentence says why, and the
    table is displayed in the picture's place.
    """

    title: str
    sentence: str
    svg: str
    table: Table

    @property
    def alt(self) -> str:
        return self.sentence

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        if not self.svg:
            return self._instead()._repr_mimebundle_()
        resource = self.table.resource()
        behind = table_html(table_from_resource({**resource, "title": ""}))
        parts = {"title": self.title, "sentence": self.sentence, "alt": self.alt, "svg": self.svg, "table": resource}
        return {
            "application/vnd.kpi-review.chart+json": parts,
            "text/html": (
                f'<figure class="kpi-chart"><figcaption><strong>{escape(self.title)}</strong><br>'
                f"{escape(self.sentence)}</figcaption>"
                f'<img src="{data_url(self.svg)}" alt="{escape(self.alt)}">'
                f"<details><summary>Figures</summary>{behind}</details></figure>"
            ),
            "text/plain": f"{self.title}\n{self.sentence}",
        }

    def _instead(self) -> Table:
        """What stands in the picture's place: the table with the sentence; where all is zero, the sentence alone."""
        listing = self.table.listing
        told = listing.rows.select_dtypes("number").fillna(0).to_numpy().any()
        rows, note = (listing.rows, self.sentence) if told else (listing.rows.head(0), "")
        instead = replace(listing, caption=self.title, rows=rows, note=note, when_empty=self.sentence)
        return Table(instead, self.table.context)


def apply_style() -> None:
    """Give every matplotlib chart of a notebook the pack's typeface and reproducible SVG."""
    matplotlib.rcParams.update(_style())


@dataclass
class Sheet:
    """A drawing of one height, on which a form of chart puts its marks; ``svg`` is there once it is closed."""

    axes: Axes
    svg: str = field(default="")


@contextmanager
def sheet(height: float) -> Iterator[Sheet]:
    """A sheet of the pack's width and this height in inches."""
    with matplotlib.rc_context(_style()):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)  # type: ignore[union-attr, call-arg]
        drawn = Sheet(figure.subplots())
        for side in ("top", "right", "left", "bottom"):
            drawn.axes.spines[side].set_visible(False)
        drawn.axes.tick_params(length=0)
        yield drawn
        _make_printable(figure)
        drawn.svg = _svg(figure)


def _svg(figure: Figure) -> str:
    """The figure as SVG: the same bytes on every run, nothing that names a date or a program."""
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None})
    text = file.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text[text.index("<svg") :], flags=re.DOTALL)
    return re.sub(r"\s*\n\s*", "\n", text).strip()


def _make_printable(figure: Figure) -> None:
    """A sign in place of every character that no typeface has: matplotlib draws boxes; the table has the name."""
    for text in figure.findobj(Text):
        text.set_text(_with_known_glyphs(text.get_text()))
    for axis in [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]:
        written = [label.get_text() for label in axis.get_ticklabels()]
        shown = [_with_known_glyphs(text) for text in written]
        if shown != written:
            axis.set_ticklabels(shown)


def _with_known_glyphs(text: str) -> str:
    shown = printable(text)
    return shown.translate({ord(c): MISSING for c in shown if ord(c) not in _known() and not c.isspace()})


@cache
def _known() -> frozenset[int]:
    """The characters that some typeface of the charts has, upright and bold."""
    found: set[int] = set()
    for family in _families():
        regular, bold = (findfont(FontProperties(family=family, weight=weight)) for weight in ("regular", "bold"))
        found |= get_font(regular).get_charmap().keys() & get_font(bold).get_charmap().keys()
    return frozenset(found)


@cache
def _families() -> list[str]:
    """The pack's typeface and, where a machine has them, those for signs and scripts that it lacks."""
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it warns of typefaces without a bold face
    for path in sorted((fontpkg_fira_sans.ROOT / "files").glob("FiraSans-*.ttf")):
        if path.stem.removeprefix("FiraSans-") in ("Regular", "Bold"):
            fontManager.addfont(path)
    installed = set(fontManager.get_font_names())
    return [fontpkg_fira_sans.FAMILY, *(name for name in FALLBACKS if name in installed)]


def _style() -> Any:
    return {
        "font.family": _families(),
        "font.size": SIZE,
        "text.color": TEXT,
        "text.parse_math": False,  # a name may hold dollar signs
        "axes.edgecolor": LINE,
        "axes.unicode_minus": True,
        "hatch.linewidth": 0.7,
        "svg.fonttype": "path",
        "svg.hashsalt": "kpi-review",
    }
