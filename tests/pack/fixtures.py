"""Small executed notebooks and a small pack, made here: no file with outputs is in git."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import nbformat.v4 as v4
from nbformat import NotebookNode

from helpers.display.headlines import Headline
from helpers.display.summary import Summary
from helpers.pack.changes import ChangedText, Compared, side_by_side
from helpers.pack.definitions import Definition
from helpers.pack.notebook_content import commentary_parts
from helpers.pack.pages import Changes, Pages, Section, page_content
from helpers.pack.render import render_html, render_pdf
from helpers.pack.run import Failure

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="480" height="200"><path d="M0 190L480 40" stroke="#000"/></svg>'
MARKED = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
 width="480pt" height="200pt" viewBox="0 0 480 200" version="1.1">
<defs><style type="text/css">*{stroke-linejoin: round; stroke-linecap: butt}</style><clipPath id="area"><rect x="0"
 y="0" width="480" height="200"/></clipPath>
<path id="dot" d="M -4 -4 L 4 -4 L 4 4 L -4 4 z" style="stroke: #1b1e23"/></defs>
<g id="axes_1"><g class="mark" data-value="Aug 2026: €69,000"><path d="M 40 20.123456 L 80 20 L 80 190 L 40 190 z"
 clip-path="url(#area)" style="fill: #1f3a5f"/></g>
<g class="mark" data-value="Sept 2026: €41,000"><use xlink:href="#dot" x="300" y="80"/></g>
<text style="font-size: 7.5px; font-family: 'Fira Sans', 'DejaVu Sans'; fill: #1b1e23" x="300"
 y="60">Meerveld &amp; Boterkamp</text></g></svg>"""
SPARK = '<svg xmlns="http://www.w3.org/2000/svg" width="120" height="28"><path d="M0 20L120 8" stroke="#000"/></svg>'
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg=="
SOURCE = "secret_code = compute('never shown')"


def notebook(*cells: NotebookNode) -> NotebookNode:
    return v4.new_notebook(cells=list(cells), metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})


def markdown(text: str) -> NotebookNode:
    return v4.new_markdown_cell(text)


def code(*outputs: NotebookNode, count: int = 1, tags: tuple[str, ...] = ()) -> NotebookNode:
    return v4.new_code_cell(SOURCE, outputs=list(outputs), execution_count=count, metadata={"tags": list(tags)})


def display(metadata: dict[str, Any] | None = None, **data: Any) -> NotebookNode:
    """An output; ``__`` in a name stands for the characters that a keyword cannot have."""
    return v4.new_output("display_data", data=data, metadata=metadata or {})


def bundle(mime: str, content: Any) -> NotebookNode:
    return display(**{mime: content, "text/html": "<b>richer elsewhere</b>", "text/plain": "plainer elsewhere"})


def printed(text: str, name: str = "stdout") -> NotebookNode:
    return v4.new_output("stream", name=name, text=text)


def error(ename: str, evalue: str) -> NotebookNode:
    return v4.new_output("error", ename=ename, evalue=evalue, traceback=[f"Traceback: {evalue}"])


def resource(title: str = "Lost customers", rows: int = 3, **more: Any) -> dict[str, Any]:
    fields = [
        {"name": "name", "type": "string", "title": "Customer", "unit": "text"},
        {"name": "mrr", "type": "number", "title": "MRR lost", "unit": "money"},
    ]
    data = [{"name": f"Customer {i}", "mrr": 1000.0 * i} for i in range(rows)]
    return {
        "title": title,
        "schema": {"fields": fields},
        "data": data,
        "empty": "Nobody left.",
        "currency": "EUR",
        **more,
    }


def table_output(**more: Any) -> NotebookNode:
    return bundle("application/vnd.dataresource+json", resource(**more))


def chart_output(title: str = "Net new MRR, € per month, 2026Q3", **more: Any) -> NotebookNode:
    sentence = "Net new MRR fell to €41,000, €28,000 below 2026Q2."
    content = {"title": title, "sentence": sentence, "alt": sentence, "svg": SVG, "table": resource("Figures"), **more}
    return bundle("application/vnd.kpi-review.chart+json", content)


def block(label: str = "Net new MRR", **more: Any) -> dict[str, Any]:
    return {
        "kpi_id": "net_new_mrr", "label": label, "value": "€41,000", "unit_note": "per month", "n": "143",
        "interval": "95% interval €30,000 to €52,000", "previous": "−€28,000 (−40.6%)", "previous_label": "2026Q2",
        "previous_tone": "bad", "year_ago": "+€3,000 (+7.9%)", "year_ago_label": "2025Q3", "year_ago_tone": "good",
        "target": "€60,000", "target_status": "missed", "verdict": "signal", "verdict_tone": "bad",
        "verdict_words": "Signal: below its usual range of €52,000 to €88,000",
        "sparkline_svg": SPARK, "sparkline_alt": "12 quarters, lowest in the last", "status": "ok", "reason": "",
        "definition": "New, expansion and reactivation MRR less contraction and churn.",
    } | more  # fmt: skip


