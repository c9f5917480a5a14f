"""Limits that no pace was tuned on; see `limits` for what a server is.

Each takes up something that no family of `limits` has: answers that come later as the limit
comes nearer, two resources at once, a limit that is never the same, refusals at random before
the limit is reached, and a penalty for a single request too many.
"""

# The methods of a server are described once, at `limits.Server`.

from __future__ import annotations

import math
from random import Random

from tests.pacing.limits import REFUSED, SERVICE_S, Bucket, Server, Slots


class Delayed:
    """Evens requests out by letting them wait up to ``wait_max_s``, then refuses (nginx)."""

    def __init__(self, rate: float, wait_max_s: float):
        self._rate, self._wait_max_s = rate, max(wait_max_s, 2.0 / rate)
        self._next_s = 0.0

    def limit(self, now_s: float) -> float:  # noqa: ARG002
        return self._rate

    def admit(self, now_s: float) -> float:
        wait_s = max(0.0, self._next_s - now_s)
        if wait_s > self._wait_max_s:
            return REFUSED
        self._next_s = max(now_s, self._next_s) + 1.0 / self._rate
        return wait_s + SERVICE_S

    def retry_s(self, now_s: float) -> float:
        return self._next_s - now_s - self._wait_max_s


class SlotsAndRate:
    """A bucket in front of a bounded number of workers."""

    def __init__(self, rate: float, burst_s: float, slots: int, seed: int):
        self._bucket = Bucket(rate, rate * burst_s)
        self._slots = Slots(slots, min(1.0, max(0.02, 0.8 * slots / rate)), seed)
        self._refused: Bucket | Slots = self._bucket

    def limit(self, now_s: float) -> float:
        return min(self._bucket.limit(now_s), self._slots.limit(now_s))

    def admit(self, now_s: float) -> float:
        if self._bucket.admit(now_s) < 0.0:
            self._refused = self._bucket
            return REFUSED
        self._refused = self._slots
        return self._slots.admit(now_s)

    def retry_s(self, now_s: float) -> float:
        return self._refused.retry_s(now_s)


class Swinging(Bucket):
    """A bucket whose rate swings around its mean, as capacity does over a day."""

    def __init__(self, rate: float, burst: float, swing: float, period_s: float):
        super().__init__(rate, burst)
        self._mean, self._swing, self._period_s = rate, swing, period_s

    def limit(self, now_s: float) -> float:
        return self._mean * (1.0 + self._swing * math.sin(2 * math.pi * now_s / self._period_s))

    def admit(self, now_s: float) -> float:
        self.rate = self.limit(now_s)
        return super().admit(now_s)


class SheddingBucket:
    """Refuses at random, the more of it the nearer it is to its limit (adaptive load shedding)."""

    def __init__(self, rate: float, seed: int):
        self._rate, self._random = rate, Random(seed)
        self._load = self._at_s = 0.0

    def limit(self, now_s: float) -> float:  # noqa: ARG002
        return self._rate

    def admit(self, now_s: float) -> float:
        self._load *= math.exp(self._at_s - now_s)
        self._at_s = now_s
        load = self._load / self._rate
        if self._random.random() < min(1.0, max(0.0, 4.0 * (load - 0.8))):
            return REFUSED
        self._load += 1.0
        return SERVICE_S

    def retry_s(self, now_s: float) -> float:  # noqa: ARG002
        return 1.0


class Cooldown:
    """One request too many, and nothing is taken for ``cool_s``."""

    def __init__(self, server: Server, cool_s: float):
        self._server, self._cool_s = server, cool_s
        self._until_s = -math.inf

    def limit(self, now_s: float) -> float:
        return self._server.limit(now_s)

    def admit(self, now_s: float) -> float:
        if now_s < self._until_s:
            return REFUSED
        service_s = self._server.admit(now_s)
        if service_s < 0.0:
            self._until_s = now_s + self._cool_s
        return service_s

    def retry_s(self, now_s: float) -> float:
        return max(0.0, self._until_s - now_s)
