"""Why a published figure is another today, found from what both packs were made from.

Each KPI that is restated is computed once more as today, on the tables that the published pack was made from. Where
that gives the published figure, the rows are the cause; where it gives today's, they are not, and it is counted
otherwise. What changed of either is looked for and told.

A figure of a period is made of the rows as they were known on one day. So the rows of both packs are compared as they
are known on that day: one that says that it was recorded later is on neither side, and explains nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache, cached_property
from typing import Any, Literal
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd

from helpers.data.canonical_tables import HELD, TABLES
from helpers.data.engines import quoted
from helpers.data.prepared import Prepared
from helpers.display.formats import MONEY, format_day
from helpers.display.plain_words import named, plain_value
from helpers.display.sentences import listed
from helpers.errors import KitError
from helpers.kpis.rows import Card, cards_of, cards_with, relations_of, run
from helpers.kpis.spine import COMMENT, FOLDER, Relation, Spine, read_relations, words_in
from helpers.language import _, enumerated, in_figures, message, plural
from helpers.pack.archive import Published
from helpers.pack.definitions import changed_values, definition_text, name_of_card
from helpers.pack.made_from import FOLDER as KEPT
from helpers.pack.made_from import QUERIES
from helpers.pack.request import PackRequest
from helpers.params import Review
from helpers.periods import Calendar
from helpers.results import grouped
from helpers.review import rules_of

CENT, DIGITS = 0.005, 1e-9  # what is nearer is equal: of money, and of all else relative to its size
KEYS_KEPT, QUERIES_NAMED = 20, 3
LEFT_OUT, KNOWN_FROM = "left_out", "known_from"
JUDGED = (LEFT_OUT, "unlinked")  # what is said of a row beside its columns
COLUMNS = {LEFT_OUT: message("whether they count"), KNOWN_FROM: message("the day from which they are known")}
UNKNOWN = message("the cause is not in the data kept")
TERMS = {
    "kpi_id": message("KPI"), "kpi_segment": message("segment"), "baseline": message("baseline"),
    "target": message("target"),
}  # fmt: skip  # of an objective: what its progress is counted by, as its row tells

How = Literal["late", "corrected", "withdrawn"]
Days = tuple[date, date]  # the last day that was known then, and the one that is known now
Figures = Mapping[tuple[str, str, str, str], float | None]  # by KPI, dimension, segment and period


def alike(one: float | None, other: float | None, unit: str) -> bool:
    """Whether two figures are one: money to half a cent, all else but for its last digits.

    >>> alike(10.0, 10.004, "money"), alike(0.5, 0.5001, "share"), alike(None, float("nan"), "days")
    (True, False, True)
    """
    if pd.isna(one) or pd.isna(other):
        return bool(pd.isna(one) and pd.isna(other))
    return bool(abs(one - other) <= (CENT if unit in MONEY else DIGITS * max(1.0, abs(one))))


class Causes:
    """What may have moved the figures of a published pack.

    ``tables`` are those that it was made from, None where they are not kept; ``made_with`` are the fingerprint of
    today's code, as ``code``, and the versions of packages. ``as_of`` are the instants up to which figures know, then
    and now, as results.csv has them.
    """

    def __init__(
        self, published: Published, request: PackRequest, prepared: Prepared, tables: Prepared | None,
        made_with: Mapping[str, str], as_of: Iterable[tuple[str, str]],
    ) -> None:  # fmt: skip
        self.published = published
        self.request = request
        self.prepared = prepared
        self.tables = tables
        self._made_with = made_with
        days = sorted({(self._known_on(then), self._known_on(now)) for then, now in as_of})
        self._folders = tables and _TwoFolders(tables, prepared, days, request.review.rules.fx_mode)
        self._again = cache(self._run_again)

    def of(self, then: pd.Series, now: pd.Series) -> tuple[str, tuple[ChangedRows, ...]]:
        """Why a figure differs from the published one, as far as what is kept tells it, and the rows that moved it."""
        (card,) = cards_with([now["kpi_id"]])
        figures, read, words = self._again(card)
        key, unit = (now["kpi_id"], now["segment_by"], now["segment"], now["period"]), now["unit"]
        told, rows = list[str](), list[ChangedRows]()
        days = self._known_on(then["as_of"]), self._known_on(now["as_of"])
        if days[0] != days[1]:
            was, becomes = map(format_day, days)
            told.append(_("it is as known on {now}, and was as known on {before}").format(now=becomes, before=was))
        if self._folders and not (key in figures and alike(figures[key], now["value"], unit)):
            found = [each for name in TABLES if name in read for each in self._folders.changed(name, days)]
            rows = _naming(words, found)
            told += [*_in_words(rows), *self._read_otherwise(self._folders.then, {each.table for each in rows}, words)]
        if not (key in figures and alike(figures[key], then["value"], unit)):
            told += self._counted_otherwise(card, read, words, _terms(then, now))
        if not self.tables:
            told.append(_("the rows of then are not kept"))
        return _("; ").join(told) or _(UNKNOWN), tuple(rows)

    @cached_property
    def changed_values(self) -> dict[str, tuple[Any, Any]]:
        """The rules and parameters, by name, that differ, each as it was and as it is."""
        now = {**self.request.review.rules.model_dump(mode="json"), **_flat(self.request.settled)}
        return changed_values(self._values_then, now)

    @cached_property
    def changed_relations(self) -> dict[str, tuple[Relation | None, Relation | None]]:
        """The relations whose query differs, each as it was and as it is, both under the rules of then."""
        kept = self.published.folder / KEPT / QUERIES
        if not kept.is_dir():
            return {}
        then, now = (read_relations(self._values_then, each, self.prepared.made_from) for each in (kept, FOLDER))
        return {
            name: (then.get(name), now.get(name))
            for name in {**now, **then}
            if _bare(then.get(name)) != _bare(now.get(name))
        }

    @cached_property
    def changed_wordings(self) -> dict[Card, tuple[str, str]]:
        """The cards of this pack whose definition in words differs, with the text of then and that of now."""
        then = self.published.manifest.get("definitions", {}).get("texts", {})
        cards = [card for theme in self.request.parameters for card in cards_of(theme)]
        both = {card: (then[name_of_card(card)], definition_text(card)) for card in cards if name_of_card(card) in then}
        return {card: texts for card, texts in both.items() if texts[0] != texts[1]}

    def relations_of(self, card: Card) -> set[str]:
        """The relations that the queries of a card, and those named like its KPIs, stand on."""
        return {each.name for each in relations_of(card, self._relations)}

    @cached_property
    def _values_then(self) -> dict[str, Any]:
        manifest = self.published.manifest
        return {**manifest.get("rules", {}), **_flat(manifest.get("parameters", {}))}

    @cached_property
    def _spine(self) -> Spine | None:
        """Today's queries, rules and parameters over the tables of then."""
        if not self.tables:
            return None
        period = self.tables.calendar.period(self.published.label, self.tables.last_day)
        return Spine(self.tables, period, rules_of(self._review), review=self._review)

    @cached_property
    def _review(self) -> Review:
        return self.request.review.model_copy(update={"themes": self.request.settled})

    @cached_property
    def _relations(self) -> dict[str, Relation]:
        return read_relations(rules_of(self._review), made_from=self.prepared.made_from)

    def _run_again(self, card: Card) -> tuple[Figures, set[str], set[str]]:
        """What a card gives today on the tables of then, the relations and tables that it reads, and their words.

        Where those tables are not kept, or cannot be read, there are no figures, and what it reads is what its queries
        stand on.
        """
        figures: Figures = {}
        read = self.relations_of(card)
        read |= {each for name in read for each in self._relations[name].reads if each in TABLES}
        if self._spine:
            self._spine.reading.clear()
            with suppress(duckdb.Error, KitError):  # tables of an older kit, or kept without the columns of persons
                rows = run(card, self._spine)
                figures = {(row.kpi_id, row.segment_by, row.segment, row.period.label): row.value for row in rows}
            read |= self._spine.reading
        return figures, read, words_in(self._relations[name] for name in read if name in self._relations)

    def _known_on(self, as_of: str) -> date:
        """The last day that is known up to an instant."""
        zone = ZoneInfo(self.prepared.calendar.timezone)
        return datetime.fromisoformat(as_of).astimezone(zone).date() - timedelta(days=1)

    def _read_otherwise(self, then: Prepared, tables: Collection[str], words: Collection[str]) -> Iterable[str]:
        """What of the source and of the calendar differs."""
        now = self.prepared
        for name in sorted(tables):
            if name in then.queries and then.queries[name] != now.queries.get(name):
                yield _("the source's query of {name} changed").format(name=named(name))
        if "rates_on" in words and then.rates_on != now.rates_on and now.provides("fx_rates"):
            was, becomes = (format_day(each.rates_on) for each in (then, now))
            told = _("exchange rates are those of {now}, and were those of {before}")
            yield told.format(now=becomes, before=was)
        if _differ(then.calendar, now.calendar):
            yield _("the calendar or its time zone changed")

    def _counted_otherwise(
        self, card: Card, read: Collection[str], words: Collection[str], terms: Mapping[str, tuple[Any, Any]]
    ) -> list[str]:
        """What of the definition, the rules and the code differs; the code is told where nothing else is found."""
        queries = [name for name in self.changed_relations if name in read]
        first, more = queries[:QUERIES_NAMED], len(queries) - QUERIES_NAMED
        names = listed([*map(named, first), *([_("{n} more").format(n=more)] if more > 0 else [])])
        told = [_("its definition changed (the query of {names})").format(names=names)] if queries else []
        if card in self.changed_wordings:
            told.append(_("its definition in words changed"))
        values = {named(name): both for name, both in self.changed_values.items() if name in words}
        told += [
            _("{name}: {before} before, {now} now").format(name=name, before=plain_value(was), now=plain_value(becomes))
            for name, (was, becomes) in {**values, **terms}.items()
        ]
        if told:
            return told
        manifest = self.published.manifest
        if manifest.get("fingerprints", {}).get("code") != self._made_with["code"]:
            return [_("the code changed, and neither its query nor a rule did")]
        if {"code": self._made_with["code"], **manifest.get("versions", {})} != self._made_with:
            return [_("packages that it is computed with changed, and neither its query nor a rule did")]
        return []


