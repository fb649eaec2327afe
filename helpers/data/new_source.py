"""A source file for tools that users have: ``kpi-review new-source``.

What each tool gives is data, in ``mappings/``; here it is chosen, commented and written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from textwrap import indent
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import yaml
from pydantic import TypeAdapter, ValidationError

from helpers.data.mapping import Exports, Filled, Queries, Tool, tool, tool_names
from helpers.errors import KitError, nearest, refuse
from helpers.params import CANONICAL_TABLES, Currency, Source, Timezone, load_review, project_root
from helpers.periods import Calendar
from helpers.strict_yaml import shown

TRIED = ("duckdb", "postgres", "postgresql")
FROM_ENVIRONMENT = re.compile(r"\$\{\w+\}")
SECRET = re.compile(r"pass|pwd|secret|token|key$", re.IGNORECASE)
HEAD = """\
# Written by `kpi-review new-source`, and yours from here on: it is not written again.
# Lines that say "choose" are for you to decide; `kpi-review check` tells what the data then gives.
"""
RATES = """\
# More than one currency needs a rate for each: units of the pack's currency for one of the other.
fx_rates: |
  select 'USD' as currency, cast(0.92 as double precision) as rate
"""


@dataclass(frozen=True)
class Place:
    """Where the tools' tables are: a connection, and a folder of exports or none."""

    connect: str
    files: Path | None = None
    timezone: str = "UTC"
    currency: str | None = None


@dataclass(frozen=True)
class Written:
    """What was written: the file, the tool that gives each table, and what could not be given, with the reason."""

    path: Path
    tables: dict[str, str]
    lacking: dict[str, str]


def write_source(tools: str, place: Place, out: Path | None = None) -> Written:
    """Write a source file for tools named like ``stripe+hubspot``.

    Where several tools give the same table, the first that can does; the others' queries are written as comments.

    Args:
        tools: the tools' names, joined by ``+``, in the order in which they are preferred.
        place: where their tables are.
        out: the file to write, ``params/sources/stripe_hubspot.yml`` if not given.

    Raises:
        KitError: a tool is not known, the place cannot be used, or the file is there already; all faults at once.
    """
    names = list(dict.fromkeys(re.split(r"\s*\+\s*", tools.strip().lower())))
    path = Path(shown(out or project_root() / "params/sources" / f"{'_'.join(names)}.yml"))
    known = tool_names()
    unknown = [f"{it!r} is no tool that there are queries for{nearest(it, known)}" for it in names if it not in known]
    refuse([*unknown, *_cannot_connect(place), *no_codes(place), *there_already(path)])
    offers = Queries(names, place.timezone, Exports(place.files) if place.files else None).filled()
    chosen = {offer.table: offer for offer in reversed(offers) if not offer.missing}
    lacking = {offer.table: _lacks(offer, place) for offer in offers if offer.table not in chosen}
    if not chosen:
        raise KitError(*lacking.values())
    text = _text([tool(name) for name in names], place, path, _sections(offers, chosen, place))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    return Written(path, {name: tool(chosen[name].tool).name for name in CANONICAL_TABLES if name in chosen}, lacking)


def suggested_period(review: Path, timezone: str, now: datetime) -> str:
    """The label of the last quarter that is over, in the review's calendar where there is a review.

    >>> suggested_period(Path("none.yml"), "Europe/Berlin", datetime.fromisoformat("2026-09-30T23:00+00:00"))
    '2026Q3'
    """
    try:
        calendar = load_review(review).calendar(Source.model_construct(timezone=timezone))
        return _last_quarter(calendar, now)
    except KitError:
        return _last_quarter(Calendar(timezone), now)


def _last_quarter(calendar: Calendar, now: datetime) -> str:
    return calendar.quarter_of(now.astimezone(ZoneInfo(calendar.timezone)).date()).previous().label


def there_already(path: Path) -> list[str]:
    """A file that is there is not written again."""
    return (
        [f"{shown(path)} is there already; name another file with --out, or remove it first"] if path.exists() else []
    )


def _cannot_connect(place: Place) -> list[str]:
    """What is wrong with the connection and the folder, told without what the connection may hide."""
    scheme, separator, rest = place.connect.partition("://")
    if not separator:
        return ["--connect must be a URL such as postgres://reader@db.example.com/warehouse, or duckdb:// with --files"]
    if hidden := _secret(place.connect, rest):
        return [
            f"--connect holds {hidden} that would be written to the file; put ${{NAME}} in its place, in single quotes "
            "('postgres://reader:${DB_PASSWORD}@db.example.com/warehouse'), and set NAME in the environment"
        ]
    if place.files and scheme != "duckdb":
        return [f"--files is for duckdb://, not for {scheme}://; leave one of them out"]
    if place.files and not place.files.is_dir():
        return [f"--files {place.files}: must be a folder that exists"]
    if scheme == "duckdb" and not rest and not place.files:
        return [
            "--connect duckdb:// alone has no tables; add --files FOLDER, or name a database: duckdb:///home/me/all.db"
        ]
    return []


