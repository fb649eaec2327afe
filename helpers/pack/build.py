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

from helpers.data.prepared import Prepared
from helpers.errors import KitError, together
from helpers.language import speaking
from helpers.pack.appearance import refuse_unprintable
from helpers.pack.archive import (
    Published,
    code_fingerprint,
    commit_of,
    hashes,
    last_published,
    make_visible,
    new_build,
    versions,
    write_manifest,
)
from helpers.pack.request import BuildRequest, PackRequest
from helpers.pack.run import Executed, Failure, Job, Kernels

Say = Callable[[str], None]


@dataclass(frozen=True)
class Built:
    """A finished pack: where readers find it, and the sections that failed, those of an audience as ``board/THEME``."""

    folder: Path
    failed: Mapping[str, Failure]

    @property
    def exit_status(self) -> int:
        return 2 if self.failed else 0


def build_pack(request: BuildRequest, *, out: Path, kernels: Kernels, say: Say) -> Built:
    """Builds the pack of one period and points ``<out>/<period>`` at it.

    ``say`` hears of each step as it is done: ``prepare``, each theme, ``render``.

    Raises:
        KitError: the source cannot be read, the commentary names what is not there, slides cannot be made of the
            template, every section failed, or the disk is full; the draft stays as it was.
    """
    label, brand = request.period.label, request.review.brand
    published = last_published(out / "published", request.period, request.review.company)
    with speaking(brand.language, brand.terms, brand.locale), new_build(out, label) as folder:
        failed = _build(request, folder, published, kernels, say)
        make_visible(folder, out, label)
    return Built(out / label, failed)


def _build(
    request: BuildRequest, folder: Path, published: Published | None, kernels: Kernels, say: Say
) -> dict[str, Failure]:
    """Fills the folder of a build; gives the sections that failed, those of an audience as ``board/new_revenue``."""
    from helpers.pack.audiences import check_audiences, make_variants, run_variant, write_audience
    from helpers.pack.definitions import changed_definitions
    from helpers.pack.made_from import FOLDER, NOTEBOOKS, PREPARED, check_columns_left_out, keep
    from helpers.review import write_build_context

    pack, made_from, seconds = folder / "pack", folder / FOLDER, dict[str, float]()
    code = code_fingerprint(request.root)
    together(  # these mistakes are told before anything is read
        lambda: refuse_unprintable(request.texts()),
        request.check_template,
        lambda: check_audiences(request),
        lambda: check_columns_left_out(request.review),
    )
    changed = changed_definitions(request, published)
    with _timed("prepare", seconds), ThreadPoolExecutor() as pool:
        pool.submit(import_module, "papermill")  # while DuckDB works
        prepared = request.prepared_in(made_from / PREPARED)
        write_build_context(prepared.folder, request.review, request.settled, changed)
        variants = make_variants(request, prepared, made_from, changed)
    say("prepare")
    with _timed("notebooks", seconds), ThreadPoolExecutor() as pool:
        pool.submit(import_module, "helpers.pack.write")  # its libraries, while the kernels work
        executed = kernels.run(jobs_of(request, pack / NOTEBOOKS), prepared.folder, finished=lambda run: say(run.theme))
    if all(run.failure for run in executed):
        raise KitError("every section failed", *(f"{run.theme}: {run.failure}" for run in executed))
    keep(request, executed, made_from)
    with _timed("audiences", seconds):
        read = {
            each.name: run_variant(each, jobs_of(each.request, each.folder / NOTEBOOKS), executed, kernels, say)
            for each in variants
        }
    fingerprints = {"data": prepared.fingerprint, "code": code}
    with _timed("render", seconds):
        from helpers.pack.write import Origin, write_pack

        origin = Origin(fingerprints, versions(), published)
        write_pack(request, prepared, executed, origin, pack)
        for each in variants:
            write_audience(each.name, made_from, request.root, origin, pack)
    say("render")
    told = {name: {run.theme: "failed" if run.failure else "ok" for run in runs} for name, runs in read.items()}
    failed = _failed(executed)
    failed |= {f"{name}/{theme}": why for name, runs in read.items() for theme, why in _failed(runs).items()}
    manifest = _manifest(request, prepared, executed, published, fingerprints, seconds)
    more = {"status": "PARTIAL" if failed else "DRAFT", **({"audiences": told} if told else {})}
    write_manifest(pack, {**manifest, **more, FOLDER: hashes(made_from)})
    return failed


def _failed(executed: Iterable[Executed]) -> dict[str, Failure]:
    return {run.theme: run.failure for run in executed if run.failure}


@contextmanager
def _timed(step: str, seconds: dict[str, float]) -> Iterator[None]:
    started = time.monotonic()
    yield
    seconds[step] = round(time.monotonic() - started, 3)


def jobs_of(request: PackRequest, folder: Path) -> list[Job]:
    """The notebooks of a pack, whose executed copies go to a folder, which is made."""
    folder.mkdir(parents=True)
    return [
        Job(theme, request.root / f"notebooks/{theme}.ipynb", folder / f"{theme}.ipynb", parameters)
        for theme, parameters in request.parameters.items()
    ]


def _manifest(
    request: BuildRequest,
    prepared: Prepared,
    executed: Iterable[Executed],
    published: Published | None,
    fingerprints: Mapping[str, str],
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    from helpers.pack.definitions import definitions_record

    period, runs = request.period, list(executed)
    return {
        "company": request.review.company,
        "source": prepared.name,
        "period": {
            "label": period.label,
            "start": period.start.isoformat(),
            "end": period.end.isoformat(),
            "as_of": period.as_of_at.isoformat(),
            "timezone": period.calendar.timezone,
        },
        "themes": {
            run.theme: {"status": "failed" if run.failure else "ok", "seconds": round(run.seconds, 3)}
            | ({"failure": str(run.failure)} if run.failure else {})
            for run in runs
        },
        "parameters": {theme: dict(values) for theme, values in request.parameters.items()},
        "rules": request.review.rules.model_dump(mode="json"),
        "definitions": definitions_record(request),
        "compared_with": published.address if published else None,
        "fingerprints": dict(fingerprints),
        "versions": versions(),
        "commit": commit_of(request.root),
        "seconds": dict(seconds),
        "built_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
