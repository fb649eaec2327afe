"""A source file for a folder of exports: ``kpi-review new-source FOLDER``.

What each file is comes from ``file_kinds``, how it is read from ``folder``; here the tables are chosen and written.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

import duckdb

from helpers.data.canonical_tables import TABLES
from helpers.data.engines import local_engine
from helpers.data.file_kinds import (
    COLUMN,
    Export,
    OpenLine,
    OwnFile,
    cast,
    column_of,
    export_of,
    filled,
    kinds_of,
    own_files,
    plain,
)
from helpers.data.files import REPEATED, Files, repeated
from helpers.data.folder import (
    Line,
    Looked,
    end_of,
    end_of_export,
    files_in,
    is_unanswered,
    look,
    united,
    yaml_quoted,
)
from helpers.data.new_source import HEAD, Place, comment, commented, currency_line, no_codes, there_already
from helpers.data.own_invoices import customers_query, invoices_query
from helpers.data.readings import SIGN_AS_WRITTEN, settled, text_of
from helpers.data.statements import identifier, quoted
from helpers.errors import KitError, refuse
from helpers.params import CANONICAL_TABLES, project_root
from helpers.strict_yaml import shown
from helpers.texts import one_line

MATCHES = 0.5  # so many of a file's customers must be found under a name, for it to be a name of theirs
OPTIONS = {"encoding": "encoding", "delimiter": "delim", "header_row": "header_row", "sheet": "sheet"}
NAMED = 6  # values shown in a comment


@dataclass(frozen=True)
class Offer:
    """A file that gives a canonical table: what it is, in words; the lines under the table; how far it is preferred."""

    table: str
    file: str
    what: str
    text: str
    open: tuple[str, ...]
    rank: int


@dataclass(frozen=True)
class Found:
    """What was written: the file, what each file is, the open lines, and what is to be told beside them."""

    path: Path
    files: dict[str, str]
    tables: dict[str, str]
    open: list[str]
    told: list[str]


@dataclass(frozen=True)
class Customers:
    """The file whose rows are the customers, and its column of their ids."""

    looked: Looked
    id: str


def write_folder_source(
    folder: Path, out: Path | None = None, timezone: str = "UTC", currency: str | None = None
) -> Found:
    """Write a source file for the files of a folder.

    Raises:
        KitError: nothing in it is recognised, or the file is there already; all faults at once.
    """
    path = Path(shown(out or project_root() / "params/sources" / f"{folder.resolve().name}.yml"))
    place = Place("duckdb://", folder, timezone, currency)
    refuse([*no_codes(place), *there_already(path)])
    with tempfile.TemporaryDirectory() as spare, local_engine() as local:
        survey = _Survey(local, folder, Path(spare), timezone)
        offers = survey.offers()
    chosen: dict[str, Offer] = {}
    for offer in sorted(offers, key=lambda offer: -offer.rank):
        chosen.setdefault(offer.table, offer)
    apart = _apart(offers, chosen, survey.apart)
    made = "invoices" in chosen.keys() - apart.keys() and "subscriptions" not in chosen and survey.serviced
    if not chosen:
        raise KitError(f"{shown(folder)}: no file is recognised", *survey.told)
    text = _text(path, place, folder, _sections(offers, chosen, made, apart), survey)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    used = {table: f"{offer.file} ({offer.what})" for table, offer in chosen.items() if table not in apart}
    tables = used | ({"subscriptions": "the invoices"} if made else {})
    return Found(
        path, survey.seen, {name: tables[name] for name in CANONICAL_TABLES if name in tables},
        [*dict.fromkeys([*apart.values(), *(line for name, offer in chosen.items() if name not in apart
                                            for line in offer.open)])],
        survey.told,
    )  # fmt: skip


class _Survey:
    """The files of a folder, looked at once."""

    def __init__(self, local: duckdb.DuckDBPyConnection, folder: Path, spare: Path, timezone: str) -> None:
        self.timezone = timezone
        self.told: list[str] = []
        self.seen: dict[str, str] = {}
        self.serviced = False
        self.unknown: list[Looked] = []
        self.apart: dict[str, str] = {}
        self._exports: list[tuple[Looked, Export]] = []
        self._own: list[tuple[Looked, OwnFile]] = []
        files = Files(local, folder.resolve(), spare)
        kinds: dict[str, list[tuple[Looked, Export | OwnFile]]] = {}
        tables, others = files_in(folder)
        if others:
            more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
            self.told.append(
                f"not read: {', '.join(others[:NAMED])}{more}; unpack archives, "
                "and save what another program holds as CSV"
            )
        for name in tables:
            looked = look(files, name)
            if isinstance(looked, str):
                self.told.append(f"{name} is left out: {looked}")
            elif kind := self._recognised(looked):
                self.seen[name] = kind.told
                kinds.setdefault(kind.told, []).append((looked, kind))
        for same in kinds.values():
            self._take(files, same)

    def _take(self, files: Files, same: Sequence[tuple[Looked, Export | OwnFile]]) -> None:
        """The files of one kind: as one table, or each by itself where they may not be parts of one."""
        kind = same[0][1]
        if len(same) > 1:
            one = united(files, [looked for looked, _ in same], kind.key)
            if isinstance(one, str):
                self.apart[kind.told] = one
            else:
                same = [(one, kind)]
        for looked, found in same:
            if isinstance(found, Export):
                self._exports.append((looked.read_as(kinds_of(found.kind, looked.headers)), found))
            else:
                types = {column.name: column.type for column in TABLES[found.table].columns}
                known = {theirs: types[n] for n, theirs in found.columns.items() if types.get(n, "str") != "str"}
                self._own.append((looked.read_as(known), found))

    def _recognised(self, looked: Looked) -> Export | OwnFile | None:
        """What a file is; where it is nothing known, that is told."""
        name = looked.name
        if again := [*_read_and_again(looked)]:
            self.unknown.append(looked)
            self.told += again
            return None
        if export := export_of(looked.headers):
            return export
        found = own_files(name, looked.headers)
        first = [own for own in found if not own.lacks and own.score == found[0].score]
        if len(first) == 1:
            return first[0]
        self.unknown.append(looked)
        if first:
            self.told.append(f"{name} may be {' or '.join(own.table for own in first)}; write it under one of them")
        elif found and found[0].lacks:
            own = found[0]
            self.told.append(f"{name} is not recognised; as {own.table} it lacks a column for {', '.join(own.lacks)}")
        else:
            self.told.append(f"{name} is not recognised")
        return None

    def offers(self) -> list[Offer]:
        """What each file gives."""
        whose = self._customers()
        found = [offer for looked, own in self._own for offer in self._of_own(looked, own)]
        found += [offer for looked, export in self._exports for offer in self._of_export(looked, export, whose)]
        for looked in [looked for looked, _ in [*self._own, *self._exports]]:
            self.told += [f"{looked.name}: {fault}" for fault in looked.faults]
        return found

    def _customers(self) -> Customers | None:
        """The file that the customers come from: one's own, a tool's list of them, or the file of what they bought."""
        for looked, own in self._own:
            if own.table == "customers":
                return Customers(looked, own.columns["customer_id"])
        for derived in (False, True):
            for looked, export in self._exports:
                table = export.kind.tables.get("customers")
                column = column_of(looked.headers, export.kind.id) if export.kind.id else None
                if table and table.derived == derived and column:
                    return Customers(looked, column)
        return None

    def _of_own(self, looked: Looked, own: OwnFile) -> Iterator[Offer]:
        what = _what(own.told, looked)
        opened = tuple(_said(looked, line) for line in looked.lines if line.open)
        if own.table == "invoices":
            text, self.serviced, asked = invoices_query(looked, own.columns)
            yield Offer(own.table, looked.name, what, _query(text, looked.lines), (*opened, *asked), 2)
        else:
            doubt = _price_of_one(looked, own)
            columns = "".join(
                f"  {f'# choose: {line}   # {one_line(doubt)}' if doubt and name == 'mrr' else line}\n"
                for name, theirs in own.columns.items()
                for line in [f"{name}: {yaml_quoted(theirs) if theirs != name else name}"]
            )
            opened = (*opened, f"{looked.name}: {doubt}") if doubt else opened
            ends = []
            if own.table == "subscriptions" and "end_on" in own.columns:
                ends = [end_of(looked, *(own.columns[name] for name in ("customer_id", "start_on", "end_on")))]
            opened = (*opened, *(_said(looked, line) for line in ends if is_unanswered(line)))
            text = f"file: {yaml_quoted(looked.name)}\n{_reads([*ends, *looked.lines])}columns:\n{columns}"
            yield Offer(own.table, looked.name, what, text, opened, 2)
        if own.table in ("invoices", "subscriptions"):
            yield Offer("customers", looked.name, what, _query(customers_query(looked, own), looked.lines), opened, 0)

    def _of_export(self, looked: Looked, export: Export, whose: Customers | None) -> Iterator[Offer]:
        opened = tuple(_said(looked, line) for line in looked.lines if line.open)
        tables = {
            table: given for table, given in export.kind.tables.items()
            if all(column_of(looked.headers, name) for name in given.needs)
        }  # fmt: skip
        of_customers = any("{customer}" in given.query for given in tables.values())
        customer, match, doubt = self._match(looked, export, whose) if of_customers else (None, None, "")

        def read(word: str, name: str) -> str:
            if word == "values":
                return _values(looked, name)
            if word == "dec" and _has_signs(looked, name):
                return identifier(name)  # it is read as the number that it is where it is a column by itself
            return self._time(looked, name, export.kind.timezone) if word == "ts" else cast(word, name)

        for table, given in tables.items():
            price, asked = _open(looked, given.open) if given.open else (None, ())
            words = {"file": quoted(looked.name), "customer": customer, "match": match, "open": price}
            about = filled(given.about, looked.headers, {}, read)
            query = filled(given.query, looked.headers, words, read)
            if doubt and (line := f"{customer} as customer_id,") in query:
                query = query.replace(line, f"-- choose: {line}   -- {doubt}")
                asked = (*asked, f"{looked.name}: {doubt}")
            ends = end_of_export(looked, export, given.ends) if given.ends else []
            asked = (*asked, *(_said(looked, line) for line in ends if is_unanswered(line)))
            text = f"{comment(about) if about else ''}{_query(query, [*ends, *looked.lines])}"
            yield Offer(
                table, looked.name, _what(export.told, looked), text, (*opened, *asked), 0 if given.derived else 1
            )

    def _time(self, looked: Looked, name: str, timezone: str) -> str:
        """A column of days as days, one of times as the instants that they are."""
        column = identifier(name)
        kind = looked.rows.types[name]
        if kind == "VARCHAR":
            text = text_of(name, kind, looked.reads)
            reading = settled(looked.rows.ask, {name: text}, {name: "ts"}, looked.reads)[name]
            if reading and not reading.timed:
                return f"cast({column} as timestamptz)"
            timed = looked.rows.ask([f"count(*) filter (where contains({text}, ':'))"])[0]
        else:
            timed = kind.startswith("TIMESTAMP")
        if kind == "TIMESTAMP WITH TIME ZONE":
            return column
        zone = quoted(timezone or self.timezone)
        return f"timezone({zone}, cast({column} as timestamp))" if timed else f"cast({column} as date)"

    def _match(self, looked: Looked, export: Export, whose: Customers | None) -> tuple[str | None, str | None, str]:
        """Whose a row is: the customer's id itself, or the customer of which a column names one; and what is not sure.

        The column is the one under which the most of the file's customers are found.
        """
        columns = [column for name in export.kind.customer if (column := column_of(looked.headers, name))]
        if not columns:
            return None, None, ""
        first = cast("text", columns[0], "given.")
        if whose is None or whose.looked.name == looked.name:
            own = column_of(looked.headers, export.kind.id) if export.kind.id else None
            return (cast("text", own, "given.") if own else first), None, ""
        share, _, column, theirs = max(
            (self._share(looked, column, whose.looked, theirs), -place, column, theirs)
            for theirs in whose.looked.headers
            for place, column in enumerate(columns)
        )
        by_id, _, named = max(
            (self._share(looked, column, whose.looked, whose.id), -place, column)
            for place, column in enumerate(columns)
        )
        if by_id >= share:
            column, theirs, share = named, whose.id, by_id
        if share < MATCHES:
            self.told.append(
                f"{looked.name}: no column tells whose a row is; of {', '.join(columns)} none is a column of "
                f"{whose.looked.name}; add one there, and name it in the query"
            )
            return first, None, ""
        known = f"{_plain(column)} in (select {_plain(theirs)} from {whose.looked.rows.sql} as other)"
        [names, there, example, rows] = looked.rows.ask([
            f"count(distinct {_plain(column)})", f"count(distinct {_plain(column)}) filter (where {known})",
            f"min({identifier(column)}) filter (where not {known})", f"count(*) filter (where not {known})",
        ])  # fmt: skip
        told = one_line(f"-- {column} is {theirs} of {whose.looked.name}: {there} of {names} are found there")
        doubt = "" if there == names else one_line(
            f"{column} is {theirs} of {whose.looked.name}: {there} of {names} are found there, {example!r} is not "
            f"(rows without a customer: {rows}); take the mark off if those are no customers, else add them there"
        )  # fmt: skip
        if theirs == whose.id:
            return cast("text", column, "given."), told, doubt
        match = (
            f"{told}\nleft join (\n  select {_plain(theirs)} as name, min({cast('text', whose.id)}) as customer_id\n"
            f"{indent(_from_as_text(whose.looked, looked), '  ')}\n"
            f"  group by all having count(distinct {identifier(whose.id)}) = 1\n"
            f") as matched on matched.name = {_plain(column, 'given.')}"
        )
        return "matched.customer_id", match, doubt

    def _share(self, looked: Looked, column: str, other: Looked, theirs: str) -> float:
        """How many of the values of a column are in another's."""
        named = f"count(distinct {_plain(column)})"
        known = f"{_plain(column)} in (select {_plain(theirs)} from {other.rows.sql} as other)"
        [found] = looked.rows.ask([f"{named} filter (where {known}) / nullif({named}, 0)"])
        return float(found or 0)


