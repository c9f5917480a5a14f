"""How far it is with reading logs, said where that takes seconds: before the first request, for a report.

Not here: reading them (`engine.resume`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from bulkdel.cli.output import say
from bulkdel.reporting.words import duration

EVERY_S: Final = 2.0
_FIRST_S: Final = 1.0


class LogReading:
    """Says how far it is, every two seconds; call it with the bytes that were read.

    Args:
        paths: The logs.
        why: What they are read for.
        clock: Seconds, only going forward.
        tell: Says a line.
    """

    def __init__(
        self,
        paths: Iterable[Path],
        *,
        why: str = "to resume",
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[[str], None] = say,
    ) -> None:
        files = [path for path in paths if path.is_file()]
        self._total = sum(path.stat().st_size for path in files)
        self._name = str(files[-1]) if files else ""
        self._why = why
        self._clock = clock
        self._tell = tell
        self._began_s = clock()
        self._next_s = self._began_s + _FIRST_S

    def __call__(self, read_bytes: int) -> None:
        """Note that so much was read, of all of them together."""
        now_s = self._clock()
        if now_s < self._next_s or not self._total:
            return
        self._next_s = now_s + EVERY_S
        share = min(1.0, read_bytes / self._total)  # one that is compressed holds more
        left = (now_s - self._began_s) * (1 / share - 1) if share else 0.0
        words = f", about {duration(left)} left" if left >= 1 else ""
        self._tell(f"Reading {self._name} {self._why}: {100 * share:.0f} %{words}")
