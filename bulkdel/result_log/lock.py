"""One process per result log: a lock beside it that names its owner and dies with it."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bulkdel.errors import ConfigError, LogBusyError


@contextmanager
def lock_log(log: Path, *, shown: Path) -> Iterator[None]:
    """Hold the lock of ``log``; the system frees it if the process dies.

    Raises:
        LogBusyError: Another process holds it; the message names its pid and host.
        ConfigError: The lock file cannot be made.
    """
    path = log.with_name(log.name + ".lock")
    while True:
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as exc:
            raise ConfigError(f"log {shown}: {path} cannot be made: {exc.strerror}") from exc
        if not _try_lock(fd):
            owner = os.pread(fd, 256, 0).decode("utf-8", "replace").strip() or "another process"
            os.close(fd)
            raise LogBusyError(
                f"log {shown}: {owner} is writing it; wait for its end, or name another --log"
            )
        if _is_still(fd, path):
            break
        os.close(fd)  # its owner removed it between our two steps; take the new one
    try:
        with contextlib.suppress(OSError):  # a full disk; the name is only for people
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"process {os.getpid()} on host {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(fd)


def _is_still(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except OSError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _try_lock(fd: int) -> bool:
        try:  # a byte far behind the owner's name, which others must be able to read
            os.lseek(fd, 1 << 20, os.SEEK_SET)
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
