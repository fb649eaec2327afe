"""Signals to stop, whatever a library makes of them, and what a command tells of warnings."""

import signal
import time
import warnings

import pytest

from helpers.progress import interruptible, stoppable, warnings_told


@pytest.fixture
def heard():
    """Signals are heard, as in a terminal: the tests themselves may run in the background, or under nohup."""
    before = {
        number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_an_interrupt(heard, number):
    with pytest.raises(KeyboardInterrupt), stoppable():
        signal.raise_signal(number)
    assert signal.getsignal(number) == signal.SIG_DFL


def test_an_error_that_a_library_makes_of_it_is_an_interrupt_too(heard):
    def as_an_engine_does():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise RuntimeError("Query interrupted") from None

    with pytest.raises(KeyboardInterrupt), stoppable():
        as_an_engine_does()


def test_queries_under_way_are_broken_off_and_closed_connections_are_none():
    class Connection:
        broken_off = False

        def interrupt(self):
            self.broken_off = True

    class Closed:
        def interrupt(self):
            raise RuntimeError("closed already")

    connections = interruptible(Closed()), interruptible(Connection())
    with pytest.raises(KeyboardInterrupt), stoppable():
        signal.raise_signal(signal.SIGTERM)
    assert connections[1].broken_off


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match="no"), stoppable():
        raise RuntimeError("no")


def test_what_a_command_was_started_to_ignore_is_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stoppable():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_signal_within_an_import_is_looked_at_once_python_has_its_locks_back(heard):
    """Raised there, it is swallowed, or a lock is kept for ever that a thread waits for: a build then never ends."""
    lines = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nfor _ in range(100): pass\ndone.append(True)"
    done: list[bool] = []

    def work():
        with stoppable():
            exec(compile(lines, "<frozen importlib._bootstrap>", "exec"), {"done": done})
            time.sleep(10)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == [True]
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


@pytest.mark.filterwarnings("default")
def test_a_warning_is_one_line_and_what_is_said_of_a_proxy_that_nobody_uses_is_none(capsys):
    with warnings_told("2026Q3"):
        with warnings.catch_warnings():  # as code beside it may, while a thread imports Requests
            warnings.simplefilter("ignore")
        warnings.warn("SOCKS support in urllib3 requires the installation of optional dependencies", stacklevel=1)
        warnings.warn("a glyph is missing", stacklevel=1)
    assert capsys.readouterr().err == "2026Q3: a glyph is missing\n"
