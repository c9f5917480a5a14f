"""Providers with a hidden limit, as plain state machines: what the pace is measured on.

A server is asked when a request reaches it (`admit`), and for a request that it took,
how long it works on it (`service_s`). It knows nothing of the network, of tasks or of
a clock: time is an argument, so the same servers stand behind the real lane in tests
and behind the event loop of the benchmark.
"""

# The methods of a server are described once, at `Server`.

from __future__ import annotations

import heapq
import math
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

NO_HEADERS: dict[str, str] = {}
SERVICE_S = 0.005


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server says at once; ``retry_after_s`` only with a refusal."""

    accepted: bool
    retry_after_s: float | None = None
    headers: dict[str, str] = field(default_factory=dict)


ACCEPTED = Reply(accepted=True, headers=NO_HEADERS)
REFUSED = Reply(accepted=False, headers=NO_HEADERS)


class Server(Protocol):
    """One provider account with its limit."""

    def limit(self, now_s: float) -> float:
        """Return the requests per second that it can take for long."""
        ...

    def admit(self, now_s: float, in_flight: int) -> Reply:
        """Take or refuse a request while ``in_flight`` others are being served."""
        ...

    def service_s(self, now_s: float, random: Random) -> float:
        """Return how long it works on a request it took."""
        ...


class _Quick:
    """Answers every accepted request after some 5 ms."""

    def service_s(self, now_s: float, random: Random) -> float:  # noqa: ARG002
        return SERVICE_S * random.lognormvariate(-0.08, 0.4)


class TokenBucket(_Quick):
    """``rate`` tokens per second, at most ``burst`` saved; the rate may change."""

    def __init__(
        self,
        rate: float,
        burst: float,
        *,
        retry_after: bool = False,
        changes: tuple[tuple[float, float], ...] = (),
    ) -> None:
        self._changes = ((-math.inf, rate), *changes)
        self._burst = self.tokens = burst
        self._retry_after = retry_after
        self._at_s = 0.0

    def limit(self, now_s: float) -> float:
        return next(rate for at_s, rate in reversed(self._changes) if now_s >= at_s)

    def admit(self, now_s: float, in_flight: int) -> Reply:  # noqa: ARG002
        rate = self.limit(now_s)
        self.tokens = min(self._burst, self.tokens + (now_s - self._at_s) * rate)
        self._at_s = now_s
        if self.tokens >= 1:
            self.tokens -= 1
            return ACCEPTED
        if not self._retry_after:
            return REFUSED
        return Reply(accepted=False, retry_after_s=math.ceil((1 - self.tokens) / rate))


class FixedWindow(_Quick):
    """``size`` requests per window of ``window_s``; ``phase_s`` of the first has passed."""

    def __init__(
        self, size: int, window_s: float, *, phase_s: float = 0.0, retry_after: bool = False
    ) -> None:
        self.size, self.window_s, self.phase_s = size, window_s, phase_s
        self._retry_after = retry_after
        self.used: Counter[int] = Counter()

    def limit(self, now_s: float) -> float:  # noqa: ARG002
        return self.size / self.window_s

    def whole_windows(self, until_s: float) -> range:
        """Return the numbers of the windows that began after 0 and end by ``until_s``."""
        return range(1, math.floor((until_s + self.phase_s) / self.window_s + 1e-9))

    def ends_s(self, now_s: float) -> float:
        """Return the seconds until the window ends."""
        return self.window_s - (now_s + self.phase_s) % self.window_s

    def admit(self, now_s: float, in_flight: int) -> Reply:  # noqa: ARG002
        window = math.floor((now_s + self.phase_s) / self.window_s)
        if self.used[window] < self.size:
            self.used[window] += 1
            return ACCEPTED
        if not self._retry_after:
            return REFUSED
        return Reply(accepted=False, retry_after_s=math.ceil(self.ends_s(now_s)))


class Slots:
    """Serves ``slots`` at once, each for about ``work_s``, and refuses above."""

    def __init__(self, slots: int, work_s: float) -> None:
        self._slots, self._work_s = slots, work_s

    def limit(self, now_s: float) -> float:  # noqa: ARG002
        return self._slots / self._work_s

    def admit(self, now_s: float, in_flight: int) -> Reply:  # noqa: ARG002
        return ACCEPTED if in_flight < self._slots else REFUSED

    def service_s(self, now_s: float, random: Random) -> float:  # noqa: ARG002
        return self._work_s * random.lognormvariate(-0.08, 0.4)


class Queue:
    """``workers`` of ``work_s`` each; never refuses, lets requests wait in line."""

    def __init__(self, workers: int, work_s: float) -> None:
        self._free_s = [0.0] * workers
        self._work_s = work_s

    def limit(self, now_s: float) -> float:  # noqa: ARG002
        return len(self._free_s) / self._work_s

    def admit(self, now_s: float, in_flight: int) -> Reply:  # noqa: ARG002
        return ACCEPTED

    def service_s(self, now_s: float, random: Random) -> float:
        start_s = max(now_s, heapq.heappop(self._free_s))
        end_s = start_s + self._work_s * random.uniform(0.8, 1.2)
        heapq.heappush(self._free_s, end_s)
        return end_s - now_s


class HeaderBucket(_Quick):
    """A token bucket that tells its state as OpenAI does: reset is the time to full."""

    def __init__(self, rate: float, burst: int) -> None:
        self._bucket = TokenBucket(rate, burst)
        self._rate, self._burst = rate, burst

    def limit(self, now_s: float) -> float:
        return self._bucket.limit(now_s)

    def admit(self, now_s: float, in_flight: int) -> Reply:
        accepted = self._bucket.admit(now_s, in_flight).accepted
        reset_s = (self._burst - self._bucket.tokens) / self._rate
        headers = {
            "x-ratelimit-limit-requests": str(self._burst),
            "x-ratelimit-remaining-requests": str(int(self._bucket.tokens)),
            "x-ratelimit-reset-requests": f"{math.ceil(reset_s * 1000)}ms",
        }
        return Reply(accepted=accepted, headers=headers)


class HeaderWindow(_Quick):
    """A fixed window that tells its state; reset is the time to the window's end."""

    def __init__(self, size: int, window_s: float, *, phase_s: float = 0.0) -> None:
        self._window = FixedWindow(size, window_s, phase_s=phase_s)

    def limit(self, now_s: float) -> float:
        return self._window.limit(now_s)

    def admit(self, now_s: float, in_flight: int) -> Reply:
        window = self._window
        accepted = window.admit(now_s, in_flight).accepted
        used = window.used[math.floor((now_s + window.phase_s) / window.window_s)]
        headers = {
            "x-ratelimit-limit": str(window.size),
            "x-ratelimit-remaining": str(window.size - used),
            "x-ratelimit-reset": str(math.ceil(window.ends_s(now_s))),
        }
        return Reply(accepted=accepted, headers=headers)
