"""What was sent to whom: a line per event, on the disk before a letter may have been taken and after it was answered.

The ledger of a period's published versions lies beside them, ``published/2026Q3/sent.jsonl``, that of its drafts beside
the builds. One sender at a time holds it, on one machine or on several that share the folder.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated, Any, Final, Literal, NamedTuple

from pydantic import Field, TypeAdapter, ValidationError

from helpers.errors import KitError

Outcome = Literal["handing over", "sent", "refused", "unknown", "later"]
HANDING_OVER: Final = "handing over"
BEING_WRITTEN = 2.0  # seconds after which a lock without a word in it is of one who was killed
BOOT = Path("/proc/sys/kernel/random/boot_id")  # tells two machines of one name apart


class Entry(NamedTuple):
    """One event of one reader.

    ``version`` is that of the pack (``v1``, or the name of a draft's build), ``audience`` whose pack it is (empty: the
    whole), ``name`` the list. ``outcome`` is ``handing over`` right before a letter may have been taken; without an
    answer after it, what became of it is unknown. ``why`` is the reason for sending again, a ``test`` is nobody's.
    """

    at: str
    version: str
    audience: str
    name: str
    address: Annotated[str, Field(pattern=r"^[^\s<>@]+@[^\s<>@]+$")]
    id: str
    outcome: Outcome
    answer: str = ""
    why: str = ""
    test: bool = False

    @property
    def key(self) -> str:
        return self.address.lower()


ENTRY = TypeAdapter(Entry)


@dataclass
class Ledger:
    """The entries of a period, and the file that further ones go to."""

    path: Path
    entries: list[Entry] = field(default_factory=list)

    def write(self, entry: Entry) -> None:
        """Add an entry; when this returns it is on the disk.

        Raises:
            KitError: it cannot be written; nothing may be sent then.
        """
        line = f"{json.dumps(entry._asdict(), ensure_ascii=False)}\n".encode()
        try:
            is_new = not self.path.exists()
            with self.path.open("ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            if is_new:
                _sync(self.path.parent)
        except OSError as error:
            with suppress(OSError):
                _cut_to_whole_lines(self.path)  # what is written next begins a line of its own
            raise _unwritable(self.path, error) from None
        self.entries.append(entry)

    def latest(self, version: str) -> dict[tuple[str, str, str], Entry]:
        """How a version stands with each list, address and audience, tests apart.

        What was sent stays sent. A letter that was handed over and has no answer is unknown, and stays so whatever
        came of a later try that was not taken. A list may get the pack of another audience than before, so what came
        of each is told apart.
        """
        found: dict[tuple[str, str, str], Entry] = {}
        doubtful: set[tuple[str, str, str]] = set()  # who may have got it by a try before the last
        for each in self.entries:
            key = (each.name, each.key, each.audience)
            before = found.get(key)
            if each.version != version or each.test or (before and before.outcome == "sent"):
                continue
            if each.outcome == HANDING_OVER:
                found[key] = each._replace(outcome="unknown", answer="no answer is on record")
                if before and before.outcome == "unknown":
                    doubtful.add(key)
            else:
                is_open = key in doubtful and each.outcome != "sent"
                found[key] = each._replace(outcome="unknown") if is_open else each
                if each.outcome == "unknown":
                    doubtful.add(key)
        return found

    def versions(self) -> list[str]:
        """The versions that something was sent of, the newest last, tests apart."""
        return list(dict.fromkeys(each.version for each in self.entries if not each.test))


def read_ledger(path: Path) -> Ledger:
    """A ledger to look at. A last line that was cut off by a kill is left out: what it was about never began, or has
    no answer.

    Raises:
        KitError: it cannot be read, or is no ledger.
    """
    try:
        written = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise KitError(f"{path} cannot be read: {error.strerror}") from None
    entries = []
    for number, line in enumerate(written.split(b"\n")[:-1], start=1):
        try:
            entries.append(ENTRY.validate_json(line, strict=True))
        except ValidationError:
            raise KitError(
                f"{path}, line {number} is no entry of a ledger; restore the file: it keeps mail from being sent twice"
            ) from None
    return Ledger(path, entries)


@contextmanager
def held_ledger(path: Path) -> Iterator[Ledger]:
    """A ledger to write into, held against every other sender until this ends.

    Raises:
        KitError: another holds it, or nobody can hold it, since locks do not hold in its folder; or it cannot be
            written.
    """
    with _held(path.with_suffix(".lock")):
        found = read_ledger(path)
        try:
            _cut_to_whole_lines(path)
        except OSError as error:
            raise _unwritable(path, error) from None
        yield found


@contextmanager
def _held(lock: Path) -> Iterator[None]:
    """A lock file that one process has, on this machine or another one.

    It is made by whoever comes first, which holds on every file system that machines share. Where its maker was killed,
    another process of the same machine takes it over: the lock upon the file ended with the maker. Of another machine
    nobody can know that, so that a person has to remove the file.
    """
    with _faults_of_locking(lock):
        file = _taken(lock)
    with file:
        try:
            yield
        finally:
            if _is_at(lock, file):
                lock.unlink()


def _taken(lock: Path) -> IO[bytes]:
    """The lock file, held and with this process's name in it."""
    try:
        file: IO[bytes] = lock.open("xb")
    except FileExistsError:
        _check_maker(lock)
        file = lock.open("r+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _is_at(lock, file):
            raise BlockingIOError  # its maker has ended meanwhile, and another has come
        _check_locks_hold(lock)
        file.truncate(0)
        file.write(json.dumps(_this_process()).encode())
        file.flush()
        os.fsync(file.fileno())
        _sync(lock.parent)
    except BaseException:
        file.close()
        raise
    return file


def _is_at(lock: Path, file: IO[bytes]) -> bool:
    """Whether an open file is still the one of that name."""
    try:
        return os.path.samestat(lock.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _check_maker(lock: Path) -> None:
    """Whether a lock file that is there may be taken over as soon as nobody holds it."""
    end = time.monotonic() + BEING_WRITTEN
    while not (written := lock.read_bytes()) and time.monotonic() < end:
        time.sleep(0.05)
    if not written:  # its maker was killed before it could say who it is
        return
    try:
        maker, own = json.loads(written), _this_process()
        is_here = maker["machine"] == own["machine"]
    except (ValueError, TypeError, KeyError):
        raise KitError(f"{lock} is no lock of a sender; remove it if nothing is being sent") from None
    if not is_here:
        raise KitError(
            f"{lock}: {maker['host']} has been sending since {maker['at']}, or was stopped while it was; "
            f"if nothing is sent there any more, remove {lock} and send again"
        )


def _this_process() -> dict[str, Any]:
    host = socket.gethostname()
    machine = BOOT.read_text(encoding="ascii").strip() if BOOT.exists() else host
    return {"host": host, "machine": machine, "pid": os.getpid(), "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M UTC}"}


def _check_locks_hold(lock: Path) -> None:
    """A second lock upon the file must fail; where it does not, locks mean nothing here."""
    with lock.open("rb") as again:
        try:
            fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


@contextmanager
def _faults_of_locking(lock: Path) -> Iterator[None]:
    try:
        yield
    except BlockingIOError:
        raise KitError(f"{lock}: another process of this machine is sending; wait until it has ended") from None
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
            raise KitError(
                f"{lock.parent}: locks do not hold there, so that two could send at once; "
                "keep the reports on this machine, or on a server whose locks hold (NFS 4), and send from there"
            ) from None
        raise _unwritable(lock, error) from None


def _unwritable(path: Path, error: OSError) -> KitError:
    return KitError(f"{path} cannot be written: {error.strerror}; make room or allow it; nothing is sent without it")


def _cut_to_whole_lines(path: Path) -> None:
    """Takes a line off the end that a kill or a full disk has cut off."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        written = file.read()
        if (whole := written.rfind(b"\n") + 1) < len(written):
            file.truncate(whole)
            os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Puts the names of a folder's files on the disk."""
    found = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(found)
    finally:
        os.close(found)
