"""What figures of this machine mean for a job: which concurrency, how long, as a picture.

Pure: `cli.bench` measures and prints. A `Point` is one measurement; the points of one
latency, by concurrency, are a curve that rises until the machine or the server is full.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from bulkdel.providers import PROVIDERS

HEADROOM: Final = 1.25
"""A concurrency is recommended that would carry so many times the wanted rate: the
latency of a real provider varies, and a paced lane must be able to catch up."""

_BAR_CHARS: Final = 30
_EIGHTHS: Final = "▏▎▍▌▋▊▉█"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What was reached with one concurrency against one latency.

    Attributes:
        latency_s: Seconds that the server takes for each answer.
        concurrency: Most requests in flight.
        rate: Confirmed deletions per second.
        cpu_share: CPU that bulkdel used, in cores; the server's is not in it.
    """

    latency_s: float
    concurrency: int
    rate: float
    cpu_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """How long a number of IDs takes at one provider's documented limit.

    Attributes:
        provider: Name of the provider.
        rate: Its documented limit in deletions per second, or None.
        seconds: How long they take, at least; None if no limit is documented.
    """

    provider: str
    rate: float | None
    seconds: float | None


def curves(points: Iterable[Point]) -> dict[float, list[Point]]:
    """Return the points of each latency, by concurrency."""
    by_latency: dict[float, list[Point]] = {}
    for point in sorted(points, key=lambda point: (point.latency_s, point.concurrency)):
        by_latency.setdefault(point.latency_s, []).append(point)
    return by_latency


def concurrency_for(rate: float, curve: Sequence[Point]) -> int | None:
    """Return the concurrency to choose for ``rate``, `HEADROOM` included.

    Between two measured points the rate is taken to be a straight line. Where the rate is
    reached, but not the headroom, it is the concurrency of the highest point.

    Args:
        rate: Deletions per second that are wanted.
        curve: Points of one latency, by concurrency.

    Returns:
        The concurrency, or None if the rate was not reached.
    """
    wanted = rate * HEADROOM
    before_concurrency, before_rate = 0, 0.0
    for point in curve:
        if point.rate >= wanted:
            share = (wanted - before_rate) / (point.rate - before_rate)
            step = point.concurrency - before_concurrency
            return max(1, before_concurrency + math.ceil(share * step - 1e-9))
        if point.rate > before_rate:
            before_concurrency, before_rate = point.concurrency, point.rate
    return before_concurrency if before_rate >= rate else None


def durations(ids: int) -> list[Duration]:
    """Return how long ``ids`` deletions take at the documented limit of each provider."""
    return [
        Duration(
            provider=name,
            rate=provider.rate_max,
            seconds=None if provider.rate_max is None else ids / provider.rate_max,
        )
        for name, provider in PROVIDERS.items()
    ]


def bar(value: float, most: float, chars: int = _BAR_CHARS) -> str:
    """Return a bar as long as ``value`` is of ``most``, in eighths of a character."""
    eighths = round(value / most * chars * 8) if most > 0 else 0
    whole, rest = divmod(max(eighths, 1 if value > 0 else 0), 8)
    return "█" * whole + (_EIGHTHS[rest - 1] if rest else "")
