"""A compact set of 128-bit digests, each with a small state: 18 bytes an entry.

    put --> pending --> young runs, merged as they come --> segments
            (as put)    (each sorted)                       (sorted, one range each)

An ID stands here as the xxh3 digest of its bytes. The lowest three bits make place for
the state, so two IDs are told apart by 125 bits: among 100 million IDs, two equal
digests are to be expected once in 10^21 such sets.

What holds here, always:

1. Of several states put for one digest, the last one counts.
2. Digests are equal only if all 125 bits are: equal high halves are told apart.
3. The segments have distinct ranges of high halves and `SEGMENT_MAX` entries at most, so
   rewriting one needs little memory beside it, and a look-up searches one of them.
4. What is not yet in a segment is at most a quarter of what is, or `YOUNG_MAX` entries.

Not here: what the states mean, whose IDs they are, and locking (`index`).

Why not a Python set: 144 bytes for each ID. Why not one sorted array: merging into it
needs a second one of the same size.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import xxhash

Words = npt.NDArray[np.uint64]
States = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int32]

ABSENT: Final = 255
"""The state of a digest that is not in the set."""

STATE_MAX: Final = 7
"""The largest state: three bits."""

SEGMENT_MAX: Final = 1 << 20
"""16 MiB."""

YOUNG_MAX: Final = 1 << 19
"""8 MiB."""

_STATE_BITS: Final = np.uint64(STATE_MAX)
_DIGEST_BITS: Final = ~_STATE_BITS

_STEPS_MAX: Final = 16
"""Steps through a stretch of a segment before it is searched as a whole instead."""
_NO_SHIFT: Final = np.uint64(0)


def digest(texts: Iterable[bytes], seed: int) -> Words:
    """Return the digests of ``texts`` as rows of two words: high half, low half."""
    hashed = xxhash.xxh3_128_digest
    joined = b"".join([hashed(text, seed) for text in texts])
    return np.frombuffer(joined, np.uint64).reshape(-1, 2)


@dataclass(slots=True)
class _Run:
    """Entries sorted by their high halves, each digest once.

    Entries with equal high halves follow one another in any order.
    """

    high: Words
    low: Words

    def __len__(self) -> int:
        return len(self.high)

    def part(self, begin: int, end: int) -> _Run:
        return _Run(self.high[begin:end], self.low[begin:end])

    def look_up(self, high: Words, low: Words, states: States) -> None:
        """Write the state of each digest that is in here into ``states``.

        ``high`` is sorted: the search then moves through memory in one direction.
        """
        if not len(self):
            return
        asked = np.arange(len(high))
        place = self.places(high)
        # One round, unless several entries share a high half: then one for each.
        while True:
            inside = place < len(self)
            asked, place = asked[inside], place[inside]
            near = self.high[place] == high[asked]
            asked, place = asked[near], place[near]
            if not len(asked):
                return
            found = self.low[place]
            equal = ((found ^ low[asked]) & _DIGEST_BITS) == 0
            states[asked[equal]] = found[equal] & _STATE_BITS
            asked, place = asked[~equal], place[~equal] + 1

    def places(self, high: Words) -> Places:
        """Return where each of ``high`` is, if it is here: the first of several equal ones."""
        places: Places = np.searchsorted(self.high, high).astype(np.int32)
        return places


@dataclass(slots=True)
class _Segment(_Run):
    """A run that stays for long: it has a table of where each stretch of digests begins.

    Digests are spread evenly. A stretch that has two entries on average hardly ever has
    more than ten, and stepping through it touches one place in memory, where a search of
    the whole run touches a dozen.
    """

    starts: Places | None = None
    shift: np.uint64 = _NO_SHIFT

    def places(self, high: Words) -> Places:
        """Return where each of ``high`` is, if it is here."""
        if self.starts is None:
            self.starts = self._stretches()
        first = self.high[0]
        # Within the ends, so that every place is one of ours; beyond them nothing is equal.
        high = np.clip(high, first, self.high[-1])
        place: Places = self.starts[(high - first) >> self.shift]
        for _ in range(_STEPS_MAX):
            behind = self.high[place] < high
            if not behind.any():
                return place
            place += behind
        return _Run.places(self, high)

    def _stretches(self) -> Places:
        spread = int(self.high[-1]) - int(self.high[0])
        self.shift = np.uint64(max(0, spread.bit_length() - (len(self) // 2).bit_length()))
        counts = np.bincount(((self.high - self.high[0]) >> self.shift).astype(np.intp))
        return np.concatenate(([0], np.cumsum(counts[:-1]))).astype(np.int32)


class DigestSet:
    """Digests with their states. Not thread-safe.

    Args:
        segment_max: Most entries of a segment, 2 or more.
        young_max: So many entries may be outside the segments, however few are inside.
    """

    def __init__(self, *, segment_max: int = SEGMENT_MAX, young_max: int = YOUNG_MAX) -> None:
        self._segment_max = segment_max
        self._young_max = young_max
        self._segments: list[_Segment] = []
        self._young: list[_Run] = []
        self._pending: list[_Run] = []
        self._in_segments = 0
        self._outside = 0

    def put(self, digests: Words, states: States | int) -> None:
        """Give each of ``digest_set`` its state, 0 to `STATE_MAX`; a later one counts."""
        if not len(digests):
            return
        # Copies, so that no view keeps a larger array alive.
        low = (digests[:, 1] & _DIGEST_BITS) | np.asarray(states, np.uint64)
        self._pending.append(_Run(digests[:, 0].copy(), low))
        self._outside += len(digests)
        if self._outside > max(self._young_max, self._in_segments // 4):
            self._fill_segments()

    def find(self, digests: Words) -> States:
        """Return the state of each of ``digest_set``, or `ABSENT`."""
        self._sort_pending()
        order = np.argsort(digests[:, 0])
        high, low = digests[order, 0], digests[order, 1]
        found = np.full(len(digests), ABSENT, np.uint8)
        bounds = self._bounds(high)
        for segment, begin, end in zip(self._segments, bounds, bounds[1:], strict=False):
            segment.look_up(high[begin:end], low[begin:end], found[begin:end])
        for run in self._young:  # oldest first: the newest has the last word
            run.look_up(high, low, found)
        states = np.empty_like(found)
        states[order] = found
        return states

    def turn(self, old: int, new: int) -> None:
        """Give every digest whose state is ``old`` the state ``new``."""
        self._fill_segments()
        for segment in self._segments:
            turned = (segment.low & _STATE_BITS) == old
            segment.low[turned] ^= np.uint64(old ^ new)

    def counts(self) -> list[int]:
        """Return how many digests have each state, 0 to `STATE_MAX`."""
        self._fill_segments()
        counts = np.zeros(STATE_MAX + 1, np.int64)
        for segment in self._segments:
            states = (segment.low & _STATE_BITS).astype(np.uint8)
            counts += np.bincount(states, minlength=STATE_MAX + 1)
        return [int(count) for count in counts]

    def __len__(self) -> int:
        """Return the number of distinct digests."""
        self._fill_segments()
        return self._in_segments

    @property
    def memory_bytes(self) -> int:
        """What the entries take, what is not yet merged included."""
        runs = (*self._segments, *self._young, *self._pending)
        tables = (segment.starts for segment in self._segments)
        return sum(run.high.nbytes + run.low.nbytes for run in runs) + sum(
            table.nbytes for table in tables if table is not None
        )

    def _bounds(self, high: Words) -> list[int]:
        """Return where in sorted ``high`` each segment's range begins, and the end."""
        firsts = np.array([segment.high[0] for segment in self._segments[1:]], np.uint64)
        return [0, *np.searchsorted(high, firsts).tolist(), len(high)]

    def _sort_pending(self) -> None:
        """Make one young run of what is pending, and keep the young runs few.

        Each is at least twice as long as the next, so there are some ten of them.
        """
        if not self._pending:
            return
        self._young.append(_sort(self._pending, "quicksort"))
        self._pending.clear()
        while len(self._young) > 1 and len(self._young[-2]) < 2 * len(self._young[-1]):
            newest = self._young.pop()
            self._young[-1] = _sort([self._young[-1], newest], "stable")

    def _fill_segments(self) -> None:
        """Merge everything into the segments, one after the other."""
        self._sort_pending()
        if not self._young:
            return
        young = self._young[0] if len(self._young) == 1 else _sort(self._young, "stable")
        self._young.clear()
        if not self._segments:
            self._segments = list(_split(young, self._segment_max))
        else:
            bounds = self._bounds(young.high)
            merged: list[_Segment] = []
            # Popped, so that each old segment is freed as soon as its new one is there.
            self._segments.reverse()
            for begin, end in pairwise(bounds):
                segment = self._segments.pop()
                if begin == end:
                    merged.append(segment)
                    continue
                grown = _sort([segment, young.part(begin, end)], "stable")
                del segment
                merged.extend(_split(grown, self._segment_max))
            self._segments = merged
        self._in_segments = sum(map(len, self._segments))
        self._outside = 0


