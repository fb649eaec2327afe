"""Links between a CPI and a KPI, as observed (C08): associated, never proved to be its cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd

from helpers.catalogue import CATALOGUE
from helpers.experiment_statistics import Slope, critical_correlation, holm, rank_correlation, slope
from helpers.experiments import Link
from helpers.kpis.kpi_experiments.backtests import RENEWALS, by_account, lacking
from helpers.kpis.rows import cards_with, rows_once
from helpers.kpis.spine import Spine
from helpers.language import message, template

FEWEST_POINTS = 12
FEWEST_EVENTS = 10  # of customers whose outcome happened, and of those whose did not
LEVEL = 0.05
LINK = {"experiment": "varchar", "outcome": "varchar", "lag": "integer"}
CAVEATS = message(
    "Something else may move both; the outcome may move the indicator; both may follow one trend; who left has no "
    "later value; and who was unusual once is less so the next time."
)
FEW_CUSTOMERS = template("{n} customers: below {least} no link is told")
FEW_OUTCOMES = template("of {n} outcomes {happened} happened: below {least} of a kind no link is told")
FEW_CHANGES = template(
    "{n} changes of {reason}: below {least} no link is told (a correlation would have to reach {critical})"
)
KINDS = {"quarter": template("quarters"), "month": template("months"), "week": template("weeks")}
CONSTANT = template("{cpi} does not vary enough to be judged")
ONE_CONSTANT = template("one of the two never changes")


@dataclass(frozen=True)
class FoundLink:
    """What a link came to: the effect of one increment of the CPI, corrected for everything that was tried.

    ``refused`` says why nothing is told of it, ``lacks`` what the source does not give.
    """

    plan: Link
    effect: Slope | None = None
    corrected: float | None = None
    customers: int = 0
    events: int = 0
    critical: float | None = None
    refused: str = ""
    lacks: str = ""

    @property
    def standing(self) -> Literal["confirmed", "contradicted", "not shown", "refused"]:
        """Confirmed is a link that is as expected, beyond chance after the correction."""
        if self.effect is None or self.corrected is None:
            return "refused"
        if self.corrected > LEVEL:
            return "not shown"
        return "confirmed" if (self.effect.value > 0) == (self.plan.expected == "up") else "contradicted"

    @property
    def confirms(self) -> bool:
        """Whether a plan that was fixed says so; one that was not, or is another now, shows where to look."""
        return self.standing == "confirmed" and self.plan.fixed is not None and not self.plan.is_changed


def links(spine: Spine) -> list[FoundLink]:
    """Every link of the review; the family of tests is all of them, and what was tried and is not registered."""
    plans = [each for each in spine.review.experiments if isinstance(each, Link)]
    give(spine, plans)
    rows = spine.vectors("cpi_kpi_link_rows", "experiment", order="experiment, of_period, account_id") if plans else {}
    found = [
        _of_periods(spine, plan) if plan.unit == "period" else _of_customers(spine, plan, rows[plan.id,])
        for plan in plans
    ]
    tested = [i for i, each in enumerate(found) if each.effect is not None]
    effects = [each.effect.p for each in found if each.effect is not None]
    tried = sum(plan.tried for plan in plans)
    for i, p in zip(tested, holm(effects, tried), strict=True):
        found[i] = replace(found[i], corrected=p)
    return found


def give(spine: Spine, plans: Sequence[Link]) -> None:
    """What the queries of this card read of the plans: the outcome and lag, and the relation of each one's CPI."""
    of_customers = [plan for plan in plans if plan.unit == "customer"]
    given = [plan for plan in of_customers if not _lacks(spine, plan)]
    spine.give("registered_link", LINK, [(plan.id, plan.outcome, plan.lag) for plan in given])
    spine.relate("registered_link_value", by_account(spine, [(plan.id, plan.cpi) for plan in given]))


def _lacks(spine: Spine, plan: Link) -> str:
    return lacking(spine, plan.id, plan.cpi, *RENEWALS * (plan.outcome == "renewed"))


def _of_customers(spine: Spine, plan: Link, rows: pd.DataFrame) -> FoundLink:
    """The slope of the outcome over customers and periods, with MRR, tenure, segment and period beside the CPI."""
    if lacks := _lacks(spine, plan):
        return FoundLink(plan, lacks=lacks)
    known = rows[rows["outcome"].notna()]
    happened = int(known["outcome"].astype(bool).sum())
    found = FoundLink(plan, customers=known["account_id"].nunique(), events=happened)
    if found.customers < FEWEST_POINTS:
        return replace(found, refused=FEW_CUSTOMERS.format(n=found.customers, least=FEWEST_POINTS))
    if min(happened, len(known) - happened) < FEWEST_EVENTS:
        rare = FEW_OUTCOMES.format(n=len(known), happened=happened, least=FEWEST_EVENTS)
        return replace(found, refused=rare)
    told_apart = pd.get_dummies(known[["segment", "of_period"]].fillna("(none)"), drop_first=True, dtype=float)
    columns = [
        known["value"].to_numpy(float) / plan.increment,
        np.log(known["mrr"].astype(float).clip(lower=0.01)),
        known["tenure"].to_numpy(float) / 365.25,
        told_apart.to_numpy(),
    ]
    effect = slope(known["outcome"].astype(float), np.column_stack(columns), known["account_id"])
    return replace(found, effect=effect, refused="" if effect else CONSTANT.format(cpi=plan.cpi))


def _of_periods(spine: Spine, plan: Link) -> FoundLink:
    """The rank correlation of the changes of two series, the KPI's some periods after the CPI's."""
    if plan.cpi not in CATALOGUE:
        return FoundLink(plan, lacks=plan.cpi)
    series = {name: _series(spine, name) for name in (plan.cpi, plan.kpi)}
    if lacks := next((name for name, found in series.items() if set(found.values()) <= {None}), ""):
        return FoundLink(plan, lacks=lacks)
    kind = "month" if all(CATALOGUE[name].monthly for name in series) else spine.period.kind
    xs, ys = ([found.get(period.label) for period in spine.periods if period.kind == kind and not period.is_partial]
              for found in series.values())  # fmt: skip
    pairs = [
        (x, y) for x, y in zip(_steps(xs), _steps(ys)[plan.lag :], strict=False) if x is not None and y is not None
    ]
    found = FoundLink(plan, critical=critical_correlation(max(len(pairs), 5)))
    if len(pairs) < FEWEST_POINTS:
        few = {"n": len(pairs), "reason": KINDS[kind], "least": FEWEST_POINTS, "critical": f"{found.critical:.2f}"}
        return replace(found, refused=FEW_CHANGES.format(**few))
    effect = rank_correlation([x for x, _ in pairs], [y for _, y in pairs])
    return replace(found, effect=effect, refused="" if effect else ONE_CONSTANT)


def _series(spine: Spine, kpi_id: str) -> dict[str, float | None]:
    [card] = cards_with([kpi_id])
    rows = (row for row in rows_once(card, spine) if row.kpi_id == kpi_id and not row.segment_by)
    return {row.period.label: row.value for row in rows}


def _steps(values: Sequence[float | None]) -> list[float | None]:
    return [None if a is None or b is None else b - a for a, b in pairwise(values)]
