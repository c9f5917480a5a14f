"""What a pace with a past does when the limit rises, for any past that a seed draws.

A history is a minute and a half of limits that move, blackouts, droughts, lost answers and
Retry-After, drawn from a seed. Then the limit becomes a hundred times what was used, or there is none
any more. The minute begins when a wait is over that the server itself has asked for: it is obeyed.
"""

from __future__ import annotations

import math
from random import Random
from typing import NamedTuple

from bulkdel.pacing import AutoPace
from tests.pacing.draws import Draw, between
from tests.pacing.drive import LOST, Drive
from tests.pacing.limits import (
    REFUSED,
    SERVICE_S,
    Bucket,
    FixedWindow,
    Server,
    SlidingLog,
    WeightedWindows,
)

HISTORY_S = 90.0
CONCURRENCY = 4000
USED_LEAST = 1.0
"""Below one a second a window of a minute cannot be told from a drought."""
ENOUGH = 2000.0
"""Requests per second; what one process sends is not what is asked here."""


class Blackout:
    """Refuses everything."""

    def admit(self, now_s: float) -> float:  # noqa: ARG002
        return REFUSED

    def limit(self, now_s: float) -> float:  # noqa: ARG002
        return 0.0

    def retry_s(self, now_s: float) -> float:  # noqa: ARG002
        return 2.0


class Scripted:
    """One server after another; some answers are lost while ``lost`` says so."""

    def __init__(self, parts: list[tuple[float, Server]], lost: float, random: Random) -> None:
        self.parts, self._lost, self._random = parts, lost, random

    def _server(self, now_s: float) -> Server:
        return next(server for from_s, server in reversed(self.parts) if now_s >= from_s)

    def admit(self, now_s: float) -> float:
        if self._lost and now_s < HISTORY_S and self._random.random() < self._lost:
            return LOST
        return self._server(now_s).admit(now_s)

    def limit(self, now_s: float) -> float:
        return self._server(now_s).limit(now_s)

    def retry_s(self, now_s: float) -> float:
        return self._server(now_s).retry_s(now_s)


class Free:
    """Takes everything."""

    def admit(self, now_s: float) -> float:  # noqa: ARG002
        return SERVICE_S

    def limit(self, now_s: float) -> float:  # noqa: ARG002
        return 1e9

    def retry_s(self, now_s: float) -> float:  # noqa: ARG002
        return 0.0


def _limit(random: Random) -> Server:
    """Draw a limit; small ones, so that a hundred times as much can be sent in a test."""
    rate = between(random, 1.0, 12.0)
    window_s = between(random, 1.0, 60.0)
    size = max(1, round(rate * window_s))
    kinds: list[Server] = [
        Bucket(rate, max(4.0, rate * between(random, 0.1, 10.0))),
        FixedWindow(size, window_s, random.random() * window_s),
        SlidingLog(size, window_s),
        SlidingLog(size, window_s, counts_refused=True),
        WeightedWindows(size, window_s, random.random() * window_s),
        Blackout(),
    ]
    return random.choice(kinds)


class History(NamedTuple):
    """What one seed leads to: a pace with a past, on its way."""

    drive: Drive
    script: Scripted
    pace: AutoPace
    free_s: int
    """When a wait is over that the server has asked for, at the end of the history or later."""


def history(seed: int) -> History:
    """Live through a history up to its end."""
    random = Random(seed)
    starts = sorted(random.uniform(0, HISTORY_S - 10) for _ in range(random.randint(0, 3)))
    parts = [(at_s, _limit(random)) for at_s in (0.0, *starts)]
    dry_from_s = random.uniform(0, HISTORY_S)
    dry = [(dry_from_s, dry_from_s + random.uniform(1, 30))] if random.random() < 0.3 else []
    dry = [(from_s, min(to_s, HISTORY_S)) for from_s, to_s in dry]
    script = Scripted(parts, random.choice((0.0, 0.0, 0.02, 0.2)), random)
    rtt_s = between(random, 0.005, 0.3)
    drawn = Draw("history", seed, script, rtt_s, 0.2, 0.0, CONCURRENCY, random.random() < 0.4)
    pace = AutoPace(concurrency=CONCURRENCY)
    drive = Drive(pace, drawn, dry_s=dry)
    drive.run(HISTORY_S)
    asked_s = pace.wait_s(HISTORY_S, 0) if drawn.says_retry else 0.0
    return History(drive, script, pace, int(HISTORY_S + math.ceil(asked_s)))


def share_found(seed: int) -> float:
    """Return the share that is used of a limit a hundred times as high, a minute later."""
    drive, script, _, free_s = history(seed)
    used = sum(drive.took[int(HISTORY_S) - 20 : int(HISTORY_S)]) / 20
    limit = 100 * max(USED_LEAST, used)
    script.parts.append((HISTORY_S, Bucket(limit, limit)))
    drive.run(free_s + 62)
    return max(drive.took[int(HISTORY_S) : free_s + 61]) / limit


def growths(seed: int) -> list[float]:
    """Return the factors of the rate in spans of 20 s in which nothing is refused any more.

    Spans are left out that begin while a window is believed in: what it holds is used up
    before it is doubted. So is a rate that no process reaches.
    """
    drive, script, pace, free_s = history(seed)
    script.parts.append((HISTORY_S, Free()))
    found = []
    for from_s in (free_s + 10, free_s + 30, free_s + 50):
        drive.run(from_s)
        learned, before = pace.learned(), pace.rate
        if before > ENOUGH or (learned is not None and learned.window_s is not None):
            continue
        drive.run(from_s + 20)
        found.append(pace.rate / before)
    return found