def _secret(url: str, rest: str) -> str:
    """What a URL hides and does not take from the environment: ``a password``, the name of a parameter, or nothing.

    >>> _secret("postgres://me:hunter2@db/x", "me:hunter2@db/x")
    'a password'
    >>> _secret("postgres://me:${DB_PASSWORD}@db:5432/x", "me:${DB_PASSWORD}@db:5432/x")
    ''
    >>> _secret("postgres://reader:2024/Sommer@db/x", "reader:2024/Sommer@db/x")
    'a password'
    >>> _secret("postgres://me:${PW}@db/x?options=a@b", "me:${PW}@db/x?options=a@b")
    ''
    >>> _secret("postgres://db:5432/x?user=me@example.com", "db:5432/x?user=me@example.com")
    ''
    >>> _secret("snowflake://me@x?token=abc", "me@x?token=abc")
    'token, a secret'
    """
    place = rest.partition("?")[0]
    password = re.match(r"[^:/?@]*:(.*)@", place) or re.match(r"[^:/?@]*:(?!\d+[/?])(.*)@", rest)
    if password and password[1] and not FROM_ENVIRONMENT.fullmatch(password[1]):
        return "a password"
    try:
        given = parse_qsl(urlsplit(url).query)
    except ValueError:
        return "a password"
    named = [name for name, value in given if SECRET.search(name) and not FROM_ENVIRONMENT.fullmatch(value)]
    return f"{named[0]}, a secret" if named else ""


def no_codes(place: Place) -> list[str]:
    """What is wrong with the time zone and the currency that were given."""
    faults = []
    given: list[tuple[str, Any, Any]] = [("timezone", Timezone, place.timezone), ("currency", Currency, place.currency)]
    for option, code, value in given:
        try:
            TypeAdapter(code | None).validate_python(value)
        except ValidationError as error:
            faults.append(f"--{option} {value}: {error.errors()[0]['msg'].removeprefix('Value error, ')}")
    return faults


def _lacks(offer: Filled, place: Place) -> str:
    return (
        f"{offer.table} needs {', '.join(offer.missing)} of {tool(offer.tool).name}; "
        f"{shown(place.files or Path())} has no file of that name, such as {offer.tool}/{offer.missing[0]}.csv"
    )


def _text(tools: Sequence[Tool], place: Place, path: Path, sections: str) -> str:
    """The whole file."""
    names = [tool.name for tool in tools]
    head = {"name": " and ".join(filter(None, [", ".join(names[:-1]), names[-1]])), "connect": place.connect}
    if place.files:
        files = place.files
        head["files"] = str(files) if files.is_absolute() else Path(os.path.relpath(files, path.parent)).as_posix()
    about = "".join(comment(tool.about) for tool in tools if tool.about)
    return (
        f"{HEAD}{_engine(place)}{about}{yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=1000)}"
        f"timezone: {place.timezone}   # choose: where a day begins; the queries name it too\n"
        f"{currency_line(place)}tables:\n{sections}"
    )


def _engine(place: Place) -> str:
    """What the reader of the file should know of the place."""
    scheme = place.connect.partition("://")[0]
    if place.files:
        return "# Files are read as text and every column is cast, so that no type is guessed.\n"
    more = "" if scheme in TRIED else f" They are tried on Postgres and DuckDB: {scheme} may name some types otherwise."
    return comment(f"The queries name tables as stripe.customer; replace the schema where yours is another.{more}")


def currency_line(place: Place) -> str:
    """The line of the currency, a comment where it is not known."""
    if place.currency:
        return f"currency: {place.currency}   # of amounts that carry none\n"
    return "# currency: EUR   # choose: of amounts that carry none\n"


def _sections(offers: Sequence[Filled], chosen: dict[str, Filled], place: Place) -> str:
    """The queries in the order of the canonical tables, those not chosen as comments."""
    found = []
    for table in CANONICAL_TABLES:
        for offer in (offer for offer in offers if offer.table == table):
            about = tool(offer.tool).tables[table].about
            text = f"{comment(about)}{table}: |\n{indent(offer.sql, '  ')}\n"
            if offer.missing:
                text = comment(f"Not provided: {_lacks(offer, place)}.") + commented(text)
            elif offer is not chosen[table]:
                first = tool(chosen[table].tool).name
                text = comment(f"Not used: {first} comes first. To have it from {tool(offer.tool).name}:") + commented(
                    text
                )
            found.append(f"# {tool(offer.tool).name}\n{text}")
    return indent("\n".join([*found, commented(RATES)]), "  ")


def comment(text: str) -> str:
    """Lines as comments."""
    return indent(text.rstrip() + "\n", "# ", lambda _: True)


def commented(text: str) -> str:
    """Lines as comments; those that are comments already stay."""
    return "".join(line if line.startswith("#") else f"# {line}" for line in text.splitlines(keepends=True))
