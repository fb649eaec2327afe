"""How far a long command is: a bar on a terminal, plain lines elsewhere. It speaks on stderr."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def warnings_told(label: str) -> Iterator[None]:
    """Warnings as one line each, without the place in the code that gave them.

    >>> with warnings_told("2026Q3"):
    ...     pass
    """
    with warnings.catch_warnings():
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
