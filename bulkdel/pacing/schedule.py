"""A send schedule: one request every ``1 / rate`` seconds, anchored to a timetable.

The next place is counted from the last *place*, not from the last request: a timer
that fires late loses nothing (``max(next, now)`` alone loses the lateness every time;
measured, 1,000/s become 860/s). What is caught up is bounded, so a stall of seconds is
not followed by a burst.

How much: in any second at most ``peak(rate)`` requests start. A window of one second
holds the places of ``1 + catch_up_s`` seconds, so ``catch_up_s`` follows from it.

Not here: how the rate is chosen (`fixed`, `controller`), and the waiting (`runner`).
"""

from __future__ import annotations

import math
from math import floor
from typing import Final

_EXTRA_SHARE: Final = 0.02
"""What may start in one second above the rate; at least one request."""
_NOW_S: Final = 1e-9
"""Times closer than this are the same: sums of ``1 / rate`` are not exact."""


def peak(rate: float) -> int:
    """Return how many requests may start in any window of one second.

    ``rate`` + 2 %, or + 1 where that is more. A broken rate below 50 may go 2 % above
    that + 1: 20.99 could otherwise not catch up a timer that is 1 ms late.
    """
    extra = _EXTRA_SHARE * rate
    if rate == floor(rate):
        return floor(rate + max(1.0, extra))
    return floor(rate + 1.0 + extra)


def catch_up_s(rate: float) -> float:
    """Return how far behind its timetable a schedule may run and still catch up."""
    return (peak(rate) - rate) / rate


class Schedule:
    """The timetable of one lane.

    Attributes:
        rate: Requests per second.
        lost_s: Time that was never caught up, in all: no request was there, or the
            process was too busy. While it grows, the schedule is not what binds.
    """

    __slots__ = ("_catch_up_s", "_gap_s", "_held_until_s", "_next_s", "lost_s", "rate")

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.lost_s = 0.0
        self._gap_s = 1.0 / rate
        self._catch_up_s = catch_up_s(rate)
        self._next_s: float | None = None
        self._held_until_s = -math.inf

    def set_rate(self, rate: float, catch_up: float | None = None) -> None:
        """Go on at another rate, from the last place on."""
        if self._next_s is not None:  # a hold is no gap between two places
            later_s = 1.0 / rate - self._gap_s
            self._next_s = max(self._next_s + later_s, self._held_until_s)
        self.rate = rate
        self._gap_s = 1.0 / rate
        self._catch_up_s = catch_up_s(rate) if catch_up is None else catch_up

    def wait_s(self, now_s: float) -> float:
        """Return the seconds until the next place, 0.0 if it is now or was before."""
        if self._next_s is None:
            return 0.0
        wait_s = self._next_s - now_s
        return wait_s if wait_s > _NOW_S else 0.0

    def take(self, now_s: float) -> None:
        """Use the next place."""
        next_s = self._next_s
        earliest_s = now_s - self._catch_up_s
        if next_s is None:
            next_s = now_s
        elif next_s < earliest_s:
            self.lost_s += earliest_s - next_s
            next_s = earliest_s
        self._next_s = next_s + self._gap_s

    def hold(self, until_s: float, *, at_any_rate: bool = False) -> None:
        """Have no place before ``until_s``; what was missed is not caught up.

        ``at_any_rate`` says that another rate changes nothing about it.
        """
        if at_any_rate:
            self._held_until_s = max(self._held_until_s, until_s)
        if self._next_s is None or self._next_s < until_s:
            self._next_s = until_s
