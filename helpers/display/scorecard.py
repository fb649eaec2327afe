"""The scorecard: at most fourteen KPIs, each in one row of one grain, with what it is held against.

Everything is plain display strings and small SVGs, so that the HTML, the PDF and the mail show the same. What cannot be
said is a word that says why, never a bare dash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from helpers.catalogue import CATALOGUE, TIMES, kpi, theme_title
from helpers.display.blocks import kpi_texts, verdict_texts
from helpers.display.context import Results
from helpers.display.formats import MONEY, is_small, no_change, unit_note
from helpers.display.sentences import window_words
from helpers.display.signals import EIGHT, Verdict, is_outside, verdict_of_period
from helpers.display.sparkline import sparkline, variance_bar
from helpers.language import _, message
from helpers.params import MOST_IN_SCORECARD

BY_KIND = {
    "quarter": message("{words}, by quarter"), "month": message("{words}, by month"),
    "week": message("{words}, by week"),
}  # fmt: skip
# The rows of a review that names none; what its themes do not give is left out.
USUAL_ROWS: Mapping[str, Sequence[str]] = {
    message("Money"): ("mrr", "nrr", "grr", "arr_due_90"),
    message("New"): ("new_revenue", "win_rate", "sales_cycle_median"),
    message("Cost of growth"): ("cac_full", "cac_payback", "ltv_cac"),
    message("Value and use"): ("inactive_customers", "ttv_median", "pac_power_share"),
}


def scorecard(results: Results) -> list[dict[str, Any]]:
    """The groups of the scorecard, each with ``title`` and ``rows``; rows have the keys of :func:`scorecard_row`.

    A reason that several rows have is told by the first; the others name it.
    """
    groups = {title: [scorecard_row(results, k) for k in ids] for title, ids in scorecard_kpis(results).items()}
    first: dict[str, str] = {}
    for row in (row for rows in groups.values() for row in rows if row["reason"]):
        if (name := first.setdefault(row["reason"], row["label"])) != row["label"]:
            row["reason"] = _("As for {name}").format(name=name)
    return [{"title": title, "rows": rows} for title, rows in groups.items()]


def scorecard_kpis(results: Results) -> dict[str, list[str]]:
    """The KPIs of the scorecard by group: those that the review names, else the usual ones and, of themes that have
    none among them, their headline KPIs. What is not provided is left to the appendix.
    """
    chosen = results.context.scorecard or {_(title): ids for title, ids in USUAL_ROWS.items()}
    found = {title: [k for k in ids if _is_shown(results, k)] for title, ids in chosen.items()}
    if not results.context.scorecard:
        covered = {kpi(k).theme for ids in found.values() for k in ids}
        room = MOST_IN_SCORECARD - sum(map(len, found.values()))
        for theme in (theme for theme in results.themes() if theme not in covered):
            ids = [
                k for k, each in CATALOGUE.items() if each.headline and each.theme == theme and _is_shown(results, k)
            ]
            found[theme_title(theme)] = ids[:room]
            room -= len(ids[:room])
    return {title: ids for title, ids in found.items() if ids}


def scorecard_row(results: Results, kpi_id: str) -> dict[str, str]:
    """One KPI as display strings: those of :func:`helpers.display.blocks.kpi_texts`, and what only the scorecard says.

    ``previous`` and ``year_ago`` are in per cent where the KPI is money. ``variance`` is the gap to the target, in per
    cent of it (of shares in points), ``variance_svg`` its bar. ``signal`` is the verdict in a word or two; it is of
    the figure beside it, or says of which.
    """
    texts, row = kpi_texts(results, kpi_id), results.shown(kpi_id)
    if row is None or pd.isna(row["value"]):
        unsaid = ("unit", "window", "previous", "year_ago", "variance", "variance_tone", "variance_svg")
        words = {"target": texts["target"] or _("no target"), "signal": _("not judged"), "theme": kpi(kpi_id).theme}
        return {**texts, **dict.fromkeys(unsaid, ""), **verdict_texts(Verdict("not judged")), **words}
    found = verdict_of_period(results, kpi_id)
    return {
        **texts,
        "theme": kpi(kpi_id).theme,
        **_of_what(row),
        "previous": _change(results, row, results.before(row)),
        "year_ago": _change(results, row, results.year_before(row)),
        "target": texts["target"] or _("no target"),
        **_variance(results, row, texts["target_status"]),
        "signal": _in_few_words(results, found, kpi_id),
        **verdict_texts(found),
        **sparkline(results, kpi_id, found, results.period.kind, periods=9),
    }


def _is_shown(results: Results, kpi_id: str) -> bool:
    row = results.now(kpi_id)
    return row is not None and row["status"] != "not_provided"


def _of_what(row: pd.Series) -> dict[str, str]:
    """The unit, which stands by the value, and over how long the KPI looks, which stands by its name."""
    unit = unit_note(row["unit"], row["value"]) if row["unit"] in TIMES else ""
    if row["status"] == "partial":
        unit = _("{unit} to date").format(unit=unit)
    return {"unit": unit, "window": window_words(row)}


def _change(results: Results, row: pd.Series, before: pd.Series | None) -> str:
    """The change on an earlier period, or why there is none."""
    if before is not None:
        relative = results.write.relative_change(row["value"], before["value"]) if row["unit"] in MONEY else ""
        return relative or results.write.change(row["value"], before["value"], row["unit"])
    return _("too few") if is_small(row) else _("none before")


def _variance(results: Results, row: pd.Series, status: str) -> dict[str, str]:
    """How far the value lies from its target, with a bar; empty where there is none, and of a few."""
    target = results.target(row["kpi_id"])
    if target is None or is_small(row):
        return {"variance": "", "variance_tone": "", "variance_svg": "", "target_status": ""}
    gap, write = row["value"] - target, results.write
    words = write.change(row["value"], target, "share") if row["unit"] == "share" else ""
    words = words or write.relative_change(row["value"], target) or write.change(row["value"], target, row["unit"])
    tone = {"met": "good", "missed": "bad", "": ""}[status]
    return {
        "variance": _("on target") if words == no_change() else words,
        "variance_tone": tone,
        "variance_svg": variance_bar(gap / abs(target) if target else 0.0, tone),
    }


def _in_few_words(results: Results, found: Verdict, kpi_id: str) -> str:
    """The verdict in the few words that a row has room for."""
    told = _a_word_or_two(results, found)
    if found.state == "not judged" or found.subject == kpi_id:
        return told
    return _(BY_KIND[results.period.kind]).format(words=told)


def _a_word_or_two(results: Results, found: Verdict) -> str:
    if found.state == "not judged":
        return _("not judged")
    if found.state == "too short":
        return _("history too short")
    if found.state == "noise":
        return _("varies too much") if found.is_wide else _("usual")
    is_above = found.side > 0
    if found.limits.rule == 2:
        told = _("{periods} above average") if is_above else _("{periods} below average")
        return told.format(periods=_(EIGHT[found.kind]))
    if found.limits.rule == 3:
        return _("near its upper limit") if is_above else _("near its lower limit")
    if not is_outside(found.value, found.limits) or not found.range:
        return _("unusual step up") if is_above else _("unusual step down")
    low, high = results.write.column(found.range, kpi(found.subject).unit)
    if low == high:
        return (_("above {value}") if is_above else _("below {value}")).format(value=low)
    return (_("above {low} to {high}") if is_above else _("below {low} to {high}")).format(low=low, high=high)
