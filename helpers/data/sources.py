"""A source as its engine sees it: one connection, one query per canonical table, and the types of its columns.

Source: architecture, "A source". Nothing is read here but names and types. What an engine says when it refuses a query
is told in our words where they are known, without what the connection hides.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import duckdb

from helpers.data.canonical_tables import TABLES
from helpers.data.engines import DuckDB, Engine, NoSuchTable, OtherEngine, duckdb_database
from helpers.data.file_queries import Given
from helpers.data.readings import MONEY_SIGN, questions_behind, told
from helpers.errors import KitError
from helpers.reads import Reads, table_from
from helpers.strict_yaml import shown

if TYPE_CHECKING:
    from helpers.params import Source

BEGINS = "select, with or from"
NO_COLUMN = "the query names a column {it!r} that is not there"
NO_TABLE = "the query reads a table {it!r} that is not there"
NO_FUNCTION = "the query calls a function {it!r} that the engine does not have"
IN_SEVERAL = "the query names {it!r}, which is in several tables; write its table's name before it"
UNREADABLE = "the query cannot be read from {it!r} on; correct what stands there or before"
TOO_SHORT = "the query ends too early; complete it"
NOT_OF_TYPE = "the query takes {it!r} for {type}, which it is not; correct the value, or say what it means"
REFUSED = (  # what DuckDB, Postgres, SQLite and Spark say of a query, and what is told of it
    (r"(?m)^LINE \d+: \) as given", TOO_SHORT),  # what stands behind a query for Postgres to describe it
    (r'Referenced column "?(?P<it>[^\s"]+)"? (?:was )?not found', NO_COLUMN),
    (r'does not have a column named "(?P<it>[^"]+)"', NO_COLUMN),
    (r"Cannot extract field '(?P<it>[^']+)'", NO_COLUMN),
    (r'Column "(?P<it>[^"]+)" in \w+ list not found', NO_COLUMN),
    (r'column "?(?P<it>[^\s"]+)"? does not exist', NO_COLUMN),
    (r"no such column: (?P<it>\S+)", NO_COLUMN),
    (r"parameter with name `(?P<it>[^`]+)` cannot be resolved", NO_COLUMN),
    (r'Table with name "?(?P<it>[^\s"]+)"? does not exist', NO_TABLE),
    (r'Referenced table "(?P<it>[^"]+)" not found', NO_TABLE),
    (r'relation "(?P<it>[^"]+)" does not exist', NO_TABLE),
    (r'missing FROM-clause entry for table "(?P<it>[^"]+)"', NO_TABLE),
    (r"no such table: (?P<it>\S+)", NO_TABLE),
    (r"table or view `(?P<it>[^`]+)` cannot be found", NO_TABLE),
    (r"Function with name (?P<it>\S+) does not exist", NO_FUNCTION),
    (r"no such function: (?P<it>\S+)", NO_FUNCTION),
    (r"argument types '(?P<it>\w+)\((?P<of>.*?)\)'",
     "the query calls {it}() with {of}, which it does not take; cast that"),
    (r"argument types '(?P<it>\W+)\((?P<of>.*?)\)'",
     "the query writes {it} with {of}, which it does not take; cast that"),
    (r"function (?P<it>\w+)\((?P<of>.*?)\) does not exist",
     "the query calls {it}() with {of}, which the engine does not have"),
    (r"operator does not exist: (?P<it>[^\n]+)",
     "the query writes {it}, which the engine does not have; cast one of them"),
    (r'[Tt]ype (?:with name )?"?(?P<it>[^\s"]+)"? does not exist', "the query names a type {it!r} that is not there"),
    (r'column "?(?P<it>[^\s"]+)"? must appear in the GROUP BY',
     "the query shows {it!r} beside sums; add it to group by"),
    (r'(?i)ambiguous (?:reference to )?column name:? "?(?P<it>[^\s"]+)', IN_SEVERAL),
    (r'column reference "(?P<it>[^"]+)" is ambiguous', IN_SEVERAL),
    (r'near "(?P<it>.+?)"(?:\s|:|$)', UNREADABLE),
    (r"error at or near '(?P<it>.+?)'", UNREADABLE),
    (r"at end of input|incomplete input", TOO_SHORT),
    (rf"Could not convert string '(?P<it>[^']*{MONEY_SIGN}[^']*)' to (?!DATE|TIME)",
     "the query casts {it!r}, which has the sign of a currency; leave out the cast, or take the signs out of the file"),
    (r"Could not convert string '(?P<it>.*?)' to (?P<type>\w+)", NOT_OF_TYPE),
    (r'invalid input syntax for type (?P<type>[\w ]+): "(?P<it>.*)"', NOT_OF_TYPE),
    (r"division by zero", "the query divides by zero; use nullif(…, 0) below the line"),
    (r'No files found that match the pattern "(?P<it>[^"]+)"', "there is no file {it!r} in the source's files"),
)  # fmt: skip
NAMES = re.compile(r"[\"`]([^\"`]+)[\"`]")
PROPOSED = re.compile(r"(?:Candidate \w+:|Did you mean[^\n\"`]*|Perhaps you meant to reference the \w+) ?([^\n]*)")
KIND = re.compile(r"^\s*(?:\w+ )*(?:Error|Exception): |^\s*\[[A-Z_.]+\] *")  # how an engine begins what it says


def open_source(source: Source, local: duckdb.DuckDBPyConnection, folder: Path) -> Engine:
    """Connect to a source's engine, whose rows the local one reads; ``folder`` takes what is brought from elsewhere.

    In DuckDB, file names in queries are relative to the source's ``files``, and a database is only read.

    Raises:
        KitError: the folder of files is missing, the engine is not known or cannot be reached.
    """
    if source.files and not source.files.is_dir():
        raise KitError(where(source, f"files == {str(source.files)!r}, must be a folder that exists"))
    scheme = urlsplit(source.connect).scheme
    with engine_faults(source, f"connect: {scheme} cannot be opened"):
        if scheme == "duckdb":
            return DuckDB.opened(local, source.connect, source.files, folder)
        _only_of_ends(source)
        return OtherEngine.opened(local, source.connect, folder)


def source_table(source: Source, engine: Engine, name: str) -> Given:
    """What the source gives of a canonical table that it provides.

    Raises:
        KitError: with the engine's message for a query that it refuses, or with what is wrong with a file.
    """
    kinds = {column.name: column.type for column in TABLES[name].columns}
    with engine_faults(source, f"tables.{name}"):
        return engine.given(table_from(source.tables[name]), reads_of(source, name), kinds)


def reads_of(source: Source, name: str) -> Reads:
    """How a table is read: as it says itself, else as the source says."""
    return table_from(source.tables[name]).reads.over(source.reads)


def _only_of_ends(source: Source) -> None:
    """Of a database, a source says only what its ends mean; all else has its type there."""
    odd = {key for name in source.tables for key, said in reads_of(source, name) if said is not None} - {"end_on"}
    if odd:
        raise KitError(f"reads: {', '.join(sorted(odd))} is for files; of a database only end_on is read so")


def source_fingerprint(source: Source) -> str | None:
    """What tells whether a source of files has changed: its text, and the size and time of its files.

    None for a database of another engine, whose rows can change unseen: it is read anew every time.
    """
    if urlsplit(source.connect).scheme != "duckdb":
        return None
    database = Path(duckdb_database(source.connect)[0])
    files = [file for file in [*(sorted(source.files.rglob("*")) if source.files else []), database] if file.is_file()]
    if not files:
        return None
    stats = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    text = [source.model_dump(mode="json", exclude={"files"}), source.made_from, stats]
    return hashlib.sha256(json.dumps(text, sort_keys=True).encode()).hexdigest()


def where(source: Source, *parts: str) -> str:
    """The place that a fault is about: the source's file, or its name where it has none."""
    file = shown(source.path) if source.path != Path() else source.name
    return ": ".join([file, *parts])


