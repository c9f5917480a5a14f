"""Show how a run is going: tqdm bars on a terminal, plain lines elsewhere.

One bar a lane, with what is done and the total, what it is doing, and figures (`state_line`);
several have one of all. What an earlier run did counts as done but not into the rate. A lane that
pauses, goes on or stops (`pauses`), or has become slow (`slowdown`), says so in a line above.
Where stderr is no terminal: a plain line every 10 s.

Not here: the counting itself (`engine.lane`, `engine.feeder`).
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol, TextIO

import anyio
from tqdm import tqdm

from bulkdel.engine.edge import Edge
from bulkdel.engine.snapshot import LaneSnapshot
from bulkdel.models import Counts
from bulkdel.reporting.pauses import Pauses
from bulkdel.reporting.slowdown import Slowdown
from bulkdel.reporting.state_line import bar_line, pieces

BAR_EVERY_S: Final = 0.25
LINE_EVERY_S: Final = 10.0
RATE_OVER_S: Final = 15.0
"""The rate shown is that of the last so many seconds."""
ETA_OVER_S: Final = 120.0
"""The time left goes by the rate of so many seconds, pauses and used-up windows included."""

NEWS_EVERY_S: Final = 1.0
TOTAL: Final = "total"
WIDTH_USUAL: Final = 80
"""Columns where nobody can tell how many there are."""


class Shown(Protocol):
    """What is shown: a run, here or on a cluster."""

    @property
    def began_s(self) -> float:
        """When it began, on the event loop's clock."""
        ...

    @property
    def edge(self) -> Edge:
        """Where it touches the world: for the time of day."""
        ...

    def snapshot(self) -> dict[str, LaneSnapshot]:
        """Return how each lane is going, by name."""
        ...


class LaneRate:
    """The rates of one lane over the last seconds and minutes, from samples of its counts."""

    def __init__(self, began_s: float) -> None:
        self._short: deque[tuple[float, int]] = deque([(began_s, 0)])
        self._long: deque[tuple[float, int]] = deque([(began_s, 0)])
        self.long = 0.0
        """IDs per second over the last `ETA_OVER_S`."""

    def note(self, now_s: float, ended: int) -> float:
        """Add a sample and return IDs per second over the last `RATE_OVER_S`."""
        if now_s - self._long[-1][0] >= 1.0:  # one a second will do for two minutes
            self._long.append((now_s, ended))
        self.long = _rate(self._long, now_s, ended, ETA_OVER_S)
        self._short.append((now_s, ended))
        return _rate(self._short, now_s, ended, RATE_OVER_S)


def _rate(samples: deque[tuple[float, int]], now_s: float, ended: int, over_s: float) -> float:
    while len(samples) > 2 and samples[0][0] < now_s - over_s:
        samples.popleft()
    first_s, first = samples[0]
    return (ended - first) / (now_s - first_s) if now_s > first_s else 0.0


def eta_s(lane: LaneSnapshot, rate: LaneRate, short: float, left: int) -> float | None:
    """Return the seconds until ``left`` more IDs have ended, or None if nobody can tell.

    The rate is that of the last minutes, with its pauses. Early in a run, the provider's
    limit counts if it is known already: a window that is used up in a moment would make
    the first seconds look far too good, and a ramp too bad. On top comes what the IDs
    that wait for another attempt still have to wait.
    """
    per_s = rate.long
    estimate = lane.learned
    counts = lane.counts
    if estimate is not None and estimate.rate and not estimate.unlimited and counts.requests:
        useful = min(1.0, counts.ended / counts.requests)
        per_s = min(estimate.rate * useful, max(short, per_s))
    if per_s <= 0:
        return None
    return max(left / per_s, lane.waiting_s)


async def show_bars(run: Shown, totals: Mapping[str, int | None], file: TextIO) -> None:
    """Show one bar a lane until cancelled, and one of all if there are several."""
    screen = _Screen(run, totals, file)
    news = _News(run)
    try:
        while True:
            lanes = run.snapshot()
            for line in news.of(lanes):
                tqdm.write(line, file=file)
            screen.draw(lanes)
            await anyio.sleep(BAR_EVERY_S)
    finally:
        screen.draw(run.snapshot())
        screen.close()


