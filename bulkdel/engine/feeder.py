"""Bring IDs from one source to the queues of its lanes.

    reader ──blocks──> index.claim ──fresh IDs──> queue (one lane) or spill (several)
                            └──invalid rows──> sink

Every ID that is read is counted here once: as a duplicate, as skipped, as invalid, or as
an ID for its lane. Reading and claiming run together in a thread, block by block.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Protocol

import anyio
import anyio.lowlevel

from bulkdel.blocking import InThread
from bulkdel.engine.queue import LaneQueue
from bulkdel.engine.sink import Sink
from bulkdel.engine.spill import Spill
from bulkdel.errors import SourceError
from bulkdel.models import Block, Counts, InvalidRow, Outcome, Result
from bulkdel.object_id import IdForm
from bulkdel.result_log.index import Claimed, Index
from bulkdel.sources import check_ids

ASYNC_BLOCK: Final = 500
"""IDs of an async iterable that are handed on together, while their lane is busy."""

_ROOM_S: Final = 0.02


class BlockReader(Protocol):
    """Reads blocks of IDs, one call at a time."""

    def read(self) -> list[Block] | None:
        """Return the next blocks, or None at the end."""
        ...

    def interrupt(self) -> None:
        """Make a blocked `read` return soon. Callable from any thread."""
        ...

    def close(self) -> None:
        """Close the source."""
        ...


class Feeder:
    """Feeds the IDs of one source.

    Args:
        queues: LaneQueue of each lane, by name.
        counts: Counts of each lane, by name; that of `NO_LANE` too.
        index: What is done or was read already.
        sink: Where the results of invalid rows go.
        run_blocking: Runs reading and claiming.
        wall_clock: Seconds since 1970, for the log.
        spill_folder: Where temporary files go; None for the system's place.
    """

    def __init__(
        self,
        *,
        queues: Mapping[str, LaneQueue],
        counts: Mapping[str, Counts],
        index: Index,
        sink: Sink,
        run_blocking: InThread,
        wall_clock: Callable[[], float],
        spill_folder: Path | None,
    ) -> None:
        self._queues = queues
        self._spill_folder = spill_folder
        self._counts = counts
        self._index = index
        self._sink = sink
        self._run_blocking = run_blocking
        self._wall_clock = wall_clock

    async def feed_lane(self, reader: BlockReader, lane: str, *, in_line: bool = False) -> None:
        """Feed a source of one lane; it waits while the lane has enough."""
        queue = self._queues[lane]
        while not queue.abandoned and (claimed := await self._read(reader, in_line)) is not None:
            for part in claimed:
                await queue.put(await self._count(part))

    async def feed_lanes(self, reader: BlockReader) -> None:
        """Feed a source whose rows name their lane; no lane waits for another."""
        spills = {
            name: Spill(queue, folder=self._spill_folder, run_blocking=self._run_blocking)
            for name, queue in self._queues.items()
        }
        errors: list[SourceError] = []
        async with anyio.create_task_group() as tasks:
            for spill in spills.values():
                tasks.start_soon(spill.run)
            try:
                while (claimed := await self._read(reader)) is not None:
                    for part in claimed:
                        ids = await self._count(part)
                        if ids:
                            await spills[part.block.lane].add(ids)
            except SourceError as exc:  # raised below: the group would wrap it
                errors.append(exc)
            for spill in spills.values():
                spill.close()
        errors += [spill.error for spill in spills.values() if spill.error is not None]
        if errors:
            raise errors[0]

    async def feed_async(
        self, ids: AsyncIterable[object], lane: str, source: str, form: IdForm
    ) -> None:
        """Feed an async iterable; a slow one's IDs are handed on as they come.

        One task asks for the next item while another hands on what has come, in blocks
        that are the larger the busier the lane is.
        """
        pile = _Pile()

        async def collect() -> None:
            async with _closing(ids) as items:
                async for item in items:
                    await pile.add(item)
            pile.end()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(collect)
            line = 1
            try:
                while (texts := await pile.take()) and not self._queues[lane].abandoned:
                    await self._put(Block(lane, *check_ids(texts, line, source, form)))
                    line += len(texts)
                tasks.cancel_scope.cancel()
            finally:
                self._counts[lane].read += pile.left  # still to do

    async def _put(self, block: Block) -> None:
        claimed = await self._run_blocking(self._index.claim, block)
        await self._queues[block.lane].put(await self._count(claimed))

    async def _read(self, reader: BlockReader, in_line: bool = False) -> list[Claimed] | None:
        if in_line:
            await anyio.lowlevel.checkpoint()
            return self._read_and_claim(reader)
        return await self._run_blocking(self._read_and_claim, reader)

    def _read_and_claim(self, reader: BlockReader) -> list[Claimed] | None:
        blocks = reader.read()
        return None if blocks is None else [self._index.claim(block) for block in blocks]

    async def _count(self, claimed: Claimed) -> list[str]:
        """Count what was claimed, log its invalid rows, and return its fresh IDs."""
        block = claimed.block
        counts = self._counts[block.lane]
        here = len(block.ids) + len(block.invalid) + block.kept
        counts.read += here + claimed.skipped + claimed.duplicates
        counts.skipped += claimed.skipped
        counts.skipped_failed += claimed.skipped_failed
        counts.duplicates += claimed.duplicates
        counts.stripped += block.stripped
        counts.kept += block.kept
        counts.kept_unknown += block.kept_unknown
        for row in block.invalid:
            while not self._sink.has_room:  # noqa: ASYNC110 - rare, and several may wait
                await anyio.sleep(_ROOM_S)
            self._sink.append(_invalid(row, block.lane, self._wall_clock()))
            counts.invalid += 1
        return block.ids


class _Pile:
    """Items of an async iterable that are not handed on yet; at most `ASYNC_BLOCK`."""

    def __init__(self) -> None:
        self._items: list[object] = []
        self._changed = anyio.Event()
        self._ended = False

    @property
    def left(self) -> int:
        return len(self._items)

    async def add(self, item: object) -> None:
        while len(self._items) >= ASYNC_BLOCK:
            await self._wait()
        self._items.append(item)
        self._changed.set()

    def end(self) -> None:
        self._ended = True
        self._changed.set()

    async def take(self) -> list[object]:
        """Return what is there, waiting for at least one item; nothing at the end."""
        while not self._items and not self._ended:
            await self._wait()
        items, self._items = self._items, []
        self._changed.set()
        return items

    async def _wait(self) -> None:
        if self._changed.is_set():
            self._changed = anyio.Event()
        await self._changed.wait()


def _invalid(row: InvalidRow, lane: str, at_s: float) -> Result:
    return Result(
        object_id=row.text,
        lane=lane,
        outcome=Outcome.INVALID,
        at_s=at_s,
        error=row.reason,
        source=row.source,
        line=row.line,
    )


@asynccontextmanager
async def _closing(ids: AsyncIterable[object]) -> AsyncIterator[AsyncIterator[object]]:
    """Iterate, and close an async generator at the end: cancelling a feed would leak it."""
    items = aiter(ids)
    try:
        yield items
    finally:
        if isinstance(items, AsyncGenerator):
            with anyio.CancelScope(shield=True):
                await items.aclose()
