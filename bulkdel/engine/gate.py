"""Keep the user's own rate where requests are written, not only where IDs are taken.

    LaneWork.take ──ID──> connecting, perhaps for seconds ──WriteGate──> written

Connections that stall and then all stand at once would else write in one second what was taken in
ten. The pace has a place for every ID that is taken. So one that is written at once only counts
here; one that comes late waits for a place of its own, and so do all others for a while.

Not here: how fast (`pacing.fixed`). A pace that finds the limit has no gate: it steers by answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import anyio

from bulkdel.pacing.schedule import Schedule

_STRICT_S: Final = 1.0
"""After one that was late, nothing is written without a place: for the second that it counts in."""


class WriteGate:
    """The timetable of what one lane writes.

    Args:
        rate: Requests per second.
        clock: Seconds, only going forward.
    """

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self._schedule = Schedule(rate)
        self._clock = clock
        self._strict_until_s = 0.0

    def may_write(self, *, late: bool) -> bool:
        """Return whether a request may be written at this instant; if so it counts as written.

        ``late`` says that it is not just now that its ID was taken.
        """
        now_s = self._clock()
        if late:
            self._strict_until_s = now_s + _STRICT_S
        if now_s <= self._strict_until_s and self._schedule.wait_s(now_s) > 0.0:
            return False
        self._schedule.take(now_s)
        return True

    async def wait(self) -> None:
        """Wait until a request may be written, if no other is before."""
        await anyio.sleep(self._schedule.wait_s(self._clock()))
