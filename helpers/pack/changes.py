"""What changed since the last published pack: restated figures with their causes, definitions, rules, what is missing.

Only figures that both packs have are compared: of the same KPI, segment and period, of one unit and currency, and final
when they were published. What one of the two lacks is named.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cached_property
from itertools import zip_longest
from textwrap import wrap
from typing import Any

import pandas as pd

from helpers import results
from helpers.catalogue import CATALOGUE, ids_of, kpi
from helpers.data.knowledge import ON_PURPOSE
from helpers.data.prepared import Prepared
from helpers.display.context import Results
from helpers.display.data_page import NOT_COUNTED
from helpers.display.formats import MONEY, format_period, is_small
from helpers.display.plain_words import named, plain_value
from helpers.display.sentences import ended, listed, name_of
from helpers.errors import KitError
from helpers.kpis.rows import cards_of
from helpers.language import _, message, paragraph, plural, retold
from helpers.pack.archive import Published
from helpers.pack.causes import Causes, ChangedRows, alike
from helpers.pack.made_from import FOLDER, PREPARED, no_longer_kept, of_audience
from helpers.pack.request import PackRequest
from helpers.pack.verified import BY_OTHERS
from helpers.params import Rules
from helpers.results import KEY, grouped
from helpers.texts import begun, spoken

NO_FIGURE = ("not_provided", "refused")
NOT_FINAL = ("partial", "insufficient")  # where more may be known by a later day
SHOWN = 12  # restated KPIs on the pages
NAMED = 6  # KPIs or segments in a sentence
CONTEXT = 3  # lines around what differs in a text
WIDTH = 80  # characters in a line of a definition in words
COLUMNS = {
    message("KPI"): "string", message("Period"): "string", message("Published"): "number", message("Now"): "number",
    message("Difference"): "number", message("More periods"): "number", message("Cause"): "string",
}  # fmt: skip
SEEN_OTHERWISE = message(
    "Nothing was compared: what these readers see is chosen in another way than in the last published pack."
)


@dataclass(frozen=True)
class Restated:
    """A figure that was published and is another today; None where there was no figure, or is none.

    ``texts`` are the two as they are written, and their difference. ``size`` is the difference relative to what was
    published, of shares in points. ``rows`` are those that moved it, as far as they are known.
    """

    kpi_id: str
    name: str
    segment_by: str
    segment: str
    period: str
    unit: str
    then: float | None
    now: float | None
    texts: tuple[str, str, str]
    size: float
    is_material: bool
    cause: str
    rows: tuple[ChangedRows, ...] = ()


@dataclass(frozen=True)
class ChangedText:
    """A query, or a definition in words, as it was and as it is.

    ``name`` says what it is, ``of`` which KPIs stand on it. ``lines`` stand side by side: whether the two are the
    ``same`` or ``differ``, or a ``gap`` is left out, the line of then and that of now; one that is not there is None.
    """

    name: str
    of: str
    lines: Sequence[tuple[str, str | None, str | None]]


@dataclass(frozen=True)
class Compared:
    """What a pack was compared with, in a sentence, and what came of it.

    ``table`` are the restated figures that pages show, as a Table Schema resource, and ``restated`` all of them.
    ``told`` are sentences under headings.
    """

    sentence: str = message("Nothing was compared: no earlier pack is published yet.")
    table: Mapping[str, Any] | None = None
    restated: Sequence[Restated] = ()
    definitions: Sequence[ChangedText] = ()
    told: Mapping[str, Sequence[str]] = field(default_factory=dict)


def changes_since(
    published: Published | None,
    request: PackRequest,
    prepared: Prepared,
    found: Results,
    made_with: Mapping[str, str],
    audience: str = "",
) -> Compared:
    """What a pack is held against, and what differs.

    Args:
        published: the published pack; None if there is none.
        request: what this pack is made for.
        prepared: the tables that this pack is made from.
        found: the figures of this pack.
        made_with: the fingerprint of today's code, as ``code``, and the versions of the packages.
        audience: whose pack this is; it is held against what was published for the same readers.

    Raises:
        KitError: the published figures are not there.
    """
    if published is None:
        return Compared()
    figures, tables = published.folder / audience, of_audience(published.folder / FOLDER, audience) / PREPARED
    if not (figures / "results.csv").is_file():
        raise KitError(f"{figures / 'results.csv'} is not there; restore it, since this pack is compared with it")
    kept = Prepared.open(tables) if (tables / "prepared.json").is_file() else None
    if audience and (kept is None or kept.seen_under != prepared.seen_under):
        return Compared(SEEN_OTHERWISE)
    then = results.read_csv(str(figures / "results.csv"))
    return _Comparison(published, request, prepared, found, made_with, then, kept).compared()


@dataclass(frozen=True)
class _Comparison:
    """A published pack and this one.

    ``tables`` are those that the published one was made from; None where nothing is known of them. Their rows may be
    kept no more.
    """

    published: Published
    request: PackRequest
    prepared: Prepared
    found: Results
    made_with: Mapping[str, str]
    then: pd.DataFrame
    tables: Prepared | None

    def compared(self) -> Compared:
        """All that is told of the comparison."""
        restated = self._restated()
        material = [each for each in restated if each.is_material]
        found = {
            _("Rules and parameters that changed"): self._values(),
            _("No longer in the pack"): [*self._gone_kpis(), *self._lone("then")],
            _("New in the pack"): [*self._new_kpis(), *self._lone("now")],
            _("More rows left out"): list(self._left_out()),
        }
        return Compared(
            self._sentence(restated, material),
            self._table(material) if material else None,
            restated,
            list(self._texts()),
            {title: sentences for title, sentences in found.items() if sentences},
        )

    def _sentence(self, restated: Sequence[Restated], material: Sequence[Restated]) -> str:
        both, write, least = self._both, self.found.write, self.request.review.changes.material
        n, running, unlike = len(restated), int(both["was_running"].sum()), int(both["unlike"].sum())
        if not restated:
            told = _("none is restated")
        elif material:
            told = plural(
                "{n} is restated, by {share} or more (shares: {points}); the workbook has it",
                "{n} are restated, {material} of them by {share} or more (shares: {points}); the workbook has them all",
                n,
            )
        else:
            told = plural(
                "{n} is restated, by less than {share} (shares: {points}); the workbook has it",
                "{n} are restated, none of them by {share} or more (shares: {points}); the workbook has them all",
                n,
            )
        sizes = {"share": write.value(least, "share"), "points": write.gap(least, "share")}
        begin = _("Compared with the pack of {period} (v{version}): of {n} figures that both have, {told}.").format(
            period=format_period(self.published.label),
            version=self.published.version,
            n=self._count(len(self._pairs)),
            told=told.format(n=self._count(n), material=self._count(len(material)), **sizes),
        )
        not_final = plural("{n} more was not final then.", "{n} more were not final then.", running)
        other = plural(
            "{n} more was in another unit or currency.", "{n} more were in another unit or currency.", unlike
        )
        more = [told.format(n=self._count(n)) for told, n in ((not_final, running), (other, unlike)) if n]
        return paragraph(begin, *more)

    def _count(self, number: int) -> str:
        return self.found.write.value(number, "count")

    # --- figures ------------------------------------------------------------------------------------------------------

    @cached_property
    def _both(self) -> pd.DataFrame:
        """The figures that both packs have, side by side, each with what keeps it from being compared."""
        both = self.then.merge(self.found.frame, on=KEY, suffixes=("_then", "_now"))
        both = both[~both["status_then"].isin(NO_FIGURE) & ~both["status_now"].isin(NO_FIGURE)]
        other_currency = self.tables is not None and self.tables.currency != self.prepared.currency
        unlike = (both["unit_then"] != both["unit_now"]) | (both["unit_now"].isin(MONEY) & other_currency)
        was_running = both["status_then"].isin(NOT_FINAL) & (both["as_of_then"] != both["as_of_now"])
        return both.assign(unlike=unlike, was_running=was_running & ~unlike)

    @cached_property
    def _pairs(self) -> pd.DataFrame:
        """The figures that are compared."""
        return self._both[~self._both["unlike"] & ~self._both["was_running"]]

    @cached_property
    def _causes(self) -> Causes:
        as_of = zip(self._pairs["as_of_then"], self._pairs["as_of_now"], strict=True)
        is_gone = any(no_longer_kept(each.folder.parent) for each in (self.tables, self.prepared) if each)
        tables = None if is_gone else self.tables
        return Causes(self.published, self.request, self.prepared, tables, self.made_with, as_of)

    def _restated(self) -> list[Restated]:
        """The figures that differ: first totals, the review's own kind of period, and the scorecard; then by size."""
        told = [
            self._restatement(pair)
            for pair in self._pairs.to_dict("records")
            if not alike(pair["value_then"], pair["value_now"], pair["unit_now"])
        ]
        request, scorecard = self.request, {k for ids in self.request.review.scorecard.values() for k in ids}

        def place(each: Restated) -> tuple[bool, bool, bool, float]:
            is_other_kind = request.period.calendar.period(each.period).kind != request.period.kind
            return bool(each.segment_by), is_other_kind, each.kpi_id not in scorecard, -each.size

        return sorted(told, key=place)

    def _restatement(self, pair: Mapping[Any, Any]) -> Restated:
        then, now = (
            pd.Series({name: pair.get(name, pair.get(f"{name}_{side}")) for name in results.COLUMNS})
            for side in ("then", "now")
        )
        write, unit = self.found.write, now["unit"]
        change = "" if is_small(then) or is_small(now) else write.change(now["value"], then["value"], unit)
        texts = (write.result(then), write.result(now), change)
        cause, rows = self._causes.of(then, now)
        size = _size(then["value"], now["value"], unit)
        return Restated(
            now["kpi_id"], name_of(now), now["segment_by"], now["segment"], now["period"], unit,
            _number(then["value"]), _number(now["value"]), texts, size,
            size >= self.request.review.changes.material and texts[0] != texts[1], cause, rows,
        )  # fmt: skip

    def _table(self, material: Sequence[Restated]) -> dict[str, Any]:
        """One row per KPI and segment: the period in which it differs most."""
        once = grouped(((each.kpi_id, each.segment_by, each.segment), each) for each in material)
        rows = [self._table_row(found) for found in list(once.values())[:SHOWN]]
        few = _("{n} of {all} are shown.").format(n=len(rows), all=len(once))
        note = _(
            "Each KPI is told of the period in which it differs most; all restated figures stand in the workbook, with "
            "the keys of the rows that moved them. A figure counts what was known {when}, unless its cohort is "
            "followed on: rows that say that they were recorded later move none."
        ).format(when=self._when())
        return {
            "title": _("Restated figures"),
            "schema": {
                "fields": [
                    {"name": name, "title": _(name), "type": kind, "unit": "text"} for name, kind in COLUMNS.items()
                ]
            },
            "data": [dict(zip(COLUMNS, row, strict=True)) for row in rows],
            "note": paragraph(few if len(rows) < len(once) else "", note),
        }

    def _when(self) -> str:
        period = self.request.period
        late = (period.known_until - period.measured_on).days
        if late:
            told = plural("{n} day after its own period", "{n} days after its own period", late)
            return told.format(n=late)
        return _("after as many days of its own period") if period.is_partial else _("at the end of its own period")

    def _table_row(self, found: Sequence[Restated]) -> list[str]:
        first, more = found[0], self._count(len(found) - 1) if len(found) > 1 else ""
        period = format_period(first.period)
        return [first.name, period, *first.texts, more, ended(begun(first.cause))]

    # --- definitions and rules ----------------------------------------------------------------------------------------

    def _texts(self) -> Iterator[ChangedText]:
        """The definitions in words and the queries of this pack's KPIs that changed."""
        causes = self._causes
        for card, (text, text_now) in causes.changed_wordings.items():
            lines = side_by_side(wrap(text, WIDTH), wrap(text_now, WIDTH))
            yield ChangedText(_("the definition in words"), _labels(ids_of(card.__name__)), lines)
        cards = [card for theme in self.request.parameters for card in cards_of(theme)]
        under = {card.__name__: causes.relations_of(card) for card in cards}
        for name, relations in causes.changed_relations.items():
            ids = [kpi_id for card, names in under.items() if name in names for kpi_id in ids_of(card)]
            if ids:
                then, now = (each.query.splitlines() if each else [] for each in relations)
                query = _("the query of {name}").format(name=named(name))
                yield ChangedText(query, _labels(ids), side_by_side(then, now))

    def _values(self) -> list[str]:
        """What changed of the rules, and of the parameters of this pack's themes, which may measure others' KPIs."""
        told, request = _("{name}: {before} before, {now} now."), self.request
        themes = request.settled if {*BY_OTHERS} & {*request.parameters} else request.parameters
        seen = {*Rules.model_fields, *(name for given in themes.values() for name in given)}
        return [
            told.format(name=begun(named(name)), before=plain_value(was), now=plain_value(becomes))
            for name, (was, becomes) in self._causes.changed_values.items()
            if name in seen
        ]

    # --- what one of the two lacks ------------------------------------------------------------------------------------

    def _ids(self, frame: pd.DataFrame) -> list[str]:
        """The KPIs that have a figure."""
        return list(frame.loc[~frame["status"].isin(NO_FIGURE), "kpi_id"].unique())

    def _gone_kpis(self) -> list[str]:
        """The KPIs that had a figure and have none, by what they are now."""
        here, frame = set(self._ids(self.found.frame)), self.found.frame
        status = dict(zip(frame["kpi_id"], frame["status"], strict=True))
        gone: dict[str, list[str]] = {}
        for kpi_id in self._ids(self.then):
            if kpi_id not in here:
                is_run = kpi_id in CATALOGUE and kpi(kpi_id).theme in self.request.parameters
                word = status.get(kpi_id, "failed" if is_run else message("not among the themes of this pack"))
                gone.setdefault(word.replace("_", " "), []).append(kpi_id)
        told = _("{name}: {value}.")
        return [told.format(name=begun(_(word)), value=_labels(ids)) for word, ids in gone.items()]

    def _new_kpis(self) -> list[str]:
        there = set(self._ids(self.then))
        ids = [kpi_id for kpi_id in self._ids(self.found.frame) if kpi_id not in there]
        return [ended(_labels(ids))] if ids else []

    def _lone(self, side: str) -> list[str]:
        """The figures that only one side has, of KPIs that both have: of periods, and of segments by dimension."""
        frames = {"then": self.then, "now": self.found.frame}
        one, other = frames.pop(side), next(iter(frames.values()))
        mine, theirs = (frame[~frame["status"].isin(NO_FIGURE)] for frame in (one, other))
        found = mine[mine["kpi_id"].isin(theirs["kpi_id"])].merge(theirs[KEY], on=KEY, how="left", indicator=True)
        lone = found.loc[found["_merge"] == "left_only", KEY]
        # the other side tells something of the period, such as why it is refused; or other segments of the dimension
        totals = lone[lone["segment_by"] == ""].merge(other[["kpi_id", "period"]].drop_duplicates())
        segments = lone.merge(theirs.loc[theirs["segment_by"] != "", KEY].drop(columns="segment").drop_duplicates())
        told = [(_("In all"), list(map(format_period, totals["period"].unique())), totals)]
        told += [
            (begun(named(str(by))), [retold(spoken(each)) for each in rows["segment"].unique()], rows)
            for by, rows in segments.groupby("segment_by", sort=False)
        ]
        return [
            plural(
                "{name}: {names} ({n} figure of {kpis}).", "{name}: {names} ({n} figures of {kpis}).", len(rows)
            ).format(name=head, names=_listed(names), n=self._count(len(rows)), kpis=_labels(rows["kpi_id"].unique()))
            for head, names, rows in told
            if len(rows)
        ]

    def _left_out(self) -> Iterator[str]:
        """Where more was left out, by a tenth of a percent of the rows; not again what follows a customer or user."""
        then = self.tables.report.get("tables", {}) if self.tables else {}
        for table, told in self.prepared.report.get("tables", {}).items():
            if table not in then:
                continue
            before, of, of_before = _reasons(then[table]), _known(told), _known(then[table])
            for reason, rows in _reasons(told).items():
                was = before.get(reason, 0)
                grew = round(rows / max(of, 1), 3) > round(was / max(of_before, 1), 3)
                if rows > was and grew and f" {ON_PURPOSE} " not in reason:
                    count, count_of, count_was, count_of_was = map(self._count, (rows, of, was, of_before))
                    yield _("{name}: {n} of {of} rows, and {was} of {of_was} then: {reason}.").format(
                        name=begun(named(table)), n=count, of=count_of, was=count_was, of_was=count_of_was,
                        reason=retold(_(reason)),
                    )  # fmt: skip


