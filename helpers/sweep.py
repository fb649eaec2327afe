"""A theme under several values of a parameter or of a rule, side by side: what its KPIs would say, defined otherwise.

The source is prepared once. Each value, or each pair of two parameters' values, is a review of its own over it, as
``build --set`` makes it. Of its period those cards are run that follow a parameter; no kernel is started.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from helpers import results
from helpers.catalogue import CATALOGUE, THEMES, ids_of, kpi, theme_title
from helpers.data.cache import prepared_for
from helpers.data.prepared import Prepared
from helpers.display.context import Context, Results
from helpers.display.formats import MONEY, NOTHING, is_small, no_change, unit_note
from helpers.display.sentences import cautions
from helpers.display.shown_tables import table_from_resource
from helpers.errors import KitError, nearest, refuse
from helpers.kpis.rows import Card, cards_of, run, words_of
from helpers.kpis.spine import Spine, read_relations
from helpers.notebook_parameters import ThemeParameters, theme_parameters
from helpers.pack.request import BuildRequest
from helpers.params import Review, Rules
from helpers.review import FOLLOWED_BY_ALL, OpenReview, rules_of
from helpers.texts import begun, in_words

if TYPE_CHECKING:
    from helpers.display.charts import Chart

MOST = 2  # parameters: a line of variants, or a grid
FORM = "NAME=VALUE,VALUE or rules.NAME=VALUE,VALUE"
# The values of a text, each before its comma; commas within quotes and brackets part none.
VALUES = re.compile(r"""((?:"[^"]*"|'[^']*'|\[[^\]]*\]|\{[^}]*\}|[^,])*),""")
At = tuple[int, ...]  # a variant: the place of its value among those of each axis


@dataclass(frozen=True)
class Tried:
    """A parameter of a theme, or a rule, and the values to try; ``place`` is the theme, or ``rules``."""

    place: str
    name: str
    values: Sequence[Any]


def read_tried(theme: str, texts: Sequence[str], notebooks: Path) -> list[Tried]:
    """What ``-p`` asks for: texts such as ``window_days=7,28``, each value read as ``--set`` reads one.

    A name is that of a parameter of the theme's notebook, else that of a rule.

    Raises:
        KitError: with every text that has not its form, every name that is not known, and every value that is not of
            its type or is given twice.
    """
    faults = [] if theme in THEMES else [f"{theme} is not a theme{nearest(theme, THEMES)}"]
    if len(texts) > MOST:
        faults.append(f"-p is given {len(texts)} times; a sweep is of one parameter, or of two as a grid")
    read = partial(theme_parameters, {theme: {}} if theme in THEMES else {}, notebooks, file=notebooks, option="-p")
    found: list[Tried] = []
    for text in texts:
        try:
            found.append(_read(text, theme, read))
        except KitError as error:
            faults += error.faults
    names = [f"{each.place}.{each.name}" for each in found]
    faults += [f"-p {name} is given twice; write all its values behind one" for name in names if names.count(name) > 1]
    refuse(dict.fromkeys(faults))
    return found


def _read(text: str, theme: str, read: Callable[..., ThemeParameters]) -> Tried:
    match = re.fullmatch(r"(?:(\w+)\.)?(\w+)=(.+)", text, re.DOTALL)
    if not match:
        raise KitError(f"-p {text}: must be {FORM}")
    name, own = match[2], read().asked.get(theme, {})
    pieces = [piece.strip() for piece in VALUES.findall(f"{match[3]},")]
    place = match[1] or (theme if name in own else "rules")
    if not match[1] and name not in {*own, *Rules.model_fields}:
        known = nearest(name, {*own, *Rules.model_fields})
        raise KitError(*([f"-p {name} is neither a parameter of {theme} nor a rule{known}"] if theme in THEMES else []))
    values: list[Any] = []
    faults = [f"-p {text}: a value is empty; write '' for an empty text"] if "" in pieces else []
    for piece in filter(None, pieces):
        try:
            given = read(sets=[f"{place}.{name}={piece}"])
        except KitError as error:
            faults += error.faults
            continue
        value = (given.rules if place == "rules" else given.asked[theme])[name]
        if value in values:
            faults.append(f"-p {text}: {in_words(value)} is given twice")
        values.append(value)
    refuse(faults)
    return Tried(place, name, values)


@dataclass(frozen=True)
class Axis:
    """What is tried, with the review's own value among the ``values``, at ``own``; ``said_by`` is where that stands."""

    name: str
    place: str
    values: Sequence[Any]
    own: int
    said_by: str

    @property
    def heads(self) -> list[str]:
        """The values as columns are headed, the review's own marked."""
        words = [in_words(value) for value in self.values]
        return [f"{each} ({self.said_by})" if at == self.own else each for at, each in enumerate(words)]


