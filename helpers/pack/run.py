"""One function runs one notebook; nothing else in the kit starts a kernel."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from helpers.errors import IN_WORDS

# Each kernel gets one thread for its linear algebra: with several kernels at once, more only get in each other's way.
START_TIMEOUT = 180  # seconds; a busy machine takes its time
KERNEL_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "agg"}


@dataclass(frozen=True)
class Job:
    """A notebook to run: where it is, where its executed copy goes, and its parameters."""

    theme: str
    notebook: Path
    executed: Path
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Failure:
    """What stopped a notebook: the number and first line of the cell, and the error in one line."""

    cell: int | None
    code: str
    message: str

    def __str__(self) -> str:
        where = f"cell [{self.cell}] ({self.code})" if self.cell is not None else "the notebook"
        return f"{where} stopped: {self.message}"


@dataclass(frozen=True)
class Executed:
    """An executed notebook, how long it took in seconds, and what stopped it if something did."""

    theme: str
    notebook: NotebookNode
    seconds: float
    failure: Failure | None = None


def run_notebooks(
    jobs: list[Job], prepared: Path, *, workers: int, finished: Callable[[Executed], None]
) -> dict[str, Executed]:
    """Runs notebooks on a prepared folder, in kernels of their own, ``workers`` at a time; theme -> what came of it.

    A notebook that fails stops no other. An interrupt stops all kernels.
    """
    done: dict[str, Executed] = {}
    with kernel_surroundings(prepared), ThreadPoolExecutor(workers) as pool:
        running = [pool.submit(run_notebook, job) for job in jobs]
        try:
            for future in as_completed(running):
                executed = future.result()
                done[executed.theme] = executed
                finished(executed)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            while not all(future.done() for future in running):  # one that is only starting can be stopped when it has
                stop_kernels()
                time.sleep(0.05)
            stop_kernels()
            raise
    return {job.theme: done[job.theme] for job in jobs}


def run_notebook(job: Job) -> Executed:
    """Runs one notebook through papermill; the executed copy is written in either case."""
    import nbformat
    import papermill
    from nbclient.exceptions import DeadKernelError

    # papermill warns of types it cannot read, which are checked before any build, and repeats what failures say
    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    started = time.monotonic()
    failure = None
    try:
        papermill.execute_notebook(
            job.notebook,
            job.executed,
            dict(job.parameters),
            kernel_name="python3",
            language="python",  # a notebook may have been saved without saying so
            progress_bar=False,
            request_save_on_cell_execute=False,
            start_timeout=START_TIMEOUT,
            kernel_manager_class=_kernel_manager_class(),
        )
    except papermill.PapermillExecutionError as error:
        failure = Failure(error.exec_count, _first_line(error.source), _in_words(error))
    except DeadKernelError:
        failure = Failure(None, "", "the kernel died, most likely for lack of memory")
    except RuntimeError as error:
        failure = Failure(None, "", f"the kernel did not start: {error}")
    executed = job.executed if job.executed.exists() else job.notebook
    return Executed(job.theme, nbformat.read(executed, as_version=4), time.monotonic() - started, failure)


@contextmanager
def kernel_surroundings(prepared: Path) -> Iterator[None]:
    """Environment and runtime folder of the kernels started inside; they find their data in ``prepared``.

    Kernels talk over IPC (parallel kernels race for ports); a socket's path may have about 107 bytes,
    so the runtime folder is a short one of our own.
    """
    folder = tempfile.mkdtemp(prefix="kpi-", dir="/tmp" if Path("/tmp").is_dir() else None)
    wanted = {**KERNEL_ENVIRONMENT, "KPI_REVIEW_PREPARED": str(prepared), "JUPYTER_RUNTIME_DIR": folder}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        shutil.rmtree(folder, ignore_errors=True)


_started: list[Any] = []


def stop_kernels() -> None:
    """Kills every kernel that is still running, so that the threads waiting for them end."""
    import signal

    for process in [getattr(manager.provisioner, "process", None) for manager in _started]:
        if process and process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)


def _kernel_manager_class() -> type:
    from jupyter_client import AsyncKernelManager

    class IpcKernelManager(AsyncKernelManager):
        def __init__(self, **traits: Any) -> None:
            # named here, since kernels whose files are named later would all share one socket
            path = Path(os.environ["JUPYTER_RUNTIME_DIR"]) / uuid.uuid4().hex[:12]
            own = {"transport": "ipc", "connection_file": f"{path}.json", "ip": str(path)}
            super().__init__(**{**traits, **own})
            _started.append(self)

        async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]  # the base's is a wrapper
            # a kernel that is told to stop complains on stderr; what a reader must know is in the notebook
            await super()._async_start_kernel(**{**options, "stderr": subprocess.DEVNULL})

    return IpcKernelManager


def _first_line(source: str) -> str:
    return next((line.strip() for line in source.splitlines() if line.strip()), "")


def _in_words(error: Any) -> str:
    """The error as a sentence: the kit's own messages are words already, others name their type behind them."""
    message = str(error.evalue).strip() or "no message"
    if error.ename in IN_WORDS:
        return message
    return f"{f'there is no {message}' if error.ename == 'KeyError' else message} ({error.ename})"
