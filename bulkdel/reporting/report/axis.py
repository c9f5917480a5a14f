"""The time of a report's charts: columns of one width, without the time in which nothing was done.

    when something came, run by run ──> busy stretches ──> columns ──> where a time or a stretch lies

A log may be five minutes long, or have a run a night for a year. So what lies between two stretches
is cut, and each chart shows where.

What holds here, always: there are at most `COLUMNS_MAX` columns and one more for each cut, and each
second of a busy stretch lies in exactly one of them.

Not here: what is drawn on it (`charts`).
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from bulkdel.reporting.report.facts import Axis, Cut

COLUMNS_MAX: Final = 120
GAP_S: Final = 120
"""A longer time without anything is cut. In a run a pace record comes every 10 s."""
_STRETCHES_MAX: Final = 60
"""With more the shortest gaps are shown as what they are: else a chart is all cuts."""

_SECOND_MAX: Final = 253_402_300_799
"""The last one of the year 9999."""

Stretch = tuple[int, int]
"""Seconds since 1970: from, and to."""


class Columns:
    """Columns over the busy stretches of time.

    Args:
        busy: Stretches in which something came, in any order; they may overlap.
        least_s: No column is shorter, or a part of it.
    """

    def __init__(self, busy: Iterable[Stretch], least_s: int) -> None:
        self._stretches = _few(_merged(busy, least_s))
        total_s = sum(end - begin for begin, end in self._stretches)
        self.width_s = least_s * max(1, -(-total_s // (COLUMNS_MAX * least_s)))
        self._first: list[int] = []  # of each stretch: its first column
        self.spans_s: list[float] = []
        self._begins: list[int] = []
        for begin, end in self._stretches:
            self._first.append(len(self.spans_s))
            for start in range(begin, end, self.width_s):
                self._begins.append(start)
                self.spans_s.append(min(self.width_s, end - start))
        self._starts = [begin for begin, _ in self._stretches]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.spans_s)

    def at(self, second: float) -> int | None:
        """Return the column of a time, or None if it was cut."""
        place = bisect.bisect_right(self._starts, second) - 1
        if place < 0 or second >= self._stretches[place][1]:
            return None
        return self._first[place] + int(second - self._starts[place]) // self.width_s

    def over(self, begin: float, end: float) -> Iterator[tuple[int, float]]:
        """Yield the columns that a stretch lies in, and its share in each."""
        first = self.at(begin)
        if first is None:
            return
        if end <= begin:
            yield first, 1.0
            return
        for column in range(first, len(self)):
            column_begin = self._begins[column]
            if column_begin >= end:
                return
            part = min(end, column_begin + self.spans_s[column]) - max(begin, column_begin)
            if part > 0:
                yield column, part / (end - begin)

    def axis(self) -> Axis:
        """Return it as a value."""
        cuts = [
            Cut(
                column=self._first[number], left_out_s=float(begin - self._stretches[number - 1][1])
            )
            for number, (begin, _) in enumerate(self._stretches)
            if number
        ]
        return Axis(
            width_s=self.width_s,
            begins=tuple(map(_utc, self._begins)),
            spans_s=tuple(self.spans_s),
            cuts=tuple(cuts),
        )


def _merged(busy: Iterable[Stretch], least_s: int) -> list[Stretch]:
    """Return the stretches in order, none nearer to another than `GAP_S`."""
    merged: list[Stretch] = []
    for begin, end in sorted(busy):
        begin, end = begin - begin % least_s, max(end, begin + least_s)
        if merged and begin - merged[-1][1] <= GAP_S:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((begin, end))
    return merged


def _few(stretches: list[Stretch]) -> list[Stretch]:
    """Return so many at most; the shortest gaps are not cut."""
    if len(stretches) <= _STRETCHES_MAX:
        return stretches
    gaps = sorted(
        range(1, len(stretches)), key=lambda number: stretches[number - 1][1] - stretches[number][0]
    )
    cuts = set(gaps[: _STRETCHES_MAX - 1])
    few: list[Stretch] = []
    for number, (begin, end) in enumerate(stretches):
        if not few or number in cuts:
            few.append((begin, end))
        else:
            few[-1] = few[-1][0], end
    return few


def _utc(second: int) -> str:
    second = max(0, min(second, _SECOND_MAX))  # a clock that is wrong must not end a report
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S")
