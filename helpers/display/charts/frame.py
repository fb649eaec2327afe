"""What all charts share: the picture with its sentence and table, the sheet it is drawn on, axes, fills and labels.

A chart is drawn on one sheet as wide as the text column. Axes are quiet, values stand as labels beside their marks,
and no label lies on another.
"""

from __future__ import annotations

import io
import logging
import math
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from html import escape
from typing import Any, Literal
from unicodedata import category

import fontpkg_fira_sans
import matplotlib
import numpy as np
import pandas as pd
from babel.dates import format_date
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from rich.cells import cell_len

from helpers.display.context import Context
from helpers.display.formats import MONEY, Writer, month_start
from helpers.display.palette import LINE, QUIET, TEXT, shades, tint
from helpers.display.shown_tables import Table, seen, table_html
from helpers.display.sparkline import data_url
from helpers.language import _, cjk_family, cjk_font, locale_in_force, message, plural, template
from helpers.results import Column, Listing
from helpers.texts import printable, spoken

WIDTH = 6.7  # inches: the text column of an A4 page
SMALL_SIZE = 7.5  # points: the words of charts
CHARACTER = 0.0075  # inches per point of type size: how wide a character of a label is taken to be
COLUMN, SHIFT = 0.5, 0.1  # of the distance between two columns: a width; how far one and that of before stand off
WIDE = "\ue000"  # stands after a Chinese sign while a label is broken, since that is as wide as two letters
LINE_SHARE = 0.14  # of the height of columns: a line of words on them
DAYS_KEY = message("dark: waiting; light: work; between: not told which")
DAY_KINDS = {"waiting": template("waiting"), "working": template("working"), "untold": template("untold")}
BAR, ROW, LOW_ROW = 0.62, 0.19, 0.145  # a bar's height, of a row; the height of a row, in inches
NAME = 43  # characters of a row's name
FALLBACKS = (
    "Noto Sans", "Noto Sans Arabic", "Noto Sans Hebrew", "DejaVu Sans", "Noto Sans CJK", "Droid Sans Fallback",
    "Noto Emoji",
)  # fmt: skip
TEXTS = re.compile(r"(<text [^>]*font-family: )([^>]*>[^<]*)")
CHINESE = re.compile("[\u3400-\u9fff]")
MISSING = "\ufffd"
UNSETTABLE = "\u200d\u0268"  # a joiner and a letter which, as marks upon letters, Typst sets in no picture of a PDF/UA
WHOLE = (*MONEY, "count")  # units that are written without decimals
Side = Literal["right", "above", "below"]


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

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        if not self.svg:
            return self._instead()._repr_mimebundle_()
        resource = self.table.resource()
        behind, figures = table_html(seen({**resource, "title": ""})), _("Figures")
        parts = {
            "title": self.title, "sentence": self.sentence, "alt": self.sentence, "svg": self.svg, "table": resource,
        }  # fmt: skip
        return {
            "application/vnd.kpi-review.chart+json": parts,
            "text/html": (
                f'<figure class="kpi-chart"><figcaption><strong>{escape(self.title)}</strong><br>'
                f"{escape(self.sentence)}</figcaption>"
                f'<img src="{data_url(self.svg)}" alt="{escape(self.sentence)}">'
                f"<details><summary>{figures}</summary>{behind}</details></figure>"
            ),
            "text/plain": f"{self.title}\n{self.sentence}",
        }

    def _instead(self) -> Table:
        """What stands in the picture's place: the table with the sentence; where all is zero, the sentence alone."""
        listing = self.table.listing
        has_figures = listing.rows.select_dtypes("number").fillna(0).to_numpy().any()
        rows, note = (listing.rows, self.sentence) if has_figures else (listing.rows.head(0), "")
        instead = replace(listing, caption=self.title, rows=rows, note=note, when_empty=self.sentence)
        return Table(instead, self.table.context)


def not_drawn(table: Table, sentence: str = "") -> Chart:
    """A chart of a table without a picture: the sentence says why, else the table's own for no rows."""
    return Chart(table.listing.caption, sentence or table.listing.when_empty, "", table)


