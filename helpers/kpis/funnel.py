"""The funnel of a source: cohorts of records, counted by the stages they reached, in total and by source.

Shared by the pipeline cards and their tables; what one record reached is decided in ``stages``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

import ibis
import pandas as pd

from helpers.errors import KitError
from helpers.kpis.deals import named
from helpers.kpis.stages import SKIP, journeys, reached
from helpers.periods import Period

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.data.known import Tables

STAGES = ("lead", "mql", "sql", "opportunity", "won")


class Count(NamedTuple):
    """A cohort, or the part of it that came from one source.

    ``reached`` counts the records that reached each stage, ``young`` those not yet followed for the whole horizon,
    ``implied`` those without an entry to the first stage.
    """

    segment: tuple[str, str]
    reached: tuple[int, ...]
    young: int
    implied: int


def open_funnel(
    tables: Tables, stages: Sequence[str] = STAGES, skip: str = "imply", horizon_days: int | None = None
) -> Funnel:
    """The funnel of a source, with these options."""
    return _kept(tables, tuple(stages), skip, horizon_days)


@dataclass(frozen=True)
class Funnel:
    """The stages of a pipeline in order, and how the records of a source are counted in them.

    What it has counted it keeps: :func:`open_funnel` gives the same funnel for the same tables and options.

    Raises:
        KitError: an option is none of those it may be.
    """

    tables: Tables
    stages: tuple[str, ...]
    skip: str
    horizon_days: int | None

    def __post_init__(self) -> None:
        faults = []
        if len(self.stages) < 2 or len(set(self.stages)) < len(self.stages):
            faults.append(f"stages == {list(self.stages)}, must be two or more different stages in order")
        if self.skip not in SKIP:
            faults.append(f"skip == {self.skip!r}, must be one of {', '.join(SKIP)}")
        if self.horizon_days is not None and self.horizon_days < 1:
            faults.append(f"horizon_days == {self.horizon_days}, must be a number of days from 1, or none")
        if faults:
            raise KitError(*(f"pipeline_conversion.{fault}" for fault in faults))

    @cached_property
    def journeys(self) -> ir.Table:
        """One row per record; those won before their first stage are left out."""
        return self._all.filter(~self._all.won_too_early)

    @cached_property
    def entries(self) -> Mapping[str, int]:
        """How many entries the source has, by stage: also stages that are not of this funnel."""
        history = self.tables["stage_history"]
        counted = self.tables.fetch(history.group_by("stage").aggregate(rows=history.count()))
        return {str(stage): int(rows) for stage, rows in zip(counted["stage"], counted["rows"], strict=True)}

    @cached_property
    def excluded(self) -> dict[str, int]:
        """What is left out, by reason."""
        return {
            **self.tables.excluded("stage_history"),
            "stage_history: stage is not in stages": sum(
                rows for stage, rows in self.entries.items() if stage not in self.stages
            ),
            f"records: {self.stages[-1]} before {self.stages[0]}": int(
                self._by_day.query("won_too_early")["records"].sum()
            ),
        }

    @property
    def never_entered(self) -> list[str]:
        """The stages that no record ever entered."""
        return [stage for stage in self.stages if stage not in self.entries]

    def cohort(self, period: Period) -> list[Count]:
        """The records that entered in the period, counted: in total, then by source where deals have one."""
        days = pd.Timestamp(period.start), pd.Timestamp(period.measured_on)
        rows = self._by_day[self._by_day["entered"].between(*days) & ~self._by_day["won_too_early"]]
        old_enough = pd.Timestamp(period.known_until - timedelta(days=self.horizon_days or 0))
        rows = rows.assign(young=rows["records"].where(rows["entered"] > old_enough, 0))
        total = self._count(("", ""), rows)
        if not self.tables.provides("deals.source"):
            return [total]
        return [total, *(self._count(("source", str(source)), part) for source, part in rows.groupby("source"))]

    def entered_in(self, period: Period) -> list[int]:
        """How many records first entered each stage in the period, whatever their cohort."""
        found = self.journeys
        days = [found[f"day_{i}"].between(period.start, period.measured_on) for i in range(1, len(self.stages) + 1)]
        counts = {f"in_{i}": found.count(where=day) for i, day in enumerate(days)}
        return [int(count) for count in self.tables.fetch(found.aggregate(**counts)).iloc[0]]

    def latest_mature(self, period: Period) -> Period:
        """The latest complete period up to this one whose records were all followed for the whole horizon.

        It is known as of the same day. Without any in the eight before it: the period itself, as young as it is.
        """
        for earlier in [period, *reversed(period.history(8))]:
            found = replace(earlier, as_of_on=period.as_of_on)
            total = self.cohort(found)[0]
            if total.reached[0] and not total.young and not found.is_partial:
                return found
        return period

    def _count(self, segment: tuple[str, str], rows: pd.DataFrame) -> Count:
        reached = tuple(int(rows[f"reached_{i}"].sum()) for i in range(1, len(self.stages) + 1))
        return Count(segment, reached, int(rows["young"].sum()), int(rows["implied"].sum()))

    @cached_property
    def _by_day(self) -> pd.DataFrame:
        """All records, counted by source and day of entry, so that every cohort is a sum of some rows."""
        found = reached(self._all, self.stages, skip=self.skip, horizon_days=self.horizon_days)
        flags = [f"reached_{i}" for i in range(1, len(self.stages) + 1)]
        counts = {name: found.count(where=found[name]) for name in (*flags, "implied")}
        by_day = found.group_by("source", "entered", "won_too_early").aggregate(records=found.count(), **counts)
        return self.tables.fetch(by_day).sort_values(["source", "entered"], ignore_index=True)

    @cached_property
    def _all(self) -> ir.Table:
        history = self.tables["stage_history"]
        found = journeys(
            history.select("record_id", "stage", day=self.tables.local_date(history.entered_at)), self.stages
        )
        if not self.tables.provides("deals.source"):
            return found.mutate(source=ibis.literal(""))
        sources = self.tables["deals"].select("deal_id", "source")
        joined = found.left_join(sources, found.record_id == sources.deal_id)
        return joined.mutate(source=named(joined.source)).drop("deal_id")


@lru_cache(maxsize=64)
def _kept(tables: Tables, stages: tuple[str, ...], skip: str, horizon_days: int | None) -> Funnel:
    return Funnel(tables, stages, skip, horizon_days)
