"""Write how each lane is going into the log, now and then: what `explain` reads.

    {"pace":{"lane":"ark","at_s":20.0,"ended":412,"requests":415,"refused":2,"rate":20.9,
             "limit":"token bucket about 20/s, burst about 5","learned":{…},
             "bound_s":{"rate":18.2,"busy":1.8},"cpu_s":0.4}}

A record holds the sums since the start of the run, so the newest one of a run says it
all, and the others how it went. ``learned`` lets the next run start warm, after a kill as
well.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Final

import anyio

from bulkdel.engine.lane import LaneWork
from bulkdel.result_log.writer import ResultLog

EVERY_S: Final = 10.0
"""Seconds between two records: 14 hours make 5,000 lines of 300 bytes."""


async def write_pace(log: ResultLog, works: Iterable[LaneWork], began_s: float) -> None:
    """Write one record a lane every `EVERY_S` until cancelled."""
    while True:
        await anyio.sleep(EVERY_S)
        for work in works:
            log.append_record("pace", pace_record(work, began_s))


def pace_record(work: LaneWork, began_s: float) -> dict[str, Any]:
    """Return how a lane has been going since the run began."""
    learned = work.pace.learned()
    return {
        "lane": work.lane.name,
        "at_s": round(anyio.current_time() - began_s, 3),
        "ended": work.counts.ended,
        "requests": work.counts.requests,
        "refused": work.counts.refused,
        "rate": round(work.pace.rate, 3),
        "limit": learned.describe() if learned is not None else None,
        "learned": learned.to_json() if learned is not None else None,
        "bound_s": work.bound_s(),
        "cpu_s": round(time.process_time(), 3),
    }
