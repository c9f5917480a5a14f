"""The world around the engine, simulated in virtual time: network, provider, disk, process.

    FakeTransport    answers by a function; keeps what was sent when, and how many at once
    in_virtual_time  runs an async test on trio's clock that jumps: hours take milliseconds

    Scenario         what one seed makes: lanes, IDs, rows
    Account          a provider's objects; answers late, wrongly, twice or not at all
    SimulatedDisk    the log on disk; full, broken, or cut off with the power
    Process          one start of the engine, killed between any two steps of any task
    simulate         starts processes until nothing is left to do; checks the promises

A seed makes the same world and the same order of tasks each time. To try many by hand, or
one alone:

    python tests/simulation.py --seeds 100000 --from 5

Not here: the tests (`test_lane`, `test_feed`, `test_simulation`).
"""

from __future__ import annotations

import argparse
import errno
import functools
import json
import math
import multiprocessing
import os
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import anyio
import anyio.lowlevel
import trio
import trio._core._run as trio_run
from trio.testing import MockClock

from bulkdel.errors import NoAnswerError, NotSentError, ResultLogError
from bulkdel.feeding import AsyncSource, ReaderSource, RunSource
from bulkdel.guards import StopCause
from bulkdel.models import Answer, Block, Counts, Outcome, Result, State, Summary
from bulkdel.pacing.schedule import peak
from bulkdel.providers import get
from bulkdel.result_log import GROUP_S, SYNC_S, DiskLog, LogFile, open_disk_log
from bulkdel.run import Edge, Run
from bulkdel.settings import Durability, Lane, RunSettings
from bulkdel.sources import check_ids
from bulkdel.transport import Transport

P = ParamSpec("P")
T = TypeVar("T")

WALL_S = 1_795_000_000.0
"""The wall clock when virtual time begins."""
HOURS_MAX = 12
"""Virtual hours after which a test has hung."""


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an async test on a clock that jumps to the next thing that happens."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def main() -> None:
            with anyio.fail_after(HOURS_MAX * 3600):
                await test(*args, **kwargs)

        clock = MockClock(autojump_threshold=0)
        anyio.run(main, backend="trio", backend_options={"clock": clock})

    return run


async def in_turn(func: Callable[..., T], /, *args: object) -> T:
    """Run blocking work here, letting other tasks run first, as a thread would."""
    await anyio.lowlevel.checkpoint()
    return func(*args)


def wall_clock() -> float:
    """Return virtual seconds since 1970."""
    return WALL_S + anyio.current_time()


