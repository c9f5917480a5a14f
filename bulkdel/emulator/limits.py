"""The limits a provider may set on the requests of one account.

    TokenBucket   so many a second, and a burst after a rest
    FixedWindow   so many in each window; the rest of the window is shut
    Changing      another limit from a given second on

Each answers one question, ``wait_s(now_s)``: 0.0 lets the request in and counts it; any
other number refuses it and says in how many seconds it is worth coming again. Refused
requests do not count. No clock here: the time is an argument, in seconds on any clock
that only goes forward, so the same limits serve tests in virtual time.

A limit keeps its state. The emulator works on a copy of the one in its settings.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol

from bulkdel.errors import ConfigError


class Limit(Protocol):
    """How many requests an account may send."""

    def wait_s(self, now_s: float) -> float:
        """Let one request in and return 0.0, or return the seconds until it is worth asking."""
        ...


class TokenBucket:
    """So many requests a second on average, and a burst after a rest.

    Args:
        rate: Requests per second.
        burst: Most requests at once, >= 1.
        tokens: How many it holds at the start; full by default.

    Raises:
        ConfigError: A value is out of range.
    """

    __slots__ = ("_at_s", "_tokens", "burst", "rate")

    def __init__(self, rate: float, burst: float = 1.0, *, tokens: float | None = None) -> None:
        if not (math.isfinite(rate) and rate > 0):
            raise ConfigError(f"rate must be > 0, not {rate}")
        if not (math.isfinite(burst) and burst >= 1):
            raise ConfigError(f"burst must be >= 1, not {burst}")
        self.rate = rate
        self.burst = burst
        self._tokens = burst if tokens is None else tokens
        self._at_s: float | None = None

    def wait_s(self, now_s: float) -> float:
        """Take one token, or say when there will be one."""
        rested_s = 0.0 if self._at_s is None else max(0.0, now_s - self._at_s)
        self._at_s = now_s
        self._tokens = min(self.burst, self._tokens + rested_s * self.rate)
        # Sums of small steps end a hair under a whole token; that hair is nobody's refusal.
        if self._tokens >= 1 - 1e-9:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self.rate


class FixedWindow:
    """At most ``count`` requests in each window; windows begin at whole multiples.

    Args:
        count: Requests in one window.
        window_s: Length of a window in seconds.

    Raises:
        ConfigError: A value is out of range.
    """

    __slots__ = ("_used", "_window", "count", "window_s")

    def __init__(self, count: int, window_s: float) -> None:
        if count < 1:
            raise ConfigError(f"count must be >= 1, not {count}")
        if not (math.isfinite(window_s) and window_s > 0):
            raise ConfigError(f"window_s must be > 0, not {window_s}")
        self.count = count
        self.window_s = window_s
        self._window = -1
        self._used = 0

    def wait_s(self, now_s: float) -> float:
        """Use one place of the present window, or say when the next one begins."""
        window = math.floor(now_s / self.window_s)
        if window != self._window:
            self._window, self._used = window, 0
        if self._used < self.count:
            self._used += 1
            return 0.0
        return (window + 1) * self.window_s - now_s


class Changing:
    """A limit that becomes another one, as when a provider lowers a quota under load.

    Args:
        steps: ``(from_s, limit)`` in rising order, the first from 0; None is no limit.

    Raises:
        ConfigError: The steps are not in order.
    """

    __slots__ = ("_steps",)

    def __init__(self, steps: Iterable[tuple[float, Limit | None]]) -> None:
        self._steps = list(steps)
        begins = [from_s for from_s, _ in self._steps]
        if not begins or begins[0] != 0 or begins != sorted(set(begins)):
            raise ConfigError(f"the steps of a limit must begin at 0 and rise, not {begins}")

    def wait_s(self, now_s: float) -> float:
        """Ask the limit of the present step."""
        while len(self._steps) > 1 and now_s >= self._steps[1][0]:
            del self._steps[0]
        limit = self._steps[0][1]
        return 0.0 if limit is None else limit.wait_s(now_s)
