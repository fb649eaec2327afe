"""Whether a day in a file on which service ends is its last day, or the first without: written, or left open.

A tool's documentation may say so; else the rows tell, where the same customer's next subscription begins on that day or
the day after; else it is for the reader to say.
"""

from __future__ import annotations

from helpers.data.doubts import MANY, ends_by_next_begin
from helpers.data.file_kinds import Ends, Export, column_of
from helpers.data.folder import Line, Looked
from helpers.data.readings import settled, text_of
from helpers.data.statements import identifier

UNANSWERED = "choose"  # no value of end_on, so that a source is not read before it is answered


def end_of_export(looked: Looked, export: Export, ends: Ends) -> list[Line]:
    """Whether an end in a tool's export is the last day, as its documentation says, or as its rows do."""
    customer, begin, end = (column_of(looked.headers, names) for names in (export.kind.id, ends.begin, ends.end))
    if not (customer and begin and end):
        return []
    if ends.end_on is None:
        return [end_of(looked, customer, begin, end)]
    example = _last_of(looked, end)
    return [Line(f"end_on: {ends.end_on}", f"{end}: {f'{example} ' if example else ''}{ends.why}")]


def is_unanswered(line: Line) -> bool:
    """Whether a line is for the reader to answer."""
    return UNANSWERED in line.said.values()


def end_of(looked: Looked, customer: str, begin_column: str, end_column: str) -> Line:
    """Whether an end is the last day or the first without, by when the same customer's next subscription begins."""
    begin, end, example = _day_of(looked, begin_column), _day_of(looked, end_column), _last_of(looked, end_column)
    eves = days = 0
    if begin and end:
        rows = looked.rows
        eves, days, _ = ends_by_next_begin(rows.local, rows.sql, identifier(customer), begin, end)
    if eves >= MANY and not days:
        return Line("end_on: inclusive", f"{eves} end on the day before the same customer's next begins")
    if days and not eves:
        return Line("end_on: exclusive", f"{days} end on the day on which the same customer's next begins")
    return Line(
        f"end_on: {UNANSWERED}",
        f"write inclusive if {end_column}{f', such as {example},' if example else ''} is the last day of service, "
        f"exclusive if it is the first without; "
        f"{eves} end on the day before the same customer's next begins, {days} on that day",
    )


def _last_of(looked: Looked, name: str) -> str | None:
    """The last value of a column, as text."""
    [found] = looked.rows.ask([f"max(nullif(trim(cast({identifier(name)} as varchar)), ''))"])
    return None if found is None else str(found)


def _day_of(looked: Looked, name: str) -> str | None:
    """SQL of a column as days; none where it can be read in two ways."""
    kind = looked.rows.types[name]
    if kind != "VARCHAR":
        return f"cast({identifier(name)} as date)"
    text = text_of(name, kind, looked.reads)
    reading = settled(looked.rows.ask, {name: text}, {name: "date"}, looked.reads)[name]
    return f"cast({reading.of(text)} as date)" if reading else None
