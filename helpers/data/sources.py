"""A source as its engine sees it: one connection, one query per canonical table, and the types of its columns.

Source: architecture, "A source". Nothing is read here but names and types; the engine's own message is shown when
it refuses, without what the connection hides.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import duckdb

from helpers.data.engines import DuckDB, Engine, NoSuchTable, OtherEngine, duckdb_database
from helpers.data.file_queries import Given
from helpers.data.readings import questions_behind, told
from helpers.data.tables import TABLES
from helpers.errors import KitError
from helpers.reads import Reads, table_from
from helpers.strict_yaml import shown

if TYPE_CHECKING:
    from helpers.params import Source

BEGINS = "select, with or from"


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
        faults = f"reads: {', '.join(sorted(odd))} is for files; of a database only end_on is read so"
        raise KitError(faults)


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
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        if isinstance(error, NoSuchTable):
            lines = [f"the engine has no table '{error}'; must be a table's name, or a query that begins with {BEGINS}"]
        text = " ".join(lines[:3]).replace(source.connect, f"{urlsplit(source.connect).scheme}://")
        raise KitError(where(source, part, source.scrub(text))) from None


def _behind(given: Given | None) -> list[str]:
    """What is to be asked of the files that a query is over."""
    if given is None or given.reads is None:
        return []
    asked = [question for rows in given.behind
             for question in questions_behind(rows.ask, rows.types, given.reads)]  # fmt: skip
    return told([*given.questions, *asked])
