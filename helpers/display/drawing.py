"""Charts as objects, and what all their forms share: typeface, sheet, labels, SVG."""

from __future__ import annotations

import io
import math
import re
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from html import escape
from typing import Any

import fontpkg_fira_sans
import matplotlib
from babel.dates import format_date
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.ticker import MaxNLocator

from helpers.display.context import Results
from helpers.display.formats import format_value, month_start
from helpers.display.palette import LINE, QUIET, TEXT
from helpers.display.sparkline import data_url
from helpers.display.tables import Table, table_from_resource, table_html

WIDTH = 6.7  # inches: the text column of an A4 page
SIZE, SMALL_SIZE = 8.5, 7.5
CHARACTER = 0.0075  # inches per point of type size: how wide a character of a label is taken to be
FALLBACKS = ("Noto Sans", "Noto Sans CJK JP", "Noto Sans Arabic", "Noto Sans Hebrew", "DejaVu Sans")


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
            told = replace(self.table.listing, caption=self.title, note=self.sentence, when_empty=self.sentence)
            return Table(told, self.table.context)._repr_mimebundle_()
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
    with matplotlib.rc_context(_style()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # no typeface has every emoji; the table has the name
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)  # type: ignore[union-attr, call-arg]
        drawn = Sheet(figure.subplots())
        for side in ("top", "right", "left", "bottom"):
            drawn.axes.spines[side].set_visible(False)
        drawn.axes.tick_params(length=0)
        yield drawn
        drawn.svg = _svg(figure)


def value_axis(axes: Axes, results: Results, unit: str) -> None:
    """Few, quiet grid lines, labelled in the unit's format."""
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(lambda value, _: format_value(value, unit, **results.context.style))
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", labelcolor=QUIET, labelsize=SMALL_SIZE)


def zero_axis(axes: Axes, highest: float, lowest: float = 0.0) -> None:
    """Columns stand on a line at zero; their values are written on them, so no scale is drawn."""
    axes.set_yticks([])
    axes.axhline(0, color=TEXT, linewidth=0.9, zorder=4)
    room = 0.2 * (max(highest, 0.0) - min(lowest, 0.0) or 1.0)
    axes.set_ylim(min(lowest, 0.0) - (room if lowest < 0 else 0), max(highest, 0.0) + room)


def columns_labelled(widest: int, count: int) -> list[int]:
    """Which columns have room for a label of so many characters: all, or each so many back from the last.

    >>> columns_labelled(8, 9), columns_labelled(10, 24)
    ([0, 1, 2, 3, 4, 5, 6, 7, 8], [2, 5, 8, 11, 14, 17, 20, 23])
    """
    step = max(1, math.ceil(widest * SMALL_SIZE * CHARACTER * count / (WIDTH - 1.3)))
    return [i for i in range(count) if (count - 1 - i) % step == 0]


def period_axis(axes: Axes, periods: Sequence[str], locale: str, partial: Sequence[bool] = ()) -> None:
    """One tick per period, or each third where months are many; the year once, what is partial marked."""
    step = 3 if len(periods) > 14 else 1
    shown = [i for i in range(len(periods)) if (len(periods) - 1 - i) % step == 0]
    labels, year_before = [], ""
    for i in shown:
        short, year = _short(periods[i], locale)
        labels.append(short + (f"\n{year}" if year != year_before else "\n"))
        if partial and partial[i]:
            labels[-1] += "\nto date" if year != year_before else "to date"
        year_before = year
    axes.set_xticks(shown, labels, color=TEXT, fontsize=SMALL_SIZE)


def wrapped(text: str, width: int = 26, lines: int = 2) -> str:
    r"""A label in at most so many lines; what is cut off ends in an ellipsis, and the table has it whole.

    >>> wrapped("Reactivation MRR of customers that left once", 18)
    'Reactivation MRR\nof customers that…'
    """
    found = textwrap.wrap(text.replace("_", " "), width) or [""]
    if len(found) > lines:
        found = [*found[: lines - 1], found[lines - 1][: width - 1] + "…"]
    return "\n".join(found)


