"""Which lanes the rows of the sources name, found by reading them before anything is sent.

A row whose lane has no key must end the command, not become `invalid`: whether it is deleted
would else depend on what happens to be set in the environment. So the files are read once more.
That costs seconds for millions of rows, where the deletions take hours.

Not here: stdin and other pipes, which can be read only once; there, such a row ends the
source (`delete_job`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from bulkdel.cli.lane_values import is_lane
from bulkdel.errors import SourceError
from bulkdel.sources import Source, open_source


def lanes_of_rows(sources: Iterable[Source]) -> list[str]:
    """Return the lanes that rows of files name, in their order.

    Names that no lane can have are left out: their rows are invalid, with that reason.
    A source that cannot be read counts as far as it can be: the run says what is wrong.
    """
    named: dict[str, None] = {}
    for source in sources:
        if source.lane is None and Path(source.name).is_file():
            for lane in _lanes_of(source):
                if lane not in named and is_lane(lane):
                    named[lane] = None
    return list(named)


def _lanes_of(source: Source) -> Iterator[str]:
    try:
        reader = open_source(source)
    except SourceError:
        return
    try:
        while (blocks := reader.read()) is not None:
            yield from (block.lane for block in blocks)
    except SourceError:
        return
    finally:
        reader.close()
