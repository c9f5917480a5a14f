"""The end of an ID's way: make its result, and write it or hold it back.

    result ──believed──> sink
       └────doubted───> held back until the lane's guard believes it, or dropped

Two kinds of results are doubted at the start of a lane, because wrong ones would do harm:
"gone" while nothing was deleted (the wrong account?), and a permanent failure while
nothing has gone well (the wrong API?). They are few, stay in memory, and are still to do
if the lane stops or the process ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bulkdel.engine.retry_queue import Waiting
from bulkdel.engine.sink import Sink
from bulkdel.guards import DeleteBudget, FailureBudget, LaneGuard, Stop, StopCause
from bulkdel.guards.lane_guard import FAILED_FIRST_MAX
from bulkdel.models import Answer, Counts, Meaning, Outcome, Result, Verdict


@dataclass(slots=True)
class RunControl:
    """What the lanes of one run share.

    Attributes:
        deletes: Most deletions of the run.
        failures: Most failures of the run.
        stop_run: Called when the whole run must stop.
        break_off: Called with what nobody expected; it must stop then, too.
    """

    deletes: DeleteBudget
    failures: FailureBudget
    stop_run: Callable[[Stop], None]
    break_off: Callable[[Exception], None]


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
        self._doubted_gone: list[Result] = []
        self._doubted_failed: list[Result] = []

    def end(
        self,
        taken: str | Waiting,
        outcome: Outcome,
        verdict: Verdict,
        answer: Answer | None,
        took_s: float,
    ) -> None:
        """End an ID: write its result, or hold it back while it is not believed."""
        result = self._result(taken, outcome, verdict, answer, took_s)
        unknown = not isinstance(taken, str) and taken.unknown
        if not self._control.deletes.unlimited:
            # After a lost answer nobody knows whose deletion it was: it counts as ours.
            self._control.deletes.release(deleted=outcome is Outcome.DELETED or unknown)
        if outcome is Outcome.FAILED:
            self._end_badly(result)
        else:
            self._end_well(result)

    def end_deleted(self, object_id: str, answer: Answer, took_s: float) -> None:
        """End an ID that was deleted at its first attempt: the usual case, for less.

        The same as `end`, without the `Result` that only others need.
        """
        deletes = self._control.deletes
        if not deletes.unlimited:
            deletes.release(deleted=True)
        self._guard.good(deleted=True)
        if self._doubted_failed or self._doubted_gone:
            self.believe_all()
        self._counts.deleted += 1
        self._sink.append_deleted(
            object_id, self._lane, answer.received_s or self._wall_clock(), took_s * 1000
        )
        self._control.failures.note(failed=False)

    def believe_all(self) -> None:
        """Write what is held back: the lane has come to its end and nothing spoke against it."""
        self._believe(self._doubted_gone)
        self._believe(self._doubted_failed)

    def _end_well(self, result: Result) -> None:
        deleted = result.outcome is Outcome.DELETED
        self._guard.good(deleted=deleted)
        if self._doubted_failed:
            self._believe(self._doubted_failed)
        if not deleted and self._guard.doubts_gone:
            self._doubted_gone.append(result)
            if len(self._doubted_gone) >= self._guard.gone_most:
                self._guard.all_gone()
            return
        self._write(result)
        if self._doubted_gone:
            self._believe(self._doubted_gone)

    def _end_badly(self, result: Result) -> None:
        if result.retryable or not self._guard.doubts_failed:
            self._write(result)
            return
        self._doubted_failed.append(result)
        if len(self._doubted_failed) >= FAILED_FIRST_MAX:
            self._guard.all_failed(result.error or f"HTTP {result.status}")

    def _believe(self, results: list[Result]) -> None:
        for result in results:
            self._write(result)
        results.clear()

    def _write(self, result: Result) -> None:
        self._counts.add(result.outcome)
        self._counts.after_unknown += result.after_unknown
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
            after_unknown=outcome is Outcome.GONE and waiting is not None and waiting.unknown,
            code=None if deleted else verdict.code,
            error=verdict.message if failed else None,
            request_id=None if deleted else verdict.request_id,
        )
