"""Files looked at before there is a source: how each is read, as lines of a source with an example, or as open lines.

A reading that is the only one is a line with a value beside it. One that is one of two is left open: each is a line
marked ``choose``, with the value that it would give, and the source asks until one of them is taken. Whether a day on
which service ends is its last day, or the first without, a tool's documentation may say; else the rows tell, where the
same customer's next subscription begins on that day or the day after; else it is for the reader to say.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import yaml

from helpers.data.doubts import MANY, ends_by_next_begin
from helpers.data.encodings import encoding_of, is_ascii, proposed
from helpers.data.file_kinds import Ends, Export, column_of
from helpers.data.files import DELIMITERS, REPEATED, SHEETS, Files, Rows, differing
from helpers.data.readings import Question, questions, settled, text_of
from helpers.data.schema import Column
from helpers.data.statements import FILE_NAME, identifier, quoted
from helpers.errors import KitError
from helpers.reads import Reads

UNANSWERED = "choose"  # no value of end_on, so that a source is not read before it is answered
ANSWER = re.compile(r"reads: \{([^{}]*)\}")


@dataclass(frozen=True)
class Line:
    """A line of ``reads``, and why it says so. One that is open is for the reader to choose."""

    text: str
    why: str
    open: bool = False

    @property
    def said(self) -> dict[str, object]:
        """What the line says."""
        return dict(yaml.safe_load(f"{{{self.text}}}"))


@dataclass(frozen=True)
class Looked:
    """A file as it was looked at: its name in the folder, its rows, how it is read, and what cannot be read at all.

    Several that are one table have a pattern for their name, and are named in ``parts``.
    """

    name: str
    rows: Rows
    reads: Reads
    lines: tuple[Line, ...] = ()
    faults: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    @property
    def headers(self) -> list[str]:
        return list(self.rows.types)

    def named(self, name: str) -> str:
        """The column of a name, in the letters in which the file has it."""
        return next(header for header in self.headers if header.strip().casefold() == name.strip().casefold())

    def read_as(self, kinds: Mapping[str, str]) -> Looked:
        """The same, with the readings of columns of which the canonical types are known."""
        texts = {name: kind for name, kind in kinds.items() if self.rows.types[name] == "VARCHAR"}
        reads, lines = self.reads, list(self.lines)
        while True:
            sure, asked = _readings(self.rows, texts, reads)
            more = [line for line in sure if all(getattr(reads, key) is None for key in line.said)]
            if not more:
                break
            lines.append(more[0])
            reads = Reads.model_validate({**reads.model_dump(), **more[0].said})
        faults = [f"{each.column}: {each.told}; {each.answers}" for each in asked if not _answers(each)]
        known = {line.text for line in lines}
        for each in asked:
            lines += [line for line in _open_lines(each) if line.text not in known]
            known |= {line.text for line in lines}
        return replace(self, reads=reads, lines=tuple(lines), faults=(*self.faults, *faults))


def files_in(folder: Path) -> tuple[list[str], list[str]]:
    """The files of a folder that may be tables, by their names in it, and all others but hidden ones."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith((".", "~$")))
    names = {path.relative_to(folder).as_posix(): bool(FILE_NAME.search(path.name)) for path in found}
    return [name for name, may_be in names.items() if may_be], [name for name, may_be in names.items() if not may_be]


def look(files: Files, name: str, known: Sequence[Line] = ()) -> Looked | str:
    """A file opened: its encoding, delimiter, sheet and header; what is wrong where it cannot be read.

    Lines that are ``known`` say its encoding.
    """
    reads, lines = Reads.model_validate(known[0].said if known else {}), list(known)
    path = Path(files.folder or "", name)
    while True:
        try:
            rows = files.rows(name, reads)
            asked = rows.asked
        except KitError as error:
            asked = error.faults
        if not asked:
            break
        told = str(asked[0])
        answers = ANSWER.findall(told)
        if not answers:
            return told
        why = told.partition("; if ")[0].partition("; write ")[0]
        found = [Line(answer, why, len(answers) > 1) for answer in answers]
        if "encoding" in found[0].said:
            found = _encodings([path])
        if any(getattr(reads, key) is not None for key in found[0].said):
            return told
        lines += found
        reads = Reads.model_validate({**reads.model_dump(), **found[0].said})
    return Looked(name, rows, reads, (*lines, *_form(path, rows, reads)))


