"""A source as its engine sees it: one connection, one Ibis table per canonical table.

Source: architecture, "A source". Nothing is read here but names and types; the engine's own message is shown when
it refuses, without what the connection hides.
"""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import ibis
from sqlglot.errors import ParseError

from helpers.errors import KitError, nearest
from helpers.progress import interruptible
from helpers.strict_yaml import shown

if TYPE_CHECKING:
    from ibis.backends import BaseBackend

    from helpers.params import Source

STYLE = re.compile(r"\x1b\[\d*m")
COMMENT = re.compile(r"\s*(--[^\n]*\n|/\*.*?\*/)", re.DOTALL)
BEGINS = "select, with or from"
QUERY = re.compile(r"\s*\(*\s*(select|with|from)\b", re.IGNORECASE)


@contextmanager
def library_warnings_ignored() -> Iterator[None]:
    """Keep the known complaints of ibis 12 about pandas 3 and duckdb 1.5 out of notebooks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("ignore", message=".*infer_string.*")
        yield


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
        if type(error).__name__ == "TableNotFound":
            lines = [
                f"the engine has no table {lines[0]!r}; must be a table's name, or a query that begins with {BEGINS}"
            ]
        text = " ".join(lines[:3]).replace(source.connect, f"{urlsplit(source.connect).scheme}://")
        raise KitError(where(source, part, source.scrub(text))) from None


def local_engine() -> Any:
    """A DuckDB of this process's own, whose queries end when the command is told to stop."""
    engine = ibis.duckdb.connect()
    interruptible(engine.con)
    return engine


def open_source(source: Source) -> BaseBackend:
    """Connect to a source's engine.

    In DuckDB, file names in queries are relative to the source's ``files``, and instants are UTC.

    Raises:
        KitError: the folder is missing, the engine is not known or cannot be reached.
    """
    if source.files and not source.files.is_dir():
        raise KitError(where(source, f"files == {str(source.files)!r}, must be a folder that exists"))
    engine = urlsplit(source.connect).scheme
    with library_warnings_ignored(), engine_faults(source, f"connect: {engine} cannot be opened"):
        backend = _connected(source, engine)
        if backend.name == "duckdb":
            interruptible(backend.con)
            backend.raw_sql("set timezone = 'UTC'")
            if source.files:
                backend.raw_sql(f"set file_search_path = {quoted(str(source.files))}")
    return backend


def _connected(source: Source, engine: str) -> BaseBackend:
    try:
        return ibis.connect(source.connect)
    except ImportError:
        extra = engine.replace("postgresql", "postgres")
        told = f"the driver of {engine} is not installed here; install it with pip install 'ibis-framework[{extra}]'"
        raise KitError(where(source, "connect", told)) from None
    except ValueError as error:
        if "know how to connect" not in str(error):
            raise
        hint = nearest(engine, (found.name for found in entry_points(group="ibis.backends")))
        told = f"connect must be a URL that Ibis can open, and Ibis has no engine {engine!r}{hint}"
        raise KitError(where(source, told)) from None


def source_tables(source: Source, backend: BaseBackend) -> dict[str, ibis.Table]:
    """One Ibis table per canonical table that the source provides.

    Raises:
        KitError: with the engine's message for every query that it refuses.
    """
    found: dict[str, ibis.Table] = {}
    faults: list[str] = []
    for name, query in source.tables.items():
        try:
            with library_warnings_ignored(), engine_faults(source, f"tables.{name}"):
                found[name] = _table(backend, query)
        except KitError as error:
            faults += error.faults
    if faults:
        raise KitError(*faults)
    return found


def source_fingerprint(source: Source) -> str | None:
    """What tells whether a source of files has changed: its text, and the size and time of its files.

    None for a database, whose rows can change unseen: it is read anew every time.
    """
    url = urlsplit(source.connect)
    database = Path(url.path) if url.path.strip("/") else None
    if url.scheme != "duckdb" or not (source.files or database):
        return None
    files = [*(sorted(source.files.rglob("*")) if source.files else []), *([database] if database else [])]
    stats = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.is_file()]
    text = [source.name, source.connect, source.timezone, source.currency, source.tables, stats]
    return hashlib.sha256(json.dumps(text, sort_keys=True).encode()).hexdigest()


def quoted(text: str) -> str:
    """A text as an SQL literal.

    >>> quoted("d'Or")
    "'d''Or'"
    """
    return "'" + text.replace("'", "''") + "'"


def _table(backend: BaseBackend, query: str) -> ibis.Table:
    """A query's result, or the table that a bare name (``deals``, ``crm.deals``) names."""
    if QUERY.match(_without_comments(query)):
        return _result(backend, query.strip().rstrip(";"))
    database, _, name = query.strip().rpartition(".")
    return backend.table(name, database=database or None)


def _result(backend: BaseBackend, query: str) -> ibis.Table:
    """A query's result. What Ibis cannot read is shown to the engine, so that its own words tell what is wrong."""
    try:
        return backend.sql(query)
    except ParseError as error:
        backend.raw_sql(f"select * from (\n{query}\n) as given where 1 = 0")
        raise ValueError(f"Ibis cannot read this: {STYLE.sub('', str(error))}") from None


def _without_comments(query: str) -> str:
    while comment := COMMENT.match(query):
        query = query[comment.end() :]
    return query
