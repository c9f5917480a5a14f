"""``-v``: each request and its answer on stderr, without the key.

    12:01:02.345 ark DELETE https://…/responses/resp_1: 200 in 31 ms {"id": "resp_1", …}

Not here: what an answer means; the log has that.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Final

from bulkdel.errors import TransportError
from bulkdel.models import Answer
from bulkdel.providers import Operation
from bulkdel.reporting.progress import print_above
from bulkdel.settings import Lane
from bulkdel.transport import Gate, Transport
from bulkdel.utf8 import shown

Opener = Callable[[Lane, Operation], AbstractAsyncContextManager[Transport]]

_BODY_MOST: Final = 500
"""Characters of a body that are shown."""
_HEADERS: Final = ("retry-after", "x-request-id", "request-id", "x-client-request-id", "location")
"""Headers of an answer that are shown: what support asks for, and when to come back."""


def told(opener: Opener) -> Opener:
    """Return an opener of transports that tell what they do."""

    @asynccontextmanager
    async def open_told(lane: Lane, operation: Operation) -> AsyncIterator[Transport]:
        async with opener(lane, operation) as transport:
            yield _Told(transport, lane, operation)

    return open_told


class _Told:
    """A transport that tells what it does."""

    def __init__(self, transport: Transport, lane: Lane, operation: Operation) -> None:
        self._transport = transport
        self._lane = lane
        self._operation = operation

    @property
    def gate(self) -> Gate | None:
        """As the transport's."""
        return self._transport.gate

    @gate.setter
    def gate(self, gate: Gate | None) -> None:
        self._transport.gate = gate

    async def send(self, object_id: str) -> Answer:
        """Send, and tell; see `Transport.send`."""
        began_s = time.monotonic()
        try:
            answer = await self._transport.send(object_id)
        except TransportError as exc:
            self._tell(object_id, began_s, f"no answer: {exc}")
            raise
        named = [f"{name}: {answer.headers[name]}" for name in _HEADERS if name in answer.headers]
        body = answer.body.decode("utf-8", "replace")
        self._tell(object_id, began_s, " ".join([str(answer.status), *named]), body)
        return answer

    def _tell(self, object_id: str, began_s: float, what: str, body: str = "") -> None:
        url = self._operation.url(self._lane.base_url, object_id)
        took_ms = 1000 * (time.monotonic() - began_s)
        now = datetime.now().astimezone().strftime("%H:%M:%S.%f")[:-3]
        body = self._lane.secret.hide(body)  # before it is cut: a part of a key is one, too
        cut = f"{body[:_BODY_MOST]}…" if len(body) > _BODY_MOST else body
        text = f"{now} {self._lane.name} {self._operation.method} {url}: {what} in {took_ms:.0f} ms"
        print_above(shown(self._lane.secret.hide(f"{text} {' '.join(cut.split())}".rstrip())))
