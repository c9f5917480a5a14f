"""Keep what is too young, or of unknown age, by what its ID says: nothing is asked, nothing sent.

    reader ──blocks──> ByAge ──those that are old enough──> feeder
                         └──────how many are kept, and of those of unknown age

What holds here, always:

1. What is not known to be as old as is asked is kept: an ID whose form is not known, or whose time
   cannot be true.
2. A source whose IDs are of a known form but say times that cannot be true ends before one of them is
   sent: then the form means something else there.

Not here: what an ID says (`providers.birth`), which ages are asked for (`choice`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from bulkdel.engine.choice import Choice
from bulkdel.engine.feeder import BlockReader
from bulkdel.errors import SourceError
from bulkdel.models import Block
from bulkdel.providers.birth import FIRST_S

_AHEAD_S: Final = 86_400.0
_FALSE_MAX: Final = 0.02
"""Of random digits three in a hundred would pass for a time; of real ones next to none do not."""

Born = Callable[[str], float | None]


class ByAge:
    """The reader of a source, without what is kept.

    Args:
        reader: The reader.
        label: Name of the source, for messages.
        born: By lane: when an object was made, by its ID.
        choice: Which ages are wanted.
        now_s: The time now, in seconds since 1970.
    """

    def __init__(
        self,
        reader: BlockReader,
        label: str,
        born: Mapping[str, Born],
        choice: Choice,
        now_s: float,
    ) -> None:
        self._reader = reader
        self._label = label
        self._born = born
        self._before_s = choice.before_s
        self._since_s = choice.since_s
        self._last_s = now_s + _AHEAD_S

    def read(self) -> list[Block] | None:
        """Return the next blocks, or None at the end; see `BlockReader.read`.

        Raises:
            SourceError: Also where the times of IDs cannot be true.
        """
        blocks = self._reader.read()
        return None if blocks is None else [self._aged(block) for block in blocks]

    def interrupt(self) -> None:
        """Make a blocked `read` return soon."""
        self._reader.interrupt()

    def close(self) -> None:
        """Close the source."""
        self._reader.close()

    def _aged(self, block: Block) -> Block:
        born = self._born.get(block.lane, _nobody_knows)
        times = list(map(born, block.ids))
        told = [time_s for time_s in times if time_s is not None]
        untrue = sum(not FIRST_S <= time_s <= self._last_s for time_s in told)
        if untrue > _FALSE_MAX * len(told):
            example = next(
                one
                for one, time_s in zip(block.ids, times, strict=True)
                if time_s is not None and not FIRST_S <= time_s <= self._last_s
            )
            raise SourceError(
                f"source {self._label}: IDs that look like those of {block.lane} say times that"
                f" cannot be true, as {example!r}: by their age nothing can be chosen here"
            )
        wanted = [one for one, time_s in zip(block.ids, times, strict=True) if self._fits(time_s)]
        return Block(
            block.lane,
            wanted,
            block.invalid,
            block.stripped,
            kept=block.kept + len(block.ids) - len(wanted),
            kept_unknown=block.kept_unknown + len(times) - len(told) + untrue,
        )

    def _fits(self, time_s: float | None) -> bool:
        if time_s is None or not FIRST_S <= time_s <= self._last_s:
            return False
        if self._before_s is not None and not time_s < self._before_s:
            return False
        return self._since_s is None or time_s >= self._since_s


def _nobody_knows(_object_id: str) -> None:
    return None
