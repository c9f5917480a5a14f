"""Whether the sources hold IDs of their providers at all, asked before anything is sent.

Rows of a table that are taken for text (``resp_1,2024-01-01``) can all be sent, are all "gone",
and the run ends well while every object stays. No single ID is refused for its looks; but where
most of the first ones in a source look unlike the provider's, the source is not what it is taken for.

Of stdin and other pipes nothing is read before the run: they are looked at as they come, and the
source ends before any of the IDs that are wrong is sent; but for a pipe that gives a few at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bulkdel.errors import ConfigError, SourceError
from bulkdel.models import Block
from bulkdel.object_id import IdForm
from bulkdel.sources import Source, SourceReader

_FEWEST: Final = 10
"""With fewer IDs from a pipe nobody can say; of a file all that there are count."""
_ENOUGH: Final = 1000


def check_looks(
    sources: Sequence[Source], readers: Sequence[SourceReader], forms: Mapping[str, IdForm]
) -> None:
    """Refuse a source whose first IDs are mostly unlike those of their lane.

    Raises:
        ConfigError: With an example, and what to give if they are right.
    """
    for source, reader in zip(sources, readers, strict=True):
        for block in reader.first:
            why = _unlike(source, block.lane, block.ids, forms)
            if why is not None:
                raise ConfigError(why)


class LookedAt:
    """The reader of a pipe; it ends where the first IDs are mostly unlike those of their lane."""

    def __init__(self, reader: SourceReader, source: Source, forms: Mapping[str, IdForm]) -> None:
        self._reader = reader
        self._source = source
        self._forms = forms
        self._first: dict[str, list[str]] | None = {}

    def read(self) -> list[Block] | None:
        """Read; see `SourceReader.read`.

        Raises:
            SourceError: Also where the IDs look wrong, with what to give if they are right.
        """
        blocks = self._reader.read()
        if self._first is not None and blocks is not None:
            self._look(self._first, blocks)
        return blocks

    def _look(self, first: dict[str, list[str]], blocks: Sequence[Block]) -> None:
        for block in blocks:
            seen = first.setdefault(block.lane, [])
            seen += block.ids
            if len(seen) >= _FEWEST:
                why = _unlike(self._source, block.lane, seen, self._forms)
                if why is not None:
                    raise SourceError(why)
        if sum(map(len, first.values())) >= _ENOUGH:
            self._first = None

    def interrupt(self) -> None:
        """Interrupt; see `SourceReader.interrupt`."""
        self._reader.interrupt()

    def close(self) -> None:
        """Close; see `SourceReader.close`."""
        self._reader.close()


def _unlike(
    source: Source, lane: str, ids: Sequence[str], forms: Mapping[str, IdForm]
) -> str | None:
    """Return why these cannot be the IDs of a lane, or None."""
    form = forms.get(lane)
    if form is None:
        return None
    unusual = [object_id for object_id in ids if form.is_unusual(object_id)]
    if 2 * len(unusual) <= len(ids):
        return None
    return (
        f"source {source.label}: {len(unusual):,} of the first {len(ids):,} IDs do not look like"
        f" those of {lane}: {unusual[0]!r}. Check the file, --format and --id-field; --any-id sends"
        " them as they are"
    )