@contextmanager
def engine_faults(source: Source, part: str, given: Given | None = None) -> Iterator[None]:
    """Turn whatever an engine raises into faults: its first lines, secrets taken out.

    Where what is ``given`` is a query over files, the files themselves may tell better what is wrong.
    """
    try:
        yield
    except KitError as error:
        raise KitError(*(where(source, part, source.scrub(fault)) for fault in error.faults)) from None
    except Exception as error:
        if found := _behind(given):
            raise KitError(*(where(source, part, source.scrub(fault)) for fault in found)) from None
        if isinstance(error, NoSuchTable):
            table = source.scrub(str(error))
            text = f"the engine has no table '{table}'; must be a table's name, or a query that begins with {BEGINS}"
        else:  # what is secret goes before anything is cut off
            said = source.scrub(str(error).replace(source.connect, f"{urlsplit(source.connect).scheme}://"))
            text = (part.startswith("tables.") and _in_our_words(said)) or _first_line(said) or type(error).__name__
        raise KitError(where(source, part, text)) from None


def _in_our_words(told: str) -> str:
    """What is wrong with a query that an engine refuses; empty where its message is not known.

    >>> _in_our_words('Referenced column "dael_id" not found in FROM clause! Candidate bindings: "deal_id"')
    "the query names a column 'dael_id' that is not there; did you mean 'deal_id'?"
    """
    for pattern, words in REFUSED:
        if found := re.search(pattern, told):
            said = found.groupdict()
            ours = words.format(**said)
            proposed = PROPOSED.search(told)
            names = {name.rpartition(".")[2]: name for name in NAMES.findall(proposed[1])} if proposed else {}
            like = get_close_matches(said.get("it", ""), names, n=1)
            return f"{ours}; did you mean {names[like[0]]!r}?" if like else ours
    return ""


def _first_line(told: str) -> str:
    """What an engine says, without the words that it begins with and its place in a query."""
    return KIND.sub("", next((line.strip() for line in told.splitlines() if line.strip()), ""))


def _behind(given: Given | None) -> list[str]:
    """What is to be asked of the files that a query is over."""
    if given is None or given.reads is None:
        return []
    asked = [question for rows in given.behind
             for question in questions_behind(rows.ask, rows.types, given.reads)]  # fmt: skip
    return [*given.asked, *told([*given.questions, *asked])]
