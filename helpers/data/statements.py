"""A source's query as a parser sees it: one statement that only reads, and the files that it names.

A source is only read. DuckDB's own parser judges what is written for DuckDB, sqlglot's what is written for others.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

Node = dict[str, Any]  # of the tree that DuckDB's parser makes

FILE_NAME = re.compile(r"\.(csv|tsv|txt|xlsx|xlsm|xlsb|xls|ods|parquet|json|jsonl|ndjson)(\.gz|\.zst)?$", re.IGNORECASE)
OF_FILES = (
    "read_csv", "read_csv_auto", "read_parquet", "parquet_scan", "read_json", "read_json_auto", "read_ndjson",
    "read_ndjson_auto", "read_json_objects", "read_ndjson_objects",
)  # fmt: skip
OF_VALUES = ("range", "generate_series", "unnest", "repeat", "json_each", "json_tree")
# Functions that a read-only transaction lets through although they act on a session, a server or a file.
ACTING = re.compile(
    r"nextval|setval|setseed|set_config|write_log|sleep\w*|pg_sleep\w*|pg_(terminate|cancel)_backend|pg_notify|"
    r"pg_reload_conf|pg_read\w*|pg_ls\w*|pg_advisory\w*|lo_\w+|dblink\w*|load_extension|load_file|get_lock|"
    r"java_method|reflect|try_reflect|system\$\w+",
    re.IGNORECASE,
)


class NotOnlyRead(Exception):
    """A text is not one query that only reads."""


def duckdb_tree(engine: duckdb.DuckDBPyConnection, text: str) -> Node:
    """The tree of a text that is one query, and only reads.

    Raises:
        NotOnlyRead: it is not; says what was found.
    """
    statements = engine.extract_statements(text)
    kinds = [statement.type.name.lower() for statement in statements]
    if len(statements) != 1:
        raise NotOnlyRead(f"must be one query; this is {len(kinds)} statements: {', '.join(kinds)}")
    [(read,)] = engine.execute("select json_serialize_sql(?)", [text]).fetchall()
    tree: Node = json.loads(read)
    if kinds != ["select"] or tree["error"]:
        raise NotOnlyRead(f"must be a query that only reads; this is a statement of the kind {kinds[0]}")
    for node in nodes(tree):
        if node.get("type") == "TABLE_FUNCTION":
            _must_read(engine, node["function"])
        elif node.get("type") == "FUNCTION" and ACTING.fullmatch(node["function_name"]):
            raise NotOnlyRead(f"must only read; {node['function_name']} does more than that")
    return tree


def duckdb_text(engine: duckdb.DuckDBPyConnection, tree: Node) -> str:
    """The query that a tree is of."""
    [(text,)] = engine.execute("select json_deserialize_sql(?)", [json.dumps(tree)]).fetchall()
    return str(text)


def nodes(tree: Any) -> Iterator[Node]:
    """Every node of a tree, each before those inside of it."""
    left = [tree]
    while left:
        found = left.pop()
        if isinstance(found, dict):
            yield found
            found = list(found.values())
        left += [inside for inside in reversed(found) if isinstance(inside, dict | list)]


def arguments(function: Node) -> list[Node]:
    """What a function is given: DuckDB 2 writes it otherwise than DuckDB 1."""
    if "arguments" in function:
        return [each["expression"] for each in function["arguments"]]
    return list(function.get("children", []))


def constant(node: Node) -> Any:
    """The value of a constant, none of what has to be worked out; DuckDB 1 writes true and false as casts of a text."""
    if "literal" in node:
        return node["literal"].get("text")
    return node.get("child", node).get("value", {}).get("value")


def names_of_files(node: Node) -> list[str] | None:
    """The files that a node of a query reads, as they are written; None where it reads no file.

    Raises:
        NotOnlyRead: a file is not named but worked out.
    """
    if node.get("type") == "BASE_TABLE":
        name = node["table_name"]
        return [name] if not node["schema_name"] and (FILE_NAME.search(name) or "://" in name) else None
    if node.get("type") != "TABLE_FUNCTION" or node["function"]["function_name"] not in OF_FILES:
        return None
    given = arguments(node["function"])[:1]
    if given and given[0].get("function_name") == "list_value":
        given = arguments(given[0])
    names = [constant(child) for child in given]
    if not names or not all(isinstance(name, str) for name in names):
        raise NotOnlyRead(f"must name its files as they are; {node['function']['function_name']} is given none, or SQL")
    return names


def inside(folder: Path | None, name: str) -> str:
    """The path of a file that a source names; nothing outside of the source's folder, where it has one, is read.

    >>> inside(Path("/home/me/exports"), "crm/deals.csv")
    '/home/me/exports/crm/deals.csv'

    Raises:
        NotOnlyRead: it lies elsewhere.
    """
    if folder is None:
        return name
    path = os.path.normpath(folder / Path(name).expanduser())
    if "://" in name or not Path(path).is_relative_to(folder):
        raise NotOnlyRead(f"{name!r} lies outside of files ({folder}); name a folder there that holds all of them")
    return path


def must_be_one_query(text: str, dialect: Any) -> bool:
    """Whether sqlglot can read a text in an engine's dialect; what it can read must be one query that only reads.

    Raises:
        NotOnlyRead: it is not; says what was found.
    """
    from sqlglot import exp, parse
    from sqlglot.dialects.dialect import Dialect
    from sqlglot.errors import ParseError, TokenError
    from sqlglot.tokens import TokenType

    ends = (exp.Semicolon, type(None))
    try:
        tokens = Dialect.get_or_raise(dialect).tokenize(text.strip().rstrip(";"))
        statements = [statement for statement in parse(text, read=dialect) if not isinstance(statement, ends)]
    except TokenError as error:
        raise NotOnlyRead(f"must be one query; {str(error).splitlines()[0]}") from None
    except ParseError:
        if any(token.token_type == TokenType.SEMICOLON for token in tokens):
            raise NotOnlyRead("must be one query; this has a semicolon between its parts") from None
        return False
    kinds = [statement.key for statement in statements]
    if len(statements) != 1:
        raise NotOnlyRead(f"must be one query; this is {len(kinds)} statements: {', '.join(kinds)}")
    changing = (exp.DML, exp.DDL, exp.Into, exp.Command, exp.Drop, exp.Alter, exp.Set, exp.Lock)
    found = [node.key for node in statements[0].find_all(*changing)]
    if not isinstance(statements[0], exp.Query | exp.Values) or found:
        raise NotOnlyRead(f"must be a query that only reads; this has a statement of the kind {(found or kinds)[0]}")
    for call in statements[0].find_all(exp.Func):
        if ACTING.fullmatch(name := call.name if isinstance(call, exp.Anonymous) else call.sql_name()):
            raise NotOnlyRead(f"must only read; {name} does more than that")
    return True


def _must_read(engine: duckdb.DuckDBPyConnection, function: Node) -> None:
    """Table functions that read values and tables, and those that a database defines itself, which can only select."""
    name = function["function_name"]
    if name in (*OF_FILES, *OF_VALUES):
        return
    own = "select count(*) from duckdb_functions() where function_type = 'table_macro' and function_name = ?"
    if engine.execute(own, [name]).fetchall() == [(0,)]:
        known = ", ".join(("read_csv", "read_parquet", "read_json", "read_ndjson"))
        raise NotOnlyRead(f"must only read tables and files; {name} is not among what reads them: {known}")


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
