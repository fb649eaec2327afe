"""The one long table that every number of the pack is read from.

One row per (kpi_id, segment_by, segment, period); columns and statuses are those of the
specification, sections 1.5 and 11. Rates and shares are 0 to 1, money is in major units of the
reporting currency; ``period_end`` and ``as_of`` are exclusive: the first day, the first instant, that no longer count.
Nothing here computes a KPI.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, NamedTuple, TypeVar

import pandas as pd

from helpers.catalogue import kpi
from helpers.errors import KitError, nearest
from helpers.language import template
from helpers.periods import Period
from helpers.texts import read_csv_text

Key = TypeVar("Key")
Value = TypeVar("Value")
Status = Literal["ok", "partial", "undefined", "insufficient", "not_provided", "refused"]

COLUMNS = (
    "kpi_id", "label", "segment_by", "segment", "period", "value", "unit", "numerator", "denominator", "n",
    "ci_low", "ci_high", "ci_level", "ci_method", "period_start", "period_end", "as_of", "status", "excluded",
    "warnings", "params", "definition_version",
)  # fmt: skip
KEY = ["kpi_id", "segment_by", "segment", "period"]  # what tells one row from all others
NUMBERS = ("value", "numerator", "denominator", "n", "ci_low", "ci_high", "ci_level")
NOT_PROVIDED = template("not provided: {reason}")
NONE = template("(none)")  # the segment of what has no value in a dimension
NO_RATE = template("no rate for {reason}; add it to fx_rates")
# What a KPI of quarters lacks in a review of another period.
A_QUARTER = template("a quarter; this is a {reason}")
FOUR_QUARTERS = template("four trailing quarters in a {reason}")


class Interval(NamedTuple):
    """A confidence interval: its two ends, level (0.95) and the method's name."""

    low: float | None
    high: float | None
    level: float
    method: str


@dataclass(frozen=True)
class Row:
    """One result. ``segment_by`` and ``segment`` are empty for the total; a missing segment value is ``(none)``."""

    kpi_id: str
    period: Period
    value: float | None
    status: Status
    segment_by: str = ""
    segment: str = ""
    numerator: float | None = None
    denominator: float | None = None
    n: int | None = None
    interval: Interval | None = None
    excluded: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    definition_version: str = "1"


def row(
    kpi_id: str,
    period: Period,
    value: float | None,
    *,
    status: Status | None = None,
    segment: tuple[str, str | None] = ("", ""),
    excluded: Mapping[str, int] | None = None,
    warnings: Iterable[str] = (),
    params: Mapping[str, Any] | None = None,
    **more: Any,
) -> Row:
    """A result row whose status follows from its value unless one is given; ``more`` is as in :class:`Row`.

    A missing value is ``undefined``, a value of a period that is still running ``partial``, else ``ok``.
    ``segment`` is (dimension, value); a value that is missing becomes ``(none)``.
    """
    kpi(kpi_id)
    value = None if value is None or pd.isna(value) else float(value)
    if status is None:
        status = "undefined" if value is None else "partial" if period.is_partial else "ok"
    counted = {reason: int(count) for reason, count in (excluded or {}).items() if count}
    told = {"excluded": counted, "warnings": tuple(warnings), "params": params or {}, **more}
    return Row(kpi_id, period, value, status, segment[0], _named(*segment), **told)


def not_provided(kpi_id: str, period: Period, what: str) -> Row:
    """The one row of a KPI whose table or column (``deals``, ``subscriptions.renewal_on``) is not in the source."""
    return row(kpi_id, period, None, status="not_provided", warnings=[NOT_PROVIDED.format(reason=what)])


def refused(kpi_id: str, period: Period, reason: str) -> Row:
    """The one row of a KPI that the kit refuses to print, with the reason."""
    return row(kpi_id, period, None, status="refused", warnings=[reason])


