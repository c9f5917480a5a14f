"""One run, from start to summary: sources, lanes and the log in one task group.

    reader ──> Feeder ──> LaneQueue of a lane ──> LaneRunner ──> ResultLog
    (thread)   (drops what is done           (workers)    (writer)
                and duplicates)

What holds here, always:

1. The log is open, locked and indexed, and every source is open, before anything is sent.
2. The first Ctrl-C, a guard of the run, a full disk and a mistake of ours end it the same way,
   by draining: no more IDs are read or taken, what is in flight is finished and logged.
3. Whatever happens, the log is closed last, with all that is known written.

Not here: how one lane works (`runner`, `lane`), what is printed (`cli`).
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import (
    AsyncExitStack,
    ExitStack,
    contextmanager,
)
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import anyio

from bulkdel.engine.comparison import Comparer
from bulkdel.engine.edge import REAL, Edge
from bulkdel.engine.feeder import Feeder
from bulkdel.engine.inputs import RunSource
from bulkdel.engine.lane import LaneWork
from bulkdel.engine.queue import LaneQueue
from bulkdel.engine.recorder import RunControl
from bulkdel.engine.resume import KnownLogs, deletions, learned_limit, read_logs, unknown
from bulkdel.engine.runner import LaneRunner
from bulkdel.engine.sink import ResultSink, Sink
from bulkdel.engine.snapshot import LaneSnapshot
from bulkdel.engine.telemetry import pace_record, write_pace
from bulkdel.errors import ResultLogError, SourceError, cause_of, place_of
from bulkdel.guards import FailureBudget, LaneGuard, Stop, StopCause
from bulkdel.models import Counts, Result, State, Summary
from bulkdel.result_log.blocks import is_there
from bulkdel.result_log.encode import utc
from bulkdel.result_log.index import Index
from bulkdel.result_log.reader import LogFacts
from bulkdel.result_log.seal import SealedLog, read_chain
from bulkdel.result_log.writer import ResultLog
from bulkdel.retry import RetryPolicy
from bulkdel.settings import CommandLine, Lane, RunSettings
from bulkdel.sources import NO_LANE
from bulkdel.version import __version__

UNKNOWN_IDS_MAX: Final = 500
"""IDs in one record of those that may be deleted: with the longest ones still a line of the log."""


@dataclass(slots=True, eq=False)
class Run:
    """One run. Construct it, then call `run` once; `drain` ends it early.

    Attributes:
        settings: What the user decided.
        sources: Where the IDs come from; opened, and closed by the run.
        on_result: Called with every result, after the log has taken it.
        has_room: Whether `on_result` can take more; IDs wait while it cannot.
        known: What was read of the logs already; used if they have not changed since.
        edge: Where it touches the world.
        counts: Counts of each lane, by name; ``""`` has the rows that name no lane.
        lanes: The lanes at work, by name, once they are.
        facts: What the log held when it was opened.
        torn_bytes: Bytes of a torn last line that were cut off the log.
        stops: Why the run, or a lane of it, stopped early.
        notes: What was found out on the way and a person should know.
        on_note: Called with each of them.
        on_log_read: Called in a thread with the bytes of the logs that were read so far.
        on_ready: Called once the logs are read and the lanes stand, before anything is sent.
        final: The summary as it was at the end, also when an error comes out; None until then.
        unexpected: The first error that nobody expected; `run` raises it at the end.
    """

    settings: RunSettings
    sources: Sequence[RunSource]
    on_result: Callable[[Result], None] | None = None
    has_room: Callable[[], bool] | None = None
    known: KnownLogs | None = None
    edge: Edge = REAL
    counts: dict[str, Counts] = field(default_factory=dict)
    lanes: dict[str, LaneRunner] = field(default_factory=dict)
    facts: LogFacts = field(default_factory=LogFacts)
    torn_bytes: int = 0
    stops: list[Stop] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    on_note: Callable[[str], None] | None = None
    on_ready: Callable[[], None] | None = None
    on_log_read: Callable[[int], None] = lambda _: None
    final: Summary | None = None
    unexpected: Exception | None = None
    began_s: float = 0.0
    _interrupted: bool = False
    _draining: bool = False
    _ended_by: str | None = "nothing yet"
    _log: ResultLog | None = None
    _feeding: anyio.CancelScope | None = None

    def __post_init__(self) -> None:
        self.counts = {lane.name: Counts() for lane in self.settings.lanes}
        self.counts[NO_LANE] = Counts()

    async def run(self) -> Summary:
        """Delete every ID of the sources, and say what came of it.

        Raises:
            ConfigError: A setting or the log is wrong; nothing was sent.
            ResultLogError: The log could not be written; its ``summary`` has the counts.
            Exception: What nobody expected, once what was in flight is logged.
        """
        try:
            return await self._run()
        except ExceptionGroup as group:
            # Our task groups are nobody else's business: one error comes out as itself.
            cause = cause_of(group)
            if cause is group:
                raise
            raise cause from None

    async def _run(self) -> Summary:
        self.began_s = anyio.current_time()
        with ExitStack() as closing:
            for source in self.sources:
                closing.callback(source.close)
            log = closing.enter_context(self._open_log())
            self._log = log
            index, self.facts = await self._take_over()
            if self._draining:  # before anything has begun: the log stays as it was
                self._ended_by = None
                summary = self.summary()
                if log is not None:
                    await self._close(log, summary)
                self._raise_unexpected()
                return summary
            sink = ResultSink(log, self.on_result, self.has_room)
            async with AsyncExitStack() as stack:
                await self._open_lanes(stack, sink)
                if self.on_ready is not None:
                    self.on_ready()
                if log is not None:
                    log.append_record("run", self._header())
                try:
                    await self._work(log, index, sink)
                    self._raise_unexpected()
                    self._ended_by = None
                except BaseException as exc:
                    cause = cause_of(exc)
                    self._ended_by = f"{type(cause).__name__} in {place_of(cause)}"
                    raise
                finally:
                    summary = self.final = self.summary()
                    if log is not None:
                        for name, lane in self.lanes.items():
                            _append_unknown(log, name, lane.work.left_unknown)
                        now = utc(self.edge.wall_clock())
                        log.append_record("end", summary.as_dict(), at=now)
                        await self._close(log, summary)
        return summary

    def drain(self, stop: Stop | None = None) -> None:
        """End early: read and take no more, finish what is in flight.

        Without ``stop`` it counts as an interruption by the user.
        """
        if stop is None:
            self._interrupted = True
        elif not any(stop.cause is other.cause for other in self.stops):
            self.stops.append(stop)
        self._drain()

    def note_record(self, name: str, value: object) -> None:
        """Put a record that is no result into the log, if there is one, with its time."""
        if self._log is not None:
            self._log.append_record(name, value, at=utc(self.edge.wall_clock()))

    def break_off(self, exc: Exception) -> None:
        """Note an error that nobody expected, and drain; `run` raises the first one at the end."""
        if self.unexpected is None:
            cause = cause_of(exc)
            self.unexpected = cause if isinstance(cause, Exception) else exc
        self._drain()

    async def watch(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do some work of a run; what nobody expected of it drains the run (`break_off`)."""
        try:
            await work()
        except Exception as exc:  # noqa: BLE001 - in a task group it would cancel all in flight
            self.break_off(exc)

    def _raise_unexpected(self) -> None:
        if self.unexpected is not None:
            raise self.unexpected

    def _drain(self) -> None:
        if self._draining:
            return
        self._draining = True
        self._stop_feeding()
        for lane in self.lanes.values():
            lane.drain()

    def wake(self) -> None:
        """Look again whether IDs may be sent: `has_room` may have changed."""
        for lane in self.lanes.values():
            lane.wake()

    def snapshot(self) -> dict[str, LaneSnapshot]:
        """Return how each lane is going, by name."""
        return {name: lane.snapshot() for name, lane in self.lanes.items()}

    async def _take_over(self) -> tuple[Index, LogFacts]:
        """Return what the logs say; ours is locked by now, so it stays true."""
        run_blocking = self.edge.run_blocking
        if self.known is not None:
            taken_over = await run_blocking(self.known.take_over, self.settings)
            if taken_over is not None:
                return taken_over
        going = lambda: not self._draining  # noqa: E731
        return await run_blocking(read_logs, self.settings, going, self.on_log_read)

    # -- opening ----------------------------------------------------------------------

    @contextmanager
    def _open_log(self) -> Iterator[ResultLog | None]:
        if self.settings.log is None:
            yield None
            return
        is_there(self.settings.log)
        with self.edge.log_file(self.settings.log) as (file, self.torn_bytes):
            if self.settings.seal:
                file = SealedLog(file, read_chain(self.settings.log))
            log = ResultLog(
                file,
                durability=self.settings.durability,
                run_blocking=self.edge.run_blocking,
                on_error=self._log_failed,
            )
            log.on_room = self.wake
            yield log

    def _log_failed(self, error: ResultLogError) -> None:
        self.drain(_log_stop(error))

    async def _open_lanes(self, stack: AsyncExitStack, sink: Sink) -> None:
        settings = self.settings
        control = RunControl(
            deletes=self.edge.deletes(
                settings.max_delete, deletions(self.facts) + unknown(self.facts)
            ),
            failures=FailureBudget(settings.max_failures, settings.max_failures_share),
            stop_run=self.drain,
            break_off=self.break_off,
            note=self._note,
        )
        for number, lane in enumerate(settings.lanes):
            seed = None if self.edge.seed is None else self.edge.seed * 1000 + number
            work = LaneWork(
                lane,
                queue=LaneQueue(),
                sink=sink,
                guard=LaneGuard(
                    lane.name,
                    deleted_before=deletions(self.facts, lane.name),
                    allow_gone=settings.allow_gone,
                    outage_limit_s=settings.outage_limit_s,
                    wait_long=settings.wait_long,
                ),
                control=control,
                retry=RetryPolicy(attempts_max=lane.attempts_max, rng=random.Random(seed)),  # noqa: S311 - jitter
                wall_clock=self.edge.wall_clock,
                counts=self.counts[lane.name],
                learned=learned_limit(self.facts, lane.name),
                pace=self.edge.pace,
                unknown=set(self.facts.unknown.get(lane.name, ())),
                comparer=Comparer(lane.resource, lane.secret, random.Random(seed)),  # noqa: S311
            )
            self.lanes[lane.name] = LaneRunner(
                work,
                transport=await stack.enter_async_context(
                    self.edge.transport(lane, lane.resource.delete)
                ),
                clock=self.edge.clock,
                open_any=partial(self.edge.transport, lane),
            )

    def _note(self, text: str) -> None:
        self.notes.append(text)
        if self.on_note is not None:
            self.on_note(text)

    def _header(self) -> dict[str, object]:
        return {
            "at": utc(self.edge.wall_clock()),
            "version": __version__,
            "lanes": lanes_record(self.settings.lanes),
            "sources": [source.label for source in self.sources],
            **command_record(self.settings.command),
        }

    # -- working ----------------------------------------------------------------------

    async def _work(self, log: ResultLog | None, index: Index, sink: Sink) -> None:
        async with anyio.create_task_group() as writer:
            if log is not None:
                snapshots = partial(write_pace, log, lambda: self.snapshot().values(), self.began_s)
                writer.start_soon(self.watch, log.run)
                writer.start_soon(self.watch, snapshots)
            if self.settings.max_duration_s is not None:
                writer.start_soon(self._end_after, self.settings.max_duration_s)
            async with anyio.create_task_group() as lanes:
                for lane in self.lanes.values():
                    lanes.start_soon(self.watch, partial(self._run_lane, lane))
                if self._draining:  # a drain may come before there is anything to drain
                    for lane in self.lanes.values():
                        lane.drain()
                else:
                    await self.watch(partial(self._feed, index, sink))
            writer.cancel_scope.cancel()

    async def _end_after(self, max_duration_s: float) -> None:
        await anyio.sleep_until(self.began_s + max_duration_s)
        self.drain(duration_stop(max_duration_s))

    async def _feed(self, index: Index, sink: Sink) -> None:
        queues = {name: lane.work.queue for name, lane in self.lanes.items()}
        feeder = Feeder(
            queues=queues,
            counts=self.counts,
            index=index,
            sink=sink,
            run_blocking=self.edge.run_blocking,
            wall_clock=self.edge.wall_clock,
            spill_folder=self.settings.log.resolve().parent if self.settings.log else None,
        )
        left = {name: sum(_feeds(source, name) for source in self.sources) for name in queues}

        async def feed_one(source: RunSource) -> None:
            try:
                await source.feed(feeder)
            except SourceError as exc:
                self.stops.append(
                    Stop(StopCause.SOURCE, None, str(exc), "Mend it, then start again")
                )
            except Exception as exc:  # noqa: BLE001 - it is raised at the end
                self.break_off(exc)
            for name in queues:
                if _feeds(source, name):
                    left[name] -= 1
                    if not left[name]:
                        queues[name].close()

        with anyio.CancelScope() as self._feeding:
            async with anyio.create_task_group() as tasks:
                for source in self.sources:
                    tasks.start_soon(feed_one, source)
                for name, queue in queues.items():
                    if not left[name]:
                        queue.close()

    async def _run_lane(self, lane: LaneRunner) -> None:
        try:
            await lane.run()
        finally:
            if lane.work.guard.stop is not None:
                self.stops.append(lane.work.guard.stop)
            lane.work.queue.abandon()
        if all(other.work.queue.abandoned for other in self.lanes.values()):
            self._stop_feeding()

    def _stop_feeding(self) -> None:
        if self._feeding is not None:
            self._feeding.cancel()
        for source in self.sources:
            source.interrupt()

    # -- ending -----------------------------------------------------------------------

    def summary(self) -> Summary:
        """Return what has come of it so far."""
        lanes = {name: n for name, n in self.counts.items() if name != NO_LANE or n.read}
        elapsed_s = anyio.current_time() - self.began_s
        state, reason = self._how_it_ended()
        return Summary(
            state=state,
            reason=reason,
            counts=sum(self.counts.values(), Counts()),
            lanes=lanes,
            rates={
                name: counts.requests / elapsed_s if elapsed_s > 0 else 0.0
                for name, counts in lanes.items()
            },
            elapsed_s=elapsed_s,
            log=str(self.settings.log) if self.settings.log is not None else None,
            notes=tuple(self.notes),
            paces={name: pace_record(lane, elapsed_s) for name, lane in self.snapshot().items()},
        )

    def _how_it_ended(self) -> tuple[State, str | None]:
        reasons = [str(stop) for stop in self.stops]
        interrupted = self._interrupted and self.unexpected is None
        if self._ended_by is not None and not interrupted:
            reasons.append(f"ended by {self._ended_by} before all was done")
        state = State.STOPPED if reasons else State.FINISHED
        return State.INTERRUPTED if interrupted else state, "; ".join(reasons) or None

    async def _close(self, log: ResultLog, summary: Summary) -> None:
        try:
            await log.close()
        except ResultLogError as exc:
            # What is on disk is known only now: the reason must not say less, or more.
            others = [stop for stop in self.stops if stop.cause is not StopCause.LOG]
            self.stops = [*others, _log_stop(exc)]
            state, reason = self._how_it_ended()
            self.final = exc.summary = replace(summary, state=state, reason=reason)
            raise