def blocks_output(*blocks: dict[str, Any]) -> NotebookNode:
    return bundle("application/vnd.kpi-review.blocks+json", {"blocks": list(blocks)})


def recurring_revenue() -> NotebookNode:
    return notebook(
        markdown("# Recurring revenue\n\nIs the base growing, and **why**? See [the policy](https://example.com/mrr)."),
        code(printed("loaded"), tags=("parameters",)),
        code(table_output(title="results"), count=2, tags=("results",)),
        markdown("## Where MRR stands"),
        code(blocks_output(block(), block("Paying customers")), count=3),
        code(chart_output(), count=4),
        markdown("## Who left\n\n| Reason | Share |\n|:--|--:|\n| Price | 40% |\n\n1. First\n2. Second `code`"),
        code(table_output(), count=5),
        markdown("## Questions to ask\n\n- Which three customers are closest to renewal and silent?"),
    )


def sections() -> list[Section]:
    pipeline = notebook(
        markdown("# Pipeline\n\nWhere do deals stall?"), code(chart_output("Funnel"), count=2), markdown("## Who left")
    )
    stopped = notebook(markdown("# Unit economics"), code(printed("half a result"), error("ValueError", "boom")))
    return [
        Section("recurring_revenue", "Recurring revenue", recurring_revenue(), commentary="Two renewals *slipped*."),
        Section("pipeline_conversion", "Pipeline conversion", pipeline),
        Section("unit_economics", "Unit economics", stopped, Failure(4, "cac = spend / won", "spend has no rows")),
    ]


def texts(title: str, **row: str) -> dict[str, Any]:
    """A table of one row of texts."""
    return {"title": title, "schema": {"fields": [{"name": name, "type": "string"} for name in row]}, "data": [row]}


def html_of(pages: Pages, sections: Sequence[Section]) -> str:
    return render_html(page_content(pages, sections))


def pdf_of(pages: Pages, sections: Sequence[Section]) -> bytes:
    return render_pdf(page_content(pages, sections))


SUMMARY = Summary(
    verdict="Net new MRR fell by 40.6% this quarter.",
    carried_by="Net new MRR: €41,000 per month, €28,000 below 2026Q2.",
    good=[
        Headline(
            "recurring_revenue", "churn", "target", "good", "Logo churn fell to 4.1%", ", 0.9 pp below its target."
        )
    ],
    bad=[
        Headline("recurring_revenue", "mrr", "signal", "bad", "Net new MRR fell to €41,000", ", €28,000 below 2026Q2.")
    ],
    note="24 series were judged; about one in thirty signals by chance.",
)
IN_SCORECARD = {
    "unit": "", "window": "", "variance": "−8.9%", "variance_tone": "bad", "variance_svg": SPARK,
    "signal": "below €50,000 to €80,000",
}  # fmt: skip


COMPARED = Compared(
    "Compared with the pack of 2026Q2 (v1): of 40 figures that both have, 1 is restated.",
    texts("Restated figures", KPI="New bookings", Published="€1,000", Now="€1,500", Cause="1 row of deals corrected."),
    definitions=[ChangedText("the query of bookings", "New bookings", side_by_side(["from <a>"], ["from <b>"]))],
)


def view(**more: Any) -> Pages:
    row = {**block("Net new MRR", theme="recurring_revenue"), **IN_SCORECARD}
    groups = [
        {"title": "Money", "rows": [row, {**row, "label": "Logo churn"}]},
        {"title": "Cost of growth", "rows": [{**row, "label": "CAC", "verdict": "noise", "theme": "unit_economics"}]},
    ]
    fields: dict[str, Any] = {
        "company": "Northwind Software", "title": "Quarterly KPI review", "period_label": "2026Q3",
        "period_dates": "1 July – 30 September 2026", "as_of": "as known at the end of 14 October 2026, UTC",
        "as_of_on": date(2026, 10, 14), "status": "DRAFT", "confidentiality": "Confidential – board only",
        "summary": SUMMARY,
        "commentary": "The quarter was **slow**.", "scorecard": groups,
        "failed": ["Unit economics"],
        "changes": Changes(
            failed=["Unit economics"], data=["deals: 3 of 40 rows left out: won without closed_at."], compared=COMPARED
        ),
        "definitions": [Definition("NRR", ("net_new_mrr",), "How much is kept.", "Kept MRR over opening MRR.", "K23")],
        "source": "Warehouse",
        "data": [texts("What was read", Table="deals", Rows="40")],
        "versions": texts("Versions and fingerprints", Part="data", Version="0123456789abcdef" * 4),
        "actions": commentary_parts("| What | Who |\n|--|--|\n| Call the ten largest | Ana |", "pack.actions"),
    }  # fmt: skip
    return Pages(**fields | more)
