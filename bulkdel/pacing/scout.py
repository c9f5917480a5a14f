"""A provider that takes nothing for a while: ask with one request at a time.

When a window is used up, everything is refused until the next one begins. One request
at a time, the scout, finds out; the first one that is taken ends the pause. How long
the window was follows from when it opened and from what it took.

Not here: when to begin (`auto`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Final

from bulkdel.models import RETRY_AFTER_MAX_S

_FIRST_S: Final = 0.05
_GROWTH: Final = 1.25
_PART: Final = 0.04
_LONGEST_S: Final = 0.7
_SAFE: Final = 0.997
_DOUBT_SPEED: Final = 0.0015


class Scout:
    """One pause.

    Attributes:
        since_s: When it began.
        refused_sent_s: When the last refused scout was sent, or the pause began.
        sent_s: When the scout under way was sent, or None.
        late_accepted: Requests from before the pause that were taken after all.
    """

    __slots__ = (
        "_asked",
        "_due_s",
        "late_accepted",
        "refused_sent_s",
        "sent_s",
        "since_s",
        "told",
    )

    def __init__(self, now_s: float, retry_after_s: float | None, first_s: float) -> None:
        self.since_s = self.refused_sent_s = now_s
        self.sent_s: float | None = None
        self.late_accepted = 0
        self.told = retry_after_s is not None
        self._asked = 0
        self._due_s = now_s + _pause_s(retry_after_s, max(first_s, _FIRST_S))

    def wait_s(self, now_s: float, in_flight: int) -> float:
        """Return the seconds until the next scout; infinity while one is under way."""
        if self.sent_s is not None and in_flight:
            return inf
        return max(0.0, self._due_s - now_s)

    def is_answer_to(self, sent_s: float) -> bool:
        """Say whether an answer to a request sent at ``sent_s`` is the scout's."""
        return self.sent_s is not None and sent_s >= self.sent_s

    def asked_for(self, now_s: float, retry_after_s: float | None) -> None:
        """Note a refusal of a request from before the pause.

        The earliest end counts: each of them is rounded up.
        """
        if retry_after_s is not None:
            due_s = now_s + _pause_s(retry_after_s, 0.0)
            self._due_s = min(self._due_s, due_s) if self.told else due_s
            self.told = True

    def again(self, now_s: float, retry_after_s: float | None) -> None:
        """Note that the scout was refused, or that nobody knows."""
        sent_s = now_s if self.sent_s is None else self.sent_s
        self.refused_sent_s = sent_s
        self.sent_s = None
        self._asked += 1
        gap_s = max(_FIRST_S * _GROWTH**self._asked, _PART * (now_s - self.since_s))
        due_s = max(sent_s + min(gap_s, _LONGEST_S), now_s + _FIRST_S)
        if retry_after_s is not None:
            due_s = now_s + _pause_s(retry_after_s, 0.0)
        self._due_s = due_s


def _pause_s(retry_after_s: float | None, otherwise_s: float) -> float:
    return otherwise_s if retry_after_s is None else min(retry_after_s, RETRY_AFTER_MAX_S)


@dataclass(slots=True)
class Window:
    """The window that is running, as far as its beginning is known.

    Attributes:
        opened_s: When it began, on the clock of our sending.
        accepted: How many had been accepted before.
        length_s: Length of the last whole one, or None.
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

    def turn(self, scout: Scout, accepted: int) -> float | None:
        """Note that a new one began; return the rate that the last one allowed.

        It began between the last refused scout and the one that was taken. None if it
        was too short to tell a window from a bucket that had run empty.
        """
        sent_s = scout.sent_s if scout.sent_s is not None else scout.refused_sent_s
        opened_s = (scout.refused_sent_s + sent_s) / 2
        if scout.told:
            opened_s = max(opened_s, sent_s - 0.7)
        length_s, taken = opened_s - self.opened_s, accepted - self.accepted
        self.opened_s, self.accepted = opened_s, accepted
        if length_s < 4.0 or taken < 1:
            return None
        self.length_s, self.size = length_s, taken
        self.turns += 1
        return taken / length_s

    def plan(self, now_s: float) -> float:
        """Return the rate that uses the window up, then the one that uses the next ones up."""
        if self.length_s is None:
            return inf
        if self._planned_s != self.opened_s:
            self._planned_s = self.opened_s
            self.late_s = now_s - self.opened_s
        late_s = self.late_s if now_s < self.opened_s + self.length_s else 0.0
        rate = _SAFE * self.size / (self.length_s - late_s)
        if self.turns > 1:
            return rate
        # The first measure began with us, somewhere within a window: it may be low.
        return rate * (1.0 + _DOUBT_SPEED * (now_s - self.opened_s))
