"""Back-tests (G04): whether a KPI, as it stood at the ends of past quarters, told who would leave.

A score is known by account and quarter from the relations of the spine, each of which knows nothing that came later.
The training quarters say which way the score points and from where on it alarms; the test quarters judge it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from helpers.data.engines import quoted
from helpers.errors import KitError, nearest
from helpers.experiment_statistics import auc, auc_draws, auc_interval, best_threshold, lift
from helpers.experiments import Backtest
from helpers.kpis.spine import Spine, tables_under
from helpers.language import template
from helpers.results import Interval

BY_ACCOUNT = "by_account_"
NEEDED = ("events", "tickets", "deals", "deliveries", "measurements")  # of the tables that a relation stands on
RENEWALS = ("subscriptions.renewal_on",)
FEWEST_EVENTS = 10  # in the test; below it nothing is concluded
LIFTS = (0.10, 0.25)
NO_RENEWAL = 100_000  # days to a renewal that nobody has agreed on: later than any
BACKTEST = {
    "experiment": "varchar", "target": "varchar", "gap_days": "integer", "horizon_days": "integer",
    "test_from": "date",
}  # fmt: skip
NAIVE = {
    "days_to_renewal": template("days to renewal"), "tenure": template("tenure"),
    "last_score": template("the score of the quarter before"),
}  # fmt: skip
IMMATURE = template("immature: the horizon has not ended")
NO_TEST = template("no quarter of the test has ended its horizon yet; the first is that of {day} or after")
NO_TRAINING = template(
    "no training: of {n} rows before the test {events} had the event, so that more of the score is taken as worse"
)
KNOWS = template("{score} sounds as if it knew what it is to tell; make sure that it was known before")
TELLS_ITSELF = ("cancel", "renewal_intent", "churn", "notice")  # in the name of a score: it knows what it is to tell
Verdict = Literal["leads", "does not lead", "insufficient"]


@dataclass(frozen=True)
class Backtested:
    """What a back-test came to: rows and events of the test, the AUC with its interval, and more.

    ``naive`` are the AUCs of what anybody could say without the score.
    """

    plan: Backtest
    rows: int = 0
    events: int = 0
    snapshots: Sequence[str] = ()
    value: float | None = None
    interval: Interval | None = None
    naive: Mapping[str, float] = field(default_factory=dict)
    lifts: Mapping[float, float | None] = field(default_factory=dict)
    threshold: float | None = None
    precision: float | None = None
    recall: float | None = None
    excluded: Mapping[str, int] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    lacks: str = ""

    @property
    def base_rate(self) -> float | None:
        return self.events / self.rows if self.rows else None

    @property
    def verdict(self) -> Verdict:
        """A score leads if its interval lies above one half, and no naive score is as good."""
        if self.value is None or self.events < FEWEST_EVENTS or self.interval is None or self.interval.low is None:
            return "insufficient"
        is_better = self.value > max(self.naive.values(), default=0.5)
        return "leads" if self.interval.low > 0.5 and is_better else "does not lead"


def backtests(spine: Spine) -> list[Backtested]:
    """Every back-test of the review: those under other rules and parameters each over a spine of its own.

    Raises:
        KitError: a plan names a rule or parameter that there is not.
    """
    plans = [each for each in spine.review.experiments if isinstance(each, Backtest)]
    unknown = [(plan.id, name) for plan in plans for name in plan.under if name not in spine.rules]
    if unknown:
        raise KitError(
            *(
                f"experiment {of}: under.{name} is no rule or parameter{nearest(name, spine.rules)}"
                for of, name in unknown
            )
        )
    own = {each.plan.id: each for each in judged(spine, [plan for plan in plans if not plan.under])}
    others = {plan.id: judged(spine.under({**spine.rules, **plan.under}), [plan])[0] for plan in plans if plan.under}
    return [{**own, **others}[plan.id] for plan in plans]


def judged(spine: Spine, plans: Sequence[Backtest]) -> list[Backtested]:
    """Some back-tests, over the snapshots of the spine.

    Raises:
        KitError: a plan names a score that no relation gives.
    """
    lacks = {plan.id: lacking(spine, plan.id, plan.score, *RENEWALS * (plan.target == "renewal")) for plan in plans}
    give(spine, [plan for plan in plans if not lacks[plan.id]])
    found = spine.vectors("backtest_rows", "experiment", order="experiment, day, account_id") if plans else {}
    return [
        Backtested(plan, lacks=lacks[plan.id]) if lacks[plan.id] else _judged(plan, found[plan.id,]) for plan in plans
    ]


def give(spine: Spine, plans: Sequence[Backtest]) -> None:
    """What the queries of this card read of the plans: their days, and the relation of each one's score."""
    spine.give("registered_backtest", BACKTEST, [
        (plan.id, plan.target, plan.gap_days, plan.horizon_days, plan.test_from) for plan in plans
    ])  # fmt: skip
    scores = [(plan.id, plan.score) for plan in plans]
    spine.relate("registered_score", by_account(spine, scores))