def _read_and_again(looked: Looked) -> Iterator[str]:
    """Told where a column that would be read stands in the header more than once."""
    headers = [REPEATED.sub(r"\1", name) for name in looked.headers]
    read: set[str | None] = {theirs for own in own_files(looked.name, headers)[:1] for theirs in own.columns.values()}
    if export := export_of(headers):
        named = [names for table in export.kind.tables.values() for _, names in COLUMN.findall(table.query)]
        read = {column_of(headers, names) for names in [*named, *export.kind.customer]}
    for word, columns in repeated(looked.headers).items():
        if word in {name.casefold() for name in read if name}:
            yield (
                f"{looked.name} is left out: its header has {word!r} {len(columns)} times, as "
                f"{' and '.join(map(repr, columns))}; rename all but the one that is meant in the file"
            )


def _price_of_one(looked: Looked, own: OwnFile) -> str:
    """What is to be asked of a price a month that may be the price of one, beside a number of them."""
    price, quantity = own.columns.get("mrr", "mrr"), own.columns.get("quantity")
    if own.table != "subscriptions" or quantity is None or plain(price) == "mrr":
        return ""
    [several] = looked.rows.ask([f"max(try_cast({identifier(quantity)} as double)) > 1"])
    return (
        f"{price} is the price of all of {quantity}; if it is that of one, write "
        f"{identifier(price)} * {identifier(quantity)} as mrr in a query"
        if several
        else ""
    )


