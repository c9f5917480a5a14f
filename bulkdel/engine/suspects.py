"""IDs without an attempt left, while nobody knows whether it is they or an outage.

    add ──> held ──good──> given up: a request that left after their trouble began went well
                └─take_all──> sent again: it was an outage, or nothing is left that could tell

There are no more of them than were in flight: the next answers tell, or the guard holds the lane.

Not here: what is done with them (`settling`), what is an outage (`guards`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from bulkdel.engine.retry_queue import Waiting
from bulkdel.models import Answer, Verdict


class Suspect(NamedTuple):
    """An ID, and the last that was heard of it."""

    waiting: Waiting
    verdict: Verdict
    answer: Answer | None
    sent_s: float
    now_s: float


class Suspects:
    """The suspects of one lane."""

    def __init__(self) -> None:
        self.good_s = -math.inf
        """When the newest request left whose answer shows that the provider works."""
        self.held: list[Suspect] = []
        """The suspects."""

    def is_guilty(self, waiting: Waiting) -> bool:
        """Whether the provider has worked since the trouble of an ID began."""
        return self.good_s > waiting.troubled_s

    def add(self, suspect: Suspect) -> None:
        """Hold an ID until more is known."""
        self.held.append(suspect)

    def take_guilty(self) -> list[Suspect]:
        """Return those for whose trouble the provider is not to blame, and hold them no longer."""
        guilty = [each for each in self.held if self.is_guilty(each.waiting)]
        self.held = [each for each in self.held if not self.is_guilty(each.waiting)]
        return guilty

    def take_all(self) -> list[Suspect]:
        """Return all that are held, and hold them no longer."""
        held, self.held = self.held, []
        return held
