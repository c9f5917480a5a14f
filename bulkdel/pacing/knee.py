"""A provider that never refuses but lets requests wait in line.

More in flight than it can serve only makes each answer slower. So the number in flight is
held at 1.6 times what fills it (rate x idle latency, Little's law): the line never runs
empty and stays short. The idle latency is measured anew every half minute, by letting
the line run out for two answers' time.

Not here: noticing refusals (`controller`); a provider that refuses has no line.
"""

from __future__ import annotations

from typing import Final

from bulkdel.pacing.meter import Latency

SLOWER: Final = 1.8
"""A median above this times the idle one is a line."""
OWN_S: Final = 0.01
"""What a busy process adds to an answer by itself: a line that is shorter than that is no
provider's, and costs nobody anything."""
_FILL: Final = 1.6
_SPARE: Final = 2.0
_LEAST: Final = 4.0
_FIRST_PROBE_S: Final = 20.0
_PROBE_EVERY_S: Final = 30.0
_NO_LINE: Final = 0.6


class Knee:
    """Whether there is a line, and how many may be in flight then.

    Attributes:
        active: There is a line.
    """

    __slots__ = ("_probe_s", "_slow_ticks", "active")

    def __init__(self) -> None:
        self.active = False
        self._slow_ticks = 0
        self._probe_s = 0.0

    def is_slow(self, latency: Latency, *, fresh: bool, ticks: int) -> bool:
        """Say whether answers have been slow for ``ticks`` ticks in a row."""
        if fresh:
            slow = latency.median_s > SLOWER * max(OWN_S, latency.base_s)
            self._slow_ticks = self._slow_ticks + 1 if slow else 0
        return self._slow_ticks >= ticks

    def begin(self, now_s: float) -> None:
        """Answers wait in line from now on."""
        self.active = True
        self._slow_ticks = 0
        self._probe_s = now_s + _FIRST_PROBE_S

    def is_none(self, now_s: float, rate: float, best: float) -> bool:
        """Say whether fewer in flight cost throughput: the answers just take longer now."""
        return rate < _NO_LINE * best and now_s < self._probe_s

    def cap(self, now_s: float, best: float, latency: Latency) -> float:
        """Return how many may be in flight."""
        fill = _FILL
        if now_s >= self._probe_s:
            fill = 1.0
            if now_s >= self._probe_s + 2 * latency.median_s:
                self._probe_s = now_s + _PROBE_EVERY_S
        return max(_LEAST, fill * best * max(OWN_S, latency.base_s) + _SPARE)
