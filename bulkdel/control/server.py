"""Answer whoever steers a run: at a socket that only the owner of the run may open.

    connection ──one line, in time──> who is it? ──> order ──> answer

What holds here, always:

1. Only the user that runs it, or root, is listened to: the socket's mode says so, and the kernel is asked.
2. Nothing is followed that is no file of ours: what is in the socket's place is removed only if it is
   a socket, which nobody holds any more, since the log's lock is ours.
3. Whoever connects and says nothing, or too much, is left after `ANSWER_S`, and disturbs nobody.
4. That a run cannot be steered never ends it.

Not here: what is said (`wire`), what an order does (`engine.steering`).
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio
from anyio.abc import SocketAttribute, SocketListener, SocketStream, TaskGroup
from anyio.streams.buffered import BufferedByteReceiveStream

from bulkdel.control.wire import MESSAGE_BYTES_MAX, peer_of, read_order, socket_path
from bulkdel.engine.steering import Order
from bulkdel.errors import ConfigError, place_of
from bulkdel.utf8 import json_bytes

ANSWER_S: Final = 5.0
CLIENTS_MAX: Final = 8
_NO_FILE_S: Final = 0.5

_GONE: Final = (
    OSError,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
    anyio.IncompleteRead,
    anyio.DelimiterNotFound,
)
"""Who asks has gone, or has said too much."""


class Control:
    """What is answered.

    Args:
        status: Returns how the run goes.
        follow: Follows an order of somebody, and says what was done.
    """

    def __init__(
        self,
        status: Callable[[], Mapping[str, object]],
        follow: Callable[[Order, str], str],
    ) -> None:
        self._status = status
        self._follow = follow
        self._places = anyio.Semaphore(CLIENTS_MAX)

    @asynccontextmanager
    async def beside(self, log: Path) -> AsyncIterator[None]:
        """Answer at the socket of a log, within the block.

        Raises:
            OSError: There can be no socket there; nothing has begun then.
        """
        if not hasattr(socket, "AF_UNIX"):
            raise OSError(0, "this system has no Unix sockets")
        with socket_path(log) as path:
            _remove_stale(path)
            listener = await anyio.create_unix_listener(path, mode=0o600)
            ours = path.lstat()
            try:
                async with listener, anyio.create_task_group() as tasks:
                    tasks.start_soon(self._serve, listener, tasks)
                    yield
                    tasks.cancel_scope.cancel()
            finally:
                with contextlib.suppress(OSError):
                    if os.path.samestat(path.lstat(), ours):
                        path.unlink()

    async def _serve(self, listener: SocketListener, tasks: TaskGroup) -> None:
        """Take one more only when there is a place: others wait in the system's queue."""
        while True:
            await self._places.acquire()
            try:
                stream = await listener.accept()
            except OSError:  # no file can be opened just now: deleting goes on, and so does this
                self._places.release()
                await anyio.sleep(_NO_FILE_S)
            else:
                tasks.start_soon(self._answer, stream)

    async def _answer(self, stream: SocketStream) -> None:
        # Whatever one of them does, the others and the run go on.
        try:
            with contextlib.suppress(*_GONE), anyio.move_on_after(ANSWER_S):
                async with stream:
                    who = _who(stream)
                    if who is None:
                        return
                    received = BufferedByteReceiveStream(stream)
                    line = await received.receive_until(b"\n", MESSAGE_BYTES_MAX)
                    if _has_gone(stream):  # its order was told to have failed
                        return
                    await stream.send(json_bytes(self._answered(line, who)) + b"\n")
        finally:
            self._places.release()

    def _answered(self, line: bytes, who: str) -> dict[str, Any]:
        try:
            order = read_order(line)
            if order is None:
                return {"ok": True, "status": self._status()}
            return {"ok": True, "said": self._follow(order, who)}
        except ConfigError as exc:
            return {"ok": False, "error": str(exc)}
        except Exception as exc:  # noqa: BLE001 - a mistake of ours: who asks is told, the run goes on
            why = f"internal error: {type(exc).__name__} ({place_of(exc)}); please report this"
            return {"ok": False, "error": why}


def _remove_stale(path: Path) -> None:
    """Remove the socket that a killed run has left. Its log is ours by now."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise OSError(0, f"{path.name} is no socket")
        path.unlink()


def _has_gone(stream: SocketStream) -> bool:
    """Say whether who asks has hung up: it has given up, and said so."""
    plain: socket.socket = stream.extra_attributes[SocketAttribute.raw_socket]()
    try:
        return plain.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False


def _who(stream: SocketStream) -> str | None:
    """Return who is at the other end; None for a stranger."""
    ours = os.geteuid()
    peer = peer_of(stream.extra_attributes[SocketAttribute.raw_socket]())
    if peer is None:  # the mode of the socket has to do
        return f"user {ours}"
    pid, uid = peer
    return f"process {pid} of user {uid}" if uid in (0, ours) else None
