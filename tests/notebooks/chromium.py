"""A page in a Chromium without a window, driven through its DevTools protocol."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import websocket

OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--remote-debugging-port=0")
WINDOW = "--window-size=1400,6000"  # so high that JupyterLab keeps every cell of a notebook on the page
CONTROL = 2


class Page:
    """One page: what its script says, and what a person does on it."""

    def __init__(self, connection: websocket.WebSocket) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)

    def tell(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol, and what comes of it."""
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._connection.recv())
            if answer.get("id") == number:
                assert "error" not in answer, answer["error"]
                return answer["result"]

    def says(self, script: str) -> Any:
        """The value of an expression; one that is a promise is waited for."""
        answer = self.tell("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]["exception"]
        return answer["result"].get("value")

    def click(self, selector: str) -> None:
        """A click into the middle of what a selector finds first."""
        box = self.says(f"(b => ({{x: b.x + b.width / 2, y: b.y + b.height / 2}}))"
                        f"(document.querySelector({selector!r}).getBoundingClientRect())")  # fmt: skip
        for kind in ("mousePressed", "mouseReleased"):
            self.tell("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **box)

    def replace_text(self, text: str) -> None:
        """Select all where the cursor is, and type something else."""
        for kind in ("keyDown", "keyUp"):
            self.tell("Input.dispatchKeyEvent", type=kind, key="a", code="KeyA", modifiers=CONTROL,
                      windowsVirtualKeyCode=65)  # fmt: skip
        self.tell("Input.insertText", text=text)

    def wait_for(self, script: str, seconds: float = 90) -> Any:
        """The value of an expression, once it says something."""
        return waited(lambda: self.says(script), script, seconds)


@contextmanager
def opened_in_chromium(address: str, folder: Path) -> Iterator[Page]:
    """A page at an address; the browser keeps its own files in the folder."""
    chromium = shutil.which("chromium") or pytest.skip("no Chromium here")
    with (folder / "chromium.log").open("w") as log:
        browser = subprocess.Popen([chromium, *OPTIONS, WINDOW, f"--user-data-dir={folder / 'profile'}", "about:blank"],
                                   stdout=log, stderr=log)  # fmt: skip
    try:
        named = folder / "profile/DevToolsActivePort"
        port = waited(lambda: named.exists() and named.read_text().partition("\n")[0], "the browser's port")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=30) as answer:
            [page] = [each for each in json.load(answer) if each["type"] == "page"]
        connecting = websocket.create_connection(page["webSocketDebuggerUrl"], timeout=120, suppress_origin=True)
        with closing(connecting) as connection:
            found = Page(connection)
            found.tell("Emulation.setFocusEmulationEnabled", enabled=True)  # as though a person looked at it
            found.tell("Page.navigate", url=address)
            yield found
    finally:
        browser.kill()
        browser.wait()


def waited(what: Callable[[], Any], name: str, seconds: float = 60) -> Any:
    """What something gives, once it gives anything."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {name}"
        time.sleep(0.1)
    return found
