"""Send below `ClientSession`, on aiohttp's connections: the fast way.

    send --> idle connection, or TCPConnector.connect (names, TLS, proxy)
         --> write the head: rendered once per lane but for the ID
         --> in one piece? `WholeAnswers`; else aiohttp's protocol --> status, headers, body

`ClientSession` takes three quarters of the CPU time of a request: a request, a timer, a
response and a pool operation each. Here those are made once per lane or connection:

* the usual answer is read without a stream, a queue and a second turn (`parser`);
* `_idle` is a stack of connections, the one used last on top, so that few stay warm;
* `_sweep` looks at all open connections a few times per ``timeout_s`` and aborts those
  whose request is late or that have been idle too long: no timer per request.

It rests on parts of aiohttp that are not documented. `aiohttp_fits` tries whether
they still work as we know them; if not, `open_transport` takes the session instead.
"""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError
from yarl import URL

from bulkdel.errors import NoAnswerError, NotSentError, TransportError
from bulkdel.models import Answer
from bulkdel.object_id import path_segment
from bulkdel.transport.connection import Wire
from bulkdel.transport.endpoint import NOT_HTTP, Endpoint, error_from
from bulkdel.transport.parser import WholeAnswers

_BROKEN: Final = (aiohttp.ClientError, HttpProcessingError, aiohttp.EofStream, OSError)
"""What reading raises when a connection breaks or what comes is not HTTP."""

_SAMPLE: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

_SWEEP_MAX_S: Final = 1.0
"""Longest time between two sweeps; a request may take that much longer than its limit."""


class WireTransport:
    """One lane's requests on aiohttp's connections."""

    def __init__(self, endpoint: Endpoint, connector: aiohttp.TCPConnector) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeout_s = endpoint.timeout_s
        self._idle_max_s = endpoint.idle_max_s
        self._connector = connector
        # The connector asks a request where to connect to. This one is never sent.
        self._pattern = aiohttp.ClientRequest(
            endpoint.operation.method,
            URL(endpoint.base_url),
            headers=endpoint.headers,
            proxy=endpoint.proxy,
            loop=self._loop,
        )
        self._before, self._after = _render(self._pattern, endpoint)
        self._open: set[Wire] = set()
        self._idle: list[Wire] = []
        self._answers = WholeAnswers(self._loop)
        self._sweep_every_s = min(_SWEEP_MAX_S, endpoint.timeout_s / 10)
        self._sweeping = self._loop.call_later(self._sweep_every_s, self._sweep)

    async def send(self, object_id: str) -> Answer:
        """Send the request for one ID and return its answer.

        Raises:
            NotSentError: No connection was made.
            NoAnswerError: The request was sent, or partly; no whole answer came.
        """
        head = f"{self._before}{path_segment(object_id)}{self._after}".encode("ascii")
        deadline_s = self._loop.time() + self._timeout_s
        wire = self._take_idle() or await self._connect(deadline_s)
        wire.deadline_s = deadline_s
        try:
            answer = await wire.exchange(head)
        except _BROKEN as exc:
            self._drop(wire)
            raise self._no_answer(wire, exc) from None
        except BaseException:
            self._drop(wire)
            raise
        if wire.late:  # a body that lasts until the connection closes looks whole
            self._drop(wire)
            raise self._no_answer(wire, TimeoutError())
        if wire.spoiled:
            self._drop(wire)
        else:
            wire.deadline_s = math.inf
            wire.idle_since_s = self._loop.time()
            self._idle.append(wire)
        return answer

    def _no_answer(self, wire: Wire, exc: Exception) -> TransportError:
        if wire.late:
            exc = TimeoutError()
        elif isinstance(exc, HttpProcessingError):
            return NoAnswerError(NOT_HTTP)
        return error_from(exc, sent=True, timeout_s=self._timeout_s)

    def _take_idle(self) -> Wire | None:
        """Take the connection that was used last, if it is still clean."""
        while self._idle:
            wire = self._idle.pop()
            if (
                not wire.spoiled
                and wire.protocol.is_connected()
                and self._loop.time() - wire.idle_since_s <= self._idle_max_s
            ):
                return wire
            self._drop(wire)
        return None

    async def _connect(self, deadline_s: float) -> Wire:
        try:
            async with asyncio.timeout_at(deadline_s):
                connection = await self._connector.connect(
                    self._pattern, traces=[], timeout=aiohttp.ClientTimeout()
                )
        except (aiohttp.ClientError, OSError) as exc:
            raise error_from(exc, sent=False, timeout_s=self._timeout_s) from None
        protocol = connection.protocol
        if protocol is None or not protocol.is_connected() or protocol.should_close:
            connection.close()
            raise NotSentError("the server speaks before it is asked, or closes")
        wire = Wire(connection, protocol, self._answers, self._loop)
        self._open.add(wire)
        return wire

    def _drop(self, wire: Wire) -> None:
        self._open.discard(wire)
        wire.close()

    def _sweep(self) -> None:
        """Abort connections whose answer is late or that have been idle too long."""
        now_s = self._loop.time()
        for wire in self._open:
            if wire.deadline_s == math.inf:
                if now_s - wire.idle_since_s > self._idle_max_s:
                    wire.abort()
            elif wire.deadline_s <= now_s:
                wire.late = True
                wire.abort()
        self._sweeping = self._loop.call_later(self._sweep_every_s, self._sweep)

    async def aclose(self) -> None:
        """Close all connections."""
        self._sweeping.cancel()
        try:
            await self._connector.close()
        finally:  # also if this is cancelled: aiohttp warns of connections left over
            for wire in self._open:
                wire.connection.close()