def side_by_side(then: Sequence[str], now: Sequence[str]) -> list[tuple[str, str | None, str | None]]:
    """The lines of two texts beside each other, those that are the same only near to what differs.

    >>> side_by_side(["a", "b"], ["a", "c", "d"])
    [('same', 'a', 'a'), ('differ', 'b', 'c'), ('differ', None, 'd')]
    """
    found: list[tuple[str, str | None, str | None]] = []
    for group in SequenceMatcher(None, then, now, autojunk=False).get_grouped_opcodes(CONTEXT):
        if found:
            found.append(("gap", None, None))
        for tag, i1, i2, j1, j2 in group:
            kind = "same" if tag == "equal" else "differ"
            found += [(kind, *pair) for pair in zip_longest(then[i1:i2], now[j1:j2])]
    return found


def _size(then: float | None, now: float | None, unit: str) -> float:
    """How large a difference is: relative to what was published, of shares in points."""
    if pd.isna(then) or pd.isna(now):
        return math.inf
    gap = abs(now - then)
    return gap if unit == "share" else gap / abs(then) if then else math.inf


def _number(value: float | None) -> float | None:
    return None if pd.isna(value) else float(value)


def _known(told: Mapping[str, Any]) -> int:
    """The rows of a table that are known."""
    return int(told["read"] - told["not_yet_known"])


def _reasons(told: Mapping[str, Any]) -> dict[str, int]:
    """How many rows of a table were left out, by reason; what is not known yet, or an older version, is not missing."""
    counted = {NOT_COUNTED[key]: told[key] for key in ("empty_key", "byte_equal")}
    return counted | {reason: found["rows"] for reason, found in told["excluded"].items()}


def _labels(kpi_ids: Iterable[str]) -> str:
    """KPIs by name; one that the kit does not know any more by its id."""
    return _listed(kpi(each).label if each in CATALOGUE else named(each) for each in kpi_ids)


def _listed(words: Iterable[str]) -> str:
    """The first few of some names."""
    found = list(dict.fromkeys(map(str, words)))
    more = len(found) - NAMED
    return listed(found if more < 2 else [*found[:NAMED], _("{n} more").format(n=more)])
