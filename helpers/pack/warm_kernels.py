"""Kernels that are forked from a process which has imported the large libraries, and so are ready at once.

That process is this module, run by itself: :func:`warm_process` starts it, and it is asked for kernels. It holds no
connection, figure or event loop, so that every kernel begins as a new one does, with the kit as it is when a command
starts.
Where there is no fork that can be trusted (on anything but Linux), or it fails, kernels are started as ever.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any

LIBRARIES = (
    "ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.debugger", "IPython.core.completer", "pandas", "duckdb",
    "matplotlib.pyplot", "scipy.stats", "statsmodels.stats.proportion", "statsmodels.duration.survfunc",
    "pydantic.types", "babel.numbers", "babel.dates", "yaml", "helpers.display.charts", "helpers.review", "formulaic",
    "ibis.expr.types", "tea_tasting.metrics",
)  # fmt: skip


# Each kernel gets one thread for its linear algebra: with several kernels at once, more only get in each other's way.
# None gets the key of pseudonyms: whoever runs a notebook must not find it there.
KERNEL_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "agg", "KPI_REVIEW_PSEUDONYM_KEY": "",
}  # fmt: skip


@contextmanager
def warm_process() -> Iterator[WarmProcess | None]:
    """The process, as long as a ``with`` lasts; none where no fork can be trusted."""
    if sys.platform != "linux":
        yield None
        return
    warm = WarmProcess()
    try:
        yield warm
    finally:
        warm.close()


class WarmProcess:
    """The process that kernels are forked from; it begins to import at once and ends with :meth:`close`."""

    def __init__(self) -> None:
        self._asking = Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], env={**os.environ, **KERNEL_ENVIRONMENT}, text=True,
            start_new_session=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def fork(self, connection_file: str, environment: Mapping[str, str], folder: Any = None) -> ForkedKernel | None:
        """A kernel that listens as a connection file says; None where this process cannot fork one."""
        asked = json.dumps([connection_file, dict(environment), str(folder or Path.cwd())])
        with self._asking, suppress(OSError, ValueError):
            print(asked, file=self._process.stdin, flush=True)
            return ForkedKernel(int(self._process.stdout.readline()))  # type: ignore[union-attr]  # it is a pipe
        return None

    def close(self) -> None:
        """Ends the process; kernels that still run see that it is gone, and end."""
        with suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]  # it is a pipe
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()  # type: ignore[union-attr]  # it is a pipe


class ForkedKernel:
    """A kernel's process, as far as jupyter_client asks for one; it is reaped where it was forked."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def poll(self) -> int | None:
        """None as long as it runs."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return 1
        return None

    def wait(self) -> int | None:
        return self.poll()

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def forking(warm: WarmProcess) -> type:
    """The provisioner of kernels that are forked; a kernel of another kind is started as it says itself."""
    from jupyter_client.provisioning import LocalProvisioner

    class Forking(LocalProvisioner):
        async def launch_kernel(self, cmd: list[str], **options: Any) -> Any:
            manager: Any = self.parent
            ours = cmd[0] == sys.executable and "ipykernel_launcher" in cmd
            forked: Any = ours and warm.fork(manager.connection_file, options["env"], options.get("cwd"))
            if not forked:
                return await super().launch_kernel(cmd, **options)
            self.process, self.pid, self.pgid = forked, forked.pid, forked.pid
            return self.connection_info

    return Forking


# --- in the process itself --------------------------------------------------------------------------------------------


def serve() -> None:
    """Forks a kernel for every line that asks for one, until no more can come; imports the libraries in between.

    Nobody who asks waits for more than one import: a kernel imports by itself what is not there yet.
    """
    sys.path[:] = sys.path[1:]  # the folder it was started in, which a kernel looks into by itself
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that an ended kernel is gone at once
    libraries = iter(LIBRARIES)
    name: str | None = next(libraries)
    while name or select.select([sys.stdin], [], []):
        if name and not select.select([sys.stdin], [], [], 0)[0]:
            with suppress(Exception):  # a kernel tells what it misses
                importlib.import_module(name)
            name = next(libraries, None)
        elif line := sys.stdin.readline():
            print(_forked(*json.loads(line)), flush=True)
        else:
            return


def _forked(*asked: Any) -> int:
    parent, pid = os.getpid(), os.fork()
    if not pid:
        _be_a_kernel(*asked, parent=parent)
    os.setpgid(pid, pid)  # here too: whoever asked may signal it before it has done so itself
    return pid


def _be_a_kernel(connection_file: str, environment: Mapping[str, str], folder: str, *, parent: int) -> None:
    import atexit
    import gc

    import numpy as np
    from ipykernel.kernelapp import IPKernelApp

    gc.freeze()  # what was imported stays: to look through it for garbage takes a fifth of a kernel's time
    try:
        with suppress(PermissionError):
            os.setpgid(0, 0)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        np.random.seed()  # the generator of old would give every kernel the same numbers
        kernel: Any = IPKernelApp.instance(parent_handle=parent)
        kernel.initialize(["-f", connection_file])
        kernel.start()
        atexit._run_exitfuncs()
    finally:
        os._exit(0)


if __name__ == "__main__":
    serve()
