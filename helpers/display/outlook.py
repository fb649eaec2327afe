"""Where a KPI ends the fiscal year if the pace of the last four quarters lasts, and how far off that method was before.

The method can be told in a sentence: what is there, and for each quarter that remains the mean of the last four. It is
tried at each earlier quarter, as many quarters ahead, on the figures that the review gives for the quarters until then.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from helpers.catalogue import kpi
from helpers.display.context import Results
from helpers.display.formats import format_period
from helpers.display.sentences import ended, why_nothing
from helpers.errors import KitError, nearest
from helpers.language import _, message, paragraph, plural
from helpers.periods import SHOWN_BEFORE

ENOUGH = 4  # past forecasts, from which on an average error is told
PACE = 4  # quarters whose mean is the pace
FLOWS = {"mrr": "net_new_mrr", "new_revenue": "new_revenue"}  # what is added each quarter
WORDS = {
    "mrr": message("At the pace of the last four quarters, MRR ends {year} at {value}"),
    "new_revenue": message("At the pace of the last four quarters, new bookings of {year} come to {value}"),
}
AHEAD = (message("One quarter ahead"), message("Two quarters ahead"), message("Three quarters ahead"))


@dataclass(frozen=True)
class Outlook:
    """MRR at the end of the fiscal year, or the new bookings of the year; ``why_none`` says why there is none.

    Series are by quarter, by its label; what is not known there is missing. Money is in units of the review's currency.

    Raises:
        KitError: there is no method for the KPI.
    """

    results: Results
    kpi_id: str

    def __post_init__(self) -> None:
        if self.kpi_id not in FLOWS:
            raise KitError(f"{self.kpi_id} has no outlook; known are {', '.join(FLOWS)}{nearest(self.kpi_id, FLOWS)}")

    @property
    def ahead(self) -> list[str]:
        """The quarters of the fiscal year that remain."""
        return self.results.period.rest_of_year

    @property
    def why_none(self) -> str:
        """Why no outlook can be told, as a sentence; empty where one can."""
        period = self.results.period
        if period.kind != "quarter":
            return _("The outlook to the year's end is told in the review of a quarter.")
        label = format_period(period.label)
        if not self.ahead:
            return _("{period} is the last quarter of its fiscal year: the year is over.").format(period=label)
        if period.is_partial:
            return _("{period} is not over: the outlook to the year's end is told when it is.").format(period=label)
        few = _("The outlook to the year's end takes {n} quarters running with a value.").format(n=PACE)
        if self.is_stock and self.end < 0:
            return _("At the pace of the last four quarters, no MRR would be left by the end of {year}.").format(
                year=self.ahead[-1][:-2]
            )
        return why_nothing(self.results, self.results.now(self.kpi_id), few) if math.isnan(self.end) else ""

    @property
    def values(self) -> pd.Series:
        """The value of each quarter that remains: MRR at its end, or its new bookings."""
        start, pace = (self.known.iloc[-1] if self.is_stock else 0.0), self._pace.iloc[-1]
        steps = range(1, len(self.ahead) + 1)
        return pd.Series([start + (i if self.is_stock else 1) * pace for i in steps], self.ahead, dtype=float)

    @property
    def end(self) -> float:
        """What the year ends with, or comes to."""
        return float(self._forecasts.iloc[-1])

    @property
    def target(self) -> float | None:
        """What was planned for that: of MRR for the last quarter, of bookings for all four, if all of them have one."""
        year = self.ahead[-1:] if self.is_stock else [*self.known.index[len(self.ahead) - 4 :], *self.ahead]
        known = [self.targets[label] for label in year if label in self.targets]
        return sum(known) if len(known) == len(year) else None

    @property
    def targets(self) -> dict[str, float]:
        """What was planned for the quarters that are known and those that remain."""
        plan = self.results.context.plans.get(self.kpi_id, {})
        return {label: plan[label] for label in [*self.known.index, *self.ahead] if label in plan}

    @cached_property
    def past(self) -> pd.DataFrame:
        """The forecasts that the method would have made, by the quarter that they are of, and what came.

        Columns: ``forecast``, ``came`` and ``off``, the error as a share of what came.
        """
        came = self.known if self.is_stock else self.known.rolling(4).sum()
        found = pd.DataFrame({"forecast": self._forecasts.shift(len(self.ahead)), "came": came}).dropna()
        found = found[found["came"] > 0]
        return found.assign(off=(found["forecast"] - found["came"]).abs() / found["came"])

    @property
    def error(self) -> float | None:
        """The mean of the past errors, as a share; None where they are too few to say."""
        return float(self.past["off"].mean()) if len(self.past) >= ENOUGH else None

    @property
    def sentence(self) -> str:
        """What is told: the value, how far from the target, and how far off the method was."""
        if self.why_none:
            return self.why_none
        write, unit, count = self.results.write, kpi(self.kpi_id).unit, len(self.past)
        value, is_within = write.phrase(self.end, unit), False
        if self.is_stock:
            value = _("{value} (ARR {arr})").format(value=value, arr=write.value(self.end * 12, "money"))
        told = _(WORDS[self.kpi_id]).format(year=self.ahead[-1][:-2], value=value)
        if self.target is not None:
            gap, target = self.end - self.target, write.value(self.target, unit)
            planned = _("target of {target}") if self.is_stock else _("targets of its quarters, {target} in all")
            against = _("{sentence}, {gap} below the {planned}")
            if write.is_none(gap, unit):
                against = _("{sentence}, the same as the {planned}")
            elif gap > 0:
                against = _("{sentence}, {gap} above the {planned}")
            planned = planned.format(target=target)
            told = against.format(sentence=told, gap=write.gap(gap, unit), planned=planned)
            is_within = abs(gap) < (self.error or 0.0) * self.end
        forecasts = plural("{n} past forecast", "{n} past forecasts", count).format(n=count)
        off = write.value(self.error, "share")
        error = _("{ahead}, this method was off by {off} on average ({forecasts}).")
        if self.error is None:
            error = _("{ahead}, too little is known of this method's error ({forecasts}; it takes {n}).")
        elif is_within:
            error = _(
                "{ahead}, this method was off by {off} on average ({forecasts}), and the gap to the target is smaller "
                "than that."
            )
        ahead = _(AHEAD[len(self.ahead) - 1])
        return paragraph(ended(told), error.format(ahead=ahead, forecasts=forecasts, off=off, n=ENOUGH))

    @property
    def is_stock(self) -> bool:
        """Whether the year ends with a value, as MRR does, and is not made of those of its quarters."""
        return FLOWS[self.kpi_id] != self.kpi_id

    @cached_property
    def known(self) -> pd.Series:
        """The KPI by quarter, earliest first, the review's last."""
        return self._series(self.kpi_id)

    @cached_property
    def _pace(self) -> pd.Series:
        return self._series(FLOWS[self.kpi_id]).rolling(PACE).mean()

    @cached_property
    def _forecasts(self) -> pd.Series:
        """By the quarter at whose end each was made."""
        so_far = self.known if self.is_stock else self.known.rolling(4 - len(self.ahead)).sum()
        return so_far + len(self.ahead) * self._pace

    def _series(self, kpi_id: str) -> pd.Series:
        period, rows = self.results.period, self.results.series(kpi_id).set_index("period")
        labels = [each.label for each in (*period.history(SHOWN_BEFORE["quarter"]), period)]
        return rows["value"].where(rows["status"] == "ok").reindex(labels).astype(float)
