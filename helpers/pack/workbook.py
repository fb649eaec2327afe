"""A pack's figures as a workbook: every table as typed values, one sheet per theme, definitions, and all results.

Each table is an Excel table with a name, so that its rows can be filtered and a pivot table can be made of it. Tables
stand side by side, all headings in one row, which stays in sight. Every text is written as text: none becomes a
formula, a number or a link. Where a page shows the first rows of a table, or a chart, the sheet has every row of the
table behind it; lists of single users alone stay out. The sheets that calculate are made in ``audit``.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from helpers.catalogue import CATALOGUE, kpi
from helpers.display.context import MIME_TABLE, Results
from helpers.display.formats import MONEY, format_period, month_start
from helpers.errors import KitError
from helpers.language import _, message, retold
from helpers.pack.appearance import colours_of
from helpers.pack.causes import KEYS_KEPT
from helpers.pack.changes import Restated
from helpers.pack.definitions import Definition
from helpers.pack.excel import (
    COUNT,
    EMPTY,
    HEADINGS,
    NOTES,
    PRINTED,
    QUIET,
    TITLES,
    Block,
    Book,
    Cell,
    ExcelTable,
    Place,
    SheetContent,
    number_format,
    resource_table,
    signed,
    typed_cell,
    typed_column,
)
from helpers.pack.notebook_content import MIME_BLOCKS, MIME_CHART, output_parts, shown_outputs
from helpers.pack.pages import Pages, Section
from helpers.results import COLUMNS
from helpers.texts import cut, printable

ABOUT = message("About")
OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
SMALLEST = 50  # per cent of its size in which a table is printed
CONTENTS = {
    message("Sheet"): 26,
    message("Table"): 70,
    message("Rows"): 9,
    message("To know"): 60,
}  # the width of each column, in characters
READING = (
    message(
        "Every figure is a number at full precision, whatever its format shows; rows that a page leaves out are here."
    ),
    message("An empty cell is what is not known or not defined, where the pages print a dash; it is never 0."),
    message(
        "A share is a number from 0 to 1, shown as percent, and its change in points. A day is a date, and a month its "
        "first day; period_end and as_of are the first moment that no longer counts."
    ),
    message(
        "Every table has a name of its own, for formulas and pivot tables. The sheet Results holds every figure of the "
        "review, with its history. Formulas stand on the sheets Checks and Audit alone."
    ),
)
VARIANCE = message("Variance, %")
KEY_FIGURES = (
    message("KPI"), message("Period"), message("Value"), message("Unit"), "n", message("95% from"), message("to"),
    message("Period before"), message("Change on it"), message("Change on it, %"), message("Year before"),
    message("Change on year"), message("Change on year, %"), message("Target"), message("Variance"), VARIANCE,
    message("Met or missed"), message("Status"), "kpi_id", message("To know"),
)  # fmt: skip
ENOUGH = 30  # of fewer a change in per cent misleads
BARS = {  # as long as the variance; whether it is good stands beside it
    "type": "data_bar", "bar_solid": True, "bar_color": "#8ea9c1", "bar_negative_color": "#8ea9c1",
    "bar_axis_color": "#555555",
}  # fmt: skip
SCORECARD, HISTORY = message("Scorecard"), message("Scorecard over time")
BY_KIND = {
    "quarter": message("{name} by quarter"), "month": message("{name} by month"), "week": message("{name} by week"),
}  # fmt: skip
CHART_BY_KIND = {
    "quarter": message("{name}, by quarter"), "month": message("{name}, by month"), "week": message("{name}, by week"),
}  # fmt: skip
MONTH = "mmm yyyy"
NO_USERS = "user_id"  # whoever lists single users lists them elsewhere
VALUES = ("value", "ci_low", "ci_high")  # the columns of results that have the KPI's unit
RESULT_FIELDS: Mapping[str, Mapping[str, str]] = {
    "period_start": {"type": "date"}, "period_end": {"type": "date"}, "as_of": {"type": "datetime"},
    "n": {"unit": "count"}, "ci_level": {"unit": "share"},
}  # fmt: skip
WORDS = {  # how the catalogue's units and directions, and what the pages know a figure by, are told
    "money": message("money"), "money_per_month": message("money per month"), "money_per_day": message("money per day"),
    "share": message("share"), "ratio": message("ratio"), "count": message("count"), "hours": message("hours"),
    "days": message("days"), "weeks": message("weeks"), "months": message("months"), "up": message("up"),
    "down": message("down"), "neutral": message("neutral"), "met": message("met"), "missed": message("missed"),
    "ok": message("ok"), "partial": message("partial"), "not_provided": message("not provided"),
    "refused": message("refused"), "undefined": message("undefined"), "insufficient": message("insufficient"), "": "",
}  # fmt: skip


def render_workbook(
    pages: Pages, sections: Sequence[Section], results: Results, audit: Sequence[SheetContent] = ()
) -> bytes:
    """The workbook of a pack; the same inputs give the same bytes.

    ``audit`` are the sheets that calculate the pack's figures from customers (:func:`helpers.pack.audit.audit_sheets`).
    """
    content = io.BytesIO()
    with Workbook(content, OPTIONS) as file:
        file.set_properties(
            {
                "title": printable(_title(pages)),
                "author": printable(pages.company),
                "created": datetime.combine(pages.as_of_on, time()),
            }
        )
        book = Book(file, colours_of(pages.colour)["accent"])
        about = _set_up(book, pages, _(ABOUT))
        written = [(sheet, _written(book, pages, sheet)) for sheet in _sheets(pages, sections, results, audit)]
        if taken := [sheet.title for sheet, places in written if sheet in audit and places[0].sheet != sheet.title]:
            raise KitError(
                f"brand.terms: two sheets of the workbook are named {taken[0]!r}, and formulas use that name"
            )
        _add_chart(book, written, results)
        _write_about(book, about, pages, written)
    return content.getvalue()


def _sheets(
    pages: Pages, sections: Sequence[Section], results: Results, audit: Sequence[SheetContent]
) -> Iterator[SheetContent]:
    """What stands on each sheet; those whose names formulas and charts use come before those that a user names."""
    told = [row for group in pages.scorecard for row in group["rows"]]
    if told:
        title = _(", ").join([_(SCORECARD), pages.period_label])
        table = _key_figures(title, told, results)
        yield SheetContent(_(SCORECARD), [replace(table, wrapped=True)])
    if any(results.shown(row["kpi_id"]) is not None for row in told):
        yield SheetContent(_(HISTORY), [_history_table(list(dict.fromkeys(row["kpi_id"] for row in told)), results)])
    yield from audit
    for section in sections:
        failure = str(section.failure or "")
        failure = failure and _("This section failed: {reason}.").format(reason=retold(failure))
        yield SheetContent(section.title, [] if failure else list(_theme_tables(section, results)), failure)
    if restated := pages.changes.compared.restated:
        yield SheetContent(_("Restated"), [_restated_table(restated, results), _moving_rows(restated)])
    yield SheetContent(_("Results"), [_results_table(results)])
    yield SheetContent(_("Definitions"), [_definitions_table(pages.definitions)])
    own = (*pages.data, pages.parameters, pages.versions)
    yield SheetContent(_("Data and parameters"), [resource_table(resource) for resource in own if resource])


# --- tables -----------------------------------------------------------------------------------------------------------


def _theme_tables(section: Section, results: Results) -> Iterator[ExcelTable]:
    """Everything that a section shows as figures: its KPIs, then its tables and the tables of its charts, in order."""
    outputs = list(shown_outputs(section.notebook))
    told = [block for _, output in outputs for block in output["data"].get(MIME_BLOCKS, {}).get("blocks", ())]
    if once := {block["kpi_id"]: block for block in told}:
        period = format_period(results.period.label)
        yield _key_figures(_("Key figures, {period}").format(period=period), list(once.values()), results)
    months = {format_period(label): month_start(label) for label in results.frame["period"].unique()}
    for number, output in outputs:
        data, where = output["data"], _("{title}, cell {n}").format(title=section.title, n=number)
        if chart := data.get(MIME_CHART):
            resource = {**chart["table"], "title": chart["title"]}
            yield _with_months(resource_table(resource, chart["sentence"]), months)
        elif "schema" in data.get(MIME_TABLE, ()):
            resource = data[MIME_TABLE]
            if NO_USERS not in (field["name"] for field in resource["schema"]["fields"]):
                yield _with_months(resource_table({**resource, "title": resource.get("title") or where}), months)
        else:
            parts = [part for part in output_parts(output, where) if part["type"] == "table"]
            yield from (_text_table({**part, "title": part["title"] or where}) for part in parts)


def _with_months(table: ExcelTable, months: Mapping[str, date | None]) -> ExcelTable:
    """A table whose columns of nothing but the names of these months hold their first days instead."""
    columns = [
        [Cell(months[str(cell.value)], MONTH) for cell in column]
        if all(months.get(str(cell.value)) for cell in column)
        else column
        for column in table.columns
    ]
    return replace(table, columns=columns)


def _text_table(part: Mapping[str, Any]) -> ExcelTable:
    """A table of an analyst's HTML."""
    labels = [column["label"] for column in part["columns"]]
    note = _("Its cells are text: a table of HTML does not say what is a number.")
    return ExcelTable.of_rows(part["title"], labels, part["rows"], notes=[note], empty=part["empty"])


