"""The figures of ``bulkdel bench`` as a person reads them: table, bars, and what follows."""

from __future__ import annotations

import os
from collections.abc import Sequence

from bulkdel.bench.curves import Point, bar, concurrency_for, curves, durations
from bulkdel.reporting.words import duration


def report(points: Sequence[Point], rate: float | None, ids: int) -> str:
    """Return all of it.

    Args:
        points: What was measured.
        rate: The rate that the user wants, or None.
        ids: The number of IDs whose duration is asked for.
    """
    lines = [f"Deletions per second on this machine ({os.cpu_count()} cores, server included)"]
    for latency_s, curve in curves(points).items():
        lines += ["", *_curve(latency_s, curve)]
    if rate is not None:
        lines += ["", *_choice(points, rate)]
    lines += ["", *_durations(ids)]
    return "\n".join(lines)


def milliseconds(latency_s: float) -> str:
    """Return a latency as ``20 ms``."""
    return f"{latency_s * 1000:g} ms"


def _curve(latency_s: float, curve: Sequence[Point]) -> list[str]:
    most = max(point.rate for point in curve)
    lines = [f"Latency {milliseconds(latency_s)}", "  in flight        /s   CPU"]
    for point in curve:
        figures = f"{point.concurrency:>11,}{_rate(point.rate):>10}{point.cpu_share:>6.0%}"
        lines.append(f"{figures}  {bar(point.rate, most)}")
    return lines


def _choice(points: Sequence[Point], rate: float) -> list[str]:
    lines = [f"For {_rate(rate)}/s, with a quarter to spare"]
    for latency_s, curve in curves(points).items():
        concurrency = concurrency_for(rate, curve)
        if concurrency is None:
            most = max(point.rate for point in curve)
            words = f"not reached: {_rate(most)}/s at most; try a higher --concurrency"
        else:
            words = f"--concurrency {concurrency}"
        lines.append(f"  at {milliseconds(latency_s)} latency: {words}")
    return lines


def _durations(ids: int) -> list[str]:
    lines = [f"{ids:,} IDs at the documented limit"]
    for each in durations(ids):
        if each.rate is None or each.seconds is None:
            words = "no limit is documented; bulkdel finds it while it runs"
        else:
            words = f"{duration(each.seconds)} at {each.rate:g}/s"
        lines.append(f"  {each.provider:<10} {words}")
    return lines


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
