"""One command on a Ray cluster: hand out the parts, watch over workers, sum up.

    parts ──> WorkerActor (one part at a time) ──PartOutcome──> Summary
              BrokerActor ──how it goes──> progress, pace records in the command's own log

What holds here, always:

1. A part whose worker is lost is worked anew by another one, from its logs, `LOST_MAX` times.
2. When it ends, however, no actor of it is left.
3. Keys do not travel: a worker reads them from its own environment.

Not here: what a worker does (`worker`), what is lent (`broker`), how a job is split (`plan`).
"""

from __future__ import annotations

import io
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

import anyio

from bulkdel.cluster.crew import Crew, connect, make_broker, require_ray
from bulkdel.cluster.lost import lost_counts, with_lost
from bulkdel.cluster.plan import JobSpec, LaneSpec, begin_or_check, parts_for, shared_sources
from bulkdel.engine.edge import REAL, Edge
from bulkdel.engine.run import command_record, duration_stop, lanes_record
from bulkdel.engine.snapshot import LaneSnapshot
from bulkdel.engine.telemetry import EVERY_S, pace_record
from bulkdel.errors import ConfigError, ResultLogError, cause_of
from bulkdel.guards import Stop, StopCause
from bulkdel.models import Counts, State, Summary
from bulkdel.result_log.encode import utc
from bulkdel.result_log.fence import FencedLog, LogFencedError, open_epoch_log
from bulkdel.result_log.folder import part_folder
from bulkdel.settings import RunSettings
from bulkdel.sources import Source
from bulkdel.utf8 import json_bytes
from bulkdel.version import __version__

LOST_MAX: Final = 5
"""So many workers may be lost with one part: then it is more likely the part."""
_LOOK_S: Final = 0.5
_UNPLACED_S: Final = 30.0


DEFAULT_WORKERS: Final = 4
WORKERS_MAX: Final = 2000