def _render(pattern: aiohttp.ClientRequest, endpoint: Endpoint) -> tuple[str, str]:
    """Return the request head before and after the ID.

    Raises:
        ValueError: A header holds a line break, or the path has not one place.
    """
    before, after = endpoint.operation.around_id()
    lines = [f"{name}: {value}" for name, value in pattern.headers.items()]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a request header holds a line break")
    base_path = pattern.url.raw_path.rstrip("/")
    return (
        f"{endpoint.operation.method} {base_path}{before}",
        "\r\n".join([f"{after} HTTP/1.1", *lines, "", ""]),
    )


@asynccontextmanager
async def open_wire(endpoint: Endpoint) -> AsyncIterator[WireTransport]:
    """Open the connections of one lane; they are closed at the end."""
    transport = WireTransport(endpoint, endpoint.connector())
    try:
        yield transport
    finally:
        await transport.aclose()


async def aiohttp_fits() -> bool:
    """Return whether the parts of aiohttp that this module rests on work as we know them.

    Nothing is connected or sent.
    """
    loop = asyncio.get_running_loop()
    try:
        inspect.signature(aiohttp.TCPConnector.connect).bind(None, None, traces=[], timeout=None)
        pattern = aiohttp.ClientRequest(
            "DELETE", URL("http://localhost/v1"), headers={"X-Key": "k"}, proxy=None, loop=loop
        )
        whole = WholeAnswers(loop)
        read = [whole.read(_SAMPLE), whole.read(_SAMPLE)]
        handler = ResponseHandler(loop)
        handler.set_response_params(read_until_eof=True, auto_decompress=False)
        handler.data_received(_SAMPLE)
        async with asyncio.timeout(1):
            message, payload = await handler.read()
        return (
            {"Host": "localhost", "X-Key": "k"}.items() <= dict(pattern.headers).items()
            and pattern.url.raw_path == "/v1"
            and (message.code, message.headers.getall("content-length", None)) == (200, ["2"])
            and (payload.is_eof(), payload.read_nowait()) == (True, b"{}")
            and [(one and one.status, one and one.body) for one in read] == [(200, b"{}")] * 2
            and len(whole.heads) == 1
            and (handler.should_close, handler.is_connected()) == (False, False)
            and handler.transport is None
            and hasattr(Connection, "protocol")
            and hasattr(Connection, "close")
        )
    except (AttributeError, LookupError, OSError, TypeError, ValueError):
        return False
