"""What workers had logged before they were lost: done by this command, though the next worker skips it.

Without it the summary would add up, but call skipped what was deleted by this very command.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bulkdel.models import Counts, Outcome
from bulkdel.result_log.folder import epoch_logs
from bulkdel.result_log.index import Index


def lost_counts(folder: Path, began: int, epoch: int) -> dict[str, dict[Outcome, int]]:
    """Return what workers of this command have logged of a part before they were lost, by lane.

    ``began`` is the epoch of the command's own log, ``epoch`` that of the part's last worker.
    What the next worker tries again is not among it.
    """
    found: dict[str, dict[Outcome, int]] = {}
    for log in epoch_logs(folder):
        if log.is_run or not began < log.epoch < epoch:
            continue
        for name, facts in Index().read(log.path).lanes.items():
            lane = found.setdefault(name, {})
            again = {Outcome.FAILED: facts.retryable, Outcome.GONE: facts.doubted}
            for outcome, number in facts.counts.items():
                lane[outcome] = lane.get(outcome, 0) + number - again.get(outcome, 0)
    return found


def with_lost(counts: Counts, lost: Mapping[Outcome, int] | None) -> Counts:
    """Return the counts of a part with what lost workers had logged: they are not skipped but done."""
    if not lost:
        return counts
    failed, invalid = lost.get(Outcome.FAILED, 0), lost.get(Outcome.INVALID, 0)
    return replace(
        counts,
        skipped=counts.skipped - sum(lost.values()),
        skipped_failed=max(0, counts.skipped_failed - failed - invalid),
        deleted=counts.deleted + lost.get(Outcome.DELETED, 0),
        gone=counts.gone + lost.get(Outcome.GONE, 0),
        failed=counts.failed + failed,
        invalid=counts.invalid + invalid,
    )
