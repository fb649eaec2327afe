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

from helpers.data.engines import DuckDB, Engine, Given, NoSuchTable, OtherEngine, duckdb_database
from helpers.errors import KitError
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
            return DuckDB.opened(local, source.connect, source.files)
        return OtherEngine.opened(local, source.connect, folder)


def source_tables(source: Source, engine: Engine) -> dict[str, Given]:
    """What the source gives of each canonical table that it provides.

    Raises:
        KitError: with the engine's message for every query that it refuses.
    """
    found: dict[str, Given] = {}
    faults: list[str] = []
    for name, query in source.tables.items():
        try:
            with engine_faults(source, f"tables.{name}"):
                found[name] = engine.given(query)
        except KitError as error:
            faults += error.faults
    if faults:
        raise KitError(*faults)
    return found


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
    text = [source.name, source.connect, source.timezone, source.currency, source.tables, source.made_from, stats]
    return hashlib.sha256(json.dumps(text, sort_keys=True).encode()).hexdigest()


def where(source: Source, *parts: str) -> str:
    """The place that a fault is about: the source's file, or its name where it has none."""
    file = shown(source.path) if source.path != Path() else source.name
    return ": ".join([file, *parts])


@contextmanager
def engine_faults(source: Source, part: str) -> Iterator[None]:
    """Turn whatever an engine raises into one fault: its first lines, secrets taken out."""
    try:
        yield
    except KitError:
        raise
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        if isinstance(error, NoSuchTable):
            lines = [f"the engine has no table '{error}'; must be a table's name, or a query that begins with {BEGINS}"]
        text = " ".join(lines[:3]).replace(source.connect, f"{urlsplit(source.connect).scheme}://")
        raise KitError(where(source, part, source.scrub(text))) from None
