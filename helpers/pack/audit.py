"""The sheets that calculate: the figures of recurring revenue from customers by month, and whether they are the pack's.

``Audit`` holds the bridge of the period, retention and churn as formulas over ``Customers by month``; ``Checks`` says
PASS where they, and the parts of totals, equal the figures of the pack, which were computed by queries. The formulas
are plain ones (SUM, COUNTIF, SUMPRODUCT over ranges), which every spreadsheet calculates. Each is written once, as an
expression of :class:`Live` parts, which is its text and its value: viewers that do not calculate show the value.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from xlsxwriter.utility import xl_col_to_name as letters

from helpers.catalogue import kpi
from helpers.display.context import Results, warnings_of
from helpers.display.formats import format_period
from helpers.display.sentences import REASONS
from helpers.display.shown_tables import Table
from helpers.kpis.recurring_revenue.by_month import REVALUED, compared_days, customers_by_month
from helpers.language import _, in_figures, message, paragraph, plural, retold
from helpers.pack.excel import (
    COUNT,
    DAY,
    EMPTY,
    FORMATS,
    HEADINGS,
    MOST_ROWS,
    SHEET_NAME,
    Cell,
    ExcelTable,
    SheetContent,
    number_format,
    resource_table,
    sheet_name,
    typed_cell,
)
from helpers.results import Listing
from helpers.review import OpenReview
from helpers.texts import cut, spoken

CHECKS, AUDIT, CUSTOMERS = message("Checks"), message("Audit"), message("Customers by month")
CHECK_HEADS = (
    message("Check"), message("By formula"), message("Must equal"), message("Apart by"), message("Result"),
)  # fmt: skip
FIRST = HEADINGS + 2  # the row of a table's first cells, as formulas count them
PASS, FAIL = message("PASS"), message("FAIL")
CENT, EXACT = (0.005, "0.00"), (1e-9, "0.000000000")  # how far money may be apart, and shares, and how that is shown
NET, FX, PAYING, SUM, PAID = (
    message("Net new"), message("Currency effect"), message("Paying customers"), message("Sum of customers"),
    message("Customers that paid"),
)  # fmt: skip
THEIRS, NOW, KEPT = message("Their MRR"), message("What they pay now"), message("of it, at most what they paid")
LOST, MRR_LOST = message("Customers lost"), message("MRR lost")
BRIDGE = {
    message("Opening"): "mrr_opening", message("New"): "mrr_new", message("Reactivation"): "mrr_reactivation",
    message("Expansion"): "mrr_expansion", message("Contraction"): "mrr_contraction", message("Churn"): "mrr_churn",
    NET: "net_new_mrr", FX: "mrr_fx", message("Closing"): "mrr", PAYING: "paying_customers",
}  # fmt: skip
LOGO_CHURN, REVENUE_CHURN = message("Logo churn"), message("Revenue churn")
RATES = {
    message("NRR"): "nrr", message("GRR"): "grr", LOGO_CHURN: "logo_churn", REVENUE_CHURN: "revenue_churn",
}  # fmt: skip
COHORTS = {"year": "", "period": "_quarter"}  # where customers are followed from, and how their KPIs' ids end
PARTS = {  # KPIs whose parts add up to the total, and the dimension in which they do
    "mrr": "segment", "mrr_new": "segment", "mrr_expansion": "source", "mrr_contraction": "segment",
    "mrr_churn": "segment", "new_revenue": "source", "logo_churn": "reason", "revenue_churn": "reason",
}  # fmt: skip


def _joining(form: str, way: Callable[[Any, Any], Any]) -> Callable[[Live, Any], Live]:
    """The operator that joins two parts, as texts and as values."""

    def joined(one: Live, other: Any) -> Live:
        given = other if isinstance(other, Live) else Live(str(other), other)
        return Live(form.format(one.text, given.text), way(one.value, given.value))

    return joined


@dataclass(frozen=True, eq=False)
class Live:
    """A part of a formula, and what it amounts to: a number, a day, or an array of the cells of a range.

    >>> paid = Live("B2:B3", np.array([0.0, 5.0]))
    >>> found = product((paid > 1) * paid)
    >>> found.text, float(found.value)
    ('SUMPRODUCT((B2:B3>1)*B2:B3)', 5.0)
    """

    text: str
    value: Any

    __add__ = _joining("{}+{}", operator.add)
    __sub__ = _joining("({}-{})", operator.sub)
    __mul__ = _joining("{}*{}", operator.mul)
    __truediv__ = _joining("{}/{}", operator.truediv)
    __gt__ = _joining("({}>{})", operator.gt)
    __lt__ = _joining("({}<{})", operator.lt)
    __le__ = _joining("({}<={})", operator.le)
    equals = _joining("({}={})", operator.eq)

    def cell(self, code: str = "") -> Cell:
        """The cell that calculates it."""
        value = self.value if isinstance(self.value, str) else float(self.value)
        return Cell(value, code, formula=f"={self.text}")


def product(parts: Live) -> Live:
    """The sum of products over ranges."""
    return Live(f"SUMPRODUCT({parts.text})", parts.value.sum())


def total(cells: Live) -> Live:
    """The sum of a range."""
    return Live(f"SUM({cells.text})", cells.value.sum())


def paying(cells: Live) -> Live:
    """How many of a range are above 0."""
    return Live(f'COUNTIF({cells.text},">0")', (cells.value > 0).sum())


Whole = Callable[[Sequence[Live]], Live]


class Check(NamedTuple):
    """What must be equal: the one as a formula, the other as a formula or the pack's figure."""

    what: str
    one: Live
    other: Live | float
    code: str
    within: tuple[float, str]


