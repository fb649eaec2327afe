"""The engines that answer a source's queries: DuckDB for files and its own databases, Ibis for every other.

Ibis and its drivers are extras, imported only when a source needs them: Postgres, SQLite, Spark, Snowflake, BigQuery
and more. Types are told in DuckDB's words, and SQL over a source's rows is DuckDB's, translated where another runs it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import duckdb
import pyarrow as pa

from helpers.errors import nearest
from helpers.progress import interruptible

if TYPE_CHECKING:
    from ibis.backends import BaseBackend

COMMENT = re.compile(r"\s*(--[^\n]*\n|/\*.*?\*/)", re.DOTALL)
QUERY = re.compile(r"\s*\(*\s*(select|with|from)\b", re.IGNORECASE)
STYLE = re.compile(r"\x1b\[\d*m")
GIVEN = "given_rows"  # in SQL for an engine: the rows of the source's own query
BATCH = 50_000  # rows, so that what travels is never held as a whole
OWN_EXTRAS = ("postgres",)  # the kit's; drivers of other engines come with an extra of Ibis


class Given(NamedTuple):
    """What a source gives of a canonical table: a query in the engine's SQL, and the DuckDB types of its columns."""

    query: str
    types: dict[str, str]


class NoSuchTable(Exception):
    """A query is a bare name, and the engine has no table of that name."""


class Engine(Protocol):
    """What answers a source's queries."""

    name: str

    def given(self, text: str) -> Given:
        """What a query gives, or the table that a bare name (``deals``, ``crm.deals``) names.

        Raises:
            NoSuchTable: there is no such table.
        """

    def rows(self, sql: str, given: Given) -> pa.RecordBatchReader:
        """The rows of DuckDB's SQL over what a source gives, which the SQL names ``GIVEN``."""

    def close(self) -> None:
        """Leave the engine."""


class DuckDB:
    """The engine of files and of DuckDB databases."""

    name = "duckdb"

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def given(self, text: str) -> Given:
        """See :class:`Engine`."""
        query = text.strip().rstrip(";")
        if not is_query(text):
            query = f"from {'.'.join(map(identifier, query.split('.')))}"
        try:
            described = self.connection.execute(f"describe select * from (\n{query}\n)").fetchall()
        except duckdb.CatalogException:
            if is_query(text):
                raise
            raise NoSuchTable(text.strip().rpartition(".")[2]) from None
        return Given(query, {name: kind for name, kind, *_ in described})

    def rows(self, sql: str, given: Given) -> pa.RecordBatchReader:
        """See :class:`Engine`."""
        return self.connection.sql(over(sql, given)).to_arrow_reader()

    def close(self) -> None:
        """See :class:`Engine`."""
        self.connection.close()


class OtherEngine:
    """An engine that Ibis speaks to."""

    def __init__(self, backend: BaseBackend) -> None:
        self.backend = backend
        self.name = backend.name

    def given(self, text: str) -> Given:
        """See :class:`Engine`."""
        with library_warnings_ignored():
            table = self._table(text)
            return Given(self.backend.compile(table), _duckdb_types(table.schema()))

    def rows(self, sql: str, given: Given) -> pa.RecordBatchReader:
        """See :class:`Engine`."""
        import sqlglot

        with library_warnings_ignored():
            [native] = sqlglot.transpile(sql, read="duckdb", write=self.backend.dialect)
            return self.backend.to_pyarrow_batches(self.backend.sql(over(native, given)), chunk_size=BATCH)

    def close(self) -> None:
        """See :class:`Engine`."""
        self.backend.disconnect()

    def _table(self, text: str) -> Any:
        from ibis.common.exceptions import TableNotFound

        if is_query(text):
            return self._result(text.strip().rstrip(";"))
        database, _, name = text.strip().rpartition(".")
        try:
            return self.backend.table(name, database=database or None)
        except TableNotFound:
            raise NoSuchTable(name) from None

    def _result(self, query: str) -> Any:
        """A query's result. What Ibis cannot read is shown to the engine, so that its own words tell what is wrong."""
        from sqlglot.errors import ParseError

        try:
            return self.backend.sql(query)
        except ParseError as error:
            self.backend.raw_sql(f"select * from (\n{query}\n) as given where 1 = 0")
            raise ValueError(f"Ibis cannot read this: {STYLE.sub('', str(error))}") from None


def local_engine(database: str = ":memory:", **options: Any) -> duckdb.DuckDBPyConnection:
    """A DuckDB of this process's own, whose queries end when the command is told to stop.

    Its instants are UTC, its queries find no variables of this program, and it prints nothing.
    """
    engine = duckdb.connect(database, **options)
    engine.execute("set timezone = 'UTC'")
    engine.execute("set python_enable_replacements = false")
    with suppress(duckdb.InvalidInputException):  # in Jupyter without ipywidgets there is no bar to switch off
        engine.execute("set enable_progress_bar = false")
    return interruptible(engine)


def other_engine(url: str) -> OtherEngine:
    """The engine that a URL names.

    Raises:
        ImportError: Ibis or the engine's driver is not installed; says what to install.
        ValueError: Ibis has no such engine.
    """
    name = urlsplit(url).scheme
    extra = name.replace("postgresql", "postgres")
    packages = f"'kpi-review[{extra}]'" if extra in OWN_EXTRAS else f"'kpi-review[engines]' 'ibis-framework[{extra}]'"
    try:
        import ibis

        with library_warnings_ignored():
            return OtherEngine(ibis.connect(url))
    except ImportError:
        raise ImportError(f"its driver is not installed here; install it with pip install {packages}") from None
    except ValueError as error:
        if "know how to connect" not in str(error):
            raise
        hint = nearest(name, (found.name for found in entry_points(group="ibis.backends")))
        raise ValueError(f"must be duckdb, or an engine that Ibis knows{hint}") from None


def is_query(text: str) -> bool:
    r"""Whether a text is a query; else it is the name of a table.

    >>> is_query("-- all of them\nselect * from deals"), is_query("crm.deals")
    (True, False)
    """
    while comment := COMMENT.match(text):
        text = text[comment.end() :]
    return bool(QUERY.match(text))


def over(sql: str, given: Given) -> str:
    """SQL over ``GIVEN`` with the source's query in its place."""
    return sql.replace(GIVEN, f"(\n{given.query}\n)")


def quoted(text: str) -> str:
    """A text as an SQL literal.

    >>> quoted("d'Or")
    "'d''Or'"
    """
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name as an SQL identifier.

    >>> identifier('the "big" ones')
    '"the ""big"" ones"'
    """
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def library_warnings_ignored() -> Iterator[None]:
    """Keep the known complaints of ibis 12 about pandas 3 and duckdb 1.5 out of notebooks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("ignore", message=".*infer_string.*")
        yield


def _duckdb_types(schema: Any) -> dict[str, str]:
    """What DuckDB calls the types that rows arrive with; what cannot arrive keeps the engine's name."""
    found, fields = {}, []
    for name, kind in schema.items():
        found[name] = str(kind)
        try:
            fields.append(pa.field(name, kind.to_pyarrow()))
        except (KeyError, NotImplementedError):
            continue
    with duckdb.connect() as engine:
        engine.register("arriving", pa.schema(fields).empty_table())
        described = engine.execute("describe arriving").fetchall()
    return found | {name: kind for name, kind, *_ in described}
