"""Where packs are kept: builds at work, the draft that readers see, published packs, and what each was made from.

A build works in a folder of its own under ``<out>/.builds``, locked as long as it works. ``<out>/<period>`` is a link,
pointed at the newest build in one step: a reader sees the old pack or the new one, never a half. Published packs lie in
``<out>/published/<period>/v1``. Every pack has a ``manifest.json``, so that anyone can ask later whether it would come
out the same.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from helpers.errors import KitError
from helpers.periods import Period

LOCK = "at-work"
MANIFEST = "manifest.json"
PACKAGES = (
    "kpi-review", "duckdb", "pandas", "papermill", "nbconvert", "matplotlib", "typst", "xlsxwriter", "python-pptx",
)  # fmt: skip
KIT = Path(__file__).resolve().parents[2]  # a project may lie elsewhere, with notebooks of its own
CODE = ("helpers/**/*.py", "helpers/**/*.sql", "helpers/locale/**/*.po", "templates/**/*")


class Published(NamedTuple):
    """A published pack: what it is of, its version, its manifest and its folder."""

    label: str
    version: int
    manifest: Mapping[str, Any]
    folder: Path

    def __str__(self) -> str:
        return f"the pack of {self.label} (v{self.version})"

    def is_of(self, company: str) -> bool:
        """Whether it is a pack of that company; several may keep theirs in one folder."""
        return bool(self.manifest.get("company", company) == company)

    @property
    def address(self) -> str:
        """Where it lies in the folder of published packs: ``2026Q2/v1``."""
        return f"{self.label}/v{self.version}"


@contextmanager
def new_build(out: Path, label: str) -> Iterator[Path]:
    """A folder to build in, which :func:`make_visible` may point the draft at; a build that fails leaves nothing.

    Raises:
        KitError: the draft's place is taken by something else than a draft, or ``out`` cannot be written.
    """
    _check_place(out / label)
    with _faults_of_writing(out):
        folder = out.resolve() / ".builds" / f"{label}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
        folder.mkdir(parents=True)
        try:
            with locked(folder):
                yield folder
        except BaseException:
            if (out / label).resolve().parent != folder:
                shutil.rmtree(folder, ignore_errors=True)
            raise


def make_visible(folder: Path, out: Path, label: str) -> None:
    """Points the draft at the pack of a build, and keeps only the build before it for whoever still reads that.

    Builds that were killed are removed too, builds that are at work are not.
    """
    draft = out.resolve() / label
    before = draft.resolve().parent
    new = folder / "draft"
    new.symlink_to(os.path.relpath(folder / "pack", draft.parent))
    new.replace(draft)
    for old in folder.parent.glob(f"{label}-2*"):
        if old.name < folder.name and old != before and not is_at_work(old):
            shutil.rmtree(old, ignore_errors=True)


def _check_place(draft: Path) -> None:
    if draft.exists() and not draft.is_symlink():
        kind = "folder" if draft.is_dir() else "file"
        raise KitError(
            f"{draft} is a {kind}, must be the link to the newest build, which a build makes itself; "
            f"move that {kind} away or name another folder with --out"
        )


@contextmanager
def _faults_of_writing(out: Path) -> Iterator[None]:
    """What the disk refuses, as a fault that names the place and the way out."""
    try:
        yield
    except (OSError, duckdb.IOException) as error:
        file = getattr(error, "filename", None)
        if file and not Path(file).resolve().is_relative_to(out.resolve()):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise KitError(
            f"{out} cannot be written: {reason}; make room, or name another folder with --out; no draft was changed"
        ) from None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """A lock that ends with this process, however it ends."""
    with (folder / LOCK).open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_at_work(folder: Path) -> bool:
    """Whether somebody who locked a folder still lives."""
    try:
        with (folder / LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


# --- published packs, and what a pack was made from -------------------------------------------------------------------


def last_published(folder: Path, period: Period, company: str) -> Published | None:
    """The newest version of the company's latest published pack of this kind of period, up to this period.

    Raises:
        KitError: its manifest, or that of a later one, cannot be read.
    """
    earlier = [each for each in published_periods(folder, period) if each.start <= period.start]
    found = (pack for each in reversed(earlier) for pack in reversed(published_versions(folder, each.label)))
    return next((pack for pack in found if pack.is_of(company)), None)


def published_periods(folder: Path, period: Period) -> list[Period]:
    """The periods of this kind of which something is published, the earliest first."""
    found = []
    for place in folder.glob("*/"):
        with suppress(KitError):  # a pack of another calendar
            found.append(period.calendar.period(place.name))
    return sorted((each for each in found if each.kind == period.kind), key=lambda each: each.start)


def published_at(folder: Path, address: str) -> Published | None:
    """The pack that lies at an address, such as ``2026Q2/v1``; None where there is none.

    Raises:
        KitError: a manifest cannot be read.
    """
    label, _slash, version = address.partition("/v")
    return next((each for each in published_versions(folder, label) if f"{each.version}" == version), None)


def published_versions(folder: Path, label: str) -> list[Published]:
    """The versions of a period that are published, the first one first.

    Raises:
        KitError: a manifest cannot be read.
    """
    numbers = sorted(
        int(number[1])
        for path in folder.glob(f"{label}/v*")
        if path.is_dir() and (number := re.fullmatch(r"v(\d+)", path.name))
    )
    places = {number: folder / label / f"v{number}" for number in numbers}
    return [Published(label, number, read_manifest(place), place) for number, place in places.items()]


def read_manifest(pack: Path) -> dict[str, Any]:
    """The manifest of a pack.

    Raises:
        KitError: there is none that can be read.
    """
    try:
        return dict(json.loads((pack / MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        raise KitError(f"{pack / MANIFEST} cannot be read as the manifest of a pack; restore it") from None


def altered(folder: Path, written: Mapping[str, str], apart: Collection[Path] = ()) -> list[str]:
    """The files of a folder that are not as they were written: changed, gone, or added; each with what it is.

    ``written`` is what :func:`hashes` gave then. Files ``apart`` are not looked at.
    """
    there = {name: path for name, path in _files_of(folder).items() if path not in apart}
    known = {name: found for name, found in written.items() if folder / name not in apart}
    return [
        *(f"{folder / name} is gone" for name in known if name not in there),
        *(f"{folder / name} was changed" for name in known if name in there and _sha256(there[name]) != known[name]),
        *(f"{folder / name} is no file of this pack" for name in there if name not in known),
    ]


def write_manifest(pack: Path, contents: Mapping[str, Any]) -> None:
    """Writes ``manifest.json`` last, with the sha256 of every file that lies beside it."""
    text = json.dumps({**contents, "files": hashes(pack)}, indent=2, ensure_ascii=False)
    (pack / MANIFEST).write_text(f"{text}\n", encoding="utf-8")


def hashes(folder: Path) -> dict[str, str]:
    """The sha256 of every file of a folder by name, its manifest apart; nothing where there is none."""
    return {name: _sha256(path) for name, path in _files_of(folder).items()}


def _files_of(folder: Path) -> dict[str, Path]:
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)
    return {path.relative_to(folder).as_posix(): path for path in found}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions() -> dict[str, str]:
    """The versions that have a say in a pack's numbers and looks."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def code_fingerprint(root: Path) -> str:
    """One hash over all that pages are made with: helpers with queries and translations, templates, and notebooks.

    The notebooks are those of the project at ``root``, all else is the kit's that runs.
    """
    digest = hashlib.sha256()
    found = [(KIT, path) for pattern in CODE for path in KIT.glob(pattern) if "__pycache__" not in path.parts]
    found += [(root, path) for path in root.glob("notebooks/*.ipynb")]
    for name, path in sorted((path.relative_to(folder).as_posix(), path) for folder, path in found):
        if path.is_file():
            digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def commit_of(root: Path) -> str:
    """The commit of the code, with ``-changed`` where files differ from it; empty outside a repository of git."""
    words = ["git", "-C", str(root), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=-changed"]
    try:
        found = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return found.stdout.strip()
