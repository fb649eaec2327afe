"""A source's rows in the local engine: columns typed as the specification says, events reduced on the way.

Source: specification, section 2. Lossless casts are made silently, everything else is a fault that says what to write
in the query; all faults of all tables are told at once. Tables other than ``events`` are small: they come whole. Events
are reduced by the source's engine where it is known to do that well, else in the local one. On their way they meet what
is known of their users and customers, so that they are written once, as cards read them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from helpers.data.canonical_tables import HELD, TABLES
from helpers.data.column_types import WHOLE, cast_of, is_fraction, is_nested, name_faults, type_fault
from helpers.data.doubts import ENDS, ends_on_the_eve, ids_without_zeros, no_currencies, one_form, signs_of_others
from helpers.data.engines import GIVEN, STAGED, ZONED, DuckDB, Engine, identifier, local_engine, quoted
from helpers.data.file_queries import Given, notes_of_unread
from helpers.data.prepared import Prepared
from helpers.data.readings import (
    Ask,
    Question,
    Zones,
    as_it_stands,
    day_of_instants,
    named,
    never_empty,
    questions,
    settled,
    text_of,
    told,
    typed,
    with_words,
)
from helpers.data.reduction import Reduction, can_reduce, local_day_function, shifts_of
from helpers.data.schema import SQL_TYPES, Column, Table
from helpers.data.sources import engine_faults, open_source, reads_of, source_table, where
from helpers.errors import KitError, refuse
from helpers.periods import Period
from helpers.reads import table_from

if TYPE_CHECKING:
    from helpers.params import Source

LIMITED = "set memory_limit = '700MB'"  # while events are reduced and sorted; what needs more goes to the disk
SHARED = "reads: {"  # in what settles a question, and may stand once for the source


@dataclass(frozen=True)
class Staged:
    """Typed tables in the local engine, and the canonical columns that the source gives of each.

    Events are still where they are: they are reduced once the tables that they refer to are judged.
    """

    engine: duckdb.DuckDBPyConnection
    columns: dict[str, list[str]]
    source: Source
    source_engine: Engine
    given: Mapping[str, Given]
    casts: Mapping[str, Mapping[str, str]]

    def reduction(self, period: Period) -> Reduction:
        """What reduces the events, and tells the first of each user.

        The source's engine does where it gives the same as others, else the local one.

        Raises:
            KitError: the query or its rows are not as they must be.
        """
        engine, given, casts = self.source_engine, self.given["events"], self.casts["events"]
        typed = _typed(TABLES["events"], casts, f"{GIVEN} as given")
        timezone, recorded = period.calendar.timezone, "recorded_at" in casts
        with self.reading_events():
            if not can_reduce(engine, typed):
                given = Given(f"from {_rows(engine, given, casts)}", given.types)
                engine = DuckDB.opened(engine.local, "duckdb://", None, Path())
            shifts = shifts_of(self.engine, timezone, period.as_of_at) if isinstance(engine, DuckDB) else ()
        return Reduction(engine, given, typed, timezone, period.as_of_at, recorded, shifts)

    def beside(self, prepared: Prepared) -> duckdb.DuckDBPyConnection:
        """What reads the folder that the tables were written to, in the same DuckDB: to open another takes longer."""
        engine = prepared.connect(self.engine)
        engine.execute("set threads = 1")  # as whoever reads the folder
        engine.execute(f"use {STAGED}")  # which has ``local_day``
        return engine

    @contextmanager
    def reading_events(self) -> Iterator[None]:
        """As long as this lasts, the source's engine is asked for events; its faults are told as those of events."""
        with engine_faults(self.source, "tables.events"), self.source_engine.names():
            yield


