"""What a server error or a lost answer leads to: another attempt, or the end of the ID.

    transient ──an attempt is left──> RetryQueue
        └──none is left──> failed, if the provider works for others; else held as a suspect

What holds here, always:

1. While the provider seems to be down no ID fails for it, and no attempt counts.
2. What fails although others go well gets its attempts and no more.

Not here: what is an outage (`guards`), who is suspected (`suspects`), when to try again (`retry`).
"""

from __future__ import annotations

from dataclasses import replace

from bulkdel.engine.recorder import Recorder
from bulkdel.engine.retry_queue import RetryQueue, Waiting
from bulkdel.engine.suspects import Suspect, Suspects
from bulkdel.errors import NoAnswerError, TransportError
from bulkdel.guards import LaneGuard
from bulkdel.models import Meaning, Outcome, Verdict
from bulkdel.retry import RetryPolicy


class Transients:
    """The transient failures of one lane.

    Args:
        attempts_max: Requests for one ID at most, refused ones not counted.
        guard: Says what is an outage.
        recorder: Where IDs end.
        retries: Where they wait for another attempt.
        retry: When to try again.
    """

    def __init__(
        self,
        attempts_max: int,
        *,
        guard: LaneGuard,
        recorder: Recorder,
        retries: RetryQueue,
        retry: RetryPolicy,
    ) -> None:
        self._attempts_max = attempts_max
        self._guard = guard
        self._recorder = recorder
        self._retries = retries
        self._retry = retry
        self._suspects = Suspects()

    def good(self, sent_s: float) -> None:
        """Note that a request that left at ``sent_s`` went well."""
        suspects = self._suspects
        if sent_s > suspects.good_s:
            suspects.good_s = sent_s
        if suspects.held:
            for suspect in suspects.take_guilty():
                self.give_up(suspect)

    def finish(self) -> None:
        """Give up the suspects: nothing is left that could tell."""
        for suspect in self._suspects.take_all():
            self.give_up(suspect)

    def drop(self) -> None:
        """Give the suspects back: they are still to do, and some may be deleted already."""
        for suspect in self._suspects.take_all():
            self._retries.put_back(suspect.waiting, suspect.now_s)

    def give_up(self, suspect: Suspect) -> None:
        """End an ID as failed, by the last that was heard of it."""
        waiting, verdict, answer, sent_s, now_s = suspect
        self._recorder.end(waiting, Outcome.FAILED, verdict, answer, sent_s, now_s)

    def lost(
        self,
        waiting: Waiting,
        error: TransportError,
        sent_s: float,
        now_s: float,
        *,
        is_last: bool,
    ) -> None:
        """Settle a request whose answer did not come."""
        waiting.unknown = waiting.unknown or isinstance(error, NoAnswerError)
        verdict = Verdict(Meaning.TRANSIENT, message=str(error))
        self.settle(Suspect(waiting, verdict, None, sent_s, now_s), is_last=is_last)

    def settle(self, suspect: Suspect, *, is_last: bool) -> None:
        """Send an ID again later, or give it up if it alone is the trouble.

        ``is_last`` says that no other request is in flight and no fresh ID will come.
        """
        waiting, verdict, answer, sent_s, now_s = suspect
        waiting.transients += 1
        if waiting.transients == 1:
            waiting.troubled_s = sent_s
        if answer is not None and (answer.status >= 500 or answer.status < 300):
            waiting.unknown = True  # it may have been carried out nevertheless
        wait_s = self._retry.wait_s(
            verdict, transients=waiting.transients, refusals=waiting.refusals
        )
        give_up = self._guard.transient(
            now_s,
            waiting.object_id,
            _words(suspect),
            exhausted=wait_s is None,
            none_left=is_last and self._is_none_left(waiting),
            alone=waiting.alone,
        )
        if self._guard.gives_up:
            words = f"given up in an outage: {_words(suspect)}"
            outage = replace(verdict, code=None, message=words, request_id=None)
            for other in self._retries.take_all():  # what came is the answer to another one
                self.give_up(suspect._replace(waiting=other, verdict=outage, answer=None))
        if self._guard.gives_up or (give_up and self._is_guilty(waiting)):
            self.give_up(suspect)
        elif give_up:
            self._suspects.add(suspect)
        else:
            if self._guard.held_for is not None:  # the provider's fault, not the ID's
                waiting.transients -= 1
                self._send_again(self._suspects.take_all(), now_s)
            if self._guard.probe_id == waiting.object_id:
                self._retries.keep_for_probe(waiting)
            else:
                self._retries.put_back(waiting, now_s + (wait_s or 0.0))

    def _is_guilty(self, waiting: Waiting) -> bool:
        """Whether an ID without an attempt left is given up at once, not held as a suspect.

        With ``--max-delete`` it is: a suspect would keep the place that another ID needs to tell.
        """
        return self._recorder.limits_deletes or self._suspects.is_guilty(waiting)

    def _send_again(self, suspects: list[Suspect], now_s: float) -> None:
        for suspect in suspects:
            suspect.waiting.transients -= 1
            self._retries.put_back(suspect.waiting, now_s)

    def _is_none_left(self, waiting: Waiting) -> bool:
        """Whether all IDs that wait have been tried as often as any may be."""
        if self._guard.held_for is None:
            return False
        most = self._attempts_max
        return all(
            each.requests - each.refusals >= most for each in (waiting, *self._retries.everyone())
        )


def _words(suspect: Suspect) -> str:
    """Return what was heard of it."""
    answer = suspect.answer
    return suspect.verdict.message or (f"HTTP {answer.status}" if answer else "no answer")
