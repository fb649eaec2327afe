"""A short deck for a meeting: the verdict, the scorecard, a slide per headline, what the board is asked, the actions.

Ten slides at most. It says what page 2 of the pack says, in the same words: its texts are those of :class:`Pages`, its
charts draw the series and the limits that the pages show. Tables and charts can be edited in PowerPoint.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import typst
from pptx.util import Inches

from helpers.catalogue import kpi, theme_title
from helpers.display.blocks import MARKS
from helpers.display.context import Results
from helpers.display.formats import MONEY, NOTHING, is_small
from helpers.display.headlines import Headline, judgement
from helpers.display.sentences import chart_title, listed, name_of, when, when_earlier, window_words
from helpers.display.signals import Verdict, standing_out
from helpers.language import _, message, paragraph, plural
from helpers.pack.actions import DONE, LATE, OPEN
from helpers.pack.appearance import typst_fonts
from helpers.pack.excel import number_format
from helpers.pack.notebook_content import as_svg, picture
from helpers.pack.pages import Pages, asked_and_told
from helpers.pack.rich_text import Node, plain_text
from helpers.pack.slide_charts import Drawing, Series
from helpers.pack.slide_room import Box, Column, Line
from helpers.pack.slides import Deck
from helpers.texts import begun

PERIODS = {"quarter": 8, "month": 12, "week": 12}
KEY = {
    "good": message("circle: good news"), "bad": message("diamond: bad news"), "": message("square: unusual"),
}  # fmt: skip
LOGO = Box(Inches(10), Inches(5.3), Inches(2.73), Inches(1.3))  # on the plain cover
SCORECARD = (
    Column(message("Group"), optional=True),
    Column(message("KPI")),
    Column("{period}", figures=True),
    Column(message("On previous"), figures=True),
    Column(message("On year ago"), figures=True, optional=True),
    Column(message("Target"), figures=True),
    Column(message("Variance"), figures=True),
    Column(message("Signal")),
)


def render_deck(
    pages: Pages, results: Results, chapters: Mapping[str, int] = MappingProxyType({}), template: Path | None = None
) -> bytes:
    """The deck of a pack as a PowerPoint file; the same inputs give the same bytes.

    ``chapters`` says on which page of the PDF each theme begins (:func:`chapter_pages`). ``template`` is a user's own
    presentation whose layouts, fonts and colours are used; without one the deck is plain, in the brand's colour.

    Raises:
        KitError: the template cannot be read, or lacks a layout.
    """
    title = f"{pages.company} – {pages.title} {pages.period_label}"
    footer = " · ".join(filter(None, [pages.period_label, pages.status, pages.confidentiality, pages.company]))
    deck = Deck(template, colour=pages.colour, footer=footer)
    _cover(deck, pages)
    _scorecard(deck, pages)
    found = pages.summary
    for tone, side in (("good", found.good), ("bad", found.bad)) if found else ():
        for headline in side:
            _headline(deck, pages, results, headline, tone, chapters)
    _asked(deck, pages)
    _actions(deck, pages)
    return deck.saved(title=title, company=pages.company, status=pages.status, on=pages.as_of_on)


def chapter_pages(pdf: bytes) -> dict[str, int]:
    """On which page of a pack's PDF each theme begins."""
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(pdf))
    places = reader.named_destinations.items()
    return {name: (reader.get_destination_page_number(place) or 0) + 1 for name, place in places}


# --- slides -----------------------------------------------------------------------------------------------------------


def _cover(deck: Deck, pages: Pages) -> None:
    found = pages.summary
    slide = deck.slide(found.verdict if found else pages.title, found.note if found else "", cover=True)
    dates = _(", ").join([pages.period_dates, pages.as_of])
    status = pages.status
    if pages.failed:
        status = _("{status}: without {names}, which failed").format(status=status, names=listed(pages.failed))
    slide.text(
        [
            Line(
                _("{name}: {value}").format(name=pages.company, value=f"{pages.title} {pages.period_label}"),
                22,
                bold=True,
            ),
            *([Line(found.carried_by, 18)] if found and found.carried_by else []),
            Line(dates, 14),
            *(Line(text, 14) for text in (status, pages.confidentiality) if text),
        ]
    )
    if deck.is_plain and pages.logo:  # a user's template has its own
        slide.picture(_pixels(pages.logo), pages.company, LOGO)


def _pixels(logo: bytes) -> bytes:
    """A logo of any form as PNG, which is what slides take."""
    page = "#set page(width: auto, height: auto, margin: 0pt, fill: none)\n"
    page += '#image(bytes(sys.inputs.svg), format: "svg", height: 3cm)'
    inputs = {"svg": as_svg(picture(logo, ""))}
    compiler = typst.Compiler(page.encode(), font_paths=typst_fonts(), sys_inputs=inputs)
    return compiler.compile(format="png", ppi=300)  # type: ignore[return-value]


