"""Work one lane: take IDs, delete them, write one result line each.

    feed ──take──> worker ──send──> answer ──verdict──> settle ──> Endings ──> result log
                     ^                                    │
                     └────────── WaitingRoom <────────────┘  IDs between two attempts

What holds here, always:

1. Every ID a worker takes ends as exactly one result line, unless the lane stops early;
   an ID without a line is still to do.
2. At most ``concurrency`` requests are in flight: one per worker.
3. Between an answer and its line in the log there is no `await`. The one exception are
   the few results that `recorder` holds back while they are doubted.

Workers ask `_take`, which never waits: it says which ID may be sent now, or notes how
long that will not change. One worker at a time does the waiting; the others queue behind
it. So there is no dispatcher task, and no task, timer or queue operation per ID while
nothing binds.

Not here: what an answer means (`providers`), when to try again (`retry`), how fast to go
(`pacing`), when to stop (`guards`), how bytes reach the server (`transport`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import anyio

from bulkdel.engine.bottleneck import Bound, Ledger
from bulkdel.engine.queue import Feed
from bulkdel.engine.recorder import Endings, RunControl, Sink
from bulkdel.engine.retry_queue import Waiting, WaitingRoom
from bulkdel.errors import EndpointError, NoAnswerError, TransportError
from bulkdel.guards import LaneGuard, Stop, StopCause
from bulkdel.models import Answer, Counts, Meaning, Outcome, Verdict
from bulkdel.pacing.choose import make_pace
from bulkdel.pacing.learned import Learned
from bulkdel.retry import RetryRules
from bulkdel.settings import Lane
from bulkdel.transport import Transport

WAITING_PER_PLACE: Final = 4
"""IDs that may wait for another attempt, per place in flight."""


class LaneWork:
    """One lane at work. Construct it, then `run` it once.

    Args:
        lane: Its settings.
        feed: Where its IDs come from.
        transport: How they are sent.
        sink: Where results go.
        guard: When to stop.
        control: What it shares with the other lanes.
        retry: When to try again.
        counts: What has happened so far; counted here.
        wall_clock: Seconds since 1970, for the log.
        clock: Seconds, only going forward.
        learned: What an earlier run found out about the provider's limit.
    """

    def __init__(
        self,
        lane: Lane,
        *,
        feed: Feed,
        transport: Transport,
        sink: Sink,
        guard: LaneGuard,
        control: RunControl,
        retry: RetryRules,
        counts: Counts,
        wall_clock: Callable[[], float],
        clock: Callable[[], float],
        learned: Learned | None = None,
    ) -> None:
        self.lane = lane
        self.feed = feed
        self.guard = guard
        self.counts = counts
        self.pace = make_pace(lane, learned)
        self._ledger = Ledger()
        self.in_flight = 0
        """Requests that were sent and have no answer yet."""
        self._transport = transport
        self._judge = lane.resource.delete.judge
        self._sink = sink
        self._control = control
        self._retry = retry
        self._clock = clock
        self._endings = Endings(
            lane.name,
            sink=sink,
            guard=guard,
            control=control,
            counts=counts,
            wall_clock=wall_clock,
        )
        self._room = WaitingRoom(WAITING_PER_PLACE * lane.concurrency)
        self._draining = False
        self._wait_s = 0.0
        self._why = Bound.INPUT
        self._door = anyio.Lock(fast_acquire=True)
        self._changed: anyio.Event | None = None

    @property
    def waiting(self) -> int:
        """IDs that wait for another attempt."""
        return len(self._room)

    def waiting_s(self) -> float:
        """Return the seconds until the last of the IDs that wait may be sent again."""
        return max(0.0, self._room.last_due_s() - self._clock())

    def bound_s(self) -> dict[str, float]:
        """Return where the time has gone: seconds under each `Bound`."""
        return self._ledger.seconds(self._clock())

    async def run(self) -> None:
        """Work until every ID has ended, or the lane must stop."""
        self.feed.wake = self.wake
        self._control.deletes.on_change(self.wake)
        async with anyio.create_task_group() as workers:
            for _ in range(self.lane.concurrency):
                workers.start_soon(self._work)
        if not self._draining and self.guard.stop is None:
            self._endings.believe_all()
        for waiting in self._room.everyone():  # other lanes may need their places
            if not self._control.deletes.unlimited:
                self._control.deletes.release(deleted=waiting.unknown)

    def drain(self) -> None:
        """Take no more IDs; what is in flight is finished."""
        self._draining = True
        self.wake()

    def wake(self) -> None:
        """Look again whether an ID may be sent."""
        if self._changed is not None:
            self._changed.set()

    def set_rate(self, rate: float | None) -> None:
        """Send at ``rate`` requests per second from now on; None finds the limit again."""
        self.pace = make_pace(replace(self.lane, rate=rate), self.pace.learned())
        self.wake()

    # -- which ID is next, and when ---------------------------------------------------

    async def _work(self) -> None:
        while (taken := await self._next()) is not None:
            await self._attempt(taken)

    async def _next(self) -> str | Waiting | None:
        """Return the next ID when it may be sent, or None when there is none to come."""
        taken = self._take()
        if taken is not None or self._is_done:
            return taken
        async with self._door:
            while True:
                taken = self._take()
                if taken is not None or self._is_done:
                    self._ledger.note(Bound.BUSY, self._clock())
                    return taken
                self._ledger.note(self._why, self._clock())
                self._changed = anyio.Event()
                with anyio.move_on_after(_timer_s(self._wait_s)):
                    await self._changed.wait()
                self._changed = None

    @property
    def _is_done(self) -> bool:
        if self._draining or self.guard.stop is not None:
            return True
        return not self.in_flight and not self._room and self.feed.has_ended

    def _take(self) -> str | Waiting | None:
        """Return an ID that may be sent at this instant and count it as in flight.

        Returns None if there is none, and leaves in `_wait_s` how long that lasts at
        least, unless something changes, and in `_why` what it is that binds.
        """
        self._wait_s = math.inf
        if self._draining or self.guard.stop is not None or not self._sink.has_room:
            self._why = Bound.LOG
            return None
        now_s = self._clock()
        if not self.guard.is_open:
            wait_s = self.guard.wait_s(now_s, self.in_flight)
            if wait_s > 0.0:
                self._wait_s = wait_s
                self._why = Bound.PAUSE
                return None
        wait_s = self.pace.wait_s(now_s, self.in_flight)
        if wait_s > 0.0:
            self._wait_s = wait_s
            self._why = _bound_by_pace(wait_s, self.pace.rate)
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

    def _choose(self, now_s: float) -> str | Waiting | None:
        """Choose: the probe, then a retry that is due, then a fresh ID."""
        if self._room:
            wait_s = self._room.wait_s(now_s)
            if wait_s <= 0.0:
                return self._room.take(now_s)
            self._wait_s = wait_s
            self._why = Bound.RETRY
            if self._room.is_full:
                return None
        else:
            self._why = Bound.INPUT
        if self.feed.is_empty or not self._has_place():
            return None
        return self.feed.take()

    def _has_place(self) -> bool:
        """Take a place of ``--max-delete`` for a fresh ID; it keeps it until it ends."""
        deletes = self._control.deletes
        if deletes.unlimited:
            return True
        if deletes.has_place:
            deletes.reserve()
            return True
        if deletes.spent:
            self._control.stop_run(
                Stop(
                    StopCause.MAX_DELETE,
                    None,
                    f"{deletes.used:,} IDs are deleted, the most that --max-delete allows",
                    "Raise --max-delete to go on: the log resumes",
                )
            )
        return False

    # -- one attempt ------------------------------------------------------------------

    async def _attempt(self, taken: str | Waiting) -> None:
        """Send one request and settle what comes of it."""
        object_id = taken if isinstance(taken, str) else taken.object_id
        in_flight = self.in_flight
        sent_s = self._clock()
        answer: Answer | None = None
        error: TransportError | None = None
        try:
            answer = await self._transport.send(object_id)
        except TransportError as exc:
            error = exc
        finally:
            self.in_flight -= 1
        now_s = self._clock()
        if answer is None:
            self.pace.troubled(now_s, sent_s, in_flight)
            self._settle_unanswered(taken, error, sent_s, now_s)
        else:
            verdict = self._judge(object_id, answer)
            if verdict.meaning is not Meaning.DELETED:
                verdict = verdict.without(self.lane.api_key)
            self._tell_pace(verdict, answer, sent_s, now_s, in_flight)
            self._settle(taken, verdict, answer, sent_s, now_s)
        self.wake()

    def _tell_pace(
        self, verdict: Verdict, answer: Answer, sent_s: float, now_s: float, in_flight: int
    ) -> None:
        if verdict.meaning is Meaning.REFUSED:
            self.counts.refused += 1
            self.pace.refused(now_s, sent_s, in_flight, verdict, answer.headers)
        elif verdict.meaning is Meaning.TRANSIENT and answer.status >= 500:
            self.pace.troubled(now_s, sent_s, in_flight)
        else:
            self.pace.accepted(now_s, sent_s, in_flight, answer.headers)

    def _settle(
        self, taken: str | Waiting, verdict: Verdict, answer: Answer, sent_s: float, now_s: float
    ) -> None:
        """Decide what an answer leads to."""
        meaning = verdict.meaning
        if meaning is Meaning.DELETED and isinstance(taken, str):
            self._room.budget.earn()
            self._endings.end_deleted(taken, answer, now_s - sent_s)
        elif meaning is Meaning.DELETED or meaning is Meaning.GONE:
            self._room.budget.earn()
            self._endings.end(taken, Outcome(meaning.value), verdict, answer, now_s - sent_s)
        elif meaning is Meaning.FAILED:
            self.guard.failed()
            self._endings.end(taken, Outcome.FAILED, verdict, answer, now_s - sent_s)
        elif meaning is Meaning.REFUSED:
            self._refused(_as_waiting(taken), verdict, answer, sent_s, now_s)
        elif meaning.stops_lane:
            self._barred(_as_waiting(taken), verdict, now_s)
        else:
            self._troubled(_as_waiting(taken), verdict, answer, sent_s, now_s)

    def _settle_unanswered(
        self, taken: str | Waiting, error: TransportError | None, sent_s: float, now_s: float
    ) -> None:
        """Decide what a request without an answer leads to."""
        waiting = _as_waiting(taken)
        if isinstance(error, EndpointError):
            self._barred(waiting, Verdict(Meaning.ENDPOINT, message=str(error)), now_s)
            return
        waiting.unknown = waiting.unknown or isinstance(error, NoAnswerError)
        verdict = Verdict(Meaning.TRANSIENT, message=str(error))
        self._troubled(waiting, verdict, None, sent_s, now_s)

    # -- not ended yet ----------------------------------------------------------------

    def _refused(
        self, waiting: Waiting, verdict: Verdict, answer: Answer, sent_s: float, now_s: float
    ) -> None:
        """Send an ID again when the provider may take it."""
        self.guard.refused(now_s, verdict)
        waiting.refusals += 1
        wait_s = self._retry.wait_s(verdict, troubles=waiting.troubles, refusals=waiting.refusals)
        if wait_s is None:
            self._endings.end(waiting, Outcome.FAILED, verdict, answer, now_s - sent_s)
        else:
            self._room.put_back(waiting, now_s + wait_s)

    def _troubled(
        self,
        waiting: Waiting,
        verdict: Verdict,
        answer: Answer | None,
        sent_s: float,
        now_s: float,
    ) -> None:
        """Send an ID again later, or give it up if it alone is the trouble."""
        waiting.troubles += 1
        if answer is not None and (answer.status >= 500 or answer.status < 300):
            waiting.unknown = True  # it may have been carried out nevertheless
        wait_s = self._retry.wait_s(verdict, troubles=waiting.troubles, refusals=waiting.refusals)
        reason = verdict.message or (f"HTTP {answer.status}" if answer else "no answer")
        give_up = self.guard.trouble(
            now_s,
            waiting.object_id,
            reason,
            exhausted=wait_s is None,
            none_left=self._is_none_left(waiting),
        )
        if self.guard.gives_up:
            for other in self._room.take_all():
                self._endings.end(other, Outcome.FAILED, verdict, answer, now_s - sent_s)
        if give_up or self.guard.gives_up:
            self._endings.end(waiting, Outcome.FAILED, verdict, answer, now_s - sent_s)
            return
        if self.guard.held_for is not None:
            waiting.troubles -= 1  # the provider's fault, not the ID's
        self._room.put_back(waiting, now_s + (wait_s or 0.0))

    def _is_none_left(self, waiting: Waiting) -> bool:
        """Whether all IDs that are left have been tried as often as any may be."""
        if self.guard.held_for is None or self.in_flight or not self.feed.has_ended:
            return False
        most = self.lane.attempts_max
        return waiting.requests >= most and all(w.requests >= most for w in self._room.everyone())

    def _barred(self, waiting: Waiting, verdict: Verdict, now_s: float) -> None:
        """Keep an ID whose answer would hit every ID; the guard may ask it once more."""
        self.guard.barred(now_s, waiting.object_id, verdict)
        if self.guard.probe_id == waiting.object_id:
            self._room.keep_for_probe(waiting)
        else:
            self._room.put_back(waiting, now_s)


def _bound_by_pace(wait_s: float, rate: float) -> Bound:
    """Say what a pace that asks to wait is bound by: a pause is longer than its own step."""
    if wait_s == math.inf:
        return Bound.CONCURRENCY
    return Bound.RATE if wait_s <= 1.5 / rate + 0.05 else Bound.PAUSE


def _timer_s(wait_s: float) -> float:
    """Return how long to sleep for a wait: to just before a whole millisecond at or after it.

    uvloop's clock and timers have whole milliseconds. A deadline between two of them makes
    anyio's scope start its timer again and again until it is reached: 0.3 ms of CPU an ID.
    """
    return wait_s if wait_s == math.inf else math.ceil(wait_s * 1000) / 1000 - 0.0001


def _as_waiting(taken: str | Waiting) -> Waiting:
    return Waiting(taken) if isinstance(taken, str) else taken
