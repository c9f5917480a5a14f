"""What a verdict leads to: the end of an ID, another attempt, or a question to the endpoint.

    verdict ──ends its ID──> Recorder ──> result log
       ├─────to be sent again──> RetryQueue, or Transients
       └─────would hit every ID──> the guard holds the lane, which asks again, then an Inquiry,
                                   then other IDs: the ID is Accused, and fails alone or not at all

What holds here, always:

1. Every ID ends in the recorder or waits in the retry queue, and only once.
2. What would hit every ID ends none: it is still to do when the lane stops. An ID ends as failed
   if other IDs go well.

Not here: what may be sent when (`lane`), when to try again (`retry`), when to stop (`guards`),
what an answer means (`providers`), what an unknown one is compared with (`comparison`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from bulkdel.engine.accused import Accused
from bulkdel.engine.comparison import Comparer, Comparison
from bulkdel.engine.inquiry import Question
from bulkdel.engine.look import Look
from bulkdel.engine.recorder import Recorder
from bulkdel.engine.retry_queue import RetryQueue, Waiting
from bulkdel.engine.suspects import Suspect
from bulkdel.engine.transients import Transients
from bulkdel.errors import EndpointError, TransportError
from bulkdel.guards import LaneGuard
from bulkdel.models import Answer, Meaning, Outcome, Verdict
from bulkdel.retry import RetryPolicy
from bulkdel.settings import Lane


class Settling:
    """Settles the answers of one lane.

    Args:
        lane: Its settings.
        guard: When to stop.
        recorder: Where IDs end.
        retries: Where they wait for another attempt.
        retry: When to try again.
        note: Called with what a person should know, a sentence.
        keep: Called with an ID that a look has shown to be there: it is to be sent last.
        comparer: Settles what a 404 in unknown words means; without it, the lane stops.
    """

    def __init__(
        self,
        lane: Lane,
        *,
        guard: LaneGuard,
        recorder: Recorder,
        retries: RetryQueue,
        retry: RetryPolicy,
        note: Callable[[str], None],
        keep: Callable[[str], None],
        comparer: Comparer | None = None,
    ) -> None:
        self.inquiry: Comparison | Look | None = None
        """What is asked beside the IDs, before any of them."""
        self.proof_id: str | None = None
        """The ID that a look has shown to be there: its deletion must be asked for next."""
        self.accused = Accused(
            lane.resource.delete, guard=guard, recorder=recorder, retries=retries, read=self.read
        )
        self._transients = Transients(
            lane.attempts_max, guard=guard, recorder=recorder, retries=retries, retry=retry
        )
        self._lane = lane
        self._guard = guard
        self._recorder = recorder
        self._retries = retries
        self._retry = retry
        self._note = note
        self._keep = keep
        self._comparer = comparer

    def finish(self, *, early: bool) -> None:
        """End the lane; ``early`` says that IDs are left."""
        self.accused.drop()
        if early:
            self._transients.drop()
            self._recorder.finish_early()
        else:
            self._transients.finish()
            self._recorder.finish()

    def left_unknown(self) -> list[str]:
        """Return IDs that may be deleted and whose results are not believed."""
        return self._recorder.left_unknown()

    def read(self, object_id: str, answer: Answer, verdict: Verdict) -> Verdict:
        """Return a verdict with what is known in this run alone, without the key."""
        if verdict.unread and self._comparer is not None:
            verdict = self._comparer.read(object_id, answer, verdict)
        shown = answer.without(self._lane.secret)
        if shown is answer:
            return verdict
        return verdict.in_words_of(self._lane.resource.delete.judge(object_id, shown))

    def deleted(self, object_id: str, answer: Answer, sent_s: float, now_s: float) -> None:
        """Settle the usual answer, while the lane is free: deleted at the first attempt.

        The same as `settle`, without what only others need.
        """
        self._transients.good(sent_s)
        self._retries.budget.earn()
        self._recorder.end_deleted(object_id, answer, sent_s, now_s)

    def settle(
        self,
        taken: str | Waiting,
        verdict: Verdict,
        answer: Answer,
        sent_s: float,
        now_s: float,
        *,
        is_last: bool,
    ) -> None:
        """Decide what an answer leads to.

        ``is_last`` says that no other request is in flight and no fresh ID will come.
        """
        meaning = verdict.meaning
        if meaning is Meaning.DELETED or meaning is Meaning.GONE or meaning is Meaning.FAILED:
            self._transients.good(sent_s)
            if self._guard.held_for is not None and isinstance(taken, str):
                self._retries.went_well(sent_s)
        if meaning is Meaning.DELETED and isinstance(taken, str):
            self._retries.budget.earn()
            self._recorder.end_deleted(taken, answer, sent_s, now_s)
        elif meaning is Meaning.DELETED or meaning is Meaning.GONE:
            self._retries.budget.earn()
            self._recorder.end(taken, Outcome(meaning.value), verdict, answer, sent_s, now_s)
            self._doubt_gone(taken, now_s)
        elif meaning is Meaning.FAILED:
            self._guard.failed()
            self._recorder.end(taken, Outcome.FAILED, verdict, answer, sent_s, now_s)
        elif meaning is Meaning.REFUSED:
            self._refused(_as_waiting(taken), verdict, answer, sent_s, now_s)
        elif meaning.is_fatal:
            self._fatal(_as_waiting(taken), verdict, answer, sent_s, now_s)
        else:
            suspect = Suspect(_as_waiting(taken), verdict, answer, sent_s, now_s)
            self._transients.settle(suspect, is_last=is_last)
        if self.accused.held is not None:
            self.accused.told()

    def unanswered(
        self,
        taken: str | Waiting,
        error: TransportError,
        sent_s: float,
        now_s: float,
        *,
        is_last: bool,
    ) -> None:
        """Decide what a request without an answer leads to."""
        waiting = _as_waiting(taken)
        if isinstance(error, EndpointError):
            verdict = Verdict(Meaning.ENDPOINT, message=str(error))
            self._stop_or_ask_again(Suspect(waiting, verdict, None, sent_s, now_s))
        else:
            self._transients.lost(waiting, error, sent_s, now_s, is_last=is_last)
        self.accused.told()

    # -- not ended yet ----------------------------------------------------------------

    def _refused(
        self, waiting: Waiting, verdict: Verdict, answer: Answer, sent_s: float, now_s: float
    ) -> None:
        """Send an ID again when the provider may take it."""
        self._guard.refused(now_s, verdict)
        waiting.refusals += 1
        wait_s = self._retry.wait_s(
            verdict, transients=waiting.transients, refusals=waiting.refusals
        )
        if wait_s is None:
            self._recorder.end(waiting, Outcome.FAILED, verdict, answer, sent_s, now_s)
        else:
            self._retries.put_back(waiting, now_s + wait_s)

    def _fatal(
        self, waiting: Waiting, verdict: Verdict, answer: Answer, sent_s: float, now_s: float
    ) -> None:
        """Settle an answer that would hit every ID: unknown words are compared first."""
        if (
            verdict.unread
            and self._comparer is not None
            and self._guard.asks_again(waiting.object_id)
        ):
            self.inquiry = self._comparer.begin(waiting.object_id, answer, sent_s)
        if self.inquiry is None:
            self._stop_or_ask_again(Suspect(waiting, verdict, answer, sent_s, now_s))
        else:
            self._retries.keep_for_probe(waiting)
            self._go_on(now_s)

    def _stop_or_ask_again(self, suspect: Suspect) -> None:
        """Keep an ID whose answer would hit every ID; the guard may ask it once more, then others.

        A 2xx may have deleted something that nobody named, and an address that cannot be reached
        is the same for all: then no other ID is sent there.
        """
        waiting, verdict, answer, _, now_s = suspect
        self._guard.fatal(
            now_s,
            waiting.object_id,
            verdict,
            ended=self._recorder.ended,
            others_tell=answer is not None and answer.status >= 300,
        )
        accusation = self._guard.accusation
        if self._guard.probe_id == waiting.object_id:
            self._retries.keep_for_probe(waiting)
        elif accusation is not None and accusation.object_id == waiting.object_id:
            self.accused.held = suspect
        else:
            self._retries.put_back(waiting, now_s)

    # -- an inquiry -------------------------------------------------------------------

    def look(self, ids: Sequence[str], *, may_come: bool) -> None:
        """Look for objects among IDs that are still to do, if that is still needed.

        ``may_come`` says that there may be others later, if there are none now.
        """
        get = self._lane.resource.get
        if not self._recorder.doubts_gone:  # an object has shown itself meanwhile
            self._guard.shown()
        elif get is None or not (ids or may_come):
            self._recorder.stop_gone()
        elif ids:
            self.inquiry = Look(ids, get)

    def _doubt_gone(self, taken: str | Waiting, now_s: float) -> None:
        """Look for objects if too many are gone; stop if that one is which was just seen."""
        if taken == self.proof_id and self._recorder.doubts_gone:
            self._recorder.stop_gone(f"; a GET shows {taken}, and its deletion calls it gone")
        elif self._recorder.doubts_gone:
            self._guard.look(now_s)

    def inquiry_answered(
        self, question: Question, verdict: Verdict, answer: Answer, sent_s: float, now_s: float
    ) -> None:
        """Take the answer to the question of the inquiry, or for the ID that is known."""
        if self.inquiry is None:
            self.accused.known_answered(question.object_id, verdict, answer, sent_s, now_s)
        elif self._comparer is not None:
            self.inquiry.answered(verdict, self._comparer.masked(answer), now_s)
            self._go_on(now_s)

    def inquiry_unanswered(self, question: Question, error: TransportError, now_s: float) -> None:
        """Take it that no answer came."""
        if self.inquiry is None:
            self.accused.known_lost(question.object_id, str(error), now_s)
        else:
            hopeless = isinstance(error, EndpointError)
            self.inquiry.unanswered(str(error), now_s, hopeless=hopeless)
            self._go_on(now_s)

    def _go_on(self, now_s: float) -> None:
        """Act on an inquiry that is settled."""
        ended = self.inquiry
        if ended is None or ended.question is not None:
            return
        self.inquiry = None
        if isinstance(ended, Look):
            self._end_look(ended, now_s)
        else:
            self._end_comparison(ended, now_s)

    def _end_look(self, ended: Look, now_s: float) -> None:
        """Believe what was held back, or stop the lane."""
        if ended.shown is not None and self._guard.has_deleted:
            self._recorder.seen(now_s)
            self._guard.shown()
            self._keep(ended.shown)
        elif ended.shown is not None:
            self.proof_id = ended.shown
        else:
            what = f", nor do {ended.looked:,} others that are still to do ({ended.what})"
            self._recorder.stop_gone(what)

    def _end_comparison(self, ended: Comparison, now_s: float) -> None:
        """End the ID of a comparison as gone, or stop the lane."""
        waiting = self._retries.take_probe()
        verdict = self._lane.resource.delete.judge(ended.object_id, ended.answer)
        if self._comparer is not None and ended.why_not is not None:
            self._comparer.distrust(ended)
        if ended.why_not is None and self._comparer is not None:
            self._comparer.remember(ended)
            self._note(f"lane {self._lane.name}: unknown words found out: {ended.message}")
            verdict = self.read(ended.object_id, ended.answer, verdict)
            self._recorder.end(waiting, Outcome.GONE, verdict, ended.answer, ended.sent_s, now_s)
            self._doubt_gone(waiting, now_s)
        else:
            verdict = replace(verdict, code=None, message=ended.message)
            answer = None if ended.discredits else ended.answer
            self._stop_or_ask_again(Suspect(waiting, verdict, answer, ended.sent_s, now_s))


def _as_waiting(taken: str | Waiting) -> Waiting:
    return Waiting(taken) if isinstance(taken, str) else taken
