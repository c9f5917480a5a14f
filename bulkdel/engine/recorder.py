"""The end of an ID's way: make its result, and write it or hold it back.

    result ──believed──> sink
       └────doubted───> held back until the lane's guard believes it, or dropped

Two kinds of results are doubted, because wrong ones would do harm: "gone" until a later request
has shown an object (the wrong account? an empty replica?), and a permanent failure while
nothing has gone well (the wrong API?). They are few, stay in memory, and are still to do
if the lane stops or the process ends.

A lane that comes to its end without a deletion in its log writes its few "gone" as ``doubted``:
the next run asks for them again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from bulkdel.engine.retry_queue import Waiting
from bulkdel.engine.sink import Sink
from bulkdel.guards import DeleteBudget, FailureBudget, LaneGuard, Stop, StopCause
from bulkdel.guards.lane_guard import FAILED_FIRST_MAX
from bulkdel.models import Answer, Counts, Meaning, Outcome, Result, Verdict


def _unheard(_text: str) -> None:
    pass


@dataclass(slots=True)
class RunControl:
    """What the lanes of one run share.

    Attributes:
        deletes: Most deletions of the run.
        failures: Most failures of the run.
        stop_run: Called when the whole run must stop.
        break_off: Called with what nobody expected; it must stop then, too.
        note: Called with what a person should know, a sentence.
    """

    deletes: DeleteBudget
    failures: FailureBudget
    stop_run: Callable[[Stop], None]
    break_off: Callable[[Exception], None]
    note: Callable[[str], None] = _unheard


class Recorder:
    """Ends the IDs of one lane.

    Args:
        lane: Name of the lane.
        sink: Where results go.
        guard: Says what is believed, and is told what comes.
        control: The limits of the run.
        counts: Counts of the lane.
        wall_clock: Seconds since 1970, for the log.
    """

    def __init__(
        self,
        lane: str,
        *,
        sink: Sink,
        guard: LaneGuard,
        control: RunControl,
        counts: Counts,
        wall_clock: Callable[[], float],
    ) -> None:
        self._lane = lane
        self._sink = sink
        self._guard = guard
        self._control = control
        self._counts = counts
        self._wall_clock = wall_clock
        self._gone = guard.gone
        self._doubted_gone: deque[tuple[float, Result]] = deque()
        """With the time when its request left."""
        self._doubted_failed: list[Result] = []
        self.deleted_id: str | None = None
        """The ID that was deleted last in this run."""

    @property
    def limits_deletes(self) -> bool:
        """Whether ``--max-delete`` is given: every ID on its way has one of its places."""
        return not self._control.deletes.unlimited

    @property
    def ended(self) -> int:
        """IDs of the lane that have ended in this run."""
        return self._counts.ended

    @property
    def doubts_gone(self) -> bool:
        """Whether so much is gone in a row that somebody must look for objects."""
        return self._gone.is_unlikely

    def end(
        self,
        taken: str | Waiting,
        outcome: Outcome,
        verdict: Verdict,
        answer: Answer | None,
        sent_s: float,
        now_s: float,
    ) -> None:
        """End an ID: write its result, or hold it back while it is not believed."""
        result = self._result(taken, outcome, verdict, answer, now_s - sent_s)
        unknown = not isinstance(taken, str) and taken.unknown
        if not self._control.deletes.unlimited:
            # After a lost answer nobody knows whose deletion it was: it counts as ours.
            self._control.deletes.release(deleted=outcome is Outcome.DELETED or unknown)
        if outcome is Outcome.FAILED:
            self._end_badly(result, now_s)
            return
        self._guard.good(deleted=outcome is Outcome.DELETED)
        if outcome is Outcome.DELETED:
            self._write(result)
            self.seen(sent_s)
        elif self._gone.believes(sent_s):
            self._write(result)
        else:
            self._doubted_gone.append((sent_s, result))
        if self._doubted_failed:
            self._believe_failed()

    def end_deleted(self, object_id: str, answer: Answer, sent_s: float, now_s: float) -> None:
        """End an ID that was deleted at its first attempt: the usual case, for less.

        The same as `end`, without the `Result` that only others need.
        """
        deletes = self._control.deletes
        if not deletes.unlimited:
            deletes.release(deleted=True)
        self._guard.good(deleted=True)
        self.deleted_id = object_id
        self._counts.deleted += 1
        self._sink.append_deleted(
            object_id, self._lane, answer.received_s or self._wall_clock(), (now_s - sent_s) * 1000
        )
        self._control.failures.note(failed=False)
        self._gone.seen(sent_s)
        if self._doubted_gone:
            self._believe_gone(sent_s)
        if self._doubted_failed:
            self._believe_failed()

    def seen(self, sent_s: float) -> None:
        """Note that a request that left at ``sent_s`` has shown an object."""
        self._gone.seen(sent_s)
        self._believe_gone(sent_s)

    def _believe_gone(self, sent_s: float) -> None:
        doubted = self._doubted_gone
        while doubted and doubted[0][0] < sent_s:
            self._write(doubted.popleft()[1])

    def finish(self) -> None:
        """End a lane that has come to its end: write what is held back, if it is likely."""
        if self.doubts_gone:
            self.stop_gone()
        else:
            self._write_gone(final=self._gone.is_proven)
            self._believe_failed()

    def finish_early(self) -> None:
        """End a lane before its end: write what is held back, if it is likely and proven now."""
        if self._guard.has_deleted and not self.doubts_gone:
            self._write_gone(final=True)

    def _write_gone(self, *, final: bool) -> None:
        for _, result in self._doubted_gone:
            self._write(result if final else replace(result, doubted=True))
        self._doubted_gone.clear()

    def left_unknown(self) -> list[str]:
        """Return the IDs whose doubted results were dropped and may have been our deletions."""
        return [result.object_id for _, result in self._doubted_gone if result.after_unknown]

    def stop_gone(self, looked: str = "") -> None:
        """Stop the lane: so many are gone in a row, and nothing shows that it is true."""
        self._guard.all_gone(len(self._doubted_gone), looked=looked)

    def _end_badly(self, result: Result, now_s: float) -> None:
        if result.retryable or not self._guard.doubts_failed:
            self._write(result)
            return
        self._doubted_failed.append(result)
        if len(self._doubted_failed) >= FAILED_FIRST_MAX:
            self._guard.all_failed(now_s, result.error or f"HTTP {result.status}")

    def _believe_failed(self) -> None:
        for result in self._doubted_failed:
            self._write(result)
        self._doubted_failed.clear()

    def _write(self, result: Result) -> None:
        self._counts.add(result.outcome)
        if result.outcome is Outcome.GONE:
            self._counts.after_unknown += result.after_unknown
        self._counts.doubted += result.doubted
        self._sink.append(result)
        failures = self._control.failures
        failures.note(failed=result.outcome is Outcome.FAILED)
        if failures.exceeded:
            self._control.stop_run(
                Stop(
                    StopCause.MAX_FAILURES,
                    None,
                    f"{failures.failed:,} of {failures.ended:,} IDs failed,"
                    " more than --max-failures allows",
                    "See `bulkdel failed LOG`, then start again: the log resumes",
                )
            )

    def _result(
        self,
        taken: str | Waiting,
        outcome: Outcome,
        verdict: Verdict,
        answer: Answer | None,
        took_s: float,
    ) -> Result:
        waiting = None if isinstance(taken, str) else taken
        deleted = outcome is Outcome.DELETED
        failed = outcome is Outcome.FAILED
        return Result(
            object_id=taken if isinstance(taken, str) else taken.object_id,
            lane=self._lane,
            outcome=outcome,
            status=answer.status if answer is not None else None,
            attempts=1 if waiting is None else waiting.requests,
            at_s=self._wall_clock(),
            ms=took_s * 1000,
            retryable=failed and verdict.meaning is not Meaning.FAILED,
            after_unknown=not deleted and waiting is not None and waiting.unknown,
            evidence=verdict.evidence,
            code=None if deleted else verdict.code,
            error=verdict.message if failed else None,
            request_id=None if deleted else verdict.request_id,
        )