def answer(status: int, body: object = None, **headers: str) -> Answer:
    """Return an answer; a body that is not bytes is JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, raw, fields, received_s=wall_clock())


def deleted(object_id: str) -> Answer:
    """Return what OpenAI and Ark confirm a deletion with."""
    return answer(200, {"id": object_id, "object": "response", "deleted": True})


def gone(object_id: str) -> Answer:
    """Return what OpenAI says of an object that does not exist."""
    message = f"Response with id '{object_id}' not found."
    return answer(404, {"error": {"message": message, "type": "invalid_request_error"}})


def failing(status: int, message: str = "trouble", code: str | None = None) -> Answer:
    """Return an error."""
    return answer(status, {"error": {"message": message, "code": code, "type": ""}})


def refusing(**headers: str) -> Answer:
    """Return a refusal."""
    return answer(429, {"error": {"message": "Rate limit reached", "type": "requests"}}, **headers)


Answering = Callable[[str, int], Awaitable[Answer] | Answer]
"""Answers one request: the ID, and how often it was sent, this time included."""


@dataclass(slots=True, eq=False)
class FakeTransport:
    """The network of one lane: every request is answered by ``answering``.

    Attributes:
        answering: What comes back, or is raised.
        delay_s: Seconds until then.
        sent: When which ID was sent.
        times: How often each ID was sent.
        in_flight: Requests that are open.
        in_flight_most: The most that ever were.
        refusals: Answers with a 429.
    """

    answering: Answering = lambda object_id, _: deleted(object_id)
    delay_s: float = 0.02
    sent: list[tuple[float, str]] = field(default_factory=list)
    times: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    in_flight_most: int = 0
    refusals: int = 0

    @property
    def ids(self) -> list[str]:
        """The IDs in the order in which they were sent."""
        return [object_id for _, object_id in self.sent]

    async def send(self, object_id: str) -> Answer:
        """Answer after the delay."""
        self.sent.append((anyio.current_time(), object_id))
        self.times[object_id] += 1
        number = self.times[object_id]
        self.in_flight += 1
        self.in_flight_most = max(self.in_flight, self.in_flight_most)
        try:
            await anyio.sleep(self.delay_s)
            answering = self.answering(object_id, number)
            answered = answering if isinstance(answering, Answer) else await answering
            self.refusals += answered.status == 429
            return answered
        finally:
            self.in_flight -= 1


def edge(*transports: FakeTransport, **lanes: FakeTransport) -> Edge:
    """Return the edge of a run: one transport for its only lane, or one for each by name."""

    def opener(lane: Lane) -> AbstractAsyncContextManager[Transport]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[Transport]:
            yield lanes[lane.name] if lanes else transports[0]

        return opened()

    return Edge(transport=opener, run_blocking=in_turn, wall_clock=wall_clock, seed=1)


def most_in_a_second(times_s: list[float]) -> int:
    """Count the requests in the fullest window of one second."""
    most, first = 0, 0
    for number, time_s in enumerate(times_s):
        while times_s[first] <= time_s - 1 + 1e-9:
            first += 1
        most = max(most, number - first + 1)
    return most


# -- one seed's world -------------------------------------------------------------------

PROCESSES_MAX: Final = 40
"""Starts after which a seed has not converged."""
FAILURES_MAX: Final = 10
"""Failed seeds after which no further one is tried."""
CALM_AFTER: Final = 8
"""Starts after which nothing goes wrong any more."""
BLOCKING_MAX_S: Final = 0.05
"""The longest that a write, a sync or a read of a source takes."""

ODD_IDS: Final = ('resp_"q"', "resp_\\", "resp_é/ü", "../files/x", "a?b#c%2F", "\U0001f600", "-")
INVALID_IDS: Final = ("", ".", "..", "a b", "resp_1\n", "x\x00")
FAULTS: Final = (
    *("not sent", "lost before", "lost after", "lost late", "refused", "refused", "asked to wait"),
    *("error", "error", "error after", "cut", "page", "empty", "not deleted", "key", "other"),
)
"""What may happen to a request. "After" means that the object is deleted all the same."""


@dataclass(slots=True)
class LaneWorld:
    """One lane of a scenario.

    Attributes:
        lane: Its settings.
        rows: What its sources hold, duplicates and invalid rows included.
        account: Its provider account.
    """

    lane: Lane
    rows: list[str]
    account: Account

    @property
    def ids(self) -> set[str]:
        """The IDs that may be sent."""
        return set(self.rows) - set(INVALID_IDS)


@dataclass(slots=True)
class Told:
    """What an account told a living process about an ID."""

    object_id: str
    word: str
    status: int | None

    @property
    def leaves_open(self) -> bool:
        """Whether it may have been carried out, for all that the process knows."""
        if self.status is None:
            return self.word == "lost"
        return self.word.startswith("trouble") and not 300 <= self.status < 500


class Account:
    """One provider account: its objects, and how it answers.

    Attributes:
        present: The objects that exist.
        bad: IDs whose deletion is an error for good.
        deleted: Every ID that was ever deleted here.
        told: What it told the process that runs, in order.
    """

    def __init__(
        self, provider: str, present: set[str], bad: set[str], dice: random.Random
    ) -> None:
        self.present = present
        self.bad = bad
        self.deleted: set[str] = set()
        self.told: list[Told] = []
        self.process: Process | None = None
        self._provider = provider
        self._dice = dice

    async def answering(self, object_id: str, _: int) -> Answer:
        """Answer one request, or not."""
        process, dice = self.process, self._dice
        assert process is not None
        await anyio.sleep(dice.choice((0.001, 0.01, 0.05, 0.05, 0.3)) * dice.random())
        fault = process.fault(dice)
        word, answered = self._answer(object_id, fault, dice)
        if fault in ("lost late", "asked to wait"):
            await anyio.sleep(30 * dice.random())
        await process.is_alive()
        self.told.append(Told(object_id, word, answered.status if answered else None))
        if answered is None:
            raise NotSentError("refused") if word == "not sent" else NoAnswerError("cut")
        return answered

    def _answer(
        self, object_id: str, fault: str | None, dice: random.Random
    ) -> tuple[str, Answer | None]:
        """Return the word that the answer comes to, and the answer; None if it is lost."""
        match fault:
            case "not sent":
                return "not sent", None
            case "lost before":
                return "lost", None
            case "refused":
                return "refused", refusing()
            case "asked to wait":
                return "refused", refusing(retry_after=dice.choice(("1", "20", "0", "400")))
            case "error":
                return "trouble", failing(dice.choice((500, 503, 408, 409)))
            case "key":
                return "barred", failing(401)
            case "page":
                return "trouble", answer(dice.choice((200, 502)), b"<html>deleted</html>")
            case "not deleted":
                return "trouble", answer(200, {"id": object_id, "deleted": False})
            case "other":
                word = "trouble" if self._provider == "fireworks" else "barred"
                return word, answer(200, {"id": "resp_other", "deleted": True})
        word, right = self._act(object_id)
        if fault in ("lost after", "lost late"):
            return "lost", None
        if fault == "error after":
            return "trouble after", failing(dice.choice((500, 502, 504)))
        if fault in ("cut", "empty"):
            cut = right.body[: dice.randrange(len(right.body))] if fault == "cut" else b""
            return ("trouble after", answer(200, cut)) if right.status == 200 else (word, right)
        return word, right

    def _act(self, object_id: str) -> tuple[str, Answer]:
        """Do what was asked for, and return the right answer."""
        if object_id in self.bad:
            return "failed", failing(400, "cannot be deleted")
        if object_id not in self.present:
            says = {"detail": "Response not found"}
            return "gone", answer(404, says) if self._provider == "fireworks" else gone(object_id)
        self.present.remove(object_id)
        self.deleted.add(object_id)
        says = {"message": "Response deleted successfully"}
        return "deleted", answer(200, says) if self._provider == "fireworks" else deleted(object_id)


class SimulatedDisk:
    """The log on disk, as long as the process lives; with errors where the plan has them."""

    def __init__(self, file: DiskLog, process: Process) -> None:
        self.closed = False
        self.failed = False
        self.synced = file.size
        self._file = file
        self._process = process
        self._calls = 0

    def write(self, data: bytes) -> None:
        """Append ``data``, or as much of it as the last breath allows."""
        if self._process.killed:
            if self._process.last_breath > 0:
                self._file.write(data[: int(self._process.last_breath * len(data))])
                self._process.last_breath = 0.0
            return
        self._fail_if_planned(errno.ENOSPC)
        self._file.write(data)

    def sync(self) -> None:
        """Note what would survive a power cut."""
        if not self._process.killed:
            self._fail_if_planned(errno.EIO)
            self.synced = self._file.size

    def close(self) -> None:
        """Close the file, if the process can."""
        if not self._process.killed:
            self.closed = True
            self._file.close()

    def cut_off(self) -> None:
        """Lose what was not synced, if the power went."""
        if self._process.killed and self._process.power_cut:
            kept = self._process.dice.randint(self.synced, self._file.size)
            self._file.cut(kept)
            self._file.write(b"\0" * self._process.dice.choice((0, 0, 700)))

    def _fail_if_planned(self, error: int) -> None:
        self._calls += 1
        first, count = self._process.disk_fails
        if first <= self._calls < first + count:
            self.failed = True
            raise OSError(error, os.strerror(error))


class Rows:
    """The rows of lanes as a source, in blocks of any size."""

    def __init__(self, rows: list[tuple[str, str]], dice: random.Random) -> None:
        self._rows = rows
        self._at = 0
        self._dice = dice

    def read(self) -> list[Block] | None:
        """Return the next rows, a block for each lane."""
        if self._at >= len(self._rows):
            return None
        rows = self._rows[self._at : self._at + self._dice.randint(1, 12)]
        blocks = []
        for lane in dict.fromkeys(lane for lane, _ in rows):
            texts: list[object] = [text for of, text in rows if of == lane]
            blocks.append(Block(lane, *check_ids(texts, self._at + 1, "rows")))
        self._at += len(rows)
        return blocks

    def interrupt(self) -> None:
        """End now."""
        self._at = len(self._rows)

    def close(self) -> None:
        """Have nothing to close."""


class Scenario:
    """What a seed makes: lanes with their IDs, a log, and the way sources give the rows."""

    def __init__(self, seed: int, log: Path) -> None:
        self.dice = random.Random(seed)
        self.seed = seed
        self.log = log
        self.durability = self.dice.choice(list(Durability))
        self.lanes = {
            world.lane.name: world for world in map(self._lane, range(self.dice.choice((1, 1, 2))))
        }
        self.kind = self.dice.choice(("each", "mixed", "async"))
        self.max_delete = self.dice.randint(0, 30) if self.dice.random() < 0.2 else None

    def _lane(self, number: int) -> LaneWorld:
        dice = self.dice
        provider = dice.choice(("ark", "fireworks", "openai"))
        lane = Lane(
            provider=get(provider),
            api_key="key",
            name=f"{provider}{number}",
            concurrency=dice.choice((1, 2, 4, 16)),
            rate=dice.choice((None, 5.0, 50.0, 1000.0)),
            attempts_max=dice.randint(1, 4),
        )
        size = dice.choice((1, 5, 20, 60, 150))
        ids = [*(f"resp_{number}_{n}" for n in range(size)), *dice.sample(ODD_IDS, 2)]
        gone_share = dice.choice((0.0, 0.1, 1.0))
        bad_share = dice.choice((0.0, 0.0, 0.05))
        bad = {one for one in ids if dice.random() < bad_share}
        present = {one for one in ids if one not in bad and dice.random() >= gone_share}
        rows = [*ids, *dice.choices(ids, k=dice.randint(0, 5)), *dice.sample(INVALID_IDS, 2)]
        dice.shuffle(rows)
        return LaneWorld(lane, rows, Account(provider, present, bad, random.Random(dice.random())))

    def sources(self) -> list[RunSource]:
        """Return the sources of one process."""
        if self.kind == "mixed":
            rows = [(name, text) for name, of in self.lanes.items() for text in of.rows]
            random.Random(self.seed).shuffle(rows)
            return [ReaderSource(Rows(rows, self.dice), "mixed", None)]
        if self.kind == "async":
            return [
                AsyncSource(trickle(of.rows, self.dice), name, name)
                for name, of in self.lanes.items()
            ]
        return [
            ReaderSource(Rows([(name, text) for text in of.rows], self.dice), name, name)
            for name, of in self.lanes.items()
        ]


async def trickle(rows: list[str], dice: random.Random) -> AsyncIterator[object]:
    """Give rows as they come."""
    for row in rows:
        if dice.random() < 0.2:
            await anyio.sleep(dice.random())
        yield row


# -- one process ------------------------------------------------------------------------


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
        self.before = read_log(scenario.log)
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
        self._plan(calm=number >= CALM_AFTER)

    def _plan(self, *, calm: bool) -> None:
        """Decide what goes wrong."""
        dice = self.dice
        self.fault_share = 0.0 if calm else dice.choice((0.0, 0.02, 0.2, 0.6))
        self.faults = dice.choices(FAULTS, k=dice.randint(1, 6))
        self.outage = (0.0, 0.0)
        self.kill_step = self.drain_s = math.inf
        self.power_cut = False
        self.last_breath = 0.0
        self.disk_fails = (0, 0)
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
        def opener(lane: Lane) -> AbstractAsyncContextManager[Transport]:
            @asynccontextmanager
            async def opened() -> AsyncIterator[Transport]:
                yield _Line(self, lane.name)

            return opened()

        @contextmanager
        def open_log(path: Path) -> Iterator[tuple[LogFile, int]]:
            with open_disk_log(path) as (file, torn):
                self.disk = SimulatedDisk(file, self)
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

    async def send(self, lane: str, object_id: str) -> Answer:
        """Send a request to the account of a lane, if it may be sent."""
        await self.is_alive()
        key = (lane, object_id)
        self._expect(object_id in self.scenario.lanes[lane].ids, "unknown ID sent", key)
        self._expect(key not in self._ended, "ended ID sent again", key)
        self._expect(key not in self._open, "ID sent twice at once", key)
        self._expect(not self._drained, "sent after the drain", key)
        self._expect(self.disk is not None and not self.disk.failed, "sent without a log", key)
        self._open.add(key)
        try:
            return await self.transports[lane].send(object_id)
        finally:
            self._open.remove(key)

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
            is_open = any(one.leaves_open for one in of_id)
            self._expect(result.after_unknown == is_open, "after_unknown", (key, of_id))
        elif not result.retryable:
            self._expect(words[-1:] == ["failed"], "not failed for good", key)
        else:
            trouble = sum(word not in ("refused", "barred") for word in words)
            enough = trouble >= self.scenario.lanes[result.lane].lane.attempts_max
            self._expect(enough, "given up too soon", (key, words))
        self._expect(result.attempts == len(words), "attempts", (key, result.attempts))

    # -- its life -----------------------------------------------------------------------

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
                try:
                    summary = await self._run.run()
                    self.summary = None if self.killed else summary
                except ResultLogError as exc:
                    if not self.killed:
                        self.error, self.summary = exc, exc.summary
                tasks.cancel_scope.cancel()
        self.stops = {stop.cause for stop in self._run.stops}

    async def _drain_later(self) -> None:
        if self.drain_s < math.inf:
            await anyio.sleep(self.drain_s)
            if not self.killed and self._run is not None:
                self._run.drain()
                self._drained = True


class _Line:
    """The transport of one lane of a process."""

    def __init__(self, process: Process, lane: str) -> None:
        self._process = process
        self._lane = lane

    async def send(self, object_id: str) -> Answer:
        """Send it."""
        return await self._process.send(self._lane, object_id)


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


# -- the promises -----------------------------------------------------------------------


@dataclass(slots=True)
class LogSeen:
    """A log, read by nobody's code but this.

    Attributes:
        lines: Its whole lines, parsed.
        done: Lane and ID of what is never to be sent again.
        open_failed: Lane and ID of what failed and is to be tried again.
        ours: Deletions of ours, those after a lost answer included.
    """

    lines: list[dict[str, Any]] = field(default_factory=list)
    done: set[tuple[str, str]] = field(default_factory=set)
    open_failed: set[tuple[str, str]] = field(default_factory=set)
    ours: int = 0

    @property
    def last_run(self) -> list[dict[str, Any]]:
        """The results since the last header."""
        starts = [place for place, line in enumerate(self.lines) if "run" in line]
        return [line for line in self.lines[starts[-1] if starts else 0 :] if "id" in line]


def read_log(path: Path) -> LogSeen:
    """Read a log; a torn last line does not count."""
    seen = LogSeen()
    data = path.read_bytes() if path.exists() else b""
    for text in data.split(b"\n")[:-1]:
        line = json.loads(text.lstrip(b"\0"))
        seen.lines.append(line)
        if "id" not in line or line["outcome"] == "invalid":
            continue
        key = (line["lane"], line["id"])
        again = line["outcome"] == "failed" and line["retryable"]
        assert key not in seen.done, f"a second line after the end of {key}"
        seen.open_failed.discard(key)
        (seen.open_failed if again else seen.done).add(key)
        seen.ours += line["outcome"] == "deleted" or line.get("after_unknown", False)
    return seen


def simulate(seed: int) -> Counter[str]:
    """Let a seed's world run until nothing is left to do; return what happened in it.

    Raises:
        AssertionError: A promise does not hold.
        ValueError: There is no such seed.
    """
    if seed < 0:
        raise ValueError(f"a seed is 0 or more, not {seed}")
    folder = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=folder) as name:
        return _simulate(Scenario(seed, Path(name) / "log.jsonl"))


def _simulate(scenario: Scenario) -> Counter[str]:
    happened: Counter[str] = Counter()
    unlogged: set[tuple[str, str]] = set()
    allow_gone = False
    for number in range(PROCESSES_MAX):
        had = {name: set(world.account.deleted) for name, world in scenario.lanes.items()}
        process = Process(scenario, number, allow_gone=allow_gone)
        process.run()
        after = read_log(scenario.log)
        check(process, after, had)
        unlogged = check_repeats(process, after, unlogged)
        happened.update(
            processes=1,
            kills=process.killed,
            disk_errors=process.error is not None,
            requests=sum(len(of.sent) for of in process.transports.values()),
            **{f"stopped: {cause.value}": 1 for cause in process.stops},
        )
        allow_gone = allow_gone or StopCause.ALL_GONE in process.stops
        summary = process.summary
        is_finished = summary is not None and summary.state is State.FINISHED
        if is_finished and process.error is None and not after.open_failed:
            break
    else:
        raise AssertionError("it does not converge")
    check_end(scenario, after)
    return happened


def check(process: Process, after: LogSeen, had: dict[str, set[str]]) -> None:
    """Check what holds after every process, however it ended."""
    assert not process.wrong, process.wrong[:5]
    assert process.killed or process.disk is None or process.disk.closed, "the log is left open"
    written = after.last_run if len(after.lines) > len(process.before.lines) else []
    if len(after.lines) > len(process.before.lines) and "run" not in str(after.lines):
        written = after.lines
    given = [result for _, result in process.results]
    assert [(line["lane"], line["id"]) for line in written] == [
        (result.lane, result.object_id) for result in given[: len(written)]
    ], "the log is not what was told, in its order"
    for line, result in zip(written, given, strict=False):
        assert line["outcome"] == result.outcome.value
    if process.killed:
        check_lost(process, len(written))
    else:
        check_summary(process, after, len(written))
    for name, world in process.scenario.lanes.items():
        check_lane(process, name, world)
    ours = sum(
        len(world.account.deleted - had[name]) for name, world in process.scenario.lanes.items()
    )
    if process.max_delete is not None:
        assert ours <= max(0, process.max_delete - process.before.ours), "max-delete passed"


def check_lost(process: Process, written: int) -> None:
    """Of a killed process, only the newest lines may be missing."""
    lag_s = GROUP_S + 5 * BLOCKING_MAX_S
    if process.power_cut:
        lag_s += {Durability.FULL: 0.0, Durability.NORMAL: SYNC_S + GROUP_S}.get(
            process.scenario.durability, math.inf
        )
    lost = process.results[written:]
    late = [result for at_s, result in lost if at_s < process.killed_s - lag_s]
    assert not late, f"lines lost that should have been on disk: {late[:3]}"


def check_repeats(
    process: Process, after: LogSeen, before: set[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Deleted but not logged, so to be sent again: only what was in flight or not yet on disk.

    Returns lane and ID of all of them; ``before`` are those of the earlier processes.
    """
    unlogged = {
        (name, object_id)
        for name, world in process.scenario.lanes.items()
        for object_id in world.account.deleted
    } - after.done
    explained = before | process.open_ids
    explained |= {(result.lane, result.object_id) for _, result in process.results}
    explained |= {
        (name, told.object_id)
        for name, world in process.scenario.lanes.items()
        for told in world.account.told
        if told.leaves_open
    }
    assert unlogged <= explained, f"forgotten: {unlogged - explained}"
    return unlogged


