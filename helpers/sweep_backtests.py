"""How well each variant of a sweep leads churn or renewals, and a variant kept as an experiment that the future tests.

A sweep picks the best of several tries, which flatters it. What is kept is therefore a plan: its test begins with the
quarters that nobody has seen, and its notes say what the sweep found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from helpers.catalogue import CATALOGUE, label_of, theme_title
from helpers.display.context import Context
from helpers.display.shown_tables import Table, table_from_resource
from helpers.errors import KitError
from helpers.experiments import TARGETS, Backtest, Target
from helpers.kpis.kpi_experiments.backtests import BY_ACCOUNT, Backtested, judged
from helpers.kpis.spine import Spine, read_relations, words_under
from helpers.periods import Period
from helpers.results import Column, Listing
from helpers.review import rules_of
from helpers.strict_yaml import shown
from helpers.sweep import At, Axis, Swept, page_part
from helpers.texts import in_words

HORIZON_DAYS = 90
FILE_NAME = r"[A-Za-z]\w*"


def target_of(text: str) -> Target:
    """What ``--backtest`` asks about.

    Raises:
        KitError: nothing can lead that.
    """
    for target in TARGETS:
        if text == target:
            return target
    raise KitError(f"--backtest {text}: must be one of {', '.join(TARGETS)}")


def place_of(name: str, review: Path, backtest: str | None) -> Path:
    """The file that ``--save`` is to write.

    Raises:
        KitError: it is there already, the name is none, or nothing is back-tested.
    """
    file = review.parent / "experiments" / f"{name}.yml"
    if backtest is None:
        raise KitError(f"--save {name} needs --backtest: what is kept is a plan that later quarters test")
    if not re.fullmatch(FILE_NAME, name):
        raise KitError(f"--save {name}: must be a name of letters, digits and _ that begins with a letter")
    if file.exists():
        raise KitError(f"--save {name}: {shown(file)} is there already; choose another name, or delete it")
    return file


def scores_of(axes: Sequence[Axis]) -> list[str]:
    """The relations ``by_account_NAME`` that follow what is tried.

    Raises:
        KitError: none does.
    """
    relations, names = read_relations(), {axis.name for axis in axes}
    found = [
        name.removeprefix(BY_ACCOUNT)
        for name in relations
        if name.startswith(BY_ACCOUNT) and names & words_under(name, relations)
    ]
    if not found:
        raise KitError(
            f"--backtest: no value by account follows {' or '.join(sorted(names))}; "
            f"create a view {BY_ACCOUNT}NAME in a .sql file of helpers/kpis"
        )
    return found


@dataclass(frozen=True)
class Led:
    """What a sweep's back-tests came to: by score and variant."""

    target: Target
    period: Period
    axes: Sequence[Axis]
    found: Mapping[tuple[str, At], Backtested]
    context: Context

    def told(self) -> list[dict[str, Any]]:
        """The report's part, for the terminal."""
        return [{"title": self._title, "table": table_from_resource({**self._table.resource(), "title": ""})}]

    def page(self) -> list[dict[str, Any]]:
        """The same with a chart, for a page."""
        from helpers.display.charts import intervals

        chart = intervals(self._table, nothing=0.5)
        return [{"title": self._title, "charts": [page_part(chart)]}] if chart.svg else self.told()

    def experiment(self, theme: str, on: date) -> tuple[Backtest, str]:
        """The best variant as a plan whose test begins with the next quarter, and its file's text.

        Raises:
            KitError: no variant has a figure.
        """
        known = {key: each for key, each in self.found.items() if each.value is not None}
        if not known:
            raise KitError("--save: no variant has a figure to keep")
        score, at = max(known, key=lambda key: known[key].value or 0)
        under = {axis.name: axis.values[i] for axis, i in zip(self.axes, at, strict=True) if i != axis.own}
        words = " and ".join(f"{name} {in_words(value)}" for name, value in under.items()) or "the review's own values"
        plan = Backtest(
            hypothesis=f"{label_of(score)} under {words} tells {self.target} beforehand",
            kpi=score if score in CATALOGUE else "", score=score, target=self.target, horizon_days=HORIZON_DAYS,
            under=under, tried=len(self.found) - 1, test_from=self.period.end,
        )  # fmt: skip
        notes = f"Of a sweep of {theme_title(theme)} in {self.period.label}: {self._said(known)}."
        given = plan.model_dump(mode="json", exclude_defaults=True, exclude={"id"})
        told = {"kind": "backtest", **given, "fixed": {"on": on.isoformat(), "plan": plan.hash}, "notes": notes}
        return plan, yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=110)

    @property
    def _title(self) -> str:
        return f"How well each leads {self.target} in the {HORIZON_DAYS} days after a quarter"

    def _said(self, known: Mapping[tuple[str, At], Backtested]) -> str:
        return "; ".join(
            f"{label_of(score)}, {self._words(at)}: AUC {each.value:.2f}, {each.events} losses"
            for (score, at), each in known.items()
        )

    def _words(self, at: At) -> str:
        return ", ".join(f"{axis.name} {axis.heads[i]}" for axis, i in zip(self.axes, at, strict=True))

    @property
    def _table(self) -> Table:
        rows = []
        for (score, at), each in self.found.items():
            best = max(each.naive, key=lambda name: each.naive[name], default="")
            rows.append({
                "variant": self._words(at), "score": label_of(score), "value": each.value,
                "low": each.interval and each.interval.low, "high": each.interval and each.interval.high,
                "naive": f"{best} {each.naive[best]:.2f}" if best else None, "lift": each.lifts.get(0.25),
                "events": each.events, "n": each.rows,
                "verdict": f"not provided: {each.lacks}" if each.lacks else each.verdict,
            })  # fmt: skip
        columns = {
            "variant": Column("Under"), "score": Column("Score"), "value": Column("AUC", "ratio"),
            "low": Column("95% from", "ratio"), "high": Column("to", "ratio"), "naive": Column("Best naive score"),
            "lift": Column("Lift of the first 25%", "ratio"), "events": Column("Losses", "count"),
            "n": Column("Customers × quarters", "count"), "verdict": Column("Verdict"),
        }  # fmt: skip
        note = (
            f"The best of {len(self.found)} tries is flattered: keep it with --save, and later quarters test it."
            if len(self.found) > 1 else ""
        )  # fmt: skip
        frame = pd.DataFrame(rows, columns=list(columns))
        return Table(Listing(self._title, frame, columns, "Nothing to tell.", note=note), self.context)


