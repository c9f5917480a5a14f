"""The result log as a file on disk: opened, locked, mended, appended to.

What holds here, always:

1. `DiskLog.write` appends all of its bytes or none: after an error the file is cut back.
2. A file that is not a result log is never touched, and a torn last line is cut off.
3. Nothing is written into a file that nobody can find any more, or that something else
   has emptied, cut or appended to: each group looks at its place and its length first.

Not here: which lines, and when (`writer`); the lock itself (`lock`); what is saved of a log
that was disturbed (`rescue`).
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from bulkdel.compression import COMPRESSION_OF_SUFFIX
from bulkdel.errors import ConfigError
from bulkdel.result_log.blocks import check_line_ends
from bulkdel.result_log.lock import lock_log
from bulkdel.result_log.rescue import (
    BEGINNING_BYTES,
    LogDisturbedError,
    Recent,
    Rescued,
    rescue,
)

_HEADER: Final = b'{"run":{"at":"'


class LogFile(Protocol):
    """Where groups of lines go. The disk, but for tests."""

    def write(self, data: bytes) -> None:
        """Append all of ``data``, or nothing; OSError if it cannot."""
        ...

    def sync(self) -> None:
        """Force what was written to the disk."""
        ...

    def rescue(self, pending: bytes) -> Rescued:
        """Write what is known into another file, after a `LogDisturbedError`."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class DiskLog:
    """A result log on disk, opened for appending.

    Args:
        path: Where it is.
        fd: Its descriptor, which is closed with it.
    """

    def __init__(self, path: Path, fd: int) -> None:
        self._path = path
        self._fd = fd
        self.size = os.fstat(self._fd).st_size
        self._torn = False
        self._recent = self._nothing_recent()

    def write(self, data: bytes) -> None:
        """Append all of ``data``; on an error cut back to what was there before.

        If not even that can be done, nothing is written until it can: a line must not
        follow half of another one.

        Raises:
            LogDisturbedError: The file is not at its path any more, or not as long as it
                should be.
            OSError: The disk refuses.
        """
        self._check_place()
        if self._torn:
            self.cut(self.size)
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except BaseException:  # also for want of memory: half a line must not stay
            self._torn = True
            with contextlib.suppress(OSError):
                self.cut(self.size)
            raise
        self._check_length(self.size + len(data))
        self.size += len(data)
        self._recent.add(data)

    def _check_place(self) -> None:
        """Refuse to write into a file that nobody can find, or that others have changed."""
        try:
            there = os.path.samestat(os.fstat(self._fd), self._path.stat())
        except OSError:
            there = False
        if not there:
            raise LogDisturbedError(errno.ENOENT, f"{self._path} was removed or moved away")
        if not self._torn:
            self._check_length(self.size)

    def _check_length(self, size: int) -> None:
        found = os.fstat(self._fd)
        if stat.S_ISREG(found.st_mode) and found.st_size != size:
            raise LogDisturbedError(
                errno.EIO,
                f"something else has emptied, cut or appended to {self._path}: it has"
                f" {found.st_size:,} bytes, not {size:,}",
            )

    def rescue(self, pending: bytes) -> Rescued:
        """Write all that is known of the log, and ``pending``, into a new file beside it.

        Raises:
            OSError: No file can be made.
        """
        return rescue(self._fd, self._path, self._recent, pending, whole=_whole_bytes(self))

    def _nothing_recent(self) -> Recent:
        return Recent(self.size, self.read_at(0, min(self.size, BEGINNING_BYTES)))

    def length(self) -> int:
        """Return how many bytes the file has now."""
        return os.fstat(self._fd).st_size

    def read_at(self, start: int, size: int) -> bytes:
        """Return ``size`` bytes from ``start``."""
        return os.pread(self._fd, size, start)

    def cut(self, size: int) -> None:
        """Cut the file back to ``size`` bytes.

        Raises:
            LogDisturbedError: It is shorter.
        """
        found = os.fstat(self._fd)
        if stat.S_ISREG(found.st_mode) and found.st_size < size:
            self._check_length(size)
        os.ftruncate(self._fd, size)
        self._torn = False
        if size < self.size:
            self.size = size
            self._recent = self._nothing_recent()

    def sync(self) -> None:
        """Force what was written to the disk."""
        getattr(os, "fdatasync", os.fsync)(self._fd)

    def close(self) -> None:
        """Close the file. A second time does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


@contextmanager
def open_disk_log(path: Path) -> Iterator[tuple[DiskLog, int]]:
    """Lock and open the log at ``path``, and cut off a torn last line.

    Yields the file and the number of bytes that were cut off.

    Raises:
        LogBusyError: Another process writes this log.
        ConfigError: It is a directory, cannot be written, or is no result log.
    """
    real = Path(os.path.realpath(path))
    if real.is_dir():
        raise ConfigError(f"log {path}: this is a directory; name a file")
    if real.suffix in COMPRESSION_OF_SUFFIX:
        raise ConfigError(f"log {path}: a compressed log is finished; unpack it to go on with it")
    if real.exists() and not real.is_file():
        raise ConfigError(f"log {path}: this is not a regular file")
    if not real.parent.is_dir():
        raise ConfigError(f"log {path}: there is no directory {real.parent}")
    with lock_log(real, shown=path) as fd:
        file = DiskLog(real, os.dup(fd))
        try:
            torn = _cut_torn_line(file, path)
            if file.size == 0:
                _sync_directory(real.parent)
            yield file, torn
        finally:
            file.close()


def _cut_torn_line(file: DiskLog, path: Path) -> int:
    """Cut the file back to its last line end; return the bytes that were cut off.

    The start is checked first: a file that is not a result log is never touched.
    """
    check_line_ends(file.read_at(0, 1 << 16), path)
    if not _looks_like_log(file):
        raise ConfigError(f"log {path}: this is not a result log of bulkdel; it is left as it is")
    end = _whole_bytes(file)
    torn = file.size - end
    if torn:
        file.cut(end)
    return torn


def _whole_bytes(file: DiskLog) -> int:
    """Return where the last line end of a file is."""
    end = file.length()
    step = 1 << 20
    while end > 0:
        begin = max(0, end - step)
        newline = file.read_at(begin, end - begin).rfind(b"\n")
        if newline >= 0:
            return begin + newline + 1
        end = begin
    return 0


def _looks_like_log(file: DiskLog) -> bool:
    """Whether a file is a log, or what a crash left of one.

    Its first line tells: a header or a result. ``{"id":`` alone is not enough: a JSONL
    file of IDs begins so, too.
    """
    start = file.read_at(0, 1 << 16)
    if start.startswith(_HEADER):
        return True
    if start.startswith(b'{"id":"'):
        line = start.split(b"\n", 1)[0]
        return b'","lane":"' in line and b'","outcome":"' in line
    torn = start.rstrip(b"\0")  # a power cut leaves NUL bytes where data should have come
    return _HEADER.startswith(torn) and all(
        not file.read_at(begin, 1 << 20).strip(b"\0")
        for begin in range(len(torn), file.length(), 1 << 20)
    )


def _sync_directory(directory: Path) -> None:
    """Make a new file's name durable, where the system can."""
    with contextlib.suppress(OSError):
        fd = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
