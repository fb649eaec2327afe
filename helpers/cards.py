"""The cards of the catalogue as functions: which there are, what they take by name, and what comes of running one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from types import SimpleNamespace
from typing import Any, get_args, get_type_hints

from helpers.catalogue import CATALOGUE, Kpi, ids_of
from helpers.periods import Period
from helpers.results import Row, attempted

Card = Callable[..., list[Row]]


def theme_of(card: Card) -> str:
    """The theme of a card, after its module."""
    return card.__module__.rpartition(".")[2]


def cards_of(theme: str) -> list[Card]:
    """The cards of a theme, in catalogue order; none where the catalogue does not know it."""
    return _cards(row for row in CATALOGUE.values() if row.theme == theme)


def cards_with(kpi_ids: Iterable[str]) -> list[Card]:
    """The cards that give these KPIs, each once; of those that no theme has, none.

    >>> [card.__name__ for card in cards_with(["nrr", "grr", "mrr", "demos"])]
    ['retention', 'mrr']
    """
    return _cards(CATALOGUE[kpi_id] for kpi_id in kpi_ids if kpi_id in CATALOGUE)


def parameters_of(function: Callable[..., Any]) -> list[str]:
    """The names that a card takes by keyword: its own, and those of the rules it unpacks (``**given: Unpack[…]``)."""
    found = inspect.signature(function).parameters.values()
    unpacked = {p.name: p.annotation for p in found if p.kind is p.VAR_KEYWORD}
    hints = get_type_hints(SimpleNamespace(__annotations__=unpacked), globalns=function.__globals__)
    named = [parameter.name for parameter in found if parameter.kind is parameter.KEYWORD_ONLY]
    return named + [name for hint in hints.values() for name in get_type_hints(*get_args(hint))]


def run(card: Card, tables: Any, period: Period, bound: Mapping[str, Any]) -> list[Row]:
    """The rows of a card; one that lacks its data, or refuses to print a figure, has a row that says so per KPI."""
    return attempted(ids_of(card.__name__), period, lambda: card(tables, period, **bound))


def _cards(rows: Iterable[Kpi]) -> list[Card]:
    found = dict.fromkeys((row.theme, row.card) for row in rows)
    return [getattr(import_module(f"helpers.kpis.{theme}"), name) for theme, name in found]
