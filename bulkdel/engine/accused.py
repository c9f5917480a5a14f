"""The ID that may fail alone, while other IDs are asked; and one that must be gone, to tell.

    hold ──another ID goes well──> failed
      └────the lane stops──> back to the retry queue: it is still to do

Where no fresh ID is left, one that this run has deleted is asked for again. That deletes nothing,
and tells whether the provider is down (server errors for all IDs left), or refuses everything.

Not here: when to stop (`guards.alone`), which ID is asked (`lane`).
"""

from __future__ import annotations

from collections.abc import Callable

from bulkdel.engine.inquiry import Question
from bulkdel.engine.recorder import Recorder
from bulkdel.engine.retry_queue import RetryQueue
from bulkdel.engine.suspects import Suspect
from bulkdel.guards import LaneGuard
from bulkdel.models import Answer, Meaning, Outcome, Verdict
from bulkdel.providers import Operation, likeness
from bulkdel.providers.rules import NOT_FOUND


class Accused:
    """The accused ID of one lane, if there is one, and the ID that is known to be gone.

    Args:
        delete: The deletion.
        guard: Decides.
        recorder: Where the ID ends, and which was deleted last.
        retries: Where it waits when the lane stops.
        read: What an answer means, with what is known in this run.
    """

    def __init__(
        self,
        delete: Operation,
        *,
        guard: LaneGuard,
        recorder: Recorder,
        retries: RetryQueue,
        read: Callable[[str, Answer, Verdict], Verdict],
    ) -> None:
        self.held: Suspect | None = None
        self._delete = delete
        self._guard = guard
        self._recorder = recorder
        self._retries = retries
        self._read = read

    def told(self) -> None:
        """End the accused ID if it has failed alone; if the lane stops, it is still to do."""
        if self.held is None or self._guard.accusation is not None:
            return
        if self._guard.stop is not None:
            self.drop()
            return
        (waiting, verdict, answer, sent_s, failed_s), self.held = self.held, None
        self._recorder.end(waiting, Outcome.FAILED, verdict, answer, sent_s, failed_s)

    def drop(self) -> None:
        """Give the ID back: it is still to do."""
        if self.held is not None:
            self._retries.put_back(self.held.waiting, self.held.now_s)
            self.held = None

    def no_other(self) -> None:
        """Take it that there is no other ID that could be asked."""
        self._guard.no_other()
        self.told()

    # -- an ID that must be gone -------------------------------------------------------

    def ask_known(self) -> Question | None:
        """Return the question for an ID that this run has deleted, or None if there is none."""
        known_id = self._recorder.deleted_id
        if known_id is None:
            return None
        return Question("DELETE of a deleted ID", self._delete, known_id)

    def known_answered(
        self, known_id: str, verdict: Verdict, answer: Answer, sent_s: float, now_s: float
    ) -> None:
        """Take the answer: it is well if it says that the ID is gone, in whatever words."""
        verdict = self._read(known_id, answer, verdict)
        is_gone = answer.status in NOT_FOUND and not self._is_like(known_id, answer)
        if is_gone or verdict.meaning in (Meaning.DELETED, Meaning.GONE):
            self._retries.went_well(sent_s)
            self._guard.works()
        elif verdict.meaning is Meaning.REFUSED:
            self._guard.refused(now_s, verdict)
        elif self._guard.accusation is not None and verdict.meaning is not Meaning.TRANSIENT:
            self._guard.failed()
        else:
            self.known_lost(known_id, verdict.message or f"HTTP {answer.status}", now_s)
        self.told()

    def known_lost(self, known_id: str, reason: str, now_s: float) -> None:
        """Take it that no answer came, or one that says nothing."""
        self._guard.transient(now_s, known_id, reason, exhausted=False)

    def _is_like(self, known_id: str, answer: Answer) -> bool:
        """Whether a deleted ID is answered as the accused is: that may be any ID's answer then."""
        if self.held is None or self.held.answer is None:
            return self._guard.accusation is not None
        accused = likeness.said(self.held.waiting.object_id, self._delete, self.held.answer)
        return likeness.said(known_id, self._delete, answer) == accused
