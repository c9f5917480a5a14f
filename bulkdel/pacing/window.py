"""A limit that is counted over a long time: so many requests in so many seconds.

When a window is used up, everything is refused until the next one begins (`probe` finds out
when). What was taken from one beginning to the next, divided by the time, is the limit: exact
for a log that slides, and for fixed windows from the second on.

What holds here, always:

1. A window is a guess that refusals confirm: one where there should be room, or so much more
   taken than it holds, and it is forgotten.
2. While it is known, no span of its length is planned to hold more than its size.

Not here: what the rate does with it (`controller`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Final

from bulkdel.pacing.meter import Meter

_SAFE: Final = 0.997
"""The share of a window that is planned to be used: the rest is for requests that overtake
one another at its edge."""
_DOUBT_SPEED: Final = 0.0015
"""So much faster per second while a window was measured once only: it may be half of one."""
_SHORTEST_S: Final = 3.0
"""Shorter, and a window cannot be told from a bucket that had run empty."""
_MEMORY_PAUSES: Final = 10.0
"""A window is at most so many times as long as the pause that showed it: a pause is what is
left of a window when it is used up, and a ramp uses up the longest ones within a tenth."""
_FULL: Final = 0.9
"""A refusal while less than this share was taken contradicts the guess."""
_SPENT: Final = 0.97
"""From this share on it counts as used up: two refusals in a row are its end, not six."""
_BEYOND: Final = 1.05
_BEYOND_LEAST: Final = 5
"""So much more than its size, and so many, is more than a measure may err."""


@dataclass(slots=True)
class Window:
    """The window that is running, as far as it is known: a guess until refusals confirm it.

    Attributes:
        opened_s: When it began, on the clock of our sending.
        accepted: How many had been accepted before.
        length_s: Length of the last whole one, or None while there is no such guess.
        size: Requests that it held.
        turns: How often it was seen to begin.
        late_s: How much of it was over when the first rate was planned.
    """

    opened_s: float
    accepted: int
    length_s: float | None = None
    size: int = 0
    turns: int = 0
    late_s: float = 0.0
    _planned_s: float = -1.0

    def expect(self, length_s: float, rate: float) -> None:
        """Take length and size from an earlier run; when it began is not known."""
        self.length_s, self.size = length_s, round(rate * length_s)
        self.turns = 2

    def begin(self, now_s: float) -> None:
        """Note the first request: as far as we know, a window begins."""
        self.opened_s = self._planned_s = now_s

    def forget(self) -> None:
        """Drop the guess: refusals or the lack of them speak against it."""
        self.length_s, self.turns = None, 0

    @property
    def rate(self) -> float:
        """The requests per second that it gives; 0.0 while it is not known."""
        return self.size / self.length_s if self.length_s else 0.0

    @property
    def ends_s(self) -> float:
        """When it ends, or minus infinity."""
        return self.opened_s + self.length_s if self.length_s else -inf

    def turn(self, opened_s: float, pause_s: float, meter: Meter, *, spent: bool) -> float | None:
        """Note that a new one began at ``opened_s``; return the rate that the last one allowed.

        Args:
            opened_s: When it began, about.
            pause_s: How long nothing had been taken by then.
            meter: What was taken; the last one was the first of the new window.
            spent: The pause came where the window was known to be used up.

        Returns:
            None if it was too short to tell a window from a bucket that had run empty.
        """
        accepted = meter.accepted_all - 1
        length_s, taken = opened_s - self.opened_s, accepted - self.accepted
        most_s = _MEMORY_PAUSES * pause_s
        if length_s > most_s and not spent:
            length_s, taken = most_s, accepted - meter.accepted_at(opened_s - most_s)
        self.opened_s, self.accepted = opened_s, accepted
        if length_s < _SHORTEST_S or taken < 1:
            return None
        self.length_s, self.size = length_s, taken
        self.turns += 1
        return taken / length_s

    def taken(self, now_s: float, accepted: int, meter: Meter) -> int:
        """Return what was taken of the running one: since it began, or in its length."""
        if self.length_s and now_s > self.opened_s + self.length_s:
            return accepted - meter.accepted_at(now_s - self.length_s)
        return accepted - self.accepted

    def room(self, now_s: float, accepted: int, meter: Meter) -> float:
        """Return how many may be taken now if any span of its length holds ``size``."""
        if not self.length_s:
            return inf
        return self.size - (accepted - meter.accepted_at(now_s - self.length_s))

    def is_spent(self, now_s: float, accepted: int, meter: Meter, soon: float = 0.0) -> bool:
        """Say whether it is used up as it was the last time, if ``soon`` more are taken."""
        if not self.length_s:
            return False
        return self.taken(now_s, accepted, meter) + soon >= _SPENT * self.size

    def is_first(self, now_s: float) -> bool:
        """Say whether the one that was seen to begin is still running."""
        return now_s < self.ends_s

    def is_exceeded(self, now_s: float, accepted: int) -> bool:
        """Say whether more was taken of it than it can hold."""
        if not self.is_first(now_s):
            return False
        return accepted - self.accepted > _BEYOND * self.size + _BEYOND_LEAST

    def speaks_against(self, now_s: float, accepted: int, meter: Meter) -> bool:
        """Say whether a refusal now contradicts it: there should have been room, or less of it."""
        room = self.room(now_s, accepted, meter)
        return room > (1.0 - _FULL) * self.size or (
            not self.is_first(now_s) and room < (1.0 - _BEYOND) * self.size
        )

    def plan(self, now_s: float) -> float:
        """Return the rate that uses the window up, then the one that uses the next ones up."""
        if self.length_s is None:
            return inf
        if self._planned_s != self.opened_s:
            self._planned_s = self.opened_s
            self.late_s = now_s - self.opened_s
        late_s = self.late_s if now_s < self.opened_s + self.length_s else 0.0
        rate = _SAFE * self.size / max(0.1 * self.length_s, self.length_s - late_s)
        if self.turns > 1:
            return rate
        # The first measure began with us, somewhere within a window: it may be low.
        return rate * (1.0 + _DOUBT_SPEED * (now_s - self.opened_s))
