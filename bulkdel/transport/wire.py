"""Send below `ClientSession`, on aiohttp's connections: the fast way.

    send --> idle connection, or TCPConnector.connect (names, TLS, proxy)
         --> write the head: rendered once per lane but for the ID
         --> in one piece? `WholeAnswers`; else aiohttp's protocol --> status, headers, body

`ClientSession` takes three quarters of the CPU time of a DELETE: a request, a timer, a
response and a pool operation each. Here those are made once per lane or connection:

* the usual answer is read without a stream, a queue and a second turn (`whole`);
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
import time
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
from bulkdel.transport.endpoint import (
    BODY_BYTES_MAX,
    NOT_HTTP,
    Endpoint,
    error_from,
    read_body,
)
from bulkdel.transport.whole import WholeAnswers

_BROKEN: Final = (aiohttp.ClientError, HttpProcessingError, aiohttp.EofStream, OSError)
"""What reading raises when a connection breaks or what comes is not HTTP."""

_SAMPLE: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

_SWEEP_MAX_S: Final = 1.0
"""Longest time between two sweeps; a request may take that much longer than its limit."""


class _Wire(asyncio.Protocol):
    """One open connection. It stands before aiohttp's protocol and spares it what is usual.

    The usual answer comes in one piece and is read by `WholeAnswers`. Every other one goes
    to aiohttp's protocol from its first byte on. What nobody asked for ends the connection.

    Attributes:
        deadline_s: When its answer is due, or infinity while it is idle.
        idle_since_s: When it was last used.
        late: The sweep has aborted it.
        spoiled: Not to be used again: the answer was the last one, or more has come than was
            asked for.
    """

    __slots__ = (
        "_answers",
        "_handed_over",
        "_loop",
        "_waiter",
        "connection",
        "deadline_s",
        "idle_since_s",
        "late",
        "protocol",
        "spoiled",
        "write",
    )

    def __init__(
        self,
        connection: Connection,
        protocol: ResponseHandler,
        answers: WholeAnswers,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        transport = protocol.transport
        assert transport is not None  # noqa: S101 - `connect` has just returned it
        self.connection = connection
        self.protocol = protocol
        self.write = transport.write
        self.deadline_s = math.inf
        self.idle_since_s = 0.0
        self.late = False
        self.spoiled = False
        self._answers = answers
        self._loop = loop
        self._handed_over = False
        self._waiter: asyncio.Future[Answer | None] | None = None
        transport.set_protocol(self)

    def close(self) -> None:
        """Close at once, whatever state it is in, and give it back to the connector."""
        self.abort()
        self.connection.close()

    def abort(self) -> None:
        """Close at once; who reads from it gets an error. Harmless if it is closed."""
        self.spoiled = True
        if self.protocol.transport is not None:
            self.protocol.transport.abort()
        self._hand_over()

    async def exchange(self, head: bytes) -> Answer:
        """Write a request and read its answer. `spoiled` says whether it was the last one."""
        waiter = self._waiter = self._loop.create_future()
        self.write(head)
        return await waiter or await self._read()

    async def _read(self) -> Answer:
        """Read an answer that aiohttp's protocol has been handed over."""
        message, payload = await self.protocol.read()
        while 100 <= message.code < 200 and message.code != 101:
            message, payload = await self.protocol.read()
        body = payload.read_nowait() if payload.is_eof() else await read_body(payload)
        self._handed_over = False
        if self.protocol.should_close:  # also if the body was cut or something follows it
            self.spoiled = True
        return Answer(message.code, body[:BODY_BYTES_MAX], message.headers, time.time())

    def _hand_over(self) -> None:
        """Leave the rest to aiohttp's protocol: a piece of the answer, or why none comes."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # -- what the event loop calls ----------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take what has arrived."""
        data = bytes(data)  # a bytearray from some event loops; else nothing is copied
        waiter = self._waiter
        if waiter is None:
            if self._handed_over:
                self.protocol.data_received(data)
            else:  # nobody has asked
                self.abort()
            return
        answer = self._answers.read(data)
        if answer is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(answer)
            return
        self._handed_over = True
        # A new parser: half an answer too many, left in the old one, would else be
        # completed into the answer to this request.
        self.protocol.set_response_params(read_until_eof=True, auto_decompress=False)
        self.protocol.data_received(data)
        self._hand_over()

    def eof_received(self) -> None:
        """Pass on that the other end sends no more; the event loop closes then."""
        self.protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that the connection is closed."""
        self.protocol.connection_lost(exc)
        self._hand_over()

    def pause_writing(self) -> None:
        """Pass on; a request is far smaller than a buffer."""
        self.protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass on."""
        self.protocol.resume_writing()


class WireTransport:
    """One lane's requests on aiohttp's connections."""

    def __init__(self, endpoint: Endpoint, connector: aiohttp.TCPConnector) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeout_s = endpoint.timeout_s
        self._idle_max_s = endpoint.idle_max_s
        self._connector = connector
        # The connector asks a request where to connect to. This one is never sent.
        self._pattern = aiohttp.ClientRequest(
            "DELETE",
            URL(endpoint.base_url),
            headers=endpoint.headers,
            proxy=endpoint.proxy,
            loop=self._loop,
        )
        self._before, self._after = _render(self._pattern, endpoint)
        self._open: set[_Wire] = set()
        self._idle: list[_Wire] = []
        self._answers = WholeAnswers(self._loop)
        self._sweep_every_s = min(_SWEEP_MAX_S, endpoint.timeout_s / 10)
        self._sweeping = self._loop.call_later(self._sweep_every_s, self._sweep)

    async def send(self, object_id: str) -> Answer:
        """Send the DELETE for one ID and return its answer.

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

    def _no_answer(self, wire: _Wire, exc: Exception) -> TransportError:
        if wire.late:
            exc = TimeoutError()
        elif isinstance(exc, HttpProcessingError):
            return NoAnswerError(NOT_HTTP)
        return error_from(exc, sent=True, timeout_s=self._timeout_s)

    def _take_idle(self) -> _Wire | None:
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

    async def _connect(self, deadline_s: float) -> _Wire:
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
        wire = _Wire(connection, protocol, self._answers, self._loop)
        self._open.add(wire)
        return wire

    def _drop(self, wire: _Wire) -> None:
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
        ValueError: A header holds a line break.
    """
    before, _, after = endpoint.provider.path.partition("{id}")
    lines = [f"{name}: {value}" for name, value in pattern.headers.items()]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a request header holds a line break")
    base_path = pattern.url.raw_path.rstrip("/")
    return (
        f"DELETE {base_path}{before}",
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
