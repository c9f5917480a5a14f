"""The sources of a run: each knows how it is fed to its lanes, and how to end that.

Not here: reading and claiming the blocks (`feeder`), what a file of IDs may look like (`sources`).
"""

from __future__ import annotations

from collections.abc import AsyncIterable
from dataclasses import dataclass
from typing import Protocol

from bulkdel.engine.feeder import BlockReader, Feeder
from bulkdel.object_id import STRICT, IdForm


class RunSource(Protocol):
    """One source of a run."""

    @property
    def label(self) -> str:
        """Its name in the log and in messages."""
        ...

    @property
    def lane(self) -> str | None:
        """The only lane it feeds, or None if its rows name their lane."""
        ...

    async def feed(self, feeder: Feeder) -> None:
        """Feed it to its end."""
        ...

    def interrupt(self) -> None:
        """Make `feed` end soon."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


@dataclass(frozen=True, slots=True)
class ReaderSource:
    """A file, stdin or an iterable, read block by block."""

    reader: BlockReader
    label: str
    lane: str | None
    in_line: bool = False
    """Read it in the event loop's thread: it is Python code of the caller."""

    async def feed(self, feeder: Feeder) -> None:
        """Feed it to its end."""
        if self.lane is None:
            await feeder.feed_lanes(self.reader)
        else:
            await feeder.feed_lane(self.reader, self.lane, in_line=self.in_line)

    def interrupt(self) -> None:
        """Make a blocked read return."""
        self.reader.interrupt()

    def close(self) -> None:
        """Close the reader."""
        self.reader.close()


@dataclass(frozen=True, slots=True)
class AsyncSource:
    """An async iterable of IDs."""

    ids: AsyncIterable[object]
    label: str
    lane: str
    form: IdForm = STRICT
    """What its IDs look like."""

    async def feed(self, feeder: Feeder) -> None:
        """Feed it to its end."""
        await feeder.feed_async(self.ids, self.lane, self.label, self.form)

    def interrupt(self) -> None:
        """Do nothing: its feeding is cancelled."""

    def close(self) -> None:
        """Do nothing: `feed` closes it."""