def table_behind(
    context: Context, caption: str, rows: pd.DataFrame, columns: Mapping[str, Column], when_empty: str, note: str = ""
) -> Table:
    """The table behind a chart: these columns of the rows."""
    return Table(Listing(caption, rows[list(columns)], columns, when_empty, note=note), context)


# --- the sheet --------------------------------------------------------------------------------------------------------


@dataclass
class Sheet:
    """One sheet to draw on, in the words and the colour of a review; ``svg`` is there once it is closed.

    ``told`` are the words of its marks, in the order in which they were drawn.
    """

    axes: Axes
    context: Context
    svg: str = field(default="")
    told: list[str] = field(default_factory=list)

    @property
    def write(self) -> Writer:
        return self.context.write

    @property
    def ink(self) -> str:
        return self.context.ink

    def mark(self, artist: Artist, name: Any, value: str) -> None:
        """Say what a bar, a dot, a cell or a point tells, so that its value can be read off the picture."""
        artist.set_gid(f"mark{len(self.told)}")
        self.told.append(_("{name}: {value}").format(name=spoken(str(name)), value=value))

    def marks(self, artists: Iterable[Artist], names: Iterable[Any], values: Iterable[Any], unit: str) -> None:
        """Say what each of these tells; one without a value says nothing."""
        for artist, name, value in zip(artists, names, values, strict=True):
            if not pd.isna(value):
                self.mark(artist, name, self.write.phrase(value, unit))

    def points(self, xs: Iterable[Any], ys: Iterable[Any], names: Iterable[Any], unit: str) -> None:
        """Say what each point of a line tells: a dot that is not seen lies on it."""
        at = [(x, y, name) for x, y, name in zip(xs, ys, names, strict=True) if not pd.isna(y)]
        dots = [self.axes.add_line(Line2D([x], [y], ls="", marker="o", ms=9, alpha=0, zorder=9)) for x, y, _ in at]
        self.marks(dots, [name for *_, name in at], [y for _, y, _ in at], unit)

    def value_axis(self, unit: str) -> None:
        """Few, quiet grid lines, labelled in the unit's format."""
        self.axes.yaxis.set_major_locator(MaxNLocator(4, integer=unit in WHOLE))
        self.axes.yaxis.set_major_formatter(lambda value, _: self.write.value(value, unit))
        self.axes.grid(axis="y", color=LINE, linewidth=0.6)
        self.axes.set_axisbelow(True)
        self.axes.tick_params(axis="y", labelcolor=QUIET, labelsize=SMALL_SIZE)

    def zero_axis(self, highest: float, lowest: float = 0.0, lines: int = 1) -> None:
        """Columns stand on a line at zero; their values are written on them in so many lines, so no scale is drawn."""
        self.axes.set_yticks([])
        self.axes.axhline(0, color=TEXT, linewidth=0.9, zorder=4)
        top, bottom, line = max(highest, 0.0), min(lowest, 0.0), LINE_SHARE * lines
        room = line * (top - bottom or 1.0) / (1 - line * (2 if lowest < 0 else 1))
        self.axes.set_ylim(bottom - (room if lowest < 0 else 0), top + room)

    def period_axis(self, periods: Sequence[str], partial: Sequence[bool]) -> None:
        """One tick per period, or each third where months are many; the year once, what is partial marked."""
        step = 3 if len(periods) > 14 else 1
        shown = [i for i in range(len(periods)) if (len(periods) - 1 - i) % step == 0]
        labels, year_before = [], ""
        for i in shown:
            short, year = _short_period(periods[i])
            labels.append(short + (f"\n{year}" if year != year_before else "\n"))
            if partial[i]:
                labels[-1] += ("\n" if year != year_before else "") + _("to date")
            year_before = year
        self.axes.set_xticks(shown, labels, color=TEXT, fontsize=SMALL_SIZE)

    def row_axis(self, names: Iterable[Any], lines: int = 1, *, from_zero: bool = True) -> None:
        """One row per name, the first on top; bars start on a line at zero and carry their values."""
        labels = [wrapped(str(name), NAME, lines) for name in names]
        self.axes.set_yticks(range(len(labels)), labels, fontsize=SMALL_SIZE, color=TEXT, va="center")
        self.axes.set_ylim(len(labels) - 0.45, -0.55)
        self.axes.set_xticks([])
        if from_zero:
            self.axes.axvline(0, color=TEXT, linewidth=0.9, zorder=4)

    def key(self, words: str) -> None:
        """The line above the drawing that says what its fills and marks mean."""
        self.axes.set_title(words, loc="left", fontsize=SMALL_SIZE, color=QUIET)

    def column(self, x: float, value: float, colour: str, *, partial: bool, bottom: float = 0.0) -> BarContainer:
        """One column, of what is to date as such."""
        return self.axes.bar(x, value, COLUMN, bottom, **fill(colour, partial=partial))

    def text(
        self, at: tuple[float, float], text: str, offset: tuple[float, float] = (4, 0), *, colour: str = TEXT,
        bold: bool = False, side: Side = "right", **more: Any,
    ) -> None:  # fmt: skip
        """A text so many points off a place, on one side of it."""
        across, up = {"right": ("left", "center"), "above": ("center", "bottom"), "below": ("center", "top")}[side]
        options = {"ha": across, "va": up, "fontsize": SMALL_SIZE, "color": colour, "annotation_clip": False, **more}
        weight = "bold" if bold else "normal"
        self.axes.annotate(text, at, offset, textcoords="offset points", fontweight=weight, **options)

    def edge_text(self, y: float, text: str, offset: tuple[float, float] = (6, 0), **more: Any) -> None:
        """A quiet text in the column beside the right edge."""
        options = {"colour": QUIET, "xycoords": ("axes fraction", "data"), **more}
        self.text((1, y), text, offset, **options)

    def end_labels(self, labels: Sequence[EndLabel]) -> None:
        """Labels beside the right edge, as near to their values as they fit."""
        low, high = self.axes.get_ylim()
        figure, line = self.axes.get_figure(root=True), 1.25 * SMALL_SIZE
        point = (high - low) / ((figure.get_figheight() if figure else 0.0) * 72 * 0.64)
        centres = spread_apart([label.y for label in labels], [label.lines * line * point for label in labels])
        for label, y in zip(labels, centres, strict=True):
            top = y + label.lines * line * point / 2
            look: dict[str, Any] = {"colour": label.colour, "va": "top", "linespacing": 1.1}
            self.edge_text(top, label.value, bold=True, **look)
            self.edge_text(top, label.text, (6, -line if label.value else 0), **look)


