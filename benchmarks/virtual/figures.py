"""What the pace must reach at which server, as figures, and where it is known to miss.

    SERVERS   the servers, by name; a seed decides how far a window is when a run begins
    asked     what is asked of one run: the figure measured, the figure to reach
    MISSES    every figure that is known not to be reached, with what is measured instead

Runs are of `RUN_S` with 256 in flight at most and an unlimited backlog.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from benchmarks.virtual.lane import Figures
from benchmarks.virtual.servers import (
    FixedWindow,
    HeaderBucket,
    HeaderWindow,
    Queue,
    Server,
    Slots,
    TokenBucket,
)

RUN_S = 180
SEEDS = (0, 1, 2)
ROUND_TRIPS_MS = (20, 80, 500)
PHASES = (0.0, 0.3, 0.7, 0.15, 0.5, 0.85, 0.95, 0.4)
"""How much of a window has passed when the run begins, by seed."""

STEADY: dict[str, Callable[[int], Server]] = {
    "1 bucket 137/s, burst 20": lambda _: TokenBucket(137, 20),
    "2 the same, Retry-After": lambda _: TokenBucket(137, 20, retry_after=True),
    "3 bucket 137/s, burst 137": lambda _: TokenBucket(137, 137),
    "4 window 137 per 1 s": lambda seed: FixedWindow(137, 1, phase_s=PHASES[seed]),
    "10 Ark: 20/s, burst 5": lambda _: TokenBucket(20, 5),
}
WINDOWS: dict[str, Callable[[int], Server]] = {
    "5 window 8,220 per 60 s": lambda seed: FixedWindow(8220, 60, phase_s=60 * PHASES[seed]),
    "5 the same, Retry-After": lambda seed: FixedWindow(
        8220, 60, phase_s=60 * PHASES[seed], retry_after=True
    ),
}
SLOTS, LINE, MOVING = (
    "6 20 in flight, 150 ms",
    "7 14 workers of 100 ms",
    "8 137, then 68, then 205",
)
HEADERS: dict[str, Callable[[int], Server]] = {
    "9 headers, bucket": lambda _: HeaderBucket(137, 137),
    "9 headers, 1,370 per 10 s": lambda seed: HeaderWindow(1370, 10, phase_s=10 * PHASES[seed]),
}
SERVERS: dict[str, Callable[[int], Server]] = {
    **STEADY,
    **WINDOWS,
    SLOTS: lambda _: Slots(20, 0.15),
    LINE: lambda _: Queue(14, 0.1),
    MOVING: lambda _: TokenBucket(137, 20, changes=((60, 68), (120, 205))),
    **HEADERS,
}
BEST_FIXED = {20: 0.882, 80: 0.752, 500: 0.532}
"""What the best constant number in flight gets of 20 slots of 150 ms with at most 1 %
refused, by round trip; measured with 18 to 88 in flight over 60 s."""


class Asked(NamedTuple):
    """One figure of a run: what was measured, and what is asked."""

    what: str
    measured: float
    asked: float
    at_least: bool = True

    @property
    def is_met(self) -> bool:
        """Whether it is reached."""
        if self.at_least:
            return self.measured >= self.asked
        return self.measured <= self.asked

    def is_worse_than(self, known: float) -> bool:
        """Say whether it is further off than ``known``, of which four places are written down."""
        if self.at_least:
            return self.measured < known - 0.00005
        return self.measured > known + 0.00005


class Case(NamedTuple):
    """One run."""

    name: str
    rtt_ms: int
    seed: int
    start: str = "cold"

    def __str__(self) -> str:
        return f"{self.name}, {self.rtt_ms} ms, seed {self.seed}, {self.start}"


def asked(case: Case, server: Server, figures: Figures) -> Iterator[Asked]:
    """Yield what is asked of a run over `RUN_S`."""
    name, rtt_ms, _, start = case
    late = figures.used(server, 20, RUN_S)
    whole = figures.used(server, 0, RUN_S)
    if name != LINE:
        most = 0.001 if name in HEADERS else 0.01
        yield Asked("refused", figures.refused_share, most, at_least=False)
    if name == SLOTS:
        yield Asked("after 20 s", late, 0.93 * BEST_FIXED[rtt_ms])
        return  # what 95 % of the whole run could be of is not defined
    yield Asked("whole run", whole, 0.95 if start == "cold" else 0.99)
    if isinstance(server, FixedWindow) and name in WINDOWS:
        for number in server.whole_windows(RUN_S):
            yield Asked(f"window {number}", server.used[number] / server.size, 0.98)
    elif name == MOVING:
        yield Asked("10 s after the drop", figures.used(server, 70, 120), 0.98)
        yield Asked("20 s after the rise", figures.used(server, 140, RUN_S), 0.98)
    else:
        yield Asked("after 20 s", late, 0.99 if name in HEADERS else 0.98)
    if name == LINE:
        idle_s = rtt_ms / 1000 + 0.1
        yield Asked("median answer / idle one", figures.latency_s / idle_s, 2.5, at_least=False)


CASES = [Case(n, ms, seed) for n in SERVERS for ms in ROUND_TRIPS_MS for seed in SEEDS]
WARM_CASES = [case._replace(start="warm") for case in CASES if case.seed == SEEDS[0]]
LANE_CASES = [Case(name, 80, 0) for name in SERVERS]


class Miss(NamedTuple):
    """A figure that is known not to be reached; four places."""

    name: str
    rtt_ms: int
    seed: int
    start: str
    what: str
    measured: float
    asked: float

    @property
    def case(self) -> Case:
        """The run it is of."""
        return Case(self.name, self.rtt_ms, self.seed, self.start)


# A limit that triples is found in 4 to 6 s at short round trips and in 12 to 20 s at 500 ms:
# to find it sooner, more must be asked for than 1 % of refusals allows. A warm start helps
# none of that. A window of a minute is not known before it is used up, and then all that is in
# flight is refused: up to 140, so that a far provider without a limit is not held back.
MISSES = (
    Miss("4 window 137 per 1 s", 80, 0, "cold", "refused", 0.0104, 0.01),
    Miss("4 window 137 per 1 s", 80, 5, "cold", "refused", 0.0114, 0.01),
    Miss("4 window 137 per 1 s", 80, 7, "cold", "refused", 0.0117, 0.01),
    Miss("10 Ark: 20/s, burst 5", 500, 0, "cold", "refused", 0.0111, 0.01),
    Miss("10 Ark: 20/s, burst 5", 500, 1, "cold", "refused", 0.0138, 0.01),
    Miss("10 Ark: 20/s, burst 5", 500, 7, "cold", "refused", 0.0113, 0.01),
    Miss("5 window 8,220 per 60 s", 20, 0, "cold", "refused", 0.0124, 0.01),
    Miss("5 window 8,220 per 60 s", 20, 1, "cold", "refused", 0.0115, 0.01),
    Miss("5 window 8,220 per 60 s", 20, 3, "cold", "refused", 0.0109, 0.01),
    Miss("5 window 8,220 per 60 s", 20, 6, "cold", "refused", 0.0143, 0.01),
    Miss("5 window 8,220 per 60 s", 80, 0, "cold", "refused", 0.0104, 0.01),
    Miss("5 window 8,220 per 60 s", 80, 3, "cold", "refused", 0.0102, 0.01),
    Miss("5 window 8,220 per 60 s", 80, 5, "cold", "refused", 0.0189, 0.01),
    Miss("5 window 8,220 per 60 s", 80, 6, "cold", "refused", 0.0151, 0.01),
    Miss("5 window 8,220 per 60 s", 500, 0, "cold", "refused", 0.0108, 0.01),
    Miss("5 window 8,220 per 60 s", 500, 1, "cold", "refused", 0.0112, 0.01),
    Miss("5 window 8,220 per 60 s", 500, 2, "cold", "refused", 0.0177, 0.01),
    Miss("5 window 8,220 per 60 s", 500, 3, "cold", "refused", 0.0107, 0.01),
    Miss("5 window 8,220 per 60 s", 500, 4, "cold", "refused", 0.0189, 0.01),
    Miss("5 window 8,220 per 60 s", 500, 5, "cold", "refused", 0.0189, 0.01),
    Miss("5 window 8,220 per 60 s", 500, 6, "cold", "refused", 0.0103, 0.01),
    Miss("5 window 8,220 per 60 s", 500, 7, "cold", "refused", 0.0203, 0.01),
    Miss("5 the same, Retry-After", 80, 5, "cold", "refused", 0.0133, 0.01),
    Miss("5 the same, Retry-After", 500, 0, "cold", "refused", 0.0103, 0.01),
    Miss("5 the same, Retry-After", 500, 2, "cold", "refused", 0.0146, 0.01),
    Miss("5 the same, Retry-After", 500, 3, "cold", "refused", 0.0105, 0.01),
    Miss("5 the same, Retry-After", 500, 4, "cold", "refused", 0.0157, 0.01),
    Miss("5 the same, Retry-After", 500, 5, "cold", "refused", 0.0138, 0.01),
    Miss("5 the same, Retry-After", 500, 7, "cold", "refused", 0.0172, 0.01),
    Miss(MOVING, 500, 0, "cold", "whole run", 0.9109, 0.95),
    Miss(MOVING, 500, 1, "cold", "whole run", 0.8948, 0.95),
    Miss(MOVING, 500, 2, "cold", "whole run", 0.8724, 0.95),
    Miss(MOVING, 500, 3, "cold", "whole run", 0.8952, 0.95),
    Miss(MOVING, 500, 4, "cold", "whole run", 0.8740, 0.95),
    Miss(MOVING, 500, 5, "cold", "whole run", 0.9077, 0.95),
    Miss(MOVING, 500, 6, "cold", "whole run", 0.8754, 0.95),
    Miss(MOVING, 500, 7, "cold", "whole run", 0.8754, 0.95),
    Miss("9 headers, 1,370 per 10 s", 500, 1, "cold", "refused", 0.0010, 0.001),
    Miss("9 headers, 1,370 per 10 s", 500, 2, "cold", "after 20 s", 0.9894, 0.99),
    Miss("9 headers, 1,370 per 10 s", 500, 5, "cold", "refused", 0.0032, 0.001),
    Miss("4 window 137 per 1 s", 500, 0, "warm", "whole run", 0.9851, 0.99),
    Miss("4 window 137 per 1 s", 500, 1, "warm", "whole run", 0.9858, 0.99),
    Miss("4 window 137 per 1 s", 500, 2, "warm", "whole run", 0.9708, 0.99),
    Miss("5 window 8,220 per 60 s", 80, 2, "warm", "refused", 0.0123, 0.01),
    Miss("5 window 8,220 per 60 s", 500, 2, "warm", "refused", 0.0218, 0.01),
    Miss("5 the same, Retry-After", 500, 2, "warm", "refused", 0.0197, 0.01),
    Miss(MOVING, 20, 0, "warm", "whole run", 0.9636, 0.99),
    Miss(MOVING, 20, 1, "warm", "whole run", 0.9703, 0.99),
    Miss(MOVING, 20, 2, "warm", "whole run", 0.9637, 0.99),
    Miss(MOVING, 80, 0, "warm", "whole run", 0.9681, 0.99),
    Miss(MOVING, 80, 1, "warm", "whole run", 0.9647, 0.99),
    Miss(MOVING, 80, 2, "warm", "whole run", 0.9680, 0.99),
    Miss(MOVING, 500, 0, "warm", "refused", 0.0106, 0.01),
    Miss(MOVING, 500, 0, "warm", "whole run", 0.9171, 0.99),
    Miss(MOVING, 500, 1, "warm", "refused", 0.0102, 0.01),
    Miss(MOVING, 500, 1, "warm", "whole run", 0.8931, 0.99),
    Miss(MOVING, 500, 2, "warm", "refused", 0.0105, 0.01),
    Miss(MOVING, 500, 2, "warm", "whole run", 0.9211, 0.99),
    Miss("9 headers, 1,370 per 10 s", 500, 2, "warm", "refused", 0.0012, 0.001),
)
"""In the harness, with the lane of the engine. Seeds 3 to 7 were measured once; of those, what
misses is kept here."""

LANE_MISSES = (Miss("5 window 8,220 per 60 s", 80, 0, "cold", "refused", 0.0106, 0.01),)
"""In the lane itself, at `LANE_CASES`."""


def check(case: Case, figures: list[Asked], misses: tuple[Miss, ...]) -> None:
    """Check that every figure is met, but for the known misses: those are as they were."""
    known = {miss.what: miss for miss in misses if miss.case == case}
    for figure in figures:
        what, measured, wanted, _ = figure
        miss = known.pop(what, None)
        if miss is None:
            assert figure.is_met, f"{case}: {what} {measured:.4f}, asked {wanted:.4f}"
            continue
        assert miss.asked == wanted, f"{miss}: asked is {wanted}"
        assert not figure.is_met, f"{case}: {what} {measured:.4f} is met now: remove its miss"
        assert not figure.is_worse_than(miss.measured), f"{miss}: it is worse, {measured:.4f}"
    assert not known, f"{case}: no such figures: {', '.join(known)}"
