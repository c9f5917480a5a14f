"""List a lane into a target: page by page, with progress; what was seen is summed up.

    Lister ──objects──> Choice ──wanted──> Target
                                   └─────> Tally: how many, how old, how large

Not here: asking (`engine.listing`), writing (`list_output`), the commands (`list`, `from_list`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import orjson

from bulkdel.cli.list_output import Target
from bulkdel.cli.output import say
from bulkdel.engine.choice import Choice
from bulkdel.engine.listing import Lister
from bulkdel.pacing.choose import make_pace
from bulkdel.providers.listing import Listed, seconds
from bulkdel.retry import RetryPolicy
from bulkdel.settings import Lane
from bulkdel.transport.pages import open_pages

PROGRESS_EVERY_S: Final = 10.0
_SIZES: Final = ("bytes", "size_bytes", "sizeBytes", "usage_bytes")
"""What providers call the size of an object."""
_READ_BYTES: Final = 1 << 20


class Tally:
    """Objects, summed up."""

    def __init__(self) -> None:
        self.objects = self.size = 0
        self._oldest_s = self._newest_s = 0.0

    @classmethod
    def of_file(cls, path: Path) -> Tally:
        """Sum up a list that was written."""
        tally = cls()
        with path.open("rb") as file:
            while lines := file.readlines(_READ_BYTES):
                rows = map(orjson.loads, lines)
                tally.add(Listed(row["id"], seconds(row["created_at"]), row) for row in rows)
        return tally

    def add(self, objects: Iterable[Listed]) -> None:
        """Count objects."""
        for each in objects:
            self.objects += 1
            self.size += size_of(each)
            if each.created_s is not None:
                self._oldest_s = min(self._oldest_s or each.created_s, each.created_s)
                self._newest_s = max(self._newest_s, each.created_s)

    def words(self) -> list[str]:
        """Return age and size for people, as far as they are known."""
        parts = []
        if self._newest_s:
            parts.append(f"made from {_day(self._oldest_s)} to {_day(self._newest_s)}")
        if self.size:
            parts.append(f"{size_text(self.size)} in all")
        return parts


async def list_to(
    target: Target, lane: Lane, choice: Choice, *, limit: int | None, quiet: bool
) -> str:
    """List a lane, and say in a sentence what was seen; the target is not ended.

    ``limit`` counts what an earlier part of the target holds already.

    Raises:
        ListingError: It cannot be listed to its end; what was written stays.
    """
    tally, seen, told_s = Tally(), 0, time.monotonic()
    async with open_pages(lane) as fetch:
        lister = Lister(
            lane,
            fetch=fetch,
            pace=make_pace(lane),
            retry=RetryPolicy(attempts_max=lane.attempts_max),
            known=target.known(lane),
        )
        left = None if limit is None else max(0, limit - target.count)
        async for batch in lister.pages(target.cursor):
            wanted = [each for each in batch.objects if choice.fits(each)]
            wanted = wanted if left is None else wanted[: left - tally.objects]
            target.write(wanted, batch.cursor)
            seen += len(batch.objects)
            tally.add(wanted)
            if not quiet and time.monotonic() - told_s >= PROGRESS_EVERY_S:
                told_s = time.monotonic()
                say(f"{seen:,} objects listed, {tally.objects:,} chosen")
            if left is not None and tally.objects >= left:
                break
    if lister.in_circles:
        say("The provider answered with the same pages again: there may be more than are listed.")
    parts = [f"{lane.name}: {seen:,} objects"]
    if tally.objects != seen:
        parts.append(f"{tally.objects:,} chosen")
    parts += [*tally.words(), f"{lister.requests:,} pages asked for"]
    return ", ".join(parts) + "."


def size_of(each: Listed) -> int:
    """Return the bytes that an object has, as the provider says; 0 if it does not."""
    for name in _SIZES:
        value = each.fields.get(name)
        if isinstance(value, str) and value.isdigit():  # Google writes 64-bit numbers as texts
            return int(value)
        if isinstance(value, int):
            return value
    return 0


def size_text(size: int) -> str:
    """Return a size for people."""
    for number, unit in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= number:
            return f"{size / number:.3g} {unit}"
    return f"{size} bytes"


def _day(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d")
