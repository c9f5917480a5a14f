"""A server on loopback that does exactly what a test scripts, byte for byte.

A script is a coroutine that gets one `Peer` per connection and may do to it what no
proper server does: answer unasked, stop half-way, send garbage. A `Way` is one of the
two transports on one of the two event loops: the tests run over all four.
"""

from __future__ import annotations

import asyncio
import ctypes
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NamedTuple

import aiohttp
import anyio
import pytest

from bulkdel.models import Answer, Meaning, Verdict
from bulkdel.providers import RESPONSES, Operation, Provider, Resource
from bulkdel.settings import Lane
from bulkdel.transport import Transport
from bulkdel.transport.endpoint import IDLE_MAX_S, Endpoint, endpoint_of
from bulkdel.transport.pool import open_pool
from bulkdel.transport.session import open_session

KEY = "sk-secret-0123456789"
_SO_ATTACH_FILTER = 26
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@dataclass(slots=True)
class RawServer:
    """What a server has seen.

    Attributes:
        port: Its port on 127.0.0.1.
        heads: Request heads in the order they came, raw, without the empty line.
        peers: One for each connection that was made.
    """

    port: int = 0
    heads: list[bytes] = field(default_factory=list)
    peers: list[Peer] = field(default_factory=list)

    @property
    def targets(self) -> list[str]:
        """The request targets, as they came."""
        return [head.split(b" ")[1].decode("latin-1") for head in self.heads]


class Peer:
    """One connection, seen from the server."""

    def __init__(
        self, server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer
        self.closed = asyncio.Event()

    async def request(self) -> bytes:
        """Read one request head.

        Raises:
            EOFError: The client has closed.
        """
        head = await self.reader.readuntil(b"\r\n\r\n")
        self.server.heads.append(head.removesuffix(b"\r\n\r\n"))
        return head

    async def write(self, data: bytes) -> None:
        """Send ``data`` as it is.

        Raises:
            OSError: The client has closed.
        """
        await write_to(self.writer, data)

    def deafen(self) -> None:
        """Let nothing in any more: what the client sends is lost on the way (Linux)."""
        drop_all = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF: ret 0
        program = struct.pack("HP", 1, ctypes.addressof(drop_all))
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)

    def reset(self) -> None:
        """Break the connection off, with what is not yet sent."""
        self.writer.transport.abort()


Script = Callable[[Peer], Awaitable[None]]


async def write_to(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Send ``data`` as it is; the same on every event loop if the other end has closed.

    asyncio throws away what is written then. uvloop raises a `RuntimeError`.

    Raises:
        OSError: The other end has closed.
    """
    if writer.is_closing():
        raise ConnectionResetError("the other end has closed")
    writer.write(data)
    await writer.drain()


def after_connecting(
    monkeypatch: pytest.MonkeyPatch, then: Callable[[aiohttp.connector.Connection], Awaitable[None]]
) -> None:
    """Let ``then`` happen to each new connection before it is used."""
    connect = aiohttp.TCPConnector.connect

    async def connect_then(*args: Any, **kwargs: Any) -> Any:
        connection = await connect(*args, **kwargs)
        await then(connection)
        return connection

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", connect_then)


def answering(*answers: bytes) -> Script:
    """Return a script that gives one answer per request, the last one again and again."""

    async def script(peer: Peer) -> None:
        place = 0
        while True:
            await peer.request()
            await peer.write(answers[min(place, len(answers) - 1)])
            place += 1

    return script


def answering_once(answer: bytes) -> Script:
    """Return a script that answers one request and then closes."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.write(answer)

    return script


@asynccontextmanager
async def raw_server(
    script: Script, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[RawServer]:
    """Serve ``script`` on a free port of 127.0.0.1; every connection is closed at the end."""
    server = RawServer()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        peer = Peer(server, reader, writer)
        server.peers.append(peer)
        try:
            await script(peer)
        except (EOFError, OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()
            peer.closed.set()
            tasks.discard(task)

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls, backlog=512)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        while tasks:
            await asyncio.sleep(0)
        await listener.wait_closed()


def _verdict(object_id: str, answer: Answer) -> Verdict:
    return Verdict(Meaning.DELETED, code=object_id, message=str(answer.status))


_RESOURCE = Resource(
    name=RESPONSES,
    docs_url="https://provider.test/docs",
    delete=Operation(method="DELETE", path="/responses/{id}", judge=_verdict),
    get=Operation(method="GET", path="/responses/{id}/whole?of=it", judge=_verdict),
)

PROVIDER = Provider(
    name="test",
    title="Test",
    base_url="https://provider.test/v1",
    key_env="TEST_API_KEY",
    resources={RESPONSES: _RESOURCE},
    rate_max=None,
    rate_note="none",
)


DELETE = _RESOURCE.delete
GET = _RESOURCE.get


class Way(NamedTuple):
    """One transport on one event loop."""

    opener: Callable[[Endpoint], AbstractAsyncContextManager[Transport]]
    uvloop: bool

    def connections(self, requests: int) -> int:
        """Return how many connections it takes for requests that follow each other."""
        return 1 if self.opener is open_pool else requests

    def run(self, test: Callable[[], Awaitable[None]]) -> None:
        """Run a test's coroutine; one that hangs fails after 20 s.

        What goes wrong in a callback of the event loop fails it, too.
        """
        wrong: list[dict[str, Any]] = []

        async def limited() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, about: wrong.append(about))
            with anyio.fail_after(20):
                await test()

        anyio.run(limited, backend_options={"use_uvloop": self.uvloop})
        assert not wrong, wrong

    @asynccontextmanager
    async def open(
        self,
        server: RawServer,
        *,
        base: str = "http://127.0.0.1:{port}/v1",
        timeout_s: float = 10.0,
        idle_max_s: float = IDLE_MAX_S,
        concurrency: int = 128,
        operation: Operation = DELETE,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> AsyncIterator[Transport]:
        """Open the transport of a lane at ``base``; ``{port}`` is the server's."""
        lane = Lane(
            provider=PROVIDER,
            api_key=KEY,
            base_url=base.format(port=server.port),
            allow_http=True,
            timeout_s=timeout_s,
            concurrency=concurrency,
            headers=headers,
        )
        endpoint = replace(await endpoint_of(lane, operation), idle_max_s=idle_max_s)
        async with self.opener(endpoint) as transport:
            yield transport


POOL = [Way(open_pool, uvloop=False), Way(open_pool, uvloop=True)]
SESSION = [Way(open_session, uvloop=False), Way(open_session, uvloop=True)]


def _name(way: Way) -> str:
    loop = "uvloop" if way.uvloop else "asyncio"
    return f"{way.opener.__name__.removeprefix('open_')}-{loop}"


every_way = pytest.mark.parametrize("way", [*POOL, *SESSION], ids=_name)
"""Runs a test over both transports on both event loops."""

pool_only = pytest.mark.parametrize("way", POOL, ids=_name)
session_only = pytest.mark.parametrize("way", SESSION, ids=_name)
