"""Limits as providers enforce them, as state machines with the time as an argument.

A server is asked in the order in which requests reach it: `admit` says for how long it works
on the request, or that it refuses. What it can take for long (`limit`) is known to the judge
alone.

Not here: which figures they are drawn with (`draws`), the network between (`judge`).
"""

# The methods of a server are described once, at `Server`.

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Sequence
from random import Random
from typing import Final, Protocol

REFUSED: Final = -1.0
SERVICE_S: Final = 0.003
"""What a server works on a deletion, where the work is not what is limited."""


class Server(Protocol):
    """One provider account with its limit."""

    def admit(self, now_s: float) -> float:
        """Return how long the server works on a request, or `REFUSED`."""
        ...

    def limit(self, now_s: float) -> float:
        """Return the requests per second that it can take for long."""
        ...

    def retry_s(self, now_s: float) -> float:
        """Return when a request that was just refused may succeed."""
        ...


class Bucket:
    """``rate`` tokens per second, at most ``burst`` saved up; the rate may change."""

    def __init__(self, rate: float, burst: float, changes: Sequence[tuple[float, float]] = ()):
        self.rate, self.burst = rate, max(1.0, burst)
        self.tokens = self.burst
        self._at_s = 0.0
        self._steps = [(-math.inf, rate), *changes]

    def limit(self, now_s: float) -> float:
        return next(rate for at_s, rate in reversed(self._steps) if now_s >= at_s)

    def admit(self, now_s: float) -> float:
        if len(self._steps) > 1:
            self.rate = self.limit(now_s)
        self.tokens = min(self.burst, self.tokens + (now_s - self._at_s) * self.rate)
        self._at_s = now_s
        if self.tokens < 1.0 - 1e-9:
            return REFUSED
        self.tokens -= 1.0
        return SERVICE_S

    def retry_s(self, now_s: float) -> float:  # noqa: ARG002
        return (1.0 - self.tokens) / self.rate


class LumpBucket(Bucket):
    """A bucket that is refilled every ``lump_s`` seconds."""

    def __init__(self, rate: float, burst: float, lump_s: float, phase_s: float):
        super().__init__(rate, max(burst, rate * lump_s))
        self._lump_s, self._phase_s = lump_s, phase_s
        self._lumps = 0

    def admit(self, now_s: float) -> float:
        lumps = int((now_s + self._phase_s) / self._lump_s)
        tokens = self.tokens + (lumps - self._lumps) * self._lump_s * self.rate
        self.tokens, self._lumps = min(self.burst, tokens), lumps
        if self.tokens < 1.0 - 1e-9:
            return REFUSED
        self.tokens -= 1.0
        return SERVICE_S

    def retry_s(self, now_s: float) -> float:
        return self._lump_s - (now_s + self._phase_s) % self._lump_s


class SharedBucket(Bucket):
    """A bucket of which others take a share, now more, now less, at random instants."""

    def __init__(self, rate: float, burst: float, share: float, period_s: float, seed: int):
        super().__init__(rate, burst)
        self._share, self._period_s = share, period_s
        self._random = Random(seed)
        self._next_s = 0.0

    def _others(self, now_s: float) -> float:
        busy = int(now_s / self._period_s) % 2 == 0
        return self.rate * self._share * (1.3 if busy else 0.7)

    def limit(self, now_s: float) -> float:
        return self.rate - self._others(now_s)

    def admit(self, now_s: float) -> float:
        while self._next_s < now_s:
            super().admit(self._next_s)
            self._next_s += self._random.expovariate(self._others(self._next_s))
        return super().admit(now_s)


class FixedWindow:
    """``size`` requests per window; sizes may change from a time on."""

    def __init__(
        self, size: int, window_s: float, phase_s: float, changes: Sequence[tuple[float, int]] = ()
    ):
        self._window_s, self._phase_s = window_s, phase_s
        self._steps = [(-math.inf, size), *changes]
        self._number = self._used = 0

    def _size(self, now_s: float) -> int:
        return next(size for at_s, size in reversed(self._steps) if now_s >= at_s)

    def limit(self, now_s: float) -> float:
        return self._size(now_s) / self._window_s

    def admit(self, now_s: float) -> float:
        number = int((now_s + self._phase_s) / self._window_s)
        if number != self._number:
            self._number, self._used = number, 0
        if self._used >= self._size(now_s):
            return REFUSED
        self._used += 1
        return SERVICE_S

    def retry_s(self, now_s: float) -> float:
        return self._window_s - (now_s + self._phase_s) % self._window_s


class SlidingLog:
    """``size`` requests in any ``window_s`` seconds; refused ones may count, too."""

    def __init__(self, size: int, window_s: float, *, counts_refused: bool = False):
        self._size, self._window_s, self._counts_refused = size, window_s, counts_refused
        self._log: deque[float] = deque()

    def limit(self, now_s: float) -> float:  # noqa: ARG002
        return self._size / self._window_s

    def admit(self, now_s: float) -> float:
        log, oldest_s = self._log, now_s - self._window_s
        while log and log[0] <= oldest_s:
            log.popleft()
        if len(log) < self._size:
            log.append(now_s)
            return SERVICE_S
        if self._counts_refused:
            log.append(now_s)
        return REFUSED

    def retry_s(self, now_s: float) -> float:
        return self._log[0] + self._window_s - now_s


