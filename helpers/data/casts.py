"""What a source's columns are held against: names, and types that can be changed without loss.

Source: specification, section 2. Lossless casts are made silently, everything else is a fault that says what to
write in the query; all faults of all tables are told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from helpers.data.engines import Given, identifier, quoted
from helpers.data.schema import SQL_TYPES, Column, Table
from helpers.data.sources import where
from helpers.data.tables import TABLES
from helpers.errors import KitError, nearest

if TYPE_CHECKING:
    from helpers.params import Source

RESERVED = ("at", "interval", "on")  # canonical names that an engine reads as its own words
WHOLE = {f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG")} | {"INTEGER", "UINTEGER"}
ZONED = "TIMESTAMP WITH TIME ZONE"


def check_columns(
    source: Source,
    tables: Mapping[str, Given],
    timezone: str,
    *,
    without_values: Callable[[str, Sequence[str]], Sequence[str]],
) -> dict[str, dict[str, str]]:
    """The cast of every provided column that has values, as SQL: table -> column -> expression.

    ``timezone`` is the reporting time zone, in which a bare date is a local midnight. A timestamp without a zone
    is in the source's. A column without any value fits every type, as engines cannot tell its own: of columns whose
    type does not fit, ``without_values`` tells which those are.

    Raises:
        KitError: columns are missing, unknown or of the wrong type; all faults of all tables.
    """
    found, faults = {}, []
    for name, given in tables.items():
        faults += [where(source, f"tables.{name}", fault) for fault in _names(TABLES[name], given.types)]
        columns = [column for column in TABLES[name].columns if column.name in given.types]
        casts = {c.name: _cast(c, given.types[c.name], source.timezone, timezone) for c in columns}
        if unfit := [column for column in columns if not casts[column.name]]:
            empty = without_values(name, [column.name for column in unfit])
            wrong = [column for column in unfit if column.name not in empty]
            faults += [where(source, f"tables.{name}", _type_fault(c, given.types[c.name])) for c in wrong]
        found[name] = {column: cast for column, cast in casts.items() if cast}
    if faults:
        raise KitError(*faults)
    return found


def _names(table: Table, types: Mapping[str, str]) -> list[str]:
    unknown = [name for name in types if name not in table.names]
    missing = [c.name for c in table.columns if c.required and c.name not in types]
    faults = [f"{name} is missing; the query gives {', '.join(types)}" for name in missing]
    faults += [f"{name} is not a column of {table.name}{nearest(name, table.names)}" for name in unknown]
    if table.one_of and not any(set(columns) <= set(types) for columns in table.one_of):
        forms = "; or ".join(", ".join(columns) for columns in table.one_of)
        faults.append(f"no price; give {forms}")
    return faults


def _cast(column: Column, found: str, source_zone: str | None, zone: str) -> str:
    """The expression that gives a column its canonical type, empty where that would lose or guess something."""
    name = identifier(column.name)
    number = found in {*WHOLE, "HUGEINT", "UHUGEINT", "FLOAT", "DOUBLE"} or found.startswith("DECIMAL")
    fits = {
        "str": found == "VARCHAR" or found.startswith("ENUM"),
        "int": found in WHOLE,
        "dec": number,
        "bool": found == "BOOLEAN",
        "date": found == "DATE",
        "ts": found == ZONED,
    }
    if fits[column.type]:
        return f"cast({name} as {SQL_TYPES[column.type]})"
    if column.type == "ts" and found == "DATE":
        return f"timezone({quoted(zone)}, cast({name} as timestamp))"
    if column.type == "ts" and found.startswith("TIMESTAMP") and source_zone:
        return f"timezone({quoted(source_zone)}, cast({name} as timestamp))"
    return ""


def _type_fault(column: Column, found: str) -> str:
    if column.type == "ts" and found.startswith("TIMESTAMP"):
        return (
            f"{column.name} is a timestamp without a time zone; "
            "say which it is in with timezone: in the source, such as timezone: Europe/Berlin"
        )
    wanted = "double precision" if column.type == "dec" else SQL_TYPES[column.type]  # what every engine calls it
    name = identifier(column.name) if column.name in RESERVED else column.name
    return f"{column.name} is {found.lower()}, must be {column.type}; write cast({name} as {wanted}) as {name}"
