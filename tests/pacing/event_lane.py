"""A lane in virtual time: what `bulkdel.engine.lane` does around a pace, as a heap of events.

For measuring a pace on all servers, round trips and seeds: several hundred times faster
than real time, where the lane itself needs a tenth of that. It keeps the lane's rules: bounded concurrency, a waiting room with Retry-After and full jitter that goes
before fresh IDs, a small start, and timers that fire late.
"""

# Its methods are the steps of one request, in the order of the file.

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from random import Random
from typing import Any

from bulkdel.models import Meaning, Verdict
from bulkdel.pacing import Pace
from tests.pacing.servers import Reply, Server


@dataclass(slots=True)
class Figures:
    """What a run came to."""

    accepted: int = 0
    refused: int = 0
    requests: int = 0
    took: Counter[int] = field(default_factory=Counter)
    refusals: Counter[int] = field(default_factory=Counter)
    latencies_s: list[float] = field(default_factory=list)

    @property
    def refused_share(self) -> float:
        return self.refused / max(1, self.requests)

    def used(self, server: Server, from_s: int, to_s: int) -> float:
        """Return the share of the server's limit that was used from ``from_s`` to ``to_s``."""
        limit = sum(server.limit(s + 0.5) for s in range(from_s, to_s))
        return sum(self.took[s] for s in range(from_s, to_s)) / limit

    @property
    def latency_s(self) -> float:
        """The median."""
        return sorted(self.latencies_s)[len(self.latencies_s) // 2] if self.latencies_s else inf


class Lane:
    """One lane with an unlimited backlog."""

    def __init__(
        self,
        pace: Pace,
        server: Server,
        *,
        rtt_s: float,
        seed: int = 0,
        concurrency: int = 256,
        cold: bool = True,
        late_s: float = 0.005,
    ) -> None:
        self.pace, self.server, self.rtt_s = pace, server, rtt_s
        self.random = Random(seed)
        self.concurrency, self.late_s = concurrency, late_s
        self.now_s = 0.0
        self.in_flight = self.served = self.fresh = self._n = 0
        self.cold = cold
        self.open = 1 if cold else concurrency
        self.events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self.room: list[tuple[float, int, int]] = []
        self.refusals: Counter[int] = Counter()
        self.timer_s = inf
        self.figures = Figures()

    def at(self, time_s: float, act: Callable[..., None], *args: Any) -> None:
        self._n += 1
        heapq.heappush(self.events, (time_s, self._n, act, args))

    def run(self, until_s: float) -> Figures:
        self.at(0.0, self.pump)
        events = self.events
        while events and events[0][0] <= until_s:
            self.now_s, _, act, args = heapq.heappop(events)
            act(*args)
        return self.figures

    def wake(self, time_s: float) -> None:
        if time_s < self.timer_s:
            self.timer_s = time_s
            late_s = self.random.uniform(0, self.late_s)
            self.at(time_s + late_s, self.timer, time_s)

    def timer(self, time_s: float) -> None:
        if time_s == self.timer_s:
            self.timer_s = inf
            self.pump()

    def pump(self) -> None:
        while self.in_flight < min(self.open, self.concurrency):
            wait_s = self.pace.wait_s(self.now_s, self.in_flight)
            if wait_s > 0:
                if wait_s < inf:
                    self.wake(self.now_s + wait_s)
                return
            if self.room and self.room[0][0] <= self.now_s:
                object_id = heapq.heappop(self.room)[2]
            elif len(self.room) < 4 * self.concurrency:
                self.fresh += 1
                object_id = self.fresh
            else:
                self.wake(self.room[0][0])
                return
            self.send(object_id)

    def way_s(self) -> float:
        return self.rtt_s / 2 * self.random.uniform(0.8, 1.2)

    def send(self, object_id: int) -> None:
        self.in_flight += 1
        self.figures.requests += 1
        self.pace.sent(self.now_s, self.in_flight)
        self.at(self.now_s + self.way_s(), self.arrive, object_id, self.now_s, self.in_flight)

    def arrive(self, object_id: int, sent_s: float, flight: int) -> None:
        reply = self.server.admit(self.now_s, self.served)
        if reply.accepted:
            self.served += 1
            self.figures.took[int(self.now_s)] += 1
            service_s = self.server.service_s(self.now_s, self.random)
            self.at(self.now_s + service_s, self.leave, object_id, sent_s, flight, reply)
        else:
            self.at(self.now_s + self.way_s(), self.refuse, object_id, sent_s, flight, reply)

    def leave(self, *args: Any) -> None:
        self.served -= 1
        self.at(self.now_s + self.way_s(), self.accept, *args)

    def accept(self, object_id: int, sent_s: float, flight: int, reply: Reply) -> None:
        self.in_flight -= 1
        self.refusals.pop(object_id, None)
        self.figures.accepted += 1
        self.figures.latencies_s.append(self.now_s - sent_s)
        self.pace.accepted(self.now_s, sent_s, flight, reply.headers)
        if self.cold:
            self.open = 10
            if self.figures.accepted >= 10:
                self.cold, self.open = False, self.concurrency
        self.pump()

    def refuse(self, object_id: int, sent_s: float, flight: int, reply: Reply) -> None:
        self.in_flight -= 1
        self.figures.refused += 1
        self.figures.refusals[int(self.now_s)] += 1
        verdict = Verdict(Meaning.REFUSED, retry_after_s=reply.retry_after_s)
        self.pace.refused(self.now_s, sent_s, flight, verdict, reply.headers)
        self.refusals[object_id] += 1
        back_s = self.random.uniform(0, min(30.0, 0.5 * 2 ** (self.refusals[object_id] - 1)))
        due_s = self.now_s + max(reply.retry_after_s or 0.0, back_s)
        heapq.heappush(self.room, (due_s, self._n, object_id))
        self.pump()
