"""The IDs of one lane that wait for another attempt. They hold no place in flight.

    put_back ──> ordered by when they are due ──> take
    keep_for_probe ──> the one ID that must be asked next ──> take, before all others
    take_other ──> the first one, while something is held against an ID that is not here

How many may wait is bounded: at the bound `is_full`, and the lane takes no fresh ID.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass

from bulkdel.retry import RetryBudget


@dataclass(slots=True, eq=False)
class Waiting:
    """An ID after its first attempt.

    Attributes:
        object_id: The ID.
        requests: Requests sent for it in this run.
        transients: Of those, answers that were server errors, or none at all.
        refusals: Of those, refusals.
        unknown: A request got no answer, or none that says whether it was carried out.
        troubled_s: When the first request was sent that went wrong; infinity before that.
        alone: It went wrong before a fresh ID, sent later, went well: it is no sign of an outage.
    """

    object_id: str
    requests: int = 1
    transients: int = 0
    refusals: int = 0
    unknown: bool = False
    troubled_s: float = math.inf
    alone: bool = False


class RetryQueue:
    """IDs between two attempts, and the retry budget they share.

    Args:
        size: How many may wait before it is full.
    """

    def __init__(self, size: int) -> None:
        self.budget = RetryBudget()
        self._size = size
        self._heap: list[tuple[float, int, Waiting]] = []
        self._probe: Waiting | None = None
        self._serial = 0

    def __len__(self) -> int:
        return len(self._heap) + (self._probe is not None)

    @property
    def is_full(self) -> bool:
        """Whether no fresh ID may be taken."""
        return len(self) >= self._size

    def resize(self, size: int) -> None:
        """Have room for so many; those that wait stay."""
        self._size = size

    def put_back(self, waiting: Waiting, due_s: float) -> None:
        """Keep an ID until ``due_s``."""
        self._serial += 1
        heapq.heappush(self._heap, (due_s, self._serial, waiting))

    def keep_for_probe(self, waiting: Waiting) -> None:
        """Keep the ID that must be asked before any other."""
        self._probe = waiting

    def take_probe(self) -> Waiting:
        """Take the ID that `keep_for_probe` was given, without a request for it.

        Raises:
            ValueError: There is none.
        """
        waiting, self._probe = self._probe, None
        if waiting is None:
            raise ValueError("no ID is kept")
        return waiting

    def take_other(self, now_s: float) -> Waiting | None:
        """Take the ID that is due first, if it is due, without regard to the budget."""
        if not self._heap or self._heap[0][0] > now_s:
            return None
        waiting = heapq.heappop(self._heap)[2]
        waiting.requests += 1
        return waiting

    def other_wait_s(self, now_s: float) -> float:
        """Return the seconds until `take_other` has one; infinity if none waits."""
        return max(0.0, self._heap[0][0] - now_s) if self._heap else math.inf

    def went_well(self, sent_s: float) -> None:
        """Note that an ID that was never sent before went well, its request sent at ``sent_s``."""
        for waiting in self.everyone():
            waiting.alone = waiting.alone or waiting.troubled_s < sent_s

    def last_due_s(self) -> float:
        """Return when the last of the IDs is due; a time long ago if none waits."""
        return max((due_s for due_s, _, _ in self._heap), default=-math.inf)

    def everyone(self) -> Iterator[Waiting]:
        """Return all that wait, in no order."""
        if self._probe is not None:
            yield self._probe
        for _, _, waiting in self._heap:
            yield waiting

    def take_all(self) -> list[Waiting]:
        """Take all that wait, without a request for them."""
        everyone = list(self.everyone())
        self._probe = None
        self._heap.clear()
        return everyone

    def wait_s(self, now_s: float) -> float:
        """Return 0.0 if an ID may be taken now, else seconds; infinity if none waits."""
        if self._probe is not None:
            return 0.0
        if not self._heap:
            return math.inf
        due_s, _, waiting = self._heap[0]
        budget_s = self.budget.wait_s(now_s) if waiting.requests else 0.0
        return max(0.0, due_s - now_s, budget_s)

    def take(self, now_s: float) -> Waiting:
        """Take the ID that is next, and count the request that it is taken for."""
        if self._probe is not None:
            waiting, self._probe = self._probe, None
        else:
            waiting = heapq.heappop(self._heap)[2]
            if waiting.requests:  # one that was held back is no retry
                self.budget.spend(now_s)
        waiting.requests += 1
        return waiting
