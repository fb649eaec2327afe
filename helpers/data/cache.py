"""The prepared folder for work in JupyterLab: made on first use, and reused while the source's files stay the same."""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import platformdirs

from helpers.data.prepare import prepare
from helpers.data.prepared import Prepared
from helpers.data.sources import source_fingerprint
from helpers.params import Source
from helpers.periods import Period

KEPT = 8


def prepared_for(source: Source, period: Period, currency: str) -> Prepared:
    """The prepared tables of a source as known at the end of a period.

    A database is read anew every time, since its rows can change unseen. Prepared folders hold the source's rows, so
    only the user can read them, and only the newest are kept, with those that a process still reads from.
    """
    cache = Path(platformdirs.user_cache_dir("kpi-review"))
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=cache, prefix="."))
    atexit.register(shutil.rmtree, unfinished, ignore_errors=True)
    if (key := _key(source, period, currency)) is None:
        return prepare(source, period, currency=currency, folder=unfinished)
    if not _hold(cache / key):
        prepare(source, period, currency=currency, folder=unfinished)
        _remove_old(cache)
        with suppress(OSError):  # another process was faster; its folder holds the same
            os.replace(unfinished, cache / key)  # noqa: PTH105 - as one step, so that no half folder is ever found
        _hold(cache / key)
    return Prepared.open(cache / key)


def _key(source: Source, period: Period, currency: str) -> str | None:
    """What the prepared folder follows from, the code that makes it included; None if that cannot be told."""
    fingerprint = source_fingerprint(source)
    if fingerprint is None:
        return None
    code = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
    told = [fingerprint, repr(period.calendar), str(period.as_of_on), period.label, currency]
    return hashlib.sha256(b"\0".join([*code, *(text.encode() for text in told)])).hexdigest()[:32]


def _remove_old(cache: Path) -> None:
    folders = [path for path in cache.iterdir() if not path.name.startswith(".")]
    for folder in sorted(folders, key=lambda path: path.stat().st_mtime)[: -(KEPT - 1)]:
        if (lock := _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)) is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _hold(folder: Path) -> bool:
    """Keep a folder from being removed as long as this process lives; False where there is none."""
    lock = _locked(folder, fcntl.LOCK_SH)  # left open: it ends with the process, however that ends
    return lock is not None and folder.exists() and os.fstat(lock).st_ino == folder.stat().st_ino


def _locked(folder: Path, kind: int) -> int | None:
    """A lock on a folder; None where there is no such folder, or another process holds it."""
    try:
        found = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(found, kind)
    except BlockingIOError:
        os.close(found)
        return None
    return found