@contextmanager
def sheet(height: float, context: Context) -> Iterator[Sheet]:
    """A sheet of the pack's width and this height in inches, without ticks and spines."""
    with matplotlib.rc_context(_style()):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)  # type: ignore[union-attr, call-arg]
        FigureCanvasSVG(figure)  # so that words are given the room that they take there
        drawn = Sheet(figure.subplots(), context)
        for side in ("top", "right", "left", "bottom"):
            drawn.axes.spines[side].set_visible(False)
        drawn.axes.tick_params(length=0)
        yield drawn
        _make_printable(figure)
        _lay_out(figure)
        drawn.svg = _svg(figure, drawn.told)


@dataclass(frozen=True)
class EndLabel:
    """A label beside the right edge: a value in bold, where there is one, above its name."""

    y: float
    text: str
    value: str = ""
    colour: str = QUIET

    @property
    def lines(self) -> int:
        return self.text.count("\n") + 1 + bool(self.value)


def fill(colour: str, *, partial: bool) -> dict[str, Any]:
    """How a bar is filled: solid, or pale in a dashed edge where its value is to date."""
    if partial:
        return {"facecolor": tint(colour, 0.15), "edgecolor": colour, "linestyle": (0, (3, 2)), "linewidth": 1.0}
    return {"facecolor": colour, "edgecolor": "white", "linewidth": 0.4}


def hatched(colour: str) -> dict[str, Any]:
    """How a bar of a forecast is filled, and nothing else."""
    return {"facecolor": "none", "edgecolor": colour, "hatch": "/////", "linewidth": 0.9}


