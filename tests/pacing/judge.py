"""Judge a pace on limits that are drawn, not chosen.

    python -m tests.pacing.judge --seeds 0-199                 a family per seed, in turn
    python -m tests.pacing.judge --seeds 0-9 --family slots    ten draws of one
    python -m tests.pacing.judge --seeds 1000-1009 --held-out  the families for reports
    python -m tests.pacing.judge --report FILE.md              all of it, beside baselines

    draw ──> server, way ──> Drive <── pace     180 s of virtual time, a backlog without end
                               └──> used after 20 s, refused, beside three baselines

*Used* is what was taken after 20 s, as a share of what the limit gives meanwhile, or of what
an oracle gets that paces evenly at 99 % of it, whichever is lower. Where even that is refused
(`draws.STRICT`), ``used - 5 x refused`` counts, beside the best even pace of any rate.

It has a process for each core. `drive` says what is sent when.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from bulkdel.pacing import AutoPace
from tests.pacing.baselines import EvenPace, WorkersPace
from tests.pacing.draws import FAMILIES, HELD_OUT, STRICT, Draw, draw, families_of
from tests.pacing.drive import RUN_S, Drive
from tests.pacing.tables import Row, report, table

FROM_S: Final = 20
REPORT_SEEDS: Final = range(2000, 2160)
REPORT_HELD_OUT: Final = range(3000, 3012)
"""Nothing was tuned on these."""
EVEN_SHARES: Final = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


def _measure(pace_name: str, pace: Any, family: str, seed: int, reference: float) -> Row:
    drawn = draw(family, seed)
    if pace is None:
        pace = AutoPace(concurrency=drawn.concurrency)
    ran = Drive(pace, drawn).run()
    used = min(1.0, sum(ran.took[FROM_S:RUN_S]) / reference)
    refused = sum(ran.refused) / max(1, ran.requests)
    learned = pace.learned() if isinstance(pace, AutoPace) else None
    found = "" if learned is None else learned.describe()
    mean = _limit(drawn)
    score = used - 5.0 * refused
    return Row(family, seed, pace_name, mean, drawn.rtt_s, used, refused, score, found)


def _limit(drawn: Draw) -> float:
    """Return the mean limit after the first seconds."""
    seconds = range(FROM_S, RUN_S)
    return sum(drawn.server.limit(s + 0.5) for s in seconds) / len(seconds)


def even(family: str, seed: int, share: float) -> tuple[float, float]:
    """Return what pacing evenly at ``share`` of the limit takes after 20 s, and its refusals."""
    drawn = draw(family, seed)
    ran = Drive(EvenPace(drawn.server, share, drawn.concurrency), drawn).run()
    return float(sum(ran.took[FROM_S:RUN_S])), sum(ran.refused) / max(1, ran.requests)


def reference(family: str, seed: int, oracle: float) -> float:
    """Return what counts as all: what the limit gives, or what the oracle gets of it."""
    drawn = draw(family, seed)
    return max(1.0, min(oracle, _limit(drawn) * (RUN_S - FROM_S)))


def judge(
    case: tuple[str, int], *, baselines: bool = False, oracle: tuple[float, float] | None = None
) -> list[Row]:
    """Return the row of one draw, and those of the baselines if they are asked for.

    ``oracle`` is what `even` returned at 99 %, if it was measured before.
    """
    family, seed = case
    drawn = draw(family, seed)
    taken, refused = oracle or even(family, seed, 0.99)
    whole = reference(family, seed, taken)
    rows = [_measure("bulkdel", None, family, seed, whole)]
    if baselines:
        rows.append(_measure("64 workers", WorkersPace(64), family, seed, whole))
        used = min(1.0, taken / whole)
        score = used - 5.0 * refused
        mean = _limit(drawn)
        rows.append(Row(family, seed, "oracle", mean, drawn.rtt_s, used, refused, score))
        if family in STRICT:
            rows.append(_best_even(family, seed, whole))
    return rows


def _best_even(family: str, seed: int, whole: float) -> Row:
    drawn = draw(family, seed)
    best = (-math.inf, 0.0, 0.0)
    for share in EVEN_SHARES:
        taken, refused = even(family, seed, share)
        used = min(1.0, taken / whole)
        best = max(best, (used - 5.0 * refused, used, refused))
    score, used, refused = best
    return Row(family, seed, "best even", _limit(drawn), drawn.rtt_s, used, refused, score)


def _with_baselines(case: tuple[str, int]) -> list[Row]:
    return judge(case, baselines=True)


def _with_oracle(case: tuple[str, int, float, float]) -> list[Row]:
    return judge(case[:2], oracle=case[2:])


def _oracle(case: tuple[str, int]) -> tuple[float, float]:
    return even(*case, 0.99)


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def main() -> None:
    """Judge and print."""
    parser = argparse.ArgumentParser(description="Judge the pace on drawn limits.")
    parser.add_argument("--seeds", type=_seeds, default=range(64))
    parser.add_argument("--family", action="append", choices=[*FAMILIES, *HELD_OUT])
    parser.add_argument("--held-out", action="store_true", help="the families for reports")
    parser.add_argument("--baselines", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--each", action="store_true", help="print every draw")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--report", type=Path, help="judge all for a report: Markdown, JSON")
    parser.add_argument("--oracles", type=Path, help="where the oracle's figures are kept")
    options = parser.parse_args()
    if options.report:
        _write_report(options)
        return
    named = list(HELD_OUT) if options.held_out else options.family
    cases = [(f, s) for f in named for s in options.seeds] if named else families_of(options.seeds)
    rows = _judge_all(cases, options)
    if options.each:
        for row in sorted(rows, key=lambda row: (row.pace, row.used)):
            print(f"{row.family:20} {row.seed:5} {row.limit:7.1f}/s {1000 * row.rtt_s:4.0f} ms"
                  f" {100 * row.used:6.1f} {100 * row.refused:6.2f} {row.pace}: {row.found}")  # fmt: skip
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=0) + "\n")


def _write_report(options: argparse.Namespace) -> None:
    """Judge every pace on the seeds for reports; paces of before are kept from the JSON."""
    options.baselines = True
    cases = families_of(REPORT_SEEDS)
    cases += [(family, seed) for family in HELD_OUT for seed in REPORT_HELD_OUT]
    rows = _judge_all(cases, options)
    kept = options.report.with_suffix(".json")
    measured = {row.pace for row in rows}
    if kept.exists():
        before = [Row(**row) for row in json.loads(kept.read_text())]
        rows += [row for row in before if row.pace not in measured]
    kept.write_text(json.dumps([asdict(row) for row in rows], indent=0) + "\n")
    options.report.write_text(report(rows, REPORT_SEEDS, REPORT_HELD_OUT))


def _judge_all(cases: Sequence[tuple[str, int]], options: argparse.Namespace) -> list[Row]:
    if options.jobs == 1:
        return _spread_out(cases, options, map)
    with ProcessPoolExecutor(options.jobs) as pool:
        return _spread_out(cases, options, pool.map)


def _spread_out(
    cases: Sequence[tuple[str, int]], options: argparse.Namespace, spread: Any
) -> list[Row]:
    if options.baselines:
        return [row for rows in spread(_with_baselines, cases) for row in rows]
    oracles = _oracles(cases, options.oracles, spread)
    known = [(*case, *oracle) for case, oracle in zip(cases, oracles, strict=True)]
    return [row for rows in spread(_with_oracle, known) for row in rows]


def _oracles(
    cases: Sequence[tuple[str, int]], path: Path | None, spread: Any
) -> list[tuple[float, float]]:
    """Measure the oracle, or read what was measured before."""
    known: dict[str, tuple[float, float]] = {}
    if path is not None and path.exists():
        known = json.loads(path.read_text())
    missing = [case for case in cases if f"{case}" not in known]
    for case, found in zip(missing, spread(_oracle, missing), strict=True):
        known[f"{case}"] = found
    if path is not None and missing:
        path.write_text(json.dumps(known))
    return [known[f"{case}"] for case in cases]


if __name__ == "__main__":
    main()
