"""What the answers of the last seconds say: rates delivered, shares refused, latency.

Answers are counted into slots of a tenth of a second, so an answer costs an addition
and no list of answers is kept. The caller adds to the public counters of the running
slot itself (a method call would cost more than all the rest) and calls `Meter.roll`
once ``end_s`` has passed.

Not here: what follows from the numbers (`controller`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from typing import Final

SLOT_S: Final = 0.1
_SLOTS: Final = 200
_TOTALS: Final = 4000
"""Totals kept, one per slot with answers: more than three minutes."""
_SPAN_REQUESTS: Final = 15.0
_SPAN_S: Final = 1.0
_SPAN_MAX_S: Final = 20.0
_BEST_S: Final = 10.0
_SAMPLES_MAX: Final = 48
_SAMPLES_MIN: Final = 8
_FLOOD_LEAST: Final = 5
_FLOOD_SHARE: Final = 0.15
_TROUBLE_SHARE: Final = 0.2
_Slot = tuple[int, int, int, int, int]


def most_above(rate: float, counts: Sequence[int]) -> float:
    """Return the most that the last of ``counts`` per slot hold above ``rate``."""
    most = running = 0.0
    for count in reversed(counts):
        running += count - rate * SLOT_S
        most = max(most, running)
    return most


def span_s(rate: float) -> float:
    """Return over how many seconds shares are taken: one, or what 15 requests take."""
    return min(_SPAN_MAX_S, max(_SPAN_S, _SPAN_REQUESTS / rate))


class Meter:
    """Counts per slot, of the last twenty seconds.

    Attributes:
        accepted: Accepted in the running slot; the caller adds to it.
        refused: Refused in the running slot; likewise.
        troubled: Troubled in the running slot; likewise.
        top: Most in flight at the sending of a request accepted in the running slot.
        flight: Sum of those in flight at the sending of the accepted ones.
        end_s: When the running slot ends.
    """

    __slots__ = (
        "_done",
        "_slots",
        "_start_s",
        "_times",
        "_totals",
        "accepted",
        "end_s",
        "flight",
        "refused",
        "top",
        "troubled",
    )

    def __init__(self) -> None:
        self._slots: deque[_Slot] = deque(maxlen=_SLOTS)
        self._done = [0, 0, 0]
        self._start_s = self.end_s = 0.0
        self._times: list[float] = []
        self._totals: list[int] = []
        self.accepted = self.refused = self.troubled = self.top = self.flight = 0

    def start(self, now_s: float) -> None:
        """Begin the first slot."""
        self._start_s, self.end_s = now_s, now_s + SLOT_S

    @property
    def accepted_all(self) -> int:
        """All accepted so far."""
        return self._done[0] + self.accepted

    @property
    def refused_all(self) -> int:
        """All refused so far."""
        return self._done[1] + self.refused

    def roll(self, now_s: float) -> None:
        """End the running slot, and those after it in which nothing happened."""
        self._slots.append((self.accepted, self.refused, self.troubled, self.top, self.flight))
        self._done[0] += self.accepted
        self._done[1] += self.refused
        self._done[2] += self.troubled
        if self.accepted:
            self._times.append(self.end_s)
            self._totals.append(self._done[0])
            if len(self._times) > _TOTALS:
                del self._times[: _TOTALS // 2], self._totals[: _TOTALS // 2]
        self.accepted = self.refused = self.troubled = self.top = self.flight = 0
        self._start_s = self.end_s
        empty = min(_SLOTS, int((now_s - self._start_s) / SLOT_S))
        self._slots.extend([(0, 0, 0, 0, 0)] * empty)
        self._start_s += SLOT_S * empty
        if now_s >= self._start_s + SLOT_S:  # longer than all that is kept
            self._start_s = now_s
        self.end_s = self._start_s + SLOT_S

    def accepted_at(self, at_s: float) -> int:
        """Return all that had been accepted by ``at_s``, as far back as is kept."""
        index = bisect_right(self._times, at_s + 1e-9)
        return self._totals[index - 1] if index else 0

    def _recent(self, window_s: float) -> list[_Slot]:
        return list(self._slots)[-max(1, round(window_s / SLOT_S)) :]

    def accept_rate(self, window_s: float) -> float:
        """Return accepted requests per second over the last whole slots."""
        slots = self._recent(window_s)
        return sum(s[0] for s in slots) / (SLOT_S * len(slots)) if slots else 0.0

    def recent(self, window_s: float) -> tuple[int, int, int]:
        """Return accepted, refused and troubled of the last seconds and the running slot."""
        slots = self._recent(window_s)
        return (
            self.accepted + sum(s[0] for s in slots),
            self.refused + sum(s[1] for s in slots),
            self.troubled + sum(s[2] for s in slots),
        )

    def top_in_flight(self, window_s: float) -> int:
        """Return the most in flight at the sending of a request accepted lately."""
        return max([self.top, *(s[3] for s in self._recent(window_s))])

    def counts(self) -> list[int]:
        """Return the accepted of each whole slot, the oldest first."""
        return [slot[0] for slot in self._slots]

    def mean_in_flight(self, window_s: float) -> float:
        """Return the mean in flight at the sending of the requests accepted lately."""
        slots = self._recent(window_s)
        accepted = self.accepted + sum(s[0] for s in slots)
        return (self.flight + sum(s[4] for s in slots)) / accepted if accepted else 0.0

    def is_flood(self, window_s: float) -> bool:
        """Say whether a large share of the last seconds was refused: the limit fell."""
        accepted, refused, _ = self.recent(window_s)
        return refused >= _FLOOD_LEAST and refused > _FLOOD_SHARE * (refused + accepted)

    def is_trouble(self) -> bool:
        """Say whether a large share of the last second failed otherwise."""
        accepted, _, troubled = self.recent(1.0)
        return troubled >= _FLOOD_LEAST and troubled > _TROUBLE_SHARE * (troubled + accepted)

    def best_rate(self) -> float:
        """Return the highest accept rate of one second within the last ten."""
        n = round(1.0 / SLOT_S)
        counts = [s[0] for s in self._recent(_BEST_S)]
        if len(counts) <= n:
            return sum(counts) / (SLOT_S * max(1, len(counts)))
        running = best = sum(counts[:n])
        for i in range(n, len(counts)):
            running += counts[i] - counts[i - n]
            best = max(best, running)
        return best / (SLOT_S * n)


class Latency:
    """The median time from request to answer, now and at its lowest.

    Attributes:
        samples: Times of the running tick; the caller appends while there are fewer
            than `samples_max`.
        median_s: Of the last tick that had enough samples.
        base_s: The lowest such median of the last minute: what an idle provider takes.
    """

    __slots__ = ("_medians", "base_s", "median_s", "samples")

    samples_max: Final = _SAMPLES_MAX
    KEEP_S: Final = 60.0

    def __init__(self) -> None:
        self.samples: list[float] = []
        self._medians: deque[tuple[float, float]] = deque()
        self.median_s = self.base_s = 0.1

    def expect(self, median_s: float) -> None:
        """Take the median of an earlier run until there is one of this."""
        self.median_s = self.base_s = median_s

    def tick(self, now_s: float) -> bool:
        """Take the samples into account; return whether there were enough for a median."""
        enough = len(self.samples) >= _SAMPLES_MIN
        if not enough and (self._medians or not self.samples):
            return False
        self.median_s = sorted(self.samples)[len(self.samples) // 2]
        self.samples.clear()
        if not enough:
            self.base_s = self.median_s
            return False
        self._medians.append((now_s, self.median_s))
        while self._medians[0][0] < now_s - self.KEEP_S:
            self._medians.popleft()
        self.base_s = min(median_s for _, median_s in self._medians)
        return True

    def reset(self) -> None:
        """Forget the lowest: it takes longer now, and not because of us."""
        self._medians.clear()
        self.samples.clear()
        self.base_s = self.median_s
