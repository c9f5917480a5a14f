"""Questions to logs: which IDs have failed, and what their last lines say.

    logs ──Index──> what became of each ID in the end
         ──again──> the lines of those that are asked for

Several logs count as one, in the order given. They are read twice: an ID that has failed may be
deleted by any later line.

Not here: which IDs are done (`index`), the format of a line (`decode`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from bulkdel.models import Block
from bulkdel.result_log.index import Index
from bulkdel.result_log.reader import LineState, read_failed, read_with

_FAILED_AT_ONCE: Final = 10_000
"""IDs that are looked up together: one by one takes a hundred times as long."""

Line = dict[str, Any]
"""A result line of a log, as it stands there."""


def index_of_failed() -> Index:
    """Return an index that gives out the IDs that have failed in the end, and no others it has read."""
    return Index(retry_failed=True, allow_gone=True)


def iter_failed(paths: Iterable[Path]) -> Iterator[str]:
    """Yield the IDs whose last outcome is `failed`, each once in its lane.

    Several logs count as one, in the order given. They are read twice: an ID that has
    failed may be deleted by any later line.

    Raises:
        ConfigError: A log cannot be read.
    """
    logs = list(paths)
    index = index_of_failed()
    for path in logs:
        index.read(path)
    waiting: defaultdict[str, list[str]] = defaultdict(list)
    for path in logs:
        for part in read_failed(path):
            waiting[part.lane] += [
                object_id.decode()
                for object_id, state in zip(part.ids, part.states, strict=True)
                if state in (LineState.FAILED, LineState.RETRYABLE)
            ]
            if len(waiting[part.lane]) >= _FAILED_AT_ONCE:
                yield from index.claim(Block(part.lane, waiting.pop(part.lane))).block.ids
    for lane, ids in waiting.items():
        yield from index.claim(Block(lane, ids)).block.ids


def last_lines(paths: Iterable[Path], outcome: str) -> Iterator[Line]:
    """Yield the last line of each ID whose last outcome is this: ``failed`` or ``invalid``.

    Memory grows with their number, by the length of a line each.

    Raises:
        ConfigError: A log cannot be read.
    """
    logs = list(paths)
    index = index_of_failed()
    for path in logs:
        index.read(path)
    last: dict[tuple[str, str], Line] = {}
    for path in logs:
        for line in read_with(path, outcome.encode()):
            if line["outcome"] == outcome:
                last[line["lane"], line["id"]] = line
    for (lane, object_id), line in last.items():
        if outcome == "invalid" or index.claim(Block(lane, [object_id])).block.ids:
            yield line


def reason(line: Line) -> str:
    """Return why an ID has failed, or a row is none: the same words for the same cause."""
    if line["outcome"] == "invalid":
        return str(line.get("error", ""))
    status = f"HTTP {line['status']}" if line.get("status") else "no answer"
    code = line.get("code")
    error = str(line.get("error") or "").replace(line["id"], "ID")
    return ": ".join(str(part) for part in (status, code, error) if part)
