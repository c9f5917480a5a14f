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
from collections.abc import Callable, Iterable
from typing import Any, Final

import anyio

from bulkdel.engine.snapshot import LaneSnapshot
from bulkdel.result_log.writer import ResultLog

EVERY_S: Final = 10.0
"""Seconds between two records: 14 hours make 5,000 lines of 300 bytes."""


async def write_pace(
    log: ResultLog, snapshots: Callable[[], Iterable[LaneSnapshot]], began_s: float
) -> None:
    """Write one record a lane every `EVERY_S` until cancelled."""
    while True:
        await anyio.sleep(EVERY_S)
        for snapshot in snapshots():
            log.append_record("pace", pace_record(snapshot, anyio.current_time() - began_s))


def pace_record(snapshot: LaneSnapshot, at_s: float) -> dict[str, Any]:
    """Return how a lane has been going, ``at_s`` seconds after the run began."""
    estimate, counts = snapshot.learned, snapshot.counts
    return {
        "lane": snapshot.lane,
        "at_s": round(at_s, 3),
        "ended": counts.ended,
        "requests": counts.requests,
        "refused": counts.refused,
        "rate": round(snapshot.rate, 3),
        "limit": estimate.describe() if estimate is not None else None,
        "learned": estimate.to_json() if estimate is not None else None,
        "bound_s": dict(snapshot.bound_s),
        "cpu_s": round(time.process_time(), 3),
    }