def _open(looked: Looked, line: OpenLine) -> tuple[str, tuple[str, ...]]:
    """A line of a query that can be meant in several ways: the first where all give the same, else each left open."""

    def number(_: str, name: str) -> str:
        text = text_of(name, looked.rows.types[name], looked.reads)
        reading = settled(looked.rows.ask, {name: text}, {name: "dec"}, looked.reads)[name]
        return reading.of(text) if reading else "cast(null as double)"

    ways = {filled(sql, looked.headers, {}, cast): why for sql, why in line.lines.items()}
    differ = filled(line.when, looked.headers, {}, number)
    if not differ or not looked.rows.ask([f"count(*) filter (where {differ})"])[0]:
        return next(iter(ways)), ()
    numbers = [filled(sql, looked.headers, {}, number).rpartition(" as ")[0] for sql in line.lines]
    values = looked.rows.ask([f"min({sql}) filter (where {differ})" for sql in numbers])
    shown = ["" if value is None else f": {value:.15g} for one" for value in values]
    told = [(sql, f"{why}{value}") for (sql, why), value in zip(ways.items(), shown, strict=True)]
    lines = "\n".join(f"-- choose: {sql}   -- {why}" for sql, why in told)
    return lines, tuple(f"{looked.name}: {why}" for _, why in told)


