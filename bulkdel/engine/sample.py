"""Keep some IDs of a lane to the last, evenly out of all that came: to look at when in doubt.

    block ──exchange──> block, with those given back ──> the queue
                └── kept: PLACES IDs, and the one that a look has shown

As long as they are still to do, one can look whether the endpoint sees objects, however long
others are gone. What is gone stands together, so they come from all parts of the input, not
from its first block alone: each block that comes takes its share of the places.

Not here: what is looked at beside them (`queue`), looking (`look`).
"""

from __future__ import annotations

import math
from typing import Final

PLACES: Final = 10
OF_IDS: Final = 40
"""One ID of so many is kept, until there are `PLACES`."""
BLOCK_MIN: Final = 200
"""Smaller blocks pass as they are: short input keeps its order."""
_GOLDEN: Final = (math.sqrt(5) - 1) / 2


class Sample:
    """The IDs that are kept."""

    def __init__(self) -> None:
        self._kept: list[str] = []
        self._shown: str | None = None
        self._came = 0
        self._due = 0.0
        self._place = 0.0

    def __bool__(self) -> bool:
        return self._shown is not None or bool(self._kept)

    def ids(self) -> list[str]:
        """Return them, the one that was shown first."""
        return [*([] if self._shown is None else [self._shown]), *self._kept]

    def exchange(self, ids: list[str]) -> list[str]:
        """Keep a block's share; return the rest, and at its end what gave up its place."""
        if len(ids) < BLOCK_MIN:
            return ids
        self._came += len(ids)
        self._due += PLACES * len(ids) / self._came
        places = min(PLACES, self._came // OF_IDS)
        wanted = min(max(int(self._due), places - len(self._kept)), len(ids) // OF_IDS)
        self._due = max(0.0, self._due - wanted) % 1.0
        step = len(ids) // (wanted + 1)
        kept = [ids.pop(step * number) for number in range(wanted, 0, -1)]
        while len(self._kept) + wanted > places:
            ids.append(self._kept.pop(self._somewhere()))
        self._kept += kept
        return ids

    def show(self, object_id: str) -> None:
        """Keep this one, which a look has shown to be there, before all others."""
        if self._shown is not None:
            self._kept.append(self._shown)
        self._shown = object_id

    def take(self) -> str | None:
        """Take one, the one that was shown last; None if none is left."""
        if self._kept:
            return self._kept.pop()
        taken, self._shown = self._shown, None
        return taken

    def drop(self, object_id: str) -> bool:
        """Take this one out; False if it is not kept."""
        if object_id == self._shown:
            self._shown = None
        elif object_id in self._kept:
            self._kept.remove(object_id)
        else:
            return False
        return True

    def clear(self) -> None:
        """Keep none."""
        self._kept.clear()
        self._shown = None

    def _somewhere(self) -> int:
        """Return a place: they follow the golden ratio, so that none is favoured."""
        self._place = math.modf(self._place + _GOLDEN)[0]
        return int(self._place * len(self._kept))
