"""The whole build: source -> prepared folder -> executed notebooks -> results -> pack."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from helpers import results
from helpers.data.prepared import Prepared
from helpers.display.context import Results
from helpers.errors import KitError
from helpers.pack.archive import (
    Published,
    code_fingerprint,
    last_published,
    make_visible,
    new_build,
    versions,
    write_manifest,
)
from helpers.pack.commentary import figure_faults
from helpers.pack.notebook_content import tables_of
from helpers.pack.request import BuildRequest
from helpers.pack.run import Executed, Failure, Job, Kernels
from helpers.pack.warm_kernels import WarmProcess
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


def build_pack(request: BuildRequest, *, out: Path, workers: int, say: Say, warm: WarmProcess | None) -> Built:
    """Builds the pack of one period and points ``<out>/<period>`` at it.

    ``say`` hears of each step as it is done: ``prepare``, each theme, ``render``. Kernels are forked from the ``warm``
    process; without one they are started anew for each notebook.

    Raises:
        KitError: the source cannot be read, the commentary names what is not there, every section failed, or the
            disk is full; the draft stays as it was.
    """
    label = request.period.label
    published = last_published(out / "published", request.period)
    with new_build(out, label) as folder:
        with Kernels(workers, warm) as kernels:
            executed = _build(request, folder, published, kernels, say)
        make_visible(folder, out, label)
    return Built(out / label, {run.theme: run.failure for run in executed if run.failure})


def _build(
    request: BuildRequest, folder: Path, published: Published | None, kernels: Kernels, say: Say
) -> list[Executed]:
    """Fills the folder of a build; says what came of each notebook."""
    pack, seconds = folder / "pack", dict[str, float]()
    code = code_fingerprint(request.root)
    commentary = request.commentary()  # its mistakes are told before anything is read
    with _timed("prepare", seconds):
        prepared = _prepared(request, folder / "prepared", published)
    say("prepare")
    with _timed("notebooks", seconds), ThreadPoolExecutor() as pool:
        pool.submit(import_module, "helpers.pack.render")  # its libraries, while the kernels work
        (pack / "notebooks").mkdir(parents=True)
        executed = kernels.run(_jobs(request, pack), prepared.folder, finished=lambda run: say(run.theme))
    if all(run.failure for run in executed):
        raise KitError("every section failed", *(f"{run.theme}: {run.failure}" for run in executed))
    found = results_of(request, prepared, executed)
    if faults := figure_faults(commentary, request.commentary_folder, found.frame):
        raise KitError(*faults)
    (pack / "results.csv").write_text(results.to_csv(found.frame), encoding="utf-8")
    write_exports(executed, pack)
    _write_customer_pages(request, executed, pack)
    fingerprints = {"data": prepared.fingerprint, "code": code}
    with _timed("render", seconds):
        _render(request, prepared, executed, found, published, fingerprints, pack)
    say("render")
    write_manifest(pack, _manifest(request, executed, fingerprints, seconds))
    return executed


@contextmanager
def _timed(step: str, seconds: dict[str, float]) -> Iterator[None]:
    started = time.monotonic()
    yield
    seconds[step] = round(time.monotonic() - started, 3)


def _prepared(request: BuildRequest, folder: Path, published: Published | None) -> Prepared:
    from helpers.pack.definitions import changed_definitions
    from helpers.review import write_build_context

    prepared = request.prepared_in(folder)
    write_build_context(folder, request.review, request.settled, changed_definitions(request, published))
    return prepared


def _jobs(request: BuildRequest, pack: Path) -> list[Job]:
    return [
        Job(theme, request.root / f"notebooks/{theme}.ipynb", pack / f"notebooks/{theme}.ipynb", parameters)
        for theme, parameters in request.parameters.items()
    ]


def results_of(request: BuildRequest, prepared: Prepared, executed: Iterable[Executed]) -> Results:
    """The figures that the notebooks left in their cells tagged ``results``, in pack order, and what they asked for.

    Failed notebooks left none.
    """
    from helpers.review import OpenReview

    told = [resource for run in executed if not run.failure for resource in tables_of(run.notebook, "results")]
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
    for run in executed:
        for resource in tables_of(run.notebook) if not run.failure else ():
            if name := resource.get("export"):
                columns = [column["name"] for column in resource["schema"]["fields"]]
                rows = pd.DataFrame(resource["data"], columns=columns)
                (pack / "exports" / Path(name).name).write_text(csv_text(rows), encoding="utf-8")


def _write_customer_pages(request: BuildRequest, executed: Iterable[Executed], pack: Path) -> None:
    from helpers.pack.customer_pages import Looks, write_customer_pages

    brand = request.review.brand
    looks = Looks(request.review.company, request.period.measured_on, brand.colour, brand.locale)
    write_customer_pages(executed, pack, looks)


def _render(
    request: BuildRequest,
    prepared: Prepared,
    executed: Iterable[Executed],
    found: Results,
    published: Published | None,
    fingerprints: Mapping[str, str],
    pack: Path,
) -> None:
    """Writes the files that people read."""
    from helpers.display.data_page import DataPage
    from helpers.pack.audit import audit_sheets
    from helpers.pack.pages import page_content, pages_of
    from helpers.pack.render import render_html, render_pdf
    from helpers.pack.workbook import render_workbook
    from helpers.review import OpenReview

    made_from = {**versions(), **{f"{what} fingerprint": which for what, which in fingerprints.items()}}
    compared = str(published) if published and request.review.kpis else ""
    settled = request.review.model_copy(update={"themes": request.settled})
    quarter = OpenReview(request.period, settled, prepared)
    for name, query in found.given.items():
        quarter.spine.relate(name, query)
    queries = quarter.scripts(dict.fromkeys(found.frame["kpi_id"]))
    data = DataPage(prepared.report, found)
    pages, sections = pages_of(
        request, executed, data, queries, since=compared, source=prepared.name, versions=made_from
    )
    content = page_content(pages, sections)
    with ThreadPoolExecutor() as pool:  # Typst works beside Python
        pdf = pool.submit(render_pdf, content)
        (pack / "pack.html").write_text(render_html(content), encoding="utf-8")
        (pack / "figures.xlsx").write_bytes(render_workbook(pages, sections, found, audit_sheets(quarter, found)))
        (pack / "pack.pdf").write_bytes(pdf.result())


def _manifest(
    request: BuildRequest, executed: Iterable[Executed], fingerprints: Mapping[str, str], seconds: Mapping[str, float]
) -> dict[str, Any]:
    from helpers.pack.definitions import definitions_record

    period, runs = request.period, list(executed)
    return {
        "company": request.review.company,
        "source": request.source.name,
        "period": {
            "label": period.label,
            "start": period.start.isoformat(),
            "end": period.end.isoformat(),
            "as_of": period.as_of_at.isoformat(),
            "timezone": period.calendar.timezone,
        },
        "status": "PARTIAL" if any(run.failure for run in runs) else "DRAFT",
        "themes": {
            run.theme: {"status": "failed" if run.failure else "ok", "seconds": round(run.seconds, 3)}
            | ({"failure": str(run.failure)} if run.failure else {})
            for run in runs
        },
        "parameters": {theme: dict(values) for theme, values in request.parameters.items()},
        "rules": request.review.rules.model_dump(mode="json"),
        "definitions": definitions_record(request),
        "fingerprints": dict(fingerprints),
        "versions": versions(),
        "seconds": dict(seconds),
        "built_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
