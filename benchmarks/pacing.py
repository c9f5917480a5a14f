"""How much of a hidden limit each rule uses, and how often it is refused.

    python -m benchmarks.pacing           writes benchmarks/results/pacing.md (about 2 minutes)
    python -m benchmarks.pacing --table   the same, from what was measured before

All rules run in the same lane in virtual time (`benchmarks/virtual/lane.py`), so peers' rules
get our retry queue, jitter and retries: in their own clients they do worse, and IDs
whose retries are used up are lost. Not here: real sockets.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from math import floor, inf
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.virtual.figures import MISSES, ROUND_TRIPS_MS, RUN_S, SEEDS, SERVERS
from benchmarks.virtual.lane import Lane
from bulkdel.models import Verdict
from bulkdel.pacing import Pace
from bulkdel.pacing.auto import AutoPace

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
THE_LANE = "bulkdel, the lane itself"


class FixedConcurrency:
    """So many in flight, whatever happens: a semaphore around an SDK."""

    def __init__(self, places: int) -> None:
        self.places = float(places)

    @property
    def rate(self) -> float:
        """Nothing binds it."""
        return inf

    def wait_s(self, now_s: float, in_flight: int) -> float:  # noqa: ARG002
        """Wait for a place."""
        return 0.0 if in_flight < int(self.places) else inf

    def sent(self, now_s: float, in_flight: int) -> None:
        """Nothing to note."""

    def accepted(
        self, now_s: float, sent_s: float, in_flight: int, headers: Mapping[str, str]
    ) -> None:
        """Nothing to note."""

    def refused(
        self,
        now_s: float,
        sent_s: float,
        in_flight: int,
        verdict: Verdict,
        headers: Mapping[str, str],
    ) -> None:
        """Nothing to note."""

    def troubled(self, now_s: float, sent_s: float, in_flight: int) -> None:
        """Nothing to note."""

    @property
    def budget(self) -> None:
        """None: nothing is told."""

    def learned(self) -> None:
        """It learns nothing."""


class Aimd(FixedConcurrency):
    """Netflix concurrency-limits, AIMDLimit.java: +1 per sample, x 0.9 per drop, 20 to 200."""

    def __init__(self) -> None:
        super().__init__(20)

    def accepted(
        self,
        now_s: float,  # noqa: ARG002
        sent_s: float,  # noqa: ARG002
        in_flight: int,
        headers: Mapping[str, str],  # noqa: ARG002
    ) -> None:
        """Grow where the limit was half used."""
        if in_flight * 2 >= self.places:
            self.places = min(200.0, self.places + 1)

    def refused(
        self,
        now_s: float,  # noqa: ARG002
        sent_s: float,  # noqa: ARG002
        in_flight: int,  # noqa: ARG002
        verdict: Verdict,  # noqa: ARG002
        headers: Mapping[str, str],  # noqa: ARG002
    ) -> None:
        """Shrink."""
        self.places = max(20.0, self.places * 0.9)


class Cubic(FixedConcurrency):
    """botocore's adaptive mode: a token bucket whose rate is a cubic of the time (throttling.py)."""

    def __init__(self, places: int = 64) -> None:
        super().__init__(places)
        self.enabled = False
        self.fill = self.capacity = 1.0
        self.tokens = self.at_s = self.last_s = self.peak = self.k = 0.0
        self.measured = self.bucket_s = 0.0
        self.count = 0

    def wait_s(self, now_s: float, in_flight: int) -> float:
        """Wait for a place and a token."""
        if in_flight >= self.places or not self.enabled:
            return super().wait_s(now_s, in_flight)
        self._refill(now_s)
        return 0.0 if self.tokens >= 1 - 1e-9 else (1 - self.tokens) / self.fill

    def sent(self, now_s: float, in_flight: int) -> None:  # noqa: ARG002
        """Use a token."""
        if self.enabled:
            self._refill(now_s)
            self.tokens -= 1

    def accepted(
        self,
        now_s: float,
        sent_s: float,  # noqa: ARG002
        in_flight: int,  # noqa: ARG002
        headers: Mapping[str, str],  # noqa: ARG002
    ) -> None:
        """Follow the cubic."""
        self._measure(now_s)
        self._set(now_s, 0.4 * (now_s - self.last_s - self.k) ** 3 + self.peak)

    def refused(
        self,
        now_s: float,
        sent_s: float,  # noqa: ARG002
        in_flight: int,  # noqa: ARG002
        verdict: Verdict,  # noqa: ARG002
        headers: Mapping[str, str],  # noqa: ARG002
    ) -> None:
        """Cut to 70 %."""
        self._measure(now_s)
        self.peak = min(self.measured, self.fill) if self.enabled else self.measured
        self.k = (self.peak * 0.3 / 0.4) ** (1 / 3)
        self.last_s, self.enabled = now_s, True
        self._set(now_s, 0.7 * self.peak)

    def _refill(self, now_s: float) -> None:
        self.tokens = min(self.capacity, self.tokens + (now_s - self.at_s) * self.fill)
        self.at_s = now_s

    def _measure(self, now_s: float) -> None:
        self.count += 1
        bucket_s = floor(now_s * 2) / 2
        if bucket_s > self.bucket_s:
            rate = self.count / (bucket_s - self.bucket_s)
            self.measured = 0.8 * rate + 0.2 * self.measured
            self.count, self.bucket_s = 0, bucket_s

    def _set(self, now_s: float, rate: float) -> None:
        self._refill(now_s)
        self.fill = max(0.5, min(rate, 2 * self.measured))
        self.capacity = max(1.0, self.fill)


