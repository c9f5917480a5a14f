"""What counts over all workers of a job: the limit of each lane, the user's budgets, why it stops.

    worker ──Renewal──> JobBroker ──> a `LaneBroker` a lane
       ^                    │  deletions and failures, summed up
       └──────Grant─────────┘  stops, fences, the end

One object for all lanes, so that one call of a worker renews all it has, and since a budget is
one of the whole job.

What holds here, always:

1. Places of ``--max-delete`` are lent: what all parts have used and still hold is never more than
   the user's number. What a worker held when it died counts as used for the rest of the command;
   the next one counts the logs anew.
2. A part has one worker, that of its highest epoch: any other one is told that it is fenced.
3. Nothing waits or reads a clock: the time is an argument.

Not here: how fast a lane may go (`broker`), actors and calls (`actors`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from bulkdel.cluster.broker import LaneBroker
from bulkdel.cluster.messages import DELETES_AT_ONCE, Grant, Lease, Renewal, Report
from bulkdel.engine.snapshot import LaneSnapshot
from bulkdel.guards import FailureBudget, Stop, StopCause
from bulkdel.models import Counts
from bulkdel.pacing.estimate import LimitEstimate
from bulkdel.settings import RunSettings


@dataclass(slots=True)
class _PartState:
    """What is known of the part's newest worker."""

    epoch: int
    worker: str
    reports: Mapping[str, Report] = field(default_factory=dict)
    held: int = 0
    used: int = 0
    ended: bool = False


