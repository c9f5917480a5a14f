"""Is it one ID alone, or would it hit every ID? Others are asked before a lane stops.

    accused: one ID whose answer would hit every ID, twice; or the first ten, which all failed
       ├── another ID goes well ──────────────> what is accused fails alone, the lane goes on
       ├── `OTHERS_MAX` others do no better ──> the lane stops
       └── no other ID is left ───────────────> an ID that this run has deleted is asked for again,
                                                if there is one: it must be gone

A firewall that dislikes one ID, a route that is decoded differently, an object of another owner:
each answers 401, 403, 404 or a redirect, as a revoked key or a wrong address does. Only another ID
tells them apart. Where many fail alone, one by one, the lane stops after all (`AloneBudget`):
each costs a pause, and so many are more likely something that a person should see.

Not here: which ID is asked (`engine.lane`), what is done with the accused (`engine.settling`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bulkdel.guards.stop import Stop, StopCause

OTHERS_MAX: Final = 5
"""Other IDs that are asked. Where one ID in twenty fails alone, five more do so by chance three times
in ten million."""
ALONE_MIN: Final = 100
ALONE_SHARE: Final = 0.01
"""IDs of a lane that may fail alone in one run: so many at least, or that share of those ended."""
NAMED_MAX: Final = 5
"""Of those, how many a message names."""


@dataclass(slots=True)
class Accusation:
    """What would stop a lane, if other IDs fare no better.

    Attributes:
        cause: Why the lane would stop.
        what: The same in words, with the provider's.
        advice: What to do then.
        object_id: The ID, or None where several are accused.
        others: Other IDs that did no better so far.
    """

    cause: StopCause
    what: str
    advice: str
    object_id: str | None
    others: int = 0

    def stop(self, lane: str) -> Stop:
        """Return the stop that it leads to."""
        told = []
        if self.object_id is not None:
            told.append(f"for {self.object_id}, asked twice")
        if self.others:
            told.append(f"{self.others} other ID{'s' * (self.others > 1)} fared no better")
        message = "; ".join([self.what, *told])
        return Stop(cause=self.cause, lane=lane, message=message, advice=self.advice)


class AloneBudget:
    """How many IDs may fail alone before that is a reason to stop."""

    def __init__(self) -> None:
        self._count = 0
        self._named: list[str] = []

    def note(self, object_id: str) -> None:
        """Count an ID that failed alone."""
        self._count += 1
        if len(self._named) < NAMED_MAX:
            self._named.append(object_id)

    def stop(self, accusation: Accusation, lane: str, ended: int) -> Stop | None:
        """Return a stop if no further ID may fail alone; ``ended`` is how many IDs have ended."""
        if self._count < max(ALONE_MIN, ALONE_SHARE * ended):
            return None
        message = (
            f"{accusation.what}; so it was for {self._count:,} single IDs"
            f" (among them {', '.join(self._named)}), too many to go on"
        )
        return Stop(
            cause=accusation.cause,
            lane=lane,
            message=message,
            advice="See `bulkdel failed LOG` for all of them; the same command goes on with the others",
        )
