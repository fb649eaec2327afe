"""The spine: the periods of a pack as a table, in one DuckDB with the facts and the relations that KPIs are made of.

A pack shows each KPI for its period, for those before it and by month. The periods are the table ``period``; a fact
holds in those whose ``known_day`` lies between its ``known_from`` and its ``known_until``. So one query answers all
periods at once, each from what was known then.

Relations stand in the ``.sql`` files of this folder: each is a comment that says what a row is, and
``create table NAME as`` or ``create view NAME as`` with a query. One that is named like a card is that card's query,
and ``CARD_rows`` are the rows behind its figures. A relation is made when it is first asked for, and those that it
stands on before it; the same text, in the same order, is what :meth:`Spine.sql` shows.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb
import pandas as pd

from helpers.data.canonical_tables import HELD, TABLES
from helpers.data.engines import quoted
from helpers.data.knowledge import FOREVER, TWICE, WITHOUT_KEY
from helpers.data.prepared import Prepared
from helpers.errors import KitError, NotProvided
from helpers.language import _
from helpers.periods import SHOWN_BEFORE, Period
from helpers.results import Asked, Row, grouped

FOLDER = Path(__file__).parent
READS = re.compile(r"\b(?:(?<!distinct )from|join)\s+(\w+)")  # what a query names behind these words, it stands on
DEFINES = re.compile(r"\b(\w+)(?: ?\([^()]*\))? as \(")  # what it defines itself, and so does not stand on
COMMENT = re.compile(r"--[^\n]*")
OWN = ("period", "rules", "listed_quarter", "quarter", "provided")  # relations that the spine itself is
LOCAL_DAY = "local_day"  # the macro that queries call
WHOLE = "whole_of_"  # before the name of a table: how many rows it has in each period, by why they are left out if so
QUARTERS_BACK = timedelta(days=4_000)
PACKED_ABOVE = 750_000  # rows of a table, which is more than a hundred megabytes
PER_KEY = ("window_days", "gross_margin", "estimate_sla_hours")  # one value, or one per product type, period, segment


@dataclass(frozen=True)
class Relation:
    """A relation as its file has it: a comment, and the statement that makes it; ``follows`` chose among such."""

    name: str
    comment: str
    kind: str
    query: str
    follows: tuple[str, ...] = ()

    @property
    def statement(self) -> str:
        return f"{self.comment}create {self.kind} {self.name} as\n{self.query};"

    @cached_property
    def reads(self) -> list[str]:
        """What the query reads, and does not define itself.

        >>> query = "with own as (from deals) from own join period on own.label is not distinct from period.label"
        >>> Relation("example", "", "view", query).reads
        ['deals', 'period']
        """
        text = COMMENT.sub("", self.query)
        own = set(DEFINES.findall(text))
        return [name for name in READS.findall(text) if name not in own]

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of the query, and the parameters that chose it."""
        return frozenset((*re.findall(r"\w+", self.query), *self.follows))

    @property
    def question(self) -> str:
        """The query alone."""
        return f"{self.comment}{self.query};"


def read_relations(
    rules: Mapping[str, Any] = MappingProxyType({}),
    folder: Path = FOLDER,
    made_from: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Relation]:
    """The relations of all themes, by name.

    ``NAME_if_PARAMETER_is_VALUE`` takes the place of ``NAME`` under rules that say so, and ``TABLE_from_OTHER`` that of
    a canonical table that is made from another.

    >>> ["mrr_gain" in read_relations({"basis": basis})["booked"].query for basis in ("acv", "mrr")]
    [False, True]

    Raises:
        KitError: a name stands in two files.
    """
    found: dict[str, Relation] = {}
    head = re.compile(r"^((?:--[^\n]*\n)*)create (table|view) (\w+) as\n", re.MULTILINE)
    for file in sorted(folder.glob("*/*.sql")):
        pieces = head.split(file.read_text(encoding="utf-8"))[1:]
        for comment, kind, name, query in zip(*[iter(pieces)] * 4, strict=True):
            if name in found:
                raise KitError(f"{file.name}: relation {name} stands in another file too; give it another name")
            found[name] = Relation(name, comment, kind, query.strip().removesuffix(";"))
    for name in [name for name in found if "_if_" in name]:
        base, parameter, value = re.split("_if_|_is_", name)
        instead, follows = found.pop(name), (*found[base].follows, parameter)
        chosen = instead if rules.get(parameter) == value else found[base]
        found[base] = replace(chosen, name=base, follows=follows)
    for name, other in made_from.items():
        found[name] = replace(found.pop(f"{name}_from_{other}"), name=name)
    return found


