"""What a review tries out: the files of ``experiments/`` beside it, one plan each, written before anybody looks.

Specification C08, C09 and G04. There are three kinds. A **link** asks whether customers that are served better pay or
stay longer (an observation), a **controlled** experiment assigns units to two variants, a **backtest** asks whether a
KPI of the past told who would leave. Only the form of a plan is checked here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from helpers.errors import KitError, refuse, together
from helpers.reads import Text
from helpers.strict_yaml import Frozen, read_model, shown

Share = Annotated[float, Field(gt=0, lt=1)]
Above0 = Annotated[float, Field(gt=0)]
Whole = Annotated[int, Field(ge=0)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")]
Direction = Literal["up", "down"]
Ruling = Literal["invalid", "roll back", "ship", "hold"]
Target = Literal["churn", "renewal"]
TARGETS: tuple[Target, ...] = ("churn", "renewal")
OWN_METRIC = "outcome"  # the column of assignments; any other metric is one of measurements
NOT_OF_THE_PLAN = {"id", "kind", "fixed", "decided", "owner", "notes"}


class Fixed(Frozen):
    """The day on which a plan was fixed, and the hash that it had then."""

    on: date
    plan: Text


class Decided(Frozen):
    """What a person decided; where it is not what the rule says, the pack asks for the reason."""

    decision: Ruling
    on: date
    by: Text
    reason: str = ""


class Plan(Frozen):
    """What every experiment says. ``tried`` counts what was looked at before and is not registered."""

    id: str = ""
    hypothesis: Text
    kpi: str = ""
    cpi: str = ""
    owner: str = ""
    tried: Whole = 0
    fixed: Fixed | None = None
    decided: Decided | None = None
    notes: str = ""

    @property
    def faults(self) -> list[str]:
        """What does not fit each other in the plan."""
        return []

    @property
    def hash(self) -> str:
        """What the plan says in short, another for another plan. Owner, notes and decision are no part of it.

        It begins with a letter, so that YAML never takes it for a number.
        """
        told = self.model_dump(mode="json", exclude=NOT_OF_THE_PLAN, exclude_defaults=True)
        return f"p{hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:11]}"

    @property
    def is_changed(self) -> bool:
        """Whether the plan is another than the one that was fixed."""
        return self.fixed is not None and self.fixed.plan != self.hash


class Link(Plan):
    """Whether more of a CPI goes with more, or less, of a KPI some periods later (C08).

    Of customers, ``by_account_CPI`` is the relation with each one's value and ``outcome`` is what became of it. Of
    periods, the two series are compared.
    """

    kind: Literal["link"] = "link"
    cpi: Name
    kpi: Name
    unit: Literal["customer", "period"] = "customer"
    outcome: Literal["churned", "expanded", "renewed"] | None = None
    expected: Direction
    lag: Whole = 1
    increment: Above0 = 1
    mechanism: Text
    confounders: tuple[str, ...] = ()

    @property
    def faults(self) -> list[str]:
        if (self.unit == "customer") == (self.outcome is not None):
            return []
        return [f"outcome is {self.outcome or 'missing'}, must be given for customers, and for customers alone"]


class Guardrail(Frozen):
    """What must not get worse by ``margin`` or more, whatever else gets better."""

    metric: Name
    direction: Direction
    margin: Above0


class Controlled(Plan):
    """Two variants, to which units are assigned by chance (C09).

    ``variants`` are two with their shares of the units, the control first. A metric is ``outcome``, the column of
    assignments, or one of measurements, summed over the ``outcome_days`` after each unit's assignment; ``per`` divides
    it by another. ``ship_at_least`` is the least effect that is worth having.
    """

    kind: Literal["controlled"] = "controlled"
    unit: Name
    variants: dict[str, Share]
    metric: Name = OWN_METRIC
    per: Name | None = None
    measured: Literal["share", "mean"] = "mean"
    direction: Direction = "up"
    secondary: tuple[Name, ...] = ()
    guardrails: tuple[Guardrail, ...] = ()
    use_pre_value: bool = False
    analysis: Literal["fixed", "sequential", "hybrid"] = "fixed"
    floor: Annotated[int, Field(ge=10)] = 100
    alpha: Share = 0.05
    power: Share = 0.8
    mde: Above0
    ship_at_least: Annotated[float, Field(ge=0)] = 0
    baseline: float | None = None
    spread: Above0 | None = None
    cluster_size: Annotated[float, Field(ge=1)] = 1
    cluster_correlation: Annotated[float, Field(ge=0, le=1)] = 0
    starts_on: date
    stops_on: date
    outcome_days: Whole = 0

    @property
    def faults(self) -> list[str]:
        summed = [name for name in (self.per, *self.metrics) if name not in (None, OWN_METRIC)]
        needed = "baseline" if self.measured == "share" else "spread"
        is_mean = self.per is not None or self.use_pre_value
        aim = (self.baseline or 0) + (self.mde if self.direction == "up" else -self.mde)
        found = {
            f"variants == {self.variants}, must be two, the control first, whose shares make 1": (
                len(self.variants) != 2 or abs(sum(self.variants.values()) - 1) > 1e-9
            ),
            f"stops_on == '{self.stops_on}', must be later than starts_on": self.stops_on <= self.starts_on,
            f"outcome_days is missing, must say over how many days {summed[0] if summed else ''} is summed": (
                bool(summed) and not self.outcome_days
            ),
            "measured == 'share', must be mean where it is divided (per) or corrected (use_pre_value)": (
                self.measured == "share" and is_mean
            ),
            f"mde == {self.mde:g}, must lead from the baseline to a share between 0 and 1": (
                self.measured == "share" and self.baseline is not None and not 0 < aim < 1
            ),
            f"{needed} is missing, must say what the control is like where one may look before the stop": (
                self.analysis != "fixed" and getattr(self, needed) is None
            ),
        }
        return [fault for fault, is_there in found.items() if is_there]

    @property
    def control(self) -> str:
        return next(iter(self.variants))

    @property
    def treatment(self) -> str:
        return list(self.variants)[1]

    @property
    def metrics(self) -> dict[str, str]:
        """Each metric that is looked at, with its part: primary, secondary or guardrail."""
        guards = {each.metric: "guardrail" for each in self.guardrails}
        return {**guards, **dict.fromkeys(self.secondary, "secondary"), self.metric: "primary"}


class Backtest(Plan):
    """Whether a KPI, as it stood at the ends of past quarters, told who would leave (G04).

    ``by_account_SCORE`` is the relation with each account's value, ``under`` the rules and parameters with which it is
    asked, where they are not the review's own. Snapshots from ``test_from`` on are the test; those whose outcome was
    known by then say which way the score points.
    """

    kind: Literal["backtest"] = "backtest"
    score: Name
    target: Target = "churn"
    under: dict[str, Any] = Field(default_factory=dict)
    gap_days: Annotated[int, Field(ge=0, le=30)] = 0
    horizon_days: Annotated[int, Field(ge=1, le=366)] = 90
    test_from: date


AnyPlan = Link | Controlled | Backtest
Experiment = Annotated[AnyPlan, Field(discriminator="kind")]
KINDS: dict[str, type[AnyPlan]] = {"link": Link, "controlled": Controlled, "backtest": Backtest}


class _Kind(Frozen):
    kind: str = ""


def open_points(experiments: Sequence[Plan], folder: Path, on: date) -> list[str]:
    """One line per plan that is not fixed, with what fixes it, and per plan that is another than the one fixed."""
    found = []
    for each in experiments:
        where = shown(folder / f"{each.id}.yml")
        if each.fixed is None:
            line = f"fixed: {{on: {on}, plan: {each.hash}}}"
            found.append(
                f"{where}: the plan is not fixed, so that it decides nothing; when it is as it should be, add {line}"
            )
        elif each.is_changed:
            changed = f"the plan is another than the one fixed on {each.fixed.on} ({each.fixed.plan}, now {each.hash})"
            do = "take the change back, or begin another experiment"
            found.append(f"{where}: {changed}, so that it decides nothing; {do}")
    return found


def load_experiments(folder: Path) -> tuple[AnyPlan, ...]:
    """The experiments of a folder, by name; none where there is no folder.

    Raises:
        KitError: with every fault of every file.
    """
    return tuple(together(*(partial(_load, file) for file in sorted(folder.glob("*.yml")))))


def _load(file: Path) -> AnyPlan:
    kind = read_model(file, _Kind, prepare=lambda sections: {"kind": str(sections.get("kind", ""))}).kind
    if kind not in KINDS:
        raise KitError(f"{shown(file)}: kind == {kind!r}, must be one of {', '.join(KINDS)}")
    found = read_model(file, KINDS[kind], prepare=lambda sections: {**sections, "id": file.stem})
    refuse(f"{shown(file)}: {fault}" for fault in found.faults)
    return found
