"""Between a source and its lanes: little in memory, and no lane waits for another."""

from __future__ import annotations

import anyio
import pytest

from bulkdel import State
from bulkdel.engine.inputs import ReaderSource
from bulkdel.engine.queue import BLOCKS_MAX, LaneQueue
from bulkdel.engine.run import Run
from bulkdel.engine.spill import Spill
from bulkdel.models import Answer, Block
from bulkdel.providers import get
from bulkdel.settings import Lane, RunSettings
from tests.support.engine_fakes import FakeTransport, edge, gone, in_turn, in_virtual_time

HOUR_S = 3600.0


def block(number: int, size: int = 10) -> list[str]:
    """Return a block of IDs."""
    return [f"resp_{number}_{place}" for place in range(size)]


def take_all(queue: LaneQueue) -> list[str]:
    """Take what is in memory."""
    taken = []
    while (object_id := queue.take()) is not None:
        taken.append(object_id)
    return taken


@in_virtual_time
async def test_ids_come_out_as_they_went_in() -> None:
    """Each once, in the order of the source."""
    queue = LaneQueue()
    for number in range(BLOCKS_MAX):
        await queue.put(block(number))

    assert take_all(queue) == [object_id for n in range(BLOCKS_MAX) for object_id in block(n)]
    assert queue.is_empty
    assert not queue.has_ended
    queue.close()
    assert queue.has_ended


@in_virtual_time
async def test_a_full_feed_makes_its_source_wait() -> None:
    """A file of ten million IDs is not read ahead of a slow lane."""
    queue, put = LaneQueue(), []

    async def read() -> None:
        for number in range(100):
            await queue.put(block(number))
            put.append(number)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        await anyio.sleep(1)
        assert len(put) == BLOCKS_MAX

        queue.take()
        await anyio.sleep(1)
        assert len(put) == BLOCKS_MAX + 1

        while len(put) < 100:
            take_all(queue)
            await anyio.sleep(1)


@in_virtual_time
async def test_two_sources_of_one_lane_wait_together() -> None:
    """Both wait for the same room; neither is forgotten."""
    queue, taken = LaneQueue(), set[str]()

    async def read(first: int) -> None:
        for number in range(first, first + 50):
            await queue.put(block(number))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read, 0)
        tasks.start_soon(read, 50)
        while len(taken) < 1000:
            if (object_id := queue.take()) is None:
                await anyio.sleep(1)
            else:
                taken.add(object_id)


@in_virtual_time
async def test_an_abandoned_feed_holds_nothing_and_nobody() -> None:
    """Its lane has stopped: the source goes on for the other lanes."""
    queue, woken = LaneQueue(), []
    queue.wake = lambda: woken.append(1)
    async with anyio.create_task_group() as tasks:
        for number in range(BLOCKS_MAX + 2):
            tasks.start_soon(queue.put, block(number))
        await anyio.sleep(1)
        assert len(woken) == BLOCKS_MAX

        queue.abandon()

    assert queue.take() is None
    await queue.put(block(9))
    assert queue.is_empty


@in_virtual_time
async def test_a_spill_never_waits_and_keeps_the_order() -> None:
    """What does not fit comes back from disk, as whole as it went there."""
    queue = LaneQueue()
    spill = Spill(queue, run_blocking=in_turn)
    blocks = [[*block(number), "ü/\\ \u2028 \U0001f600"] for number in range(200)]
    taken: list[str] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(spill.run)
        with anyio.fail_after(0.1):
            for ids in blocks:
                await spill.add(ids)
        assert len(queue._blocks) == BLOCKS_MAX
        spill.close()
        while len(taken) < sum(map(len, blocks)):
            taken += take_all(queue)
            await anyio.sleep(0.001)

    assert taken == [object_id for ids in blocks for object_id in ids]


@in_virtual_time
async def test_a_spill_that_empties_and_fills_again_loses_nothing() -> None:
    """Its file begins again at the start when all is read."""
    queue, taken, put = LaneQueue(), list[str](), list[str]()
    spill = Spill(queue, run_blocking=in_turn)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(spill.run)
        for number in range(300):
            put += block(number, size=1 + number % 7)
            await spill.add(block(number, size=1 + number % 7))
            if number % 25 == 0:
                for _ in range(20):
                    taken += take_all(queue)
                    await anyio.sleep(0.001)
        spill.close()
        while len(taken) < len(put):
            taken += take_all(queue)
            await anyio.sleep(0.001)

    assert taken == put


class MixedReader:
    """A source whose rows name their lane in turn; counts what was read."""

    def __init__(self, blocks: int, size: int, lanes: tuple[str, ...] = ("a", "b")) -> None:
        self.blocks_read = 0
        self._blocks = blocks
        self._size = size
        self._lanes = lanes

    def read(self) -> list[Block] | None:
        """Return a block for each lane."""
        if self.blocks_read == self._blocks:
            return None
        self.blocks_read += 1
        ids = block(self.blocks_read, self._size)
        return [Block(lane, [f"{lane}_{one}" for one in ids]) for lane in self._lanes]

    def interrupt(self) -> None:
        """End now."""
        self._blocks = self.blocks_read

    def close(self) -> None:
        """Have nothing to close."""