def _differ(then: Calendar, now: Calendar) -> bool:
    """Whether two calendars do; a list of quarters may grow.

    >>> _differ(Calendar(), Calendar()), _differ(Calendar("UTC"), Calendar("Europe/Berlin"))
    (False, True)
    """
    starts = dict(now.quarter_starts)
    moved = any(starts.get(label, start) != start for label, start in then.quarter_starts)
    return moved or replace(then, quarter_starts=()) != replace(now, quarter_starts=())


def _terms(then: pd.Series, now: pd.Series) -> dict[str, tuple[Any, Any]]:
    """What differs of the terms of an objective, each as it was and as it is; of any other figure nothing."""
    was, becomes = (json.loads(each["params"]) for each in (then, now))
    return {
        _(name): (was.get(term), becomes.get(term))
        for term, name in TERMS.items()
        if was.get(term) != becomes.get(term)
    }


def _flat(themes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The parameters of all themes by name."""
    return {name: value for given in themes.values() for name, value in given.items()}


def _bare(relation: Relation | None) -> str:
    """A query without comments and line ends."""
    return " ".join(COMMENT.sub("", relation.query).split()) if relation else ""


# --- rows -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ChangedRows:
    """Rows of a table that changed in one way: how many, the columns that were corrected, the first of their keys.

    Among the columns, ``left_out`` says that a row counts now and did not then, or the other way round, and
    ``known_from`` that the day changed from which on it is known.
    """

    table: str
    how: How
    rows: int
    columns: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


class _TwoFolders:
    """The prepared tables that a pack was published from, and those of today.

    ``days`` are those on which figures are asked for: as known on the first then, and on the second now. Where the two
    are always the same, only rows that differ in any way are looked at, for all days at once. ``fx_mode`` is the rule.
    """

    def __init__(self, then: Prepared, now: Prepared, days: Collection[Days], fx_mode: str) -> None:
        self.then = then
        self.now = now
        self._fx_mode = fx_mode
        self._days = tuple(days)
        self._same_days = all(known_then == known_now for known_then, known_now in days)
        self._engine = now.connect()
        self._columns = cache(self._stage)
        self._found = cache(self._find)

    def changed(self, table: str, on: Days) -> list[ChangedRows]:
        """The rows of a table that differ, each side as known on its day; none where a side lacks the table."""
        return self._found(table, self._days if self._same_days else (on,)).get(on, [])

    def _find(self, table: str, days: tuple[Days, ...]) -> dict[Days, list[ChangedRows]]:
        """The rows of a table that differ, by day."""
        columns = self._columns(table)
        if not columns:
            return {}
        differ = ", ".join(
            f"case when list({c} order by {c}) filter (was) is distinct from list({c} order by {c}) filter (not was) "
            f"then '{c.strip(chr(34))}' end"
            for c in columns
        )
        on, key = "known_then, known_now", _key(table)
        own = f"{on}, key, {', '.join(columns)}"
        rows = self._engine.execute(f"""
            with day({on}) as (values {", ".join(f"(date '{one}', date '{other}')" for one, other in days)}),
            before as (select {own} from day join then_{table} on {self._known(table, "known_then")}),
            after as (select {own} from day join now_{table} on {self._known(table, "known_now")}),
            differing as (
                select *, true as was from (from before except from after)
                union all select *, false from (from after except from before)
            ),
            by_key as (
                select {on}, key, bool_or(was) as was, bool_or(not was) as becomes, concat_ws(',', {differ}) as columns
                from differing group by {on}, key
            ),
            elsewhere as (
                select {key} as key, true as was from {self._file(self.then, table)}
                union select {key}, false from {self._file(self.now, table)}
            ),
            told as (
                select {on}, array_to_string(key, ', ') as name, was and becomes as is_corrected,
                    exists (from elsewhere e where e.key = by_key.key and e.was = by_key.becomes) as is_elsewhere,
                    by_key.becomes as becomes, columns
                from by_key
            )
            select {on},
                case when is_corrected or is_elsewhere then 'corrected' when becomes then 'late' else 'withdrawn' end,
                case when is_corrected then columns when is_elsewhere then '{KNOWN_FROM}' else '' end,
                count(*), min(name, {KEYS_KEPT})
            from told group by all order by all""").fetchall()
        found: dict[Days, list[ChangedRows]] = {}
        for *day, how, names, count, keys in rows:
            each = ChangedRows(table, how, count, tuple(filter(None, names.split(","))), tuple(keys))
            found.setdefault((day[0], day[1]), []).append(each)
        return found

    def _stage(self, table: str) -> list[str]:
        """Make what is compared of a table: ``then_TABLE`` and ``now_TABLE``.

        Returns:
            The columns that both have; none where there is nothing to compare, or a key that rows are known by is not
            kept.
        """
        if table not in self.then.held or table not in self.now.held:
            return []
        sides = {"then": self.then, "now": self.now}
        held = [
            {column for column, *_ in self._engine.execute(f"describe from {self._file(side, table)}").fetchall()}
            for side in sides.values()
        ]
        if not all(set(HELD[table].key) <= each for each in held):
            return []
        names = [*HELD[table].names, *JUDGED]
        columns = [f'"{name}"' for name in names if all(name in each for each in held)]
        last = f"date '{self.then.last_day}'"
        for name, side in sides.items():
            other = sides["now" if name == "then" else "then"]
            selected = f"select {', '.join(columns)}, {_key(table)} as key, known_from, "
            clipped = f"least(known_until, {last}) as known_until"
            if self._same_days:
                files = [f"{selected}{clipped} from {self._file(each, table)} where known_from <= {last}"
                         for each in (side, other)]  # fmt: skip
                query = " except ".join(files)
            else:
                query = f"{selected}known_until from {self._file(side, table)}"
            self._engine.execute(f"create table {name}_{table} as {query}")
        found = self._engine.execute(
            f"select 1 from then_{table} union all select 1 from now_{table} limit 1"
        ).fetchall()
        return columns if found else []

    def _known(self, table: str, day: str) -> str:
        """The rows that are known on a day; of exchange rates those that count then, as fixed ones do for all days."""
        if not HELD[table].of_the_pack:
            return f"{day} between known_from and known_until"
        fixed = f"date '{min(self.then.rates_on, self.now.rates_on)}'"
        return f"""coalesce("on" <= {fixed if self._fx_mode == "fixed" else f"greatest({fixed}, {day})"}, true)"""

    @staticmethod
    def _file(side: Prepared, table: str) -> str:
        return f"read_parquet({quoted(str(side.folder / f'{table}.parquet'))})"


def _key(table: str) -> str:
    parts = ", ".join(f'cast("{name}" as varchar)' for name in HELD[table].key)
    return f"[{parts}]"


def _naming(words: Collection[str], found: Iterable[ChangedRows]) -> list[ChangedRows]:
    """The changed rows in columns that some queries name, each way of a table together; all where none are."""
    every = list(found)
    named_there = {*words, LEFT_OUT, KNOWN_FROM}
    kept = [each for each in every if not each.columns or named_there & set(each.columns)]
    together = grouped(((each.table, each.how), each) for each in kept or every)
    return [
        ChangedRows(
            table,
            how,
            sum(each.rows for each in parts),
            tuple(dict.fromkeys(name for each in parts for name in each.columns if name in named_there or not kept)),
            tuple(sorted({key for each in parts for key in each.keys})[:KEYS_KEPT]),
        )
        for (table, how), parts in together.items()
    ]


def _in_words(rows: Iterable[ChangedRows]) -> list[str]:
    """What became of rows, in words.

    >>> _in_words([ChangedRows("invoices", "corrected", 1, ("amount",)), ChangedRows("deals", "late", 3)])
    ['1 row of invoices corrected (amount)', '3 rows of deals that were not there then']
    """
    told = []
    for each in rows:
        n = each.rows
        words = {
            "late": plural(
                "{n} row of {table} that was not there then", "{n} rows of {table} that were not there then", n
            ),
            "corrected": plural("{n} row of {table} corrected", "{n} rows of {table} corrected", n),
            "withdrawn": plural("{n} row of {table} withdrawn", "{n} rows of {table} withdrawn", n),
        }[each.how].format(n=in_figures(n), table=named(each.table))
        names = enumerated(_(COLUMNS[name]) if name in COLUMNS else named(name) for name in each.columns)
        told.append(_("{name} ({note})").format(name=words, note=names) if names else words)
    return told
