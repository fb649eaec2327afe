"""The ledger: what is on the disk survives, and one sender at a time holds it."""

import errno
import fcntl
import json
import os
import resource
import signal
import subprocess
import sys

import pytest

from helpers.errors import KitError
from helpers.mail import ledger as ledgers
from helpers.mail.ledger import Entry, held_ledger, read_ledger

HOLD = """
import sys, time
from pathlib import Path
from helpers.mail.ledger import held_ledger
with held_ledger(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def entry(address, outcome, version="v1", name="board", **more):
    at = "2026-10-14T08:00:00+00:00"
    return Entry(at, version, "", name, address, f"<{address}>", outcome, more.pop("answer", "250 ok"), **more)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sent.jsonl"


@pytest.fixture
def other(path):
    """A process that holds the ledger."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def outcomes(path, version="v1"):
    return {key[1]: each.outcome for key, each in read_ledger(path).latest(version).items()}


def test_what_came_last_holds_and_no_answer_is_unknown(path):
    with held_ledger(path) as ledger:
        for address, outcome in [
            ("ann@example.com", "handing over"), ("ann@example.com", "sent"),
            ("bo@example.com", "handing over"),
            ("Eve@example.com", "later"), ("eve@example.com", "handing over"), ("eve@example.com", "refused"),
        ]:  # fmt: skip
            ledger.write(entry(address, outcome))
        ledger.write(entry("ann@example.com", "later", version="v2"))
        ledger.write(entry("test@example.com", "sent", test=True))
    assert outcomes(path) == {"ann@example.com": "sent", "bo@example.com": "unknown", "eve@example.com": "refused"}
    assert read_ledger(path).versions() == ["v1", "v2"]


def test_what_was_sent_stays_sent(path):
    with held_ledger(path) as ledger:
        for outcome in ("sent", "handing over", "later"):
            ledger.write(entry("ann@example.com", outcome))
    assert outcomes(path) == {"ann@example.com": "sent"}


@pytest.mark.parametrize("last", ["later", "refused"])
@pytest.mark.parametrize("first", [["handing over"], ["handing over", "unknown"]])
def test_who_may_have_it_may_still_have_it_after_a_try_that_was_not_taken(path, first, last):
    """So that a third one asks for a reason again."""
    with held_ledger(path) as ledger:
        for outcome in [*first, "handing over", last, last]:
            ledger.write(entry("ann@example.com", outcome))
        assert outcomes(path) == {"ann@example.com": "unknown"}
        ledger.write(entry("ann@example.com", "sent"))
    assert outcomes(path) == {"ann@example.com": "sent"}


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_line_that_a_kill_cut_off_is_taken_away(path, cut):
    """The answer is lost with it, so that nobody knows whether it arrived; the next line is whole again."""
    with held_ledger(path) as ledger:
        ledger.write(entry("ann@example.com", "handing over"))
        whole = path.stat().st_size
        ledger.write(entry("ann@example.com", "sent"))
    os.truncate(path, whole + cut)
    assert outcomes(path) == {"ann@example.com": "unknown"}
    with held_ledger(path) as ledger:
        ledger.write(entry("bo@example.com", "sent"))
    assert outcomes(path) == {"ann@example.com": "unknown", "bo@example.com": "sent"}


@pytest.mark.parametrize(
    "damage",
    [
        lambda told: {"version": "v1"},
        lambda told: {**told, "outcome": "snet"},
        lambda told: {**told, "address": None},
        lambda told: {**told, "address": "ann@example.com>\r\nBcc: <eve@example.org"},
        lambda told: {**told, "more": 1},
        lambda told: None,
    ],
)
def test_a_damaged_ledger_is_refused(path, damage):
    """Whatever of it is damaged: nothing of it comes into a decision, nor into a head."""
    lines = [entry("ann@example.com", "sent")._asdict(), damage(entry("bo@example.com", "sent")._asdict())]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    with pytest.raises(KitError, match=r"line 2 is no entry of a ledger; restore the file"):
        read_ledger(path)


def test_a_line_is_on_the_disk_when_it_is_written(path, monkeypatch):
    """So is its name in the folder, where it is the first."""
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda found: (synced.append(os.fstat(found)), real(found)))
    with held_ledger(path) as ledger:
        synced.clear()
        ledger.write(entry("ann@example.com", "handing over"))
        line, folder = synced
        assert (line.st_ino, line.st_size) == (path.stat().st_ino, path.stat().st_size)
        assert folder.st_ino == path.parent.stat().st_ino


