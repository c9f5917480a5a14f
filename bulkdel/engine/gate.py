"""Keep what the user ordered where requests are written, not only where IDs are taken.

    LaneWork.take ──ID──> connecting, perhaps for seconds ──WriteGate──> written
                                                               └─ a pause, or the end ──> put back

Connections that stall and then all stand at once would else write in one second what was taken in
ten, or in the middle of a pause. The pace has a place for every ID that is taken. So one that is written
at once only counts here; one that comes late waits for a place of its own, and so do all others for a while.

What holds here, always:

1. While the lane is paused nothing is written, and after its end nothing that is late.
2. Of the late ones no more than the rate are written: the user's own, or the ceiling of `auto`.

Not here: how fast (`pacing.fixed`). A pace that finds the limit steers by answers: until somebody steers
the lane, it has no gate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import anyio

from bulkdel.errors import HeldBackError
from bulkdel.pacing.schedule import Schedule

_STRICT_S: Final = 1.0
"""After one that was late, nothing is written without a place: for the second that it counts in."""


class WriteGate:
    """The timetable of what one lane writes.

    Args:
        rate: Requests per second; None for no bound.
        clock: Seconds, only going forward.
    """

    def __init__(self, rate: float | None, clock: Callable[[], float]) -> None:
        self._schedule = None if rate is None else Schedule(rate)
        self._clock = clock
        self._strict_until_s = 0.0
        self._is_held = self._is_closed = False
        self._changed: anyio.Event | None = None

    def set_rate(self, rate: float | None) -> None:
        """Go on at another rate, from the last place on: also for those that wait."""
        if rate is None:
            self._schedule = None
        elif self._schedule is None:
            self._schedule = Schedule(rate)
        else:
            self._schedule.set_rate(rate)
        self._wake()

    def hold(self, *, held: bool) -> None:
        """Let nothing be written, or let it go on."""
        self._is_held = held
        self._wake()

    def close(self) -> None:
        """Let nothing be written any more that is late: the lane ends."""
        self._is_closed = True
        self._wake()

    def may_write(self, *, late: bool) -> bool:
        """Return whether a request may be written at this instant; if so it counts as written.

        ``late`` says that it is not just now that its ID was taken.
        """
        if self._is_held or (self._is_closed and late):
            return False
        now_s = self._clock()
        if late:
            self._strict_until_s = now_s + _STRICT_S
        if self._schedule is None:
            return True
        if now_s <= self._strict_until_s and self._schedule.wait_s(now_s) > 0.0:
            return False
        self._schedule.take(now_s)
        return True

    async def wait(self) -> None:
        """Wait until a request may be written, if no other is before.

        Raises:
            HeldBackError: The lane is paused, or ends.
        """
        if not self._is_shut:
            wait_s = 0.0 if self._schedule is None else self._schedule.wait_s(self._clock())
            if self._changed is None:
                self._changed = anyio.Event()
            with anyio.move_on_after(wait_s):
                await self._changed.wait()
        if self._is_shut:
            raise HeldBackError("it was taken, but not sent: the lane is paused, or ends")

    @property
    def _is_shut(self) -> bool:
        return self._is_held or self._is_closed

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None
