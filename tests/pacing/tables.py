"""What the judge measured, in tables: for a terminal and for the report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from tests.pacing.draws import HELD_OUT, STRICT


@dataclass(frozen=True, slots=True)
class Row:
    """What one pace came to on one draw; shares, not per cent.

    Attributes:
        family: Which limit.
        seed: Which draw.
        pace: Whose figures these are.
        limit: What the limit gives per second, the mean after 20 s.
        rtt_s: Mean round trip.
        used: Share that was used after 20 s.
        refused: Share of all requests that was refused.
        score: ``used - 5 x refused``.
        found: What the pace says that it found.
    """

    family: str
    seed: int
    pace: str
    limit: float
    rtt_s: float
    used: float
    refused: float
    score: float
    found: str = ""


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that ``share`` of the others are below."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def line(name: str, rows: Sequence[Row]) -> str:
    """Return the figures of some draws in one line, in per cent."""
    used = [100 * row.used for row in rows]
    refused = [100 * row.refused for row in rows]
    score = sum(row.score for row in rows) / len(rows)
    return (
        f"{name:26} {len(rows):4}  {median(used):6.1f} {percentile(used, 0.05):6.1f}"
        f" {percentile(used, 0.95):6.1f} {min(used):6.1f}   {median(refused):6.2f}"
        f" {percentile(refused, 0.05):6.2f} {percentile(refused, 0.95):6.2f}"
        f" {max(refused):6.2f}   {100 * score:7.1f}"
    )


def groups(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Sort rows by family, and into the groups that figures are asked of."""
    sorted_rows: dict[str, list[Row]] = {}
    for row in rows:
        sorted_rows.setdefault(row.family, []).append(row)
    every = [row for found in sorted_rows.values() for row in found]
    ordinary = [row for row in every if row.family not in STRICT]
    sorted_rows["ALL"] = every
    sorted_rows["10/s and more, not strict"] = [row for row in ordinary if row.limit >= 10.0]
    sorted_rows["under 10/s, not strict"] = [row for row in ordinary if row.limit < 10.0]
    sorted_rows["strict"] = [row for row in every if row.family in STRICT]
    return {name: found for name, found in sorted_rows.items() if found}


def table(rows: Sequence[Row]) -> str:
    """Return one table per pace."""
    lines = []
    for pace in dict.fromkeys(row.pace for row in rows):
        lines.append(f"\n{pace}: used after 20 s, refused, in % (median, 5th, 95th, worst); score")
        own = groups(row for row in rows if row.pace == pace)
        lines += [line(name, found) for name, found in own.items()]
    return "\n".join(lines)


_ABOUT: Final = """# The pace on limits that were drawn

`python -m benchmarks pacing` (or `python -m tests.pacing.judge --report`): {seeds} of the 16
families that the pace was made with, which it was not tuned on, and {held_out} of five families
that it was never tuned on ({names}). 180 s each, cold, virtual time; rate 1 to 5,000/s, round
trip 5 to 1,000 ms, 16 to 512 in flight, all drawn.

*Used* after 20 s, as a share of what the limit gives or of what an oracle gets that paces evenly
at 99 % of it, whichever is lower; *refused* of all requests; *score* is used - 5 x refused, which
counts where even the oracle is refused (strict: {strict}). All in %.
"""


def report(rows: Sequence[Row], seeds: range, held_out: range) -> str:
    """Return the tables for people, pace by pace."""
    names, strict = ", ".join(HELD_OUT), ", ".join(STRICT)
    said = [f"seeds {span.start} to {span.stop - 1}" for span in (seeds, held_out)]
    text = [_ABOUT.format(seeds=said[0], held_out=said[1], names=names, strict=strict)]
    for pace in dict.fromkeys(row.pace for row in rows):
        text.append(f"## {pace}\n\n| | draws | used: median | 5th | worst"
                    " | refused: median | 95th | score |\n|---|---|---|---|---|---|---|---|")  # fmt: skip
        own = [row for row in rows if row.pace == pace]
        text += [_report_line(name, found) for name, found in _report_groups(own).items()]
        text.append("")
    return "\n".join(text)


def _report_groups(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Sort rows into the groups that figures are asked of, made with and held out apart."""
    known = groups(row for row in rows if row.family not in HELD_OUT)
    held_out = groups(row for row in rows if row.family in HELD_OUT)
    return {**known, **{f"{name} (held out)": found for name, found in held_out.items()}}


def _report_line(name: str, rows: Sequence[Row]) -> str:
    used = [100 * row.used for row in rows]
    refused = [100 * row.refused for row in rows]
    score = 100 * sum(row.score for row in rows) / len(rows)
    return (
        f"| {name} | {len(rows)} | {median(used):.1f} | {percentile(used, 0.05):.1f}"
        f" | {min(used):.1f} | {median(refused):.2f} | {percentile(refused, 0.95):.2f}"
        f" | {score:.1f} |"
    )