@dataclass
class Lines:
    """A table of lines by columns on its way, from a column of the sheet on; formulas name its cells by line.

    ``said`` says the names of its lines.
    """

    title: str
    note: str
    x: int
    heads: Sequence[str]
    said: Callable[[str], str] = _
    cells: dict[str, list[Cell]] = field(default_factory=dict)
    made: dict[str, list[Live]] = field(default_factory=dict)

    def days(self, name: str, days: Sequence[date]) -> None:
        """A line of days."""
        self._add(name, [np.datetime64(day) for day in days], [Cell(day, DAY) for day in days])

    def line(self, name: str, found: Sequence[Live], code: str, whole: Whole | None = None) -> None:
        """A line of formulas; ``whole`` makes one more, of the cells of the others."""
        cells = [*found, whole(self._at(len(self.cells), [each.value for each in found]))] if whole else found
        self._add(name, [each.value for each in cells], [each.cell(code) for each in cells])

    def _add(self, name: str, values: Sequence[Any], cells: list[Cell]) -> None:
        self.made[name] = self._at(len(self.cells), values)
        self.cells[name] = cells

    def _at(self, line: int, values: Sequence[Any]) -> list[Live]:
        """The cells of a line, as formulas of the sheet name them."""
        return [Live(f"{letters(x)}{FIRST + line}", value) for x, value in enumerate(values, start=self.x + 1)]

    @property
    def next_x(self) -> int:
        """The column for the next table on the sheet."""
        return self.x + len(self.heads) + 1

    def linked(self, name: str, column: int = -1) -> Live:
        """A line's cell, as another sheet names it."""
        found = self.made[name][column]
        return Live(f"{_in_formulas(AUDIT)}!{found.text}", found.value)

    def table(self) -> ExcelTable:
        rows = [[self.said(name), *cells] for name, cells in self.cells.items()]
        return ExcelTable.of_rows(self.title, self.heads, rows, notes=[self.note])


def audit_sheets(quarter: OpenReview, results: Results) -> list[SheetContent]:
    """The sheets of a pack that has recurring revenue, and of any other the checks that need none."""
    checks, notes, sheets = list[Check](), list[str](), list[SheetContent]()
    quarter = quarter.alone
    if results.now("mrr") is not None:
        none = _("There is no sheet of customers by month, and no check of what is made of it.")
        moved = results.now("net_new_mrr")
        if moved is not None and moved["status"] == "refused":
            why = _("Refused: {reason}.").format(reason=_("; ").join(map(retold, warnings_of(moved))))
            notes = [paragraph(none, why)]
        elif (listing := quarter.listing(customers_by_month)).rows.empty or len(listing.rows) > MOST_ROWS:
            more = _("There are more than {n} customers.").format(n=in_figures(MOST_ROWS))
            why = listing.when_empty if listing.rows.empty else more
            notes = [paragraph(none, why)]
        else:
            audit = _Audit(quarter, results, listing)
            checks, notes, sheets = list(audit.checks()), list(audit.left_out()), audit.sheets()
    found = [(kpi_id, by, results.segments(kpi_id, by)) for kpi_id, by in PARTS.items()]
    parts = [part for part in found if not part[2].empty and _figure(results, part[0]) is not None]
    checks += _sums_of_parts(parts, results)
    if not checks and not notes:
        return []
    beside = [_parts_table(parts, results)] if parts else []
    return [SheetContent(_named(CHECKS), [_checks_table(checks, notes), *beside]), *sheets]


def _figure(results: Results, kpi_id: str, segment: str = "") -> float | None:
    """The figure of the review period, as the pack has it."""
    row = results.now(kpi_id, segment)
    return None if row is None or pd.isna(row["value"]) else float(row["value"])


def _named(title: str) -> str:
    """The name of a sheet, in the language in force, as the workbook has it."""
    return cut(sheet_name(_(title)), SHEET_NAME)


def _in_formulas(title: str) -> str:
    """The same as formulas name it."""
    return "'" + _named(title).replace("'", "''") + "'"


class _Audit:
    """The formulas over the sheet of customers by month."""

    def __init__(self, quarter: OpenReview, results: Results, listing: Listing) -> None:
        self.results, self.listing = results, listing
        self.label = format_period(results.period.label)
        self.money = number_format([], "money", results.context.currency)
        self.months = quarter.spine.rules["retention_months"]
        self.steps, since = compared_days(quarter.spine)
        self.closing = self.column(self.steps[-1])
        self.cohorts = {
            ending: since[horizon]
            for horizon, ending in COHORTS.items()
            if str(since[horizon]) in listing.columns and _figure(results, f"nrr{ending}") is not None
        }
        self.bridge = self._bridge()
        self.retention = self._retention(self.bridge.next_x)
        self.segments = self._segments(self.retention.next_x if self.cohorts else self.bridge.next_x)

    def column(self, name: date | str) -> Live:
        """A column of the sheet of customers."""
        place = letters(list(self.listing.columns).index(str(name)))
        values = self.listing.rows[str(name)]
        cells = f"{_in_formulas(CUSTOMERS)}!${place}${FIRST}:${place}${FIRST + len(values) - 1}"
        return Live(cells, pd.to_datetime(values).to_numpy() if name == "first_on" else values.to_numpy())

    def sheets(self) -> list[SheetContent]:
        """The sheet of formulas, and that of the customers they are made of."""
        tables = [lines.table() for lines in (self.bridge, self.retention, self.segments) if lines.cells]
        resource = Table(self.listing, self.results.context).resource()
        return [SheetContent(_named(AUDIT), tables), SheetContent(_named(CUSTOMERS), [resource_table(resource)])]

    def _bridge(self) -> Lines:
        """How MRR came from the opening to the closing of each step; the last column is the period."""
        label, first = self.label, self.column("first_on")
        note = _("Each customer is compared from one day to the next. Opening + net new + currency effect = closing.")
        title = _("MRR bridge, {period}").format(period=label)
        found = Lines(title, note, 0, [_("Line"), *map(str, self.steps[1:]), label])
        opening, closing = ([self.column(day) for day in days] for days in (self.steps[:-1], self.steps[1:]))
        names = [f"{day}{REVALUED}" for day in self.steps[:-1]]
        revalued = [self.column(n) if n in self.listing.columns else o for n, o in zip(names, opening, strict=True)]

        found.days(message("From"), [*self.steps[:-1], self.steps[0]])
        found.days(message("To"), [*self.steps[1:], self.steps[-1]])
        found.line("Opening", list(map(total, opening)), self.money, lambda cells: cells[0])
        moved: dict[str, list[Live]] = {"New": [], "Reactivation": [], "Expansion": [], "Contraction": [], "Churn": []}
        for o, r, c, start in zip(opening, revalued, closing, found.made["From"], strict=False):
            moved["New"].append(product(o.equals(0) * (c > 0) * (first > start) * c))
            moved["Reactivation"].append(product(o.equals(0) * (c > 0) * (first <= start) * c))
            moved["Expansion"].append(product((o > 0) * (c > r) * (c - r)))
            moved["Contraction"].append(product((o > 0) * (c > 0) * (c < r) * (c - r)))
            moved["Churn"].append(product((o > 0) * c.equals(0) * (c - r)))
        for name, per_step in moved.items():
            found.line(name, per_step, self.money, _sum)
        at, steps = found.made, range(len(closing))
        found.line(NET, [_sum([at[name][i] for name in moved]) for i in steps], self.money, _sum)
        fx = [total(r) - total(o) for o, r in zip(opening, revalued, strict=True)]
        found.line(FX, fx, self.money, _sum)
        closed = [at["Opening"][i] + at[NET][i] + at[FX][i] for i in steps]
        found.line("Closing", closed, self.money, _last)
        found.line(SUM, list(map(total, closing)), self.money, _last)
        found.line(PAYING, list(map(paying, closing)), COUNT, _last)
        return found

    def _retention(self, x: int) -> Lines:
        """What the customers of a day pay at the end of the period."""
        months = plural("over {n} month", "over {n} months", self.months).format(n=self.months)
        names = {"": months, "_quarter": _("in {period}").format(period=self.label)}
        note = _("What those who paid on the first day pay on the last.")
        found = Lines(_("Retention and churn"), note, x, [_("Measure"), *(names[ending] for ending in self.cohorts)])
        if not self.cohorts:
            return found
        c, cohorts, at = self.closing, [self.column(day) for day in self.cohorts.values()], found.made
        found.days("From", list(self.cohorts.values()))
        found.days("To", [self.steps[-1]] * len(cohorts))
        found.line(PAID, list(map(paying, cohorts)), COUNT)
        found.line(THEIRS, list(map(total, cohorts)), self.money)
        found.line(NOW, [product((s > 0) * c) for s in cohorts], self.money)
        kept = [product((c < s) * c + (s <= c) * s) for s in cohorts]
        found.line(KEPT, kept, self.money)
        found.line(LOST, [product((s > 0) * c.equals(0)) for s in cohorts], COUNT)
        found.line(MRR_LOST, [product((c < s) * (s - c)) for s in cohorts], self.money)
        for name, part, whole in (
            ("NRR", NOW, THEIRS),
            ("GRR", KEPT, THEIRS),
            (LOGO_CHURN, LOST, PAID),
            (REVENUE_CHURN, MRR_LOST, THEIRS),
        ):
            found.line(name, [a / b for a, b in zip(at[part], at[whole], strict=True)], FORMATS["share"])
        return found

    def _segments(self, x: int) -> Lines:
        """The MRR of each segment on the last day."""
        note = _("What the customers of each segment pay on the last day.")
        title = _("MRR by segment, {period}").format(period=self.label)
        found = Lines(title, note, x, [_("Segment"), _("MRR")], said=str)
        if "segment" in self.listing.columns:
            column = self.column("segment")
            texts = np.array([typed_cell(value).value for value in column.value])
            for row, name in enumerate(sorted(set(texts)), start=FIRST):
                own = Live(f"EXACT({column.text},{letters(x)}{row})", texts == name)
                found.line(name, [product(own * self.closing)], self.money)
        return found

    def checks(self) -> Iterator[Check]:
        """What the formulas must equal."""
        closing = self.bridge.linked("Closing")
        for name, kpi_id in BRIDGE.items():
            yield from self._with_pack(kpi_id, self.bridge.linked(name))
        yield from self._with_pack("arr", closing * 12)
        said = _("Opening + net new + currency effect = sum of customers")
        yield Check(said, closing, self.bridge.linked(SUM), self.money, CENT)
        for column, ending in enumerate(self.cohorts):
            for name, kpi_id in RATES.items():
                yield from self._with_pack(kpi_id + ending, self.retention.linked(name, column))
            lost, grr = (self.retention.linked(name, column) for name in (REVENUE_CHURN, "GRR"))
            said = _("{name} = 1 − GRR").format(name=kpi(f"revenue_churn{ending}").label)
            yield Check(said, lost, Live("1", 1) - grr, FORMATS["share"], EXACT)
        own = {retold(name): name for name in self.results.segments("mrr", "segment")["segment"]}
        for name in self.segments.made:
            yield from self._with_pack("mrr", self.segments.linked(name), f"segment: {own.get(name, name)}")

    def left_out(self) -> Iterator[str]:
        """The rates that the pack does not have, and so no formula either."""
        for kpi_id in (f"nrr{ending}" for ending in COHORTS.values() if ending not in self.cohorts):
            row = self.results.now(kpi_id)
            if row is not None:
                why = _(REASONS.get(row["status"], row["status"]))
                yield _("{name} is not calculated: {reason}.").format(name=kpi(kpi_id).label, reason=why)

    def _with_pack(self, kpi_id: str, found: Live, segment: str = "") -> Iterator[Check]:
        figure = _figure(self.results, kpi_id, segment)
        if figure is not None:
            label, (by, _colon, name) = kpi(kpi_id).label, segment.partition(": ")
            of = _("{name}: {value}").format(name=_(by), value=retold(name))
            yield _check(self.results, kpi_id, _(", ").join([label, of]) if segment else label, found, figure)


