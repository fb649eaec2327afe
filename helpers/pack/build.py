"""The whole build: source -> prepared folder -> executed notebooks -> results -> pack.

A build works in a folder of its own under ``<out>/.builds`` and becomes visible in one step, when
``<out>/<period>`` is pointed at it: a reader sees the old pack or the new one, never a half.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from nbformat import NotebookNode

from helpers import results
from helpers.data.known import Prepared
from helpers.display.context import MIME_TABLE
from helpers.errors import KitError
from helpers.pack import manifest
from helpers.pack.commentary import read_commentary
from helpers.pack.order import Order, Work
from helpers.pack.run import Executed, Failure, Job, run_notebooks

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
        KitError: the source cannot be read, the commentary names what is not there, or every section failed;
            the draft stays as it was.
    """
    work = Work(_new_folder(out, order.period.label))
    try:
        _build(work, order, workers, say)
    except BaseException:
        shutil.rmtree(work.folder, ignore_errors=True)
        raise
    return Built(_make_visible(work, out, order.period.label), work.failed)


def _build(work: Work, order: Order, workers: int, say: Say) -> None:
    work.texts = read_commentary(order.commentary_folder, ("summary", "actions", *order.parameters))
    with work.timing("prepare"):
        prepared = _prepare(work, order)
    say("prepare")
    with work.timing("notebooks"):
        jobs = _jobs(work, order)
        work.executed = run_notebooks(jobs, prepared.folder, workers=workers, finished=lambda run: say(run.theme))
    if len(work.failed) == len(work.executed):
        raise KitError("every section failed", *(f"{theme}: {failure}" for theme, failure in work.failed.items()))
    work.figures = figures_of(work.executed.values())
    (work.pack / "results.csv").write_text(results.to_csv(work.figures), encoding="utf-8")
    write_exports(work.executed.values(), work.pack)
    with work.timing("render"):
        _render(work, order, prepared)
    say("render")
    manifest.write_manifest(work.pack, _manifest(work, order, prepared))


def _prepare(work: Work, order: Order) -> Prepared:
    from helpers.data.prepare import prepare
    from helpers.review import write_build_context

    folder = work.folder / "prepared"
    currency = order.review.reporting_currency(order.source)
    prepared = prepare(order.source, order.period, currency=currency, folder=folder)
    write_build_context(folder, order.review, order.parameters)
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


def write_exports(executed: Iterable[Executed], pack: Path) -> None:
    """One CSV per table that a notebook marked for export, every row of it, in the table's own columns."""
    (pack / "exports").mkdir()
    for run in executed:
        for resource in _tables(run.notebook) if not run.failure else []:
            if name := resource.get("export"):
                columns = [column["name"] for column in resource["schema"]["fields"]]
                rows = pd.DataFrame(resource["data"], columns=columns)
                rows.to_csv(pack / "exports" / Path(name).name, index=False, lineterminator="\n")


def _tables(notebook: NotebookNode, tag: str = "") -> Iterator[Mapping[str, Any]]:
    for cell in notebook.cells:
        if cell.cell_type == "code" and (tag in cell.metadata.get("tags", []) if tag else True):
            for output in cell.outputs:
                if MIME_TABLE in output.get("data", {}):
                    yield output.data[MIME_TABLE]


def _render(work: Work, order: Order, prepared: Prepared) -> None:
    from helpers.pack.pages import pages
    from helpers.pack.render import render_html, render_pdf

    view, sections = pages(order, work, prepared)
    (work.pack / "pack.html").write_text(render_html(view, sections), encoding="utf-8")
    (work.pack / "pack.pdf").write_bytes(render_pdf(view, sections))


def _manifest(work: Work, order: Order, prepared: Prepared) -> dict[str, Any]:
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
        "fingerprints": {"data": prepared.fingerprint, "code": manifest.code_fingerprint(order.root)},
        "versions": manifest.versions(),
        "seconds": work.seconds,
        "built_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _new_folder(out: Path, label: str) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    folder = out.resolve() / ".builds" / f"{label}-{stamp}"
    folder.mkdir(parents=True)
    return folder


def _make_visible(work: Work, out: Path, label: str) -> Path:
    """Points the draft at the new build, and keeps only the build before it for whoever is still reading that."""
    draft = out.resolve() / label
    new = work.folder / "draft"
    new.symlink_to(os.path.relpath(work.pack, draft.parent))
    new.replace(draft)
    builds = sorted((out.resolve() / ".builds").glob(f"{label}-2*"))
    for old in builds[:-2]:
        shutil.rmtree(old, ignore_errors=True)
    return out / label
