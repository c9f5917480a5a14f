"""Rate by concurrency and latency: `bulkdel bench`, several times.

The server is the embedded one, in a process of its own, since nginx knows no latency.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any, Final

from benchmarks.measure import BULKDEL, Spread, as_json, run
from benchmarks.report import say

CONCURRENCIES: Final = (16, 64, 256)
LATENCIES_S: Final = (0.001, 0.02, 0.1)


def measure(*, rounds: int) -> dict[str, Any]:
    """Return the rates of all concurrencies and latencies."""
    command = [
        *BULKDEL, "bench", "--json", "--seconds", "1",
        "--concurrency", ",".join(map(str, CONCURRENCIES)),
        "--latency", ",".join(map(str, LATENCIES_S)),
    ]  # fmt: skip
    rates: dict[tuple[float, int], list[float]] = defaultdict(list)
    for number in range(rounds):
        for point in json.loads(run(command, keep_out=True).out)["points"]:
            rates[point["latency_s"], point["concurrency"]].append(point["rate"])
        say(f"round {number + 1}/{rounds}")
    return {
        "rounds": rounds,
        "points": [
            {
                "latency_s": latency_s,
                "concurrency": concurrency,
                "rate": as_json(Spread.of(values)),
                "share": round(Spread.of(values).median * latency_s / concurrency, 4),
            }
            for (latency_s, concurrency), values in rates.items()
        ],
    }
