"""A draft becomes a published version: written again with only its status changed, read-only, with who, when and why.

``<out>/published/<period>/v1`` holds the pack and, in ``made_from/``, what it was made from. A correction is ``v2``,
with a reason; nothing is overwritten.
"""

from __future__ import annotations

import getpass
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from helpers.data.prepared import Prepared
from helpers.errors import KitError, refuse
from helpers.language import speaking
from helpers.pack.archive import (
    Published,
    code_fingerprint,
    is_at_work,
    last_published,
    locked,
    published_periods,
    published_versions,
    read_manifest,
    versions,
    write_manifest,
)
from helpers.pack.audiences import WORDS, naming_reasons, own_commentaries, write_audience
from helpers.pack.commentary import SIGN_OFF
from helpers.pack.made_from import (
    FOLDER,
    NOTEBOOKS,
    PREPARED,
    REMOVED,
    altered_since_build,
    audiences_of,
    keep_json,
    kept_record,
    kept_request,
    kept_runs,
    leave_out_columns,
    with_audiences,
)
from helpers.pack.pages import Edition
from helpers.pack.request import PackRequest
from helpers.pack.run import Executed
from helpers.pack.sign_off import open_points, publishing_faults
from helpers.pack.verified import marks
from helpers.pack.write import Origin, write_pack
from helpers.strict_yaml import shown


@dataclass(frozen=True)
class Publication:
    """A draft that may be published, and the edition that it becomes."""

    label: str
    draft: Path
    manifest: Mapping[str, Any]
    request: PackRequest
    runs: Sequence[Executed]
    compared: Published | None
    edition: Edition

    def told(self) -> list[str]:
        """What is about to be frozen, in lines."""
        themes = ", ".join(self.manifest["themes"])
        failed = _failed(self.manifest)
        absent = kept_record(self.draft.parent / FOLDER)["left_out"]
        return [
            f"{self.manifest['company']}, {self.label}, version {self.edition.version}",
            f"  as known at {self.manifest['period']['as_of']}, from {self.manifest['source']}",
            f"  built at {self.manifest['built_at']}, {len(self.manifest['files'])} files",
            f"  themes: {themes}",
            *([f"  failed: {', '.join(failed)}"] if failed else []),
            *([f"  left out: {', '.join(absent)}"] if absent else []),
            f"  held against {self.compared or 'no earlier pack'}",
            *(f"  still open: {point}" for point in open_points(self.request, marks(self.request))),
            *([f"  partial: {self.edition.partial}"] if self.edition.partial else []),
            *([f"  corrects version {self.edition.version - 1}: {self.edition.reason}"] if self.edition.reason else []),
        ]


def read_draft(label: str, out: Path, root: Path, *, partial: str = "", correct: str = "") -> Publication:
    """The draft of a period, if it may be published: whole, as it was built, and by today's code.

    Args:
        label: the period, such as ``2026Q3``.
        out: the folder of reports.
        root: the project's folder.
        partial: why it is published although something is missing.
        correct: why there is a version after the first.

    Raises:
        KitError: with every reason why it may not.
    """
    link = out / label
    if not re.fullmatch(r"[\w-]+", label) or not link.is_symlink():
        raise KitError(f"{link} is no draft; build it first: kpi-review build --period {label} --source …")
    draft = link.resolve()
    manifest = read_manifest(draft)
    refuse(altered_since_build(draft, manifest))
    request, runs = kept_request(draft.parent / FOLDER, root), kept_runs(draft.parent / FOLDER, draft / NOTEBOOKS)
    review = Path(next(iter(request.parameters.values()))["review"])
    written = review.parent / "commentary" / label
    earlier = published_versions(out / "published", label)
    compared = last_published(out / "published", request.period, request.review.company)
    faults = [
        *_incomplete(link, manifest, request, kept_record(draft.parent / FOLDER)["left_out"], partial),
        *_another_kit(link, manifest, root),
        *publishing_faults(request.commentary(), request.parameters, written),
        *(
            fault
            for name, said, themes in own_commentaries(request)
            for fault in publishing_faults(said, themes, written / name)
        ),
        *_said_since(draft.parent / FOLDER / "commentary" / label, root / written),
        *_out_of_turn(label, earlier, correct, request.review.company),
        *naming_reasons(draft.parent / FOLDER, {"--partial": partial, "--correct": correct}),
    ]
    if manifest["compared_with"] != (compared.address if compared else None):
        then = manifest["compared_with"] or "no earlier pack"
        faults.append(f"{link} is held against {then}, and {compared} was published since; build it again")
    refuse(faults)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    edition = Edition(len(earlier) + 1, now, getpass.getuser(), correct, partial)
    return Publication(label, draft, manifest, request, runs, compared, edition)


