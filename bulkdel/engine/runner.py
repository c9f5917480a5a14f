"""Run one lane: send what it says may be sent, tell it what came back, wait in between.

    LaneWork.take ──ID──> worker ──send──> transport ──answer──> LaneWork.answered

What holds here, always:

1. At most ``concurrency`` requests are in flight: one per worker, and no more than the lane has places.
2. Between an answer and `LaneWork.answered` there is no `await`.
3. Every request that is counted as in flight is settled, or given back when it is cancelled.
4. What nobody expected ends its worker and drains the run; no other request is cancelled for it.

One worker at a time does the waiting; the others queue behind it. So there is no dispatcher
task, and no task, timer or queue operation per ID while nothing binds.

Not here: every decision (`lane`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import anyio
from anyio.abc import TaskGroup

from bulkdel.engine.bottleneck import Bound
from bulkdel.engine.gate import WriteGate
from bulkdel.engine.inquiry import Question
from bulkdel.engine.lane import LaneWork, Taken
from bulkdel.engine.snapshot import LaneSnapshot
from bulkdel.errors import HeldBackError, TransportError
from bulkdel.models import Answer
from bulkdel.providers import Operation
from bulkdel.transport import Transport


class LaneRunner:
    """One lane at work. Construct it, then `run` it once.

    Args:
        work: What the lane decides.
        transport: How its requests are sent.
        clock: Seconds, only going forward.
        open_any: Opens a transport for any operation, for the few requests of an inquiry.
    """

    def __init__(
        self,
        work: LaneWork,
        *,
        transport: Transport,
        clock: Callable[[], float],
        open_any: Callable[[Operation], AbstractAsyncContextManager[Transport]],
    ) -> None:
        self.work = work
        self._transport = transport
        self._clock = clock
        self._gate: WriteGate | None = None
        if work.lane.rate is not None:
            self._have_gate()
        self._open = open_any
        self._dispatch_lock = anyio.Lock(fast_acquire=True)
        self._changed: anyio.Event | None = None
        self._workers: TaskGroup | None = None
        self._worker_count = 0

    async def run(self) -> None:
        """Work until every ID has ended, or the lane must stop."""
        self.work.queue.wake = self.wake
        self.work.control.deletes.on_change(self.wake)
        async with anyio.create_task_group() as self._workers:
            self._start_workers()
        self._workers = None
        self.work.finish()

    def _start_workers(self) -> None:
        """Have a worker for each request that may be in flight."""
        while self._workers is not None and self._worker_count < self.work.lane.concurrency:
            self._workers.start_soon(self._work)
            self._worker_count += 1

    def drain(self) -> None:
        """Take no more IDs; what is in flight is finished."""
        self.work.draining = True
        self._have_gate().close()
        self.wake()

    def wake(self) -> None:
        """Look again whether an ID may be sent."""
        if self._changed is not None:
            self._changed.set()

    def set_rate(self, rate: float | None) -> None:
        """Send at ``rate`` requests per second from now on; None finds the limit again."""
        if rate != self.work.lane.rate:
            self._have_gate().set_rate(self.work.lane.ceiling if rate is None else rate)
        self.work.set_rate(rate, self._clock())
        self.wake()

    def set_concurrency(self, concurrency: int) -> None:
        """Have so many requests in flight at most from now on."""
        self.work.set_concurrency(concurrency, self._clock())
        if not self.work.is_done:
            self._start_workers()
        self.wake()

    def pause(self) -> None:
        """Send nothing until `resume`; what is in flight is finished."""
        self.work.pause(self._clock())
        self._have_gate().hold(held=True)
        self.wake()

    def resume(self) -> None:
        """Go on after a `pause`."""
        self.work.resume(self._clock())
        self._have_gate().hold(held=False)
        self.wake()

    def _have_gate(self) -> WriteGate:
        """Return the gate of the lane; from now on it is asked."""
        if self._gate is None:
            lane = self.work.lane
            rate = lane.ceiling if lane.rate is None else lane.rate
            self._gate = self._transport.gate = WriteGate(rate, self._clock)
        return self._gate

    def snapshot(self) -> LaneSnapshot:
        """Return how the lane is going."""
        return self.work.snapshot(self._clock())

    async def _work(self) -> None:
        try:
            while True:
                taken = self.work.take(self._clock()) or await self._next()
                if taken is None:
                    return
                await self._attempt(taken)
        except Exception as exc:  # noqa: BLE001 - leaving it would cancel all that is in flight
            self.work.control.break_off(exc)

    async def _next(self) -> Taken | None:
        """Wait for the next ID; None if there is none to come."""
        work = self.work
        if work.is_done:
            return None
        async with self._dispatch_lock:
            while True:
                now_s = self._clock()
                taken = work.take(now_s)
                if taken is not None or work.is_done:
                    work.ledger.note(Bound.BUSY, now_s)
                    return taken
                work.ledger.note(work.bound, now_s)
                self._changed = anyio.Event()
                with anyio.move_on_after(_timer_s(work.wait_s)):
                    await self._changed.wait()
                self._changed = None

    async def _attempt(self, taken: Taken) -> None:
        """Send one request and have its answer settled."""
        work = self.work
        in_flight = work.in_flight
        sent_s = self._clock()
        try:
            if isinstance(taken, str):
                answer = await self._transport.send(taken)
            elif isinstance(taken, Question):
                answer = await self._ask(taken)
            else:
                answer = await self._transport.send(taken.object_id)
        except HeldBackError as exc:
            work.held_back(taken, exc, sent_s, self._clock(), in_flight)
        except TransportError as exc:
            work.unanswered(taken, exc, sent_s, self._clock(), in_flight)
        except BaseException:
            work.abandoned()
            raise
        else:
            work.answered(taken, answer, sent_s, self._clock(), in_flight)
        self.wake()

    async def _ask(self, question: Question) -> Answer:
        """Send on a connection of its own: it is closed at once, since few are asked."""
        async with self._open(question.operation) as transport:
            return await transport.send(question.object_id)


def _timer_s(wait_s: float) -> float:
    """Return how long to sleep for a wait: to just before a whole millisecond at or after it.

    uvloop's clock and timers have whole milliseconds. A deadline between two of them makes
    anyio's scope start its timer again and again until it is reached: 0.3 ms of CPU an ID.
    """
    return wait_s if wait_s == math.inf else math.ceil(wait_s * 1000) / 1000 - 0.0001
