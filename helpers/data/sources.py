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
from urllib.parse import parse_qsl, urlsplit

from helpers.data.engines import DuckDB, Engine, Given, NoSuchTable, local_engine, other_engine, quoted
from helpers.errors import KitError
from helpers.strict_yaml import shown

if TYPE_CHECKING:
    from helpers.params import Source

BEGINS = "select, with or from"


def open_source(source: Source) -> Engine:
    """Connect to a source's engine.

    In DuckDB, file names in queries are relative to the source's ``files``, and instants are UTC. A database is opened
    to be read only.

    Raises:
        KitError: the folder is missing, the engine is not known or cannot be reached.
    """
    if source.files and not source.files.is_dir():
        raise KitError(where(source, f"files == {str(source.files)!r}, must be a folder that exists"))
    scheme = urlsplit(source.connect).scheme
    with engine_faults(source, f"connect: {scheme} cannot be opened"):
        if scheme != "duckdb":
            return other_engine(source.connect)
        database, options = _database(source.connect)
        read_only = not database.startswith((":memory:", "md:", "motherduck:"))
        engine = local_engine(database, read_only=read_only, config=options)
        if source.files:
            engine.execute(f"set file_search_path = {quoted(str(source.files))}")
        return DuckDB(engine)


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
    database = Path(_database(source.connect)[0])
    if not (source.files or database.is_file()):
        return None
    files = [*(sorted(source.files.rglob("*")) if source.files else []), database]
    stats = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.is_file()]
    text = [source.name, source.connect, source.timezone, source.currency, source.tables, stats]
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


def _database(url: str) -> tuple[str, dict[str, str]]:
    """The file that a DuckDB's URL names, or what stands for none, and the options that it sets.

    >>> _database("duckdb://"), _database("duckdb:///home/me/all.db?threads=2"), _database("duckdb://md:sales")
    ((':memory:', {}), ('/home/me/all.db', {'threads': '2'}), ('md:sales', {}))
    """
    parts = urlsplit(url)
    return (parts.netloc + parts.path).rstrip("/") or ":memory:", dict(parse_qsl(parts.query))
