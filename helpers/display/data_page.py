"""The data report as tables: what was read and used, what was left out and why, which KPIs it feeds, what is missing.

``check`` prints it and the pack's appendix shows it. It is made of what ``prepare`` counted (``Prepared.report``), and
of what the cards asked of the source while they were computed (``Results.asked``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from helpers.catalogue import CATALOGUE, kpi, theme_title
from helpers.data.canonical_tables import TABLES
from helpers.display.context import Results, warnings_of
from helpers.display.formats import NOTHING, format_day
from helpers.display.plain_words import named
from helpers.display.shown_tables import Table
from helpers.language import _, enumerated, in_force, message, plural, retold
from helpers.results import NOT_PROVIDED, Column, Listing, grouped
from helpers.texts import begun

NOT_COUNTED = {
    "empty_key": message("a column of its key is empty"),
    "not_yet_known": message("not yet known on the last day"),
    "byte_equal": message("equal to another row in every column"),
    "other_versions": message("an older version of a row"),
}
FEEDS = message("What each table feeds")  # the title of that table
STATUSES = {
    "ok": message("{n} ok"), "partial": message("{n} partial"), "undefined": message("{n} undefined"),
    "insufficient": message("{n} insufficient"), "not_provided": message("{n} not provided"),
    "refused": message("{n} refused"),
}  # fmt: skip
NAMED = 6  # so many KPIs are named before "and 3 more"
LONGEST = 40  # characters of a key shown as an example


@dataclass(frozen=True)
class DataPage:
    """The data report of a review.

    ``report`` is that of the prepared folder; ``results`` has a row per KPI for the review period, and what the cards
    asked for.
    """

    report: Mapping[str, Any]
    results: Results

    def tables(self, *, examples: bool = False) -> list[Table]:
        """The tables of the page; with ``examples``, the first keys of the rows left out are among them."""
        early = [self._too_early()] if self.report["order"] else []
        spelt = [self._spelt()] if self.report["spelt"] else []
        found = [self._read(), *spelt, self._left_out(examples), *early, self._feeds(), self._missing()]
        return [Table(listing, self.results.context) for listing in found]

    def cards(self, title: str, themes: Collection[str]) -> Table:
        """One row per card of these themes: the tables that it reads, and how its KPIs stand."""
        asked = {card: asked for card, asked in self.results.asked.items() if card.partition(".")[0] in themes}
        rows = []
        for card, read in asked.items():
            statuses = Counter(self._now[kpi_id]["status"] for kpi_id in self._ids(card))
            stand = _(", ").join(_(STATUSES[status]).format(n=count) for status, count in statuses.items())
            lacks = {self._missing_part(what) for what in (*read.needed, *read.missed)}
            lacks |= {self.lacks[kpi_id] for kpi_id in self._ids(card) if kpi_id in self.lacks}
            lists = (read.tables, sorted(lacks, key=_place))
            rows.append([*card.split("."), stand, *(enumerated(map(_said, names)) or NOTHING for names in lists)])
        columns = dict.fromkeys([_("Theme"), _("Card"), _("KPIs"), _("Reads"), _("Not provided")], "text")
        return Table(_listing(title, columns, rows, empty=_("No card.")), self.results.context)

    @property
    def warnings(self) -> list[str]:
        """What a reader must know before trusting a figure, in sentences."""
        write, words, counted = self.results.write, _("{name}: {value}."), _("{name}: {n} of {of}.")
        return [
            *map(retold, self.report.get("redacted", [])),
            *(
                words.format(name=_said(name), value=retold(text))
                for name, told in self._tables.items()
                for text in told["warnings"]
            ),
            *(
                counted.format(
                    name=begun(retold(check["what"])),
                    n=write.value(check["rows"], "count"),
                    of=write.value(check["of"], "count"),
                )
                for check in self.report["order"]
                if check["warning"]
            ),
        ]

    @property
    def refused(self) -> list[str]:
        """One sentence per reason for which KPIs are refused."""
        refused = [(kpi_id, row) for kpi_id, row in self._now.items() if row["status"] == "refused"]
        reasons = grouped((_("; ").join(map(retold, warnings_of(row))), kpi(k).label) for k, row in refused)
        told = _("{names}: {reason}.")
        return [told.format(names=_("; ").join(labels), reason=reason) for reason, labels in reasons.items()]

    @property
    def lacking(self) -> list[str]:
        """One sentence per theme of which KPIs are not provided."""
        ids = {theme: [k for k in self._now if kpi(k).theme == theme] for theme in self.results.themes()}
        lacks = {theme: [self.lacks[k] for k in found if k in self.lacks] for theme, found in ids.items()}
        told = _("{theme}: of {n} KPIs, {lacking} not provided ({what}).")
        return [
            told.format(
                theme=theme_title(theme),
                n=len(ids[theme]),
                lacking=len(found),
                what=enumerated(map(_said, dict.fromkeys(found))),
            )
            for theme, found in lacks.items()
            if found
        ]

    @property
    def statuses(self) -> dict[str, str]:
        """The status of each KPI for the review period."""
        return {kpi_id: str(row["status"]) for kpi_id, row in self._now.items()}

    @property
    def _tables(self) -> dict[str, Mapping[str, Any]]:
        """What became of each table's rows, in the order of the tables."""
        return {name: self.report["tables"][name] for name in TABLES if name in self.report["tables"]}

    @cached_property
    def _now(self) -> dict[str, pd.Series]:
        """The row of each KPI for the review period: its total, or its first segment where it has no total."""
        frame = self.results.frame
        rows = frame[frame["period"] == self.results.period.label].sort_values("segment_by", kind="stable")
        return {row["kpi_id"]: row for _i, row in rows.drop_duplicates("kpi_id").sort_index().iterrows()}

    @cached_property
    def lacks(self) -> dict[str, str]:
        """The table or column that each KPI lacks which is not provided."""
        rows = {kpi_id: row for kpi_id, row in self._now.items() if row["status"] == "not_provided"}
        return {
            kpi_id: self._missing_part("; ".join(warnings_of(row)).removeprefix(NOT_PROVIDED.format(reason="")))
            for kpi_id, row in rows.items()
        }

    def _missing_part(self, what: str) -> str:
        """A column of a table that is not there lacks the table."""
        name = what.partition(".")[0]
        return name if name in self.report["not_provided"] else what

    def _read(self) -> Listing:
        columns = {
            _("Table"): "text", _("Rows read"): "count", _("Used"): "count", _("Left out"): "count",
            _("First row"): "date", _("Last row"): "date", _("Days old"): "days",
        }  # fmt: skip
        last = self.results.period.measured_on
        rows = [
            [_said(name), t["read"], t["clean"], t["read"] - t["clean"], t["earliest"], t["latest"], t["days_old"]]
            for name, t in self._tables.items()
        ]
        shown = format_day(last)
        note = _("Days old: to {day}, the last day that the figures count, from a table's last row by then.")
        note, empty = note.format(day=shown), _("No table is provided.")
        return _listing(_("What was read"), columns, rows, empty=empty, note=note)

    def _left_out(self, examples: bool) -> Listing:
        rows = []
        for name, told in self._tables.items():
            rows += [[_said(name), _(words), told[key], ""] for key, words in NOT_COUNTED.items() if told[key]]
            for reason, found in told["excluded"].items():
                keys = [key if len(key) <= LONGEST else f"{key[: LONGEST - 1]}…" for key in found["examples"]]
                rows.append([_said(name), retold(reason), found["rows"], "; ".join(keys)])
        columns = {_("Table"): "text", _("Why"): "text", _("Rows"): "count"}
        columns |= {_("For example"): "text"} if examples else {}
        rows = [row[: len(columns)] for row in rows]
        return _listing(_("What was left out, and why"), columns, rows, empty=_("No row was left out."))

    def _spelt(self) -> Listing:
        rows = [[_said(f"{each['table']}.{each['column']}"), each["found"], each["taken_as"], each["rows"]]
                for each in self.report["spelt"]]  # fmt: skip
        columns = {_("Column"): "text", _("As it stands"): "text", _("Taken as"): "text", _("Rows"): "count"}
        return _listing(_("What was taken otherwise than it stands"), columns, rows)

    def _too_early(self) -> Listing:
        rows = [
            [begun(retold(each["what"])), each["rows"], each["of"], each["rows"] / each["of"] if each["of"] else None]
            for each in self.report["order"]
        ]
        columns = {_("What comes too early"): "text", _("Rows"): "count", _("Of"): "count", _("Share"): "share"}
        note = _("Such rows are counted here, and kept.")
        return _listing(_("What comes before its time"), columns, rows, note=note)

    def _feeds(self) -> Listing:
        rows = []
        for name in self._tables:
            askers = [asker for asker, asked in self.results.asked.items() if name in asked.tables]
            rows.append([_said(name), self._names_of(askers) or _("No KPI of this review")])
        columns = {_("Table"): "text", _("Feeds"): "text"}
        return _listing(_(FEEDS), columns, rows, empty=_("No table is provided."))

    def _missing(self) -> Listing:
        """Per table or column that is not there, the KPIs that need it and those that do without."""
        needed = grouped((what, kpi_id) for kpi_id, what in self.lacks.items())
        missed: dict[str, list[str]] = {}
        for asker, asked in self.results.asked.items():
            lost = {self.lacks[kpi_id] for kpi_id in self._ids(asker) if kpi_id in self.lacks}
            for what in {self._missing_part(what) for what in asked.missed} - lost:
                missed.setdefault(what, []).append(asker)
        rows = [
            [_said(what), _labels(needed.get(what, [])) or NOTHING, self._names_of(missed.get(what, [])) or NOTHING]
            for what in sorted({*needed, *missed}, key=_place)
        ]
        columns = dict.fromkeys([_("Not provided"), _("Needed by"), _("Done without by")], "text")
        idle = enumerated(_said(name) for name in self.report["not_provided"] if name not in {*needed, *missed})
        note = _("Not provided either, and asked for by no KPI of this review: {tables}.").format(tables=idle)
        empty = _("Whatever the KPIs asked for is provided.")
        return _listing(_("What is missing"), columns, rows, empty=empty, note=note if idle else "")

    def _ids(self, asker: str) -> list[str]:
        """The KPIs computed of a theme, or of a card."""
        theme, _dot, card = asker.partition(".")
        return [k for k in self._now if kpi(k).theme == theme and card in ("", kpi(k).card)]

    def _names_of(self, askers: Sequence[str]) -> str:
        """Themes by their names, cards by those of their KPIs that are provided."""
        themes = [theme_title(asker) for asker in askers if "." not in asker]
        ids = [k for asker in askers if "." in asker for k in self._ids(asker) if k not in self.lacks]
        return _("; ").join([*themes, *filter(None, [_labels(ids)])])


