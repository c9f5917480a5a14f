"""Notice that a lane goes at under half of what it once did, and say why.

    two minutes of a lane ──> rate over them, what bound it in them ──> a warning, or None

A job of four hours that has become one of three weeks looks like any other on a bar. The
rate is a mean over two minutes, so a window of a minute that is used up in its first seconds
is no slowdown, nor is the burst at the start of a run a height to fall from.

Not here: where the time of a whole run went (`explain`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final, NamedTuple

from bulkdel.engine.bottleneck import Bound
from bulkdel.engine.snapshot import LaneSnapshot
from bulkdel.models import Counts

OVER_S: Final = 120.0
"""The rate is the mean over so many seconds: two windows of a minute."""
EVERY_S: Final = 5.0
"""A sample so often is enough for that."""
SLOW: Final = 0.5
"""Below this share of the highest rate so far it is worth a warning."""
AGAIN: Final = 0.75
"""Above this share it has recovered, and may warn another time."""
SHARED: Final = 0.05
"""A pace that is alone at a limit is refused less than this; see `explain`."""

_REASONS: Final = {
    Bound.RATE: "the provider's limit is lower now",
    Bound.PAUSE: "the provider refuses everything for long times",
    Bound.HELD: "the provider was down for a part of it",
    Bound.CONCURRENCY: "answers take longer than before",
    Bound.BUSY: "answers take longer than before, or this machine has no time",
    Bound.LOG: "the disk of the log is slow",
    Bound.INPUT: "the source gives IDs slowly",
}
"""Of `Bound.RETRY` nothing is said: it is the end of a run."""


class _Sample(NamedTuple):
    at_s: float
    ended: int
    requests: int
    refused: int
    bound_s: dict[str, float]


class Slowdown:
    """The last two minutes of one lane, and the best two minutes so far."""

    def __init__(self, began_s: float) -> None:
        self._orders = 0
        self._begin(began_s, counts=Counts(), bound_s={})

    def _begin(self, now_s: float, *, counts: Counts, bound_s: Mapping[str, float]) -> None:
        self._samples = deque(
            [_Sample(now_s, counts.ended, counts.requests, counts.refused, dict(bound_s))]
        )
        self._best = 0.0
        self._warned = False

    def note(self, now_s: float, lane: LaneSnapshot) -> str | None:
        """Add a sample; return a warning if it has become slow, once until it recovers."""
        if now_s - self._samples[-1].at_s < EVERY_S:
            return None
        if lane.orders != self._orders:  # slow by the user's own hand: begin anew
            self._orders = lane.orders
            self._begin(now_s, counts=lane.counts, bound_s=lane.bound_s)
        counts = lane.counts
        newest = _Sample(now_s, counts.ended, counts.requests, counts.refused, dict(lane.bound_s))
        self._samples.append(newest)
        while len(self._samples) > 2 and self._samples[1].at_s <= now_s - OVER_S:
            self._samples.popleft()
        oldest = self._samples[0]
        if now_s - oldest.at_s < OVER_S:
            return None
        rate = (newest.ended - oldest.ended) / (now_s - oldest.at_s)
        self._best = max(self._best, rate)
        if rate > AGAIN * self._best:
            self._warned = False
        if self._warned or rate >= SLOW * self._best:
            return None
        reason = _reason(oldest, newest, lane)
        self._warned = reason is not None
        if reason is None:
            return None
        return (
            f"{lane.lane}: {rate:,.3g}/s in the last two minutes,"
            f" {self._best:,.3g}/s before: {reason}"
        )


def _reason(oldest: _Sample, newest: _Sample, lane: LaneSnapshot) -> str | None:
    """Return the likely reason: what bound it longest meanwhile, with what else is known."""
    if lane.held_for is not None:
        return lane.held_for
    spent = {
        bound: newest.bound_s.get(bound.value, 0.0) - oldest.bound_s.get(bound.value, 0.0)
        for bound in Bound
    }
    most = max(spent, key=lambda bound: spent[bound])
    reason = _REASONS.get(most)
    refused, requests = newest.refused - oldest.refused, newest.requests - oldest.requests
    if reason is None or most not in (Bound.RATE, Bound.PAUSE):
        return reason
    if lane.learned is not None:
        reason += f" ({lane.learned.describe()})"
    if refused > SHARED * requests:
        reason += f"; {100 * refused // requests} % refused: does something else use the account?"
    return reason
