"""The pace finds each kind of hidden limit, uses it and is hardly refused.

    pacing_servers   the providers
    pacing_lane      a lane as a heap of events: every server, round trip and seed
    ServerTransport  the lane itself in virtual time: one run for each kind of limit

All runs are of 180 s with 256 in flight at most and an unlimited backlog.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

import anyio
import pytest

from bulkdel import Lane, State, delete_ids
from bulkdel.models import Answer
from bulkdel.pacing.auto import AutoPace
from bulkdel.pacing.learned import Learned
from bulkdel.providers import get
from bulkdel.transport import Transport
from tests.pacing_lane import Figures
from tests.pacing_lane import Lane as EventLane
from tests.pacing_servers import (
    FixedWindow,
    HeaderBucket,
    HeaderWindow,
    Queue,
    Server,
    Slots,
    TokenBucket,
)
from tests.simulation import edge, in_virtual_time

RUN_S = 180
SEEDS = (0, 1, 2)
PHASES = (0.0, 0.3, 0.7)
"""How much of a window has passed when the run begins, by seed."""
ROUND_TRIPS_S = (0.02, 0.08, 0.5)

BUCKETS: dict[str, Callable[[int], Server]] = {
    "bucket of 20": lambda _: TokenBucket(137, 20),
    "bucket of 20, Retry-After": lambda _: TokenBucket(137, 20, retry_after=True),
    "bucket of 137": lambda _: TokenBucket(137, 137),
    "window of 1 s": lambda seed: FixedWindow(137, 1, phase_s=PHASES[seed]),
    "ark": lambda _: TokenBucket(20, 5),
}
HEADERS: dict[str, Callable[[int], Server]] = {
    "bucket": lambda _: HeaderBucket(137, 137),
    "window": lambda seed: HeaderWindow(1370, 10, phase_s=10 * PHASES[seed]),
}
BEST_FIXED = {0.02: 0.882, 0.08: 0.752, 0.5: 0.532}
"""What the best constant number in flight gets of 20 slots of 150 ms with at most 1 %
refused, by round trip; measured with 18 to 88 in flight over 60 s."""

every_round_trip = pytest.mark.parametrize("rtt_s", ROUND_TRIPS_S)
every_seed = pytest.mark.parametrize("seed", SEEDS)


def run(server: Server, rtt_s: float, seed: int, learned: Learned | None = None) -> Figures:
    """Run a lane against ``server``."""
    pace = AutoPace(concurrency=256, learned=learned)
    lane = EventLane(pace, server, rtt_s=rtt_s, seed=seed, cold=learned is None)
    return lane.run(RUN_S)


@every_seed
@every_round_trip
@pytest.mark.parametrize("name", BUCKETS)
def test_sits_just_under_a_steady_limit(name: str, rtt_s: float, seed: int) -> None:
    """A million IDs take as long as the limit demands, and no longer."""
    server = BUCKETS[name](seed)

    figures = run(server, rtt_s, seed)

    assert figures.used(server, 20, RUN_S) >= 0.98
    assert figures.used(server, 0, RUN_S) >= 0.95
    assert figures.refused_share <= 0.01


@every_seed
@every_round_trip
@pytest.mark.parametrize("retry_after", [False, True])
def test_uses_long_windows_up(retry_after: bool, rtt_s: float, seed: int) -> None:
    """Providers count by the minute: what is left of a minute is lost."""
    phase_s = 60 * PHASES[seed]
    server = FixedWindow(8220, 60, phase_s=phase_s, retry_after=retry_after)

    figures = run(server, rtt_s, seed)

    whole = [n for n in range(1, 4) if (n + 1) * 60 - phase_s <= RUN_S]
    assert all(server.used[n] >= 0.975 * server.size for n in whole)
    assert figures.used(server, 0, RUN_S) >= 0.95
    assert figures.refused_share <= 0.0105


@every_seed
@every_round_trip
def test_finds_a_limit_of_requests_in_flight(rtt_s: float, seed: int) -> None:
    """A limit of concurrency is no rate: the other dial must be turned."""
    server = Slots(20, 0.15)

    figures = run(server, rtt_s, seed)

    assert figures.used(server, 20, RUN_S) >= 0.93 * BEST_FIXED[rtt_s]
    assert figures.refused_share <= 0.01


@every_seed
@every_round_trip
def test_does_not_queue_up_where_nothing_is_refused(rtt_s: float, seed: int) -> None:
    """Requests that wait at the provider gain nothing and run into time-outs."""
    server = Queue(14, 0.1)

    figures = run(server, rtt_s, seed)

    assert figures.used(server, 20, RUN_S) >= 0.98
    assert figures.latency_s <= 2.5 * (rtt_s + 0.1)


@every_seed
@every_round_trip
def test_follows_a_limit_that_moves(rtt_s: float, seed: int) -> None:
    """Limits shrink when the provider is busy, and grow back."""
    server = TokenBucket(137, 20, changes=((60, 68), (120, 205)))

    figures = run(server, rtt_s, seed)

    assert figures.used(server, 70, 120) >= 0.98
    assert figures.used(server, 140, RUN_S) >= (0.98 if rtt_s < 0.5 else 0.97)
    assert figures.refused_share <= 0.01


@every_seed
@every_round_trip
@pytest.mark.parametrize("name", HEADERS)
def test_is_hardly_refused_where_headers_tell_the_limit(name: str, rtt_s: float, seed: int) -> None:
    """Who tells its limit is asked for no more than that."""
    server = HEADERS[name](seed)

    figures = run(server, rtt_s, seed)

    assert figures.used(server, 20, RUN_S) >= 0.99
    assert figures.refused_share <= (0.001 if rtt_s < 0.5 else 0.0015)


@pytest.mark.parametrize("name", ["bucket of 20", "bucket of 137", "ark"])
@every_round_trip
def test_starts_warm_with_what_was_learned(name: str, rtt_s: float) -> None:
    """A resumed run does not pay for the ramp again."""
    pace = AutoPace(concurrency=256)
    EventLane(pace, BUCKETS[name](0), rtt_s=rtt_s).run(RUN_S)
    learned = pace.learned()
    assert learned is not None
    server = BUCKETS[name](1)

    figures = run(server, rtt_s, 1, Learned.from_json(learned.to_json()))

    assert figures.used(server, 0, RUN_S) >= 0.99
    assert figures.refused_share <= 0.01


class ServerTransport:
    """The network between a lane and a server, in the time of the event loop."""

    def __init__(self, server: Server, rtt_s: float) -> None:
        self._server, self._rtt_s, self._random = server, rtt_s, Random(0)
        self._serving = 0
        self.began_s = 0.0
        self.took: Counter[int] = Counter()
        self.requests = self.refused = 0

    def _way_s(self) -> float:
        return self._rtt_s / 2 * self._random.uniform(0.8, 1.2)

    @asynccontextmanager
    async def opened(self, _: Lane) -> AsyncIterator[Transport]:
        """Serve as the transport of a run's only lane."""
        yield self

    async def send(self, object_id: str) -> Answer:
        """Carry one request there and its answer back."""
        self.requests += 1
        await anyio.sleep(self._way_s())
        now_s = anyio.current_time() - self.began_s
        reply = self._server.admit(now_s, self._serving)
        headers = dict(reply.headers)
        if not reply.accepted:
            self.refused += 1
            if reply.retry_after_s is not None:
                headers["retry-after"] = f"{reply.retry_after_s:.0f}"
            await anyio.sleep(self._way_s())
            return Answer(429, b'{"error":{"message":"slow down"}}', headers)
        self.took[int(now_s)] += 1
        self._serving += 1
        await anyio.sleep(self._server.service_s(now_s, self._random))
        self._serving -= 1
        await anyio.sleep(self._way_s())
        return Answer(200, b'{"id":"%s","deleted":true}' % object_id.encode(), headers)


