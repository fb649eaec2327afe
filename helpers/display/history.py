"""KPIs over the same periods: what charts of time draw, and the table behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from helpers.catalogue import kpi
from helpers.display.context import Results, Series
from helpers.display.formats import format_period
from helpers.display.tables import Table
from helpers.errors import KitError
from helpers.results import Column, Listing

STATUS = {"ok": "", "partial": "to date"}
MISSING = {"insufficient": "too little data", "not_provided": "not provided"}


@dataclass(frozen=True)
class History:
    """Some KPIs of one unit, period by period, earliest first."""

    results: Results
    kpi_ids: Sequence[str]
    kind: Series

    @property
    def unit(self) -> str:
        """The unit of all of them.

        Raises:
            KitError: they have several, so one axis cannot hold them.
        """
        units = {kpi(kpi_id).unit for kpi_id in self.kpi_ids}
        if len(units) != 1:
            raise KitError(f"{', '.join(self.kpi_ids)} have the units {', '.join(sorted(units))}; draw one chart each")
        return units.pop()

    @property
    def names(self) -> str:
        """Their labels, as a title lists them."""
        *first, last = (kpi(kpi_id).label for kpi_id in self.kpi_ids)
        return f"{'; '.join(first)} and {last}" if first else last

    @property
    def periods(self) -> list[str]:
        rows = pd.concat([self._rows(kpi_id) for kpi_id in self.kpi_ids])
        return [str(period) for period in rows.sort_values("period_start")["period"].unique()]

    def rows(self, kpi_id: str) -> pd.DataFrame:
        """The rows of one KPI by period; the value is missing where it is not one to draw."""
        rows = self._rows(kpi_id).set_index("period").reindex(self.periods)
        return rows.assign(value=rows["value"].where(rows["status"].isin(STATUS)))

    def partial(self) -> list[bool]:
        """For each period whether its values are not final."""
        return list(pd.concat([self.rows(k)["status"] == "partial" for k in self.kpi_ids], axis=1).any(axis=1))

    def table(self) -> Table:
        """One row per period; of a single KPI with its interval and n."""
        columns = {"period": Column("Period")} | {k: Column(kpi(k).label, kpi(k).unit) for k in self.kpi_ids}
        table: dict[str, Any] = {"period": [format_period(p, self.results.context.locale) for p in self.periods]}
        table |= {kpi_id: list(self.rows(kpi_id)["value"]) for kpi_id in self.kpi_ids}
        first = self.rows(self.kpi_ids[0])
        if len(self.kpi_ids) == 1:
            more = {"ci_low": ("95% from", self.unit), "ci_high": ("to", self.unit), "n": ("n", "count")}
            known = {name: Column(*words) for name, words in more.items() if first[name].notna().any()}
            columns, table = columns | known, table | {name: list(first[name]) for name in known}
        if any(words := self._status_words()):
            columns["status"], table["status"] = Column("Status"), words
        return Table(Listing(self.names, pd.DataFrame(table), columns, "No values.", "period"), self.results.context)

    def _status_words(self) -> list[str]:
        """What is to be said of each period's values beside their numbers."""
        found = pd.concat([self.rows(kpi_id)["status"] for kpi_id in self.kpi_ids], axis=1)
        known = [dict.fromkeys(status for status in row if isinstance(status, str)) for row in found.to_numpy()]
        return ["; ".join(filter(None, (STATUS.get(word, MISSING.get(word, word)) for word in row))) for row in known]

    def _rows(self, kpi_id: str) -> pd.DataFrame:
        return self.results.series(kpi_id, self.kind)
