"""What every display reads: the long results table, and the review that it belongs to."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import pandas as pd

from helpers.catalogue import CATALOGUE, THEMES
from helpers.display.formats import Writer, format_period, is_small
from helpers.display.palette import ink
from helpers.language import _
from helpers.periods import Period
from helpers.registries import Baseline, Peers
from helpers.results import COLUMNS, NUMBERS, Asked, as_json, records, rows_of, segment_of, split_address

Series = Literal["quarter", "month", "week"]
YEAR = {"quarter": 4, "month": 12, "week": 52}  # periods in a year
MIME_TABLE = "application/vnd.dataresource+json"


@dataclass(frozen=True)
class Context:
    """What is known of the review besides its numbers.

    ``plans`` holds the targets of all periods, by ``kpi_id`` or ``kpi_id[segment]`` and by the period's label.
    ``colour`` is the brand's, as ``#rrggbb``; charts use it where it is dark enough to be read. ``baselines`` are those
    that the review fixes, by KPI, in the order of time; ``scorecard`` names the KPIs of the scorecard, by group;
    ``peers`` holds what other companies have, by KPI.
    """

    period: Period
    currency: str
    colour: str = "#1f3a5f"
    baselines: Mapping[str, Sequence[Baseline]] = field(default_factory=dict)
    scorecard: Mapping[str, Sequence[str]] = field(default_factory=dict)
    plans: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    peers: Mapping[str, Peers] = field(default_factory=dict)

    @property
    def targets(self) -> dict[str, float]:
        """The targets of the review period, by ``kpi_id`` or ``kpi_id[segment]``."""
        label = self.period.label
        return {address: plan[label] for address, plan in self.plans.items() if label in plan}

    @property
    def write(self) -> Writer:
        """What writes the review's values."""
        return Writer(self.currency)

    @property
    def ink(self) -> str:
        """The colour of actual values in charts."""
        return ink(self.colour)


