"""Resume: how soon the first DELETE is sent over a log, by its size; reading and reporting logs.

The log is made here, with one failed ID in a thousand. The source is that of the earlier
run with 1,000 new IDs: behind all those that are done, as they are when a stopped run goes
on, or in front of them. The first DELETE is the first one that nginx answered.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal

import orjson

from benchmarks.clients import Task, delete_command
from benchmarks.ids import made_ids, write_ids
from benchmarks.measure import BULKDEL, Ended, Spread, as_json, run
from benchmarks.nginx import Server, check_arrived, first_at_s, serve
from benchmarks.report import say
from bulkdel.models import Outcome, Result
from bulkdel.result_log.encode import result_line

SIZES: Final = (10_000, 100_000, 1_000_000)
FULL_SIZE: Final = 10_000_000
NEW: Final = 1_000

_FAILED_EVERY: Final = 1_000
_AT_S: Final = 1_767_225_600.0
_PER_S: Final = 400
"""Lines of one second: a log of ten million is seven hours long."""


def measure(*, sizes: Sequence[int], rounds: int) -> dict[str, Any]:
    """Return the times and the memory for each size of the log."""
    found = []
    with TemporaryDirectory(prefix="bulkdel-bench-") as text, serve(Path(text)) as server:
        for lines in sizes:
            with TemporaryDirectory(prefix="bulkdel-bench-") as folder:
                found.append(_measure_size(server, Path(folder), lines, rounds))
    return {"rounds": rounds, "new": NEW, "sizes": found}


def _measure_size(server: Server, folder: Path, lines: int, rounds: int) -> dict[str, Any]:
    log = folder / "log.jsonl"
    write_log(log, lines, server.http)
    seconds: dict[str, list[float]] = {}
    peaks: dict[str, int] = {}

    def note(name: str, ended: Ended, wall_s: float) -> None:
        seconds.setdefault(name, []).append(wall_s)
        peaks[name] = max(peaks.get(name, 0), ended.peak_bytes)
        say(f"{lines:>12,} lines  {name:<12}{wall_s:>8.2f} s{ended.peak_bytes / 1e6:>8.1f} MB")

    for _ in range(rounds):
        for place in ("new_last", "new_first"):
            note(place, *_resume(server, folder, log, lines, place))
        page = str(folder / "report.html")
        for command, more in (("status", ()), ("failed", ()), ("report", ("-o", page))):
            ended = run([*BULKDEL, command, log, *more])
            note(command, ended, ended.wall_s)
    return {
        "lines": lines,
        "log_mb": round(log.stat().st_size / 1e6, 1),
        "seconds": {name: as_json(Spread.of(values)) for name, values in seconds.items()},
        "peak_mb": {name: round(peak / 1e6, 1) for name, peak in peaks.items()},
    }


def _resume(
    server: Server,
    folder: Path,
    log: Path,
    lines: int,
    place: Literal["new_last", "new_first"],
) -> tuple[Ended, float]:
    """Resume once and leave the log as it was; return the seconds to the first DELETE."""
    source = folder / f"{place}.txt"
    done, new = made_ids(lines), made_ids(NEW, first=lines)
    if not source.exists():
        write_ids(source, *((done, new) if place == "new_last" else (new, done)))
    task = Task(ids=(), file=source, base_url=server.http, ca=None, folder=folder)
    log_bytes = log.stat().st_size
    server.begin()
    ended = run(delete_command(task), env=task.env, codes=(1,))  # 1: some had failed before
    os.truncate(log, log_bytes)
    arrived = list(server.arrived(NEW))
    check_arrived(arrived, made_ids(NEW, first=lines))
    return ended, first_at_s(arrived) - ended.began_at_s


def write_log(path: Path, lines: int, base_url: str) -> None:
    """Write the log of a run that was killed after ``lines`` results."""
    lanes = {"ark": {"provider": "ark", "base_url": base_url}}
    head = {"at": "2026-01-01T00:00:00Z", "version": "0", "lanes": lanes, "sources": ["ids.txt"]}
    with path.open("wb") as file:
        file.write(orjson.dumps({"run": head}) + b"\n")
        file.writelines(_lines(lines))


def _lines(count: int) -> Iterator[bytes]:
    usual = failed = b""
    for number, object_id in enumerate(made_ids(count)):
        if number % _PER_S == 0:
            usual, failed = _templates(_AT_S + number / _PER_S, number // _PER_S % 200)
        line = usual if number % _FAILED_EVERY else failed
        yield line % object_id.encode()


def _templates(at_s: float, more_ms: int) -> tuple[bytes, bytes]:
    """Return the lines of a second, without their IDs: deleted, and failed."""
    usual = Result("%b", "ark", Outcome.DELETED, 200, 1, at_s, 84.0 + more_ms)
    failed = Result(
        "%b", "ark", Outcome.FAILED, 400, 1, at_s, 31.0, error="unexpected internal error"
    )
    return result_line(usual), result_line(failed)
