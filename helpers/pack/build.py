"""The whole build: source -> prepared folder -> executed notebooks -> results -> pack."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from nbformat import NotebookNode

from helpers import results
from helpers.data.prepared import Prepared
from helpers.display.context import MIME_TABLE
from helpers.errors import KitError
from helpers.pack import manifest
from helpers.pack.commentary import read_commentary
from helpers.pack.drafts import make_visible, new_build
from helpers.pack.order import Order, Work, prepared_of
from helpers.pack.parts import KIT
from helpers.pack.run import Executed, Failure, Job, run_notebooks
from helpers.results import Asked, from_json
from helpers.texts import csv_text

Say = Callable[[str], None]


@dataclass(frozen=True)
class Built:
    """A finished pack: where readers find it, and the sections that failed."""

    folder: Path
    failed: Mapping[str, Failure]

    @property
    def exit_status(self) -> int:
        return 2 if self.failed else 0


def build_pack(order: Order, *, out: Path, workers: int, say: Say) -> Built:
    """Builds the pack of one period and points ``<out>/<period>`` at it.

    ``say`` hears of each step as it is done: ``prepare``, each theme, ``render``.

    Raises:
        KitError: the source cannot be read, the commentary names what is not there, every section failed, or the
            disk is full; the draft stays as it was.
    """
    label = order.period.label
    with new_build(out, label) as folder:
        work = Work(folder, out / "published")
        _build(work, order, workers, say)
        make_visible(folder, out, label)
    return Built(out / label, work.failed)


def _build(work: Work, order: Order, workers: int, say: Say) -> None:
    work.code = manifest.code_fingerprint(order.root)
    work.texts = read_commentary(order.commentary_folder, order.pages)
    with work.timing("prepare"):
        prepared = _prepare(work, order)
    say("prepare")
    with work.timing("notebooks"):
        jobs = _jobs(work, order)
        work.executed = run_notebooks(jobs, prepared.folder, workers=workers, finished=lambda run: say(run.theme))
    if len(work.failed) == len(work.executed):
        raise KitError("every section failed", *(f"{theme}: {failure}" for theme, failure in work.failed.items()))
    work.figures, work.asked = figures_of(work.executed.values()), asked_in(work.executed.values())
    (work.pack / "results.csv").write_text(results.to_csv(work.figures), encoding="utf-8")
    write_exports(work.executed.values(), work.pack)
    with work.timing("render"):
        _render(work, order, prepared)
    say("render")
    manifest.write_manifest(work.pack, _manifest(work, order, prepared))


def _prepare(work: Work, order: Order) -> Prepared:
    from helpers.pack.redefined import redefined
    from helpers.review import write_build_context

    folder = work.folder / "prepared"
    prepared = prepared_of(order, folder)
    write_build_context(folder, order.review, order.settled, redefined(order, work.published))
    return prepared


def _jobs(work: Work, order: Order) -> list[Job]:
    (work.pack / "notebooks").mkdir(parents=True)
    return [
        Job(theme, order.root / f"notebooks/{theme}.ipynb", work.pack / f"notebooks/{theme}.ipynb", parameters)
        for theme, parameters in order.parameters.items()
    ]


def figures_of(executed: Iterable[Executed]) -> pd.DataFrame:
    """The results that the notebooks left in their cells tagged ``results``, in pack order; failed ones left none."""
    records = [
        record
        for run in executed
        if not run.failure
        for resource in _tables(run.notebook, tag="results")
        for record in resource["data"]
    ]
    return results.from_records(records)


def asked_in(executed: Iterable[Executed]) -> dict[str, Asked]:
    """What each theme asked of the source, from the same cells."""
    told = [resource for run in executed if not run.failure for resource in _tables(run.notebook, tag="results")]
    return {theme: asked for resource in told for theme, asked in from_json(resource.get("asked", {})).items()}


def write_exports(executed: Iterable[Executed], pack: Path) -> None:
    """One CSV per table that a notebook marked for export, every row of it, in the table's own columns."""
    (pack / "exports").mkdir()
    for run in executed:
        for resource in _tables(run.notebook) if not run.failure else []:
            if name := resource.get("export"):
                columns = [column["name"] for column in resource["schema"]["fields"]]
                rows = pd.DataFrame(resource["data"], columns=columns)
                (pack / "exports" / Path(name).name).write_text(csv_text(rows), encoding="utf-8")


def _tables(notebook: NotebookNode, tag: str = "") -> Iterator[Mapping[str, Any]]:
    """The tables that a notebook displayed, those behind its charts included."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and (tag in cell.metadata.get("tags", []) if tag else True):
            for output in cell.outputs:
                data = output.get("data", {})
                if MIME_TABLE in data:
                    yield data[MIME_TABLE]
                elif chart := data.get(f"{KIT}.chart+json"):
                    yield chart["table"]


def _render(work: Work, order: Order, prepared: Prepared) -> None:
    from helpers.display.data_page import DataPage
    from helpers.pack.pages import pages, results_of
    from helpers.pack.render import render_html, render_pdf, render_workbook

    page = DataPage(prepared.report, results_of(order, work, prepared))
    view, sections = pages(order, work, prepared, page)
    (work.pack / "pack.html").write_text(render_html(view, sections), encoding="utf-8")
    (work.pack / "pack.pdf").write_bytes(render_pdf(view, sections))
    data = [table.resource() for table in page.tables()]
    (work.pack / "figures.xlsx").write_bytes(render_workbook(view, sections, page.results, data))


def _manifest(work: Work, order: Order, prepared: Prepared) -> dict[str, Any]:
    from helpers.pack.redefined import definitions_record

    period = order.period
    return {
        "company": order.review.company,
        "source": order.source.name,
        "period": {
            "label": period.label,
            "start": period.start.isoformat(),
            "end": period.end.isoformat(),
            "as_of": period.as_of_at.isoformat(),
            "timezone": period.calendar.timezone,
        },
        "status": "PARTIAL" if work.failed else "DRAFT",
        "themes": {
            theme: {"status": "failed" if run.failure else "ok", "seconds": round(run.seconds, 3)}
            | ({"failure": str(run.failure)} if run.failure else {})
            for theme, run in work.executed.items()
        },
        "parameters": {theme: dict(values) for theme, values in order.parameters.items()},
        "rules": order.review.rules.model_dump(mode="json"),
        "definitions": definitions_record(order),
        "fingerprints": {"data": prepared.fingerprint, "code": work.code},
        "versions": manifest.versions(),
        "seconds": work.seconds,
        "built_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
