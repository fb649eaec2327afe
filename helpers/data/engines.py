"""The engines that answer a source's queries: DuckDB for files and its own databases, Ibis for every other.

Ibis and its drivers are extras, imported only when a source needs them: Postgres, SQLite, Spark, Snowflake, BigQuery
and more. Types are told in DuckDB's words, and SQL over a source's rows is DuckDB's, translated where another runs it.
"""

from __future__ import annotations

import re
import sqlite3
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from importlib.metadata import entry_points
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl, urlsplit

import duckdb
import pyarrow as pa

from helpers.data.file_queries import Given, mapped, rewritten
from helpers.data.files import Files
from helpers.data.statements import identifier, must_be_one_query, quoted
from helpers.errors import KitError, nearest
from helpers.progress import interruptible
from helpers.reads import Reads, TableFrom

if TYPE_CHECKING:
    from ibis.backends import BaseBackend

COMMENT = re.compile(r"\s*(--[^\n]*\n|/\*.*?\*/)", re.DOTALL)
QUERY = re.compile(r"\s*\(*\s*(select|with|from)\b", re.IGNORECASE)
STYLE = re.compile(r"\x1b\[\d*m")
GIVEN = "given_rows"  # in SQL for an engine: the rows of the source's own query
BATCH = 50_000  # rows, so that what travels is never held as a whole
STAGED = "staged"  # the local engine's database for what is made of the rows, apart from the source's own
ZONED = "TIMESTAMP WITH TIME ZONE"
TYPES_IN_POSTGRES = """
    select case when exists (select from pg_enum where enumtypid = kind) then 'enum' else format_type(kind, size) end
    from unnest(%s::oid[], %s::int[]) with ordinality as asked(kind, size, place) order by place"""
OWN_EXTRAS = ("postgres",)  # the kit's; drivers of other engines come with an extra of Ibis


class NoSuchTable(Exception):
    """A query is a bare name, and the engine has no table of that name."""


class Engine(Protocol):
    """What answers a source's queries, beside the local engine that takes their rows."""

    name: str
    local: duckdb.DuckDBPyConnection

    def given(self, table: TableFrom, reads: Reads, kinds: Mapping[str, str]) -> Given:
        """What a query gives, or the table that a bare name (``deals``, ``crm.deals``) names, or files.

        ``reads`` says how files are read, ``kinds`` are the types that the canonical columns will have.

        Raises:
            NoSuchTable: there is no such table.
            NotOnlyRead: the text is not one query that only reads.
            KitError: a file is not there or cannot be read for certain.
        """

    def rows(self, sql: str, given: Given) -> str:
        """A relation of the local engine: the rows of DuckDB's SQL over ``GIVEN``, which is what a source gives."""

    def names(self) -> AbstractContextManager[None]:
        """As long as this lasts, the local engine finds the tables that the source's queries name."""
        return nullcontext()

    def close(self) -> None:
        """Close the source's engine and the local one."""
        self.local.close()


class DuckDB(Engine):
    """The engine of files and of DuckDB databases: the local one itself."""

    name = "duckdb"

    def __init__(self, local: duckdb.DuckDBPyConnection, files: Files, database: str = "memory") -> None:
        self.local = local
        self.files = files
        self._database = database

    @classmethod
    def opened(cls, local: duckdb.DuckDBPyConnection, url: str, folder: Path | None, spare: Path) -> DuckDB:
        """The engine of a URL and a folder of files. A database is only read; ``spare`` takes what is made of files."""
        database, options = duckdb_database(url)
        for name, value in options.items():
            local.execute(f"set {identifier(name)} = {quoted(value)}")
        files = Files(local, folder, spare)
        if folder:
            local.execute(f"set file_search_path = {quoted(str(folder))}")
        if not database:
            return cls(local, files)
        before = _databases(local)
        local.execute(f"attach {quoted(database)} (read_only)")
        return cls(local, files, next(name for name in _databases(local) if name not in before))

    def given(self, table: TableFrom, reads: Reads, kinds: Mapping[str, str]) -> Given:
        if table.file:
            return mapped(self.files, table, kinds, reads)
        text = str(table.query)
        if is_query(text):
            texts = [name for name, kind in kinds.items() if kind == "str"]
            found = rewritten(self.files, text.strip().rstrip(";"), reads, texts)
        else:
            found = Given(f"from {'.'.join(map(identifier, text.strip().split('.')))}", {})
        try:
            described = self.local.execute(f"describe select * from (\n{found.query}\n)").fetchall()
        except duckdb.Error as error:
            if found.asked:  # the query may be right once that is answered
                raise KitError(*found.asked) from None
            if is_query(text) or not isinstance(error, duckdb.CatalogException):
                raise
            raise NoSuchTable(text.strip().rpartition(".")[2]) from None
        return found._replace(types={name: kind for name, kind, *_ in described})

    def rows(self, sql: str, given: Given) -> str:
        return f"({_over(sql, given)})"

    @contextmanager
    def names(self) -> Iterator[None]:
        self.local.execute(f"use {identifier(self._database)}")
        try:
            yield
        finally:
            self.local.execute(f"use {STAGED}")


