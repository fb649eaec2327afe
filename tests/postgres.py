"""A throwaway Postgres server for tests marked ``database``."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PASSWORD = "h&sh:hush/é"


def programs() -> Path | None:
    """The folder of the server's programs, which is not on the path where a package installed them."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted((file.parent for file in Path("/usr/lib/postgresql").glob("*/bin/initdb")), reverse=True)
    return folders[0] if folders else None


@contextmanager
def running_server() -> Iterator[int]:
    """The port of a server of its own on this machine, with the user ``kit`` and ``PASSWORD``.

    It refuses to run as root, so it is another user's where root runs the tests.
    """
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(folder, "postgres")
    (folder / "password").write_text(PASSWORD)
    port, run = free_port(), {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder}
    initialise = [
        "-D", folder / "db", "-U", "kit", "-A", "scram-sha-256", "--pwfile", folder / "password", "-E", "UTF8",
    ]  # fmt: skip
    subprocess.run([*as_user, programs() / "initdb", *initialise], **run)
    control = [*as_user, programs() / "pg_ctl", "-D", folder / "db", "-w"]
    options = f"-p {port} -c unix_socket_directories= -c listen_addresses=127.0.0.1 -c timezone=Asia/Tokyo -c fsync=off"
    subprocess.run([*control, "-l", folder / "log", "-o", options, "start"], **run)
    try:
        yield port
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **run)
        shutil.rmtree(folder)


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
