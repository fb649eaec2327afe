"""CSV in which no text becomes a formula: what a spreadsheet would calculate begins with an apostrophe.

A spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, whoever wrote it. Only texts are
protected: a number keeps its sign. Reading takes the apostrophe off again, so that what was written comes back.
"""

from __future__ import annotations

import csv
import re
from types import SimpleNamespace
from typing import Any

import pandas as pd

STARTERS = "=+\\-@\t\r\n＝＋－＠"
# Where a cell may begin: also inside a text, since half of Europe's spreadsheets part cells at semicolons, not commas.
BEGINNING = "(?:^|(?<=[;\t\r\n]))"
FORMULA = re.compile(f"{BEGINNING}(?=['\"]*[{STARTERS}])")
PROTECTED = re.compile(f"{BEGINNING}'(?=['\"]*[{STARTERS}])")


def protected(text: str) -> str:
    """A text with an apostrophe wherever a spreadsheet would begin a formula.

    >>> protected("=1+1"), protected("Fish & Chips"), protected("'t Hooft"), protected("a;=1+1")
    ("'=1+1", 'Fish & Chips', "'t Hooft", "a;'=1+1")
    """
    return FORMULA.sub("'", text)


def restored(text: str) -> str:
    """The inverse of :func:`protected`.

    >>> restored("'=1+1"), restored("'t Hooft"), restored(protected("'=1+1"))
    ('=1+1', "'t Hooft", "'=1+1")
    """
    return PROTECTED.sub("", text)


def csv_text(table: pd.DataFrame) -> str:
    r"""A table as CSV: texts protected, numbers at full precision, what is missing empty.

    >>> csv_text(pd.DataFrame({"name": ["=cmd", None], "change": [-12.5, float("nan")]}))
    "name,change\n'=cmd,-12.5\n,\n"
    """
    lines: list[str] = []
    # rows end in \r\n here since the writer quotes a text for what its rows end in, and readers break lines at both
    writer = csv.writer(SimpleNamespace(write=lines.append), lineterminator="\r\n")
    columns = [[_field(value) for value in table[name]] for name in table.columns]
    writer.writerow(map(_field, table.columns))
    writer.writerows(zip(*columns, strict=True))
    return "".join(line.removesuffix("\r\n") + "\n" for line in lines)


def read_csv_text(path: str) -> pd.DataFrame:
    """The table of a file that :func:`csv_text` made, every cell as text."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    return table.map(restored).rename(columns=restored)


def _field(value: Any) -> Any:
    if isinstance(value, str):
        return protected(value)
    return None if pd.isna(value) else value