def relations_under(card: str, relations: Mapping[str, Relation]) -> list[Relation]:
    """A card's query and all that it stands on, as far as it stands in files; each after what it needs."""
    return [relations[name] for name in _in_order(card, relations) if name in relations]


def words_under(card: str, relations: Mapping[str, Relation]) -> set[str]:
    """The words of a card's query and of all that it stands on: rules and parameters that it follows are among them.

    The relations that the spine itself is are not: a review's period is no part of a definition.

    >>> "retention_months" in words_under("retention", read_relations())
    True
    """
    return words_in(relations_under(card, relations))


def words_in(relations: Iterable[Relation]) -> set[str]:
    """The words of some queries, and the parameters that chose among them."""
    return {word for each in relations for word in each.words}.difference(OWN)


def tables_under(card: str, relations: Mapping[str, Relation]) -> list[str]:
    """The canonical tables that a card's query stands on."""
    found = _in_order(card, relations)
    return [name for name in TABLES if name in found]


def _in_order(name: str, relations: Mapping[str, Relation]) -> list[str]:
    """What a relation stands on, each after what it needs, and then itself; what is no relation stands on nothing."""
    found: dict[str, None] = {}

    def add(each: str) -> None:
        for needed in relations[each].reads if each in relations else ():
            if needed not in found:
                add(needed)
        found[each] = None

    add(name)
    return list(found)


def periods_of(period: Period) -> list[Period]:
    """The periods that a pack shows, earliest first: those before this one, months for a quarter, and this one."""
    months = period.months(SHOWN_BEFORE["month"]) if period.kind == "quarter" else []
    return [*period.history(SHOWN_BEFORE[period.kind]), *months, period]


