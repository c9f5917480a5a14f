"""What can be saved of a log that was moved, removed, emptied or cut while it was written.

    what the open file still holds ──┐
    what was written last (`Recent`) ├──> a rescue file beside the log: a log that resumes
    what was not written yet       ──┘

A file that was moved or removed is reached as long as it is open: all of it is saved. Of
one that was emptied or cut, the newest `RECENT_BYTES_MAX` of this run are in memory. One that
does not begin as ours did is somebody else's by now: nothing is taken from it.

Not here: noticing it (`file`), and what is said of it (`writer`).
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

RECENT_BYTES_MAX: Final = 4 << 20
"""So much of what was written is kept in memory: some 25,000 results."""

BEGINNING_BYTES: Final = 4096
"""So much of the beginning of a log tells it from any other: the time of its first run is there."""

_STEP: Final = 1 << 20
_FILES_MAX: Final = 100
_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_BINARY: Final = getattr(os, "O_BINARY", 0)


class LogDisturbedError(OSError):
    """The log is not the file any more that was written, or not as long."""


@dataclass(frozen=True, slots=True)
class Rescued:
    """What was saved.

    Attributes:
        path: The rescue file.
        results: How many results of this run are in it.
        earlier_bytes_missing: What earlier runs had written and is in no file any more.
    """

    path: Path
    results: int
    earlier_bytes_missing: int


class Recent:
    """The newest groups that were written, within `RECENT_BYTES_MAX`, and how the file began.

    Args:
        start: Where this run begins in the file, in bytes.
        beginning: The first bytes of the file, `BEGINNING_BYTES` at most.

    Attributes:
        start: As given.
        at: Where the groups begin.
        beginning: As given; of a file that was empty, the first bytes of this run.
        header: The first line of the run, if it is its header.
    """

    def __init__(self, start: int, beginning: bytes) -> None:
        self.start = self.at = start
        self.beginning = beginning
        self.header = b""
        self._groups: deque[bytes] = deque()
        self._bytes = 0

    def add(self, group: bytes) -> None:
        """Take a group that was written; forget the oldest ones if there are too many."""
        if self.at + self._bytes == self.start and group.startswith(b'{"run":'):
            self.header = group[: group.find(b"\n") + 1]
        if not self.beginning:
            self.beginning = group[:BEGINNING_BYTES]
        self._groups.append(group)
        self._bytes += len(group)
        while self._bytes > RECENT_BYTES_MAX:
            oldest = self._groups.popleft()
            self._bytes -= len(oldest)
            self.at += len(oldest)

    def joined(self) -> bytes:
        """Return the groups as one."""
        return b"".join(self._groups)


def count_results(lines: bytes) -> int:
    """Return how many of some whole lines, as they are written by a run, are results."""
    return lines.startswith(b'{"id":') + lines.count(b'\n{"id":')


def rescue(fd: int, log: Path, recent: Recent, pending: bytes, *, whole: int) -> Rescued:
    """Write all that is still known into a new file beside ``log``.

    Args:
        fd: The open file of the log.
        log: Where it was.
        recent: What was written last.
        pending: What was not written yet: whole lines.
        whole: Where the last line end of the file is.

    Raises:
        OSError: No file can be made, neither beside the log nor in the temporary folder.
    """
    if not _is_ours(fd, recent.beginning, whole):
        whole = 0
    newest = recent.joined()
    both = newest[: max(0, whole - recent.at)]
    if both and os.pread(fd, len(both), recent.at) == both:
        newest = newest[len(both) :]
    lost_header = whole < recent.start + len(recent.header) <= recent.at
    rest = (recent.header if lost_header else b"") + newest + pending
    path = _write_new(log, fd, whole, rest)
    results = _count_results_between(fd, recent.start, whole) + count_results(rest)
    return Rescued(path, results, max(0, recent.start - whole))


def _is_ours(fd: int, beginning: bytes, whole: int) -> bool:
    """Say whether the file begins as it did: it may be as long and hold another log."""
    size = min(len(beginning), whole)
    return os.pread(fd, size, 0) == beginning[:size]


def _count_results_between(fd: int, start: int, end: int) -> int:
    count, rest = 0, b""
    for piece in _pieces(fd, start, end):
        lines = rest + piece
        cut = lines.rfind(b"\n") + 1
        count += count_results(lines[:cut])
        rest = lines[cut:]
    return count


def _pieces(fd: int, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        piece = os.pread(fd, min(_STEP, end - start), start)
        if not piece:
            return
        yield piece
        start += len(piece)


def _write_new(log: Path, fd: int, whole: int, rest: bytes) -> Path:
    """Write the file's first ``whole`` bytes and ``rest`` into a new file, and sync it."""
    error: OSError | None = None
    for folder in dict.fromkeys((log.parent, Path(tempfile.gettempdir()))):
        try:
            path, new = _open_new(folder, log.name, os.fstat(fd).st_mode & 0o777)
        except OSError as exc:  # the folder was moved away, too
            error = exc
            continue
        try:
            with open(new, "wb") as file:  # noqa: PTH123 - a descriptor
                file.writelines(_pieces(fd, 0, whole))
                file.write(rest)
                file.flush()
                os.fsync(new)
        except OSError as exc:
            error = exc
            with contextlib.suppress(OSError):
                path.unlink()
            continue
        return path
    raise error or OSError("no folder")


def _open_new(folder: Path, name: str, mode: int) -> tuple[Path, int]:
    """Make a file that was not there before; it is readable by nobody who could not read the log."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _BINARY
    for number in range(1, _FILES_MAX):
        path = folder / f"{name}.rescue{'' if number == 1 else f'-{number}'}"
        try:
            return path, os.open(path, flags, mode)
        except FileExistsError:
            continue
    raise FileExistsError(f"{_FILES_MAX} rescue files are there already")
