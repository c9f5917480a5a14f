"""Measure one process: wall time, CPU and peak memory. And medians over several runs.

The CPU time is that of the process and of the children it waited for, as the kernel
counted it at its end. The peak memory is read while it runs: what the kernel reports at
the end (``ru_maxrss``) includes the memory of the process that forked it.
"""

from __future__ import annotations

import os
import select
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final

TIMEOUT_S: Final = 600.0
"""The end of every measured process, at the latest."""

_LOOK_S: Final = 0.05
"""Seconds between two looks at the memory; the wait for the end is interrupted at once."""

START: Final = [sys.executable, "-c", "from bulkdel.cli import main; main()"]
_INSTALLED: Final = Path(sys.executable).with_name("bulkdel")
BULKDEL: Final[Sequence[str]] = [str(_INSTALLED)] if _INSTALLED.exists() else START
"""The command as it is installed, or the same by its entry point."""

KEY: Final = "benchmark-key"


class BenchmarkError(Exception):
    """A benchmark cannot be run, or its result would be wrong."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that has ended.

    Attributes:
        began_at_s: Wall clock of its start, in seconds since 1970.
        wall_s: Seconds from its start to its end.
        cpu_s: Seconds of CPU time, user and system.
        peak_bytes: Most memory that it held (VmHWM), children excluded.
        out: Its standard output, if it was asked for.
    """

    began_at_s: float
    wall_s: float
    cpu_s: float
    peak_bytes: int
    out: str = ""


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a measured process: no proxy, no settings of the user's."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    root = str(Path(__file__).parents[1])
    return {**kept, "PYTHONPATH": root, "ARK_API_KEY": KEY, "API_KEY": KEY, **more}


def run(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    keep_out: bool = False,
    codes: Sequence[int] = (0,),
    look: Callable[[int], None] | None = None,
) -> Ended:
    """Run a command to its end and measure it.

    Args:
        command: The command and its arguments.
        env: Its environment; that of `environment` by default.
        keep_out: Return its standard output, which is else dropped.
        codes: The exit codes that it may end with.
        look: Called with its process ID, every 50 ms.

    Raises:
        BenchmarkError: It ended with another code, or not within `TIMEOUT_S`.
    """
    with TemporaryFile() as out, TemporaryFile() as err:
        began_at_s, began_s = time.time(), time.perf_counter()
        process = subprocess.Popen(
            [*map(str, command)],
            env=environment() if env is None else env,
            stdin=subprocess.DEVNULL,
            stdout=out if keep_out else subprocess.DEVNULL,
            stderr=err,
            start_new_session=True,
        )
        peak_bytes = _watch(process, look)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - began_s
        process.returncode = os.waitstatus_to_exitcode(status)
        said, complained = _text(out), _text(err)
    if process.returncode not in codes:
        raise BenchmarkError(
            f"{command[0]} ended with code {process.returncode}: {complained[-2000:]}"
        )
    return Ended(began_at_s, wall_s, usage.ru_utime + usage.ru_stime, peak_bytes, said)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _watch(process: subprocess.Popen[bytes], look: Callable[[int], None] | None) -> int:
    """Wait until a process ends, or end it; return its peak memory."""
    peak_bytes = 0
    until_s = time.monotonic() + TIMEOUT_S
    ending = os.pidfd_open(process.pid)
    try:
        poll = select.poll()
        poll.register(ending, select.POLLIN)
        while not poll.poll(_LOOK_S * 1000):
            peak_bytes = max(peak_bytes, memory_bytes(process.pid, "VmHWM"))
            if look is not None:
                look(process.pid)
            if time.monotonic() > until_s:
                os.killpg(process.pid, signal.SIGKILL)  # its own session: it and its children
                process.wait()
                raise BenchmarkError(f"{process.args!r} did not end within {TIMEOUT_S:.0f} s")
    except KeyboardInterrupt:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    finally:
        os.close(ending)
    return peak_bytes


def memory_bytes(pid: int, field: str) -> int:
    """Return ``VmRSS`` (now) or ``VmHWM`` (most so far) of a process; 0 if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    for line in status.splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return 0


@dataclass(frozen=True, slots=True)
class Spread:
    """Some values of one thing: their middle and their ends."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of at least one value."""
        return cls(statistics.median(values), min(values), max(values))


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Return the spread of the ratios, each of two runs of the same round."""
    return Spread.of([a / b for a, b in zip(ours, theirs, strict=True)])


def as_json(spread: Spread) -> dict[str, float]:
    """Return a spread as it stands in the results."""
    return {
        "median": round(spread.median, 4),
        "least": round(spread.least, 4),
        "most": round(spread.most, 4),
    }