def grouped(pairs: Iterable[tuple[Key, Value]]) -> dict[Key, list[Value]]:
    """Values by their key, both in the order in which they come.

    >>> grouped([("a", 1), ("b", 2), ("a", 3)])
    {'a': [1, 3], 'b': [2]}
    """
    found: dict[Key, list[Value]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def rows_of(results: pd.DataFrame, kpi_id: str, segment: str = "") -> pd.DataFrame:
    """The rows of one KPI in the long table, of every period: those of the total, or of one segment.

    This is how targets, objectives and commentary find their figures. ``segment`` is a value (``upsell``), or a
    dimension and its value (``source: upsell``), which says it even where several dimensions have that value.

    Raises:
        KitError: rows of several dimensions have the value.
    """
    of_kpi = results["kpi_id"] == kpi_id
    if not segment:
        return results[of_kpi & (results["segment_by"] == "")]
    in_full = of_kpi & (results["segment_by"].str.cat(results["segment"], sep=": ") == segment)
    found = results[in_full if in_full.any() else of_kpi & (results["segment"] == segment)]
    if len(dimensions := found["segment_by"].unique()) > 1:
        ways = " or ".join(f"{kpi_id}[{by}: {segment}]" for by in dimensions)
        several = f"{kpi_id}[{segment}] is a segment of {' and of '.join(dimensions)}"
        raise KitError(f"{several}; write {ways}, in quotes in YAML")
    return found


def why_nowhere(results: pd.DataFrame, kpi_id: str, segment: str = "") -> str:
    """Why an address names no row of a KPI that was computed, with what it could name; empty where it names one.

    Raises:
        KitError: rows of several dimensions have the value.
    """
    found = rows_of(results, kpi_id, segment)
    computed = results[(results["kpi_id"] == kpi_id) & ~results["status"].isin(("not_provided", "refused"))]
    if computed.empty or not found.empty:
        return ""
    segments = computed.loc[computed["segment"] != "", "segment"].unique()
    if not segment:
        return f"{kpi_id} has no total; name a segment, such as {kpi_id}[{segments[0]}]"
    if not len(segments):
        return f"{kpi_id} has no segments here; name {kpi_id} alone"
    return f"{kpi_id} has no segment {segment!r}{nearest(segment, segments)}"


def split_address(address: str) -> tuple[str, str]:
    """The KPI and the segment that a target's key names; the segment is empty for the total.

    >>> split_address("nrr"), split_address("new_revenue[source: upsell]")
    (('nrr', ''), ('new_revenue', 'source: upsell'))
    """
    kpi_id, _, segment = address.partition("[")
    return kpi_id, segment.removesuffix("]")


def segment_of(row: pd.Series) -> str:
    """The segment of a row as :func:`rows_of` finds it again, ``source: upsell``; empty for the total."""
    return f"{row['segment_by']}: {row['segment']}" if row["segment_by"] else ""


def frame(rows: Iterable[Row]) -> pd.DataFrame:
    """Rows as the long table, in the order given.

    Missing numbers are NaN; ``excluded``, ``warnings`` and ``params`` are JSON text with sorted keys.
    """
    return from_records(map(_record, rows))


def read_csv(path: str) -> pd.DataFrame:
    """``results.csv`` as the long table."""
    table = read_csv_text(path)
    for name in NUMBERS:
        table[name] = [float(text) if text else math.nan for text in table[name]]
    return table


def records(results: pd.DataFrame) -> list[dict[str, Any]]:
    """The long table as JSON records: what a notebook hands on in its ``results`` cell.

    Numbers keep every digit; what is missing or not finite is null.
    """
    columns = {
        name: [None if isinstance(value, float) and not math.isfinite(value) else value for value in results[name]]
        for name in results.columns
    }
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def from_records(found: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The inverse of :func:`records`."""
    table = pd.DataFrame(list(found), columns=list(COLUMNS))
    return table.astype(dict.fromkeys(NUMBERS, "float64"))


def _named(by: str, name: str | None) -> str:
    """The segment's name: never empty in a dimension, always empty in the total."""
    return "" if not by else NONE if name is None or pd.isna(name) or name == "" else str(name)


def _record(r: Row) -> dict[str, Any]:
    known = kpi(r.kpi_id)
    low, high, level, method = r.interval or (None, None, None, "")
    return {
        "kpi_id": r.kpi_id, "label": known.label,
        "segment_by": r.segment_by, "segment": _named(r.segment_by, r.segment),
        "period": r.period.label, "value": r.value, "unit": known.unit,
        "numerator": r.numerator, "denominator": r.denominator, "n": r.n,
        "ci_low": low, "ci_high": high, "ci_level": level, "ci_method": method,
        "period_start": r.period.start.isoformat(), "period_end": r.period.end.isoformat(),
        "as_of": r.period.as_of_at.isoformat(), "status": r.status,
        "excluded": _json(r.excluded), "warnings": json.dumps(list(r.warnings), ensure_ascii=False),
        "params": _json(r.params), "definition_version": r.definition_version,
    }  # fmt: skip


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), sort_keys=True, ensure_ascii=False, default=_plain)


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{value!r} cannot be written to results")