class JobBroker:
    """The limits of one job.

    Args:
        settings: Its lanes and the user's limits.
        name: Which broker it is; a new one has another name.
        learned: What is known of the limit of each lane.
        deletes_used: Places of ``--max-delete`` that the logs have taken.
        now_s: When it begins.
        quiet_s: For how long it gives no lease: another one may have given some just now.
    """

    def __init__(
        self,
        settings: RunSettings,
        *,
        name: str,
        learned: Mapping[str, LimitEstimate | None],
        deletes_used: int = 0,
        now_s: float = 0.0,
        quiet_s: float = 0.0,
    ) -> None:
        self.name = name
        self.draining = False
        self.stops: list[Stop] = []
        """Why the whole job stops, or lanes of it."""
        self.lanes = {
            lane.name: LaneBroker(
                lane,
                learned=learned.get(lane.name),
                now_s=now_s,
                quiet_s=quiet_s,
            )
            for lane in settings.lanes
        }
        self._settings = settings
        self._deletes_used = deletes_used
        self._parts: dict[int, _PartState] = {}
        self._settled: Mapping[str, Counts] = {}
        self._lost: dict[str, Counts] = {}
        self._stop: Stop | None = None
        self._now_s = now_s
        self._begins_s = now_s + quiet_s

    def renew(self, call: Renewal, now_s: float) -> Grant:
        """Hear one worker, and say what it may do."""
        self._now_s = now_s
        part = self._parts.get(call.part)
        if part is None or call.epoch > part.epoch:
            part = self._take_over(call, part)
        elif call.epoch < part.epoch:
            return self._grant(now_s, {}, fenced=True)
        part.reports = call.lanes
        part.used = call.deletes_used
        leases = {
            name: self.lanes[name].renew(call.worker, report, now_s)
            for name, report in call.lanes.items()
        }
        for lane in self.lanes.values():
            if lane.stop is not None and lane.stop not in self.stops:
                self.stops.append(lane.stop)
        self._check_failures()
        if call.ended:
            self._end(part)
        elif call.deletes_wanted and now_s >= self._begins_s:
            self._lend(part, call.deletes_wanted)
        return self._grant(now_s, leases, part=part)

    def settle(self, parts: Collection[int], counts: Mapping[str, Counts]) -> None:
        """Take over what all parts that are done have come to: the driver has it, whatever dies."""
        self._settled = counts
        for number in parts:
            part = self._parts.get(number)
            if part is not None and part.ended:
                part.reports = {}

    def drain(self, stop: Stop | None = None) -> None:
        """Have every worker end early: the user wants it, or there is a reason."""
        self.draining = True
        if stop is not None and self._stop is None:
            self._stop = stop
            self.stops.append(stop)

    def lost(self, part: int) -> None:
        """Note that the worker of a part is dead: what it held is free, but for deletions."""
        state = self._parts.get(part)
        if state is not None and not state.ended:
            for lane in self.lanes.values():
                lane.forget(state.worker)

    def snapshot(self) -> dict[str, LaneSnapshot]:
        """Return how each lane is going, all workers together."""
        return {name: self._snapshot(name, lane) for name, lane in self.lanes.items()}

    # -- parts ------------------------------------------------------------------------

    def _take_over(self, call: Renewal, before: _PartState | None) -> _PartState:
        """Note the new worker of a part; what its last one may have deleted stays used."""
        if before is not None and not before.ended:
            for lane in self.lanes.values():
                lane.forget(before.worker)
            self._deletes_used += before.held
            for name, report in before.reports.items():
                sent = Counts(requests=report.counts.requests, refused=report.counts.refused)
                self._lost[name] = self._lost.get(name, Counts()) + sent
        part = _PartState(call.epoch, call.worker, held=call.deletes_held)
        self._parts[call.part] = part
        return part

    def _end(self, part: _PartState) -> None:
        part.ended = True
        self._deletes_used += part.used
        part.held = part.used = 0
        for lane in self.lanes.values():
            lane.forget(part.worker)

    # -- budgets ----------------------------------------------------------------------

    @property
    def _left(self) -> int:
        """Places of ``--max-delete`` that nobody has."""
        held = sum(part.held for part in self._parts.values())
        return max(0, (self._settings.max_delete or 0) - self._deletes_used - held)

    def _lend(self, part: _PartState, wanted: int) -> None:
        """Lend a part some of the places that are left; stop the job when all are used."""
        most, used = self._settings.max_delete or 0, self._used
        if used >= most:
            self.drain(
                Stop(
                    StopCause.MAX_DELETE,
                    None,
                    f"{used:,} IDs are deleted, or may be, the most that --max-delete allows",
                    "Raise --max-delete to go on: the log resumes",
                )
            )
            return
        share = max(1, self._left // (2 * max(1, len(self._parts))))
        part.held += min(wanted, self._left, share, DELETES_AT_ONCE)

    @property
    def _used(self) -> int:
        """Places that have become deletions, or may have."""
        return self._deletes_used + sum(part.used for part in self._parts.values())

    def _check_failures(self) -> None:
        settings = self._settings
        if self._stop is not None or (
            settings.max_failures is None and settings.max_failures_share is None
        ):
            return
        budget = FailureBudget(settings.max_failures, settings.max_failures_share)
        counts = sum(self._counts().values(), Counts())
        budget.failed, budget.ended = counts.failed, counts.ended - counts.invalid
        if budget.exceeded:
            self.drain(
                Stop(
                    StopCause.MAX_FAILURES,
                    None,
                    f"{budget.failed:,} of {budget.ended:,} IDs failed,"
                    " more than --max-failures allows",
                    "See `bulkdel failed`, then start again: the log resumes",
                )
            )

    def _counts(self) -> dict[str, Counts]:
        """Return what has happened to all IDs; of workers that died, only what they have sent."""
        counts = dict(self._settled)
        for name, sent in self._lost.items():
            counts[name] = counts.get(name, Counts()) + sent
        for part in self._parts.values():
            for name, report in part.reports.items():
                counts[name] = counts.get(name, Counts()) + report.counts
        return counts

    # -- answers ----------------------------------------------------------------------

    def _grant(
        self,
        now_s: float,
        leases: Mapping[str, Lease],
        *,
        part: _PartState | None = None,
        fenced: bool = False,
    ) -> Grant:
        renew_s = max(lane.next_call_s for lane in self.lanes.values())
        return Grant(
            broker=self.name,
            now_s=now_s,
            renew_s=renew_s,
            lanes=leases,
            deletes=0 if part is None else part.held,
            stop=self._stop,
            drain=self.draining,
            fenced=fenced,
        )

    def _snapshot(self, name: str, lane: LaneBroker) -> LaneSnapshot:
        reports: Sequence[Report] = [
            part.reports[name] for part in self._parts.values() if name in part.reports
        ]
        held = [report.held_for for report in reports]
        budget = lane.pace.budget
        bound_s: dict[str, float] = {}
        for report in reports:
            for bound, seconds in report.bound_s.items():
                bound_s[bound] = bound_s.get(bound, 0.0) + seconds
        return LaneSnapshot(
            lane=name,
            counts=self._counts().get(name, Counts()),
            in_flight=lane.in_flight,
            waiting=sum(report.waiting for report in reports),
            waiting_s=max((report.waiting_s for report in reports), default=0.0),
            rate=lane.pace.rate,
            next_place_s=lane.pace.wait_s(self._now_s, 0),
            budget_left=None if budget is None else budget.left,
            budget_renewed_s=0.0 if budget is None else max(0.0, budget.renewed_at_s - self._now_s),
            learned=lane.learned,
            held_for=held[0] if held and all(held) else None,
            asks_again_s=0.0,
            ended=lane.stop is not None,
            stop=lane.stop,
            bound_s=bound_s,
        )