def held_by_theme(*pages: DataPage) -> Table:
    """One row per theme: how many of its KPIs have a figure, and what the others lack."""
    rows = []
    for page in pages:
        for theme in page.results.themes():
            ids = [kpi_id for kpi_id in page.statuses if kpi(kpi_id).theme == theme]
            have = [kpi_id for kpi_id in ids if page.statuses[kpi_id] in ("ok", "partial")]
            lacks = dict.fromkeys(sorted((page.lacks[k] for k in ids if k in page.lacks), key=_place))
            rows.append([theme_title(theme), len(have), len(ids), enumerated(map(_said, lacks)) or NOTHING])
    columns = {_("Theme"): "text", _("KPIs with a figure"): "count", _("Of"): "count", _("Not provided"): "text"}
    return Table(_listing(_("What a pack would hold"), columns, rows, empty=_("No theme.")), pages[0].results.context)


def most_waited_for(*pages: DataPage) -> str:
    """The table or the column that the most KPIs wait for, in a sentence; nothing where none does."""
    waiting = grouped((what, kpi_id) for page in pages for kpi_id, what in page.lacks.items())
    if not waiting:
        return ""
    what, ids = max(waiting.items(), key=lambda item: len(item[1]))
    told = plural("{what}: {n} KPI waits for it ({names}).", "{what}: {n} KPIs wait for it ({names}).", len(ids))
    return told.format(what=_said(what), n=len(ids), names=_labels(ids))