def backtest_sweep(swept: Swept, scores: Sequence[str], target: Target, say: Callable[[str], None]) -> Led:
    """Back-test the scores under every variant of a sweep, over the quarters before its period.

    The later half of the quarters whose horizon has ended is the test, those before it the training.

    Raises:
        KitError: the sweep is not of a quarter.
    """
    period = swept.context.period
    quarters = [*period.history(8), period]
    mature = [each for each in quarters if (period.known_until - each.measured_on).days >= HORIZON_DAYS]
    test_from = mature[len(mature) // 2].measured_on if mature else period.measured_on
    plans = [
        Backtest(id=score, hypothesis=score, score=score, target=target, horizon_days=HORIZON_DAYS, test_from=test_from)
        for score in scores
    ]
    found: dict[tuple[str, At], Backtested] = {}
    base: Spine | None = None
    for at, review in swept.reviews.items():
        rules = rules_of(review)
        base, spine = (base, base.under(rules)) if base else (Spine(swept.prepared, period, rules, quarters), None)
        found |= {(each.plan.score, at): each for each in judged(spine or base, plans)}
        say(f"back-test {', '.join(axis.heads[i] for axis, i in zip(swept.axes, at, strict=True))}")
    ordered = {(score, at): found[score, at] for score in scores for at in swept.reviews}
    return Led(target, period, swept.axes, ordered, swept.context)
