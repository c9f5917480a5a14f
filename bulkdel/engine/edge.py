"""Where a run touches the world: network, disk, threads, clocks. Tests put fakes here, and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio

from bulkdel.blocking import InThread, in_thread
from bulkdel.engine.lane import MakePace
from bulkdel.guards import DeleteBudget
from bulkdel.pacing.choose import make_pace
from bulkdel.providers import Operation
from bulkdel.result_log.fence import open_log
from bulkdel.result_log.file import LogFile
from bulkdel.settings import Lane
from bulkdel.transport import Transport, open_transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What a run touches the world with.

    Attributes:
        transport: Opens the transport of a lane for one operation.
        pace: Makes the pace of a lane.
        deletes: Makes the budget of deletions, of the most and of those used.
        log_file: Opens, locks and mends the log file.
        run_blocking: Runs blocking work.
        wall_clock: Seconds since 1970.
        clock: Seconds, only going forward, asked twice an ID. The event loop's own is the
            one that a virtual clock moves; `REAL` has a faster one.
        seed: Seed of the jitter of retries; None for a different one each time.
    """

    transport: Callable[[Lane, Operation], AbstractAsyncContextManager[Transport]] = open_transport
    pace: MakePace = make_pace
    deletes: Callable[[int | None, int], DeleteBudget] = DeleteBudget
    log_file: Callable[[Path], AbstractContextManager[tuple[LogFile, int]]] = open_log
    run_blocking: InThread = in_thread
    wall_clock: Callable[[], float] = time.time
    clock: Callable[[], float] = anyio.current_time
    seed: int | None = None


REAL: Final = Edge(clock=time.monotonic)
"""The world as it is."""