def united(files: Files, same: Sequence[Looked], key: Sequence[str]) -> Looked | str:
    """Files of one kind as one table; why they are not, where that is not certain.

    Args:
        files: the files of the folder.
        same: those of one kind.
        key: the columns that tell the rows of that kind apart.
    """
    first, folder = same[0], files.folder or Path()
    if any(_said_of(each, "encoding") != _said_of(first, "encoding") for each in same):
        alike = _in_one_encoding(files, same)
        if isinstance(alike, str):
            return alike
        first, *_ = same = alike
    if odd := differing([each.headers for each in same]):
        return f"their columns differ ({', '.join(sorted(odd))})"
    if others := [each for each in same if [x.text for x in each.lines] != [x.text for x in first.lines]]:
        ways = " and ".join(", ".join(line.text for line in each.lines) for each in (first, others[0]))
        return f"they are read differently ({ways})"
    value = f"concat_ws(', ', {', '.join(f'trim(cast({identifier(first.named(name))} as varchar))' for name in key)})"
    values = " union all ".join(f"select distinct {value} as value from {each.rows.sql} as part" for each in same)
    again = f"select min(value) from (select value from ({values}) group by value having count(*) > 1)"
    if (twice := first.rows.ask([f"min(({again}))"])[0]) is not None:
        return f"{', '.join(key)} {twice} is in more than one of them"
    pattern = _pattern([each.name for each in same], folder)
    if pattern is None:
        return "no pattern finds them and no other file"
    rows = files.rows(pattern, first.reads)
    return replace(first, name=pattern, rows=rows, parts=tuple(each.name for each in same))


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


def _said_of(looked: Looked, key: str) -> list[object]:
    """What the lines of a file say of one thing, those that are open too."""
    return [line.said[key] for line in looked.lines if key in line.said]


def _in_one_encoding(files: Files, same: Sequence[Looked]) -> list[Looked] | str:
    """Files of one kind in the encodings that all of them may be in: one that is ASCII is in that of the others.

    What is wrong where there is none.
    """
    paths = [Path(files.folder or "", each.name) for each in same]
    try:
        encoding_of(paths, None)
        lines = _encodings([path for path in paths if not is_ascii(path)])
    except KitError as error:
        return str(error.faults[0])
    found = []
    for each in same:
        looked = look(files, each.name, lines)
        if isinstance(looked, str):
            return looked
        found.append(looked)
    return found


def _pattern(names: Sequence[str], folder: Path) -> str | None:
    """A pattern that finds some files of a folder and no other."""
    start = _common(names)
    end = _common([name[len(start) :][::-1] for name in names])[::-1]
    for pattern in (f"{start.rstrip('0123456789')}*{end.lstrip('0123456789')}", f"{start}*{end}"):
        if {path.relative_to(folder).as_posix() for path in folder.glob(pattern)} == set(names):
            return pattern
    return None


def _common(names: Sequence[str]) -> str:
    """What some names begin with.

    >>> _common(["invoices-2024.csv", "invoices-2025.csv"])
    'invoices-202'
    """
    return "".join(signs[0] for signs in takewhile(lambda signs: len(set(signs)) == 1, zip(*names, strict=False)))


def _form(path: Path, rows: Rows, reads: Reads) -> Iterator[Line]:
    """The lines that say what was found without asking: the delimiter and encoding of a text, the sheet of a book."""
    names = [suffix.lower() for suffix in path.suffixes]
    if path.suffix.lower() in SHEETS and reads.sheet is None:
        from python_calamine import CalamineWorkbook

        book = CalamineWorkbook.from_path(str(path))
        full = next(name for name in book.sheet_names if any(map(any, book.get_sheet_by_name(name).to_python())))
        yield Line(f"sheet: {_word(full)}", f"its columns begin with {', '.join(list(rows.types)[:3])}")
    if not {".csv", ".tsv", ".txt"} & set(names[-2:]):
        return
    if reads.encoding is None:
        yield Line("encoding: utf-8", _example(rows))
    if len(rows.types) > 1:
        sign = next((sign for sign in DELIMITERS if _parts(path, reads, sign, rows)), "")
        if sign:
            yield Line(f"delimiter: {_word(sign)}", f"{len(rows.types)} columns: {sign.join(list(rows.types)[:3])}")