@dataclass(frozen=True)
class Column:
    """One column of a listing: the heading a reader sees, and the unit that its format comes from.

    Units are those of the catalogue, and ``text``, ``date`` and ``series``: counts over time in one text, the oldest
    first (``"3 0 1"``), which pages draw. A column that is not ``on_pages`` stands in the export and in the workbook
    alone. Texts of a column of ``own_words`` are the kit's own, not a user's data, and are shown in the language of the
    pack.
    """

    label: str
    unit: str = "text"
    on_pages: bool = True
    own_words: bool = False


@dataclass(frozen=True)
class Listing:
    """A table of the pack beside its KPIs: lost customers, renewals due, a funnel's steps.

    ``rows`` has exactly the columns named in ``columns``, in that order.
    ``when_empty`` is the sentence printed when there are no rows. ``export`` names the file under
    ``exports/`` that holds every row, empty if the table is not for export; ``top`` is how many rows the pages show
    (0 shows all; the sentence under the table then says how many there are). A listing that is not ``on_pages`` is
    named there, and stands in its export and in the workbook. Rows that follow each other with the same value in the
    column ``group`` are shown as one group. ``total`` names columns whose sum over all rows is shown below them, if
    the listing has them. ``pages`` names the kind of page that each ``customer_id`` gets of its own rows in a build, in
    a folder of the export's name.
    """

    caption: str
    rows: pd.DataFrame
    columns: Mapping[str, Column]
    when_empty: str
    export: str = ""
    top: int = 0
    note: str = ""
    group: str = ""
    total: Sequence[str] = ()
    on_pages: bool = True
    pages: str = ""


@dataclass(frozen=True)
class Asked:
    """Tables (``deals``) and columns (``deals.source``) that a card, or all cards of a theme, asked for.

    ``given`` are those that the source has, ``needed`` those without which a card stopped, ``missed`` those that cards
    do without.
    """

    given: Sequence[str] = ()
    needed: Sequence[str] = ()
    missed: Sequence[str] = ()

    @property
    def tables(self) -> list[str]:
        """The tables that are read.

        >>> Asked(given=("deals", "deals.source")).tables
        ['deals']
        """
        return [what for what in self.given if "." not in what]


def as_json(asked: Mapping[str, Asked]) -> dict[str, dict[str, list[str]]]:
    """What was asked for, as a notebook hands it on.

    >>> as_json({"new_revenue": Asked(given=("deals",))})
    {'new_revenue': {'given': ['deals'], 'needed': [], 'missed': []}}
    """
    return {asker: {name: list(what) for name, what in vars(found).items()} for asker, found in asked.items()}


def from_json(found: Mapping[str, Mapping[str, Sequence[str]]]) -> dict[str, Asked]:
    """The inverse of :func:`as_json`."""
    return {asker: Asked(**asked) for asker, asked in found.items()}
