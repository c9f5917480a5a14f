"""The lane that a run has (`bulkdel.engine.lane`), in virtual time, as a heap of events.

For measuring a pace on all servers, round trips and seeds: no task, no event loop and no body of
an answer, so it takes a fraction of what the lane takes under its runner. What is decided is
decided by `LaneWork`; here is only what `runner` and a network do: a bounded number of requests
in flight, ways that take their time, timers that fire late.
"""

# Its methods are the steps of one request, in the order of the file.

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import inf
from random import Random
from typing import Any

from benchmarks.virtual.servers import Reply, Server
from bulkdel import Lane as LaneSettings
from bulkdel.engine.lane import LaneWork
from bulkdel.engine.queue import LaneQueue
from bulkdel.engine.recorder import RunControl
from bulkdel.engine.retry_queue import Waiting
from bulkdel.guards import DeleteBudget, FailureBudget, LaneGuard, Stop
from bulkdel.guards.lane_guard import COLD_GOOD
from bulkdel.models import Answer, Counts, Meaning, Result, Verdict
from bulkdel.pacing import Pace
from bulkdel.providers import get
from bulkdel.providers.operations import RESPONSES
from bulkdel.retry import RetryPolicy


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


class _Endless(LaneQueue):
    """IDs without end."""

    def __init__(self) -> None:
        super().__init__()
        self._number = 0

    @property
    def is_empty(self) -> bool:
        return False

    def take(self) -> str:
        self._number += 1
        return f"resp_{self._number}"


class _Nowhere:
    """A sink that is only counted."""

    has_room = True

    def append(self, result: Result) -> None:
        pass

    def append_deleted(self, object_id: str, lane: str, at_s: float, ms: float) -> None:
        pass


_DELETED = Verdict(Meaning.DELETED)


def _judge(object_id: str, answer: Answer) -> Verdict:  # noqa: ARG001
    """Say what the two answers of a server mean, without a body to read."""
    if answer.status == 200:
        return _DELETED
    return Verdict(Meaning.REFUSED, retry_after_s=answer.received_s or None)


def _settings(concurrency: int) -> LaneSettings:
    openai = get("openai")
    responses = openai.resource()
    judged = replace(responses, delete=replace(responses.delete, judge=_judge))
    provider = replace(openai, resources={RESPONSES: judged})
    return LaneSettings(provider=provider, api_key="key", concurrency=concurrency, rate_max=None)


def _never(stop: Stop | Exception) -> None:
    raise AssertionError(str(stop))


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
        self.server, self.rtt_s = server, rtt_s
        self.random = Random(seed)
        self.concurrency, self.late_s = concurrency, late_s
        self.now_s = 0.0
        self.served = self._n = 0
        self.events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self.timer_s = inf
        self.figures = Figures()
        guard = LaneGuard("lane")
        if not cold:
            for _ in range(COLD_GOOD):
                guard.good(deleted=True)
        self.work = LaneWork(
            _settings(concurrency),
            queue=_Endless(),
            sink=_Nowhere(),
            guard=guard,
            control=RunControl(
                DeleteBudget(None), FailureBudget(), stop_run=_never, break_off=_never
            ),
            retry=RetryPolicy(rng=Random(seed + 1)),
            counts=Counts(),
            wall_clock=lambda: self.now_s,
            pace=lambda _lane, _learned: pace,
        )

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
        work = self.work
        while work.in_flight < self.concurrency:
            taken = work.take(self.now_s)
            if taken is None:
                if work.wait_s < inf:
                    self.wake(self.now_s + work.wait_s)
                return
            self.send(taken)

    def way_s(self) -> float:
        return self.rtt_s / 2 * self.random.uniform(0.8, 1.2)

    def send(self, taken: str | Waiting) -> None:
        self.figures.requests += 1
        flight = self.work.in_flight
        self.at(self.now_s + self.way_s(), self.arrive, taken, self.now_s, flight)

    def arrive(self, taken: str | Waiting, sent_s: float, flight: int) -> None:
        reply = self.server.admit(self.now_s, self.served)
        if reply.accepted:
            self.served += 1
            self.figures.took[int(self.now_s)] += 1
            service_s = self.server.service_s(self.now_s, self.random)
            self.at(self.now_s + service_s, self.leave, taken, sent_s, flight, reply)
        else:
            self.at(self.now_s + self.way_s(), self.refuse, taken, sent_s, flight, reply)

    def leave(self, *args: Any) -> None:
        self.served -= 1
        self.at(self.now_s + self.way_s(), self.accept, *args)

    def accept(self, taken: str | Waiting, sent_s: float, flight: int, reply: Reply) -> None:
        self.figures.accepted += 1
        self.figures.latencies_s.append(self.now_s - sent_s)
        self.work.answered(taken, Answer(200, b"", reply.headers), sent_s, self.now_s, flight)
        self.pump()

    def refuse(self, taken: str | Waiting, sent_s: float, flight: int, reply: Reply) -> None:
        self.figures.refused += 1
        self.figures.refusals[int(self.now_s)] += 1
        # `received_s` carries what the server asks for to `_judge`: there is no body to hold it.
        answer = Answer(429, b"", reply.headers, reply.retry_after_s or 0.0)
        self.work.answered(taken, answer, sent_s, self.now_s, flight)
        self.pump()