_last = operator.itemgetter(-1)


def _sum(cells: Sequence[Live]) -> Live:
    """The sum of cells that stand side by side, or one below the other."""
    return Live(f"SUM({cells[0].text}:{cells[-1].text})", sum(cell.value for cell in cells))


def _check(results: Results, kpi_id: str, what: str, found: Live, figure: float) -> Check:
    known = kpi(kpi_id)
    code = number_format([], known.unit, results.context.currency)
    return Check(what, found, figure, code, EXACT if known.unit == "share" else CENT)


def _parts_table(parts: Sequence[tuple[str, str, pd.DataFrame]], results: Results) -> ExcelTable:
    """The parts that totals are checked against, as the pack has them."""
    rows = [
        [kpi(kpi_id).label, _(by), retold(spoken(name)), typed_cell(value, code)]
        for kpi_id, by, found in parts
        for code in [number_format([], kpi(kpi_id).unit, results.context.currency)]
        for name, value in zip(found["segment"], found["value"], strict=True)
    ]
    heads = [_("Total"), _("Split by"), _("Part of it"), _("Its value")]
    return ExcelTable.of_rows(_("Parts of totals, as the pack has them"), heads, rows)


def _sums_of_parts(parts: Sequence[tuple[str, str, pd.DataFrame]], results: Results) -> Iterator[Check]:
    """Whether the parts add up to the totals; they stand in the table beside the checks."""
    x, last = len(CHECK_HEADS) + 1, FIRST + sum(len(found) for *_, found in parts) - 1
    names, values = (f"${letters(place)}${FIRST}:${letters(place)}${last}" for place in (x, x + 3))
    for kpi_id, by, found in parts:
        added = Live(f'SUMIF({names},"{kpi(kpi_id).label}",{values})', found["value"].sum())
        what = _("{name}: sum of its parts by {dimension}").format(name=kpi(kpi_id).label, dimension=_(by))
        yield _check(results, kpi_id, what, added, _figure(results, kpi_id) or 0.0)


