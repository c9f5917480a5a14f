"""What does not fit into the queue of a lane goes to disk, so that no other lane waits.

    source of several lanes ──add──> Spill ──put──> queue of a lane
                                       └──write──> temporary file ──read──┘

A source that mixes lanes must not wait for the slowest of them. So a lane that stands still
costs disk space, not memory, and no other lane notices.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections import deque
from pathlib import Path

import anyio
import orjson

from bulkdel.blocking import InThread, in_thread
from bulkdel.engine.queue import LaneQueue
from bulkdel.errors import SourceError


class Spill:
    """Adds IDs to a queue without ever waiting for it: what does not fit goes to disk.

    Args:
        queue: Where the IDs go.
        folder: Where the temporary file is made: beside the log, since the system's own
            place is memory on many machines. None for that place.
        run_blocking: Runs file work; in a thread by default.
    """

    def __init__(
        self, queue: LaneQueue, *, folder: Path | None = None, run_blocking: InThread = in_thread
    ) -> None:
        self.error: SourceError | None = None
        """Why what was written to disk could not be read back, if that has happened."""
        self._queue = queue
        self._folder = folder
        self._run_blocking = run_blocking
        self._spool: _Spool | None = None
        self._changed = anyio.Event()
        self._closed = False

    async def add(self, ids: list[str]) -> None:
        """Add IDs to the queue, or to the temporary file if there is no room.

        Raises:
            SourceError: The temporary file cannot be written. IDs that were read and are
                not in it are still to do.
        """
        if (self._spool is None or self._spool.is_empty) and self._queue.has_room:
            await self._queue.put(ids)
            return
        if self.error is not None:
            raise self.error
        try:
            if self._spool is None:
                self._spool = _Spool(self._folder)
            await self._run_blocking(self._spool.write, ids)
        except OSError as exc:
            raise _no_room(exc, self._folder) from exc
        self._changed.set()

    def close(self) -> None:
        """Say that no more IDs will be added; `run` ends when the rest is handed over."""
        self._closed = True
        self._changed.set()

    async def run(self) -> None:
        """Bring back from disk what was written there, until closed and empty."""
        try:
            while True:
                while self._spool is not None and not self._spool.is_empty:
                    await self._queue.put(await self._run_blocking(self._spool.read))
                if self._closed:
                    return
                self._changed = anyio.Event()
                await self._changed.wait()
        except OSError as exc:
            self.error = _no_room(exc, self._folder)
        finally:
            if self._spool is not None:
                self._spool.close()


class _Spool:
    """A queue of blocks in an unnamed temporary file, one JSON list a line."""

    def __init__(self, folder: Path | None) -> None:
        self._file = tempfile.TemporaryFile(prefix="bulkdel-", dir=folder)  # noqa: SIM115 - closed by `close`
        self._lock = threading.Lock()
        self._sizes: deque[int] = deque()
        self._read_at = 0
        self._write_at = 0

    @property
    def is_empty(self) -> bool:
        return not self._sizes

    def write(self, ids: list[str]) -> None:
        data = orjson.dumps(ids)
        with self._lock:
            self._file.seek(self._write_at)
            self._file.write(data)
            self._file.flush()  # a full disk is to show here
            self._write_at += len(data)
            self._sizes.append(len(data))

    def read(self) -> list[str]:
        with self._lock:
            size = self._sizes.popleft()
            self._file.seek(self._read_at)
            data = self._file.read(size)
            self._read_at += size
            if not self._sizes:  # all is read: begin again at the start, and free the space
                self._read_at = self._write_at = 0
                self._file.truncate(0)
        ids: list[str] = orjson.loads(data)
        return ids

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()


def _no_room(exc: OSError, folder: Path | None) -> SourceError:
    return SourceError(
        "IDs of a lane that is slower than the others cannot be kept in a temporary file in"
        f" {folder or tempfile.gettempdir()}: {exc.strerror or exc}"
    )
