"""Send below `ClientSession`, on aiohttp's connections: the fast way.

    send --> idle connection, or TCPConnector.connect (names, TLS, proxy)
         --> write the head: rendered once per lane but for the ID
         --> in one piece? `WholeAnswers`; else aiohttp's protocol --> status, headers, body

`ClientSession` takes three quarters of the CPU time of a request: a request, a timer, a
response and a pool operation each. Here those are made once per lane or connection:

* the usual answer is read without a stream, a queue and a second turn (`parser`);
* `_idle` is a stack of connections, the one used last on top, so that few stay warm;
* an answer that names its ID is believed at once, every other one when its connection has
  rested (`attribution`); no connection gets more than `REQUESTS_MAX` requests;
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
from bulkdel.transport.attribution import AnswerTime, ends_an_id
from bulkdel.transport.connection import KeepAliveConnection
from bulkdel.transport.endpoint import NOT_HTTP, Endpoint, Gate, error_from
from bulkdel.transport.parser import WholeAnswers

_BROKEN: Final = (aiohttp.ClientError, HttpProcessingError, aiohttp.EofStream, OSError)
"""What reading raises when a connection breaks or what comes is not HTTP."""

_SAMPLE: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

REQUESTS_MAX: Final = 10_000
"""Most requests on one connection, so that answers shifted unseen do not stay so. With a new
connection in 1,000, as nginx has it by default, a request took 4 % more CPU time over TLS and
2 % over HTTP; so it is a tenth of that."""

_MORE_CAME: Final = "more has come on the connection than was asked for"

_SWEEP_MAX_S: Final = 1.0
"""Longest time between two sweeps; a request may take that much longer than its limit."""


class ConnectionPool:
    """One lane's requests on aiohttp's connections."""

    def __init__(self, endpoint: Endpoint, connector: aiohttp.TCPConnector) -> None:
        self.gate: Gate | None = None
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
        self._head = _Head(self._pattern, endpoint)
        self._open: set[KeepAliveConnection] = set()
        self._idle: list[KeepAliveConnection] = []
        self._answers = WholeAnswers(self._loop)
        self._answer_time = AnswerTime()
        self._have_names = False
        self._sweep_every_s = min(_SWEEP_MAX_S, endpoint.timeout_s / 10)
        self._sweeping = self._loop.call_later(self._sweep_every_s, self._sweep)

    async def send(self, object_id: str) -> Answer:
        """Send the request for one ID and return its answer.

        Raises:
            NotSentError: No connection was made.
            NoAnswerError: The request was sent, or partly; no whole answer came, or nobody
                knows whose it is.
        """
        deadline_s = self._loop.time() + self._timeout_s
        connection = self._take_idle()
        late = connection is None
        if connection is None:
            connection = await self._connect(deadline_s)
        while self.gate is not None and not self.gate.may_write(late=late):
            connection.idle_since_s = self._loop.time()
            self._idle.append(connection)  # another request may need it meanwhile
            await self.gate.wait()
            late, deadline_s = True, self._loop.time() + self._timeout_s
            connection = self._take_idle() or await self._connect(deadline_s)
        connection.deadline_s = deadline_s
        try:
            answer = await connection.exchange(self._head, object_id)
            if connection.late:  # a body that lasts until the connection closes looks whole
                raise TimeoutError  # noqa: TRY301 - as if `exchange` had raised it
            if connection.named:
                self._have_names = True
            elif ends_an_id(answer.status):
                await self._rest(connection, answer)
        except _BROKEN as exc:
            self._drop(connection)
            raise self._no_answer(connection, exc) from None
        except BaseException:
            self._drop(connection)
            raise
        self._give_back(connection)
        return answer

    async def _rest(self, connection: KeepAliveConnection, answer: Answer) -> None:
        """Wait whether more comes on the connection of an answer that names no ID of ours.

        Raises:
            NoAnswerError: It has come.
        """
        sent_s = connection.deadline_s - self._timeout_s  # or the connecting began, rarely
        self._answer_time.note(connection.answered_s - sent_s)
        if self._have_names and answer.status < 300:
            connection.spoiled = True  # it may be that of an earlier ID: the next is not
        connection.deadline_s = math.inf
        connection.idle_since_s = self._loop.time()
        if not connection.unasked and connection.protocol.is_connected():
            await asyncio.sleep(self._answer_time.rest_s)
            await asyncio.sleep(0)  # if the loop was busy, what has come is read only now
        if connection.unasked:
            raise NoAnswerError(_MORE_CAME)

    def _give_back(self, connection: KeepAliveConnection) -> None:
        if connection.spoiled or connection.requests >= REQUESTS_MAX:
            self._drop(connection)
        else:
            connection.deadline_s = math.inf
            connection.idle_since_s = self._loop.time()
            self._idle.append(connection)

    def _no_answer(self, connection: KeepAliveConnection, exc: Exception) -> TransportError:
        if connection.unasked:
            return NoAnswerError(_MORE_CAME)
        if connection.late:
            exc = TimeoutError()
        elif isinstance(exc, HttpProcessingError):
            return NoAnswerError(NOT_HTTP)
        return error_from(exc, sent=True, timeout_s=self._timeout_s)

    def _take_idle(self) -> KeepAliveConnection | None:
        """Take the connection that was used last, if it is still clean."""
        while self._idle:
            connection = self._idle.pop()
            if (
                not connection.spoiled
                and connection.protocol.is_connected()
                and self._loop.time() - connection.idle_since_s <= self._idle_max_s
            ):
                return connection
            self._drop(connection)
        return None

    async def _connect(self, deadline_s: float) -> KeepAliveConnection:
        try:
            async with asyncio.timeout_at(deadline_s):
                lease = await self._connector.connect(
                    self._pattern, traces=[], timeout=aiohttp.ClientTimeout()
                )
        except (aiohttp.ClientError, OSError) as exc:
            raise error_from(exc, sent=False, timeout_s=self._timeout_s) from None
        protocol = lease.protocol
        if protocol is None or not protocol.is_connected() or protocol.should_close:
            lease.close()
            raise NotSentError("the server speaks before it is asked, or closes")
        connection = KeepAliveConnection(lease, protocol, self._answers, self._loop)
        self._open.add(connection)
        return connection

    def _drop(self, connection: KeepAliveConnection) -> None:
        self._open.discard(connection)
        connection.close()

    def _sweep(self) -> None:
        """Abort connections whose answer is late or that have been idle too long."""
        now_s = self._loop.time()
        for connection in self._open:
            if connection.deadline_s == math.inf:
                if now_s - connection.idle_since_s > self._idle_max_s:
                    connection.abort()
            elif connection.deadline_s <= now_s:
                connection.late = True
                connection.abort()
        self._sweeping = self._loop.call_later(self._sweep_every_s, self._sweep)

    async def aclose(self) -> None:
        """Close all connections."""
        self._sweeping.cancel()
        try:
            await self._connector.close()
        finally:  # also if this is cancelled: aiohttp warns of connections left over
            for connection in self._open:
                connection.lease.close()


class _Head:
    """Makes the request head for an ID: rendered once, but for the ID.

    The key is in it. So it is kept here, and in no variable of a frame that is still there when
    something goes wrong: tracebacks and crash reports show those.

    Raises:
        ValueError: A header holds a line break, or the path has not one place.
    """

    __slots__ = ("_rest", "_start")

    def __init__(self, pattern: aiohttp.ClientRequest, endpoint: Endpoint) -> None:
        before, after = endpoint.operation.around_id()
        if any(set("\r\n") & set(name + value) for name, value in pattern.headers.items()):
            raise ValueError("a request header holds a line break")
        base_path = pattern.url.raw_path.rstrip("/")
        self._start = f"{endpoint.operation.method} {base_path}{before}"
        fields = "".join(f"{name}: {value}\r\n" for name, value in pattern.headers.items())
        self._rest = f"{after} HTTP/1.1\r\n{fields}\r\n"

    def __call__(self, object_id: str) -> bytes:
        """Return the head for an ID."""
        return f"{self._start}{path_segment(object_id)}{self._rest}".encode("ascii")


@asynccontextmanager
async def open_pool(endpoint: Endpoint) -> AsyncIterator[ConnectionPool]:
    """Open the connections of one lane; they are closed at the end."""
    transport = ConnectionPool(endpoint, endpoint.connector())
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