def axis_of(order: BuildRequest, theme: str, tried: Tried) -> Axis:
    """What is tried, and the value that the review gives, or else the default: the first, where it is not tried too."""
    review, is_rule = order.review, tried.place == "rules"
    written = review.rules.model_fields_set if is_rule else review.themes.get(theme, {})
    own = getattr(review.rules, tried.name) if is_rule else order.settled[theme][tried.name]
    values = tried.values if own in tried.values else [own, *tried.values]
    said_by = review.path.name if tried.name in written else "default"
    return Axis(tried.name, tried.place, values, values.index(own), said_by)


def sweep_theme(order: BuildRequest, theme: str, axes: Sequence[Axis], say: Callable[[str], None]) -> Swept:
    """The KPIs of a theme for the order's period, under every value that is tried and under the review's own.

    ``say`` hears of each step as it is done: ``prepare``, and each variant.

    Raises:
        KitError: nothing but the review's own value is tried, or no KPI of the theme follows a parameter; and what is
            wrong with the source and its rows.
    """
    reviews = {at: _review(order, theme, axes, at) for at in product(*(range(len(axis.values)) for axis in axes))}
    cards = _following(order, theme, axes, list(reviews.values()))
    prepared = prepared_for(order.source, order.period, order.review.reporting_currency(order.source))
    say("prepare")
    own = tuple(axis.own for axis in axes)
    spine = Spine(prepared, order.period, rules_of(reviews[own]), [order.period], reviews[own])
    rows: dict[At, list[results.Row]] = {at: [] for at in reviews}
    stopped: dict[At, dict[str, str]] = {at: {} for at in reviews}
    for at in sorted(reviews, key=lambda at: at != own):  # the review's own first: others share what it makes
        asked = spine if at == own else spine.under(rules_of(reviews[at]))
        for card in cards:
            try:
                rows[at] += run(card, asked)
            except KitError as error:
                stopped[at][card.__name__] = " ".join(error.faults)
            except Exception as error:
                stopped[at][card.__name__] = f"{type(error).__name__}: {' '.join(str(error).split())}"
        say(", ".join(axis.heads[i] for axis, i in zip(axes, at, strict=True)))
    context = OpenReview(order.period, order.review, prepared).context
    totals: dict[At, dict[str, pd.Series]] = {}
    for at, found in rows.items():
        told = [row for row in found if row.period == order.period and not row.segment_by]
        totals[at] = {str(row["kpi_id"]): row for _, row in results.frame(told).iterrows()}
    return Swept(theme, axes, [card.__name__ for card in cards], context, totals, stopped, prepared, reviews)


def _review(order: BuildRequest, theme: str, axes: Iterable[Axis], at: At) -> Review:
    """The review under the values of a variant."""
    given = {(axis.place == "rules", axis.name): axis.values[i] for axis, i in zip(axes, at, strict=True)}
    rules, own = ({name: value for (of, name), value in given.items() if of is is_rule} for is_rule in (True, False))
    themes = {**order.settled, theme: {**order.settled[theme], **own}}
    return order.review.with_rules(rules).model_copy(update={"themes": themes})


def _following(order: BuildRequest, theme: str, axes: Iterable[Axis], reviews: Iterable[Review]) -> list[Card]:
    """The cards of the theme that follow what is tried, under any of its values.

    Raises:
        KitError: a sweep of this would show nothing.
    """
    relations = [read_relations(rules_of(review), made_from=order.source.made_from) for review in reviews]

    def followers(name: str, of: str) -> list[Card]:
        by_all = name in FOLLOWED_BY_ALL
        return [card for card in cards_of(of) if by_all or any(name in words_of(card, each) for each in relations)]

    faults, found = [], set()
    for axis in axes:
        if len(axis.values) < 2:
            faults.append(f"-p {axis.name}={in_words(axis.values[0])} is the review's own value; give others to try")
        elif following := followers(axis.name, theme):
            found |= {card.__name__ for card in following}
        else:
            others = ", ".join(of for of in THEMES if followers(axis.name, of))
            faults.append(f"-p {axis.name}: no KPI of {theme} follows it" + (f"; sweep one of {others}" * bool(others)))
    refuse(faults)
    return [card for card in cards_of(theme) if card.__name__ in found]


