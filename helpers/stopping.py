"""A command that is told to stop, by Ctrl-C or by the system, ends in order: what it has begun is taken away first."""

from __future__ import annotations

import signal
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_at_work: weakref.WeakSet[Any] = weakref.WeakSet()


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
        raise KeyboardInterrupt

    heeded = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heeded}
    try:
        yield
    except Exception:
        if told:
            raise KeyboardInterrupt from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
