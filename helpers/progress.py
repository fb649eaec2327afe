"""A command that takes its time: it says on stderr how far it is, and ends in order when it is told to stop."""

from __future__ import annotations

import signal
import sys
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Python's own code of an import swallows an exception, or keeps a lock for ever that a thread waits for: a signal that
# comes in there is looked at again so many seconds later.
IMPORTING, AGAIN = "<frozen importlib", 0.01

_at_work: weakref.WeakSet[Any] = weakref.WeakSet()


@contextmanager
def warnings_told(label: str) -> Iterator[None]:
    """Warnings as one line each, without the place in the code that gave them.

    Requests silences what urllib3 says of PySocks while it is imported. A build imports it in a thread, beside work
    that keeps and restores all filters of warnings, where that silence may be lost; so it is kept here.

    >>> with warnings_told("2026Q3"):
    ...     pass
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="SOCKS support in urllib3")
        warnings.showwarning = lambda message, *place, **more: print(f"{label}: {message}", file=sys.stderr)
        yield


@contextmanager
def steps(label: str, count: int) -> Iterator[Callable[[str], None]]:
    """The function to call after each of ``count`` steps, with the step's name.

    >>> with steps("2026Q3", 2) as done:
    ...     done("prepare")
    """
    if not sys.stderr.isatty():
        yield lambda step: print(f"{label}: {step} done", file=sys.stderr)
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[step]}"), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(escape(label), total=count, step="")
        yield lambda step: progress.update(bar, advance=1, step=escape(f"{step} done"))


def interruptible(connection: Any) -> Any:
    """The connection, whose query is broken off by its ``interrupt()`` when the command is told to stop.

    An engine may look for signals itself, and yet let the query run to its end before it closes.
    """
    _at_work.add(connection)
    return connection


@contextmanager
def stoppable() -> Iterator[None]:
    """Every signal to stop is a KeyboardInterrupt, even where an engine makes an error of its own out of it.

    A signal that the command was started to ignore, as by ``nohup``, is ignored.

    Raises:
        KeyboardInterrupt: a signal came.
    """
    told: list[int] = []

    def stop(number: int, frame: Any) -> None:
        told.append(number)
        for connection in list(_at_work):
            with suppress(Exception):  # one that is closed already
                connection.interrupt()
        if frame and frame.f_code.co_filename.startswith(IMPORTING):
            signal.setitimer(signal.ITIMER_REAL, AGAIN)
        else:
            raise KeyboardInterrupt

    heeded = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN] + [signal.SIGALRM]
    before = {number: signal.signal(number, stop) for number in heeded}
    try:
        yield
    except Exception:
        if told:
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def finishing() -> Iterator[None]:
    """The first signal to stop waits until this ends, so that what was begun is done; the next one does not wait.

    Raises:
        KeyboardInterrupt: a signal came, or whatever else its handler does.
    """
    before: dict[int, Any] = {each: handler for each in SIGNALS if callable(handler := signal.getsignal(each))}
    told: list[int] = []

    def wait(number: int, frame: Any) -> None:
        if told:
            before[number](number, frame)
        told.append(number)

    for number in before:
        signal.signal(number, wait)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for first in told[:1]:
            before[first](first, None)
