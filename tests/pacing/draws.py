"""Draw a limit and the way to it: everything about one run follows from family and seed.

    seed ──> Draw: server, round trip, jitter, most in flight, Retry-After or not

Rate 1 to 5,000 a second and round trip 5 to 1,000 ms are drawn log-uniform; a way takes 2 to
40 % more or less, and in a fifth of the draws one in fifty takes 3 to 10 times as long; 16 to
512 may be in flight; 40 % say Retry-After. `HELD_OUT` and the seeds from `SEED_HELD_OUT` on
are for reports only: nobody tunes on them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log
from random import Random
from typing import Final

from tests.pacing.held_out import Cooldown, Delayed, SheddingBucket, SlotsAndRate, Swinging
from tests.pacing.limits import (
    Banning,
    Bucket,
    FixedWindow,
    LumpBucket,
    Queue,
    Replicas,
    Server,
    Several,
    SharedBucket,
    SlidingLog,
    Slots,
    WeightedWindows,
)

SEED_HELD_OUT: Final = 1000
WINDOWS_S: Final = (1.0, 2.0, 10.0, 60.0)


@dataclass(frozen=True, slots=True)
class Draw:
    """One run: what is limited, and how far away it is.

    Attributes:
        family: What kind of limit.
        seed: What it was drawn with.
        server: A fresh one.
        rtt_s: Mean round trip.
        jitter: A way takes up to this share more or less.
        tail: Share of the ways that take 3 to 10 times as long.
        concurrency: Most in flight.
        says_retry: Refusals carry Retry-After, in whole seconds.
    """

    family: str
    seed: int
    server: Server
    rtt_s: float
    jitter: float
    tail: float
    concurrency: int
    says_retry: bool


Make = Callable[[Random, float], Server]


def between(random: Random, low: float, high: float) -> float:
    """Draw log-uniform."""
    return exp(random.uniform(log(low), log(high)))


def _size(rate: float, window_s: float) -> int:
    return max(1, round(rate * window_s))


def _burst(random: Random, rate: float, low_s: float, high_s: float) -> float:
    """Draw what is saved up in so many seconds; at least four, or it would be a strict limit."""
    return max(4.0, rate * between(random, low_s, high_s))


def _bucket(random: Random, rate: float) -> Server:
    return Bucket(rate, _burst(random, rate, 0.02, 5.0))


def _fixed(random: Random, rate: float) -> Server:
    window_s = random.choice(WINDOWS_S)
    return FixedWindow(_size(rate, window_s), window_s, random.random() * window_s)


def _sliding(random: Random, rate: float) -> Server:
    window_s = between(random, 1.0, 60.0)
    return SlidingLog(_size(rate, window_s), window_s)


def _weighted(random: Random, rate: float) -> Server:
    window_s = between(random, 1.0, 60.0)
    return WeightedWindows(_size(rate, window_s), window_s, random.random() * window_s)


def _counted(random: Random, rate: float) -> Server:
    window_s = between(random, 1.0, 60.0)
    size = _size(rate, window_s)
    if random.random() < 0.5:
        return SlidingLog(size, window_s, counts_refused=True)
    return WeightedWindows(size, window_s, random.random() * window_s, counts_refused=True)


def _slots(random: Random, rate: float) -> Server:
    slots = round(between(random, 2.0, 128.0))
    return Slots(slots, min(3.0, max(0.02, slots / rate)), random.randrange(10**6))


def _queue(random: Random, rate: float) -> Server:
    workers = round(between(random, 2.0, 64.0))
    return Queue(workers, min(1.0, max(0.005, workers / rate)), random.randrange(10**6))


def _moving(random: Random, rate: float) -> Server:
    burst = _burst(random, rate, 0.02, 2.0)
    rates = [min(5000.0, max(1.0, rate * between(random, 0.1, 10.0))) for _ in range(2)]
    at_s = (random.uniform(45, 75), random.uniform(105, 135))
    return Bucket(rate, burst, list(zip(at_s, rates, strict=True)))


def _two(random: Random, rate: float) -> Server:
    short_s, long_s = random.choice(((1.0, 60.0), (1.0, 10.0), (10.0, 60.0)))
    short = _size(rate * between(random, 1.05, 4.0), short_s)
    long_phase_s = random.random() * long_s
    window = FixedWindow(short, short_s, random.random() * short_s)
    return Several([window, FixedWindow(_size(rate, long_s), long_s, long_phase_s)])


def _replicas(random: Random, rate: float) -> Server:
    count = random.randint(2, 8)
    each = rate / count
    burst = each * between(random, 0.02, 1.0)
    return Replicas([Bucket(each, burst) for _ in range(count)], random.randrange(10**6))


def _shared(random: Random, rate: float) -> Server:
    burst = _burst(random, rate, 0.1, 3.0)
    share, period_s = random.uniform(0.1, 0.6), random.uniform(15, 60)
    return SharedBucket(rate, burst, share, period_s, random.randrange(10**6))


def _ban(random: Random, rate: float) -> Server:
    bucket = Bucket(rate, _burst(random, rate, 0.1, 2.0))
    return Banning(bucket, round(between(random, 20, 200)), random.uniform(5, 30))


def _lumps(random: Random, rate: float) -> Server:
    lump_s = max(between(random, 0.1, 5.0), 1.0 / rate)
    burst = rate * lump_s * random.uniform(1.0, 2.0)
    return LumpBucket(rate, burst, lump_s, random.random() * lump_s)


def _moving_window(random: Random, rate: float) -> Server:
    window_s = random.choice(WINDOWS_S)
    sizes = [_size(rate * between(random, 0.33, 3.0), window_s) for _ in range(2)]
    at_s = (random.uniform(45, 75), random.uniform(105, 135))
    changes = list(zip(at_s, sizes, strict=True))
    return FixedWindow(_size(rate, window_s), window_s, random.random() * window_s, changes)


def _three(random: Random, rate: float) -> Server:
    second = Bucket(rate * between(random, 1.5, 5.0), _burst(random, rate, 0.1, 2.0))
    ten = SlidingLog(_size(rate * between(random, 1.05, 2.0), 10.0), 10.0)
    return Several([second, ten, FixedWindow(_size(rate, 60.0), 60.0, random.random() * 60.0)])


FAMILIES: Final[dict[str, Make]] = {
    "token bucket": _bucket,
    "burst 1": lambda _, rate: Bucket(rate, 1.0),
    "fixed window": _fixed,
    "sliding log": _sliding,
    "weighted windows": _weighted,
    "refused ones count": _counted,
    "slots": _slots,
    "queue": _queue,
    "moving bucket": _moving,
    "two limits": _two,
    "replicas": _replicas,
    "shared bucket": _shared,
    "ban": _ban,
    "lumps": _lumps,
    "moving window": _moving_window,
    "three limits": _three,
}
"""The families of the development seeds."""

HELD_OUT: Final[dict[str, Make]] = {
    "delayed bucket": lambda random, rate: Delayed(rate, between(random, 0.05, 1.0)),
    "slots and rate": lambda random, rate: SlotsAndRate(
        rate, between(random, 0.1, 2.0), round(between(random, 4.0, 64.0)), random.randrange(10**6)
    ),
    "swinging limit": lambda random, rate: Swinging(
        rate, _burst(random, rate, 0.05, 1.0), random.uniform(0.1, 0.4), random.uniform(30, 120)
    ),
    "shedding": lambda random, rate: SheddingBucket(rate, random.randrange(10**6)),
    "cool-down": lambda random, rate: Cooldown(
        Bucket(rate, _burst(random, rate, 0.1, 2.0)), random.uniform(1.0, 8.0)
    ),
}
"""Families for the report alone."""

STRICT: Final = ("burst 1", "replicas", "slots", "slots and rate", "shedding")
"""Where even the best even pace is refused: judged by used - 5 x refused."""


def draw(family: str, seed: int) -> Draw:
    """Draw one run."""
    random = Random(f"{family} {seed}")
    rate = between(random, 1.0, 5000.0)
    rtt_s = between(random, 0.005, 1.0)
    jitter = random.uniform(0.02, 0.40)
    tail = 0.02 if random.random() < 0.2 else 0.0
    concurrency = round(between(random, 16, 512))
    says_retry = random.random() < 0.4
    server = {**FAMILIES, **HELD_OUT}[family](random, rate)
    return Draw(family, seed, server, rtt_s, jitter, tail, concurrency, says_retry)


def families_of(seeds: range) -> list[tuple[str, int]]:
    """Return a family for each seed, all of them equally often."""
    names = list(FAMILIES)
    return [(names[seed % len(names)], seed) for seed in seeds]
