"""How a run ends early, and how a caller gives IDs and takes results."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import orjson
import pytest

from bulkdel import ConfigError, State, open_deletion
from bulkdel.engine.inputs import ReaderSource
from bulkdel.engine.resume import read_logs
from bulkdel.engine.run import Run
from bulkdel.settings import RunSettings
from bulkdel.sources import from_iterable
from tests.support.engine_fakes import (
    FakeTransport,
    edge,
    in_virtual_time,
    refusing,
)
from tests.support.lane_job import Job, ids, key_refused, lane, outcomes

HOUR_S = 3600.0


# -- ending early ----------------------------------------------------------------------
@in_virtual_time
async def test_drain_finishes_what_is_in_flight(tmp_path: Path) -> None:
    """Ctrl-C: an answer that is on its way is waited for, and logged."""
    job = Job(rate=100, concurrency=50, delay_s=2.0)

    async with open_deletion(
        ids(5000), lane=job.lane, log=tmp_path / "log", edge=edge(job.transport)
    ) as deletion:
        await anyio.sleep(10)
        sent = len(job.transport.sent)
        assert job.transport.in_flight > 10
        deletion.drain()
        results = [result async for result in deletion]

    assert len(job.transport.sent) == sent
    assert len(results) == sent
    summary = deletion.summary
    assert summary is not None
    assert (summary.state, summary.counts.deleted) == (State.INTERRUPTED, sent)
    assert summary.counts.pending == summary.counts.read - sent
    assert len(outcomes(tmp_path / "log")) == sent


@in_virtual_time
async def test_drain_ends_the_reading_of_a_long_log(tmp_path: Path) -> None:
    """Ctrl-C over ten million lines: not after all of them, and what they say stays as it is."""
    job = Job()
    log = tmp_path / "log"
    await job.delete(ids(20_000), log=log)
    before = log.read_bytes()
    lines_read = 0

    async def drain_first(func: Callable[..., Any], /, *args: Any) -> Any:
        nonlocal lines_read
        if func is not read_logs:
            return func(*args)
        run.drain()
        index, facts = func(*args)
        lines_read = facts.lines
        return index, facts

    world = replace(edge(job.transport), run_blocking=drain_first)
    reader = from_iterable(ids(30_000), job.lane.name)
    run = Run(
        RunSettings(lanes=[job.lane], log=log),
        [ReaderSource(reader, "<ids>", job.lane.name, in_line=True)],
        edge=world,
    )
    summary = await run.run()

    assert 0 < lines_read < 5_000
    assert len(job.transport.sent) == 20_000
    assert log.read_bytes() == before
    assert summary.state is State.INTERRUPTED


@in_virtual_time
async def test_drain_does_not_wait_for_ids_between_two_attempts() -> None:
    """They are still to do; who presses Ctrl-C does not wait five minutes for them."""
    job = Job(lambda *_: refusing(retry_after="300"))

    async with open_deletion(ids(10), lane=job.lane, edge=edge(job.transport)) as deletion:
        await anyio.sleep(5)
        began_s = anyio.current_time()
        deletion.drain()
        assert [result async for result in deletion] == []

    assert anyio.current_time() - began_s < 1
    assert deletion.summary is not None
    assert deletion.summary.counts.pending == 10


class Ids:
    """An async iterable that is watched."""

    def __init__(self, count: int, gap_s: float = 0.0, every: int = 1) -> None:
        self.closed = False
        self.given = 0
        self._count = count
        self._gap_s = gap_s
        self._every = every

    async def __aiter__(self) -> AsyncIterator[str]:
        """Give ``every`` IDs at once, then wait."""
        try:
            for number in range(self._count):
                if number % self._every == 0:
                    await anyio.sleep(self._gap_s)
                self.given += 1
                yield f"resp_{number}"
        finally:
            self.closed = True
            await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("gap_s", [0.0, 0.5])
@in_virtual_time
async def test_an_async_iterable_is_read_to_its_end_and_closed(gap_s: float) -> None:
    """A database cursor behind it is let go."""
    source = Ids(1200, gap_s)

    summary = await Job().delete(source)

    assert (summary.counts.deleted, summary.counts.read) == (1200, 1200)
    assert source.closed


@in_virtual_time
async def test_an_async_iterable_is_closed_when_the_lane_stops() -> None:
    """Also if it has more, and also if it waits."""
    for gap_s in (0.0, 1.0):
        source = Ids(100_000, gap_s)
        job = Job(lambda *_: key_refused())

        summary = await job.delete(source)

        assert summary.state is State.STOPPED
        assert source.closed
        assert source.given < 10_000
        assert summary.counts.read <= source.given


@in_virtual_time
async def test_ids_that_have_come_do_not_wait_for_the_next() -> None:
    """A queue that gives three IDs and then nothing for an hour."""
    source = Ids(9, HOUR_S, every=3)
    job = Job()

    await job.delete(source)

    assert [int(time_s // HOUR_S) for time_s in job.times_s] == [1, 1, 1, 2, 2, 2, 3, 3, 3]


@in_virtual_time
async def test_a_drained_async_iterable_loses_no_count() -> None:
    """What was taken from it is read, and so counted: deleted or still to do."""
    source = Ids(1000, 10.0, every=7)
    job = Job(rate=0.5)

    async with open_deletion(source, lane=job.lane, edge=edge(job.transport)) as deletion:
        await anyio.sleep(35)
        deletion.drain()
        await anyio.sleep(5)

    assert deletion.summary is not None
    assert source.closed
    assert deletion.summary.counts.read == source.given == 21


# -- the iterator ----------------------------------------------------------------------
@in_virtual_time
async def test_a_slow_reader_of_results_gets_them_all_and_holds_few() -> None:
    """IDs wait while results do: memory does not grow with a caller that is slow."""
    job = Job(concurrency=100, delay_s=0.001)
    seen = []

    async with open_deletion(ids(25_000), lane=job.lane, edge=edge(job.transport)) as deletion:
        await anyio.sleep(60)
        assert 10_000 <= len(job.transport.sent) <= 10_100
        async for result in deletion:
            seen.append(result.object_id)
            if len(seen) % 5000 == 0:
                await anyio.sleep(60)
            assert len(job.transport.sent) <= len(seen) + 10_100

    assert sorted(seen) == sorted(ids(25_000))
    assert deletion.summary is not None
    assert deletion.summary.all_gone


@in_virtual_time
async def test_leaving_the_iterator_early_drains() -> None:
    """A `break` is a Ctrl-C: what is in flight is finished, nothing more is taken."""
    job = Job(rate=100, delay_s=1.0)

    async with open_deletion(ids(5000), lane=job.lane, edge=edge(job.transport)) as deletion:
        async for _ in deletion:
            break
        sent = len(job.transport.sent)

    assert deletion.summary is not None
    assert deletion.summary.counts.deleted == len(job.transport.sent) <= sent + 1


@in_virtual_time
async def test_the_iterator_raises_what_it_promises(tmp_path: Path) -> None:
    """Not a group of exceptions that nobody catches."""
    with pytest.raises(ConfigError, match="directory"):
        async with open_deletion(
            ids(5), lane=lane(), log=tmp_path, edge=edge(FakeTransport())
        ) as deletion:
            assert [result async for result in deletion] == []


@in_virtual_time
async def test_the_rate_can_be_changed_while_it_runs() -> None:
    """For an account that others begin to use."""
    job = Job(rate=100)

    async with open_deletion(ids(1000), lane=job.lane, edge=edge(job.transport)) as deletion:
        await anyio.sleep(5)
        deletion.set_rate(10)
        before = len(job.transport.sent)
        await anyio.sleep(10)
        assert len(job.transport.sent) - before == pytest.approx(100, abs=3)


@in_virtual_time
async def test_what_ends_by_an_error_never_says_that_it_finished(tmp_path: Path) -> None:
    """The last line of the log is what people believe: 14 of 200,000 is not finished."""
    log = tmp_path / "log.jsonl"

    def source() -> Iterator[str]:
        yield from ids(300)
        raise LookupError("the database is gone")

    with pytest.raises(LookupError, match="database"):
        await Job().delete(source(), log=log)

    end = orjson.loads(log.read_bytes().splitlines()[-1])["end"]
    assert end["state"] == "stopped"
    assert "LookupError" in end["reason"]
