"""The one queue of a lane: blocks of IDs that are read and not yet taken.

    source of one lane ────────put──────> LaneQueue ──take──> the lane
    source of several lanes ──> Spill ──put──┘

A few blocks fit into it; then `put` waits, and so does the reading of that source. A source
that mixes lanes must not wait for the slowest of them: `spill` keeps what does not fit.

IDs are taken one by one without an `await`: no queue operation is paid per ID.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Final

import anyio

from bulkdel.engine.sample import Sample

_GOLDEN: Final = (math.sqrt(5) - 1) / 2
BLOCKS_MAX: Final = 4
"""Blocks in memory per lane. Sources make blocks of at most 20,000 IDs."""


class LaneQueue:
    """The IDs of one lane, between its sources and its workers."""

    def __init__(self) -> None:
        self.wake: Callable[[], None] = _nothing
        """Called when IDs have come, or none will."""
        self._blocks: deque[list[str]] = deque()
        self._taking: list[str] = []
        self._kept = Sample()
        self._room = anyio.Event()
        self._closed = False
        self._apart = 0.0
        self.abandoned = False
        """Whether the lane has stopped: what is put in is dropped, and still to do."""

    @property
    def has_room(self) -> bool:
        """Whether `put` would not wait."""
        return self.abandoned or len(self._blocks) < BLOCKS_MAX

    @property
    def is_empty(self) -> bool:
        """Whether no ID is in memory. More may come, unless it `has_ended`."""
        return not (self._taking or self._blocks or self._kept)

    @property
    def has_ended(self) -> bool:
        """Whether no ID is left and none will come."""
        return self._closed and self.is_empty

    def take(self) -> str | None:
        """Take the next ID, or None if none is in memory."""
        if not self._taking:
            if not self._blocks:
                return self._kept.take()
            self._taking = self._blocks.popleft()
            self._taking.reverse()
            self._room.set()
        return self._taking.pop()

    def take_apart(self) -> str | None:
        """Take an ID that stands apart from those taken before, or None if none is in memory.

        What fails together often stands together. The places follow the golden ratio, whose
        multiples stand as far apart as may be, however many there are.
        """
        parts = [part for part in (self._taking, *self._blocks) if part]
        if not parts:
            return self.take()
        self._apart = math.modf(self._apart + _GOLDEN)[0]
        place = int(self._apart * sum(map(len, parts)))
        for part in parts:
            if place < len(part):
                taken = part.pop(place)
                self._forget_empty()
                return taken
            place -= len(part)
        return self.take()

    def some(self, most: int) -> list[str]:
        """Return some of the IDs that are in memory: those kept to the last, then others.

        The others stand evenly apart, the last one first: what is gone often stands together.
        """
        kept = self._kept.ids()[:most]
        others = most - len(kept)
        parts = [self._taking, *self._blocks]
        size = sum(map(len, parts))
        step = max(1.0, size / max(1, others))
        places = [int(number * step) for number in range(min(others, size))]
        found, before = list[str](), 0
        for part in parts:
            found += [part[place - before] for place in places if 0 <= place - before < len(part)]
            before += len(part)
        return [*kept, *reversed(found)]

    def drop(self, object_id: str) -> bool:
        """Take one ID out, wherever it stands; False if it is not in memory."""
        for part in (self._taking, *self._blocks):
            if object_id in part:
                part.remove(object_id)
                self._forget_empty()
                return True
        return self._kept.drop(object_id)

    def keep(self, object_id: str) -> None:
        """Keep an ID that a look has shown to be there to the last, if it is still in memory."""
        if self.drop(object_id):
            self._kept.show(object_id)

    def _forget_empty(self) -> None:
        """Forget the blocks that hold nothing any more: their room is free."""
        if not all(self._blocks):
            self._blocks = deque(block for block in self._blocks if block)
            self._room.set()

    async def put(self, ids: list[str]) -> None:
        """Add IDs, when there is room."""
        while not self.has_room:
            if self._room.is_set():
                self._room = anyio.Event()
            await self._room.wait()
        if ids and not self.abandoned:
            self._blocks.append(self._kept.exchange(list(ids)))
            self.wake()

    def close(self) -> None:
        """Say that no more IDs will be added."""
        self._closed = True
        self.wake()

    def abandon(self) -> None:
        """Say that no more IDs will be taken, so that no source waits for it."""
        self.abandoned = True
        self._blocks.clear()
        self._kept.clear()
        self._taking.clear()
        self._room.set()


def _nothing() -> None:
    pass
