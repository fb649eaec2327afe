"""KPI blocks: one KPI in a card that says its number, what it is compared with, and whether it stands out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

from helpers.catalogue import TIMES, kpi
from helpers.display.context import Context, Results
from helpers.display.formats import (
    NOTES,
    NOTHING,
    format_change,
    format_interval,
    format_phrase,
    format_result,
    format_value,
)
from helpers.display.sentences import cautions, why_missing, window
from helpers.display.signals import change_tone, verdict
from helpers.display.sparkline import data_url, sparkline
from helpers.texts import begun

__all__ = ["Blocks", "Context", "Note", "Results", "block", "figures"]

MARKS = {"signal": "◆", "noise": "○", "met": "✓", "missed": "✗"}  # shapes: nothing is told by colour alone


@dataclass(frozen=True)
class Blocks:
    """The blocks of some KPIs, side by side where the page is wide enough."""

    results: Results
    kpi_ids: Sequence[str]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        found = [block(self.results, kpi_id) for kpi_id in self.kpi_ids]
        cards = "".join(_card_html(card) for card in found)
        return {
            "application/vnd.kpi-review.blocks+json": {"blocks": found},
            "text/html": f'<div class="kpi-blocks">{cards}</div>',
            "text/plain": "\n".join(_card_text(card) for card in found),
        }


@dataclass(frozen=True)
class Note:
    """A sentence that the reader must see before the numbers."""

    text: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {
            "application/vnd.kpi-review.note+json": {"text": self.text},
            "text/html": f'<p class="kpi-note">{escape(self.text)}</p>',
            "text/plain": self.text,
        }


def block(results: Results, kpi_id: str) -> dict[str, str]:
    """One KPI block as display strings: the figures of :func:`figures`, and the sentence that defines the KPI."""
    return {**figures(results, kpi_id), "definition": kpi(kpi_id).definition}


def figures(results: Results, kpi_id: str) -> dict[str, str]:
    """What the review says of one KPI, as display strings; what cannot be said is empty, and ``reason`` says why.

    The keys are those of a block and of a scorecard row. ``verdict`` is ``signal``, ``noise`` or ``too short``,
    ``target_status`` is ``met`` or ``missed``, and each ``…_tone`` is ``good``, ``bad`` or empty.
    Where the review period is not mature, the latest period that is stands in for it, by name.
    """
    row, style = results.shown(kpi_id), results.context.style
    known, found = kpi(kpi_id), verdict(results, kpi_id)
    if row is None:
        missing = {"kpi_id": kpi_id, "label": known.label, "value": NOTHING, "status": "not_provided"}
        return {**dict.fromkeys(_KEYS, ""), **missing, "reason": "Not computed in this review"}
    stands_in = "" if row["period"] == results.period.label else f", {row['period']}"
    value = format_result(row, **style)
    return {
        "kpi_id": kpi_id,
        "label": known.label + stands_in,
        "status": str(row["status"]),
        "value": value,
        "unit_note": _unit_note(row, value),
        "n": "" if pd.isna(row["n"]) else format_value(row["n"], "count", **style),
        "interval": _interval(row, style),
        **_change("previous", results, row, results.before(row)),
        **_change("year_ago", results, row, results.year_before(row)),
        **target_of(results, row),
        "verdict": "" if found.state == "not judged" else found.state,
        "verdict_words": begun(f"signal: {found.words}" if found.state == "signal" else found.words),
        "verdict_tone": found.tone,
        **sparkline(results, kpi_id, found),
        "reason": _reason(results, row),
        "cautions": _cautions(row, style["locale"]),
    }


_KEYS = (
    "unit_note", "n", "interval", "previous", "previous_label", "previous_tone", "year_ago", "year_ago_label",
    "year_ago_tone", "target", "target_status", "verdict", "verdict_words", "verdict_tone", "sparkline_svg",
    "sparkline_alt", "cautions",
)  # fmt: skip


def _unit_note(row: pd.Series, value: str) -> str:
    """What follows the number: its unit, the months it looks back over, and that it is not final."""
    unit = [] if value == NOTHING else [NOTES.get(row["unit"], ""), window(row)]
    return ", ".join(filter(None, [*unit, "to date" if row["status"] == "partial" else ""]))


def _interval(row: pd.Series, style: Mapping[str, str]) -> str:
    words = format_interval(row["ci_low"], row["ci_high"], row["unit"], **style)
    return f"{row['ci_level']:.0%} interval {words}" if words else ""


def _change(name: str, results: Results, row: pd.Series, before: pd.Series | None) -> dict[str, str]:
    if before is None:
        return {name: "", f"{name}_label": "", f"{name}_tone": ""}
    text = format_change(row["value"], before["value"], row["unit"], **results.context.style)
    tone = change_tone(row["kpi_id"], row["value"] - before["value"]) if text[0] in "+−" else ""
    return {name: text, f"{name}_label": before["period"], f"{name}_tone": tone}


def target_of(results: Results, row: pd.Series) -> dict[str, str]:
    """The target; whether it is met is only said of a complete period and a KPI with a good direction."""
    target, direction = results.target(row["kpi_id"]), kpi(row["kpi_id"]).direction
    if target is None:
        return {"target": "", "target_status": ""}
    met = row["value"] >= target if direction == "up" else row["value"] <= target
    judged = row["status"] == "ok" and row["period"] == results.period.label and direction != "neutral"
    write = format_phrase if row["unit"] in TIMES else format_value
    text = write(target, row["unit"], **results.context.style)
    return {"target": text, "target_status": ("met" if met else "missed") if judged else ""}


def _reason(results: Results, row: pd.Series) -> str:
    """Why there is no number, or not that of the review period, in words."""
    now = results.now(row["kpi_id"])
    if now is not None and now["period"] != row["period"]:
        return f"{results.period.label} is not mature yet: {format_result(now, **results.context.style)} to date"
    return begun(why_missing(row, results.context.locale))


def _cautions(row: pd.Series, locale: str) -> str:
    """What a reader of the number must know beside it; of a missing one the reason says it."""
    return "" if why_missing(row, locale) else " ".join(f"{begun(text)}." for text in cautions(row, locale))


def _told(kind: str, words: str, tone: str = "") -> str:
    mark = f'<span aria-hidden="true">{MARKS[kind]}</span> ' if kind in MARKS else ""
    tinted = f' class="kpi-{tone}"' if tone else ""
    return f"<span{tinted}>{mark}{escape(words)}</span>" if words else ""


def _card_html(card: Mapping[str, str]) -> str:
    lines = [f"<p><strong>{escape(card['label'])}</strong></p>"]
    lines += [f'<p class="num">{escape(card["value"])} <small>{escape(card["unit_note"])}</small></p>']
    counted = " · ".join(filter(None, [card["n"] and f"n = {card['n']}", card["interval"]]))
    changes = [
        f"{_told('', card[name], card[f'{name}_tone'])} on {escape(card[f'{name}_label'])}"
        for name in ("previous", "year_ago")
        if card[name]
    ]
    target = card["target"] and f"Target {escape(card['target'])} {_told(card['target_status'], card['target_status'])}"
    judged = _told(card["verdict"], card["verdict_words"], card["verdict_tone"])
    beside = card["cautions"] and f"<small>{escape(card['cautions'])}</small>"
    said = [escape(card["reason"]), escape(counted), beside, *changes, target, judged]
    lines += [f"<p>{text}</p>" for text in said if text]
    if card["sparkline_svg"]:
        lines.append(f'<img src="{data_url(card["sparkline_svg"])}" alt="{escape(card["sparkline_alt"])}">')
    lines.append(f"<p><small>{escape(card['definition'])}</small></p>")
    return f'<div class="kpi-block">{"".join(lines)}</div>'


def _card_text(card: Mapping[str, str]) -> str:
    counted = ", ".join(filter(None, [card["unit_note"], card["n"] and f"n = {card['n']}", card["interval"]]))
    changes = [f"{card[k]} on {card[f'{k}_label']}" for k in ("previous", "year_ago") if card[k]]
    target = card["target"] and f"target {card['target']} {card['target_status']}".strip()
    said = [f"{card['value']} {counted}".strip(), *changes, target, card["verdict_words"], card["reason"]]
    said.append(card["cautions"])
    return f"{card['label']}: " + "; ".join(filter(None, said))
