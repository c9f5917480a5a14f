"""The real lane in virtual time against a server of `servers`, quickly.

    run_lanes ──> Run, its lanes, retries and paces ──> ServerTransport ──> Server
                       all on a VirtualLoop

Only network and clock are fakes. The clock is an asyncio event loop that jumps to its
next timer, and a request on its way is a chain of timers rather than a task that sleeps:
three times cheaper than trio's MockClock with an `anyio.sleep` per way (80 against 240 us
a request), and the lane cannot tell the difference.

By hand, for every server, round trip and seed (some minutes on two cores):

    python -m tests.pacing.real_lane --all      writes benchmarks/results/pacing_real_lane.json
    python -m benchmarks.pacing --table         puts that into benchmarks/results/pacing.md
"""

from __future__ import annotations

import argparse
import asyncio
import json
import selectors
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from random import Random
from typing import NamedTuple

import anyio

from benchmarks.virtual.figures import CASES, RUN_S, SEEDS, SERVERS, Asked, Case, asked
from benchmarks.virtual.lane import Figures
from benchmarks.virtual.servers import Reply, Server
from bulkdel import Lane, State
from bulkdel.engine.inputs import ReaderSource
from bulkdel.engine.run import Run
from bulkdel.models import Answer, Counts
from bulkdel.pacing.estimate import LimitEstimate
from bulkdel.providers import get
from bulkdel.settings import RunSettings
from bulkdel.sources import from_iterable
from bulkdel.transport import Gate, Transport
from tests.support.engine_fakes import edge

CONCURRENCY = 256
TARGET = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "pacing_real_lane.json"


class _Jumping(selectors.DefaultSelector):
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

    def __init__(self, server: Server, rtt_s: float, seed: int) -> None:
        self.gate: Gate | None = None
        self._server, self._rtt_s, self._random = server, rtt_s, Random(seed)
        self._serving = 0
        self._loop = asyncio.get_running_loop()
        self.began_s = self._loop.time()
        self.figures = Figures()

    @property
    def now_s(self) -> float:
        """Seconds since the run began."""
        return self._loop.time() - self.began_s

    def _way_s(self) -> float:
        return self._rtt_s / 2 * self._random.uniform(0.8, 1.2)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Transport]:
        """Serve as the transport of one lane."""
        yield self

    async def send(self, object_id: str) -> Answer:
        """Carry one request there and its answer back."""
        answered: asyncio.Future[Reply] = self._loop.create_future()
        sent_s = self.now_s
        self.figures.requests += 1
        self._loop.call_later(self._way_s(), self._arrive, answered)
        reply = await answered
        if reply.accepted:
            self.figures.accepted += 1
            self.figures.latencies_s.append(self.now_s - sent_s)
            body = b'{"id":"%s","object":"response","deleted":true}' % object_id.encode()
            return Answer(200, body, reply.headers)
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
    """What a run of one lane came to: on the wire, in its summary, and for the next run."""

    figures: Figures
    counts: Counts
    state: State
    learned: LimitEstimate | None

    def check_nothing_lost(self) -> None:
        """Check that every request the server took is a deletion in the summary, and no other."""
        counts = self.counts
        assert counts.deleted == counts.ended == sum(self.figures.took.values())
        assert counts.requests == counts.deleted + counts.refused


def run_lane(
    server: Server, rtt_s: float, seed: int, run_s: float, ids_max: int | None = None
) -> Ran:
    """Work one lane; see `run_lanes`."""
    return run_lanes([server], rtt_s, seed, run_s, ids_max)[0]


def run_lanes(
    servers: Sequence[Server], rtt_s: float, seed: int, run_s: float, ids_max: int | None = None
) -> list[Ran]:
    """Work a lane for each server for ``run_s`` virtual seconds, then let them drain.

    Each has ``ids_max`` IDs, or IDs without end.
    """

    async def main() -> list[Ran]:
        loop = asyncio.get_running_loop()
        lanes = [_lane(f"lane-{number}") for number in range(len(servers))]
        networks = {
            lane.name: ServerTransport(server, rtt_s, 100 * seed + number)
            for number, (lane, server) in enumerate(zip(lanes, servers, strict=True))
        }
        world = replace(
            edge(),
            transport=lambda lane, _operation: networks[lane.name].opened(),
            clock=loop.time,
            seed=seed,
        )
        sources = [_source(lane.name, ids_max) for lane in lanes]
        run = Run(RunSettings(lanes=lanes), sources, edge=world)
        loop.call_later(run_s, run.drain)
        summary = await run.run()
        return [
            Ran(
                networks[lane.name].figures,
                summary.lanes[lane.name],
                summary.state,
                run.lanes[lane.name].work.learned,
            )
            for lane in lanes
        ]

    return anyio.run(main, backend_options={"loop_factory": VirtualLoop})


def _lane(name: str) -> Lane:
    return Lane(
        provider=get("openai"), name=name, api_key="key", concurrency=CONCURRENCY, rate_max=None
    )


def _source(lane: str, ids_max: int | None) -> ReaderSource:
    numbers = count() if ids_max is None else range(ids_max)
    ids = (f"resp_{number}" for number in numbers)
    return ReaderSource(from_iterable(ids, lane), "<ids>", lane, in_line=True)


# -- every server --------------------------------------------------------------------------


class Row(NamedTuple):
    """What one run of `RUN_S` came to."""

    late: float
    whole: float
    refused: float
    median_s: float


LaneRun = tuple[Case, Row, list[Asked]]


def measure(case: Case) -> LaneRun:
    """Run one case; check that nothing was lost."""
    server = SERVERS[case.name](case.seed)
    ran = run_lane(server, case.rtt_ms / 1000, case.seed, RUN_S)
    figures = ran.figures
    ran.check_nothing_lost()
    late, whole = figures.used(server, 20, RUN_S), figures.used(server, 0, RUN_S)
    row = Row(late, whole, figures.refused_share, figures.latency_s)
    return case, row, list(asked(case, server, figures))


def main() -> None:
    """Measure the lane itself on two processes, and say what misses."""
    parser = argparse.ArgumentParser(description="The real lane on every server.")
    parser.add_argument("--all", action="store_true", help="every round trip and seed; write them")
    parser.add_argument("--server", default="", help="only those whose name begins so")
    options = parser.parse_args()
    cases = [
        case
        for case in CASES
        if case.name.startswith(options.server) and (options.all or (case[1:3] == (80, SEEDS[0])))
    ]
    rows = []
    with ProcessPoolExecutor(2) as pool:
        for case, row, figures in pool.map(measure, cases):
            missed = [[f.what, f.measured, f.asked] for f in figures if not f.is_met]
            rows.append([case.name, case.rtt_ms, case.seed, row, missed])
            values = f"{row.late:.2%} / {row.whole:.2%} / {row.refused:.2%}"
            print(f"{case}: {values} {missed or ''}", flush=True)
    if options.all and not options.server:
        TARGET.write_text(json.dumps(rows, indent=0) + "\n", encoding="utf-8")
        print(f"wrote {TARGET}")


if __name__ == "__main__":
    main()