class OtherEngine(Engine):
    """An engine that Ibis speaks to. Its rows are brought into files of a folder, which the local engine reads."""

    def __init__(self, backend: BaseBackend, local: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.name = backend.name
        self.local = local
        self._backend = backend
        self._files = (folder / f"brought_{number}.parquet" for number in count())

    @classmethod
    def opened(cls, local: duckdb.DuckDBPyConnection, url: str, folder: Path) -> OtherEngine:
        """The engine that a URL names.

        Raises:
            ImportError: Ibis or the engine's driver is not installed; says what to install.
            ValueError: Ibis has no such engine.
        """
        name = urlsplit(url).scheme
        extra = name.replace("postgresql", "postgres")
        own = extra in OWN_EXTRAS
        packages = f"'kpi-review[{extra}]'" if own else f"'kpi-review[engines]' 'ibis-framework[{extra}]'"
        try:
            with library_warnings_ignored():
                return cls(_read_only(url), local, folder)
        except ImportError:
            raise ImportError(f"its driver is not installed here; install it with pip install {packages}") from None
        except ValueError as error:
            if "know how to connect" not in str(error):
                raise
            hint = nearest(name, (found.name for found in entry_points(group="ibis.backends")))
            raise ValueError(f"must be duckdb, or an engine that Ibis knows{hint}") from None

    def given(self, table: TableFrom, reads: Reads, kinds: Mapping[str, str]) -> Given:
        if table.file:
            raise ValueError("file: is for connect: duckdb://; write a source of its own for files")
        text = str(table.query)
        with library_warnings_ignored():
            found = self._table(text)
            query = self._backend.compile(found)
            return Given(query, self._duckdb_types(found.schema()) | self._instants(query))

    def rows(self, sql: str, given: Given) -> str:
        import sqlglot

        with library_warnings_ignored():
            [native] = sqlglot.transpile(sql, read="duckdb", write=self._backend.dialect)
            table = self._sql(_over(native, given))
            return self._brought(self._backend.to_pyarrow_batches(table, chunk_size=BATCH))

    def close(self) -> None:
        self._backend.disconnect()
        super().close()

    def _brought(self, rows: pa.RecordBatchReader) -> str:
        """Rows in a file. Where they stop to come, that is told in the words of the engine that they came from."""
        faults: list[Exception] = []

        def batches() -> Iterator[pa.RecordBatch]:
            try:
                yield from rows
            except Exception as error:
                faults.append(error)
                raise

        file = quoted(str(next(self._files)))
        self.local.register("arriving", pa.RecordBatchReader.from_batches(rows.schema, batches()))
        try:
            self.local.execute(f"copy arriving to {file} (format parquet)")
        except duckdb.Error as error:
            raise (faults or [error])[0] from None
        self.local.unregister("arriving")
        return f"read_parquet({file})"

    def _table(self, text: str) -> Any:
        from ibis.common.exceptions import TableNotFound

        if is_query(text):
            return self._result(text.strip().rstrip(";"))
        database, _, name = text.strip().rpartition(".")
        try:
            return self._backend.table(name, database=database or None)
        except TableNotFound:
            raise NoSuchTable(name) from None

    def _result(self, query: str) -> Any:
        """A query's result, if it is one that only reads. Postgres tells itself what is wrong with one that it reads
        and sqlglot does not.
        """
        from sqlglot.errors import ParseError

        must_be_one_query(query, self._backend.dialect)
        try:
            return self._sql(query)
        except ParseError as error:
            raise ValueError(f"Ibis cannot read this: {STYLE.sub('', str(error))}") from None

    def _sql(self, query: str) -> Any:
        """A query's result with its columns, which Ibis would else ask for by making a view."""
        return self._backend.sql(
            query, schema=_postgres_schema(self._backend, query) if self.name == "postgres" else None
        )

    def _instants(self, query: str) -> dict[str, str]:
        """The columns of instants in Spark, which Ibis takes for local times."""
        if self.name != "pyspark":
            return {}
        described = self._backend.raw_sql(f"describe query {query}").collect()
        return {name: ZONED for name, kind, _ in described if kind == "timestamp"}

    def _duckdb_types(self, schema: Any) -> dict[str, str]:
        """What DuckDB calls the types that rows arrive with; what cannot arrive keeps the engine's name."""
        fields = []
        for name, kind in schema.items():
            with suppress(KeyError, NotImplementedError):
                fields.append(pa.field(name, kind.to_pyarrow()))
        self.local.register("arriving", pa.schema(fields).empty_table())
        described = self.local.execute("describe arriving").fetchall()
        self.local.unregister("arriving")
        return {name: str(kind) for name, kind in schema.items()} | {name: kind for name, kind, *_ in described}


def _read_only(url: str) -> BaseBackend:
    """The engine of a URL, by the strictest means that it has for reading only; each query is judged besides."""
    import ibis

    if url.startswith("sqlite://"):
        parts = urlsplit(url)
        file = Path(parts.netloc + parts.path).absolute()
        return ibis.sqlite.from_connection(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True))
    backend = ibis.connect(url)
    if backend.name == "postgres":
        backend.con.read_only = True
        backend.raw_sql("set session characteristics as transaction read only").close()
    elif backend.name == "mysql":
        backend.raw_sql("set session transaction read only").close()
    return backend