class WeightedWindows:
    """A window's count plus the last one's, weighed by what of it is within ``window_s``."""

    def __init__(self, size: int, window_s: float, phase_s: float, *, counts_refused: bool = False):
        self._size, self._window_s, self._phase_s = size, window_s, phase_s
        self._counts_refused = counts_refused
        self._number = self._last = self._used = 0

    def limit(self, now_s: float) -> float:  # noqa: ARG002
        return self._size / self._window_s

    def admit(self, now_s: float) -> float:
        at = (now_s + self._phase_s) / self._window_s
        number = int(at)
        if number != self._number:
            self._last = self._used if number == self._number + 1 else 0
            self._number, self._used = number, 0
        taken = self._used + self._last * (1.0 - at + number) + 1.0 <= self._size
        if taken or self._counts_refused:
            self._used += 1
        return SERVICE_S if taken else REFUSED

    def retry_s(self, now_s: float) -> float:
        left_s = self._window_s - (now_s + self._phase_s) % self._window_s
        return left_s if self._used >= self._size else min(left_s, self._window_s / self._size)


class Slots:
    """Serves ``slots`` at once, each for about ``work_s``, and refuses above."""

    def __init__(self, slots: int, work_s: float, seed: int):
        self._slots, self._work_s, self._random = slots, work_s, Random(seed)
        self._ends_s: list[float] = []

    def limit(self, now_s: float) -> float:  # noqa: ARG002
        return self._slots / self._work_s

    def admit(self, now_s: float) -> float:
        ends_s = self._ends_s
        while ends_s and ends_s[0] <= now_s:
            heapq.heappop(ends_s)
        if len(ends_s) >= self._slots:
            return REFUSED
        service_s = self._work_s * self._random.lognormvariate(-0.08, 0.4)
        heapq.heappush(ends_s, now_s + service_s)
        return service_s

    def retry_s(self, now_s: float) -> float:
        return self._ends_s[0] - now_s


class Queue:
    """``workers`` of ``work_s`` each; never refuses, lets requests wait in line."""

    def __init__(self, workers: int, work_s: float, seed: int):
        self._free_s = [0.0] * workers
        self._work_s, self._random = work_s, Random(seed)

    def limit(self, now_s: float) -> float:  # noqa: ARG002
        return len(self._free_s) / self._work_s

    def admit(self, now_s: float) -> float:
        start_s = max(now_s, self._free_s[0])
        end_s = start_s + self._work_s * self._random.uniform(0.8, 1.2)
        heapq.heapreplace(self._free_s, end_s)
        return end_s - now_s

    def retry_s(self, now_s: float) -> float:  # noqa: ARG002
        return 0.0


class Replicas:
    """Several servers with a limit each, behind a balancer that chooses at random."""

    def __init__(self, replicas: Sequence[Bucket], seed: int):
        self._replicas, self._random = replicas, Random(seed)
        self._chosen = replicas[0]

    def limit(self, now_s: float) -> float:
        return sum(replica.limit(now_s) for replica in self._replicas)

    def admit(self, now_s: float) -> float:
        self._chosen = self._random.choice(self._replicas)
        return self._chosen.admit(now_s)

    def retry_s(self, now_s: float) -> float:
        return self._chosen.retry_s(now_s)


class Banning:
    """A limit that refuses everything for ``ban_s`` after ``most`` refusals within ten seconds."""

    def __init__(self, server: Server, most: int, ban_s: float):
        self._server, self._most, self._ban_s = server, most, ban_s
        self._refused_s: deque[float] = deque()
        self._until_s = -math.inf

    def limit(self, now_s: float) -> float:
        return self._server.limit(now_s)

    def admit(self, now_s: float) -> float:
        if now_s < self._until_s:
            return REFUSED
        service_s = self._server.admit(now_s)
        if service_s < 0.0:
            refused_s = self._refused_s
            refused_s.append(now_s)
            while refused_s[0] < now_s - 10.0:
                refused_s.popleft()
            if len(refused_s) > self._most:
                self._until_s = now_s + self._ban_s
                refused_s.clear()
        return service_s

    def retry_s(self, now_s: float) -> float:
        return self._until_s - now_s if now_s < self._until_s else self._server.retry_s(now_s)


class Several:
    """Several limits at once: one that is full refuses, and the others count nothing."""

    def __init__(self, windows: Sequence[FixedWindow | SlidingLog | Bucket]):
        self._windows = windows
        self._full: FixedWindow | SlidingLog | Bucket = windows[0]

    def limit(self, now_s: float) -> float:
        return min(window.limit(now_s) for window in self._windows)

    def admit(self, now_s: float) -> float:
        if all(_has_room(window, now_s) for window in self._windows):
            for window in self._windows:
                window.admit(now_s)
            return SERVICE_S
        self._full = next(w for w in self._windows if not _has_room(w, now_s))
        return REFUSED

    def retry_s(self, now_s: float) -> float:
        return self._full.retry_s(now_s)


def _has_room(window: FixedWindow | SlidingLog | Bucket, now_s: float) -> bool:
    """Say whether a limit would take a request, without counting one."""
    if isinstance(window, Bucket):
        tokens = window.tokens + (now_s - window._at_s) * window.rate
        return min(window.burst, tokens) >= 1.0 - 1e-9
    if isinstance(window, SlidingLog):
        log, oldest_s = window._log, now_s - window._window_s
        while log and log[0] <= oldest_s:
            log.popleft()
        return len(log) < window._size
    number = int((now_s + window._phase_s) / window._window_s)
    return number != window._number or window._used < window._size(now_s)
