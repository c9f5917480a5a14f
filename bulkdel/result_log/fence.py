"""One writer of a job's log, or of a part's, also where locks cannot be trusted: by epochs.

    take over ──> make the log of the next epoch (nobody else can make the same file)
              ──> every later write looks first: is there a higher epoch? then it writes no more

What holds here, always:

1. Two writers never write one file: it is made by its writer, and only if it was not there.
2. A writer looks before a write, once in `LOOK_S` at most. So one that was cut off or stopped for
   longer than that, and was replaced meanwhile, writes nothing more.

What remains possible: a writer that has looked less than `LOOK_S` ago, or to whom a shared file system
shows an old listing (NFS keeps one for up to a minute), writes into its own, older log after
another has taken over. Its lines are true: its requests were sent and answered. Readers take
the lines of all epochs, the newer ones last. The IDs of lines that it did not write are asked
for again by the new writer, as after a kill. That it sends nothing more is the broker's work:
what it may send runs out in a second (`cluster.broker`).
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from bulkdel.errors import ConfigError, LogBusyError
from bulkdel.result_log.file import DiskLog, LogFile, open_disk_log
from bulkdel.result_log.folder import (
    epoch_logs,
    holder_of,
    is_folder,
    is_job,
    is_part,
    log_path,
    run_logs,
)
from bulkdel.result_log.lock import lock_log
from bulkdel.result_log.rescue import Rescued

LOOK_S: Final = 1.0
_TRIES: Final = 20


class LogFencedError(OSError):
    """Another writer has taken over what this log is of."""


class FencedLog:
    """A log of an epoch, for as long as there is no higher one.

    Args:
        folder: Of the job or of the part.
        epoch: Of the log.
        file: The log.
        clock: Seconds, only going forward.
    """

    def __init__(
        self,
        folder: Path,
        epoch: int,
        file: LogFile,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.epoch = epoch
        self._folder = folder
        self._file = file
        self._clock = clock
        self._looked_s = -LOOK_S
        self._fenced = False

    def fence(self) -> None:
        """Write nothing more: somebody has heard that another has taken over."""
        self._fenced = True

    def write(self, data: bytes) -> None:
        """Append all of ``data``, or nothing.

        Raises:
            LogFencedError: There is a higher epoch.
            OSError: The disk refuses.
        """
        now_s = self._clock()
        if now_s - self._looked_s >= LOOK_S:
            self._fenced = self._fenced or is_fenced(self._folder, self.epoch)
            self._looked_s = now_s
        if self._fenced:
            raise LogFencedError(
                errno.ESTALE, "another process has taken over this job, or this part of it"
            )
        self._file.write(data)

    def sync(self) -> None:
        """Force what was written to the disk."""
        self._file.sync()

    def rescue(self, pending: bytes) -> Rescued:
        """Write what is known into another file."""
        return self._file.rescue(pending)

    def close(self) -> None:
        """Close it."""
        self._file.close()


def is_fenced(folder: Path, epoch: int) -> bool:
    """Say whether there is a log that the writer of ``epoch`` has to give way to.

    A part gives way to a higher epoch of its own and to a later command, which may have taken the
    same number at the same instant; a command to a later one.
    """
    if is_part(folder):
        return any(
            log.epoch > epoch or (log.is_run and log.epoch == epoch) for log in epoch_logs(folder)
        )
    # Each second: the folders of the parts, which may be thousands on a slow disk, say nothing.
    return any(log.epoch > epoch for log in run_logs(folder))


@contextmanager
def open_epoch_log(
    folder: Path, clock: Callable[[], float] = time.monotonic
) -> Iterator[tuple[FencedLog, int]]:
    """Take over a job or a part: make the log of its next epoch.

    Yields the log, and 0: a new one has no torn line.

    Raises:
        LogBusyError: Another process works the job, as far as its lock tells.
        ConfigError: The log cannot be made.
    """
    folder = Path(os.path.realpath(folder))
    if is_job(folder) and (who := holder_of(folder)) is not None:
        raise LogBusyError(
            f"log {folder}: {who} works this job; wait for its end, or name another --log"
        )
    for _ in range(_TRIES):
        epoch = max((log.epoch for log in epoch_logs(folder)), default=0) + 1
        path = log_path(folder, epoch)
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            continue
        except OSError as exc:
            raise ConfigError(f"log {path}: it cannot be written: {exc.strerror}") from exc
        os.close(fd)
        with _opened(path) as file:
            yield FencedLog(folder, epoch, file, clock), 0
        return
    raise LogBusyError(f"log {folder}: other processes take it over again and again")


@contextmanager
def _opened(path: Path) -> Iterator[DiskLog]:
    """Open a log that was just made. The lock tells others who writes it; nothing depends on it."""
    with contextlib.ExitStack() as closing:
        try:
            fd = os.dup(closing.enter_context(lock_log(path, shown=path)))
        except (ConfigError, LogBusyError):  # a file system without locks
            fd = os.open(path, os.O_RDWR | os.O_APPEND)
        file = DiskLog(path, fd)
        closing.callback(file.close)
        yield file


def open_log(path: Path) -> AbstractContextManager[tuple[LogFile, int]]:
    """Open a log for writing: a file, or the next one of a folder that counts as one.

    Raises:
        LogBusyError: Another process writes this log.
        ConfigError: It cannot be written, or is no result log.
    """
    return open_epoch_log(path) if is_folder(path) else open_disk_log(path)
