"""Open files and stdin, and read their bytes as they come.

A file is read in pieces of `PIECE_BYTES`. A pipe gives what is there, so that a slow
producer's IDs are not held back, and is waited for in short steps, so that a Ctrl-C can
end the wait. Where the system cannot wait for a pipe like that (Windows), reading
blocks.

Not here: decompression (`compression`), lines (`lines`).
"""

from __future__ import annotations

import os
import select
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from bulkdel.errors import SourceError

PIECE_BYTES: Final = 1 << 20
"""Enough for a block (`rows`) of usual IDs."""
FIRST_PIECE_BYTES: Final = 4 * 1024
"""Every source is opened and looked into before anything is sent. Little is read for
that, so that a thousand sources can be open."""

_WAIT_STEP_MS: Final = 200
"""How long an interrupted reader may still wait."""


class Interrupted(Exception):  # noqa: N818 (it is no error)
    """`ByteStream.interrupted` is set. What was read last may be half a row."""


class ByteStream:
    """The bytes of one file or of stdin.

    Attributes:
        label: Its name in messages.
        file: The file itself.
        at_once: Reading never waits for another program: it is a regular file.
        interrupted: When set, reading raises `Interrupted`, soon and from then on. It
            may be set from any thread.
    """

    def __init__(self, file: IO[bytes], label: str, *, owned: bool) -> None:
        self.label = label
        self.file = file
        self.interrupted = threading.Event()
        self._owned = owned
        try:
            self._fd: int | None = file.fileno()
        except OSError:  # An object in memory, as tests and embedders pass for stdin.
            self._fd = None
        is_regular = self._fd is not None and stat.S_ISREG(os.fstat(self._fd).st_mode)
        self.at_once = self._fd is None or is_regular
        self._state = _state(self._fd) if self._fd is not None and is_regular else None

    def close(self) -> None:
        """Close the file, if it was opened here."""
        if self._owned:
            self.file.close()

    def end_doubt(self) -> str | None:
        """Say why what stands after the last line end may be half a line, or None.

        A program that writes into a pipe may have died in the middle of a line: its end
        looks like any other. In a file the same line may still be growing.
        """
        if self._state is None:
            if self._fd is None and self.file.seekable():  # an object in memory
                return None
            return "the line has no end: what came through the pipe may be cut off"
        if self._fd is not None and _state(self._fd) != self._state:
            return "the line has no end, and the file has changed while it was read"
        return None

    def pieces(self) -> Iterator[bytes]:
        """Give the bytes in pieces, none of them empty.

        Raises:
            SourceError: It cannot be read further.
            Interrupted: `interrupted` is set.
        """
        bytes_read = 0
        while True:
            try:
                piece = self._read(PIECE_BYTES if bytes_read else FIRST_PIECE_BYTES)
            except OSError as exc:
                where = f" after byte {bytes_read:,}" if bytes_read else ""
                raise SourceError(
                    f"{self.label}: cannot be read{where}: {exc.strerror or exc}"
                ) from exc
            if not piece:
                return
            bytes_read += len(piece)
            yield piece

    def _read(self, bytes_max: int) -> bytes:
        while True:
            if not self.at_once:
                self._wait()
            if self.interrupted.is_set():
                raise Interrupted
            if self._fd is None:
                return self.file.read(bytes_max)
            try:
                return os.read(self._fd, bytes_max)
            except BlockingIOError:  # A stdin that another program made non-blocking.
                self.interrupted.wait(_WAIT_STEP_MS / 1000)

    def _wait(self) -> None:
        """Return when there is something to read, the end included, or when interrupted."""
        if self._fd is None or not hasattr(select, "poll"):
            return
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        while not self.interrupted.is_set() and not poll.poll(_WAIT_STEP_MS):
            pass


def _state(fd: int) -> tuple[int, int]:
    """Return what changes when somebody writes to a file: its size, its time."""
    found = os.fstat(fd)
    return found.st_size, found.st_mtime_ns


def open_file(name: str) -> ByteStream:
    """Open the file ``name``. A named pipe is waited for until somebody writes to it.

    Raises:
        SourceError: It does not exist, is a directory, or may not be read.
    """
    path = Path(name)
    try:
        if path.is_dir():
            raise SourceError(f"{name}: is a directory; name the files in it")
        # Unbuffered: the descriptor is read directly.
        return ByteStream(path.open("rb", buffering=0), name, owned=True)
    except FileNotFoundError as exc:
        raise SourceError(f"{name}: no such file") from exc
    except PermissionError as exc:
        raise SourceError(f"{name}: permission denied") from exc
    except OSError as exc:
        raise SourceError(f"{name}: cannot be opened: {exc.strerror or exc}") from exc
    except ValueError as exc:  # A NUL in the name.
        raise SourceError(f"{name!r}: is no file name") from exc
