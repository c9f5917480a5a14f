"""The two limits of a lane: how many requests start per second, how many are in flight."""

from __future__ import annotations

from math import inf
from typing import Final

from bulkdel.pacing.schedule import Schedule

RATE_MIN: Final = 0.05
"""Slowest rate, one in 20 s: Fireworks allows an account without a card 10 a minute."""
_LATE_S: Final = 0.005
"""Timers fire up to this late; so much is caught up, or one request if that is more."""


class Limits:
    """Rate and places in flight, kept within the user's bounds.

    Attributes:
        schedule: The timetable at ``rate``.
        rate: Requests per second.
        cap: Requests in flight, with the broken part that has built up.
        places: The same as a whole number: what counts.
    """

    __slots__ = ("_cap_max", "_rate_max", "cap", "places", "rate", "schedule")

    def __init__(self, rate: float, *, rate_max: float | None, concurrency: int) -> None:
        self._rate_max = inf if rate_max is None else rate_max
        self._cap_max = float(concurrency)
        self.rate = min(rate, self._rate_max)
        self.schedule = Schedule(self.rate)
        self.set_rate(self.rate)
        self.cap = self._cap_max
        self.places = concurrency

    def set_rate(self, rate: float) -> None:
        """Set the rate, within its bounds."""
        self.rate = max(min(RATE_MIN, self._rate_max), min(rate, self._rate_max))
        self.schedule.set_rate(self.rate, max(1.0 / self.rate, _LATE_S))

    def set_cap(self, cap: float) -> None:
        """Set the places in flight, within its bounds."""
        self.cap = max(1.0, min(cap, self._cap_max))
        self.places = int(self.cap)

    @property
    def is_open(self) -> bool:
        """Whether as many may be in flight as the user allows."""
        return self.cap >= self._cap_max

    def open(self) -> None:
        """Let as many be in flight as the user allows."""
        self.set_cap(self._cap_max)
