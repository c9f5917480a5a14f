"""Why IDs have failed, how many for each reason, and some of them: in memory that stays small.

    failed lines ──digest of lane and ID──> still failed in the end? ──> reason of its last line

Sixteen bytes are kept of a failed line, its reason as a number, and of each reason some lines. Many
IDs fail for few reasons.

Not here: what became of an ID in the end (`index`), the words of a reason (`queries`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import xxhash

from bulkdel.models import Block
from bulkdel.result_log.index import Index
from bulkdel.result_log.queries import Line, reason
from bulkdel.result_log.reader import read_with

REASONS_MAX: Final = 1_000
"""Reasons that are told apart. With more, each ID has words of its own, and nobody reads them."""
OTHER: Final = "other reasons"

_AT_ONCE: Final = 10_000
_SAMPLES_KEPT: Final = 4
"""For each sample that is asked for: a later line may say that the ID went well, or failed otherwise."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A reason for which IDs have failed.

    Attributes:
        reason: In words.
        count: IDs whose last line says so.
        retryable: Of those: the next run tries them by itself.
        samples: The last lines of some of them.
    """

    reason: str
    count: int
    retryable: int
    samples: tuple[Line, ...]


@dataclass(slots=True)
class _Lines:
    """What is kept of the failed lines, in their order."""

    keys: list[int] = field(default_factory=list)
    reasons: list[int] = field(default_factory=list)
    ended: list[bool] = field(default_factory=list)
    """The ID has failed in the end: said of the first line of an ID alone."""


def failures(index: Index, paths: Iterable[Path], *, samples: int = 0) -> list[Failure]:
    """Return why the IDs have failed whose last outcome is that, the most frequent reason first.

    Args:
        index: One of `queries.index_of_failed` that has read all of the logs. It gives out the
            failed IDs here, so it is good for nothing else afterwards.
        paths: The logs, in the same order.
        samples: So many lines are kept for each reason.

    Raises:
        ConfigError: A log cannot be read.
    """
    names: dict[tuple[str, bool], int] = {}
    kept: dict[int, deque[tuple[int, Line]]] = {}
    blocks = []
    for lines in _batches(_failed(paths)):
        part = _Lines()
        ended = _ended(index, lines)
        for line in lines:
            name = (reason(line), line.get("retryable") is True)
            if name not in names and len(names) >= REASONS_MAX:
                name = (OTHER, name[1])
            number = names.setdefault(name, len(names))
            key = xxhash.xxh3_64_intdigest(f"{line['lane']}\0{line['id']}".encode())
            part.keys.append(key)
            part.reasons.append(number)
            part.ended.append((line["lane"], line["id"]) in ended)
            ended.discard((line["lane"], line["id"]))
            if samples:
                some = kept.setdefault(number, deque(maxlen=samples * _SAMPLES_KEPT))
                some.append((key, line))
        blocks.append(_arrays(part))
    if not blocks:
        return []
    last = _Last(blocks)
    return _failures(names, last.counts(len(names)), kept, last, samples)


def _failures(
    names: dict[tuple[str, bool], int],
    counts: list[int],
    kept: dict[int, deque[tuple[int, Line]]],
    last: _Last,
    samples: int,
) -> list[Failure]:
    found: dict[str, Failure] = {}
    for (why, retryable), number in names.items():
        count = counts[number]
        if not count:
            continue
        known = found.get(why, Failure(why, 0, 0, ()))
        lines = {key: line for key, line in kept.get(number, ()) if last.reason(key) == number}
        found[why] = Failure(
            why,
            known.count + count,
            known.retryable + (count if retryable else 0),
            tuple(islice((*known.samples, *lines.values()), samples)),
        )
    return sorted(found.values(), key=lambda failure: -failure.count)


def _failed(paths: Iterable[Path]) -> Iterator[Line]:
    for path in paths:
        yield from (line for line in read_with(path, b"failed") if line["outcome"] == "failed")


def _batches(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while batch := list(islice(lines, _AT_ONCE)):
        yield batch


def _ended(index: Index, lines: list[Line]) -> set[tuple[str, str]]:
    """Return those that have failed in the end and were not asked for before."""
    ids: dict[str, list[str]] = {}
    for line in lines:
        ids.setdefault(line["lane"], []).append(line["id"])
    return {
        (lane, object_id)
        for lane, of_lane in ids.items()
        for object_id in index.claim(Block(lane, of_lane)).block.ids
    }


def _arrays(part: _Lines) -> tuple[Any, Any, Any]:
    return (
        np.array(part.keys, np.uint64),
        np.array(part.reasons, np.int32),
        np.array(part.ended, np.bool_),
    )


class _Last:
    """The reason of the last line of each ID that has failed in the end, as a number."""

    def __init__(self, blocks: list[tuple[Any, Any, Any]]) -> None:
        keys, reasons, ended = (np.concatenate(column) for column in zip(*blocks, strict=True))
        order = np.argsort(keys, kind="stable")
        keys, reasons, ended = keys[order], reasons[order], ended[order]
        starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
        ends = np.concatenate((starts[1:], [len(keys)])) - 1
        failed = np.logical_or.reduceat(ended, starts)
        self._keys = keys[ends[failed]]
        self._reasons = reasons[ends[failed]]

    def counts(self, reasons: int) -> list[int]:
        """Return how many there are for each reason."""
        counts: list[int] = np.bincount(self._reasons, minlength=reasons).tolist()
        return counts

    def reason(self, key: int) -> int | None:
        """Return the reason of an ID, or None if it has not failed in the end."""
        wanted = np.uint64(key)
        place = int(np.searchsorted(self._keys, wanted))
        is_there = place < len(self._keys) and self._keys[place] == wanted
        return int(self._reasons[place]) if is_there else None