@dataclass(frozen=True)
class Swept:
    """What a sweep found: by variant the row of each KPI, and by card why it stopped, where it did.

    ``reviews`` are the review under the values of each variant, over what was ``prepared``.
    """

    theme: str
    axes: Sequence[Axis]
    cards: Sequence[str]
    context: Context
    rows: Mapping[At, Mapping[str, pd.Series]]
    stopped: Mapping[At, Mapping[str, str]]
    prepared: Prepared
    reviews: Mapping[At, Review]

    @property
    def is_whole(self) -> bool:
        """Whether no card stopped."""
        return not any(self.stopped.values())

    @cached_property
    def kpi_ids(self) -> list[str]:
        """The KPIs that are shown: in a grid the headlines of the theme, where it has any here."""
        has_total = {kpi_id for found in self.rows.values() for kpi_id in found}
        lost = {kpi_id for found in self.stopped.values() for card in found for kpi_id in ids_of(card)}
        found = [kpi_id for card in self.cards for kpi_id in ids_of(card) if kpi_id in has_total | lost]
        headlines = [kpi_id for kpi_id in found if kpi(kpi_id).headline]
        return headlines if headlines and len(self.axes) > 1 else found

    def told(self) -> list[dict[str, Any]]:
        """The report, for :func:`helpers.display.shown_tables.print_report`."""
        tables = [self._line()] if len(self.axes) == 1 else self._grids()
        sentences = {
            "What must be known of these figures": self._cautions(),
            "What is not shown": self._not_shown(),
            "What stopped": [
                f"{self.theme}.{card} stopped under {self._words([at])}: {why}"
                for at, found in self.stopped.items()
                for card, why in found.items()
            ],
        }
        return [*tables, *({"title": title, "sentences": found} for title, found in sentences.items() if found)]

    def page(self) -> list[dict[str, Any]]:
        """The report for :func:`helpers.pack.render.render_report`: a line has charts, of headlines where any differ.

        Nothing is drawn where the review's own value gives no figure to hold the others against.
        """
        known = [
            kpi_id for kpi_id in self.kpi_ids if len(self.axes) == 1 and self._value(kpi_id, self._own) is not None
        ]
        differing = [kpi_id for kpi_id in known if self._differs(kpi_id)]
        charts = [self._chart(kpi_id) for kpi_id in differing if kpi(kpi_id).headline]
        drawn = [page_part(chart) for chart in charts or map(self._chart, differing) if chart.svg]
        table, *rest = self.told()
        return [table, {"title": "Side by side", "charts": drawn}, *rest] if drawn else [table, *rest]

    @property
    def _own(self) -> At:
        return tuple(axis.own for axis in self.axes)

    def _line(self) -> dict[str, Any]:
        """One parameter: a row per KPI, a column per value."""
        (axis,) = self.axes
        title = f"{theme_title(self.theme)} under {axis.name}"
        return self._table(title, "KPI", axis.heads, {_named(k): [(k, at) for at in self.rows] for k in self.kpi_ids})

    def _grids(self) -> list[dict[str, Any]]:
        """Two parameters: a grid of each KPI that differs; the others, each with its one figure."""
        same = [f"{kpi(k).label} {self._cell(k, self._own)}" for k in self.kpi_ids if not self._differs(k)]
        grids = [self._grid(kpi_id) for kpi_id in self.kpi_ids if self._differs(kpi_id)]
        title = f"{theme_title(self.theme)}: the same under every pair of values"
        return [*grids, *([{"title": title, "sentences": same}] if same else [])]

    def _grid(self, kpi_id: str) -> dict[str, Any]:
        """Of one KPI a row per value of the first parameter, a column per value of the second."""
        first, second = self.axes
        lines = {head: [(kpi_id, (i, j)) for j in range(len(second.values))] for i, head in enumerate(first.heads)}
        return self._table(_named(kpi_id), first.name, [f"{second.name} {head}" for head in second.heads], lines)

    def _table(
        self, title: str, corner: str, heads: Sequence[str], lines: Mapping[str, Sequence[tuple[str, At]]]
    ) -> dict[str, Any]:
        own = self._words([self._own])
        shown = {
            "title": title,
            "columns": [{"label": corner, "align": "left"}, *({"label": head, "align": "right"} for head in heads)],
            "rows": [[name, *(self._cell(*each) for each in cells)] for name, cells in lines.items()],
            "values": [[name, *(self._value(*each) for each in cells)] for name, cells in lines.items()],
            "group": None,
            "note": f"In brackets: the change against {own}, where the two differ and compare." if lines else "",
            "empty": "" if lines else "No KPI that follows it has a figure in total.",
        }
        return {"title": title, "table": shown}

    def _value(self, kpi_id: str, at: At) -> float | None:
        row = self.rows[at].get(kpi_id)
        return None if row is None or pd.isna(row["value"]) else float(row["value"])

    def _cell(self, kpi_id: str, at: At) -> str:
        """A figure as the pack writes it, its status where it is not final, and the change against the review's own."""
        row, own = self.rows[at].get(kpi_id), self.rows[self._own].get(kpi_id)
        if row is None:
            return "stopped" if kpi(kpi_id).card in self.stopped[at] else NOTHING
        text = self.context.write.result(row)
        status = {"ok": "", "partial": "to date"}.get(row["status"], row["status"].replace("_", " "))
        if text == NOTHING:
            return status or text
        return " ".join(filter(None, [text, status, self._change(row, own)]))

    def _change(self, row: pd.Series, own: pd.Series | None) -> str:
        """The change in brackets, of money in percent where that can be; empty where the two may not be compared."""
        if own is None or own["status"] != row["status"] or is_small(own) or is_small(row):
            return ""
        value, before, unit = row["value"], own["value"], row["unit"]
        if pd.isna(value) or pd.isna(before):
            return ""
        relative = self.context.write.relative_change(value, before) if unit in MONEY else ""
        change = relative or self.context.write.change(value, before, unit)
        return "" if change == no_change() else f"({change})"

    def _differs(self, kpi_id: str) -> bool:
        return len({self._cell(kpi_id, at) for at in self.rows}) > 1

    def _chart(self, kpi_id: str) -> Chart:
        from helpers.display.charts import variants  # matplotlib takes its time, and only pages have charts

        (axis,) = self.axes
        rows = {axis.heads[at[0]]: found[kpi_id] for at, found in self.rows.items() if kpi_id in found}
        frame = pd.DataFrame(list(rows.values())).assign(segment=list(rows))
        return variants(Results(frame, self.context), axis.name, axis.heads[axis.own])

    def _cautions(self) -> list[str]:
        """What the figures warn of, each text once, with the KPIs and the values that it is told of."""
        found: dict[str, dict[str, list[At]]] = {}
        for at, rows in self.rows.items():
            for kpi_id in filter(rows.__contains__, self.kpi_ids):
                for text in cautions(rows[kpi_id]):
                    found.setdefault(text, {}).setdefault(kpi_id, []).append(at)
        told = []
        for text, by_kpi in found.items():
            alike: dict[tuple[At, ...], list[str]] = {}
            for kpi_id, ats in by_kpi.items():
                alike.setdefault(tuple(ats), []).append(kpi_id)
            for places, kpi_ids in alike.items():
                of = "every KPI" if kpi_ids == self.kpi_ids else "; ".join(kpi(kpi_id).label for kpi_id in kpi_ids)
                told.append(f"{begun(text)} ({of}, under {self._words(places)}).")
        return told

    def _not_shown(self) -> list[str]:
        """The KPIs of the theme that no table here has, and why."""
        shown, cards = {*self.kpi_ids}, {*self.cards}
        total = {kpi_id for found in self.rows.values() for kpi_id in found} | shown
        of_theme = [each for each in CATALOGUE.values() if each.theme == self.theme and each.kpi_id not in shown]
        names = " and ".join(axis.name for axis in self.axes)
        reasons = {
            "Not among the headlines, which alone a grid shows": [
                each.label for each in of_theme if each.card in cards and each.kpi_id in total
            ],
            "Without a figure in total": [
                each.label for each in of_theme if each.card in cards and each.kpi_id not in total
            ],
            f"The same under every value, since they do not follow {names}": [
                each.label for each in of_theme if each.card not in cards
            ],
        }
        return [f"{reason}: {'; '.join(labels)}." for reason, labels in reasons.items() if labels]

    def _words(self, ats: Sequence[At]) -> str:
        """Some variants as a sentence names them."""
        if len(ats) == len(self.rows):
            return "every value"
        if len(self.axes) == 1:
            (axis,) = self.axes
            return f"{axis.name} {', '.join(axis.heads[i] for (i,) in ats)}"
        pairs = [zip(self.axes, at, strict=True) for at in ats]
        return "; ".join(" with ".join(f"{axis.name} {axis.heads[i]}" for axis, i in pair) for pair in pairs)


def page_part(chart: Chart) -> dict[str, Any]:
    """A chart as pages show it."""
    words = {"title": chart.title, "sentence": chart.sentence, "alt": chart.sentence, "svg": chart.svg}
    return {**words, "table": table_from_resource({**chart.table.resource(), "title": ""})}


def _named(kpi_id: str) -> str:
    """A KPI with the unit that its figures do not show."""
    return ", ".join(filter(None, [kpi(kpi_id).label, unit_note(kpi(kpi_id).unit)]))
