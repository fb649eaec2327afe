"""Where builds work, and how one becomes the draft that readers see.

A build works in a folder of its own under ``<out>/.builds``, locked as long as it works. ``<out>/<period>`` is a link,
pointed at the newest build in one step: a reader sees the old pack or the new one, never a half.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from helpers.errors import KitError

LOCK = "at-work"


@contextmanager
def new_build(out: Path, label: str) -> Iterator[Path]:
    """A folder to build in, which :func:`make_visible` may point the draft at; a build that fails leaves nothing.

    Raises:
        KitError: the draft's place is taken by something else than a draft, or ``out`` cannot be written.
    """
    _check_place(out / label)
    with _faults_of_writing(out):
        folder = _new_folder(out.resolve(), label)
        try:
            with _locked(folder):
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
        if old.name < folder.name and old != before and not _is_at_work(old):
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


def _new_folder(out: Path, label: str) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    folder = out / ".builds" / f"{label}-{stamp}"
    folder.mkdir(parents=True)
    return folder


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """A lock that ends with this process, however it ends."""
    with (folder / LOCK).open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_at_work(folder: Path) -> bool:
    try:
        with (folder / LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