def _checks_table(checks: Sequence[Check], notes: Sequence[str]) -> ExcelTable:
    """What must be equal, side by side; the first row says whether all of it is."""
    rows, passes, fails = list[list[Any]](), *(_(word).replace('"', "") for word in (PASS, FAIL))
    for row, (what, one, other, code, (within, shown)) in enumerate(checks, start=FIRST + 1):
        equal = other.cell(code) if isinstance(other, Live) else Cell(other, code)
        apart = one.value - equal.value
        says = f'IF(ISNUMBER(D{row}),IF(ABS(D{row})<={within},"{passes}","{fails}"),"{fails}")'
        result = Live(says, passes if abs(apart) <= within else fails)
        rows.append([what, one.cell(code), equal, Live(f"B{row}-C{row}", apart).cell(shown), result.cell()])
    title = _("{n} of {all} checks pass") if rows else _("No check")
    title = title.format(n=sum(row[-1].value == passes for row in rows), all=len(rows))
    if rows:
        results = f"E{FIRST + 1}:E{FIRST + len(rows)}"
        says = f'IF(COUNTIF({results},"{passes}")=ROWS({results}),"{passes}","{fails}")'
        every = Live(says, fails if fails in (row[-1].value for row in rows) else passes)
        notes = [_("Money must be equal to a cent, and shares to nine decimals."), *notes]
        rows.insert(0, [_("All checks"), EMPTY, EMPTY, EMPTY, every.cell()])
    heads = [_(head) for head in CHECK_HEADS]
    alarm = {"bold": True, "bg_color": "#f4c7c3"}
    marked = {heads[-1]: {"type": "cell", "criteria": "==", "format": alarm, "value": f'"{fails}"'}}
    nothing = _("Nothing to compare.")
    return ExcelTable.of_rows(title, heads, rows, notes=notes, empty=nothing, marked=marked)
