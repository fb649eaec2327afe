"""Notebooks are run here, each in a kernel of its own; nothing else in the kit starts a kernel."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from helpers.errors import IN_WORDS
from helpers.language import template
from helpers.pack.warm_kernels import KERNEL_ENVIRONMENT, WarmProcess, forking

START_TIMEOUT = 180  # seconds; a busy machine takes its time


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
        told = template("cell [{cell}] ({code}) stopped: {reason}")
        if self.cell is None:
            told = template("the notebook stopped: {reason}")
        return told.format(cell=self.cell, code=self.code, reason=self.message)


@dataclass(frozen=True)
class Executed:
    """An executed notebook, how long it took in seconds, and what stopped it if something did."""

    theme: str
    notebook: NotebookNode
    seconds: float
    failure: Failure | None = None


class Kernels:
    """The kernels of a build: so many at a time, forked from a ``warm`` process where there is one.

    Kernels talk over IPC (parallel kernels race for ports); a socket's path may have about 107 bytes, so they have a
    short folder of their own. IPython's settings and its history are there too: what a person set up for JupyterLab
    changes no figure, and a build leaves nothing in that person's history.
    """

    def __init__(self, workers: int, warm: WarmProcess | None) -> None:
        self.workers, self._warm = workers, warm
        self._started: list[Any] = []

    def __enter__(self) -> Kernels:
        self._folder = Path(tempfile.mkdtemp(prefix="kpi-", dir="/tmp" if Path("/tmp").is_dir() else None))
        own = {"JUPYTER_RUNTIME_DIR": str(self._folder), "IPYTHONDIR": str(self._folder / "ipython")}
        self._environment = {**os.environ, **KERNEL_ENVIRONMENT, **own}
        return self

    def __exit__(self, *error: object) -> None:
        self._stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def run(self, jobs: list[Job], prepared: Path, finished: Callable[[Executed], None]) -> list[Executed]:
        """Runs notebooks on a prepared folder; ``finished`` hears of each. The results come in the order of the jobs.

        A notebook that fails stops no other. An interrupt stops all kernels.
        """
        self._environment["KPI_REVIEW_PREPARED"] = str(prepared)
        manager = self._manager_class()
        with ThreadPoolExecutor(self.workers) as pool:
            running = [pool.submit(_run_notebook, job, manager) for job in jobs]
            try:
                for future in as_completed(running):
                    finished(future.result())
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                while not all(future.done() for future in running):  # one that only starts can be stopped when it has
                    self._stop()
                    time.sleep(0.05)
                raise
        return [future.result() for future in running]

    def _stop(self) -> None:
        """Kills every kernel that is still running, so that the threads waiting for them end."""
        for process in [getattr(manager.provisioner, "process", None) for manager in self._started]:
            if process and process.poll() is None:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)

    def _manager_class(self) -> type:
        """What papermill starts a kernel with."""
        from jupyter_client import AsyncKernelManager

        kernels, warm = self, self._warm

        class Manager(AsyncKernelManager):
            def __init__(self, **traits: Any) -> None:
                # named here, since kernels whose files are named later would all share one socket
                path = kernels._folder / uuid.uuid4().hex[:12]
                own = {"transport": "ipc", "connection_file": f"{path}.json", "ip": str(path)}
                super().__init__(**{**traits, **own})
                kernels._started.append(self)

            async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]  # the base's is a wrapper
                if warm:
                    self.provisioner = forking(warm)(kernel_id="", kernel_spec=self.kernel_spec, parent=self)
                # a kernel that is told to stop complains on stderr; what a reader must know is in the notebook
                given = {"env": kernels._environment, "stderr": subprocess.DEVNULL}
                await super()._async_start_kernel(**{**options, **given})

        return Manager


def _run_notebook(job: Job, manager_class: type) -> Executed:
    """Runs one notebook through papermill; the executed copy is written in either case."""
    import nbformat
    import papermill
    from jupyter_core.utils import ensure_event_loop
    from nbclient.exceptions import DeadKernelError

    # papermill warns of types it cannot read, which are checked before any build, and repeats what failures say
    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    started = time.monotonic()
    notebook, failure = None, None
    try:
        notebook = papermill.execute_notebook(
            job.notebook,
            job.executed,
            dict(job.parameters),
            kernel_name="python3",
            language="python",  # a notebook may have been saved without saying so
            progress_bar=False,
            request_save_on_cell_execute=False,
            start_timeout=START_TIMEOUT,
            kernel_manager_class=manager_class,
        )
    except papermill.PapermillExecutionError as error:
        failure = Failure(error.exec_count, (error.source.strip().splitlines() or [""])[0].strip(), _in_words(error))
    except DeadKernelError:
        failure = Failure(None, "", template("the kernel died, most likely for lack of memory"))
    except RuntimeError as error:
        failure = Failure(None, "", template("the kernel did not start: {error}").format(error=error))
    finally:
        ensure_event_loop().close()  # papermill opens one in this thread and leaves it
    if notebook is None:
        notebook = nbformat.read(job.executed if job.executed.exists() else job.notebook, as_version=4)
    return Executed(job.theme, notebook, time.monotonic() - started, failure)


def _in_words(error: Any) -> str:
    """The error as a sentence: the kit's own messages are words already, others name their type behind them."""
    message = str(error.evalue).strip() or template("no message")
    if error.ename in IN_WORDS:
        return message
    told = template("there is no {name} (KeyError)") if error.ename == "KeyError" else "{name} ({kind})"
    return told.format(name=message, kind=error.ename)