def _parts(path: Path, reads: Reads, sign: str, rows: Rows) -> bool:
    """Whether a sign parts a line of the file into its columns."""
    if path.suffix.lower() == ".gz":
        return False
    with path.open(encoding=reads.encoding or "utf-8-sig", newline="") as lines:
        names = [REPEATED.sub(r"\1", name) for name in rows.types if not name.startswith("column ")]
        return any(set(names) <= {cell.strip() for cell in record} for record in csv.reader(lines, delimiter=sign))


def _example(rows: Rows) -> str:
    """A value that other encodings would show otherwise, where there is one."""
    for name in (name for name, kind in rows.types.items() if kind == "VARCHAR"):
        column = identifier(name)
        [found] = rows.ask([f"min({column}) filter (where regexp_matches({column}, '[^\\x00-\\x7F]'))"])
        if found:
            return f"{name}: {found}"
    return "every letter is one of ASCII"


def _encodings(files: Sequence[Path]) -> list[Line]:
    """The encodings that texts may be in: a line, or open lines where there are several."""
    found = proposed(files)
    return [Line(f"encoding: {name}", f"it says {part}", len(found) > 1) for name, part in found.items()]


def _readings(rows: Rows, kinds: Mapping[str, Any], reads: Reads) -> tuple[list[Line], list[Question]]:
    """The lines that are sure of some columns, and the questions that remain."""
    texts = {name: text_of(name, "VARCHAR", reads) for name in kinds}
    sure, asked = [], []
    for name, reading in settled(rows.ask, texts, kinds, reads).items():
        found = [] if reading else questions(Column(name, kinds[name], False), texts[name], reads, rows.ask)
        for each in found:
            answers = _answers(each)
            if len(answers) == 1:
                sure.append(Line(answers[0], f"{name}: {each.told}".removesuffix(f" with {answers[0]}")))
            else:
                asked.append(each)
        if reading and reading.line:
            text = texts[name]
            [example] = rows.ask([f"max({text}) filter (where {reading.of(text)} is not null)"])
            if example is not None:
                [value] = rows.ask([f"any_value(cast({reading.of(quoted(str(example)))} as varchar))"])
                sure.append(Line(reading.line, f"{name}: {example!r} is {value.removesuffix(' 00:00:00')}"))
    return sure, asked


def _answers(question: Question) -> list[str]:
    """The lines that settle a question."""
    if question.words:
        return [f"empty: [{', '.join(map(_word, question.words))}]", "empty: []"]
    return ANSWER.findall(question.answers) if "such as" not in question.answers else []


def _open_lines(question: Question) -> list[Line]:
    """A line per answer, with the value that it gives."""
    answers = _answers(question)
    if question.words:
        words = " and ".join(map(repr, question.words))
        why = (f"{question.column}: {words} stand for nothing", f"{question.column}: {words} are values")
        return [Line(answer, told, True) for answer, told in zip(answers, why, strict=True)]
    return [Line(answer, f"{question.column}: {_told(question.told, answers, answer)}", True) for answer in answers]


def _told(told: str, answers: Sequence[str], answer: str) -> str:
    """The part of a question that tells of one answer: ``'1/2/2025' is 1 February 2025``."""
    example, _, rest = told.partition(" is ")
    for other in answers:
        value, _, rest = rest.removeprefix(" and ").partition(f" with {other}")
        if other == answer:
            return f"{example} is {value}"
    return told


def _word(text: str) -> str:
    """A text as YAML takes it in braces."""
    return text if re.fullmatch(r"[A-Za-z][\w ]*", text) and yaml.safe_load(text) == text else yaml_quoted(text)


def yaml_quoted(text: str) -> str:
    """A text between quotes.

    >>> yaml_quoted(";")
    '";"'
    """
    return yaml.safe_dump(text, default_style='"', allow_unicode=True, width=1000).strip()


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
