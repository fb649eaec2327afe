"""What the numbers say: one headline per family of KPIs, for the summary, and in short for a theme.

A headline has the number, the change, against what, how usual that is, and what it is worth in money. The rules stand
here, the words come from the results: no adjectives, no causes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from helpers.catalogue import CATALOGUE, kpi
from helpers.display.context import Results
from helpers.display.formats import MONEY, format_period, is_small
from helpers.display.objectives import OFF_PACE, Objective, objective_sentence, objectives_in
from helpers.display.sentences import (
    clauses,
    gap_to_target,
    gaps_of,
    moved_to,
    movement,
    name_of,
    when_earlier,
    why_missing,
)
from helpers.display.signals import Tone, Verdict, change_tone, target_met, verdict, verdict_of_period
from helpers.language import _, enumerated, paragraph, retold
from helpers.results import rows_of, segment_of, split_address
from helpers.texts import as_plain_markdown, spoken

Kind = Literal["signal", "target", "objective", ""]
KINDS: tuple[Kind, ...] = ("signal", "target", "objective", "")  # in the order of their weight
FAMILIES = {"mrr_movements": "mrr"}  # cards that tell the story of another
IN_SHORT = 3  # sentences
PARTS = 3  # of a sum that are named; a fourth takes no more room than that there is one


@dataclass(frozen=True)
class Headline:
    """One sentence of news: ``lead`` is read first, ``rest`` says against what, how usual it is, what it is worth.

    ``family`` is the card of its KPI: KPIs of one card tell the same story, and one headline of a tone is enough.
    ``size`` is how far the value lies from its target, as a share of that. ``kpi_id`` and ``segment`` are
    what it is of.
    """

    theme: str
    family: str
    kind: Kind
    tone: Tone
    lead: str
    rest: str
    of_money: bool = False
    size: float = 0.0
    kpi_id: str = ""
    segment: str = ""

    @property
    def text(self) -> str:
        return self.lead + self.rest

    @property
    def weight(self) -> tuple[bool, int, float]:
        """Money first; then signals, missed or met targets, objectives; then by size."""
        return not self.of_money, KINDS.index(self.kind), -self.size


@dataclass(frozen=True)
class InShort:
    """The news of one theme as a list, which a notebook displays."""

    sentences: Sequence[str]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        lines, title = "\n".join(f"- {as_plain_markdown(sentence)}" for sentence in self.sentences), _("In short")
        return {"text/markdown": f"## {title}\n\n{lines}", "text/plain": "\n".join([title, *self.sentences])}


def headlines(results: Results, kpi_ids: Iterable[str]) -> list[Headline]:
    """The news of these KPIs, of every KPI with a target, and of objectives: one per family, the weightiest first."""
    told = dict.fromkeys([*kpi_ids, *(split_address(key)[0] for key in results.context.targets)])
    found = [each for kpi_id in told if (each := _of_kpi(results, kpi_id)) and each.kind]
    found += [each for address in results.context.targets if (each := _of_segment(results, address)) and each.kind]
    found += [each for objective in objectives_in(results) if (each := _of_objective(objective))]
    return _one_per_family(found)


def family_of(kpi_id: str) -> str:
    """The card whose story a KPI tells.

    >>> family_of("inactive_rate"), family_of("net_new_mrr")
    ('inactive_customers', 'mrr')
    """
    return FAMILIES.get(card := kpi(kpi_id).card, card)


def in_short(results: Results) -> InShort:
    """Two or three sentences on a theme: its news first, else its first KPIs; and which parts moved them."""
    present = dict.fromkeys(results.frame["kpi_id"])
    objectives = [each for one in objectives_in(results) if (each := _of_objective(one))]
    ids = [kpi_id for kpi_id in present if kpi(kpi_id).headline or results.target(kpi_id) is not None]
    found = [each for kpi_id in ids or list(present)[:1] if (each := _of_kpi(results, kpi_id))]
    news = [*objectives, *(each for each in _one_per_family(found) if each.kind)]
    others = [each for each in found if each.family not in {one.family for one in news}]
    parts = [words for kpi_id in ids if (words := parts_moved(results, kpi_id))][:1]
    shown = [*news, *{each.family: each for each in reversed(others)}.values()][: IN_SHORT - len(parts)]
    told = [*(each.text for each in shown), *parts]
    told = told or [words for kpi_id in list(present)[:1] for words in _by_segment_alone(results, kpi_id)]
    told = told or [each.text for kpi_id in present if (each := _of_kpi(results, kpi_id))][:1]
    return InShort(told or [_("No figure of this theme is known.")])


def parts_moved(results: Results, kpi_id: str) -> str:
    """Which segments a change came from; empty where they do not add up to the whole, or nothing moved.

    "New bookings by source, on 2026Q2: upsell −€120,000, cross-sell +€8,000."
    """
    row = results.shown(kpi_id)
    before = results.before(row) if row is not None else None
    if row is None or before is None or not (row["unit"] in MONEY or row["unit"] == "count"):
        return ""
    for by, of_dimension in _segment_rows(results, kpi_id).groupby("segment_by", sort=False):
        now, then = (_by_segment(of_dimension, each) for each in (row, before))
        if now is None or then is None:
            continue
        gaps = now.sub(then, fill_value=0.0)
        gaps = gaps[gaps != 0].sort_values(key=abs, ascending=False, kind="stable")
        told = _("{segment} {value}")
        written = [
            told.format(segment=retold(spoken(str(name))), value=results.write.change(gap, 0.0, row["unit"]))
            for name, gap in gaps.items()
        ]
        if len(now) > 1 and written:
            shown = written[:PARTS] if len(written) > PARTS + 1 else written
            more = [_("{n} more").format(n=len(written) - PARTS)] if len(written) > len(shown) else []
            return _("{name} by {dimension}, on {period}: {parts}.").format(
                name=kpi(kpi_id).label,
                dimension=_(spoken(str(by))),
                period=format_period(before["period"]),
                parts=enumerated([*shown, *more]),
            )
    return ""


def _by_segment_alone(results: Results, kpi_id: str) -> list[str]:
    """The first figures of a KPI that has none of the whole company, each with its interval."""
    rows, told = _segment_rows(results, kpi_id), []
    known = rows[(rows["period"] == results.period.label) & rows["value"].notna()]
    for _i, row in known.head(IN_SHORT).iterrows():
        said = {"name": name_of(row), "value": results.write.result_phrase(row)}
        if interval := results.write.interval(row["ci_low"], row["ci_high"], row["unit"]):
            level = results.write.level(row["ci_level"])
            told.append(
                _("{name}: {value}, {level} interval {interval}.").format(**said, level=level, interval=interval)
            )
        else:
            told.append(_("{name}: {value}.").format(**said))
    return told


def _segment_rows(results: Results, kpi_id: str) -> pd.DataFrame:
    """The rows of every segment of a KPI."""
    frame = results.frame
    return frame[(frame["kpi_id"] == kpi_id) & (frame["segment_by"] != "")]


def _by_segment(rows: pd.DataFrame, whole: pd.Series) -> pd.Series | None:
    """The values of the segments in the period of a row, by name; None where they do not add up to it."""
    found = rows[rows["period"] == whole["period"]].set_index("segment")["value"]
    adds_up = abs(found.sum() - whole["value"]) <= 1e-6 * max(1.0, abs(whole["value"]))
    return found if len(found) and found.notna().all() and adds_up else None


def _one_per_family(found: Iterable[Headline]) -> list[Headline]:
    kept: dict[tuple[str, Tone], Headline] = {}
    for each in sorted(found, key=lambda each: each.weight):
        kept.setdefault((each.family, each.tone), each)
    return list(kept.values())


def _of_kpi(results: Results, kpi_id: str) -> Headline | None:
    """What is to be said of a KPI; its kind is empty where that is no news."""
    row = results.shown(kpi_id)
    if row is None or row["status"] == "not_provided":
        return None
    return _of_row(results, row, judgement(results, kpi_id))


def judgement(results: Results, kpi_id: str) -> Verdict:
    """The verdict that is news: of a month that signals, unless the figure of the review period says otherwise."""
    by_month, of_period = verdict(results, kpi_id), verdict_of_period(results, kpi_id)
    otherwise = of_period.tone not in ("", by_month.tone)
    return by_month if by_month.state == "signal" and not otherwise else of_period


def _of_segment(results: Results, address: str) -> Headline | None:
    """What is to be said of a segment that has a target of its own."""
    kpi_id, segment = split_address(address)
    row = results.shown(kpi_id, segment) if segment and len(rows_of(results.frame, kpi_id, segment)) else None
    return None if row is None else _of_row(results, row, Verdict("not judged"))


def _of_row(results: Results, row: pd.Series, found: Verdict) -> Headline:
    known = kpi(row["kpi_id"])
    if why_missing(row):
        return Headline(known.theme, family_of(row["kpi_id"]), "", "", movement(results, row), _("."))
    target, met = results.target(row["kpi_id"], segment_of(row)), target_met(results, row)
    size = abs(row["value"] - target) / abs(target) if target else 0.0
    gaps = gaps_of(results, row, year_ago=True) + ([] if target is None else [_against_target(results, row, target)])
    words, worth = _how_usual(found), _worth(results, row, target)
    lead = moved_to(results, row) + when_earlier(results, row)
    rest = "".join([_(", ") if gaps else "", clauses(gaps), _("; ") if words else "", words, _(".")])
    rest = paragraph(rest, worth)
    is_signal = found.state == "signal" and (found.tone or met is None)
    kind: Kind = "signal" if is_signal else "target" if met is not None else ""
    before = results.before(row)
    change = change_tone(row["kpi_id"], row["value"] - before["value"]) if before is not None else ""
    tone: Tone = found.tone if kind == "signal" else ("good" if met else "bad") if kind == "target" else change
    of_money = row["unit"] in MONEY or known.parts in MONEY or bool(worth)
    of = (row["kpi_id"], segment_of(row))
    return Headline(known.theme, family_of(row["kpi_id"]), kind, tone, lead, rest, of_money, size, *of)


def _how_usual(found: Verdict) -> str:
    """A signal in full; that there is none, in a few words; nothing where nothing was judged."""
    if found.state != "noise":
        return found.words if found.state == "signal" else ""
    usual = _("varies too much for a verdict") if found.is_wide else _("within its usual range")
    return _(", ").join(filter(None, [found.name, usual]))


def _against_target(results: Results, row: pd.Series, target: float) -> str:
    """How far a figure lies from its target; of a few, the target alone."""
    planned = results.write.phrase(target, row["unit"])
    if is_small(row):
        return _("against a target of {target}").format(target=planned)
    return _("{gap} of {target}").format(gap=gap_to_target(results, row, target), target=planned)


def _worth(results: Results, row: pd.Series, target: float | None) -> str:
    """What a figure is worth: the KPI that the catalogue names, or a share's gap to its target in money."""
    known, write = kpi(row["kpi_id"]), results.write
    if known.worth and not row["segment_by"]:
        money, share = (results.at(name, row["period"]) for name in (known.worth, f"{known.worth}_share"))
        if money is None or pd.isna(money["value"]):
            return ""
        label, value = kpi(known.worth).label, write.result_phrase(money)
        if share is None or pd.isna(share["value"]):
            return _("{name}: {value}.").format(name=label, value=value)
        return _("{name}: {value}, {share} of MRR.").format(name=label, value=value, share=write.result(share))
    if target is None or known.unit != "share" or known.parts not in MONEY or pd.isna(row["denominator"]):
        return ""
    worth = abs(row["value"] - target) * row["denominator"]
    return _("The difference to its target is {value}.").format(value=write.phrase(worth, known.parts))


def _of_objective(objective: Objective) -> Headline | None:
    """What is to be said of an objective that has a standing."""
    if not objective.standing or objective.facts["kpi_id"] not in CATALOGUE:
        return None
    known = kpi(objective.facts["kpi_id"])
    lead, rest = objective_sentence(objective)
    tone: Tone = "bad" if objective.standing in OFF_PACE else "good"
    size = float(len(OFF_PACE) - OFF_PACE.index(objective.standing)) if tone == "bad" else objective.done
    of_money = known.unit in MONEY or known.parts in MONEY
    of = (known.kpi_id, objective.facts["kpi_segment"])
    return Headline("kpi_alignment", family_of(known.kpi_id), "objective", tone, lead, rest, of_money, size, *of)
