"""An emulator on loopback and a client that sends paths as they are, for tests."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
import anyio
from yarl import URL

from bulkdel.emulator import (
    PROVIDERS,
    AccountSettings,
    Emulator,
    EmulatorSettings,
    serve,
)

KEY = {"Authorization": "Bearer test-key"}


class Reply(NamedTuple):
    """What a client got."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


class Client:
    """One emulator and a client that sends paths as they are."""

    def __init__(self, emulator: Emulator, session: aiohttp.ClientSession) -> None:
        self.emulator = emulator
        self.session = session

    async def send(
        self, method: str, path: str, headers: dict[str, str] = KEY, *, follow: bool = False
    ) -> Reply:
        """Send one request and read the whole answer."""
        url = URL(self.emulator.url + path, encoded=True)
        async with self.session.request(
            method, url, headers=headers, allow_redirects=follow
        ) as answer:
            return Reply(answer.status, await answer.read(), dict(answer.headers))

    async def delete(self, provider: str, segment: str, headers: dict[str, str] = KEY) -> Reply:
        """Delete one object."""
        base = self.emulator.base_url(provider).removeprefix(self.emulator.url)
        return await self.send("DELETE", f"{base}/responses/{segment}", headers)

    def counts(self, provider: str = "ark") -> dict[str, Any]:
        """The counts of one provider."""
        counts: dict[str, Any] = self.emulator.stats()["providers"][provider]
        return counts

    async def until_in_flight(self, n: int) -> None:
        """Wait until so many deletions are in flight."""
        with anyio.fail_after(5):
            while self.counts()["in_flight"] != n:
                await anyio.sleep(0.001)


@asynccontextmanager
async def emulated(
    account: AccountSettings, clock: Callable[[], float] = lambda: 0.0, providers: Any = PROVIDERS
) -> AsyncGenerator[Client]:
    """Serve the same account at all providers, on a clock that stands still."""
    settings = EmulatorSettings(accounts=dict.fromkeys(providers, account), seed=1)
    async with serve(settings, clock=clock) as emulator, aiohttp.ClientSession() as session:
        # aiohttp sends a DELETE again by itself when the connection breaks.
        session._retry_connection = False
        yield Client(emulator, session)


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Run an asynchronous test."""
    anyio.run(test)
