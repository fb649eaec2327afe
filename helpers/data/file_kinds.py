"""What a file seems to be: an export of a tool by its headers, else a table of one's own by its columns' names.

Both are data, in ``file_kinds/``. A tool's kind of file has queries, whose words in braces are what differs from one
file to the next. A line that names only columns which the file lacks is left out:

    {file}                      the file
    {text Name|Other name}      a column as a text; also {dec …} and {int …}
    {ts Created (UTC)}          a column of days or times, as days or instants
    {values Stage}              the values of a column, for a comment
    {open}                      a line that is left open where it can be meant in several ways
    {customer}, {match}         the customer that a row is of, and on a line of its own the join that finds it
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Literal

import yaml

from helpers.data.canonical_tables import TABLES
from helpers.data.statements import identifier
from helpers.strict_yaml import Frozen

FOLDER = Path(__file__).with_name("file_kinds")
OWN = "own"
COLUMN = re.compile(r"\{(text|dec|int|ts|values) ([^{}]+)\}")
TYPES = {"text": "varchar", "dec": "double", "int": "bigint", "ts": "timestamp"}
NOT_NEEDED = {"invoices": ("kind",)}  # said by the dates of service


class OpenLine(Frozen):
    """A line of a query that can be meant in several ways: ``when`` is SQL of whether they differ in a row."""

    when: str
    lines: Mapping[str, str]  # each with what it takes the file to mean


class Ends(Frozen):
    """The columns in which service begins and ends, each as ``{ts …}`` names it.

    ``end_on`` is whether an end is the last day, and ``why``, where the tool's documentation says so.
    """

    begin: str
    end: str
    end_on: Literal["exclusive", "inclusive"] | None = None
    why: str = ""


class KindQuery(Frozen):
    """How a file gives a canonical table. ``derived`` is one that another file would give better.

    ``open`` is the line that stands for ``{open}``, ``ends`` tells of a table in which service ends. Only a file that
    has the columns that the table ``needs`` gives it.
    """

    about: str = ""
    query: str
    derived: bool = False
    open: OpenLine | None = None
    ends: Ends | None = None
    needs: Sequence[str] = ()


class Kind(Frozen):
    """A tool's kind of file, known by its headers, and by those of other kinds that it is ``without``.

    ``id`` is the column of a customer's id, ``customer`` are those that may tell whose a row is; times that carry no
    zone are in ``timezone``, else in the source's.
    """

    headers: Sequence[str]
    without: Sequence[str] = ()
    id: str = ""
    customer: Sequence[str] = ()
    timezone: str = ""
    tables: Mapping[str, KindQuery]


class ToolFiles(Frozen):
    """The kinds of files that a tool exports."""

    name: str
    kinds: Mapping[str, Kind]


class OwnTable(Frozen):
    """What the files and columns of a canonical table may be called."""

    files: Sequence[str]
    columns: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Export:
    """A file that is a tool's export."""

    tool: str
    what: str
    kind: Kind

    @property
    def told(self) -> str:
        return f"{self.what} of {self.tool}"

    @property
    def key(self) -> Sequence[str]:
        """The column that tells its rows apart."""
        return self.kind.headers[:1]


@dataclass(frozen=True)
class OwnFile:
    """A file that may be a table of one's own: the file's column per canonical one, and the canonical ones it lacks.

    ``score`` is whether the file's name tells the table, and how many of its columns there are.
    """

    table: str
    columns: Mapping[str, str]
    lacks: Sequence[str]
    score: tuple[bool, int]

    @property
    def told(self) -> str:
        return f"your own {self.table}"

    @property
    def key(self) -> Sequence[str]:
        """The columns that tell its rows apart."""
        return [self.columns[name] for name in TABLES[self.table].key if name in self.columns]


@cache
def tools() -> list[ToolFiles]:
    """The tools whose exports are known."""
    files = sorted(file for file in FOLDER.glob("*.yml") if file.stem != OWN)
    return [ToolFiles.model_validate(yaml.safe_load(file.read_text(encoding="utf-8"))) for file in files]


@cache
def own_tables() -> dict[str, OwnTable]:
    """The canonical tables that a file of one's own may be."""
    given = yaml.safe_load((FOLDER / f"{OWN}.yml").read_text(encoding="utf-8"))
    return {name: OwnTable.model_validate(table) for name, table in given.items()}


def export_of(headers: Iterable[str]) -> Export | None:
    """The tool's export that has these headers: the one of which the most are needed; None where it is none.

    >>> found = export_of(["Record ID", "Deal Name", "Deal Stage", "Create Date", "Amount"])
    >>> (found.tool, found.what)
    ('HubSpot', 'deals')
    """
    there = {_folded(name) for name in headers}
    found = [
        Export(tool.name, what, kind)
        for tool in tools()
        for what, kind in tool.kinds.items()
        if {_folded(name) for name in kind.headers} <= there
        and there.isdisjoint(_folded(name) for name in kind.without)
    ]
    return max(found, key=lambda export: len(export.kind.headers), default=None)


