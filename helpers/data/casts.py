"""What a source's columns are held against: names, and types that can be changed without loss.

Source: specification, section 2. Lossless casts are made silently, everything else is a fault that says what to
write in the query; all faults of all tables are told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import ibis.expr.datatypes as dt

from helpers.data.schema import SQL_TYPES, Column, Table
from helpers.data.sources import quoted, where
from helpers.data.tables import TABLES
from helpers.errors import KitError, nearest

if TYPE_CHECKING:
    import ibis

    from helpers.params import Source

Schema = Mapping[str, dt.DataType]
RESERVED = ("at", "interval", "on")  # canonical names that an engine reads as its own words


def check_columns(
    source: Source, tables: Mapping[str, ibis.Table], timezone: str, *, has_rows: Callable[[str], bool]
) -> dict[str, dict[str, str]]:
    """The cast of every provided column, as SQL: table -> column -> expression.

    ``timezone`` is the reporting time zone, in which a bare date is a local midnight. A timestamp without a zone
    is in the source's. ``has_rows`` is asked of tables with a type that does not fit: one without rows has no types
    either, as a file of nothing but a header.

    Raises:
        KitError: columns are missing, unknown or of the wrong type; all faults of all tables.
    """
    found, faults = {}, []
    for name, table in tables.items():
        schema = dict(table.schema().items())
        faults += [where(source, f"tables.{name}", fault) for fault in _names(TABLES[name], schema)]
        casts = {
            c.name: _cast(c, schema[c.name], source.timezone, timezone)
            for c in TABLES[name].columns
            if c.name in schema
        }
        wrong = [TABLES[name].column(column) for column, cast in casts.items() if not cast]
        if wrong and has_rows(name):
            faults += [where(source, f"tables.{name}", _type_fault(c, schema[c.name])) for c in wrong]
        found[name] = {**casts, **{c.name: f"cast(null as {SQL_TYPES[c.type]})" for c in wrong}}
    if faults:
        raise KitError(*faults)
    return found


def _names(table: Table, schema: Schema) -> list[str]:
    unknown = [name for name in schema if name not in table.names]
    missing = [c.name for c in table.columns if c.required and c.name not in schema]
    faults = [f"{name} is missing; the query gives {', '.join(schema)}" for name in missing]
    faults += [f"{name} is not a column of {table.name}{nearest(name, table.names)}" for name in unknown]
    if table.one_of and not any(set(columns) <= set(schema) for columns in table.one_of):
        forms = "; or ".join(", ".join(columns) for columns in table.one_of)
        faults.append(f"no price; give {forms}")
    return faults


def _cast(column: Column, found: dt.DataType, source_zone: str | None, zone: str) -> str:
    """The expression that gives a column its canonical type, empty where that would lose or guess something."""
    name = f'"{column.name}"'
    if column.type == "ts":
        return _instant(name, found, source_zone, zone)
    fits = {
        "str": found.is_string(),
        "int": found.is_integer(),
        "dec": found.is_numeric() and not found.is_boolean(),
        "bool": found.is_boolean(),
        "date": found.is_date(),
    }
    return f"cast({name} as {SQL_TYPES[column.type]})" if fits[column.type] or found.is_null() else ""


def _instant(name: str, found: dt.DataType, source_zone: str | None, zone: str) -> str:
    if found.is_null() or (found.is_timestamp() and found.timezone):
        return f"cast({name} as timestamptz)"
    if found.is_date():
        return f"timezone({quoted(zone)}, cast({name} as timestamp))"
    if found.is_timestamp() and source_zone:
        return f"timezone({quoted(source_zone)}, {name})"
    return ""


def _type_fault(column: Column, found: dt.DataType) -> str:
    if column.type == "ts" and found.is_timestamp():
        return (
            f"{column.name} is a timestamp without a time zone; "
            "say which it is in with timezone: in the source, such as timezone: Europe/Berlin"
        )
    wanted = "double precision" if column.type == "dec" else SQL_TYPES[column.type]  # what every engine calls it
    name = f'"{column.name}"' if column.name in RESERVED else column.name
    return f"{column.name} is {str(found).lower()}, must be {column.type}; write cast({name} as {wanted}) as {name}"