def lane(name: str, rate: float = 1000) -> Lane:
    """Return a lane with a fixed rate."""
    return Lane(provider=get("openai"), api_key="k", name=name, rate=rate)


def mixed_run(reader: MixedReader, *lanes: Lane, **transports: FakeTransport) -> Run:
    """Return a run of one source that feeds all lanes."""
    source = ReaderSource(reader, "mixed", None)
    return Run(RunSettings(lanes=lanes), [source], edge=edge(**transports))


async def last_sent_s(run: Run, transport: FakeTransport) -> float:
    """Run for an hour at most, and return when ``transport`` sent its last request."""
    with anyio.move_on_after(HOUR_S):
        await run.run()
    return transport.sent[-1][0]


@pytest.mark.parametrize("hinder", ["slow", "hung", "stopped"])
@in_virtual_time
async def test_a_lane_of_a_mixed_source_is_as_fast_as_alone(hinder: str) -> None:
    """Lane a crawls, hangs or has stopped from the start; lane b does not notice."""
    alone = FakeTransport()
    began_s = anyio.current_time()
    await mixed_run(MixedReader(20, 250, ("b",)), lane("b"), b=alone).run()
    alone_s = alone.sent[-1][0] - began_s

    a = FakeTransport(gone_always) if hinder == "stopped" else FakeTransport()
    if hinder == "hung":
        a.delay_s = 10 * HOUR_S
    b = FakeTransport()
    reader = MixedReader(20, 250)
    lanes = lane("a", 1 if hinder == "slow" else 1000), lane("b")
    began_s = anyio.current_time()
    beside_s = await last_sent_s(mixed_run(reader, *lanes, a=a, b=b), b) - began_s

    assert len(b.sent) == 20 * 250
    assert len(set(b.ids)) == 20 * 250
    assert beside_s == pytest.approx(alone_s, rel=0.01)
    if hinder == "stopped":
        assert len(a.sent) <= 100 + 128


def gone_always(object_id: str, _: int) -> Answer:
    """Have no object."""
    return gone(object_id)


@in_virtual_time
async def test_a_standing_lane_keeps_a_few_blocks_in_memory() -> None:
    """The rest of its million rows lies on disk."""
    a, b = FakeTransport(delay_s=10 * HOUR_S), FakeTransport()
    reader = MixedReader(400, 25)
    run = mixed_run(reader, lane("a"), lane("b"), a=a, b=b)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run.run)
        await anyio.sleep(60)

        assert reader.blocks_read == 400
        assert len(b.sent) == 400 * 25
        assert len(run.lanes["a"].work.queue._blocks) <= BLOCKS_MAX
        tasks.cancel_scope.cancel()


@in_virtual_time
async def test_a_stopped_lane_of_a_mixed_source_keeps_its_ids_to_do() -> None:
    """They are read and counted, and none is lost or burnt."""
    a, b = FakeTransport(gone_always), FakeTransport()
    run = mixed_run(MixedReader(40, 25), lane("a"), lane("b"), a=a, b=b)

    summary = await run.run()

    assert summary.state is State.STOPPED
    assert (summary.lanes["a"].read, summary.lanes["a"].pending) == (1000, 1000)
    assert (summary.lanes["b"].read, summary.lanes["b"].deleted) == (1000, 1000)


@in_virtual_time
async def test_a_source_of_one_lane_is_read_no_further_than_needed() -> None:
    """A slow lane's file waits; memory holds a few blocks."""
    reader = MixedReader(400, 25, ("a",))
    source = ReaderSource(reader, "ids", "a")
    run = Run(RunSettings(lanes=[lane("a", 1)]), [source], edge=edge(FakeTransport()))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run.run)
        await anyio.sleep(100)

        assert reader.blocks_read <= 100 / 25 + BLOCKS_MAX + 2
        tasks.cancel_scope.cancel()


@in_virtual_time
async def test_each_lane_ends_when_its_own_sources_have() -> None:
    """A source of another lane that never ends keeps nobody waiting."""
    a, b = FakeTransport(), FakeTransport()
    sources = [
        ReaderSource(MixedReader(2, 25, ("a",)), "a", "a"),
        ReaderSource(MixedReader(1000, 25, ("b",)), "b", "b"),
    ]
    run = Run(RunSettings(lanes=[lane("a"), lane("b", 10)]), sources, edge=edge(a=a, b=b))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run.run)
        await anyio.sleep(60)

        assert run.lanes["a"].work.queue.abandoned
        assert run.counts["a"].deleted == 50
        tasks.cancel_scope.cancel()


@in_virtual_time
async def test_drained_mixed_run_counts_every_row_it_has_read() -> None:
    """Ctrl-C while a spill holds rows on disk: they are still to do."""
    run = mixed_run(
        MixedReader(40, 25), lane("a", 1), lane("b", 100), a=FakeTransport(), b=FakeTransport()
    )

    async def drain() -> None:
        await anyio.sleep(5)
        run.drain()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(drain)
        summary = await run.run()

    assert summary.state is State.INTERRUPTED
    assert summary.counts.read == 2 * 40 * 25
    assert summary.lanes["a"].pending == 1000 - summary.lanes["a"].deleted
    assert 4 <= summary.lanes["a"].deleted <= 7
