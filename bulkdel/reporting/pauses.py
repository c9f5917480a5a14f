"""Say in a line when a lane pauses, when it goes on, and when it stops: with cause and until when.

    LaneSnapshot ──each look──> Pauses ──> a line, or None

A pause of a moment is none: a lane asks a stray refusal again, and a long run has many. What a
window of a minute costs is none either; the bar counts it down.

Not here: that a lane has become slow (`slowdown`).
"""

from __future__ import annotations

import time
from typing import Final

from bulkdel.engine.snapshot import LaneSnapshot

PAUSE_S: Final = 2.0
"""A shorter pause is not worth a line."""
WAIT_S: Final = 60.0
"""Nor is a shorter wait for the next place: windows of a minute are usual."""


class Pauses:
    """The pauses of one lane."""

    def __init__(self) -> None:
        self._since_s: float | None = None
        self._told = False
        self._stopped = False

    def note(self, now_s: float, wall_s: float, lane: LaneSnapshot) -> str | None:
        """Take a look; return a line if something has begun or ended.

        Args:
            now_s: Seconds, only going forward.
            wall_s: Seconds since 1970, for people.
            lane: How the lane goes.
        """
        if lane.stop is not None:
            if self._stopped:
                return None
            self._stopped = True
            return f"{lane.lane} stopped: {lane.stop.message}"
        why = self._why(lane, wall_s)
        if why is None:
            since_s, self._since_s = self._since_s, None
            told, self._told = self._told, False
            if not told or since_s is None or lane.ended:
                return None
            return f"{lane.lane} goes on, after {now_s - since_s:,.0f} s"
        if self._since_s is None:
            self._since_s = now_s
        if self._told or now_s - self._since_s < PAUSE_S:
            return None
        self._told = True
        return f"{lane.lane} paused: {why}"

    def _why(self, lane: LaneSnapshot, wall_s: float) -> str | None:
        if lane.paused:
            return "by hand, until `bulkdel control LOG resume`"
        if lane.held_for is not None:
            again = f"; asks again at {_clock(wall_s + lane.asks_again_s)}"
            return lane.held_for + again * (lane.asks_again_s >= 1.0)
        if self._told and lane.next_place_s > 0.0:
            return "still"  # until the wait that was told is over
        if lane.next_place_s >= WAIT_S:
            return f"the provider asks to wait until {_clock(wall_s + lane.next_place_s)}"
        return None


def _clock(wall_s: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(wall_s))
