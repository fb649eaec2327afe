"""Is it a customer performance indicator at all (C07)? What a review registers is held against four tests.

A figure that only the company cares about is a KPI; one that customers may care about, without anybody having asked
them, is unproven. Nothing is guessed from an outcome's wording: the review says whose outcome it is, and only measures
that are the company's by their name are recognised.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Literal

from helpers.language import _, message
from helpers.registries import Cpi

ENOUGH = 5  # customers that were asked or watched
METHODS = ("interview", "observation")
OF_THE_COMPANY = (  # a measure whose id has one of these words
    "arr", "bookings", "brand", "csat", "growth", "grr", "margin", "mrr", "nps", "nrr", "profit", "promoter", "quota",
    "revenue", "sales", "satisfaction",
)  # fmt: skip
SCORES = ("csat", "nps", "promoter", "satisfaction")  # of the relation as a whole, and so of no one outcome
MISTAKES = {
    "copied": message("taken over from another company: it shows what matters to that one's customers"),
    "internal_opinion": message("chosen by people of the company, who suppose that they know what customers need"),
    "public_reviews": message("read from public reviews, of which nobody knows how they came about"),
    "survey_only": message("asked for in a survey alone: it is slow, and answers nothing that was not asked"),
}
Status = Literal["cpi", "kpi_only", "unproven"]


@dataclass(frozen=True)
class Validity:
    """What became of the four tests: ``failed`` has the reason by the number of the test; ``warnings`` are mistakes."""

    failed: dict[int, str]
    warnings: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        """Of the company where it is not the customer's outcome, or none in particular; else unproven till it is."""
        if not self.failed:
            return "cpi"
        return "kpi_only" if self.failed.keys() & {1, 3} else "unproven"


def validity(cpi: Cpi, *, on: date = date.max, paid: Collection[str] = ()) -> Validity:
    """Whether a registered CPI is one.

    Definition:
        (1) The outcome is the customer's: it is told, and not the company's, as revenue, growth, NPS, CSAT and the
        company's own brand are. (2) It is measured in increments that customers value, in a unit; ``other`` increments
        need evidence. (3) It is traceable to one outcome: it names where the customer meets it, and is no score of the
        whole relation. (4) Five customers or more showed or said it, by interview or observation, to somebody who is
        not paid on it. All hold: ``cpi``; 1 or 3 does not: ``kpi_only``; else ``unproven``.

    Args:
        cpi: What the review registers.
        on: The last day that is known; evidence after it does not count.
        paid: The names of those who are held to it, besides its owner.
    """
    words = set(re.split(r"\W|_", cpi.id.lower()))
    tests = {
        1: _not_of_the_customer(cpi, words),
        2: _without_increments(cpi),
        3: _of_no_one_outcome(cpi, words),
        4: _without_evidence(cpi, on, {cpi.owner, *paid}),
    }
    mistake = MISTAKES.get(cpi.source, "")
    warnings = (f"{cpi.source}: {mistake}",) if mistake else ()
    return Validity({test: why for test, why in tests.items() if why}, warnings)


def customers_asked(cpi: Cpi, on: date = date.max) -> int:
    """How many customers showed or said by a day that they care, by interview or observation."""
    return len({e.customer_id for e in cpi.evidence if e.method in METHODS and e.customer_id and e.date <= on})


def _not_of_the_customer(cpi: Cpi, words: Collection[str]) -> str:
    if not cpi.outcome.strip():
        return _("no outcome of the customer is told")
    if cpi.outcome_of == "company":
        return _("the outcome is the company's")
    own = [word for word in OF_THE_COMPANY if word in words]
    return _("{name} is an outcome of the company").format(name=own[0]) if own else ""


def _without_increments(cpi: Cpi) -> str:
    if cpi.increment is None or not cpi.unit.strip():
        return _("no increment that customers value, or no unit")
    is_open = cpi.increment == "other" and not cpi.evidence
    return _("an increment of another kind needs evidence") if is_open else ""


def _of_no_one_outcome(cpi: Cpi, words: Collection[str]) -> str:
    if score := [word for word in SCORES if word in words]:
        return _("{name} is a score of the whole relation, of no one outcome").format(name=score[0])
    return "" if cpi.touch_point.strip() else _("no touch point at which the customer meets it")


def _without_evidence(cpi: Cpi, on: date, paid: Collection[str]) -> str:
    asked = customers_asked(cpi, on)
    if asked < ENOUGH:
        return _("{n} of {all} customers were asked or watched").format(n=asked, all=ENOUGH)
    if not cpi.asked_by.strip():
        return _("who asked the customers is not told")
    told = _("the customers were asked by {name}, who is held to it")
    return told.format(name=cpi.asked_by) if cpi.asked_by in paid else ""