def own_files(file: str, headers: Sequence[str]) -> list[OwnFile]:
    """The tables that a file may be, the likeliest first: those that its name tells come before all others.

    A column that is only called ``id`` is an id of what the file's name tells, and of nothing else.

    >>> found = own_files("kunden.xlsx", ["Kundennummer", "Firma", "Kunde seit"])[0]
    >>> (found.table, found.columns["signed_up_on"], found.lacks)
    ('customers', 'Kunde seit', [])
    """
    named = plain(PurePosixPath(file).name)
    found = []
    for table, own in own_tables().items():
        by_name = any(word in named for word in own.files)
        columns = _columns(own, headers if by_name else [name for name in headers if plain(name) != "id"], table)
        if columns:
            found.append(OwnFile(table, columns, _lacking(table, columns), (by_name, len(columns))))
    return sorted(found, key=lambda own: (own.score, not own.lacks), reverse=True)


def plain(text: str) -> str:
    """A name in small letters without signs.

    >>> plain("Kunden-Nr."), plain("Fällig am")
    ('kunden nr', 'faellig am')
    """
    for letter, letters in {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"}.items():
        text = text.casefold().replace(letter, letters)
    return re.sub(r"[^a-z0-9]+", " ", text).strip()


def column_of(headers: Collection[str], names: str) -> str | None:
    """The column of a file that has the first of some names, ``Start (UTC)|Created (UTC)``."""
    there = {_folded(name): name for name in headers}
    return next((there[_folded(name)] for name in names.split("|") if _folded(name) in there), None)


def kinds_of(kind: Kind, headers: Collection[str]) -> dict[str, str]:
    """The canonical type of each column that the queries of a kind of file read as other than text."""
    queries = [table.query for table in kind.tables.values()]
    queries += [line for table in kind.tables.values() if table.open for line in table.open.lines]
    named = COLUMN.findall(" ".join(queries))
    found = {column_of(headers, names): word for word, names in named if word in ("dec", "int", "ts")}
    return {column: word for column, word in found.items() if column}


def filled(
    query: str, headers: Collection[str], words: Mapping[str, str | None], read: Callable[[str, str], str]
) -> str:
    """A query of a tool over a file with these headers.

    Args:
        query: the text with words in braces.
        headers: the file's columns.
        words: what stands for ``file``, ``customer`` and ``match``; a line with one that is None is left out.
        read: the SQL of a column that is read as a word says.
    """
    lines = []
    for line in query.splitlines():
        named = [column_of(headers, names) for _, names in COLUMN.findall(line)]
        gone = any(given is None and f"{{{word}}}" in line for word, given in words.items())
        if gone or (named and not any(named)):
            continue

        def column(match: re.Match[str]) -> str:
            word, names = match.groups()
            name = column_of(headers, names)
            return f"cast(null as {TYPES[word]})" if name is None else read(word, name)

        text = COLUMN.sub(column, line)
        for word, given in words.items():
            if text.strip() == f"{{{word}}}":
                margin = text[: len(text) - len(text.lstrip())]
                text = "\n".join(margin + each for each in str(given).splitlines())
            text = text.replace(f"{{{word}}}", str(given))
        lines.append(text)
    return "\n".join(lines)


def cast(word: str, name: str, of: str = "") -> str:
    """A column read as a word says."""
    return f"cast({of}{identifier(name)} as {TYPES[word]})"


def _columns(own: OwnTable, headers: Sequence[str], table: str) -> dict[str, str]:
    there = {plain(name): name for name in reversed(headers)}
    found: dict[str, str] = {}
    for canonical, others in (dict.fromkeys(TABLES[table].names, ()) | dict(own.columns)).items():
        names = [plain(canonical), *others]
        header = next((there[name] for name in names if name in there and there[name] not in found.values()), None)
        if header is not None:
            found[canonical] = header
    if table == "customers" and "customer_id" in found:
        found.setdefault("name", found["customer_id"])
    return found


def _lacking(table: str, columns: Mapping[str, str]) -> list[str]:
    needed = [column.name for column in TABLES[table].columns if column.required]
    lacks = [name for name in needed if name not in columns and name not in NOT_NEEDED.get(table, ())]
    priced = TABLES[table].one_of
    if priced and not any(set(names) <= set(columns) for names in priced):
        lacks.append("mrr")
    return lacks


def _folded(name: str) -> str:
    return name.strip().casefold()
