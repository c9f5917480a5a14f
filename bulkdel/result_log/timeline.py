"""When results came and how long their answers took, in a table that stays small.

    blocks of a log ──one regex──> second, lane, outcome, ms ──> counts by bin of time

A log of ten million lines is a hundred hours or five minutes long, and may have gaps of weeks. So only
bins that hold something are kept, and when there are too many, each becomes twice as long.

What holds here, always:

1. A line counts once or not at all, whatever width the bins have by then; those of rows that were never
   sent (`invalid`) do not, nor do lines that are not as they are written here.
2. Memory is bounded by `CELLS_MAX` and the lines of one batch, not by the length of the log.
3. Answer times are kept to within 3 %.

Not here: what became of an ID in the end (`index`), what people are shown of it (`reporting`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

CELLS_MAX: Final = 1 << 12
"""Bins of all lanes together. A chart has some hundred columns."""

_BATCH: Final = 1 << 19
"""Lines that wait to be counted: 4 MiB."""

OUTCOMES: Final = (b"deleted", b"gone", b"failed")
_NUMBER_OF: Final = {outcome: number for number, outcome in enumerate(OUTCOMES)}

_STEP: Final = 1.06
"""From one class of answer times to the next."""
_CLASSES: Final = 240
"""The last one begins at 1.06^239 ms, 18 minutes."""
_BEGINS_MS: Final = _STEP ** np.arange(_CLASSES)

_OUTCOME_AT: Final = 8
_LANE_AT: Final = 10
_SECOND_AT: Final = 26
_LANE_MASK: Final = (1 << (_SECOND_AT - _LANE_AT)) - 1
LANES_MAX: Final = CELLS_MAX // 2
"""Lanes that are told apart, so that there are bins for each; what comes from more does not count."""

# As `encode` writes it. Inside a string a quote is escaped, so none of this is found in one.
_LINE: Final = re.compile(
    rb'"lane":"([^"\\]*+)","outcome":"(deleted|gone|failed)","status":[0-9nul]++,"attempts":[0-9]++'
    rb',"at":"([^"]{19})[^"]*+","ms":([0-9]{1,9})\b'
)


@dataclass(frozen=True, slots=True)
class Moment:
    """What came for a lane in one bin of time.

    Attributes:
        begin_s: Where the bin begins, in seconds since 1970.
        lane: Name of the lane.
        counts: Results by outcome, as in `OUTCOMES`.
        latency: How many answers are of each class of times.
    """

    begin_s: int
    lane: str
    counts: tuple[int, ...]
    latency: Ints


class Timeline:
    """Counts of a log's results by time.

    Attributes:
        width_s: Seconds of a bin: a power of two.
    """

    def __init__(self) -> None:
        self.width_s = 1
        self._lanes: dict[bytes, int] = {}
        self._waiting: list[Ints] = []
        self._waiting_count = 0
        self._keys: Ints = np.empty(0, np.int64)
        self._counts: Ints = np.empty(0, np.int64)

    def add(self, block: bytes) -> None:
        """Count the results of some whole lines."""
        found = _LINE.findall(block)
        if not found:
            return
        lanes, outcomes, times, ms = zip(*found, strict=True)
        for name in set(lanes):
            self._lanes.setdefault(name, len(self._lanes))
        seconds = _seconds(times)
        numbers = np.fromiter(map(self._lanes.__getitem__, lanes), np.int64, len(lanes))
        kinds = np.fromiter(map(_NUMBER_OF.__getitem__, outcomes), np.int64, len(outcomes))
        waits = np.fromiter(map(int, ms), np.int64, len(ms))
        classes = np.searchsorted(_BEGINS_MS, waits, side="right")
        keys = (
            seconds << _SECOND_AT
            | (numbers & _LANE_MASK) << _LANE_AT
            | kinds << _OUTCOME_AT
            | np.minimum(classes, _CLASSES - 1)
        )
        self._waiting.append(keys[(seconds > 0) & (numbers < LANES_MAX)])
        self._waiting_count += len(keys)
        if self._waiting_count >= _BATCH:
            self._settle()

    def moments(self) -> Iterator[Moment]:
        """Yield what came, by time, and by lane as they first came."""
        self._settle()
        names = [name.decode("utf-8", "replace") for name in self._lanes]
        cells = self._keys >> _LANE_AT
        starts = np.flatnonzero(np.diff(cells, prepend=-1))
        for begin, end in pairwise([*starts, len(cells)]):
            keys, counts = self._keys[begin:end], self._counts[begin:end]
            kinds = (keys >> _OUTCOME_AT) & 3
            by_kind = np.bincount(kinds, weights=counts, minlength=len(OUTCOMES)).astype(np.int64)
            latency = np.bincount(keys & 255, weights=counts, minlength=_CLASSES).astype(np.int64)
            cell = int(cells[begin])
            yield Moment(
                begin_s=cell >> (_SECOND_AT - _LANE_AT),
                lane=names[cell & _LANE_MASK],
                counts=tuple(map(int, by_kind)),
                latency=latency,
            )

    def _settle(self) -> None:
        """Count what waits; make the bins longer while there are too many."""
        if not self._waiting:
            return
        keys = np.concatenate(self._waiting)
        self._waiting.clear()
        self._waiting_count = 0
        self._put(self._in_bins(keys), np.ones(len(keys), np.int64))
        while len(np.unique(self._keys >> _LANE_AT)) > CELLS_MAX:
            self.width_s *= 2
            keys, counts = self._in_bins(self._keys), self._counts
            self._keys, self._counts = self._keys[:0], self._counts[:0]
            self._put(keys, counts)

    def _in_bins(self, keys: Ints) -> Ints:
        seconds = keys >> _SECOND_AT
        return keys - ((seconds % self.width_s) << _SECOND_AT)

    def _put(self, keys: Ints, counts: Ints) -> None:
        keys = np.concatenate((self._keys, keys))
        self._keys, places = np.unique(keys, return_inverse=True)
        weights = np.concatenate((self._counts, counts))
        self._counts = np.bincount(places, weights=weights).astype(np.int64)


def percentile_ms(latency: Ints, share: float) -> float | None:
    """Return the answer time below which a share of the answers came; None if there are none."""
    total = int(latency.sum())
    if not total:
        return None
    place = int(np.searchsorted(np.cumsum(latency), share * total))
    if place == 0:
        return 0.5  # what took less than a millisecond
    return float(_BEGINS_MS[place - 1] * _STEP**0.5)


def _seconds(times: tuple[bytes, ...]) -> Ints:
    """Return times as seconds since 1970; 0 for one that is none."""
    try:
        return np.array(times).astype("datetime64[s]").astype(np.int64)
    except ValueError:
        return np.array([_second(time) for time in times], np.int64)


def _second(time: bytes) -> int:
    try:
        return int(np.array(time).astype("datetime64[s]").astype(np.int64))
    except ValueError:
        return 0