def _key_figures(title: str, told: Sequence[Mapping[str, str]], results: Results) -> ExcelTable:
    """KPIs with their values of now and before; ``told`` holds what the pages say of each (``blocks.figures``)."""
    rows = [_key_figure(block, results) for block in told]
    return ExcelTable.of_rows(title, [_(head) for head in KEY_FIGURES], rows, marked={_(VARIANCE): BARS})


def _key_figure(told: Mapping[str, str], results: Results) -> list[Any]:
    row, known = results.shown(told["kpi_id"]), kpi(told["kpi_id"])
    sentences = [told.get(key, "") for key in ("verdict_words", "reason", "cautions")]
    to_know = _(". ").join(text.rstrip(".。") for text in sentences if text)
    known_by = [_(WORDS[told["status"]]), known.kpi_id, to_know]
    if row is None:
        return [known.label, *[EMPTY] * (len(KEY_FIGURES) - len(known_by) - 1), *known_by]
    earlier = [None if it is None else it["value"] for it in (results.before(row), results.year_before(row))]
    numbers = [row["value"], row["ci_low"], row["ci_high"], *earlier, results.target(known.kpi_id)]
    value, low, high, *others = typed_column(numbers, {"unit": known.unit}, results.context.currency)
    unit, met = (_(WORDS[word]) for word in (known.unit, told.get("target_status", "")))
    cells = [known.label, format_period(row["period"]), value, unit, typed_cell(row["n"], COUNT), low, high]
    for cell in others:
        cells += [cell, *_change(value, cell, is_target=cell is others[-1], unit=known.unit)]
    return [*cells, met, *known_by]


