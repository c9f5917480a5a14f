"""Many workers, one broker, one provider with a hidden limit, in virtual time, as a heap of events.

    LeasedPace (a worker each) <──calls, on ways of milliseconds──> LaneBroker
        └──requests──> a server of `benchmarks.virtual.servers`

Only the network and the clocks are made: each worker's clock stands elsewhere. What is decided is
decided by the classes that a cluster runs.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

from benchmarks.virtual.servers import Server
from bulkdel import Lane
from bulkdel.cluster.broker import LEASE_MAX_S, LaneBroker
from bulkdel.cluster.leased import ClockOffset, LeasedPace
from bulkdel.cluster.messages import Lease, Report
from bulkdel.models import Meaning, Verdict
from bulkdel.providers import get

CALL_S: Final = (0.0005, 0.004)
"""A call's way to the broker, or back: the shortest and the longest."""
TIMER_LATE_S: Final = 0.001


@dataclass(slots=True)
class Worker:
    """One worker with IDs without end, while it ``has_ids``."""

    name: str
    clock_s: float
    offset: ClockOffset = field(default_factory=ClockOffset)
    has_ids: bool = True
    cut_off: bool = False
    loses_answers: bool = False
    in_flight: int = 0
    good: int = 0
    took: int = 0
    sent: int = 0
    timer_s: float = math.inf
    call_s: float = -1.0
    pace: LeasedPace = field(init=False)

    def __post_init__(self) -> None:
        self.pace = LeasedPace(self.offset)