@dataclass
class Spine:
    """The periods of a pack and the facts of a prepared folder: what every card asks.

    ``rules`` are those of the review and the parameters of its themes, by name. ``review`` is the review itself, for
    the cards and tables that are about what it registers: objectives, departments, improvements. ``refused`` holds the
    KPIs that this pack must not print, each with the reason; ``given`` the queries that cards gave, ``rows`` those of
    each card that was run.
    """

    prepared: Prepared
    period: Period
    rules: Mapping[str, Any]
    periods: list[Period] = field(default_factory=list)
    review: Any = None
    refused: Mapping[str, str] = field(default_factory=dict)
    asked: dict[str, bool] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    given: dict[str, str] = field(default_factory=dict, init=False)
    rows: dict[Any, list[Row]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.periods = self.periods or periods_of(self.period)
        self._by_label = {period.label: period for period in self.periods}
        self._made: set[str] = set()
        self._whole_of: dict[str, list[dict[str, Any]]] = {}
        self._others = count(1)
        self.reading: set[str] = set()
        self.relations = read_relations(self.rules, made_from=self.prepared.made_from)

    def under(self, rules: Mapping[str, Any]) -> Spine:
        """The same periods under other rules: what is made here and follows none that differ is not made again.

        The two spines share one DuckDB, in which what this one makes itself stands in a schema of its own.
        """
        found = replace(self, rules=rules, asked={}, required=set())
        differing = {name for name, value in rules.items() if value != self.rules[name]}
        differing |= {f"{name}_by" for name in PER_KEY if name in differing}
        found._made = {
            name for name in self._made if not self._follows(name, differing) | found._follows(name, differing)
        }
        found._engine = self.prepared.connect(beside=self._engine)
        schema = f"under_{next(self._others)}"
        found._engine.execute(f"create schema {schema}")
        found._engine.execute(f"set search_path = '{schema},main'")
        return found

    def at(self, label: str) -> Period:
        """The period that a label names."""
        return self._by_label[label]

    def give(self, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        """Let queries read rows that stand in no table, such as a review's objectives; ``columns`` name their types."""
        typed = ", ".join(f"cast({column} as {kind}) as {column}" for column, kind in columns.items())
        values = (
            ",\n".join(f"({', '.join(map(_literal, row))})" for row in rows)
            or f"({', '.join(['null'] * len(columns))})"
        )
        none = "" if rows else "\nwhere false"
        self.given[name] = f"select {typed} from (values\n{values}\n) as {name}({', '.join(columns)}){none}"

    def relate(self, name: str, query: str) -> None:
        """Let queries read a relation that stands in no file, since a review says what it is made of."""
        self.given[name] = query
        self.relations[name] = Relation(name, "", "view", query)

    def provides(self, what: str) -> bool:
        """Whether the source gives a table or a column; it is noted that a card asked."""
        self.asked[what] = self.prepared.provides(what)
        return self.asked[what]

    def require(self, *what: str) -> None:
        """Refuse to go on without these tables and columns; all of them are noted.

        Raises:
            NotProvided: naming the first that is not there.
        """
        missing = [needed for needed in what if not self.provides(needed)]
        self.required.update(missing)
        if missing:
            raise NotProvided(missing[0])

    @property
    def looked_for(self) -> Asked:
        """The tables and columns that cards looked for so far."""
        missing = {what for what, given in self.asked.items() if not given}
        return Asked(sorted(self.asked.keys() - missing), sorted(self.required), sorted(missing - self.required))

    def answers(self, name: str, order: str = "") -> list[dict[str, Any]]:
        """The rows of a relation, by column, in an order of their own or the usual one: the total, then segments.

        Segments are in the order of a column ``place``, where there is one, else by name; equal ones by all columns.
        """
        self.make(name)
        result = self._engine.execute(f"select * from {name}" + f" order by {order}" * bool(order))
        columns = [column for column, *_ in result.description]
        found = [dict(zip(columns, row, strict=True)) for row in result.fetchall()]
        if order:
            return found
        usual = [column for column in ("label", "segment_by", "place", "segment") if column in columns]
        return sorted(found, key=lambda row: [(row[column] is None, row[column]) for column in (*usual, *columns)])

    def frame(self, name: str, order: str = "all") -> pd.DataFrame:
        """The rows of a relation for the review's own period."""
        self.make(name)
        return self._engine.execute(
            f"select * exclude (label) from {name} where label = {quoted(self.period.label)} order by {order}"
        ).df()

    def vectors(
        self, name: str, *by: str, columns: str = "*", order: str = "all"
    ) -> Mapping[tuple[Any, ...], pd.DataFrame]:
        """The rows of a relation over all periods, in parts with equal columns ``by``: what statistics are made of.

        A part that is not there has no rows.
        """
        self.make(name)
        found = self._engine.execute(f"select {columns} from {name} order by {order}").df()
        none = found.head(0).copy()
        return defaultdict(lambda: none, iter(found.groupby(list(by), dropna=False, sort=False)))

    def notes(self, name: str, kind: str) -> dict[str, list[str]]:
        """The texts of a kind in a relation of notes, by the label of the period."""
        found = self.answers(name, "label, kind, text")
        return grouped((note["label"], note["text"]) for note in found if note["kind"] == kind)

    def whole(self, table: str) -> list[dict[str, Any]]:
        """How many rows of a table are in each period, by why they are left out if they are, and their worth."""
        name = f"{WHOLE}{table}"
        self.make(name)  # notes what is read, whether it is asked again or not
        if table not in self._whole_of:
            self._whole_of[table] = self.answers(name, "label, reason")
        return self._whole_of[table]

    def left_out(self, *tables: str) -> dict[str, dict[str, int]]:
        """How many rows of these tables are left out: ``{"2026Q3": {"deals: won without closed_at": 1}}``."""
        found: dict[str, dict[str, int]] = {label: {} for label in self._by_label}
        files = dict.fromkeys(self.prepared.made_from.get(name, name) for name in tables)
        for table in filter(self.prepared.provides, files):
            for answer in self.whole(table):
                if answer["reason"] not in (None, WITHOUT_KEY, TWICE):
                    found[answer["label"]][f"{table}: {answer['reason']}"] = answer["rows"]
        return found

    @property
    def read(self) -> set[str]:
        """The canonical tables that were read so far, and those that they refer to."""
        found = {name for name in self._made if name in TABLES and self.prepared.provides(name)}
        return found | {r.table for name in found for r in TABLES[name].references if self.prepared.provides(r.table)}

    def sql(self, name: str) -> str:
        """The query of a relation with all that it stands on: a script for a DuckDB in the prepared folder."""
        return self.scripts([name])[1][name]

    def scripts(self, names: Collection[str]) -> tuple[str, dict[str, str]]:
        """The queries of some relations, as parts of one script for a DuckDB in the prepared folder.

        What two of them or more stand on comes first, and then by name what stands under one alone, with its query.
        """
        words = {word for name in names for word in words_under(name, self.relations)}
        under = {name: [LOCAL_DAY, *self._in_order(name)[:-1]] for name in names}
        uses = Counter(each for found in under.values() for each in found)  # in an order in which each can be made

        def told(relations: Iterable[str]) -> list[str]:
            return [self._told(each, words) for each in relations]

        own = {
            name: [*told(each for each in under[name] if uses[each] == 1), self.relations[name].question]
            for name in names
        }
        shared = told(each for each, times in uses.items() if times > 1)
        return "\n\n".join(shared), {name: "\n\n".join(parts) for name, parts in own.items()}

    def make(self, name: str) -> None:
        """Make a relation, and before it those that it stands on; ``reading`` notes all of them.

        DuckDB keeps tables in memory as they came; a checkpoint packs them, to a sixth where customers stand in many
        periods, and the next query reads less.
        """
        needed = self._in_order(name)
        self.reading.update(needed)
        for each in needed:
            if each not in self._made:
                [rows] = self._engine.execute(self._statement(each)).fetchone() or [0]
                self._made.add(each)
                if rows > PACKED_ABOVE:
                    self._engine.execute("checkpoint")

    def _follows(self, name: str, differing: Collection[str]) -> bool:
        """Whether a relation follows one of these rules, or what a card gave; else it is the same under others."""
        under = self._in_order(name)
        words = words_in(self.relations[each] for each in under if each in self.relations)
        return name == "rules" or not words.isdisjoint(differing) or not self.given.keys().isdisjoint(under)

    @cached_property
    def _engine(self) -> duckdb.DuckDBPyConnection:
        return self.prepared.connect()

    def _in_order(self, name: str) -> list[str]:
        """What a relation stands on and is made here, each after what it needs, and then itself."""
        own = ["period"] if name.startswith(WHOLE) else []
        if own and TABLES[name.removeprefix(WHOLE)].worth:
            own += self._in_order("fixed_rate")
        known = (self.relations, TABLES, OWN, self.given)
        found = [each for each in _in_order(name, self.relations) if each == name or any(each in of for of in known)]
        return [*own, *found]

    def _query(self, name: str) -> str:
        """The query of a relation, of a canonical table, or of what this spine is made of."""
        if name in self.relations:
            return self.relations[name].query
        if name.startswith(WHOLE):
            return self._whole(name.removeprefix(WHOLE))
        if name in self.given:
            return self.given[name]
        made = {
            "period": self._periods,
            "rules": self._rules,
            "listed_quarter": self._listed_quarters,
            "quarter": self._quarters,
            "provided": self._provided,
        }
        if name not in made and name not in TABLES:
            raise KitError(f"there is no relation {name}; create it in a .sql file of helpers/kpis")
        if name in made:
            return made[name]()
        return f"select * exclude (left_out, unlinked)\nfrom ({self.prepared.judged(name)})\nwhere left_out is null"

    def _told(self, name: str, words: Container[str]) -> str:
        """A statement as it is shown: the rules are those among some words."""
        if name == LOCAL_DAY:
            zone = quoted(self.prepared.calendar.timezone)
            return f"create macro local_day(instant) as cast(timezone({zone}, instant) as date);"
        return f"create table rules as\n{self._rules(words)};" if name == "rules" else self._statement(name)

    def _statement(self, name: str) -> str:
        if name in self.relations:
            return self.relations[name].statement
        kind = "view" if name in TABLES and (HELD[name].counted or self._is_read_once(name)) else "table"
        return f"create {kind} {name} as\n{self._query(name)};"

    def _is_read_once(self, name: str) -> bool:
        """Whether one table alone is made of another, so that this need not be in memory beside its file."""
        readers = [each for each in self.relations.values() if name in each.query and name in each.reads]
        return [each.kind for each in readers] == ["table"]

    def _whole(self, name: str) -> str:
        """The rows of a table in each period, by why they are left out if they are, and what they are worth if known.

        Rows without a worth are counted as they come and go: a feed of events has too many spans to look at each.
        """
        worth, judged = TABLES[name].worth, self.prepared.judged(name)
        amount, rated = (f"abs({worth}) * rate", "left join fixed_rate using (currency)") if worth else ("0", "")
        known = f" filter (isfinite({amount}))" if worth else ""
        sums = f"{HELD[name].count()} as rows, coalesce(sum({amount}){known}, 0) as worth"
        values = ", ".join(
            f"({', '.join(map(_literal, (reason, date.fromisoformat(known_from), currency, rows, money)))})"
            for of, reason, known_from, currency, rows, money in self.prepared.aside
            if of == name
        )
        also = (
            f"""
  union all
  select known_from, {FOREVER}, reason, rows, worth{" * coalesce(rate, 0)" if worth else ""}
  from (values {values}) as aside(reason, known_from, currency, rows, worth) {rated}"""
            if values
            else ""
        )
        spans = f"""
  select known_from, known_until, left_out as reason, {sums}
  from ({judged}) {rated}
  group by all{also}"""
        changes = f"""
  select known_from, {FOREVER} as known_until, left_out as reason, {sums}
  from ({judged})
  group by all
  union all
  select known_until + 1, {FOREVER}, left_out, -{HELD[name].count()}, 0
  from ({judged})
  where known_until < {FOREVER}
  group by all{also}"""
        return f"""select label, reason, cast(sum(rows) as bigint) as rows, cast(sum(worth) as double) as worth
from period join ({spans if worth else changes}
) on known_day between known_from and known_until
group by all
having sum(rows) > 0"""

    def _periods(self) -> str:
        rows = ",\n".join(f"({', '.join(_literal(value) for value in _of_period(p, self.period).values())})"
                          for p in self.periods)  # fmt: skip
        return f"select * from (values\n{rows}\n) as period({', '.join(_of_period(self.period, self.period))})"

    def _rules(self, words: Container[str] | None = None) -> str:
        """One row of all rules and parameters, or of those among some words."""
        calendar = self.prepared.calendar
        given = {
            **self.rules,
            "review_label": self.period.label,
            "currency": self.prepared.currency,
            "rates_on": self.prepared.rates_on,
            "fiscal_year_start_month": calendar.fiscal_year_start_month,
        }
        for name in PER_KEY:
            per_key = isinstance(given.get(name), Mapping)
            given[f"{name}_by"] = given.get(name) if per_key else {}
            given[name] = None if per_key else given.get(name)
        told = {name: value for name, value in given.items() if words is None or name in words}
        return "select " + ",\n  ".join(f"{_literal(value)} as {name}" for name, value in told.items())

    def _provided(self) -> str:
        """The tables and columns that the source gives."""
        columns = self.prepared.columns
        given = [*columns, *(f"{table}.{column}" for table, names in columns.items() for column in names)]
        return f"select unnest({_literal(given)}) as what"

    def _quarters(self) -> str:
        """The first days of the calendar's quarters, from as far back as a window of a period may begin."""
        first, last = min(period.start for period in self.periods), max(period.start for period in self.periods)
        found = [self.prepared.calendar.quarter_of(last)] if self.period.kind == "quarter" else []
        with suppress(KitError):  # a listed calendar begins somewhere
            while found and found[0].start > first - QUARTERS_BACK:
                found.insert(0, found[0].previous())
        days = ", ".join(f"({_literal(each.start)})" for each in found) or "(cast(null as date))"
        return f"select * from (values {days}) as quarter(starts_on)"

    def _listed_quarters(self) -> str:
        """The first days of the quarters of a 4-4-5 calendar; no row where quarters begin with a month."""
        starts = [f"({_literal(start)})" for _, start in self.prepared.calendar.quarter_starts]
        none = "select cast(null as date) as starts_on where false"
        return f"select * from (values {', '.join(starts)}) as listed_quarter(starts_on)" if starts else none


def _of_period(period: Period, review: Period) -> dict[str, Any]:
    """A row of the table ``period``. Days named ``…_ends_on`` and ``known_at`` are exclusive, all others inclusive."""
    found: dict[str, Any] = {
        "label": period.label,
        "kind": period.kind,
        "starts_on": period.start,
        "ends_on": period.end,
        "flow_ends_on": period.flow_end,
        "opening_day": period.opening_day,
        "measured_on": period.measured_on,
        "known_day": period.known_until,
        "known_at": period.as_of_at,
        "review_known_day": review.known_until,
        "is_partial": period.is_partial,
        "four_periods_start_on": [*period.history(3), period][0].start,
        **_units_of(period),
    }
    for name, compared in (("previous", Period.previous), ("year_ago", Period.year_ago)):
        of: Period | None = None
        with suppress(KitError):  # a listed calendar begins somewhere
            of = compared(period)
        found[f"{name}_label"] = of and of.label
        found[f"{name}_starts_on"] = of and of.start
        found[f"{name}_flow_ends_on"] = of and of.flow_end
        found[f"{name}_measured_on"] = of and of.measured_on
        found[f"{name}_known_day"] = of and of.known_until
    earlier = period.history(7) if period.kind == review.kind else []
    four, before = [*earlier, period][-4:], [*earlier, period][:-4]
    for name, periods in (("four", four), ("four_before", before if len(before) == 4 else [])):
        found[f"{name}_starts_on"] = periods[0].start if periods else None
        found[f"{name}_label"] = _span(periods)
    return found


def _span(periods: Sequence[Period]) -> str | None:
    """The words for periods that follow each other."""
    labels = list(dict.fromkeys((periods[0].label, periods[-1].label))) if periods else []
    return _("{low} to {high}").format(low=labels[0], high=labels[-1]) if len(labels) > 1 else "".join(labels) or None


def _units_of(period: Period) -> dict[str, date | None]:
    """The fiscal quarter and year that hold the period's last day, as far as a listed calendar reaches."""
    day, calendar = period.measured_on, period.calendar
    units: dict[str, date | None] = dict.fromkeys(
        ("quarter_starts_on", "quarter_ends_on", "year_starts_on", "year_ends_on")
    )
    with suppress(KitError):
        quarter = calendar.quarter_of(day)
        ends = (quarter.end, calendar.fiscal_year_start(day), calendar.fiscal_year_end(day))
        units.update(zip(units, (quarter.start, *ends), strict=True))
    return units


def _literal(value: Any) -> str:
    """A value of Python as SQL; what is written with a point alone would be a decimal there.

    >>> _literal(["a", "b"]), _literal({"api": 7}), _literal(None), _literal(date(2026, 9, 30)), _literal(7.5)
    ("['a', 'b']", "map {'api': 7}", 'null', "date '2026-09-30'", '7.5::double')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value!r}::double"
    if isinstance(value, datetime):
        return f"timestamptz '{value}'"
    if isinstance(value, date):
        return f"date '{value}'"
    if isinstance(value, Mapping):
        entries = ", ".join(f"{_literal(key)}: {_literal(each)}" for key, each in value.items())
        return f"map {{{entries}}}" if entries else "map([]::varchar[], []::varchar[])"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Iterable):
        entries = ", ".join(map(_literal, value))
        return f"[{entries}]" if entries else "[]::varchar[]"
    return repr(value)