def _sort(runs: list[_Run], kind: Literal["quicksort", "stable"]) -> _Run:
    """Make one run of several, oldest first. ``stable`` is for runs that are sorted.

    It then merges them (timsort): 10 ns an entry, where sorting anew takes 30.
    """
    high = np.concatenate([run.high for run in runs])
    low = np.concatenate([run.low for run in runs])
    order = np.argsort(high, kind=kind)
    high_sorted = high[order]
    same = high_sorted[1:] == high_sorted[:-1]
    if same.any():
        order = _newest(order, same, high, low)
        high_sorted = high[order]
    return _Run(high_sorted, low[order])


def _newest(
    order: npt.NDArray[np.intp], same: npt.NDArray[np.bool_], high: Words, low: Words
) -> npt.NDArray[np.intp]:
    """Return ``order`` without all entries of a digest but the last one put.

    ``same`` says for each entry but the last whether the next has the same high half.
    Only those are looked at; they are put into the order of digest, then age.
    """
    doubtful = np.zeros(len(order), np.bool_)
    doubtful[1:] |= same
    doubtful[:-1] |= same
    members = order[doubtful]
    digests = low & _DIGEST_BITS
    members = members[np.lexsort((members, digests[members], high[members]))]
    order[doubtful] = members  # in place: members of one high half stay together

    later = (high[order[1:]] == high[order[:-1]]) & (digests[order[1:]] == digests[order[:-1]])
    keep = np.ones(len(order), np.bool_)
    keep[:-1] = ~later
    return order[keep]


def _split(run: _Run, segment_max: int) -> list[_Segment]:
    """Cut a run into segments, never between two equal high halves."""
    if len(run) <= segment_max:
        return [_Segment(run.high, run.low)]
    pieces = -(-len(run) // (segment_max // 2))
    cuts = np.linspace(0, len(run), pieces + 1).astype(np.intp)[1:-1]
    cuts = np.unique(np.searchsorted(run.high, run.high[cuts]))
    edges = [0, *cuts[cuts > 0].tolist(), len(run)]
    # Copied: a view would keep the whole run in memory.
    return [
        _Segment(run.high[begin:end].copy(), run.low[begin:end].copy())
        for begin, end in pairwise(edges)
    ]