@dataclass(frozen=True)
class Label:
    """A label beside the right edge: a value in bold, where there is one, above its name."""

    y: float
    text: str
    value: str = ""
    colour: str = QUIET

    @property
    def lines(self) -> int:
        return self.text.count("\n") + 1 + bool(self.value)


def end_labels(axes: Axes, labels: Sequence[Label]) -> None:
    """Labels beside the right edge, as near to their values as they fit."""
    low, high = axes.get_ylim()
    line = 1.25 * SMALL_SIZE
    point = (high - low) / (_height(axes) * 72 * 0.8)
    places = spread([label.y for label in labels], [label.lines * line * point for label in labels])
    for label, y in zip(labels, places, strict=True):
        top = y + label.lines * line * point / 2
        for i, (text, weight) in enumerate(((label.value, "bold"), (label.text, "regular"))):
            axes.annotate(
                text, (1, top), (6, -i * bool(label.value) * line), xycoords=("axes fraction", "data"),
                textcoords="offset points", va="top", color=label.colour, fontsize=SMALL_SIZE, fontweight=weight,
                annotation_clip=False, linespacing=1.1,
            )  # fmt: skip


def spread(wanted: Sequence[float], sizes: Sequence[float]) -> list[float]:
    """Centres as near to the wanted ones as keep things of these sizes apart; their order stays.

    >>> spread([0.0, 0.1, 5.0], [1.0, 1.0, 1.0])
    [-0.45, 0.55, 5.0]
    """
    groups: list[_Group] = []
    for i in sorted(range(len(wanted)), key=lambda i: wanted[i]):
        groups.append(_Group([i], wanted, sizes))
        while len(groups) > 1 and groups[-1].start < groups[-2].end - 1e-9:
            groups[-2:] = [_Group(groups[-2].members + groups[-1].members, wanted, sizes)]
    placed = {i: centre for group in groups for i, centre in group.centres().items()}
    return [placed[i] for i in range(len(wanted))]


@dataclass
class _Group:
    """Things that touch, placed so that they are as near as they can be to where they belong."""

    members: list[int]
    wanted: Sequence[float]
    sizes: Sequence[float]

    @property
    def start(self) -> float:
        offsets = self._offsets()
        return sum(self.wanted[i] - offsets[i] for i in self.members) / len(self.members)

    @property
    def end(self) -> float:
        return self.start + sum(self.sizes[i] for i in self.members)

    def centres(self) -> dict[int, float]:
        return {i: self.start + offset for i, offset in self._offsets().items()}

    def _offsets(self) -> dict[int, float]:
        found, reached = {}, 0.0
        for i in self.members:
            found[i] = reached + self.sizes[i] / 2
            reached += self.sizes[i]
        return found


def _height(axes: Axes) -> float:
    """The height of the sheet, in inches."""
    figure = axes.get_figure(root=True)
    return float(figure.get_figheight()) if figure else 0.0


def _short(label: str, locale: str) -> tuple[str, str]:
    """The name of a period on an axis, and the year that it stands in."""
    if match := re.fullmatch(r"((?:FY)?\d{4})(Q\d)", label):
        return match[2], match[1]
    if start := month_start(label):
        return format_date(start, "LLL", locale=locale).rstrip("."), str(start.year)
    return label, ""


def _svg(figure: Figure) -> str:
    """The figure as SVG: the same bytes on every run, nothing that names a date or a program."""
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None})
    text = file.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text[text.index("<svg") :], flags=re.DOTALL)
    return re.sub(r"\s*\n\s*", "\n", text).strip()


@cache
def _families() -> list[str]:
    """The pack's typeface and, where a machine has them, those for signs and scripts that it lacks."""
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
