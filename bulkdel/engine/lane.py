"""One lane, decided: which ID may be sent now, and what its answer leads to.

    queue ──take──> (sent by `runner`) ──answered, unanswered──> Recorder ──> result log
               ^                                    │
               └────────── RetryQueue <─────────────┘  IDs between two attempts

What holds here, always:

1. Every ID that is taken ends as exactly one result line, unless the lane stops early; an
   ID without a line is still to do.
2. Nothing waits, sends or reads a clock: the time is an argument. So a test, the
   simulation and a benchmark drive the very lane that a run does.
3. Between an answer and its line in the log nothing else can happen. The one exception are
   the few results that `recorder` holds back while they are doubted.

`take` says which ID may be sent now, or leaves in `wait_s` how long there will be none, and
in `bound` why.

Not here: waiting and sending (`runner`), what an answer means (`providers`), when to try
again (`retry`), how fast to go (`pacing`), when to stop (`guards`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from bulkdel.engine.bottleneck import Bound, Ledger
from bulkdel.engine.queue import LaneQueue
from bulkdel.engine.recorder import Recorder, RunControl
from bulkdel.engine.retry_queue import RetryQueue, Waiting
from bulkdel.engine.sink import Sink
from bulkdel.engine.snapshot import LaneSnapshot
from bulkdel.errors import EndpointError, NoAnswerError, TransportError
from bulkdel.guards import LaneGuard, Stop, StopCause
from bulkdel.models import Answer, Counts, Meaning, Outcome, Verdict
from bulkdel.pacing import Pace
from bulkdel.pacing.choose import make_pace
from bulkdel.pacing.estimate import LimitEstimate
from bulkdel.retry import RetryPolicy
from bulkdel.settings import Lane

RETRIES_PER_PLACE: Final = 4
"""IDs that may wait for another attempt, per place in flight."""

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
    ) -> None:
        self.lane = lane
        self.queue = queue
        self.guard = guard
        self.counts = counts
        self.control = control
        self.pace = pace(lane, learned)
        self.in_flight = 0
        """Requests that were sent and have no answer yet."""
        self.wait_s = 0.0
        """After `take` has found nothing: seconds until it may find something, if nothing
        changes."""
        self.bound = Bound.INPUT
        """What kept `take` from finding something."""
        self.draining = False
        self.ledger = Ledger()
        self._judge = lane.resource.delete.judge
        self._make_pace = pace
        self._learned = learned
        self._sink = sink
        self._retry = retry
        self._recorder = Recorder(
            lane.name,
            sink=sink,
            guard=guard,
            control=control,
            counts=counts,
            wall_clock=wall_clock,
        )
        self._retries = RetryQueue(RETRIES_PER_PLACE * lane.concurrency)
        self._good_s = -math.inf
        """When the newest request was sent whose answer shows that the provider works."""
        self._suspects: list[tuple[Waiting, Verdict, Answer | None, float]] = []
        """IDs without an attempt left, while no request that was sent after their trouble began has
        gone well: it may be an outage. The next answers tell; there are no more than in flight."""

    @property
    def learned(self) -> LimitEstimate | None:
        """What is known of the provider's limit: found now, or by an earlier run or pace."""
        return self.pace.learned() or self._learned

    @property
    def is_done(self) -> bool:
        """Whether nothing more will be sent."""
        if self.draining or self.guard.stop is not None:
            return True
        return not self.in_flight and not self._retries and self.queue.has_ended

    def set_rate(self, rate: float | None) -> None:
        """Send at ``rate`` requests per second from now on; None finds the limit again.

        What was learned of the limit is kept: a fixed rate finds out nothing new.
        """
        self._learned = self.learned
        self.pace = self._make_pace(replace(self.lane, rate=rate), self._learned)

    def finish(self) -> None:
        """End the lane: believe what was doubted if all was done, free what others may use."""
        if not self.draining and self.guard.stop is None:
            self._good_s = math.inf  # nothing is left that could tell
            self._give_suspects_up()
            self._recorder.believe_all()
        for waiting in self._retries.everyone():  # other lanes may need their places
            if not self.control.deletes.unlimited:
                self.control.deletes.release(deleted=waiting.unknown)

    def snapshot(self, now_s: float) -> LaneSnapshot:
        """Return how it is going."""
        return LaneSnapshot(
            lane=self.lane.name,
            counts=replace(self.counts),
            in_flight=self.in_flight,
            waiting=len(self._retries),
            waiting_s=max(0.0, self._retries.last_due_s() - now_s),
            rate=self.pace.rate,
            next_place_s=self.pace.wait_s(now_s, 0),
            learned=self.learned,
            held_for=self.guard.held_for,
            stop=self.guard.stop,
            bound_s=self.ledger.seconds(now_s),
        )

    # -- which ID is next, and when ---------------------------------------------------

    def take(self, now_s: float) -> str | Waiting | None:
        """Return an ID that may be sent at this instant and count it as in flight.

        Returns None if there is none, and says in `wait_s` how long that lasts at least,
        unless something changes, and in `bound` what it is that binds.
        """
        self.wait_s = math.inf
        if self.draining or self.guard.stop is not None or not self._sink.has_room:
            self.bound = Bound.LOG
            return None
        if not self.guard.is_free:
            wait_s = self.guard.wait_s(now_s, self.in_flight)
            if wait_s > 0.0:
                self.wait_s = wait_s
                self.bound = Bound.PAUSE
                return None
        wait_s = self.pace.wait_s(now_s, self.in_flight)
        if wait_s > 0.0:
            self.wait_s = wait_s
            self.bound = _bound_by_pace(wait_s, self.pace.rate)
            return None
        taken = self._choose(now_s)
        if taken is None:
            return None
        self.in_flight += 1
        self.counts.requests += 1
        self.pace.sent(now_s, self.in_flight)
        if not self.guard.is_free:
            self.guard.sent()
        return taken

    def _choose(self, now_s: float) -> str | Waiting | None:
        """Choose: the probe, then a retry that is due, then a fresh ID."""
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
        if self.queue.is_empty or not self._has_place():
            return None
        return self.queue.take()

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
                    f"{deletes.used:,} IDs are deleted, the most that --max-delete allows",
                    "Raise --max-delete to go on: the log resumes",
                )
            )
        return False

    # -- what came back ---------------------------------------------------------------

    def answered(
        self, taken: str | Waiting, answer: Answer, sent_s: float, now_s: float, in_flight: int
    ) -> None:
        """Settle an answer to a request that left at ``sent_s``.

        ``in_flight`` is the number that were in flight then, itself included.
        """
        self.in_flight -= 1
        object_id = taken if isinstance(taken, str) else taken.object_id
        verdict = self._judge(object_id, answer)
        if verdict.meaning is not Meaning.DELETED:
            verdict = verdict.without(self.lane.api_key)
        self._tell_pace(verdict, answer, sent_s, now_s, in_flight)
        self._settle(taken, verdict, answer, sent_s, now_s)

    def unanswered(
        self,
        taken: str | Waiting,
        error: TransportError,
        sent_s: float,
        now_s: float,
        in_flight: int,
    ) -> None:
        """Settle a request without an answer."""
        self.in_flight -= 1
        self.pace.troubled(now_s, sent_s, in_flight)
        waiting = _as_waiting(taken)
        if isinstance(error, EndpointError):
            self._fatal(waiting, Verdict(Meaning.ENDPOINT, message=str(error)), now_s)
            return
        waiting.unknown = waiting.unknown or isinstance(error, NoAnswerError)
        verdict = Verdict(Meaning.TRANSIENT, message=str(error))
        self._transient(waiting, verdict, None, sent_s, now_s)

    def abandoned(self) -> None:
        """Note that a request was cancelled: its ID is still to do."""
        self.in_flight -= 1

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
        if meaning is Meaning.DELETED or meaning is Meaning.GONE or meaning is Meaning.FAILED:
            self._good_s = max(self._good_s, sent_s)
            if self._suspects:
                self._give_suspects_up()
        if meaning is Meaning.DELETED and isinstance(taken, str):
            self._retries.budget.earn()
            self._recorder.end_deleted(taken, answer, now_s - sent_s)
        elif meaning is Meaning.DELETED or meaning is Meaning.GONE:
            self._retries.budget.earn()
            self._recorder.end(taken, Outcome(meaning.value), verdict, answer, now_s - sent_s)
        elif meaning is Meaning.FAILED:
            self.guard.failed()
            self._recorder.end(taken, Outcome.FAILED, verdict, answer, now_s - sent_s)
        elif meaning is Meaning.REFUSED:
            self._refused(_as_waiting(taken), verdict, answer, sent_s, now_s)
        elif meaning.is_fatal:
            self._fatal(_as_waiting(taken), verdict, now_s)
        else:
            self._transient(_as_waiting(taken), verdict, answer, sent_s, now_s)

    # -- not ended yet ----------------------------------------------------------------

    def _refused(
        self, waiting: Waiting, verdict: Verdict, answer: Answer, sent_s: float, now_s: float
    ) -> None:
        """Send an ID again when the provider may take it."""
        self.guard.refused(now_s, verdict)
        waiting.refusals += 1
        wait_s = self._retry.wait_s(
            verdict, transients=waiting.transients, refusals=waiting.refusals
        )
        if wait_s is None:
            self._recorder.end(waiting, Outcome.FAILED, verdict, answer, now_s - sent_s)
        else:
            self._retries.put_back(waiting, now_s + wait_s)

    def _transient(
        self,
        waiting: Waiting,
        verdict: Verdict,
        answer: Answer | None,
        sent_s: float,
        now_s: float,
    ) -> None:
        """Send an ID again later, or give it up if it alone is the trouble."""
        waiting.transients += 1
        if waiting.transients == 1:
            waiting.troubled_s = sent_s
        if answer is not None and (answer.status >= 500 or answer.status < 300):
            waiting.unknown = True  # it may have been carried out nevertheless
        wait_s = self._retry.wait_s(
            verdict, transients=waiting.transients, refusals=waiting.refusals
        )
        reason = verdict.message or (f"HTTP {answer.status}" if answer else "no answer")
        give_up = self.guard.transient(
            now_s,
            waiting.object_id,
            reason,
            exhausted=wait_s is None,
            none_left=self._is_none_left(waiting),
        )
        if self.guard.gives_up:
            for other in self._retries.take_all():
                self._recorder.end(other, Outcome.FAILED, verdict, answer, now_s - sent_s)
        if give_up and self._good_s <= waiting.troubled_s and self.control.deletes.unlimited:
            self._suspects.append((waiting, verdict, answer, now_s - sent_s))
            return
        if give_up or self.guard.gives_up:
            self._recorder.end(waiting, Outcome.FAILED, verdict, answer, now_s - sent_s)
            return
        if self.guard.held_for is not None:
            waiting.transients -= 1  # the provider's fault, not the ID's
            self._clear_suspects(now_s)
        self._retries.put_back(waiting, now_s + (wait_s or 0.0))

    def _give_suspects_up(self) -> None:
        """End the IDs that alone were the trouble."""
        suspects, self._suspects = self._suspects, []
        for suspect in suspects:
            waiting, verdict, answer, took_s = suspect
            if self._good_s > waiting.troubled_s:
                self._recorder.end(waiting, Outcome.FAILED, verdict, answer, took_s)
            else:
                self._suspects.append(suspect)

    def _clear_suspects(self, now_s: float) -> None:
        """Send the IDs again that an outage has met."""
        suspects, self._suspects = self._suspects, []
        for waiting, *_ in suspects:
            waiting.transients -= 1
            self._retries.put_back(waiting, now_s)

    def _is_none_left(self, waiting: Waiting) -> bool:
        """Whether all IDs that are left have been tried as often as any may be."""
        if self.guard.held_for is None or self.in_flight or not self.queue.has_ended:
            return False
        most = self.lane.attempts_max
        return waiting.requests >= most and all(
            w.requests >= most for w in self._retries.everyone()
        )

    def _fatal(self, waiting: Waiting, verdict: Verdict, now_s: float) -> None:
        """Keep an ID whose answer would hit every ID; the guard may ask it once more."""
        self.guard.fatal(now_s, waiting.object_id, verdict)
        if self.guard.probe_id == waiting.object_id:
            self._retries.keep_for_probe(waiting)
        else:
            self._retries.put_back(waiting, now_s)


def _bound_by_pace(wait_s: float, rate: float) -> Bound:
    """Say what a pace that asks to wait is bound by: a pause is longer than its own step."""
    if wait_s == math.inf:
        return Bound.CONCURRENCY
    return Bound.RATE if wait_s <= 1.5 / rate + 0.05 else Bound.PAUSE


def _as_waiting(taken: str | Waiting) -> Waiting:
    return Waiting(taken) if isinstance(taken, str) else taken