def publish(found: Publication, out: Path) -> Path:
    """Write and freeze a version of a pack; says where it lies.

    Raises:
        KitError: the draft was altered since it was read, its figures come out differently now, another was faster, or
            ``out`` cannot be written.
    """
    place = out / "published" / found.label / f"v{found.edition.version}"
    with _made_beside(place) as new:
        shutil.copytree(found.draft.parent / FOLDER, new / FOLDER, ignore=shutil.ignore_patterns(WORDS))
        shutil.copytree(found.draft / NOTEBOOKS, new / NOTEBOOKS)
        refuse(altered_since_build(found.draft, found.manifest))  # whoever publishes may have thought it over for long
        prepared = Prepared.open(new / FOLDER / PREPARED)
        request = kept_request(new / FOLDER, found.request.root)
        # what its manifest says, whatever is installed today
        origin = Origin(found.manifest["fingerprints"], found.manifest["versions"], found.compared, found.edition)
        brand = request.review.brand
        with speaking(brand.language, brand.terms, brand.locale):
            write_pack(request, prepared, found.runs, origin, new)
            for name in audiences_of(new / FOLDER):
                write_audience(name, new / FOLDER, request.root, origin, new)
        if (new / "results.csv").read_bytes() != (found.draft / "results.csv").read_bytes():
            raise KitError(f"the figures of {found.draft} come out differently now; build the draft again")
        for made_from in with_audiences(new / FOLDER):
            leave_out_columns(made_from, request.review.keep.without)
        contents = {key: value for key, value in found.manifest.items() if key not in ("files", FOLDER)}
        told = {**found.edition._asdict(), "draft": found.draft.parent.name}
        write_manifest(new, {**contents, "status": found.edition.status, "published": told})
    _let_go(out / "published", request, found.edition)
    return place


def _incomplete(
    link: Path, manifest: Mapping[str, Any], request: PackRequest, absent: Sequence[str], reason: str
) -> Iterator[str]:
    """What a draft lacks, unless a reason is given why it is published all the same."""
    if reason:
        return
    if failed := _failed(manifest):
        yield f"{link} is PARTIAL: {', '.join(failed)} failed; mend it and build again, or give --partial REASON"
    if absent:
        yield f"{link} lacks {', '.join(absent)}; build it without --only, or give --partial REASON"
    if request.period.is_partial:
        days = f"{request.period.elapsed_days} of {request.period.days} days"
        yield f"{link} is of {days}; build it when the period is over, or give --partial REASON"


def _failed(manifest: Mapping[str, Any]) -> list[str]:
    """The sections that failed, those of an audience as ``board/new_revenue``."""
    of_all = [theme for theme, run in manifest["themes"].items() if run["status"] != "ok"]
    audiences = manifest.get("audiences", {}).items()
    return [*of_all, *(f"{name}/{theme}" for name, runs in audiences for theme, which in runs.items() if which != "ok")]


def _another_kit(link: Path, manifest: Mapping[str, Any], root: Path) -> Iterator[str]:
    """What was changed in the kit since the draft was built, so that its pages would come out differently."""
    if manifest["fingerprints"]["code"] != code_fingerprint(root):
        yield f"{link} was built by other helpers, notebooks or templates than those of today; build it again"
    now = versions()
    if changed := [name for name, which in manifest["versions"].items() if now.get(name) != which]:
        yield f"{link} was built with other versions of {', '.join(changed)}; build it again"


