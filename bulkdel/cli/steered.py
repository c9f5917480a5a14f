"""What a run answers whoever steers it: how it goes, and that an order was followed.

Not here: the socket (`control`), what an order does (`engine.steering`).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping

import anyio

from bulkdel.cli.open_files import check_open_files
from bulkdel.control.server import Control
from bulkdel.engine.run import Run
from bulkdel.engine.snapshot import LaneSnapshot
from bulkdel.engine.steering import Order, Verb, steer
from bulkdel.reporting.progress import LaneRate, eta_s, status_line
from bulkdel.version import __version__


class Steered:
    """A run that can be steered while it works.

    Args:
        run: The run. It has a log.
        totals: The IDs of each lane, as far as they are counted; filled meanwhile.
        tell: Says a line above the bars.
    """

    def __init__(
        self, run: Run, totals: Mapping[str, int | None], tell: Callable[[str], None]
    ) -> None:
        self._run = run
        self._totals = totals
        self._tell = tell
        self._rates: dict[str, LaneRate] = {}
        self._ready = anyio.Event()
        run.on_ready = self._ready.set

    async def serve(self) -> None:
        """Answer from the moment on at which the lanes stand, until cancelled."""
        await self._ready.wait()
        log = self._run.settings.log
        if log is None or not hasattr(socket, "AF_UNIX"):  # nobody could ask
            return
        try:
            async with Control(self._status, self._follow).beside(log):
                while True:  # so that a rate is that of the last seconds whenever somebody asks
                    for name, lane in self._run.snapshot().items():
                        self._rate(name).note(anyio.current_time(), lane.counts.ended)
                    await anyio.sleep(1.0)
        except Exception as exc:  # noqa: BLE001 - to be steered is no part of deleting
            why = getattr(exc, "strerror", None) or exc
            self._tell(f"`bulkdel control` cannot steer this run: {why}")

    def _rate(self, name: str) -> LaneRate:
        return self._rates.setdefault(name, LaneRate(self._run.began_s))

    def _follow(self, order: Order, by: str) -> str:
        if order.verb is Verb.CONCURRENCY:
            self._check_open_files(order)
        said = steer(self._run, order, by)
        self._tell(f"bulkdel control, {by}: {said}")
        return said

    def _check_open_files(self, order: Order) -> None:
        """Refuse what would look like an outage: connections that cannot be opened."""
        most = sum(
            int(order.value or 0) if order.lane in (None, name) else lane.work.lane.concurrency
            for name, lane in self._run.lanes.items()
        )
        check_open_files(most, len(self._run.sources))

    def _status(self) -> dict[str, object]:
        now_s = anyio.current_time()
        return {
            "log": str(self._run.settings.log),
            "version": __version__,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "elapsed_s": round(now_s - self._run.began_s, 3),
            "lanes": {name: self._lane(lane) for name, lane in self._run.snapshot().items()},
        }

    def _lane(self, lane: LaneSnapshot) -> dict[str, object]:
        rate, total = self._rate(lane.lane), self._totals.get(lane.lane)
        line = status_line(lane, total, rate)
        per_s = rate.note(anyio.current_time(), lane.counts.ended)
        left = None if total is None else max(0, total - lane.done)
        eta = None if left is None or lane.paused else eta_s(lane, rate, per_s, left)
        return {
            **lane.counts.as_dict(),
            "total": total,
            "per_s": round(per_s, 3),
            "eta_s": None if eta is None else round(eta, 1),
            "in_flight": lane.in_flight,
            "concurrency": lane.places,
            "aimed_per_s": lane.rate,
            "limit": None if lane.learned is None else lane.learned.describe(),
            "paused": lane.paused,
            "held_for": lane.held_for,
            "ended": lane.ended,
            "stop": None if lane.stop is None else str(lane.stop),
            "line": line,
        }