class _Screen:
    """The bars of a run."""

    def __init__(self, run: Shown, totals: Mapping[str, int | None], file: TextIO) -> None:
        self._run = run
        self._totals = totals
        self._file = file
        self._bars: dict[str, tqdm[Any]] = {}
        self._rates: dict[str, LaneRate] = {}
        self._width = _width(file)

    def draw(self, lanes: Mapping[str, LaneSnapshot]) -> None:
        """Draw all lines anew, at the width that the terminal has now."""
        if _width(self._file) != self._width:
            self._clear(_width(self._file))
        shown = dict(lanes)
        if len(lanes) > 1:
            shown[TOTAL] = total_of(lanes.values())
        for name, lane in shown.items():
            if name not in self._bars:
                self._bars[name] = self._bar(len(self._bars))
                self._rates[name] = LaneRate(self._run.began_s)
            line = self._line(lane, max(map(len, shown)))
            self._bars[name].bar_format = line.replace("{", "{{").replace("}", "}}")
            self._bars[name].refresh()
        self._file.write("\r")  # at its beginning the cursor stays in the first line if that wraps
        self._file.flush()

    def close(self) -> None:
        """Leave the lines as they are. After all updates: closing one moves the others up."""
        for bar in self._bars.values():
            bar.close()

    def _bar(self, position: int) -> tqdm[Any]:
        return tqdm(position=position, file=self._file, leave=True, dynamic_ncols=True)

    def _line(self, lane: LaneSnapshot, name_width: int) -> str:
        rate = self._rates[lane.lane]
        per_s = rate.note(anyio.current_time(), lane.counts.ended)
        total = self._total(lane.lane)
        left = None if total is None else max(0, total - lane.done)
        eta = None if left is None else eta_s(lane, rate, per_s, left)
        return bar_line(lane, total, per_s, eta, width=self._width, name_width=name_width)

    def _total(self, name: str) -> int | None:
        if name != TOTAL:
            return self._totals.get(name)
        each = [self._totals.get(lane) for lane in self._bars if lane != TOTAL]
        known = [total for total in each if total is not None]
        return sum(known) if len(known) == len(each) else None

    def _clear(self, width: int) -> None:
        """Erase what was drawn at another width: lines that are too long now stand in two rows.

        tqdm overwrites as many columns as it wrote last, which would wrap: it begins anew.
        """
        self._file.write("\r\x1b[J")
        for bar in self._bars.values():
            bar.sp = bar.status_printer(self._file)
        self._width = width


def _width(file: TextIO) -> int:
    """Return the columns that a line may take: one less, where a terminal would wrap."""
    try:
        return max(20, os.get_terminal_size(file.fileno()).columns - 1)
    except (OSError, ValueError, AttributeError):
        return WIDTH_USUAL - 1


def total_of(lanes: Iterable[LaneSnapshot]) -> LaneSnapshot:
    """Return all lanes as if they were one."""
    each = list(lanes)
    working = [lane for lane in each if not lane.ended]
    all_held = working and all(lane.held_for is not None for lane in working)
    return replace(
        each[0],
        lane=TOTAL,
        counts=sum((lane.counts for lane in each), Counts()),
        in_flight=sum(lane.in_flight for lane in each),
        waiting=sum(lane.waiting for lane in each),
        waiting_s=max(lane.waiting_s for lane in each),
        next_place_s=0.0,
        budget_left=None,
        learned=None,
        held_for="every lane" if all_held else None,
        ended=all(lane.ended for lane in each),
        stop=None,
    )


class _News:
    """What is said in lines of their own: pauses, and lanes that have become slow."""

    def __init__(self, run: Shown) -> None:
        self._run = run
        self._pauses: dict[str, Pauses] = {}
        self._slowdowns: dict[str, Slowdown] = {}

    def of(self, lanes: Mapping[str, LaneSnapshot]) -> Iterator[str]:
        """Yield what is new since the last look."""
        now_s, wall_s = anyio.current_time(), self._run.edge.wall_clock()
        for name, lane in lanes.items():
            pauses = self._pauses.setdefault(name, Pauses())
            if (line := pauses.note(now_s, wall_s, lane)) is not None:
                yield line
            slowdown = self._slowdowns.setdefault(name, Slowdown(self._run.began_s))
            if (warning := slowdown.note(now_s, lane)) is not None:
                yield f"warning: {warning}"


async def show_lines(
    run: Shown,
    totals: Mapping[str, int | None],
    write: Callable[[str], None],
    every_s: float = LINE_EVERY_S,
) -> None:
    """Write a plain line a lane every ``every_s`` until cancelled; news as they come."""
    rates: dict[str, LaneRate] = {}
    news = _News(run)
    next_s = anyio.current_time() + every_s
    while True:
        await anyio.sleep(NEWS_EVERY_S)
        lanes = run.snapshot()
        for line in news.of(lanes):
            write(line)
        if anyio.current_time() < next_s - 1e-6:
            continue
        next_s += every_s
        for name, lane in lanes.items():
            rate = rates.setdefault(name, LaneRate(run.began_s))
            write(status_line(lane, totals.get(name), rate))


def status_line(lane: LaneSnapshot, total: int | None, rate: LaneRate) -> str:
    """Return one lane's state in a line."""
    total_text = f"/{total:,}" if total is not None else ""
    per_s = rate.note(anyio.current_time(), lane.counts.ended)
    eta = None if total is None else eta_s(lane, rate, per_s, max(0, total - lane.done))
    words = ", ".join(piece.text for piece in pieces(lane, per_s, eta))
    return f"{lane.lane}: {lane.done:,}{total_text} done, {words}"


def print_above(text: str) -> None:
    """Write a line to stderr, above the bars if there are any."""
    with contextlib.suppress(OSError):
        tqdm.write(text, file=sys.stderr)
