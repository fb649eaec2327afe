"""Executed notebooks -> the files of a pack: results.csv, exports, customers' pages, HTML, PDF and workbook.

A build writes its draft with this, ``publish`` the frozen version, and ``verify`` the pack that it compares with.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from helpers import results
from helpers.data.prepared import Prepared
from helpers.display.context import Results
from helpers.display.data_page import DataPage
from helpers.errors import refuse
from helpers.language import _
from helpers.pack.archive import Published
from helpers.pack.audit import audit_sheets
from helpers.pack.changes import changes_since
from helpers.pack.commentary import figure_faults
from helpers.pack.customer_pages import write_customer_pages
from helpers.pack.notebook_content import tables_in
from helpers.pack.pages import Edition, page_content, pages_of
from helpers.pack.render import render_html, render_pdf
from helpers.pack.request import PackRequest
from helpers.pack.run import Executed
from helpers.pack.workbook import render_workbook
from helpers.results import Asked, from_json
from helpers.review import OpenReview
from helpers.texts import csv_text


@dataclass(frozen=True)
class Origin:
    """What a pack tells of itself beside its figures.

    ``fingerprints`` are those of the data and of the code, ``versions`` those of the packages, ``compared`` is the
    published pack that it is held against. A draft has no ``edition``.
    """

    fingerprints: Mapping[str, str]
    versions: Mapping[str, str]
    compared: Published | None
    edition: Edition | None = None


def write_pack(
    request: PackRequest, prepared: Prepared, executed: Iterable[Executed], origin: Origin, pack: Path
) -> None:
    """Write the files of a pack into a folder that is there: all but its notebooks and its manifest.

    Raises:
        KitError: the commentary names what is not there, or the pages cannot be set.
    """
    runs = list(executed)
    write_exports(runs, pack)
    write_customer_pages(runs, pack, request)
    write_pages(request, prepared, runs, origin, pack)


def results_of(request: PackRequest, prepared: Prepared, executed: Iterable[Executed]) -> Results:
    """The figures that the notebooks left in their cells tagged ``results``, in pack order, and what they asked for.

    Failed notebooks left none.
    """
    told = tables_in(executed, "results")
    frame = results.from_records(record for resource in told for record in resource["data"])
    asked: dict[str, Asked] = {}
    given: dict[str, str] = {}
    for resource in told:
        asked |= from_json(resource.get("asked", {}))
        given |= resource.get("given", {})
    return Results(frame, OpenReview(request.period, request.review, prepared).context, asked, given)


def write_exports(executed: Iterable[Executed], pack: Path) -> None:
    """One CSV per table that a notebook marked for export, every row of it, in the table's own columns."""
    (pack / "exports").mkdir()
    for resource in tables_in(executed):
        if name := resource.get("export"):
            columns = [column["name"] for column in resource["schema"]["fields"]]
            rows = pd.DataFrame(resource["data"], columns=columns)
            (pack / "exports" / Path(name).name).write_text(csv_text(rows), encoding="utf-8")


def write_pages(
    request: PackRequest,
    prepared: Prepared,
    executed: list[Executed],
    origin: Origin,
    pack: Path,
    audience: str = "",
) -> None:
    """Write results.csv and the files that people read: all that an audience gets.

    The pack of an ``audience`` is held against what was published for it, and that of everybody against the whole.

    Raises:
        KitError: the commentary names what is not there, or the pages cannot be set.
    """
    found = results_of(request, prepared, executed)
    refuse(figure_faults(request.commentary(), request.commentary_folder, found.frame))
    (pack / "results.csv").write_text(csv_text(found.frame), encoding="utf-8")
    data_of, code_of = origin.fingerprints["data"], origin.fingerprints["code"]
    made_from = {**origin.versions, _("data fingerprint"): data_of, _("code fingerprint"): code_of}
    settled = request.review.model_copy(update={"themes": request.settled})
    quarter = OpenReview(request.period, settled, prepared)
    for name, query in found.given.items():
        quarter.spine.relate(name, query)
    queries = quarter.scripts(dict.fromkeys(found.frame["kpi_id"]))
    data = DataPage(prepared.report, found)
    made_with = {"code": origin.fingerprints["code"], **origin.versions}
    compared = changes_since(origin.compared, request, prepared, found, made_with, audience)
    pages, sections = pages_of(
        request, executed, data, queries, compared=compared, source=prepared.name, versions=made_from,
        edition=origin.edition,
    )  # fmt: skip
    content = page_content(pages, sections)
    gc.disable()  # Python's collector of cycles would look through a million cells of the workbook again and again
    try:
        with ThreadPoolExecutor() as pool:  # Typst works beside Python
            pdf = pool.submit(render_pdf, content)
            (pack / "pack.html").write_text(render_html(content), encoding="utf-8")
            (pack / "figures.xlsx").write_bytes(render_workbook(pages, sections, found, audit_sheets(quarter, found)))
            (pack / "pack.pdf").write_bytes(pdf.result())
    finally:
        gc.enable()
    if request.deck:
        from helpers.pack.deck import chapter_pages, render_deck

        deck = render_deck(pages, found, chapter_pages(pdf.result()), request.review.brand.deck_template)
        (pack / "pack.pptx").write_bytes(deck)
