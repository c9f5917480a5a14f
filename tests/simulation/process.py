"""One start of the engine in a simulated world, killed between any two steps of any task.

    plan ──> faults, outage, kill, power cut, disk errors, a disturbed log, drain
    run  ──> the real `Run` with every edge simulated, on virtual time

A seed gives the same order of tasks each time. While it runs, the process notes in `wrong`
what must not happen at that instant: an ID sent twice at once, a line before its answer.

Not here: what must hold afterwards (`checks`).
"""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.lowlevel
import trio
import trio._core._run as trio_run
from trio.testing import MockClock

from bulkdel.engine.edge import Edge
from bulkdel.engine.run import Run
from bulkdel.engine.steering import Order, Verb, steer
from bulkdel.errors import ConfigError, ResultLogError
from bulkdel.guards import StopCause
from bulkdel.models import Answer, Outcome, Result, Summary
from bulkdel.providers import Operation
from bulkdel.result_log.file import LogFile, open_disk_log
from bulkdel.settings import Lane, RunSettings
from bulkdel.transport import Gate, Transport
from tests.simulation.disk import SimulatedDisk, read_log
from tests.simulation.world import BLOCKING_MAX_S, CALM_AFTER, FAULTS, Scenario
from tests.support.engine_fakes import HOURS_MAX, FakeTransport, wall_clock

T = TypeVar("T")


class _Killer(trio.abc.Instrument):
    """Kills the process before a given step of any of its tasks."""

    def __init__(self, process: Process, at_step: float) -> None:
        self._process = process
        self._steps_left = at_step

    def before_task_step(self, task: trio.lowlevel.Task) -> None:  # noqa: ARG002
        self._steps_left -= 1
        if self._steps_left == 0:
            self._process.kill()