def duration_stop(max_duration_s: float) -> Stop:
    """Return why a run ends that has taken as long as it may."""
    return Stop(
        StopCause.MAX_DURATION,
        None,
        f"it has run for {max_duration_s:,.0f} s, as long as --max-duration allows",
        "Start again to go on: the log resumes",
    )


def command_record(command: CommandLine | None) -> dict[str, object]:
    """Return what the header of a run says of the command that started it."""
    return {} if command is None else {"command": command.as_dict()}


def lanes_record(lanes: Sequence[Lane]) -> dict[str, object]:
    """Return the lanes as they stand in the header of a run."""
    return {
        lane.name: {**lane.place, "rate": lane.rate, "rate_max": lane.ceiling} for lane in lanes
    }


def _append_unknown(log: ResultLog, lane: str, ids: list[str]) -> None:
    """Note the IDs that are still to do and may be deleted already, some hundred in a line."""
    for first in range(0, len(ids), UNKNOWN_IDS_MAX):
        log.append_record("unknown", {"lane": lane, "ids": ids[first : first + UNKNOWN_IDS_MAX]})


def _log_stop(error: ResultLogError) -> Stop:
    return Stop(StopCause.LOG, None, str(error), error.advice)


def _feeds(source: RunSource, lane: str) -> bool:
    return source.lane is None or source.lane == lane
