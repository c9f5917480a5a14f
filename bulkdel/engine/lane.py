"""One lane, decided: which request may be sent now, and who hears of its answer.

    queue ──take──> (sent by `runner`) ──answered, unanswered──> Settling ──> result log
               ^                                    │
               └────────── RetryQueue <─────────────┘  IDs between two attempts

What holds here, always:

1. Every ID that is taken ends as exactly one result line, unless the lane stops early; an
   ID without a line is still to do.
2. Nothing waits, sends or reads a clock: the time is an argument. So a test, the
   simulation and a benchmark drive the very lane that a run does.
3. Between an answer and its line in the log nothing else can happen. The one exception are
   the few results that `recorder` holds back while they are doubted.

Not here: waiting and sending (`runner`), what an answer means (`providers`) and leads to
(`settling`), how fast to go (`pacing`), when to stop (`guards`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from bulkdel.engine.bottleneck import Bound, Ledger, bound_by_pace
from bulkdel.engine.comparison import Comparer
from bulkdel.engine.inquiry import Question
from bulkdel.engine.look import LOOKS_MAX
from bulkdel.engine.queue import LaneQueue
from bulkdel.engine.recorder import Recorder, RunControl
from bulkdel.engine.retry_queue import RetryQueue, Waiting
from bulkdel.engine.settling import Settling
from bulkdel.engine.sink import Sink
from bulkdel.engine.snapshot import LaneSnapshot
from bulkdel.errors import TransportError
from bulkdel.guards import LaneGuard, Stop, StopCause
from bulkdel.models import RETRY_AFTER_MAX_S, Answer, Counts, Meaning, Verdict
from bulkdel.pacing import Pace
from bulkdel.pacing.choose import make_pace
from bulkdel.pacing.estimate import LimitEstimate
from bulkdel.pacing.fixed import FixedPace
from bulkdel.pacing.headers import spent_for_s
from bulkdel.retry import RetryPolicy
from bulkdel.settings import Lane

RETRIES_PER_PLACE: Final = 4
"""IDs that may wait for another attempt, per place in flight."""

Taken = str | Waiting | Question
"""What may be sent: a fresh ID, one after its first attempt, or a request of an inquiry."""

MakePace = Callable[[Lane, LimitEstimate | None], Pace]
"""Makes the pace of a lane, from its settings and from what is known of its limit."""


class LaneWork:
    """What one lane has in hand, and what it decides. `LaneRunner` acts on it.

    Args:
        lane: Its settings.
        queue: Where its IDs come from.
        sink: Where results go.
        guard: When to stop.
        control: What it shares with the other lanes.
        retry: When to try again.
        counts: What has happened so far; counted here.
        wall_clock: Seconds since 1970, for the log alone.
        learned: What an earlier run found out about the provider's limit.
        pace: Makes its pace; again when `set_rate` changes the rate.
        comparer: Settles what a 404 in unknown words means.
        unknown: IDs that an earlier run may have deleted: each has a place of ``--max-delete``.
    """

    def __init__(
        self,
        lane: Lane,
        *,
        queue: LaneQueue,
        sink: Sink,
        guard: LaneGuard,
        control: RunControl,
        retry: RetryPolicy,
        counts: Counts,
        wall_clock: Callable[[], float],
        learned: LimitEstimate | None = None,
        pace: MakePace = make_pace,
        comparer: Comparer | None = None,
        unknown: set[str] | None = None,
    ) -> None:
        self.lane = lane
        self.queue = queue
        self.guard = guard
        self.counts = counts
        self.control = control
        self.pace = pace(lane, learned)
        self.in_flight = 0
        """Requests that were sent and have no answer yet."""
        self.places = lane.concurrency
        """Most requests in flight; 0 while the user has paused it."""
        self.wait_s = 0.0
        """After `take` has found nothing: seconds until it may find something, if nothing
        changes."""
        self.bound = Bound.INPUT
        """What kept `take` from finding something."""
        self.draining = False
        self.orders = 0
        """How often the user has steered it."""
        self._paused_s: float | None = None
        self.left_unknown: list[str] = []
        """After `finish`: IDs that are still to do and may be deleted already."""
        self.ledger = Ledger()
        self._judge = lane.resource.delete.judge
        self._unknown = unknown or set()
        self._make_pace = pace
        self._pace_places = lane.concurrency
        self._pace_from_s = -math.inf
        """When the pace may begin: one that was before it may have had to wait."""
        self._learned = learned
        self._sink = sink
        self._retries = RetryQueue(RETRIES_PER_PLACE * lane.concurrency)
        recorder = Recorder(
            lane.name,
            sink=sink,
            guard=guard,
            control=control,
            counts=counts,
            wall_clock=wall_clock,
        )
        self._settling = Settling(
            lane,
            guard=guard,
            recorder=recorder,
            retries=self._retries,
            retry=retry,
            note=control.note,
            keep=self.queue.keep,
            comparer=comparer,
        )

    @property
    def learned(self) -> LimitEstimate | None:
        """What is known of the provider's limit: found now, or by an earlier run or pace."""
        return self.pace.learned() or self._learned

    @property
    def is_done(self) -> bool:
        """Whether nothing more will be sent."""
        if self.draining or self.guard.stop is not None:
            return True
        if self.in_flight or self._retries or not self.queue.has_ended:
            return False
        return self._settling.accused.held is None and self.guard.accusation is None

    def has_id(self, by_s: float) -> bool:
        """Say whether an ID is there that could be sent by then, and its result be taken."""
        if not self._sink.has_room:
            return False
        due = bool(self._retries) and self._retries.wait_s(by_s) <= 0.0
        return due or not self.queue.is_empty

    def set_rate(self, rate: float | None, now_s: float) -> None:
        """Send at ``rate`` requests per second from now on; None finds the limit again.

        What was learned of the limit is kept: a fixed rate finds out nothing new.
        """
        self.orders += 1
        if rate == self.lane.rate:
            return
        self.lane = replace(self.lane, rate=rate)
        self._renew_pace(now_s)

    def set_concurrency(self, concurrency: int, now_s: float) -> None:
        """Have so many requests in flight at most from now on."""
        self.lane = replace(self.lane, concurrency=concurrency)
        self.orders += 1
        if self._paused_s is None:
            self.places = concurrency
        # Fewer places are kept without a pace that knows it, and a fixed rate knows of none.
        if concurrency > self._pace_places and self.lane.rate is None:
            self._renew_pace(now_s)
        self._retries.resize(RETRIES_PER_PLACE * concurrency)

    def _renew_pace(self, now_s: float) -> None:
        """Have another pace; its first place is not before the next one of the old pace.

        Else each order would give a place away, and a Retry-After would be forgotten.
        """
        old = self.pace
        self._learned = self.learned
        self._pace_places = self.lane.concurrency
        self.pace = self._make_pace(self.lane, self._learned)
        if isinstance(old, FixedPace):
            old.set_rate(self.pace.rate)
        wait_s = max(old.wait_s(now_s, 0), self._pace_from_s - now_s)
        self._pace_from_s = now_s + min(wait_s, RETRY_AFTER_MAX_S)

    @property
    def is_paused(self) -> bool:
        """Whether the user has paused it."""
        return self._paused_s is not None

    def pause(self, now_s: float) -> None:
        """Send nothing until `resume`; what is in flight is finished."""
        self.orders += 1
        if self._paused_s is None:
            self._paused_s = now_s
            self.places = 0

    def resume(self, now_s: float) -> None:
        """Go on after a `pause`: as if the time between had not been."""
        self.orders += 1
        if self._paused_s is not None:
            self.guard.slept(self._paused_s, now_s)
            self._paused_s = None
            self.places = self.lane.concurrency

    def finish(self) -> None:
        """End the lane: believe what was doubted if all was done, free what others may use."""
        self._settling.finish(early=self.draining or self.guard.stop is not None)
        self.left_unknown += self._settling.left_unknown()
        for waiting in self._retries.everyone():
            if waiting.unknown:
                self.left_unknown.append(waiting.object_id)
            if not self.control.deletes.unlimited:  # other lanes may need their places
                self.control.deletes.release(deleted=waiting.unknown)

    def snapshot(self, now_s: float) -> LaneSnapshot:
        """Return how it is going."""
        budget = self.pace.budget
        return LaneSnapshot(
            lane=self.lane.name,
            counts=replace(self.counts),
            in_flight=self.in_flight,
            waiting=len(self._retries) + (self._settling.accused.held is not None),
            waiting_s=max(0.0, self._retries.last_due_s() - now_s),
            rate=self.pace.rate,
            next_place_s=max(self.pace.wait_s(now_s, 0), self._pace_from_s - now_s),
            places=self.lane.concurrency,
            paused=self.is_paused,
            orders=self.orders,
            budget_left=None if budget is None else budget.left,
            budget_renewed_s=0.0 if budget is None else max(0.0, budget.renewed_at_s - now_s),
            learned=self.learned,
            held_for=self.guard.held_for,
            asks_again_s=self.guard.asks_again_s(now_s),
            ended=self.is_done and not self.in_flight,
            stop=self.guard.stop,
            bound_s=self.ledger.seconds(now_s),
        )

    # -- which ID is next, and when ---------------------------------------------------

    def take(self, now_s: float) -> Taken | None:
        """Return an ID that may be sent at this instant and count it as in flight.

        Returns None if there is none, and says in `wait_s` how long that lasts at least,
        unless something changes, and in `bound` what it is that binds.
        """
        self.wait_s = math.inf
        if self.draining or self.guard.stop is not None or not self._sink.has_room:
            self.bound = Bound.LOG
            return None
        if self.in_flight >= self.places:
            self.bound = Bound.USER if self.is_paused else Bound.CONCURRENCY
            return None
        if not self.guard.is_free:
            wait_s = self.guard.wait_s(now_s, self.in_flight)
            if wait_s > 0.0:
                self.wait_s = wait_s
                self.bound = Bound.CONCURRENCY if self.guard.held_for is None else Bound.HELD
                return None
        wait_s = self.pace.wait_s(now_s, self.in_flight)
        if now_s < self._pace_from_s:
            wait_s = max(wait_s, self._pace_from_s - now_s)
        if wait_s > 0.0:
            self.wait_s = wait_s
            self.bound = bound_by_pace(wait_s, self.pace.rate)
            return None
        taken = self._choose_next(now_s) if self.guard.is_free else self._choose(now_s)
        if taken is None:
            return None
        self.in_flight += 1
        self.counts.requests += 1
        self.pace.sent(now_s, self.in_flight)
        if not self.guard.is_free:
            self.guard.sent()
        return taken

    def _choose(self, now_s: float) -> Taken | None:
        """Choose, while the lane is not free: first what an inquiry asks, or who fails alone."""
        proof_id = self._settling.proof_id
        if self.guard.is_looking and self._settling.inquiry is None:
            if proof_id is not None and self._has_place() and self.queue.drop(proof_id):
                return self._fresh(proof_id)
            some = self.queue.some(LOOKS_MAX)
            self._settling.look(some, may_come=not self.queue.has_ended)
        inquiry = self._settling.inquiry
        if self.guard.is_looking or inquiry is not None:
            self.bound = Bound.HELD
            if inquiry is None:  # there is no ID to look at yet
                return None
            self.wait_s = inquiry.due_s - now_s
            return inquiry.question if self.wait_s <= 0.0 else None
        if self.guard.accusation is not None:
            return self._choose_other(now_s)
        return self._choose_next(now_s)

    def _choose_next(self, now_s: float) -> Taken | None:
        """Choose the probe, a retry that is due, then a fresh ID; in an outage by turns."""
        if not self.guard.is_free and self.guard.wants_fresh:
            other = self._fresh_or_known()
            if other is not None:
                return other
        if self._retries:
            wait_s = self._retries.wait_s(now_s)
            if wait_s <= 0.0:
                return self._retries.take(now_s)
            self.wait_s = wait_s
            self.bound = Bound.RETRY
            if self._retries.is_full:
                return None
        else:
            self.bound = Bound.INPUT
        if not self.control.deletes.unlimited and (self.queue.is_empty or not self._has_place()):
            return None
        object_id = self.queue.take()
        return self._fresh(object_id) if self._unknown else object_id

    def _choose_other(self, now_s: float) -> Taken | None:
        """Choose an ID that shows whether the accused one fails alone.

        One that waits for another attempt comes last: it may have its own trouble.
        """
        self.bound = Bound.HELD
        other = self._fresh_or_known()
        if other is None and self._retries:
            self.wait_s = self._retries.other_wait_s(now_s)
            other = self._retries.take_other(now_s)
        elif other is None and (self.queue.has_ended or not self.control.deletes.has_place):
            # With --max-delete the accused may have the last place, and others wait for it.
            self._settling.accused.no_other()
        return other

    def _fresh_or_known(self) -> Taken | None:
        """Take an ID that was never sent, or ask for one that this run has deleted."""
        if not self.queue.is_empty and self._has_place():
            return self._fresh(self.queue.take_apart())
        return self._settling.accused.ask_known()

    def _fresh(self, object_id: str | None) -> Taken | None:
        """Return an ID of the queue as it is to be sent: an earlier run may have deleted it.

        Then it has taken a place already, and what it was given now is that one.
        """
        if object_id not in self._unknown:
            return object_id
        self._unknown.discard(object_id)
        self.control.deletes.used -= 1
        return Waiting(object_id, unknown=True)

    def _has_place(self) -> bool:
        """Take a place of ``--max-delete`` for a fresh ID; it keeps it until it ends."""
        deletes = self.control.deletes
        if deletes.unlimited:
            return True
        if deletes.has_place:
            deletes.reserve()
            return True
        if deletes.spent:
            self.control.stop_run(
                Stop(
                    StopCause.MAX_DELETE,
                    None,
                    f"{deletes.used:,} IDs are deleted, or may be,"
                    " the most that --max-delete allows",
                    "Raise --max-delete to go on: the log resumes",
                )
            )
        return False

    # -- what came back ---------------------------------------------------------------

    def answered(
        self, taken: Taken, answer: Answer, sent_s: float, now_s: float, in_flight: int
    ) -> None:
        """Settle an answer to a request that left at ``sent_s``.

        ``in_flight`` is the number that were in flight then, itself included.
        """
        self.in_flight -= 1
        if isinstance(taken, Question):
            answer = answer.without(self.lane.secret)
            verdict = taken.operation.judge(taken.object_id, answer)
            self._tell_pace(verdict, answer, sent_s, now_s, in_flight)
            self._settling.inquiry_answered(taken, verdict, answer, sent_s, now_s)
            return
        object_id = taken if isinstance(taken, str) else taken.object_id
        verdict = self._judge(object_id, answer)
        if taken is object_id and self.guard.is_free and verdict.meaning is Meaning.DELETED:
            self.pace.accepted(now_s, sent_s, in_flight, answer.headers)
            self._settling.deleted(object_id, answer, sent_s, now_s)
            return
        if verdict.meaning is not Meaning.DELETED:
            verdict = self._settling.read(object_id, answer, verdict)
        if verdict.meaning is Meaning.REFUSED and verdict.retry_after_s is None:
            verdict = replace(verdict, retry_after_s=spent_for_s(answer.headers))
        self._tell_pace(verdict, answer, sent_s, now_s, in_flight)
        self._settling.settle(taken, verdict, answer, sent_s, now_s, is_last=self._is_last)

    def unanswered(
        self, taken: Taken, error: TransportError, sent_s: float, now_s: float, in_flight: int
    ) -> None:
        """Settle a request without an answer; the arguments as for `answered`."""
        self.in_flight -= 1
        self.pace.troubled(now_s, sent_s, in_flight)
        if isinstance(taken, Question):
            self._settling.inquiry_unanswered(taken, error, now_s)
        else:
            self._settling.unanswered(taken, error, sent_s, now_s, is_last=self._is_last)

    def held_back(
        self, taken: Taken, error: TransportError, sent_s: float, now_s: float, in_flight: int
    ) -> None:
        """Take back what was taken and never sent; the arguments as for `unanswered`."""
        self.counts.requests -= 1
        if isinstance(taken, Question):  # an inquiry waits for what comes of it
            self.unanswered(taken, error, sent_s, now_s, in_flight)
            return
        self.in_flight -= 1
        waiting = Waiting(taken) if isinstance(taken, str) else taken
        waiting.requests -= 1
        if waiting.object_id == self.guard.probe_id:
            self._retries.keep_for_probe(waiting)
        else:
            self._retries.put_back(waiting, now_s)

    def abandoned(self) -> None:
        """Note that a request was cancelled: its ID is still to do."""
        self.in_flight -= 1

    @property
    def _is_last(self) -> bool:
        """Whether no other request is in flight, and no fresh ID will come."""
        return not self.in_flight and self.queue.has_ended

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
