"""Send through `aiohttp.ClientSession`: the plain way, and the one to fall back to.

    send --> ClientSession.request --> _OneRequest.send --> connection
                                      writes once, on a clean connection

aiohttp resends a request once by itself when the connection breaks (there is no public
switch: aio-libs/aiohttp#10790), and it reuses a kept-alive connection on which an answer
nobody asked for is waiting, which would then pass for the answer to the next ID. So
`_OneRequest` stands at the one place where a request is written, notes that it was, and
refuses both.

A connection carries one request here. What comes on it behind the answer is not shown by
aiohttp, so it could not be told whose the next answer is (`attribution`). That makes a
handshake for each ID; nobody needs this way fast.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Final

import aiohttp
from yarl import URL

from bulkdel.errors import NotSentError
from bulkdel.models import Answer
from bulkdel.transport.endpoint import BODY_BYTES_MAX, Endpoint, Gate, error_from, read_body


class _Sending:
    """What happened to the request of one `SessionTransport.send`."""

    __slots__ = ("begun", "transport")

    def __init__(self, transport: SessionTransport) -> None:
        self.begun = False
        self.transport = transport


_SENDING: Final[ContextVar[_Sending]] = ContextVar("bulkdel_sending")


class _SentBeforeError(aiohttp.ClientConnectionError):
    """aiohttp was about to write the same request a second time."""


class _UncleanError(aiohttp.ClientConnectionError):
    """Something has arrived on this connection that no request asked for."""


class _OneRequest(aiohttp.ClientRequest):
    async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        sending = _SENDING.get()
        if sending.begun:
            raise _SentBeforeError
        if conn.protocol is None or conn.protocol.should_close:
            raise _UncleanError
        while (gate := sending.transport.gate) is not None and not gate.may_write(late=True):
            await gate.wait()
        sending.begun = True
        return await super().send(conn)


class SessionTransport:
    """One lane's requests through a `ClientSession`."""

    def __init__(self, endpoint: Endpoint, session: aiohttp.ClientSession) -> None:
        self.gate: Gate | None = None
        self._endpoint = endpoint
        self._session = session

    async def send(self, object_id: str) -> Answer:
        """Send the request for one ID and return its answer.

        Raises:
            NotSentError: No connection was made.
            NoAnswerError: The request was sent, or partly; no whole answer came.
        """
        url = URL(self._endpoint.url(object_id), encoded=True)
        # Each round but the last closes one unclean connection of the pool.
        for _ in range(self._endpoint.connections_max + 1):
            sending = _Sending(self)
            _SENDING.set(sending)
            try:
                return await self._exchange(url)
            except _UncleanError:
                continue
            except (aiohttp.ClientError, OSError) as exc:
                error = error_from(exc, sent=sending.begun, timeout_s=self._endpoint.timeout_s)
                raise error from None
        raise NotSentError("the server speaks before it is asked")

    async def _exchange(self, url: URL) -> Answer:
        async with self._session.request(
            self._endpoint.operation.method,
            url,
            allow_redirects=False,
            proxy=self._endpoint.proxy,
        ) as response:
            # Leaving this block closes the connection of a body that was cut.
            body = await read_body(response.content)
            return Answer(response.status, body[:BODY_BYTES_MAX], response.headers, time.time())


@asynccontextmanager
async def open_session(endpoint: Endpoint) -> AsyncIterator[SessionTransport]:
    """Open the session of one lane; its connections are closed at the end."""
    async with aiohttp.ClientSession(
        connector=endpoint.connector(keep_alive=False),
        request_class=_OneRequest,
        headers=endpoint.headers,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=endpoint.timeout_s),
        auto_decompress=False,
    ) as session:
        # `_OneRequest` refuses the second writing; this also saves the connection for it.
        session._retry_connection = False  # noqa: SLF001 - no public switch
        yield SessionTransport(endpoint, session)