def check_summary(process: Process, after: LogSeen, written: int) -> None:
    """The summary adds up, and says what really happened."""
    summary, results = process.summary, [result for _, result in process.results]
    assert summary is not None
    lost = len(results) - written
    if process.error is not None:
        assert process.error.lines_lost == lost, (process.error.lines_lost, lost)
    else:
        assert process.disk is not None
        assert not process.disk.failed, "an error of the disk was not told"
        assert lost == 0, f"{lost} lines are missing"
        end = after.lines[-1]["end"]
        assert end["state"] == summary.state
        assert end["deleted"] == summary.counts.deleted
    assert summary.counts == sum(summary.lanes.values(), Counts())
    for name, world in process.scenario.lanes.items():
        counts, transport = summary.lanes[name], process.transports[name]
        of_lane = Counter(result.outcome for result in results if result.lane == name)
        found = [counts.deleted, counts.gone, counts.failed, counts.invalid]
        assert found == [of_lane[outcome] for outcome in Outcome], name
        assert counts.requests == len(transport.sent)
        assert counts.refused == transport.refusals
        assert counts.pending >= 0
        assert counts.read <= len(world.rows)
        if summary.state is State.FINISHED:
            assert counts.read == len(world.rows)
            assert counts.pending == 0
            seen = {row for row in world.rows if row not in INVALID_IDS}
            fresh = {one for one in seen if (name, one) not in process.before.done}
            assert counts.deleted + counts.gone + counts.failed == len(fresh)