def _has_signs(looked: Looked, name: str) -> bool:
    """Whether amounts of a column bear the sign of a currency."""
    text = text_of(name, looked.rows.types[name], looked.reads)
    [signs] = looked.rows.ask([f"count({SIGN_AS_WRITTEN.replace('{}', text)})"])
    return bool(signs)


def _what(kind: str, looked: Looked) -> str:
    """What a file is, in words; several that are one table are named."""
    return f"{kind}, in {len(looked.parts)} files: {', '.join(looked.parts)}" if looked.parts else kind


def _plain(column: str, of: str = "") -> str:
    """A column as names are compared: without the spaces around them, in small letters."""
    return f"lower(trim(cast({of}{identifier(column)} as varchar)))"


def _from_as_text(looked: Looked, beside: Looked) -> str:
    """The line that reads a file as text in the query of another, whose ``reads`` hold where nothing else is said.

    It is a line per encoding where that is open.
    """
    said = {key: value for line in looked.lines if not line.open for key, value in line.said.items()}
    if any("header_row" in line.said for line in beside.lines):
        said = {"header_row": 1} | said
    ways = [said | line.said for line in looked.lines if line.open and "encoding" in line.said] or [said]
    lines = []
    for way in ways:
        options = {name: way[key] for key, name in OPTIONS.items() if key in way}
        given = "".join(f", {name} = {quoted(v) if isinstance(v, str) else v}" for name, v in options.items())
        lines.append(f"from read_csv({quoted(looked.name)}, all_varchar = true{given})")
    return "\n".join(lines if len(ways) == 1 else [f"-- choose: {line}" for line in lines])