def _change(value: Cell, before: Cell, *, is_target: bool, unit: str) -> list[Cell]:
    """A change, and the same in per cent where that does not mislead: not of shares, nor from a few."""
    if not isinstance(value.value, int | float) or not isinstance(before.value, int | float):
        return [EMPTY, EMPTY]
    gap = value.value - before.value
    misleads = (unit == "share" and not is_target) or (unit == "count" and before.value < ENOUGH)
    misleads = misleads or before.value <= 0 or value.value < 0
    relative = EMPTY if misleads else Cell(gap / before.value, "+0.0%;-0.0%;0.0%")
    return [Cell(gap, signed(value.format)), relative]


def _history_table(kpi_ids: Sequence[str], results: Results) -> ExcelTable:
    """The KPIs of the scorecard over time: one row per period, one column per KPI."""
    kind = results.period.kind
    series = {kpi_id: results.series(kpi_id, kind).set_index("period")["value"] for kpi_id in kpi_ids}
    labels = {label for values in series.values() for label in values.index}
    periods = sorted(map(results.period.calendar.period, labels), key=lambda period: period.start)
    columns = [
        typed_column(
            (values.get(period.label) for period in periods), {"unit": kpi(kpi_id).unit}, results.context.currency
        )
        for kpi_id, values in series.items()
    ]
    days = typed_column(
        (period.measured_on.isoformat() for period in periods), {"unit": "date"}, results.context.currency
    )
    heads = (_("Period"), _("Last day"), *(kpi(kpi_id).label for kpi_id in kpi_ids))
    names = [typed_cell(format_period(period.label)) for period in periods]
    title = _(BY_KIND[kind]).format(name=_(SCORECARD))
    return ExcelTable(title, heads, [names, days, *columns], name="scorecard_over_time")


def _restated_table(restated: Sequence[Restated], results: Results) -> ExcelTable:
    """One row per figure that was published and is another today."""
    rows = []
    for each in restated:
        published, now = typed_column([each.then, each.now], {"unit": each.unit}, results.context.currency)
        change = _change(now, published, is_target=False, unit=each.unit)
        named = (kpi(each.kpi_id).label, _(each.segment_by), retold(each.segment), each.period, _(WORDS[each.unit]))
        told = (_("yes") if each.is_material else _("no"), each.cause, each.kpi_id)
        rows.append([*named, published, now, *change, *told])
    heads = [
        _("KPI"), _("Segment of"), _("Segment"), _("Period"), _("Unit"), _("Published"), _("Now"), _("Difference"),
        _("Difference, %"), _("Material"), _("Cause"), "kpi_id",
    ]  # fmt: skip
    return ExcelTable.of_rows(_("Every restated figure"), heads, rows, name="restated", wrapped=True)