RULES: dict[str, Callable[[], Pace]] = {
    "bulkdel": lambda: AutoPace(concurrency=256),
    "64 in flight": lambda: FixedConcurrency(64),
    "16 in flight": lambda: FixedConcurrency(16),
    "AIMD (Netflix)": Aimd,
    "CUBIC bucket (botocore)": Cubic,
}
Case = tuple[str, str, int]
Row = tuple[float, float, float, float]


def measure(case: Case) -> Row:
    """Return used after 20 s, used over the run, refused, and the slowest median, over the seeds."""
    rule, name, rtt_ms = case
    rows = []
    for seed in SEEDS:
        server = SERVERS[name](seed)
        figures = Lane(RULES[rule](), server, rtt_s=rtt_ms / 1000, seed=seed).run(RUN_S)
        used = figures.used(server, 20, RUN_S), figures.used(server, 0, RUN_S)
        rows.append((*used, figures.refused_share, figures.latency_s))
    return over_seeds(rows)


def over_seeds(rows: list[Row]) -> Row:
    """Return the least used after 20 s, the mean used, the most refused, the slowest median."""
    late, whole, refused, latency_s = zip(*rows, strict=True)
    return min(late), mean(whole), max(refused), max(latency_s)


def read_lane() -> list[Any]:
    """Return what `tests/pacing/real_lane.py --all` measured, if it was run."""
    path = RESULTS / "pacing_real_lane.json"
    rows: list[Any] = json.loads(path.read_bytes()) if path.exists() else []
    return rows


def measured_lane() -> dict[Case, Row]:
    """Return the figures of the lane itself."""
    seeds: dict[Case, list[Row]] = {}
    for name, rtt_ms, _, row, _ in read_lane():
        seeds.setdefault((THE_LANE, name, rtt_ms), []).append(row)
    return {case: over_seeds(rows) for case, rows in seeds.items()}


def table(results: Mapping[Case, Row]) -> str:
    """Return the results as Markdown."""
    lines = [
        "# Using a hidden limit",
        "",
        f"`python -m benchmarks.pacing`: {RUN_S} s, 256 in flight at most, unlimited backlog,",
        "cold start, virtual time. Each cell: least used after 20 s % / mean used over the whole",
        "run % / most refused %, over three seeds, then the slowest median answer in ms.",
        f"*{THE_LANE}*: `python -m tests.pacing.real_lane --all`, with all its workers, retries",
        "and guards; the other columns are rules in the same small model of a lane.",
        "",
        "Windows that began before the run hold more than a whole run's share (over 100 %), and",
        "used up at once they look bad after 20 s: what counts there is every whole window. A",
        "limit that moves costs what finding it again takes; 20 slots stand idle while bytes",
        "travel, so 88 / 75 / 53 % is the best that a constant number in flight gets with at most",
        "1 % refused, at 20 / 80 / 500 ms.",
    ]
    rules = list(dict.fromkeys(rule for rule, _, _ in results))
    rules.sort(key=lambda rule: (not rule.startswith("bulkdel"), rule != "bulkdel"))
    for rtt_ms in ROUND_TRIPS_MS:
        lines += ["", f"## Round trip {rtt_ms} ms", ""]
        lines += ["| server | " + " | ".join(rules) + " |", "|---" * (len(rules) + 1) + "|"]
        for name in SERVERS:
            cells = [cell(results[rule, name, rtt_ms]) for rule in rules]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *missed()]) + "\n"


def missed() -> list[str]:
    """Return the known misses as lines of Markdown."""
    head = [
        "| server | round trip | seed | start | figure | measured | asked |",
        "|---|---:|---:|---|---|---:|---:|",
    ]
    model = [(m.name, m.rtt_ms, m.seed, m.start, m.what, m.measured, m.asked) for m in MISSES]
    lane = [
        (name, rtt_ms, seed, "cold", *miss)
        for name, rtt_ms, seed, _, misses in read_lane()
        for miss in misses
    ]
    return [
        "## Figures that are not reached",
        "",
        "In the model of the lane, of 8 seeds with a cold and 3 with a warm start",
        "(`benchmarks/virtual/figures.py`; a test fails if one gets worse, or better):",
        "",
        *head,
        *map(miss_line, model),
        "",
        f"In the lane itself, of {len(SEEDS)} seeds with a cold start:",
        "",
        *head,
        *map(miss_line, lane),
    ]


def miss_line(miss: tuple[str, int, int, str, str, float, float]) -> str:
    """Return one row."""
    name, rtt_ms, seed, start, what, measured, asked = miss
    return f"| {name} | {rtt_ms} ms | {seed} | {start} | {what} | {measured:.2%} | {asked:.1%} |"


def cell(row: Row) -> str:
    """Return one cell."""
    late, whole, refused, latency_s = row
    return f"{late:.1%} / {whole:.1%} / {refused:.2%}, {latency_s * 1000:.0f}".replace("%", "")


def main() -> None:
    """Measure everything on two processes and write the table; ``--table`` only writes it."""
    target = RESULTS / "pacing.json"
    if "--table" not in sys.argv:
        cases = [(rule, name, ms) for rule in RULES for name in SERVERS for ms in ROUND_TRIPS_MS]
        with ProcessPoolExecutor(2) as pool:
            found = list(zip(cases, pool.map(measure, cases), strict=True))
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(found, indent=0) + "\n", encoding="utf-8")
    results = {tuple(case): row for case, row in json.loads(target.read_bytes())}
    (RESULTS / "pacing.md").write_text(table({**results, **measured_lane()}), encoding="utf-8")
    print(f"wrote {RESULTS / 'pacing.md'}")


if __name__ == "__main__":
    main()