def check_lane(process: Process, name: str, world: LaneWorld) -> None:
    """What a lane has sent stays within what the user allowed."""
    transport = process.transports[name]
    assert transport.in_flight_most <= world.lane.concurrency
    if world.lane.rate is not None:
        times_s = [time_s for time_s, _ in transport.sent]
        assert most_in_a_second(times_s) <= peak(world.lane.rate), "faster than --rate"
    if not process.killed and process.error is None:
        check_told(process, name, world)


def check_told(process: Process, name: str, world: LaneWorld) -> None:
    """An answer that ends an ID is a result, unless it was doubted."""
    results = {result.object_id: result for _, result in process.results if result.lane == name}
    words = {told.word for told in world.account.told}
    had_deletion = any(
        line.get("lane") == name and line.get("outcome") == "deleted"
        for line in process.before.lines
    )
    for told in world.account.told:
        if told.object_id in results or told.word not in ("deleted", "gone", "failed"):
            continue
        doubted_gone = told.word == "gone" and not had_deletion and "deleted" not in words
        doubted_failed = (
            told.word == "failed" and not had_deletion and not words & {"deleted", "gone"}
        )
        assert doubted_gone or doubted_failed, f"an answer was lost: {told}"


def check_end(scenario: Scenario, after: LogSeen) -> None:
    """At the end every ID has one last word, and it is the truth."""
    last = {
        (line["lane"], line["id"]): line["outcome"]
        for line in after.lines
        if "id" in line and line["outcome"] != "invalid"
    }
    invalid = Counter(
        (line["lane"], line["line"]) for line in after.lines if line.get("outcome") == "invalid"
    )
    assert set(last) == {(name, one) for name, of in scenario.lanes.items() for one in of.ids}
    assert all(count == 1 for count in invalid.values()), invalid
    for (name, object_id), outcome in last.items():
        account = scenario.lanes[name].account
        assert object_id not in account.present, f"{object_id} is still there: {outcome}"
        assert (outcome == "failed") == (object_id in account.bad)
        if outcome == "deleted":
            assert object_id in account.deleted
    calm = Process(scenario, PROCESSES_MAX, allow_gone=True)
    calm.run()
    assert not any(of.sent for of in calm.transports.values()), "sent when all was done"
    assert calm.summary is not None
    assert calm.summary.state is State.FINISHED


