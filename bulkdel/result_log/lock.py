"""One process per result log: the log itself is locked, so it does not matter by which name.

    open the log ──> lock its inode ──> still at its path? ──> a note beside it: who writes it

What holds here, always:

1. A hard link, a symlink and another mount of a log are the same log: the lock is on the
   inode, and the system frees it when the process dies.
2. The note (``….lock``) is for people. Whether there is one decides nothing.
3. No link is followed for what is made here, and no file is emptied. A file is removed only
   if it is a note of ours, by its whole content.

A file system that has no locks is refused: a file made in their place would outlive a kill,
and nobody could tell whether its owner is alive.

Not here: what is in the log (`file`).
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bulkdel.errors import ConfigError, LogBusyError
from bulkdel.result_log.encode import utc

_NOTE: Final = re.compile(r"process \d+ on host [^\n]*\n")
_NOTE_BYTES_MAX: Final = 512

_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_BINARY: Final = getattr(os, "O_BINARY", 0)

_TRIES: Final = 3
_PAUSE_S: Final = 0.02
"""`holder` has the lock for some microseconds; a start meanwhile must not be refused for it."""


@contextmanager
def lock_log(log: Path, *, shown: Path) -> Iterator[int]:
    """Open ``log`` for appending, made if need be, and hold its lock.

    Yields its descriptor, which is closed at the end. A duplicate keeps the lock, too.

    Raises:
        LogBusyError: Another process holds it; the message names its pid and host.
        ConfigError: The log cannot be opened, or its file system has no locks.
    """
    fd = _open_locked(log, shown)
    note = log.with_name(log.name + ".lock")
    text = f"process {os.getpid()} on host {socket.gethostname()} since {utc(time.time())}\n"
    try:
        with contextlib.suppress(OSError):  # a full disk, a folder that may not be written
            _write_note(note, text)
        yield fd
    finally:
        with contextlib.suppress(OSError):
            if _read_note(note) == text:
                note.unlink()
        os.close(fd)


def holder(log: Path) -> str | None:
    """Return who writes ``log``, as ``process 1 on host a since …``, or None if nobody does.

    Neither the log nor who writes it is disturbed. A log that cannot be opened, or whose
    file system has no locks, is written by nobody.
    """
    try:
        fd = os.open(log, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | _BINARY)
    except OSError:
        return None
    try:
        if _try_lock(fd, shared=True):
            return None
    except OSError:
        return None
    finally:
        os.close(fd)
    return _owner(Path(os.path.realpath(log)))


def _open_locked(log: Path, shown: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | _NO_FOLLOW | _BINARY
    tries = 0
    while True:
        try:
            fd = os.open(log, flags, 0o666)
        except OSError as exc:
            raise ConfigError(f"log {shown}: it cannot be written: {exc.strerror}") from exc
        try:
            locked = _try_lock(fd)
        except OSError as exc:
            os.close(fd)
            raise ConfigError(
                f"log {shown}: its file system has no locks ({exc.strerror}), so a second process"
                " could write it unnoticed; put the log on another disk"
            ) from exc
        if locked and _is_still(fd, log):
            return fd
        os.close(fd)  # if it was locked, it was replaced between our steps: take the new one
        if not locked:
            tries += 1
            if tries == _TRIES:
                raise LogBusyError(
                    f"log {shown}: {_owner(log)} is writing it; wait for its end,"
                    " or name another --log"
                )
            time.sleep(_PAUSE_S)


def _is_still(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat(follow_symlinks=False))
    except OSError:
        return False


def _owner(log: Path) -> str:
    """Return who holds the lock of ``log``, as far as its note tells."""
    return (_read_note(log.with_name(log.name + ".lock")) or "another process").strip()


def _write_note(path: Path, text: str) -> None:
    """Write the note, unless there is a file that is none of ours."""
    if _read_note(path) is not None:
        path.unlink()  # of a process that died: we hold the lock
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _BINARY, 0o644)
    try:
        os.write(fd, text.encode("utf-8", "replace"))
    except OSError:
        path.unlink()
        raise
    finally:
        os.close(fd)


def _read_note(path: Path) -> str | None:
    """Return the text of a note; None if there is none, or the file is not provably one."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _NO_FOLLOW | _BINARY
    try:
        fd = os.open(path, flags)
    except OSError:
        return None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            return None
        text = os.read(fd, _NOTE_BYTES_MAX + 1).decode("utf-8", "replace")
    except OSError:
        return None
    finally:
        os.close(fd)
    return text if len(text) <= _NOTE_BYTES_MAX and _NOTE.fullmatch(text) else None


if sys.platform == "win32":
    import msvcrt

    def _try_lock(fd: int, *, shared: bool = False) -> bool:  # noqa: ARG001
        """Lock a file; False if another has it. OSError if its file system has no locks."""
        try:  # a byte far behind what others must be able to read
            os.lseek(fd, 1 << 62, os.SEEK_SET)
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

else:
    import fcntl

    def _try_lock(fd: int, *, shared: bool = False) -> bool:
        """Lock a file; False if another has it. OSError if its file system has no locks."""
        try:
            fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # NFS and SMB may say the latter
            return False
        return True