def _values(looked: Looked, name: str) -> str:
    column = identifier(name)
    [found] = looked.rows.ask([f"list(distinct {column} order by {column}) filter (where {column} is not null)"])
    more = len(found or []) - NAMED
    return one_line(", ".join(map(str, (found or [])[:NAMED])) + (f" and {more} more" if more > 0 else ""))


def _said(looked: Looked, line: Line) -> str:
    return one_line(f"{looked.name}: {line.text}: {line.why}")


def _reads(lines: Sequence[Line]) -> str:
    """The lines of ``reads``, those that are open as comments."""
    written = [f"  {'# choose: ' if line.open else ''}{line.text}   # {one_line(line.why)}\n" for line in lines]
    return (
        f"reads:\n{''.join(written)}"
        if any(not line.open for line in lines)
        else "".join(f"# choose: reads: {{{line.text}}}   # {one_line(line.why)}\n" for line in lines)
    )


def _query(text: str, lines: Sequence[Line]) -> str:
    return f"{_reads(lines)}query: |\n{indent(text.rstrip(), '  ')}\n"


def _text(path: Path, place: Place, folder: Path, sections: str, survey: _Survey) -> str:
    """The whole file."""
    relative = Path(os.path.relpath(folder.resolve(), path.resolve().parent)).as_posix()
    unknown = "".join(
        comment(f"{looked.name} is not used: its columns are {', '.join(looked.headers)}.") for looked in survey.unknown
    )
    name = folder.resolve().name
    return (
        f"{HEAD}{unknown}name: {yaml_quoted(name)}\nconnect: duckdb://\nfiles: {yaml_quoted(relative)}\n"
        f"timezone: {place.timezone}   # choose: where a day begins, and the zone of times that carry none\n"
        f"{currency_line(place)}tables:\n{sections}"
    )


def _apart(offers: Sequence[Offer], chosen: Mapping[str, Offer], why: Mapping[str, str]) -> dict[str, str]:
    """What is to be chosen for the tables that several files of one kind could give, which may not be its parts."""
    found = {}
    for table, first in chosen.items():
        same = [offer.file for offer in offers if (offer.table, offer.what) == (table, first.what)]
        if len(same) > 1:
            found[table] = one_line(f"{table}: {' or '.join(same)}: each is {first.what}, and {why[first.what]}")
    return found


def _sections(offers: Sequence[Offer], chosen: Mapping[str, Offer], made: bool, apart: Mapping[str, str]) -> str:
    """The tables in their order; those to be chosen, and those of which another file comes first, as comments."""
    found = []
    for table in CANONICAL_TABLES:
        if table == "subscriptions" and made:
            found.append(
                "# Made from the invoices, by the days of service of their lines.\nsubscriptions: {from: invoices}\n"
            )
        for offer in (offer for offer in offers if offer.table == table):
            text = f"{table}:\n{indent(offer.text, '  ')}"
            if table in apart and offer.what == chosen[table].what:
                text = comment(
                    f"choose: {apart[table]}. Take the marks off the lines of one;\n"
                    "or give all of them the same columns, each row in one of them, and write this file anew."
                ) + commented(text)
            elif offer is not chosen[table]:
                text = comment(f"Not used: {chosen[table].file} comes first.") + commented(text)
            found.append(f"# {one_line(f'{offer.file}: {offer.what}')}\n{text}")
    return indent("\n".join(found), "  ")
