"""The real lane in virtual time against a server of `pacing_servers`, quickly.

    run_lane ──> delete_ids, its lane, retries and pace ──> ServerTransport ──> Server
                        both on a VirtualLoop

Only network and clock are fakes. The clock is an asyncio event loop that jumps to its
next timer, and a request on its way is a chain of timers rather than a task that sleeps:
three times cheaper than trio's MockClock with an `anyio.sleep` per way (80 against 240 us
a request), and the lane cannot tell the difference.

By hand, for every server, round trip and seed (some minutes on two cores); it rewrites
its section of benchmarks/results/pacing.md:

    python tests/pacing_real_lane.py --all
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import anyio
from pacing_lane import Figures
from pacing_servers import Reply, Server
from simulation import edge

from bulkdel import Lane, Summary, delete_ids
from bulkdel.models import Answer
from bulkdel.providers import get
from bulkdel.transport import Transport

CONCURRENCY = 256


class _Jumping(selectors.DefaultSelector):  # type: ignore[misc,valid-type]  # chosen by platform
    """Waits by setting the clock forward."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "every task waits, and nothing will happen"
        self.now_s += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is virtual."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


class ServerTransport:
    """The network between a lane and a server."""

    def __init__(self, server: Server, rtt_s: float, seed: int, run_s: float) -> None:
        self._server, self._rtt_s, self._random = server, rtt_s, Random(seed)
        self._serving = 0
        self._loop = asyncio.get_running_loop()
        self._run_s = run_s
        self.began_s = self._loop.time()
        self.figures = Figures()

    @property
    def now_s(self) -> float:
        """Seconds since the run began."""
        return self._loop.time() - self.began_s

    def _way_s(self) -> float:
        return self._rtt_s / 2 * self._random.uniform(0.8, 1.2)

    @asynccontextmanager
    async def opened(self, _: Lane) -> AsyncIterator[Transport]:
        """Serve as the transport of a run's only lane."""
        yield self

    async def send(self, object_id: str) -> Answer:
        """Carry one request there and its answer back."""
        answered: asyncio.Future[Reply] = self._loop.create_future()
        sent_s = self.now_s
        if counts := sent_s < self._run_s:
            self.figures.requests += 1
        self._loop.call_later(self._way_s(), self._arrive, answered)
        reply = await answered
        if reply.accepted:
            if counts:
                self.figures.accepted += 1
                self.figures.latencies_s.append(self.now_s - sent_s)
            body = b'{"id":"%s","object":"response","deleted":true}' % object_id.encode()
            return Answer(200, body, reply.headers)
        if counts:
            self.figures.refused += 1
        headers = dict(reply.headers)
        if reply.retry_after_s is not None:
            headers["retry-after"] = f"{reply.retry_after_s:.0f}"
        return Answer(429, b'{"error":{"message":"slow down"}}', headers)

    def _arrive(self, answered: asyncio.Future[Reply]) -> None:
        now_s = self.now_s
        reply = self._server.admit(now_s, self._serving)
        if not reply.accepted:
            self._loop.call_later(self._way_s(), _answer, answered, reply)
            return
        self.figures.took[int(now_s)] += 1
        self._serving += 1
        service_s = self._server.service_s(now_s, self._random)
        self._loop.call_later(service_s, self._leave, answered, reply)

    def _leave(self, answered: asyncio.Future[Reply], reply: Reply) -> None:
        self._serving -= 1
        self._loop.call_later(self._way_s(), _answer, answered, reply)


def _answer(answered: asyncio.Future[Reply], reply: Reply) -> None:
    if not answered.done():
        answered.set_result(reply)


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run of the lane came to: on the wire until ``run_s``, and in its summary."""

    figures: Figures
    summary: Summary


def run_lane(
    server: Server, rtt_s: float, seed: int, run_s: float, **delete_options: Any
) -> Ran:
    """Give a lane IDs without end for ``run_s`` virtual seconds, then let it drain."""

    async def main() -> Ran:
        loop = asyncio.get_running_loop()
        transport = ServerTransport(server, rtt_s, seed, run_s)
        world = replace(edge(), transport=transport.opened, clock=loop.time, seed=seed)
        lane = Lane(provider=get("openai"), api_key="key", concurrency=CONCURRENCY, rate_max=None)
        ids = (f"resp_{number}" for number in count())
        async with open_deletion(ids, lane=lane, edge=world, **options) as deletion:
            loop.call_later(run_s, deletion.drain)
            deleted = sum([1 async for result in deletion if result.outcome is Outcome.DELETED])
        assert deletion.summary is not None
        return Ran(transport.figures, deletion.summary)

    return anyio.run(main, backend_options={"loop_factory": VirtualLoop})