def _said_since(kept: Path, written: Path) -> Iterator[str]:
    """The texts and sign-offs that are not as the draft has them: who signed since would be told as not signed."""
    if not written.is_dir():  # of a review that lies elsewhere by now
        return
    texts = {path.relative_to(folder) for folder in (kept, written) for kind in ("*.md", SIGN_OFF)
             for path in folder.rglob(kind)}  # fmt: skip
    for name in sorted(texts):
        before, now = (file.read_bytes() if file.is_file() else b"" for file in (kept / name, written / name))
        if before != now:
            yield f"{shown(written / name)} was changed since the draft was built; build it again"


def _out_of_turn(label: str, earlier: Sequence[Published], reason: str, company: str) -> Iterator[str]:
    """Whether this is a correction, as it is told to be."""
    if strange := [each for each in earlier if not each.is_of(company)]:
        yield (
            f"{strange[-1].folder} is of {strange[-1].manifest['company']}, and this draft is of {company}, "
            "which corrects nothing of it; build and publish it in another folder, with --out"
        )
    elif earlier and not reason:
        yield f"{earlier[-1]} is published; a version after it corrects it: give --correct REASON"
    if reason and not earlier:
        yield f"nothing of {label} is published, so there is nothing to correct; leave --correct out"


@contextmanager
def _made_beside(place: Path) -> Iterator[Path]:
    """A folder that becomes ``place`` in one step, when it is whole; what a publish that was killed left is removed."""
    place.parent.mkdir(parents=True, exist_ok=True)
    for left in place.parent.glob(".v*-*"):
        if not is_at_work(left):
            _remove(left)
    beside = place.with_name(f".{place.name}-{os.getpid()}")
    beside.mkdir()
    new = beside / "pack"
    try:
        with locked(beside):
            new.mkdir()
            yield new
            _set_writable(new, False)
            new.chmod(0o755)  # a folder that may not be written cannot be moved
            new.rename(place)
            place.chmod(0o555)
    except OSError as error:
        reason = error.args[0][0][-1] if isinstance(error, shutil.Error) else error.strerror or error
        raise KitError(
            f"{place} cannot be written: {reason}; nothing was published; "
            "make room, or see whether another has just published it"
        ) from None
    finally:
        _remove(beside)


def _remove(folder: Path) -> None:
    _set_writable(folder, True)
    shutil.rmtree(folder, ignore_errors=True)


def _set_writable(folder: Path, may: bool) -> None:
    """Let a folder and all in it be written, or only read."""
    if may:
        folder.chmod(0o755)
    for path in sorted(folder.rglob("*")):
        path.chmod((0o755 if may else 0o555) if path.is_dir() else (0o644 if may else 0o444))
    if not may:
        folder.chmod(0o555)


def _let_go(published: Path, request: PackRequest, edition: Edition) -> None:
    """Remove the prepared tables of packs that are older than the review keeps, and leave a note why."""
    most = request.review.keep.packs
    if most is None:
        return
    for period in published_periods(published, request.period)[::-1][most:]:
        for old in [each for each in published_versions(published, period.label) if each.is_of(request.review.company)]:
            for made_from in with_audiences(old.folder / FOLDER):
                _remove_tables(made_from, edition, f"keep.packs is {most} in review.yml")


def _remove_tables(made_from: Path, edition: Edition, why: str) -> None:
    tables = sorted((made_from / PREPARED).glob("*.parquet"))
    if not tables:
        return
    _set_writable(made_from, True)
    names = [table.name for table in tables]
    record = {"tables": names, "at": edition.at, "by": edition.by, "why": why}
    keep_json(record, made_from / REMOVED)
    for table in tables:
        table.unlink()
    _set_writable(made_from, False)
