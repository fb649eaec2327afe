"""The definitions page, generated from the docstrings of the cards: nothing is typed twice."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterable
from dataclasses import dataclass

from helpers.catalogue import Kpi, kpi

SECTIONS = ("Definition", "Args", "Returns", "Raises", "Source", "Example", "Examples")


@dataclass(frozen=True)
class Definition:
    """What the KPIs of one card mean: the card's first line, its formula in words, and where that comes from.

    ``label`` names those KPIs as the pack does, ``kpi_ids`` as results.csv, targets and commentary do.
    """

    label: str
    kpi_ids: tuple[str, ...]
    summary: str
    definition: str
    source: str


def definitions(kpi_ids: Iterable[str]) -> list[Definition]:
    """One definition per card of the KPIs named, in that order.

    >>> [found.label for found in definitions(["arr", "new_arr"])]
    ['Annual recurring revenue (ARR) · New ARR']
    """
    cards: dict[tuple[str, str], list[Kpi]] = {}
    for row in map(kpi, kpi_ids):
        cards.setdefault((row.theme, row.card), []).append(row)
    return [_definition(theme, card, rows) for (theme, card), rows in cards.items()]


def _definition(theme: str, card: str, rows: list[Kpi]) -> Definition:
    function = getattr(importlib.import_module(f"helpers.kpis.{theme}"), card)
    parts = docstring_sections(inspect.getdoc(function) or "")
    return Definition(
        label=" · ".join(row.label for row in rows),
        kpi_ids=tuple(row.kpi_id for row in rows),
        summary=parts["summary"],
        definition=parts.get("Definition", ""),
        source=parts.get("Source", ""),
    )


def docstring_sections(text: str) -> dict[str, str]:
    r"""A Google-style docstring by section, each as flowing text; ``summary`` is its first paragraph.

    >>> docstring_sections("What comes in.\n\nDefinition:\n    All of it,\n    at once.\n")["Definition"]
    'All of it, at once.'
    """
    head, *rest = re.split(rf"^({'|'.join(SECTIONS)}):\s*$", text, flags=re.MULTILINE)
    sections = {"summary": _flowing(head.strip().split("\n\n")[0])}
    for name, body in zip(rest[::2], rest[1::2], strict=True):
        sections[name] = _flowing(body)
    return sections


def _flowing(text: str) -> str:
    return " ".join(text.replace("``", "").split())