def _moving_rows(restated: Sequence[Restated]) -> ExcelTable:
    """The first keys of the rows that moved restated figures, as far as the tables of then are kept."""
    found = {
        (each.table, key): (each.table, each.how, ", ".join(each.columns), key)
        for figure in restated
        for each in figure.rows
        for key in each.keys
    }
    rows = [list(found[place]) for place in sorted(found)]
    note = _("Of each period, the first {n} of each kind.").format(n=KEYS_KEPT)
    heads = [_("Table"), _("What became of it"), _("Columns"), _("Key")]
    return ExcelTable.of_rows(_("Rows that moved them"), heads, rows, notes=[note], name="rows_that_moved_them")


def _definitions_table(definitions: Iterable[Definition]) -> ExcelTable:
    """One row per KPI: what it is called, how it is counted, what it means."""
    rows = [
        [
            *(kpi_id, known.label, _(WORDS[known.unit]), _(WORDS[known.direction]), known.definition),
            *(told.definition, told.source, told.departs, told.verified.get(kpi_id, "")),
        ]
        for told in definitions
        for kpi_id in told.kpi_ids
        for known in [kpi(kpi_id)]
    ]
    heads = [
        "kpi_id", _("KPI"), _("Unit"), _("Good is"), _("What it says"), _("Definition"), _("Source"), _("Departs"),
        _("Verified"),
    ]  # fmt: skip
    return ExcelTable.of_rows(_("What each KPI means"), heads, rows, name="definitions", wrapped=True)


def _results_table(results: Results) -> ExcelTable:
    """The long results table: one row per KPI, segment and period, each number with the format of its KPI's unit."""
    currency, zone = results.context.currency, ZoneInfo(results.period.calendar.timezone)
    instants = {text: datetime.fromisoformat(text).astimezone(zone) for text in results.frame["as_of"].unique()}
    frame = results.frame.assign(as_of=results.frame["as_of"].map(lambda text: instants[text].isoformat()))
    columns = {name: typed_column(frame[name].tolist(), RESULT_FIELDS.get(name, {}), currency) for name in COLUMNS}
    values = [frame[name].tolist() for name in VALUES]
    codes = [number_format(row, unit, currency) for unit, *row in zip(frame["unit"], *values, strict=True)]
    for name, column in zip(VALUES, values, strict=True):
        columns[name] = list(map(typed_cell, column, codes))
    return ExcelTable(_("Every figure of the review"), COLUMNS, list(columns.values()), name="results")


# --- sheets -----------------------------------------------------------------------------------------------------------


def _set_up(book: Book, pages: Pages, title: str) -> Worksheet:
    """A sheet ready for screen and print."""
    sheet = book.sheet(title)
    sheet.hide_gridlines(2)
    sheet.set_landscape()
    sheet.set_paper({"letter": 1, "a4": 9}[pages.paper])
    sheet.fit_to_pages(1, 0)
    left = cut(printable(f"{pages.company}, {pages.period_label} {pages.status}"), 80).replace("&", "&&")
    sheet.set_footer(f"&L{left}&C&A&R&P / &N")
    return sheet


def _written(book: Book, pages: Pages, content: SheetContent) -> list[Place]:
    """Writes a sheet; says where it stands, and then where each of its tables does."""
    sheet = _set_up(book, pages, content.title)
    book.text(sheet, 0, 0, content.title, bold=True, font_size=14, font_color=book.accent)
    facts = [pages.company, pages.period_label, pages.period_dates, pages.as_of, pages.status]
    book.text(sheet, 1, 0, " · ".join(filter(None, facts)), **QUIET)
    book.link(sheet, 2, 0, f"← {_(ABOUT)}", Place(book.file.worksheets()[0].name))
    book.text(sheet, TITLES, 0, content.failure)
    places, blocks = [Place(sheet.name)], list[Block]()
    for table in content.tables:
        x = sum(block.columns for block in blocks)
        places.append(Place(sheet.name, TITLES, x))
        blocks.append(book.block(sheet, x, table))
    if blocks:
        sheet.set_row(NOTES, max(block.sentences for block in blocks))
        sheet.set_row(HEADINGS, max(block.heading for block in blocks) or None)
        sheet.freeze_panes(HEADINGS + 1, 1 if len(blocks) == 1 else 0)
        sheet.repeat_rows(0, HEADINGS)
    if len(blocks) > 1 and SMALLEST * sum(block.width for block in blocks) > 100 * PRINTED:
        widest = max(block.width for block in blocks)  # each table on pages of its own, since all are too wide for one
        sheet.set_print_scale(int(max(SMALLEST, min(100, 100 * PRINTED / widest))))
        sheet.set_v_pagebreaks([place.x for place in places[2:]])
    return places