def _postgres_schema(backend: BaseBackend, query: str) -> Any:
    """The columns of a query as Postgres describes its result, which needs no view."""
    import ibis

    with backend.begin() as cursor:
        cursor.execute(f"select * from (\n{query}\n) as given limit 0", prepare=True)
        result, names = cursor.pgresult, [column.name for column in cursor.description]
        kinds = [(result.ftype(i), result.fmod(i)) for i in range(len(names))]
        cursor.execute(TYPES_IN_POSTGRES, [[kind for kind, _ in kinds], [size for _, size in kinds]])
        types = [name for (name,) in cursor.fetchall()]
    return ibis.schema(dict(zip(names, map(backend.compiler.type_mapper.from_string, types), strict=True)))


def local_engine(beside: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyConnection:
    """A DuckDB of this process's own, or another session of one, whose queries end when the command is told to stop.

    Its instants are UTC, its queries find no variables of this program, and it prints nothing.
    """
    engine = beside.cursor() if beside else duckdb.connect()
    engine.execute("set timezone = 'UTC'")
    engine.execute("set python_enable_replacements = false")
    with suppress(duckdb.InvalidInputException):  # in Jupyter without ipywidgets there is no bar to switch off
        engine.execute("set enable_progress_bar = false")
    return interruptible(engine)


def duckdb_database(url: str) -> tuple[str, dict[str, str]]:
    """The database that a URL names to DuckDB, none if it is empty, and the options that it sets.

    >>> duckdb_database("duckdb://"), duckdb_database("duckdb:///home/me/all.db?threads=2")
    (('', {}), ('/home/me/all.db', {'threads': '2'}))
    >>> duckdb_database("duckdb://md:sales?motherduck_token=abc")
    ('md:sales?motherduck_token=abc', {})
    """
    parts = urlsplit(url)
    database = (parts.netloc + parts.path).rstrip("/").removeprefix(":memory:")
    if database.startswith(("md:", "motherduck:")):
        return url.removeprefix("duckdb://"), {}
    return database, dict(parse_qsl(parts.query))


def is_query(text: str) -> bool:
    """Whether a text is a query; else it is the name of a table.

    >>> is_query("/* all of them */ select * from deals"), is_query("crm.deals")
    (True, False)
    """
    while comment := COMMENT.match(text):
        text = text[comment.end() :]
    return bool(QUERY.match(text))


def _over(sql: str, given: Given) -> str:
    """SQL over ``GIVEN`` with the source's query in its place."""
    return sql.replace(GIVEN, f"(\n{given.query}\n)")


def written(rows: str, file: Path) -> str:
    """The SQL that writes rows to a Parquet file, in an order that depends on nothing but the rows."""
    return f"copy (from ({rows}) order by all) to {quoted(str(file))} (format parquet)"


def _databases(engine: duckdb.DuckDBPyConnection) -> list[str]:
    return [name for (name,) in engine.execute("select database_name from duckdb_databases()").fetchall()]


@contextmanager
def library_warnings_ignored() -> Iterator[None]:
    """Keep the known complaints of ibis 12 about pandas 3 out of notebooks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("ignore", message=".*infer_string.*")
        yield
