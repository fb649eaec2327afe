"""The definitions page, generated from the docstrings of the cards: nothing is typed twice."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterable
from dataclasses import dataclass

from helpers.catalogue import kpi

SECTIONS = ("Definition", "Args", "Returns", "Raises", "Source", "Example", "Examples")


@dataclass(frozen=True)
class Definition:
    """What one KPI of the pack means: the card's first line, its formula in words, and where that comes from."""

    kpi_id: str
    label: str
    unit: str
    summary: str
    definition: str
    source: str


def definitions(kpi_ids: Iterable[str]) -> list[Definition]:
    """The definitions of the KPIs named, in that order.

    >>> definitions(["mrr"])[0].label
    'Monthly recurring revenue (MRR)'
    """
    found = []
    for kpi_id in kpi_ids:
        row = kpi(kpi_id)
        card = getattr(importlib.import_module(f"helpers.kpis.{row.theme}"), row.card)
        parts = docstring_sections(inspect.getdoc(card) or "")
        found.append(
            Definition(
                kpi_id, row.label, row.unit, parts["summary"], parts.get("Definition", ""), parts.get("Source", "")
            )
        )
    return found


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
