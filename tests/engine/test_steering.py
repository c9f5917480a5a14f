"""A run is steered while it works: pause, rate, concurrency, stop; each order is a line in the log."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import orjson
import pytest

from bulkdel.engine.inputs import ReaderSource
from bulkdel.engine.run import Run
from bulkdel.engine.steering import Order, Verb, steer
from bulkdel.errors import ConfigError
from bulkdel.models import Answer, State, Summary
from bulkdel.pacing.estimate import LimitEstimate
from bulkdel.pacing.schedule import peak
from bulkdel.settings import RunSettings
from bulkdel.sources import from_iterable
from tests.support.engine_fakes import (
    deleted,
    edge,
    failing,
    in_virtual_time,
    most_in_a_second,
    refusing,
)
from tests.support.lane_job import Job, ids
from tests.support.seeds import seeds


class Working:
    """A run at work."""

    def __init__(self, job: Job, count: int, log: Path | None) -> None:
        self.job = job
        self.run = Run(
            RunSettings(lanes=[job.lane], log=log),
            [ReaderSource(from_iterable(ids(count), job.lane.name), "ids", job.lane.name)],
            edge=edge(job.transport),
        )
        self.summary: Summary | None = None

    async def end(self) -> Summary:
        """Wait for its end."""
        while self.summary is None:
            await anyio.sleep(1)
        return self.summary

    async def sent_in(self, seconds: float) -> int:
        """Return how many requests are sent in a time."""
        before = len(self.job.transport.sent)
        await anyio.sleep(seconds)
        return len(self.job.transport.sent) - before


@asynccontextmanager
async def working(job: Job, count: int = 5_000, log: Path | None = None) -> AsyncIterator[Working]:
    """Start a run; it is drained at the end of the block."""
    made = Working(job, count, log)

    async def work() -> None:
        made.summary = await made.run.run()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work)
        await anyio.sleep(2)
        yield made
        made.run.drain()


@in_virtual_time
async def test_a_pause_sends_nothing_and_ends_as_it_began(tmp_path: Path) -> None:
    """What was in flight is finished; an hour later it goes on at the same rate."""
    log = tmp_path / "log"
    async with working(Job(rate=50), log=log) as at:
        assert "paused" in steer(at.run, Order(Verb.PAUSE), "me")
        await anyio.sleep(1)
        assert await at.sent_in(3600) == 0
        assert at.run.snapshot()["openai"].paused
        assert "goes on" in steer(at.run, Order(Verb.RESUME), "me")
        assert await at.sent_in(10) == pytest.approx(500, abs=3)

    records = [orjson.loads(line) for line in log.read_bytes().splitlines()]
    orders = [each["control"] for each in records if "control" in each]
    assert [(each["order"], each["by"]) for each in orders] == [("pause", "me"), ("resume", "me")]
    assert at.summary is not None
    bound = at.summary.paces["openai"]["bound_s"]
    assert isinstance(bound, dict)
    assert bound["user"] == pytest.approx(3601, abs=1)


@in_virtual_time
async def test_a_pause_is_no_outage() -> None:
    """Of an outage of ten minutes five are over; a pause of hours does not use up the rest."""
    down = True

    def answering(object_id: str, _: int) -> Answer:
        return failing(503) if down else deleted(object_id)

    job = Job(answering, rate=20)
    async with working(job) as at:
        await anyio.sleep(300)
        assert at.run.snapshot()["openai"].held_for is not None
        steer(at.run, Order(Verb.PAUSE), "me")
        await anyio.sleep(30_000)
        steer(at.run, Order(Verb.RESUME), "me")
        await anyio.sleep(100)
        assert at.run.snapshot()["openai"].stop is None
        down = False
        await anyio.sleep(60)
        assert at.run.snapshot()["openai"].held_for is None
        assert await at.sent_in(10) > 150


@pytest.mark.parametrize("pause_s", [5, 120, 3600, 20_000])
@in_virtual_time
async def test_a_pause_is_no_silence(pause_s: float) -> None:
    """That nothing was refused in it tells nothing: the pace goes on where it was."""
    place_s = 0.0  # when the next place of a limit of 50/s with a burst of 5 is there

    def answering(object_id: str, _: int) -> Answer:
        nonlocal place_s
        now_s = anyio.current_time()
        if place_s > now_s + 5 / 50:
            return refusing()
        place_s = max(place_s, now_s) + 1 / 50
        return deleted(object_id)

    job = Job(answering, rate=None, rate_max=None, concurrency=50)
    async with working(job, 500_000) as at:
        await anyio.sleep(60)
        steer(at.run, Order(Verb.PAUSE), "me")
        await anyio.sleep(pause_s)
        before = at.run.snapshot()["openai"]
        steer(at.run, Order(Verb.RESUME), "me")
        await anyio.sleep(20)
        after = at.run.snapshot()["openai"]

    requests = after.counts.requests - before.counts.requests
    refused = after.counts.refused - before.counts.refused
    assert requests - refused >= 0.9 * 20 * 50
    assert refused <= 0.03 * requests


@in_virtual_time
async def test_another_rate_and_the_limit_again() -> None:
    """`auto` goes on from what is known: no slow start."""
    job = Job(rate=None, concurrency=50)
    async with working(job, 50_000) as at:
        lane = at.run.lanes["openai"]
        lane.work._learned = LimitEstimate(rate=80.0)
        steer(at.run, Order(Verb.RATE, None, 5.0), "me")
        await anyio.sleep(2)
        assert await at.sent_in(20) == pytest.approx(100, abs=2)
        steer(at.run, Order(Verb.RATE, "openai"), "me")
        assert await at.sent_in(4) > 150


@in_virtual_time
async def test_a_rate_that_is_said_again_and_again_is_kept() -> None:
    """Whoever sets it ten times a second gives no place twice."""
    async with working(Job(rate=2), 5_000) as at:
        before = len(at.job.transport.sent)
        for number in range(200):
            steer(at.run, Order(Verb.RATE, None, 2.0 + number % 2 * 0.01), "me")
            steer(at.run, Order(Verb.CONCURRENCY, None, 20 + number), "me")
            await anyio.sleep(0.1)
        assert len(at.job.transport.sent) - before <= 42


@in_virtual_time
async def test_fewer_and_more_requests_in_flight() -> None:
    """Also more than it began with, and than it had after a pause."""
    job = Job(rate=None, concurrency=4, delay_s=1.0)
    job.lane = type(job.lane)(provider=job.lane.provider, api_key="key", rate=10_000, concurrency=4)
    async with working(job) as at:
        for places in (2, 30, 1, 4):
            steer(at.run, Order(Verb.PAUSE), "me")
            steer(at.run, Order(Verb.CONCURRENCY, None, places), "me")
            assert at.run.lanes["openai"].work.places == 0
            steer(at.run, Order(Verb.RESUME), "me")
            await anyio.sleep(5.5)
            assert at.run.snapshot()["openai"].in_flight == places
            assert at.run.snapshot()["openai"].places == places


@in_virtual_time
async def test_stop_ends_as_ctrl_c_does(tmp_path: Path) -> None:
    """Also in a pause."""
    log = tmp_path / "log"
    async with working(Job(rate=10), log=log) as at:
        steer(at.run, Order(Verb.PAUSE), "me")
        assert "stopping" in steer(at.run, Order(Verb.STOP), "me")
        summary = await at.end()
        with pytest.raises(ConfigError, match="ending"):
            steer(at.run, Order(Verb.RESUME), "me")

    assert summary.state is State.INTERRUPTED
    assert log.read_bytes().count(b'{"control":') == 2


@pytest.mark.parametrize(
    "order",
    [
        Order(Verb.PAUSE, "no lane"),
        Order(Verb.RATE, None, 0.0),
        Order(Verb.RATE, None, float("nan")),
        Order(Verb.RATE, None, 1e9),
        Order(Verb.CONCURRENCY, None, 0.0),
        Order(Verb.CONCURRENCY, None, 1e6),
    ],
)
@in_virtual_time
async def test_an_order_that_cannot_be_followed_changes_nothing(
    order: Order, tmp_path: Path
) -> None:
    """And no line says that it was."""
    log = tmp_path / "log"
    async with working(Job(rate=20), log=log) as at:
        with pytest.raises(ConfigError):
            steer(at.run, order, "me")
        assert await at.sent_in(10) == pytest.approx(200, abs=3)

    assert b'{"control":' not in log.read_bytes()


def test_orders_that_make_no_sense() -> None:
    """They are refused where they are made."""
    for verb, lane, value in (
        (Verb.CONCURRENCY, None, None),
        (Verb.CONCURRENCY, None, 1.5),
        (Verb.CONCURRENCY, None, float("inf")),
        (Verb.STOP, "ark", None),
    ):
        with pytest.raises(ConfigError):
            Order(verb, lane, value)


@in_virtual_time
async def steered(seed: int) -> None:
    """Steer a lane whose connections stall at random: nothing is written that was not ordered."""
    dice = random.Random(f"steered {seed}")
    ceiling = dice.choice((3.0, 20.0))
    stalls_s = dice.choice((0.0, 2.0, 8.0))
    until_s = anyio.current_time() + dice.choice((0.0, 15.0))

    def connecting(_: int) -> float:
        at_once = max(0.0, until_s - anyio.current_time())
        return at_once or stalls_s * dice.random() * (dice.random() < 0.3)

    job = Job(rate=None, rate_max=ceiling, concurrency=40, delay_s=0.05)
    job.transport.connecting = connecting
    async with working(job, 20_000) as at:
        for _ in range(40):
            verb, value = dice.choice(
                (
                    (Verb.RATE, ceiling),
                    (Verb.RATE, ceiling / 3),
                    (Verb.RATE, None),
                    (Verb.CONCURRENCY, dice.randint(10, 200)),
                    (Verb.PAUSE, None),
                    (Verb.RESUME, None),
                )
            )
            steer(at.run, Order(verb, None, value), "me")
            before = len(job.transport.sent)
            await anyio.sleep(dice.choice((0.02, 0.1, 3.0)))
            if at.run.lanes["openai"].work.is_paused:
                assert len(job.transport.sent) == before
        steer(at.run, Order(Verb.STOP), "me")
        before = len(job.transport.sent)
        summary = await at.end()
        assert len(job.transport.sent) == before
    assert summary.counts.requests == before
    assert summary.counts.failed == 0
    times_s = [time_s for time_s, _ in job.transport.sent]
    catches_up = max(2.0, 0.2 * ceiling)  # `auto` makes up for a timer that was late
    assert most_in_a_second(times_s) <= peak(ceiling) + catches_up, seed


def test_nothing_is_written_in_a_pause_after_the_end_or_above_the_ceiling() -> None:
    """Also what was taken before the order, and has its connection only now."""
    for seed in seeds(40):
        steered(seed)


@pytest.mark.parametrize("order", [(Verb.RATE, 50.0), (Verb.CONCURRENCY, 200), (Verb.RATE, None)])
@pytest.mark.parametrize("rate", [None, 2.0])
@in_virtual_time
async def test_an_order_does_not_forget_when_to_come_back(
    rate: float | None, order: tuple[Verb, float | None]
) -> None:
    """The provider has said so to the account, not to a pace."""
    times_s: list[float] = []
    told_s = 0.0

    def answering(object_id: str, _: int) -> Answer:
        nonlocal told_s
        times_s.append(anyio.current_time())
        if len(times_s) < 20 or anyio.current_time() > told_s + 39 > 39:
            return deleted(object_id)
        told_s = told_s or anyio.current_time()
        return refusing(**{"retry-after": "40"})

    async with working(Job(answering, rate=rate, concurrency=4), 2_000) as at:
        while not told_s:
            await anyio.sleep(0.1)
        await anyio.sleep(5)
        steer(at.run, Order(order[0], None, order[1]), "me")
        await anyio.sleep(30)
        steer(at.run, Order(Verb.STOP), "me")
        await at.end()

    assert [time_s - told_s for time_s in times_s if 5 < time_s - told_s < 34] == []