@dataclass(frozen=True)
class Results:
    """The figures of one theme, or of all: the review period, earlier quarters and months, segments.

    A ``segment`` is named as in targets and commentary: by its value, or by its dimension and value; empty, it is the
    total (:func:`helpers.results.rows_of`).

    Displayed, it is the output of the cell tagged ``results``, which everything after the notebook reads.
    ``asked`` says what each theme (``new_revenue``) or card (``new_revenue.revenue_growth``) asked of the source;
    ``given`` holds the queries of rows that stand in no table, by name, for whoever shows the queries of cards.
    """

    frame: pd.DataFrame
    context: Context
    asked: Mapping[str, Asked] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)

    @property
    def period(self) -> Period:
        return self.context.period

    @property
    def write(self) -> Writer:
        return self.context.write

    def now(self, kpi_id: str, segment: str = "") -> pd.Series | None:
        """The row of the review period, or None if the KPI was not computed."""
        return self.at(kpi_id, self.period.label, segment)

    def at(self, kpi_id: str, period: str, segment: str = "") -> pd.Series | None:
        """The row of the period with that label, or None."""
        if (place := self._places_of(kpi_id, segment).get(period)) is None:
            return None
        return self.frame.iloc[place]

    def shown(self, kpi_id: str, segment: str = "") -> pd.Series | None:
        """The row of the review period; where only that one is still maturing, of the latest complete period."""
        row = self.now(kpi_id, segment)
        if row is None or row["status"] != "partial":
            return row
        series = self.series(kpi_id, self.period.kind, segment)
        complete = series[series["status"] == "ok"]
        return row if complete.empty else complete.iloc[-1]

    def before(self, row: pd.Series) -> pd.Series | None:
        """The row of the period before, if the two may be compared."""
        return self._comparable(row, 1)

    def year_before(self, row: pd.Series) -> pd.Series | None:
        """The row of the same period a year earlier, if the two may be compared."""
        return self._comparable(row, YEAR[self.period.calendar.period(row["period"]).kind])

    def series(self, kpi_id: str, kind: Series = "quarter", segment: str = "") -> pd.DataFrame:
        """One row per period of that kind, earliest first, the review period included."""
        labels = self._places_of(kpi_id, segment)
        places = [place for label, place in labels.items() if _kind_of(label) == kind]
        starts = self.frame["period_start"]
        return self.frame.iloc[sorted(places, key=lambda place: str(starts.iat[place]))].reset_index(drop=True)

    def segments(self, kpi_id: str, segment_by: str, kind: Series | None = None) -> pd.DataFrame:
        """The rows of one dimension: of the review period, or of every period of a kind, earliest first."""
        rows = self.frame[(self.frame["kpi_id"] == kpi_id) & (self.frame["segment_by"] == segment_by)]
        if kind is None:
            return rows[rows["period"] == self.period.label].reset_index(drop=True)
        of_kind = rows[rows["period"].map(_kind_of) == kind]
        return of_kind.sort_values("period_start", kind="stable", ignore_index=True)

    def target(self, kpi_id: str, segment: str = "") -> float | None:
        """The target of the review period, if one is set for the same rows."""
        return self.plan(kpi_id, segment).get(self.period.label)

    def plan(self, kpi_id: str, segment: str = "") -> Mapping[str, float]:
        """The targets of all periods that are set for the same rows, however these are addressed, by period."""
        places, found = self._places_of(kpi_id, segment), dict[str, float]()
        for address, given in self.context.plans.items():
            of, name = split_address(address)
            if of == kpi_id and bool(name) == bool(segment) and self._places_of(of, name) == places:
                found = {**given, **found}
        return found

    def themes(self) -> list[str]:
        """The themes that have results, in the order in which they were computed."""
        found = dict.fromkeys(CATALOGUE[kpi_id].theme for kpi_id in self.frame["kpi_id"].unique())
        return [theme for theme in found if theme in THEMES]

    def _comparable(self, row: pd.Series, periods: int) -> pd.Series | None:
        """The row so many periods earlier: both complete or both as many days old, both known, neither of a few."""
        history = self.period.calendar.period(row["period"]).history(periods)
        found = self.at(row["kpi_id"], history[0].label, segment_of(row)) if len(history) == periods else None
        if found is None or found["status"] != row["status"] or pd.isna(found["value"]) or pd.isna(row["value"]):
            return None
        return None if is_small(found) or is_small(row) else found

    def _places_of(self, kpi_id: str, segment: str) -> dict[str, int]:
        """Where the rows of a KPI, or of a segment of it, stand in the frame, by the label of their period."""
        if (found := self._places.get((kpi_id, segment))) is not None or not segment:
            return found or {}
        named = rows_of(self.frame.reset_index(drop=True), kpi_id, segment)  # by its value alone
        return dict(zip(named["period"], named.index, strict=True))

    @cached_property
    def _places(self) -> dict[tuple[str, str], dict[str, int]]:
        """The same for each KPI and segment, named in full: charts and blocks ask for them many times."""
        found: dict[tuple[str, str], dict[str, int]] = {}
        told = (self.frame[name] for name in ("kpi_id", "segment_by", "segment", "period"))
        for place, (kpi_id, by, segment, period) in enumerate(zip(*told, strict=True)):
            found.setdefault((kpi_id, f"{by}: {segment}" if by else ""), {}).setdefault(period, place)
        return found

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        fields = [{"name": name, "type": "number" if name in NUMBERS else "string"} for name in COLUMNS]
        resource = {
            "title": "results",
            "schema": {"fields": fields},
            "data": records(self.frame),
            "asked": as_json(self.asked),
            "given": dict(self.given),
        }
        count, kpis = len(self.frame), self.frame["kpi_id"].nunique()
        words = _("{n} figures of {kpis} KPIs, for {period} and the periods before it")
        period = format_period(self.period.label)
        return {MIME_TABLE: resource, "text/plain": words.format(n=count, kpis=kpis, period=period)}


def warnings_of(row: pd.Series) -> list[str]:
    """The warnings of a result row."""
    return [str(text) for text in json.loads(row["warnings"] or "[]")]


def _kind_of(label: str) -> Series:
    """Quarters of a listed calendar may have any name; months and weeks have only theirs."""
    if re.fullmatch(r"\d{4}-\d{2}", label):
        return "month"
    return "week" if re.fullmatch(r"\d{4}-W\d{2}", label) else "quarter"