def test_a_full_disk_is_told(path, monkeypatch):
    def full(found):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with held_ledger(path) as ledger:
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(
            KitError, match="No space left on device; make room or allow it; nothing is sent without it"
        ):
            ledger.write(entry("ann@example.com", "handing over"))


def test_a_line_that_a_full_disk_cuts_off_does_not_damage_the_next(path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with held_ledger(path) as ledger:
        ledger.write(entry("ann@example.com", "sent"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, hard))
        try:
            with pytest.raises(KitError, match="cannot be written"):
                ledger.write(entry("bo@example.com", "handing over"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        ledger.write(entry("eve@example.com", "sent"))
    assert outcomes(path) == {"ann@example.com": "sent", "eve@example.com": "sent"}


def test_a_ledger_that_is_read_only_is_told_before_anything_is_sent(path, monkeypatch):
    path.write_bytes(b"")
    real = type(path).open

    def opened(file, mode="r", *more, **others):
        if file == path and mode != "rb":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(file, mode, *more, **others)

    monkeypatch.setattr(type(path), "open", opened)
    with (
        pytest.raises(KitError, match="cannot be written: Permission denied; make room or allow it"),
        held_ledger(path),
    ):
        pass
    assert not path.with_suffix(".lock").exists()


def test_two_processes_cannot_both_send(path, other):
    with pytest.raises(KitError, match="another process of this machine is sending"), held_ledger(path):
        pass


def test_after_a_kill_the_next_run_holds_it(path, other):
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert path.with_suffix(".lock").exists()
    with held_ledger(path) as ledger:
        ledger.write(entry("ann@example.com", "sent"))
    assert not path.with_suffix(".lock").exists()


def test_a_lock_whose_maker_was_killed_before_a_word_is_taken_over(path, monkeypatch):
    monkeypatch.setattr(ledgers, "BEING_WRITTEN", 0.1)
    path.with_suffix(".lock").write_bytes(b"")
    with held_ledger(path):
        pass


def test_another_machine_cannot_send_at_the_same_time(path):
    """Nor after it was stopped there: whether it still sends, nobody here can know."""
    lock = path.with_suffix(".lock")
    made = {"host": "finance-2", "machine": "another", "pid": 4, "at": "2026-10-14 08:00 UTC"}
    lock.write_text(json.dumps(made), encoding="utf-8")
    with pytest.raises(KitError) as error, held_ledger(path):
        pass
    assert "finance-2 has been sending since 2026-10-14 08:00 UTC" in str(error.value)
    assert f"remove {lock}" in str(error.value)
    lock.unlink()
    with held_ledger(path):
        pass


def _no_lock(file, how):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


@pytest.mark.parametrize("lock", [lambda file, how: None, _no_lock], ids=["held by all", "not supported"])
def test_where_locks_do_not_hold_nothing_is_sent(path, monkeypatch, lock):
    monkeypatch.setattr(fcntl, "flock", lock)
    with pytest.raises(KitError, match="locks do not hold there, so that two could send at once"), held_ledger(path):
        pass


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    held = held_ledger(tmp_path / "gone" / "sent.jsonl")
    with (
        pytest.raises(
            KitError, match="cannot be written: No such file or directory; make room or allow it; nothing is sent"
        ),
        held,
    ):
        pass


def test_a_fault_of_the_sending_itself_is_not_taken_for_one_of_the_lock(path):
    with pytest.raises(ConnectionError), held_ledger(path):
        raise ConnectionResetError
    assert not path.with_suffix(".lock").exists()


@pytest.mark.whole
def test_many_that_start_at_once_are_one_at_a_time(path):
    """Each that gets it appends a line before and after; nobody stands between the two."""
    code = """
import sys, time
from pathlib import Path
from helpers.errors import KitError
from helpers.mail.ledger import held_ledger
path, log, end = Path(sys.argv[1]), Path(sys.argv[2]), time.time() + 2
while time.time() < end:
    try:
        with held_ledger(path):
            for word in ("in", "out"):
                with log.open("a") as file:
                    file.write(f"{word} {sys.argv[3]}\\n")
    except KitError:
        pass
"""
    log = path.with_name("log")
    started = [subprocess.Popen([sys.executable, "-c", code, str(path), str(log), str(i)]) for i in range(4)]
    assert [process.wait() for process in started] == [0] * 4
    lines = log.read_text().splitlines()
    assert len(lines) > 20
    assert all(lines[i].split()[0] == "in" for i in range(0, len(lines), 2))
    assert all(lines[i].split()[1] == lines[i + 1].split()[1] for i in range(0, len(lines), 2))
