"""Memory over time: one long run, looked at every 50 ms from outside.

What is allowed to grow is the index of done IDs, by 24 bytes for each.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks.clients import Task, delete_command
from benchmarks.ids import made_ids, write_ids
from benchmarks.measure import memory_bytes, run
from benchmarks.nginx import check_arrived, serve
from benchmarks.report import say

BASE_BYTES: Final = 150_000_000
PER_ID_BYTES: Final = 24

_KEPT: Final = 400
"""Most samples in the results; a plot shows no more."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the process.

    Attributes:
        at_s: Seconds since its start.
        rss_bytes: Its memory.
        log_bytes: Length of its log.
    """

    at_s: float
    rss_bytes: int
    log_bytes: int


def measure(*, ids_count: int) -> dict[str, Any]:
    """Delete ``ids_count`` IDs and return the memory over time."""
    looks: list[Look] = []
    with TemporaryDirectory(prefix="bulkdel-bench-") as text, serve(Path(text)) as server:
        folder = Path(text)
        file, log = folder / "ids.txt", folder / "log.jsonl"
        write_ids(file, made_ids(ids_count))
        task = Task(ids=(), file=file, base_url=server.http, ca=None, folder=folder)
        began_s = time.perf_counter()

        def look(pid: int) -> None:
            written = log.stat().st_size if log.exists() else 0
            looks.append(Look(time.perf_counter() - began_s, memory_bytes(pid, "VmRSS"), written))

        ended = run(delete_command(task), env=task.env, look=look)
        say(f"{ids_count:,} IDs in {ended.wall_s:.1f} s, {ended.peak_bytes / 1e6:.1f} MB at most")
        check_arrived(server.arrived(ids_count), made_ids(ids_count))
        log_bytes = log.stat().st_size
    return {
        "ids": ids_count,
        "wall_s": round(ended.wall_s, 2),
        "rate": round(ids_count / ended.wall_s, 1),
        "cpu_us": round(ended.cpu_s / ids_count * 1e6, 2),
        "peak_mb": round(ended.peak_bytes / 1e6, 1),
        "allowed_mb": round((BASE_BYTES + PER_ID_BYTES * ids_count) / 1e6, 1),
        "by_done": by_done(looks, ids_count, log_bytes),
        "over_time": thinned(looks),
    }


def by_done(looks: Sequence[Look], ids_count: int, log_bytes: int) -> list[dict[str, float]]:
    """Return the memory at each tenth of the IDs. Lines are equally long, nearly."""
    lengths = [look.log_bytes for look in looks]
    rows = []
    for tenth in range(1, 11):
        place = min(bisect_left(lengths, log_bytes * tenth / 10), len(looks) - 1)
        rows.append(
            {
                "ids": ids_count * tenth // 10,
                "at_s": round(looks[place].at_s, 2),
                "rss_mb": round(looks[place].rss_bytes / 1e6, 1),
            }
        )
    return rows


def thinned(looks: Sequence[Look]) -> list[tuple[float, float]]:
    """Return seconds and MB of at most `_KEPT` looks: of each stretch the highest."""
    step = max(1, -(-len(looks) // _KEPT))
    stretches = [looks[place : place + step] for place in range(0, len(looks), step)]
    highest = [max(stretch, key=lambda look: look.rss_bytes) for stretch in stretches]
    return [(round(look.at_s, 2), round(look.rss_bytes / 1e6, 1)) for look in highest]