@contextmanager
def stage(source: Source, period: Period, folder: Path) -> Iterator[Staged]:
    """Read a source, each table but events under its canonical name; the source's engine stays open as long as needed.

    ``folder`` takes what is too large for memory.

    Raises:
        KitError: the engine, a query or a column is not as it must be; all faults of that step.
    """
    local = local_engine()
    local.execute(f"attach ':memory:' as {STAGED}")
    local.execute(f"use {STAGED}")
    local.execute(local_day_function(period.calendar.timezone))
    local.execute(f"set temp_directory = {quoted(str(folder))}")
    local.execute(LIMITED)
    _check_zones(local, source, period.calendar.timezone)
    engine = open_source(source, local, folder)
    try:
        with engine.names():
            given: dict[str, Given] = {}
            casts: dict[str, dict[str, str]] = {}

            def look(name: str) -> None:
                found = source_table(source, engine, name)
                given[name] = found._replace(notes=(*found.notes, *notes_of_unread(found, TABLES[name])))
                casts[name] = check_columns(source, engine, name, given[name], period.calendar.timezone)
                several_times = HELD[name].counted and not _as_given(name, casts[name])
                if several_times and given[name].reads and isinstance(engine, DuckDB):
                    given[name], casts[name] = _kept(engine, given[name], casts[name])

            _together(source, look)
            for name in (name for name in casts if not HELD[name].counted):
                with engine_faults(source, f"tables.{name}", given[name]):
                    rows = _rows(engine, given[name], casts[name])
                    told = _no_empty_texts(TABLES[name], casts[name])
                    in_one_form = told | _currency(TABLES[name], casts[name], source.currency)
                    local.execute(f"create table {STAGED}.{name} as {_typed(TABLES[name], in_one_form, rows)}")
        _judge_readings(local, source)
        _must_have_currencies(local, source)
        columns = {name: [column for column in TABLES[name].names if column in given[name].types] for name in casts}
        yield Staged(local, columns, source, engine, given, casts)
    finally:
        engine.close()


class _Asked(KitError):
    """What is wrong with the columns of a table, and what is to be asked of them, in part told with other tables."""

    def __init__(self, source: Source, table: str, faults: Sequence[str], questions: Sequence[Question]) -> None:
        place = partial(where, source, f"tables.{table}")
        super().__init__(*map(place, faults), *map(place, told(questions)))
        self.others = faults
        self.questions = questions


def _together(source: Source, look: Callable[[str], None]) -> None:
    """Look at every table. What several of them ask alike is asked once, for the source.

    Raises:
        KitError: with the faults and questions of all tables.
    """
    found: dict[str, dict[str, list[Question]]] = {}  # by faults, or by what settles them: questions by table
    for name in source.tables:
        try:
            look(name)
        except _Asked as error:
            for fault in error.others:
                found.setdefault(fault, {})[name] = []
            for question in error.questions:
                settles = question.answers if SHARED in question.answers else f"{name} {question.answers}"
                found.setdefault(settles, {}).setdefault(name, []).append(question)
        except KitError as error:
            found |= {fault: {} for fault in error.faults}
    faults = []
    for fault, by_table in found.items():
        if len(by_table) > 1:
            faults.append(where(source, _told_of_several(fault, by_table)))
        else:
            sentences = [(name, each) for name, asked in by_table.items() for each in told(asked) or [fault]]
            faults += [where(source, f"tables.{name}", sentence) for name, sentence in sentences] or [fault]
    refuse(faults)


def _told_of_several(fault: str, by_table: Mapping[str, Sequence[Question]]) -> str:
    """What several tables have or ask alike: with an example of each, those that are the same told once."""
    tables: dict[str, list[str]] = {}
    for name, asked in by_table.items():
        tables.setdefault(asked[0].told if asked else fault, []).append(name)
    examples = []
    for example, names in tables.items():
        columns = dict.fromkeys(question.column for name in names for question in by_table[name])
        of = [named([f"tables.{name}" for name in names]), *([named([*columns])] if columns else [])]
        examples.append(": ".join([*of, example]))
    answers = {question.answers for asked in by_table.values() for question in asked}
    end = ", once for the source, or under each table where they differ" if answers or SHARED in fault else ""
    return "; ".join([*examples, *answers]) + end


def _as_given(name: str, casts: Mapping[str, str]) -> bool:
    """Whether the columns of a table are read as they stand, so that nothing is gained by keeping them typed."""
    kinds = {column.name: SQL_TYPES[column.type] for column in TABLES[name].columns}
    return all(
        cast in (identifier(column), f"cast({identifier(column)} as {kinds[column]})") for column, cast in casts.items()
    )


def _kept(engine: DuckDB, given: Given, casts: Mapping[str, str]) -> tuple[Given, dict[str, str]]:
    """What files give, typed once since it is read several times, and the casts that this leaves to do."""
    columns = ", ".join(f"{cast} as {identifier(name)}" for name, cast in casts.items())
    rows = engine.files.kept(f"select {columns} from ({given.query})")
    return given._replace(query=f"from {rows.sql}"), {name: identifier(name) for name in casts}


def _without(engine: Engine, given: Given, columns: Sequence[Column], condition: str) -> list[str]:
    """Those of some columns for which a condition holds in no row."""
    if not columns:
        return []
    names = [column.name for column in columns]
    counts = ", ".join(
        f"sum(case when {condition.format(identifier(name))} then 1 else 0 end) as {identifier(name)}" for name in names
    )
    rows = engine.rows(f"select {counts} from {GIVEN} as given", given)
    [counted] = engine.local.execute(f"from {rows}").fetchall()
    return [name for name, times in zip(names, counted, strict=True) if not times]


