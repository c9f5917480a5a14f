"""A worker's side of one lane: a pace that sends when the broker said so, and remembers what came.

    broker ──Lease──> LeasedPace ──may I send?──> the lane ──answers──> LeasedPace ──Report──> broker

What holds here, always:

1. A request is sent at one slot of a lease, never before its time, and not later than the lease
   allows. So whoever hears nothing of the broker stops sending by itself.
2. Nothing waits or reads a clock.

The broker's clock is another machine's. Every call tells how far apart the two are at most:
the broker answered between the call and its return. The latest that is possible counts, so that
no slot is used too early (`ClockOffset`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Mapping
from math import inf
from typing import Final

from bulkdel.cluster.messages import Lease, Report, Sent
from bulkdel.guards import DeleteBudget
from bulkdel.models import Verdict
from bulkdel.pacing.estimate import LimitEstimate

_DRIFT: Final = 1e-4
"""Seconds per second that two clocks may drift apart: five times what is usual."""
_NOW_S: Final = 1e-6
"""Times closer than this are the same: the difference of two clocks is not exact."""
_HEADER_WORDS: Final = ("ratelimit", "retry-after")
"""In the names of the header fields that tell of a quota (`pacing.headers`)."""


class ClockOffset:
    """How much later a worker's clock is than the broker's, at most: add it to a time of the broker.

    Attributes:
        most_s: Never too little, and too much by no more than the quickest answer took.
    """

    def __init__(self) -> None:
        self.most_s = inf
        self._at_s = 0.0

    def note(self, broker_s: float, back_s: float) -> None:
        """Note that an answer of ``broker_s`` was here at ``back_s``."""
        drifted_s = self.most_s + _DRIFT * (back_s - self._at_s)
        self.most_s = min(drifted_s, back_s - broker_s)
        self._at_s = back_s

    def forget(self) -> None:
        """Begin anew: another broker has another clock."""
        self.most_s = inf


class LeasedDeletes(DeleteBudget):
    """A budget of deletions that the broker lends, some places at a time.

    Args:
        most: Most deletions of the whole job, or None for no limit.
    """

    def __init__(self, most: int | None) -> None:
        super().__init__(most)
        self.lent = 0
        """Places that were lent so far, in all."""
        self._lacks = False
        if most is not None:
            self._most = 0

    @property
    def spent(self) -> bool:
        """Never: only the broker knows."""
        return False

    @property
    def has_place(self) -> bool:
        """Whether one more request may be sent now; if not, more places are asked for."""
        if super().has_place:
            return True
        self._lacks = True
        return False

    def take_lack(self) -> bool:
        """Say whether a place was missing since this was asked last."""
        lacks, self._lacks = self._lacks, False
        return lacks

    def lend(self, places: int) -> None:
        """Note how many places it has, in all."""
        if not self.unlimited and places > self.lent:
            self.lent = self._most = places
            self.changed()


class LeasedPace:
    """The pace of one lane of a worker.

    Args:
        offset: Between the two clocks.
        learned: What an earlier run found of the limit.
    """

    def __init__(self, offset: ClockOffset, learned: LimitEstimate | None = None) -> None:
        self.rate = 0.0
        self.on_news: Callable[[], None] = _nothing
        """Called when the broker should hear of something at once: a refusal."""
        self._offset = offset
        self._learned = learned
        self._places = 0
        self._late_s = 0.0
        self._slots: deque[float] = deque()
        self._granted_s = -inf
        self._grants: tuple[list[float], list[float]] = ([], [])
        self._reset()

    def _reset(self) -> None:
        self.accepted_sent: list[Sent] = []
        self.refused_sent: list[tuple[Sent, Verdict]] = []
        self.troubled_sent: list[Sent] = []
        self.headers: Mapping[str, str] = {}
        self.used = self.expired = 0
        self.capped = False

    # -- the broker -------------------------------------------------------------------

    def take(self, lease: Lease, granted_s: float) -> None:
        """Take a lease that was given at ``granted_s``."""
        self._places, self.rate, self._late_s = lease.places, lease.rate, lease.late_s
        self._learned = lease.learned or self._learned
        self._slots.extend(lease.slots)
        self._granted_s = granted_s

    def lose(self) -> None:
        """Forget all permissions: another broker gives them now."""
        self._slots.clear()
        self._places = 0

    def report(self, now_s: float) -> Report:
        """Return what has come since the last report, and forget it: it is told once."""
        self.drop_late(now_s)
        report = Report(
            accepted=self.accepted_sent,
            refused=self.refused_sent,
            troubled=self.troubled_sent,
            used=self.used,
            expired=self.expired,
            capped=self.capped,
            headers=self.quota_headers(),
        )
        self._reset()
        return report

    def drop_late(self, now_s: float) -> None:
        """Let go of the slots that are too late."""
        slots, latest_s = self._slots, now_s - self._offset.most_s - self._late_s
        while slots and slots[0] < latest_s - 1e-9:
            slots.popleft()
            self.expired += 1

    # -- the protocol of a pace -------------------------------------------------------

    @property
    def places(self) -> int:
        """Most requests in flight that the lease allows."""
        return self._places

    @property
    def budget(self) -> None:
        """None: the broker reads the headers."""

    def learned(self) -> LimitEstimate | None:
        """Return what the broker knows of the limit."""
        return self._learned

    def wait_s(self, now_s: float, in_flight: int) -> float:
        """Return the seconds until the next slot; infinity before another lease or answer."""
        self.drop_late(now_s)
        if not self._slots:
            return inf
        wait_s = self._slots[0] + self._offset.most_s - now_s
        if wait_s > _NOW_S:
            return wait_s
        if in_flight >= self._places:
            self.capped = True
            return inf
        return 0.0

    def sent(self, now_s: float, in_flight: int) -> None:  # noqa: ARG002  # the protocol's
        """Use the next slot."""
        self._slots.popleft()
        self.used += 1
        sent, granted = self._grants
        if not granted or granted[-1] != self._granted_s:
            sent.append(now_s)
            granted.append(self._granted_s)
            if len(sent) > 1000:  # more leases than any answer is late
                del sent[:500], granted[:500]

    def accepted(
        self,
        now_s: float,  # noqa: ARG002  # the protocol's
        sent_s: float,
        in_flight: int,
        headers: Mapping[str, str],
    ) -> None:
        """Remember an answer that was no refusal and no trouble."""
        self.accepted_sent.append(self._sent(sent_s, in_flight))
        self.headers = headers

    def refused(
        self,
        now_s: float,  # noqa: ARG002  # the protocol's
        sent_s: float,
        in_flight: int,
        verdict: Verdict,
        headers: Mapping[str, str],
    ) -> None:
        """Remember a refusal."""
        self.refused_sent.append((self._sent(sent_s, in_flight), verdict))
        self.headers = headers
        self.on_news()

    def troubled(self, now_s: float, sent_s: float, in_flight: int) -> None:  # noqa: ARG002
        """Remember a server error, or that no answer came."""
        self.troubled_sent.append(self._sent(sent_s, in_flight))

    def quota_headers(self) -> dict[str, str]:
        """Return the fields of the newest answer that may tell of a quota."""
        return {
            name.lower(): value
            for name, value in self.headers.items()
            if any(word in name.lower() for word in _HEADER_WORDS)
        }

    def _sent(self, sent_s: float, in_flight: int) -> Sent:
        """Return a request as the broker knows it: in its time, and when it was granted."""
        sent, granted = self._grants
        place = bisect_right(sent, sent_s) - 1
        granted_s = granted[place] if place >= 0 else -inf
        return sent_s - self._offset.most_s, granted_s, in_flight


def _nothing() -> None:
    pass
