"""What a pace is compared with: the plain loop that people write, and one that knows the limit."""

# The methods of a pace are described once, at `bulkdel.pacing.Pace`.

from __future__ import annotations

from math import inf
from typing import Any

from tests.pacing.limits import Server


class _Deaf:
    """Takes no notice of any answer."""

    def sent(self, now_s: float, in_flight: int) -> None: ...

    def accepted(self, now_s: float, sent_s: float, in_flight: int, headers: Any) -> None: ...

    def refused(
        self, now_s: float, sent_s: float, in_flight: int, verdict: Any, headers: Any
    ) -> None: ...


class WorkersPace(_Deaf):
    """So many workers; one that was refused waits with full jitter, and holds its place."""

    def __init__(self, places: int) -> None:
        self.places = places

    def wait_s(self, now_s: float, in_flight: int) -> float:  # noqa: ARG002
        return 0.0 if in_flight < self.places else inf


class EvenPace(_Deaf):
    """Knows the limit, and sends evenly at a share of it."""

    def __init__(self, server: Server, share: float, concurrency: int) -> None:
        self._server, self._share, self._concurrency = server, share, concurrency
        self._next_s = 0.0

    def wait_s(self, now_s: float, in_flight: int) -> float:
        if in_flight >= self._concurrency:
            return inf
        return max(0.0, self._next_s - now_s)

    def sent(self, now_s: float, in_flight: int) -> None:  # noqa: ARG002
        gap_s = 1.0 / (self._share * self._server.limit(now_s))
        self._next_s = max(self._next_s, now_s - 0.005) + gap_s
