"""The marks of a chart: axes, columns, labels beside and above them, none upon another."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from babel.dates import format_date
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from helpers.display.context import Results
from helpers.display.drawing import CHARACTER, SIZE, SMALL_SIZE, WIDTH
from helpers.display.formats import format_value, month_start
from helpers.display.palette import LINE, QUIET, TEXT
from helpers.display.tables import Table

COLUMN = 0.5  # of the distance between two columns
BAR, ROW = 0.62, 0.28  # a bar's height, of a row; a row's, in inches


def value_axis(axes: Axes, results: Results | Table, unit: str) -> None:
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


def column(axes: Axes, x: float, value: float, colour: str, *, partial: bool, bottom: float = 0.0) -> None:
    """One column; what is not final is hatched."""
    if partial:
        axes.bar(x, value, COLUMN, bottom, color="white", edgecolor=colour, hatch="/////", linewidth=0.8)
    else:
        axes.bar(x, value, COLUMN, bottom, color=colour, edgecolor="white", linewidth=0.5 if bottom else 0)


def labelled(texts: Sequence[str]) -> list[int]:
    """Which columns have room for their labels: all, or each so many back from the last.

    >>> labelled(["€118,000"] * 9), labelled(["€1,118,000"] * 12)
    ([0, 1, 2, 3, 4, 5, 6, 7, 8], [1, 3, 5, 7, 9, 11])
    """
    count, widest = len(texts), max(map(len, texts))
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


def rows_axis(axes: Axes, labels: Sequence[str]) -> None:
    """One row per label, the first on top; bars start on a line at zero and carry their values."""
    axes.set_yticks(range(len(labels)), [wrapped(label) for label in labels], fontsize=SIZE, color=TEXT, va="center")
    axes.set_ylim(len(labels) - 0.45, -0.55)
    axes.set_xticks([])
    axes.axvline(0, color=TEXT, linewidth=0.9, zorder=4)


def beside(axes: Axes, at: tuple[float, float], text: str, *, colour: str = TEXT, bold: bool = True) -> None:
    """A label to the right of the end of a bar."""
    axes.annotate(
        text, at, (4, 0), textcoords="offset points", va="center", fontsize=SMALL_SIZE, color=colour,
        fontweight="bold" if bold else "normal", annotation_clip=False,
    )  # fmt: skip


def at_edge(axes: Axes, y: float, text: str) -> None:
    """A quiet label in the column beside the right edge."""
    axes.annotate(
        text, (1, y), (6, 0), xycoords=("axes fraction", "data"), textcoords="offset points", va="center",
        fontsize=SMALL_SIZE, color=QUIET, annotation_clip=False,
    )  # fmt: skip


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

    >>> spread([0.0, 0.5, 5.0], [1.0, 1.0, 1.0])
    [-0.25, 0.75, 5.0]
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