@pytest.mark.parametrize(
    ("server", "count", "least"),
    [
        (TokenBucket(137, 20, retry_after=True), 137 * 175, 0.98),
        (Slots(20, 0.15), 15_000, 0.93 * BEST_FIXED[0.08]),
        (HeaderBucket(137, 137), 137 * 100, 0.99),
        (TokenBucket(20, 5), 20 * 175, 0.98),
    ],
    ids=["bucket, Retry-After", "slots", "headers", "ark"],
)
@in_virtual_time
async def test_the_lane_itself_reaches_the_figures(
    server: Server, count: int, least: float
) -> None:
    """The pace is worth what the lane makes of it; and nothing is lost on the way."""
    transport = ServerTransport(server, 0.08)
    transport.began_s = anyio.current_time()
    lane = Lane(provider=get("openai"), api_key="key", concurrency=256, rate_max=None)

    ids = (f"resp_{number}" for number in range(count))
    summary = await delete_ids(ids, lane=lane, edge=replace(edge(), transport=transport.opened))

    until_s = int(anyio.current_time() - transport.began_s) - 1
    limit = sum(server.limit(second + 0.5) for second in range(20, until_s))
    assert summary.state is State.FINISHED
    assert summary.counts.deleted == count
    assert sum(transport.took[second] for second in range(20, until_s)) >= least * limit
    assert transport.refused <= 0.01 * transport.requests