@dataclass(slots=True, eq=False)
class ClusterRun:
    """One command on a cluster. Construct it, then call `run` once; `drain` ends it early.

    Attributes:
        spec: The job.
        settings: Of the whole job.
        address: Of the cluster: ``auto``, ``local``, ``host:port``, ``ray://…``.
        workers: How many work at once.
        edge: Where it touches the world.
        final: The summary as it was at the end.
        on_note: Called with what a person should know.
        notes: All of that.
    """

    spec: JobSpec
    settings: RunSettings
    address: str
    workers: int
    edge: Edge = REAL
    final: Summary | None = None
    on_note: Callable[[str], None] | None = None
    notes: list[str] = field(default_factory=list)
    began_s: float = 0.0
    stops: list[Stop] = field(default_factory=list)
    _counts: dict[str, Counts] = field(default_factory=dict)
    _lanes: dict[str, LaneSnapshot] = field(default_factory=dict)
    _lost: Counter[int] = field(default_factory=Counter)
    _draining: bool = False
    _interrupted: bool = False
    _log_error: str | None = None
    _done: set[int] = field(default_factory=set)
    _left: int = 0
    _unexpected: Exception | None = None

    async def run(self) -> Summary:
        """Work all parts, and say what came of it.

        Raises:
            ConfigError: A setting is wrong, or the cluster cannot be reached; nothing was sent.
            LogBusyError: Another command works this job.
            ResultLogError: A log could not be written.
        """
        self.began_s = anyio.current_time()
        ray = require_ray()
        own = not ray.is_initialized()
        # Ray prints what it notices, and stdout is for the summary: its own logs have it all.
        with redirect_stdout(io.StringIO()):
            return await self._connected(ray, own=own)

    async def _connected(self, ray: Any, *, own: bool) -> Summary:
        try:
            await self.edge.run_blocking(connect, ray, self.address)
            with open_epoch_log(self.spec.folder) as (log, _):
                return await self._run(ray, log)
        finally:
            if own:
                with anyio.CancelScope(shield=True):
                    await self.edge.run_blocking(ray.shutdown)

    def drain(self, stop: Stop | None = None) -> None:
        """End early: workers take no more IDs, and finish what is in flight."""
        self._draining = True
        if stop is None:
            self._interrupted = True
        elif stop not in self.stops:
            self.stops.append(stop)

    async def watch(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do some work beside; what nobody expected of it ends the command."""
        try:
            await work()
        except Exception as exc:  # noqa: BLE001 - in a task group it would cancel all
            self._unexpected = self._unexpected or exc
            self._draining = True

    def snapshot(self) -> dict[str, LaneSnapshot]:
        """Return how each lane is going, as far as was heard."""
        return dict(self._lanes)

    # -- from start to end ------------------------------------------------------------

    async def _run(self, ray: Any, log: FencedLog) -> Summary:
        await self._write(log, {"run": self._header()})
        broker = await self.edge.run_blocking(make_broker, ray, self.spec)
        crew = Crew(ray, self.spec, broker, self.workers)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.watch, lambda: self._look(ray, broker))
                tasks.start_soon(self.watch, lambda: self._write_paces(log))
                if self.settings.max_duration_s is not None:
                    tasks.start_soon(self._end_after, self.settings.max_duration_s)
                await self.watch(lambda: self._work(crew, broker, log.epoch))
                tasks.cancel_scope.cancel()
            await self._look_once(ray, broker)
        finally:
            with anyio.CancelScope(shield=True):
                await self.edge.run_blocking(crew.end)
                summary = self.final = self.summary()
                await self._write(log, {"end": summary.as_dict(), "at": self._at()})
        if self._unexpected is not None:
            raise cause_of(self._unexpected)
        if self._log_error is not None:
            raise ResultLogError(self._log_error, lines_lost=0)
        return summary

    async def _end_after(self, max_duration_s: float) -> None:
        await anyio.sleep_until(self.began_s + max_duration_s)
        self.drain(duration_stop(max_duration_s))

    async def _work(self, crew: Crew, broker: Any, began: int) -> None:
        """Hand out the parts until none is left, or all have ended early."""
        left = deque(range(self.spec.parts))
        last_s = anyio.current_time()
        await self.edge.run_blocking(crew.begin)
        while left or crew.at_work:
            self._left = len(left) + crew.at_work
            if self._draining:
                left.clear()
            await self.edge.run_blocking(crew.hand_out, left)
            ended = await self.edge.run_blocking(crew.wait, _LOOK_S)
            if not crew.placed and anyio.current_time() > last_s + _UNPLACED_S:
                self._note("no worker could be placed: does the cluster have free CPUs?")
                last_s = anyio.current_time()
            for part, outcome in ended:
                if outcome is None:
                    broker.lost.remote(part)
                    self._lose(part, left)
                else:
                    await self._settle(outcome, left, began)
        self._left = 0

    def _lose(self, part: int, left: deque[int]) -> None:
        self._lost[part] += 1
        if self._lost[part] >= LOST_MAX:
            self.drain(
                Stop(
                    StopCause.OUTAGE,
                    None,
                    f"{LOST_MAX} workers were lost with part {part}",
                    "Look into Ray's logs of the workers (memory?), then start again: it resumes",
                )
            )
            return
        self._note(f"a worker was lost with part {part}; another goes on with it")
        left.append(part)

    async def _settle(self, outcome: Any, left: deque[int], began: int) -> None:
        """Take over what came of a part."""
        if outcome.summary is None:
            if outcome.is_log:
                self._log_error = outcome.error
            self.drain(Stop(StopCause.LOG, None, f"part {outcome.part}: {outcome.error}", ""))
            return
        alone = [stop for stop in outcome.stops if stop.cause is StopCause.OUTAGE]
        if alone and not self._draining and not self._is_stopped(alone):
            self._lose(outcome.part, left)  # its worker alone cannot reach the provider
            return
        summary: Summary = outcome.summary
        lost = (
            {}
            if not self._lost[outcome.part]
            else await self.edge.run_blocking(
                lost_counts, part_folder(self.spec.folder, outcome.part), began, outcome.epoch
            )
        )
        for name, counts in summary.lanes.items():
            now = with_lost(counts, lost.get(name))
            self._counts[name] = self._counts.get(name, Counts()) + now
        self._done.add(outcome.part)
        for stop in outcome.stops:
            if stop.cause is StopCause.SOURCE:
                self._add_stop(stop)

    def _add_stop(self, stop: Stop) -> bool:
        """Add a stop; False if the same was told before, by another worker."""
        if str(stop) in map(str, self.stops):
            return False
        self.stops.append(stop)
        return True

    def _is_stopped(self, stops: Sequence[Stop]) -> bool:
        return any(other.lane == stop.lane for stop in stops for other in self.stops)

    # -- the broker, and the command's own log ----------------------------------------

    async def _look(self, ray: Any, broker: Any) -> None:
        while True:
            await self._look_once(ray, broker)
            await anyio.sleep(_LOOK_S)

    async def _look_once(self, ray: Any, broker: Any) -> None:
        stop = self.stops[0] if self.stops and self._draining else None
        try:
            lanes, stops = await self.edge.run_blocking(
                lambda: ray.get(
                    broker.look.remote(
                        drain=self._draining,
                        stop=stop,
                        done=sorted(self._done),
                        counts=dict(self._counts),
                    ),
                    timeout=5.0,
                )
            )
        except (ray.exceptions.RayError, TimeoutError):  # Ray starts it again
            return
        self._lanes = lanes
        for one in stops:
            if self._add_stop(one) and one.lane is None:
                self._draining = True

    async def _write_paces(self, log: FencedLog) -> None:
        while True:
            await anyio.sleep(EVERY_S)
            at_s = anyio.current_time() - self.began_s
            for lane in self._lanes.values():
                await self._write(log, {"pace": pace_record(lane, at_s)})

    async def _write(self, log: FencedLog, record: Mapping[str, object]) -> None:
        try:
            await self.edge.run_blocking(log.write, json_bytes(record) + b"\n")
        except LogFencedError as exc:
            self.drain(Stop(StopCause.LOG, None, str(exc.strerror), "Leave this job to it"))
        except OSError as exc:
            self._log_error = f"log {self.spec.folder}: it cannot be written: {exc.strerror}"
            self._draining = True

    def _note(self, text: str) -> None:
        self.notes.append(text)
        if self.on_note is not None:
            self.on_note(text)

    def _at(self) -> str:
        return utc(self.edge.wall_clock())

    def _header(self) -> dict[str, object]:
        return {
            "at": self._at(),
            "version": __version__,
            "lanes": lanes_record(self.settings.lanes),
            "sources": [source.label for source in self.spec.sources],
            "workers": self.workers,
            "parts": self.spec.parts,
            **command_record(self.settings.command),
        }

    def summary(self) -> Summary:
        """Return what has come of it so far."""
        elapsed_s = anyio.current_time() - self.began_s
        names = [lane.name for lane in self.settings.lanes]
        lanes = {name: self._counts.get(name, Counts()) for name in names}
        lanes |= {name: counts for name, counts in self._counts.items() if counts.read}
        for name, seen in self._lanes.items():  # those lost have sent requests, too
            lanes[name] = replace(
                lanes[name],
                requests=max(lanes[name].requests, seen.counts.requests),
                refused=max(lanes[name].refused, seen.counts.refused),
            )
        reasons = [str(stop) for stop in self.stops]
        if self._unexpected is not None:
            reasons.append(f"ended by {type(cause_of(self._unexpected)).__name__}")
        elif self._left and not reasons and not self._interrupted:
            reasons.append(f"{self._left} parts are not done")
        state = State.STOPPED if reasons else State.FINISHED
        return Summary(
            state=State.INTERRUPTED if self._interrupted else state,
            reason="; ".join(reasons) or None,
            counts=sum(lanes.values(), Counts()),
            lanes=lanes,
            rates={
                name: counts.requests / elapsed_s if elapsed_s > 0 else 0.0
                for name, counts in lanes.items()
            },
            elapsed_s=elapsed_s,
            log=str(self.spec.folder),
            notes=tuple(self.notes),
            paces={name: pace_record(seen, elapsed_s) for name, seen in self._lanes.items()},
        )


def make_run(
    settings: RunSettings,
    sources: Sequence[Source],
    key_envs: Mapping[str, str],
    *,
    address: str,
    workers: int,
) -> ClusterRun:
    """Begin or go on with a job on a cluster; it is not started yet.

    Args:
        settings: Of the whole job; its log is the folder.
        sources: On paths that every node sees.
        key_envs: By lane, the variable that has its key on every node.
        address: Of the cluster.
        workers: How many work at once, 1 to `WORKERS_MAX`.

    Raises:
        ConfigError: The folder is another job's, or cannot be written, or a value is out of range.
    """
    if not 1 <= workers <= WORKERS_MAX:
        raise ConfigError(f"workers must be 1 to {WORKERS_MAX:,}, not {workers}")
    for lane in settings.lanes:
        if lane.concurrency < workers:
            raise ConfigError(
                f"lane {lane.name}: concurrency {lane.concurrency} is of all workers together, and"
                f" {workers} of them need a place each: give fewer workers, or more concurrency"
            )
    if settings.log is None:
        raise ConfigError("a job on a cluster needs a log: a folder that every node sees")
    folder = settings.log.resolve()
    parts = begin_or_check(folder, sources, settings.lanes, parts_for(workers))
    options = {
        each.name: getattr(settings, each.name)
        for each in fields(settings)
        if each.name not in ("lanes", "log", "part", "seal")
    }
    options["done_logs"] = [path.resolve() for path in settings.done_logs]
    spec = JobSpec(
        folder=folder,
        parts=parts,
        sources=shared_sources(sources),
        lanes=tuple(LaneSpec.of(lane, key_envs[lane.name]) for lane in settings.lanes),
        options=options,
    )
    return ClusterRun(spec, settings, address, workers)