def _rows(engine: Engine, given: Given, columns: Iterable[str]) -> str:
    selected = ", ".join(map(identifier, columns)) or "null as nothing"
    return engine.rows(f"select {selected} from {GIVEN} as given", given)


def _typed(table: Table, casts: Mapping[str, str], rows: str) -> str:
    """The rows as a typed table of all canonical columns; those not provided are empty."""
    columns = ", ".join(
        f'{casts.get(column.name, f"cast(null as {SQL_TYPES[column.type]})")} as "{column.name}"'
        for column in table.columns
    )
    return f"select {columns} from {rows}"


def _judge_readings(local: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Ask about what typed rows give away of a reading that may be wrong."""
    staged = [name for name in source.tables if not HELD[name].counted]
    faults = []
    for name in staged:
        found = [*ids_without_zeros(local, TABLES[name], staged)]
        if "currency" in TABLES[name].names:
            found += no_currencies(local, name)
        if name in ENDS and reads_of(source, name).end_on is None:
            found += ends_on_the_eve(local, name)
        faults += [where(source, f"tables.{name}", fault) for fault in found]
    refuse(faults)


def _no_empty_texts(table: Table, casts: Mapping[str, str]) -> dict[str, str]:
    """An empty text tells nothing, as in a file: no segment, no parent, nobody that a customer was merged into."""
    texts = {column.name for column in table.columns if column.type == "str"}
    return {name: f"nullif({cast}, '')" if name in texts else cast for name, cast in casts.items()}


def _currency(table: Table, casts: Mapping[str, str], of_source: str | None) -> dict[str, str]:
    """The currency of rows in one form; amounts that carry none are in the source's, if it declares one."""
    if "currency" not in table.names:
        return {}
    as_given = f"trim({casts.get('currency', 'cast(null as varchar)')})"
    found = f"nullif({one_form(as_given)}, '')"
    return {"currency": f"coalesce({found}, {quoted(of_source)})" if of_source and table.amounts else found}


def _must_have_currencies(engine: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Amounts carry a currency where the source declares none."""
    faults = []
    for table in (TABLES[name] for name in source.tables if TABLES[name].amounts and not source.currency):
        amount = " or ".join(f"{name} is not null" for name in table.amounts)
        lacking = f"select count(*) from {table.name} where currency is null and ({amount})"
        [(rows,)] = engine.execute(lacking).fetchall()
        if rows:
            told = f"{rows} rows have an amount and no currency; add a currency column or, if all amounts are in one, "
            faults.append(
                where(source, f"tables.{table.name}", f"{told}currency: to the source, such as currency: EUR")
            )
    refuse(faults)


def _check_zones(engine: duckdb.DuckDBPyConnection, source: Source, reporting: str) -> None:
    """Ask the engine itself for time zones: Python takes names that mean something on one machine only."""
    told = {"timezone": source.timezone or reporting, "the review's timezone": reporting}
    faults = [
        where(source, f"{part} == {zone!r}, must be the zone of a place, such as 'Europe/Berlin', or 'UTC'")
        for part, zone in told.items()
        if not _knows(engine, zone)
    ]
    refuse(faults)


def _knows(engine: duckdb.DuckDBPyConnection, zone: str) -> bool:
    """Whether the engine has rules for a time zone."""
    try:
        engine.execute(f"select epoch(timezone({quoted(zone)}, timestamp '2026-01-01'))").fetchall()
    except duckdb.Error:
        return False
    return True


def check_columns(source: Source, engine: Engine, name: str, given: Given, timezone: str) -> dict[str, str]:
    """The cast of every provided column of a table that has values, as SQL: column -> expression.

    ``timezone`` is the reporting time zone, in which a bare date is a local midnight. A timestamp without a zone
    is in the source's. A column without any value fits every type, since nothing tells what its own is.

    Raises:
        KitError: columns are missing, unknown or of the wrong type, or cannot be read for certain; all faults.
    """
    table, reads = TABLES[name], reads_of(source, name)
    faults = [*given.asked, *name_faults(table, given)]
    columns = [column for column in table.columns if column.name in given.types]
    zones = Zones(source.timezone, timezone)
    with engine_faults(source, f"tables.{name}", given):
        read, asked = _readings(engine, given, columns, zones, source.currency if "currency" in table.names else None)
        casts = {
            c.name: read.get(c.name) or cast_of(c, given.types[c.name], source.timezone, timezone) for c in columns
        }
        open_ones = {question.column for question in asked}
        unfit = [column for column in columns if not casts[column.name] and column.name not in open_ones]
        empty = _without(engine, given, unfit, "{} is not null")
        numbers = [c for c in unfit if c.type in ("int", "str") and is_fraction(given.types[c.name])]
        fractions = set(map(attrgetter("name"), numbers)) - set(_without(engine, given, numbers, "{0} <> floor({0})"))
    faults += [
        type_fault(c, given, table_from(source.tables[name]).columns.get(c.name, c.name), zones, c.name in fractions)
        for c in unfit if c.name not in empty
    ]  # fmt: skip
    asked = [*given.questions, *(question for question in asked if question not in given.questions)]
    if faults or asked:
        raise _Asked(source, name, faults, asked)
    if ENDS.get(name) in casts and reads.end_on == "inclusive":
        casts[ENDS[name]] = f"({casts[ENDS[name]]} + 1)"
    return {column: cast for column, cast in casts.items() if cast}


def _readings(
    engine: Engine, given: Given, columns: Sequence[Column], zones: Zones, currency: str | None
) -> tuple[dict[str, str], list[Question]]:
    """How the columns of files are read that have no type there, or another: SQL of each, and what is to be asked.

    ``currency`` is that of rows that name none.
    """
    if (reads := given.reads) is None:
        return {}, []

    def ask(expressions: Sequence[str]) -> Sequence[Any]:
        rows = engine.rows(f"select {', '.join(expressions)} from {GIVEN} as given", given)
        [row] = engine.local.execute(f"from {rows}").fetchall()
        return row

    types = given.types
    texts = {
        c.name: text_of(c.name, types[c.name], reads) for c in columns if _is_text(c, types[c.name], given.guessed)
    }
    kinds = {c.name: c.type for c in columns if c.name in texts and c.type != "str"}
    stand = [c.name for c in columns if c.name in texts and c.type == "str"]
    full = never_empty(ask, [name for name in stand if types[name] == "VARCHAR"], reads)
    found = {name: identifier(name) if name in full else as_it_stands(name, types[name], reads) for name in stand}
    readings = settled(ask, {name: texts[name] for name in kinds}, kinds, reads)
    of_row = f"nullif(upper({text_of('currency', types['currency'], reads)}), '')" if "currency" in types else "null"
    own_currency = f"coalesce({of_row}, {quoted(currency) if currency else 'null'})"
    asked: list[Question] = []
    worded = with_words(ask, {name: texts[name] for name in stand if name not in full}, reads)
    for column in (column for column in columns if column.name not in texts):
        sql = _of_file_types(column, types[column.name], zones, ask)
        if isinstance(sql, Question):
            asked.append(sql)
        elif sql:
            found[column.name] = sql
    for column in (column for column in columns if column.name in texts):
        reading = readings.get(column.name)
        if column.name in found:
            asked += questions(column, texts[column.name], reads, ask) if column.name in worded else []
        elif reading is None:
            asked += questions(column, texts[column.name], reads, ask)
        elif isinstance(sql := typed(column, reading, texts[column.name], zones, ask), Question):
            asked.append(sql)
        else:
            found[column.name] = sql
            if reading.dressed and column.type == "dec":
                asked += signs_of_others(ask, column.name, texts[column.name], own_currency, "currency" in types)
    return found, asked


def _of_file_types(column: Column, found: str, zones: Zones, ask: Ask) -> str | Question:
    """SQL of days that files hold as times, those of an instant in the reporting zone; and of whole numbers held as
    others; empty for all else.

    Times that are all midnights are days, as spreadsheets and data frames write them.
    """
    name = identifier(column.name)
    if column.type == "int" and (found == "DOUBLE" or (found.startswith("DECIMAL") and not is_nested(found))):
        [parts] = ask([f"count(*) filter (where {name} <> floor({name}))"])
        return "" if parts else f"cast({name} as bigint)"
    if column.type != "date" or not found.startswith("TIMESTAMP") or is_nested(found):
        return ""
    if found == ZONED:
        return day_of_instants(column.name, name, zones.reporting, ask)
    [times] = ask([f"count(*) filter (where cast({name} as time) <> time '00:00')"])
    if not times:
        return f"cast({name} as date)"
    if not zones.source:
        return ""
    instant = f"timezone({quoted(zones.source)}, cast({name} as timestamp))"
    return f"cast(timezone({quoted(zones.reporting)}, {instant}) as date)"


def _is_text(column: Column, found: str, guessed: bool) -> bool:
    """Whether a column of files is read as text: it is one, or a number that may be a day, or an id if it is as it
    stands in the file.
    """
    if found == "VARCHAR":
        return True
    if column.type == "str":
        return found in WHOLE and not guessed
    return column.type in ("date", "bool", "ts") and (found in WHOLE or found == "DOUBLE")