def _scorecard(deck: Deck, pages: Pages) -> None:
    groups = pages.scorecard
    rows = [row for group in groups for row in group["rows"]]
    if not rows:
        return
    judged = [row["target_status"] for row in rows if row.get("target_status")]
    signals = sum(row["verdict"] == "signal" for row in rows)
    told = [_("{met} of {n} targets met").format(met=judged.count("met"), n=len(judged))] if judged else []
    if signals:
        found = plural("{n} signal in {kpis} KPIs", "{n} signals in {kpis} KPIs", signals)
    else:
        found = _("no signal in {kpis} KPIs")
    told.append(found.format(n=signals, kpis=len(rows)))
    title = _("{name}: {value}").format(name=_("Scorecard"), value=_(", ").join(told))
    slide = deck.slide(title, "\n".join(_definition(pages, row["kpi_id"]) for row in rows))
    cells = [
        [group["title"] if i == 0 else "", *_scorecard_cells(row)]
        for group in groups
        for i, row in enumerate(group["rows"])
    ]
    columns = [
        Column(_(each.label).format(period=pages.period_label), each.figures, each.optional) for each in SCORECARD
    ]
    alt = _("{title}. Each KPI with its value, its changes, its target and what is usual of it.")
    slide.table(columns, cells, alt.format(title=title))


def _scorecard_cells(row: Mapping[str, str]) -> list[str]:
    name = " ".join(filter(None, [row["label"], row["window"]]))
    value = " ".join(filter(None, [row["value"], row["unit"]]))
    told = row["signal"] if row["value"] != NOTHING else row["reason"]
    return [
        name,
        value,
        row["previous"],
        row["year_ago"],
        row["target"],
        _with_mark(row.get("target_status", ""), row["variance"]),
        _with_mark(row["verdict"], told),
    ]


def _with_mark(kind: str, words: str) -> str:
    """Words with the shape of what they say."""
    return f"{MARKS[kind]} {words}" if kind in MARKS and words else words


def _headline(
    deck: Deck, pages: Pages, results: Results, told: Headline, tone: str, chapters: Mapping[str, int]
) -> None:
    """A slide for one headline: its number and its sentence, beside the chart."""
    row = results.shown(told.kpi_id, told.segment) if told.kpi_id else None
    page = chapters.get(told.theme)
    where = _("In the pack: {theme}, page {page}") if page else _("In the pack: {theme}")
    where = where.format(theme=theme_title(told.theme), page=page)
    notes = [told.text, *([_definition(pages, told.kpi_id)] if told.kpi_id else []), where]
    slide = deck.slide(told.lead, "\n\n".join(notes))
    drawing = None if row is None else _drawing(results, told)
    text, beside = slide.place.beside(0.36)
    rest = begun(told.rest.lstrip(",;: .，；：。"))
    side = _("+ What went well") if tone == "good" else _("− What did not go well")
    lines = [Line(side, 16, bold=True), *_number(results, row), Line(rest, 20), Line(where, 14)]
    slide.text([line for line in lines if line.text], text if drawing else slide.place)
    if drawing:
        slide.chart(drawing, beside)


def _number(results: Results, row: pd.Series | None) -> list[Line]:
    """The figure by itself, and below it what it counts."""
    if row is None or pd.isna(row["value"]):
        return []
    phrase, value = results.write.result_phrase(row), results.write.result(row)
    when = _("to date") if row["status"] == "partial" else when_earlier(results, row).strip()
    unit = " ".join(filter(None, [phrase.removeprefix(value).strip(), window_words(row), when]))
    return [Line(value, 44, bold=True), Line(_(", ").join(filter(None, [name_of(row), unit])), 16)]


def _asked(deck: Deck, pages: Pages) -> None:
    lines = list(_lines(asked_and_told(pages)[0]))
    if lines:
        slide = deck.slide(_("Asked of the board"), "\n".join(line.text for line in lines))
        slide.text(lines)


def _actions(deck: Deck, pages: Pages) -> None:
    """The first register of actions as a table, else what the file says; all of it stands in the notes."""
    registers = [part for part in pages.actions if part["type"] == "table" and part["rows"]]
    lines = list(_lines(pages.actions))
    notes = "\n".join(line.text for line in lines)
    if registers:
        rows = registers[0]["rows"]
        words = {DONE: _("{n} done"), LATE: _("{n} late"), OPEN: _("{n} open")}
        counts = {mark: sum(row[-1].startswith(mark) for row in rows) for mark in words}
        counted = listed([words[mark].format(n=count) for mark, count in counts.items() if count])
        title = _("{name}: {value}").format(name=_("Actions"), value=counted)
        columns = [Column(column["label"]) for column in registers[0]["columns"]]
        alt = _("{title}. Each with its owner and the day on which it is due.").format(title=title)
        deck.slide(title, notes).table(columns, rows, alt)
    elif lines:
        deck.slide(_("Actions of the last meeting"), notes).text(lines)


