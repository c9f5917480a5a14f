"""Simulate the whole engine under fault, in virtual time, by seeds.

    world      what one seed makes: lanes, IDs, accounts that answer badly
    disk       the log on a disk that fills up, breaks, or loses its power
    process    one start of the engine, killed between any two steps
    simulation_checks  the promises, checked after every process and at the end

A seed makes the same world and the same order of tasks each time. To try many by hand, or
one alone:

    python tests/simulation/simulate.py --seeds 100000 --from 5
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Final

from bulkdel.guards import StopCause
from bulkdel.models import State
from tests.simulation.checks import check, check_end, check_repeats, unseen
from tests.simulation.disk import read_log
from tests.simulation.process import Process
from tests.simulation.world import PROCESSES_MAX, Scenario
from tests.support.engine_fakes import (
    FakeTransport,
    deleted,
    edge,
    failing,
    in_virtual_time,
    refusing,
)

__all__ = [
    "FakeTransport",
    "deleted",
    "edge",
    "failing",
    "in_virtual_time",
    "main",
    "refusing",
    "simulate",
    "try_seed",
    "try_seeds",
]

FAILURES_MAX: Final = 10
"""Failed seeds after which no further one is tried."""


def simulate(seed: int) -> Counter[str]:
    """Let a seed's world run until nothing is left to do; return what happened in it.

    Raises:
        AssertionError: A promise does not hold.
        ValueError: There is no such seed.
    """
    if seed < 0:
        raise ValueError(f"a seed is 0 or more, not {seed}")
    folder = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=folder) as name:
        return _simulate(Scenario(seed, Path(name) / "log.jsonl"))


def _simulate(scenario: Scenario) -> Counter[str]:
    happened: Counter[str] = Counter()
    unlogged: set[tuple[str, str]] = set()
    allow_gone = False
    never_known = 0
    for number in range(PROCESSES_MAX):
        had = {name: set(world.account.deleted) for name, world in scenario.lanes.items()}
        process = Process(scenario, number, allow_gone=allow_gone)
        process.run()
        process.put_rescue_in_place()
        after = read_log(scenario.log, allow_gone=allow_gone)
        check(process, after, had, never_known)
        never_known += unseen(process, after, had)
        unlogged = check_repeats(process, after, unlogged)
        happened.update(
            processes=1,
            kills=process.killed,
            disk_errors=process.error is not None,
            rescues=process.disk is not None and process.disk.rescued is not None,
            requests=sum(len(of.sent) for of in process.transports.values()),
            asked=sum(len(of.asked) for of in process.transports.values()),
            orders=len(process.steered),
            doubted=sum(result.doubted for _, result in process.results),
            compared=sum(result.evidence is not None for _, result in process.results),
            **{f"stopped: {cause.value}": 1 for cause in process.stops},
        )
        doubted = any(result.doubted for _, result in process.results)
        allow_gone = allow_gone or doubted or StopCause.ALL_GONE in process.stops
        summary = process.summary
        is_finished = summary is not None and summary.state is State.FINISHED
        if is_finished and process.error is None and not after.open_failed:
            break
    else:
        raise AssertionError("it does not converge")
    check_end(scenario, after)
    return happened


def try_seed(seed: int) -> tuple[Counter[str], str | None]:
    """Simulate one seed, from 0 on; return what happened, and what went wrong."""
    try:
        return simulate(seed), None
    except Exception:  # noqa: BLE001 - whatever the engine raises is a finding
        alone = f"python tests/simulation/simulate.py --seeds 1 --from {seed}"
        return Counter(), f"seed {seed} (alone: {alone})\n{traceback.format_exc()}"


def try_seeds(seeds: range, jobs: int, failures_max: int) -> tuple[Counter[str], list[str]]:
    """Simulate many seeds on ``jobs`` processors, until so many have failed."""
    happened: Counter[str] = Counter()
    failures = []
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for counts, failure in pool.imap_unordered(try_seed, seeds, chunksize=10):
            happened.update(counts)
            if failure is not None:
                failures.append(failure)
            if len(failures) >= failures_max:
                pool.terminate()
                break
    return happened, failures


def main() -> int:
    """Simulate the seeds that the command line names."""
    parser = argparse.ArgumentParser(description="Simulate the engine under faults.")
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first one")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processors")
    wanted = parser.parse_args()
    began_s = time.perf_counter()
    seeds = range(wanted.first, wanted.first + wanted.seeds)
    happened, failures = try_seeds(seeds, min(wanted.jobs, wanted.seeds), FAILURES_MAX)
    for failure in failures:
        print(failure)
    if failures:
        print("failed:", *sorted(int(failure.split()[1]) for failure in failures))
    print(f"{wanted.seeds} seeds, {len(failures)} failed, {time.perf_counter() - began_s:.1f} s")
    print(dict(sorted(happened.items())))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
