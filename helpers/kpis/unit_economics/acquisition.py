"""What it cost to win the customers of a window: the months of the ledger, and who was won (K16)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from helpers.errors import NotProvided
from helpers.kpis.rows import require_parents
from helpers.kpis.spine import Spine
from helpers.language import template
from helpers.results import A_QUARTER, Interval, grouped
from helpers.statistics import LEVEL, poisson_interval

DEPARTMENTS = {"sm": ("marketing", "sales"), "full": ("marketing", "sales", "support")}
BY_DEALS = template("new customers are counted by won new-logo deals, as there are no subscriptions")
# Months that a ledger lacks. The first text that fits is said: that of several departments stands before that of one.
GIVE_0 = template("{reason}; give 0 where nothing was spent")
GIVE_0_OR_NAME = template(
    "{reason}; {others} spent something then: where that is the same, say so in the query of spend, or give 0 where "
    "nothing was spent"
)
ALSO_MISSING = template("{reason}; spend of {department} is missing for {months}")
MISSING_OF = template("spend of {department} is missing for {reason}")
MISSING = template("spend is missing for {reason}")
MORE_MONTHS = template("{months} and {n} more months")
NO_SPEND_OF_BOTH = template("the ledger names no spend of {one} or {other}")
NO_SPEND = template("the ledger names no spend of {department}")
ELSEWHERE = template(
    "the ledger names no spend of {missing}, but of {others}; where they are the same, say so in the query of spend, "
    "or give 0 where nothing was spent"
)
BEGINS = template("spend of {department} begins in {month}")
NOT_SO_FAR = template("the calendar does not reach back {n} quarters; add them to quarter_starts")
NO_MONTH = template("no month of the window is over yet")
CREDITS = template("credits exceed what was spent")
NOBODY_WON = template("no new customer; spent: {money}")
ONLY_ONE = template("only 1 new customer: too few for this cost to be read")
ONLY_FEW = template("only {n} new customers: too few for this cost to be read")
FEWEST = 5  # new customers; the interval of fewer is too wide to read
SHOWN = 3


@dataclass
class Cost:
    """The spend of a window, its new customers, and what every figure made of them tells.

    ``spent`` and ``won`` are by segment and channel: ``{("channel", "paid search"): 1200.0}``. ``refused`` says why no
    figure is printed, ``has_months`` whether any month of the window is over.
    """

    total: float = 0.0
    n: int = 0
    spent: dict[tuple[str, str], float] = field(default_factory=dict)
    won: dict[tuple[str, str], int] = field(default_factory=dict)
    excluded: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    refused: str = ""
    has_months: bool = True

    @property
    def each(self) -> float | None:
        """Per new customer; None where there is none."""
        return self.total / self.n if self.n else None


class Costs:
    """The cost of each period, department variant (``sm`` or ``full``) and horizon (``window`` or ``quarter``).

    Raises:
        NotProvided: the period is no quarter, there is no ledger, or neither subscriptions nor won deals.
    """

    def __init__(self, spine: Spine) -> None:
        if spine.period.kind != "quarter":
            raise NotProvided(A_QUARTER.format(reason=spine.period.kind))
        _require_customers(spine)
        self._spine = spine
        self._windows = {
            (each["label"], each["horizon"]): each for each in spine.answers("acquisition_window", "label")
        }
        self._answers = spine.answers("cac", "segment_by, segment")
        self._notes = spine.answers("acquisition_notes", "place, text")
        spent, told = spine.answers("spend_month", "month"), spine.answers("department_month", "month")
        self._months = grouped(((each["label"], each["horizon"]), each["month"]) for each in spent)
        self._told = grouped(((each["label"], each["department"]), each["month"]) for each in told)
        counted = ("subscriptions", "customers") if spine.provides("subscriptions") else ("deals", "customers")
        self._left_out = [spine.left_out("spend"), spine.left_out(*counted)]

    def at(self, label: str, variant: str, horizon: str) -> Cost:
        """What a variant cost in a period, over a horizon."""
        window, months = self._windows[label, horizon], self._months.get((label, horizon), [])
        if why := not_reached(window["begins_on"], window["quarters"], bool(months)):
            return Cost(refused=why, has_months=bool(months) or window["begins_on"] is None)
        spend, of_customers = self._left_out
        found = Cost(excluded={**spend[label], **of_customers[label]})
        for each in self._answers:
            if (each["label"], each["horizon"]) == (label, horizon):
                _count(found, each, each[f"spent_{variant}"])
        refused, found.warnings = self._complete(label, months, DEPARTMENTS[variant])
        notes = [each for each in self._notes if (each["label"], each["horizon"]) == (label, horizon)]
        for note in (each for each in notes if each["variant"] in ("", variant)):
            if note["kind"] == "refused":
                refused = refused or note["text"]
            elif note["kind"] == "warning":
                found.warnings.append(note["text"])
            else:
                found.excluded[note["text"]] = note["rows"]
        if not self._spine.provides("subscriptions"):
            found.warnings.append(BY_DEALS)
        found.refused = refused
        found.warnings += readable(found.total, found.n, self._spine.prepared.currency)
        return found

    def _complete(self, label: str, months: Sequence[date], departments: Sequence[str]) -> tuple[str, list[str]]:
        """Why a window cannot be added up, since a month is missing; and which departments have no spend, or a part.

        Where the ledger, as the review knows it, names no sales or no marketing, but departments that nobody here
        knows, one of them may be it under another name.
        """
        named = {name for at, name in self._told if at == self._spine.period.label}
        missing = [name for name in DEPARTMENTS["sm"] if name not in named]
        others = _unknown(named)
        if missing and others:
            return ELSEWHERE.format(missing=" or ".join(missing), others=", ".join(others[:SHOWN])), []
        told = {name: self._told[label, name] for name in sorted(departments) if (label, name) in self._told}
        nobody = [month for month in months if not any(month in known for known in told.values())]
        gaps = {
            name: [m for m in months if m > min(known) and m not in known and m not in nobody]
            for name, known in told.items()
        }
        refused = MISSING.format(reason=_listed(nobody)) if nobody else ""
        for name, lacking in gaps.items():
            if lacking and refused:
                refused = ALSO_MISSING.format(reason=refused, department=name, months=_listed(lacking))
            elif lacking:
                refused = MISSING_OF.format(department=name, reason=_listed(lacking))
        not_told = {*nobody, *(month for of_one in gaps.values() for month in of_one)}
        then = _unknown(name for (at, name), known in self._told.items() if at == label and not_told & {*known})
        if refused and then:
            refused = GIVE_0_OR_NAME.format(reason=refused, others=", ".join(then[:SHOWN]))
        elif refused:
            refused = GIVE_0.format(reason=refused)
        absent = [name for name in departments if name not in told]
        late = {name: min(known) for name, known in told.items() if min(known) > months[0]}
        warnings = [BEGINS.format(department=name, month=f"{first:%Y-%m}") for name, first in late.items()]
        if absent:
            *most, last = absent
            both = NO_SPEND_OF_BOTH.format(one=" or ".join(most), other=last)
            warnings.insert(0, both if most else NO_SPEND.format(department=last))
        return refused, warnings


def _unknown(names: Iterable[str]) -> list[str]:
    """The departments that nobody here knows, so that each may be one of sales, marketing and support."""
    return sorted(name for name in {*names} - {*DEPARTMENTS["full"]} if name.lower() != "product")


def not_reached(begins_on: Any, quarters: int, has_months: bool) -> str:
    """Why there is no window: the calendar does not reach back that far, or no month of it is over yet."""
    if begins_on is None:
        return NOT_SO_FAR.format(n=quarters)
    return "" if has_months else NO_MONTH


def inverted(spend: float, n: int) -> Interval | None:
    """The interval of money per unit: the exact interval of the count, upside down (T10).

    >>> [round(end) for end in inverted(700_000, 50)[:2]]
    [10619, 18862]
    """
    if not n or spend <= 0:
        return None
    least, most = (end for end in poisson_interval(n)[:2] if end)
    return Interval(spend / most, spend / least, LEVEL, "Garwood, inverted")


def readable(spend: float, n: int, currency: str) -> list[str]:
    """What must be known of spend per customer before it is read."""
    told = [CREDITS] if spend < 0 else []
    if not n:
        told.append(NOBODY_WON.format(money=f"{spend:,.0f} {currency}"))
    elif n < FEWEST:
        told.append(ONLY_FEW.format(n=n) if n > 1 else ONLY_ONE)
    return told


def _require_customers(spine: Spine) -> None:
    """What tells who is a new customer: subscriptions, else won deals."""
    spine.require("spend")
    if spine.provides("subscriptions") or not spine.provides("deals"):
        spine.require("subscriptions")
    else:
        spine.require("deals.outcome", "deals.closed_at")
    require_parents(spine)


def _count(found: Cost, answer: Mapping[str, Any], spent: float | None) -> None:
    """Add what was spent, and who was won, in all or of a segment or channel."""
    by = (answer["segment_by"], answer["segment"])
    if not answer["segment_by"]:
        found.total, found.n = float(spent or 0.0), answer["n"]
        return
    if spent is not None:
        found.spent[by] = float(spent)
    if answer["n"]:
        found.won[by] = answer["n"]


def _listed(months: Sequence[date]) -> str:
    told, more = ", ".join(f"{month:%Y-%m}" for month in months[:SHOWN]), len(months) - SHOWN
    return MORE_MONTHS.format(months=told, n=more) if more > 0 else told
