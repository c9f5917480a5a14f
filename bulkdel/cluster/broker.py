"""One lane's limit, shared by many workers: a pace, and leases of what it permits.

    workers ──what came back──> LaneBroker ──> the lane's pace (`pacing`)
       ^                            │ slots: when one request may be sent
       └────────── a lease ─────────┘ places: how many may be in flight

The pace is the class that a single machine has. Permissions are slots of its timetable, a short
time ahead; whoever calls next gets all that are due until the next call. So an idle worker, which
asks for none, leaves its share to the others with its very next call.

What holds here, always:

1. No slot is given twice, and none is usable `LEASE_MAX_S` after it was given: then a worker that
   hears nothing sends nothing. A broker that starts anew gives nothing for so long.
2. The places of all workers are together at most ``concurrency``, and at most those of the pace
   where it allows each worker one.
3. Until one worker has seen that the endpoint works, only one has leases: a wrong key gets one ID.
4. Nothing waits or reads a clock: the time is an argument.

Not here: what counts over all lanes (`job_broker`), the worker's side (`leased`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, inf, modf
from typing import Final

from bulkdel.cluster.messages import Lease, Report
from bulkdel.guards import Stop, StopCause
from bulkdel.models import LimitKind
from bulkdel.pacing.choose import make_pace
from bulkdel.pacing.estimate import LimitEstimate
from bulkdel.pacing.schedule import catch_up_s
from bulkdel.settings import Lane

RENEW_MIN_S: Final = 0.05
RENEW_MAX_S: Final = 0.5
CALLS_MAX: Final = 2000.0
"""Calls per second that all workers make together, about; beyond, each calls less often."""
_MARGIN_S: Final = 0.03
"""Slots reach so much further ahead than the next call: it may come late."""
_LATE_S: Final = 0.25
_JITTER: Final = 0.3
LEASE_MAX_S: Final = (1.0 + _JITTER) * RENEW_MAX_S + _MARGIN_S + _LATE_S
"""The last instant at which something of a lease can be used, after it was given. A fixed rate
below 4 a second has slots that are used later: so late that the next one is not there."""
SILENT_S: Final = 3.0
"""A worker that was silent for so long is taken for dead: what it held is free."""
_ELSEWHERE_S: Final = 30.0
"""An outage is one worker's own if another's requests were answered so lately."""
_LOST_S: Final = 2.0
"""So long after its last slot nothing of a worker is outstanding any more, whatever was heard."""
_TURN_S: Final = 2.0
_GOLDEN: Final = (5**0.5 - 1) / 2
_SPARE: Final = 1.25
_UNUSED: Final = 2


@dataclass(slots=True)
class _Holder:
    """What one worker holds."""

    heard_s: float
    outstanding: int = 0
    in_flight: int = 0
    places: int = 0
    wants: int | None = 0
    used: int = 0
    capped: bool = False
    answered_s: float = -inf
    lapsed_s: float = -inf


class _Sums:
    """What all workers hold: kept up, since a thousand of them call two thousand times a second."""

    def __init__(self) -> None:
        self.outstanding = self.in_flight = self.taken = self.capped = 0

    def count(self, holder: _Holder, sign: int) -> None:
        """Add what a worker holds, or take it off before it changes."""
        self.outstanding += sign * holder.outstanding
        self.in_flight += sign * holder.in_flight
        self.taken += sign * max(holder.places, holder.in_flight)
        self.capped += sign * holder.capped


class LaneBroker:
    """The limit of one lane, lent to workers.

    Args:
        lane: Its settings; the key is not used.
        learned: What an earlier run found of the limit.
        now_s: When it begins; it gives nothing before ``now_s + quiet_s``.
        quiet_s: `LEASE_MAX_S` where another broker may have given leases just now.
    """

    def __init__(
        self,
        lane: Lane,
        *,
        learned: LimitEstimate | None = None,
        now_s: float = 0.0,
        quiet_s: float = 0.0,
    ) -> None:
        self.lane = lane
        self.pace = make_pace(lane, learned)
        self.stop: Stop | None = None
        """Why no worker may send any more, or None."""
        self._learned = learned
        self._works = False
        self._begins_s = now_s + quiet_s
        self._late_s = _LATE_S if lane.rate is None else catch_up_s(lane.rate)
        self._holders: dict[str, _Holder] = {}
        self._sums = _Sums()
        self._turns: dict[str, int] = {}
        self._turns_until_s = -inf
        self._leader: str | None = None
        self._cut_s = -inf
        self._calls = 0

    @property
    def learned(self) -> LimitEstimate | None:
        """What is known of the provider's limit."""
        return self.pace.learned() or self._learned

    @property
    def in_flight(self) -> int:
        """Requests in flight, as far as was heard."""
        return self._sums.in_flight

    @property
    def renew_s(self) -> float:
        """Seconds after which each worker should call again, in the mean."""
        return min(RENEW_MAX_S, max(RENEW_MIN_S, len(self._holders) / CALLS_MAX))

    @property
    def next_call_s(self) -> float:
        """Seconds after which the worker that has just called should call again.

        Now sooner, now later: who always calls just behind another one gets less than its share.
        """
        self._calls += 1
        return self.renew_s * (1.0 + _JITTER * (2.0 * modf(self._calls * _GOLDEN)[0] - 1.0))

    def renew(self, worker: str, report: Report, now_s: float) -> Lease:
        """Hear a worker, and say what it may do."""
        if now_s >= self._turns_until_s:
            self._forget_silent(now_s)
        holder = self._holders.setdefault(worker, _Holder(now_s))
        self._sums.count(holder, -1)
        self._hear(holder, report, now_s)
        if report.stop is not None:
            self._stopped(worker, report.stop, now_s)
        slots: list[float] = []
        if self._may_send(worker, holder, now_s):
            holder.places = self._places_of(worker, now_s)
            if holder.places > 0:
                slots = self._slots(holder, now_s)
        else:
            holder.places = 0
        if slots:
            holder.outstanding += len(slots)
            holder.lapsed_s = slots[-1] + self._late_s + _LOST_S
        self._sums.count(holder, 1)
        return Lease(
            slots=slots,
            late_s=self._late_s,
            places=holder.places,
            rate=self.pace.rate,
            learned=self.learned,
            stop=self.stop,
        )

    def forget(self, worker: str) -> None:
        """Take back what a worker holds: it has ended, or is dead."""
        holder = self._holders.pop(worker, None)
        if holder is not None:
            self._sums.count(holder, -1)
        if self._leader == worker:
            self._leader = None

    # -- what came back ---------------------------------------------------------------

    def _hear(self, holder: _Holder, report: Report, now_s: float) -> None:
        pace = self.pace
        holder.heard_s = now_s
        others = self.in_flight
        # Between two reports nobody sees what is in flight: where that is less than one for each
        # worker, it cannot tell places from a rate.
        few = others < len(self._holders)
        for sent in report.accepted:
            pace.accepted(now_s, self._sent_s(sent), sent[2] + others, report.headers)
        for sent in report.troubled:
            pace.troubled(now_s, self._sent_s(sent), sent[2] + others)
        for sent, verdict in report.refused:
            rate = pace.rate
            if few and verdict.limit is LimitKind.UNKNOWN:
                verdict = replace(verdict, limit=LimitKind.RATE)
            pace.refused(now_s, self._sent_s(sent), sent[2] + others, verdict, report.headers)
            if pace.rate < rate:
                self._cut_s = now_s
        if report.accepted:
            holder.answered_s = now_s
        self._works = self._works or report.works
        holder.outstanding = max(0, holder.outstanding - report.used - report.expired)
        if now_s > holder.lapsed_s:  # a call or its answer was lost
            holder.outstanding = 0
        holder.in_flight = report.in_flight
        holder.capped = report.capped
        holder.wants = report.wants
        holder.used = report.used
        if report.expired and report.wants is None:
            holder.wants = max(_UNUSED, ceil(_SPARE * report.used))

    def _sent_s(self, sent: tuple[float, float, int]) -> float:
        """Return when the pace decided that a request be sent: a slot from before a cut is old."""
        sent_s, granted_s, _ = sent
        return granted_s if granted_s <= self._cut_s else sent_s

    def _stopped(self, worker: str, stop: Stop, now_s: float) -> None:
        """Stop the lane for all, unless it is an outage that one worker alone has."""
        elsewhere = stop.cause is StopCause.OUTAGE and any(
            holder.answered_s > now_s - _ELSEWHERE_S
            for name, holder in self._holders.items()
            if name != worker
        )
        if self.stop is None and not elsewhere:
            self.stop = stop

    def _forget_silent(self, now_s: float) -> None:
        silent = [name for name, each in self._holders.items() if each.heard_s < now_s - SILENT_S]
        for name in silent:
            self.forget(name)

    # -- what it may do ---------------------------------------------------------------

    def _may_send(self, worker: str, holder: _Holder, now_s: float) -> bool:
        if self.stop is not None or now_s < self._begins_s or holder.wants == 0:
            if self._leader == worker and not holder.in_flight:
                self._leader = None
            return False
        if self._works:
            return True
        if self._leader is None:
            self._leader = worker
        return self._leader == worker

    def _places_of(self, worker: str, now_s: float) -> int:
        """Return how many a worker may have in flight: its share, as far as the others leave it.

        What cannot be shared out evenly goes round, a turn each. Where the pace allows fewer than
        there are workers, each has one, as far as the user's own number goes: a worker that sends
        once a second would else keep a place that others need (`_slots` looks at the sum).
        """
        if now_s >= self._turns_until_s or worker not in self._turns:
            asking = (name for name, each in self._holders.items() if each.wants != 0)
            self._turns = {name: number for number, name in enumerate(asking)}
            self._turns_until_s = now_s + self.renew_s
        most = min(self.lane.concurrency, max(self._most, len(self._turns)))
        share, more = divmod(most, len(self._turns))
        turn = int(now_s / _TURN_S) * more
        share += (self._turns[worker] + turn) % len(self._turns) < more
        return max(0, min(share, most - self._sums.taken))

    @property
    def _most(self) -> int:
        """Most requests in flight that the pace allows."""
        return self.lane.concurrency if self.pace.places is None else self.pace.places

    def _slots(self, holder: _Holder, now_s: float) -> list[float]:
        """Take the slots of the timetable that are due until the next call."""
        # No more than it can likely use: of its places each once, or twice what it has used lately.
        most = holder.places + 2 * holder.used
        if holder.wants is not None:
            most = min(most, holder.wants)
        until_s = now_s + (1.0 + _JITTER) * self.renew_s + _MARGIN_S
        outstanding = self._sums.outstanding + holder.outstanding
        flying = self._sums.in_flight + holder.in_flight
        places = self._most
        if flying >= places:
            return []
        capped = places if self._sums.capped or holder.capped else flying + 1
        slots: list[float] = []
        slot_s = now_s
        while len(slots) < most:
            # To the pace, as many are in flight as are; only one that asks whether a pause is over
            # has to know of the slots that nobody was heard of yet.
            busy = max(1, min(flying, places - 1)) if outstanding or flying else 0
            wait_s = self.pace.wait_s(slot_s, busy)
            slot_s += wait_s
            if slot_s > until_s:
                break
            self.pace.sent(slot_s, min(places, capped))
            slots.append(slot_s)
            outstanding += 1
        return slots
