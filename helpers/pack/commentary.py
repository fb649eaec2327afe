"""What management says about the numbers of a period: a text per page, who wrote it and when, and who signed off.

Commentary is Markdown whose figures are filled in from the results: ``{{ nrr }}``,
``{{ new_revenue[upsell] }}`` or ``{{ new_revenue[source: upsell] }}`` stands for the value of the review period,
formatted by its unit, so that a sentence cannot disagree with the page beside it. A text begins with its author and
date, between two lines of ``---``. ``signoff.yml`` beside the texts says who signed off which theme.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import Field, create_model

from helpers.catalogue import CATALOGUE
from helpers.errors import KitError, nearest, refuse, together
from helpers.pack.actions import action_faults
from helpers.periods import Period
from helpers.results import why_nowhere
from helpers.strict_yaml import Frozen, expected, read_text, shown

FIGURE = re.compile(r"\{\{\s*(?P<kpi_id>[^{}]*?)\s*(?:\[(?P<segment>[^\]{}]*)\])?\s*\}\}")
SIGN_OFF = "signoff.yml"

Name = Annotated[str, Field(min_length=1, max_length=80), expected("a name of 1 to 80 characters")]


class _Head(Frozen):
    """The lines above a text."""

    author: Name = ""
    on: date | None = Field(default=None, alias="date")


class SignOff(Frozen):
    """Who stands for the figures of a theme, since when, and with what remark."""

    by: Name
    on: date
    remark: Annotated[str, Field(max_length=200), expected("a remark of 200 characters at most")] = ""


@dataclass(frozen=True)
class Comment:
    """What is said on one page, in Markdown, by whom and when; a draft may lack the latter two."""

    text: str
    author: str = ""
    on: date | None = None

    def filled_in(self, figure: Callable[[str, str], str]) -> Comment:
        """The comment with every ``{{ kpi_id[segment] }}`` replaced by ``figure(kpi_id, segment)``.

        >>> Comment("MRR is {{ mrr }}.").filled_in(lambda kpi_id, segment: "€512,000").text
        'MRR is €512,000.'
        """
        return replace(self, text=FIGURE.sub(lambda found: figure(found["kpi_id"], found["segment"] or ""), self.text))


@dataclass(frozen=True)
class Commentary:
    """All that is said of a period: the comments by page (``summary``, ``actions`` or a theme), sign-offs by theme."""

    comments: Mapping[str, Comment]
    signed: Mapping[str, SignOff]

    def on(self, page: str) -> Comment:
        """The comment of a page; an empty one where nothing is said."""
        return self.comments.get(page, Comment(""))

    def named(self) -> list[tuple[str, str, str]]:
        """The figures that the texts name: the page, the KPI, and the segment, which is empty for the total."""
        return [
            (page, found["kpi_id"], found["segment"] or "")
            for page, comment in self.comments.items()
            for found in FIGURE.finditer(comment.text)
        ]


def read_commentary(folder: Path, themes: Sequence[str], period: Period) -> Commentary:
    """The commentary in a folder, which may be about these themes; nothing where no folder is.

    Raises:
        KitError: a file that belongs to no page, a figure that is not a KPI, an action due on no day, a head or a
            sign-off that is not as it must be; all of them at once.
    """
    files = sorted(folder.glob("*.md")) if folder.is_dir() else []
    sign_offs = folder / SIGN_OFF
    signed, *comments = together(
        lambda: _signed(_decoded(sign_offs), sign_offs, themes, period) if sign_offs.is_file() else {},
        *(partial(_comment, file, ("summary", "actions", *themes), period) for file in files),
    )
    return Commentary({file.stem: comment for file, comment in zip(files, comments, strict=True)}, signed)


def figure_faults(commentary: Commentary, folder: Path, figures: pd.DataFrame) -> list[str]:
    """What the texts name that is not among the figures of the pack, or is there several times over."""
    faults = []
    for page, kpi_id, segment in commentary.named():
        try:
            why = why_nowhere(figures, kpi_id, segment)
        except KitError as error:
            why = str(error)
        faults += [f"{shown(folder / page)}.md: {why}"] if why else []
    return faults


def _signed(text: str, path: Path, themes: Sequence[str], period: Period) -> dict[str, SignOff]:
    """The sign-offs by theme. One before the period's last known day is of other figures, most likely a copy."""
    fields: dict[str, Any] = dict.fromkeys(themes, (SignOff | None, None))
    known = create_model("SignOffs", __base__=Frozen, **fields)
    read = read_text(text, known, shown(path))
    found = {theme: sign_off for theme in themes if (sign_off := getattr(read, theme))}
    faults = [
        f"{shown(path)}: {theme}.on == '{each.on}', must be {period.measured_on} or later: before that day nobody knew "
        f"the figures of {period.label}"
        for theme, each in found.items()
        if each.on < period.measured_on
    ]
    refuse(faults)
    return found


def _comment(path: Path, pages: Sequence[str], period: Period) -> Comment:
    """The comment of a file, apart from its head, which need not be there in a draft."""
    page, text, faults = path.stem, _decoded(path), []
    if page not in pages:
        faults.append(f"{path} belongs to no page of this pack{nearest(page, pages)}")
    try:
        found = _parted(text, path, period)
    except KitError as error:
        faults += error.faults
        found = Comment(text)
    unknown = [named["kpi_id"] for named in FIGURE.finditer(text) if named["kpi_id"] not in CATALOGUE]
    alike = (nearest(re.sub(r"\W.*", "", it), CATALOGUE) for it in unknown)
    faults += [f"{path}: {{{{ {it} }}}} is not a KPI{or_it}" for it, or_it in zip(unknown, alike, strict=True)]
    faults += [f"{path}: {fault}" for fault in action_faults(found.text) if page == "actions"]
    refuse(faults)
    return found


def _parted(text: str, path: Path, period: Period) -> Comment:
    """A text and its head; a date before the period is that of another period's text, most likely of a copy."""
    before, *parts = re.split(r"^---[ \t]*$", text, maxsplit=2, flags=re.MULTILINE)
    if before.strip() or not parts:
        return Comment(text)
    if len(parts) == 1:
        raise KitError(f"{path} begins with --- and has no second line of ---; add it below the author and the date")
    head = read_text(before + parts[0], _Head, str(path))
    if head.on and head.on < period.start:
        late = f"must be {period.start} or later: {period.label} had not begun; give the day of this text"
        raise KitError(f"{path}: date == '{head.on}', {late}")
    return Comment(parts[1], head.author, head.on)


def _decoded(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise KitError(f"{path}, line {line} is not plain text in UTF-8; save it again in that encoding") from None