def day_looks(colour: str) -> dict[str, dict[str, Any]]:
    """How days are filled, by what was done on them; ``DAYS_KEY`` says which is which."""
    kinds = zip(DAY_KINDS, shades(colour), strict=True)
    return {kind: fill(shade, partial=False) for kind, shade in kinds}


def counted(n: int, things: str, write: Writer) -> str:
    """So many of the things that a chart is of.

    >>> counted(1, "customers", Writer("EUR"))
    '1 customer'
    """
    match things:
        case "customers":
            told = plural("{n} customer", "{n} customers", n)
        case "commitments":
            told = plural("{n} commitment", "{n} commitments", n)
        case "items":
            told = plural("{n} item", "{n} items", n)
        case _other:
            told = "{n} {things}"
    return told.format(n=write.value(n, "count"), things=things)


# --- where labels have room -------------------------------------------------------------------------------------------


def wrapped(text: str, width: int = 26, lines: int = 2) -> str:
    r"""A label in at most so many lines; what is cut off ends in an ellipsis, and the table has it whole.

    >>> wrapped("Reactivation MRR of customers that left once", 18)
    'Reactivation MRR\nof customers that…'
    >>> wrapped("Talvenor 不活跃客户", 12)
    'Talvenor\n不活跃客户'
    """
    signs = (sign + WIDE * (cell_len(sign) - 1) for sign in text.replace("_", " "))
    found = textwrap.wrap("".join(signs), width) or [""]
    if len(found) > lines:
        found = [*found[: lines - 1], found[lines - 1][: width - 1] + "…"]
    return "\n".join(found).replace(WIDE, "")


def labels_with_room(texts: Sequence[str]) -> list[int]:
    """Which labels have room in a row: all, or each so many back from the last.

    >>> labels_with_room(["€118,000"] * 9), labels_with_room(["€1,118,000"] * 12)
    ([0, 1, 2, 3, 4, 5, 6, 7, 8], [1, 3, 5, 7, 9, 11])
    """
    count, widest = len(texts), max(map(cell_len, texts))
    step = max(1, math.ceil(widest * SMALL_SIZE * CHARACTER * count / (WIDTH - 1.3)))
    return [i for i in range(count) if (count - 1 - i) % step == 0]


def spread_apart(wanted: Sequence[float], sizes: Sequence[float]) -> list[float]:
    """Centres as near to the wanted ones as keep things of these sizes apart; their order stays.

    >>> spread_apart([0.0, 0.5, 5.0], [1.0, 1.0, 1.0])
    [-0.25, 0.75, 5.0]
    """
    from scipy.optimize import isotonic_regression

    order = np.argsort(wanted, kind="stable")
    size = np.asarray(sizes, dtype=float)[order]
    offsets = np.cumsum(size) - size / 2  # of the centres, where nothing is between one thing and the next
    placed = np.empty(len(order))
    placed[order] = isotonic_regression(np.asarray(wanted, dtype=float)[order] - offsets).x + offsets
    return placed.tolist()


def _short_period(label: str) -> tuple[str, str]:
    """The name of a period on an axis, and the year that it stands in."""
    if match := re.fullmatch(r"(FY)?(\d{4})Q(\d)", label):
        year = _("FY{year}") if match[1] else "{year}"
        return _("Q{quarter}").format(quarter=match[3]), year.format(year=match[2])
    if start := month_start(label):
        return format_date(start, "LLL", locale=locale_in_force()).rstrip("."), str(start.year)
    return label, ""


# --- typeface and SVG -------------------------------------------------------------------------------------------------


def apply_style() -> None:
    """Give every matplotlib chart of a notebook the pack's typeface and reproducible SVG."""
    matplotlib.rcParams.update(_style())


def _lay_out(figure: Figure) -> None:
    """Give all marks and words their places, once: when it saves, matplotlib would draw all of it before that too."""
    if engine := figure.get_layout_engine():
        engine.execute(figure)
    figure.set_layout_engine("none")


