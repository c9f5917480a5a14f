"""Confirm every deletion after a fixed time: a server to measure clients against.

    DELETE …/ID  -->  wait latency_s  -->  200 {"id":"ID","object":"response","deleted":true}

It costs some 10 us per request, a fraction of what the emulator proper (`server`) does,
so that the client is what is measured and not this. That is all it does: it knows no
keys, holds no objects, has no limits and no faults, answers as Ark and OpenAI do, and
takes an ID as it stands in the URL. It serves loopback only.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, cast

HEAD_BYTES_MAX: Final = 65_536
"""A longer request head closes the connection."""

_EARLY_S: Final = 0.0005
"""What is due so soon is answered with what is due now; timers are no finer than this."""

_NOT_ALLOWED: Final = (
    b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


@asynccontextmanager
async def serve_confirmations(latencies_s: Sequence[float]) -> AsyncGenerator[list[str]]:
    """Serve until the block ends, at one address for each latency; yield their URLs.

    Runs on asyncio or uvloop.

    Args:
        latencies_s: Seconds from a request to its answer.
    """
    loop = asyncio.get_running_loop()
    urls = []
    async with AsyncExitStack() as stack:
        for latency_s in latencies_s:
            answers = _Answers(loop, latency_s)
            server = await loop.create_server(
                lambda answers=answers: _Connection(answers),  # type: ignore[misc]
                "127.0.0.1",
                backlog=4096,
            )
            stack.callback(answers.stop)
            stack.callback(server.close)
            urls.append(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        yield urls


class _Answers:
    """The answers that wait for their time: with one latency, in the order they came."""

    def __init__(self, loop: asyncio.AbstractEventLoop, latency_s: float) -> None:
        self._loop = loop
        self._latency_s = latency_s
        self._waiting: deque[tuple[float, asyncio.Transport, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def give(self, transport: asyncio.Transport, answer: bytes) -> None:
        if not self._latency_s:
            transport.write(answer)
            return
        due_s = self._loop.time() + self._latency_s
        self._waiting.append((due_s, transport, answer))
        if self._timer is None:
            self._timer = self._loop.call_at(due_s, self._give_due)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _give_due(self) -> None:
        now_s = self._loop.time() + _EARLY_S
        waiting = self._waiting
        while waiting and waiting[0][0] <= now_s:
            _, transport, answer = waiting.popleft()
            if not transport.is_closing():
                transport.write(answer)
        self._timer = self._loop.call_at(waiting[0][0], self._give_due) if waiting else None


class _Connection(asyncio.Protocol):
    """One connection: requests without a body, one after another."""

    def __init__(self, answers: _Answers) -> None:
        self._answers = answers
        self._unread = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        *heads, self._unread = (self._unread + data).split(b"\r\n\r\n")
        for head in heads:
            method, _, rest = head.partition(b" ")
            if method != b"DELETE":
                self._transport.write(_NOT_ALLOWED)
                self._transport.close()
                return
            object_id = rest.partition(b" ")[0].rpartition(b"/")[2]
            self._answers.give(self._transport, _confirmation(object_id))
        if len(self._unread) > HEAD_BYTES_MAX:
            self._transport.abort()


def _confirmation(object_id: bytes) -> bytes:
    body = b'{"id":"%b","object":"response","deleted":true}' % object_id
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )
