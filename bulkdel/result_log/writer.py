"""Write the result log: the only evidence of what was deleted.

    lane ──append──> lines in memory ──every 20 ms──> one write ──> sync, by durability

* Append only, one JSON object a line; written in groups by one writer in a thread.
* A group is on disk whole or not at all: if a write fails half-way, the file is cut back.
* A line that a crash cut in two is removed when the log is opened again.
* One process per log: the log is locked (`lock`), and the lock dies with the process.
* When a write fails, for whatever reason, `ResultLog.error` is set and the run stops sending.
  What is known by then stays in memory and is tried once more at the end.
* When the log was moved, emptied or cut under the run, what is known goes into a rescue
  file at the end, which the message names.

Not here: what is saved then (`rescue`), reading a log (`reader`), what is done already (`index`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import anyio

from bulkdel.blocking import InThread, in_thread
from bulkdel.errors import ResultLogError
from bulkdel.models import Result
from bulkdel.result_log.encode import result_line
from bulkdel.result_log.file import LogFile
from bulkdel.result_log.rescue import LogDisturbedError, Rescued, count_results
from bulkdel.settings import Durability
from bulkdel.utf8 import json_bytes

GROUP_S: Final = 0.02
"""Seconds between two groups. A kill loses at most what came in that time; a group of
200 lines and its sync took 0.34 ms, so the disk is not what bounds a run."""
SYNC_S: Final = 1.0
"""Seconds between two syncs with `Durability.NORMAL`."""
LINES_MAX: Final = 20_000
"""Lines in memory at which the lanes take no further ID."""

_DISTURBED_ADVICE: Final = (
    "Find out what moved or emptied it (logrotate? a clean-up?); then put the rescue file in its"
    " place, or name it as --log, and start again: it resumes"
)


class ResultLog:
    """Takes results at once, and writes them in groups.

    Args:
        file: Where the lines go.
        durability: When they are forced to the disk.
        run_blocking: Runs file work; in a thread by default.
        on_error: Called once when a write has failed.
    """

    def __init__(
        self,
        file: LogFile,
        *,
        durability: Durability = Durability.NORMAL,
        run_blocking: InThread = in_thread,
        on_error: Callable[[ResultLogError], None] | None = None,
    ) -> None:
        self.error: ResultLogError | None = None
        """Why the log cannot be written, once that has happened."""
        self.on_room: Callable[[], None] = _nothing
        """Called when there is room again."""
        self.on_error = on_error
        self._file = file
        self._durability = durability
        self._run_blocking = run_blocking
        self._lines: list[bytes] = []
        self._writing = 0
        self._some = anyio.Event()
        self._unsynced = 0
        self._doubtful = 0
        self._synced_s = 0.0
        self._cause = ""
        self._is_disturbed = False
        self._rescued: Rescued | None = None
        self._missing = 0
        self._lines_written = 0
        self._records = 0

    @property
    def has_room(self) -> bool:
        """Whether more results may be made: the log is sound and not far behind."""
        return self.error is None and len(self._lines) + self._writing < LINES_MAX

    @property
    def lines_unwritten(self) -> int:
        """Lines that are not in the file yet."""
        return len(self._lines) + self._writing

    def append(self, result: Result) -> None:
        """Take one result. It is written with the next group."""
        self.append_line(result_line(result))

    def append_line(self, line: bytes) -> None:
        """Take one result as its line."""
        self._lines.append(line)
        if not self._some.is_set():
            self._some.set()

    def append_record(self, name: str, value: object, *, at: str | None = None) -> None:
        """Take one record that is no result, like ``{"run": …}``; ``at`` is its time, beside it."""
        self._records += 1
        record = {name: value} if at is None else {name: value, "at": at}
        self.append_line(json_bytes(record) + b"\n")

    async def run(self) -> None:
        """Write groups until cancelled or until a write fails. Run it in a task group.

        It does not raise when a write fails: `error` says what went wrong, and nothing
        further is written until `close` tries once more.
        """
        while self.error is None:
            with anyio.move_on_after(self._until_sync_s()):  # what was written is not left unsynced
                await self._some.wait()
            await self._write_group()
            await anyio.sleep(GROUP_S)

    async def close(self) -> None:
        """Write the rest, sync it, and close the file.

        Raises:
            ResultLogError: Now or earlier the log could not be written; the message says
                how much of what is known is not on disk.
        """
        with anyio.CancelScope(shield=True):
            await self._write_group(last=True)
            try:
                if self._is_disturbed:
                    await self._rescue()
                await self._run_blocking(self._file.close)
            except Exception as exc:  # noqa: BLE001 - whatever it is, `_say` counts what is lost
                self._fail(exc)
        if self.error is not None:
            self.error = self._say()  # what is known may be on disk by now
            raise self.error

    async def _write_group(self, *, last: bool = False) -> None:
        lines, self._lines = self._lines, []
        self._some = anyio.Event()
        self._writing = len(lines)
        try:
            with anyio.CancelScope(shield=True):
                if lines:
                    await self._run_blocking(self._file.write, b"".join(lines))
                    self._is_disturbed = False
                    self._lines_written += len(lines)
                    if self._durability is not Durability.OFF:
                        self._unsynced += len(lines)
                lines = []
                if self._is_sync_due(last=last):
                    await self._sync()
        except BaseException as exc:
            self._lines = lines + self._lines
            if not isinstance(exc, Exception):
                raise
            self._fail(exc)
        finally:
            was_full = not self.has_room  # with what came while the disk was slow
            self._writing = 0
        if was_full and self.has_room:
            self.on_room()

    async def _rescue(self) -> None:
        """Write what is known into a rescue file."""
        pending = b"".join(self._lines)
        try:
            rescued = await self._run_blocking(self._file.rescue, pending)
        except Exception as exc:  # noqa: BLE001 - as in `close`
            self._cause += (
                f"; no rescue file can be written: {_reason(exc)}; what was in the log"
                " is only where it was moved to, if it was"
            )
        else:
            results = self._lines_written + len(self._lines) - self._records
            self._rescued, self._missing = rescued, max(0, results - rescued.results)
            self._lines = []
            self._doubtful = self._unsynced = 0

    async def _sync(self) -> None:
        """Force what was written to the disk.

        Once that has failed, a later sync proves nothing for the same lines: Linux marks
        their pages as clean and leaves them out of it.
        """
        unsynced, self._unsynced = self._unsynced, 0
        try:
            await self._run_blocking(self._file.sync)
        except BaseException:
            self._doubtful += unsynced
            raise
        self._synced_s = anyio.current_time()

    def _until_sync_s(self) -> float:
        if not self._unsynced:
            return math.inf
        return max(0.0, self._synced_s + SYNC_S - anyio.current_time())

    def _is_sync_due(self, *, last: bool) -> bool:
        if not self._unsynced:
            return False
        if last or self._durability is Durability.FULL:
            return True
        return anyio.current_time() - self._synced_s >= SYNC_S

    def _fail(self, exc: Exception) -> None:
        first = self.error is None
        self._is_disturbed = self._is_disturbed or isinstance(exc, LogDisturbedError)
        self._cause = f"the result log cannot be written: {_reason(exc)}"
        self.error = self._say()
        if first and self.on_error is not None:
            self.on_error(self.error)

    def _say(self) -> ResultLogError:
        """Return what went wrong, and what is not on disk at this moment."""
        if self._rescued is not None:
            return self._say_rescued(self._rescued)
        lost = sum(map(count_results, self._lines))
        parts = []
        if lost:
            parts.append(f"{lost:,} results are not on disk: their IDs will be sent again")
        doubtful = self._doubtful + self._unsynced
        if doubtful:
            parts.append(f"{doubtful:,} lines were written but may not survive a power cut")
        if not parts:
            parts.append("what is known by now is on disk after all")
        return self._error(parts, lost)

    def _say_rescued(self, rescued: Rescued) -> ResultLogError:
        parts = [f"what is known by now is in {rescued.path}"]
        if self._missing:
            parts.append(
                f"{self._missing:,} results of this run are in no file any more: their IDs will"
                " be sent again"
            )
        if rescued.earlier_bytes_missing:
            parts.append(f"so are {rescued.earlier_bytes_missing:,} bytes of earlier runs")
        return self._error(parts, self._missing)

    def _error(self, parts: list[str], lost: int) -> ResultLogError:
        message = "; ".join([self._cause, *parts])
        if self._is_disturbed:
            return ResultLogError(message, lines_lost=lost, advice=_DISTURBED_ADVICE)
        return ResultLogError(message, lines_lost=lost)


def _reason(exc: Exception) -> str:
    """Return what went wrong, in the system's words if it is an error of the system."""
    if isinstance(exc, OSError):
        return exc.strerror or str(exc)
    return ": ".join(filter(None, [type(exc).__name__, str(exc)]))


def _nothing(*_: Any) -> None:
    pass
