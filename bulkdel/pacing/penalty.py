"""A provider that takes nothing for a while because too much was refused before: a penalty.

    many refusals in seconds ──> a long pause ──> go on near the rate from before, more carefully
    few, or all at once      ──> a long pause ──> a window is used up (`window`)

Both look alike. If it was a window all the same, nothing is lost by going on as before: it is
used up sooner, and shows by holding as many as the last time.

Not here: how long a pause takes (`probe`), what the rate does (`controller`).
"""

from __future__ import annotations

from typing import Final

from bulkdel.pacing.meter import Meter

_SPAN_S: Final = 10.0
"""The seconds whose refusals a provider may have counted."""
_LEAST: Final = 20
"""So many refusals may be the reason of a pause. Where fewer came, it is a window: at half a per
cent that are less than 400 requests a second."""
_JUST_NOW_S: Final = 0.25
_ROUND_TRIPS: Final = 3.0
"""Where a window is used up, all that is in flight is refused: those count for nothing."""
_NEAR: Final = 0.1
_APART: Final = 0.25
_ODD: Final = 3
"""A window holds as many each time. The first is measured from somewhere in its middle, and it may
change; but where none of four is like the one before, there is no window."""
_CAUTION_MOST: Final = 8.0


class Penalty:
    """Whether pauses are penalties, and how careful that makes.

    Attributes:
        caution: By so much fewer refusals are aimed at: doubled by each penalty.
    """

    def __init__(self, meter: Meter) -> None:
        self.caution = 1.0
        self._meter = meter
        self._opened_refused = 0
        self._before = 0
        self._size = self._odd = 0

    def pausing(self, latency_s: float) -> None:
        """Note that a pause begins."""
        since_open = self._meter.refused_all - self._opened_refused
        just_now = self._meter.recent(max(_JUST_NOW_S, _ROUND_TRIPS * latency_s))[1]
        self._before = min(since_open, self._meter.recent(_SPAN_S)[1]) - just_now

    def reopened(self) -> None:
        """Note that it is over: refusals of its probes are no reason for the next one."""
        self._opened_refused = self._meter.refused_all

    def is_one(self, size: int) -> bool:
        """Say whether the pause that is over was one; ``size`` were taken since the last."""
        apart = abs(size - self._size) / size
        self._size = size
        self._odd = self._odd + 1 if apart > _APART else 0
        if apart < _NEAR or (self._before < _LEAST and self._odd < _ODD):
            return False
        self.caution = min(_CAUTION_MOST, 2.0 * self.caution)
        return True