def _lines(parts: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    """What is written, paragraph by paragraph."""
    for part in parts:
        kind = part["type"]
        if kind == "prose":
            yield from _lines(part["tree"])
        elif kind == "list_item":
            yield Line(" ".join(line.text for line in _lines(part["children"])), bullet=True)
        elif kind == "table":
            yield from (Line(" · ".join(map(_cell, row))) for row in (part.get("head", ()), *part["rows"]) if row)
        elif kind in ("bullet_list", "ordered_list", "blockquote"):
            yield from _lines(part["children"])
        elif kind == "heading":
            yield Line(part["text"], bold=True)
        elif text := plain_text([dict(part)]).strip():
            yield Line(text, 24)


def _cell(cell: str | Sequence[Node]) -> str:
    return cell if isinstance(cell, str) else plain_text(cell)


def _definition(pages: Pages, kpi_id: str) -> str:
    """What a KPI means, as its definition in the pack says."""
    known = kpi(kpi_id)
    method = next((each.definition for each in pages.definitions if kpi_id in each.kpi_ids), "")
    told = _("{name}: {value}").format(name=known.label, value=known.definition)
    return paragraph(told, method)


# --- charts -----------------------------------------------------------------------------------------------------------


def _drawing(results: Results, told: Headline) -> Drawing | None:
    """The history behind a headline: what a signal was judged by, else periods like that of the review, and the plan.

    None where there are fewer than two values.
    """
    found = Verdict("not judged") if told.segment else judgement(results, told.kpi_id)
    of_signal = told.kind == "signal" and found.state == "signal"
    kpi_id, kind = (found.subject, found.kind) if of_signal else (told.kpi_id, results.period.kind)
    rows = results.series(kpi_id, kind, told.segment).tail(PERIODS[kind])
    rows = rows.assign(value=rows["value"].where(rows["status"].isin(["ok", "partial"]))).reset_index(drop=True)
    if rows["value"].count() < 2:
        return None
    unit = kpi(kpi_id).unit
    limits = found.range if found.subject == kpi_id and found.kind == kind else None
    dated = [when(*each) for each in zip(rows["period"], rows["status"], strict=True)]
    known = [i for i, value in enumerate(rows["value"]) if not math.isnan(value)]
    plan = [results.plan(kpi_id, told.segment).get(period) for period in rows["period"]]
    series = [Series(_("Actual"), [None if math.isnan(value) else float(value) for value in rows["value"]])]
    if any(value is not None for value in plan):
        series.append(Series(_("Plan"), plan, "plan"))
    if limits and found.limits.mean is not None:
        series.append(Series(_("Average"), [found.limits.mean] * len(rows), "average"))
        levels = zip((_("Lower limit"), _("Upper limit")), limits, strict=True)
        series += [Series(name, [value] * len(rows), "limit") for name, value in levels]
    marked = standing_out(found, rows["period"], rows["value"]) if limits else {}
    key, then = [_(words) for tone, words in KEY.items() if tone in marked.values()], _("; ")
    title = chart_title(results, name_of(rows.iloc[-1]), unit, list(rows["period"]))
    return Drawing(
        title=then.join([title, *key]),
        alt=_("{name}: {value}.").format(name=title, value=then.join([_alt(results, rows, dated, series[1:]), *key])),
        periods=dated,
        series=series,
        number_format=number_format(rows["value"].dropna(), unit, results.context.currency),
        columns=not limits and (unit in MONEY or unit == "count"),
        marked=marked,
        labelled=[i for i in sorted({known[-1], *marked}) if not is_small(rows.iloc[i])],
    )


def _alt(results: Results, rows: pd.DataFrame, names: Sequence[str], others: Sequence[Series]) -> str:
    """What a chart shows, in words: its first and last value, and what they are held against."""
    write, known = results.write, rows.index[rows["value"].notna()]
    first, last = (f"{names[i]} {write.result(rows.iloc[i])}" for i in (known[0], known[-1]))
    told = [_("{low} to {high}").format(low=first, high=last)]
    words = {
        _("Plan"): _("plan {value}"), _("Average"): _("average {value}"), _("Lower limit"): _("lower limit {value}"),
        _("Upper limit"): _("upper limit {value}"),
    }  # fmt: skip
    for each in others:
        value = next((value for value in reversed(each.values) if value is not None), None)
        told.append(words[each.name].format(value=write.value(value, rows["unit"].iloc[0])))
    return _("; ").join(told)
