"""Files as people have them, as relations of the local engine: every value of a text file as the text that it is.

UTF-8 text is read by DuckDB, what is saved otherwise is first made into that with Python's codecs; spreadsheets are
read by calamine; Parquet and JSON have types of their own. Where the header stands, and what lies below the last row,
is found out where that is certain and asked about where it is not.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, deque
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import IO, Any

import duckdb
import pyarrow as pa

from helpers.data.encodings import BLOCK, encoding_of, lines_of
from helpers.data.sheets import SHEETS, WITHOUT_ERRORS, book_of, column_of_cells, uncalculated
from helpers.data.statements import FILE_NAME, identifier, inside, quoted
from helpers.errors import KitError, nearest
from helpers.language import template
from helpers.reads import Reads

JSON = (".json", ".jsonl", ".ndjson")
TYPED = (".parquet", *JSON, *SHEETS)
NO_TEXT = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"PAR1")  # how archives, spreadsheets and Parquet files begin
LOOKED_AT = 200  # records that are looked at for the delimiter and the header
TAIL = 20  # lines that a footer has at most
FOOTER = template("the end of {file} is a report's footer, and no rows: {line} and {n} more lines")
UNSEEN = template(
    "{n} cells of {file} are read as empty; so is a cell of this form that shows an error such as #N/A: save it as "
    ".xlsx, which tells them apart"
)
DELIMITERS = (",", ";", "\t", "|")
REPEATED = re.compile(r"(.+) \(column \d+\)")  # what a column is called whose name stands again


@dataclass(frozen=True)
class Rows:
    """A relation of the local engine, its columns with their types, and what a reader should know of the file.

    What is ``asked`` must be answered before the rows are used: until then they only tell what else is to be asked.
    Columns that are ``apart`` are not in every file, and empty where they are not.
    """

    local: duckdb.DuckDBPyConnection
    sql: str
    types: dict[str, str]
    notes: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    apart: frozenset[str] = frozenset()

    def ask(self, expressions: Sequence[str]) -> Sequence[Any]:
        """The one row that SQL expressions over the rows give."""
        [row] = self.local.execute(f"select {', '.join(expressions)} from {self.sql} as given").fetchall()
        return row


class Files:
    """The files of a source. ``spare`` is a folder for what is made of them on the way."""

    def __init__(self, local: duckdb.DuckDBPyConnection, folder: Path | None, spare: Path) -> None:
        self.local = local
        self.folder = folder
        self._spare = (spare / f"read_{number}" for number in count())
        self._views = (f"file_{number}" for number in count(1))
        self._read: dict[tuple[str, str], Rows] = {}

    def rows(self, name: str, reads: Reads) -> Rows:
        """The rows of a file, or of all files that a pattern finds, which must have the same columns; read once.

        A column whose name stands in a header again may be there more often in one file than in another.
        Where the encoding is asked, they are read in the first that is proposed; what others would read otherwise is
        empty.

        Raises:
            KitError: there is no such file, or it cannot be read for certain; says what to write.
        """
        if (key := (name, reads.model_dump_json())) not in self._read:
            self._read[key] = self._rows(name, reads)
        return self._read[key]

    def _rows(self, name: str, reads: Reads) -> Rows:
        pattern = Path(inside(self.folder, name))
        anchor = Path(pattern.anchor) if pattern.is_absolute() else Path()
        files = sorted(path for path in anchor.glob(str(pattern.relative_to(anchor))) if path.is_file())
        if not files:
            folder = pattern.parent
            there = [path.name for path in folder.iterdir() if FILE_NAME.search(path.name)] if folder.is_dir() else []
            raise KitError(f"there is no file {name!r} in {folder}{nearest(pattern.name, there)}")
        texts = [file for file in files if _kind(file) not in TYPED]
        for file in texts:
            _must_be_text(file)
        encoding = encoding_of(texts, reads.encoding)
        try:
            found = [self._one(file, encoding.name, reads) for file in files]
            odd = differing([rows.types for rows in found])
            for file, rows in zip(files, found, strict=True):
                if own := odd & (rows.types.keys() ^ found[0].types.keys()):
                    raise KitError(
                        f"{file.name} and {files[0].name} have different columns ({', '.join(sorted(own))}); "
                        "files of one table must have the same header"
                    )
        except KitError as error:
            raise KitError(*encoding.asked, *error.faults) from None
        united = f"({' union all by name '.join(f'select * from {rows.sql}' for rows in found)})"
        if encoding.open:
            named = [identifier(name) for name, kind in found[0].types.items() if kind == "VARCHAR"]
            same = [
                f"case when regexp_full_match({name}, '[\\x00-\\x7f]*') then {name} end as {name}" for name in named
            ]
            united = f"(select * replace ({', '.join(same)}) from {united})" if same else united
        notes = tuple(note for rows in found for note in rows.notes)
        types = self._types(f"from {united}")
        apart = _not_in_all([rows.types for rows in found])
        return Rows(self.local, united, types, notes, encoding.asked, apart)

    def kept(self, query: str) -> Rows:
        """The rows of a query, kept in a file, so that they are read fast and often."""
        file = quoted(f"{next(self._spare)}.parquet")
        self.local.execute(f"copy ({query}) to {file} (format parquet)")
        return Rows(self.local, f"read_parquet({file})", self._types(f"from read_parquet({file})"))

    def view(self, rows: Rows) -> str:
        """The name of a view of some rows."""
        name = next(self._views)
        self.local.execute(f"create temp view {name} as from {rows.sql}")
        return name

    def _one(self, file: Path, encoding: str, reads: Reads) -> Rows:
        kind = _kind(file)
        if kind == ".parquet":
            return self._typed(f"read_parquet({quoted(str(file))})")
        if kind in JSON:
            return self._typed(f"read_json({quoted(str(file))})")
        if kind in SHEETS:
            return self._sheet(file, reads)
        return self._text(file, encoding, reads)

    def _typed(self, sql: str) -> Rows:
        return Rows(self.local, sql, self._types(f"from {sql}"))

    def _types(self, query: str) -> dict[str, str]:
        return {name: kind for name, kind, *_ in self.local.execute(f"describe {query}").fetchall()}

    def _text(self, file: Path, encoding: str, reads: Reads) -> Rows:
        """CSV and its like."""
        with lines_of(file, encoding) as lines:
            head = list(islice(lines, LOOKED_AT))
        if not head:
            raise KitError(f"{file.name} is empty")
        delimiter = reads.delimiter or _delimiter(head)
        records, ends = _records(head, delimiter)
        at = _header(file.name, records, ends, reads)
        names = _named(records[at])
        footer = _footer(file, encoding, delimiter, len(names))
        plain = file
        if footer or encoding != "utf-8" or file.suffix.lower() == ".gz":
            plain = Path(f"{next(self._spare)}.csv")
            _copy(file, encoding, plain, len(footer))
        notes = (_told(file, [line.strip().strip('"') for line in footer]),) if footer else ()
        try:
            rows = self.kept(_csv_sql(plain, ends[at], delimiter, names))
        except (
            duckdb.InvalidInputException
        ):  # lines that end in several ways, rows of several lengths: Python's reader says which
            even = Path(f"{next(self._spare)}.csv")
            _even_copy(file.name, plain, even, delimiter, ends[at], len(names))
            rows = self.kept(_csv_sql(even, 0, ",", names))
        return Rows(self.local, rows.sql, rows.types, notes)

    def _sheet(self, file: Path, reads: Reads) -> Rows:
        """A sheet of a spreadsheet. A column whose cells are all of one type has it; others are text."""
        from python_calamine import CalamineError

        try:
            book = book_of(file)
            sheets = {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}
        except (CalamineError, OSError):
            raise KitError(f"{file.name} cannot be read as a spreadsheet; save it anew, or as CSV") from None
        filled = [name for name, cells in sheets.items() if any(map(any, cells))]
        if reads.sheet and reads.sheet not in sheets:
            raise KitError(f"{file.name} has no sheet {reads.sheet!r}{nearest(reads.sheet, sheets)}")
        if not reads.sheet and len(filled) != 1:
            lines = " or ".join(f"reads: {{sheet: {name}}}" for name in filled)
            raise KitError(f"{file.name} has {len(filled)} sheets with cells" + (f"; write {lines}" if lines else ""))
        cells = sheets[reads.sheet or filled[0]]
        at = _header(file.name, cells, range(1, len(cells) + 1), reads)
        names = _named(cells[at])
        if open_cell := uncalculated([row[: len(names)] for row in cells]):
            raise KitError(
                f"{file.name}: cell {open_cell} holds a formula and no value; open the file in a spreadsheet program, "
                "and save it there"
            )
        below = [row[: len(names)] for row in cells[at + 1 :]]
        footer = _below(below)
        rows = [row for row in below[: len(below) - len(footer)] if any(cell != "" for cell in row)]
        table = pa.table(
            [column_of_cells([row[i] for row in rows], reads.decimal_sign) for i in range(len(names))], names=names
        )
        self.local.register("arriving", table)
        kept = self.kept("from arriving")
        self.local.unregister("arriving")
        notes = [_told(file, [str(cell) for row in footer for cell in row])] if footer else []
        if _kind(file) in WITHOUT_ERRORS and (empty := sum(row.count("") for row in rows)):
            notes.append(UNSEEN.format(n=empty, file=file.name))
        return Rows(self.local, kept.sql, kept.types, tuple(notes))


def _kind(file: Path) -> str:
    """What a file's name ends in, the end of a packed one apart.

    >>> _kind(Path("deals.2026.CSV.gz"))
    '.csv'
    """
    kinds = [suffix.lower() for suffix in file.suffixes]
    return kinds[-2] if kinds[-1:] == [".gz"] and len(kinds) > 1 else kinds[-1] if kinds else ""


def _must_be_text(file: Path) -> None:
    """Refuse a packed file, a spreadsheet or a Parquet file under the name of a text.

    Raises:
        KitError: it is one.
    """
    with file.open("rb") as read:
        if read.read(4) in NO_TEXT:
            raise KitError(
                f"{file.name} is no text, but a packed file or one of another kind; unpack it, or name it by its kind, "
                "such as .xlsx, .xls or .parquet"
            )


def _csv_sql(file: Path, skip: int, delimiter: str, names: Sequence[str]) -> str:
    """The SQL that reads a text, below its header, as text: its rows, but those in which every field is empty."""
    columns = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in names)
    how = f"skip = {skip}, delim = {quoted(delimiter)}, quote = '\"', escape = '\"', columns = {{{columns}}}"
    rows = f"read_csv({quoted(str(file))}, auto_detect = false, header = false, {how})"
    filled = ", ".join(f"nullif({identifier(name)}, '')" for name in names)
    return f"select * from {rows} where coalesce({filled}) is not null"


def _told(file: Path, footer: Sequence[str]) -> str:
    lines = [line for line in footer if line.strip()]
    return FOOTER.format(file=file.name, line=repr(lines[0]), n=len(lines) - 1)


def _delimiter(head: Sequence[str]) -> str:
    """The sign that parts most lines into the same number of fields, more than one."""

    def evenness(delimiter: str) -> int:
        fields = Counter(sum(1 for _ in record) for record in _records(head, delimiter)[0])
        return max((number * times for number, times in fields.items() if number > 1), default=0)

    return max(DELIMITERS, key=evenness)


def _records(lines: Sequence[str], delimiter: str) -> tuple[list[list[str]], list[int]]:
    """The records of some lines, and the number of the line that each ends with."""
    reader = csv.reader(lines, delimiter=delimiter)
    records, ends = [], []
    with suppress(csv.Error):
        for record in reader:
            records.append(record)
            ends.append(reader.line_num)
    return records, ends


def _header(name: str, records: Sequence[Sequence[Any]], ends: Sequence[int], reads: Reads) -> int:
    """The place of the header: the row that the source names, or the first one if it can be one.

    Raises:
        KitError: it seems to stand further down.
    """
    if reads.header_row:
        at = next((i for i, end in enumerate(ends) if end >= reads.header_row), None)
        if at is None:
            raise KitError(f"{name} has {ends[-1]} lines, but header_row says {reads.header_row}")
        return at
    filled = [sum(1 for cell in record if str(cell).strip()) for record in records]
    widest = max(filled, default=0)
    first = next((i for i, cells in enumerate(filled) if cells), None)
    if first is None:
        raise KitError(f"{name} is empty")
    # a header names all columns; what stands above it is a title, and names one or two
    further = next((i for i, cells in enumerate(filled) if cells == widest or cells > filled[first] + 1), first)
    if filled[first] < widest and 2 * filled[first] < widest and further > first:
        seen = ", ".join(str(cell) for cell in records[further] if str(cell).strip())[:60]
        raise KitError(
            f"{name}: line {ends[first]} is no header; line {ends[further]} looks like one ({seen}); "
            f"if it is, write reads: {{header_row: {ends[further]}}}"
        )
    return first


def _named(header: Sequence[Any]) -> list[str]:
    """The columns' names; one without a name, or whose name stands again, is called by its place.

    >>> _named(["Issue key", "Sprint", "", "Sprint"])
    ['Issue key', 'Sprint (column 2)', 'column 3', 'Sprint (column 4)']
    """
    names = [str(cell).strip() for cell in header]
    times = Counter(name.casefold() for name in names)
    found = []
    for place, name in enumerate(names, 1):
        again = times[name.casefold()] > 1
        found.append(f"{name} (column {place})" if name and again else name or f"column {place}")
    return found


def repeated(headers: Iterable[str]) -> dict[str, list[str]]:
    """The names that stand in a header more than once, in small letters, and what each of their columns is called.

    >>> repeated(["Issue key", "Sprint (column 2)", "Sprint (column 4)"])
    {'sprint': ['Sprint (column 2)', 'Sprint (column 4)']}
    """
    found: dict[str, list[str]] = {}
    for name in headers:
        if match := REPEATED.fullmatch(name):
            found.setdefault(match[1].casefold(), []).append(name)
    return {name: columns for name, columns in found.items() if len(columns) > 1}


def differing(headers: Sequence[Collection[str]]) -> set[str]:
    """The columns that not all of some headers have, but for those of a name that one of them has more than once.

    >>> differing([["Key", "Sprint", "Due"], ["Key", "Sprint (column 2)", "Sprint (column 3)"]])
    {'Due'}
    """
    again = {name for header in headers for name in repeated(header)}
    return {name for name in _not_in_all(headers) if REPEATED.sub(r"\1", name).casefold() not in again}


def _not_in_all(headers: Sequence[Collection[str]]) -> frozenset[str]:
    return frozenset().union(*headers) - frozenset(headers[0]).intersection(*headers)


def unclear_columns(file: str, rows: Rows, read: Collection[str]) -> list[str]:
    """The faults of columns that are read, and stand in a header more than once, or not in the header of every file.

    ``read`` are their names in small letters.
    """
    again = repeated(rows.types)
    faults = []
    for name in (name for name in again if name in read):
        columns = [column for column in again[name] if column not in rows.apart]
        if columns:
            shown, times = REPEATED.sub(r"\1", columns[0]), len(again[name])
            meant = " or ".join(map(repr, columns))
            faults.append(f"{file}: the header has {shown!r} {times} times; name the one that is meant: {meant}")
        else:
            faults.append(_not_in_every_file(file, again[name][0]))
    apart = [name for name in sorted(rows.apart) if name.casefold() in read and name.casefold() not in again]
    return [*faults, *(_not_in_every_file(file, name) for name in apart)]


def _not_in_every_file(file: str, column: str) -> str:
    name = REPEATED.sub(r"\1", column)
    return (
        f"{file}: {name!r} is a different number of times in the headers of the files, so that it has no place in all "
        "of them; leave it out, or save the files with as many columns of it"
    )


def _footer(file: Path, encoding: str, delimiter: str, columns: int) -> list[str]:
    """The last lines of a file that are a report's footer: below an empty line, each with one field or none."""
    if columns < 2:
        return []
    with _end_of(file, encoding) as lines:
        tail = list(deque(lines, TAIL))
    below = _below([next(csv.reader([line], delimiter=delimiter), []) for line in tail])
    return tail[len(tail) - len(below) :]