class Many:
    """Many workers at one lane. `run` goes on to a time; `at` plans what happens meanwhile."""

    def __init__(
        self,
        server: Server,
        workers: int,
        *,
        lane: Lane | None = None,
        rtt_s: float = 0.05,
        seed: int = 0,
    ) -> None:
        self.server = server
        self.lane = lane or a_lane()
        self.took: Counter[int] = Counter()
        self.refused: Counter[int] = Counter()
        self.starts: list[float] = []
        self.calls = 0
        self.flying = self.most_flying = 0
        self.now_s = 0.0
        self._random = Random(seed)
        self._rtt_s = rtt_s
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._number = 0
        self.broker: LaneBroker | None = LaneBroker(self.lane)
        self.workers = [
            Worker(f"w{number}", self._random.uniform(0.0, 1e6)) for number in range(workers)
        ]
        for worker in self.workers:
            self._plan(worker, self._random.random() * 0.1)

    def at(self, at_s: float, act: Callable[..., None], *args: Any) -> None:
        """Have something happen."""
        self._number += 1
        heapq.heappush(self._events, (at_s, self._number, act, args))

    def run(self, until_s: float) -> Many:
        """Work until ``until_s``."""
        while self._events and self._events[0][0] < until_s:
            self.now_s, _, act, args = heapq.heappop(self._events)
            act(*args)
        self.now_s = until_s
        return self

    def used(self, from_s: int, to_s: int) -> float:
        """Return the share of the server's limit that was used."""
        limit = sum(self.server.limit(s + 0.5) for s in range(from_s, to_s))
        return sum(self.took[s] for s in range(from_s, to_s)) / limit

    def refused_share(self, from_s: int = 0, to_s: int = 1 << 30) -> float:
        """Return the share of the requests that were refused."""
        refused = sum(n for s, n in self.refused.items() if from_s <= s < to_s)
        took = sum(n for s, n in self.took.items() if from_s <= s < to_s)
        return refused / max(1, refused + took)

    def kill_broker(self, for_s: float) -> None:
        """Let the broker die, and one that knows what was learned start after ``for_s``."""
        learned = self.broker.learned if self.broker is not None else None
        self.broker = None

        def again() -> None:
            self.broker = LaneBroker(
                self.lane, learned=learned, now_s=self.now_s, quiet_s=LEASE_MAX_S
            )

        self.at(self.now_s + for_s, again)

    # -- calls ------------------------------------------------------------------------

    def _plan(self, worker: Worker, at_s: float) -> None:
        worker.call_s = at_s
        self.at(at_s, self._call, worker, at_s)

    def _call(self, worker: Worker, planned_s: float) -> None:
        if worker.call_s != planned_s:  # it has called sooner, or is calling just now
            return
        worker.call_s = -1.0
        report = replace(
            worker.pace.report(self._local(worker)),
            in_flight=worker.in_flight,
            wants=None if worker.has_ids else 0,
            works=worker.good >= 11,
        )
        if worker.cut_off or self.broker is None:
            self._plan(worker, self.now_s + 0.1)
            return
        self.calls += 1
        self.at(self.now_s + self._way_s(), self._hear, worker, report)

    def _hear(self, worker: Worker, report: Report) -> None:
        if self.broker is None:
            self._plan(worker, self.now_s + 0.1)
            return
        lease = self.broker.renew(worker.name, report, self.now_s)
        answer = (worker, lease, self.now_s, self.broker.next_call_s)
        self.at(self.now_s + self._way_s(), self._told, *answer)

    def _told(self, worker: Worker, lease: Lease, granted_s: float, renew_s: float) -> None:
        if not worker.cut_off and not worker.loses_answers:
            worker.offset.note(granted_s, self._local(worker))
            worker.pace.take(lease, granted_s)
            self._pump(worker)
        self._plan(worker, self.now_s + renew_s)

    def _way_s(self) -> float:
        return self._random.uniform(*CALL_S)

    def _local(self, worker: Worker) -> float:
        return self.now_s + worker.clock_s

    # -- requests ---------------------------------------------------------------------

    def _pump(self, worker: Worker) -> None:
        cold = 1 if not worker.good else 10 if worker.good < 11 else self.lane.concurrency
        while worker.has_ids and worker.in_flight < cold:
            wait_s = worker.pace.wait_s(self._local(worker), worker.in_flight)
            if wait_s > 0.0:
                if wait_s < math.inf and self.now_s + wait_s < worker.timer_s:
                    worker.timer_s = self.now_s + wait_s
                    late_s = self._random.random() * TIMER_LATE_S
                    self.at(worker.timer_s + late_s, self._timer, worker, worker.timer_s)
                return
            self._send(worker)

    def _timer(self, worker: Worker, timer_s: float) -> None:
        if timer_s == worker.timer_s:
            worker.timer_s = math.inf
            self._pump(worker)

    def _send(self, worker: Worker) -> None:
        worker.in_flight += 1
        worker.sent += 1
        self.flying += 1
        self.most_flying = max(self.most_flying, self.flying)
        self.starts.append(self.now_s)
        worker.pace.sent(self._local(worker), worker.in_flight)
        way_s = self._rtt_s / 2 * self._random.uniform(0.9, 1.1)
        self.at(self.now_s + way_s, self._arrive, worker, self._local(worker), worker.in_flight)

    def _arrive(self, worker: Worker, sent_s: float, flight: int) -> None:
        reply = self.server.admit(self.now_s, self.flying)
        (self.took if reply.accepted else self.refused)[int(self.now_s)] += 1
        served_s = self.server.service_s(self.now_s, self._random) if reply.accepted else 0.0
        way_s = served_s + self._rtt_s / 2 * self._random.uniform(0.9, 1.1)
        self.at(self.now_s + way_s, self._answer, worker, sent_s, flight, reply)

    def _answer(self, worker: Worker, sent_s: float, flight: int, reply: Any) -> None:
        worker.in_flight -= 1
        self.flying -= 1
        now_s = self._local(worker)
        if reply.accepted:
            worker.good += 1
            worker.took += 1
            worker.pace.accepted(now_s, sent_s, flight, reply.headers)
        else:
            verdict = Verdict(Meaning.REFUSED, retry_after_s=reply.retry_after_s)
            worker.pace.refused(now_s, sent_s, flight, verdict, reply.headers)
            if worker.call_s > self.now_s:  # what was refused is told at once
                self._plan(worker, self.now_s)
        self._pump(worker)


def a_lane(**settings: Any) -> Lane:
    """Return a lane without a ceiling."""
    return Lane(provider=get("openai"), **{"rate_max": None, "api_key": "key", **settings})