class Process:
    """One start of the engine on a scenario. `run` it, then see what it has done.

    Attributes:
        results: What it told its caller, in order.
        wrong: What must not have happened.
        killed: It is dead: nothing that it does has an effect.
        open_ids: The requests that were in flight when it died.
        summary: Its summary, or None if it was killed.
        error: The error about the log that ended it.
    """

    def __init__(self, scenario: Scenario, number: int, *, allow_gone: bool) -> None:
        self.scenario = scenario
        self.dice = random.Random(scenario.seed * 1000 + number)
        self.before = read_log(scenario.log, allow_gone=allow_gone)
        self.results: list[tuple[float, Result]] = []
        self.wrong: list[str] = []
        self.killed = False
        self.killed_s = math.inf
        self.open_ids: set[tuple[str, str]] = set()
        self.summary: Summary | None = None
        self.error: ResultLogError | None = None
        self.disk: SimulatedDisk | None = None
        self.stops: set[StopCause] = set()
        self.allow_gone = allow_gone
        self.transports: dict[str, FakeTransport] = {}
        self._open: set[tuple[str, str]] = set()
        self._ended = set(self.before.done)
        self._drained = False
        self._run: Run | None = None
        self._scope: anyio.CancelScope | None = None
        self._orders = random.Random(f"orders {scenario.seed} {number}")
        self.steered: list[Order] = []
        self._plan(calm=number >= CALM_AFTER)

    def _plan(self, *, calm: bool) -> None:
        """Decide what goes wrong."""
        dice = self.dice
        self.is_calm = calm
        self.stalls = dice.choice((0.0, 0.0, 0.1, 0.8))
        self.fault_share = 0.0 if calm else dice.choice((0.0, 0.02, 0.2, 0.6))
        self.faults = dice.choices(FAULTS, k=dice.randint(1, 6))
        self.outage = (0.0, 0.0)
        self.kill_step = self.drain_s = math.inf
        self.power_cut = False
        self.last_breath = 0.0
        self.disk_fails = (0, 0)
        self.disturbed = math.inf
        self.blocking_s = dice.choice((0.0, 0.001, BLOCKING_MAX_S))
        self.max_delete = None
        if calm:
            return
        kind = dice.random()
        if kind < 0.5:
            self.kill_step = int(10 ** dice.uniform(0.7, 4))
            self.power_cut = dice.random() < 0.3
            self.last_breath = dice.choice((0.0, dice.random()))
        elif kind < 0.65:
            self.disk_fails = (dice.randint(1, 12), dice.choice((1, 2, 1000)))
        elif kind < 0.8:
            self.drain_s = 10 ** dice.uniform(-2, 1.5)
        elif kind < 0.87:
            self.disturbed = dice.randint(1, 12)
        if dice.random() < 0.15:
            self.outage = (10 ** dice.uniform(-2, 1), 10 ** dice.uniform(0, 2.9))
        if self.scenario.max_delete is not None and dice.random() < 0.7:
            self.max_delete = self.scenario.max_delete

    # -- what the world asks ------------------------------------------------------------

    def fault(self, dice: random.Random) -> str | None:
        """Return what happens to a request now."""
        since_s, for_s = self.outage
        if since_s <= anyio.current_time() < since_s + for_s:
            return dice.choice(("not sent", "lost before", "error"))
        return dice.choice(self.faults) if dice.random() < self.fault_share else None

    async def is_alive(self) -> None:
        """Return, or never if the process is dead."""
        if self.killed:
            await anyio.sleep_forever()

    def kill(self) -> None:
        """Die: from here on nothing leaves this process, and nothing reaches it."""
        self.killed = True
        self.killed_s = self._now_s()
        self.open_ids = set(self._open)
        if self._scope is not None:
            self._scope.cancel()

    # -- the edge -----------------------------------------------------------------------

    def _now_s(self) -> float:
        return trio.current_time()

    def _edge(self) -> Edge:
        working: set[str] = set()

        def opener(lane: Lane, operation: Operation) -> AbstractAsyncContextManager[Transport]:
            asks = lane.name in working
            working.add(lane.name)

            @asynccontextmanager
            async def opened() -> AsyncIterator[Transport]:
                yield _AskingLine(self, lane.name, operation) if asks else _Line(self, lane.name)

            return opened()

        @contextmanager
        def open_log(path: Path) -> Iterator[tuple[LogFile, int]]:
            with open_disk_log(path) as (file, torn):
                self.disk = SimulatedDisk(file, path, self)
                try:
                    yield self.disk, torn
                finally:
                    self.disk.cut_off()

        return Edge(
            transport=opener,
            log_file=open_log,
            run_blocking=self._blocking,
            wall_clock=wall_clock,
            seed=self.scenario.seed,
        )

    async def _blocking(self, func: Callable[..., T], /, *args: object) -> T:
        await anyio.sleep(self.blocking_s * self.dice.random())
        return func(*args)

    async def send(self, lane: str, object_id: str, gate: Gate | None) -> Answer:
        """Send a request to the account of a lane, if it may be sent; connecting may stall."""
        await self.is_alive()
        key = (lane, object_id)
        self._expect(object_id in self.scenario.lanes[lane].ids, "unknown ID sent", key)
        self._expect(key not in self._ended, "ended ID sent again", key)
        self._expect(key not in self._open, "ID sent twice at once", key)
        self._expect(not self._drained, "sent after the drain", key)
        self._expect_steered(lane, object_id)
        self._expect(self.disk is not None and not self.disk.failed, "sent without a log", key)
        self._open.add(key)
        try:
            late = self.dice.random() < self.stalls
            if late:
                await anyio.sleep(4 * self.dice.random())
            while gate is not None and not gate.may_write(late=late):
                await gate.wait()
                late = True
            await self.is_alive()
            return await self.transports[lane].send(object_id)
        finally:
            self._open.remove(key)

    async def ask(self, lane: str, operation: Operation, object_id: str) -> Answer:
        """Send a request of an inquiry, which must delete nothing that anybody has.

        What this process has deleted nobody has any more.
        """
        await self.is_alive()
        transport, world = self.transports[lane], self.scenario.lanes[lane]
        is_known = any(
            (told.object_id, told.word) == (object_id, "deleted") for told in world.account.told
        )
        harmless = operation.method == "GET" or object_id not in world.ids or is_known
        self._expect(harmless, "deleted beside the lane", (lane, operation.path, object_id))
        self._expect(not transport.in_flight, "asked while others are in flight", object_id)
        self._expect(not self._drained, "asked after the drain", object_id)
        transport.asked.append((operation.method, operation.path, object_id))
        return await world.account.asked(operation, object_id)

    def _expect_steered(self, lane: str, what: str) -> None:
        """What the user has said last holds for every request."""
        work = self._run.lanes[lane].work if self._run is not None else None
        if work is not None:
            self._expect(not work.is_paused, "sent in a pause", (lane, what))
            self._expect(work.in_flight <= work.places, "too many in flight", (lane, what))

    def _expect(self, holds: bool, what: str, of: object) -> None:
        if not holds:
            self.wrong.append(f"{what}: {of}")

    def _on_result(self, result: Result) -> None:
        self.results.append((self._now_s(), result))
        key = (result.lane, result.object_id)
        if result.outcome is Outcome.INVALID:
            return
        told = self.scenario.lanes[result.lane].account.told
        of_id = [one for one in told if one.object_id == result.object_id]
        words = [one.word for one in of_id]
        self._expect(key not in self._ended, "a second result", key)
        self._ended.add(key)
        if result.outcome is Outcome.DELETED:
            self._expect(told[-1].object_id == result.object_id, "not logged at once", key)
            self._expect(words[-1:] == ["deleted"], "deletion not confirmed", key)
        elif result.outcome is Outcome.GONE:
            self._expect(words[-1:] == ["gone"], "not gone", key)
            self._expect(not (result.doubted and self.allow_gone), "doubted for nothing", key)
            is_open = any(one.leaves_open for one in of_id)
            if (
                self.max_delete is not None
            ):  # else nobody asks what an earlier process may have done
                is_open = is_open or key in self.before.unknown
            self._expect(result.after_unknown == is_open, "after_unknown", (key, of_id))
        elif not result.retryable:
            self._expect(words[-1:] == ["failed"], "not failed for good", key)
        else:
            attempts = sum(word != "refused" for word in words)
            trouble = attempts - words.count("barred") - words.count("beside")
            in_outage = (result.error or "").startswith("given up in an outage")
            enough = (attempts if in_outage else trouble) >= self.scenario.lanes[
                result.lane
            ].lane.attempts_max
            alone = self._was_accused(result.lane, words) and self._fared_better(result)
            self._expect(enough or alone, "given up too soon", (key, words))
        self._expect(result.attempts == len(words), "attempts", (key, result.attempts))

    def _was_accused(self, lane: str, words: list[str]) -> bool:
        """Whether an ID was answered twice as if nothing were right."""
        fatal = ["barred", "beside"]
        if self.scenario.lanes[lane].account.unread:
            fatal.append("gone")
        return sum(word in fatal for word in words) >= 2 and words[-1] != "beside"

    def _fared_better(self, result: Result) -> bool:
        """Whether another ID went well after the last answer for one that has failed alone."""
        account = self.scenario.lanes[result.lane].account
        for told in reversed(account.told):
            if told.object_id == result.object_id:
                break
            if told.word in ("deleted", "gone", "known"):
                return True
        return False

    # -- its life -----------------------------------------------------------------------

    def put_rescue_in_place(self) -> None:
        """Do what the message says after something else has disturbed the log."""
        if self.disk is not None and self.disk.rescued is not None:
            assert self.error is not None
            assert str(self.disk.rescued) in str(self.error)
            self.disk.rescued.replace(self.scenario.log)

    def run(self) -> None:
        """Live, from start to end or death."""
        for name, world in self.scenario.lanes.items():
            world.account.process = self
            world.account.told = []
            self.transports[name] = FakeTransport(world.account.answering, 0.0)
        with _same_order(self.dice.random()):
            trio.run(
                self._live,
                clock=MockClock(autojump_threshold=0),
                instruments=[_Killer(self, self.kill_step)],
            )

    async def _live(self) -> None:
        scenario = self.scenario
        settings = RunSettings(
            lanes=[world.lane for world in scenario.lanes.values()],
            log=scenario.log,
            durability=scenario.durability,
            allow_gone=self.allow_gone,
            max_delete=self.max_delete,
        )
        self._run = Run(settings, scenario.sources(), on_result=self._on_result, edge=self._edge())
        with anyio.fail_after(HOURS_MAX * 3600), anyio.CancelScope() as self._scope:
            if self.killed:
                return
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._drain_later)
                tasks.start_soon(self._steer)
                try:
                    summary = await self._run.run()
                    self.summary = None if self.killed else summary
                except ResultLogError as exc:
                    if not self.killed:
                        self.error, self.summary = exc, exc.summary
                tasks.cancel_scope.cancel()
        self.stops = {stop.cause for stop in self._run.stops}

    async def _steer(self) -> None:
        """Give orders now and then, as a user may; a pause ends some time."""
        dice = self._orders
        if dice.random() < 0.5:
            return
        verbs = [Verb.PAUSE, Verb.RESUME, Verb.RATE, Verb.CONCURRENCY]
        while not self.killed:
            await anyio.sleep(10 ** dice.uniform(-2, 2.5))
            lane = dice.choice([None, *self.scenario.lanes, "none"])
            verb = dice.choice(verbs)
            values = {
                Verb.RATE: dice.choice([None, 5.0, 200.0, -1.0]),
                Verb.CONCURRENCY: float(dice.randint(0, 24)),
            }
            for order in (Order(verb, lane, values.get(verb)), Order(Verb.RESUME)):
                if self.killed or self._run is None:
                    return
                with contextlib.suppress(ConfigError):  # there is no such lane; the run is ending
                    steer(self._run, order, "a user")
                    self.steered.append(order)
                if verb is not Verb.PAUSE:
                    break
                await anyio.sleep(10 ** dice.uniform(-2, 3.3))

    async def _drain_later(self) -> None:
        if self.drain_s < math.inf:
            await anyio.sleep(self.drain_s)
            if not self.killed and self._run is not None:
                self._run.drain()
                self._drained = True


class _Line:
    """The transport of one lane of a process."""

    def __init__(self, process: Process, lane: str) -> None:
        self.gate: Gate | None = None
        self._process = process
        self._lane = lane

    async def send(self, object_id: str) -> Answer:
        """Send it."""
        return await self._process.send(self._lane, object_id, self.gate)


class _AskingLine:
    """The transport of a request beside the deletions."""

    def __init__(self, process: Process, lane: str, operation: Operation) -> None:
        self.gate: Gate | None = None
        self._process = process
        self._lane = lane
        self._operation = operation

    async def send(self, object_id: str) -> Answer:
        """Send it."""
        return await self._process.ask(self._lane, self._operation, object_id)


@contextmanager
def _same_order(seed: float) -> Iterator[None]:
    """Have trio run its tasks in an order that only ``seed`` decides."""
    before = trio_run._ALLOW_DETERMINISTIC_SCHEDULING
    setattr(trio_run, "_ALLOW_DETERMINISTIC_SCHEDULING", True)  # noqa: B010 - it is Final
    trio_run._r.seed(seed)
    try:
        yield
    finally:
        setattr(trio_run, "_ALLOW_DETERMINISTIC_SCHEDULING", before)  # noqa: B010
