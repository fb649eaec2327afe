"""What a column's type must be, how one that fits is cast, and what to write where none does."""

from __future__ import annotations

from helpers.data.doubts import ENDS
from helpers.data.engines import ZONED
from helpers.data.file_queries import Given, line_of, may_be
from helpers.data.readings import Zones
from helpers.data.schema import SQL_TYPES, Column, Table
from helpers.data.statements import identifier, quoted
from helpers.errors import nearest

RESERVED = ("at", "interval", "on")  # canonical names that an engine reads as its own words
WHOLE = {f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG")} | {"INTEGER", "UINTEGER"}


def name_faults(table: Table, given: Given) -> list[str]:
    """What is wrong with the names of the columns that are given of a table: missing, unknown, or no price at all.

    >>> from helpers.data.canonical_tables import TABLES
    >>> name_faults(TABLES["products"], Given("", {"family": "VARCHAR"}))
    ['product is missing; the query gives family']
    """
    types, likely = given.types, may_be(given, table)
    unknown = [name for name in types if name not in table.names]
    missing = [c.name for c in table.columns if c.required and c.name not in types]
    there = f"{given.file} has {', '.join(given.unread)} beside" if given.file else "the query gives"
    faults = [
        f"{name} is missing; if it is {likely[name]!r} in {given.file}, write {line_of(name, likely[name])}"
        if name in likely else f"{name} is missing; {there} {', '.join(types)}".removesuffix(" beside ")
        for name in missing
    ]  # fmt: skip
    if (end := ENDS.get(table.name, "")) in likely:
        faults.append(
            f"{given.file} has a column {likely[end]!r} that is not read, so that nothing would end; write "
            f"{line_of(end, likely[end])}, or a query without it in place of file"
        )
    faults += [f"{name} is not a column of {table.name}{nearest(name, table.names)}" for name in unknown]
    if table.one_of and not any(set(columns) <= set(types) for columns in table.one_of):
        forms = "; or ".join(", ".join(columns) for columns in table.one_of)
        price = f"; if {likely['mrr']!r} is it, write {line_of('mrr', likely['mrr'])}" if "mrr" in likely else ""
        faults.append(f"no price; give {forms}{price}")
    return faults


def cast_of(column: Column, found: str, source_zone: str | None, zone: str) -> str:
    """The expression that gives a column its canonical type, empty where that would lose or guess something.

    >>> cast_of(Column("amount", "dec", True), "BIGINT", None, "UTC")
    'cast("amount" as double)'
    >>> cast_of(Column("start_on", "date", True), "BIGINT", None, "UTC")
    ''
    """
    name = identifier(column.name)
    if is_nested(found):
        return ""
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


def type_fault(column: Column, given: Given, theirs: str, zones: Zones, fractions: bool) -> str:
    """What is wrong with a column's type, and what to write for it.

    ``theirs`` is what its file calls it, where it is of a file; ``fractions`` tells whether its numbers have any.

    >>> type_fault(Column("amount", "dec", True), Given("", {"amount": "JSON"}), "amount", Zones(None, "UTC"), False)
    'amount is json, must be dec; write cast(amount as double precision) as amount'
    """
    found = given.types[column.name]
    name = theirs if theirs.isidentifier() and theirs not in RESERVED else identifier(theirs)
    if found.startswith("TIMESTAMP") and (column.type == "ts" or found != ZONED) and not zones.source:
        return (
            f"{column.name} is a timestamp without a time zone; "
            "say which it is in with timezone: in the source, such as timezone: Europe/Berlin"
        )
    wrong = f"{column.name} is {found.lower()}, must be {column.type}"
    if is_nested(found):
        return f"{wrong}; write a query that takes out of it what is meant"
    if column.type == "str" and (given.guessed or (fractions and given.behind)):
        return f"{wrong}; write all_varchar = true in its read_csv(…), so that it stays as it stands in the file"
    if fractions and column.type == "int":
        return f"{column.name} has fractions, must be {column.type}; correct them where they come from"
    wanted = "double precision" if column.type == "dec" else SQL_TYPES[column.type]  # what every engine calls it
    cast = f"cast({name} as {wanted})"
    if column.type == "date" and found.startswith("TIMESTAMP"):
        instant = name if found == ZONED else f"{name} at time zone {quoted(str(zones.source))}"
        cast = f"cast({instant} at time zone {quoted(zones.reporting)} as date)"
    elif column.type == "str" and is_fraction(found) and not fractions:
        cast = f"cast(cast({name} as bigint) as varchar)"
    where = " in a query in place of file" if given.file else ""
    return f"{wrong}; write {cast} as {column.name if given.file else name}{where}"


def is_nested(found: str) -> bool:
    """Whether values of a type have parts.

    >>> [is_nested(found) for found in ("DECIMAL(9,2)[]", "STRUCT(v INTEGER)", "DECIMAL(9,2)")]
    [True, True, False]
    """
    return found.endswith("]") or found.startswith(("STRUCT", "MAP", "UNION"))


def is_fraction(found: str) -> bool:
    """Whether numbers of a type may have fractions.

    >>> is_fraction("DECIMAL(9,2)"), is_fraction("BIGINT")
    (True, False)
    """
    return found in ("FLOAT", "DOUBLE") or found.startswith("DECIMAL")
