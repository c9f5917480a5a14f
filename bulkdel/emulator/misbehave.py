"""The faults of a connection: cut, silent, endless. And the server that knows of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from bulkdel.emulator.dialects import Reply
from bulkdel.emulator.faults import Fault

_CHUNK: Final = b" " * 16_384

_PATH_BYTES_MAX: Final = 65_536
"""Longest path; an over-long ID shall be counted as unknown, not fail in the parser."""


class Server(web.Server):
    """aiohttp's low-level server, which can be asked to wait until a client is gone.

    Used without aiohttp's router: that one decodes and resolves paths, and here the path
    as sent is what is tested. It also costs a third of the time of a request.
    """

    def __init__(self, answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        super().__init__(answer, access_log=None, max_line_size=_PATH_BYTES_MAX)
        self._gone: dict[RequestHandler, asyncio.Event] = {}

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        """Note that a client is gone. aiohttp calls this for every connection."""
        super().connection_lost(handler, exc)
        event = self._gone.pop(handler, None)
        if event is not None:
            event.set()

    async def client_gone(self, request: web.BaseRequest) -> None:
        """Wait until the client has closed its connection, or the server has."""
        if request.transport is not None:
            await self._gone.setdefault(request.protocol, asyncio.Event()).wait()


def response(reply: Reply) -> web.Response:
    """Return a reply in aiohttp's form."""
    return web.Response(status=reply.status, body=reply.body, headers=reply.headers)


async def misbehave(
    server: Server, request: web.BaseRequest, fault: Fault, reply: Reply
) -> web.StreamResponse:
    """Bring an answer, or none, as the fault wants it.

    aiohttp writes what is returned; on a connection that is cut this does nothing.
    """
    match fault:
        case Fault.DROP | Fault.DROP_AFTER:
            _cut(request)
        case Fault.HANG | Fault.HANG_AFTER:
            await server.client_gone(request)
        case Fault.CUT_AFTER:
            stream = web.StreamResponse(status=reply.status, headers=reply.headers)
            stream.content_length = len(reply.body)
            await stream.prepare(request)
            await stream.write(reply.body[: len(reply.body) // 2])
            if request.transport is not None:
                request.transport.close()  # not abort: what is written shall arrive
            return stream
        case Fault.ENDLESS:
            stream = web.StreamResponse(status=reply.status, headers=reply.headers)
            await stream.prepare(request)
            await stream.write(reply.body[:-1])
            while request.transport is not None and not request.transport.is_closing():
                await stream.write(_CHUNK)
                await asyncio.sleep(0)
            return stream
        case _:
            pass
    return response(reply)


def _cut(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()