def by_account(spine: Spine, named: Sequence[tuple[str, str]]) -> str:
    """The values of some relations ``by_account_NAME`` as one query, each under its experiment.

    Raises:
        KitError: there is no such relation.
    """
    known = [name.removeprefix(BY_ACCOUNT) for name in spine.relations if name.startswith(BY_ACCOUNT)]
    for experiment, name in named:
        if name not in known:
            raise KitError(f"experiment {experiment}: no relation {BY_ACCOUNT}{name}{nearest(name, known)}")
    queries = [
        f"select {quoted(experiment)} as experiment, label, account_id, cast(value as double) as value\n"
        f"from {BY_ACCOUNT}{name}"
        for experiment, name in named
    ]
    none = "select '' as experiment, '' as label, '' as account_id, cast(null as double) as value where false"
    return "\nunion all\n".join(queries) or none


def lacking(spine: Spine, experiment: str, name: str, *more: str) -> str:
    """The first table that ``by_account_NAME`` or the outcome needs and the source does not give; empty if none.

    Raises:
        KitError: there is no such relation.
    """
    by_account(spine, [(experiment, name)])
    under = tables_under(f"{BY_ACCOUNT}{name}", spine.relations)
    needed = ["subscriptions", *more, *(table for table in under if table in NEEDED)]
    return next((table for table in needed if not spine.provides(table)), "")


def _judged(plan: Backtest, rows: pd.DataFrame) -> Backtested:
    """A back-test of the rows of its snapshots; without any, of nothing."""
    if rows.empty:
        return Backtested(plan)
    excluded = {str(reason): int(n) for reason, n in rows["left_out"].value_counts().items()}
    used = rows[rows["left_out"].isna()]
    train, test = used[used["is_train"]], used[used["is_test"]]
    trained = auc(train["score"], train["event"])
    sign = 1 if trained is None or trained >= 0.5 else -1  # whether more of the score is worse
    score, event = sign * test["score"].to_numpy(float), test["event"].to_numpy(bool)
    value = auc(score, event)
    interval = auc_interval(auc_draws(score, event, test["account_id"])) if value is not None else None
    threshold, precision, recall = _at_threshold(sign, train, score, event)
    return Backtested(
        plan, len(test), int(event.sum()),
        [str(label) for label in test["snapshot"].unique()], value, interval, _naive(test, train),
        {share: lift(score, event, share) for share in LIFTS}, threshold, precision, recall, excluded,
        _warnings(plan, trained, train, has_test=bool((rows["is_test"] & (rows["left_out"] != IMMATURE)).any())),
    )  # fmt: skip


def _naive(test: pd.DataFrame, train: pd.DataFrame) -> dict[str, float]:
    """The AUC of each naive score on the test, pointing the way that the training says."""
    found = {}
    for name, words in NAIVE.items():
        parts = []
        for part in (train, test):
            scores = part[name].fillna(NO_RENEWAL) if name == "days_to_renewal" else part[name]
            known = scores.notna()
            parts.append(auc(scores[known], part["event"][known]))
        before, value = parts
        if value is not None:
            found[words] = 1 - value if before is not None and before < 0.5 else value
    return found


def _at_threshold(
    sign: int, train: pd.DataFrame, score: np.ndarray, event: np.ndarray
) -> tuple[float | None, float | None, float | None]:
    """The threshold of the training, and how many of the test's alarms were right and of its events were found."""
    if not train["event"].any() or train["event"].all():
        return None, None, None
    threshold = best_threshold(sign * train["score"].to_numpy(float), train["event"])
    alarms = score >= threshold
    precision = float(event[alarms].mean()) if alarms.any() else None
    return sign * threshold, precision, float(alarms[event].mean()) if event.any() else None


def _warnings(plan: Backtest, trained: float | None, train: pd.DataFrame, *, has_test: bool) -> list[str]:
    told = []
    if not has_test:
        told.append(NO_TEST.format(day=plan.test_from))
    if trained is None:
        told.append(NO_TRAINING.format(n=len(train), events=int(train["event"].sum())))
    if any(word in plan.score for word in TELLS_ITSELF):
        told.append(KNOWS.format(score=plan.score))
    return told
