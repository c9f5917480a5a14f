"""Send one request, return one answer. The only place that imports aiohttp.

    lane --> Transport.send(object_id) --> Answer | NotSentError | NoAnswerError

    endpoint.py     URL, headers, proxy and TLS of a lane; aiohttp's errors in our words
    pool.py         the fast way, on aiohttp's connections and parser
    connection.py   one of its connections
    attribution.py  whose answer it is
    parser.py       the usual answer, out of one piece
    pages.py        GETs of lists, whose answers are long
    session.py      through `aiohttp.ClientSession`, where the fast way does not fit

What holds here, always:

1. One `send` writes at most one request. Nothing is resent and no redirect followed.
2. The request goes to the URL that `Operation.url` made, byte for byte.
3. The key goes to the lane's own host only, over verified TLS. No cookies, no netrc.
4. At most 64 KiB of a body are read. It is not unpacked: we ask for a plain one, and
   one that is compressed all the same is left so, for no verdict to understand.
5. One request takes at most ``timeout_s``, connection included; an answer that names no ID
   is held for up to 1 s more, to see whether another one comes.
6. A connection that was cancelled, cut or left half-read is never used again.

Not here: what an answer means (`providers`), when to send (`pacing`), whether to send
again (`retry`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from bulkdel.models import Answer
from bulkdel.providers import Operation
from bulkdel.settings import Lane
from bulkdel.transport.endpoint import Endpoint, Gate, endpoint_of, require_asyncio
from bulkdel.transport.session import open_session

__all__ = ["Gate", "Transport", "open_transport", "require_asyncio"]


class Transport(Protocol):
    """Sends the requests of one operation of a lane.

    Attributes:
        gate: Asked before a request is written; None: it is written as soon as it can be.
    """

    gate: Gate | None

    async def send(self, object_id: str) -> Answer:
        """Send the request for one ID and return its answer.

        Any number may run at once; each takes a connection.

        Raises:
            NotSentError: No connection was made; the request cannot have arrived.
            EndpointError: Likewise, and no other ID would fare better.
            NoAnswerError: The request was sent, or partly; no whole answer came, or nobody
                knows whose it is.
            ValueError: ``object_id`` cannot be an ID.
        """
        ...


@asynccontextmanager
async def open_transport(lane: Lane, operation: Operation) -> AsyncIterator[Transport]:
    """Open the transport of one operation of a lane; its connections are closed at the end.

    There is no default operation: what was meant to look must never delete.

    Raises:
        ConfigError: The environment names a proxy that cannot be used, or the base URL's
            host cannot be a host name.
    """
    endpoint = await endpoint_of(lane, operation)
    async with (await _opener(endpoint))(endpoint) as transport:
        yield transport


async def _opener(
    endpoint: Endpoint,
) -> Callable[[Endpoint], AbstractAsyncContextManager[Transport]]:
    if endpoint.proxy is not None and endpoint.tls is None:
        # Such a request has another form; nobody needs it fast.
        return open_session
    try:
        from bulkdel.transport import pool
    except ImportError:  # aiohttp has changed
        return open_session
    return pool.open_pool if await pool.aiohttp_fits() else open_session
