"""Doubt "gone" until an object has been seen by a later request: answers in a row.

    gone ──hold──> held back ──seen: an object showed since──> believed
                       └──is_unlikely──> somebody must look, or the lane stops

An endpoint that sees no objects (the wrong account, an empty replica) answers "gone" to all.
Only an object that shows in a request that left later says that it is not so.

What is unlikely: by the runs of "gone" so far, this one would come with a chance of 1 in 100
or less in the whole run. The chance that a run goes on after another answer is Laplace's
``(went on + 1) / (went on + ended + 2)``. With nothing known, that makes a run of n as likely as
1/n, so the first hundred is doubted; where one in three is gone, a run of 100 never comes
by chance; where they are gone in blocks of a thousand, such runs are usual soon. Under
`GONE_MIN` nothing is doubted: a pause would cost more than it tells. From `GONE_MAX` on
everything is, which bounds what is held back, and what a killed run has to ask again.

Not here: looking (`engine.look`), what is held back and written (`engine.recorder`).
"""

from __future__ import annotations

import math
from typing import Final

GONE_MIN: Final = 100
GONE_MAX: Final = 1000
UNLIKELY: Final = 0.01


class GoneRun:
    """How many answers in a row say "gone", and whether that is to be believed.

    Args:
        deleted_before: Deletions that the log holds already. A killed run leaves objects
            that are deleted but not logged, those in flight and 20 ms of lines: so a resume
            that begins with "gone" has the patience of `GONE_MAX`.
        trusts: Believe everything.
    """

    def __init__(self, deleted_before: int = 0, *, trusts: bool = False) -> None:
        self.length = 0
        """Answers "gone" in a row, those apart that left before an object was seen."""
        self.is_proven = deleted_before > 0
        """Whether an object has been seen in this run, or by an earlier run of this log."""
        self._seen_s = math.inf if trusts else -math.inf
        self._min = GONE_MAX if deleted_before else GONE_MIN
        self._chance = 1.0
        self._went_on = 0
        self._ended = 0

    @property
    def is_unlikely(self) -> bool:
        """Whether so many in a row are not believed without a look."""
        if self.length < self._min:
            return False
        return self.length >= GONE_MAX or self._chance * (self._ended + 1) < UNLIKELY + 1e-9

    def believes(self, sent_s: float) -> bool:
        """Note an answer "gone" to a request that left at ``sent_s``; say if it is believed.

        It is if an object was seen by a request that left later.
        """
        if sent_s < self._seen_s:
            return True
        self.length += 1
        if self.length > 1:
            self._chance *= (self._went_on + 1) / (self._went_on + self._ended + 2)
            self._went_on += 1
        return False

    def seen(self, sent_s: float) -> None:
        """Note that a request that left at ``sent_s`` has shown an object."""
        self.is_proven = True
        self._min = GONE_MIN
        if sent_s > self._seen_s:
            self._seen_s = sent_s
        if self.length:
            self._ended += 1
            self.length = 0
            self._chance = 1.0
