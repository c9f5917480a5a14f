"""How one lane is going at one instant: what progress, status lines and records read.

A snapshot is a value: whoever shows a run never reads the inside of a lane.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bulkdel.guards import Stop
from bulkdel.models import Counts
from bulkdel.pacing.estimate import LimitEstimate


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneSnapshot:
    """One lane at one instant.

    Attributes:
        lane: Its name.
        counts: What has happened to its IDs so far.
        in_flight: Requests that have no answer yet.
        waiting: IDs that wait for another attempt.
        waiting_s: Seconds until the last of them may be sent again.
        rate: Requests per second that the pace aims at; infinity when nothing binds.
        next_place_s: Seconds until the pace lets the next request go, about; the rest of a
            window that is used up.
        budget_left: Requests that are left of a quota of an hour or a day, or None.
        budget_renewed_s: Seconds until that is renewed.
        learned: What is known of the provider's limit, or None.
        held_for: Why the lane is held, in words, or None.
        asks_again_s: Seconds until it asks again whether that is over.
        ended: Nothing more will be sent.
        stop: Why it stopped early, or None.
        bound_s: Where its time has gone: seconds under each `Bound`.
        places: Most requests in flight that the user allows, or None on a cluster.
        paused: The user has paused it (`steering`).
        orders: How often the user has steered it.
    """

    lane: str
    counts: Counts
    in_flight: int
    waiting: int
    waiting_s: float
    rate: float
    next_place_s: float
    budget_left: int | None
    budget_renewed_s: float
    learned: LimitEstimate | None
    held_for: str | None
    asks_again_s: float
    ended: bool
    stop: Stop | None
    bound_s: Mapping[str, float]
    places: int | None = None
    paused: bool = False
    orders: int = 0

    @property
    def done(self) -> int:
        """IDs that need nothing more, by this run or an earlier one."""
        counts = self.counts
        return counts.ended + counts.skipped + counts.duplicates + counts.kept
