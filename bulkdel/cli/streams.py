"""The standard files as they may be: closed, full, a pipe that nobody reads, a terminal that is gone.

What holds here, always:

1. No file that is opened later gets the number of a standard file: a log must not become stderr.
2. An error in writing to stdout is an `OutputError`, whoever wrote; what is written to stderr
   and cannot be is dropped.
3. After that error the interpreter's own flush at its end has nothing left that could fail.

Not here: what is written (`output`).
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bulkdel.errors import OutputError

if TYPE_CHECKING:
    from typing_extensions import Buffer  # in collections.abc from 3.12 on

_STDOUT_FD: Final = 1


class _Stdout(io.FileIO):
    """Standard output; its errors say that it was standard output."""

    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data) or 0
        except OSError as exc:
            raise OutputError(
                f"standard output cannot be written: {exc.strerror}",
                reader_gone=exc.errno == errno.EPIPE,
            ) from exc


class _ClosedStdout(io.RawIOBase):
    """In the place of a standard output that was closed when we were started."""

    def writable(self) -> bool:
        return True

    def write(self, _: Buffer, /) -> int:
        raise OutputError("standard output is closed")


def take_standard_files() -> None:
    """See to it that the standard files are there, and say what is wrong with them."""
    if os.name != "posix":  # a console of Windows is no file
        return
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    if sys.stderr is None:
        sys.stderr = _nowhere()
    raw = _ClosedStdout() if sys.stdout is None else _Stdout(_STDOUT_FD, "w", closefd=False)
    encoding = "utf-8"
    if sys.stdout is not None:
        encoding = sys.stdout.encoding
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=encoding,
        errors="backslashreplace",
        line_buffering=raw.isatty(),
    )


def flush_stdout() -> None:
    """Write what is left for stdout.

    Raises:
        OutputError: It cannot be written.
    """
    with contextlib.suppress(ValueError):  # closed
        sys.stdout.flush()


def drop_stdout() -> None:
    """Let stdout lead nowhere from now on: it cannot be written."""
    broken, sys.stdout = sys.stdout, _nowhere()
    if isinstance(broken, io.TextIOWrapper) and isinstance(broken.buffer, io.BufferedWriter):
        with contextlib.suppress(OutputError, OSError, ValueError):
            broken.buffer.raw.close()  # what is left must not be tried again


def drop_stderr() -> None:
    """Likewise stderr."""
    sys.stderr = _nowhere()


def _nowhere() -> io.TextIOWrapper:
    return Path(os.devnull).open("w", encoding="utf-8")
