"""What a command tells, on a terminal or in a file: tables and sentences under their titles.

What is told is a list of ``{"title", "table"}`` and ``{"title", "sentences"}``; a table is one of
:func:`helpers.display.tables.table_from_resource`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import IO, Any

from helpers.display.tables import table_text

WIDEST = 100  # columns


def show(told: Iterable[Mapping[str, Any]], file: IO[str] | None = None) -> None:
    """Print what is told: tables that fit the terminal's width, or plain aligned text where it is no terminal."""
    out = file or sys.stdout
    show_table = _on_terminal if out.isatty() else _as_text
    for one in told:
        print(f"\n{one['title']}", file=out)
        if "table" in one:
            show_table(one["table"], out)
        for sentence in one.get("sentences", ()):
            print(f"- {sentence}", file=out)


def _as_text(table: Mapping[str, Any], out: IO[str]) -> None:
    print(table["empty"] or table_text({**table, "title": "", "note": ""}), file=out)
    if table["note"]:
        print(table["note"], file=out)


def _on_terminal(table: Mapping[str, Any], out: IO[str]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=out, highlight=False, soft_wrap=False)
    console.width = min(console.width, WIDEST)
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in table["columns"]:
        number = column["align"] == "right"
        grid.add_column(Text(column["label"]), justify="right" if number else "left", no_wrap=number, overflow="fold")
    for row in table["rows"]:
        grid.add_row(*map(Text, row))
    console.print(Text(table["empty"]) if table["empty"] else grid)
    if table["note"]:
        console.print(Text(table["note"]))
