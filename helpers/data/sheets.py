"""Spreadsheets as people save them: their cells, those that show an error or were never calculated too.

The reader of spreadsheets gives both of the latter as empty. An empty end of a subscription is one that goes on, and an
empty price is none, so that a figure would be wrong and look fine. So an error is the text that a cell shows, which is
asked about as in text files, and a formula without its value is told with its place.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook

SHEETS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
WITHOUT_ERRORS = (".xls", ".xlsb")  # in which a cell in error is read as an empty one
UNCALCULATED = "\ue000"  # stands before a formula whose value the file does not hold
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
_ERROR = re.compile(rb'(<(?:\w+:)?c\b[^>]*\bt=")e"')
_LIBRE_ERROR = b' office:string-value="" calcext:value-type="error"'
# A cell with a formula and no value that is not an empty text. What writes files without calculating them may leave a
# 0, and then says that the book is to be calculated when it is opened.
_FORMULA = (
    rb'<((?:\w+:)?)c\b((?![^>]*\bt="str")[^>]*)>\s*<(?:\w+:)?f\b[^>]*?(?:/>|>([^<]*)</(?:\w+:)?f>)\s*'
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>%s</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
_TO_BE_CALCULATED = b'fullCalcOnLoad="1"'
_TRACES = (b't="e"', b"<f>", b"<f ", b":f>", b":f ", _LIBRE_ERROR)  # of either: most sheets have none


def book_of(file: Path) -> CalamineWorkbook:
    """A spreadsheet whose cells in error hold that error as text, and those never calculated their formula as text.

    That is so of .xlsx, .xlsm and .ods; in the older .xls and in .xlsb such cells are empty.

    Raises:
        CalamineError, OSError: the file is no spreadsheet, or cannot be read.
    """
    from python_calamine import CalamineWorkbook

    told = _told(file) if zipfile.is_zipfile(file) else {}
    if not told:
        return CalamineWorkbook.from_path(str(file))
    packed = BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(packed, "w") as new:
        for name in old.namelist():
            new.writestr(name, told.get(name) or old.read(name))
    packed.seek(0)
    return CalamineWorkbook.from_object(packed)


def _told(file: Path) -> dict[str, bytes]:
    """The parts of a packed spreadsheet in which cells are told otherwise than they stand, as they are then."""
    with zipfile.ZipFile(file) as packed:
        names = packed.namelist()
        calculated = "xl/workbook.xml" not in names or _TO_BE_CALCULATED not in packed.read("xl/workbook.xml")
        formula = re.compile(_FORMULA % (b"" if calculated else b"0?"))
        found = {}
        for name in (name for name in names if _SHEET.fullmatch(name) or name == "content.xml"):
            text = packed.read(name)
            if not any(trace in text for trace in _TRACES):
                continue
            told = _ERROR.sub(rb'\1str"', formula.sub(_as_text, text)).replace(_LIBRE_ERROR, b"")
            if told != text:
                found[name] = told
    return found


def _as_text(cell: re.Match[bytes]) -> bytes:
    """A cell that was never calculated, with its formula as text."""
    prefix, attributes, formula = cell.groups()
    others = re.sub(rb'\st="\w*"', b"", attributes)
    text = UNCALCULATED.encode() + b"=" + (formula or b"\xe2\x80\xa6")
    return b'<%sc%s t="str"><%sv>%s</%sv></%sc>' % (prefix, others, prefix, text, prefix, prefix)


def uncalculated(cells: Sequence[Sequence[Any]]) -> str:
    """The first cell of a sheet that holds a formula without its value; empty for none.

    >>> uncalculated([["customer", "mrr"], ["C1", UNCALCULATED + "=A2*12"]])
    'B2 (=A2*12)'
    """
    return next(
        (
            f"{_letters(x)}{y} ({cell.removeprefix(UNCALCULATED)})"
            for y, row in enumerate(cells, 1)
            for x, cell in enumerate(row)
            if isinstance(cell, str) and cell.startswith(UNCALCULATED)
        ),
        "",
    )


def _letters(place: int) -> str:
    """What a spreadsheet calls a column.

    >>> [_letters(place) for place in (0, 25, 26, 701, 702)]
    ['A', 'Z', 'AA', 'ZZ', 'AAA']
    """
    before, last = divmod(place, 26)
    return (_letters(before - 1) if before else "") + chr(ord("A") + last)


def column_of_cells(cells: Sequence[Any], decimal: str) -> pa.Array:
    """The cells of a column: days where no cell has a time, and text where they are of several types.

    In such a text a number has the decimal sign of the numbers that stand there as text, as the reader of the sheet
    sees it.

    >>> column_of_cells([234.125, "1.200,50"], decimal=",").to_pylist()
    ['234,125', '1.200,50']
    """
    values = [None if isinstance(cell, str) and not cell.strip() else cell for cell in cells]
    kinds = {type(value) for value in values if value is not None}
    if kinds and kinds <= {date, datetime}:
        days = pa.array([None if value is None else str(value) for value in values]).cast(pa.timestamp("us"))
        whole = days.cast(pa.date32(), safe=False)
        return whole if whole.cast(pa.timestamp("us")).equals(days) else days
    if kinds and kinds <= {int, float}:
        whole = all(value is None or float(value).is_integer() for value in values)
        return pa.array([value if value is None else int(value) if whole else float(value) for value in values])
    if kinds == {bool}:
        return pa.array(values)
    return pa.array([value if value is None else _text(value, decimal) for value in values], pa.string())


def _text(value: Any, decimal: str) -> str:
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value).replace(".", decimal)
    return str(value).removesuffix(" 00:00:00") if isinstance(value, datetime) else str(value)