def _add_chart(book: Book, written: Sequence[tuple[SheetContent, list[Place]]], results: Results) -> None:
    """Recurring revenue over time, or whatever money the scorecard begins with, below the scorecard."""
    sheets = {
        content.title: (content.tables[0], places[0].sheet) for content, places in reversed(written) if content.tables
    }
    if _(HISTORY) not in sheets:
        return
    (scorecard, below_it), (history, over_time) = sheets[_(SCORECARD)], sheets[_(HISTORY)]
    labels, columns = history.headings, history.columns
    money = [kpi_id for kpi_id in CATALOGUE if kpi(kpi_id).unit in MONEY and kpi(kpi_id).label in labels]
    if not money:
        return
    shown = kpi("mrr" if "mrr" in money else money[0])
    x, first, last = labels.index(shown.label), HEADINGS + 1, HEADINGS + len(columns[0])
    chart = book.file.add_chart({"type": "column"})
    chart.add_series({
        "categories": [over_time, first, 0, last, 0], "values": [over_time, first, x, last, x], "gap": 60,
        "fill": {"color": results.context.ink}, "data_labels": {"value": True, "font": {"size": 9}},
    })  # fmt: skip
    named = _(", ").join([shown.label, results.context.currency])
    title = _(CHART_BY_KIND[results.period.kind]).format(name=named)
    chart.set_title({"name": title, "name_font": {"size": 11, "bold": True}, "overlay": False})
    chart.set_legend({"none": True})
    chart.set_y_axis({"min": 0, "visible": False, "major_gridlines": {"visible": False}})
    chart.set_size({"width": 720, "height": 300})
    below = HEADINGS + scorecard.row_count + 2
    book.file.get_worksheet_by_name(below_it).insert_chart(below, 0, chart, {"description": title})


def _write_about(
    book: Book, sheet: Worksheet, pages: Pages, written: Sequence[tuple[SheetContent, list[Place]]]
) -> None:
    """The first sheet: what this is, how to read it, and where everything stands."""
    book.text(sheet, 0, 0, pages.company, bold=True, font_size=14, font_color=book.accent)
    book.text(sheet, 1, 0, _title(pages), bold=True)
    facts = {
        _("Period"): pages.period_dates,
        _("As of"): pages.as_of,
        _("Status"): pages.edition or pages.status,
        _("For"): pages.confidentiality,
    }
    for row, (label, text) in enumerate(facts.items(), start=3):
        if text:
            book.text(sheet, row, 0, label, **QUIET)
            book.text(sheet, row, 1, text, bold=label == _("Status"))
    for row, text in enumerate(READING, start=8):
        book.text(sheet, row, 0, _(text))
    row = 9 + len(READING)
    for x, label in enumerate(CONTENTS):
        book.text(sheet, row, x, _(label), bold=True, font_color=book.accent, bottom=1)
    for content, places in written:
        row = _write_contents(book, sheet, row + 1, content, places)
    for x, width in enumerate(CONTENTS.values()):
        sheet.set_column(x, x, width)


def _write_contents(book: Book, sheet: Worksheet, row: int, content: SheetContent, places: Sequence[Place]) -> int:
    """The lines of one sheet: a link to it, and one to each of its tables; says the last row."""
    book.link(sheet, row, 0, places[0].sheet, places[0])
    if not content.tables:
        book.text(sheet, row, 1, content.failure or _("No table."))
    for line, (table, place) in enumerate(zip(content.tables, places[1:], strict=True), start=row):
        book.link(sheet, line, 1, table.title, place)
        sheet.write_number(line, 2, table.row_count, book.file.add_format({"num_format": COUNT}))
        book.text(sheet, line, 3, " ".join(table.remarks))
    return row + max(len(content.tables), 1) - 1


def _title(pages: Pages) -> str:
    return _("{title}: figures").format(title=f"{pages.title} {pages.period_label}")