def _end_of(file: Path, encoding: str) -> IO[str]:
    """The last lines of a text, or all of them where its end cannot be found without the rest."""
    if encoding != "utf-8" or file.suffix.lower() == ".gz" or file.stat().st_size < BLOCK:
        return lines_of(file, encoding)
    read = file.open("rb")
    read.seek(-BLOCK // 16, io.SEEK_END)
    return io.TextIOWrapper(read, "utf-8", errors="ignore", newline="")


def _below(rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """The last rows with at most one filled field each, from an empty one on that they come after."""
    filled = [sum(1 for cell in row if str(cell).strip()) for row in rows]
    start = len(rows)
    while start and filled[start - 1] <= 1:
        start -= 1
    empty = next((i for i in range(start, len(rows)) if not filled[i]), len(rows))
    return list(rows[empty:]) if any(filled[empty:]) else []


def _copy(file: Path, encoding: str, out: Path, without: int) -> None:
    """A text in UTF-8, without some lines at its end."""
    held: deque[str] = deque()
    with lines_of(file, encoding) as lines, out.open("w", encoding="utf-8", newline="") as written:
        for line in lines:
            held.append(line)
            if len(held) > without:
                written.write(held.popleft())


def _even_copy(name: str, file: Path, out: Path, delimiter: str, skip: int, columns: int) -> None:
    """The records below a header as Python reads them, each with as many fields as it has.

    Raises:
        KitError: one has more or fewer.
    """
    with lines_of(file, "utf-8") as lines, out.open("w", encoding="utf-8", newline="") as written:
        records = csv.reader(islice(lines, skip, None), delimiter=delimiter)
        rows = csv.writer(written, quoting=csv.QUOTE_ALL)
        try:
            for record in records:
                spare = record[columns:]
                if record and (len(record) < columns or any(spare)):
                    raise KitError(
                        f"{name}: line {skip + records.line_num} has {len(record)} fields, the header {columns}; "
                        f"correct that line: a {delimiter!r} inside a text must stand between quotes"
                    )
                if record:
                    rows.writerow(record[:columns])
        except csv.Error:
            raise KitError(f"{name}: line {skip + records.line_num} cannot be read; correct its quotes") from None
