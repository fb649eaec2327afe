"""KPI blocks: one KPI in a card that says its number, what it is compared with, and whether it stands out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

from helpers.catalogue import TIMES, kpi
from helpers.display.context import Results
from helpers.display.formats import NOTHING, format_day, format_period, unit_note
from helpers.display.sentences import cautions, ended, why_missing, window_words
from helpers.display.signals import Verdict, change_tone, target_met, verdict
from helpers.display.sparkline import data_url, sparkline
from helpers.language import _, message, paragraph
from helpers.results import segment_of
from helpers.texts import as_plain_markdown, begun

MARKS = {"signal": "◆", "noise": "○", "met": "✓", "missed": "✗"}  # shapes: nothing is told by colour alone
TARGETS = {"met": message("met"), "missed": message("missed"), "": ""}  # the words of ``target_status``
TEXTS = (
    "unit_note", "n", "interval", "previous", "previous_label", "previous_tone", "year_ago", "year_ago_label",
    "year_ago_tone", "target", "target_status", "peers", "verdict", "verdict_words", "verdict_of", "verdict_tone",
    "sparkline_svg", "sparkline_alt", "cautions",
)  # fmt: skip


@dataclass(frozen=True)
class Blocks:
    """The blocks of some KPIs, side by side where the page is wide enough."""

    results: Results
    kpi_ids: Sequence[str]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        found = [block(self.results, kpi_id) for kpi_id in self.kpi_ids]
        cards = "".join(map(_block_html, found))
        return {
            "application/vnd.kpi-review.blocks+json": {"blocks": found},
            "text/html": f'<div class="kpi-blocks">{cards}</div>',
            "text/plain": "\n".join(map(_block_text, found)),
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


@dataclass(frozen=True)
class Heading:
    """A heading and the sentences below it, whose words stand in no notebook: nothing in them is a mark."""

    title: str
    text: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        title, text = map(as_plain_markdown, (self.title, self.text))
        return {"text/markdown": f"### {title}\n\n{text}", "text/plain": f"{self.title}\n{self.text}"}


def block(results: Results, kpi_id: str) -> dict[str, str]:
    """One KPI block as display strings: those of :func:`kpi_texts`, and the sentence that defines the KPI."""
    return {**kpi_texts(results, kpi_id), "definition": kpi(kpi_id).definition}


def kpi_texts(results: Results, kpi_id: str) -> dict[str, str]:
    """What the review says of one KPI, as display strings; what cannot be said is empty, and ``reason`` says why.

    The keys are those of a block and of a scorecard row. ``verdict`` is ``signal``, ``noise``, ``wide`` or
    ``too short``, ``target_status`` is ``met`` or ``missed``, and each ``…_tone`` is ``good``, ``bad`` or empty.
    ``verdict_of`` names what was judged where that is another figure than the value.
    Where the review period is not mature, the latest period that is stands in for it, by name.
    """
    row, write = results.shown(kpi_id), results.write
    label, found = kpi(kpi_id).label, verdict(results, kpi_id)
    if row is None:
        texts = {"kpi_id": kpi_id, "label": label, "value": NOTHING, "status": "not_provided"}
        return {**dict.fromkeys(TEXTS, ""), **texts, "reason": _("Not computed in this review")}
    stands_in = "" if row["period"] == results.period.label else format_period(row["period"])
    value, interval = write.result(row), write.interval(row["ci_low"], row["ci_high"], row["unit"])
    unit = [] if value == NOTHING else [unit_note(row["unit"], row["value"]), window_words(row)]
    to_date = write.result(now) if stands_in and (now := results.now(kpi_id)) is not None else ""
    missing, beside = begun(why_missing(row)), cautions(row)
    is_missing = bool(missing)
    if stands_in:
        period = format_period(results.period.label)
        missing = _("{period} is not mature yet: {value} to date").format(period=period, value=to_date)
    sure = interval and _("{level} interval {interval}").format(level=write.level(row["ci_level"]), interval=interval)
    return {
        "kpi_id": kpi_id,
        "label": _(", ").join(filter(None, [label, stands_in])),
        "status": str(row["status"]),
        "value": value,
        "unit_note": _(", ").join(filter(None, [*unit, _("to date") if row["status"] == "partial" else ""])),
        "n": "" if pd.isna(row["n"]) else write.value(row["n"], "count"),
        "interval": sure,
        **_change("previous", results, row, results.before(row)),
        **_change("year_ago", results, row, results.year_before(row)),
        **target_texts(results, row),
        "peers": peers_text(results, row),
        **verdict_texts(found),
        **sparkline(results, kpi_id, found),
        "reason": missing,
        "cautions": "" if is_missing else paragraph(*(ended(begun(text)) for text in beside)),
    }


def verdict_texts(found: Verdict) -> dict[str, str]:
    """The verdict in a word, as a clause, and of which figure it is where that is another than the value."""
    judged = _("signal: {words}") if found.state == "signal" else "{words}"
    words = begun(judged.format(words=found.words))
    return {"verdict": found.shown, "verdict_words": words, "verdict_of": found.of, "verdict_tone": found.tone}


def target_texts(results: Results, row: pd.Series) -> dict[str, str]:
    """The target; whether it is met is only said of a complete period and a KPI with a good direction."""
    target, met = results.target(row["kpi_id"], segment_of(row)), target_met(results, row)
    if target is None:
        return {"target": "", "target_status": ""}
    write = results.write.phrase if row["unit"] in TIMES else results.write.value
    return {"target": write(target, row["unit"]), "target_status": {True: "met", False: "missed", None: ""}[met]}


def peers_text(results: Results, row: pd.Series) -> str:
    """The quartiles of other companies and who says so; empty where the review gives none."""
    write, unit = results.write, row["unit"]
    if (peers := results.context.peers.get(row["kpi_id"])) is None:
        return ""
    return _("Peers: {interval}, median {median} ({source}, {day})").format(
        interval=write.interval(peers.p25, peers.p75, unit),
        median=write.phrase(peers.median, unit),
        source=peers.source,
        day=format_day(peers.as_of),
    )


def _change(name: str, results: Results, row: pd.Series, before: pd.Series | None) -> dict[str, str]:
    if before is None:
        return {name: "", f"{name}_label": "", f"{name}_tone": ""}
    text = results.write.change(row["value"], before["value"], row["unit"])
    tone = change_tone(row["kpi_id"], row["value"] - before["value"]) if text[0] in "+−" else ""
    return {name: text, f"{name}_label": format_period(before["period"]), f"{name}_tone": tone}


def _block_html(block: Mapping[str, str]) -> str:
    counted = " · ".join(filter(None, [block["n"] and f"n = {block['n']}", block["interval"]]))
    on, status, words = _("{change} on {period}"), block["target_status"], TARGETS[block["target_status"]]
    changes = [
        on.format(change=_mark_html("", block[name], block[f"{name}_tone"]), period=escape(block[f"{name}_label"]))
        for name in ("previous", "year_ago")
        if block[name]
    ]
    target = block["target"] and _("Target {value}").format(value=escape(block["target"]))
    target = target and f"{target} {_mark_html(status, _(words))}"
    judged = _mark_html(block["verdict"], block["verdict_words"], block["verdict_tone"])
    beside = block["cautions"] and f"<small>{escape(block['cautions'])}</small>"
    texts = [escape(block["reason"]), escape(counted), beside, *changes, target, escape(block["peers"]), judged]
    lines = [
        f"<p><strong>{escape(block['label'])}</strong></p>",
        f'<p class="num">{escape(block["value"])} <small>{escape(block["unit_note"])}</small></p>',
        *(f"<p>{text}</p>" for text in texts if text),
    ]
    if block["sparkline_svg"]:
        lines.append(f'<img src="{data_url(block["sparkline_svg"])}" alt="{escape(block["sparkline_alt"])}">')
    lines.append(f"<p><small>{escape(block['definition'])}</small></p>")
    return f'<div class="kpi-block">{"".join(lines)}</div>'


def _mark_html(kind: str, words: str, tone: str = "") -> str:
    """Words with the shape of what they say, in a tone."""
    shape = f'<span aria-hidden="true">{MARKS[kind]}</span> ' if kind in MARKS else ""
    tinted = f' class="kpi-{tone}"' if tone else ""
    return f"<span{tinted}>{shape}{escape(words)}</span>" if words else ""


def _block_text(block: Mapping[str, str]) -> str:
    counted = ", ".join(filter(None, [block["unit_note"], block["n"] and f"n = {block['n']}", block["interval"]]))
    on, words = _("{change} on {period}"), TARGETS[block["target_status"]]
    changes = [
        on.format(change=block[name], period=block[f"{name}_label"]) for name in ("previous", "year_ago") if block[name]
    ]
    target = block["target"] and _("target {value}").format(value=block["target"])
    target = " ".join(filter(None, [target, _(words)]))
    told = [block[key] for key in ("peers", "verdict_words", "reason", "cautions")]
    texts = [f"{block['value']} {counted}".strip(), *changes, target, *told]
    return f"{block['label']}: " + "; ".join(filter(None, texts))
