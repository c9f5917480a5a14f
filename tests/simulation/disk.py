"""The log of a simulated process: a disk that fails or dies, and a reader of its own.

Not here: the engine's reader of logs, which this one checks.
"""

from __future__ import annotations

import errno
import json
import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from bulkdel.result_log.file import DiskLog
from bulkdel.result_log.rescue import LogDisturbedError, Rescued


class Dying(Protocol):
    """What a disk knows of its process.

    Attributes:
        killed: It is dead: what it writes has no effect.
        power_cut: It died with the power: what was not synced may be lost.
        last_breath: The share of one more group that still reaches the disk.
        disk_fails: The first call that fails, and how many do.
        disturbed: The call before which something else empties, cuts, moves, replaces or
            removes the log.
        dice: What chance decides by.
    """

    killed: bool
    power_cut: bool
    last_breath: float
    disk_fails: tuple[int, int]
    disturbed: float
    dice: random.Random


class SimulatedDisk:
    """The log on disk, as long as the process lives; with errors where the plan has them."""

    def __init__(self, file: DiskLog, path: Path, process: Dying) -> None:
        self.closed = False
        self.failed = False
        self.rescued: Path | None = None
        self.synced = self._began_at = file.size
        self._file = file
        self._path = path
        self._process = process
        self._calls = 0

    def write(self, data: bytes) -> None:
        """Append ``data``, or as much of it as the last breath allows."""
        if self._process.killed:
            if self._process.last_breath > 0:
                self._file.write(data[: int(self._process.last_breath * len(data))])
                self._process.last_breath = 0.0
            return
        self._fail_if_planned(errno.ENOSPC)
        if self._calls == self._process.disturbed:
            disturb(self._path, self._began_at, self._process.dice)
        try:
            self._file.write(data)
        except LogDisturbedError:
            self.failed = True
            raise

    def sync(self) -> None:
        """Note what would survive a power cut."""
        if not self._process.killed:
            self._fail_if_planned(errno.EIO)
            self.synced = self._file.size

    def rescue(self, pending: bytes) -> Rescued:
        """Save what is known, if the process can."""
        rescued = self._file.rescue(pending)
        self.rescued = rescued.path
        return rescued

    def close(self) -> None:
        """Close the file, if the process can."""
        if not self._process.killed:
            self.closed = True
            self._file.close()

    def cut_off(self) -> None:
        """Lose what was not synced, if the power went."""
        if self._process.killed and self._process.power_cut:
            kept = self._process.dice.randint(self.synced, self._file.size)
            self._file.cut(kept)
            self._file.write(b"\0" * self._process.dice.choice((0, 0, 700)))

    def _fail_if_planned(self, error: int) -> None:
        self._calls += 1
        first, count = self._process.disk_fails
        if first <= self._calls < first + count:
            self.failed = True
            raise OSError(error, os.strerror(error))


def disturb(log: Path, began_at: int, dice: random.Random) -> None:
    """Do to a log what must not be done while it is written.

    What was there before the process began is left: no process could save that.
    """
    size = log.stat().st_size
    match dice.choice(("empty", "cut", "move", "replace", "remove")):
        case "empty" if began_at < size:
            os.truncate(log, began_at)
        case "cut" if began_at < size:
            os.truncate(log, dice.randrange(began_at, size))
        case "move":
            log.rename(log.with_name("moved"))
        case "replace":
            copy = log.with_name("copy")
            copy.write_bytes(log.read_bytes())
            copy.rename(log)
        case _:
            log.unlink()


@dataclass(slots=True)
class LogSeen:
    """A log, read by nobody's code but this.

    Attributes:
        lines: Its whole lines, parsed.
        done: Lane and ID of what is never to be sent again.
        open_failed: Lane and ID of what failed and is to be tried again.
        unknown: Lane and ID of what may have been deleted, though no line says so.
    """

    lines: list[dict[str, Any]] = field(default_factory=list)
    done: set[tuple[str, str]] = field(default_factory=set)
    open_failed: set[tuple[str, str]] = field(default_factory=set)
    unknown: set[tuple[str, str]] = field(default_factory=set)

    @property
    def last_run(self) -> list[dict[str, Any]]:
        """The results since the last header."""
        starts = [place for place, line in enumerate(self.lines) if "run" in line]
        return [line for line in self.lines[starts[-1] if starts else 0 :] if "id" in line]


def read_log(path: Path, *, allow_gone: bool = False) -> LogSeen:
    """Read a log; a torn last line does not count.

    ``allow_gone`` says that what is gone in doubt is done.
    """
    seen = LogSeen()
    data = path.read_bytes() if path.exists() else b""
    for text in data.split(b"\n")[:-1]:
        line = json.loads(text.lstrip(b"\0"))
        seen.lines.append(line)
        if "unknown" in line:
            seen.unknown |= {(line["unknown"]["lane"], one) for one in line["unknown"]["ids"]}
        if "id" not in line or line["outcome"] == "invalid":
            continue
        key = (line["lane"], line["id"])
        if line.get("after_unknown", False):
            seen.unknown.add(key)
        elif line["outcome"] == "deleted":
            seen.unknown.discard(key)
        doubted = line.get("doubted", False) and not allow_gone
        again = doubted or (line["outcome"] == "failed" and line["retryable"])
        assert key not in seen.done, f"a second line after the end of {key}"
        seen.open_failed.discard(key)
        (seen.open_failed if again else seen.done).add(key)
    return seen