def _listing(
    title: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]], *, empty: str = "", note: str = ""
) -> Listing:
    """A listing under headings that each have a unit."""
    frame = pd.DataFrame(list(rows), columns=list(columns), dtype=object)
    return Listing(title, frame, {label: Column(label, unit) for label, unit in columns.items()}, empty, note=note)


def _labels(kpi_ids: Iterable[str]) -> str:
    """KPIs by name, those of the scorecard first.

    >>> _labels(["arpa", "mrr"])
    'Monthly recurring revenue (MRR); Average revenue per account (ARPA)'
    """
    found = set(kpi_ids)
    in_order = sorted((row for row in CATALOGUE.values() if row.kpi_id in found), key=lambda row: not row.headline)
    labels = [row.label for row in in_order]
    more = len(labels) - NAMED
    if more < 2:
        return _("; ").join(labels)
    return _("{names}; and {n} more").format(names=_("; ").join(labels[:NAMED]), n=more)


def _said(what: str) -> str:
    """A table or a column in words of the language in force; in English by its name, as a source file writes it.

    >>> _said("fx_rates"), _said("deals.source")
    ('fx_rates', 'deals.source')
    """
    if in_force() == "en" or _place(what)[0] == len(TABLES):
        return retold(what)
    table, _dot, column = what.partition(".")
    return _("“{name}” of {table}").format(name=named(column), table=named(table)) if column else named(table)


def _place(what: str) -> tuple[int, int, str]:
    """Where a table or a column stands in the order of the tables; what is neither comes last."""
    name, _dot, column = what.partition(".")
    if name not in TABLES:
        return len(TABLES), 0, what
    columns = TABLES[name].names
    return list(TABLES).index(name), columns.index(column) + 1 if column in columns else 0, what
