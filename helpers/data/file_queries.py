"""What a source gives of a table where it is read from files: their columns mapped, or a query of its own over them.

In a query, a text file that is named without options of its own, or with such as say how it is read, is read by the kit
rather than guessed at: each column has a type where that is certain, and is text where it is not.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from pydantic import ValidationError

from helpers.data.canonical_tables import TABLES
from helpers.data.file_kinds import own_files, plain
from helpers.data.files import Files, Rows, unclear_columns
from helpers.data.readings import BARE, Question, inferred, of_two_readings
from helpers.data.schema import Table
from helpers.data.statements import (
    FILE_NAME,
    Node,
    arguments,
    constant,
    duckdb_text,
    duckdb_tree,
    identifier,
    inside,
    names_of_files,
    nodes,
)
from helpers.errors import KitError, nearest, refuse
from helpers.language import template
from helpers.reads import Reads, TableFrom

OPTIONS = {
    "delim": "delimiter", "sep": "delimiter", "decimal_separator": "decimal", "thousands": "thousands",
    "encoding": "encoding", "dateformat": "dates", "nullstr": "empty",
    "header_row": "header_row", "sheet": "sheet",
}  # fmt: skip
UNREAD = template("{file} has a column {theirs} that is not read; if it is {column}, write {line}")
CANONICAL = {column.name for table in TABLES.values() for column in table.columns}
READ_BY_THE_KIT = ("csv", "tsv", "txt", "xlsx", "xlsm", "xlsb", "xls", "ods")


class Given(NamedTuple):
    """What a source gives of a table: a query in the engine's SQL, and its columns with their types in DuckDB.

    ``reads`` says how its texts are read, where they come from files, which are ``behind`` it as text. ``notes`` and
    ``questions`` are what was found in them, and ``asked`` is what must be answered before their rows are used;
    types are ``guessed`` where a query leaves them to the engine. Of a ``file`` whose columns are mapped, some are
    ``unread``.
    """

    query: str
    types: dict[str, str]
    reads: Reads | None = None
    behind: tuple[Rows, ...] = ()
    notes: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    guessed: bool = False
    asked: tuple[str, ...] = ()
    file: str = ""
    unread: tuple[str, ...] = ()


def mapped(files: Files, table: TableFrom, names: Collection[str], reads: Reads) -> Given:
    """A table as the columns of its files: those that are mapped, and those that have a canonical name already.

    Raises:
        KitError: there is no such file, or a column that it has not.
    """
    rows = files.rows(str(table.file), reads)
    by_name = {name.strip().casefold(): name for name in rows.types}
    own = {name: name for name in names if name in by_name and name not in table.columns}
    meant = {theirs.strip().casefold() for theirs in {**dict(zip(names, names, strict=True)), **table.columns}.values()}
    refuse(unclear_columns(str(table.file), rows, meant))
    columns = {name: by_name.get(theirs.strip().casefold(), "") for name, theirs in {**own, **table.columns}.items()}
    lacking = [table.columns[name] for name, theirs in columns.items() if not theirs]
    if lacking:
        sure = [name for name in lacking if name.isascii() or not rows.asked]
        raise KitError(
            *rows.asked, *(f"{table.file} has no column {name!r}{nearest(name, rows.types)}" for name in sure)
        )
    selected = ", ".join(f"{identifier(theirs)} as {identifier(name)}" for name, theirs in columns.items())
    types = {name: rows.types[theirs] for name, theirs in columns.items()}
    query = f"select {selected or 'null as nothing'} from {rows.sql}"
    unread = tuple(name for name in rows.types if name not in columns.values())
    return Given(query, types, reads, notes=rows.notes, asked=rows.asked, file=str(table.file), unread=unread)


def may_be(given: Given, table: Table) -> dict[str, str]:
    """The columns of a table that a mapped file does not give, each with the unread one of the file that may be it."""
    same = {name: theirs for theirs in given.unread for name in table.names if plain(theirs) == plain(name)}
    likely = {name: theirs for own in own_files(given.file, given.unread) if own.table == table.name
              for name, theirs in own.columns.items()}  # fmt: skip
    return {name: theirs for name, theirs in (likely | same).items() if name in table.names and name not in given.types}


def line_of(name: str, theirs: str) -> str:
    """The line that maps a column of a file.

    >>> line_of("end_on", "Ende"), line_of("end_on", "Ende: Vertrag")
    ('columns: {end_on: Ende}', 'columns: {end_on: "Ende: Vertrag"}')
    """
    return f"columns: {{{name}: {theirs if BARE.fullmatch(theirs) else json.dumps(theirs, ensure_ascii=False)}}}"


def notes_of_unread(given: Given, table: Table) -> list[str]:
    """Said where a column of a mapped file is not read that a reader may take for read."""
    return [
        UNREAD.format(file=given.file, theirs=repr(theirs), column=name, line=line_of(name, theirs))
        for name, theirs in may_be(given, table).items()
    ]


def rewritten(files: Files, query: str, reads: Reads, texts: Collection[str]) -> Given:
    """A query that only reads, over its files as the kit reads them, and not yet with its types.

    ``texts`` are names of columns that are left as text.

    Raises:
        NotOnlyRead: it is more than one query that only reads, or reads what lies elsewhere.
        KitError: a file cannot be read for certain.
    """
    local = files.local
    tree = duckdb_tree(local, query)
    behind: list[Rows] = []
    read: list[str] = []
    questions: list[Question] = []
    of_files = guessed = False
    found = list(nodes(tree))
    used = {node["column_names"][-1] for node in found if node.get("type") == "COLUMN_REF"}
    takes_all = any(node.get("type") == "STAR" for node in found)
    for node in found:
        names = names_of_files(node) or ()
        for name in names:
            inside(files.folder, name)
        of_files = of_files or bool(names)
        if len(names) == 1 and (options := _options(node, names[0], reads)):
            own, as_text = options
            rows = files.rows(names[0], own)
            named = used | (CANONICAL if takes_all else set())
            refuse(unclear_columns(names[0], rows, {name.casefold() for name in named}))
            behind.append(rows)
            read.append(names[0])
            questions += _in_place_of(
                files, node, rows, rows.types if as_text else texts, own, None if takes_all else used
            )
        else:
            guessed = guessed or bool(names and _guesses(node))
    text = duckdb_text(local, tree) if behind else query
    said = reads if of_files or reads != Reads() else None
    notes = tuple(note for rows in behind for note in rows.notes)
    alone = ", or for that file alone, in the query: read_csv({!r}, encoding = '…')" if len(behind) > 1 else ""
    asked = tuple(told + alone.format(name) for name, rows in zip(read, behind, strict=True) for told in rows.asked)
    return Given(text, {}, said, tuple(behind), notes, tuple(questions), guessed, asked)


def _in_place_of(
    files: Files, node: Node, rows: Rows, texts: Collection[str], reads: Reads, used: Collection[str] | None
) -> Iterator[Question]:
    """Let a node of a query read a view of typed columns."""
    ask = rows.ask
    known = [name for name, kind in rows.types.items() if kind == "VARCHAR"]
    open_to_types = [name for name in known if name not in texts and not _is_id(name)]
    typed = inferred(ask, open_to_types, reads)
    columns = ", ".join(f"{typed.get(name, identifier(name))} as {identifier(name)}" for name in rows.types)
    is_kept = not typed and "read_json(" not in rows.sql  # texts and sheets are, as they stand
    kept = rows if is_kept else files.kept(f"select {columns} from {rows.sql}")
    view = files.view(kept)
    alias = node["alias"] or node.get("table_name") or node["function"]["function_name"]
    node.pop("function", None)
    node.pop("with_ordinality", None)
    node |= {
        "type": "BASE_TABLE", "alias": alias, "schema_name": "", "table_name": view, "catalog_name": "",
        "at_clause": None, "qualified_name": {"path": [view]},
    }  # fmt: skip
    for name in open_to_types:
        if kept.types[name] == "VARCHAR" and (used is None or name in used):
            yield from of_two_readings(ask, name, reads)


def _options(node: Node, name: str, reads: Reads) -> tuple[Reads, bool] | None:
    """How a node of a query reads its file, and whether all as text; none where that is left to the engine."""
    found = FILE_NAME.search(name)
    if node["type"] == "BASE_TABLE":
        return (reads, False) if found and found[1].lower() in READ_BY_THE_KIT else None
    if node["function"]["function_name"] not in ("read_csv", "read_csv_auto"):
        return None
    given: dict[str, Any] = {}
    for option in arguments(node["function"])[1:]:
        value = constant(option.get("right", {}))
        if option.get("type") != "COMPARE_EQUAL" or value is None:
            return None
        given[option["left"]["column_names"][-1].lower()] = value
    as_text = given.pop("all_varchar", False) in (True, "t", "true", 1)
    if given.pop("header", True) not in (True, "t", "true", 1) or not given.keys() <= OPTIONS.keys():
        return None
    said = {OPTIONS[option]: [value] if option == "nullstr" else value for option, value in given.items()}
    try:
        return Reads.model_validate(said).over(reads), as_text
    except ValidationError:
        return None


def _guesses(node: Node) -> bool:
    """Whether the engine guesses the types of a text file that it is left to read."""
    options = str(arguments(node.get("function", {}))[1:])
    return "csv" in str(node.get("function", {}).get("function_name")) and "all_varchar" not in options


def _is_id(name: str) -> bool:
    """Whether a column of a file is called an id.

    >>> [_is_id(name) for name in ("id", "customer_id", "Account ID", "userId", "paid", "Valid")]
    [True, True, True, True, False, False]
    """
    return name.lower() == "id" or name.lower().endswith(("_id", " id", "-id")) or name.endswith("Id")