# -- many seeds -------------------------------------------------------------------------


def try_seed(seed: int) -> tuple[Counter[str], str | None]:
    """Simulate one seed, from 0 on; return what happened, and what went wrong."""
    try:
        return simulate(seed), None
    except Exception:  # noqa: BLE001 - whatever the engine raises is a finding
        alone = f"python tests/simulation.py --seeds 1 --from {seed}"
        return Counter(), f"seed {seed} (alone: {alone})\n{traceback.format_exc()}"


def try_seeds(seeds: range, jobs: int, failures_max: int) -> tuple[Counter[str], list[str]]:
    """Simulate many seeds on ``jobs`` processors, until so many have failed."""
    happened: Counter[str] = Counter()
    failures = []
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for counts, failure in pool.imap_unordered(try_seed, seeds, chunksize=10):
            happened.update(counts)
            if failure is not None:
                failures.append(failure)
            if len(failures) >= failures_max:
                pool.terminate()
                break
    return happened, failures


def main() -> int:
    """Simulate the seeds that the command line names."""
    parser = argparse.ArgumentParser(description="Simulate the engine under faults.")
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first one")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processors")
    wanted = parser.parse_args()
    began_s = time.perf_counter()
    seeds = range(wanted.first, wanted.first + wanted.seeds)
    happened, failures = try_seeds(seeds, min(wanted.jobs, wanted.seeds), FAILURES_MAX)
    for failure in failures:
        print(failure)
    if failures:
        print("failed:", *sorted(int(failure.split()[1]) for failure in failures))
    print(f"{wanted.seeds} seeds, {len(failures)} failed, {time.perf_counter() - began_s:.1f} s")
    print(dict(sorted(happened.items())))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