def _svg(figure: Figure, told: Sequence[str]) -> str:
    """The figure as SVG: the same bytes on every run, nothing that names a date or a program; a mark has its words.

    Its words are text, which a reader can find and copy, or all of them outlines where the PDF could not set them.
    """
    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none" if _is_settable(figure) else "path"}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None})
    text = file.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text[text.index("<svg") :], flags=re.DOTALL)

    def mark(found: re.Match[str]) -> str:
        words = " ".join(printable(told[int(found[1])]).split())
        return f'<g class="mark" data-value="{escape(words)}">'

    text = re.sub(r'<g id="mark(\d+)">', mark, text)
    return re.sub(r"\s*\n\s*", "\n", TEXTS.sub(_in_own_signs, text)).strip()


def _in_own_signs(found: re.Match[str]) -> str:
    """A text of an SVG with the Chinese typeface first where it is needed: Typst would take that of any region."""
    first = f"'{cjk_family()}', " if CHINESE.search(found[2]) else ""
    return f"{found[1]}{first}{found[2]}"


def _is_settable(figure: Figure) -> bool:
    """Whether the PDF can set all words: each text in one typeface, without marks that are set upon letters."""
    texts = [text.get_text() for text in figure.findobj(Text)]
    if any(category(character).startswith("M") or character in UNSETTABLE for text in texts for character in text):
        return False
    return all(any(_covers(family, text) for family in _families()) for text in texts)


def _make_printable(figure: Figure) -> None:
    """A sign in place of every character that no typeface has: matplotlib draws boxes; the table has the name."""
    for text in figure.findobj(Text):
        text.set_text(_with_drawable_characters(text.get_text()))
        text.set_fontfamily(_families_for(text.get_text()))
    for axis in [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]:
        written = [label.get_text() for label in axis.get_ticklabels()]
        shown = [_with_drawable_characters(text) for text in written]
        if shown != written:
            axis.set_ticklabels(shown)
        for label in axis.get_ticklabels():
            label.set_fontfamily(_families_for(label.get_text()))


def _with_drawable_characters(text: str) -> str:
    shown = printable(text)
    families = _families()
    return "".join(c if c.isspace() or any(_covers(family, c) for family in families) else MISSING for c in shown)


def _families_for(text: str) -> list[str]:
    """The typeface that has all of a text, so that the PDF sets it and its room is measured in it; else all of them."""
    families = _families()
    whole = next((family for family in families if _covers(family, text)), None)
    return [*([whole] if whole else families), "sans-serif"]


def _covers(family: str, text: str) -> bool:
    drawable = _drawable_in(family)
    return all(ord(c) in drawable or c.isspace() for c in text)


@cache
def _drawable_in(family: str) -> frozenset[int]:
    """The characters that a typeface has, upright and bold."""
    regular, bold = (findfont(FontProperties(family=family, weight=weight)) for weight in ("regular", "bold"))
    return frozenset(get_font(regular).get_charmap().keys() & get_font(bold).get_charmap().keys())


def _families() -> tuple[str, ...]:
    """The pack's typeface and, where a machine has them, those for signs and scripts that it lacks."""
    wanted = [cjk_family() if name == "Noto Sans CJK" else name for name in FALLBACKS]
    return fontpkg_fira_sans.FAMILY, *(name for name in wanted if name in _known())


@cache
def _known() -> frozenset[str]:
    """The typefaces that charts may use, with those that come by pip."""
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it warns of typefaces without a bold face
    for path in sorted((fontpkg_fira_sans.ROOT / "files").glob("FiraSans-*.ttf")):
        if path.stem.removeprefix("FiraSans-") in ("Regular", "Bold"):
            fontManager.addfont(path)
    if chinese := cjk_font():
        fontManager.addfont(chinese)
    return frozenset(fontManager.get_font_names())


def _style() -> Any:
    return {
        "font.family": [*_families(), "sans-serif"],
        "font.sans-serif": ["Arial", "DejaVu Sans"],  # JupyterLab may lack the typeface, and DejaVu is too wide to fit
        "font.size": SMALL_SIZE,
        "text.color": TEXT,
        "text.parse_math": False,  # a name may hold dollar signs
        "axes.edgecolor": LINE,
        "axes.unicode_minus": True,
        "svg.fonttype": "path",
        "svg.hashsalt": "kpi-review",
    }
