"""Show how a run is going: tqdm bars on a terminal, plain lines elsewhere.

One bar a lane, with what is done and the total, the rate, refusals, IDs waiting for
another attempt, requests in flight and the time left. What an earlier run did counts as
done but not into the rate. Where stderr is no terminal: a plain line every 10 s.

Not here: the counting itself (`lane`, `feeding`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final, TextIO

import anyio
from tqdm import tqdm

from bulkdel.lane import LaneWork
from bulkdel.run import Run

BAR_EVERY_S: Final = 0.25
LINE_EVERY_S: Final = 10.0
RATE_OVER_S: Final = 15.0
"""The rate shown is that of the last so many seconds."""

_BAR: Final = "{desc} {percentage:3.0f}%|{bar:30}| "


class LaneRate:
    """The rate of one lane over the last seconds, from samples of its counts."""

    def __init__(self, began_s: float) -> None:
        self._samples: deque[tuple[float, int]] = deque([(began_s, 0)])

    def note(self, now_s: float, ended: int) -> float:
        """Add a sample and return IDs per second."""
        samples = self._samples
        samples.append((now_s, ended))
        while len(samples) > 2 and samples[0][0] < now_s - RATE_OVER_S:
            samples.popleft()
        first_s, first = samples[0]
        return (ended - first) / (now_s - first_s) if now_s > first_s else 0.0


def figures(work: LaneWork, rate: float, total: int | None) -> str:
    """Return a lane's figures in words."""
    counts = work.counts
    parts = [f"{rate:,.1f}/s", f"{counts.refused:,} refused"]
    if work.waiting:
        parts.append(f"{work.waiting:,} waiting")
    parts.append(f"{work.in_flight} in flight")
    if counts.failed:
        parts.append(f"{counts.failed:,} failed")
    held = work.guard.held_for
    if held is not None:
        parts.append(f"PAUSED: {held}")
    elif total is not None and rate > 0:
        left = max(0, total - done(work))
        parts.append(f"ETA {_clock(left / rate)}")
    return ", ".join(parts)


def done(work: LaneWork) -> int:
    """Return the IDs of a lane that need nothing more, by this run or an earlier one."""
    return work.counts.ended + work.counts.skipped + work.counts.duplicates


async def show_bars(run: Run, totals: Mapping[str, int | None], file: TextIO) -> None:
    """Show one bar a lane until cancelled."""
    bars: dict[str, tqdm[Any]] = {}
    rates: dict[str, LaneRate] = {}
    try:
        while True:
            now_s = anyio.current_time()
            for name, work in run.works.items():
                if name not in bars:
                    bars[name] = _bar(name.ljust(max(map(len, run.works))), len(bars), file)
                    rates[name] = LaneRate(run.began_s)
                _update(bars[name], work, rates[name], now_s, totals.get(name))
            await anyio.sleep(BAR_EVERY_S)
    finally:
        for name, bar in bars.items():
            _update(bar, run.works[name], rates[name], anyio.current_time(), totals.get(name))
        for bar in bars.values():  # after all updates: closing one moves the others up
            bar.close()


def _bar(name: str, position: int, file: TextIO) -> tqdm[Any]:
    return tqdm(
        desc=name,
        position=position,
        file=file,
        leave=True,
        dynamic_ncols=True,
        bar_format="{desc}",
    )


def _update(
    bar: tqdm[Any], work: LaneWork, rate: LaneRate, now_s: float, total: int | None
) -> None:
    bar.n = done(work)
    words = figures(work, rate.note(now_s, work.counts.ended), total)
    of = "" if total is None else f"/{total:,}"
    # tqdm's own count has no thousands separators, and its postfix begins with a comma.
    text = f"{done(work):,}{of}, {words}".replace("{", "{{").replace("}", "}}")
    if total is not None:
        bar.total = max(total, done(work))
    bar.bar_format = ("{desc} " if total is None else _BAR) + text
    bar.refresh()


async def show_lines(
    run: Run, totals: Mapping[str, int | None], write: Callable[[str], None]
) -> None:
    """Write a plain line a lane every `LINE_EVERY_S` until cancelled."""
    rates: dict[str, LaneRate] = {}
    while True:
        await anyio.sleep(LINE_EVERY_S)
        for name in run.works:
            write(status_line(run, name, totals, rates.setdefault(name, LaneRate(run.began_s))))


def status_line(run: Run, name: str, totals: Mapping[str, int | None], rate: LaneRate) -> str:
    """Return one lane's state in a line."""
    work = run.works[name]
    total = totals.get(name)
    of = f"/{total:,}" if total is not None else ""
    per_s = rate.note(anyio.current_time(), work.counts.ended)
    return f"{name}: {done(work):,}{of} done, {figures(work, per_s, total)}"


def _clock(seconds: float) -> str:
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours}:{minutes:02d}:{secs:02d}" if hours else f"{minutes:02d}:{secs:02d}"
