"""Work one lane: take IDs, delete them, write one result line each.

    feed ──take──> worker ──send──> answer ──verdict──> settle ──> result log
                     ^                                    │
                     └───────── waiting room <────────────┘  IDs between two attempts

What holds here, always:

1. Every ID a worker takes ends as exactly one result line, unless the lane stops early;
   an ID without a line is still to do.
2. At most ``concurrency`` requests are in flight: one per worker.
3. An ID that waits for its next attempt holds no place in flight. How many may wait is
   bounded; at the bound no fresh ID is taken.
4. Between an answer and its line in the log there is no `await`. The one exception: while
   `LaneGuard` does not believe "gone" or "failed" yet, those few results are held back,
   and are still to do if the lane stops.

Workers ask `_take`, which never waits: it says which ID may be sent now, or notes how
long that will not change. One worker at a time does the waiting; the others queue behind
it. So there is no dispatcher task, and no task, timer or queue operation per ID while
nothing binds.

Not here: what an answer means (`providers`), when to try again (`retry`), how fast to go
(`pacing`), when to stop (`guards`), how bytes reach the server (`transport`).
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import anyio

from bulkdel.errors import EndpointError, NoAnswerError, TransportError
from bulkdel.feed import Feed
from bulkdel.guards import DeleteBudget, FailureBudget, LaneGuard, Stop, StopCause
from bulkdel.guards.lane_guard import FAILED_FIRST_MAX, GONE_FIRST_MAX
from bulkdel.models import Answer, Counts, Meaning, Outcome, Result, Verdict
from bulkdel.pacing import Pace
from bulkdel.pacing.choose import make_pace
from bulkdel.retry import RetryBudget, RetryRules
from bulkdel.settings import Lane
from bulkdel.transport import Transport

WAITING_PER_PLACE: Final = 4
"""IDs that may wait for another attempt, per place in flight."""


class Sink(Protocol):
    """Where results go."""

    @property
    def has_room(self) -> bool:
        """Whether another ID may be taken; the lane is woken when that changes."""
        ...

    def append(self, result: Result) -> None:
        """Take one result."""
        ...


@dataclass(slots=True, eq=False)
class _Waiting:
    """An ID between two attempts."""

    object_id: str
    requests: int = 1
    troubles: int = 0
    refusals: int = 0
    unknown: bool = False


@dataclass(slots=True)
class RunControl:
    """What the lanes of one run share.

    Attributes:
        deletes: Most deletions of the run.
        failures: Most failures of the run.
        stop_run: Called when the whole run must stop.
    """

    deletes: DeleteBudget
    failures: FailureBudget
    stop_run: Callable[[Stop], None]


@dataclass(slots=True, eq=False)
class LaneWork:
    """One lane at work. Construct it, then `run` it once.

    Attributes:
        lane: Its settings.
        feed: Where its IDs come from.
        transport: How they are sent.
        sink: Where results go.
        pace: How fast.
        guard: When to stop.
        control: What it shares with the other lanes.
        retry: When to try again.
        clock: Seconds, only going forward; that of the event loop.
        wall_clock: Seconds since 1970, for the log.
        counts: What has happened so far.
    """

    lane: Lane
    feed: Feed
    transport: Transport
    sink: Sink
    pace: Pace
    guard: LaneGuard
    control: RunControl
    retry: RetryRules
    clock: Callable[[], float] = anyio.current_time
    wall_clock: Callable[[], float] = time.time
    counts: Counts = field(default_factory=Counts)
    in_flight: int = 0
    draining: bool = False
    _budget: RetryBudget = field(default_factory=RetryBudget)
    _room: list[tuple[float, int, _Waiting]] = field(default_factory=list)
    _serial: int = 0
    _probe: _Waiting | None = None
    _doubted_gone: list[Result] = field(default_factory=list)
    _doubted_failed: list[Result] = field(default_factory=list)
    _wait_s: float = 0.0
    _door: anyio.Lock = field(default_factory=lambda: anyio.Lock(fast_acquire=True))
    _changed: anyio.Event | None = None

    @property
    def waiting(self) -> int:
        """IDs that wait for another attempt."""
        return len(self._room) + (self._probe is not None)

    def drain(self) -> None:
        """Take no more IDs; what is in flight is finished."""
        self.draining = True
        self.wake()

    def set_rate(self, rate: float | None) -> None:
        """Send at ``rate`` requests per second from now on; None finds the limit again."""
        self.pace = make_pace(replace(self.lane, rate=rate))
        self.wake()

    def wake(self) -> None:
        """Look again whether an ID may be sent."""
        if self._changed is not None:
            self._changed.set()

    async def run(self) -> None:
        """Work until every ID has ended, or the lane must stop."""
        self.feed.wake = self.wake
        self.control.deletes.on_change(self.wake)
        async with anyio.create_task_group() as workers:
            for _ in range(self.lane.concurrency):
                workers.start_soon(self._work)
        if not self.draining and self.guard.stop is None:
            self._believe(self._doubted_gone)
            self._believe(self._doubted_failed)

    # -- which ID is next, and when ---------------------------------------------------

    async def _work(self) -> None:
        while (taken := await self._next()) is not None:
            await self._attempt(taken)

    async def _next(self) -> str | _Waiting | None:
        """Return the next ID when it may be sent, or None when there is none to come."""
        taken = self._take()
        if taken is not None or self._is_done:
            return taken
        async with self._door:
            while True:
                taken = self._take()
                if taken is not None or self._is_done:
                    return taken
                self._changed = anyio.Event()
                with anyio.move_on_after(self._wait_s):
                    await self._changed.wait()
                self._changed = None

    @property
    def _is_done(self) -> bool:
        if self.draining or self.guard.stop is not None:
            return True
        return not self.in_flight and not self.waiting and self.feed.has_ended

    def _take(self) -> str | _Waiting | None:
        """Return an ID that may be sent at this instant and count it as in flight.

        Returns None if there is none, and leaves in `_wait_s` how long that lasts at
        least, unless something changes.
        """
        self._wait_s = math.inf
        if self.draining or self.guard.stop is not None or not self.sink.has_room:
            return None
        now_s = self.clock()
        wait_s = self.pace.wait_s(now_s, self.in_flight)
        if not self.guard.is_open:
            wait_s = max(wait_s, self.guard.wait_s(now_s, self.in_flight))
        if wait_s > 0.0:
            self._wait_s = wait_s
            return None
        taken = self._choose(now_s)
        if taken is None:
            return None
        self.in_flight += 1
        self.counts.requests += 1
        self.pace.sent(now_s, self.in_flight)
        if not self.guard.is_open:
            self.guard.sent()
        return taken

    def _choose(self, now_s: float) -> str | _Waiting | None:
        """Choose among the probe, the retries that are due and the fresh IDs."""
        if self._probe is not None:
            if self._lacks_place(self._probe):
                return None
            probe, self._probe = self._probe, None
            probe.requests += 1
            return probe
        if self._room:
            due_s = self._room[0][0]
            wait_s = max(due_s - now_s, self._budget.wait_s(now_s))
            if wait_s <= 0.0:
                if self._lacks_place(self._room[0][2]):
                    return None
                self._budget.spend(now_s)
                waiting = heapq.heappop(self._room)[2]
                waiting.requests += 1
                return waiting
            self._wait_s = wait_s
            if self.waiting >= WAITING_PER_PLACE * self.lane.concurrency:
                return None
        if self.feed.is_empty or self._lacks_place(None):
            return None
        return self.feed.take()

    def _lacks_place(self, waiting: _Waiting | None) -> bool:
        """Take a place of ``--max-delete`` for an ID; say whether there is none."""
        deletes = self.control.deletes
        if waiting is not None and waiting.unknown:
            return False  # its earlier request still holds one
        if deletes.unlimited:
            return False
        if deletes.has_place:
            deletes.reserve()
            return False
        if deletes.spent:
            self.control.stop_run(
                Stop(
                    StopCause.MAX_DELETE,
                    None,
                    f"{deletes.used:,} IDs are deleted, the most that --max-delete allows",
                    "Raise --max-delete to go on: the log resumes",
                )
            )
        return True

    # -- one attempt ------------------------------------------------------------------

    async def _attempt(self, taken: str | _Waiting) -> None:
        """Send one request and settle what comes of it."""
        object_id = taken if isinstance(taken, str) else taken.object_id
        in_flight = self.in_flight
        sent_s = self.clock()
        answer: Answer | None = None
        error: TransportError | None = None
        try:
            answer = await self.transport.send(object_id)
        except TransportError as exc:
            error = exc
        finally:
            self.in_flight -= 1
        now_s = self.clock()
        if answer is None:
            self._settle_unanswered(taken, error, sent_s, now_s, in_flight)
        else:
            verdict = self.lane.provider.verdict(object_id, answer)
            self._settle(taken, answer, verdict, sent_s, now_s, in_flight)
        self.wake()

    def _settle(
        self,
        taken: str | _Waiting,
        answer: Answer,
        verdict: Verdict,
        sent_s: float,
        now_s: float,
        in_flight: int,
    ) -> None:
        """Decide what one answer leads to. No `await` from here to the log."""
        meaning = verdict.meaning
        if meaning is Meaning.REFUSED:
            self.counts.refused += 1
            self.pace.refused(now_s, sent_s, in_flight, verdict, answer.headers)
            self.guard.refused(now_s, verdict)
        elif meaning is Meaning.TRANSIENT and answer.status >= 500:
            self.pace.troubled(now_s, sent_s, in_flight)
        else:
            self.pace.accepted(now_s, sent_s, in_flight, answer.headers)
        if meaning is Meaning.DELETED or meaning is Meaning.GONE:
            self._end(taken, answer, verdict, Outcome(meaning.value), sent_s, now_s)
        elif meaning is Meaning.FAILED:
            self.guard.failed()
            self._end(taken, answer, verdict, Outcome.FAILED, sent_s, now_s)
        else:
            waiting = _as_waiting(taken)
            if meaning.stops_lane:
                self._bar(waiting, verdict, now_s)
            else:
                self._again(waiting, answer, verdict, sent_s, now_s)

    def _settle_unanswered(
        self,
        taken: str | _Waiting,
        error: TransportError | None,
        sent_s: float,
        now_s: float,
        in_flight: int,
    ) -> None:
        """Decide what a lost request leads to."""
        self.pace.troubled(now_s, sent_s, in_flight)
        waiting = _as_waiting(taken)
        if isinstance(error, NoAnswerError):
            waiting.unknown = True
        if isinstance(error, EndpointError):
            self._bar(waiting, Verdict(Meaning.ENDPOINT, message=str(error)), now_s)
            return
        verdict = Verdict(Meaning.TRANSIENT, message=str(error))
        self._again(waiting, None, verdict, sent_s, now_s)

    def _again(
        self,
        waiting: _Waiting,
        answer: Answer | None,
        verdict: Verdict,
        sent_s: float,
        now_s: float,
    ) -> None:
        """Send an ID again later, or give it up."""
        if verdict.meaning is Meaning.REFUSED:
            waiting.refusals += 1
        else:
            waiting.troubles += 1
        wait_s = self.retry.wait_s(verdict, troubles=waiting.troubles, refusals=waiting.refusals)
        give_up = wait_s is None
        if verdict.meaning is Meaning.TRANSIENT:
            reason = verdict.message or (f"HTTP {answer.status}" if answer else "no answer")
            give_up = self.guard.trouble(now_s, waiting.object_id, reason, exhausted=wait_s is None)
            if self.guard.held_for is not None:
                waiting.troubles -= 1  # the provider's fault, not the ID's
        if give_up:
            self._end(waiting, answer, verdict, Outcome.FAILED, sent_s, now_s)
            return
        self._release(waiting, deleted=False)
        self._hold_back(waiting, now_s + (wait_s or 0.0))

    def _bar(self, waiting: _Waiting, verdict: Verdict, now_s: float) -> None:
        """Keep an ID whose answer would hit every ID; it may be asked once more."""
        self.guard.barred(now_s, waiting.object_id, verdict)
        self._release(waiting, deleted=False)
        if self.guard.probe_id == waiting.object_id:
            self._probe = waiting
        else:
            self._hold_back(waiting, now_s)

    def _hold_back(self, waiting: _Waiting, due_s: float) -> None:
        self._serial += 1
        heapq.heappush(self._room, (due_s, self._serial, waiting))

    # -- the end of an ID -------------------------------------------------------------

    def _end(
        self,
        taken: str | _Waiting,
        answer: Answer | None,
        verdict: Verdict,
        outcome: Outcome,
        sent_s: float,
        now_s: float,
    ) -> None:
        """Write the result of an ID, or hold it back while it is not believed."""
        waiting = None if isinstance(taken, str) else taken
        unknown = waiting is not None and waiting.unknown
        failed = outcome is Outcome.FAILED
        result = Result(
            object_id=taken if isinstance(taken, str) else taken.object_id,
            lane=self.lane.name,
            outcome=outcome,
            status=answer.status if answer is not None else None,
            attempts=1 if waiting is None else waiting.requests,
            at_s=self.wall_clock(),
            ms=(now_s - sent_s) * 1000,
            retryable=failed and verdict.meaning is not Meaning.FAILED,
            after_unknown=unknown and outcome is Outcome.GONE,
            code=verdict.code if outcome is not Outcome.DELETED else None,
            error=verdict.message if failed else None,
            request_id=verdict.request_id if outcome is not Outcome.DELETED else None,
        )
        self._release(waiting, deleted=outcome is Outcome.DELETED or unknown, ended=True)
        if outcome is Outcome.FAILED:
            self._end_failed(result)
        else:
            self._end_good(result)
        if self.guard.stop is not None:
            self.wake()

    def _end_good(self, result: Result) -> None:
        deleted = result.outcome is Outcome.DELETED
        self._budget.earn()
        self.guard.good(deleted=deleted)
        if self._doubted_failed:
            self._believe(self._doubted_failed)
        if not deleted and self.guard.doubts_gone:
            self._doubted_gone.append(result)
            if len(self._doubted_gone) >= GONE_FIRST_MAX:
                self.guard.all_gone()
            return
        self._write(result)
        if self._doubted_gone:
            self._believe(self._doubted_gone)

    def _end_failed(self, result: Result) -> None:
        if not self.guard.doubts_failed or result.retryable:
            self._write(result)
            return
        self._doubted_failed.append(result)
        if len(self._doubted_failed) >= FAILED_FIRST_MAX:
            self.guard.all_failed(result.error or f"HTTP {result.status}")

    def _believe(self, results: list[Result]) -> None:
        for result in results:
            self._write(result)
        results.clear()

    def _write(self, result: Result) -> None:
        self.counts.add(result.outcome)
        self.sink.append(result)
        failures = self.control.failures
        failures.note(failed=result.outcome is Outcome.FAILED)
        if failures.exceeded:
            self.control.stop_run(
                Stop(
                    StopCause.MAX_FAILURES,
                    None,
                    f"{failures.failed:,} of {failures.ended:,} IDs failed,"
                    " more than --max-failures allows",
                    "See `bulkdel failed LOG`, then start again: the log resumes",
                )
            )

    def _release(self, waiting: _Waiting | None, *, deleted: bool, ended: bool = False) -> None:
        """Give back an ID's place of ``--max-delete``, unless it may have been deleted."""
        if not self.control.deletes.unlimited and (ended or waiting is None or not waiting.unknown):
            self.control.deletes.release(deleted=deleted)


def _as_waiting(taken: str | _Waiting) -> _Waiting:
    return _Waiting(taken) if isinstance(taken, str) else taken
