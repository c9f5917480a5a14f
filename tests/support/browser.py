"""A real browser without a screen, by its own protocol: what a page asks for, says and shows.

    async with browser() as page: await page.open(path); page.errors, page.requests, await page.names()

Debian's Chromium, by the Chrome DevTools Protocol over its WebSocket. Tests that want it are left out
where there is none (`BROWSER`).
"""

from __future__ import annotations

import base64
import itertools
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import anyio

BROWSER: Final = shutil.which("chromium")

_FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
_WAIT_S: Final = 60.0


class Page:
    """A page of the browser.

    Attributes:
        errors: What the page, or the browser about it, has put on the console.
        requests: The URLs that it has asked for.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._loaded = False

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol and return what it answers."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            message = await self._socket.receive_json()
            if message.get("id") == number:
                assert "error" not in message, message
                return dict(message["result"])
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        match message["method"]:
            case "Log.entryAdded":
                self.errors.append(str(params["entry"]["text"]))
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown":
                self.errors.append(str(params))
            case "Network.requestWillBeSent":
                self.requests.append(str(params["request"]["url"]))
            case "Page.loadEventFired":
                self._loaded = True

    async def open(self, path: Path) -> None:
        """Open a file and wait until all of it is there."""
        for domain in ("Log", "Runtime", "Network", "Page"):
            await self.call(f"{domain}.enable")
        self._loaded = False
        await self.call("Page.navigate", url=path.as_uri())
        while not self._loaded:
            self._note(await self._socket.receive_json())
        await self.value("document.fonts.ready.then(() => 1)")

    async def show(self, width: int, *, dark: bool, printed: bool = False) -> None:
        """Give the window a width, and the system light or dark colours."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        await self.call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        media = "print" if printed else "screen"
        await self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])

    async def value(self, expression: str) -> Any:
        """Return the value of an expression in the page."""
        answer = await self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def names(self, role: str) -> list[tuple[str, str]]:
        """Return name and description that a screen reader is given for each element of a role."""
        await self.call("Accessibility.enable")
        tree = await self.call("Accessibility.getFullAXTree")
        return [
            (str(node["name"]["value"]), str(node.get("description", {}).get("value", "")))
            for node in tree["nodes"]
            if not node.get("ignored") and node.get("role", {}).get("value") == role
        ]

    async def picture(self, path: Path) -> None:
        """Save a picture of the whole page."""
        answer = await self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(answer["data"]))


@asynccontextmanager
async def browser() -> AsyncIterator[Page]:
    """Start a browser with nothing in it; it ends with the block."""
    assert BROWSER is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [BROWSER, *_FLAGS, f"--user-data-dir={folder}", "about:blank"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = await anyio.open_process(command, **quiet)  # type: ignore[arg-type]
        try:
            with anyio.fail_after(_WAIT_S):
                port = await _port(Path(folder) / "DevToolsActivePort")
                async with aiohttp.ClientSession() as session:
                    async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                        pages = await answer.json()
                    url = next(
                        each["webSocketDebuggerUrl"] for each in pages if each["type"] == "page"
                    )
                    async with session.ws_connect(url, max_msg_size=0) as socket:
                        yield Page(socket)
        finally:
            process.terminate()
            await process.wait()


async def _port(file: Path) -> int:
    while not (file.exists() and file.read_text().strip()):
        await anyio.sleep(0.05)
    return int(file.read_text().splitlines()[0])
