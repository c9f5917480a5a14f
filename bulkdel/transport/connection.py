"""One open connection: write a request, read its answer, and know whether it may be used again.

    write --> answer in one piece --> WholeAnswers --> Answer
          --> every other one     --> aiohttp's protocol, from its first byte on --> Answer

It takes the place of aiohttp's protocol on the connection that aiohttp has opened, and
passes on to it what it does not read itself.

Not here: which connection, how long a request may take, what an error means, whether an
answer is believed (`pool`).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from typing import Final

from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from bulkdel.models import Answer
from bulkdel.transport.attribution import names, unacknowledged
from bulkdel.transport.endpoint import BODY_BYTES_MAX, read_body
from bulkdel.transport.parser import WholeAnswers

INTERIM_MAX: Final = 32
"""Most 1xx answers before the answer to one request. One or two are usual (100, 103); a flood of
25 bytes each would be parsed into a hundred times its size."""

_INTERIM: Final = b"HTTP/1.1 1"


class KeepAliveConnection(asyncio.Protocol):
    """One open connection. It stands before aiohttp's protocol and spares it what is usual.

    The usual answer comes in one piece and is read by `WholeAnswers`. Every other one goes
    to aiohttp's protocol from its first byte on. What nobody asked for ends the connection,
    and so does an answer that comes before its request has arrived. The system is asked
    where an answer does not name its ID: that takes 2 us, a tenth of a request.

    Attributes:
        answered_s: When its last answer began to arrive, of those that name no ID.
        deadline_s: When its answer is due, or infinity while it is idle.
        idle_since_s: When it was last used.
        late: The sweep has aborted it.
        lease: The connector's hold on it, to be given back.
        named: The last answer names the ID it was asked for.
        requests: How many were written.
        spoiled: Not to be used again: the answer was the last one, or more has come than was
            asked for.
        unasked: More has come than was asked for, or sooner than it can have been asked for.
    """

    __slots__ = (
        "_answers",
        "_handed_over",
        "_interim",
        "_loop",
        "_name",
        "_socket",
        "_waiter",
        "answered_s",
        "deadline_s",
        "idle_since_s",
        "late",
        "lease",
        "named",
        "protocol",
        "requests",
        "spoiled",
        "unasked",
        "write",
    )

    def __init__(
        self,
        lease: Connection,
        protocol: ResponseHandler,
        answers: WholeAnswers,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        transport = protocol.transport
        assert transport is not None  # noqa: S101 - `connect` has just returned it
        self.lease = lease
        self.protocol = protocol
        self.write = transport.write
        self.answered_s = 0.0
        self.deadline_s = math.inf
        self.idle_since_s = 0.0
        self.late = False
        self.named = False
        self.requests = 0
        self.spoiled = False
        self.unasked = False
        self._answers = answers
        self._loop = loop
        self._socket = transport.get_extra_info("socket")
        self._name = b""
        self._handed_over = False
        self._interim: int | None = None
        """1xx answers that have come to the request that waits; None once its answer has begun."""
        self._waiter: asyncio.Future[Answer | None] | None = None
        transport.set_protocol(self)

    def close(self) -> None:
        """Close at once, whatever state it is in, and give it back to the connector."""
        self.abort()
        self.lease.close()

    def abort(self) -> None:
        """Close at once; who reads from it gets an error. Harmless if it is closed."""
        self.spoiled = True
        if self.protocol.transport is not None:
            self.protocol.transport.abort()
        self._hand_over()

    async def exchange(self, head: Callable[[str], bytes], object_id: str) -> Answer:
        """Write a request and read its answer. `spoiled` says whether it was the last one.

        Args:
            head: Makes the request for an ID.
            object_id: The ID.
        """
        waiter = self._waiter = self._loop.create_future()
        self.requests += 1
        self._name = object_id.encode()
        self._interim = 0
        self.write(head(object_id))
        return await waiter or await self._read()

    async def _read(self) -> Answer:
        """Read an answer that aiohttp's protocol has been handed over."""
        message, payload = await self.protocol.read()
        interim = 0
        while 100 <= message.code < 200 and message.code != 101:
            interim += 1
            if interim > INTERIM_MAX:  # in pieces too small for `_is_flood`
                self.abort()
            message, payload = await self.protocol.read()
        self._interim = None
        body = payload.read_nowait() if payload.is_eof() else await read_body(payload)
        self._handed_over = False
        if self.protocol.should_close:  # also if the body was cut or something follows it
            self.spoiled = True
            self.unasked = payload.is_eof() and not message.should_close
        if not payload.is_eof():
            self.abort()  # what is longer confirms nothing, and the rest is not wanted
        self.named = names(body, self._name)
        return Answer(message.code, body[:BODY_BYTES_MAX], message.headers, time.time())

    def _reject(self) -> None:
        """End a connection on which something has come that no request asked for."""
        self.unasked = True
        self.abort()

    def _is_flood(self, data: bytes) -> bool:
        """End a connection on which 1xx answers do not end; not one of them is parsed."""
        if self._interim is None:
            return False
        self._interim += data.count(_INTERIM)
        if self._interim <= INTERIM_MAX:
            return False
        self.abort()
        return True

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
                if self._is_flood(data):
                    return
                self.protocol.data_received(data)
            else:  # nobody has asked
                self._reject()
            return
        answer = self._answers.read(data)
        self.named = answer is not None and names(answer.body, self._name)
        if not self.named:
            self.answered_s = self._loop.time()
            if unacknowledged(self._socket.fileno()):
                self._reject()
                return
        if answer is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(answer)
            return
        self._handed_over = True
        if self._is_flood(data):
            return
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
