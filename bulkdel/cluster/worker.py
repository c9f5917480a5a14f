"""Work one part of a job: the very `Run` of a single machine, its pace lent by the broker.

    all sources ──of_part──> Run ──> the part's own log
                              │ LeasedPace, LeasedDeletes
                              └──Renewal, some times a second──> broker

What holds here, always:

1. Without the broker nothing is sent: what it has lent runs out in a second, and the run waits.
2. What stops a lane here is told to the broker, which stops it for all; and the other way round.
3. Whoever is told that another has its part writes and sends nothing more.

Not here: how the broker is reached (`actors`), what it decides (`broker`, `job_broker`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

import anyio

from bulkdel.cluster.leased import ClockOffset, LeasedDeletes, LeasedPace
from bulkdel.cluster.messages import DELETES_AT_ONCE, Grant, Renewal, Report
from bulkdel.engine.edge import REAL, Edge
from bulkdel.engine.inputs import ReaderSource
from bulkdel.engine.run import Run
from bulkdel.engine.runner import LaneRunner
from bulkdel.guards import Stop
from bulkdel.models import Block, Summary
from bulkdel.pacing.estimate import LimitEstimate
from bulkdel.result_log.fence import FencedLog, open_epoch_log
from bulkdel.result_log.file import LogFile
from bulkdel.result_log.split import of_part
from bulkdel.settings import Lane, Part, RunSettings
from bulkdel.sources import Source, SourceReader, open_sources

AGAIN_S: Final = 0.2
"""Seconds after which a broker that could not be reached is called again."""
ANSWER_S: Final = 2.0
"""A call without an answer for so long is given up."""
_SOON_S: Final = 0.2
_HELD_WANTS: Final = 2


class LinkLostError(Exception):
    """The broker cannot be reached just now."""


class Link(Protocol):
    """The way to the broker."""

    async def renew(self, call: Renewal) -> Grant:
        """Tell the broker and hear what may be done.

        Raises:
            LinkLostError: It cannot be reached.
        """
        ...


class PartReader:
    """Reads a source and keeps what is of one part."""

    def __init__(self, reader: SourceReader, part: Part) -> None:
        self._reader = reader
        self._part = part

    def read(self) -> list[Block] | None:
        """Return the next blocks of the part, or None at the end."""
        while (blocks := self._reader.read()) is not None:
            mine = [of_part(self._part, block) for block in blocks]
            if any(block.ids or block.invalid or block.stripped for block in mine):
                return mine
        return None

    def interrupt(self) -> None:
        """Make a `read` that waits return soon."""
        self._reader.interrupt()

    def close(self) -> None:
        """Close the source."""
        self._reader.close()


class PartWorker:
    """One part at work. Construct it, then call `run` once.

    Args:
        name: Of the worker, for the broker.
        settings: Of the part.
        sources: Of the job.
        link: To the broker.
        edge: Where the run touches the world.
    """

    def __init__(
        self,
        name: str,
        settings: RunSettings,
        sources: tuple[Source, ...],
        link: Link,
        edge: Edge = REAL,
    ) -> None:
        self._name = name
        self._settings = settings
        self._sources = sources
        self._link = link
        self._clock = edge.clock
        self._offset = ClockOffset()
        self._paces: dict[str, LeasedPace] = {}
        self._deletes = LeasedDeletes(settings.max_delete)
        self._log: FencedLog | None = None
        self._news = anyio.Event()
        self._broker = ""
        self._run = Run(
            settings,
            [],
            edge=replace(
                edge,
                pace=self._make_pace,
                deletes=self._make_deletes,
                log_file=self._open_log,
            ),
        )

    @property
    def stops(self) -> tuple[Stop, ...]:
        """Why the run stopped early."""
        return tuple(self._run.stops)

    async def run(self) -> tuple[Summary, int]:
        """Work the part to its end; return its summary, and the epoch of its log.

        Raises:
            BulkdelError: As `Run.run`.
        """
        part = self._settings.part or Part(0, 1)
        forms = {lane.name: lane.id_form for lane in self._settings.lanes}
        readers = open_sources(self._sources, lanes=forms)
        self._run.sources = [
            ReaderSource(PartReader(reader, part), source.label, source.lane)
            for reader, source in zip(readers, self._sources, strict=True)
        ]
        failed: Exception | None = None
        summary: Summary | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._run.watch, self._keep_renewing)
            try:
                summary = await self._run.run()
            except Exception as exc:  # noqa: BLE001 - raised below: the group would wrap it
                failed = exc
            tasks.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await self._renew(ended=True)
        if failed is not None or summary is None:
            raise failed or RuntimeError("a run without a summary")
        return summary, 0 if self._log is None else self._log.epoch

    # -- what the run is given --------------------------------------------------------

    def _make_pace(self, lane: Lane, learned: LimitEstimate | None) -> LeasedPace:
        pace = self._paces[lane.name] = LeasedPace(self._offset, learned)
        pace.on_news = lambda: self._news.set()
        return pace

    def _make_deletes(self, most: int | None, used: int) -> LeasedDeletes:  # noqa: ARG002
        return self._deletes

    @contextmanager
    def _open_log(self, folder: Path) -> Iterator[tuple[LogFile, int]]:
        with open_epoch_log(folder, self._clock) as (log, torn):
            self._log = log
            yield log, torn

    # -- the broker -------------------------------------------------------------------

    async def _keep_renewing(self) -> None:
        while True:
            wait_s = AGAIN_S
            if self._run.lanes and len(self._run.lanes) == len(self._settings.lanes):
                wait_s = await self._renew()
            self._news = anyio.Event()
            with anyio.move_on_after(wait_s):
                await self._news.wait()

    async def _renew(self, *, ended: bool = False) -> float:
        """Call the broker once; return the seconds until the next call."""
        if self._log is None or not self._run.lanes:
            return AGAIN_S
        call = self._call(self._log.epoch, ended=ended)
        grant: Grant | None = None
        try:
            with anyio.move_on_after(ANSWER_S):
                grant = await self._link.renew(call)
        except LinkLostError:
            return AGAIN_S
        if grant is None:
            return AGAIN_S
        self._take(grant)
        return grant.renew_s

    def _call(self, epoch: int, *, ended: bool) -> Renewal:
        now_s = self._clock()
        reports = {
            name: self._report(runner, self._paces[name], now_s)
            for name, runner in self._run.lanes.items()
        }
        part = self._settings.part
        return Renewal(
            worker=self._name,
            part=0 if part is None else part.number,
            epoch=epoch,
            lanes=reports,
            deletes_wanted=DELETES_AT_ONCE if self._deletes.take_lack() else 0,
            deletes_used=self._deletes.used,
            deletes_held=self._deletes.lent,
            ended=ended,
        )

    def _report(self, runner: LaneRunner, pace: LeasedPace, now_s: float) -> Report:
        work = runner.work
        seen = runner.snapshot()
        return replace(
            pace.report(now_s),
            in_flight=work.in_flight,
            wants=self._wants(runner, now_s),
            works=work.guard.has_deleted or work.guard.is_free,
            counts=seen.counts,
            waiting=seen.waiting,
            waiting_s=seen.waiting_s,
            held_for=seen.held_for,
            bound_s=seen.bound_s,
            stop=work.guard.stop,
        )

    def _wants(self, runner: LaneRunner, now_s: float) -> int | None:
        """Return how many permissions a lane can use until the next call."""
        work = runner.work
        if work.is_done:
            return 0
        if work.guard.held_for is not None:
            return _HELD_WANTS if work.guard.asks_again_s(now_s) <= _SOON_S else 0
        return None if work.has_id(now_s + _SOON_S) else 0

    def _take(self, grant: Grant) -> None:
        """Do what the broker says."""
        if grant.broker != self._broker:
            self._broker = grant.broker
            self._offset.forget()
            for pace in self._paces.values():
                pace.lose()
        self._offset.note(grant.now_s, self._clock())
        for name, lease in grant.lanes.items():
            self._paces[name].take(lease, grant.now_s)
            if lease.stop is not None:
                self._run.lanes[name].drain()
        self._deletes.lend(grant.deletes)
        if grant.fenced and self._log is not None:
            self._log.fence()
            self._run.drain()
        if grant.drain:
            self._run.drain(grant.stop)
        self._run.wake()
