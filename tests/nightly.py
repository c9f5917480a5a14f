"""What takes longer than CI may: many more seeds, files, kills and planted faults than it tries.

    python -m tests.nightly                           100,000 seeds, 1,000 kills, 500 histories, all faults
    python -m tests.nightly --seeds 5000 --kills 90   less of it
    python -m tests.nightly --only kills              one part

Every part runs in processes of its own, from the folder of the project, and ends with a line:
how many were tried, how many failed, how long it took. Seeds begin at ``--from``, so that each
night can try others. It exits with 1 if anything failed; each failure is printed with the
command that repeats it alone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final

from tests.cli.test_kill import KILLS
from tests.fuzz.answers import AnswerFuzzer
from tests.fuzz.logs import LogFuzzer
from tests.fuzz.sources import Fuzzer
from tests.mutations import MUTATIONS, judge_all
from tests.pacing.histories import growths, share_found
from tests.simulation.simulate import try_seeds
from tests.support.seeds import VARIABLE

ROOT: Final = Path(__file__).parents[1]
FAILURES_MAX: Final = 20
"""Seeds that fail before the rest is left out: more of them tell nothing new."""


def simulate(options: argparse.Namespace) -> tuple[int, int]:
    """Simulate seeds of the whole engine; return how many were tried and how many failed."""
    seeds = range(options.first, options.first + options.seeds)
    happened, failures = try_seeds(seeds, os.cpu_count() or 1, FAILURES_MAX)
    print(*failures, dict(sorted(happened.items())), sep="\n", flush=True)
    return len(seeds), len(failures)


def kill(options: argparse.Namespace) -> tuple[int, int]:
    """Kill the real command, `KILLS` times a seed; return the kills and the seeds that failed."""
    seeds = range(options.first + 1, options.first + 1 + -(-options.kills // KILLS))
    failed = 0
    for seed in seeds:
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-rP", "tests/cli/test_kill.py"],
            cwd=ROOT,
            env={**os.environ, "BULKDEL_KILL_SEED": str(seed)},
            capture_output=True,
            text=True,
            check=False,
        )
        failed += ran.returncode != 0
        if ran.returncode != 0:
            print(ran.stdout, f"again: BULKDEL_KILL_SEED={seed} pytest tests/cli/test_kill.py")
        else:
            print(*[f"{line}" for line in ran.stdout.splitlines() if "excess" in line], flush=True)
    return len(seeds) * KILLS, failed


def live(options: argparse.Namespace) -> tuple[int, int]:
    """Let the limit rise after histories of a pace; return how many and how many were traps."""
    seeds = range(options.first, options.first + options.histories)
    with ProcessPoolExecutor() as pool:
        traps = [seed for seed, trap in zip(seeds, pool.map(_is_trap, seeds), strict=True) if trap]
    if traps:
        print("again: share_found and growths of tests.pacing.histories, seeds", traps)
    return len(seeds), len(traps)


def _is_trap(seed: int) -> bool:
    return share_found(seed) < 0.9 or any(growth < 2 for growth in growths(seed))


def plant(options: argparse.Namespace) -> tuple[int, int]:  # noqa: ARG001 - as the others
    """Plant every fault; return how many there are and how many no test noticed."""
    return len(MUTATIONS), judge_all(MUTATIONS)


def damage(options: argparse.Namespace) -> tuple[int, int]:
    """Damage files of every format and read them; return how many, and how many failed."""
    fuzzer = Fuzzer()
    failures = fuzzer.try_seeds(range(options.first, options.first + options.files))
    print(*failures, dict(sorted(fuzzer.counts.items())), sep="\n", flush=True)
    return options.files, len(failures)


def draw(options: argparse.Namespace) -> tuple[int, int]:
    """Run the tests that draw their cases with so many times the seeds; return tests and failures."""
    files = [path for path in ROOT.glob("tests/**/test_*.py") if _draws(path)]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "auto", "--timeout", "0", *map(str, files)],
        cwd=ROOT,
        env={**os.environ, VARIABLE: str(options.times)},
        capture_output=True,
        text=True,
        check=False,
    )
    print(ran.stdout[-4000:] if ran.returncode else "", flush=True)
    return len(files), int(ran.returncode != 0)


def _draws(path: Path) -> bool:
    return "support.seeds" in path.read_text(encoding="utf-8")


def read_logs(options: argparse.Namespace) -> tuple[int, int]:
    """Damage logs, read and resume them; return how many, and how many failed."""
    fuzzer = LogFuzzer()
    failures = fuzzer.try_seeds(range(options.first, options.first + options.logs))
    print(*failures, dict(sorted(fuzzer.counts.items())), sep="\n", flush=True)
    return options.logs, len(failures)


def answer(options: argparse.Namespace) -> tuple[int, int]:
    """Answer runs with damaged answers; return how many, and how many failed."""
    fuzzer = AnswerFuzzer()
    failures = fuzzer.try_seeds(range(options.first, options.first + options.answered))
    print(*failures, dict(sorted(fuzzer.counts.items())), sep="\n", flush=True)
    return options.answered, len(failures)


PARTS: Final[Mapping[str, Callable[[argparse.Namespace], tuple[int, int]]]] = {
    "seeds": simulate,
    "files": damage,
    "logs": read_logs,
    "answers": answer,
    "kills": kill,
    "histories": live,
    "drawn": draw,
    "faults": plant,
}


def main() -> int:
    """Try what the command line names."""
    parser = argparse.ArgumentParser(description="More seeds, kills and faults than CI tries.")
    parser.add_argument("--seeds", type=int, default=100_000, help="seeds of the simulation")
    parser.add_argument("--files", type=int, default=1_000_000, help="damaged files of IDs")
    parser.add_argument("--logs", type=int, default=100_000, help="damaged logs")
    parser.add_argument("--answered", type=int, default=100_000, help="runs of odd answers")
    parser.add_argument("--kills", type=int, default=1000, help="kills of the real command")
    parser.add_argument("--histories", type=int, default=500, help="pasts of a pace")
    parser.add_argument("--times", type=int, default=30, help="the seeds of tests that draw")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed")
    parser.add_argument("--only", choices=list(PARTS), help="one part")
    options = parser.parse_args()
    lines = []
    bad = 0
    for name in [options.only] if options.only else PARTS:
        began_s = time.perf_counter()
        tried, failed = PARTS[name](options)
        bad += failed
        lines.append(
            f"{name:10}{tried:9,} tried, {failed} failed, {time.perf_counter() - began_s:,.0f} s"
        )
        print(lines[-1], flush=True)
    print("", *lines, sep="\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
