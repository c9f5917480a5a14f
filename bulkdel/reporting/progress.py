"""Show how a run is going: tqdm bars on a terminal, plain lines elsewhere.

One bar a lane, with what is done and the total, the rate, refusals, IDs waiting for
another attempt, requests in flight and the time left. What an earlier run did counts as
done but not into the rate. A lane that has become slow says so in a line (`slowdown`).
Where stderr is no terminal: a plain line every 10 s.

Not here: the counting itself (`engine.lane`, `engine.feeder`).
"""

from __future__ import annotations

import contextlib
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TextIO

import anyio
from tqdm import tqdm

from bulkdel.engine.run import Run
from bulkdel.engine.snapshot import LaneSnapshot
from bulkdel.reporting.slowdown import Slowdown

BAR_EVERY_S: Final = 0.25
LINE_EVERY_S: Final = 10.0
RATE_OVER_S: Final = 15.0
"""The rate shown is that of the last so many seconds."""
ETA_OVER_S: Final = 120.0
"""The time left goes by the rate of so many seconds, pauses and used-up windows included."""

WAIT_SHOWN_S: Final = 2.0
"""A shorter wait for the next place is over before it is read."""

_BAR: Final = "{desc} {percentage:3.0f}%|{bar:30}| "


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


def figures(lane: LaneSnapshot, rate: LaneRate, short: float, total: int | None) -> str:
    """Return a lane's figures in words."""
    counts = lane.counts
    parts = [f"{short:,.1f}/s", f"{counts.refused:,} refused"]
    if lane.waiting:
        parts.append(f"{lane.waiting:,} waiting")
    parts.append(f"{lane.in_flight} in flight")
    if counts.failed:
        parts.append(f"{counts.failed:,} failed")
    held = lane.held_for
    if held is not None:
        parts.append(f"PAUSED: {held}")
    elif lane.next_place_s >= max(WAIT_SHOWN_S, 2.0 / lane.rate):
        parts.append(_used_up(lane))
    elif total is not None:
        seconds = eta_s(lane, rate, short, max(0, total - lane.done))
        parts += [] if seconds is None else [f"ETA {_clock(seconds)}"]
    if lane.budget_left is not None:
        renewed = _clock(lane.budget_renewed_s)
        parts.append(f"quota: {lane.budget_left:,} left, renewed in {renewed}")
    return ", ".join(parts)


def _used_up(lane: LaneSnapshot) -> str:
    """Say what a lane waits for that its provider takes nothing from now."""
    wait = f"{lane.next_place_s:.0f} s"
    if lane.learned is not None and lane.learned.window_s is not None:
        return f"limit used up, next place in {wait}"
    return f"refused, asks again in {wait}"


async def show_bars(run: Run, totals: Mapping[str, int | None], file: TextIO) -> None:
    """Show one bar a lane until cancelled."""
    bars: dict[str, tqdm[Any]] = {}
    rates: dict[str, LaneRate] = {}
    slowdowns: dict[str, Slowdown] = {}
    try:
        while True:
            now_s = anyio.current_time()
            lanes = run.snapshot()
            for warning in _warnings(lanes, slowdowns, run.began_s):
                tqdm.write(warning, file=file)
            for name, lane in lanes.items():
                if name not in bars:
                    bars[name] = _bar(name.ljust(max(map(len, lanes))), len(bars), file)
                    rates[name] = LaneRate(run.began_s)
                _update(bars[name], lane, rates[name], now_s, totals.get(name))
            await anyio.sleep(BAR_EVERY_S)
    finally:
        lanes = run.snapshot()
        for name, bar in bars.items():
            _update(bar, lanes[name], rates[name], anyio.current_time(), totals.get(name))
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
    bar: tqdm[Any], lane: LaneSnapshot, rate: LaneRate, now_s: float, total: int | None
) -> None:
    bar.n = lane.done
    words = figures(lane, rate, rate.note(now_s, lane.counts.ended), total)
    total_text = "" if total is None else f"/{total:,}"
    # tqdm's own count has no thousands separators, and its postfix begins with a comma.
    text = f"{lane.done:,}{total_text}, {words}".replace("{", "{{").replace("}", "}}")
    if total is not None:
        bar.total = max(total, lane.done)
    bar.bar_format = ("{desc} " if total is None else _BAR) + text
    bar.refresh()


async def show_lines(
    run: Run, totals: Mapping[str, int | None], write: Callable[[str], None]
) -> None:
    """Write a plain line a lane every `LINE_EVERY_S` until cancelled."""
    rates: dict[str, LaneRate] = {}
    slowdowns: dict[str, Slowdown] = {}
    while True:
        await anyio.sleep(LINE_EVERY_S)
        lanes = run.snapshot()
        for warning in _warnings(lanes, slowdowns, run.began_s):
            write(warning)
        for name, lane in lanes.items():
            rate = rates.setdefault(name, LaneRate(run.began_s))
            write(status_line(lane, totals.get(name), rate))


def _warnings(
    lanes: Mapping[str, LaneSnapshot], slowdowns: dict[str, Slowdown], began_s: float
) -> Iterator[str]:
    """Yield a line for each lane that has become slow."""
    for name, lane in lanes.items():
        slowdown = slowdowns.setdefault(name, Slowdown(began_s))
        warning = slowdown.note(anyio.current_time(), lane)
        if warning is not None:
            yield f"warning: {warning}"


def status_line(lane: LaneSnapshot, total: int | None, rate: LaneRate) -> str:
    """Return one lane's state in a line."""
    total_text = f"/{total:,}" if total is not None else ""
    per_s = rate.note(anyio.current_time(), lane.counts.ended)
    return f"{lane.lane}: {lane.done:,}{total_text} done, {figures(lane, rate, per_s, total)}"


def print_above(text: str) -> None:
    """Write a line to stderr, above the bars if there are any."""
    with contextlib.suppress(OSError):
        tqdm.write(text, file=sys.stderr)


def _clock(seconds: float) -> str:
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours}:{minutes:02d}:{secs:02d}" if hours else f"{minutes:02d}:{secs:02d}"
