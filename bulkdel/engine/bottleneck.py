"""Where a lane's time goes: what it was that kept it from sending, second by second.

At any instant one thing binds. The lane notes it whenever that changes, so the shares add
up to the time of the run. `explain` reads them from the pace records of the log.
"""

from __future__ import annotations

import math
from enum import StrEnum


class Bound(StrEnum):
    """What keeps a lane from sending more."""

    BUSY = "busy"
    """Nothing but its own places in flight, or our own CPU."""
    RATE = "rate"
    """The pace: the provider's limit, or the user's own rate."""
    CONCURRENCY = "concurrency"
    """The in-flight cap that the pace has found."""
    PAUSE = "pause"
    """The provider refuses for a time, or asked to wait."""
    HELD = "held"
    """The provider seems to be down, or must show first that it is asked rightly."""
    RETRY = "retry"
    """Only IDs are left that wait for another attempt."""
    INPUT = "input"
    """The source gives no IDs."""
    USER = "user"
    """The user has paused it (`steering`)."""
    LOG = "log"
    """The disk of the log, or the caller who takes the results."""


class Ledger:
    """Seconds spent under each bound."""

    def __init__(self) -> None:
        self._seconds = dict.fromkeys(Bound, 0.0)
        self._bound = Bound.INPUT
        self._since_s: float | None = None

    def note(self, bound: Bound, now_s: float) -> None:
        """Say that ``bound`` binds from now on."""
        if self._since_s is not None:
            self._seconds[self._bound] += now_s - self._since_s
        self._bound = bound
        self._since_s = now_s

    def seconds(self, now_s: float) -> dict[str, float]:
        """Return the seconds under each bound up to now, those that are not zero."""
        self.note(self._bound, now_s)
        return {b.value: round(s, 3) for b, s in self._seconds.items() if s >= 0.0005}


def bound_by_pace(wait_s: float, rate: float) -> Bound:
    """Say what a pace that asks to wait is bound by: a pause is longer than its own step."""
    if wait_s == math.inf:
        return Bound.CONCURRENCY
    return Bound.RATE if wait_s <= 1.5 / rate + 0.05 else Bound.PAUSE
