"""One lane in one line, at any width: what it is doing, then figures; the bar gets what is left.

    LaneSnapshot ──state and figures──> pieces, each with a rank ──width──> those that fit

What holds here, always:

1. From 79 columns on the state, failures, requests in flight and the count are there. What is
   dropped is the bar first, then the figure of least use; then names and counts get shorter.
2. The line is at most as wide as it may be. Why a lane stands is cut, never left out.

Not here: drawing, rates and the time left (`progress`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from bulkdel.engine.snapshot import LaneSnapshot

WAIT_SHOWN_S: Final = 2.0
"""A shorter wait for the next place is over before it is read."""
_BAR_MOST: Final = 30
_BAR_LEAST: Final = 6
_NAME_SHORT: Final = 12
_STATE_LEAST: Final = 18
"""Characters of a state that are kept, if it has so many: the word and the beginning of a cause."""
_RANKS: Final = 4


class Piece(NamedTuple):
    """A part of the line; of a higher rank, it is dropped sooner."""

    text: str
    rank: int


def pieces(lane: LaneSnapshot, per_s: float, eta_s: float | None) -> list[Piece]:
    """Return what a line says of a lane beside its count, in order: its state first."""
    counts = lane.counts
    found = [Piece(state(lane, eta_s), 0)]
    if counts.failed:
        found.append(Piece(f"{counts.failed:,} failed", 0))
    found.append(Piece(f"{per_s:,.1f}/s", 1))
    if not lane.ended:
        found.append(Piece(f"{lane.in_flight} in flight", 0))
    found.append(Piece(f"{counts.refused:,} refused", 2))
    if lane.waiting:
        found.append(Piece(f"{lane.waiting:,} waiting", 3))
    if lane.budget_left is not None and not lane.ended:
        renewed = clock(lane.budget_renewed_s)
        found.append(Piece(f"quota: {lane.budget_left:,} left, renewed in {renewed}", 4))
    return [piece for piece in found if piece.text]


def state(lane: LaneSnapshot, eta_s: float | None) -> str:
    """Return what a lane is doing; nothing if it works and nobody can tell how long."""
    if lane.stop is not None:
        return "STOPPED"
    if lane.ended:
        return "ended early" if lane.counts.pending > 0 else "done"
    if lane.paused:
        return "PAUSED by hand"
    if lane.held_for is not None:
        return f"PAUSED: {lane.held_for}"
    if lane.next_place_s >= max(WAIT_SHOWN_S, 2.0 / lane.rate):
        wait = f"{lane.next_place_s:.0f} s"
        if lane.learned is not None and lane.learned.window_s is not None:
            return f"limit used up, next place in {wait}"
        return f"refused, asks again in {wait}"
    return "" if eta_s is None else f"ETA {clock(eta_s)}"


def bar_line(
    lane: LaneSnapshot,
    total: int | None,
    per_s: float,
    eta_s: float | None,
    *,
    width: int,
    name_width: int,
) -> str:
    """Return the line of a lane with its bar, ``width`` columns at most."""
    all_pieces = pieces(lane, per_s, eta_s)
    for head in _heads(lane, total, name_width):
        for rank in range(_RANKS, -1, -1):
            kept = [piece.text for piece in all_pieces if piece.rank <= rank]
            line = ", ".join([head.tally, *kept])
            room = width - len(head.name) - len(line) - 1
            if room >= 0:
                return f"{head.name}{_bar(head.share, room)} {line}"
            if rank == 0 and (cut := _cut(kept, -room)) is not None:
                return f"{head.name} {', '.join([head.tally, *cut])}"
    return f"{head.name} {line}"[:width]


class _Head(NamedTuple):
    name: str
    share: float | None
    tally: str


def _heads(lane: LaneSnapshot, total: int | None, name_width: int) -> Iterator[_Head]:
    """Yield the beginning of a line, ever shorter: name, share and count."""
    share = None if total is None else min(1.0, lane.done / max(1, total, lane.done))
    percent = "" if share is None else f" {100 * share:3.0f}%"
    short = lane.lane if len(lane.lane) <= _NAME_SHORT else lane.lane[: _NAME_SHORT - 1] + "…"
    names = dict.fromkeys((lane.lane.ljust(name_width), short.ljust(min(name_width, _NAME_SHORT))))
    for name in names:
        for number in (lambda n: f"{n:,}", _brief):
            count = number(lane.done) + ("" if total is None else f"/{number(total)}")
            yield _Head(name + percent, share, count)


def _brief(number: int) -> str:
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**4, "k")):
        if number >= size:
            return f"{number / (size if letter != 'k' else 1000):.3g}{letter}"
    return f"{number:,}"


def _bar(share: float | None, room: int) -> str:
    cells = min(_BAR_MOST, room - 2)
    if share is None or cells < _BAR_LEAST:
        return ""
    eighths = int(share * cells * 8)
    full, part = divmod(eighths, 8)
    filled = "█" * full + (" ▏▎▍▌▋▊▉"[part] if part else "")
    return f"|{filled.ljust(cells)}|"


def _cut(kept: list[str], over: int) -> list[str] | None:
    """Return the pieces with the state cut by ``over`` characters; None if it is too short."""
    if not kept or len(kept[0]) - over < min(_STATE_LEAST, len(kept[0])):
        return None
    return [kept[0][: len(kept[0]) - over - 1] + "…", *kept[1:]]


def clock(seconds: float) -> str:
    """Return a time span for people: ``04:12``, ``3:04:12``, ``2 d 3 h``."""
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours}:{minutes:02d}:{secs:02d}" if hours else f"{minutes:02d}:{secs:02d}"
